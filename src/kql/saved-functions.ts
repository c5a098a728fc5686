/**
 * Functions that a workspace has saved: parsers, allow-lists, whatever a rule calls without defining it. Log Analytics knows
 * them by name; here their text is given, and those that a query needs are put before it as `let` statements, so that the
 * parser, the binder and the lowering see nothing but a query with functions of its own.
 */
import type { Position } from '../base/errors.ts';

export interface SavedFunction {
  /**
   * The body as Log Analytics stores it, for a function without parameters; with parameters `(name:type, ...) { body }`;
   * or a whole `let Name = (...) { body };`.
   */
  readonly text: string;
  /** Named in positions. */
  readonly file?: string;
}

/** The statements before a query, each with the place in its own text. */
export interface Prelude {
  readonly text: string;
  /** Where an offset of the prelude stands in the function that it comes from. */
  positionOf(offset: number): { readonly name: string; readonly position: Position; readonly line: string };
}

interface Statement {
  readonly name: string;
  readonly file: string;
  readonly source: string;
  /** Offset in the source of the first character taken over. */
  readonly from: number;
  /** Where that character stands in the prelude. */
  readonly at: number;
}

/** The functions that a query names, and those that they name in turn, each after the ones that it needs. */
export function preludeFor(query: string, functions: Readonly<Record<string, SavedFunction>>): Prelude {
  const statements: Statement[] = [];
  let text = '';
  const seen = new Set<string>();
  const add = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const { text: source, file = name } = functions[name]!;
    for (const other of namedIn(source, functions)) add(other);
    const { head, from, to, tail } = asDeclaration(source);
    text += `let ${name} = ${head}`;
    statements.push({ name, file, source, from, at: text.length });
    text += `${source.slice(from, to)}${tail};\n`;
  };
  for (const name of namedIn(query, functions)) if (!defines(query, name)) add(name);
  return {
    text,
    positionOf: (offset) => {
      const { name, file, source, from, at } =
        statements.findLast((statement) => statement.at <= offset) ?? statements[0]!;
      const place = Math.min(Math.max(offset - at + from, 0), source.length);
      const lineStart = source.lastIndexOf('\n', place - 1) + 1;
      const lineEnd = source.indexOf('\n', place);
      const line = source.slice(0, place).split('\n').length;
      return {
        name,
        position: { file, line, column: place - lineStart + 1 },
        line: source.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).replace(/\r$/, ''),
      };
    },
  };
}

function namedIn(text: string, functions: Readonly<Record<string, SavedFunction>>): string[] {
  const words = new Set(text.match(/[\p{L}\p{N}_]+/gu) ?? []);
  return Object.keys(functions).filter((name) => words.has(name));
}

/** Whether a query has its own function (or value) of the name, which then hides the saved one. */
function defines(query: string, name: string): boolean {
  return new RegExp(`\\blet\\s+${name}\\s*=`).test(query);
}

/** What of a function's text goes into `let Name = ...;`, and what must be put around it. */
function asDeclaration(source: string): { head: string; from: number; to: number; tail: string } {
  const blank = /^(?:\s|\/\/[^\n]*)*/.exec(source)![0].length;
  const end = source.replace(/(?:\s|;)+$/, '').length;
  const statement = /^let\s+[\p{L}\p{N}_]+\s*=\s*/u.exec(source.slice(blank));
  const start = blank + (statement?.[0].length ?? 0);
  const declares = /^(?:view\s*)?\((?:[^(){}]|\([^()]*\))*\)\s*\{/.test(source.slice(start)) && source[end - 1] === '}';
  if (declares && (!statement || !/;/.test(afterBody(source.slice(start, end))))) {
    return { head: '', from: start, to: end, tail: '' };
  }
  // A line break keeps a comment at the end of the body from taking the brace with it.
  return { head: '() {\n', from: 0, to: end, tail: '\n}' };
}

/** What stands after the braces of a declaration's body. */
function afterBody(declaration: string): string {
  let depth = 0;
  for (const { 0: token, index } of declaration.matchAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|[{}]/g)) {
    if (token === '{') depth++;
    else if (token === '}' && --depth === 0) return declaration.slice(index + 1);
  }
  return '';
}
