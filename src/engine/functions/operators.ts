/**
 * The operators of KQL: comparison, logic, arithmetic, terms and texts, membership, paths. Null follows Kusto: equality
 * of a null and a value is false, inequality true, of two nulls null; order and arithmetic with a null give null; `and`,
 * `or` and `not` are three-valued.
 */
import { MAX_DATETIME_TICKS } from '../../base/time.ts';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { decimalArithmetic, normalizeDecimal } from './decimal.ts';
import { type Boxed, define, defineStrict, type ScalarFunction } from './function.ts';
import { regexFind } from './regex.ts';
import { compareValues, fold, hasTerm, isNumeric, numberOf, parseLong, parseReal, textOf, unwrap } from './scalars.ts';
import { arithmeticKernel, betweenKernel, comparisonKernel, logicKernel, negateKernel, notKernel } from './kernels.ts';

const LONG_BITS = 64;
const INT_BITS = 32;

/** Wraps around at the width of the type, as Kusto's whole numbers do. */
export function wrapWhole(value: bigint, type: ScalarType): bigint {
  return BigInt.asIntN(type === 'int' ? INT_BITS : LONG_BITS, value);
}

/** A null dynamic beside a string is the empty text: the string's type has no null. */
function besideString(value: Value, type: ScalarType, other: ScalarType): Value {
  return value === null && type === 'dynamic' && other === 'string' ? '' : value;
}

function equals(args: readonly Value[], types: readonly ScalarType[]): boolean | null {
  const a = besideString(args[0]!, types[0]!, types[1]!);
  const b = besideString(args[1]!, types[1]!, types[0]!);
  if (a === null || b === null) return a === b ? null : false;
  return compareValues(a, types[0]!, b, types[1]!) === 0;
}

function ordering(test: (order: number) => boolean): Boxed {
  return (args, types) => {
    const a = besideString(args[0]!, types[0]!, types[1]!);
    const b = besideString(args[1]!, types[1]!, types[0]!);
    if (a === null || b === null) return null;
    return test(compareValues(a, types[0]!, b, types[1]!));
  };
}

const COMPARISONS: ScalarFunction[] = [
  define('==', equals, { vector: comparisonKernel('==') }),
  define(
    '!=',
    (args, types) => {
      const same = equals(args, types);
      return same === null ? null : !same;
    },
    { vector: comparisonKernel('!=') },
  ),
  define(
    '<',
    ordering((order) => order < 0),
    { vector: comparisonKernel('<') },
  ),
  define(
    '<=',
    ordering((order) => order <= 0),
    { vector: comparisonKernel('<=') },
  ),
  define(
    '>',
    ordering((order) => order > 0),
    { vector: comparisonKernel('>') },
  ),
  define(
    '>=',
    ordering((order) => order >= 0),
    { vector: comparisonKernel('>=') },
  ),
];

/** A truth value of an operand; numbers inside a dynamic are true unless zero. */
function truth(value: Value): boolean | null {
  if (value === null || typeof value === 'boolean') return value;
  return typeof value === 'bigint' ? value !== 0n : typeof value === 'number' ? value !== 0 : null;
}

const LOGIC: ScalarFunction[] = [
  define(
    'and',
    (args) => {
      let result: boolean | null = true;
      for (const arg of args) {
        const t = truth(arg);
        if (t === false) return false;
        if (t === null) result = null;
      }
      return result;
    },
    { vector: logicKernel('and') },
  ),
  define(
    'or',
    (args) => {
      let result: boolean | null = false;
      for (const arg of args) {
        const t = truth(arg);
        if (t === true) return true;
        if (t === null) result = null;
      }
      return result;
    },
    { vector: logicKernel('or') },
  ),
  define(
    'not',
    ([value]) => {
      const t = truth(value!);
      return t === null ? null : !t;
    },
    { vector: notKernel },
  ),
];

function inDatetimeRange(ticks: bigint): bigint | null {
  return ticks >= 0n && ticks <= MAX_DATETIME_TICKS ? ticks : null;
}

