/** `tocsin score`: alerts of an earlier replay against the truth of their dataset. */
import { openDataset } from '../../dataset/read.ts';
import { TocsinError } from '../../base/errors.ts';
import { type ReplayedRule, readReplays } from '../../replay/output.ts';
import { comparisonReports } from '../../report/comparison.ts';
import { scoreReport } from '../../report/json.ts';
import { readRuleText } from '../../rules/compile.ts';
import { loadRule, type Rule } from '../../rules/rule.ts';
import { compareRules } from '../../score/compare.ts';
import { detectionParts } from '../../score/detection-parts.ts';
import { score as scoreRule } from '../../score/score.ts';
import { Gate, type GateFlags, namesIn } from '../gate.ts';
import { printScore } from '../scoreboard.ts';
import type { Terminal } from '../terminal.ts';

export interface ScoreFlags extends GateFlags {
  readonly alerts: string;
  /** Files of the rules that raised the alerts. */
  readonly rule?: readonly string[];
}

export async function score(location: string, flags: ScoreFlags, terminal: Terminal): Promise<void> {
  const dataset = await openDataset(location);
  const truth = await dataset.truth();
  const files = flags.rule ?? [];
  const gate = Gate.prepare(flags, namesIn(truth), { scenario: [], rules: files });
  const replays = await readReplays(flags.alerts);
  const fileOf = pairRules(
    files,
    replays.map(({ rule }) => rule),
    flags.alerts,
  );
  const rules = replays.map(({ rule, result }) => {
    const started = performance.now();
    const scored = scoreRule(result, rule.name, truth, dataset.manifest);
    const known = fileOf.get(rule);
    const parts = known && detectionParts(result, truth, known.rule);
    const seconds = (performance.now() - started) / 1000;
    return {
      ...scored,
      ...(parts && { timeToDetectPartsMs: parts }),
      file: known?.file ?? null,
      seconds: { generate: null, replay: null, score: seconds },
    };
  });
  const pairs = compareRules(
    rules.map((each, index) => ({ score: each, result: replays[index]!.result })),
    truth,
  );
  const report = gate.judge(scoreReport(dataset.manifest, rules, comparisonReports(pairs, rules)));
  await printScore(report, truth, location, terminal, gate);
}

/**
 * The file of each rule that one was given for: the one with its id, else with its name.
 *
 * @throws {@link TocsinError} `USAGE` for every file of a rule that has no alerts here; `RULE` or `INPUT` as the files say.
 */
function pairRules(
  files: readonly string[],
  replayed: readonly ReplayedRule[],
  alerts: string,
): ReadonlyMap<ReplayedRule, { readonly file: string; readonly rule: Rule }> {
  const pairs = new Map<ReplayedRule, { readonly file: string; readonly rule: Rule }>();
  const strangers: string[] = [];
  for (const file of files) {
    const { rule } = loadRule(readRuleText(file), file);
    const found =
      replayed.find(({ id }) => id !== undefined && id === rule.id) ?? replayed.find(({ name }) => name === rule.name);
    if (found) pairs.set(found, { file, rule });
    else strangers.push(file);
  }
  if (strangers.length > 0) {
    throw new TocsinError(
      'USAGE',
      strangers.map((file) => ({
        message: `--rule ${file}: ${alerts} holds no replay of this rule`,
        hint: `it holds ${replayed.map(({ name }) => `"${name}"`).join(', ')}`,
      })),
    );
  }
  return pairs;
}
