/**
 * How much memory the rows of a query take, by estimate: what an operator makes is counted by its rows and the types of
 * its columns before it is made, so that a query stops with a message instead of taking the process down. Rows that only
 * name other rows (slices, columns passed on) cost nothing; texts live in dictionaries and are counted by their codes.
 */
import { TocsinError } from '../base/errors.ts';
import type { ColumnInfo } from '../columns/batch.ts';
import { isCodedType } from '../columns/column.ts';
import { type Plan, planInputs } from '../plan/plan.ts';
import { operatorName } from './nature.ts';

/** What the rows of one run may take where nobody says otherwise, in bytes. */
export const DEFAULT_MEMORY_LIMIT = 4 * 2 ** 30;

/** The bytes of a row of these columns: a code, a double or a byte for each cell. */
export function rowBytes(columns: readonly ColumnInfo[]): number {
  return columns.reduce((sum, { type }) => sum + (type === 'bool' ? 1 : isCodedType(type) ? 4 : 8), 0);
}

/** A row number. */
const ROW_NUMBER = 4;

/** An element of an array on the heap: a pointer, and a box for what is no small number. */
const ELEMENT_BYTES = 32;

/** Aggregates whose value holds one element for each row. */
const COLLECTING = new Set(['make_list', 'make_list_if', 'make_list_with_nulls']);

/**
 * Bytes that a node takes for `rowCount` rows out of `inputRows`, besides those of its inputs. A node whose rows are those
 * of its input in place (`take`) takes none.
 */
export function nodeBytes(node: Plan, rowCount: number, inputRows: number): number {
  switch (node.op) {
    case 'project': {
      const made = node.columns.filter((_, index) => node.expressions[index]!.kind !== 'column');
      return rowCount * rowBytes(made);
    }
    case 'summarize': {
      const lists = node.aggregates.filter((aggregate) => COLLECTING.has(aggregate.function)).length;
      return inputRows * (ROW_NUMBER + lists * ELEMENT_BYTES) + rowCount * rowBytes(node.columns);
    }
    case 'join':
      return rowCount * (2 * ROW_NUMBER + rowBytes(node.columns));
    case 'take':
    case 'group':
      return 0;
    default:
      return rowCount * (ROW_NUMBER + rowBytes(node.columns));
  }
}

/** `3.2 GB`, `512 MB`. */
function formatBytes(bytes: number): string {
  for (const [unit, size] of UNITS) if (bytes >= size) return `${Number((bytes / size).toPrecision(3))} ${unit}`;
  return `${Math.ceil(bytes)} B`;
}

const UNITS = [
  ['GB', 2 ** 30],
  ['MB', 2 ** 20],
  ['KB', 2 ** 10],
] as const;

/** What one may do about a node that makes too much. */
export function remedyFor(node: Plan): string {
  if (node.op === 'join') return 'filter or summarize both sides before it, or join on more keys';
  if (node.op === 'range' || node.op === 'series') return 'take a wider step, or a shorter range';
  if (node.op === 'summarize') return 'filter before it, or collect fewer values (make_set in place of make_list)';
  return planInputs(node).length === 0
    ? 'look at a shorter time, or use fewer columns'
    : 'filter or summarize before it, or project fewer columns';
}

/**
 * Says no to what a node would make beyond the limit.
 *
 * @param held - the bytes that the run holds already.
 * @throws TocsinError `QUERY` that names the operator, at the node's span.
 */
export function checkMemory(node: Plan, rowCount: number, bytes: number, held: number, limit: number): void {
  if (held + bytes <= limit) return;
  const need = `${operatorName(node)} would need ${formatBytes(bytes)} for ${rowCount.toLocaleString('en-US')} rows in one run`;
  const allowed = `more than the ${formatBytes(limit)} allowed`;
  throw new TocsinError('QUERY', {
    message:
      held > 0 ? `${need}, with the ${formatBytes(held)} of the steps before it ${allowed}` : `${need}, ${allowed}`,
    hint: remedyFor(node),
    span: node.span,
  });
}
