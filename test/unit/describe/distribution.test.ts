import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Counts, Delays } from '../../../src/describe/distribution.ts';

function nearestRank(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((percent * sorted.length) / 100)) - 1]!;
}

describe('a distribution', () => {
  test('of nothing has no percentiles', () => {
    expect(new Counts().percentiles()).toBeNull();
    expect(new Delays().percentiles()).toBeNull();
  });

  test('of counts gives the nearest rank, exactly', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 300 }), (values) => {
        const counts = new Counts();
        for (const value of values) counts.add(value);
        expect(counts.percentiles()).toEqual({
          count: values.length,
          p50: nearestRank(values, 50),
          p90: nearestRank(values, 90),
          p95: nearestRank(values, 95),
          p99: nearestRank(values, 99),
          max: Math.max(...values),
        });
      }),
    );
  });

  test('of delays gives the nearest rank to within 0.2 %, of negative ones too', () => {
    const delay = fc.oneof(
      fc.constant(0),
      fc.constant(-0),
      fc.integer({ min: -(2 ** 45), max: 2 ** 45 }),
      fc.nat(400_000),
    );
    fc.assert(
      fc.property(fc.array(delay, { minLength: 1, maxLength: 300 }), (values) => {
        const delays = new Delays();
        for (const value of values) delays.add(value);
        const found = delays.percentiles()!;
        expect(found.count).toBe(values.length);
        expect(found.max).toBe(Math.max(...values) + 0);
        for (const percent of [50, 90, 95, 99] as const) {
          const wanted = nearestRank(values, percent);
          expect(Math.abs(found[`p${percent}`] - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 0.002);
        }
      }),
    );
  });
});
