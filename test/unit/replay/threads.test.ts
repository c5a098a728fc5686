/** Replays on worker threads, from the built output as users run it. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/dataset/read.ts';
import type * as read from '../../../src/dataset/read.ts';
import type * as output from '../../../src/replay/output.ts';
import type * as replayModule from '../../../src/replay/replay.ts';
import type * as compile from '../../../src/rules/compile.ts';
import { TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import { at, audit, signIn, type TestRow, type TestTables, writeDataset } from '../../support/replay.ts';

const { openDataset } = (await import('../../../dist/src/dataset/read.js' as string)) as typeof read;
const { replay } = (await import('../../../dist/src/replay/replay.js' as string)) as typeof replayModule;
const { replayLines } = (await import('../../../dist/src/replay/output.js' as string)) as typeof output;
const { compileRule } = (await import('../../../dist/src/rules/compile.js' as string)) as typeof compile;

const tables: TestTables = {
  AADNonInteractiveUserSignInLogs: Array.from({ length: 400 }, (_, i) =>
    signIn(at('06:00') + BigInt(i * 2) * TICKS_PER_MINUTE, `u${i % 37}@contoso.com`, `10.0.0.${i % 5}`, {
      ingested: at('06:00') + BigInt(i * 2 + (i % 11)) * TICKS_PER_MINUTE,
      ...(i % 7 === 0 ? { event: `s${i}` } : {}),
    }),
  ),
  AuditLogs: Array.from({ length: 300 }, (_, i) =>
    audit(at('06:30') + BigInt(i * 3) * TICKS_PER_MINUTE, `u${(i * 5) % 37}@contoso.com`, {
      TargetResources: [{ id: i }],
      ...(i % 4 === 0 ? { event: `a${i}` } : {}),
    }),
  ),
};

/** The shipped rule, with alerts and incidents about one user, so that there are many of both. */
const rule = compileRule(
  `${readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8').replace('AnyAlert', 'Selected')}
eventGroupingSettings: {aggregationKind: AlertPerResult}
`,
);
let folder: string;
const datasets = new Map<number, Dataset>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tocsin-threads-'));
  for (const partitionCount of [1, 4, 16]) {
    const path = join(folder, `p${partitionCount}`);
    await writeDataset(path, tables, { partitionCount });
    datasets.set(partitionCount, await openDataset(path));
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('a replay of a dataset on disk', () => {
  test('gives the same bytes for 0, 1 and 2 threads and 1, 4 and 16 partitions', async () => {
    const written = new Set<string>();
    // Inline, one partition and many; with threads: fewer partitions than threads, as many as fit, and many.
    for (const [partitionCount, threads] of [
      [1, 0],
      [16, 0],
      [1, 2],
      [4, 1],
      [16, 2],
    ] as const) {
      const result = await replay(datasets.get(partitionCount)!, rule, { threads });
      expect(result.rows.length).toBeGreaterThan(100);
      expect(result.incidents.length).toBeGreaterThan(20);
      written.add([...replayLines(rule.rule, result)].join('\n'));
    }
    expect(written.size).toBe(1);
  });

  test.each([
    [
      'by address',
      'AADNonInteractiveUserSignInLogs\n| summarize Users = dcount(UserPrincipalName), Times = count() by IPAddress\n| where Users > 3',
    ],
    ['without a key', 'AuditLogs\n| summarize count(), make_set(OperationName), max(TimeGenerated)'],
    [
      'against a baseline',
      'let known = AADNonInteractiveUserSignInLogs | where TimeGenerated < ago(1h) | distinct UserPrincipalName, IPAddress;\nAADNonInteractiveUserSignInLogs\n| where TimeGenerated >= ago(1h)\n| join kind=leftanti known on UserPrincipalName, IPAddress',
    ],
    [
      'row by row',
      'AuditLogs\n| extend Target = tostring(TargetResources[0].id)\n| project TimeGenerated, Target, now()',
    ],
    [
      'over a union',
      'union AuditLogs, AADNonInteractiveUserSignInLogs\n| summarize count() by Type, Account = coalesce(UserPrincipalName, tostring(InitiatedBy.user.userPrincipalName))\n| top 20 by count_',
    ],
    [
      'by target',
      'AuditLogs\n| mv-expand Target = TargetResources\n| summarize Times = count() by tostring(Target.id), Category',
    ],
    [
      'with a sub-query',
      'AuditLogs\n| where tostring(InitiatedBy.user.userPrincipalName) in (AADNonInteractiveUserSignInLogs | where IPAddress == "10.0.0.1" | distinct UserPrincipalName)\n| summarize take_any(OperationName) by bin(TimeGenerated, 10m)',
    ],
    [
      'as a series',
      'AuditLogs\n| make-series Times = count() on TimeGenerated from ago(2h) to now() step 30m by Account = tostring(InitiatedBy.user.userPrincipalName)',
    ],
    ['the first of all', 'AADNonInteractiveUserSignInLogs\n| take 3'],
  ])('is the same for any partitions and threads %s', async (name, query) => {
    const yaml = `name: ${name}\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 2h\nquery: |\n${query.replace(/^/gm, '  ')}\n`;
    const compiled = compileRule(yaml);
    const results = [];
    // Many partitions and two threads at once are the matter of the test above; here it is what passes between threads.
    for (const [partitionCount, threads] of [
      [1, 0],
      [4, 1],
    ] as const) {
      const result = await replay(datasets.get(partitionCount)!, compiled, { threads });
      results.push({ digest: result.digest, rows: result.rows, warnings: result.warnings });
    }
    expect(results[0]!.rows.length).toBeGreaterThan(5);
    expect(results[1]).toEqual(results[0]);
  });

  test('leaves out rows without a time, wherever they stand', async () => {
    const path = join(folder, 'timeless');
    const timeless = (rows: readonly TestRow[]): TestRow[] => [
      ...rows,
      { ...rows[0]!, at: undefined as unknown as bigint },
    ];
    await writeDataset(path, {
      AuditLogs: timeless(tables.AuditLogs!),
      SigninLogs: timeless([signIn(at('10:00'), 'a@x', '1')]),
    });
    const query = 'AuditLogs\n  | summarize Times = count() by Category';
    const compiled = compileRule(
      `name: x\nkind: Scheduled\nqueryFrequency: 1d\nqueryPeriod: 1d\nquery: |\n  ${query}\n`,
    );
    const { rows } = await replay(await openDataset(path), compiled, { threads: 0 });
    expect(rows.map((row) => row.cells)).toEqual([['RoleManagement', BigInt(tables.AuditLogs!.length)]]);
  });

  test('sees a row that stands at the very start of the dataset', async () => {
    const path = join(folder, 'at-start');
    await writeDataset(path, { AuditLogs: [audit(at('00:00'), 'a@x'), audit(at('00:30'), 'a@x')] });
    const compiled = compileRule('name: x\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: AuditLogs\n');
    const result = await replay(await openDataset(path), compiled, { threads: 0 });
    expect(result.rows.map((row) => row.run)).toEqual([0, 1]);
    expect(result.runs[0]!.at).toBe(at('00:00'));
  });

  test('of an NRT rule is the same, and reports each row once', async () => {
    const compiled = compileRule(
      'name: nrt\nkind: NRT\nquery: |\n  AuditLogs\n  | project TimeGenerated, TargetResources\n',
    );
    const one = await replay(datasets.get(1)!, compiled, { threads: 0 });
    const many = await replay(datasets.get(16)!, compiled, { threads: 1 });
    expect(one.rows).toHaveLength(tables.AuditLogs!.length);
    expect(many.digest).toBe(one.digest);
  });

  test('that is interrupted stops the pool and says so', async () => {
    const controller = new AbortController();
    const running = replay(datasets.get(16)!, rule, {
      threads: 2,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(running).rejects.toMatchObject({ name: 'TocsinError', code: 'INTERRUPTED', exitCode: 130 });
  });

  test('fails in a worker as it fails inline', async () => {
    const path = join(folder, 'broken');
    await writeDataset(path, tables, { partitionCount: 2 });
    const dataset = await openDataset(path);
    await rm(join(path, dataset.manifest.tables[0]!.files[0]!.file));
    const failure = (threads: number): Promise<Record<string, unknown>> =>
      replay(dataset, rule, { threads }).then(
        () => ({}),
        (error: { name: string; code: string }) => ({ name: error.name, code: error.code }),
      );
    expect(await failure(0)).toEqual({ name: 'TocsinError', code: 'INPUT' });
    expect(await failure(1)).toEqual({ name: 'TocsinError', code: 'INPUT' });
  });
});
