/** Cells of result rows as text and as JSON: what alerts say, what files hold, and what the digest is made of. */
import { formatDatetime, formatTimespan, parseIsoDatetime, TICKS_PER_DAY } from '../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import type { Dynamic, ScalarType, Value } from '../columns/value.ts';

/** The cell as `tostring()` has it; null is the empty text. */
export function cellText(type: ScalarType, value: Value): string {
  if (value === null) return '';
  switch (type) {
    case 'datetime':
      return formatDatetime(value as bigint);
    case 'timespan':
      return formatTimespan(value as bigint);
    case 'dynamic':
      return typeof value === 'string' ? value : stringifyDynamic(value);
    default:
      return typeof value === 'object' ? stringifyDynamic(value) : String(value);
  }
}

/**
 * The cell as JSON text: whole numbers with all their digits, datetime as ISO 8601, timespan as Kusto prints it, decimal and
 * guid as strings, reals that JSON has no form for as strings.
 */
export function cellJson(type: ScalarType, value: Value): string {
  if (value === null) return 'null';
  switch (type) {
    case 'datetime':
      return `"${formatDatetime(value as bigint)}"`;
    case 'timespan':
      return `"${formatTimespan(value as bigint)}"`;
    case 'real': {
      const real = value as number;
      return Number.isFinite(real) ? (Object.is(real, -0) ? '-0' : String(real)) : `"${real}"`;
    }
    default:
      return stringifyDynamic(value);
  }
}

const TIMESPAN = /^(-)?(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{7}))?$/;

/** The cell that {@link cellJson} wrote, from parsed JSON in which whole numbers are bigint; undefined where it is none of `type`. */
export function cellFromJson(type: ScalarType, json: Dynamic): Value | undefined {
  if (json === null) return type === 'string' ? '' : null;
  switch (type) {
    case 'bool':
      return typeof json === 'boolean' ? json : undefined;
    case 'int':
    case 'long':
      return typeof json === 'bigint' ? json : undefined;
    case 'real':
      if (typeof json === 'number') return json;
      if (typeof json === 'bigint') return Number(json);
      return json === 'NaN'
        ? Number.NaN
        : json === 'Infinity'
          ? Infinity
          : json === '-Infinity'
            ? -Infinity
            : undefined;
    case 'datetime':
      return typeof json === 'string' ? parseIsoDatetime(json) : undefined;
    case 'timespan':
      return typeof json === 'string' ? parseTimespan(json) : undefined;
    case 'dynamic':
      return json;
    default:
      return typeof json === 'string' ? json : undefined;
  }
}

/** Ticks of a timespan as Kusto prints it; undefined where the text is none. */
export function parseTimespan(text: string): bigint | undefined {
  const match = TIMESPAN.exec(text);
  if (!match) return undefined;
  const [, sign, days = '0', hours, minutes, seconds, fraction = '0'] = match;
  const whole = (BigInt(hours!) * 60n + BigInt(minutes!)) * 60n + BigInt(seconds!);
  const ticks = BigInt(days) * TICKS_PER_DAY + whole * 10_000_000n + BigInt(fraction);
  return sign ? -ticks : ticks;
}

/** A line of JSON with its whole numbers as bigint; undefined where it is not an object. */
export function parseJsonObject(line: string): Map<string, Dynamic> | undefined {
  const value = parseDynamic(line);
  return value instanceof Map ? value : undefined;
}
