/** The text of a rule with what each clause lost in the margin, at the line where the clause stands. */
import type { TruthIncident } from '../dataset/truth.ts';
import type { Rule } from '../rules/rule.ts';
import type { ClauseLosses, Explanation } from '../why/explanation.ts';
import { causesText } from './why.ts';
import { formatCount, formatNumber } from './format.ts';
import { html, type Markup } from './markup.ts';

/** A rule and the file that it was read from. */
export interface Listed {
  readonly rule: Pick<Rule, 'query' | 'entityMappings' | 'customDetails'>;
  readonly source: { readonly text: string };
}

export interface ListingOptions {
  /** The ids of lines start with it: `<id>-L12`. */
  readonly id: string;
  /** Of the lost events. */
  readonly explanations: readonly Explanation[];
  readonly truth: readonly TruthIncident[];
}

/** Lost events that are told one by one for each clause. */
const MAX_EXAMPLES = 12;

/** The losses with a line of the listing each. */
interface Note {
  readonly loss: ClauseLosses;
  /** From 1. */
  readonly line: number;
  /** The part of the line that is marked, half-open; empty where it is not known. */
  readonly from: number;
  readonly to: number;
}

export function listing(listed: Listed, losses: readonly ClauseLosses[], options: ListingOptions): Markup {
  const { text, noteOf } = layOut(listed);
  const notes = losses.map(noteOf);
  const missed = losses.reduce((sum, { incidents }) => sum + incidents.length, 0);
  const examples = exampleFinder(options);
  const lines = text.replace(/(\r\n?|\n)$/, '').split(/\r\n?|\n/);
  return html`<ol class="listing" aria-label="The rule's text">
${lines.map((line, index) => {
  const own = notes.filter((note) => note.line === index + 1);
  return html`<li id="${options.id}-L${index + 1}"${own.length > 0 && html` class="lossy"`}><code>${marked(line, own)}</code>${own.map(
    ({ loss }) => html`<details class="note"><summary>${lossTitle(loss, missed)}</summary>
<p>${causesText(loss)}</p>
<ul>${examples(loss)}</ul></details>`,
  )}</li>
`;
})}</ol>`;
}

/** The line of the listing where a clause stands, from 1. */
export function listedLine(listed: Listed, loss: ClauseLosses): number {
  return layOut(listed).noteOf(loss).line;
}

/**
 * A file is shown as it is. In a rule on one line (JSON) a margin would be of no use; there the query is shown, and the
 * clause is found by its span.
 */
function layOut({ rule, source }: Listed): { readonly text: string; readonly noteOf: (loss: ClauseLosses) => Note } {
  if (!source.text.split('\n').some((line) => line.length > MAX_LINE)) {
    return {
      text: source.text,
      noteOf: (loss) => {
        const { position, excerpt } = loss.clause;
        const from = position.column - 1;
        return { loss, line: position.line, from, to: from + (excerpt?.length ?? 0) };
      },
    };
  }
  return {
    text: rule.query,
    noteOf: (loss) => {
      const { span } = loss.clause;
      const before = rule.query.slice(0, span?.start ?? 0);
      const from = before.length - (before.lastIndexOf('\n') + 1);
      const line = before.split('\n').length;
      return { loss, line, from, to: span ? from + (span.end - span.start) : from };
    },
  };
}

/** A longer line is none that somebody wrote. */
const MAX_LINE = 400;

/** A line with the clauses on it marked; where they overlap, the first one. */
function marked(line: string, notes: readonly Note[]): Markup {
  const parts: (Markup | string)[] = [];
  let at = 0;
  for (const { from, to } of notes.toSorted((a, b) => a.from - b.from)) {
    const end = Math.min(to, line.length);
    if (from < at || end <= from) continue;
    parts.push(line.slice(at, from), html`<mark>${line.slice(from, end)}</mark>`);
    at = end;
  }
  parts.push(line.slice(at));
  return html`${parts}`;
}

function lossTitle({ incidents, events }: ClauseLosses, missed: number): string {
  const lost = formatNumber(events.length, 'event');
  if (incidents.length === 0) return `lost ${lost}`;
  return `lost ${formatCount(incidents.length)} of ${formatCount(missed)} missed attacks (${lost})`;
}

/** One line for each incident that a clause lost an event of, with what is said of its first event. */
function exampleFinder({ explanations, truth }: ListingOptions): (loss: ClauseLosses) => Markup[] {
  const byEvent = new Map(explanations.map((explanation) => [explanation.event, explanation]));
  const incidentOf = new Map(
    truth.flatMap(({ id, events }) => events.map((event) => [event.id, { id, event }] as const)),
  );
  return ({ events }) => {
    const seen = new Map<string, string[]>();
    for (const event of events) {
      const incident = incidentOf.get(event)?.id ?? event;
      seen.set(incident, [...(seen.get(incident) ?? []), event]);
    }
    const shown = [...seen].slice(0, MAX_EXAMPLES).map(([incident, own]) => {
      const explanation = byEvent.get(own[0]!);
      const act = incidentOf.get(own[0]!)?.event;
      const more = own.length > 1 && ` and ${own.length - 1} more`;
      return html`<li><strong>${incident}</strong>${act && ` ${act.operation} by ${act.account}`}${more}${explanation && html`<br>${explanation.message}`}</li>`;
    });
    const rest = seen.size - shown.length;
    return rest > 0 ? [...shown, html`<li>and ${formatCount(rest)} more</li>`] : shown;
  };
}
