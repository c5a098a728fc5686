/** A disk that fills up: the system's refusal is played, after half of what was to be written. */
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs';
import type * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest';
import { generate } from '../../../generators/index.ts';
import { importFiles } from '../../../src/dataset/import.ts';
import { openDataset } from '../../../src/dataset/read.ts';

const refusal = vi.hoisted(() => ({ write: undefined as ((target: number, bytes: Uint8Array) => void) | undefined }));
vi.mock('node:fs', async (original) => {
  const system = await original<typeof fs>();
  return {
    ...system,
    writeFileSync: (target: number, bytes: Uint8Array) =>
      refusal.write ? refusal.write(target, bytes) : system.writeFileSync(target, bytes),
  };
});

const base = mkdtempSync(path.join(tmpdir(), 'tocsin-full-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(base, 'd'));
});
afterEach(() => {
  refusal.write = undefined;
});

/** From the given write on, only half goes through, and the system says why. */
function fillUpAfter(writes: number): void {
  let count = 0;
  refusal.write = (target, bytes) => {
    if (++count <= writes) {
      writeSync(target, bytes);
      return;
    }
    writeSync(target, bytes, 0, bytes.length >> 1);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
}

const SMALL = { users: 40, days: 1, threads: 0 };

it('a generation says so, names the file, and leaves nothing that could pass for a dataset', async () => {
  fillUpAfter(7);
  await expect(generate('contoso-2k', { ...SMALL, out: path.join(folder, 'tenant') })).rejects.toMatchObject({
    code: 'OUTPUT',
    message: expect.stringMatching(/tables\/\w+\/0000\d\.arrow: cannot be written: no space left on the disk/),
  });
  expect(readdirSync(folder)).toEqual([]);
});

it('an import says so, and the dataset that it was to replace stays whole', async () => {
  const out = path.join(folder, 'tenant');
  const made = await generate('contoso-2k', { ...SMALL, out });
  const log = path.join(folder, 'log.json');
  appendFileSync(log, '{"Type":"SigninLogs","TimeGenerated":"2026-05-01T00:00:00Z"}\n');
  fillUpAfter(0);
  await expect(importFiles([log], { out, force: true })).rejects.toMatchObject({
    code: 'OUTPUT',
    message: expect.stringContaining('no space left on the disk'),
  });
  refusal.write = undefined;
  expect(readdirSync(folder).sort()).toEqual(['log.json', 'tenant']);
  const dataset = await openDataset(out);
  await dataset.verify();
  expect(dataset.manifest.tables).toEqual(made.tables);
  expect(existsSync(path.join(out, 'manifest.json'))).toBe(true);
});
