/**
 * The rows of a table as lines of JSON, as Log Analytics shows them.
 *
 * Rows are put together from bytes: all columns that one code decides (a user's names and ids, a device with its address)
 * are one piece of JSON, written down once and copied from then on; constants are one piece for the whole file. Only
 * times, numbers and ids are written per row.
 */
import { formatDatetime, formatTimespan, ticksFromColumnTicks } from '../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType } from '../columns/value.ts';
import { INGESTION_TIME, tableColumns } from '../schema/tables.ts';
import type { FactColumn } from './facts.ts';
import { MAX_ID_BYTES, writeId } from './ids.ts';
import { type FileRows, valueOfText } from './rows.ts';
import { NULL_BOOL } from './stored-facts.ts';

/** The member that carries the ingestion time, which the importer takes back as such. */
export const INGESTION_MEMBER = '_IngestionTime';

const FIRST_BYTES = 1 << 20;

/** Bytes that grow. */
class Output {
  bytes = Buffer.alloc(0);
  size = 0;

  /** Makes room for `length` more bytes. */
  reserve(length: number): void {
    if (this.size + length <= this.bytes.length) return;
    const larger = Buffer.from(new ArrayBuffer(Math.max(this.bytes.length * 2, this.size + length, FIRST_BYTES)));
    this.bytes.copy(larger, 0, 0, this.size);
    this.bytes = larger;
  }

  /** Appends a text. */
  text(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.reserve(text.length * 3);
    this.size += this.bytes.write(text, this.size, 'utf8');
  }

  piece(piece: Uint8Array): void {
    this.reserve(piece.length);
    this.bytes.set(piece, this.size);
    this.size += piece.length;
  }
}

/** Appends some of a row's members, each with a comma in front; nothing for those that are null. */
type MemberWriter = (row: number, output: Output) => void;

/** Makes the lines of one table. */
export class TableLines {
  readonly #head: Buffer;
  readonly #starts: readonly number[];
  readonly #writers: readonly (readonly MemberWriter[])[];
  readonly #output = new Output();

  /** @param starts - for each of the files the number of its first row, when rows are numbered through all of them. */
  constructor(table: string, parts: readonly FileRows[], starts: readonly number[]) {
    this.#head = Buffer.from(`{"Type":${JSON.stringify(table)}`);
    this.#starts = starts;
    this.#writers = parts.map((part) => memberWriters(table, part));
  }

