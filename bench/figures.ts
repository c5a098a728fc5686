/** The figures to reach, and what the cases say about each. */
import type { CaseLetter, CaseResult, Entry, Figure } from './report.ts';
import { bytesText, factorText, secondsText, significant, sizePart } from './text.ts';

/** What a figure is measured as, and which way is better. */
interface Goal {
  readonly what: string;
  /** In words; numbers below are in the unit that `measure` gives. */
  readonly atLeast: string;
  readonly aim: string | null;
  readonly least: number;
  readonly best: number | null;
  /** Whether less is better. */
  readonly falling: boolean;
  readonly text: (value: number) => string;
  readonly measure: (cases: readonly CaseResult[]) => number | undefined;
}

const GENERAL_RULES = [
  'failures by address',
  'first seen address',
  'failure then success',
  'changes of a target',
  'scripted agent',
];

const START = [
  ['tocsin --help', 0.2, 0.1],
  ['tocsin replay, a tiny dataset, first', 3, 1],
] as const;

const GOALS: readonly Goal[] = [
  ...[
    ['texts', 'over DuckDB with one query a run, on texts'],
    ['codes', 'over DuckDB with one query a run, on codes'],
  ].map(
    ([values, over]): Goal => ({
      what: `shipped rule, all runs, disk-cached files to rows, ${over}`,
      atLeast: '25 x faster',
      aim: '100 x',
      least: 25,
      best: 100,
      falling: false,
      text: factorText,
      measure: (cases) =>
        ratio(cases, 'a', (name) => name.startsWith('DuckDB') && name.endsWith(`a query a run: ${values}`), isOurs),
    }),
  ),
  {
    what: 'the same, over the fastest single statement in DuckDB, on codes',
    atLeast: '10 x faster',
    aim: '50 x',
    least: 10,
    best: 50,
    falling: false,
    text: factorText,
    measure: (cases) =>
      ratio(cases, 'a', (name) => name.startsWith('DuckDB') && name.includes('one statement'), isOurs),
  },
  {
    what: 'replay time over the memory floor',
    atLeast: 'within 6 x',
    aim: 'within 2 x',
    least: 6,
    best: 2,
    falling: true,
    text: factorText,
    measure: (cases) => ratio(cases, 'g', isOurs, (name) => name.endsWith('in memory')),
  },
  {
    what: 'NDJSON to scored alerts, over DuckDB reading it into tables, then one query a run',
    atLeast: '1.5 x faster',
    aim: '3 x',
    least: 1.5,
    best: 3,
    falling: false,
    text: factorText,
    measure: (cases) => ratio(cases, 'b', (name) => name.includes('a query a run'), isOurs),
  },
  ...GENERAL_RULES.map(
    (part): Goal => ({
      what: `general rule "${part}", over DuckDB with one query a run`,
      atLeast: 'not slower',
      aim: '3 x',
      least: 1,
      best: 3,
      falling: false,
      text: factorText,
      measure: (cases) => ratio(cases, 'd', (name) => name.startsWith('DuckDB'), isOurs, part),
    }),
  ),
  {
    what: 'generate, columnar',
    atLeast: '10 M events/s',
    aim: '30 M',
    least: 10e6,
    best: 30e6,
    falling: false,
    text: eventsText,
    measure: (cases) =>
      cases.find((each) => each.case === 'c')?.entries.find(({ name }) => isOurs(name))?.eventsPerSecond,
  },
  ...['replay', 'generate'].map(
    (part): Goal => ({
      what: `two threads against one, ${part}`,
      atLeast: '1.7 x',
      aim: '1.95 x',
      least: 1.7,
      best: 1.95,
      falling: false,
      text: factorText,
      measure: (cases) =>
        ratio(
          cases,
          'e',
          (name) => name === '1 thread',
          (name) => name === '2 threads',
          part,
        ),
    }),
  ),
  {
    what: 'ten times the events, in memory: time',
    atLeast: 'at most 11 x',
    aim: null,
    least: 11,
    best: null,
    falling: true,
    text: factorText,
    measure: (cases) => tenfold(cases, ({ timing }) => timing.median),
  },
  {
    what: 'ten times the events, in memory: peak memory',
    atLeast: 'at most 1.3 x',
    aim: null,
    least: 1.3,
    best: null,
    falling: true,
    text: factorText,
    measure: (cases) => tenfold(cases, ({ peakBytes }) => peakBytes!),
  },
  {
    what: '1.65 billion events generated, replayed and scored: peak memory',
    atLeast: 'under 3 GiB',
    aim: 'under 1 GiB',
    least: 3 * 2 ** 30,
    best: 2 ** 30,
    falling: true,
    text: bytesText,
    measure: (cases) => inMemory(cases, LANL_EVENTS)?.peakBytes,
  },
  {
    what: '1.65 billion events generated, replayed and scored: speed',
    atLeast: 'finishes',
    aim: '25 M events/s',
    least: 0,
    best: 25e6,
    falling: false,
    text: eventsText,
    measure: (cases) => inMemory(cases, LANL_EVENTS)?.eventsPerSecond,
  },
  ...START.map(
    ([name, least, best]): Goal => ({
      what: `start: ${name}`,
      atLeast: `within ${least} s`,
      aim: `within ${best} s`,
      least,
      best,
      falling: true,
      text: secondsText,
      measure: (cases) =>
        cases.find((each) => each.case === 'h')?.entries.find((entry) => entry.name === name)?.timing.median,
    }),
  ),
];

