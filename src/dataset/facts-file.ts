/**
 * One file of facts: an Arrow IPC file whose record batch holds the fact fields, and whose dictionaries are the
 * dimensions (a struct of attributes each). So a field of codes is an Arrow dictionary column that any Arrow reader
 * resolves, and for us every buffer lies in the file as it is used: reading a field is one `read` into a typed array,
 * reading an attribute two, and what is not asked for is never read.
 *
 * What Arrow has no words for (which column comes from which field, ids, labels) stands in an index of our own, where the
 * specification leaves room, between the end of the stream and the footer:
 *
 * ```
 * ARROW1 · schema · dictionaries · record batch · end of stream · index (JSON) · its length (4 bytes) · its SHA-256 (32) · footer · footer length (4) · ARROW1
 * ```
 *
 * The index also says where each buffer is, so reading needs no Arrow metadata, and as it is checked against its SHA-256
 * before it is believed, no damaged file can lead the reader astray.
 *
 * The bytes are a function of the facts alone.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  type Data,
  type DataType,
  Dictionary,
  Field,
  Float64,
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
import { Utf8Texts } from './utf8-texts.ts';
import type { Attribute, Facts, FieldArray } from './facts.ts';
import { sortFacts, type StoredFacts, type StoredHeader, type TextAttribute } from './stored-facts.ts';

const FORMAT = 'tocsin.facts/1';
/** Footer length and magic at the end of a file. */
const TAIL_BYTES = 10;
/** Length and SHA-256 after the index. */
const INDEX_SUFFIX_BYTES = 36;

type Width = 'f64' | 'u32' | 'u16' | 'u8';

/** Bytes of the file. */
interface Region {
  readonly offset: number;
  readonly length: number;
}

interface FieldHeader {
  readonly name: string;
  readonly values: Region;
  readonly width: Width;
  /** Index of the dimension that the codes mean. */
  readonly dimension?: number;
  /** Whether a value is NaN (or 2, in a bool field), which is null. */
  readonly hasNulls: boolean;
}

interface DimensionHeader {
  readonly name: string;
  readonly size: number;
  /** `number`: one region, of Float64. `text`: the offsets (Int32, one more than entries), then the UTF-8. */
  readonly attributes: readonly {
    readonly name: string;
    readonly kind: 'text' | 'number';
    readonly regions: readonly Region[];
  }[];
}

/** The index of a file. */
export interface FactsHeader extends StoredHeader {
  readonly format: typeof FORMAT;
  readonly fields: readonly FieldHeader[];
  readonly dimensions: readonly DimensionHeader[];
}

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

function attributeData(attribute: Attribute) {
  if (attribute instanceof Float64Array) {
    return makeData({ type: new Float64(), length: attribute.length, nullCount: 0, data: attribute });
  }
  const { offsets, bytes } = attribute instanceof Utf8Texts ? checkedTexts(attribute) : encodeTexts(attribute);
  return makeData({
    type: new Utf8(),
    length: attribute.length,
    nullCount: 0,
    valueOffsets: offsets,
    data: bytes,
  });
}

/**
 * Writes the schema in front too, as the specification has it and the library does not, so that a file can also be read
 * as a stream; and notes where each buffer comes to lie.
 */
class NotingWriter extends RecordBatchFileWriter {
  /** Buffers of each dictionary by its id. */
  readonly dictionaries = new Map<number, readonly Region[]>();
  rows: readonly Region[] = [];
  #body: readonly Region[] = [];

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
  const dictionaries = dimensionNames.map((name) => {
    const { size, attributes } = sorted.dimensions[name]!;
    const names = Object.keys(attributes).sort();
    const children = names.map((attribute) => attributeData(attributes[attribute]!));
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
        attributes: attributeNames[id]!.map((attribute) => {
          const isNumber = sorted.dimensions[name]!.attributes[attribute] instanceof Float64Array;
          const first = next + 1;
          next = first + (isNumber ? 1 : 2);
          return {
            name: attribute,
            kind: isNumber ? 'number' : 'text',
            regions: writer.dictionaries.get(id)!.slice(first, next),
          };
        }),
      };
    }),
  };
  return {
    pieces: withIndex(writer.toUint8Array(true), header),
    firstGenerated: timeless < rowCount ? sorted.times[timeless]! : undefined,
    lastGenerated: timeless < rowCount ? sorted.times[rowCount - 1]! : undefined,
  };
}

/** Puts the index in front of the footer. */
function withIndex(arrow: Uint8Array, header: FactsHeader): Uint8Array[] {
  const footerLength = Buffer.from(arrow.buffer, arrow.byteOffset, arrow.length).readInt32LE(arrow.length - TAIL_BYTES);
  const footerStart = arrow.length - TAIL_BYTES - footerLength;
  // The footer starts at a multiple of 8, as before.
  const json = Buffer.from(JSON.stringify(header));
  const index = Buffer.alloc(Math.ceil((json.length + INDEX_SUFFIX_BYTES) / 8) * 8, ' ');
  json.copy(index);
  const length = index.length - INDEX_SUFFIX_BYTES;
  index.writeUInt32LE(length, length);
  sha256(index.subarray(0, length)).copy(index, length + 4);
  return [arrow.subarray(0, footerStart), index, arrow.subarray(footerStart)];
}

