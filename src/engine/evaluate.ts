/**
 * Expressions over a batch. Work follows the data's shape, not the number of rows:
 *
 * - a call over constants happens once;
 * - a call whose other operands are entries of one dictionary happens once for each entry that a row uses, and stays in
 *   `Dictionary.memo` where its constants are those of the query (never those of one run, such as `ago()`), so 168 runs
 *   over one partition pay once. The result keeps the codes of its operand: nested calls cost no work on rows at all;
 * - number, wide and bool columns go through vector kernels;
 * - what is left (columns of mixed kinds) goes row by row over boxed values, at most once for each pair of codes.
 *
 * All ways give what the boxed form of the function gives.
 */
import { shortened, takeWords } from '../base/arena.ts';
import { TocsinError, withSpan } from '../base/errors.ts';
import type { Batch } from '../columns/batch.ts';
import {
  type BoolColumn,
  type CodedColumn,
  type Codes,
  type Column,
  columnFromValues,
  type ConstantColumn,
  isCodedType,
  type NumberColumn,
  type NumberType,
  valueAt,
} from '../columns/column.ts';
import { type CodedType, Dictionary, TextDictionary } from '../columns/dictionary.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import { JsonWalker } from '../columns/json-walk.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { COLUMN_EPOCH_TICKS } from '../base/time.ts';
import { type Expression, type Plan, type Span, visitExpression } from '../plan/plan.ts';
import { step } from './functions/operators.ts';
import { scalarFunction, type ScalarFunction } from './functions/registry.ts';

/** What expressions know of the run around them. */
export interface Scope {
  /** `now()`, in ticks since 0001. */
  readonly now: bigint;
  /** The first cell of a sub-plan's rows (null where there are none); evaluated once a run. */
  toscalar(plan: Plan): Value;
  /** The values of a sub-plan's first column as a dynamic array; evaluated once a run. */
  tolist(plan: Plan): Value;
}

/** The values of `expression` for every row of the batch, in order. */
export function evaluate(expression: Expression, batch: Batch, scope: Scope): Column {
  return materialize(operandOf(expression, batch, scope), batch.rowCount);
}

/** Row numbers, ascending, where `predicate` is true (not false, not null); undefined where it is true of every row. */
export function selectRows(predicate: Expression, batch: Batch, scope: Scope): Uint32Array | undefined {
  let rows: Uint32Array | undefined;
  let current = batch;
  for (const conjunct of conjuncts(predicate)) {
    const hits = trueRows(operandOf(conjunct, current, scope), current.rowCount);
    if (!hits) continue;
    if (rows) for (let i = 0; i < hits.length; i++) hits[i] = rows[hits[i]!]!;
    rows = hits;
    if (rows.length === 0) break;
    current = batch.select(rows);
  }
  return rows;
}

/** The parts of an `and` that may narrow the rows one after another; a part that looks at other rows forbids that. */
function conjuncts(predicate: Expression): Expression[] {
  const parts: Expression[] = [];
  const split = (e: Expression): void => {
    if (e.kind === 'call' && e.name === 'and') for (const arg of e.args) split(arg);
    else parts.push(e);
  };
  split(predicate);
  return parts.every(isRowLocal) ? parts : [predicate];
}

/** Whether the value for a row depends on that row alone. */
export function isRowLocal(expression: Expression): boolean {
  let local = true;
  visitExpression(expression, (e) => {
    if (e.kind === 'call' && scalarFunction(e.name)?.rowLocal === false) local = false;
  });
  return local;
}

/** One value for every row. `stable`: given by the query's text alone, so results may outlive the run. */
interface Fixed {
  readonly kind: 'fixed';
  readonly type: ScalarType;
  readonly value: Value;
  readonly stable: boolean;
}

/** A column of bool, number or time whose values are worked out once for each entry of a dictionary. */
interface Lookup {
  readonly kind: 'lookup';
  readonly type: ScalarType;
  readonly codes: Codes;
  readonly dictionary: DerivedTable;
}

type Operand = Exclude<Column, ConstantColumn> | Lookup | Fixed;

/** Entries of any type by code: a dictionary, or a table derived from one. */
interface Entries {
  readonly size: number;
  readonly memo: Map<string, unknown>;
  value(code: number): Value;
}

