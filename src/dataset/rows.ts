/**
 * The rows of one table, ready for scans: of one file, or of all files merged into one order. Columns are made when a
 * scan first names them and kept, dictionaries with them, so that what a query derives from a dictionary is derived
 * once for all runs over a partition.
 */
import { takeWords } from '../base/arena.ts';
import { firstAfter } from '../base/search.ts';
import { COLUMN_EPOCH_TICKS, columnTicksFromTicks, formatColumnTicks, parseIsoDatetime } from '../base/time.ts';
import { Batch, type ColumnInfo, type Lineage } from '../columns/batch.ts';
import {
  type Codes,
  type Column,
  type NumberColumn,
  type NumberType,
  type WideType,
  columnFromValues,
  isCodedType,
} from '../columns/column.ts';
import {
  type CodedType,
  type Dictionary,
  JoinedDictionary,
  TextDictionary,
  ValueDictionary,
} from '../columns/dictionary.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import type { TableSource, Window } from '../engine/run.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { type ColumnSource, type FactColumn, type Facts, ROW_ORDER_FIELD, TIME_MARK } from './facts.ts';
import { IdDictionary, type IdSource, saltKeys } from './ids.ts';
import { argsortTimes } from './sort.ts';
import { FactsInMemory, NULL_BOOL, type StoredFacts, type TextAttribute } from './stored-facts.ts';

/** Rows of one table in order of TimeGenerated; those without one come first. */
export interface TableRows {
  readonly rowCount: number;
  /** How many rows have no TimeGenerated. */
  readonly timeless: number;
  /** At least the longest time from TimeGenerated to ingestion, in ticks. */
  readonly maxDelay: number;
  /** TimeGenerated and ingestion time in ticks since 2020; NaN is null. */
  times(): Float64Array;
  ingestionTimes(): Float64Array;
  /** Whether some row is labelled. */
  readonly isLabelled: boolean;
  column(info: ColumnInfo): Column;
  lineage(): Lineage | undefined;
}

/** The rows that `window` lets through, as a batch over shared columns. */
function scanRows(rows: TableRows, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
  const all = new Batch(
    columns,
    rows.rowCount,
    columns.map((info) => () => rows.column(info)),
    rows.isLabelled ? () => rows.lineage()! : undefined,
  );
  if (!window) return all;
  const times = rows.times();
  const start = firstAfter(times, columnTicksFromTicks(window.after), rows.timeless, rows.rowCount);
  const end = firstAfter(times, columnTicksFromTicks(window.until), start, rows.rowCount);
  const ingestedBy = columnTicksFromTicks(window.ingestedBy);
  // Only rows younger than the longest delay can be on their way still.
  const young = firstAfter(times, ingestedBy - rows.maxDelay - 1, start, end);
  if (young === end) return all.slice(start, end);
  const ingested = rows.ingestionTimes();
  let late = 0;
  for (let row = young; row < end; row++) if (!(ingested[row]! <= ingestedBy)) late++;
  if (late === 0) return all.slice(start, end);
  const visible = new Uint32Array(end - start - late);
  for (let row = start; row < young; row++) visible[row - start] = row;
  let count = young - start;
  for (let row = young; row < end; row++) if (ingested[row]! <= ingestedBy) visible[count++] = row;
  return all.select(visible);
}

/** Scans over tables by name; a table that is absent has no rows. */
export class RowsSource implements TableSource {
  readonly #open: (table: string) => TableRows | undefined;
  readonly #tables = new Map<string, TableRows | undefined>();

  /** @param open - opens a table when it is first scanned; undefined where it has no rows. */
  constructor(open: (table: string) => TableRows | undefined) {
    this.#open = open;
  }

  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
    if (!this.#tables.has(table)) this.#tables.set(table, this.#open(table));
    const rows = this.#tables.get(table);
    if (rows) return scanRows(rows, columns, window);
    return new Batch(
      columns,
      0,
      columns.map(({ type }) => nullColumn(type, 0)),
    );
  }
}

/**
 * Scans over the rows of one partition that no file holds: what `Dataset.partition` gives of the same facts once written.
 *
 * @param tables - facts of different tables; not changed, but held as long as the source.
 */
export function sourceOfFacts(tables: readonly Facts[]): TableSource {
  return new RowsSource((table) => {
    const facts = tables.find((each) => each.table === table);
    return facts && facts.rowCount > 0 ? new FileRows(new FactsInMemory(facts)) : undefined;
  });
}

function nullColumn(type: ScalarType, length: number): Column {
  return { kind: 'constant', type, value: type === 'string' ? '' : null, length };
}