function indexType(field: FieldArray): Uint8 | Uint16 | Uint32 {
  return field instanceof Uint8Array ? new Uint8() : field instanceof Uint16Array ? new Uint16() : new Uint32();
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/**
 * A file of facts, opened for reading. Only its metadata is held; fields and attributes are read from disk on each
 * call, so callers keep what they use.
 *
 * @throws TocsinError INPUT, naming the file and the partition, where the file is not what the manifest says.
 */
export class FactsFile implements StoredFacts {
  readonly header: FactsHeader;
  readonly path: string;
  readonly partition: number;
  readonly #sizeBytes: number;
  constructor(path: string, partition: number) {
    this.path = path;
    this.partition = partition;
    const file = this.#open();
    try {
      this.#sizeBytes = fstatSync(file).size;
      this.header = this.#readIndex(file);
    } catch (error) {
      throw this.broken(String(error), error);
    } finally {
      closeSync(file);
    }
  }

  /** The error for content that is not as it was written; an error that says so already stays as it is. */
  broken(what: string, cause?: unknown): TocsinError {
    if (cause instanceof TocsinError) return cause;
    return new TocsinError(
      'INPUT',
      {
        message: `${this.path}: partition ${this.partition} cannot be read: ${what}`,
        hint: 'the file is damaged; generate or import the dataset again',
      },
      { cause },
    );
  }

  #open(): number {
    try {
      return openSync(this.path, 'r');
    } catch (error) {
      throw this.broken(error instanceof Error ? error.message : String(error), error);
    }
  }

  #read(file: number, region: Region): ArrayBuffer {
    if (!(region.offset >= 0 && region.length >= 0 && region.offset + region.length <= this.#sizeBytes)) {
      throw this.broken(`it ends at byte ${this.#sizeBytes}, before ${region.offset + region.length}`);
    }
    const bytes = new Uint8Array(region.length);
    let done = 0;
    while (done < bytes.length) {
      // One read call takes at most 2 GiB.
      const count = readSync(file, bytes, done, Math.min(bytes.length - done, 1 << 30), region.offset + done);
      if (count === 0) throw this.broken(`it ends at byte ${region.offset + done}`);
      done += count;
    }
    return bytes.buffer;
  }

  /** Reads the index from the end of the file and believes it only if its digest is right. */
  #readIndex(file: number): FactsHeader {
    const tail = Buffer.from(this.#read(file, { offset: this.#sizeBytes - TAIL_BYTES, length: TAIL_BYTES }));
    if (tail.toString('latin1', 4) !== 'ARROW1') throw this.broken('it does not end as an Arrow file');
    const end = this.#sizeBytes - TAIL_BYTES - tail.readInt32LE(0);
    const suffix = Buffer.from(this.#read(file, { offset: end - INDEX_SUFFIX_BYTES, length: INDEX_SUFFIX_BYTES }));
    const length = suffix.readUInt32LE(0);
    const index = Buffer.from(this.#read(file, { offset: end - INDEX_SUFFIX_BYTES - length, length }));
    if (!sha256(index).equals(suffix.subarray(4))) throw this.broken('its index is not what was written');
    const header = JSON.parse(index.toString('utf8')) as FactsHeader;
    const format: string = header.format;
    if (format !== FORMAT) throw this.broken(`its format is ${format}, expected ${FORMAT}`);
    return header;
  }

  #readRegion(region: Region): ArrayBuffer {
    const file = this.#open();
    try {
      return this.#read(file, region);
    } finally {
      closeSync(file);
    }
  }

  /** The values of a field, and whether some of them stand for null. */
  field(name: string): { readonly values: FieldArray; readonly hasNulls: boolean } {
    const field = this.header.fields.find((candidate) => candidate.name === name);
    if (!field) throw this.broken(`it has no field '${name}'`);
    const bytes = this.#readRegion(field.values);
    const { hasNulls: withNulls } = field;
    switch (field.width) {
      case 'f64':
        return { values: new Float64Array(bytes), hasNulls: withNulls };
      case 'u32':
        return { values: new Uint32Array(bytes), hasNulls: withNulls };
      case 'u16':
        return { values: new Uint16Array(bytes), hasNulls: withNulls };
      case 'u8':
        return { values: new Uint8Array(bytes), hasNulls: withNulls };
    }
  }

  attribute(dimension: string, name: string): Float64Array | TextAttribute {
    const regions = this.header.dimensions
      .find((candidate) => candidate.name === dimension)
      ?.attributes.find((candidate) => candidate.name === name)?.regions;
    if (!regions) throw this.broken(`it has no attribute '${dimension}.${name}'`);
    const first = this.#readRegion(regions[0]!);
    if (regions.length === 1) return new Float64Array(first);
    const offsets = new Int32Array(first);
    const bytes = Buffer.from(this.#readRegion(regions[1]!));
    const size = offsets.length - 1;
    for (let i = 0; i < size; i++) {
      if (offsets[i]! > offsets[i + 1]! || offsets[i]! < 0) throw this.broken(`the texts of '${name}' overlap`);
    }
    if (offsets[size]! > bytes.length) throw this.broken(`the texts of '${name}' are cut off`);
    const check = (code: number): void => {
      if (!(code < size)) throw this.broken(`a row names entry ${code} of '${name}', which has ${size}`);
    };
    return {
      kind: 'text',
      size,
      text: (code) => {
        check(code);
        return bytes.toString('utf8', offsets[code]!, offsets[code + 1]!);
      },
      utf8: (code) => {
        check(code);
        return bytes.subarray(offsets[code]!, offsets[code + 1]!);
      },
    };
  }
}
