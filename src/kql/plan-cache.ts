/**
 * Plans that were compiled before, in files of the user's cache folder: the parser takes a second or two to load and most
 * rules are replayed more than once. The name of a file is a digest of everything that a plan depends on, Tocsin's own
 * code included, and its content carries a digest of itself; whatever is not whole, or cannot be read, is not there.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import type { QueryPlan } from '../plan/plan.ts';

/** Plans that are kept, at most; the ones that were made first go first. */
const MOST_KEPT = 400;
const DIGEST_BYTES = 32;

export interface PlanCache {
  /** @param parts - everything that the plan depends on besides the code. */
  get(parts: unknown): QueryPlan | undefined;
  put(parts: unknown, plan: QueryPlan): void;
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** `$XDG_CACHE_HOME/tocsin/plans`, or where the system has such things. */
export function planCacheFolder(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = environment;
  const base =
    xdg !== undefined && path.isAbsolute(xdg)
      ? xdg
      : process.platform === 'win32' && local !== undefined
        ? local
        : process.platform === 'darwin'
          ? path.join(homedir(), 'Library/Caches')
          : path.join(homedir(), '.cache');
  return path.join(base, 'tocsin', 'plans');
}

/** What tells one build of Tocsin from another: the names, sizes and times of its files. */
function codeStamp(): string {
  const source = fileURLToPath(new URL('../', import.meta.url));
  const stamps: string[] = [process.version];
  for (const folder of ['kql', 'plan', 'schema', 'engine', 'columns', 'base']) {
    for (const entry of readdirSync(path.join(source, folder), { recursive: true, encoding: 'utf8' }).sort()) {
      if (!/\.[jt]s$/.test(entry) || entry.endsWith('.d.ts')) continue;
      const { size, mtimeMs } = statSync(path.join(source, folder, entry));
      stamps.push(`${folder}/${entry} ${size} ${mtimeMs}`);
    }
  }
  const parser = statSync(fileURLToPath(import.meta.resolve('@kusto/language-service-next/bridge.min.js')));
  return [...stamps, `${parser.size} ${parser.mtimeMs}`].join('\n');
}

/** A cache in `folder`, which need not be there. Nothing that goes wrong with it is an error. */
export function planCacheIn(folder: string): PlanCache {
  let stamp: Buffer | undefined;
  const fileOf = (parts: unknown): string => {
    stamp ??= Buffer.from(codeStamp());
    return path.join(folder, `${sha256(stamp, serialize(parts)).toString('hex')}.plan`);
  };
  return {
    get(parts) {
      try {
        const content = readFileSync(fileOf(parts));
        const plan = content.subarray(DIGEST_BYTES);
        if (!sha256(plan).equals(content.subarray(0, DIGEST_BYTES))) return undefined;
        return deserialize(plan) as QueryPlan;
      } catch {
        return undefined;
      }
    },
    put(parts, plan) {
      try {
        const file = fileOf(parts);
        const content = serialize(plan);
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        // Under another name first: whoever reads meanwhile finds it whole or not at all.
        const partial = `${file}.${process.pid}`;
        writeFileSync(partial, Buffer.concat([sha256(content), content]), { mode: 0o600 });
        renameSync(partial, file);
        prune(folder);
      } catch {
        // A full disk, a folder that cannot be written: then the parser is loaded again next time.
      }
    },
  };
}

function prune(folder: string): void {
  const files = readdirSync(folder).map((name) => path.join(folder, name));
  if (files.length <= MOST_KEPT) return;
  const byAge = files.map((file) => ({ file, time: statSync(file).mtimeMs })).sort((a, b) => a.time - b.time);
  for (const { file } of byAge.slice(0, files.length - MOST_KEPT)) rmSync(file, { force: true });
}
