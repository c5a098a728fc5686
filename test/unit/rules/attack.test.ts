import { describe, expect, test } from 'vitest';
import { ATTACK_VERSION, sharesTactic, successorOf, TECHNIQUES } from '../../../src/rules/checks/attack.ts';
import { REVOKED } from '../../../src/rules/checks/techniques.ts';
import { TACTICS } from '../../../src/rules/vocabulary.ts';
import { cleanRuleWith, templateFindings } from '../../support/rules.ts';

describe('the table of ATT&CK', () => {
  const ids = [...TECHNIQUES.keys()];

  test('is whole: version 18 has 216 techniques and 475 sub-techniques', () => {
    expect(ATTACK_VERSION).toBe('18');
    expect(ids.filter((id) => /^T\d{4}$/.test(id))).toHaveLength(216);
    expect(ids.filter((id) => /^T\d{4}\.\d{3}$/.test(id))).toHaveLength(475);
    expect(ids).toHaveLength(216 + 475);
  });

  test('is in order, each technique with a name and tactics that rules may name', () => {
    expect(ids).toEqual(ids.toSorted());
    for (const [id, { name, tactics }] of TECHNIQUES) {
      expect(name, id).toMatch(/^\S.*\S$/);
      expect(tactics.length, id).toBeGreaterThan(0);
      // In the order of the matrix, none twice.
      const places = tactics.map((tactic) => TACTICS.indexOf(tactic));
      expect(places, id).toEqual([...new Set(places)].toSorted((a, b) => a - b));
      expect(places[0], id).toBeGreaterThanOrEqual(0);
    }
  });

  test('knows every tactic of the enterprise matrix', () => {
    const used = new Set([...TECHNIQUES.values()].flatMap(({ tactics }) => tactics));
    const others = ['PreAttack', 'ImpairProcessControl', 'InhibitResponseFunction'];
    expect(TACTICS.filter((tactic) => !used.has(tactic))).toEqual(others);
  });

  test.each([
    ['T1078', 'Valid Accounts', ['InitialAccess', 'Persistence', 'PrivilegeEscalation', 'DefenseEvasion']],
    ['T1098.003', 'Account Manipulation: Additional Cloud Roles', ['Persistence', 'PrivilegeEscalation']],
    [
      'T1550.001',
      'Use Alternate Authentication Material: Application Access Token',
      ['DefenseEvasion', 'LateralMovement'],
    ],
    [
      'T1556.009',
      'Modify Authentication Process: Conditional Access Policies',
      ['Persistence', 'DefenseEvasion', 'CredentialAccess'],
    ],
    ['T1546.018', 'Event Triggered Execution: Python Startup Hooks', ['Persistence', 'PrivilegeEscalation']],
    ['T1681', 'Search Threat Vendor Data', ['Reconnaissance']],
  ])('%s is %s', (id, name, tactics) => {
    expect(TECHNIQUES.get(id)).toEqual({ name, tactics });
  });

  test('leads from revoked ids, which it does not have, to ones that it has', () => {
    for (const [old, now] of Object.entries(REVOKED)) {
      expect(TECHNIQUES.has(old), old).toBe(false);
      expect(TECHNIQUES.has(now), now).toBe(true);
    }
    expect(successorOf('T1527')).toBe('T1550.001');
    expect(successorOf('T1078')).toBeUndefined();
  });
});

describe('techniques of a rule', () => {
  const found = (techniques: string, tactics = 'Persistence'): string[] =>
    templateFindings(cleanRuleWith(`tactics: [${tactics}]\nrelevantTechniques: [${techniques}]`)).map(
      ({ check, severity, message }) => `${severity} ${check}: ${message}`,
    );

  test.each([
    ['T1078', 'Persistence'],
    ['T1078.004', 'InitialAccess'],
    // What Sentinel's own list of tactics has besides the enterprise matrix.
    ['T1589', 'PreAttack'],
    ['T1583.001', 'PreAttack'],
    ['T0859', 'ImpairProcessControl'],
    ['T0828', 'InhibitResponseFunction'],
  ])('%s under %s is fine', (technique, tactic) => {
    expect(found(technique, tactic)).toEqual([]);
  });

  test.each(TACTICS)('may stand under %s, which Sentinel knows', (tactic) => {
    expect(found('', tactic)).toEqual([]);
    expect(sharesTactic({ name: 'any', tactics: [tactic] }, [tactic])).toBe(true);
  });

  test('of another tactic is a warning that names its own', () => {
    expect(found('T1098.001', 'Impact, PreAttack')).toEqual([
      'warning technique-without-tactic: T1098.001 (Account Manipulation: Additional Cloud Credentials) belongs to Persistence, PrivilegeEscalation, none of which is among the tactics',
    ]);
  });

  test('that is not in the table is a warning that names the version, and what is near', () => {
    expect(found('T9999, T1078.099, T1086')).toEqual([
      'warning technique-unknown: ATT&CK for Enterprise 18 has no technique T9999',
      'warning technique-unknown: ATT&CK for Enterprise 18 has no technique T1078.099; T1078 is Valid Accounts',
      'warning technique-unknown: ATT&CK for Enterprise 18 has no technique T1086; it is now T1059.001 (Command and Scripting Interpreter: PowerShell)',
    ]);
  });

  test.each(['T107', 'T10788', 'T1078.4', 'T1078.0004', 't1078', 'T1078/004', 'TA0003', 'Valid Accounts'])(
    '%j is not of the form at all, which is an error and nothing else',
    (technique) => {
      expect(found(technique)).toEqual([
        `error technique-form: technique: found ${JSON.stringify(technique)}, expected T1234 or T1234.001`,
      ]);
    },
  );
});
