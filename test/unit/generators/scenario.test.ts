import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseChain } from '../../../generators/attacks/chain.ts';
import { TIME_ZONES } from '../../../generators/places.ts';
import { loadScenario, parseScenario, shippedScenarios } from '../../../generators/scenario.ts';
import { TocsinError } from '../../../src/base/errors.ts';

function faults(text: string): string[] {
  try {
    parseScenario('mine.yaml', text);
  } catch (error) {
    if (!(error instanceof TocsinError)) throw error;
    expect(error.code).toBe('SCENARIO');
    return error.problems.map(
      ({ message, position, hint }) => `${position!.line}:${position!.column} ${message}${hint ? ` (${hint})` : ''}`,
    );
  }
  return [];
}

describe('a scenario', () => {
  test.each(shippedScenarios())('%s ships and is valid', (name) => {
    const scenario = loadScenario(name);
    expect(scenario.name).toBe(name);
    expect(scenario.attacks.length).toBeGreaterThan(0);
  });

  test('says how soon analysts close incidents, or that they close none', () => {
    const scenario = (analysts: string): string => `tenant: { users: 100 }\nattacks: []\n${analysts}`;
    const timeOf = (analysts: string): number | undefined =>
      parseScenario('mine.yaml', scenario(analysts)).timeToCloseMs;
    expect(timeOf('')).toBeUndefined();
    expect(timeOf('analysts: { timeToClose: 4h }')).toBe(4 * 3_600_000);
    expect(timeOf('analysts: { timeToClose: 90s }')).toBe(90_000);
    expect(faults(scenario('analysts: { timeToClose: 1h..2h }'))).toEqual([
      '3:26 timeToClose is a range, expected one duration such as 4h',
    ]);
    expect(faults(scenario('analysts: { timeToClse: 1h }'))).toEqual([
      '3:11 analysts lacks "timeToClose"',
      '3:13 unknown key "timeToClse" in analysts (did you mean "timeToClose"?)',
    ]);
  });

  test('holds what is expected of a rule, and knows the names of what it plants', () => {
    const text = [
      'tenant: { users: 100 }',
      'attacks:',
      '  - { chain: illicit-consent, variant: all }',
      'lookalikes:',
      '  - { chain: helpdesk-reset, perWeekPer1000Users: 1 }',
      'expectations:',
      '  - recall >= 0.9',
      '  - "attacks.illicit-consent.plain.recall == 100%"',
      '  - lookalikes.helpdesk-reset.share <= 10%',
    ].join('\n');
    const { expectations } = parseScenario('mine.yaml', text);
    expect(expectations.map(({ position, text: written }) => [position.line, position.column, written])).toEqual([
      [7, 5, 'recall >= 0.9'],
      [8, 6, 'attacks.illicit-consent.plain.recall == 100%'],
      [9, 5, 'lookalikes.helpdesk-reset.share <= 10%'],
    ]);
    expect(
      faults(text.replace('recall >= 0.9', 'attacks.mfa-method-by-admin.recall >= 0.9').replace('100%"', '100"')),
    ).toEqual([
      expect.stringMatching(/^7:5 unknown measure "attacks.mfa-method-by-admin.recall" \(the scenario plants /),
      '8:46 attacks.illicit-consent.plain.recall: found "100", expected a share from 0 to 1, or from 0 % to 100 % (did you mean 100%?)',
    ]);
    expect(faults('tenant: { users: 100 }\nexpectations: recall >= 0.9')).toEqual([
      '2:15 expectations must be a list, found "recall >= 0.9"',
    ]);
  });

  test('takes users, days and seed from the caller', () => {
    const scenario = loadScenario('contoso-2k', { users: 50, days: 2, seed: 9 });
    expect([scenario.tenant.users, scenario.days, scenario.seed]).toEqual([50, 2, 9]);
  });

  test('reports every fault at once, each with its place and the nearest valid name', () => {
    const text = [
      'sead: 3',
      'days: -2',
      'start: 2026-02-30',
      'tenant:',
      '  users: 100',
      '  domain: Contoso',
      '  offices:',
      '    - { city: Berlim, share: 1 }',
      '    - { city: Paris, timeZone: Europe/Pari, share: -1 }',
      'attacks:',
      '  - { chain: token-replay-role-asignment }',
      '  - { chain: illicit-consent, variant: maskd }',
      '  - { chain: illicit-consent, perWeekPer1000Users: 1000000 }',
      '  - { chain: illicit-consent, count: 2, parameters: { dwell: -5m, refresh: 9m..3m, netwrk: hosting } }',
    ].join('\n');
    expect(faults(text)).toEqual([
      '1:1 unknown key "sead" in the scenario (did you mean "seed"?)',
      '2:7 days is -2, expected a whole number from 1 to 366',
      '3:8 start is "2026-02-30", expected a day from 2000 to 2039 such as 2026-06-01',
      '6:11 domain is "Contoso", expected lower case such as contoso.com',
      '8:15 unknown city "Berlim" (did you mean "Berlin"?)',
      '9:32 unknown time zone "Europe/Pari" (did you mean "Europe/Paris"?)',
      '9:52 share is -1, expected a number from 0.0001 to 1000000',
      '11:14 unknown chain "token-replay-role-asignment" (did you mean "token-replay-role-assignment"?)',
      '12:40 unknown variant "maskd" of chain "illicit-consent" (did you mean "masked"?)',
      '13:52 perWeekPer1000Users is 1000000, expected a number from 0 to 5000',
      '14:62 parameters: dwell is "-5m": it must not be negative',
      '14:76 parameters: refresh is "9m..3m": its end lies before its beginning',
      '14:84 unknown key "netwrk" in parameters (did you mean "network"?)',
    ]);
  });

  test('knows of a time zone what the clocks there show in June', () => {
    const hour = Object.keys(TIME_ZONES).map((timeZone) => {
      const parts = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' }).formatToParts(
        Date.UTC(2026, 5, 1),
      );
      const [, sign, hours = '0', minutes = '0'] = /GMT(?:([+-])(\d+):(\d+))?/.exec(
        parts.find(({ type }) => type === 'timeZoneName')!.value,
      )!;
      return [timeZone, (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))];
    });
    expect(Object.fromEntries(hour)).toEqual(TIME_ZONES);
  });

  test('refuses more attacks than users', () => {
    expect(faults('tenant: { users: 20 }\nattacks:\n  - { chain: illicit-consent, count: 21 }')).toEqual([
      "2:1 21 attacks are more than the tenant's 20 users (lower the counts, or raise the number of users)",
    ]);
  });

  test('reports the faults of its own chain files once, however often it names them', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-scenario-'));
    try {
      mkdirSync(path.join(folder, 'attacks'));
      writeFileSync(path.join(folder, 'attacks', 'broken.yaml'), 'name: broken\ntitle: Broken\nstepps: []\n');
      const text = [
        'tenant: { users: 100 }',
        'attacks:',
        '  - { chain: broken }',
        '  - { chain: broken, variant: maskd }',
        '  - { chain: all, perWeekPer1000Users: 1 }',
        '  - { chain: brokn }',
      ].join('\n');
      parseScenario(path.join(folder, 'mine.yaml'), text, {}, folder);
      expect.unreachable();
    } catch (error) {
      expect((error as TocsinError).problems.map(({ message }) => message).sort()).toEqual([
        'the chain lacks "steps"',
        'unknown chain "brokn"',
        'unknown key "stepps" in the chain',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('reports what is no YAML', () => {
    expect(faults('tenant: { users: 20').length).toBeGreaterThan(0);
    expect(faults('')).toContain('1:1 the scenario must be a mapping of keys to values, found nothing');
  });

  test.each([
    ['an unknown name', 'contoso-2kk', /unknown scenario "contoso-2kk"[^]*did you mean "contoso-2k"/],
    ['a missing file', './nowhere.yaml', /nowhere\.yaml: the scenario cannot be read: there is no such file/],
  ])('says so for %s', (_, name, expected) => {
    expect(() => loadScenario(name)).toThrow(expected);
  });

  test('refuses overrides that make no sense', () => {
    expect(() => loadScenario('contoso-2k', { users: 1 })).toThrow('users is 1, expected a whole number from 20');
    expect(() => loadScenario('contoso-2k', { days: 1.5 })).toThrow('days is 1.5');
  });
});

describe('a chain', () => {
  test('reports every fault at once', () => {
    const text = [
      'name: mine',
      'title: Mine',
      'techniques: [T1, T1098.003]',
      'variants: { slwo: }',
      'steps:',
      '  - signIn: silently',
      '    application: OfficeHme',
      '  - action:',
      '      - { operation: Add member to rolle, subject: someone }',
      '    rolle: malicious',
      '  - wait: 5m',
    ].join('\n');
    try {
      parseChain('mine.yaml', text, 'attack');
      expect.unreachable();
    } catch (error) {
      const problems = (error as TocsinError).problems.map(({ message, position }) => `${position!.line} ${message}`);
      expect(problems).toEqual([
        '3 "T1" is no ATT&CK technique, expected a form such as T1098.003',
        '4 variant "slwo" is none of the standard ones, so it must say what it changes',
        '6 unknown kind of sign-in "silently"',
        '7 unknown application "OfficeHme"',
        '9 unknown operation "Add member to rolle"',
        '9 unknown subject "someone"',
        '10 unknown key "rolle" in an action',
        '11 a step must have "signIn" or "action"',
      ]);
    }
  });
});
