/**
 * Results of Tocsin against those that the real engine of Kusto gave. Two forms were recorded: typed JSON cells, and rows
 * as text tuples, which are read with the column types at hand (strings in them are not escaped).
 */
import { parseDynamic, stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Dynamic } from '../../src/columns/value.ts';
import type { QueryResult } from '../../src/query/query.ts';

export interface Expected {
  readonly columns: readonly string[];
  /** Types with int and long as `whole`, real and decimal as `real`. */
  readonly types: readonly string[];
  /** Cells in a form that can be compared: see {@link comparable}. */
  readonly rows: readonly (readonly string[])[];
}

const TYPES: Readonly<Record<string, string>> = {
  Int64: 'whole',
  Int32: 'whole',
  Int: 'whole',
  long: 'whole',
  int: 'whole',
  Double: 'real',
  Real: 'real',
  SqlDecimal: 'real',
  decimal: 'real',
  DateTime: 'datetime',
  TimeSpan: 'timespan',
  String: 'string',
  SByte: 'bool',
  Bool: 'bool',
  Boolean: 'bool',
  Object: 'dynamic',
  Dynamic: 'dynamic',
  Guid: 'guid',
};

export function typeName(type: string): string {
  return TYPES[type] ?? type;
}

/** A cell as text: equal cells have equal texts, up to the tolerance for reals that {@link sameCell} grants. */
export function comparable(cell: unknown, type: string): string {
  if (cell === null || cell === undefined) return 'null';
  switch (type) {
    case 'datetime':
      return String(cell as string).replace(/\.(\d*?)0*Z$/, (_, fraction: string) =>
        fraction ? `.${fraction}Z` : 'Z',
      );
    case 'dynamic':
      return dynamicText(typeof cell === 'string' ? cell : fromPlain(cell));
    default:
      return String(cell as string | number);
  }
}

function fromPlain(cell: unknown): Dynamic {
  if (typeof cell === 'number') return Number.isSafeInteger(cell) ? BigInt(cell) : cell;
  if (cell === null || typeof cell !== 'object') return cell as Dynamic;
  if (Array.isArray(cell)) return cell.map(fromPlain);
  return new Map(Object.entries(cell).map(([key, item]) => [key, fromPlain(item)]));
}

/** JSON with keys sorted and whole reals as whole numbers: what the recordings do not tell apart. */
function dynamicText(value: Dynamic): string {
  return stringifyDynamic(normal(value));
}

function normal(value: Dynamic): Dynamic {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string') {
    return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? comparable(value, 'datetime') : value;
  }
  if (Array.isArray(value)) return value.map(normal);
  if (value instanceof Map) {
    return new Map(
      [...value].map(([key, item]): [string, Dynamic] => [key, normal(item)]).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
  return value;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Equal texts, or texts that differ only in numbers that are equal to nine digits (printed reals were rounded). */
export function sameCell(a: string, b: string, type: string): boolean {
  if (a === b) return true;
  // JSON readers keep 53 bits of a whole number.
  if (type === 'whole') return Math.abs(Number(a)) > Number.MAX_SAFE_INTEGER && Number(a) === Number(b);
  if (type !== 'real' && type !== 'dynamic') return false;
  if (a.replace(NUMBER, '#') !== b.replace(NUMBER, '#')) return false;
  const [left, right] = [a.match(NUMBER) ?? [], b.match(NUMBER) ?? []];
  return left.every((text, i) => {
    const [x, y] = [Number(text), Number(right[i])];
    return Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x), Math.abs(y));
  });
}

/**
 * What differs, or undefined where the result is the expected one. Rows may stand in any order, except that the columns in
 * `sortedBy` run as expected: rows that tie there have no order of their own.
 */
export function difference(result: QueryResult, expected: Expected, sortedBy: readonly string[]): string | undefined {
  const columns = result.columns.map((column) => `${column.name}:${typeName(column.type)}`).join(', ');
  const wanted = expected.columns.map((name, i) => `${name}:${expected.types[i]!}`).join(', ');
  if (columns !== wanted) return `columns are ${columns}\n     expected ${wanted}`;
  const rows = result.rows.map((row) => row.map((cell, i) => comparable(cell, expected.types[i]!)));
  if (rows.length !== expected.rows.length) {
    return `${rows.length} rows, expected ${expected.rows.length}:\n${show(rows)}\n     expected\n${show(expected.rows)}`;
  }
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    a.every((cell, i) => sameCell(cell, b[i]!, expected.types[i]!));
  if (rows.every((row, i) => same(row, expected.rows[i]!))) return undefined;
  const keys = sortedBy.map((name) => expected.columns.indexOf(name)).filter((index) => index >= 0);
  const inOrder = rows.every((row, i) =>
    keys.every((key) => sameCell(row[key]!, expected.rows[i]![key]!, expected.types[key]!)),
  );
  const rest = [...expected.rows];
  const matched = rows.every((row) => {
    const at = rest.findIndex((other) => same(row, other));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0;
  });
  if (matched && inOrder) return undefined;
  return `rows are\n${show(rows)}\n     expected\n${show(expected.rows)}`;
}

function show(rows: readonly (readonly string[])[]): string {
  return rows
    .slice(0, 12)
    .map((row) => `       ${row.join(' | ')}`)
    .join('\n');
}

/** The cells of one recorded tuple such as `(1, 'a', null, [\n  1\n])`, in comparable form; undefined where it cannot be read. */
export function readTuple(text: string, types: readonly string[]): string[] | undefined {
  const inner = text.slice(1, -1);
  const read = (at: number, column: number): string[] | undefined => {
    if (column === types.length) return at === inner.length ? [] : undefined;
    const type = types[column]!;
    for (const [raw, end] of candidates(inner, at, type, column === types.length - 1)) {
      const next = column === types.length - 1 ? end : end + 2;
      if (column < types.length - 1 && inner.slice(end, end + 2) !== ', ') continue;
      const rest = read(next, column + 1);
      if (rest) return [comparableText(raw, type), ...rest];
    }
    return undefined;
  };
  return read(0, 0);
}

function comparableText(raw: string, type: string): string {
  if (raw === 'null' && type !== 'string') return 'null';
  if (type === 'string') return raw.slice(1, -1);
  if (type === 'bool') return raw.toLowerCase();
  if (type === 'guid') return raw.replaceAll("'", '');
  if (type === 'dynamic') return dynamicText(parseDynamic(raw));
  return comparable(raw, type);
}

function* candidates(text: string, at: number, type: string, last: boolean): Generator<[string, number]> {
  if (type === 'string') {
    if (text[at] !== "'") return;
    for (let end = text.indexOf("'", at + 1); end >= 0; end = text.indexOf("'", end + 1)) {
      yield [text.slice(at, end + 1), end + 1];
    }
    return;
  }
  if (last) {
    yield [text.slice(at), text.length];
    return;
  }
  for (let end = text.indexOf(', ', at); end >= 0; end = text.indexOf(', ', end + 1)) {
    const raw = text.slice(at, end);
    if (type !== 'dynamic' || isWholeJson(raw)) yield [raw, end];
  }
}

function isWholeJson(text: string): boolean {
  if (!/^[[{"]/.test(text)) return true;
  return typeof parseDynamic(text) !== 'string' || text.startsWith('"');
}
