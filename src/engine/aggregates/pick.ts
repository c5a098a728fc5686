/** Aggregates that pick one row of each group: min, max, arg_min, arg_max, take_any. */
import { type Column, columnLength } from '../../columns/column.ts';
import { dictionaryRanks } from '../order.ts';
import { gatherOrMissing } from '../operators/gather.ts';
import type { Groups } from '../operators/keys.ts';
import { type AggregateFunction, type AggregateInput, isNullAt } from './aggregate.ts';

/** Winners are shared by the calls of one `arg_max(x, *)`: they have the groups and the first column in common. */
const winnersMemo = new WeakMap<Groups, Map<string, Map<Column, Int32Array>>>();

/**
 * For each group the first row with the least (`sign` -1) or greatest (1) value, or -1 where every value is null. One
 * NaN in a group wins either way.
 */
function extremeRows(column: Column, groups: Groups, sign: 1 | -1): Int32Array {
  let bySign = winnersMemo.get(groups);
  if (!bySign) winnersMemo.set(groups, (bySign = new Map()));
  let byColumn = bySign.get(String(sign));
  if (!byColumn) bySign.set(String(sign), (byColumn = new Map()));
  let winners = byColumn.get(column);
  if (!winners) byColumn.set(column, (winners = findExtremes(column, groups, sign)));
  return winners;
}

function findExtremes(column: Column, groups: Groups, sign: 1 | -1): Int32Array {
  const { of, count } = groups;
  const winners = new Int32Array(count).fill(-1);
  if (column.kind === 'constant') {
    if (column.value !== null) {
      for (let row = 0; row < column.length; row++) if (winners[of[row]!]! < 0) winners[of[row]!] = row;
    }
    return winners;
  }
  const length = columnLength(column);
  if (column.kind === 'wide') {
    const { values, nulls } = column;
    for (let row = 0; row < length; row++) {
      if (nulls?.[row]) continue;
      const group = of[row]!;
      const best = winners[group]!;
      if (best < 0 || (sign > 0 ? values[row]! > values[best]! : values[row]! < values[best]!)) winners[group] = row;
    }
    return winners;
  }
  if (column.kind === 'coded') {
    const ranks = dictionaryRanks(column.dictionary);
    const { codes } = column;
    for (let row = 0; row < length; row++) {
      const rank = ranks[codes[row]!]!;
      if (rank < 0) continue;
      const group = of[row]!;
      const best = winners[group]!;
      if (best < 0 || (rank - ranks[codes[best]!]!) * sign > 0) winners[group] = row;
    }
    return winners;
  }
  const { values, nulls } = column;
  for (let row = 0; row < length; row++) {
    if (nulls?.[row]) continue;
    const value = values[row]!;
    const group = of[row]!;
    const best = winners[group]!;
    if (best < 0) winners[group] = row;
    else {
      const held = values[best]!;
      // A held NaN is never beaten; a new NaN beats any number.
      if ((sign > 0 ? value > held : value < held) || (value !== value && held === held)) winners[group] = row;
    }
  }
  return winners;
}

function extreme(sign: 1 | -1): AggregateFunction {
  return {
    minArgs: 1,
    maxArgs: 1,
    run: ({ args, groups }) => {
      const column = args[0]!;
      return narrowExtreme(column, groups, sign) ?? gatherOrMissing(column, extremeRows(column, groups, sign));
    },
  };
}

/** The hot case, numbers without nulls or NaN: one pass, no row numbers. Times are never NaN. */
function narrowExtreme(column: Column, groups: Groups, sign: 1 | -1): Column | undefined {
  if (column.kind !== 'number' || column.nulls || column.type === 'real') return undefined;
  const { values } = column;
  const { of, count } = groups;
  const out = new Float64Array(count).fill(sign > 0 ? -Infinity : Infinity);
  if (sign > 0) {
    for (let row = 0; row < values.length; row++) {
      const group = of[row]!;
      const value = values[row]!;
      if (value > out[group]!) out[group] = value;
    }
  } else {
    for (let row = 0; row < values.length; row++) {
      const group = of[row]!;
      const value = values[row]!;
      if (value < out[group]!) out[group] = value;
    }
  }
  let nulls: Uint8Array | undefined;
  for (let group = 0; group < count; group++) {
    if (Number.isFinite(out[group]!)) continue;
    (nulls ??= new Uint8Array(count))[group] = 1;
    out[group] = 0;
  }
  return { kind: 'number', type: column.type, values: out, nulls };
}

/** `arg_max(x, y)`: y of the row with the greatest x; x itself without a y. Where every x of a group is null, the group's first row. */
function argExtreme(sign: 1 | -1): AggregateFunction {
  return {
    minArgs: 1,
    maxArgs: 2,
    run: ({ args, groups, rowCount }: AggregateInput) => {
      let winners = extremeRows(args[0]!, groups, sign);
      if (winners.includes(-1)) {
        const first = firstRows(groups, rowCount);
        winners = winners.map((row, group) => (row < 0 ? first[group]! : row));
      }
      return gatherOrMissing(args[1] ?? args[0]!, winners);
    },
  };
}

function firstRows(groups: Groups, rowCount: number): Int32Array {
  const first = new Int32Array(groups.count).fill(-1);
  for (let row = rowCount - 1; row >= 0; row--) first[groups.of[row]!] = row;
  return first;
}

/** The first value that is neither null nor the empty text, else the first row's. */
const takeAny: AggregateFunction = {
  minArgs: 1,
  maxArgs: 1,
  run: ({ args, groups, rowCount }) => {
    const column = args[0]!;
    const rows = firstRows(groups, rowCount);
    const isNull = isNullAt(column);
    const isBlank =
      column.kind === 'coded' && column.type === 'string'
        ? (row: number) => column.dictionary.text(column.codes[row]!) === ''
        : isNull;
    if (isBlank) {
      const filled = new Uint8Array(groups.count);
      for (let row = 0; row < rowCount; row++) {
        const group = groups.of[row]!;
        if (filled[group] === 1 || isBlank(row)) continue;
        filled[group] = 1;
        rows[group] = row;
      }
    }
    return gatherOrMissing(column, rows);
  },
};

/** Each group's first row, whatever it holds: one call per column of `take_any(*)`, so that all come from one row. */
const takeAnyRow: AggregateFunction = {
  minArgs: 1,
  maxArgs: 1,
  run: ({ args, groups, rowCount }) => gatherOrMissing(args[0]!, firstRows(groups, rowCount)),
};

export const PICKS: Readonly<Record<string, AggregateFunction>> = {
  min: extreme(-1),
  max: extreme(1),
  arg_min: argExtreme(-1),
  arg_max: argExtreme(1),
  take_any: takeAny,
  take_any_row: takeAnyRow,
};