  /**
   * A line for each of the rows with these numbers.
   *
   * @param room - memory that may be used for them; other is taken where it does not suffice.
   */
  of(numbers: Uint32Array, room: ArrayBuffer): Uint8Array<ArrayBuffer> {
    const output = this.#output;
    output.bytes = Buffer.from(room);
    output.size = 0;
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i]!;
      const part = partOf(this.#starts, number);
      const row = number - this.#starts[part]!;
      output.piece(this.#head);
      for (const write of this.#writers[part]!) write(row, output);
      output.reserve(2);
      output.bytes[output.size++] = 0x7d;
      output.bytes[output.size++] = 0x0a;
    }
    return new Uint8Array(output.bytes.buffer, 0, output.size);
  }
}

function partOf(starts: readonly number[], number: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= number) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The writers of one file's columns: first constants and times, then what codes decide, field by field. */
function memberWriters(table: string, part: FileRows): MemberWriter[] {
  const schema = new Map(tableColumns(table)!.map((column, index) => [column.name, index]));
  const place = (column: FactColumn): number => schema.get(column.name) ?? Number.POSITIVE_INFINITY;
  const columns = part.file.header.columns
    .filter(({ name }) => name !== 'Type' && (schema.has(name) || name === INGESTION_TIME))
    .toSorted((a, b) => place(a) - place(b));
  const constants: string[] = [];
  const byCodes = new Map<string, FactColumn[]>();
  const writers: MemberWriter[] = [];
  for (const column of columns) {
    const { name, type, source } = column;
    const key = `,${JSON.stringify(name === INGESTION_TIME ? INGESTION_MEMBER : name)}:`;
    switch (source.from) {
      case 'constant': {
        const json =
          typeof source.value === 'string'
            ? jsonOfText(type, source.value)
            : typeof source.value === 'number'
              ? jsonOfNumber(type, source.value)
              : String(source.value);
        if (json !== undefined) constants.push(key + json);
        break;
      }
      case 'dimension': {
        const group = byCodes.get(source.field);
        if (group) group.push(column);
        else byCodes.set(source.field, [column]);
        break;
      }
      case 'field':
        writers.push(fieldWriter(key, type, part, source.field));
        break;
      case 'timed': {
        const text = part.timedText(source, (template) => jsonOfText(type, template) ?? '');
        writers.push((row, output) => {
          const json = text(row);
          if (json !== '') output.text(key + json);
        });
        break;
      }
      case 'id': {
        const ids = part.idSource(source);
        const piece = Buffer.from(`${key}"`);
        writers.push((row, output) => {
          output.piece(piece);
          output.reserve(MAX_ID_BYTES + 1);
          output.size = writeId(ids, row, output.bytes, output.size);
          output.bytes[output.size++] = 0x22;
        });
      }
    }
  }
  if (constants.length > 0) {
    const piece = Buffer.from(constants.join(''));
    writers.unshift((_, output) => output.piece(piece));
  }
  for (const [field, group] of byCodes) writers.push(codeWriter(part, field, group));
  return writers;
}

/** The members that one field's codes decide, kept as bytes for each code where codes repeat. */
function codeWriter(part: FileRows, field: string, group: readonly FactColumn[]): MemberWriter {
  const codes = part.field(field).values;
  let size = 0;
  const members = group.map(({ name, type, source }) => {
    const { dimension, attribute } = source as { dimension: string; attribute: string };
    const values = part.attribute(dimension, attribute);
    const isNumbers = values instanceof Float64Array;
    size = isNumbers ? values.length : values.size;
    return {
      key: `,${JSON.stringify(name)}:`,
      json: (code: number): string | undefined =>
        isNumbers ? jsonOfNumber(type, values[code]!) : jsonOfText(type, values.text(code)),
    };
  });
  const textOf = (code: number): string => {
    let text = '';
    for (const { key, json } of members) {
      const value = json(code);
      if (value !== undefined) text += key + value;
    }
    return text;
  };
  if (size * 2 > part.rowCount) return (row, output) => output.text(textOf(codes[row]!));
  const pieces = new Array<Buffer | undefined>(size);
  return (row, output) => {
    const code = codes[row]!;
    output.piece((pieces[code] ??= Buffer.from(textOf(code))));
  };
}

function fieldWriter(key: string, type: ScalarType, part: FileRows, field: string): MemberWriter {
  const { values } = part.field(field);
  if (type === 'datetime') {
    const piece = Buffer.from(`${key}"`);
    return (row, output) => {
      const ticks = values[row]!;
      if (Number.isNaN(ticks)) return;
      output.piece(piece);
      output.reserve(DATETIME_BYTES + 1);
      output.size = writeDatetime(ticks, output.bytes, output.size);
      output.bytes[output.size++] = 0x22;
    };
  }
  if (type === 'bool') {
    const pieces = [Buffer.from(`${key}false`), Buffer.from(`${key}true`)];
    return (row, output) => {
      if (values[row] !== NULL_BOOL) output.piece(pieces[values[row]!]!);
    };
  }
  return (row, output) => {
    const json = jsonOfNumber(type, values[row]!);
    if (json !== undefined) output.text(key + json);
  };
}

/** The JSON of a text in a dimension or a constant; undefined for null and for the empty string. */
function jsonOfText(type: ScalarType, text: string): string | undefined {
  if (text === '') return undefined;
  switch (type) {
    case 'dynamic':
      // Compact, on one line, and JSON for certain.
      return stringifyDynamic(parseDynamic(text));
    case 'bool':
    case 'int':
    case 'long':
      return text;
    case 'real':
      return jsonOfNumber(type, Number(text));
    case 'timespan':
      return `"${formatTimespan(valueOfText(type, text) as bigint)}"`;
    default:
      return JSON.stringify(text);
  }
}

function jsonOfNumber(type: ScalarType, value: number): string | undefined {
  if (Number.isNaN(value)) return undefined;
  switch (type) {
    case 'bool':
      return value === 1 ? 'true' : 'false';
    case 'datetime':
      return `"${formatDatetime(ticksFromColumnTicks(value))}"`;
    case 'timespan':
      return `"${formatTimespan(BigInt(value))}"`;
    case 'real':
      // JSON has no infinities; the importer takes them back from text.
      if (Object.is(value, -0)) return '-0.0';
      return Number.isFinite(value) ? String(value) : `"${value > 0 ? 'Infinity' : '-Infinity'}"`;
    case 'int':
    case 'long':
      return String(value);
    default:
      return JSON.stringify(String(value));
  }
}

const DATETIME_BYTES = 28;
const DAY_TICKS = 864_000_000_000;
const dayBytes = Buffer.alloc(11);
let dayInBytes = Number.NaN;

/** Writes `2026-05-29T10:11:12.1234567Z`; returns the position after it. */
function writeDatetime(columnTicks: number, target: Buffer, at: number): number {
  const day = Math.floor(columnTicks / DAY_TICKS);
  // Rows come in order of time, so the day seldom changes.
  if (day !== dayInBytes) {
    dayBytes.write(formatDatetime(ticksFromColumnTicks(day * DAY_TICKS)).slice(0, 11), 'latin1');
    dayInBytes = day;
  }
  for (let i = 0; i < 11; i++) target[at + i] = dayBytes[i]!;
  const ticks = columnTicks - day * DAY_TICKS;
  const seconds = Math.floor(ticks / 10_000_000);
  writeDigits(Math.floor(seconds / 3600), 2, target, at + 11);
  target[at + 13] = 0x3a;
  writeDigits(Math.floor(seconds / 60) % 60, 2, target, at + 14);
  target[at + 16] = 0x3a;
  writeDigits(seconds % 60, 2, target, at + 17);
  target[at + 19] = 0x2e;
  writeDigits(ticks - seconds * 10_000_000, 7, target, at + 20);
  target[at + 27] = 0x5a;
  return at + DATETIME_BYTES;
}

function writeDigits(number: number, count: number, target: Buffer, at: number): void {
  let rest = number;
  for (let i = count - 1; i >= 0; i--) {
    const tens = Math.floor(rest / 10);
    target[at + i] = 0x30 + rest - tens * 10;
    rest = tens;
  }
}
