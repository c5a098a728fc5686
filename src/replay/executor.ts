/**
 * Who evaluates partitions: this thread, or a pool of workers. Both take the same tasks and give the same rows; results
 * come in any order and are put in place by task, so the number of threads never shows.
 */
import { serialize } from 'node:v8';
import { Piscina } from 'piscina';
import { fromPlainError, type PlainError, TocsinError } from '../base/errors.ts';
import { WORKER_EXEC_ARGV, waitableByAll } from '../base/worker-threads.ts';
import type { Batch } from '../columns/batch.ts';
import type { TableSource } from '../engine/run.ts';
import { type PlainBatch, unpackBatch } from '../engine/transfer.ts';
import { evaluatePartition, type PartitionRows, type PartitionTask, type PartitionWork } from './partition.ts';

export interface Executor {
  /** How many tasks run at one time. */
  readonly concurrency: number;
  /** How many tasks it wants to have at one time, so that none of its threads waits for the next. */
  readonly wanted: number;
  /** @throws {@link TocsinError} what the task failed with; `INTERRUPTED` where the signal aborts. */
  run(task: PartitionTask, signal: AbortSignal | undefined): Promise<PartitionRows<Batch>>;
  close(): Promise<void>;
}

/** Evaluates in the calling thread, and lets other work in between tasks. */
export class InlineExecutor implements Executor {
  readonly concurrency = 1;
  readonly wanted = 1;
  readonly #open: (partition: number) => TableSource;

  constructor(open: (partition: number) => TableSource) {
    this.#open = open;
  }

  async run(task: PartitionTask, signal: AbortSignal | undefined): Promise<PartitionRows<Batch>> {
    // Timers and signals would starve otherwise: an abort is seen between tasks.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
    return evaluatePartition(this.#open(task.partition), task.work);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A task as a worker gets it. What tasks have in common crosses once a worker: the worker knows it again by its number. */
export interface WorkerTask {
  /** The folder of the dataset. */
  readonly dataset: string;
  readonly partition: number;
  readonly work: SharedWork;
}

export interface SharedWork {
  readonly number: number;
  /** A {@link PartitionWork} as `v8.serialize` writes it. */
  readonly bytes: SharedArrayBuffer;
}

const shared = new WeakMap<PartitionWork, SharedWork>();
let lastNumber = 0;

function share(work: PartitionWork): SharedWork {
  let known = shared.get(work);
  if (!known) {
    const serialized = serialize(work);
    const bytes = new SharedArrayBuffer(serialized.length);
    new Uint8Array(bytes).set(serialized);
    shared.set(work, (known = { number: ++lastNumber, bytes }));
  }
  return known;
}

/** What a worker answers. Errors lose their class between threads, so they travel as data. */
export type WorkerAnswer =
  | { readonly ok: true; readonly result: PartitionRows<PlainBatch> }
  | { readonly ok: false; readonly error: PlainError };

/** One that is worked on, and the one after it, which lies there when the first is done. */
const TASKS_PER_THREAD = 2;

/** Evaluates on worker threads, which open the dataset by its path. */
export class PoolExecutor implements Executor {
  readonly concurrency: number;
  readonly wanted: number;
  readonly #dataset: string;
  readonly #pool: Piscina<WorkerTask, WorkerAnswer>;

  constructor(dataset: string, threads: number) {
    this.concurrency = threads;
    this.wanted = threads * TASKS_PER_THREAD;
    this.#dataset = dataset;
    this.#pool = new Piscina({
      filename: import.meta.resolve('#replay-worker'),
      minThreads: threads,
      maxThreads: threads,
      execArgv: [...WORKER_EXEC_ARGV],
      // What a partition makes dies with it; room for all of it spares most collections.
      resourceLimits: { maxYoungGenerationSizeMb: 128 },
      concurrentTasksPerWorker: TASKS_PER_THREAD,
    });
  }

  async run({ partition, work }: PartitionTask, signal: AbortSignal | undefined): Promise<PartitionRows<Batch>> {
    let answer: WorkerAnswer;
    try {
      const task: WorkerTask = { dataset: this.#dataset, partition, work: share(work) };
      answer = await this.#pool.run(task, waitableByAll(signal));
    } catch (error) {
      if (signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted', { cause: error });
      throw error;
    }
    if (!answer.ok) throw fromPlainError(answer.error);
    const { parts, counts } = answer.result;
    return { parts: parts.map((part) => ({ ...part, rows: unpackBatch(part.rows) })), counts };
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}
