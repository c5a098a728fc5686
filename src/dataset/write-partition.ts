/** Writing the rows of a dataset's partitions, on any thread. */
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { formatDatetime, ticksFromColumnTicks } from '../base/time.ts';
import { encodeFacts } from './facts-encode.ts';
import type { Facts } from './facts.ts';
import { outputError, TABLES_FOLDER, type WrittenFile } from './write.ts';

/**
 * Writes the rows of one partition, one file a table; a table without rows gets none. Synchronous, and safe to call from
 * several worker threads at once for different partitions.
 *
 * @param folderPath - the `path` of a DatasetFolder.
 * @throws TocsinError OUTPUT where a file cannot be written.
 */
export function writePartition(folderPath: string, partition: number, tables: readonly Facts[]): WrittenFile[] {
  return tables.filter(({ rowCount }) => rowCount > 0).map((facts) => writeFacts(folderPath, partition, facts));
}

/** Makes a folder whose parent exists: one that was aborted meanwhile must not come back. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function writeFacts(folderPath: string, partition: number, facts: Facts): WrittenFile {
  const { pieces, firstGenerated, lastGenerated } = encodeFacts(facts);
  const file = `${TABLES_FOLDER}/${facts.table}/${String(partition).padStart(5, '0')}.arrow`;
  const target = path.join(folderPath, file);
  try {
    makeFolder(path.dirname(target));
    const descriptor = openSync(target, 'wx');
    try {
      for (const piece of pieces) writeFileSync(descriptor, piece);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw outputError(target, error);
  }
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return {
    table: facts.table,
    partition,
    file,
    rowCount: facts.rowCount,
    firstGenerated: isoOfColumnTicks(firstGenerated),
    lastGenerated: isoOfColumnTicks(lastGenerated),
    sizeBytes: pieces.reduce((sum, piece) => sum + piece.length, 0),
    sha256: hash.digest('hex'),
  };
}

function isoOfColumnTicks(columnTicks: number | undefined): string | undefined {
  return columnTicks === undefined ? undefined : formatDatetime(ticksFromColumnTicks(columnTicks));
}
