/** Runs the built `tocsin` as a user would, in a folder of its own. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
export const BINARY = path.join(REPOSITORY, 'dist/src/cli/main.js');

export interface Finished {
  /** The exit code; null where a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A new empty folder that goes when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `tocsin` with `args`; stdin is empty, stdout and stderr are pipes, and no colour is forced. */
export function tocsin(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [BINARY, ...args], {
    cwd: options.cwd ?? REPOSITORY,
    // Plans are kept between the processes of one run, as they are between a user's, and never among the user's own.
    env: { PATH: process.env['PATH'], XDG_CACHE_HOME: path.join(REPOSITORY, 'dist/.cache'), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return Object.assign(finished, { child });
}
