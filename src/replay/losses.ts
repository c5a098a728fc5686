/**
 * What a schedule loses and repeats, before any query looks at a row: rows that no run can see, because they came in after
 * the last run whose window they were in, and rows that more than one run sees. Both follow from queryFrequency and
 * queryPeriod alone, so other schedules can be held against the rule's own without replaying anything.
 */
import { columnTicksFromTicks, parseIsoDatetime, TICKS_PER_MINUTE } from '../base/time.ts';
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import type { Replayable } from './replay.ts';
import { INGESTION_DELAY, type Schedule } from './schedule.ts';

export interface LossCount {
  readonly rows: number;
  /** Seen by no run. */
  readonly lost: number;
  /** Seen by more than one run. */
  readonly repeated: number;
}

export interface TableLosses {
  readonly table: string;
  readonly malicious: LossCount;
  /** Every row that no attack's malicious event stands behind. */
  readonly benign: LossCount;
}

export interface ScheduleLosses {
  /** Ticks. */
  readonly queryFrequency: bigint;
  readonly queryPeriod: bigint;
  readonly tables: readonly TableLosses[];
}

/**
 * How many runs of a schedule see a row.
 *
 * @param generated - TimeGenerated, @param ingested - when it came in, @param start - of the dataset: all in ticks from
 * one zero, as are the schedule's lengths.
 */
export function runsThatSee(
  generated: number,
  ingested: number,
  start: number,
  queryFrequency: number,
  queryPeriod: number,
): number {
  // T >= generated, T < generated + period, T + delay >= ingested, and T = start + k x frequency for k >= 1; and for k = 0
  // where a row stands at the very start, which is then the only one that this run sees.
  const earliest = Math.max(generated, ingested - Number(INGESTION_DELAY));
  const first = Math.max(0, Math.ceil((earliest - start) / queryFrequency));
  const last = Math.ceil((generated + queryPeriod - start) / queryFrequency) - 1;
  return Math.max(0, last - first + 1);
}

/**
 * The losses of each schedule over the rows of `tables`.
 *
 * @param isMalicious - whether an event (by its id in truth.ndjson) is one that a detection should ring for.
 */
export function scheduleLosses(
  dataset: Replayable,
  tables: readonly string[],
  schedules: readonly Pick<Schedule, 'queryFrequency' | 'queryPeriod'>[],
  isMalicious: (event: string) => boolean,
): ScheduleLosses[] {
  const start = columnTicksFromTicks(parseIsoDatetime(dataset.manifest.start)!);
  const tallies = schedules.map(() => tables.map(() => ({ malicious: new Tally(), benign: new Tally() })));
  for (let partition = 0; partition < dataset.manifest.partitionCount; partition++) {
    const source = dataset.partition(partition);
    tables.forEach((table, t) => {
      const batch = source.scan(table, TIMES, undefined);
      const [generated, ingested] = [timesOf(batch, 0), timesOf(batch, 1)];
      const malicious = maliciousRows(batch, isMalicious);
      schedules.forEach(({ queryFrequency, queryPeriod }, s) => {
        const [frequency, period] = [Number(queryFrequency), Number(queryPeriod)];
        const tally = tallies[s]![t]!;
        for (let row = 0; row < batch.rowCount; row++) {
          if (Number.isNaN(generated[row]!)) continue;
          const seen = runsThatSee(generated[row]!, ingested[row]!, start, frequency, period);
          (malicious?.[row] ? tally.malicious : tally.benign).add(seen);
        }
      });
    });
  }
  return schedules.map(({ queryFrequency, queryPeriod }, s) => ({
    queryFrequency,
    queryPeriod,
    tables: tables.map((table, t) => ({ table, ...tallies[s]![t]! })),
  }));
}

const TIMES: readonly ColumnInfo[] = [
  { name: 'TimeGenerated', type: 'datetime' },
  { name: INGESTION_TIME, type: 'datetime' },
];

class Tally implements LossCount {
  rows = 0;
  lost = 0;
  repeated = 0;

  add(seen: number): void {
    this.rows++;
    if (seen === 0) this.lost++;
    else if (seen > 1) this.repeated++;
  }
}

/** Column ticks; NaN where there is no time. */
function timesOf(batch: Batch, index: number): Float64Array {
  const column = batch.column(index);
  if (column.kind !== 'number') return new Float64Array(batch.rowCount).fill(Number.NaN);
  return column.nulls ? column.values.map((value, row) => (column.nulls![row] ? Number.NaN : value)) : column.values;
}

function maliciousRows({ lineage }: Batch, isMalicious: (event: string) => boolean): Uint8Array | undefined {
  if (!lineage) return undefined;
  const bySet = lineage.sets.map((events) => events.some(isMalicious));
  return Uint8Array.from(lineage.codes, (code) => (bySet[code] ? 1 : 0));
}

/**
 * The rule's own schedule and what one would hold against it: no overlap, the same with a quarter of an hour and an hour
 * of slack for late rows, and a quarter-hourly one that looks as far back.
 */
export function alternativeSchedules(
  rule: Pick<Schedule, 'queryFrequency' | 'queryPeriod'>,
): Pick<Schedule, 'queryFrequency' | 'queryPeriod'>[] {
  const { queryFrequency, queryPeriod } = rule;
  const quarter = 15n * TICKS_PER_MINUTE;
  const candidates = [
    { queryFrequency, queryPeriod },
    { queryFrequency, queryPeriod: queryFrequency },
    { queryFrequency, queryPeriod: queryPeriod + quarter },
    { queryFrequency, queryPeriod: queryPeriod + 4n * quarter },
    ...(queryFrequency > quarter ? [{ queryFrequency: quarter, queryPeriod: queryPeriod + quarter }] : []),
  ];
  const seen = new Set<string>();
  return candidates.filter((s) => {
    const key = `${s.queryFrequency}/${s.queryPeriod}`;
    return !seen.has(key) && seen.add(key);
  });
}
