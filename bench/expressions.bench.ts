/**
 * Expressions over columns, each beside its naive form: a function of one row object. Both give the same rows; the case
 * says so before it is timed. Dictionaries are fresh for every pass of the `first` cases and shared by the
 * `again` cases, as the many runs of one partition share them.
 */
import { Bench } from 'tinybench';
import { Batch, type ColumnInfo } from '../src/columns/batch.ts';
import { columnFromValues, type CodedColumn } from '../src/columns/column.ts';
import { TextDictionary } from '../src/columns/dictionary.ts';
import type { ScalarType, Value } from '../src/columns/value.ts';
import { selectRows, type Scope } from '../src/engine/evaluate.ts';
import type { Expression } from '../src/plan/plan.ts';

/** 2026-05-29T10:00:00Z */
const NOW = 639_156_456_000_000_000n;
const SECOND = 10_000_000n;

const SCOPE: Scope = { now: NOW, toscalar: () => null, tolist: () => null };

const span = { start: 0, end: 0 };
const column = (index: number, type: ScalarType): Expression => ({ kind: 'column', index, type, span });
const literal = (value: Value, type: ScalarType): Expression => ({ kind: 'literal', value, type, span });
const call = (name: string, type: ScalarType, ...args: Expression[]): Expression => ({
  kind: 'call',
  name,
  args,
  type,
  span,
});

interface Row {
  readonly time: number;
  readonly result: string;
  readonly initiatedBy: string;
  readonly count: number;
}

const SCHEMA: readonly ColumnInfo[] = [
  { name: 'TimeGenerated', type: 'datetime' },
  { name: 'ResultType', type: 'string' },
  { name: 'InitiatedBy', type: 'dynamic' },
  { name: 'Count', type: 'long' },
];

const RESULTS = ['0', '50126', '50053', '50057', '50074', '500121'];
const INITIATORS = 500;

function rowsOf(count: number): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    time: Number(NOW / 10_000n - 62_135_596_800_000n) - ((i * 7919) % 172_800) * 1000,
    result: RESULTS[(i * 31) % RESULTS.length]!,
    initiatedBy: `{"user":{"id":"${i % INITIATORS}","userPrincipalName":"user${i % INITIATORS}@contoso.com"}}`,
    count: (i * 17) % 100,
  }));
}

function batchOf(rows: readonly Row[]): Batch {
  const initiators = Array.from({ length: INITIATORS }, (_, i) => rows[i % rows.length]!.initiatedBy);
  const initiatedBy: CodedColumn = {
    kind: 'coded',
    type: 'dynamic',
    codes: Uint16Array.from(rows, (_, i) => i % INITIATORS),
    dictionary: new TextDictionary('dynamic', INITIATORS, (code) => initiators[code]!),
  };
  return new Batch(SCHEMA, rows.length, [
    columnFromValues(
      'datetime',
      rows.map((row) => (BigInt(row.time) + 62_135_596_800_000n) * 10_000n),
    ),
    columnFromValues(
      'string',
      rows.map((row) => row.result),
    ),
    initiatedBy,
    columnFromValues(
      'long',
      rows.map((row) => BigInt(row.count)),
    ),
  ]);
}

/** The same rows under dictionaries that remember nothing yet. */
function forgetful(batch: Batch): Batch {
  return new Batch(
    batch.schema,
    batch.rowCount,
    batch.columns().map((column) => {
      if (column.kind !== 'coded') return column;
      const { dictionary } = column;
      return {
        ...column,
        dictionary: new TextDictionary(dictionary.type, dictionary.size, (code) => dictionary.text(code)),
      };
    }),
  );
}

interface Case {
  readonly name: string;
  readonly predicate: Expression;
  readonly naive: (row: Row) => boolean;
}

const HOUR_AGO = Number(NOW / 10_000n - 62_135_596_800_000n) - 3_600_000;

const CASES: readonly Case[] = [
  {
    name: 'TimeGenerated > ago(1h)',
    predicate: call('>', 'bool', column(0, 'datetime'), call('ago', 'datetime', literal(3600n * SECOND, 'timespan'))),
    naive: (row) => row.time > HOUR_AGO,
  },
  {
    name: 'ResultType == "0"',
    predicate: call('==', 'bool', column(1, 'string'), literal('0', 'string')),
    naive: (row) => row.result === '0',
  },
  {
    name: 'ResultType has_any ("50126", "50053")',
    predicate: call('has_any', 'bool', column(1, 'string'), literal('50126', 'string'), literal('50053', 'string')),
    naive: (row) => /\b(?:50126|50053)\b/.test(row.result),
  },
  {
    name: 'tostring(InitiatedBy.user.userPrincipalName) startswith "user1"',
    predicate: call(
      'startswith',
      'bool',
      call(
        'tostring',
        'string',
        call(
          'path',
          'dynamic',
          call('path', 'dynamic', column(2, 'dynamic'), literal('user', 'string')),
          literal('userPrincipalName', 'string'),
        ),
      ),
      literal('user1', 'string'),
    ),
    naive: (row) =>
      (JSON.parse(row.initiatedBy) as { user: { userPrincipalName: string } }).user.userPrincipalName
        .toLowerCase()
        .startsWith('user1'),
  },
  {
    name: 'Count * 3 + 1 between (100 .. 200)',
    predicate: call(
      'between',
      'bool',
      call('+', 'long', call('*', 'long', column(3, 'long'), literal(3n, 'long')), literal(1n, 'long')),
      literal(100n, 'long'),
      literal(200n, 'long'),
    ),
    naive: (row) => row.count * 3 + 1 >= 100 && row.count * 3 + 1 <= 200,
  },
  {
    name: 'bin(TimeGenerated, 1h) == startofday(TimeGenerated)',
    predicate: call(
      '==',
      'bool',
      call('bin', 'datetime', column(0, 'datetime'), literal(3600n * SECOND, 'timespan')),
      call('startofday', 'datetime', column(0, 'datetime')),
    ),
    naive: (row) => {
      const time = new Date(row.time);
      return Math.floor(row.time / 3_600_000) * 3_600_000 === time.setUTCHours(0, 0, 0, 0);
    },
  },
];

function naiveRows(rows: readonly Row[], test: (row: Row) => boolean): number {
  let count = 0;
  for (const row of rows) if (test(row)) count++;
  return count;
}

/**
 * The cases as tasks, three each: `first`, `again`, `naive`.
 *
 * @param rowCount - rows that each pass goes over.
 * @throws Error where a vector form and its naive form disagree.
 */
export function expressionsBench(rowCount = 100_000, options: { readonly time?: number } = {}): Bench {
  const rows = rowsOf(rowCount);
  const shared = batchOf(rows);
  const bench = new Bench({ time: options.time ?? 300 });
  for (const { name, predicate, naive } of CASES) {
    const selected = selectRows(predicate, shared, SCOPE)?.length ?? rowCount;
    const expected = naiveRows(rows, naive);
    if (selected !== expected) throw new Error(`${name}: ${selected} rows, but ${expected} in the naive form`);
    let fresh: Batch;
    bench.add(`${name} (first)`, () => void selectRows(predicate, fresh, SCOPE), {
      beforeEach: () => {
        fresh = forgetful(shared);
      },
    });
    bench.add(`${name} (again)`, () => void selectRows(predicate, shared, SCOPE));
    bench.add(`${name} (naive)`, () => void naiveRows(rows, naive));
  }
  return bench;
}
