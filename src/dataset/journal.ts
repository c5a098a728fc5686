/**
 * What is whole in a folder that is being written: one line for what is written, then one for each partition that is
 * done, with the SHA-256 of its files. After a kill the folder is left, and whoever writes the same again can go on from
 * there: what the journal lists and what still is what it lists stays, everything else goes.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream } from 'node:fs';
import { readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { TocsinError } from '../base/errors.ts';
import type { WrittenFile } from './write.ts';

const JOURNAL_FILE = 'journal.ndjson';

/** Everything that the bytes depend on, by name; values are compared as JSON. */
export type Identity = Readonly<Record<string, unknown>>;

/** Partitions that were whole when the last writer ended, with their files. */
export type Finished = ReadonlyMap<number, readonly WrittenFile[]>;

export class Journal {
  readonly #file: string;

  constructor(folder: string) {
    this.#file = path.join(folder, JOURNAL_FILE);
  }

  begin(identity: Identity): void {
    appendFileSync(this.#file, `${JSON.stringify({ identity })}\n`);
  }

  /** Notes that all files of a partition are written. */
  note(partition: number, files: readonly WrittenFile[]): void {
    appendFileSync(this.#file, `${JSON.stringify({ partition, files })}\n`);
  }

  async remove(): Promise<void> {
    await rm(this.#file, { force: true });
  }
}

/** A folder's journal as far as it was written; a line that was cut off does not count. */
async function readJournal(folder: string): Promise<{ identity: Identity; finished: Finished } | undefined> {
  const text = await readFile(path.join(folder, JOURNAL_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const finished = new Map<number, readonly WrittenFile[]>();
  let identity: Identity | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    let entry: { identity?: Identity; partition?: number; files?: readonly WrittenFile[] };
    try {
      entry = JSON.parse(line) as typeof entry;
    } catch {
      break;
    }
    if (entry.identity) identity = entry.identity;
    else if (entry.partition !== undefined && entry.files) finished.set(entry.partition, entry.files);
  }
  return identity && { identity, finished };
}

/** Whether a process is there. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The names of what differs between two identities. */
function differences(a: Identity, b: Identity): string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]));
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/**
 * Takes over what an earlier writer of the same left beside a target.
 *
 * @param parent - the folder of the target.
 * @param prefix - of the names of folders in the making: what follows is the writer's process number and a counter.
 * @returns the folder, which belongs to nobody else any more, and what of it is whole; undefined where nothing was left.
 * @throws TocsinError OUTPUT where what was left is something else, or is still being written.
 */
export async function takeOver(
  parent: string,
  prefix: string,
  identity: Identity,
): Promise<{ readonly folder: string; readonly finished: Finished } | undefined> {
  const names = (await readdir(parent).catch(() => [])).filter((name) => name.startsWith(prefix)).sort();
  const refused: TocsinError[] = [];
  for (const name of names) {
    const left = path.join(parent, name);
    const journal = await readJournal(left);
    if (!journal) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (isRunning(pid)) {
      refused.push(new TocsinError('OUTPUT', `${left}: is still being written by process ${pid}`));
      continue;
    }
    const differing = differences(journal.identity, identity);
    if (differing.length > 0) {
      const list = differing.map((key) => `${key} was ${shown(journal.identity[key])}, is ${shown(identity[key])}`);
      refused.push(
        new TocsinError('OUTPUT', {
          message: `${left}: cannot be resumed, as it was something else: ${list.join('; ')}`,
          hint: 'repeat the command that was interrupted, or remove that folder',
        }),
      );
      continue;
    }
    // The name says whose it is, and two that resume at once cannot both get it.
    const folder = path.join(parent, `${prefix}${process.pid}-resumed`);
    await rename(left, folder);
    return { folder, finished: await cleanUp(folder, journal.finished) };
  }
  if (refused.length > 0) throw refused[0]!;
  return undefined;
}

/** Removes every file that the journal does not list, or that is not what it lists. */
async function cleanUp(folder: string, listed: Finished): Promise<Finished> {
  const finished = new Map<number, readonly WrittenFile[]>();
  const kept = new Set([JOURNAL_FILE]);
  for (const [partition, files] of listed) {
    const isWhole = await Promise.all(files.map((file) => isIntact(path.join(folder, file.file), file)));
    if (!isWhole.every(Boolean)) continue;
    finished.set(partition, files);
    for (const { file } of files) kept.add(file);
  }
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if (!kept.has(path.relative(folder, file).replaceAll(path.sep, '/'))) await rm(file);
  }
  return finished;
}

async function isIntact(file: string, { sizeBytes, sha256 }: WrittenFile): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  if (found?.size !== sizeBytes) return false;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex') === sha256;
}
