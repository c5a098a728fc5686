/**
 * Plans evaluated for all runs at once. The general way (engine/execute.ts) goes run by run; here each row, group and pair
 * is worked out once, with the runs that it stands in (run-rows.ts). What a plan has that cannot be done so is left to the
 * general way, which takes from here what it finds below; both give the same rows in the same order, and the tests hold
 * them to it.
 *
 * `perRunReason` says of a plan, without data, whether it can be done; `AllRuns` does it.
 */
import { TocsinError } from '../../base/errors.ts';
import type { Batch } from '../../columns/batch.ts';
import { type Expression, type Plan, planInputs, visitExpression } from '../../plan/plan.ts';
import { evaluate, isRowLocal, selectRows } from '../evaluate.ts';
import type { Evaluator, OpenRun } from '../execute.ts';
import { hoistable, type HoistedRows, runWindows, type RunWindows } from '../hoist.ts';
import { nodeBytes } from '../memory.ts';
import { allExpressions, isConstantPlan, isTimeInvariant, operatorName, partsOfOptions } from '../nature.ts';
import { union as unionRows } from '../operators/union.ts';
import { sortedRows } from '../order.ts';
import { plugin } from '../plugins/index.ts';
import type { Run } from '../run.ts';
import { ungrouped } from './asked.ts';
import { correlate } from './correlate.ts';
import { areTwins, type Correlation, correlationsOf, type RowStep } from './correlation.ts';
import { JOIN_KINDS, joinRuns } from './join.ts';
import { reducible, reducedScan } from './reduce.ts';
import { pick, RunRows } from './run-rows.ts';
import { summarizeRuns } from './summarize.ts';

/** The runs of a row. */
const RUNS_BYTES = 8;

const reasons = new WeakMap<Plan, { readonly value: string | undefined }>();

/** Why a plan must be evaluated run by run, in words; undefined where it need not. */
export function perRunReason(node: Plan): string | undefined {
  let known = reasons.get(node);
  if (!known) reasons.set(node, (known = { value: findReason(node) }));
  return known.value;
}

function findReason(node: Plan): string | undefined {
  if (isConstantPlan(node)) return undefined;
  if (node.op === 'gather') return undefined;
  const rows = hoistable(node);
  if (rows) {
    return rows.ranges.flat().some((range) => readsTable(range.bound))
      ? 'a bound on TimeGenerated comes from a sub-query'
      : undefined;
  }
  const below = (node.op === 'apply' ? [node.input] : planInputs(node))
    .map(perRunReason)
    .find((reason) => reason !== undefined);
  if (below !== undefined) return below;
  if (!allExpressions(node).every(isRowLocal)) return `${operatorName(node)} looks at more than single rows`;
  if (!allExpressions(node).every(isTimeInvariant)) return `${operatorName(node)} asks for the time or for a sub-query`;
  switch (node.op) {
    case 'filter':
    case 'project':
    case 'expand':
    case 'sort':
    case 'union':
      return undefined;
    case 'plugin':
      return plugin(node.name)?.rowLocal && partsOfOptions(node).plans.every(isConstantPlan)
        ? undefined
        : `${node.name} looks at more than single rows`;
    case 'summarize':
      return node.keys.length > 0 ? undefined : 'summarize without keys has a row in every run';
    case 'join':
      if (!JOIN_KINDS.has(node.kind)) return `join kind=${node.kind} keeps right rows without a partner`;
      return node.on.length > 0 ? undefined : 'a join without keys';
    default:
      return `${operatorName(node)} takes the rows of one run together`;
  }
}

function readsTable(expression: Expression): boolean {
  let reads = false;
  visitExpression(expression, (e) => {
    if ((e.kind === 'toscalar' || e.kind === 'tolist') && !isConstantPlan(e.plan)) reads = true;
  });
  return reads;
}

/** The expression is as far from `now()` in one run as in another: `ago(2h)`, `now() - 1d`. */
function movesWithClock(expression: Expression): boolean {
  if (expression.kind !== 'call') return false;
  const { name, args } = expression;
  const [first, second] = args;
  if (name === 'ago') return first?.kind === 'literal' && first.value !== null;
  if (name === 'now') return args.length === 0;
  if (name !== '-' && name !== '+') return false;
  return first !== undefined && movesWithClock(first) && second?.kind === 'literal' && second.type === 'timespan';
}

/** Thrown inside where the data do not allow it after all; the general way takes over. */
class Unfit extends Error {}

