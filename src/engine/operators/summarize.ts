/** `summarize`: one row per distinct key, in order of first appearance; without keys one row, always. */
import { Batch } from '../../columns/batch.ts';
import { type Column, gatherColumn } from '../../columns/column.ts';
import type { Aggregate, Expression, Plan } from '../../plan/plan.ts';
import { aggregateFunction } from '../aggregates/index.ts';
import { sameText } from '../nature.ts';
import { type Groups, groupRows } from './keys.ts';
import { groupLineage } from './lineage.ts';

/** Evaluates an expression over the operator's input. */
export type Evaluate = (expression: Expression) => Column;

/** The value of each aggregate for each group. An argument that several aggregates share is evaluated once. */
export function aggregateColumns(
  aggregates: readonly Aggregate[],
  groups: Groups,
  rowCount: number,
  evaluate: Evaluate,
): Column[] {
  const shared = new Map<string, Column>();
  const argument = (expression: Expression): Column => {
    // Two calls of `arg_max(x, *)` have equal first arguments; as one column their winners are found once.
    const key = sameText(expression);
    let column = shared.get(key);
    if (!column) shared.set(key, (column = evaluate(expression)));
    return column;
  };
  return aggregates.map((aggregate) => {
    const implementation = aggregateFunction(aggregate.function);
    if (!implementation) throw new TypeError(`unknown aggregate ${aggregate.function}`);
    return implementation.run({ args: aggregate.args.map(argument), groups, rowCount, type: aggregate.type });
  });
}

export function summarize(
  node: Extract<Plan, { op: 'summarize' }>,
  input: Batch,
  evaluate: Evaluate,
  /** Further leading key columns (the groups of mv-apply), not part of the output. */
  within?: { readonly of: Uint32Array; readonly count: number },
): { readonly batch: Batch; readonly groups: Groups } {
  const keys = node.keys.map(evaluate);
  const { rowCount } = input;
  let groups: Groups;
  if (within && keys.length === 0) {
    groups = { of: within.of, count: within.count, first: new Uint32Array() };
  } else if (keys.length === 0) {
    groups = { of: new Uint32Array(rowCount), count: 1, first: new Uint32Array() };
  } else {
    const outer: Column[] = within
      ? [{ kind: 'number', type: 'long', values: new Float64Array(within.of), nulls: undefined }]
      : [];
    groups = groupRows([...outer, ...keys], rowCount);
  }
  const columns = [
    ...keys.map((column) => () => gatherColumn(column, groups.first)),
    ...aggregateColumns(node.aggregates, groups, rowCount, evaluate),
  ];
  return { batch: new Batch(node.columns, groups.count, columns, groupLineage(input, groups, groups.count)), groups };
}
