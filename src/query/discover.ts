/**
 * The columns of plugins whose output depends on the data. Kusto finds them out by running the input, and so does a
 * one-off query. A rule's plan serves all of its runs, so its columns are those that any run could give: what stands before
 * the plugin is run once over the whole dataset, without the conditions that move with the clock.
 */
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { DynamicDatetime, DynamicTimespan, type Dynamic, type ScalarType, type Value } from '../columns/value.ts';
import { TocsinError } from '../base/errors.ts';
import { parseIsoDatetime } from '../base/time.ts';
import { rebuild } from '../engine/cut.ts';
import { execute } from '../engine/execute.ts';
import { isTimeInvariant } from '../engine/nature.ts';
import { argumentPlace } from '../engine/plugins/plugin.ts';
import { rowsOf } from '../engine/tables.ts';
import type { CompileOptions } from '../kql/compile.ts';
import { type Expression, type Plan, planInputs } from '../plan/plan.ts';
import type { QueryDataset } from './query.ts';

/** Finds out the columns of a rule's plugins from a dataset: the union over all times. */
export function discoverIn(dataset: QueryDataset): NonNullable<CompileOptions['discover']> {
  const now = parseIsoDatetime(dataset.manifest.end);
  if (now === undefined) throw new TocsinError('INPUT', `the dataset's end is no time: '${dataset.manifest.end}'`);
  return (plan) =>
    discoverColumns(plan, (input) => execute(ofAllTime(input), dataset.all(), { now, window: undefined }));
}

/** The plan without the conditions that depend on when it runs. */
function ofAllTime(plan: Plan): Plan {
  const inputs = planInputs(plan).map(ofAllTime);
  if (plan.op !== 'filter') return rebuild(plan, inputs);
  const lasting = conjuncts(plan.predicate).filter(isTimeInvariant);
  return lasting.reduce<Plan>((input, predicate) => ({ ...plan, input, predicate }), inputs[0]!);
}

function conjuncts(predicate: Expression): readonly Expression[] {
  return predicate.kind === 'call' && predicate.name === 'and' ? predicate.args.flatMap(conjuncts) : [predicate];
}

type PluginPlan = Extract<Plan, { op: 'plugin' }>;

/**
 * The output columns of a plugin over the rows that `evaluate` gives for its input; undefined for plugins that this
 * cannot find out.
 */
export function discoverColumns(plan: Plan, evaluate: (input: Plan) => Batch): readonly ColumnInfo[] | undefined {
  if (plan.op !== 'plugin') return undefined;
  if (plan.name === 'bag_unpack') return bagUnpackColumns(plan, evaluate(plan.input));
  if (plan.name === 'pivot') return pivotColumns(plan, evaluate(plan.input));
  return undefined;
}

function constant(expression: Expression | undefined): Value | undefined {
  return expression?.kind === 'literal' ? expression.value : undefined;
}

/** Input columns without the bag, then one column for each key, sorted; conflicts as `columnsConflict` says. */
function bagUnpackColumns(plan: PluginPlan, input: Batch): readonly ColumnInfo[] | undefined {
  const [bag] = plan.args;
  if (bag?.kind !== 'column') return undefined;
  const given = (place: number, name: string): Value | undefined =>
    constant(plan.args[argumentPlace(plan, place, name) ?? -1]);
  const prefix = (given(1, 'OutputColumnPrefix') as string | undefined) ?? '';
  const conflict = (given(2, 'columnsConflict') as string | undefined) ?? 'error';
  const ignored = new Set((given(3, 'ignoredProperties') as Dynamic[] | null | undefined) ?? []);
  const types = new Map<string, ScalarType | undefined>();
  for (const row of rowsOf(input)) {
    const value = row[bag.index]!;
    if (!(value instanceof Map)) continue;
    for (const [key, item] of value) {
      if (ignored.has(key)) continue;
      const found = typeOfItem(item);
      const known = types.get(key);
      if (!types.has(key) || !known) types.set(key, found ?? known);
      else if (found && found !== known) types.set(key, commonType(known, found));
    }
  }
  const columns = input.schema.filter((_, index) => index !== bag.index);
  for (const key of [...types.keys()].sort()) {
    const column = { name: prefix + key, type: types.get(key) ?? ('dynamic' as const) };
    const at = columns.findIndex((existing) => existing.name === column.name);
    if (at < 0) columns.push(column);
    else if (conflict === 'replace_source') columns[at] = column;
    else if (conflict !== 'keep_source') return undefined;
  }
  return columns;
}

function typeOfItem(item: Dynamic): ScalarType | undefined {
  if (item === null) return undefined;
  switch (typeof item) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'long';
    case 'number':
      return 'real';
    case 'string':
      return 'string';
    default:
      if (item instanceof DynamicDatetime) return 'datetime';
      return item instanceof DynamicTimespan ? 'timespan' : 'dynamic';
  }
}

function commonType(a: ScalarType, b: ScalarType): ScalarType {
  return (a === 'long' && b === 'real') || (a === 'real' && b === 'long') ? 'real' : 'dynamic';
}

/** Columns that the pivot keeps, then one for each value of the pivoted column, sorted. */
function pivotColumns(plan: PluginPlan, input: Batch): readonly ColumnInfo[] | undefined {
  const [pivoted, aggregate, ...kept] = plan.args;
  if (pivoted?.kind !== 'column') return undefined;
  const used = new Set<number>([pivoted.index]);
  const visit = (expression: Expression): void => {
    if (expression.kind === 'column') used.add(expression.index);
    else if (expression.kind === 'call') expression.args.forEach(visit);
  };
  if (aggregate) visit(aggregate);
  const keys =
    kept.length > 0
      ? kept.flatMap((key) => (key.kind === 'column' ? [input.schema[key.index]!] : []))
      : input.schema.filter((_, index) => !used.has(index));
  const names = new Set(rowsOf(input).map((row) => String(row[pivoted.index] as string)));
  const type = aggregate?.kind === 'call' && aggregate.name !== 'count' ? aggregate.type : 'long';
  return [...keys, ...[...names].sort().map((name) => ({ name, type }))];
}
