/**
 * Reading one part of an import: a range of lines of a plain file, or a whole file of any kind as a stream.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable, pipeline } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { TocsinError } from '../base/errors.ts';
import { type Segment, SegmentBuilder, type SegmentOptions } from './import-segment.ts';
import { type RecordMode, RecordSplitter, modeOf } from './json-records.ts';
import { systemReason } from './write.ts';

/** Plain data. */
export type ImportPart =
  /** The lines of a plain file that begin in [`from`, `to`). */
  | {
      readonly kind: 'lines';
      readonly file: string;
      readonly from: number;
      readonly to: number;
      /** Whether a line begins at `from` for certain. */
      readonly isStart: boolean;
    }
  | { readonly kind: 'stream'; readonly file: string };

const CHUNK_BYTES = 1 << 20;
const TAIL_BYTES = 1 << 16;

/**
 * Reads a part.
 *
 * @param source - the bytes of a stream that is no file.
 * @param onBytes - told how many bytes were read since the last time; may throw, which ends the reading.
 * @throws TocsinError INPUT where the file cannot be read or is no log.
 */
export async function readPart(
  part: ImportPart,
  options: SegmentOptions,
  onBytes: (bytes: number) => void,
  source?: Readable,
): Promise<Segment> {
  const builder = new SegmentBuilder(options);
  try {
    if (part.kind === 'lines') await readLines(part, builder, onBytes);
    else await readStream(part.file, source ?? part.file, builder, onBytes);
  } catch (error) {
    throw readError(part.file, error);
  }
  return builder.finish();
}

async function readLines(
  { file, from, to, isStart }: ImportPart & { kind: 'lines' },
  builder: SegmentBuilder,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { reader } = builder;
  const descriptor = openSync(file, 'r');
  try {
    // Where the byte before is a newline, a line begins at `from`.
    let at = isStart ? from : from - 1;
    let isInLine = !isStart;
    const next = (length: number): Buffer => {
      const room = reader.room(length);
      const count = readSync(descriptor, room, 0, length, at);
      at += count;
      reader.fill(count);
      return room.subarray(0, count);
    };
    while (at < to) {
      const bytes = next(Math.min(CHUNK_BYTES, to - at));
      if (bytes.length === 0) break;
      if (isInLine && !reader.skipLine()) continue;
      isInLine = false;
      builder.readLines(false);
      onBytes(bytes.length);
      // Signals are heard between chunks; whoever listens may throw here.
      await setImmediate();
    }
    // The rest of the last line.
    while (!isInLine && reader.waiting > 0) {
      const bytes = next(TAIL_BYTES);
      const newline = bytes.indexOf(0x0a);
      if (newline >= 0) reader.drop(bytes.length - newline - 1);
      if (newline < 0 && bytes.length > 0) continue;
      builder.readLines(true);
      break;
    }
  } finally {
    closeSync(descriptor);
  }
}

