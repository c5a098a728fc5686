/**
 * DuckDB on the other side: a dataset's rows as tables of its own, and SQL over them.
 *
 * Everything that can be done beforehand is: tables are loaded before anything is timed, in order of time, so that a run
 * skips what lies outside its window; times are numbers, and names may be codes into tables of names, so that DuckDB too
 * compares numbers and not texts (an ENUM would do so as well, but costs each statement some 60 ms where it has 50,000
 * values); statements are prepared. Rows of results stay in a table of DuckDB's; nothing is handed to JavaScript.
 */
import {
  BIGINT,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  type DuckDBVector,
  UINTEGER,
} from '@duckdb/node-api';
import type { Batch } from '../src/columns/batch.ts';
import type { Column } from '../src/columns/column.ts';
import type { Dataset } from '../src/dataset/read.ts';
import { tableColumns } from '../src/schema/tables.ts';
import { digestText } from './digest.ts';

/** Rows of a chunk, as DuckDB has it. */
const CHUNK_ROWS = 2048;

/** A table to load. */
export interface TableSpec {
  /** The table of the dataset. */
  readonly table: string;
  /** Its name in DuckDB. */
  readonly as: string;
  /** By the name in DuckDB. */
  readonly columns: Readonly<Record<string, ColumnSpec>>;
}

export interface ColumnSpec {
  /** The column of the dataset's table. */
  readonly column: string;
  /**
   * `ticks`: a time as ticks since 2020. `code`: a text as its number in a table of names. `text`: a text as it is.
   */
  readonly as: 'ticks' | 'code' | 'text';
  /** The table of names that columns share; `name of it (code, value)`. The column's own name by default. */
  readonly domain?: string;
  /** What of the value counts, where it is not all of it. */
  readonly of?: (text: string) => string;
}

/** The two times that every table has. */
export const TIMES: Readonly<Record<string, ColumnSpec>> = {
  generated: { column: 'TimeGenerated', as: 'ticks' },
  ingested: { column: '$IngestionTime', as: 'ticks' },
};

export class DuckDb {
  readonly connection: DuckDBConnection;
  readonly #instance: DuckDBInstance;
  readonly #domains = new Map<string, ReadonlyMap<string, number>>();

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  /** An empty database in memory. */
  static async open(threads: number): Promise<DuckDb> {
    const instance = await DuckDBInstance.create(':memory:', { threads: String(threads) });
    return new DuckDb(instance, await instance.connect());
  }

  async version(): Promise<string> {
    return String((await this.rows('SELECT version()'))[0]![0]).replace(/^v/, '');
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  async rows(sql: string): Promise<unknown[][]> {
    return (await this.connection.runAndReadAll(sql)).getRows();
  }

  close(): void {
    this.connection.closeSync();
    this.#instance.closeSync();
  }

  /**
   * Loads tables of a dataset, partition by partition. A text is sent as a code and its texts as a table of their own;
   * DuckDB puts them together.
   */
  async load(dataset: Dataset, tables: readonly TableSpec[]): Promise<void> {
    const domains = new Map<string, Map<string, number>>();
    for (const spec of tables) await this.#loadCodes(dataset, spec, domains);
    for (const [domain, codes] of domains) {
      await this.run(`CREATE TABLE ${namesTable(domain)} (code UINTEGER, value VARCHAR)`);
      await this.#loadTexts(domain, codes);
      this.#domains.set(domain, codes);
    }
    for (const { as, columns } of tables) {
      const selected = Object.entries(columns).map(([name, { as }]) =>
        as === 'text' ? `"d ${name}".value AS "${name}"` : `c."${name}"`,
      );
      const joins = Object.entries(columns).flatMap(([name, { as, domain = name }]) =>
        as === 'text' ? [`JOIN ${namesTable(domain)} AS "d ${name}" ON "d ${name}".code = c."${name}"`] : [],
      );
      const time = Object.entries(columns).find(([, { column }]) => column === 'TimeGenerated')?.[0];
      await this.run(
        `CREATE TABLE "${as}" AS SELECT ${selected.join(', ')} FROM "codes ${as}" c ${joins.join(' ')}` +
          // In order of time, as a log arrives: zone maps then let a run skip what lies outside its window.
          (time === undefined ? '' : ` ORDER BY c."${time}"`),
      );
      await this.run(`DROP TABLE "codes ${as}"`);
    }
  }

  /** The code of a text, for SQL; one that no row has is beyond them all. */
  code(domain: string, text: string): number {
    const codes = this.#domains.get(domain)!;
    return codes.get(text) ?? codes.size;
  }

  async #loadCodes(dataset: Dataset, spec: TableSpec, domains: Map<string, Map<string, number>>): Promise<void> {
    const columns = Object.entries(spec.columns);
    const types: DuckDBType[] = columns.map(([, { as }]) => (as === 'ticks' ? BIGINT : UINTEGER));
    await this.run(
      `CREATE TABLE "codes ${spec.as}" (${columns.map(([name], i) => `"${name}" ${types[i]!.toString()}`).join(', ')})`,
    );
    const schema = tableColumns(spec.table)!;
    const infos = columns.map(([, { column }]) => {
      const info = schema.find(({ name }) => name === column);
      return info ?? { name: column, type: 'datetime' as const };
    });
    const appender = await this.connection.createAppender(`codes ${spec.as}`);
    for (let partition = 0; partition < dataset.manifest.partitionCount; partition++) {
      const batch: Batch = dataset.partition(partition).scan(spec.table, infos, undefined);
      const fillers = columns.map(([name, column], index) => {
        const values = batch.column(index);
        if (column.as === 'ticks') return tickFiller(values);
        const domain = column.domain ?? name;
        let codes = domains.get(domain);
        if (!codes) domains.set(domain, (codes = new Map()));
        return codeFiller(values, codes, column.of ?? String);
      });
      for (let start = 0; start < batch.rowCount; start += CHUNK_ROWS) {
        const count = Math.min(CHUNK_ROWS, batch.rowCount - start);
        const chunk = DuckDBDataChunk.create(types, count);
        fillers.forEach((fill, index) => fill(chunk.getColumnVector(index) as never, start, count));
        appender.appendDataChunk(chunk);
      }
    }
    appender.closeSync();
  }

