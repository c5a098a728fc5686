/** Tables in memory as a source of rows, and row blocks put one after another. */
import { Batch, type ColumnInfo } from '../columns/batch.ts';
import {
  type Codes,
  type Column,
  columnFromValues,
  columnLength,
  type CodedColumn,
  isCodedType,
  valueAt,
} from '../columns/column.ts';
import { type CodedType, type Dictionary, PickedDictionary, ValueDictionary } from '../columns/dictionary.ts';
import { stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { COLUMN_EPOCH_TICKS } from '../base/time.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { concatLineage } from './operators/lineage.ts';
import { isAscending, sortedRows } from './order.ts';
import type { TableSource, Window } from './run.ts';

/** The value of a cell that has none: null, or the empty string. */
function missingValue(type: ScalarType): Value {
  return type === 'string' ? '' : null;
}

/** A column of `length` cells without values. */
export function missingColumn(type: ScalarType, length: number): Column {
  return { kind: 'constant', type, value: missingValue(type), length };
}

/** A batch of boxed rows. */
export function batchFromRows(schema: readonly ColumnInfo[], rows: readonly (readonly Value[])[]): Batch {
  return new Batch(
    schema,
    rows.length,
    schema.map(
      ({ type }, index) =>
        () =>
          columnFromValues(
            type,
            rows.map((row) => row[index] ?? missingValue(type)),
          ),
    ),
  );
}

/** The rows of a batch, boxed. */
export function rowsOf(batch: Batch): Value[][] {
  const columns = batch.columns();
  return Array.from({ length: batch.rowCount }, (_, row) => columns.map((column) => valueAt(column, row)));
}

/** Columns of one type one after another. */
export function concatColumns(type: ScalarType, columns: readonly Column[]): Column {
  const parts = columns.filter((column) => columnLength(column) > 0);
  if (parts.length === 1) return parts[0]!;
  if (parts.length === 0) return columns[0] ?? missingColumn(type, 0);
  const length = parts.reduce((sum, part) => sum + columnLength(part), 0);
  const [first] = parts;
  if (first!.kind === 'constant') {
    const { value } = first!;
    // Only plain values can be told equal at a glance.
    if (typeof value !== 'object' || value === null) {
      if (parts.every((part) => part.kind === 'constant' && Object.is(part.value, value))) {
        return { ...first!, length };
      }
    }
  }
  if (isCodedType(type)) return concatCoded(type, parts, length);
  const wide = parts.some(
    (part) => part.kind === 'wide' || (part.kind === 'constant' && !fitsNarrow(type, part.value)),
  );
  if (type === 'bool') {
    const values = new Uint8Array(length);
    const nulls = concatNulls(parts, length);
    let at = 0;
    for (const part of parts) {
      if (part.kind === 'bool') values.set(part.values, at);
      else if (part.kind === 'constant') values.fill(part.value === true ? 1 : 0, at, at + part.length);
      at += columnLength(part);
    }
    return { kind: 'bool', type, values, nulls };
  }
  if (wide && type !== 'int' && type !== 'real') {
    const values = new BigInt64Array(length);
    let at = 0;
    for (const part of parts) {
      if (part.kind === 'wide') values.set(part.values, at);
      else
        for (let row = 0; row < columnLength(part); row++)
          values[at + row] = (valueAt(part, row) as bigint | null) ?? 0n;
      at += columnLength(part);
    }
    return { kind: 'wide', type, values, nulls: concatNulls(parts, length) };
  }
  const values = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    if (part.kind === 'number') values.set(part.values, at);
    else if (part.kind === 'constant' && part.value !== null) {
      values.fill(narrow(type, part.value as bigint | number), at, at + part.length);
    }
    at += columnLength(part);
  }
  return { kind: 'number', type, values, nulls: concatNulls(parts, length) };
}

function narrow(type: ScalarType, value: bigint | number): number {
  return typeof value === 'number' ? value : Number(type === 'datetime' ? value - COLUMN_EPOCH_TICKS : value);
}

function fitsNarrow(type: ScalarType, value: Value): boolean {
  return typeof value !== 'bigint' || Number.isSafeInteger(narrow(type, value));
}

function concatNulls(parts: readonly Column[], length: number): Uint8Array | undefined {
  let nulls: Uint8Array | undefined;
  let at = 0;
  for (const part of parts) {
    const size = columnLength(part);
    if (part.kind === 'constant') {
      if (part.value === null) (nulls ??= new Uint8Array(length)).fill(1, at, at + size);
    } else if (part.kind !== 'coded' && part.nulls) (nulls ??= new Uint8Array(length)).set(part.nulls, at);
    at += size;
  }
  return nulls;
}

