/**
 * Importing log files. Records of any shape (record-shapes.ts) become columns as their bytes go by; memory holds one
 * chunk of a file and the columns, in which a repeated value costs a byte or two a row. A bad record is counted and
 * named; a file that is no log at all is an error.
 */
import { open, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable, pipeline } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { glob, isDynamicPattern } from 'tinyglobby';
import { type Problem, TocsinError, nearestName } from '../base/errors.ts';
import { columnTicksFromTicks, formatDatetime, parseIsoDatetime, ticksFromColumnTicks } from '../base/time.ts';
import type { ScalarType } from '../columns/value.ts';
import { INGESTION_TIME, knownTables, tableColumns } from '../schema/tables.ts';
import { partitionOf } from '../schema/account.ts';
import { type Dimension, type FactColumn, type Facts, type FieldArray, type Label, ROW_ORDER_FIELD } from './facts.ts';
import { type GrowingColumn, MalformedValue, GrowingNumbers, GrowingTexts, growingColumn } from './import-columns.ts';
import {
  KIND,
  type MemberName,
  Members,
  type RecordSink,
  RecordSplitter,
  memberNames,
  wrapperMember,
} from './json-records.ts';
import type { Manifest } from './manifest.ts';
import { parseTruth } from './read.ts';
import { PICKED_MEMBERS, type Place, RecordShape, tableOfCategory } from './record-shapes.ts';
import type { TruthIncident } from './truth.ts';
import { type WrittenFile, createDatasetFolder, systemReason, writePartition } from './write.ts';

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
  readonly onProgress?: (progress: ImportProgress) => void;
}

