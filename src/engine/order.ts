/**
 * Orders of rows: the one that a query asks for (`sort by`), and the canonical one that makes results independent of how
 * rows were partitioned. Texts compare by UTF-16 units and never by locale.
 */
import type { Batch, ColumnInfo, Lineage } from '../columns/batch.ts';
import { type Column, columnLength, valueAt } from '../columns/column.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import { stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType, Value } from '../columns/value.ts';

/** Orders two texts by UTF-16 units. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Orders two decimals given as text by their value. */
export function compareDecimals(a: string, b: string): number {
  const x = DECIMAL.exec(a);
  const y = DECIMAL.exec(b);
  if (!x || !y) return compareTexts(a, b);
  const scaled = (m: RegExpExecArray): { digits: bigint; exponent: number } => ({
    digits: BigInt(`${m[1] === '-' ? '-' : ''}${`${m[2]}${m[3] ?? ''}` || '0'}`),
    exponent: Number(m[4] ?? 0) - (m[3]?.length ?? 0),
  });
  const p = scaled(x);
  const q = scaled(y);
  const base = Math.min(p.exponent, q.exponent);
  const left = p.digits * 10n ** BigInt(p.exponent - base);
  const right = q.digits * 10n ** BigInt(q.exponent - base);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Orders two values of one type, neither null. NaN stands before every other real. */
export function compareValues(type: ScalarType, a: Value, b: Value): number {
  switch (type) {
    case 'string':
    case 'guid':
      return compareTexts(a as string, b as string);
    case 'decimal':
      return compareDecimals(a as string, b as string);
    case 'dynamic':
      return compareTexts(stringifyDynamic(a), stringifyDynamic(b));
    case 'real': {
      const x = a as number;
      const y = b as number;
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
      return x - y === 0 || x === y ? 0 : x < y ? -1 : 1;
    }
    default:
      return a! < b! ? -1 : a! > b! ? 1 : 0;
  }
}

const RANKS = 'engine:ranks';

/** For each code its place among the distinct entries in ascending order; -1 for null. Made once per dictionary. */
export function dictionaryRanks(dictionary: Dictionary): Int32Array {
  let ranks = dictionary.memo.get(RANKS) as Int32Array | undefined;
  if (ranks) return ranks;
  const canonical = dictionary.canonical();
  const codes: number[] = [];
  for (let code = 0; code < dictionary.size; code++) {
    if (canonical[code] === code && !dictionary.isNull(code)) codes.push(code);
  }
  if (dictionary.type === 'decimal') {
    codes.sort((a, b) => compareDecimals(dictionary.text(a), dictionary.text(b)));
  } else {
    codes.sort((a, b) => compareTexts(dictionary.text(a), dictionary.text(b)));
  }
  ranks = new Int32Array(dictionary.size).fill(-1);
  // Decimals may be equal and written differently; equal values share a rank.
  let rank = -1;
  codes.forEach((code, i) => {
    const before = codes[i - 1];
    const same =
      before !== undefined &&
      dictionary.type === 'decimal' &&
      compareDecimals(dictionary.text(before), dictionary.text(code)) === 0;
    if (!same) rank++;
    ranks![code] = rank;
  });
  for (let code = 0; code < dictionary.size; code++) ranks[code] = ranks[canonical[code]!]!;
  dictionary.memo.set(RANKS, ranks);
  return ranks;
}

/** How the values of a column order, as doubles: null is -Infinity twice over (see `NULL_RANK`). */
interface Ranks {
  /** Per row, comparable by `<`; only meaningful where `nulls` is not set. NaN is a real's NaN. */
  readonly ranks: ArrayLike<number> | BigInt64Array;
  readonly nulls: Uint8Array | undefined;
}

/** Dictionaries this much larger than the rows are not ranked as a whole; only the entries in use are. */
const RANK_WHOLE_DICTIONARY = 4;

function ranksOf(column: Column): Ranks {
  switch (column.kind) {
    case 'constant': {
      const isNull = column.value === null ? new Uint8Array(column.length).fill(1) : undefined;
      return { ranks: new Float64Array(column.length), nulls: isNull };
    }
    case 'bool':
    case 'number':
    case 'wide':
      return { ranks: column.values, nulls: column.nulls };
    case 'coded': {
      const { codes, dictionary } = column;
      let rankOfCode: (code: number) => number;
      if (dictionary.memo.has(RANKS) || dictionary.size <= codes.length * RANK_WHOLE_DICTIONARY) {
        const all = dictionaryRanks(dictionary);
        rankOfCode = (code) => all[code]!;
      } else {
        const used = [...new Set(codes)].filter((code) => !dictionary.isNull(code));
        used.sort((a, b) =>
          dictionary.type === 'decimal'
            ? compareDecimals(dictionary.text(a), dictionary.text(b))
            : compareTexts(dictionary.text(a), dictionary.text(b)),
        );
        const ranks = new Map<number, number>();
        used.forEach((code, i) => {
          const before = used[i - 1];
          const same =
            before !== undefined &&
            (dictionary.type === 'decimal'
              ? compareDecimals(dictionary.text(before), dictionary.text(code)) === 0
              : dictionary.text(before) === dictionary.text(code));
          ranks.set(code, same ? ranks.get(before)! : i);
        });
        rankOfCode = (code) => ranks.get(code) ?? -1;
      }
      const out = new Int32Array(codes.length);
      let nulls: Uint8Array | undefined;
      for (let row = 0; row < codes.length; row++) {
        const rank = rankOfCode(codes[row]!);
        out[row] = rank;
        if (rank < 0) (nulls ??= new Uint8Array(codes.length))[row] = 1;
      }
      return { ranks: out, nulls };
    }
  }
}

export interface SortColumn {
  readonly column: Column;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** The rows in the order of `keys`, the first key weighing most; rows with equal keys keep their order. NaN stands beside null. */
export function sortedRows(keys: readonly SortColumn[], rowCount: number): Uint32Array {
  const rows = countUp(rowCount);
  if (rowCount < 2) return rows;
  const merged = mergedByKeys(keys, rows);
  if (merged) return merged;
  const compare = keys.map(({ column, descending, nullsFirst }) => {
    const { ranks, nulls } = ranksOf(column);
    const sign = descending ? -1 : 1;
    const nullSign = nullsFirst ? -1 : 1;
    return (a: number, b: number): number => {
      if (nulls) {
        const x = nulls[a]!;
        const y = nulls[b]!;
        if (x !== y) return x === 1 ? nullSign : -nullSign;
        if (x === 1) return 0;
      }
      const x = ranks[a]!;
      const y = ranks[b]!;
      if (x < y) return -sign;
      if (x > y) return sign;
      if (x === y) return 0;
      // At least one is NaN: it stands between null and the numbers.
      const nanX = x !== x;
      const nanY = y !== y;
      return nanX === nanY ? 0 : nanX ? nullSign : -nullSign;
    };
  });
  const [only] = compare;
  const order =
    compare.length === 1
      ? (a: number, b: number) => only!(a, b) || a - b
      : (a: number, b: number) => {
          for (const one of compare) {
            const c = one(a, b);
            if (c !== 0) return c;
          }
          return a - b;
        };
  // Rows come in time order more often than not.
  let sorted = true;
  for (let row = 1; row < rowCount && sorted; row++) sorted = order(row - 1, row) <= 0;
  return sorted ? rows : rows.sort(order);
}

/** Sorts by each key in turn, the last first: a stable merge keeps what it finds. Undefined where a key is no plain number. */
function mergedByKeys(keys: readonly SortColumn[], rows: Uint32Array): Uint32Array | undefined {
  const places: Float64Array[] = [];
  for (const key of keys) {
    const place = placesOf(key);
    if (!place) return undefined;
    places.push(place);
  }
  return places.reduceRight((order, place) => mergedRows(place, order), rows);
}

/** Numbers that order as the key asks, ascending; undefined for numbers that a double does not tell apart from null. */
function placesOf({ column, descending, nullsFirst }: SortColumn): Float64Array | undefined {
  if (column.kind === 'wide') return undefined;
  const { ranks, nulls } = ranksOf(column);
  const out = new Float64Array(ranks as ArrayLike<number>);
  if (column.type === 'real')
    for (let row = 0; row < out.length; row++) if (!Number.isFinite(out[row]!)) return undefined;
  if (descending) for (let row = 0; row < out.length; row++) out[row] = -out[row]!;
  const none = nullsFirst ? -Infinity : Infinity;
  if (nulls) for (let row = 0; row < out.length; row++) if (nulls[row] === 1) out[row] = none;
  return out;
}

function compareCells(type: ScalarType, a: Value, b: Value): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return compareValues(type, a, b);
}

function compareLineage(a: Lineage | undefined, i: number, b: Lineage | undefined, j: number): number {
  const x = a?.sets[a.codes[i]!] ?? [];
  const y = b?.sets[b.codes[j]!] ?? [];
  for (let k = 0; k < x.length && k < y.length; k++) {
    const c = compareTexts(x[k]!, y[k]!);
    if (c !== 0) return c;
  }
  return x.length - y.length;
}

/** The columns in the order in which the canonical order weighs them: TimeGenerated first (a gathered row's own before one that the query made), then as they stand. */
function canonicalColumns(schema: readonly ColumnInfo[]): number[] {
  const indexes = schema.map((_, index) => index);
  let time = schema.findIndex((column) => column.name === '$TimeGenerated');
  if (time < 0) time = schema.findIndex((column) => column.name === 'TimeGenerated');
  if (time > 0) {
    indexes.splice(time, 1);
    indexes.unshift(time);
  }
  return indexes;
}

/**
 * Compares two rows of one schema in the canonical order: TimeGenerated first where there is such a column, then every
 * cell from left to right (null before values), then lineage. 0 only for rows that nothing tells apart.
 */
export function compareRows(a: Batch, i: number, b: Batch, j: number): number {
  for (const index of canonicalColumns(a.schema)) {
    const c = compareCells(a.schema[index]!.type, valueAt(a.column(index), i), valueAt(b.column(index), j));
    if (c !== 0) return c;
  }
  return compareLineage(a.lineage, i, b.lineage, j);
}

/**
 * The rows of `batch` in the canonical order (see {@link compareRows}): the same for any order that they came in. Times that
 * come as a few ascending stretches are merged, texts are counted; only rows that the first column leaves equal are compared
 * cell by cell.
 *
 * @param sorted - the first rows, ascending, of stretches that stand in this order each.
 */
export function canonicalOrder(batch: Batch, sorted: readonly number[] = []): Uint32Array {
  const { rowCount } = batch;
  const indexes = canonicalColumns(batch.schema);
  const [first] = indexes;
  const leading = rowCount < 2 || first === undefined ? undefined : leadingValues(batch.column(first));
  if (!leading) return sortTies(batch, indexes, countUp(rowCount), [[0, rowCount]]);
  const rows = leading.bound
    ? countedRows(leading.values, leading.bound)
    : mergedRows(leading.values, countUp(rowCount));
  const ties: [number, number][] = [];
  for (let start = 0; start < rowCount; ) {
    let end = start + 1;
    while (end < rowCount && leading.values[rows[end]!] === leading.values[rows[start]!]) end++;
    // Equal rows stand in the order in which they came.
    const inOne = (from: number, at: number): boolean =>
      from <= rows[start]! && rows[end - 1]! < (sorted[at + 1] ?? rowCount);
    if (end > start + 1 && !sorted.some(inOne)) ties.push([start, end]);
    start = end;
  }
  return sortTies(batch, indexes.slice(1), rows, ties);
}

/** Numbers that stand for the values of a column, below `bound` if it is given; undefined where there are none to be had cheaply. */
function leadingValues(
  column: Column,
): { readonly values: Float64Array | Uint32Array; readonly bound?: number } | undefined {
  if (column.kind === 'number') return column.nulls || column.type === 'real' ? undefined : column;
  if (column.kind !== 'coded') return undefined;
  const { codes, dictionary } = column;
  if (dictionary.size > codes.length * RANK_WHOLE_DICTIONARY) return undefined;
  const ranks = dictionaryRanks(dictionary);
  const values = new Uint32Array(codes.length);
  // Null is -1.
  for (let row = 0; row < values.length; row++) values[row] = ranks[codes[row]!]! + 1;
  return { values, bound: dictionary.size + 1 };
}

/** All rows by value, equal ones in their order. */
function countedRows(values: Float64Array | Uint32Array, bound: number): Uint32Array {
  const next = new Uint32Array(bound + 1);
  for (let row = 0; row < values.length; row++) next[values[row]! + 1]!++;
  for (let value = 0; value < bound; value++) next[value + 1]! += next[value]!;
  const rows = new Uint32Array(values.length);
  for (let row = 0; row < values.length; row++) rows[next[values[row]!]!++] = row;
  return rows;
}

function countUp(count: number): Uint32Array {
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row++) rows[row] = row;
  return rows;
}

