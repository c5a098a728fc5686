import { describe, expect, test } from 'vitest';
import { loadScenario, type Scenario } from '../../../generators/scenario.ts';
import { replay } from '../../../src/replay/replay.ts';
import { compileRule } from '../../../src/rules/compile.ts';
import { generated } from '../../support/generated.ts';

const RULE = 'rules/ni-auth-privileged-audit-actions.yaml';

/** Which malicious events of each incident the seed rule's rows stand on. */
async function rung(
  scenario: Scenario,
): Promise<{ id: string; chain: string; variant: string; acts: number; rang: number; rows: number }[]> {
  const data = await generated(scenario);
  const { rows } = await replay(data.dataset, compileRule(RULE), { threads: 0 });
  const rowsByEvent = new Map<string, Set<string>>();
  for (const { cells, events } of rows) {
    for (const event of events) {
      const seen = rowsByEvent.get(event) ?? new Set();
      rowsByEvent.set(event, seen.add(cells.map(String).join()));
    }
  }
  const truth = await data.dataset.truth();
  data.remove();
  return truth
    .filter(({ kind }) => kind === 'attack')
    .map(({ id, scenario: chain, variant, events }) => {
      const acts = events.filter(({ role }) => role === 'malicious');
      return {
        id,
        chain,
        variant,
        acts: acts.length,
        rang: acts.filter((act) => rowsByEvent.has(act.id)).length,
        rows: acts.reduce((sum, act) => sum + (rowsByEvent.get(act.id)?.size ?? 0), 0),
      };
    });
}

describe('the seed rule', () => {
  test('rings at the edges of its window as its text says', async () => {
    const results = await rung(loadScenario('boundary'));
    const outcome = Object.fromEntries(results.map(({ chain, variant, rang }) => [`${chain} ${variant}`, rang > 0]));
    expect(outcome).toEqual({
      'edge-of-delta plain': true,
      'edge-of-delta none': true,
      'edge-of-delta sixty-minutes': true,
      'edge-of-delta sixty-minutes-and-a-tick': false,
      'edge-of-delta mixed-case': false,
      'edge-of-delta guest': false,
      'edge-of-delta app-only': false,
      'edge-of-delta ingested-too-late': false,
      'edge-of-delta ingested-just-late': true,
      'edge-of-window plain': true,
      'edge-of-window act-at-its-end': true,
      'edge-of-window act-a-tick-after-its-end': true,
      'edge-of-window sign-in-at-its-start': true,
      'edge-of-window sign-in-a-tick-after-its-start': true,
      'edge-of-window just-before-a-run': true,
      'edge-sign-in-after plain': false,
      'edge-two-addresses plain': true,
      'edge-failed-sign-in plain': false,
    });
    expect(results.find(({ chain }) => chain === 'edge-two-addresses')!.rows).toBe(2);
  });

  test('misses each variant for its own reason', async () => {
    const evasion = loadScenario('evasion', { users: 700, days: 3 });
    const parameters = { actor: 'admin', dedicated: true, hours: 'off' } as const;
    const plant = (variant: string, count: number) => ({
      choices: [['token-replay-role-assignment', variant]] as const,
      count,
      perWeekPer1000Users: 0,
      parameters,
    });
    const never = ['slow', 'mixed-case', 'guest', 'app-only', 'late-ingestion'];
    const results = await rung({
      ...evasion,
      attacks: [plant('plain', 28), plant('masked', 28), ...never.map((variant) => plant(variant, 4))],
      lookalikes: [],
    });
    const recall = (variant: string): number => {
      const of = results.filter((result) => result.variant === variant);
      expect(of.length).toBeGreaterThan(3);
      return of.filter(({ rang }) => rang > 0).length / of.length;
    };
    expect(never.map((variant) => [variant, recall(variant)])).toEqual(never.map((variant) => [variant, 0]));
    // Only an act in the last minutes before a run escapes the mask.
    expect(recall('masked')).toBeLessThanOrEqual(0.12);
    // Renewals every 26 to 60 minutes hide about half of the acts between them.
    expect(recall('plain')).toBeGreaterThanOrEqual(0.3);
    expect(recall('plain')).toBeLessThanOrEqual(0.65);
  });
});