  async #loadTexts(domain: string, codes: ReadonlyMap<string, number>): Promise<void> {
    const appender = await this.connection.createAppender(`names of ${domain}`);
    for (const [text, code] of codes) {
      appender.appendUInteger(code);
      appender.appendVarchar(text);
      appender.endRow();
    }
    appender.closeSync();
  }

  /**
   * The digest of a table of result rows (bench/digest.ts).
   *
   * @param columns - besides `run`; `column:domain` is a code, and its name counts.
   */
  async digest(table: string, columns: readonly string[]): Promise<string> {
    const parts = columns.map((column) => column.split(':') as [string, string?]);
    const text = parts.map(([name, domain]) =>
      domain === undefined ? `coalesce(CAST(r."${name}" AS VARCHAR), '')` : `"n ${name}".value`,
    );
    const joins = parts.flatMap(([name, domain]) =>
      domain === undefined ? [] : [`JOIN ${namesTable(domain)} AS "n ${name}" ON "n ${name}".code = r."${name}"`],
    );
    const [row] = await this.rows(`
      SELECT count(*), coalesce(sum(md5_number_upper(t)), 0)::HUGEINT, coalesce(sum(md5_number_lower(t)), 0)::HUGEINT
      FROM (SELECT ${['CAST(r.run AS VARCHAR)', ...text].join(" || '|' || ")} AS t FROM ${table} r ${joins.join(' ')})`);
    const [count, upper, lower] = row as [bigint, bigint, bigint];
    return digestText(count, upper, lower);
  }
}

function namesTable(domain: string): string {
  return `"names of ${domain}"`;
}

type Filler = (
  vector: DuckDBVector & { setItem(row: number, value: unknown): void },
  start: number,
  count: number,
) => void;

function tickFiller(column: Column): Filler {
  if (column.kind !== 'number') throw new Error('a column of times is not held as numbers');
  const { values, nulls } = column;
  if (nulls) throw new Error('a column of times holds nulls');
  return (vector, start, count) => {
    for (let i = 0; i < count; i++) vector.setItem(i, BigInt(values[start + i]!));
    vector.flush();
  };
}

/** @param codes - the codes of the domain; new texts are added. */
function codeFiller(column: Column, codes: Map<string, number>, of: (text: string) => string): Filler {
  const codeOf = (text: string): number => {
    const value = of(text);
    let code = codes.get(value);
    if (code === undefined) codes.set(value, (code = codes.size));
    return code;
  };
  if (column.kind === 'constant') {
    const code = codeOf(column.value === null ? '' : String(column.value as string));
    return (vector, _start, count) => {
      for (let i = 0; i < count; i++) vector.setItem(i, code);
      vector.flush();
    };
  }
  if (column.kind !== 'coded') throw new Error('a column of texts is not held as codes');
  const { dictionary, codes: own } = column;
  // Only entries that rows name: a dictionary may hold others.
  const known = new Int32Array(dictionary.size).fill(-1);
  return (vector, start, count) => {
    for (let i = 0; i < count; i++) {
      const entry = own[start + i]!;
      let code = known[entry]!;
      if (code < 0) code = known[entry] = codeOf(dictionary.text(entry));
      vector.setItem(i, code);
    }
    vector.flush();
  };
}
