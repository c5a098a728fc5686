/** The columns and types of the Log Analytics tables, as their documentation and live workspaces have them. */
import type { ColumnInfo } from '../columns/batch.ts';
import type { ScalarType } from '../columns/value.ts';
import schemas from './table-schemas.json' with { type: 'json' };

/**
 * The hidden column behind `ingestion_time()`: when Log Analytics took the row in. Not part of any table's schema,
 * so `*` and exports do not show it.
 */
export const INGESTION_TIME = '$IngestionTime';

const TABLES: ReadonlyMap<string, readonly ColumnInfo[]> = new Map(
  Object.entries(schemas).map(([table, columns]) => [
    table,
    Object.entries(columns).map(([name, type]) => ({ name, type: type as ScalarType })),
  ]),
);

export function knownTables(): string[] {
  return [...TABLES.keys()];
}

/** The columns of a table in schema order, or undefined for a table that is not known. */
export function tableColumns(table: string): readonly ColumnInfo[] | undefined {
  return TABLES.get(table);
}
