/**
 * `sequence_detect`: every way in which rows of one combination of dimensions meet the steps one after the other. A step
 * must be later than the one before it and at most a window after it, and the last at most a span after the first. Rows
 * of one instant that meet a step are one occurrence of it.
 */
import { Batch } from '../../columns/batch.ts';
import { columnFromValues, gatherColumn, valueAt } from '../../columns/column.ts';
import type { Value } from '../../columns/value.ts';
import { type Groups, groupRows } from '../operators/keys.ts';
import { LineageSets } from '../operators/lineage.ts';
import type { Plugin, PluginContext, PluginResult } from './plugin.ts';

/** Arguments before the steps: time, window, span. */
const STEPS_AT = 3;

/** When a step was met, and by which labelled events. */
interface Occurrence {
  readonly at: bigint;
  lineage: number;
}

/** The occurrences of each step in each group, by time. */
function occurrencesOf(context: PluginContext, groups: Groups, sets: LineageSets): Occurrence[][][] {
  const { input, node } = context;
  const times = context.column(0);
  const codes = sets.import(input.lineage);
  const order = Array.from({ length: input.rowCount }, (_, row) => row)
    .filter((row) => valueAt(times, row) !== null)
    .map((row) => ({ row, at: valueAt(times, row) as bigint }))
    .sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.row - b.row));
  const steps = node.args.slice(STEPS_AT, STEPS_AT + stepCount(node)).map((step) => context.evaluate(step, input));
  const found = Array.from({ length: groups.count }, () => steps.map((): Occurrence[] => []));
  for (const { row, at } of order) {
    const lineage = codes ? codes[input.lineage!.codes[row]!]! : 0;
    for (const [index, step] of steps.entries()) {
      if (valueAt(step, row) !== true) continue;
      const met = found[groups.of[row]!]![index]!;
      const last = met.at(-1);
      if (last?.at === at) last.lineage = sets.union(last.lineage, lineage);
      else met.push({ at, lineage });
    }
  }
  return found;
}

/** Steps are the leading conditions; what follows them are dimensions. */
function stepCount({ args }: PluginContext['node']): number {
  const after = args.slice(STEPS_AT).findIndex(({ type }) => type !== 'bool');
  return after < 0 ? args.length - STEPS_AT : after;
}

/** The first of `occurrences` (by time) that is later than `at`. */
function firstAfter(occurrences: readonly Occurrence[], at: bigint): number {
  let low = 0;
  let high = occurrences.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (occurrences[middle]!.at > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The occurrences of each step that a next step can follow, so that hardly any search ends in nothing. */
function withSuccessors(steps: readonly Occurrence[][], window: bigint): readonly Occurrence[][] {
  const kept = [...steps];
  for (let index = kept.length - 2; index >= 0; index--) {
    const next = kept[index + 1]!;
    kept[index] = kept[index]!.filter(({ at }) => {
      const following = next[firstAfter(next, at)];
      return following !== undefined && following.at - at <= window;
    });
  }
  return kept;
}

export const sequenceDetect: Plugin = {
  rowLocal: false,
  run: (context): PluginResult => {
    const { node, input } = context;
    const window = context.constant(1) as bigint | null;
    const span = context.constant(2) as bigint | null;
    const count = stepCount(node);
    const dimensions = node.args.slice(STEPS_AT + count).map((argument) => context.evaluate(argument, input));
    const groups = groupRows(dimensions, input.rowCount);
    const sets = new LineageSets();
    const ofLines: number[] = [];
    const times: Value[][] = Array.from({ length: count }, () => []);
    const durations: bigint[] = [];
    const lineage: number[] = [];
    let tried = 0;
    for (const [group, found] of occurrencesOf(context, groups, sets).entries()) {
      if (window === null || span === null) break;
      const steps = withSuccessors(found, window);
      const path: Occurrence[] = [];
      const extend = (): void => {
        const [first, last] = [path[0]!, path.at(-1)!];
        context.admit(++tried);
        if (path.length === count) {
          path.forEach(({ at }, index) => times[index]!.push(at));
          durations.push(last.at - first.at);
          ofLines.push(groups.first[group]!);
          lineage.push(path.reduce((all, { lineage: code }) => sets.union(all, code), 0));
          return;
        }
        const next = steps[path.length]!;
        for (let i = firstAfter(next, last.at); i < next.length; i++) {
          const step = next[i]!;
          if (step.at - last.at > window || step.at - first.at > span) break;
          path.push(step);
          extend();
          path.pop();
        }
      };
      for (const start of steps[0]!) {
        path.push(start);
        extend();
        path.pop();
      }
    }
    const of = Uint32Array.from(ofLines);
    const columns = [
      ...dimensions.map((dimension) => gatherColumn(dimension, of)),
      ...times.map((values) => columnFromValues('datetime', values)),
      columnFromValues('timespan', durations),
    ];
    const carried = input.lineage && sets.lineage(Uint32Array.from(lineage));
    return { batch: new Batch(node.columns, durations.length, columns, carried) };
  },
};
