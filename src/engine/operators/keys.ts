/**
 * Numbers for values: the shared ground of grouping, joining and sorting. Every row gets a small integer such that rows
 * with equal keys, and only those, have equal integers. Coded columns go through their dictionary (once per entry, kept
 * for the dictionary's life), the others through open-addressing tables over typed arrays; no row ever becomes a string
 * or an object. Null is a key like any other and equals itself, as `summarize` and `join` have it.
 */
import { takeWords } from '../../base/arena.ts';
import {
  type BoolColumn,
  type CodedColumn,
  type Column,
  columnLength,
  type NumberColumn,
  valueAt,
} from '../../columns/column.ts';
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

/** Numbers per row, one array per side; equal values have equal numbers below `bound`, which need not all be in use. */
interface Raw {
  readonly of: readonly Uint32Array[];
  readonly bound: number;
}

/**
 * Numbers the values of several columns of one meaning: one column to group by, or the key columns of both sides of a
 * join. The sides may differ in kind: a narrow column meets a wide one, a coded one a constant.
 */
function rawIds(columns: readonly Column[]): Raw {
  const kinds = new Set(columns.map((column) => column.kind));
  if (kinds.size === 1) {
    if (kinds.has('coded')) return codedIds(columns as readonly CodedColumn[]);
    if (kinds.has('number')) return numberIds(columns as readonly NumberColumn[]);
    if (kinds.has('bool')) return { of: (columns as readonly BoolColumn[]).map(boolIds), bound: 3 };
  }
  return boxedIds(columns);
}

function boolIds({ values, nulls }: BoolColumn): Uint32Array {
  const out = new Uint32Array(values);
  if (nulls) for (let row = 0; row < out.length; row++) if (nulls[row] === 1) out[row] = 2;
  return out;
}

/** Ids are dense, in order of first appearance, but for null. */
function numberIds(columns: readonly NumberColumn[]): Raw {
  // A datetime's ticks count from another zero than a long's, but all columns of a key have one type.
  const table = new NumberTable(Math.min(1024, columns[0]!.values.length));
  const of = columns.map(({ values, nulls }) => {
    const out = takeWords(values.length);
    if (nulls) for (let row = 0; row < out.length; row++) out[row] = nulls[row] === 1 ? 0 : table.id(values[row]!) + 1;
    else for (let row = 0; row < out.length; row++) out[row] = table.id(values[row]!) + 1;
    return out;
  });
  return { of, bound: table.count + 1 };
}

/** Canonical codes of the first column's dictionary; values that it does not hold stand above its size. */
function codedIds(columns: readonly CodedColumn[]): Raw {
  const { dictionary } = columns[0]!;
  let bound = dictionary.size;
  const of = columns.map((column) => {
    const { codes } = column;
    const out = takeWords(codes.length);
    let map: Uint32Array;
    if (column.dictionary === dictionary)
      map = columns.length === 1 ? dictionary.canonicalOf(codes) : dictionary.canonical();
    else {
      // Numbers above the size are the other dictionary's own; with more than two they would need telling apart, but
      // a join has two sides.
      map = mapDictionary(column.dictionary, dictionary);
      bound = dictionary.size + column.dictionary.size;
    }
    for (let row = 0; row < out.length; row++) out[row] = map[codes[row]!]!;
    return out;
  });
  return { of, bound };
}

/** Mixed kinds, wide numbers, constants: boxed values. */
function boxedIds(columns: readonly Column[]): Raw {
  const ids = new Map<string | bigint | number | boolean | null, number>();
  const idOf = (value: Value): number => {
    const key = typeof value === 'object' && value !== null ? `\u0000${stringifyDynamic(value)}` : value;
    let id = ids.get(key);
    if (id === undefined) ids.set(key, (id = ids.size));
    return id;
  };
  const of = columns.map((column) => {
    const out = takeWords(columnLength(column));
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
    return out;
  });
  return { of, bound: ids.size };
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
  return dictionary.isNull(code) ? 'n' : `v${dictionary.text(code)}`;
}

/** Up to this many numbers a table of all of them is cheaper than hashing, however few the rows. */
const DIRECT = 1 << 12;

function isDirect(bound: number, rows: number): boolean {
  return bound <= DIRECT || bound <= rows * 2;
}

