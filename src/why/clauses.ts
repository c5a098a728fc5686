/** Leads from the nodes and expressions of a plan back to the text that the user wrote. */
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { valueAt } from '../columns/column.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { evaluate, type Scope } from '../engine/evaluate.ts';
import { print } from '../kql/explain.ts';
import type { Expression, Plan, Span } from '../plan/plan.ts';
import { cellText } from '../replay/cells.ts';
import type { CompiledRule } from '../rules/compile.ts';
import type { FieldPath } from '../rules/rule.ts';
import type { Clause, NamedValue } from './explanation.ts';

const MAX_CLAUSE = 100;
const MAX_VALUE = 120;

export class Clauses {
  readonly #compiled: CompiledRule;

  constructor(compiled: CompiledRule) {
    this.#compiled = compiled;
  }

  /** The part of the query at `span`. */
  at(span: Span): Clause {
    const { excerpt, position } = this.#compiled.source.queryProblem('', span.start, span.end);
    return { span, position: position!, text: clip(this.#slice(span), MAX_CLAUSE), excerpt };
  }

  /** An operator, without its input. */
  node(node: Plan): Clause {
    return this.at(node.span);
  }

  /** A condition of a `where`: the whole operator where it is the only one. */
  condition(node: Extract<Plan, { op: 'filter' }>, conjunct: Expression): Clause {
    return conjunct === node.predicate || conjunct.span.end <= conjunct.span.start
      ? this.node(node)
      : this.at(conjunct.span);
  }

  /** A field of the rule, or the place where it would stand. */
  field(path: FieldPath): Clause {
    const { excerpt, position } = this.#compiled.source.fieldProblem(path, '', undefined, 'key');
    const name = String(path.at(-1));
    const line = excerpt?.line.trim() ?? '';
    return {
      span: undefined,
      position: position!,
      text: line.startsWith(name) ? clip(line, MAX_CLAUSE) : name,
      excerpt,
    };
  }

  /** An expression as it stands in the query; where it was made up by the front end, in KQL's own spelling. */
  expression(e: Expression, columns: readonly ColumnInfo[]): string {
    const written = this.#slice(e.span);
    const text =
      written === ''
        ? print(
            e,
            columns.map((c) => c.name),
          )
        : written;
    return clip(text, MAX_CLAUSE);
  }

  #slice({ start, end }: Span): string {
    return this.#compiled.plan.text.slice(start, end).replace(/\s+/g, ' ').trim();
  }
}

export function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 3)}...`;
}

/** A value for people: texts in quotes, nothing too long. */
export function valueText(type: ScalarType, value: Value): string {
  if (value === null) return 'null';
  const text = clip(cellText(type, value), MAX_VALUE);
  return type === 'string' || type === 'guid' || (type === 'dynamic' && typeof value === 'string') ? `"${text}"` : text;
}

/** An expression over one row of a batch. */
export class RowView {
  readonly batch: Batch;
  readonly row: number;
  readonly scope: Scope;
  readonly clauses: Clauses;

  constructor(batch: Batch, row: number, scope: Scope, clauses: Clauses) {
    this.batch = batch;
    this.row = row;
    this.scope = scope;
    this.clauses = clauses;
  }

  value(e: Expression): Value {
    return valueAt(evaluate(e, this.batch, this.scope), this.row);
  }

  valueText(e: Expression): string {
    return valueText(e.type, this.value(e));
  }

  text(e: Expression): string {
    return this.clauses.expression(e, this.batch.schema);
  }

  /** The columns, and the paths into them, that an expression looks at; each once. */
  operands(e: Expression): NamedValue[] {
    const found = new Map<string, string>();
    const visit = (part: Expression): void => {
      if (part.kind === 'column') {
        const { name } = this.batch.schema[part.index]!;
        if (!found.has(name)) found.set(name, this.valueText(part));
      } else if (part.kind === 'call') {
        if (part.name === 'path') found.set(this.text(part), this.valueText(part));
        else part.args.forEach(visit);
      }
    };
    visit(e);
    return Array.from(found, ([name, value]) => ({ name, value }));
  }
}
