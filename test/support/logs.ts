/** Small random logs and plans over them, and their replay over partitions. */
import fc from 'fast-check';
import type { Batch, ColumnInfo } from '../../src/columns/batch.ts';
import { Batch as RowBatch } from '../../src/columns/batch.ts';
import type { Value } from '../../src/columns/value.ts';
import { partitionOf } from '../../src/schema/account.ts';
import { cut } from '../../src/engine/cut.ts';
import { gatherBatches, prepare, withTimes } from '../../src/engine/execute.ts';
import type { Run } from '../../src/engine/run.ts';
import { batchFromRows, MemoryTables } from '../../src/engine/tables.ts';
import { packBatch, unpackBatch } from '../../src/engine/transfer.ts';
import type { Aggregate, Expression, JoinKind, Plan } from '../../src/plan/plan.ts';
import {
  aggregate,
  call,
  column,
  expand,
  extend,
  filter,
  join,
  long,
  mvApply,
  partitionBy,
  project,
  rows,
  scan,
  sort,
  summarize,
  take,
  text,
  timespan,
  tolist,
  toscalar,
  union,
} from './plans.ts';
import type { ReferenceTables } from './reference-evaluator.ts';
import { by, MINUTE, NOON } from './seed-rule.ts';

export const SIGNIN_COLUMNS = {
  TimeGenerated: 'datetime',
  UserPrincipalName: 'string',
  IPAddress: 'string',
  ResultType: 'string',
  Attempts: 'long',
} as const;
export const AUDIT_COLUMNS = {
  TimeGenerated: 'datetime',
  Category: 'string',
  OperationName: 'string',
  InitiatedBy: 'dynamic',
  TargetResources: 'dynamic',
} as const;

export type Logs = Readonly<Record<'SigninLogs' | 'AuditLogs', Value[][]>>;

const USERS = ['ann@x', 'bob@x', 'Ann@x', 'cem@y', ''];
/** Times often fall on the same tick, and on the ends of windows. */
const time = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 240 }).map((minute): Value => NOON + BigInt(minute) * MINUTE) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: 1 }).map((tick): Value => NOON + 120n * MINUTE + BigInt(tick)) },
);
const lag = fc.constantFrom(0n, 1n, 3n, 5n, 6n, 20n);

const signin = fc
  .tuple(
    time,
    fc.constantFrom(...USERS),
    fc.constantFrom('1.1.1.1', '2.2.2.2'),
    fc.constantFrom('0', '50126', '0'),
    fc.constantFrom<Value>(null, 1n, 2n, 5n),
    lag,
  )
  .map(([at, user, ip, result, attempts, late]): Value[] => [
    at,
    user,
    ip,
    result,
    attempts,
    (at as bigint) + late * MINUTE,
  ]);

const targets = fc.constantFrom<Value>(null, [], ['t1'], ['t1', 't2'], [new Map([['id', 't3']])], 't4');

const audit = fc
  .tuple(
    time,
    fc.constantFrom('Policy', 'RoleManagement', 'Other'),
    fc.constantFrom('Add', 'Update'),
    fc.constantFrom(...USERS),
    targets,
    lag,
  )
  .map(([at, category, operation, user, target, late]): Value[] => [
    at,
    category,
    operation,
    user === '' ? new Map([['app', new Map([['displayName', 'robot']])]]) : by(user),
    target,
    (at as bigint) + late * MINUTE,
  ]);

export const logs: fc.Arbitrary<Logs> = fc.record({
  SigninLogs: fc.array(signin, { maxLength: 14 }),
  AuditLogs: fc.array(audit, { maxLength: 10 }),
});

const COLUMNS = { SigninLogs: SIGNIN_COLUMNS, AuditLogs: AUDIT_COLUMNS } as const;

function schemaOf(table: keyof Logs): ColumnInfo[] {
  const listed = Object.entries(COLUMNS[table]).map(([name, type]): ColumnInfo => ({ name, type }));
  return [...listed, { name: '$IngestionTime', type: 'datetime' }];
}

export function referenceTables(of: Logs): ReferenceTables {
  const table = (name: keyof Logs): ReferenceTables[string] => ({
    columns: schemaOf(name).map((c) => c.name),
    rows: of[name],
  });
  return { SigninLogs: table('SigninLogs'), AuditLogs: table('AuditLogs') };
}

