/**
 * Functions of series: dynamic arrays of numbers. Decomposition, period scores and outlier scores follow what Kusto was
 * seen to compute: a season is the median of the points of one phase, the trend is taken of what the season leaves, the
 * score of a period is its circular autocorrelation between the least one and that of lag 0, and an outlier's score grows
 * from the 10th or 90th percentile in units of the distance between the two.
 */
import { TocsinError } from '../../base/errors.ts';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { define, type ScalarFunction } from './function.ts';
import { compareValues, numberOf, unwrap } from './scalars.ts';

function isNumber(value: Dynamic): value is bigint | number {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The numbers of an array with NaN in place of anything else; undefined where the value is no array. */
function numbersOf(value: Value | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.map((item) => (isNumber(item) ? Number(item) : typeof item === 'boolean' ? (item ? 1 : 0) : NaN));
}

/** As {@link numbersOf}, where every element must be a number. */
function wholeSeries(value: Value | undefined): number[] | undefined {
  const numbers = numbersOf(value);
  return numbers && numbers.length > 0 && !numbers.some(Number.isNaN) ? numbers : undefined;
}

function sum(values: readonly number[]): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Between the two nearest ranks, linearly. */
function percentile(sorted: readonly number[], share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below]!;
  return low + (position - below) * ((sorted[below + 1] ?? low) - low);
}

/** Sum of squared distances from the mean, over one less than their number. */
function variance(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const center = mean(values);
  return sum(values.map((value) => (value - center) ** 2)) / (values.length - 1);
}

interface Line {
  readonly slope: number;
  /** The value one step before the first point: Kusto counts x from 1. */
  readonly interception: number;
}

/** Least squares over x = 1, 2, 3 ... */
function fitLine(y: readonly number[]): Line {
  const n = y.length;
  const centerX = (n + 1) / 2;
  const centerY = mean(y);
  let xy = 0;
  let xx = 0;
  for (let i = 0; i < n; i++) {
    xy += (i + 1 - centerX) * (y[i]! - centerY);
    xx += (i + 1 - centerX) ** 2;
  }
  const slope = n < 2 ? 0 : xy / xx;
  return { slope, interception: centerY - slope * centerX };
}

interface Fit extends Line {
  readonly rsquare: number;
  readonly variance: number;
  readonly rvariance: number;
  readonly fit: number[];
}

function fitOf(y: readonly number[]): Fit {
  const line = fitLine(y);
  const fit = y.map((_, i) => line.interception + line.slope * (i + 1));
  const all = variance(y);
  const rest = variance(y.map((value, i) => value - fit[i]!));
  return { ...line, rsquare: all === 0 ? 0 : 1 - rest / all, variance: all, rvariance: rest, fit };
}

/** The squared errors of the best line through `y[from]` to `y[to - 1]`, from running sums of y, y² and i·y. */
function lineError(sums: readonly Float64Array[], from: number, to: number): number {
  const [ys, yys, iys] = sums as [Float64Array, Float64Array, Float64Array];
  const n = to - from;
  const y = ys[to]! - ys[from]!;
  const yy = yys[to]! - yys[from]!;
  const xy = iys[to]! - iys[from]! - from * y;
  const centerX = (n - 1) / 2;
  const sxy = xy - centerX * y;
  const sxx = (n * (n * n - 1)) / 12;
  return Math.max(0, yy - (y * y) / n - (sxx > 0 ? (sxy * sxy) / sxx : 0));
}

/** Two lines whose joint error is least: the second starts at `split`. */
function fitTwoLines(
  y: readonly number[],
): { readonly split: number; readonly left: Fit; readonly right: Fit } | undefined {
  const sums = [0, 1, 2].map(() => new Float64Array(y.length + 1));
  // Around the mean, so that the running sums stay small.
  const center = mean(y);
  y.forEach((value, i) => {
    const v = value - center;
    sums[0]![i + 1] = sums[0]![i]! + v;
    sums[1]![i + 1] = sums[1]![i]! + v * v;
    sums[2]![i + 1] = sums[2]![i]! + i * v;
  });
  let best = -1;
  let least = Infinity;
  for (let split = 2; split <= y.length - 2; split++) {
    const error = lineError(sums, 0, split) + lineError(sums, split, y.length);
    if (error < least) {
      least = error;
      best = split;
    }
  }
  return best < 0 ? undefined : { split: best, left: fitOf(y.slice(0, best)), right: fitOf(y.slice(best)) };
}

