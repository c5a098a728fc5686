/** What a kill leaves of a generation, and how it is gone on with. A real process is killed. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { generate } from '../../generators/index.ts';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { temporaryFolder, tocsin } from '../support/run-cli.ts';

const ARGS = ['generate', 'contoso-2k', '--users', '900', '--days', '4', '--threads', '1', '--out', 'tenant'];
const SAME = { users: 900, days: 4, threads: 0 };

/** Every file of a folder with its SHA-256. */
function contents(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [path.relative(folder, file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
  );
}

/** The folder that a killed process left. */
function leftIn(cwd: string): string | undefined {
  const name = readdirSync(cwd).find((entry) => entry.startsWith('.tenant.partial-'));
  return name && path.join(cwd, name);
}

function journalOf(folder: string): string[] {
  const file = path.join(folder, 'journal.ndjson');
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
}

let expected: Record<string, string>;
beforeAll(async () => {
  const parent = mkdtempSync(path.join(tmpdir(), 'tocsin-resume-'));
  await generate('contoso-2k', { ...SAME, out: path.join(parent, 'tenant') });
  expected = contents(path.join(parent, 'tenant'));
  rmSync(parent, { recursive: true });
});

describe('a generation that was killed', () => {
  test('goes on with --resume, byte for byte, and refuses to become another', async () => {
    const cwd = temporaryFolder();
    const running = tocsin(ARGS, { cwd });
    // Killed once something is whole and something is not.
    for (let waited = 0; waited < 60_000; waited += 5) {
      const left = leftIn(cwd);
      if (left && journalOf(left).length > 1) break;
      await setTimeout(5);
    }
    running.child.kill('SIGKILL');
    expect((await running).code).toBe(null);
    const left = leftIn(cwd)!;
    const lines = journalOf(left);
    expect(existsSync(path.join(cwd, 'tenant'))).toBe(false);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThan(5);

    const other = await tocsin([...ARGS, '--resume', '--seed', '7'], { cwd });
    expect([other.code, other.stdout]).toEqual([EXIT_CODES.io, '']);
    expect(other.stderr).toContain('cannot be resumed, as it was something else: seed was');
    expect(leftIn(cwd)).toBe(left);

    // A line that was cut off, and a file that never was whole.
    appendFileSync(path.join(left, 'journal.ndjson'), '{"partition":3,"fi');
    const resumed = await tocsin([...ARGS, '--resume'], { cwd });
    expect([resumed.code, resumed.stderr]).toEqual([EXIT_CODES.ok, '']);
    expect(contents(path.join(cwd, 'tenant'))).toEqual(expected);
    expect(leftIn(cwd)).toBe(undefined);
  });

  test('writes again what is not as it was noted, and begins anew where nothing was left', async () => {
    const cwd = temporaryFolder();
    const out = path.join(cwd, 'tenant');
    // In this process: what an abort would remove is kept by leaving before it.
    const stop = new AbortController();
    const copies: string[] = [];
    const interrupted = generate('contoso-2k', {
      ...SAME,
      out,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done < 3) return;
        // As if by a process that is gone.
        const copy = path.join(cwd, '.tenant.partial-4194999-1');
        cpSync(leftIn(cwd)!, copy, { recursive: true });
        copies.push(copy);
        stop.abort();
      },
    });
    await expect(interrupted).rejects.toThrow('interrupted');
    expect(copies).toHaveLength(1);
    const [damaged] = readdirSync(path.join(copies[0]!, 'tables/AuditLogs'));
    truncateSync(path.join(copies[0]!, 'tables/AuditLogs', damaged!), 1000);
    const progress: number[] = [];
    await generate('contoso-2k', { ...SAME, out, resume: true, onProgress: ({ done }) => progress.push(done) });
    expect(contents(out)).toEqual(expected);
    expect(progress).toEqual([1, 2, 3, 4]);
    rmSync(out, { recursive: true });
    await generate('contoso-2k', { ...SAME, out, resume: true });
    expect(contents(out)).toEqual(expected);
  });
});
