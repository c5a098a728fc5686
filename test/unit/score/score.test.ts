import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { score } from '../../../src/score/score.ts';
import { incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const MINUTE = 60_000;

/*
 * minute   10       70   80        130                200
 * A        sign-in  act  act
 * B                                act
 * C                                                   act
 * H (help desk)          reset
 * runs              60        120       180       240
 */
const TRUTH = [
  incident('attack', 'A', 'token-replay', 'plain', [
    ['A1', 10, 'supporting'],
    ['A2', 70, 'malicious'],
    ['A3', 80, 'malicious'],
  ]),
  incident('lookalike', 'H', 'helpdesk-reset', 'plain', [['H1', 80, 'benign']]),
  incident('attack', 'B', 'token-replay', 'slow', [['B1', 130, 'malicious']]),
  incident('attack', 'C', 'illicit-consent', 'plain', [['C1', 200, 'malicious']]),
  incident('lookalike', 'P', 'daily-pim', 'plain', [['P1', 20, 'benign']]),
];

const RESULT = replayed([
  { at: 60, rows: [[['background']]] },
  {
    at: 120,
    rows: [
      [['A2'], 'A1', 'A2'],
      [['H1'], 'H1'],
      [['A only signed in'], 'A1'],
    ],
  },
  {
    at: 180,
    rows: [
      [['A2'], 'A1', 'A2'],
      [['H1'], 'H1'],
      [['B1'], 'B1'],
    ],
  },
  { at: 240, rows: [] },
  { at: 300, rows: [[['H1'], 'H1']] },
]);

const scored = score(RESULT, 'seed', TRUTH, TWO_DAYS);

describe('a score', () => {
  test('counts an attack as detected if one of its malicious events stands behind a row of an alert', () => {
    expect(scored.attacks).toMatchObject({ planted: 3, detected: 2, recall: 2 / 3 });
    expect(scored.attacks.interval).toEqual([expect.closeTo(0.2077, 4), expect.closeTo(0.9385, 4)]);
  });

  test('counts malicious events apart from attacks', () => {
    expect(scored.events).toMatchObject({ planted: 4, detected: 2, recall: 0.5 });
  });

  test('takes rows that are equal in all cells for one, and lists the repeats apart', () => {
    expect(scored.rows).toMatchObject({
      returned: 8,
      unique: 5,
      duplicates: 3,
      truePositive: 2,
      falsePositive: 3,
      precision: 0.4,
    });
  });

  test('calls an alert true if one of its rows has a malicious event behind it', () => {
    expect(scored.alerts).toMatchObject({ raised: 4, truePositive: 2, falsePositive: 2, precision: 0.5 });
  });

  test("measures from the malicious event to its attack's earliest alert", () => {
    expect(scored.timeToDetectMs).toEqual({ p50: (125 - 70) * MINUTE, p90: (185 - 130) * MINUTE, max: 55 * MINUTE });
  });

  test('takes the earliest malicious event of the alert where there are several', () => {
    const both = replayed([
      {
        at: 120,
        rows: [
          [['x'], 'A3'],
          [['y'], 'A2'],
        ],
      },
    ]);
    expect(score(both, 'seed', TRUTH, TWO_DAYS).timeToDetectMs.max).toBe(55 * MINUTE);
  });

  test('states false alarms a day, and a day for 1,000 users', () => {
    expect(scored.falseAlarms).toEqual({
      alerts: 2,
      perDay: 1,
      perThousandUsersPerDay: 2,
      rows: { lookalike: 1, supporting: 1, background: 1 },
    });
  });

  test('breaks down by chain and variant, and names what was missed', () => {
    expect(scored.perScenario).toMatchObject([
      {
        scenario: 'illicit-consent',
        attacks: { planted: 1, detected: 0, recall: 0 },
        timeToDetectMs: { p50: null, unmeasured: 'no attack was detected' },
        missed: ['C'],
      },
      {
        scenario: 'token-replay',
        attacks: { planted: 2, detected: 2, recall: 1 },
        events: { planted: 3, detected: 2 },
        perVariant: [
          { variant: 'plain', attacks: { planted: 1, detected: 1 }, events: { planted: 2, detected: 1 } },
          { variant: 'slow', attacks: { planted: 1, detected: 1 }, events: { planted: 1, detected: 1 } },
        ],
        missed: [],
      },
    ]);
    expect(scored.perVariant).toMatchObject([
      { variant: 'plain', attacks: { planted: 2, detected: 1 } },
      { variant: 'slow', attacks: { planted: 1, detected: 1 } },
    ]);
  });

  test('breaks down by kind of look-alike, silent kinds included', () => {
    expect(scored.perLookalike).toEqual([
      {
        lookalike: 'daily-pim',
        planted: 1,
        alerted: 0,
        share: 0,
        interval: [0, expect.closeTo(0.7935, 4)],
        rows: 0,
        alerts: 0,
      },
      {
        lookalike: 'helpdesk-reset',
        planted: 1,
        alerted: 1,
        share: 1,
        interval: [expect.closeTo(0.2065, 4), 1],
        rows: 1,
        alerts: 1,
      },
    ]);
  });

  test('does not count a malicious row that raised no alert as a detection, but does as a true row', () => {
    const silent = score(replayed([{ at: 120, alert: false, rows: [[['A2'], 'A2']] }]), 'seed', TRUTH, TWO_DAYS);
    expect(silent.attacks.detected).toBe(0);
    expect(silent.rows).toMatchObject({ truePositive: 1, precision: 1 });
    expect(silent.alerts.precision).toBeNull();
  });

  test('does not detect an attack by its supporting events', () => {
    const only = score(replayed([{ at: 120, rows: [[['sign-in'], 'A1']] }]), 'seed', TRUTH, TWO_DAYS);
    expect(only.attacks.detected).toBe(0);
    expect(only.alerts).toMatchObject({ truePositive: 0, falsePositive: 1 });
  });

  test('does not lend an alert the malicious event behind an equal row of another alert', () => {
    const counted = replayed([
      { at: 60, rows: [[[5n]]] },
      { at: 120, rows: [[[5n], 'A2']] },
    ]);
    const { rows, alerts } = score(counted, 'seed', TRUTH, TWO_DAYS);
    expect(rows).toMatchObject({ unique: 1, truePositive: 1 });
    expect(alerts).toMatchObject({ truePositive: 1, falsePositive: 1 });
  });
});

describe('what has no denominator', () => {
  const empty = score(replayed([]), 'seed', [], { ...TWO_DAYS, origin: { kind: 'import', files: [] } });

  test('is unmeasured with its reason, never 0 or 1', () => {
    expect(empty.attacks).toEqual({
      planted: 0,
      detected: 0,
      recall: null,
      interval: null,
      unmeasured: 'no attack was planted',
    });
    expect(empty.events).toMatchObject({ recall: null, unmeasured: 'no malicious event was planted' });
    expect(empty.rows).toMatchObject({ precision: null, interval: null, unmeasured: 'the rule returned no rows' });
    expect(empty.alerts).toMatchObject({ precision: null, unmeasured: 'the rule raised no alert' });
    expect(empty.timeToDetectMs).toEqual({ p50: null, p90: null, max: null, unmeasured: 'no attack was detected' });
    expect(empty.falseAlarms).toMatchObject({
      perDay: 0,
      perThousandUsersPerDay: null,
      unmeasured: 'the number of users is not known',
    });
    expect([empty.perScenario, empty.perVariant, empty.perLookalike]).toEqual([[], [], []]);
  });

  test('includes rates over no time', () => {
    const { falseAlarms } = score(replayed([]), 'seed', [], { ...TWO_DAYS, end: TWO_DAYS.start });
    expect(falseAlarms).toMatchObject({ perDay: null, unmeasured: 'the dataset covers no time' });
  });
});

describe('a replay of another dataset', () => {
  test('is refused by the event that the truth does not hold', () => {
    const foreign = () => score(replayed([{ at: 60, rows: [[['x'], 'Z9']] }]), 'seed', TRUTH, TWO_DAYS);
    expect(foreign).toThrow(TocsinError);
    expect(foreign).toThrow(/event "Z9"[\s\S]*hint: score alerts against the dataset/);
  });
});
