/**
 * Single values: texts to values and back, equality and order across types, whole terms of texts. What `tostring`,
 * `todatetime` and the comparison operators share.
 */
import { formatDatetime, formatTimespan, parseIsoDatetime, TICKS_PER_DAY } from '../../base/time.ts';
import { stringifyDynamic } from '../../columns/dynamic.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType, type Value } from '../../columns/value.ts';
import { compareDecimals } from './decimal.ts';
import { formatReal } from './real.ts';

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;

/** The type that a value inside a `dynamic` has by itself; arrays, bags and null stay `dynamic`. */
export function dynamicType(value: Dynamic): ScalarType {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'long';
    case 'number':
      return 'real';
    case 'string':
      return 'string';
    default:
      if (value instanceof DynamicDatetime) return 'datetime';
      return value instanceof DynamicTimespan ? 'timespan' : 'dynamic';
  }
}

/** A value as it is inside a `dynamic`. */
export function toDynamic(value: Value, type: ScalarType): Dynamic {
  if (value === null) return null;
  if (type === 'datetime') return new DynamicDatetime(value as bigint);
  if (type === 'timespan') return new DynamicTimespan(value as bigint);
  return value;
}

/** The scalar inside a `dynamic` with its type; values of other types as they are. */
export function unwrap(value: Value, type: ScalarType): { readonly value: Value; readonly type: ScalarType } {
  if (type !== 'dynamic') return { value, type };
  if (value instanceof DynamicDatetime) return { value: value.ticks, type: 'datetime' };
  if (value instanceof DynamicTimespan) return { value: value.ticks, type: 'timespan' };
  return { value, type: dynamicType(value) };
}

/** What a parameter takes: a type, or any of the whole and real numbers. */
export type ParameterType = ScalarType | 'number';

/** An argument as its parameter takes it: a scalar out of a dynamic, a whole number as a real; null where it does not fit. */
export function readAs(value: Value, type: ScalarType, wanted: ParameterType): Value {
  if (type === wanted) return value;
  const inner = unwrap(value, type);
  if (inner.type === wanted) return inner.value;
  const isNumber = typeof inner.value === 'bigint' ? isWhole(inner.type) : typeof inner.value === 'number';
  switch (wanted) {
    case 'number':
      return isNumber ? inner.value : null;
    case 'real':
      return isNumber ? Number(inner.value) : null;
    case 'int':
    case 'long':
      return isWhole(inner.type) ? inner.value : null;
    default:
      return null;
  }
}

/** An optional count or index: `fallback` where it is absent, null or no number. */
export function countArg(value: Value | undefined, fallback: number): number {
  const number = typeof value === 'bigint' || typeof value === 'number' ? Number(value) : fallback;
  return Number.isFinite(number) ? Math.trunc(number) : fallback;
}

/** As `tostring`: null is the empty text. */
export function textOf(value: Value, type: ScalarType): string {
  if (value === null) return '';
  switch (type) {
    case 'string':
    case 'guid':
    case 'decimal':
      return value as string;
    case 'bool':
      return value ? 'True' : 'False';
    case 'int':
    case 'long':
      return (value as bigint).toString();
    case 'real':
      return formatReal(value as number);
    case 'datetime':
      return formatDatetime(value as bigint);
    case 'timespan':
      return formatTimespan(value as bigint);
    case 'dynamic':
      if (typeof value === 'string') return value;
      if (value instanceof DynamicDatetime) return formatDatetime(value.ticks);
      if (value instanceof DynamicTimespan) return formatTimespan(value.ticks);
      return stringifyDynamic(value);
  }
}

export function isWhole(type: ScalarType): boolean {
  return type === 'int' || type === 'long';
}

export function isNumeric(type: ScalarType): boolean {
  return type === 'int' || type === 'long' || type === 'real' || type === 'decimal';
}

/** A number of any numeric type (also bool and the ticks of times) as a double. */
export function numberOf(value: Value): number {
  return typeof value === 'boolean' ? (value ? 1 : 0) : Number(value as number | bigint | string);
}

function decimalText(value: Value): string {
  return typeof value === 'number'
    ? Number.isFinite(value)
      ? value.toString()
      : '0'
    : String(value as bigint | string);
}

/**
 * Order of two values that are not null: negative, zero, positive; NaN where they have none (NaN itself, or types that
 * do not compare).
 */
