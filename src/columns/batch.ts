/**
 * A block of rows over shared columns. A selection of rows copies nothing until a column of it is asked for: `select`
 * composes row numbers, and each column is gathered on first use, so columns that nobody reads cost nothing.
 */
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
  readonly lineage: Lineage | undefined;
  readonly #columns: (Column | (() => Column))[];

  /** @param columns - a column for each schema entry, or a function that makes it when first asked for. */
  constructor(
    schema: readonly ColumnInfo[],
    rowCount: number,
    columns: readonly (Column | (() => Column))[],
    lineage?: Lineage,
  ) {
    this.schema = schema;
    this.rowCount = rowCount;
    this.#columns = [...columns];
    this.lineage = lineage;
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

  /** The rows named by `rows`, in that order. */
  select(rows: Uint32Array): Batch {
    return new Batch(
      this.schema,
      rows.length,
      this.schema.map((_, index) => () => gatherColumn(this.column(index), rows)),
      this.lineage && selectLineage(this.lineage, rows),
    );
  }

  /** The rows from `start` (inclusive) to `end` (exclusive), without copying. */
  slice(start: number, end: number): Batch {
    if (start === 0 && end === this.rowCount) return this;
    return new Batch(
      this.schema,
      end - start,
      this.schema.map((_, index) => () => sliceColumn(this.column(index), start, end)),
      this.lineage && { sets: this.lineage.sets, codes: this.lineage.codes.subarray(start, end) },
    );
  }

  /** The same rows under another schema: `indexes[i]` names the column of this batch that becomes column `i`. */
  pick(schema: readonly ColumnInfo[], indexes: readonly number[]): Batch {
    return new Batch(
      schema,
      this.rowCount,
      indexes.map((index) => () => this.column(index)),
      this.lineage,
    );
  }
}

function selectLineage(lineage: Lineage, rows: Uint32Array): Lineage {
  const codes = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) codes[i] = lineage.codes[rows[i]!]!;
  return { codes, sets: lineage.sets };
}
