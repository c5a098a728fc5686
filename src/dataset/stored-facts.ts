/**
 * Facts in the order in which a dataset holds them, and the form in which they are read: from a file (facts-file.ts) or
 * straight from memory, where a replay of rows that were just generated needs no file between.
 */
import { TocsinError } from '../base/errors.ts';
import type { EncodedTexts, PiecedUtf8 } from '../columns/dictionary.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import type { Dimension, FactColumn, Facts, FieldArray, Label } from './facts.ts';
import { timeOrder } from './sort.ts';
import { PiecedTexts } from './pieced-texts.ts';
import { Utf8Texts } from './utf8-texts.ts';

/** The value that stands for null in a bool field. */
export const NULL_BOOL = 2;

/** What is known of stored facts before a field is read. */
export interface StoredHeader {
  readonly table: string;
  readonly rowCount: number;
  /** How many rows have no TimeGenerated; they come first. */
  readonly timeless: number;
  /** The longest time from TimeGenerated to ingestion, in ticks; rows older than that are never "not yet ingested". */
  readonly maxDelay: number;
  readonly fields: readonly { readonly name: string }[];
  readonly columns: readonly FactColumn[];
  /** Sorted by row, then event. */
  readonly labels: { readonly rows: readonly number[]; readonly events: readonly string[] };
}

/** Texts of a dimension's attribute, each decoded when asked for. */
export interface TextAttribute {
  readonly kind: 'text';
  readonly size: number;
  readonly text: (code: number) => string;
  /** The texts as UTF-8, where that is how they are held, whole or in pieces. */
  readonly utf8?: EncodedTexts | PiecedUtf8;
}

/** Facts by TimeGenerated, wherever they lie. Each call reads anew, so callers keep what they use. */
export interface StoredFacts {
  readonly header: StoredHeader;
  /** The values of a field, and whether some of them stand for null. */
  field(name: string): { readonly values: FieldArray; readonly hasNulls: boolean };
  attribute(dimension: string, name: string): Float64Array | TextAttribute;
  /** The error for content that is not as it was written; an error that says so already stays as it is. */
  broken(what: string, cause?: unknown): TocsinError;
}

interface SortedField {
  readonly name: string;
  readonly values: FieldArray;
  /** Whether a value is NaN (or 2, in a bool field), which is null. */
  readonly hasNulls: boolean;
  /** The dimension that the codes mean. */
  readonly dimension: string | undefined;
}

/** Facts sorted stably by TimeGenerated (null first). */
export interface SortedFacts {
  readonly header: Omit<StoredHeader, 'fields'>;
  /** In order of name (code units), so that nothing depends on how the object was put together. */
  readonly fields: readonly SortedField[];
  readonly dimensions: Readonly<Record<string, Dimension>>;
  /** TimeGenerated, ticks since 2020. */
  readonly times: Float64Array;
}

function internal(facts: Facts, message: string): TocsinError {
  return new TocsinError('INTERNAL', `facts of ${facts.table}: ${message}`);
}

/** The name of the field that a time column comes straight from. */
function timeField(facts: Facts, name: string): string {
  const source = facts.columns.find((column) => column.name === name)?.source;
  if (source?.from === 'field' && facts.fields[source.field] instanceof Float64Array) return source.field;
  throw internal(facts, `${name} must come from a Float64 field`);
}

/** For each field the name of the dimension that its codes mean. */
function fieldDimensions(facts: Facts): Map<string, string> {
  const dimensionOf = new Map<string, string>();
  const link = (field: string, dimension: string): void => {
    if (!facts.dimensions[dimension]) throw internal(facts, `there is no dimension '${dimension}'`);
    const known = dimensionOf.get(field);
    if (known !== undefined && known !== dimension) {
      throw internal(facts, `field '${field}' holds codes of both '${known}' and '${dimension}'`);
    }
    dimensionOf.set(field, dimension);
  };
  for (const { source } of facts.columns) {
    if (source.from === 'dimension' || source.from === 'timed') link(source.field, source.dimension);
    else if (source.from === 'id') link(source.account, source.dimension);
  }
  return dimensionOf;
}

/**
 * Puts facts in the order and the widths in which they are stored.
 *
 * @throws TocsinError INTERNAL where they contradict themselves.
 */
export function sortFacts(facts: Facts): SortedFacts {
  const { rowCount, dimensions } = facts;
  const timeName = timeField(facts, 'TimeGenerated');
  const ingestionName = timeField(facts, INGESTION_TIME);
  const { inOrder } = facts;
  const order = inOrder ? undefined : timeOrder(facts.fields[timeName] as Float64Array);
  const dimensionOf = fieldDimensions(facts);
  for (const name of dimensionOf.values()) checkDimension(facts, name);
  const boolFields = new Set(
    facts.columns.flatMap(({ type, source }) => (type === 'bool' && source.from === 'field' ? [source.field] : [])),
  );
  const arranged = new Map<string, FieldArray>();
  const fields = Object.keys(facts.fields)
    .sort()
    .map((name): SortedField => {
      const field = facts.fields[name]!;
      if (field.length !== rowCount) throw internal(facts, `'${name}' has ${field.length} values for ${rowCount} rows`);
      const dimension = dimensionOf.get(name);
      const values = arrange(field, order, dimension === undefined ? undefined : dimensions[dimension]!.size);
      arranged.set(name, values);
      const isKnown = inOrder !== undefined && values instanceof Float64Array;
      return { name, values, hasNulls: !isKnown && hasNulls(values, boolFields.has(name)), dimension };
    });

  const times = arranged.get(timeName) as Float64Array;
  const ingested = arranged.get(ingestionName) as Float64Array;
  let timeless = 0;
  while (timeless < rowCount && Number.isNaN(times[timeless]!)) timeless++;
  return {
    header: {
      table: facts.table,
      rowCount,
      timeless,
      maxDelay: inOrder?.maxDelay ?? longestDelay(times, ingested),
      columns: facts.columns,
      labels: sortedLabels(facts.labels, order),
    },
    fields,
    dimensions,
    times,
  };
}

