/** `tocsin verify`: whether every file of a dataset is what was written. */
import { openDataset } from '../../dataset/read.ts';
import type { Terminal } from '../terminal.ts';

export async function verify(location: string, terminal: Terminal): Promise<void> {
  const dataset = await openDataset(location);
  await dataset.verify();
  const { tables } = dataset.manifest;
  const files = tables.reduce((sum, table) => sum + table.files.length, 0);
  const rows = tables.reduce((sum, table) => sum + table.rowCount, 0);
  await terminal.result(
    terminal.json
      ? JSON.stringify({ schema: 'tocsin.verify/1', dataset: location, files, rows })
      : `${location}: ok\n  ${files} files with ${rows} rows are what was written`,
  );
}