/** Of the largest published sign-in data set, LANL's. */
const LANL_EVENTS = 1_650_000_000;

function eventsText(perSecond: number): string {
  return `${significant(perSecond / 1e6)} M events/s`;
}

/** The run in memory of so many events. */
function inMemory(cases: readonly CaseResult[], events: number): Entry | undefined {
  return cases.find((each) => each.case === 'f' && each.part === sizePart(events))?.entries[0];
}

/** The worst growth over the sizes of which one is ten times the other. */
function tenfold(cases: readonly CaseResult[], of: (entry: Entry) => number): number | undefined {
  const ratios = [1e6, 1e7, 1e8].flatMap((events) => {
    const [small, large] = [inMemory(cases, events), inMemory(cases, events * 10)];
    return small && large ? [of(large) / of(small)] : [];
  });
  return ratios.length === 0 ? undefined : Math.max(...ratios);
}

function isOurs(name: string): boolean {
  return name.startsWith('tocsin');
}

/** Fastest of the first over fastest of the second, by their medians. */
function ratio(
  cases: readonly CaseResult[],
  letter: CaseLetter,
  over: (name: string) => boolean,
  under: (name: string) => boolean,
  part?: string,
): number | undefined {
  const entries = cases.find((each) => each.case === letter && each.part === part)?.entries ?? [];
  const [dividend, divisor] = [fastest(entries, over), fastest(entries, under)];
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor;
}

function fastest(entries: readonly Entry[], which: (name: string) => boolean): number | undefined {
  const medians = entries.filter(({ name }) => which(name)).map(({ timing }) => timing.median);
  return medians.length === 0 ? undefined : Math.min(...medians);
}

/** Every figure to reach, measured or not. */
export function figuresOf(cases: readonly CaseResult[]): Figure[] {
  return GOALS.map(({ what, atLeast, aim, least, best, falling, text, measure }) => {
    const value = measure(cases);
    if (value === undefined) return { what, measured: null, atLeast, aim, verdict: 'not measured', shortBy: null };
    const reaches = (goal: number): boolean => (falling ? value <= goal : value >= goal);
    const verdict = best !== null && reaches(best) ? 'aim reached' : reaches(least) ? 'met' : 'short';
    const missing = falling ? value / least : least / value;
    return {
      what,
      measured: text(value),
      atLeast,
      aim,
      verdict,
      shortBy: verdict === 'short' ? factorText(missing) : null,
    };
  });
}
