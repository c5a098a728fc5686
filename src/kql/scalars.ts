/**
 * Scalar expressions of the syntax tree as expressions of the plan: names become column indexes, `let` values and function
 * bodies are put in place, every spelling of a path becomes `path`, implicit conversions become calls. The binder has
 * already checked names and types; what it leaves open (`dynamic` arithmetic, columns of a bag) is typed here.
 */
import { TocsinError } from '../base/errors.ts';
import type { ColumnInfo } from '../columns/batch.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType, type Value } from '../columns/value.ts';
import { compileRegex } from '../engine/functions/regex.ts';
import type { Expression, Plan, Span } from '../plan/plan.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { boundType, elementsOf, type Kusto, type SyntaxNode, typeOfSymbol } from './kusto.ts';
import { dynamicLiteral, isLiteralKind, scalarLiteral } from './literals.ts';

/** What a `let` name stands for. */
export type Binding =
  | { readonly kind: 'scalar'; readonly expression: Expression }
  | { readonly kind: 'table'; readonly plan: Plan }
  | { readonly kind: 'function'; readonly declaration: SyntaxNode; readonly base: number; readonly scope: Scope };

/** Names in force at a place of the query; inner scopes hide outer ones. */
export class Scope {
  readonly parent: Scope | undefined;
  readonly #names = new Map<string, Binding>();

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  set(name: string, binding: Binding): void {
    this.#names.set(name, binding);
  }

  get(name: string): Binding | undefined {
    return this.#names.get(name) ?? this.parent?.get(name);
  }

