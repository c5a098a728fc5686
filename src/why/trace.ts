/**
 * One run of a query, looked at step by step: which rows of each operator an event stands behind, by the lineage that
 * rows carry through every operator. An operator lost an event where a row with it goes in and none comes out.
 */
import type { Batch } from '../columns/batch.ts';
import type { Evaluator, OpenRun } from '../engine/execute.ts';
import type { Run } from '../engine/run.ts';
import { type Expression, type Plan, planInputs, visitExpression } from '../plan/plan.ts';

export interface Loss {
  readonly node: Plan;
  /** The input, as an index into `planInputs`, that the event came in by. */
  readonly input: number;
  /** Rows of that input with the event behind them. */
  readonly rows: Uint32Array;
  /** Operators from here to the result, this one included. */
  readonly remaining: number;
}

/** What is the same for every run of a plan. */
export class PlanMap {
  readonly root: Plan;
  /** Nodes that rows flow through to the result, by how many operators from it. */
  readonly remaining: ReadonlyMap<Plan, number>;
  /** In order of their distance from the result. */
  readonly nodes: readonly Plan[];

  constructor(root: Plan) {
    this.root = root;
    const remaining = new Map<Plan, number>([[root, 0]]);
    for (const [node, distance] of remaining) {
      for (const input of flowingInputs(node)) if (!remaining.has(input)) remaining.set(input, distance + 1);
    }
    this.remaining = remaining;
    this.nodes = [...remaining.keys()];
  }

  /** Whether rows of the table flow to the result. */
  reads(table: string): boolean {
    return this.nodes.some((node) => node.op === 'scan' && node.table === table);
  }
}

/** The inputs whose rows become rows of the node; the body of an `apply` is looked at apart. */
export function flowingInputs(node: Plan): readonly Plan[] {
  return node.op === 'apply' ? [node.input] : planInputs(node);
}

/** One run over one source of rows. */
export class Trace {
  readonly evaluator: Evaluator;
  readonly run: Run;
  readonly open: OpenRun;
  readonly #gathered: ReadonlyMap<number, Batch>;
  #timeless: Trace | undefined;
  readonly #rows = new Map<Plan, ReadonlyMap<string, Uint32Array>>();

  constructor(evaluator: Evaluator, run: Run, gathered: ReadonlyMap<number, Batch> = new Map()) {
    this.evaluator = evaluator;
    this.run = run;
    this.#gathered = gathered;
    this.open = evaluator.open(run, gathered);
  }

