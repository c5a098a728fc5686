import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch } from '../../../src/columns/batch.ts';
import { columnFromValues } from '../../../src/columns/column.ts';
import type { Value } from '../../../src/columns/value.ts';
import { canonicalOrder, compareDecimals, compareRows, sortedRows } from '../../../src/engine/order.ts';
import { batchFromRows, concatBatches, MemoryTables, rowsOf } from '../../../src/engine/tables.ts';

function sorted(type: 'real' | 'long' | 'string', values: Value[], descending: boolean, nullsFirst: boolean): Value[] {
  const column = columnFromValues(type, values);
  return [...sortedRows([{ column, descending, nullsFirst }], values.length)].map((row) => values[row]!);
}

describe('sortedRows', () => {
  it('puts null and NaN where Kusto does', () => {
    const values = [1, null, -Infinity, Number.NaN, Infinity, -5];
    expect(sorted('real', values, false, true)).toEqual([null, Number.NaN, -Infinity, -5, 1, Infinity]);
    expect(sorted('real', values, false, false)).toEqual([-Infinity, -5, 1, Infinity, Number.NaN, null]);
    expect(sorted('real', values, true, true)).toEqual([null, Number.NaN, Infinity, 1, -5, -Infinity]);
    expect(sorted('real', values, true, false)).toEqual([Infinity, 1, -5, -Infinity, Number.NaN, null]);
  });

  it('orders texts by their units and keeps equal rows in place', () => {
    expect(sorted('string', ['b', 'B', '', 'a'], false, false)).toEqual(['', 'B', 'a', 'b']);
    const a = columnFromValues('long', [2n, 1n, 2n, 1n]);
    expect([...sortedRows([{ column: a, descending: true, nullsFirst: false }], 4)]).toEqual([0, 2, 1, 3]);
  });

  it('turns ascending rows round, equal ones in their places', () => {
    const a = columnFromValues('long', [1n, 1n, 2n, 3n, 3n, 3n]);
    expect([...sortedRows([{ column: a, descending: true, nullsFirst: false }], 6)]).toEqual([3, 4, 5, 2, 0, 1]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 })), (numbers) => {
        const values = numbers.sort((x, y) => x - y).map(BigInt);
        const rows = [
          ...sortedRows(
            [{ column: columnFromValues('long', values), descending: true, nullsFirst: false }],
            values.length,
          ),
        ];
        const expected = values.map((_, row) => row).sort((x, y) => Number(values[y]! - values[x]!) || x - y);
        expect(rows).toEqual(expected);
      }),
    );
  });

  it('weighs a later key only where earlier ones tie', () => {
    const a = columnFromValues('string', ['x', 'y', 'x']);
    const b = columnFromValues('long', [1n, 5n, 2n]);
    const keys = [
      { column: a, descending: false, nullsFirst: false },
      { column: b, descending: true, nullsFirst: false },
    ];
    expect([...sortedRows(keys, 3)]).toEqual([2, 0, 1]);
  });
});

describe('compareDecimals', () => {
  it('compares by value, not by text', () => {
    expect(compareDecimals('10', '9.5')).toBe(1);
    expect(compareDecimals('1.50', '1.5')).toBe(0);
    expect(compareDecimals('-2', '1e-3')).toBe(-1);
    expect(compareDecimals('1e3', '1000')).toBe(0);
  });
});

const rows = fc.array(
  fc.tuple(
    fc.constantFrom<Value>('a', 'b', ''),
    fc.constantFrom<Value>(null, 637_134_336_000_000_000n, 637_134_336_000_000_010n),
    fc.constantFrom<Value>(null, [1n], new Map([['k', 'v']])),
  ),
  { maxLength: 12 },
);

const SCHEMA = [
  { name: 'Name', type: 'string' },
  { name: 'TimeGenerated', type: 'datetime' },
  { name: 'Extra', type: 'dynamic' },
] as const;

