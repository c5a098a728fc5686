/**
 * The family of windowed correlations, recognised without data: a log with many rows (the sign-ins of a tenant) is joined
 * with few rows (privileged acts), by account. Of the log either each row counts, or for each group of keys the last or
 * the first one in the window, or what its rows add up to; where the two may lie apart by so much and no more, that is a
 * bound on time.
 *
 * correlate.ts evaluates what is recognised here in one pass over the log's columns.
 */
import type { Aggregate, Expression, Plan } from '../../plan/plan.ts';
import { isRowLocal } from '../evaluate.ts';
import { hoistable, splitPredicate } from '../hoist.ts';
import { conjuncts, isTimeInvariant } from '../nature.ts';
import { type Reduction, reductions } from './reduce.ts';
import { substituted } from './trace.ts';

type Join = Extract<Plan, { op: 'join' }>;
type Summarize = Extract<Plan, { op: 'summarize' }>;
export type RowStep = Extract<Plan, { op: 'filter' | 'project' }>;

export interface Correlation {
  readonly join: Join;
  /** Steps over the rows of the join, in the order in which they are done. */
  readonly above: readonly RowStep[];
  readonly log: Log;
  /** Further than this from each other no two rows get past `above`. */
  readonly bounds: TimeBounds | undefined;
}

/**
 * The side of the join that is read in one pass. Expressions are over the columns of its table; `having`, `keys` and
 * `columns` over those of `sums` where it is there.
 */
export interface Log {
  readonly side: 'left' | 'right';
  readonly table: Reduction;
  /** The nodes of the side, from the table up. */
  readonly nodes: readonly Plan[];
  /** What holds or not for a row in every run. */
  readonly predicates: readonly Expression[];
  /** Which rows of a group stand for it: every one, or one. */
  readonly picks: Picks;
  /** What rows are grouped by, where one stands for its group. */
  readonly groupKeys: readonly Expression[];
  /** The `summarize` whose groups count in place of rows, and the columns of its input. */
  readonly sums: { readonly node: Summarize; readonly input: readonly Expression[] } | undefined;
  /** What holds or not for the row that was picked. */
  readonly having: readonly Expression[];
  /** The keys of the join. */
  readonly keys: readonly Expression[];
  /** The side's columns, of the row that was picked. */
  readonly columns: readonly Expression[];
}

export type Picks = 'each' | 'last' | 'first';

/** `least` and `most` ticks that the time of the other side's row lies after that of the log's, both ends included. */
export interface TimeBounds {
  /** A column of the log's side: its TimeGenerated, or any time among the sums. */
  readonly time: number;
  /** A column of the side that is not the log. */
  readonly column: number;
  readonly least: number;
  readonly most: number;
}

/**
 * What correlation the plan is, if it is one: `project` and `where` over a join with a log.
 *
 * @param sizeOf - how many rows a table has.
 * @param least - a table of fewer is no log.
 */
export function correlationOf(
  plan: Plan,
  sizeOf: (scan: Extract<Plan, { op: 'scan' }>) => number,
  least: number,
): Correlation | undefined {
  return correlationsOf(plan, sizeOf, least)[0];
}

/** As {@link correlationOf}, every way to see the plan as one, the likeliest first. */
export function correlationsOf(
  plan: Plan,
  sizeOf: (scan: Extract<Plan, { op: 'scan' }>) => number,
  least: number,
): Correlation[] {
  const above: RowStep[] = [];
  let node = plan;
  while (node.op === 'filter' || node.op === 'project') {
    if (!isFixed(node)) return [];
    above.unshift(node);
    node = node.input;
  }
  if (node.op !== 'join' || !KINDS.has(node.kind)) return [];
  const tables = reductions(node, sizeOf, least);
  const found: Correlation[] = [];
  for (const table of tables) {
    // Rows of a much larger table had better be passed over where they are.
    if (sizeOf(table.scan) * 2 < sizeOf(tables[0]!.scan)) break;
    // Of equal keys on the left `innerunique` takes the first: no matter of a whole log.
    const log = node.kind === 'innerunique' && table.reduced === 'left' ? undefined : logOf(node, table);
    if (log) found.push({ join: node, above, log, bounds: boundsOf(node, above, log) });
  }
  return found;
}

