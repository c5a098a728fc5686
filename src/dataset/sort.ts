/** Stable sorting of rows by time, as row numbers: a radix sort over the ticks above the earliest. */

const DIGIT_BITS = 11;
const BUCKETS = 1 << DIGIT_BITS;
const HALF = 0x1_0000_0000;

/**
 * Row numbers in stable order of `times` (whole ticks). NaN, which is null, comes first.
 */
export function argsortTimes(times: Float64Array): Uint32Array {
  const length = times.length;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let sorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  let nulls = 0;
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    if (Number.isNaN(time)) {
      nulls++;
      if (previous !== Number.NEGATIVE_INFINITY) sorted = false;
      continue;
    }
    if (time < previous) sorted = false;
    previous = time;
    if (time < min) min = time;
    if (time > max) max = time;
  }
  let order = new Uint32Array(length);
  if (sorted) {
    for (let row = 0; row < length; row++) order[row] = row;
    return order;
  }
  // Two halves of 32 bits each, since the span may be wider than a double is exact. A high half of 0 is null.
  const low = new Uint32Array(length);
  const high = new Uint32Array(length);
  const base = nulls === length ? 0 : Math.floor(min / HALF) - 1;
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    if (Number.isNaN(time)) continue;
    const half = Math.floor(time / HALF);
    high[row] = half - base;
    low[row] = time - half * HALF;
  }
  for (let row = 0; row < length; row++) order[row] = row;
  let spare = new Uint32Array(length);
  const counts = new Uint32Array(BUCKETS);
  const bits = 32 + (nulls === length ? 0 : Math.floor(Math.log2(Math.floor(max / HALF) - base)) + 1);
  for (let shift = 0; shift < bits; shift += DIGIT_BITS) {
    counts.fill(0);
    for (let row = 0; row < length; row++) counts[digit(low[row]!, high[row]!, shift)]!++;
    let start = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = counts[bucket]!;
      counts[bucket] = start;
      start += count;
    }
    for (let i = 0; i < length; i++) {
      const row = order[i]!;
      spare[counts[digit(low[row]!, high[row]!, shift)]!++] = row;
    }
    [order, spare] = [spare, order];
  }
  return order;
}

function digit(low: number, high: number, shift: number): number {
  if (shift >= 32) return (high >>> (shift - 32)) & (BUCKETS - 1);
  // A digit may straddle the two halves.
  const fromLow = low >>> shift;
  return (shift > 32 - DIGIT_BITS ? fromLow | (high << (32 - shift)) : fromLow) & (BUCKETS - 1);
}

/** The first row in [`start`, `end`) whose time is later than `time`; `end` where there is none. Times are ascending. */
export function firstAfter(times: Float64Array, time: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle]! > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