/** `order` from its end, equal values in their order; undefined where values ascend somewhere. */
function turnedRows(values: Float64Array | Uint32Array, order: Uint32Array): Uint32Array | undefined {
  const count = order.length;
  for (let i = 1; i < count; i++) if (values[order[i]!]! > values[order[i - 1]!]!) return undefined;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let end = count; end > 0; ) {
    let start = end - 1;
    while (start > 0 && values[order[start - 1]!]! === values[order[start]!]!) start--;
    for (let i = start; i < end; i++) rows[at++] = order[i]!;
    end = start;
  }
  return rows;
}

/** `order` sorted by value, equal ones in their order: its ascending stretches, merged two by two. */
function mergedRows(values: Float64Array | Uint32Array, order: Uint32Array): Uint32Array {
  const count = values.length;
  // What a query wants in descending order stands in ascending order more often than not.
  const turned = turnedRows(values, order);
  if (turned) return turned;
  let rows = order;
  let starts = [0];
  for (let i = 1; i < count; i++) if (values[rows[i]!]! < values[rows[i - 1]!]!) starts.push(i);
  let other: Uint32Array = new Uint32Array(starts.length > 1 ? count : 0);
  while (starts.length > 1) {
    const merged: number[] = [];
    for (let s = 0; s < starts.length; s += 2) {
      const start = starts[s]!;
      const middle = starts[s + 1] ?? count;
      const end = starts[s + 2] ?? count;
      merged.push(start);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at++) {
        const takeLeft = left < middle && (right >= end || values[rows[left]!]! <= values[rows[right]!]!);
        other[at] = takeLeft ? rows[left++]! : rows[right++]!;
      }
    }
    [rows, other] = [other, rows];
    starts = merged;
  }
  return rows;
}

