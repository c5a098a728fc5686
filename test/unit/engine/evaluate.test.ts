import { describe, expect, it } from 'vitest';
import { Batch } from '../../../src/columns/batch.ts';
import type { CodedColumn } from '../../../src/columns/column.ts';
import { TextDictionary } from '../../../src/columns/dictionary.ts';
import { evaluate, selectRows } from '../../../src/engine/evaluate.ts';
import type { Expression, Plan } from '../../../src/plan/plan.ts';
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

describe('what a dictionary remembers', () => {
  const recent = call(
    '>',
    'bool',
    call('todatetime', 'datetime', column(0, 'string')),
    call('ago', 'datetime', literal(36_000_000_000n, 'timespan')),
  );

  it('is never a result that depends on the clock of a run', () => {
    const batch = batchOf(['string', ['2026-05-29T09:30:00Z', '2026-05-29T08:30:00Z']]);
    expect(valuesOf(evaluate(recent, batch, SCOPE))).toEqual([true, false]);
    const earlier = { ...SCOPE, now: SCOPE.now - 36_000_000_000n };
    expect(valuesOf(evaluate(recent, batch, earlier))).toEqual([true, true]);
  });

  it('is never a result that depends on a sub-query of a run', () => {
    const batch = batchOf(['string', ['a', 'b']]);
    const plan: Plan = { op: 'rows', columns: [], rows: [], span: { start: 0, end: 0 } };
    const member = call('in', 'bool', column(0, 'string'), { kind: 'tolist', plan, type: 'dynamic', span: plan.span });
    expect(valuesOf(evaluate(member, batch, { ...SCOPE, tolist: () => ['a'] }))).toEqual([true, false]);
    expect(valuesOf(evaluate(member, batch, { ...SCOPE, tolist: () => ['b'] }))).toEqual([false, true]);
  });

  it('tells apart calls that differ in a constant or its type', () => {
    const batch = batchOf(['dynamic', [[10n, 20n], new Map([['1', 'x']])]]);
    const step = (key: Expression): Expression => call('path', 'dynamic', column(0, 'dynamic'), key);
    expect(valuesOf(evaluate(step(lit(1n)), batch, SCOPE))).toEqual([20n, 'x']);
    expect(valuesOf(evaluate(step(lit('1')), batch, SCOPE))).toEqual([null, 'x']);
    expect(valuesOf(evaluate(step(lit(0n)), batch, SCOPE))).toEqual([10n, null]);
  });

  it('is not asked of entries that no row uses', () => {
    let asked = 0;
    const dictionary = new TextDictionary('string', 3, (code) => {
      asked++;
      return `text ${code}`;
    });
    const codes = Uint8Array.of(1, 1, 1);
    const batch = new Batch([{ name: 'c0', type: 'string' }], 3, [
      { kind: 'coded', type: 'string', codes, dictionary },
    ]);
    expect(valuesOf(evaluate(call('strlen', 'long', column(0, 'string')), batch, SCOPE))).toEqual([6n, 6n, 6n]);
    expect(asked).toBe(1);
  });
});

describe('calls over two coded columns', () => {
  it('give each pair of entries its own result', () => {
    const batch = batchOf(['string', ['a', 'a', 'b', 'b']], ['string', ['x', 'y', 'x', 'x']]);
    const joined = evaluate(call('strcat', 'string', column(0, 'string'), column(1, 'string')), batch, SCOPE);
    expect(valuesOf(joined)).toEqual(['ax', 'ay', 'bx', 'bx']);
  });
});

describe('functions that see other rows', () => {
  it('prev and row_cumsum start anew where their restart says so', () => {
    const batch = batchOf(['string', ['a', 'a', 'b', 'b']], ['long', [1n, 2n, 3n, 4n]]);
    const changed = call('!=', 'bool', column(0, 'string'), call('prev', 'string', column(0, 'string')));
    expect(valuesOf(evaluate(changed, batch, SCOPE))).toEqual([true, false, true, false]);
    expect(valuesOf(evaluate(call('row_cumsum', 'long', column(1, 'long'), changed), batch, SCOPE))).toEqual([
      1n,
      3n,
      3n,
      7n,
    ]);
    expect(valuesOf(evaluate(call('next', 'long', column(1, 'long'), lit(2n), lit(-1n)), batch, SCOPE))).toEqual([
      3n,
      4n,
      -1n,
      -1n,
    ]);
  });

  it('row_window_session opens a session after a gap, or where the first lies too far back', () => {
    const batch = batchOf(['long', [0n, 4n, 8n, 12n, 30n]]);
    const session = call('row_window_session', 'long', column(0, 'long'), lit(10n), lit(5n));
    expect(valuesOf(evaluate(session, batch, SCOPE))).toEqual([0n, 0n, 0n, 12n, 30n]);
  });

  it('see every row, also as a part of an and', () => {
    const batch = batchOf(['long', [1n, 2n, 3n]]);
    const predicate = call(
      'and',
      'bool',
      call('!=', 'bool', column(0, 'long'), lit(2n)),
      call('==', 'bool', call('prev', 'long', column(0, 'long')), lit(2n)),
    );
    expect(selectRows(predicate, batch, SCOPE)).toEqual(Uint32Array.of(2));
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
