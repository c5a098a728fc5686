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
 * Every function throws {@link TocsinError} for what its caller can put right, with a stable `code` and every problem found.
 *
 * @packageDocumentation
 */
import type { GeneratedDataset, GenerateOptions, Scenario } from '../generators/index.ts';

export type { GeneratedDataset, GenerateOptions, Scenario } from '../generators/index.ts';
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
export { importFiles, type ImportOptions, type ImportReport } from './dataset/import.ts';
export type { Manifest } from './dataset/manifest.ts';
export { type Dataset, openDataset } from './dataset/read.ts';
export type { EventRole, TruthEvent, TruthIncident } from './dataset/truth.ts';
export { describeDataset, type DescribeOptions, type Description } from './describe/describe.ts';
export { type Cell, query, type QueryOptions, type QueryResult, type TableInput } from './query/query.ts';
export { type Replay, replay, type Replayable, type ReplayOptions } from './replay/replay.ts';
export { alternativeSchedules, type LossCount, type ScheduleLosses, scheduleLosses } from './replay/losses.ts';
export { readReplays, replayLines, type StoredReplay } from './replay/output.ts';
export type { Alert, ReplayResult, ResultRow, ScheduledRun } from './replay/result.ts';
export { toAnnotations, toSarif } from './rules/checks/formats.ts';
export { checkRule, CHECKS, type CheckSeverity, type Finding, type RuleCheck } from './rules/checks/index.ts';
export { type CompiledRule, compileRule, type CompileRuleOptions } from './rules/compile.ts';
export { type LoadedRule, loadRule, type Rule } from './rules/rule.ts';
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
export { type RuleScore, type Scorable, score, type ScoredDataset } from './score/score.ts';
export {
  type Cause,
  type Clause,
  type ClauseLosses,
  type Explanation,
  groupByClause,
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
