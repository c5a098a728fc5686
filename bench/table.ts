/** A bench as text for a terminal. */
import { fit, formatCount, formatMagnitude } from '../src/report/format.ts';
import { type BenchReport, CASES, type CaseResult } from './report.ts';
import { bytesText, secondsText } from './text.ts';

/** One case, laid out in columns. */
export function caseTable(result: CaseResult): string {
  const { entries, work, notes } = result;
  const width = Math.max(...entries.map(({ name }) => name.length));
  return [
    caseTitle(result),
    `  ${workText(work)}`,
    ...entries.map(({ name, timing, eventsPerSecond, peakBytes }) =>
      [
        `  ${fit(name, width)}`,
        secondsText(timing.median).padStart(9),
        `  ${secondsText(timing.least)} to ${secondsText(timing.most)}`.padEnd(24),
        eventsPerSecond === undefined ? '' : `${formatMagnitude(eventsPerSecond)} events/s`.padStart(14),
        peakBytes === undefined ? '' : `peak ${bytesText(peakBytes)}`.padStart(18),
      ]
        .join('')
        .trimEnd(),
    ),
    ...digestLine(result),
    ...notes.map((note) => `  ${note}`),
  ].join('\n');
}

export function caseTitle({ case: letter, part }: CaseResult): string {
  return `(${letter}) ${CASES[letter]}${part === undefined ? '' : `: ${part}`}`;
}

/** `169 runs, 12,500 users`. */
export function workText(work: CaseResult['work']): string {
  return Object.entries(work)
    .map(([name, count]) => `${name} ${formatCount(count)}`)
    .join(', ');
}

function digestLine({ entries }: CaseResult): string[] {
  const digests = entries.flatMap(({ digest }) => digest ?? []);
  return digests.length < 2 ? [] : [`  equal results in ${digests.length} of ${entries.length}: ${digests[0]}`];
}

export function figuresTable({ figures }: BenchReport): string {
  const measured = figures.filter((figure) => figure.measured !== null);
  if (measured.length === 0) return '';
  const width = Math.max(...measured.map(({ what }) => what.length));
  return measured
    .map(({ what, measured: value, atLeast, verdict, shortBy }) =>
      `${fit(what, width)}  ${value!.padStart(16)}  at least ${atLeast.padEnd(14)}  ${verdict}${shortBy === null ? '' : ` by ${shortBy}`}`.trimEnd(),
    )
    .join('\n');
}
