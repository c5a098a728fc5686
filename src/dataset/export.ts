/**
 * Exporting a dataset as the files that other tools read: NDJSON with rows as Log Analytics shows them, plain or gzipped, or
 * Parquet. The lines of a table are made piece by piece (export-lines.ts), by all threads, and written in their order.
 */
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open, readdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Piscina } from 'piscina';
import { TocsinError, fromPlainError } from '../base/errors.ts';
import { WORKER_EXEC_ARGV } from '../base/worker-threads.ts';
import type { ScalarType } from '../columns/value.ts';
import { tableColumns } from '../schema/tables.ts';
import { INGESTION_MEMBER, TableLines } from './export-lines.ts';
import { type LinesAnswer, type LinesTask, type MadeLines, madeLines } from './export-worker.ts';
import type { Dataset } from './read.ts';
import { type FileRows, mergedOrder } from './rows.ts';
import { TRUTH_FILE, outputError } from './write.ts';

/** The forms that a dataset is exported in; a table's file is named after it. */
export type ExportFormat = 'ndjson' | 'ndjson.gz' | 'parquet';

export interface ExportOptions {
  /** The folder for the files; made where it does not exist. */
  readonly out: string;
  readonly format: ExportFormat;
  /** Replace files of the same names. */
  readonly force?: boolean;
  /** Worker threads; up to 1 exports in this thread. The files are the same for any number. @defaultValue the number of cores */
  readonly threads?: number;
  readonly onProgress?: (progress: {
    readonly table: string;
    readonly rows: number;
    readonly totalRows: number;
  }) => void;
}

export interface ExportedFile {
  readonly table: string;
  readonly file: string;
  readonly rows: number;
  readonly sizeBytes: number;
}

/**
 * Writes one file for each table of a dataset, rows in order of TimeGenerated over all partitions, and the truth beside
 * them. A file has its name only once it is whole.
 *
 * @throws TocsinError OUTPUT where a file exists (without `force`) or cannot be written.
 */
export async function exportDataset(dataset: Dataset, options: ExportOptions): Promise<ExportedFile[]> {
  const { out, format } = options;
  const folder = path.resolve(out);
  const tables = dataset.manifest.tables.filter(({ rowCount }) => rowCount > 0);
  const names = [...tables.map(({ table }) => `${table}.${format}`), TRUTH_FILE];
  const isNew = await checkFolder(out, folder, names, options.force ?? false);
  const truth = await dataset.truth();
  const partial = path.join(folder, `.partial-${process.pid}`);
  const remove = (): void => rmSync(isNew ? folder : partial, { recursive: true, force: true });
  process.on('exit', remove);
  const totalRows = tables.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const threads = totalRows < FEW_ROWS ? 0 : (options.threads ?? availableParallelism());
  const maker = new LinesMaker(dataset, threads, format === 'ndjson.gz');
  try {
    mkdirSync(folder, { recursive: true });
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    const exported: ExportedFile[] = [];
    let before = 0;
    for (const { table, rowCount } of tables) {
      const name = `${table}.${format}`;
      const lines = path.join(partial, format === 'parquet' ? `${table}.ndjson` : name);
      await writeTable(table, dataset, maker, lines, (rows) =>
        options.onProgress?.({ table, rows: before + rows, totalRows }),
      );
      before += rowCount;
      if (format === 'parquet') {
        await toParquet(table, lines, path.join(partial, name));
        rmSync(lines);
      }
      exported.push({
        table,
        file: path.join(out, name),
        rows: rowCount,
        sizeBytes: statSync(path.join(partial, name)).size,
      });
    }
    await writeFile(path.join(partial, TRUTH_FILE), truth.map((incident) => `${JSON.stringify(incident)}\n`).join(''));
    for (const name of names) renameSync(path.join(partial, name), path.join(folder, name));
    rmSync(partial, { recursive: true, force: true });
    return exported;
  } catch (error) {
    remove();
    throw outputError(out, error);
  } finally {
    await maker.close();
    process.off('exit', remove);
  }
}

/** Whether the folder has to be made. */
async function checkFolder(out: string, folder: string, names: readonly string[], force: boolean): Promise<boolean> {
  let present: string[];
  try {
    present = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (code === 'ENOTDIR') throw new TocsinError('OUTPUT', `${out}: is a file, expected a folder to write to`);
    throw outputError(out, error);
  }
  const taken = names.find((name) => present.includes(name));
  if (taken !== undefined && !force) {
    throw new TocsinError('OUTPUT', {
      message: `${path.join(out, taken)}: the file exists`,
      hint: 'choose another folder, or replace its files with --force',
    });
  }
  return false;
}

/** Rows whose lines are made in one go: a few megabytes. Gzipped, they are a member of their own. */
const ROWS_AT_ONCE = 1000;
/** Fewer rows are exported sooner than threads start. */
const FEW_ROWS = 100_000;

