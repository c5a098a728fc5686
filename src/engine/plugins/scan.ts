/**
 * `scan`: a state machine over the rows in their order. Each step may hold one active sequence; a row moves a sequence on
 * to the next step whose condition it meets, or keeps it in its step, or starts one in the first step.
 *
 * Expressions see one row of virtual columns: those of the input, the declared ones, then for each step the row that it
 * saw last (input columns and declared ones again). So conditions and assignments are evaluated a row at a time, which is
 * slow against the rest of the engine and cannot be helped: each depends on what the row before it did.
 */
import { Batch, type ColumnInfo } from '../../columns/batch.ts';
import { columnFromValues, valueAt } from '../../columns/column.ts';
import type { Value } from '../../columns/value.ts';
import type { Expression } from '../../plan/plan.ts';
import type { Plugin, PluginContext, PluginResult } from './plugin.ts';

/** `options` of a `scan` node. */
export interface ScanOptions {
  readonly declared: readonly { readonly column: ColumnInfo; readonly fallback: Value }[];
  readonly steps: readonly {
    readonly condition: Expression;
    /** `declared[index]` takes the expression's value, in this order. */
    readonly assignments: readonly { readonly declared: number; readonly expression: Expression }[];
    readonly emits: boolean;
  }[];
  /** The last output column numbers the sequences. */
  readonly withMatchId: boolean;
}

interface Sequence {
  readonly matchId: number;
  /** For each step the cells of the row that it saw last, or undefined. */
  readonly seen: readonly (readonly Value[] | undefined)[];
}

export const scan: Plugin = {
  rowLocal: false,
  run: (context: PluginContext): PluginResult => {
    const { node, input } = context;
    const { declared, steps, withMatchId } = node.options as unknown as ScanOptions;
    const stepSchema = [...input.schema, ...declared.map(({ column }) => column)];
    const schema = [...stepSchema, ...steps.flatMap(() => stepSchema)];
    const inputColumns = input.columns();
    const fallbacks = declared.map(({ fallback }) => fallback);
    const unseen: readonly Value[] = [
      ...input.schema.map(({ type }): Value => (type === 'string' ? '' : null)),
      ...fallbacks,
    ];
    const active: (Sequence | undefined)[] = steps.map(() => undefined);
    let nextMatchId = 0;
    const rows: number[] = [];
    const values: Value[][] = declared.map(() => []);
    const matchIds: Value[] = [];

    for (let row = 0; row < input.rowCount; row++) {
      const cells: readonly Value[] = inputColumns.map((column) => valueAt(column, row));
      const valueOf = (expression: Expression, own: readonly Value[], sequence: Sequence | undefined): Value => {
        const all = [cells, own, ...steps.map((_, step) => sequence?.seen[step] ?? unseen)].flat();
        const batch = new Batch(
          schema,
          1,
          all.map((value, index) => ({ kind: 'constant', type: schema[index]!.type, value, length: 1 })),
        );
        return valueAt(context.evaluate(expression, batch), 0);
      };
      for (let step = steps.length - 1; step >= 0; step--) {
        const { condition, assignments, emits } = steps[step]!;
        const before = step > 0 ? active[step - 1] : undefined;
        let sequence: Sequence | undefined;
        if (before && valueOf(condition, fallbacks, before) === true) {
          active[step - 1] = undefined;
          sequence = before;
        } else {
          const held = active[step];
          if ((!held && step > 0) || valueOf(condition, fallbacks, held) !== true) continue;
          sequence = held ?? { matchId: nextMatchId++, seen: [] };
        }
        const own = [...fallbacks];
        for (const { declared: index, expression } of assignments) own[index] = valueOf(expression, own, sequence);
        const seen = steps.map((_, other) => (other === step ? [...cells, ...own] : sequence.seen[other]));
        active[step] = { matchId: sequence.matchId, seen };
        if (!emits) continue;
        rows.push(row);
        own.forEach((value, index) => values[index]!.push(value));
        matchIds.push(BigInt(sequence.matchId));
      }
    }
    const picked = input.select(Uint32Array.from(rows));
    const made = declared.map(({ column }, index) => columnFromValues(column.type, values[index]!));
    if (withMatchId) made.push(columnFromValues('long', matchIds));
    return {
      batch: new Batch(
        node.columns,
        rows.length,
        [...input.schema.map((_, index) => () => picked.column(index)), ...made],
        picked.lineage,
      ),
    };
  },
};
