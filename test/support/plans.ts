/** Plans by hand: what the front end would make, without the front end. */
import type { ColumnInfo } from '../../src/columns/batch.ts';
import type { ScalarType, Value } from '../../src/columns/value.ts';
import type { Aggregate, Expression, JoinKind, Plan, SortKey } from '../../src/plan/plan.ts';

const span = { start: 0, end: 0 };

export function literal(type: ScalarType, value: Value): Expression {
  return { kind: 'literal', type, value, span };
}

export function text(value: string): Expression {
  return literal('string', value);
}

export function long(value: number | bigint): Expression {
  return literal('long', BigInt(value));
}

const TICKS = { m: 600_000_000n, h: 36_000_000_000n, d: 864_000_000_000n } as const;

/** A timespan literal: `timespan(90, 'm')`. */
export function timespan(count: number, unit: keyof typeof TICKS): Expression {
  return literal('timespan', BigInt(count) * TICKS[unit]);
}

export function call(name: string, type: ScalarType, ...args: Expression[]): Expression {
  return { kind: 'call', name, type, args, span };
}

/** A column of `input` by name. */
export function column(input: Plan, name: string): Expression {
  const index = input.columns.findIndex((c) => c.name === name);
  if (index < 0) throw new Error(`no column ${name} among ${input.columns.map((c) => c.name).join()}`);
  return { kind: 'column', index, type: input.columns[index]!.type, span };
}

export function scan(table: string, columns: Readonly<Record<string, ScalarType>>): Plan {
  return { op: 'scan', table, columns: Object.entries(columns).map(([name, type]) => ({ name, type })), span };
}

export function rows(columns: Readonly<Record<string, ScalarType>>, values: Value[][]): Plan {
  return { op: 'rows', rows: values, columns: Object.entries(columns).map(([name, type]) => ({ name, type })), span };
}

export function filter(input: Plan, predicate: (of: (name: string) => Expression) => Expression): Plan {
  return { op: 'filter', input, predicate: predicate((name) => column(input, name)), columns: input.columns, span };
}

export function project(
  input: Plan,
  expressions: (of: (name: string) => Expression) => Readonly<Record<string, Expression>>,
): Plan {
  const made = expressions((name) => column(input, name));
  return {
    op: 'project',
    input,
    expressions: Object.values(made),
    columns: Object.entries(made).map(([name, { type }]) => ({ name, type })),
    span,
  };
}

/** All columns of the input and further ones. */
export function extend(
  input: Plan,
  expressions: (of: (name: string) => Expression) => Readonly<Record<string, Expression>>,
): Plan {
  return project(input, (of) => ({
    ...Object.fromEntries(input.columns.map((c) => [c.name, of(c.name)])),
    ...expressions(of),
  }));
}

export function aggregate(name: string, type: ScalarType, ...args: Expression[]): Aggregate {
  return { function: name, args, type, span };
}

export function summarize(
  input: Plan,
  keys: readonly string[],
  aggregates: (of: (name: string) => Expression) => Readonly<Record<string, Aggregate>>,
): Plan {
  const made = aggregates((name) => column(input, name));
  return {
    op: 'summarize',
    input,
    keys: keys.map((name) => column(input, name)),
    aggregates: Object.values(made),
    columns: [
      ...keys.map((name): ColumnInfo => ({ name, type: column(input, name).type })),
      ...Object.entries(made).map(([name, { type }]) => ({ name, type })),
    ],
    span,
  };
}

