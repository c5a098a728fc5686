/**
 * What is said of an event that no alert contains: plain data, so that it can be printed, posted between threads and
 * kept. A rule is a chain of clauses; an explanation names the one clause that lost the event in the run where it got
 * furthest, and the values that made it do so.
 */
import type { Position, Problem } from '../base/errors.ts';
import type { Span } from '../plan/plan.ts';

/** How an event was lost. */
export type Cause =
  /** A condition was false, or null, for the event's row. */
  | 'condition'
  /** A count or sum over a group did not reach what a condition asks for. */
  | 'threshold'
  /** An aggregate picked another row of its group: with one of the others the event would have passed. */
  | 'hidden'
  /** A join found no row with the event's key. */
  | 'no-partner'
  /** A row with the event's key but for letter case stands on the other side. */
  | 'case'
  /** The same user, address or session stands on the other side under another key. */
  | 'other-key'
  /** Rows with the event's key were there, and the named clause of the other side dropped them. */
  | 'partner-dropped'
  /** Rows with the event's key exist, outside the run's window. */
  | 'partner-outside-window'
  /** Rows with the event's key exist, but had not been ingested when the run looked. */
  | 'partner-not-ingested'
  /** A row with the event's key stands on the side that the join excludes. */
  | 'excluded'
  /** The event stands on the side of a join whose rows only exclude. */
  | 'excluding-side'
  /** Another row with the same key stands for the event's (`innerunique`). */
  | 'deduplicated'
  /** Below the cut of `take` or `top`. */
  | 'cut'
  /** `mv-expand` of nothing. */
  | 'expanded-to-nothing'
  /** An operator that is not looked into kept no row of the event. */
  | 'operator'
  /** The query reads the event's table only to compare with its values. */
  | 'sub-query-only'
  /** The query does not read the event's table. */
  | 'table-not-read'
  /** Ingested after the last run whose window the event was in. */
  | 'not-ingested'
  /** In no run's window. */
  | 'outside-window'
  /** Too few or too many rows for the rule's trigger. */
  | 'trigger'
  /** The run was suppressed by an earlier alert. */
  | 'suppressed'
  /** Not lost: an alert contains it. */
  | 'returned';

/** A part of the rule, where it stands and what it says. */
export interface Clause {
  /** In the query's text (UTF-16, half-open); undefined for a field of the rule such as `queryPeriod`. */
  readonly span: Span | undefined;
  readonly position: Position;
  /** On one line. */
  readonly text: string;
  /** The line of the file, for a caret; undefined where it is too long to help. */
  readonly excerpt: Problem['excerpt'];
}

/** A value that the clause looked at, as Kusto prints it. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

/** What became of an event in one run. */
export interface RunOutcome {
  /** Index into the schedule's runs. */
  readonly run: number;
  /** The scheduled time, ISO 8601. */
  readonly at: string;
  readonly cause: Cause;
  readonly clause: Clause;
  readonly message: string;
  readonly values: readonly NamedValue[];
  /** What belongs to the cause: the times of both rows, how far out of bounds, the candidates. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Further conditions of the same operator that were false as well. */
  readonly also: readonly Clause[];
  /** Operators that were still to come; 0 is the query's result. */
  readonly remaining: number;
}

export interface Explanation extends Omit<RunOutcome, 'run' | 'at' | 'remaining'> {
  readonly event: string;
  readonly table: string;
  /** TimeGenerated and ingestion time, ISO 8601. */
  readonly generated: string;
  readonly ingested: string;
  /** The run that is spoken of; null where no run could have seen the event. */
  readonly run: number | null;
  readonly at: string | null;
  readonly remaining: number | null;
  /** What became of the event in each run that could see it, in order of run. */
  readonly runs: readonly RunOutcome[];
}

/** The events that one clause lost. */
export interface ClauseLosses {
  readonly clause: Clause;
  readonly causes: Readonly<Partial<Record<Cause, number>>>;
  /** Ids of the events. */
  readonly events: readonly string[];
  /** Ids of the incidents that are counted here; each is counted at one clause only. */
  readonly incidents: readonly string[];
}

/**
 * Explanations by the clause that they name, the one that lost most incidents (then events) first.
 *
 * @param incidentOf - the incident of an event. An incident with several lost events counts where the one that got
 * furthest was lost; where two got equally far, where the first was. Incidents for which it gives undefined are not counted.
 */
export function groupByClause(
  explanations: readonly Explanation[],
  incidentOf: (event: string) => string | undefined = () => undefined,
): ClauseLosses[] {
  const furthest = new Map<string, Explanation>();
  for (const explanation of explanations) {
    const incident = incidentOf(explanation.event);
    if (incident === undefined) continue;
    const known = furthest.get(incident);
    if (!known || distance(explanation) < distance(known)) furthest.set(incident, explanation);
  }
  const groups = new Map<string, { members: Explanation[]; incidents: string[] }>();
  for (const explanation of explanations) {
    const key = clauseKey(explanation.clause);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { members: [], incidents: [] }));
    group.members.push(explanation);
  }
  for (const [incident, explanation] of furthest) groups.get(clauseKey(explanation.clause))!.incidents.push(incident);
  return Array.from(groups.values(), ({ members, incidents }): ClauseLosses => {
    const causes: Partial<Record<Cause, number>> = {};
    for (const { cause } of members) causes[cause] = (causes[cause] ?? 0) + 1;
    return { clause: members[0]!.clause, causes, events: members.map((e) => e.event), incidents };
  }).sort(
    (a, b) =>
      b.incidents.length - a.incidents.length ||
      b.events.length - a.events.length ||
      a.clause.position.line - b.clause.position.line ||
      a.clause.position.column - b.clause.position.column,
  );
}

function distance({ remaining }: Explanation): number {
  return remaining ?? Number.POSITIVE_INFINITY;
}

function clauseKey({ position, text }: Clause): string {
  return `${position.line}:${position.column} ${text}`;
}

/**
 * The clauses that lost the malicious events in no alert, for a scoreboard: an attack is counted where none of its events is
 * in an alert.
 *
 * @param explanations - of all those events. @param missed - ids of the attacks that no alert contains.
 */
export function lossesOf(
  explanations: readonly Explanation[],
  truth: readonly { readonly id: string; readonly events: readonly { readonly id: string }[] }[],
  missed: Iterable<string>,
): ClauseLosses[] {
  const wanted = new Set(missed);
  const incidents = new Map<string, string>();
  for (const { id, events } of truth) if (wanted.has(id)) for (const event of events) incidents.set(event.id, id);
  return groupByClause(explanations, (event) => incidents.get(event));
}