  /** Whether some binding in force here is such. */
  some(test: (binding: Binding) => boolean): boolean {
    return [...this.#names.values()].some(test) || (this.parent?.some(test) ?? false);
  }
}

/** Where an expression stands: the names in force, the columns of the rows at hand, and where its tree starts in the text. */
export interface Context {
  readonly scope: Scope;
  readonly columns: readonly ColumnInfo[];
  /** Added to a node's offsets: bodies of called functions are trees of their own that start at 0. */
  readonly base: number;
  /** How many function bodies this one stands in. */
  readonly depth: number;
  /** The rows stand in an order of their own (sorted, serialized), which functions over neighbours need. */
  readonly serialized: boolean;
  /** Inside `scan`: where the columns of each step's last row start among those of the virtual row. */
  readonly steps?: ReadonlyMap<string, number>;
  /** Inside `summarize`: the column that holds an aggregate call's result; undefined where the call is no aggregate. */
  readonly aggregate?: (call: SyntaxNode) => Expression | undefined;
}

/** What scalar lowering needs from the lowering of tables. */
export interface Lowering {
  readonly kusto: Kusto;
  /** Where a node stands in the query text. */
  span(node: SyntaxNode, cx: Context): Span;
  /** Notes that something is not supported. */
  refuse(node: SyntaxNode, cx: Context, message: string, hint?: string): void;
  /** Notes that something is wrong by the rules of KQL though the parser let it pass. */
  reject(node: SyntaxNode, cx: Context, message: string, hint?: string): void;
  table(node: SyntaxNode, cx: Context): Plan;
  isTabular(node: SyntaxNode, cx: Context): boolean;
  /** Whether the engine has a scalar function of this name. */
  hasFunction(name: string): boolean;
  callFunction(node: SyntaxNode, cx: Context): { readonly body: SyntaxNode; readonly cx: Context } | undefined;
}

/** Names that Kusto still takes for functions and operators that have a newer one. */
export const CANONICAL_FUNCTIONS: Readonly<Record<string, string>> = {
  iif: 'iff',
  pack: 'bag_pack',
  pack_dictionary: 'bag_pack',
  columnifexists: 'column_ifexists',
  todynamic: 'parse_json',
  toobject: 'parse_json',
  parsejson: 'parse_json',
  extractjson: 'extract_json',
  extractall: 'extract_all',
  todouble: 'toreal',
  toboolean: 'tobool',
  totime: 'totimespan',
  replace: 'replace_regex',
  datepart: 'datetime_part',
  notnull: 'isnotnull',
  notempty: 'isnotempty',
  weekofyear: 'week_of_year',
  parseurl: 'parse_url',
  parseurlquery: 'parse_urlquery',
  base64_encodestring: 'base64_encode_tostring',
  base64_decodestring: 'base64_decode_tostring',
  to_utf8: 'unicode_codepoints_from_string',
  make_string: 'unicode_codepoints_to_string',
  arraylength: 'array_length',
  array_strcat: 'strcat_array',
  array_iif: 'array_iff',
  floor: 'bin',
  merge_tdigest: 'tdigest_merge',
  row_rank: 'row_rank_dense',
  array_sum: 'series_sum',
};

const CANONICAL_OPERATORS: Readonly<Record<string, string>> = {
  '<>': '!=',
  ':': 'has',
  notcontains: '!contains',
  containscs: 'contains_cs',
  notcontainscs: '!contains_cs',
  'not has': '!has',
};

/** Types that the engine of Kusto gives where the library says otherwise. */
const CORRECTED_TYPES: Readonly<Record<string, ScalarType>> = {
  hourofday: 'long',
  monthofyear: 'long',
  jaccard_index: 'real',
};

/** Functions that look at the rows before and after. */
const ROW_ORDER_FUNCTIONS = new Set([
  'prev',
  'next',
  'row_number',
  'row_cumsum',
  'row_rank_dense',
  'row_rank_min',
  'row_window_session',
]);

const CONVERSIONS: Readonly<Record<ScalarType, string>> = {
  bool: 'tobool',
  int: 'toint',
  long: 'tolong',
  real: 'toreal',
  decimal: 'todecimal',
  datetime: 'todatetime',
  timespan: 'totimespan',
  string: 'tostring',
  guid: 'toguid',
  dynamic: 'parse_json',
};

const BOOLEAN_OPERATORS = new Set(['and', 'or', '==', '!=', '<', '<=', '>', '>=', '=~', '!~', 'in', 'matches regex']);
const EQUALITIES = new Set(['==', '!=', 'in', '!in']);
/** Columns that a search term may be found in. */
const SEARCHED_TYPES = new Set<ScalarType>(['string', 'dynamic', 'guid', 'int', 'long']);
const TEXT_COMPARABLE = new Set<ScalarType>(['int', 'long', 'real', 'decimal', 'bool', 'datetime', 'timespan', 'guid']);

/** `expression` as a value of `type`; the expression itself where it has that type already. */
export function convert(expression: Expression, type: ScalarType): Expression {
  if (expression.type === type || type === 'dynamic') return expression;
  if (expression.kind === 'literal') {
    const value = convertLiteral(expression.value, expression.type, type);
    if (value !== undefined) return { ...expression, value, type };
  }
  return { kind: 'call', name: CONVERSIONS[type], args: [expression], type, span: expression.span };
}

function convertLiteral(value: Value, from: ScalarType, to: ScalarType): Value | undefined {
  if (value === null) return to === 'string' ? '' : null;
  if (from === 'int' && to === 'long') return value;
  if (from === 'long' && to === 'int') return BigInt.asIntN(32, value as bigint) === value ? value : undefined;
  if ((from === 'int' || from === 'long') && to === 'real') return Number(value);
  if ((from === 'int' || from === 'long') && to === 'string') return (value as bigint).toString();
  return undefined;
}

/** The text of a constant string or number; undefined for anything else. */
export function constantText(expression: Expression): string | undefined {
  if (expression.kind !== 'literal') return undefined;
  const { value } = expression;
  return typeof value === 'string'
    ? value
    : typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'number'
      ? value.toString()
      : undefined;
}

/** The column in which `search` says where it found a row. */
export const SEARCHED_TABLE = '$table';

/** Whether a column is carried along unseen: the ingestion time, and the numbers of groups. */
export function isHidden(name: string): boolean {
  return name === INGESTION_TIME || name.startsWith('$group');
}

/** The index of a column by its exact name, or -1. */
export function columnIndex(columns: readonly ColumnInfo[], name: string): number {
  return columns.findIndex((column) => column.name === name);
}

export function literal(value: Value, type: ScalarType, span: Span): Expression {
  return { kind: 'literal', value, type, span };
}

export function columnOf(columns: readonly ColumnInfo[], index: number, span: Span): Expression {
  return { kind: 'column', index, type: columns[index]!.type, span };
}

/** Lowers scalar expressions for one compilation. */
export class ScalarLowering {
  readonly #host: Lowering;

