/**
 * Result rows as columns. Making an object of boxed cells for each of half a million rows takes longer than finding them,
 * so a row is a view whose cells are boxed when somebody looks, and the digest is worked out entry by entry of the
 * dictionaries, when somebody asks for it.
 */
import { createHash } from 'node:crypto';
import { formatDatetime } from '../base/time.ts';
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { type Column, valueAt } from '../columns/column.ts';
import type { Value } from '../columns/value.ts';
import { cellJson } from './cells.ts';
import type { ResultRow, ScheduledRun } from './result.ts';

const NO_EVENTS: readonly string[] = [];

export class ResultTable {
  readonly columns: readonly ColumnInfo[];
  readonly runs: readonly ScheduledRun[];
  /** In order of run, then of the query's own order, ties broken by the cells. */
  readonly batch: Batch;
  /** The rows of run r are those from `starts[r]` (inclusive) to `starts[r + 1]` (exclusive). */
  readonly starts: Float64Array;
  #digest: string | undefined;
  #rows: readonly ResultRow[] | undefined;

  constructor(runs: readonly ScheduledRun[], batch: Batch, starts: Float64Array) {
    this.columns = batch.schema;
    this.runs = runs;
    this.batch = batch;
    this.starts = starts;
  }

  get rowCount(): number {
    return this.batch.rowCount;
  }

  /** Views of the rows; made once. */
  get rows(): readonly ResultRow[] {
    if (this.#rows) return this.#rows;
    const rows: ResultRow[] = [];
    for (let run = 0; run < this.runs.length; run++) {
      for (let row = this.starts[run]!; row < this.starts[run + 1]!; row++) rows.push(new RowView(run, this, row));
    }
    return (this.#rows = rows);
  }

  cellsOf(row: number): Value[] {
    return this.columns.map((_, index) => valueAt(this.batch.column(index), row));
  }

  /** Ids of the labelled events behind a row, sorted. */
  eventsOf(row: number): readonly string[] {
    const { lineage } = this.batch;
    return lineage ? lineage.sets[lineage.codes[row]!]! : NO_EVENTS;
  }

  /** The rows without those of some runs. */
  without(runs: ReadonlySet<number>): ResultTable {
    if (runs.size === 0) return this;
    const kept: number[] = [];
    const starts = new Float64Array(this.starts.length);
    for (let run = 0; run < this.runs.length; run++) {
      if (!runs.has(run)) for (let row = this.starts[run]!; row < this.starts[run + 1]!; row++) kept.push(row);
      starts[run + 1] = kept.length;
    }
    return new ResultTable(this.runs, this.batch.select(Uint32Array.from(kept)), starts);
  }

  /** SHA-256 (hex) over the rows in order, each with the time of its run. */
  get digest(): string {
    if (this.#digest !== undefined) return this.#digest;
    const hash = createHash('sha256');
    const cells = this.columns.map((_, index) => jsonOf(this.batch.column(index)));
    let block = '';
    for (let run = 0; run < this.runs.length; run++) {
      const start = this.starts[run]!;
      const end = this.starts[run + 1]!;
      if (start === end) continue;
      const time = formatDatetime(this.runs[run]!.at);
      for (let row = start; row < end; row++) {
        block += `${time} [`;
        for (let i = 0; i < cells.length; i++) block += i === 0 ? cells[i]!(row) : `,${cells[i]!(row)}`;
        block += ']\n';
        if (block.length > 1 << 16) {
          hash.update(block);
          block = '';
        }
      }
    }
    return (this.#digest = hash.update(block).digest('hex'));
  }
}

/** The JSON text of a column's cells, made once for each dictionary entry and each constant. */
function jsonOf(column: Column): (row: number) => string {
  const { type } = column;
  if (column.kind === 'constant') {
    const text = cellJson(type, column.value);
    return () => text;
  }
  if (column.kind !== 'coded') return (row) => cellJson(type, valueAt(column, row));
  const { codes, dictionary } = column;
  const texts: string[] = [];
  return (row) => {
    const code = codes[row]!;
    return (texts[code] ??= cellJson(type, dictionary.value(code)));
  };
}

/** A row that boxes its cells when they are first looked at. */
class RowView implements ResultRow {
  readonly run: number;
  readonly table: ResultTable;
  readonly row: number;
  #cells: readonly Value[] | undefined;

  constructor(run: number, table: ResultTable, row: number) {
    this.run = run;
    this.table = table;
    this.row = row;
  }

  get cells(): readonly Value[] {
    return (this.#cells ??= this.table.cellsOf(this.row));
  }

  get events(): readonly string[] {
    return this.table.eventsOf(this.row);
  }
}
