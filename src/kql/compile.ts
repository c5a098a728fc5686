/**
 * Query text to plan. Everything that is wrong with a query is found before anything runs, and all of it at once: the
 * parser's and binder's diagnostics as `QUERY` problems, then what the engine does not do, refused by name as
 * `UNSUPPORTED`. Each problem stands at its place in the file that the query came from.
 */
import { type ErrorCode, located, nearestName, type Position, type Problem, TocsinError } from '../base/errors.ts';
import type { ColumnInfo } from '../columns/batch.ts';
import { aggregateFunction } from '../engine/aggregates/index.ts';
import { scalarFunction } from '../engine/functions/registry.ts';
import { plugin } from '../engine/plugins/index.ts';
import type { Plan, QueryPlan, Span } from '../plan/plan.ts';
import { knownTables, suffixedTables, tableColumns, unlistedColumns, withColumns } from '../schema/tables.ts';
import { type DeclaredFunction, elementsOf, type KustoDiagnostic, loadKusto, type SyntaxNode } from './kusto.ts';
import { type Capabilities, type Finding, type Insertion, QueryLowering, type RowTable } from './lower.ts';
import { pruneColumns } from './prune.ts';
import type { PlanCache } from './plan-cache.ts';
import { preludeFor, type SavedFunction } from './saved-functions.ts';

export type { Capabilities, RowTable } from './lower.ts';
export type { SavedFunction } from './saved-functions.ts';

export interface CompileOptions {
  /** Named in positions; `query` where absent. */
  readonly file?: string;
  /** Place in the file of an offset (UTF-16) of the query text, for queries that stand inside another file. */
  readonly positionOf?: (offset: number) => Position;
  /** Tables besides the known ones, or in their place. */
  readonly tables?: Readonly<Record<string, readonly ColumnInfo[]>>;
  /** What `_GetWatchlist` gives, by alias. */
  readonly watchlists?: Readonly<Record<string, RowTable>>;
  /** What `externaldata` reads, by URL. */
  readonly externals?: Readonly<Record<string, RowTable>>;
  /** Finds the columns of `evaluate bag_unpack` and its like by evaluating the plugin's input. */
  readonly discover?: (plan: Plan) => readonly ColumnInfo[] | undefined;
  /** Functions that the workspace has saved, by name. */
  readonly functions?: Readonly<Record<string, SavedFunction>>;
  /** Where plans are kept from one process to the next. */
  readonly cache?: PlanCache | undefined;
  /** What may be used; the engine's registries unless a test asks for less. */
  readonly capabilities?: Capabilities;
}

/** Texts beyond this are refused unread (Sentinel itself takes 10,000 characters), so that no input can keep the parser busy for long. */
const MAX_TEXT_LENGTH = 100_000;

/** Brackets inside brackets, at most: the parser's time grows with the square of their depth. */
const MAX_NESTING = 256;

const ENGINE: Capabilities = {
  hasFunction: (name) => scalarFunction(name) !== undefined,
  hasAggregate: (name) => aggregateFunction(name) !== undefined,
  hasPlugin: (name) => plugin(name) !== undefined,
};

/**
 * Compiles a query. Synchronous; the first call of a process loads the parser, which takes about a second.
 *
 * @throws TocsinError `QUERY` (the text is wrong) or `UNSUPPORTED` (Tocsin does not do this), with every problem found.
 */