/** Whether two ways to see a join of a table with itself differ in nothing but which side is the log. */
export function areTwins(a: Correlation, b: Correlation): boolean {
  const isPlain = ({ log }: Correlation): boolean => log.picks === 'each' && log.sums === undefined;
  return (
    a.log.side !== b.log.side &&
    a.log.table.scan.table === b.log.table.scan.table &&
    isPlain(a) &&
    isPlain(b) &&
    (a.bounds === undefined) === (b.bounds === undefined)
  );
}

const KINDS: ReadonlySet<Join['kind']> = new Set<Join['kind']>(['inner', 'innerunique']);

function isFixed(node: RowStep): boolean {
  const expressions = node.op === 'filter' ? [node.predicate] : node.expressions;
  return expressions.every((e) => isRowLocal(e) && isTimeInvariant(e));
}

function logOf(join: Join, table: Reduction): Log | undefined {
  const side = table.reduced;
  const nodes: Plan[] = [];
  for (let node = join[side]; ; ) {
    nodes.unshift(node);
    if (node.op === 'scan') break;
    if (node.op !== 'filter' && node.op !== 'project' && node.op !== 'summarize') return undefined;
    node = node.input;
  }
  const predicates: Expression[] = [];
  const having: Expression[] = [];
  let picks: Picks = 'each';
  let groupKeys: readonly Expression[] = [];
  let sums: Log['sums'];
  let columns = ownColumns(table.scan);
  const steps: readonly Plan[] = nodes.slice(1);
  for (const node of steps) {
    switch (node.op) {
      case 'filter': {
        const isBelow: boolean = picks === 'each' && !sums;
        const below = isBelow ? hoistable(node.input) : undefined;
        const parts = below
          ? splitPredicate(node.predicate, below.timeColumns)?.invariant
          : isFixed(node)
            ? conjuncts(node.predicate)
            : undefined;
        if (!parts) return undefined;
        (isBelow ? predicates : having).push(...parts.map((part) => substituted(part, columns)));
        break;
      }
      case 'project':
        if (!isFixed(node)) return undefined;
        columns = node.expressions.map((e) => substituted(e, columns));
        break;
      case 'summarize': {
        const times: ReadonlySet<number> | undefined =
          picks === 'each' && !sums ? hoistable(node.input)?.timeColumns : undefined;
        if (!times || node.keys.length === 0) return undefined;
        const picked = picksOf(node.aggregates, times);
        if (picked) {
          picks = picked;
          groupKeys = node.keys.map((key) => substituted(key, columns));
          const chosen = node.aggregates.map(({ args }) => substituted(args[1] ?? args[0]!, columns));
          columns = [...groupKeys, ...chosen];
        } else {
          sums = { node, input: columns };
          columns = ownColumns(node);
        }
        break;
      }
    }
  }
  const keys = join.on.map((pair) => substituted(pair[side], columns));
  return { side, table, nodes, predicates, picks, groupKeys, sums, having, keys, columns };
}

function ownColumns(node: Plan): readonly Expression[] {
  return node.columns.map(({ type }, index) => ({ kind: 'column', index, type, span: node.span }));
}

/** The row that all aggregates are about: that with the latest or the earliest TimeGenerated. */
function picksOf(aggregates: readonly Aggregate[], times: ReadonlySet<number>): Picks | undefined {
  const picks = new Set(
    aggregates.map(({ function: name, args: [by] }): Picks | undefined => {
      if (by?.kind !== 'column' || !times.has(by.index)) return undefined;
      if (name === 'max' || name === 'arg_max') return 'last';
      return name === 'min' || name === 'arg_min' ? 'first' : undefined;
    }),
  );
  const [only] = picks;
  return picks.size === 1 ? only : undefined;
}

/** A time as a column of the join and a number of ticks after it. */
interface Moment {
  readonly column: number;
  readonly after: number;
}

/**
 * What the first condition over the join says of how far apart its sides lie. Only ever too little: it is still asked. Later
 * ones say nothing here, or it would not show any more what an earlier one let through.
 */
