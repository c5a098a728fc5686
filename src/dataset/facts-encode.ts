/**
 * Facts as the bytes of a file (facts-file.ts). Apart from reading, which needs no Arrow library and starts sooner without it.
 */
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
  List,
  Message,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  Uint16,
  Uint32,
  Uint8,
  Utf8,
  makeData,
  makeVector,
} from 'apache-arrow';
import { TocsinError } from '../base/errors.ts';
import { PiecedTexts } from './pieced-texts.ts';
import { Utf8Texts, writeText } from './utf8-texts.ts';
import type { Attribute, Facts, FieldArray } from './facts.ts';
import {
  type FactsHeader,
  type FieldHeader,
  FORMAT,
  INDEX_SUFFIX_BYTES,
  type Region,
  sha256,
  type Width,
} from './facts-file.ts';
import { sortFacts } from './stored-facts.ts';

/** Pieces of a file below this size are put together, so that few writes remain. */
const SMALL_PIECE_BYTES = 1 << 16;

/** A file of facts as bytes, and the times at its ends (ticks since 2020; undefined where no row has a TimeGenerated). */
export interface EncodedFacts {
  /** The file, in pieces that follow each other. */
  readonly pieces: readonly Uint8Array[];
  readonly firstGenerated: number | undefined;
  readonly lastGenerated: number | undefined;
}

function widthOf(field: FieldArray): Width {
  if (field instanceof Float64Array) return 'f64';
  return field instanceof Uint8Array ? 'u8' : field instanceof Uint16Array ? 'u16' : 'u32';
}

/** UTF-8 of all texts, one after another, and where each begins. */
function encodeTexts(texts: readonly string[]): { offsets: Int32Array; bytes: Uint8Array } {
  const offsets = new Int32Array(texts.length + 1);
  let total = 0;
  for (let i = 0; i < texts.length; i++) total += texts[i]!.length;
  if (total > 0x7fffffff) throw tooMuchText();
  // Most texts are ASCII, a byte a character. The room at the end lets every longer one show, also the last.
  const bytes = Buffer.allocUnsafe(total + 4);
  let at = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!;
    if (writeText(text, bytes, at) !== text.length) return encodeWideTexts(texts, offsets);
    at += text.length;
    offsets[i + 1] = at;
  }
  return { offsets, bytes: bytes.subarray(0, total) };
}

function encodeWideTexts(texts: readonly string[], offsets: Int32Array): { offsets: Int32Array; bytes: Uint8Array } {
  let total = 0;
  for (let i = 0; i < texts.length; i++) {
    total += Buffer.byteLength(texts[i]!, 'utf8');
    if (total > 0x7fffffff) throw tooMuchText();
    offsets[i + 1] = total;
  }
  const bytes = Buffer.alloc(total);
  for (let i = 0; i < texts.length; i++) bytes.write(texts[i]!, offsets[i]!, 'utf8');
  return { offsets, bytes };
}

/** Texts that an Arrow file can hold. */
function checkedTexts({ offsets, bytes }: Utf8Texts): { offsets: Int32Array; bytes: Uint8Array } {
  if (bytes.length > 0x7fffffff) throw tooMuchText();
  return { offsets: offsets instanceof Int32Array ? offsets : Int32Array.from(offsets), bytes };
}

function tooMuchText(): TocsinError {
  return new TocsinError('OUTPUT', 'a column holds more than 2 GiB of distinct text');
}

/** @param pieces - the id of the dictionary that pieces of texts make up. */
function attributeData(attribute: Attribute, pieces: number): Data {
  if (attribute instanceof Float64Array) {
    return makeData({ type: new Float64(), length: attribute.length, nullCount: 0, data: attribute });
  }
  if (attribute instanceof PiecedTexts) {
    const dictionary = makeVector(textData(checkedTexts(attribute.pieces)));
    const type = new Dictionary(dictionary.type, new Uint32(), pieces, false);
    const { codes, starts, length } = attribute;
    const child = makeData({ type, length: codes.length, nullCount: 0, data: codes, dictionary });
    return makeData({
      type: new List(new Field('piece', type, false)),
      length,
      nullCount: 0,
      valueOffsets: starts,
      child,
    });
  }
  return textData(attribute instanceof Utf8Texts ? checkedTexts(attribute) : encodeTexts(attribute));
}

function textData({ offsets, bytes }: { offsets: Int32Array; bytes: Uint8Array }): Data<Utf8> {
  return makeData({ type: new Utf8(), length: offsets.length - 1, nullCount: 0, valueOffsets: offsets, data: bytes });
}

/**
 * Writes the schema in front too, as the specification has it and the library does not, so that a file can also be read
 * as a stream; notes where each buffer comes to lie; and keeps what is written in pieces, which copies nothing.
 */
class NotingWriter extends RecordBatchFileWriter {
  /** What was written, in order. The last three are the footer, its length and the magic. */
  readonly pieces: Uint8Array[] = [];
  /** Buffers of each dictionary by its id. */
  readonly dictionaries = new Map<number, readonly Region[]>();
  rows: readonly Region[] = [];
  #body: readonly Region[] = [];

  protected override _write(chunk: Uint8Array | Int32Array): this {
    if (!this._started || chunk.byteLength === 0) return this;
    this.pieces.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    this._position += chunk.byteLength;
    return this;
  }

  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return this._writeMessage(Message.from(schema));
  }

  protected override _writeDictionaryBatch(dictionary: Data, id: number, isDelta = false): this {
    super._writeDictionaryBatch(dictionary, id, isDelta);
    this.dictionaries.set(id, this.#body);
    return this;
  }

  protected override _writeRecordBatch(batch: RecordBatch): this {
    super._writeRecordBatch(batch);
    this.rows = this.#body;
    return this;
  }

  protected override _writeBodyBuffers(buffers: ArrayBufferView[]): this {
    let offset = this._position;
    this.#body = buffers.map(({ byteLength }) => {
      const region = { offset, length: byteLength };
      offset += (byteLength + 7) & ~7;
      return region;
    });
    return super._writeBodyBuffers(buffers);
  }
}

