/**
 * Batches between threads. A class does not survive structured cloning, and a slice of a column would drag its whole
 * buffer and dictionary along; so a batch travels as typed arrays of its own and dictionaries of the entries in use.
 */
import { takeWords } from '../base/arena.ts';
import { Batch, type ColumnInfo } from '../columns/batch.ts';
import { type CodedColumn, type Codes, type Column } from '../columns/column.ts';
import {
  type CodedType,
  copyBytes,
  type Dictionary,
  type EncodedTexts,
  TextDictionary,
  ValueDictionary,
} from '../columns/dictionary.ts';
import { stringifyDynamic, survivesText } from '../columns/dynamic.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan, type ScalarType } from '../columns/value.ts';

/** A dynamic value whose JSON text would lose something, made of what structured cloning keeps. */
type PlainValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | { readonly list: readonly PlainValue[] }
  | { readonly bag: readonly (readonly [string, PlainValue])[] }
  | { readonly datetime: bigint }
  | { readonly timespan: bigint };

interface PlainTexts {
  /** UTF-8 of all entries, one after another; entry i from `offsets[i]` to `offsets[i + 1]`. */
  readonly bytes: Uint8Array;
  readonly offsets: Float64Array;
}

type PlainColumn =
  | { readonly kind: 'constant'; readonly type: ScalarType; readonly value: PlainValue }
  /** The entries as text, or as values where texts would not do. */
  | ({ readonly kind: 'coded'; readonly type: CodedType; readonly codes: Codes } & (
      | { readonly texts: PlainTexts; readonly values?: undefined }
      | { readonly values: readonly PlainValue[]; readonly texts?: undefined }
    ))
  | { readonly kind: 'bool'; readonly values: Uint8Array; readonly nulls: Uint8Array | undefined }
  | {
      readonly kind: 'number';
      readonly type: ScalarType;
      readonly values: Float64Array;
      readonly nulls: Uint8Array | undefined;
    }
  | {
      readonly kind: 'wide';
      readonly type: ScalarType;
      readonly values: BigInt64Array;
      readonly nulls: Uint8Array | undefined;
    };

/** A {@link Batch} as plain data. */
export interface PlainBatch {
  readonly schema: readonly ColumnInfo[];
  readonly rowCount: number;
  readonly columns: readonly PlainColumn[];
  readonly lineage: { readonly codes: Uint32Array; readonly sets: readonly (readonly string[])[] } | undefined;
}

function toPlainValue(value: Dynamic): PlainValue {
  if (Array.isArray(value)) return { list: value.map(toPlainValue) };
  if (value instanceof Map) return { bag: Array.from(value, ([key, item]) => [key, toPlainValue(item)] as const) };
  if (value instanceof DynamicDatetime) return { datetime: value.ticks };
  if (value instanceof DynamicTimespan) return { timespan: value.ticks };
  return value;
}

function fromPlainValue(value: PlainValue): Dynamic {
  if (value === null || typeof value !== 'object') return value;
  if ('list' in value) return value.list.map(fromPlainValue);
  if ('bag' in value) return new Map(value.bag.map(([key, item]) => [key, fromPlainValue(item)]));
  return 'datetime' in value ? new DynamicDatetime(value.datetime) : new DynamicTimespan(value.timespan);
}

function codesOfWidth(size: number, length: number): Codes {
  if (size <= 0x100) return new Uint8Array(length);
  return size <= 0x10000 ? new Uint16Array(length) : new Uint32Array(length);
}

/** Up to so many entries for each row are numbered by a table of all. */
const DIRECT_ENTRIES = 64;

/** Numbers the entries in use in order of first appearance. */
function entriesInUse(codes: Codes, size: number): { readonly packed: Uint32Array; readonly used: number[] } {
  const used: number[] = [];
  const packed = takeWords(codes.length);
  if (size > codes.length * DIRECT_ENTRIES) {
    const map = new Map<number, number>();
    for (let row = 0; row < codes.length; row++) {
      const code = codes[row]!;
      let entry = map.get(code);
      if (entry === undefined) {
        map.set(code, (entry = used.length));
        used.push(code);
      }
      packed[row] = entry;
    }
    return { packed, used };
  }
  // One more than the number, so that 0 is none.
  const entries = takeWords(size).fill(0);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (entries[code] === 0) entries[code] = used.push(code);
    packed[row] = entries[code]! - 1;
  }
  return { packed, used };
}

function packCoded({ codes, dictionary, type }: CodedColumn): PlainColumn {
  const { packed, used } = entriesInUse(codes, dictionary.size);
  const out = codesOfWidth(used.length, codes.length);
  out.set(packed);
  if (type === 'dynamic' && !dictionary.isText && !used.every((code) => survivesText(dictionary.value(code)))) {
    const values = used.map((code) => toPlainValue(dictionary.value(code)));
    return { kind: 'coded', type, codes: out, values };
  }
  const texts = packTexts(dictionary, used);
  return texts
    ? { kind: 'coded', type, codes: out, texts }
    : { kind: 'coded', type, codes: out, values: used.map((code) => dictionary.value(code) as string | null) };
}