  constructor(host: Lowering) {
    this.#host = host;
  }

  span(node: SyntaxNode, cx: Context): Span {
    return this.#host.span(node, cx);
  }

  /** The expression of a scalar node. What cannot be lowered is reported to the host and stands as a null. */
  lower(node: SyntaxNode, cx: Context): Expression {
    const { kusto } = this.#host;
    const kind = kusto.kindOf(node);
    const span = this.span(node, cx);
    if (isLiteralKind(kind)) {
      const found = scalarLiteral(kusto, node);
      if (found) return literal(found.value, found.type, span);
      this.#host.reject(node, cx, 'this literal has no value of its type');
      return literal(null, boundType(node) ?? 'dynamic', span);
    }
    switch (kind) {
      case 'ParenthesizedExpression':
        return this.lower(node['Expression'], cx);
      case 'SimpleNamedExpression':
        return this.lower(node['Expression'], cx);
      case 'NullLiteralExpression':
        return literal(null, boundType(node) ?? 'dynamic', span);
      case 'DynamicExpression': {
        const value = dynamicLiteral(kusto, node);
        if (value === undefined) this.#host.reject(node, cx, 'dynamic(...) takes constants only');
        const constant = this.#dynamicConstant(value ?? null, span);
        if (constant.type === 'dynamic') return constant;
        return tupleMember(this.make('pack_array', [constant], 'dynamic', span), 0, 'dynamic', span);
      }
      case 'NameReference':
        return this.#name(node, cx);
      case 'PathExpression':
        return this.#path(node, cx);
      case 'ElementExpression':
        return this.#element(node, cx);
      case 'UnaryMinusExpression':
        return this.#minus(node, cx, span);
      case 'UnaryPlusExpression':
        return this.lower(node['Expression'], cx);
      case 'BetweenExpression':
      case 'NotBetweenExpression': {
        const name = kind === 'BetweenExpression' ? 'between' : '!between';
        const couple = node['Right'];
        const [value, low, high] = [node['Left'], couple.First, couple.Second].map((arg) => this.lower(arg, cx));
        // A range of time may be given by its start and its length.
        const isLength = low!.type === 'datetime' && high!.type === 'timespan';
        const last = isLength ? this.make('+', [low!, high!], 'datetime', this.span(couple.Second, cx)) : high!;
        return { kind: 'call', name, args: [value!, low!, last], type: 'bool', span };
      }
      case 'FunctionCallExpression':
        return this.#call(node, cx, span);
      case 'ToScalarExpression': {
        if (!this.#host.isTabular(node['Expression'], cx)) return this.lower(node['Expression'], cx);
        const plan = this.#host.table(node['Expression'], { ...cx, columns: [] });
        const type = plan.columns[0]?.type ?? boundType(node) ?? 'dynamic';
        return { kind: 'toscalar', plan, type, span };
      }
      case 'TypeOfLiteralExpression':
        return literal(typeName(node), 'string', span);
      default:
    }
    if (node['Left'] && node['Right'] && node['Operator']) return this.#operator(node, cx, span);
    this.#host.refuse(node, cx, `${describeKind(kind)} is not supported here`);
    return literal(null, boundType(node) ?? 'dynamic', span);
  }

  /**
   * A dynamic constant. Times inside it are objects of a class, which does not survive the way to a worker, so what holds
   * some is put together by calls.
   */
  #dynamicConstant(value: Dynamic, span: Span): Expression {
    if (!holdsTime(value)) return literal(value, 'dynamic', span);
    if (value instanceof DynamicDatetime) return literal(value.ticks, 'datetime', span);
    if (value instanceof DynamicTimespan) return literal(value.ticks, 'timespan', span);
    if (Array.isArray(value)) {
      return this.make(
        'pack_array',
        value.map((item) => this.#dynamicConstant(item, span)),
        'dynamic',
        span,
      );
    }
    const pairs = Array.from(value as Map<string, Dynamic>, ([key, item]) => [
      literal(key, 'string', span),
      this.#dynamicConstant(item, span),
    ]);
    return this.make('bag_pack', pairs.flat(), 'dynamic', span);
  }

  /** A call of a function or operator, typed by the binder where it knows, else by the arguments. */
  make(name: string, args: readonly Expression[], type: ScalarType, span: Span): Expression {
    return { kind: 'call', name, args, type, span };
  }

  #name(node: SyntaxNode, cx: Context): Expression {
    const name = String(node['SimpleName']);
    const span = this.span(node, cx);
    const symbolClass: string = node['ReferencedSymbol']?.constructor?.$$name ?? '';
    const index = columnIndex(cx.columns, name);
    const binding = cx.scope.get(name);
    // A column hides a let of the same name, unless the binder says that the name is a variable.
    const isVariable = symbolClass.endsWith('VariableSymbol') || symbolClass.endsWith('ParameterSymbol');
    if (index >= 0 && !(isVariable && binding)) return columnOf(cx.columns, index, span);
    if (binding?.kind === 'scalar') return binding.expression;
    if (binding?.kind === 'function') return this.#userCall(node, cx, span);
    if (binding?.kind === 'table')
      return { kind: 'toscalar', plan: binding.plan, type: binding.plan.columns[0]?.type ?? 'dynamic', span };
    if (name.startsWith('$')) this.#host.refuse(node, cx, `${name} cannot be used here`);
    else this.#host.reject(node, cx, `no column, variable or function is named '${name}' here`);
    return literal(null, boundType(node) ?? 'dynamic', span);
  }

