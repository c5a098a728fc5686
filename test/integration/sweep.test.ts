import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import type { SweepReport } from '../../src/report/sweep.ts';
import { temporaryFolder, tocsin } from '../support/run-cli.ts';

const SCENARIO = `
days: 1
seed: 4
tenant: { users: 40 }
attacks: [{ chain: illicit-consent, count: 3 }]
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
  | where TimeGenerated > ago(2h) and ingestion_time() > ago(2h)
  | where OperationName == "Consent to application" and isnotempty(InitiatedBy.user.userPrincipalName)
  | project TimeGenerated, OperationName, CorrelationId
`;

function folderWithFiles(): string {
  const cwd = temporaryFolder();
  writeFileSync(path.join(cwd, 'small.yaml'), SCENARIO);
  writeFileSync(path.join(cwd, 'rule.yaml'), RULE);
  return cwd;
}

test('tocsin sweep scores the grid on one pool of workers, silently in a pipe', async () => {
  const args = ['sweep', './small.yaml', '--rule', 'rule.yaml', '--threads', '2', '--json'];
  const sets = ['--set', 'queryFrequency=30m,1h', '--set', 'Consent to application=Consent to application,Nothing'];
  const { code, stdout, stderr } = await tocsin([...args, ...sets], { cwd: folderWithFiles() });
  expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
  const report = JSON.parse(stdout) as SweepReport;
  expect(report).toMatchObject({ schema: 'tocsin.sweep/1', scenario: 'small', rule: 'Consent by a person' });
  expect(report.cells.map((cell) => [cell.asIs, cell.skipped === null && cell.attacks.detected])).toEqual([
    [false, 3],
    [false, 0],
    [true, 3],
    [false, 0],
  ]);
  expect(report.asIs).toMatchObject({ attacks: { planted: 3, detected: 3, recall: 1 } });
});

test('tocsin sweep tells what is wrong with --set before it generates anything', async () => {
  const args = ['sweep', 'no-such-scenario', '--rule', 'rule.yaml', '--set', '2h=1h', '--set', 'queryPeriods=1h'];
  const { code, stdout, stderr } = await tocsin(args, { cwd: folderWithFiles() });
  expect([code, stdout]).toEqual([EXIT_CODES.usage, '']);
  expect(stderr).toMatch(/^error: rule\.yaml:12:31: --set 2h: could mean 2h#1\n/);
  expect(stderr).toContain('did you mean queryPeriod?');
});
