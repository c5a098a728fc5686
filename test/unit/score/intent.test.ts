import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { noiseText } from '../../../src/report/noise.ts';
import { replay } from '../../../src/replay/replay.ts';
import { compileRule } from '../../../src/rules/compile.ts';
import { hasIntent, type IntentScore, judgeIntent, scoreIntent } from '../../../src/score/intent.ts';
import { type Generated, generated } from '../../support/generated.ts';
import { incident } from '../../support/incidents.ts';
import { at, audit, memoryDataset, signIn, type TestTables } from '../../support/replay.ts';

const SEED = 'rules/ni-auth-privileged-audit-actions.yaml';

/** A rule that takes every act for an alarm, and reads the sign-ins to no purpose. */
const EVERY_ACT = `
name: every act
kind: Scheduled
severity: High
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  AuditLogs
  | extend Name = tolower(tostring(InitiatedBy.user.userPrincipalName))
  | join kind=leftouter (AADNonInteractiveUserSignInLogs | summarize by UserId) on $left.Name == $right.UserId
  | summarize count() by Name, OperationName
`;

async function judged(tables: TestTables, truth: readonly TruthIncident[], text = EVERY_ACT, partitionCount = 1) {
  const compiled = compileRule(text, { file: 'rule.yaml' });
  const dataset = memoryDataset(tables, { partitionCount });
  const result = await replay(dataset, compiled, { threads: 0 });
  const intended = await judgeIntent(dataset, compiled, result);
  const named = result.rows.map(({ cells }, row) => [cells[0], intended.rows[row]]);
  return { score: scoreIntent(result, truth, intended), intended, named: Object.fromEntries(named) as unknown };
}

