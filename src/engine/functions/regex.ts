/**
 * Regular expressions in linear time, in RE2's syntax as Kusto takes it. Kusto's classes `\d`, `\w` and `\s` know
 * Unicode, RE2's do not; a pattern is translated when a text with such characters meets it.
 */
import { RE2JS, type Matcher } from 're2js';
import { TocsinError } from '../../base/errors.ts';

const MAX_CACHED = 500;

interface Compiled {
  readonly ascii: RE2JS;
  unicode: RE2JS | undefined;
}

const cache = new Map<string, Compiled>();

const NON_ASCII = /[^\u0000-\u007f]/;

const UNICODE_CLASSES: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  w: '\\p{L}\\p{M}\\p{Nd}\\p{Pc}',
  s: '\\t-\\r \\x{85}\\p{Z}',
};

/** The pattern with Unicode classes in place of RE2's ASCII ones. */
function unicodePattern(pattern: string): string {
  let out = '';
  let inClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '\\' && i + 1 < pattern.length) {
      const next = pattern[++i]!;
      const lower = next.toLowerCase();
      const set = lower === 'd' || lower === 'w' || lower === 's' ? UNICODE_CLASSES[lower] : undefined;
      if (!set || (inClass && next !== lower)) out += c + next;
      else if (inClass) out += set;
      else out += next === lower ? `[${set}]` : `[^${set}]`;
      continue;
    }
    if (c === '[' && !inClass) inClass = true;
    else if (c === ']' && inClass && pattern[i - 1] !== '[' && !(pattern[i - 1] === '^' && pattern[i - 2] === '[')) {
      inClass = false;
    }
    out += c;
  }
  return out;
}

function compileText(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new TocsinError('QUERY', {
      message: `"${pattern}" is not a regular expression: ${(error as Error).message}`,
      hint: 'Kusto uses RE2 syntax: no look-around and no back-references',
    });
  }
}

/**
 * The compiled pattern that suits `text`.
 * @throws TocsinError `QUERY` where `pattern` is not RE2 syntax.
 */
export function compileRegex(pattern: string, text = ''): RE2JS {
  let compiled = cache.get(pattern);
  if (!compiled) {
    if (cache.size >= MAX_CACHED) cache.clear();
    cache.set(pattern, (compiled = { ascii: compileText(pattern), unicode: undefined }));
  }
  if (!NON_ASCII.test(text)) return compiled.ascii;
  return (compiled.unicode ??= compileText(unicodePattern(pattern)));
}

/** Whether `pattern` matches anywhere in `text`. */
export function regexFind(text: string, pattern: string): boolean {
  return compileRegex(pattern, text).test(text);
}

/** A matcher at the start of `text`. */
export function regexMatcher(text: string, pattern: string): Matcher {
  return compileRegex(pattern, text).matcher(text);
}