/** One text of an attribute or a constant as a value of `type`; the empty text is null for all but a string. */
export function valueOfText(type: ScalarType, text: string): Value {
  if (type === 'string') return text;
  if (text === '') return null;
  switch (type) {
    case 'bool':
      return text === 'true';
    case 'int':
    case 'long':
    case 'timespan':
      return BigInt(text);
    case 'real':
      return Number(text);
    case 'datetime':
      return parseIsoDatetime(text) ?? null;
    case 'dynamic':
      return parseDynamic(text);
    default:
      return text;
  }
}

/** A number of a field, an attribute or a constant as a value of `type`; NaN is null. */
function valueOfNumber(type: ScalarType, number: number): Value {
  if (Number.isNaN(number)) return null;
  if (type === 'real') return number;
  if (type === 'bool') return number === 1;
  if (isCodedType(type)) return String(number);
  return type === 'datetime' ? BigInt(number) + COLUMN_EPOCH_TICKS : BigInt(number);
}

/** The rows of one file, or of facts in memory. */
export class FileRows implements TableRows {
  readonly file: StoredFacts;
  readonly #columns = new Map<string, Column>();
  readonly #fields = new Map<string, ReturnType<StoredFacts['field']>>();
  readonly #attributes = new Map<string, Float64Array | TextAttribute>();
  readonly #dictionaries = new Map<string, Dictionary>();
  #rowNumbers: Uint32Array | undefined;
  #lineage: Lineage | undefined;

  constructor(file: StoredFacts) {
    this.file = file;
  }

  get rowCount(): number {
    return this.file.header.rowCount;
  }

  get isLabelled(): boolean {
    return this.file.header.labels.rows.length > 0;
  }

  get timeless(): number {
    return this.file.header.timeless;
  }

  get maxDelay(): number {
    return this.file.header.maxDelay;
  }

  times(): Float64Array {
    return this.#timeField('TimeGenerated');
  }

  ingestionTimes(): Float64Array {
    return this.#timeField(INGESTION_TIME);
  }