export function compileQuery(text: string, options: CompileOptions = {}): QueryPlan {
  const reporter = new Reporter(text, options);
  if (text.trim() === '')
    throw reporter.error('QUERY', [{ message: 'the query is empty', span: { start: 0, end: 0 } }]);
  if (text.length > MAX_TEXT_LENGTH) {
    throw reporter.error('QUERY', [
      {
        message: `the query has ${text.length} characters, at most ${MAX_TEXT_LENGTH} are read`,
        span: { start: 0, end: 0 },
      },
    ]);
  }
  const nesting = deepestNesting(text);
  const tooDeep = { message: 'the query is nested too deeply', span: nesting.span };
  if (nesting.depth > MAX_NESTING) throw reporter.error('QUERY', [tooDeep]);
  const cache = cacheFor(text, options);
  const known = cache?.get();
  if (known) return known;
  try {
    const plan = { text, root: compile(text, options, reporter) };
    cache?.put(plan);
    return plan;
  } catch (error) {
    // Finding out columns runs a part of the query, which may fail as a run does.
    if (!(error instanceof RangeError)) throw locatedInQuery(error, text, options);
    // Both the parser and the lowering recurse over the text's nesting.
    throw reporter.error('QUERY', [tooDeep]);
  }
}

/** What a query failed with while it ran, at its place in the file; anything else as it is. */
export function locatedInQuery(
  error: unknown,
  text: string,
  options: Pick<CompileOptions, 'file' | 'positionOf'> = {},
): unknown {
  const reporter = new Reporter(text, options);
  return located(error, (start, end) => reporter.problem({ message: '', span: { start, end } }));
}

/** The place of a query's plan in the cache; undefined where the plan depends on more than can be compared. */
function cacheFor(
  text: string,
  { cache, tables, watchlists, externals, functions, capabilities }: CompileOptions,
): { get(): QueryPlan | undefined; put(plan: QueryPlan): void } | undefined {
  const texts = [text, ...Object.values(functions ?? {}).map((saved) => saved.text)];
  if (!cache || capabilities || texts.some((each) => /\bevaluate\b/.test(each))) return undefined;
  const parts = [text, tables, watchlists, externals, functions];
  return { get: () => cache.get(parts), put: (plan) => cache.put(parts, plan) };
}

