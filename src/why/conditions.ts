/**
 * Why a condition was not true for a row: its operands' values, how far out of bounds a number or a time was, and whether
 * only letter case stood in the way.
 */
import { formatTimespan } from '../base/time.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import type { Expression } from '../plan/plan.ts';
import { clip, type RowView, valueText } from './clauses.ts';
import type { NamedValue, RunOutcome } from './explanation.ts';

type Call = Extract<Expression, { kind: 'call' }>;

export interface Failure {
  readonly message: string;
  readonly values: readonly NamedValue[];
  readonly details: RunOutcome['details'];
  /** How far a number or a time is out of bounds (ticks for times); infinite for what has no distance. */
  readonly miss: number;
}

/** The same comparison regardless of letter case. */
const FOLDED: Readonly<Record<string, string>> = {
  '==': '=~',
  in: 'in~',
  has_cs: 'has',
  contains_cs: 'contains',
  startswith_cs: 'startswith',
  endswith_cs: 'endswith',
  hasprefix_cs: 'hasprefix',
  hassuffix_cs: 'hassuffix',
};

const EMPTINESS: Readonly<Record<string, string>> = {
  isnotempty: 'is empty',
  isnotnull: 'is null',
  isempty: 'is not empty',
  isnull: 'is not null',
};

/** @param e - a condition that is false or null for the row. */
export function describeFailure(e: Expression, view: RowView): Failure {
  const values = view.operands(e);
  const base = { values, details: {}, miss: Number.POSITIVE_INFINITY };
  if (e.kind !== 'call') return { ...base, message: `${view.text(e)} is ${view.valueText(e)}` };
  const [first] = e.args;
  if (/^(?:[<>]=?|[!=]=|=~|!~)$/.test(e.name) && e.args.length === 2) return comparison(e, view, values);
  if (e.name === 'between' || e.name === '!between') return range(e, view, values);
  if (/^!?in~?$/.test(e.name)) return membership(e, view, values);
  const emptiness = EMPTINESS[e.name];
  if (emptiness !== undefined) return { ...base, message: `${view.text(first!)} ${emptiness}` };
  if (e.name === 'or') return { ...base, message: `none of the ${alternatives(e)} alternatives holds` };
  if (view.value(e) === null) return { ...base, message: `${view.text(e)} is null` };
  if (e.args.length === 2 && FOLDED[e.name]) return comparison(e, view, values);
  if (e.args.length === 2 && /^!?(?:has|contains|startswith|endswith|hasprefix|hassuffix|matches)/.test(e.name)) {
    return {
      ...base,
      message: `${view.text(first!)} is ${view.valueText(first!)}, and the condition asks for ${e.name} ${view.text(e.args[1]!)}`,
    };
  }
  return { ...base, message: `${view.text(e)} is false` };
}

function alternatives(e: Call): number {
  return e.args.reduce((sum, arg) => sum + (arg.kind === 'call' && arg.name === 'or' ? alternatives(arg) : 1), 0);
}

function comparison(e: Call, view: RowView, values: readonly NamedValue[]): Failure {
  const [left, right] = [e.args[0]!, e.args[1]!];
  const [a, b] = [view.value(left), view.value(right)];
  const found = `${view.text(left)} is ${view.valueText(left)}`;
  const wanted = right.kind === 'literal' ? view.text(right) : `${view.text(right)}, which is ${view.valueText(right)}`;
  const message = `${found}, and the condition asks for ${e.name} ${wanted}`;
  const shown = withResult(values, [left, right], view);
  if (a === null || b === null) return { message, values: shown, details: {}, miss: Number.POSITIVE_INFINITY };
  const gap = distance(left.type, a, right.type, b);
  if (gap !== undefined && /^[<>]=?$/.test(e.name)) {
    const by = gapText(left.type, gap);
    const most = e.name.startsWith('<');
    const strict = e.name.length === 1 && gap === 0;
    return {
      message: `${message}: ${strict ? 'exactly on the bound' : `${by} too ${most ? 'much' : 'little'}`}`,
      values: shown,
      details: { outOfBoundsBy: by },
      miss: Math.abs(Number(gap)),
    };
  }
  if (differsInCase(e, view)) {
    return {
      message: `${message}: it differs only in letter case`,
      values: shown,
      details: { differsOnlyInCase: true },
      miss: 0,
    };
  }
  return { message, values: shown, details: {}, miss: Number.POSITIVE_INFINITY };
}

