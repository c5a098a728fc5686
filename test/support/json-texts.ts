/** Random JSON texts, and texts that nearly are. */
import fc from 'fast-check';

export const keys = fc.constantFrom('user', 'id', 'é', '');
const leaf = fc.oneof(
  fc.constantFrom<unknown>('ann@x', 'ünïcode', 'a"b', '', true, false, null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
export const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(keys, tie('tree'), { maxKeys: 3 }),
  ),
}));

/** JSON as it stands in logs, JSON with blanks or with keys given twice, and texts that are broken somewhere. */
export const texts = fc
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
