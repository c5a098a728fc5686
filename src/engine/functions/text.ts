/**
 * Functions of texts. Positions and lengths count code points, as Kusto counts them; a text without surrogates, which is
 * nearly every text, takes the short way.
 */
import type { Matcher } from 're2js';
import { TocsinError } from '../../base/errors.ts';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { convertValue } from './convert.ts';
import { define, type ScalarFunction } from './function.ts';
import { compileRegex, regexMatcher } from './regex.ts';
import { countArg, textOf } from './scalars.ts';

const SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** No result may be longer than what Kusto itself allows a value to be. */
const MAX_TEXT = 1 << 20;

/** The code points of a text as strings. */
function points(text: string): string[] {
  return Array.from(text);
}

function lengthOf(text: string): number {
  return SURROGATE.test(text) ? points(text).length : text.length;
}

function substring(text: string, start: number, length: number | undefined): string {
  const size = lengthOf(text);
  const from = start < 0 ? size + start : start;
  const count = length ?? size;
  if (from < 0) {
    // A start before the text eats into the length.
    const left = count + from;
    return left > 0 ? sliceOf(text, 0, left) : '';
  }
  return count <= 0 ? '' : sliceOf(text, from, from + count);
}

function sliceOf(text: string, from: number, to: number): string {
  return SURROGATE.test(text) ? points(text).slice(from, to).join('') : text.slice(from, to);
}

function indexOf(text: string, part: string, start: number, length: number, occurrence: number): bigint | null {
  if (length < -1 || occurrence === 0) return null;
  const wide = SURROGATE.test(text);
  const size = lengthOf(text);
  let from = start < 0 ? Math.max(0, size + start) : start;
  if (from > size) return -1n;
  const to = length < 0 ? size : Math.min(size, from + length);
  const haystack = sliceOf(text, 0, to);
  const found: number[] = [];
  let at = wide ? sliceOf(text, 0, from).length : from;
  for (;;) {
    at = haystack.indexOf(part, at);
    if (at < 0) break;
    found.push(wide ? lengthOf(haystack.slice(0, at)) : at);
    if (occurrence > 0 && found.length === occurrence) break;
    at += Math.max(1, part.length);
    if (at > haystack.length) break;
  }
  const index = occurrence > 0 ? found[occurrence - 1] : found[found.length + occurrence];
  return index === undefined ? -1n : BigInt(index);
}

function limited(text: string): string {
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}

/** One match of `pattern` taken off the start, or the end, of a text. */
function trimmed(pattern: string, text: string, start: boolean, end: boolean): string {
  let result = text;
  if (start) {
    const matcher = regexMatcher(result, `^(?:${pattern})`);
    if (matcher.find()) result = result.slice(matcher.end());
  }
  if (end) {
    const matcher = regexMatcher(result, `(?:${pattern})$`);
    if (matcher.find()) result = result.slice(0, matcher.start());
  }
  return result;
}

/** The replacement for a match: `\1` is group 1, `\0` the whole. */
function expand(replacement: string, matcher: Matcher): string {
  return replacement.replace(/\\(\d)|\\(\\)/g, (_whole, digit: string | undefined) =>
    digit === undefined ? '\\' : Number(digit) <= matcher.groupCount() ? (matcher.group(Number(digit)) ?? '') : '',
  );
}

function replaceRegex(text: string, pattern: string, replacement: string): string {
  const matcher = regexMatcher(text, pattern);
  let out = '';
  let from = 0;
  while (matcher.find()) {
    out += text.slice(from, matcher.start()) + expand(replacement, matcher);
    from = matcher.end();
    if (out.length > MAX_TEXT) break;
  }
  return limited(out + text.slice(from));
}

function countOf(text: string, part: string, regex: boolean): bigint {
  let count = 0n;
  if (regex) {
    const matcher = regexMatcher(text, part);
    while (matcher.find()) count++;
    return count;
  }
  if (part === '') return 0n;
  // Plain occurrences may overlap.
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) count++;
  return count;
}

