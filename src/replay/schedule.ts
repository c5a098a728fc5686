/**
 * When a rule runs over a dataset, and which rows each run can see.
 *
 * A scheduled rule runs at T = start + k x queryFrequency (k = 1, 2 ...), where start is the dataset's. Its window is
 * (T - queryPeriod, T] on TimeGenerated, its `now()` is T, and it really happens five minutes later, so that it also sees
 * what was ingested in those minutes. An NRT rule runs every minute over what was ingested in the minute that ended two
 * minutes ago, whenever it was generated.
 *
 * Runs go on to the first T at or after the dataset's end, and beyond it for as long as late rows could still come into
 * view, so that the last hours of a dataset are treated like any other.
 *
 * https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview, https://learn.microsoft.com/azure/sentinel/near-real-time-rules
 */
import { TocsinError } from '../base/errors.ts';
import { MAX_DATETIME_TICKS, TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../base/time.ts';
import type { Run } from '../engine/run.ts';
import { formatDuration } from '../rules/duration.ts';
import type { Rule } from '../rules/rule.ts';
import type { ScheduledRun } from './result.ts';

/** Sentinel runs a scheduled rule this long after its scheduled time, to absorb ingestion delay. */
export const INGESTION_DELAY = 5n * TICKS_PER_MINUTE;
/** The same for NRT rules. */
export const NRT_DELAY = 2n * TICKS_PER_MINUTE;
/** Rows that come later than this after they were generated do not prolong the schedule; outages of ingestion rarely last longer. */
export const LATE_ARRIVAL = 2n * TICKS_PER_HOUR;

/** More runs than this are a mistake in the rule, not a schedule. */
const MAX_RUNS = 5_000_000n;

/** From `start` (inclusive) to `end` (exclusive), ticks since 0001. */
export interface TimeRange {
  readonly start: bigint;
  readonly end: bigint;
}

export type Schedule = Pick<Rule, 'kind' | 'queryFrequency' | 'queryPeriod'>;

/**
 * The runs of a rule over a dataset that covers `range`, in order; none where the range is empty.
 *
 * @throws {@link TocsinError} `RULE` where the schedule asks for an absurd number of runs.
 */
export function scheduleRuns(range: TimeRange, rule: Schedule): ScheduledRun[] {
  const { start, end } = range;
  const { queryFrequency } = rule;
  if (end <= start) return [];
  const delay = rule.kind === 'NRT' ? NRT_DELAY : INGESTION_DELAY;
  // A late row is of no use to a run whose window has left it behind. NRT windows never do: they go by ingestion.
  const reach = rule.kind === 'NRT' || rule.queryPeriod > LATE_ARRIVAL ? LATE_ARRIVAL : rule.queryPeriod;
  const count = (end + reach - start) / queryFrequency;
  if (count > MAX_RUNS) {
    throw new TocsinError('RULE', {
      message: `the rule would run ${count} times: every ${formatDuration(queryFrequency)} over ${formatDuration(end - start)}, expected ${MAX_RUNS} at most`,
      hint: 'raise queryFrequency, or replay fewer days',
    });
  }
  const runs: ScheduledRun[] = [];
  for (let at = start + queryFrequency; ; at += queryFrequency) {
    const previous = at - queryFrequency;
    if (previous >= end && at >= end + reach) break;
    runs.push({ at, wallClock: at + delay });
  }
  return runs;
}

/** The evaluation that a scheduled run is. */
export function evaluationOf(run: ScheduledRun, rule: Schedule): Run {
  if (rule.kind === 'NRT') {
    return {
      now: run.at,
      window: {
        after: -1n,
        until: MAX_DATETIME_TICKS,
        ingestedAfter: run.at - rule.queryFrequency,
        ingestedBy: run.at,
      },
    };
  }
  return {
    now: run.at,
    window: { after: run.at - rule.queryPeriod, until: run.at, ingestedBy: run.wallClock },
  };
}
