import { describe, expect, it } from 'vitest';
import type { ColumnInfo } from '../../../src/columns/batch.ts';
import type { Value } from '../../../src/columns/value.ts';
import { execute } from '../../../src/engine/execute.ts';
import { plugin, pluginNames } from '../../../src/engine/plugins/index.ts';
import { query } from '../../../src/query/query.ts';
import { MemoryTables, rowsOf } from '../../../src/engine/tables.ts';
import type { Expression, Plan } from '../../../src/plan/plan.ts';
import { call, column, literal, rows, text, timespan } from '../../support/plans.ts';

function run(
  name: string,
  input: Plan,
  args: readonly Expression[],
  columns: readonly ColumnInfo[],
  options: Readonly<Record<string, unknown>> = {},
): Value[][] {
  const plan: Plan = { op: 'plugin', name, input, args, options, columns, span: input.span };
  return rowsOf(execute(plan, new MemoryTables({}), { now: 0n, window: undefined }));
}

describe('bag_unpack', () => {
  const bag = (entries: [string, Value][]): Value => new Map(entries);
  const input = rows({ Name: 'string', d: 'dynamic' }, [
    [
      'a',
      bag([
        ['Name', 'A'],
        ['Age', 5n],
      ]),
    ],
    ['b', bag([['Age', 'old']])],
    ['c', null],
  ]);
  const age: ColumnInfo = { name: 'Age', type: 'long' };
  const named: ColumnInfo = { name: 'Name', type: 'string' };

  it('gives each property a column of the type that the plan names', () => {
    const found = run(
      'bag_unpack',
      input,
      [column(input, 'd'), text('p_')],
      [named, { name: 'p_Age', type: 'long' }, { name: 'p_Name', type: 'string' }],
    );
    expect(found).toEqual([
      ['a', 5n, 'A'],
      ['b', null, ''],
      ['c', null, ''],
    ]);
  });

  it.each([
    ['keep_source', ['a', 'b', 'c']],
    ['replace_source', ['A', '', '']],
  ])('with columnsConflict=%s', (conflict, names) => {
    const options = { argumentNames: [undefined, 'columnsConflict'] };
    const found = run('bag_unpack', input, [column(input, 'd'), text(conflict)], [named, age], options);
    expect(found.map((row) => row[0])).toEqual(names);
  });
});

describe('pivot', () => {
  it('makes a column of each value, with the aggregate of no rows where there are none', () => {
    const input = rows({ User: 'string', Result: 'string', n: 'long' }, [
      ['ann', 'ok', 1n],
      ['ann', 'fail', 2n],
      ['bob', 'ok', 3n],
      ['ann', 'ok', 4n],
    ]);
    const columns: ColumnInfo[] = [
      { name: 'User', type: 'string' },
      { name: 'fail', type: 'long' },
      { name: 'ok', type: 'long' },
    ];
    const counts = [column(input, 'Result'), call('count', 'long'), column(input, 'User')];
    expect(run('pivot', input, counts, columns)).toEqual([
      ['ann', 1n, 2n],
      ['bob', 0n, 1n],
    ]);
    const largest = [column(input, 'Result'), call('max', 'long', column(input, 'n'))];
    expect(run('pivot', input, largest, columns)).toEqual([
      ['ann', 2n, 4n],
      ['bob', null, 3n],
    ]);
  });
});