function extractAll(pattern: string, groups: readonly Value[] | undefined, text: string): Dynamic {
  const compiled = compileRegex(pattern, text);
  const names = compiled.namedGroups();
  const count = compiled.groupCount();
  if (count === 0) {
    throw new TocsinError('QUERY', `extract_all: the regular expression "${pattern}" has no capturing group`);
  }
  const wanted = groups
    ? groups.map((group) => (typeof group === 'string' ? (names[group] ?? -1) : countArg(group, -1)))
    : Array.from({ length: count }, (_, i) => i + 1);
  const matcher = compiled.matcher(text);
  const found: Dynamic[] = [];
  while (matcher.find()) {
    const parts = wanted.map((group) => (group >= 0 && group <= count ? (matcher.group(group) ?? '') : ''));
    found.push(wanted.length === 1 ? parts[0]! : parts);
  }
  return found.length > 0 ? found : null;
}

function extract(args: readonly Value[], types: readonly ScalarType[], result: ScalarType): Value {
  const [pattern, group, text] = args;
  const source = textOf(text!, types[2]!);
  const matcher = regexMatcher(source, textOf(pattern!, types[0]!));
  if (!matcher.find()) return null;
  const index = typeof group === 'string' ? matcher.pattern().namedGroups()[group] : countArg(group, -1);
  if (index === undefined || index < 0 || index > matcher.groupCount()) return null;
  const found = matcher.group(index);
  if (found === null) return null;
  return result === 'string' ? found : convertValue(found, 'string', result);
}

function split(text: string, delimiter: string, index: Value | undefined): Dynamic {
  const parts = delimiter === '' ? [text] : text.split(delimiter);
  if (index === undefined || index === null) return parts;
  const part = parts[countArg(index, -1)];
  return part === undefined ? null : [part];
}

function translate(from: string, to: string, text: string): string {
  if (to === '')
    return points(text)
      .filter((c) => !from.includes(c))
      .join('');
  const search = points(from);
  const replacements = points(to);
  const map = new Map<string, string>();
  search.forEach((c, i) => {
    if (!map.has(c)) map.set(c, replacements[Math.min(i, replacements.length - 1)]!);
  });
  return points(text)
    .map((c) => map.get(c) ?? c)
    .join('');
}

/** Case of single characters only: a text keeps its length. */
function mapCase(text: string, map: (c: string) => string): string {
  const mapped = map(text);
  if (mapped.length === text.length) return mapped;
  return points(text)
    .map((c) => (map(c).length === c.length ? map(c) : c))
    .join('');
}

/** One search after the other over what no earlier one has replaced. */
function replaceStrings(text: string, from: Dynamic, to: Dynamic): string {
  if (!Array.isArray(from)) return text;
  let pieces: { readonly text: string; readonly done: boolean }[] = [{ text, done: false }];
  from.forEach((part, i) => {
    const search = textOf(part, 'dynamic');
    if (search === '') return;
    const replacement = { text: textOf((Array.isArray(to) ? to[i] : to) ?? null, 'dynamic'), done: true };
    pieces = pieces.flatMap((piece) =>
      piece.done
        ? [piece]
        : piece.text
            .split(search)
            .flatMap((rest, at) =>
              at === 0 ? [{ text: rest, done: false }] : [replacement, { text: rest, done: false }],
            ),
    );
  });
  return limited(pieces.map((piece) => piece.text).join(''));
}

const NON_ASCII = /[^\u0000-\u007f]/;

/** A function over texts: arguments of other types are read as text, as Kusto reads them. */
function text(name: string, apply: (...texts: string[]) => Value): ScalarFunction {
  return define(name, (args, types) => apply(...args.map((arg, i) => textOf(arg, types[i]!))));
}

