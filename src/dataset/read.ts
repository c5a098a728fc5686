/**
 * Reading a dataset. Opening it checks the manifest and that every file has its size, so that a folder that was cut
 * short is refused before any row is read; what the files hold is checked where it is read, and in full by `verify`.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Problem, TocsinError } from '../base/errors.ts';
import type { TableSource } from '../engine/run.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { FactsFile } from './facts-file.ts';
import type { Manifest, PartitionFile } from './manifest.ts';
import { FileRows, MergedRows, RowsSource, type TableRows } from './rows.ts';
import type { TruthIncident } from './truth.ts';
import { MANIFEST_FILE, TRUTH_FILE, systemReason } from './write.ts';

const FORMAT = 'tocsin.dataset/2';

/** A dataset on disk. Rows are read when a scan asks for them. */
export interface Dataset {
  readonly path: string;
  readonly manifest: Manifest;
  /**
   * The rows of one partition. Each call gives a source of its own, which keeps the columns that were scanned: hold it
   * while the partition is worked on, and let it go after.
   *
   * @param index - from 0 (inclusive) to `manifest.partitionCount` (exclusive).
   */
  partition(index: number): TableSource;
  /**
   * The rows of all partitions: by TimeGenerated, then in an order that does not depend on how they are partitioned
   * (see ROW_ORDER_FIELD in facts.ts).
   */
  all(): TableSource;
  /** The files of a table, opened, in order of partition; none for a table that is absent. */
  files(table: string): FileRows[];
  /** The planted incidents, by start, then id. */
  truth(): Promise<TruthIncident[]>;
  /**
   * Reads every file and compares its SHA-256 with the manifest.
   *
   * @throws TocsinError INPUT naming each file that differs, with its partition.
   */
  verify(): Promise<void>;
}

function inputError(message: string, hint?: string, cause?: unknown): TocsinError {
  return new TocsinError('INPUT', { message, hint }, { cause });
}

/**
 * Opens the dataset in folder `location`.
 *
 * @throws TocsinError INPUT where the folder or its manifest is missing or malformed, the format version is unknown, or
 * a file is missing or has another size than the manifest says (every such file is named).
 */
export async function openDataset(location: string): Promise<Dataset> {
  const folder = path.resolve(location);
  const manifest = await readManifest(location, folder);
  const problems: Problem[] = [];
  for (const { table, files } of manifest.tables) {
    for (const file of files) {
      const found = await stat(path.join(folder, file.file)).catch((error: unknown) => systemReason(error));
      const what = `${path.join(location, file.file)}: ${table}, partition ${file.partition}`;
      if (typeof found === 'string') problems.push({ message: `${what}: ${found}` });
      else if (found.size !== file.sizeBytes) {
        problems.push({ message: `${what}: has ${found.size} bytes, expected ${file.sizeBytes}` });
      }
    }
  }
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  return new FolderDataset(location, folder, manifest);
}

async function readManifest(location: string, folder: string): Promise<Manifest> {
  const file = path.join(location, MANIFEST_FILE);
  let text: string;
  try {
    text = await readFile(path.join(folder, MANIFEST_FILE), 'utf8');
  } catch (error) {
    const found = await stat(folder).catch(() => undefined);
    if (!found)
      throw inputError(`${location}: there is no such folder`, 'expected a dataset: a folder with manifest.json');
    if (!found.isDirectory()) {
      throw inputError(
        `${location}: is a file, expected a dataset folder`,
        'use `tocsin import` to make one from log files',
      );
    }
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw inputError(
        `${location}: is not a dataset: it has no ${MANIFEST_FILE}`,
        'make one with `tocsin generate` or `tocsin import`',
      );
    }
    throw inputError(`${file}: cannot be read: ${systemReason(error)}`, undefined, error);
  }
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw inputError(`${file}: is not JSON: ${(error as Error).message}`, undefined, error);
  }
  const format = (manifest as { format?: unknown } | null)?.format;
  if (format !== FORMAT) {
    throw inputError(
      `${file}: format is ${JSON.stringify(format) ?? 'missing'}, expected "${FORMAT}"`,
      'the dataset was made by another version of Tocsin; make it again',
    );
  }
  const problem = malformedPart(manifest as Record<string, unknown>);
  if (problem) throw inputError(`${file}: ${problem}`);
  return manifest as Manifest;
}

