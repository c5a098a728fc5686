import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { TocsinError } from '../../../src/base/errors.ts';
import { type CompileOptions, compileQuery } from '../../../src/kql/compile.ts';
import { explainPlan } from '../../../src/kql/explain.ts';

function explained(text: string, options?: CompileOptions): string {
  return explainPlan(compileQuery(text, options).root);
}

function failure(text: string, options?: CompileOptions): TocsinError {
  try {
    compileQuery(text, options);
  } catch (error) {
    if (error instanceof TocsinError) return error;
    throw error;
  }
  throw new Error('the query compiled');
}

describe('the seed rule', () => {
  const { query } = parse(readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8')) as { query: string };

  it('compiles to scans of just the columns that it needs', () => {
    expect(explained(query)).toBe(
      `
sort by AuditTime desc
  project AuditTime = TimeGenerated, UserPrincipalName = UPN, OperationName, AuditResult = Result, Category, TargetResources, LastNISignIn, IPAddress, TimeSinceNISignIn = TimeGenerated - LastNISignIn
    filter TimeGenerated - LastNISignIn between (time(00:00:00) .. time(01:00:00))
      join inner on UPN == UserPrincipalName
        left: filter isnotempty(UPN)
          project Category, OperationName, Result, TargetResources, TimeGenerated, UPN = tostring(InitiatedBy.user.userPrincipalName)
            filter Category in ("RoleManagement", "ApplicationManagement", "GroupManagement", "Policy", "DeviceManagement", "UserManagement")
              filter TimeGenerated > ago(time(02:00:00))
                scan AuditLogs (Category, InitiatedBy, OperationName, Result, TargetResources, TimeGenerated)
        right: summarize LastNISignIn = max(TimeGenerated) by UserPrincipalName, IPAddress
          filter ResultType == "0"
            filter TimeGenerated > ago(time(02:00:00))
              scan AADNonInteractiveUserSignInLogs (IPAddress, ResultType, TimeGenerated, UserPrincipalName)`.trim(),
    );
  });

  it('gives the same plan every time, as plain data', () => {
    const { root } = compileQuery(query);
    expect(structuredClone(root)).toEqual(compileQuery(query).root);
  });
});

describe('what is wrong with a query', () => {
  it('is all said at once, with places and names that come near', () => {
    const error = failure('SigninLogs\n| where UserIdd == "a"\n| extend x = tolowr(UserId)');
    expect(error.code).toBe('QUERY');
    expect(error.problems.map((problem) => [problem.position?.line, problem.position?.column, problem.hint])).toEqual([
      [2, 9, 'did you mean UserId?'],
      [3, 14, 'did you mean tolower?'],
    ]);
    expect(error.message).toContain('    | where UserIdd == "a"\n            ^^^^^^^');
  });

  it('stands at its place in the file that the query is part of', () => {
    const error = failure('SigninLogs\n| where Foo == 1', {
      positionOf: (offset) => ({ file: 'rule.yaml', line: 20, column: offset - 10 + 2 }),
    });
    expect(error.message).toMatch(/^rule\.yaml:20:\d+: /);
  });

  it('is a watchlist that was not given, by name', () => {
    const error = failure("_GetWatchlist('VIPs') | project SearchKey");
    expect(error.code).toBe('UNSUPPORTED');
    expect(error.problems[0]?.hint).toContain("--watchlist 'VIPs'=FILE");
  });
});
