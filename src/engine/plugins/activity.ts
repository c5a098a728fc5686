/**
 * Plugins that count the ids active in bins of time: `activity_counts_metrics` and `sliding_window_counts`. Bins go from
 * `start` to `end` (inclusive) by `step`; a bin without rows is left out.
 */
import { Batch } from '../../columns/batch.ts';
import { columnFromValues, gatherColumn, valueAt } from '../../columns/column.ts';
import type { Value } from '../../columns/value.ts';
import { groupRows } from '../operators/keys.ts';
import { groupLineage } from '../operators/lineage.ts';
import type { Plugin, PluginContext, PluginResult } from './plugin.ts';

/** The rows inside [start, end]: for each group of the dimensions, for each bin, the ids of its rows. */
interface Binned {
  readonly ids: readonly (readonly (readonly number[] | undefined)[])[];
  readonly groups: ReturnType<typeof groupRows>;
  readonly start: bigint;
  readonly step: bigint;
  readonly binCount: number;
}

/** Arguments: id, time, start, end, then `stepAt` names the bin's width; dimensions from `dimensionsAt`. */
function binned(context: PluginContext, stepAt: number, dimensionsAt: number): Binned {
  const { node, input } = context;
  const start = context.constant(2) as bigint;
  const end = context.constant(3) as bigint;
  const step = context.constant(stepAt) as bigint;
  const dimensions = node.args.slice(dimensionsAt).map((argument) => context.evaluate(argument, input));
  const groups = groupRows(dimensions, input.rowCount);
  const ids = groupRows([context.column(0)], input.rowCount);
  const times = context.column(1);
  const binCount = step > 0n && end >= start ? Number((end - start) / step) + 1 : 0;
  context.admit(binCount);
  const binned: number[][][] = Array.from({ length: groups.count }, () => []);
  for (let row = 0; row < input.rowCount && binCount > 0; row++) {
    const at = valueAt(times, row) as bigint | null;
    if (at === null || at < start || at > end) continue;
    (binned[groups.of[row]!]![Number((at - start) / step)] ??= []).push(ids.of[row]!);
  }
  return { ids: binned, groups, start, step, binCount };
}

interface Line {
  readonly group: number;
  readonly bin: number;
  readonly counts: readonly number[];
}

function result(
  context: PluginContext,
  { groups, start, step }: Binned,
  dimensionsAt: number,
  lines: readonly Line[],
): PluginResult {
  const { node, input } = context;
  const times: Value[] = lines.map(({ bin }) => start + BigInt(bin) * step);
  const of = Uint32Array.from(lines, ({ group }) => groups.first[group]!);
  const counts = lines[0]?.counts ?? [];
  const lineage = groupLineage(input, groups, groups.count);
  return {
    batch: new Batch(
      node.columns,
      lines.length,
      node.columns.map(({ name, type }, index) => {
        if (index === 0) return columnFromValues(type, times);
        if (index <= counts.length || lines.length === 0) {
          return columnFromValues(
            type,
            lines.map((line) => BigInt(line.counts[index - 1] ?? 0)),
          );
        }
        const dimension = node.args[dimensionsAt + index - counts.length - 1];
        if (!dimension) throw new TypeError(`no argument for the column ${name}`);
        return gatherColumn(context.evaluate(dimension, input), of);
      }),
      lineage && { sets: lineage.sets, codes: Uint32Array.from(lines, ({ group }) => lineage.codes[group]!) },
    ),
  };
}

/** Rows, distinct ids, ids not seen in an earlier bin, and distinct ids since the start. */
const activityCounts: Plugin = {
  rowLocal: false,
  run: (context) => {
    const bins = binned(context, 4, 5);
    const lines: Line[] = [];
    bins.ids.forEach((byBin, group) => {
      const seen = new Set<number>();
      for (let bin = 0; bin < bins.binCount; bin++) {
        const inside = byBin[bin];
        if (!inside) continue;
        const before = seen.size;
        for (const id of inside) seen.add(id);
        lines.push({ group, bin, counts: [inside.length, new Set(inside).size, seen.size - before, seen.size] });
      }
    });
    return result(context, bins, 5, lines);
  },
};

/** Rows and distinct ids of the look-back that ends with each bin. */
const slidingCounts: Plugin = {
  rowLocal: false,
  run: (context) => {
    const bins = binned(context, 5, 6);
    const lookback = context.constant(4) as bigint;
    const width = bins.step > 0n ? Number(lookback / bins.step) : 0;
    const lines: Line[] = [];
    bins.ids.forEach((byBin, group) => {
      for (let bin = 0; bin < bins.binCount; bin++) {
        const inside = byBin.slice(Math.max(0, bin - width + 1), bin + 1).flatMap((ids) => ids ?? []);
        if (inside.length > 0) lines.push({ group, bin, counts: [inside.length, new Set(inside).size] });
      }
    });
    return result(context, bins, 6, lines);
  },
};

export const ACTIVITY_PLUGINS: Readonly<Record<string, Plugin>> = {
  activity_counts_metrics: activityCounts,
  sliding_window_counts: slidingCounts,
};
