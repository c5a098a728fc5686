/** Aggregates over numbers: counts, sums, means, spread, percentiles, bits. */
import { type Column, columnFromValues, columnLength, type NumberType, valueAt } from '../../columns/column.ts';
import type { Dynamic, Value } from '../../columns/value.ts';
import { gatherOrMissing } from '../operators/gather.ts';
import type { Groups } from '../operators/keys.ts';
import { sortedRows } from '../order.ts';
import { type AggregateFunction, isNullAt, trueRows } from './aggregate.ts';
import { dynamicValueAt } from './collect.ts';

function longs(values: Float64Array): Column {
  return { kind: 'number', type: 'long', values, nulls: undefined };
}

const count: AggregateFunction = {
  minArgs: 0,
  maxArgs: 1,
  run: ({ groups, rowCount }) => {
    const out = new Float64Array(groups.count);
    for (let row = 0; row < rowCount; row++) out[groups.of[row]!]!++;
    return longs(out);
  },
};

const countif: AggregateFunction = {
  minArgs: 1,
  maxArgs: 1,
  run: ({ args, groups, rowCount }) => {
    const keep = trueRows(args[0]!, rowCount);
    const out = new Float64Array(groups.count);
    for (let row = 0; row < rowCount; row++) out[groups.of[row]!]! += keep[row]!;
    return longs(out);
  },
};

/** The column's values as doubles (a datetime's from the column epoch) and which rows have one. */
function doubles(column: Column): { readonly values: Float64Array; readonly nulls: Uint8Array | undefined } {
  if (column.kind === 'number') return { values: column.values, nulls: column.nulls };
  const length = columnLength(column);
  const values = new Float64Array(length);
  let nulls: Uint8Array | undefined;
  for (let row = 0; row < length; row++) {
    const value = valueAt(column, row);
    const number = value === null ? Number.NaN : typeof value === 'object' ? Number.NaN : Number(value);
    if (value === null || typeof value === 'object') (nulls ??= new Uint8Array(length))[row] = 1;
    else values[row] = number;
  }
  return { values, nulls };
}

const MAX_EXACT = 2 ** 53;

const sum: AggregateFunction = {
  minArgs: 1,
  maxArgs: 1,
  run: ({ args, groups, rowCount, type }) => {
    const column = args[0]!;
    if (type === 'decimal') return decimalSum(column, groups, rowCount);
    if (type === 'real' || column.kind === 'number' || column.kind === 'bool') {
      const { values, nulls } = doubles(column);
      const out = new Float64Array(groups.count);
      let magnitude = 0;
      for (let row = 0; row < rowCount; row++) {
        if (nulls?.[row]) continue;
        const value = values[row]!;
        out[groups.of[row]!]! += value;
        magnitude += Math.abs(value);
      }
      if (type === 'real') return { kind: 'number', type, values: out, nulls: undefined };
      if (magnitude <= MAX_EXACT) return { kind: 'number', type: type as NumberType, values: out, nulls: undefined };
    }
    const out = new BigInt64Array(groups.count);
    for (let row = 0; row < rowCount; row++) {
      const value = valueAt(column, row);
      // Typed arrays wrap at 64 bits, as a long does.
      if (typeof value === 'bigint') out[groups.of[row]!]! += value;
    }
    return columnFromValues(type, Array.from(out));
  },
};

function decimalParts(text: string): { digits: bigint; scale: number } {
  const match = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return { digits: 0n, scale: 0 };
  const exponent = Number(match[4] ?? 0);
  const digits = BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${match[3]}` || '0');
  const scale = match[3]!.length - exponent;
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

function decimalSum(column: Column, groups: Groups, rowCount: number): Column {
  const digits = new Array<bigint>(groups.count).fill(0n);
  const scales = new Array<number>(groups.count).fill(0);
  for (let row = 0; row < rowCount; row++) {
    const value = valueAt(column, row);
    if (value === null) continue;
    const part = decimalParts(value as string);
    const group = groups.of[row]!;
    const scale = Math.max(part.scale, scales[group]!);
    digits[group] =
      digits[group]! * 10n ** BigInt(scale - scales[group]!) + part.digits * 10n ** BigInt(scale - part.scale);
    scales[group] = scale;
  }
  return columnFromValues(
    'decimal',
    digits.map((value, group) => decimalText(value, scales[group]!)),
  );
}

function decimalText(digits: bigint, scale: number): string {
  if (scale === 0) return digits.toString();
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  return `${sign}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}

