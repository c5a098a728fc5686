/** `tocsin import`: log files as a dataset. */
import { formatProblem, TocsinError } from '../../base/errors.ts';
import { importFiles, type ImportReport, type Projection } from '../../dataset/import.ts';
import { scannedColumns } from '../../plan/plan.ts';
import type { TableFiles } from '../../query/files.ts';
import { formatCount, formatNumber } from '../../report/format.ts';
import { type MemoryFlags, threadsWithin } from '../memory.ts';
import type { Terminal } from '../terminal.ts';

export interface ImportFlags extends TableFiles, MemoryFlags {
  readonly table?: string;
  readonly out: string;
  readonly truth?: string;
  readonly strict?: boolean;
  readonly force?: boolean;
  readonly threads?: number;
  readonly rule?: readonly string[];
}

/** The columns that rules read. */
async function columnsOf(rules: readonly string[], flags: TableFiles): Promise<Projection> {
  // The parser takes a second to load: only where it is needed.
  const { compileRule } = await import('../../rules/compile.ts');
  const { tablesFromFiles } = await import('../../query/files.ts');
  const lists = tablesFromFiles(flags);
  const columns: Record<string, string[]> = {};
  for (const rule of rules) {
    for (const [table, names] of Object.entries(scannedColumns(compileRule(rule, lists).plan.root))) {
      columns[table] = [...new Set([...(columns[table] ?? []), ...names])];
    }
  }
  return columns;
}

export async function importLogs(
  files: readonly string[],
  flags: ImportFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { out, table, truth, strict, force, rule } = flags;
  const threads = threadsWithin(flags, 'importing');
  const columns = rule && (await columnsOf(rule, flags));
  const progress = await terminal.progress('importing', 'MB');
  const report = await importFiles(files, {
    out,
    ...(table !== undefined && { table }),
    ...(truth !== undefined && { truth }),
    ...(threads !== undefined && { threads }),
    ...(columns && { columns }),
    strict: strict ?? false,
    force: force ?? false,
    onProgress: ({ bytes, totalBytes }) => {
      if (signal.aborted) throw new TocsinError('INTERRUPTED', 'interrupted; nothing was written');
      if (totalBytes !== undefined) progress.update(Math.round(bytes / 1e6), Math.ceil(totalBytes / 1e6));
    },
  });
  progress.stop();
  if (terminal.json) {
    const { manifest, ...rest } = report;
    await terminal.result(
      JSON.stringify({ schema: 'tocsin.imported/1', ...rest, start: manifest.start, end: manifest.end }),
    );
    return;
  }
  for (const warning of warningsOf(report)) terminal.warn(warning);
  await terminal.result(
    [
      `${report.path}: ${formatNumber(report.rows, 'row')}${report.rowsWithoutTime < report.rows ? `, ${spanOf(report)}` : ''}`,
      ...Object.entries(report.rowsByTable).map(
        ([table, count]) => `  ${table.padEnd(36)}${formatCount(count).padStart(12)}`,
      ),
      ...(report.skipped > 0
        ? [`  ${formatNumber(report.skipped, 'record')} of tables that no rule reads left out`]
        : []),
      ...(flags.truth === undefined
        ? []
        : [`  ${report.truthEvents.labelled} of ${report.truthEvents.total} events of the truth found their row`]),
    ].join('\n'),
  );
}

function spanOf({ manifest }: ImportReport): string {
  const [start, end] = [manifest.start, manifest.end].map((time) => `${time.slice(0, 19)}Z`);
  return `${start} to ${end}`;
}

/** What was read, but not as well as the reader may think. */
function warningsOf(report: ImportReport): string[] {
  const { badRecords, problems, unknownColumns, invalidValues, rowsWithoutTime, rowsWithoutIngestionTime } = report;
  const warnings = problems.map(formatProblem);
  if (badRecords > problems.length)
    warnings.push(`and ${formatNumber(badRecords - problems.length, 'more bad record')}`);
  for (const [table, columns] of Object.entries(unknownColumns)) {
    warnings.push(`${table} has no columns for ${listed(columns)}`);
  }
  if (Object.keys(invalidValues).length > 0) {
    warnings.push(`values that do not suit their column became null: ${listed(invalidValues)}`);
  }
  if (rowsWithoutTime > 0) {
    warnings.push(`${formatNumber(rowsWithoutTime, 'row')} without a time: queries see them, scheduled runs cannot`);
  }
  if (rowsWithoutIngestionTime > 0) {
    warnings.push(
      `${formatNumber(rowsWithoutIngestionTime, 'row')} without an ingestion time: TimeGenerated stands for it`,
    );
  }
  return warnings;
}

const MAX_LISTED = 8;

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const shown = entries.slice(0, MAX_LISTED).map(([name, count]) => `${name} (${formatCount(count)})`);
  if (entries.length > MAX_LISTED) shown.push(`and ${entries.length - MAX_LISTED} more`);
  return shown.join(', ');
}
