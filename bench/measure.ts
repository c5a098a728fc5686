/**
 * Timing. Contestants take turns, repetition by repetition, so that whatever slows the machine down slows all of them; a
 * figure is a median with the least and the most beside it, and a ratio is one of medians of the same turns.
 */
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';

/** Seconds of several repetitions. */
export interface Timing {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /** Each repetition, in the order in which they were made. */
  readonly samples: readonly number[];
}

/** One of those that take turns. */
export interface Contestant {
  readonly name: string;
  /** What is timed. */
  run(): unknown;
  /** Done before each turn, and not timed. */
  before?(): unknown;
}

export interface Turns {
  /** Timed repetitions. */
  readonly repetitions: number;
  /** Repetitions before, which are not. */
  readonly warmups: number;
}

/**
 * Times contestants turn by turn. The order within a turn is the other way round in every second one.
 *
 * @returns seconds of each, by name.
 */
export async function takeTurns(
  contestants: readonly Contestant[],
  { repetitions, warmups }: Turns,
): Promise<Record<string, Timing>> {
  const seconds = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let turn = -warmups; turn < repetitions; turn++) {
    const order = turn % 2 === 0 ? contestants : contestants.toReversed();
    for (const contestant of order) {
      await contestant.before?.();
      const started = performance.now();
      await contestant.run();
      const taken = (performance.now() - started) / 1000;
      if (turn >= 0) seconds.get(contestant.name)!.push(taken);
    }
  }
  return Object.fromEntries(Array.from(seconds, ([name, samples]) => [name, timingOf(samples)]));
}

/** @param samples - at least one. */
export function timingOf(samples: readonly number[]): Timing {
  const ascending = samples.toSorted((a, b) => a - b);
  return {
    median: medianOf(ascending),
    least: ascending[0]!,
    most: ascending.at(-1)!,
    samples,
  };
}

/** @param ascending - at least one number, in order. */
function medianOf(ascending: readonly number[]): number {
  const middle = ascending.length >> 1;
  return ascending.length % 2 === 1 ? ascending[middle]! : (ascending[middle - 1]! + ascending[middle]!) / 2;
}

/** What figures depend on besides the code. */
export interface Environment {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of what was compared, by name. */
  readonly versions: Readonly<Record<string, string>>;
}

export function environment(versions: Readonly<Record<string, string>>): Environment {
  return {
    node: process.version,
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    versions,
  };
}
