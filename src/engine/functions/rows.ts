/** Functions that look at other rows of the batch: neighbours, numbers, running sums, ranks, sessions. */
import { type Column, columnFromValues, gatherColumn, valueAt } from '../../columns/column.ts';
import type { ScalarType, Value } from '../../columns/value.ts';
import { widen } from './convert.ts';
import { decimalArithmetic } from './decimal.ts';
import type { ScalarFunction } from './function.ts';
import { choose } from './kernels.ts';
import { wrapWhole } from './operators.ts';
import { compareValues } from './scalars.ts';

type OverRows = NonNullable<ScalarFunction['overRows']>;

function overRows(name: string, apply: OverRows): ScalarFunction {
  return {
    name,
    call: () => {
      throw new Error(`${name} has no value for a single row`);
    },
    overRows: apply,
    rowLocal: false,
    timeInvariant: true,
    deterministic: true,
  };
}

/** The value `direction` × offset rows away, or the default where there is no such row. */
function neighbour(direction: 1 | -1): OverRows {
  return ([column, offset, fallback], type, rowCount) => {
    const distance = (offset ? Number(valueAt(offset, 0) as bigint) : 1) * direction;
    const rows = new Uint32Array(rowCount);
    /** 1 where the neighbour does not exist. */
    const choice = new Uint8Array(rowCount);
    for (let row = 0; row < rowCount; row++) {
      const at = row + distance;
      if (at >= 0 && at < rowCount) rows[row] = at;
      else choice[row] = 1;
    }
    const moved = gatherColumn(column!, rows);
    const none: Value = type === 'string' ? '' : null;
    const missing: Column = fallback ?? { kind: 'constant', type, value: none, length: rowCount };
    const chosen = choose(choice, [moved, missing], type, rowCount);
    if (chosen) return chosen;
    return columnFromValues(
      type,
      Array.from({ length: rowCount }, (_, row) => {
        const from = choice[row] ? missing : moved;
        return widen(valueAt(from, row), from.type, type);
      }),
    );
  };
}

/** Whether the count starts anew at a row. */
function restarts(column: Column | undefined): (row: number) => boolean {
  if (!column) return () => false;
  return (row) => valueAt(column, row) === true;
}

const rowNumber: OverRows = ([start, restart], _type, rowCount) => {
  const first = start && rowCount > 0 ? Number(valueAt(start, 0) as bigint) : 1;
  const anew = restarts(restart);
  const values = new Float64Array(rowCount);
  let number = first;
  for (let row = 0; row < rowCount; row++) {
    if (row > 0 && anew(row)) number = first;
    values[row] = number++;
  }
  return { kind: 'number', type: 'long', values, nulls: undefined };
};

function add(a: Value, b: Value, type: ScalarType): Value {
  if (typeof a === 'number') return a + (b as number);
  if (typeof a === 'string') return decimalArithmetic('+', a, b as string);
  return wrapWhole((a as bigint) + (b as bigint), type);
}

const rowCumsum: OverRows = ([term, restart], type, rowCount) => {
  const anew = restarts(restart);
  const zero: Value = type === 'real' ? 0 : type === 'decimal' ? '0' : 0n;
  let sum: Value = zero;
  const out: Value[] = [];
  for (let row = 0; row < rowCount; row++) {
    if (anew(row)) sum = zero;
    const value = widen(valueAt(term!, row), term!.type, type);
    if (value !== null) sum = add(sum, value, type);
    out.push(sum);
  }
  return columnFromValues(type, out);
};

function same(a: Value, b: Value, type: ScalarType): boolean {
  return a === null || b === null ? a === b : compareValues(a, type, b, type) === 0;
}

/** Ranks of equal neighbours; `dense` counts values, else rows. */
function rank(dense: boolean): OverRows {
  return ([term, restart], _type, rowCount) => {
    const anew = restarts(restart);
    const values = new Float64Array(rowCount);
    let previous: Value = null;
    let current = 0;
    let position = 0;
    for (let row = 0; row < rowCount; row++) {
      const value = valueAt(term!, row);
      position++;
      if (row === 0 || anew(row)) {
        position = 1;
        current = 1;
      } else if (!same(value, previous, term!.type)) current = dense ? current + 1 : position;
      previous = value;
      values[row] = current;
    }
    return { kind: 'number', type: 'long', values, nulls: undefined };
  };
}

/**
 * The first value of the session that a row belongs to. A session ends where the value lies further from its first than
 * `maxFromFirst`, further from its neighbour than `maxBetween`, or where `restart` says so.
 */
const rowWindowSession: OverRows = ([term, maxFromFirst, maxBetween, restart], type, rowCount) => {
  const anew = restarts(restart);
  const out: Value[] = [];
  let first: Value = null;
  let previous: Value = null;
  const beyond = (value: Value, from: Value, limit: Value): boolean =>
    typeof value === 'bigint' && typeof from === 'bigint'
      ? limit !== null && value - from > (limit as bigint)
      : limit !== null && Number(value) - Number(from) > Number(limit);
  for (let row = 0; row < rowCount; row++) {
    const value = valueAt(term!, row);
    if (value === null) {
      out.push(null);
      continue;
    }
    if (
      first === null ||
      anew(row) ||
      beyond(value, first, valueAt(maxFromFirst!, row)) ||
      beyond(value, previous, valueAt(maxBetween!, row))
    ) {
      first = value;
    }
    previous = value;
    out.push(first);
  }
  return columnFromValues(type, out);
};

export const ROW_FUNCTIONS: readonly ScalarFunction[] = [
  overRows('prev', neighbour(-1)),
  overRows('next', neighbour(1)),
  overRows('row_number', rowNumber),
  overRows('row_cumsum', rowCumsum),
  overRows('row_rank_dense', rank(true)),
  overRows('row_rank_min', rank(false)),
  overRows('row_window_session', rowWindowSession),
];