/** A pass over fewer rows than this saves nothing. */
const WORTHWHILE_ROWS = 4096;

type Sink = (chunk: RunRows) => void;

/** The rows of plans over an evaluator's source, for all of `runs` at once. */
export class AllRuns {
  readonly runs: readonly Run[];
  readonly #evaluator: Evaluator;
  readonly #windows: RunWindows | undefined;
  readonly #gathered: ReadonlyMap<number, RunRows>;
  readonly #results = new Map<Plan, RunRows | undefined>();
  readonly #scopes: OpenRun[] = [];
  readonly #counts = new Map<Plan, number>();

  readonly #worthwhileRows: number;
  /** The bytes of the rows so far, by estimate. */
  #held = 0;

  /**
   * @param gathered - rows of gathers with scope `run` by id, in the canonical order.
   * @param worthwhileRows - tables with fewer rows are not reduced before a join.
   */
  constructor(
    evaluator: Evaluator,
    runs: readonly Run[],
    gathered: ReadonlyMap<number, RunRows> = new Map(),
    worthwhileRows = WORTHWHILE_ROWS,
  ) {
    this.#worthwhileRows = worthwhileRows;
    this.#evaluator = evaluator;
    this.runs = runs;
    const windows = runs.flatMap(({ window }) => window ?? []);
    this.#windows = windows.length === runs.length ? runWindows(windows) : undefined;
    this.#gathered = gathered;
  }

  /** The rows of a plan; undefined where they must be worked out run by run. */
  rows(node: Plan): RunRows | undefined {
    if (!this.#windows || perRunReason(node) !== undefined) return undefined;
    if (this.#results.has(node)) return this.#results.get(node);
    let rows: RunRows | undefined;
    try {
      rows = this.#rows(node);
      this.#observeAll();
    } catch (error) {
      // What is too much for all runs together need not be too much for one.
      if (!(error instanceof Unfit || (error instanceof TocsinError && error.code === 'QUERY'))) throw error;
      this.#results.set(node, undefined);
    }
    return rows;
  }

  /**
   * The rows of a plan in any order, for who puts them in the canonical one; undefined where they must be worked out run by
   * run.
   */
  unordered(node: Plan): RunRows | undefined {
    if (!this.#windows || perRunReason(node) !== undefined || this.#results.has(node)) return this.rows(node);
    return this.#correlated(node) ?? this.rows(node);
  }

  /** The rows of a plan in one run, where they are worked out for all runs at once. */
  at(node: Plan, run: number): Batch | undefined {
    return this.rows(node)?.at(run, this.runs.length);
  }

  #rows(node: Plan): RunRows {
    let rows = this.#results.get(node);
    if (rows) return rows;
    if (this.#results.has(node)) throw new Unfit();
    const parts: RunRows[] = [];
    const orders: Uint32Array[] = [];
    let count = 0;
    this.#produce(node, (chunk, order) => {
      if (chunk.rowCount === 0 && parts.length > 0) return;
      count += chunk.rowCount;
      this.#checkMemory(nodeBytes(node, count, 0));
      parts.push(chunk);
      if (order) orders.push(order);
    });
    rows = parts.length === 0 ? RunRows.none(node.columns) : RunRows.concat(node.columns, parts);
    if (orders.length > 0) rows = inOrder(rows, orders);
    this.#held += nodeBytes(node, count, 0) + count * RUNS_BYTES;
    this.#results.set(node, rows);
    return rows;
  }

  /**
   * Hands on the rows of a plan, some at a time: a step over many pairs or versions never sees them all at once. With an
   * order, rows stand in that of these numbers once they are all there.
   */
  #produce(node: Plan, sink: (chunk: RunRows, order?: Uint32Array) => void): void {
    const known = this.#results.get(node);
    if (known) {
      sink(known);
      return;
    }
    this.#counts.set(node, this.#counts.get(node) ?? 0);
    const counted = (chunk: RunRows, order?: Uint32Array): void => {
      this.#counts.set(node, (this.#counts.get(node) ?? 0) + chunk.rowCount);
      sink(chunk, order);
    };
    if (isConstantPlan(node)) {
      counted(this.#always(this.#evaluator.constantRows(node)));
      return;
    }
    if (node.op === 'gather' && this.#gathered.has(node.id)) {
      counted(this.#gathered.get(node.id)!);
      return;
    }
    const hoisted = this.#evaluator.hoisted(node);
    if (hoisted) {
      sink(this.#seen(hoisted));
      return;
    }
    const { timeless } = this.#evaluator;
    switch (node.op) {
      case 'filter':
        this.#produce(node.input, (chunk, order) => {
          const rows = selectRows(node.predicate, chunk.batch, timeless);
          if (!rows) counted(chunk, order);
          else counted(chunk.select(rows), order && pick(order, rows));
        });
        return;
      case 'project':
        this.#produce(node.input, (chunk, order) => counted(this.#rowStep(node, chunk), order));
        return;
      case 'expand':
      case 'plugin':
        this.#produce(node.input, (chunk, order) => {
          const { batch, rows } =
            node.op === 'expand' ? timeless.expand(node, chunk.batch) : timeless.plugin(node, chunk.batch);
          counted(chunk.step(batch, rows), order && rows ? pick(order, rows) : order);
        });
        return;
      case 'union': {
        const inputs = node.inputs.map((input) => this.#rows(input));
        const batch = unionRows(
          node,
          inputs.map((input) => input.batch),
        );
        counted(new RunRows(batch, joined(inputs.map((input) => input.from)), joined(inputs.map((input) => input.to))));
        return;
      }
      case 'sort': {
        const input = this.#rows(node.input);
        const keys = node.keys.map((key) => ({ ...key, column: evaluate(key.expression, input.batch, timeless) }));
        counted(input.select(sortedRows(keys, input.rowCount)));
        return;
      }
      case 'summarize': {
        const input = this.#rows(node.input);
        // Rows of one table stand in order of time.
        const table = this.#evaluator.hoisted(node.input) && hoistable(node.input);
        const times = table?.ranges.length === 1 ? table.timeColumns : undefined;
        summarizeRuns(node, input, (e, batch) => evaluate(e, batch, timeless), counted, times);
        return;
      }
      case 'join':
        this.#join(node, counted);
        return;
      default:
        throw new Unfit();
    }
  }

