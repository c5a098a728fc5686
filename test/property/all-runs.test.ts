/**
 * All runs at once against run by run: equal rows in equal order with equal lineage, for random plans, for the shapes of
 * rule that the fast way is for, and for windows that slide by less than they are long.
 */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Batch, ColumnInfo } from '../../src/columns/batch.ts';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { ScalarType } from '../../src/columns/value.ts';
import { ungrouped } from '../../src/engine/allruns/asked.ts';
import { AllRuns, perRunReason } from '../../src/engine/allruns/all-runs.ts';
import { areTwins, correlationsOf } from '../../src/engine/allruns/correlation.ts';
import { prepare } from '../../src/engine/execute.ts';
import type { Run, TableSource } from '../../src/engine/run.ts';
import { batchFromRows, MemoryTables, rowsOf } from '../../src/engine/tables.ts';
import { compileQuery } from '../../src/kql/compile.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { AUDIT_COLUMNS, dice, logs, partitioned, planFrom, SIGNIN_COLUMNS } from '../support/logs.ts';
import { MINUTE, NOON } from '../support/seed-rule.ts';

/** Rows as texts with the events behind them. */
function rowTexts(batch: Batch): string[] {
  return rowsOf(batch).map((row, at) => {
    const events = batch.lineage ? batch.lineage.sets[batch.lineage.codes[at]!]!.join(' ') : '';
    return `${row.map((value) => stringifyDynamic(value)).join(' | ')} <${events}>`;
  });
}

/** Runs every `step` minutes over `window` minutes, five minutes late, over all the time that the logs fill. */
function slidingRuns(step: number, window: number): Run[] {
  const runs: Run[] = [];
  for (let minute = step; minute <= 240 + window; minute += step) {
    const now = NOON + BigInt(minute) * MINUTE;
    runs.push({ now, window: { after: now - BigInt(window) * MINUTE, until: now, ingestedBy: now + 5n * MINUTE } });
  }
  return runs;
}

/** Runs that take what came in since the last one, as near-real-time rules do. */
function ingestionRuns(step: number): Run[] {
  return Array.from({ length: Math.ceil(270 / step) }, (_, i) => {
    const now = NOON + BigInt((i + 1) * step) * MINUTE;
    return {
      now,
      window: { after: -1n, until: NOON * 2n, ingestedAfter: now - BigInt(step) * MINUTE, ingestedBy: now },
    };
  });
}

/** Three times the rows, so that windows hold several of one account. */
const busyLogs = fc
  .tuple(logs, logs, logs)
  .map((all) => ({ SigninLogs: all.flatMap((of) => of.SigninLogs), AuditLogs: all.flatMap((of) => of.AuditLogs) }));

const schedules = fc.constantFrom(
  slidingRuns(60, 120),
  slidingRuns(20, 60),
  slidingRuns(7, 240),
  slidingRuns(60, 30),
  ingestionRuns(30),
);

/** How many rows were compared, or undefined where the plan is for the general way. */
function compare(plan: Plan, source: TableSource, runs: readonly Run[]): number | undefined {
  const all = new AllRuns(prepare(plan, source), runs, new Map(), 1);
  const rows = all.rows(plan);
  if (!rows) return undefined;
  const general = prepare(plan, source);
  let compared = 0;
  runs.forEach((run, r) => {
    const expected = rowTexts(general.run(run));
    compared += expected.length;
    expect(rowTexts(rows.at(r, runs.length))).toEqual(expected);
  });
  return compared;
}

/** Counts rows out of the nodes of a plan. */
function counting(): { readonly observe: (node: Plan, count: number) => void; readonly counts: Map<Plan, number> } {
  const counts = new Map<Plan, number>();
  return { counts, observe: (node, count) => counts.set(node, (counts.get(node) ?? 0) + count) };
}

/** Holds the kernel to the general way, in any order; gives how many rows were compared. */
function compareKernel(plan: Plan, source: TableSource, runs: readonly Run[]): number {
  const expected = counting();
  const general = prepare(plan, source, { observe: expected.observe });
  const found = counting();
  const all = new AllRuns(prepare(plan, source, { observe: found.observe }), runs, new Map(), 1);
  const rows = all.unordered(plan)!;
  let compared = 0;
  runs.forEach((run, r) => {
    const texts = rowTexts(general.run(run)).sort();
    compared += texts.length;
    expect(rowTexts(rows.at(r, runs.length)).sort()).toEqual(texts);
  });
  // What a replay warns of: steps that let nothing through.
  for (const [node, count] of found.counts) {
    if (expected.counts.has(node)) expect([node.op, count > 0]).toEqual([node.op, expected.counts.get(node)! > 0]);
  }
  return compared;
}

