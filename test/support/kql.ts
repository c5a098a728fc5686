/** The value of a KQL expression over no columns, as a short text: null as `null`, texts bare, dynamics as JSON. */
import { Batch } from '../../src/columns/batch.ts';
import { valueAt } from '../../src/columns/column.ts';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import { scalarFunction } from '../../src/engine/functions/registry.ts';
import { textOf } from '../../src/engine/functions/scalars.ts';
import { evaluate } from '../../src/engine/evaluate.ts';
import { compileQuery } from '../../src/kql/compile.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { SCOPE } from './expressions.ts';

function lastProject(plan: Plan): Extract<Plan, { op: 'project' }> {
  if (plan.op !== 'project') throw new Error(`not a print query: ${plan.op}`);
  return plan;
}

/** The clock stands at 2026-05-29T10:00:00Z. */
export function kql(expression: string): string {
  const { root } = compileQuery(`print x = ${expression}`, {
    capabilities: {
      hasFunction: (name) => scalarFunction(name) !== undefined,
      hasAggregate: () => false,
      hasPlugin: () => false,
    },
  });
  const [first] = lastProject(root).expressions;
  const column = evaluate(first!, new Batch([], 1, []), SCOPE);
  const value = valueAt(column, 0);
  if (value === null) return 'null';
  return column.type === 'dynamic' ? stringifyDynamic(value) : textOf(value, column.type);
}
