/** `tocsin score`: alerts of an earlier replay against the truth of their dataset. */
import { openDataset } from '../../dataset/read.ts';
import { readReplays } from '../../replay/output.ts';
import { comparisonReports } from '../../report/comparison.ts';
import { scoreReport } from '../../report/json.ts';
import { compareRules } from '../../score/compare.ts';
import { score as scoreRule } from '../../score/score.ts';
import { printScore } from '../scoreboard.ts';
import type { Terminal } from '../terminal.ts';

export async function score(location: string, options: { alerts: string }, terminal: Terminal): Promise<void> {
  const dataset = await openDataset(location);
  const truth = await dataset.truth();
  const replays = await readReplays(options.alerts);
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
  const report = scoreReport(dataset.manifest, rules, comparisonReports(pairs, rules));
  await printScore(report, truth, location, terminal);
}
