/** `tocsin run`: generate, replay and score in one go. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadScenario, plantedNames } from '../../../generators/scenario.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import { outputError } from '../../dataset/write.ts';
import { writeLines } from '../../replay/output.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { type CompiledRule, compileRule, readRuleText } from '../../rules/compile.ts';
import { Gate, type GateFlags } from '../gate.ts';
import { htmlReportOf, scoreReplays } from '../score-replays.ts';
import { printScore } from '../scoreboard.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';
import { type ScenarioFlags, type TimedDataset, timedGenerate } from './generate.ts';
import { allLines, checkFile, howToReplay, type TimedReplay, timedReplay } from './replay.ts';
import { writeReport } from './report.ts';

export interface RunFlags extends ScenarioFlags, TableFiles, GateFlags {
  readonly rule?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly schedule?: boolean;
  readonly report?: string;
}

/** Replayed where no rule is given. */
const SHIPPED_RULE = 'rules/ni-auth-privileged-audit-actions.yaml';

interface NamedRule {
  readonly file: string;
  readonly compiled: CompiledRule;
}

export async function run(scenario: string, flags: RunFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  if (flags.report !== undefined) await checkFile(flags.report, flags.force ?? false);
  if (flags.out !== undefined) {
    await runIn(flags.out, scenario, flags, terminal, signal);
    return;
  }
  await inTemporaryFolder((folder) => runIn(path.join(folder, 'dataset'), scenario, flags, terminal, signal));
}

async function runIn(
  out: string,
  scenario: string,
  flags: RunFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { users, days, seed } = flags;
  const loaded = loadScenario(scenario, { users, days, seed });
  const gate = Gate.prepare(flags, plantedNames(loaded), {
    scenario: loaded.expectations,
    rules: flags.rule ?? [shippedRule()],
  });
  gate.expectScenario({ scenario: loaded.name, seed: loaded.seed, users: loaded.tenant.users });
  const { rules, generated } = await compileWhileGenerating(out, scenario, flags, terminal, signal);
  const dataset = await openDataset(out);
  const truth = await dataset.truth();
  const how = howToReplay(flags, dataset);
  const replays: TimedReplay[] = [];
  for (const { file, compiled } of rules) {
    replays.push(await timedReplay(dataset, file, compiled, how, terminal, signal));
  }
  const options = {
    generateSeconds: generated.seconds,
    schedule: flags.schedule ?? flags.report !== undefined,
    signal,
  };
  const scored = await scoreReplays(dataset, truth, replays, options, terminal);
  const report = gate.judge(scored.report);
  if (flags.out !== undefined) await keepResults(out, replays, JSON.stringify(report), signal);
  if (flags.report !== undefined) {
    const page = htmlReportOf({ ...scored, report }, truth, replays, flags.out);
    await writeReport(flags.report, page, signal);
    if (!terminal.json) terminal.note(`${flags.report}: open it in a browser`);
  }
  await printScore(report, truth, flags.out, terminal, gate);
}

/**
 * The parser takes a second to load, in this thread; meanwhile workers generate. A rule that does not compile stops them.
 * Without workers the rule goes first, so that its faults are told before the long work.
 */
async function compileWhileGenerating(
  out: string,
  scenario: string,
  flags: RunFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<{ readonly rules: readonly NamedRule[]; readonly generated: TimedDataset }> {
  const files = flags.rule ?? [shippedRule()];
  const lists = tablesFromFiles(flags);
  const compileAll = (dataset?: Dataset): NamedRule[] =>
    files.map((file) => ({ file, compiled: compileRule(file, { ...lists, ...(dataset && { dataset }) }) }));
  if (files.some(needsData)) {
    const generated = await timedGenerate(scenario, { ...flags, out }, terminal, signal);
    return { rules: compileAll(await openDataset(out)), generated };
  }
  if (flags.threads === 0) {
    return { rules: compileAll(), generated: await timedGenerate(scenario, { ...flags, out }, terminal, signal) };
  }
  const stop = new AbortController();
  const generation = timedGenerate(scenario, { ...flags, out }, terminal, AbortSignal.any([signal, stop.signal]));
  // Lets the workers get their tasks before this thread is taken.
  const early = await Promise.race([
    generation,
    new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), START_MS)),
  ]);
  try {
    const rules = compileAll();
    return { rules, generated: early ?? (await generation) };
  } catch (error) {
    stop.abort();
    await generation.catch(() => {});
    throw error;
  }
}

/** Whether a rule's columns may have to be found out from the data. A file that cannot be read is told of by its compilation. */
export function needsData(file: string): boolean {
  try {
    return /\bevaluate\b/.test(readRuleText(file));
  } catch {
    return false;
  }
}

/** Time for the workers to start. */
const START_MS = 50;

/** The rule that ships with Tocsin, named from where the user stands. */
export function shippedRule(): string {
  const file = path.join(path.dirname(fileURLToPath(import.meta.resolve('tocsin/package.json'))), SHIPPED_RULE);
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

/** Puts the alerts and the score beside the tables of the dataset. */
async function keepResults(
  out: string,
  replays: readonly TimedReplay[],
  report: string,
  signal: AbortSignal,
): Promise<void> {
  await writeLines(path.join(out, 'alerts.ndjson'), allLines(replays), signal);
  const file = path.join(out, 'score.json');
  await writeFile(file, `${report}\n`).catch((error: unknown) => {
    throw outputError(file, error);
  });
}
