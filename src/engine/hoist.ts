/**
 * Hoisting: what does not depend on the run is worked out once over all rows of a partition, and each run takes its
 * window as a slice. Rows stand in order of TimeGenerated, so a window, and a comparison of TimeGenerated with a value
 * of the run (`TimeGenerated > ago(2h)`), are two binary searches. A row whose ingestion came too late for a run is
 * taken out of its slice; where nothing in the slice came late, the slice is free of copies.
 */
import { columnTicksFromTicks } from '../base/time.ts';
import type { Batch } from '../columns/batch.ts';
import type { Column } from '../columns/column.ts';
import type { Expression } from '../plan/plan.ts';
import { isRowLocal } from './evaluate.ts';
import { conjuncts, isRunConstant, isTimeInvariant } from './nature.ts';
import type { Window } from './run.ts';

/** A bound on TimeGenerated that each run sets anew. */
export interface TimeRange {
  readonly operator: '>' | '>=' | '<' | '<=';
  readonly bound: Expression;
}

const FLIPPED = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' } as const;

function isOrder(name: string): name is TimeRange['operator'] {
  return Object.hasOwn(FLIPPED, name);
}

/** A predicate as bounds on the columns `timeColumns`; undefined where it says anything else. */
function rangesOf(predicate: Expression, timeColumns: ReadonlySet<number>): TimeRange[] | undefined {
  if (predicate.kind !== 'call') return undefined;
  const isTime = (e: Expression): boolean => e.kind === 'column' && timeColumns.has(e.index);
  const isBound = (e: Expression): boolean => e.type === 'datetime' && isRunConstant(e);
  const { name, args } = predicate;
  if (isOrder(name) && args.length === 2) {
    const [a, b] = args as [Expression, Expression];
    if (isTime(a) && isBound(b)) return [{ operator: name, bound: b }];
    if (isBound(a) && isTime(b)) return [{ operator: FLIPPED[name], bound: a }];
  }
  if (name === 'between' && args.length === 3 && isTime(args[0]!) && isBound(args[1]!) && isBound(args[2]!)) {
    return [
      { operator: '>=', bound: args[1]! },
      { operator: '<=', bound: args[2]! },
    ];
  }
  return undefined;
}

/**
 * Takes a predicate apart into what holds or not for a row in every run, and bounds that each run sets. Undefined where
 * some part is neither.
 */
export function splitPredicate(
  predicate: Expression,
  timeColumns: ReadonlySet<number>,
): { readonly invariant: readonly Expression[]; readonly ranges: readonly TimeRange[] } | undefined {
  const invariant: Expression[] = [];
  const ranges: TimeRange[] = [];
  for (const part of conjuncts(predicate)) {
    if (!isRowLocal(part)) return undefined;
    if (isTimeInvariant(part)) invariant.push(part);
    else {
      const found = rangesOf(part, timeColumns);
      if (!found) return undefined;
      ranges.push(...found);
    }
  }
  return { invariant, ranges };
}

/** Rows are checked for late ingestion by blocks of this many. */
const BLOCK = 1024;

/** The rows of a table, or of a row-local plan over one, with the times by which runs see them. */
export class HoistedRows {
  readonly batch: Batch;
  readonly timeColumns: ReadonlySet<number>;
  readonly ranges: readonly TimeRange[];
  readonly #times: Float64Array;
  readonly #ingested: Float64Array;
  #latest: Float64Array | undefined;
  /** Rows in order of ingestion, for windows that go by it. */
  #byIngestion: Uint32Array | undefined;

  /**
   * @param times - TimeGenerated of each row in column ticks, ascending.
   * @param ingested - when each row came in, in column ticks.
   */
  constructor(
    batch: Batch,
    times: Float64Array,
    ingested: Float64Array,
    timeColumns: ReadonlySet<number>,
    ranges: readonly TimeRange[],
  ) {
    this.batch = batch;
    this.timeColumns = timeColumns;
    this.ranges = ranges;
    this.#times = times;
    this.#ingested = ingested;
  }