/** Lags shorter than this are no periods. */
const SHORTEST_PERIOD = 4;
const DEFAULT_SEASONALITY_THRESHOLD = 0.6;

/** Longer series would keep a worker busy for seconds each: the work grows with the square of the length. */
const LONGEST_SERIES = 20_000;

function checkLength(y: readonly number[], what: string): void {
  if (y.length <= LONGEST_SERIES) return;
  throw new TocsinError(
    'UNSUPPORTED',
    `${what} of a series of ${y.length} points is not supported, at most ${LONGEST_SERIES}`,
  );
}

/** For each lag up to half the length: 1 for the autocorrelation of lag 0, 0 for the least of all lags. */
function periodScores(y: readonly number[]): number[] {
  checkLength(y, 'finding the periods');
  const n = y.length;
  const center = mean(y);
  const z = y.map((value) => value - center);
  const circular = (lag: number): number => {
    let total = 0;
    for (let i = 0; i < n; i++) total += z[i]! * z[(i + lag) % n]!;
    return total;
  };
  // Lag k and lag n - k agree.
  const values = Array.from({ length: (n >> 1) + 1 }, (_, lag) => circular(lag));
  let least = Infinity;
  for (const value of values) if (value < least) least = value;
  const range = values[0]! - least;
  return values.map((value) => (range > 0 ? (value - least) / range : 0));
}

/** Whether no lag within half the period scores higher. */
function isPeak(scores: readonly number[], period: number): boolean {
  const reach = period >> 1;
  for (let lag = Math.max(1, period - reach); lag <= Math.min(scores.length - 1, period + reach); lag++) {
    if (scores[lag]! > scores[period]!) return false;
  }
  return true;
}

/** How much better a multiple of a period must score to be taken for the period itself. */
const MULTIPLE_MARGIN = 0.01;

/** Periods between the bounds with their scores, best first; multiples of a listed one are not listed. */
function detectPeriods(y: readonly number[], least: number, most: number): { period: number; score: number }[] {
  const scores = periodScores(y);
  const peaks: { period: number; score: number }[] = [];
  for (let period = SHORTEST_PERIOD; period * 2 < y.length; period++) {
    if (period < least || period > most) continue;
    if (isPeak(scores, period) && scores[period]! > 0) peaks.push({ period, score: scores[period]! });
  }
  peaks.sort((a, b) => b.score - a.score || a.period - b.period);
  const chosen: { period: number; score: number }[] = [];
  for (const peak of peaks) {
    const root = peaks.find(
      (other) =>
        other.period < peak.period && peak.period % other.period === 0 && other.score >= peak.score - MULTIPLE_MARGIN,
    );
    const one = root ?? peak;
    if (!chosen.some((known) => one.period % known.period === 0 || known.period % one.period === 0)) chosen.push(one);
  }
  return chosen;
}

/** The value of every point's phase: the median of the points that lie whole periods apart. */
function seasonOf(y: readonly number[], period: number, train: number): number[] {
  const phases = Array.from({ length: Math.min(period, y.length) }, (_, phase) => {
    const points: number[] = [];
    for (let i = phase; i < train; i += period) points.push(y[i]!);
    return points.length > 0 ? median(points) : 0;
  });
  return y.map((_, i) => phases[i % period]!);
}

interface Decomposition {
  readonly baseline: number[];
  readonly seasonal: number[];
  readonly trend: number[];
  readonly residual: number[];
}

interface DecompositionOptions {
  readonly seasonality: number;
  readonly trend: string;
  readonly testPoints: number;
  readonly threshold: number;
}