  #join(join: Extract<Plan, { op: 'join' }>, sink: Sink): void {
    const { timeless } = this.#evaluator;
    const asked = ungrouped(join);
    const node = asked?.join ?? join;
    const [left, right] = this.#sides(node);
    for (const skipped of asked?.skipped ?? []) {
      // No more groups than rows, and none only where no row stands in any run, be it one without a partner.
      let rows = asked!.instead === node.left ? left : right;
      if (rows.isEmpty) rows = this.#rows(asked!.instead);
      this.#counts.set(skipped, (this.#counts.get(skipped) ?? 0) + (rows.isEmpty ? 0 : rows.rowCount));
    }
    joinRuns(
      node,
      left,
      right,
      node.on.map((pair) => evaluate(pair.left, left.batch, timeless)),
      node.on.map((pair) => evaluate(pair.right, right.batch, timeless)),
      this.runs.length,
      (rowCount) => {
        // Whether that is an error is for the general way to say.
        if (rowCount > this.#evaluator.maxRows) throw new Unfit();
      },
      sink,
    );
  }

  /** Both inputs of a join, the larger one without rows that the smaller one has no partner for. */
  #sides(node: Extract<Plan, { op: 'join' }>): [left: RunRows, right: RunRows] {
    const side = reducible(node, (scan) => this.#evaluator.scanSize(scan), this.#worthwhileRows);
    if (!side || this.#results.has(node[side.reduced])) return [this.#rows(node.left), this.#rows(node.right)];
    const by = side.reduced === 'left' ? 'right' : 'left';
    const kept = this.#rows(node[by]);
    const reduced = this.#reduced(
      node[side.reduced],
      side,
      kept,
      evaluate(side.by, kept.batch, this.#evaluator.timeless),
    );
    const other = reduced ?? this.#rows(node[side.reduced]);
    return by === 'left' ? [kept, other] : [other, kept];
  }

  #reduced(
    plan: Plan,
    side: NonNullable<ReturnType<typeof reducible>>,
    kept: RunRows,
    keys: ReturnType<typeof evaluate>,
  ): RunRows | undefined {
    const scan = this.#evaluator.hoisted(side.scan);
    const stretches = scan?.bounded(side.ranges).stretches(this.#windows!, (bound, run) => this.#bound(bound, run));
    if (!scan || !stretches) return undefined;
    const key = evaluate(side.key, scan.batch, this.#evaluator.timeless);
    const fewer = reducedScan(scan, key, stretches, kept, keys, this.runs.length);
    if (!fewer) return undefined;
    const counts = new Map<Plan, number>();
    const evaluator = this.#evaluator.instead(side.scan, fewer, (node, count) => {
      counts.set(node, (counts.get(node) ?? 0) + count);
    });
    const rows = new AllRuns(evaluator, this.runs, this.#gathered, this.#worthwhileRows).rows(plan);
    // Rows that were left out count for the steps that would have seen them: whether any came through is what is asked.
    for (const [node, count] of counts) {
      if (count > 0) this.#counts.set(node, (this.#counts.get(node) ?? 0) + count);
      else this.#countAnyway(node);
    }
    return rows;
  }

  /** What correlation a plan is; of a table with itself the side that has more rows is the log. */
  #correlation(node: Plan): Correlation | undefined {
    const [first, ...others] = correlationsOf(node, (scan) => this.#evaluator.scanSize(scan), this.#worthwhileRows);
    const twin = first && others.find((other) => areTwins(first, other));
    if (!twin) return first;
    const rowsOf = ({ join, log }: Correlation): number => this.#evaluator.hoisted(join[log.side])?.batch.rowCount ?? 0;
    return rowsOf(twin) > rowsOf(first) ? twin : first;
  }

  #correlated(node: Plan): RunRows | undefined {
    const correlation = this.#correlation(node);
    if (!correlation) return undefined;
    const { join, log, above } = correlation;
    const scan = this.#evaluator.hoisted(log.table.scan);
    const kept = this.rows(join[log.side === 'left' ? 'right' : 'left']);
    const stretches = scan
      ?.bounded(log.table.ranges)
      .stretches(this.#windows!, (bound, run) => this.#bound(bound, run));
    if (!scan || !kept || stretches?.length !== 1) return undefined;
    const { timeless, maxRows } = this.#evaluator;
    const found = correlate(correlation, scan, stretches[0]!, this.#windows!, kept, timeless, maxRows);
    if (!found) return undefined;
    // Rows without a partner were passed over: whether any came through a step is what is asked.
    for (const step of log.nodes) {
      if (found.logRows > 0) this.#counts.set(step, found.logRows);
      else this.#countAnyway(step);
    }
    if (found.met) this.#counts.set(join, Math.max(1, found.pairs.rowCount));
    let rows = found.pairs;
    for (const step of above) {
      rows = this.#rowStep(step, rows);
      this.#counts.set(step, rows.rowCount);
    }
    this.#observeAll();
    return rows;
  }

  #rowStep(step: RowStep, chunk: RunRows): RunRows {
    const { timeless } = this.#evaluator;
    if (step.op === 'project') return chunk.step(timeless.project(step, chunk.batch), undefined);
    const rows = selectRows(step.predicate, chunk.batch, timeless);
    return rows ? chunk.select(rows) : chunk;
  }

  #countAnyway(node: Plan): void {
    if (this.#evaluator.hoisted(node)) return;
    this.rows(node);
  }

  #always(batch: Batch): RunRows {
    return new RunRows(batch, new Uint32Array(batch.rowCount), new Uint32Array(batch.rowCount).fill(this.runs.length));
  }

