/** Decompositions of recorded series: Kusto's own results for random data, which the queries themselves cannot give again. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Dynamic, Value } from '../../../src/columns/value.ts';
import { scalarFunction } from '../../../src/engine/functions/registry.ts';
import { kql } from '../../support/kql.ts';
import { sharedPath } from '../../support/shared.ts';

const FILE = sharedPath('kql-conformance', 'docs.jsonl');

/** The first row of a recorded case. */
function recorded(id: string): unknown[] {
  const line = readFileSync(FILE!, 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`{"id": "${id}"`))!;
  return (JSON.parse(line) as { expected: { rows: unknown[][] } }).expected.rows[0]!;
}

function series(cell: unknown): number[] {
  return (cell as (number | string)[]).map(Number);
}

function apply(name: string, y: readonly number[], ...args: readonly Value[]): Dynamic[] {
  return scalarFunction(name)!.call([[...y], ...args], ['dynamic'], 'dynamic', 0n) as Dynamic[];
}

function expectClose(got: Dynamic, expected: unknown): void {
  const a = series(got);
  const b = series(expected);
  expect(a.length).toBe(b.length);
  expect(Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))).toBeLessThan(1e-9);
}

describe.skipIf(FILE === undefined)('recorded decompositions', () => {
  it('series_decompose_anomalies finds the week, the anomalies and their scores', () => {
    const [, y, flags, scores, baseline] = recorded('series-decompose-anomalies-function-00');
    const got = apply('series_decompose_anomalies', series(y));
    expectClose(got[2]!, baseline);
    expectClose(got[1]!, scores);
    expect(series(got[0])).toEqual(series(flags));
  });

  it('series_decompose_anomalies takes a line for the trend', () => {
    const [, y, flags, scores, baseline] = recorded('series-decompose-anomalies-function-03');
    const got = apply('series_decompose_anomalies', series(y), 2.5, -1n, 'linefit');
    expectClose(got[2]!, baseline);
    expectClose(got[1]!, scores);
    expect(series(got[0]).map((flag) => flag * 10)).toEqual(series(flags));
  });

  it('series_decompose gives baseline, season, trend and residual', () => {
    const [, y, ...parts] = recorded('series-decompose-function-00');
    const got = apply('series_decompose', series(y));
    parts.forEach((part, i) => expectClose(got[i]!, part));
  });

  it('series_decompose_forecast learns from all but the points that it forecasts', () => {
    const [y, , forecast] = recorded('series-decompose-forecast-function-00');
    expectClose(apply('series_decompose_forecast', series(y), 168n), forecast);
  });

  it('series_outliers scores distances from the 10th and 90th percentile', () => {
    const [, y, scores] = recorded('series-outliers-function-00');
    expectClose(apply('series_outliers', series(y)), scores);
  });
});

describe('decomposition by hand', () => {
  it('takes the median of a phase for its season, and what is left for the trend', () => {
    expect(kql('series_decompose(dynamic([1,5,1,5,1,8]), 2)')).toBe('[1.5,5.5,1.5,5.5,1.5,5.5]');
  });

  it('finds no period in a series that repeats less than twice', () => {
    expect(kql('series_seasonal(dynamic([1,3,5,2,4,6,1,3,5,2,4,6]))')).toBe(`[${new Array(12).fill('0.0').join(',')}]`);
  });

  it('gives null for an array that is no series', () => {
    expect(kql('series_outliers(dynamic(["a", "b"]))')).toBe('null');
  });
});
