/**
 * The bound syntax tree as a plan. The lowering walks operators in the order of the query, keeps the columns of the rows at
 * hand, and names output columns as Kusto does. What it cannot express is noted with its place and the walk goes on with
 * a stand-in, so that one compilation reports everything that is wrong.
 *
 * Rows carry hidden columns: the ingestion time, and the numbers of groups inside `mv-apply`.
 * Stars and schemas pass them over; pruning drops those that nobody reads.
 */
import type { ColumnInfo } from '../columns/batch.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { scalarFunction } from '../engine/functions/registry.ts';
import {
  type Aggregate,
  type Expression,
  type JoinKind,
  type Plan,
  scannedTables,
  type SortKey,
  type Span,
} from '../plan/plan.ts';
import { INGESTION_TIME, knownTables, RECEPTION_TIME, tableColumns } from '../schema/tables.ts';
import { pruneColumns } from './prune.ts';
import { boundType, elementsOf, type Kusto, type SyntaxNode, typeOfSymbol } from './kusto.ts';
import {
  SEARCHED_TABLE,
  CANONICAL_FUNCTIONS,
  columnIndex,
  columnOf,
  constantText,
  type Context,
  convert,
  isHidden,
  listOf,
  literal,
  type Lowering,
  Scope,
  ScalarLowering,
  tupleMember,
  typeName,
  typeOfKeyword,
} from './scalars.ts';

/** A table held in memory that a query reads by name: a watchlist, a file of `externaldata`. */
export interface RowTable {
  readonly columns: readonly ColumnInfo[];
  readonly rows: readonly (readonly Value[])[];
  /** The names are the first line of a file without a schema, which `externaldata` may also read as a row. */
  readonly namedByFirstLine?: boolean;
}

/** What the engine can do, asked by name. */
export interface Capabilities {
  hasFunction(name: string): boolean;
  hasAggregate(name: string): boolean;
  hasPlugin(name: string): boolean;
}

export interface LoweringOptions {
  readonly kusto: Kusto;
  readonly capabilities: Capabilities;
  readonly tables: ReadonlyMap<string, readonly ColumnInfo[]>;
  readonly watchlists: ReadonlyMap<string, RowTable>;
  readonly externals: ReadonlyMap<string, RowTable>;
  /** The offset in the user's text of one in the parsed text, which may have schemas put in (see `Insertion`). */
  readonly originalOffset: (offset: number) => number;
  /** Gives the columns of an `evaluate` whose output depends on the data; undefined where they cannot be found out. */
  readonly discover: ((plan: Plan) => readonly ColumnInfo[] | undefined) | undefined;
}

/** Text to put into the query: the schema of an `evaluate` whose columns were found out from the data. */
export interface Insertion {
  readonly offset: number;
  readonly text: string;
}

/** Something that is wrong (`QUERY`) or not supported, at a span of the query text. */
export interface Finding {
  readonly code: 'QUERY' | 'UNSUPPORTED';
  readonly message: string;
  readonly hint: string | undefined;
  readonly span: Span;
}

const CANONICAL_AGGREGATES: Readonly<Record<string, string>> = {
  makeset: 'make_set',
  makelist: 'make_list',
  make_dictionary: 'make_bag',
  any: 'take_any',
  anyif: 'take_anyif',
  argmax: 'arg_max',
  argmin: 'arg_min',
  cnt: 'count',
  merge_tdigest: 'tdigest_merge',
};

const JOIN_KINDS: Readonly<Record<string, JoinKind>> = {
  innerunique: 'innerunique',
  inner: 'inner',
  leftouter: 'leftouter',
  rightouter: 'rightouter',
  fullouter: 'fullouter',
  leftanti: 'leftanti',
  anti: 'leftanti',
  leftantisemi: 'leftanti',
  rightanti: 'rightanti',
  rightantisemi: 'rightanti',
  leftsemi: 'leftsemi',
  rightsemi: 'rightsemi',
};

/** Sources whose rows come in an order of their own. */
const SERIALIZED_SOURCES: ReadonlySet<Plan['op']> = new Set<Plan['op']>(['group', 'range']);

/** Operators that leave rows in the order in which they come. */
const ORDER_KEEPERS = new Set([
  'FilterOperator',
  'ExtendOperator',
  'SerializeOperator',
  'ProjectOperator',
  'ProjectAwayOperator',
  'ProjectKeepOperator',
  'ProjectRenameOperator',
  'ProjectReorderOperator',
  'TakeOperator',
  'MvExpandOperator',
  'ParseOperator',
  'ParseWhereOperator',
  'ParseKvOperator',
  'AsOperator',
  'RenderOperator',
]);

/** Function bodies inside function bodies, deeper than any rule that a person writes. */
const MAX_CALL_DEPTH = 32;

/** The inputs of a union, and the names that a column of sources has for them. */
interface Legs {
  readonly inputs: readonly Plan[];
  readonly sources: readonly string[];
}

interface Output {
  readonly name: string;
  readonly expression: Expression;
}

/** Lowers one parsed query. */
export class QueryLowering implements Lowering {
  readonly kusto: Kusto;
  readonly findings: Finding[] = [];
  /** Schemas that the binder must know before it can bind what follows them. */
  readonly insertions: Insertion[] = [];
  readonly #options: LoweringOptions;
  readonly #scalars: ScalarLowering;
  /** Plans whose rows stand in an order that functions over neighbouring rows may use. */
  readonly #serialized = new WeakSet<Plan>();
  /** Names that `as` gave, for the column of sources. */
  readonly #named = new WeakMap<Plan, string>();
  #groups = 0;

  constructor(options: LoweringOptions) {
    this.#options = options;
    this.kusto = options.kusto;
    this.#scalars = new ScalarLowering(this);
  }

  refuse(node: SyntaxNode, cx: Context, message: string, hint?: string): void {
    this.findings.push({ code: 'UNSUPPORTED', message, hint, span: this.span(node, cx) });
  }

  reject(node: SyntaxNode, cx: Context, message: string, hint?: string): void {
    this.findings.push({ code: 'QUERY', message, hint, span: this.span(node, cx) });
  }

  hasFunction(name: string): boolean {
    return this.#options.capabilities.hasFunction(name);
  }

  span(node: SyntaxNode, cx: Context): Span {
    const { originalOffset } = this.#options;
    return { start: originalOffset(node.TextStart + cx.base), end: originalOffset(node.End + cx.base) };
  }

  /** The plan of the query block `root`, its visible columns only; undefined where the query has no tabular result. */
  query(root: SyntaxNode): Plan | undefined {
    const cx: Context = { scope: new Scope(), columns: [], base: 0, depth: 0, serialized: false };
    const result = this.#statements(elementsOf(root['Statements']), cx);
    if (!result) return undefined;
    const plan = this.table(result, cx);
    return this.#visibleOnly(plan);
  }

