/**
 * Every explanation is held to brute force: the clause that it names is repaired, for that event or that key alone, in
 * the plan; and the row-by-row reference must then let the event through where it did not before.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDatetime } from '../../src/base/time.ts';
import { parseDynamic, stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Value } from '../../src/columns/value.ts';
import { type Expression, type Plan, planInputs, type Span, visitPlan } from '../../src/plan/plan.ts';
import { evaluationOf, scheduleRuns } from '../../src/replay/schedule.ts';
import { type CompiledRule, compileRule } from '../../src/rules/compile.ts';
import { INGESTION_TIME, tableColumns } from '../../src/schema/tables.ts';
import type { Cause, Explanation } from '../../src/why/explanation.ts';
import { PICKS } from '../../src/why/hidden.ts';
import { replaceNode } from '../../src/why/trace.ts';
import { whyNot } from '../../src/why/why.ts';
import { reference, type ReferenceTables } from '../support/reference-evaluator.ts';
import { at, audit, memoryDataset, signIn, type TestRow, type TestTables } from '../support/replay.ts';

const AUDITS = `AuditLogs
| extend UPN = tostring(InitiatedBy.user.userPrincipalName), ActorId = tostring(InitiatedBy.user.id)`;
const SIGN_INS = 'AADNonInteractiveUserSignInLogs | where ResultType == 0';

/** Queries that carry the event's id, as `CorrelationId` or in `Ids`, as far as the clause that may lose it. */
const SHAPES: Readonly<Record<string, string>> = {
  'a where of several conditions':
    'AuditLogs | where Result == "success" and Category in ("Policy", "RoleManagement") and OperationName has "role" | project CorrelationId',
  'a where of alternatives':
    'AuditLogs | where Category == "policy" or OperationName startswith "Delete" | project CorrelationId',
  'a time of day': 'AuditLogs | where TimeGenerated between (ago(80m) .. ago(10m)) | project CorrelationId',
  'an account that is not empty': `${AUDITS} | where isnotempty(UPN) | where UPN endswith "@x" | project CorrelationId, UPN`,
  'the seed rule': `let SignIns = ${SIGN_INS} | summarize LastSignIn = max(TimeGenerated) by UserPrincipalName, IPAddress;
${AUDITS} | where Category in ("Policy", "RoleManagement")
| join kind=inner SignIns on $left.UPN == $right.UserPrincipalName
| where (TimeGenerated - LastSignIn) between (0m .. 60m)
| project CorrelationId, LastSignIn`,
  'the first of the day': `let SignIns = ${SIGN_INS} | summarize First = min(TimeGenerated) by UserPrincipalName;
${AUDITS} | join kind=inner SignIns on $left.UPN == $right.UserPrincipalName | where First > TimeGenerated | project CorrelationId`,
  'a join with every sign-in': `${AUDITS} | join kind=inner (${SIGN_INS} | project SignIn = TimeGenerated, UserPrincipalName) on $left.UPN == $right.UserPrincipalName
| where (TimeGenerated - SignIn) between (0m .. 30m) | project CorrelationId`,
  'a join with conditions on the other side': `${AUDITS}
| join kind=inner (AADNonInteractiveUserSignInLogs | where ResultType == 0 and IPAddress == "2.2.2.2") on $left.UPN == $right.UserPrincipalName
| project CorrelationId`,
  'a join without kind': `${AUDITS} | join (${SIGN_INS} | project UserPrincipalName) on $left.UPN == $right.UserPrincipalName | project CorrelationId`,
  'an anti join': `${AUDITS} | join kind=leftanti (${SIGN_INS}) on $left.UPN == $right.UserPrincipalName | project CorrelationId`,
  'a semi join': `${AUDITS} | join kind=leftsemi (${SIGN_INS}) on $left.UPN == $right.UserPrincipalName | project CorrelationId`,
  'a join by id, then by address': `${AUDITS} | extend ActorIp = tostring(InitiatedBy.user.ipAddress)
| join kind=inner (${SIGN_INS}) on $left.ActorId == $right.UserId | where IPAddress == ActorIp and TimeGenerated > TimeGenerated1 | project CorrelationId`,
  'two joins': `${AUDITS} | join kind=inner (${SIGN_INS} | project UserPrincipalName, IPAddress) on $left.UPN == $right.UserPrincipalName
| join kind=inner (AADNonInteractiveUserSignInLogs | where ResultType != 0 | project IPAddress, Failed = TimeGenerated) on IPAddress
| where Failed < TimeGenerated | project CorrelationId`,
  'a count': `${AUDITS} | summarize Attempts = count(), Ids = make_set(CorrelationId) by UPN | where Attempts >= 3 | project Ids`,
  'a distinct count after a condition': `${AUDITS} | where Result == "success"
| summarize Operations = dcount(OperationName), Ids = make_set(CorrelationId) by UPN, bin(TimeGenerated, 1h) | where Operations > 1`,
  "the last row's columns": `${AUDITS} | summarize arg_max(TimeGenerated, Category, Result), Ids = make_set(CorrelationId) by UPN
| where Category == "Policy" and Result == "success"`,
  'the latest two': 'AuditLogs | project TimeGenerated, CorrelationId | top 2 by TimeGenerated desc',
  'an expansion':
    'AuditLogs | mv-expand Target = TargetResources | where tostring(Target) != "t2" | project CorrelationId',
  'an application to each target':
    'AuditLogs | mv-apply Target = TargetResources to typeof(string) on (where Target == "t1" | project Target) | project CorrelationId, Target',
  'a union': `union (AuditLogs | where Category == "Policy"), (AuditLogs | where OperationName has "delete" and Result == "success") | project CorrelationId`,
  'a list from a sub-query': `${AUDITS} | where UPN in ((${SIGN_INS} | project UserPrincipalName)) | project CorrelationId`,
  'a bound from a sub-query': `AuditLogs | where TimeGenerated > toscalar(${SIGN_INS} | summarize max(TimeGenerated)) | project CorrelationId`,
};

