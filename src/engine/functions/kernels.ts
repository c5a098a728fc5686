/**
 * Loops over number and bool columns. Each gives what the boxed form of its operator gives, or undefined where the
 * columns are of kinds it has no loop for, or where a result does not fit a narrow column.
 */
import { COLUMN_EPOCH_TICKS } from '../../base/time.ts';
import {
  type BoolColumn,
  type Codes,
  type Column,
  type ConstantColumn,
  isCodedType,
  type NumberColumn,
  type NumberType,
} from '../../columns/column.ts';
import { type CodedType, type Dictionary, JoinedDictionary, ValueDictionary } from '../../columns/dictionary.ts';
import { stringifyDynamic } from '../../columns/dynamic.ts';
import type { ScalarType } from '../../columns/value.ts';

type Kernel = (args: readonly Column[], resultType: ScalarType, rowCount: number) => Column | undefined;
/** The quotient rounded down; exact for whole numbers within 2^53, where a division alone may round up to the next. */
function floorDivide(value: number, step: number): number {
  const quotient = Math.floor(value / step);
  return quotient * step > value ? quotient - 1 : quotient;
}

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type Arithmetic = '+' | '-' | '*' | '/' | '%';

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** A constant as the number that a number column of its type would hold; undefined where it is none. */
function constantNumber(column: ConstantColumn): number | undefined {
  const { type, value } = column;
  if (typeof value === 'number') return type === 'real' ? value : undefined;
  if (typeof value !== 'bigint') return undefined;
  switch (type) {
    case 'datetime':
      return Number(value - COLUMN_EPOCH_TICKS);
    case 'int':
    case 'long':
    case 'timespan':
      return Number(value);
    default:
      return undefined;
  }
}

/** A number column, or a constant that stands for one. */
type Numbers =
  | { readonly values: Float64Array; readonly constant: undefined }
  | { readonly values: undefined; readonly constant: number };

function numbersOf(column: Column): Numbers | undefined {
  if (column.kind === 'number') return { values: column.values, constant: undefined };
  if (column.kind !== 'constant') return undefined;
  const constant = constantNumber(column);
  return constant === undefined ? undefined : { values: undefined, constant };
}

function nullsOf(column: Column): Uint8Array | undefined {
  return column.kind === 'number' || column.kind === 'bool' || column.kind === 'wide' ? column.nulls : undefined;
}

function eitherNull(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  if (!a || !b) return a ?? b;
  const out = new Uint8Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i]! | b[i]!;
  return out;
}

/** The class within which values compare: plain numbers, datetimes, timespans. */
function family(type: ScalarType): ScalarType {
  return type === 'int' || type === 'long' ? 'real' : type;
}