  #visibleOnly(plan: Plan): Plan {
    const visible = plan.columns.flatMap((column, index) => (isHidden(column.name) ? [] : [index]));
    return visible.length === plan.columns.length ? plan : this.#pick(plan, visible, plan.span);
  }

  /** What a plan is called in a column of sources: a table's name, or the one that `as` gave. */
  #nameOf(plan: Plan): string | undefined {
    return this.#named.get(plan) ?? (plan.op === 'scan' ? plan.table : undefined);
  }

  /** A projection to the columns at `indexes`, under `names` where given. */
  #pick(plan: Plan, indexes: readonly number[], span: Span, names?: readonly string[]): Plan {
    return {
      op: 'project',
      input: plan,
      expressions: indexes.map((index) => columnOf(plan.columns, index, span)),
      columns: indexes.map((index, i) => ({
        name: names?.[i] ?? plan.columns[index]!.name,
        type: plan.columns[index]!.type,
      })),
      span,
    };
  }

  /** Puts the `let` statements into the scope and gives the last expression statement. */
  #statements(statements: readonly SyntaxNode[], cx: Context): SyntaxNode | undefined {
    let result: SyntaxNode | undefined;
    for (const statement of statements) {
      const kind = this.kusto.kindOf(statement);
      if (kind === 'LetStatement') this.#let(statement, cx);
      else if (kind === 'ExpressionStatement') {
        if (result)
          this.refuse(statement, cx, 'a second result of one query is not supported', 'keep one tabular expression');
        result ??= statement['Expression'];
      } else if (kind === 'SetOptionStatement') continue;
      else if (kind === 'QueryParametersStatement') this.#queryParameters(statement, cx);
      else this.refuse(statement, cx, `the statement '${textHead(statement)}' is not supported`);
    }
    return result;
  }

  #queryParameters(statement: SyntaxNode, cx: Context): void {
    for (const parameter of elementsOf(statement['Parameters'])) {
      const { NameAndType: declared, DefaultValue: fallback } = parameter as Record<string, SyntaxNode>;
      const name = String(declared!['Name'].SimpleName);
      if (fallback?.['Value']) {
        cx.scope.set(name, { kind: 'scalar', expression: this.#scalars.lower(fallback['Value'], cx) });
      } else
        this.refuse(parameter, cx, `the query parameter ${name} has no value`, 'give it a default: name:type = value');
    }
  }

  #let(statement: SyntaxNode, cx: Context): void {
    const name = String(statement['Name'].SimpleName);
    const value: SyntaxNode = statement['Expression'];
    const kind = this.kusto.kindOf(value);
    if (kind === 'FunctionDeclaration') {
      cx.scope.set(name, { kind: 'function', declaration: value, base: cx.base, scope: cx.scope });
    } else if (this.isTabular(value, cx)) {
      cx.scope.set(name, { kind: 'table', plan: this.table(value, { ...cx, columns: [] }) });
    } else {
      cx.scope.set(name, { kind: 'scalar', expression: this.#scalars.lower(value, { ...cx, columns: [] }) });
    }
  }

  isTabular(node: SyntaxNode, cx: Context): boolean {
    const kind = this.kusto.kindOf(node);
    if (kind === 'ParenthesizedExpression') return this.isTabular(node['Expression'], cx);
    if (kind === 'MaterializeExpression' || kind === 'ToTableExpression' || kind === 'PipeExpression') return true;
    if (kind === 'DataTableExpression' || kind === 'ExternalDataExpression' || kind.endsWith('Operator')) return true;
    if (kind === 'NameReference') {
      const binding = cx.scope.get(String(node['SimpleName']));
      if (binding?.kind === 'table') return true;
      if (binding?.kind === 'scalar') return false;
    }
    return isTableSymbol(node['ResultType']);
  }

  /** The body of a called `let` function, with its parameters bound to the arguments. */
  callFunction(
    node: SyntaxNode,
    cx: Context,
    piped?: Plan,
  ): { readonly body: SyntaxNode; readonly cx: Context } | undefined {
    const isCall = this.kusto.kindOf(node) === 'FunctionCallExpression';
    const name = String(isCall ? node['Name'].SimpleName : node['SimpleName']);
    const binding = cx.scope.get(name);
    if (binding?.kind !== 'function') {
      this.refuse(node, cx, `the function ${name} is not supported`);
      return undefined;
    }
    if (cx.depth >= MAX_CALL_DEPTH) {
      this.refuse(node, cx, `the function ${name} is called more than ${MAX_CALL_DEPTH} functions deep`);
      return undefined;
    }
    const declaredBody: SyntaxNode = binding.declaration['Body'];
    // The expanded body is bound with the arguments' types; it is a tree of its own whose text starts at 0.
    let expanded: SyntaxNode | null = null;
    try {
      if (isCall) expanded = node['GetCalledFunctionBody']();
    } catch (error) {
      if (error instanceof RangeError) throw error;
      // The library compares the arguments of two calls, and cannot do so for a long and a text that is none.
      this.reject(node, cx, `the arguments of ${name} do not fit its parameters`);
      return undefined;
    }
    const body = expanded ?? declaredBody;
    const base = binding.base + declaredBody.TextStart - body.TextStart;
    const scope = new Scope(binding.scope);
    const parameters = elementsOf(binding.declaration['Parameters']?.Parameters);
    const given = isCall ? elementsOf(node['ArgumentList']?.Expressions) : [];
    const byName = new Map<string, SyntaxNode>();
    const byPosition: SyntaxNode[] = [];
    for (const arg of given) {
      if (this.kusto.kindOf(arg) === 'SimpleNamedExpression')
        byName.set(String(arg['Name'].SimpleName), arg['Expression']);
      else byPosition.push(arg);
    }
    let position = 0;
    for (const [index, parameter] of parameters.entries()) {
      const declared: SyntaxNode = parameter['NameAndType'];
      const parameterName = String(declared['Name'].SimpleName);
      const type: SyntaxNode = declared['Type'];
      const isTable = this.kusto.kindOf(type) === 'SchemaTypeExpression';
      if (index === 0 && piped) {
        scope.set(parameterName, { kind: 'table', plan: piped });
        continue;
      }
      const arg = byName.get(parameterName) ?? byPosition[position++];
      if (isTable) {
        if (!arg) this.reject(node, cx, `the argument ${parameterName} of ${name} is missing`);
        else scope.set(parameterName, { kind: 'table', plan: this.table(arg, cx) });
        continue;
      }
      const fallback: SyntaxNode | undefined = parameter['DefaultValue']?.Value;
      if (!arg && !fallback) {
        this.reject(node, cx, `the argument ${parameterName} of ${name} is missing`);
        continue;
      }
      const value = arg
        ? this.#scalars.lower(arg, cx)
        : this.#scalars.lower(fallback!, {
            scope: binding.scope,
            columns: [],
            base: binding.base,
            depth: cx.depth,
            serialized: false,
          });
      const wanted = typeOfKeyword(String(type['Type']?.Text ?? ''));
      scope.set(parameterName, { kind: 'scalar', expression: wanted ? convert(value, wanted) : value });
    }
    const inner: Context = { scope, columns: [], base, depth: cx.depth + 1, serialized: false };
    this.#statements(elementsOf(body['Statements']), inner);
    const result: SyntaxNode | null = body['Expression'];
    if (result) return { body: result, cx: inner };
    this.reject(node, cx, `the function ${name} has no result`);
    return undefined;
  }

  /** The plan of a tabular expression. */
  table(node: SyntaxNode, cx: Context): Plan {
    const kind = this.kusto.kindOf(node);
    switch (kind) {
      case 'PipeExpression':
        return this.#operator(node['Operator'], this.table(node['Expression'], cx), cx);
      case 'ParenthesizedExpression':
      case 'MaterializeExpression':
      case 'ToTableExpression':
      case 'DataScopeExpression':
        return this.table(node['Expression'], cx);
      case 'NameReference':
        return this.#tableByName(node, cx);
      case 'FunctionCallExpression':
        return this.#tableCall(node, cx);
      case 'DataTableExpression':
        return this.#datatable(node, cx);
      case 'ExternalDataExpression':
        return this.#externalData(node, cx);
      case 'PrintOperator':
        return this.#print(node, cx);
      case 'SearchOperator':
        return this.#searchTables(node, cx);
      case 'RangeOperator':
        return this.#range(node, cx);
      case 'UnionOperator':
        return this.#union(node, undefined, cx);
      case 'PathExpression':
        this.refuse(node, cx, 'tables of other workspaces, clusters and databases are not supported');
        return this.#standIn(node, cx);
      default:
        this.refuse(node, cx, `the operator ${operatorName(node, kind)} is not supported`);
        return this.#standIn(node, cx);
    }
  }

  /** What stands where an operator was refused: no rows, under the columns that the binder expects. */
  #standIn(node: SyntaxNode, cx: Context): Plan {
    const columns = listOf(node['ResultType']?.Columns).map((column) => ({
      name: String(column['Name']),
      type: typeOfSymbol(column['Type']) ?? ('dynamic' as const),
    }));
    return { op: 'rows', rows: [], columns, span: this.span(node, cx) };
  }

  #tableByName(node: SyntaxNode, cx: Context): Plan {
    const name = String(node['SimpleName']);
    const binding = cx.scope.get(name);
    if (binding?.kind === 'table') return binding.plan;
    if (binding?.kind === 'function') {
      const called = this.callFunction(node, cx);
      return called ? this.table(called.body, called.cx) : this.#standIn(node, cx);
    }
    if (name === '$left' || name === '$right') {
      this.refuse(node, cx, `${name} cannot be used here`);
      return this.#standIn(node, cx);
    }
    return this.#scan(node, name, cx);
  }

  #scan(node: SyntaxNode, name: string, cx: Context): Plan {
    const columns = this.#options.tables.get(name) ?? tableColumns(name);
    if (!columns) {
      this.reject(node, cx, `no table is named '${name}'`);
      return this.#standIn(node, cx);
    }
    const hidden: ColumnInfo = { name: INGESTION_TIME, type: 'datetime' };
    const span = this.span(node, cx);
    const scan: Plan = { op: 'scan', table: name, columns: [...columns, hidden], span };
    const received = columnIndex(columns, RECEPTION_TIME);
    if (received < 0) return scan;
    const outputs = columns.map((column, index) => ({
      name: column.name,
      expression: columnOf(scan.columns, index === received ? columns.length : index, span),
    }));
    const timed = this.#project(scan, outputs, span, true);
    this.#named.set(timed, name);
    return timed;
  }

  #tableCall(node: SyntaxNode, cx: Context): Plan {
    const name = String(node['Name'].SimpleName);
    const binding = cx.scope.get(name);
    const args = elementsOf(node['ArgumentList']?.Expressions);
    if (binding?.kind === 'function') {
      const called = this.callFunction(node, cx);
      return called ? this.table(called.body, called.cx) : this.#standIn(node, cx);
    }
    if (name === 'table' && args[0]) {
      const arg = constantText(this.#scalars.lower(args[0], cx));
      if (arg === undefined) {
        this.refuse(args[0], cx, 'table(...) needs a name that is constant');
        return this.#standIn(node, cx);
      }
      const held = cx.scope.get(arg);
      return held?.kind === 'table' ? held.plan : this.#scan(args[0], arg, cx);
    }
    if (name === '_GetWatchlist' && args[0]) {
      const arg = constantText(this.#scalars.lower(args[0], cx));
      const watchlist = arg === undefined ? undefined : this.#options.watchlists.get(arg);
      if (watchlist) return { op: 'rows', columns: watchlist.columns, rows: watchlist.rows, span: this.span(node, cx) };
      if (arg !== undefined) {
        this.refuse(node, cx, `the watchlist '${arg}' is not given`, `name a file for it: --watchlist '${arg}'=FILE`);
      } else this.refuse(node, cx, '_GetWatchlist needs a name that is constant');
      return this.#standIn(node, cx);
    }
    // The binder passes over names in a fuzzy union that it does not know; what it knows is Kusto's own.
    if (node['ReferencedSymbol']) this.refuse(node['Name'], cx, `the function ${name} is not supported`);
    else this.reject(node['Name'], cx, `no function is named '${name}'`);
    return this.#standIn(node, cx);
  }

  #schema(rowSchema: SyntaxNode): ColumnInfo[] {
    return elementsOf(rowSchema['Columns']).map((column) => ({
      name: String(column['Name'].SimpleName),
      type: typeOfKeyword(String(column['Type']?.Type?.Text ?? '')) ?? 'dynamic',
    }));
  }

  #datatable(node: SyntaxNode, cx: Context): Plan {
    const span = this.span(node, cx);
    const columns = this.#schema(node['Schema']);
    const cells = elementsOf(node['Values']).map((value) => this.#scalars.lower(value, { ...cx, columns: [] }));
    const rows: Expression[][] = [];
    for (let at = 0; at + columns.length <= cells.length && columns.length > 0; at += columns.length) {
      rows.push(cells.slice(at, at + columns.length).map((cell, i) => convert(cell, columns[i]!.type)));
    }
    if (rows.every((row) => row.every((cell) => cell.kind === 'literal'))) {
      const values = rows.map((row) =>
        row.map((cell, i) => (cell.kind === 'literal' ? literalAs(cell.value, columns[i]!.type) : null)),
      );
      return { op: 'rows', columns, rows: values, span };
    }
    const inputs = rows.map((row): Plan => ({ op: 'project', input: oneRow(span), expressions: row, columns, span }));
    const mapping = inputs.map(() => columns.map((_, index) => index));
    return { op: 'union', inputs, mapping, sources: undefined, columns, span };
  }

  #externalData(node: SyntaxNode, cx: Context): Plan {
    const columns = this.#schema(node['Schema']);
    const span = this.span(node, cx);
    const properties = this.#parameters(node['WithClause']?.Properties);
    const skipsFirst = this.#parameterText(properties.get('ignorefirstrecord'), cx)?.toLowerCase() === 'true';
    const inputs: Plan[] = [];
    for (const uri of elementsOf(node['URIs'])) {
      const url = constantText(this.#scalars.lower(uri, { ...cx, columns: [] }));
      const given =
        url === undefined
          ? undefined
          : (this.#options.externals.get(url) ?? this.#options.externals.get(url.split(';')[0]!));
      if (!given) {
        this.refuse(
          uri,
          cx,
          `the external data at ${url ?? 'an address that is not constant'} is not given`,
          `nothing is ever fetched; name a local copy: --external '${url ?? 'URL'}'=FILE`,
        );
        continue;
      }
      const indexes = columns.map((column) => columnIndex(given.columns, column.name));
      // Kusto takes the fields of a line by their places; rows of objects go by name.
      const byPosition = given.namedByFirstLine === true || indexes.every((index) => index < 0);
      const lines =
        given.namedByFirstLine && !skipsFirst
          ? [given.columns.map((column) => column.name), ...given.rows]
          : given.rows;
      const rows = lines.map((row) =>
        columns.map((column, i) => {
          const source = byPosition ? i : indexes[i]!;
          return converted(row[source] ?? null, given.columns[source]?.type ?? column.type, column.type);
        }),
      );
      inputs.push({ op: 'rows', columns, rows, span });
    }
    if (inputs.length === 1) return inputs[0]!;
    return {
      op: 'union',
      inputs,
      mapping: inputs.map(() => columns.map((_, i) => i)),
      sources: undefined,
      columns,
      span,
    };
  }

  #print(node: SyntaxNode, cx: Context): Plan {
    const span = this.span(node, cx);
    const outputs: Output[] = [];
    for (const [index, item] of elementsOf(node['Expressions']).entries()) {
      const named = this.kusto.kindOf(item) === 'SimpleNamedExpression';
      const compound = this.#compound(item, { ...cx, columns: [] });
      if (compound) outputs.push(...compound);
      else {
        const name = named ? String(item['Name'].SimpleName) : `print_${index}`;
        outputs.push({ name, expression: this.#scalars.lower(item, { ...cx, columns: [] }) });
      }
    }
    return this.#project(oneRow(span), outputs, span);
  }

  #range(node: SyntaxNode, cx: Context): Plan {
    const bare = { ...cx, columns: [] };
    const from = this.#scalars.lower(node['From'], bare);
    const to = this.#scalars.lower(node['To'], bare);
    const step = this.#scalars.lower(node['Step'], bare);
    const bound = listOf(node['ResultType']?.Columns)[0];
    const type = (bound && typeOfSymbol(bound['Type'])) ?? (from.type === 'int' ? 'long' : from.type);
    return {
      op: 'range',
      from: convert(from, type),
      to: convert(to, type),
      step: type === 'datetime' ? step : convert(step, type),
      columns: [{ name: String(node['Name'].SimpleName), type }],
      span: this.span(node, cx),
    };
  }

  #operator(node: SyntaxNode, input: Plan, outer: Context): Plan {
    const kind = this.kusto.kindOf(node);
    const isOrdered = this.#serialized.has(input) || SERIALIZED_SOURCES.has(input.op);
    const serialized = isOrdered || kind === 'SerializeOperator';
    const plan = this.#applied(node, kind, input, { ...outer, columns: input.columns, serialized }, outer);
    const orders = kind === 'SortOperator' || kind === 'TopOperator' || kind === 'ScanOperator';
    if (orders || (serialized && ORDER_KEEPERS.has(kind))) this.#serialized.add(plan);
    return plan;
  }

  #applied(node: SyntaxNode, kind: string, input: Plan, cx: Context, outer: Context): Plan {
    const span = this.span(node, cx);
    switch (kind) {
      case 'FilterOperator':
        return {
          op: 'filter',
          input,
          predicate: this.#scalars.lower(node['Condition'], cx),
          columns: input.columns,
          span,
        };
      case 'SearchOperator':
        return this.#search(node, input, cx, span);
      case 'SerializeOperator': {
        const items = elementsOf(node['Expressions']);
        // A node of its own, so that what else reads the input does not count as serialized.
        return items.length > 0
          ? this.#extend(input, items, cx, span)
          : this.#pick(input, indexesOf(input.columns), span);
      }
      case 'ExtendOperator':
        return this.#extend(input, elementsOf(node['Expressions']), cx, span);
      case 'ProjectOperator':
        return this.#project(input, this.#outputs(elementsOf(node['Expressions']), cx), span, true);
      case 'ProjectAwayOperator': {
        const away = new Set(this.#matching(elementsOf(node['Expressions']), input.columns));
        return this.#pick(
          input,
          indexesOf(input.columns).filter((index) => !away.has(index)),
          span,
        );
      }
      case 'ProjectKeepOperator': {
        const keep = new Set(this.#matching(elementsOf(node['Expressions']), input.columns));
        return this.#pick(
          input,
          indexesOf(input.columns).filter((index) => keep.has(index) || isHidden(input.columns[index]!.name)),
          span,
        );
      }
      case 'ProjectRenameOperator':
        return this.#rename(input, elementsOf(node['Expressions']), cx, span);
      case 'ProjectReorderOperator':
        return this.#reorder(input, elementsOf(node['Expressions']), cx, span);
      case 'SummarizeOperator':
        return this.#summarize(node, input, cx, span);
      case 'DistinctOperator':
        return this.#distinct(node, input, cx, span);
      case 'CountOperator': {
        const name = node['AsIdentifier'] ? String(node['AsIdentifier'].Identifier.Text) : 'Count';
        const aggregate: Aggregate = { function: 'count', args: [], type: 'long', span };
        return { op: 'summarize', input, keys: [], aggregates: [aggregate], columns: [{ name, type: 'long' }], span };
      }
      case 'SortOperator':
        return {
          op: 'sort',
          input,
          keys: elementsOf(node['Expressions']).map((key) => this.#sortKey(key, cx)),
          columns: input.columns,
          span,
        };
      case 'TakeOperator':
        return { op: 'take', input, count: this.#scalars.lower(node['Expression'], cx), columns: input.columns, span };
      case 'TopOperator': {
        const sorted: Plan = {
          op: 'sort',
          input,
          keys: [this.#sortKey(node['ByExpression'], cx)],
          columns: input.columns,
          span,
        };
        return {
          op: 'take',
          input: sorted,
          count: this.#scalars.lower(node['Expression'], cx),
          columns: input.columns,
          span,
        };
      }
      case 'JoinOperator':
      case 'LookupOperator':
        return this.#join(node, kind === 'LookupOperator', input, cx, span);
      case 'UnionOperator':
        return this.#union(node, input, cx);
      case 'MvExpandOperator':
        return this.#expand(node, input, cx, span).plan;
      case 'MvApplyOperator':
        return this.#apply(node, input, cx, span);
      case 'ParseOperator':
      case 'ParseWhereOperator':
        return this.#parse(node, kind === 'ParseOperator' ? 'parse' : 'parse-where', input, cx, span);
      case 'ParseKvOperator':
        return this.#parseKv(node, input, cx, span);
      case 'MakeSeriesOperator':
        return this.#makeSeries(node, input, cx, span);
      case 'AsOperator':
        outer.scope.set(String(node['Name'].SimpleName), { kind: 'table', plan: input });
        this.#named.set(input, String(node['Name'].SimpleName));
        return input;
      case 'InvokeOperator': {
        const called = this.callFunction(node['Function'], outer, input);
        return called ? this.table(called.body, called.cx) : this.#standIn(node, cx);
      }
      case 'GetSchemaOperator':
        return getSchema(input, span);
      case 'TopNestedOperator':
        return this.#topNested(node, input, cx, span);
      case 'ScanOperator':
        return this.#scanSteps(node, input, cx, span);
      case 'TopHittersOperator':
        return this.#topHitters(node, input, cx, span);
      case 'PartitionOperator':
        return this.#partition(node, input, cx, span);
      case 'RenderOperator':
      case 'ConsumeOperator':
        return input;
      case 'EvaluateOperator':
        return this.#evaluate(node, input, cx, span);
      default:
        this.refuse(node, cx, `the operator ${operatorName(node, kind)} is not supported`);
        return this.#standIn(node, cx);
    }
  }

  #sortKey(node: SyntaxNode, cx: Context): SortKey {
    if (this.kusto.kindOf(node) !== 'OrderedExpression') {
      return { expression: this.#scalars.lower(node, cx), descending: true, nullsFirst: false };
    }
    const ordering: SyntaxNode | undefined = node['Ordering'];
    const descending = String(ordering?.['AscOrDescKeyword']?.Text ?? '').toLowerCase() !== 'asc';
    const nulls = ordering?.['NullsClause'];
    const nullsFirst = nulls ? String(nulls.FirstOrLastKeyword.Text).toLowerCase() === 'first' : !descending;
    return { expression: this.#scalars.lower(node['Expression'], cx), descending, nullsFirst };
  }

  /** `(a, b) = f(x)`, or a function of several values without names: its outputs; undefined for any other expression. */
  #compound(node: SyntaxNode, cx: Context): Output[] | undefined {
    const kind = this.kusto.kindOf(node);
    const value: SyntaxNode = kind === 'CompoundNamedExpression' ? node['Expression'] : node;
    if (kind === 'SimpleNamedExpression') return undefined;
    const tuple = this.#scalars.tuple(value, cx);
    if (!tuple) {
      if (kind === 'CompoundNamedExpression') this.refuse(node, cx, 'this function does not give several values');
      return undefined;
    }
    const names =
      kind === 'CompoundNamedExpression'
        ? elementsOf(node['Names'].Names).map((name) => String(name['SimpleName']))
        : tuple.names;
    return names.slice(0, tuple.types.length).map((name, index) => ({
      name,
      expression: tupleMember(tuple.whole, index, tuple.types[index]!, this.span(value, cx)),
    }));
  }

  /** The outputs of a projection list, named as Kusto names them. */
  #outputs(nodes: readonly SyntaxNode[], cx: Context, taken: Iterable<string> = []): Output[] {
    const outputs: Output[] = [];
    const names = new Names(taken);
    const declared = new Set(
      nodes.flatMap((node) =>
        this.kusto.kindOf(node) === 'SimpleNamedExpression' ? [String(node['Name'].SimpleName)] : [],
      ),
    );
    for (const name of declared) names.reserve(name);
    for (const node of nodes) {
      const kind = this.kusto.kindOf(node);
      if (kind === 'StarExpression') {
        for (const index of visibleIndexes(cx.columns)) {
          if (outputs.some((output) => output.name === cx.columns[index]!.name)) continue;
          outputs.push({
            name: cx.columns[index]!.name,
            expression: columnOf(cx.columns, index, this.span(node, cx)),
          });
        }
        continue;
      }
      if (kind === 'NameReference' && isWildcard(node)) {
        for (const index of this.#matching([node], cx.columns)) {
          outputs.push({
            name: cx.columns[index]!.name,
            expression: columnOf(cx.columns, index, this.span(node, cx)),
          });
        }
        continue;
      }
      const compound = this.#compound(node, cx);
      if (compound) {
        for (const output of compound)
          outputs.push({
            ...output,
            name: kind === 'CompoundNamedExpression' ? output.name : names.unique(output.name),
          });
        continue;
      }
      const expression = this.#scalars.lower(node, cx);
      if (kind === 'SimpleNamedExpression') outputs.push({ name: String(node['Name'].SimpleName), expression });
      else {
        const own = this.#resultName(node, cx);
        outputs.push({ name: own === undefined ? names.column() : names.unique(own), expression });
      }
    }
    return outputs;
  }

  #resultName(node: SyntaxNode, cx: Context): string | undefined {
    const kind = this.kusto.kindOf(node);
    if (kind === 'FunctionCallExpression') {
      const name = CANONICAL_FUNCTIONS[String(node['Name'].SimpleName)] ?? String(node['Name'].SimpleName);
      if (name === 'column_ifexists') {
        const expression = this.#scalars.lower(node, cx);
        if (expression.kind === 'column') return cx.columns[expression.index]!.name;
      }
    }
    return this.kusto.resultName(node);
  }

  /** A projection; with `keepHidden` the hidden columns of the input come along. */
  #project(input: Plan, outputs: readonly Output[], span: Span, keepHidden = false): Plan {
    const kept = keepHidden ? input.columns.flatMap((column, index) => (isHidden(column.name) ? [index] : [])) : [];
    return {
      op: 'project',
      input,
      expressions: [
        ...outputs.map((output) => output.expression),
        ...kept.map((index) => columnOf(input.columns, index, span)),
      ],
      columns: [
        ...outputs.map((output) => ({ name: output.name, type: output.expression.type })),
        ...kept.map((index) => input.columns[index]!),
      ],
      span,
    };
  }

  #extend(input: Plan, nodes: readonly SyntaxNode[], cx: Context, span: Span): Plan {
    if (nodes.length === 0) return input;
    const outputs: Output[] = input.columns.map((column, index) => ({
      name: column.name,
      expression: columnOf(input.columns, index, span),
    }));
    const added = this.#outputs(
      nodes,
      cx,
      input.columns.map((column) => column.name).filter((name) => /^Column\d+$/.test(name)),
    );
    for (const output of added) {
      const at = outputs.findIndex((existing) => existing.name === output.name);
      if (at >= 0) outputs[at] = output;
      else outputs.push(output);
    }
    return this.#project(input, outputs, span);
  }

  #matching(nodes: readonly SyntaxNode[], columns: readonly ColumnInfo[]): number[] {
    const found: number[] = [];
    for (const node of nodes) {
      const inner: SyntaxNode = this.kusto.kindOf(node) === 'OrderedExpression' ? node['Expression'] : node;
      if (this.kusto.kindOf(inner) === 'StarExpression') found.push(...visibleIndexes(columns));
      else if (isWildcard(inner)) {
        const pattern = wildcard(String(inner['SimpleName']));
        found.push(...visibleIndexes(columns).filter((index) => pattern.test(columns[index]!.name)));
      } else {
        const index = columnIndex(columns, String(inner['SimpleName']));
        if (index >= 0) found.push(index);
      }
    }
    return [...new Set(found)];
  }

  #rename(input: Plan, nodes: readonly SyntaxNode[], cx: Context, span: Span): Plan {
    const names = input.columns.map((column) => column.name);
    for (const node of nodes) {
      const from: SyntaxNode = node['Expression'];
      const index = from ? columnIndex(input.columns, String(from['SimpleName'])) : -1;
      if (index < 0) this.reject(node, cx, 'project-rename takes new = old, where old is a column');
      else names[index] = String(node['Name'].SimpleName);
    }
    return this.#pick(
      input,
      input.columns.map((_, index) => index),
      span,
      names,
    );
  }

  #reorder(input: Plan, nodes: readonly SyntaxNode[], cx: Context, span: Span): Plan {
    const order: number[] = [];
    for (const node of nodes) {
      const matched = this.#matching([node], input.columns);
      if (this.kusto.kindOf(node) === 'OrderedExpression') {
        const keyword = String(node['Ordering']?.AscOrDescKeyword?.Text ?? '').toLowerCase();
        const compare = keyword.startsWith('granny') ? compareGranny : compareText;
        matched.sort((a, b) => compare(input.columns[a]!.name, input.columns[b]!.name));
        if (keyword.endsWith('desc')) matched.reverse();
      }
      order.push(...matched.filter((index) => !order.includes(index)));
    }
    const rest = input.columns.map((_, index) => index).filter((index) => !order.includes(index));
    return this.#pick(input, [...order, ...rest], {
      ...span,
      start: this.span(nodes[0] ?? ({ TextStart: span.start, End: span.end } as SyntaxNode), cx).start,
    });
  }

  /** `search` without rows piped into it: over the tables that it names, or all. */
  #searchTables(node: SyntaxNode, cx: Context): Plan {
    const span = this.span(node, cx);
    const named: SyntaxNode[] | undefined = node['InClause'] && elementsOf(node['InClause'].Expressions);
    if (!named && cx.scope.some((binding) => binding.kind === 'function' && binding.declaration['ViewKeyword'])) {
      this.refuse(node, cx, 'search over the views of a query is not supported', 'name them: search in (View1, View2)');
    }
    const legs: Legs = named
      ? this.#legs(undefined, named, false, cx)
      : {
          inputs: this.#tableNames().map((name) => this.#scan(node, name, cx)),
          sources: this.#tableNames(),
        };
    const input = this.#unite(legs, SEARCHED_TABLE, false, span);
    const mode = this.#parameterText(this.#parameters(node['Parameters']).get('kind'), cx)?.toLowerCase();
    const inner: Context = { ...cx, columns: input.columns };
    const predicate = this.#scalars.searchPredicate(node['Condition'], inner, mode === 'case_sensitive');
    return { op: 'filter', input, predicate, columns: input.columns, span };
  }

  #search(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const mode = this.#parameterText(this.#parameters(node['Parameters']).get('kind'), cx)?.toLowerCase();
    const predicate = this.#scalars.searchPredicate(node['Condition'], cx, mode === 'case_sensitive');
    const found: Plan = { op: 'filter', input, predicate, columns: input.columns, span };
    const outputs = input.columns.map((column, index) => ({
      name: column.name,
      expression: columnOf(input.columns, index, span),
    }));
    return this.#project(
      found,
      [{ name: SEARCHED_TABLE, expression: literal(this.#nameOf(input) ?? 'search_arg0', 'string', span) }, ...outputs],
      span,
    );
  }

  #distinct(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const outputs = this.#outputs(elementsOf(node['Expressions']), cx);
    return {
      op: 'summarize',
      input,
      keys: outputs.map((output) => output.expression),
      aggregates: [],
      columns: outputs.map((output) => ({ name: output.name, type: output.expression.type })),
      span,
    };
  }

  #isAggregate(node: SyntaxNode, cx: Context): boolean {
    if (this.kusto.kindOf(node) !== 'FunctionCallExpression') return false;
    const name = String(node['Name'].SimpleName);
    return this.kusto.aggregates.has(name) && cx.scope.get(name)?.kind !== 'function';
  }

  /** The aggregates of one call: several for `arg_max(x, *)`, `take_any(a, b)`, `percentiles(x, 5, 95)`. */
  #aggregates(
    node: SyntaxNode,
    cx: Context,
    keyColumns: ReadonlySet<string>,
  ): { readonly name: string | undefined; readonly aggregate: Aggregate }[] {
    const written = String(node['Name'].SimpleName);
    const name = CANONICAL_AGGREGATES[written] ?? written;
    const span = this.span(node, cx);
    const argNodes = elementsOf(node['ArgumentList']?.Expressions);
    const tupleNames = listOf(node['RawResultType']?.Columns).map((column) => String(column['Name']));
    const make = (fn: string, args: readonly Expression[], type: ScalarType): Aggregate => {
      if (!this.#options.capabilities.hasAggregate(fn))
        this.refuse(node['Name'], cx, `the aggregate ${written} is not supported`);
      return { function: fn, args, type, span };
    };
    if (name === 'arg_max' || name === 'arg_min' || name === 'take_any') {
      const isAny = name === 'take_any';
      const values: Expression[] = [];
      const names: (string | undefined)[] = [];
      const seen = new Set<number>();
      for (const [position, arg] of argNodes.entries()) {
        if (this.kusto.kindOf(arg) === 'StarExpression') {
          for (const index of visibleIndexes(cx.columns)) {
            if (seen.has(index) || keyColumns.has(cx.columns[index]!.name)) continue;
            seen.add(index);
            values.push(columnOf(cx.columns, index, this.span(arg, cx)));
            names.push(cx.columns[index]!.name);
          }
          continue;
        }
        const value = this.#scalars.lower(arg, cx);
        if (value.kind === 'column') seen.add(value.index);
        values.push(value);
        const own = this.#resultName(arg, cx);
        names.push(
          own ??
            (isAny
              ? `arg${position}`
              : position === 0
                ? `${name.slice(4)}_`
                : `${name.slice(4)}_${names[0] ?? ''}_arg${position}`),
        );
      }
      // The old names say where a value comes from.
      const [first] = names;
      if (written === 'any') names.forEach((own, index) => (names[index] = own && `any_${own}`));
      else if (written === 'argmax' || written === 'argmin') {
        const best = `${name.slice(4)}_${first ?? ''}`;
        names.forEach((own, index) => (names[index] = index === 0 ? best : own && `${best}_${own}`));
      }
      if (isAny && values.length === 1 && argNodes.length === 1)
        return [{ name: names[0], aggregate: make(name, values, values[0]!.type) }];
      return values.map((value, index) => ({
        name: names[index],
        aggregate: make(isAny ? 'take_any_row' : name, isAny ? [value] : [values[0]!, value], value.type),
      }));
    }
    const args = argNodes.map((arg) => this.#scalars.lower(arg, cx));
    if (name === 'percentiles' || name === 'percentilesw') {
      const fixed = name === 'percentiles' ? 1 : 2;
      return args.slice(fixed).map((percent, index) => ({
        name: tupleNames[index],
        aggregate: make(
          name === 'percentiles' ? 'percentile' : 'percentilew',
          [...args.slice(0, fixed), percent],
          args[0]!.type,
        ),
      }));
    }
    const type = boundType(node) ?? this.kusto.returnType(name) ?? args[0]?.type ?? 'dynamic';
    let own = this.kusto.resultName(node);
    // A percentile is named after its column and its rank, as `percentiles` names each of its own.
    if ((name === 'percentile' || name === 'percentilew') && argNodes.length > 1) {
      const last = argNodes.at(-1)!;
      const literal = String(this.kusto.kindOf(last)).endsWith('LiteralExpression');
      const rank = literal ? String(last['toString']()).trim().replaceAll(/\W/g, '_') : '';
      own = `percentile_${this.#resultName(argNodes[0]!, cx) ?? ''}_${rank}`;
    }
    // A covariance is named after both of its columns.
    if (name.startsWith('covariance') && own !== undefined && argNodes[1])
      own += `_${this.#resultName(argNodes[1], cx) ?? ''}`;
    // count(x) counts rows, as count() does.
    return [{ name: own, aggregate: make(name, name === 'count' ? [] : args, type) }];
  }

  #summarize(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const by = node['ByClause'];
    const keys = this.#outputs(elementsOf(by?.Expressions), cx);
    const keyColumns = new Set(keys.flatMap((key) => (key.expression.kind === 'column' ? [key.name] : [])));
    const names = new Names(keys.map((key) => key.name));
    const items = elementsOf(node['Aggregates']);
    for (const item of items)
      if (this.kusto.kindOf(item) === 'SimpleNamedExpression') names.reserve(String(item['Name'].SimpleName));

    const aggregates: Aggregate[] = [];
    const outputs: { name: string; expression: Expression }[] = [];
    const add = (aggregate: Aggregate): Expression => {
      aggregates.push(aggregate);
      return { kind: 'column', index: keys.length + aggregates.length - 1, type: aggregate.type, span: aggregate.span };
    };
    let plain = true;
    for (const item of items) {
      const kind = this.kusto.kindOf(item);
      const named = kind === 'SimpleNamedExpression' || kind === 'CompoundNamedExpression';
      let value: SyntaxNode = named ? item['Expression'] : item;
      while (this.kusto.kindOf(value) === 'ParenthesizedExpression') value = value['Expression'];
      const given =
        kind === 'CompoundNamedExpression'
          ? elementsOf(item['Names'].Names).map((name) => String(name['SimpleName']))
          : named
            ? [String(item['Name'].SimpleName)]
            : [];
      if (this.#isAggregate(value, cx)) {
        for (const [index, found] of this.#aggregates(value, cx, keyColumns).entries()) {
          const name = given[index] ?? (found.name === undefined ? names.column() : names.unique(found.name));
          outputs.push({ name, expression: add(found.aggregate) });
        }
        continue;
      }
      plain = false;
      const inner: Context = {
        ...cx,
        columns: [],
        aggregate: (call) => {
          if (!this.#isAggregate(call, cx)) return undefined;
          const [first] = this.#aggregates(call, cx, keyColumns);
          return first && add(first.aggregate);
        },
      };
      const expression = this.#scalars.lower(value, inner);
      const own = this.kusto.resultName(value);
      outputs.push({ name: given[0] ?? (own === undefined ? names.column() : names.unique(own)), expression });
    }
    const columns = [
      ...keys.map((key) => ({ name: key.name, type: key.expression.type })),
      ...aggregates.map((aggregate, index) => ({
        name: plain ? outputs[index]!.name : `$${index}`,
        type: aggregate.type,
      })),
    ];
    const summarized: Plan = {
      op: 'summarize',
      input,
      keys: keys.map((key) => key.expression),
      aggregates,
      columns,
      span,
    };
    if (plain) return summarized;
    const keyOutputs = keys.map((key, index) => ({ name: key.name, expression: columnOf(columns, index, span) }));
    return this.#project(summarized, [...keyOutputs, ...outputs], span);
  }

  #parameters(list: SyntaxNode | undefined): Map<string, SyntaxNode> {
    return new Map(
      elementsOf(list).map((parameter) => [
        String(parameter['Name'].SimpleName).toLowerCase(),
        parameter['Expression'],
      ]),
    );
  }

  /** The word or literal that a `name=value` parameter gives. */
  #parameterText(node: SyntaxNode | undefined, cx: Context): string | undefined {
    if (!node) return undefined;
    if (node['SimpleName']) return String(node['SimpleName']);
    const kind = this.kusto.kindOf(node);
    if (kind.endsWith('LiteralExpression') && kind !== 'TokenLiteralExpression') {
      return constantText(this.#scalars.lower(node, cx));
    }
    return node['Token'] ? String(node['Token'].Text) : undefined;
  }

  #join(node: SyntaxNode, isLookup: boolean, left: Plan, cx: Context, span: Span): Plan {
    const parameters = this.#parameters(node['Parameters']);
    const written = this.#parameterText(parameters.get('kind'), cx)?.toLowerCase();
    const kind = JOIN_KINDS[written ?? (isLookup ? 'leftouter' : 'innerunique')];
    if (!kind) {
      this.reject(
        parameters.get('kind') ?? node,
        cx,
        `the join kind '${written}' is unknown`,
        `it is one of ${Object.keys(JOIN_KINDS).join(', ')}`,
      );
      return this.#standIn(node, cx);
    }
    const right = this.table(node['Expression'], { ...cx, columns: [] });
    const clause: SyntaxNode | undefined = isLookup ? node['LookupClause'] : node['ConditionClause'];
    const on: { left: Expression; right: Expression }[] = [];
    const rightKeys = new Set<number>();
    const conditions = elementsOf(clause?.['Expressions']);
    for (const condition of conditions) this.#joinKeys(condition, left, right, cx, on);
    for (const pair of on) if (pair.right.kind === 'column') rightKeys.add(pair.right.index);
    if (conditions.length === 0) this.refuse(node, cx, 'a join needs keys: on Column, or on $left.A == $right.B');

    const output: { side: 'left' | 'right'; index: number }[] = [];
    const columns: ColumnInfo[] = [];
    const names = new Names([]);
    const takesLeft = kind !== 'rightanti' && kind !== 'rightsemi';
    const takesRight = kind !== 'leftanti' && kind !== 'leftsemi';
    if (takesLeft) {
      for (const index of visibleIndexes(left.columns)) {
        output.push({ side: 'left', index });
        columns.push({ name: names.unique(left.columns[index]!.name), type: left.columns[index]!.type });
      }
    }
    if (takesRight) {
      for (const index of visibleIndexes(right.columns)) {
        if (isLookup && rightKeys.has(index)) continue;
        output.push({ side: 'right', index });
        columns.push({ name: names.unique(right.columns[index]!.name), type: right.columns[index]!.type });
      }
    }
    // One-sided joins keep the rows of that side, and so their ingestion time.
    const side = takesLeft ? left : right;
    const ingested = columnIndex(side.columns, INGESTION_TIME);
    if (takesLeft !== takesRight && ingested >= 0) {
      output.push({ side: takesLeft ? 'left' : 'right', index: ingested });
      columns.push(side.columns[ingested]!);
    }
    return { op: 'join', kind, left, right, on, output, columns, span };
  }

  #joinKeys(
    node: SyntaxNode,
    left: Plan,
    right: Plan,
    cx: Context,
    on: { left: Expression; right: Expression }[],
  ): void {
    const kind = this.kusto.kindOf(node);
    if (kind === 'ParenthesizedExpression') return this.#joinKeys(node['Expression'], left, right, cx, on);
    if (kind === 'AndExpression') {
      this.#joinKeys(node['Left'], left, right, cx, on);
      return this.#joinKeys(node['Right'], left, right, cx, on);
    }
    const span = this.span(node, cx);
    const pair = (leftIndex: number, rightIndex: number): void => {
      const a = columnOf(left.columns, leftIndex, span);
      const b = columnOf(right.columns, rightIndex, span);
      if (a.type === 'dynamic' || b.type === 'dynamic') {
        this.reject(node, cx, 'join keys cannot be dynamic', 'extend both sides with tostring(...) first');
        return;
      }
      on.push({ left: a, right: b });
    };
    if (kind === 'NameReference') {
      const name = String(node['SimpleName']);
      const leftIndex = columnIndex(left.columns, name);
      const rightIndex = columnIndex(right.columns, name);
      if (leftIndex < 0 || rightIndex < 0) {
        this.reject(node, cx, `the join key '${name}' is no column of the ${leftIndex < 0 ? 'left' : 'right'} side`);
      } else pair(leftIndex, rightIndex);
      return;
    }
    if (kind === 'EqualExpression') {
      const sides = new Map<string, string>();
      for (const operand of [node['Left'], node['Right']] as SyntaxNode[]) {
        const holder =
          this.kusto.kindOf(operand) === 'PathExpression' ? String(operand['Expression'].SimpleName ?? '') : '';
        if (holder === '$left' || holder === '$right') sides.set(holder, String(operand['Selector'].SimpleName));
      }
      const [leftName, rightName] = [sides.get('$left'), sides.get('$right')];
      if (leftName !== undefined && rightName !== undefined) {
        const leftIndex = columnIndex(left.columns, leftName);
        const rightIndex = columnIndex(right.columns, rightName);
        if (leftIndex < 0) this.reject(node, cx, `'${leftName}' is no column of the left side`);
        else if (rightIndex < 0) this.reject(node, cx, `'${rightName}' is no column of the right side`);
        else pair(leftIndex, rightIndex);
        return;
      }
    }
    this.refuse(node, cx, 'a join condition must be a column name or $left.A == $right.B');
  }

  #union(node: SyntaxNode, input: Plan | undefined, cx: Context): Plan {
    const span = this.span(node, cx);
    const parameters = this.#parameters(node['Parameters']);
    const isInner = this.#parameterText(parameters.get('kind'), cx)?.toLowerCase() === 'inner';
    const isFuzzy = this.#parameterText(parameters.get('isfuzzy'), cx)?.toLowerCase() === 'true';
    const sourceColumn = this.#parameterText(parameters.get('withsource') ?? parameters.get('with_source'), cx);
    const legs = this.#legs(input, elementsOf(node['Expressions']), isFuzzy, cx);
    return this.#unite(legs, sourceColumn, isInner, span);
  }

  /** The tables that a union or a search names, and what each is called. */
  #legs(input: Plan | undefined, nodes: readonly SyntaxNode[], isFuzzy: boolean, cx: Context): Legs {
    const inputs: Plan[] = [];
    const sources: string[] = [];
    const addLeg = (plan: Plan, name: string | undefined): void => {
      sources.push(name ?? `union_arg${inputs.length}`);
      inputs.push(plan);
    };
    if (input) addLeg(input, this.#nameOf(input));
    for (const leg of nodes) {
      if (isWildcard(leg)) {
        const pattern = wildcard(String(leg['SimpleName']));
        for (const name of this.#tableNames()) if (pattern.test(name)) addLeg(this.#scan(leg, name, cx), name);
        continue;
      }
      const before = this.findings.length;
      const plan = this.table(leg, { ...cx, columns: [] });
      if (isFuzzy && this.findings.slice(before).some(({ message }) => /^no (table|function) is named/.test(message))) {
        this.findings.length = before;
        continue;
      }
      addLeg(plan, this.#nameOf(plan));
    }
    return { inputs, sources };
  }

  #tableNames(): string[] {
    return [...new Set([...this.#options.tables.keys(), ...knownTables()])];
  }

  #unite({ inputs, sources }: Legs, sourceColumn: string | undefined, isInner: boolean, span: Span): Plan {
    const columns: ColumnInfo[] = [];
    const mapping: number[][] = inputs.map(() => []);
    if (sourceColumn !== undefined) {
      columns.push({ name: sourceColumn, type: 'string' });
      for (const map of mapping) map.push(-1);
    }
    const order: string[] = [];
    const types = new Map<string, ScalarType[]>();
    for (const leg of inputs) {
      for (const column of leg.columns) {
        const seen = types.get(column.name);
        if (!seen) {
          order.push(column.name);
          types.set(column.name, [column.type]);
        } else if (!seen.includes(column.type)) seen.push(column.type);
      }
    }
    const taken = new Names(order);
    for (const name of order) {
      const typesOfName = types.get(name)!;
      if (isInner && !inputs.every((leg) => columnIndex(leg.columns, name) >= 0)) continue;
      if (isInner && typesOfName.length > 1) continue;
      for (const type of typesOfName) {
        columns.push({ name: typesOfName.length === 1 ? name : taken.unique(`${name}_${type}`), type });
        for (const [i, leg] of inputs.entries()) {
          mapping[i]!.push(leg.columns.findIndex((column) => column.name === name && column.type === type));
        }
      }
    }
    return { op: 'union', inputs, mapping, sources: sourceColumn === undefined ? undefined : sources, columns, span };
  }

  /** The expansions of `mv-expand` or `mv-apply`, and which columns of the result they fill. */
  #expand(
    node: SyntaxNode,
    input: Plan,
    cx: Context,
    span: Span,
  ): { readonly plan: Plan; readonly expanded: ReadonlySet<number> } {
    const parameters = this.#parameters(node['Parameters']);
    const bagKind = this.#parameterText(parameters.get('bagexpansion') ?? parameters.get('kind'), cx)?.toLowerCase();
    const indexName = this.#parameterText(parameters.get('with_itemindex'), cx);
    const columns = [...input.columns];
    const expansions: { expression: Expression; type: ScalarType; column: number }[] = [];
    const names = new Names(input.columns.map((column) => column.name));
    for (const item of elementsOf(node['Expressions'])) {
      const value: SyntaxNode = item['Expression'] ?? item;
      const type = item['ToTypeOf'] ? typeName(item['ToTypeOf'].TypeOf) : 'dynamic';
      const named = this.kusto.kindOf(value) === 'SimpleNamedExpression';
      const expression = this.#scalars.lower(value, cx);
      const name = named ? String(value['Name'].SimpleName) : (this.kusto.resultName(value) ?? names.column());
      let column = columnIndex(columns, name);
      if (column < 0) column = columns.push({ name, type }) - 1;
      else columns[column] = { name, type };
      expansions.push({ expression, type, column });
    }
    let indexColumn: number | undefined;
    if (indexName !== undefined) {
      indexColumn = columns.push({ name: names.unique(indexName), type: 'long' }) - 1;
    }
    const limit = node['RowLimitClause'] ? this.#scalars.lower(node['RowLimitClause'].RowLimit, cx) : undefined;
    const plan: Plan = {
      op: 'expand',
      input,
      expansions,
      limit,
      bagAsArray: bagKind === 'array',
      indexColumn,
      columns,
      span,
    };
    return { plan, expanded: new Set(expansions.map((expansion) => expansion.column)) };
  }

  #apply(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const id = ++this.#groups;
    const groupName = `$group${id}`;
    const numbered: Plan = {
      op: 'project',
      input,
      expressions: [
        ...input.columns.map((_, index) => columnOf(input.columns, index, span)),
        { kind: 'call', name: 'row_number', args: [], type: 'long', span },
      ],
      columns: [...input.columns, { name: groupName, type: 'long' }],
      span,
    };
    const { plan: expandedPlan, expanded } = this.#expand(node, numbered, { ...cx, columns: numbered.columns }, span);
    const group: Plan = { op: 'group', id, columns: expandedPlan.columns, span };
    const subquery: SyntaxNode = node['Subquery'].Expression;
    const body = this.#visibleOnly(this.#pipeline(subquery, group, { ...cx, columns: expandedPlan.columns }));
    const groupColumn = columnIndex(expandedPlan.columns, groupName);
    const bodyNames = new Set(body.columns.map((column) => column.name));
    const outer = input.columns.flatMap((column, index) =>
      expanded.has(index) || bodyNames.has(column.name) ? [] : [index],
    );
    const columns = [...outer.map((index) => input.columns[index]!), ...body.columns];
    const applied: Plan = { op: 'apply', id, input: expandedPlan, groupColumn, body, outer, columns, span };
    // Kusto keeps the input's columns where they were; those that the sub-query gives stand in their places.
    const order: number[] = [];
    for (const column of input.columns) {
      const index = columnIndex(columns, column.name);
      if (index >= 0 && !isExpandedName(column.name, expandedPlan.columns, expanded)) order.push(index);
    }
    for (let index = 0; index < columns.length; index++) if (!order.includes(index)) order.push(index);
    return order.every((index, i) => index === i) ? applied : this.#pick(applied, order, span);
  }

  /** `partition by Column (sub-query)`: the sub-query over the rows of each value of the column. */
  #partition(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const key = this.#scalars.lower(node['ByExpression'], cx);
    const operand: SyntaxNode = node['Operand'];
    if (key.kind !== 'column' || this.kusto.kindOf(operand) !== 'PartitionSubquery') {
      this.refuse(node, cx, 'partition takes a column and a sub-query in parentheses');
      return this.#standIn(node, cx);
    }
    const id = ++this.#groups;
    const group: Plan = { op: 'group', id, columns: input.columns, span };
    const body = this.#pipeline(operand['Subquery'], group, cx);
    return { op: 'apply', id, input, groupColumn: key.index, body, outer: [], columns: body.columns, span };
  }

  #scanSteps(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    if (!cx.serialized)
      this.reject(
        node,
        cx,
        'scan needs rows in an order: the input is not serialized',
        'sort the rows first, or add | serialize',
      );
    if (node['PartitionByClause'])
      this.refuse(
        node['PartitionByClause'],
        cx,
        'scan ... partition by is not supported',
        'use partition by Column (scan ...)',
      );
    if (node['OrderByClause'])
      this.refuse(node['OrderByClause'], cx, 'scan ... order by is not supported', 'sort the rows first');
    const matchId = this.#parameterText(this.#parameters(node['Parameters']).get('with_match_id'), cx);
    const visible = this.#visibleOnly(input);
    const declared = elementsOf(node['DeclareClause']?.Declarations).map((declaration) => {
      const typed: SyntaxNode = declaration['NameAndType'];
      const type = typeOfKeyword(String(typed['Type']?.Type?.Text ?? '')) ?? 'dynamic';
      const given: SyntaxNode | undefined = declaration['DefaultValue']?.Value;
      const value = given && convert(this.#scalars.lower(given, { ...cx, columns: [] }), type);
      if (value && value.kind !== 'literal') this.refuse(given, cx, 'the default of a scan column must be constant');
      const fallback = value?.kind === 'literal' ? value.value : type === 'string' ? '' : null;
      return { column: { name: String(typed['Name'].SimpleName), type }, fallback };
    });
    const columns = [...visible.columns, ...declared.map(({ column }) => column)];
    const stepNodes = elementsOf(node['Steps']);
    const steps = new Map(
      stepNodes.map((step, index) => [String(step['Name'].SimpleName), columns.length * (index + 1)] as const),
    );
    const inner: Context = { ...cx, columns, steps, serialized: false };
    const lowered = stepNodes.map((step) => {
      const output = String(step['ScanStepOutput']?.OutputKind?.Text ?? 'all').toLowerCase();
      if (output === 'last') this.refuse(step['ScanStepOutput'], cx, 'scan steps with output=last are not supported');
      if (step['OptionalKeyword']?.Text) this.refuse(step, cx, 'optional scan steps are not supported');
      const assignments = elementsOf(step['ComputationClause']?.Assignments).map((assignment) => {
        const name = String(assignment['Name'].SimpleName);
        const index = declared.findIndex(({ column }) => column.name === name);
        if (index < 0) this.reject(assignment, cx, `'${name}' is not declared by this scan`);
        const expression = this.#scalars.lower(assignment['Expression'], inner);
        return {
          declared: index,
          expression: index < 0 ? expression : convert(expression, declared[index]!.column.type),
        };
      });
      return { condition: this.#scalars.lower(step['Condition'], inner), assignments, emits: output !== 'none' };
    });
    const output = matchId === undefined ? columns : [...columns, { name: matchId, type: 'long' as const }];
    const options = { declared, steps: lowered, withMatchId: matchId !== undefined };
    return { op: 'plugin', name: 'scan', input: visible, args: [], options, columns: output, span };
  }

  /** `ipv4_lookup(Table, Address, Network, Keys ..., return_unmatched)`. */
  #networkLookup(node: SyntaxNode, name: string, input: Plan, cx: Context, span: Span): Plan {
    const nodes = elementsOf(node['FunctionCall'].ArgumentList?.Expressions);
    const [tableNode, addressNode, networkNode, ...rest] = nodes;
    const isFlag = (arg: SyntaxNode): boolean =>
      this.kusto.kindOf(arg) === 'SimpleNamedExpression' || boundType(arg) === 'bool';
    const keyNodes = rest.filter((arg) => !isFlag(arg));
    const flag = rest.find(isFlag);
    const lookup = this.#visibleOnly(this.table(tableNode!, { ...cx, columns: [] }));
    if (scannedTables(lookup).length > 0) {
      this.refuse(
        tableNode!,
        cx,
        `${name} with a table of logs is not supported`,
        'give the networks as datatable, watchlist or external data',
      );
    }
    const indexIn = (arg: SyntaxNode): number => {
      const index = columnIndex(lookup.columns, String(arg['SimpleName'] ?? ''));
      if (index < 0) this.reject(arg, cx, `this is no column of the lookup table`);
      return index;
    };
    const unmatched = flag && this.#scalars.lower(flag, { ...cx, columns: [] });
    const options = {
      lookup: pruneColumns(lookup),
      network: indexIn(networkNode!),
      keys: keyNodes.map(indexIn),
      lookupFirst: name === 'ipv6_lookup',
      returnUnmatched: unmatched?.kind === 'literal' && unmatched.value === true,
    };
    const visible = this.#visibleOnly(input);
    const inner: Context = { ...cx, columns: visible.columns };
    const args = [addressNode!, ...keyNodes].map((arg) => this.#scalars.lower(arg, inner));
    const names = new Names([]);
    const parts = options.lookupFirst ? [lookup.columns, visible.columns] : [visible.columns, lookup.columns];
    const columns = parts.flat().map(({ name: column, type }) => ({
      name: names.unique(column),
      type,
    }));
    return { op: 'plugin', name, input: visible, args, options, columns, span };
  }

  #topHitters(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const [key] = this.#outputs([node['OfExpression']], cx);
    const by: SyntaxNode | undefined = node['ByClause']?.Expression;
    const weight = by && this.#scalars.lower(by, cx);
    const aggregate: Aggregate = weight
      ? { function: 'sum', args: [weight], type: weight.type === 'int' ? 'long' : weight.type, span }
      : { function: 'count', args: [], type: 'long', span };
    const name = by ? `approximate_sum_${this.#resultName(by, cx) ?? ''}` : `approximate_count_${key!.name}`;
    const columns: ColumnInfo[] = [
      { name: key!.name, type: key!.expression.type },
      { name, type: aggregate.type },
    ];
    const counted: Plan = { op: 'summarize', input, keys: [key!.expression], aggregates: [aggregate], columns, span };
    return this.#topOf(counted, 1, true, this.#scalars.lower(node['Expression'], cx), span);
  }

  /** The `count` rows of `plan` with the greatest (or least) values in the column at `index`; all where no count is given. */
  #topOf(plan: Plan, index: number, descending: boolean, count: Expression | undefined, span: Span): Plan {
    const key: SortKey = { expression: columnOf(plan.columns, index, span), descending, nullsFirst: !descending };
    const sorted: Plan = { op: 'sort', input: plan, keys: [key], columns: plan.columns, span };
    return count ? { op: 'take', input: sorted, count, columns: plan.columns, span } : sorted;
  }

  /**
   * `top-nested`: level by level, the top values of an expression among the rows that the levels before chose. Each level
   * numbers its result rows; the next joins the source to them, aggregates by that number and its own key, takes the top
   * of each number, and joins what it found to the levels before.
   */
  #topNested(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const id = `$group${++this.#groups}`;
    const numbered = (plan: Plan): Plan => ({
      op: 'project',
      input: plan,
      expressions: [
        ...plan.columns.map((_, index) => columnOf(plan.columns, index, span)),
        { kind: 'call', name: 'row_number', args: [], type: 'long', span },
      ],
      columns: [...plan.columns, { name: id, type: 'long' }],
      span,
    });
    const names = new Names([]);
    const keyExpressions: Expression[] = [];
    let chosen: Plan | undefined;
    for (const clause of elementsOf(node['Clauses'])) {
      if (clause['WithOthersClause'])
        this.refuse(clause['WithOthersClause'], cx, 'top-nested ... with others is not supported');
      const count = clause['Expression']
        ? this.#scalars.lower(clause['Expression'], { ...cx, columns: [] })
        : undefined;
      const [key] = this.#outputs([clause['OfExpression']], cx);
      let by: SyntaxNode = clause['ByExpression'];
      let descending = true;
      if (this.kusto.kindOf(by) === 'OrderedExpression') {
        descending = String(by['Ordering']?.AscOrDescKeyword?.Text ?? '').toLowerCase() !== 'asc';
        by = by['Expression'];
      }
      const named = this.kusto.kindOf(by) === 'SimpleNamedExpression';
      const call: SyntaxNode = named ? by['Expression'] : by;
      const [found] = this.#isAggregate(call, cx) ? this.#aggregates(call, cx, new Set()) : [];
      if (!found) {
        this.refuse(by, cx, 'top-nested orders by one aggregate');
        return this.#standIn(node, cx);
      }
      const keyColumn: ColumnInfo = { name: names.unique(key!.name), type: key!.expression.type };
      const valueName = named ? String(by['Name'].SimpleName) : `aggregated_${key!.name}`;
      const valueColumn: ColumnInfo = { name: names.unique(valueName), type: found.aggregate.type };
      if (!chosen) {
        const columns = [keyColumn, valueColumn];
        const first: Plan = {
          op: 'summarize',
          input,
          keys: [key!.expression],
          aggregates: [found.aggregate],
          columns,
          span,
        };
        chosen = numbered(this.#topOf(first, 1, descending, count, span));
      } else {
        const before: Plan = chosen;
        const numberAt = before.columns.length - 1;
        const number = columnOf(before.columns, numberAt, span);
        const source: Plan = {
          op: 'join',
          kind: 'inner',
          left: input,
          right: before,
          on: keyExpressions.map((left, level) => ({ left, right: columnOf(before.columns, level * 2, span) })),
          output: [
            ...input.columns.map((_, index) => ({ side: 'left' as const, index })),
            { side: 'right', index: numberAt },
          ],
          columns: [...input.columns, { name: id, type: 'long' }],
          span,
        };
        const counted: Plan = {
          op: 'summarize',
          input: source,
          keys: [columnOf(source.columns, input.columns.length, span), key!.expression],
          aggregates: [found.aggregate],
          columns: [{ name: id, type: 'long' }, keyColumn, valueColumn],
          span,
        };
        const groupId = ++this.#groups;
        const group: Plan = { op: 'group', id: groupId, columns: counted.columns, span };
        const top: Plan = {
          op: 'apply',
          id: groupId,
          input: counted,
          groupColumn: 0,
          body: this.#topOf(group, 2, descending, count, span),
          outer: [],
          columns: counted.columns,
          span,
        };
        chosen = numbered({
          op: 'join',
          kind: 'inner',
          left: before,
          right: top,
          on: [{ left: number, right: columnOf(top.columns, 0, span) }],
          output: [
            ...before.columns.slice(0, numberAt).map((_, index) => ({ side: 'left' as const, index })),
            { side: 'right', index: 1 },
            { side: 'right', index: 2 },
          ],
          columns: [...before.columns.slice(0, numberAt), keyColumn, valueColumn],
          span,
        });
      }
      keyExpressions.push(key!.expression);
    }
    return this.#visibleOnly(chosen!);
  }

  /** A sub-query without a source of its own: its operators, applied to `input`. */
  #pipeline(node: SyntaxNode, input: Plan, cx: Context): Plan {
    const kind = this.kusto.kindOf(node);
    if (kind === 'PipeExpression') {
      return this.#operator(node['Operator'], this.#pipeline(node['Expression'], input, cx), cx);
    }
    if (kind === 'ParenthesizedExpression') return this.#pipeline(node['Expression'], input, cx);
    return this.#operator(node, input, cx);
  }

  #parse(node: SyntaxNode, name: 'parse' | 'parse-where', input: Plan, cx: Context, span: Span): Plan {
    const parameters = this.#parameters(node['Parameters']);
    const mode = this.#parameterText(parameters.get('kind'), cx)?.toLowerCase() ?? 'simple';
    const flags = this.#parameterText(parameters.get('flags'), cx) ?? '';
    const text = convert(this.#scalars.lower(node['Expression'], cx), 'string');
    const columns = [...input.columns];
    const pattern: Record<string, unknown>[] = [];
    for (const part of elementsOf(node['Patterns'])) {
      const kind = this.kusto.kindOf(part);
      if (kind === 'StarExpression') pattern.push({ any: true });
      else if (kind === 'NameDeclaration' || kind === 'NameAndTypeDeclaration') {
        const columnName = String(kind === 'NameDeclaration' ? part['SimpleName'] : part['Name'].SimpleName);
        const type =
          kind === 'NameDeclaration' ? 'string' : (typeOfKeyword(String(part['Type']?.Type?.Text ?? '')) ?? 'string');
        let column = columnIndex(columns, columnName);
        if (column < 0) column = columns.push({ name: columnName, type }) - 1;
        else columns[column] = { name: columnName, type };
        pattern.push({ column, type });
      } else {
        const literalText = constantText(this.#scalars.lower(part, { ...cx, columns: [] }));
        if (literalText !== undefined) pattern.push({ text: literalText });
        else this.refuse(part, cx, 'a parse pattern takes constant texts');
      }
    }
    if (!this.#options.capabilities.hasPlugin(name)) this.refuse(node, cx, `the operator ${name} is not supported`);
    return { op: 'plugin', name, input, args: [text], options: { mode, flags, pattern }, columns, span };
  }

  #parseKv(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const text = convert(this.#scalars.lower(node['Expression'], cx), 'string');
    const columns = [...input.columns];
    const keys = this.#schema(node['Keys']).map(({ name, type }) => {
      let column = columnIndex(columns, name);
      if (column < 0) column = columns.push({ name, type }) - 1;
      else columns[column] = { name, type };
      return { key: name, column, type };
    });
    const properties = this.#parameters(node['WithClause']?.Properties);
    const property = (name: string): string | undefined => this.#parameterText(properties.get(name), cx);
    const options = {
      keys,
      pairDelimiter: property('pair_delimiter'),
      kvDelimiter: property('kv_delimiter'),
      quote: property('quote'),
      escape: property('escape'),
      greedy: property('greedy')?.toLowerCase() === 'true',
    };
    if (!options.pairDelimiter || !options.kvDelimiter) {
      const hint = "with (pair_delimiter=' ', kv_delimiter='=')";
      this.refuse(node, cx, 'parse-kv without pair_delimiter and kv_delimiter is not supported', hint);
    }
    if (!this.#options.capabilities.hasPlugin('parse-kv'))
      this.refuse(node, cx, 'the operator parse-kv is not supported');
    return { op: 'plugin', name: 'parse-kv', input, args: [text], options, columns, span };
  }

  #makeSeries(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const keys = this.#outputs(elementsOf(node['ByClause']?.Expressions), cx);
    const names = new Names(keys.map((key) => key.name));
    const aggregates: (Aggregate & { fallback: Value })[] = [];
    const series: ColumnInfo[] = [];
    /** What each series is of its aggregates, and those: `sum(x) / count()`. */
    const cells: Expression[] = [];
    const parts: Aggregate[] = [];
    const addPart = (aggregate: Aggregate): Expression => {
      const index = keys.length + parts.push(aggregate) - 1;
      return { kind: 'column', index, type: aggregate.type, span: aggregate.span };
    };
    let plain = true;
    for (const item of elementsOf(node['Aggregates'])) {
      const wrapped = this.kusto.kindOf(item) === 'MakeSeriesExpression' ? (item['Expression'] as SyntaxNode) : item;
      const named = this.kusto.kindOf(wrapped) === 'SimpleNamedExpression';
      const call: SyntaxNode = named ? wrapped['Expression'] : wrapped;
      const isAggregate = this.#isAggregate(call, cx);
      const [found] = isAggregate ? this.#aggregates(call, cx, new Set()) : [];
      if (isAggregate && !found) continue;
      const cell = found
        ? addPart(found.aggregate)
        : this.#scalars.lower(call, {
            ...cx,
            columns: [],
            aggregate: (inner) => {
              const [part] = this.#isAggregate(inner, cx) ? this.#aggregates(inner, cx, new Set()) : [];
              return part && addPart(part.aggregate);
            },
          });
      plain &&= isAggregate;
      cells.push(cell);
      const fallbackNode: SyntaxNode | undefined = item['DefaultExpression']?.Expression;
      let fallback: Value = 0n;
      if (fallbackNode) {
        const value = this.#scalars.lower(fallbackNode, { ...cx, columns: [] });
        if (value.kind === 'literal') fallback = value.value;
        else this.refuse(fallbackNode, cx, 'the default of a series must be constant');
      }
      if (cell.type === 'real' && typeof fallback === 'bigint') fallback = Number(fallback);
      const name = named
        ? String(wrapped['Name'].SimpleName)
        : found?.name === undefined
          ? names.column()
          : names.unique(found.name);
      const value: Aggregate = found?.aggregate ?? { function: 'take_any_row', args: [], type: cell.type, span };
      aggregates.push({ ...value, fallback });
      series.push({ name, type: 'dynamic' });
    }
    const [axisOutput] = this.#outputs([node['OnClause'].Expression], cx);
    const range: SyntaxNode = node['RangeClause'];
    const bare = { ...cx, columns: [] };
    let bounds: (SyntaxNode | undefined)[];
    if (this.kusto.kindOf(range) === 'MakeSeriesInRangeClause') bounds = elementsOf(range['Arguments'].Expressions);
    else
      bounds = [
        range['MakeSeriesFromClause']?.Expression,
        range['MakeSeriesToClause']?.Expression,
        range['MakeSeriesStepClause']?.Expression,
      ];
    let [from, to, step] = bounds.map((bound) => bound && this.#scalars.lower(bound, bare));
    if (this.kusto.kindOf(range) === 'MakeSeriesInRangeClause' && from && to && step) {
      // The older form: bins count from zero, and the one that the end falls into is the last.
      // https://learn.microsoft.com/kusto/query/make-series-operator
      const { type } = axisOutput!.expression;
      const binned = (bound: Expression): Expression =>
        this.#scalars.make('bin', [convert(bound, type), step!], type, span);
      [from, to] = [binned(from), this.#scalars.make('+', [binned(to), step], type, span)];
    }
    const { type: axisType } = axisOutput!.expression;
    if (!isCountable(axisType)) {
      this.refuse(node['OnClause'], cx, `an axis of type ${axisType} is not supported`);
    }
    if (step && !isCountable(step.type)) {
      this.reject(range, cx, `the step of make-series is a number or a timespan, found ${step.type}`);
    }
    const plan: Extract<Plan, { op: 'series' }> = {
      op: 'series',
      input,
      keys: keys.map((key) => key.expression),
      aggregates,
      axis: axisOutput!.expression,
      from: from && convert(from, axisType),
      to: to && convert(to, axisType),
      step: step ?? literal(1n, 'long', span),
      columns: [
        ...keys.map((key) => ({ name: key.name, type: key.expression.type })),
        ...series,
        { name: names.unique(axisOutput!.name), type: 'dynamic' },
      ],
      span,
    };
    return plain ? plan : this.#seriesOfCells(plan, parts, cells, span);
  }

  /** A series of expressions over aggregates: the aggregates by key and bin first, then each bin's expression. */
  #seriesOfCells(
    plan: Extract<Plan, { op: 'series' }>,
    parts: readonly Aggregate[],
    cells: readonly Expression[],
    span: Span,
  ): Plan {
    const { input, keys, axis, from, step } = plan;
    const bin = from
      ? this.#scalars.make('bin_at', [axis, step, from], axis.type, span)
      : this.#scalars.make('bin', [axis, step], axis.type, span);
    const binIndex = keys.length;
    const binned: Plan = {
      op: 'summarize',
      input,
      keys: [...keys, bin],
      aggregates: parts,
      columns: [
        ...plan.columns.slice(0, binIndex),
        { name: '$bin', type: axis.type },
        ...parts.map(({ type }, index) => ({ name: `$${index}`, type })),
      ],
      span,
    };
    // The parts stand behind the bin.
    const shifted = (expression: Expression): Expression =>
      expression.kind === 'column'
        ? columnOf(binned.columns, expression.index + 1, expression.span)
        : expression.kind === 'call'
          ? { ...expression, args: expression.args.map(shifted) }
          : expression;
    const passed = Array.from({ length: binIndex + 1 }, (_, index) => columnOf(binned.columns, index, span));
    const values: Plan = {
      op: 'project',
      input: binned,
      expressions: [...passed, ...cells.map(shifted)],
      columns: [
        ...binned.columns.slice(0, binIndex + 1),
        ...cells.map(({ type }, index) => ({ name: `$${index}`, type })),
      ],
      span,
    };
    return {
      ...plan,
      input: values,
      keys: passed.slice(0, binIndex),
      axis: passed[binIndex]!,
      aggregates: plan.aggregates.map(({ fallback, type }, index) => ({
        function: 'take_any_row',
        args: [columnOf(values.columns, binIndex + 1 + index, span)],
        type,
        span,
        fallback,
      })),
    };
  }

  /** An argument of a plugin; an aggregate among them is a call by the aggregate's name. */
  #pluginArgument(node: SyntaxNode, cx: Context): Expression {
    const value: SyntaxNode = this.kusto.kindOf(node) === 'SimpleNamedExpression' ? node['Expression'] : node;
    if (!this.#isAggregate(value, cx)) return this.#scalars.lower(value, cx);
    const [found] = this.#aggregates(value, cx, new Set());
    if (!found) return literal(null, 'dynamic', this.span(node, cx));
    const { function: name, args, type, span } = found.aggregate;
    return { kind: 'call', name, args, type, span };
  }

  #evaluate(node: SyntaxNode, input: Plan, cx: Context, span: Span): Plan {
    const call: SyntaxNode = node['FunctionCall'];
    const name = String(call['Name'].SimpleName);
    if (!this.#options.capabilities.hasPlugin(name)) {
      this.refuse(call['Name'], cx, `the plugin ${name} is not supported`);
      return this.#standIn(node, cx);
    }
    if (name === 'ipv4_lookup' || name === 'ipv6_lookup') return this.#networkLookup(node, name, input, cx, span);
    const visible = this.#visibleOnly(input);
    const inner: Context = { ...cx, columns: visible.columns };
    const args = elementsOf(call['ArgumentList']?.Expressions).map((arg) => this.#pluginArgument(arg, inner));
    // The names of arguments such as the states of sequence_detect.
    const argumentNames = elementsOf(call['ArgumentList']?.Expressions).map((arg) =>
      this.kusto.kindOf(arg) === 'SimpleNamedExpression' ? String(arg['Name'].SimpleName) : undefined,
    );
    const bare: Plan = { op: 'plugin', name, input: visible, args, options: { argumentNames }, columns: [], span };
    const schema: SyntaxNode | undefined = node['Schema']?.Schema;
    const symbol = node['ResultType'];
    let columns: readonly ColumnInfo[] | undefined;
    if (schema) {
      const kept = schema['AsteriskToken'] ? visible.columns : [];
      const own = this.#schema(schema);
      columns = [...kept.filter((column) => columnIndex(own, column.name) < 0), ...own];
    } else if (name === 'bag_unpack' || name === 'pivot' || name === 'narrow' || symbol?.IsOpen) {
      columns = this.#options.discover?.(pruneColumns(bare));
      if (columns) this.insertions.push({ offset: call.End + cx.base, text: ` : (${schemaText(columns)})` });
    } else {
      columns = listOf(symbol?.Columns).map((column) => ({
        name: String(column['Name']),
        type: typeOfSymbol(column['Type']) ?? ('dynamic' as const),
      }));
    }
    if (!columns) {
      this.refuse(
        call,
        cx,
        `the columns of ${name} depend on the data`,
        `a replay finds them out; without data, say them: evaluate ${name}(...) : (*, Name:string, ...)`,
      );
      return this.#standIn(node, cx);
    }
    return { ...bare, columns };
  }
}

