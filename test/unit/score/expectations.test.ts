import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Problem } from '../../../src/base/errors.ts';
import {
  checkExpectation,
  type Expectation,
  parseExpectation,
  parseExpectations,
  parseValue,
} from '../../../src/score/expectations.ts';
import { score } from '../../../src/score/score.ts';
import { incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const PLANTED = {
  chains: new Map([
    ['illicit-consent', ['plain', 'masked']],
    ['token-replay', ['plain']],
    ['never-drawn', ['plain']],
  ]),
  lookalikes: ['helpdesk-reset', 'never-rung'],
};

const TRUTH = [
  incident('attack', 'A', 'illicit-consent', 'plain', [['A1', 10, 'malicious']]),
  incident('attack', 'B', 'illicit-consent', 'masked', [['B1', 20, 'malicious']]),
  incident('attack', 'C', 'token-replay', 'plain', [['C1', 30, 'malicious']]),
  incident('lookalike', 'H', 'helpdesk-reset', 'plain', [['H1', 40, 'benign']]),
];
// A after 55 minutes, C after 95; one false alarm in two days.
const SCORE = score(
  replayed([
    { at: 60, rows: [[['a'], 'A1']] },
    { at: 120, rows: [[['c'], 'C1']] },
    { at: 180, rows: [[['h'], 'H1'], [['x']]] },
  ]),
  'a rule',
  TRUTH,
  TWO_DAYS,
);
const NOTHING = score(replayed([]), 'a rule', [], TWO_DAYS);

function parse(text: string): Expectation | Problem {
  return parseExpectation({ text, position: { file: 'e.yaml', line: 3, column: 5 }, line: `  - ${text}` }, PLANTED);
}

function parsed(text: string): Expectation {
  const found = parse(text);
  if ('message' in found) throw new Error(found.message);
  return found;
}

const LIST = 'the scenario plants illicit-consent, masked, never-drawn, plain, token-replay';

describe('an expectation', () => {
  test.each([
    ['recall >= 0.9', 'recall', '>=', 0.9],
    ['  recall>=90%  ', 'recall', '>=', 0.9],
    ['precision.low > 12.5 %', 'precision.low', '>', 0.125],
    ['recall == 1', 'recall', '==', 1],
    ['missed != 0', 'missed', '!=', 0],
    ['falseAlarmsPerDay < 0.5', 'falseAlarmsPerDay', '<', 0.5],
    ['timeToDetect.p90 <= 1h30m', 'timeToDetect.p90', '<=', 5_400_000],
    ['timeToDetect.max <= 1.5h', 'timeToDetect.max', '<=', 5_400_000],
    ['timeToDetect.p50 <= 250ms', 'timeToDetect.p50', '<=', 250],
    ['attacks.masked.recall >= 0.5', 'attacks.masked.recall', '>=', 0.5],
    ['attacks.illicit-consent.masked.recall.low >= 0', 'attacks.illicit-consent.masked.recall.low', '>=', 0],
    ['lookalikes.helpdesk-reset.share <= 10%', 'lookalikes.helpdesk-reset.share', '<=', 0.1],
  ])('is a measure, an operator and a value: %s', (text, name, operator, value) => {
    const { metric, ...rest } = parsed(text);
    expect([metric.name, rest.operator, rest.value]).toEqual([name, operator, value]);
  });

  test.each([
    ['', 5, 'expected a measure, as in "recall >= 0.9"', undefined],
    ['>= 0.9', 5, 'expected a measure, as in "recall >= 0.9"', undefined],
    ['recal >= 0.9', 5, 'unknown measure "recal"', 'did you mean "recall"?'],
    ['falseAlarmsPerDy <= 5', 5, 'unknown measure "falseAlarmsPerDy"', 'did you mean "falseAlarmsPerDay"?'],
    [
      'attacks.masks.recall >= 0.9',
      5,
      'unknown measure "attacks.masks.recall"',
      'did you mean "attacks.masked.recall"?',
    ],
    ['attacks.masked >= 0.9', 5, 'unknown measure "attacks.masked"', 'did you mean "attacks.masked.recall"?'],
    ['attacks.constructor.recall >= 1', 5, 'unknown measure "attacks.constructor.recall"', LIST],
    [
      'attacks.an-entirely-other-thing.recall >= 1',
      5,
      'unknown measure "attacks.an-entirely-other-thing.recall"',
      LIST,
    ],
    [
      'lookalikes.help-desk-reset.share > 1',
      5,
      'unknown measure "lookalikes.help-desk-reset.share"',
      'did you mean "lookalikes.helpdesk-reset.share"?',
    ],
    ['toString > 1', 5, 'unknown measure "toString"', 'docs/ci.md lists the measures'],
    ['recall', 11, 'expected an operator after "recall", as in "recall >= 0.9"', 'one of >= <= > < == !='],
    ['recall 0.9', 12, 'expected an operator after "recall", as in "recall >= 0.9"', 'one of >= <= > < == !='],
    ['recall = 0.9', 12, 'unknown operator "="', 'did you mean "=="?'],
    ['recall => 0.9', 12, 'unknown operator "=>"', 'one of >= <= > < == !='],
    ['recall >=', 14, 'recall: found "", expected a share from 0 to 1, or from 0 % to 100 %', undefined],
    ['recall >= 90', 15, 'recall: found "90", expected a share from 0 to 1, or from 0 % to 100 %', 'did you mean 90%?'],
    ['recall >= 101%', 15, 'recall: found "101%", expected a share from 0 to 1, or from 0 % to 100 %', undefined],
    ['recall >= -1', 15, 'recall: found "-1", expected a share from 0 to 1, or from 0 % to 100 %', undefined],
    [
      'recall >= 0.9 or so',
      15,
      'recall: found "0.9 or so", expected a share from 0 to 1, or from 0 % to 100 %',
      undefined,
    ],
    [
      'timeToDetect.p90 <= 60',
      25,
      'timeToDetect.p90: found "60", expected a time such as 90s, 60m or 1h30m',
      'a time needs its unit: "60m"?',
    ],
    [
      'timeToDetect.p90 <= 1w',
      25,
      'timeToDetect.p90: found "1w", expected a time such as 90s, 60m or 1h30m',
      undefined,
    ],
    [
      'falseAlarmsPerDay <= 5%',
      26,
      'falseAlarmsPerDay: found "5%", expected a number a day such as 5 or 0.5',
      undefined,
    ],
    ['missed == none', 15, 'missed: found "none", expected a number such as 5', undefined],
  ])('is refused where it is wrong: %s', (text, column, message, hint) => {
    const problem = parse(text) as Problem;
    expect(problem.message).toBe(message);
    expect(problem.position).toEqual({ file: 'e.yaml', line: 3, column });
    if (hint !== undefined) expect(problem.hint).toBe(hint);
  });

  test('is refused with all the others that are wrong, under their carets', () => {
    const sources = ['recal > 1', 'recall > 0.5', 'missed < x'].map((text) => ({
      text,
      position: { file: '--expect', line: 1, column: 1 },
      line: text,
    }));
    expect(() => parseExpectations(sources, PLANTED, 'USAGE')).toThrow(
      '--expect:1:1: unknown measure "recal"\n    recal > 1\n    ^^^^^\nhint: did you mean "recall"?\n' +
        '--expect:1:10: missed: found "x", expected a number such as 5\n    missed < x\n             ^',
    );
  });

  test('is read or refused at a place inside it, whatever it is', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'recall',
        'attacks.masked.recall',
        'missed',
        '>=',
        '=',
        '<',
        '0.9',
        '90%',
        '5m',
        ' ',
        '.',
        '\t',
        '%',
      ),
      fc.string({ maxLength: 4 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        const found = parse(text);
        if ('message' in found) {
          expect(found.position!.column).toBeGreaterThanOrEqual(5);
          expect(found.position!.column).toBeLessThanOrEqual(5 + text.length);
        } else {
          const again = parsed(
            `${found.metric.name} ${found.operator} ${text.trim().replace(/^[^<>=!]*[<>=!]+\s*/, '')}`,
          );
          expect(again.value).toBe(found.value);
          expect(Number.isFinite(found.value)).toBe(true);
        }
      }),
    );
  });

  test('reads a percentage as the same number as the decimal it stands for', () => {
    for (let tenths = 0; tenths <= 1000; tenths++) {
      expect(parseValue(`${tenths / 10}%`, 'share')).toBe(Number((tenths / 1000).toFixed(3)));
    }
  });
});

