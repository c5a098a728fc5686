/**
 * The windowed-correlation kernel: a correlation (correlation.ts) evaluated over the arrays of a log, for all runs at once.
 * Each row of the log is looked at once; what has no partner is passed over by a look at its key alone. Of the rest, a
 * group's row of choice in each run follows from the order of its rows, and each pair is made only if its rows share a run
 * and lie near enough to each other. Between these steps there are row numbers and nothing else.
 *
 * The rows are those of the general way, in another order: this is for rows that are put in the canonical order afterwards.
 */
import { takeDoubles, takeWords } from '../../base/arena.ts';
import { firstFrom, firstFromIn } from '../../base/search.ts';
import { Batch, type Lineage } from '../../columns/batch.ts';
import { type Column, gatherColumn } from '../../columns/column.ts';
import type { Expression } from '../../plan/plan.ts';
import { evaluate, type Scope, selectRows } from '../evaluate.ts';
import type { HoistedRows, RunWindows, Stretch } from '../hoist.ts';
import { groupRows, joinIds, rowsByGroup } from '../operators/keys.ts';
import { LineageSets } from '../operators/lineage.ts';
import { isAscending, sortedRows } from '../order.ts';
import type { Correlation, Log, Picks } from './correlation.ts';
import { RunSet } from './join.ts';
import { rowsWithPartner } from './reduce.ts';
import { pick, RunRows } from './run-rows.ts';
import { grown, summarizeRuns } from './summarize.ts';

/** Beyond so many pairs the general way, which holds only some at a time, does better. */
const MOST_PAIRS = 1 << 22;

export interface Correlated {
  /** The pairs of the join, in the order of the other side's rows. */
  readonly pairs: RunRows;
  /** How many rows of the log pass its conditions and are in a run together with a partner. */
  readonly logRows: number;
  /** Whether some pair shares a run, however far apart it lies. */
  readonly met: boolean;
}

/**
 * The rows of the correlation's join that are within its bounds on time, maybe with others; undefined where the data are
 * not of a kind that this can do.
 *
 * @param scan - the rows of the log's table.
 * @param stretches - its rows by run, within the bounds that runs set on TimeGenerated.
 * @param others - the rows of the other side.
 * @param maxRows - the most rows that a join may make in one run; whether more are an error is for the general way to say.
 */
export function correlate(
  correlation: Correlation,
  scan: HoistedRows,
  stretches: readonly Stretch[],
  windows: RunWindows,
  others: RunRows,
  scope: Scope,
  maxRows: number,
): Correlated | undefined {
  const { join, log, bounds } = correlation;
  const most = Math.min(MOST_PAIRS, maxRows);
  // Rows that leave a window by when they came in need not leave it in order.
  if (windows.ingestedAfter) return undefined;
  const keysOf = (batch: Batch): Column[] => join.on.map((pair) => evaluate(pair[otherSide(log)], batch, scope));
  const kept = join.kind === 'innerunique' ? firstOfEqual(others, keysOf(others.batch)) : others;
  const seen = seenRows(correlation, scan, stretches, windows, kept, scope);
  if (!seen) return undefined;
  const rows = log.sums ? sumsOf(correlation, log.sums, seen, scope) : seen;
  const meeting = new Meeting(log, rows, kept, keysOf(kept.batch), scope);
  const keptTimes = bounds && rows.times && ascendingTimes(kept.batch.column(bounds.column));
  const pairing = keptTimes ? meeting.pairs(bounds, keptTimes, most) : meeting.pairs(ANY_DISTANCE, undefined, most);
  if (pairing.count > most) return undefined;
  const pairs = rowsOfPairs(correlation, rows.batch, kept, pairing, scope);
  // Whether none was let through by the conditions or by the bounds is for the general way to find out.
  if (pairs.rowCount === 0 && (log.having.length > 0 || log.sums)) return undefined;
  const met = pairs.rowCount > 0 || (keptTimes !== undefined && meeting.pairs(ANY_DISTANCE, undefined, 0).count > 0);
  return { pairs, logRows: visible(seen), met };
}

