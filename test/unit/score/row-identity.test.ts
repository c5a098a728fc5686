import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDynamic, stringifyDynamic } from '../../../src/columns/dynamic.ts';
import { DynamicDatetime, type Value } from '../../../src/columns/value.ts';
import { identifyRows } from '../../../src/score/row-identity.ts';

function identify(...rows: Value[][]): number[] {
  return [...identifyRows(rows.map((cells) => ({ cells })))];
}

describe('row identity', () => {
  test('is shared by rows that are equal in all cells, and only by those', () => {
    expect(identify(['a', 1n], ['a', 2n], ['b', 1n], ['a', 1n])).toEqual([0, 1, 2, 0]);
  });

  test('compares bags by content, not by object', () => {
    const bag = () => parseDynamic('{"user":{"id":"1"}}');
    const shared = bag();
    expect(identify([shared], [bag()], [shared], [parseDynamic('{"user":{"id":"2"}}')])).toEqual([0, 0, 0, 1]);
  });

  test('keeps a bag, a null, a datetime and the strings that print like them apart', () => {
    const time = new DynamicDatetime(0n);
    expect(identify([parseDynamic('{}')], ['{}'], [null], ['null'], [time], [stringifyDynamic(time)])).toEqual([
      0, 1, 2, 3, 4, 5,
    ]);
  });

  test('keeps numbers and texts apart, and cells from running into each other', () => {
    expect(identify([1n, ''], ['1', ''], [1, ''], ['', '1'], ['ab', 'c'], ['a', 'bc'])).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('takes NaN for equal to itself', () => {
    expect(identify([Number.NaN], [Number.NaN], [0])).toEqual([0, 0, 1]);
  });

  test('finds as many identities as there are distinct JSON texts', () => {
    const cell = fc.oneof(fc.constantFrom('', 'a', 'b'), fc.constantFrom(0n, 1n), fc.constant(null), fc.boolean());
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell)), (rows) => {
        const texts = rows.map((row) => row.map(stringifyDynamic).join());
        const firsts = [...new Set(texts)];
        expect(identify(...rows)).toEqual(texts.map((text) => firsts.indexOf(text)));
      }),
    );
  });
});
