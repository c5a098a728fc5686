/**
 * The reference: plans evaluated row by row over arrays of values, written to be read and not to be fast. It shares with
 * the engine the boxed form of scalar functions (their own tests stand elsewhere) and nothing else.
 *
 * Order is part of what it says: filters keep it, `summarize` follows first appearance, joins follow the left rows.
 */
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import { columnFromValues, valueAt } from '../../src/columns/column.ts';
import {
  type Dynamic,
  DynamicDatetime,
  DynamicTimespan,
  type ScalarType,
  type Value,
} from '../../src/columns/value.ts';
import { scalarFunction } from '../../src/engine/functions/registry.ts';
import type { Run } from '../../src/engine/run.ts';
import type { Aggregate, Expression, Plan } from '../../src/plan/plan.ts';

type Row = readonly Value[];

export interface ReferenceTable {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

export type ReferenceTables = Readonly<Record<string, ReferenceTable>>;

/** The rows of a plan in one run. */
export function reference(plan: Plan, tables: ReferenceTables, run: Run): Value[][] {
  return new Reference(tables, run).rows(plan, new Map()).map((row) => [...row]);
}

function emptyOf(type: ScalarType): Value {
  return type === 'string' ? '' : null;
}

/** Equal for equal values of one type, and for no others. */
function keyOf(value: Value): string {
  if (typeof value === 'number') return `n${Object.is(value, -0) ? 0 : value}`;
  return `${typeof value === 'object' && value !== null ? 'o' : typeof value}${stringifyDynamic(value)}`;
}

function asDynamic(type: ScalarType, value: Value): Dynamic {
  if (value === null) return null;
  if (type === 'datetime') return new DynamicDatetime(value as bigint);
  return type === 'timespan' ? new DynamicTimespan(value as bigint) : value;
}

/** -1, 0 or 1; null and NaN are the caller's business. */
function order(type: ScalarType, a: Value, b: Value): number {
  if (type === 'dynamic') return order('string', stringifyDynamic(a), stringifyDynamic(b));
  return a! < b! ? -1 : a! > b! ? 1 : 0;
}

class Reference {
  readonly tables: ReferenceTables;
  readonly run: Run;

  constructor(tables: ReferenceTables, run: Run) {
    this.tables = tables;
    this.run = run;
  }

  value(e: Expression, row: Row, groups: ReadonlyMap<number, readonly Row[]>): Value {
    switch (e.kind) {
      case 'column':
        return row[e.index]!;
      case 'literal':
        return e.value;
      case 'toscalar':
        return this.rows(e.plan, groups)[0]?.[0] ?? null;
      case 'tolist':
        return this.rows(e.plan, groups).map((r) => asDynamic(e.plan.columns[0]!.type, r[0]!));
      case 'call': {
        const f = scalarFunction(e.name)!;
        const args = e.args.map((arg) => this.value(arg, row, groups));
        const types = e.args.map((arg) => arg.type);
        return f.call(args, types, e.type, this.run.now) ?? emptyOf(e.type);
      }
    }
  }

  /** The values of an expression for all rows: only here may a function look at other rows. */
  values(e: Expression, rows: readonly Row[], groups: ReadonlyMap<number, readonly Row[]>): Value[] {
    const overRows = e.kind === 'call' ? scalarFunction(e.name)!.overRows : undefined;
    if (e.kind !== 'call' || !overRows) return rows.map((row) => this.value(e, row, groups));
    const columns = e.args.map((arg) => columnFromValues(arg.type, this.values(arg, rows, groups)));
    const column = overRows(columns, e.type, rows.length);
    return rows.map((_, i) => valueAt(column, i));
  }