/** Numbers from 0 in order of first appearance for the raw ones; `first` is the first row of each (of the first side). */
function dense(raw: Raw): { readonly of: readonly Uint32Array[]; readonly count: number; readonly first: Uint32Array } {
  const rows = raw.of.reduce((sum, side) => sum + side.length, 0);
  if (!isDirect(raw.bound, rows)) return densePairs(raw.of, undefined);
  // One more than the number, so that a fresh table needs no filling.
  const slots = new Uint32Array(raw.bound);
  const first = takeWords(Math.min(raw.bound, rows));
  let count = 0;
  const of = raw.of.map((side) => {
    const out = takeWords(side.length);
    for (let row = 0; row < side.length; row++) {
      const id = side[row]!;
      let slot = slots[id]!;
      if (slot === 0) {
        first[count] = row;
        slot = slots[id] = ++count;
      }
      out[row] = slot - 1;
    }
    return out;
  });
  return { of, count, first: first.subarray(0, count) };
}

/** As {@link dense}, for pairs of numbers (or single ones), by hashing. */
function densePairs(
  a: readonly Uint32Array[],
  b: readonly Uint32Array[] | undefined,
): { readonly of: readonly Uint32Array[]; readonly count: number; readonly first: Uint32Array } {
  const rows = a.reduce((sum, side) => sum + side.length, 0);
  const table = new PairTable(rows);
  const first = takeWords(rows);
  const of = a.map((left, s) => table.number(left, b?.[s] ?? new Uint32Array(left.length), first));
  return { of, count: table.count, first: first.subarray(0, table.count) };
}

/** However many rows there are, a table begins with so many slots: most rows repeat a pair, and a small table stays in the cache. */
const FIRST_SLOTS = 1 << 12;

/** Numbers pairs in order of first appearance; open addressing over typed arrays that grow as needed. */
class PairTable {
  count = 0;
  /** One more than the number of the pair, so that a fresh table needs no filling. */
  #slots: Uint32Array;
  #lefts: Uint32Array;
  #rights: Uint32Array;

  constructor(rows: number) {
    let capacity = 16;
    while (capacity < Math.min(rows * 2, FIRST_SLOTS)) capacity *= 2;
    this.#slots = new Uint32Array(capacity);
    this.#lefts = new Uint32Array(capacity);
    this.#rights = new Uint32Array(capacity);
  }

  /** The number of each row's pair; `first` gets the row of each pair that is new. */
  number(left: Uint32Array, right: Uint32Array, first: Uint32Array): Uint32Array {
    const out = takeWords(left.length);
    let slots = this.#slots;
    let lefts = this.#lefts;
    let rights = this.#rights;
    let mask = slots.length - 1;
    let { count } = this;
    for (let row = 0; row < left.length; row++) {
      const x = left[row]!;
      const y = right[row]!;
      let at = hashPair(x, y) & mask;
      let slot = slots[at]!;
      while (slot !== 0 && (lefts[slot - 1] !== x || rights[slot - 1] !== y)) {
        at = (at + 1) & mask;
        slot = slots[at]!;
      }
      if (slot === 0) {
        lefts[count] = x;
        rights[count] = y;
        first[count] = row;
        slot = slots[at] = ++count;
        if (count * 2 > mask) {
          this.#grow(count);
          slots = this.#slots;
          lefts = this.#lefts;
          rights = this.#rights;
          mask = slots.length - 1;
        }
      }
      out[row] = slot - 1;
    }
    this.count = count;
    return out;
  }

