/** The columns and types of the Log Analytics tables, as their documentation and live workspaces have them. */
import type { ColumnInfo } from '../columns/batch.ts';
import type { ScalarType } from '../columns/value.ts';
import schemas from './table-schemas.json' with { type: 'json' };

/**
 * The hidden column behind `ingestion_time()`: when Log Analytics took the row in. Not part of any table's schema,
 * so `*` and exports do not show it.
 */
export const INGESTION_TIME = '$IngestionTime';

/** When Azure's ingestion point took a record in, by the name that queries have for it. */
export const RECEPTION_TIME = '_TimeReceived';

/**
 * Columns of every table of a workspace, though the documentation of some tables leaves them out.
 * https://learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns
 */
const STANDARD_COLUMNS: readonly ColumnInfo[] = [
  { name: 'TenantId', type: 'string' },
  { name: 'SourceSystem', type: 'string' },
  { name: 'Type', type: 'string' },
];

/** Columns of every table that Log Analytics shows only to a query that names them: `*` does not stand for them. */
const UNLISTED_COLUMNS: readonly ColumnInfo[] = [
  { name: '_BilledSize', type: 'real' },
  { name: '_IsBillable', type: 'string' },
  { name: '_ItemId', type: 'string' },
  { name: '_ResourceId', type: 'string' },
  { name: '_SubscriptionId', type: 'string' },
  { name: RECEPTION_TIME, type: 'datetime' },
];

const TABLES: ReadonlyMap<string, readonly ColumnInfo[]> = new Map(
  Object.entries(schemas).map(([table, columns]) => [
    table,
    withColumns(
      Object.entries(columns).map(([name, type]) => ({ name, type: type as ScalarType })),
      STANDARD_COLUMNS,
    ),
  ]),
);

export function knownTables(): string[] {
  return [...TABLES.keys()];
}

/** The columns of a table in schema order, or undefined for a table that is not known. */
export function tableColumns(table: string): readonly ColumnInfo[] | undefined {
  return TABLES.get(table);
}

/** The columns besides those of its tables' schemas that a query can name, of those that its text holds. */
export function unlistedColumns(query: string): readonly ColumnInfo[] {
  return UNLISTED_COLUMNS.filter(({ name }) => query.includes(name));
}

/** The columns, and after them those of `more` that are not among them. */
export function withColumns(columns: readonly ColumnInfo[], more: readonly ColumnInfo[]): readonly ColumnInfo[] {
  return [...columns, ...more.filter(({ name }) => !columns.some((column) => column.name === name))];
}
