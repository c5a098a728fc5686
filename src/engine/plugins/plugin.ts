/** What a plugin is to the engine: code of its own for `evaluate` and for tabular operators that fit no other node. */
import type { Batch } from '../../columns/batch.ts';
import type { Column } from '../../columns/column.ts';
import type { Value } from '../../columns/value.ts';
import type { Expression, Plan } from '../../plan/plan.ts';

export type PluginNode = Extract<Plan, { op: 'plugin' }>;

export interface PluginContext {
  readonly node: PluginNode;
  readonly input: Batch;
  /** An argument's values over the input. */
  column(argument: number): Column;
  /** An argument that is one value for all rows; undefined where it is not given. */
  constant(argument: number): Value | undefined;
  evaluate(expression: Expression, batch: Batch): Column;
  /** The rows of a sub-plan that `options` carries. */
  rows(plan: Plan): Batch;
  /** To be called with the number of output rows before they are made. */
  admit(rowCount: number): void;
}

export interface PluginResult {
  readonly batch: Batch;
  /** For each output row the input row that it comes from; undefined where row i comes from row i. Row-local plugins only. */
  readonly rows?: Uint32Array;
}

export interface Plugin {
  /** Each output row depends on one input row alone, and output follows the order of input. */
  readonly rowLocal: boolean;
  readonly run: (context: PluginContext) => PluginResult;
}

/**
 * Where an argument stands that a query may give by name (`columnsConflict='keep_source'`) or by place; undefined where it
 * is not given. Names are in `options.argumentNames`.
 */
export function argumentPlace({ args, options }: PluginNode, place: number, name: string): number | undefined {
  const names = (options['argumentNames'] ?? []) as readonly (string | undefined)[];
  const named = names.indexOf(name);
  if (named >= 0) return named;
  return place < args.length && names[place] === undefined ? place : undefined;
}