const MIRRORED: Readonly<Record<Comparison, Comparison>> = {
  '==': '==',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function compareWithConstant(operator: Comparison, a: Float64Array | Uint8Array, b: number, out: Uint8Array): void {
  const n = out.length;
  switch (operator) {
    case '==':
      for (let i = 0; i < n; i++) out[i] = a[i] === b ? 1 : 0;
      return;
    case '!=':
      for (let i = 0; i < n; i++) out[i] = a[i] !== b ? 1 : 0;
      return;
    case '<':
      for (let i = 0; i < n; i++) out[i] = a[i]! < b ? 1 : 0;
      return;
    case '<=':
      for (let i = 0; i < n; i++) out[i] = a[i]! <= b ? 1 : 0;
      return;
    case '>':
      for (let i = 0; i < n; i++) out[i] = a[i]! > b ? 1 : 0;
      return;
    case '>=':
      for (let i = 0; i < n; i++) out[i] = a[i]! >= b ? 1 : 0;
  }
}

function compareColumns(
  operator: Comparison,
  a: Float64Array | Uint8Array,
  b: Float64Array | Uint8Array,
  out: Uint8Array,
): void {
  const n = out.length;
  switch (operator) {
    case '==':
      for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0;
      return;
    case '!=':
      for (let i = 0; i < n; i++) out[i] = a[i] !== b[i] ? 1 : 0;
      return;
    case '<':
      for (let i = 0; i < n; i++) out[i] = a[i]! < b[i]! ? 1 : 0;
      return;
    case '<=':
      for (let i = 0; i < n; i++) out[i] = a[i]! <= b[i]! ? 1 : 0;
      return;
    case '>':
      for (let i = 0; i < n; i++) out[i] = a[i]! > b[i]! ? 1 : 0;
      return;
    case '>=':
      for (let i = 0; i < n; i++) out[i] = a[i]! >= b[i]! ? 1 : 0;
  }
}

/** Gives comparisons with nulls their Kusto results: equality with one null is decided, order with any is null. */
function settleNulls(
  operator: Comparison,
  aNulls: Uint8Array | undefined,
  bNulls: Uint8Array | undefined,
  out: Uint8Array,
): Uint8Array | undefined {
  if (!aNulls && !bNulls) return undefined;
  if (operator === '==' || operator === '!=') {
    const decided = operator === '==' ? 0 : 1;
    let nulls: Uint8Array | undefined;
    for (let i = 0; i < out.length; i++) {
      const count = (aNulls ? aNulls[i]! : 0) + (bNulls ? bNulls[i]! : 0);
      if (count === 1) out[i] = decided;
      else if (count === 2) {
        nulls ??= new Uint8Array(out.length);
        nulls[i] = 1;
        out[i] = 0;
      }
    }
    return nulls;
  }
  const nulls = eitherNull(aNulls, bNulls)!;
  for (let i = 0; i < out.length; i++) if (nulls[i]) out[i] = 0;
  return nulls;
}

export function comparisonKernel(operator: Comparison): Kernel {
  return ([a, b], _type, rowCount) => {
    const out = new Uint8Array(rowCount);
    if (a!.type === 'bool' && b!.type === 'bool') {
      const left = boolsOf(a!);
      const right = boolsOf(b!);
      if (left === undefined || right === undefined) return undefined;
      if (typeof left === 'number') {
        if (typeof right === 'number') return undefined;
        compareWithConstant(MIRRORED[operator], right, left, out);
      } else if (typeof right === 'number') compareWithConstant(operator, left, right, out);
      else compareColumns(operator, left, right, out);
    } else {
      if (family(a!.type) !== family(b!.type)) return undefined;
      const left = numbersOf(a!);
      const right = numbersOf(b!);
      if (!left || !right) return undefined;
      if (left.values && right.values) compareColumns(operator, left.values, right.values, out);
      else if (left.values) compareWithConstant(operator, left.values, right.constant!, out);
      else if (right.values) compareWithConstant(MIRRORED[operator], right.values, left.constant, out);
      else return undefined;
    }
    const nulls = settleNulls(operator, nullsOf(a!), nullsOf(b!), out);
    return { kind: 'bool', type: 'bool', values: out, nulls };
  };
}

/** The values of a bool column, 0 or 1 of a constant; undefined where it is neither, or a null. */
function boolsOf(column: Column): Uint8Array | number | undefined {
  if (column.kind === 'bool') return column.values;
  if (column.kind === 'constant' && typeof column.value === 'boolean') return column.value ? 1 : 0;
  return undefined;
}

function spreadBool(column: Column, rowCount: number): BoolColumn | undefined {
  if (column.kind === 'bool') return column;
  if (column.kind !== 'constant' || (column.value !== null && typeof column.value !== 'boolean')) return undefined;
  return {
    kind: 'bool',
    type: 'bool',
    values: new Uint8Array(rowCount).fill(column.value ? 1 : 0),
    nulls: column.value === null ? new Uint8Array(rowCount).fill(1) : undefined,
  };
}

export function logicKernel(operator: 'and' | 'or'): Kernel {
  return (args, _type, rowCount) => {
    let result: BoolColumn | undefined;
    for (const arg of args) {
      const next = spreadBool(arg, rowCount);
      if (!next) return undefined;
      result = result ? combine(operator, result, next, rowCount) : next;
    }
    return result;
  };
}

function combine(operator: 'and' | 'or', a: BoolColumn, b: BoolColumn, rowCount: number): BoolColumn {
  const out = new Uint8Array(rowCount);
  const x = a.values;
  const y = b.values;
  if (operator === 'and') for (let i = 0; i < rowCount; i++) out[i] = x[i]! & y[i]!;
  else for (let i = 0; i < rowCount; i++) out[i] = x[i]! | y[i]!;
  if (!a.nulls && !b.nulls) return { kind: 'bool', type: 'bool', values: out, nulls: undefined };
  const nulls = new Uint8Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const p = a.nulls ? a.nulls[i]! : 0;
    const q = b.nulls ? b.nulls[i]! : 0;
    if (p + q === 0 || out[i]) continue;
    // A definite false decides `and`; `or` without a true is open.
    if (operator === 'or' || ((p || x[i]) && (q || y[i]))) nulls[i] = 1;
  }
  return { kind: 'bool', type: 'bool', values: out, nulls };
}