/** Rows of the log's side, in order of time where they have one. */
interface LogRows {
  readonly batch: Batch;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  readonly times: Float64Array | undefined;
}

function otherSide({ side }: Log): 'left' | 'right' {
  return side === 'left' ? 'right' : 'left';
}

/** The rows of the table that pass the log's conditions and have a partner in some run. */
function seenRows(
  { log }: Correlation,
  scan: HoistedRows,
  stretches: readonly Stretch[],
  windows: RunWindows,
  kept: RunRows,
  scope: Scope,
): LogRows | undefined {
  const key = evaluate(log.table.key, scan.batch, scope);
  const keptKey = evaluate(log.table.by, kept.batch, scope);
  if (key.kind !== 'coded' || keptKey.kind !== 'coded') return undefined;
  let rows = rowsWithPartner(key, stretches, kept, keptKey, windows.until.length);
  let batch = scan.batch.select(rows);
  for (const predicate of log.predicates) {
    const passed = selectRows(predicate, batch, scope);
    if (!passed) continue;
    rows = pick(rows, passed);
    batch = scan.batch.select(rows);
  }
  const runs = runsOf(rows, scan.ingested, stretches, windows.ingestedBy);
  return { batch, ...runs, times: timesOf(scan.times, rows) };
}

/** In each run the first of the rows with equal keys. */
function firstOfEqual(rows: RunRows, keys: readonly Column[]): RunRows {
  const { of } = groupRows(keys, rows.rowCount);
  const taken: RunSet[] = [];
  const [kept, from, to]: [number[], number[], number[]] = [[], [], []];
  for (let row = 0; row < rows.rowCount; row++) {
    const before = (taken[of[row]!] ??= new RunSet());
    const { starts, ends, count } = before.missingIn(rows.from[row]!, rows.to[row]!);
    for (let k = 0; k < count; k++) {
      kept.push(row);
      from.push(starts[k]!);
      to.push(ends[k]!);
    }
    before.add(rows.from[row]!, rows.to[row]!);
  }
  return new RunRows(rows.batch.select(Uint32Array.from(kept)), Uint32Array.from(from), Uint32Array.from(to));
}

/** The log's groups as rows that stand in runs, those that `having` lets through, in order of the time that is bounded. */
function sumsOf(
  { log, bounds }: Correlation,
  { node, input }: NonNullable<Correlation['log']['sums']>,
  { batch, from, to }: LogRows,
  scope: Scope,
): LogRows {
  const columns = input.map((e) => () => evaluate(e, batch, scope));
  const rows = new RunRows(batch.with(node.input.columns, columns), from, to);
  const chunks: RunRows[] = [];
  summarizeRuns(
    node,
    rows,
    (e, of) => evaluate(e, of, scope),
    (chunk) => chunks.push(chunk),
  );
  let sums = chunks.length === 0 ? RunRows.none(node.columns) : RunRows.concat(node.columns, chunks);
  for (const condition of log.having) {
    const passed = selectRows(condition, sums.batch, scope);
    if (passed) sums = sums.select(passed);
  }
  const time = bounds && evaluate(log.columns[bounds.time]!, sums.batch, scope);
  if (time?.kind !== 'number' || time.nulls)
    return { batch: sums.batch, from: sums.from, to: sums.to, times: undefined };
  const order = sortedRows([{ column: time, descending: false, nullsFirst: false }], sums.rowCount);
  const sorted = sums.select(order);
  return { batch: sorted.batch, from: sorted.from, to: sorted.to, times: timesOf(time.values, order) };
}

function visible({ from, to }: LogRows): number {
  let count = 0;
  for (let row = 0; row < from.length; row++) if (from[row]! < to[row]!) count++;
  return count;
}

const ANY_DISTANCE: { readonly least: number; readonly most: number } = { least: -Infinity, most: Infinity };

/** Times in column ticks, where all rows have one and stand in its order. */
function ascendingTimes(column: Column): Float64Array | undefined {
  return column.kind === 'number' && !column.nulls && isAscending(column) ? column.values : undefined;
}

