import { describe, expect, test } from 'vitest';
import { type Clause, type Explanation, groupByClause, lossesOf } from '../../../src/why/explanation.ts';

function clause(line: number, text: string): Clause {
  const excerpt = { line: `    ${text}`, length: text.length };
  return { span: { start: line, end: line + 1 }, position: { file: 'rule.yaml', line, column: 5 }, text, excerpt };
}

const MAX = clause(12, 'summarize LastSignIn = max(TimeGenerated)');
const CATEGORY = clause(20, 'where Category in ("Policy")');

function explained(
  event: string,
  of: Clause,
  remaining: number | null = 3,
  more: Partial<Explanation> = {},
): Explanation {
  const cause = of === MAX ? 'hidden' : 'condition';
  const outcome = { cause, clause: of, message: `lost ${event}`, values: [], details: {}, also: [] } as const;
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
    ...outcome,
    ...more,
  };
}

const EVENTS = [
  explained('a/1', CATEGORY, 5),
  explained('a/2', MAX, 2),
  explained('b/1', MAX),
  explained('c/1', CATEGORY),
];
const incidentOf = (event: string): string => event[0]!;

describe('explanations by clause', () => {
  test('put every event at one clause, and every incident where the event that got furthest was lost', () => {
    expect(
      groupByClause(EVENTS, incidentOf).map(({ clause: { text }, events, incidents, causes }) => ({
        text,
        events,
        incidents,
        causes,
      })),
    ).toEqual([
      { text: MAX.text, events: ['a/2', 'b/1'], incidents: ['a', 'b'], causes: { hidden: 2 } },
      { text: CATEGORY.text, events: ['a/1', 'c/1'], incidents: ['c'], causes: { condition: 2 } },
    ]);
  });

  test('count an attack only where none of its events is in an alert', () => {
    const truth = ['a', 'b', 'c'].map((id) => ({ id, events: [{ id: `${id}/1` }, { id: `${id}/2` }] }));
    const losses = lossesOf(EVENTS, truth, ['b']);
    expect(losses.flatMap(({ incidents }) => incidents)).toEqual(['b']);
    expect(losses.reduce((sum, { events }) => sum + events.length, 0)).toBe(4);
  });

  test('count an event that no run saw as the least far', () => {
    const [first] = groupByClause(
      [explained('a/1', CATEGORY, null, { run: null, at: null }), explained('a/2', MAX, 9)],
      incidentOf,
    );
    expect(first).toMatchObject({ clause: { text: MAX.text }, incidents: ['a'] });
  });
});