  #grow(count: number): void {
    const capacity = this.#slots.length * 4;
    const enlarged = (of: Uint32Array): Uint32Array => {
      const larger = new Uint32Array(capacity);
      larger.set(of);
      return larger;
    };
    const lefts = (this.#lefts = enlarged(this.#lefts));
    const rights = (this.#rights = enlarged(this.#rights));
    const slots = (this.#slots = new Uint32Array(capacity));
    for (let pair = 0; pair < count; pair++) {
      let at = hashPair(lefts[pair]!, rights[pair]!) & (capacity - 1);
      while (slots[at] !== 0) at = (at + 1) & (capacity - 1);
      slots[at] = pair + 1;
    }
  }
}

function hashPair(x: number, y: number): number {
  const hash = Math.imul(x ^ Math.imul(y, 0x9e3779b1), 0x7feb352d);
  return hash ^ (hash >>> 15);
}

/** Pairs of numbers as single ones, without hashing where all pairs fit a table. */
function pairs(a: Raw, b: Raw): ReturnType<typeof dense> {
  const rows = a.of.reduce((sum, side) => sum + side.length, 0);
  if (!isDirect(a.bound * b.bound, rows)) return densePairs(a.of, b.of);
  const width = b.bound;
  const of = a.of.map((side, s) => {
    const right = b.of[s]!;
    const out = takeWords(side.length);
    for (let row = 0; row < side.length; row++) out[row] = side[row]! * width + right[row]!;
    return out;
  });
  return dense({ of, bound: a.bound * width });
}

/** Groups the rows of equally long columns; without columns all rows are one group. */
export function groupRows(columns: readonly Column[], rowCount: number): Groups {
  const [only] = columns;
  if (!only) {
    const count = Math.min(1, rowCount);
    return { of: new Uint32Array(rowCount), count, first: new Uint32Array(count) };
  }
  if (columns.length === 1 && only.kind === 'coded') return groupCodes(only);
  let groups: ReturnType<typeof dense> | undefined;
  for (const column of columns) {
    const raw = rawIds([column]);
    groups = groups
      ? pairs({ of: groups.of, bound: groups.count }, raw)
      : columns.length === 1
        ? dense(raw)
        : undefined;
    groups ??= { of: raw.of, count: raw.bound, first: NO_ROWS };
  }
  const { of, count, first } = groups!;
  return { of: of[0]!, count, first };
}

const NO_ROWS = new Uint32Array();

const groupsMemo = new WeakMap<Column, { readonly columns: readonly Column[]; readonly groups: Groups }[]>();

/** As {@link groupRows}; made once for those who group by the very same columns. */
export function sharedGroups(columns: readonly Column[], rowCount: number): Groups {
  const [first] = columns;
  if (!first) return groupRows(columns, rowCount);
  let known = groupsMemo.get(first);
  if (!known) groupsMemo.set(first, (known = []));
  const found = known.find(
    (one) => one.columns.length === columns.length && one.columns.every((c, i) => c === columns[i]),
  );
  if (found) return found.groups;
  const groups = groupRows(columns, rowCount);
  known.push({ columns, groups });
  return groups;
}

const pairsMemo = new WeakMap<Groups, Map<Column, Groups>>();

/** Numbers the distinct pairs of a row's group and its value; made once for the aggregates that share a column. */
export function distinctPairs(groups: Groups, column: Column): Groups {
  let byColumn = pairsMemo.get(groups);
  if (!byColumn) pairsMemo.set(groups, (byColumn = new Map()));
  let found = byColumn.get(column);
  if (!found) {
    const { of, count, first } = pairs({ of: [groups.of], bound: groups.count }, rawIds([column]));
    byColumn.set(column, (found = { of: of[0]!, count, first }));
  }
  return found;
}

/** The commonest case in one pass: one coded column. */
function groupCodes({ codes, dictionary }: CodedColumn): Groups {
  const canonical = dictionary.canonical();
  const { stamps, slots, stamp } = scratchOf(dictionary);
  const of = takeWords(codes.length);
  const first = takeWords(Math.min(codes.length, dictionary.size));
  let count = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = canonical[codes[row]!]!;
    if (stamps[code] !== stamp) {
      stamps[code] = stamp;
      slots[code] = count;
      first[count++] = row;
    }
    of[row] = slots[code]!;
  }
  return { of, count, first: first.subarray(0, count) };
}

/** Numbers the keys of two sides together: rows of either side with equal keys have equal ids. */
export function joinIds(
  left: readonly Column[],
  right: readonly Column[],
): { readonly left: Uint32Array; readonly right: Uint32Array; readonly count: number } {
  let ids = rawIds([left[0]!, right[0]!]);
  for (let k = 1; k < left.length; k++) {
    const { of, count } = pairs(ids, rawIds([left[k]!, right[k]!]));
    ids = { of, bound: count };
  }
  const [a, b] = ids.of as [Uint32Array, Uint32Array];
  if (isDirect(ids.bound, a.length + b.length)) return { left: a, right: b, count: ids.bound };
  const { of, count } = dense(ids);
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
  const rows = takeWords(of.length);
  for (let row = 0; row < of.length; row++) rows[next[of[row]!]!++] = row;
  return { starts, rows };
}
