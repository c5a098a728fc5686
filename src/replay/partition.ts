/**
 * The part of a replay that happens inside one partition: the plans below the gathers, for every run of a range. It is the
 * same function inline and in a worker thread; what goes in and what comes out is plain data and batches.
 */
import type { Batch } from '../columns/batch.ts';
import type { Gather } from '../engine/cut.ts';
import { Evaluator } from '../engine/execute.ts';
import type { Run, TableSource } from '../engine/run.ts';
import { concatBatches } from '../engine/tables.ts';
import { type Plan, visitPlan } from '../plan/plan.ts';

/** What is to be done in one partition. Plain data. */
export interface PartitionTask {
  readonly partition: number;
  /** What runs below each gather. */
  readonly parts: readonly Gather[];
  readonly runs: readonly Run[];
}

/** The rows of one part, run after run: those of run r are [ends[r - 1], ends[r]). A part with scope `once` has one run, and the columns of `withTimes`. */
export interface PartRows<Rows> {
  readonly rows: Rows;
  readonly ends: Uint32Array;
}

export interface PartitionRows<Rows> {
  /** In the order of the task's parts. */
  readonly parts: readonly PartRows<Rows>[];
  /** How many rows came out of each node of the parts' plans over all runs, in the order of `planNodes`; NaN where it was never evaluated by itself. */
  readonly counts: Float64Array;
}

/** The nodes of plans in an order that structured cloning keeps, each once. */
export function planNodes(roots: readonly Plan[]): Plan[] {
  const nodes = new Set<Plan>();
  for (const root of roots) visitPlan(root, (node) => nodes.add(node));
  return [...nodes];
}

/** Counts rows out of the nodes of plans. */
export class RowCounts {
  readonly counts: Float64Array;
  readonly #indexOf: ReadonlyMap<Plan, number>;

  constructor(roots: readonly Plan[]) {
    const nodes = planNodes(roots);
    this.counts = new Float64Array(nodes.length).fill(Number.NaN);
    this.#indexOf = new Map(nodes.map((node, index) => [node, index]));
  }

  readonly observe = (node: Plan, rowCount: number): void => {
    const index = this.#indexOf.get(node);
    if (index !== undefined) this.counts[index] = (this.counts[index]! || 0) + rowCount;
  };
}

/** Evaluates the task's parts over the partition's rows. */
export function evaluatePartition(source: TableSource, task: PartitionTask): PartitionRows<Batch> {
  const { parts, runs } = task;
  const rowCounts = new RowCounts(parts.map((part) => part.plan));
  const evaluator = new Evaluator(parts[0]!.plan, source, { observe: rowCounts.observe });
  const eachRun = parts.filter((part) => part.scope === 'run');
  const batches: Batch[][] = eachRun.map(() => []);
  const ends = eachRun.map(() => new Uint32Array(runs.length));
  runs.forEach((run, r) => {
    evaluator
      .runAll(
        eachRun.map((part) => part.plan),
        run,
      )
      .forEach((batch, part) => {
        ends[part]![r] = (r === 0 ? 0 : ends[part]![r - 1]!) + batch.rowCount;
        if (batch.rowCount > 0) batches[part]!.push(batch);
      });
  });
  const rows = parts.map(({ scope, plan }): PartRows<Batch> => {
    if (scope === 'once') {
      const all = evaluator.overAllTime(plan);
      return { rows: all, ends: Uint32Array.of(all.rowCount) };
    }
    return { rows: concatBatches(plan.columns, batches.shift()!), ends: ends.shift()! };
  });
  return { parts: rows, counts: rowCounts.counts };
}
