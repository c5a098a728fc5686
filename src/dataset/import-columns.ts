/**
 * Columns that grow while records are imported. A text is looked up by the hash and the bytes of its raw JSON, and is
 * decoded once, when it is new; codes take one byte a row until there are more than 256 of them, and none while a column
 * has one value. Rows are written before it is certain that their record is whole, so each column can clear a row again.
 */
import { isUtf8 } from 'node:buffer';
import { columnTicksFromTicks, formatDatetime, parseIsoDatetime } from '../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../columns/dynamic.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { KIND, decodeString, spanHash } from './json-records.ts';

/** A value that makes its whole record unusable: what looked like JSON is none. */
export class MalformedValue extends Error {}

/** A column while it grows. */
export interface GrowingColumn {
  /** The last row that a value was written to. */
  readonly lastRow: number;
  /** Rows whose value did not suit the type and became null. */
  readonly invalid: number;
  /** Whether `row`, which is the last one written or one behind it, has a value. */
  has(row: number): boolean;
  /**
   * Writes the value whose raw JSON fills [`start`, `end`) (see KIND) to `row`, which is `lastRow` or later.
   *
   * @throws MalformedValue
   */
  set(row: number, bytes: Buffer, start: number, end: number, hash: number, kind: number): void;
  /** Writes the value of the row `from`, which suited the type, to `row` again. */
  repeat(row: number, from: number): void;
  /** Makes `row`, the last one written, null again. */
  clear(row: number): void;
  /**
   * The first `rowCount` values, in shared memory. The column is not used after.
   *
   * @param isUtf8Text - whether all bytes that were set are UTF-8.
   */
  finish(name: string, type: ScalarType, rowCount: number, isUtf8Text: boolean): SegmentColumn;
}

/** A column that was read: plain data in shared memory. */
export type SegmentColumn = {
  readonly name: string;
  readonly type: ScalarType;
  /** Rows whose value did not suit the type and became null. */
  readonly invalid: number;
} & (
  | {
      readonly kind: 'texts';
      /** Entry 0 is the empty text; several may be the same. */
      readonly codes: Uint8Array | Uint16Array | Uint32Array;
      /** Texts of the entries as UTF-8, and their hashes (spanHash). */
      readonly offsets: Float64Array;
      readonly bytes: Uint8Array;
      readonly hashes: Int32Array;
    }
  | {
      readonly kind: 'numbers';
      /** NaN is null, or a value that is kept aside. */
      readonly values: Float64Array;
      /** Rows whose values are beyond 2^53, and their texts (see ColumnSource). */
      readonly wide: ReadonlyMap<number, string>;
    }
  /** 0 is null, 1 false, 2 true. */
  | { readonly kind: 'bools'; readonly codes: Uint8Array | Uint16Array | Uint32Array }
);

/** Codes of growing width; rows that were never set have code 0. */
class GrowingCodes {
  #codes: Uint8Array | Uint16Array | Uint32Array = new Uint8Array(1024);

