/**
 * Checks of what the query means on Entra ID’s tables: things that compile, run, and do not do what the rule says.
 * All of them read the bound plan; none reads the text except to see how a literal was written.
 */
import { conjuncts } from '../../engine/nature.ts';
import {
  type Expression,
  type Plan,
  planExpressions,
  planInputs,
  scannedTables,
  type Span,
  visitExpression,
  visitPlan,
} from '../../plan/plan.ts';
import { nearestName } from '../../base/errors.ts';
import { INGESTION_TIME } from '../../schema/tables.ts';
import type { QueryEdit, RuleChange } from '../change.ts';
import { formatDuration } from '../duration.ts';
import type { Rule } from '../rule.ts';
import { MAX_INTERVAL } from './limits.ts';
import type { Check, CheckInput, Report } from './check.ts';
import { columnsBehind, isColumn, type Origin, originOf } from './origins.ts';

/** Sign-in tables: TimeGenerated is when the row was published, and UserPrincipalName is always in lower case. */
const SIGN_IN_TABLES = new Set(['SigninLogs', 'AADNonInteractiveUserSignInLogs']);
const IP_COLUMNS = new Set(['IPAddress', 'ipAddress']);

/** Categories of AuditLogs. */
const CATEGORIES = new Set([
  'AdministrativeUnit',
  'Agreement',
  'ApplicationManagement',
  'AttributeManagement',
  'Authentication',
  'Authorization',
  'AuthorizationPolicy',
  'B2C',
  'CertificateBasedAuthConfiguration',
  'Contact',
  'CrossTenantAccessSettings',
  'CrossTenantIdentitySyncSettings',
  'Device',
  'DeviceConfiguration',
  'DeviceManagement',
  'DirectoryManagement',
  'EntitlementManagement',
  'ExternalUserProfile',
  'GroupManagement',
  'IdentityProtection',
  'KerberosDomain',
  'KeyManagement',
  'Label',
  'MicrosoftSupportAccessManagement',
  'MultiTenantOrg',
  'Other',
  'PermissionGrantPolicy',
  'Policy',
  'PolicyManagement',
  'ProvisioningManagement',
  'ResourceManagement',
  'RoleManagement',
  'TaskManagement',
  'UserManagement',
  'WorkflowManagement',
]);
/** Categories that hold self-service and routine operations beside privileged ones. */
const BROAD_CATEGORIES = new Set(['UserManagement', 'GroupManagement', 'ApplicationManagement', 'Policy']);
/** Columns that tell one row of a log from every other. */
const STABLE_KEYS = new Set([
  'Id',
  'CorrelationId',
  'TimeGenerated',
  'ActivityDateTime',
  'CreatedDateTime',
  'OriginalRequestId',
  'UniqueTokenIdentifier',
  '_ItemId',
]);

type Call = Extract<Expression, { kind: 'call' }>;
/** A name as KQL takes it anywhere. */
const quoted = (name: string): string => `['${name}']`;

/** Every call of the plan, with the plan of the rows that it is over. */
function callsOf(plan: Plan | undefined): { call: Call; input: Plan }[] {
  const calls: { call: Call; input: Plan }[] = [];
  if (!plan) return calls;
  visitPlan(plan, (node) => {
    const input = planInputs(node)[0] ?? node;
    for (const expression of node.op === 'join' ? [] : planExpressions(node)) {
      visitExpression(expression, (e) => {
        if (e.kind === 'call') calls.push({ call: e, input });
      });
    }
  });
  return calls;
}

function nodesOf<Op extends Plan['op']>(plan: Plan | undefined, op: Op): Extract<Plan, { op: Op }>[] {
  const nodes: Extract<Plan, { op: Op }>[] = [];
  if (plan) visitPlan(plan, (node) => node.op === op && nodes.push(node as Extract<Plan, { op: Op }>));
  return nodes;
}

/** The key pairs of every join, with the origins of both sides. */
function joinKeys(plan: Plan | undefined): { span: Span; left: Origin; right: Origin }[] {
  return nodesOf(plan, 'join').flatMap((join) =>
    join.on.map((pair) => ({
      span: pair.left.span,
      left: originOf(pair.left, join.left),
      right: originOf(pair.right, join.right),
    })),
  );
}

const isSignInUpn = (origin: Origin): boolean =>
  origin.kind === 'column' && SIGN_IN_TABLES.has(origin.table) && origin.column === 'UserPrincipalName';
const isAuditUpn = (origin: Origin): boolean =>
  origin.kind === 'column' && origin.table === 'AuditLogs' && origin.path.at(-1)?.toLowerCase() === 'userprincipalname';
const isFolded = (origin: Origin): boolean => origin.kind === 'column' && origin.folded;

