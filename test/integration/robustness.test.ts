import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { EXIT_CODES } from '../../src/base/errors.ts';
import type { RobustnessReport } from '../../src/report/robustness.ts';
import { type Finished, temporaryFolder, tocsin } from '../support/run-cli.ts';

const SCENARIO = `
days: 1
seed: 4
tenant: { users: 40 }
attacks: [{ chain: illicit-consent, count: 3 }]
faults:
  - { kind: emptied-field, table: AuditLogs, column: InitiatedBy }
  - { kind: duplicated-rows, table: AuditLogs, share: 0.5 }
  - { kind: dropped-rows, table: SigninLogs, share: 0.5 }
`;
const RULE = `
name: Consent by a person
id: 6b1d3a5e-64d0-4a3b-8f43-2d5a5a6f2f10
kind: Scheduled
severity: Medium
queryFrequency: 1h
queryPeriod: 2h
triggerOperator: gt
triggerThreshold: 0
query: |
  AuditLogs
  | where OperationName == "Consent to application" and isnotempty(InitiatedBy.user.userPrincipalName)
  | project TimeGenerated, OperationName, CorrelationId
`;

describe('tocsin robustness', () => {
  let cwd: string;
  let finished: Finished;
  let report: RobustnessReport;

  beforeAll(async () => {
    cwd = mkdtempSync(path.join(tmpdir(), 'tocsin-robustness-'));
    writeFileSync(path.join(cwd, 'small.yaml'), SCENARIO);
    writeFileSync(path.join(cwd, 'rule.yaml'), RULE);
    finished = await tocsin(['robustness', './small.yaml', '--rule', 'rule.yaml', '--threads', '0', '--json'], { cwd });
    report = JSON.parse(finished.stdout) as RobustnessReport;
  });
  afterAll(() => rmSync(cwd, { recursive: true }));

  test('scores a rule without faults, with each, and with all', () => {
    expect([finished.code, finished.stderr]).toEqual([EXIT_CODES.ok, '']);
    expect(report).toMatchObject({ schema: 'tocsin.robustness/1', scenario: 'small', seed: 4, users: 40 });
    const [rule] = report.rules;
    expect(rule).toMatchObject({ rule: 'Consent by a person', file: 'rule.yaml' });
    expect(rule!.cases.map(({ kind, detail }) => [kind, detail])).toEqual([
      ['none', ''],
      ['emptied-field', 'AuditLogs.InitiatedBy'],
      ['duplicated-rows', 'AuditLogs, 50 % of rows'],
      ['dropped-rows', 'SigninLogs, 50 % of rows'],
      ['all together', '3 faults'],
    ]);
  });

  test('shows what each fault costs', () => {
    const [none, emptied, duplicated, unread, together] = report.rules[0]!.cases;
    expect(none).toMatchObject({ attacks: { planted: 3, detected: 3 }, lost: [], gained: [] });
    for (const each of [emptied!, together!]) {
      expect(each).toMatchObject({
        read: true,
        attacks: { planted: 3, detected: 0 },
        alerts: { raised: 0, precision: null },
      });
      expect(each.lost).toHaveLength(3);
    }
    expect(duplicated).toMatchObject({ attacks: { detected: 3 }, lost: [] });
    expect(duplicated!.rows.unique).toBe(none!.rows.unique);
    expect(duplicated!.rows.returned).toBeGreaterThan(none!.rows.returned);
    expect(unread).toMatchObject({ read: false, digest: none!.digest });
  });

  test('takes faults from a file, and tells every mistake in it with its place', async () => {
    const faults = path.join(temporaryFolder(), 'faults.yaml');
    writeFileSync(
      faults,
      'faults:\n  - { kind: dropped-row, table: AuditLogs, share: 0.1 }\n  - { kind: clock-skew, table: AuditLog }\n',
    );
    const { code, stderr } = await tocsin(['robustness', './small.yaml', '--rule', 'rule.yaml', '--faults', faults], {
      cwd,
    });
    expect(code).toBe(EXIT_CODES.definition);
    expect(stderr).toContain('faults.yaml:2:');
    expect(stderr).toContain('faults.yaml:3:');
    expect(stderr).toContain('did you mean "dropped-rows"?');
  });
});
