import { describe, expect, test } from 'vitest';
import { compileRule } from '../../../src/rules/compile.ts';
import type { Explanation } from '../../../src/why/explanation.ts';
import { whyNot } from '../../../src/why/why.ts';
import { at, audit, memoryDataset, signIn, type TestTables } from '../../support/replay.ts';

const SETTINGS = { queryFrequency: '1h', queryPeriod: '2h', triggerOperator: 'gt', triggerThreshold: '0' };

/** A rule file around a query; the query begins on line 9. */
function ruleOf(query: string, settings: Readonly<Record<string, string>> = {}): string {
  const fields = { name: 'test', kind: 'Scheduled', severity: 'High', ...SETTINGS, ...settings };
  const lines = Object.entries(fields).map(([key, value]) => `${key}: ${value}`);
  return [
    ...lines,
    'query: |',
    ...query
      .trim()
      .split('\n')
      .map((line) => `  ${line}`),
    '',
  ].join('\n');
}

async function why(
  tables: TestTables,
  query: string,
  event = 'bad',
  settings: Readonly<Record<string, string>> = {},
  partitionCount = 1,
): Promise<Explanation> {
  const compiled = compileRule(ruleOf(query, settings), { file: 'rule.yaml' });
  const [explanation] = await whyNot(memoryDataset(tables, { partitionCount }), compiled, [event], { threads: 0 });
  return explanation!;
}

const BAD = audit(at('10:20'), 'ann@x', { event: 'bad' });
const UPN = 'extend UPN = tostring(InitiatedBy.user.userPrincipalName)';

describe('a condition', () => {
  test('that was false is named with its values, among those of its operator', async () => {
    const explanation = await why(
      { AuditLogs: [BAD] },
      'AuditLogs\n| where Result == "success" and Category in ("Policy", "Device")\n| project Category',
    );
    expect(explanation).toMatchObject({
      cause: 'condition',
      clause: { text: 'Category in ("Policy", "Device")', position: { file: 'rule.yaml', line: 10 } },
      message: 'Category is "RoleManagement", not one of the 2 listed',
      values: [{ name: 'Category', value: '"RoleManagement"' }],
      also: [],
    });
  });

  test('that only letter case made false says so', async () => {
    const explanation = await why({ AuditLogs: [BAD] }, 'AuditLogs | where Result == "Success"');
    expect(explanation.message).toBe(
      'Result is "success", and the condition asks for == "Success": it differs only in letter case',
    );
    expect(explanation.details).toEqual({ differsOnlyInCase: true });
  });

  test('on a time tells by how much it was out of bounds', async () => {
    const explanation = await why(
      { AuditLogs: [BAD], AADNonInteractiveUserSignInLogs: [signIn(at('09:05'), 'ann@x', '1.1.1.1')] },
      `AuditLogs | ${UPN}
| join kind=inner (AADNonInteractiveUserSignInLogs | project SignIn = TimeGenerated, UserPrincipalName) on $left.UPN == $right.UserPrincipalName
| where (TimeGenerated - SignIn) between (0m .. 60m)`,
    );
    expect(explanation).toMatchObject({
      cause: 'condition',
      message: 'TimeGenerated - SignIn is 01:15:00, 00:15:00 above 00:00:00 .. 01:00:00',
      details: { outOfBoundsBy: '00:15:00', side: 'above' },
    });
  });

  test('that fails along with others names the first and lists the rest', async () => {
    const explanation = await why(
      { AuditLogs: [BAD] },
      'AuditLogs | where Category == "Policy" and Result == "failure" and isnotempty(OperationName)',
    );
    expect(explanation.clause.text).toBe('Category == "Policy"');
    expect(explanation.also.map(({ text }) => text)).toEqual(['Result == "failure"']);
  });
});