const START = at('08:00');
const END = at('12:00');
const minute = fc.integer({ min: 0, max: 239 });
const UPNS = ['ann@x', 'ann@x', 'ann@x', 'Ann@x', 'bob@x', 'eve@y', ''] as const;
/** What the tables hold of the row, by which the reference and the engine see the same. */
const lag = fc.constantFrom(0n, 0n, 2n, 7n, 130n);

const audits = fc.array(
  fc.record({
    minute,
    lag,
    upn: fc.constantFrom(...UPNS),
    id: fc.constantFrom('u1', 'u2', ''),
    ip: fc.constantFrom('1.1.1.1', '2.2.2.2'),
    Category: fc.constantFrom('Policy', 'policy', 'RoleManagement', 'UserManagement'),
    OperationName: fc.constantFrom('Add member to role', 'Delete user', 'Update policy'),
    Result: fc.constantFrom('success', 'success', 'failure'),
    TargetResources: fc.constantFrom<unknown>([], ['t1'], ['t2'], ['t1', 't2'], null),
  }),
  { minLength: 1, maxLength: 7 },
);
const signIns = fc.array(
  fc.record({
    minute,
    lag,
    upn: fc.constantFrom(...UPNS),
    UserId: fc.constantFrom('u1', 'u2', 'u3'),
    ip: fc.constantFrom('1.1.1.1', '2.2.2.2', '3.3.3.3'),
    ResultType: fc.constantFrom('0', '0', '50126'),
  }),
  { maxLength: 9 },
);
const logs = fc.record({ audits, signIns });
type Logs = typeof logs extends fc.Arbitrary<infer T> ? T : never;

