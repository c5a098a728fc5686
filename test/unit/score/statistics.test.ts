import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { percentile, wilsonInterval } from '../../../src/score/statistics.ts';

describe('the Wilson interval', () => {
  // Newcombe (1998), Statistics in Medicine 17:857-872, table I, method 3 (score without continuity correction).
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('agrees with the published one for %i of %i', (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials)!;
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  test('does not exist without trials', () => {
    expect(wilsonInterval(0, 0)).toBeUndefined();
  });

  test('lies in [0, 1], holds the proportion, and mirrors when failures are counted instead', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (trials, share) => {
          const successes = Math.round(share * trials);
          const [low, high] = wilsonInterval(successes, trials)!;
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(successes / trials);
          expect(high).toBeGreaterThanOrEqual(successes / trials);
          const [mirroredLow, mirroredHigh] = wilsonInterval(trials - successes, trials)!;
          expect(1 - mirroredHigh).toBeCloseTo(low, 9);
          expect(1 - mirroredLow).toBeCloseTo(high, 9);
        },
      ),
    );
  });
});

describe('the nearest-rank percentile', () => {
  // The worked examples of https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method
  test.each([
    [[15, 20, 35, 40, 50], 5, 15],
    [[15, 20, 35, 40, 50], 30, 20],
    [[15, 20, 35, 40, 50], 40, 20],
    [[15, 20, 35, 40, 50], 50, 35],
    [[15, 20, 35, 40, 50], 100, 50],
    [[3, 6, 7, 8, 8, 10, 13, 15, 16, 20], 25, 7],
    [[3, 6, 7, 8, 8, 10, 13, 15, 16, 20], 50, 8],
    [[3, 6, 7, 8, 8, 9, 10, 13, 15, 16, 20], 75, 15],
  ])('of %j at %i is %i', (values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected);
  });

  test('is not thrown off by rounding in the rank', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    for (let percent = 1; percent <= 100; percent++) expect(percentile(hundred, percent)).toBe(percent);
  });

  test('does not exist without values', () => {
    expect(percentile([], 50)).toBeUndefined();
  });
});
