/** Searches by halving in ascending numbers. */

type Numbers = Float64Array | Uint32Array;

/** The first index in [`low`, `high`) whose value is greater than `bound`; `high` where there is none. */
export function firstAfter(values: Numbers, bound: number, low = 0, high = values.length): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first index in [`low`, `high`) whose value is `bound` or greater; `high` where there is none. */
export function firstFrom(values: Numbers, bound: number, low = 0, high = values.length): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[middle]! >= bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** As {@link firstFrom}, in numbers that ascend in the order of the indexes that `order` lists. */
export function firstFromIn(values: Numbers, order: Uint32Array, bound: number, low: number, high: number): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[order[middle]!]! >= bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** As {@link firstAfter}, in numbers that ascend in the order of the indexes that `order` lists. */
export function firstAfterIn(values: Numbers, order: Uint32Array, bound: number, low = 0, high = order.length): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (values[order[middle]!]! > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last value that is not greater than `bound`; undefined where there is none. */
export function lastAtOrBefore(values: Numbers, bound: number): number | undefined {
  return values[firstAfter(values, bound) - 1];
}
