import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { sharedPath } from '../support/shared.ts';
import { temporaryFolder, tocsin } from '../support/run-cli.ts';

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
});
