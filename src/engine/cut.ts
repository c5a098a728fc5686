/**
 * The cut: which part of a plan may run inside one partition, and where rows must be brought together first.
 *
 * Rows are partitioned by account (schema/account.ts): a row whose account is not empty stands in the partition that the
 * lower-cased name gives; a row without one may stand anywhere. So within one partition one may run
 *
 * - whatever looks at single rows;
 * - whatever brings only equal, non-empty accounts together: `summarize`, `join`, `make-series` or `partition` with the
 *   account among its keys. The few rows whose key is empty take the other way: they are gathered, and the same operator
 *   runs over them apart. Empty keys meet only empty keys, so nothing is lost and nothing is seen twice.
 *
 * Everything else runs after a gather, which puts rows in an order that does not depend on the partitioning
 * (engine/order.ts). A gather whose plan can be hoisted (engine/hoist.ts) happens once for all runs.
 *
 * Each node is cut into two parts: `local` runs in each partition, `rest` runs after gathers. The node's rows are the rows
 * of both.
 */
import type { ColumnInfo } from '../columns/batch.ts';
import { ACCOUNT_COLUMNS } from '../schema/account.ts';
import {
  type Expression,
  type Plan,
  planExpressions,
  planInputs,
  scannedTables,
  type Span,
  visitExpression,
  visitPlan,
} from '../plan/plan.ts';
import { isRowLocal } from './evaluate.ts';
import { onceRanges } from './hoist.ts';
import {
  allExpressions,
  conjuncts,
  dependsOnGroup,
  isConstantPlan,
  mapOptions,
  operatorName,
  partsOfOptions,
  perRowApply,
  readsGroupOnly,
} from './nature.ts';
import { plugin } from './plugins/index.ts';

export interface Gather {
  /** As in the gather node of `Cut.root`. */
  readonly id: number;
  /** Runs in each partition. */
  readonly plan: Plan;
  /** `once`: over all time, windows applied after the gather; `run`: in every run. */
  readonly scope: 'once' | 'run';
  /** Why rows are brought together here, for `explain`. */
  readonly reason: string;
}

export interface Cut {
  /** Runs after the gathers. */
  readonly root: Plan;
  /** Each before those that `root` needs later; no gather's plan holds another gather. */
  readonly gathers: readonly Gather[];
  /** One line for each operator that had to be proved safe in one partition, and for each that was not. */
  readonly reasons: readonly string[];
}

/** How a column stands to the account of its row. */
type Tag =
  /** Equal to the account but for case; or empty. */
  | { readonly account: number }
  /** A dynamic value whose text under the path `keys` is the account. */
  | { readonly account: number; readonly keys: readonly string[] };

interface Split {
  readonly local: Plan | undefined;
  readonly rest: Plan | undefined;
  /** Of the local part: columns that are, or hold, an account. Equal numbers: equal accounts in every row. */
  readonly tags: ReadonlyMap<number, Tag>;
  /** Accounts that are empty in no row of the local part. */
  readonly filled: ReadonlySet<number>;
  /** Accounts that are empty in every row of the rest. */
  readonly emptyInRest: ReadonlySet<number>;
}

/** Cuts a plan into what runs in each partition and what runs after. */
export function cut(root: Plan): Cut {
  const cutter = new Cutter();
  const whole = cutter.whole(root, 'the result is put in one order');
  // Rows without an account are gathered apart before it shows whether anything above can meet them.
  const needed = new Set<number>();
  visitPlan(whole, (node) => {
    if (node.op === 'gather') needed.add(node.id);
  });
  return { root: whole, gathers: cutter.gathers.filter(({ id }) => needed.has(id)), reasons: cutter.reasons };
}

const NO_TAGS: ReadonlyMap<number, Tag> = new Map();
const NONE: ReadonlySet<number> = new Set();

/** A path column like `tostring(InitiatedBy.user.userPrincipalName)`. */
const PATH_FORM = /^tostring\((\w+)((?:\.\w+)+)\)$/;

class Cutter {
  readonly gathers: Gather[] = [];
  readonly reasons: string[] = [];
  readonly #splits = new Map<Plan, Split>();
  readonly #wholes = new Map<Plan, Plan>();
  #accounts = 0;

