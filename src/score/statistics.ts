/** The statistics that a score quotes. What has no denominator is undefined here, and `unmeasured` in a score. */

/** The 97.5th percentile of the standard normal distribution: two-sided 95 %. */
const Z_95 = 1.959963984540054;

/**
 * The Wilson score interval, 95 %, without continuity correction, of `successes` out of `trials`; undefined for no
 * trials. It stays inside [0, 1] and keeps a width at 0 of n and n of n, where the textbook interval has none.
 *
 * Wilson (1927), JASA 22:209-212; method 3 of Newcombe (1998), Statistics in Medicine 17:857-872.
 */
export function wilsonInterval(successes: number, trials: number): readonly [low: number, high: number] | undefined {
  if (trials === 0) return undefined;
  const p = successes / trials;
  const zz = Z_95 * Z_95;
  const centre = 2 * successes + zz;
  const spread = Z_95 * Math.sqrt(zz + 4 * successes * (1 - p));
  const scale = 2 * (trials + zz);
  // Rounding would otherwise leave 1e-17 where the bound is exactly 0 or 1.
  return [successes === 0 ? 0 : (centre - spread) / scale, successes === trials ? 1 : (centre + spread) / scale];
}

/**
 * The nearest-rank percentile: the smallest value that at least `percent` % of `ascending` do not exceed. It is always
 * one of the values, so a quoted time to detect has really occurred. Undefined for no values.
 *
 * @param ascending - values in ascending order.
 * @param percent - above 0, at most 100.
 */
export function percentile(ascending: readonly number[], percent: number): number | undefined {
  return ascending[Math.max(1, Math.ceil((percent * ascending.length) / 100)) - 1];
}
