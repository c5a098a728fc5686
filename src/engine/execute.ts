/**
 * Runs plans over batches. A node that stands in two places is evaluated once a run; what no run can change (tables in
 * the query's text, row-local steps over the rows of a partition) is evaluated once for all runs of an `Evaluator`.
 *
 * Order is kept throughout: a filter keeps its input's, `summarize` follows the first appearance of keys, `join` the left
 * rows. Rows of a scan stand in order of TimeGenerated, so equal accounts see the same order in every partitioning.
 */
import { TocsinError, withSpan } from '../base/errors.ts';
import { Batch, type ColumnInfo } from '../columns/batch.ts';
import { type Column, columnFromValues, valueAt } from '../columns/column.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { type Expression, type Plan, visitExpression } from '../plan/plan.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { toDynamic } from './aggregates/collect.ts';
import { evaluate, type Scope, selectRows } from './evaluate.ts';
import { hoistable, hoistableApply, HoistedRows, hoistRows, onceRanges, splitPredicate } from './hoist.ts';
import { checkMemory, DEFAULT_MEMORY_LIMIT, nodeBytes, remedyFor } from './memory.ts';
import { dependsOnGroup, isConstantPlan, operatorName, sameText } from './nature.ts';
import { applyBody } from './operators/apply.ts';
import { expand, expandedBatch } from './operators/expand.ts';
import { join, type JoinResult } from './operators/join.ts';
import { makeSeries } from './operators/series.ts';
import { summarize } from './operators/summarize.ts';
import { union } from './operators/union.ts';
import { canonicalOrder, sortedRows } from './order.ts';
import { plugin } from './plugins/index.ts';
import type { Run, TableSource } from './run.ts';
import { batchFromRows, concatBatches } from './tables.ts';

export interface ExecuteOptions {
  /** The most rows that one operator may make; a join or an expansion beyond it stops with an error that names it. */
  readonly maxRows?: number;
  /**
   * Bytes that the rows of one run may take, by estimate (engine/memory.ts); what is worked out once for all runs counts in
   * each. An operator that would need more stops the query with an error that names it.
   */
  readonly memoryLimit?: number;
  /** Rows of gathers with scope `once` (engine/cut.ts) by id, as {@link gatherBatches} over `Evaluator.overAllTime` gives them. */
  readonly gatheredOnce?: ReadonlyMap<number, Batch>;
  /**
   * Told how many rows came out of a node, each time it is evaluated: once a run, or once for all runs where its rows are
   * the same in every run but for the window.
   */
  readonly observe?: (node: Plan, rowCount: number) => void;
}

/** Some 20 million rows: with the row numbers of both sides, 160 MB of one join's output. */
const DEFAULT_MAX_ROWS = 20_000_000;

/** The time that a gather with scope `once` carries along. */
const GATHERED_TIME = '$TimeGenerated';

const TIME_GENERATED: ColumnInfo = { name: 'TimeGenerated', type: 'datetime' };
const INGESTED: ColumnInfo = { name: INGESTION_TIME, type: 'datetime' };

/** One run, for as long as it is held: the scope of its expressions, and the rows of any plan over the evaluator's source. */
export interface OpenRun extends Scope {
  /** Evaluated once. */
  rows(plan: Plan): Batch;
  /** The value of an expression that names no column. */
  constant(expression: Expression): Value;
}

/** Steps over rows that look at no clock. */
export interface Timeless extends Scope {
  project(node: Extract<Plan, { op: 'project' }>, input: Batch): Batch;
  expand(node: Extract<Plan, { op: 'expand' }>, input: Batch): { readonly batch: Batch; readonly rows: Uint32Array };
  plugin(node: Extract<Plan, { op: 'plugin' }>, input: Batch): { readonly batch: Batch; readonly rows?: Uint32Array };
}

/** Plans over one source of rows, ready for any number of runs: what runs have in common is worked out once. */
export class Evaluator {
  readonly source: TableSource;
  readonly options: ExecuteOptions;
  readonly #root: Plan;
  /** Rows of plans that are the same in every run. */
  readonly constants = new Map<Plan, Batch>();
  readonly #hoisted = new Map<Plan, HoistedRows | undefined>();
  /** Rows of tables: of two scans of the same columns as of one, so that steps above may share their work. */
  readonly #scanned = new Map<string, HoistedRows | undefined>();
  readonly timeless: Timeless;
  readonly #timeless: Execution;
  readonly memoryLimit: number;
  /** Bytes of what is worked out once for all runs. */
  held = 0;

