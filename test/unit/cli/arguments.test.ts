import { describe, expect, test } from 'vitest';
import { positive, schedule, time, wholeNumber } from '../../../src/cli/arguments.ts';

describe('a whole number', () => {
  const days = wholeNumber(1, 3650);

  test.each([
    ['1', 1],
    ['3650', 3650],
    [' 7 ', 7],
    ['+7', 7],
  ])('may be %j', (text, value) => expect(days(text)).toBe(value));

  test.each(['0', '3651', '-1', '1.5', '1e3', '0x10', '', 'seven', 'NaN', 'Infinity', '99999999999999999999'])(
    'may not be %j',
    (text) => expect(() => days(text)).toThrow('Expected a whole number from 1 to 3650.'),
  );
});

describe('a schedule', () => {
  const MINUTE = 600_000_000n;

  test('is a frequency and a period, collected in order', () => {
    const first = { queryFrequency: 15n * MINUTE, queryPeriod: 75n * MINUTE };
    expect(schedule('15m/75m')).toEqual([first]);
    expect(schedule('PT1H/1d', [first])).toEqual([
      first,
      { queryFrequency: 60n * MINUTE, queryPeriod: 1440n * MINUTE },
    ]);
  });

  test.each(['', '15m', '15m/', '/75m', '15m/75m/1h', '0m/75m', '15/75', '15m 75m'])('may not be %j', (text) =>
    expect(() => schedule(text)).toThrow('Expected queryFrequency/queryPeriod, such as 15m/75m.'),
  );
});

describe('a positive number', () => {
  test.each([
    ['2', 2],
    ['0.25', 0.25],
  ])('may be %j', (text, value) => expect(positive(text)).toBe(value));

  test.each(['0', '-1', '', '1e3', 'many', '.5'])('may not be %j', (text) =>
    expect(() => positive(text)).toThrow('Expected a number above 0.'),
  );
});

describe('a time', () => {
  test.each(['2026-06-01', '2026-06-01T08:00:00', '2026-06-01T10:00:00.1234567+02:00'])('may be %j', (text) =>
    expect(time(text)).toBe(text),
  );

  test.each(['', 'yesterday', '2026-13-01', '1717230000'])('may not be %j', (text) =>
    expect(() => time(text)).toThrow('Expected a time'),
  );
});