/** One user who signs in before and after two acts: what is rare among random logs. */
const TWICE: Logs = {
  audits: [100, 110].map((at) => ({
    minute: at,
    lag: 0n,
    upn: 'ann@x',
    id: 'u1',
    ip: '1.1.1.1',
    Category: 'Policy',
    OperationName: 'Update policy',
    Result: 'success',
    TargetResources: ['t1'],
  })),
  signIns: [95, 115].map((at) => ({
    minute: at,
    lag: 0n,
    upn: 'ann@x',
    UserId: 'u1',
    ip: '1.1.1.1',
    ResultType: '0',
  })),
};

function tablesOf({
  audits: a,
  signIns: s,
}: Logs): Required<Pick<TestTables, 'AuditLogs' | 'AADNonInteractiveUserSignInLogs'>> {
  // No two rows at one tick: where order would decide, every path must see the same one.
  const timeOf = (minutes: number, index: number): bigint => START + BigInt(minutes) * 600_000_000n + BigInt(index);
  return {
    AuditLogs: a.map(({ minute: m, lag: late, upn, id, ip, TargetResources, ...more }, index) => {
      const time = timeOf(m, index);
      const event = `event-${index}`;
      const user = { id, userPrincipalName: upn, ipAddress: ip };
      return audit(time, upn, {
        ...more,
        ...(TargetResources === null ? {} : { TargetResources }),
        InitiatedBy: { user },
        CorrelationId: event,
        event,
        ingested: time + late * 600_000_000n,
      });
    }),
    AADNonInteractiveUserSignInLogs: s.map(({ minute: m, lag: late, upn, ip, ...more }, index) => {
      const time = timeOf(m, index + 100);
      return signIn(time, upn, ip, { ...more, ingested: time + late * 600_000_000n });
    }),
  };
}

function referenceTables(tables: TestTables): ReferenceTables {
  return Object.fromEntries(
    Object.entries(tables).map(([table, rows]) => {
      const columns = [...tableColumns(table)!.map(({ name }) => name), INGESTION_TIME];
      const types = new Map(tableColumns(table)!.map(({ name, type }) => [name, type]));
      const cells = (rows as readonly TestRow[]).map((row) =>
        columns.map((name): Value => {
          if (name === 'TimeGenerated') return row.at;
          if (name === INGESTION_TIME) return row.ingested ?? row.at;
          const given = row[name];
          if (given === undefined) return types.get(name) === 'string' ? '' : null;
          return types.get(name) === 'dynamic' ? parseDynamic(JSON.stringify(given)) : (given as Value);
        }),
      );
      return [table, { columns, rows: cells }];
    }),
  );
}

const RULE = `name: test
kind: Scheduled
severity: High
queryFrequency: 1h
queryPeriod: 90m
triggerOperator: gt
triggerThreshold: 0
query: |
`;

function compiled(query: string): CompiledRule {
  return compileRule(
    RULE +
      query
        .split('\n')
        .map((line) => `  ${line}\n`)
        .join(''),
    { file: 'rule.yaml' },
  );
}

const span = { start: 0, end: 0 };
const call = (name: string, ...args: Expression[]): Expression => ({ kind: 'call', name, args, type: 'bool', span });
const text = (value: string): Expression => ({ kind: 'literal', type: 'string', value, span });

function holds(rows: readonly (readonly Value[])[], event: string): boolean {
  return rows.some((row) => row.some((cell) => stringifyDynamic(cell).includes(`"${event}"`)));
}

/** Holds explanations of one rule over one set of logs to the reference. */
class Proof {
  readonly rule: CompiledRule;
  readonly tables: ReferenceTables;
  readonly nodes: Plan[] = [];

  constructor(rule: CompiledRule, tables: TestTables) {
    this.rule = rule;
    this.tables = referenceTables(tables);
    visitPlan(rule.plan.root, (node) => this.nodes.push(node));
  }

  runOf(index: number) {
    return evaluationOf(scheduleRuns({ start: START, end: END }, this.rule.rule)[index]!, this.rule.rule);
  }