/** Sorts stretches of `rows` (pairs of start and end) by the cells of the columns named, then by lineage. */
function sortTies(
  batch: Batch,
  indexes: readonly number[],
  rows: Uint32Array,
  ties: readonly (readonly [number, number])[],
): Uint32Array {
  const { lineage } = batch;
  // Later columns are looked at only if earlier ones leave ties.
  const made: (((a: number, b: number) => number) | undefined)[] = [];
  const order = (a: number, b: number): number => {
    for (let k = 0; k < indexes.length; k++) {
      const c = (made[k] ??= cellOrder(batch.column(indexes[k]!)))(a, b);
      if (c !== 0) return c;
    }
    return (lineage && compareLineage(lineage, a, lineage, b)) || a - b;
  };
  for (const [start, end] of ties) {
    let sorted = true;
    for (let i = start + 1; i < end && sorted; i++) sorted = order(rows[i - 1]!, rows[i]!) <= 0;
    if (!sorted) rows.subarray(start, end).sort(order);
  }
  return rows;
}

/** Ranking a dictionary costs a sort of it, which pays once entries have been compared about as often as the sort would. */
const RANK_AFTER = 8;

/** Orders two rows by their cells of a column. */
function cellOrder(column: Column): (a: number, b: number) => number {
  if (column.kind === 'coded' && !column.dictionary.memo.has(RANKS)) {
    const { codes, dictionary } = column;
    let comparisons = 0;
    let byRank: ((a: number, b: number) => number) | undefined;
    return (a, b) => {
      const x = codes[a]!;
      const y = codes[b]!;
      if (x === y) return 0;
      if (byRank) return byRank(a, b);
      if (++comparisons > dictionary.size * RANK_AFTER) byRank = rankOrder(column);
      const nullX = dictionary.isNull(x);
      const nullY = dictionary.isNull(y);
      if (nullX || nullY) return Number(nullY) - Number(nullX);
      return dictionary.type === 'decimal'
        ? compareDecimals(dictionary.text(x), dictionary.text(y))
        : compareTexts(dictionary.text(x), dictionary.text(y));
    };
  }
  return rankOrder(column);
}

function rankOrder(column: Column): (a: number, b: number) => number {
  const { ranks, nulls } = ranksOf(column);
  const real = column.kind === 'number' && column.type === 'real';
  return (a, b) => {
    if (nulls) {
      const x = nulls[a]!;
      const y = nulls[b]!;
      if (x !== y) return y - x;
      if (x === 1) return 0;
    }
    const x = ranks[a]!;
    const y = ranks[b]!;
    if (x < y) return -1;
    if (x > y) return 1;
    if (!real || x === y) return 0;
    return Number(y !== y) - Number(x !== x);
  };
}

/** True where the column's values never descend; a null anywhere makes it false. */
export function isAscending(column: Column): boolean {
  if (column.kind === 'constant') return column.value !== null;
  if (column.kind === 'coded' || column.nulls?.includes(1)) return false;
  const { values } = column;
  for (let row = 1; row < columnLength(column); row++) if (values[row]! < values[row - 1]!) return false;
  return true;
}
