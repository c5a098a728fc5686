/**
 * Columns of values in memory. All are immutable once built; slices are views over shared buffers.
 *
 * | kind     | types                               | values                                                          |
 * |----------|-------------------------------------|-----------------------------------------------------------------|
 * | bool     | bool                                | Uint8Array of 0 and 1                                           |
 * | number   | int, long, real, datetime, timespan | Float64Array; whole numbers within 2^53; datetime: ticks since 2020 |
 * | wide     | long, datetime, timespan            | BigInt64Array, where a value lies beyond 2^53; datetime: ticks since 0001 |
 * | coded    | string, guid, dynamic, decimal      | codes into a dictionary                                         |
 * | constant | any                                 | one boxed value for every row                                   |
 *
 * A null in a bool, number or wide column is marked by 1 in `nulls` (absent where there are none) over a value of 0;
 * in a coded column it is a dictionary entry whose value is null.
 */
import { takeBytes, takeDoubles, takeLike } from '../base/arena.ts';
import { COLUMN_EPOCH_TICKS } from '../base/time.ts';
import { stringifyDynamic } from './dynamic.ts';
import { type CodedType, type Codes, type Dictionary, ValueDictionary } from './dictionary.ts';
import type { ScalarType, Value } from './value.ts';

export type { Codes };
export type NumberType = 'int' | 'long' | 'real' | 'datetime' | 'timespan';
export type WideType = 'long' | 'datetime' | 'timespan';

export interface BoolColumn {
  readonly kind: 'bool';
  readonly type: 'bool';
  readonly values: Uint8Array;
  readonly nulls: Uint8Array | undefined;
}

export interface NumberColumn {
  readonly kind: 'number';
  readonly type: NumberType;
  readonly values: Float64Array;
  readonly nulls: Uint8Array | undefined;
}

export interface WideColumn {
  readonly kind: 'wide';
  readonly type: WideType;
  readonly values: BigInt64Array;
  readonly nulls: Uint8Array | undefined;
}

export interface CodedColumn {
  readonly kind: 'coded';
  readonly type: CodedType;
  readonly codes: Codes;
  readonly dictionary: Dictionary;
}

export interface ConstantColumn {
  readonly kind: 'constant';
  readonly type: ScalarType;
  readonly value: Value;
  readonly length: number;
}

export type Column = BoolColumn | NumberColumn | WideColumn | CodedColumn | ConstantColumn;

export function isCodedType(type: ScalarType): type is CodedType {
  return type === 'string' || type === 'guid' || type === 'dynamic' || type === 'decimal';
}

export function columnLength(column: Column): number {
  if (column.kind === 'constant') return column.length;
  return column.kind === 'coded' ? column.codes.length : column.values.length;
}

/** The boxed value of one row. */
export function valueAt(column: Column, row: number): Value {
  switch (column.kind) {
    case 'constant':
      return column.value;
    case 'coded':
      return column.dictionary.value(column.codes[row]!);
    case 'bool':
      return column.nulls?.[row] ? null : column.values[row] === 1;
    case 'wide':
      return column.nulls?.[row] ? null : column.values[row]!;
    case 'number': {
      if (column.nulls?.[row]) return null;
      const value = column.values[row]!;
      if (column.type === 'real') return value;
      return column.type === 'datetime' ? BigInt(value) + COLUMN_EPOCH_TICKS : BigInt(value);
    }
  }
}

