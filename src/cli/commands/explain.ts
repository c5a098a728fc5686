/** `tocsin explain`: what a rule's query compiles to. */
import { formatProblem } from '../../base/errors.ts';
import { explainPlan } from '../../kql/explain.ts';
import { compileRule } from '../../rules/compile.ts';
import type { Terminal } from '../terminal.ts';

export async function explain(file: string, terminal: Terminal): Promise<void> {
  const { rule, plan, warnings } = compileRule(file);
  const text = explainPlan(plan.root);
  if (terminal.json) {
    await terminal.result(
      JSON.stringify({ schema: 'tocsin.explain/1', file, rule: rule.name, columns: plan.root.columns, plan: text }),
    );
    return;
  }
  for (const warning of warnings) terminal.warn(formatProblem(warning));
  await terminal.result(text);
}
