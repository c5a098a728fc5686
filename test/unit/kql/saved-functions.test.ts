import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { compileQuery } from '../../../src/kql/compile.ts';
import { query, type QueryOptions } from '../../../src/query/query.ts';

const tables = {
  SigninLogs: [
    { TimeGenerated: '2026-05-04T10:00:00Z', UserPrincipalName: 'ada@contoso.com', IPAddress: '10.0.0.1' },
    { TimeGenerated: '2026-05-04T11:00:00Z', UserPrincipalName: 'bob@contoso.com', IPAddress: '8.8.8.8' },
  ],
};

async function rows(kql: string, functions: NonNullable<QueryOptions['functions']>): Promise<unknown[][]> {
  return (await query(kql, { tables, functions, now: '2026-05-05T00:00:00Z' })).rows;
}

function failure(kql: string, functions: NonNullable<QueryOptions['functions']>): TocsinError {
  try {
    compileQuery(kql, { functions, file: 'rule.kql' });
  } catch (error) {
    if (error instanceof TocsinError) return error;
    throw error;
  }
  throw new Error('the query compiled');
}

describe('a function that the workspace has saved', () => {
  it('stands for its query, with parentheses and without', async () => {
    const functions = { SignIns: { text: '// a parser\nSigninLogs\n| project Who = UserPrincipalName // the user' } };
    expect(await rows('SignIns | where Who has "ada"', functions)).toEqual([['ada@contoso.com']]);
    expect(await rows('SignIns() | where Who has "bob"', functions)).toEqual([['bob@contoso.com']]);
  });

  it('takes the rows that are piped into it, with the columns that its parameter does not name', async () => {
    const functions = { Outside: { text: '(T:(IPAddress:string)) { T | where not(ipv4_is_private(IPAddress)) }' } };
    expect(await rows('SigninLogs | invoke Outside() | project UserPrincipalName', functions)).toEqual([
      ['bob@contoso.com'],
    ]);
  });

  it('may be a whole let statement, call others, and hold statements of its own', async () => {
    const functions = {
      Late: { text: 'let Late = (after:datetime = datetime(2026-05-04 10:30)) { All | where TimeGenerated > after };' },
      All: { text: 'let none = "x";\nlet all = SigninLogs | where UserPrincipalName != none;\nall' },
    };
    expect(await rows('Late | project IPAddress', functions)).toEqual([['8.8.8.8']]);
    expect(await rows('Late(datetime(2026-05-04)) | count', functions)).toEqual([[2]]);
  });

  it('gives way to a function of the query itself', async () => {
    const functions = { SignIns: { text: 'this would not even parse |' } };
    expect(await rows('let SignIns = SigninLogs | count; SignIns', functions)).toEqual([[2]]);
  });

  it('is told of at its place in its own file', () => {
    const functions = { SignIns: { text: 'SigninLogs\n| where Userr == "a"', file: 'functions/SignIns.kql' } };
    const [problem] = failure('SignIns | take 1', functions).problems;
    expect(problem!.message).toContain('in the function SignIns');
    expect(problem!.position).toEqual({ file: 'functions/SignIns.kql', line: 2, column: 9 });
    expect(problem!.excerpt!.line).toBe('| where Userr == "a"');
  });

  it('leaves the places of the query as they are', () => {
    const functions = { SignIns: { text: 'SigninLogs' } };
    const [problem] = failure('SignIns\n| where Userr == "a"', functions).problems;
    expect(problem!.position).toEqual({ file: 'rule.kql', line: 2, column: 9 });
  });
});

describe('a name that nobody knows', () => {
  it('may be that of a saved function, the message says, or of a table that one stands in for', async () => {
    expect(failure('_Im_Authentication() | take 1', {}).problems[0]!.hint).toContain(
      '--function _Im_Authentication=FILE',
    );
    expect(failure('Inventory | take 1', {}).problems[0]!.hint).toContain('--function Inventory=FILE');
    const functions = { Inventory: { text: 'datatable(Computer:string)["a", "b"]' } };
    expect(await rows('Inventory | where Computer == "b" | count', functions)).toEqual([[1]]);
  });
});

describe('a second query in the same text', () => {
  it('is pointed at', () => {
    const [problem] = failure('SigninLogs\n| take 1\n\nAuditLogs\n| take 2', {}).problems;
    expect(problem!.position).toEqual({ file: 'rule.kql', line: 4, column: 1 });
    expect(problem!.message).toContain("found 'AuditLogs'");
    expect(problem!.hint).toContain('second query');
  });
});
