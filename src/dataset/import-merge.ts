/**
 * The parts of an import put together: the rows of one partition, from all parts in order, as facts. Texts are compared as
 * bytes, by the hashes that the parts already have, and none is decoded.
 */
import { firstFrom } from '../base/search.ts';
import { formatDatetime, ticksFromColumnTicks } from '../base/time.ts';
import { copyBytes } from '../columns/dictionary.ts';
import type { ScalarType } from '../columns/value.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import type { Dimension, FactColumn, Facts, FieldArray, Label } from './facts.ts';
import { ROW_ORDER_FIELD } from './facts.ts';
import type { SegmentColumn } from './import-columns.ts';
import type { SegmentTable } from './import-segment.ts';
import { NULL_BOOL } from './stored-facts.ts';
import { Utf8Texts } from './utf8-texts.ts';

/** One table of an import: its part in each segment, in order, and which rows of each go to which partition. */
export interface TableParts {
  readonly table: string;
  readonly parts: readonly SegmentTable[];
  /** For each part its row numbers, partition by partition, and where each partition's begin (one more than partitions). */
  readonly order: readonly Uint32Array[];
  readonly starts: readonly Uint32Array[];
  /** By row, counted through all parts. */
  readonly labels: readonly Label[];
}

/** Sorts the rows of a table's parts into partitions, in shared memory. */
export function tableParts(
  table: string,
  parts: readonly SegmentTable[],
  partitionCount: number,
  labels: readonly Label[],
): TableParts {
  const order: Uint32Array[] = [];
  const starts: Uint32Array[] = [];
  for (const { accounts, rowCount } of parts) {
    const partitions = new Uint16Array(rowCount);
    for (let row = 0; row < rowCount; row++) partitions[row] = accounts[row]! % partitionCount;
    const start = new Uint32Array(new SharedArrayBuffer(4 * (partitionCount + 1)));
    for (let row = 0; row < rowCount; row++) start[partitions[row]! + 1]!++;
    for (let partition = 0; partition < partitionCount; partition++) start[partition + 1]! += start[partition]!;
    const next = start.slice();
    const rows = new Uint32Array(new SharedArrayBuffer(4 * rowCount));
    for (let row = 0; row < rowCount; row++) rows[next[partitions[row]!]!++] = row;
    order.push(rows);
    starts.push(start);
  }
  return { table, parts, order, starts, labels };
}

/** Rows of one part. */
interface PartRows {
  readonly part: SegmentTable;
  readonly rows: Uint32Array;
}

/** The rows of a partition. @returns with how many of them have no ingestion time; TimeGenerated stands for it. */
export function mergedFacts(
  { table, parts, order, starts, labels }: TableParts,
  partition: number,
): { readonly facts: Facts; readonly rowsWithoutIngestionTime: number } {
  const shares = parts.map(
    (part, index): PartRows => ({
      part,
      rows: order[index]!.subarray(starts[index]![partition], starts[index]![partition + 1]),
    }),
  );
  const rowCount = shares.reduce((sum, { rows }) => sum + rows.length, 0);
  const numbers = new Uint32Array(rowCount);
  let at = 0;
  let base = 0;
  for (const { part, rows } of shares) {
    for (let i = 0; i < rows.length; i++) numbers[at++] = base + rows[i]!;
    base += part.rowCount;
  }
  const fields: Record<string, FieldArray> = { [ROW_ORDER_FIELD]: numbers };
  const dimensions: Record<string, Dimension> = {};
  const columns: FactColumn[] = [{ name: 'Type', type: 'string', source: { from: 'constant', value: table } }];
  const types = new Map<string, ScalarType>();
  for (const { columns: ofPart } of parts) for (const { name, type } of ofPart) types.set(name, type);
  // By name, and only where a row has a value: a broken record must not show in which columns it would have had.
  for (const [name, type] of [...types].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const given = shares.map(({ part }) => part.columns.find((column) => column.name === name));
    const kind = given.find((column) => column !== undefined)!.kind;
    const merged =
      kind === 'texts'
        ? mergedTexts(name, given as (Texts | undefined)[], shares, rowCount)
        : kind === 'numbers'
          ? mergedNumbers(name, type, given as (Numbers | undefined)[], shares, rowCount)
          : mergedBools(name, given as (Bools | undefined)[], shares, rowCount);
    if (!merged) {
      if (name === 'TimeGenerated' || name === INGESTION_TIME) {
        fields[name] = new Float64Array(rowCount).fill(Number.NaN);
        columns.push({ name, type, source: { from: 'field', field: name } });
      }
      continue;
    }
    columns.push({ name, type, source: merged.source });
    if (merged.field) fields[name] = merged.field;
    if (merged.dimension) dimensions[name] = merged.dimension;
  }
  const times = fields['TimeGenerated'] as Float64Array;
  const ingested = fields[INGESTION_TIME] as Float64Array;
  let rowsWithoutIngestionTime = 0;
  for (let i = 0; i < rowCount; i++) {
    if (!Number.isNaN(ingested[i]!)) continue;
    ingested[i] = times[i]!;
    rowsWithoutIngestionTime++;
  }
  return {
    facts: { table, rowCount, fields, dimensions, columns, labels: ownLabels(labels, numbers) },
    rowsWithoutIngestionTime,
  };
}

