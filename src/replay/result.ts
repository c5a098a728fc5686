/** What a replay gives: the rule's result rows run by run, and the alerts that Sentinel would raise from them. */
import type { ColumnInfo } from '../columns/batch.ts';
import type { Value } from '../columns/value.ts';

export interface ResultRow {
  /** Index into `runs`. */
  readonly run: number;
  readonly cells: readonly Value[];
  /** Ids of the labelled events behind the row (truth.ndjson), sorted; nearly always empty for benign rows. */
  readonly events: readonly string[];
}

/** One scheduled run. Times are ticks since 0001. */
export interface ScheduledRun {
  /** The scheduled time T: `now()`, and the end of the window (T - queryPeriod, T]. */
  readonly at: bigint;
  /** When the run happens on the wall clock: T plus the delay. Alerts are raised then. */
  readonly wallClock: bigint;
}

export interface Alert {
  /** Stable for a dataset, rule and run. */
  readonly systemAlertId: string;
  readonly run: number;
  /** Indexes into `rows`: the rows that the alert stands for. */
  readonly rows: readonly number[];
  /** The alert as a row of the SecurityAlert table. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface ReplayResult {
  readonly columns: readonly ColumnInfo[];
  readonly runs: readonly ScheduledRun[];
  /** In order of run, then of the query's own order, ties broken by the cells: the same for any threads and partitions. */
  readonly rows: readonly ResultRow[];
  readonly alerts: readonly Alert[];
  /** Rows read by table, each counted once however many runs saw it. */
  readonly rowsRead: Readonly<Record<string, number>>;
  /** What a user should know: a leg that matched nothing, a window that no row fell into ... */
  readonly warnings: readonly string[];
  /** SHA-256 (hex) over the ordered result rows with their run times. */
  readonly digest: string;
}
