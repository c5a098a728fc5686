/**
 * Why a join found no row with the event's key. The other side is walked from the join down to its tables, the key carried
 * along, to the first operator that rows with the key go into and do not come out of. Where there are none, the nearest
 * candidates are looked for: the key in other letter case, and rows of the same actor under another key.
 */
import { formatDatetime, formatTimespan } from '../base/time.ts';
import { type Column, columnLength, valueAt } from '../columns/column.ts';
import type { ScalarType, Value } from '../columns/value.ts';
import { evaluate, isRowLocal } from '../engine/evaluate.ts';
import { conjuncts } from '../engine/nature.ts';
import type { Expression, Plan } from '../plan/plan.ts';
import { cellText } from '../replay/cells.ts';
import { INGESTION_TIME } from '../schema/tables.ts';
import { type Clauses, RowView, valueText } from './clauses.ts';
import { describeFailure } from './conditions.ts';
import type { Cause, Clause, NamedValue, RunOutcome } from './explanation.ts';
import { IDENTITIES, type Identity, type IdentityScan, withIdentities } from './identities.ts';
import { columnsIn, type Trace } from './trace.ts';

type Scan = Extract<Plan, { op: 'scan' }>;
type Filter = Extract<Plan, { op: 'filter' }>;

export interface Missing {
  readonly cause: Cause;
  readonly clause: Clause;
  readonly message: string;
  readonly values: readonly NamedValue[];
  readonly details: RunOutcome['details'];
  /** What else the named operator would have dropped the partner for. */
  readonly also?: readonly Clause[];
}

export interface PartnerQuestion {
  readonly trace: Trace;
  /** The same run over the rows of all partitions: another key may stand in another one. */
  readonly everywhere: () => Trace;
  readonly clauses: Clauses;
  /** Named where nothing on the other side explains it. */
  readonly clause: Clause;
  readonly other: Plan;
  /** Over the other side's columns. */
  readonly keys: readonly Expression[];
  /** What the keys should be, and how the event's side calls them. */
  readonly wanted: readonly { readonly name: string; readonly type: ScalarType; readonly value: Value }[];
  /** Ids of the actor behind the event's row. */
  readonly identities: () => ReadonlyMap<Identity, string>;
  /** When the event was generated, ticks since 0001. */
  readonly generated: bigint;
}

/** Rows beyond this many are not looked into one by one. */
const MAX_LOOKED_INTO = 200;

export function findMissing(question: PartnerQuestion): Missing {
  const { wanted, clause } = question;
  const values = wanted.map(({ name, type, value }) => ({ name, value: valueText(type, value) }));
  const key = values.map(({ name, value }) => `${name} ${value}`).join(', ');
  const search = new Search(question, values, key);
  const dropped = search.dropped(question.other, question.keys);
  if (dropped) return dropped;
  const near = search.otherCase() ?? search.otherKey();
  if (near) return near;
  const empty = wanted.every(({ value }) => value === null || value === '');
  const count = question.trace.rows(question.other).rowCount;
  return {
    cause: 'no-partner',
    clause,
    message: empty
      ? `the key is empty: ${key}`
      : `no row of the other side has ${key}, among ${count} in this run, and none has it in the dataset`,
    values,
    details: { rowsOfOtherSide: count, keyIsEmpty: empty },
  };
}

class Search {
  readonly #question: PartnerQuestion;
  readonly #values: readonly NamedValue[];
  readonly #key: string;

  constructor(question: PartnerQuestion, values: readonly NamedValue[], key: string) {
    this.#question = question;
    this.#values = values;
    this.#key = key;
  }

  /** Rows of `plan` whose keys are the wanted ones. */
  #matching(trace: Trace, plan: Plan, keys: readonly Expression[], fold: boolean): number[] {
    const batch = trace.rows(plan);
    const columns = keys.map((key) => evaluate(key, batch, trace.open));
    return rowsWithKeys(columns, this.#question.wanted, batch.rowCount, fold);
  }

  /** The operator below `plan` that rows with the key go into and do not come out of. */
  dropped(plan: Plan, keys: readonly Expression[]): Missing | undefined {
    const { trace } = this.#question;
    if (plan.op === 'scan') return this.#outside(plan, keys);
    for (const below of descend(plan, keys)) {
      const rows = this.#matching(trace, below.plan, below.keys, false);
      if (rows.length > 0) return this.#drop(plan, below.plan, rows);
      const deeper = this.dropped(below.plan, below.keys);
      if (deeper) return deeper;
    }
    return undefined;
  }

