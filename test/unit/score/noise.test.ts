import { describe, expect, test } from 'vitest';
import { noiseText } from '../../../src/report/noise.ts';
import { noisiest, precisionAtBaseRate } from '../../../src/score/noise.ts';
import type { LookalikeScore } from '../../../src/score/score.ts';
import { incident } from '../../support/incidents.ts';

const TRUTH = [
  incident('attack', 'A', 'token-replay', 'plain', [
    ['A1', 10, 'supporting'],
    ['A2', 70, 'malicious'],
  ]),
  incident('lookalike', 'H', 'helpdesk-reset', 'plain', [['H1', 80, 'benign']]),
];
const COLUMNS = [
  { name: 'Time', type: 'datetime' },
  { name: 'User', type: 'string' },
  { name: 'Operations', type: 'dynamic' },
  { name: 'Unmapped', type: 'string' },
] as const;
const ROWS = [
  { run: 0, cells: [1n, 'ann', ['reset', 'delete'], 'x'], events: [] },
  { run: 1, cells: [1n, 'ann', ['reset', 'delete'], 'x'], events: [] },
  { run: 1, cells: [2n, 'ann', ['reset'], 'x'], events: ['H1'] },
  { run: 1, cells: [3n, 'bob', [], 'x'], events: ['A1'] },
  { run: 1, cells: [4n, 'eve', ['reset'], 'x'], events: ['A2'] },
];
const RULE = {
  entityMappings: [{ entityType: 'Account', fieldMappings: [{ identifier: 'FullName', columnName: 'User' }] }],
  customDetails: [
    { key: 'Operations', columnName: 'Operations' },
    { key: 'When', columnName: 'Time' },
    { key: 'Gone', columnName: 'NotThere' },
  ],
};

function lookalike(name: string, rows: number): LookalikeScore {
  return { lookalike: name, planted: 1, alerted: rows, share: rows, interval: [0, 1], rows, alerts: rows };
}

describe('the noisiest values', () => {
  const noise = noisiest({ rows: ROWS, columns: COLUMNS }, RULE, TRUTH);

  test('are those of unique rows without a malicious event, in the columns that the rule shows', () => {
    expect(noise).toEqual({
      unique: 4,
      falsePositive: 3,
      columns: [
        {
          column: 'User',
          shownAs: 'Account.FullName',
          distinct: 2,
          values: [
            { value: 'ann', rows: 2, share: 2 / 3 },
            { value: 'bob', rows: 1, share: 1 / 3 },
          ],
        },
        {
          column: 'Operations',
          shownAs: 'Operations',
          distinct: 2,
          values: [
            { value: 'reset', rows: 2, share: 2 / 3 },
            { value: 'delete', rows: 1, share: 1 / 3 },
          ],
        },
      ],
    });
  });

  test('are as many as were asked for', () => {
    const [users] = noisiest({ rows: ROWS, columns: COLUMNS }, RULE, TRUTH, 1).columns;
    expect(users).toMatchObject({ distinct: 2, values: [{ value: 'ann' }] });
  });

  test('read so', () => {
    const falseAlarms = {
      alerts: 14,
      perDay: 2,
      perThousandUsersPerDay: 1,
      rows: { lookalike: 1, supporting: 1, background: 1 },
    };
    const perLookalike = [lookalike('session-revocation', 0), lookalike('helpdesk-reset', 1)];
    expect(noiseText(noise, { falseAlarms, perLookalike }, 0.5, 0.05)).toBe(
      [
        '14 false alarms, 2 a day, 1 a day per 1,000 users',
        '3 of 4 unique rows have nothing malicious behind them',
        'at a base rate of 0.5 attacks a week per 1,000 users, 5 % of alerts would be',
        'true',
        '',
        'what stands behind them',
        '  helpdesk-reset                                           1 row     33 %',
        "  an attacker's other acts                                 1 row     33 %",
        '  everyday activity                                        1 row     33 %',
        '',
        'User (Account.FullName)                                 2 values',
        '  ann                                                     2 rows     67 %',
        '  bob                                                      1 row     33 %',
        '',
        'Operations                                              2 values',
        '  reset                                                   2 rows     67 %',
        '  delete                                                   1 row     33 %',
      ].join('\n'),
    );
  });
});

describe('precision at a base rate', () => {
  const falseAlarms = {
    alerts: 14,
    perDay: 2,
    perThousandUsersPerDay: 1,
    rows: { lookalike: 0, supporting: 0, background: 0 },
  };
  const recalled = (recall: number | null) => ({
    attacks: { planted: 2, detected: 1, recall, interval: null },
    falseAlarms,
  });

  test('weighs the attacks that are found against the false alarms of the same users and days', () => {
    expect(precisionAtBaseRate(recalled(0.5), 2)).toBe(1 / 8);
    expect(precisionAtBaseRate(recalled(1), 7)).toBe(1 / 2);
  });

  test('is unknown where recall or the number of users is', () => {
    expect(precisionAtBaseRate(recalled(null), 1)).toBeNull();
    expect(
      precisionAtBaseRate({ ...recalled(1), falseAlarms: { ...falseAlarms, perThousandUsersPerDay: null } }, 1),
    ).toBeNull();
    expect(precisionAtBaseRate(recalled(1), 0)).toBe(0);
  });
});
