/** `tocsin run`: generate, replay and score in one go. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadScenario, plantedNames } from '../../../generators/scenario.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import type { TruthIncident } from '../../dataset/truth.ts';
import { outputError } from '../../dataset/write.ts';
import { writeLines } from '../../replay/output.ts';
import { comparisonReports } from '../../report/comparison.ts';
import { type RuleReport, scoreReport } from '../../report/json.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { type CompiledRule, compileRule, readRuleText } from '../../rules/compile.ts';
import { compareRules } from '../../score/compare.ts';
import { score } from '../../score/score.ts';
import { type ClauseLosses, lossesOf } from '../../why/explanation.ts';
import { missedEvents, whyNot } from '../../why/why.ts';
import { Gate, type GateFlags } from '../gate.ts';
import { printScore } from '../scoreboard.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';
import { type ScenarioFlags, type TimedDataset, timedGenerate } from './generate.ts';
import { allLines, type TimedReplay, timedReplay } from './replay.ts';
import { schedulesOf } from './schedule.ts';

export interface RunFlags extends ScenarioFlags, TableFiles, GateFlags {
  readonly rule?: readonly string[];
  readonly out?: string;
  readonly force?: boolean;
  readonly schedule?: boolean;
}

/** Replayed where no rule is given. */
const SHIPPED_RULE = 'rules/ni-auth-privileged-audit-actions.yaml';

interface NamedRule {
  readonly file: string;
  readonly compiled: CompiledRule;
}

export async function run(scenario: string, flags: RunFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
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
  const replays: TimedReplay[] = [];
  for (const { file, compiled } of rules) {
    replays.push(await timedReplay(dataset, file, compiled, flags.threads, terminal, signal));
  }
  const reports: RuleReport[] = [];
  for (const replay of replays) {
    const report = scored(replay, truth, dataset, generated.seconds);
    const losses = await explained(replay, report, truth, dataset, terminal, signal);
    const schedules = flags.schedule ? schedulesOf(dataset, replay.compiled, truth) : undefined;
    reports.push({ ...report, ...(losses && { losses }), ...(schedules && { schedules }) });
  }
  const pairs = compareRules(
    reports.map((each, index) => ({ score: each, result: replays[index]!.result })),
    truth,
  );
  const report = gate.judge(scoreReport(dataset.manifest, reports, comparisonReports(pairs, reports)));
  if (flags.out !== undefined) await keepResults(out, replays, JSON.stringify(report), signal);
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
function needsData(file: string): boolean {
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

function scored(
  { file, compiled, result, seconds }: TimedReplay,
  truth: readonly TruthIncident[],
  dataset: Dataset,
  generateSeconds: number,
): RuleReport {
  const started = performance.now();
  const ruleScore = score(result, compiled.rule.name, truth, dataset.manifest);
  const scoreSeconds = (performance.now() - started) / 1000;
  return { ...ruleScore, file, seconds: { generate: generateSeconds, replay: seconds, score: scoreSeconds } };
}

/** Beyond this many rows finding the reasons could take longer than the replay did; `tocsin why` still does. */
const MAX_EXPLAINED_ROWS = 50_000_000;

/** Which clauses lost the malicious events that no alert contains. */
async function explained(
  { compiled, result }: TimedReplay,
  report: RuleReport,
  truth: readonly TruthIncident[],
  dataset: Dataset,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ClauseLosses[] | undefined> {
  if (Object.values(result.rowsRead).reduce((sum, count) => sum + count, 0) > MAX_EXPLAINED_ROWS) return undefined;
  const events = missedEvents(result, truth);
  const progress = await terminal.progress('explaining', 'events');
  const explanations = await whyNot(dataset, compiled, events, {
    replay: result,
    signal,
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.stop();
  return lossesOf(
    explanations,
    truth,
    report.perScenario.flatMap(({ missed }) => missed),
  );
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
