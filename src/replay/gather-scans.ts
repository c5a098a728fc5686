/** The simplest cut there is: partitions give the rows of tables, and everything else runs on the gathered rows. */
import type { Plan } from '../plan/plan.ts';
import type { Part } from './partition.ts';

export interface Cut {
  /** The plan with gathers in place of what partitions evaluate. */
  readonly root: Plan;
  readonly parts: readonly Part[];
}

/** Puts a gather over every scan, sub-queries of expressions included. */
export function gatherScans(root: Plan): Cut {
  const parts: Part[] = [];
  const rewritten = new Map<object, unknown>();
  const rewrite = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
    let out = rewritten.get(value);
    if (out === undefined) rewritten.set(value, (out = rewriteObject(value)));
    return out;
  };
  const rewriteObject = (value: object): unknown => {
    if (Array.isArray(value)) return value.map(rewrite);
    const node = value as Plan;
    if (node.op === 'scan') {
      parts.push({ id: parts.length, scope: 'once', plan: node });
      return { op: 'gather', input: node, id: parts.length - 1, columns: node.columns, span: node.span };
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewrite(item)]));
  };
  return { root: rewrite(root) as Plan, parts };
}
