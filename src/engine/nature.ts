/** What may be said of expressions and plans without running them: the ground of hoisting and of the cut. */
import { type Expression, type Plan, planExpressions, planInputs, visitExpression, visitPlan } from '../plan/plan.ts';
import { DynamicDatetime, DynamicTimespan } from '../columns/value.ts';
import { scalarFunction } from './functions/registry.ts';

/** An expression or a plan inside the options of a plugin. */
interface OptionParts {
  readonly expressions: readonly Expression[];
  readonly plans: readonly Plan[];
}

const optionParts = new WeakMap<Plan, OptionParts>();
const NO_PARTS: OptionParts = { expressions: [], plans: [] };

/** What a plugin evaluates besides its arguments: `scan` keeps its steps' conditions in its options, a lookup its table. */
export function partsOfOptions(node: Plan): OptionParts {
  if (node.op !== 'plugin') return NO_PARTS;
  let parts = optionParts.get(node);
  if (!parts) {
    const expressions: Expression[] = [];
    const plans: Plan[] = [];
    mapOptions(
      node.options,
      (expression) => {
        expressions.push(expression);
        return expression;
      },
      (plan) => {
        plans.push(plan);
        return plan;
      },
    );
    optionParts.set(node, (parts = { expressions, plans }));
  }
  return parts;
}

const EXPRESSION_KINDS = new Set(['column', 'literal', 'call', 'toscalar', 'tolist']);

/** A copy of a plugin's options with their expressions and plans replaced. */
export function mapOptions<T>(
  options: T,
  onExpression: (expression: Expression) => Expression,
  onPlan: (plan: Plan) => Plan,
): T {
  const walk = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(walk);
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    if ('kind' in value && 'span' in value && EXPRESSION_KINDS.has(value.kind as string)) {
      return onExpression(value as Expression);
    }
    if ('op' in value && 'columns' in value && 'span' in value) return onPlan(value as Plan);
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item)]));
  };
  return walk(options) as T;
}

/** Every expression that a node evaluates, those in a plugin's options among them. */
export function allExpressions(node: Plan): readonly Expression[] {
  const { expressions } = partsOfOptions(node);
  return expressions.length === 0 ? planExpressions(node) : [...planExpressions(node), ...expressions];
}

/** Equal rows give equal values in every run: no clock, no chance, no sub-query that reads a table. */
export function isTimeInvariant(expression: Expression): boolean {
  let invariant = true;
  visitExpression(expression, (e) => {
    if (e.kind === 'call') {
      const f = scalarFunction(e.name);
      if (f && !(f.timeInvariant && f.deterministic)) invariant = false;
    } else if ((e.kind === 'toscalar' || e.kind === 'tolist') && !isConstantPlan(e.plan)) invariant = false;
  });
  return invariant;
}

/** A text that expressions (or what holds some) share if they differ at most in where they stand in the query. */
export function sameText(of: Expression | readonly unknown[]): string {
  return JSON.stringify(of, (name, value: unknown) => {
    if (name === 'span') return undefined;
    // What JSON has no form for, or the same as for something else.
    if (typeof value === 'bigint') return { long: value.toString() };
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
      return { real: formatReal(value) };
    if (value instanceof Map) return { bag: [...(value as ReadonlyMap<string, unknown>)] };
    if (value instanceof DynamicDatetime) return { datetime: value.ticks };
    if (value instanceof DynamicTimespan) return { timespan: value.ticks };
    return value;
  });
}

