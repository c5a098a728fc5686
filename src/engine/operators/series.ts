/** `make-series`: per key one array per aggregate over an evenly spaced axis, gaps filled with the aggregate's fallback. */
import { Batch } from '../../columns/batch.ts';
import { type Column, columnFromValues, gatherColumn, valueAt } from '../../columns/column.ts';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import type { Plan } from '../../plan/plan.ts';
import { toDynamic } from '../aggregates/collect.ts';
import { groupRows } from './keys.ts';
import { groupLineage } from './lineage.ts';
import { aggregateColumns, type Evaluate } from './summarize.ts';
import { rowsWhere } from './gather.ts';

type Series = Extract<Plan, { op: 'series' }>;

/** `x` rounded down to a multiple of `step` from zero. */
function floorTo(x: bigint, step: bigint): bigint {
  const rest = x % step;
  return rest < 0n ? x - rest - step : x - rest;
}

/**
 * @param evaluateOver - evaluates expressions over some rows.
 * @param constant - a constant expression's value.
 */
export function makeSeries(
  node: Series,
  input: Batch,
  evaluateOver: (batch: Batch) => Evaluate,
  constant: (expression: Series['step']) => Value,
  admit: (cellCount: number) => void,
): Batch {
  const axis = evaluateOver(input)(node.axis);
  const step = constant(node.step);
  const first = node.from ? constant(node.from) : null;
  const end = node.to ? constant(node.to) : null;
  const real = node.axis.type === 'real';
  const bins = new Float64Array(input.rowCount).fill(-1);
  let binCount = 0;
  let start: Value = first;
  // Where an end is not given, the data set it: the first and the last bin that any row falls into.
  if (real) {
    const width = Number(step);
    let low = first === null ? Infinity : Number(first);
    let high = end === null ? -Infinity : Number(end);
    for (let row = 0; row < input.rowCount; row++) {
      const x = valueAt(axis, row);
      if (x === null) continue;
      if (first === null) low = Math.min(low, Math.floor(Number(x) / width) * width);
      if (end === null) high = Math.max(high, Number(x));
    }
    if (!(width > 0) || !(low <= high)) return new Batch(node.columns, 0, emptyColumns(node));
    start = low;
    binCount = end === null ? Math.floor((high - low) / width) + 1 : Math.ceil((high - low) / width);
    for (let row = 0; row < input.rowCount; row++) {
      const x = valueAt(axis, row);
      if (x === null) continue;
      const bin = Math.floor((Number(x) - low) / width);
      if (bin >= 0 && bin < binCount && (end === null || Number(x) < high)) bins[row] = bin;
    }
  } else {
    const width = step === null ? 0n : BigInt(step as bigint);
    let low = first as bigint | null;
    let high = end as bigint | null;
    if (width <= 0n) return new Batch(node.columns, 0, emptyColumns(node));
    for (let row = 0; row < input.rowCount; row++) {
      const x = valueAt(axis, row) as bigint | null;
      if (x === null) continue;
      if (first === null && (low === null || x < low)) low = x;
      if (end === null && (high === null || x > high)) high = x;
    }
    if (low === null || high === null) return new Batch(node.columns, 0, emptyColumns(node));
    if (first === null) low = floorTo(low, width);
    start = low;
    const span = high - low;
    binCount = span < 0n ? 0 : Number(end === null ? span / width + 1n : (span + width - 1n) / width);
    for (let row = 0; row < input.rowCount; row++) {
      const x = valueAt(axis, row) as bigint | null;
      if (x === null || x < low) continue;
      const bin = Number((x - low) / width);
      if (bin < binCount && (end === null || x < high)) bins[row] = bin;
    }
  }
  const inside = new Uint8Array(input.rowCount);
  for (let row = 0; row < inside.length; row++) inside[row] = bins[row]! >= 0 ? 1 : 0;
  const rows = rowsWhere(inside);
  const batch = input.select(rows);
  const evaluate = evaluateOver(batch);
  const keys = node.keys.map(evaluate);
  const series = keys.length > 0 ? groupRows(keys, rows.length) : oneGroup(rows.length);
  if (binCount === 0 || series.count === 0) return new Batch(node.columns, 0, emptyColumns(node));
  admit(series.count * binCount * node.aggregates.length);
  const binColumn: Column = {
    kind: 'number',
    type: 'long',
    values: Float64Array.from(rows, (row) => bins[row]!),
    nulls: undefined,
  };
  const seriesColumn: Column = {
    kind: 'number',
    type: 'long',
    values: new Float64Array(series.of),
    nulls: undefined,
  };
  const cells = groupRows([seriesColumn, binColumn], rows.length);
  const values = aggregateColumns(node.aggregates, cells, rows.length, evaluate);
  const arrays = node.aggregates.map((aggregate, a) => {
    const fallback = toDynamic(aggregate.type, castNumber(aggregate.type, aggregate.fallback));
    const lists: Dynamic[][] = Array.from({ length: series.count }, () => new Array<Dynamic>(binCount).fill(fallback));
    for (let cell = 0; cell < cells.count; cell++) {
      const row = cells.first[cell]!;
      lists[series.of[row]!]![binColumn.values[row]!] = toDynamic(aggregate.type, valueAt(values[a]!, cell));
    }
    return columnFromValues('dynamic', lists);
  });
  const axisValues: Dynamic[] = Array.from({ length: binCount }, (_, bin) =>
    typeof start === 'number'
      ? start + bin * Number(step)
      : toDynamic(node.axis.type, (start as bigint) + BigInt(bin) * (step as bigint)),
  );
  return new Batch(
    node.columns,
    series.count,
    [
      ...keys.map((column) => () => gatherColumn(column, series.first)),
      ...arrays,
      { kind: 'constant', type: 'dynamic', value: axisValues, length: series.count } as Column,
    ],
    groupLineage(batch, series, series.count),
  );
}

function oneGroup(rowCount: number): ReturnType<typeof groupRows> {
  const count = Math.min(1, rowCount);
  return { of: new Uint32Array(rowCount), count, first: new Uint32Array(count) };
}

function castNumber(type: ScalarType, value: Value): Value {
  if (type === 'real' && typeof value === 'bigint') return Number(value);
  if ((type === 'long' || type === 'int') && typeof value === 'number') return BigInt(Math.trunc(value));
  return value;
}

function emptyColumns(node: Series): Column[] {
  return node.columns.map(({ type }) => columnFromValues(type, []));
}
