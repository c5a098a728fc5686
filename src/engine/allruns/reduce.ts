/**
 * Leaving rows out of one side of a join before anything else is done with them: those for whose key the other side has no
 * row in any of their runs. Of a sign-in log, against the few who did something privileged within the hour, that is nearly
 * all; one pass over the codes of the key finds the rest, and no other column is looked at for those left out.
 */
import { shortened, takeWords } from '../../base/arena.ts';
import type { CodedColumn, Codes, Column } from '../../columns/column.ts';
import { type Expression, type Plan, scannedTables } from '../../plan/plan.ts';
import { isRowLocal } from '../evaluate.ts';
import { hoistable, type HoistedRows, type Stretch, type TimeRange } from '../hoist.ts';
import { isTimeInvariant } from '../nature.ts';
import { mapDictionary } from '../operators/keys.ts';
import { pick, type RunRows } from './run-rows.ts';
import { columnsOf, substituted } from './trace.ts';

type Join = Extract<Plan, { op: 'join' }>;
type Scan = Extract<Plan, { op: 'scan' }>;

export interface Reduction {
  readonly reduced: 'left' | 'right';
  /** The table that the reduced side reads, and the key as an expression over its columns. */
  readonly scan: Scan;
  readonly key: Expression;
  /** The key over the columns of the other side. */
  readonly by: Expression;
  /** The bounds on time that the reduced side sets on its table. */
  readonly ranges: readonly TimeRange[];
}

/** Sides whose rows without a partner never show. */
const REDUCIBLE: Partial<Record<Join['kind'], readonly ('left' | 'right')[]>> = {
  inner: ['left', 'right'],
  innerunique: ['left', 'right'],
  leftsemi: ['left', 'right'],
  rightsemi: ['left', 'right'],
  leftouter: ['right'],
  leftanti: ['right'],
  rightanti: ['left'],
};

/**
 * The larger side of a join, where it is one table filtered, projected or summarized, with the key of the join among the
 * table's columns; undefined where neither side can be reduced.
 *
 * @param sizeOf - how many rows a table has.
 * @param least - tables with fewer rows stay as they are.
 */
export function reducible(node: Join, sizeOf: (scan: Scan) => number, least: number): Reduction | undefined {
  return reductions(node, sizeOf, least)[0];
}

/** As {@link reducible}, every way that there is, those of the larger table first; of equal tables that on the right. */
export function reductions(node: Join, sizeOf: (scan: Scan) => number, least: number): readonly Reduction[] {
  const found: { readonly size: number; readonly reduction: Reduction }[] = [];
  for (const reduced of REDUCIBLE[node.kind] ?? []) {
    const by = reduced === 'left' ? 'right' : 'left';
    if (scannedTables(node[by]).length === 0) continue;
    for (const pair of node.on) {
      const traced = traceKey(node[reduced], pair[reduced]);
      if (!traced) continue;
      const size = sizeOf(traced.scan);
      if (size >= least) found.push({ size, reduction: { reduced, by: pair[by], ...traced } });
    }
  }
  return found
    .reverse()
    .sort((a, b) => b.size - a.size)
    .map(({ reduction }) => reduction);
}

function traceKey(plan: Plan, key: Expression): Pick<Reduction, 'scan' | 'key' | 'ranges'> | undefined {
  let node = plan;
  let at = key;
  let ranges: readonly TimeRange[] | undefined;
  for (;;) {
    if (!isRowLocal(at) || !isTimeInvariant(at)) return undefined;
    ranges ??= hoistable(node)?.ranges[0];
    switch (node.op) {
      case 'scan':
        return { scan: node, key: at, ranges: ranges ?? [] };
      case 'filter':
        break;
      case 'project':
        at = substituted(at, node.expressions);
        break;
      case 'summarize':
        if (columnsOf(at).some((index) => index >= (node as Extract<Plan, { op: 'summarize' }>).keys.length)) {
          return undefined;
        }
        at = substituted(at, node.keys);
        break;
      default:
        return undefined;
    }
    node = node.input;
  }
}

/**
 * The rows of a table for whose key `kept` has a row in one of their runs; undefined where the keys have no codes, or too
 * few rows would be left out.
 *
 * @param stretches - of the one block of the table.
 */
