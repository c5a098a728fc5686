import { describe, expect, test } from 'vitest';
import { groupByClause, lossesOf } from '../../../src/why/explanation.ts';
import { CATEGORY, EVENTS, explained, MAX } from '../../support/explanations.ts';

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
