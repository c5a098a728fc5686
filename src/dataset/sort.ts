/** Sorting rows by time, as row numbers. */

/** Buckets of more rows than this are not sorted by insertion. */
const MAX_INSERTION = 48;
const MAX_BUCKETS = 1 << 20;

/**
 * Row numbers in stable order of `times`. NaN, which is null, comes first.
 *
 * Rows are dealt into about as many slices of time as there are rows, which leaves few in each to be put in order. Events
 * crowd less than that needs only in tests; a slice that holds many all the same is sorted by comparison.
 */
export function argsortTimes(times: Float64Array): Uint32Array {
  const length = times.length;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let isSorted = true;
  let previous = Number.NEGATIVE_INFINITY;
  let nulls = 0;
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    if (Number.isNaN(time)) {
      nulls++;
      if (previous !== Number.NEGATIVE_INFINITY) isSorted = false;
      continue;
    }
    if (time < previous) isSorted = false;
    previous = time;
    if (time < min) min = time;
    if (time > max) max = time;
  }
  const order = new Uint32Array(length);
  if (isSorted) {
    for (let row = 0; row < length; row++) order[row] = row;
    return order;
  }

  // The product rises with the time, rounded or not, so slices are in order of time; what is exact is compared below.
  const bucketCount = Math.min(MAX_BUCKETS, length);
  const scale = max > min ? (bucketCount - 1) / (max - min) : 0;
  const buckets = new Uint32Array(length);
  const ends = new Uint32Array(bucketCount + 1);
  for (let row = 0; row < length; row++) {
    const time = times[row]!;
    // Slice 0 is for nulls.
    const bucket = time === time ? Math.min(bucketCount, 1 + Math.floor((time - min) * scale)) : 0;
    buckets[row] = bucket;
    ends[bucket]!++;
  }
  let start = 0;
  for (let bucket = 0; bucket <= bucketCount; bucket++) {
    const count = ends[bucket]!;
    ends[bucket] = start;
    start += count;
  }
  for (let row = 0; row < length; row++) order[ends[buckets[row]!]!++] = row;
  for (let bucket = 1; bucket <= bucketCount; bucket++) sortSlice(order, times, ends[bucket - 1]!, ends[bucket]!);
  return order;
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
