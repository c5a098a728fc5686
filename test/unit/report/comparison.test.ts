import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { comparisonReports, comparisonText, ruleLetter } from '../../../src/report/comparison.ts';
import { compareRules } from '../../../src/score/compare.ts';
import { score } from '../../../src/score/score.ts';
import { BY_ACCOUNT, incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const IDS = Array.from({ length: 9 }, (_, index) => String.fromCharCode(65 + index));
const TRUTH = [
  ...IDS.map((id, index) =>
    incident('attack', id, index < 4 ? 'illicit-consent' : 'token-replay', index % 2 ? 'slow' : 'plain', [
      [`${id}1`, 10 + index, 'malicious'],
    ]),
  ),
  incident('lookalike', 'R', 'helpdesk-reset', 'plain', [['R1', 20, 'benign']]),
];

/** A rule that catches the attacks named, each in an alert of its own, and rings for the accounts named. */
function rule(attacks: string, noise: readonly string[] = [], truth = TRUTH) {
  const result = replayed(
    [
      ...Array.from(attacks, (id, index) => ({
        at: 60 * (index + 1),
        rows: [[[`${id}@contoso.com`], `${id}1`]] as never,
      })),
      ...noise.map((account, index) => ({ at: 900 + index, rows: [[[account]]] as never })),
    ],
    BY_ACCOUNT,
  );
  return { result, score: { ...score(result, 'A rule', truth, TWO_DAYS), file: `rules/${attacks || 'none'}.yaml` } };
}

function compared(rules: readonly ReturnType<typeof rule>[], truth = TRUTH) {
  const scores = rules.map((each) => each.score);
  return { scores, comparison: comparisonReports(compareRules(rules, truth), scores) };
}

function verdict(...rules: readonly ReturnType<typeof rule>[]): string {
  return compared(rules).comparison[0]!.verdict;
}

describe('the verdict', () => {
  test('says that a gain without a loss is not yet significant, and how many attacks it takes', () => {
    expect(verdict(rule('AB'), rule('ABCDEFG'))).toBe(
      'B catches 5 attacks that A misses and loses none; p = 0.063: not yet significant with 9 attacks (it takes 6 all one way). Neither raises a false alarm.',
    );
  });

  test('says that it is significant where it is, and what it costs in false alarms', () => {
    expect(verdict(rule('A'), rule('ABCDEFG', ['x@contoso.com']))).toBe(
      'B catches 6 attacks that A misses and loses none; p = 0.031: significant. B raises more false alarms: 0.5 a day where A raises 0.',
    );
  });

  test('never rounds p to the other side of the level', () => {
    const [pair] = compareRules([rule('AB'), rule('ABC')], TRUTH);
    const said = (p: number) => {
      const mcnemar = { p, level: 0.05, significant: p <= 0.05 };
      return comparisonReports([{ ...pair!, mcnemar }], [rule('AB').score, rule('ABC').score])[0]!.verdict;
    };
    expect(said(0.050_04)).toContain('p = 0.05004: not yet significant');
    expect(said(0.049_96)).toContain('p = 0.05: significant');
    expect(said(0.000_9)).toContain('p < 0.001: significant');
  });

  test('says what is lost', () => {
    expect(verdict(rule('ABC'), rule('AB'))).toContain(
      'B misses 1 attack that A catches and gains none; p = 1: not yet significant with 9 attacks',
    );
    expect(verdict(rule('ABC'), rule('ABDE'))).toContain(
      'B catches 2 attacks that A misses and loses 1 that A catches',
    );
    expect(verdict(rule('A'), rule('B'))).toContain('p = 1: no difference');
  });

  test('says that there is nothing between rules that catch the same', () => {
    expect(verdict(rule('AB', ['x@contoso.com']), rule('AB'))).toBe(
      'A and B catch the same 2 of 9 attacks. B raises fewer false alarms: 0 a day where A raises 0.5.',
    );
    const calm = TRUTH.slice(-1);
    expect(compared([rule('', [], calm), rule('', [], calm)], calm).comparison[0]!.verdict).toContain(
      'No attack was planted, so recall cannot tell A and B apart',
    );
  });
});

describe('the side-by-side text', () => {
  const { scores, comparison } = compared([
    rule('AB', ['x@contoso.com', 'y@contoso.com']),
    rule('BCDEFGHI', ['x@contoso.com']),
  ]);
  const text = comparisonText(scores, comparison, picocolors.createColors(false));

  test('reads so', async () => {
    await expect(`${text}\n`).toMatchFileSnapshot('golden/comparison.txt');
  });

  test('says the same without colour as with it', () => {
    const coloured = comparisonText(scores, comparison, picocolors.createColors(true));
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(text);
    expect(coloured).not.toBe(text);
  });

  test('keeps to 80 columns with any number of rules', () => {
    const many = compared(IDS.map((_, index) => rule(IDS.slice(index).join('') + 'A'.repeat(index ? 0 : 90))));
    const wide = comparisonText(many.scores, many.comparison, picocolors.createColors(false));
    expect(Math.max(...wide.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(wide).toMatch(/^ +I$/m);
  });

  test('letters rules, and numbers them where letters end', () => {
    expect([0, 25, 26].map(ruleLetter)).toEqual(['A', 'Z', '#27']);
  });
});