  rows(node: Plan, groups: ReadonlyMap<number, readonly Row[]>): readonly Row[] {
    switch (node.op) {
      case 'scan':
        return this.scan(node);
      case 'rows':
        return node.rows;
      case 'group':
        return groups.get(node.id)!;
      case 'gather':
        return this.rows(node.input, groups);
      case 'filter':
        return this.rows(node.input, groups).filter((row) => this.value(node.predicate, row, groups) === true);
      case 'project': {
        const input = this.rows(node.input, groups);
        const columns = node.expressions.map((e) => this.values(e, input, groups));
        return input.map((_, i) => columns.map((column) => column[i]!));
      }
      case 'summarize': {
        const input = this.rows(node.input, groups);
        const byKey = new Map<string, Row[]>();
        if (node.keys.length === 0) byKey.set('', []);
        for (const row of input) {
          const key = node.keys.map((e) => keyOf(this.value(e, row, groups))).join('|');
          byKey.set(key, [...(byKey.get(key) ?? []), row]);
        }
        return [...byKey.values()].map((members) => [
          ...node.keys.map((e) => this.value(e, members[0]!, groups)),
          ...node.aggregates.map((a) => this.aggregate(a, members, groups)),
        ]);
      }
      case 'join':
        return this.join(node, groups);
      case 'union':
        return node.inputs.flatMap((input, i) =>
          this.rows(input, groups).map((row) =>
            node.columns.map(({ type }, column) => {
              if (node.sources && column === 0) return node.sources[i]!;
              const index = node.mapping[i]![column]!;
              return index < 0 ? emptyOf(type) : row[index]!;
            }),
          ),
        );
      case 'sort': {
        const input = this.rows(node.input, groups).map((row) => ({
          row,
          keys: node.keys.map((key) => this.value(key.expression, row, groups)),
        }));
        return input
          .sort((a, b) => {
            for (const [k, { descending, nullsFirst, expression }] of node.keys.entries()) {
              // Null outermost, then NaN, then numbers.
              const rank = (value: Value): number => (value === null ? 2 : Number.isNaN(value) ? 1 : 0);
              const [x, y] = [a.keys[k]!, b.keys[k]!];
              if (rank(x) !== rank(y)) return (rank(x) - rank(y)) * (nullsFirst ? -1 : 1);
              if (rank(x) > 0) continue;
              const c = order(expression.type, x, y);
              if (c !== 0) return descending ? -c : c;
            }
            return 0;
          })
          .map(({ row }) => row);
      }
      case 'take':
        return this.rows(node.input, groups).slice(0, Number(this.value(node.count, [], groups)));
      case 'expand':
        return this.rows(node.input, groups).flatMap((row) => {
          const lists = node.expansions.map(({ expression }) => {
            const value = this.value(expression, row, groups);
            if (Array.isArray(value)) return value;
            if (value instanceof Map) {
              return [...value].map(([k, v]): Dynamic => (node.bagAsArray ? [k, v] : new Map([[k, v]])));
            }
            return [value];
          });
          const most = node.limit ? Number(this.value(node.limit, [], groups)) : Infinity;
          const size = Math.min(most, Math.max(...lists.map((list) => list.length)));
          return Array.from({ length: size }, (_, place) => {
            const out = [...row];
            node.expansions.forEach(({ type, column }, k) => {
              const element = lists[k]![place] ?? null;
              out[column] =
                type === 'dynamic'
                  ? element
                  : (scalarFunction(`to${type}`)!.call([element], ['dynamic'], type, this.run.now) ?? emptyOf(type));
            });
            if (node.indexColumn !== undefined) out[node.indexColumn] = BigInt(place);
            return out;
          });
        });
      case 'apply': {
        const byGroup = new Map<string, Row[]>();
        for (const row of this.rows(node.input, groups)) {
          const key = keyOf(row[node.groupColumn]!);
          byGroup.set(key, [...(byGroup.get(key) ?? []), row]);
        }
        return [...byGroup.values()].flatMap((members) =>
          this.rows(node.body, new Map([...groups, [node.id, members]])).map((row) => [
            ...node.outer.map((index) => members[0]![index]!),
            ...row,
          ]),
        );
      }
      default:
        throw new Error(`the reference has no ${node.op}`);
    }
  }

  scan(node: Extract<Plan, { op: 'scan' }>): Row[] {
    const table = this.tables[node.table];
    if (!table) return [];
    const at = (name: string, row: Row): Value => {
      const index = table.columns.indexOf(name);
      return index < 0 ? null : row[index]!;
    };
    const { window } = this.run;
    const time = (row: Row): bigint | null => at('TimeGenerated', row) as bigint | null;
    const timed = [...table.rows].sort((a, b) => {
      const [x, y] = [time(a), time(b)];
      if (x === null || y === null) return Number(x === null) - Number(y === null);
      return x < y ? -1 : x > y ? 1 : 0;
    });
    return timed
      .filter((row) => {
        if (!window) return true;
        const generated = time(row);
        const ingested = (at('$IngestionTime', row) as bigint | null) ?? generated;
        return (
          generated !== null &&
          generated > window.after &&
          generated <= window.until &&
          ingested! <= window.ingestedBy &&
          (window.ingestedAfter === undefined || ingested! > window.ingestedAfter)
        );
      })
      .map((row) => node.columns.map(({ name, type }) => at(name, row) ?? emptyOf(type)));
  }

