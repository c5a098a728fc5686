/** What `explain` says of how a plan is evaluated: for all runs at once, or run by run and why. */
import { type Plan, scannedTables, visitPlan } from '../../plan/plan.ts';
import { hoistable } from '../hoist.ts';
import { isConstantPlan, operatorName } from '../nature.ts';
import { perRunReason } from './all-runs.ts';
import { askedSide, ungrouped } from './asked.ts';
import { type Correlation, correlationOf, type Picks } from './correlation.ts';
import { reducible } from './reduce.ts';
import { slides } from './sliding.ts';

/** One line for each part of a plan, and for what in it costs more than its rows. */
export function evaluationNotes(plan: Plan): string[] {
  const notes: string[] = [];
  const reason = perRunReason(plan);
  if (reason === undefined) notes.push(`for all runs at once: ${operatorName(plan)}`);
  else {
    notes.push(`run by run: ${reason}`);
    for (const node of topmost(plan)) notes.push(`for all runs at once: ${operatorName(node)} below it`);
  }
  const correlation = reason === undefined ? correlationOf(plan, () => 1, 1) : undefined;
  if (correlation) notes.push(correlationNote(correlation));
  const passedBy = new Set<Plan>(correlation && [correlation.join, ...correlation.log.nodes]);
  const isWorked = (node: Plan): boolean =>
    perRunReason(node) === undefined && !hoistable(node) && !isConstantPlan(node) && !passedBy.has(node);
  visitPart(plan, (node) => {
    if (!isWorked(node) || node.op !== 'join') return;
    for (const group of ungrouped(node)?.skipped ?? []) passedBy.add(group);
  });
  visitPart(plan, (node) => {
    if (!isWorked(node)) return;
    if (node.op === 'join') {
      const asked = ungrouped(node);
      if (asked) notes.push(`${operatorName(node)}: its ${askedSide(node)!} side is asked for rows, not summarized`);
      const side = reducible(asked?.join ?? node, () => 1, 1);
      if (side) {
        const other = scannedTables(node[side.reduced === 'left' ? 'right' : 'left']).join(', ');
        notes.push(
          `${operatorName(node)}: rows of ${side.scan.table} whose key has no partner in ${other} in any of their runs are passed over`,
        );
      }
    }
    if (node.op === 'summarize') {
      const open = [...new Set(node.aggregates.map((aggregate) => aggregate.function))].filter((name) => !slides(name));
      notes.push(
        open.length === 0
          ? 'summarize: aggregates slide with the window'
          : `summarize: ${open.join(', ')} ${open.length === 1 ? 'has' : 'have'} no sliding form and ${open.length === 1 ? 'is' : 'are'} worked out anew whenever a group changes`,
      );
    }
  });
  return [...new Set(notes)];
}

const PICKED: Readonly<Record<Picks, string>> = {
  each: 'each row',
  last: 'the last row of each group',
  first: 'the first row of each group',
};

function correlationNote({ join, log, bounds }: Correlation): string {
  const other = scannedTables(join[log.side === 'left' ? 'right' : 'left']).join(', ');
  return (
    `${operatorName(join)} in one pass over ${log.table.scan.table}: ${log.sums ? 'each group' : PICKED[log.picks]} meets the rows of ${other} ` +
    `that share a run with it${bounds ? ' within the bounds on time' : ''}; rows without a partner are passed over`
  );
}

/** The nodes of a plan down to its gathers: what lies below those is another part. */
function visitPart(plan: Plan, visit: (node: Plan) => void): void {
  const below = new Set<Plan>();
  visitPlan(plan, (node) => {
    if (node.op === 'gather') visitPlan(node.input, (other) => below.add(other));
  });
  visitPlan(plan, (node) => {
    if (!below.has(node)) visit(node);
  });
}

/** The largest parts of a plan that can be evaluated for all runs at once and are more than rows of a table. */
function topmost(plan: Plan): Plan[] {
  const found = new Set<Plan>();
  const parts = new Set<Plan>();
  visitPart(plan, (node) => {
    if (perRunReason(node) === undefined && node.op !== 'gather' && !hoistable(node) && !isConstantPlan(node))
      found.add(node);
  });
  for (const node of found) visitPart(node, (below) => below !== node && parts.add(below));
  return [...found].filter((node) => !parts.has(node));
}
