import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareRules, type Scored } from '../../../src/score/compare.ts';
import { type Scorable, score } from '../../../src/score/score.ts';
import { mcnemarExact } from '../../../src/score/statistics.ts';
import { BY_ACCOUNT, incident, replayed, type RunRows, TWO_DAYS } from '../../support/incidents.ts';

describe("McNemar's exact test", () => {
  test.each([
    // Armitage and Berry (1994), Statistical Methods in Medical Research, p. 127: two media for tubercle bacilli.
    [12, 2, 0.0129],
    // Bentur et al. (2009) in Fagerland et al. (2013), BMC Medical Research Methodology 13:91: hyperresponsive airways.
    [1, 7, 0.0703],
    // The example of mcnemar.exact in Fay's R package exact2x2.
    [2, 9, 0.0654],
  ])('agrees with the published p-value for %i against %i', (first, second, p) => {
    expect(mcnemarExact(first, second)).toBeCloseTo(p, 4);
  });

  test('finds nothing where nothing is discordant, or as much one way as the other', () => {
    expect([mcnemarExact(0, 0), mcnemarExact(5, 5), mcnemarExact(1, 0)]).toEqual([1, 1, 1]);
  });

  test('agrees with exact whole-number arithmetic, either way round, from none to thousands of pairs', () => {
    const exact = (first: number, second: number): number => {
      const pairs = first + second;
      let [term, sum] = [1n, 1n];
      for (let i = 1; i <= Math.min(first, second); i++) sum += term = (term * BigInt(pairs - i + 1)) / BigInt(i);
      const scale = 10n ** 40n;
      return Math.min(1, Number((2n * sum * scale) / 2n ** BigInt(pairs)) / 1e40);
    };
    const count = fc.oneof(fc.nat(12), fc.nat(400), fc.nat(3000));
    fc.assert(
      fc.property(count, count, (first, second) => {
        const p = mcnemarExact(first, second);
        expect(p).toBe(mcnemarExact(second, first));
        const wanted = exact(first, second);
        expect(Math.abs(p - wanted)).toBeLessThanOrEqual(wanted * 1e-9 + 1e-39);
      }),
      { numRuns: 200 },
    );
  });
});

const ATTACKS = ['A', 'B', 'C', 'D'].map((id, index) =>
  incident('attack', id, 'illicit-consent', index === 3 ? 'slow' : 'plain', [[`${id}1`, 10 + index, 'malicious']]),
);
const RESET = incident('lookalike', 'R', 'helpdesk-reset', 'plain', [['R1', 20, 'benign']]);
const TRUTH = [...ATTACKS, RESET];

function scored(runs: readonly RunRows[], more: Parameters<typeof replayed>[1] = BY_ACCOUNT, truth = TRUTH): Scored {
  const result: Scorable = replayed(runs, more);
  return { score: score(result, 'a rule', truth, TWO_DAYS), result };
}

const FIRST = scored([
  { at: 60, rows: [[['a@contoso.com'], 'A1']] },
  { at: 120, rows: [[['b@contoso.com'], 'B1'], [['hidden@contoso.com']]] },
  { at: 180, rows: [[['Noise@contoso.com']], [['r@contoso.com'], 'R1']] },
  { at: 1500, rows: [[['noise@contoso.com']]] },
]);
const SECOND = scored([
  {
    at: 60,
    rows: [
      [['b@contoso.com'], 'B1'],
      [['c@contoso.com'], 'C1'],
      [['d@contoso.com'], 'D1'],
    ],
  },
  { at: 300, rows: [[['noise@contoso.com']]] },
  { at: 360, rows: [[['late@contoso.com']]], alert: false },
]);

