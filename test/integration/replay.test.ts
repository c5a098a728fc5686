import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { at, audit, signIn, type TestTables, writeDataset } from '../support/replay.ts';
import { REPOSITORY, temporaryFolder, tocsin } from '../support/run-cli.ts';

const RULE = path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml');
const TABLES: TestTables = {
  AADNonInteractiveUserSignInLogs: [signIn(at('08:10'), 'adele@contoso.com', '203.0.113.7')],
  AuditLogs: [audit(at('08:30'), 'adele@contoso.com'), audit(at('09:30'), 'bob@contoso.com')],
};

async function folderWith(tables: TestTables): Promise<string> {
  const folder = temporaryFolder();
  await writeDataset(path.join(folder, 'tenant'), tables, { partitionCount: 2 });
  return folder;
}

describe('tocsin replay', () => {
  test('says what a rule returned, and writes rows and alerts', async () => {
    const cwd = await folderWith(TABLES);
    const { code, stdout, stderr } = await tocsin(
      ['replay', 'tenant', '--rule', RULE, '--out', 'alerts.ndjson', '--threads', '2'],
      { cwd },
    );
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
    expect(stdout).toMatch(/runs over 3 rows returned 2 rows in 2 alerts and 1 incident$/m);
    const lines = readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { Type: string }).Type)).toEqual([
      'Replay',
      'QueryResult',
      'SecurityAlert',
      'QueryResult',
      'SecurityAlert',
      'SecurityIncident',
    ]);
    expect(readdirSync(cwd).sort()).toEqual(['alerts.ndjson', 'tenant']);
  });

  test('gives the same lines to a file as to stdout, for any number of threads, and a summary as JSON', async () => {
    const cwd = await folderWith(TABLES);
    const piped = await tocsin(['replay', 'tenant', '--rule', RULE, '--out', '-', '--threads', '0'], { cwd });
    await tocsin(['replay', 'tenant', '--rule', RULE, '--out', 'alerts.ndjson', '--threads', '1'], { cwd });
    expect(piped.stdout).toBe(readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8'));
    const { stdout } = await tocsin(['replay', 'tenant', '--rule', RULE, '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'tocsin.replayed/1',
      rules: [{ file: RULE, rows: 2, alerts: 2, rowsRead: { AADNonInteractiveUserSignInLogs: 1, AuditLogs: 2 } }],
    });
  });

  test('replays several rules, a section each', async () => {
    const cwd = await folderWith(TABLES);
    writeFileSync(path.join(cwd, 'resets.kql'), 'AuditLogs\n| where Category == "RoleManagement"\n');
    const args = ['replay', 'tenant', '--rule', RULE, '--rule', 'resets.kql', '--out', 'alerts.ndjson'];
    expect((await tocsin(args, { cwd })).code).toBe(EXIT_CODES.ok);
    const text = readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8');
    expect(text.match(/"Type":"Replay"/g)).toHaveLength(2);
  });

  test('keeps a file that is there, unless it is forced', async () => {
    const cwd = await folderWith(TABLES);
    writeFileSync(path.join(cwd, 'alerts.ndjson'), 'precious\n');
    const args = ['replay', 'tenant', '--rule', RULE, '--out', 'alerts.ndjson'];
    const { code, stderr } = await tocsin(args, { cwd });
    expect(code).toBe(EXIT_CODES.io);
    expect(stderr).toContain('--force');
    expect(readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8')).toBe('precious\n');
    expect((await tocsin([...args, '--force'], { cwd })).code).toBe(EXIT_CODES.ok);
    expect(readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8')).toContain('"Type":"Replay"');
  });

  test('warns of a part of the query that nothing passed', async () => {
    const cwd = await folderWith({
      ...TABLES,
      AuditLogs: [audit(at('08:30'), 'adele@contoso.com', { Category: 'Agreement' })],
    });
    const { code, stderr } = await tocsin(['replay', 'tenant', '--rule', RULE], { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    expect(stderr).toMatch(/^warning: .*\.yaml:\d+:\d+: this condition let nothing through in any run$/m);
  });

  test('fails where it read nothing', async () => {
    const cwd = await folderWith({});
    const { code, stderr } = await tocsin(['replay', 'tenant', '--rule', RULE], { cwd });
    expect(code).toBe(EXIT_CODES.expectation);
    expect(stderr).toContain('the rule read no rows');
  });

  test.each([
    { args: ['nowhere', '--rule', RULE], code: EXIT_CODES.io, says: 'there is no such folder' },
    { args: ['tenant', '--rule', 'nowhere.yaml'], code: EXIT_CODES.io, says: 'there is no such file' },
    { args: ['tenant'], code: EXIT_CODES.usage, says: "required option '--rule <file>'" },
    { args: ['tenant', '--rule', RULE, '--threads', '-1'], code: EXIT_CODES.usage, says: 'from 0 to 1024' },
    { args: ['tenant', '--rule', RULE, '--out', '.'], code: EXIT_CODES.io, says: 'is a folder' },
    { args: ['tenant', '--rule', RULE, '--out', 'no/such/x.ndjson'], code: EXIT_CODES.io, says: 'x.ndjson' },
  ])('says what is wrong: $says', async ({ args, code, says }) => {
    const cwd = await folderWith(TABLES);
    const finished = await tocsin(['replay', ...args], { cwd });
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toContain(says);
  });

  // Root writes wherever it likes.
  test.skipIf(process.getuid?.() === 0)('does not write into a read-only folder', async () => {
    const cwd = await folderWith(TABLES);
    chmodSync(cwd, 0o555);
    const { code, stderr } = await tocsin(['replay', 'tenant', '--rule', RULE, '--out', 'alerts.ndjson'], { cwd });
    chmodSync(cwd, 0o755);
    expect(code).toBe(EXIT_CODES.io);
    expect(stderr).toContain('alerts.ndjson');
    expect(readdirSync(cwd)).toEqual(['tenant']);
  });
});