function timesOf(all: Float64Array, rows: Uint32Array): Float64Array {
  const out = takeDoubles(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = all[rows[i]!]!;
  return out;
}

/** The runs that see each of the rows, which are ascending and in the stretches. */
function runsOf(
  rows: Uint32Array,
  cameIn: Float64Array,
  stretches: readonly Stretch[],
  ingestedBy: Float64Array,
): { readonly from: Uint32Array; readonly to: Uint32Array } {
  const from = takeWords(rows.length);
  const to = takeWords(rows.length);
  let at = 0;
  for (const { end, firstRun, lastRun } of stretches) {
    const earliest = ingestedBy[firstRun]!;
    for (; at < rows.length && rows[at]! < end; at++) {
      const ingested = cameIn[rows[at]!]!;
      from[at] = ingested <= earliest ? firstRun : firstFrom(ingestedBy, ingested, firstRun, lastRun);
      to[at] = lastRun;
    }
  }
  return { from, to };
}

interface Side {
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** In column ticks. */
  readonly times: Float64Array;
  /** Rows of one group (or key) after another, in order of time within each. */
  readonly rows: Uint32Array;
}

/** A row that stands for its group in some runs, one per place, in order of time. */
class PickedRows {
  row = new Uint32Array(256);
  from = new Uint32Array(256);
  to = new Uint32Array(256);
  count = 0;

  add(row: number, from: number, to: number): void {
    if (this.count === this.row.length) {
      this.row = grown(this.row);
      this.from = grown(this.from);
      this.to = grown(this.to);
    }
    this.row[this.count] = row;
    this.from[this.count] = from;
    this.to[this.count++] = to;
  }

  reverse(): void {
    reverse(this.row, this.count);
    reverse(this.from, this.count);
    reverse(this.to, this.count);
  }
}

function reverse(values: Uint32Array, count: number): void {
  for (let i = 0, k = count - 1; i < k; i++, k--) {
    const value = values[i]!;
    values[i] = values[k]!;
    values[k] = value;
  }
}

/** The rows of both sides by what they have in common. */
class Meeting {
  readonly #log: Log;
  readonly #rows: LogRows;
  readonly #kept: RunRows;
  /** Rows of the log by group, or by key where they are not grouped. */
  readonly #members: ReturnType<typeof rowsByGroup>;
  readonly #partners: ReturnType<typeof rowsByGroup>;
  /** The key of each group. */
  readonly #keyOf: (group: number) => number;

  constructor(log: Log, rows: LogRows, kept: RunRows, keptKeys: readonly Column[], scope: Scope) {
    this.#log = log;
    this.#rows = rows;
    this.#kept = kept;
    const valuesOf = (expressions: readonly Expression[]): Column[] =>
      expressions.map((e) => evaluate(e, rows.batch, scope));
    const ids = joinIds(valuesOf(log.keys), keptKeys);
    this.#partners = rowsByGroup(ids.right, ids.count);
    if (log.picks === 'each') {
      this.#members = rowsByGroup(ids.left, ids.count);
      this.#keyOf = (key) => key;
    } else {
      const groups = groupRows(valuesOf(log.groupKeys), rows.batch.rowCount);
      this.#members = rowsByGroup(groups.of, groups.count);
      this.#keyOf = (group) => ids.left[groups.first[group]!]!;
    }
  }

  /**
   * @param keptTimes - undefined where any distance will do.
   * @param most - no more pairs are looked for once there are more than these.
   */
  pairs(within: typeof ANY_DISTANCE, keptTimes: Float64Array | undefined, most: number): Pairing {
    const { from, to, batch, times } = this.#rows;
    const { starts, rows } = this.#members;
    const { from: keptFrom, to: keptTo } = this.#kept;
    const partners = this.#partners;
    const pairing = new Pairing(
      this.#log.picks,
      { from, to, times: times ?? new Float64Array(batch.rowCount), rows },
      batch.lineage,
      { from: keptFrom, to: keptTo, times: keptTimes ?? new Float64Array(keptFrom.length), rows: partners.rows },
      within,
    );
    for (let group = 0; group + 1 < starts.length && pairing.count <= most; group++) {
      if (starts[group] === starts[group + 1]) continue;
      const key = this.#keyOf(group);
      pairing.add(starts[group]!, starts[group + 1]!, partners.starts[key]!, partners.starts[key + 1]!, most);
    }
    return pairing;
  }
}

/** Finds the pairs of one group after another. */
class Pairing {
  /** A row of the other side, a row of the log, and the runs of the pair; one pair per place. */
  keptRows: Uint32Array = takeWords(4096);
  logRows: Uint32Array = takeWords(4096);
  from: Uint32Array = takeWords(4096);
  to: Uint32Array = takeWords(4096);
  count = 0;
  /** What stands behind the log's row, by pair, as codes of `sets`; pairs that are not here have nothing behind it. */
  readonly labels = new Map<number, number>();
  readonly sets = new LineageSets();
  readonly #picks: Picks;
  readonly #log: Side;
  readonly #lineage: Lineage | undefined;
  readonly #kept: Side;
  readonly #least: number;
  readonly #most: number;
  readonly #picked = new PickedRows();

  constructor(
    picks: Picks,
    log: Side,
    lineage: Lineage | undefined,
    kept: Side,
    { least, most }: { readonly least: number; readonly most: number },
  ) {
    this.#picks = picks;
    this.#log = log;
    this.#lineage = lineage;
    this.#kept = kept;
    this.#least = least;
    this.#most = most;
  }

  /** The pairs of a group, `log.rows` from `start` to `end`, with the rows of the other side that have its key. */
  add(start: number, end: number, keptStart: number, keptEnd: number, most: number): void {
    if (keptStart === keptEnd) return;
    this.#picked.count = 0;
    if (this.#picks === 'last') this.#pickLast(start, end);
    else if (this.#picks === 'first') this.#pickFirst(start, end);
    else this.#pickEach(start, end);
    const first = this.count;
    this.#pair(keptStart, keptEnd, most);
    if (this.#lineage && this.count > first) this.#label(first, start, end);
  }

  #pickEach(start: number, end: number): void {
    const { rows, from, to } = this.#log;
    for (let i = start; i < end; i++) {
      const row = rows[i]!;
      if (from[row]! < to[row]!) this.#picked.add(row, from[row]!, to[row]!);
    }
  }

  /**
   * The latest row of each run, of several at one time the first. A later row leaves a window no earlier than an earlier
   * one does; so from the first run that sees any later row on, the earlier one is not the latest.
   */
  #pickLast(start: number, end: number): void {
    const { rows, from, to, times } = this.#log;
    let until = Infinity;
    for (let last = end - 1; last >= start; ) {
      let first = last;
      while (first > start && times[rows[first - 1]!] === times[rows[last]!]) first--;
      for (let i = first; i <= last; i++) {
        const row = rows[i]!;
        const begin = from[row]!;
        if (begin >= to[row]!) continue;
        const stop = Math.min(to[row]!, until);
        if (begin < stop) this.#picked.add(row, begin, stop);
        if (begin < until) until = begin;
      }
      last = first - 1;
    }
    this.#picked.reverse();
  }

  /** The earliest row of each run, of several at one time the first. */
  #pickFirst(start: number, end: number): void {
    const { rows, from, to } = this.#log;
    const before = new RunSet();
    for (let i = start; i < end; i++) {
      const row = rows[i]!;
      const { starts, ends, count } = before.missingIn(from[row]!, to[row]!);
      for (let k = 0; k < count; k++) this.#picked.add(row, starts[k]!, ends[k]!);
      before.add(from[row]!, to[row]!);
    }
  }

  #pair(keptStart: number, keptEnd: number, mostPairs: number): void {
    const { rows: keptRows, from: keptFrom, to: keptTo, times: keptTimes } = this.#kept;
    const { times } = this.#log;
    const { row: picked, from, to, count } = this.#picked;
    if (count === 0) return;
    const least = this.#least;
    const most = this.#most;
    let low = 0;
    const lastOfAll = times[picked[count - 1]!]! + most;
    for (let k = firstFromIn(keptTimes, keptRows, times[picked[0]!]! + least, keptStart, keptEnd); k < keptEnd; k++) {
      const kept = keptRows[k]!;
      const time = keptTimes[kept]!;
      if (time > lastOfAll || this.count > mostPairs) return;
      const begin = keptFrom[kept]!;
      const end = keptTo[kept]!;
      while (low < count && times[picked[low]!]! < time - most) low++;
      for (let i = low; i < count; i++) {
        if (times[picked[i]!]! > time - least) break;
        const first = Math.max(begin, from[i]!);
        const last = Math.min(end, to[i]!);
        if (first < last) this.#add(kept, picked[i]!, first, last);
      }
    }
  }

  #add(kept: number, log: number, from: number, to: number): void {
    if (this.count === this.keptRows.length) {
      this.keptRows = grown(this.keptRows);
      this.logRows = grown(this.logRows);
      this.from = grown(this.from);
      this.to = grown(this.to);
    }
    const at = this.count++;
    this.keptRows[at] = kept;
    this.logRows[at] = log;
    this.from[at] = from;
    this.to[at] = to;
  }

  /**
   * Sets down which labelled rows stand behind the pairs of a group from `first` on. Behind a group stand all its rows in the
   * run, so a pair is cut where a labelled one comes or goes.
   */
  #label(first: number, start: number, end: number): void {
    const { rows, from, to } = this.#log;
    const lineage = this.#lineage!;
    const each = this.#picks === 'each';
    const labelled: number[] = [];
    for (let i = start; i < end; i++) if (lineage.codes[rows[i]!] !== 0) labelled.push(rows[i]!);
    if (labelled.length === 0) return;
    const known = this.count;
    for (let pair = first; pair < known; pair++) {
      const behind = each ? labelled.filter((row) => row === this.logRows[pair]) : labelled;
      const begin = this.from[pair]!;
      const stop = this.to[pair]!;
      const cuts = new Set([stop]);
      if (!each)
        for (const run of behind.flatMap((row) => [from[row]!, to[row]!])) if (run > begin && run < stop) cuts.add(run);
      let cut = begin;
      for (const next of [...cuts].sort((a, b) => a - b)) {
        const at = cut === begin ? pair : this.count;
        if (at === pair) this.to[pair] = next;
        else this.#add(this.keptRows[pair]!, this.logRows[pair]!, cut, next);
        const seen = behind.filter((row) => from[row]! <= cut && to[row]! > cut);
        const events = seen.flatMap((row) => lineage.sets[lineage.codes[row]!]!);
        if (events.length > 0) this.labels.set(at, this.sets.code([...new Set(events)].sort()));
        cut = next;
      }
    }
  }
}

