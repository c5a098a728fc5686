/**
 * Aggregates over stretches of a group's rows that slide: each follows from running sums, or from the stretch before by
 * the rows that came and went, so that a window of 14 days that moves by 5 minutes costs the rows and not the windows.
 */
import { takeWords } from '../../base/arena.ts';
import { type Column, columnLength, gatherColumn, type NumberColumn, type NumberType } from '../../columns/column.ts';
import type { Aggregate } from '../../plan/plan.ts';
import { isNullAt, trueRows } from '../aggregates/aggregate.ts';
import { groupRows } from '../operators/keys.ts';
import { isAscending } from '../order.ts';
import type { Versions } from './summarize.ts';

/** Whole numbers up to this are exact in any order of addition. */
const MAX_EXACT = 2 ** 53;

const SLIDING = new Set([
  'count',
  'countif',
  'sum',
  'min',
  'max',
  'arg_min',
  'arg_max',
  'dcount',
  'count_distinct',
  'take_any',
  'take_any_row',
]);

/** Whether an aggregate of this name has a sliding form, for columns of common kinds. */
export function slides(name: string): boolean {
  return SLIDING.has(name);
}

/**
 * Which member of a group an aggregate takes by nothing but its place: the first one for the earliest time, the last one for
 * the latest. Undefined where values must be looked at: several members may have the latest time, and `arg_max` takes the
 * first of them.
 *
 * @param times - columns whose values ascend with the rows, none of them null.
 */
export function endOf(
  { function: name, args: [by] }: Aggregate,
  times: ReadonlySet<number>,
): 'low' | 'high' | undefined {
  if (by?.kind !== 'column' || !times.has(by.index)) return undefined;
  if (name === 'min' || name === 'arg_min') return 'low';
  return name === 'max' ? 'high' : undefined;
}

/** The aggregate of every version; undefined where it has no sliding form, or none over columns of this kind. */
export function slidingAggregate(
  aggregate: Aggregate,
  args: readonly Column[],
  versions: Versions,
): Column | undefined {
  const [first] = args;
  switch (aggregate.function) {
    case 'count': {
      const out = new Float64Array(versions.count);
      for (let version = 0; version < out.length; version++)
        out[version] = versions.high[version]! - versions.low[version]!;
      return longs(out);
    }
    case 'countif': {
      const kept = trueRows(first!, columnLength(first!));
      return longs(stretchSums(versions, (row) => kept[row]!).sums);
    }
    case 'sum': {
      if (first!.kind !== 'number' || first!.type === 'real' || aggregate.type === 'real') return undefined;
      const { values } = first as NumberColumn;
      // A null is a value of 0.
      const { sums, magnitude } = stretchSums(versions, (row) => values[row]!);
      if (magnitude > MAX_EXACT) return undefined;
      return { kind: 'number', type: aggregate.type as NumberType, values: sums, nulls: undefined };
    }
    case 'min':
    case 'max': {
      const winners = extremes(first!, versions, aggregate.function === 'max' ? 1 : -1);
      return winners && gatherColumn(first!, winners);
    }
    case 'arg_min':
    case 'arg_max': {
      const winners = extremes(first!, versions, aggregate.function === 'arg_max' ? 1 : -1);
      return winners && gatherColumn(args[1] ?? first!, winners);
    }
    case 'dcount':
    case 'count_distinct':
      return longs(distinctCounts(first!, versions));
    case 'take_any':
      return hasBlanks(first!) ? undefined : gatherColumn(first!, membersAt(versions, 'low'));
    case 'take_any_row':
      return gatherColumn(first!, membersAt(versions, 'low'));
    default:
      return undefined;
  }
}

function longs(values: Float64Array): Column {
  return { kind: 'number', type: 'long', values, nulls: undefined };
}

function stretchSums(
  { count, low, high, members }: Versions,
  valueOf: (row: number) => number,
): { readonly sums: Float64Array; readonly magnitude: number } {
  const before = new Float64Array(members.length + 1);
  let magnitude = 0;
  for (let i = 0; i < members.length; i++) {
    const value = valueOf(members[i]!);
    magnitude += Math.abs(value);
    before[i + 1] = before[i]! + value;
  }
  const sums = new Float64Array(count);
  for (let version = 0; version < count; version++) sums[version] = before[high[version]!]! - before[low[version]!]!;
  return { sums, magnitude };
}

