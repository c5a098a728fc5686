import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { score } from '../../../src/score/score.ts';
import { BY_ACCOUNT, incident, replayed, type RunRows, TWO_DAYS } from '../../support/incidents.ts';

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

/*
 * run        60     120        180      240
 * alert      0      1          2        3
 * rows       eve    a(A2) eve  b(B1)    a(A3)
 *                   a(A1)      A(A1)    eve
 */
const OF_USERS: RunRows[] = [
  { at: 60, rows: [[['eve@x']]] },
  {
    at: 120,
    rows: [[['a@x'], 'A2'], [['a@x'], 'A1'], [['eve@x']]],
  },
  {
    at: 180,
    rows: [
      [['b@x'], 'B1'],
      [['A@X'], 'A1'],
    ],
  },
  { at: 240, rows: [[['a@x'], 'A3'], [['eve@x']]] },
];

describe('the incidents of a score', () => {
  const incidentsOf = (incidents: number[][], runs = OF_USERS, more = BY_ACCOUNT) =>
    score(replayed(runs, { ...more, incidents }), 'seed', TRUTH, TWO_DAYS).incidents;

  test('are true where a malicious event stands behind one of their alerts', () => {
    expect(incidentsOf([[0], [1], [2, 3]])).toMatchObject({
      opened: 3,
      truePositive: 2,
      falsePositive: 1,
      precision: 2 / 3,
      interval: [expect.closeTo(0.2077, 4), expect.closeTo(0.9385, 4)],
      attacks: { planted: 3, detected: 2 },
      perDay: 1.5,
    });
  });

  test('are counted by attack, and attacks by incident', () => {
    expect(incidentsOf([[0], [1], [2, 3]])).toMatchObject({
      alertsPerIncident: { p50: 1, max: 2 },
      attacksPerIncident: { p50: 1, max: 2 },
      incidentsPerAttack: { p50: 1, max: 2 },
    });
    expect(incidentsOf([[0, 1, 2, 3]])).toMatchObject({
      alertsPerIncident: { p50: 4, max: 4 },
      attacksPerIncident: { p50: 2, max: 2 },
      incidentsPerAttack: { p50: 1, max: 1 },
    });
  });

  test('say how many accounts stand in one, whatever their letter case', () => {
    expect(incidentsOf([[0], [1], [2, 3]]).accountsPerIncident).toEqual({ p50: 2, max: 3 });
    expect(incidentsOf([[1, 2, 3]]).accountsPerIncident).toEqual({ p50: 3, max: 3 });
  });

  test.each([
    ['a stranger beside the act', [[1]], 1, 1],
    ['a stranger in another alert of the incident', [[0, 3]], 1, 1],
    ['a stranger in one of several incidents', [[1], [3]], 1, 1],
    ['strangers elsewhere only', [[0], [3]], 1, 0],
    ['two attacks, each a stranger to the other', [[2, 3]], 2, 2],
    ["another attack's supporting act", [[2]], 1, 1],
  ])('count attacks among strangers: %s', (_, incidents, attacks, shared) => {
    // Run 240 without eve; the other account there is one that the attacker used.
    const last: RunRows = {
      at: 240,
      rows: [
        [['a@x'], 'A3'],
        [['stolen@x'], 'A1'],
      ],
    };
    expect(incidentsOf(incidents, OF_USERS.with(3, last)).sharedAttacks).toEqual({ attacks, shared });
  });

  test('leave who is in them unmeasured where the rule maps no account', () => {
    const none = incidentsOf([[0, 1]], OF_USERS, { ...BY_ACCOUNT, entityMappings: BY_ACCOUNT.entityMappings.slice(1) });
    const unmeasured = 'the rule maps no column to an Account entity';
    expect(none.accountsPerIncident).toEqual({ p50: null, max: null, unmeasured });
    expect(none.sharedAttacks).toEqual({ attacks: 1, shared: null, unmeasured });
  });

  test('are unmeasured with the reason where there are none', () => {
    const { incidents } = score(replayed(OF_USERS, { ...BY_ACCOUNT, incidents: [] }), 'seed', TRUTH, TWO_DAYS);
    expect(incidents).toMatchObject({
      opened: 0,
      precision: null,
      unmeasured: 'the rule makes no incidents of its alerts',
      attacks: { planted: 3, detected: 0, recall: 0 },
      attacksPerIncident: { p50: null, max: null, unmeasured: 'no attack is in an incident' },
    });
    const silent = score(replayed([]), 'seed', TRUTH, TWO_DAYS).incidents;
    expect(silent.unmeasured).toBe('the rule raised no alert');
  });

  test('count an attack that no incident holds among the rows alone', () => {
    const { rows, attacks, incidents } = score(
      replayed([{ at: 120, alert: false, rows: [[['a@x'], 'A2']] }]),
      'seed',
      TRUTH,
      TWO_DAYS,
    );
    expect([rows.attacks.detected, attacks.detected, incidents.attacks.detected]).toEqual([1, 0, 0]);
  });
});

test('a score adds up the entities that the caps left out', () => {
  const { alerts, ...rest } = RESULT;
  const capped = alerts.map((alert, index) => ({ ...alert, entitiesDropped: index < 2 ? 7 : 0 }));
  expect(score({ ...rest, alerts: capped }, 'seed', TRUTH, TWO_DAYS).alerts.entitiesDropped).toEqual({
    entities: 14,
    alerts: 2,
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
