/**
 * `--memory`: how many threads may work so that it is kept, by estimate; and a watch over what the process really takes,
 * which ends the work with a message before the system ends it with none. Results never depend on it: partitions are
 * sized by their rows alone.
 */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError } from 'commander';
import { TocsinError } from '../base/errors.ts';
import type { Manifest } from '../dataset/manifest.ts';

export interface MemoryFlags {
  /** Bytes. */
  readonly memory?: number;
  readonly threads?: number;
}

const MIB = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  kib: 2 ** 10,
  mib: MIB,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  k: 2 ** 10,
  m: MIB,
  g: 2 ** 30,
};

/** `2GiB`, `512 MiB`, `1.5g` as bytes. */
export function byteCount(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match && UNITS[match[2]!.toLowerCase()];
  const bytes = match && unit ? Math.floor(Number(match[1]) * unit) : 0;
  if (bytes >= MIB) return bytes;
  throw new InvalidArgumentError('Expected at least 1 MiB, such as 512MiB or 2GiB.');
}

/** Bytes in words. */
function shown(bytes: number): string {
  return bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(2))} GiB` : `${Math.ceil(bytes / MIB)} MiB`;
}

/** What the process takes before any thread works: Node, and the parser where a rule is compiled. */
const BASE_BYTES = 150 * MIB;
/** A thread that does nothing yet. */
const THREAD_BYTES = 40 * MIB;
/** A thread that makes a partition of a scenario, or reads a part of a log, besides what it keeps. */
const GENERATING_BYTES = 110 * MIB;
const IMPORTING_BYTES = 60 * MIB;
/** Columns of a partition and what a rule makes of them, over the bytes of its files. */
const OVER_FILES = 4;

/** What a thread takes that replays over a dataset. */
export function replayingBytes({ tables }: Pick<Manifest, 'tables'>): number {
  const partitions = new Map<number, number>();
  for (const { partition, sizeBytes } of tables.flatMap(({ files }) => files)) {
    partitions.set(partition, (partitions.get(partition) ?? 0) + sizeBytes);
  }
  return OVER_FILES * Math.max(0, ...partitions.values());
}

/**
 * How many threads may work; the flag's number where no limit is set.
 *
 * @param bytes - what each takes besides itself: of the work by name, or as {@link replayingBytes} says.
 * @throws TocsinError USAGE where not even one fits.
 */
export function threadsWithin(
  { memory, threads }: MemoryFlags,
  bytes: 'generating' | 'importing' | number,
): number | undefined {
  if (memory === undefined) return threads;
  const wanted = threads ?? availableParallelism();
  const each = bytes === 'generating' ? GENERATING_BYTES : bytes === 'importing' ? IMPORTING_BYTES : bytes;
  const needed = BASE_BYTES + each + (wanted === 0 ? 0 : THREAD_BYTES);
  if (needed > memory) {
    throw new TocsinError('USAGE', {
      message: `--memory ${shown(memory)} cannot be kept: one thread needs about ${shown(needed)}`,
      hint: `allow ${shown(needed)} or more`,
    });
  }
  return wanted === 0 ? 0 : Math.min(wanted, Math.floor((memory - BASE_BYTES) / (each + THREAD_BYTES)));
}

const WATCH_MS = 100;

/**
 * Does work that ends where the process takes more memory than it may.
 *
 * @param work - ends soon after its signal aborts.
 * @param remedy - what the user can change besides the limit.
 * @throws TocsinError USAGE where it took more.
 */
export async function withinMemory<T>(
  memory: number | undefined,
  signal: AbortSignal,
  remedy: string,
  work: (signal: AbortSignal) => Promise<T>,
  taken: () => number = () => process.memoryUsage.rss(),
): Promise<T> {
  if (memory === undefined) return await work(signal);
  const stop = new AbortController();
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, taken());
    if (most > memory) stop.abort();
  }, WATCH_MS);
  try {
    return await work(AbortSignal.any([signal, stop.signal]));
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
    throw new TocsinError(
      'USAGE',
      {
        message: `--memory ${shown(memory)} was not enough: ${shown(most)} were taken, and the work was stopped`,
        hint: `${remedy}, or allow more`,
      },
      { cause: error },
    );
  } finally {
    clearInterval(watch);
  }
}
