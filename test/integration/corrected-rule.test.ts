/** What docs/corrected-rule.md says of the corrected rule, on a smaller tenant than the one that it quotes. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replay } from '../../src/replay/replay.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { type RuleScore, score } from '../../src/score/score.ts';
import { missedEvents, whyNot } from '../../src/why/why.ts';
import { type Generated, generated } from '../support/generated.ts';

const SEED = 'rules/ni-auth-privileged-audit-actions.yaml';
const CORRECTED = 'rules/ni-auth-privileged-audit-actions.corrected.yaml';

/** The edits of the table, each a program for sed. */
const EDITS = Array.from(
  readFileSync('docs/corrected-rule.md', 'utf8').matchAll(/^edit '(.+)'$/gm),
  (match) => match[1]!,
);

function edited(program: string): string {
  return execFileSync('sed', ['-E', program, CORRECTED], { encoding: 'utf8' });
}

describe('the corrected rule', () => {
  let tenant: Generated;

  beforeAll(async () => {
    tenant = await generated('contoso-2k', { users: 400, days: 3 });
  });
  afterAll(() => tenant.remove());

  async function scoreOf(rule: string): Promise<RuleScore> {
    const result = await replay(tenant.dataset, compileRule(rule), { threads: 0 });
    return score(result, rule, await tenant.dataset.truth(), tenant.dataset.manifest);
  }

  test('finds more attacks than the seed rule, with fewer false alarms a day', async () => {
    const [seed, corrected] = [await scoreOf(SEED), await scoreOf(CORRECTED)];
    expect(corrected.attacks.recall!).toBeGreaterThan(seed.attacks.recall!);
    expect(corrected.falseAlarms.perDay!).toBeLessThan(seed.falseAlarms.perDay!);
    expect(corrected.rows.precision!).toBeGreaterThan(seed.rows.precision!);
  });

  test('leaves nothing that it misses without a reason', async () => {
    const compiled = compileRule(CORRECTED);
    const result = await replay(tenant.dataset, compiled, { threads: 0 });
    const events = missedEvents(result, await tenant.dataset.truth());
    const explanations = await whyNot(tenant.dataset, compiled, events, { replay: result });
    expect(explanations.map(({ event }) => event)).toEqual(events);
    expect(explanations.filter(({ cause }) => cause === 'returned' || cause === 'operator')).toEqual([]);
  });

  test.each(EDITS)('is still what its document edits: %s', (program) => {
    const text = edited(program);
    expect(text).not.toBe(readFileSync(CORRECTED, 'utf8'));
    expect(() => compileRule(text, { file: 'edited.yaml' })).not.toThrow();
  });

  test('has a document that measures every change', () => {
    expect(EDITS.length).toBeGreaterThanOrEqual(12);
  });
});