const isAddress = (origin: Origin): boolean =>
  origin.kind === 'column' && (IP_COLUMNS.has(origin.column) || IP_COLUMNS.has(origin.path.at(-1) ?? ''));

/** Pairs of a sign-in’s and an audit row’s user principal name that must be equal. */
function upnPairs(plan: Plan | undefined): { span: Span; audit: Origin }[] {
  const pairs: { span: Span; audit: Origin }[] = [];
  const add = (span: Span, a: Origin, b: Origin): void => {
    if (isSignInUpn(a) && isAuditUpn(b)) pairs.push({ span, audit: b });
    else if (isSignInUpn(b) && isAuditUpn(a)) pairs.push({ span, audit: a });
  };
  for (const { span, left, right } of joinKeys(plan)) add(span, left, right);
  for (const { call, input } of callsOf(plan)) {
    if (call.name === '==' && call.args.length === 2) {
      add(call.span, originOf(call.args[0]!, input), originOf(call.args[1]!, input));
    }
  }
  return pairs;
}

/** Expressions that put two times side by side, with what stands behind them. */
function timeComparisons(plan: Plan | undefined): { span: Span; sides: [Origin, Origin] }[] {
  return callsOf(plan).flatMap(({ call, input }) => {
    const args = call.name === 'datetime_diff' ? call.args.slice(1) : call.args;
    if (!['-', '<', '<=', '>', '>=', 'datetime_diff'].includes(call.name) || args.length !== 2) return [];
    if (!args.every((arg) => arg.type === 'datetime')) return [];
    return [{ span: call.span, sides: [originOf(args[0]!, input), originOf(args[1]!, input)] as [Origin, Origin] }];
  });
}

/** Filters on columns of `table`, by the columns’ names. */
function filteredColumns(plan: Plan | undefined, table: string): Set<string> {
  const names = new Set<string>();
  for (const { predicate, input } of nodesOf(plan, 'filter')) {
    visitExpression(predicate, (e) => {
      if (e.kind !== 'column') return;
      for (const origin of columnsBehind(originOf(e, input))) if (origin.table === table) names.add(origin.column);
    });
  }
  return names;
}

/** Literals that AuditLogs’ Category is compared with, each with its place. */
function categoryLiterals(plan: Plan | undefined): { value: string; span: Span; call: Call }[] {
  return callsOf(plan).flatMap(({ call, input }) => {
    const [first, ...rest] = call.args;
    if (!first || !['==', 'in', '=~', 'in~', 'has_any'].includes(call.name)) return [];
    if (!isColumn(originOf(first, input), 'AuditLogs', 'Category')) return [];
    return rest.flatMap((arg) => {
      if (arg.kind !== 'literal') return [];
      const values = Array.isArray(arg.value) ? arg.value : [arg.value];
      return values.flatMap((value) => (typeof value === 'string' ? [{ value, span: arg.span, call }] : []));
    });
  });
}

/** The text of the query at `span`; undefined where the place is none (a column that `*` stands for). */
function textAt({ query }: Rule, { start, end }: Span): string | undefined {
  return end > start && end <= query.length ? query.slice(start, end) : undefined;
}

/** Each of the expressions inside a call of `name`. */
function wrapped(rule: Rule, expressions: readonly Expression[], name: string): RuleChange | undefined {
  const texts = expressions.map(({ span }) => textAt(rule, span));
  if (texts.includes(undefined)) return undefined;
  return edited(...expressions.map(({ span }, i) => ({ ...span, text: `${name}(${texts[i]})` })));
}

function edited(...edits: readonly QueryEdit[]): RuleChange | undefined {
  return edits.length === 0 ? undefined : { fields: {}, edits: edits.toSorted((a, b) => a.start - b.start) };
}

function isAt({ start, end }: Span, span: Span | undefined): boolean {
  return span !== undefined && start === span.start && end === span.end;
}

function callAt(plan: Plan | undefined, span: Span | undefined): Call | undefined {
  return callsOf(plan).find(({ call }) => isAt(call.span, span))?.call;
}

/** The scans with `steps` behind each. */
function afterScans(rule: Rule, scans: readonly Plan[], steps: string): RuleChange | undefined {
  const places = new Map(scans.map(({ span }) => [`${span.start} ${span.end}`, span]));
  const edits: QueryEdit[] = [];
  for (const span of places.values()) {
    const name = textAt(rule, span);
    if (name === undefined || !/^(\w+|\['\w+'\])$/.test(name)) return undefined;
    edits.push({ ...span, text: `(${name} | ${steps})` });
  }
  return edited(...edits);
}

