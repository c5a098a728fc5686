/**
 * Hoisting: what does not depend on the run is worked out once over all rows of a partition, and each run takes its
 * window as a slice. Rows stand in order of TimeGenerated, so a window, and a comparison of TimeGenerated with a value
 * of the run (`TimeGenerated > ago(2h)`), are two binary searches. A row whose ingestion came too late for a run is
 * taken out of its slice; where nothing in the slice came late, the slice is free of copies.
 *
 * `hoistable` says of a plan, without data, whether this can be done; `HoistedRows` are the rows once it was.
 */
import { takeDoubles, takeWords } from '../base/arena.ts';
import { firstAfter, firstAfterIn, firstFrom } from '../base/search.ts';
import { columnTicksFromTicks } from '../base/time.ts';
import { Batch } from '../columns/batch.ts';
import { type Column, gatherColumn, sliceColumn } from '../columns/column.ts';
import { type Expression, type Plan, planExpressions } from '../plan/plan.ts';
import { isRowLocal } from './evaluate.ts';
import {
  allExpressions,
  conjuncts,
  isBodyInvariant,
  isConstantPlan,
  isRunConstant,
  isTimeInvariant,
  partsOfOptions,
  type PerRowApply,
  perRowApply,
  sameText,
} from './nature.ts';
import { plugin } from './plugins/index.ts';
import type { Window } from './run.ts';
import { concatColumns } from './tables.ts';

/** A bound on TimeGenerated that each run sets anew. */
export interface TimeRange {
  readonly operator: '>' | '>=' | '<' | '<=';
  readonly bound: Expression;
}

