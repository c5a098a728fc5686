/**
 * A real as Kusto writes it: Grisu2 digits (Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
 * Integers", 2010) without its last rounding step in the cases where Kusto leaves it out, which is why
 * `tostring(0.1 + 0.2)` is `0.30000000000000007`. Whole numbers keep `.0`, exponents appear from 1e21 and below 1e-6.
 */

const MASK_64 = 2n ** 64n - 1n;

/** 10^exponent as f × 2^e with f rounded to 64 bits. */
function power(exponent: number): { readonly f: bigint; readonly e: number } {
  let e: number;
  let f: bigint;
  if (exponent >= 0) {
    const exact = 10n ** BigInt(exponent);
    e = exact.toString(2).length - 64;
    f = e <= 0 ? exact << BigInt(-e) : (exact + (1n << BigInt(e - 1))) >> BigInt(e);
  } else {
    const divisor = 10n ** BigInt(-exponent);
    const bits = divisor.toString(2).length + 64;
    const quotient = (1n << BigInt(bits + 8)) / divisor;
    const excess = quotient.toString(2).length - 64;
    f = (quotient + (1n << BigInt(excess - 1))) >> BigInt(excess);
    e = excess - bits - 8;
  }
  return f > MASK_64 ? { f: f >> 1n, e: e + 1 } : { f, e };
}

const powers = new Map<number, { readonly f: bigint; readonly e: number }>();

/** The power of ten (in steps of 8) that brings a normalized number with exponent `e` into Grisu's range. */
function cachedPower(e: number): { readonly f: bigint; readonly e: number; readonly k: number } {
  const dk = (-61 - e) * 0.30102999566398114 + 347;
  const k = Math.ceil(dk);
  const exponent = -348 + ((k >> 3) + 1) * 8;
  let known = powers.get(exponent);
  if (!known) powers.set(exponent, (known = power(exponent)));
  return { ...known, k: -exponent };
}

function multiply(f: bigint, g: bigint): bigint {
  return (f * g + (1n << 63n)) >> 64n;
}

/** Shortest digits and exponent: value = digits × 10^k. Positive, finite values only. */
function grisu(value: number): { readonly digits: string; readonly k: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const f = biased === 0 ? fraction : fraction | (1n << 52n);
  const e = biased === 0 ? -1074 : biased - 1075;

  const normalize = (significand: bigint, exponent: number): { f: bigint; e: number } => {
    const shift = 64 - significand.toString(2).length;
    return { f: significand << BigInt(shift), e: exponent - shift };
  };
  const w = normalize(f, e);
  const upper = normalize((f << 1n) + 1n, e - 1);
  const atPower = f === 1n << 52n;
  const lowerF = atPower ? (f << 2n) - 1n : (f << 1n) - 1n;
  const lowerE = atPower ? e - 2 : e - 1;
  const lower = lowerF << BigInt(lowerE - upper.e);

  const scale = cachedPower(upper.e);
  const scaledW = multiply(w.f, scale.f);
  const scaledUpper = multiply(upper.f, scale.f) - 1n;
  const scaledLower = multiply(lower, scale.f) + 1n;
  const exponent = -(upper.e + scale.e + 64);
  let delta = scaledUpper - scaledLower;
  let distance = scaledUpper - scaledW;
  const one = 1n << BigInt(exponent);

  let whole = scaledUpper >> BigInt(exponent);
  let rest = scaledUpper & (one - 1n);
  const digits: number[] = [];
  let kappa = whole.toString().length;
  let k = scale.k;
  const round = (remainder: bigint, unit: bigint, gap: bigint): void => {
    let r = remainder;
    while (r < gap && delta - r >= unit && (r + unit < gap || gap - r > r + unit - gap)) {
      digits[digits.length - 1]!--;
      r += unit;
    }
  };
  while (kappa > 0) {
    const divisor = 10n ** BigInt(kappa - 1);
    const digit = Number(whole / divisor);
    whole %= divisor;
    if (digit > 0 || digits.length > 0) digits.push(digit);
    kappa--;
    const left = (whole << BigInt(exponent)) + rest;
    if (left <= delta) {
      k += kappa;
      round(left, divisor << BigInt(exponent), distance);
      return { digits: digits.join(''), k };
    }
  }
  for (;;) {
    rest *= 10n;
    delta *= 10n;
    const digit = Number(rest >> BigInt(exponent));
    if (digit > 0 || digits.length > 0) digits.push(digit);
    rest &= one - 1n;
    kappa--;
    if (rest < delta) {
      k += kappa;
      // Kusto's digits are rounded towards the value only this far behind the point.
      distance = -kappa < 9 ? distance * 10n ** BigInt(-kappa) : 0n;
      round(rest, one, distance);
      return { digits: digits.join(''), k };
    }
  }
}

/** As `tostring(real)`: `1.0`, `0.1`, `1e21`, `1.5e-7`, `-0.0`, `NaN`, `inf`, `-inf`. */
export function formatReal(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 53) return `${value}.0`;
  const sign = value < 0 ? '-' : '';
  const { digits, k } = grisu(Math.abs(value));
  /** Digits before the point. */
  const point = digits.length + k;
  if (k >= 0 && point <= 21) return `${sign}${digits}${'0'.repeat(k)}.0`;
  if (point > 0 && point <= 21) return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
  if (point > -6 && point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${sign}${mantissa}e${point - 1}`;
}