/** Labels of the rows that `numbers` (ascending) lists. */
function ownLabels(labels: readonly Label[], numbers: Uint32Array): Label[] {
  const own: Label[] = [];
  for (const { row, event } of labels) {
    const place = firstFrom(numbers, row);
    if (numbers[place] === row) own.push({ row: place, event });
  }
  return own;
}

type Texts = SegmentColumn & { readonly kind: 'texts' };
type Numbers = SegmentColumn & { readonly kind: 'numbers' };
type Bools = SegmentColumn & { readonly kind: 'bools' };

/** A column; undefined stands for one that is null in every row. */
interface Merged {
  readonly source: FactColumn['source'];
  readonly field?: FieldArray;
  readonly dimension?: Dimension;
}

function coded(name: string, field: FieldArray, values: readonly string[] | Utf8Texts): Merged {
  return {
    source: { from: 'dimension', field: name, dimension: name, attribute: 'value' },
    field,
    dimension: { size: values.length, attributes: { value: values } },
  };
}

/** Distinct texts in order of first use; codes count from 1. */
class TextTable {
  size = 0;
  bytes = Buffer.allocUnsafeSlow(1 << 12);
  #end = 0;
  #offsets = new Float64Array(256);
  #hashes = new Int32Array(256);
  /** Open addressing; 0 is free. */
  #slots = new Uint32Array(512);