function accountKey(table: keyof Logs, row: readonly Value[]): string {
  if (table === 'SigninLogs') return (row[1] as string) || `app ${row[2] as string}`;
  const user = (row[3] as Map<string, Value>).get('user');
  return user instanceof Map ? (user.get('userPrincipalName') as string) : `app ${row[2] as string}`;
}

/** The logs in `count` partitions; every third row is labelled with an event of its own. */
export function partitioned(of: Logs, count: number): MemoryTables[] {
  return Array.from({ length: count }, (_, partition) => {
    const tables: Record<string, Batch> = {};
    for (const table of ['SigninLogs', 'AuditLogs'] as const) {
      const mine = of[table]
        .map((row, index) => ({ row, index }))
        .filter(({ row }) => partitionOf(accountKey(table, row), count) === partition);
      const batch = batchFromRows(
        schemaOf(table),
        mine.map(({ row }) => row),
      );
      const sets = [[], ...mine.map(({ index }) => [`${table}-${index}`])];
      const codes = Uint32Array.from(mine, ({ index }, at) => (index % 3 === 0 ? at + 1 : 0));
      tables[table] = new RowBatch(batch.schema, batch.rowCount, batch.columns(), { sets, codes });
    }
    return new MemoryTables(tables);
  });
}

/** What a replay does: each partition runs the gathers' plans, their rows cross threads, the rest runs once. */
export function replayCut(root: Plan, partitions: readonly MemoryTables[], runs: readonly Run[]): Batch[] {
  const { root: rest, gathers } = cut(root);
  const workers = partitions.map((source) => prepare(rest, source));
  const across = (batch: Batch): Batch => unpackBatch(packBatch(batch));
  const gatheredOnce = new Map<number, Batch>();
  for (const { id, plan, scope } of gathers) {
    if (scope !== 'once') continue;
    const parts = workers.map((worker) => across(worker.overAllTime(plan)));
    gatheredOnce.set(id, gatherBatches(withTimes(plan.columns), parts));
  }
  const main = prepare(rest, new MemoryTables({}), { gatheredOnce });
  const perRun = gathers.filter(({ scope }) => scope === 'run');
  return runs.map((run) => {
    const parts = workers.map((worker) =>
      worker.runAll(
        perRun.map(({ plan }) => plan),
        run,
      ),
    );
    const gathered = new Map(
      perRun.map(({ id, plan }, i) => [
        id,
        gatherBatches(
          plan.columns,
          parts.map((part) => across(part[i]!)),
        ),
      ]),
    );
    return main.run(run, gathered);
  });
}

/** Hourly runs with a window of two hours, over all the time that {@link logs} fill, and one that goes by ingestion. */
export function hourlyRuns(window = 120n): Run[] {
  const hourly = Array.from({ length: 6 }, (_, hour) => {
    const now = NOON + BigInt(hour) * 60n * MINUTE;
    return { now, window: { after: now - window * MINUTE, until: now, ingestedBy: now + 5n * MINUTE } };
  });
  const now = NOON + 150n * MINUTE;
  const ingested = { after: NOON - 1n, until: now, ingestedAfter: now - 60n * MINUTE, ingestedBy: now };
  return [...hourly, { now, window: ingested }];
}

/** Numbers that decide what a random plan is made of; shrinks to short and plain plans. */
export const dice: fc.Arbitrary<number[]> = fc.array(fc.nat(999), { minLength: 60, maxLength: 60 });

