/**
 * One file of facts: an Arrow IPC file whose record batch holds the fact fields, and whose dictionaries are the
 * dimensions (a struct of attributes each). So a field of codes is an Arrow dictionary column that any Arrow reader
 * resolves, and for us every buffer lies in the file as it is used: reading a field is one `read` into a typed array,
 * reading an attribute two, and what is not asked for is never read. What Arrow has no words for (which column comes from
 * which field, ids, labels) stands as JSON in the schema's metadata under `tocsin`.
 *
 * The bytes are a function of the facts alone.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
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
import { INGESTION_TIME } from '../schema/tables.ts';
import type { Attribute, FactColumn, Facts, FieldArray, Label } from './facts.ts';
import { argsortTimes } from './sort.ts';

const METADATA_KEY = 'tocsin';
/** SHA-256 of the metadata, so that a flipped bit in it is an error and not another meaning. */
const DIGEST_KEY = 'tocsin.sha256';
const FORMAT = 'tocsin.facts/1';

type Width = 'f64' | 'u32' | 'u16' | 'u8';

interface FieldHeader {
  readonly name: string;
  readonly width: Width;
  /** Index of the dimension that the codes mean. */
  readonly dimension?: number;
  /** Whether a value is NaN (or 2, in a bool field), which is null. */
  readonly hasNulls: boolean;
}

interface DimensionHeader {
  readonly name: string;
  readonly size: number;
  readonly attributes: readonly { readonly name: string; readonly kind: 'text' | 'number' }[];
}

/** What stands in the schema's metadata. */
export interface FactsHeader {
  readonly format: typeof FORMAT;
  readonly table: string;
  readonly rowCount: number;
  /** How many rows have no TimeGenerated; they come first. */
  readonly timeless: number;
  /** The longest time from TimeGenerated to ingestion, in ticks; rows older than that are never "not yet ingested". */
  readonly maxDelay: number;
  readonly fields: readonly FieldHeader[];
  readonly dimensions: readonly DimensionHeader[];
  readonly columns: readonly FactColumn[];
  /** Sorted by row, then event. */
  readonly labels: { readonly rows: readonly number[]; readonly events: readonly string[] };
}

/** The value that stands for null in a bool field. */
export const NULL_BOOL = 2;

/** A file of facts as bytes, and the times at its ends (ticks since 2020; undefined where no row has a TimeGenerated). */
export interface EncodedFacts {
  readonly bytes: Uint8Array;
  readonly firstGenerated: number | undefined;
  readonly lastGenerated: number | undefined;
}

function internal(facts: Facts, message: string): TocsinError {
  return new TocsinError('INTERNAL', `facts of ${facts.table}: ${message}`);
}

/** The field that a time column comes straight from. */
function timeField(facts: Facts, name: string): Float64Array {
  const source = facts.columns.find((column) => column.name === name)?.source;
  const field = source?.from === 'field' ? facts.fields[source.field] : undefined;
  if (!(field instanceof Float64Array)) throw internal(facts, `${name} must come from a Float64 field`);
  return field;
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
    if (source.from === 'dimension') link(source.field, source.dimension);
    else if (source.from === 'id') link(source.account, source.dimension);
  }
  return dimensionOf;
}

/** The rows of a field in `order`, as narrow as its values allow (a Float64 field stays one). */
function arrange(field: FieldArray, order: Uint32Array): FieldArray {
  const length = order.length;
  if (field instanceof Float64Array) {
    const out = new Float64Array(length);
    for (let i = 0; i < length; i++) out[i] = field[order[i]!]!;
    return out;
  }
  let max = 0;
  for (let i = 0; i < length; i++) if (field[i]! > max) max = field[i]!;
  const out = max < 0x100 ? new Uint8Array(length) : max < 0x1_0000 ? new Uint16Array(length) : new Uint32Array(length);
  for (let i = 0; i < length; i++) out[i] = field[order[i]!]!;
  return out;
}

function widthOf(field: FieldArray): Width {
  if (field instanceof Float64Array) return 'f64';
  return field instanceof Uint8Array ? 'u8' : field instanceof Uint16Array ? 'u16' : 'u32';
}

function hasNulls(field: FieldArray, isBool: boolean): boolean {
  if (field instanceof Float64Array) {
    for (let i = 0; i < field.length; i++) if (field[i] !== field[i]) return true;
    return false;
  }
  return isBool && field.includes(NULL_BOOL);
}

