/** Sorting rows by time, as row numbers. */

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
const PASSES = 2;
/** What times span is cut into so many slices, for a week of some 0.1 s each. */
const SLICES = DIGITS ** PASSES;
/** Rows of one slice beyond this many are sorted by comparison. */
const MAX_INSERTION = 48;

/** Row numbers in stable order of `times`. NaN, which is null, comes first. */
export function argsortTimes(times: Float64Array): Uint32Array {
  return timeOrder(times) ?? identity(times.length);
}

function identity(length: number): Uint32Array {
  const order = new Uint32Array(length);
  for (let row = 0; row < length; row++) order[row] = row;
  return order;
}

/**
 * As {@link argsortTimes}, but undefined where the rows are in order already.
 *
 * A radix sort of times cut into 2^22 slices of what they span; the few rows that share a slice are then put in order of
 * their exact times.
 */
export function timeOrder(times: Float64Array): Uint32Array | undefined {
  const { length } = times;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nulls = 0;
  let isSorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    if (time !== time) {
      nulls++;
      if (previous !== Number.NEGATIVE_INFINITY) isSorted = false;
      continue;
    }
    if (time < previous) isSorted = false;
    previous = time;
    if (time < min) min = time;
    if (time > max) max = time;
  }
  if (isSorted) return undefined;

  // The product rises with the time, rounded or not, so slices are in order of time. Slice 0 is for nulls. A slice and its
  // row stand side by side, so that dealing one out touches one line of the cache.
  const scale = max > min ? (SLICES - 2) / (max - min) : 0;
  const counts = new Uint32Array(PASSES * DIGITS);
  let [pairs, dealt] = scratchFor(2 * length);
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    const slice = time === time ? 1 + Math.floor((time - min) * scale) : 0;
    pairs[2 * row] = slice;
    pairs[2 * row + 1] = row;
    counts[slice & (DIGITS - 1)]!++;
    counts[DIGITS + (slice >>> DIGIT_BITS)]!++;
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const shift = pass * DIGIT_BITS;
    const ends = counts.subarray(pass * DIGITS, (pass + 1) * DIGITS);
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = ends[digit]!;
      ends[digit] = start;
      start += count;
    }
    for (let i = 0; i < 2 * length; i += 2) {
      const slice = pairs[i]!;
      const to = 2 * ends[(slice >>> shift) & (DIGITS - 1)]!++;
      dealt[to] = slice;
      dealt[to + 1] = pairs[i + 1]!;
    }
    [pairs, dealt] = [dealt, pairs];
  }
  const order = new Uint32Array(length);
  for (let i = 0; i < length; i++) order[i] = pairs[2 * i + 1]!;
  for (let start = nulls; start < length; ) {
    const slice = pairs[2 * start]!;
    let end = start + 1;
    while (end < length && pairs[2 * end] === slice) end++;
    if (end - start > 1) sortSlice(order, times, start, end);
    start = end;
  }
  return order;
}

/** Kept between calls, for fresh memory costs more than sorting in it; but not what a whole dataset needs once. */
let scratch: readonly [Uint32Array, Uint32Array] = [new Uint32Array(0), new Uint32Array(0)];
const KEPT_SCRATCH = 1 << 22;

function scratchFor(length: number): readonly [Uint32Array, Uint32Array] {
  if (length <= scratch[0].length) return scratch;
  const made = [new Uint32Array(length), new Uint32Array(length)] as const;
  if (length <= KEPT_SCRATCH) scratch = made;
  return made;
}

/** Puts the row numbers from `start` to `end` in stable order of their times. */
function sortSlice(order: Uint32Array, times: Float64Array, start: number, end: number): void {
  if (end - start > MAX_INSERTION) {
    let isSorted = true;
    for (let i = start + 1; i < end && isSorted; i++) isSorted = times[order[i - 1]!]! <= times[order[i]!]!;
    if (!isSorted) order.subarray(start, end).sort((a, b) => times[a]! - times[b]! || a - b);
    return;
  }
  for (let i = start + 1; i < end; i++) {
    const row = order[i]!;
    const time = times[row]!;
    let at = i;
    for (; at > start && times[order[at - 1]!]! > time; at--) order[at] = order[at - 1]!;
    order[at] = row;
  }
}