export function compareValues(a: Value, aType: ScalarType, b: Value, bType: ScalarType): number {
  if (aType === 'dynamic' || bType === 'dynamic') {
    const x = bType === 'dynamic' ? unwrap(a, aType) : castDynamic(a, aType, bType);
    const y = aType === 'dynamic' ? unwrap(b, bType) : castDynamic(b, bType, aType);
    if (x.value === null || y.value === null) return NaN;
    if (x.type !== 'dynamic' && y.type !== 'dynamic') return compareValues(x.value, x.type, y.value, y.type);
    if (x.type !== y.type) return NaN;
    return compareTexts(stringifyDynamic(a), stringifyDynamic(b));
  }
  if (isNumeric(aType) && isNumeric(bType)) {
    if (aType === 'real' || bType === 'real')
      return numberOf(a) - numberOf(b) || compareNumbers(numberOf(a), numberOf(b));
    if (aType === 'decimal' || bType === 'decimal') return compareDecimals(decimalText(a), decimalText(b));
    return a! < b! ? -1 : a! > b! ? 1 : 0;
  }
  if (aType === 'guid' || bType === 'guid') {
    return compareTexts(textOf(a, aType).toLowerCase(), textOf(b, bType).toLowerCase());
  }
  if (aType !== bType) return NaN;
  if (aType === 'string') return compareTexts(a as string, b as string);
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

/**
 * What a dynamic stands for beside a value of another type: Kusto compares values of one type only (two dynamics are an
 * error), so the dynamic is cast. A number stays the number it is.
 */
function castDynamic(
  value: Value,
  type: ScalarType,
  other: ScalarType,
): { readonly value: Value; readonly type: ScalarType } {
  const inner = unwrap(value, type);
  if (type !== 'dynamic' || inner.type === other) return inner;
  switch (other) {
    case 'string':
    case 'guid':
      return { value: textOf(value, 'dynamic'), type: 'string' };
    case 'bool':
      if (isNumeric(inner.type)) return { value: numberOf(inner.value) !== 0, type: 'bool' };
      return inner.value === 'true' || inner.value === 'false'
        ? { value: inner.value === 'true', type: 'bool' }
        : inner;
    case 'int':
    case 'long':
    case 'real':
    case 'decimal': {
      if (inner.type === 'bool') return { value: inner.value ? 1n : 0n, type: 'long' };
      if (inner.type !== 'string') return inner;
      const whole = parseLong(inner.value as string);
      return whole === null
        ? { value: parseReal(inner.value as string), type: 'real' }
        : { value: whole, type: 'long' };
    }
    default:
      return inner;
  }
}

/** Two infinities of one sign differ by NaN, and are equal. */
function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : NaN;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The form in which texts that differ only in case are equal. */
export function fold(text: string): string {
  return text.toLowerCase();
}

/** Whether the UTF-16 unit at `at` belongs to a term: a letter or a digit. */
export function isTermUnit(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c < 128) return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57);
  return LETTER_OR_DIGIT.test(text[at]!);
}

const LETTER_OR_DIGIT = /[\p{L}\p{N}\p{M}]/u;

/**
 * Whether `term` stands in `text` with no letter or digit running on at its ends (`start`, `end`: which ends count).
 * Both are compared as they are; fold them first for `has`.
 */
export function hasTerm(text: string, term: string, start: boolean, end: boolean): boolean {
  if (term === '') return true;
  const guardStart = start && isTermUnit(term, 0);
  const guardEnd = end && isTermUnit(term, term.length - 1);
  for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + 1)) {
    if (guardStart && at > 0 && isTermUnit(text, at - 1)) continue;
    const after = at + term.length;
    if (guardEnd && after < text.length && isTermUnit(text, after)) continue;
    return true;
  }
  return false;
}

const LONG_FORM = /^\s*([+-]?)(\d+)\s*$/;
const HEX_FORM = /^\s*0[xX]([0-9a-fA-F]{1,16})\s*$/;

/** The whole number that a text is (decimal, or hexadecimal after 0x), or null; also null beyond 64 bits. */
export function parseLong(text: string): bigint | null {
  const match = LONG_FORM.exec(text);
  if (match) {
    if (match[2]!.length > 40) return null;
    const value = BigInt(match[2]!) * (match[1] === '-' ? -1n : 1n);
    return value >= MIN_LONG && value <= MAX_LONG ? value : null;
  }
  const hex = HEX_FORM.exec(text);
  return hex && BigInt.asIntN(64, BigInt(`0x${hex[1]!}`));
}

const REAL_FORM = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

const SPECIAL_REAL_FORM = /^\s*([+-]?)(?:NaN|nan|([Ii]nf(?:inity)?))\s*$/;

/** The number that a text is, or null. */
export function parseReal(text: string): number | null {
  if (REAL_FORM.test(text)) return Number(text);
  const special = SPECIAL_REAL_FORM.exec(text);
  if (special) return special[2] === undefined ? NaN : special[1] === '-' ? -Infinity : Infinity;
  const whole = HEX_FORM.test(text) ? parseLong(text) : null;
  return whole === null ? null : Number(whole);
}

