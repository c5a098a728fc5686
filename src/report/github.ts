/** What was not met, as annotations that GitHub shows at the lines of a pull request. */
import { workflowCommand } from '../rules/checks/formats.ts';
import { failuresOf } from './expectations.ts';
import type { RuleReport } from './json.ts';

/**
 * A workflow command for each failure: at the expectation where it stands in a file, else at the rule's file.
 *
 * @param faultsOf - why a rule's score proves nothing; empty where it does.
 */
export function githubAnnotations(
  rules: readonly RuleReport[],
  faultsOf: (rule: RuleReport) => readonly string[],
): string[] {
  return rules.flatMap((rule) => {
    const { file } = rule;
    const atRule = file === null ? undefined : { file, line: 1, column: 1 };
    return [
      ...faultsOf(rule).map((fault) => workflowCommand('error', 'The score proves nothing', fault, atRule)),
      ...failuresOf(rule).map(({ title, message, expectation }) => {
        const written = expectation && expectation.position.file !== '--expect' ? expectation.position : undefined;
        // An expectation of a scenario is held by every rule, so the annotation says which.
        const named = written ? `${file ?? rule.rule}: ${message}` : message;
        return workflowCommand('error', title, named, written ?? atRule);
      }),
    ];
  });
}
