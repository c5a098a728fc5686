/**
 * `join` for all runs. A pair stands in the runs in which both its rows do, so it is made once for all of them; what only
 * asks whether a row has a partner (semi, anti, the unmatched side of an outer join, the first of equal keys in
 * `innerunique`) takes the runs of a row apart by those of the other side's rows with its key.
 */
import { takeWords } from '../../base/arena.ts';
import { firstAfterIn } from '../../base/search.ts';
import { Batch } from '../../columns/batch.ts';
import { type Column, gatherColumn } from '../../columns/column.ts';
import type { Plan } from '../../plan/plan.ts';
import { gatherOrMissing } from '../operators/gather.ts';
import { type Groups, joinIds, rowsByGroup, sharedGroups } from '../operators/keys.ts';
import { LineageSets, pairLineage } from '../operators/lineage.ts';
import { askedSide } from './asked.ts';
import { RunRows } from './run-rows.ts';
import { grown } from './summarize.ts';

type Join = Extract<Plan, { op: 'join' }>;

/** Kinds of join that can be worked out for all runs at once. */
export const JOIN_KINDS: ReadonlySet<Join['kind']> = new Set<Join['kind']>([
  'inner',
  'innerunique',
  'leftouter',
  'leftsemi',
  'leftanti',
  'rightsemi',
  'rightanti',
]);

/** Pairs are handed on by so many. */
const CHUNK_PAIRS = 1 << 17;

/**
 * Gives the rows of the join to `sink`, some at a time, in the order of the left rows, each with its right rows in theirs.
 *
 * @param admit - called with the most rows that any one run has so far.
 */
export function joinRuns(
  node: Join,
  left: RunRows,
  right: RunRows,
  leftKeys: readonly Column[],
  rightKeys: readonly Column[],
  runCount: number,
  admit: (rowCount: number) => void,
  sink: (chunk: RunRows) => void,
): void {
  const asked = askedSide(node);
  if (asked === 'right') oneSided(node, left, leftKeys, right, rightKeys, sink);
  else if (asked === 'left') oneSided(node, right, rightKeys, left, leftKeys, sink);
  else new Pairing(node, left, right, runCount, admit, sink).run(joinIds(leftKeys, rightKeys));
}

class Pairing {
  readonly #node: Join;
  readonly #left: RunRows;
  readonly #right: RunRows;
  readonly #admit: (rowCount: number) => void;
  readonly #sink: (chunk: RunRows) => void;
  /** How many more rows each run has than the one before it. */
  readonly #growth: Float64Array;
  readonly #leftRows = takeWords(CHUNK_PAIRS);
  readonly #rightRows = takeWords(CHUNK_PAIRS);
  readonly #from = takeWords(CHUNK_PAIRS);
  readonly #to = takeWords(CHUNK_PAIRS);
  #count = 0;

  constructor(
    node: Join,
    left: RunRows,
    right: RunRows,
    runCount: number,
    admit: (rowCount: number) => void,
    sink: (chunk: RunRows) => void,
  ) {
    this.#node = node;
    this.#left = left;
    this.#right = right;
    this.#admit = admit;
    this.#sink = sink;
    this.#growth = new Float64Array(runCount + 1);
  }

