/** How fast columns are generated, in memory: partition by partition, the rows thrown away as they come. */
import { factsOfPartition } from '../generators/worker.ts';
import { inArena } from '../src/base/arena.ts';
import { type Bench, compete } from './compete.ts';
import { benchScenario, partitionsFor } from './datasets.ts';
import { Workers } from './pool.ts';
import type { CaseResult } from './report.ts';
import { threadsText } from './text.ts';

/** A tenant of so many users over so many days, cut into partitions. */
export interface Size {
  readonly users: number;
  readonly days: number;
  readonly seed: number;
  readonly partitionCount: number;
}

export interface GenerateTask {
  readonly kind: 'generate';
  readonly size: Size;
  readonly partition: number;
}

/** Generates one partition and says how many events it has; called in a worker. */
export function countPartition({ size, partition }: GenerateTask): number {
  const scenario = benchScenario(size.users, size.days, size.seed);
  return inArena(() =>
    factsOfPartition(scenario, partition, size.partitionCount).reduce((sum, { rowCount }) => sum + rowCount, 0),
  );
}

/** Of the rows that were asked for, what generation is measured over: speed does not depend on it. */
const SHARE = 4;

/** The size over which generation is measured. */
export function generationSize({ rows, seed }: Bench): Size {
  return sizeOf(Math.ceil(rows / SHARE), seed);
}

/** Generates everything and gives the number of events. */
export async function generateAll(workers: Workers, size: Size): Promise<number> {
  let events = 0;
  await workers.each<number>(
    Array.from({ length: size.partitionCount }, (_, partition) => ({ kind: 'generate', size, partition }) as const),
    (count) => {
      events += count;
    },
  );
  return events;
}

/** Events of a user and day, roughly: what a tenant's size is worked out from. */
const EVENTS_PER_USER_DAY = 124;
const DAYS = 7;

/** A tenant that comes to about so many events. */
export function sizeOf(events: number, seed: number, days = DAYS): Size {
  return {
    users: Math.max(20, Math.round(events / EVENTS_PER_USER_DAY / days)),
    days,
    seed,
    partitionCount: partitionsFor(events),
  };
}

/** Case (c): columns in memory, nothing written. */
export async function generateCase(bench: Bench): Promise<CaseResult> {
  const size = generationSize(bench);
  const workers = new Workers(bench.threads);
  try {
    const events = await generateAll(workers, size);
    return await compete(bench, {
      case: 'c',
      work: { events, ...size },
      competitors: [{ name: `tocsin, ${threadsText(bench.threads)}`, run: () => generateAll(workers, size), events }],
      versions: {},
    });
  } finally {
    await workers.close();
  }
}