  /** The rows after a further row-local step; `rows` names the row here behind each of the step's, ascending. */
  step(
    batch: Batch,
    rows: Uint32Array | undefined,
    timeColumns: ReadonlySet<number>,
    ranges: readonly TimeRange[] = [],
  ): HoistedRows {
    const pick = (of: Float64Array): Float64Array => {
      if (!rows) return of;
      const out = new Float64Array(rows.length);
      for (let i = 0; i < rows.length; i++) out[i] = of[rows[i]!]!;
      return out;
    };
    return new HoistedRows(batch, pick(this.#times), pick(this.#ingested), timeColumns, [...this.ranges, ...ranges]);
  }

  /** The rows that a run sees. `boundOf` gives the run's value of a bound, null where it has none. */
  at(window: Window, boundOf: (bound: Expression) => bigint | null): Batch {
    const times = this.#times;
    let start = firstAfter(times, columnTicksFromTicks(window.after));
    let end = firstAfter(times, columnTicksFromTicks(window.until));
    for (const { operator, bound } of this.ranges) {
      const ticks = boundOf(bound);
      if (ticks === null) return this.batch.slice(0, 0);
      const value = columnTicksFromTicks(ticks);
      if (operator === '>') start = Math.max(start, firstAfter(times, value));
      else if (operator === '>=') start = Math.max(start, firstFrom(times, value));
      else if (operator === '<') end = Math.min(end, firstFrom(times, value));
      else end = Math.min(end, firstAfter(times, value));
    }
    if (start >= end) return this.batch.slice(0, 0);
    if (window.ingestedAfter !== undefined) {
      return this.batch.select(this.#rowsIngested(start, end, window.ingestedAfter, window.ingestedBy));
    }
    const slice = this.batch.slice(start, end);
    const inTime = this.#rowsInTime(start, end, columnTicksFromTicks(window.ingestedBy));
    return inTime ? slice.select(inTime) : slice;
  }

  /** The rows of [start, end) that came in within (after, by], ascending. */
  #rowsIngested(start: number, end: number, after: bigint, by: bigint): Uint32Array {
    const ingested = this.#ingested;
    const order = (this.#byIngestion ??= orderOf(ingested));
    const first = firstInOrder(ingested, order, columnTicksFromTicks(after));
    const last = firstInOrder(ingested, order, columnTicksFromTicks(by));
    return order
      .slice(first, last)
      .filter((row) => row >= start && row < end)
      .sort();
  }

  /** The rows of the slice that had come in, counted from its start; undefined where all had. */
  #rowsInTime(start: number, end: number, ingestedBy: number): Uint32Array | undefined {
    const ingested = this.#ingested;
    const latest = (this.#latest ??= blockMaxima(ingested));
    let anyLate = false;
    for (let block = Math.floor(start / BLOCK); block * BLOCK < end && !anyLate; block++) {
      if (latest[block]! <= ingestedBy) continue;
      const to = Math.min(end, (block + 1) * BLOCK);
      for (let row = Math.max(start, block * BLOCK); row < to && !anyLate; row++) anyLate = ingested[row]! > ingestedBy;
    }
    if (!anyLate) return undefined;
    const rows = new Uint32Array(end - start);
    let count = 0;
    for (let row = start; row < end; row++) {
      rows[count] = row - start;
      count += ingested[row]! <= ingestedBy ? 1 : 0;
    }
    return rows.slice(0, count);
  }
}

function blockMaxima(values: Float64Array): Float64Array {
  const out = new Float64Array(Math.ceil(values.length / BLOCK)).fill(-Infinity);
  for (let row = 0; row < values.length; row++) {
    const block = Math.floor(row / BLOCK);
    if (values[row]! > out[block]!) out[block] = values[row]!;
  }
  return out;
}

function orderOf(values: Float64Array): Uint32Array {
  return Uint32Array.from(values, (_, row) => row).sort((a, b) => values[a]! - values[b]!);
}

/** The first place in `order` whose value is greater than `bound`. */
function firstInOrder(values: Float64Array, order: Uint32Array, bound: number): number {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[order[middle]!]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first index whose value is greater than `bound`. */
function firstAfter(values: Float64Array, bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first index whose value is `bound` or greater. */
function firstFrom(values: Float64Array, bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! >= bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Rows with their time columns as hoisted rows. Rows without TimeGenerated (which must stand last) are in no window and
 * are left out. Undefined where the times are not plain ascending numbers.
 */
export function hoistRows(
  batch: Batch,
  time: Column,
  ingestion: Column,
  timeColumns: ReadonlySet<number>,
): HoistedRows | undefined {
  if (batch.rowCount === 0) return new HoistedRows(batch, new Float64Array(), new Float64Array(), timeColumns, []);
  if (time.kind !== 'number' || ingestion.kind !== 'number') return undefined;
  let count = batch.rowCount;
  while (count > 0 && time.nulls?.[count - 1]) count--;
  for (let row = 0; row < count; row++) {
    if (time.nulls?.[row] || (row > 0 && time.values[row]! < time.values[row - 1]!)) return undefined;
  }
  const ingested = ingestion.nulls
    ? ingestion.values.map((value, row) => (ingestion.nulls![row] ? -Infinity : value))
    : ingestion.values;
  return new HoistedRows(
    batch.slice(0, count),
    time.values.subarray(0, count),
    ingested.subarray(0, count),
    timeColumns,
    [],
  );
}
