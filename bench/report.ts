/** What a bench gives: the shape of `--json` (schema `tocsin.bench/1`, docs/benchmarks.md) and of the file beside the page. */
import type { Environment, Timing } from './measure.ts';

/** The cases, by the letter that `--cases` takes. */
export const CASES = {
  a: 'the shipped rule against other engines',
  b: 'NDJSON to scored alerts',
  c: 'generate',
  d: 'five general rules',
  e: 'threads',
  f: 'millions to billions of events, in memory',
  g: 'the memory floor',
  h: 'start',
} as const;

export type CaseLetter = keyof typeof CASES;

/** One line of a case: somebody did something in so many seconds. */
export interface Entry {
  readonly name: string;
  readonly timing: Timing;
  /** Events a second, where that is what counts. */
  readonly eventsPerSecond?: number;
  /** The most memory that its process held, where it had one of its own. */
  readonly peakBytes?: number;
  /** Of the rows that it gave; equal in all entries of a case. */
  readonly digest?: string;
}

export interface CaseResult {
  readonly case: CaseLetter;
  /** What tells entries of a case with several parts apart: the rule of (d), the size of (f). */
  readonly part?: string;
  /** Counts that say how much there was to do: rows, users, days, runs, result rows, bytes. */
  readonly work: Readonly<Record<string, number>>;
  readonly entries: readonly Entry[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
  readonly environment: Environment;
  /** When it was measured, ISO 8601 to the minute. */
  readonly measuredAt: string;
}

/** A row of the table of figures to reach. */
export interface Figure {
  readonly what: string;
  /** In words, such as `27 x`; null where it was not measured. */
  readonly measured: string | null;
  readonly atLeast: string;
  readonly aim: string | null;
  readonly verdict: 'aim reached' | 'met' | 'short' | 'not measured';
  /** What is missing to `atLeast`, as a factor in words; null unless short. */
  readonly shortBy: string | null;
}

export interface BenchReport {
  readonly schema: 'tocsin.bench/1';
  readonly cases: readonly CaseResult[];
  readonly figures: readonly Figure[];
}