export function notKernel(args: readonly Column[], _type: ScalarType, rowCount: number): Column | undefined {
  const a = args[0]!;
  if (a.kind !== 'bool') return undefined;
  const { values, nulls } = a;
  const out = new Uint8Array(rowCount);
  for (let i = 0; i < rowCount; i++) out[i] = 1 - values[i]!;
  if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
  return { kind: 'bool', type: 'bool', values: out, nulls };
}

/** One pass where both bounds are constants; undefined where they are not. */
function betweenConstants(
  value: Column,
  low: Column,
  high: Column,
  negated: boolean,
  rowCount: number,
): BoolColumn | undefined {
  if (value.kind !== 'number' || low.kind !== 'constant' || high.kind !== 'constant') return undefined;
  if (family(low.type) !== family(value.type) || family(high.type) !== family(value.type)) return undefined;
  const least = constantNumber(low);
  const most = constantNumber(high);
  if (least === undefined || most === undefined) return undefined;
  const { values, nulls } = value;
  const out = new Uint8Array(rowCount);
  const inside = negated ? 0 : 1;
  for (let i = 0; i < rowCount; i++) {
    const v = values[i]!;
    out[i] = v >= least && v <= most ? inside : 1 - inside;
  }
  if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
  return { kind: 'bool', type: 'bool', values: out, nulls };
}

export function betweenKernel(negated: boolean): Kernel {
  const least = comparisonKernel('>=');
  const most = comparisonKernel('<=');
  return ([value, low, high], _type, rowCount) => {
    const bounded = betweenConstants(value!, low!, high!, negated, rowCount);
    if (bounded) return bounded;
    const above = least([value!, low!], 'bool', rowCount) as BoolColumn | undefined;
    const below = above && (most([value!, high!], 'bool', rowCount) as BoolColumn | undefined);
    if (!below) return undefined;
    const out = above.values;
    const other = below.values;
    for (let i = 0; i < rowCount; i++) out[i]! &= other[i]!;
    const nulls = eitherNull(above.nulls, below.nulls);
    if (negated) for (let i = 0; i < rowCount; i++) out[i]! ^= 1;
    if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
    return { kind: 'bool', type: 'bool', values: out, nulls };
  };
}

/** Which pairs of types an arithmetic loop may take for a result type. */
function arithmeticFits(operator: Arithmetic, a: ScalarType, b: ScalarType, result: ScalarType): boolean {
  const whole = (type: ScalarType): boolean => type === 'int' || type === 'long';
  const plain = (type: ScalarType): boolean => whole(type) || type === 'real';
  switch (result) {
    case 'int':
      return a === 'int' && b === 'int';
    case 'long':
      return whole(a) && whole(b);
    case 'real':
      return (plain(a) && plain(b)) || (operator === '/' && a === 'timespan' && b === 'timespan');
    case 'datetime':
      return (
        (operator === '+' || operator === '-') &&
        (a === 'datetime') !== (b === 'datetime') &&
        (a === 'timespan' || b === 'timespan')
      );
    case 'timespan':
      if (operator === '+' || operator === '%') return a === 'timespan' && b === 'timespan';
      if (operator === '-') return a === b && (a === 'timespan' || a === 'datetime');
      if (operator === '*') return (a === 'timespan' && plain(b)) || (plain(a) && b === 'timespan');
      return a === 'timespan' && plain(b);
    default:
      return false;
  }
}

