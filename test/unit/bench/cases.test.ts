/** Every case over little data: what is compared gives equal results, or `runBench` throws. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Bench } from '../../../bench/compete.ts';
import type { CaseLetter, CaseResult } from '../../../bench/report.ts';
import { runBench } from '../../../bench/suite.ts';

let folder: string;
let results: readonly CaseResult[];

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

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-bench-'));
  results = await measure('a', 'b', 'c', 'd', 'g');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function found(letter: CaseLetter): CaseResult[] {
  return results.filter((each) => each.case === letter);
}

function digestsOf({ entries }: CaseResult): Set<string> {
  return new Set(entries.flatMap(({ digest }) => digest ?? []));
}

describe('the case of the shipped rule', () => {
  test('gives equal rows in every engine and statement, and more than none', () => {
    const [result] = found('a');
    expect(result!.entries.length).toBeGreaterThanOrEqual(6);
    expect(digestsOf(result!).size).toBe(1);
    expect(result!.work['resultRows']).toBeGreaterThan(100);
  });

  test('uses a dataset again that fits', async () => {
    const before = readdirSync(folder);
    await measure('g');
    expect(readdirSync(folder)).toEqual(before);
  });
});

test('NDJSON gives equal rows imported and read by DuckDB', () => {
  const [result] = found('b');
  expect(result!.entries.length).toBe(3);
  expect(digestsOf(result!).size).toBe(1);
  expect(result!.work['resultRows']).toBeGreaterThan(0);
});

test('each general rule gives the rows of its SQL, and more than none', () => {
  const rules = found('d');
  expect(rules.map(({ part }) => part)).toEqual([
    'failures by address',
    'first seen address',
    'failure then success',
    'changes of a target',
    'scripted agent',
  ]);
  for (const rule of rules) {
    expect(rule.entries.length).toBeGreaterThanOrEqual(2);
    expect(digestsOf(rule).size).toBe(1);
    expect(rule.work['resultRows']).toBeGreaterThan(0);
  }
});

test('the memory floor is of every row of the columns that the plan needs', () => {
  const [result] = found('g');
  expect(result!.entries).toHaveLength(3);
  expect(result!.work['bytesNeeded']).toBeGreaterThan(20_000 * 17);
});

test('generation counts every event', () => {
  const [result] = found('c');
  expect(result!.work['events']).toBeGreaterThan(4_000);
  expect(result!.entries[0]!.eventsPerSecond).toBeGreaterThan(0);
});
