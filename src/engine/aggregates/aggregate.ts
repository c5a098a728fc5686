/** What an aggregate function is to the engine: a kernel from columns and group numbers to one value per group. */
import { type Column, gatherColumn } from '../../columns/column.ts';
import type { ScalarType } from '../../columns/value.ts';
import { rowsWhere } from '../operators/gather.ts';
import { type Groups, rowsByGroup } from '../operators/keys.ts';

export interface AggregateInput {
  /** The evaluated arguments, one column each, as long as there are rows. */
  readonly args: readonly Column[];
  /** Group of each row; `groups.count` may exceed the groups in use (a grand total over no rows has one empty group). */
  readonly groups: Groups;
  readonly rowCount: number;
  /** The type that the plan gives the result. */
  readonly type: ScalarType;
}

export interface AggregateFunction {
  readonly minArgs: number;
  readonly maxArgs: number;
  /** One value per group, `groups.count` of them. */
  readonly run: (input: AggregateInput) => Column;
}

/** The rows of a column that are not null, or undefined where all rows are. */
export function isNullAt(column: Column): ((row: number) => boolean) | undefined {
  switch (column.kind) {
    case 'constant':
      return column.value === null ? () => true : undefined;
    case 'coded': {
      const nulls = nullEntries(column);
      if (!nulls) return undefined;
      const { codes } = column;
      return (row) => nulls[codes[row]!] === 1;
    }
    default: {
      const { nulls } = column;
      return nulls ? (row) => nulls[row] === 1 : undefined;
    }
  }
}

const NULL_ENTRIES = 'engine:null-entries';

function nullEntries(column: Column & { kind: 'coded' }): Uint8Array | undefined {
  if (column.type === 'string') return undefined;
  const { dictionary } = column;
  const known = dictionary.memo.get(NULL_ENTRIES) as Uint8Array | null | undefined;
  if (known !== undefined) return known ?? undefined;
  let nulls: Uint8Array | undefined;
  for (let code = 0; code < dictionary.size; code++) {
    if (dictionary.isNull(code)) (nulls ??= new Uint8Array(dictionary.size))[code] = 1;
  }
  dictionary.memo.set(NULL_ENTRIES, nulls ?? null);
  return nulls;
}

/** 1 for each row where a bool column is true. */
export function trueRows(column: Column, rowCount: number): Uint8Array {
  const keep = new Uint8Array(rowCount);
  if (column.kind === 'constant') return column.value === true ? keep.fill(1) : keep;
  if (column.kind !== 'bool') throw new TypeError(`a predicate of type ${column.type}`);
  const { values, nulls } = column;
  if (!nulls) keep.set(values);
  else for (let row = 0; row < rowCount; row++) keep[row] = values[row]! & (nulls[row]! ^ 1);
  return keep;
}

/** The same function over the rows where its second argument is true (`sumif` of `sum`). */
export function conditional(base: AggregateFunction): AggregateFunction {
  return {
    minArgs: base.minArgs + 1,
    maxArgs: base.maxArgs + 1,
    run: ({ args, groups, rowCount, type }) => {
      const rows = rowsWhere(trueRows(args[1]!, rowCount));
      const of = new Uint32Array(rows.length);
      for (let i = 0; i < rows.length; i++) of[i] = groups.of[rows[i]!]!;
      return base.run({
        args: args.filter((_, index) => index !== 1).map((column) => gatherColumn(column, rows)),
        groups: { of, count: groups.count, first: groups.first },
        rowCount: rows.length,
        type,
      });
    },
  };
}

/** The rows of each group that `skip` does not name, in row order. */
export function memberRows(
  groups: Groups,
  skip?: (row: number) => boolean,
): { readonly starts: Uint32Array; readonly rows: Uint32Array } {
  const all = rowsByGroup(groups.of, groups.count);
  if (!skip) return all;
  const starts = new Uint32Array(groups.count + 1);
  const rows = new Uint32Array(all.rows.length);
  let at = 0;
  for (let group = 0; group < groups.count; group++) {
    for (let i = all.starts[group]!; i < all.starts[group + 1]!; i++) {
      if (!skip(all.rows[i]!)) rows[at++] = all.rows[i]!;
    }
    starts[group + 1] = at;
  }
  return { starts, rows: rows.subarray(0, at) };
}
