/** Following an expression down a plan: what it says over the columns of a node's input. */
import { type Expression, visitExpression } from '../../plan/plan.ts';

/** The columns that an expression reads. */
export function columnsOf(expression: Expression): number[] {
  const found: number[] = [];
  visitExpression(expression, (e) => {
    if (e.kind === 'column') found.push(e.index);
  });
  return found;
}

/** The expression with its columns replaced by what they are made of. */
export function substituted(expression: Expression, by: readonly Expression[]): Expression {
  if (expression.kind === 'column') return by[expression.index]!;
  if (expression.kind !== 'call') return expression;
  return { ...expression, args: expression.args.map((arg) => substituted(arg, by)) };
}
