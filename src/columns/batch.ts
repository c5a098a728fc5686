/**
 * A block of rows over shared columns. A selection of rows copies nothing until a column of it is asked for: `select`
 * composes row numbers, and each column is gathered on first use, so columns that nobody reads cost nothing.
 */
import { takeWords } from '../base/arena.ts';
import { type Column, gatherColumn, sliceColumn } from './column.ts';
import type { ScalarType } from './value.ts';

export interface ColumnInfo {
  readonly name: string;
  readonly type: ScalarType;
}

/**
 * Which labelled events stand behind each row: `codes[row]` indexes `sets`, each a sorted list of event ids.
 * Code 0 is the empty set, and nearly every row has it.
 */
export interface Lineage {
  readonly codes: Uint32Array;
  readonly sets: readonly (readonly string[])[];
}

export class Batch {
  readonly schema: readonly ColumnInfo[];
  readonly rowCount: number;
  readonly #columns: (Column | (() => Column))[];
  /** Where the rows are picked from, and which they are: picking among them again goes back to there. */
  #source: { readonly batch: Batch; readonly rows: Uint32Array } | undefined;
  #lineage: Lineage | (() => Lineage) | undefined;

  /**
   * @param columns - a column for each schema entry, or a function that makes it when first asked for.
   * @param lineage - where some rows are labelled, or a function that makes it.
   */
  constructor(
    schema: readonly ColumnInfo[],
    rowCount: number,
    columns: readonly (Column | (() => Column))[],
    lineage?: Lineage | (() => Lineage),
  ) {
    this.schema = schema;
    this.rowCount = rowCount;
    this.#columns = [...columns];
    this.#lineage = lineage;
  }

  /** Undefined where no row is labelled; made when first asked for. */
  get lineage(): Lineage | undefined {
    if (typeof this.#lineage === 'function') this.#lineage = this.#lineage();
    return this.#lineage;
  }

  /** The column at `index` of the schema. */
  column(index: number): Column {
    const column = this.#columns[index]!;
    if (typeof column !== 'function') return column;
    return (this.#columns[index] = column());
  }

  columns(): Column[] {
    return this.schema.map((_, index) => this.column(index));
  }

  /** The same rows with other columns. */
  with(schema: readonly ColumnInfo[], columns: readonly (Column | (() => Column))[]): Batch {
    return new Batch(schema, this.rowCount, columns, this.#lineage && (() => this.lineage!));
  }

  /** The rows named by `rows`, in that order. */
  select(rows: Uint32Array): Batch {
    const source = this.#source;
    let behind: Uint32Array | undefined;
    // Each column is gathered once, from where it lies whole, however often rows were picked.
    const rowsBehind = (): Uint32Array => (behind ??= composed(source!.rows, rows));
    const selected = new Batch(
      this.schema,
      rows.length,
      this.schema.map((_, index) => () => {
        const made = this.#columns[index]!;
        if (!source || typeof made !== 'function') return gatherColumn(this.column(index), rows);
        return gatherColumn(source.batch.column(index), rowsBehind());
      }),
      this.#lineage &&
        (() =>
          source && typeof this.#lineage === 'function'
            ? selectLineage(source.batch.lineage!, rowsBehind())
            : selectLineage(this.lineage!, rows)),
    );
    selected.#source = source
      ? {
          batch: source.batch,
          get rows() {
            return rowsBehind();
          },
        }
      : { batch: this, rows };
    return selected;
  }

  /** The rows from `start` (inclusive) to `end` (exclusive), without copying. */
  slice(start: number, end: number): Batch {
    if (start === 0 && end === this.rowCount) return this;
    return new Batch(
      this.schema,
      end - start,
      this.schema.map((_, index) => () => sliceColumn(this.column(index), start, end)),
      this.#lineage && (() => ({ sets: this.lineage!.sets, codes: this.lineage!.codes.subarray(start, end) })),
    );
  }

  /** The same rows under another schema: `indexes[i]` names the column of this batch that becomes column `i`. */
  pick(schema: readonly ColumnInfo[], indexes: readonly number[]): Batch {
    return new Batch(
      schema,
      this.rowCount,
      indexes.map((index) => () => this.column(index)),
      this.#lineage && (() => this.lineage!),
    );
  }
}

function composed(outer: Uint32Array, inner: Uint32Array): Uint32Array {
  const rows = takeWords(inner.length);
  for (let i = 0; i < rows.length; i++) rows[i] = outer[inner[i]!]!;
  return rows;
}

function selectLineage(lineage: Lineage, rows: Uint32Array): Lineage {
  const codes = takeWords(rows.length);
  for (let i = 0; i < rows.length; i++) codes[i] = lineage.codes[rows[i]!]!;
  return { codes, sets: lineage.sets };
}
