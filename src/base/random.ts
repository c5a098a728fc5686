/**
 * Random numbers for generated data. A stream is a function from (seed, purpose, owner, part) and a counter to 32 bits, so
 * every account draws for every purpose from a stream of its own: drawing more in one place changes nothing elsewhere,
 * and no order of work, thread or partition can show in the result. Everything is 32-bit integer arithmetic, or double
 * arithmetic on the four operations that IEEE 754 rounds exactly; the platform's `Math.exp` and its kin are not used,
 * since their last bits differ between engines.
 */

const UNIT = 1 / 0x1_0000_0000;
/** 2^32 over the golden ratio, odd: the usual step of a Weyl sequence. */
const WEYL = 0x9e3779b9;

/** A bijection on 32 bits with a measured avalanche bias near the best that two multiplications can give. */
function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return hash ^ (hash >>> 15);
}

/** A name as the number that streams are keyed by (FNV-1a, mixed). Compute it once, outside loops. */
export function purposeKey(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** Weights to draw by, summed once. */
export class Weights {
  readonly values: Float64Array;
  readonly total: number;

  constructor(values: readonly number[]) {
    this.values = Float64Array.from(values);
    this.total = this.values.reduce((sum, value) => sum + value, 0);
  }
}

/** One stream of random numbers. Owned by whoever made it; drawing advances it. */
export class RandomStream {
  /** What a kernel needs to draw from the same stream: its keys, and how often it was drawn from. */
  readonly first: number;
  readonly second: number;
  drawn = 0;

  /**
   * @param purpose - from {@link purposeKey}.
   * @param owner - whom the stream belongs to (an account's ordinal), 0 to 2^32 - 1.
   * @param part - a further division, such as a day.
   */
  constructor(seed: number, purpose: number, owner = 0, part = 0) {
    const a = mix((seed | 0) ^ WEYL);
    // Seeds above 32 bits count in full.
    const b = mix(a ^ Math.floor(seed * UNIT) ^ purpose);
    const c = mix((b + owner) | 0);
    this.first = mix(c ^ Math.imul(part + 1, WEYL));
    this.second = mix(this.first ^ b ^ 0x6a09e667);
  }

  /** 0 to 2^32 - 1. */
  u32(): number {
    const step = Math.imul((this.drawn = (this.drawn + 1) | 0), WEYL);
    return mix((mix(step ^ this.first) + this.second) | 0) >>> 0;
  }

  /** In [0, 1), a multiple of 2^-32. */
  unit(): number {
    return this.u32() * UNIT;
  }

  /** A whole number in [0, count). */
  below(count: number): number {
    return Math.floor(this.u32() * UNIT * count);
  }

  /** In [from, to). */
  between(from: number, to: number): number {
    return from + this.u32() * UNIT * (to - from);
  }

  /** In [from, to) of a range. */
  within(range: readonly [from: number, to: number]): number {
    return range[0] + this.u32() * UNIT * (range[1] - range[0]);
  }

  chance(probability: number): boolean {
    return this.u32() * UNIT < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** An index, by weights that need not sum to 1. */
  weighted(weights: Weights): number {
    const { values, total } = weights;
    const last = values.length - 1;
    let rest = this.u32() * UNIT * total;
    for (let i = 0; i < last; i++) {
      rest -= values[i]!;
      if (rest < 0) return i;
    }
    return last;
  }

  /** A standard normal deviate. */
  normal(): number {
    return normalQuantile((this.u32() + 0.5) * UNIT);
  }

  /** Median `median`, and `sigma` the standard deviation of its natural logarithm. */
  lognormal(median: number, sigma: number): number {
    return median * portableExp(sigma * this.normal());
  }

  /** A Poisson count. Above a mean of 40 a rounded normal deviate stands in, which differs by less than a percent. */
  poisson(mean: number): number {
    if (mean <= 0) return 0;
    if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal()));
    let probability = portableExp(-mean);
    let rest = this.unit() - probability;
    let count = 0;
    while (rest > 0 && count < 400) {
      count++;
      probability *= mean / count;
      rest -= probability;
    }
    return count;
  }
}

/** e^x by range reduction and its series; the same bits on every platform. */
export function portableExp(x: number): number {
  const LN2 = 0.6931471805599453;
  const power = Math.round(x / LN2);
  const rest = x - power * LN2;
  let term = 1;
  let sum = 1;
  for (let n = 1; n < 20; n++) {
    term *= rest / n;
    // What cannot change the sum any more cannot later either.
    if (sum + term === sum) break;
    sum += term;
  }
  const factor = power < 0 ? 0.5 : 2;
  for (let n = Math.abs(power); n > 0; n--) sum *= factor;
  return sum;
}

/** Natural logarithm of a positive number by range reduction and its series; the same bits on every platform. */
export function portableLn(x: number): number {
  const LN2 = 0.6931471805599453;
  let mantissa = x;
  let power = 0;
  while (mantissa >= 1.5) {
    mantissa /= 2;
    power++;
  }
  while (mantissa < 0.75) {
    mantissa *= 2;
    power--;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let odd = s;
  let sum = 0;
  for (let n = 1; n < 30; n += 2) {
    sum += odd / n;
    odd *= square;
  }
  return 2 * sum + power * LN2;
}

/** The z with P(Z <= z) = p for a standard normal Z; p in (0, 1). Acklam's rational approximation, error below 1.2e-9. */
export function normalQuantile(p: number): number {
  if (p < 0.02425 || p > 0.97575) {
    const q = Math.sqrt(-2 * portableLn(p < 0.5 ? p : 1 - p));
    const tail =
      (((((-7.784894002430293e-3 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q +
        4.374664141464968) *
        q +
        2.938163982698783) /
      ((((7.784695709041462e-3 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416) * q + 1);
    return p < 0.5 ? tail : -tail;
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    ((((((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.357751867269) * r -
      30.66479806614716) *
      r +
      2.506628277459239) *
      q) /
    (((((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r -
      13.28068155288572) *
      r +
      1)
  );
}

const TABLE_BITS = 12;
const TABLE_SIZE = 1 << TABLE_BITS;

/**
 * A distribution by its quantiles, drawn with one table look-up: between two given quantiles the logarithm of the value
 * is linear in the normal deviate, so two knots make a lognormal and further knots bend its tail.
 */
export class QuantileTable {
  /** The quantiles, from the lowest to the highest. */
  readonly values = new Float64Array(TABLE_SIZE + 1);

  /** @param knots - at least two (probability, positive value) pairs, both rising. */
  constructor(knots: readonly (readonly [probability: number, value: number])[]) {
    const zs = knots.map(([probability]) => normalQuantile(probability));
    const logs = knots.map(([, value]) => portableLn(value));
    for (let i = 0; i <= TABLE_SIZE; i++) {
      // The ends stand for the outermost 1 / 8192, so no draw is infinite.
      const z = normalQuantile(Math.min(TABLE_SIZE - 0.5, Math.max(0.5, i)) / TABLE_SIZE);
      let knot = 0;
      while (knot < zs.length - 2 && z > zs[knot + 1]!) knot++;
      const share = (z - zs[knot]!) / (zs[knot + 1]! - zs[knot]!);
      this.values[i] = portableExp(logs[knot]! + share * (logs[knot + 1]! - logs[knot]!));
    }
  }

  draw(random: RandomStream): number {
    const bits = random.u32();
    const slot = bits >>> (32 - TABLE_BITS);
    const low = this.values[slot]!;
    const share = (bits & ((1 << (32 - TABLE_BITS)) - 1)) / (1 << (32 - TABLE_BITS));
    return low + share * (this.values[slot + 1]! - low);
  }
}