  /** The plan's rows after gathers. */
  whole(node: Plan, reason: string): Plan {
    let whole = this.#wholes.get(node);
    if (whole) return whole;
    const { local, rest } = this.split(node);
    if (!local) whole = rest ?? noRows(node);
    else {
      const gathered = this.#gather(local, reason);
      whole = rest ? concat(node, [gathered, rest]) : gathered;
    }
    this.#wholes.set(node, whole);
    return whole;
  }

  #gather(plan: Plan, reason: string): Plan {
    const id = this.gathers.length;
    this.gathers.push({ id, plan, scope: onceRanges(plan) ? 'once' : 'run', reason });
    return { op: 'gather', input: plan, id, columns: plan.columns, span: plan.span };
  }

  split(node: Plan): Split {
    let split = this.#splits.get(node);
    if (!split) this.#splits.set(node, (split = this.#work(node)));
    return split;
  }

  #work(node: Plan): Split {
    if (isConstantPlan(node)) return restOnly(node);
    if (allExpressions(node).some(hasOpenSubquery) || partsOfOptions(node).plans.some((plan) => !isFree(plan))) {
      return this.#among(node) ?? this.#after(node, 'a sub-query reads a table, so its rows are needed in one place');
    }
    switch (node.op) {
      case 'scan':
        return this.#scan(node);
      case 'filter':
      case 'project':
      case 'expand':
      case 'plugin':
        return this.#rowLocal(node) ?? this.#after(node, `${operatorName(node)} looks at more than single rows`);
      case 'summarize':
      case 'series':
        return this.#keyed(node);
      case 'apply':
        return this.#apply(node);
      case 'join':
        return this.#join(node);
      case 'union':
        return this.#union(node);
      default:
        return this.#after(node, `${operatorName(node)} needs all rows in one place`);
    }
  }

  /**
   * `where account in (T | project account)`: an account is in the list of all partitions where it is in that of its own.
   * Undefined for any other node, and where the accounts of the list are not those that partitions go by.
   */
  #among(node: Plan): Split | undefined {
    if (node.op !== 'filter' || !planExpressions(node).every(isRowLocal)) return undefined;
    const input = this.split(node.input);
    let account: number | undefined;
    let key: Expression | undefined;
    const inPartition: Expression[] = [];
    const afterwards: Expression[] = [];
    for (const part of conjuncts(node.predicate)) {
      if (!hasOpenSubquery(part)) {
        inPartition.push(part);
        afterwards.push(part);
        continue;
      }
      if (part.kind !== 'call' || (part.name !== 'in' && part.name !== '!in') || part.args.length !== 2)
        return undefined;
      const [value, list] = part.args as [Expression, Expression];
      const found = accountOf(value, input.tags);
      if (list.kind !== 'tolist' || hasOpenSubquery(value) || found === undefined) return undefined;
      if (account !== undefined && account !== found) return undefined;
      const listed = this.split(list.plan);
      const first = listed.tags.get(0);
      const type = list.plan.columns[0]?.type;
      if (!listed.local || !first || 'keys' in first || type !== 'string') return undefined;
      const column: Expression = { kind: 'column', index: 0, type, span: list.span };
      const lists = this.#byAccount(listed, first.account, column, 'in');
      if (!lists) return undefined;
      account = found;
      key = value;
      inPartition.push({ ...part, args: [value, { ...list, plan: listed.local }] });
      // What is left has no account, so only the empty text in the list matters to it.
      afterwards.push({ ...part, args: [value, { ...list, plan: lists.empty ?? noRows(list.plan) }] });
    }
    const parts = input.local && account !== undefined && key && this.#byAccount(input, account, key, 'in');
    if (!parts) return undefined;
    this.reasons.push(
      `in each partition: in, ${describe(key!, node.input)} and the values of its list are the account`,
    );
    return {
      local: { ...node, input: parts.filled, predicate: all(inPartition) },
      rest: parts.empty && { ...node, input: parts.empty, predicate: all(afterwards) },
      tags: input.tags,
      filled: new Set([...input.filled, account!, ...provenFilled(node.predicate, input.tags)]),
      emptyInRest: new Set([account!]),
    };
  }

  /** The node over gathered inputs. */
  #after(node: Plan, reason: string): Split {
    const inputs = planInputs(node);
    const fed = node.op === 'apply' ? [node.input] : inputs;
    if (fed.some((input) => this.split(input).local)) this.reasons.push(`after a gather: ${reason}`);
    const narrow = narrowed(node);
    const wholes = planInputs(narrow).map((input, i) =>
      narrow.op === 'apply' && i === 1 ? this.#within(input) : this.whole(input, reason),
    );
    return restOnly(this.#withSubqueries(rebuild(narrow, wholes)));
  }

  /** A plan inside the body of an `apply`: what does not depend on the group is gathered. */
  #within(plan: Plan): Plan {
    if (isConstantPlan(plan)) return plan;
    if (!dependsOnGroup(plan)) return this.whole(plan, 'the sub-query of mv-apply or partition reads a table');
    return this.#withSubqueries(
      rebuild(
        plan,
        planInputs(plan).map((input) => this.#within(input)),
      ),
    );
  }

  /** The node with the plans inside its expressions gathered as well. */
  #withSubqueries(node: Plan): Plan {
    const mapped = allExpressions(node).some(hasOpenSubquery)
      ? mapExpressions(node, (expression) => this.#expression(expression))
      : node;
    if (mapped.op !== 'plugin' || partsOfOptions(mapped).plans.every(isFree)) return mapped;
    const reason = `${mapped.name} reads a table besides its input`;
    return {
      ...mapped,
      options: mapOptions(
        mapped.options,
        (e) => e,
        (plan) => this.whole(plan, reason),
      ),
    };
  }

  #expression(expression: Expression): Expression {
    if (expression.kind === 'toscalar' || expression.kind === 'tolist') {
      if (isConstantPlan(expression.plan)) return expression;
      if (dependsOnGroup(expression.plan)) return { ...expression, plan: this.#within(expression.plan) };
      return { ...expression, plan: this.whole(expression.plan, `${expression.kind} needs all rows in one place`) };
    }
    if (expression.kind !== 'call') return expression;
    return { ...expression, args: expression.args.map((arg) => this.#expression(arg)) };
  }

  #scan(node: Extract<Plan, { op: 'scan' }>): Split {
    const tags = new Map<number, Tag>();
    const account = ACCOUNT_COLUMNS[node.table];
    if (account !== undefined) {
      const path = PATH_FORM.exec(account);
      const index = node.columns.findIndex((column) => column.name === (path ? path[1] : account));
      if (index >= 0) {
        const number = ++this.#accounts;
        tags.set(index, path ? { account: number, keys: path[2]!.slice(1).split('.') } : { account: number });
      }
    }
    return { local: node, rest: undefined, tags, filled: NONE, emptyInRest: NONE };
  }

  #rowLocal(node: Extract<Plan, { op: 'filter' | 'project' | 'expand' | 'plugin' }>): Split | undefined {
    if (!planExpressions(node).every(isRowLocal)) return undefined;
    if (node.op === 'plugin' && !plugin(node.name)?.rowLocal) return undefined;
    const input = this.split(node.input);
    let { tags, filled } = input;
    switch (node.op) {
      case 'filter':
        filled = new Set([...filled, ...provenFilled(node.predicate, tags)]);
        break;
      case 'project': {
        const made = new Map<number, Tag>();
        node.expressions.forEach((expression, index) => {
          const tag = tagOf(expression, tags);
          if (tag) made.set(index, tag);
        });
        tags = made;
        break;
      }
      case 'expand': {
        const replaced = new Set([...node.expansions.map((e) => e.column), node.indexColumn]);
        tags = new Map([...tags].filter(([index]) => !replaced.has(index)));
        break;
      }
      case 'plugin':
        tags = NO_TAGS;
    }
    return {
      local: input.local && rebuild(node, [input.local]),
      rest: input.rest && rebuild(node, [input.rest]),
      tags,
      filled,
      emptyInRest: input.emptyInRest,
    };
  }

  /** `summarize` and `make-series`: safe where a key is the account. */
  #keyed(node: Extract<Plan, { op: 'summarize' | 'series' }>): Split {
    const name = operatorName(node);
    const input = this.split(node.input);
    // Without both ends the axis runs from the first to the last bin of all rows.
    const bounded = node.op === 'summarize' || (node.from !== undefined && node.to !== undefined);
    const key = node.keys.findIndex((expression) => accountOf(expression, input.tags) !== undefined);
    if (!input.local || key < 0 || !bounded) {
      return this.#after(
        node,
        !bounded && key >= 0
          ? `${name} without "from" and "to" takes its axis from all rows`
          : node.keys.length === 0
            ? `${name} without keys needs all rows in one place`
            : `no key of ${name} is the account`,
      );
    }
    const account = accountOf(node.keys[key]!, input.tags)!;
    const parts = this.#byAccount(input, account, node.keys[key]!, name);
    if (!parts) return this.#after(node, `rows before ${name} were already brought together`);
    this.reasons.push(`in each partition: ${name}, its key ${describe(node.keys[key]!, node.input)} is the account`);
    const tags = new Map<number, Tag>();
    node.keys.forEach((expression, index) => {
      const tag = tagOf(expression, input.tags);
      if (tag) tags.set(index, tag);
    });
    return {
      local: rebuild(node, [parts.filled]),
      rest: parts.empty && rebuild(node, [parts.empty]),
      tags,
      filled: new Set([...input.filled, account]),
      emptyInRest: new Set([account]),
    };
  }

  /**
   * The input in two: rows whose account is not empty, in their partitions, and rows where it is, gathered. Undefined
   * where rows that were gathered before may have a non-empty account.
   */
  #byAccount(
    input: Split,
    account: number,
    key: Expression,
    name: string,
  ): { readonly filled: Plan; readonly empty: Plan | undefined } | undefined {
    if (input.rest && !input.emptyInRest.has(account)) return undefined;
    const local = input.local!;
    if (input.filled.has(account)) return { filled: local, empty: input.rest };
    const empty = this.#gather(
      filterOn(local, 'isempty', key),
      `${name}: rows without an account are not partitioned by it`,
    );
    return {
      filled: filterOn(local, 'isnotempty', key),
      empty: input.rest ? concat(local, [empty, input.rest]) : empty,
    };
  }

  #apply(node: Extract<Plan, { op: 'apply' }>): Split {
    if (!readsGroupOnly(node.body)) {
      return this.#after(node, 'the sub-query of mv-apply or partition reads a table');
    }
    const perRow = perRowApply(node);
    if (perRow) {
      const steps = perRow.steps.flatMap((step) => planExpressions(step)).filter((e) => e !== perRow.numbering);
      if (!steps.every((e) => isRowLocal(e) && !hasOpenSubquery(e))) {
        return this.#after(node, 'mv-apply over an expression that looks at more than single rows');
      }
      const source = this.split(perRow.source);
      const over = (input: Plan): Plan => {
        let at = input;
        for (const step of perRow.steps) at = rebuild(step, [at]);
        return rebuild(node, [at, node.body]);
      };
      const tags = new Map<number, Tag>();
      node.outer.forEach((index, column) => {
        const from = traceDown(node.input, index, perRow.source);
        const tag = from === undefined ? undefined : source.tags.get(from);
        if (tag) tags.set(column, tag);
      });
      return {
        local: source.local && over(source.local),
        rest: source.rest && over(source.rest),
        tags,
        filled: source.filled,
        emptyInRest: source.emptyInRest,
      };
    }
    const input = this.split(node.input);
    const key: Expression = {
      kind: 'column',
      index: node.groupColumn,
      type: node.input.columns[node.groupColumn]!.type,
      span: node.span,
    };
    const account = accountOf(key, input.tags);
    const parts = input.local && account !== undefined && this.#byAccount(input, account, key, 'partition');
    if (!parts) return this.#after(node, 'partition does not go by the account');
    this.reasons.push(`in each partition: partition by ${describe(key, node.input)}, which is the account`);
    const tags = new Map<number, Tag>();
    node.outer.forEach((index, column) => {
      const tag = input.tags.get(index);
      if (tag) tags.set(column, tag);
    });
    return {
      local: rebuild(node, [parts.filled, node.body]),
      rest: parts.empty && rebuild(node, [parts.empty, node.body]),
      tags,
      filled: new Set([...input.filled, account!]),
      emptyInRest: new Set([account!]),
    };
  }

  #join(node: Extract<Plan, { op: 'join' }>): Split {
    const { kind } = node;
    if (!planExpressions(node).every(isRowLocal)) return this.#after(node, 'a join key looks at more than single rows');
    // Rows of the query's own text are in every partition alike: each row of the other side stands or falls for itself.
    if (isConstantPlan(node.right) && ['inner', 'leftouter', 'leftsemi', 'leftanti'].includes(kind)) {
      const left = this.split(node.left);
      return this.#againstConstant(node, left, 'left', (side) => rebuild(node, [side, node.right]));
    }
    if (isConstantPlan(node.left) && ['inner', 'innerunique', 'rightouter', 'rightsemi', 'rightanti'].includes(kind)) {
      const right = this.split(node.right);
      return this.#againstConstant(node, right, 'right', (side) => rebuild(node, [node.left, side]));
    }
    const left = this.split(node.left);
    const right = this.split(node.right);
    const pair = node.on.find(
      (keys) =>
        accountOf(keys.left, left.tags) !== undefined &&
        accountOf(keys.right, right.tags) !== undefined &&
        keys.left.type === 'string' &&
        keys.right.type === 'string',
    );
    if (!left.local || !right.local || !pair) {
      return this.#after(node, `${operatorName(node)}: no pair of keys is the account on both sides`);
    }
    const leftAccount = accountOf(pair.left, left.tags)!;
    const rightAccount = accountOf(pair.right, right.tags)!;
    if ((left.rest && !left.emptyInRest.has(leftAccount)) || (right.rest && !right.emptyInRest.has(rightAccount))) {
      return this.#after(node, `rows before ${operatorName(node)} were already brought together`);
    }
    this.reasons.push(
      `in each partition: ${operatorName(node)}, ${describe(pair.left, node.left)} and ${describe(pair.right, node.right)} are the account`,
    );
    const leftFilled = left.filled.has(leftAccount) && !left.rest;
    const rightFilled = right.filled.has(rightAccount) && !right.rest;
    let local: Plan;
    let rest: Plan | undefined;
    if (leftFilled || rightFilled) {
      // One side has no empty key anywhere, so the other side's empty keys find no partner, wherever they are.
      local = rebuild(node, [left.local, right.local]);
      if (left.rest && keepsUnmatched(kind, 'left')) rest = rebuild(node, [left.rest, noRows(node.right)]);
      if (right.rest && keepsUnmatched(kind, 'right')) rest = rebuild(node, [noRows(node.left), right.rest]);
    } else {
      const l = this.#byAccount(left, leftAccount, pair.left, operatorName(node))!;
      const r = this.#byAccount(right, rightAccount, pair.right, operatorName(node))!;
      local = rebuild(node, [l.filled, r.filled]);
      rest = rebuild(node, [l.empty ?? noRows(node.left), r.empty ?? noRows(node.right)]);
    }
    // In the local part keys are equal or missing, but the sides may be one and the same table: number them apart.
    const numbers = new Map<number, number>();
    const apart = (account: number): number => {
      let number = numbers.get(account);
      if (number === undefined) numbers.set(account, (number = ++this.#accounts));
      return number;
    };
    const tags = new Map<number, Tag>();
    node.output.forEach(({ side, index }, column) => {
      const tag = (side === 'left' ? left : right).tags.get(index);
      if (tag) tags.set(column, side === 'left' ? tag : { ...tag, account: apart(tag.account) });
    });
    const filled = new Set<number>();
    if (!keepsUnmatched(kind, 'right')) {
      for (const account of left.filled) filled.add(account);
    }
    if (!keepsUnmatched(kind, 'left')) {
      for (const account of right.filled) filled.add(apart(account));
    }
    const matchedOnly = !keepsUnmatched(kind, 'left') && !keepsUnmatched(kind, 'right');
    if (matchedOnly) {
      filled.add(leftAccount);
      filled.add(apart(rightAccount));
    }
    return { local, rest, tags, filled, emptyInRest: new Set([leftAccount, apart(rightAccount)]) };
  }

  #againstConstant(
    node: Extract<Plan, { op: 'join' }>,
    side: Split,
    which: 'left' | 'right',
    over: (side: Plan) => Plan,
  ): Split {
    const tags = new Map<number, Tag>();
    node.output.forEach((output, column) => {
      const tag = output.side === which ? side.tags.get(output.index) : undefined;
      if (tag) tags.set(column, tag);
    });
    return {
      local: side.local && over(side.local),
      rest: side.rest && over(side.rest),
      tags,
      filled: side.filled,
      emptyInRest: side.emptyInRest,
    };
  }

  #union(node: Extract<Plan, { op: 'union' }>): Split {
    const splits = node.inputs.map((input) => this.split(input));
    const locals = splits.flatMap((split, i) => (split.local ? [{ split, i, plan: split.local }] : []));
    const rests = splits.flatMap((split, i) => (split.rest ? [{ split, i, plan: split.rest }] : []));
    const part = (of: readonly { readonly i: number; readonly plan: Plan }[]): Plan | undefined => {
      if (of.length === 0) return undefined;
      return {
        ...node,
        inputs: of.map(({ plan }) => plan),
        mapping: of.map(({ i }) => node.mapping[i]!),
        sources: node.sources && of.map(({ i }) => node.sources![i]!),
      };
    };
    // A column holds the account where it does in every input that has it; columns with the same accounts in every input
    // have the same account here.
    const tags = new Map<number, Tag>();
    const numbers = new Map<string, number>();
    const filled = new Set<number>();
    const emptyInRest = new Set<number>();
    const notEmpty = new Set<number>();
    node.columns.forEach((_, column) => {
      if (node.sources && column === 0) return;
      const found = locals.map(({ split, i }) => {
        const index = node.mapping[i]![column]!;
        return index < 0 ? null : split.tags.get(index);
      });
      const tagged = found.filter((tag) => tag !== null);
      const [first] = tagged;
      if (!first || !tagged.every((tag) => tag && keysOf(tag) === keysOf(first))) return;
      const key = found.map((tag) => tag?.account ?? `missing ${column}`).join();
      let account = numbers.get(key);
      if (account === undefined) {
        numbers.set(key, (account = ++this.#accounts));
        if (found.every((tag, k) => tag && locals[k]!.split.filled.has(tag.account))) filled.add(account);
        emptyInRest.add(account);
      }
      tags.set(column, { ...first, account });
      // The columns of one account need not be equal in the rest: each must be empty there.
      const isEmpty = rests.every(({ split, i }) => {
        const index = node.mapping[i]![column]!;
        const tag = index < 0 ? undefined : split.tags.get(index);
        return index < 0 || (tag !== undefined && split.emptyInRest.has(tag.account));
      });
      if (!isEmpty) notEmpty.add(account);
    });
    for (const account of notEmpty) emptyInRest.delete(account);
    return { local: part(locals), rest: part(rests), tags, filled, emptyInRest };
  }
}

