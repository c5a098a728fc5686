/**
 * Numbers for values: the shared ground of grouping, joining and sorting. Every row gets a small integer such that rows
 * with equal keys, and only those, have equal integers. Coded columns go through their dictionary (once per entry, kept
 * for the dictionary's life), the others through open-addressing tables over typed arrays; no row ever becomes a string
 * or an object. Null is a key like any other and equals itself, as `summarize` and `join` have it.
 */
import { type Column, columnLength, valueAt } from '../../columns/column.ts';
import type { Dictionary } from '../../columns/dictionary.ts';
import { stringifyDynamic } from '../../columns/dynamic.ts';
import type { Value } from '../../columns/value.ts';

/** For each row a group number from 0 (inclusive) to `count` (exclusive), in order of first appearance. */
export interface Groups {
  readonly of: Uint32Array;
  readonly count: number;
  /** The first row of each group. */
  readonly first: Uint32Array;
}

/** Ids from 0 to `count`; not necessarily all in use. */
interface Ids {
  readonly of: Uint32Array;
  readonly count: number;
}

/**
 * Dense numbers for dictionary codes, good for one pass: a slot counts only if its stamp is the current one, so that a
 * pass over few rows of a large dictionary costs the rows and not the dictionary.
 */
interface Scratch {
  readonly stamps: Uint32Array;
  readonly slots: Uint32Array;
  stamp: number;
}

const SCRATCH = 'engine:key-scratch';

function scratchOf(dictionary: Dictionary): Scratch {
  let scratch = dictionary.memo.get(SCRATCH) as Scratch | undefined;
  if (!scratch) {
    scratch = { stamps: new Uint32Array(dictionary.size), slots: new Uint32Array(dictionary.size), stamp: 0 };
    dictionary.memo.set(SCRATCH, scratch);
  }
  if (++scratch.stamp === 0xffffffff) {
    scratch.stamps.fill(0);
    scratch.stamp = 1;
  }
  return scratch;
}

/** Numbers doubles; open addressing over two typed arrays that grow as needed. */
export class NumberTable {
  #keys: Float64Array;
  #ids: Int32Array;
  #mask: number;
  count = 0;

  constructor(expected: number) {
    let capacity = 16;
    while (capacity < expected * 2) capacity *= 2;
    this.#keys = new Float64Array(capacity);
    this.#ids = new Int32Array(capacity).fill(-1);
    this.#mask = capacity - 1;
  }

  /** The id of `key`, new where it has not been seen. NaN equals NaN, and -0 equals 0. */
  id(key: number): number {
    const slot = this.#slot(key);
    const id = this.#ids[slot]!;
    if (id >= 0) return id;
    this.#keys[slot] = key;
    this.#ids[slot] = this.count;
    if (++this.count * 2 > this.#mask) this.#grow();
    return this.count - 1;
  }

  #slot(key: number): number {
    let slot = hashNumber(key) & this.#mask;
    for (;;) {
      if (this.#ids[slot]! < 0) return slot;
      const held = this.#keys[slot]!;
      // Only NaN differs from itself.
      if (held === key || (held !== held && key !== key)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const keys = this.#keys;
    const ids = this.#ids;
    this.#mask = keys.length * 2 - 1;
    this.#keys = new Float64Array(keys.length * 2);
    this.#ids = new Int32Array(keys.length * 2).fill(-1);
    for (let i = 0; i < keys.length; i++) {
      if (ids[i]! < 0) continue;
      const slot = this.#slot(keys[i]!);
      this.#keys[slot] = keys[i]!;
      this.#ids[slot] = ids[i]!;
    }
  }
}

/** Spreads a double by its high and low parts; equal doubles (0 and -0 too) hash alike. */
function hashNumber(key: number): number {
  const low = key | 0;
  const high = Math.abs(key) < 9.2e18 ? (key / 4294967296) | 0 : 0;
  const fraction = Number.isSafeInteger(key) ? 0 : ((key - low) * 1048573) | 0;
  let hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1) ^ fraction, 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return hash ^ (hash >>> 16);
}

/**
 * Numbers the values of several columns of one meaning (the key columns of both sides of a join) with one set of ids.
 * The columns may differ in kind: a narrow one meets a wide one, a coded one a constant.
 */
function jointIds(columns: readonly Column[]): { readonly of: Uint32Array[]; readonly count: number } {
  const of = columns.map((column) => new Uint32Array(columnLength(column)));
  const kinds = new Set(columns.map((column) => column.kind));
  if (kinds.size === 1 && kinds.has('coded')) return codedIds(columns, of);
  if (kinds.size === 1 && kinds.has('bool')) {
    columns.forEach((column, c) => {
      if (column.kind !== 'bool') return;
      const out = of[c]!;
      for (let row = 0; row < out.length; row++) out[row] = column.nulls?.[row] ? 2 : column.values[row]!;
    });
    return { of, count: 3 };
  }
  if (kinds.size === 1 && kinds.has('number')) {
    // A datetime's ticks count from another zero than a long's, but both sides of a key have one type.
    const table = new NumberTable(Math.min(1024, of[0]!.length));
    columns.forEach((column, c) => {
      if (column.kind !== 'number') return;
      const out = of[c]!;
      const { values, nulls } = column;
      if (nulls) for (let row = 0; row < out.length; row++) out[row] = nulls[row] ? 0 : table.id(values[row]!) + 1;
      else for (let row = 0; row < out.length; row++) out[row] = table.id(values[row]!) + 1;
    });
    return { of, count: table.count + 1 };
  }
  // Mixed kinds, wide numbers, constants: boxed values, numbered once each where they repeat.
  const ids = new Map<string | bigint | number | boolean | null, number>();
  const idOf = (value: Value): number => {
    const key = typeof value === 'object' && value !== null ? `\u0000${stringifyDynamic(value)}` : value;
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = ids.size));
    return id;
  };
  columns.forEach((column, c) => {
    const out = of[c]!;
    if (column.kind === 'constant') out.fill(out.length > 0 ? idOf(column.value) : 0);
    else if (column.kind === 'coded') {
      const seen = new Map<number, number>();
      for (let row = 0; row < out.length; row++) {
        const code = column.codes[row]!;
        let id = seen.get(code);
        if (id === undefined) seen.set(code, (id = idOf(column.dictionary.value(code))));
        out[row] = id;
      }
    } else for (let row = 0; row < out.length; row++) out[row] = idOf(valueAt(column, row));
  });
  return { of, count: ids.size };
}

