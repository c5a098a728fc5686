/**
 * The part of a replay that happens inside one partition: the plans below the gathers, for every run of a range. It is the
 * same function inline and in a worker thread; what goes in and what comes out is plain data and batches.
 */
import { outsideArena } from '../base/arena.ts';
import type { Batch } from '../columns/batch.ts';
import { AllRuns } from '../engine/allruns/all-runs.ts';
import { RunRows } from '../engine/allruns/run-rows.ts';
import type { Gather } from '../engine/cut.ts';
import { Evaluator } from '../engine/execute.ts';
import { canonicalOrder } from '../engine/order.ts';
import type { Run, TableSource } from '../engine/run.ts';
import { concatBatches } from '../engine/tables.ts';
import { type Plan, visitPlan } from '../plan/plan.ts';

/** What is to be done in each partition. Plain data. */
export interface PartitionWork {
  /** What runs below each gather. */
  readonly parts: readonly Gather[];
  readonly runs: readonly Run[];
  /** Everything run by run, in the general way. */
  readonly general: boolean;
  /** As in `ReplayOptions`. */
  readonly memoryLimit: number | undefined;
}

/** Tasks that do the same in several partitions share one object that says what. */
export interface PartitionTask {
  readonly partition: number;
  readonly work: PartitionWork;
}

/**
 * The rows of one part. A part with scope `once` has the columns of `withTimes`, and its rows stand in no particular runs;
 * those of any other stand in the canonical order, unless everything goes the general way.
 */
export interface PartRows<Rows> {
  readonly rows: Rows;
  /** Row i stands in the runs from `from[i]` (inclusive) to `to[i]` (exclusive) of the work. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
}

export interface PartitionRows<Rows> {
  /** In the order of the work's parts. */
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

/** Evaluates the work's parts over the partition's rows. */
export function evaluatePartition(source: TableSource, work: PartitionWork): PartitionRows<Batch> {
  const { parts, runs, general, memoryLimit } = work;
  const rowCounts = new RowCounts(parts.map((part) => part.plan));
  const evaluator = new Evaluator(parts[0]!.plan, source, {
    observe: rowCounts.observe,
    ...(memoryLimit !== undefined && { memoryLimit }),
  });
  const all = general ? undefined : new AllRuns(evaluator, runs);
  const eachRun = parts.filter((part) => part.scope === 'run').map((part) => part.plan);
  const found = rowsInRuns(evaluator, eachRun, runs, all);
  const rows = parts.map(({ scope, plan }): PartRows<Batch> => {
    if (scope === 'once') return { rows: evaluator.overAllTime(plan), from: new Uint32Array(), to: new Uint32Array() };
    const { batch, from, to } = general ? found.get(plan)! : inCanonicalOrder(found.get(plan)!);
    return { rows: batch, from, to };
  });
  return { parts: rows, counts: rowCounts.counts };
}

/** Rows in order among all are in order among those of a run; done here, where several partitions do it side by side. */
function inCanonicalOrder(rows: RunRows): RunRows {
  return rows.select(canonicalOrder(rows.batch));
}

/** The rows of plans in every run: for all runs at once where that can be done, else run by run. */
function rowsInRuns(
  evaluator: Evaluator,
  plans: readonly Plan[],
  runs: readonly Run[],
  all: AllRuns | undefined,
): Map<Plan, RunRows> {
  const found = new Map<Plan, RunRows>();
  for (const plan of plans) {
    // Gathered rows are put in the canonical order.
    const rows = all?.unordered(plan);
    if (rows) found.set(plan, rows);
  }
  const open = plans.filter((plan) => !found.has(plan));
  if (open.length === 0) return found;
  const batches: Batch[][] = open.map(() => []);
  const standing: number[][] = open.map(() => []);
  outsideArena(() => {
    runs.forEach((run, r) => {
      const known = all && ((plan: Plan) => all.at(plan, r));
      evaluator.runAll(open, run, undefined, known).forEach((batch, index) => {
        if (batch.rowCount === 0) return;
        batches[index]!.push(batch);
        standing[index]!.push(r);
      });
    });
  });
  open.forEach((plan, index) => {
    const rows = concatBatches(plan.columns, batches[index]!);
    const from = new Uint32Array(rows.rowCount);
    let at = 0;
    batches[index]!.forEach(({ rowCount }, k) => from.fill(standing[index]![k]!, at, (at += rowCount)));
    found.set(
      plan,
      new RunRows(
        rows,
        from,
        from.map((run) => run + 1),
      ),
    );
  });
  return found;
}
