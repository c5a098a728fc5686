/** `tocsin explain`: what a rule's query compiles to, and which part of it runs in each partition, and how. */
import { formatProblem } from '../../base/errors.ts';
import { evaluationNotes } from '../../engine/allruns/notes.ts';
import { cut } from '../../engine/cut.ts';
import { explainPlan } from '../../kql/explain.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { compileRule } from '../../rules/compile.ts';
import type { Terminal } from '../terminal.ts';

export async function explain(file: string, flags: TableFiles, terminal: Terminal): Promise<void> {
  const { rule, plan, warnings } = compileRule(file, tablesFromFiles(flags));
  const { root, gathers, reasons } = cut(plan.root);
  const text = explainPlan(root);
  const evaluation = [
    ...new Set([
      ...gathers.flatMap(({ scope, plan: part }) =>
        scope === 'once'
          ? ['in each partition, once for all runs: rows over all time']
          : evaluationNotes(part).map((note) => `in each partition, ${note}`),
      ),
      ...evaluationNotes(root).map((note) => `after the gathers, ${note}`),
    ]),
  ];
  if (terminal.json) {
    const { columns } = plan.root;
    await terminal.result(
      JSON.stringify({
        schema: 'tocsin.explain/1',
        file,
        rule: rule.name,
        columns,
        plan: text.split('\n'),
        gathers: gathers.map(({ id, scope, reason }) => ({ id, scope, reason })),
        reasons,
        evaluation,
      }),
    );
    return;
  }
  for (const warning of warnings) terminal.warn(formatProblem(warning));
  const { dim } = terminal.colors;
  await terminal.result(
    [
      text,
      '',
      dim('Why it is cut there:'),
      ...reasons.map((reason) => `  ${reason}`),
      '',
      dim('How it is evaluated:'),
      ...evaluation.map((note) => `  ${note}`),
    ].join('\n'),
  );
}