  run(ids: { readonly left: Uint32Array; readonly right: Uint32Array; readonly count: number }): void {
    const { starts, rows } = rowsByGroup(ids.right, ids.count);
    const inTurn = keysInTurn(this.#right, starts, rows, ids.count);
    const unique = this.#node.kind === 'innerunique' ? new Map<number, RunSet>() : undefined;
    const outer = this.#node.kind === 'leftouter';
    const { from, to } = this.#left;
    const { from: rightFrom, to: rightTo } = this.#right;
    for (let row = 0; row < from.length; row++) {
      const a = from[row]!;
      const b = to[row]!;
      if (a >= b) continue;
      const id = ids.left[row]!;
      let start = starts[id]!;
      let end = starts[id + 1]!;
      if (start === end && !outer) continue;
      let pieces: RunSet | undefined;
      if (unique) {
        // The first of the left rows with one key stands for all, in each run.
        let taken = unique.get(id);
        if (!taken) unique.set(id, (taken = new RunSet()));
        pieces = taken.missingIn(a, b);
        taken.add(a, b);
      }
      if (inTurn[id] === 1 && end - start > 8) {
        start = firstAfterIn(rightTo, rows, a, start, end);
        end = firstAfterIn(rightFrom, rows, b - 1, start, end);
      }
      for (let k = start; k < end; k++) {
        const other = rows[k]!;
        const c = rightFrom[other]!;
        const d = rightTo[other]!;
        if (c >= b || d <= a || c >= d) continue;
        if (!pieces) {
          this.#add(row, other, Math.max(a, c), Math.min(b, d));
          continue;
        }
        for (let p = 0; p < pieces.count; p++) {
          const lower = Math.max(pieces.starts[p]!, c);
          const upper = Math.min(pieces.ends[p]!, d);
          if (lower < upper) this.#add(row, other, lower, upper);
        }
      }
      if (!outer) continue;
      const matched = new RunSet();
      for (let k = start; k < end; k++) matched.add(rightFrom[rows[k]!]!, rightTo[rows[k]!]!);
      const alone = matched.missingIn(a, b);
      for (let p = 0; p < alone.count; p++) this.#add(row, -1, alone.starts[p]!, alone.ends[p]!);
    }
    this.#flush();
  }

  #add(left: number, right: number, from: number, to: number): void {
    const at = this.#count++;
    this.#leftRows[at] = left;
    this.#rightRows[at] = right;
    this.#from[at] = from;
    this.#to[at] = to;
    if (this.#count === CHUNK_PAIRS) this.#flush();
  }

  #flush(): void {
    const count = this.#count;
    if (count === 0) return;
    const from = this.#from.slice(0, count);
    const to = this.#to.slice(0, count);
    for (let i = 0; i < count; i++) {
      this.#growth[from[i]!]!++;
      this.#growth[to[i]!]!--;
    }
    let standing = 0;
    let most = 0;
    for (const growth of this.#growth) {
      standing += growth;
      if (standing > most) most = standing;
    }
    this.#admit(most);
    this.#count = 0;
    // -1 is no row.
    const leftRows = new Int32Array(this.#leftRows.slice(0, count).buffer);
    const rightRows = new Int32Array(this.#rightRows.slice(0, count).buffer);
    const { batch: left } = this.#left;
    const { batch: right } = this.#right;
    const batch = new Batch(
      this.#node.columns,
      count,
      this.#node.output.map(({ side, index }) =>
        side === 'left'
          ? () => gatherOrMissing(left.column(index), leftRows)
          : () => gatherOrMissing(right.column(index), rightRows),
      ),
      pairLineage(left, leftRows, right, rightRows),
    );
    this.#sink(new RunRows(batch, from, to));
  }
}

/** For each key 1 where its rows leave in the order in which they come, so that those in certain runs are a stretch. */
function keysInTurn({ from, to }: RunRows, starts: Uint32Array, rows: Uint32Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let id = 0; id < count; id++) {
    let inTurn = 1;
    for (let k = starts[id]! + 1; k < starts[id + 1]! && inTurn === 1; k++) {
      if (from[rows[k]!]! < from[rows[k - 1]!]! || to[rows[k]!]! < to[rows[k - 1]!]!) inTurn = 0;
    }
    out[id] = inTurn;
  }
  return out;
}

/** A set of runs as stretches, ascending and apart. */
export class RunSet {
  starts: number[] = [];
  ends: number[] = [];

  static of(from: number, to: number): RunSet {
    const runs = new RunSet();
    runs.add(from, to);
    return runs;
  }

  get count(): number {
    return this.starts.length;
  }