function boundsOf(join: Join, above: readonly RowStep[], log: Log): TimeBounds | undefined {
  let columns = ownColumns(join);
  for (const node of above) {
    if (node.op === 'filter') return boundsIn(substituted(node.predicate, columns), join, log);
    columns = node.expressions.map((e) => substituted(e, columns));
  }
  return undefined;
}

function boundsIn(predicate: Expression, join: Join, log: Log): TimeBounds | undefined {
  const isLog = (column: number): boolean => isLogTime(join, log, column);
  const isOther = (column: number): boolean => join.output[column]!.side !== log.side;
  const found = new Map<string, { readonly time: number; readonly column: number; least: number; most: number }>();
  for (const { later, earlier, most } of conjuncts(predicate).flatMap(differences)) {
    const isLater = isLog(earlier) && isOther(later);
    if (!isLater && !(isLog(later) && isOther(earlier))) continue;
    const [own, other] = isLater ? [earlier, later] : [later, earlier];
    const { index: time } = join.output[own]!;
    const { index: column } = join.output[other]!;
    let bounds = found.get(`${time} ${column}`);
    if (!bounds) found.set(`${time} ${column}`, (bounds = { time, column, least: -Infinity, most: Infinity }));
    if (isLater) bounds.most = Math.min(bounds.most, most);
    else bounds.least = Math.max(bounds.least, -most);
  }
  const [first] = found.values();
  return first;
}

function isLogTime(join: Join, log: Log, column: number): boolean {
  const { side, index } = join.output[column]!;
  const source = side === log.side ? log.columns[index]! : undefined;
  if (log.sums) return source?.type === 'datetime';
  return source?.kind === 'column' && hoistable(log.table.scan)!.timeColumns.has(source.index);
}

/** `later` lies at most so many ticks after `earlier`. */
interface Difference {
  readonly later: number;
  readonly earlier: number;
  readonly most: number;
}

function differences(condition: Expression): Difference[] {
  if (condition.kind !== 'call') return [];
  const { name, args } = condition;
  const [a, b, c] = args;
  switch (name) {
    case '<':
    case '<=':
      return atMost(a!, b!);
    case '>':
    case '>=':
      return atMost(b!, a!);
    case 'between':
      return [...atMost(b!, a!), ...atMost(a!, c!)];
    default:
      return [];
  }
}

/** What `a <= b` says. */
function atMost(a: Expression, b: Expression): Difference[] {
  const [x, y] = [moment(a), moment(b)];
  if (x && y) return [{ later: x.column, earlier: y.column, most: y.after - x.after }];
  const [p, q] = [distance(a), distance(b)];
  const [least, most] = [ticksOf(a), ticksOf(b)];
  if (p && most !== undefined) return [{ ...p, most: most - p.most }];
  if (q && least !== undefined) return [{ later: q.earlier, earlier: q.later, most: q.most - least }];
  return [];
}

/** The difference of two moments: `later - earlier`, and by how much `most` it is more than that of their columns. */
function distance(expression: Expression): Difference | undefined {
  if (expression.kind !== 'call' || expression.name !== '-' || expression.args.length !== 2) return undefined;
  const [x, y] = expression.args.map(moment);
  return x && y && { later: x.column, earlier: y.column, most: x.after - y.after };
}

function moment(expression: Expression): Moment | undefined {
  if (expression.type !== 'datetime') return undefined;
  if (expression.kind === 'column') return { column: expression.index, after: 0 };
  if (expression.kind !== 'call' || expression.args.length !== 2) return undefined;
  const { name } = expression;
  if (name !== '+' && name !== '-') return undefined;
  const [a, b] = expression.args as [Expression, Expression];
  const base = moment(a);
  const ticks = ticksOf(b);
  if (!base || ticks === undefined) return undefined;
  return { column: base.column, after: base.after + (name === '+' ? ticks : -ticks) };
}

function ticksOf(expression: Expression): number | undefined {
  if (expression.kind === 'call' && expression.name === '-' && expression.args.length === 1) {
    const ticks = ticksOf(expression.args[0]!);
    return ticks === undefined ? undefined : -ticks;
  }
  if (expression.kind !== 'literal' || expression.type !== 'timespan' || expression.value === null) return undefined;
  return Number(expression.value as bigint);
}