  #timeField(name: string): Float64Array {
    const source = this.#factColumn(name)!.source as { readonly field: string };
    return this.field(source.field).values as Float64Array;
  }

  /** What orders rows of one TimeGenerated the same however they are partitioned; undefined where nothing is known. */
  tiebreak(): ArrayLike<number> | undefined {
    const { columns, fields } = this.file.header;
    if (fields.some(({ name }) => name === ROW_ORDER_FIELD)) return this.field(ROW_ORDER_FIELD).values;
    for (const { source } of columns) {
      if (source.from !== 'id') continue;
      const ordinals = this.attribute(source.dimension, 'ordinal') as Float64Array;
      const accounts = this.field(source.account).values;
      const ties = new Float64Array(accounts.length);
      for (let row = 0; row < ties.length; row++) ties[row] = ordinals[accounts[row]!]!;
      return ties;
    }
    return undefined;
  }

  lineage(): Lineage | undefined {
    const { rows, events } = this.file.header.labels;
    if (rows.length === 0) return undefined;
    if (this.#lineage) return this.#lineage;
    const codes = takeWords(this.rowCount).fill(0);
    const sets: string[][] = [[]];
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (codes[row] === 0) {
        codes[row] = sets.length;
        sets.push([]);
      }
      sets[codes[row]!]!.push(events[i]!);
    }
    this.#lineage = { codes, sets };
    return this.#lineage;
  }

  column(info: ColumnInfo): Column {
    let column = this.#columns.get(info.name);
    if (!column) {
      const fact = this.#factColumn(info.name);
      try {
        column = fact ? this.#materialise(fact) : nullColumn(info.type, this.rowCount);
      } catch (error) {
        throw this.file.broken(`column ${info.name}: ${error instanceof Error ? error.message : String(error)}`, error);
      }
      this.#columns.set(info.name, column);
    }
    return column;
  }

  #factColumn(name: string): FactColumn | undefined {
    return this.file.header.columns.find((column) => column.name === name);
  }

  /** The values of a fact field; kept once read. */
  field(name: string): ReturnType<StoredFacts['field']> {
    let field = this.#fields.get(name);
    if (!field) this.#fields.set(name, (field = this.file.field(name)));
    return field;
  }

  /** The attribute of a dimension; kept once read. */
  attribute(dimension: string, name: string): Float64Array | TextAttribute {
    const key = `${dimension}\n${name}`;
    let attribute = this.#attributes.get(key);
    if (!attribute) this.#attributes.set(key, (attribute = this.file.attribute(dimension, name)));
    return attribute;
  }

  /** What the ids of a column are made from. */
  idSource(source: ColumnSource & { readonly from: 'id' }): IdSource {
    return {
      form: source.form,
      keys: saltKeys(source.salt),
      ordinals: this.attribute(source.dimension, 'ordinal') as Float64Array,
      accounts: this.field(source.account).values,
      counters: this.field(source.counter).values,
      correlation:
        source.correlation === undefined
          ? undefined
          : {
              keys: saltKeys(source.correlationSalt ?? source.salt),
              counters: this.field(source.correlation).values,
            },
    };
  }

  /**
   * The texts of a column whose texts name a time of their row.
   *
   * @param prepare - applied to each text before the time stands in it.
   */
  timedText(
    { field, dimension, attribute, time }: ColumnSource & { readonly from: 'timed' },
    prepare: (text: string) => string = (text) => text,
  ): (row: number) => string {
    const codes = this.field(field).values;
    const times = this.field(time).values;
    const texts = this.attribute(dimension, attribute) as TextAttribute;
    const parts: (readonly string[])[] = [];
    return (row) => {
      const code = codes[row]!;
      return (parts[code] ??= prepare(texts.text(code)).split(TIME_MARK)).join(formatColumnTicks(times[row]!));
    };
  }

  #materialise({ type, source }: FactColumn): Column {
    switch (source.from) {
      case 'field':
        return this.#fieldColumn(type, source.field);
      case 'constant': {
        const { value } = source;
        return {
          kind: 'constant',
          type,
          length: this.rowCount,
          value:
            typeof value === 'string'
              ? valueOfText(type, value)
              : typeof value === 'number'
                ? valueOfNumber(type, value)
                : value,
        };
      }
      case 'dimension': {
        const codes = this.field(source.field).values as Codes;
        const attribute = this.attribute(source.dimension, source.attribute);
        if (isCodedType(type)) {
          return {
            kind: 'coded',
            type,
            codes,
            dictionary: this.#dictionary(type, source.dimension, source.attribute, attribute),
          };
        }
        return gatherEntries(type, codes, attribute);
      }
      case 'timed':
        return {
          kind: 'coded',
          type: type as CodedType,
          codes: this.#numbers(),
          dictionary: new TextDictionary(type as CodedType, this.rowCount, this.timedText(source)),
        };
      case 'id': {
        const idType = type === 'guid' ? 'guid' : 'string';
        return {
          kind: 'coded',
          type: idType,
          codes: this.#numbers(),
          dictionary: new IdDictionary(idType, this.rowCount, this.idSource(source)),
        };
      }
    }
  }

  /** The number of each row, for columns that have an entry a row. */
  #numbers(): Uint32Array {
    if (!this.#rowNumbers) {
      this.#rowNumbers = takeWords(this.rowCount);
      for (let row = 0; row < this.rowCount; row++) this.#rowNumbers[row] = row;
    }
    return this.#rowNumbers;
  }

  #fieldColumn(type: ScalarType, name: string): Column {
    const { values, hasNulls } = this.field(name);
    if (type === 'bool') {
      if (!hasNulls) return { kind: 'bool', type, values: values as Uint8Array, nulls: undefined };
      const nulls = new Uint8Array(values.length);
      const bools = new Uint8Array(values.length);
      for (let row = 0; row < values.length; row++) {
        if (values[row] === NULL_BOOL) nulls[row] = 1;
        else bools[row] = values[row]!;
      }
      return { kind: 'bool', type, values: bools, nulls };
    }
    const numberType = type as NumberType;
    if (!hasNulls) {
      const numbers = values instanceof Float64Array ? values : Float64Array.from(values);
      return { kind: 'number', type: numberType, values: numbers, nulls: undefined };
    }
    const nulls = new Uint8Array(values.length);
    const numbers = new Float64Array(values.length);
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!;
      if (Number.isNaN(value)) nulls[row] = 1;
      else numbers[row] = value;
    }
    return { kind: 'number', type: numberType, values: numbers, nulls };
  }

  #dictionary(type: CodedType, dimension: string, name: string, attribute: Float64Array | TextAttribute): Dictionary {
    const key = `${type}\n${dimension}\n${name}`;
    let dictionary = this.#dictionaries.get(key);
    if (!dictionary) {
      dictionary =
        attribute instanceof Float64Array
          ? new ValueDictionary(
              type,
              Array.from(attribute, (number) => valueOfNumber(type, number) ?? (type === 'string' ? '' : null)),
            )
          : new TextDictionary(type, attribute.size, attribute.text, attribute.utf8);
      this.#dictionaries.set(key, dictionary);
    }
    return dictionary;
  }
}

