/** The statistics that a score quotes, and the form in which it quotes them: what has no denominator is null, with the reason. */

/** 95 % Wilson interval [low, high]; null where there is no denominator. */
export type Interval = readonly [low: number, high: number] | null;

/** Why a measure beside it is null; absent where everything is measured. */
export interface Measured {
  readonly unmeasured?: string;
}

export interface Recall extends Measured {
  readonly planted: number;
  readonly detected: number;
  /** detected / planted. */
  readonly recall: number | null;
  readonly interval: Interval;
}

/** Nearest-rank median and maximum of counts. */
export interface Spread extends Measured {
  readonly p50: number | null;
  readonly max: number | null;
}

export function recall(planted: number, detected: number, unmeasured: string): Recall {
  const interval = wilsonInterval(detected, planted);
  return interval
    ? { planted, detected, recall: detected / planted, interval }
    : { planted, detected, recall: null, interval: null, unmeasured };
}

export function precisionOf(
  truePositive: number,
  all: number,
  unmeasured: string,
): { readonly precision: number | null; readonly interval: Interval } & Measured {
  const interval = wilsonInterval(truePositive, all);
  return interval ? { precision: truePositive / all, interval } : { precision: null, interval: null, unmeasured };
}

export function spreadOf(counts: readonly number[], unmeasured: string): Spread {
  const ascending = counts.toSorted((a, b) => a - b);
  return ascending.length === 0
    ? { p50: null, max: null, unmeasured }
    : { p50: percentile(ascending, 50)!, max: ascending.at(-1)! };
}

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

/**
 * The exact two-sided p-value of McNemar's test: how often a fair coin would part `onlyFirst + onlySecond` discordant pairs
 * at least as unevenly. Always exact, so that no approximation has to be chosen for small counts; only additions and
 * products, so that it is the same number everywhere. 1 where nothing is discordant.
 *
 * McNemar (1947), Psychometrika 12:153-157; the exact conditional test of Fagerland et al. (2013), BMC Medical Research
 * Methodology 13:91.
 */
export function mcnemarExact(onlyFirst: number, onlySecond: number): number {
  const pairs = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  if (onlyFirst === onlySecond) return 1;
  // P(X = fewer) = C(pairs, fewer) / 2^pairs, halved as often as it grows so that neither factor overflows.
  let atFewer = 1;
  let halvings = pairs;
  for (let i = 1; i <= fewer; i++) {
    atFewer = (atFewer * (pairs - fewer + i)) / i;
    while (atFewer > 1 && halvings > 0) {
      atFewer /= 2;
      halvings--;
    }
  }
  while (halvings > 0 && atFewer > 0) {
    atFewer /= 2;
    halvings--;
  }
  let [term, tail] = [1, 1];
  for (let i = fewer; i > 0 && term > 0; i--) {
    term *= i / (pairs - i + 1);
    tail += term;
  }
  return Math.min(1, 2 * atFewer * tail);
}