function restOnly(node: Plan): Split {
  return { local: undefined, rest: node, tags: NO_TAGS, filled: NONE, emptyInRest: NONE };
}

function keysOf(tag: Tag): string {
  return 'keys' in tag ? JSON.stringify(tag.keys) : '';
}

function keepsUnmatched(kind: Extract<Plan, { op: 'join' }>['kind'], side: 'left' | 'right'): boolean {
  if (kind === 'fullouter') return true;
  return side === 'left' ? kind === 'leftouter' || kind === 'leftanti' : kind === 'rightouter' || kind === 'rightanti';
}

/** How an expression stands to the account of its row, if at all. */
function tagOf(expression: Expression, tags: ReadonlyMap<number, Tag>): Tag | undefined {
  if (expression.kind === 'column') return tags.get(expression.index);
  if (expression.kind !== 'call') return undefined;
  const [value, key] = expression.args;
  if (expression.name === 'path' && value && key?.kind === 'literal') {
    const tag = tagOf(value, tags);
    if (!tag || !('keys' in tag) || tag.keys[0] !== key.value) return undefined;
    return { account: tag.account, keys: tag.keys.slice(1) };
  }
  if (expression.name === 'tostring' && value) {
    const tag = tagOf(value, tags);
    if (!tag || ('keys' in tag && tag.keys.length > 0)) return undefined;
    return { account: tag.account };
  }
  // Partitions go by the lower-cased name, so either spelling leads to the same one.
  if (expression.name === 'tolower' && value) {
    const tag = tagOf(value, tags);
    return tag && !('keys' in tag) ? tag : undefined;
  }
  return undefined;
}