async function readStream(
  file: string,
  source: string | Readable,
  builder: SegmentBuilder,
  onBytes: (bytes: number) => void,
): Promise<void> {
  let head: Buffer = Buffer.alloc(0);
  let mode: RecordMode | undefined;
  let splitter: RecordSplitter | undefined;
  const take = (chunk: Buffer): void => {
    if (mode === 'structure') {
      builder.checkText(chunk);
      (splitter ??= new RecordSplitter(builder)).push(chunk);
      return;
    }
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      const bytes = chunk.subarray(at, at + CHUNK_BYTES);
      bytes.copy(builder.reader.room(bytes.length));
      builder.reader.fill(bytes.length);
      builder.readLines(false);
    }
  };
  let isEmpty = true;
  for await (const chunk of textBytes(file, source, onBytes)) {
    if (chunk.length > 0) isEmpty = false;
    if (mode) {
      take(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    mode = modeOf(head, head.length > MAX_HEAD_BYTES);
    if (mode) take(head);
  }
  if (isEmpty) throw new TocsinError('INPUT', `${file}: is empty`);
  if (!mode) {
    mode = modeOf(head, true) ?? 'lines';
    take(head);
  }
  if (mode === 'lines') builder.readLines(true);
  splitter?.end();
}

/** Bytes in which it must show how records stand in a file. */
export const MAX_HEAD_BYTES = 256 << 20;

/** What bytes that are not JSON seem to be, by their first ones. */
const SIGNATURES: readonly (readonly [bytes: string, what: string])[] = [
  ['ARROW1', 'an Arrow file'],
  ['PK\u0003\u0004', 'a zip archive (or an Excel workbook)'],
  ['BZh', 'compressed with bzip2'],
  ['\u00fd7zXZ', 'compressed with xz'],
  ['Obj\u0001', 'an Avro file'],
  ['SQLite format', 'a SQLite database'],
  ['<', 'XML or HTML'],
];

/** @throws TocsinError INPUT where a file's first bytes cannot be JSON. */
export function checkLooksLikeJson(file: string, head: Buffer): void {
  const text = head.toString('latin1', 0, 4096);
  const signature = SIGNATURES.find(([bytes]) => text.startsWith(bytes));
  const hint = 'export the log as JSON, one record a line';
  if (signature) throw new TocsinError('INPUT', { message: `${file}: is ${signature[1]}, expected JSON`, hint });
  if (text.includes('\0')) throw new TocsinError('INPUT', { message: `${file}: is binary, expected JSON`, hint });
  if (looksLikeCsv(text)) throw new TocsinError('INPUT', { message: `${file}: looks like CSV, expected JSON`, hint });
}

/** Whether a text begins as CSV with a line of names does. */
export function looksLikeCsv(text: string): boolean {
  const first = text.trimStart()[0];
  const firstLine = text.trimStart().split('\n', 1)[0]!;
  return (
    first !== '{' && first !== '[' && first !== undefined && firstLine.split(',').length > 2 && !firstLine.includes('{')
  );
}

async function* concatenated(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** The bytes of a file, or of a stream as they come. With `reuse` a chunk is valid only until the next is asked for. */
async function* rawBytes(source: string | Readable, reading: { reuse: boolean }): AsyncGenerator<Buffer> {
  if (typeof source !== 'string') {
    for await (const chunk of source) yield chunk as Buffer;
    return;
  }
  const handle = await open(source);
  try {
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      if (!reading.reuse) buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    }
  } finally {
    await handle.close();
  }
}

/** The bytes of a file as UTF-8 text: gunzipped, from UTF-16 where it says so, without a byte order mark. */
async function* textBytes(
  file: string,
  source: string | Readable,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const reading = { reuse: false };
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of rawBytes(source, reading)) {
      const { length } = chunk;
      yield chunk;
      onBytes(length);
    }
  }
  const raw = counted();
  let head = await headOf(raw);
  let chunks: AsyncIterator<Buffer> = raw;
  if (head[0] === 0x1f && head[1] === 0x8b) {
    const gunzip = createGunzip({ chunkSize: 1 << 20 });
    // An error of either side destroys the other and surfaces where the chunks are read.
    pipeline(Readable.from(concatenated(head, raw)), gunzip, () => undefined);
    chunks = gunzip[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    head = await headOf(chunks);
  } else if (head.subarray(0, 4).equals(ZSTD_MAGIC)) {
    chunks = unzstd(concatenated(head, raw));
    head = await headOf(chunks);
  } else reading.reuse = true;
  if (head[0] === 0xff && head[1] === 0xfe) {
    const decoder = new TextDecoder('utf-16le');
    for await (const chunk of concatenated(head, chunks)) yield Buffer.from(decoder.decode(chunk, { stream: true }));
    return;
  }
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) head = head.subarray(3);
  checkLooksLikeJson(file, head);
  yield* concatenated(head, chunks);
}

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

async function* unzstd(compressed: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Decompress } = await import('fzstd');
  let done: Buffer[] = [];
  const decompress = new Decompress((bytes) => done.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)));
  const take = (chunk: Uint8Array, isLast: boolean): void => {
    try {
      decompress.push(chunk, isLast);
    } catch (error) {
      const { message } = error as Error;
      throw new ZstdError(message === 'unexpected EOF' ? 'is cut short' : `is damaged: ${message}`, { cause: error });
    }
  };
  for await (const chunk of compressed) {
    // What is given stays in use until the next call, and the chunk does not.
    take(Uint8Array.from(chunk), false);
    yield* done;
    done = [];
  }
  take(new Uint8Array(0), true);
  yield* done;
}

class ZstdError extends Error {}

/** The first bytes, at least 4 KiB where there are as many. */
async function headOf(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4096) {
    const next = await chunks.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

export function readError(file: string, error: unknown): TocsinError {
  if (error instanceof TocsinError) return error;
  if (error instanceof ZstdError) {
    return new TocsinError('INPUT', `${file}: the zstd data ${error.message}`, { cause: error });
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') return new TocsinError('INPUT', `${file}: the gzip data is cut short`, { cause: error });
  if (code?.startsWith('Z_')) {
    return new TocsinError('INPUT', `${file}: the gzip data is damaged: ${(error as Error).message}`, { cause: error });
  }
  return new TocsinError('INPUT', `${file}: cannot be read: ${systemReason(error)}`, { cause: error });
}