export interface ImportReport {
  readonly path: string;
  readonly manifest: Manifest;
  readonly rows: number;
  readonly rowsByTable: Readonly<Record<string, number>>;
  readonly files: readonly { readonly file: string; readonly rows: number; readonly badRecords: number }[];
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

const MAX_PROBLEMS = 10;
const ROWS_PER_PARTITION = 100_000;
const CHUNK_BYTES = 4 << 20;

/**
 * Makes a dataset of log files: NDJSON, JSON lists and objects, and lists wrapped in `records`, `rows` or `value`, plain
 * or gzipped.
 *
 * @param paths - files, globs, or `-` for stdin.
 * @throws TocsinError USAGE for an unknown table or a bad count; INPUT for files that cannot be read, that hold no
 * record, and with `strict` for bad records; OUTPUT where `out` cannot be written.
 */
export async function importFiles(paths: readonly string[], options: ImportOptions): Promise<ImportReport> {
  checkOptions(options);
  const files = await findFiles(paths);
  const incidents = options.truth === undefined ? [] : await readTruth(options.truth);
  const folder = await createDatasetFolder(options.out, { force: options.force ?? false });
  try {
    const importer = new Importer(options.table);
    const totalBytes = files.some(({ size }) => size === undefined)
      ? undefined
      : files.reduce((sum, { size }) => sum + size!, 0);
    let bytesBefore = 0;
    for (const { file, size } of files) {
      await importer.read(file, options, (bytes) =>
        options.onProgress?.({ file, bytes: bytesBefore + bytes, totalBytes, rows: importer.rows }),
      );
      bytesBefore += size ?? 0;
    }
    if (options.strict && importer.badRecords > 0) throw new TocsinError('INPUT', importer.problems);
    if (importer.rows === 0)
      throw nothingRead(
        files.map(({ file }) => file),
        importer,
      );

    const partitionCount = options.partitionCount ?? Math.max(1, Math.ceil(importer.rows / ROWS_PER_PARTITION));
    const truthEvents = importer.label(incidents);
    const written: WrittenFile[] = [];
    for (let partition = 0; partition < partitionCount; partition++) {
      written.push(...writePartition(folder.path, partition, importer.facts(partition, partitionCount)));
      // Signals are heard between partitions; whoever listens may throw here.
      await setImmediate();
      options.onProgress?.({ file: files.at(-1)!.file, bytes: bytesBefore, totalBytes, rows: importer.rows });
    }
    const { start, end } = timeRange(written);
    const unknownColumns = importer.unknownColumns();
    const manifest = await folder.commit({
      origin: { kind: 'import', files: files.map(({ file }) => file) },
      start,
      end,
      partitionCount,
      files: written,
      incidents,
      unknownColumns,
    });
    return {
      path: options.out,
      manifest,
      rows: importer.rows,
      rowsByTable: importer.rowsByTable(),
      files: importer.files,
      badRecords: importer.badRecords,
      problems: importer.problems,
      invalidValues: importer.invalidValues(),
      unknownColumns,
      rowsWithoutTime: importer.rowsWithoutTime,
      rowsWithoutIngestionTime: importer.rowsWithoutIngestionTime,
      truthEvents,
    };
  } catch (error) {
    await folder.abort();
    throw error;
  }
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

async function findFiles(paths: readonly string[]): Promise<{ file: string; size: number | undefined }[]> {
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

function nothingRead(files: readonly string[], importer: Importer): TocsinError {
  if (importer.problems.length > 0) return new TocsinError('INPUT', importer.problems);
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

/** What bytes that are not JSON seem to be, by their first ones. */
const SIGNATURES: readonly (readonly [bytes: string, what: string])[] = [
  ['PAR1', 'a Parquet file'],
  ['ARROW1', 'an Arrow file'],
  ['PK\u0003\u0004', 'a zip archive (or an Excel workbook)'],
  ['\u0028\u00b5\u002f\u00fd', 'compressed with zstd'],
  ['BZh', 'compressed with bzip2'],
  ['\u00fd7zXZ', 'compressed with xz'],
  ['Obj\u0001', 'an Avro file'],
  ['SQLite format', 'a SQLite database'],
  ['<', 'XML or HTML'],
];

/** @throws TocsinError INPUT where a file's first bytes cannot be JSON. */
function checkLooksLikeJson(file: string, head: Buffer): void {
  const text = head.toString('latin1', 0, 4096);
  const signature = SIGNATURES.find(([bytes]) => text.startsWith(bytes));
  const hint = 'export the log as JSON, one record a line';
  if (signature) throw new TocsinError('INPUT', { message: `${file}: is ${signature[1]}, expected JSON`, hint });
  if (text.includes('\0')) throw new TocsinError('INPUT', { message: `${file}: is binary, expected JSON`, hint });
  const first = text.trimStart()[0];
  const firstLine = text.trimStart().split('\n', 1)[0]!;
  if (
    first !== '{' &&
    first !== '[' &&
    first !== undefined &&
    firstLine.split(',').length > 2 &&
    !firstLine.includes('{')
  ) {
    throw new TocsinError('INPUT', { message: `${file}: looks like CSV, expected JSON`, hint });
  }
}

async function* concatenated(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** The bytes of a file, or of a stream as they come. With `reuse` a chunk is valid only until the next is asked for. */
async function* rawBytes(source: string | Readable, reading: { reuse: boolean }): AsyncGenerator<Buffer> {
  if (typeof source !== 'string') {
    for await (const chunk of source) yield chunk as Buffer;
    return;
  }
  const handle = await open(source);
  try {
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      if (!reading.reuse) buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    }
  } finally {
    await handle.close();
  }
}

/** The bytes of a file as UTF-8 text: gunzipped, from UTF-16 where it says so, without a byte order mark. */
async function* textBytes(
  file: string,
  source: string | Readable,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const reading = { reuse: false };
  let count = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of rawBytes(source, reading)) {
      count += chunk.length;
      yield chunk;
      onBytes(count);
    }
  }
  const raw = counted();
  let head = await headOf(raw);
  let chunks: AsyncIterator<Buffer> = raw;
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const gunzip = createGunzip({ chunkSize: 1 << 20 });
    // An error of either side destroys the other and surfaces where the chunks are read.
    pipeline(Readable.from(concatenated(head, raw)), gunzip, () => undefined);
    chunks = gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    head = await headOf(chunks);
  } else reading.reuse = true;
  if (head[0] === 0xff && head[1] === 0xfe) {
    const decoder = new TextDecoder('utf-16le');
    for await (const chunk of concatenated(head, chunks)) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    return;
  }
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) head = head.subarray(3);
  checkLooksLikeJson(file, head);
  yield* concatenated(head, chunks);
}