/** The first part of a manifest that has not the right shape, in words. */
function malformedPart(manifest: Record<string, unknown>): string | undefined {
  const { partitionCount, tables, start, end, origin, incidents, analysts } = manifest;
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isCount(partitionCount) || partitionCount === 0) return 'partitionCount must be a whole number above 0';
  if (typeof start !== 'string' || typeof end !== 'string') return 'start and end must be times';
  if (!isObject(origin)) return 'origin must be an object';
  if (!isObject(incidents) || !isCount(incidents['attacks']) || !isCount(incidents['lookalikes'])) {
    return 'incidents must count attacks and lookalikes';
  }
  if (analysts !== undefined && (!isObject(analysts) || !isCount(analysts['timeToCloseMs'])))
    return 'analysts must have a timeToCloseMs';
  if (!Array.isArray(tables)) return 'tables must be a list';
  for (const table of tables as unknown[]) {
    if (!isObject(table) || typeof table['table'] !== 'string' || !isCount(table['rowCount'])) {
      return 'each of tables must have a table and a rowCount';
    }
    const { files } = table;
    if (!Array.isArray(files)) return `files of ${table['table']} must be a list`;
    for (const file of files as unknown[]) {
      if (
        !isObject(file) ||
        typeof file['file'] !== 'string' ||
        typeof file['sha256'] !== 'string' ||
        !isCount(file['partition']) ||
        file['partition'] >= partitionCount ||
        !isCount(file['rowCount']) ||
        !isCount(file['sizeBytes'])
      ) {
        return `a file of ${table['table']} lacks a valid file, partition, rowCount, sizeBytes or sha256`;
      }
      const parts = file['file'].split('/');
      if (parts.includes('..') || path.isAbsolute(file['file']) || file['file'].includes('\\')) {
        return `file ${JSON.stringify(file['file'])} lies outside the dataset`;
      }
    }
  }
  return undefined;
}

/** Columns that every import keeps. */
const ALWAYS_KEPT: readonly string[] = ['TimeGenerated', INGESTION_TIME, 'Type'];

class FolderDataset implements Dataset {
  readonly path: string;
  readonly manifest: Manifest;
  readonly #folder: string;

  constructor(location: string, folder: string, manifest: Manifest) {
    this.path = location;
    this.#folder = folder;
    this.manifest = manifest;
  }

  #openFile(table: string, file: PartitionFile): FileRows {
    const location = path.join(this.path, file.file);
    const facts = new FactsFile(path.join(this.#folder, file.file), file.partition);
    const { header } = facts;
    if (header.table !== table || header.rowCount !== file.rowCount) {
      throw inputError(
        `${location}: partition ${file.partition} holds ${header.rowCount} rows of ${header.table}, ` +
          `expected ${file.rowCount} of ${table}`,
        'the file does not belong to this dataset',
      );
    }
    return new FileRows(facts);
  }

  #filesOf(table: string): readonly PartitionFile[] {
    return this.manifest.tables.find((candidate) => candidate.table === table)?.files ?? [];
  }

