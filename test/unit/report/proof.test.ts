/** Each rule here has one fault, and a dataset that makes it cost something. */
import { describe, expect, test } from 'vitest';
import { TICKS_PER_HOUR } from '../../../src/base/time.ts';
import { maliciousEvents } from '../../../src/dataset/truth.ts';
import { replay } from '../../../src/replay/replay.ts';
import { prove, type Scored } from '../../../src/report/proof.ts';
import { checkRule, CHECKS } from '../../../src/rules/checks/index.ts';
import type { Finding } from '../../../src/rules/checks/check.ts';
import { type CompiledRule, compileRule, compileVariant } from '../../../src/rules/compile.ts';
import { score } from '../../../src/score/score.ts';
import { missedEvents, whyNot } from '../../../src/why/why.ts';
import { incident } from '../../support/incidents.ts';
import { at, audit, memoryDataset, signIn, type TestRow, type TestTables } from '../../support/replay.ts';
import { cleanRuleWith } from '../../support/rules.ts';

/** Every labelled row is the malicious act of an attack of its own. */
async function findingsOf(fields: string, tables: TestTables): Promise<readonly Finding[]> {
  const text = cleanRuleWith(fields);
  const dataset = memoryDataset(tables);
  const compiled = compileRule(text);
  const events = Object.values(tables as Record<string, readonly TestRow[]>).flatMap((rows) =>
    rows.flatMap(({ event }) => event ?? []),
  );
  const truth = events.map((event, i) =>
    incident('attack', `attack-${event}`, 'chain', 'plain', [[event, i, 'malicious']]),
  );
  const scored = async (variant: CompiledRule): Promise<Scored> => {
    const result = await replay(dataset, variant, { threads: 0 });
    return { replay: result, score: score(result, 'rule', truth, dataset.manifest) };
  };
  const asIs = await scored(compiled);
  const explanations = await whyNot(dataset, compiled, missedEvents(asIs.replay, truth), { replay: asIs.replay });
  const malicious = maliciousEvents(truth);
  return prove(checkRule(text, 'rule.yaml').findings, {
    ...asIs,
    compiled,
    explanations,
    explainWith: (root, lost) =>
      whyNot(dataset, { ...compiled, plan: { ...compiled.plan, root } }, lost, { replay: asIs.replay }),
    replayWith: (change) => scored(compileVariant(compiled, change)),
    isMalicious: (event) => malicious.has(event),
  });
}

/** The proofs by check. */
async function proofsOf(fields: string, tables: TestTables): Promise<Record<string, string>> {
  const findings = await findingsOf(fields, tables);
  return Object.fromEntries(findings.flatMap(({ check, proof }) => (proof ? [[check, proof.message]] : [])));
}

const ACT = 'where Result == "success" and OperationName == "Add member to role"';
const rule = (...lines: string[]): string =>
  `query: |\n  AuditLogs\n  | ${ACT}\n${lines.map((line) => `  ${line}\n`).join('')}`;
const NI = 'AADNonInteractiveUserSignInLogs';
const UPN = '| extend Actor = tostring(InitiatedBy.user.userPrincipalName)';

