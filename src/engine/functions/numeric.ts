/** Functions of numbers: rounding and bins, powers and angles, bits, the lesser and the greater. */
import type { ScalarType, Value } from '../../columns/value.ts';
import { widen } from './convert.ts';
import { decimalArithmetic, roundDecimal, truncateDecimal } from './decimal.ts';
import { define, defineStrict, defineTyped, type ScalarFunction } from './function.ts';
import { binKernel } from './kernels.ts';
import { wrapWhole } from './operators.ts';
import { compareValues, countArg, numberOf, readAs, unwrap } from './scalars.ts';

function floorTo(value: bigint, step: bigint): bigint {
  const rest = value % step;
  return value - (rest < 0n ? rest + step : rest);
}

function bin(args: readonly Value[], types: readonly ScalarType[], result: ScalarType): Value {
  const value = unwrap(args[0]!, types[0]!);
  const size = args.length < 2 ? { value: 1n as Value, type: 'long' as ScalarType } : unwrap(args[1]!, types[1]!);
  if (value.value === null || size.value === null) return null;
  return binAt(value.value, value.type, size.value, size.type, result, null);
}

/** The start of the bin that holds the value, where bins have starts at `fixed` (null: zero). */
function binAt(
  value: Value,
  type: ScalarType,
  size: Value,
  sizeType: ScalarType,
  result: ScalarType,
  fixed: Value,
): Value {
  if (result === 'decimal' || type === 'decimal' || sizeType === 'decimal') {
    const text = (v: Value): string => (typeof v === 'string' ? v : String(v as bigint | number));
    const step = text(size);
    if (!(Number(step) > 0)) return null;
    const quotient = decimalArithmetic('/', text(value), step);
    if (quotient === null) return null;
    let whole = truncateDecimal(quotient);
    if (Number(quotient) < 0 && decimalArithmetic('*', whole.toString(), step) !== text(value)) whole -= 1n;
    return decimalArithmetic('*', whole.toString(), step);
  }
  if (typeof value === 'bigint' && typeof size === 'bigint' && (fixed === null || typeof fixed === 'bigint')) {
    if (size <= 0n) return null;
    const origin = (fixed as bigint | null) ?? 0n;
    const start = origin + floorTo(value - origin, size);
    if (result === 'real') return Number(start);
    return result === 'datetime' && start < 0n ? null : start;
  }
  const step = numberOf(size);
  if (!(step > 0)) return null;
  const origin = fixed === null ? 0 : numberOf(fixed);
  const start = origin + Math.floor((numberOf(value) - origin) / step) * step;
  return result === 'real' || result === 'dynamic' ? start : Number.isFinite(start) ? BigInt(Math.trunc(start)) : null;
}

/** Rounding further than this changes no number. */
const MAX_PLACES = 330;

/** Half away from zero, at `digits` decimal places. */
function round(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  if (digits === 0) return roundHalfAway(value);
  if (digits < 0) {
    const scale = 10 ** -digits;
    return roundHalfAway(value / scale) * scale;
  }
  const scale = 10 ** digits;
  const scaled = value * scale;
  return Number.isFinite(scaled) ? roundHalfAway(scaled) / scale : value;
}

function roundHalfAway(value: number): number {
  return value < 0 ? -Math.round(-value) : Math.round(value);
}

/** A function of one real; whole numbers are widened, and the result is real. */
function real(name: string, apply: (x: number) => number | null): ScalarFunction {
  return defineStrict(name, ([value], types) => {
    const inner = unwrap(value!, types[0]!).value;
    return inner === null || typeof inner === 'object' ? null : apply(numberOf(inner));
  });
}

function extreme(name: string, pick: (order: number) => boolean): ScalarFunction {
  return define(name, (args, types, result) => {
    let best: Value = null;
    for (let i = 0; i < args.length; i++) {
      const value = widen(args[i]!, types[i]!, result);
      if (value === null) continue;
      if (typeof value === 'number' && Number.isNaN(value)) return value;
      if (best === null || pick(compareValues(value, result, best, result))) best = value;
    }
    return best;
  });
}

function bits(name: string, apply: (a: bigint, b: bigint) => bigint): ScalarFunction {
  return defineTyped(name, ['long'], ([a, b]) => BigInt.asIntN(64, apply(a as bigint, b as bigint)));
}

/** Shifts count modulo 64, as the processor does. */
function shift(count: bigint): bigint {
  return count & 63n;
}

function gamma(x: number): number {
  return Number.isInteger(x) && x > 0 && x < 171 ? factorial(x - 1) : Math.exp(logGamma(x));
}

function factorial(n: number): number {
  let product = 1;
  for (let i = 2; i <= n; i++) product *= i;
  return product;
}

const LANCZOS = [
  0.999_999_999_999_809_93, 676.520_368_121_885_1, -1259.139_216_722_402_8, 771.323_428_777_653_13,
  -176.615_029_162_140_59, 12.507_343_278_686_905, -0.138_571_095_265_720_12, 9.984_369_578_019_571_6e-6,
  1.505_632_735_149_311_6e-7,
];

/** Lanczos' approximation with g = 7 and nine terms. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  const z = x - 1;
  let sum = LANCZOS[0]!;
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

const UNITS = ['Bytes', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** `format_bytes(bytes, precision, units)`. */
function formatBytes(value: number, precision: number, units: string | undefined): string {
  let index = units ? UNITS.findIndex((unit) => unit.toLowerCase() === units.toLowerCase()) : 0;
  if (index < 0) return '';
  let scaled = value / 1024 ** index;
  if (!units) {
    while (Math.abs(scaled) >= 1024 && index < UNITS.length - 1) {
      scaled /= 1024;
      index++;
    }
  }
  return `${round(scaled, precision)} ${UNITS[index]}`;
}