/** A random plan over the logs. */
export function planFrom(numbers: readonly number[], options: { readonly ordered?: boolean } = {}): Plan {
  let at = 0;
  let made = 0;
  const roll = (sides: number): number => (numbers[at++] ?? 0) % sides;
  const choose = <T>(items: readonly T[]): T => items[roll(items.length)]!;
  const upn = (of: (name: string) => Expression): Expression =>
    call(
      'tostring',
      'string',
      call('path', 'dynamic', call('path', 'dynamic', of('InitiatedBy'), text('user')), text('userPrincipalName')),
    );
  /** The account more often than not, where it is among the names. */
  const chooseKey = (from: readonly string[]): string =>
    from.includes('UserPrincipalName') && roll(3) > 0 ? 'UserPrincipalName' : choose(from);
  const base = (): Plan => {
    switch (roll(5)) {
      case 0:
      case 1:
        return scan('SigninLogs', SIGNIN_COLUMNS);
      case 2:
        return extend(scan('AuditLogs', AUDIT_COLUMNS), (of) => ({ UserPrincipalName: upn(of) }));
      case 3:
        return filter(
          extend(scan('AuditLogs', AUDIT_COLUMNS), (of) => ({ UserPrincipalName: upn(of) })),
          (of) => call('!=', 'bool', of('UserPrincipalName'), text('')),
        );
      default:
        return rows({ UserPrincipalName: 'string', IPAddress: 'string', Attempts: 'long' }, [
          ['ann@x', '1.1.1.1', 1n],
          ['bob@x', '9.9.9.9', null],
          ['', '2.2.2.2', 2n],
        ]);
    }
  };
  const names = (plan: Plan, type?: string): string[] =>
    plan.columns.filter((c) => (type === undefined || c.type === type) && c.name[0] !== '$').map((c) => c.name);
  const predicate = (plan: Plan, depth = 0): Expression => {
    const strings = names(plan, 'string');
    const times = names(plan, 'datetime');
    const longs = names(plan, 'long');
    const kind = roll(depth > 0 ? 8 : 6);
    if (kind === 6 && strings.length > 0) {
      const other = pipeline(depth - 1);
      const theirs = names(other, 'string');
      if (theirs.length > 0) {
        const listed = project(other, (of) => ({ only: of(chooseKey(theirs)) }));
        return call(choose(['in', '!in']), 'bool', column(plan, chooseKey(strings)), tolist(listed));
      }
    }
    if (kind === 7 && longs.length > 0) {
      const counted = summarize(pipeline(depth - 1), [], () => ({ n: aggregate('count', 'long') }));
      return call(choose(['<', '>']), 'bool', column(plan, choose(longs)), toscalar(counted));
    }
    if (kind === 0 && times.length > 0) {
      return call(
        choose(['>', '>=', '<', '<=']),
        'bool',
        column(plan, choose(times)),
        call('ago', 'datetime', timespan(roll(4) * 30, 'm')),
      );
    }
    if (kind === 1 && longs.length > 0) {
      return call(choose(['>', '<', '==', '!=']), 'bool', column(plan, choose(longs)), long(roll(4)));
    }
    if (kind === 2 && strings.length > 0) {
      return call('isnotempty', 'bool', column(plan, choose(strings)));
    }
    if (kind === 3 && strings.length > 0) {
      return call(
        'in',
        'bool',
        column(plan, choose(strings)),
        text('ann@x'),
        text('1.1.1.1'),
        text('0'),
        text('Policy'),
      );
    }
    if (strings.length > 0) {
      return call(choose(['==', '!=']), 'bool', column(plan, choose(strings)), text(choose(['0', 'ann@x', ''])));
    }
    return call('==', 'bool', long(1), long(1));
  };
  const aggregates = (plan: Plan): Record<string, Aggregate> => {
    const out: Record<string, Aggregate> = {};
    const any = names(plan).filter((name) => column(plan, name).type !== 'dynamic');
    for (let i = roll(3); i >= 0; i--) {
      const longs = names(plan, 'long');
      const name = `a${++made}`;
      const of = any.length > 0 ? column(plan, choose(any)) : long(1);
      switch (roll(options.ordered === false ? 6 : 10)) {
        case 0:
          out[name] = aggregate('count', 'long');
          break;
        case 1:
          out[name] = aggregate(choose(['min', 'max']), of.type, of);
          break;
        case 2:
          out[name] = aggregate('dcount', 'long', of);
          break;
        case 3:
          out[name] = aggregate('sum', 'long', longs.length > 0 ? column(plan, choose(longs)) : long(2));
          break;
        case 4:
          out[name] = aggregate('countif', 'long', predicate(plan));
          break;
        case 5:
          out[name] = aggregate('avg', 'real', longs.length > 0 ? column(plan, choose(longs)) : long(2));
          break;
        case 6:
          out[name] = aggregate(choose(['make_list', 'make_set']), 'dynamic', of, long(3));
          break;
        case 7:
          out[name] = aggregate(
            choose(['arg_max', 'arg_min']),
            of.type,
            longs.length > 0 ? column(plan, choose(longs)) : long(2),
            of,
          );
          break;
        case 8:
          out[name] = aggregate('take_any', of.type, of);
          break;
        default:
          out[name] = aggregate('dcountif', 'long', of, predicate(plan));
      }
    }
    return out;
  };
  /** What runs over each group of an `apply`. */
  const body = (group: Plan): Plan => {
    const strings = names(group, 'string');
    const kept = roll(2) === 0 ? filter(group, () => predicate(group)) : group;
    if (strings.length === 0) return kept;
    switch (roll(options.ordered === false ? 2 : 5)) {
      case 0:
        return summarize(kept, roll(2) === 0 ? [] : [choose(strings)], () => aggregates(kept));
      case 1:
        return kept;
      case 2:
        return take(sort(kept, { name: choose(strings) }), 1 + roll(2));
      case 3:
        return extend(kept, () => ({ [`n${++made}`]: call('row_number', 'long') }));
      default:
        return summarize(union(kept, group), [], () => ({ [`n${++made}`]: aggregate('count', 'long') }));
    }
  };
  const step = (plan: Plan, depth: number): Plan => {
    const keyable = names(plan).filter((name) => column(plan, name).type !== 'dynamic');
    switch (roll(options.ordered === false ? 9 : 12)) {
      case 0:
      case 1:
        return filter(plan, () => predicate(plan, depth));
      case 2: {
        const strings = names(plan, 'string');
        const times = names(plan, 'datetime');
        return extend(plan, (of) => ({
          [`e${++made}`]:
            strings.length > 0 && roll(2) === 0
              ? call('tolower', 'string', of(choose(strings)))
              : times.length > 0
                ? call('-', 'timespan', call('now', 'datetime'), of(choose(times)))
                : long(roll(3)),
        }));
      }
      case 3:
      case 4: {
        const keys = [...new Set(Array.from({ length: roll(3) }, () => chooseKey(keyable)))].filter((key) => key);
        return summarize(plan, keys, () => aggregates(plan));
      }
      case 5: {
        const other = depth > 0 ? pipeline(depth - 1) : base();
        const shared = names(plan, 'string').filter((name) => names(other, 'string').includes(name));
        const mine = names(plan, 'string');
        const theirs = names(other, 'string');
        const pairs: [string, string][] =
          shared.length > 0 && roll(4) > 0
            ? [[chooseKey(shared), '']]
            : mine.length > 0 && theirs.length > 0
              ? [[chooseKey(mine), chooseKey(theirs)]]
              : [];
        const kinds: JoinKind[] = [
          'inner',
          'leftouter',
          'leftanti',
          'leftsemi',
          'rightouter',
          'fullouter',
          'rightsemi',
          'rightanti',
          ...(options.ordered === false ? [] : (['innerunique'] as const)),
        ];
        if (pairs.length === 0) return plan;
        return join(
          choose(kinds),
          plan,
          other,
          pairs.map(([a, b]) => [a, b || a] as const),
        );
      }
      case 6:
        return union(plan, depth > 0 ? pipeline(depth - 1) : base());
      case 7: {
        const lists = names(plan, 'dynamic');
        return lists.length > 0 ? expand(plan, choose(lists), choose(['dynamic', 'string'])) : plan;
      }
      case 8: {
        const lists = names(plan, 'dynamic');
        if (lists.length === 0) return plan;
        return mvApply(plan, ++made, choose(lists), (group) => body(group));
      }
      case 9:
        return keyable.length > 0 ? partitionBy(plan, ++made, chooseKey(keyable), (group) => body(group)) : plan;
      case 10:
        return keyable.length > 0
          ? sort(plan, { name: choose(keyable), descending: roll(2) === 0 }, { name: choose(keyable) })
          : plan;
      default:
        return take(plan, 1 + roll(5));
    }
  };
  const pipeline = (depth: number): Plan => {
    let plan = base();
    for (let i = roll(4); i >= 0; i--) plan = step(plan, depth);
    return plan;
  };
  const plan = pipeline(2);
  // A plan used twice is one node.
  if (roll(6) === 0)
    return union(
      plan,
      project(plan, (of) => ({ [plan.columns[0]!.name]: of(plan.columns[0]!.name) })),
    );
  return plan;
}