function decompose(name: string, y: readonly number[], options: DecompositionOptions): Decomposition {
  const train = Math.max(1, y.length - Math.max(0, options.testPoints));
  const learned = y.slice(0, train);
  let period = options.seasonality;
  if (period < 0) {
    const [best] = detectPeriods(learned, SHORTEST_PERIOD, learned.length);
    period = best && best.score >= options.threshold ? best.period : 0;
  }
  const seasonal = period > 0 ? seasonOf(y, period, train) : y.map(() => 0);
  const rest = learned.map((value, i) => value - seasonal[i]!);
  let trend: number[];
  switch (options.trend) {
    case 'avg': {
      const center = mean(rest);
      trend = y.map(() => center);
      break;
    }
    case 'linefit': {
      const line = fitLine(rest);
      trend = y.map((_, i) => line.interception + line.slope * (i + 1));
      break;
    }
    case 'none':
      trend = y.map(() => 0);
      break;
    default:
      throw new TocsinError('QUERY', `${name}: the trend is 'avg', 'linefit' or 'none', not '${options.trend}'`);
  }
  const baseline = y.map((_, i) => seasonal[i]! + trend[i]!);
  return { baseline, seasonal, trend, residual: y.map((value, i) => value - baseline[i]!) };
}

/** Scores of the custom Tukey test count from the 10th and the 90th percentile, in this many steps for their distance. */
const CUSTOM_TUKEY_SCALE = 2.772_605_605_507_915;

function outlierScores(values: readonly number[], train: number): number[] {
  const sorted = values.slice(0, train).sort((a, b) => a - b);
  const low = percentile(sorted, 0.1);
  const high = percentile(sorted, 0.9);
  const unit = (high - low) / CUSTOM_TUKEY_SCALE;
  return values.map((value) => (value > high ? (value - high) / unit : value < low ? (value - low) / unit : 0));
}

function customTukeyOnly(name: string, method: Value | undefined): void {
  if (method === undefined || method === 'ctukey') return;
  throw new TocsinError('UNSUPPORTED', `${name}: only the method 'ctukey' is supported`);
}

function numberArg(value: Value | undefined, fallback: number): number {
  return value === undefined || value === null ? fallback : numberOf(value);
}

/** A function of one series that gives null for what is no series of numbers. */
function ofSeries(name: string, apply: (y: number[], args: readonly Value[]) => Value): ScalarFunction {
  return define(name, (args) => {
    const y = wholeSeries(args[0]);
    return y ? apply(y, args) : null;
  });
}

function stats(value: Value | undefined): Dynamic[] | null {
  const numbers = numbersOf(value);
  if (!numbers) return null;
  const present = numbers.filter((number) => !Number.isNaN(number));
  if (present.length === 0) return null;
  let least = -1;
  let most = -1;
  numbers.forEach((number, i) => {
    if (Number.isNaN(number)) return;
    if (least < 0 || number < numbers[least]!) least = i;
    if (most < 0 || number > numbers[most]!) most = i;
  });
  const spread = variance(present);
  return [numbers[least]!, BigInt(least), numbers[most]!, BigInt(most), mean(present), Math.sqrt(spread), spread];
}

const STATS_KEYS = ['min', 'min_idx', 'max', 'max_idx', 'avg', 'stdev', 'variance'];

/** Element by element over two series, or one and a number; the longer one's rest is null. */
function pairwise(name: string, apply: (a: number, b: number) => Dynamic): ScalarFunction {
  return define(name, ([a, b]) => {
    if (!Array.isArray(a) && !Array.isArray(b)) return null;
    const at = (value: Value, i: number): Dynamic => (Array.isArray(value) ? (value[i] ?? null) : value);
    const length = Math.max(Array.isArray(a) ? a.length : 0, Array.isArray(b) ? b.length : 0);
    return Array.from({ length }, (_, i) => {
      const x = at(a!, i);
      const y = at(b!, i);
      return isNumber(x) && isNumber(y) ? apply(Number(x), Number(y)) : null;
    });
  });
}

/** As {@link pairwise}, comparing values of one type. */
function compared(name: string, test: (order: number) => boolean): ScalarFunction {
  return define(name, ([a, b], types) => {
    if (!Array.isArray(a) && !Array.isArray(b)) return null;
    const at = (value: Value, type: ScalarType, i: number): { value: Value; type: ScalarType } =>
      Array.isArray(value) ? unwrap(value[i] ?? null, 'dynamic') : unwrap(value, type);
    const length = Math.max(Array.isArray(a) ? a.length : 0, Array.isArray(b) ? b.length : 0);
    return Array.from({ length }, (_, i) => {
      const x = at(a!, types[0]!, i);
      const y = at(b!, types[1]!, i);
      if (x.value === null || y.value === null) return null;
      return test(compareValues(x.value, x.type, y.value, y.type));
    });
  });
}

