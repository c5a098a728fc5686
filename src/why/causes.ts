/** From the operator that lost an event to the reason: the condition, the missing partner, the row that stood in its place. */
import type { Batch } from '../columns/batch.ts';
import { valueAt } from '../columns/column.ts';
import { evaluate } from '../engine/evaluate.ts';
import { groupRows } from '../engine/operators/keys.ts';
import { type Expression, type Plan, planExpressions, visitExpression } from '../plan/plan.ts';
import { type Clauses, RowView, valueText } from './clauses.ts';
import type { Clause, NamedValue, RunOutcome } from './explanation.ts';
import { aggregateClause, findHidden, PICKS } from './hidden.ts';
import type { Identity } from './identities.ts';
import {
  describeRow,
  findMissing,
  type Missing,
  nearestFailure,
  type PartnerQuestion,
  rowsWithKeys,
} from './partners.ts';
import { columnsIn, type Feeder, feedersOf, flowingInputs, type Loss, PlanMap, replaceNode, Trace } from './trace.ts';

export interface Lookup {
  readonly trace: Trace;
  readonly everywhere: () => Trace;
  readonly clauses: Clauses;
  readonly event: string;
  readonly generated: bigint;
  readonly identities: () => ReadonlyMap<Identity, string>;
}

export type Reason = Pick<RunOutcome, 'cause' | 'clause' | 'message' | 'values' | 'details' | 'also'>;

type Node<Op extends Plan['op']> = Extract<Plan, { op: Op }>;

export function reasonFor(loss: Loss, lookup: Lookup): Reason {
  const { node } = loss;
  switch (node.op) {
    case 'filter':
      return filterReason(node, loss, lookup);
    case 'join':
      return joinReason(node, loss, lookup);
    case 'take':
      return cutReason(node, loss, lookup);
    case 'expand':
      return expandReason(node, loss, lookup);
    case 'apply':
      return applyReason(node, loss, lookup) ?? operatorReason(node, loss, lookup);
    default:
      return operatorReason(node, loss, lookup);
  }
}

function filterReason(node: Node<'filter'>, { rows }: Loss, lookup: Lookup): Reason {
  const { trace, clauses, event } = lookup;
  const failure = nearestFailure(trace, node, rows, clauses);
  // A condition that looks at other rows may hold for each and still not for the whole.
  if (!failure) return plain('condition', clauses.node(node), 'the condition was not true for the event');
  const also = failure.also.map((conjunct) => clauses.condition(node, conjunct));
  const failed = [failure.conjunct, ...failure.also];
  const feeders = columnsIn(failed).flatMap((column) => feedersOf(node.input, column));
  const hidden = findHidden(trace, node, event, feeders, clauses);
  if (hidden) {
    return {
      cause: 'hidden',
      clause: hidden.clause,
      message: `${hidden.message} (${failure.message})`,
      values: [...failure.values, ...hidden.values.filter(({ name }) => !failure.values.some((v) => v.name === name))],
      details: { ...failure.details, ...hidden.details, condition: failure.clause.text },
      also,
    };
  }
  const own = columnsIn([failure.conjunct]).flatMap((column) => feedersOf(node.input, column));
  const counted = own.find(({ summarize, aggregate }) => !PICKS.has(summarize.aggregates[aggregate]!.function));
  if (counted) return thresholdReason(failure, counted, also, clauses);
  const missing = inSubquery(failure.conjunct, failure.row, node, lookup);
  return {
    cause: missing?.cause ?? 'condition',
    clause: missing?.clause ?? failure.clause,
    message: missing ? `${failure.message}; ${missing.message}` : failure.message,
    values: missing ? [...failure.values, ...missing.values] : failure.values,
    details: { ...failure.details, ...missing?.details, ...(missing && { condition: failure.clause.text }) },
    also,
  };
}

function thresholdReason(
  failure: NonNullable<ReturnType<typeof nearestFailure>>,
  { summarize, aggregate }: Feeder,
  also: readonly Clause[],
  clauses: Clauses,
): Reason {
  const { conjunct } = failure;
  const counted = aggregateClause(summarize, aggregate, clauses);
  const value = failure.values[0]?.value;
  const needed = leastNeeded(conjunct);
  const ofNeeded = needed === undefined || value === undefined ? '' : `${value} of ${needed}: `;
  return {
    cause: 'threshold',
    clause: failure.clause,
    message: `${ofNeeded}${failure.message} (from ${counted.text})`,
    values: failure.values,
    details: {
      ...failure.details,
      aggregate: counted.text,
      aggregateLine: counted.position.line,
      ...(needed !== undefined && value !== undefined && { reached: value, needed }),
    },
    also,
  };
}