describe('a comparison of rules', () => {
  const [pair] = compareRules([FIRST, SECOND], TRUTH);

  test('names the attacks that only one catches, with their variant', () => {
    expect(pair!.attacks).toEqual({
      both: 1,
      neither: 0,
      onlyFirst: [{ id: 'A', scenario: 'illicit-consent', variant: 'plain' }],
      onlySecond: [
        { id: 'C', scenario: 'illicit-consent', variant: 'plain' },
        { id: 'D', scenario: 'illicit-consent', variant: 'slow' },
      ],
    });
    expect(pair!.mcnemar).toEqual({ p: 1, level: 0.05, significant: false });
  });

  test('names the look-alikes that only one rings for', () => {
    expect(pair!.lookalikes).toEqual({
      both: 0,
      onlyFirst: [{ id: 'R', scenario: 'helpdesk-reset', variant: 'plain' }],
      onlySecond: [],
    });
  });

  test('counts whom false alarms name once a day, whatever the letter case, and nobody of a true alert', () => {
    expect(pair!.falseAlarms).toEqual({
      both: 1,
      onlyFirst: 2,
      onlySecond: 0,
      examplesOnlyFirst: ['r@contoso.com on 2026-06-01', 'noise@contoso.com on 2026-06-02'],
      examplesOnlySecond: [],
    });
  });

  const byIdAnd = (...names: readonly string[]) => ({
    columns: ['AadUserId', ...names].map((name) => ({ name, type: 'string' as const })),
    entityMappings: [
      {
        entityType: 'Account',
        fieldMappings: ['AadUserId', ...names].map((name) => ({ identifier: name, columnName: name })),
      },
    ],
  });

  test('knows an account by what both rules say of it', () => {
    const more = scored(
      [{ at: 300, rows: [[['id-1', 'NOISE@contoso.com']], [['id-2', 'x@contoso.com']]] }],
      byIdAnd('FullName'),
    );
    expect(compareRules([FIRST, more], TRUTH)[0]!.falseAlarms).toMatchObject({
      both: 1,
      onlyFirst: 2,
      onlySecond: 1,
      examplesOnlySecond: ['x@contoso.com on 2026-06-01'],
    });
    const renamed = scored([{ at: 300, rows: [[['ID-1', 'other@contoso.com']]] }], byIdAnd('FullName'));
    expect(compareRules([more, renamed], TRUTH)[0]!.falseAlarms).toMatchObject({
      both: 1,
      onlyFirst: 1,
      onlySecond: 0,
    });
  });

  test('does not compare accounts that the rules name by different identifiers', () => {
    const others = scored([{ at: 300, rows: [[['id-1']]] }], byIdAnd());
    expect(compareRules([FIRST, others], TRUTH)[0]!.falseAlarms).toMatchObject({
      both: null,
      unmeasured: 'the rules name accounts by different identifiers',
    });
  });

  test('does not say whom false alarms name where a rule names no accounts', () => {
    const [unknown] = compareRules([FIRST, scored([{ at: 60, rows: [[['x']]] }], {})], TRUTH);
    expect(unknown!.falseAlarms).toMatchObject({
      both: null,
      unmeasured: 'a rule maps no column to an Account entity',
    });
  });

  test('compares each rule with the first, and asks more of each the more there are', () => {
    const pairs = compareRules([FIRST, SECOND, FIRST], TRUTH);
    expect(pairs.map(({ first, second, mcnemar }) => [first, second, mcnemar.level])).toEqual([
      [0, 1, 0.025],
      [0, 2, 0.025],
    ]);
    expect(pairs[1]!.attacks).toMatchObject({ both: 2, neither: 2, onlyFirst: [], onlySecond: [] });
  });

  test('tests nothing where no attack was planted, and compares nothing with one rule', () => {
    const calm = (): Scored => scored([{ at: 60, rows: [[['x']]] }], BY_ACCOUNT, [RESET]);
    const [untested] = compareRules([calm(), calm()], [RESET]);
    expect(untested!.mcnemar).toMatchObject({ p: null, significant: false, unmeasured: 'no attack was planted' });
    expect(compareRules([FIRST], TRUTH)).toEqual([]);
  });
});