/** Makes the lines of tables, in this thread or in others. */
class LinesMaker {
  readonly #dataset: Dataset;
  readonly #isGzipped: boolean;
  readonly #pool: Piscina<LinesTask, LinesAnswer> | undefined;
  /** How many pieces are made at one time, or wait to be written. */
  readonly window: number;

  constructor(dataset: Dataset, threads: number, isGzipped: boolean) {
    this.#dataset = dataset;
    this.#isGzipped = isGzipped;
    this.window = threads <= 1 ? 1 : threads * 2;
    if (threads > 1) {
      this.#pool = new Piscina({
        filename: import.meta.resolve('#export-worker'),
        minThreads: threads,
        maxThreads: threads,
        execArgv: [...WORKER_EXEC_ARGV],
      });
    }
  }

  /** How to make the lines of some rows of a table. */
  of(
    table: string,
    files: readonly FileRows[],
    starts: readonly number[],
  ): (numbers: Uint32Array, room: ArrayBuffer) => Promise<MadeLines> {
    const pool = this.#pool;
    const isGzipped = this.#isGzipped;
    if (!pool) {
      const lines = new TableLines(table, files, starts);
      return async (numbers, room) => madeLines(lines, { numbers, isGzipped, room });
    }
    const dataset = this.#dataset.path;
    return async (numbers, room) => {
      const task = { dataset, table, starts, numbers, isGzipped, room };
      const answer = await pool.run(task, { transferList: [room] });
      if (!answer.ok) throw fromPlainError(answer.error);
      return answer;
    };
  }

  async close(): Promise<void> {
    await this.#pool?.destroy();
  }
}

async function writeTable(
  table: string,
  dataset: Dataset,
  maker: LinesMaker,
  target: string,
  onRows: (rows: number) => void,
): Promise<void> {
  const files = dataset.files(table);
  const { order, starts } = mergedOrder(files);
  const make = maker.of(table, files, starts);
  const file = await open(target, 'wx');
  const rooms: ArrayBuffer[] = [];
  let writing: Promise<void> = Promise.resolve();
  try {
    const made: Promise<MadeLines>[] = [];
    let next = 0;
    for (let from = 0; from < order.length; from += ROWS_AT_ONCE) {
      for (; made.length < maker.window && next < order.length; next += ROWS_AT_ONCE) {
        made.push(heard(make(order.slice(next, next + ROWS_AT_ONCE), rooms.pop() ?? new ArrayBuffer(0))));
      }
      const { bytes, room } = await made.shift()!;
      await writing;
      writing = heard(file.writeFile(bytes).then(() => void rooms.push(room)));
      // Whoever listens may throw here.
      onRows(Math.min(from + ROWS_AT_ONCE, order.length));
    }
    await writing;
  } finally {
    await writing.catch(() => undefined);
    await file.close();
  }
}

/** A promise that is waited for later: until then it may fail without anyone listening. */
function heard<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}

/** Parquet types; a datetime keeps its 100 ns as nanoseconds, and what is dynamic is JSON text. */
const PARQUET_TYPES: Readonly<Record<ScalarType, string>> = {
  bool: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  real: 'DOUBLE',
  decimal: 'VARCHAR',
  datetime: 'TIMESTAMP_NS',
  timespan: 'VARCHAR',
  string: 'VARCHAR',
  guid: 'UUID',
  dynamic: 'JSON',
};

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Turns a table's NDJSON into Parquet with the types of its schema. */
async function toParquet(table: string, source: string, target: string): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    const columns = [...tableColumns(table)!, { name: INGESTION_MEMBER, type: 'datetime' as const }];
    // Times are read as text: the JSON reader knows microseconds only.
    const read = columns.map(({ name, type }) => {
      const sqlType = type === 'datetime' || type === 'guid' ? 'VARCHAR' : PARQUET_TYPES[type];
      return `${sqlText(name)}: ${sqlText(sqlType)}`;
    });
    const select = columns.map(({ name, type }) => {
      const column = `"${name}"`;
      if (type === 'string') return `coalesce(${column}, '') AS ${column}`;
      return type === 'datetime' || type === 'guid'
        ? `try_cast(${column} AS ${PARQUET_TYPES[type]}) AS ${column}`
        : column;
    });
    await connection.run(
      `COPY (SELECT ${select.join(', ')} FROM read_json(${sqlText(source)}, format = 'newline_delimited', ` +
        `maximum_object_size = 268435456, columns = {${read.join(', ')}})) TO ${sqlText(target)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    connection.closeSync();
  } catch (error) {
    throw new TocsinError('OUTPUT', `${target}: cannot be written: ${(error as Error).message}`, { cause: error });
  } finally {
    instance.closeSync();
  }
}