export const TEXT_FUNCTIONS: readonly ScalarFunction[] = [
  text('tolower', (s) => mapCase(s!, (c) => c.toLowerCase())),
  text('toupper', (s) => mapCase(s!, (c) => c.toUpperCase())),
  text('strlen', (s) => BigInt(lengthOf(s!))),
  text('string_size', (s) => BigInt(Buffer.byteLength(s!, 'utf8'))),
  text('reverse', (s) => (SURROGATE.test(s!) ? points(s!) : s!.split('')).reverse().join('')),
  text('isascii', (s) => !NON_ASCII.test(s!)),
  text('isutf8', (s) => !LONE_SURROGATE.test(s!)),
  text('strcmp', (a, b) => (a! < b! ? -1n : a! > b! ? 1n : 0n)),
  text('strcat', (...parts) => limited(parts.join(''))),
  text('strcat_delim', (delimiter, ...parts) => limited(parts.join(delimiter))),
  text('trim', (pattern, s) => trimmed(pattern!, s!, true, true)),
  text('trim_start', (pattern, s) => trimmed(pattern!, s!, true, false)),
  text('trim_end', (pattern, s) => trimmed(pattern!, s!, false, true)),
  text('replace_string', (s, from, to) => (from === '' ? s! : limited(s!.split(from!).join(to)))),
  text('replace_regex', (s, pattern, replacement) => replaceRegex(s!, pattern!, replacement!)),
  define('replace_strings', ([s, from, to], types) => replaceStrings(textOf(s!, types[0]!), from!, to!)),
  text('translate', (from, to, s) => translate(from!, to!, s!)),
  text('regex_quote', (s) => s!.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')),
  define('strrep', ([value, count, delimiter], types) => {
    const part = textOf(value!, types[0]!);
    const between = delimiter === undefined ? '' : textOf(delimiter, types[2]!);
    const enough = Math.ceil(MAX_TEXT / Math.max(1, part.length + between.length)) + 1;
    const times = Math.min(1024, enough, Math.max(0, countArg(count, 0)));
    return limited(new Array<string>(times).fill(part).join(between));
  }),
  define('substring', ([s, start, length], types) =>
    substring(textOf(s!, types[0]!), countArg(start, 0), length === undefined ? undefined : countArg(length, 0)),
  ),
  define('indexof', ([s, part, start, length, occurrence], types) =>
    indexOf(
      textOf(s!, types[0]!),
      textOf(part!, types[1]!),
      countArg(start, 0),
      countArg(length, -1),
      countArg(occurrence, 1),
    ),
  ),
  define('indexof_regex', ([s, pattern, start, length, occurrence], types) => {
    const source = textOf(s!, types[0]!);
    const from = Math.max(0, countArg(start, 0));
    const size = countArg(length, -1);
    const part = size < 0 ? source.slice(from) : source.slice(from, from + size);
    const matcher = regexMatcher(part, textOf(pattern!, types[1]!));
    for (let left = Math.max(1, countArg(occurrence, 1)); left > 0; left--) if (!matcher.find()) return -1n;
    return BigInt(from + matcher.start());
  }),
  define('countof', ([s, part, kind], types) =>
    countOf(textOf(s!, types[0]!), textOf(part!, types[1]!), kind !== undefined && String(kind as string) === 'regex'),
  ),
  define('split', ([s, delimiter, index], types) => split(textOf(s!, types[0]!), textOf(delimiter!, types[1]!), index)),
  define('extract', extract),
  define('extract_all', (args, types) => {
    const source = args[args.length - 1]!;
    const groups = args.length === 3 ? (args[1] as Dynamic[] | null) : undefined;
    return extractAll(
      textOf(args[0]!, types[0]!),
      Array.isArray(groups) ? groups : undefined,
      textOf(source, types[args.length - 1]!),
    );
  }),
  text('unicode_codepoints_from_string', (s) => points(s!).map((c) => BigInt(c.codePointAt(0)!))),
  define('unicode_codepoints_to_string', (args) =>
    args
      .flatMap((arg) => (Array.isArray(arg) ? arg : [arg]))
      .map((code) => {
        const point = countArg(code, -1);
        return Number.isInteger(point) && point >= 0 && point <= 0x10ffff ? String.fromCodePoint(point) : '';
      })
      .join(''),
  ),
];
