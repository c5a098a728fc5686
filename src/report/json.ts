/** The score as the JSON object `tocsin.score/1`, for machines: docs/score.md and docs/score.schema.json describe it. */
import type { Manifest } from '../dataset/manifest.ts';
import type { BaselineComparison } from '../score/baseline.ts';
import type { DetectionParts } from '../score/detection-parts.ts';
import type { ExpectationResult } from '../score/expectations.ts';
import type { IntentScore } from '../score/intent.ts';
import type { RuleScore } from '../score/score.ts';
import type { ClauseLosses } from '../why/explanation.ts';
import type { ComparisonReport } from './comparison.ts';
import type { ScheduleReport } from './schedule.ts';

/** How long the parts of the work took; null for a part that was not done now. */
export interface Seconds {
  readonly generate: number | null;
  readonly replay: number | null;
  readonly score: number | null;
}

export interface RuleReport extends RuleScore {
  /** The rule's file, as it was named; null where only its alerts were given. */
  readonly file: string | null;
  /** Absent where the rule's schedule is not known, or no attack was detected. */
  readonly timeToDetectPartsMs?: DetectionParts;
  /**
   * The clauses that lost the malicious events in no alert, the worst first: each of those events stands at one clause, each
   * missed attack at one. Absent where the events were not asked about.
   */
  readonly losses?: readonly ClauseLosses[];
  /**
   * The results by what the rule's author meant to catch. Absent where the rule does not read silent sign-ins and the audit
   * log, or nobody asked.
   */
  readonly intent?: IntentScore;
  /** What the rule's schedule, the first, and others lose and repeat. Absent where it was not asked for. */
  readonly schedules?: readonly ScheduleReport[];
  /** What the rule was expected to reach; absent where nothing was. */
  readonly expectations?: readonly ExpectationResult[];
  /** Absent where no baseline was given, null where it does not hold this rule. */
  readonly baseline?: BaselineComparison | null;
  readonly seconds: Seconds;
}

export interface ScoreReport {
  readonly schema: 'tocsin.score/1';
  /** Null for an import. */
  readonly scenario: string | null;
  readonly seed: number | null;
  readonly users: number | null;
  /** What the dataset covers, ISO 8601: from `start` (inclusive) to `end` (exclusive). */
  readonly start: string;
  readonly end: string;
  /** Number of events by table. */
  readonly events: Readonly<Record<string, number>>;
  readonly rules: readonly RuleReport[];
  /** The first rule against each of the others; absent where there is one rule. */
  readonly comparison?: readonly ComparisonReport[];
}

export function scoreReport(
  manifest: Manifest,
  rules: readonly RuleReport[],
  comparison: readonly ComparisonReport[] = [],
): ScoreReport {
  const { origin, start, end, tables } = manifest;
  const scenario = origin.kind === 'scenario' ? origin : undefined;
  return {
    schema: 'tocsin.score/1',
    scenario: scenario?.scenario ?? null,
    seed: scenario?.seed ?? null,
    users: scenario?.users ?? null,
    start,
    end,
    events: Object.fromEntries(tables.map(({ table, rowCount }) => [table, rowCount])),
    rules,
    ...(comparison.length > 0 && { comparison }),
  };
}
