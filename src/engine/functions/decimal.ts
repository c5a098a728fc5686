/** Decimal arithmetic on texts: 34 significant digits (IEEE 754 decimal128), as Kusto's `decimal` has. */

interface Decimal {
  readonly digits: bigint;
  /** The value is digits × 10^-scale; scale may be negative. */
  readonly scale: number;
}

const PRECISION = 34;
const FORM = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?\s*$/;
/** Beyond this exponent decimal128 has no value; it also bounds the work that a text can ask for. */
const MAX_EXPONENT = 6144;

function parse(text: string): Decimal | undefined {
  const match = FORM.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const shift = Number(exponent);
  if (Math.abs(shift) > MAX_EXPONENT || whole.length + fraction.length > MAX_EXPONENT) return undefined;
  const digits = BigInt(whole + fraction);
  return rounded({ digits: sign === '-' ? -digits : digits, scale: fraction.length - shift });
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** Half to even, to 34 digits. */
function rounded(value: Decimal): Decimal {
  const excess = magnitude(value.digits).toString().length - PRECISION;
  return excess <= 0
    ? value
    : { digits: divideRounded(value.digits, 10n ** BigInt(excess)), scale: value.scale - excess };
}

function divideRounded(digits: bigint, divisor: bigint): bigint {
  const quotient = digits / divisor;
  const twice = magnitude(digits % divisor) * 2n;
  const size = magnitude(divisor);
  const up = twice > size || (twice === size && quotient % 2n !== 0n);
  if (!up) return quotient;
  return quotient + (digits < 0n !== divisor < 0n ? -1n : 1n);
}

function format(value: Decimal): string {
  let { digits, scale } = value;
  if (digits === 0n) return '0';
  while (scale > 0 && digits % 10n === 0n) {
    digits /= 10n;
    scale--;
  }
  const sign = digits < 0n ? '-' : '';
  const text = magnitude(digits).toString();
  if (scale <= 0) return sign + text + '0'.repeat(-scale);
  const padded = text.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

function aligned(a: Decimal, b: Decimal): [bigint, bigint, number] {
  const scale = Math.max(a.scale, b.scale);
  return [a.digits * 10n ** BigInt(scale - a.scale), b.digits * 10n ** BigInt(scale - b.scale), scale];
}

function parsed(text: string): Decimal {
  return parse(text) ?? { digits: 0n, scale: 0 };
}

/** The canonical text of a decimal (no exponent, no trailing zeros), or null where `text` is no decimal. */
export function normalizeDecimal(text: string): string | null {
  const value = parse(text);
  return value ? format(value) : null;
}

/** Negative, zero or positive. */
export function compareDecimals(a: string, b: string): number {
  const [x, y] = aligned(parsed(a), parsed(b));
  return x < y ? -1 : x > y ? 1 : 0;
}

/** `a op b` for `+`, `-`, `*`, `/`, `%`; null on division by zero. */
export function decimalArithmetic(operator: string, a: string, b: string): string | null {
  const x = parsed(a);
  const y = parsed(b);
  if (operator === '*') return format(rounded({ digits: x.digits * y.digits, scale: x.scale + y.scale }));
  if (operator === '/') {
    if (y.digits === 0n) return null;
    const shift = Math.max(
      0,
      PRECISION + magnitude(y.digits).toString().length - magnitude(x.digits).toString().length,
    );
    const digits = divideRounded(x.digits * 10n ** BigInt(shift), y.digits);
    return format(rounded({ digits, scale: x.scale - y.scale + shift }));
  }
  const [p, q, scale] = aligned(x, y);
  switch (operator) {
    case '+':
      return format(rounded({ digits: p + q, scale }));
    case '-':
      return format(rounded({ digits: p - q, scale }));
    case '%': {
      if (q === 0n) return null;
      const rest = p % q;
      return format({ digits: rest < 0n ? rest + magnitude(q) : rest, scale });
    }
    default:
      throw new RangeError(`no decimal operator ${operator}`);
  }
}

/** The whole part, towards zero. */
export function truncateDecimal(text: string): bigint {
  const { digits, scale } = parsed(text);
  return scale <= 0 ? digits * 10n ** BigInt(-scale) : digits / 10n ** BigInt(scale);
}

/** Rounded to `places` after the point, half away from zero; negative places round before it. */
export function roundDecimal(text: string, places: number): string {
  const { digits, scale } = parsed(text);
  if (scale <= places) return format({ digits, scale });
  const divisor = 10n ** BigInt(scale - places);
  const half = divisor / 2n;
  return format({ digits: (digits < 0n ? digits - half : digits + half) / divisor, scale: places });
}
