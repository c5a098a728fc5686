/** Aggregates that gather many values: dcount, make_set, make_list, make_bag. */
import { type Column, columnFromValues, columnLength, gatherColumn, valueAt } from '../../columns/column.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType, type Value } from '../../columns/value.ts';
import { distinctPairs, type Groups } from '../operators/keys.ts';
import { type AggregateFunction, isNullAt, memberRows } from './aggregate.ts';

/** Kusto's own limit where a query names none. */
const DEFAULT_MAX_SIZE = 1_048_576;

/** A scalar as an element of a dynamic array. */
export function toDynamic(type: ScalarType, value: Value): Dynamic {
  if (value === null) return null;
  if (type === 'datetime') return new DynamicDatetime(value as bigint);
  if (type === 'timespan') return new DynamicTimespan(value as bigint);
  return value;
}

export function dynamicValueAt(column: Column, row: number): Dynamic {
  return toDynamic(column.type, valueAt(column, row));
}

function maxSizeOf(column: Column | undefined): number {
  if (!column || (column.kind !== 'constant' && columnLength(column) === 0)) return DEFAULT_MAX_SIZE;
  const value = valueAt(column, 0);
  return value === null ? DEFAULT_MAX_SIZE : Math.max(0, Number(value));
}

/** Distinct values that are not null, counted exactly: for sets as small as a rule's, Kusto's estimate is exact too. */
const dcount: AggregateFunction = {
  minArgs: 1,
  maxArgs: 2,
  run: ({ args, groups }) => {
    const column = args[0]!;
    const isNull = isNullAt(column);
    const out = new Float64Array(groups.count);
    for (const row of distinctPairs(groups, column).first) if (!isNull?.(row)) out[groups.of[row]!]!++;
    return { kind: 'number', type: 'long', values: out, nulls: undefined };
  },
};

function lists(column: Column, groups: Groups, rows: { starts: Uint32Array; rows: Uint32Array }, max: number): Column {
  const out: Dynamic[] = [];
  for (let group = 0; group < groups.count; group++) {
    const start = rows.starts[group]!;
    const end = Math.min(rows.starts[group + 1]!, start + max);
    const list: Dynamic[] = [];
    for (let i = start; i < end; i++) list.push(dynamicValueAt(column, rows.rows[i]!));
    out.push(list);
  }
  return columnFromValues('dynamic', out);
}

/** Typed nulls are left out; a dynamic null is a value like any other. */
function skippedNulls(column: Column): ((row: number) => boolean) | undefined {
  return column.type === 'dynamic' ? undefined : isNullAt(column);
}

const makeList: AggregateFunction = {
  minArgs: 1,
  maxArgs: 2,
  run: ({ args, groups }) => {
    const column = args[0]!;
    return lists(column, groups, memberRows(groups, skippedNulls(column)), maxSizeOf(args[1]));
  },
};

const makeListWithNulls: AggregateFunction = {
  minArgs: 1,
  maxArgs: 2,
  run: ({ args, groups }) => lists(args[0]!, groups, memberRows(groups), maxSizeOf(args[1])),
};

/** Each value at its first appearance. */
const makeSet: AggregateFunction = {
  minArgs: 1,
  maxArgs: 2,
  run: ({ args, groups }) => {
    const column = args[0]!;
    const rows = distinctPairs(groups, column).first;
    const of = new Uint32Array(rows.length);
    for (let i = 0; i < rows.length; i++) of[i] = groups.of[rows[i]!]!;
    const distinct = { of, count: groups.count, first: groups.first };
    const values = gatherColumn(column, rows);
    return lists(values, distinct, memberRows(distinct, skippedNulls(values)), maxSizeOf(args[1]));
  },
};

/** The bags of a group merged; of several values for one key the first stays. */
const makeBag: AggregateFunction = {
  minArgs: 1,
  maxArgs: 2,
  run: ({ args, groups }) => {
    const column = args[0]!;
    const max = maxSizeOf(args[1]);
    const { starts, rows } = memberRows(groups);
    const bags: Dynamic[] = [];
    for (let group = 0; group < groups.count; group++) {
      const bag = new Map<string, Dynamic>();
      for (let i = starts[group]!; i < starts[group + 1]!; i++) {
        const value = valueAt(column, rows[i]!);
        if (!(value instanceof Map)) continue;
        for (const [key, item] of value) if (!bag.has(key) && bag.size < max) bag.set(key, item);
      }
      bags.push(bag);
    }
    return columnFromValues('dynamic', bags);
  },
};

export const COLLECTORS: Readonly<Record<string, AggregateFunction>> = {
  dcount,
  count_distinct: { ...dcount, maxArgs: 1 },
  make_list: makeList,
  make_list_with_nulls: makeListWithNulls,
  make_set: makeSet,
  make_bag: makeBag,
};
