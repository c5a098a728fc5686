/** `union`: row blocks one after another, columns matched by the plan. */
import { Batch } from '../../columns/batch.ts';
import type { Plan } from '../../plan/plan.ts';
import { concatBatches, missingColumn } from '../tables.ts';

export function union(node: Extract<Plan, { op: 'union' }>, inputs: readonly Batch[]): Batch {
  const blocks = inputs.map((input, i) => {
    const mapping = node.mapping[i]!;
    const source = node.sources?.[i];
    return new Batch(
      node.columns,
      input.rowCount,
      node.columns.map(({ type }, column) => () => {
        if (source !== undefined && column === 0) {
          return { kind: 'constant', type: 'string', value: source, length: input.rowCount };
        }
        const index = mapping[column]!;
        return index < 0 ? missingColumn(type, input.rowCount) : input.column(index);
      }),
      input.lineage,
    );
  });
  return concatBatches(node.columns, blocks);
}
