/**
 * Whether an aggregate hid the row that would have let an event through: `max(TimeGenerated)` keeps the last sign-in of a
 * user, and the one before the act is gone. Asked by doing it: the aggregates that pick one row of their group are undone
 * (each row of the group stands for itself), and what follows is evaluated again.
 */
import { TocsinError } from '../base/errors.ts';
import { Batch } from '../columns/batch.ts';
import { type Column, gatherColumn, valueAt } from '../columns/column.ts';
import { evaluate } from '../engine/evaluate.ts';
import { summarize } from '../engine/operators/summarize.ts';
import type { Aggregate, Expression, Plan } from '../plan/plan.ts';
import { type Clauses, valueText } from './clauses.ts';
import type { Clause, NamedValue } from './explanation.ts';
import { aggregateBehind, type Feeder, replaceNode, type Trace } from './trace.ts';

type Summarize = Extract<Plan, { op: 'summarize' }>;

/** Aggregates whose value is that of one row of the group. */
export const PICKS: ReadonlySet<string> = new Set([
  'max',
  'min',
  'maxif',
  'minif',
  'arg_max',
  'arg_min',
  'take_any',
  'take_any_row',
  'take_anyif',
]);

/** The id of the leaf that brings the rows of an undone `summarize`; the front end makes no gathers. */
const UNDONE = -1;

export interface Hidden {
  readonly clause: Clause;
  readonly message: string;
  readonly values: readonly NamedValue[];
  readonly details: Readonly<Record<string, string>>;
}

/**
 * @param lost - the operator that lost the event; @param feeders - the aggregates that it looks at.
 * @returns undefined where no other row of any group would have let the event through.
 */
export function findHidden(
  trace: Trace,
  lost: Plan,
  event: string,
  feeders: readonly Feeder[],
  clauses: Clauses,
): Hidden | undefined {
  const tried = new Set<Summarize>();
  for (const { summarize: node, aggregate } of feeders) {
    if (tried.has(node) || !PICKS.has(node.aggregates[aggregate]!.function)) continue;
    tried.add(node);
    const { other, changed } = withoutAggregates(trace, lost, node);
    const passing = rowsThatPass(other, changed, event);
    if (passing.length === 0) continue;
    return describe(trace, other.rows(changed), passing, lost, event, { summarize: node, aggregate }, clauses);
  }
  return undefined;
}

interface Counterfactual {
  readonly other: Trace;
  /** The plan of the operator that lost the event, over what `other` brings in place of the `summarize`. */
  readonly changed: Plan;
}

/** By run, then by the operator and the `summarize`: events that one operator lost in one run share the work. */
const counterfactuals = new WeakMap<Trace, Map<Plan, Map<Summarize, Counterfactual>>>();

function withoutAggregates(trace: Trace, lost: Plan, node: Summarize): Counterfactual {
  let byLost = counterfactuals.get(trace);
  if (!byLost) counterfactuals.set(trace, (byLost = new Map()));
  let byNode = byLost.get(lost);
  if (!byNode) byLost.set(lost, (byNode = new Map()));
  let made = byNode.get(node);
  if (!made) {
    const leaf: Plan = { op: 'gather', input: node, id: UNDONE, columns: node.columns, span: node.span };
    made = { other: trace.with(UNDONE, undone(trace, node)), changed: replaceNode(lost, node, leaf) };
    byNode.set(node, made);
  }
  return made;
}

function rowsThatPass(other: Trace, changed: Plan, event: string): Uint32Array {
  try {
    return other.rowsWith(changed, event);
  } catch (error) {
    // Without the aggregate a later join may make more rows than are allowed; then the condition is all that can be told.
    if (error instanceof TocsinError && error.code === 'QUERY') return new Uint32Array(0);
    throw error;
  }
}