/** `out = left operator right`, in doubles; the remainder takes no sign from the left. */
function calculate(operator: Arithmetic, left: Numbers, right: Numbers, out: Float64Array): void {
  const n = out.length;
  const x = left.values;
  const y = right.values;
  if (x && !y) {
    const c = right.constant;
    switch (operator) {
      case '+':
        for (let i = 0; i < n; i++) out[i] = x[i]! + c;
        return;
      case '-':
        for (let i = 0; i < n; i++) out[i] = x[i]! - c;
        return;
      case '*':
        for (let i = 0; i < n; i++) out[i] = x[i]! * c;
        return;
      case '/':
        for (let i = 0; i < n; i++) out[i] = x[i]! / c;
        return;
      default:
    }
  }
  const a = x ?? new Float64Array(n).fill(left.constant!);
  const b = y ?? new Float64Array(n).fill(right.constant!);
  switch (operator) {
    case '+':
      for (let i = 0; i < n; i++) out[i] = a[i]! + b[i]!;
      return;
    case '-':
      for (let i = 0; i < n; i++) out[i] = a[i]! - b[i]!;
      return;
    case '*':
      for (let i = 0; i < n; i++) out[i] = a[i]! * b[i]!;
      return;
    case '/':
      for (let i = 0; i < n; i++) out[i] = a[i]! / b[i]!;
      return;
    case '%':
      for (let i = 0; i < n; i++) {
        const rest = a[i]! % b[i]!;
        out[i] = rest < 0 ? rest + Math.abs(b[i]!) : rest;
      }
  }
}

/**
 * `out = x operator c` for whole numbers in one pass; false where a result lies beyond 2^53, which leaves `out` unfinished.
 * The commonest arithmetic of a rule: `TimeGenerated + 1h`, `Count * 3`.
 */
function calculateWhole(operator: '+' | '-' | '*', x: Float64Array, c: number, out: Float64Array): boolean {
  const n = out.length;
  if (operator === '*') {
    for (let i = 0; i < n; i++) {
      // + 0 turns a negative zero, which whole numbers do not have, into zero.
      const value = x[i]! * c + 0;
      if (!(value <= MAX_SAFE && value >= -MAX_SAFE)) return false;
      out[i] = value;
    }
    return true;
  }
  const added = operator === '+' ? c : -c;
  for (let i = 0; i < n; i++) {
    const value = x[i]! + added;
    if (!(value <= MAX_SAFE && value >= -MAX_SAFE)) return false;
    out[i] = value;
  }
  return true;
}

/** Products of 32-bit numbers can lose digits in doubles; the processor's own multiplication wraps. */
function multiplyInts(left: Numbers, right: Numbers, out: Float64Array): void {
  const x = left.values;
  const y = right.values;
  for (let i = 0; i < out.length; i++) out[i] = Math.imul(x ? x[i]! : left.constant!, y ? y[i]! : right.constant!);
}

export function arithmeticKernel(operator: Arithmetic): Kernel {
  return ([a, b], type, rowCount) => {
    if (!b || !arithmeticFits(operator, a!.type, b.type, type)) return undefined;
    const left = numbersOf(a!);
    const right = numbersOf(b);
    if (!left || !right || (!left.values && !right.values)) return undefined;
    if (type !== 'real') {
      // A constant beyond 2^53 has lost digits as a number.
      for (const side of [left, right])
        if (side.constant !== undefined && Math.abs(side.constant) > MAX_SAFE) return undefined;
    }
    const out = new Float64Array(rowCount);
    let nulls = eitherNull(nullsOf(a!), nullsOf(b));
    const isWhole = type !== 'real' && type !== 'int' && a!.type !== 'real' && b.type !== 'real';
    if (isWhole && left.values && !right.values && (operator === '+' || operator === '-' || operator === '*')) {
      if (!calculateWhole(operator, left.values, right.constant, out)) return undefined;
      if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
      return { kind: 'number', type: type as NumberType, values: out, nulls };
    }
    if (operator === '*' && type === 'int') multiplyInts(left, right, out);
    else calculate(operator, left, right, out);
    if (type !== 'real') {
      if (operator === '/' || operator === '%' || a!.type === 'real' || b.type === 'real') {
        const divides = (operator === '/' || operator === '%') && b.type !== 'real';
        const y = right.values;
        if (divides && (y ? y.includes(0) : right.constant === 0)) {
          const zeros = new Uint8Array(rowCount);
          for (let i = 0; i < rowCount; i++) zeros[i] = (!y || y[i] === 0 ? 1 : 0) | (nulls ? nulls[i]! : 0);
          nulls = zeros;
        }
        // + 0 turns a negative zero, which whole numbers do not have, into zero.
        for (let i = 0; i < rowCount; i++) out[i] = Math.trunc(out[i]!) + 0;
      }
      if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
      if (type === 'int') for (let i = 0; i < rowCount; i++) out[i]! |= 0;
      else {
        for (let i = 0; i < rowCount; i++) if (!(Math.abs(out[i]!) <= MAX_SAFE)) return undefined;
        // + 0 as above: 0 * -1.
        if (operator === '*') for (let i = 0; i < rowCount; i++) out[i]! += 0;
      }
    } else if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
    return { kind: 'number', type: type as NumberType, values: out, nulls };
  };
}

