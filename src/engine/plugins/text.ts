/** `parse`, `parse-where` and `parse-kv`: columns taken out of a text. Each distinct text is read once. */
import { TocsinError } from '../../base/errors.ts';
import { Batch, type ColumnInfo } from '../../columns/batch.ts';
import { type Column, columnFromValues, columnLength, gatherColumn, valueAt } from '../../columns/column.ts';
import type { ScalarType } from '../../columns/value.ts';
import { isNullAt } from '../aggregates/aggregate.ts';
import { regexMatcher } from '../functions/regex.ts';
import { gatherOrMissing, rowsWhere } from '../operators/gather.ts';
import { groupRows } from '../operators/keys.ts';
import type { Plugin, PluginContext } from './plugin.ts';

/** What a pattern is made of; see plan/plan.ts. */
type Part = { readonly any: true } | { readonly text: string } | { readonly column: number; readonly type: ScalarType };

interface ParseOptions {
  readonly mode: 'simple' | 'relaxed' | 'regex';
  readonly flags: string;
  readonly pattern: readonly Part[];
}

type Target = Extract<Part, { column: number }>;

/** The text of each target, or undefined where the whole text does not fit the pattern. */
type Reader = (text: string) => readonly string[] | undefined;

const WHOLE = /[-+]?\d+/y;
const REAL = /[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;

/** Numbers are as long as their digits go, whatever stands after them. */
function numberForm(type: ScalarType): RegExp | undefined {
  if (type === 'int' || type === 'long') return WHOLE;
  return type === 'real' || type === 'decimal' ? REAL : undefined;
}

/**
 * Reads texts by literal parts: a part is found at its first place after the one before, the first at the start unless a
 * star or a column stands before it, the last at the end. What lies between two parts is the column between them.
 */
function literalReader(pattern: readonly Part[]): Reader {
  return (text) => {
    const found: string[] = [];
    let at = 0;
    /** Columns and stars since the last literal part. */
    let open: (Target | undefined)[] = [];
    const close = (end: number): boolean => {
      const targets = open;
      open = [];
      let from = at;
      for (const [i, target] of targets.entries()) {
        if (!target) continue;
        const form = numberForm(target.type);
        // A number followed by a star or a column has no literal part to end it.
        if (form && i < targets.length - 1) {
          form.lastIndex = from;
          const match = form.exec(text);
          if (!match || form.lastIndex > end) return false;
          found.push(match[0]);
          from = form.lastIndex;
        } else {
          found.push(text.slice(from, end));
          from = end;
        }
      }
      return targets.length > 0 || end === at;
    };
    for (const [i, part] of pattern.entries()) {
      if (!('text' in part)) {
        open.push('column' in part ? part : undefined);
        continue;
      }
      const start =
        open.length === 0
          ? at
          : i === pattern.length - 1
            ? text.length - part.text.length
            : text.indexOf(part.text, at);
      if (start < at || !text.startsWith(part.text, start) || !close(start)) return undefined;
      at = start + part.text.length;
    }
    return close(text.length) ? found : undefined;
  };
}

const FORMS: Partial<Record<ScalarType, string>> = {
  int: '[-+]?\\d+',
  long: '[-+]?\\d+',
  real: '[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?',
  decimal: '[-+]?(?:\\d+\\.?\\d*|\\.\\d+)',
};

/** Reads texts by a regular expression made of the parts; the whole text has to fit. */
function regexReader(pattern: readonly Part[], flags: string): Reader {
  let targets = 0;
  const body = pattern
    .map((part) => {
      if ('text' in part) return `(?:${part.text})`;
      return 'any' in part ? '.*' : `(?P<parsed${targets++}>${FORMS[part.type] ?? '.*'})`;
    })
    .join('');
  const regex = `${flags ? `(?${flags})` : ''}\\A(?:${body})\\z`;
  return (text) => {
    const matcher = regexMatcher(text, regex);
    if (!matcher.find()) return undefined;
    return Array.from({ length: targets }, (_, i) => matcher.group(`parsed${i}`) ?? '');
  };
}

/** The text of each row of a string column. */
export function textOf(column: Column, rowCount: number): (row: number) => string {
  if (column.kind === 'coded') return (row) => column.dictionary.text(column.codes[row]!);
  const texts = Array.from({ length: rowCount }, (_, row) => String(valueAt(column, row) as string | bigint));
  return (row) => texts[row]!;
}

/** Each distinct text of an argument, and for each row which it is. */
function distinctTexts(context: PluginContext): { readonly texts: string[]; readonly of: Uint32Array } {
  const column = context.column(0);
  const groups = groupRows([column], context.input.rowCount);
  const text = textOf(column, context.input.rowCount);
  const texts = Array.from(groups.first, text);
  return { texts, of: groups.of };
}

/** Texts as values of another type: null where they are none. */
function convert(context: PluginContext, texts: readonly string[], type: ScalarType): Column {
  const column = columnFromValues('string', texts);
  if (type === 'string') return column;
  const span = { start: 0, end: 0 };
  return context.evaluate(
    {
      kind: 'call',
      name: type === 'dynamic' ? 'parse_json' : `to${type}`,
      args: [{ kind: 'column', index: 0, type: 'string', span }],
      type,
      span,
    },
    new Batch([{ name: 'text', type: 'string' }], texts.length, [column]),
  );
}

function isMissing(column: Column, type: ScalarType): Uint8Array {
  const isNull = type === 'string' ? undefined : isNullAt(column);
  const length = columnLength(column);
  return Uint8Array.from({ length }, (_, row) => (isNull?.(row) ? 1 : 0));
}

function parse(where: boolean): Plugin {
  return {
    rowLocal: true,
    run: (context) => {
      const { node, input } = context;
      const { mode, flags, pattern } = node.options as unknown as ParseOptions;
      const targets = pattern.filter((part) => 'column' in part);
      const reader = mode === 'regex' ? regexReader(pattern, flags) : literalReader(pattern);
      const { texts, of } = distinctTexts(context);
      const read = texts.map(reader);
      let fits = Uint8Array.from(read, (found) => (found ? 1 : 0));
      const columns = targets.map(({ type }, t) => {
        const column = convert(
          context,
          read.map((found) => found?.[t] ?? ''),
          type,
        );
        // One value of the wrong type spoils the row, except where the pattern is relaxed.
        if (mode !== 'relaxed') {
          const missing = isMissing(column, type);
          fits = fits.map((fit, i) => fit & (missing[i]! ^ 1));
        }
        return column;
      });
      const replaced = new Map<number, Column>();
      targets.forEach(({ column }, t) => {
        replaced.set(column, gatherColumn(blank(columns[t]!, fits), of));
      });
      const batch = withColumns(input, node.columns, replaced);
      if (!where) return { batch };
      const rows = rowsWhere(Uint8Array.from(of, (text) => fits[text]!));
      return { batch: batch.select(rows), rows };
    },
  };
}

/** The column without its values where `keep` is 0. */
function blank(column: Column, keep: Uint8Array): Column {
  return gatherOrMissing(
    column,
    Int32Array.from(keep, (kept, row) => (kept === 1 ? row : -1)),
  );
}

function withColumns(input: Batch, schema: readonly ColumnInfo[], replaced: ReadonlyMap<number, Column>): Batch {
  return new Batch(
    schema,
    input.rowCount,
    schema.map((_, index) => replaced.get(index) ?? (() => input.column(index))),
    input.lineage,
  );
}

interface ParseKvOptions {
  readonly keys: readonly { readonly key: string; readonly column: number; readonly type: ScalarType }[];
  readonly pairDelimiter: string | undefined;
  readonly kvDelimiter: string | undefined;
  readonly quote: string | undefined;
  readonly escape: string | undefined;
  readonly greedy: boolean;
}

/** The first value of each key in a text. */
function readPairs(text: string, options: ParseKvOptions): Map<string, string> {
  const pair = options.pairDelimiter!;
  const kv = options.kvDelimiter!;
  const open = options.quote?.[0];
  const close = options.quote?.[1] ?? open;
  const found = new Map<string, string>();
  let at = 0;
  /** A quoted text at `at`, without its quotes; undefined where there is none. */
  const quoted = (): string | undefined => {
    if (open === undefined || text[at] !== open) return undefined;
    let out = '';
    for (let i = at + 1; i < text.length; i++) {
      if (options.escape && text[i] === options.escape && i + 1 < text.length) out += text[++i]!;
      else if (text[i] === close) {
        at = i + 1;
        return out;
      } else out += text[i]!;
    }
    return undefined;
  };
  const skipBlanks = (): void => {
    while (at < text.length && /\s/.test(text[at]!)) at++;
  };
  while (at < text.length) {
    skipBlanks();
    let key = quoted();
    const mark = text.indexOf(kv, at);
    if (mark < 0) break;
    if (key === undefined) {
      const before = text.slice(at, mark).trimEnd();
      // What stands before the last delimiter is a value without a key, or nothing.
      const from = before.lastIndexOf(pair);
      key = (from < 0 ? before : before.slice(from + pair.length)).trim();
    }
    at = mark + kv.length;
    skipBlanks();
    let value = quoted();
    if (value === undefined) {
      let end = text.indexOf(pair, at);
      if (options.greedy && end >= 0) {
        // The value goes on until the delimiter before the next key.
        const next = text.indexOf(kv, at);
        const last = next < 0 ? -1 : text.lastIndexOf(pair, next);
        end = last < at ? text.length : last;
      }
      if (end < 0) end = text.length;
      value = text.slice(at, end);
      at = end;
    }
    if (!found.has(key)) found.set(key, value);
    const next = text.indexOf(pair, at);
    if (next < 0) break;
    at = next + pair.length;
  }
  return found;
}

const parseKv: Plugin = {
  rowLocal: true,
  run: (context) => {
    const { node, input } = context;
    const options = node.options as unknown as ParseKvOptions;
    if (!options.pairDelimiter || !options.kvDelimiter) {
      throw new TocsinError('UNSUPPORTED', 'parse-kv without pair_delimiter and kv_delimiter is not supported');
    }
    const { texts, of } = distinctTexts(context);
    const read = texts.map((text) => readPairs(text, options));
    const replaced = new Map<number, Column>();
    for (const { key, column, type } of options.keys) {
      const values = read.map((pairs) => pairs.get(key) ?? '');
      replaced.set(column, gatherColumn(convert(context, values, type), of));
    }
    return { batch: withColumns(input, node.columns, replaced) };
  },
};

export const TEXT_PLUGINS: Readonly<Record<string, Plugin>> = {
  parse: parse(false),
  'parse-where': parse(true),
  'parse-kv': parseKv,
};