/** The rows that the aggregates chose from, as if each were a group of its own. */
function undone(trace: Trace, node: Summarize): Batch {
  const input = trace.rows(node.input);
  const at = (e: Expression): Column => evaluate(e, input, trace.open);
  const { batch, groups } = summarize(node, input, at);
  const columns = node.columns.map((_, index) => {
    const aggregate = node.aggregates[index - node.keys.length];
    if (aggregate && PICKS.has(aggregate.function)) return () => at(picked(aggregate));
    return () => gatherColumn(batch.column(index), groups.of);
  });
  // A row stands for its group here, with the events of the whole group behind it.
  const { lineage } = batch;
  return new Batch(
    node.columns,
    input.rowCount,
    columns,
    lineage && { sets: lineage.sets, codes: Uint32Array.from(groups.of, (group) => lineage.codes[group]!) },
  );
}

/** The value that a picking aggregate would give if it picked this row. */
function picked({ function: name, args, type, span }: Aggregate): Expression {
  if (name.startsWith('arg_')) return args[1] ?? args[0]!;
  if (!name.endsWith('if')) return args[0]!;
  const none: Expression = { kind: 'literal', value: type === 'string' ? '' : null, type, span };
  return { kind: 'call', name: 'iff', args: [args[1]!, args[0]!, none], type, span };
}

function describe(
  trace: Trace,
  after: Batch,
  passing: Uint32Array,
  lost: Plan,
  event: string,
  feeder: Feeder,
  clauses: Clauses,
): Hidden {
  const { summarize: node, aggregate } = feeder;
  const { name, type } = node.columns[node.keys.length + aggregate]!;
  const clause = aggregateClause(node, aggregate, clauses);
  const columns = lost.columns.flatMap((_, index) => {
    const behind = aggregateBehind(lost, index);
    return behind?.summarize === node && behind.aggregate === aggregate ? [index] : [];
  });
  const [column] = columns;
  const fn = node.aggregates[aggregate]!.function;
  if (column === undefined || lost.op !== 'filter') {
    return {
      clause,
      message: `${fn} picked another row of the group; one of the others would pass`,
      values: [],
      details: {},
    };
  }
  // Of the rows that would pass, the one that the aggregate came nearest to picking.
  const before = trace.rows(lost.input);
  const alternatives = [...passing].map((row) => ({ row, value: valueAt(after.column(column), row) }));
  const best = alternatives.reduce((a, b) => {
    if (a.value === null || b.value === null) return a.value === null ? b : a;
    const later = fn.endsWith('min') || fn === 'minif' ? b.value < a.value : b.value > a.value;
    return later ? b : a;
  });
  // The row that stood in its place: the same in all but what comes from this summarize.
  const others = lost.columns.flatMap((_, index) => (aggregateBehind(lost, index)?.summarize === node ? [] : [index]));
  const own = trace.rowsWith(lost.input, event);
  const same = [...own].find((row) =>
    others.every(
      (index) =>
        valueText(lost.columns[index]!.type, valueAt(before.column(index), row)) ===
        valueText(lost.columns[index]!.type, valueAt(after.column(index), best.row)),
    ),
  );
  const held = valueText(type, valueAt(before.column(column), same ?? own[0]!));
  const hidden = valueText(type, best.value);
  const how = type === 'datetime' ? (fn.includes('min') ? 'an earlier' : 'a later') : 'another';
  return {
    clause,
    message: `${name} is ${held}: ${how} row hid ${hidden}, with which the event would have passed`,
    values: [
      { name, value: held },
      { name: `${name} that would pass`, value: hidden },
    ],
    details: { aggregate: fn, picked: held, hidden },
  };
}

/** `summarize LastSignIn = max(TimeGenerated)`: the operator up to the aggregate, where that is the first; else the aggregate. */
export function aggregateClause(node: Summarize, aggregate: number, clauses: Clauses): Clause {
  const { span } = node.aggregates[aggregate]!;
  const first = node.aggregates.every((other) => other.span.start >= span.start);
  const inside = span.end > span.start && span.start >= node.span.start && span.end <= node.span.end;
  if (!inside) return clauses.node(node);
  return clauses.at(first ? { start: node.span.start, end: span.end } : span);
}