const SILENT = `SigninLogs | where ResultType == '0'`;
const ACTS = `AuditLogs | where Category in ('Policy', 'RoleManagement') | extend UPN = tostring(InitiatedBy.user.userPrincipalName) | where isnotempty(UPN)`;
const LAST = `${SILENT} | summarize Last = max(TimeGenerated) by UserPrincipalName, IPAddress`;
const WITHIN = `| where (TimeGenerated - Last) between (0m .. 60m)`;

/** Shapes of the family: what correlates two legs of an account's events within bounds of time, and what slides. */
const SHAPES: Readonly<Record<string, string>> = {
  'last event by account and address': `${ACTS} | join kind=inner (${LAST}) on $left.UPN == $right.UserPrincipalName ${WITHIN} | project TimeGenerated, UPN, OperationName, Last, Since = TimeGenerated - Last`,
  'sides swapped': `${LAST} | join kind=inner (${ACTS}) on $left.UserPrincipalName == $right.UPN ${WITHIN}`,
  'innerunique, the default': `${ACTS} | join (${SILENT}) on $left.UPN == $right.UserPrincipalName | where TimeGenerated1 between (TimeGenerated - 1h .. TimeGenerated)`,
  'every pair within bounds': `${ACTS} | join kind=inner (${SILENT} | project UserPrincipalName, At = TimeGenerated, IPAddress) on $left.UPN == $right.UserPrincipalName | where (TimeGenerated - At) between (-10m .. 30m)`,
  'first event': `${ACTS} | join kind=inner (${SILENT} | summarize First = min(TimeGenerated), n = count() by UserPrincipalName) on $left.UPN == $right.UserPrincipalName | where TimeGenerated > First`,
  'arg_max with its row': `${ACTS} | join kind=inner (${SILENT} | summarize arg_max(TimeGenerated, *) by UserPrincipalName) on $left.UPN == $right.UserPrincipalName | where TimeGenerated - TimeGenerated1 < 1h`,
  'arg_min of attempts': `${ACTS} | join kind=inner (${SILENT} | summarize arg_min(TimeGenerated, IPAddress, Attempts) by UserPrincipalName) on $left.UPN == $right.UserPrincipalName`,
  'count above a threshold': `${ACTS} | join kind=inner (SigninLogs | where ResultType != '0' | summarize Failures = count(), dcount(IPAddress) by UserPrincipalName | where Failures > 1) on $left.UPN == $right.UserPrincipalName`,
  'countif and sum': `${ACTS} | join kind=inner (SigninLogs | summarize Failures = countif(ResultType != '0'), Total = sum(Attempts) by UserPrincipalName) on $left.UPN == $right.UserPrincipalName | where Failures >= 1`,
  'any event, several keys': `SigninLogs | summarize take_any(ResultType), make_set(IPAddress) by UserPrincipalName, bin(TimeGenerated, 1h) | join kind=inner (SigninLogs | summarize Last = max(TimeGenerated) by UserPrincipalName, bin(TimeGenerated, 1h)) on UserPrincipalName, TimeGenerated`,
  'both legs in one table': `SigninLogs | where ResultType != '0' | join kind=inner (${SILENT} | project UserPrincipalName, Good = TimeGenerated, IPAddress) on UserPrincipalName | where Good > TimeGenerated and Good - TimeGenerated < 4h`,
  'semi join': `${ACTS} | join kind=leftsemi (${SILENT}) on $left.UPN == $right.UserPrincipalName`,
  'first seen': `${SILENT} | join kind=leftanti (${ACTS}) on $left.UserPrincipalName == $right.UPN`,
  'right side kept': `${SILENT} | join kind=rightanti (${ACTS}) on $left.UserPrincipalName == $right.UPN`,
  'first seen in a window of its own': `SigninLogs | where TimeGenerated > ago(20m) | join kind=leftanti (SigninLogs | where TimeGenerated between (ago(2h) .. ago(20m))) on UserPrincipalName, IPAddress`,
  'first seen against a list of what is known': `SigninLogs | where TimeGenerated > ago(20m) and ResultType == '0' | summarize First = min(TimeGenerated), Last = max(TimeGenerated), count() by UserPrincipalName, IPAddress | join kind=leftanti (SigninLogs | where TimeGenerated between (ago(2h) .. ago(20m)) and ResultType == '0' | distinct UserPrincipalName, IPAddress) on UserPrincipalName, IPAddress`,
  'known by a group of groups': `SigninLogs | join kind=leftsemi (AuditLogs | extend UPN = tostring(InitiatedBy.user.userPrincipalName) | summarize n = count(), arg_max(TimeGenerated, Category) by UPN, OperationName | summarize dcount(OperationName) by Name = tolower(UPN) | project Who = Name) on $left.UserPrincipalName == $right.Who`,
  'the left side asked': `SigninLogs | summarize count() by UserPrincipalName, IPAddress | where count_ > 0 | summarize max(count_) by UserPrincipalName | join kind=rightsemi (${ACTS}) on $left.UserPrincipalName == $right.UPN`,
  'outer join': `${ACTS} | join kind=leftouter (${LAST}) on $left.UPN == $right.UserPrincipalName`,
  'summarized after the join': `${ACTS} | join kind=inner (${LAST}) on $left.UPN == $right.UserPrincipalName ${WITHIN} | summarize Acts = make_list(OperationName), count(), arg_max(TimeGenerated, IPAddress) by UPN`,
  'a threshold by address': `SigninLogs | where ResultType != '0' | summarize Users = dcount(UserPrincipalName), Failures = count(), min(TimeGenerated), max(TimeGenerated), percentile(Attempts, 50), avg(Attempts) by IPAddress | where Users >= 2`,
  'targets spread out': `AuditLogs | mv-expand TargetResources | summarize count(), make_set(tostring(TargetResources)) by OperationName, Category`,
  'a union of both tables': `union withsource=T (SigninLogs | project TimeGenerated, Who = UserPrincipalName), (${ACTS} | project TimeGenerated, Who = UPN) | summarize count(), take_any(T), max(TimeGenerated) by Who | order by Who asc, count_ desc`,
};