/** Sorts the rows stably by TimeGenerated (null first) and encodes them. */
export function encodeFacts(facts: Facts): EncodedFacts {
  const sorted = sortFacts(facts);
  const { rowCount, timeless } = sorted.header;
  const dimensionNames = [...new Set(sorted.fields.flatMap(({ dimension }) => dimension ?? []))].sort();
  const attributeNames: string[][] = [];
  // The dictionaries of pieces are numbered after those of the dimensions.
  let dictionaryCount = dimensionNames.length;
  const pieceIds = new Map<Attribute, number>();
  const dictionaries = dimensionNames.map((name) => {
    const { size, attributes } = sorted.dimensions[name]!;
    const names = Object.keys(attributes).sort();
    const children = names.map((attributeName) => {
      const attribute = attributes[attributeName]!;
      if (attribute instanceof PiecedTexts) pieceIds.set(attribute, dictionaryCount++);
      return attributeData(attribute, dictionaryCount - 1);
    });
    attributeNames.push(names);
    const type = new Struct(names.map((attribute, i) => new Field(attribute, children[i]!.type as DataType, false)));
    return makeVector(makeData({ type, length: size, nullCount: 0, children }));
  });

  const headers: Omit<FieldHeader, 'values'>[] = [];
  const arrowFields: Field[] = [];
  const children = sorted.fields.map(({ name, values, hasNulls, dimension: dimensionName }) => {
    const dimension = dimensionName === undefined ? undefined : dimensionNames.indexOf(dimensionName);
    headers.push({ name, width: widthOf(values), ...(dimension === undefined ? {} : { dimension }), hasNulls });
    if (dimension !== undefined) {
      const indices = indexType(values);
      const dictionary = dictionaries[dimension]!;
      const type = new Dictionary(dictionary.type, indices, dimension, false);
      arrowFields.push(new Field(name, type, false));
      return makeData({ type, length: rowCount, nullCount: 0, data: values as Uint32Array, dictionary });
    }
    const type = values instanceof Float64Array ? new Float64() : indexType(values);
    arrowFields.push(new Field(name, type, false));
    return makeData({ type: type as Float64, length: rowCount, nullCount: 0, data: values as Float64Array });
  });

  const schema = new Schema(arrowFields);
  const writer = new NotingWriter();
  writer.write(
    new RecordBatch(schema, makeData({ type: new Struct(arrowFields), length: rowCount, nullCount: 0, children })),
  );
  writer.finish();

  const header: FactsHeader = {
    format: FORMAT,
    ...sorted.header,
    // Each field is a validity buffer, which is empty, and its values.
    fields: headers.map((field, index) => ({ ...field, values: writer.rows[2 * index + 1]! })),
    dimensions: dimensionNames.map((name, id) => {
      // The struct's validity, then for each attribute its validity and its one or two buffers.
      let next = 1;
      return {
        name,
        size: sorted.dimensions[name]!.size,
        attributes: attributeNames[id]!.map((attributeName) => {
          const attribute = sorted.dimensions[name]!.attributes[attributeName]!;
          const own = writer.dictionaries.get(id)!;
          const first = next + 1;
          if (attribute instanceof PiecedTexts) {
            // Validity and offsets of the list, validity and numbers of what is in it.
            next += 4;
            const [, offsets, bytes] = writer.dictionaries.get(pieceIds.get(attribute)!)!;
            const regions = [own[first]!, own[first + 2]!, offsets!, bytes!];
            return { name: attributeName, kind: 'pieces', regions };
          }
          const isNumber = attribute instanceof Float64Array;
          next = first + (isNumber ? 1 : 2);
          return { name: attributeName, kind: isNumber ? 'number' : 'text', regions: own.slice(first, next) };
        }),
      };
    }),
  };
  return {
    pieces: withIndex(writer.pieces, header),
    firstGenerated: timeless < rowCount ? sorted.times[timeless]! : undefined,
    lastGenerated: timeless < rowCount ? sorted.times[rowCount - 1]! : undefined,
  };
}

/** Puts the index in front of the footer, which starts at a multiple of 8, as before. */
function withIndex(pieces: readonly Uint8Array[], header: FactsHeader): Uint8Array[] {
  const json = Buffer.from(JSON.stringify(header));
  const index = Buffer.alloc(Math.ceil((json.length + INDEX_SUFFIX_BYTES) / 8) * 8, ' ');
  json.copy(index);
  const length = index.length - INDEX_SUFFIX_BYTES;
  index.writeUInt32LE(length, length);
  sha256(index.subarray(0, length)).copy(index, length + 4);
  return joinSmall([...pieces.slice(0, -3), index, ...pieces.slice(-3)]);
}

function joinSmall(pieces: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = (): void => {
    if (small.length > 0) joined.push(Buffer.concat(small));
    small = [];
  };
  for (const piece of pieces) {
    if (piece.length < SMALL_PIECE_BYTES) small.push(piece);
    else {
      flush();
      joined.push(piece);
    }
  }
  flush();
  return joined;
}

function indexType(field: FieldArray): Uint8 | Uint16 | Uint32 {
  return field instanceof Uint8Array ? new Uint8() : field instanceof Uint16Array ? new Uint16() : new Uint32();
}
