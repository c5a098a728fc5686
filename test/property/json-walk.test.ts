/** What the walker finds is what parsing the text and stepping into it finds, or it says that it cannot tell. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDynamic, stringifyDynamic } from '../../src/columns/dynamic.ts';
import { JsonWalker } from '../../src/columns/json-walk.ts';
import type { Value } from '../../src/columns/value.ts';
import { step } from '../../src/engine/functions/operators.ts';
import { keys, texts, tree } from '../support/json-texts.ts';

test('a walk finds what parsing finds', () => {
  let found = 0;
  let told = 0;
  fc.assert(
    fc.property(texts, fc.array(keys, { minLength: 1, maxLength: 3 }), fc.nat({ max: 3 }), (text, path, before) => {
      const bytes = Buffer.from('x'.repeat(before) + text);
      const walker = new JsonWalker(bytes, path);
      if (!walker.find(before, bytes.length)) return;
      told++;
      const expected = path.reduce<Value>(
        (value, key) => step(value, key),
        parseDynamic(bytes.toString('utf8', before)),
      );
      if (walker.start >= 0) found++;
      const value = walker.start < 0 ? null : parseDynamic(bytes.toString('utf8', walker.start, walker.end));
      expect(stringifyDynamic(value)).toBe(stringifyDynamic(expected));
    }),
    { numRuns: 6000 },
  );
  expect(told).toBeGreaterThan(300);
  expect(found).toBeGreaterThan(100);
});

test('a walk may stop at the value where no key is given twice', () => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.dictionary(keys, tree, { minKeys: 2 }),
      fc.array(keys, { minLength: 1, maxLength: 3 }),
      (value, path) => {
        const text = stringifyDynamic(parseDynamic(JSON.stringify(value)));
        const bytes = Buffer.from(text);
        const [whole, stopped] = [false, true].map((mayStop) => new JsonWalker(bytes, path, mayStop));
        if (!whole!.find(0, bytes.length)) return;
        expect(stopped!.find(0, bytes.length)).toBe(true);
        expect([stopped!.start, stopped!.end]).toEqual([whole!.start, whole!.end]);
        if (whole!.start >= 0) found++;
      },
    ),
    { numRuns: 3000 },
  );
  expect(found).toBeGreaterThan(50);
});