const winnersMemo = new WeakMap<Versions, Map<string, Map<Column, Uint32Array>>>();

/**
 * For each version the first row with the least (`sign` -1) or greatest (1) value; undefined where a value may be null or
 * NaN, or is no plain number. The calls of one `arg_max(x, *)` share theirs.
 */
function extremes(column: Column, versions: Versions, sign: 1 | -1): Uint32Array | undefined {
  if (column.kind !== 'number' || column.nulls || column.type === 'real') return undefined;
  let bySign = winnersMemo.get(versions);
  if (!bySign) winnersMemo.set(versions, (bySign = new Map()));
  let byColumn = bySign.get(String(sign));
  if (!byColumn) bySign.set(String(sign), (byColumn = new Map()));
  let winners = byColumn.get(column);
  if (!winners) {
    winners = isAscending(column) ? endsOf(column.values, versions, sign) : findExtremes(column.values, versions, sign);
    byColumn.set(column, winners);
  }
  return winners;
}

/** Of values that ascend with the rows, as times do: the first member for the least, the first of the last equal ones for the greatest. */
function endsOf(values: Float64Array, { count, low, high, members }: Versions, sign: 1 | -1): Uint32Array {
  const winners = new Uint32Array(count);
  for (let version = 0; version < count; version++) {
    const first = low[version]!;
    let at = sign < 0 ? first : high[version]! - 1;
    if (sign > 0) while (at > first && values[members[at - 1]!] === values[members[at]!]) at--;
    winners[version] = members[at]!;
  }
  return winners;
}

/** A queue of the members that may still win: each greater than those after it. */
function findExtremes(values: Float64Array, { count, low, high, members }: Versions, sign: 1 | -1): Uint32Array {
  const winners = new Uint32Array(count);
  const queue = new Uint32Array(members.length);
  let head = 0;
  let tail = 0;
  let start = 0;
  let end = 0;
  for (let version = 0; version < count; version++) {
    const from = low[version]!;
    const to = high[version]!;
    if (from < start || from >= end) {
      head = tail = 0;
      end = from;
    }
    start = from;
    for (; end < to; end++) {
      const value = values[members[end]!]! * sign;
      while (tail > head && values[members[queue[tail - 1]!]!]! * sign < value) tail--;
      queue[tail++] = end;
    }
    while (queue[head]! < from) head++;
    winners[version] = members[queue[head]!]!;
  }
  return winners;
}

function distinctCounts(column: Column, { count, low, high, members }: Versions): Float64Array {
  const { of, count: valueCount } = groupRows([column], columnLength(column));
  const isNull = isNullAt(column);
  const standing = new Uint32Array(valueCount);
  const out = new Float64Array(count);
  let start = 0;
  let end = 0;
  let distinct = 0;
  for (let version = 0; version < count; version++) {
    const from = low[version]!;
    const to = high[version]!;
    const apart = from < start || from >= end;
    const gone = apart ? end : from;
    for (; start < gone; start++) {
      const row = members[start]!;
      if (isNull?.(row)) continue;
      if (--standing[of[row]!]! === 0) distinct--;
    }
    if (apart) start = end = from;
    for (; end < to; end++) {
      const row = members[end]!;
      if (isNull?.(row)) continue;
      if (++standing[of[row]!]! === 1) distinct++;
    }
    out[version] = distinct;
  }
  return out;
}

/** The first member of each version, or the last one. */
export function membersAt({ count, low, high, members }: Versions, end: 'low' | 'high'): Uint32Array {
  const rows = takeWords(count);
  for (let version = 0; version < count; version++) {
    rows[version] = members[end === 'low' ? low[version]! : high[version]! - 1]!;
  }
  return rows;
}

/** Values that `take_any` passes over: nulls and empty texts. */
function hasBlanks(column: Column): boolean {
  if (column.kind === 'constant') return column.value === null || column.value === '';
  if (column.kind !== 'coded') return column.nulls?.includes(1) ?? false;
  const { codes, dictionary } = column;
  const blank = new Int8Array(dictionary.size).fill(-1);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (blank[code] === -1)
      blank[code] = dictionary.isNull(code) || (column.type === 'string' && dictionary.text(code) === '') ? 1 : 0;
    if (blank[code] === 1) return true;
  }
  return false;
}