/** A real as ticks of a timespan: towards zero, null where 64 bits do not hold it. */
function ticksOfReal(ticks: number): bigint | null {
  return Number.isFinite(ticks) && Math.abs(ticks) < 2 ** 63 ? BigInt(Math.trunc(ticks)) : null;
}

function operandDecimal(value: Value): string {
  return typeof value === 'string' ? value : (normalizeDecimal(String(value as bigint | number)) ?? '0');
}

function arithmetic(operator: '+' | '-' | '*' | '/' | '%'): Boxed {
  return (args, types, resultType) => {
    const left = unwrap(args[0]!, types[0]!);
    const right = unwrap(args[1]!, types[1]!);
    if (left.value === null || right.value === null) return null;
    let a: Value = left.value;
    let b: Value = right.value;
    if (typeof a === 'string' && left.type === 'string') a = parseReal(a);
    if (typeof b === 'string' && right.type === 'string') b = parseReal(b);
    if (a === null || b === null || typeof a === 'object' || typeof b === 'object') return null;
    switch (resultType) {
      case 'decimal':
        return decimalArithmetic(operator, operandDecimal(a), operandDecimal(b));
      case 'int':
      case 'long':
        if (typeof a === 'bigint' && typeof b === 'bigint') return wholeArithmetic(operator, a, b, resultType);
        return ticksOfReal(realArithmetic(operator, numberOf(a), numberOf(b)));
      case 'datetime':
        if (typeof a !== 'bigint' || typeof b !== 'bigint') return null;
        return inDatetimeRange(operator === '+' ? a + b : a - b);
      case 'timespan':
        if (typeof a === 'bigint' && typeof b === 'bigint') return wholeArithmetic(operator, a, b, 'long');
        return ticksOfReal(realArithmetic(operator, numberOf(a), numberOf(b)));
      case 'dynamic':
        if (typeof a === 'bigint' && typeof b === 'bigint') return wholeArithmetic(operator, a, b, 'long');
        return realArithmetic(operator, numberOf(a), numberOf(b));
      default:
        return realArithmetic(operator, numberOf(a), numberOf(b));
    }
  };
}

function wholeArithmetic(operator: string, a: bigint, b: bigint, type: ScalarType): bigint | null {
  switch (operator) {
    case '+':
      return wrapWhole(a + b, type);
    case '-':
      return wrapWhole(a - b, type);
    case '*':
      return wrapWhole(a * b, type);
    case '/':
      return b === 0n ? null : wrapWhole(a / b, type);
    default: {
      if (b === 0n) return null;
      // The result takes no sign from the left: -5 % 3 is 1.
      const rest = a % b;
      return rest < 0n ? rest + (b < 0n ? -b : b) : rest;
    }
  }
}

function realArithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default: {
      const rest = a % b;
      return rest < 0 ? rest + Math.abs(b) : rest;
    }
  }
}

const ARITHMETIC: ScalarFunction[] = [
  define(
    '+',
    (args, types, result, now) => (args.length === 1 ? args[0]! : arithmetic('+')(args, types, result, now)),
    {
      vector: arithmeticKernel('+'),
    },
  ),
  define(
    '-',
    (args, types, result, now) => {
      if (args.length === 2) return arithmetic('-')(args, types, result, now);
      const { value, type } = unwrap(args[0]!, types[0]!);
      if (typeof value === 'bigint') return wrapWhole(-value, type);
      if (typeof value === 'number') return -value;
      return type === 'decimal' && value !== null ? decimalArithmetic('-', '0', value as string) : null;
    },
    {
      vector: (args, type, rows) =>
        args.length === 1 ? negateKernel(args, type) : arithmeticKernel('-')(args, type, rows),
    },
  ),
  define('*', arithmetic('*'), { vector: arithmeticKernel('*') }),
  define('/', arithmetic('/'), { vector: arithmeticKernel('/') }),
  define('%', arithmetic('%'), { vector: arithmeticKernel('%') }),
];

type TextTest = (text: string, needle: string) => boolean;

