/** What cases share: how a bench was asked for, and contestants that must agree before a figure of theirs counts. */
import { TocsinError } from '../src/base/errors.ts';
import { type Contestant, environment, takeTurns } from './measure.ts';
import type { Progress } from './pool.ts';
import type { CaseLetter, CaseResult, Entry } from './report.ts';

/** How a bench was asked for, and where its cases tell what they are at. */
export interface Bench {
  readonly cases: ReadonlySet<CaseLetter>;
  /** Sign-ins of the datasets on disk. */
  readonly rows: number;
  /** Events of the runs in memory, smallest first. */
  readonly events: readonly number[];
  readonly seed: number;
  /** Threads of everything that is compared. */
  readonly threads: number;
  readonly repetitions: number;
  readonly warmups: number;
  /** Where datasets go. */
  readonly folder: string;
  readonly signal: AbortSignal;
  note(text: string): void;
  progress(what: string): Progress;
}

export interface Competitor extends Contestant {
  /** Of the rows that the last `run` gave; not timed. */
  readonly digest?: () => string | Promise<string>;
  /** Events that a `run` goes through, where events a second are what counts. */
  readonly events?: number;
}

export interface Contest extends Pick<CaseResult, 'case' | 'work'> {
  readonly part?: string;
  readonly competitors: readonly Competitor[];
  readonly versions: Readonly<Record<string, string>>;
  readonly notes?: readonly string[];
}

/**
 * Times competitors, and compares the digests of what they gave.
 *
 * @throws {@link TocsinError} `INTERNAL` where two of them differ.
 */
export async function compete(bench: Bench, contest: Contest): Promise<CaseResult> {
  const { competitors, notes = [] } = contest;
  const title = [contest.case, contest.part].filter(Boolean).join(' ');
  bench.note(`(${title}) ${competitors.map(({ name }) => name).join('; ')}`);
  const timings = await takeTurns(competitors, bench);
  const entries: Entry[] = [];
  for (const { name, digest, events } of competitors) {
    const timing = timings[name]!;
    entries.push({
      name,
      timing,
      ...(events !== undefined && { eventsPerSecond: events / timing.median }),
      ...(digest && { digest: await digest() }),
    });
  }
  checkDigests(title, entries);
  return caseResult(contest, entries, notes);
}

/** @throws {@link TocsinError} `INTERNAL` where two entries gave different rows. */
export function checkDigests(title: string, entries: readonly Entry[]): void {
  const [first, ...rest] = entries.filter(({ digest }) => digest !== undefined);
  const other = rest.find(({ digest }) => digest !== first!.digest);
  if (!other) return;
  throw new TocsinError(
    'INTERNAL',
    `(${title}) results differ: ${first!.name} gave ${first!.digest}, but ${other.name} gave ${other.digest}`,
  );
}

export function caseResult(
  { case: letter, part, work, versions }: Omit<Contest, 'competitors'>,
  entries: readonly Entry[],
  notes: readonly string[],
): CaseResult {
  return {
    case: letter,
    ...(part !== undefined && { part }),
    work,
    entries,
    notes,
    environment: environment(versions),
    measuredAt: `${new Date().toISOString().slice(0, 16)}Z`,
  };
}