/** The account that an expression is equal to but for case, if any. */
function accountOf(expression: Expression, tags: ReadonlyMap<number, Tag>): number | undefined {
  const tag = expression.type === 'string' ? tagOf(expression, tags) : undefined;
  return tag && !('keys' in tag) ? tag.account : undefined;
}

/** Operators that no empty text passes when the other side is a text that is not empty. */
const MATCHING = new Set([
  '==',
  '=~',
  'in',
  'in~',
  'has',
  'has_cs',
  'contains',
  'contains_cs',
  'startswith',
  'startswith_cs',
  'endswith',
  'endswith_cs',
]);

/** Accounts that a row's passing the predicate proves not to be empty. */
function provenFilled(predicate: Expression, tags: ReadonlyMap<number, Tag>): Set<number> {
  const proven = new Set<number>();
  for (const part of conjuncts(predicate)) {
    if (part.kind !== 'call') continue;
    const { name, args } = part;
    const account = args[0] && accountOf(args[0], tags);
    if (name === 'or') {
      const sides = args.map((arg) => provenFilled(arg, tags));
      for (const one of sides[0] ?? []) if (sides.every((side) => side.has(one))) proven.add(one);
    } else if (name === 'not' && args[0]?.kind === 'call' && args[0].name === 'isempty') {
      const inner = accountOf(args[0].args[0]!, tags);
      if (inner !== undefined) proven.add(inner);
    } else if (account !== undefined) {
      if (name === 'isnotempty') proven.add(account);
      else if (name === '!=' && args[1]?.kind === 'literal' && args[1].value === '') proven.add(account);
      else if (MATCHING.has(name) && args.length > 1 && args.slice(1).every(isFilledLiteral)) proven.add(account);
    }
  }
  return proven;
}