/** A join with all columns of the sides that its kind gives; the right ones' names get a 1 where they repeat. */
export function join(kind: JoinKind, left: Plan, right: Plan, on: readonly (readonly [string, string])[]): Plan {
  const output: { side: 'left' | 'right'; index: number }[] = [];
  const columns: ColumnInfo[] = [];
  if (!['rightsemi', 'rightanti'].includes(kind)) {
    left.columns.forEach((c, index) => {
      output.push({ side: 'left', index });
      columns.push(c);
    });
  }
  if (!['leftsemi', 'leftanti'].includes(kind)) {
    right.columns.forEach((c, index) => {
      output.push({ side: 'right', index });
      let { name } = c;
      for (let n = 1; columns.some((other) => other.name === name); n++) name = `${c.name}${n}`;
      columns.push({ ...c, name });
    });
  }
  return {
    op: 'join',
    kind,
    left,
    right,
    on: on.map(([a, b]) => ({ left: column(left, a), right: column(right, b) })),
    output,
    columns,
    span,
  };
}

/** `union`, columns matched by name; one that has another type in an earlier input is left out. */
export function union(...inputs: readonly Plan[]): Plan {
  const columns: ColumnInfo[] = [];
  for (const input of inputs) {
    for (const c of input.columns) if (!columns.some((d) => d.name === c.name)) columns.push(c);
  }
  return {
    op: 'union',
    inputs,
    mapping: inputs.map((input) =>
      columns.map((c) => input.columns.findIndex((d) => d.name === c.name && d.type === c.type)),
    ),
    sources: undefined,
    columns,
    span,
  };
}

export function sort(
  input: Plan,
  ...keys: readonly { name: string; descending?: boolean; nullsFirst?: boolean }[]
): Plan {
  return {
    op: 'sort',
    input,
    keys: keys.map(
      ({ name, descending = true, nullsFirst = !descending }): SortKey => ({
        expression: column(input, name),
        descending,
        nullsFirst,
      }),
    ),
    columns: input.columns,
    span,
  };
}

export function take(input: Plan, count: number): Plan {
  return { op: 'take', input, count: long(count), columns: input.columns, span };
}

/** `mv-expand name` in place, to a type. */
export function expand(input: Plan, name: string, type: ScalarType = 'dynamic'): Plan {
  const at = input.columns.findIndex((c) => c.name === name);
  return {
    op: 'expand',
    input,
    expansions: [{ expression: column(input, name), type, column: at }],
    limit: undefined,
    bagAsArray: false,
    indexColumn: undefined,
    columns: input.columns.map((c, index) => (index === at ? { name, type } : c)),
    span,
  };
}

/** `x in (plan's first column)`. */
export function tolist(plan: Plan): Expression {
  return { kind: 'tolist', plan, type: 'dynamic', span };
}

export function toscalar(plan: Plan): Expression {
  return { kind: 'toscalar', plan, type: plan.columns[0]!.type, span };
}

/** `mv-apply name on (body)`: rows numbered, expanded, and the body over each row's elements. */
export function mvApply(input: Plan, id: number, name: string, body: (group: Plan) => Plan): Plan {
  const number = `$group${id}`;
  const numbered = extend(input, () => ({ [number]: call('row_number', 'long') }));
  const expanded = expand(numbered, name, 'string');
  return applyTo(expanded, id, number, body, [name, number]);
}

/** `partition by key (body)`. */
export function partitionBy(input: Plan, id: number, key: string, body: (group: Plan) => Plan): Plan {
  return applyTo(input, id, key, body, undefined);
}

function applyTo(
  input: Plan,
  id: number,
  key: string,
  body: (group: Plan) => Plan,
  hidden: readonly string[] | undefined,
): Plan {
  const rows = body({ op: 'group', id, columns: input.columns, span });
  // The number of the group is nobody's business outside.
  const made = project(rows, (of) =>
    Object.fromEntries(rows.columns.flatMap((c) => (c.name === key && hidden ? [] : [[c.name, of(c.name)]]))),
  );
  const outer = hidden
    ? input.columns.flatMap((c, index) =>
        hidden.includes(c.name) || made.columns.some((d) => d.name === c.name) ? [] : [index],
      )
    : [];
  return {
    op: 'apply',
    id,
    input,
    groupColumn: input.columns.findIndex((c) => c.name === key),
    body: made,
    outer,
    columns: [...outer.map((index) => input.columns[index]!), ...made.columns],
    span,
  };
}
