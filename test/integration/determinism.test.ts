/** The same bytes for any number of threads and partitions, on a generated tenant and from the built package. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compileRule, generate, openDataset, type Replay, replay, score } from 'tocsin';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const TENANT = { users: 80, days: 1, seed: 3 };
const rule = compileRule('rules/ni-auth-privileged-audit-actions.yaml');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-same-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Everything that a replay gives, as text. */
function textOf(result: Replay): string {
  const plain = (_: string, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value instanceof Map ? [...value] : value;
  return JSON.stringify(result, plain);
}

describe('a generated dataset', () => {
  test('has the same bytes for 0, 1 and 2 threads', async () => {
    const hashes = [];
    for (const threads of [0, 1, 2]) {
      const out = path.join(folder, `threads-${threads}`);
      const { tables } = await generate('contoso-2k', { ...TENANT, out, threads, partitionCount: 4 });
      hashes.push(tables.flatMap((table) => table.files.map((file) => `${file.file} ${file.sha256}`)));
    }
    expect(hashes[0]!.length).toBeGreaterThanOrEqual(8);
    expect(hashes[1]).toEqual(hashes[0]);
    expect(hashes[2]).toEqual(hashes[0]);
  });
});

describe('a replay of a generated dataset', () => {
  test('gives the same rows, alerts, incidents and score for 0, 1 and 2 threads and 1, 4 and 16 partitions', async () => {
    const texts = new Map<string, string>();
    const scores = new Set<string>();
    for (const partitionCount of [1, 4, 16]) {
      const out = path.join(folder, `partitions-${partitionCount}`);
      await generate('contoso-2k', { ...TENANT, out, threads: 0, partitionCount });
      const dataset = await openDataset(out);
      const truth = await dataset.truth();
      for (const threads of [0, 1, 2]) {
        const result = await replay(dataset, rule, { threads });
        expect(result.rows.length).toBeGreaterThan(20);
        texts.set(`${partitionCount}/${threads}`, textOf(result));
        scores.add(JSON.stringify(score(result, rule.rule.name, truth, dataset.manifest)));
      }
    }
    expect(texts.size).toBe(9);
    expect(new Set(texts.values()).size).toBe(1);
    expect(scores.size).toBe(1);
  });
});