function compile(query: string, options: CompileOptions, reporter: Reporter): Plan {
  const kusto = loadKusto();
  const prelude = preludeFor(query, options.functions ?? {});
  const text = prelude.text + query;
  const watchlists = new Map(Object.entries(options.watchlists ?? {}));
  const tables = new Map(Object.entries(options.tables ?? {}));
  const suffixed = suffixedTables(text);
  for (const [name, columns] of suffixed) if (!tables.has(name)) tables.set(name, columns);
  const unlisted = unlistedColumns(text);
  if (unlisted.length > 0) {
    for (const name of new Set([...knownTables(), ...suffixed.keys()]))
      tables.set(name, withColumns(tables.get(name) ?? tableColumns(name)!, unlisted));
  }
  const functions: DeclaredFunction[] = [];
  const declared = new Map(tables);
  if (text.includes('_GetWatchlist')) {
    functions.push({ name: '_GetWatchlist', parameters: '(watchlistAlias:string)', body: '{ table(watchlistAlias) }' });
    for (const [alias, watchlist] of watchlists) declared.set(alias, watchlist.columns);
  }
  const insertions: Insertion[] = [];
  /** The offset in the query; what a saved function holds counts as its start. */
  const queryOffset = (offset: number): number => Math.max(0, originalOffset(offset, insertions) - prelude.text.length);
  const lower = (root: SyntaxNode): { readonly lowering: QueryLowering; readonly plan: Plan | undefined } => {
    const lowering = new QueryLowering({
      kusto,
      capabilities: options.capabilities ?? ENGINE,
      tables,
      watchlists,
      externals: new Map(Object.entries(options.externals ?? {})),
      originalOffset: queryOffset,
      discover: options.discover,
    });
    return { lowering, plan: lowering.query(root) };
  };
  let parsed = kusto.parse(text, declared, functions);
  // Columns that depend on the data must be known before what follows them can be bound: each round finds out one more.
  const dependsOnData = options.discover !== undefined && /\bevaluate\b/.test(text);
  for (let round = 0; dependsOnData && parsed.isBound && round < MAX_DISCOVERIES; round++) {
    const [insertion] = lower(parsed.root).lowering.insertions;
    if (!insertion) break;
    insertions.push(insertion);
    parsed = kusto.parse(withInsertions(text, insertions), declared, functions);
  }

  const { root, diagnostics } = parsed;
  const kindOf = (node: SyntaxNode): string => kusto.kindOf(node);
  const missing = missingWatchlists(root, watchlists, kindOf);
  if (missing.length > 0) throw reporter.error('UNSUPPORTED', missing);
  const wrong = diagnostics.filter((d) => d.severity === 'Error' && !isTooStrict(d, root, kindOf));
  const unknownPlugins = wrong.flatMap((d): Located[] => {
    const name = /^The plug-in function '(.*)' is not defined/.exec(d.message)?.[1];
    const start = queryOffset(d.start);
    return name === undefined
      ? []
      : [{ message: `the plugin ${name} is not supported`, span: { start, end: start + d.length } }];
  });
  if (unknownPlugins.length > 0) throw reporter.error('UNSUPPORTED', unknownPlugins);
  const elsewhere = wrong.flatMap((d): Located[] => {
    const name = /^The name '(workspace|app|resource|adx|arg)' does not refer/.exec(d.message)?.[1];
    const start = queryOffset(d.start);
    return name === undefined
      ? []
      : [{ message: `${name}(...): tables of other places are not supported`, span: { start, end: start + d.length } }];
  });
  if (elsewhere.length > 0) throw reporter.error('UNSUPPORTED', elsewhere);
  if (wrong.length > 0) {
    const names = [...new Set([...tables.keys(), ...knownTables()])];
    const described = wrong.map((diagnostic) => {
      const { span, ...rest } = describe(
        diagnostic,
        root,
        names,
        kusto.scalarFunctions,
        withInsertions(text, insertions),
      );
      const place = originalOffset(span.start, insertions);
      return {
        ...rest,
        ...(place < prelude.text.length && { inside: prelude.positionOf(place) }),
        span: { start: queryOffset(span.start), end: queryOffset(span.end) },
      };
    });
    throw reporter.error('QUERY', described);
  }

  const { lowering, plan } = lower(root);
  const { findings } = lowering;
  if (findings.length > 0) {
    // What stands in for an unsupported part can make what follows look wrong, so only the cause is told.
    const unsupported = findings.filter((finding) => finding.code === 'UNSUPPORTED');
    if (unsupported.length > 0) throw reporter.error('UNSUPPORTED', unsupported);
    throw reporter.error('QUERY', findings);
  }
  if (!plan) {
    throw reporter.error('QUERY', [
      { message: 'the query has no tabular expression, only let statements', span: { start: 0, end: query.length } },
    ]);
  }
  return pruneColumns(plan);
}

/** `evaluate` operators with columns found out from the data, at most, in one query. */
const MAX_DISCOVERIES = 8;

/** The text with all insertions made; each offset counts in the text that the earlier ones gave. */
function withInsertions(text: string, insertions: readonly Insertion[]): string {
  return insertions.reduce((all, { offset, text: added }) => all.slice(0, offset) + added + all.slice(offset), text);
}

/** The offset in the user's text of an offset in the text with insertions. */
function originalOffset(offset: number, insertions: readonly Insertion[]): number {
  let original = offset;
  for (const { offset: at, text } of insertions.toReversed()) {
    if (original > at) original = Math.max(at, original - text.length);
  }
  return original;
}

interface Located {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly span: Span;
  /** The place in the text of a saved function, where the problem stands there. */
  readonly inside?: ReturnType<ReturnType<typeof preludeFor>['positionOf']>;
}

/** Turns spans of the query text into problems at places of the file. */
class Reporter {
  readonly #text: string;
  readonly #options: Pick<CompileOptions, 'file' | 'positionOf'>;

  constructor(text: string, options: Pick<CompileOptions, 'file' | 'positionOf'>) {
    this.#text = text;
    this.#options = options;
  }