export function negateKernel(args: readonly Column[], type: ScalarType): Column | undefined {
  const a = args[0]!;
  if (a.kind !== 'number' || a.type === 'datetime' || a.type !== type) return undefined;
  const { values, nulls } = a;
  const out = new Float64Array(values.length);
  if (type === 'int') for (let i = 0; i < out.length; i++) out[i] = -values[i]! | 0;
  else if (type === 'real') for (let i = 0; i < out.length; i++) out[i] = -values[i]!;
  else for (let i = 0; i < out.length; i++) out[i] = 0 - values[i]!;
  return { kind: 'number', type: a.type, values: out, nulls };
}

/** `isnull` and its kin over columns that are not coded (an empty text is an entry of a dictionary, never seen here). */
export function isNullKernel(wanted: boolean): Kernel {
  return (args, _type, rowCount) => {
    const a = args[0]!;
    if (a.kind !== 'number' && a.kind !== 'bool' && a.kind !== 'wide') return undefined;
    const out = new Uint8Array(rowCount);
    if (!a.nulls) out.fill(wanted ? 0 : 1);
    else for (let i = 0; i < rowCount; i++) out[i] = (a.nulls[i]! === 1) === wanted ? 1 : 0;
    return { kind: 'bool', type: 'bool', values: out, nulls: undefined };
  };
}

/** Bools and numbers as whole numbers. */
export function wholeKernel(type: 'int' | 'long'): Kernel {
  return (args, _type, rowCount) => {
    const a = args[0]!;
    if (a.kind === 'bool') return { kind: 'number', type, values: Float64Array.from(a.values), nulls: a.nulls };
    if (a.kind !== 'number' || a.type === 'datetime') return undefined;
    const { values } = a;
    if (a.type !== 'real' && (type === 'long' || a.type === 'int')) return { ...a, type };
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) {
      // + 0 turns a negative zero into zero.
      const whole = Math.trunc(values[i]!) + 0;
      if (!(Math.abs(whole) <= MAX_SAFE)) return undefined;
      if (type === 'long') out[i] = whole;
      else if (a.type === 'real') out[i] = Math.min(Math.max(whole, -(2 ** 31)), 2 ** 31 - 1);
      else out[i] = whole | 0;
    }
    return { kind: 'number', type, values: out, nulls: a.nulls };
  };
}

export function realKernel(args: readonly Column[]): Column | undefined {
  const a = args[0]!;
  if (a.kind === 'bool') return { kind: 'number', type: 'real', values: Float64Array.from(a.values), nulls: a.nulls };
  if (a.kind !== 'number' || a.type === 'datetime') return undefined;
  return { ...a, type: 'real' };
}

/** Every branch as one kind of column that rows can be copied from; undefined where they do not go together. */
function branches(columns: readonly Column[], type: ScalarType, rowCount: number): readonly Column[] | undefined {
  if (
    type === 'real'
      ? !columns.every((c) => c.type === 'real' || c.type === 'long' || c.type === 'int')
      : !columns.every((c) => c.type === type)
  ) {
    return undefined;
  }
  if (isCodedType(type)) return columns;
  const out: Column[] = [];
  for (const column of columns) {
    if (column.kind === 'constant') {
      if (type === 'bool') {
        const spread = spreadBool(column, rowCount);
        if (!spread) return undefined;
        out.push(spread);
        continue;
      }
      const value = column.value === null ? 0 : constantNumber(column);
      if (value === undefined || (type !== 'real' && Math.abs(value) > MAX_SAFE)) return undefined;
      out.push({
        kind: 'number',
        type: type as NumberType,
        values: new Float64Array(rowCount).fill(value),
        nulls: column.value === null ? new Uint8Array(rowCount).fill(1) : undefined,
      });
    } else if (column.kind === 'number' || column.kind === 'bool') out.push(column);
    else return undefined;
  }
  return out;
}

