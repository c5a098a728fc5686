/** Rows of a query as text: a table for people; JSON, NDJSON and CSV for programs. All give lines without line ends. */
import type { ColumnInfo } from '../columns/batch.ts';
import { fit, formatNumber } from './format.ts';

/** Cells are plain values: see `query`. */
export interface Rows {
  readonly columns: readonly ColumnInfo[];
  readonly rows: readonly (readonly unknown[])[];
}

export const ROW_FORMATS = ['table', 'json', 'ndjson', 'csv'] as const;
export type RowFormat = (typeof ROW_FORMATS)[number];

/** @param width - columns of the terminal; only a table minds. */
export function* rowLines(rows: Rows, format: RowFormat, width: number): Generator<string> {
  if (format === 'table') yield* tableLines(rows, width);
  else if (format === 'json') yield* jsonLines(rows);
  else if (format === 'ndjson') yield* ndjsonLines(rows);
  else yield* csvLines(rows);
}

/** Sizing looks at this many rows, so that the first line of a long table does not wait for its last. */
const SIZED_ROWS = 1000;
/** Cells wider than this are cut even where the terminal has room: nobody reads a policy list in a table. */
const MAX_CELL_WIDTH = 60;
const MIN_CELL_WIDTH = 4;
const GAP = '  ';

function* tableLines({ columns, rows }: Rows, width: number): Generator<string> {
  const widths = columns.map((column, index) => {
    const wanted = rows
      .slice(0, SIZED_ROWS)
      .reduce((most, row) => Math.max(most, printable(row[index]).length), column.name.length);
    return Math.min(wanted, MAX_CELL_WIDTH);
  });
  narrow(widths, width, (index) => columns[index]!.type === 'string' || columns[index]!.type === 'dynamic');
  const numeric = columns.map(({ type }) => ['int', 'long', 'real', 'decimal'].includes(type));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, index) => (numeric[index] ? fit(text, widths[index]!, 'right') : fit(text, widths[index]!)))
      .join(GAP)
      .trimEnd();
  yield line(columns.map((column) => column.name));
  yield line(widths.map((w) => '-'.repeat(w)));
  for (const row of rows) yield line(row.map(printable));
  yield '';
  yield formatNumber(rows.length, 'row');
}

/** Takes width from the widest columns of text until the line fits: half a number or a time would be a wrong one. */
function narrow(widths: number[], width: number, mayNarrow: (index: number) => boolean): void {
  const indexes = widths.flatMap((_, index) => (mayNarrow(index) ? index : []));
  let excess = widths.reduce((sum, w) => sum + w, 0) + GAP.length * (widths.length - 1) - width;
  for (; excess > 0; excess--) {
    const widest = indexes.reduce((a, b) => (widths[b]! > widths[a]! ? b : a), indexes[0] ?? 0);
    if (indexes.length === 0 || widths[widest]! <= MIN_CELL_WIDTH) return;
    widths[widest] = widths[widest]! - 1;
  }
}

/** A cell on one line: control characters as escapes, so that no log can move the cursor; null as nothing. */
function printable(cell: unknown): string {
  return cellText(cell).replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => JSON.stringify(c).slice(1, -1));
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'object' ? jsonText(cell) : String(cell as string | number | bigint | boolean);
}

/** One object; a row a line, so that a long answer can be looked at. */
function* jsonLines({ columns, rows }: Rows): Generator<string> {
  yield `{"schema":"tocsin.query/1","columns":${JSON.stringify(columns)},"rows":[`;
  for (let i = 0; i < rows.length; i++) yield `${jsonText(rows[i])}${i < rows.length - 1 ? ',' : ''}`;
  yield ']}';
}

function* ndjsonLines({ columns, rows }: Rows): Generator<string> {
  const keys = columns.map((column) => JSON.stringify(column.name));
  for (const row of rows) yield `{${row.map((cell, index) => `${keys[index]}:${jsonText(cell)}`).join(',')}}`;
}

/** RFC 4180 with `\n`; null is an empty cell, `dynamic` is JSON. */
function* csvLines({ columns, rows }: Rows): Generator<string> {
  yield columns.map((column) => csvCell(column.name)).join(',');
  for (const row of rows) {
    yield row.map((cell) => csvCell(cellText(cell))).join(',');
  }
}

/** A cell of RFC 4180: in quotes where it must be. */
export function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** JSON with every digit of a bigint; what JSON has no number for is a string, as Kusto writes it. */
export function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