  #drop(plan: Plan, input: Plan, rows: readonly number[]): Missing {
    const { trace, clauses } = this.#question;
    const count = rows.length === 1 ? 'a row' : `${rows.length} rows`;
    const there = `${count} with ${this.#key} ${rows.length === 1 ? 'was' : 'were'} there`;
    if (plan.op === 'filter') {
      const failure = nearestFailure(trace, plan, Uint32Array.from(rows.slice(-MAX_LOOKED_INTO)), clauses);
      if (failure) {
        return {
          cause: 'partner-dropped',
          clause: failure.clause,
          message: `${there} for the join, and this condition dropped ${rows.length === 1 ? 'it' : 'them'}: ${failure.message}`,
          values: [...this.#values, ...failure.values],
          details: { ...failure.details, partners: rows.length },
          also: failure.also.map((conjunct) => clauses.condition(plan, conjunct)),
        };
      }
    }
    const partner = describeRow(trace, input, rows[0]!);
    return {
      cause: 'partner-dropped',
      clause: clauses.node(plan),
      message: `${there} for the join, and ${plan.op === 'take' ? 'the cut' : 'this operator'} kept none of them`,
      values: [...this.#values, ...partner],
      details: { partners: rows.length },
    };
  }

  /** Rows of a table with the key that the run could not see. */
  #outside(scan: Scan, keys: readonly Expression[]): Missing | undefined {
    const { trace, clauses } = this.#question;
    const { window } = trace.run;
    if (!window) return undefined;
    const columns = [...scan.columns];
    const indexOf = (name: string): number => {
      const found = columns.findIndex((column) => column.name === name);
      return found >= 0 ? found : columns.push({ name, type: 'datetime' }) - 1;
    };
    const [time, ingestion] = [indexOf('TimeGenerated'), indexOf(INGESTION_TIME)];
    const plan: Scan = { ...scan, columns };
    const all = trace.overAllTime();
    const rows = this.#matching(all, plan, keys, false);
    const batch = all.rows(plan);
    let best: { late: boolean; gap: bigint; at: bigint; ingested: bigint } | undefined;
    for (const row of rows) {
      const at = valueAt(batch.column(time), row) as bigint | null;
      if (at === null) continue;
      const ingested = (valueAt(batch.column(ingestion), row) as bigint | null) ?? at;
      const gap = at <= window.after ? window.after - at : at > window.until ? at - window.until : 0n;
      const late = gap === 0n && (ingested > window.ingestedBy || ingested <= (window.ingestedAfter ?? -1n));
      if (!best || gap < best.gap) best = { late, gap, at, ingested };
    }
    if (!best) return undefined;
    const { late, gap, at, ingested } = best;
    const times = { partnerGenerated: formatDatetime(at), partnerIngested: formatDatetime(ingested) };
    if (late) {
      return {
        cause: 'partner-not-ingested',
        clause: clauses.node(scan),
        message: `a row with ${this.#key} of ${formatDatetime(at)} was ingested at ${formatDatetime(ingested)}, ${formatTimespan(ingested - window.ingestedBy)} after this run looked`,
        values: this.#values,
        details: times,
      };
    }
    const side = at <= window.after ? 'before the window begins' : 'after the window ends';
    return {
      cause: 'partner-outside-window',
      clause: clauses.node(scan),
      message: `the nearest row with ${this.#key} is of ${formatDatetime(at)}, ${formatTimespan(gap)} ${side}`,
      values: this.#values,
      details: { ...times, outsideBy: formatTimespan(gap) },
    };
  }