const columnsOf = (columns: Readonly<Record<string, ScalarType>>): ColumnInfo[] =>
  Object.entries(columns).map(([name, type]) => ({ name, type }));
const tables = { SigninLogs: columnsOf(SIGNIN_COLUMNS), AuditLogs: columnsOf(AUDIT_COLUMNS) };

/** Rules of the family that the kernel is for, as KQL. */
const correlations = fc
  .record({
    // Which rows of the log stand for a group.
    log: fc.constantFrom(
      'project UserPrincipalName, IPAddress, Attempts, At = TimeGenerated',
      'summarize At = max(TimeGenerated) by UserPrincipalName, IPAddress',
      'summarize At = max(TimeGenerated) by UserPrincipalName',
      'summarize At = min(TimeGenerated) by UserPrincipalName, ResultType',
      'summarize arg_max(TimeGenerated, IPAddress, Attempts) by UserPrincipalName | project-rename At = TimeGenerated',
      'summarize arg_max(TimeGenerated, *) by UserPrincipalName | project-rename At = TimeGenerated',
      'summarize arg_min(TimeGenerated, IPAddress, Attempts) by UserPrincipalName | extend At = TimeGenerated',
      'summarize At = max(TimeGenerated) by UserPrincipalName, Kind = iff(ResultType == "0", "in", "out"), IPAddress',
      'summarize n = count(), At = max(TimeGenerated) by UserPrincipalName | where n > 1',
      'summarize At = min(TimeGenerated), Last = max(TimeGenerated), dcount(IPAddress) by UserPrincipalName, ResultType | extend At = At + 0s',
      'summarize Sum = sum(Attempts), Ips = make_set(IPAddress), At = max(TimeGenerated) by UserPrincipalName | project-away Sum',
      'summarize arg_max(TimeGenerated, Attempts) by UserPrincipalName, IPAddress | where Attempts > 1 | project-rename At = TimeGenerated',
    ),
    where: fc.constantFrom(
      '',
      "| where ResultType == '0'",
      '| where Attempts >= 1',
      "| where TimeGenerated > ago(45m) and IPAddress != '9.9.9.9'",
    ),
    other: fc.constantFrom(
      'AuditLogs | extend User = tostring(InitiatedBy.user.userPrincipalName)',
      "AuditLogs | where Category in ('Policy', 'RoleManagement') | extend User = tostring(InitiatedBy.user.userPrincipalName) | where isnotempty(User)",
      "SigninLogs | where ResultType != '0' | project TimeGenerated, User = UserPrincipalName, Failed = ResultType",
      "SigninLogs | where ResultType != '0' | summarize TimeGenerated = min(TimeGenerated), n = count() by User = UserPrincipalName",
    ),
    join: fc.constantFrom('left', 'right', 'unique'),
    bounds: fc.constantFrom(
      '',
      '| where (Act - At) between (0m .. 60m)',
      '| where Act - At <= 30m and Act > At',
      '| where At between (Act - 20m .. Act + 5m)',
      '| where Act < At',
      '| where At - Act > 10m',
      '| where (At - Act) between (-45m .. 15m) | where Act != At',
      '| where 40m >= Act - At',
    ),
    after: fc.constantFrom('', '| project Act, At, User, Gap = Act - At', '| extend Gap = Act - At | where Gap != 7m'),
  })
  .map(({ log, where, other, join, bounds, after }) => {
    const left = `${other} | project-rename Act = TimeGenerated`;
    const right = `SigninLogs ${where} | ${log}`;
    return join === 'left'
      ? `${right} | join kind=inner (${left}) on $left.UserPrincipalName == $right.User ${bounds} ${after}`
      : `${left} | join ${join === 'unique' ? '' : 'kind=inner'} (${right}) on $left.User == $right.UserPrincipalName ${bounds} ${after}`;
  });