  constructor(root: Plan, source: TableSource, options: ExecuteOptions = {}) {
    this.#root = root;
    this.source = source;
    this.options = options;
    this.memoryLimit = options.memoryLimit ?? DEFAULT_MEMORY_LIMIT;
    // What is hoisted asks for no clock; see `hoistable`.
    this.#timeless = new Execution(this, { now: 0n, window: undefined }, new Map());
    this.timeless = this.#timeless;
  }

  /** The most rows that one operator may make in one run. */
  get maxRows(): number {
    return this.options.maxRows ?? DEFAULT_MAX_ROWS;
  }

  /** The rows of a plan that is the same in every run. */
  constantRows(plan: Plan): Batch {
    return this.#timeless.rows(plan);
  }

  /** How many rows a table has here; 0 where they cannot be hoisted. */
  scanSize(scan: Extract<Plan, { op: 'scan' }>): number {
    return this.hoisted(scan)?.batch.rowCount ?? 0;
  }

  /** An evaluator that is told other rows of one table than those of the source. */
  instead(
    scan: Extract<Plan, { op: 'scan' }>,
    rows: HoistedRows,
    observe: NonNullable<ExecuteOptions['observe']>,
  ): Evaluator {
    const other = new Evaluator(this.#root, this.source, { ...this.options, observe });
    for (const [plan, batch] of this.constants) other.constants.set(plan, batch);
    other.#hoisted.set(scan, rows);
    return other;
  }

  /** @param gathered - rows of gathers with scope `run` by id, as {@link gatherBatches} gives them. */
  run(run: Run, gathered: ReadonlyMap<number, Batch> = new Map()): Batch {
    return new Execution(this, run, gathered).rows(this.#root);
  }

  /** A run that stays open, for those who ask for the rows of one step after another. */
  open(run: Run, gathered: ReadonlyMap<number, Batch> = new Map()): OpenRun {
    return new Execution(this, run, gathered);
  }

  /**
   * The rows of several plans over the evaluator's source in one run; what they share is evaluated once.
   *
   * @param known - gives the run's rows of plans that were worked out for all runs at once.
   */
  runAll(
    plans: readonly Plan[],
    run: Run,
    gathered: ReadonlyMap<number, Batch> = new Map(),
    known?: (plan: Plan) => Batch | undefined,
  ): Batch[] {
    const execution = new Execution(this, run, gathered);
    execution.known = known;
    return plans.map((plan) => execution.rows(plan));
  }

  /**
   * The rows of the plan of a gather with scope `once`, over all time, with `$TimeGenerated` and `$IngestionTime` as
   * further columns: what {@link ExecuteOptions.gatheredOnce} wants, once the partitions' are put together by
   * {@link gatherBatches}. Bounds that runs set are left to the runs.
   */
  overAllTime(plan: Plan): Batch {
    const rows = this.hoisted(plan);
    if (!rows) throw new TypeError('the plan depends on the run');
    const { batch, times, ingested } = rows;
    return new Batch(
      withTimes(batch.schema),
      batch.rowCount,
      [
        ...batch.schema.map((_, index) => () => batch.column(index)),
        { kind: 'number', type: 'datetime', values: times, nulls: undefined },
        { kind: 'number', type: 'datetime', values: ingested, nulls: undefined },
      ],
      batch.lineage,
    );
  }

  /** The plan's rows over all time, or undefined where some step depends on the run in another way than by its window. */
  hoisted(node: Plan): HoistedRows | undefined {
    if (!this.#hoisted.has(node)) {
      const rows = guarded(node, () => this.#hoist(node));
      this.#hoisted.set(node, rows);
      if (rows && node.op !== 'gather') {
        const rowCount = rows.batch.rowCount;
        const bytes = nodeBytes(node, rowCount, rowCount);
        checkMemory(node, rowCount, bytes, this.held, this.memoryLimit);
        this.held += bytes;
      }
      if (rows) this.options.observe?.(node, rows.batch.rowCount);
    }
    return this.#hoisted.get(node);
  }

  #hoist(node: Plan): HoistedRows | undefined {
    if (node.op === 'gather') return this.#hoistGather(node);
    const what = hoistable(node);
    if (!what) return undefined;
    switch (node.op) {
      case 'scan':
        return this.#hoistScan(node);
      case 'filter': {
        const input = this.hoisted(node.input);
        if (!input) return undefined;
        const { invariant, ranges } = splitPredicate(node.predicate, hoistable(node.input)!.timeColumns)!;
        return this.#filtered(input, invariant).bounded(ranges);
      }
      case 'project': {
        const input = this.hoisted(node.input);
        return input?.step(this.#timeless.project(node, input.batch), undefined);
      }
      case 'expand': {
        const input = this.hoisted(node.input);
        if (!input) return undefined;
        const { batch, rows } = this.#timeless.expand(node, input.batch);
        return input.step(batch, rows);
      }
      case 'plugin': {
        const input = this.hoisted(node.input);
        if (!input) return undefined;
        const { batch, rows } = this.#timeless.plugin(node, input.batch);
        return input.step(batch, rows);
      }
      case 'apply': {
        const { source, steps } = hoistableApply(node)!;
        let input = this.hoisted(source);
        if (!input) return undefined;
        for (const step of steps) {
          if (step.op === 'filter') input = this.#filtered(input, [step.predicate]);
          else if (step.op === 'project') input = input.step(this.#timeless.project(step, input.batch), undefined);
          else {
            const { batch, rows }: { batch: Batch; rows: Uint32Array } = this.#timeless.expand(step, input.batch);
            input = input.step(batch, rows);
          }
        }
        const { batch, rows } = this.#timeless.apply(node, input.batch);
        return input.step(batch, rows);
      }
      case 'union': {
        const inputs: HoistedRows[] = [];
        for (const plan of node.inputs) {
          const input = this.hoisted(plan);
          if (!input) return undefined;
          inputs.push(input);
        }
        const batch = union(
          node,
          inputs.map((input) => input.batch),
        );
        return HoistedRows.concat(batch, inputs);
      }
      case 'join': {
        const input = this.hoisted(node.left);
        if (!input) return undefined;
        const { batch, leftRows } = this.#timeless.join(node, input.batch, this.#timeless.rows(node.right));
        return input.step(batch, leftRows);
      }
      default:
        return undefined;
    }
  }

  #filtered(input: HoistedRows, predicates: readonly Expression[]): HoistedRows {
    let rows = input;
    for (const predicate of predicates) {
      const select = (batch: Batch): Uint32Array | undefined => selectRows(predicate, batch, this.#timeless);
      // The rows of a sub-query would make a long text.
      rows = rows.filtered(readsRows(predicate) ? undefined : sameText(predicate), select);
    }
    return rows;
  }

  #hoistScan(node: Extract<Plan, { op: 'scan' }>): HoistedRows | undefined {
    const key = sameText([node.table, node.columns]);
    if (!this.#scanned.has(key)) this.#scanned.set(key, this.#scannedRows(node));
    return this.#scanned.get(key);
  }

  #scannedRows(node: Extract<Plan, { op: 'scan' }>): HoistedRows | undefined {
    const columns = [...node.columns];
    const indexOf = (wanted: ColumnInfo): number => {
      const found = columns.findIndex((column) => column.name === wanted.name);
      return found >= 0 ? found : columns.push(wanted) - 1;
    };
    const time = indexOf(TIME_GENERATED);
    const ingestion = indexOf(INGESTED);
    const all = this.source.scan(node.table, columns, undefined);
    const batch = all.pick(
      node.columns,
      node.columns.map((_, index) => index),
    );
    return hoistRows(batch, all.column(time), all.column(ingestion), []);
  }

  /** Rows gathered once for all runs: those given, or else those of this source, in the same canonical order. */
  #hoistGather(node: Extract<Plan, { op: 'gather' }>): HoistedRows | undefined {
    const ranges = onceRanges(node.input);
    if (!ranges) return undefined;
    let all = this.options.gatheredOnce?.get(node.id);
    if (!all) {
      if (!this.hoisted(node.input)) return undefined;
      all = gatherBatches(withTimes(node.columns), [this.overAllTime(node.input)]);
    }
    const time = node.columns.length;
    const batch = all.pick(
      node.columns,
      node.columns.map((_, index) => index),
    );
    return hoistRows(batch, all.column(time), all.column(time + 1), ranges);
  }
}

function readsRows(expression: Expression): boolean {
  let reads = false;
  visitExpression(expression, ({ kind }) => (reads ||= kind === 'toscalar' || kind === 'tolist'));
  return reads;
}

/** The columns of a gather with scope `once`. */
export function withTimes(columns: readonly ColumnInfo[]): ColumnInfo[] {
  return [...columns, { name: GATHERED_TIME, type: 'datetime' }, INGESTED];
}

/** One run of an evaluator. */
class Execution implements OpenRun, Timeless {
  readonly now: bigint;
  known: ((plan: Plan) => Batch | undefined) | undefined;
  readonly #evaluator: Evaluator;
  readonly #run: Run;
  readonly #gathered: ReadonlyMap<number, Batch>;
  readonly #results = new Map<Plan, Batch>();
  /** The execution around the body of an `apply`, and the rows of its groups by the apply's id. */
  readonly #outer: Execution | undefined;
  readonly #groups: ReadonlyMap<number, Batch>;
  /** Bytes that this run's rows take besides those of the evaluator. */
  #held: number;

  constructor(
    evaluator: Evaluator,
    run: Run,
    gathered: ReadonlyMap<number, Batch>,
    outer?: Execution,
    groups: ReadonlyMap<number, Batch> = new Map(),
  ) {
    this.#evaluator = evaluator;
    this.#run = run;
    this.now = run.now;
    this.#gathered = gathered;
    this.#outer = outer;
    this.#groups = groups;
    this.#held = outer ? outer.#held : 0;
  }

  toscalar(plan: Plan): Value {
    const batch = this.rows(plan);
    if (batch.rowCount === 0 || batch.schema.length === 0) return null;
    return valueAt(batch.column(0), 0);
  }

  tolist(plan: Plan): Value {
    const batch = this.rows(plan);
    if (batch.schema.length === 0) return [];
    const column = batch.column(0);
    const { type } = batch.schema[0]!;
    return Array.from({ length: batch.rowCount }, (_, row) => toDynamic(type, valueAt(column, row)));
  }

  /** The rows of a plan, evaluated once in this run. */
  rows(node: Plan): Batch {
    if (this.#outer && !dependsOnGroup(node)) return this.#outer.rows(node);
    let batch = this.#results.get(node);
    if (batch) return batch;
    const constant = isConstantPlan(node);
    batch = constant ? this.#evaluator.constants.get(node) : undefined;
    batch ??= this.#sliced(node) ?? this.known?.(node) ?? guarded(node, () => this.#made(node));
    if (constant) this.#evaluator.constants.set(node, batch);
    this.#results.set(node, batch);
    this.#evaluator.options.observe?.(node, batch.rowCount);
    return batch;
  }

  #sliced(node: Plan): Batch | undefined {
    const { window } = this.#run;
    if (!window) return undefined;
    const hoisted = this.#evaluator.hoisted(node);
    return hoisted?.at(window, (bound) => this.constant(bound) as bigint | null);
  }

  /** The node's rows, counted. */
  #made(node: Plan): Batch {
    const inputRows = node.op === 'summarize' ? this.rows(node.input).rowCount : 0;
    if (inputRows > 0) this.#count(node, 0, inputRows);
    const batch = this.#evaluate(node);
    this.#held += this.#count(node, batch.rowCount, inputRows);
    return batch;
  }

  #evaluate(node: Plan): Batch {
    switch (node.op) {
      case 'scan':
        return this.#evaluator.source.scan(node.table, node.columns, this.#run.window);
      case 'rows':
        return batchFromRows(node.columns, node.rows);
      case 'range':
        return this.#range(node);
      case 'filter': {
        const input = this.rows(node.input);
        const rows = selectRows(node.predicate, input, this);
        return rows ? input.select(rows) : input;
      }
      case 'project':
        return this.project(node, this.rows(node.input));
      case 'summarize': {
        const input = this.rows(node.input);
        return summarize(node, input, (e) => evaluate(e, input, this)).batch;
      }
      case 'join':
        return this.join(node, this.rows(node.left), this.rows(node.right)).batch;
      case 'union':
        return union(
          node,
          node.inputs.map((input) => this.rows(input)),
        );
      case 'sort': {
        const input = this.rows(node.input);
        return input.select(
          sortedRows(
            node.keys.map((key) => ({ ...key, column: evaluate(key.expression, input, this) })),
            input.rowCount,
          ),
        );
      }
      case 'take': {
        const input = this.rows(node.input);
        return input.slice(0, Math.min(input.rowCount, this.count(node.count)));
      }
      case 'expand':
        return this.expand(node, this.rows(node.input)).batch;
      case 'apply':
        return this.apply(node, this.rows(node.input)).batch;
      case 'group':
        return this.#groups.get(node.id) ?? this.#outer!.rows(node);
      case 'series': {
        const input = this.rows(node.input);
        return makeSeries(
          node,
          input,
          (batch) => (e) => evaluate(e, batch, this),
          (e) => this.constant(e),
          (count) => this.#admit(node, count),
        );
      }
      case 'plugin':
        return this.plugin(node, this.rows(node.input)).batch;
      case 'gather':
        return this.#gathered.get(node.id) ?? gatherBatches(node.columns, [this.rows(node.input)]);
    }
  }

