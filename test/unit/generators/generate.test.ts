import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generate } from '../../../generators/index.ts';
import { loadScenario } from '../../../generators/scenario.ts';
import { factsOfPartition } from '../../../generators/worker.ts';
import { type Column, valueAt } from '../../../src/columns/column.ts';
import { sourceOfFacts } from '../../../src/dataset/rows.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { type Generated, generated } from '../../support/generated.ts';

const SMALL = { users: 40, days: 2, seed: 5 } as const;

/** Every row as text, sorted: what does not depend on partitions or on other rows. */
function texts(rows: readonly object[]): string[] {
  return rows
    .map((row) =>
      JSON.stringify(row, (_, value) =>
        typeof value === 'bigint' ? String(value) : value instanceof Map ? [...value] : value,
      ),
    )
    .sort();
}

function digests({ manifest }: Generated): unknown {
  return manifest.tables.map(({ table, files }) => [table, files.map(({ sha256 }) => sha256)]);
}

describe('generate', () => {
  let base: Generated;
  beforeAll(async () => {
    base = await generated('quiet-smb', SMALL);
  });
  afterAll(() => base.remove());

  test('gives the same bytes again, with threads too', async () => {
    for (const threads of [0, 1, 2]) {
      const again = await generated('quiet-smb', { ...SMALL, threads });
      expect(digests(again)).toEqual(digests(base));
      again.remove();
    }
  });

  test('gives the same rows however many partitions there are', async () => {
    for (const partitionCount of [1, 7]) {
      const other = await generated('quiet-smb', { ...SMALL, partitionCount });
      for (const { table } of base.manifest.tables) {
        expect(texts(other.rows(table))).toEqual(texts(base.rows(table)));
      }
      other.remove();
    }
  });

  test('gives in memory the rows that it writes', () => {
    const scenario = loadScenario('quiet-smb', SMALL);
    const { partitionCount } = base.manifest;
    for (let partition = 0; partition < partitionCount; partition++) {
      const written = base.dataset.partition(partition);
      const made = sourceOfFacts(factsOfPartition(scenario, partition, partitionCount));
      for (const { table } of base.manifest.tables) {
        const columns = [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' as const }];
        const expected = written.scan(table, columns, undefined);
        const found = made.scan(table, columns, undefined);
        expect(found.rowCount).toBe(expected.rowCount);
        expect(found.lineage).toEqual(expected.lineage);
        for (const [index, column] of expected.columns().entries()) {
          const values = (from: Column) => Array.from({ length: found.rowCount }, (_, row) => valueAt(from, row));
          expect(values(found.column(index)), `${table}.${columns[index]!.name}`).toEqual(values(column));
        }
      }
    }
  });

  test('labels exactly the rows that the truth names', async () => {
    const truth = (await base.dataset.truth()).flatMap(({ events }) => events);
    const labelled = base.manifest.tables.flatMap(({ table }) =>
      base.rows(table, ['TimeGenerated']).flatMap((row) => row.$events.map((event) => `${table} ${event}`)),
    );
    expect(truth.length).toBeGreaterThan(20);
    expect(labelled.sort()).toEqual(truth.map(({ table, id }) => `${table} ${id}`).sort());
  });

  test('changes no background row when attacks are taken away', async () => {
    const scenario = loadScenario('quiet-smb', SMALL);
    const bare = await generated({ ...scenario, attacks: [], lookalikes: [] });
    for (const { table } of base.manifest.tables) {
      const background = base.rows(table).filter((row) => row.$events.length === 0);
      expect(texts(bare.rows(table))).toEqual(texts(background));
    }
    bare.remove();
  });

  test('leaves nothing behind when it is stopped, with threads or without', async () => {
    for (const threads of [0, 1]) {
      const parent = mkdtempSync(path.join(tmpdir(), 'tocsin-stopped-'));
      const stop = new AbortController();
      const stopped = generate('quiet-smb', {
        ...SMALL,
        threads,
        partitionCount: 12,
        out: path.join(parent, 'dataset'),
        signal: stop.signal,
        onProgress: () => stop.abort(),
      });
      await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect(readdirSync(parent)).toEqual([]);
      rmSync(parent, { recursive: true });
    }
  });

  test('refuses numbers that make no sense', async () => {
    const out = path.join(tmpdir(), 'tocsin-never-written');
    await expect(generate('quiet-smb', { out, threads: -1 })).rejects.toThrow('threads is -1');
    await expect(generate('quiet-smb', { out, partitionCount: 0 })).rejects.toThrow('partitionCount is 0');
    await expect(generate('quiet-smb', { out, users: 5 })).rejects.toThrow('users is 5');
    await expect(generate(loadScenario('quiet-smb'), { out, users: 5 })).rejects.toThrow('users is 5');
  });

  test('reports its progress', async () => {
    const seen: number[] = [];
    const other = await generated('quiet-smb', { ...SMALL, onProgress: ({ done, total }) => seen.push(done / total) });
    expect(seen).toEqual([0.25, 0.5, 0.75, 1]);
    other.remove();
  });
});