function packEncoded({ bytes, offsets }: EncodedTexts, codes: readonly number[]): PlainTexts {
  const packedOffsets = new Float64Array(codes.length + 1);
  let total = 0;
  for (let i = 0; i < codes.length; i++) {
    total += offsets[codes[i]! + 1]! - offsets[codes[i]!]!;
    packedOffsets[i + 1] = total;
  }
  const packed = new Uint8Array(total);
  for (let i = 0; i < codes.length; i++) {
    copyBytes(bytes, offsets[codes[i]!]!, offsets[codes[i]! + 1]!, packed, packedOffsets[i]!);
  }
  return { offsets: packedOffsets, bytes: packed };
}

/** What UTF-8 has no form for. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** The entries as UTF-8 one after another; undefined where that would lose something. */
function packTexts(dictionary: Dictionary, codes: readonly number[]): PlainTexts | undefined {
  const encoded = dictionary instanceof TextDictionary ? dictionary.encoded : undefined;
  if (encoded) return packEncoded(encoded, codes);
  const offsets = new Float64Array(codes.length + 1);
  /** Texts that are not held as UTF-8. */
  const decoded = new Map<number, string>();
  let total = 0;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    let size = dictionary.utf8Size(code);
    if (size === undefined) {
      const text = dictionary.text(code);
      size = Buffer.byteLength(text);
      if (size > text.length && LONE_SURROGATE.test(text)) return undefined;
      decoded.set(i, text);
    }
    total += size;
    offsets[i + 1] = total;
  }
  const bytes = Buffer.from(new ArrayBuffer(total));
  for (let i = 0; i < codes.length; i++) {
    const text = decoded.get(i);
    if (text === undefined) dictionary.copyUtf8(codes[i]!, bytes, offsets[i]!);
    else bytes.write(text, offsets[i]!);
  }
  return { offsets, bytes: new Uint8Array(bytes.buffer) };
}

/** A copy: the buffer may be shared with other slices, and a moved buffer is lost to them. */
function own<T extends Uint8Array | Float64Array | BigInt64Array>(array: T): T {
  return array.slice() as T;
}

function pack(column: Column): PlainColumn {
  switch (column.kind) {
    case 'constant':
      return { kind: 'constant', type: column.type, value: toPlainValue(column.value) };
    case 'coded':
      return packCoded(column);
    case 'bool':
      return { kind: 'bool', values: own(column.values), nulls: column.nulls && own(column.nulls) };
    case 'number':
      return {
        kind: 'number',
        type: column.type,
        values: own(column.values),
        nulls: column.nulls && own(column.nulls),
      };
    case 'wide':
      return { kind: 'wide', type: column.type, values: own(column.values), nulls: column.nulls && own(column.nulls) };
  }
}

function unpack(column: PlainColumn, rowCount: number): Column {
  switch (column.kind) {
    case 'constant':
      return { kind: 'constant', type: column.type, value: fromPlainValue(column.value), length: rowCount };
    case 'coded':
      return { kind: 'coded', type: column.type, codes: column.codes, dictionary: unpackDictionary(column) };
    case 'bool':
      return { ...column, type: 'bool' };
    default:
      return column as Column;
  }
}

function unpackDictionary({
  type,
  texts,
  values,
}: Extract<PlainColumn, { kind: 'coded' }>): TextDictionary | ValueDictionary {
  if (values) return new ValueDictionary(type, values.map(fromPlainValue), stringifyDynamic);
  const { bytes, offsets } = texts;
  const buffer = Buffer.from(bytes.buffer);
  const text = (code: number): string => buffer.toString('utf8', offsets[code]!, offsets[code + 1]!);
  // A null's text is empty, and a text dictionary takes that for null.
  return new TextDictionary(type, offsets.length - 1, text, texts);
}

/** The batch as plain data, sharing no buffer with it. */
export function packBatch(batch: Batch): PlainBatch {
  return {
    schema: batch.schema,
    rowCount: batch.rowCount,
    columns: batch.columns().map(pack),
    lineage: batch.lineage && packLineage(batch.lineage),
  };
}

function packLineage({ codes, sets }: NonNullable<Batch['lineage']>): PlainBatch['lineage'] {
  const used = new Map<number, number>([[0, 0]]);
  const out = new Uint32Array(codes.length);
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (!used.has(code)) used.set(code, used.size);
    out[row] = used.get(code)!;
  }
  return used.size === 1 ? undefined : { codes: out, sets: Array.from(used.keys(), (code) => sets[code]!) };
}

/** The buffers of a packed batch, to be moved to another thread instead of copied. */
export function transferList(plain: PlainBatch): ArrayBuffer[] {
  const buffers: ArrayBufferLike[] = [];
  for (const column of plain.columns) {
    if (column.kind === 'coded') {
      buffers.push(column.codes.buffer);
      if (column.texts) buffers.push(column.texts.bytes.buffer, column.texts.offsets.buffer);
    } else if (column.kind !== 'constant') {
      buffers.push(column.values.buffer);
      if (column.nulls) buffers.push(column.nulls.buffer);
    }
  }
  if (plain.lineage) buffers.push(plain.lineage.codes.buffer);
  return buffers.filter((buffer) => buffer instanceof ArrayBuffer);
}

/** The batch that {@link packBatch} made plain. */
export function unpackBatch(plain: PlainBatch): Batch {
  return new Batch(
    plain.schema,
    plain.rowCount,
    plain.columns.map((column) => unpack(column, plain.rowCount)),
    plain.lineage,
  );
}