  code(bytes: Buffer, start: number, end: number, hash: number): number {
    const mask = this.#slots.length - 1;
    const length = end - start;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (; ; slot = (slot + 1) & mask) {
      const code = this.#slots[slot]!;
      if (code === 0) break;
      if (this.#hashes[code - 1] !== hash) continue;
      const from = this.#offsets[code - 1]!;
      if (this.#offsets[code]! - from === length && this.#isSame(from, bytes, start, length)) return code;
    }
    if (this.#end + length > this.bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.#end + length));
      larger.set(this.bytes.subarray(0, this.#end));
      this.bytes = larger;
    }
    copyBytes(bytes, start, end, this.bytes, this.#end);
    this.#end += length;
    const code = ++this.size;
    this.#slots[slot] = code;
    if (code + 1 >= this.#offsets.length) this.#grow();
    this.#offsets[code] = this.#end;
    this.#hashes[code - 1] = hash;
    if (code * 2 > this.#slots.length) this.#rehash();
    return code;
  }

  #isSame(from: number, bytes: Buffer, start: number, length: number): boolean {
    if (length > 64) return this.bytes.compare(bytes, start, start + length, from, from + length) === 0;
    for (let i = 0; i < length; i++) if (this.bytes[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #grow(): void {
    const offsets = new Float64Array(this.#offsets.length * 2);
    offsets.set(this.#offsets);
    this.#offsets = offsets;
    const hashes = new Int32Array(offsets.length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let code = 1; code <= this.size; code++) {
      const hash = this.#hashes[code - 1]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
    this.#slots = slots;
  }

  texts(): Utf8Texts {
    return new Utf8Texts(this.#offsets.slice(0, this.size + 1), this.bytes.subarray(0, this.#end));
  }
}

const NO_BYTES = Buffer.alloc(0);
/** spanHash of nothing. */
const EMPTY_HASH = (0x811c9dc5 | 0) ^ ((0x811c9dc5 | 0) >>> 15);

function mergedTexts(
  name: string,
  given: readonly (Texts | undefined)[],
  shares: readonly PartRows[],
  rowCount: number,
): Merged | undefined {
  const table = new TextTable();
  const field = new Uint32Array(rowCount);
  let at = 0;
  for (const [index, { rows }] of shares.entries()) {
    const column = given[index];
    if (!column) {
      if (rows.length > 0) field.fill(table.code(NO_BYTES, 0, 0, EMPTY_HASH) - 1, at, at + rows.length);
      at += rows.length;
      continue;
    }
    const { codes, offsets, hashes } = column;
    const bytes = Buffer.from(column.bytes.buffer, column.bytes.byteOffset, column.bytes.length);
    const own = new Uint32Array(hashes.length);
    for (let i = 0; i < rows.length; i++) {
      const code = codes[rows[i]!]!;
      let known = own[code]!;
      if (known === 0) own[code] = known = table.code(bytes, offsets[code]!, offsets[code + 1]!, hashes[code]!);
      field[at++] = known - 1;
    }
  }
  const texts = table.texts();
  if (texts.length <= 1) {
    const value = texts.length === 0 ? '' : texts.text(0);
    return value === '' ? undefined : { source: { from: 'constant', value } };
  }
  return coded(name, field, texts);
}

function mergedNumbers(
  name: string,
  type: ScalarType,
  given: readonly (Numbers | undefined)[],
  shares: readonly PartRows[],
  rowCount: number,
): Merged | undefined {
  const field = new Float64Array(rowCount);
  const wide = new Map<number, string>();
  let at = 0;
  for (const [index, { rows }] of shares.entries()) {
    const column = given[index];
    if (!column) {
      field.fill(Number.NaN, at, at + rows.length);
      at += rows.length;
      continue;
    }
    const { values, wide: aside } = column;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!;
      if (aside.size > 0 && aside.has(row)) wide.set(at, aside.get(row)!);
      field[at++] = values[row]!;
    }
  }
  if (wide.size === 0) {
    return field.every(Number.isNaN) ? undefined : { source: { from: 'field', field: name }, field };
  }
  const texts: string[] = [];
  const codeOf = new Map<string, number>();
  const codes = Uint32Array.from(field, (number, row) => {
    const text =
      wide.get(row) ??
      (Number.isNaN(number) ? '' : type === 'datetime' ? formatDatetime(ticksFromColumnTicks(number)) : String(number));
    let code = codeOf.get(text);
    if (code === undefined) {
      code = texts.length;
      codeOf.set(text, code);
      texts.push(text);
    }
    return code;
  });
  return coded(name, codes, texts);
}

function mergedBools(
  name: string,
  given: readonly (Bools | undefined)[],
  shares: readonly PartRows[],
  rowCount: number,
): Merged | undefined {
  const field = new Uint8Array(rowCount);
  let at = 0;
  for (const [index, { rows }] of shares.entries()) {
    const codes = given[index]?.codes;
    for (let i = 0; i < rows.length; i++) {
      const code = codes ? codes[rows[i]!]! : 0;
      field[at++] = code === 0 ? NULL_BOOL : code - 1;
    }
  }
  return field.every((value) => value === NULL_BOOL) ? undefined : { source: { from: 'field', field: name }, field };
}
