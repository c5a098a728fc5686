/**
 * One digest of a rule's result rows that every engine can work out, whatever the order in which it returns them: how many
 * rows there are, and the sums of the two halves of an MD5 over each. A row is the text
 * `run|cell|cell...`: times and timespans as ticks (times since 2020), strings as they are.
 *
 * MD5 because DuckDB and ClickHouse have it, not because anybody attacks it.
 */
import { createHash } from 'node:crypto';
import { COLUMN_EPOCH_TICKS } from '../src/base/time.ts';
import { type Column, valueAt } from '../src/columns/column.ts';
import { stringifyDynamic } from '../src/columns/dynamic.ts';
import type { ScalarType, Value } from '../src/columns/value.ts';
import type { ReplayResult } from '../src/replay/result.ts';
import type { ResultTable } from '../src/replay/result-table.ts';

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
function cellText(type: ScalarType, value: Value): string {
  if (value === null) return '';
  if (type === 'datetime') return String((value as bigint) - COLUMN_EPOCH_TICKS);
  if (type === 'dynamic') return stringifyDynamic(value);
  return String(value as string | number | bigint | boolean);
}

/**
 * Adds up result rows.
 *
 * @param names - the columns that count, in their order in the digest.
 */
export function digestRows({ columns, batch, starts, runs }: ResultTable, names: readonly string[]): RowDigest {
  const texts = names.map((name) => {
    const index = columns.findIndex((column) => column.name === name);
    if (index < 0) throw new Error(`the result has no column ${name}`);
    return textsOf(batch.column(index));
  });
  const digest = new RowDigest();
  for (let run = 0; run < runs.length; run++) {
    for (let row = starts[run]!; row < starts[run + 1]!; row++) {
      let text = String(run);
      for (const textOf of texts) text += `|${textOf(row)}`;
      digest.add(text);
    }
  }
  return digest;
}

/** The same of a replay whose rows are no columns any more. */
export function digestReplay(
  { columns, rows }: Pick<ReplayResult, 'columns' | 'rows'>,
  names: readonly string[],
): RowDigest {
  const picked = names.map((name) => {
    const index = columns.findIndex((column) => column.name === name);
    if (index < 0) throw new Error(`the result has no column ${name}`);
    return { index, type: columns[index]!.type };
  });
  const digest = new RowDigest();
  for (const { run, cells } of rows) {
    digest.add([run, ...picked.map(({ index, type }) => cellText(type, cells[index]!))].join('|'));
  }
  return digest;
}

/** The texts of a column's cells, made once for each dictionary entry. */
function textsOf(column: Column): (row: number) => string {
  if (column.kind !== 'coded') return (row) => cellText(column.type, valueAt(column, row));
  const { codes, dictionary, type } = column;
  const known: string[] = [];
  return (row) => (known[codes[row]!] ??= cellText(type, dictionary.value(codes[row]!)));
}