describe('a finding is proven by the attack events that were lost there', () => {
  test('last-event-only: a later sign-in hid the one before the act', async () => {
    const fields = rule(
      '| extend Actor = tostring(InitiatedBy.user.id)',
      `| join kind=inner (${NI} | summarize Last = max(CreatedDateTime) by UserId) on $left.Actor == $right.UserId`,
      '| where ActivityDateTime - Last between (0m .. 30m)',
    );
    const act = (time: string, id: string, event: string): TestRow =>
      audit(at(time), `${id}@x`, { InitiatedBy: { user: { id } }, ActivityDateTime: at(time), event });
    const signedIn = (time: string, id: string): TestRow =>
      signIn(at(time), `${id}@x`, '1.1.1.1', { UserId: id, CreatedDateTime: at(time) });
    const findings = await findingsOf(fields, {
      AuditLogs: [act('10:20', 'busy', 'e1'), act('10:20', 'calm', 'e2')],
      AADNonInteractiveUserSignInLogs: [
        signedIn('10:10', 'busy'),
        signedIn('10:40', 'busy'),
        signedIn('10:10', 'calm'),
      ],
    });
    const [finding] = findings.filter(({ check }) => check === 'last-event-only');
    expect(finding!.proof).toMatchObject({
      message: 'loses 1 of 2 attack events; repairing this alone finds 1 more attack event (1 more attack)',
      events: ['e1'],
      repaired: { found: 1, lost: 0, attacks: 1 },
    });
  });

  test('upn-letter-case and upn-of-guests: each its own, though both stand at one place', async () => {
    const fields = rule(
      UPN,
      `| join kind=inner (${NI} | summarize Times = count() by UserPrincipalName) on $left.Actor == $right.UserPrincipalName`,
    );
    const act = (upn: string, id: string, event: string): TestRow =>
      audit(at('10:20'), upn, { InitiatedBy: { user: { userPrincipalName: upn, id } }, event });
    const findings = await findingsOf(fields, {
      AuditLogs: [
        act('Ada@x.com', 'i1', 'capital'),
        act('bob_y.com#EXT#@x.com', 'i2', 'guest'),
        act('cy@x.com', 'i3', 'plain'),
      ],
      AADNonInteractiveUserSignInLogs: [
        signIn(at('10:10'), 'ada@x.com', '1.1.1.1', { UserId: 'i1' }),
        signIn(at('10:10'), 'bob@y.com', '1.1.1.2', { UserId: 'i2' }),
        signIn(at('10:10'), 'cy@x.com', '1.1.1.3', { UserId: 'i3' }),
      ],
    });
    const events = Object.fromEntries(findings.map(({ check, proof }) => [check, proof?.events]));
    expect(events).toMatchObject({ 'upn-letter-case': ['capital'], 'upn-of-guests': ['guest'] });
  });

  test('application-actors-dropped: nobody but an application acted', async () => {
    const tables: TestTables = {
      AuditLogs: [
        audit(at('10:20'), '', { InitiatedBy: { app: { displayName: 'Backup' } }, event: 'app' }),
        audit(at('10:30'), 'a@x', { event: 'user' }),
      ],
    };
    expect(await proofsOf(rule(UPN, '| where isnotempty(Actor)'), tables)).toEqual({
      'application-actors-dropped':
        'loses 1 of 2 attack events; repairing this alone finds 1 more attack event (1 more attack), and adds 1 row',
    });
  });

  test('category-unknown: only what is under the category that was meant', async () => {
    const fields = `query: |
  AuditLogs
  | where Category == "DeviceManagement" and Result == "success"
  | extend Actor = tostring(InitiatedBy.user.id)
`;
    const tables: TestTables = {
      AuditLogs: [
        audit(at('10:20'), 'a@x', { Category: 'Device', event: 'registered' }),
        audit(at('10:20'), 'a@x', { Category: 'Policy', event: 'policy' }),
      ],
    };
    expect(await proofsOf(fields, tables)).toEqual({
      'category-unknown':
        'loses 1 of 2 attack events; repairing this alone finds 1 more attack event (1 more attack), and adds 1 row',
    });
  });

  test('publish-time-against-event-time: the sign-in was published after the act', async () => {
    const fields = rule(
      '| extend Actor = tostring(InitiatedBy.user.id)',
      `| join kind=inner (${NI} | project UserId, Seen = TimeGenerated) on $left.Actor == $right.UserId`,
      '| where TimeGenerated - Seen between (0m .. 30m)',
    );
    const act = (time: string, event: string): TestRow =>
      audit(at(time), 'a@x', { InitiatedBy: { user: { id: 'i1' } }, event });
    const tables: TestTables = {
      AuditLogs: [act('10:09', 'quick'), act('10:15', 'slow'), act('10:50', 'long after'), act('10:05', 'before')],
      AADNonInteractiveUserSignInLogs: [
        signIn(at('10:10'), 'a@x', '1.1.1.1', { UserId: 'i1', CreatedDateTime: at('10:08') }),
      ],
    };
    expect(await proofsOf(fields, tables)).toEqual({
      'publish-time-against-event-time':
        'loses 1 of 4 attack events; repairing this alone finds 1 more attack event (1 more attack), and adds 1 row',
    });
  });

  test('period-shorter-than-frequency: no window has them', async () => {
    const tables: TestTables = {
      AuditLogs: [
        audit(at('10:10'), 'a@x', { OperationName: 'Delete user', event: 'between' }),
        audit(at('10:50'), 'a@x', { OperationName: 'Delete user', event: 'within' }),
      ],
    };
    expect(await proofsOf('queryFrequency: 1h\nqueryPeriod: 30m', tables)).toEqual({
      'period-shorter-than-frequency':
        'loses 1 of 2 attack events; repairing this alone finds 1 more attack event (1 more attack), and adds 1 row',
    });
  });
});