  node<Op extends Plan['op']>(
    op: Op,
    clause: Span | undefined,
    where: (node: Extract<Plan, { op: Op }>) => boolean = () => true,
  ) {
    const found = this.nodes.find(
      (node): node is Extract<Plan, { op: Op }> =>
        node.op === op &&
        (clause === undefined || (node.span.start <= clause.start && node.span.end >= clause.end)) &&
        where(node as Extract<Plan, { op: Op }>),
    );
    if (!found) throw new Error(`the plan has no ${op} at ${JSON.stringify(clause)}`);
    return found;
  }

  /** Whether the row is the event's. */
  isEvent(node: Plan, event: string): Expression {
    const tests = node.columns.flatMap(({ name, type }, index): Expression[] => {
      if (name === 'CorrelationId') return [call('==', { kind: 'column', index, type, span }, text(event))];
      if (name === 'Ids') return [call('set_has_element', { kind: 'column', index, type, span }, text(event))];
      return [];
    });
    if (tests.length === 0) throw new Error(`the event cannot be told in ${node.columns.map((c) => c.name).join()}`);
    return tests[0]!;
  }

  /** The filter with the conditions at these places true wherever `also` is. */
  relaxed(filter: Extract<Plan, { op: 'filter' }>, clauses: readonly Span[], also: Expression): Plan {
    const relax = (e: Expression): Expression => {
      if (e.kind === 'call' && e.name === 'and') return { ...e, args: e.args.map(relax) };
      const named = clauses.some(
        ({ start, end }) =>
          (e.span.start === start && e.span.end === end) || (start <= e.span.start && end >= e.span.end),
      );
      return named ? call('or', e, also) : e;
    };
    return { ...filter, predicate: relax(filter.predicate) };
  }

  /** The filter that a clause is, or is a condition of. */
  filterAt(clause: Span): Extract<Plan, { op: 'filter' }> {
    return this.node('filter', clause, ({ predicate }) => predicate.span.end >= clause.start);
  }

  joinAbove(event: string, run: ReturnType<Proof['runOf']>): Extract<Plan, { op: 'join' }> {
    const lost = this.nodes.findLast(
      (node): node is Extract<Plan, { op: 'join' }> =>
        node.op === 'join' &&
        holds(reference(node.left, this.tables, run), event) &&
        !holds(reference(node, this.tables, run), event),
    );
    if (!lost) throw new Error('no join lost the event');
    return lost;
  }

