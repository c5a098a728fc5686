/** Case (e): the same work by one thread, two, and as many as there are cores. */
import { openExecutor } from '../src/replay/replay.ts';
import type { ResultTable } from '../src/replay/result-table.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { seedDataset, workOf } from './datasets.ts';
import { digestRows } from './digest.ts';
import { type FloorTask, neededColumns } from './floor.ts';
import { generateAll, generationSize } from './generation.ts';
import { rowsOf } from './ours.ts';
import { Workers } from './pool.ts';
import type { CaseResult } from './report.ts';
import { SEED_DIGEST } from './seed-rule-sql.ts';
import { threadsText } from './text.ts';

export async function threadCases(bench: Bench, compiled: CompiledRule): Promise<CaseResult[]> {
  const counts = [...new Set([1, 2, bench.threads])].sort((a, b) => a - b);
  return [
    await replayCase(bench, compiled, counts),
    await generateCase(bench, counts),
    await machineCase(bench, compiled, counts),
  ];
}

/** What more threads are worth on this machine to work that shares nothing: the memory floor over files (floor.ts). */
async function machineCase(bench: Bench, compiled: CompiledRule, counts: readonly number[]): Promise<CaseResult> {
  const dataset = await seedDataset(bench);
  const needed = neededColumns(compiled.plan.root);
  const tasks = Array.from({ length: dataset.manifest.partitionCount }, (_, partition): FloorTask => {
    return { kind: 'floor', from: 'files', dataset: dataset.path, partition, needed };
  });
  const pools = counts.map((threads) => new Workers(threads));
  try {
    const competitors = pools.map((workers): Competitor => {
      let sum = 0;
      return {
        name: threadsText(workers.threads),
        run: async () => {
          sum = 0;
          await workers.each<number>(tasks, (part) => {
            sum = (sum + part) | 0;
          });
        },
        digest: () => String(sum),
      };
    });
    const part = 'summing bytes, which shares nothing';
    return await compete(bench, { case: 'e', part, work: workOf(dataset), competitors, versions: {} });
  } finally {
    for (const workers of pools) await workers.close();
  }
}

async function replayCase(bench: Bench, compiled: CompiledRule, counts: readonly number[]): Promise<CaseResult> {
  const dataset = await seedDataset(bench);
  const executors = counts.map((threads) => openExecutor(dataset, compiled.plan.root, { threads }));
  try {
    const competitors = executors.map((executor, index): Competitor => {
      let result: ResultTable;
      return {
        name: threadsText(counts[index]!),
        run: async () => {
          result = await rowsOf(dataset, compiled, { executor });
        },
        digest: () => digestRows(result, SEED_DIGEST.ours).toString(),
      };
    });
    return await compete(bench, { case: 'e', part: 'replay', work: workOf(dataset), competitors, versions: {} });
  } finally {
    for (const executor of executors) await executor.close();
  }
}

async function generateCase(bench: Bench, counts: readonly number[]): Promise<CaseResult> {
  const size = generationSize(bench);
  const pools = counts.map((threads) => new Workers(threads));
  try {
    const events = await generateAll(pools.at(-1)!, size);
    const competitors = pools.map((workers): Competitor => {
      let counted = 0;
      return {
        name: threadsText(workers.threads),
        run: async () => {
          counted = await generateAll(workers, size);
        },
        events,
        digest: () => String(counted),
      };
    });
    return await compete(bench, { case: 'e', part: 'generate', work: { events, ...size }, competitors, versions: {} });
  } finally {
    for (const workers of pools) await workers.close();
  }
}