  /** The same run, with `rows` in place of what the plan's leaf `{op: 'gather', id}` would bring. */
  with(id: number, rows: Batch): Trace {
    return new Trace(this.evaluator, this.run, new Map([...this.#gathered, [id, rows]]));
  }

  /** The same clock over all rows of all time. */
  overAllTime(): Trace {
    return (this.#timeless ??= new Trace(this.evaluator, { now: this.run.now, window: undefined }));
  }

  rows(node: Plan): Batch {
    return this.open.rows(node);
  }

  /** Rows of the node with the event behind them, ascending. */
  rowsWith(node: Plan, event: string): Uint32Array {
    let byEvent = this.#rows.get(node);
    if (!byEvent) this.#rows.set(node, (byEvent = rowsByEvent(this.rows(node))));
    return byEvent.get(event) ?? NO_ROWS;
  }

  isAlive(node: Plan, event: string): boolean {
    return this.rowsWith(node, event).length > 0;
  }

  /** Where the event was lost; of several places the one nearest the result. Undefined where it is in the result, or in no input. */
  lossOf(map: PlanMap, event: string): Loss | undefined {
    if (this.isAlive(map.root, event)) return undefined;
    for (const node of map.nodes) {
      if (this.isAlive(node, event)) continue;
      const inputs = flowingInputs(node);
      for (let input = 0; input < inputs.length; input++) {
        const rows = this.rowsWith(inputs[input]!, event);
        if (rows.length > 0) return { node, input, rows, remaining: map.remaining.get(node)! + 1 };
      }
    }
    return undefined;
  }
}

const NO_ROWS = new Uint32Array(0);

function rowsByEvent({ lineage }: Batch): ReadonlyMap<string, Uint32Array> {
  const found = new Map<string, number[]>();
  if (!lineage) return new Map();
  const { codes, sets } = lineage;
  for (let row = 0; row < codes.length; row++) {
    if (codes[row] === 0) continue;
    for (const event of sets[codes[row]!]!) {
      const rows = found.get(event);
      if (rows) rows.push(row);
      else found.set(event, [row]);
    }
  }
  return new Map(Array.from(found, ([event, rows]) => [event, Uint32Array.from(rows)]));
}

/** An aggregate that a column's values come from, directly or by way of an expression. */
export interface Feeder {
  readonly summarize: Extract<Plan, { op: 'summarize' }>;
  readonly aggregate: number;
}

/** The aggregates that a column of a node is worked out from. */
export function feedersOf(node: Plan, column: number): Feeder[] {
  const found: Feeder[] = [];
  const seen = new Map<Plan, Set<number>>();
  const visit = (at: Plan, index: number): void => {
    const columns = seen.get(at) ?? new Set();
    if (columns.has(index)) return;
    seen.set(at, columns.add(index));
    const within = (e: Expression, input: Plan): void => {
      visitExpression(e, (part) => {
        if (part.kind === 'column') visit(input, part.index);
      });
    };
    switch (at.op) {
      case 'filter':
      case 'sort':
      case 'take':
      case 'gather':
        visit(at.input, index);
        break;
      case 'project':
        within(at.expressions[index]!, at.input);
        break;
      case 'join': {
        const { side, index: from } = at.output[index]!;
        visit(at[side], from);
        break;
      }
      case 'union':
        at.inputs.forEach((input, i) => {
          const from = at.mapping[i]![index]!;
          if (from >= 0) visit(input, from);
        });
        break;
      case 'summarize': {
        const aggregate = index - at.keys.length;
        if (aggregate < 0) within(at.keys[index]!, at.input);
        else {
          found.push({ summarize: at, aggregate });
          for (const arg of at.aggregates[aggregate]!.args) within(arg, at.input);
        }
        break;
      }
      case 'expand': {
        const expansion = at.expansions.find((e) => e.column === index);
        if (expansion) within(expansion.expression, at.input);
        else if (index < at.input.columns.length) visit(at.input, index);
        break;
      }
      case 'apply':
        if (index < at.outer.length) visit(at.input, at.outer[index]!);
        break;
      case 'plugin':
        if (at.input.columns[index]?.name === at.columns[index]?.name) visit(at.input, index);
        break;
      default:
        break;
    }
  };
  visit(node, column);
  return found;
}

/** The aggregate that a column is, unchanged; undefined where it is something else. */
export function aggregateBehind(node: Plan, column: number): Feeder | undefined {
  switch (node.op) {
    case 'filter':
    case 'sort':
    case 'take':
    case 'gather':
      return aggregateBehind(node.input, column);
    case 'project': {
      const e = node.expressions[column]!;
      return e.kind === 'column' ? aggregateBehind(node.input, e.index) : undefined;
    }
    case 'join': {
      const { side, index } = node.output[column]!;
      return aggregateBehind(node[side], index);
    }
    case 'summarize':
      return column >= node.keys.length ? { summarize: node, aggregate: column - node.keys.length } : undefined;
    default:
      return undefined;
  }
}

/** The columns that expressions refer to. */
export function columnsIn(expressions: readonly Expression[]): number[] {
  const found = new Set<number>();
  for (const expression of expressions) {
    visitExpression(expression, (e) => {
      if (e.kind === 'column') found.add(e.index);
    });
  }
  return [...found];
}

/** The plan with one node (by identity) replaced; what does not stand above it is shared. */
export function replaceNode(plan: Plan, target: Plan, replacement: Plan): Plan {
  const done = new Map<Plan, Plan>([[target, replacement]]);
  const visit = (node: Plan): Plan => {
    let out = done.get(node);
    if (!out) done.set(node, (out = rebuilt(node, visit)));
    return out;
  };
  return visit(plan);
}

function rebuilt(node: Plan, visit: (input: Plan) => Plan): Plan {
  switch (node.op) {
    case 'scan':
    case 'rows':
    case 'range':
    case 'group':
      return node;
    case 'join': {
      const [left, right] = [visit(node.left), visit(node.right)];
      return left === node.left && right === node.right ? node : { ...node, left, right };
    }
    case 'union': {
      const inputs = node.inputs.map(visit);
      return inputs.every((input, i) => input === node.inputs[i]) ? node : { ...node, inputs };
    }
    case 'apply': {
      const [input, body] = [visit(node.input), visit(node.body)];
      return input === node.input && body === node.body ? node : { ...node, input, body };
    }
    default: {
      const input = visit(node.input);
      return input === node.input ? node : { ...node, input };
    }
  }
}
