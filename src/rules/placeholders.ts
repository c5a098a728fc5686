/**
 * The placeholders of hunting queries. Sentinel's hunting page puts the ends of the chosen time range in their place; in a
 * replay the range is the run's window. Their calls are replaced by others of the same length, so that every place in the
 * query stays where the file has it.
 */
import type { Problem } from '../base/errors.ts';
import { formatDuration } from './duration.ts';
import type { Rule, RuleSource } from './rule.ts';

const FILLED = /todatetime\(\s*(['"])\{\{(Start|End)TimeISO\}\}\1\s*\)/g;
const LEFT = /\{\{(?:Start|End)TimeISO\}\}/g;

export interface FilledQuery {
  readonly query: string;
  readonly warnings: readonly Problem[];
}

/** The query with its placeholders filled in for a rule that looks back `queryPeriod`. */
export function fillPlaceholders(
  query: string,
  { queryPeriod }: Pick<Rule, 'queryPeriod'>,
  source: RuleSource,
): FilledQuery {
  const warnings: Problem[] = [];
  const ago = `ago(${formatDuration(queryPeriod)})`;
  const filled = query.replace(FILLED, (call: string, _quote: string, end: string, offset: number) => {
    const instead = end === 'Start' ? ago : 'now()';
    const message = `the placeholder of hunting queries is read as ${end === 'Start' ? `the start of the run's window, ${ago}` : `the time of the run, ${instead}`}`;
    warnings.push(source.queryProblem(message, offset, offset + call.length));
    return instead.padEnd(call.length);
  });
  for (const { 0: placeholder, index } of filled.matchAll(LEFT)) {
    const hint = `write todatetime('${placeholder}')`;
    warnings.push(
      source.queryProblem(
        'a placeholder of hunting queries that nothing fills in',
        index,
        index + placeholder.length,
        hint,
      ),
    );
  }
  return { query: filled, warnings };
}
