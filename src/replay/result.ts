/** What a replay gives: the rule's result rows run by run, the alerts that Sentinel would raise from them, its incidents. */
import type { ColumnInfo } from '../columns/batch.ts';
import type { Value } from '../columns/value.ts';
import type { EntityMapping } from '../rules/rule.ts';

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
  /** Distinct entities that did not fit under the caps. */
  readonly entitiesDropped: number;
  /** The alert as a row of the SecurityAlert table. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** What Sentinel opens for an analyst. */
export interface AlertIncident {
  /** Indexes into the alerts, in order. */
  readonly alerts: readonly number[];
  /** The incident in its last state as a row of the SecurityIncident table. */
  readonly record: Readonly<Record<string, unknown>>;
}

export interface ReplayResult {
  readonly columns: readonly ColumnInfo[];
  /** The rule's: which columns name which entities. */
  readonly entityMappings: readonly EntityMapping[];
  readonly runs: readonly ScheduledRun[];
  /** In order of run, then of the query's own order, ties broken by the cells: the same for any threads and partitions. */
  readonly rows: readonly ResultRow[];
  readonly alerts: readonly Alert[];
  /** In order of creation; none where the rule creates none. */
  readonly incidents: readonly AlertIncident[];
  /** Rows read by table, each counted once however many runs saw it. */
  readonly rowsRead: Readonly<Record<string, number>>;
  /** What a user should know: a leg that matched nothing, a window that no row fell into ... */
  readonly warnings: readonly string[];
  /** SHA-256 (hex) over the ordered result rows with their run times. */
  readonly digest: string;
}
