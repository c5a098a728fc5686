/** Every case over little data: what is compared gives equal results, or `runBench` throws. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bench } from '../../../bench/compete.ts';
import type { CaseLetter, CaseResult } from '../../../bench/report.ts';
import { runBench } from '../../../bench/suite.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function measure(...cases: CaseLetter[]): Promise<readonly CaseResult[]> {
  const bench: Bench = {
    cases: new Set(cases),
    rows: 20_000,
    events: [20_000],
    seed: 7,
    threads: 1,
    repetitions: 1,
    warmups: 0,
    folder,
    signal: new AbortController().signal,
    note: () => {},
    progress: () => () => {},
  };
  return (await runBench(bench, () => Promise.resolve())).cases;
}

describe('the case of the shipped rule', () => {
  test('gives equal rows in every engine and statement, and more than none', async () => {
    const [result] = await measure('a');
    const digests = new Set(result!.entries.flatMap(({ digest }) => digest ?? []));
    expect(result!.entries.length).toBeGreaterThanOrEqual(6);
    expect(digests.size).toBe(1);
    expect(result!.work['resultRows']).toBeGreaterThan(100);
  });

  test('uses a dataset again that fits', async () => {
    const [before] = readdirSync(folder);
    await measure('g');
    expect(readdirSync(folder)).toEqual([before]);
  });
});

test('the memory floor is summed alike from memory and from files', async () => {
  const [result] = await measure('g');
  expect(result!.entries.map(({ name }) => name)).toHaveLength(3);
  expect(result!.work['bytesNeeded']).toBeGreaterThan(20_000 * 17);
});

test('generation counts every event', async () => {
  const [result] = await measure('c');
  expect(result!.work['events']).toBeGreaterThan(10_000);
  expect(result!.entries[0]!.eventsPerSecond).toBeGreaterThan(0);
});