/** Texts, ids and dynamics derived from the entries of a dictionary, each when first asked for. */
class DerivedDictionary extends Dictionary {
  readonly #compute: (code: number) => Value;
  readonly #values: (Value | undefined)[];

  constructor(type: CodedType, size: number, compute: (code: number) => Value) {
    super(type, size);
    this.#compute = compute;
    this.#values = new Array<Value | undefined>(size);
  }

  value(code: number): Value {
    const known = this.#values[code];
    if (known !== undefined) return known;
    return (this.#values[code] = this.#compute(code));
  }

  text(code: number): string {
    const value = this.value(code);
    if (value === null) return '';
    return typeof value === 'string' && this.type !== 'dynamic' ? value : stringifyDynamic(value);
  }
}

const UNKNOWN = 0;
const PRESENT = 1;
const NULL = 2;
/** A whole number that a double cannot hold. */
const WIDE = 3;

/** Bools, numbers and times derived from the entries of a dictionary, each when first asked for. */
class DerivedTable implements Entries {
  readonly type: ScalarType;
  readonly size: number;
  readonly memo = new Map<string, unknown>();
  readonly states: Uint8Array;
  /** As in a bool or a number column. */
  readonly numbers: Uint8Array | Float64Array;
  readonly #compute: (code: number) => Value;
  readonly #epoch: bigint;

  constructor(type: ScalarType, size: number, compute: (code: number) => Value) {
    this.type = type;
    this.size = size;
    this.states = new Uint8Array(size);
    this.numbers = type === 'bool' ? new Uint8Array(size) : new Float64Array(size);
    this.#compute = compute;
    this.#epoch = type === 'datetime' ? COLUMN_EPOCH_TICKS : 0n;
  }