describe('an aggregate', () => {
  const SIGN_INS = `let SignIns = AADNonInteractiveUserSignInLogs
| summarize LastSignIn = max(TimeGenerated) by UserPrincipalName;
AuditLogs | ${UPN}
| join kind=inner SignIns on $left.UPN == $right.UserPrincipalName
| where (TimeGenerated - LastSignIn) between (0m .. 60m)`;

  test('that kept a later row is named as what hid the earlier one, with both times', async () => {
    const explanation = await why(
      {
        AuditLogs: [BAD],
        AADNonInteractiveUserSignInLogs: [
          signIn(at('10:05'), 'ann@x', '1.1.1.1'),
          signIn(at('10:10'), 'ann@x', '1.1.1.1'),
          signIn(at('10:40'), 'ann@x', '1.1.1.1'),
        ],
      },
      SIGN_INS,
    );
    expect(explanation).toMatchObject({
      cause: 'hidden',
      clause: { text: 'summarize LastSignIn = max(TimeGenerated)', position: { line: 10 } },
      details: { picked: '2026-01-05T10:40:00.0000000Z', hidden: '2026-01-05T10:10:00.0000000Z' },
    });
    expect(explanation.message).toContain('a later row hid 2026-01-05T10:10:00.0000000Z');
  });

  test('is not blamed where no other row would have passed', async () => {
    const explanation = await why(
      { AuditLogs: [BAD], AADNonInteractiveUserSignInLogs: [signIn(at('10:40'), 'ann@x', '1.1.1.1')] },
      SIGN_INS,
    );
    expect(explanation).toMatchObject({
      cause: 'condition',
      details: { side: 'below', outOfBoundsBy: '00:20:00' },
    });
  });

  test("that picks another row's columns is named", async () => {
    const explanation = await why(
      { AuditLogs: [BAD, audit(at('10:30'), 'ann@x', { Category: 'UserManagement' })] },
      `AuditLogs | ${UPN}
| summarize arg_max(TimeGenerated, Category) by UPN
| where Category == "RoleManagement"`,
    );
    expect(explanation).toMatchObject({ cause: 'hidden', details: { aggregate: 'arg_max' } });
  });

  test('that counts too few is a threshold, told as 9 of 10', async () => {
    const failures = Array.from({ length: 9 }, (_, i) =>
      audit(at('10:20') + BigInt(i), 'ann@x', i === 4 ? { event: 'bad' } : {}),
    );
    const explanation = await why(
      { AuditLogs: failures },
      `AuditLogs | ${UPN}\n| summarize Attempts = count() by UPN\n| where Attempts >= 10`,
    );
    expect(explanation).toMatchObject({
      cause: 'threshold',
      clause: { text: 'where Attempts >= 10', position: { line: 11 } },
      details: { reached: '9', needed: '10', outOfBoundsBy: '1' },
    });
    expect(explanation.message).toMatch(/^9 of 10: /);
  });
});

describe('a join', () => {
  const JOIN = `AuditLogs | ${UPN}
| join kind=inner (AADNonInteractiveUserSignInLogs | where ResultType == 0 | project UserPrincipalName, IPAddress)
  on $left.UPN == $right.UserPrincipalName`;
  const withSignIns = (...rows: ReturnType<typeof signIn>[]): TestTables => ({
    AuditLogs: [BAD],
    AADNonInteractiveUserSignInLogs: rows,
  });

  test('without any candidate says so', async () => {
    const explanation = await why(withSignIns(signIn(at('10:05'), 'bob@x', '1.1.1.1')), JOIN);
    expect(explanation).toMatchObject({
      cause: 'no-partner',
      clause: { position: { line: 10 } },
      values: [{ name: 'UPN', value: '"ann@x"' }],
    });
  });

  test('shows the candidate that differs only in letter case', async () => {
    const explanation = await why(withSignIns(signIn(at('10:05'), 'Ann@X', '1.1.1.1')), JOIN);
    expect(explanation).toMatchObject({ cause: 'case', details: { candidate: '"Ann@X"' } });
  });

  test('names the condition that dropped the partner, which is what to repair', async () => {
    const explanation = await why(withSignIns(signIn(at('10:05'), 'ann@x', '1.1.1.1', { ResultType: '50126' })), JOIN);
    expect(explanation).toMatchObject({
      cause: 'partner-dropped',
      clause: { text: 'where ResultType == 0', position: { line: 10 } },
      details: { partners: 1 },
    });
  });

  test('finds the partner that lies before the window', async () => {
    const explanation = await why(withSignIns(signIn(at('08:40'), 'ann@x', '1.1.1.1')), JOIN, 'bad', {
      queryPeriod: '1h',
    });
    expect(explanation).toMatchObject({ cause: 'partner-outside-window', details: { outsideBy: '01:20:00' } });
  });

  test('finds the partner that had not come in yet', async () => {
    const late = signIn(at('10:05'), 'ann@x', '1.1.1.1', { ingested: at('12:30') });
    const explanation = await why(withSignIns(late), JOIN, 'bad', { queryPeriod: '1h' });
    expect(explanation).toMatchObject({
      cause: 'partner-not-ingested',
      details: { partnerIngested: '2026-01-05T12:30:00.0000000Z' },
    });
  });

  test.each([1, 5])('finds the same user under another name, in any of %i partitions', async (partitionCount) => {
    const bad = audit(at('10:20'), 'ann@x', {
      InitiatedBy: { user: { id: 'u-1', userPrincipalName: 'ann@x' } },
      event: 'bad',
    });
    const tables = {
      AuditLogs: [bad],
      AADNonInteractiveUserSignInLogs: [signIn(at('10:05'), 'ann.old@x', '1.1.1.1', { UserId: 'u-1' })],
    };
    const explanation = await why(tables, JOIN, 'bad', {}, partitionCount);
    expect(explanation).toMatchObject({
      cause: 'other-key',
      details: { identity: 'user id', candidate: '"ann.old@x"' },
    });
  });

  test('of kind innerunique names the row that stands for the event', async () => {
    const explanation = await why(
      {
        AuditLogs: [audit(at('10:10'), 'ann@x'), BAD],
        AADNonInteractiveUserSignInLogs: [signIn(at('10:05'), 'ann@x', '1.1.1.1')],
      },
      `AuditLogs | ${UPN} | join (AADNonInteractiveUserSignInLogs | project UserPrincipalName) on $left.UPN == $right.UserPrincipalName`,
    );
    expect(explanation.cause).toBe('deduplicated');
    expect(explanation.values).toContainEqual({ name: 'TimeGenerated', value: '2026-01-05T10:10:00.0000000Z' });
  });

  test('of kind leftanti names the rows that exclude the event', async () => {
    const explanation = await why(
      withSignIns(signIn(at('10:05'), 'ann@x', '1.1.1.1')),
      `AuditLogs | ${UPN} | join kind=leftanti (AADNonInteractiveUserSignInLogs | project UserPrincipalName, IPAddress) on $left.UPN == $right.UserPrincipalName`,
    );
    expect(explanation).toMatchObject({ cause: 'excluded', details: { partners: 1 } });
  });

  test('that the event can only exclude others by is told as such', async () => {
    const explanation = await why(
      { AuditLogs: [BAD], AADNonInteractiveUserSignInLogs: [signIn(at('10:05'), 'bob@x', '1.1.1.1')] },
      `AADNonInteractiveUserSignInLogs | join kind=leftanti (AuditLogs | ${UPN}) on $left.UserPrincipalName == $right.UPN`,
    );
    expect(explanation.cause).toBe('excluding-side');
  });
});

