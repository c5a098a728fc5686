/** Explanations as a person reads them: the rule's line with a caret, the reason, the values. */
import { formatProblem } from '../base/errors.ts';
import { type Cause, type Clause, type ClauseLosses, type Explanation, groupByClause } from '../why/explanation.ts';
import { formatCount, formatNumber, wrap } from './format.ts';

/** What stands behind an event, where the truth knows it. */
export interface Planted {
  readonly incident: string;
  readonly title: string;
  readonly account: string;
  readonly operation: string;
}

export type PlantedOf = (event: string) => Planted | undefined;

const CAUSES: Readonly<Record<Cause, string>> = {
  condition: 'a condition was false',
  threshold: 'a threshold was not reached',
  hidden: 'an aggregate hid the row that would pass',
  'no-partner': 'no partner',
  case: 'the partner differs only in letter case',
  'other-key': 'the partner stands under another key',
  'partner-dropped': 'the partner was dropped',
  'partner-outside-window': 'the partner lies outside the window',
  'partner-not-ingested': 'the partner had not come in',
  excluded: 'excluded by a partner',
  'excluding-side': 'on the side that only excludes',
  deduplicated: 'another row stands for it',
  cut: 'below the cut',
  'expanded-to-nothing': 'nothing to expand',
  operator: 'an operator kept nothing',
  'sub-query-only': 'only compared with',
  'table-not-read': 'table not read',
  'not-ingested': 'came in too late',
  'outside-window': 'in no window',
  trigger: 'the trigger did not fire',
  suppressed: 'the run was suppressed',
  returned: 'returned',
};

/** One event in full; no trailing newline. @param width - sentences are folded at it. */
export function explanationText(
  explanation: Explanation,
  width: number,
  plantedOf: PlantedOf = () => undefined,
): string {
  const { event, table, generated, ingested, clause, message, values, also, at, runs, cause } = explanation;
  const planted = plantedOf(event);
  const lines = [
    ...wrap(planted ? `${event}: ${planted.operation} by ${planted.account} (${planted.title})` : event, width),
    ...indented(`${table}, TimeGenerated ${generated}, ingested ${ingested}`, 2, width),
    `  ${at === null ? 'no run saw it' : `run of ${at}`}: ${CAUSES[cause]}`,
    ...indented(message, 4, width),
    '',
    ...indentedLines(caret(clause, clause.text), 2),
  ];
  if (values.length > 0) {
    const nameWidth = Math.min(40, Math.max(...values.map(({ name }) => name.length)));
    lines.push('', ...values.map(({ name, value }) => `    ${name.padEnd(nameWidth)}  ${value}`));
  }
  if (also.length > 0) {
    lines.push('', ...also.map((other) => `  also false: ${place(other)}  ${other.text}`));
  }
  const others = runs.filter((run) => run.run !== explanation.run);
  if (others.length > 0) {
    lines.push('', '  in the other runs that could see it:');
    for (const run of others) {
      lines.push(`    ${run.at}  ${place(run.clause)}`, ...indented(`${CAUSES[run.cause]}: ${run.message}`, 6, width));
    }
  }
  return lines.join('\n');
}

/**
 * All explanations, grouped by the clause that lost the events; no trailing newline.
 *
 * @param missed - how many of the attacks have no event in an alert, where that is known.
 */
export function lossesText(
  explanations: readonly Explanation[],
  width: number,
  plantedOf: PlantedOf = () => undefined,
  missed?: number,
): string {
  const groups = groupByClause(explanations, (event) => plantedOf(event)?.incident);
  const incidents = groups.reduce((sum, group) => sum + group.incidents.length, 0);
  const byEvent = new Map(explanations.map((explanation) => [explanation.event, explanation]));
  const all =
    incidents > 0
      ? `${formatNumber(explanations.length, 'malicious event')} of ${formatNumber(incidents, 'attack')} in no alert${partly(incidents, missed)}`
      : `${formatNumber(explanations.length, 'event')} in no alert`;
  const parts = [wrap(all, width).join('\n')];
  for (const group of groups) {
    const lines = [caret(group.clause, lossLine(group, explanations.length))];
    for (const members of byIncident(group.events, plantedOf)) {
      const { at, message, event } = byEvent.get(members[0]!)!;
      const more = members.length > 1 ? ` and ${members.length - 1} more of its events` : '';
      lines.push(
        `  ${event}${more}${at === null ? '' : `, run of ${at.slice(0, 16)}Z`}`,
        ...indented(message, 4, width),
      );
    }
    parts.push(lines.join('\n'));
  }
  return parts.join('\n\n');
}

/** An attack is missed where no alert has any of its events; of the others an alert has some. */
function partly(incidents: number, missed: number | undefined): string {
  if (missed === undefined || missed === incidents) return '';
  return missed === 0
    ? '; each attack rang by other events'
    : `; ${formatCount(missed)} of them ${missed === 1 ? 'is' : 'are'} missed altogether`;
}

function byIncident(events: readonly string[], plantedOf: PlantedOf): string[][] {
  const groups = new Map<string, string[]>();
  for (const event of events) {
    const key = plantedOf(event)?.incident ?? event;
    groups.set(key, [...(groups.get(key) ?? []), event]);
  }
  return [...groups.values()];
}

/** `41 of 60 were lost at line 12`, for a scoreboard. */
function lossLine(losses: ClauseLosses, all: number): string {
  return `${formatCount(losses.events.length)} of ${formatCount(all)} lost here: ${causesText(losses)}`;
}

/** `no partner 7, came in too late 2`; without the number where there is one cause. */
export function causesText({ causes }: ClauseLosses): string {
  const kinds = Object.entries(causes).toSorted((a, b) => b[1] - a[1]);
  return kinds.map(([cause, count]) => `${CAUSES[cause as Cause]}${kinds.length > 1 ? ` ${count}` : ''}`).join(', ');
}

function caret({ position, excerpt }: Clause, message: string): string {
  return formatProblem({ message, position, excerpt });
}

function place({ position }: Clause): string {
  return `${position.file}:${position.line}:${position.column}`;
}

function indented(text: string, by: number, width: number): string[] {
  return wrap(text, Math.max(40, width - by)).map((line) => `${' '.repeat(by)}${line}`);
}

function indentedLines(text: string, by: number): string[] {
  return text.split('\n').map((line) => `${' '.repeat(by)}${line}`);
}
