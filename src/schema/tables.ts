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

/** Types of the columns whose names end so, in tables that get a column for every member of what is sent to them. */
const TYPE_OF_SUFFIX: Readonly<Record<string, ScalarType>> = { s: 'string', d: 'real', b: 'bool', t: 'datetime' };

/**
 * Columns of every table that the HTTP data collector fills, besides those named after the members of its records.
 * https://learn.microsoft.com/azure/azure-monitor/logs/data-collector-api
 */
const COLLECTOR_COLUMNS: readonly ColumnInfo[] = withColumns(
  [
    { name: 'Computer', type: 'string' },
    { name: 'ManagementGroupName', type: 'string' },
    { name: 'MG', type: 'string' },
    { name: 'RawData', type: 'string' },
    { name: 'TimeGenerated', type: 'datetime' },
  ],
  STANDARD_COLUMNS,
);

/**
 * The tables of a query whose columns differ from workspace to workspace, with those columns that the query names:
 * AzureDiagnostics and custom logs (`..._CL`) call a column after its type, `_s` text, `_d` real, `_b` bool, `_t` datetime.
 * A name that the query gives before it reads it, or that a known table has, is none of them. In a fuzzy union a custom log is left to
 * be passed over, as it is where the workspace lacks it.
 */
export function suffixedTables(query: string): ReadonlyMap<string, readonly ColumnInfo[]> {
  const found = new Map<string, readonly ColumnInfo[]>();
  if (!query.includes('AzureDiagnostics') && !query.includes('_CL')) return found;
  const code = query.replace(
    /\/\/[^\n]*|@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g,
    ' ',
  );
  const own = (name: string): boolean => {
    const [, isLet, sign, value] = new RegExp(`(let\\s+)?\\b${name}\\b(?:\\s*(=(?![=~])|:)([^|;]*))?`).exec(code)!;
    return sign !== undefined && (isLet !== undefined || sign === ':' || !new RegExp(`\\b${name}\\b`).test(value!));
  };
  const known = new Set([...TABLES.values()].flatMap((columns) => columns.map((column) => column.name)));
  const columns = [...new Set([...code.matchAll(/\b[A-Za-z]\w*_[sdbt]\b/g)].map((match) => match[0]))]
    .filter((name) => !known.has(name) && !own(name))
    .map((name): ColumnInfo => ({ name, type: TYPE_OF_SUFFIX[name.at(-1)!]! }));
  if (/\bAzureDiagnostics\b/.test(code)) {
    found.set('AzureDiagnostics', withColumns(tableColumns('AzureDiagnostics')!, columns));
  }
  if (/\bisfuzzy\s*=\s*true\b/i.test(code)) return found;
  for (const [name] of code.matchAll(/\b\w+_CL\b/g)) {
    if (!own(name)) found.set(name, withColumns(COLLECTOR_COLUMNS, columns));
  }
  return found;
}

/** The columns, and after them those of `more` that are not among them. */
export function withColumns(columns: readonly ColumnInfo[], more: readonly ColumnInfo[]): readonly ColumnInfo[] {
  return [...columns, ...more.filter(({ name }) => !columns.some((column) => column.name === name))];
}