/** For each row the value of the branch that `choice` names. */
export function choose(
  choice: Uint8Array,
  columns: readonly Column[],
  type: ScalarType,
  rowCount: number,
): Column | undefined {
  const from = branches(columns, type, rowCount);
  if (!from) return undefined;
  if (isCodedType(type)) return chooseCoded(choice, from, type, rowCount);
  const out = type === 'bool' ? new Uint8Array(rowCount) : new Float64Array(rowCount);
  const anyNulls = from.some((column) => nullsOf(column));
  const nulls = anyNulls ? new Uint8Array(rowCount) : undefined;
  const values = from.map((column) => (column as BoolColumn | NumberColumn).values);
  for (let i = 0; i < rowCount; i++) out[i] = values[choice[i]!]![i]!;
  if (nulls) {
    const flags = from.map(nullsOf);
    for (let i = 0; i < rowCount; i++) nulls[i] = flags[choice[i]!]?.[i] ?? 0;
  }
  return (
    type === 'bool' ? { kind: 'bool', type, values: out, nulls } : { kind: 'number', type, values: out, nulls }
  ) as Column;
}

function chooseCoded(choice: Uint8Array, columns: readonly Column[], type: CodedType, rowCount: number): Column {
  const dictionaries: Dictionary[] = [];
  const starts: number[] = [];
  const codes: (Codes | undefined)[] = [];
  let size = 0;
  for (const column of columns) {
    const dictionary =
      column.kind === 'coded'
        ? column.dictionary
        : new ValueDictionary(type, [(column as ConstantColumn).value], stringifyDynamic);
    const known = dictionaries.indexOf(dictionary);
    if (known >= 0) starts.push(starts[known]!);
    else {
      starts.push(size);
      size += dictionary.size;
    }
    dictionaries.push(dictionary);
    codes.push(column.kind === 'coded' ? column.codes : undefined);
  }
  const out = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const branch = choice[i]!;
    const own = codes[branch];
    out[i] = starts[branch]! + (own ? own[i]! : 0);
  }
  const distinct = dictionaries.filter((dictionary, i) => dictionaries.indexOf(dictionary) === i);
  const dictionary = distinct.length === 1 ? distinct[0]! : new JoinedDictionary(type, distinct);
  return { kind: 'coded', type, codes: out, dictionary };
}

export function iffKernel(args: readonly Column[], type: ScalarType, rowCount: number): Column | undefined {
  return caseKernel(args, type, rowCount);
}

const MAX_BRANCHES = 255;

export function caseKernel(args: readonly Column[], type: ScalarType, rowCount: number): Column | undefined {
  const branchCount = (args.length - 1) / 2;
  if (!Number.isInteger(branchCount) || branchCount >= MAX_BRANCHES) return undefined;
  const choice = new Uint8Array(rowCount).fill(branchCount);
  // Backwards, so that the first test that holds has the last word.
  for (let branch = branchCount - 1; branch >= 0; branch--) {
    const test = spreadBool(args[branch * 2]!, rowCount);
    if (!test) return undefined;
    const { values } = test;
    for (let i = 0; i < rowCount; i++) if (values[i]) choice[i] = branch;
  }
  const results = Array.from({ length: branchCount }, (_, branch) => args[branch * 2 + 1]!);
  return choose(choice, [...results, args[args.length - 1]!], type, rowCount);
}

export function coalesceKernel(args: readonly Column[], type: ScalarType, rowCount: number): Column | undefined {
  if (args.length > MAX_BRANCHES) return undefined;
  const last = args.length - 1;
  const choice = new Uint8Array(rowCount).fill(last);
  for (let branch = last - 1; branch >= 0; branch--) {
    const column = args[branch]!;
    if (column.kind === 'constant') {
      if (column.value !== null && column.value !== '') choice.fill(branch);
      continue;
    }
    if (column.kind === 'coded') {
      const { codes, dictionary } = column;
      /** 0 unknown, 1 empty, 2 something. */
      const states = new Uint8Array(dictionary.size);
      for (let i = 0; i < rowCount; i++) {
        const code = codes[i]!;
        let state = states[code]!;
        if (state === 0) {
          const value = dictionary.value(code);
          states[code] = state = value === null || (type === 'string' && value === '') ? 1 : 2;
        }
        if (state === 2) choice[i] = branch;
      }
    } else {
      const { nulls } = column;
      for (let i = 0; i < rowCount; i++) if (!nulls || !nulls[i]) choice[i] = branch;
    }
  }
  return choose(choice, args, type, rowCount);
}

