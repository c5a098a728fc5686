import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { caseReport, robustnessReport, type RobustnessReport, robustnessText } from '../../../src/report/robustness.ts';
import { type RuleScore, score } from '../../../src/score/score.ts';
import { incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const TRUTH = ['A', 'B', 'C'].map((id, index) =>
  incident('attack', id, 'illicit-consent', 'plain', [[`${id}1`, 60 + index, 'malicious']]),
);

/** A score that finds the attacks named. */
function finding(...ids: readonly string[]): RuleScore {
  const rows = ids.map((id): [string[], string] => [[id], `${id}1`]);
  return score({ ...replayed([{ at: 120, rows }]), digest: `of ${ids.join()}` }, 'A rule', TRUTH, TWO_DAYS);
}

const BASELINE = finding('A', 'B');

function reportOf(): RobustnessReport {
  return robustnessReport(
    { ...TWO_DAYS, origin: { kind: 'scenario', scenario: 'small', seed: 5, users: 60, days: 2 } },
    [
      {
        rule: 'A rule',
        file: 'rule.yaml',
        cases: [
          caseReport({ kind: 'none', detail: '' }, BASELINE, BASELINE),
          caseReport({ kind: 'emptied-field', detail: `AuditLogs.${'Long'.repeat(20)}` }, finding(), BASELINE),
          caseReport({ kind: 'clock-skew', detail: 'AuditLogs, by 7m' }, finding('B', 'C'), BASELINE),
          caseReport({ kind: 'duplicated-rows', detail: 'AuditLogs, 5 % of rows' }, finding('A', 'B'), BASELINE),
          caseReport({ kind: 'dropped-rows', detail: 'SigninLogs, 10 % of rows' }, undefined, BASELINE),
        ],
      },
    ],
  );
}

describe('a comparison with faults', () => {
  test('names the attacks that a fault loses and gains', () => {
    const [none, emptied, skewed, duplicated] = reportOf().rules[0]!.cases;
    expect(none).toMatchObject({ lost: [], gained: [], read: true, attacks: { detected: 2, planted: 3 } });
    expect(emptied).toMatchObject({
      lost: ['A', 'B'],
      gained: [],
      attacks: { detected: 0 },
      rows: { precision: null },
    });
    expect(skewed).toMatchObject({ lost: ['A'], gained: ['C'], attacks: { detected: 2 } });
    expect(duplicated).toMatchObject({ lost: [], gained: [], digest: none!.digest });
  });

  test('gives the score without faults where the rule reads nothing that the fault changes', () => {
    const { read, digest, attacks } = reportOf().rules[0]!.cases.at(-1)!;
    expect([read, digest, attacks]).toEqual([false, BASELINE.digest, BASELINE.attacks]);
  });

  test('keeps to its schema', () => {
    const schema = (name: string) => JSON.parse(readFileSync(`docs/${name}.schema.json`, 'utf8')) as object;
    const ajv = addFormats.default(
      new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }),
    );
    const validate = ajv.addSchema(schema('score')).compile(schema('robustness'));
    const report = JSON.parse(JSON.stringify(reportOf())) as RobustnessReport;
    validate(report);
    expect(validate.errors).toBeNull();
    expect(validate({ ...report, rules: [{ ...report.rules[0]!, cases: [{ kind: 'none' }] }] })).toBe(false);
  });

  test('reads in 80 columns, and without colour as with it', () => {
    const text = robustnessText(reportOf(), picocolors.createColors(false));
    for (const line of text.split('\n')) expect(line.length > 80 && !line.includes('LongLong'), line).toBe(false);
    expect(text).toMatch(/none +2 of 3 +67 %/);
    expect(text).toMatch(/emptied-field +0 of 3 +0 % +n\/a +n\/a +0\n/);
    expect(text).toContain('loses A; gains C');
    expect(text).toContain('AuditLogs, 5 % of rows; returns the same rows');
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'The rule reads nothing that these change: dropped-rows (SigninLogs, 10 % of rows).',
    );
    const coloured = robustnessText(reportOf(), picocolors.createColors(true));
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(text);
    expect(coloured).not.toBe(text);
  });
});