/** The rows named by `rows`, in that order. */
export function gatherColumn(column: Column, rows: Uint32Array): Column {
  const length = rows.length;
  switch (column.kind) {
    case 'constant':
      return { ...column, length };
    case 'coded': {
      const { codes } = column;
      const out = takeLike(codes, length);
      for (let i = 0; i < length; i++) out[i] = codes[rows[i]!]!;
      return { ...column, codes: out };
    }
    case 'bool': {
      const out = takeBytes(length);
      for (let i = 0; i < length; i++) out[i] = column.values[rows[i]!]!;
      return { ...column, values: out, nulls: gatherNulls(column.nulls, rows) };
    }
    case 'number': {
      const { values } = column;
      const out = takeDoubles(length);
      for (let i = 0; i < length; i++) out[i] = values[rows[i]!]!;
      return { ...column, values: out, nulls: gatherNulls(column.nulls, rows) };
    }
    case 'wide': {
      const out = new BigInt64Array(length);
      for (let i = 0; i < length; i++) out[i] = column.values[rows[i]!]!;
      return { ...column, values: out, nulls: gatherNulls(column.nulls, rows) };
    }
  }
}

function gatherNulls(nulls: Uint8Array | undefined, rows: Uint32Array): Uint8Array | undefined {
  if (!nulls) return undefined;
  const out = takeBytes(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = nulls[rows[i]!]!;
  return out;
}

/** The rows from `start` (inclusive) to `end` (exclusive), sharing the buffers of `column`. */
export function sliceColumn(column: Column, start: number, end: number): Column {
  switch (column.kind) {
    case 'constant':
      return { ...column, length: end - start };
    case 'coded':
      return { ...column, codes: column.codes.subarray(start, end) };
    case 'bool':
      return { ...column, values: column.values.subarray(start, end), nulls: column.nulls?.subarray(start, end) };
    case 'number':
      return { ...column, values: column.values.subarray(start, end), nulls: column.nulls?.subarray(start, end) };
    case 'wide':
      return { ...column, values: column.values.subarray(start, end), nulls: column.nulls?.subarray(start, end) };
  }
}

/** A column of `type` from boxed values; narrow where every value fits. */
export function columnFromValues(type: ScalarType, values: readonly Value[]): Column {
  const length = values.length;
  if (isCodedType(type)) return codedFromValues(type, values);
  let nulls: Uint8Array | undefined;
  const markNull = (row: number): void => {
    nulls ??= new Uint8Array(length);
    nulls[row] = 1;
  };
  if (type === 'bool') {
    const out = new Uint8Array(length);
    for (let row = 0; row < length; row++) {
      if (values[row] === null) markNull(row);
      else out[row] = values[row] ? 1 : 0;
    }
    return { kind: 'bool', type, values: out, nulls };
  }
  const out = new Float64Array(length);
  const epoch = type === 'datetime' ? COLUMN_EPOCH_TICKS : 0n;
  for (let row = 0; row < length; row++) {
    const value = values[row]!;
    if (value === null) {
      markNull(row);
    } else if (type === 'real') {
      out[row] = value as number;
    } else {
      const number = Number((value as bigint) - epoch);
      if (!Number.isSafeInteger(number)) return wideFromValues(type as WideType, values);
      out[row] = number;
    }
  }
  return { kind: 'number', type, values: out, nulls };
}

function wideFromValues(type: WideType, values: readonly Value[]): WideColumn {
  const out = new BigInt64Array(values.length);
  let nulls: Uint8Array | undefined;
  for (let row = 0; row < values.length; row++) {
    if (values[row] === null) {
      nulls ??= new Uint8Array(values.length);
      nulls[row] = 1;
    } else out[row] = values[row] as bigint;
  }
  return { kind: 'wide', type, values: out, nulls };
}

function codedFromValues(type: CodedType, values: readonly Value[]): CodedColumn {
  const codes = new Uint32Array(values.length);
  const entries: Value[] = [];
  const codeOf = new Map<string, number>();
  for (let row = 0; row < values.length; row++) {
    const value = type === 'string' && values[row] === null ? '' : values[row]!;
    const key = value === null ? 'n' : `v${type === 'dynamic' ? stringifyDynamic(value) : (value as string)}`;
    let code = codeOf.get(key);
    if (code === undefined) {
      code = entries.length;
      codeOf.set(key, code);
      entries.push(value);
    }
    codes[row] = code;
  }
  return { kind: 'coded', type, codes, dictionary: new ValueDictionary(type, entries, stringifyDynamic) };
}
