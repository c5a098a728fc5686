import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseScenario } from '../../generators/scenario.ts';
import type { TruthIncident } from '../../src/dataset/truth.ts';
import { replay } from '../../src/replay/replay.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { score } from '../../src/score/score.ts';
import { type Generated, generated } from '../support/generated.ts';
import { REPOSITORY } from '../support/run-cli.ts';

/**
 * Twenty rules as a detection engineer writes them, on a tenant of 300 people (3 administrators, 2 help-desk agents,
 * 12 developers, 15 guests; 180 of them in Berlin, where the company's VPN leaves) over three working days, with every
 * attack planted once. A rule that finds nothing of what real tenants have, or drowns in it, shows generated data that
 * nobody would believe.
 */
const SCENARIO = `
days: 3
seed: 21
tenant:
  users: 300
  offices: [{ city: Berlin, share: 60 }, { city: New York, share: 30 }, { city: Bengaluru, share: 10 }]
attacks: [{ chain: all, count: 1 }]
lookalikes: [{ chain: all, perWeekPer1000Users: 100 }]
`;

interface Expectation {
  /** How many different rows, both inclusive. */
  readonly rows: readonly [least: number, most: number];
  readonly because: string;
  /** Planted attacks that the rule must catch, and no others. */
  readonly catches: readonly string[];
}

const RULES: Readonly<Record<string, Expectation>> = {
  'application-owner': {
    rows: [2, 12],
    because: 'administrators make some 75 changes a day, one in a hundred of them an owner, and two attackers add one',
    catches: ['infostealer-same-device', 'service-principal-credential'],
  },
  'bulk-deletion': {
    rows: [1, 2],
    because: 'one attacker deletes 20 to 60 users within minutes; administrators delete one at a time',
    catches: ['bulk-deletion'],
  },
  'conditional-access-changed': {
    rows: [2, 10],
    because: 'an attacker changes one policy and deletes another, and administrators change one or two in three days',
    catches: ['conditional-access-tampering'],
  },
  'credential-for-application': {
    rows: [3, 30],
    because: 'twelve developers renew the odd secret, and an attacker adds one, in two rows',
    catches: ['service-principal-credential'],
  },
  'device-code': {
    rows: [1, 15],
    because: 'twelve developers sign a command line in on one day of eight, and one person falls for a phished code',
    catches: [],
  },
  'disabled-account': {
    rows: [1, 40],
    because: 'some of 4,000 interactive sign-ins are to accounts of people who left',
    catches: [],
  },
  'domain-federated': {
    rows: [1, 1],
    because: 'nobody federates a domain in an ordinary week',
    catches: ['federated-domain-backdoor'],
  },
  'factor-changed-by-admin': {
    rows: [3, 40],
    because: 'two agents have some 14 cases a day each, one in nine about a second factor, and the planted resets',
    catches: ['mfa-method-by-admin'],
  },
  'failed-sign-in-burst': {
    rows: [0, 3],
    because: 'people mistype a password once or twice before they remember it, and no guessing is planted',
    catches: [],
  },
  'failing-loop': {
    rows: [0, 6],
    because: 'two clients of a thousand loop: in a tenant of 300 there is none, one or two, on each of three days',
    catches: [],
  },
  'first-seen-country': {
    rows: [10, 90],
    because: "two days remember little: whoever is on head office's or a commercial VPN for the first time is new",
    catches: [],
  },
  'guest-by-non-admin': {
    rows: [1, 5],
    because: 'an employee whose account was taken invites the attacker; otherwise administrators invite',
    catches: ['guest-invitation'],
  },
  'impossible-travel': {
    rows: [20, 120],
    because:
      "18 people have a commercial VPN, and of 120 outside Berlin some work through head office's while the phone stays at home",
    catches: [],
  },
  'legacy-authentication': {
    rows: [0, 0],
    because: 'Exchange Online has refused basic authentication since 2022, and no client of the tenant asks for it',
    catches: [],
  },
  'many-applications': {
    rows: [30, 300],
    because: 'a morning at home opens ten applications in as many minutes, so such a rule is for nobody',
    catches: [],
  },
  'named-location-changed': {
    rows: [1, 6],
    because: 'an attacker adds an own network; administrators touch one in 250 changes',
    catches: ['conditional-access-tampering'],
  },
  'password-spray': {
    rows: [0, 2],
    because:
      'a whole office shares an address, but ten of its people do not mistype within an hour, and no spray is planted',
    catches: [],
  },
  'role-outside-pim': {
    rows: [1, 4],
    because: 'an attacker makes a role permanent, and administrators do so once in a while',
    catches: ['pim-abuse'],
  },
  'scripted-user-agent': {
    rows: [6, 60],
    because:
      'half of the developers run scripts, a service account does all day, and stolen tokens are replayed by some',
    catches: [],
  },
  'wide-consent': {
    rows: [1, 3],
    because: 'one person is phished for consent; what others consent to asks for a profile',
    catches: ['illicit-consent'],
  },
};

const FOLDER = path.join(REPOSITORY, 'test/rules');

let data: Generated;
let truth: readonly TruthIncident[];
beforeAll(async () => {
  data = await generated(parseScenario('rules.yaml', SCENARIO));
  truth = await data.dataset.truth();
});
afterAll(() => data.remove());

test('every rule has an expectation', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(RULES).map((name) => `${name}.yaml`));
  expect(Object.keys(RULES).length).toBeGreaterThanOrEqual(20);
});

describe('on a believable tenant', () => {
  test.each(Object.entries(RULES))('%s finds a plausible number of rows', async (name, { rows, because, catches }) => {
    const rule = compileRule(path.join(FOLDER, `${name}.yaml`));
    const result = await replay(data.dataset, rule, { threads: 0 });
    const found = score(result, rule.rule.name, truth, data.manifest);
    expect(found.rowsRead[Object.keys(found.rowsRead)[0]!]).toBeGreaterThan(1000);
    expect(found.rows.unique, because).toBeGreaterThanOrEqual(rows[0]);
    expect(found.rows.unique, because).toBeLessThanOrEqual(rows[1]);
    expect(
      found.perScenario.filter(({ attacks }) => attacks.detected > 0).map(({ scenario }) => scenario),
      because,
    ).toEqual(catches);
  });
});

test('deletes many users in a bulk deletion, and invites guests', () => {
  const targets = (operation: string): string[] =>
    data
      .rows('AuditLogs', ['OperationName', 'TargetResources'])
      .filter((row) => row['OperationName'] === operation)
      .map((row) => ((row['TargetResources'] as Map<string, string>[])[0]!.get('userPrincipalName') ?? '') as string);
  expect(new Set(targets('Delete user')).size).toBeGreaterThan(20);
  expect(targets('Delete user').every((name) => name.includes('@'))).toBe(true);
  const guests = targets('Invite external user');
  expect(guests.length).toBeGreaterThan(1);
  expect(guests.filter((name) => !name.includes('#EXT#@'))).toEqual([]);
});
