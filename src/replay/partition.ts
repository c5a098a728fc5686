/**
 * The part of a replay that happens inside one partition: the plans below the gathers, for every run of a range. It is the
 * same function inline and in a worker thread; what goes in and what comes out is plain data and batches.
 */
import type { Batch } from '../columns/batch.ts';
import { prepare } from '../engine/execute.ts';
import type { Run, TableSource } from '../engine/run.ts';
import { concatBatches } from '../engine/tables.ts';
import { type Plan, visitPlan } from '../plan/plan.ts';

/** The plan below one gather. */
export interface Part {
  readonly id: number;
  /** `run`: evaluated in each run. `once`: evaluated over all time, and cut to each run's window after the gather. */
  readonly scope: 'run' | 'once';
  readonly plan: Plan;
}

/** What is to be done in one partition. Plain data. */
export interface PartitionTask {
  readonly partition: number;
  readonly parts: readonly Part[];
  readonly runs: readonly Run[];
}

/** The rows of one part, run after run: those of run r are [ends[r - 1], ends[r]). A part with scope `once` has one run. */
export interface PartRows<Rows> {
  readonly rows: Rows;
  readonly ends: Uint32Array;
  /** How many rows came out of each node of the part's plan over all runs, in the order of `planNodes`. */
  readonly counts: Float64Array;
}

/** The nodes of a plan in an order that structured cloning keeps, each once. */
export function planNodes(root: Plan): Plan[] {
  const nodes: Plan[] = [];
  visitPlan(root, (node) => nodes.push(node));
  return nodes;
}

/** Counts rows out of the nodes of one plan. */
export class RowCounts {
  readonly counts: Float64Array;
  readonly #indexOf: ReadonlyMap<Plan, number>;

  constructor(root: Plan) {
    const nodes = planNodes(root);
    this.counts = new Float64Array(nodes.length);
    this.#indexOf = new Map(nodes.map((node, index) => [node, index]));
  }

  readonly observe = (node: Plan, rowCount: number): void => {
    const index = this.#indexOf.get(node);
    if (index !== undefined) this.counts[index]! += rowCount;
  };
}

/** A run that sees all rows of all time. */
export const ALL_TIME: Run = { now: 0n, window: undefined };

/** Evaluates the task's parts over the partition's rows, in the order of `task.parts`. */
export function evaluatePartition(source: TableSource, task: PartitionTask): PartRows<Batch>[] {
  return task.parts.map(({ plan, scope }) => {
    const rowCounts = new RowCounts(plan);
    const evaluator = prepare(plan, source, { observe: rowCounts.observe });
    const runs = scope === 'once' ? [ALL_TIME] : task.runs;
    const ends = new Uint32Array(runs.length);
    const batches: Batch[] = [];
    let rowCount = 0;
    for (let run = 0; run < runs.length; run++) {
      const batch = evaluator.run(runs[run]!);
      rowCount += batch.rowCount;
      ends[run] = rowCount;
      if (batch.rowCount > 0) batches.push(batch);
    }
    return { rows: concatBatches(plan.columns, batches), ends, counts: rowCounts.counts };
  });
}
