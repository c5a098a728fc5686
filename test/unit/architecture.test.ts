import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

/** Folders of `src` in the order of ARCHITECTURE.md's table: each may import itself and what stands above it. */
const ORDER = Array.from(
  readFileSync('ARCHITECTURE.md', 'utf8').matchAll(/^\| `src\/(\w+)` \|/gm),
  (match) => match[1]!,
);

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import and re-export of a file of this project, static or dynamic, types included. */
function importsOf(file: string, text: string): Import[] {
  const specifiers = text.matchAll(/(?:^|[^\w.])(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/gm);
  return Array.from(specifiers, ([, specifier]) => ({
    from: file,
    to: path.posix.join(path.posix.dirname(file), specifier!),
  }));
}

/** `src/score`, `src/index.ts`, `generators`, `bench`. */
function moduleOf(file: string): string {
  const [top, second] = file.split('/');
  return top === 'src' ? `src/${second}` : top!;
}

function allows(from: string, to: string): boolean {
  if (from === to) return true;
  if (to === 'generators') return from === 'src/cli' || from === 'src/index.ts' || from === 'bench';
  if (to === 'bench') return from === 'src/cli';
  if (to === 'src/index.ts' || to === 'src/cli') return false;
  if (from === 'generators' || from === 'bench' || from === 'src/index.ts') return to.startsWith('src/');
  return ORDER.indexOf(to.slice(4)) !== -1 && ORDER.indexOf(to.slice(4)) < ORDER.indexOf(from.slice(4));
}

const FILES = ['src', 'generators', 'bench']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
  )
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll(path.sep, '/'));
const IMPORTS = FILES.flatMap((file) => importsOf(file, readFileSync(file, 'utf8')));

describe('the architecture', () => {
  test('names every folder of src, in ARCHITECTURE.md', () => {
    const folders = new Set(FILES.map(moduleOf).filter((name) => name.startsWith('src/') && !name.endsWith('.ts')));
    expect([...folders].filter((folder) => !ORDER.includes(folder.slice(4)))).toEqual([]);
    expect(ORDER.length).toBeGreaterThanOrEqual(folders.size);
  });

  test('has no import that points downward', () => {
    expect(IMPORTS.length).toBeGreaterThan(100);
    const downward = IMPORTS.filter(({ from, to }) => !allows(moduleOf(from), moduleOf(to)));
    expect(downward.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });
});

describe('the test of the architecture', () => {
  test('sees static, dynamic, type, re-exporting and multi-line imports', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../b/b.ts';",
      "export * from './c.ts';",
      "import {\n  d,\n  e,\n} from './d.ts';",
      "const f = (await import('../f.ts')).f;",
      "import './g.ts';",
      "import fs from 'node:fs';",
    ].join('\n');
    expect(importsOf('src/x/x.ts', text).map(({ to }) => to)).toEqual([
      'src/x/a.ts',
      'src/b/b.ts',
      'src/x/c.ts',
      'src/x/d.ts',
      'src/f.ts',
      'src/x/g.ts',
    ]);
  });

  test.each([
    ['src/score', 'src/replay', true],
    ['src/replay', 'src/score', false],
    ['src/score', 'generators', false],
    ['src/replay', 'src/index.ts', false],
    ['src/cli', 'generators', true],
    ['generators', 'src/dataset', true],
    ['generators', 'src/cli', false],
    ['generators', 'bench', false],
    ['src/base', 'src/nowhere', false],
  ])('lets %s import %s: %s', (from, to, allowed) => expect(allows(from, to)).toBe(allowed));
});
