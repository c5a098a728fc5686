/** `tocsin check`: everything that is wrong with a rule, each finding with its position. */
import { formatProblem } from '../../base/errors.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { compileRule } from '../../rules/compile.ts';
import { formatDuration } from '../../rules/duration.ts';
import type { Terminal } from '../terminal.ts';

export async function check(file: string, flags: TableFiles, terminal: Terminal): Promise<void> {
  const { rule, plan, warnings } = compileRule(file, tablesFromFiles(flags));
  const { columns } = plan.root;
  if (terminal.json) {
    await terminal.result(JSON.stringify({ schema: 'tocsin.check/1', file, rule: rule.name, columns, warnings }));
    return;
  }
  for (const warning of warnings) terminal.warn(formatProblem(warning));
  const schedule =
    rule.kind === 'NRT'
      ? 'runs every minute (NRT)'
      : `runs every ${formatDuration(rule.queryFrequency)} over ${formatDuration(rule.queryPeriod)}`;
  await terminal.result(`${file}: ok\n  ${rule.name}\n  ${schedule}, returns ${columns.length} columns`);
}