  #seen(rows: HoistedRows): RunRows {
    const runs = rows.runsOf(this.#windows!, (bound, run) => this.#bound(bound, run));
    if (!runs) throw new Unfit();
    return new RunRows(rows.batch, runs.from, runs.to);
  }

  #bound(bound: Expression, run: number): bigint | null {
    if (run > 0 && movesWithClock(bound)) {
      const first = this.#bound(bound, 0);
      return first === null ? null : first + this.runs[run]!.now - this.runs[0]!.now;
    }
    return (this.#scopes[run] ??= this.#evaluator.open(this.runs[run]!)).constant(bound) as bigint | null;
  }

  /** The general way holds one run's rows at a time, so it may manage with less. */
  #checkMemory(bytes: number): void {
    const { held, memoryLimit } = this.#evaluator;
    if (held + this.#held + bytes > memoryLimit) throw new Unfit();
  }

  #observeAll(): void {
    for (const [node, count] of this.#counts) this.#evaluator.options.observe?.(node, count);
    this.#counts.clear();
  }
}

function inOrder(rows: RunRows, orders: readonly Uint32Array[]): RunRows {
  const order = new Float64Array(rows.rowCount);
  let at = 0;
  for (const part of orders) {
    order.set(part, at);
    at += part.length;
  }
  const sorted = sortedRows(
    [
      {
        column: { kind: 'number', type: 'long', values: order, nulls: undefined },
        descending: false,
        nullsFirst: false,
      },
    ],
    rows.rowCount,
  );
  return rows.select(sorted);
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const out = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
