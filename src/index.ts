/**
 * Tocsin as a library: what the command line does, as functions.
 *
 * @example Score a rule on a small tenant
 * ```ts
 * import { compileRule, generate, openDataset, replay, score } from 'tocsin';
 *
 * const rule = compileRule('rules/ni-auth-privileged-audit-actions.yaml');
 * await generate('contoso-2k', { out: 'tenant', users: 200, days: 2 });
 * const dataset = await openDataset('tenant');
 * const result = await replay(dataset, rule);
 * const { attacks, alerts } = score(result, rule.rule.name, await dataset.truth(), dataset.manifest);
 * console.log(attacks.recall, alerts.precision);
 * ```
 *
 * @example Ask which clause lost what was missed, and sweep a literal
 * ```ts
 * import { missedEvents, readAxes, sweep, whyNot } from 'tocsin';
 *
 * const truth = await dataset.truth();
 * for (const lost of await whyNot(dataset, rule, missedEvents(result, truth), { replay: result })) {
 *   console.log(lost.event, lost.clause.text, lost.message);
 * }
 * const { cells } = await sweep(dataset, rule, readAxes(['60m=30m,60m,120m'], rule), truth);
 * console.log(cells.filter(({ frontier }) => frontier).map(({ values }) => values));
 * ```
 *
 * Every function throws {@link TocsinError} for what its caller can put right, with a stable `code` and every problem found.
 *
 * @packageDocumentation
 */
import type { GeneratedDataset, GenerateOptions, Scenario, ScenarioOverrides } from '../generators/index.ts';

export type { GeneratedDataset, GenerateOptions, Scenario, ScenarioOverrides } from '../generators/index.ts';
export {
  type ErrorCode,
  EXIT_CODES,
  type PlainError,
  type Position,
  type Problem,
  TocsinError,
} from './base/errors.ts';
export type { ColumnInfo } from './columns/batch.ts';
export type { ScalarType, Value } from './columns/value.ts';
export { importFiles, type ImportOptions, type ImportReport, type Projection } from './dataset/import.ts';
export type { Manifest } from './dataset/manifest.ts';
export { type Dataset, openDataset } from './dataset/read.ts';
export type { EventRole, TruthEvent, TruthIncident } from './dataset/truth.ts';
export { describeDataset, type DescribeOptions, type Description } from './describe/describe.ts';
export { type Cell, query, type QueryOptions, type QueryResult, type TableInput } from './query/query.ts';
export type { Executor } from './replay/executor.ts';
export {
  openExecutor,
  type Progress,
  type Replay,
  replay,
  type Replayable,
  type ReplayedRows,
  type ReplayOptions,
  replayRows,
} from './replay/replay.ts';
export type { ResultTable } from './replay/result-table.ts';
export { alternativeSchedules, type LossCount, type ScheduleLosses, scheduleLosses } from './replay/losses.ts';
export { readReplays, replayLines, type StoredReplay } from './replay/output.ts';
export type { Alert, AlertIncident, ReplayResult, ResultRow, ScheduledRun } from './replay/result.ts';
export { toAnnotations, toSarif } from './rules/checks/formats.ts';
export { checkRule, CHECKS, type CheckSeverity, type Finding, type RuleCheck } from './rules/checks/index.ts';
export {
  type CompiledRule,
  compileRule,
  type CompileRuleOptions,
  compileVariant,
  type QueryEdit,
  type RuleChange,
} from './rules/compile.ts';
export { type EntityMapping, type LoadedRule, loadRule, type Rule } from './rules/rule.ts';
export {
  type BaselineComparison,
  compareWithBaseline,
  type MetricChange,
  parseTolerances,
  type Tolerance,
} from './score/baseline.ts';
export {
  checkExpectation,
  type Expectation,
  type ExpectationResult,
  type ExpectationSource,
  type Metric,
  parseExpectations,
  type PlantedNames,
} from './score/expectations.ts';
export {
  type AccountDays,
  compareRules,
  type PairComparison,
  type PairedTest,
  type PlantedRef,
  type Scored,
} from './score/compare.ts';
export { type DetectionParts, detectionParts } from './score/detection-parts.ts';
export {
  type AlertScore,
  type FalseAlarms,
  type IncidentScore,
  type LookalikeScore,
  type RowScore,
  type RuleScore,
  type ScenarioScore,
  type Scorable,
  score,
  type ScoredDataset,
  type TimeToDetect,
  type VariantScore,
} from './score/score.ts';
export {
  type Interval,
  type Measured,
  mcnemarExact,
  percentile,
  type Recall,
  type Spread,
  wilsonInterval,
} from './score/statistics.ts';
export { type Axis, type AxisValue, readAxes } from './sweep/axes.ts';
export {
  frontierOf,
  type Objectives,
  type Sweep,
  sweep,
  type SweepCell,
  type SweepOptions,
  type SweptScore,
} from './sweep/sweep.ts';
export { type ComparisonReport, comparisonReports } from './report/comparison.ts';
export { githubAnnotations } from './report/github.ts';
export { type HtmlReport, reportHtml } from './report/html.ts';
export type { ReportedRule } from './report/html-rule.ts';
export { type RuleReport, type ScoreReport, scoreReport, type Seconds } from './report/json.ts';
export { junitXml } from './report/junit.ts';
export { scoreMarkdown } from './report/markdown.ts';
export { type PageAssets, pageAssets } from './report/page-assets.ts';
export { type ScheduleReport, scheduleReport } from './report/schedule.ts';
export { type SweepReport, sweepReport } from './report/sweep.ts';
export { readSweep, type SweptPoint, type SweptRule } from './report/swept.ts';
export {
  type Cause,
  type Clause,
  type ClauseLosses,
  type Explanation,
  groupByClause,
  lossesOf,
  type NamedValue,
  type RunOutcome,
} from './why/explanation.ts';
export { hasIntent, type Intended, type IntentScore, judgeIntent, scoreIntent } from './score/intent.ts';
export { type Noise, noisiest, type NoisyColumn, type NoisyValue, precisionAtBaseRate } from './score/noise.ts';
export { type Explainable, missedEvents, whyNot, type WhyOptions } from './why/why.ts';

/**
 * Generates a scenario's dataset: a tenant, its background activity, attacks and look-alikes. The same scenario and seed
 * give the same bytes for any number of threads.
 *
 * @param scenario - a shipped scenario's name, a path to a scenario file, or a loaded scenario.
 * @throws {@link TocsinError} `SCENARIO`, `USAGE`, `INPUT`, `OUTPUT` or `INTERRUPTED`.
 */
export async function generate(scenario: string | Scenario, options: GenerateOptions): Promise<GeneratedDataset> {
  // What makes tenants is a heavy load that who only replays need not carry.
  const generators = await import('../generators/index.ts');
  return generators.generate(scenario, options);
}

/**
 * Loads a scenario, to look at it or to generate it several times.
 *
 * @param nameOrPath - a shipped scenario's name, or a path to a scenario file.
 * @throws {@link TocsinError} `SCENARIO` with every fault at its position; `INPUT` where the file cannot be read.
 */
export async function loadScenario(nameOrPath: string, overrides: ScenarioOverrides = {}): Promise<Scenario> {
  const generators = await import('../generators/index.ts');
  return generators.loadScenario(nameOrPath, overrides);
}