describe('other operators', () => {
  test('top tells the place of the event and the value that was needed', async () => {
    const explanation = await why(
      { AuditLogs: [BAD, audit(at('10:30'), 'bob@x'), audit(at('10:40'), 'eve@x')] },
      'AuditLogs | project TimeGenerated, OperationName | top 2 by TimeGenerated desc',
    );
    expect(explanation).toMatchObject({ cause: 'cut', details: { kept: 2, place: 3, rows: 3 } });
  });

  test('mv-expand of an empty array', async () => {
    const explanation = await why(
      { AuditLogs: [audit(at('10:20'), 'ann@x', { TargetResources: [], event: 'bad' })] },
      'AuditLogs | mv-expand TargetResources | project OperationName',
    );
    expect(explanation).toMatchObject({
      cause: 'expanded-to-nothing',
      values: [{ name: 'TargetResources', value: '[]' }],
    });
  });

  test('mv-apply is looked into', async () => {
    const targets = [{ type: 'User' }, { type: 'Device' }];
    const explanation = await why(
      { AuditLogs: [audit(at('10:20'), 'ann@x', { TargetResources: targets, event: 'bad' })] },
      'AuditLogs\n| mv-apply Target = TargetResources on (\n    where tostring(Target.type) == "Role"\n  )\n| project OperationName',
    );
    expect(explanation).toMatchObject({ cause: 'condition', clause: { position: { line: 11 } } });
  });

  test('parse-where shows the text that had not the form', async () => {
    const explanation = await why(
      { AuditLogs: [BAD] },
      'AuditLogs | parse-where OperationName with "Remove " What " from " Where | project What',
    );
    expect(explanation).toMatchObject({
      cause: 'operator',
      clause: { position: { line: 9 } },
      values: [{ name: 'OperationName', value: '"Add member to role"' }],
    });
  });

  test('a sub-query without the value is searched as the other side of a join', async () => {
    const explanation = await why(
      { AuditLogs: [BAD], AADNonInteractiveUserSignInLogs: [signIn(at('10:05'), 'Ann@X', '1.1.1.1')] },
      `AuditLogs | ${UPN} | where UPN in ((AADNonInteractiveUserSignInLogs | project UserPrincipalName))`,
    );
    expect(explanation).toMatchObject({ cause: 'case', details: { candidate: '"Ann@X"' } });
  });
});

