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

function identity(length: number): Uint32Array<ArrayBuffer> {
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

  // The product rises with the time, rounded or not, so slices are in order of time. Slice 0 is for nulls.
  const scale = max > min ? (SLICES - 2) / (max - min) : 0;
  const counts = new Uint32Array(PASSES * DIGITS);
  let slices = new Int32Array(length);
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    const slice = time === time ? 1 + Math.floor((time - min) * scale) : 0;
    slices[row] = slice;
    counts[slice & (DIGITS - 1)]!++;
    counts[DIGITS + (slice >>> DIGIT_BITS)]!++;
  }
  let rows = identity(length);
  let toSlices = new Int32Array(length);
  let toRows = new Uint32Array(length);
  for (let pass = 0; pass < PASSES; pass++) {
    const shift = pass * DIGIT_BITS;
    const ends = counts.subarray(pass * DIGITS, (pass + 1) * DIGITS);
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = ends[digit]!;
      ends[digit] = start;
      start += count;
    }
    for (let i = 0; i < length; i++) {
      const slice = slices[i]!;
      const to = ends[(slice >>> shift) & (DIGITS - 1)]!++;
      toSlices[to] = slice;
      toRows[to] = rows[i]!;
    }
    [slices, toSlices] = [toSlices, slices];
    [rows, toRows] = [toRows, rows];
  }
  for (let start = nulls; start < length; ) {
    const slice = slices[start]!;
    let end = start + 1;
    while (end < length && slices[end] === slice) end++;
    if (end - start > 1) sortSlice(rows, times, start, end);
    start = end;
  }
  return rows;
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
