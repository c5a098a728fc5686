/**
 * What one evaluation of a plan depends on besides the plan: the clock and where rows come from. A scheduled run of a
 * rule, and an ad-hoc query, are both a `Run`.
 */
import type { Batch, ColumnInfo } from '../columns/batch.ts';

/** Rows that a run can see. Times are ticks since 0001 (as `datetime` values). */
export interface Window {
  /** TimeGenerated is later than this (exclusive). */
  readonly after: bigint;
  /** TimeGenerated is not later than this (inclusive). */
  readonly until: bigint;
  /** Ingested at this time at the latest (inclusive). */
  readonly ingestedBy: bigint;
  /** Ingested later than this (exclusive); only windows that go by ingestion time (NRT rules) have it. */
  readonly ingestedAfter?: bigint;
}

export interface Run {
  /** `now()`: frozen for the whole evaluation. */
  readonly now: bigint;
  /** Undefined: every row of every table. */
  readonly window: Window | undefined;
}

/** Gives the rows of tables: one partition of a dataset, a whole one, or tables in memory. */
export interface TableSource {
  /**
   * The rows of `table` that `window` lets through, in order of TimeGenerated, with just `columns` in that order
   * (`$IngestionTime` may be among them). A table that is known but absent from the source has no rows.
   */
  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch;
}