  #path(node: SyntaxNode, cx: Context): Expression {
    const span = this.span(node, cx);
    const selector: SyntaxNode = node['Selector'];
    const kind = this.#host.kusto.kindOf(selector);
    const stepStart = cx.steps?.get(String(node['Expression'].SimpleName ?? ''));
    if (stepStart !== undefined && kind === 'NameReference') {
      const index = columnIndex(cx.columns, String(selector['SimpleName']));
      if (index >= 0) return { kind: 'column', index: stepStart + index, type: cx.columns[index]!.type, span };
    }
    const value = this.lower(node['Expression'], cx);
    if (kind === 'BracketedExpression') return this.#step(value, selector['Expression'], cx, span);
    if (kind === 'NameReference') {
      return this.make(
        'path',
        [value, literal(String(selector['SimpleName']), 'string', this.span(selector, cx))],
        'dynamic',
        span,
      );
    }
    this.#host.refuse(node, cx, 'this way of reaching into a value is not supported');
    return literal(null, 'dynamic', span);
  }

  #element(node: SyntaxNode, cx: Context): Expression {
    const selector: SyntaxNode = node['Selector'];
    // An index on a call that gives several values takes one of them: array_sort_asc(times, names)[1].
    const tuple = this.tuple(node['Expression'], cx);
    const value = tuple && tuple.types.length > 1 ? tuple.whole : this.lower(node['Expression'], cx);
    return this.#step(value, selector['Expression'] ?? selector, cx, this.span(node, cx));
  }

  #step(value: Expression, key: SyntaxNode, cx: Context, span: Span): Expression {
    return this.make('path', [value, this.lower(key, cx)], 'dynamic', span);
  }

  #minus(node: SyntaxNode, cx: Context, span: Span): Expression {
    const operand = this.lower(node['Expression'], cx);
    if (operand.kind === 'literal' && operand.value !== null) {
      if (operand.type === 'real') return literal(-(operand.value as number), 'real', span);
      if (operand.type === 'int' || operand.type === 'long' || operand.type === 'timespan') {
        return literal(BigInt.asIntN(operand.type === 'int' ? 32 : 64, -(operand.value as bigint)), operand.type, span);
      }
    }
    return this.make('-', [operand], boundType(node) ?? operand.type, span);
  }

  #operator(node: SyntaxNode, cx: Context, span: Span): Expression {
    const spelled = String(node['Operator'].Text).toLowerCase().replace(/\s+/g, ' ');
    const name = CANONICAL_OPERATORS[spelled] ?? spelled;
    const right: SyntaxNode = node['Right'];
    if (this.#host.kusto.kindOf(right) === 'ExpressionList') {
      return this.make(name, this.#candidates(name, node['Left'], elementsOf(right['Expressions']), cx), 'bool', span);
    }
    if (this.#host.kusto.kindOf(node['Left']) === 'StarExpression') {
      return this.#anyColumn(name, node['Left'], this.lower(right, cx), cx, span);
    }
    let args = [this.lower(node['Left'], cx), this.lower(right, cx)];
    if (EQUALITIES.has(name)) args = sameText(args);
    const isBoolean = BOOLEAN_OPERATORS.has(name) || !['+', '-', '*', '/', '%'].includes(name);
    if (!isBoolean && args.every((arg) => arg.type === 'dynamic' && !isNullLiteral(arg))) {
      this.#host.reject(
        node,
        cx,
        `${name} takes no two dynamic values`,
        'convert them first: tolong(...), toreal(...)',
      );
    }
    const complaint = complaintOf(name, args);
    if (complaint) this.#host.reject(node, cx, complaint);
    const type = isBoolean ? 'bool' : (boundType(node) ?? arithmeticType(name, args[0]!.type, args[1]!.type));
    return this.make(name, args, type, span);
  }

  /** `* has "x"`: true where it is true of some column. */
  #anyColumn(name: string, star: SyntaxNode, value: Expression, cx: Context, span: Span): Expression {
    const wanted = (type: ScalarType): boolean => value.type !== 'string' || type === 'string' || type === 'dynamic';
    const tests = cx.columns.flatMap((column, index): Expression[] =>
      isHidden(column.name) || !wanted(column.type)
        ? []
        : [this.make(name, [columnOf(cx.columns, index, this.span(star, cx)), value], 'bool', span)],
    );
    return this.disjunction(tests, span);
  }

  /** `a or b or ...`; false where there is nothing. */
  disjunction(tests: readonly Expression[], span: Span): Expression {
    const [first, ...rest] = tests;
    if (!first) return literal(false, 'bool', span);
    return rest.reduce((all, test) => this.make('or', [all, test], 'bool', span), first);
  }

  /** The predicate of `search`: string literals are terms that any column may hold. */
  searchPredicate(node: SyntaxNode, cx: Context, caseSensitive: boolean): Expression {
    const span = this.span(node, cx);
    switch (this.#host.kusto.kindOf(node)) {
      case 'ParenthesizedExpression':
        return this.searchPredicate(node['Expression'], cx, caseSensitive);
      case 'AndExpression':
      case 'OrExpression': {
        const sides = [node['Left'], node['Right']].map((side: SyntaxNode) =>
          this.searchPredicate(side, cx, caseSensitive),
        );
        return this.make(this.#host.kusto.kindOf(node) === 'AndExpression' ? 'and' : 'or', sides, 'bool', span);
      }
      case 'LongLiteralExpression':
      case 'RealLiteralExpression':
      case 'StringLiteralExpression':
      case 'CompoundStringLiteralExpression': {
        const { name, text } = searchTerm(constantText(this.lower(node, cx)) ?? '', caseSensitive);
        const tests = cx.columns.flatMap((column, index): Expression[] => {
          if (isHidden(column.name) || column.name === SEARCHED_TABLE) return [];
          if (!SEARCHED_TYPES.has(column.type)) return [];
          const value = convert(columnOf(cx.columns, index, span), 'string');
          return [this.make(name, [value, literal(text, 'string', span)], 'bool', span)];
        });
        return this.disjunction(tests, span);
      }
      case 'FunctionCallExpression': {
        const args = elementsOf(node['ArgumentList']?.Expressions);
        if (String(node['Name'].SimpleName) === 'not' && args.length === 1) {
          return this.make('not', [this.searchPredicate(args[0]!, cx, caseSensitive)], 'bool', span);
        }
        return this.lower(node, cx);
      }
      default:
        return this.lower(node, cx);
    }
  }

  /** `x in (a, b)`, `x in (table)`, `x has_any (list)`: the value, then the candidates. */
  #candidates(name: string, left: SyntaxNode, right: readonly SyntaxNode[], cx: Context): Expression[] {
    const value = this.lower(left, cx);
    const candidates = right.map((element): Expression => {
      if (!this.#host.isTabular(element, cx)) return this.lower(element, cx);
      const plan = this.#host.table(element, { ...cx, columns: [] });
      return { kind: 'tolist', plan, type: 'dynamic', span: this.span(element, cx) };
    });
    if (!/^!?in~?$/.test(name)) return [value, ...candidates];
    return sameText([value, ...candidates]);
  }

  #call(node: SyntaxNode, cx: Context, span: Span): Expression {
    const aggregated = cx.aggregate?.(node);
    if (aggregated) return aggregated;
    const name = String(node['Name'].SimpleName);
    const binding = cx.scope.get(name);
    if (binding?.kind === 'function') return this.#userCall(node, cx, span);
    const argNodes = elementsOf(node['ArgumentList']?.Expressions);
    const canonical = CANONICAL_FUNCTIONS[name] ?? name;
    switch (canonical) {
      case 'ingestion_time': {
        const index = columnIndex(cx.columns, INGESTION_TIME);
        return index < 0 ? literal(null, 'datetime', span) : columnOf(cx.columns, index, span);
      }
      case 'column_ifexists': {
        const first = this.lower(argNodes[0]!, cx);
        const wanted = constantText(first);
        const index = wanted === undefined ? -1 : columnIndex(cx.columns, wanted);
        if (wanted === undefined) this.#host.refuse(node, cx, 'column_ifexists needs the column name as a constant');
        return index >= 0 ? columnOf(cx.columns, index, span) : this.lower(argNodes[1]!, cx);
      }
      case 'column_names_of': {
        const { columns } = this.#host.table(argNodes[0]!, { ...cx, columns: [] });
        return literal(
          columns.flatMap(({ name: column }) => (isHidden(column) ? [] : [column])),
          'dynamic',
          span,
        );
      }
      case 'pack_all':
      case 'bag_pack_columns':
        return this.#pack(canonical, argNodes, cx, span);
      default:
    }
    if (ROW_ORDER_FUNCTIONS.has(canonical) && !cx.serialized) {
      this.#host.reject(
        node,
        cx,
        `${name} needs rows in an order: the input is not serialized`,
        'sort the rows first, or add | serialize',
      );
    }
    if (!this.#host.hasFunction(canonical)) {
      this.#host.refuse(node['Name'], cx, `the function ${name} is not supported`);
      return literal(null, boundType(node) ?? 'dynamic', span);
    }
    const args = argNodes.map((arg) => this.lower(arg, cx));
    // The old name takes the text last, the new one first.
    if (name === 'replace' && args.length === 3) args.unshift(args.pop()!);
    const complaint = complaintOf(canonical, args);
    if (complaint) this.#host.reject(node, cx, complaint);
    const tuple = tupleTypes(node);
    if (tuple) {
      const whole = this.make(canonical, args, 'dynamic', span);
      return tupleMember(whole, 0, tuple[0] ?? 'dynamic', span);
    }
    return this.make(canonical, args, this.#typeOfCall(canonical, node, args), span);
  }

  #typeOfCall(name: string, node: SyntaxNode, args: readonly Expression[]): ScalarType {
    const corrected = CORRECTED_TYPES[name];
    if (corrected) return corrected;
    if (name === 'datetime_diff') return constantText(args[0]!)?.toLowerCase().startsWith('week') ? 'real' : 'long';
    const bound = boundType(node) ?? this.#host.kusto.returnType(name);
    if (bound) return bound;
    switch (name) {
      case 'iff':
        return args[1]?.type ?? 'dynamic';
      case 'case':
        return args[1]?.type ?? 'dynamic';
      case 'coalesce':
      case 'bin':
      case 'max_of':
      case 'min_of':
      case 'prev':
      case 'next':
      case 'abs':
        return args[0]?.type ?? 'dynamic';
      default:
        return 'dynamic';
    }
  }

  /** The tuple that a function gives (`series_fit_line`), as one dynamic array, with the types of its members. */
  tuple(
    node: SyntaxNode,
    cx: Context,
  ):
    | { readonly whole: Expression; readonly types: readonly ScalarType[]; readonly names: readonly string[] }
    | undefined {
    if (this.#host.kusto.kindOf(node) !== 'FunctionCallExpression') return undefined;
    const types = tupleTypes(node);
    if (!types) return undefined;
    const name = String(node['Name'].SimpleName);
    const canonical = CANONICAL_FUNCTIONS[name] ?? name;
    if (!this.#host.hasFunction(canonical)) {
      this.#host.refuse(node['Name'], cx, `the function ${name} is not supported`);
    }
    const span = this.span(node, cx);
    const args = elementsOf(node['ArgumentList']?.Expressions).map((arg) => this.lower(arg, cx));
    return { whole: this.make(canonical, args, 'dynamic', span), types, names: tupleNames(node) };
  }

  #pack(name: string, argNodes: readonly SyntaxNode[], cx: Context, span: Span): Expression {
    const pairs = (indexes: readonly number[]): Expression[] =>
      indexes.flatMap((index) => [literal(cx.columns[index]!.name, 'string', span), columnOf(cx.columns, index, span)]);
    if (name === 'bag_pack_columns') {
      const columns = argNodes.map((arg) => this.lower(arg, cx));
      const args = columns.flatMap((column): Expression[] =>
        column.kind === 'column' ? [literal(cx.columns[column.index]!.name, 'string', span), column] : [],
      );
      if (args.length < columns.length * 2) this.#host.reject(argNodes[0]!, cx, 'bag_pack_columns takes columns only');
      return this.make('bag_pack', args, 'dynamic', span);
    }
    const visible = cx.columns.flatMap((column, index) => (isHidden(column.name) ? [] : [index]));
    if (argNodes.length === 0) return this.make('bag_pack', pairs(visible), 'dynamic', span);
    if (!this.#host.hasFunction('pack_all'))
      this.#host.refuse(argNodes[0]!, cx, 'pack_all with an argument is not supported');
    return this.make('pack_all', [this.lower(argNodes[0]!, cx), ...pairs(visible)], 'dynamic', span);
  }

  /** A call of a `let` function that gives a scalar: its body with the arguments in place. */
  #userCall(node: SyntaxNode, cx: Context, span: Span): Expression {
    const called = this.#host.callFunction(node, cx);
    if (!called) return literal(null, boundType(node) ?? 'dynamic', span);
    return this.lower(called.body, called.cx);
  }
}