function codedIds(columns: readonly Column[], of: Uint32Array[]): { of: Uint32Array[]; count: number } {
  const first = columns[0]!;
  if (first.kind !== 'coded') throw new TypeError('not coded');
  const { dictionary } = first;
  const scratch = scratchOf(dictionary);
  const { stamps, slots, stamp } = scratch;
  let count = 0;
  /** Ids of values that the first dictionary does not hold. */
  const strangers = new Map<number, number>();
  columns.forEach((column, c) => {
    if (column.kind !== 'coded') return;
    const out = of[c]!;
    const { codes } = column;
    const home = column.dictionary === dictionary;
    const map = home ? dictionary.canonical() : mapDictionary(column.dictionary, dictionary);
    for (let row = 0; row < out.length; row++) {
      const code = map[codes[row]!]!;
      if (code >= dictionary.size) {
        // Beyond the first dictionary's size stand the other's own canonical codes. With more than two dictionaries
        // they would need telling apart; a join has two sides.
        let id = strangers.get(code);
        if (id === undefined) strangers.set(code, (id = count++));
        out[row] = id;
      } else if (stamps[code] === stamp) out[row] = slots[code]!;
      else {
        stamps[code] = stamp;
        slots[code] = count;
        out[row] = count++;
      }
    }
  });
  return { of, count };
}

const dictionaryMaps = new WeakMap<Dictionary, WeakMap<Dictionary, Uint32Array>>();

/**
 * For each code of `from` the canonical code of the equal entry of `to`, or `to.size` plus the canonical code in `from`
 * where `to` has none. Made once for each pair of dictionaries.
 */
export function mapDictionary(from: Dictionary, to: Dictionary): Uint32Array {
  let maps = dictionaryMaps.get(from);
  if (!maps) dictionaryMaps.set(from, (maps = new WeakMap()));
  let map = maps.get(to);
  if (map) return map;
  const codeOf = textIndex(to);
  const canonical = from.canonical();
  map = new Uint32Array(from.size);
  for (let code = 0; code < from.size; code++) {
    map[code] =
      canonical[code] === code ? (codeOf.get(entryKey(from, code)) ?? to.size + code) : map[canonical[code]!]!;
  }
  maps.set(to, map);
  return map;
}

const TEXT_INDEX = 'engine:text-index';

function textIndex(dictionary: Dictionary): Map<string, number> {
  let index = dictionary.memo.get(TEXT_INDEX) as Map<string, number> | undefined;
  if (index) return index;
  index = new Map();
  const canonical = dictionary.canonical();
  for (let code = 0; code < dictionary.size; code++) {
    if (canonical[code] === code) index.set(entryKey(dictionary, code), code);
  }
  dictionary.memo.set(TEXT_INDEX, index);
  return index;
}

