/**
 * Importing log files. Records of any shape (record-shapes.ts) become columns as their bytes go by, part by part and on as
 * many threads as there are (import-segment.ts); then each partition is put together from all parts (import-merge.ts).
 * Memory holds the columns, in which a repeated value costs a byte or two a row, and a chunk of a file for each thread. A
 * bad record is counted and named; a file that is no log at all is an error.
 */
import { open, readFile, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { Piscina } from 'piscina';
import { glob, isDynamicPattern } from 'tinyglobby';
import { fromPlainError, type Problem, TocsinError, nearestName } from '../base/errors.ts';
import { columnTicksFromTicks, formatDatetime, parseIsoDatetime, ticksFromColumnTicks } from '../base/time.ts';
import { WORKER_EXEC_ARGV } from '../base/worker-threads.ts';
import { knownTables, tableColumns } from '../schema/tables.ts';
import type { Label } from './facts.ts';
import type { SegmentColumn } from './import-columns.ts';
import { type TableParts, tableParts } from './import-merge.ts';
import { convertToLines, convertible } from './import-convert.ts';
import { type ImportPart, readError, readPart } from './import-part.ts';
import {
  MAX_PROBLEMS,
  type Projection,
  type Segment,
  type SegmentOptions,
  type SegmentTable,
  accountOfInitiator,
  operationColumn,
} from './import-segment.ts';
import {
  type ImportAnswer,
  type ImportTask,
  type PartitionRange,
  type WrittenPartitions,
  loadWriting,
  writePartitions,
} from './import-worker.ts';
import { modeOf } from './json-records.ts';
import type { Manifest } from './manifest.ts';
import { parseTruth } from './read.ts';
import type { TruthIncident } from './truth.ts';
import { type WrittenFile, createDatasetFolder, systemReason } from './write.ts';

export type { Projection } from './import-segment.ts';

export interface ImportProgress {
  readonly file: string;
  /** Bytes of all files that were read, as they lie on disk, and of how many (undefined with stdin). */
  readonly bytes: number;
  readonly totalBytes: number | undefined;
  readonly rows: number;
}

export interface ImportOptions {
  /** The dataset folder to make. */
  readonly out: string;
  /** The table of records that do not say (by `Type`, by a log category) which they belong to. */
  readonly table?: string;
  /** Whether a bad record is an error. */
  readonly strict?: boolean;
  /** Replace the dataset at `out`. */
  readonly force?: boolean;
  /** How many partitions to spread accounts over; by default one for each 100,000 rows. */
  readonly partitionCount?: number;
  /** A truth.ndjson to go with the rows; rows that its events describe are labelled. */
  readonly truth?: string;
  /** What `-` reads; the process's stdin by default. */
  readonly stdin?: Readable;
  /** Worker threads; 0 reads in this thread. The dataset is the same for any number. @defaultValue the number of cores */
  readonly threads?: number;
  /** The columns to keep, by table; other tables are left out, and so the dataset serves only what names no others. */
  readonly columns?: Projection;
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportReport {
  readonly path: string;
  readonly manifest: Manifest;
  readonly rows: number;
  readonly rowsByTable: Readonly<Record<string, number>>;
  readonly files: readonly { readonly file: string; readonly rows: number; readonly badRecords: number }[];
  /** Records of tables that `columns` leaves out. */
  readonly skipped: number;
  readonly badRecords: number;
  /** The first bad records, each with its file and line. */
  readonly problems: readonly Problem[];
  /** By `Table.Column`: values that did not suit the column's type and became null. */
  readonly invalidValues: Readonly<Record<string, number>>;
  /** By table: members that the schema does not know, with how many rows had them. */
  readonly unknownColumns: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Rows without any event time: queries see them, scheduled runs cannot. */
  readonly rowsWithoutTime: number;
  /** Rows that carry no ingestion time; TimeGenerated stands for it. */
  readonly rowsWithoutIngestionTime: number;
  /** Events of the truth file, and how many of them found their row. */
  readonly truthEvents: { readonly total: number; readonly labelled: number };
}

const ROWS_PER_PARTITION = 100_000;
/** Bytes of a plain file that are read on their own. A dataset's bytes do not depend on it, its speed does. */
const PART_BYTES = 32 << 20;
/** Fewer bytes are read sooner than threads start. */
const FEW_BYTES = 24 << 20;
/** Fewer are written sooner than other threads are ready to write. */
const FEW_CELLS = 4_000_000;
const PROGRESS_MS = 100;

/**
 * Makes a dataset of log files: NDJSON, JSON lists and objects, and lists wrapped in `records`, `rows` or `value`, plain,
 * gzipped or compressed with zstd; CSV with a line of names; Parquet.
 *
 * @param paths - files, globs, or `-` for stdin.
 * @throws TocsinError USAGE for an unknown table or a bad count; INPUT for files that cannot be read, that hold no
 * record, and with `strict` for bad records; OUTPUT where `out` cannot be written.
 */
export async function importFiles(paths: readonly string[], options: ImportOptions): Promise<ImportReport> {
  checkOptions(options);
  const found = await findFiles(paths);
  const incidents = options.truth === undefined ? [] : await readTruth(options.truth);
  const folder = await createDatasetFolder(options.out, { force: options.force ?? false });
  let work: Work | undefined;
  try {
    const files = await convertedFiles(found, folder.path);
    const totalBytes = files.some(({ size }) => size === undefined)
      ? undefined
      : files.reduce((sum, { size }) => sum + size!, 0);
    const threads =
      totalBytes !== undefined && totalBytes < FEW_BYTES ? 0 : (options.threads ?? availableParallelism());
    work = threads <= 1 ? new InlineWork() : new PoolWork(threads);
    const read = await readFiles(files, totalBytes, options, work);
    if (options.strict && read.badRecords > 0) throw new TocsinError('INPUT', read.problems);
    const names = files.map(({ file }) => file);
    if (read.rows === 0) throw nothingRead(names, read.problems, read.skipped);

    const partitionCount = options.partitionCount ?? Math.max(1, Math.ceil(read.rows / ROWS_PER_PARTITION));
    const { labels, labelled, total } = labelsOf(read.tables, incidents);
    const tables = Array.from(read.tables, ([table, parts]) =>
      tableParts(table, parts, partitionCount, labels.get(table) ?? []),
    );
    const cells = [...read.tables.values()].flat().reduce((sum, part) => sum + part.rowCount * part.columns.length, 0);
    const writer = cells < FEW_CELLS ? new InlineWork() : work;
    const { files: written, rowsWithoutIngestionTime } = await writer.write(folder.path, tables, partitionCount, () =>
      options.onProgress?.({ file: names.at(-1)!, bytes: totalBytes ?? 0, totalBytes, rows: read.rows }),
    );
    for (const { converted } of files) if (converted) await rm(converted.lines);
    const { start, end } = timeRange(written);
    const unknownColumns = unknownColumnsOf(read.tables);
    const manifest = await folder.commit({
      origin: { kind: 'import', files: names },
      start,
      end,
      partitionCount,
      files: written,
      incidents,
      unknownColumns,
      ...(options.columns && { columns: options.columns }),
    });
    const sum = (of: (part: SegmentTable) => number): number =>
      [...read.tables.values()].flat().reduce((all, part) => all + of(part), 0);
    return {
      path: options.out,
      manifest,
      rows: read.rows,
      rowsByTable: Object.fromEntries(
        Array.from(read.tables, ([table, parts]) => [table, parts.reduce((all, part) => all + part.rowCount, 0)]),
      ),
      files: read.files,
      skipped: read.skipped,
      badRecords: read.badRecords,
      problems: read.problems,
      invalidValues: invalidValuesOf(read.tables),
      unknownColumns,
      rowsWithoutTime: sum((part) => part.rowsWithoutTime),
      rowsWithoutIngestionTime,
      truthEvents: { total, labelled },
    };
  } catch (error) {
    await work?.close();
    work = undefined;
    await folder.abort();
    throw error;
  } finally {
    await work?.close();
  }
}

/** Who reads parts and writes partitions. */
interface Work {
  /**
   * @param onBytes - told how many bytes were read in all since the last time; what it throws ends the work.
   * @param lane - which of the parts that are read at one time it is, from 0.
   * @throws TocsinError
   */
  read(part: ImportPart, options: SegmentOptions, onBytes: (bytes: number) => void, lane: number): Promise<Segment>;
  write(
    folder: string,
    tables: readonly TableParts[],
    partitionCount: number,
    onProgress: () => void,
  ): Promise<WrittenPartitions>;
  /** How many parts are read at one time. */
  readonly concurrency: number;
  close(): Promise<void>;
}

class InlineWork implements Work {
  readonly concurrency = 1;

  read(part: ImportPart, options: SegmentOptions, onBytes: (bytes: number) => void): Promise<Segment> {
    return readPart(part, options, onBytes);
  }

  write(
    folder: string,
    tables: readonly TableParts[],
    partitionCount: number,
    onProgress: () => void,
  ): Promise<WrittenPartitions> {
    return writeHere({ folder, tables, from: 0, to: partitionCount }, onProgress);
  }

  async close(): Promise<void> {}
}

/** Writes partitions in this thread. */
async function writeHere(task: PartitionRange, onProgress: () => void): Promise<WrittenPartitions> {
  const all: WrittenPartitions[] = [];
  for (let partition = task.from; partition < task.to; partition++) {
    all.push(await writePartitions({ ...task, from: partition, to: partition + 1 }));
    // Signals are heard between partitions; whoever listens may throw here.
    await new Promise((resolve) => setImmediate(resolve));
    onProgress();
  }
  return together(all);
}

/** Works on threads, which share the memory of what they read. The first of them is this one, which reads at once. */
class PoolWork implements Work {
  readonly concurrency: number;
  readonly #pool: Piscina<ImportTask, ImportAnswer>;

  constructor(threads: number) {
    this.concurrency = threads;
    this.#pool = new Piscina({
      filename: import.meta.resolve('#import-worker'),
      minThreads: threads - 1,
      maxThreads: threads - 1,
      execArgv: [...WORKER_EXEC_ARGV],
    });
    // What writing needs takes long to load; now the other threads read meanwhile.
    void loadWriting();
  }

  async #run(task: ImportTask, whileRunning: () => void): Promise<ImportAnswer & { ok: true }> {
    const stop = new AbortController();
    let thrown: unknown;
    const timer = setInterval(() => {
      try {
        whileRunning();
      } catch (error) {
        thrown = error;
        stop.abort();
      }
    }, PROGRESS_MS);
    try {
      const answer = await this.#pool.run(task, { signal: stop.signal });
      if (!answer.ok) throw fromPlainError(answer.error);
      return answer;
    } catch (error) {
      throw thrown ?? error;
    } finally {
      clearInterval(timer);
    }
  }

  async read(
    part: ImportPart,
    options: SegmentOptions,
    onBytes: (bytes: number) => void,
    lane: number,
  ): Promise<Segment> {
    if (lane === 0) return readPart(part, options, onBytes);
    const progress = new BigInt64Array(new SharedArrayBuffer(8));
    const answer = await this.#run({ kind: 'read', part, options, progress }, () =>
      onBytes(Number(Atomics.exchange(progress, 0, 0n))),
    );
    onBytes(Number(progress[0]));
    return answer.segment!;
  }

  async write(
    folder: string,
    tables: readonly TableParts[],
    partitionCount: number,
    onProgress: () => void,
  ): Promise<WrittenPartitions> {
    // Every task takes the list of all columns along, so there are few.
    const count = Math.min(partitionCount, this.concurrency * 4);
    const bound = (task: number): number => Math.floor((task * partitionCount) / count);
    const written = new Array<WrittenPartitions>(count);
    let next = 0;
    const writeNext = async (lane: number): Promise<void> => {
      while (next < count) {
        const task = next++;
        const range = { folder, tables, from: bound(task), to: bound(task + 1) };
        if (lane === 0) written[task] = await writeHere(range, onProgress);
        else written[task] = (await this.#run({ kind: 'write', ...range }, onProgress)).written!;
      }
    };
    // This thread last: the others must hear of their work before it is busy.
    await Promise.all(Array.from({ length: this.concurrency }, (_, index) => writeNext(this.concurrency - 1 - index)));
    return together(written);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

function together(all: readonly WrittenPartitions[]): WrittenPartitions {
  return {
    files: all.flatMap(({ files }) => files),
    rowsWithoutIngestionTime: all.reduce((sum, each) => sum + each.rowsWithoutIngestionTime, 0),
  };
}

/** What was read of all files. */
interface ReadFiles {
  readonly rows: number;
  readonly skipped: number;
  readonly badRecords: number;
  readonly problems: readonly Problem[];
  readonly files: ImportReport['files'];
  /** The parts of each table in order, tables in the order in which they were met. */
  readonly tables: ReadonlyMap<string, readonly SegmentTable[]>;
}

/**
 * Reads all files, part by part.
 *
 * @throws TocsinError INPUT for the first file that cannot be read or is no log.
 */
async function readFiles(
  files: readonly InputFile[],
  totalBytes: number | undefined,
  options: ImportOptions,
  work: Work,
): Promise<ReadFiles> {
  const segmentOptions: SegmentOptions = {
    table: options.table,
    keep: options.columns,
    labels: options.truth !== undefined,
  };
  const parts: { readonly file: number; readonly part: ImportPart }[] = [];
  for (const [index, file] of files.entries()) {
    for (const part of await partsOf(file)) parts.push({ file: index, part });
  }
  const segments = new Array<Segment | undefined>(parts.length);
  /** The first part that failed; those behind it are of no use any more. */
  let failed = parts.length;
  let failure: unknown;
  let next = 0;
  let bytesRead = 0;
  let rows = 0;
  const readNext = async (_: unknown, lane: number): Promise<void> => {
    while (next < Math.min(parts.length, failed)) {
      const index = next++;
      const { file, part } = parts[index]!;
      const onBytes = (bytes: number): void => {
        bytesRead += bytes;
        options.onProgress?.({ file: files[file]!.file, bytes: bytesRead, totalBytes, rows });
      };
      try {
        const segment = await (part.kind === 'stream' && files[file]!.file === '-'
          ? readPart(part, segmentOptions, onBytes, options.stdin ?? process.stdin)
          : work.read(part, segmentOptions, onBytes, lane));
        segments[index] = segment;
        rows += segment.rows;
        if (options.strict && segment.badRecords >= MAX_PROBLEMS) failed = Math.min(failed, index + 1);
      } catch (error) {
        if (index < failed) {
          failed = index;
          failure = error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(work.concurrency, parts.length) }, readNext));
  if (failure !== undefined) throw failure;

  const read = parts.flatMap(({ file }, index) => (segments[index] ? [{ file, segment: segments[index] }] : []));
  const problems: Problem[] = [];
  const counts: { file: string; rows: number; badRecords: number }[] = [];
  for (const [index, { file, converted }] of files.entries()) {
    const name = file === '-' ? 'stdin' : file;
    const own = read.filter((each) => each.file === index).map(({ segment }) => segment);
    const found = problemsOf(name, own, converted?.shift ?? 0);
    const count = {
      file: name,
      rows: own.reduce((sum, segment) => sum + segment.rows, 0),
      badRecords: own.reduce((sum, segment) => sum + segment.badRecords, 0),
    };
    const others = own.reduce((sum, segment) => sum + segment.skipped, 0);
    if (count.rows + others === 0 && count.badRecords > 0) throw new TocsinError('INPUT', found);
    problems.push(...found);
    counts.push(count);
  }
  const tables = new Map<string, SegmentTable[]>();
  for (const { segment } of read) {
    for (const part of segment.tables) {
      const known = tables.get(part.table);
      if (known) known.push(part);
      else tables.set(part.table, [part]);
    }
  }
  return {
    rows,
    skipped: read.reduce((sum, { segment }) => sum + segment.skipped, 0),
    badRecords: read.reduce((sum, { segment }) => sum + segment.badRecords, 0),
    problems: problems.slice(0, MAX_PROBLEMS),
    files: counts,
    tables,
  };
}

/** The first bad records of a file, at their lines. */
function problemsOf(file: string, segments: readonly Segment[], shift: number): Problem[] {
  const problems: Problem[] = [];
  let lines = shift;
  for (const segment of segments) {
    for (const { line, message, hint } of segment.problems) {
      problems.push({ message, hint, position: { file, line: lines + line, column: 1 } });
    }
    lines += segment.lines;
  }
  return problems.slice(0, MAX_PROBLEMS);
}

/** How a file is cut up: a plain one of lines by its size, any other not at all. */
async function partsOf({ file: given, size, converted }: InputFile): Promise<ImportPart[]> {
  const file = converted?.lines ?? given;
  const stream: ImportPart[] = [{ kind: 'stream', file: file === '-' ? 'stdin' : file }];
  if (size === undefined || size <= PART_BYTES) return stream;
  try {
    const handle = await open(file);
    try {
      const head = Buffer.alloc(MAX_HEAD_BYTES);
      const { bytesRead } = await handle.read(head, 0, head.length, 0);
      const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
      const text = head.subarray(start, bytesRead);
      // What is compressed, UTF-16, or has no whole line here goes the long way.
      if (text[0] !== 0x7b || modeOf(text, false) !== 'lines') return stream;
      const parts: ImportPart[] = [];
      for (let from = start; from < size; from += PART_BYTES) {
        parts.push({ kind: 'lines', file, from, to: Math.min(from + PART_BYTES, size), isStart: from === start });
      }
      return parts;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(file, error);
  }
}

/** Bytes in which a large file must show that it is made of lines. */
const MAX_HEAD_BYTES = 1 << 20;

interface InputFile {
  readonly file: string;
  /** Undefined for stdin. */
  readonly size: number | undefined;
  /** Where its rows stand as lines of JSON, where it was no JSON; and how many lines they stand further up there. */
  readonly converted?: { readonly lines: string; readonly shift: number };
}

/** Turns what is no JSON into lines, in files of a folder of ours. */
async function convertedFiles(files: readonly InputFile[], folder: string): Promise<InputFile[]> {
  const all: InputFile[] = [];
  for (const [index, file] of files.entries()) {
    const kind = file.size === undefined || file.size === 0 ? undefined : await convertible(file.file);
    if (!kind) {
      all.push(file);
      continue;
    }
    const lines = path.join(folder, `converted-${index}.ndjson`);
    await convertToLines(file.file, kind, lines);
    const { size } = await stat(lines);
    if (size === 0) throw new TocsinError('INPUT', `${file.file}: holds no rows`);
    all.push({ file: file.file, size, converted: { lines, shift: kind === 'csv' ? 1 : 0 } });
  }
  return all;
}

function unknownColumnsOf(tables: ReadFiles['tables']): Record<string, Record<string, number>> {
  const byTable: Record<string, Record<string, number>> = {};
  for (const [table, parts] of tables) {
    const counts = new Map<string, number>();
    for (const { unknown } of parts)
      for (const [name, rows] of unknown) counts.set(name, (counts.get(name) ?? 0) + rows);
    if (counts.size > 0) byTable[table] = Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
  return byTable;
}

function invalidValuesOf(tables: ReadFiles['tables']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [table, parts] of tables) {
    for (const { columns } of parts) {
      for (const { name, invalid } of columns) {
        if (invalid > 0) counts[`${table}.${name}`] = (counts[`${table}.${name}`] ?? 0) + invalid;
      }
    }
  }
  return counts;
}

/** Labels for the rows that events of the truth describe: same table, TimeGenerated, account and operation. */
function labelsOf(
  tables: ReadFiles['tables'],
  incidents: readonly TruthIncident[],
): { readonly labels: ReadonlyMap<string, readonly Label[]>; readonly labelled: number; readonly total: number } {
  const events = incidents.flatMap((incident) => incident.events);
  const labels = new Map<string, Label[]>();
  let labelled = 0;
  for (const [table, parts] of tables) {
    const wanted = new Map<number, { id: string; account: string; operation: string }[]>();
    for (const event of events) {
      const ticks = event.table === table ? parseIsoDatetime(event.generated) : undefined;
      if (ticks === undefined) continue;
      const at = columnTicksFromTicks(ticks);
      const others = wanted.get(at);
      if (others) others.push(event);
      else wanted.set(at, [event]);
    }
    if (wanted.size === 0) continue;
    const own: Label[] = [];
    // Nearly all rows are of no event, which this tells sooner than the map does.
    const mayBeWanted = new Uint8Array(1 << 16);
    for (const at of wanted.keys()) mayBeWanted[lowBits(at)] = 1;
    let base = 0;
    for (const part of parts) {
      const times = part.columns.find(({ name }) => name === 'TimeGenerated') as SegmentColumn & { kind: 'numbers' };
      const { values } = times;
      for (let row = 0; row < part.rowCount; row++) {
        const at = values[row]!;
        const candidates = mayBeWanted[lowBits(at)] === 1 ? wanted.get(at) : undefined;
        if (!candidates) continue;
        const account = accountOf(part, row).toLowerCase();
        const named = textOf(part, operationColumn(table), row);
        const index = candidates.findIndex(
          (event) => event.account.toLowerCase() === account && event.operation === named,
        );
        if (index >= 0) own.push({ row: base + row, event: candidates.splice(index, 1)[0]!.id });
      }
      base += part.rowCount;
    }
    labels.set(table, own);
    labelled += own.length;
  }
  return { labels, labelled, total: events.length };
}

/** Sixteen bits of a time. */
function lowBits(columnTicks: number): number {
  return (columnTicks - Math.floor(columnTicks / 65_536) * 65_536) | 0;
}

/** The acting account of a row as truth shows it. */
function accountOf(part: SegmentTable, row: number): string {
  const has = (name: string): boolean => part.columns.some((column) => column.name === name);
  if (part.table === 'AuditLogs' && has('InitiatedBy')) return accountOfInitiator(textOf(part, 'InitiatedBy', row));
  return textOf(part, has('UserPrincipalName') ? 'UserPrincipalName' : 'ServicePrincipalName', row);
}

function textOf(part: SegmentTable, name: string, row: number): string {
  const column = part.columns.find((candidate) => candidate.name === name);
  if (column?.kind !== 'texts') return '';
  const { codes, offsets, bytes } = column;
  const start = offsets[codes[row]!]!;
  const length = offsets[codes[row]! + 1]! - start;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('utf8');
}

function checkOptions({ table, partitionCount }: ImportOptions): void {
  if (table !== undefined && !tableColumns(table)) {
    const near = nearestName(table, knownTables());
    throw new TocsinError('USAGE', {
      message: `table '${table}' is not known`,
      hint: near ? `did you mean ${near}?` : `known tables: ${knownTables().join(', ')}`,
    });
  }
  if (
    partitionCount !== undefined &&
    !(Number.isInteger(partitionCount) && partitionCount >= 1 && partitionCount <= 65_536)
  ) {
    throw new TocsinError('USAGE', `the partition count is ${partitionCount}, expected a whole number from 1 to 65536`);
  }
}

async function findFiles(paths: readonly string[]): Promise<InputFile[]> {
  if (paths.length === 0) throw new TocsinError('USAGE', 'no file to import was named');
  const found = new Map<string, { file: string; size: number | undefined }>();
  const problems: Problem[] = [];
  for (const given of paths) {
    if (given === '-') {
      found.set('-', { file: '-', size: undefined });
      continue;
    }
    let names = [given];
    const isThere = await stat(given).then(
      () => true,
      () => false,
    );
    if (!isThere && isDynamicPattern(given)) {
      names = (await glob(given, { onlyFiles: true, expandDirectories: false })).sort();
      if (names.length === 0) problems.push({ message: `${given}: no file matches` });
    }
    for (const name of names) {
      try {
        const entry = await stat(name);
        if (entry.isDirectory()) {
          problems.push({ message: `${name}: is a folder`, hint: `name its files, as in '${name}/*.json'` });
        } else if (!found.has(path.resolve(name))) found.set(path.resolve(name), { file: name, size: entry.size });
      } catch (error) {
        problems.push({ message: `${name}: cannot be read: ${systemReason(error)}` });
      }
    }
  }
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  return [...found.values()];
}

async function readTruth(file: string): Promise<TruthIncident[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new TocsinError('INPUT', `${file}: cannot be read: ${systemReason(error)}`, { cause: error });
  }
  return parseTruth(file, text);
}

function nothingRead(files: readonly string[], problems: readonly Problem[], skipped: number): TocsinError {
  if (problems.length > 0) return new TocsinError('INPUT', problems);
  if (skipped > 0) {
    return new TocsinError('INPUT', `${files.join(', ')}: all ${skipped} records are of tables that are left out`);
  }
  return new TocsinError('INPUT', `${files.join(', ')}: not one record was found`);
}

function timeRange(files: readonly WrittenFile[]): { start: string; end: string } {
  let start: string | undefined;
  let last: string | undefined;
  for (const { firstGenerated, lastGenerated } of files) {
    if (firstGenerated !== undefined && (start === undefined || firstGenerated < start)) start = firstGenerated;
    if (lastGenerated !== undefined && (last === undefined || lastGenerated > last)) last = lastGenerated;
  }
  // Where no row has a time, the range is empty.
  if (start === undefined || last === undefined) {
    const zero = formatDatetime(ticksFromColumnTicks(0));
    return { start: zero, end: zero };
  }
  return { start, end: formatDatetime(parseIsoDatetime(last)! + 1n) };
}