  prove(explanation: Explanation): void {
    const { event, cause, clause, run: index, also } = explanation;
    const { tables } = this;
    expect(clause.position.line).toBeGreaterThan(0);
    const everyRun = scheduleRuns({ start: START, end: END }, this.rule.rule).map((_, i) => this.runOf(i));
    const returned = everyRun.some((run) => holds(reference(this.rule.plan.root, tables, run), event));
    expect(cause === 'returned').toBe(returned);
    if (cause === 'returned') return;
    if (index === null) {
      this.proveUnseen(explanation);
      return;
    }
    const run = this.runOf(index);
    const places = [clause, ...also].map((c) => c.span!);
    switch (cause) {
      case 'condition':
      case 'threshold': {
        const filter = this.filterAt(clause.span!);
        const apply = this.nodes.find((node) => node.op === 'apply' && contains(node.body, filter));
        // Inside the body of an application there is no event to tell; there the condition is dropped for all.
        const repaired = this.relaxed(
          filter,
          places,
          apply ? call('==', text(''), text('')) : this.isEvent(filter.input, event),
        );
        const [before, after] = apply ? [apply, replaceNode(apply, filter, repaired)] : [filter, repaired];
        expect(holds(reference(before, tables, run), event)).toBe(false);
        expect(holds(reference(after, tables, run), event)).toBe(true);
        return;
      }
      case 'hidden': {
        const node = this.node('summarize', clause.span);
        const filter = this.nodes.find(
          (n): n is Extract<Plan, { op: 'filter' }> =>
            n.op === 'filter' && contains(n, node) && this.textOf(n).includes(String(explanation.details['condition'])),
        )!;
        expect(holds(reference(filter, tables, run), event)).toBe(false);
        const rows = this.undone(node, run);
        const repaired = replaceNode(filter, node, { op: 'rows', rows, columns: node.columns, span });
        expect(holds(reference(repaired, tables, run), event)).toBe(true);
        return;
      }
      case 'case': {
        const sub = this.subquery(clause.span!);
        if (sub) {
          const filter = this.filterAt(clause.span!);
          const predicate = { ...sub, name: 'in~' } as Expression;
          expect(holds(reference({ ...filter, predicate }, tables, run), event)).toBe(true);
          return;
        }
        const join = this.joinAbove(event, run);
        const fold = (e: Expression): Expression => ({
          kind: 'call',
          name: 'tolower',
          args: [e],
          type: 'string',
          span,
        });
        const on = join.on.map((pair) => ({ left: fold(pair.left), right: fold(pair.right) }));
        // Folding the keys of all rows at once makes equal what only the event's key should be.
        const kind = join.kind === 'innerunique' ? 'inner' : join.kind;
        expect(holds(reference({ ...join, on, kind }, tables, run), event)).toBe(true);
        return;
      }
      case 'partner-dropped': {
        const filter = this.filterAt(clause.span!);
        const always = call('==', text(''), text(''));
        const lost = this.lostAbove(filter, event, run);
        const open = replaceNodeDeep(lost, filter, this.relaxed(filter, places, always));
        const repaired: Plan =
          open.op === 'join' && explanation.details['deduplicated'] === true ? { ...open, kind: 'inner' } : open;
        expect(holds(reference(repaired, tables, run), event)).toBe(true);
        return;
      }
      case 'partner-outside-window':
      case 'partner-not-ingested': {
        const scan = this.node('scan', clause.span);
        const lost = this.lostAbove(scan, event, run);
        expect(holds(reference(lost, tables, run), event)).toBe(false);
        const window =
          cause === 'partner-not-ingested'
            ? { ...run.window!, ingestedBy: END * 2n }
            : { after: 0n, until: END * 2n, ingestedBy: END * 2n };
        const wide = { now: run.now, window };
        // The partner may fail conditions of its side as well; what is claimed is that it is there.
        const key = explanation.values[0]!.value.slice(1, -1);
        const partners = reference(scan, tables, wide).filter((row) => row.includes(key));
        expect(partners.length).toBeGreaterThan(0);
        expect(reference(scan, tables, run).filter((row) => row.includes(key))).toEqual([]);
        return;
      }
      case 'other-key': {
        const id = explanation.values.at(-1)!.value.slice(1, -1);
        const { columns, rows } = tables['AADNonInteractiveUserSignInLogs']!;
        const candidate = String(explanation.details['candidate']).slice(1, -1);
        expect(
          rows.some(
            (row) => (row.includes(id) && row[columns.indexOf('UserPrincipalName')] === candidate) || row.includes(id),
          ),
        ).toBe(true);
        this.proveNoPartner(event, run);
        return;
      }
      case 'no-partner':
        this.proveNoPartner(event, run);
        return;
      case 'deduplicated': {
        const join = this.node('join', clause.span);
        expect(holds(reference(join, tables, run), event)).toBe(false);
        expect(holds(reference({ ...join, kind: 'inner' }, tables, run), event)).toBe(true);
        return;
      }
      case 'excluded': {
        const join = this.node('join', clause.span);
        expect(holds(reference(join, tables, run), event)).toBe(false);
        expect(holds(reference({ ...join, kind: 'leftsemi' }, tables, run), event)).toBe(true);
        return;
      }
      case 'cut': {
        const node = this.node('take', clause.span);
        const place: Expression = {
          kind: 'literal',
          type: 'long',
          value: BigInt(Number(explanation.details['place'])),
          span,
        };
        expect(holds(reference(node, tables, run), event)).toBe(false);
        expect(holds(reference({ ...node, count: place }, tables, run), event)).toBe(true);
        return;
      }
      case 'expanded-to-nothing': {
        const node = this.node('expand', clause.span);
        expect(holds(reference(node, tables, run), event)).toBe(false);
        const one: Expression = { kind: 'literal', type: 'dynamic', value: ['x'], span };
        const expansions = node.expansions.map((e) => ({ ...e, expression: one }));
        expect(holds(reference({ ...node, expansions }, tables, run), event)).toBe(true);
        return;
      }
      default:
        throw new Error(`nothing proves ${cause}`);
    }
  }

