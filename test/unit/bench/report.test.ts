import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkDigests } from '../../../bench/compete.ts';
import { figuresOf } from '../../../bench/figures.ts';
import { environment, timingOf } from '../../../bench/measure.ts';
import { mergeReports, pageText, readReport, writePage } from '../../../bench/page.ts';
import type { CaseLetter, CaseResult, Entry } from '../../../bench/report.ts';
import { benchReport } from '../../../bench/suite.ts';

function entry(name: string, seconds: number, more: Partial<Entry> = {}): Entry {
  return { name, timing: timingOf([seconds]), ...more };
}

function caseOf(letter: CaseLetter, entries: readonly Entry[], part?: string): CaseResult {
  return {
    case: letter,
    ...(part !== undefined && { part }),
    work: { rows: 1000 },
    entries,
    notes: [],
    environment: environment({ DuckDB: '1.2.3' }),
    measuredAt: '2026-06-01T00:00Z',
  };
}

const ENGINES = [
  entry('tocsin, 2 threads', 0.1),
  entry('DuckDB, 2 threads, a query a run: texts', 4),
  entry('DuckDB, 2 threads, a query a run: codes', 2),
  entry('DuckDB, 2 threads, one statement: slow', 3),
  entry('DuckDB, 2 threads, one statement: fast', 0.5),
];

describe('the figures', () => {
  const figure = (cases: readonly CaseResult[], what: RegExp) => figuresOf(cases).find((each) => what.test(each.what))!;

  test('are ratios of medians of one case, with what is met', () => {
    expect(figure([caseOf('a', ENGINES)], /one query a run, on texts/)).toMatchObject({
      measured: '40.0 x',
      verdict: 'met',
      shortBy: null,
    });
  });

  test('stand for texts and for codes apart', () => {
    expect(figure([caseOf('a', ENGINES)], /one query a run, on codes/)).toMatchObject({
      measured: '20.0 x',
      verdict: 'short',
      shortBy: '1.25 x',
    });
  });

  test('are against the fastest single statement, and say by how much they fall short', () => {
    expect(figure([caseOf('a', ENGINES)], /single statement/)).toMatchObject({
      measured: '5.00 x',
      verdict: 'short',
      shortBy: '2.00 x',
    });
  });

  test('may be better the lower they are', () => {
    const floor = (seconds: number) =>
      caseOf('g', [entry('sum of the columns in memory', 0.01), entry('tocsin, files to rows', seconds)]);
    expect(figure([floor(0.015)], /memory floor/).verdict).toBe('aim reached');
    expect(figure([floor(0.05)], /memory floor/).verdict).toBe('met');
    expect(figure([floor(0.12)], /memory floor/)).toMatchObject({ verdict: 'short', shortBy: '2.00 x' });
  });

  test('are all listed where nothing was measured', () => {
    expect(figuresOf([]).every(({ verdict, measured }) => verdict === 'not measured' && measured === null)).toBe(true);
    expect(figuresOf([]).length).toBeGreaterThan(3);
  });
});

describe('digests', () => {
  test('must be equal in all entries that have one', () => {
    checkDigests('a', [entry('x', 1, { digest: '1:2:3' }), entry('y', 1), entry('z', 1, { digest: '1:2:3' })]);
    expect(() =>
      checkDigests('a', [entry('x', 1, { digest: '1:2:3' }), entry('y', 1), entry('z', 1, { digest: '1:2:4' })]),
    ).toThrow('(a) results differ: x gave 1:2:3, but z gave 1:2:4');
  });
});

describe('the page', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tocsin-page-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('keeps what was measured before, and replaces what is measured again', async () => {
    const page = path.join(folder, 'benchmarks.md');
    await writePage(page, benchReport([caseOf('a', ENGINES), caseOf('f', [entry('old', 9)], '10 million')]));
    const later = [caseOf('f', [entry('new', 8)], '10 million'), caseOf('f', [entry('big', 7)], '1 billion')];
    const merged = mergeReports(await readReport(page), later);
    expect(merged.map(({ case: letter, part, entries }) => [letter, part, entries[0]!.name])).toEqual([
      ['a', undefined, 'tocsin, 2 threads'],
      ['f', '10 million', 'new'],
      ['f', '1 billion', 'big'],
    ]);
  });

  test('says what was measured, where, and what every figure comes to', () => {
    const text = pageText(benchReport([caseOf('a', ENGINES)]));
    expect(text).toContain('| DuckDB, 2 threads, a query a run: texts | 4.00 s | 4.00 s to 4.00 s |');
    expect(text).toContain('| 5.00 x | 10 x faster | 50 x | short by 2.00 x |');
    expect(text).toContain('DuckDB 1.2.3');
    expect(text).toContain(process.version);
  });

  test('keeps what was written by hand about the figures', async () => {
    const page = path.join(folder, 'benchmarks.md');
    await writePage(page, benchReport([caseOf('a', ENGINES)]));
    const text = readFileSync(page, 'utf8');
    writeFileSync(page, text.replace('<!-- explained -->', '<!-- explained -->\nBecause of the parser.'));
    await writePage(page, benchReport([]));
    expect(readFileSync(page, 'utf8')).toContain('<!-- explained -->\nBecause of the parser.\n<!-- /explained -->');
    expect(readFileSync(page, 'utf8')).not.toContain('a query a run: texts | 4.00 s');
  });

  test('is not written over JSON that is something else', async () => {
    writeFileSync(path.join(folder, 'page.json'), '{"schema":"other"}');
    await expect(readReport(path.join(folder, 'page.md'))).rejects.toThrow('is not a bench report');
    expect(readFileSync(path.join(folder, 'page.json'), 'utf8')).toBe('{"schema":"other"}');
    expect(await readReport(path.join(folder, 'absent.md'))).toEqual([]);
  });
});