describe('what the author of a rule on silent sign-ins means', () => {
  test('is an act at most an hour after a sign-in of the same account that succeeded', async () => {
    const { named } = await judged(
      {
        AADNonInteractiveUserSignInLogs: [
          signIn(at('09:00'), 'to-the-tick@x', '1.1.1.1'),
          signIn(at('09:00'), 'too-late@x', '1.1.1.1'),
          signIn(at('10:00'), 'failed@x', '1.1.1.1', { ResultType: '50126' }),
          signIn(at('10:30'), 'afterwards@x', '1.1.1.1'),
          signIn(at('09:30'), 'several@x', '1.1.1.1'),
          signIn(at('10:30'), 'several@x', '1.1.1.1'),
        ],
        AuditLogs: [
          audit(at('10:00'), 'to-the-tick@x'),
          audit(at('10:00') + 1n, 'too-late@x'),
          audit(at('10:10'), 'failed@x'),
          audit(at('10:10'), 'afterwards@x'),
          audit(at('10:10'), 'several@x'),
          { ...audit(at('10:10'), ''), InitiatedBy: { app: { displayName: 'An application' } } },
        ],
      },
      [],
    );
    expect(named).toEqual({
      'to-the-tick@x': true,
      'too-late@x': false,
      'failed@x': false,
      'afterwards@x': false,
      'several@x': true,
      '': false,
    });
  });

  test('goes by event time, by id before name, and by no letter case', async () => {
    const audited = (name: string, id: string, acted = '10:10') =>
      audit(at('10:20'), name, {
        InitiatedBy: { user: { userPrincipalName: name, id } },
        ActivityDateTime: at(acted),
      });
    const { named } = await judged(
      {
        AADNonInteractiveUserSignInLogs: [
          signIn(at('10:15'), 'published-late@x', '1.1.1.1', { CreatedDateTime: at('10:05'), UserId: 'a' }),
          signIn(at('10:00'), 'only-logged-after@x', '1.1.1.1', { CreatedDateTime: at('10:00'), UserId: 'b' }),
          signIn(at('10:00'), 'guest@partner.com', '1.1.1.1', { UserId: 'C' }),
          signIn(at('10:00'), 'Mixed@X', '1.1.1.1'),
        ],
        AuditLogs: [
          audited('published-late@x', 'a'),
          audited('only-logged-after@x', 'b', '09:50'),
          audited('guest_partner.com#EXT#@x', 'c'),
          audited('mIXED@x', ''),
        ],
      },
      [],
      EVERY_ACT,
      3,
    );
    expect(named).toEqual({
      'published-late@x': true,
      'only-logged-after@x': false,
      'guest_partner.com#ext#@x': true,
      'mixed@x': true,
    });
  });

  test('parts the attacks and the false alarms, a row by any act behind it', async () => {
    const truth = [
      incident('attack', 'A', 'chain', 'plain', [['A1', 610, 'malicious']]),
      incident('attack', 'B', 'chain', 'slow', [['B1', 610, 'malicious']]),
      incident('lookalike', 'L', 'kind', 'plain', [['L1', 610, 'benign']]),
    ];
    const text = EVERY_ACT.replace(
      '| summarize count() by Name, OperationName',
      '| where OperationName != "Unseen"\n  $&',
    );
    const { score, intended } = await judged(
      {
        AADNonInteractiveUserSignInLogs: [signIn(at('10:00'), 'ann@x', '1.1.1.1')],
        AuditLogs: [
          audit(at('10:10'), 'ann@x', { event: 'A1', OperationName: 'Unseen' }),
          audit(at('10:10'), 'eve@x', { event: 'B1' }),
          audit(at('10:10'), 'ann@x', { event: 'L1', OperationName: 'Look-alike' }),
          audit(at('09:10'), 'ann@x', { OperationName: 'Early' }),
          audit(at('10:20'), 'ann@x', { OperationName: 'Both' }),
          audit(at('12:20'), 'ann@x', { OperationName: 'Late' }),
        ],
      },
      truth,
      text,
    );
    expect([...intended.events].sort()).toEqual(['A1', 'L1']);
    expect(score).toMatchObject({
      attacks: { planted: 1, detected: 0, recall: 0 },
      events: { planted: 1, detected: 0 },
      // Early and Late were not meant; the run of Both raised one alert with an attack in it.
      falseRows: { meant: 2, notMeant: 2 },
      falseAlarms: { meant: 0, notMeant: 2 },
    });
  });

  test('is unmeasured of attacks where none does it, and asked only of rules that read both tables', async () => {
    const { score } = await judged({ AuditLogs: [audit(at('10:10'), 'ann@x')] }, []);
    expect(score.attacks).toMatchObject({ recall: null, unmeasured: 'no attack does what the rule means to catch' });
    expect(hasIntent(compileRule(SEED))).toBe(true);
    const other = EVERY_ACT.replaceAll('AADNonInteractiveUserSignInLogs', 'SigninLogs');
    expect(hasIntent(compileRule(other, { file: 'rule.yaml' }))).toBe(false);
  });

  test('stands among the false alarms in words', () => {
    const rows = { lookalike: 1, supporting: 0, background: 2 };
    const falseAlarms = { alerts: 3, perDay: null, perThousandUsersPerDay: null, rows };
    const intent = { falseRows: { meant: 2, notMeant: 1 } } as IntentScore;
    const noise = { unique: 4, falsePositive: 3, columns: [] };
    expect(noiseText(noise, { falseAlarms, perLookalike: [] }, 1, null, intent)).toContain(
      [
        '3 of 4 unique rows have nothing malicious behind them',
        '2 of them (67 %) are what its author meant to catch: an act at most an hour',
        'after a silent sign-in of the same account',
      ].join('\n'),
    );
  });
});

describe('in a generated tenant', () => {
  let tenant: Generated;
  beforeAll(async () => {
    tenant = await generated('evasion', { users: 450, days: 1 });
  });
  afterAll(() => tenant.remove());

  test('the logs say of every malicious act what its truth says', async () => {
    const compiled = compileRule(SEED);
    const result = await replay(tenant.dataset, compiled, { threads: 0 });
    const { events } = await judgeIntent(tenant.dataset, compiled, result);
    const known = (await tenant.dataset.truth()).flatMap((each) => each.events.filter(({ intent }) => intent));
    expect(known.filter(({ intent }) => !intent!.covered).length).toBeGreaterThan(10);
    expect(known.filter(({ intent }) => intent!.covered).length).toBeGreaterThan(10);
    expect(known.filter(({ id, intent }) => events.has(id) !== intent!.covered)).toEqual([]);
  });
});
