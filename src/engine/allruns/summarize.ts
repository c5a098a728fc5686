/**
 * `summarize` for all runs. A group's rows come and go as windows slide; between two changes its aggregates stay as they
 * are. So each group becomes versions: the runs of a version, and the rows that the group has in them. Rows come and go in
 * the same order unless one was ingested late, so the rows of a version are a stretch of the group's, named by its ends,
 * and an aggregate over a stretch follows from sums or from the stretch before. What has no such form is worked out over
 * the rows of the version by the aggregate itself.
 */
import { takeWords } from '../../base/arena.ts';
import { Batch } from '../../columns/batch.ts';
import { type Column, gatherColumn } from '../../columns/column.ts';
import type { Aggregate, Expression, Plan } from '../../plan/plan.ts';
import { type Groups, sharedGroups } from '../operators/keys.ts';
import { LineageSets } from '../operators/lineage.ts';
import { aggregateColumns } from '../operators/summarize.ts';
import { RunRows } from './run-rows.ts';
import { endOf, membersAt, slidingAggregate } from './sliding.ts';

type Summarize = Extract<Plan, { op: 'summarize' }>;

/** Versions, one per place. */
export interface Versions {
  readonly count: number;
  /** Group of the version. */
  readonly group: Uint32Array;
  /** Its rows are `members` from `low` (inclusive) to `high` (exclusive). */
  readonly low: Uint32Array;
  readonly high: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  /** Row numbers of the input. */
  readonly members: Uint32Array;
}

/** Versions of so many rows altogether are worked out at one time. */
const CHUNK_MEMBERS = 1 << 19;
const CHUNK_VERSIONS = 1 << 17;

/**
 * Gives the versions of all groups to `sink`, some at a time, each with the input row that stands first in it: in
 * the order of those rows a run has its groups in order of first appearance.
 *
 * @param times - columns of the input whose values ascend with its rows, none of them null.
 */
export function summarizeRuns(
  node: Summarize,
  input: RunRows,
  evaluate: (expression: Expression, batch: Batch) => Column,
  sink: (chunk: RunRows, firstRows: Uint32Array) => void,
  times: ReadonlySet<number> = new Set(),
): void {
  if (input.rowCount === 0) return;
  const keys = node.keys.map((key) => evaluate(key, input.batch));
  const groups = sharedGroups(keys, input.rowCount);
  const versions = versionsOf(input, groups.of, groups.count);
  const args = new Map<Expression, Column>();
  const argument = (expression: Expression): Column => {
    let column = args.get(expression);
    if (!column) args.set(expression, (column = evaluate(expression, input.batch)));
    return column;
  };
  const ends = new Map<'low' | 'high', Batch>();
  const rowsAt = (end: 'low' | 'high'): Batch => {
    let rows = ends.get(end);
    if (!rows) ends.set(end, (rows = input.batch.select(membersAt(versions, end))));
    return rows;
  };
  const columns: (Column | undefined)[] = node.aggregates.map((aggregate) => {
    const end = endOf(aggregate, times);
    // Of the other rows nothing is looked at.
    if (end) return evaluate(aggregate.args[1] ?? aggregate.args[0]!, rowsAt(end));
    return slidingAggregate(aggregate, aggregate.args.map(argument), versions);
  });
  const open = node.aggregates.filter((_, index) => columns[index] === undefined);
  const lineage = input.batch.lineage && versionLineage(input.batch.lineage, groups, versions);
  const emit = (start: number, end: number, rest: readonly Column[]): void => {
    const places = new Uint32Array(end - start);
    for (let i = 0; i < places.length; i++) places[i] = start + i;
    const first = new Uint32Array(places.length);
    for (let i = 0; i < first.length; i++) first[i] = versions.members[versions.low[start + i]!]!;
    let next = 0;
    const batch = new Batch(
      node.columns,
      places.length,
      [
        ...keys.map((key) => () => gatherColumn(key, first)),
        ...columns.map((column) => (column ? () => gatherColumn(column, places) : rest[next++]!)),
      ],
      lineage && { codes: lineage.codes.subarray(start, end), sets: lineage.sets },
    );
    sink(new RunRows(batch, versions.from.subarray(start, end), versions.to.subarray(start, end)), first);
  };
  if (open.length === 0) {
    for (let start = 0; start < versions.count; start += CHUNK_VERSIONS) {
      emit(start, Math.min(versions.count, start + CHUNK_VERSIONS), []);
    }
    return;
  }
  for (let start = 0; start < versions.count; ) {
    let end = start;
    let size = 0;
    while (end < versions.count && (end === start || size < CHUNK_MEMBERS) && end - start < CHUNK_VERSIONS) {
      size += versions.high[end]! - versions.low[end]!;
      end++;
    }
    emit(start, end, openAggregates(open, argument, versions, start, end, size));
    start = end;
  }
}

