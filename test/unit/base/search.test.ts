import { describe, expect, test } from 'vitest';
import { firstAfter, firstFrom, lastAtOrBefore } from '../../../src/base/search.ts';

const values = Float64Array.of(1, 3, 3, 3, 7);

describe('a search in ascending numbers', () => {
  test('finds what a look at each of them finds, for every bound and range', () => {
    for (let bound = 0; bound <= 8; bound++) {
      const before = [...values].filter((value) => value <= bound);
      expect(lastAtOrBefore(values, bound)).toBe(before.at(-1));
      for (let low = 0; low <= values.length; low++) {
        for (let high = low; high <= values.length; high++) {
          const within = [...values.subarray(low, high)];
          expect(firstAfter(values, bound, low, high)).toBe(low + within.filter((value) => value <= bound).length);
          expect(firstFrom(values, bound, low, high)).toBe(low + within.filter((value) => value < bound).length);
        }
      }
    }
  });

  test('of none finds none', () => {
    expect(firstAfter(new Uint32Array(), 1)).toBe(0);
    expect(lastAtOrBefore(new Uint32Array(), 1)).toBeUndefined();
  });
});