/** One function of each number; what is no number stays null. */
function elementwise(name: string, apply: (x: number) => number): ScalarFunction {
  return define(name, ([series]) =>
    Array.isArray(series) ? series.map((item) => (isNumber(item) ? apply(Number(item)) : null)) : null,
  );
}

function isMissing(item: Dynamic, placeholder: Value | undefined): boolean {
  return placeholder === undefined || placeholder === null
    ? item === null
    : item !== null && numberEqual(item, placeholder);
}

function numberEqual(a: Dynamic, b: Value): boolean {
  return isNumber(a) && isNumber(b) ? Number(a) === Number(b) : a === b;
}

function fillForward(series: readonly Dynamic[], placeholder: Value | undefined): Dynamic[] {
  let last: Dynamic | undefined;
  return series.map((item) => {
    if (!isMissing(item, placeholder)) return (last = item);
    return last === undefined ? item : last;
  });
}

function fillLinear(series: Dynamic[], placeholder: Value | undefined, edges: boolean, constant: Dynamic): Dynamic[] {
  const known: number[] = [];
  series.forEach((item, i) => {
    if (isNumber(item) && !isMissing(item, placeholder)) known.push(i);
  });
  if (known.length === 0) return series.map(() => constant);
  return series.map((item, i) => {
    if (!isMissing(item, placeholder)) return item;
    const after = known.findIndex((k) => k > i);
    const right = after < 0 ? undefined : known[after]!;
    const left = after < 0 ? known[known.length - 1]! : after === 0 ? undefined : known[after - 1]!;
    if (left === undefined) return edges ? series[right!]! : item;
    if (right === undefined) return edges ? series[left]! : item;
    const from = Number(series[left] as number);
    return from + ((Number(series[right] as number) - from) * (i - left)) / (right - left);
  });
}

function fir(y: readonly number[], filter: readonly number[], normalize: boolean, center: boolean): Dynamic {
  const total = sum(filter);
  if (normalize && (total === 0 || filter.some((c) => c < 0))) return null;
  const scale = normalize ? total : 1;
  const shift = center ? Math.floor(filter.length / 2) : 0;
  return y.map((_, i) => {
    let value = 0;
    filter.forEach((coefficient, j) => {
      value += coefficient * (y[i + shift - j] ?? 0);
    });
    return value / scale;
  });
}

function iir(y: readonly number[], numerators: readonly number[], denominators: readonly number[]): Dynamic {
  const out: number[] = [];
  for (let i = 0; i < y.length; i++) {
    let value = 0;
    numerators.forEach((b, j) => (value += b * (y[i - j] ?? 0)));
    denominators.forEach((a, j) => {
      if (j > 0) value -= a * (out[i - j] ?? 0);
    });
    out.push(value / denominators[0]!);
  }
  return out;
}

function pearson(a: readonly number[], b: readonly number[]): number | null {
  if (a.length !== b.length || a.length === 0) return null;
  const centerA = mean(a);
  const centerB = mean(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - centerA) * (b[i]! - centerB);
    aa += (a[i]! - centerA) ** 2;
    bb += (b[i]! - centerB) ** 2;
  }
  return ab / (Math.sqrt(aa) * Math.sqrt(bb));
}

function dot(a: readonly number[], b: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) total += a[i]! * b[i]!;
  return total;
}

function ofTwo(name: string, apply: (a: number[], b: number[]) => Value): ScalarFunction {
  return define(name, ([first, second]) => {
    const a = wholeSeries(first);
    const b = wholeSeries(second);
    return a && b ? apply(a, b) : null;
  });
}

function fitBag(fit: Fit): Map<string, Dynamic> {
  return new Map<string, Dynamic>([
    ['rsquare', fit.rsquare],
    ['slope', fit.slope],
    ['variance', fit.variance],
    ['rvariance', fit.rvariance],
    ['interception', fit.interception],
  ]);
}

function optionsOf(args: readonly Value[], from: number): DecompositionOptions {
  return {
    seasonality: numberArg(args[from], -1),
    trend: (args[from + 1] as string | undefined) ?? 'avg',
    testPoints: numberArg(args[from + 2], 0),
    threshold: DEFAULT_SEASONALITY_THRESHOLD,
  };
}