/** `bin` of a number or time by a constant. */
export function binKernel(args: readonly Column[], type: ScalarType, rowCount: number): Column | undefined {
  const [a, size] = args as [Column, Column | undefined];
  if (a.kind !== 'number' || size?.kind !== 'constant' || a.type !== type) return undefined;
  const step = constantNumber(size);
  if (step === undefined || !(step > 0) || size.type === 'datetime') return undefined;
  const whole = type !== 'real';
  if (whole && !Number.isInteger(step)) return undefined;
  // Bins of a datetime start at year 1, not at the columns' epoch.
  const shift = type === 'datetime' ? Number(COLUMN_EPOCH_TICKS % BigInt(step)) : 0;
  const { values } = a;
  const out = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const value = values[i]! + shift;
    if (whole) {
      const start = floorDivide(value, step) * step - shift;
      if (!(Math.abs(start) <= MAX_SAFE && Math.abs(value) <= MAX_SAFE)) return undefined;
      out[i] = start;
    } else out[i] = Math.floor(value / step) * step;
  }
  if (a.nulls) for (let i = 0; i < rowCount; i++) if (a.nulls[i]) out[i] = 0;
  return { kind: 'number', type: type as NumberType, values: out, nulls: a.nulls };
}

const DAY = 864_000_000_000;
const HOUR = 36_000_000_000;
/** The columns' epoch, 2020-01-01, was a Wednesday. */
const EPOCH_WEEKDAY = 3;

/** A calendar function of whole days and hours over a narrow datetime column; the epoch of columns is a midnight. */
export function dayKernel(type: NumberType, apply: (value: number, day: number) => number): Kernel {
  return (args, _type, rowCount) => {
    const a = args[0]!;
    if (args.length !== 1 || a.kind !== 'number' || a.type !== 'datetime') return undefined;
    const { values, nulls } = a;
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) out[i] = apply(values[i]!, floorDivide(values[i]!, DAY));
    if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
    return { kind: 'number', type, values: out, nulls };
  };
}

export const startOfDayKernel = dayKernel('datetime', (_value, day) => day * DAY);
export const endOfDayKernel = dayKernel('datetime', (_value, day) => (day + 1) * DAY - 1);
export const hourOfDayKernel = dayKernel('long', (value, day) => Math.floor((value - day * DAY) / HOUR));
export const dayOfWeekKernel = dayKernel('timespan', (_value, day) => ((((day + EPOCH_WEEKDAY) % 7) + 7) % 7) * DAY);

/** `datetime_diff` in units of fixed length that divide a day, or in days. */
export function differenceKernel(unitOf: (part: string) => number | undefined): Kernel {
  return (args, type, rowCount) => {
    const [part, a, b] = args as [Column, Column, Column];
    if (part.kind !== 'constant' || typeof part.value !== 'string' || type !== 'long') return undefined;
    const unit = unitOf(part.value);
    const left = a.type === 'datetime' ? numbersOf(a) : undefined;
    const right = b.type === 'datetime' ? numbersOf(b) : undefined;
    if (unit === undefined || !left || !right || (!left.values && !right.values)) return undefined;
    for (const side of [left, right])
      if (side.constant !== undefined && Math.abs(side.constant) > MAX_SAFE) return undefined;
    const out = new Float64Array(rowCount);
    const nulls = eitherNull(nullsOf(a), nullsOf(b));
    const x = left.values;
    const y = right.values;
    const fixedX = x ? 0 : floorDivide(left.constant!, unit);
    const fixedY = y ? 0 : floorDivide(right.constant!, unit);
    for (let i = 0; i < rowCount; i++) {
      out[i] = (x ? floorDivide(x[i]!, unit) : fixedX) - (y ? floorDivide(y[i]!, unit) : fixedY);
    }
    if (nulls) for (let i = 0; i < rowCount; i++) if (nulls[i]) out[i] = 0;
    return { kind: 'number', type: 'long', values: out, nulls };
  };
}