function concatCoded(type: CodedType, parts: readonly Column[], length: number): CodedColumn {
  const [first] = parts;
  if (first!.kind === 'coded') {
    const { dictionary } = first!;
    if (parts.every((part) => part.kind === 'coded' && part.dictionary === dictionary)) {
      const coded = parts as readonly CodedColumn[];
      const width = Math.max(...coded.map((part) => part.codes.BYTES_PER_ELEMENT));
      const codes: Codes =
        width === 1 ? new Uint8Array(length) : width === 2 ? new Uint16Array(length) : new Uint32Array(length);
      let at = 0;
      for (const part of coded) {
        codes.set(part.codes, at);
        at += part.codes.length;
      }
      return { kind: 'coded', type, codes, dictionary };
    }
  }
  // The entries in use, as they are: which of them are equal is worked out where somebody asks.
  const from: Dictionary[] = [];
  const entries: number[] = [];
  const codes = new Uint32Array(length);
  const maps = new Map<Dictionary, Int32Array>();
  let at = 0;
  for (const part of parts) {
    if (part.kind === 'constant') {
      codes.fill(from.length, at, at + part.length);
      from.push(new ValueDictionary(type, [part.value], stringifyDynamic));
      entries.push(0);
      at += part.length;
    } else if (part.kind === 'coded') {
      const { dictionary } = part;
      let map = maps.get(dictionary);
      if (!map) maps.set(dictionary, (map = new Int32Array(dictionary.size).fill(-1)));
      for (let row = 0; row < part.codes.length; row++) {
        const code = part.codes[row]!;
        if (map[code]! < 0) {
          map[code] = from.length;
          from.push(dictionary);
          entries.push(code);
        }
        codes[at + row] = map[code]!;
      }
      at += part.codes.length;
    }
  }
  return { kind: 'coded', type, codes, dictionary: new PickedDictionary(type, from, Uint32Array.from(entries)) };
}

/** Batches of one schema one after another; columns are put together when first asked for. */
export function concatBatches(schema: readonly ColumnInfo[], batches: readonly Batch[]): Batch {
  const parts = batches.filter((batch) => batch.rowCount > 0);
  if (parts.length === 1) return parts[0]!;
  return new Batch(
    schema,
    parts.reduce((sum, part) => sum + part.rowCount, 0),
    schema.map(
      ({ type }, index) =>
        () =>
          concatColumns(
            type,
            parts.map((part) => part.column(index)),
          ),
    ),
    concatLineage(parts),
  );
}

function ticksAt(column: Column, row: number): bigint | null {
  return valueAt(column, row) as bigint | null;
}

/**
 * Tables held in memory. A table may be given with any of its columns and in any order of rows; a column that a query
 * asks for and the table does not have is null. Rows without TimeGenerated stand last and in no window. A row without
 * `$IngestionTime` counts as ingested when it was generated.
 */
export class MemoryTables implements TableSource {
  readonly #tables = new Map<string, Batch>();

  constructor(tables: ReadonlyMap<string, Batch> | Readonly<Record<string, Batch>>) {
    for (const [name, batch] of tables instanceof Map ? tables : Object.entries(tables)) {
      this.#tables.set(name, inTimeOrder(batch as Batch));
    }
  }

  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
    const batch = this.#tables.get(table);
    if (!batch) return batchFromRows(columns, []);
    const time = batch.schema.findIndex((column) => column.name === 'TimeGenerated');
    const picked = new Batch(
      columns,
      batch.rowCount,
      columns.map(({ name, type }) => () => {
        let index = batch.schema.findIndex((column) => column.name === name);
        if (index < 0 && name === INGESTION_TIME) index = time;
        return index < 0 ? missingColumn(type, batch.rowCount) : batch.column(index);
      }),
      batch.lineage,
    );
    if (!window) return picked;
    if (time < 0) return picked.slice(0, 0);
    const generated = batch.column(time);
    const ingestion = batch.schema.findIndex((column) => column.name === INGESTION_TIME);
    const ingested = ingestion < 0 ? generated : batch.column(ingestion);
    const rows: number[] = [];
    for (let row = 0; row < batch.rowCount; row++) {
      const at = ticksAt(generated, row);
      if (at === null || at <= window.after || at > window.until) continue;
      const known = ticksAt(ingested, row) ?? at;
      if (known > window.ingestedBy) continue;
      if (window.ingestedAfter !== undefined && known <= window.ingestedAfter) continue;
      rows.push(row);
    }
    return picked.select(Uint32Array.from(rows));
  }
}

function inTimeOrder(batch: Batch): Batch {
  const time = batch.schema.findIndex((column) => column.name === 'TimeGenerated');
  if (time < 0 || isAscending(batch.column(time))) return batch;
  return batch.select(
    sortedRows([{ column: batch.column(time), descending: false, nullsFirst: false }], batch.rowCount),
  );
}