  join(node: Extract<Plan, { op: 'join' }>, groups: ReadonlyMap<number, readonly Row[]>): Row[] {
    const right = this.rows(node.right, groups);
    let left = this.rows(node.left, groups);
    const key = (row: Row, side: 'left' | 'right'): string =>
      node.on.map((pair) => keyOf(this.value(pair[side], row, groups))).join('|');
    const matches = (l: Row, r: Row): boolean => key(l, 'left') === key(r, 'right');
    const out = (l: Row | undefined, r: Row | undefined): Row =>
      node.output.map(({ side, index }) => {
        const row = side === 'left' ? l : r;
        const { type } = (side === 'left' ? node.left : node.right).columns[index]!;
        return row ? row[index]! : emptyOf(type);
      });
    const { kind } = node;
    if (kind === 'leftsemi') return left.filter((l) => right.some((r) => matches(l, r))).map((l) => out(l, undefined));
    if (kind === 'leftanti') return left.filter((l) => !right.some((r) => matches(l, r))).map((l) => out(l, undefined));
    if (kind === 'rightsemi') return right.filter((r) => left.some((l) => matches(l, r))).map((r) => out(undefined, r));
    if (kind === 'rightanti')
      return right.filter((r) => !left.some((l) => matches(l, r))).map((r) => out(undefined, r));
    if (kind === 'innerunique') {
      left = left.filter((l, i) => left.findIndex((other) => key(other, 'left') === key(l, 'left')) === i);
    }
    const pairs = left.flatMap((l) => {
      const found = right.filter((r) => matches(l, r)).map((r) => out(l, r));
      return found.length === 0 && (kind === 'leftouter' || kind === 'fullouter') ? [out(l, undefined)] : found;
    });
    if (kind !== 'rightouter' && kind !== 'fullouter') return pairs;
    return [...pairs, ...right.filter((r) => !left.some((l) => matches(l, r))).map((r) => out(undefined, r))];
  }

  aggregate(a: Aggregate, members: readonly Row[], groups: ReadonlyMap<number, readonly Row[]>): Value {
    const of = (index: number, rows = members): Value[] => rows.map((row) => this.value(a.args[index]!, row, groups));
    const present = (values: Value[]): Value[] => values.filter((value) => value !== null);
    const type = a.args[0]?.type ?? 'long';
    if (a.function.endsWith('if') && a.function !== 'countif') {
      const rows = members.filter((row) => this.value(a.args[1]!, row, groups) === true);
      const base = { ...a, function: a.function.slice(0, -2), args: a.args.filter((_, i) => i !== 1) };
      return this.aggregate(base, rows, groups);
    }
    const best = (sign: number): Row | undefined => {
      let winner: Row | undefined;
      for (const row of members) {
        const value = this.value(a.args[0]!, row, groups);
        if (value === null) continue;
        // Of several values one NaN is both the least and the greatest.
        if (Number.isNaN(value)) return row;
        if (!winner || order(type, value, this.value(a.args[0]!, winner, groups)) === sign) winner = row;
      }
      return winner;
    };
    switch (a.function) {
      case 'count':
        return BigInt(members.length);
      case 'countif':
        return BigInt(of(0).filter((value) => value === true).length);
      case 'sum':
        if (a.type === 'real') return present(of(0)).reduce<number>((sum, value) => sum + Number(value), 0);
        return BigInt.asIntN(
          64,
          present(of(0)).reduce<bigint>((sum, value) => sum + (value as bigint), 0n),
        );
      case 'avg':
        return present(of(0)).reduce<number>((sum, value) => sum + Number(value), 0) / present(of(0)).length;
      case 'min':
      case 'max': {
        const row = best(a.function === 'max' ? 1 : -1);
        return row ? this.value(a.args[0]!, row, groups) : emptyOf(a.type);
      }
      case 'arg_max':
      case 'arg_min': {
        const row = best(a.function === 'arg_max' ? 1 : -1) ?? members[0];
        return row ? this.value(a.args[1] ?? a.args[0]!, row, groups) : emptyOf(a.type);
      }
      case 'take_any':
        return of(0).find((value) => value !== null && value !== '') ?? of(0)[0] ?? emptyOf(a.type);
      case 'dcount':
        return BigInt(new Set(present(of(0)).map(keyOf)).size);
      case 'make_list':
      case 'make_set': {
        const list: Dynamic[] = [];
        const seen = new Set<string>();
        const most = a.args[1] ? Number(this.value(a.args[1], [], groups)) : Infinity;
        for (const value of of(0)) {
          if ((value === null && type !== 'dynamic') || list.length >= most) continue;
          if (a.function === 'make_set' && seen.has(keyOf(value))) continue;
          seen.add(keyOf(value));
          list.push(asDynamic(type, value));
        }
        return list;
      }
      default:
        throw new Error(`the reference has no ${a.function}`);
    }
  }
}