  error(code: ErrorCode, found: readonly (Located | Finding)[]): TocsinError {
    const sorted = [...found].sort((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
    const seen = new Set<string>();
    const problems: Problem[] = [];
    for (const item of sorted) {
      const inside = 'inside' in item ? item.inside : undefined;
      const key = `${inside ? `${inside.name} ${inside.position.line}` : item.span.start} ${item.message}`;
      if (seen.has(key)) continue;
      seen.add(key);
      problems.push(this.problem(item));
    }
    return new TocsinError(code, problems);
  }

  problem({ message, hint, span, inside }: Located): Problem {
    if (inside) {
      const excerpt = { line: inside.line, length: Math.max(1, span.end - span.start) };
      return { message: `in the function ${inside.name}: ${message}`, hint, position: inside.position, excerpt };
    }
    const start = Math.max(0, Math.min(span.start, this.#text.length));
    const lineStart = this.#text.lastIndexOf('\n', start - 1) + 1;
    const nextBreak = this.#text.indexOf('\n', start);
    const line = this.#text.slice(lineStart, nextBreak < 0 ? undefined : nextBreak).replace(/\r$/, '');
    const column = start - lineStart + 1;
    const position = this.#options.positionOf?.(start) ?? {
      file: this.#options.file ?? 'query',
      line: this.#text.slice(0, start).split('\n').length,
      column,
    };
    // In a file that indents the query the line starts further right.
    const indent = ' '.repeat(Math.max(0, position.column - column));
    return { message, hint, position, excerpt: { line: indent + line, length: Math.max(1, span.end - start) } };
  }
}

/** Names in one hint, at most. */
const MOST_LISTED = 10;

/** The binder's words, made to say what was found and what would do. */
function describe(
  diagnostic: KustoDiagnostic,
  root: SyntaxNode,
  tables: readonly string[],
  functions: ReadonlySet<string>,
  text: string,
): Located {
  const span = { start: diagnostic.start, end: diagnostic.start + diagnostic.length };
  const found = text.slice(span.start, span.end);
  let message = diagnostic.message.replace(/\.$/, '');
  if (message.startsWith('Query syntax depth exceeds')) message = 'the query has too many operators one after another';
  message = message[0]!.toLowerCase() + message.slice(1);
  let hint: string | undefined;
  const unknown = /^the name '(.*)' does not refer to any known/.exec(message);
  const unknownFunction = /^the name '(.*)' does not refer to any known (?:.*)function$/.exec(message);
  if (unknown) {
    const name = unknown[1]!;
    const near = nearestName(name, [...columnsInScope(root, span.start), ...tables, ...functions]);
    if (near !== undefined && near !== name) hint = `did you mean ${near}?`;
    else if (message.includes('known table, tabular')) {
      hint =
        tables.length <= MOST_LISTED
          ? `the tables known here are ${tables.join(', ')}`
          : `a function that the workspace has saved, or what stands in for a table, is given as --function ${name}=FILE`;
    }
    if (unknownFunction && text[span.end] === '(') {
      message = `no function is named '${name}'`;
      hint ??= `a function that the workspace has saved is given as --function ${name}=FILE`;
    }
  } else if (diagnostic.start >= text.length) message = `${message}, found the end of the query`;
  else if (message.startsWith('expected')) {
    if (message === 'expected: ;') hint = 'is this a second query? A rule has one, and its let statements end with ;';
    if (found.trim() !== '') return { message: `${message}, found '${found}'`, hint, span };
    // What is missing stands before the next word: that is where a reader looks.
    const start = span.start + /^\s*/.exec(text.slice(span.start))![0].length;
    const next = /^\S*/.exec(text.slice(start))![0];
    return { message: `${message}, found '${next}'`, hint, span: { start, end: start + next.length } };
  }
  return { message, hint, span };
}

/** Whether the library complains about what Kusto itself takes: it checks some argument types more closely. */
function isTooStrict(diagnostic: KustoDiagnostic, root: SyntaxNode, kindOf: (node: SyntaxNode) => string): boolean {
  const { message, start } = diagnostic;
  if (message.includes('must be a dynamic array')) return true;
  // In a search a bare literal is a term.
  if (message.includes('is not defined for the operand types') && isInSearch(root, start, kindOf)) return true;
  const call = callAround(root, start, kindOf);
  if (message.includes('bool expected')) return call === 'count' || call === 'not';
  return message.includes('must be an integer') && call === 'make_timespan';
}

function isInSearch(root: SyntaxNode, offset: number, kindOf: (node: SyntaxNode) => string): boolean {
  let found = false;
  const walk = (node: SyntaxNode | null): void => {
    if (!node || node.IsToken || offset < node.TextStart || offset >= node.End) return;
    if (kindOf(node) === 'SearchOperator') found = true;
    for (let i = 0; i < node.ChildCount; i++) walk(node.GetChild(i));
  };
  walk(root);
  return found;
}

/** The name of the innermost function call whose arguments hold `offset`. */
function callAround(root: SyntaxNode, offset: number, kindOf: (node: SyntaxNode) => string): string | undefined {
  let name: string | undefined;
  const walk = (node: SyntaxNode | null): void => {
    if (!node || node.IsToken || offset < node.TextStart || offset >= node.End) return;
    if (kindOf(node) === 'FunctionCallExpression' && offset >= node['ArgumentList'].TextStart)
      name = String(node['Name'].SimpleName);
    for (let i = 0; i < node.ChildCount; i++) walk(node.GetChild(i));
  };
  walk(root);
  return name;
}

/** Names of the columns that flow into the operator at `offset`. */
function columnsInScope(root: SyntaxNode, offset: number): string[] {
  const names = new Set<string>();
  const walk = (node: SyntaxNode | null): void => {
    if (!node || node.IsToken || offset < node.TextStart || offset > node.End) return;
    const piped = node['Operator'] && node['Expression'] ? node['Expression'].ResultType?.Columns : undefined;
    if (piped) {
      for (let i = 0; i < (piped.Count ?? piped.length); i++) names.add(String((piped.getItem?.(i) ?? piped[i]).Name));
    }
    for (let i = 0; i < node.ChildCount; i++) walk(node.GetChild(i));
  };
  walk(root);
  return [...names];
}

function missingWatchlists(
  root: SyntaxNode,
  given: ReadonlyMap<string, RowTable>,
  kindOf: (node: SyntaxNode) => string,
): Located[] {
  const missing: Located[] = [];
  const walk = (node: SyntaxNode | null): void => {
    if (!node || node.IsToken) return;
    if (kindOf(node) === 'FunctionCallExpression' && String(node['Name'].SimpleName) === '_GetWatchlist') {
      const [arg] = elementsOf(node['ArgumentList']?.Expressions);
      const alias: unknown = arg?.['ConstantValue'];
      if (typeof alias === 'string' && !given.has(alias)) {
        missing.push({
          message: `the watchlist '${alias}' is not given`,
          hint: `name a file for it: --watchlist '${alias}'=FILE`,
          span: { start: node.TextStart, end: node.End },
        });
      }
    }
    for (let i = 0; i < node.ChildCount; i++) walk(node.GetChild(i));
  };
  walk(root);
  return missing;
}

/** How deep brackets are nested, and the first place where they are so deep. Strings and comments are passed over. */
function deepestNesting(text: string): { readonly depth: number; readonly span: Span } {
  let depth = 0;
  let deepest = 0;
  let at = 0;
  for (const { 0: token, index } of text.matchAll(
    /\/\/[^\n]*|@"(?:[^"]|"")*"|@'(?:[^']|'')*'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[([{)\]}]/g,
  )) {
    if (token === '(' || token === '[' || token === '{') {
      if (++depth > deepest) {
        deepest = depth;
        at = index;
      }
    } else if (token === ')' || token === ']' || token === '}') depth--;
  }
  return { depth: deepest, span: { start: at, end: Math.min(at + 1, text.length) } };
}
