/**
 * One digest of a rule's result rows that every engine can work out, whatever the order in which it returns them: how many
 * rows there are, and the sums of the two halves of an MD5 over each. A row is the text
 * `run|cell|cell...`: times and timespans as ticks (times since 2020), strings as they are.
 *
 * MD5 because DuckDB and ClickHouse have it, not because anybody attacks it.
 */
import { createHash } from 'node:crypto';
import { COLUMN_EPOCH_TICKS } from '../src/base/time.ts';
import type { ColumnInfo } from '../src/columns/batch.ts';
import { stringifyDynamic } from '../src/columns/dynamic.ts';
import type { ScalarType, Value } from '../src/columns/value.ts';

/** What a digest is made of: plain data, which crosses threads. */
export interface DigestParts {
  readonly rows: number;
  readonly upper: bigint;
  readonly lower: bigint;
}

/** Adds rows up in any order. */
export class RowDigest {
  #rows = 0;
  #upper = 0n;
  #lower = 0n;

  add(text: string): void {
    const hash = createHash('md5').update(text).digest();
    this.#rows++;
    this.#upper += hash.readBigUInt64LE(0);
    this.#lower += hash.readBigUInt64LE(8);
  }

  merge({ rows, upper, lower }: DigestParts): void {
    this.#rows += rows;
    this.#upper += upper;
    this.#lower += lower;
  }

  get parts(): DigestParts {
    return { rows: this.#rows, upper: this.#upper, lower: this.#lower };
  }

  /** `rows:upper:lower`, the sums in hexadecimal. */
  toString(): string {
    return digestText(this.#rows, this.#upper, this.#lower);
  }
}

export function digestText(rows: number | bigint, upper: bigint, lower: bigint): string {
  return `${rows}:${upper.toString(16)}:${lower.toString(16)}`;
}

/** A cell as the text that goes into a digest. */
export function cellText(type: ScalarType, value: Value): string {
  if (value === null) return '';
  if (type === 'datetime') return String((value as bigint) - COLUMN_EPOCH_TICKS);
  if (type === 'dynamic') return stringifyDynamic(value);
  return String(value as string | number | bigint | boolean);
}

/**
 * The digest of result rows.
 *
 * @param names - the columns that count, in their order in the digest.
 */
export function digestRows(
  columns: readonly ColumnInfo[],
  rows: Iterable<{ readonly run: number; readonly cells: readonly Value[] }>,
  names: readonly string[],
): string {
  return digestOfRows(columns, rows, names).toString();
}

export function digestOfRows(
  columns: readonly ColumnInfo[],
  rows: Iterable<{ readonly run: number; readonly cells: readonly Value[] }>,
  names: readonly string[],
): RowDigest {
  const picked = names.map((name) => {
    const index = columns.findIndex((column) => column.name === name);
    if (index < 0) throw new Error(`the result has no column ${name}`);
    return { index, type: columns[index]!.type };
  });
  const digest = new RowDigest();
  for (const { run, cells } of rows) {
    let text = String(run);
    for (const { index, type } of picked) text += `|${cellText(type, cells[index]!)}`;
    digest.add(text);
  }
  return digest;
}
