/** `tocsin check`: every problem of a rule, each with its position. */
import { formatProblem, type Problem, TocsinError } from '../../base/errors.ts';
import { readRule } from '../../rules/rule.ts';
import { readText } from '../files.ts';
import type { Terminal } from '../terminal.ts';

/** @throws {@link TocsinError} `RULE` with every error of the file. */
export async function check(file: string, terminal: Terminal): Promise<void> {
  const { rule, errors, warnings } = readRule(await readText(file), file);
  const problems: readonly Problem[] = errors;
  if (!rule || problems.length > 0) throw new TocsinError('RULE', problems);
  if (terminal.json) {
    await terminal.result(JSON.stringify({ schema: 'tocsin.check/1', file, rule: rule.name, warnings }));
    return;
  }
  for (const warning of warnings) terminal.warn(formatProblem(warning));
  await terminal.result(`${file}: ok`);
}