/** One spelling of a text operator: case folded or not, negated or not. A constant needle is folded once. */
function textOperator(name: string, test: TextTest, folded: boolean, negated: boolean): ScalarFunction {
  const form = folded ? fold : (text: string): string => text;
  return define(
    name,
    ([text, needle], types) => test(form(textOf(text!, types[0]!)), form(textOf(needle!, types[1]!))) !== negated,
    {
      bind(constants, types) {
        if (constants[1] === undefined) return undefined;
        const needle = form(textOf(constants[1], types[1]!));
        const type = types[0]!;
        return (args) => test(form(textOf(args[0]!, type)), needle) !== negated;
      },
    },
  );
}

/** A text operator, its case-sensitive twin where it has one, and the negation of each. */
function textOperators(name: string, caseSensitiveName: string | undefined, test: TextTest): ScalarFunction[] {
  const forms = [textOperator(name, test, true, false), textOperator(`!${name}`, test, true, true)];
  if (caseSensitiveName) {
    forms.push(
      textOperator(caseSensitiveName, test, false, false),
      textOperator(`!${caseSensitiveName}`, test, false, true),
    );
  }
  return forms;
}

const TEXT: ScalarFunction[] = [
  textOperator('=~', (a, b) => a === b, true, false),
  textOperator('!~', (a, b) => a === b, true, true),
  ...textOperators('has', 'has_cs', (text, term) => hasTerm(text, term, true, true)),
  ...textOperators('hasprefix', 'hasprefix_cs', (text, term) => hasTerm(text, term, true, false)),
  ...textOperators('hassuffix', 'hassuffix_cs', (text, term) => hasTerm(text, term, false, true)),
  ...textOperators('contains', 'contains_cs', (text, part) => text.includes(part)),
  ...textOperators('startswith', 'startswith_cs', (text, part) => text.startsWith(part)),
  ...textOperators('endswith', 'endswith_cs', (text, part) => text.endsWith(part)),
  define('matches regex', ([text, pattern], types) => regexFind(textOf(text!, types[0]!), textOf(pattern!, types[1]!))),
];

/** The candidates of `in` and its kin: arrays stand for their elements. */
function* candidates(
  args: readonly (Value | undefined)[],
  types: readonly ScalarType[],
): Generator<{ readonly value: Value; readonly type: ScalarType }> {
  for (let i = 1; i < args.length; i++) {
    const value = args[i]!;
    if (types[i] === 'dynamic' && Array.isArray(value)) {
      for (const item of value) yield unwrap(item, 'dynamic');
    } else yield unwrap(value, types[i]!);
  }
}

/** What stands for a value in a set: equal values of the left side's type, and only they, share it. */
function memberKey(value: Value, type: ScalarType, leftType: ScalarType, folded: boolean): string | undefined {
  if (value === null) return undefined;
  if (leftType === 'dynamic') {
    const inner = unwrap(value, type);
    if (isNumeric(inner.type)) return `n${numericKey(inner.value)}`;
    const text = textOf(inner.value, inner.type);
    return `${inner.type === 'guid' ? 'string' : inner.type} ${folded ? fold(text) : text}`;
  }
  if (leftType === 'string' || leftType === 'guid') {
    const text = textOf(value, type === 'bool' ? 'dynamic' : type);
    return folded || leftType === 'guid' ? fold(text) : text;
  }
  if (isNumeric(leftType)) {
    const number = type === 'string' ? (parseLong(value as string) ?? parseReal(value as string)) : value;
    return number === null || typeof number === 'object' ? undefined : numericKey(number);
  }
  return type === leftType ? textOf(value, type) : undefined;
}

/** Equal numbers of any type have one text. */
function numericKey(value: Value): string {
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'NaN';
    return Number.isInteger(value) ? BigInt(value).toString() : value.toString();
  }
  return typeof value === 'boolean' ? (value ? '1' : '0') : String(value as bigint | string);
}