describe('a finding is proven by what comes too often', () => {
  const deleted = (time: string, upn: string, more: Partial<TestRow> = {}): TestRow =>
    audit(at(time), upn, { OperationName: 'Delete user', InitiatedBy: { user: { id: upn } }, ...more });

  test('overlap-without-guard: rows and attack events that come again', async () => {
    const tables: TestTables = {
      AuditLogs: [
        deleted('10:10', 'a', { event: 'in time' }),
        // Half an hour late: only the second of its two runs can see it.
        deleted('10:50', 'b', { ingested: at('11:20'), event: 'late' }),
        deleted('10:20', 'c'),
      ],
    };
    const [finding] = (await findingsOf('queryPeriod: 2h', tables)).filter((f) => f.check === 'overlap-without-guard');
    expect(finding!.proof).toEqual({
      message:
        'returns 2 of 5 rows again, and 1 of 2 attack events in more than one run; repairing this alone saves 2 rows and loses no attack event',
      events: ['in time'],
      repaired: { found: 0, lost: 0, attacks: 0, rows: -2 },
    });
    const once: TestTables = { AuditLogs: tables.AuditLogs!.slice(1, 2) };
    expect(await proofsOf('queryPeriod: 2h', once)).toEqual({});
  });

  test('fan-out-by-address: an act for each address of the user', async () => {
    const fields = rule(
      '| extend Actor = tostring(InitiatedBy.user.id)',
      `| join kind=inner (${NI} | summarize Times = count() by UserId, IPAddress) on $left.Actor == $right.UserId`,
    );
    const act = (id: string): TestRow => audit(at('10:20'), id, { InitiatedBy: { user: { id } }, event: `by ${id}` });
    const from = (id: string, ip: string): TestRow => signIn(at('10:10'), id, ip, { UserId: id });
    const tables: TestTables = {
      AuditLogs: [act('a'), act('b')],
      AADNonInteractiveUserSignInLogs: [from('a', '1'), from('a', '2'), from('a', '3'), from('b', '1')],
    };
    expect(await proofsOf(fields, tables)).toEqual({
      'fan-out-by-address':
        'returns 1 of 2 attack events several times in one run, up to 3 times; repairing this alone saves 2 rows and loses no attack event',
    });
  });

  test('grouping-ignored and single-alert-title: whom an alert and an incident bring together', async () => {
    const fields = `alertDetailsOverride: {alertDisplayNameFormat: "{{Actor}} deleted a user"}
incidentConfiguration:
  createIncident: true
  groupingConfiguration:
    enabled: true
    matchingMethod: AnyAlert
    lookbackDuration: 5h
    groupByEntities: [Account]
`;
    const tables: TestTables = {
      AuditLogs: [deleted('10:10', 'a', { event: 'e' }), deleted('10:20', 'b'), deleted('12:20', 'c')],
    };
    expect(await proofsOf(fields, tables)).toEqual({
      'grouping-ignored':
        'unrelated users stand in an incident with 1 of 1 attack: up to 3 users in one; with Selected, 2 incidents instead of 1',
      'single-alert-title': '1 of 2 alerts stand for several rows',
    });
  });
});

