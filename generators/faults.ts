/**
 * What goes wrong with logs after they were made: the fault menu of a scenario, applied to the rows of a partition. Which
 * rows a fault hits is a function of (seed, fault, account, row), so faults too are independent of threads and partitions.
 * The truth keeps telling what happened, also of rows that a fault loses.
 */
import { purposeKey, RandomStream } from '../src/base/random.ts';
import { TocsinError } from '../src/base/errors.ts';
import type { Attribute, Dimension, FactColumn, Facts, FieldArray } from '../src/dataset/facts.ts';
import { knownTables, tableColumns } from '../src/schema/tables.ts';
import { ACTIVITIES, findActivity } from './audit-activities.ts';
import type { Span } from './rows.ts';
import { suggestion, type YamlReader } from './yaml-reader.ts';

export const FAULT_KINDS = [
  'emptied-field',
  'renamed-operation',
  'clock-skew',
  'duplicated-rows',
  'dropped-rows',
  'ingestion-outage',
  'reordered-arrival',
] as const;

/** One fault. Times in milliseconds since the start of the dataset; it holds from `fromMs` (inclusive) to `toMs` (exclusive). */
export interface Fault {
  readonly kind: (typeof FAULT_KINDS)[number];
  readonly table: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** `emptied-field`: the column. */
  readonly column: string;
  /** `renamed-operation`: the OperationName, and what becomes of it. */
  readonly operation: string;
  readonly renamed: string;
  /** `duplicated-rows`, `dropped-rows`: of all rows. */
  readonly share: number;
  /** `clock-skew`: how much later TimeGenerated is; `reordered-arrival`: by how much at most ingestion is late. Milliseconds. */
  readonly byMs: number;
}

const FAULT_KEYS = ['kind', 'table', 'from', 'to', 'column', 'operation', 'renamed', 'share', 'by'] as const;
/** The keys that a kind needs besides `table`. */
const NEEDED: Readonly<Record<Fault['kind'], readonly string[]>> = {
  'emptied-field': ['column'],
  'renamed-operation': ['operation', 'renamed'],
  'clock-skew': ['by'],
  'duplicated-rows': ['share'],
  'dropped-rows': ['share'],
  'ingestion-outage': ['from', 'to'],
  'reordered-arrival': ['by'],
};
const GENERATED_TABLES = knownTables().filter((table) => table === 'AuditLogs' || /Sign[Ii]nLogs$/.test(table));

/** Reads one entry of a scenario's `faults`; what is wrong with it goes to the reader's problems. */
export function readFault(reader: YamlReader, node: YamlReader['root']): Fault {
  const fields = reader.fields(node, 'a fault', FAULT_KEYS);
  const get = (key: string) => fields.get(key)?.node ?? null;
  const known = reader.problems.length;
  const kindNode = reader.required(fields, 'kind', node, 'a fault');
  const kind = kindNode ? reader.name(kindNode, 'kind of fault', FAULT_KINDS, 'dropped-rows') : 'dropped-rows';
  if (reader.problems.length === known) {
    for (const key of NEEDED[kind]) reader.required(fields, key, node, `the fault ${kind}`);
  }
  let table = 'AuditLogs';
  if (kind !== 'renamed-operation' || fields.has('table')) {
    const tableNode = reader.required(fields, 'table', node, 'a fault');
    if (tableNode) table = reader.name(tableNode, 'table', GENERATED_TABLES, table);
  }
  const column = fields.has('column') ? reader.text(get('column'), 'column') : '';
  if (column !== '') {
    const names = tableColumns(table)!.map(({ name }) => name);
    if (!names.includes(column))
      reader.fault(get('column'), `unknown column "${column}" of ${table}`, suggestion(column, names));
    else if (column === 'TimeGenerated')
      reader.fault(get('column'), 'TimeGenerated cannot be emptied: a row without it does not exist');
  }
  const operation = fields.has('operation') ? reader.text(get('operation'), 'operation') : '';
  if (operation !== '' && !findActivity(operation)) {
    reader.fault(
      get('operation'),
      `unknown operation "${operation}"`,
      suggestion(
        operation,
        ACTIVITIES.map((known) => known.operation),
      ),
    );
  }
  const fromMs = fields.has('from') ? reader.duration(get('from'), 'from').from : 0;
  const toMs = fields.has('to') ? reader.duration(get('to'), 'to').from : Number.MAX_SAFE_INTEGER;
  if (toMs <= fromMs) reader.fault(get('to'), 'the fault ends before it begins');
  return {
    kind,
    table,
    fromMs,
    toMs,
    column,
    operation,
    renamed: fields.has('renamed') ? reader.text(get('renamed'), 'renamed') : '',
    share: fields.has('share') ? reader.number(get('share'), 'share', 0, 1, false, 0) : 0,
    byMs: fields.has('by') ? reader.duration(get('by'), 'by').from : 0,
  };
}

