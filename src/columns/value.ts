/**
 * Scalar types and single values as Kusto knows them. Hot loops never see these boxed values; they serve
 * constants, dictionary entries, row-at-a-time functions and output.
 */

export type ScalarType =
  | 'bool'
  | 'int'
  | 'long'
  | 'real'
  | 'decimal'
  | 'datetime'
  | 'timespan'
  | 'string'
  | 'guid'
  | 'dynamic';

export const SCALAR_TYPES: readonly ScalarType[] = [
  'bool',
  'int',
  'long',
  'real',
  'decimal',
  'datetime',
  'timespan',
  'string',
  'guid',
  'dynamic',
];

/** A `datetime` inside a `dynamic` value; ticks since 0001-01-01. */
export class DynamicDatetime {
  readonly ticks: bigint;
  constructor(ticks: bigint) {
    this.ticks = ticks;
  }
}

/** A `timespan` inside a `dynamic` value. */
export class DynamicTimespan {
  readonly ticks: bigint;
  constructor(ticks: bigint) {
    this.ticks = ticks;
  }
}

/**
 * A `dynamic` value. Whole JSON numbers are bigint (Kusto `long`), others number (Kusto `real`), so that `1` and `1.0`
 * stay apart; property bags are Maps, which keep the order of keys such as "10" and "9".
 */
export type Dynamic =
  | null
  | boolean
  | bigint
  | number
  | string
  | DynamicDatetime
  | DynamicTimespan
  | Dynamic[]
  | Map<string, Dynamic>;

/**
 * One scalar: bool as boolean; int and long as bigint; real as number; decimal, string and guid as string;
 * datetime (ticks since 0001-01-01) and timespan (ticks) as bigint; dynamic as {@link Dynamic}; null as null.
 * A string is never null: Kusto's null string is the empty one.
 */
export type Value = Dynamic;