function membership(name: string, folded: boolean, negated: boolean): ScalarFunction {
  /** A dynamic among texts is read as text, as beside one text. */
  const leftType = (args: readonly (Value | undefined)[], types: readonly ScalarType[]): ScalarType => {
    if (types[0] !== 'dynamic') return types[0]!;
    for (const { type } of candidates(args, types)) if (type !== 'string') return 'dynamic';
    return 'string';
  };
  const setOf = (args: readonly (Value | undefined)[], types: readonly ScalarType[], left: ScalarType): Set<string> => {
    const set = new Set<string>();
    for (const { value, type } of candidates(args, types)) {
      const key = memberKey(value, type, left, folded);
      if (key !== undefined && key !== 'NaN') set.add(key);
    }
    return set;
  };
  const test = (set: Set<string>, value: Value, type: ScalarType, left: ScalarType): boolean => {
    const read = left === 'string' && type === 'dynamic' ? textOf(value, type) : value;
    const key = memberKey(read, left, left, folded);
    return (key !== undefined && set.has(key)) !== negated;
  };
  return define(
    name,
    (args, types) => {
      const left = leftType(args, types);
      return test(setOf(args, types, left), args[0]!, types[0]!, left);
    },
    {
      bind(constants, types) {
        if (constants.slice(1).includes(undefined)) return undefined;
        const left = leftType(constants, types);
        const set = setOf(constants, types, left);
        return (args) => test(set, args[0]!, types[0]!, left);
      },
    },
  );
}

function termsOperator(name: string, all: boolean, negated: boolean): ScalarFunction {
  const termsOf = (args: readonly (Value | undefined)[], types: readonly ScalarType[]): string[] =>
    Array.from(candidates(args, types), ({ value, type }) => fold(textOf(value, type)));
  const test = (terms: readonly string[], value: Value, type: ScalarType): boolean => {
    const text = fold(textOf(value, type));
    const holds = (term: string): boolean => hasTerm(text, term, true, true);
    return (all ? terms.every(holds) : terms.some(holds)) !== negated;
  };
  return define(name, (args, types) => test(termsOf(args, types), args[0]!, types[0]!), {
    bind(constants, types) {
      if (constants.slice(1).includes(undefined)) return undefined;
      const terms = termsOf(constants, types);
      return (args) => test(terms, args[0]!, types[0]!);
    },
  });
}

const MEMBERSHIP: ScalarFunction[] = [
  membership('in', false, false),
  membership('!in', false, true),
  membership('in~', true, false),
  membership('!in~', true, true),
  termsOperator('has_any', false, false),
  termsOperator('!has_any', false, true),
  termsOperator('has_all', true, false),
  termsOperator('!has_all', true, true),
];

function between(args: readonly Value[], types: readonly ScalarType[]): boolean | null {
  const [value, low, high] = args as [Value, Value, Value];
  if (value === null || low === null || high === null) return null;
  return compareValues(value, types[0]!, low, types[1]!) >= 0 && compareValues(value, types[0]!, high, types[2]!) <= 0;
}

const RANGES: ScalarFunction[] = [
  defineStrict('around', ([value, center, delta], types) => {
    if (typeof value === 'bigint' && typeof center === 'bigint' && typeof delta === 'bigint') {
      const distance = value - center;
      return (distance < 0n ? -distance : distance) <= delta;
    }
    const place = numberOf(unwrap(value!, types[0]!).value);
    return Math.abs(place - numberOf(unwrap(center!, types[1]!).value)) <= numberOf(unwrap(delta!, types[2]!).value);
  }),
  define('between', between, { vector: betweenKernel(false) }),
  define(
    '!between',
    (args, types) => {
      const inside = between(args, types);
      return inside === null ? null : !inside;
    },
    { vector: betweenKernel(true) },
  ),
];

/** One step into a dynamic value; null where there is nothing. Negative indexes count from the end. */
export function step(value: Dynamic, key: Value): Dynamic {
  if (Array.isArray(value)) {
    if (typeof key !== 'bigint') return null;
    return value[Number(key < 0n ? BigInt(value.length) + key : key)] ?? null;
  }
  if (value instanceof Map) return value.get(String(key as string | bigint)) ?? null;
  return null;
}

const PATHS: ScalarFunction[] = [defineStrict('path', ([value, key]) => step(value!, key!))];

export const OPERATORS: readonly ScalarFunction[] = [
  ...COMPARISONS,
  ...LOGIC,
  ...ARITHMETIC,
  ...TEXT,
  ...MEMBERSHIP,
  ...RANGES,
  ...PATHS,
];