  partition(index: number): TableSource {
    if (!Number.isInteger(index) || index < 0 || index >= this.manifest.partitionCount) {
      throw new TocsinError('INTERNAL', `partition ${index} of ${this.manifest.partitionCount} was asked for`);
    }
    return this.#source((table) => {
      const file = this.#filesOf(table).find(({ partition }) => partition === index);
      return file && this.#openFile(table, file);
    });
  }

  all(): TableSource {
    return this.#source((table) => {
      const parts = this.files(table);
      return parts.length < 2 ? parts[0] : new MergedRows(parts);
    });
  }

  /** Rows by table; refuses to give what an import left out, which would look like nulls. */
  #source(open: (table: string) => TableRows | undefined): TableSource {
    const source = new RowsSource(open);
    const kept = this.manifest.columns;
    if (!kept) return source;
    return {
      scan: (table, columns, window) => {
        const names = Object.hasOwn(kept, table) ? kept[table]! : undefined;
        const missing = names
          ? columns.filter(({ name }) => !ALWAYS_KEPT.includes(name) && !names.includes(name)).map(({ name }) => name)
          : columns.map(({ name }) => name);
        if (!names || missing.length > 0) {
          throw inputError(
            `${this.path}: was imported for a rule that does not read ${names ? `${missing.join(', ')} of ${table}` : table}`,
            'import the log files without --rule, or with this rule too',
          );
        }
        return source.scan(table, columns, window);
      },
    };
  }

  files(table: string): FileRows[] {
    return this.#filesOf(table).map((file) => this.#openFile(table, file));
  }

  async truth(): Promise<TruthIncident[]> {
    const file = path.join(this.path, TRUTH_FILE);
    let text: string;
    try {
      text = await readFile(path.join(this.#folder, TRUTH_FILE), 'utf8');
    } catch (error) {
      throw inputError(`${file}: cannot be read: ${systemReason(error)}`, undefined, error);
    }
    const incidents = parseTruth(file, text);
    const { attacks, lookalikes } = this.manifest.incidents;
    if (incidents.length !== attacks + lookalikes) {
      throw inputError(
        `${file}: holds ${incidents.length} incidents, the manifest says ${attacks + lookalikes}`,
        'the file was cut short or edited',
      );
    }
    return incidents;
  }

  async verify(): Promise<void> {
    const problems: Problem[] = [];
    for (const { table, files } of this.manifest.tables) {
      for (const file of files) {
        const hash = createHash('sha256');
        const location = path.join(this.path, file.file);
        const what = `${location}: ${table}, partition ${file.partition}`;
        try {
          for await (const chunk of createReadStream(path.join(this.#folder, file.file), { highWaterMark: 1 << 20 })) {
            hash.update(chunk as Buffer);
          }
        } catch (error) {
          problems.push({ message: `${what}: cannot be read: ${systemReason(error)}` });
          continue;
        }
        const found = hash.digest('hex');
        if (found !== file.sha256) {
          problems.push({ message: `${what}: is damaged: its SHA-256 is ${found}, expected ${file.sha256}` });
        }
      }
    }
    if (problems.length > 0) throw new TocsinError('INPUT', problems);
    await this.truth();
  }
}

const EVENT_TEXTS = ['id', 'table', 'at', 'generated', 'ingested', 'account', 'operation'] as const;

/**
 * Incidents from the text of a truth file.
 *
 * @throws TocsinError INPUT with each line that is not an incident.
 */
export function parseTruth(file: string, text: string): TruthIncident[] {
  const incidents: TruthIncident[] = [];
  const problems: Problem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const problem = (message: string): void => {
      problems.push({ message, position: { file, line: index + 1, column: 1 } });
    };
    let incident: TruthIncident;
    try {
      incident = JSON.parse(line) as TruthIncident;
    } catch (error) {
      problem(`is not JSON: ${(error as Error).message}`);
      continue;
    }
    const wrong = wrongTruth(incident);
    if (wrong) problem(wrong);
    else incidents.push(incident);
  }
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  return incidents;
}

function wrongTruth(incident: TruthIncident | null): string | undefined {
  if (typeof incident !== 'object' || incident === null) return 'expected an object, one incident a line';
  for (const key of ['id', 'scenario', 'variant', 'title', 'start', 'end'] as const) {
    if (typeof incident[key] !== 'string') return `${key} must be a text`;
  }
  if (incident.kind !== 'attack' && incident.kind !== 'lookalike') {
    return `kind is ${JSON.stringify(incident.kind) ?? 'missing'}, expected "attack" or "lookalike"`;
  }
  if (!Array.isArray(incident.techniques)) return 'techniques must be a list';
  if (!Array.isArray(incident.events)) return 'events must be a list';
  for (const event of incident.events) {
    for (const key of EVENT_TEXTS) if (typeof event?.[key] !== 'string') return `${key} of an event must be a text`;
    if (!['malicious', 'supporting', 'benign'].includes(event.role)) {
      return `role of event ${event.id} is ${JSON.stringify(event.role) ?? 'missing'}, expected malicious, supporting or benign`;
    }
  }
  return undefined;
}