function twoLines(y: number[]):
  | {
      readonly all: Fit;
      readonly found: NonNullable<ReturnType<typeof fitTwoLines>>;
      readonly line: number[];
      readonly rvariance: number;
    }
  | undefined {
  const found = fitTwoLines(y);
  if (!found) return undefined;
  const line = [...found.left.fit, ...found.right.fit];
  return { all: fitOf(y), found, line, rvariance: variance(y.map((value, i) => value - line[i]!)) };
}

export const SERIES_FUNCTIONS: readonly ScalarFunction[] = [
  define('series_sum', ([series]) => {
    const numbers = numbersOf(series)?.filter((number) => !Number.isNaN(number));
    return numbers && numbers.length > 0 ? sum(numbers) : null;
  }),
  define('series_product', ([series]) => {
    const numbers = numbersOf(series)?.filter((number) => !Number.isNaN(number));
    return numbers && numbers.length > 0 ? numbers.reduce((product, number) => product * number, 1) : null;
  }),
  ofSeries('series_magnitude', (y) => Math.sqrt(dot(y, y))),
  ofTwo('series_dot_product', dot),
  ofTwo('series_pearson_correlation', pearson),
  ofTwo('series_cosine_similarity', (a, b) => dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)))),
  pairwise('series_add', (a, b) => a + b),
  pairwise('series_subtract', (a, b) => a - b),
  pairwise('series_multiply', (a, b) => a * b),
  pairwise('series_divide', (a, b) => a / b),
  pairwise('series_pow', (a, b) => a ** b),
  compared('series_equals', (order) => order === 0),
  compared('series_not_equals', (order) => order !== 0),
  compared('series_less', (order) => order < 0),
  compared('series_less_equals', (order) => order <= 0),
  compared('series_greater', (order) => order > 0),
  compared('series_greater_equals', (order) => order >= 0),
  elementwise('series_abs', Math.abs),
  elementwise('series_acos', Math.acos),
  elementwise('series_asin', Math.asin),
  elementwise('series_atan', Math.atan),
  elementwise('series_ceiling', Math.ceil),
  elementwise('series_cos', Math.cos),
  elementwise('series_exp', Math.exp),
  elementwise('series_floor', Math.floor),
  elementwise('series_log', Math.log),
  elementwise('series_sign', Math.sign),
  elementwise('series_sin', Math.sin),
  elementwise('series_tan', Math.tan),
  define('series_fill_const', ([series, constant, placeholder], types) =>
    Array.isArray(series)
      ? series.map((item) => (isMissing(item, placeholder) ? unwrap(constant!, types[1]!).value : item))
      : null,
  ),
  define('series_fill_forward', ([series, placeholder]) =>
    Array.isArray(series) ? fillForward(series, placeholder) : null,
  ),
  define('series_fill_backward', ([series, placeholder]) =>
    Array.isArray(series) ? fillForward(series.toReversed(), placeholder).reverse() : null,
  ),
  define('series_fill_linear', ([series, placeholder, edges, constant]) =>
    Array.isArray(series) ? fillLinear(series, placeholder, edges !== false, constant ?? null) : null,
  ),
  define('series_stats', ([series]) => stats(series)),
  define('series_stats_dynamic', ([series]) => {
    const found = stats(series);
    const numbers = numbersOf(series);
    if (!found || !numbers) return null;
    const bag = new Map<string, Dynamic>(STATS_KEYS.map((key, i) => [key, found[i]!]));
    bag.set('sum', sum(numbers.filter((number) => !Number.isNaN(number))));
    bag.set('len', BigInt(numbers.length));
    return bag;
  }),
  ofSeries('series_fit_line', (y) => {
    const { rsquare, slope, variance: all, rvariance, interception, fit } = fitOf(y);
    return [rsquare, slope, all, rvariance, interception, fit];
  }),
  ofSeries('series_fit_line_dynamic', (y) => {
    const fit = fitOf(y);
    return fitBag(fit).set('line_fit', fit.fit);
  }),
  ofSeries('series_fit_2lines', (y) => {
    const two = twoLines(y);
    if (!two) return null;
    const { left, right, split } = two.found;
    const part = (fit: Fit): Dynamic[] => [fit.rsquare, fit.slope, fit.interception, fit.variance, fit.rvariance];
    const { variance: all } = two.all;
    return [
      all === 0 ? 0 : 1 - two.rvariance / all,
      BigInt(split),
      all,
      two.rvariance,
      two.line,
      ...part(right),
      ...part(left),
    ];
  }),
  ofSeries('series_fit_2lines_dynamic', (y) => {
    const two = twoLines(y);
    if (!two) return null;
    const { variance: all } = two.all;
    return new Map<string, Dynamic>([
      ['rsquare', all === 0 ? 0 : 1 - two.rvariance / all],
      ['split_idx', BigInt(two.found.split)],
      ['variance', all],
      ['rvariance', two.rvariance],
      ['line_fit', two.line],
      ['right', fitBag(two.found.right)],
      ['left', fitBag(two.found.left)],
    ]);
  }),
  ofSeries('series_outliers', (y, args) => {
    customTukeyOnly('series_outliers', args[1]);
    return outlierScores(y, y.length);
  }),
  ofSeries('series_seasonal', (y, args) => {
    let period = numberArg(args[1], -1);
    if (period < 0) {
      const [best] = detectPeriods(y, SHORTEST_PERIOD, y.length);
      period = best && best.score >= DEFAULT_SEASONALITY_THRESHOLD ? best.period : 0;
    }
    return period > 0 ? seasonOf(y, period, y.length) : y.map(() => 0);
  }),
  ofSeries('series_periods_detect', (y, args) => {
    const wanted = numberArg(args[3], 1);
    const found = detectPeriods(y, numberArg(args[1], 0), numberArg(args[2], y.length)).slice(0, wanted);
    const fill = <T>(values: T[], zero: T): T[] => [
      ...values,
      ...new Array<T>(Math.max(0, wanted - values.length)).fill(zero),
    ];
    return [
      fill(
        found.map(({ period }) => period),
        0,
      ),
      fill(
        found.map(({ score }) => score),
        0,
      ),
    ];
  }),
  ofSeries('series_periods_validate', (y, args) => {
    const scores = periodScores(y);
    const periods = args.slice(1).map((period) => numberOf(period));
    return [
      periods,
      periods.map((period) =>
        Number.isInteger(period) && period >= SHORTEST_PERIOD && period < scores.length && isPeak(scores, period)
          ? scores[period]!
          : 0,
      ),
    ];
  }),
  ofSeries('series_decompose', (y, args) => {
    const options = { ...optionsOf(args, 1), threshold: numberArg(args[4], DEFAULT_SEASONALITY_THRESHOLD) };
    const { baseline, seasonal, trend, residual } = decompose('series_decompose', y, options);
    return [baseline, seasonal, trend, residual];
  }),
  ofSeries('series_decompose_forecast', (y, args) => {
    const options: DecompositionOptions = {
      seasonality: numberArg(args[2], -1),
      trend: (args[3] as string | undefined) ?? 'linefit',
      testPoints: numberArg(args[1], 0),
      threshold: numberArg(args[4], DEFAULT_SEASONALITY_THRESHOLD),
    };
    return decompose('series_decompose_forecast', y, options).baseline;
  }),
  ofSeries('series_decompose_anomalies', (y, args) => {
    customTukeyOnly('series_decompose_anomalies', args[5]);
    const threshold = numberArg(args[1], 1.5);
    const options = { ...optionsOf(args, 2), threshold: numberArg(args[6], DEFAULT_SEASONALITY_THRESHOLD) };
    const { baseline, residual } = decompose('series_decompose_anomalies', y, options);
    const scores = outlierScores(residual, Math.max(1, y.length - Math.max(0, options.testPoints)));
    const flags = scores.map((score) => (score > threshold ? 1n : score < -threshold ? -1n : 0n));
    return [flags, scores, baseline];
  }),
  define('series_fir', ([series, filter, normalize, center]) => {
    const y = wholeSeries(series);
    const coefficients = wholeSeries(filter);
    if (!y || !coefficients) return null;
    return fir(y, coefficients, normalize !== false, center === true);
  }),
  define('series_iir', ([series, numerators, denominators]) => {
    const y = wholeSeries(series);
    const b = wholeSeries(numerators);
    const a = wholeSeries(denominators);
    return y && b && a && a[0] !== 0 ? iir(y, b, a) : null;
  }),
];