/** UTF-8 of all texts, one after another, and where each begins. */
function encodeTexts(texts: readonly string[]): { offsets: Int32Array; bytes: Uint8Array } {
  const offsets = new Int32Array(texts.length + 1);
  let total = 0;
  for (let i = 0; i < texts.length; i++) {
    total += Buffer.byteLength(texts[i]!, 'utf8');
    if (total > 0x7fffffff) throw new TocsinError('OUTPUT', 'a column holds more than 2 GiB of distinct text');
    offsets[i + 1] = total;
  }
  const bytes = Buffer.alloc(total);
  for (let i = 0; i < texts.length; i++) bytes.write(texts[i]!, offsets[i]!, 'utf8');
  return { offsets, bytes };
}

function attributeData(attribute: Attribute) {
  if (attribute instanceof Float64Array) {
    return makeData({ type: new Float64(), length: attribute.length, nullCount: 0, data: attribute });
  }
  const { offsets, bytes } = encodeTexts(attribute);
  return makeData({
    type: new Utf8(),
    length: attribute.length,
    nullCount: 0,
    valueOffsets: offsets,
    data: bytes,
  });
}

/**
 * The Arrow specification puts the schema both first and into the footer; the library writes only the latter. With the
 * schema in front a file can be read from its beginning, message by message.
 */
class SchemaFirstWriter extends RecordBatchFileWriter {
  protected override _writeSchema(schema: Schema): this {
    super._writeSchema(schema);
    return this._writeMessage(Message.from(schema));
  }
}

/** Sorts the rows stably by TimeGenerated (null first) and encodes them. */
export function encodeFacts(facts: Facts): EncodedFacts {
  const times = timeField(facts, 'TimeGenerated');
  const ingested = timeField(facts, INGESTION_TIME);
  const { rowCount } = facts;
  const order = argsortTimes(times);
  const dimensionOf = fieldDimensions(facts);
  const boolFields = new Set(
    facts.columns.flatMap(({ type, source }) => (type === 'bool' && source.from === 'field' ? [source.field] : [])),
  );

  // Names in order of code units, so that the bytes do not depend on how the object was put together.
  const fieldNames = Object.keys(facts.fields).sort();
  const dimensionNames = [...new Set(dimensionOf.values())].sort();
  const dimensions: DimensionHeader[] = [];
  const dictionaries = dimensionNames.map((name) => {
    const dimension = facts.dimensions[name]!;
    const names = Object.keys(dimension.attributes).sort();
    const children = names.map((attribute) => {
      const values = dimension.attributes[attribute]!;
      if (values.length !== dimension.size) {
        throw internal(facts, `'${name}.${attribute}' has ${values.length} values for ${dimension.size} entries`);
      }
      return attributeData(values);
    });
    dimensions.push({
      name,
      size: dimension.size,
      attributes: names.map((attribute, i) => ({
        name: attribute,
        kind: children[i]!.type instanceof Float64 ? 'number' : 'text',
      })),
    });
    const type = new Struct(names.map((attribute, i) => new Field(attribute, children[i]!.type as DataType, false)));
    return makeVector(makeData({ type, length: dimension.size, nullCount: 0, children }));
  });

  const headers: FieldHeader[] = [];
  const arrowFields: Field[] = [];
  const children = fieldNames.map((name) => {
    const values = facts.fields[name]!;
    if (values.length !== rowCount) throw internal(facts, `'${name}' has ${values.length} values for ${rowCount} rows`);
    const field = arrange(values, order);
    const dimensionName = dimensionOf.get(name);
    const dimension = dimensionName === undefined ? undefined : dimensionNames.indexOf(dimensionName);
    headers.push({
      name,
      width: widthOf(field),
      ...(dimension === undefined ? {} : { dimension }),
      hasNulls: hasNulls(field, boolFields.has(name)),
    });
    if (dimension !== undefined) {
      const indices = indexType(field);
      const dictionary = dictionaries[dimension]!;
      const type = new Dictionary(dictionary.type, indices, dimension, false);
      arrowFields.push(new Field(name, type, false));
      return makeData({ type, length: rowCount, nullCount: 0, data: field as Uint32Array, dictionary });
    }
    const type = field instanceof Float64Array ? new Float64() : indexType(field);
    arrowFields.push(new Field(name, type, false));
    return makeData({ type: type as Float64, length: rowCount, nullCount: 0, data: field as Float64Array });
  });

  let timeless = 0;
  while (timeless < rowCount && Number.isNaN(times[order[timeless]!]!)) timeless++;
  let maxDelay = 0;
  for (let row = 0; row < rowCount; row++) {
    const delay = ingested[row]! - times[row]!;
    if (delay > maxDelay) maxDelay = delay;
  }
  const header: FactsHeader = {
    format: FORMAT,
    table: facts.table,
    rowCount,
    timeless,
    maxDelay,
    fields: headers,
    dimensions,
    columns: facts.columns,
    labels: sortedLabels(facts.labels, order),
  };
  const description = JSON.stringify(header);
  const schema = new Schema(
    arrowFields,
    new Map([
      [METADATA_KEY, description],
      [DIGEST_KEY, sha256(description)],
    ]),
  );
  const batch = new RecordBatch(
    schema,
    makeData({ type: new Struct(arrowFields), length: rowCount, nullCount: 0, children }),
  );
  const writer = new SchemaFirstWriter();
  writer.write(batch);
  writer.finish();
  return {
    bytes: writer.toUint8Array(true),
    firstGenerated: timeless < rowCount ? times[order[timeless]!]! : undefined,
    lastGenerated: timeless < rowCount ? times[order[rowCount - 1]!]! : undefined,
  };
}