export function reducedScan(
  scan: HoistedRows,
  key: Column,
  stretches: readonly (readonly Stretch[])[],
  kept: RunRows,
  keys: Column,
  runCount: number,
): HoistedRows | undefined {
  if (key.kind !== 'coded' || keys.kind !== 'coded' || stretches.length !== 1) return undefined;
  const hits = rowsWithPartner(key, stretches[0]!, kept, keys, runCount);
  if (hits.length > scan.batch.rowCount * 0.8) return undefined;
  return scan.step(scan.batch.select(hits), hits);
}

/** The rows for whose key `kept` has a row in one of their runs, ascending. */
export function rowsWithPartner(
  key: CodedColumn,
  stretches: readonly Stretch[],
  kept: RunRows,
  keys: CodedColumn,
  runCount: number,
): Uint32Array {
  const { codes, dictionary } = key;
  const canonical = dictionary.canonical();
  const map = keys.dictionary === dictionary ? canonical : mapDictionary(keys.dictionary, dictionary);
  const partners = takeWords(kept.rowCount);
  for (let row = 0; row < partners.length; row++) partners[row] = map[keys.codes[row]!]!;
  const standing = new Partners(partners, kept, dictionary.size, runCount);
  const unique = canonical.every((first, code) => first === code);
  const rows = takeWords(codes.length);
  let count = 0;
  for (const { start, end, firstRun, lastRun } of stretches) {
    standing.moveTo(firstRun, lastRun);
    count = unique
      ? keepRows(codes, standing.any, start, end, rows, count)
      : keepEqualRows(codes, canonical, standing.any, start, end, rows, count);
  }
  return shortened(rows, count);
}

/** Appends the rows from `start` to `end` whose code is marked; gives the count of rows so far. */
function keepRows(
  codes: Codes,
  marked: Uint8Array,
  start: number,
  end: number,
  rows: Uint32Array,
  before: number,
): number {
  let count = before;
  for (let row = start; row < end; row++) {
    rows[count] = row;
    count += marked[codes[row]!]!;
  }
  return count;
}

/** The same where several codes may mean the same. */
function keepEqualRows(
  codes: Codes,
  canonical: Uint32Array,
  marked: Uint8Array,
  start: number,
  end: number,
  rows: Uint32Array,
  before: number,
): number {
  let count = before;
  for (let row = start; row < end; row++) {
    rows[count] = row;
    count += marked[canonical[codes[row]!]!]!;
  }
  return count;
}

/** Which keys have a row in some of the runs of a stretch, as the stretch moves on. */
class Partners {
  /** 1 for each key that has one. */
  readonly any: Uint8Array;
  readonly #counts: Uint32Array;
  readonly #coming: Events;
  readonly #going: Events;

  constructor(keys: Uint32Array, rows: RunRows, size: number, runCount: number) {
    this.any = new Uint8Array(size);
    this.#counts = new Uint32Array(size);
    const standing = new Uint32Array(keys.length);
    let count = 0;
    for (let row = 0; row < keys.length; row++) {
      standing[count] = row;
      if (keys[row]! < size && rows.from[row]! < rows.to[row]!) count++;
    }
    const shown = standing.subarray(0, count);
    const own = pick(keys, shown);
    this.#coming = new Events(own, pick(rows.from, shown), runCount);
    this.#going = new Events(own, pick(rows.to, shown), runCount);
  }

  /** The stretch of the runs from `firstRun` to `lastRun` (exclusive); neither ever moves back. */
  moveTo(firstRun: number, lastRun: number): void {
    const { any } = this;
    const counts = this.#counts;
    const coming = this.#coming;
    for (const end = coming.starts[lastRun]!; coming.at < end; coming.at++) {
      const key = coming.keys[coming.at]!;
      counts[key]!++;
      any[key] = 1;
    }
    // Those that end with run `firstRun` are over before it.
    const going = this.#going;
    for (const end = going.starts[firstRun + 1]!; going.at < end; going.at++) {
      const key = going.keys[going.at]!;
      if (--counts[key]! === 0) any[key] = 0;
    }
  }
}

/** Keys by run. */
class Events {
  /** The keys of run r begin at `starts[r]`. */
  readonly starts: Uint32Array;
  readonly keys: Uint32Array;
  at = 0;

  constructor(keys: Uint32Array, runs: Uint32Array, runCount: number) {
    this.starts = new Uint32Array(runCount + 2);
    for (const run of runs) this.starts[run + 1]!++;
    for (let run = 0; run <= runCount; run++) this.starts[run + 1]! += this.starts[run]!;
    const next = this.starts.slice();
    this.keys = new Uint32Array(keys.length);
    for (let i = 0; i < keys.length; i++) this.keys[next[runs[i]!]!++] = keys[i]!;
  }
}
