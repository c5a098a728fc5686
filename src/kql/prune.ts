/**
 * Column pruning: each node keeps only the columns that something above it reads, so that a scan asks for few. Nodes that
 * stand in several places stay one object: what all their readers need is gathered first, then each is rebuilt once.
 */
import type { ColumnInfo } from '../columns/batch.ts';
import { type Expression, type Plan, planExpressions, planInputs, visitExpression } from '../plan/plan.ts';

/** The plan without columns that nobody reads; the columns of `root` all stay. */
export function pruneColumns(root: Plan): Plan {
  const order = parentsFirst(root);
  const groupSources = new Map<number, Plan>();
  for (const node of order) if (node.op === 'apply') groupSources.set(node.id, node.input);
  const needed = new Map<Plan, Set<number>>();
  const need = (node: Plan, indexes: Iterable<number>): void => {
    let set = needed.get(node);
    if (!set) needed.set(node, (set = new Set()));
    for (const index of indexes) set.add(index);
  };
  need(root, indexesOf(root.columns));
  for (const node of order) {
    needs(node, needed.get(node) ?? new Set(), need, groupSources);
    for (const expression of planExpressions(node)) {
      visitExpression(expression, (e) => {
        if (e.kind === 'toscalar' || e.kind === 'tolist') need(e.plan, [0]);
      });
    }
  }
  return new Rebuild(needed).plan(root).plan;
}

/** Every node before those that it reads from; sub-queries and the sources of groups included. */
function parentsFirst(root: Plan): Plan[] {
  const seen = new Set<Plan>();
  const postOrder: Plan[] = [];
  const groupSources = new Map<number, Plan>();
  const walk = (node: Plan): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.op === 'apply') groupSources.set(node.id, node.input);
    if (node.op === 'group') {
      const source = groupSources.get(node.id);
      if (source) walk(source);
    }
    for (const input of planInputs(node)) walk(input);
    for (const expression of planExpressions(node)) {
      visitExpression(expression, (e) => {
        if (e.kind === 'toscalar' || e.kind === 'tolist') walk(e.plan);
      });
    }
    postOrder.push(node);
  };
  walk(root);
  return postOrder.reverse();
}

function needs(
  node: Plan,
  own: ReadonlySet<number>,
  need: (node: Plan, indexes: Iterable<number>) => void,
  groupSources: ReadonlyMap<number, Plan>,
): void {
  switch (node.op) {
    case 'scan':
    case 'rows':
    case 'range':
      return;
    case 'filter':
    case 'sort':
    case 'take':
      need(node.input, own);
      need(node.input, columnsIn(planExpressions(node)));
      return;
    case 'project':
      // A sub-query without columns is asked for its first one.
      need(node.input, columnsIn([...own].flatMap((index) => node.expressions[index] ?? [])));
      return;
    case 'summarize':
      need(node.input, columnsIn(node.keys));
      for (const index of own) {
        if (index >= node.keys.length) need(node.input, columnsIn(node.aggregates[index - node.keys.length]!.args));
      }
      return;
    case 'join':
      need(node.left, columnsIn(node.on.map((pair) => pair.left)));
      need(node.right, columnsIn(node.on.map((pair) => pair.right)));
      for (const index of own) {
        const { side, index: source } = node.output[index]!;
        need(side === 'left' ? node.left : node.right, [source]);
      }
      return;
    case 'union':
      for (const [i, input] of node.inputs.entries()) {
        need(
          input,
          [...own].map((index) => node.mapping[i]![index]!).filter((source) => source >= 0),
        );
      }
      return;
    case 'expand': {
      const filled = new Set(node.expansions.map((expansion) => expansion.column));
      need(
        node.input,
        [...own].filter((index) => !filled.has(index) && index < node.input.columns.length),
      );
      need(node.input, columnsIn(planExpressions(node)));
      return;
    }
    case 'apply':
      need(node.input, [node.groupColumn]);
      need(
        node.input,
        [...own].filter((index) => index < node.outer.length).map((index) => node.outer[index]!),
      );
      need(
        node.body,
        [...own].filter((index) => index >= node.outer.length).map((index) => index - node.outer.length),
      );
      return;
    case 'group': {
      const source = groupSources.get(node.id);
      if (source) need(source, own);
      return;
    }
    case 'series':
      need(node.input, columnsIn(planExpressions(node)));
      return;
    case 'plugin':
    case 'gather':
      need(node.input, indexesOf(node.input.columns));
      return;
  }
}

