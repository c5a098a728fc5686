import { describe, expect, test } from 'vitest';
import {
  normalQuantile,
  portableExp,
  portableLn,
  purposeKey,
  QuantileTable,
  RandomStream,
} from '../../../src/base/random.ts';

const KEY = purposeKey('test');

function draws(random: RandomStream, count: number): number[] {
  return Array.from({ length: count }, () => random.u32());
}

describe('a random stream', () => {
  test('gives the same numbers for the same seed, purpose, owner and part', () => {
    expect(draws(new RandomStream(7, KEY, 3, 2), 50)).toEqual(draws(new RandomStream(7, KEY, 3, 2), 50));
  });

  test('never changes its numbers between releases', () => {
    expect(draws(new RandomStream(42, purposeKey('pinned'), 5, 1), 4)).toMatchInlineSnapshot(`
      [
        88965729,
        1823530143,
        3156078016,
        3752236812,
      ]
    `);
  });

  test.each([
    ['seed', new RandomStream(8, KEY, 3, 2)],
    ['seed beyond 32 bits', new RandomStream(7 + 2 ** 32, KEY, 3, 2)],
    ['purpose', new RandomStream(7, purposeKey('other'), 3, 2)],
    ['owner', new RandomStream(7, KEY, 4, 2)],
    ['part', new RandomStream(7, KEY, 3, 3)],
  ])('differs by %s', (_, other) => {
    const these = draws(new RandomStream(7, KEY, 3, 2), 64);
    const those = draws(other, 64);
    expect(those.filter((value, i) => value === these[i])).toEqual([]);
  });

  test('spreads over its range, also across neighbouring owners', () => {
    const buckets = new Array<number>(64).fill(0);
    for (let owner = 0; owner < 64_000; owner++) buckets[new RandomStream(1, KEY, owner).u32() >>> 26]!++;
    // Chi-squared with 63 degrees of freedom: 103 is the 99.9th percentile.
    expect(buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(103);
  });

  test('keeps no correlation from one draw to the next', () => {
    const random = new RandomStream(11, KEY);
    let sum = 0;
    let previous = random.unit() - 0.5;
    for (let i = 0; i < 100_000; i++) {
      const next = random.unit() - 0.5;
      sum += previous * next;
      previous = next;
    }
    expect(Math.abs(sum / 100_000 / (1 / 12))).toBeLessThan(0.012);
  });

  test('draws counts with the mean asked for', () => {
    const random = new RandomStream(5, KEY);
    for (const mean of [0.2, 3, 25, 120]) {
      let sum = 0;
      for (let i = 0; i < 20_000; i++) sum += random.poisson(mean);
      expect(sum / 20_000 / mean).toBeCloseTo(1, 1);
    }
  });
});

describe('the portable functions', () => {
  test('agree with the platform to twelve digits', () => {
    for (let x = -30; x <= 30; x += 0.37) expect(portableExp(x) / Math.exp(x)).toBeCloseTo(1, 12);
    for (let x = 1e-6; x < 1e6; x *= 1.7) expect(portableLn(x)).toBeCloseTo(Math.log(x), 12);
  });

  test('give the quantiles of the normal distribution', () => {
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959964, 6);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232, 6);
  });
});

describe('a quantile table', () => {
  test('gives back the quantiles that it was made from', () => {
    const table = new QuantileTable([
      [0.001, 12],
      [0.5, 75],
      [0.99, 300],
    ]);
    const random = new RandomStream(3, KEY);
    const values = Array.from({ length: 100_000 }, () => table.draw(random)).sort((a, b) => a - b);
    expect(values[50_000]! / 75).toBeCloseTo(1, 1);
    expect(values[99_000]! / 300).toBeCloseTo(1, 1);
    expect(values[0]).toBeGreaterThan(5);
  });
});
