/** Lists that are cut up as text have the elements that parsing gives, written as their own texts would be. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Batch } from '../../src/columns/batch.ts';
import { type CodedColumn, columnFromValues, valueAt } from '../../src/columns/column.ts';
import { TextDictionary } from '../../src/columns/dictionary.ts';
import { parseDynamic, stringifyDynamic } from '../../src/columns/dynamic.ts';
import { ListPlaces } from '../../src/columns/json-list.ts';
import type { Dynamic } from '../../src/columns/value.ts';
import { expand } from '../../src/engine/operators/expand.ts';
import { texts, tree } from '../support/json-texts.ts';

const listTexts = fc.oneof(
  texts,
  texts.map((text) => `[${text}]`),
  fc.array(tree, { maxLength: 4 }).map((list) => JSON.stringify(list)),
  fc.constantFrom(
    '',
    'null',
    '[null,1]',
    '[-0]',
    '[-0.0]',
    '["\\u00e9"]',
    '["a\\/b"]',
    '[12345678901234567890]',
    '[1e3]',
    '[[]',
  ),
);

test('a list is cut where parsing would, or left to the parser', () => {
  const places = new ListPlaces();
  let cut = 0;
  fc.assert(
    fc.property(listTexts, fc.nat({ max: 3 }), (text, before) => {
      const bytes = Buffer.from('x'.repeat(before) + text);
      if (!places.split(bytes, before, bytes.length)) return;
      cut++;
      const elements = Array.from({ length: places.count }, (_, i) =>
        bytes.toString('utf8', places.starts[i], places.ends[i]),
      );
      expect(elements).toEqual((parseDynamic(text) as Dynamic[]).map(stringifyDynamic));
    }),
    { numRuns: 6000 },
  );
  expect(cut).toBeGreaterThan(300);
});

test('mv-expand gives the same of texts, however they are held, as of the values that they stand for', () => {
  const ofTexts = (list: readonly string[], rows: Uint32Array, isUtf8: boolean): CodedColumn => {
    const pieces = list.map((text) => Buffer.from(text));
    const offsets = new Float64Array(pieces.length + 1);
    pieces.forEach((piece, i) => (offsets[i + 1] = offsets[i]! + piece.length));
    const utf8 = isUtf8 ? { bytes: Buffer.concat(pieces), offsets } : undefined;
    const dictionary = new TextDictionary('dynamic', list.length, (code) => list[code]!, utf8);
    return { kind: 'coded', type: 'dynamic', codes: rows, dictionary };
  };
  let compared = 0;
  let distinct = 0;
  fc.assert(
    fc.property(
      fc.array(listTexts, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.boolean(),
      fc.boolean(),
      (list, numbers, isUtf8, bagAsArray) => {
        const rows = Uint32Array.from(numbers, (number) => number % list.length);
        const values = [...rows].map((code) => (list[code] === '' ? null : parseDynamic(list[code]!)));
        const batch = new Batch([], rows.length, []);
        const column = ofTexts(list, rows, isUtf8);
        // Asked several times, as run after run does.
        for (let time = 0; time < 3; time++) {
          const [found, expected] = [column, columnFromValues('dynamic', values)].map((each) =>
            expand(batch, [each], bagAsArray, Number.POSITIVE_INFINITY, () => {}),
          );
          expect([...found!.rows]).toEqual([...expected!.rows]);
          const [a, b] = [found!, expected!].map(({ columns: [elements] }) => elements as CodedColumn);
          found!.rows.forEach((_, at) => {
            compared++;
            expect(valueAt(a!, at)).toEqual(valueAt(b!, at));
          });
          // Equal elements are one to who groups by them.
          const groups = [a!, b!].map(({ codes, dictionary }) =>
            Array.from(codes, (code) => dictionary.canonical()[code]!),
          );
          expect(new Set(groups[0]).size).toBe(new Set(groups[1]).size);
          distinct += new Set(groups[0]).size;
        }
      },
    ),
    { numRuns: 1500 },
  );
  expect(compared).toBeGreaterThan(1000);
  expect(distinct).toBeLessThan(compared);
});