  /** The key is on the other side of no row, whatever the window. */
  proveNoPartner(event: string, run: ReturnType<Proof['runOf']>): void {
    const wide = { now: run.now, window: undefined };
    const listed = this.nodes.find((node) => node.op === 'filter' && this.subquery(node.span));
    if (listed?.op === 'filter') {
      expect(holds(reference(listed.input, this.tables, run), event)).toBe(true);
      expect(holds(reference(listed, this.tables, wide), event)).toBe(false);
      return;
    }
    const join = this.joinAbove(event, run);
    const keys = keysOf(
      reference(
        projected(
          join.left,
          join.on.map((p) => p.left),
          join.left,
        ),
        this.tables,
        run,
      ),
      event,
    );
    const others = reference(
      projected(
        join.right,
        join.on.map((p) => p.right),
      ),
      this.tables,
      wide,
    ).map((row) => stringifyDynamic([...row]));
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.some((key) => others.includes(key))).toBe(false);
  }

  proveUnseen({ event, cause, details, generated, ingested }: Explanation): void {
    const runs = scheduleRuns({ start: START, end: END }, this.rule.rule);
    const [g, i] = [at(generated), at(ingested)];
    const covering = runs.filter(({ at: t }) => g > t - this.rule.rule.queryPeriod && g <= t);
    if (cause === 'outside-window') expect(covering).toEqual([]);
    else {
      expect(cause).toBe('not-ingested');
      expect(covering.every(({ wallClock }) => i > wallClock)).toBe(true);
      expect(details['lookedAt']).toBe(formatDatetime(covering.at(-1)!.wallClock));
    }
    expect(event).not.toBe('');
  }

  /** The nearest operator above `below` that has the event coming in and not going out. */
  lostAbove(below: Plan, event: string, run: ReturnType<Proof['runOf']>): Plan {
    const lost = this.nodes.find(
      (node) =>
        containsDeep(node, below) &&
        planInputs(node).some((input) => !containsDeep(input, below) || node.op === 'filter') &&
        planInputs(node).some((input) => holds(reference(input, this.tables, run), event)) &&
        !holds(reference(node, this.tables, run), event),
    );
    if (!lost) throw new Error('no operator above lost the event');
    return lost;
  }

  subquery({ start, end }: Span): Expression | undefined {
    const filter = this.nodes.find((node) => node.op === 'filter' && node.span.start <= start && node.span.end >= end);
    if (filter?.op !== 'filter' || filter.predicate.kind !== 'call' || filter.predicate.name !== 'in') return undefined;
    return filter.predicate.args[1]?.kind === 'tolist' ? filter.predicate : undefined;
  }

  textOf({ span: { start, end } }: Plan): string {
    return this.rule.plan.text.slice(start, end).replace(/\s+/g, ' ');
  }

  /** The input rows of a `summarize`, each with its own values for what one row is picked for. */
  undone(node: Extract<Plan, { op: 'summarize' }>, run: ReturnType<Proof['runOf']>): Value[][] {
    const groups = new Map(
      reference(node, this.tables, run).map((row) => [stringifyDynamic(row.slice(0, node.keys.length)), row]),
    );
    const values = node.aggregates.map((a) =>
      !PICKS.has(a.function) ? undefined : a.function.startsWith('arg_') ? (a.args[1] ?? a.args[0]!) : a.args[0]!,
    );
    const wanted = [...node.keys, ...values.map((e) => e ?? node.keys[0]!)];
    return reference(projected(node.input, wanted), this.tables, run).map((row) => {
      const keys = row.slice(0, node.keys.length);
      const group = groups.get(stringifyDynamic(keys))!;
      return [...keys, ...values.map((e, i) => (e ? row[node.keys.length + i]! : group[node.keys.length + i]!))];
    });
  }
}

