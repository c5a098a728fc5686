import { describe, expect, test } from 'vitest';
import * as format from '../../../src/report/format.ts';

describe('numbers for people', () => {
  test.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [1_648_275_307, '1,648,275,307'],
  ])('count %d', (value, text) => expect(format.formatCount(value)).toBe(text));

  test.each([
    [0, '0 %'],
    [0.0004, '<0.1 %'],
    [0.0772, '7.7 %'],
    [0.354, '35 %'],
    [0.958, '95.8 %'],
    [0.9996, '>99.9 %'],
    [1, '100 %'],
  ])('share %d', (value, text) => expect(format.formatShare(value)).toBe(text));

  test.each([
    [0, '0'],
    [0.0034, '0.003'],
    [0.44, '0.4'],
    [21.34, '21.3'],
    [1234.5, '1,235'],
  ])('rate %d', (value, text) => expect(format.formatRate(value)).toBe(text));

  test.each([
    [850, '850 ms'],
    [42_000, '42 s'],
    [41 * 60_000, '41 min'],
    [125 * 60_000, '2 h 05 min'],
    [(2 * 24 + 3) * 3_600_000, '2 d 3 h'],
    [-90_000, '-90 s'],
  ])('delay %d ms', (value, text) => expect(format.formatDelay(value)).toBe(text));

  test.each([
    [830, '830'],
    [1_234, '1.2 k'],
    [12_345, '12 k'],
    [999_900, '1.0 M'],
    [1_310_000, '1.3 M'],
    [20_000_000, '20 M'],
    [2.5e9, '2.5 G'],
  ])('magnitude %d', (value, text) => expect(format.formatMagnitude(value)).toBe(text));

  test.each([
    [0.034, '0.03 s'],
    [1.24, '1.2 s'],
    [61.7, '62 s'],
  ])('seconds %d', (value, text) => expect(format.formatSeconds(value)).toBe(text));
});

describe('text in columns', () => {
  test('is filled or cut to its width, never inside a character', () => {
    expect(format.fit('ab', 4)).toBe('ab  ');
    expect(format.fit('abcdef', 4)).toBe('abc…');
    expect(format.fit('a😀😀😀😀', 4)).toBe('a😀😀…');
  });

  test('is wrapped at blanks', () => {
    expect(format.wrap('one two three unbreakable', 9)).toEqual(['one two', 'three', 'unbreakable']);
  });
});
