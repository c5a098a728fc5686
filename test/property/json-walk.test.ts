/** What the walker finds is what parsing the text and stepping into it finds, or it says that it cannot tell. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDynamic, stringifyDynamic } from '../../src/columns/dynamic.ts';
import { JsonWalker } from '../../src/columns/json-walk.ts';
import type { Value } from '../../src/columns/value.ts';
import { step } from '../../src/engine/functions/operators.ts';

const keys = fc.constantFrom('user', 'id', 'é', '');
const leaf = fc.oneof(
  fc.constantFrom<unknown>('ann@x', 'ünïcode', 'a"b', '', true, false, null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(keys, tie('tree'), { maxKeys: 3 }),
  ),
}));

/** JSON as it stands in logs, JSON with blanks or with keys given twice, and texts that are broken somewhere. */
const texts = fc
  .tuple(
    fc.oneof({ weight: 1, arbitrary: tree }, { weight: 4, arbitrary: fc.dictionary(keys, tree, { minKeys: 2 }) }),
    fc.constantFrom('plain', 'spaced', 'twice', 'cut', 'changed'),
    fc.nat(),
    fc.constantFrom('{', '}', ',', '"', '\\', '0', ' ', 'x', '\u0001'),
  )
  .map(([value, how, place, letter]) => {
    const text = JSON.stringify(value, undefined, how === 'spaced' ? 2 : undefined);
    const at = place % (text.length + 1);
    if (how === 'twice') return text.replace('{', `{"user":${JSON.stringify({ id: 'first', user: 1 })},`);
    if (how === 'cut') return text.slice(0, at);
    return how === 'changed' ? text.slice(0, at) + letter + text.slice(at + 1) : text;
  });

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