function range(e: Call, view: RowView, values: readonly NamedValue[]): Failure {
  const [value, low, high] = [e.args[0]!, e.args[1]!, e.args[2]!];
  const [v, a, b] = [view.value(value), view.value(low), view.value(high)];
  const shown = withResult(values, [value], view);
  const bounds = `${view.valueText(low)} .. ${view.valueText(high)}`;
  const found = `${view.text(value)} is ${view.valueText(value)}`;
  const below = v === null || a === null ? undefined : distance(value.type, v, low.type, a);
  const above = v === null || b === null ? undefined : distance(value.type, v, high.type, b);
  if (e.name === '!between' || below === undefined || above === undefined) {
    const where = e.name === '!between' ? 'inside' : 'not inside';
    return { message: `${found}, ${where} ${bounds}`, values: shown, details: {}, miss: Number.POSITIVE_INFINITY };
  }
  const gap = below < 0 ? below : above;
  const by = gapText(value.type, gap);
  return {
    message: `${found}, ${by} ${below < 0 ? 'below' : 'above'} ${bounds}`,
    values: shown,
    details: { outOfBoundsBy: by, side: below < 0 ? 'below' : 'above' },
    miss: Math.abs(Number(gap)),
  };
}

function membership(e: Call, view: RowView, values: readonly NamedValue[]): Failure {
  const [value, ...candidates] = e.args as [Expression, ...Expression[]];
  const negated = e.name.startsWith('!');
  const shown = withResult(values, [value], view);
  const count = candidates.reduce((sum, candidate) => {
    const list = candidate.type === 'dynamic' ? view.value(candidate) : undefined;
    return sum + (Array.isArray(list) ? list.length : 1);
  }, 0);
  const near = differsInCase(e, view);
  const found = `${view.text(value)} is ${view.valueText(value)}`;
  return {
    message: negated
      ? `${found}, which is one of the ${count} excluded`
      : `${found}, not one of the ${count} listed${near ? ': it differs from one only in letter case' : ''}`,
    values: shown,
    details: { candidates: count, ...(near && { differsOnlyInCase: true }) },
    miss: near ? 0 : Number.POSITIVE_INFINITY,
  };
}

function differsInCase(e: Call, view: RowView): boolean {
  const folded = FOLDED[e.name];
  const isText = e.args[0]!.type === 'string' || e.args[0]!.type === 'dynamic';
  return folded !== undefined && isText && view.value({ ...e, name: folded }) === true;
}

/** Adds the value of what is compared, where it is worked out from columns. */
function withResult(values: readonly NamedValue[], compared: readonly Expression[], view: RowView): NamedValue[] {
  const computed = compared.filter((e) => e.kind !== 'column' && e.kind !== 'literal');
  const known = new Set(values.map(({ name }) => name));
  return [
    ...values,
    ...computed.flatMap((e): NamedValue[] => {
      const name = clip(view.text(e), 60);
      return known.has(name) ? [] : [{ name, value: valueText(e.type, view.value(e)) }];
    }),
  ];
}

/** a - b, for numbers and times. */
function distance(typeA: ScalarType, a: Value, typeB: ScalarType, b: Value): number | undefined {
  if (typeA === 'string' || typeB === 'string') return undefined;
  if (typeof a === 'bigint' && typeof b === 'bigint') return Number(a - b);
  const [x, y] = [a, b].map((value) => (typeof value === 'bigint' ? Number(value) : value));
  return typeof x === 'number' && typeof y === 'number' ? x - y : undefined;
}

function gapText(type: ScalarType, gap: number): string {
  const size = Math.abs(gap);
  return type === 'datetime' || type === 'timespan' ? formatTimespan(BigInt(size)) : String(size);
}