describe('checking an expectation', () => {
  test.each([
    ['recall >= 0.66', true, 2 / 3],
    ['recall >= 0.67', false, 2 / 3],
    ['attacks.recall < 0.67', true, 2 / 3],
    ['recall.low > 0.2', true, 0.20766],
    ['recall.high < 0.95', true, 0.93851],
    ['events.recall >= 0.5', true, 2 / 3],
    ['rows.recall >= 0.5', true, 2 / 3],
    ['incidents.recall >= 0.5', true, 2 / 3],
    ['precision >= 0.7', false, 2 / 3],
    ['rows.precision == 0.5', true, 0.5],
    ['alerts.precision != 0.5', true, 2 / 3],
    ['incidents.precision > 1%', true, 2 / 3],
    ['missed <= 0', false, 1],
    ['timeToDetect.p50 <= 55m', true, 55 * 60_000],
    ['timeToDetect.p90 < 95m', false, 95 * 60_000],
    ['falseAlarms == 1', true, 1],
    ['falseAlarmsPerDay <= 0.5', true, 0.5],
    ['falseAlarmsPerThousandUsersPerDay <= 1', true, 1],
    ['alerts < 3', false, 3],
    ['incidents <= 3', true, 3],
    ['incidentsPerDay <= 1', false, 1.5],
    ['attacks.plain.recall == 1', true, 1],
    ['attacks.masked.recall >= 0.5', false, 0],
    ['attacks.masked.missed == 1', true, 1],
    ['attacks.illicit-consent.recall == 50%', true, 0.5],
    ['attacks.illicit-consent.plain.recall == 1', true, 1],
    ['attacks.token-replay.timeToDetect.max <= 2h', true, 95 * 60_000],
    ['lookalikes.helpdesk-reset.share == 0', false, 1],
    ['lookalikes.helpdesk-reset.alerts <= 1', true, 1],
  ])('compares what was measured: %s is %s', (text, holds, measured) => {
    const result = checkExpectation(parsed(text), SCORE);
    expect(result).toMatchObject({ expectation: text, holds, position: { file: 'e.yaml', line: 3, column: 5 } });
    expect(result.measured).toBeCloseTo(measured, 5);
    expect(result).not.toHaveProperty('unmeasured');
  });

  test.each([
    ['recall >= 0', 'no attack was planted'],
    ['missed == 0', 'no attack was planted'],
    ['precision != 1', 'the rule raised no alert'],
    ['timeToDetect.p90 <= 9d', 'no attack was detected'],
    ['attacks.never-drawn.recall >= 0', 'none of these was planted'],
    ['attacks.never-drawn.missed == 0', 'none of these was planted'],
    ['attacks.never-drawn.timeToDetect.p50 <= 9d', 'none of these was planted'],
    ['lookalikes.never-rung.share == 0', 'none of these was planted'],
  ])('fails what was not measured, with the reason: %s', (text, unmeasured) => {
    expect(checkExpectation(parsed(text), NOTHING)).toMatchObject({ holds: false, measured: null, unmeasured });
  });
});