describe('activity in bins of time', () => {
  const DAY = 864_000_000_000n;
  const start = 700n * 864_000_000_000n;
  const input = rows({ Id: 'string', At: 'datetime', Site: 'string' }, [
    ['a', start, 'x'],
    ['b', start + 1n, 'x'],
    ['a', start + DAY, 'x'],
    ['c', start + DAY, 'x'],
    ['c', start + 3n * DAY, 'y'],
    ['z', start - 1n, 'x'],
    ['z', start + 3n * DAY + 1n, 'x'],
  ]);
  const time = (value: bigint): Expression => literal('datetime', value);
  const base = [column(input, 'Id'), column(input, 'At'), time(start), time(start + 3n * DAY)];
  const counted = (...names: string[]): ColumnInfo[] => [
    { name: 'At', type: 'datetime' },
    ...names.map((name): ColumnInfo => ({ name, type: 'long' })),
  ];

  it('counts ids, new ids and ids so far', () => {
    const columns = counted('count', 'dcount', 'new_dcount', 'aggregated_dcount');
    expect(run('activity_counts_metrics', input, [...base, timespan(1, 'd')], columns)).toEqual([
      [start, 2n, 2n, 2n, 2n],
      [start + DAY, 2n, 2n, 1n, 3n],
      [start + 3n * DAY, 1n, 1n, 0n, 3n],
    ]);
    const bySite = [...base, timespan(1, 'd'), column(input, 'Site')];
    expect(run('activity_counts_metrics', input, bySite, [...columns, { name: 'Site', type: 'string' }])).toEqual([
      [start, 2n, 2n, 2n, 2n, 'x'],
      [start + DAY, 2n, 2n, 1n, 3n, 'x'],
      [start + 3n * DAY, 1n, 1n, 1n, 1n, 'y'],
    ]);
  });

  it('counts over a sliding look-back', () => {
    const args = [...base, timespan(2, 'd'), timespan(1, 'd')];
    expect(run('sliding_window_counts', input, args, counted('Count', 'Dcount'))).toEqual([
      [start, 2n, 2n],
      [start + DAY, 4n, 3n],
      [start + 2n * DAY, 2n, 2n],
      [start + 3n * DAY, 1n, 1n],
    ]);
  });
});

describe('the registry', () => {
  it('knows what it lists and nothing else', () => {
    for (const name of pluginNames()) expect(plugin(name)).toBeDefined();
    for (const name of ['autocluster', 'toString', '']) expect(plugin(name)).toBeUndefined();
  });
});

describe('sequence_detect', () => {
  const logs = `let L = datatable(User: string, What: string, At: datetime) [
    'ann', 'p', datetime(2026-01-05 08:00), 'ann', 'p', datetime(2026-01-05 08:00), 'ann', 'm', datetime(2026-01-05 08:00),
    'ann', 'm', datetime(2026-01-05 09:00), 'ann', 'm', datetime(2026-01-05 10:00), 'bob', 'm', datetime(2026-01-05 08:30)];`;
  const found = async (args: string): Promise<unknown[][]> =>
    (await query(`${logs} L | evaluate sequence_detect(At, ${args}) | project-away Duration`)).rows.map((row) =>
      row.map((cell) => (cell as string).replace(/^2026-01-05T(..:..).*/, '$1')),
    );

  it('pairs a step with every later one in its window, rows of one instant once', async () => {
    expect(await found(`2h, 2h, P = (What == 'p'), M = (What == 'm'), User`)).toEqual([
      ['ann', '08:00', '09:00'],
      ['ann', '08:00', '10:00'],
    ]);
    expect(await found(`1h, 2h, P = (What == 'p'), M = (What == 'm'), User`)).toEqual([['ann', '08:00', '09:00']]);
  });

  it('without dimensions takes all rows as one sequence, and bounds it as a whole', async () => {
    const steps = `P = (What == 'p'), M = (What == 'm'), N = (What == 'm')`;
    expect(await found(`1h, 3h, ${steps}`)).toEqual([
      ['08:00', '08:30', '09:00'],
      ['08:00', '09:00', '10:00'],
    ]);
    expect(await found(`1h, 90m, ${steps}`)).toEqual([['08:00', '08:30', '09:00']]);
  });

  it('ends with a message where there are too many ways', async () => {
    const kql = `range At from datetime(2026-01-01) to datetime(2026-01-01 02:00) step 1s
      | evaluate sequence_detect(At, 1d, 1d, a = (1 == 1), b = (1 == 1), c = (1 == 1), d = (1 == 1))`;
    await expect(query(kql)).rejects.toThrow(/sequence_detect would make .* rows/);
  });
});
