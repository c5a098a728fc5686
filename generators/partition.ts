/** The rows of one partition: account by account, background first, then what was planted on the account. */
import { partitionOf } from '../src/schema/account.ts';
import type { Facts } from '../src/dataset/facts.ts';
import type { Plan, PlannedAudit, PlannedEvent, PlannedPrincipal, PlannedSignIn } from './attacks/plan.ts';
import { findActivity } from './audit-activities.ts';
import { AuditRows } from './audit-rows.ts';
import { auditRows, writeApplicationAudit, writeOwnAudit, writePrincipalAudit } from './background/audit.ts';
import { Calendar } from './background/calendar.ts';
import { writeInteractiveSignIns } from './background/interactive-sign-ins.ts';
import { writePrincipalSignIns } from './background/principal-sign-ins.ts';
import { silentRows, writeSilentSignIns } from './background/silent-sign-ins.ts';
import { PrincipalSignInRows } from './principal-rows.ts';
import { drawOutages, type Span } from './rows.ts';
import { SignInRows } from './sign-in-rows.ts';
import type { Tenant } from './tenant.ts';

/** What lies in which partition; found once for a dataset, since each of its partitions asks. */
interface Layout {
  readonly partitionCount: number;
  /** The partitions of every account: where it signs in, and where it acts, which for a guest is under another name. */
  readonly signIns: Uint16Array;
  readonly acts: Uint16Array;
  /** The user accounts that have rows in each partition, in order of ordinal. */
  readonly users: readonly Uint32Array[];
  /** What was planted, by partition and account. */
  readonly planted: readonly ReadonlyMap<number, PlannedEvent[]>[];
}

const layouts = new WeakMap<Plan, Layout>();

function layoutOf(tenant: Tenant, plan: Plan, partitionCount: number): Layout {
  const known = layouts.get(plan);
  if (known?.partitionCount === partitionCount) return known;
  const signIns = new Uint16Array(tenant.userCount);
  for (let ordinal = 0; ordinal < tenant.userCount; ordinal++) {
    signIns[ordinal] = partitionOf(tenant.signInName(ordinal), partitionCount);
  }
  const acts = signIns.slice();
  const [from, to] = tenant.ranges.guest;
  for (let ordinal = from; ordinal < to; ordinal++)
    acts[ordinal] = partitionOf(tenant.directoryName(ordinal), partitionCount);
  const planted = Array.from({ length: partitionCount }, () => new Map<number, PlannedEvent[]>());
  for (const event of plan.events) {
    const there = planted[partitionOf(event.accountKey, partitionCount)]!;
    const events = there.get(event.ordinal);
    if (events) events.push(event);
    else there.set(event.ordinal, [event]);
  }
  const users = planted.map((events) => Array.from(events.keys()).filter((ordinal) => ordinal < tenant.userCount));
  for (let ordinal = 0; ordinal < tenant.userCount; ordinal++) {
    users[signIns[ordinal]!]!.push(ordinal);
    users[acts[ordinal]!]!.push(ordinal);
  }
  const layout = {
    partitionCount,
    signIns,
    acts,
    users: users.map((ordinals) => Uint32Array.from(new Set(ordinals)).sort()),
    planted,
  };
  layouts.set(plan, layout);
  return layout;
}

/** @returns the facts of every table that has rows in the partition. */
export function generatePartition(
  tenant: Tenant,
  span: Span,
  plan: Plan,
  partition: number,
  partitionCount: number,
): Facts[] {
  const outages = (table: string) => drawOutages(tenant.seed, table, span);
  const silent = silentRows(tenant, span, outages('AADNonInteractiveUserSignInLogs'));
  const interactive = new SignInRows('SigninLogs', tenant, span, outages('SigninLogs'));
  const audit = auditRows(tenant, span, outages('AuditLogs'));
  const principals = new PrincipalSignInRows(
    'AADServicePrincipalSignInLogs',
    tenant,
    span,
    outages('AADServicePrincipalSignInLogs'),
  );
  const managed = new PrincipalSignInRows(
    'AADManagedIdentitySignInLogs',
    tenant,
    span,
    outages('AADManagedIdentitySignInLogs'),
  );

  const layout = layoutOf(tenant, plan, partitionCount);
  const planted = layout.planted[partition]!;
  for (const ordinal of layout.users[partition]!) {
    const signsInHere = layout.signIns[ordinal] === partition;
    const actsHere = layout.acts[ordinal] === partition;
    if (signsInHere || actsHere) {
      const account = tenant.account(ordinal);
      const calendar = new Calendar(tenant, account, span);
      if (signsInHere) {
        silent.begin(account);
        writeSilentSignIns(tenant, calendar, silent);
        interactive.begin(account);
        writeInteractiveSignIns(tenant, calendar, interactive);
      }
      if (actsHere) {
        audit.begin(ordinal);
        writeOwnAudit(tenant, calendar, audit);
      }
      if (signsInHere) {
        audit.begin(ordinal);
        writeApplicationAudit(tenant, calendar, audit);
      }
    }
    plantOn(ordinal);
  }
  for (const principal of tenant.servicePrincipals) {
    if (partitionOf(principal.appId, partitionCount) === partition) {
      const rows = principal.managed ? managed : principals;
      rows.begin(principal);
      writePrincipalSignIns(tenant, span, principal, rows);
    }
    if (partitionOf(principal.name, partitionCount) === partition) {
      audit.begin(principal.ordinal);
      writePrincipalAudit(tenant, span, principal, audit);
    }
    plantOn(principal.ordinal);
  }

  function plantOn(ordinal: number): void {
    for (const event of planted.get(ordinal) ?? []) {
      if (event.kind === 'audit') plantAudit(audit, event);
      else if (event.kind === 'principal') plantPrincipal(principals, event);
      else plantSignIn(event.table === 'SigninLogs' ? interactive : silent, event);
    }
  }
  return [silent, interactive, audit, principals, managed]
    .filter(({ rowCount }) => rowCount > 0)
    .map((rows) => rows.seal());
}

function plantSignIn(rows: SignInRows, event: PlannedSignIn): void {
  const { step, device } = event;
  const interactive = event.table === 'SigninLogs';
  rows.plant(
    event,
    {
      access: rows.accessCode(event.access, { protocol: step.protocol, transfer: step.transfer }),
      client: rows.clientCode(device, step.client, step.agent),
      place: rows.placeCode(event.place),
      outcome: rows.outcomeCode(step.result, step.situation, event.risk),
      step: interactive ? rows.stepCode(step.result, step.situation) : 0,
    },
    event,
    event.truth.id,
  );
}

function plantPrincipal(rows: PrincipalSignInRows, event: PlannedPrincipal): void {
  rows.begin(event.principal);
  rows.plant(
    event,
    rows.resourceCode(event.resource),
    rows.placeCode(event.place),
    rows.outcomeCode('0'),
    event.truth.id,
  );
}

function plantAudit(rows: AuditRows, event: PlannedAudit): void {
  rows.begin(event.ordinal);
  rows.plant(
    event,
    {
      activity: rows.activityCode(findActivity(event.operation)!),
      initiator: rows.initiatorCode(event.initiator, event.identity),
      target: rows.targets.append(event.target),
      detail: rows.detailCode(event.detail),
      outcome: rows.outcomeCode('success', event.reason),
    },
    event,
    event.truth.id,
  );
}