/** Names given so far in one list of columns; a name that is taken gets the first number that makes it free. */
class Names {
  readonly #taken: Set<string>;
  #columns = 0;

  constructor(taken: Iterable<string>) {
    this.#taken = new Set(taken);
  }

  reserve(name: string): void {
    this.#taken.add(name);
  }

  unique(name: string): string {
    let candidate = name;
    for (let n = 1; this.#taken.has(candidate); n++) candidate = `${name}${n}`;
    this.#taken.add(candidate);
    return candidate;
  }

  /** The next free of `Column1`, `Column2` ... */
  column(): string {
    let candidate: string;
    do candidate = `Column${++this.#columns}`;
    while (this.#taken.has(candidate));
    this.#taken.add(candidate);
    return candidate;
  }
}

function indexesOf(columns: readonly ColumnInfo[]): number[] {
  return columns.map((_, index) => index);
}

function visibleIndexes(columns: readonly ColumnInfo[]): number[] {
  return columns.flatMap((column, index) => (isHidden(column.name) ? [] : [index]));
}

function isExpandedName(name: string, columns: readonly ColumnInfo[], expanded: ReadonlySet<number>): boolean {
  return [...expanded].some((index) => columns[index]!.name === name);
}

function isWildcard(node: SyntaxNode): boolean {
  return (
    String(node['Name']?.constructor?.$$name ?? '').endsWith('WildcardedName') ||
    String(node['SimpleName'] ?? '').includes('*')
  );
}

function wildcard(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Order in which digits at the end count as a number: `c2` before `c10`. */
function compareGranny(a: string, b: string): number {
  const [, aHead = '', aTail = ''] = /^(.*?)(\d*)$/s.exec(a) ?? [];
  const [, bHead = '', bTail = ''] = /^(.*?)(\d*)$/s.exec(b) ?? [];
  return compareText(aHead, bHead) || Number(aTail) - Number(bTail);
}

/** Values that stand on an axis at equal distances. */
function isCountable(type: ScalarType): boolean {
  return type === 'int' || type === 'long' || type === 'real' || type === 'datetime' || type === 'timespan';
}

function oneRow(span: Span): Plan {
  return { op: 'rows', columns: [], rows: [[]], span };
}

/** A cell as a value of another type, by Kusto's conversions; null where it is none. */
function converted(value: Value, from: ScalarType, to: ScalarType): Value {
  if (value === null || from === to) return literalAs(value, to);
  const convertTo = scalarFunction(to === 'dynamic' ? 'parse_json' : `to${to}`);
  return convertTo ? literalAs(convertTo.call([value], [from], to, 0n), to) : null;
}

function literalAs(value: Value, type: ScalarType): Value {
  if (value === null) return type === 'string' ? '' : null;
  return type === 'real' && typeof value === 'bigint' ? Number(value) : value;
}

/** The .NET type names that `getschema` shows. */
const DATA_TYPES: Readonly<Record<ScalarType, string>> = {
  bool: 'System.SByte',
  int: 'System.Int32',
  long: 'System.Int64',
  real: 'System.Double',
  decimal: 'System.Data.SqlTypes.SqlDecimal',
  datetime: 'System.DateTime',
  timespan: 'System.TimeSpan',
  string: 'System.String',
  guid: 'System.Guid',
  dynamic: 'System.Object',
};

function getSchema(input: Plan, span: Span): Plan {
  const rows = visibleIndexes(input.columns).map((index, ordinal): Value[] => {
    const { name, type } = input.columns[index]!;
    return [name, BigInt(ordinal), DATA_TYPES[type], type];
  });
  const columns: ColumnInfo[] = [
    { name: 'ColumnName', type: 'string' },
    { name: 'ColumnOrdinal', type: 'int' },
    { name: 'DataType', type: 'string' },
    { name: 'ColumnType', type: 'string' },
  ];
  return { op: 'rows', rows, columns, span };
}

function schemaText(columns: readonly ColumnInfo[]): string {
  return columns.map(({ name, type }) => `['${name.replace(/['\\]/g, '\\$&')}']:${type}`).join(', ');
}

function isTableSymbol(symbol: unknown): boolean {
  const name = String((symbol as { constructor?: { $$name?: string } } | null)?.constructor?.$$name ?? '');
  return name.endsWith('TableSymbol') || (name.endsWith('GroupSymbol') && !name.includes('Entity'));
}

function operatorName(node: SyntaxNode, kind: string): string {
  const first = node.ChildCount > 0 ? node.GetChild(0) : null;
  return first?.IsToken && first['Text'] ? String(first['Text']) : kind;
}

function textHead(node: SyntaxNode): string {
  return operatorName(node, 'statement');
}
