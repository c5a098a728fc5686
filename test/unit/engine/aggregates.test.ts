import { describe, expect, it } from 'vitest';
import { columnFromValues, valueAt } from '../../../src/columns/column.ts';
import { DynamicDatetime, type ScalarType, type Value } from '../../../src/columns/value.ts';
import { aggregateFunction, aggregateNames } from '../../../src/engine/aggregates/index.ts';

type Argument = readonly [ScalarType, readonly Value[]];

/** The aggregate over rows of two groups: the first `split` rows are group 0, the rest group 1. Group 2 has no rows. */
function over(name: string, type: ScalarType, split: number, ...args: Argument[]): Value[] {
  const rowCount = args[0]![1].length;
  const of = Uint32Array.from({ length: rowCount }, (_, row) => (row < split ? 0 : 1));
  const column = aggregateFunction(name)!.run({
    args: args.map(([argType, values]) => columnFromValues(argType, values)),
    groups: { of, count: 3, first: Uint32Array.of(0, split, 0) },
    rowCount,
    type,
  });
  return [0, 1, 2].map((group) => valueAt(column, group));
}

const LONGS: Argument = ['long', [3n, null, 1n, 10n, null]];

describe('aggregates', () => {
  it('count rows, and rows where a predicate holds', () => {
    expect(over('count', 'long', 3, LONGS)).toEqual([3n, 2n, 0n]);
    expect(over('countif', 'long', 2, ['bool', [true, null, false, true]])).toEqual([1n, 1n, 0n]);
  });

  it('sum and average what is not null; the sum of nothing is 0, its average NaN', () => {
    expect(over('sum', 'long', 3, LONGS)).toEqual([4n, 10n, 0n]);
    expect(over('avg', 'real', 3, LONGS)).toEqual([2, 10, Number.NaN]);
    expect(over('sum', 'decimal', 2, ['decimal', ['0.1', '0.2', '10']])).toEqual(['0.3', '10', '0']);
    expect(over('avg', 'timespan', 2, ['timespan', [1n, 4n, null]])).toEqual([2n, null, null]);
  });

  it('sum longs exactly, and around at 64 bits', () => {
    const max = 2n ** 63n - 1n;
    const exact: Argument = ['long', [2n ** 53n - 1n, 2n, 1n, max, 1n]];
    expect(over('sum', 'long', 3, exact)).toEqual([2n ** 53n + 2n, -(2n ** 63n), 0n]);
    expect(over('sumif', 'long', 3, exact, ['bool', [true, false, true, true, false]])).toEqual([2n ** 53n, max, 0n]);
  });

  it('find extremes of every type; one NaN is both', () => {
    expect(over('max', 'long', 3, LONGS)).toEqual([3n, 10n, null]);
    expect(over('min', 'string', 2, ['string', ['b', 'a', 'c']])).toEqual(['a', 'c', '']);
    expect(over('max', 'bool', 2, ['bool', [false, true, null]])).toEqual([true, null, null]);
    const reals: Argument = ['real', [1, Number.NaN, 2, -Infinity]];
    expect(over('min', 'real', 3, reals)).toEqual([Number.NaN, -Infinity, null]);
    expect(over('max', 'real', 3, reals)).toEqual([Number.NaN, -Infinity, null]);
    const wide: Argument = ['datetime', [1n, 2n, 637_134_336_000_000_000n]];
    expect(over('max', 'datetime', 2, wide)).toEqual([2n, 637_134_336_000_000_000n, null]);
    expect(over('minif', 'long', 3, LONGS, ['bool', [true, true, false, false, true]])).toEqual([3n, null, null]);
  });

  it('pick the row of an extreme: the first of equals, the first of all where every one is null', () => {
    const names: Argument = ['string', ['a', 'b', 'c', 'd', 'e']];
    expect(over('arg_max', 'string', 3, ['long', [1n, 1n, null, null, null]], names)).toEqual(['a', 'd', '']);
    expect(over('arg_min', 'long', 3, ['long', [2n, 1n, null, null, null]])).toEqual([1n, null, null]);
  });

  it('take any value, a filled one where there is one; or any row', () => {
    const names: Argument = ['string', ['', 'b', '', '']];
    expect(over('take_any', 'string', 2, names)).toEqual(['b', '', '']);
    expect(over('take_any_row', 'string', 2, names)).toEqual(['', '', '']);
  });

  it('give variances with ten decimals, as Kusto does, and deviations as their roots', () => {
    const values: Argument = ['long', [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, 7n]];
    expect(over('variance', 'real', 10, values)).toEqual([9.1666666667, 0, 0]);
    expect(over('stdev', 'real', 10, values)).toEqual([Math.sqrt(9.1666666667), 0, 0]);
    expect(over('variancep', 'real', 10, values)).toEqual([8.25, 0, 0]);
    const pairs: Argument[] = [
      ['real', [1, 2, 3, 4, 5]],
      ['real', [14, 10, 17, 20, 50]],
    ];
    expect(over('covariancep', 'real', 5, ...pairs)[0]).toBeCloseTo(16.4, 12);
    expect(over('covariance', 'real', 5, ...pairs)[0]).toBeCloseTo(20.5, 12);
  });

  it('find percentiles by the nearest rank, weighted or not', () => {
    const values: Argument = ['long', [40n, 10n, 30n, 20n, null, 7n]];
    const constant = (percent: number): Argument => ['real', [0, 0, 0, 0, 0, 0].map(() => percent)];
    expect(over('percentile', 'long', 5, values, constant(50))).toEqual([20n, 7n, null]);
    expect(over('percentile', 'long', 5, values, constant(51))).toEqual([30n, 7n, null]);
    expect(over('percentile', 'long', 5, values, constant(0))).toEqual([10n, 7n, null]);
    expect(over('percentiles_array', 'dynamic', 5, values, constant(25), constant(100))).toEqual([
      [10n, 40n],
      [7n, 7n],
      [null, null],
    ]);
    const weights: Argument = ['long', [7n, 1n, 1n, 1n, 9n, 1n]];
    expect(over('percentilew', 'long', 5, values, weights, constant(50))).toEqual([40n, 7n, null]);
  });

  it('collect values: lists without typed nulls, sets by first appearance, up to a size', () => {
    expect(over('make_list', 'dynamic', 3, LONGS)).toEqual([[3n, 1n], [10n], []]);
    expect(over('make_list_with_nulls', 'dynamic', 3, LONGS)).toEqual([[3n, null, 1n], [10n, null], []]);
    const names: Argument = ['string', ['b', 'a', 'b', '', '']];
    expect(over('make_set', 'dynamic', 3, names)).toEqual([['b', 'a'], [''], []]);
    expect(over('make_set', 'dynamic', 3, names, ['long', [1n, 1n, 1n, 1n, 1n]])).toEqual([['b'], [''], []]);
    expect(over('make_list', 'dynamic', 1, ['datetime', [5n]])[0]).toEqual([new DynamicDatetime(5n)]);
    expect(over('dcount', 'long', 3, LONGS)).toEqual([2n, 1n, 0n]);
    const holds: Argument = ['bool', [false, true, true, true, true]];
    expect(over('make_set_if', 'dynamic', 3, names, holds)).toEqual([['a', 'b'], [''], []]);
    expect(over('dcountif', 'long', 3, names, holds)).toEqual([2n, 1n, 0n]);
  });

  it('merge bags; the first value of a key stays', () => {
    const bags: Argument = [
      'dynamic',
      [
        new Map([['a', 1n]]),
        new Map<string, Value>([
          ['a', 2n],
          ['b', 3n],
        ]),
        null,
        'x',
      ],
    ];
    expect(over('make_bag', 'dynamic', 2, bags)).toEqual([
      new Map([
        ['a', 1n],
        ['b', 3n],
      ]),
      new Map(),
      new Map(),
    ]);
  });

  it('combine bits', () => {
    const bits: Argument = ['long', [0b110n, 0b011n, null, 0b101n]];
    expect(over('binary_all_and', 'long', 2, bits)).toEqual([0b010n, 0b101n, null]);
    expect(over('binary_all_or', 'long', 2, bits)).toEqual([0b111n, 0b101n, null]);
    expect(over('binary_all_xor', 'long', 2, bits)).toEqual([0b101n, 0b101n, null]);
  });

  it('are known by name', () => {
    for (const name of aggregateNames()) expect(aggregateFunction(name)).toBeDefined();
    expect(aggregateFunction('constructor')).toBeUndefined();
    expect(aggregateFunction('hll')).toBeUndefined();
  });
});