const GUID_FORM = /^\s*[({]?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})[)}]?\s*$/i;

/** The canonical text of a guid (lower case with hyphens), or null. */
export function parseGuid(text: string): string | null {
  const match = GUID_FORM.exec(text);
  return match ? match.slice(1).join('-').toLowerCase() : null;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
/** `Sat, 8 Nov 2014 15:05:02 GMT`, `08 Nov 2014`, and with two-digit years (RFC 822, RFC 850). */
const NAMED_MONTH_FORM =
  /^\s*(?:[a-z]+,\s*)?(\d{1,2})[ -]([a-z]{3})[a-z]*[ -](\d{4}|\d{2})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*(?:GMT|UTC|Z)?\s*$/i;
/** `11/8/2014 3:05:02 PM`: month first. */
const SLASH_FORM =
  /^\s*(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?:\s+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?\s*(AM|PM)?)?\s*Z?\s*$/i;

/** As `todatetime` reads a text; null where it is no time. */
export function parseDatetime(text: string): bigint | null {
  const iso = parseIsoDatetime(text);
  if (iso !== undefined) return iso;
  const two = (part: string | undefined): string => (part ?? '0').padStart(2, '0');
  const named = NAMED_MONTH_FORM.exec(text);
  if (named) {
    const month = MONTHS.indexOf(named[2]!.toLowerCase()) + 1;
    if (month === 0) return null;
    const year = named[3]!.length === 2 ? `${Number(named[3]) < 50 ? '20' : '19'}${named[3]}` : named[3]!;
    return (
      parseIsoDatetime(
        `${year}-${two(String(month))}-${two(named[1])}T${two(named[4])}:${two(named[5])}:${two(named[6])}Z`,
      ) ?? null
    );
  }
  const slash = SLASH_FORM.exec(text);
  if (slash) {
    let hour = Number(slash[4] ?? 0);
    const half = slash[8]?.toUpperCase();
    if (half) {
      if (hour < 1 || hour > 12) return null;
      hour = (hour % 12) + (half === 'PM' ? 12 : 0);
    }
    return (
      parseIsoDatetime(
        `${slash[3]}-${two(slash[1])}-${two(slash[2])}T${two(String(hour))}:${two(slash[5])}:${two(slash[6])}.${slash[7] ?? '0'}Z`,
      ) ?? null
    );
  }
  return null;
}

/** `[-][d.]hh:mm[:ss[.fffffff]]`; days may also stand before a colon where all four parts are there. */
const CLOCK_FORM =
  /^\s*(-)?(?:(\d{1,8})(?:\.|:(?=\d{1,2}:\d{1,2}:)))?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?\s*$/;
const UNIT_FORM =
  /^\s*([+-]?\d+(?:\.\d+)?)\s*(d|day|days|h|hr|hrs|hour|hours|m|min|minute|minutes|s|sec|second|seconds|ms|milli|millis|millisec|millisecond|milliseconds|microsecond|microseconds|micro|micros|tick|ticks)\s*$/i;

const UNIT_TICKS: Readonly<Record<string, bigint>> = {
  d: TICKS_PER_DAY,
  h: TICKS_PER_DAY / 24n,
  m: TICKS_PER_DAY / 1440n,
  s: 10_000_000n,
  ms: 10_000n,
  us: 10n,
  t: 1n,
};

function unitTicks(unit: string): bigint {
  const word = unit.toLowerCase();
  if (word.startsWith('micro')) return UNIT_TICKS['us']!;
  if (word === 'ms' || word.startsWith('milli')) return UNIT_TICKS['ms']!;
  return UNIT_TICKS[word[0]!]!;
}

/** As `totimespan` reads a text: `1.02:03:04.5`, `12:34`, `2h`, whole days as a bare number; null where it is none. */
export function parseTimespan(text: string): bigint | null {
  const clock = CLOCK_FORM.exec(text);
  if (clock) {
    const [, sign, days = '0', hours, minutes, seconds = '0', fraction = ''] = clock;
    if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return null;
    const ticks =
      BigInt(days) * TICKS_PER_DAY +
      BigInt((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 10_000_000n +
      BigInt(fraction.padEnd(7, '0'));
    return sign ? -ticks : ticks;
  }
  const unit = UNIT_FORM.exec(text);
  if (unit) {
    const ticks = unitTicks(unit[2]!);
    const [whole, fraction = ''] = unit[1]!.split('.') as [string, string?];
    if (fraction === '') return BigInt(whole) * ticks;
    const scale = 10n ** BigInt(fraction.length);
    return (BigInt(whole + fraction) * ticks) / scale;
  }
  const days = /^\s*([+-]?\d{1,7})\s*$/.exec(text);
  return days ? BigInt(days[1]!) * TICKS_PER_DAY : null;
}