/** A column of a type that is not coded, from the entries that `codes` name. */
function gatherEntries(type: ScalarType, codes: Codes, attribute: Float64Array | TextAttribute): Column {
  const size = attribute instanceof Float64Array ? attribute.length : attribute.size;
  const entries = columnFromValues(
    type,
    Array.from({ length: size }, (_, code) =>
      attribute instanceof Float64Array
        ? valueOfNumber(type, attribute[code]!)
        : valueOfText(type, attribute.text(code)),
    ),
  ) as Exclude<Column, { kind: 'coded' | 'constant' }>;
  const length = codes.length;
  const values = new (entries.values.constructor as new (length: number) => typeof entries.values)(length);
  for (let row = 0; row < length; row++) values[row] = entries.values[codes[row]!]!;
  let nulls: Uint8Array | undefined;
  if (entries.nulls) {
    nulls = new Uint8Array(length);
    for (let row = 0; row < length; row++) nulls[row] = entries.nulls[codes[row]!]!;
  }
  return { ...entries, values, nulls } as Column;
}

/** The rows of several files of one table, merged: by TimeGenerated, then by what does not depend on partitioning. */
export class MergedRows implements TableRows {
  readonly rowCount: number;
  readonly isLabelled: boolean;
  readonly timeless: number;
  readonly maxDelay: number;
  readonly #parts: readonly FileRows[];
  readonly #columns = new Map<string, Column>();
  /** For each part the merged row of each of its rows. */
  #targets: readonly Uint32Array[] | undefined;
  #lineage: Lineage | undefined;

  constructor(parts: readonly FileRows[]) {
    this.#parts = parts;
    this.rowCount = parts.reduce((sum, part) => sum + part.rowCount, 0);
    this.isLabelled = parts.some((part) => part.isLabelled);
    this.timeless = parts.reduce((sum, part) => sum + part.timeless, 0);
    this.maxDelay = parts.reduce((max, part) => Math.max(max, part.maxDelay), 0);
  }

  times(): Float64Array {
    return this.#times('TimeGenerated');
  }

  ingestionTimes(): Float64Array {
    return this.#times(INGESTION_TIME);
  }