describe('the schedule', () => {
  test('an event that no window covers', async () => {
    const explanation = await why({ AuditLogs: [BAD] }, 'AuditLogs', 'bad', { queryPeriod: '30m' });
    expect(explanation).toMatchObject({
      cause: 'outside-window',
      run: null,
      clause: { text: 'queryPeriod: 30m', position: { line: 5 } },
      details: { missedBy: '00:10:00' },
    });
  });

  test('an event that came in after its last run had looked', async () => {
    const late = { ...BAD, ingested: at('11:10') };
    const explanation = await why({ AuditLogs: [late] }, 'AuditLogs', 'bad', { queryPeriod: '1h' });
    expect(explanation).toMatchObject({ cause: 'not-ingested', run: null, details: { lateBy: '00:05:00' } });
  });

  test('an event of a table that the rule does not read', async () => {
    const explanation = await why(
      { SigninLogs: [signIn(at('10:05'), 'ann@x', '1.1.1.1', { event: 'bad' })], AuditLogs: [] },
      'AuditLogs',
    );
    expect(explanation).toMatchObject({ cause: 'table-not-read', details: { tablesRead: ['AuditLogs'] } });
  });

  test('an event of a table that the rule only compares with', async () => {
    const explanation = await why(
      {
        SigninLogs: [signIn(at('10:05'), 'ann@x', '1.1.1.1', { event: 'bad' })],
        AuditLogs: [audit(at('10:20'), 'ann@x')],
      },
      `AuditLogs | ${UPN} | where UPN in ((SigninLogs | project UserPrincipalName))`,
    );
    expect(explanation.cause).toBe('sub-query-only');
    expect((await why({ AuditLogs: [BAD] }, 'AuditLogs')).cause).toBe('returned');
  });
});

describe('after the query', () => {
  test('rows that do not reach the trigger', async () => {
    const explanation = await why({ AuditLogs: [BAD] }, 'AuditLogs', 'bad', { triggerThreshold: '5' });
    expect(explanation).toMatchObject({
      cause: 'trigger',
      clause: { text: 'triggerThreshold: 5' },
      values: [
        { name: 'rows', value: '1' },
        { name: 'triggerThreshold', value: '5' },
      ],
    });
  });

  test('a run that suppression kept from happening', async () => {
    const explanation = await why({ AuditLogs: [audit(at('08:30'), 'bob@x'), BAD] }, 'AuditLogs', 'bad', {
      queryPeriod: '1h',
      suppressionEnabled: 'true',
      suppressionDuration: '5h',
    });
    expect(explanation).toMatchObject({ cause: 'suppressed', clause: { text: 'suppressionDuration: 5h' } });
  });

  test('an event that an alert contains', async () => {
    const explanation = await why({ AuditLogs: [BAD] }, 'AuditLogs');
    expect(explanation).toMatchObject({ cause: 'returned', details: { alerted: true } });
  });
});

test('of several runs the one in which the event got furthest is told, and all are kept', async () => {
  const explanation = await why(
    { AuditLogs: [BAD], AADNonInteractiveUserSignInLogs: [signIn(at('11:30'), 'ann@x', '1.1.1.1')] },
    `AuditLogs | ${UPN}
| join kind=inner (AADNonInteractiveUserSignInLogs | project SignIn = TimeGenerated, UserPrincipalName) on $left.UPN == $right.UserPrincipalName
| where SignIn < TimeGenerated`,
  );
  expect(explanation.runs.map(({ at: time, cause }) => [time.slice(11, 16), cause])).toEqual([
    ['11:00', 'partner-outside-window'],
    ['12:00', 'condition'],
  ]);
  expect(explanation).toMatchObject({ run: 11, cause: 'condition' });
});

test('a record that came in twice counts as seen by the runs that saw either', async () => {
  const late = { ...BAD, ingested: at('12:30') };
  const explanation = await why({ AuditLogs: [late, BAD] }, 'AuditLogs | where Result == "failure"', 'bad', {
    queryPeriod: '1h',
  });
  expect(explanation).toMatchObject({ cause: 'condition', ingested: '2026-01-05T10:20:00.0000000Z' });
});

test('a record that nobody planted is found by its Id', async () => {
  const explanation = await why(
    { AuditLogs: [audit(at('10:20'), 'ann@x', { Id: 'Directory_1' }), BAD] },
    'AuditLogs | where Result == "failure"',
    'Directory_1',
  );
  expect(explanation).toMatchObject({ cause: 'condition', message: expect.stringContaining('Result is "success"') });
});

test('an event that is nowhere is refused by name', async () => {
  await expect(why({ AuditLogs: [BAD] }, 'AuditLogs', 'nothing')).rejects.toThrow('the dataset has no event "nothing"');
});