/** The scans that the result’s rows come from, those that are only joined to them left out. */
function leadingScans(plan: Plan): Plan[] {
  if (plan.op === 'scan') return [plan];
  const inputs = planInputs(plan);
  return (plan.op === 'union' ? inputs : inputs.slice(0, 1)).flatMap(leadingScans);
}

function once(reports: Iterable<Report>): Report[] {
  const seen = new Set<string>();
  return [...reports].filter((report) => {
    const key = 'span' in report ? `${report.span.start} ${report.span.end}` : report.path.join('/');
    return !seen.has(key) && seen.add(key);
  });
}

/** A clean query to lay the examples over. */
const audit = (...lines: string[]): string =>
  `query: |\n${['AuditLogs', ...lines].map((line) => `  ${line}`).join('\n')}\n`;

const AUDIT_JOIN = (key: string, signIns: string, ...rest: string[]): string =>
  audit(
    '| where Result == "success" and OperationName == "Add member to role"',
    `| extend Actor = ${key}`,
    `| join kind=inner (${signIns}) on $left.Actor == $right.${key.includes('user.id') ? 'UserId' : 'UserPrincipalName'}`,
    ...rest,
  );
const BY_ID = 'tostring(InitiatedBy.user.id)';
const BY_UPN = 'tostring(InitiatedBy.user.userPrincipalName)';
const NI = 'AADNonInteractiveUserSignInLogs';

/** Also a warning of every replay. */
export const AGO_BEYOND_PERIOD: Check = {
  id: 'ago-beyond-period',
  severity: 'error',
  title: 'ago() in the query looks back further than queryPeriod',
  why: 'A run sees no rows older than queryPeriod: the query silently works on less than it asks for.',
  fix: 'Raise queryPeriod to what the query asks for.',
  bad: audit(
    '| where TimeGenerated > ago(14d)',
    '| where OperationName == "Delete user" and Result == "success"',
    '| extend Actor = tostring(InitiatedBy.user.id)',
  ),
  good: audit(
    '| where OperationName == "Delete user" and Result == "success"',
    '| extend Actor = tostring(InitiatedBy.user.id)',
  ),
  *find(input) {
    for (const { span, ticks } of lookBacks(input)) {
      if (ticks > input.rule.queryPeriod) {
        yield {
          span,
          message: `ago(${formatDuration(ticks)}) asks for more than queryPeriod ${formatDuration(input.rule.queryPeriod)} lets the query see`,
        };
      }
    }
  },
  repair(input, span) {
    const asked = lookBacks(input).find((lookBack) => isAt(lookBack.span, span))?.ticks;
    if (asked === undefined) return undefined;
    return { fields: { queryPeriod: asked < MAX_INTERVAL ? asked : MAX_INTERVAL }, edits: [] };
  },
};

