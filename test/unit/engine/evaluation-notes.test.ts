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
    'join kind=inner in one pass over AADNonInteractiveUserSignInLogs: the last row of each group meets the rows of ' +
      'SigninLogs that share a run with it within the bounds on time; rows without a partner are passed over',
  ]);
});

test('a join that is no correlation says what it passes over', () => {
  const seen = 'AADNonInteractiveUserSignInLogs | where ResultType == 0';
  expect(
    notes(`SigninLogs | summarize count() by UserPrincipalName | join kind=leftsemi (${seen}) on UserPrincipalName`),
  ).toEqual([
    'for all runs at once: join kind=leftsemi',
    'summarize: aggregates slide with the window',
    'join kind=leftsemi: rows of AADNonInteractiveUserSignInLogs whose key has no partner in SigninLogs in any of their runs are passed over',
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

test('a summarize of which a join asks only whether it has a group is not worked out', () => {
  const known = 'SigninLogs | where TimeGenerated < ago(1h) | distinct UserPrincipalName';
  expect(
    notes(
      `AuditLogs | summarize by Identity | join kind=leftanti (${known}) on $left.Identity == $right.UserPrincipalName`,
    ),
  ).toEqual([
    'for all runs at once: join kind=leftanti',
    'summarize: aggregates slide with the window',
    'join kind=leftanti: its right side is asked for rows, not summarized',
    expect.stringContaining('whose key has no partner in'),
  ]);
});
