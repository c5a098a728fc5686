import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { sharedPath } from '../support/shared.ts';
import { exportDataset } from '../../src/dataset/export.ts';
import { importFiles } from '../../src/dataset/import.ts';
import { openDataset } from '../../src/dataset/read.ts';
import { scannedColumns } from '../../src/plan/plan.ts';
import { replay } from '../../src/replay/replay.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { generated } from '../support/generated.ts';
import { REPOSITORY, temporaryFolder, tocsin } from '../support/run-cli.ts';

const ROWS = [1, 2, 3].map((minute) => ({
  TimeGenerated: `2026-06-01T08:0${minute}:00Z`,
  OperationName: 'Add user',
  Category: 'UserManagement',
  Nonsense: minute,
}));
const NDJSON = ROWS.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('tocsin import', () => {
  test('makes a dataset of log files, gzipped or not, that can be queried', async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'a.json'), JSON.stringify(ROWS));
    writeFileSync(path.join(cwd, 'b.ndjson.gz'), gzipSync(NDJSON));
    const imported = await tocsin(['import', '*.json', 'b.ndjson.gz', '--table', 'AuditLogs', '--out', 'logs'], {
      cwd,
    });
    expect(imported.code).toBe(EXIT_CODES.ok);
    expect(imported.stdout).toContain('logs: 6 rows, 2026-06-01T08:01:00Z');
    expect(imported.stderr).toContain('AuditLogs has no columns for Nonsense (6)');
    const counted = await tocsin(['query', 'AuditLogs | summarize n = count() by OperationName', '--data', 'logs'], {
      cwd,
    });
    expect(counted.stdout).toBe('{"OperationName":"Add user","n":6}\n');
  });

  test('counts bad lines and says where the first are; --strict makes them fatal', async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'bad.ndjson'), `${NDJSON}{"TimeGenerated": \n`);
    const lenient = await tocsin(['import', 'bad.ndjson', '--table', 'AuditLogs', '--out', 'logs'], { cwd });
    expect(lenient.code).toBe(EXIT_CODES.ok);
    expect(lenient.stderr).toContain('bad.ndjson:4');
    const strict = await tocsin(['import', 'bad.ndjson', '--table', 'AuditLogs', '--out', 'strict', '--strict'], {
      cwd,
    });
    expect([strict.code, strict.stdout]).toEqual([EXIT_CODES.io, '']);
    expect(strict.stderr).toContain('bad.ndjson:4');
    expect(readdirSync(cwd).sort()).toEqual(['bad.ndjson', 'logs']);
  });

  test('reports as JSON', async () => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'a.ndjson'), NDJSON);
    const { stdout } = await tocsin(['import', 'a.ndjson', '--table', 'AuditLogs', '--out', 'logs', '--json'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'tocsin.imported/1',
      rowsByTable: { AuditLogs: 3 },
      unknownColumns: { AuditLogs: { Nonsense: 3 } },
    });
  });

  test.each([
    { content: NDJSON, args: ['--table', 'AuditLog'], code: EXIT_CODES.usage, says: 'did you mean AuditLogs?' },
    { content: '', args: ['--table', 'AuditLogs'], code: EXIT_CODES.io, says: 'a.ndjson' },
    {
      content: Buffer.from([0, 255, 254, 1, 2]),
      args: ['--table', 'AuditLogs'],
      code: EXIT_CODES.io,
      says: 'a.ndjson',
    },
    {
      content: gzipSync(NDJSON).subarray(0, 40),
      args: ['--table', 'AuditLogs'],
      code: EXIT_CODES.io,
      says: 'a.ndjson',
    },
  ])('says what is wrong and leaves nothing behind: $says', async ({ content, args, code, says }) => {
    const cwd = temporaryFolder();
    writeFileSync(path.join(cwd, 'a.ndjson'), content);
    const finished = await tocsin(['import', 'a.ndjson', '--out', 'logs', ...args], { cwd });
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toContain(says);
    expect(readdirSync(cwd)).toEqual(['a.ndjson']);
  });

  const samples = sharedPath('samples');
  test.skipIf(samples === undefined)('takes the sample records, and they can be queried', async () => {
    const cwd = temporaryFolder();
    const imported = await tocsin(['import', `${samples}/*.json`, '--out', 'logs', '--json'], { cwd });
    expect(imported.code).toBe(EXIT_CODES.ok);
    const { rowsByTable, badRecords } = JSON.parse(imported.stdout) as {
      rowsByTable: Record<string, number>;
      badRecords: number;
    };
    expect(badRecords).toBe(0);
    for (const [table, rows] of Object.entries(rowsByTable)) {
      const { stdout } = await tocsin(['query', `${table} | count`, '--data', 'logs'], { cwd });
      expect(JSON.parse(stdout)).toEqual({ Count: rows });
    }
    const users = 'AuditLogs | where isnotempty(InitiatedBy.user.userPrincipalName) | project OperationName';
    expect((await tocsin(['query', users, '--data', 'logs'], { cwd })).stdout).not.toBe('');
  });

  test('keeps only what a rule reads: it replays as over the whole dataset, and other rules are refused', async () => {
    const folder = temporaryFolder();
    const tenant = await generated('contoso-2k', { users: 120, days: 1 });
    const logs = path.join(folder, 'logs');
    await exportDataset(tenant.dataset, { out: logs, format: 'ndjson' });
    const files = [path.join(logs, '*.ndjson')].map((glob) => glob.replace('*', '*Logs'));
    const compiled = compileRule(path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml'));
    const truth = path.join(logs, 'truth.ndjson');
    const columns = scannedColumns(compiled.plan.root);
    const whole = await importFiles(files, { out: path.join(folder, 'whole'), truth, threads: 0 });
    const some = await importFiles(files, { out: path.join(folder, 'some'), truth, threads: 0, columns });
    // Events of tables that the rule does not read have no row.
    expect(some.truthEvents.labelled).toBeGreaterThan(whole.truthEvents.labelled * 0.9);
    expect(some.skipped + some.rows).toBe(whole.rows);
    const results = [];
    for (const location of ['whole', 'some']) {
      results.push(await replay(await openDataset(path.join(folder, location)), compiled, { threads: 0 }));
    }
    expect(results[0]!.rows.length).toBeGreaterThan(0);
    expect(results[1]!.digest).toBe(results[0]!.digest);
    expect(results[1]!.alerts).toEqual(results[0]!.alerts);
    const projected = await openDataset(path.join(folder, 'some'));
    const userAgent = [{ name: 'UserAgent', type: 'string' as const }];
    expect(() => projected.all().scan('AADNonInteractiveUserSignInLogs', userAgent, undefined)).toThrow(
      'does not read UserAgent of AADNonInteractiveUserSignInLogs',
    );
    expect(() => projected.partition(0).scan('SigninLogs', userAgent, undefined)).toThrow('does not read SigninLogs');
    tenant.remove();
  });
});