  otherCase(): Missing | undefined {
    const { trace, other, keys, clause, wanted } = this.#question;
    if (!wanted.some(({ type }) => type === 'string')) return undefined;
    const rows = this.#matching(trace, other, keys, true);
    if (rows.length === 0) return undefined;
    const batch = trace.rows(other);
    const found = keys.map((key) => valueText(key.type, valueAt(evaluate(key, batch, trace.open), rows[0]!)));
    const candidate = found.join(', ');
    return {
      cause: 'case',
      clause,
      message: `no row of the other side has ${this.#key}; ${candidate} differs only in letter case`,
      values: [...this.#values, { name: 'nearest candidate', value: candidate }],
      details: { candidate, partners: rows.length },
    };
  }

  /** The same actor under another key. */
  otherKey(): Missing | undefined {
    const { clause, everywhere, generated, identities } = this.#question;
    const own = identities();
    if (own.size === 0) return undefined;
    const trace = everywhere();
    const wantedText = this.#question.wanted.map(({ type, value }) => cellText(type, value)).join('\n');
    let best: { rank: number; gap: bigint; at: bigint; key: string; identity: Identity; id: string } | undefined;
    for (const { plan, keys } of scansBelow(this.#question.other, this.#question.keys)) {
      const scan = identityScan(plan);
      const batch = trace.rows(scan.scan);
      const time = scan.scan.columns.findIndex((column) => column.name === 'TimeGenerated');
      if (time < 0) continue;
      for (const { identity, expression } of scan.identities) {
        const id = own.get(identity);
        if (id === undefined) continue;
        const same = rowsEqual(evaluate(expression, batch, trace.open), 'string', id, true, undefined);
        const keyColumns = keys.map((key) => evaluate(key, batch, trace.open));
        const rank = IDENTITIES.indexOf(identity);
        for (const row of same) {
          const found = keyColumns.map((column, i) => cellText(keys[i]!.type, valueAt(column, row)));
          if (found.join('\n') === wantedText) continue;
          const at = valueAt(batch.column(time), row) as bigint;
          const gap = at > generated ? at - generated : generated - at;
          if (best && (rank > best.rank || (rank === best.rank && gap >= best.gap))) continue;
          best = { rank, gap, at, key: found.map((text) => `"${text}"`).join(', '), identity, id };
        }
      }
    }
    if (!best) return undefined;
    const { gap, at, key, identity, id } = best;
    const when = `${formatTimespan(gap)} ${at > generated ? 'later' : 'earlier'}`;
    return {
      cause: 'other-key',
      clause,
      message: `no row of the other side has ${this.#key}; the same ${identity} "${id}" stands there as ${key}, ${when}`,
      values: [...this.#values, { name: 'nearest candidate', value: key }, { name: identity, value: `"${id}"` }],
      details: { candidate: key, identity, candidateGenerated: formatDatetime(at) },
    };
  }
}

/** The condition that came nearest to being true for one of the rows. */
export function nearestFailure(
  trace: Trace,
  node: Filter,
  rows: Uint32Array,
  clauses: Clauses,
):
  | (ReturnType<typeof describeFailure> & {
      readonly clause: Clause;
      readonly conjunct: Expression;
      readonly also: readonly Expression[];
      readonly row: number;
    })
  | undefined {
  const input = trace.rows(node.input);
  const parts = conjuncts(node.predicate);
  // A condition that looks at other rows needs them all.
  const alone = parts.every(isRowLocal);
  const looked = alone ? input.select(rows) : input;
  const results = parts.map((part) => evaluate(part, looked, trace.open));
  let best: { row: number; failed: number[]; miss: number } | undefined;
  for (let i = 0; i < rows.length; i++) {
    const row = alone ? i : rows[i]!;
    const failed = results.flatMap((result, part) => (valueAt(result, row) === true ? [] : [part]));
    if (failed.length === 0 || (best && failed.length > best.failed.length)) continue;
    const view = new RowView(looked, row, trace.open, clauses);
    const miss = Math.min(...failed.map((part) => describeFailure(parts[part]!, view).miss));
    if (!best || failed.length < best.failed.length || miss < best.miss) best = { row, failed, miss };
  }
  if (!best) return undefined;
  const [first, ...rest] = best.failed.map((part) => parts[part]!);
  const view = new RowView(looked, best.row, trace.open, clauses);
  return {
    ...describeFailure(first!, view),
    clause: clauses.condition(node, first!),
    conjunct: first!,
    also: rest,
    row: alone ? rows[best.row]! : best.row,
  };
}

const MAX_SHOWN = 6;

/** The most telling values of a row: its time, then what is not empty. */
export function describeRow(trace: Trace, plan: Plan, row: number): NamedValue[] {
  const batch = trace.rows(plan);
  const shown = batch.schema.flatMap(({ name, type }, index): NamedValue[] => {
    if (type === 'dynamic') return [];
    const value = valueAt(batch.column(index), row);
    return value === null || value === '' ? [] : [{ name, value: valueText(type, value) }];
  });
  const isTime = ({ name }: NamedValue): boolean => name === 'TimeGenerated';
  return [...shown.filter(isTime), ...shown.filter((value) => !isTime(value))].slice(0, MAX_SHOWN);
}

/** The rows whose cells are the wanted ones, column by column; with `fold` regardless of letter case. */
export function rowsWithKeys(
  columns: readonly Column[],
  wanted: PartnerQuestion['wanted'],
  rowCount: number,
  fold = false,
): number[] {
  let found: number[] | undefined;
  wanted.forEach(({ type, value }, i) => {
    found = rowsEqual(columns[i]!, type, value, fold, found);
  });
  return found ?? Array.from({ length: rowCount }, (_, row) => row);
}

const EQUAL = 1;
const DIFFERENT = 2;

/** The rows, all or of those given, that hold the wanted value; equal dictionary entries are compared once. */
function rowsEqual(
  column: Column,
  type: ScalarType,
  wanted: Value,
  fold: boolean,
  among: readonly number[] | undefined,
): number[] {
  const textOf = (value: Value): string => {
    const text = `${value === null ? 'n' : 'v'}${cellText(type, value)}`;
    return fold ? text.toLowerCase().trim() : text;
  };
  const target = textOf(wanted);
  if (column.kind !== 'coded') {
    const rows = among ?? Array.from({ length: columnLength(column) }, (_, row) => row);
    return rows.filter((row) => textOf(valueAt(column, row)) === target);
  }
  const { codes, dictionary } = column;
  const verdicts = new Uint8Array(dictionary.size);
  const found: number[] = [];
  const count = among?.length ?? codes.length;
  for (let i = 0; i < count; i++) {
    const row = among ? among[i]! : i;
    const code = codes[row]!;
    let verdict = verdicts[code]!;
    if (verdict === 0) {
      verdict = textOf(dictionary.value(code)) === target ? EQUAL : DIFFERENT;
      verdicts[code] = verdict;
    }
    if (verdict === EQUAL) found.push(row);
  }
  return found;
}

interface Below {
  readonly plan: Plan;
  readonly keys: readonly Expression[];
}

/** The inputs of a node that hold the keys, with the keys as expressions over each. */
function descend(node: Plan, keys: readonly Expression[]): Below[] {
  switch (node.op) {
    case 'filter':
    case 'sort':
    case 'take':
    case 'gather':
      return [{ plan: node.input, keys }];
    case 'project':
      return [{ plan: node.input, keys: keys.map((key) => substitute(key, node.expressions)) }];
    case 'summarize':
    case 'series':
      if (columnsIn(keys).some((index) => index >= node.keys.length)) return [];
      return [{ plan: node.input, keys: keys.map((key) => substitute(key, node.keys)) }];
    case 'join': {
      const sides = new Set(columnsIn(keys).map((index) => node.output[index]!.side));
      return [...sides].flatMap((side) => {
        if (sides.size > 1) return [];
        const input = node[side];
        const columns = node.output.map(
          ({ index }): Expression => ({ kind: 'column', index, type: input.columns[index]!.type, span: node.span }),
        );
        return [{ plan: input, keys: keys.map((key) => substitute(key, columns)) }];
      });
    }
    case 'union':
      return node.inputs.flatMap((input, i) => {
        const mapping = node.mapping[i]!;
        if (columnsIn(keys).some((index) => mapping[index]! < 0)) return [];
        const columns = mapping.map(
          (index, column): Expression => ({ kind: 'column', index, type: node.columns[column]!.type, span: node.span }),
        );
        return [{ plan: input, keys: keys.map((key) => substitute(key, columns)) }];
      });
    case 'expand': {
      const made = new Set([...node.expansions.map((e) => e.column), node.indexColumn]);
      return columnsIn(keys).some((index) => made.has(index)) ? [] : [{ plan: node.input, keys }];
    }
    case 'plugin': {
      const kept = (index: number): boolean => node.input.columns[index]?.name === node.columns[index]?.name;
      return columnsIn(keys).every(kept) ? [{ plan: node.input, keys }] : [];
    }
    default:
      return [];
  }
}

function scansBelow(
  plan: Plan,
  keys: readonly Expression[],
): { readonly plan: Scan; readonly keys: readonly Expression[] }[] {
  if (plan.op === 'scan') return [{ plan, keys }];
  return descend(plan, keys).flatMap((below) => scansBelow(below.plan, below.keys));
}

function substitute(e: Expression, columns: readonly Expression[]): Expression {
  if (e.kind === 'column') return columns[e.index]!;
  if (e.kind !== 'call') return e;
  return { ...e, args: e.args.map((arg) => substitute(arg, columns)) };
}

const identityScans = new WeakMap<Scan, IdentityScan>();

/** One object for each scan, so that a run evaluates it once. */
export function identityScan(scan: Scan): IdentityScan {
  let made = identityScans.get(scan);
  if (!made) identityScans.set(scan, (made = withIdentities(scan)));
  return made;
}