interface Rebuilt {
  readonly plan: Plan;
  /** For each old column its new index, or -1 where it is gone. */
  readonly moved: readonly number[];
}

class Rebuild {
  readonly #needed: ReadonlyMap<Plan, ReadonlySet<number>>;
  readonly #done = new Map<Plan, Rebuilt>();
  readonly #groupColumns = new Map<number, { columns: readonly ColumnInfo[]; moved: readonly number[] }>();

  constructor(needed: ReadonlyMap<Plan, ReadonlySet<number>>) {
    this.#needed = needed;
  }

  plan(node: Plan): Rebuilt {
    const done = this.#done.get(node);
    if (done) return done;
    const rebuilt = this.#rebuild(node);
    this.#done.set(node, rebuilt);
    return rebuilt;
  }

  #rebuild(node: Plan): Rebuilt {
    const needed = this.#needed.get(node) ?? new Set<number>();
    const kept = indexesOf(node.columns).filter((index) => needed.has(index));
    const columns = kept.map((index) => node.columns[index]!);
    const moved = movesOf(node.columns.length, kept);
    switch (node.op) {
      case 'scan':
        return { plan: { ...node, columns }, moved };
      case 'rows':
        return { plan: { ...node, columns, rows: node.rows.map((row) => kept.map((index) => row[index]!)) }, moved };
      case 'range':
        return {
          plan: {
            ...node,
            from: this.#expression(node.from, []),
            to: this.#expression(node.to, []),
            step: this.#expression(node.step, []),
          },
          moved: indexesOf(node.columns),
        };
      case 'filter':
      case 'sort':
      case 'take': {
        const input = this.plan(node.input);
        const shared = { input: input.plan, columns: input.plan.columns };
        if (node.op === 'filter') {
          return {
            plan: { ...node, ...shared, predicate: this.#expression(node.predicate, input.moved) },
            moved: input.moved,
          };
        }
        if (node.op === 'take') {
          return { plan: { ...node, ...shared, count: this.#expression(node.count, input.moved) }, moved: input.moved };
        }
        const keys = node.keys.map((key) => ({ ...key, expression: this.#expression(key.expression, input.moved) }));
        return { plan: { ...node, ...shared, keys }, moved: input.moved };
      }
      case 'project': {
        const input = this.plan(node.input);
        const expressions = kept.map((index) => this.#expression(node.expressions[index]!, input.moved));
        // A projection to all columns of its input as they are does nothing.
        const below = input.plan.columns;
        const isIdentity =
          columns.length === below.length &&
          expressions.every((e, i) => e.kind === 'column' && e.index === i && columns[i]!.name === below[i]!.name);
        if (isIdentity) return { plan: input.plan, moved };
        return { plan: { ...node, input: input.plan, expressions, columns }, moved };
      }
      case 'summarize': {
        const input = this.plan(node.input);
        const keys = node.keys.map((key) => this.#expression(key, input.moved));
        const all = [...new Set([...node.keys.keys(), ...kept])];
        const aggregates = all
          .filter((index) => index >= node.keys.length)
          .map((index) => node.aggregates[index - node.keys.length]!)
          .map((a) => ({ ...a, args: a.args.map((arg) => this.#expression(arg, input.moved)) }));
        return {
          plan: { ...node, input: input.plan, keys, aggregates, columns: all.map((index) => node.columns[index]!) },
          moved: movesOf(node.columns.length, all),
        };
      }
      case 'join': {
        const left = this.plan(node.left);
        const right = this.plan(node.right);
        const output = kept.map((index) => {
          const { side, index: source } = node.output[index]!;
          return { side, index: (side === 'left' ? left : right).moved[source]! };
        });
        const on = node.on.map((pair) => ({
          left: this.#expression(pair.left, left.moved),
          right: this.#expression(pair.right, right.moved),
        }));
        return { plan: { ...node, left: left.plan, right: right.plan, on, output, columns }, moved };
      }
      case 'union': {
        const inputs = node.inputs.map((input) => this.plan(input));
        // The column of sources is made from `sources`, so it stays as long as they do.
        const all = node.sources ? [...new Set([0, ...kept])] : kept;
        const mapping = node.mapping.map((map, i) =>
          all.map((index) => (map[index]! < 0 ? -1 : inputs[i]!.moved[map[index]!]!)),
        );
        return {
          plan: {
            ...node,
            inputs: inputs.map((input) => input.plan),
            mapping,
            columns: all.map((index) => node.columns[index]!),
          },
          moved: movesOf(node.columns.length, all),
        };
      }
      case 'expand': {
        const input = this.plan(node.input);
        const filled = new Set(node.expansions.map((expansion) => expansion.column));
        // Columns that an expansion replaces keep their place only if the input still has them; the rest follow it.
        const inherited = indexesOf(node.input.columns).filter((index) => input.moved[index]! >= 0);
        const appended = indexesOf(node.columns).filter(
          (index) =>
            !inherited.includes(index) &&
            (index >= node.input.columns.length || filled.has(index)) &&
            (filled.has(index) || index === node.indexColumn),
        );
        const all = [...inherited, ...appended];
        const place = movesOf(node.columns.length, all);
        return {
          plan: {
            ...node,
            input: input.plan,
            expansions: node.expansions.map((expansion) => ({
              ...expansion,
              expression: this.#expression(expansion.expression, input.moved),
              column: place[expansion.column]!,
            })),
            limit: node.limit && this.#expression(node.limit, input.moved),
            indexColumn: node.indexColumn === undefined ? undefined : place[node.indexColumn]!,
            columns: all.map((index) => node.columns[index]!),
          },
          moved: place,
        };
      }
      case 'apply': {
        const input = this.plan(node.input);
        this.#groupColumns.set(node.id, { columns: input.plan.columns, moved: input.moved });
        const body = this.plan(node.body);
        const outer = kept.filter((index) => index < node.outer.length).map((index) => node.outer[index]!);
        const keptOuter = kept.filter((index) => index < node.outer.length);
        const bodyPlaces = body.moved.map((place) => (place < 0 ? -1 : place + outer.length));
        const places = node.columns.map((_, index) =>
          index < node.outer.length ? keptOuter.indexOf(index) : bodyPlaces[index - node.outer.length]!,
        );
        return {
          plan: {
            ...node,
            input: input.plan,
            groupColumn: input.moved[node.groupColumn]!,
            body: body.plan,
            outer: outer.map((index) => input.moved[index]!),
            columns: [...keptOuter.map((index) => node.columns[index]!), ...body.plan.columns],
          },
          moved: places,
        };
      }
      case 'group': {
        const group = this.#groupColumns.get(node.id)!;
        return { plan: { ...node, columns: group.columns }, moved: group.moved };
      }
      case 'series': {
        const input = this.plan(node.input);
        const move = (e: Expression): Expression => this.#expression(e, input.moved);
        return {
          plan: {
            ...node,
            input: input.plan,
            keys: node.keys.map(move),
            aggregates: node.aggregates.map((a) => ({ ...a, args: a.args.map(move) })),
            axis: move(node.axis),
            from: node.from && move(node.from),
            to: node.to && move(node.to),
            step: move(node.step),
          },
          moved: indexesOf(node.columns),
        };
      }
      case 'plugin': {
        const input = this.plan(node.input);
        const args = node.args.map((arg) => this.#expression(arg, input.moved));
        return { plan: { ...node, input: input.plan, args }, moved: indexesOf(node.columns) };
      }
      case 'gather':
        return { plan: { ...node, input: this.plan(node.input).plan }, moved: indexesOf(node.columns) };
    }
  }

  readonly #expressions = new Map<Expression, Expression>();

  #expression(expression: Expression, moved: readonly number[]): Expression {
    switch (expression.kind) {
      case 'literal':
        return expression;
      case 'column':
        return { ...expression, index: moved[expression.index]! };
      case 'call': {
        const args = expression.args.map((arg) => this.#expression(arg, moved));
        return args.every((arg, i) => arg === expression.args[i]) ? expression : { ...expression, args };
      }
      case 'toscalar':
      case 'tolist': {
        // One sub-query read in two places stays one expression over one plan.
        let rebuilt = this.#expressions.get(expression);
        if (!rebuilt) {
          rebuilt = { ...expression, plan: this.plan(expression.plan).plan };
          this.#expressions.set(expression, rebuilt);
        }
        return rebuilt;
      }
    }
  }
}

function columnsIn(expressions: readonly Expression[]): Set<number> {
  const found = new Set<number>();
  for (const expression of expressions) {
    visitExpression(expression, (e) => {
      if (e.kind === 'column') found.add(e.index);
    });
  }
  return found;
}

function indexesOf(columns: readonly ColumnInfo[]): number[] {
  return columns.map((_, index) => index);
}

function movesOf(count: number, kept: readonly number[]): number[] {
  const moved = new Array<number>(count).fill(-1);
  for (const [place, index] of kept.entries()) moved[index] = place;
  return moved;
}