function longestDelay(times: Float64Array, ingested: Float64Array): number {
  let longest = 0;
  for (let row = 0; row < times.length; row++) {
    const delay = ingested[row]! - times[row]!;
    if (delay > longest) longest = delay;
  }
  return longest;
}

function checkDimension(facts: Facts, name: string): void {
  const { size, attributes } = facts.dimensions[name]!;
  for (const [attribute, values] of Object.entries(attributes)) {
    if (values.length !== size) {
      throw internal(facts, `'${name}.${attribute}' has ${values.length} values for ${size} entries`);
    }
  }
}

/**
 * The rows of a field in `order`, as narrow as its values allow (a Float64 field stays one).
 *
 * @param size - values are below this; undefined where that is not known.
 */
function arrange(field: FieldArray, order: Uint32Array | undefined, size: number | undefined): FieldArray {
  const { length } = field;
  if (field instanceof Float64Array) return order ? gatherFloats(field, order, new Float64Array(length)) : field;
  const values = !order
    ? field
    : field instanceof Uint32Array
      ? gather32(field, order, new Uint32Array(length))
      : field instanceof Uint16Array
        ? gather16(field, order, new Uint16Array(length))
        : gather8(field, order, new Uint8Array(length));
  const max = size === undefined ? largest(values) : size - 1;
  if (max < 0x100) return values instanceof Uint8Array ? values : new Uint8Array(values);
  if (max < 0x1_0000) return values instanceof Uint16Array ? values : new Uint16Array(values);
  return values instanceof Uint32Array ? values : new Uint32Array(values);
}

function largest(values: Uint32Array | Uint16Array | Uint8Array): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!;
  return max;
}

// One function for each kind of array: a loop that meets several is some five times slower.

function gatherFloats(field: Float64Array, order: Uint32Array, out: Float64Array): Float64Array {
  for (let i = 0; i < order.length; i++) out[i] = field[order[i]!]!;
  return out;
}

function gather32(field: Uint32Array, order: Uint32Array, out: Uint32Array): Uint32Array {
  for (let i = 0; i < order.length; i++) out[i] = field[order[i]!]!;
  return out;
}

function gather16(field: Uint16Array, order: Uint32Array, out: Uint16Array): Uint16Array {
  for (let i = 0; i < order.length; i++) out[i] = field[order[i]!]!;
  return out;
}

function gather8(field: Uint8Array, order: Uint32Array, out: Uint8Array): Uint8Array {
  for (let i = 0; i < order.length; i++) out[i] = field[order[i]!]!;
  return out;
}

function hasNulls(field: FieldArray, isBool: boolean): boolean {
  if (field instanceof Float64Array) {
    for (let i = 0; i < field.length; i++) if (field[i] !== field[i]) return true;
    return false;
  }
  return isBool && field.includes(NULL_BOOL);
}

/** Labels by the rows they have once sorted. */
function sortedLabels(labels: readonly Label[], order: Uint32Array | undefined): StoredHeader['labels'] {
  const labelled = new Set(labels.map(({ row }) => row));
  const sortedRow = new Map<number, number>();
  if (order && labels.length > 0) {
    for (let row = 0; row < order.length; row++) if (labelled.has(order[row]!)) sortedRow.set(order[row]!, row);
  }
  const sorted = labels
    .map(({ row, event }) => ({ row: sortedRow.get(row) ?? row, event }))
    .sort((a, b) => a.row - b.row || (a.event < b.event ? -1 : a.event > b.event ? 1 : 0));
  return { rows: sorted.map(({ row }) => row), events: sorted.map(({ event }) => event) };
}

/** Stored facts that never were in a file: what reading gives is the same. */
export class FactsInMemory implements StoredFacts {
  readonly header: StoredHeader;
  readonly #fields: ReadonlyMap<string, SortedField>;
  readonly #dimensions: Readonly<Record<string, Dimension>>;

  constructor(facts: Facts) {
    const { header, fields, dimensions } = sortFacts(facts);
    this.header = { ...header, fields };
    this.#fields = new Map(fields.map((field) => [field.name, field]));
    this.#dimensions = dimensions;
  }

  field(name: string): { readonly values: FieldArray; readonly hasNulls: boolean } {
    const field = this.#fields.get(name);
    if (!field) throw this.broken(`there is no field '${name}'`);
    return field;
  }

  attribute(dimension: string, name: string): Float64Array | TextAttribute {
    const values = this.#dimensions[dimension]?.attributes[name];
    if (!values) throw this.broken(`there is no attribute '${dimension}.${name}'`);
    if (values instanceof Float64Array) return values;
    if (values instanceof Utf8Texts || values instanceof PiecedTexts) {
      return { kind: 'text', size: values.length, text: (code) => values.text(code), utf8: values };
    }
    return { kind: 'text', size: values.length, text: (code) => values[code]! };
  }

  broken(what: string, cause?: unknown): TocsinError {
    if (cause instanceof TocsinError) return cause;
    return new TocsinError('INTERNAL', `rows of ${this.header.table} in memory: ${what}`, { cause });
  }
}
