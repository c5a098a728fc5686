/**
 * Operators over batches, each beside its naive form: Maps and arrays of row objects. Both give as many rows; the case
 * says so before it is timed.
 */
import { Bench } from 'tinybench';
import { Batch, type ColumnInfo } from '../src/columns/batch.ts';
import { type Column, columnFromValues, valueAt } from '../src/columns/column.ts';
import type { ScalarType } from '../src/columns/value.ts';
import { execute, prepare } from '../src/engine/execute.ts';
import type { Run } from '../src/engine/run.ts';
import { MemoryTables } from '../src/engine/tables.ts';
import type { Aggregate, Expression, JoinKind, Plan } from '../src/plan/plan.ts';

const USERS = 2_000;
const HOUR = 36_000_000_000n;
/** 2026-06-01T00:00:00Z */
const START = 639_158_688_000_000_000n;
const DAYS = 7n;

interface Row {
  readonly time: number;
  readonly user: string;
  readonly ip: string;
  readonly result: string;
  readonly tags: readonly string[];
}

const SCHEMA: readonly ColumnInfo[] = [
  { name: 'TimeGenerated', type: 'datetime' },
  { name: '$IngestionTime', type: 'datetime' },
  { name: 'UserPrincipalName', type: 'string' },
  { name: 'IPAddress', type: 'string' },
  { name: 'ResultType', type: 'string' },
  { name: 'Tags', type: 'dynamic' },
];

const RESULTS = ['0', '0', '0', '50126', '50074'];
const TAGS = [[], ['a'], ['a', 'b'], ['c', 'd', 'e']];

/** Rows in order of time, spread over a week. */
function logOf(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    time: Math.floor((i * 7 * 86_400_000) / count),
    user: `user${(i * 7919) % USERS}@contoso.com`,
    ip: `10.0.${(i * 31) % 200}.${(i * 17) % 20}`,
    result: RESULTS[(i * 13) % RESULTS.length]!,
    tags: TAGS[(i * 11) % TAGS.length]!,
  }));
}

function tablesOf(rows: readonly Row[]): MemoryTables {
  const time = columnFromValues(
    'datetime',
    rows.map((row) => START + BigInt(row.time) * 10_000n),
  );
  const strings = (of: (row: Row) => string): Column => columnFromValues('string', rows.map(of));
  const columns = [
    time,
    time,
    strings((row) => row.user),
    strings((row) => row.ip),
    strings((row) => row.result),
    columnFromValues(
      'dynamic',
      rows.map((row) => [...row.tags]),
    ),
  ];
  return new MemoryTables({ Logs: new Batch(SCHEMA, rows.length, columns) });
}

const EVER: Run = { now: START + DAYS * 24n * HOUR, window: undefined };

const span = { start: 0, end: 0 };
const scan: Plan = { op: 'scan', table: 'Logs', columns: SCHEMA, span };

function column(index: number): Expression {
  return { kind: 'column', index, type: SCHEMA[index]!.type, span };
}

function call(name: string, type: ScalarType, ...args: Expression[]): Expression {
  return { kind: 'call', name, args, type, span };
}

function text(value: string): Expression {
  return { kind: 'literal', value, type: 'string', span };
}

function failed(input: Plan): Plan {
  return {
    op: 'filter',
    input,
    predicate: call('!=', 'bool', column(4), text('0')),
    columns: input.columns,
    span,
  };
}

function summarize(input: Plan, keys: readonly number[], ...aggregates: readonly Aggregate[]): Plan {
  return {
    op: 'summarize',
    input,
    keys: keys.map(column),
    aggregates,
    columns: [
      ...keys.map((key) => SCHEMA[key]!),
      ...aggregates.map(({ type }, i): ColumnInfo => ({ name: `a${i}`, type })),
    ],
    span,
  };
}

function aggregate(name: string, type: ScalarType, ...args: Expression[]): Aggregate {
  return { function: name, args, type, span };
}

function join(kind: JoinKind, left: Plan, right: Plan): Plan {
  const output = left.columns.map((_, index) => ({ side: 'left' as const, index }));
  return {
    op: 'join',
    kind,
    left,
    right,
    on: [{ left: column(2), right: userOf(right) }],
    output,
    columns: left.columns,
    span,
  };
}

function userOf(plan: Plan): Expression {
  return { kind: 'column', index: plan.columns.findIndex((c) => c.name === 'UserPrincipalName'), type: 'string', span };
}

function groups<T>(of: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const item of of) {
    const name = key(item);
    const members = found.get(name);
    if (members) members.push(item);
    else found.set(name, [item]);
  }
  return found;
}

/** Reads every cell, as whatever comes after an operator would. */
function finish(result: Batch): number {
  for (const made of result.columns()) if (result.rowCount > 0) valueAt(made, result.rowCount - 1);
  return result.rowCount;
}

