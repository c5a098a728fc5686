import { describe, expect, test } from 'vitest';
import { STANDARD_VARIANTS } from '../../../generators/attacks/chain.ts';
import type { PlannedAudit } from '../../../generators/attacks/plan.ts';
import { Calendar } from '../../../generators/background/calendar.ts';
import { loadScenario, parseScenario } from '../../../generators/scenario.ts';
import { prepare } from '../../../generators/worker.ts';

describe('the attacks that ship', () => {
  test('have every standard variant, but for the one that no person acts in', () => {
    const { chains } = loadScenario('evasion');
    const attacks = Object.values(chains).filter(({ kind }) => kind === 'attack');
    expect(attacks).toHaveLength(15);
    for (const { name, variants, techniques } of attacks) {
      const expected = name === 'app-only-actor' ? ['plain', 'slow', 'late-ingestion'] : Object.keys(STANDARD_VARIANTS);
      expect([name, Object.keys(variants)]).toEqual([name, expect.arrayContaining(expected)]);
      expect([name, techniques.length > 0]).toEqual([name, true]);
    }
  });
});

describe("the help desk's resets", () => {
  const scenario = parseScenario(
    'resets.yaml',
    'tenant: { users: 60 }\ndays: 5\nlookalikes:\n  - { chain: helpdesk-reset, count: 8 }',
  );
  const { tenant, span, plan } = prepare(scenario);
  const eventsOf = (incident: (typeof plan.incidents)[number]) => {
    const ids = new Set(incident.events.map(({ id }) => id));
    return plan.events.filter(({ truth }) => ids.has(truth.id)).sort((a, b) => a.created - b.created);
  };

  test('are made in the first two hours of work', () => {
    expect(plan.incidents).toHaveLength(8);
    for (const incident of plan.incidents) {
      const [first] = eventsOf(incident);
      const calendar = new Calendar(tenant, tenant.account(first!.ordinal), span);
      const atMs = (first!.created - span.startTicks) / 10_000;
      const since = atMs - calendar.workday(calendar.localDayOf(atMs))!.startMs;
      expect(since).toBeGreaterThanOrEqual(0);
      expect(since).toBeLessThan(2 * 3_600_000);
    }
  });

  test('have the programs of whom they were made for refused, until a sign-in there', () => {
    for (const incident of plan.incidents) {
      const events = eventsOf(incident);
      const reset = events.find(
        (event): event is PlannedAudit => event.kind === 'audit' && event.operation === 'Reset user password',
      )!;
      const signIns = events.filter((event) => event.kind === 'signIn');
      expect(signIns.length).toBeGreaterThan(2);
      expect(signIns.map(({ step }) => step.result)).toEqual([...signIns.slice(1).map(() => '50173'), '0']);
      for (const { ordinal, accountKey, created } of signIns) {
        expect(reset.target).toContain(JSON.stringify(tenant.directoryName(ordinal)));
        expect(accountKey).toBe(tenant.signInName(ordinal));
        expect(created).toBeGreaterThan(reset.created);
      }
    }
  });
});
