/**
 * Literals of the query text as values. The library's own literal values pass through .NET emulation and lose digits, so
 * the text is read here. A literal that the grammar takes but that has no value in its type (`long(x)`) gives undefined.
 */
import { parseIsoDatetime, TICKS_PER_DAY, TICKS_PER_SECOND } from '../base/time.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType, type Value } from '../columns/value.ts';
import { elementsOf, type Kusto, type SyntaxNode } from './kusto.ts';

export interface Literal {
  readonly value: Value;
  readonly type: ScalarType;
}

const LITERAL_TYPES: Readonly<Record<string, ScalarType>> = {
  BooleanLiteralExpression: 'bool',
  IntLiteralExpression: 'int',
  LongLiteralExpression: 'long',
  RealLiteralExpression: 'real',
  DecimalLiteralExpression: 'decimal',
  DateTimeLiteralExpression: 'datetime',
  TimespanLiteralExpression: 'timespan',
  GuidLiteralExpression: 'guid',
  RawGuidLiteralExpression: 'guid',
  StringLiteralExpression: 'string',
  CompoundStringLiteralExpression: 'string',
};

const TICKS_BY_UNIT: readonly (readonly [pattern: RegExp, ticks: bigint])[] = [
  [/^(d|days?)$/, TICKS_PER_DAY],
  [/^(h|hrs?|hours?)$/, 36_000_000_000n],
  [/^(m|min|minutes?)$/, 600_000_000n],
  [/^(s|sec|seconds?)$/, TICKS_PER_SECOND],
  [/^(ms|millis?|millisec|milliseconds?)$/, 10_000n],
  [/^(micros?|microsec|microseconds?)$/, 10n],
  [/^(nanos?|nanosec|nanoseconds?)$/, 0n],
  [/^(ticks?)$/, 1n],
];

/** Whether `kind` is a literal with a value of its own (a `dynamic(...)` is not: see {@link dynamicLiteral}). */
export function isLiteralKind(kind: string): boolean {
  return kind in LITERAL_TYPES;
}

export function scalarLiteral(kusto: Kusto, node: SyntaxNode): Literal | undefined {
  const type = LITERAL_TYPES[kusto.kindOf(node)];
  if (!type) return undefined;
  if (type === 'string') return { type, value: stringValue(node) };
  const value = valueOfText(type, innerText(String(node['Token'].Text)));
  return value === undefined ? undefined : { type, value };
}

