/** `tocsin robustness`: what a rule is worth with faulty logs, beside what it is worth with whole ones. */
import path from 'node:path';
import { type Fault, faultText } from '../../../generators/faults.ts';
import { loadFaults, loadScenario, type Scenario } from '../../../generators/scenario.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import {
  type CaseReport,
  caseReport,
  type FaultCase,
  robustnessReport,
  robustnessText,
} from '../../report/robustness.ts';
import { type CompiledRule, compileRule } from '../../rules/compile.ts';
import { type RuleScore, score } from '../../score/score.ts';
import { expectProof } from '../scoreboard.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';
import { type ScenarioFlags, timedGenerate } from './generate.ts';
import { type HowToReplay, howToReplay, timedReplay } from './replay.ts';
import { shippedRule } from './run.ts';

export interface RobustnessFlags extends ScenarioFlags, TableFiles {
  readonly rule?: readonly string[];
  /** A file of faults, in place of the scenario's own. */
  readonly faults?: string;
}

interface NamedRule {
  readonly file: string;
  readonly compiled: CompiledRule;
}

const NO_FAULT: FaultCase = { kind: 'none', detail: '' };

export async function robustness(
  name: string,
  flags: RobustnessFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { users, days, seed } = flags;
  const scenario = loadScenario(name, { users, days, seed });
  const faults = faultsFor(scenario, flags.faults);
  const lists = tablesFromFiles(flags);
  const rules = (flags.rule ?? [shippedRule()]).map((file) => ({ file, compiled: compileRule(file, lists) }));

  const scoresWith = async (chosen: readonly Fault[], note: string) => {
    if (!terminal.json && terminal.outIsTerminal) terminal.note(note);
    return inTemporaryFolder(async (folder) => {
      const out = path.join(folder, 'dataset');
      await timedGenerate({ ...scenario, faults: chosen }, { ...flags, out }, terminal, signal);
      const dataset = await openDataset(out);
      const scores = await scoreAll(dataset, rules, howToReplay(flags, dataset), terminal, signal);
      return { scores, manifest: dataset.manifest };
    });
  };

  const { scores: baselines, manifest } = await scoresWith([], 'without faults');
  const reports = baselines.map((baseline): CaseReport[] => [caseReport(NO_FAULT, baseline, baseline)]);
  // A fault changes one table; what no rule reads of need not be tried.
  const reads = (rule: number, fault: Fault): boolean => (baselines[rule]!.rowsRead[fault.table] ?? 0) > 0;
  const addCase = async (described: FaultCase, chosen: readonly Fault[], note: string): Promise<void> => {
    const isRead = rules.map((_, rule) => chosen.some((fault) => reads(rule, fault)));
    const scores = isRead.includes(true) ? (await scoresWith(chosen, note)).scores : [];
    for (const [rule, baseline] of baselines.entries()) {
      reports[rule]!.push(caseReport(described, isRead[rule] ? scores[rule] : undefined, baseline));
    }
  };
  for (const [index, fault] of faults.entries()) {
    const described = { kind: fault.kind, detail: faultText(fault) };
    await addCase(described, [fault], `fault ${index + 1} of ${faults.length}: ${described.kind}, ${described.detail}`);
  }
  if (faults.length > 1) {
    await addCase({ kind: 'all together', detail: `${faults.length} faults` }, faults, 'all faults together');
  }

  const report = robustnessReport(
    manifest,
    rules.map(({ file, compiled }, rule) => ({ rule: compiled.rule.name, file, cases: reports[rule]! })),
  );
  await terminal.result(terminal.json ? JSON.stringify(report) : robustnessText(report, terminal.colors));
  expectProof(baselines.map((baseline, rule) => ({ name: rules[rule]!.file, score: baseline })));
}

/** The faults to try: those of a file, else the scenario's, else those that ship with the package. */
function faultsFor(scenario: Scenario, file: string | undefined): readonly Fault[] {
  if (file !== undefined) return loadFaults(file);
  return scenario.faults.length > 0 ? scenario.faults : loadFaults();
}

async function scoreAll(
  dataset: Dataset,
  rules: readonly NamedRule[],
  how: HowToReplay,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<RuleScore[]> {
  const truth = await dataset.truth();
  const scores: RuleScore[] = [];
  for (const { file, compiled } of rules) {
    const { result } = await timedReplay(dataset, file, compiled, how, terminal, signal);
    scores.push(score(result, compiled.rule.name, truth, dataset.manifest));
  }
  return scores;
}