  add(from: number, to: number): void {
    if (from >= to) return;
    const { starts, ends } = this;
    const last = starts.length - 1;
    if (last < 0 || from > ends[last]!) {
      starts.push(from);
      ends.push(to);
      return;
    }
    if (from >= starts[last]!) {
      if (to > ends[last]!) ends[last] = to;
      return;
    }
    // Seldom: a row that came in late.
    let first = 0;
    while (ends[first]! < from) first++;
    let next = first;
    let lower = from;
    let upper = to;
    while (next < starts.length && starts[next]! <= to) {
      lower = Math.min(lower, starts[next]!);
      upper = Math.max(upper, ends[next]!);
      next++;
    }
    starts.splice(first, next - first, lower);
    ends.splice(first, next - first, upper);
  }

  /** The runs from `from` to `to` that are not in this set. */
  missingIn(from: number, to: number): RunSet {
    const out = new RunSet();
    let at = from;
    for (let i = this.#firstEndingAfter(from); i < this.starts.length && this.starts[i]! < to; i++) {
      if (this.starts[i]! > at) {
        out.starts.push(at);
        out.ends.push(this.starts[i]!);
      }
      at = Math.max(at, this.ends[i]!);
    }
    if (at < to) {
      out.starts.push(at);
      out.ends.push(to);
    }
    return out;
  }

  /** The runs from `from` to `to` that are in this set. */
  within(from: number, to: number): RunSet {
    const out = new RunSet();
    for (let i = this.#firstEndingAfter(from); i < this.starts.length && this.starts[i]! < to; i++) {
      out.starts.push(Math.max(from, this.starts[i]!));
      out.ends.push(Math.min(to, this.ends[i]!));
    }
    return out;
  }

  #firstEndingAfter(run: number): number {
    let low = 0;
    let high = this.ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.ends[middle]! > run) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** In place of a run: the group stands in several stretches. */
const IN_SEVERAL = 0xffffffff;

/** For each group of rows the runs in which one of its rows stands. */
class Presence {
  /** Of a group that stands in one stretch; `#to` is 0 for one that stands nowhere. */
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;
  /** Of a group that stands in several. */
  readonly #more = new Map<number, RunSet>();

  constructor(groups: Groups, { from, to }: RunRows) {
    this.#from = takeWords(groups.count);
    this.#to = takeWords(groups.count).fill(0);
    for (let row = 0; row < from.length; row++) {
      if (from[row]! < to[row]!) this.#add(groups.of[row]!, from[row]!, to[row]!);
    }
  }

