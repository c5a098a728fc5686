/** The file that the pool of an export loads: nothing but wiring. */
import { gzipSync } from 'node:zlib';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type PlainError, toPlainError } from '../base/errors.ts';
import { TableLines } from './export-lines.ts';
import { openDataset } from './read.ts';

/** Some rows of a table; plain data. */
export interface LinesTask {
  /** The dataset's folder. */
  readonly dataset: string;
  readonly table: string;
  /** See {@link TableLines}. */
  readonly starts: readonly number[];
  readonly numbers: Uint32Array;
  readonly isGzipped: boolean;
  /** Memory for the lines. */
  readonly room: ArrayBuffer;
}

export interface MadeLines {
  /** As they go to a file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Memory for other lines, once `bytes` are written. */
  readonly room: ArrayBuffer;
}

/** What a task gives. Errors lose their class between threads, so they travel as data. */
export type LinesAnswer = ({ readonly ok: true } & MadeLines) | { readonly ok: false; readonly error: PlainError };

/** The table of the last task: one follows another. */
let last: { readonly dataset: string; readonly table: string; readonly lines: TableLines } | undefined;

export default async function runTask(task: LinesTask): Promise<LinesAnswer> {
  const { dataset, table, starts } = task;
  try {
    if (last?.dataset !== dataset || last.table !== table) {
      const files = (await openDataset(dataset)).files(table);
      last = { dataset, table, lines: new TableLines(table, files, starts) };
    }
    const made = madeLines(last.lines, task);
    return move({
      [transferableSymbol]: [...new Set([made.bytes.buffer, made.room])],
      [valueSymbol]: { ok: true, ...made },
    }) as unknown as LinesAnswer;
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

/** Fast before small: lines are many times as long as the dataset is large. */
const GZIP_LEVEL = 1;

export function madeLines(
  lines: TableLines,
  { numbers, isGzipped, room }: Pick<LinesTask, 'numbers' | 'isGzipped' | 'room'>,
): MadeLines {
  const bytes = lines.of(numbers, room);
  if (!isGzipped) return { bytes, room: bytes.buffer };
  return { bytes: new Uint8Array(gzipSync(bytes, { level: GZIP_LEVEL, chunkSize: 1 << 18 })), room: bytes.buffer };
}