const avg: AggregateFunction = {
  minArgs: 1,
  maxArgs: 1,
  run: ({ args, groups, rowCount, type }) => {
    const column = args[0]!;
    const { values, nulls } = doubles(column);
    let sums: Float64Array = new Float64Array(groups.count);
    const counts = new Float64Array(groups.count);
    for (let row = 0; row < rowCount; row++) {
      if (nulls?.[row]) continue;
      sums[groups.of[row]!]! += values[row]!;
      counts[groups.of[row]!]!++;
    }
    if (type === 'real') {
      // Kusto divides the sum of longs, which wraps at 64 bits.
      if (column.kind === 'wide') sums = doubles(sum.run({ args, groups, rowCount, type: 'long' })).values;
      for (let group = 0; group < groups.count; group++) sums[group]! /= counts[group]!;
      return { kind: 'number', type, values: sums, nulls: undefined };
    }
    if (type === 'decimal') {
      return columnFromValues(
        type,
        Array.from(sums, (total, group) => (counts[group] === 0 ? null : String(total / counts[group]!))),
      );
    }
    // Times: whole ticks, rounded down; the mean of none is null.
    const empty = counts.map((n) => (n === 0 ? 1 : 0));
    return {
      kind: 'number',
      type: type as NumberType,
      values: sums.map((total, group) => (counts[group] === 0 ? 0 : Math.floor(total / counts[group]!))),
      nulls: empty.includes(1) ? Uint8Array.from(empty) : undefined,
    };
  },
};

/** Kusto gives a variance with ten decimals, and the root of that as the standard deviation. */
function roundVariance(value: number): number {
  const scaled = value * 1e10;
  return Number.isFinite(scaled) && Math.abs(scaled) < MAX_EXACT ? Math.round(scaled) / 1e10 : value;
}

function spread(kind: 'sample' | 'population', root: boolean): AggregateFunction {
  return {
    minArgs: 1,
    maxArgs: 1,
    run: ({ args, groups, rowCount }) => {
      const { values, nulls } = doubles(args[0]!);
      const counts = new Float64Array(groups.count);
      const means = new Float64Array(groups.count);
      for (let row = 0; row < rowCount; row++) {
        if (nulls?.[row]) continue;
        means[groups.of[row]!]! += values[row]!;
        counts[groups.of[row]!]!++;
      }
      for (let group = 0; group < groups.count; group++) means[group]! /= counts[group]!;
      const out = new Float64Array(groups.count);
      for (let row = 0; row < rowCount; row++) {
        if (nulls?.[row]) continue;
        const group = groups.of[row]!;
        const difference = values[row]! - means[group]!;
        out[group]! += difference * difference;
      }
      for (let group = 0; group < groups.count; group++) {
        const n = counts[group]!;
        const divisor = kind === 'population' ? n : n - 1;
        const variance = divisor <= 0 ? 0 : roundVariance(out[group]! / divisor);
        out[group] = root ? Math.sqrt(variance) : variance;
      }
      return { kind: 'number', type: 'real', values: out, nulls: undefined };
    },
  };
}

function covariance(kind: 'sample' | 'population'): AggregateFunction {
  return {
    minArgs: 2,
    maxArgs: 2,
    run: ({ args, groups, rowCount }) => {
      const x = doubles(args[0]!);
      const y = doubles(args[1]!);
      const n = new Float64Array(groups.count);
      const meanX = new Float64Array(groups.count);
      const meanY = new Float64Array(groups.count);
      const products = new Float64Array(groups.count);
      for (let row = 0; row < rowCount; row++) {
        if (x.nulls?.[row] || y.nulls?.[row]) continue;
        const group = groups.of[row]!;
        n[group]!++;
        const before = x.values[row]! - meanX[group]!;
        meanX[group]! += before / n[group]!;
        meanY[group]! += (y.values[row]! - meanY[group]!) / n[group]!;
        products[group]! += before * (y.values[row]! - meanY[group]!);
      }
      for (let group = 0; group < groups.count; group++) {
        const divisor = kind === 'population' ? n[group]! : n[group]! - 1;
        products[group] = divisor > 0 ? products[group]! / divisor : n[group] === 0 ? Number.NaN : 0;
      }
      return { kind: 'number', type: 'real', values: products, nulls: undefined };
    },
  };
}