/** What is known, without data, of a plan that can be hoisted. */
export interface Hoistable {
  /** Output columns that hold TimeGenerated. */
  readonly timeColumns: ReadonlySet<number>;
  /** For each block of rows (a union has several) the bounds that runs set on it. */
  readonly ranges: readonly (readonly TimeRange[])[];
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

const known = new WeakMap<Plan, { readonly value: Hoistable | undefined }>();

/**
 * What is known of the plan if its rows can be worked out once for all runs: a table, or steps over one that look at
 * single rows and no clock. Undefined otherwise. A gather counts only where the caller has its rows over all time.
 */
export function hoistable(node: Plan): Hoistable | undefined {
  let entry = known.get(node);
  if (!entry) known.set(node, (entry = { value: work(node) }));
  return entry.value;
}

function areFixed(expressions: readonly Expression[]): boolean {
  return expressions.every((e) => isRowLocal(e) && isTimeInvariant(e));
}

function work(node: Plan): Hoistable | undefined {
  switch (node.op) {
    case 'scan': {
      const time = node.columns.findIndex((column) => column.name === 'TimeGenerated' && column.type === 'datetime');
      return { timeColumns: new Set(time < 0 ? [] : [time]), ranges: [[]] };
    }
    case 'filter': {
      const input = hoistable(node.input);
      const parts = input && splitPredicate(node.predicate, input.timeColumns);
      if (!parts) return undefined;
      return { timeColumns: input.timeColumns, ranges: input.ranges.map((ranges) => [...ranges, ...parts.ranges]) };
    }
    case 'project': {
      const input = areFixed(node.expressions) ? hoistable(node.input) : undefined;
      return input && { timeColumns: keptTimes(node.expressions, input.timeColumns), ranges: input.ranges };
    }
    case 'expand': {
      const input = areFixed(planExpressions(node)) ? hoistable(node.input) : undefined;
      if (!input) return undefined;
      const replaced = new Set([...node.expansions.map((e) => e.column), node.indexColumn]);
      return { timeColumns: new Set([...input.timeColumns].filter((c) => !replaced.has(c))), ranges: input.ranges };
    }
    case 'apply': {
      const parts = hoistableApply(node);
      const source = parts && hoistable(parts.source);
      return source && { timeColumns: new Set(), ranges: source.ranges };
    }
    case 'plugin': {
      const isFixed =
        plugin(node.name)?.rowLocal &&
        areFixed(allExpressions(node)) &&
        partsOfOptions(node).plans.every(isConstantPlan);
      const input = isFixed ? hoistable(node.input) : undefined;
      return input && { timeColumns: new Set(), ranges: input.ranges };
    }
    case 'union': {
      const inputs = node.inputs.map(hoistable);
      if (node.inputs.length === 0 || !inputs.every((input) => input !== undefined)) return undefined;
      const timeColumns = new Set<number>();
      node.columns.forEach((_, column) => {
        if (inputs.every((input, i) => input.timeColumns.has(node.mapping[i]![column]!))) timeColumns.add(column);
      });
      return { timeColumns, ranges: inputs.flatMap((input) => input.ranges) };
    }
    case 'join': {
      // Against rows of the query's own text, each left row stands or falls for itself.
      if (!['inner', 'leftouter', 'leftsemi', 'leftanti'].includes(node.kind) || !isConstantPlan(node.right)) {
        return undefined;
      }
      const input = areFixed(planExpressions(node)) ? hoistable(node.left) : undefined;
      return input && { timeColumns: new Set(), ranges: input.ranges };
    }
    default:
      return undefined;
  }
}

/** An `apply` over single rows of its source whose steps no run can change. */
export function hoistableApply(node: Extract<Plan, { op: 'apply' }>): PerRowApply | undefined {
  const parts = perRowApply(node);
  return parts && isBodyInvariant(node.body) && parts.steps.every((step) => stepIsFixed(step, parts))
    ? parts
    : undefined;
}

function stepIsFixed(step: Plan, { numbering }: PerRowApply): boolean {
  return areFixed(planExpressions(step).filter((e) => e !== numbering));
}

function keptTimes(expressions: readonly Expression[], timeColumns: ReadonlySet<number>): Set<number> {
  const times = new Set<number>();
  expressions.forEach((e, index) => {
    if (e.kind === 'column' && timeColumns.has(e.index)) times.add(index);
  });
  return times;
}

/**
 * The bounds that runs set on a plan's rows, where they are the same for all of them: then the rows of all partitions can
 * be gathered once, in one order, and runs take theirs from them.
 */
export function onceRanges(node: Plan): readonly TimeRange[] | undefined {
  const ranges = hoistable(node)?.ranges;
  if (!ranges) return undefined;
  const texts = ranges.map(sameText);
  return texts.every((text) => text === texts[0]) ? ranges[0] : undefined;
}

/** Rows side by side that stand in order of time. */
interface Block {
  /** The first row, and the one after the last. */
  readonly start: number;
  readonly end: number;
  readonly ranges: readonly TimeRange[];
}

/** Rows from `start` to `end` that are in the windows of the runs from `firstRun` to `lastRun`; ends exclusive. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly firstRun: number;
  readonly lastRun: number;
}

/** The windows of several runs in column ticks: see {@link Window}. */
export interface RunWindows {
  readonly after: Float64Array;
  readonly until: Float64Array;
  readonly ingestedBy: Float64Array;
  readonly ingestedAfter: Float64Array | undefined;
}

export function runWindows(windows: readonly Window[]): RunWindows {
  const ticks = (of: (window: Window) => bigint): Float64Array => {
    const out = new Float64Array(windows.length);
    for (let run = 0; run < out.length; run++) out[run] = columnTicksFromTicks(of(windows[run]!));
    return out;
  };
  return {
    after: ticks((window) => window.after),
    until: ticks((window) => window.until),
    ingestedBy: ticks((window) => window.ingestedBy),
    ingestedAfter: windows.some((window) => window.ingestedAfter !== undefined)
      ? ticks((window) => window.ingestedAfter ?? -1n)
      : undefined,
  };
}

/** By itself: a loop that meets arrays of several kinds is some times slower. */
function timesAscend(times: Float64Array, start: number, end: number): boolean {
  for (let row = start + 1; row < end; row++) if (times[row]! < times[row - 1]!) return false;
  return true;
}

function isSorted(values: Float64Array | Uint32Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}

/** Rows are checked for late ingestion by chunks of this many. */
const CHUNK = 1024;

/** When rows were generated and when they came in, in column ticks: rows of a table, or some picked from one. */
class RowTimes {
  /** Of the table. */
  readonly #generated: Float64Array;
  readonly #ingested: Float64Array;
  /** The row of the table behind each row, ascending within a block; undefined where they are the table's own. */
  readonly #rows: Uint32Array | undefined;
  #own: { readonly generated: Float64Array; readonly ingested: Float64Array } | undefined;

