/** `tocsin score`: alerts of an earlier replay against the truth of their dataset. */
import { openDataset } from '../../dataset/read.ts';
import type { TruthIncident } from '../../dataset/truth.ts';
import { readReplays } from '../../replay/output.ts';
import { comparisonReports } from '../../report/comparison.ts';
import { scoreReport } from '../../report/json.ts';
import { compareRules } from '../../score/compare.ts';
import type { PlantedNames } from '../../score/expectations.ts';
import { score as scoreRule } from '../../score/score.ts';
import { Gate, type GateFlags } from '../gate.ts';
import { printScore } from '../scoreboard.ts';
import type { Terminal } from '../terminal.ts';

export interface ScoreFlags extends GateFlags {
  readonly alerts: string;
}

export async function score(location: string, flags: ScoreFlags, terminal: Terminal): Promise<void> {
  const dataset = await openDataset(location);
  const truth = await dataset.truth();
  const gate = Gate.prepare(flags, namesIn(truth));
  const replays = await readReplays(flags.alerts);
  const rules = replays.map(({ rule, result }) => {
    const started = performance.now();
    const scored = scoreRule(result, rule.name, truth, dataset.manifest);
    const seconds = (performance.now() - started) / 1000;
    return { ...scored, file: null, seconds: { generate: null, replay: null, score: seconds } };
  });
  const pairs = compareRules(
    rules.map((each, index) => ({ score: each, result: replays[index]!.result })),
    truth,
  );
  const report = gate.judge(scoreReport(dataset.manifest, rules, comparisonReports(pairs, rules)));
  await printScore(report, truth, location, terminal, gate);
}

/** What was planted, by name. */
function namesIn(truth: readonly TruthIncident[]): PlantedNames {
  const chains = new Map<string, string[]>();
  const lookalikes = new Set<string>();
  for (const { kind, scenario, variant } of truth) {
    if (kind === 'lookalike') lookalikes.add(scenario);
    else chains.set(scenario, [...new Set([...(chains.get(scenario) ?? []), variant])]);
  }
  return { chains, lookalikes: [...lookalikes] };
}