/** The row of each group that holds the nearest-rank percentile of each of `ranks`; -1 for a group without values. */
function percentileRows(column: Column, groups: Groups, rowCount: number, percents: readonly number[]): Int32Array[] {
  const order = sortedRows([{ column, descending: false, nullsFirst: true }], rowCount);
  const isNull = isNullAt(column);
  const sizes = new Uint32Array(groups.count);
  for (let row = 0; row < rowCount; row++) if (!isNull?.(row)) sizes[groups.of[row]!]!++;
  const out = percents.map(() => new Int32Array(groups.count).fill(-1));
  const wanted = percents.map((percent) =>
    Array.from(sizes, (size) => Math.max(1, Math.min(size, Math.ceil((percent / 100) * size)))),
  );
  const seen = new Uint32Array(groups.count);
  for (const row of order) {
    if (isNull?.(row)) continue;
    const group = groups.of[row]!;
    const place = ++seen[group]!;
    for (let p = 0; p < percents.length; p++) if (wanted[p]![group] === place) out[p]![group] = row;
  }
  return out;
}

/** The least value with at least the wanted share of the group's weight at or below it. Arguments: value, weight, percent. */
const percentilew: AggregateFunction = {
  minArgs: 3,
  maxArgs: 3,
  run: ({ args, groups, rowCount }) => {
    const column = args[0]!;
    const weights = doubles(args[1]!);
    const [percent] = constantNumbers([args[2]!]) as [number];
    const order = sortedRows([{ column, descending: false, nullsFirst: true }], rowCount);
    const isNull = isNullAt(column);
    const totals = new Float64Array(groups.count);
    for (let row = 0; row < rowCount; row++) {
      if (!isNull?.(row) && !weights.nulls?.[row]) totals[groups.of[row]!]! += weights.values[row]!;
    }
    const rows = new Int32Array(groups.count).fill(-1);
    const passed = new Float64Array(groups.count);
    for (const row of order) {
      if (isNull?.(row) || weights.nulls?.[row]) continue;
      const group = groups.of[row]!;
      if (rows[group]! >= 0) continue;
      passed[group]! += weights.values[row]!;
      if (passed[group]! >= (percent / 100) * totals[group]!) rows[group] = row;
    }
    return gatherOrMissing(column, rows);
  },
};

function constantNumbers(columns: readonly Column[]): number[] {
  return columns.flatMap((column) => {
    const value = columnLength(column) > 0 || column.kind === 'constant' ? valueAt(column, 0) : null;
    return Array.isArray(value) ? value.map(Number) : [Number(value)];
  });
}

const percentile: AggregateFunction = {
  minArgs: 2,
  maxArgs: 2,
  run: ({ args, groups, rowCount }) =>
    gatherOrMissing(args[0]!, percentileRows(args[0]!, groups, rowCount, constantNumbers(args.slice(1)))[0]!),
};

const percentilesArray: AggregateFunction = {
  minArgs: 2,
  maxArgs: Number.POSITIVE_INFINITY,
  run: ({ args, groups, rowCount }) => {
    const column = args[0]!;
    const rows = percentileRows(column, groups, rowCount, constantNumbers(args.slice(1)));
    const lists: Dynamic[] = Array.from({ length: groups.count }, (_, group) =>
      rows.map((of) => (of[group]! < 0 ? null : dynamicValueAt(column, of[group]!))),
    );
    return columnFromValues('dynamic', lists);
  },
};

function bits(start: bigint, step: (a: bigint, b: bigint) => bigint): AggregateFunction {
  return {
    minArgs: 1,
    maxArgs: 1,
    run: ({ args, groups, rowCount }) => {
      const out = new Array<Value>(groups.count).fill(null);
      for (let row = 0; row < rowCount; row++) {
        const value = valueAt(args[0]!, row);
        if (typeof value !== 'bigint') continue;
        const group = groups.of[row]!;
        out[group] = BigInt.asIntN(64, step((out[group] as bigint | null) ?? start, value));
      }
      return columnFromValues('long', out);
    },
  };
}

export const NUMERIC: Readonly<Record<string, AggregateFunction>> = {
  count,
  countif,
  sum,
  avg,
  stdev: spread('sample', true),
  stdevp: spread('population', true),
  variance: spread('sample', false),
  variancep: spread('population', false),
  covariance: covariance('sample'),
  covariancep: covariance('population'),
  percentile,
  percentilew,
  percentiles_array: percentilesArray,
  binary_all_and: bits(-1n, (a, b) => a & b),
  binary_all_or: bits(0n, (a, b) => a | b),
  binary_all_xor: bits(0n, (a, b) => a ^ b),
};
