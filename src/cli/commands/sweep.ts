/** `tocsin sweep`: a rule scored in many settings over one tenant. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { TocsinError } from '../../base/errors.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { sweepCsv, sweepReport, sweepText } from '../../report/sweep.ts';
import { type CompiledRule, compileRule, type CompileRuleOptions } from '../../rules/compile.ts';
import { type Axis, readAxes } from '../../sweep/axes.ts';
import { sweep as sweepRule } from '../../sweep/sweep.ts';
import { expectProof } from '../scoreboard.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';
import { type ScenarioFlags, timedGenerate } from './generate.ts';
import { needsData } from './run.ts';

export interface SweepFlags extends ScenarioFlags, TableFiles {
  readonly rule: string;
  readonly set: readonly string[];
  readonly format?: 'table' | 'csv';
}

export async function sweep(source: string, flags: SweepFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (terminal.json && flags.format === 'csv') {
    throw new TocsinError('USAGE', '--json and --format csv exclude each other');
  }
  const lists = tablesFromFiles(flags);
  const prepare = (dataset?: Dataset): Prepared => {
    const compile = { ...lists, ...(dataset && { dataset }) };
    const compiled = compileRule(flags.rule, compile);
    return { compiled, compile, axes: readAxes(flags.set, compiled) };
  };

  const found = await stat(source).catch(() => undefined);
  if (found?.isDirectory()) {
    const given = (['users', 'days', 'seed'] as const).filter((name) => flags[name] !== undefined);
    if (given.length > 0) {
      throw new TocsinError('USAGE', {
        message: `${given.map((name) => `--${name}`).join(', ')}: ${source} is a dataset, which is swept as it is`,
        hint: 'only a scenario can be generated otherwise',
      });
    }
    const dataset = await openDataset(source);
    await sweepOver(dataset, prepare(dataset), null, flags, terminal, signal);
    return;
  }
  // Mistakes are told before the long work, where they can be.
  const early = needsData(flags.rule) ? undefined : prepare();
  await inTemporaryFolder(async (folder) => {
    const out = path.join(folder, 'dataset');
    const { seconds } = await timedGenerate(source, { ...flags, format: 'dataset', out }, terminal, signal);
    const dataset = await openDataset(out);
    await sweepOver(dataset, early ?? prepare(dataset), seconds, flags, terminal, signal);
  });
}

interface Prepared {
  readonly compiled: CompiledRule;
  readonly compile: CompileRuleOptions;
  readonly axes: readonly Axis[];
}

async function sweepOver(
  dataset: Dataset,
  { compiled, compile, axes }: Prepared,
  generateSeconds: number | null,
  flags: SweepFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const truth = await dataset.truth();
  const started = performance.now();
  const progress = await terminal.progress('sweeping', 'cells');
  const swept = await sweepRule(dataset, compiled, axes, truth, {
    compile: { ...compile, dataset },
    signal,
    ...(flags.threads !== undefined && { threads: flags.threads }),
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.stop();
  const seconds = { generate: generateSeconds, sweep: (performance.now() - started) / 1000 };
  const report = sweepReport(dataset.manifest, flags.rule, swept, seconds);
  if (terminal.json) await terminal.result(JSON.stringify(report));
  else if (flags.format === 'csv') await terminal.results(sweepCsv(report));
  else await terminal.result(sweepText(report, terminal.colors));
  expectProof([{ name: flags.rule, score: swept.asIs.score }]);
}