/** The first bytes, at least 4 KiB where there are as many. */
async function headOf(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4096) {
    const next = await chunks.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

/** A member name that was met, and the columns that its values go to. */
interface KnownMember {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly strong: readonly GrowingColumn[];
  readonly weak: readonly GrowingColumn[];
  /** How many rows had it, where the schema does not know it. */
  unknownRows: number;
  readonly isUnknown: boolean;
}

/** Finds members by their bytes; records of one source have theirs in one order, so the place in it is tried first. */
class MemberTable {
  readonly #byPosition: (KnownMember | undefined)[] = [];
  readonly #byHash = new Map<number, KnownMember[]>();
  readonly #make: (name: string) => Pick<KnownMember, 'strong' | 'weak' | 'isUnknown'>;

  constructor(make: (name: string) => Pick<KnownMember, 'strong' | 'weak' | 'isUnknown'>) {
    this.#make = make;
  }

  find(bytes: Buffer, members: Members, index: number): KnownMember {
    const guess = this.#byPosition[index];
    if (guess && isMember(guess, bytes, members, index)) return guess;
    const hash = members.keyHash[index]!;
    let chain = this.#byHash.get(hash);
    if (!chain) this.#byHash.set(hash, (chain = []));
    let known = chain.find((member) => isMember(member, bytes, members, index));
    if (!known) {
      known = {
        ...this.#make(members.key(bytes, index)),
        bytes: Uint8Array.from(bytes.subarray(members.keyStart[index]!, members.keyEnd[index]!)),
        hash,
        unknownRows: 0,
      };
      chain.push(known);
    }
    this.#byPosition[index] = known;
    return known;
  }

  /** Members that the schema does not know. */
  unknown(): [name: string, rows: number][] {
    return [...this.#byHash.values()]
      .flat()
      .flatMap((member): [string, number][] =>
        member.isUnknown && member.unknownRows > 0
          ? [[Buffer.from(member.bytes).toString('utf8'), member.unknownRows]]
          : [],
      );
  }
}

function isMember(member: KnownMember, bytes: Uint8Array, members: Members, index: number): boolean {
  const start = members.keyStart[index]!;
  const { length } = member.bytes;
  if (member.hash !== members.keyHash[index] || members.keyEnd[index]! - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== member.bytes[i]) return false;
  return true;
}

/** The rows of one table so far. */
class GrowingTable {
  readonly table: string;
  rowCount = 0;
  readonly columns = new Map<string, { readonly type: ScalarType; readonly column: GrowingColumn }>();
  readonly members: Readonly<Record<Place, MemberTable>>;
  readonly #shape: RecordShape;
  readonly #time: GrowingNumbers;
  /** Event times that stand in for TimeGenerated. */
  readonly #eventTimes: readonly GrowingNumbers[];
  /** Columns that the row being written has set. */
  readonly #touched: GrowingColumn[] = [];
  readonly #unknown: KnownMember[] = [];
  readonly #later: number[] = [];
  readonly #laterColumns: GrowingColumn[] = [];
  #partitions: { readonly count: number; readonly rows: readonly Uint32Array[] } | undefined;
  labels: readonly Label[] = [];
  rowsWithoutIngestionTime = 0;
  rowsWithoutTime = 0;

  constructor(table: string) {
    this.table = table;
    this.#shape = new RecordShape(table);
    this.#time = new GrowingNumbers('datetime', true);
    this.columns.set('TimeGenerated', { type: 'datetime', column: this.#time });
    this.columns.set(INGESTION_TIME, { type: 'datetime', column: new GrowingNumbers('datetime', true) });
    this.#eventTimes = ['CreatedDateTime', 'ActivityDateTime'].flatMap((name) =>
      tableColumns(table)!.some((column) => column.name === name)
        ? [this.#column(name, 'datetime') as GrowingNumbers]
        : [],
    );
    const memberTable = (place: Place): MemberTable =>
      new MemberTable((name) => {
        const { columns, unknown } = this.#shape.target(name, place);
        const pick = (weak: boolean): GrowingColumn[] =>
          columns.filter((target) => target.weak === weak).map(({ column }) => this.#column(column.name, column.type));
        return { strong: pick(false), weak: pick(true), isUnknown: unknown };
      });
    this.members = { body: memberTable('body'), envelope: memberTable('envelope') };
  }

  #column(name: string, type: ScalarType): GrowingColumn {
    let known = this.columns.get(name);
    if (!known) this.columns.set(name, (known = { type, column: growingColumn(type, PICKED_MEMBERS[name]) }));
    return known.column;
  }

  /**
   * Adds a row of one or two objects' members, the body first.
   *
   * @throws MalformedValue, with the row undone.
   */
  add(bytes: Buffer, parts: readonly (readonly [Members, Place])[]): void {
    const row = this.rowCount;
    const touched = this.#touched;
    touched.length = 0;
    const unknown = this.#unknown;
    unknown.length = 0;
    try {
      this.#later.length = 0;
      this.#laterColumns.length = 0;
      for (let part = 0; part < parts.length; part++) {
        const [members, place] = parts[part]!;
        const table = this.members[place];
        for (let index = 0; index < members.count; index++) {
          const member = table.find(bytes, members, index);
          const { strong, weak } = member;
          for (let i = 0; i < strong.length; i++) {
            if (strong[i]!.lastRow !== row) this.#set(strong[i]!, row, bytes, members, index);
          }
          for (let i = 0; i < weak.length; i++) {
            this.#later.push(part, index);
            this.#laterColumns.push(weak[i]!);
          }
          if (member.isUnknown) unknown.push(member);
        }
      }
      for (let i = 0; i < this.#laterColumns.length; i++) {
        const column = this.#laterColumns[i]!;
        if (column.lastRow === row) continue;
        this.#set(column, row, bytes, parts[this.#later[2 * i]!]![0], this.#later[2 * i + 1]!);
      }
    } catch (error) {
      for (const column of touched) column.clear(row);
      throw error;
    }
    for (const member of unknown) member.unknownRows++;
    if (this.#time.lastRow !== row || Number.isNaN(this.#time.get(row))) {
      const stand = this.#eventTimes.find((column) => column.lastRow === row && !Number.isNaN(column.get(row)));
      if (stand) this.#time.put(row, stand.get(row));
      else this.rowsWithoutTime++;
    }
    this.rowCount++;
  }

  #set(column: GrowingColumn, row: number, bytes: Buffer, members: Members, index: number): void {
    this.#touched.push(column);
    column.set(
      row,
      bytes,
      members.valueStart[index]!,
      members.valueEnd[index]!,
      members.valueHash[index]!,
      members.kind[index]!,
    );
  }

  #text(name: string): GrowingTexts | undefined {
    return this.columns.get(name)?.column as GrowingTexts | undefined;
  }

  /** The acting account of a row as truth shows it, for labels. */
  accountOf(): (row: number) => string {
    const initiatedBy = this.table === 'AuditLogs' ? this.#text('InitiatedBy') : undefined;
    const name = initiatedBy ?? this.#text('UserPrincipalName') ?? this.#text('ServicePrincipalName');
    if (!name) return () => '';
    const texts: string[] = [];
    name.mapEntries((text) => {
      texts.push(initiatedBy ? accountOfInitiator(text) : text);
      return 0;
    });
    return (row) => texts[name.code(row)]!;
  }

  textOf(name: string): (row: number) => string {
    const column = this.#text(name);
    if (!column) return () => '';
    const texts: string[] = [];
    column.mapEntries((text) => {
      texts.push(text);
      return 0;
    });
    return (row) => texts[column.code(row)]!;
  }

  timeOf(row: number): number {
    return this.#time.get(row);
  }

  /** Rows by partition: by user where one acted, else by application (account.ts). */
  #rowsOfPartitions(count: number): readonly Uint32Array[] {
    if (this.#partitions?.count === count) return this.#partitions.rows;
    const keys: { column: GrowingTexts; partitions: Int32Array }[] = [];
    const use = (name: string, keyOf: (text: string) => string): void => {
      const column = this.#text(name);
      if (!column) return;
      keys.push({
        column,
        partitions: column.mapEntries((text) => {
          const key = keyOf(text);
          return key === '' ? -1 : partitionOf(key, count);
        }),
      });
    };
    const same = (text: string): string => text;
    if (this.table === 'AuditLogs') {
      use('InitiatedBy', (text) => memberText(text, 'user', 'userPrincipalName'));
      use(
        'InitiatedBy',
        (text) =>
          ['servicePrincipalId', 'appId', 'displayName']
            .map((name) => memberText(text, 'app', name))
            .find((key) => key !== '') ?? '',
      );
    } else for (const name of ['UserPrincipalName', 'AppId', 'ServicePrincipalId', 'UserId']) use(name, same);
    const partitionOfRow = new Uint16Array(this.rowCount);
    const sizes = new Uint32Array(count);
    for (let row = 0; row < this.rowCount; row++) {
      let partition = -1;
      for (let i = 0; i < keys.length && partition < 0; i++)
        partition = keys[i]!.partitions[keys[i]!.column.code(row)]!;
      partitionOfRow[row] = Math.max(partition, 0);
      sizes[partitionOfRow[row]!]!++;
    }
    const rows = Array.from(sizes, (size) => new Uint32Array(size));
    sizes.fill(0);
    for (let row = 0; row < this.rowCount; row++) {
      const partition = partitionOfRow[row]!;
      rows[partition]![sizes[partition]!++] = row;
    }
    this.#partitions = { count, rows };
    return rows;
  }

  facts(partition: number, count: number): Facts {
    const rows = this.#rowsOfPartitions(count)[partition]!;
    const fields: Record<string, FieldArray> = { [ROW_ORDER_FIELD]: rows };
    const dimensions: Record<string, Dimension> = {};
    const columns: FactColumn[] = [{ name: 'Type', type: 'string', source: { from: 'constant', value: this.table } }];
    for (const [name, { type, column }] of this.columns) {
      const { source, field, dimension } = column.pack(name, rows);
      columns.push({ name, type, source });
      if (field) fields[name] = field;
      if (dimension) dimensions[name] = dimension;
    }
    const times = fields['TimeGenerated'] as Float64Array;
    const ingested = fields[INGESTION_TIME] as Float64Array;
    for (let i = 0; i < rows.length; i++) {
      if (!Number.isNaN(ingested[i]!)) continue;
      ingested[i] = times[i]!;
      this.rowsWithoutIngestionTime++;
    }
    const labels: Label[] = [];
    if (this.labels.length > 0) {
      const at = new Map(Array.from(rows, (row, i) => [row, i]));
      for (const { row, event } of this.labels) {
        const own = at.get(row);
        if (own !== undefined) labels.push({ row: own, event });
      }
    }
    return { table: this.table, rowCount: rows.length, fields, dimensions, columns, labels };
  }
}

/** A text two levels inside the JSON of `InitiatedBy`. */
function memberText(json: string, outer: string, inner: string): string {
  if (json === '') return '';
  const value = (JSON.parse(json) as Record<string, Record<string, unknown> | null> | null)?.[outer]?.[inner];
  return typeof value === 'string' ? value : '';
}

function accountOfInitiator(json: string): string {
  return memberText(json, 'user', 'userPrincipalName') || memberText(json, 'app', 'displayName');
}

const TYPE_MEMBER = memberNames('Type');
const CATEGORY_MEMBER = memberNames('category', 'Category');
const PROPERTIES_MEMBER = memberNames('properties');
const ENVELOPE_MEMBERS = memberNames('time', 'category', 'operationName', 'resourceId');
const AUDIT_MEMBERS = memberNames('activityDisplayName', 'loggedByService');
const SIGN_IN_MEMBERS = memberNames('appDisplayName', 'clientAppUsed', 'conditionalAccessStatus');
const INTERACTIVE_MEMBER = memberNames('isInteractive');

class Importer implements RecordSink {
  readonly #table: string | undefined;
  readonly #tables = new Map<string, GrowingTable>();
  readonly #members = new Members();
  readonly #inner = new Members();
  readonly files: { file: string; rows: number; badRecords: number }[] = [];
  readonly problems: Problem[] = [];
  rows = 0;
  badRecords = 0;
  #file = '';

  constructor(table: string | undefined) {
    this.#table = table;
  }

  /** @throws TocsinError INPUT where the file cannot be read or is no log, and with `strict` once it has enough bad records. */
  async read(file: string, options: ImportOptions, onBytes: (bytes: number) => void): Promise<void> {
    const name = file === '-' ? 'stdin' : file;
    this.#file = name;
    const before = { rows: this.rows, bad: this.badRecords, problems: this.problems.length };
    const source = file === '-' ? (options.stdin ?? process.stdin) : file;
    const splitter = new RecordSplitter(this);
    let isEmpty = true;
    try {
      for await (const chunk of textBytes(name, source, onBytes)) {
        if (chunk.length > 0) isEmpty = false;
        splitter.push(chunk);
        if (options.strict && this.badRecords >= MAX_PROBLEMS) break;
      }
      splitter.end();
    } catch (error) {
      throw readError(name, error);
    }
    if (isEmpty) throw new TocsinError('INPUT', `${name}: is empty`);
    const rows = this.rows - before.rows;
    const badRecords = this.badRecords - before.bad;
    if (rows === 0 && badRecords > 0) throw new TocsinError('INPUT', this.problems.slice(before.problems));
    this.files.push({ file: name, rows, badRecords });
  }

  bad(line: number, message: string, hint?: string): void {
    this.badRecords++;
    if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push({ message, hint, position: { file: this.#file, line, column: 1 } });
    }
  }

  record(bytes: Buffer, start: number, end: number, line: number): void {
    const members = this.#members;
    const wrong = members.read(bytes, start, end);
    if (wrong !== undefined) {
      if (bytes[start] === 0x5b) this.#nested(bytes, start, end, line);
      else this.bad(line, wrong);
      return;
    }
    const wrapper = wrapperMember(bytes, members);
    if (wrapper >= 0) {
      this.#nested(bytes, members.valueStart[wrapper]!, members.valueEnd[wrapper]!, line);
      return;
    }
    const properties = members.find(bytes, PROPERTIES_MEMBER);
    const isEnvelope =
      properties >= 0 &&
      members.kind[properties] === KIND.composite &&
      bytes[members.valueStart[properties]!] === 0x7b &&
      members.find(bytes, ENVELOPE_MEMBERS) >= 0;
    if (isEnvelope) {
      const wrongInside = this.#inner.read(bytes, members.valueStart[properties]!, members.valueEnd[properties]!);
      if (wrongInside !== undefined) {
        this.bad(line, `properties: ${wrongInside}`);
        return;
      }
    }
    const table = this.#tableOf(bytes, isEnvelope);
    if (!table) {
      this.bad(line, 'the record does not say which table it belongs to', 'name one with --table');
      return;
    }
    try {
      table.add(
        bytes,
        isEnvelope
          ? [
              [this.#inner, 'body'],
              [members, 'envelope'],
            ]
          : [[members, 'body']],
      );
      this.rows++;
    } catch (error) {
      if (!(error instanceof MalformedValue)) throw error;
      this.bad(line, error.message);
    }
  }

  /** Records in a list that stands inside one line. */
  #nested(bytes: Buffer, start: number, end: number, line: number): void {
    const splitter = new RecordSplitter({
      record: (inner, from, to, innerLine) => this.record(inner, from, to, line + innerLine - 1),
      bad: (innerLine, message) => this.bad(line + innerLine - 1, message),
    });
    splitter.push(bytes.subarray(start, end));
    splitter.end();
  }

  #tableOf(bytes: Buffer, isEnvelope: boolean): GrowingTable | undefined {
    const members = this.#members;
    const said = this.#namedTable(bytes, TYPE_MEMBER) ?? this.#namedTable(bytes, CATEGORY_MEMBER) ?? this.#table;
    if (said !== undefined) return this.#growingTable(said);
    const body = isEnvelope ? this.#inner : members;
    if (body.find(bytes, AUDIT_MEMBERS) >= 0) return this.#growingTable('AuditLogs');
    if (body.find(bytes, SIGN_IN_MEMBERS) < 0) return undefined;
    const interactive = body.find(bytes, INTERACTIVE_MEMBER);
    const isInteractive = interactive < 0 || body.kind[interactive] !== KIND.false;
    return this.#growingTable(isInteractive ? 'SigninLogs' : 'AADNonInteractiveUserSignInLogs');
  }

  #namedTable(bytes: Buffer, names: readonly MemberName[]): string | undefined {
    const index = this.#members.find(bytes, names);
    if (index < 0 || this.#members.kind[index] !== KIND.plain) return undefined;
    return tableOfCategory(bytes.toString('utf8', this.#members.valueStart[index]!, this.#members.valueEnd[index]!));
  }

  #growingTable(name: string): GrowingTable {
    let table = this.#tables.get(name);
    if (!table) this.#tables.set(name, (table = new GrowingTable(name)));
    return table;
  }

  facts(partition: number, partitionCount: number): Facts[] {
    return [...this.#tables.values()].map((table) => table.facts(partition, partitionCount));
  }

  rowsByTable(): Record<string, number> {
    return Object.fromEntries(Array.from(this.#tables.values(), ({ table, rowCount }) => [table, rowCount]));
  }

  get rowsWithoutTime(): number {
    return this.#sum((table) => table.rowsWithoutTime);
  }

  get rowsWithoutIngestionTime(): number {
    return this.#sum((table) => table.rowsWithoutIngestionTime);
  }

  #sum(count: (table: GrowingTable) => number): number {
    let sum = 0;
    for (const table of this.#tables.values()) sum += count(table);
    return sum;
  }

  unknownColumns(): Record<string, Record<string, number>> {
    const byTable: Record<string, Record<string, number>> = {};
    for (const { table, members } of this.#tables.values()) {
      const unknown = [...members.body.unknown(), ...members.envelope.unknown()].sort(([a], [b]) => (a < b ? -1 : 1));
      if (unknown.length > 0) byTable[table] = Object.fromEntries(unknown);
    }
    return byTable;
  }

  invalidValues(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { table, columns } of this.#tables.values()) {
      for (const [name, { column }] of columns) if (column.invalid > 0) counts[`${table}.${name}`] = column.invalid;
    }
    return counts;
  }

  /** Labels the rows that events of the truth describe: same table, TimeGenerated, account and operation. */
  label(incidents: readonly TruthIncident[]): ImportReport['truthEvents'] {
    const events = incidents.flatMap((incident) => incident.events);
    let labelled = 0;
    for (const [name, table] of this.#tables) {
      const wanted = new Map<number, { id: string; account: string; operation: string }[]>();
      for (const event of events) {
        const ticks = event.table === name ? parseIsoDatetime(event.generated) : undefined;
        if (ticks === undefined) continue;
        const at = columnTicksFromTicks(ticks);
        const others = wanted.get(at);
        if (others) others.push(event);
        else wanted.set(at, [event]);
      }
      if (wanted.size === 0) continue;
      const accountOf = table.accountOf();
      const operationOf = table.textOf(operationColumn(name));
      const labels: Label[] = [];
      for (let row = 0; row < table.rowCount; row++) {
        const candidates = wanted.get(table.timeOf(row));
        if (!candidates) continue;
        const index = candidates.findIndex(
          ({ account, operation }) =>
            account.toLowerCase() === accountOf(row).toLowerCase() && operation === operationOf(row),
        );
        if (index >= 0) labels.push({ row, event: candidates.splice(index, 1)[0]!.id });
      }
      table.labels = labels;
      labelled += labels.length;
    }
    return { total: events.length, labelled };
  }
}

/** The column that truth shows as the operation: what was done, or the application of a sign-in (of an application's own: its target). */
function operationColumn(table: string): string {
  if (table === 'AuditLogs') return 'OperationName';
  return tableColumns(table)!.some(({ name }) => name === 'AppDisplayName') ? 'AppDisplayName' : 'ResourceDisplayName';
}

function readError(file: string, error: unknown): TocsinError {
  if (error instanceof TocsinError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') return new TocsinError('INPUT', `${file}: the gzip data is cut short`, { cause: error });
  if (code?.startsWith('Z_')) {
    return new TocsinError('INPUT', `${file}: the gzip data is damaged: ${(error as Error).message}`, { cause: error });
  }
  return new TocsinError('INPUT', `${file}: cannot be read: ${systemReason(error)}`, { cause: error });
}
