/**
 * One-off queries from TypeScript and the command line: text in, plain rows out. The same compiler and engine as for rules,
 * without a schedule: the clock stands at `now`, and every row of every table is seen.
 */
import { TocsinError } from '../base/errors.ts';
import {
  COLUMN_EPOCH_TICKS,
  formatDatetime,
  formatTimespan,
  parseIsoDatetime,
  TICKS_PER_MILLISECOND,
  UNIX_EPOCH_TICKS,
} from '../base/time.ts';
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { DynamicDatetime, DynamicTimespan, type Dynamic, type ScalarType, type Value } from '../columns/value.ts';
import { scalarFunction } from '../engine/functions/registry.ts';
import { execute } from '../engine/execute.ts';
import type { TableSource } from '../engine/run.ts';
import { batchFromRows, MemoryTables, rowsOf } from '../engine/tables.ts';
import {
  type CompileOptions,
  compileQuery,
  locatedInQuery,
  type RowTable,
  type SavedFunction,
} from '../kql/compile.ts';
import { tableColumns } from '../schema/tables.ts';
import { discoverColumns } from './discover.ts';

/** Rows given in memory: plain objects, or columns with rows of cells. Cells are plain JavaScript values. */
export type TableInput =
  | readonly Readonly<Record<string, unknown>>[]
  | {
      readonly columns: readonly ColumnInfo[];
      readonly rows: readonly (readonly unknown[])[];
      readonly namedByFirstLine?: boolean;
    };

/** What a query may read besides tables in memory: an opened dataset. */
export interface QueryDataset {
  /** All rows of the dataset, whatever its partitions. */
  all(): TableSource;
  /** `end`: of the time that it covers, ISO 8601. */
  readonly manifest: { readonly end: string };
}

export interface QueryOptions {
  readonly dataset?: QueryDataset;
  /** By name. A table of Log Analytics takes its own columns and types, another one those that its rows show. */
  readonly tables?: Readonly<Record<string, TableInput>>;
  /** What `now()` gives: ISO 8601 or a Date. Where absent, the end of the dataset, else the time of day. */
  readonly now?: string | Date;
  /** By alias, as `_GetWatchlist` has it. */
  readonly watchlists?: Readonly<Record<string, TableInput>>;
  /** By URL, as `externaldata` has it. Nothing is ever fetched. */
  readonly externals?: Readonly<Record<string, TableInput>>;
  /** Functions that the workspace has saved, by name. */
  readonly functions?: Readonly<Record<string, SavedFunction>>;
  /** Where plans are kept from one process to the next. */
  readonly cache?: CompileOptions['cache'];
  /** Named in error messages; `query` where absent. */
  readonly file?: string;
  /** Bytes that the query's rows may take, by estimate; 4 GB where absent. */
  readonly memoryLimit?: number;
}

/**
 * A cell of a result: bool as boolean; int and long as number, or bigint beyond 2^53; real as number; string, guid and
 * decimal as string; datetime as ISO 8601 UTC with seven decimals; timespan as Kusto prints it; dynamic as plain JSON
 * value; null as null.
 */
export type Cell = unknown;

export interface QueryResult {
  readonly columns: readonly ColumnInfo[];
  readonly rows: Cell[][];
}

/**
 * Runs a query.
 *
 * @throws TocsinError `QUERY` or `UNSUPPORTED` as {@link compileQuery}; `INPUT` where a table's cells do not fit its types.
 */
