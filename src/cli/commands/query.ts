/** `tocsin query`: one KQL query over a dataset, or over nothing but itself. */
import { openDataset } from '../../dataset/read.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { query as runQuery } from '../../query/query.ts';
import { rowLines, type RowFormat } from '../../report/rows.ts';
import type { Terminal } from '../terminal.ts';

export interface QueryFlags extends TableFiles {
  readonly data?: string;
  /** ISO 8601. */
  readonly now?: string;
  readonly format?: RowFormat;
}

export async function query(kql: string, flags: QueryFlags, terminal: Terminal): Promise<void> {
  const dataset = flags.data === undefined ? undefined : await openDataset(flags.data);
  const rows = await runQuery(kql, {
    ...tablesFromFiles(flags),
    ...(dataset && { dataset }),
    ...(flags.now !== undefined && { now: flags.now }),
  });
  const format = flags.format ?? (terminal.json ? 'json' : terminal.outIsTerminal ? 'table' : 'ndjson');
  await terminal.results(rowLines(rows, format, terminal.columns));
}
