/** From a scenario to a dataset folder. */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { fromPlainError, TocsinError } from '../src/base/errors.ts';
import { WORKER_EXEC_ARGV, waitableByAll } from '../src/base/worker-threads.ts';
import type { Manifest } from '../src/dataset/manifest.ts';
import type { TruthIncident } from '../src/dataset/truth.ts';
import { createDatasetFolder, type WrittenFile } from '../src/dataset/write.ts';
import { AUDIT, INTERACTIVE, PARTITION, SILENT } from './assumptions.ts';
import { checkOverrides, loadScenario, type Scenario, type ScenarioOverrides, spanOf } from './scenario.ts';
import { measureIncidents } from './yardsticks.ts';
import runTask, { type PartitionReply, type PartitionTask, prepare } from './worker.ts';

export { loadScenario, type Scenario, type ScenarioOverrides } from './scenario.ts';

export interface GenerateOptions extends ScenarioOverrides {
  /** The folder to write. */
  readonly out: string;
  /** Worker threads; 0 runs in this thread. The rows are the same for any number. @defaultValue the number of cores */
  readonly threads?: number | undefined;
  /** Replace a dataset that is already at `out`. @defaultValue false */
  readonly force?: boolean | undefined;
  /** Go on with what a killed generation of the same left beside `out`, where there is any. @defaultValue false */
  readonly resume?: boolean | undefined;
  /** @defaultValue so many that a partition holds some 250,000 rows, at least 4 */
  readonly partitionCount?: number | undefined;
  /** Called on this thread after each partition. */
  readonly onProgress?:
    | ((progress: { readonly done: number; readonly total: number; readonly rows: number }) => void)
    | undefined;
  /** Stops the work and removes what was written. */
  readonly signal?: AbortSignal | undefined;
}

/** The manifest of a dataset that was generated, and where it is. */
export interface GeneratedDataset extends Manifest {
  /** The dataset's folder, as given. */
  readonly path: string;
}

/** Rows that a scenario comes to, roughly. */
function expectedRows({ tenant, days }: Scenario): number {
  return tenant.users * days * (SILENT.dailyMedian * 1.15 + INTERACTIVE.dailyMedian + AUDIT.dailyPerUser);
}

/** How many partitions a scenario's dataset has: a function of its size alone, never of the machine. */
export function partitionCountOf(scenario: Scenario): number {
  return Math.min(PARTITION.maximum, Math.max(PARTITION.minimum, Math.ceil(expectedRows(scenario) / PARTITION.rows)));
}

/**
 * Makes the dataset of a scenario. The same scenario, seed and partition count give the same bytes, with any number of
 * threads; an account's rows do not depend on the number of partitions either.
 *
 * @param scenario - a shipped scenario's name, a path to a scenario file, or a loaded scenario.
 * @throws TocsinError SCENARIO, USAGE, OUTPUT, INTERRUPTED.
 */
export async function generate(scenario: string | Scenario, options: GenerateOptions): Promise<GeneratedDataset> {
  const { users, days, seed } = options;
  const loaded =
    typeof scenario === 'string'
      ? loadScenario(scenario, { users, days, seed })
      : override(scenario, { users, days, seed });
  const partitionCount = options.partitionCount ?? partitionCountOf(loaded);
  if (!Number.isInteger(partitionCount) || partitionCount < 1 || partitionCount > PARTITION.maximum) {
    throw new TocsinError(
      'USAGE',
      `partitionCount is ${partitionCount}, expected a whole number from 1 to ${PARTITION.maximum}`,
    );
  }
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 0 || threads > 1024) {
    throw new TocsinError('USAGE', `threads is ${threads}, expected a whole number from 0 to 1024`);
  }

  const folder = await createDatasetFolder(options.out, {
    force: options.force ?? false,
    identity: { version: packageVersion(), ...loaded, partitionCount },
    resume: options.resume ?? false,
  });
  try {
    const files: WrittenFile[] = [];
    let done = 0;
    let rows = 0;
    const finish = (written: readonly WrittenFile[]): void => {
      files.push(...written);
      done++;
      for (const file of written) rows += file.rowCount;
      options.onProgress?.({ done, total: partitionCount, rows });
    };
    const take = (reply: PartitionReply): void => {
      if (!reply.ok) throw fromPlainError(reply.error);
      folder.note(reply.partition, reply.files);
      finish(reply.files);
    };
    for (const written of folder.finished.values()) finish(written);
    const tasks: PartitionTask[] = [];
    for (let partition = 0; partition < partitionCount; partition++) {
      if (!folder.finished.has(partition)) {
        tasks.push({ scenario: loaded, folder: folder.path, partition, partitionCount });
      }
    }
    const generated =
      threads === 0
        ? runInline(tasks, take, options.signal)
        : runPool(tasks, Math.min(threads, Math.max(1, tasks.length)), take, options.signal);
    // While the pool's threads start, this one has nothing else to do.
    const [incidents] = await Promise.all([afterTurn(() => incidentsOf(loaded)), generated]);

    const manifest = await folder.commit({
      origin: {
        kind: 'scenario',
        scenario: loaded.name,
        seed: loaded.seed,
        users: loaded.tenant.users,
        days: loaded.days,
      },
      start: new Date(loaded.startMs).toISOString(),
      end: new Date(loaded.startMs + spanOf(loaded).durationMs).toISOString(),
      partitionCount,
      files,
      incidents,
      ...(loaded.timeToCloseMs !== undefined && { analysts: { timeToCloseMs: loaded.timeToCloseMs } }),
    });
    return { ...manifest, path: options.out };
  } catch (error) {
    await folder.abort();
    throw error;
  }
}

/** What the truth says was planted. */
function incidentsOf(scenario: Scenario): TruthIncident[] {
  const { tenant, span, plan } = prepare(scenario);
  return measureIncidents(tenant, span, plan);
}

async function afterTurn<T>(make: () => T): Promise<T> {
  await new Promise((resolve) => setImmediate(resolve));
  return make();
}

function override(scenario: Scenario, { users, days, seed }: ScenarioOverrides): Scenario {
  checkOverrides({ users, days, seed });
  return {
    ...scenario,
    tenant: { ...scenario.tenant, users: users ?? scenario.tenant.users },
    days: days ?? scenario.days,
    seed: seed ?? scenario.seed,
  };
}

function packageVersion(): string {
  return (createRequire(import.meta.url)('tocsin/package.json') as { version: string }).version;
}

function interrupted(): TocsinError {
  return new TocsinError('INTERRUPTED', 'interrupted; nothing was written');
}

async function runInline(
  tasks: readonly PartitionTask[],
  take: (reply: PartitionReply) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const task of tasks) {
    if (signal?.aborted) throw interrupted();
    take(runTask(task));
    // Lets timers and signals in between partitions.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function runPool(
  tasks: readonly PartitionTask[],
  threads: number,
  take: (reply: PartitionReply) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const pool = new Piscina({
    filename: fileURLToPath(import.meta.resolve('#generator-worker')),
    minThreads: threads,
    maxThreads: threads,
    execArgv: [...WORKER_EXEC_ARGV],
    // What a partition makes dies with it; room for all of it spares most collections.
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  });
  try {
    await Promise.all(
      tasks.map(async (task) => {
        if (signal?.aborted) throw interrupted();
        take((await pool.run(task, waitableByAll(signal))) as PartitionReply);
      }),
    );
  } catch (error) {
    throw signal?.aborted ? interrupted() : error;
  } finally {
    await pool.destroy();
  }
}
