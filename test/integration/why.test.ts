import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import type { ClauseLosses, Explanation } from '../../src/why/explanation.ts';
import { at, audit, signIn, writeDataset } from '../support/replay.ts';
import { REPOSITORY, temporaryFolder, tocsin } from '../support/run-cli.ts';

const RULE = path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml');

async function folder(): Promise<string> {
  const cwd = temporaryFolder();
  const tables = {
    AADNonInteractiveUserSignInLogs: [signIn(at('10:00'), 'ann@x', '1.1.1.1'), signIn(at('10:40'), 'ann@x', '1.1.1.1')],
    AuditLogs: [
      audit(at('10:20'), 'ann@x', { event: 'hidden', Id: 'Directory_1' }),
      audit(at('10:20'), 'ann@x', { event: 'device', Category: 'Device' }),
    ],
  };
  await writeDataset(path.join(cwd, 'tenant'), tables, { partitionCount: 2 });
  return cwd;
}

describe('tocsin why', () => {
  test("shows the rule's line with a caret, and both times", async () => {
    const cwd = await folder();
    const { code, stdout, stderr } = await tocsin(['why', 'tenant', '--rule', RULE, '--event', 'hidden'], { cwd });
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
    expect(stdout).toContain(
      [
        `  ${RULE}:34:9: summarize LastNISignIn = max(TimeGenerated)`,
        '            | summarize LastNISignIn = max(TimeGenerated) by UserPrincipalName, IPAddress;',
        `              ${'^'.repeat(41)}`,
      ].join('\n'),
    );
    expect(stdout).toContain('LastNISignIn is 2026-01-05T10:40:00.0000000Z: a later row hid');
    expect(stdout).toMatch(/LastNISignIn that would pass +2026-01-05T10:00:00\.0000000Z/);
  });

  test('gives everything as JSON, by clause and by event, and finds records by their Id', async () => {
    const cwd = await folder();
    const args = ['--event', 'Directory_1', '--event', 'device', '--json'];
    const { code, stdout } = await tocsin(['why', 'tenant', '--rule', RULE, ...args], { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    const { schema, clauses, explanations } = JSON.parse(stdout) as {
      schema: string;
      clauses: ClauseLosses[];
      explanations: Explanation[];
    };
    expect(schema).toBe('tocsin.why/1');
    expect(clauses.map(({ clause, events }) => [clause.position.line, events])).toEqual([
      [34, ['Directory_1']],
      [37, ['device']],
    ]);
    expect(explanations.map(({ event, cause, runs }) => [event, cause, runs.length])).toEqual([
      ['Directory_1', 'hidden', 2],
      ['device', 'condition', 2],
    ]);
  });

  test('says where nothing was missed, and refuses events that are not there', async () => {
    const cwd = await folder();
    expect((await tocsin(['why', 'tenant', '--rule', RULE], { cwd })).stdout).toBe(
      'an alert contains every malicious event\n',
    );
    const { code, stderr } = await tocsin(['why', 'tenant', '--rule', RULE, '--event', 'nothing'], { cwd });
    expect(code).toBe(EXIT_CODES.usage);
    expect(stderr).toContain('the dataset has no event "nothing"');
  });

  test('counts the false alarms by the columns that the rule shows', async () => {
    const cwd = temporaryFolder();
    const tables = {
      AADNonInteractiveUserSignInLogs: [signIn(at('10:00'), 'ann@x', '1.1.1.1')],
      AuditLogs: [audit(at('10:20'), 'ann@x'), audit(at('10:30'), 'ann@x', { OperationName: 'Delete user' })],
    };
    await writeDataset(path.join(cwd, 'tenant'), tables);
    const { code, stdout } = await tocsin(['why', 'tenant', '--rule', RULE, '--false-alarms'], { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    expect(stdout).toContain('2 of 2 unique rows have nothing malicious behind them');
    expect(stdout).toMatch(/^UserPrincipalName \(Account\.FullName\) +1 value\n {2}ann@x +2 rows +100 %$/m);
  });
});