describe('a finding is proven by the rule without its fault', () => {
  const act = (time: string, id: string, more: Partial<TestRow>): TestRow =>
    audit(at(time), `${id}@x.com`, { InitiatedBy: { user: { userPrincipalName: `${id}@x.com`, id } }, ...more });

  test('result-not-filtered: rows and attack events of actions that failed', async () => {
    const fields = `query: |
  AuditLogs
  | where OperationName == "Add member to role"
  | extend Actor = tostring(InitiatedBy.user.id)
`;
    const tables: TestTables = {
      AuditLogs: [
        act('10:10', 'a', { event: 'done' }),
        act('10:20', 'b', { Result: 'failure', event: 'tried' }),
        act('10:30', 'c', { Result: 'failure' }),
      ],
    };
    const [finding] = (await findingsOf(fields, tables)).filter(({ proof }) => proof);
    expect(finding).toMatchObject({
      check: 'result-not-filtered',
      proof: {
        message: '2 of 3 rows are there for actions that failed, 1 attack event among them',
        events: ['tried'],
        repaired: { found: 0, lost: 1, attacks: -1, rows: -2 },
      },
    });
    expect(await proofsOf(fields, { AuditLogs: tables.AuditLogs!.slice(0, 1) })).toEqual({});
  });

  test('ago-beyond-period: what a queryPeriod as long as the query asks for would add', async () => {
    const fields = `query: |
  AuditLogs
  | where TimeGenerated > ago(4h)
  | where Result == "success" and OperationName == "Delete user"
  | summarize Times = count() by Actor = tostring(InitiatedBy.user.id)
  | where Times > 1
`;
    const deleted = (time: string, id: string, event: string): TestRow =>
      act(time, id, { OperationName: 'Delete user', event });
    const tables: TestTables = {
      AuditLogs: [
        deleted('10:10', 'a', 'a1'),
        deleted('12:20', 'a', 'a2'),
        deleted('10:20', 'b', 'b1'),
        deleted('10:30', 'b', 'b2'),
      ],
    };
    const found = await findingsOf(fields, tables);
    expect(found.find(({ check }) => check === 'ago-beyond-period')!.proof).toEqual({
      message: 'repairing this alone finds 2 more attack events (2 more attacks), and adds 5 rows',
      events: ['a1', 'a2'],
      repaired: { found: 2, lost: 0, attacks: 2, rows: 5 },
    });
  });

  test('upn-letter-case: on either side of a join, and in a condition', async () => {
    const tables: TestTables = {
      AuditLogs: [
        audit(at('10:20'), 'Ada@x.com', {
          InitiatedBy: { user: { userPrincipalName: 'Ada@x.com', id: 'i1' } },
          event: 'capital',
        }),
      ],
      AADNonInteractiveUserSignInLogs: [signIn(at('10:10'), 'ada@x.com', '1.1.1.1', { UserId: 'i1' })],
    };
    const repaired = 'repairing this alone finds 1 more attack event (1 more attack), and adds 1 row';
    const auditRight = `query: |
  ${NI}
  | project UserPrincipalName
  | join kind=inner (AuditLogs | ${ACT} ${UPN}) on $left.UserPrincipalName == $right.Actor
`;
    const inCondition = rule(
      UPN,
      '| extend Other = 1',
      `| join kind=inner (${NI} | project UserPrincipalName, Other = 1) on Other`,
      '| where Actor == UserPrincipalName',
    );
    for (const fields of [auditRight, inCondition]) {
      expect((await proofsOf(fields, tables))['upn-letter-case']).toContain(repaired);
    }
  });

  test('dynamic-compared: values that are equal only as texts', async () => {
    const fields = rule(
      '| where AdditionalDetails.Asked == AdditionalDetails.Given',
      '| extend Actor = tostring(InitiatedBy.user.id)',
    );
    const granted = (time: string, id: string, given: unknown): TestRow =>
      act(time, id, { AdditionalDetails: { Asked: '1', Given: given }, event: id });
    const tables: TestTables = { AuditLogs: [granted('10:10', 'text', '1'), granted('10:20', 'number', 1)] };
    const [finding] = await findingsOf(fields, tables);
    expect(finding).toMatchObject({
      check: 'dynamic-compared',
      proof: {
        message: 'repairing this alone finds 1 more attack event (1 more attack), and adds 1 row',
        events: ['number'],
      },
    });
  });

  test('contains-whole-word: what matches inside other words only', async () => {
    const fields = `query: |
  AuditLogs
  | where Result == "success" and OperationName contains "role"
  | extend Actor = tostring(InitiatedBy.user.id)
`;
    const tables: TestTables = {
      AuditLogs: [
        act('10:10', 'a', { OperationName: 'Add member to role', event: 'word' }),
        act('10:20', 'b', { OperationName: 'Enrolered', event: 'inside' }),
      ],
    };
    expect(await proofsOf(fields, tables)).toEqual({
      'contains-whole-word': 'repairing this alone loses 1 attack event (1 fewer attack), and saves 1 row',
    });
  });

  test('overlap-without-guard: a guard on the rows that the result comes from, not on what they are joined to', async () => {
    const fields = `queryPeriod: 2h
${rule(
  '| extend Actor = tostring(InitiatedBy.user.id)',
  `| join kind=inner (${NI} | project UserId, Seen = CreatedDateTime) on $left.Actor == $right.UserId`,
  '| where ActivityDateTime - Seen between (0m .. 60m)',
)}`;
    const tables: TestTables = {
      AuditLogs: [act('10:20', 'a', { ActivityDateTime: at('10:20'), event: 'e' })],
      AADNonInteractiveUserSignInLogs: [
        signIn(at('09:40'), 'a', '1.1.1.1', { UserId: 'a', CreatedDateTime: at('09:40') }),
      ],
    };
    // The run at 12:00 sees the act, but no longer the sign-in.
    expect(await proofsOf(fields, tables)).toEqual({});
    const recent = {
      ...tables,
      AADNonInteractiveUserSignInLogs: [signIn(at('10:10'), 'a', '1', { UserId: 'a', CreatedDateTime: at('10:10') })],
    };
    expect((await proofsOf(fields, recent))['overlap-without-guard']).toBe(
      'returns 1 of 2 rows again, and 1 of 1 attack event in more than one run; repairing this alone saves 1 row and loses no attack event',
    );
  });

  test('string-compared-with-number: nothing, where the number is taken as its text all the same', async () => {
    const fields = `query: |
  SigninLogs
  | where ResultType == 50126
  | project TimeGenerated, Id, OperationName, Actor = UserId
requiredDataConnectors: []
`;
    const failed = signIn(at('10:10'), 'a', '1', { UserId: 'a', ResultType: '50126', event: 'e' });
    expect((await findingsOf(fields, { SigninLogs: [failed] })).map(({ check, proof }) => [check, proof])).toEqual([
      ['string-compared-with-number', undefined],
    ]);
  });
});