describe('canonicalOrder', () => {
  it('is the same for every order that the rows came in, and goes by time first', () => {
    fc.assert(
      fc.property(rows, fc.infiniteStream(fc.nat()), (values, dice) => {
        const shuffled = [...values];
        for (let i = shuffled.length - 1; i > 0; i--) {
          const j = dice.next().value! % (i + 1);
          [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
        }
        const inOrder = (list: typeof values): Value[][] => {
          const batch = batchFromRows(SCHEMA, list);
          return rowsOf(batch.select(canonicalOrder(batch)));
        };
        const result = inOrder(values);
        expect(inOrder(shuffled)).toEqual(result);
        const times = result.map((row) => row[1] as bigint | null);
        for (let i = 1; i < times.length; i++) expect((times[i] ?? -1n) >= (times[i - 1] ?? -1n)).toBe(true);
        const batch = batchFromRows(SCHEMA, result);
        for (let i = 1; i < result.length; i++) expect(compareRows(batch, i - 1, batch, i)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('is that of the rows together where stretches of them stand in it already, whichever column goes first', () => {
    const schemas = [
      SCHEMA,
      SCHEMA.map((column) => (column.name === 'TimeGenerated' ? { ...column, name: 'At' } : column)),
    ];
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 5 }), fc.constantFrom(...schemas), (parts, schema) => {
        const batches = parts.map((part) => batchFromRows(schema, part));
        const inOrder = batches.map((batch) => batch.select(canonicalOrder(batch)));
        let end = 0;
        const starts = batches.map(({ rowCount }) => (end += rowCount) - rowCount);
        const apart = concatBatches(schema, inOrder);
        const together = concatBatches(schema, batches);
        expect(rowsOf(apart.select(canonicalOrder(apart, starts)))).toEqual(
          rowsOf(together.select(canonicalOrder(together))),
        );
      }),
    );
  });

  it('tells rows with equal cells apart by the events behind them', () => {
    const schema = [{ name: 'Name', type: 'string' }] as const;
    const batch = new Batch(schema, 2, [columnFromValues('string', ['a', 'a'])], {
      codes: Uint32Array.of(1, 0),
      sets: [[], ['event-1']],
    });
    expect([...canonicalOrder(batch)]).toEqual([1, 0]);
  });
});

describe('concatBatches', () => {
  it('puts rows one after another whatever form their columns have', () => {
    const schema = [
      { name: 'S', type: 'string' },
      { name: 'L', type: 'long' },
      { name: 'D', type: 'dynamic' },
      { name: 'B', type: 'bool' },
    ] as const;
    const a: Value[][] = [
      ['x', 1n, [1n], true],
      ['', null, null, null],
    ];
    const b: Value[][] = [['x', 2n ** 60n, new Map([['a', 1]]), false]];
    const constant = new Batch(schema, 2, [
      { kind: 'constant', type: 'string', value: 'y', length: 2 },
      { kind: 'constant', type: 'long', value: null, length: 2 },
      { kind: 'constant', type: 'dynamic', value: [1n], length: 2 },
      { kind: 'constant', type: 'bool', value: true, length: 2 },
    ]);
    const all = concatBatches(schema, [batchFromRows(schema, a), constant, batchFromRows(schema, b)]);
    expect(rowsOf(all)).toEqual([...a, ['y', null, [1n], true], ['y', null, [1n], true], ...b]);
  });

  it('keeps lineage', () => {
    const schema = [{ name: 'S', type: 'string' }] as const;
    const column = columnFromValues('string', ['a', 'b']);
    const one = new Batch(schema, 2, [column], { codes: Uint32Array.of(0, 1), sets: [[], ['e1']] });
    const two = new Batch(schema, 2, [column], { codes: Uint32Array.of(2, 1), sets: [[], ['e1'], ['e1', 'e2']] });
    const { lineage } = concatBatches(schema, [one, batchFromRows(schema, [['c']]), two]);
    expect([...lineage!.codes].map((code) => lineage!.sets[code])).toEqual([[], ['e1'], [], ['e1', 'e2'], ['e1']]);
  });
});

describe('MemoryTables', () => {
  const schema = [
    { name: 'TimeGenerated', type: 'datetime' },
    { name: '$IngestionTime', type: 'datetime' },
    { name: 'Name', type: 'string' },
  ] as const;
  const at = (n: bigint): bigint => 637_134_336_000_000_000n + n;
  const tables = new MemoryTables({
    T: batchFromRows(schema, [
      [at(3n), at(9n), 'late'],
      [null, null, 'never'],
      [at(1n), at(1n), 'first'],
      [at(2n), at(2n), 'second'],
      [at(3n), at(3n), 'third'],
    ]),
  });
  const name = [{ name: 'Name', type: 'string' }] as const;

  it('gives the rows of a window in order of time: after its start, up to its end, ingested in time', () => {
    const window = { after: at(1n), until: at(3n), ingestedBy: at(8n) };
    expect(rowsOf(tables.scan('T', name, window))).toEqual([['second'], ['third']]);
    expect(rowsOf(tables.scan('T', name, { ...window, ingestedBy: at(9n) }))).toEqual([
      ['second'],
      ['late'],
      ['third'],
    ]);
  });

  it('gives every row without a window, those without a time last', () => {
    expect(rowsOf(tables.scan('T', name, undefined))).toEqual([['first'], ['second'], ['late'], ['third'], ['never']]);
  });

  it('has no rows for a table that it does not hold, and nulls for a column that the table does not', () => {
    expect(tables.scan('U', name, undefined).rowCount).toBe(0);
    const other = [
      { name: 'Other', type: 'string' },
      { name: 'Count', type: 'long' },
    ] as const;
    expect(rowsOf(tables.scan('T', other, undefined))[0]).toEqual(['', null]);
  });
});
