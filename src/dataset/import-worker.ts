/** The file that the pool of an import loads: nothing but wiring. */
import { type PlainError, toPlainError } from '../base/errors.ts';
import { type TableParts, mergedFacts } from './import-merge.ts';
import { type ImportPart, readPart } from './import-part.ts';
import type { Segment, SegmentOptions } from './import-segment.ts';
import type { WrittenFile } from './write.ts';

export type ImportTask =
  | {
      readonly kind: 'read';
      readonly part: ImportPart;
      readonly options: SegmentOptions;
      /** Counts the bytes that were read. */
      readonly progress: BigInt64Array;
    }
  | ({ readonly kind: 'write' } & PartitionRange);

/** The partitions from `from` (inclusive) to `to` (exclusive). */
export interface PartitionRange {
  readonly folder: string;
  readonly tables: readonly TableParts[];
  readonly from: number;
  readonly to: number;
}

export interface WrittenPartitions {
  readonly files: readonly WrittenFile[];
  readonly rowsWithoutIngestionTime: number;
}

/** What a task gives. Errors lose their class between threads, so they travel as data. */
export type ImportAnswer =
  | { readonly ok: true; readonly segment?: Segment; readonly written?: WrittenPartitions }
  | { readonly ok: false; readonly error: PlainError };

export default async function runTask(task: ImportTask): Promise<ImportAnswer> {
  try {
    if (task.kind === 'read') {
      const { part, options, progress } = task;
      return { ok: true, segment: await readPart(part, options, (bytes) => Atomics.add(progress, 0, BigInt(bytes))) };
    }
    return { ok: true, written: await writePartitions(task) };
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

/** Threads start sooner without what only writing needs. */
export function loadWriting(): Promise<typeof import('./write-partition.ts')> {
  return import('./write-partition.ts');
}

export async function writePartitions({ folder, tables, from, to }: PartitionRange): Promise<WrittenPartitions> {
  const { writePartition } = await loadWriting();
  const files: WrittenFile[] = [];
  let rowsWithoutIngestionTime = 0;
  for (let partition = from; partition < to; partition++) {
    const merged = tables.map((table) => mergedFacts(table, partition));
    files.push(
      ...writePartition(
        folder,
        partition,
        merged.map(({ facts }) => facts),
      ),
    );
    for (const { rowsWithoutIngestionTime: rows } of merged) rowsWithoutIngestionTime += rows;
  }
  return { files, rowsWithoutIngestionTime };
}
