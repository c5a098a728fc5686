/** Short spellings of plan expressions, and a batch from plain values. */
import { Batch, type ColumnInfo } from '../../src/columns/batch.ts';
import { type Column, columnFromValues, columnLength, valueAt } from '../../src/columns/column.ts';
import type { ScalarType, Value } from '../../src/columns/value.ts';
import type { Scope } from '../../src/engine/evaluate.ts';
import type { Expression } from '../../src/plan/plan.ts';

const span = { start: 0, end: 0 };

export function column(index: number, type: ScalarType): Expression {
  return { kind: 'column', index, type, span };
}

export function literal(value: Value, type: ScalarType): Expression {
  return { kind: 'literal', value, type, span };
}

export function call(name: string, type: ScalarType, ...args: readonly Expression[]): Expression {
  return { kind: 'call', name, args, type, span };
}

/** A literal of the type that a plain value suggests: text, bigint (long), number (real), boolean, object (dynamic). */
export function lit(value: Value): Expression {
  switch (typeof value) {
    case 'string':
      return literal(value, 'string');
    case 'bigint':
      return literal(value, 'long');
    case 'number':
      return literal(value, 'real');
    case 'boolean':
      return literal(value, 'bool');
    default:
      return literal(value, 'dynamic');
  }
}

export function batchOf(...columns: readonly (readonly [ScalarType, readonly Value[]])[]): Batch {
  const schema: ColumnInfo[] = columns.map(([type], i) => ({ name: `c${i}`, type }));
  return new Batch(
    schema,
    columns[0]?.[1].length ?? 1,
    columns.map(([type, values]) => columnFromValues(type, values)),
  );
}

/** 2026-05-29T10:00:00Z */
export const NOW = 639_156_456_000_000_000n;

export const SCOPE: Scope = {
  now: NOW,
  toscalar: () => null,
  tolist: () => null,
};

export function valuesOf(column: Column): Value[] {
  return Array.from({ length: columnLength(column) }, (_, row) => valueAt(column, row));
}
