/**
 * What a semi or anti join asks of one of its sides: whether there is a row with some key, and nothing else. A `summarize`
 * there has a group wherever there is a row of it, so its rows do in place of its groups: `join kind=leftanti (T | distinct
 * User, Address)` never works out which rows a group has in which run.
 */
import type { Expression, Plan } from '../../plan/plan.ts';
import { columnsOf, substituted } from './trace.ts';

type Join = Extract<Plan, { op: 'join' }>;

/** The side of which a join asks no more than whether it has a row with some key; undefined where it asks for more. */
export function askedSide({ kind }: Join): 'left' | 'right' | undefined {
  if (kind === 'leftsemi' || kind === 'leftanti') return 'right';
  return kind === 'rightsemi' || kind === 'rightanti' ? 'left' : undefined;
}

export interface Ungrouped {
  readonly join: Join;
  /** What the join no longer reads, and what it reads in place of that. */
  readonly skipped: readonly Plan[];
  readonly instead: Plan;
}

const known = new WeakMap<Join, { readonly value: Ungrouped | undefined }>();

/** The same join over the rows that the side asked is grouped from; undefined where it groups none. */
export function ungrouped(node: Join): Ungrouped | undefined {
  let entry = known.get(node);
  if (!entry) known.set(node, (entry = { value: find(node) }));
  return entry.value;
}

function find(node: Join): Ungrouped | undefined {
  const asked = askedSide(node);
  if (!asked) return undefined;
  let found: Ungrouped | undefined;
  const skipped: Plan[] = [];
  let plan = node[asked];
  let keys = node.on.map((pair) => pair[asked]);
  for (;;) {
    let by: readonly Expression[];
    if (plan.op === 'project') by = plan.expressions;
    else if (plan.op === 'summarize') by = plan.keys;
    else return found;
    const made = by;
    if (!keys.every((key) => columnsOf(key).every((index) => index < made.length))) return found;
    keys = keys.map((key) => substituted(key, made));
    skipped.push(plan);
    const groups = plan.op === 'summarize';
    plan = plan.input;
    if (!groups) continue;
    const on = node.on.map((pair, k) => ({ ...pair, [asked]: keys[k]! }));
    found = { join: { ...node, [asked]: plan, on }, skipped: [...skipped], instead: plan };
  }
}
