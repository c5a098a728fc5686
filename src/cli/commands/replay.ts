/** `tocsin replay`: rules over a dataset that is already there. */
import { stat } from 'node:fs/promises';
import { TocsinError } from '../../base/errors.ts';
import { DEFAULT_MEMORY_LIMIT } from '../../engine/memory.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import { replayLines, writeLines } from '../../replay/output.ts';
import { type Replay, type ReplayOptions, replay as replayRule } from '../../replay/replay.ts';
import { formatMagnitude, formatNumber, formatSeconds } from '../../report/format.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { type CompiledRule, compileRule } from '../../rules/compile.ts';
import { type MemoryFlags, replayingBytes, threadsWithin } from '../memory.ts';
import type { Terminal } from '../terminal.ts';

export interface ReplayFlags extends TableFiles, MemoryFlags {
  readonly rule: readonly string[];
  readonly threads?: number;
  /** Run by run instead of all runs at once. */
  readonly general?: boolean;
  /** `-` is stdout. */
  readonly out?: string;
  readonly force?: boolean;
}

export interface TimedReplay {
  readonly file: string;
  readonly compiled: CompiledRule;
  readonly result: Replay;
  readonly seconds: number;
}

export async function replay(
  location: string,
  flags: ReplayFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { out } = flags;
  if (out !== undefined && out !== '-') await checkFile(out, flags.force ?? false);
  const dataset = await openDataset(location);
  const lists = tablesFromFiles(flags);
  const compiled = flags.rule.map((file) => ({ file, compiled: compileRule(file, { ...lists, dataset }) }));
  const how = howToReplay(flags, dataset);
  const replays: TimedReplay[] = [];
  for (const rule of compiled) {
    replays.push(await timedReplay(dataset, rule.file, rule.compiled, how, terminal, signal));
  }
  if (out === '-') await terminal.results(allLines(replays));
  else if (out !== undefined) await writeLines(out, allLines(replays), signal);

  const summary = terminal.json ? JSON.stringify(summaryJson(replays)) : replays.map(summaryText).join('\n');
  if (out === '-') terminal.note(summary);
  else await terminal.result(summary);
  if (!terminal.json) for (const { result } of replays) for (const warning of result.warnings) terminal.warn(warning);
  const empty = replays.filter(({ result }) => Object.values(result.rowsRead).every((count) => count === 0));
  if (empty.length > 0) {
    throw new TocsinError(
      'EXPECTATION',
      empty.map(({ file }) => ({ message: `${file}: the replay proves nothing: the rule read no rows` })),
    );
  }
}

/** What flags say of how rules are replayed. */
export type HowToReplay = Pick<ReplayOptions, 'threads' | 'general' | 'memoryLimit'>;

/** Within `--memory`: as many threads as fit, and no operator that takes more than all of it. */
export function howToReplay(flags: MemoryFlags & { readonly general?: boolean }, { manifest }: Dataset): HowToReplay {
  const threads = threadsWithin(flags, replayingBytes(manifest));
  const { general, memory } = flags;
  return {
    ...(threads !== undefined && { threads }),
    ...(general !== undefined && { general }),
    ...(memory !== undefined && { memoryLimit: Math.min(memory, DEFAULT_MEMORY_LIMIT) }),
  };
}

/** Replays one rule with its progress on display. */
export async function timedReplay(
  dataset: Dataset,
  file: string,
  compiled: CompiledRule,
  how: HowToReplay,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<TimedReplay> {
  const started = performance.now();
  const rows = await terminal.progress('replaying', 'partitions');
  const result = await replayRule(dataset, compiled, {
    ...how,
    signal,
    onProgress: ({ phase, done, total }) => {
      if (phase === 'rows') rows.update(done, total);
    },
  });
  rows.stop();
  return { file, compiled, result, seconds: (performance.now() - started) / 1000 };
}

/** The lines of all replays, a section a rule. */
export function* allLines(replays: readonly TimedReplay[]): Generator<string> {
  for (const { compiled, result } of replays) yield* replayLines(compiled.rule, result);
}

/** @throws {@link TocsinError} `OUTPUT` where `file` is there, not empty, and not to be replaced. */
export async function checkFile(file: string, force: boolean): Promise<void> {
  const found = await stat(file).catch(() => undefined);
  if (!found) return;
  if (found.isDirectory()) throw new TocsinError('OUTPUT', `${file}: is a folder, expected a file to write`);
  if (found.size === 0 || force) return;
  throw new TocsinError('OUTPUT', {
    message: `${file}: the file exists and is not empty`,
    hint: 'choose another file, or replace this one with --force',
  });
}

function summaryJson(replays: readonly TimedReplay[]): unknown {
  return {
    schema: 'tocsin.replayed/1',
    rules: replays.map(({ file, compiled, result, seconds }) => ({
      rule: compiled.rule.name,
      file,
      runs: result.runs.length,
      rowsRead: result.rowsRead,
      rows: result.rows.length,
      alerts: result.alerts.length,
      incidents: result.incidents.length,
      seconds,
      digest: result.digest,
      warnings: result.warnings,
    })),
  };
}

function summaryText({ file, compiled, result, seconds }: TimedReplay): string {
  const read = Object.values(result.rowsRead).reduce((sum, count) => sum + count, 0);
  return [
    compiled.rule.name,
    `  ${file}`,
    `  ${formatNumber(result.runs.length, 'run')} over ${formatNumber(read, 'row')} returned ${formatNumber(result.rows.length, 'row')} in ` +
      `${formatNumber(result.alerts.length, 'alert')} and ${formatNumber(result.incidents.length, 'incident')}`,
    `  replayed in ${formatSeconds(seconds)} (${formatMagnitude(read / Math.max(seconds, 1e-3))} rows/s), digest ${result.digest.slice(0, 8)}`,
  ].join('\n');
}
