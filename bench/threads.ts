/** Case (e): the same work by one thread, two, and as many as there are cores. */
import { openExecutor } from '../src/replay/replay.ts';
import type { ResultTable } from '../src/replay/result-table.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { seedDataset, workOf } from './datasets.ts';
import { digestRows } from './digest.ts';
import { generateAll, generationSize } from './generation.ts';
import { rowsOf } from './ours.ts';
import { Workers } from './pool.ts';
import type { CaseResult } from './report.ts';
import { SEED_DIGEST } from './seed-rule-sql.ts';
import { threadsText } from './text.ts';

export async function threadCases(bench: Bench, compiled: CompiledRule): Promise<CaseResult[]> {
  const counts = [...new Set([1, 2, bench.threads])].sort((a, b) => a - b);
  return [await replayCase(bench, compiled, counts), await generateCase(bench, counts)];
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
