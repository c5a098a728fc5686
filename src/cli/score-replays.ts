/** Scores replays of one dataset, asks which clauses lost what was missed, and sets the rules side by side. */
import type { Dataset } from '../dataset/read.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { comparisonReports } from '../report/comparison.ts';
import type { HtmlReport } from '../report/html.ts';
import { type RuleReport, type ScoreReport, scoreReport } from '../report/json.ts';
import { compareRules } from '../score/compare.ts';
import { detectionParts } from '../score/detection-parts.ts';
import { hasIntent, type Intended, judgeIntent, scoreIntent } from '../score/intent.ts';
import { score } from '../score/score.ts';
import { type Explanation, lossesOf } from '../why/explanation.ts';
import { missedEvents, whyNot } from '../why/why.ts';
import type { TimedReplay } from './commands/replay.ts';
import { schedulesOf } from './commands/schedule.ts';
import type { Terminal } from './terminal.ts';

export interface ScoreReplaysOptions {
  /** How long the dataset took to generate; null where it was there. */
  readonly generateSeconds: number | null;
  /** Also say what the rules' schedules lose and repeat. */
  readonly schedule: boolean;
  readonly signal: AbortSignal;
}

export interface ScoredReplays {
  readonly report: ScoreReport;
  /** Of the missed events, by rule; undefined for a rule that read too much. */
  readonly explanations: readonly (readonly Explanation[] | undefined)[];
}

export async function scoreReplays(
  dataset: Dataset,
  truth: readonly TruthIncident[],
  replays: readonly TimedReplay[],
  { generateSeconds, schedule, signal }: ScoreReplaysOptions,
  terminal: Terminal,
): Promise<ScoredReplays> {
  const reports: RuleReport[] = [];
  const explanations: (readonly Explanation[] | undefined)[] = [];
  for (const replay of replays) {
    const report = scored(replay, truth, dataset, generateSeconds);
    const explained = await explain(replay, truth, dataset, terminal, signal);
    const missed = report.perScenario.flatMap((chain) => chain.missed);
    const losses = explained && lossesOf(explained, truth, missed);
    const intended = await judge(replay, dataset, signal);
    const intent = intended && scoreIntent(replay.result, truth, intended);
    const schedules = schedule ? schedulesOf(dataset, replay.compiled, truth) : undefined;
    reports.push({ ...report, ...(losses && { losses }), ...(intent && { intent }), ...(schedules && { schedules }) });
    explanations.push(explained);
  }
  const pairs = compareRules(
    reports.map((each, index) => ({ score: each, result: replays[index]!.result })),
    truth,
  );
  return { report: scoreReport(dataset.manifest, reports, comparisonReports(pairs, reports)), explanations };
}

/** @param location - where the dataset stays; undefined where it is thrown away. */
export function htmlReportOf(
  { report, explanations }: ScoredReplays,
  truth: readonly TruthIncident[],
  replays: readonly TimedReplay[],
  location: string | undefined,
): HtmlReport {
  const rules = replays.map(({ compiled, result }, index) => ({
    rule: compiled,
    result,
    explanations: explanations[index],
  }));
  return { score: report, truth, rules, dataset: location };
}

function scored(
  { file, compiled, result, seconds }: TimedReplay,
  truth: readonly TruthIncident[],
  dataset: Dataset,
  generateSeconds: number | null,
): RuleReport {
  const started = performance.now();
  const ruleScore = score(result, compiled.rule.name, truth, dataset.manifest);
  const parts = detectionParts(result, truth, compiled.rule);
  const scoreSeconds = (performance.now() - started) / 1000;
  return {
    ...ruleScore,
    ...(parts && { timeToDetectPartsMs: parts }),
    file,
    seconds: { generate: generateSeconds, replay: seconds, score: scoreSeconds },
  };
}

/** Beyond this many rows asking further could take longer than the replay did; `tocsin why` still does. */
const MAX_EXPLAINED_ROWS = 50_000_000;

/** Why no alert contains each of the malicious events that were missed. */
async function explain(
  { compiled, result }: TimedReplay,
  truth: readonly TruthIncident[],
  dataset: Dataset,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Explanation[] | undefined> {
  if (rowCountOf(result) > MAX_EXPLAINED_ROWS) return undefined;
  const progress = await terminal.progress('explaining', 'events');
  const explanations = await whyNot(dataset, compiled, missedEvents(result, truth), {
    replay: result,
    signal,
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.stop();
  return explanations;
}

/** What the rule's author meant of what it returned; undefined where that means nothing, or would take too long. */
export async function judge(
  { compiled, result }: TimedReplay,
  dataset: Dataset,
  signal: AbortSignal,
): Promise<Intended | undefined> {
  if (!hasIntent(compiled) || rowCountOf(result) > MAX_EXPLAINED_ROWS) return undefined;
  return judgeIntent(dataset, compiled, result, { signal });
}

function rowCountOf({ rowsRead }: TimedReplay['result']): number {
  return Object.values(rowsRead).reduce((sum, count) => sum + count, 0);
}
