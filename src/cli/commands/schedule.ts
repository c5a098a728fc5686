/** `tocsin schedule`: what a rule's schedule loses and repeats, and what others would. */
import { TocsinError } from '../../base/errors.ts';
import { type Dataset, openDataset } from '../../dataset/read.ts';
import { maliciousEvents, type TruthIncident } from '../../dataset/truth.ts';
import { scannedTables } from '../../plan/plan.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { alternativeSchedules, scheduleLosses } from '../../replay/losses.ts';
import { type ScheduleReport, scheduleLines, scheduleReport } from '../../report/schedule.ts';
import { type CompiledRule, compileRule } from '../../rules/compile.ts';
import type { Rule } from '../../rules/rule.ts';
import type { Terminal } from '../terminal.ts';

export interface ScheduleFlags extends TableFiles {
  readonly rule: string;
  readonly try?: readonly Pick<Rule, 'queryFrequency' | 'queryPeriod'>[];
}

/** @throws {@link TocsinError} `RULE` for an NRT rule, which takes every row once, as it comes in. */
export async function schedule(location: string, flags: ScheduleFlags, terminal: Terminal): Promise<void> {
  const dataset = await openDataset(location);
  const compiled = compileRule(flags.rule, tablesFromFiles(flags));
  if (compiled.rule.kind === 'NRT') {
    throw new TocsinError(
      'RULE',
      `${flags.rule}: an NRT rule has no schedule: it takes every row once, as it comes in`,
    );
  }
  const schedules = schedulesOf(dataset, compiled, await dataset.truth(), flags.try);
  await terminal.result(
    terminal.json
      ? JSON.stringify({ schema: 'tocsin.schedule/1', rule: compiled.rule.name, file: flags.rule, schedules })
      : scheduleLines(schedules, terminal.colors).join('\n'),
  );
}

/**
 * The rule's own schedule first, then the others; none for an NRT rule.
 *
 * @param others - to hold against it; by default what is usually worth a look.
 */
export function schedulesOf(
  dataset: Dataset,
  { rule, plan }: CompiledRule,
  truth: readonly TruthIncident[],
  others?: ScheduleFlags['try'],
): ScheduleReport[] {
  if (rule.kind === 'NRT') return [];
  const malicious = maliciousEvents(truth);
  const schedules = others ? [rule, ...others] : alternativeSchedules(rule);
  return scheduleReport(scheduleLosses(dataset, scannedTables(plan.root), schedules, (event) => malicious.has(event)));
}
