/**
 * The logical plan: plain data that structured cloning carries to workers unchanged. The front end (kql/) makes it, the
 * engine runs it. A node that stands in two places (a `let` table used twice, `materialize`) is one object; an
 * executor evaluates it once per run.
 *
 * Every node names its output columns. Expressions refer to columns of the node's input by index.
 */
import type { ColumnInfo } from '../columns/batch.ts';
import type { ScalarType, Value } from '../columns/value.ts';

/** Where something stands in the query text: UTF-16 offsets, half-open. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type Expression =
  | { readonly kind: 'column'; readonly index: number; readonly type: ScalarType; readonly span: Span }
  | { readonly kind: 'literal'; readonly value: Value; readonly type: ScalarType; readonly span: Span }
  /**
   * Operators are calls too, by Kusto's own spelling: `==`, `and`, `has_any`, `in~`, `-` ... A path step is the call
   * `path(value, key)`, where key is a string or a long. Functions that look at other rows (`prev`, `row_number`) are
   * calls as well: the engine hands every function the whole batch.
   *
   * `in`, `in~`, `has_any`, `has_all` and their negations take the value, then the candidates: a dynamic array among them
   * (or a `tolist`) stands for its elements. `between` takes value, low and high. Unary minus is `-` with one argument.
   * Legacy names are resolved (`iif` is `iff`, `pack` is `bag_pack`, `todynamic` is `parse_json`, `todouble` is `toreal`).
   * A string compared with a number or a bool is compared with its text: `tostring(...)` is in the plan. Operands of other
   * operators keep their types, so the engine widens (long with real, int with long, dynamic with anything).
   */
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expression[];
      readonly type: ScalarType;
      readonly span: Span;
    }
  /** The first cell of a table, evaluated once a run (`toscalar`). */
  | { readonly kind: 'toscalar'; readonly plan: Plan; readonly type: ScalarType; readonly span: Span }
  /** The values of a table's first column, evaluated once a run, as a dynamic array (`x in (T | project y)`). */
  | { readonly kind: 'tolist'; readonly plan: Plan; readonly type: 'dynamic'; readonly span: Span };

export interface Aggregate {
  /** The function's name in lower case, legacy names resolved (`makeset` is `make_set`). */
  readonly function: string;
  readonly args: readonly Expression[];
  readonly type: ScalarType;
  readonly span: Span;
}

export type JoinKind =
  | 'innerunique'
  | 'inner'
  | 'leftouter'
  | 'rightouter'
  | 'fullouter'
  | 'leftanti'
  | 'rightanti'
  | 'leftsemi'
  | 'rightsemi';

