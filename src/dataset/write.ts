/**
 * Writing a dataset. The folder grows under a temporary name beside its target and is renamed when whole: at no moment,
 * not even after a kill, does the target name hold half a dataset.
 */
import { createWriteStream, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TocsinError } from '../base/errors.ts';
import { type Finished, type Identity, Journal, takeOver } from './journal.ts';
import type { Manifest, PartitionFile, TableManifest } from './manifest.ts';
import type { TruthIncident } from './truth.ts';

export const MANIFEST_FILE = 'manifest.json';
export const TRUTH_FILE = 'truth.ndjson';
export const TABLES_FOLDER = 'tables';

/** A file of rows as `writePartition` wrote it; plain data, so it can be posted between threads. */
export interface WrittenFile extends PartitionFile {
  readonly table: string;
}

/** What {@link DatasetFolder.commit} needs to know besides the rows. */
export interface DatasetContents
  extends Pick<Manifest, 'origin' | 'start' | 'end' | 'partitionCount' | 'columns' | 'analysts'> {
  /** Every file that was written, in any order. */
  readonly files: readonly WrittenFile[];
  /** In any order. */
  readonly incidents: readonly TruthIncident[];
  /** By table: columns that the schema does not know, with how many rows had them. */
  readonly unknownColumns?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A dataset in the making. Exactly one of `commit` and `abort` ends it. */
export interface DatasetFolder {
  /** Where its files go for now; pass this to `writePartition`. */
  readonly path: string;
  /** Partitions that an earlier writer left whole, with their files. */
  readonly finished: Finished;
  /** Notes that all files of a partition are written, for whoever resumes after a kill. */
  note(partition: number, files: readonly WrittenFile[]): void;
  /** Writes the truth and the manifest and gives the folder its name. */
  commit(contents: DatasetContents): Promise<Manifest>;
  /** Removes what was written. Safe to call at any time, also twice. */
  abort(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files',
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such file or folder',
  ENAMETOOLONG: 'the name is too long',
};

/** Why the system refused, in words. */
export function systemReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return (code && REASONS[code]) ?? (error instanceof Error ? error.message : String(error));
}

export function outputError(target: string, error: unknown): TocsinError {
  if (error instanceof TocsinError) return error;
  return new TocsinError('OUTPUT', `${target}: cannot be written: ${systemReason(error)}`, { cause: error });
}

/**
 * What stands at a target that is about to be written.
 *
 * @throws TocsinError OUTPUT where it must not be replaced: a file, a folder with anything in it (without `force`), or a
 * folder that is not a dataset (even with `force`: a slip of the path must not cost a home directory).
 */
async function checkTarget(target: string, force: boolean): Promise<'absent' | 'empty' | 'dataset'> {
  let names: string[];
  try {
    names = await readdir(target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'absent';
    if (code === 'ENOTDIR') {
      const isFile = await stat(target).then(
        () => true,
        () => false,
      );
      throw new TocsinError(
        'OUTPUT',
        isFile ? `${target}: is a file, expected a folder to write` : `${target}: a part of the path is not a folder`,
      );
    }
    throw outputError(target, error);
  }
  if (names.length === 0) return 'empty';
  if (!force) {
    throw new TocsinError('OUTPUT', {
      message: `${target}: the folder exists and is not empty`,
      hint: 'choose another folder, or replace this dataset with --force',
    });
  }
  const manifest = await readFile(path.join(target, MANIFEST_FILE), 'utf8').catch(() => '');
  if (!manifest.includes('"tocsin.dataset/')) {
    throw new TocsinError('OUTPUT', {
      message: `${target}: the folder is not a dataset, so --force does not replace it`,
      hint: 'choose another folder, or empty this one yourself',
    });
  }
  return 'dataset';
}

/**
 * Begins a dataset at `target`. Call it on the main thread.
 *
 * @param options.force - replace a dataset that is already there (once the new one is whole).
 * @param options.identity - everything that its bytes depend on: with it, what a kill leaves behind can be resumed.
 * @param options.resume - go on with what an earlier writer of the same identity left behind, where there is any.
 * @throws TocsinError OUTPUT where the target exists and is not empty, its parent cannot be written to, or what was left
 * behind is not the same.
 */
export async function createDatasetFolder(
  target: string,
  options: { force?: boolean; identity?: Identity; resume?: boolean } = {},
): Promise<DatasetFolder> {
  const { identity } = options;
  const final = path.resolve(target);
  const force = options.force ?? false;
  await checkTarget(final, force);
  const parent = path.dirname(final);
  const prefix = `.${path.basename(final)}.partial-`;
  const left = identity && options.resume ? await takenOver(target, parent, prefix, identity) : undefined;
  let temporary: string;
  try {
    temporary = left?.folder ?? (await makeTemporary(path.join(parent, `${prefix}${process.pid}`)));
    if (identity && !left) new Journal(temporary).begin(identity);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new TocsinError('OUTPUT', {
        message: `${target}: its parent folder ${parent} does not exist`,
        hint: 'create it first',
      });
    }
    throw outputError(target, error);
  }

  // What an exception or `process.exit` leaves behind goes at exit. A signal that somebody else handles is theirs: they
  // abort or exit. One that nobody does still ends the process.
  const remove = (): void => rmSync(temporary, { recursive: true, force: true, maxRetries: 3 });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    release();
    remove();
    process.kill(process.pid, signal);
  };
  const release = (): void => {
    process.off('exit', remove);
    for (const signal of signals) process.off(signal, onSignal);
  };
  process.on('exit', remove);
  for (const signal of signals) process.on(signal, onSignal);

  const abort = async (): Promise<void> => {
    release();
    await rm(temporary, { recursive: true, force: true, maxRetries: 3 });
  };

  const journal = new Journal(temporary);
  return {
    path: temporary,
    finished: left?.finished ?? new Map(),
    note(partition, files) {
      if (identity) journal.note(partition, files);
    },
    abort,
    async commit(contents) {
      try {
        const manifest = manifestOf(contents);
        await writeTruth(path.join(temporary, TRUTH_FILE), contents.incidents);
        await writeFile(path.join(temporary, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
        const standing = await checkTarget(final, force);
        await journal.remove();
        if (standing === 'dataset') {
          const replaced = `${temporary}.replaced`;
          await rename(final, replaced);
          try {
            await rename(temporary, final);
          } catch (error) {
            await rename(replaced, final);
            throw error;
          }
          await rm(replaced, { recursive: true, force: true, maxRetries: 3 });
        } else {
          // POSIX renames over an empty folder, Windows does not.
          if (standing === 'empty') await rmdir(final);
          await rename(temporary, final);
        }
        release();
        return manifest;
      } catch (error) {
        await abort();
        throw outputError(target, error);
      }
    },
  };
}

async function takenOver(
  target: string,
  parent: string,
  prefix: string,
  identity: Identity,
): ReturnType<typeof takeOver> {
  try {
    return await takeOver(parent, prefix, identity);
  } catch (error) {
    throw outputError(target, error);
  }
}

/** Makes a folder whose name begins with `prefix`; a killed process may have left the first names behind. */
async function makeTemporary(prefix: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const candidate = `${prefix}-${attempt}`;
    try {
      await mkdir(candidate);
      await mkdir(path.join(candidate, TABLES_FOLDER));
      return candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function manifestOf(contents: DatasetContents): Manifest {
  const byTable = new Map<string, WrittenFile[]>();
  for (const file of contents.files) {
    const files = byTable.get(file.table);
    if (files) files.push(file);
    else byTable.set(file.table, [file]);
  }
  const tables = new Set([...byTable.keys(), ...Object.keys(contents.unknownColumns ?? {})]);
  return {
    format: 'tocsin.dataset/2',
    origin: contents.origin,
    start: contents.start,
    end: contents.end,
    partitionCount: contents.partitionCount,
    tables: [...tables].sort().map((table): TableManifest => {
      const files = (byTable.get(table) ?? []).sort((a, b) => a.partition - b.partition);
      const unknownColumns = contents.unknownColumns?.[table];
      return {
        table,
        rowCount: files.reduce((sum, file) => sum + file.rowCount, 0),
        files: files.map(({ partition, file, rowCount, firstGenerated, lastGenerated, sizeBytes, sha256 }) => ({
          partition,
          file,
          rowCount,
          firstGenerated,
          lastGenerated,
          sizeBytes,
          sha256,
        })),
        ...(unknownColumns && Object.keys(unknownColumns).length > 0 ? { unknownColumns } : {}),
      };
    }),
    ...(contents.columns && { columns: contents.columns }),
    incidents: {
      attacks: contents.incidents.filter(({ kind }) => kind === 'attack').length,
      lookalikes: contents.incidents.filter(({ kind }) => kind === 'lookalike').length,
    },
    ...(contents.analysts && { analysts: contents.analysts }),
  };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function writeTruth(file: string, incidents: readonly TruthIncident[]): Promise<void> {
  const sorted = incidents.toSorted((a, b) => compareTexts(a.start, b.start) || compareTexts(a.id, b.id));
  // Loaded here: what only reads datasets, or names their files, starts sooner without.
  const { default: ndjson } = await import('ndjson');
  await pipeline(Readable.from(sorted), ndjson.stringify(), lineFeeds(), createWriteStream(file));
}

/** The package ends lines as the system does; a dataset has the same bytes on all of them. */
function lineFeeds(): Transform {
  return new Transform({
    writableObjectMode: true,
    transform(line: string | Buffer, _encoding, done) {
      done(null, `${line.toString().trimEnd()}\n`);
    },
  });
}
