/**
 * Distributions of a whole dataset in memory that does not grow with it: counts are kept by value, delays in buckets.
 * Both give nearest-rank percentiles, so that a quoted count really occurred, and a quoted delay to within 0.2 %.
 */

export interface Percentiles {
  /** How many values there are. */
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** @param ascending - (value, how often) pairs by rising value. */
function percentilesOf(ascending: readonly (readonly [value: number, times: number])[]): Percentiles | null {
  const count = ascending.reduce((sum, [, times]) => sum + times, 0);
  if (count === 0) return null;
  const at = (percent: number): number => {
    const rank = Math.max(1, Math.ceil((percent * count) / 100));
    let seen = 0;
    for (const [value, times] of ascending) {
      seen += times;
      if (seen >= rank) return value;
    }
    return ascending.at(-1)![0];
  };
  return { count, p50: at(50), p90: at(90), p95: at(95), p99: at(99), max: ascending.at(-1)![0] };
}

/** Whole numbers of which few differ, such as the events of each user. */
export class Counts {
  readonly #times = new Map<number, number>();

  add(value: number): void {
    this.#times.set(value, (this.#times.get(value) ?? 0) + 1);
  }

  percentiles(): Percentiles | null {
    return percentilesOf([...this.#times].sort(([a], [b]) => a - b));
  }
}

/** Bits of a single-precision number that are cut off: sign, exponent and eight bits of the fraction stay. */
const CUT_BITS = 15;
const BUCKETS = 1 << (32 - CUT_BITS);
const SIGN_BUCKET = BUCKETS >> 1;

/** Delays in milliseconds, in buckets that are 0.4 % wide; negative ones are told apart. */
export class Delays {
  /** Float64 for the count of a bucket: it may exceed 2^32. */
  readonly #times = new Float64Array(BUCKETS);
  readonly #single = new Float32Array(1);
  readonly #bits = new Uint32Array(this.#single.buffer);
  #max = Number.NEGATIVE_INFINITY;

  add(delayMs: number): void {
    // Adding 0 makes 0 of -0, which would have a bucket of its own.
    const delay = delayMs + 0;
    this.#single[0] = delay;
    this.#times[this.#bits[0]! >>> CUT_BITS]!++;
    if (delay > this.#max) this.#max = delay;
  }

  percentiles(): Percentiles | null {
    const ascending: [number, number][] = [];
    for (let bucket = BUCKETS - 1; bucket >= SIGN_BUCKET; bucket--) this.#push(ascending, bucket);
    for (let bucket = 0; bucket < SIGN_BUCKET; bucket++) this.#push(ascending, bucket);
    const percentiles = percentilesOf(ascending);
    // The middle of the last bucket may lie above the largest value.
    return (
      percentiles && {
        count: percentiles.count,
        p50: Math.min(percentiles.p50, this.#max),
        p90: Math.min(percentiles.p90, this.#max),
        p95: Math.min(percentiles.p95, this.#max),
        p99: Math.min(percentiles.p99, this.#max),
        max: this.#max,
      }
    );
  }

  #push(ascending: [number, number][], bucket: number): void {
    const times = this.#times[bucket]!;
    if (times === 0) return;
    this.#bits[0] = bucket === 0 ? 0 : ((bucket << CUT_BITS) | (1 << (CUT_BITS - 1))) >>> 0;
    ascending.push([this.#single[0]!, times]);
  }
}