/** Aggregates over the rows of the versions from `start` to `end`, which have `size` rows altogether. */
function openAggregates(
  aggregates: readonly Aggregate[],
  argument: (expression: Expression) => Column,
  { low, high, members }: Versions,
  start: number,
  end: number,
  size: number,
): Column[] {
  const rows = new Uint32Array(size);
  const of = new Uint32Array(size);
  const first = new Uint32Array(end - start);
  let at = 0;
  for (let version = start; version < end; version++) {
    first[version - start] = at;
    for (let i = low[version]!; i < high[version]!; i++) {
      rows[at] = members[i]!;
      of[at++] = version - start;
    }
  }
  return aggregateColumns(aggregates, { of, count: end - start, first }, size, (expression) =>
    gatherColumn(argument(expression), rows),
  );
}

/** The rows of each group that stand in some run, one after another: as `rowsByGroup`, with the runs of each beside it. */
interface Members {
  readonly starts: Uint32Array;
  readonly rows: Uint32Array;
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

function membersOf({ from, to }: RunRows, of: Uint32Array, groupCount: number): Members {
  const starts = new Uint32Array(groupCount + 1);
  for (let row = 0; row < of.length; row++) if (from[row]! < to[row]!) starts[of[row]! + 1]!++;
  for (let group = 0; group < groupCount; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice(0, groupCount);
  const count = starts[groupCount]!;
  const members = { starts, rows: takeWords(count), from: takeWords(count), to: takeWords(count) };
  for (let row = 0; row < of.length; row++) {
    if (from[row]! >= to[row]!) continue;
    const at = next[of[row]!]!++;
    members.rows[at] = row;
    members.from[at] = from[row]!;
    members.to[at] = to[row]!;
  }
  return members;
}

function versionsOf(input: RunRows, of: Uint32Array, groupCount: number): Versions {
  const members = membersOf(input, of, groupCount);
  const { starts, from, to } = members;
  const table = new VersionTable(members);
  for (let group = 0; group < groupCount; group++) {
    const start = starts[group]!;
    const end = starts[group + 1]!;
    let inTurn = true;
    for (let i = start + 1; i < end && inTurn; i++) inTurn = from[i]! >= from[i - 1]! && to[i]! >= to[i - 1]!;
    if (inTurn) table.addInTurn(group, start, end);
    else table.addMixed(group, start, end);
  }
  return table.versions();
}

class VersionTable {
  readonly #from: Uint32Array;
  readonly #to: Uint32Array;
  /** Row numbers: those of all groups, and behind them those of the versions of groups that are out of turn. */
  #members: Uint32Array;
  #memberCount: number;
  #count = 0;
  #group = new Uint32Array(1024);
  #low = new Uint32Array(1024);
  #high = new Uint32Array(1024);
  #firstRun = new Uint32Array(1024);
  #lastRun = new Uint32Array(1024);
  /** For each member from one on, the first run in which it or a later one of its group comes. */
  #coming = new Uint32Array(0);

  constructor({ rows, from, to }: Members) {
    this.#from = from;
    this.#to = to;
    this.#members = rows;
    this.#memberCount = rows.length;
  }

  #add(group: number, low: number, high: number, firstRun: number, lastRun: number): void {
    if (this.#count === this.#group.length) {
      this.#group = grown(this.#group);
      this.#low = grown(this.#low);
      this.#high = grown(this.#high);
      this.#firstRun = grown(this.#firstRun);
      this.#lastRun = grown(this.#lastRun);
    }
    const at = this.#count++;
    this.#group[at] = group;
    this.#low[at] = low;
    this.#high[at] = high;
    this.#firstRun[at] = firstRun;
    this.#lastRun[at] = lastRun;
  }

  /** A group whose rows leave in the order in which they come. */
  addInTurn(group: number, start: number, end: number): void {
    const from = this.#from;
    const to = this.#to;
    let low = start;
    let high = start;
    while (low < end) {
      // The next run in which the group's rows are others than before.
      let run = low < high ? to[low]! : from[high]!;
      if (high < end && from[high]! < run) run = from[high]!;
      while (low < high && to[low]! <= run) low++;
      while (high < end && from[high]! <= run) high++;
      while (low < high && to[low]! <= run) low++;
      if (low === high) continue;
      const until = high < end ? Math.min(to[low]!, from[high]!) : to[low]!;
      this.#add(group, low, high, run, until);
    }
  }

  /** Any group: its rows are listed anew for each version. */
  addMixed(group: number, start: number, end: number): void {
    const from = this.#from;
    const to = this.#to;
    if (this.#coming.length < end - start) this.#coming = new Uint32Array((end - start) * 2);
    const coming = this.#coming;
    let earliest = 0xffffffff;
    for (let i = end - 1; i >= start; i--) coming[i - start] = earliest = Math.min(earliest, from[i]!);
    const changes = new Set<number>();
    for (let i = start; i < end; i++) changes.add(from[i]!).add(to[i]!);
    const runs = Uint32Array.from(changes).sort();
    // All before `gone` have left for good; what comes later has not come yet.
    let gone = start;
    for (let k = 0; k + 1 < runs.length; k++) {
      const run = runs[k]!;
      const low = this.#memberCount;
      while (gone < end && to[gone]! <= run) gone++;
      for (let i = gone; i < end && coming[i - start]! <= run; i++) {
        if (from[i]! > run || to[i]! <= run) continue;
        if (this.#memberCount === this.#members.length) this.#members = grown(this.#members);
        this.#members[this.#memberCount++] = this.#members[i]!;
      }
      if (this.#memberCount > low) this.#add(group, low, this.#memberCount, run, runs[k + 1]!);
    }
  }

  versions(): Versions {
    const count = this.#count;
    return {
      count,
      group: this.#group.subarray(0, count),
      low: this.#low.subarray(0, count),
      high: this.#high.subarray(0, count),
      from: this.#firstRun.subarray(0, count),
      to: this.#lastRun.subarray(0, count),
      members: this.#members.subarray(0, this.#memberCount),
    };
  }
}

export function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(1024, array.length * 2));
  larger.set(array);
  return larger;
}

/** The union over the rows of each version; nothing is done for groups without a labelled row. */
function versionLineage(
  lineage: NonNullable<Batch['lineage']>,
  { of, count: groupCount }: Groups,
  { count, group, low, high, members }: Versions,
): NonNullable<Batch['lineage']> {
  const sets = new LineageSets();
  const codes = new Uint32Array(count);
  const isLabelled = new Uint8Array(groupCount);
  for (let row = 0; row < of.length; row++) if (lineage.codes[row] !== 0) isLabelled[of[row]!] = 1;
  // Where the labelled members of one group stand, as far as its versions have come; neither end ever moves back.
  let places: number[] = [];
  let first = 0;
  let end = 0;
  for (let version = 0; version < count; version++) {
    if (isLabelled[group[version]!] === 0) continue;
    if (version === 0 || group[version - 1] !== group[version]) {
      places = [];
      first = 0;
      end = 0;
    }
    for (end = Math.max(end, low[version]!); end < high[version]!; end++) {
      if (lineage.codes[members[end]!] !== 0) places.push(end);
    }
    while (first < places.length && places[first]! < low[version]!) first++;
    if (first === places.length) continue;
    const behind = new Set<number>();
    for (let i = first; i < places.length; i++) behind.add(lineage.codes[members[places[i]!]!]!);
    codes[version] = sets.code([...new Set([...behind].flatMap((code) => lineage.sets[code]!))].sort());
  }
  return sets.lineage(codes);
}