/** What a fault does, in words: `AuditLogs, 10 % of rows`, `AuditLogs.TargetResources, from 12h`. */
export function faultText({ kind, table, column, operation, renamed, share, byMs, fromMs, toMs }: Fault): string {
  const what = {
    'emptied-field': `${table}.${column}`,
    'renamed-operation': `${table}, "${operation}" to "${renamed}"`,
    'clock-skew': `${table}, by ${durationText(byMs)}`,
    'duplicated-rows': `${table}, ${shareText(share)} of rows`,
    'dropped-rows': `${table}, ${shareText(share)} of rows`,
    'ingestion-outage': table,
    'reordered-arrival': `${table}, by up to ${durationText(byMs)}`,
  }[kind];
  const from = fromMs > 0 ? `, from ${durationText(fromMs)}` : '';
  return what + from + (toMs < Number.MAX_SAFE_INTEGER ? `, to ${durationText(toMs)}` : '');
}

function shareText(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}

/** `90m`, `3d`: in the largest unit that leaves a whole number. */
function durationText(ms: number): string {
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** The facts as they are after the faults, in the order that the scenario gives them. */
export function applyFaults(facts: Facts, faults: readonly Fault[], seed: number, span: Span): Facts {
  let result = facts;
  faults.forEach((fault, position) => {
    if (fault.table !== result.table) return;
    // What was known of the rows holds no more.
    const { inOrder: _, ...rows } = result;
    result = applyFault(rows, fault, purposeKey(`fault/${position}`), seed, span);
  });
  return result;
}

function applyFault(facts: Facts, fault: Fault, purpose: number, seed: number, span: Span): Facts {
  const timeField = fieldOf(facts, 'TimeGenerated');
  const times = facts.fields[timeField] as Float64Array;
  const from = span.startTicks + fault.fromMs * 10_000;
  const to = span.startTicks + Math.min(fault.toMs, span.durationMs * 2) * 10_000;
  const holds = (row: number): boolean => times[row]! >= from && times[row]! < to;
  const account = facts.fields['account']!;
  const counter = facts.fields['counter']!;
  const ordinals = facts.dimensions['account']!.attributes['ordinal'] as Float64Array;
  const chance = (row: number): number =>
    new RandomStream(seed, purpose, ordinals[account[row]!], counter[row]!).unit();
  const rows = Array.from({ length: facts.rowCount }, (_, row) => row);

  switch (fault.kind) {
    case 'emptied-field':
      return overwrite(facts, fault.column, holds, '');
    case 'renamed-operation': {
      const source = facts.columns.find(({ name }) => name === 'OperationName')!.source;
      if (source.from !== 'dimension') return facts;
      const names = textsOf(facts.dimensions[source.dimension]!.attributes[source.attribute]!);
      const codes = facts.fields[source.field]!;
      const isMeant = (row: number): boolean =>
        holds(row) && names[codes[row]!] === findActivity(fault.operation)!.operation;
      return ['OperationName', 'ActivityDisplayName'].reduce(
        (current, column) => overwrite(current, column, isMeant, fault.renamed),
        facts,
      );
    }
    case 'clock-skew': {
      const shifted = times.map((time, row) => (holds(row) ? time + fault.byMs * 10_000 : time));
      const skewed = { ...facts, fields: { ...facts.fields, [timeField]: shifted } };
      return gather(
        skewed,
        rows.filter((row) => shifted[row]! < span.endTicks),
      );
    }
    case 'dropped-rows':
      return gather(
        facts,
        rows.filter((row) => !holds(row) || chance(row) >= fault.share),
      );
    case 'duplicated-rows':
      return gather(
        facts,
        rows.flatMap((row) => (holds(row) && chance(row) < fault.share ? [row, row] : [row])),
      );
    case 'ingestion-outage': {
      const ingested = facts.fields['ingested'] as Float64Array;
      const late = ingested.map((time) => (time >= from && time < to ? to : time));
      return { ...facts, fields: { ...facts.fields, ingested: late } };
    }
    case 'reordered-arrival': {
      const ingested = facts.fields['ingested'] as Float64Array;
      const late = ingested.map((time, row) =>
        holds(row) ? time + Math.floor(chance(row) * fault.byMs * 10_000) : time,
      );
      return { ...facts, fields: { ...facts.fields, ingested: late } };
    }
  }
}

function textsOf(attribute: Attribute): readonly string[] {
  return Array.from<string | number, string>(attribute, String);
}

/** The field behind a column that comes straight from one. */
function fieldOf(facts: Facts, column: string): string {
  const source = facts.columns.find(({ name }) => name === column)!.source;
  if (source.from !== 'field') throw new TocsinError('INTERNAL', `${facts.table}.${column} has no field of its own`);
  return source.field;
}

/** Gives a column another value in some rows, through a dimension of its own. */
function overwrite(facts: Facts, column: string, isMeant: (row: number) => boolean, value: string): Facts {
  const found = facts.columns.find(({ name }) => name === column);
  // A column that no row fills is empty already.
  if (!found) return facts;
  const { source } = found;
  const replace = (
    columns: Partial<FactColumn>,
    fields: Record<string, FieldArray>,
    dimensions: Record<string, Dimension>,
  ): Facts => ({
    ...facts,
    fields: { ...facts.fields, ...fields },
    dimensions: { ...facts.dimensions, ...dimensions },
    columns: facts.columns.map((each) => (each === found ? { ...each, ...columns } : each)),
  });
  if (source.from === 'field') {
    const field = `fault/${column}`;
    const values = facts.fields[source.field] as Float64Array;
    return replace(
      { source: { from: 'field', field } },
      { [field]: values.map((each, row) => (isMeant(row) ? Number.NaN : each)) },
      {},
    );
  }
  if (source.from === 'id') {
    throw new TocsinError(
      'SCENARIO',
      `${facts.table}.${column} is an id that is made when it is read, so a fault cannot empty it`,
    );
  }
  const texts: readonly string[] =
    source.from === 'constant'
      ? [String(source.value)]
      : textsOf(facts.dimensions[source.dimension]!.attributes[source.attribute]!);
  const name = `fault/${column}`;
  const codes = source.from === 'constant' ? undefined : facts.fields[source.field]!;
  const field = Uint32Array.from({ length: facts.rowCount }, (_, row) =>
    isMeant(row) ? texts.length : codes ? codes[row]! : 0,
  );
  const place = { field: name, dimension: name, attribute: column };
  return replace(
    { source: source.from === 'timed' ? { ...source, ...place } : { from: 'dimension', ...place } },
    { [name]: field },
    { [name]: { size: texts.length + 1, attributes: { [column]: [...texts, value] } } },
  );
}

/** The rows named by `rows`, in that order, with their labels. */
function gather(facts: Facts, rows: readonly number[]): Facts {
  const fields: Record<string, FieldArray> = {};
  for (const [name, field] of Object.entries(facts.fields)) {
    const kept = field.slice(0, 0).constructor as new (length: number) => FieldArray;
    const values = new kept(rows.length);
    for (let i = 0; i < rows.length; i++) values[i] = field[rows[i]!]!;
    fields[name] = values;
  }
  const events = new Map<number, string[]>();
  for (const { row, event } of facts.labels) {
    const known = events.get(row);
    if (known) known.push(event);
    else events.set(row, [event]);
  }
  const labels = rows.flatMap((row, index) => (events.get(row) ?? []).map((event) => ({ row: index, event })));
  return { ...facts, rowCount: rows.length, fields, labels };
}