function isFilledLiteral(expression: Expression): boolean {
  if (expression.kind !== 'literal') return false;
  const { value } = expression;
  const isFilled = (item: unknown): boolean => typeof item === 'string' && item !== '';
  return Array.isArray(value) ? value.every(isFilled) : isFilled(value);
}

/** The expression holds a sub-query whose rows are not the same in every partition. */
function hasOpenSubquery(expression: Expression): boolean {
  let open = false;
  visitExpression(expression, (e) => {
    if ((e.kind === 'toscalar' || e.kind === 'tolist') && !isConstantPlan(e.plan)) open = true;
  });
  return open;
}

function all(parts: readonly Expression[]): Expression {
  return parts.reduce((a, b) => ({ kind: 'call', name: 'and', args: [a, b], type: 'bool', span: a.span }));
}

/** The plan reads no table, so that every partition has the same rows of it. */
function isFree(plan: Plan): boolean {
  return scannedTables(plan).length === 0;
}

/** Follows an output column of `from` down to a column of `to`, through nodes that pass it on unchanged. */
function traceDown(from: Plan, column: number, to: Plan): number | undefined {
  let node = from;
  let index = column;
  while (node !== to) {
    if (node.op === 'project') {
      const made = node.expressions[index]!;
      if (made.kind !== 'column') return undefined;
      ({ index } = made);
    } else if (node.op === 'expand') {
      const at = index;
      if (at >= node.input.columns.length || node.expansions.some((e) => e.column === at)) return undefined;
    } else if (node.op !== 'filter') return undefined;
    node = node.input;
  }
  return index;
}