  set(row: number, code: number): void {
    if (row >= this.#codes.length) this.#resize(this.#codes.constructor as Uint8ArrayConstructor, row);
    if (code > 0xff && this.#codes instanceof Uint8Array) {
      this.#resize(code > 0xffff ? Uint32Array : Uint16Array, row);
    } else if (code > 0xffff && this.#codes instanceof Uint16Array) this.#resize(Uint32Array, row);
    this.#codes[row] = code;
  }

  get(row: number): number {
    return row < this.#codes.length ? this.#codes[row]! : 0;
  }

  /** The first `rowCount` codes in shared memory. */
  finish(rowCount: number): Uint8Array | Uint16Array | Uint32Array {
    const codes = this.#codes.subarray(0, rowCount);
    const type = this.#codes.constructor as Uint8ArrayConstructor;
    const shared = new type(new SharedArrayBuffer(rowCount * type.BYTES_PER_ELEMENT));
    shared.set(codes);
    return shared;
  }

  #resize(type: Uint8ArrayConstructor | Uint16ArrayConstructor | Uint32ArrayConstructor, row: number): void {
    const larger = new type(row >= this.#codes.length ? Math.max(this.#codes.length * 2, row + 1) : this.#codes.length);
    larger.set(this.#codes);
    this.#codes = larger;
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length);
}

let viewed: Buffer | undefined;
let view: DataView = new DataView(new ArrayBuffer(0));

/** The view of bytes that are asked for time and again. */
function knownView(bytes: Buffer): DataView {
  if (bytes !== viewed) {
    viewed = bytes;
    view = viewOf(bytes);
  }
  return view;
}

/** Entry flags. */
const COMPOSITE = 1;
const INVALID = 2;
const MALFORMED = 4;

/** Texts and their codes; code 0 is null (the empty text). */
export class GrowingTexts implements GrowingColumn {
  lastRow = -1;
  invalid = 0;
  readonly #type: ScalarType;
  /** The member that stands for an object where this column wants a single value. */
  readonly #pick: string | undefined;
  readonly #codes = new GrowingCodes();
  #heap = Buffer.alloc(4096);
  #heapView: DataView = viewOf(this.#heap);
  #heapSize = 0;
  #ends = new Float64Array(256);
  #hashes = new Int32Array(256);
  #flags = new Uint8Array(256);
  #size = 1;
  /** Open addressing; 0 is free. */
  #slots = new Uint32Array(512);
  /** Texts of entries that differ from their raw bytes. */
  readonly #texts = new Map<number, string>();
  /** The code of the row before, which the next row often shares. */
  #recent = 0;

  constructor(type: ScalarType, pick?: string) {
    this.#type = type;
    this.#pick = pick;
  }

  set(row: number, bytes: Buffer, start: number, end: number, hash: number, kind: number): void {
    let code = 0;
    if (kind !== KIND.null && end > start) {
      code = this.#codeOf(bytes, start, end, hash, kind);
      const flags = this.#flags[code]!;
      if (flags > COMPOSITE) {
        if (flags & MALFORMED) throw new MalformedValue(this.#texts.get(code));
        this.invalid++;
        code = 0;
      }
    }
    this.#codes.set(row, code);
    this.lastRow = row;
  }

  repeat(row: number, from: number): void {
    this.#codes.set(row, this.#codes.get(from));
    this.lastRow = row;
  }

  clear(row: number): void {
    this.#codes.set(row, 0);
    this.lastRow = row - 1;
  }

  #isEntry(code: number, bytes: Buffer, start: number, length: number, hash: number, composite: number): boolean {
    if (this.#hashes[code] !== hash || (this.#flags[code]! & COMPOSITE) !== composite || code === 0) return false;
    const from = this.#ends[code - 1]!;
    if (this.#ends[code]! - from !== length) return false;
    const heap = this.#heap;
    // A native comparison is worth its call only for long values.
    if (length > 64) return heap.compare(bytes, start, start + length, from, from + length) === 0;
    const view = knownView(bytes);
    const heapView = this.#heapView;
    let i = 0;
    for (; i + 4 <= length; i += 4) {
      if (heapView.getInt32(from + i, true) !== view.getInt32(start + i, true)) return false;
    }
    for (; i < length; i++) if (heap[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #codeOf(bytes: Buffer, start: number, end: number, hash: number, kind: number): number {
    const composite = kind === KIND.composite ? COMPOSITE : 0;
    const length = end - start;
    if (this.#isEntry(this.#recent, bytes, start, length, hash, composite)) return this.#recent;
    const mask = this.#slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const code = this.#slots[slot]!;
      if (code === 0) break;
      if (this.#isEntry(code, bytes, start, length, hash, composite)) return (this.#recent = code);
      slot = (slot + 1) & mask;
    }
    const code = this.#size++;
    this.#slots[slot] = code;
    if (code >= this.#hashes.length) this.#growEntries();
    if (this.#heapSize + length > this.#heap.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#heap.length * 2, this.#heapSize + length));
      larger.set(this.#heap.subarray(0, this.#heapSize));
      this.#heap = larger;
      this.#heapView = viewOf(larger);
    }
    this.#append(bytes, start, end);
    this.#ends[code] = this.#heapSize;
    this.#hashes[code] = hash;
    this.#flags[code] = composite;
    if (this.#size * 2 > this.#slots.length) this.#rehash();
    this.#decode(code, bytes, start, end, kind);
    return (this.#recent = code);
  }

  /** Copies a text to the end of the heap, which has room for it. */
  #append(bytes: Buffer, start: number, end: number): void {
    const target = this.#heapSize;
    const length = end - start;
    this.#heapSize += length;
    if (length > 64) {
      bytes.copy(this.#heap, target, start, end);
      return;
    }
    const view = knownView(bytes);
    const heapView = this.#heapView;
    let i = 0;
    for (; i + 4 <= length; i += 4) heapView.setInt32(target + i, view.getInt32(start + i, true), true);
    for (; i < length; i++) this.#heap[target + i] = bytes[start + i]!;
  }

  #growEntries(): void {
    const length = this.#hashes.length * 2;
    const ends = new Float64Array(length);
    ends.set(this.#ends);
    this.#ends = ends;
    const hashes = new Int32Array(length);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
    const flags = new Uint8Array(length);
    flags.set(this.#flags);
    this.#flags = flags;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let code = 1; code < this.#size; code++) {
      const hash = this.#hashes[code]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = code;
    }
    this.#slots = slots;
  }

  /** Works out the text of a new entry, and whether it is one. */
  #decode(code: number, bytes: Buffer, start: number, end: number, kind: number): void {
    if (kind === KIND.plain && (this.#type === 'string' || (this.#type === 'guid' && isGuid(bytes, start, end))))
      return;
    const raw = bytes.toString('utf8', start, end);
    let text: string | undefined;
    if (kind === KIND.composite) {
      const value = parseDynamic(raw);
      // A text that begins with a bracket and is JSON is never a text itself.
      if (typeof value === 'string') {
        this.#flags[code]! |= MALFORMED;
        this.#texts.set(code, `${JSON.stringify(raw.length > 60 ? `${raw.slice(0, 60)}…` : raw)} is not JSON`);
        return;
      }
      text = this.#pick === undefined ? this.#textOf(value) : picked(value, this.#pick);
    } else if (kind === KIND.plain || kind === KIND.escaped) {
      let string = raw;
      if (kind === KIND.escaped) {
        try {
          string = decodeString(bytes, start, end);
        } catch {
          this.#flags[code]! |= MALFORMED;
          this.#texts.set(code, `the escapes of "${raw.slice(0, 60)}" are not JSON`);
          return;
        }
      }
      text = this.#type === 'dynamic' ? dynamicText(string) : string;
    } else {
      text = raw;
    }
    if (text !== undefined && this.#type !== 'string' && this.#type !== 'dynamic') text = scalarText(this.#type, text);
    if (text === undefined) this.#flags[code]! |= INVALID;
    else if (text !== raw) this.#texts.set(code, text);
  }

  /** The text of an object or a list. */
  #textOf(value: Value): string | undefined {
    return this.#type === 'string' || this.#type === 'dynamic' ? stringifyDynamic(value) : undefined;
  }

  #text(code: number): string {
    if (code === 0) return '';
    const text = this.#texts.get(code);
    if (text !== undefined) return text;
    return this.#heap.toString('utf8', this.#ends[code - 1]!, this.#ends[code]!);
  }

  /** For each code what `map` makes of its text. */
  mapEntries(map: (text: string) => number): Float64Array {
    return Float64Array.from({ length: this.#size }, (_, code) => map(this.#text(code)));
  }

  code(row: number): number {
    return this.#codes.get(row);
  }

  has(row: number): boolean {
    return this.code(row) !== 0;
  }

  finish(name: string, type: ScalarType, rowCount: number, isUtf8Text: boolean): SegmentColumn {
    const size = this.#size;
    if (!isUtf8Text) this.#mendTexts();
    let total = this.#heapSize;
    const changed = new Map<number, Buffer>();
    for (const [code, text] of this.#texts) {
      const bytes = Buffer.from(this.#flags[code]! > COMPOSITE ? '' : text);
      changed.set(code, bytes);
      total += bytes.length - (this.#ends[code]! - this.#ends[code - 1]!);
    }
    const offsets = new Float64Array(new SharedArrayBuffer(8 * (size + 1)));
    const bytes = Buffer.from(new SharedArrayBuffer(total));
    const hashes = new Int32Array(new SharedArrayBuffer(4 * size));
    hashes.set(this.#hashes.subarray(0, size));
    hashes[0] = spanHash(EMPTY, 0, 0);
    if (changed.size === 0) {
      bytes.set(this.#heap.subarray(0, total));
      offsets.set(this.#ends.subarray(0, size), 1);
    } else {
      let at = 0;
      for (let code = 1; code < size; code++) {
        offsets[code] = at;
        const text = changed.get(code);
        if (text) {
          bytes.set(text, at);
          at += text.length;
          hashes[code] = spanHash(new DataView(text.buffer, text.byteOffset, text.length), 0, text.length);
        } else {
          at += this.#heap.copy(bytes, at, this.#ends[code - 1], this.#ends[code]);
        }
      }
      offsets[size] = at;
    }
    return {
      kind: 'texts',
      name,
      type,
      invalid: this.invalid,
      codes: this.#codes.finish(rowCount),
      offsets,
      bytes,
      hashes,
    };
  }

  /** Gives entries whose bytes are no UTF-8 the text that they decode to. */
  #mendTexts(): void {
    for (let code = 1; code < this.#size; code++) {
      if (this.#texts.has(code)) continue;
      const bytes = this.#heap.subarray(this.#ends[code - 1], this.#ends[code]);
      if (!isUtf8(bytes)) this.#texts.set(code, bytes.toString('utf8'));
    }
  }
}

const EMPTY = new DataView(new ArrayBuffer(0));

/** @throws MalformedValue */
function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    throw new MalformedValue(`the escapes of "${raw.slice(0, 60)}" are not JSON`);
  }
}

/** The scalar that stands for an object: `"location": {"countryOrRegion": "DE"}` in a column for a country. */
function picked(value: Value, member: string): string | undefined {
  const item = value instanceof Map ? value.get(member) : undefined;
  if (item === undefined || item === null) return '';
  return typeof item === 'string' ? item : stringifyDynamic(item);
}

/** The JSON text of a dynamic that came as a string: JSON where it is JSON, else a JSON string. */
function dynamicText(text: string): string {
  const value = parseDynamic(text);
  return value === null ? '' : stringifyDynamic(value);
}

/** By byte: 1 for the digits of a guid as it is stored, in lower case. */
const GUID_DIGITS = Uint8Array.from({ length: 256 }, (_, byte) => (/[0-9a-f]/.test(String.fromCharCode(byte)) ? 1 : 0));

/** Whether the bytes are a guid as it is stored: in lower case, without braces. */
function isGuid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36) return false;
  if (bytes[start + 8] !== 0x2d || bytes[start + 13] !== 0x2d) return false;
  if (bytes[start + 18] !== 0x2d || bytes[start + 23] !== 0x2d) return false;
  // 32 digits beside the dashes, which are none.
  let digits = 0;
  for (let i = start; i < end; i++) digits += GUID_DIGITS[bytes[i]!]!;
  return digits === 32;
}

/** The canonical text of a value that is neither string nor dynamic, or undefined where it is none. */
function scalarText(type: ScalarType, text: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  switch (type) {
    case 'guid':
      return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(trimmed) ? trimmed.toLowerCase() : undefined;
    case 'decimal':
      return /^-?\d+(\.\d+)?$/.test(trimmed) ? trimmed : undefined;
    default:
      return undefined;
  }
}

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;
const MIN_INT = -(2 ** 31);
const MAX_INT = 2 ** 31 - 1;

/** Numbers and times, in a Float64 a row; what a Float64 cannot hold is kept aside. */
export class GrowingNumbers implements GrowingColumn {
  lastRow = -1;
  invalid = 0;
  readonly #type: 'int' | 'long' | 'real' | 'datetime' | 'timespan';
  #values = new Float64Array(0);
  #rowCount = 0;
  /** Texts (see ColumnSource) of values beyond 2^53. */
  readonly #wide = new Map<number, string>();

  readonly #isNarrow: boolean;

  /** @param isNarrow - what a Float64 cannot hold does not suit the column; for the times that rows are ordered by. */
  constructor(type: 'int' | 'long' | 'real' | 'datetime' | 'timespan', isNarrow = false) {
    this.#type = type;
    this.#isNarrow = isNarrow;
  }

  /** The number at a row (ticks since 2020 for times); NaN is null, or a value that is kept aside. */
  get(row: number): number {
    return row < this.#rowCount ? this.#values[row]! : Number.NaN;
  }

  has(row: number): boolean {
    return !Number.isNaN(this.get(row));
  }

  put(row: number, value: number): void {
    if (row >= this.#values.length) {
      const larger = new Float64Array(Math.max(1024, this.#values.length * 2, row + 1));
      larger.set(this.#values);
      this.#values = larger;
    }
    // Rows that had no value in between are null.
    if (row > this.#rowCount) this.#values.fill(Number.NaN, this.#rowCount, row);
    this.#values[row] = value;
    if (row >= this.#rowCount) this.#rowCount = row + 1;
    this.lastRow = row;
  }

  set(row: number, bytes: Buffer, start: number, end: number, _hash: number, kind: number): void {
    let value = Number.NaN;
    if (kind === KIND.plain || kind === KIND.escaped || kind === KIND.number) {
      if (this.#type === 'datetime') value = isoColumnTicks(bytes, start, end);
      // Ten digits and more may be beyond what the type can hold.
      else if (this.#type !== 'timespan' && end - start < 10 && end > start) value = digits(bytes, start, end - start);
      if (Number.isNaN(value)) {
        const raw = bytes.toString('utf8', start, end);
        value = this.#slow(row, (kind === KIND.escaped ? unescaped(raw) : raw).trim());
      }
    } else if (kind !== KIND.null) this.invalid++;
    this.put(row, value);
  }

  /** A value that is not in its usual form. */
  #slow(row: number, text: string): number {
    if (text === '') return Number.NaN;
    if (this.#type === 'real') {
      const number = /^[+-]?inf/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);
      if (Number.isNaN(number) && !/^nan$/i.test(text)) this.invalid++;
      return number;
    }
    let whole: bigint | undefined;
    if (this.#type === 'datetime') whole = parseDatetime(text);
    else if (this.#type === 'timespan') whole = parseTimespan(text);
    else if (/^[+-]?\d+(\.0*)?$/.test(text)) whole = BigInt(text.replace(/^\+|\.0*$/g, ''));
    else if (/^[+-]?\d+(\.\d+)?e[+-]?\d+$/i.test(text) && Number.isSafeInteger(Number(text)))
      whole = BigInt(Number(text));
    if (whole === undefined || whole < MIN_LONG || whole > MAX_LONG) {
      this.invalid++;
      return Number.NaN;
    }
    const number = this.#type === 'datetime' ? columnTicksFromTicks(whole) : Number(whole);
    if (this.#type === 'int' && (number < MIN_INT || number > MAX_INT)) {
      this.invalid++;
      return Number.NaN;
    }
    if (Number.isSafeInteger(number)) return number;
    if (this.#isNarrow) {
      this.invalid++;
      return Number.NaN;
    }
    this.#wide.set(row, this.#type === 'datetime' ? formatDatetime(whole) : whole.toString());
    return Number.NaN;
  }

  repeat(row: number, from: number): void {
    const value = this.#values[from]!;
    if (Number.isNaN(value) && this.#wide.has(from)) this.#wide.set(row, this.#wide.get(from)!);
    this.put(row, value);
  }

  clear(row: number): void {
    this.put(row, Number.NaN);
    this.#wide.delete(row);
    this.lastRow = row - 1;
  }

  finish(name: string, type: ScalarType, rowCount: number): SegmentColumn {
    const values = new Float64Array(new SharedArrayBuffer(8 * rowCount));
    values.set(this.#values.subarray(0, Math.min(this.#rowCount, rowCount)));
    if (this.#rowCount < rowCount) values.fill(Number.NaN, this.#rowCount);
    return { kind: 'numbers', name, type, invalid: this.invalid, values, wide: this.#wide };
  }
}

/** Booleans; rows that were never set are null. */
class GrowingBools implements GrowingColumn {
  lastRow = -1;
  invalid = 0;
  /** 0 is null, 1 false, 2 true, so that what was never set is null. */
  readonly #codes = new GrowingCodes();

  has(row: number): boolean {
    return this.#codes.get(row) !== 0;
  }

  set(row: number, bytes: Buffer, start: number, end: number, _hash: number, kind: number): void {
    let code = 0;
    if (kind === KIND.true) code = 2;
    else if (kind === KIND.false) code = 1;
    else if (kind !== KIND.null) {
      const text = kind === KIND.composite ? 'object' : bytes.toString('utf8', start, end).trim().toLowerCase();
      if (text === 'true' || text === '1') code = 2;
      else if (text === 'false' || text === '0') code = 1;
      else if (text !== '') this.invalid++;
    }
    this.#codes.set(row, code);
    this.lastRow = row;
  }

  repeat(row: number, from: number): void {
    this.#codes.set(row, this.#codes.get(from));
    this.lastRow = row;
  }

  clear(row: number): void {
    this.#codes.set(row, 0);
    this.lastRow = row - 1;
  }

  finish(name: string, type: ScalarType, rowCount: number): SegmentColumn {
    return { kind: 'bools', name, type, invalid: this.invalid, codes: this.#codes.finish(rowCount) };
  }
}

export function growingColumn(type: ScalarType, pick?: string): GrowingColumn {
  switch (type) {
    case 'bool':
      return new GrowingBools();
    case 'int':
    case 'long':
    case 'real':
    case 'datetime':
    case 'timespan':
      return new GrowingNumbers(type);
    default:
      return new GrowingTexts(type, pick);
  }
}

/** Days from 1970 to the first of a month of the years 1991 to 2048, for times that a narrow column can hold. */
const FIRST_YEAR = 1992;
const LAST_YEAR = 2047;
const MONTH_DAYS = Int32Array.from({ length: (LAST_YEAR - FIRST_YEAR + 1) * 12 }, (_, month) =>
  Math.round(Date.UTC(FIRST_YEAR, month, 1) / 86_400_000),
);
const DAYS_IN_MONTH = MONTH_DAYS.map(
  (first, month) => Math.round(Date.UTC(FIRST_YEAR, month + 1, 1) / 86_400_000) - first,
);
const COLUMN_ZERO_DAYS = Date.UTC(2020, 0, 1) / 86_400_000;

/** Column ticks of `2026-05-29T10:11:12.1234567Z` and its shorter forms; NaN for any other form. */
function isoColumnTicks(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 20 || length > 28 || bytes[end - 1] !== 0x5a || bytes[start + 10] !== 0x54) return Number.NaN;
  if (bytes[start + 4] !== 0x2d || bytes[start + 7] !== 0x2d) return Number.NaN;
  if (bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a) return Number.NaN;
  const century = twoDigits(bytes, start);
  const year = twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  const hour = twoDigits(bytes, start + 11);
  const minute = twoDigits(bytes, start + 14);
  const second = twoDigits(bytes, start + 17);
  // Whatever is no digit makes this negative.
  if ((century | year | month | day | hour | minute | second) < 0) return Number.NaN;
  const index = (century * 100 + year - FIRST_YEAR) * 12 + month - 1;
  if (index < 0 || index >= MONTH_DAYS.length || month < 1 || month > 12) return Number.NaN;
  if (day < 1 || day > DAYS_IN_MONTH[index]! || hour > 23 || minute > 59 || second > 59) return Number.NaN;
  let fraction = 0;
  if (length > 20) {
    if (bytes[start + 19] !== 0x2e || length === 21) return Number.NaN;
    let scale = 10_000_000;
    for (let at = start + 20; at < end - 1; at++) {
      const digit = bytes[at]! - 0x30;
      if ((digit | (9 - digit)) < 0) return Number.NaN;
      fraction = fraction * 10 + digit;
      scale /= 10;
    }
    fraction *= scale;
  }
  const days = MONTH_DAYS[index]! + day - 1 - COLUMN_ZERO_DAYS;
  return (days * 86_400 + hour * 3600 + minute * 60 + second) * 10_000_000 + fraction;
}

/** The number that two digits spell; negative where one is none. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 0x30;
  const ones = bytes[at + 1]! - 0x30;
  return (tens | ones | (9 - tens) | (9 - ones)) < 0 ? -1 : tens * 10 + ones;
}

/** The number that `count` digits spell; NaN where one is none. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) {
    const digit = bytes[i]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

const US_DATETIME = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,7})?)?\s*([AP]M)?)?$/i;

/** Ticks of an ISO 8601 time, or of the form that the Azure portal exports (`4/28/2021, 2:08:45.221 PM`), read as UTC. */
function parseDatetime(text: string): bigint | undefined {
  const match = US_DATETIME.exec(text);
  if (!match) return parseIsoDatetime(text);
  const [, month, day, year, hour = '0', minute = '00', second = '00', fraction = '', half] = match;
  let hours = Number(hour);
  if (half) {
    if (hours < 1 || hours > 12) return undefined;
    hours = (hours % 12) + (half.toUpperCase() === 'PM' ? 12 : 0);
  }
  return parseIsoDatetime(`${year}-${month}-${day}T${hours}:${minute}:${second}${fraction}Z`);
}

/** Ticks of `[-][d.]hh:mm:ss[.fffffff]`. */
function parseTimespan(text: string): bigint | undefined {
  const match = /^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/.exec(text);
  if (!match) return undefined;
  const [, sign, days = '0', hours, minutes, seconds, fraction = ''] = match;
  const whole = ((BigInt(days) * 24n + BigInt(hours!)) * 60n + BigInt(minutes!)) * 60n + BigInt(seconds!);
  const ticks = whole * 10_000_000n + BigInt(fraction.padEnd(7, '0'));
  return sign ? -ticks : ticks;
}
