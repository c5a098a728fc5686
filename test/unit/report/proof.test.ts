/** Each rule here has one fault, and a dataset that makes it cost something. */
import { describe, expect, test } from 'vitest';
import { maliciousEvents } from '../../../src/dataset/truth.ts';
import { replay } from '../../../src/replay/replay.ts';
import { prove } from '../../../src/report/proof.ts';
import { checkRule } from '../../../src/rules/checks/index.ts';
import type { Finding } from '../../../src/rules/checks/check.ts';
import { compileRule } from '../../../src/rules/compile.ts';
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
  const result = await replay(dataset, compiled, { threads: 0 });
  const explanations = await whyNot(dataset, compiled, missedEvents(result, truth), { replay: result });
  const malicious = maliciousEvents(truth);
  return prove(checkRule(text, 'rule.yaml').findings, {
    replay: result,
    score: score(result, 'rule', truth, dataset.manifest),
    explanations,
    root: compiled.plan.root,
    explainWith: (root, lost) =>
      whyNot(dataset, { ...compiled, plan: { ...compiled.plan, root } }, lost, { replay: result }),
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
    expect(finding!.proof).toEqual({ message: 'loses 1 of 2 attack events', events: ['e1'] });
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
      'application-actors-dropped': 'loses 1 of 2 attack events',
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
    expect(await proofsOf(fields, tables)).toEqual({ 'category-unknown': 'loses 1 of 2 attack events' });
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
      'publish-time-against-event-time': 'loses 1 of 4 attack events',
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
      'period-shorter-than-frequency': 'loses 1 of 2 attack events',
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
      message: 'returns 2 of 5 rows again, and 1 of 2 attack events in more than one run',
      events: ['in time'],
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
      'fan-out-by-address': 'returns 1 of 2 attack events several times in one run, up to 3 times',
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
      'grouping-ignored': 'unrelated users stand in an incident with 1 of 1 attack: up to 3 users in one',
      'single-alert-title': '1 of 2 alerts stand for several rows',
    });
  });
});

test('findings that a replay does not bear out have no proof', async () => {
  const tables: TestTables = { AuditLogs: [audit(at('10:20'), 'a@x', { Result: 'failure', event: 'failed' })] };
  const findings = await findingsOf(rule(UPN, '| where isnotempty(Actor)'), tables);
  expect(findings.map(({ check }) => check)).toEqual(['application-actors-dropped']);
  expect(findings.filter(({ proof }) => proof)).toEqual([]);
});
