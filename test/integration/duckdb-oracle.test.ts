/**
 * The shipped rule against an engine that shares nothing with ours: the rule by hand as SQL, run by DuckDB over an export
 * of a generated dataset, one query for each scheduled run. Both must return the same rows in every run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  formatDatetime,
  formatTimespan,
  TICKS_PER_HOUR,
  TICKS_PER_MINUTE,
  UNIX_EPOCH_TICKS,
} from '../../src/base/time.ts';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Value } from '../../src/columns/value.ts';
import { exportDataset } from '../../src/dataset/export.ts';
import { openDataset } from '../../src/dataset/read.ts';
import type { ReplayResult } from '../../src/replay/result.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { generate } from '../../generators/index.ts';
import { replay } from '../../src/replay/replay.ts';

/** DuckDB's timestamps stop at microseconds; ticks of 100 ns are counted by hand, since 1970. */
const TICKS = (column: string) =>
  `(epoch_us(CAST(substr(${column}, 1, 26) AS TIMESTAMP)) * 10 + CAST(substr(${column}, 27, 1) AS BIGINT))`;

/** A row as text, the same for both engines. */
function line(run: number, cells: readonly string[]): string {
  return [run, ...cells].join(' | ');
}

let folder: string;
let result: ReplayResult;
let sqlLines: string[][];
let eventCount: number;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-duckdb-'));
  const out = path.join(folder, 'tenant');
  // Within one thread: what is compared is the engine, and unbuilt sources have no workers.
  const manifest = await generate('contoso-2k', { out, users: 350, days: 6, seed: 11, threads: 0 });
  eventCount = manifest.tables.reduce((sum, table) => sum + table.rowCount, 0);
  const dataset = await openDataset(out);
  result = await replay(dataset, compileRule('rules/ni-auth-privileged-audit-actions.yaml'), { threads: 0 });
  await exportDataset(dataset, { out: path.join(folder, 'export'), format: 'ndjson' });

  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const file = (table: string) => path.join(folder, 'export', `${table}.ndjson`);
  await connection.run(`
    CREATE TABLE signins AS
    SELECT ${TICKS('TimeGenerated')} AS generated, ${TICKS('_IngestionTime')} AS ingested,
           UserPrincipalName AS upn, coalesce(IPAddress, '') AS ip, ResultType AS code
    FROM read_json('${file('AADNonInteractiveUserSignInLogs')}', format = 'newline_delimited', columns = {
      TimeGenerated: 'VARCHAR', _IngestionTime: 'VARCHAR', UserPrincipalName: 'VARCHAR', IPAddress: 'VARCHAR',
      ResultType: 'VARCHAR'})`);
  await connection.run(`
    CREATE TABLE audits AS
    SELECT ${TICKS('TimeGenerated')} AS generated, ${TICKS('_IngestionTime')} AS ingested,
           json_extract_string(InitiatedBy, '$.user.userPrincipalName') AS upn, coalesce(OperationName, '') AS operation,
           coalesce(Result, '') AS outcome, Category AS category, CAST(TargetResources AS VARCHAR) AS targets
    FROM read_json('${file('AuditLogs')}', format = 'newline_delimited', columns = {
      TimeGenerated: 'VARCHAR', _IngestionTime: 'VARCHAR', InitiatedBy: 'JSON', OperationName: 'VARCHAR',
      Result: 'VARCHAR', Category: 'VARCHAR', TargetResources: 'JSON'})`);
  const statement = await connection.prepare(`
    WITH latest AS (
      SELECT upn, ip, max(generated) AS last_generated
      FROM signins
      WHERE generated > $now - ${2n * TICKS_PER_HOUR} AND generated <= $now AND ingested <= $now + ${5n * TICKS_PER_MINUTE} AND code = '0'
      GROUP BY upn, ip)
    SELECT audits.generated, audits.upn, operation, outcome, category, targets, last_generated, ip
    FROM audits JOIN latest ON audits.upn = latest.upn
    WHERE audits.generated > $now - ${2n * TICKS_PER_HOUR} AND audits.generated <= $now
      AND audits.ingested <= $now + ${5n * TICKS_PER_MINUTE}
      AND category IN ('RoleManagement', 'ApplicationManagement', 'GroupManagement', 'Policy', 'DeviceManagement', 'UserManagement')
      AND audits.upn <> '' AND audits.generated - last_generated BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`);
  sqlLines = [];
  for (const [run, { at }] of result.runs.entries()) {
    statement.bind({ now: at - UNIX_EPOCH_TICKS });
    const rows = (await statement.runAndReadAll()).getRows();
    sqlLines.push(
      rows.map((row) => {
        const [audited, upn, operation, outcome, category, targets, last, ip] = row as [bigint, ...string[]] & bigint[];
        const [auditTime, lastTime] = [audited + UNIX_EPOCH_TICKS, (last as unknown as bigint) + UNIX_EPOCH_TICKS];
        return line(run, [
          formatDatetime(auditTime),
          String(upn),
          String(operation),
          String(outcome),
          String(category),
          String(targets),
          formatDatetime(lastTime),
          String(ip),
          formatTimespan(auditTime - lastTime),
        ]);
      }),
    );
  }
  connection.closeSync();
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function text(cell: Value, type: string): string {
  if (type === 'datetime') return formatDatetime(cell as bigint);
  if (type === 'timespan') return formatTimespan(cell as bigint);
  return type === 'dynamic' ? stringifyDynamic(cell) : String(cell as string);
}

describe('the shipped rule', () => {
  test('is compared over enough events, and returns rows in most runs', () => {
    expect(eventCount).toBeGreaterThanOrEqual(200_000);
    expect(result.runs.length).toBeGreaterThan(140);
    expect(sqlLines.filter((rows) => rows.length > 0).length).toBeGreaterThan(40);
  });

  test('returns in every run the rows that DuckDB returns for the rule as SQL', () => {
    const ours: string[][] = result.runs.map(() => []);
    for (const row of result.rows) {
      ours[row.run]!.push(
        line(
          row.run,
          row.cells.map((cell, index) => text(cell, result.columns[index]!.type)),
        ),
      );
    }
    for (const [run, theirs] of sqlLines.entries()) expect(ours[run]!.toSorted()).toEqual(theirs.toSorted());
  });

  test('returns them newest first', () => {
    for (let i = 1; i < result.rows.length; i++) {
      const [previous, row] = [result.rows[i - 1]!, result.rows[i]!];
      if (row.run === previous.run) expect(row.cells[0]! <= previous.cells[0]!).toBe(true);
    }
  });
});
