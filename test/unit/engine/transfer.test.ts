import { describe, expect, it } from 'vitest';
import { Batch } from '../../../src/columns/batch.ts';
import { columnFromValues } from '../../../src/columns/column.ts';
import { parseDynamic } from '../../../src/columns/dynamic.ts';
import { TextDictionary } from '../../../src/columns/dictionary.ts';
import { DynamicDatetime, DynamicTimespan, type Value } from '../../../src/columns/value.ts';
import { batchFromRows, rowsOf } from '../../../src/engine/tables.ts';
import { packBatch, transferList, unpackBatch } from '../../../src/engine/transfer.ts';

const SCHEMA = [
  { name: 's', type: 'string' },
  { name: 'l', type: 'long' },
  { name: 'd', type: 'dynamic' },
  { name: 't', type: 'datetime' },
  { name: 'b', type: 'bool' },
  { name: 'r', type: 'real' },
  { name: 'g', type: 'guid' },
] as const;

const ROWS: Value[][] = [
  ['x', 1n, parseDynamic('{"10":1,"9":1.0}'), 637_134_336_000_000_001n, true, 0.5, '0a'],
  ['', null, null, null, null, null, null],
  ['x', 2n ** 60n, [new DynamicDatetime(5n), new DynamicTimespan(-1n), null], 0n, false, Number.NaN, '0b'],
];

function through(batch: Batch): Batch {
  const plain = packBatch(batch);
  return unpackBatch(structuredClone(plain, { transfer: transferList(plain) }));
}

describe('a packed batch', () => {
  it('comes out of another thread as it went in', () => {
    expect(rowsOf(through(batchFromRows(SCHEMA, ROWS)))).toEqual(ROWS);
    expect(rowsOf(through(batchFromRows(SCHEMA, [])))).toEqual([]);
  });

  it('takes a slice without the rest, and leaves the original whole', () => {
    const batch = batchFromRows(SCHEMA, ROWS);
    const plain = packBatch(batch.slice(1, 2));
    const [first] = plain.columns;
    expect(first).toMatchObject({ kind: 'coded', texts: { offsets: Float64Array.of(0, 0) } });
    expect(rowsOf(through(batch.slice(1, 3)))).toEqual(ROWS.slice(1));
    expect(rowsOf(batch)).toEqual(ROWS);
  });

  it('keeps constants, dictionaries of text, and lineage of the rows it has', () => {
    const texts = ['{"a":1}', '', '"q"'];
    const dictionary = new TextDictionary('dynamic', 3, (code) => texts[code]!);
    const schema = [SCHEMA[2], SCHEMA[0]];
    const columns = [
      { kind: 'coded', type: 'dynamic', codes: Uint8Array.of(2, 1, 0), dictionary },
      { kind: 'constant', type: 'string', value: 'c', length: 3 },
    ] as const;
    const lineage = { codes: Uint32Array.of(0, 2, 1), sets: [[], ['e1'], ['e1', 'e2'], ['e3']] };
    const out = through(new Batch(schema, 3, columns, lineage));
    expect(rowsOf(out)).toEqual([
      ['q', 'c'],
      [null, 'c'],
      [new Map([['a', 1n]]), 'c'],
    ]);
    expect([...out.lineage!.codes].map((code) => out.lineage!.sets[code])).toEqual([[], ['e1', 'e2'], ['e1']]);
    expect(out.lineage!.sets).toHaveLength(3);
    const none = new Batch([SCHEMA[0]], 1, [columnFromValues('string', ['a'])], {
      codes: Uint32Array.of(0),
      sets: [[], ['e1']],
    });
    expect(through(none).lineage).toBeUndefined();
  });
});
