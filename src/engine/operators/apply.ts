/**
 * `mv-apply` and `partition`: a small plan over each group of rows. Bodies made of filters, projections, expansions,
 * aggregation, sorting and `take` run over all groups at once, with the group as a leading key; any other body runs
 * group by group.
 */
import { Batch } from '../../columns/batch.ts';
import { type Column, gatherColumn } from '../../columns/column.ts';
import { type Expression, type Plan, planExpressions } from '../../plan/plan.ts';
import { isRowLocal } from '../evaluate.ts';
import { sortedRows } from '../order.ts';
import { concatBatches } from '../tables.ts';
import { groupRows, rowsByGroup } from './keys.ts';
import { summarize } from './summarize.ts';

type Apply = Extract<Plan, { op: 'apply' }>;

export interface ApplyContext {
  evaluate(expression: Expression, batch: Batch): Column;
  select(predicate: Expression, batch: Batch): Uint32Array | undefined;
  count(expression: Expression): number;
  expand(node: Extract<Plan, { op: 'expand' }>, batch: Batch): { readonly batch: Batch; readonly rows: Uint32Array };
  /** The body's rows over one group. */
  body(group: Batch): Batch;
}

/** Rows of all groups, those of one group side by side; `of` never descends. */
interface Grouped {
  readonly batch: Batch;
  readonly of: Uint32Array;
}

/** The body over every group, in order of first appearance; `rows` names the first input row of each output row's group. */
export function applyBody(
  node: Apply,
  input: Batch,
  context: ApplyContext,
): { readonly batch: Batch; readonly rows: Uint32Array } {
  const groups = groupRows([input.column(node.groupColumn)], input.rowCount);
  const { starts, rows } = rowsByGroup(groups.of, groups.count);
  const inOrder = rows.every((row, i) => row === i);
  const sorted = inOrder ? input : input.select(rows);
  const of = inOrder ? groups.of : Uint32Array.from(rows, (row) => groups.of[row]!);
  const together = allAtOnce(node.body, node.id);
  let result: Grouped;
  if (together) {
    result = together({ batch: sorted, of }, groups.count, context);
  } else {
    const parts: Batch[] = [];
    const sizes: number[] = [];
    for (let group = 0; group < groups.count; group++) {
      const part = context.body(sorted.slice(starts[group]!, starts[group + 1]!));
      parts.push(part);
      sizes.push(part.rowCount);
    }
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const partOf = new Uint32Array(total);
    let at = 0;
    sizes.forEach((size, group) => {
      partOf.fill(group, at, at + size);
      at += size;
    });
    result = { batch: concatBatches(node.body.columns, parts), of: partOf };
  }
  const { batch } = result;
  const first = Uint32Array.from(result.of, (group) => groups.first[group]!);
  const output = new Batch(
    node.columns,
    batch.rowCount,
    [
      ...node.outer.map((index) => () => gatherColumn(input.column(index), first)),
      ...node.body.columns.map((_, index) => () => batch.column(index)),
    ],
    batch.lineage,
  );
  return { batch: output, rows: first };
}

type Step = (input: Grouped, groupCount: number, context: ApplyContext) => Grouped;

/** The body as steps over all groups together, or undefined where some operator needs each group alone. */
function allAtOnce(body: Plan, id: number): Step | undefined {
  if (body.op === 'group') return body.id === id ? (input) => input : undefined;
  if (body.op === 'sort' || body.op === 'filter' || body.op === 'project' || body.op === 'expand') {
    if (!planExpressions(body).every(isAlone)) return undefined;
  } else if (body.op === 'summarize' || body.op === 'take') {
    if (!planExpressions(body).every(isAlone)) return undefined;
  } else return undefined;
  const before = allAtOnce(body.input, id);
  if (!before) return undefined;
  return (input, groupCount, context) => step(body, before(input, groupCount, context), groupCount, context);
}

/** Row-local, and without a sub-query that might read the group. */
function isAlone(expression: Expression): boolean {
  if (!isRowLocal(expression)) return false;
  const plain = (e: Expression): boolean =>
    e.kind === 'call' ? e.args.every(plain) : e.kind !== 'toscalar' && e.kind !== 'tolist';
  return plain(expression);
}

function pick(of: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = of[rows[i]!]!;
  return out;
}

function step(
  node: Extract<Plan, { op: 'filter' | 'project' | 'expand' | 'summarize' | 'sort' | 'take' }>,
  { batch, of }: Grouped,
  groupCount: number,
  context: ApplyContext,
): Grouped {
  switch (node.op) {
    case 'filter': {
      const rows = context.select(node.predicate, batch);
      return rows ? { batch: batch.select(rows), of: pick(of, rows) } : { batch, of };
    }
    case 'project':
      return {
        batch: new Batch(
          node.columns,
          batch.rowCount,
          node.expressions.map((e) => () => context.evaluate(e, batch)),
          batch.lineage,
        ),
        of,
      };
    case 'expand': {
      const expanded = context.expand(node, batch);
      return { batch: expanded.batch, of: pick(of, expanded.rows) };
    }
    case 'summarize': {
      const within = { of, count: groupCount };
      const result = summarize(node, batch, (e) => context.evaluate(e, batch), within);
      if (node.keys.length === 0) {
        return { batch: result.batch, of: Uint32Array.from({ length: groupCount }, (_, group) => group) };
      }
      return { batch: result.batch, of: pick(of, result.groups.first) };
    }
    case 'sort': {
      const rows = sortedRows(
        [
          { column: numbers(of), descending: false, nullsFirst: true },
          ...node.keys.map((key) => ({ ...key, column: context.evaluate(key.expression, batch) })),
        ],
        batch.rowCount,
      );
      return { batch: batch.select(rows), of: pick(of, rows) };
    }
    case 'take': {
      const most = context.count(node.count);
      const rows = new Uint32Array(batch.rowCount);
      let kept = 0;
      let seen = 0;
      for (let row = 0; row < batch.rowCount; row++) {
        seen = row > 0 && of[row] === of[row - 1] ? seen + 1 : 1;
        if (seen <= most) rows[kept++] = row;
      }
      const taken = rows.slice(0, kept);
      return { batch: batch.select(taken), of: pick(of, taken) };
    }
  }
}

function numbers(of: Uint32Array): Column {
  return { kind: 'number', type: 'long', values: new Float64Array(of), nulls: undefined };
}