describe('the windowed-correlation kernel', () => {
  it('gives the rows of the general way, and counts as it does, for random rules of the family', () => {
    let compared = 0;
    const seen = new Set<string>();
    fc.assert(
      fc.property(correlations, busyLogs, schedules, (kql, of, runs) => {
        const plan = compileQuery(kql, { tables }).root;
        const source = partitioned(of, 1)[0]!;
        const [correlation] = correlationsOf(plan, () => 100, 1);
        expect(correlation, kql).toBeDefined();
        seen.add(correlation!.join.kind);
        seen.add(`${correlation!.log.sums ? 'sums' : correlation!.log.picks} ${correlation!.bounds !== undefined}`);
        compared += compareKernel(plan, source, runs);
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(2000);
    expect(seen.size).toBe(10);
  });

  it('gives the same whichever side of a table joined with itself has more rows', () => {
    const conditions = fc.constantFrom(
      "ResultType == '0'",
      "ResultType != '0'",
      'Attempts > 1',
      "IPAddress == '1.1.1.1'",
    );
    const bounds = fc.constantFrom(
      '',
      '| where (At - Act) between (0m .. 30m)',
      '| where At < Act and IPAddress != IPAddress1',
    );
    let compared = 0;
    const larger = new Set<number>();
    fc.assert(
      fc.property(conditions, conditions, bounds, busyLogs, schedules, (left, right, within, of, runs) => {
        const side = (condition: string, time: string): string =>
          `SigninLogs | where ${condition} | project ${time} = TimeGenerated, UserPrincipalName, IPAddress`;
        const kql = `${side(left, 'At')} | join kind=inner (${side(right, 'Act')}) on UserPrincipalName ${within}`;
        const plan = compileQuery(kql, { tables }).root;
        const [first, second] = correlationsOf(plan, () => 100, 1);
        expect(areTwins(first!, second!)).toBe(true);
        const source = partitioned(of, 1)[0]!;
        const { join } = first!;
        const evaluator = prepare(plan, source);
        const sizes = [join.left, join.right].map((input) => evaluator.hoisted(input)!.batch.rowCount);
        larger.add(Math.sign(sizes[0]! - sizes[1]!));
        compared += compareKernel(plan, source, runs);
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(500);
    expect(larger.size).toBe(3);
  });
});

/** Rules that look keys up in groups: a baseline of what is known, a list of who is affected. */
const lookUps = fc
  .record({
    kind: fc.constantFrom('leftanti', 'leftsemi', 'rightanti', 'rightsemi'),
    keys: fc.constantFrom('UserPrincipalName', 'UserPrincipalName, IPAddress'),
    kept: fc.constantFrom(
      'SigninLogs',
      'SigninLogs | where TimeGenerated > ago(30m)',
      'SigninLogs | summarize First = min(TimeGenerated), Last = max(TimeGenerated), n = count() by UserPrincipalName, IPAddress',
      "SigninLogs | where ResultType == '0' | summarize arg_min(TimeGenerated, Attempts, Kind = iff(Attempts > 1, 'many', 'few')) by UserPrincipalName, IPAddress",
    ),
    where: fc.constantFrom(
      '',
      '| where TimeGenerated between (ago(3h) .. ago(30m))',
      "| where ResultType == '0'",
      "| where ResultType == 'no such'",
    ),
    groups: fc.constantFrom(
      'distinct UserPrincipalName, IPAddress',
      'summarize n = count() by IPAddress, UserPrincipalName',
      'summarize arg_max(TimeGenerated, ResultType) by UserPrincipalName, IPAddress',
      'summarize make_set(ResultType) by IPAddress, UserPrincipalName = tolower(UserPrincipalName)',
      'summarize n = count() by UserPrincipalName, IPAddress, ResultType | summarize max(n) by IPAddress, UserPrincipalName',
    ),
  })
  .map(({ kind, keys, kept, where, groups }) => {
    const asked = `SigninLogs ${where} | ${groups}`;
    return kind.startsWith('left')
      ? `${kept} | join kind=${kind} (${asked}) on ${keys}`
      : `${asked} | join kind=${kind} (${kept}) on ${keys}`;
  });

describe('a semi or anti join with groups', () => {
  it('gives what each run alone gives, and counts as it does, for random rules that look keys up', () => {
    let compared = 0;
    fc.assert(
      fc.property(lookUps, busyLogs, schedules, (kql, of, runs) => {
        const plan = compileQuery(kql, { tables }).root;
        expect(plan.op === 'join' && ungrouped(plan), kql).toBeTruthy();
        const source = partitioned(of, 1)[0]!;
        compared += compare(plan, source, runs)!;
        compareKernel(plan, source, runs);
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(2000);
  });
});

test('one account with more pairs than anything can hold is left to the general way', () => {
  const at = (row: number): bigint => NOON + BigInt(row % 60) * MINUTE;
  const rows = Array.from({ length: 60_000 }, (_, row) => row);
  const signIns = rows.map((row) => [at(row), 'ann@x', '1.1.1.1', '0', 1n]);
  const schema = columnsOf(SIGNIN_COLUMNS);
  const plan = compileQuery(
    `SigninLogs | where ResultType == '0' | join kind=inner (SigninLogs | project UserPrincipalName, IPAddress) on UserPrincipalName`,
    { tables },
  ).root;
  const source = new MemoryTables({ SigninLogs: batchFromRows(schema, signIns) });
  const runs = slidingRuns(60, 120);
  expect(correlationsOf(plan, () => 100, 1)).not.toEqual([]);
  expect(new AllRuns(prepare(plan, source, { maxRows: 1000 }), runs, new Map(), 1).unordered(plan)).toBeUndefined();
});

describe('all runs at once', () => {
  const plans = new Map(Object.entries(SHAPES).map(([name, kql]) => [name, compileQuery(kql, { tables }).root]));

  it.each([...plans.keys()])('gives what each run alone gives: %s', (name) => {
    const plan = plans.get(name)!;
    expect(perRunReason(plan)).toBe(undefined);
    let compared = 0;
    fc.assert(
      fc.property(busyLogs, schedules, (of, runs) => {
        const rows = compare(plan, partitioned(of, 1)[0]!, runs);
        expect(rows).toBeDefined();
        compared += rows!;
      }),
      { numRuns: 30 },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it('gives what each run alone gives on random plans', () => {
    let compared = 0;
    fc.assert(
      fc.property(logs, dice, schedules, (of, numbers, runs) => {
        compared += compare(planFrom(numbers), partitioned(of, 1)[0]!, runs) ?? 0;
      }),
      { numRuns: 250 },
    );
    expect(compared).toBeGreaterThan(2000);
  });
});
