/** Four lost events of three incidents at two clauses, by hand. */
import type { Clause, Explanation } from '../../src/why/explanation.ts';

/** A clause of `rule.yaml`. */
export function clauseAt(line: number, text: string): Clause {
  const excerpt = { line: `    ${text}`, length: text.length };
  return { span: { start: line, end: line + 1 }, position: { file: 'rule.yaml', line, column: 5 }, text, excerpt };
}

export const MAX = clauseAt(12, 'summarize LastSignIn = max(TimeGenerated)');
export const CATEGORY = clauseAt(20, 'where Category in ("Policy")');

/** @param remaining - operators that were still to come. */
export function explained(
  event: string,
  clause: Clause,
  remaining: number | null = 3,
  more: Partial<Explanation> = {},
): Explanation {
  const time = '2026-01-05T10:20:00.0000000Z';
  return {
    event,
    table: 'AuditLogs',
    generated: time,
    ingested: time,
    run: 2,
    at: time,
    remaining,
    runs: [],
    cause: clause === MAX ? 'hidden' : 'condition',
    clause,
    message: `lost ${event}`,
    values: [],
    details: {},
    also: [],
    ...more,
  };
}

/** The incident of an event is its first letter. */
export const EVENTS: readonly Explanation[] = [
  explained('a/1', CATEGORY, 5),
  explained('a/2', MAX, 2),
  explained('b/1', MAX),
  explained('c/1', CATEGORY),
];