  /** Makes sure of the entry; gives its state. */
  resolve(code: number): number {
    const state = this.states[code]!;
    if (state !== UNKNOWN) return state;
    const value = this.#compute(code);
    if (value === null) return (this.states[code] = NULL);
    if (typeof value === 'bigint') {
      const number = Number(value - this.#epoch);
      if (!Number.isSafeInteger(number)) return (this.states[code] = WIDE);
      this.numbers[code] = number;
    } else {
      this.numbers[code] = value === true ? 1 : (value as number);
    }
    return (this.states[code] = PRESENT);
  }

  value(code: number): Value {
    switch (this.resolve(code)) {
      case NULL:
        return null;
      case WIDE:
        return this.#compute(code);
      default: {
        const number = this.numbers[code]!;
        if (this.type === 'bool') return number === 1;
        return this.type === 'real' ? number : BigInt(number) + this.#epoch;
      }
    }
  }
}

function operandOf(expression: Expression, batch: Batch, scope: Scope): Operand {
  switch (expression.kind) {
    case 'column': {
      const column = batch.column(expression.index);
      if (column.kind === 'constant') {
        return { kind: 'fixed', type: column.type, value: column.value, stable: false };
      }
      return column;
    }
    case 'literal':
      return { kind: 'fixed', type: expression.type, value: expression.value, stable: true };
    case 'toscalar':
      return { kind: 'fixed', type: expression.type, value: scope.toscalar(expression.plan), stable: false };
    case 'tolist':
      return { kind: 'fixed', type: 'dynamic', value: scope.tolist(expression.plan), stable: false };
    case 'call':
      return callOperand(expression, batch, scope);
  }
}

function functionOf(name: string): ScalarFunction {
  const f = scalarFunction(name);
  if (!f) throw new TocsinError('UNSUPPORTED', `the function ${name}() is not supported`);
  return f;
}

function callOperand(expression: Extract<Expression, { kind: 'call' }>, batch: Batch, scope: Scope): Operand {
  const f = functionOf(expression.name);
  const rowCount = batch.rowCount;
  const found = f.name === 'path' ? pathOperand(expression, batch, scope) : undefined;
  if (found) return found;
  const args = expression.args.map((arg) => operandOf(arg, batch, scope));
  try {
    return called(f, expression, args, rowCount, scope);
  } catch (error) {
    throw withSpan(tooLarge(f.name, error), expression.span);
  }
}

/** A path of keys into JSON that is held as text: what it leads to is read without the rest. Undefined for any other. */
function pathOperand(expression: Expression, batch: Batch, scope: Scope): Operand | undefined {
  const keys: string[] = [];
  let base = expression;
  while (base.kind === 'call' && base.name === 'path') {
    const [value, key] = base.args as [Expression, Expression];
    if (key.kind !== 'literal' || key.type !== 'string') return undefined;
    keys.unshift(key.value as string);
    base = value;
  }
  const operand = operandOf(base, batch, scope);
  if (operand.kind !== 'coded' || operand.type !== 'dynamic') return undefined;
  const { dictionary } = operand;
  const texts = dictionary instanceof TextDictionary && !dictionary.isParsed ? dictionary.encoded : undefined;
  if (!texts) return undefined;
  const memo = `path ${JSON.stringify(keys)}`;
  let derived = dictionary.memo.get(memo) as DerivedDictionary | undefined;
  if (!derived) {
    const walker = new JsonWalker(texts.bytes, keys, texts.isCompactJson);
    const { buffer, byteOffset, byteLength } = texts.bytes;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    derived = new DerivedDictionary('dynamic', dictionary.size, (code) => {
      if (!walker.find(texts.offsets[code]!, texts.offsets[code + 1]!)) {
        return keys.reduce<Value>((value, key) => step(value, key), dictionary.value(code));
      }
      const { start, end } = walker;
      if (start < 0) return null;
      return walker.isPlainText
        ? bytes.toString('utf8', start + 1, end - 1)
        : parseDynamic(bytes.toString('utf8', start, end));
    });
    dictionary.memo.set(memo, derived);
  }
  return { kind: 'coded', type: 'dynamic', codes: operand.codes, dictionary: derived };
}

function called(
  f: ScalarFunction,
  expression: Extract<Expression, { kind: 'call' }>,
  args: readonly Operand[],
  rowCount: number,
  scope: Scope,
): Operand {
  const { type, span } = expression;
  if (f.overRows) {
    return operandFromColumn(
      f.overRows(
        args.map((arg) => materialize(arg, rowCount)),
        type,
        rowCount,
      ),
    );
  }
  const types = args.map((arg) => arg.type);
  const varying = args.filter((arg) => arg.kind !== 'fixed');
  if (varying.length === 0) {
    const fixed = args as Fixed[];
    const stable = f.timeInvariant && fixed.every((arg) => arg.stable);
    const value = f.call(
      fixed.map((arg) => arg.value),
      types,
      type,
      scope.now,
    );
    return { kind: 'fixed', type, value: settle(value, type), stable };
  }

  const first = varying[0]!;
  if (hasEntries(first) && varying.every((arg) => hasEntries(arg) && arg.codes === first.codes)) {
    return derive(f, args, first, types, type, scope, span);
  }
  if (f.vector) {
    const column = f.vector(
      args.map((arg) => materialize(arg, rowCount)),
      type,
      rowCount,
    );
    if (column) return operandFromColumn(column);
  }
  return operandFromColumn(byRows(boxedCall(f, args, types, type, scope, span), args, type, rowCount));
}

function operandFromColumn(column: Column): Operand {
  return column.kind === 'constant' ? { kind: 'fixed', type: column.type, value: column.value, stable: false } : column;
}

function hasEntries(operand: Operand): operand is CodedColumn | Lookup {
  return operand.kind === 'coded' || operand.kind === 'lookup';
}

/** A result as a value of the plan's type: a string is never null, whole numbers and reals do not mix. */
function settle(value: Value, type: ScalarType): Value {
  switch (type) {
    case 'string':
      return value ?? '';
    case 'real':
      return typeof value === 'bigint' ? Number(value) : value;
    case 'int':
    case 'long':
      return typeof value === 'number' ? (Number.isFinite(value) ? BigInt(Math.trunc(value)) : null) : value;
    default:
      return value;
  }
}

/** What the runtime says where a text grows beyond every bound, or a nesting is too deep, in the words of a query. */
function tooLarge(name: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  return new TocsinError('QUERY', `${name}: the result is too large to hold`);
}

/** The function over boxed arguments, with what its constants allow to prepare done. */
function boxedCall(
  f: ScalarFunction,
  args: readonly Operand[],
  types: readonly ScalarType[],
  type: ScalarType,
  scope: Scope,
  span: Span,
): (values: readonly Value[]) => Value {
  const bound = f.bind?.(
    args.map((arg) => (arg.kind === 'fixed' ? arg.value : undefined)),
    types,
    type,
  );
  const call = bound ?? ((values: readonly Value[]) => f.call(values, types, type, scope.now));
  return (values) => {
    try {
      return settle(call(values), type);
    } catch (error) {
      throw withSpan(tooLarge(f.name, error), span);
    }
  };
}

const entriesIds = new WeakMap<object, number>();
let lastEntriesId = 0;

function entriesId(entries: object): number {
  let id = entriesIds.get(entries);
  if (id === undefined) entriesIds.set(entries, (id = ++lastEntriesId));
  return id;
}

const dynamicKeys = new WeakMap<object, string>();

function constantKey(fixed: Fixed): string {
  const { value, type } = fixed;
  if (typeof value !== 'object' || value === null) return `${type} ${typeof value} ${JSON.stringify(String(value))}`;
  let key = dynamicKeys.get(value);
  if (key === undefined) dynamicKeys.set(value, (key = `${type} ${stringifyDynamic(value)}`));
  return key;
}

/** A call whose operands are constants and entries under the same codes. */
function derive(
  f: ScalarFunction,
  args: readonly Operand[],
  first: CodedColumn | Lookup,
  types: readonly ScalarType[],
  type: ScalarType,
  scope: Scope,
  span: Span,
): Operand {
  const { codes } = first;
  const source: Entries = first.dictionary;
  const make = (): DerivedDictionary | DerivedTable => {
    const call = boxedCall(f, args, types, type, scope, span);
    const values: Value[] = args.map((arg) => (arg.kind === 'fixed' ? arg.value : null));
    const slots: { readonly index: number; readonly entries: Entries }[] = [];
    args.forEach((arg, index) => {
      if (arg.kind !== 'fixed') slots.push({ index, entries: (arg as CodedColumn | Lookup).dictionary });
    });
    const compute = (code: number): Value => {
      for (const slot of slots) values[slot.index] = slot.entries.value(code);
      return call(values);
    };
    return isCodedType(type)
      ? new DerivedDictionary(type, source.size, compute)
      : new DerivedTable(type, source.size, compute);
  };
  let derived: DerivedDictionary | DerivedTable;
  const memoizable = f.deterministic && f.timeInvariant && args.every((arg) => arg.kind !== 'fixed' || arg.stable);
  if (memoizable) {
    const key = `${f.name}:${type}(${args
      .map((arg) =>
        arg.kind === 'fixed'
          ? constantKey(arg)
          : (arg as CodedColumn | Lookup).dictionary === source
            ? '$'
            : `#${entriesId((arg as CodedColumn | Lookup).dictionary)}`,
      )
      .join()})`;
    derived = source.memo.get(key) as DerivedDictionary | DerivedTable;
    if (!derived) source.memo.set(key, (derived = make()));
  } else {
    derived = make();
  }
  return derived instanceof DerivedDictionary
    ? { kind: 'coded', type: type as CodedType, codes, dictionary: derived }
    : { kind: 'lookup', type, codes, dictionary: derived };
}

/** Row by row over boxed values; where just two code spaces meet, once for each pair of codes. */
function byRows(
  call: (values: readonly Value[]) => Value,
  args: readonly Operand[],
  type: ScalarType,
  rowCount: number,
): Column {
  const readers = args.map(readerOf);
  const values: Value[] = args.map((arg) => (arg.kind === 'fixed' ? arg.value : null));
  const out = new Array<Value>(rowCount);
  const spaces = new Set<Codes>();
  let coded = true;
  for (const arg of args) {
    if (hasEntries(arg)) spaces.add(arg.codes);
    else if (arg.kind !== 'fixed') coded = false;
  }
  const compute = (row: number): Value => {
    for (let i = 0; i < readers.length; i++) {
      const reader = readers[i];
      if (reader) values[i] = reader(row);
    }
    return call(values);
  };
  if (coded && spaces.size === 2) {
    const [a, b] = [...spaces] as [Codes, Codes];
    const width = (args.find((arg) => hasEntries(arg) && arg.codes === b) as CodedColumn | Lookup).dictionary.size;
    const known = new Map<number, Value>();
    for (let row = 0; row < rowCount; row++) {
      const pair = a[row]! * width + b[row]!;
      let value = known.get(pair);
      if (value === undefined) known.set(pair, (value = compute(row)));
      out[row] = value;
    }
  } else {
    for (let row = 0; row < rowCount; row++) out[row] = compute(row);
  }
  return columnFromValues(type, out);
}

function readerOf(operand: Operand): ((row: number) => Value) | undefined {
  switch (operand.kind) {
    case 'fixed':
      return undefined;
    case 'lookup':
    case 'coded': {
      const { codes, dictionary } = operand;
      return (row) => dictionary.value(codes[row]!);
    }
    default:
      return (row) => valueAt(operand, row);
  }
}

function materialize(operand: Operand, rowCount: number): Column {
  switch (operand.kind) {
    case 'fixed':
      return { kind: 'constant', type: operand.type, value: operand.value, length: rowCount };
    case 'lookup':
      return spread(operand, rowCount);
    default:
      return operand;
  }
}

/** Entry values to rows. */
function spread(lookup: Lookup, rowCount: number): Column {
  const { codes, dictionary, type } = lookup;
  const { states, numbers } = dictionary;
  const values = type === 'bool' ? new Uint8Array(rowCount) : new Float64Array(rowCount);
  let nulls: Uint8Array | undefined;
  for (let row = 0; row < rowCount; row++) {
    const code = codes[row]!;
    let state = states[code]!;
    if (state === UNKNOWN) state = dictionary.resolve(code);
    if (state === PRESENT) values[row] = numbers[code]!;
    else if (state === NULL) {
      nulls ??= new Uint8Array(rowCount);
      nulls[row] = 1;
    } else {
      return columnFromValues(
        type,
        Array.from({ length: rowCount }, (_, i) => dictionary.value(codes[i]!)),
      );
    }
  }
  return type === 'bool'
    ? ({ kind: 'bool', type, values, nulls } as BoolColumn)
    : ({ kind: 'number', type: type as NumberType, values, nulls } as NumberColumn);
}

/** With so many rows for each entry of a dictionary all of its entries are asked before any row: most often one row has each. */
const ROWS_FOR_ENTRY = 16;

function rowsThatHold(codes: Codes, holds: Uint8Array): Uint32Array | undefined {
  const rows = takeWords(codes.length);
  let count = 0;
  for (let row = 0; row < codes.length; row++) {
    rows[count] = row;
    count += holds[codes[row]!]!;
  }
  return count === codes.length ? undefined : shortened(rows, count);
}

/** Rows where a bool operand is true, or undefined where it is true of all. */
function trueRows(operand: Operand, rowCount: number): Uint32Array | undefined {
  switch (operand.kind) {
    case 'fixed':
      return operand.value === true ? undefined : new Uint32Array(0);
    case 'lookup': {
      const { codes, dictionary } = operand;
      const { states, numbers } = dictionary;
      if (dictionary.size * ROWS_FOR_ENTRY <= rowCount) {
        const holds = new Uint8Array(dictionary.size);
        for (let code = 0; code < holds.length; code++) {
          if (states[code] === UNKNOWN) dictionary.resolve(code);
          holds[code] = numbers[code]!;
        }
        return holds.includes(0) ? rowsThatHold(codes, holds) : undefined;
      }
      const rows = takeWords(rowCount);
      let count = 0;
      for (let row = 0; row < rowCount; row++) {
        const code = codes[row]!;
        if (states[code] === UNKNOWN) dictionary.resolve(code);
        rows[count] = row;
        // A null entry's value is 0, as in a column.
        count += numbers[code]!;
      }
      return count === rowCount ? undefined : shortened(rows, count);
    }
    case 'bool': {
      const { values } = operand;
      const rows = takeWords(rowCount);
      let count = 0;
      for (let row = 0; row < rowCount; row++) {
        rows[count] = row;
        count += values[row]!;
      }
      return count === rowCount ? undefined : shortened(rows, count);
    }
    default: {
      // A dynamic predicate, or a number taken as a truth value.
      const rows: number[] = [];
      const column = materialize(operand, rowCount);
      for (let row = 0; row < rowCount; row++) if (valueAt(column, row) === true) rows.push(row);
      return rows.length === rowCount ? undefined : Uint32Array.from(rows);
    }
  }
}