/** A string among values of other types is compared as text: those others become text. */
function sameText(args: readonly Expression[]): Expression[] {
  if (!args.some((arg) => arg.type === 'string')) return [...args];
  return args.map((arg) => (TEXT_COMPARABLE.has(arg.type) && !isNullLiteral(arg) ? convert(arg, 'string') : arg));
}

/** What Kusto refuses about a call's constant arguments though its grammar takes them; undefined where it is fine. */
function complaintOf(name: string, args: readonly Expression[]): string | undefined {
  switch (name) {
    case 'format_datetime':
    case 'format_timespan': {
      const format = args[1] && constantText(args[1]);
      const allowed = name === 'format_datetime' ? DATETIME_FORMAT : TIMESPAN_FORMAT;
      return format === undefined || allowed.test(format)
        ? undefined
        : `the format '${format}' has characters that ${name} does not know`;
    }
    case 'extract':
      return complaintOfRegex(args[0]);
    case 'matches regex':
    case 'replace_regex':
      return complaintOfRegex(args[1]);
    case 'extract_all': {
      const wrong = complaintOfRegex(args[0]);
      if (wrong !== undefined) return wrong;
      const pattern = args[0] && constantText(args[0]);
      return pattern === undefined || /(^|[^\\])(\\\\)*\((?!\?(?![P<]))/.test(pattern)
        ? undefined
        : `the pattern of extract_all needs a capturing group, found '${pattern}'`;
    }
    case 'make_timespan':
      return args.every((arg) => ['int', 'long', 'real'].includes(arg.type))
        ? undefined
        : 'make_timespan takes numbers';
    case 'repeat':
      return args[0]?.type === 'dynamic' ? 'repeat takes no dynamic value' : undefined;
    case 'coalesce':
      return args.some((arg) => arg.type === 'int') && args.some((arg) => arg.type === 'real')
        ? 'coalesce takes values of one type, found int and real'
        : undefined;
    default:
      return undefined;
  }
}

function complaintOfRegex(pattern: Expression | undefined): string | undefined {
  const text = pattern && constantText(pattern);
  if (text === undefined) return undefined;
  try {
    compileRegex(text);
    return undefined;
  } catch (error) {
    if (error instanceof TocsinError) return error.problems[0]!.message;
    throw error;
  }
}

const DATETIME_FORMAT = /^(?:[dfFhHmMsyt]|[ /:,._[\]-])*$/;
const TIMESPAN_FORMAT = /^(?:[dfFhHmst]|[ /:,._[\]-])*$/;

/** A search term: `x` is a whole term, `x*` a beginning, `*x` an end, `*x*` any part. */
function searchTerm(term: string, caseSensitive: boolean): { readonly name: string; readonly text: string } {
  const suffix = caseSensitive ? '_cs' : '';
  const inner = term.replace(/^\*|\*$/g, '');
  if (inner.includes('*')) {
    const pattern = term
      .split('*')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*');
    return { name: 'matches regex', text: caseSensitive ? pattern : `(?i)${pattern}` };
  }
  const [starts, ends] = [term.startsWith('*'), term.length > 1 && term.endsWith('*')];
  if (starts && ends) return { name: `contains${suffix}`, text: inner };
  if (ends) return { name: `hasprefix${suffix}`, text: inner };
  return { name: starts ? `hassuffix${suffix}` : `has${suffix}`, text: inner };
}

function holdsTime(value: Dynamic): boolean {
  if (value instanceof DynamicDatetime || value instanceof DynamicTimespan) return true;
  if (Array.isArray(value)) return value.some(holdsTime);
  return value instanceof Map && [...value.values()].some(holdsTime);
}

function isNullLiteral(expression: Expression): boolean {
  return expression.kind === 'literal' && expression.value === null;
}

function arithmeticType(name: string, left: ScalarType, right: ScalarType): ScalarType {
  if (left === 'datetime' && right === 'datetime') return 'timespan';
  if (left === 'datetime' || right === 'datetime') return 'datetime';
  if (left === 'timespan' && right === 'timespan') return name === '/' ? 'real' : 'timespan';
  if (left === 'timespan' || right === 'timespan') return 'timespan';
  for (const type of ['decimal', 'real', 'long', 'int'] as const) if (left === type || right === type) return type;
  return 'dynamic';
}

/** Member `index` of a tuple function's dynamic array, as a value of `type`. */
export function tupleMember(whole: Expression, index: number, type: ScalarType, span: Span): Expression {
  const member: Expression = {
    kind: 'call',
    name: 'path',
    args: [whole, literal(BigInt(index), 'long', span)],
    type: 'dynamic',
    span,
  };
  return convert(member, type);
}

function tupleTypes(node: SyntaxNode): ScalarType[] | undefined {
  const symbol = node['RawResultType'];
  if (!String(symbol?.constructor?.$$name ?? '').endsWith('TupleSymbol')) return undefined;
  return listOf(symbol.Columns).map((column) => typeOfSymbol(column['Type']) ?? 'dynamic');
}

function tupleNames(node: SyntaxNode): string[] {
  const prefix = node['ReferencedSymbol']?.ResultNamePrefix;
  return listOf(node['RawResultType'].Columns).map((column) =>
    prefix ? `${prefix}_${String(column['Name'])}` : String(column['Name']),
  );
}

// oxlint-disable-next-line typescript/no-explicit-any -- a .NET list or a plain array of symbols
export function listOf(list: any): Record<string, any>[] {
  if (!list) return [];
  if (Array.isArray(list)) return list;
  const items = [];
  for (let i = 0; i < list.Count; i++) items.push(list.getItem(i));
  return items;
}

/** The type inside `typeof(...)`. */
export function typeName(node: SyntaxNode): ScalarType {
  const [type] = elementsOf(node['Types']);
  return (type && typeOfKeyword(String(type['Type']?.Text ?? ''))) ?? 'dynamic';
}

const TYPE_KEYWORDS: Readonly<Record<string, ScalarType>> = {
  bool: 'bool',
  boolean: 'bool',
  int: 'int',
  int32: 'int',
  long: 'long',
  int64: 'long',
  real: 'real',
  double: 'real',
  float: 'real',
  decimal: 'decimal',
  datetime: 'datetime',
  date: 'datetime',
  timespan: 'timespan',
  time: 'timespan',
  string: 'string',
  guid: 'guid',
  uuid: 'guid',
  uniqueid: 'guid',
  dynamic: 'dynamic',
};

/** The type that a keyword names (`double` is `real`), or undefined. */
export function typeOfKeyword(keyword: string): ScalarType | undefined {
  return TYPE_KEYWORDS[keyword.toLowerCase()];
}

function describeKind(kind: string): string {
  return `this ${kind.replace(/Expression$/, '').replace(/(?!^)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)} expression`;
}
