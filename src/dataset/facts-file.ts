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
import { takeBytes } from '../base/arena.ts';
import { TocsinError } from '../base/errors.ts';
import type { FieldArray } from './facts.ts';
import { PiecedTexts } from './pieced-texts.ts';
import type { StoredFacts, StoredHeader, TextAttribute } from './stored-facts.ts';
import { Utf8Texts } from './utf8-texts.ts';

export const FORMAT = 'tocsin.facts/2';
/** Footer length and magic at the end of a file. */
const TAIL_BYTES = 10;
/** Length and SHA-256 after the index. */
export const INDEX_SUFFIX_BYTES = 36;

export type Width = 'f64' | 'u32' | 'u16' | 'u8';

/** Bytes of the file. */
export interface Region {
  readonly offset: number;
  readonly length: number;
}

export interface FieldHeader {
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
  /**
   * `number`: one region, of Float64. `text`: the offsets (Int32, one more than entries), then the UTF-8. `pieces`: where the
   * pieces of each entry begin (Int32, one more than entries), their numbers (Uint32), then the pieces as a `text`.
   */
  readonly attributes: readonly {
    readonly name: string;
    readonly kind: 'text' | 'number' | 'pieces';
    readonly regions: readonly Region[];
  }[];
}

/** The index of a file. */
export interface FactsHeader extends StoredHeader {
  readonly format: typeof FORMAT;
  readonly fields: readonly FieldHeader[];
  readonly dimensions: readonly DimensionHeader[];
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  return Buffer.from(buffer, byteOffset, length);
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

  #read(file: number, region: Region): Uint8Array<ArrayBuffer> {
    if (!(region.offset >= 0 && region.length >= 0 && region.offset + region.length <= this.#sizeBytes)) {
      throw this.broken(`it ends at byte ${this.#sizeBytes}, before ${region.offset + region.length}`);
    }
    const bytes = takeBytes(region.length);
    let done = 0;
    while (done < bytes.length) {
      // One read call takes at most 2 GiB.
      const count = readSync(file, bytes, done, Math.min(bytes.length - done, 1 << 30), region.offset + done);
      if (count === 0) throw this.broken(`it ends at byte ${region.offset + done}`);
      done += count;
    }
    return bytes;
  }

  /** Reads the index from the end of the file and believes it only if its digest is right. */
  #readIndex(file: number): FactsHeader {
    const tail = bufferOf(this.#read(file, { offset: this.#sizeBytes - TAIL_BYTES, length: TAIL_BYTES }));
    if (tail.toString('latin1', 4) !== 'ARROW1') throw this.broken('it does not end as an Arrow file');
    const end = this.#sizeBytes - TAIL_BYTES - tail.readInt32LE(0);
    const suffix = bufferOf(this.#read(file, { offset: end - INDEX_SUFFIX_BYTES, length: INDEX_SUFFIX_BYTES }));
    const length = suffix.readUInt32LE(0);
    const index = bufferOf(this.#read(file, { offset: end - INDEX_SUFFIX_BYTES - length, length }));
    if (!sha256(index).equals(suffix.subarray(4))) throw this.broken('its index is not what was written');
    const header = JSON.parse(index.toString('utf8')) as FactsHeader;
    const format: string = header.format;
    if (format !== FORMAT) throw this.broken(`its format is ${format}, expected ${FORMAT}`);
    return header;
  }

  #readRegion(region: Region): Uint8Array<ArrayBuffer> {
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
    const { buffer, byteOffset, length } = bytes;
    const { hasNulls: withNulls } = field;
    switch (field.width) {
      case 'f64':
        return { values: new Float64Array(buffer, byteOffset, length / 8), hasNulls: withNulls };
      case 'u32':
        return { values: new Uint32Array(buffer, byteOffset, length / 4), hasNulls: withNulls };
      case 'u16':
        return { values: new Uint16Array(buffer, byteOffset, length / 2), hasNulls: withNulls };
      case 'u8':
        return { values: bytes, hasNulls: withNulls };
    }
  }

  attribute(dimension: string, name: string): Float64Array | TextAttribute {
    const found = this.header.dimensions
      .find((candidate) => candidate.name === dimension)
      ?.attributes.find((candidate) => candidate.name === name);
    if (!found) throw this.broken(`it has no attribute '${dimension}.${name}'`);
    const { kind, regions } = found;
    if (kind === 'number') {
      const numbers = this.#readRegion(regions[0]!);
      return new Float64Array(numbers.buffer, numbers.byteOffset, numbers.length / 8);
    }
    if (kind === 'text') {
      const texts = this.#readTexts(name, regions[0]!, regions[1]!);
      return { kind: 'text', size: texts.length, text: this.#checked(name, texts), utf8: texts };
    }
    const pieces = this.#readTexts(name, regions[2]!, regions[3]!);
    const numbers = this.#readRegion(regions[1]!);
    const codes = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length / 4);
    for (let i = 0; i < codes.length; i++) {
      if (!(codes[i]! < pieces.length)) throw this.broken(`the texts of '${name}' lack a piece`);
    }
    const texts = new PiecedTexts(this.#readStarts(name, regions[0]!, codes.length), codes, pieces);
    return { kind: 'text', size: texts.length, text: this.#checked(name, texts), utf8: texts };
  }

  /** The texts of an attribute by their codes. */
  #checked(name: string, texts: Utf8Texts | PiecedTexts): (code: number) => string {
    const { length } = texts;
    return (code) => {
      if (!(code < length)) throw this.broken(`a row names entry ${code} of '${name}', which has ${length}`);
      return texts.text(code);
    };
  }

  #readTexts(name: string, offsets: Region, content: Region): Utf8Texts {
    const bytes = this.#readRegion(content);
    return new Utf8Texts(this.#readStarts(name, offsets, bytes.length), bytes);
  }

  /** Where texts begin in what has `end` parts. */
  #readStarts(name: string, region: Region, end: number): Int32Array<ArrayBuffer> {
    const { buffer, byteOffset, length } = this.#readRegion(region);
    const starts = new Int32Array(buffer, byteOffset, length / 4);
    const size = starts.length - 1;
    for (let i = 0; i < size; i++) {
      if (starts[i]! > starts[i + 1]! || starts[i]! < 0) throw this.broken(`the texts of '${name}' overlap`);
    }
    if (starts[size]! > end) throw this.broken(`the texts of '${name}' are cut off`);
    return starts;
  }
}
