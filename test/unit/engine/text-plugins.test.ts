import { describe, expect, it } from 'vitest';
import type { ScalarType, Value } from '../../../src/columns/value.ts';
import { execute } from '../../../src/engine/execute.ts';
import { MemoryTables, rowsOf } from '../../../src/engine/tables.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { column, rows } from '../../support/plans.ts';

function run(
  name: string,
  texts: readonly string[],
  options: Readonly<Record<string, unknown>>,
  ...outputs: readonly (readonly [string, ScalarType])[]
): Value[][] {
  const input = rows(
    { Text: 'string' },
    texts.map((text) => [text]),
  );
  const plan: Plan = {
    op: 'plugin',
    name,
    input,
    args: [column(input, 'Text')],
    options,
    columns: [...input.columns, ...outputs.map(([output, type]) => ({ name: output, type }))],
    span: input.span,
  };
  const batch = execute(plan, new MemoryTables({}), { now: 0n, window: undefined });
  return rowsOf(batch).map((row) => row.slice(1));
}

const UPN = { column: 1, type: 'string' };
const COUNT = { column: 2, type: 'long' };

describe('parse', () => {
  const simple = { mode: 'simple', flags: '', pattern: [{ text: 'user ' }, UPN, { text: ' tried ' }, COUNT] };

  it('gives what stands between the parts, and nothing where a part is missing', () => {
    const texts = ['user ann tried 3', 'User ann tried 3', 'a user ann tried 3', 'user tried 3', 'user ann tried 3'];
    const expected = [
      ['ann', 3n],
      ['', null],
      ['', null],
      ['', null],
      ['ann', 3n],
    ];
    expect(run('parse', texts, simple, ['Upn', 'string'], ['Count', 'long'])).toEqual(expected);
    expect(run('parse-where', texts, simple, ['Upn', 'string'], ['Count', 'long'])).toEqual([
      ['ann', 3n],
      ['ann', 3n],
    ]);
  });

  it('spoils the whole row by a value of the wrong type, unless it is relaxed', () => {
    const texts = ['user ann tried often'];
    expect(run('parse', texts, simple, ['Upn', 'string'], ['Count', 'long'])).toEqual([['', null]]);
    const relaxed = { ...simple, mode: 'relaxed' };
    expect(run('parse', texts, relaxed, ['Upn', 'string'], ['Count', 'long'])).toEqual([['ann', null]]);
  });

  it('skips with a star, ends a number where its digits end, and holds the last part to the end', () => {
    const starred = {
      mode: 'simple',
      flags: '',
      pattern: [{ any: true }, { text: 'n=' }, { column: 1, type: 'long' }, { any: true }, { text: ')' }],
    };
    const texts = ['x (n=12, m=3)', 'n=5) n=6)', 'n=5) and more'];
    expect(run('parse', texts, starred, ['N', 'long'])).toEqual([[12n], [5n], [null]]);
  });

  it('takes regular expressions, greedy unless flagged', () => {
    const pattern = [{ any: true }, { text: 'NAME=' }, UPN, { text: ',' }, { any: true }];
    const texts = ['name=a,b,c'];
    expect(run('parse', texts, { mode: 'regex', flags: 'i', pattern }, ['Upn', 'string'])).toEqual([['a,b']]);
    expect(run('parse', texts, { mode: 'regex', flags: 'Ui', pattern }, ['Upn', 'string'])).toEqual([['a']]);
    expect(run('parse', texts, { mode: 'regex', flags: '', pattern }, ['Upn', 'string'])).toEqual([['']]);
    const digits = [{ text: '\\D*' }, { column: 1, type: 'long' }, { text: '\\.' }, { column: 2, type: 'long' }];
    expect(
      run('parse', ['v10.20', 'v1', ''], { mode: 'regex', flags: '', pattern: digits }, ['A', 'long'], ['B', 'long']),
    ).toEqual([
      [10n, 20n],
      [null, null],
      [null, null],
    ]);
  });
});

describe('parse-kv', () => {
  const keys = [
    { key: 'src', column: 1, type: 'string' },
    { key: 'bytes', column: 2, type: 'long' },
  ];
  const kv = { keys, pairDelimiter: ' ', kvDelimiter: '=', quote: undefined, escape: undefined, greedy: false };

  it('gives the first value of each key, converted', () => {
    const texts = ['src=a bytes=5 src=b', 'bytes=many', 'nothing', ''];
    expect(run('parse-kv', texts, kv, ['src', 'string'], ['bytes', 'long'])).toEqual([
      ['a', 5n],
      ['', null],
      ['', null],
      ['', null],
    ]);
  });

  it('takes quoted values whole, and lets a greedy value hold delimiters', () => {
    const quoted = { ...kv, quote: '"', escape: '\\' };
    expect(run('parse-kv', ['src="a \\"b\\" c" bytes=1'], quoted, ['src', 'string'], ['bytes', 'long'])).toEqual([
      ['a "b" c', 1n],
    ]);
    const greedy = { ...kv, greedy: true };
    expect(run('parse-kv', ['src=a b c bytes=1'], greedy, ['src', 'string'], ['bytes', 'long'])).toEqual([
      ['a b c', 1n],
    ]);
  });
});
