/**
 * Exporting a dataset as the files that other tools read: NDJSON with rows as Log Analytics shows them, or Parquet.
 *
 * Rows are put together from bytes: all columns that one code decides (a user's names and ids, a device with its address)
 * are one piece of JSON, written down once and copied from then on; constants are one piece for the whole file. Only
 * times, numbers and ids are written per row.
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, statSync, write } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { TocsinError } from '../base/errors.ts';
import { formatDatetime, formatTimespan, ticksFromColumnTicks } from '../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType } from '../columns/value.ts';
import { INGESTION_TIME, tableColumns } from '../schema/tables.ts';
import type { FactColumn } from './facts.ts';
import { MAX_ID_BYTES, writeId } from './ids.ts';
import type { Dataset } from './read.ts';
import { type FileRows, mergedOrder, valueOfText } from './rows.ts';
import { TRUTH_FILE, outputError } from './write.ts';
import { NULL_BOOL } from './stored-facts.ts';

export interface ExportOptions {
  /** The folder for the files; made where it does not exist. */
  readonly out: string;
  readonly format: 'ndjson' | 'parquet';
  /** Replace files of the same names. */
  readonly force?: boolean;
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

/** The member that carries the ingestion time, which the importer takes back as such. */
const INGESTION_MEMBER = '_IngestionTime';

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
  try {
    mkdirSync(folder, { recursive: true });
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    const exported: ExportedFile[] = [];
    const totalRows = tables.reduce((sum, { rowCount }) => sum + rowCount, 0);
    let before = 0;
    for (const { table, rowCount } of tables) {
      const ndjson = path.join(partial, `${table}.ndjson`);
      await writeTable(table, dataset.files(table), ndjson, (rows) =>
        options.onProgress?.({ table, rows: before + rows, totalRows }),
      );
      before += rowCount;
      if (format === 'parquet') {
        await toParquet(table, ndjson, path.join(partial, `${table}.parquet`));
        rmSync(ndjson);
      }
      const name = `${table}.${format}`;
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

const FLUSH_BYTES = 4 << 20;

const writeBytes = promisify(write);

/** Bytes on their way to a file. One buffer is filled while the system writes the other. */
class Output {
  readonly #file: number;
  bytes = Buffer.allocUnsafe(FLUSH_BYTES * 2);
  size = 0;
  #spare = Buffer.allocUnsafe(FLUSH_BYTES * 2);
  #writing: Promise<void> = Promise.resolve();

  constructor(target: string) {
    this.#file = openSync(target, 'wx');
  }

  /** Makes room for `length` more bytes. */
  reserve(length: number): void {
    if (this.size + length <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.size + length));
    this.bytes.copy(larger, 0, 0, this.size);
    this.bytes = larger;
  }

  /** Begins to write what there is, once what was given before is written. Signals are heard meanwhile. */
  async flush(): Promise<void> {
    await this.#writing;
    const { bytes, size } = this;
    this.bytes = this.#spare;
    this.#spare = bytes;
    this.size = 0;
    this.#writing = this.#write(bytes, size);
    // Whoever flushes or ends next hears of it.
    this.#writing.catch(() => undefined);
  }

  async #write(bytes: Buffer, size: number): Promise<void> {
    let done = 0;
    while (done < size) done += (await writeBytes(this.#file, bytes, done, size - done)).bytesWritten;
  }

  /** Writes all that is left. */
  async end(): Promise<void> {
    await this.flush();
    await this.#writing;
  }

  /** Appends a text. */
  text(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.reserve(text.length * 3);
    this.size += this.bytes.write(text, this.size, 'utf8');
  }

  piece(piece: Uint8Array): void {
    this.reserve(piece.length);
    this.bytes.set(piece, this.size);
    this.size += piece.length;
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    closeSync(this.#file);
  }
}

/** Appends some of a row's members, each with a comma in front; nothing for those that are null. */
type MemberWriter = (row: number, output: Output) => void;

async function writeTable(
  table: string,
  parts: readonly FileRows[],
  target: string,
  onRows: (rows: number) => void,
): Promise<void> {
  const { order, starts } = mergedOrder(parts);
  const writers = parts.map((part) => memberWriters(table, part));
  const head = Buffer.from(`{"Type":${JSON.stringify(table)}`);
  const output = new Output(target);
  try {
    for (let i = 0; i < order.length; i++) {
      const number = order[i]!;
      const part = partOf(starts, number);
      const row = number - starts[part]!;
      output.piece(head);
      for (const write of writers[part]!) write(row, output);
      output.reserve(2);
      output.bytes[output.size++] = 0x7d;
      output.bytes[output.size++] = 0x0a;
      if (output.size >= FLUSH_BYTES) {
        await output.flush();
        // Whoever listens may throw here.
        onRows(i + 1);
      }
    }
    await output.end();
    onRows(order.length);
  } finally {
    await output.close();
  }
}

function partOf(starts: readonly number[], number: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= number) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The writers of one file's columns: first constants and times, then what codes decide, field by field. */
function memberWriters(table: string, part: FileRows): MemberWriter[] {
  const schema = new Map(tableColumns(table)!.map((column, index) => [column.name, index]));
  const place = (column: FactColumn): number => schema.get(column.name) ?? Number.POSITIVE_INFINITY;
  const columns = part.file.header.columns
    .filter(({ name }) => name !== 'Type' && (schema.has(name) || name === INGESTION_TIME))
    .toSorted((a, b) => place(a) - place(b));
  const constants: string[] = [];
  const byCodes = new Map<string, FactColumn[]>();
  const writers: MemberWriter[] = [];
  for (const column of columns) {
    const { name, type, source } = column;
    const key = `,${JSON.stringify(name === INGESTION_TIME ? INGESTION_MEMBER : name)}:`;
    switch (source.from) {
      case 'constant': {
        const json =
          typeof source.value === 'string'
            ? jsonOfText(type, source.value)
            : typeof source.value === 'number'
              ? jsonOfNumber(type, source.value)
              : String(source.value);
        if (json !== undefined) constants.push(key + json);
        break;
      }
      case 'dimension': {
        const group = byCodes.get(source.field);
        if (group) group.push(column);
        else byCodes.set(source.field, [column]);
        break;
      }
      case 'field':
        writers.push(fieldWriter(key, type, part, source.field));
        break;
      case 'timed': {
        const text = part.timedText(source, (template) => jsonOfText(type, template) ?? '');
        writers.push((row, output) => {
          const json = text(row);
          if (json !== '') output.text(key + json);
        });
        break;
      }
      case 'id': {
        const ids = part.idSource(source);
        const piece = Buffer.from(`${key}"`);
        writers.push((row, output) => {
          output.piece(piece);
          output.reserve(MAX_ID_BYTES + 1);
          output.size = writeId(ids, row, output.bytes, output.size);
          output.bytes[output.size++] = 0x22;
        });
      }
    }
  }
  if (constants.length > 0) {
    const piece = Buffer.from(constants.join(''));
    writers.unshift((_, output) => output.piece(piece));
  }
  for (const [field, group] of byCodes) writers.push(codeWriter(part, field, group));
  return writers;
}

/** The members that one field's codes decide, kept as bytes for each code where codes repeat. */
function codeWriter(part: FileRows, field: string, group: readonly FactColumn[]): MemberWriter {
  const codes = part.field(field).values;
  let size = 0;
  const members = group.map(({ name, type, source }) => {
    const { dimension, attribute } = source as { dimension: string; attribute: string };
    const values = part.attribute(dimension, attribute);
    const isNumbers = values instanceof Float64Array;
    size = isNumbers ? values.length : values.size;
    return {
      key: `,${JSON.stringify(name)}:`,
      json: (code: number): string | undefined =>
        isNumbers ? jsonOfNumber(type, values[code]!) : jsonOfText(type, values.text(code)),
    };
  });
  const textOf = (code: number): string => {
    let text = '';
    for (const { key, json } of members) {
      const value = json(code);
      if (value !== undefined) text += key + value;
    }
    return text;
  };
  if (size * 2 > part.rowCount) return (row, output) => output.text(textOf(codes[row]!));
  const pieces = new Array<Buffer | undefined>(size);
  return (row, output) => {
    const code = codes[row]!;
    output.piece((pieces[code] ??= Buffer.from(textOf(code))));
  };
}

function fieldWriter(key: string, type: ScalarType, part: FileRows, field: string): MemberWriter {
  const { values } = part.field(field);
  if (type === 'datetime') {
    const piece = Buffer.from(`${key}"`);
    return (row, output) => {
      const ticks = values[row]!;
      if (Number.isNaN(ticks)) return;
      output.piece(piece);
      output.reserve(DATETIME_BYTES + 1);
      output.size = writeDatetime(ticks, output.bytes, output.size);
      output.bytes[output.size++] = 0x22;
    };
  }
  if (type === 'bool') {
    const pieces = [Buffer.from(`${key}false`), Buffer.from(`${key}true`)];
    return (row, output) => {
      if (values[row] !== NULL_BOOL) output.piece(pieces[values[row]!]!);
    };
  }
  return (row, output) => {
    const json = jsonOfNumber(type, values[row]!);
    if (json !== undefined) output.text(key + json);
  };
}

/** The JSON of a text in a dimension or a constant; undefined for null and for the empty string. */
function jsonOfText(type: ScalarType, text: string): string | undefined {
  if (text === '') return undefined;
  switch (type) {
    case 'dynamic':
      // Compact, on one line, and JSON for certain.
      return stringifyDynamic(parseDynamic(text));
    case 'bool':
    case 'int':
    case 'long':
      return text;
    case 'real':
      return jsonOfNumber(type, Number(text));
    case 'timespan':
      return `"${formatTimespan(valueOfText(type, text) as bigint)}"`;
    default:
      return JSON.stringify(text);
  }
}

function jsonOfNumber(type: ScalarType, value: number): string | undefined {
  if (Number.isNaN(value)) return undefined;
  switch (type) {
    case 'bool':
      return value === 1 ? 'true' : 'false';
    case 'datetime':
      return `"${formatDatetime(ticksFromColumnTicks(value))}"`;
    case 'timespan':
      return `"${formatTimespan(BigInt(value))}"`;
    case 'real':
      // JSON has no infinities; the importer takes them back from text.
      if (Object.is(value, -0)) return '-0.0';
      return Number.isFinite(value) ? String(value) : `"${value > 0 ? 'Infinity' : '-Infinity'}"`;
    case 'int':
    case 'long':
      return String(value);
    default:
      return JSON.stringify(String(value));
  }
}

const DATETIME_BYTES = 28;
const DAY_TICKS = 864_000_000_000;
const dayBytes = Buffer.alloc(11);
let dayInBytes = Number.NaN;

/** Writes `2026-05-29T10:11:12.1234567Z`; returns the position after it. */
function writeDatetime(columnTicks: number, target: Buffer, at: number): number {
  const day = Math.floor(columnTicks / DAY_TICKS);
  // Rows come in order of time, so the day seldom changes.
  if (day !== dayInBytes) {
    dayBytes.write(formatDatetime(ticksFromColumnTicks(day * DAY_TICKS)).slice(0, 11), 'latin1');
    dayInBytes = day;
  }
  for (let i = 0; i < 11; i++) target[at + i] = dayBytes[i]!;
  const ticks = columnTicks - day * DAY_TICKS;
  const seconds = Math.floor(ticks / 10_000_000);
  writeDigits(Math.floor(seconds / 3600), 2, target, at + 11);
  target[at + 13] = 0x3a;
  writeDigits(Math.floor(seconds / 60) % 60, 2, target, at + 14);
  target[at + 16] = 0x3a;
  writeDigits(seconds % 60, 2, target, at + 17);
  target[at + 19] = 0x2e;
  writeDigits(ticks - seconds * 10_000_000, 7, target, at + 20);
  target[at + 27] = 0x5a;
  return at + DATETIME_BYTES;
}

function writeDigits(number: number, count: number, target: Buffer, at: number): void {
  let rest = number;
  for (let i = count - 1; i >= 0; i--) {
    const tens = Math.floor(rest / 10);
    target[at + i] = 0x30 + rest - tens * 10;
    rest = tens;
  }
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
