import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/columns/value.ts';
import { execute, prepare } from '../../../src/engine/execute.ts';
import type { Run } from '../../../src/engine/run.ts';
import { type MemoryTables, rowsOf } from '../../../src/engine/tables.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { by, MINUTE, NOON, scheduled, seedPlan, tablesOf } from '../../support/seed-rule.ts';

function run(plan: Plan, when: Run, tables: MemoryTables): Value[][] {
  return rowsOf(execute(plan, tables, when));
}

describe('the seed rule', () => {
  const signin = (minute: bigint, upn = 'ann@x', ip = '1.1.1.1', late = 0n, result = '0'): Value[] => [
    NOON + minute * MINUTE,
    upn,
    ip,
    result,
    NOON + (minute + late) * MINUTE,
  ];
  const audit = (at: bigint, upn = 'ann@x'): Value[] => [at, 'Policy', by(upn), 'Update policy', at];

  it.each([
    ['takes a difference of nothing', 0n, 1],
    ['takes exactly 60 minutes', 60n * MINUTE, 1],
    ['leaves one tick more than 60 minutes', 60n * MINUTE + 1n, 0],
    ['leaves one tick before the sign-in', -1n, 0],
  ])('%s', (_, difference, count) => {
    const now = NOON + 61n * MINUTE;
    const tables = tablesOf([signin(0n)], [audit(NOON + difference)]);
    expect(run(seedPlan(), scheduled(now), tables)).toHaveLength(count);
    expect(rowsOf(prepare(seedPlan(), tables).run(scheduled(now)))).toHaveLength(count);
  });

  it('sees the window without its start and with its end', () => {
    const tables = tablesOf([signin(0n)], [audit(NOON + MINUTE)]);
    const rule = prepare(seedPlan(), tables);
    expect(rule.run(scheduled(NOON + 120n * MINUTE)).rowCount).toBe(0);
    expect(rule.run(scheduled(NOON + 120n * MINUTE - 1n)).rowCount).toBe(1);
    expect(rule.run(scheduled(NOON + MINUTE)).rowCount).toBe(1);
    expect(rule.run(scheduled(NOON + MINUTE - 1n)).rowCount).toBe(0);
  });

  it('gives a row per address, and lets a later sign-in hide an earlier one', () => {
    const tables = tablesOf([signin(0n), signin(1n, 'ann@x', '2.2.2.2'), signin(30n)], [audit(NOON + 10n * MINUTE)]);
    const found = run(seedPlan(), scheduled(NOON + 60n * MINUTE), tables);
    expect(found.map((row) => row[3])).toEqual(['2.2.2.2']);
    expect(run(seedPlan(), scheduled(NOON + 20n * MINUTE), tables)).toHaveLength(2);
  });

  it('joins no name that differs in case and takes no failed or late sign-in', () => {
    const now = NOON + 30n * MINUTE;
    const of = (row: Value[]): number =>
      prepare(seedPlan(), tablesOf([row], [audit(NOON + MINUTE)])).run(scheduled(now)).rowCount;
    expect(of(signin(0n))).toBe(1);
    expect(of(signin(0n, 'Ann@x'))).toBe(0);
    expect(of(signin(0n, 'ann@x', '1.1.1.1', 0n, '50076'))).toBe(0);
    expect(of(signin(0n, 'ann@x', '1.1.1.1', 35n))).toBe(1);
    expect(of(signin(0n, 'ann@x', '1.1.1.1', 36n))).toBe(0);
  });
});