/** The least value that `count >= 10` or `count > 9` lets through. */
function leastNeeded(conjunct: Expression): string | undefined {
  if (conjunct.kind !== 'call' || !/^>=?$/.test(conjunct.name)) return undefined;
  const bound = conjunct.args[1];
  if (bound?.kind !== 'literal') return undefined;
  if (typeof bound.value === 'bigint') return String(conjunct.name === '>' ? bound.value + 1n : bound.value);
  return typeof bound.value === 'number' && conjunct.name === '>=' ? String(bound.value) : undefined;
}

/** `key in (T | project key)`: a sub-query without the event's value is a join without a partner. */
function inSubquery(conjunct: Expression, row: number, node: Node<'filter'>, lookup: Lookup): Missing | undefined {
  if (conjunct.kind !== 'call' || !/^in~?$/.test(conjunct.name)) return undefined;
  const [value, list] = conjunct.args;
  if (list?.kind !== 'tolist' || conjunct.args.length !== 2) return undefined;
  const { plan } = list;
  const [column] = plan.columns;
  if (!column || column.type !== value!.type) return undefined;
  const view = new RowView(lookup.trace.rows(node.input), row, lookup.trace.open, lookup.clauses);
  const missing = findMissing({
    ...lookup,
    clause: lookup.clauses.condition(node, conjunct),
    other: plan,
    keys: [{ kind: 'column', index: 0, type: column.type, span: list.span }],
    wanted: [{ name: view.text(value!), type: column.type, value: view.value(value!) }],
  });
  return missing.cause === 'no-partner' ? undefined : missing;
}

function joinReason(node: Node<'join'>, loss: Loss, lookup: Lookup): Reason {
  const { trace, clauses, event } = lookup;
  const { kind } = node;
  const side = loss.input === 0 ? 'left' : 'right';
  const otherSide = side === 'left' ? 'right' : 'left';
  const clause = clauses.node(node);
  if ((kind === 'leftanti' && side === 'right') || (kind === 'rightanti' && side === 'left')) {
    return plain('excluding-side', clause, `${kind} keeps no rows of this side: they only exclude rows of the other`);
  }
  const own = trace.rows(node[side]);
  const other = trace.rows(node[otherSide]);
  const ownKeys = node.on.map((pair) => evaluate(pair[side], own, trace.open));
  const row = loss.rows[0]!;
  const wanted = node.on.map((pair, i) => ({
    name: nameOf(pair[side], own, clauses),
    type: pair[side].type,
    value: valueAt(ownKeys[i]!, row),
  }));
  const values: NamedValue[] = wanted.map(({ name, type, value }) => ({ name, value: valueText(type, value) }));
  const key = values.map(({ name, value }) => `${name} ${value}`).join(', ');
  if (kind === 'leftanti' || kind === 'rightanti') {
    const keys = node.on.map((pair) => evaluate(pair[otherSide], other, trace.open));
    const partners = rowsWithKeys(keys, wanted, other.rowCount);
    const found = partners.length > 0 ? describeRow(trace, node[otherSide], partners[0]!) : [];
    return {
      ...plain(
        'excluded',
        clause,
        `${partners.length} rows with ${key} stand on the other side, and ${kind} drops what has one`,
      ),
      values: [...values, ...found],
      details: { partners: partners.length },
    };
  }
  const first = kind === 'innerunique' && side === 'left' ? rowsWithKeys(ownKeys, wanted, own.rowCount)[0] : undefined;
  // Should a partner be found, another row would still stand for the event.
  const deduplicated = first !== undefined && first !== row;
  if (deduplicated) {
    const keys = node.on.map((pair) => evaluate(pair[otherSide], other, trace.open));
    if (rowsWithKeys(keys, wanted, other.rowCount).length > 0) {
      return {
        ...plain(
          'deduplicated',
          clause,
          `innerunique, which a join without kind= is: of the left rows with ${key} only the first stands, and it is another`,
        ),
        values: [...values, ...describeRow(trace, node.left, first)],
      };
    }
  }
  const feeders = [
    ...columnsIn(node.on.map((pair) => pair.left)).flatMap((column) => feedersOf(node.left, column)),
    ...columnsIn(node.on.map((pair) => pair.right)).flatMap((column) => feedersOf(node.right, column)),
  ];
  const hidden = findHidden(trace, node, event, feeders, clauses);
  if (hidden) return { cause: 'hidden', ...hidden, values: [...values, ...hidden.values], also: [] };
  const question: PartnerQuestion = {
    ...lookup,
    clause,
    other: node[otherSide],
    keys: node.on.map((pair) => pair[otherSide]),
    wanted,
  };
  const missing = findMissing(question);
  return { also: [], ...missing, details: { ...missing.details, ...(deduplicated && { deduplicated }) } };
}