/** `long(5)` is `5`, `5` itself: the text between the brackets of a typed literal. */
function innerText(text: string): string {
  const match = /^[a-z]\w*\s*\(([\s\S]*)\)$/i.exec(text);
  const inner = (match ? match[1]! : text).trim();
  return inner.replace(/^(["'])(.*)\1$/s, '$2');
}

function stringValue(node: SyntaxNode): string {
  if (node['Tokens']) {
    return elementsOf(node['Tokens'])
      .map((token) => stringOfToken(String(token['Text'])))
      .join('');
  }
  return stringOfToken(String(node['Token'].Text));
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The value of a string token: plain with backslash escapes, `@"verbatim"`, `h"obfuscated"` or between triple marks. */
function stringOfToken(token: string): string {
  let text = token;
  if (/^h/i.test(text)) text = text.slice(1);
  const fence = /^(```|~~~)/.exec(text)?.[0];
  if (fence) return text.slice(3, text.endsWith(fence) && text.length >= 6 ? -3 : undefined);
  const verbatim = text.startsWith('@');
  if (verbatim) text = text.slice(1);
  const quote = text[0]!;
  const body = text.slice(1, text.length > 1 && text.endsWith(quote) ? -1 : undefined);
  if (verbatim) return body.replaceAll(quote + quote, quote);
  return body.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|([0-7]{1,3})|([\s\S]))/g,
    (_all, u?: string, long?: string, x?: string, octal?: string, other?: string) => {
      if (u ?? x) return String.fromCharCode(Number.parseInt((u ?? x)!, 16));
      if (long) return String.fromCodePoint(Math.min(Number.parseInt(long, 16), 0x10ffff));
      if (octal) return String.fromCharCode(Number.parseInt(octal, 8));
      return ESCAPES[other!] ?? other!;
    },
  );
}

/** The value of a literal's inner text; `null` is the null of its type. */
export function valueOfText(type: ScalarType, text: string): Value | undefined {
  if (text.toLowerCase() === 'null') return null;
  switch (type) {
    case 'bool': {
      const word = text.toLowerCase();
      if (word === 'true' || word === 'false') return word === 'true';
      return /^-?\d+$/.test(text) ? BigInt(text) !== 0n : undefined;
    }
    case 'int':
    case 'long': {
      const form = /^([+-]?)(0x[0-9a-f]+|\d+)$/i.exec(text);
      if (!form) return undefined;
      const magnitude = BigInt(form[2]!);
      const value = form[1] === '-' ? -magnitude : magnitude;
      const bits = type === 'int' ? 32 : 64;
      // Hexadecimal digits spell the bits, so all 64 may be used; decimal ones spell the number.
      const fits = /^0x/i.test(form[2]!) ? magnitude < 1n << BigInt(bits) : BigInt.asIntN(bits, value) === value;
      return fits ? BigInt.asIntN(bits, value) : undefined;
    }
    case 'real': {
      const word = text.toLowerCase();
      if (word === 'nan') return Number.NaN;
      if (word === '+inf' || word === 'inf') return Number.POSITIVE_INFINITY;
      if (word === '-inf') return Number.NEGATIVE_INFINITY;
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
    }
    case 'decimal':
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? text : undefined;
    case 'guid': {
      const digits = text.replace(/[{}()-]/g, '').toLowerCase();
      return /^[0-9a-f]{32}$/.test(digits)
        ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
        : undefined;
    }
    case 'datetime':
      return datetimeOfText(text);
    case 'timespan':
      return timespanOfText(text);
    case 'string':
    case 'dynamic':
      return text;
  }
}

/** Ticks of a `datetime(...)` literal's text: ISO 8601 and its shorter forms, `12/31/2020`, `20201231`. */
function datetimeOfText(written: string): bigint | undefined {
  const text = written.replace(/(\d)\s*-\s*(\d)/g, '$1-$2');
  const iso = parseIsoDatetime(text.replace(/^(\d{4})[./](\d{1,2})[./](\d{1,2})/, '$1-$2-$3'));
  if (iso !== undefined) return iso;
  const american = /^(\d{1,2})[/-](\d{1,2})[/-](\d{4})(.*)$/s.exec(text);
  if (american) {
    return parseIsoDatetime(
      `${american[3]}-${american[1]!.padStart(2, '0')}-${american[2]!.padStart(2, '0')}${american[4]}`,
    );
  }
  const month = /^(\d{4})-(\d{1,2})$/.exec(text);
  if (month) return parseIsoDatetime(`${month[1]}-${month[2]!.padStart(2, '0')}-01`);
  if (/^\d{4}$/.test(text)) return parseIsoDatetime(`${text}-01-01`);
  return undefined;
}

/** Ticks of a timespan's text: `1.5h`, `30min`, `1.02:03:04.5`, `2` (days). */
function timespanOfText(text: string): bigint | undefined {
  const scaled = /^(-?)(\d+)(?:\.(\d+))?\s*([a-z]+)$/i.exec(text);
  if (scaled) {
    const unit = TICKS_BY_UNIT.find(([pattern]) => pattern.test(scaled[4]!.toLowerCase()));
    if (!unit) return undefined;
    const fraction = scaled[3] ?? '';
    const scale = 10n ** BigInt(fraction.length);
    const amount = BigInt(scaled[2]! + fraction);
    // A tick is 100 nanoseconds.
    const ticks = unit[1] === 0n ? amount / scale / 100n : (amount * unit[1]) / scale;
    return scaled[1] ? -ticks : ticks;
  }
  const clock = /^(-?)(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$/.exec(text);
  if (clock) {
    const [, sign, days = '0', hours, minutes, seconds = '0', fraction = ''] = clock;
    if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
    const ticks =
      BigInt(days) * TICKS_PER_DAY +
      (BigInt(hours!) * 3600n + BigInt(minutes!) * 60n + BigInt(seconds)) * TICKS_PER_SECOND +
      BigInt(fraction.padEnd(7, '0'));
    return sign ? -ticks : ticks;
  }
  return /^-?\d+$/.test(text) ? BigInt(text) * TICKS_PER_DAY : undefined;
}

/** The value inside `dynamic(...)`; undefined where something in it is not a constant. */
export function dynamicLiteral(kusto: Kusto, node: SyntaxNode): Dynamic | undefined {
  const kind = kusto.kindOf(node);
  switch (kind) {
    case 'DynamicExpression':
      return dynamicLiteral(kusto, node['Expression']);
    case 'NullLiteralExpression':
      return null;
    case 'JsonArrayExpression': {
      const items: Dynamic[] = [];
      for (const element of elementsOf(node['Values'])) {
        const item = dynamicLiteral(kusto, element);
        if (item === undefined) return undefined;
        items.push(item);
      }
      return items;
    }
    case 'JsonObjectExpression': {
      const bag = new Map<string, Dynamic>();
      for (const pair of elementsOf(node['Pairs'])) {
        const item = dynamicLiteral(kusto, pair['Value']);
        if (item === undefined) return undefined;
        bag.set(stringOfToken(String(pair['Name'].Text)), item);
      }
      return bag;
    }
    case 'UnaryMinusExpression':
    case 'UnaryPlusExpression': {
      const value = dynamicLiteral(kusto, node['Expression']);
      if (kind === 'UnaryPlusExpression') return value;
      return typeof value === 'bigint' || typeof value === 'number' ? -value : undefined;
    }
    default: {
      const literal = scalarLiteral(kusto, node);
      if (!literal) return undefined;
      if (literal.value === null) return null;
      if (literal.type === 'datetime') return new DynamicDatetime(literal.value as bigint);
      if (literal.type === 'timespan') return new DynamicTimespan(literal.value as bigint);
      if (literal.type === 'decimal') return Number(literal.value);
      return literal.value as Dynamic;
    }
  }
}