/** Radius of the sphere that Kusto takes the earth for, in metres. */
const EARTH_RADIUS = 6_371_010;

/** Great-circle distance in metres between two points in degrees; null where one is not on the earth. */
function earthDistance(points: readonly number[]): number | null {
  const [longitude1, latitude1, longitude2, latitude2] = points as [number, number, number, number];
  const isPlace = (longitude: number, latitude: number): boolean =>
    Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90;
  if (!isPlace(longitude1, latitude1) || !isPlace(longitude2, latitude2)) return null;
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const a = Math.sin(radians(latitude2 - latitude1) / 2);
  const b = Math.sin(radians(longitude2 - longitude1) / 2);
  const h = a * a + b * b * Math.cos(radians(latitude1)) * Math.cos(radians(latitude2));
  return 2 * Math.asin(Math.sqrt(Math.min(1, h))) * EARTH_RADIUS;
}

export const NUMERIC_FUNCTIONS: readonly ScalarFunction[] = [
  define('bin', bin, { vector: binKernel }),
  define('bin_at', ([value, size, fixed], types, result) =>
    value === null || size === null || fixed === null
      ? null
      : binAt(value!, types[0]!, size!, types[1]!, result, fixed!),
  ),
  defineStrict('round', ([value, digits], types) => {
    const places = Math.max(-MAX_PLACES, Math.min(MAX_PLACES, countArg(digits, 0)));
    if (types[0] === 'decimal') return roundDecimal(value as string, places);
    const number = readAs(value!, types[0]!, 'real');
    return number === null ? null : round(number as number, places);
  }),
  defineStrict('abs', ([value], types) => {
    const inner = unwrap(value!, types[0]!);
    if (typeof inner.value === 'bigint') return wrapWhole(inner.value < 0n ? -inner.value : inner.value, inner.type);
    if (typeof inner.value === 'number') return Math.abs(inner.value);
    return inner.type === 'decimal' ? (inner.value as string).replace(/^-/, '') : null;
  }),
  defineStrict('sign', ([value], types) => {
    const inner = unwrap(value!, types[0]!).value;
    return inner === null || typeof inner === 'object' ? null : Math.sign(numberOf(inner));
  }),
  defineStrict('ceiling', ([value], types, result) => {
    const number = readAs(value!, types[0]!, types[0] === 'decimal' ? 'decimal' : 'number');
    if (number === null) return null;
    const ceiled = Math.ceil(numberOf(number));
    return (result === 'long' || result === 'int') && Number.isFinite(ceiled) ? BigInt(ceiled) : ceiled;
  }),
  real('sqrt', Math.sqrt),
  real('exp', Math.exp),
  real('exp2', (x) => 2 ** x),
  real('exp10', (x) => 10 ** x),
  real('log', (x) => (x < 0 ? null : Math.log(x))),
  real('log2', (x) => (x < 0 ? null : Math.log2(x))),
  real('log10', (x) => (x < 0 ? null : Math.log10(x))),
  real('sin', Math.sin),
  real('cos', Math.cos),
  real('tan', Math.tan),
  real('cot', (x) => 1 / Math.tan(x)),
  real('asin', Math.asin),
  real('acos', Math.acos),
  real('atan', Math.atan),
  real('degrees', (x) => (x * 180) / Math.PI),
  real('radians', (x) => (x / 180) * Math.PI),
  real('gamma', gamma),
  real('loggamma', logGamma),
  defineTyped('pow', ['real'], ([base, exponent]) => (base as number) ** (exponent as number)),
  defineTyped('atan2', ['real'], ([y, x]) => Math.atan2(y as number, x as number)),
  define('pi', () => Math.PI),
  define('isnan', ([x]) => typeof x === 'number' && Number.isNaN(x)),
  define('isinf', ([x]) => x === Infinity || x === -Infinity),
  define('isfinite', ([x]) => (typeof x === 'number' ? Number.isFinite(x) : x !== null)),
  defineTyped('geo_distance_2points', ['real'], (args) => earthDistance(args as number[])),
  defineTyped('geo_point_in_circle', ['real'], (args) => {
    const [longitude, latitude, centerLongitude, centerLatitude, radius] = args as [
      number,
      number,
      number,
      number,
      number,
    ];
    const distance = earthDistance([longitude, latitude, centerLongitude, centerLatitude]);
    return distance === null || !(radius >= 0) ? null : distance <= radius;
  }),
  extreme('min_of', (order) => order < 0),
  extreme('max_of', (order) => order > 0),
  bits('binary_and', (a, b) => a & b),
  bits('binary_or', (a, b) => a | b),
  bits('binary_xor', (a, b) => a ^ b),
  bits('binary_shift_left', (a, b) => a << shift(b)),
  bits('binary_shift_right', (a, b) => a >> shift(b)),
  defineTyped('binary_not', ['long'], ([value]) => ~(value as bigint)),
  defineTyped('bitset_count_ones', ['long'], ([value]) => {
    let count = 0n;
    for (let rest = BigInt.asUintN(64, value as bigint); rest > 0n; rest >>= 1n) count += rest & 1n;
    return count;
  }),
  define('format_bytes', ([value, precision, units]) =>
    value === null
      ? ''
      : formatBytes(numberOf(value!), countArg(precision, 0), typeof units === 'string' ? units : undefined),
  ),
];
