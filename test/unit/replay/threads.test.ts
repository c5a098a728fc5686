/** Replays on worker threads, from the built output as users run it. */
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
import { at, audit, signIn, type TestTables, writeDataset } from '../../support/replay.ts';

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

const rule = compileRule('rules/ni-auth-privileged-audit-actions.yaml');
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
    const written = new Map<string, string>();
    for (const [partitionCount, dataset] of datasets) {
      for (const threads of [0, 1, 2]) {
        const result = await replay(dataset, rule, { threads });
        expect(result.rows.length).toBeGreaterThan(100);
        written.set(`${partitionCount}/${threads}`, [...replayLines(rule.rule, result, result.incidents)].join('\n'));
      }
    }
    expect(written.size).toBe(9);
    expect(new Set(written.values()).size).toBe(1);
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
    expect(await failure(2)).toEqual({ name: 'TocsinError', code: 'INPUT' });
  });
});