/** The pairs as rows of the join, in the order of the other side's rows. */
function rowsOfPairs({ join, log }: Correlation, batch: Batch, kept: RunRows, pairing: Pairing, scope: Scope): RunRows {
  let order = rowsByGroup(pairing.keptRows.subarray(0, pairing.count), kept.rowCount).rows;
  let picked = batch.select(pick(pairing.logRows, order));
  for (const condition of log.sums ? [] : log.having) {
    const passed = selectRows(condition, picked, scope);
    if (!passed) continue;
    order = pick(order, passed);
    picked = picked.select(passed);
  }
  const keptRows = pick(pairing.keptRows, order);
  return new RunRows(
    new Batch(
      join.columns,
      order.length,
      join.output.map(({ side, index }) =>
        side === log.side
          ? () => evaluate(log.columns[index]!, picked, scope)
          : () => gatherColumn(kept.batch.column(index), keptRows),
      ),
      lineageOfPairs(pairing, order, kept.batch.lineage, keptRows),
    ),
    pick(pairing.from, order),
    pick(pairing.to, order),
  );
}

function lineageOfPairs(
  { sets, labels }: Pairing,
  order: Uint32Array,
  lineage: Lineage | undefined,
  keptRows: Uint32Array,
): Lineage | undefined {
  if (!lineage && labels.size === 0) return undefined;
  const own = sets.import(lineage);
  const codes = new Uint32Array(order.length);
  for (let i = 0; i < codes.length; i++) {
    codes[i] = sets.union(own ? own[lineage!.codes[keptRows[i]!]!]! : 0, labels.get(order[i]!) ?? 0);
  }
  return sets.lineage(codes);
}
