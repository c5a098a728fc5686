import { describe, expect, it } from 'vitest';
import { cut } from '../../../src/engine/cut.ts';
import { compileQuery } from '../../../src/kql/compile.ts';

function cutOf(text: string): { reasons: readonly string[]; gathers: readonly string[] } {
  const { reasons, gathers } = cut(compileQuery(text).root);
  return { reasons, gathers: gathers.map(({ scope, reason }) => `${scope}: ${reason}`) };
}

describe('the cut', () => {
  it('runs a grouping by account in each partition, and apart for rows without one', () => {
    const { reasons, gathers } = cutOf('SigninLogs | summarize count() by UserPrincipalName, IPAddress');
    expect(reasons).toEqual(['in each partition: summarize, its key UserPrincipalName is the account']);
    expect(gathers).toEqual([
      'once: summarize: rows without an account are not partitioned by it',
      'run: the result is put in one order',
    ]);
  });

  it.each([
    'isnotempty(UserPrincipalName)',
    'UserPrincipalName != ""',
    'UserPrincipalName =~ "ann@x"',
    'UserPrincipalName in ("ann@x", "bob@x")',
    'not(isempty(UserPrincipalName))',
    'UserPrincipalName == "a" or UserPrincipalName has "b"',
  ])('needs no second way where %s', (predicate) => {
    const { gathers } = cutOf(`SigninLogs | where ${predicate} | summarize count() by tolower(UserPrincipalName)`);
    expect(gathers).toEqual(['run: the result is put in one order']);
  });

  it.each([
    ['SigninLogs | summarize count() by IPAddress', 'no key of summarize is the account'],
    ['SigninLogs | summarize count()', 'summarize without keys needs all rows in one place'],
    ['SigninLogs | summarize count() by toupper(UserPrincipalName)', 'no key of summarize is the account'],
    ['SigninLogs | summarize count() by UserDisplayName', 'no key of summarize is the account'],
    ['SigninLogs | take 5', 'take needs all rows in one place'],
    [
      'SigninLogs | join kind=inner AuditLogs on $left.IPAddress == $right.OperationName',
      'join kind=inner: no pair of keys is the account on both sides',
    ],
    [
      'SigninLogs | make-series count() on TimeGenerated step 1h by UserPrincipalName',
      'make-series without "from" and "to" takes its axis from all rows',
    ],
    ['SigninLogs | sort by TimeGenerated asc | extend p = prev(UserPrincipalName)', 'sort needs all rows in one place'],
  ])('gathers before %s', (text, reason) => {
    const { gathers, reasons } = cutOf(text);
    expect(gathers.some((gather) => gather.endsWith(`: ${reason}`))).toBe(true);
    expect(reasons).toContain(`after a gather: ${reason}`);
  });

  it('gathers once what no run can change, and per run what one can', () => {
    const { gathers } = cutOf(
      'SigninLogs | where TimeGenerated > ago(1h) and ResultType != "0" | summarize count() by IPAddress',
    );
    expect(gathers).toEqual(['once: no key of summarize is the account']);
    const byClock = cutOf('SigninLogs | extend age = now() - TimeGenerated | summarize max(age) by IPAddress');
    expect(byClock.gathers).toEqual(['run: no key of summarize is the account']);
  });

  it('joins accounts in each partition by any spelling that leads to them', () => {
    const { reasons, gathers } = cutOf(`
      AuditLogs
      | extend Actor = InitiatedBy.user
      | extend UPN = tolower(tostring(Actor.userPrincipalName))
      | where isnotempty(UPN)
      | join kind=leftanti (SigninLogs | extend UPN = tolower(UserPrincipalName)) on UPN`);
    expect(reasons).toEqual(['in each partition: join kind=leftanti, UPN and UPN are the account']);
    expect(gathers).toEqual(['run: the result is put in one order']);
  });

  it('looks accounts up in a list of accounts in each partition, and addresses after a gather', () => {
    const known = 'let known = SigninLogs | where TimeGenerated < ago(1d)';
    const accounts = cutOf(
      `${known} | distinct UserPrincipalName; SigninLogs | where isnotempty(UserPrincipalName) and UserPrincipalName !in (known)`,
    );
    expect(accounts.reasons).toContain(
      'in each partition: in, UserPrincipalName and the values of its list are the account',
    );
    const addresses = cutOf(`${known} | distinct IPAddress; SigninLogs | where IPAddress !in (known)`);
    expect(addresses.reasons).toContain(
      'after a gather: a sub-query reads a table, so its rows are needed in one place',
    );
  });

  it('leaves a query of its own rows where it is', () => {
    expect(cutOf('datatable(a:long)[1, 2] | summarize sum(a)')).toEqual({ reasons: [], gathers: [] });
  });
});