export interface SortKey {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

interface NodeBase {
  readonly columns: readonly ColumnInfo[];
  /** The operator's text, without its input. */
  readonly span: Span;
}

export type Plan =
  /** Rows of a table inside the run's window; `columns` are those that the query needs, `$IngestionTime` among them where it asks for it. */
  | (NodeBase & { readonly op: 'scan'; readonly table: string })
  | (NodeBase & { readonly op: 'rows'; readonly rows: readonly (readonly Value[])[] })
  | (NodeBase & { readonly op: 'range'; readonly from: Expression; readonly to: Expression; readonly step: Expression })
  | (NodeBase & { readonly op: 'filter'; readonly input: Plan; readonly predicate: Expression })
  | (NodeBase & { readonly op: 'project'; readonly input: Plan; readonly expressions: readonly Expression[] })
  /** `columns` are the keys, then the aggregates (`arg_max(x, *)` is one `arg_max` call per output column, all with equal first argument). No keys: one row, always. */
  | (NodeBase & {
      readonly op: 'summarize';
      readonly input: Plan;
      readonly keys: readonly Expression[];
      readonly aggregates: readonly Aggregate[];
    })
  /** Output column i is `output[i]`: a column of one side. */
  | (NodeBase & {
      readonly op: 'join';
      readonly kind: JoinKind;
      readonly left: Plan;
      readonly right: Plan;
      readonly on: readonly { readonly left: Expression; readonly right: Expression }[];
      readonly output: readonly { readonly side: 'left' | 'right'; readonly index: number }[];
    })
  /** Row blocks one after another. `mapping[input][column]` is the input's column, or -1 where it has none. `sources` names each input for `withsource` (then column 0). */
  | (NodeBase & {
      readonly op: 'union';
      readonly inputs: readonly Plan[];
      readonly mapping: readonly (readonly number[])[];
      readonly sources: readonly string[] | undefined;
    })
  | (NodeBase & { readonly op: 'sort'; readonly input: Plan; readonly keys: readonly SortKey[] })
  | (NodeBase & { readonly op: 'take'; readonly input: Plan; readonly count: Expression })
  /** mv-expand: arrays (and bags, as single-pair bags) become rows. Columns are the input's, with `expansions[k].column` replaced or appended, then the index column if any. */
  | (NodeBase & {
      readonly op: 'expand';
      readonly input: Plan;
      readonly expansions: readonly {
        readonly expression: Expression;
        readonly type: ScalarType;
        readonly column: number;
      }[];
      readonly limit: Expression | undefined;
      readonly bagAsArray: boolean;
      readonly indexColumn: number | undefined;
    })
  /**
   * mv-apply and `partition by`: `body` runs once for each group of the input's rows (each row of the input before it was
   * expanded, or each value of the partition key), and the results stand one after another. Inside `body` the leaf
   * `{op: 'group'}` with the same `id` is the group's rows. `groupColumn` of the input numbers the groups; where `outer` is
   * given, the columns of the input's first row in the group that it lists are put before the columns of `body`.
   */
  | (NodeBase & {
      readonly op: 'apply';
      readonly id: number;
      readonly input: Plan;
      readonly groupColumn: number;
      readonly body: Plan;
      readonly outer: readonly number[];
    })
  | (NodeBase & { readonly op: 'group'; readonly id: number })
  /** make-series: one row per key; the last columns are the aggregates' series and the axis. */
  | (NodeBase & {
      readonly op: 'series';
      readonly input: Plan;
      readonly keys: readonly Expression[];
      readonly aggregates: readonly (Aggregate & { readonly fallback: Value })[];
      readonly axis: Expression;
      readonly from: Expression | undefined;
      readonly to: Expression | undefined;
      readonly step: Expression;
    })
  /**
   * `evaluate` and the tabular operators that need code of their own (`top-nested`, `scan`, `reduce` ...). `args` are
   * expressions over the input (constants among them are literals); `options` plain data that the plugin understands:
   *
   * - `parse`, `parse-where`: args [text]; `mode` 'simple' | 'relaxed' | 'regex', `flags`, `pattern`: a list of
   *   `{any: true}` (a star), `{text}` (text, or a regular expression in regex mode), `{column, type}` (output column index).
   *   `columns` are the input's, with parsed ones replaced or appended.
   * - `parse-kv`: args [text]; `keys`: a list of `{key, column, type}`; `pairDelimiter`, `kvDelimiter`, `quote`, `escape`
   *   (strings or undefined), `greedy`.
   * - plugins of `evaluate` by their own names; `columns` is what comes out.
   */
  | (NodeBase & {
      readonly op: 'plugin';
      readonly name: string;
      readonly input: Plan;
      readonly args: readonly Expression[];
      readonly options: Readonly<Record<string, unknown>>;
    })
  /** Everything below runs once in each partition; its rows are brought together here. Put in by engine/cut.ts, never by the front end. */
  | (NodeBase & { readonly op: 'gather'; readonly input: Plan; readonly id: number });

/** What one query compiles to. */
export interface QueryPlan {
  readonly text: string;
  readonly root: Plan;
}

/** The inputs of a node, left to right (for `apply` the body as well). */
export function planInputs(plan: Plan): readonly Plan[] {
  switch (plan.op) {
    case 'scan':
    case 'rows':
    case 'range':
    case 'group':
      return [];
    case 'join':
      return [plan.left, plan.right];
    case 'union':
      return plan.inputs;
    case 'apply':
      return [plan.input, plan.body];
    default:
      return [plan.input];
  }
}

/** The expressions that a node itself evaluates. */
export function planExpressions(node: Plan): readonly Expression[] {
  switch (node.op) {
    case 'filter':
      return [node.predicate];
    case 'project':
      return node.expressions;
    case 'summarize':
      return [...node.keys, ...node.aggregates.flatMap((a) => a.args)];
    case 'join':
      return node.on.flatMap((pair) => [pair.left, pair.right]);
    case 'sort':
      return node.keys.map((k) => k.expression);
    case 'take':
      return [node.count];
    case 'expand':
      return [...node.expansions.map((e) => e.expression), ...(node.limit ? [node.limit] : [])];
    case 'range':
      return [node.from, node.to, node.step];
    case 'series':
      return [
        ...node.keys,
        ...node.aggregates.flatMap((a) => a.args),
        node.axis,
        node.step,
        ...(node.from ? [node.from] : []),
        ...(node.to ? [node.to] : []),
      ];
    case 'plugin':
      return node.args;
    default:
      return [];
  }
}

/** Calls `visit` once for each node of the plan, inputs first, sub-queries of expressions included. */
export function visitPlan(root: Plan, visit: (node: Plan) => void): void {
  const seen = new Set<Plan>();
  const walk = (node: Plan): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const input of planInputs(node)) walk(input);
    for (const expression of planExpressions(node)) {
      visitExpression(expression, (e) => {
        if (e.kind === 'toscalar' || e.kind === 'tolist') walk(e.plan);
      });
    }
    visit(node);
  };
  walk(root);
}

/** Calls `visit` for the expression and everything inside it (not for plans inside it). */
export function visitExpression(expression: Expression, visit: (e: Expression) => void): void {
  if (expression.kind === 'call') for (const arg of expression.args) visitExpression(arg, visit);
  visit(expression);
}

/** Tables that a plan reads, sub-queries of expressions included, each once, in order of first appearance. */
export function scannedTables(root: Plan): string[] {
  const tables = new Set<string>();
  visitPlan(root, (node) => {
    if (node.op === 'scan') tables.add(node.table);
  });
  return [...tables];
}

/** The columns of each table that a plan reads, sub-queries of expressions included, in order of first appearance. */
export function scannedColumns(root: Plan): Record<string, string[]> {
  const tables = new Map<string, Set<string>>();
  visitPlan(root, (node) => {
    if (node.op !== 'scan') return;
    const columns = tables.get(node.table) ?? new Set();
    for (const { name } of node.columns) columns.add(name);
    tables.set(node.table, columns);
  });
  return Object.fromEntries(Array.from(tables, ([table, columns]) => [table, [...columns]]));
}
