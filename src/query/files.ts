/**
 * Watchlists and external data from local files: CSV (by `.csv`, `.tsv` and `.txt`), JSON arrays and NDJSON. Such lists
 * are short, so they are read whole and at once.
 */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { TocsinError } from '../base/errors.ts';
import type { RowTable, SavedFunction } from '../kql/compile.ts';
import { type PlanCache, planCacheFolder, planCacheIn } from '../kql/plan-cache.ts';
import { rowTable, withSearchKey } from './query.ts';

/**
 * The rows of a file. Cells of CSV are strings, under the names of the first line.
 *
 * @throws TocsinError `INPUT` where the file cannot be read, or is none of these.
 */
export function readRowTable(path: string): RowTable {
  const text = readText(path);
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.txt') return csvTable(text, ',', path);
  if (extension === '.tsv') return csvTable(text, '\t', path);
  if (/^\s*[[{]/.test(text)) return rowTable(path, jsonRows(text, path), undefined);
  throw new TocsinError(
    'INPUT',
    `${path}: found neither JSON nor the name of a CSV file, expected .csv, .tsv, .json or .ndjson`,
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new TocsinError('INPUT', `${path}: cannot be read (${(error as Error).message})`, { cause: error });
  }
}

/** Files for watchlists by alias, for external data by URL, and for saved functions by name. */
export interface TableFiles {
  readonly watchlist?: Readonly<Record<string, string>>;
  readonly external?: Readonly<Record<string, string>>;
  readonly function?: Readonly<Record<string, string>>;
  /** Whether plans are kept from one process to the next; they are unless this is false. */
  readonly cache?: boolean;
}

/** What a compilation is to know of watchlists, external data and saved functions, read from files, and of plans made before. */
export function tablesFromFiles(files: TableFiles): {
  readonly watchlists: Record<string, RowTable>;
  readonly externals: Record<string, RowTable>;
  readonly functions: Record<string, SavedFunction>;
  readonly cache: PlanCache | undefined;
} {
  const read = (paths: Readonly<Record<string, string>> = {}): [string, RowTable][] =>
    Object.entries(paths).map(([name, path]) => [name, readRowTable(path)]);
  return {
    watchlists: Object.fromEntries(read(files.watchlist).map(([alias, table]) => [alias, withSearchKey(table)])),
    externals: Object.fromEntries(read(files.external)),
    cache: files.cache === false ? undefined : planCacheIn(planCacheFolder()),
    functions: Object.fromEntries(
      Object.entries(files.function ?? {}).map(([name, file]) => [name, { text: readText(file), file }]),
    ),
  };
}

function csvTable(text: string, delimiter: string, path: string): RowTable {
  const [header, ...rows] = parseCsv(text, delimiter, path);
  if (!header) throw new TocsinError('INPUT', `${path}: is empty, expected a line of column names`);
  const width = header.length;
  return {
    columns: header.map((name) => ({ name: name.trim(), type: 'string' })),
    rows: rows.map((row) => Array.from({ length: width }, (_, index) => row[index] ?? '')),
    namedByFirstLine: true,
  };
}

/** Records of RFC 4180: quoted fields may hold delimiters, line breaks and doubled quotes. Blank lines are passed over. */
function parseCsv(text: string, delimiter: string, path: string): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let at = 0;
  const stop = new RegExp(`[${delimiter}\r\n]|$`, 'g');
  const endRecord = (): void => {
    if (record.length > 1 || record[0] !== '') records.push(record);
    record = [];
  };
  while (at < text.length) {
    let field: string;
    if (text[at] === '"') {
      let end = at + 1;
      while ((end = text.indexOf('"', end)) >= 0 && text[end + 1] === '"') end += 2;
      if (end < 0) {
        const line = text.slice(0, at).split('\n').length;
        throw new TocsinError('INPUT', `${path}:${line}: a quoted field has no end`);
      }
      field = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    } else {
      stop.lastIndex = at;
      const end = stop.exec(text)!.index;
      field = text.slice(at, end);
      at = end;
    }
    record.push(field);
    if (text[at] === delimiter) {
      at++;
      if (at === text.length || text[at] === '\n' || text[at] === '\r') record.push('');
    }
    if (text[at] === '\r') at++;
    if (text[at] === '\n' || at >= text.length) {
      at++;
      endRecord();
    }
  }
  if (record.length > 0) endRecord();
  return records;
}

function jsonRows(text: string, path: string): Record<string, unknown>[] {
  const parse = (json: string, line: number): unknown => {
    try {
      return JSON.parse(json);
    } catch (error) {
      throw new TocsinError('INPUT', `${path}:${line}: is no JSON (${(error as Error).message})`, { cause: error });
    }
  };
  const values = text.trimStart().startsWith('[')
    ? (parse(text, 1) as unknown[])
    : text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, index + 1)]));
  return values.map((value, index) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new TocsinError('INPUT', `${path}: row ${index + 1} is no object`);
  });
}