/** A key column by its name: what stands in the text is the pair of both sides. */
function nameOf(key: Expression, { schema }: Batch, clauses: Clauses): string {
  return key.kind === 'column' ? schema[key.index]!.name : clauses.expression(key, schema);
}

function cutReason(node: Node<'take'>, { rows }: Loss, { trace, clauses }: Lookup): Reason {
  const input = trace.rows(node.input);
  const kept = trace.rows(node).rowCount;
  const place = rows[0]! + 1;
  const order = node.input.op === 'sort' ? node.input : undefined;
  const at = (row: number): string =>
    order!.keys
      .map(({ expression }) => valueText(expression.type, valueAt(evaluate(expression, input, trace.open), row)))
      .join(', ');
  const bounds: NamedValue[] =
    order && kept > 0
      ? [
          { name: 'sorted by, for the event', value: at(rows[0]!) },
          { name: 'sorted by, for the last kept', value: at(kept - 1) },
        ]
      : [];
  return {
    ...plain(
      'cut',
      clauses.node(node),
      `the first ${kept} of ${input.rowCount} rows are kept, and the event stands at ${place}`,
    ),
    values: bounds,
    details: { kept, place, rows: input.rowCount },
  };
}

function expandReason(node: Node<'expand'>, { rows }: Loss, { trace, clauses }: Lookup): Reason {
  const view = new RowView(trace.rows(node.input), rows[0]!, trace.open, clauses);
  const values = node.expansions.map(({ expression }) => ({
    name: view.text(expression),
    value: view.valueText(expression),
  }));
  const what = values.map(({ name, value }) => `${name} is ${value}`).join(', ');
  return { ...plain('expanded-to-nothing', clauses.node(node), `${what}: there is nothing to make rows of`), values };
}

/** The id of the leaf that stands for one group of an `apply`. */
const GROUP = -2;

function applyReason(node: Node<'apply'>, { rows }: Loss, lookup: Lookup): Reason | undefined {
  const { trace, event } = lookup;
  const input = trace.rows(node.input);
  const { of } = groupRows([input.column(node.groupColumn)], input.rowCount);
  const group = of[rows[0]!]!;
  const members = Uint32Array.from(Array.from(of.keys()).filter((row) => of[row] === group));
  let leafNode: Plan | undefined;
  visitBody(node.body, (plan) => {
    if (plan.op === 'group' && plan.id === node.id) leafNode = plan;
  });
  if (!leafNode) return undefined;
  const id = GROUP - node.id;
  const leaf: Plan = { op: 'gather', input: leafNode, id, columns: leafNode.columns, span: leafNode.span };
  const body = replaceNode(node.body, leafNode, leaf);
  const inside = trace.with(id, input.select(members));
  const loss = inside.lossOf(new PlanMap(body), event);
  return loss && reasonFor(loss, { ...lookup, trace: inside });
}

function visitBody(plan: Plan, visit: (node: Plan) => void): void {
  visit(plan);
  for (const input of flowingInputs(plan)) visitBody(input, visit);
}

function operatorReason(node: Plan, { rows, input }: Loss, { trace, clauses }: Lookup): Reason {
  const from = flowingInputs(node)[input]!;
  const reason = plain('operator', clauses.node(node), 'this operator kept no row of the event');
  if (node.op !== 'plugin') return { ...reason, values: describeRow(trace, from, rows[0]!) };
  const view = new RowView(trace.rows(from), rows[0]!, trace.open, clauses);
  const looked = node.args.flatMap((arg) => view.operands(arg));
  const message = node.name === 'parse-where' ? 'the text does not have the form that is asked for' : reason.message;
  return { ...reason, message, values: looked.length > 0 ? looked : describeRow(trace, from, rows[0]!) };
}

function plain(cause: Reason['cause'], clause: Clause, message: string): Reason {
  return { cause, clause, message, values: [], details: {}, also: [] };
}

/** The sub-query that reads the event's table, where no rows of it flow to the result. */
export function subqueryReading(root: Plan, table: string): Expression | undefined {
  let found: Expression | undefined;
  const seen = new Set<Plan>();
  const visit = (node: Plan, inside: Expression | undefined): void => {
    if (found || seen.has(node)) return;
    seen.add(node);
    if (node.op === 'scan' && node.table === table && inside) found = inside;
    for (const input of node.op === 'apply' ? [node.input, node.body] : flowingInputs(node)) visit(input, inside);
    for (const expression of planExpressions(node)) {
      visitExpression(expression, (e) => {
        if (e.kind === 'toscalar' || e.kind === 'tolist') visit(e.plan, e);
      });
    }
  };
  visit(root, undefined);
  return found;
}
