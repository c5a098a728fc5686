/** `tocsin generate`: a scenario as a dataset, or as the files that Log Analytics would export. */
import path from 'node:path';
import { generate as generateDataset, type GeneratedDataset, type Scenario } from '../../../generators/index.ts';
import { TocsinError } from '../../base/errors.ts';
import { type ExportFormat, exportDataset } from '../../dataset/export.ts';
import { openDataset } from '../../dataset/read.ts';
import { formatCount, formatMagnitude, formatSeconds } from '../../report/format.ts';
import { type MemoryFlags, threadsWithin } from '../memory.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';

/** What of a scenario can be set from the command line. */
export interface ScenarioFlags extends MemoryFlags {
  readonly users?: number;
  readonly days?: number;
  readonly seed?: number;
  readonly threads?: number;
}

export interface GenerateFlags extends ScenarioFlags {
  readonly out: string;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly format?: 'dataset' | ExportFormat;
}

export async function generate(
  scenario: string,
  flags: GenerateFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { format = 'dataset' } = flags;
  if (flags.resume && format !== 'dataset') {
    throw new TocsinError('USAGE', {
      message: `--resume does not go with --format ${format}`,
      hint: 'generate a dataset; its partitions are what can be resumed',
    });
  }
  const { dataset, seconds } =
    format === 'dataset'
      ? await timedGenerate(scenario, flags, terminal, signal)
      : await inTemporaryFolder(async (folder) => {
          const generated = await timedGenerate(
            scenario,
            { ...flags, out: path.join(folder, 'dataset') },
            terminal,
            signal,
          );
          await exportFiles(generated.dataset.path, format, flags, terminal, signal);
          return generated;
        });
  const events = dataset.tables.reduce((sum, table) => sum + table.rowCount, 0);
  if (terminal.json) {
    const { origin, start, end, incidents } = dataset;
    const tables = Object.fromEntries(dataset.tables.map(({ table, rowCount }) => [table, rowCount]));
    await terminal.result(
      JSON.stringify({
        schema: 'tocsin.generated/1',
        path: flags.out,
        origin,
        start,
        end,
        events: tables,
        incidents,
        seconds,
      }),
    );
  } else {
    await terminal.result(
      [
        `${flags.out}: ${formatCount(events)} events, ${dataset.start.slice(0, 10)} to ${dataset.end.slice(0, 10)}`,
        ...dataset.tables.map(({ table, rowCount }) => `  ${table.padEnd(36)}${formatCount(rowCount).padStart(12)}`),
        `  ${dataset.incidents.attacks} attacks and ${dataset.incidents.lookalikes} look-alikes planted`,
        `  generated in ${formatSeconds(seconds)} (${formatMagnitude(events / Math.max(seconds, 1e-3))} events/s)`,
      ].join('\n'),
    );
  }
  if (dataset.incidents.attacks === 0)
    terminal.warn('no attack was planted: recall cannot be measured on this dataset');
}

async function exportFiles(
  location: string,
  format: ExportFormat,
  { out, force = false, threads, memory }: GenerateFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const progress = await terminal.progress('exporting', 'rows');
  await exportDataset(await openDataset(location), {
    out,
    format,
    force,
    // How much of a table each thread comes to hold is not known beforehand.
    ...(memory !== undefined ? { threads: 1 } : threads !== undefined && { threads }),
    onProgress: ({ rows, totalRows }) => {
      if (signal.aborted) throw new TocsinError('INTERRUPTED', 'interrupted; nothing was written');
      progress.update(rows, totalRows);
    },
  });
  progress.stop();
}

export interface TimedDataset {
  readonly dataset: GeneratedDataset;
  readonly seconds: number;
}

/** Generates with progress on display. */
export async function timedGenerate(
  scenario: string | Scenario,
  { users, days, seed, threads, memory, out, force, resume }: GenerateFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<TimedDataset> {
  const started = performance.now();
  const progress = await terminal.progress('generating', 'partitions');
  const dataset = await generateDataset(scenario, {
    users,
    days,
    seed,
    threads: threadsWithin(
      { ...(memory !== undefined && { memory }), ...(threads !== undefined && { threads }) },
      'generating',
    ),
    out,
    force,
    resume,
    signal,
    onProgress: ({ done, total }) => progress.update(done, total),
  });
  progress.stop();
  return { dataset, seconds: (performance.now() - started) / 1000 };
}