/** The same node over other inputs (in the order of `planInputs`). */
export function rebuild(node: Plan, inputs: readonly Plan[]): Plan {
  if (planInputs(node).every((input, i) => input === inputs[i])) return node;
  switch (node.op) {
    case 'scan':
    case 'rows':
    case 'range':
    case 'group':
      return node;
    case 'join':
      return { ...node, left: inputs[0]!, right: inputs[1]! };
    case 'union':
      return { ...node, inputs };
    case 'apply':
      return { ...node, input: inputs[0]!, body: inputs[1]! };
    default:
      return { ...node, input: inputs[0]! };
  }
}

function mapExpressions(node: Plan, map: (expression: Expression) => Expression): Plan {
  switch (node.op) {
    case 'filter':
      return { ...node, predicate: map(node.predicate) };
    case 'project':
      return { ...node, expressions: node.expressions.map(map) };
    case 'summarize':
      return {
        ...node,
        keys: node.keys.map(map),
        aggregates: node.aggregates.map((aggregate) => ({ ...aggregate, args: aggregate.args.map(map) })),
      };
    case 'join':
      return { ...node, on: node.on.map(({ left, right }) => ({ left: map(left), right: map(right) })) };
    case 'sort':
      return { ...node, keys: node.keys.map((key) => ({ ...key, expression: map(key.expression) })) };
    case 'take':
      return { ...node, count: map(node.count) };
    case 'range':
      return { ...node, from: map(node.from), to: map(node.to), step: map(node.step) };
    case 'expand':
      return {
        ...node,
        expansions: node.expansions.map((expansion) => ({ ...expansion, expression: map(expansion.expression) })),
        limit: node.limit && map(node.limit),
      };
    case 'series':
      return {
        ...node,
        keys: node.keys.map(map),
        aggregates: node.aggregates.map((aggregate) => ({ ...aggregate, args: aggregate.args.map(map) })),
        axis: map(node.axis),
        from: node.from && map(node.from),
        to: node.to && map(node.to),
        step: map(node.step),
      };
    case 'plugin':
      return { ...node, args: node.args.map(map), options: mapOptions(node.options, map, (plan) => plan) };
    default:
      return node;
  }
}

