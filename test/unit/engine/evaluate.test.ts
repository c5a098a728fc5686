import { describe, expect, it } from 'vitest';
import type { CodedColumn } from '../../../src/columns/column.ts';
import { evaluate, selectRows } from '../../../src/engine/evaluate.ts';
import { batchOf, call, column, lit, literal, SCOPE, valuesOf } from '../../support/expressions.ts';

describe('evaluate', () => {
  it('keeps the codes of a coded column through nested calls and evaluates once per entry', () => {
    const bag = new Map([['user', new Map([['upn', 'a@b.c']])]]);
    const batch = batchOf(['dynamic', [bag, null, bag]]);
    const nested = call('path', 'dynamic', call('path', 'dynamic', column(0, 'dynamic'), lit('user')), lit('upn'));
    const first = evaluate(nested, batch, SCOPE) as CodedColumn;
    expect(first.codes).toBe((batch.column(0) as CodedColumn).codes);
    expect(valuesOf(first)).toEqual(['a@b.c', null, 'a@b.c']);
    const again = evaluate(nested, batch, SCOPE) as CodedColumn;
    expect(again.dictionary).toBe(first.dictionary);
  });

  it('gives a string comparison per entry as a bool column', () => {
    const batch = batchOf(['string', ['x', 'y', 'x']]);
    const out = evaluate(call('==', 'bool', column(0, 'string'), lit('x')), batch, SCOPE);
    expect(valuesOf(out)).toEqual([true, false, true]);
  });
});

describe('selectRows', () => {
  it('narrows over the parts of an and, and keeps row numbers of the whole batch', () => {
    const batch = batchOf(['long', [1n, 5n, 7n, null]], ['string', ['a', 'b', 'b', 'b']]);
    const predicate = call(
      'and',
      'bool',
      call('==', 'bool', column(1, 'string'), lit('b')),
      call('>', 'bool', column(0, 'long'), lit(5n)),
    );
    expect(selectRows(predicate, batch, SCOPE)).toEqual(Uint32Array.of(2));
  });

  it('gives undefined where every row is let through', () => {
    const batch = batchOf(['long', [1n, 2n]]);
    expect(selectRows(call('>', 'bool', column(0, 'long'), literal(0n, 'long')), batch, SCOPE)).toBeUndefined();
  });

  it('drops rows for which the predicate is null', () => {
    const batch = batchOf(['long', [1n, null]]);
    expect(selectRows(call('<', 'bool', column(0, 'long'), lit(9n)), batch, SCOPE)).toEqual(Uint32Array.of(0));
  });
});