function projected(input: Plan, expressions: readonly Expression[], carrying?: Plan): Plan {
  const id = carrying?.columns.findIndex((c) => c.name === 'CorrelationId') ?? -1;
  const all: Expression[] = [
    ...expressions,
    ...(id < 0 ? [] : [{ kind: 'column', index: id, type: 'string', span } as Expression]),
  ];
  return {
    op: 'project',
    input,
    expressions: all,
    columns: all.map((e, i) => ({ name: `c${i}`, type: e.type })),
    span,
  };
}

function keysOf(rows: readonly (readonly Value[])[], event: string): string[] {
  return rows.flatMap((row) => (row.at(-1) === event ? [stringifyDynamic(row.slice(0, -1) as Value)] : []));
}

function contains(plan: Plan, wanted: Plan): boolean {
  return plan === wanted || planInputs(plan).some((input) => contains(input, wanted));
}

/** Sub-queries of expressions included. */
function containsDeep(plan: Plan, wanted: Plan): boolean {
  let found = false;
  visitPlan(plan, (node) => {
    if (node === wanted) found = true;
  });
  return found;
}

/** As `replaceNode`, in sub-queries of filters too. */
function replaceNodeDeep(plan: Plan, target: Plan, replacement: Plan): Plan {
  const out = replaceNode(plan, target, replacement);
  if (out.op !== 'filter') return out;
  const visit = (e: Expression): Expression => {
    if (e.kind === 'call') return { ...e, args: e.args.map(visit) };
    return e.kind === 'tolist' || e.kind === 'toscalar' ? { ...e, plan: replaceNode(e.plan, target, replacement) } : e;
  };
  return { ...out, predicate: visit(out.predicate) };
}

describe('an explanation, where its clause is repaired for the event alone, lets the event through', () => {
  const proved = new Map<Cause, number>();

  test.each(Object.entries(SHAPES))('%s', async (_, query) => {
    const rule = compiled(query);
    await fc.assert(
      fc.asyncProperty(logs, fc.constantFrom(1, 1, 3), async (of, partitionCount) => {
        const tables = tablesOf(of);
        const events = tables.AuditLogs.map((row) => row.event!);
        const dataset = memoryDataset(tables, { partitionCount, start: START, end: END });
        const explanations = await whyNot(dataset, rule, events, { threads: 0 });
        expect(explanations.map(({ event }) => event)).toEqual(events);
        const proof = new Proof(rule, tables);
        for (const explanation of explanations) {
          proof.prove(explanation);
          proved.set(explanation.cause, (proved.get(explanation.cause) ?? 0) + 1);
        }
      }),
      { numRuns: 30, examples: [[TWICE, 1]] },
    );
  });

  test('covers every cause that a query can have', () => {
    const causes: Cause[] = [
      'condition',
      'threshold',
      'hidden',
      'no-partner',
      'case',
      'other-key',
      'partner-dropped',
      'partner-outside-window',
      'partner-not-ingested',
      'excluded',
      'deduplicated',
      'cut',
      'expanded-to-nothing',
      'not-ingested',
      'returned',
    ];
    expect(causes.filter((cause) => !proved.has(cause))).toEqual([]);
  });
});