/** A text that equal entries share; the letter keeps a null apart from an empty text. */
export function entryKey(dictionary: Dictionary, code: number): string {
  return dictionary.value(code) === null ? 'n' : `v${dictionary.text(code)}`;
}

/** Above this many cells a table of all pairs of ids costs more than hashing them. */
const DIRECT_PAIRS = 1 << 16;

/** One id for each pair (a[i], b[i]), dense, over several row sets numbered together. */
function combine(a: readonly Uint32Array[], aCount: number, b: readonly Uint32Array[], bCount: number): number {
  const pairs = aCount * bCount;
  let count = 0;
  if (pairs <= DIRECT_PAIRS) {
    const ids = new Int32Array(pairs).fill(-1);
    a.forEach((left, s) => {
      const right = b[s]!;
      for (let row = 0; row < left.length; row++) {
        const pair = left[row]! * bCount + right[row]!;
        if (ids[pair]! < 0) ids[pair] = count++;
        left[row] = ids[pair]!;
      }
    });
    return count;
  }
  // Ids lie below 2^32, so the pair needs 64 bits: hash the two halves apart.
  let rows = 0;
  for (const side of a) rows += side.length;
  let capacity = 16;
  while (capacity < rows * 2) capacity *= 2;
  const mask = capacity - 1;
  const ids = new Int32Array(capacity).fill(-1);
  const lefts = new Uint32Array(capacity);
  const rights = new Uint32Array(capacity);
  a.forEach((left, s) => {
    const right = b[s]!;
    for (let row = 0; row < left.length; row++) {
      const x = left[row]!;
      const y = right[row]!;
      let hash = Math.imul(x ^ Math.imul(y, 0x9e3779b1), 0x7feb352d);
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (ids[slot]! >= 0 && (lefts[slot] !== x || rights[slot] !== y)) slot = (slot + 1) & mask;
      if (ids[slot]! < 0) {
        ids[slot] = count++;
        lefts[slot] = x;
        rights[slot] = y;
      }
      left[row] = ids[slot]!;
    }
  });
  return count;
}

/** Groups the rows of equally long columns; without columns all rows are one group. */
export function groupRows(columns: readonly Column[], rowCount: number): Groups {
  if (columns.length === 0) {
    return {
      of: new Uint32Array(rowCount),
      count: Math.min(1, rowCount),
      first: new Uint32Array(Math.min(1, rowCount)),
    };
  }
  const { of, count } = idsOfColumns(columns);
  const renumber = new Int32Array(count).fill(-1);
  const first: number[] = [];
  for (let row = 0; row < rowCount; row++) {
    const id = of[row]!;
    if (renumber[id]! < 0) {
      renumber[id] = first.length;
      first.push(row);
    }
    of[row] = renumber[id]!;
  }
  return { of, count: first.length, first: Uint32Array.from(first) };
}

function idsOfColumns(columns: readonly Column[]): Ids {
  let { of, count } = jointIds([columns[0]!]);
  for (const column of columns.slice(1)) {
    const next = jointIds([column]);
    count = combine(of, count, next.of, next.count);
  }
  return { of: of[0]!, count };
}

/** Numbers the keys of two sides together: rows of either side with equal keys have equal ids. */
export function joinIds(
  left: readonly Column[],
  right: readonly Column[],
): { readonly left: Uint32Array; readonly right: Uint32Array; readonly count: number } {
  let { of, count } = jointIds([left[0]!, right[0]!]);
  for (let k = 1; k < left.length; k++) {
    const next = jointIds([left[k]!, right[k]!]);
    count = combine(of, count, next.of, next.count);
  }
  return { left: of[0]!, right: of[1]!, count };
}

/** The rows of each group, one after another: group `g` owns `rows[starts[g]]` up to `rows[starts[g + 1]]`, in row order. */
export function rowsByGroup(
  of: Uint32Array,
  count: number,
): { readonly starts: Uint32Array; readonly rows: Uint32Array } {
  const starts = new Uint32Array(count + 1);
  for (let row = 0; row < of.length; row++) starts[of[row]! + 1]!++;
  for (let group = 0; group < count; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice(0, count);
  const rows = new Uint32Array(of.length);
  for (let row = 0; row < of.length; row++) rows[next[of[row]!]!++] = row;
  return { starts, rows };
}