  #add(group: number, from: number, to: number): void {
    const until = this.#to[group]!;
    if (until === 0) {
      this.#from[group] = from;
      this.#to[group] = to;
    } else if (from >= this.#from[group]! && from <= until) {
      if (to > until) this.#to[group] = to;
    } else {
      let runs = this.#more.get(group);
      if (!runs) {
        this.#more.set(group, (runs = RunSet.of(this.#from[group]!, until)));
        this.#from[group] = IN_SEVERAL;
      }
      runs.add(from, to);
    }
  }

  /** The runs from `from` to `to` in which a group stands or, where it must be `missing`, does not; ends as in {@link RunSet}. */
  within(group: number, from: number, to: number, missing: boolean): RunSet {
    if (this.#from[group] === IN_SEVERAL) {
      const runs = this.#more.get(group)!;
      return missing ? runs.missingIn(from, to) : runs.within(from, to);
    }
    const out = new RunSet();
    const start = Math.max(from, this.#from[group]!);
    const end = Math.min(to, this.#to[group]!);
    if (start >= end) {
      if (missing) out.add(from, to);
    } else if (missing) {
      out.add(from, start);
      out.add(end, to);
    } else out.add(start, end);
    return out;
  }
}

/** Semi and anti joins: the rows of `kept` in the runs in which the other side has, or has not, a row with their key. */
function oneSided(
  node: Join,
  kept: RunRows,
  keptKeys: readonly Column[],
  other: RunRows,
  otherKeys: readonly Column[],
  sink: (chunk: RunRows) => void,
): void {
  const semi = node.kind === 'leftsemi' || node.kind === 'rightsemi';
  // The other side's keys are numbered among themselves first: that is shared with whoever else groups by them.
  const groups = sharedGroups(otherKeys, other.rowCount);
  const present = new Presence(groups, other);
  const ids = joinIds(
    keptKeys,
    otherKeys.map((key) => gatherColumn(key, groups.first)),
  );
  // One more than the group, so that 0 is none.
  const groupOf = new Uint32Array(ids.count);
  for (let group = 0; group < groups.count; group++) groupOf[ids.right[group]!] = group + 1;
  const { lineage } = other.batch;
  /** Labelled rows of the other side, by group: what stands behind a row changes as they come and go. */
  const labelled = new Map<number, number[]>();
  if (semi && lineage) {
    for (let row = 0; row < lineage.codes.length; row++) {
      if (lineage.codes[row] === 0) continue;
      const rows = labelled.get(groups.of[row]!);
      if (rows) rows.push(row);
      else labelled.set(groups.of[row]!, [row]);
    }
  }
  let rows: Uint32Array = new Uint32Array(kept.rowCount);
  let from: Uint32Array = new Uint32Array(kept.rowCount);
  let to: Uint32Array = new Uint32Array(kept.rowCount);
  let codes: Uint32Array = new Uint32Array(lineage && semi ? kept.rowCount : 0);
  let count = 0;
  const sets = new LineageSets();
  const own = kept.batch.lineage;
  const ownMap = sets.import(own);
  for (let row = 0; row < kept.rowCount; row++) {
    const a = kept.from[row]!;
    const b = kept.to[row]!;
    if (a >= b) continue;
    const group = groupOf[ids.left[row]!]! - 1;
    if (group < 0 && semi) continue;
    const pieces = group < 0 ? RunSet.of(a, b) : present.within(group, a, b, !semi);
    const behind = labelled.get(group);
    for (let p = 0; p < pieces.count; p++) {
      const cuts = behind ? cutsOf(behind, other, pieces.starts[p]!, pieces.ends[p]!) : undefined;
      for (let c = 0; c < (cuts?.length ?? 2) - 1; c++) {
        if (count === rows.length) {
          rows = grown(rows);
          from = grown(from);
          to = grown(to);
          if (lineage && semi) codes = grown(codes);
        }
        rows[count] = row;
        from[count] = cuts ? cuts[c]! : pieces.starts[p]!;
        to[count] = cuts ? cuts[c + 1]! : pieces.ends[p]!;
        if (lineage && semi) {
          const mine = ownMap ? ownMap[own!.codes[row]!]! : 0;
          codes[count] = behind ? sets.union(mine, eventsBehind(behind, other, from[count]!, sets)) : mine;
        }
        count++;
      }
    }
  }
  const selected = kept.batch.select(rows.slice(0, count));
  const batch = new Batch(
    node.columns,
    count,
    node.output.map(
      ({ index }) =>
        () =>
          selected.column(index),
    ),
    lineage && semi ? sets.lineage(codes.slice(0, count)) : selected.lineage,
  );
  sink(new RunRows(batch, from.slice(0, count), to.slice(0, count)));
}

/** Where, from `from` to `to`, rows come or go; both ends included. */
function cutsOf(rows: readonly number[], of: RunRows, from: number, to: number): number[] {
  const cuts = new Set([from, to]);
  for (const row of rows) {
    for (const run of [of.from[row]!, of.to[row]!]) if (run > from && run < to) cuts.add(run);
  }
  return [...cuts].sort((a, b) => a - b);
}

/** The events of the rows that stand in a run, as a code of `sets`. */
function eventsBehind(rows: readonly number[], of: RunRows, run: number, sets: LineageSets): number {
  const lineage = of.batch.lineage!;
  const events = new Set<string>();
  for (const row of rows) {
    if (of.from[row]! > run || of.to[row]! <= run) continue;
    for (const event of lineage.sets[lineage.codes[row]!]!) events.add(event);
  }
  return sets.code([...events].sort());
}
