/**
 * The text of a rule file and the way back into it. A query error is an offset into the query's text, but the query stands
 * in a YAML block, a folded or quoted scalar, or a JSON string; the user must be sent to the line they typed. So every
 * scalar can be mapped back, character by character, to the file (`originsOf`).
 *
 * Real files are not always what YAML allows: a byte order mark, CRLF, lines of blanks inside a block, tabs as indentation,
 * texts that need quotes and have none.
 * They are smoothed here before parsing, in ways that keep line numbers, and columns are mapped back.
 */
import { isScalar, type Node, Scalar } from 'yaml';
import type { Position, Problem } from '../base/errors.ts';

/** An excerpt longer than this (a JSON file on one line) says nothing and is left out. */
const MAX_EXCERPT = 400;

const NO_LINES: ReadonlySet<number> = new Set();

/** The line `name: value` with its value in quotes; undefined for other lines, and for values that are no plain text. */
export function quotedValue(line: string): string | undefined {
  const [, name, value] = /^(\s*(?:- +)?[\w-]+:[ \t]+)([^|>&*!"[#].*?)[ \t]*$/.exec(line) ?? [];
  if (name === undefined || value === undefined) return undefined;
  return name + JSON.stringify(/^'(.*)'$/.exec(value)?.[1] ?? value);
}

export class Source {
  readonly file: string;
  /** The smoothed text that is parsed; offsets of nodes are offsets into this. */
  readonly text: string;
  /** Line number (from 1) of the first line indented by a tab, where tabs had to be replaced. */
  readonly tabLine: number | undefined;
  /** Lines as they stand in the file. */
  readonly #original: readonly string[];
  readonly #starts: readonly number[];
  readonly #tabWidth: number;

  /**
   * @param tabWidth - how many blanks stand for a tab in indentation; 0 leaves tabs alone.
   * @param quoted - lines (from 0) whose value is put into quotes, because YAML cannot read it as the text that it is.
   */
  constructor(file: string, raw: string, tabWidth = 0, quoted: ReadonlySet<number> = NO_LINES) {
    this.file = file;
    this.#tabWidth = tabWidth;
    this.#original = raw.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
    let tabLine: number | undefined;
    const lines = this.#original.map((line, index) => {
      if (/^\s*$/.test(line)) return '';
      if (quoted.has(index)) return quotedValue(line) ?? line;
      const indentation = /^[ \t]*/.exec(line)![0];
      if (tabWidth === 0 || !indentation.includes('\t')) return line;
      tabLine ??= index + 1;
      return indentation.replaceAll('\t', ' '.repeat(tabWidth)) + line.slice(indentation.length);
    });
    this.tabLine = tabLine;
    const starts: number[] = [];
    let at = 0;
    for (const line of lines) {
      starts.push(at);
      at += line.length + 1;
    }
    this.#starts = starts;
    this.text = lines.join('\n');
  }

  /** Line (from 1) and column (from 1) of the file for an offset into `text`. */
  positionOf(offset: number): Position {
    const line = this.#lineAt(offset);
    return { file: this.file, line: line + 1, column: this.#originalColumn(line, offset - this.#starts[line]!) + 1 };
  }

  /** The offset into `text` of a line (from 0) and a column (from 0) in it, no further than the line's end. */
  offsetOf(line: number, column: number): number {
    const start = this.#starts[Math.min(line, this.#starts.length - 1)]!;
    const end = this.#starts[line + 1];
    return Math.min(start + column, end === undefined ? this.text.length : end - 1);
  }

  /** A problem that points at [start, end) of `text`, as far as it stands on one line. */
  problem(message: string, start: number, end: number, hint?: string): Problem {
    const position = this.positionOf(start);
    const line = this.#original[position.line - 1] ?? '';
    const last = this.positionOf(Math.max(start, end));
    const length = last.line === position.line ? last.column - position.column : line.length - position.column + 1;
    return {
      message,
      position,
      hint,
      excerpt: line.length > MAX_EXCERPT ? undefined : { line, length: Math.max(1, length) },
    };
  }

  /**
   * For each UTF-16 unit of the scalar's value, and one past its end, the offset into `text` that it came from.
   * Characters that folding made up point at the line break they stand for.
   */
  originsOf(node: Scalar): Uint32Array {
    const value = String(node.value);
    const [start, valueEnd] = node.range!;
    const origins = new Uint32Array(value.length + 1).fill(start);
    const source = this.text.slice(start, valueEnd);
    switch (node.type) {
      case Scalar.BLOCK_LITERAL:
      case Scalar.BLOCK_FOLDED:
        mapBlock(source, value, start, origins);
        break;
      case Scalar.QUOTE_DOUBLE:
        mapFlow(source.slice(1), value, start + 1, origins, 'double');
        break;
      case Scalar.QUOTE_SINGLE:
        mapFlow(source.slice(1), value, start + 1, origins, 'single');
        break;
      default:
        mapFlow(source, value, start, origins, 'plain');
    }
    return origins;
  }

  /** Where the node's own text begins and ends on its first line: a block scalar is meant by its header. */
  extentOf(node: Node): [start: number, end: number] {
    const [start, end] = node.range!;
    if (isScalar(node) && node.type?.startsWith('BLOCK')) {
      const newline = this.text.indexOf('\n', start);
      return [start, newline < 0 ? end : newline];
    }
    return [start, end];
  }

  #lineAt(offset: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #originalColumn(line: number, column: number): number {
    const original = this.#original[line]!;
    if (this.#tabWidth === 0) return Math.min(column, original.length);
    let smoothed = 0;
    for (let at = 0; at < original.length; at++) {
      if (smoothed >= column) return at;
      if (original[at] !== '\t' && original[at] !== ' ') return Math.min(at + column - smoothed, original.length);
      smoothed += original[at] === '\t' ? this.#tabWidth : 1;
    }
    return original.length;
  }
}

/**
 * Literal and folded blocks keep the text of each line after its indentation, so each line's text is found again in the
 * value in order; what lies between two lines' texts are line breaks.
 */
function mapBlock(source: string, value: string, base: number, origins: Uint32Array): void {
  let lineStart = source.indexOf('\n') + 1;
  let at = 0;
  if (lineStart === 0) return;
  const indentation = blockIndentation(source, lineStart);
  while (lineStart <= source.length) {
    const newline = source.indexOf('\n', lineStart);
    const lineEnd = newline < 0 ? source.length : newline;
    const textStart = Math.min(lineStart + indentation, lineEnd);
    const text = source.slice(textStart, lineEnd);
    if (text !== '') {
      const found = value.indexOf(text, at);
      if (found < 0) break;
      for (; at < found; at++) origins[at] = base + lineStart - 1;
      for (let k = 0; k < text.length; k++) origins[at++] = base + textStart + k;
    }
    if (newline < 0) break;
    lineStart = newline + 1;
  }
  // What is left is the line break at the end (clipped to one, kept, or none).
  const end = at > 0 ? origins[at - 1]! + 1 : base;
  for (; at <= value.length; at++) origins[at] = end;
}

/** The header may give the indentation relative to the parent (`|2`), which the first line with text shows as well unless it starts with a blank. */
function blockIndentation(source: string, bodyStart: number): number {
  const explicit = /^[|>][+-]?([1-9])/.exec(source);
  let smallest = Number.POSITIVE_INFINITY;
  for (const line of source.slice(bodyStart).split('\n')) {
    const indentation = /^ */.exec(line)![0].length;
    if (indentation === line.length) continue;
    if (!explicit) return indentation;
    smallest = Math.min(smallest, indentation);
  }
  return Number.isFinite(smallest) ? smallest : 0;
}

/** Quoted and plain scalars: escapes make one unit of several, a line break and the blanks around it become one blank, or breaks. */
function mapFlow(
  source: string,
  value: string,
  base: number,
  origins: Uint32Array,
  style: 'double' | 'single' | 'plain',
): void {
  let at = 0;
  let i = 0;
  const emit = (origin: number): void => {
    if (at < value.length) origins[at++] = base + origin;
  };
  while (i < source.length && at < value.length) {
    const c = source[i]!;
    if (style === 'double' && c === '\\') {
      const escape = source[i + 1] ?? '';
      const digits = escape === 'x' ? 2 : escape === 'u' ? 4 : escape === 'U' ? 8 : 0;
      if (escape === '\n') {
        i += 2;
        while (source[i] === ' ' || source[i] === '\t') i++;
        continue;
      }
      const code = digits > 0 ? Number.parseInt(source.slice(i + 2, i + 2 + digits), 16) : 0;
      emit(i);
      if (code > 0xffff) emit(i);
      i += 2 + digits;
    } else if (style === 'single' && c === "'") {
      emit(i);
      i += 2;
    } else if (/\s/.test(c) && /^[ \t]*\n/.test(source.slice(i, i + 200))) {
      const fold = /^[ \t]*((?:\n[ \t]*)+)/.exec(source.slice(i))!;
      const breaks = fold[1]!.split('\n').length - 1;
      for (let k = 0; k < Math.max(1, breaks - 1); k++) emit(i);
      i += fold[0].length;
    } else {
      emit(i);
      i++;
    }
  }
  for (; at <= value.length; at++) origins[at] = base + i;
}