function indexType(field: FieldArray): Uint8 | Uint16 | Uint32 {
  return field instanceof Uint8Array ? new Uint8() : field instanceof Uint16Array ? new Uint16() : new Uint32();
}

/** Labels by the rows they have once sorted. */
function sortedLabels(labels: readonly Label[], order: Uint32Array): FactsHeader['labels'] {
  if (labels.length === 0) return { rows: [], events: [] };
  const eventsOf = new Map<number, string[]>();
  for (const { row, event } of labels) {
    const events = eventsOf.get(row);
    if (events) events.push(event);
    else eventsOf.set(row, [event]);
  }
  const rows: number[] = [];
  const sortedEvents: string[] = [];
  for (let row = 0; row < order.length; row++) {
    const events = eventsOf.get(order[row]!);
    if (!events) continue;
    for (const event of events.sort()) {
      rows.push(row);
      sortedEvents.push(event);
    }
  }
  return { rows, events: sortedEvents };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

interface Region {
  readonly offset: number;
  readonly length: number;
}

/** Texts of a dimension's attribute, each decoded when asked for. */
export interface TextAttribute {
  readonly kind: 'text';
  readonly size: number;
  text(code: number): string;
}

const BYTES_PER_VALUE: Record<Width, number> = { f64: 8, u32: 4, u16: 2, u8: 1 };
const MAGIC_BYTES = 8;
const MAX_METADATA_BYTES = 1 << 30;

/**
 * A file of facts, opened for reading. Only its metadata is held; fields and attributes are read from disk on each
 * call, so callers keep what they use.
 *
 * @throws TocsinError INPUT, naming the file and the partition, where the file is not what the manifest says.
 */
export class FactsFile {
  readonly header: FactsHeader;
  readonly path: string;
  readonly partition: number;
  readonly #sizeBytes: number;
  readonly #fields = new Map<string, { readonly header: FieldHeader; readonly region: Region }>();
  readonly #dimensions = new Map<
    string,
    { readonly header: DimensionHeader; readonly attributes: ReadonlyMap<string, readonly Region[]> }
  >();

  constructor(path: string, partition: number) {
    this.path = path;
    this.partition = partition;
    const file = this.#open();
    try {
      this.#sizeBytes = fstatSync(file).size;
      this.header = this.#readStructure(file);
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

  /** Walks the messages of the file (schema, dictionaries, one batch) and notes where each buffer lies. */
  #readStructure(file: number): FactsHeader {
    const magic = Buffer.from(this.#read(file, { offset: 0, length: MAGIC_BYTES }));
    if (magic.toString('latin1', 0, 6) !== 'ARROW1') throw this.broken('it is not an Arrow file');
    let position = MAGIC_BYTES;
    let header: FactsHeader | undefined;
    let batchSeen = false;
    const seen = new Set<number>();
    while (!batchSeen) {
      const prefix = new DataView(this.#read(file, { offset: position, length: 8 }));
      const metadataLength = prefix.getInt32(4, true);
      if (prefix.getInt32(0, true) !== -1 || metadataLength <= 0 || metadataLength > MAX_METADATA_BYTES) {
        throw this.broken(`there is no Arrow message at byte ${position}`);
      }
      const message = Message.decode(
        new Uint8Array(this.#read(file, { offset: position + 8, length: metadataLength })),
      );
      const body = position + 8 + metadataLength;
      if (!Number.isSafeInteger(message.bodyLength) || message.bodyLength < 0) {
        throw this.broken(`the message at byte ${position} has an impossible length`);
      }
      if (message.isSchema()) {
        header = this.#checkedHeader((message.header() as unknown as Schema).metadata);
      } else {
        if (!header) throw this.broken('it does not begin with a schema');
        const content = message.header() as unknown as {
          readonly id?: number;
          readonly length: number;
          readonly buffers: readonly Region[];
        };
        const regions = content.buffers.map(({ offset, length }) => ({ offset: body + offset, length }));
        if (message.isDictionaryBatch()) {
          const dimension = header.dimensions[content.id!];
          if (!dimension || seen.has(content.id!)) throw this.broken(`dictionary ${content.id} is not expected`);
          seen.add(content.id!);
          this.#noteDimension(dimension, regions);
        } else {
          this.#noteFields(header, regions);
          batchSeen = true;
        }
      }
      position = body + message.bodyLength;
    }
    if (seen.size !== header!.dimensions.length) throw this.broken('a dimension is missing');
    return header!;
  }

  #checkedHeader(metadata: ReadonlyMap<string, string>): FactsHeader {
    const text = metadata.get(METADATA_KEY);
    if (text === undefined) throw this.broken('it was not written by Tocsin');
    if (metadata.get(DIGEST_KEY) !== sha256(text)) throw this.broken('its metadata is not what was written');
    const header = JSON.parse(text) as FactsHeader;
    const format: string = header.format;
    if (format !== FORMAT) throw this.broken(`its format is ${format}, expected ${FORMAT}`);
    return header;
  }

  #region(regions: readonly Region[], index: number, length: number): Region {
    const region = regions[index];
    if (!region || !(region.length >= length)) throw this.broken('a column is shorter than its rows');
    return { offset: region.offset, length };
  }

  /** Buffers of a struct: its validity, then validity and values (for texts: offsets and bytes) of each attribute. */
  #noteDimension(header: DimensionHeader, regions: readonly Region[]): void {
    const attributes = new Map<string, readonly Region[]>();
    let index = 1;
    for (const { name, kind } of header.attributes) {
      if (kind === 'number') {
        attributes.set(name, [this.#region(regions, index + 1, 8 * header.size)]);
        index += 2;
      } else {
        const texts = regions[index + 2];
        if (!texts) throw this.broken('a dimension is incomplete');
        attributes.set(name, [this.#region(regions, index + 1, 4 * (header.size + 1)), texts]);
        index += 3;
      }
    }
    this.#dimensions.set(header.name, { header, attributes });
  }

  #noteFields(header: FactsHeader, regions: readonly Region[]): void {
    for (const [index, field] of header.fields.entries()) {
      const length = BYTES_PER_VALUE[field.width] * header.rowCount;
      this.#fields.set(field.name, { header: field, region: this.#region(regions, 2 * index + 1, length) });
    }
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
    const field = this.#fields.get(name);
    if (!field) throw this.broken(`it has no field '${name}'`);
    const bytes = this.#readRegion(field.region);
    switch (field.header.width) {
      case 'f64':
        return { values: new Float64Array(bytes), hasNulls: field.header.hasNulls };
      case 'u32':
        return { values: new Uint32Array(bytes), hasNulls: field.header.hasNulls };
      case 'u16':
        return { values: new Uint16Array(bytes), hasNulls: field.header.hasNulls };
      case 'u8':
        return { values: new Uint8Array(bytes), hasNulls: field.header.hasNulls };
    }
  }

  dimensionSize(name: string): number {
    return this.#dimension(name).header.size;
  }

  #dimension(name: string) {
    const dimension = this.#dimensions.get(name);
    if (!dimension) throw this.broken(`it has no dimension '${name}'`);
    return dimension;
  }

  attribute(dimension: string, name: string): Float64Array | TextAttribute {
    const regions = this.#dimension(dimension).attributes.get(name);
    if (!regions) throw this.broken(`dimension '${dimension}' has no attribute '${name}'`);
    const first = this.#readRegion(regions[0]!);
    if (regions.length === 1) return new Float64Array(first);
    const offsets = new Int32Array(first);
    const bytes = Buffer.from(this.#readRegion(regions[1]!));
    const size = offsets.length - 1;
    for (let i = 0; i < size; i++) {
      if (offsets[i]! > offsets[i + 1]! || offsets[i]! < 0) throw this.broken(`the texts of '${name}' overlap`);
    }
    if (offsets[size]! > bytes.length) throw this.broken(`the texts of '${name}' are cut off`);
    return {
      kind: 'text',
      size,
      text: (code) => {
        if (!(code < size)) throw this.broken(`a row names entry ${code} of '${name}', which has ${size}`);
        return bytes.toString('utf8', offsets[code]!, offsets[code + 1]!);
      },
    };
  }
}
