import { describe, expect, test } from 'vitest';
import { explanationText, lossesText } from '../../../src/report/why.ts';
import { CATEGORY, clauseAt, EVENTS, explained, MAX } from '../../support/explanations.ts';

describe('why-not as text', () => {
  const planted = (event: string) => ({
    incident: event[0]!,
    title: 'A title',
    account: 'ann@x',
    operation: 'Add member to role',
  });

  test('of all reads so', () => {
    expect(lossesText(EVENTS, 80, planted)).toBe(`4 malicious events of 3 attacks in no alert

rule.yaml:12:5: 2 of 4 lost here: an aggregate hid the row that would pass
        summarize LastSignIn = max(TimeGenerated)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  a/2, run of 2026-01-05T10:20Z
    lost a/2
  b/1, run of 2026-01-05T10:20Z
    lost b/1

rule.yaml:20:5: 2 of 4 lost here: a condition was false
        where Category in ("Policy")
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  a/1, run of 2026-01-05T10:20Z
    lost a/1
  c/1, run of 2026-01-05T10:20Z
    lost c/1`);
  });

  test.each([
    [3, ''],
    [2, '; 2 of them are missed altogether'],
    [1, '; 1 of them is missed altogether'],
    [0, '; each attack rang by other events'],
  ])('tells %i attacks that are missed from those that rang by other events', (missed, text) => {
    const [first] = lossesText(EVENTS, 80, planted, missed).split('\n');
    expect(first).toBe(`4 malicious events of 3 attacks in no alert${text}`);
  });

  test('of one reads so', () => {
    const other = { ...explained('a/1', MAX), run: 3, at: '2026-01-05T11:20:00.0000000Z', remaining: 3 };
    const one = explained('a/1', CATEGORY, 3, {
      values: [{ name: 'Category', value: '"Other"' }],
      also: [clauseAt(21, 'Result == "success"')],
      runs: [other],
    });
    expect(explanationText(one, 80, planted)).toBe(`a/1: Add member to role by ann@x (A title)
  AuditLogs, TimeGenerated 2026-01-05T10:20:00.0000000Z, ingested
  2026-01-05T10:20:00.0000000Z
  run of 2026-01-05T10:20:00.0000000Z: a condition was false
    lost a/1

  rule.yaml:20:5: where Category in ("Policy")
          where Category in ("Policy")
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    Category  "Other"

  also false: rule.yaml:21:5  Result == "success"

  in the other runs that could see it:
    2026-01-05T11:20:00.0000000Z  rule.yaml:12:5
      an aggregate hid the row that would pass: lost a/1`);
  });
});