  /** The value of an expression that names no column. */
  constant(expression: Expression): Value {
    return valueAt(evaluate(expression, ONE_ROW, this), 0);
  }

  /** A number of rows: none for null and for less than zero. */
  count(expression: Expression): number {
    return Math.max(0, Number(this.constant(expression) ?? 0));
  }

  /** The bytes that a node's rows take, where they may take so many. */
  #count(node: Plan, rowCount: number, inputRows: number): number {
    const bytes = nodeBytes(node, rowCount, inputRows);
    checkMemory(node, rowCount, bytes, this.#evaluator.held + this.#held, this.#evaluator.memoryLimit);
    return bytes;
  }

  /** Makes sure, before they are made, that a node may make so many rows. */
  #admit(node: Plan, rowCount: number): void {
    const most = this.#evaluator.maxRows;
    if (rowCount > most) {
      throw new TocsinError('QUERY', {
        message: `${operatorName(node)} would make ${rowCount.toLocaleString('en-US')} rows in one run, more than the ${most.toLocaleString('en-US')} allowed`,
        hint: remedyFor(node),
        span: node.span,
      });
    }
    this.#count(node, rowCount, 0);
  }

  project(node: Extract<Plan, { op: 'project' }>, input: Batch): Batch {
    return input.with(
      node.columns,
      node.expressions.map((e) => () => evaluate(e, input, this)),
    );
  }

  expand(node: Extract<Plan, { op: 'expand' }>, input: Batch): { readonly batch: Batch; readonly rows: Uint32Array } {
    const expansion = expand(
      input,
      node.expansions.map(({ expression }) => evaluate(expression, input, this)),
      node.bagAsArray,
      node.limit ? this.count(node.limit) : Number.POSITIVE_INFINITY,
      (count) => this.#admit(node, count),
    );
    const replaced = new Map<number, Column>();
    node.expansions.forEach(({ type, column }, k) => {
      replaced.set(column, this.#cast(expansion.columns[k]!, type));
    });
    if (node.indexColumn !== undefined) {
      replaced.set(node.indexColumn, {
        kind: 'number',
        type: 'long',
        values: expansion.places,
        nulls: undefined,
      });
    }
    return { batch: expandedBatch(input, node.columns, expansion, replaced), rows: expansion.rows };
  }

  /** A dynamic column as `to typeof(...)` has it. */
  #cast(column: Column, type: ScalarType): Column {
    if (type === 'dynamic') return column;
    const rowCount = column.kind === 'coded' ? column.codes.length : 0;
    const span = { start: 0, end: 0 };
    return evaluate(
      {
        kind: 'call',
        name: `to${type}`,
        args: [{ kind: 'column', index: 0, type: 'dynamic', span }],
        type,
        span,
      },
      new Batch([{ name: 'element', type: 'dynamic' }], rowCount, [column]),
      this,
    );
  }

  join(node: Extract<Plan, { op: 'join' }>, left: Batch, right: Batch): JoinResult {
    return join(
      node,
      left,
      right,
      node.on.map((pair) => evaluate(pair.left, left, this)),
      node.on.map((pair) => evaluate(pair.right, right, this)),
      (count) => this.#admit(node, count),
    );
  }

  apply(node: Extract<Plan, { op: 'apply' }>, input: Batch): { readonly batch: Batch; readonly rows: Uint32Array } {
    return applyBody(node, input, {
      evaluate: (expression, batch) => evaluate(expression, batch, this),
      select: (predicate, batch) => selectRows(predicate, batch, this),
      count: (expression) => this.count(expression),
      expand: (expansion, batch) => this.expand(expansion, batch),
      body: (group) =>
        new Execution(
          this.#evaluator,
          this.#run,
          this.#gathered,
          this,
          new Map([...this.#groups, [node.id, group]]),
        ).rows(node.body),
    });
  }

  plugin(node: Extract<Plan, { op: 'plugin' }>, input: Batch): { readonly batch: Batch; readonly rows?: Uint32Array } {
    const implementation = plugin(node.name);
    if (!implementation) throw new TocsinError('UNSUPPORTED', `the plugin ${node.name} is not supported`);
    const most = Math.min(
      this.#evaluator.options.maxRows ?? DEFAULT_MAX_ROWS,
      Math.floor((this.#evaluator.memoryLimit - this.#evaluator.held - this.#held) / nodeBytes(node, 1, 0)),
    );
    return implementation.run({
      node,
      input,
      column: (argument) => evaluate(node.args[argument]!, input, this),
      constant: (argument) => {
        const expression = node.args[argument];
        return expression && this.constant(expression);
      },
      evaluate: (expression, batch) => evaluate(expression, batch, this),
      rows: (plan) => this.rows(plan),
      admit: (count) => {
        // Asked for each candidate of a pairing, so the answer is nearly always one comparison.
        if (count > most) this.#admit(node, count);
      },
    });
  }

  #range(node: Extract<Plan, { op: 'range' }>): Batch {
    const { type } = node.columns[0]!;
    const from = this.constant(node.from);
    const to = this.constant(node.to);
    const step = this.constant(node.step);
    const values: Value[] = [];
    if (from !== null && to !== null && step !== null) {
      if (type === 'real') {
        const [a, b, s] = [Number(from), Number(to), Number(step)];
        const count = s === 0 ? 0 : Math.floor((b - a) / s) + 1;
        this.#admit(node, count);
        for (let i = 0; i < count; i++) values.push(a + i * s);
      } else {
        const [a, b, s] = [from as bigint, to as bigint, BigInt(step as bigint)];
        const count = s === 0n || (b - a) * s < 0n ? 0n : (b - a) / s + 1n;
        this.#admit(node, Number(count));
        for (let i = 0n; i < count; i++) values.push(a + i * s);
      }
    }
    return new Batch(node.columns, values.length, [columnFromValues(type, values)]);
  }
}

const ONE_ROW = new Batch([], 1, []);

/** What goes wrong inside is told at the node's place, where it has no better one; so is a lack of room for its rows. */
function guarded<T>(node: Plan, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError && /allocation failed|array length|array buffer length/i.test(error.message)) {
      throw new TocsinError(
        'QUERY',
        { message: `${operatorName(node)} has more rows than fit the memory`, span: node.span },
        { cause: error },
      );
    }
    throw withSpan(error, node.span);
  }
}

/** Rows from several partitions as one batch in the canonical order, which is the same for any partitioning. */
export function gatherBatches(schema: readonly ColumnInfo[], batches: readonly Batch[]): Batch {
  const all = concatBatches(schema, batches);
  const order = canonicalOrder(all);
  let identity = true;
  for (let i = 0; i < order.length && identity; i++) identity = order[i] === i;
  return identity ? all : all.select(order);
}

/** A plan over one source, ready for any number of runs. */
export function prepare(root: Plan, source: TableSource, options: ExecuteOptions = {}): Evaluator {
  return new Evaluator(root, source, options);
}

/** The rows of a plan in one run. */
export function execute(root: Plan, source: TableSource, run: Run, options: ExecuteOptions = {}): Batch {
  return new Evaluator(root, source, options).run(run);
}