describe('a repair', () => {
  test.each(CHECKS.flatMap((check) => (check.repair ? [[check.id, check] as const] : [])))(
    'of %s compiles, and undoes what its example has wrong',
    (id, check) => {
      const text = cleanRuleWith(check.bad);
      const compiled = compileRule(text);
      const input = { rule: compiled.rule, plan: compiled.plan.root };
      const [report] = [...check.find(input)];
      const change = check.repair!(input, 'span' in report! ? report.span : undefined)!;
      const variant = compileVariant(compiled, change);
      const after = { rule: variant.rule, plan: variant.plan.root };
      // The greatest of a group of one is still written as the greatest.
      expect([...check.find(after)].length).toBe(id === 'last-event-only' ? 1 : 0);
    },
  );

  test('keeps the placeholders of hunting queries filled, also where queryPeriod is what changes', () => {
    const compiled = compileRule(
      cleanRuleWith(
        'queryPeriod: 1h\nquery: |\n  AuditLogs\n  | where TimeGenerated > todatetime("{{StartTimeISO}}") and OperationName contains "delete user"\n',
      ),
    );
    const longer = compileVariant(compiled, { fields: { queryPeriod: 3n * TICKS_PER_HOUR }, edits: [] });
    expect(longer.plan.text).toContain('ago(3h)');
    const at = compiled.rule.query.indexOf('contains');
    const edits = [{ start: at, end: at + 'contains'.length, text: 'has' }];
    expect(compileVariant(compiled, { fields: {}, edits }).plan.text).toMatch(/ago\(1h\).*has "delete user"/);
  });
});

test('findings that a replay does not bear out have no proof', async () => {
  const tables: TestTables = { AuditLogs: [audit(at('10:20'), 'a@x', { Result: 'failure', event: 'failed' })] };
  const findings = await findingsOf(rule(UPN, '| where isnotempty(Actor)'), tables);
  expect(findings.map(({ check }) => check)).toEqual(['application-actors-dropped']);
  expect(findings.filter(({ proof }) => proof)).toEqual([]);
});
