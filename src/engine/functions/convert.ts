/** Conversions between scalar types, tests for null and empty, and the choice between values. */
import { TocsinError } from '../../base/errors.ts';
import { MAX_DATETIME_TICKS, UNIX_EPOCH_TICKS } from '../../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../../columns/dynamic.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType, type Value } from '../../columns/value.ts';
import { normalizeDecimal, truncateDecimal } from './decimal.ts';
import { define, defineStrict, type ScalarFunction } from './function.ts';
import { caseKernel, coalesceKernel, iffKernel, isNullKernel, wholeKernel, realKernel } from './kernels.ts';
import {
  countArg,
  numberOf,
  parseDatetime,
  parseGuid,
  parseLong,
  parseReal,
  parseTimespan,
  textOf,
  toDynamic,
  unwrap,
} from './scalars.ts';

const MIN_LONG = -(2n ** 63n);

/** A real as a long: towards zero; beyond 64 bits, and NaN, the least long, as Kusto has it of constants. */
function longOfReal(value: number): bigint {
  const whole = Math.trunc(value);
  return Number.isFinite(value) && whole >= -(2 ** 63) && whole < 2 ** 63 ? BigInt(whole) : MIN_LONG;
}

/** As {@link longOfReal}, but to the nearest whole number of the type: what Kusto gives for rows of a column. */
function nearestWhole(value: Value, type: ScalarType, result: 'int' | 'long'): Value {
  if (type !== 'real' || value === null) return result === 'int' ? toInt(value, type) : toLong(value, type);
  const limit = result === 'int' ? 2 ** 31 : 2 ** 63;
  const number = value as number;
  if (Number.isNaN(number)) return 0n;
  if (number >= limit) return BigInt(limit) - 1n;
  return number <= -limit ? -BigInt(limit) : BigInt(Math.trunc(number));
}

function toLong(value: Value, type: ScalarType): bigint | null {
  if (value === null) return null;
  switch (typeof value) {
    case 'boolean':
      return value ? 1n : 0n;
    case 'bigint':
      return value;
    case 'number':
      return longOfReal(value);
    case 'string':
      return type === 'decimal' ? BigInt.asIntN(64, truncateDecimal(value)) : parseLong(value);
    default:
      if (value instanceof DynamicDatetime || value instanceof DynamicTimespan) return value.ticks;
      return null;
  }
}

function toInt(value: Value, type: ScalarType): bigint | null {
  if (type === 'string' || (type === 'dynamic' && typeof value === 'string')) {
    const long = toLong(value, type);
    return long !== null && BigInt.asIntN(32, long) === long ? long : null;
  }
  const long = toLong(value, type);
  return long === null ? null : BigInt.asIntN(32, long);
}

function toReal(value: Value, type: ScalarType): number | null {
  if (value === null) return null;
  if (typeof value === 'string') return type === 'decimal' ? Number(value) : parseReal(value);
  if (typeof value !== 'object') return numberOf(value);
  if (value instanceof DynamicDatetime || value instanceof DynamicTimespan) return Number(value.ticks);
  return null;
}

function toBool(value: Value, type: ScalarType): boolean | null {
  if (value === null) return null;
  switch (typeof value) {
    case 'boolean':
      return value;
    case 'bigint':
      return value !== 0n;
    case 'number':
      return value !== 0;
    case 'string': {
      if (type === 'decimal') return Number(value) !== 0;
      const word = value.trim().toLowerCase();
      if (word === 'true') return true;
      if (word === 'false') return false;
      const number = parseLong(word);
      return number === null ? null : number !== 0n;
    }
    default:
      return null;
  }
}

function toDatetime(value: Value, type: ScalarType): bigint | null {
  const inner = unwrap(value, type);
  if (inner.value === null) return null;
  switch (inner.type) {
    case 'datetime':
      return inner.value as bigint;
    case 'string':
      return parseDatetime(inner.value as string);
    case 'int':
    case 'long': {
      const ticks = inner.value as bigint;
      return ticks >= 0n && ticks <= MAX_DATETIME_TICKS ? ticks : null;
    }
    default:
      return null;
  }
}

function toTimespan(value: Value, type: ScalarType): bigint | null {
  const inner = unwrap(value, type);
  if (inner.value === null) return null;
  switch (inner.type) {
    case 'timespan':
    case 'int':
    case 'long':
      return inner.value as bigint;
    case 'string':
      return parseTimespan(inner.value as string);
    default:
      return null;
  }
}

function toDecimal(value: Value, type: ScalarType): string | null {
  if (value === null) return null;
  if (type === 'decimal') return value as string;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'object') return null;
  return normalizeDecimal(String(value));
}

function toGuid(value: Value): string | null {
  return typeof value === 'string' ? parseGuid(value) : null;
}

/** A value of any type as one of `to`, as the `to…` functions do it. */
export function convertValue(value: Value, from: ScalarType, to: ScalarType): Value {
  switch (to) {
    case 'bool':
      return toBool(value, from);
    case 'int':
      return toInt(value, from);
    case 'long':
      return toLong(value, from);
    case 'real':
      return toReal(value, from);
    case 'decimal':
      return toDecimal(value, from);
    case 'datetime':
      return toDatetime(value, from);
    case 'timespan':
      return toTimespan(value, from);
    case 'guid':
      return toGuid(value);
    case 'string':
      return textOf(value, from);
    case 'dynamic':
      return toDynamic(value, from);
  }
}