  constructor(generated: Float64Array, ingested: Float64Array, rows?: Uint32Array) {
    this.#generated = generated;
    this.#ingested = ingested;
    this.#rows = rows;
  }

  /** The times row by row; picked when they are first asked for. */
  own(): { readonly generated: Float64Array; readonly ingested: Float64Array } {
    if (this.#own) return this.#own;
    const rows = this.#rows;
    const pick = (of: Float64Array): Float64Array => {
      if (!rows) return of;
      const out = takeDoubles(rows.length);
      for (let i = 0; i < rows.length; i++) out[i] = of[rows[i]!]!;
      return out;
    };
    return (this.#own = { generated: pick(this.#generated), ingested: pick(this.#ingested) });
  }

  /** Of the rows here that `rows` names. */
  pick(rows: Uint32Array): RowTimes {
    const behind = this.#rows;
    if (!behind) return new RowTimes(this.#generated, this.#ingested, rows);
    const picked = takeWords(rows.length);
    for (let i = 0; i < rows.length; i++) picked[i] = behind[rows[i]!]!;
    return new RowTimes(this.#generated, this.#ingested, picked);
  }

  /** The first row from `start` to `end` that was generated after `bound`; `end` where there is none. */
  firstAfter(bound: number, start: number, end: number): number {
    return this.#search(firstAfter, bound, start, end);
  }

  /** The first row from `start` to `end` that was generated at `bound` or later; `end` where there is none. */
  firstFrom(bound: number, start: number, end: number): number {
    return this.#search(firstFrom, bound, start, end);
  }

  /** Searches the table, so that a few bounds cost no picking. */
  #search(search: typeof firstFrom, bound: number, start: number, end: number): number {
    const rows = this.#rows;
    if (!rows || start >= end) return search(this.#generated, bound, start, end);
    return firstFrom(rows, search(this.#generated, bound, rows[start], rows[end - 1]! + 1), start, end);
  }

  /** Sets the runs of the rows from `start` to `end`, which are in the windows of `firstRun` to `lastRun`, by when each came in. */
  fillRuns(
    { start, end, firstRun, lastRun }: Stretch,
    { ingestedBy, ingestedAfter }: RunWindows,
    from: Uint32Array,
    to: Uint32Array,
  ): void {
    const rows = this.#rows;
    const cameIn = this.#ingested;
    const earliest = ingestedBy[firstRun]!;
    from.fill(firstRun, start, end);
    to.fill(lastRun, start, end);
    // Nearly all rows have come in by the first run that could see them, and stay.
    for (let row = start; row < end; row++) {
      const ingested = cameIn[rows ? rows[row]! : row]!;
      if (ingested > earliest) from[row] = firstFrom(ingestedBy, ingested, firstRun, lastRun);
      if (ingestedAfter) to[row] = Math.max(from[row]!, firstFrom(ingestedAfter, ingested, from[row], lastRun));
    }
  }
}

/** The rows of a table, or of row-local steps over one, with the times by which runs see them. */
export class HoistedRows {
  readonly batch: Batch;
  readonly #times: RowTimes;
  readonly #blocks: readonly Block[];
  /** What filters leave of these rows, whatever their bounds, by the text of the filter. */
  readonly #filtered: Map<string, HoistedRows>;
  #latest: Float64Array | undefined;
  /** Rows in order of ingestion, for windows that go by it. */
  #byIngestion: Uint32Array | undefined;

  constructor(
    batch: Batch,
    times: RowTimes,
    blocks: readonly Block[],
    filtered: Map<string, HoistedRows> = new Map<string, HoistedRows>(),
  ) {
    this.batch = batch;
    this.#times = times;
    this.#blocks = blocks;
    this.#filtered = filtered;
  }

  /** TimeGenerated of each row in column ticks, ascending within a block. */
  get times(): Float64Array {
    return this.#times.own().generated;
  }

  /** When each row came in, in column ticks. */
  get ingested(): Float64Array {
    return this.#times.own().ingested;
  }

  /** The rows after a further step; `rows` names the row here behind each of the step's, ascending; undefined: all. */
  step(batch: Batch, rows: Uint32Array | undefined): HoistedRows {
    if (!rows) return new HoistedRows(batch, this.#times, this.#blocks);
    const blocks = this.#blocks.map(({ start, end, ranges }) => ({
      start: firstFrom(rows, start),
      end: firstFrom(rows, end),
      ranges,
    }));
    return new HoistedRows(batch, this.#times.pick(rows), blocks);
  }

  /**
   * The rows that `select` names (ascending; undefined: all), picked once for all rows that differ from these by their
   * bounds alone.
   *
   * @param filter - a text that filters share if they select the same rows; undefined where nobody will ask again.
   */
  filtered(filter: string | undefined, select: (batch: Batch) => Uint32Array | undefined): HoistedRows {
    let found = filter === undefined ? undefined : this.#filtered.get(filter);
    if (!found) {
      const rows = select(this.batch);
      found = rows ? this.step(this.batch.select(rows), rows) : this;
      if (filter !== undefined) this.#filtered.set(filter, found);
    }
    const blocks = found.#blocks.map((block, at) => ({ ...block, ranges: this.#blocks[at]!.ranges }));
    return new HoistedRows(found.batch, found.#times, blocks, found.#filtered);
  }

  /** The same rows with further bounds. */
  bounded(ranges: readonly TimeRange[]): HoistedRows {
    if (ranges.length === 0) return this;
    const blocks = this.#blocks.map((block) => ({ ...block, ranges: [...block.ranges, ...ranges] }));
    return new HoistedRows(this.batch, this.#times, blocks, this.#filtered);
  }

  /** The rows of several one after another, each keeping its blocks. */
  static concat(batch: Batch, parts: readonly HoistedRows[]): HoistedRows {
    const times = new Float64Array(batch.rowCount);
    const ingested = new Float64Array(batch.rowCount);
    const blocks: Block[] = [];
    let at = 0;
    for (const part of parts) {
      times.set(part.times, at);
      ingested.set(part.ingested, at);
      for (const { start, end, ranges } of part.#blocks) blocks.push({ start: at + start, end: at + end, ranges });
      at += part.batch.rowCount;
    }
    return new HoistedRows(batch, new RowTimes(times, ingested), blocks);
  }

  /**
   * The runs that see each row, from `from` (inclusive) to `to` (exclusive); undefined where they need not be successive,
   * as with a bound that moves back.
   */
  runsOf(
    windows: RunWindows,
    boundOf: (bound: Expression, run: number) => bigint | null,
  ): { readonly from: Uint32Array; readonly to: Uint32Array } | undefined {
    const { ingestedBy, ingestedAfter } = windows;
    if (!isSorted(ingestedBy) || (ingestedAfter && !isSorted(ingestedAfter))) return undefined;
    const blocks = this.stretches(windows, boundOf);
    if (!blocks) return undefined;
    const from = takeWords(this.batch.rowCount);
    const to = takeWords(this.batch.rowCount);
    let filled = 0;
    for (const stretch of blocks.flat()) {
      from.fill(0, filled, stretch.start);
      to.fill(0, filled, stretch.start);
      this.#times.fillRuns(stretch, windows, from, to);
      filled = stretch.end;
    }
    from.fill(0, filled);
    to.fill(0, filled);
    return { from, to };
  }

  /**
   * For each block its rows by the runs whose window they are in, but for when they came in; undefined where the runs of a
   * row need not be successive.
   */
  stretches(windows: RunWindows, boundOf: (bound: Expression, run: number) => bigint | null): Stretch[][] | undefined {
    const found: Stretch[][] = [];
    const { length } = windows.until;
    for (const block of this.#blocks) {
      const starts = new Uint32Array(length);
      const ends = new Uint32Array(length);
      for (let run = 0; run < length; run++) {
        const { start, end } = this.#inside(block, windows.after[run]!, windows.until[run]!, (bound) =>
          boundOf(bound, run),
        );
        starts[run] = start;
        ends[run] = Math.max(start, end);
      }
      if (!isSorted(starts) || !isSorted(ends)) return undefined;
      const stretches: Stretch[] = [];
      // The first run that has come to the row, and the first that has not yet left it behind.
      let firstRun = 0;
      let lastRun = 0;
      for (let row = block.start; row < block.end; ) {
        while (firstRun < length && ends[firstRun]! <= row) firstRun++;
        while (lastRun < length && starts[lastRun]! <= row) lastRun++;
        let end = block.end;
        if (firstRun < length) end = Math.min(end, ends[firstRun]!);
        if (lastRun < length) end = Math.min(end, starts[lastRun]!);
        if (firstRun < lastRun) stretches.push({ start: row, end, firstRun, lastRun });
        row = end;
      }
      found.push(stretches);
    }
    return found;
  }

  /** The rows that a run sees. `boundOf` gives the run's value of a bound, null where it has none. */
  at(window: Window, boundOf: (bound: Expression) => bigint | null): Batch {
    const ingestedBy = columnTicksFromTicks(window.ingestedBy);
    const after = columnTicksFromTicks(window.after);
    const until = columnTicksFromTicks(window.until);
    const parts: { start: number; end: number; rows: Uint32Array | undefined }[] = [];
    for (const block of this.#blocks) {
      const { start, end } = this.#inside(block, after, until, boundOf);
      if (start >= end) continue;
      const rows =
        window.ingestedAfter === undefined
          ? this.#rowsInTime(start, end, ingestedBy)
          : this.#rowsIngested(start, end, columnTicksFromTicks(window.ingestedAfter), ingestedBy);
      parts.push({ start, end, rows });
    }
    const [only] = parts;
    if (!only) return this.batch.slice(0, 0);
    if (parts.length === 1) {
      const slice = this.batch.slice(only.start, only.end);
      return only.rows ? selectMost(slice, only.rows) : slice;
    }
    const rows = new Uint32Array(parts.reduce((sum, part) => sum + (part.rows?.length ?? part.end - part.start), 0));
    let at = 0;
    for (const part of parts) {
      if (part.rows) for (const row of part.rows) rows[at++] = part.start + row;
      else for (let row = part.start; row < part.end; row++) rows[at++] = row;
    }
    return this.batch.select(rows);
  }

  #inside(
    block: Block,
    windowAfter: number,
    windowUntil: number,
    boundOf: (bound: Expression) => bigint | null,
  ): { readonly start: number; readonly end: number } {
    const after = (bound: number): number => this.#times.firstAfter(bound, block.start, block.end);
    const from = (bound: number): number => this.#times.firstFrom(bound, block.start, block.end);
    let start = after(windowAfter);
    let end = after(windowUntil);
    for (const { operator, bound } of block.ranges) {
      const ticks = boundOf(bound);
      if (ticks === null) return { start, end: start };
      const value = columnTicksFromTicks(ticks);
      if (operator === '>') start = Math.max(start, after(value));
      else if (operator === '>=') start = Math.max(start, from(value));
      else if (operator === '<') end = Math.min(end, from(value));
      else end = Math.min(end, after(value));
    }
    return { start, end };
  }

  /** The rows of the slice that came in within (after, by], counted from its start. */
  #rowsIngested(start: number, end: number, after: number, by: number): Uint32Array {
    const { ingested } = this;
    const order = (this.#byIngestion ??= orderOf(ingested));
    const rows = order
      .slice(firstAfterIn(ingested, order, after), firstAfterIn(ingested, order, by))
      .filter((row) => row >= start && row < end)
      .sort();
    for (let i = 0; i < rows.length; i++) rows[i]! -= start;
    return rows;
  }

  /** The rows of the slice that had come in, counted from its start; undefined where all had. */
  #rowsInTime(start: number, end: number, ingestedBy: number): Uint32Array | undefined {
    const { ingested } = this;
    const latest = (this.#latest ??= chunkMaxima(ingested));
    let anyLate = false;
    for (let chunk = Math.floor(start / CHUNK); chunk * CHUNK < end && !anyLate; chunk++) {
      if (latest[chunk]! <= ingestedBy) continue;
      const to = Math.min(end, (chunk + 1) * CHUNK);
      for (let row = Math.max(start, chunk * CHUNK); row < to && !anyLate; row++) anyLate = ingested[row]! > ingestedBy;
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

/** The rows of a batch named by `rows`, of which the first many are all rows: those are copied as a block. */
function selectMost(batch: Batch, rows: Uint32Array): Batch {
  let block = 0;
  while (block < rows.length && rows[block] === block) block++;
  const rest = rows.subarray(block);
  return new Batch(
    batch.schema,
    rows.length,
    batch.schema.map(({ type }, index) => () => {
      const column = batch.column(index);
      return concatColumns(type, [sliceColumn(column, 0, block), gatherColumn(column, rest)]);
    }),
    batch.lineage && batch.select(rows).lineage,
  );
}

function chunkMaxima(values: Float64Array): Float64Array {
  const out = new Float64Array(Math.ceil(values.length / CHUNK)).fill(-Infinity);
  for (let row = 0; row < values.length; row++) {
    const chunk = Math.floor(row / CHUNK);
    if (values[row]! > out[chunk]!) out[chunk] = values[row]!;
  }
  return out;
}

function orderOf(values: Float64Array): Uint32Array {
  return Uint32Array.from(values, (_, row) => row).sort((a, b) => values[a]! - values[b]!);
}

/**
 * Rows with their time columns as hoisted rows. Rows without TimeGenerated (which must stand first or last) are in no
 * window and are left out; a row without `$IngestionTime` counts as ingested when it was generated. Undefined where the times are not plain ascending numbers.
 */
export function hoistRows(
  batch: Batch,
  time: Column,
  ingestion: Column,
  ranges: readonly TimeRange[],
): HoistedRows | undefined {
  if (batch.rowCount === 0 || (time.kind === 'constant' && time.value === null)) {
    return new HoistedRows(batch.slice(0, 0), new RowTimes(new Float64Array(), new Float64Array()), [
      { start: 0, end: 0, ranges },
    ]);
  }
  if (time.kind !== 'number') return undefined;
  let first = 0;
  let count = batch.rowCount;
  while (count > 0 && time.nulls?.[count - 1]) count--;
  while (first < count && time.nulls?.[first]) first++;
  if (time.nulls?.subarray(first, count).includes(1)) return undefined;
  if (!timesAscend(time.values, first, count)) return undefined;
  let ingested = time.values;
  if (ingestion.kind === 'number') {
    ingested = ingestion.nulls
      ? ingestion.values.map((value, row) => (ingestion.nulls![row] ? time.values[row]! : value))
      : ingestion.values;
  } else if (ingestion.kind !== 'constant' || ingestion.value !== null) return undefined;
  return new HoistedRows(
    batch.slice(first, count),
    new RowTimes(time.values.subarray(first, count), ingested.subarray(first, count)),
    [{ start: 0, end: count - first, ranges }],
  );
}
