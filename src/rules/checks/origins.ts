/**
 * Where the values of a query's columns come from, traced through its plan: which table's column, by which path into a
 * dynamic, folded to one letter case or not, or which aggregate. What checks of meaning need to know, and no more.
 */
import type { Aggregate, Expression, Plan } from '../../plan/plan.ts';

export type Origin =
  /** A column of a table, perhaps a value inside it. */
  | {
      readonly kind: 'column';
      readonly table: string;
      readonly column: string;
      /** Keys into a dynamic; `*` for the elements of an array. */
      readonly path: readonly string[];
      /** Through tolower() or toupper(). */
      readonly folded: boolean;
    }
  | { readonly kind: 'aggregate'; readonly aggregate: Aggregate; readonly of: Origin | undefined }
  /** Anything else; `inputs` are the origins of what it is made from. */
  | { readonly kind: 'other'; readonly inputs: readonly Origin[] };

/** The origin of an expression over the rows of `input`. */
export function originOf(expression: Expression, input: Plan): Origin {
  switch (expression.kind) {
    case 'column':
      return columnOrigin(input, expression.index);
    case 'call': {
      const [first, second] = expression.args;
      const name = expression.name.toLowerCase();
      if (first && (name === 'tolower' || name === 'toupper')) {
        const inner = originOf(first, input);
        return inner.kind === 'column' ? { ...inner, folded: true } : inner;
      }
      if (first && SAME_VALUE.has(name)) return originOf(first, input);
      if (first && name === 'path') {
        const inner = originOf(first, input);
        if (inner.kind !== 'column') return inner;
        const key = second?.kind === 'literal' && typeof second.value === 'string' ? second.value : '*';
        return { ...inner, path: [...inner.path, key] };
      }
      return { kind: 'other', inputs: expression.args.map((arg) => originOf(arg, input)) };
    }
    default:
      return NOTHING;
  }
}

const SAME_VALUE = new Set(['tostring', 'trim', 'todynamic', 'parse_json', 'toguid', 'todatetime', 'extractjson']);
const NOTHING: Origin = { kind: 'other', inputs: [] };

/** The origin of a column of a plan's rows. */
export function columnOrigin(plan: Plan, index: number): Origin {
  switch (plan.op) {
    case 'scan':
      return { kind: 'column', table: plan.table, column: plan.columns[index]!.name, path: [], folded: false };
    case 'filter':
    case 'sort':
    case 'take':
    case 'gather':
      return columnOrigin(plan.input, index);
    case 'project':
      return originOf(plan.expressions[index]!, plan.input);
    case 'summarize': {
      const key = plan.keys[index];
      if (key) return originOf(key, plan.input);
      const aggregate = plan.aggregates[index - plan.keys.length];
      if (!aggregate) return NOTHING;
      const of = aggregate.args.at(-1) ?? aggregate.args[0];
      return { kind: 'aggregate', aggregate, of: of && originOf(of, plan.input) };
    }
    case 'join': {
      const { side, index: from } = plan.output[index]!;
      return columnOrigin(plan[side], from);
    }
    case 'union': {
      const input = plan.inputs.find((_, i) => (plan.mapping[i]?.[index] ?? -1) >= 0);
      return input ? columnOrigin(input, plan.mapping[plan.inputs.indexOf(input)]![index]!) : NOTHING;
    }
    case 'expand': {
      const expansion = plan.expansions.find(({ column }) => column === index);
      if (expansion) {
        const inner = originOf(expansion.expression, plan.input);
        return inner.kind === 'column' ? { ...inner, path: [...inner.path, '*'] } : inner;
      }
      return index < plan.input.columns.length ? columnOrigin(plan.input, index) : NOTHING;
    }
    default:
      return NOTHING;
  }
}

/** The table columns that an origin is made from, aggregates looked through. */
export function columnsBehind(origin: Origin | undefined): readonly Extract<Origin, { kind: 'column' }>[] {
  if (!origin) return [];
  if (origin.kind === 'column') return [origin];
  if (origin.kind === 'aggregate') return columnsBehind(origin.of);
  return origin.inputs.flatMap(columnsBehind);
}

export function isColumn(origin: Origin, table: string, column: string, ...path: readonly string[]): boolean {
  return (
    origin.kind === 'column' &&
    origin.table === table &&
    origin.column === column &&
    path.length <= origin.path.length &&
    path.every((key, i) => origin.path[i]!.toLowerCase() === key.toLowerCase())
  );
}
