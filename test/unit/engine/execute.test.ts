import { describe, expect, it } from 'vitest';
import type { Value } from '../../../src/columns/value.ts';
import { execute } from '../../../src/engine/execute.ts';
import { MemoryTables, rowsOf } from '../../../src/engine/tables.ts';
import type { Run } from '../../../src/engine/run.ts';
import type { JoinKind, Plan } from '../../../src/plan/plan.ts';
import {
  aggregate,
  call,
  expand,
  filter,
  join,
  long,
  project,
  rows,
  sort,
  summarize,
  take,
  union,
} from '../../support/plans.ts';

const NOON = 638_000_064_000_000_000n;
const EVER: Run = { now: NOON, window: undefined };

function run(plan: Plan, when: Run = EVER, tables = new MemoryTables({})): Value[][] {
  return rowsOf(execute(plan, tables, when));
}

const people = rows({ Name: 'string', Age: 'long', Tags: 'dynamic' }, [
  ['ann', 30n, ['a', 'b']],
  ['bob', null, []],
  ['ann', 20n, null],
  ['cem', 20n, 'x'],
]);

describe('operators', () => {
  it('filter keeps rows where the predicate is true, not where it is null', () => {
    const plan = filter(people, (of) => call('>', 'bool', of('Age'), long(10)));
    expect(run(plan).map((row) => row[0])).toEqual(['ann', 'ann', 'cem']);
  });

  it('project computes and renames', () => {
    const plan = project(people, (of) => ({ Twice: call('+', 'long', of('Age'), of('Age')), Who: of('Name') }));
    expect(run(plan)[0]).toEqual([60n, 'ann']);
  });

  it('summarize groups in order of first appearance, and gives one row for no rows and no keys', () => {
    const counted = summarize(people, ['Name'], () => ({ n: aggregate('count', 'long') }));
    expect(run(counted)).toEqual([
      ['ann', 2n],
      ['bob', 1n],
      ['cem', 1n],
    ]);
    const none = filter(people, () => call('>', 'bool', long(0), long(1)));
    expect(run(summarize(none, [], () => ({ n: aggregate('count', 'long') })))).toEqual([[0n]]);
    expect(run(summarize(none, ['Name'], () => ({ n: aggregate('count', 'long') })))).toEqual([]);
  });

  it('sort, take and union follow their inputs', () => {
    const oldest = take(sort(people, { name: 'Age' }, { name: 'Name', descending: false }), 3);
    expect(run(oldest).map((row) => [row[0], row[1]])).toEqual([
      ['ann', 30n],
      ['ann', 20n],
      ['cem', 20n],
    ]);
    const other = rows({ Name: 'string', City: 'string' }, [['dan', 'Oslo']]);
    expect(run(union(other, take(people, 1)))).toEqual([
      ['dan', 'Oslo', null, null],
      ['ann', '', 30n, ['a', 'b']],
    ]);
  });

  it('mv-expand drops an empty array and keeps a null and a scalar', () => {
    expect(run(expand(people, 'Tags')).map((row) => [row[0], row[2]])).toEqual([
      ['ann', 'a'],
      ['ann', 'b'],
      ['ann', null],
      ['cem', 'x'],
    ]);
  });

  const left = rows({ k: 'long', a: 'string' }, [
    [1n, 'a1'],
    [2n, 'a2'],
    [2n, 'a3'],
    [null, 'a4'],
  ]);
  const right = rows({ k: 'long', b: 'string' }, [
    [2n, 'b1'],
    [2n, 'b2'],
    [3n, 'b3'],
    [null, 'b4'],
  ]);
  const joined: Record<JoinKind, string[]> = {
    inner: ['a2 b1', 'a2 b2', 'a3 b1', 'a3 b2', 'a4 b4'],
    innerunique: ['a2 b1', 'a2 b2', 'a4 b4'],
    leftouter: ['a1 ', 'a2 b1', 'a2 b2', 'a3 b1', 'a3 b2', 'a4 b4'],
    rightouter: ['a2 b1', 'a2 b2', 'a3 b1', 'a3 b2', 'a4 b4', ' b3'],
    fullouter: ['a1 ', 'a2 b1', 'a2 b2', 'a3 b1', 'a3 b2', 'a4 b4', ' b3'],
    leftsemi: ['a2', 'a3', 'a4'],
    leftanti: ['a1'],
    rightsemi: ['b1', 'b2', 'b4'],
    rightanti: ['b3'],
  };
  it.each(Object.keys(joined) as JoinKind[])('join kind=%s', (kind) => {
    const plan = join(kind, left, right, [['k', 'k']]);
    const names = plan.columns.map((c, index) => (c.type === 'string' ? index : -1)).filter((index) => index >= 0);
    expect(run(plan).map((row) => names.map((index) => row[index] as string).join(' '))).toEqual(joined[kind]);
  });

  it('stops a join that would make too many rows, by name', () => {
    const plan = join('inner', left, right, []);
    expect(() => execute(plan, new MemoryTables({}), EVER, { maxRows: 15 })).toThrow(
      /join kind=inner would make 16 rows/,
    );
    expect(execute(plan, new MemoryTables({}), EVER, { maxRows: 16 }).rowCount).toBe(16);
  });
});
