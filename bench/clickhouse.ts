/**
 * ClickHouse on the other side, through chDB, where it is installed: a 540 MB package, never among our dependencies. Its tables
 * are MergeTree in order of time, filled from DuckDB's by way of Parquet; texts are the same codes into the same names.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { digestText } from './digest.ts';
import type { DuckDb } from './duckdb.ts';

/** What of chDB is used. */
interface ChDb {
  readonly Session: new (folder: string) => { query(sql: string, format?: string): string; cleanup(): void };
}

/** chDB, or undefined where it is not installed. */
function installed(): ChDb | undefined {
  const require = createRequire(import.meta.url);
  try {
    require.resolve('chdb');
  } catch {
    return undefined;
  }
  return require('chdb') as ChDb;
}

export const CLICKHOUSE_ABSENT =
  'ClickHouse was left out: chdb is not installed (to add it: npm i --no-save chdb, 540 MB)';

export class ClickHouse {
  readonly #session: InstanceType<ChDb['Session']>;
  readonly #folder: string;
  readonly #threads: number;

  private constructor(session: InstanceType<ChDb['Session']>, folder: string, threads: number) {
    this.#session = session;
    this.#folder = folder;
    this.#threads = threads;
  }

  /** An empty database below `parent`; undefined where chDB is not installed. */
  static async open(parent: string, threads: number): Promise<ClickHouse | undefined> {
    const chdb = installed();
    if (!chdb) return undefined;
    const folder = await mkdtemp(path.join(parent, 'clickhouse-'));
    return new ClickHouse(new chdb.Session(path.join(folder, 'data')), folder, threads);
  }

  version(): string {
    return this.rows('SELECT version()')[0]![0]!;
  }

  run(sql: string): void {
    this.#session.query(`${sql} SETTINGS max_threads = ${this.#threads}`, 'Null');
  }

  rows(sql: string): string[][] {
    return this.#session
      .query(sql, 'TabSeparated')
      .trim()
      .split('\n')
      .map((line) => line.split('\t'));
  }

  /** Copies tables from DuckDB. */
  async load(duckdb: DuckDb, tables: readonly { readonly name: string; readonly orderBy: string }[]): Promise<void> {
    for (const { name, orderBy } of tables) {
      const file = path.join(this.#folder, 'table.parquet');
      await duckdb.run(`COPY "${name}" TO '${file}' (FORMAT parquet)`);
      this.#session.query(
        `CREATE TABLE "${name}" ENGINE = MergeTree ORDER BY "${orderBy}"
         AS SELECT * FROM file('${file}', 'Parquet') SETTINGS schema_inference_make_columns_nullable = 0`,
      );
      await rm(file);
    }
  }

  /** The digest of a table of result rows, as `DuckDb.digest` has it. */
  digest(table: string, columns: readonly string[]): string {
    const parts = columns.map((column) => column.split(':') as [string, string?]);
    const text = parts.map(([name, domain]) => (domain === undefined ? `toString(r."${name}")` : `"n ${name}".value`));
    const joins = parts.flatMap(([name, domain]) =>
      domain === undefined ? [] : [`JOIN "names of ${domain}" AS "n ${name}" ON "n ${name}".code = r."${name}"`],
    );
    const half = (from: number) => `toString(sum(toUInt128(reinterpretAsUInt64(substring(MD5(t), ${from}, 8)))))`;
    const [row] = this.rows(`
      SELECT toString(count()), ${half(1)}, ${half(9)}
      FROM (SELECT concat(${['toString(r.run)', ...text].join(", '|', ")}) AS t FROM "${table}" AS r ${joins.join(' ')})`);
    const [count, upper, lower] = row!;
    return digestText(BigInt(count!), BigInt(upper!), BigInt(lower!));
  }

  async close(): Promise<void> {
    this.#session.cleanup();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