export async function query(kql: string, options: QueryOptions = {}): Promise<QueryResult> {
  const given = new Map<string, RowTable>();
  for (const [name, input] of Object.entries(options.tables ?? {}))
    given.set(name, rowTable(name, input, tableColumns(name)));
  const memory = new MemoryTables(
    new Map([...given].map(([name, table]) => [name, batchFromRows(table.columns, table.rows)])),
  );
  const dataset = options.dataset?.all();
  const source: TableSource = {
    scan: (table, columns, window) =>
      given.has(table) || !dataset ? memory.scan(table, columns, window) : dataset.scan(table, columns, window),
  };
  const now = clock(options);
  const run = { now, window: undefined };
  const limits = options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit };
  const compileOptions: CompileOptions = {
    ...(options.file === undefined ? {} : { file: options.file }),
    ...(options.functions && { functions: options.functions }),
    cache: options.cache,
    tables: Object.fromEntries([...given].map(([name, table]) => [name, table.columns])),
    watchlists: Object.fromEntries(
      Object.entries(rowTables(options.watchlists)).map(([alias, table]) => [alias, withSearchKey(table)]),
    ),
    externals: rowTables(options.externals),
    discover: (plan) => discoverColumns(plan, (input) => execute(input, source, run, limits)),
  };
  try {
    const batch = execute(compileQuery(kql, compileOptions).root, source, run, limits);
    return { columns: batch.schema, rows: cellsOf(batch) };
  } catch (error) {
    throw locatedInQuery(error, kql, compileOptions);
  }
}

/** The rows of a batch as plain cells. */
function cellsOf(batch: Batch): Cell[][] {
  const types = batch.schema.map((column) => column.type);
  return rowsOf(batch).map((row) => row.map((value, index) => cellOf(value, types[index]!)));
}

/** One value as a plain cell; see {@link Cell}. */
export function cellOf(value: Value, type: ScalarType): Cell {
  if (value === null) return null;
  switch (type) {
    case 'int':
    case 'long':
      return plainWhole(value as bigint);
    case 'datetime':
      return formatDatetime(value as bigint);
    case 'timespan':
      return formatTimespan(value as bigint);
    case 'dynamic':
      return plainDynamic(value);
    default:
      return value;
  }
}

function plainWhole(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function plainDynamic(value: Dynamic): unknown {
  if (typeof value === 'bigint') return plainWhole(value);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plainDynamic);
  if (value instanceof DynamicDatetime) return formatDatetime(value.ticks);
  if (value instanceof DynamicTimespan) return formatTimespan(value.ticks);
  return Object.fromEntries(Array.from(value, ([key, item]) => [key, plainDynamic(item)]));
}

function clock(options: QueryOptions): bigint {
  const { now, dataset } = options;
  if (now instanceof Date) return BigInt(now.getTime()) * TICKS_PER_MILLISECOND + UNIX_EPOCH_TICKS;
  const text = now ?? dataset?.manifest.end;
  if (text === undefined) return BigInt(Date.now()) * TICKS_PER_MILLISECOND + UNIX_EPOCH_TICKS;
  const ticks = parseIsoDatetime(text);
  if (ticks === undefined) throw new TocsinError('USAGE', `now is no time: found '${text}', expected ISO 8601`);
  return ticks;
}

/** A watchlist's rows always have a SearchKey: their own, or the first column again. */
export function withSearchKey(table: RowTable): RowTable {
  const [first] = table.columns;
  if (!first || table.columns.some((column) => column.name === 'SearchKey')) return table;
  return {
    columns: [{ name: 'SearchKey', type: first.type }, ...table.columns],
    rows: table.rows.map((row) => [row[0]!, ...row]),
  };
}

function rowTables(inputs: Readonly<Record<string, TableInput>> | undefined): Record<string, RowTable> {
  return Object.fromEntries(
    Object.entries(inputs ?? {}).map(([name, input]) => [name, rowTable(name, input, undefined)]),
  );
}

/** Plain rows as values of the types of `schema`, or of those that the cells show where there is no schema. */
export function rowTable(name: string, input: TableInput, schema: readonly ColumnInfo[] | undefined): RowTable {
  if (!Array.isArray(input)) {
    const { columns, rows, namedByFirstLine = false } = input as Exclude<TableInput, readonly unknown[]>;
    return {
      namedByFirstLine,
      columns,
      rows: rows.map((row, i) => columns.map((column, j) => valueOf(row[j], column, name, i))),
    };
  }
  const objects = input as readonly Readonly<Record<string, unknown>>[];
  const columns = schema ?? inferColumns(objects);
  return {
    columns,
    rows: objects.map((row, i) => columns.map((column) => valueOf(row[column.name], column, name, i))),
  };
}