/** `summarize` and `join` over inputs of just the columns that they read, so that a gather carries no others. */
function narrowed(node: Plan): Plan {
  if (node.op === 'summarize') {
    const { input, indexes } = keepColumns(node.input, usedColumns(planExpressions(node)));
    return input === node.input ? node : mapExpressions({ ...node, input }, (e) => moveColumns(e, indexes));
  }
  if (node.op === 'join') {
    const used = (side: 'left' | 'right'): Set<number> =>
      new Set([
        ...usedColumns(node.on.map((pair) => pair[side])),
        ...node.output.flatMap((output) => (output.side === side ? [output.index] : [])),
      ]);
    const left = keepColumns(node.left, used('left'));
    const right = keepColumns(node.right, used('right'));
    return {
      ...node,
      left: left.input,
      right: right.input,
      on: node.on.map((pair) => ({
        left: moveColumns(pair.left, left.indexes),
        right: moveColumns(pair.right, right.indexes),
      })),
      output: node.output.map(({ side, index }) => ({
        side,
        index: (side === 'left' ? left : right).indexes.get(index)!,
      })),
    };
  }
  return node;
}

function usedColumns(expressions: readonly Expression[]): Set<number> {
  const used = new Set<number>();
  for (const expression of expressions) {
    visitExpression(expression, (e) => {
      if (e.kind === 'column') used.add(e.index);
    });
  }
  return used;
}