function formatReal(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** One value for all rows of a run. */
export function isRunConstant(expression: Expression): boolean {
  let constant = true;
  visitExpression(expression, (e) => {
    if (e.kind === 'column') constant = false;
    if (e.kind === 'call') {
      const f = scalarFunction(e.name);
      if (f && !(f.rowLocal && f.deterministic)) constant = false;
    }
  });
  return constant;
}

const constantPlans = new WeakMap<Plan, boolean>();

/** The plan reads no table and no clock: its rows are the same in every run and every partition. */
export function isConstantPlan(plan: Plan): boolean {
  const known = constantPlans.get(plan);
  if (known !== undefined) return known;
  let constant = true;
  visitPlan(plan, (node) => {
    if (node.op === 'scan' || node.op === 'gather' || node.op === 'group') constant = false;
    if (!partsOfOptions(node).plans.every(isConstantPlan)) constant = false;
    for (const expression of allExpressions(node)) {
      visitExpression(expression, (e) => {
        // Sub-queries of options are not visited from outside.
        if ((e.kind === 'toscalar' || e.kind === 'tolist') && !isConstantPlan(e.plan)) constant = false;
        if (e.kind !== 'call') return;
        const f = scalarFunction(e.name);
        if (f && !(f.timeInvariant && f.deterministic)) constant = false;
      });
    }
  });
  constantPlans.set(plan, constant);
  return constant;
}

const groupPlans = new WeakMap<Plan, boolean>();

/** Somewhere below stands the leaf of an `apply` around it: the rows differ from group to group. */
export function dependsOnGroup(plan: Plan): boolean {
  const known = groupPlans.get(plan);
  if (known !== undefined) return known;
  let depends = plan.op === 'group' || planInputs(plan).some((input) => dependsOnGroup(input));
  for (const expression of allExpressions(plan)) {
    visitExpression(expression, (e) => {
      if ((e.kind === 'toscalar' || e.kind === 'tolist') && dependsOnGroup(e.plan)) depends = true;
    });
  }
  // The leaf belongs to the nearest apply with its id; an apply closes over its own.
  if (plan.op === 'apply') {
    depends = dependsOnGroup(plan.input) || leavesOf(plan.body).some((id) => id !== plan.id);
  }
  groupPlans.set(plan, depends);
  return depends;
}

function leavesOf(body: Plan): number[] {
  const ids: number[] = [];
  const bound = new Set<number>();
  visitPlan(body, (node) => {
    if (node.op === 'group') ids.push(node.id);
    if (node.op === 'apply') bound.add(node.id);
  });
  return ids.filter((id) => !bound.has(id));
}

/** The parts of an `and`, nested ones too. */
export function conjuncts(predicate: Expression): Expression[] {
  if (predicate.kind === 'call' && predicate.name === 'and') return predicate.args.flatMap(conjuncts);
  return [predicate];
}

/** An `apply` that runs its body over single rows of `source`, each expanded on the way (mv-apply). */
export interface PerRowApply {
  readonly source: Plan;
  /** The nodes from just above the source up to the input of the apply. */
  readonly steps: readonly Extract<Plan, { op: 'filter' | 'project' | 'expand' }>[];
  /** The expression that numbers the source's rows. */
  readonly numbering: Expression;
}

/** Follows the group column down to the `row_number()` that made it; undefined where the groups are anything else. */
export function perRowApply(node: Extract<Plan, { op: 'apply' }>): PerRowApply | undefined {
  const steps: PerRowApply['steps'][number][] = [];
  let at = node.input;
  let column = node.groupColumn;
  for (;;) {
    if (at.op === 'filter') steps.unshift(at);
    else if (at.op === 'expand') {
      if (column >= at.input.columns.length || at.expansions.some((e) => e.column === column)) return undefined;
      steps.unshift(at);
    } else if (at.op === 'project') {
      steps.unshift(at);
      const made = at.expressions[column]!;
      if (made.kind === 'call' && made.name === 'row_number' && made.args.length === 0) {
        return { source: at.input, steps, numbering: made };
      }
      if (made.kind !== 'column') return undefined;
      column = made.index;
    } else return undefined;
    at = at.input;
  }
}

/** The body of an apply gives the same rows for the same group in every run, and reads nothing but the group. */
export function isBodyInvariant(body: Plan): boolean {
  if (!readsGroupOnly(body)) return false;
  let invariant = true;
  visitPlan(body, (node) => {
    if (!allExpressions(node).every((e) => isClockFree(e))) invariant = false;
  });
  return invariant;
}

function isClockFree(expression: Expression): boolean {
  let free = true;
  visitExpression(expression, (e) => {
    const f = e.kind === 'call' ? scalarFunction(e.name) : undefined;
    if (f && !(f.timeInvariant && f.deterministic)) free = false;
  });
  return free;
}

/** The body reads no table: nothing but its group and rows of the query's own text. */
export function readsGroupOnly(body: Plan): boolean {
  let alone = true;
  visitPlan(body, (node) => {
    if (node.op === 'scan' || node.op === 'gather') alone = false;
  });
  return alone;
}

const NAMES: Partial<Record<Plan['op'], string>> = {
  filter: 'where',
  expand: 'mv-expand',
  apply: 'mv-apply',
  series: 'make-series',
};

/** What a query calls the node, about: a `top` is a sort here. */
export function operatorName(node: Plan): string {
  if (node.op === 'plugin') return node.name;
  if (node.op === 'join') return `join kind=${node.kind}`;
  if (node.op === 'scan') return node.table;
  return NAMES[node.op] ?? node.op;
}
