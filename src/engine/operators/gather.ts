/** Picking rows where some picks are no row at all: the unmatched side of an outer join, the maximum of no values. */
import { type Codes, type Column, columnFromValues, columnLength, gatherColumn } from '../../columns/column.ts';
import { Dictionary } from '../../columns/dictionary.ts';
import type { Value } from '../../columns/value.ts';

/** A dictionary and one more entry, the missing value, as its last code. */
class DictionaryWithMissing extends Dictionary {
  readonly #base: Dictionary;

  constructor(base: Dictionary) {
    super(base.type, base.size + 1);
    this.#base = base;
  }

  value(code: number): Value {
    if (code < this.#base.size) return this.#base.value(code);
    return this.type === 'string' ? '' : null;
  }

  text(code: number): string {
    return code < this.#base.size ? this.#base.text(code) : '';
  }
}

const WITH_MISSING = 'engine:with-missing';

function withMissing(dictionary: Dictionary): Dictionary {
  let extended = dictionary.memo.get(WITH_MISSING) as Dictionary | undefined;
  if (!extended) dictionary.memo.set(WITH_MISSING, (extended = new DictionaryWithMissing(dictionary)));
  return extended;
}

/** The rows named by `rows`, in that order; -1 gives a cell without value (null, or the empty string). */
export function gatherOrMissing(column: Column, rows: Int32Array): Column {
  let complete = true;
  for (let i = 0; i < rows.length && complete; i++) complete = rows[i]! >= 0;
  if (complete) return gatherColumn(column, new Uint32Array(rows.buffer, rows.byteOffset, rows.length));
  const { length } = rows;
  switch (column.kind) {
    case 'coded': {
      const { codes } = column;
      const dictionary = withMissing(column.dictionary);
      const missing = dictionary.size - 1;
      const out: Codes =
        missing > 0xffff ? new Uint32Array(length) : missing > 0xff ? new Uint16Array(length) : new Uint8Array(length);
      for (let i = 0; i < length; i++) out[i] = rows[i]! < 0 ? missing : codes[rows[i]!]!;
      return { kind: 'coded', type: column.type, codes: out, dictionary };
    }
    case 'constant': {
      const missing: Value = column.type === 'string' ? '' : null;
      if (column.value === missing || columnLength(column) === 0) return { ...column, value: missing, length };
      return columnFromValues(
        column.type,
        Array.from(rows, (row) => (row < 0 ? missing : column.value)),
      );
    }
    default: {
      const nulls = new Uint8Array(length);
      for (let i = 0; i < length; i++) nulls[i] = rows[i]! < 0 || column.nulls?.[rows[i]!] ? 1 : 0;
      if (column.kind === 'wide') {
        const values = new BigInt64Array(length);
        for (let i = 0; i < length; i++) if (nulls[i] === 0) values[i] = column.values[rows[i]!]!;
        return { ...column, values, nulls };
      }
      if (column.kind === 'bool') {
        const values = new Uint8Array(length);
        for (let i = 0; i < length; i++) if (nulls[i] === 0) values[i] = column.values[rows[i]!]!;
        return { ...column, values, nulls };
      }
      const values = new Float64Array(length);
      for (let i = 0; i < length; i++) if (nulls[i] === 0) values[i] = column.values[rows[i]!]!;
      return { ...column, values, nulls };
    }
  }
}

/** The rows for which `keep` is 1. */
export function rowsWhere(keep: Uint8Array): Uint32Array {
  let count = 0;
  for (let row = 0; row < keep.length; row++) count += keep[row]!;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let row = 0; row < keep.length; row++) if (keep[row] === 1) rows[at++] = row;
  return rows;
}
