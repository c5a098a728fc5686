import { describe, expect, test } from 'vitest';
import { TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND } from '../../../src/base/time.ts';
import { formatDuration, parseDuration } from '../../../src/rules/duration.ts';

describe('durations', () => {
  test.each([
    ['1h', TICKS_PER_HOUR],
    ['30min', 30n * TICKS_PER_MINUTE],
    ['5m', 5n * TICKS_PER_MINUTE],
    ['1d', TICKS_PER_DAY],
    ['2 Hours', 2n * TICKS_PER_HOUR],
    ['1.5h', 90n * TICKS_PER_MINUTE],
    ['PT1H', TICKS_PER_HOUR],
    ['pt90m', 90n * TICKS_PER_MINUTE],
    ['P1DT2H', TICKS_PER_DAY + 2n * TICKS_PER_HOUR],
    ['P2W', 14n * TICKS_PER_DAY],
    ['PT0.5S', TICKS_PER_SECOND / 2n],
    ['01:30:00', 90n * TICKS_PER_MINUTE],
    ['14.00:00:00', 14n * TICKS_PER_DAY],
    ['00:00:00.0000001', 1n],
    ['0h', 0n],
  ])('reads %s', (text, ticks) => {
    expect(parseDuration(text)).toBe(ticks);
  });

  test.each([
    '',
    '1',
    '1x',
    'h',
    'P',
    'PT',
    'P1M',
    'P1Y',
    '-1h',
    '1h30',
    'P1DT',
    '25:00:00',
    '1:2',
    'one hour',
    '1e3h',
  ])('refuses %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test.each([
    [14n * TICKS_PER_DAY, '14d'],
    [TICKS_PER_HOUR, '1h'],
    [90n * TICKS_PER_MINUTE, '90m'],
    [TICKS_PER_HOUR + TICKS_PER_SECOND / 2n, '1h0m0.5s'],
    [0n, '0s'],
    [-TICKS_PER_HOUR, '-1h'],
  ])('prints %s ticks as %s', (ticks, text) => {
    expect(formatDuration(ticks)).toBe(text);
  });
});