function inferColumns(rows: readonly Readonly<Record<string, unknown>>[]): ColumnInfo[] {
  const types = new Map<string, ScalarType | undefined>();
  for (const row of rows) {
    for (const [name, cell] of Object.entries(row)) {
      const found = typeOfCell(cell);
      const known = types.get(name);
      if (!found || found === known) {
        if (!types.has(name)) types.set(name, undefined);
      } else if (!known) types.set(name, found);
      else
        types.set(
          name,
          (known === 'long' && found === 'real') || (known === 'real' && found === 'long') ? 'real' : 'dynamic',
        );
    }
  }
  return Array.from(types, ([name, type]) => ({ name, type: type ?? 'string' }));
}

function typeOfCell(cell: unknown): ScalarType | undefined {
  switch (typeof cell) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'long';
    case 'number':
      return Number.isSafeInteger(cell) ? 'long' : 'real';
    case 'string':
      return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(cell) && parseIsoDatetime(cell) !== undefined ? 'datetime' : 'string';
    case 'object':
      return cell === null ? undefined : cell instanceof Date ? 'datetime' : 'dynamic';
    default:
      return undefined;
  }
}

/** A plain cell as a value of the column's type, converted as Kusto's `to...` functions do. */
function valueOf(cell: unknown, column: ColumnInfo, table: string, row: number): Value {
  const { type, name } = column;
  if (cell === null || cell === undefined) return type === 'string' ? '' : null;
  if (type === 'dynamic') return dynamicOf(cell);
  if (cell instanceof Date) cell = formatDatetime(BigInt(cell.getTime()) * TICKS_PER_MILLISECOND + UNIX_EPOCH_TICKS);
  if (type === 'string')
    return typeof cell === 'string' ? cell : typeof cell === 'object' ? JSON.stringify(cell) : String(cell as number);
  if (type === 'bool' && typeof cell === 'boolean') return cell;
  if (type === 'real' && typeof cell === 'number') return cell;
  if ((type === 'int' || type === 'long') && (typeof cell === 'bigint' || Number.isSafeInteger(cell)))
    return BigInt(cell as number);
  const text =
    typeof cell === 'string'
      ? cell
      : typeof cell === 'number' || typeof cell === 'bigint'
        ? cell.toString()
        : undefined;
  if (text === '') return null;
  const value =
    text === undefined ? null : scalarFunction(CONVERSIONS[type])!.call([text], ['string'], type, COLUMN_EPOCH_TICKS);
  if (value === null) {
    throw new TocsinError(
      'INPUT',
      `table ${table}, row ${row + 1}, column ${name}: found ${JSON.stringify(cell)}, expected a ${type}`,
    );
  }
  return value;
}

const CONVERSIONS: Readonly<Record<ScalarType, string>> = {
  bool: 'tobool',
  int: 'toint',
  long: 'tolong',
  real: 'toreal',
  decimal: 'todecimal',
  datetime: 'todatetime',
  timespan: 'totimespan',
  string: 'tostring',
  guid: 'toguid',
  dynamic: 'parse_json',
};

function dynamicOf(cell: unknown): Dynamic {
  switch (typeof cell) {
    case 'number':
      return Number.isSafeInteger(cell) ? BigInt(cell) : cell;
    case 'boolean':
    case 'string':
    case 'bigint':
      return cell;
    case 'object':
      if (cell === null) return null;
      if (Array.isArray(cell)) return cell.map(dynamicOf);
      if (cell instanceof Date)
        return new DynamicDatetime(BigInt(cell.getTime()) * TICKS_PER_MILLISECOND + UNIX_EPOCH_TICKS);
      return new Map(Object.entries(cell).map(([key, item]) => [key, dynamicOf(item)]));
    default:
      return null;
  }
}
