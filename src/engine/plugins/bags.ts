/** `bag_unpack` and `pivot`: plugins whose columns the data name. The plan says which they are. */
import { Batch } from '../../columns/batch.ts';
import { type Column, columnFromValues, gatherColumn, valueAt } from '../../columns/column.ts';
import type { Expression } from '../../plan/plan.ts';
import { aggregateFunction } from '../aggregates/index.ts';
import { gatherOrMissing } from '../operators/gather.ts';
import { groupRows } from '../operators/keys.ts';
import { groupLineage } from '../operators/lineage.ts';
import { textOf } from './text.ts';
import { argumentPlace, type Plugin } from './plugin.ts';

const span = { start: 0, end: 0 };

/** The value under a key of a bag, as a column of another type. */
function property(bag: Expression, key: string, type: Column['type']): Expression {
  const item: Expression = {
    kind: 'call',
    name: 'path',
    args: [bag, { kind: 'literal', value: key, type: 'string', span }],
    type: 'dynamic',
    span,
  };
  return type === 'dynamic' ? item : { kind: 'call', name: `to${type}`, args: [item], type, span };
}

/** Arguments: the bag, a prefix for the new columns, `columnsConflict`, `ignoredProperties`. */
const bagUnpack: Plugin = {
  rowLocal: true,
  run: (context) => {
    const { node, input } = context;
    const [bag] = node.args as [Expression];
    const at = (place: number, name: string): string | undefined => {
      const argument = argumentPlace(node, place, name);
      return argument === undefined ? undefined : ((context.constant(argument) as string | null) ?? undefined);
    };
    const prefix = at(1, 'OutputColumnPrefix') ?? '';
    const conflict = at(2, 'columnsConflict') ?? 'error';
    const own = new Map(input.schema.map(({ name }, index) => [name, index]));
    const bagIndex = bag.kind === 'column' ? bag.index : -1;
    let keys: Set<string> | undefined;
    const columns = node.columns.map(({ name, type }) => {
      const source = own.get(name);
      const unpacked = (): Column => context.evaluate(property(bag, name.slice(prefix.length), type), input);
      if (source === undefined || source === bagIndex) return unpacked;
      if (conflict === 'replace_source' && (keys ??= keysOf(context.column(0))).has(name.slice(prefix.length))) {
        return unpacked;
      }
      return () => input.column(source);
    });
    return { batch: new Batch(node.columns, input.rowCount, columns, input.lineage) };
  },
};

function keysOf(bags: Column): Set<string> {
  const keys = new Set<string>();
  const add = (value: unknown): void => {
    if (value instanceof Map) for (const key of value.keys()) keys.add(key as string);
  };
  if (bags.kind === 'constant') add(bags.value);
  else if (bags.kind === 'coded') for (const code of new Set(bags.codes)) add(bags.dictionary.value(code));
  return keys;
}

/** Arguments: the column whose values become columns, an aggregate (`count()` where absent), and the columns to keep. */
const pivot: Plugin = {
  rowLocal: false,
  run: (context) => {
    const { node, input } = context;
    const [pivoted, given, ...kept] = node.args as [Expression, Expression?, ...Expression[]];
    const call = given?.kind === 'call' ? given : undefined;
    const used = new Set<number>();
    const visit = (expression: Expression): void => {
      if (expression.kind === 'column') used.add(expression.index);
      else if (expression.kind === 'call') expression.args.forEach(visit);
    };
    visit(pivoted);
    if (call) visit(call);
    const keys: Column[] =
      kept.length > 0
        ? kept.map((key) => context.evaluate(key, input))
        : input.schema.flatMap((_, index) => (used.has(index) ? [] : [input.column(index)]));
    const outputs = node.columns.slice(keys.length);
    const places = new Map(outputs.map(({ name }, place) => [name, place]));
    const names = textOf(context.column(0), input.rowCount);
    const groups = groupRows(keys, input.rowCount);
    const groupCount = keys.length === 0 ? Math.min(1, input.rowCount) : groups.count;
    // A cell for each group and output column, empty ones too: a count of no rows is 0.
    const cells = new Uint32Array(input.rowCount);
    const rows: number[] = [];
    for (let row = 0; row < input.rowCount; row++) {
      const place = places.get(names(row));
      if (place === undefined) continue;
      cells[rows.length] = groups.of[row]! * outputs.length + place;
      rows.push(row);
    }
    const inside = Uint32Array.from(rows);
    context.admit(groupCount * outputs.length);
    const selected = input.select(inside);
    const values = aggregateFunction(call?.name ?? 'count')!.run({
      args: call ? call.args.map((arg) => context.evaluate(arg, selected)) : [],
      groups: { of: cells.subarray(0, rows.length), count: groupCount * outputs.length, first: new Uint32Array() },
      rowCount: rows.length,
      type: call?.type ?? 'long',
    });
    return {
      batch: new Batch(
        node.columns,
        groupCount,
        [
          ...keys.map((key) => () => gatherColumn(key, groups.first)),
          ...outputs.map(({ type }, place) => () => {
            const at = Int32Array.from({ length: groupCount }, (_, group) => group * outputs.length + place);
            const column = gatherOrMissing(values, at);
            return column.type === type
              ? column
              : columnFromValues(
                  type,
                  Array.from(at, (_, row) => valueAt(column, row)),
                );
          }),
        ],
        groupLineage(input, groups, groupCount),
      ),
    };
  },
};

export const BAG_PLUGINS: Readonly<Record<string, Plugin>> = { bag_unpack: bagUnpack, pivot };