/** An argument of one numeric type read as another, where a function gives one type for all its arguments. */
export function widen(value: Value, from: ScalarType, to: ScalarType): Value {
  return from === to || value === null ? value : convertValue(value, from, to);
}

function isEmpty(value: Value, type: ScalarType): boolean {
  if (value === null || value === '') return true;
  return type === 'dynamic' && textOf(value, type) === '';
}

/** Objects as JSON with keys in order of their names, which is what makes two equal ones equal texts. */
function sortedJson(value: Dynamic): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`;
  if (value instanceof Map) {
    const keys = [...value.keys()].sort();
    return `{${keys.map((key) => `${JSON.stringify(key)}:${sortedJson(value.get(key)!)}`).join(',')}}`;
  }
  return stringifyDynamic(value);
}

/** No hexadecimal text is padded further than this. */
const MAX_HEX = 1024;

function dynamicTypeName(value: Dynamic): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof Map) return 'dictionary';
  return unwrap(value, 'dynamic').type;
}

export const CONVERSIONS: readonly ScalarFunction[] = [
  define('tostring', ([value], types) => textOf(value!, types[0]!)),
  define('toint', ([value], types) => toInt(value!, types[0]!), {
    vector: wholeKernel('int'),
    bind: (_constants, types) => (args) => nearestWhole(args[0]!, types[0]!, 'int'),
  }),
  define('tolong', ([value], types) => toLong(value!, types[0]!), {
    vector: wholeKernel('long'),
    bind: (_constants, types) => (args) => nearestWhole(args[0]!, types[0]!, 'long'),
  }),
  define('toreal', ([value], types) => toReal(value!, types[0]!), { vector: realKernel }),
  define('tobool', ([value], types) => toBool(value!, types[0]!)),
  define('todecimal', ([value], types) => toDecimal(value!, types[0]!)),
  define('todatetime', ([value], types) => toDatetime(value!, types[0]!)),
  define('totimespan', ([value], types) => toTimespan(value!, types[0]!)),
  define('toguid', ([value]) => toGuid(value!)),
  define('parse_json', ([value], types) =>
    types[0] === 'string' ? (value === '' ? null : parseDynamic(value as string)) : toDynamic(value!, types[0]!),
  ),
  define('dynamic_to_json', ([value]) => (value === null ? '' : sortedJson(value!))),
  define('tohex', ([value, length], types) => {
    if (typeof value !== 'bigint') return '';
    const text = BigInt.asUintN(types[0] === 'int' ? 32 : 64, value).toString(16);
    if (length === undefined) return text;
    const width = countArg(length, 0);
    return text.length > width || width > MAX_HEX ? '' : text.padStart(width, '0');
  }),
  define('assert', ([condition, message], types) => {
    if (condition === true) return true;
    throw new TocsinError('QUERY', `assert() failed: ${textOf(message ?? null, types[1] ?? 'string')}`);
  }),
  define('gettype', ([value], types) => (types[0] === 'dynamic' ? dynamicTypeName(value!) : types[0]!)),
  define('isnull', ([value], types) => types[0] !== 'string' && value === null, { vector: isNullKernel(true) }),
  define('isnotnull', ([value], types) => types[0] === 'string' || value !== null, { vector: isNullKernel(false) }),
  define('isempty', ([value], types) => isEmpty(value!, types[0]!), { vector: isNullKernel(true) }),
  define('isnotempty', ([value], types) => !isEmpty(value!, types[0]!), { vector: isNullKernel(false) }),
  define(
    'iff',
    ([test, yes, no], types, result) =>
      test === true ? widen(yes!, types[1]!, result) : widen(no!, types[2]!, result),
    { vector: iffKernel },
  ),
  define(
    'case',
    (args, types, result) => {
      let i = 0;
      for (; i + 1 < args.length; i += 2) if (args[i] === true) return widen(args[i + 1]!, types[i + 1]!, result);
      return widen(args[i] ?? null, types[i] ?? result, result);
    },
    { vector: caseKernel },
  ),
  define(
    'coalesce',
    (args, types, result) => {
      for (let i = 0; i < args.length; i++) {
        const value = args[i]!;
        if (value !== null && !(types[i] === 'string' && value === '')) return widen(value, types[i]!, result);
      }
      return null;
    },
    { vector: coalesceKernel },
  ),
  defineStrict('unixtime_seconds_todatetime', ([value]) => unixTime(value!, 10_000_000)),
  defineStrict('unixtime_milliseconds_todatetime', ([value]) => unixTime(value!, 10_000)),
  defineStrict('unixtime_microseconds_todatetime', ([value]) => unixTime(value!, 10)),
  defineStrict('unixtime_nanoseconds_todatetime', ([value]) => unixTime(value!, 0.01)),
];

/** Units since 1970 as a datetime. */
function unixTime(value: Value, ticksPerUnit: number): bigint | null {
  const ticks =
    typeof value === 'bigint' && ticksPerUnit >= 1
      ? value * BigInt(ticksPerUnit)
      : typeof value === 'bigint'
        ? value / BigInt(Math.round(1 / ticksPerUnit))
        : Number.isFinite(value as number)
          ? BigInt(Math.trunc((value as number) * ticksPerUnit))
          : null;
  if (ticks === null) return null;
  const datetime = ticks + UNIX_EPOCH_TICKS;
  return datetime >= 0n && datetime <= MAX_DATETIME_TICKS ? datetime : null;
}
