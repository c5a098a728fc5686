/**
 * A plan as a text tree, for `tocsin explain`. What stands in two places is printed once and named after that. Where the
 * plan has been cut, `gather` nodes show which part runs in every partition.
 */
import { formatDatetime, formatTimespan } from '../base/time.ts';
import { stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import type { Aggregate, Expression, Plan } from '../plan/plan.ts';

export interface ExplainOptions {
  /** Why a node must wait for the gather, by node: printed behind it. */
  readonly reasons?: ReadonlyMap<Plan, string>;
}

/** The tree, root first, two blanks of indent a level; ends without a newline. */
export function explainPlan(root: Plan, options: ExplainOptions = {}): string {
  const printer = new Printer(root, options);
  printer.node(root, 0, '');
  return printer.lines.join('\n');
}

class Printer {
  readonly lines: string[] = [];
  readonly #options: ExplainOptions;
  readonly #shared = new Map<Plan, number>();
  readonly #printed = new Set<Plan>();

  constructor(root: Plan, options: ExplainOptions) {
    this.#options = options;
    const seen = new Set<Plan>();
    const walk = (node: Plan): void => {
      if (seen.has(node)) {
        if (!this.#shared.has(node)) this.#shared.set(node, this.#shared.size + 1);
        return;
      }
      seen.add(node);
      for (const [, child] of children(node)) walk(child);
    };
    walk(root);
  }

  node(node: Plan, depth: number, label: string): void {
    const indent = '  '.repeat(depth);
    const number = this.#shared.get(node);
    const tag = number === undefined ? '' : ` #${number}`;
    if (this.#printed.has(node)) {
      this.lines.push(`${indent}${label}${node.op}${tag} (as above)`);
      return;
    }
    this.#printed.add(node);
    const reason = this.#options.reasons?.get(node);
    const detail = describe(node);
    this.lines.push(`${indent}${label}${detail}${tag}${reason === undefined ? '' : `   -- ${reason}`}`);
    for (const [childLabel, child] of children(node)) this.node(child, depth + 1, childLabel);
  }
}

/** Inputs and sub-queries of a node, with what each is to it. */
function children(node: Plan): [label: string, plan: Plan][] {
  const found: [string, Plan][] = [];
  switch (node.op) {
    case 'join':
      found.push(['left: ', node.left], ['right: ', node.right]);
      break;
    case 'union':
      for (const input of node.inputs) found.push(['', input]);
      break;
    case 'apply':
      found.push(['', node.input], ['each group: ', node.body]);
      break;
    case 'scan':
    case 'rows':
    case 'range':
    case 'group':
      break;
    default:
      found.push(['', node.input]);
  }
  const visit = (expression: Expression): void => {
    if (expression.kind === 'call') expression.args.forEach(visit);
    else if (expression.kind === 'toscalar' || expression.kind === 'tolist') {
      if (!found.some(([, plan]) => plan === expression.plan)) found.push([`${expression.kind}: `, expression.plan]);
    }
  };
  for (const expression of expressionsOf(node)) visit(expression);
  return found;
}

function expressionsOf(node: Plan): readonly Expression[] {
  switch (node.op) {
    case 'filter':
      return [node.predicate];
    case 'project':
      return node.expressions;
    case 'summarize':
      return [...node.keys, ...node.aggregates.flatMap((aggregate) => aggregate.args)];
    case 'sort':
      return node.keys.map((key) => key.expression);
    case 'take':
      return [node.count];
    case 'plugin':
      return node.args;
    case 'range':
      return [node.from, node.to, node.step];
    case 'expand':
      return node.expansions.map((expansion) => expansion.expression);
    default:
      return [];
  }
}

function describe(node: Plan): string {
  switch (node.op) {
    case 'scan':
      return `scan ${node.table} (${node.columns.map((column) => column.name).join(', ')})`;
    case 'rows':
      return `rows ${node.rows.length} (${node.columns.map((column) => `${column.name}: ${column.type}`).join(', ')})`;
    case 'range':
      return `range ${node.columns[0]!.name} from ${print(node.from, [])} to ${print(node.to, [])} step ${print(node.step, [])}`;
    case 'filter':
      return `filter ${print(
        node.predicate,
        node.input.columns.map((c) => c.name),
      )}`;
    case 'project':
      return `project ${node.expressions
        .map((expression, index) => named(node.columns[index]!.name, print(expression, namesOf(node.input))))
        .join(', ')}`;
    case 'summarize': {
      const names = namesOf(node.input);
      const keys = node.keys.map((key, index) => named(node.columns[index]!.name, print(key, names)));
      const aggregates = node.aggregates.map((aggregate, index) =>
        named(node.columns[node.keys.length + index]!.name, printAggregate(aggregate, names)),
      );
      return `summarize ${aggregates.join(', ')}${keys.length > 0 ? `${aggregates.length > 0 ? ' ' : ''}by ${keys.join(', ')}` : ''}`;
    }
    case 'join':
      return `join ${node.kind} on ${node.on
        .map((pair) => `${print(pair.left, namesOf(node.left))} == ${print(pair.right, namesOf(node.right))}`)
        .join(', ')}`;
    case 'union':
      return `union${node.sources ? ` withsource=${node.columns[0]!.name}` : ''}`;
    case 'sort':
      return `sort by ${node.keys
        .map(
          (key) =>
            `${print(key.expression, namesOf(node.input))} ${key.descending ? 'desc' : 'asc'}${key.nullsFirst === key.descending ? ` nulls ${key.nullsFirst ? 'first' : 'last'}` : ''}`,
        )
        .join(', ')}`;
    case 'take':
      return `take ${print(node.count, namesOf(node.input))}`;
    case 'expand':
      return `expand ${node.expansions
        .map((expansion) =>
          named(node.columns[expansion.column]!.name, print(expansion.expression, namesOf(node.input))),
        )
        .join(', ')}`;
    case 'apply':
      return `apply by ${node.input.columns[node.groupColumn]!.name}`;
    case 'group':
      return `group ${node.id}`;
    case 'series':
      return `series ${node.aggregates.map((aggregate) => printAggregate(aggregate, namesOf(node.input))).join(', ')} on ${print(node.axis, namesOf(node.input))} step ${print(node.step, namesOf(node.input))}${node.keys.length > 0 ? ` by ${node.keys.map((key) => print(key, namesOf(node.input))).join(', ')}` : ''}`;
    case 'plugin':
      return `${node.name} ${node.args.map((arg) => print(arg, namesOf(node.input))).join(', ')}`.trimEnd();
    case 'gather':
      return 'gather (everything below runs in each partition)';
  }
}

function namesOf(plan: Plan): string[] {
  return plan.columns.map((column) => column.name);
}

function named(name: string, text: string): string {
  return name === text ? name : `${name} = ${text}`;
}

function printAggregate(aggregate: Aggregate, names: readonly string[]): string {
  return `${aggregate.function}(${aggregate.args.map((arg) => print(arg, names)).join(', ')})`;
}

const WORD = /^[A-Za-z_]\w*$/;

/** An expression in KQL's own spelling; `names` are the columns that it refers to. */
export function print(expression: Expression, names: readonly string[]): string {
  switch (expression.kind) {
    case 'column':
      return names[expression.index] ?? `#${expression.index}`;
    case 'literal':
      return printValue(expression.value, expression.type);
    case 'toscalar':
    case 'tolist':
      return `${expression.kind}(...)`;
    case 'call':
  }
  const { name, args } = expression;
  const texts = args.map((arg) => print(arg, names));
  if (name === 'path') {
    const key = args[1]!;
    if (key.kind === 'literal' && typeof key.value === 'string' && WORD.test(key.value))
      return `${texts[0]!}.${key.value}`;
    return `${texts[0]!}[${texts[1]!}]`;
  }
  if (name === '-' && args.length === 1) return `-${texts[0]!}`;
  if (/^!?(in~?|has_any|has_all)$/.test(name)) return `${texts[0]!} ${name} (${texts.slice(1).join(', ')})`;
  if (name === 'between' || name === '!between') return `${texts[0]!} ${name} (${texts[1]!} .. ${texts[2]!})`;
  const isOperator = args.length === 2 && (!WORD.test(name) || INFIX.has(name));
  if (!isOperator) return `${name}(${texts.join(', ')})`;
  const wrapped = args.map((arg, index) =>
    arg.kind === 'call' && arg.args.length === 2 && (arg.name === 'or' || arg.name === 'and') && arg.name !== name
      ? `(${texts[index]!})`
      : texts[index]!,
  );
  return `${wrapped[0]!} ${name} ${wrapped[1]!}`;
}

const INFIX = new Set(
  'and or has has_cs hasprefix hasprefix_cs hassuffix hassuffix_cs contains contains_cs startswith startswith_cs endswith endswith_cs'.split(
    ' ',
  ),
);

function printValue(value: Value, type: ScalarType): string {
  if (value === null) return `${type}(null)`;
  switch (type) {
    case 'string':
      return JSON.stringify(value);
    case 'datetime':
      return `datetime(${formatDatetime(value as bigint)})`;
    case 'timespan':
      return `time(${formatTimespan(value as bigint)})`;
    case 'dynamic':
      return `dynamic(${stringifyDynamic(value)})`;
    case 'guid':
    case 'decimal':
      return `${type}(${value as string})`;
    default:
      return (value as bigint | number | boolean).toString();
  }
}