function keepColumns(
  input: Plan,
  used: ReadonlySet<number>,
): { readonly input: Plan; readonly indexes: ReadonlyMap<number, number> } {
  const kept = [...used].sort((a, b) => a - b);
  const indexes = new Map(kept.map((index, at) => [index, at]));
  if (kept.length === input.columns.length) return { input, indexes };
  const { span } = input;
  return {
    input: {
      op: 'project',
      input,
      expressions: kept.map((index) => ({ kind: 'column', index, type: input.columns[index]!.type, span })),
      columns: kept.map((index): ColumnInfo => input.columns[index]!),
      span,
    },
    indexes,
  };
}

function moveColumns(expression: Expression, indexes: ReadonlyMap<number, number>): Expression {
  if (expression.kind === 'column') return { ...expression, index: indexes.get(expression.index)! };
  if (expression.kind !== 'call') return expression;
  return { ...expression, args: expression.args.map((arg) => moveColumns(arg, indexes)) };
}

function filterOn(input: Plan, test: 'isempty' | 'isnotempty', key: Expression): Plan {
  const { span } = key;
  return {
    op: 'filter',
    input,
    predicate: { kind: 'call', name: test, args: [key], type: 'bool', span },
    columns: input.columns,
    span,
  };
}

function concat(like: { readonly columns: readonly ColumnInfo[]; readonly span: Span }, inputs: readonly Plan[]): Plan {
  const identity = like.columns.map((_, index) => index);
  return {
    op: 'union',
    inputs,
    mapping: inputs.map(() => identity),
    sources: undefined,
    columns: like.columns,
    span: like.span,
  };
}

function noRows({ columns, span }: { readonly columns: readonly ColumnInfo[]; readonly span: Span }): Plan {
  return { op: 'rows', rows: [], columns, span };
}

function describe(expression: Expression, input: Plan): string {
  if (expression.kind === 'column') return input.columns[expression.index]!.name;
  if (expression.kind !== 'call') return expression.kind;
  if (expression.name === 'path') {
    const [value, key] = expression.args;
    return `${describe(value!, input)}.${key?.kind === 'literal' ? String(key.value as string) : '[]'}`;
  }
  return `${expression.name}(${expression.args.map((arg) => describe(arg, input)).join(', ')})`;
}
