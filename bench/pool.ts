/** Threads for what cases do partition by partition. Without threads the work happens here, where it is tested. */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { fromPlainError } from '../src/base/errors.ts';
import { WORKER_EXEC_ARGV } from '../src/base/worker-threads.ts';
import runTask, { type BenchReply, type BenchTask } from './worker.ts';

/** Is told what is going on. */
export type Progress = (done: number, total: number) => void;

/** Workers that outlive one repetition, so that none pays for their start. */
export class Workers {
  readonly #pool: Piscina<BenchTask, BenchReply> | undefined;
  readonly threads: number;

  /** @param threads - 0 works in the calling thread. */
  constructor(threads: number) {
    this.threads = threads;
    if (threads > 0) {
      this.#pool = new Piscina({
        filename: fileURLToPath(import.meta.resolve('#bench-worker')),
        minThreads: threads,
        maxThreads: threads,
        execArgv: [...WORKER_EXEC_ARGV],
        // As the pools of generation and replay have it.
        resourceLimits: { maxYoungGenerationSizeMb: 64 },
        concurrentTasksPerWorker: 1,
      });
    }
  }

  /**
   * Runs every task, so many at a time as there are threads.
   *
   * @param take - is given each answer as it comes; nothing else keeps it.
   */
  async each<Answer>(tasks: Iterable<BenchTask>, take: (answer: Answer, index: number) => void): Promise<void> {
    const waiting = tasks[Symbol.iterator]();
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let item = waiting.next(); !item.done; item = waiting.next()) {
        const index = next++;
        const reply = this.#pool ? await this.#pool.run(item.value) : await runTask(item.value);
        if (!reply.ok) throw fromPlainError(reply.error);
        take(reply.answer as Answer, index);
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, this.threads) }, lane));
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}

/** Runs tasks on threads of their own; answers stand in the order of the tasks. */
export async function runTasks<Answer>(
  tasks: readonly BenchTask[],
  threads: number,
  progress: Progress,
): Promise<Answer[]> {
  const workers = new Workers(Math.min(threads, tasks.length));
  try {
    const answers: Answer[] = [];
    let done = 0;
    await workers.each<Answer>(tasks, (answer, index) => {
      answers[index] = answer;
      progress(++done, tasks.length);
    });
    return answers;
  } finally {
    await workers.close();
  }
}
