import { expect, test } from 'vitest';
import { evaluationNotes } from '../../../src/engine/allruns/notes.ts';
import { compileQuery } from '../../../src/kql/compile.ts';

function notes(kql: string): string[] {
  return evaluationNotes(compileQuery(kql).root);
}

test('a correlation of two tables is evaluated for all runs at once, and says what it passes over', () => {
  const last = 'AADNonInteractiveUserSignInLogs | summarize max(TimeGenerated) by UserPrincipalName';
  expect(
    notes(`SigninLogs | join kind=inner (${last}) on UserPrincipalName | where TimeGenerated > max_TimeGenerated`),
  ).toEqual([
    'for all runs at once: where',
    'summarize: aggregates slide with the window',
    expect.stringContaining('whose key has no partner in'),
  ]);
});

test('an aggregate without a sliding form is named', () => {
  expect(notes('SigninLogs | summarize count(), make_set(IPAddress) by UserPrincipalName')).toEqual([
    'for all runs at once: summarize',
    'summarize: make_set has no sliding form and is worked out anew whenever a group changes',
  ]);
});

test('what must go run by run says why, and what below it need not', () => {
  expect(
    notes('SigninLogs | summarize Last = max(TimeGenerated) by UserPrincipalName | where Last > ago(1h) | take 5'),
  ).toEqual([
    'run by run: where asks for the time or for a sub-query',
    'for all runs at once: summarize below it',
    'summarize: aggregates slide with the window',
  ]);
});