  /** The column's values with nulls as they come, which is all that comparisons in a scan need. */
  #times(name: string): Float64Array {
    const column = this.column({ name, type: 'datetime' }) as NumberColumn;
    if (!column.nulls) return column.values;
    return column.values.map((time, row) => (column.nulls![row] === 1 ? Number.NaN : time));
  }

  lineage(): Lineage | undefined {
    if (this.#lineage) return this.#lineage;
    const lineages = this.#parts.map((part) => part.lineage());
    if (lineages.every((lineage) => lineage === undefined)) return undefined;
    const codes = new Uint32Array(this.rowCount);
    const sets: (readonly string[])[] = [[]];
    for (const [index, target] of this.#targetRows().entries()) {
      const lineage = lineages[index];
      if (!lineage) continue;
      const shift = sets.length - 1;
      for (let row = 0; row < target.length; row++) {
        const code = lineage.codes[row]!;
        if (code !== 0) codes[target[row]!] = code + shift;
      }
      for (const set of lineage.sets.slice(1)) sets.push(set);
    }
    this.#lineage = { codes, sets };
    return this.#lineage;
  }

  column(info: ColumnInfo): Column {
    let column = this.#columns.get(info.name);
    if (!column) this.#columns.set(info.name, (column = this.#merge(info)));
    return column;
  }

  #targetRows(): readonly Uint32Array[] {
    if (this.#targets) return this.#targets;
    const { order, starts } = mergedOrder(this.#parts);
    const targetOf = new Uint32Array(this.rowCount);
    for (let target = 0; target < order.length; target++) targetOf[order[target]!] = target;
    this.#targets = this.#parts.map((part, index) => targetOf.subarray(starts[index]!, starts[index]! + part.rowCount));
    return this.#targets;
  }

  #merge(info: ColumnInfo): Column {
    const columns = this.#parts.map((part) => part.column(info));
    const first = columns[0]!;
    if (first.kind === 'constant' && columns.every((column) => isSameConstant(first, column))) {
      return { ...first, length: this.rowCount };
    }
    const targets = this.#targetRows();
    const { type } = info;
    if (isCodedType(type)) return this.#mergeCoded(type, columns, targets);
    const isWide = columns.some((column) => column.kind === 'wide' || isWideConstant(column));
    const values = isWide
      ? new BigInt64Array(this.rowCount)
      : type === 'bool'
        ? new Uint8Array(this.rowCount)
        : new Float64Array(this.rowCount);
    let nulls: Uint8Array | undefined;
    for (const [index, column] of columns.entries()) {
      const target = targets[index]!;
      const part = (
        column.kind === 'constant' ? columnFromValues(type, new Array<Value>(target.length).fill(column.value)) : column
      ) as Exclude<Column, { kind: 'coded' | 'constant' }>;
      if (isWide && part.kind === 'number') {
        const epoch = type === 'datetime' ? COLUMN_EPOCH_TICKS : 0n;
        for (let row = 0; row < target.length; row++) values[target[row]!] = BigInt(part.values[row]!) + epoch;
      } else {
        for (let row = 0; row < target.length; row++) values[target[row]!] = part.values[row]!;
      }
      if (part.nulls) {
        nulls ??= new Uint8Array(this.rowCount);
        for (let row = 0; row < target.length; row++) {
          if (part.nulls[row] === 0) continue;
          nulls[target[row]!] = 1;
          values[target[row]!] = isWide ? 0n : 0;
        }
      }
    }
    if (values instanceof BigInt64Array) return { kind: 'wide', type: type as WideType, values, nulls };
    if (values instanceof Uint8Array) return { kind: 'bool', type: 'bool', values, nulls };
    return { kind: 'number', type: type as NumberType, values, nulls };
  }

  /** Codes shifted part by part into one dictionary, which the columns of one attribute share. */
  #mergeCoded(type: CodedType, columns: readonly Column[], targets: readonly Uint32Array[]): Column {
    const codes = new Uint32Array(this.rowCount);
    const dictionaries: Dictionary[] = [];
    let base = 0;
    for (const [index, column] of columns.entries()) {
      const target = targets[index]!;
      if (column.kind === 'coded') {
        for (let row = 0; row < target.length; row++) codes[target[row]!] = base + column.codes[row]!;
        dictionaries.push(column.dictionary);
      } else {
        for (let row = 0; row < target.length; row++) codes[target[row]!] = base;
        dictionaries.push(new ValueDictionary(type, [(column as { value: Value }).value], stringifyDynamic));
      }
      base += dictionaries.at(-1)!.size;
    }
    return { kind: 'coded', type, codes, dictionary: new JoinedDictionary(type, dictionaries) };
  }
}

function isSameConstant(first: Column & { kind: 'constant' }, other: Column): boolean {
  return (
    other.kind === 'constant' &&
    (other.value === first.value ||
      (first.type === 'dynamic' && stringifyDynamic(other.value) === stringifyDynamic(first.value)))
  );
}

function isWideConstant(column: Column): boolean {
  return (
    column.kind === 'constant' &&
    typeof column.value === 'bigint' &&
    !Number.isSafeInteger(Number(column.type === 'datetime' ? column.value - COLUMN_EPOCH_TICKS : column.value))
  );
}

/**
 * The rows of several files in one order, which does not depend on how rows are spread over the files: `order` numbers
 * rows through all files, `starts` holds the number of each file's first.
 */
export function mergedOrder(parts: readonly FileRows[]): { readonly order: Uint32Array; readonly starts: number[] } {
  const starts: number[] = [];
  let rowCount = 0;
  for (const part of parts) {
    starts.push(rowCount);
    rowCount += part.rowCount;
  }
  const times = new Float64Array(rowCount);
  for (const [index, part] of parts.entries()) times.set(part.times(), starts[index]!);
  const order = argsortTimes(times);
  const breaks = parts.map((part) => part.tiebreak());
  if (breaks.every((tie) => tie !== undefined)) {
    const ties = new Float64Array(rowCount);
    for (const [index, tie] of breaks.entries()) ties.set(tie, starts[index]!);
    sortTies(order, times, ties);
  }
  return { order, starts };
}

/** Puts rows of one time in order of `ties`; what ties there too stays as it is. */
function sortTies(order: Uint32Array, times: Float64Array, ties: Float64Array): void {
  const { length } = order;
  for (let start = 0; start < length; ) {
    const time = times[order[start]!]!;
    let end = start + 1;
    let sorted = true;
    // Object.is: rows without a time are one group.
    while (end < length && Object.is(times[order[end]!]!, time)) {
      if (ties[order[end]!]! < ties[order[end - 1]!]!) sorted = false;
      end++;
    }
    if (!sorted) {
      const group = Array.from(order.subarray(start, end));
      group.sort((a, b) => ties[a]! - ties[b]!);
      order.set(group, start);
    }
    start = end;
  }
}