const rare = summarize(failed(scan), [2], aggregate('count', 'long'));
const lastPerUser = summarize(scan, [2, 3], aggregate('max', 'datetime', column(0)));

interface Case {
  readonly name: string;
  readonly engine: () => number;
  readonly naive: () => number;
}

function casesOf(rows: readonly Row[]): Case[] {
  const tables = tablesOf(rows);
  const run = (plan: Plan) => (): number => finish(execute(plan, tables, EVER));
  return [
    {
      name: 'where',
      engine: run(failed(scan)),
      naive: () => rows.filter((row) => row.result !== '0').length,
    },
    {
      name: 'summarize max() by two keys',
      engine: run(lastPerUser),
      naive: () => {
        const last = new Map<string, number>();
        for (const row of rows) {
          const key = `${row.user}|${row.ip}`;
          last.set(key, Math.max(last.get(key) ?? -1, row.time));
        }
        return last.size;
      },
    },
    {
      name: 'summarize dcount(), make_set() by one key',
      engine: run(
        summarize(scan, [3], aggregate('dcount', 'long', column(2)), aggregate('make_set', 'dynamic', column(4))),
      ),
      naive: () => {
        const byIp = groups(rows, (row) => row.ip);
        for (const members of byIp.values()) {
          new Set(members.map((row) => row.user));
          new Set(members.map((row) => row.result));
        }
        return byIp.size;
      },
    },
    {
      name: 'join kind=inner with a summary',
      engine: run(join('inner', scan, rare)),
      naive: () => {
        const byUser = groups(
          rows.filter((row) => row.result !== '0'),
          (row) => row.user,
        );
        return rows.flatMap((row) => (byUser.has(row.user) ? [{ ...row, count: byUser.get(row.user)!.length }] : []))
          .length;
      },
    },
    {
      name: 'join kind=leftanti',
      engine: run(join('leftanti', scan, rare)),
      naive: () => {
        const users = new Set(rows.filter((row) => row.result !== '0').map((row) => row.user));
        return rows.filter((row) => !users.has(row.user)).length;
      },
    },
    {
      name: 'sort by user, time desc',
      engine: run({
        op: 'sort',
        input: scan,
        keys: [
          { expression: column(2), descending: false, nullsFirst: true },
          { expression: column(0), descending: true, nullsFirst: false },
        ],
        columns: SCHEMA,
        span,
      }),
      naive: () => [...rows].sort((a, b) => (a.user < b.user ? -1 : a.user > b.user ? 1 : b.time - a.time)).length,
    },
    {
      name: 'mv-expand',
      engine: run({
        op: 'expand',
        input: scan,
        expansions: [{ expression: column(5), type: 'dynamic', column: 5 }],
        limit: undefined,
        bagAsArray: false,
        indexColumn: undefined,
        columns: SCHEMA,
        span,
      }),
      naive: () => rows.flatMap((row) => row.tags.map((tag) => ({ ...row, tags: tag }))).length,
    },
    {
      name: '168 windows of 2h, where and summarize',
      engine: () => {
        const plan = summarize(failed(scan), [2], aggregate('max', 'datetime', column(0)));
        const prepared = prepare(plan, tables);
        let count = 0;
        for (let hour = 1n; hour <= DAYS * 24n; hour++) {
          const now = START + hour * HOUR;
          count += finish(prepared.run({ now, window: { after: now - 2n * HOUR, until: now, ingestedBy: now } }));
        }
        return count;
      },
      naive: () => {
        let count = 0;
        for (let hour = 1; hour <= Number(DAYS) * 24; hour++) {
          const until = hour * 3_600_000;
          const last = new Map<string, number>();
          for (const row of rows) {
            if (row.time <= until - 7_200_000 || row.time > until || row.result === '0') continue;
            last.set(row.user, Math.max(last.get(row.user) ?? -1, row.time));
          }
          count += last.size;
        }
        return count;
      },
    },
  ];
}

/**
 * The cases as tasks, two each: the engine's, and ` (naive)`.
 *
 * @param rowCount - rows of the log that each pass goes over.
 * @throws Error where an operator and its naive form give different numbers of rows.
 */
export function operatorsBench(rowCount = 200_000, options: { readonly time?: number } = {}): Bench {
  const bench = new Bench({ time: options.time ?? 300 });
  for (const { name, engine, naive } of casesOf(logOf(rowCount))) {
    const [found, expected] = [engine(), naive()];
    if (found !== expected) throw new Error(`${name}: ${found} rows, but ${expected} in the naive form`);
    bench.add(name, () => void engine());
    bench.add(`${name} (naive)`, () => void naive());
  }
  return bench;
}