const CHECKS: readonly Check[] = [
  {
    id: 'last-event-only',
    severity: 'warning',
    title: 'Only the last event of the window is compared with another event’s time',
    why: 'max() and arg_max() keep the last event of the whole window, not the last one before the other event: a later, harmless event hides the attack, and the rule finds less the busier the user is.',
    fix: 'Join all events and filter by time, then keep the nearest one before: summarize arg_max(...) after the time filter.',
    bad: AUDIT_JOIN(
      BY_ID,
      `${NI} | summarize LastSeen = max(CreatedDateTime) by UserId`,
      '| where ActivityDateTime - LastSeen between (0m .. 60m)',
    ),
    good: AUDIT_JOIN(
      BY_ID,
      `${NI} | project UserId, Seen = CreatedDateTime`,
      '| where ActivityDateTime - Seen between (0m .. 60m)',
      '| summarize arg_max(Seen, *) by Id',
    ),
    *find({ plan }) {
      for (const { sides } of timeComparisons(plan)) {
        const [a, b] = sides;
        for (const [one, other] of [
          [a, b],
          [b, a],
        ] as const) {
          if (one.kind !== 'aggregate' || !/^(max|maxif|arg_max)$/.test(one.aggregate.function)) continue;
          if (other.kind !== 'column') continue;
          yield {
            span: one.aggregate.span,
            message: `${one.aggregate.function}() keeps only the last event of the window, which may be later than the event that it is compared with; that event is then lost`,
          };
        }
      }
    },
    /** Every event is a group of its own, so all of them are compared. */
    repair({ rule, plan }, span) {
      for (const summarize of nodesOf(plan, 'summarize')) {
        const time = summarize.aggregates.find((aggregate) => isAt(aggregate.span, span))?.args[0];
        const text = time && textAt(rule, time.span);
        if (!text) continue;
        const { end } = summarize.span;
        return edited({ start: end, end, text: `${summarize.keys.length > 0 ? ',' : ' by'} EachEvent = ${text}` });
      }
      return undefined;
    },
  },
  {
    id: 'fan-out-by-address',
    severity: 'warning',
    title: 'Grouped by user and IP address, but joined by user only',
    why: 'One event becomes one row for each address of the user, and is blamed on addresses that had nothing to do with it.',
    fix: 'Join on the address too (InitiatedBy.user.ipAddress in AuditLogs), or do not group by it.',
    bad: AUDIT_JOIN(BY_ID, `${NI} | summarize Times = count() by UserId, IPAddress`),
    good: AUDIT_JOIN(BY_ID, `${NI} | summarize Times = count() by UserId`),
    *find({ plan }) {
      for (const join of nodesOf(plan, 'join')) {
        for (const side of ['left', 'right'] as const) {
          const summarize = below(join[side]);
          if (summarize?.op !== 'summarize') continue;
          const keys = summarize.keys.map((key) => originOf(key, summarize.input));
          const byAddress = keys.some(isAddress);
          const joined = join.on.map((pair) => originOf(pair[side], join[side]));
          const joinedByAddress = joined.some(isAddress);
          if (byAddress && !joinedByAddress && keys.length > joined.length) {
            yield {
              span: join.span,
              message:
                'this side has one row for each IP address, but the join is not on the address: every event is repeated for each of them',
            };
          }
        }
      }
    },
    repair({ rule, plan }, span) {
      const join = nodesOf(plan, 'join').find((node) => isAt(node.span, span));
      for (const side of join ? [join.left, join.right] : []) {
        const summarize = below(side);
        if (summarize.op !== 'summarize') continue;
        for (const [index, key] of summarize.keys.entries()) {
          const origin = originOf(key, summarize.input);
          if (origin.kind !== 'column' || !isAddress(origin) || textAt(rule, key.span) === undefined) continue;
          const named = /=\s*$/.test(rule.query.slice(0, key.span.start));
          const name = quoted(summarize.columns[index]!.name);
          return edited({ ...key.span, text: named ? '""' : `${name} = ""` });
        }
      }
      return undefined;
    },
  },
  {
    id: 'upn-letter-case',
    severity: 'warning',
    title: 'User principal names of sign-ins and audit rows are compared in their letter case',
    why: 'Sign-in logs hold the name in lower case, AuditLogs as the directory spells it: every user with a capital letter in the name is invisible.',
    fix: 'Put tolower() around both, or join on UserId and InitiatedBy.user.id.',
    bad: AUDIT_JOIN(
      BY_UPN,
      `${NI} | summarize Times = count() by UserPrincipalName`,
      '// tocsin-disable: upn-of-guests',
    ),
    good: AUDIT_JOIN(BY_ID, `${NI} | summarize Times = count() by UserId`),
    *find({ plan }) {
      for (const { span, audit: side } of upnPairs(plan)) {
        if (!isFolded(side))
          yield {
            span,
            message:
              'the audit row’s user principal name is compared in its own letter case with the sign-in’s, which is in lower case',
          };
      }
    },
    repair({ rule, plan }, span) {
      for (const join of nodesOf(plan, 'join')) {
        const pair = join.on.find((on) => isAt(on.left.span, span));
        if (!pair) continue;
        const side = isAuditUpn(originOf(pair.left, join.left)) ? 'left' : 'right';
        const key = pair[side];
        if (key.kind !== 'column') return undefined;
        const name = quoted(join[side].columns[key.index]!.name);
        const fold = `extend ${name} = tolower(${name})`;
        const at = side === 'left' ? join.span.start : join.right.span.end;
        return edited({ start: at, end: at, text: side === 'left' ? `${fold} | ` : ` | ${fold}` });
      }
      return wrapped(rule, callAt(plan, span)?.args ?? [], 'tolower');
    },
  },
  {
    id: 'upn-of-guests',
    severity: 'info',
    title: 'Guests are lost where sign-ins and audit rows are joined by user principal name',
    why: 'Sign-in logs show a guest’s home address (a@partner.com), AuditLogs the directory’s name (a_partner.com#EXT#@tenant): they never meet.',
    fix: 'Join on UserId and InitiatedBy.user.id.',
    bad: AUDIT_JOIN(`tolower(${BY_UPN})`, `${NI} | summarize Times = count() by UserPrincipalName`),
    good: AUDIT_JOIN(BY_ID, `${NI} | summarize Times = count() by UserId`),
    *find({ plan, rule }) {
      if (/#ext#/i.test(rule.query)) return;
      for (const { span } of upnPairs(plan))
        yield { span, message: 'guests have one name in sign-ins and another in AuditLogs, so this never joins them' };
    },
  },
  {
    id: 'application-actors-dropped',
    severity: 'warning',
    title: 'Actions of applications are dropped',
    why: 'Where an application acts, InitiatedBy.user is empty: PIM, provisioning, and attackers who hold an application’s credential.',
    fix: 'Take the actor from either: coalesce(tostring(InitiatedBy.user.id), tostring(InitiatedBy.app.servicePrincipalId)), or say in the description that only users are meant.',
    bad: audit(
      '| where Result == "success" and OperationName == "Add member to role"',
      `| extend Actor = ${BY_UPN}`,
      '| where isnotempty(Actor)',
    ),
    good: audit(
      '| where Result == "success" and OperationName == "Add member to role"',
      '| extend Actor = coalesce(tostring(InitiatedBy.user.id), tostring(InitiatedBy.app.servicePrincipalId))',
      '| where isnotempty(Actor)',
    ),
    *find({ plan }) {
      const required = nodesOf(plan, 'filter').flatMap(({ predicate, input }) =>
        conjuncts(predicate).map((condition) => ({ condition, input })),
      );
      for (const { condition, input } of required) {
        if (condition.kind !== 'call' || !['isnotempty', 'isnotnull', '!='].includes(condition.name)) continue;
        const [first, second] = condition.args;
        if (condition.name === '!=' && !(second?.kind === 'literal' && second.value === '')) continue;
        if (isColumn(originOf(first!, input), 'AuditLogs', 'InitiatedBy', 'user')) {
          yield {
            span: condition.span,
            message:
              'this drops every action of an application: InitiatedBy.user is empty there, InitiatedBy.app is not',
          };
        }
      }
    },
    repair: (_, span) => span && edited({ ...span, text: 'true' }),
  },
  {
    id: 'category-unknown',
    severity: 'warning',
    title: 'A category that AuditLogs never holds, or hardly ever',
    why: 'The part of the rule that asks for it never finds anything.',
    fix: 'Use the category that the operations are logged under; registrations of devices are under Device.',
    bad: audit(
      '| where Category == "DeviceManagement" and Result == "success" and OperationName has "device"',
      `| extend Actor = ${BY_ID}`,
    ),
    good: audit(
      '| where Category == "Device" and Result == "success" and OperationName has "device"',
      `| extend Actor = ${BY_ID}`,
    ),
    *find({ plan }) {
      const literals = categoryLiterals(plan);
      const named = new Set(literals.map((literal) => literal.value));
      for (const { value, span } of literals) {
        if (value === 'DeviceManagement' && !named.has('Device')) {
          yield {
            span,
            message:
              'DeviceManagement holds only bulk operations of the portal; devices that join or register are under Device',
          };
        } else if (!CATEGORIES.has(value)) {
          yield { span, message: `AuditLogs has no category ${JSON.stringify(value)}` };
        }
      }
    },
    repair({ plan }, span) {
      const literal = categoryLiterals(plan).find((candidate) => isAt(candidate.span, span));
      const meant =
        literal?.value === 'DeviceManagement' ? 'Device' : nearestName(literal?.value ?? '', [...CATEGORIES]);
      if (!literal || !meant) return undefined;
      const one = ['==', '=~'].includes(literal.call.name);
      return edited({ ...literal.span, text: one ? `"${meant}"` : `"${literal.value}", "${meant}"` });
    },
  },
  {
    id: 'category-is-no-privilege',
    severity: 'warning',
    title: 'Privileged actions are picked by category alone',
    why: 'UserManagement, GroupManagement, ApplicationManagement and Policy hold self-service and routine operations too: MFA registration, password resets, joining groups, accepting terms.',
    fix: 'Filter by OperationName, or by the role or object that was changed.',
    bad: audit('| where Category == "UserManagement" and Result == "success"', `| extend Actor = ${BY_ID}`),
    good: audit(
      '| where Category == "UserManagement" and Result == "success" and OperationName == "Delete user"',
      `| extend Actor = ${BY_ID}`,
    ),
    *find({ plan }) {
      const filtered = filteredColumns(plan, 'AuditLogs');
      if (
        ['OperationName', 'ActivityDisplayName', 'TargetResources', 'AADOperationType'].some((name) =>
          filtered.has(name),
        )
      )
        return;
      const broad = categoryLiterals(plan).filter((literal) => BROAD_CATEGORIES.has(literal.value));
      if (broad.length > 0) {
        const names = [...new Set(broad.map((literal) => literal.value))].join(', ');
        yield {
          span: broad[0]!.call.span,
          message: `${names}: routine and self-service operations are among them, and no filter on OperationName leaves them out`,
        };
      }
    },
  },
  {
    id: 'result-not-filtered',
    severity: 'warning',
    title: 'Failed actions are reported as done',
    why: 'AuditLogs holds attempts that failed; without a filter on Result the alert says that they were performed.',
    fix: 'Add: where Result == "success", or name the result in the alert.',
    bad: audit('| where OperationName == "Add member to role"', `| extend Actor = ${BY_ID}`),
    good: audit('| where OperationName == "Add member to role" and Result =~ "success"', `| extend Actor = ${BY_ID}`),
    *find({ plan }) {
      const scan = nodesOf(plan, 'scan').find((node) => node.table === 'AuditLogs');
      if (!scan) return;
      const filtered = filteredColumns(plan, 'AuditLogs');
      if (!['Result', 'ResultType', 'ResultReason', 'ResultDescription'].some((name) => filtered.has(name))) {
        yield { span: scan.span, message: 'AuditLogs is not filtered by Result, so failed attempts count as done' };
      }
    },
    repair: ({ rule, plan }) =>
      afterScans(
        rule,
        nodesOf(plan, 'scan').filter((node) => node.table === 'AuditLogs'),
        'where Result =~ "success"',
      ),
  },
  {
    id: 'string-compared-with-number',
    severity: 'info',
    title: 'A string column is compared with a number',
    why: 'ResultType is a string; the comparison works only because Kusto converts the number, and not with in, has or <.',
    fix: 'Write the number in quotes: ResultType == "0".',
    bad: 'query: |\n  SigninLogs\n  | where ResultType == 50126\n  | project TimeGenerated, Id, OperationName, Actor = UserId\nrequiredDataConnectors: []',
    good: 'query: |\n  SigninLogs\n  | where ResultType == "50126"\n  | project TimeGenerated, Id, OperationName, Actor = UserId\nrequiredDataConnectors: []',
    *find({ plan, rule }) {
      for (const { call } of callsOf(plan)) {
        if (!['==', '!=', 'in', '!in'].includes(call.name) || call.args[0]?.type !== 'string') continue;
        for (const arg of call.args.slice(1)) {
          const written = rule.query.slice(arg.span.start, arg.span.end);
          if (arg.kind === 'literal' && /^-?\d/.test(written))
            yield { span: call.span, message: `a string is compared with the number ${written}` };
        }
      }
    },
    repair({ rule, plan }, span) {
      const numbers = (callAt(plan, span)?.args.slice(1) ?? []).filter(({ span: at }) =>
        /^-?\d/.test(textAt(rule, at) ?? ''),
      );
      return edited(...numbers.map(({ span: at }) => ({ ...at, text: `"${textAt(rule, at)!}"` })));
    },
  },
  {
    id: 'publish-time-against-event-time',
    severity: 'warning',
    title: 'A sign-in’s publish time is compared with an audit row’s event time',
    why: 'TimeGenerated of a sign-in is when it was published, a minute or more after it happened; in AuditLogs it is when it happened. Actions soon after the sign-in seem to come before it.',
    fix: 'Compare CreatedDateTime of the sign-in with ActivityDateTime of the audit row.',
    bad: AUDIT_JOIN(
      BY_ID,
      `${NI} | project UserId, Seen = TimeGenerated`,
      '| where TimeGenerated - Seen between (0m .. 60m)',
    ),
    good: AUDIT_JOIN(
      BY_ID,
      `${NI} | project UserId, Seen = CreatedDateTime`,
      '| where ActivityDateTime - Seen between (0m .. 60m)',
    ),
    *find({ plan }) {
      for (const { span, sides } of timeComparisons(plan)) {
        const [a, b] = sides.map(columnsBehind);
        const published = (side: typeof a): boolean =>
          side!.some((o) => SIGN_IN_TABLES.has(o.table) && o.column === 'TimeGenerated');
        const happened = (side: typeof a): boolean =>
          side!.some(
            (o) => o.table === 'AuditLogs' && (o.column === 'TimeGenerated' || o.column === 'ActivityDateTime'),
          );
        if ((published(a) && happened(b)) || (published(b) && happened(a))) {
          // The query may use one difference in several places.
          yield {
            span,
            message:
              'TimeGenerated of a sign-in is when it was published, of an audit row when it happened: the difference is a minute or more too small',
          };
          return;
        }
      }
    },
    repair: ({ rule, plan }) =>
      afterScans(
        rule,
        nodesOf(plan, 'scan').filter((node) => SIGN_IN_TABLES.has(node.table)),
        'extend TimeGenerated = CreatedDateTime',
      ),
  },
  {
    id: 'overlap-without-guard',
    severity: 'warning',
    title: 'Runs overlap and nothing keeps a row from being reported twice',
    why: 'Where queryPeriod is longer than queryFrequency, two runs see the same event; Sentinel removes no duplicates.',
    fix: 'Look back further for late rows, but report each once: where ingestion_time() > ago(queryFrequency), with queryPeriod as long as rows may be late.',
    bad: 'queryFrequency: 1h\nqueryPeriod: 2h',
    good: 'queryFrequency: 1h\nqueryPeriod: 2h\nquery: |\n  AuditLogs\n  | where ingestion_time() > ago(1h)\n  | where OperationName == "Delete user" and Result == "success"\n  | extend Actor = tostring(InitiatedBy.user.id)',
    *find({ rule, plan }) {
      if (!plan || rule.kind === 'NRT' || rule.queryPeriod <= rule.queryFrequency) return;
      // A baseline needs its look-back, and tells old from new itself.
      if (hasBaseline(plan)) return;
      const guarded = nodesOf(plan, 'scan').some((node) =>
        node.columns.some((column) => column.name === INGESTION_TIME),
      );
      if (guarded) return;
      yield {
        path: ['queryPeriod'],
        message: `runs every ${formatDuration(rule.queryFrequency)} look back ${formatDuration(rule.queryPeriod)} without a guard on ingestion_time(): an event can be reported by several runs`,
      };
    },
    repair: ({ rule, plan }) =>
      plan &&
      afterScans(rule, leadingScans(plan), `where ingestion_time() > ago(${formatDuration(rule.queryFrequency)})`),
  },
  {
    id: 'no-stable-key',
    severity: 'info',
    title: 'The result has no column that names the event',
    why: 'Neither analysts nor playbooks can find the log row again, or tell two reports of one event apart.',
    fix: 'Return Id or CorrelationId of the events.',
    bad: audit(
      '| where OperationName == "Delete user" and Result == "success"',
      '| project Actor = tostring(InitiatedBy.user.id), OperationName',
    ),
    good: audit(
      '| where OperationName == "Delete user" and Result == "success"',
      '| project Actor = tostring(InitiatedBy.user.id), OperationName, Id',
    ),
    *find({ plan }) {
      if (!plan || isAggregated(plan)) return;
      const keys = plan.columns.map((_, index) =>
        originOf({ kind: 'column', index, type: 'string', span: plan.span }, plan),
      );
      const stable = keys.some(
        (key) =>
          key.kind === 'column' &&
          STABLE_KEYS.has(key.column) &&
          key.column !== 'TimeGenerated' &&
          key.path.length === 0,
      );
      if (!stable) yield { span: plan.span, message: 'the result has neither Id nor CorrelationId of its events' };
    },
  },
  {
    id: 'ago-repeats-period',
    severity: 'info',
    title: 'ago() in the query repeats queryPeriod',
    why: 'Sentinel limits the query to queryPeriod already. The literal changes nothing now, and silently narrows the window when somebody raises queryPeriod.',
    fix: 'Remove the filter.',
    bad: audit(
      '| where TimeGenerated > ago(1h)',
      '| where OperationName == "Delete user" and Result == "success"',
      '| extend Actor = tostring(InitiatedBy.user.id)',
    ),
    good: audit(
      '| where OperationName == "Delete user" and Result == "success"',
      '| extend Actor = tostring(InitiatedBy.user.id)',
    ),
    *find(input) {
      for (const { span, ticks, isRange } of lookBacks(input)) {
        // A range cannot do without its lower end.
        if (ticks === input.rule.queryPeriod && !isRange)
          yield { span, message: `ago(${formatDuration(ticks)}) repeats queryPeriod` };
      }
    },
  },
  AGO_BEYOND_PERIOD,
  {
    id: 'dynamic-compared',
    severity: 'info',
    title: 'A dynamic value is compared without tostring()',
    why: 'The type of a dynamic value is not known until the query runs: a number, or a string in another form, is silently unequal, and joins and grouping refuse it.',
    fix: 'Put tostring() around it.',
    bad: audit(
      '| where InitiatedBy.user.id == "x" and Result == "success" and OperationName has "user"',
      `| extend Actor = ${BY_ID}`,
    ),
    good: audit(
      '| where tostring(InitiatedBy.user.id) == "x" and Result == "success" and OperationName has "user"',
      `| extend Actor = ${BY_ID}`,
    ),
    *find({ plan }) {
      for (const { call } of callsOf(plan)) {
        if (!['==', '!=', 'in', '!in'].includes(call.name)) continue;
        const [first, second] = call.args;
        if (
          first?.type === 'dynamic' ||
          (call.args.length === 2 &&
            second?.type === 'dynamic' &&
            second.kind !== 'literal' &&
            second.kind !== 'tolist' &&
            !call.name.endsWith('in'))
        ) {
          yield { span: call.span, message: 'a dynamic value is compared without tostring()' };
        }
      }
    },
    repair({ rule, plan }, span) {
      const args = callAt(plan, span)?.args ?? [];
      return wrapped(
        rule,
        args.filter(({ type, kind }) => type === 'dynamic' && kind !== 'literal' && kind !== 'tolist'),
        'tostring',
      );
    },
  },
  {
    id: 'contains-whole-word',
    severity: 'info',
    title: 'contains where has would do',
    why: 'has finds whole terms by the index; contains reads every character of every row, and matches inside other words.',
    fix: 'Use has, unless a part of a word is meant.',
    bad: audit('| where OperationName contains "delete user" and Result == "success"', `| extend Actor = ${BY_ID}`),
    good: audit('| where OperationName has "delete user" and Result == "success"', `| extend Actor = ${BY_ID}`),
    *find({ plan }) {
      for (const { call } of callsOf(plan)) {
        const [, second] = call.args;
        if (
          (call.name === 'contains' || call.name === '!contains') &&
          second?.kind === 'literal' &&
          typeof second.value === 'string' &&
          /^[a-z0-9]{4,}( [a-z0-9]+)*$/i.test(second.value)
        ) {
          yield {
            span: call.span,
            message: `${call.name} ${JSON.stringify(second.value)} reads every character; has finds the term by the index`,
          };
        }
      }
    },
    repair({ rule, plan }, span) {
      const call = callAt(plan, span);
      const [first, second] = call?.args ?? [];
      if (!call || !first || !second) return undefined;
      const between = { start: first.span.end, end: second.span.start };
      const text = textAt(rule, between);
      return text?.trim() === call.name ? edited({ ...between, text: text.replace('contains', 'has') }) : undefined;
    },
  },
  {
    id: 'filter-after-join',
    severity: 'info',
    title: 'A filter on one side of a join stands after it',
    why: 'The join works on rows that are thrown away right after; before it, the filter would be served by the index.',
    fix: 'Move the filter into the side that it is about.',
    bad: AUDIT_JOIN(BY_ID, `${NI} | project UserId, ResultType`, '| where ResultType == "0"'),
    good: AUDIT_JOIN(BY_ID, `${NI} | where ResultType == "0" | project UserId`),
    *find({ plan }) {
      for (const { predicate, input, span } of nodesOf(plan, 'filter')) {
        if (input.op !== 'join' || (input.kind !== 'inner' && input.kind !== 'innerunique')) continue;
        const sides = new Set<string>();
        visitExpression(predicate, (e) => {
          if (e.kind === 'column') sides.add(input.output[e.index]!.side);
          if (e.kind === 'toscalar' || e.kind === 'tolist') sides.add('both').add('sides');
        });
        if (sides.size === 1)
          yield { span, message: `this filter is about the ${[...sides][0]} side of the join only` };
      }
    },
  },
];

/** The checks, each reporting a place once however often the plan holds it. */
export const QUERY_CHECKS: readonly Check[] = CHECKS.map((check) => ({
  ...check,
  find: (input) => once(check.find(input)),
}));

/** The node that gives a plan’s rows, filters and orders looked through. */
function below(plan: Plan): Plan {
  return plan.op === 'filter' || plan.op === 'sort' || plan.op === 'project' ? below(plan.input) : plan;
}

/** Whether the result’s rows stand for groups of rows, not for single ones. */
function isAggregated(plan: Plan): boolean {
  const node = below(plan);
  return node.op === 'expand' ? isAggregated(node.input) : node.op === 'summarize' || node.op === 'series';
}

/** A comparison with the past: an anti join, a series, or two scans of one table. */
function hasBaseline(plan: Plan): boolean {
  if (nodesOf(plan, 'series').length > 0) return true;
  if (nodesOf(plan, 'join').some((join) => join.kind.endsWith('anti'))) return true;
  return nodesOf(plan, 'scan').length > scannedTables(plan).length;
}

/** Lower bounds that the query sets on TimeGenerated with a literal ago(). */
function lookBacks({ plan }: CheckInput): { span: Span; ticks: bigint; isRange: boolean }[] {
  return callsOf(plan).flatMap(({ call, input }) => {
    const [first, second] = call.args;
    if (!['>', '>=', 'between'].includes(call.name) || !first || second?.kind !== 'call' || second.name !== 'ago')
      return [];
    const origin = originOf(first, input);
    const ago = second.args[0];
    if (origin.kind !== 'column' || origin.column !== 'TimeGenerated') return [];
    if (ago?.kind !== 'literal' || typeof ago.value !== 'bigint') return [];
    return [{ span: second.span, ticks: ago.value, isRange: call.name === 'between' }];
  });
}
