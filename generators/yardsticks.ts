/**
 * What truth says about an attack's audit events besides that they are one: whether the person had signed in silently
 * shortly before. Rules about silent sign-ins mean exactly that; how they are written (letter case, the last sign-in only,
 * publication times) is what a replay shows, and the difference is the cost of the writing.
 */
import { lastAtOrBefore } from '../src/base/search.ts';
import { columnTicksFromTicks, formatDatetime, parseIsoDatetime, ticksFromColumnTicks } from '../src/base/time.ts';
import { INTENDED_TICKS, type TruthEvent, type TruthIncident } from '../src/dataset/truth.ts';
import type { Plan } from './attacks/plan.ts';
import { Calendar } from './background/calendar.ts';
import { silentRows, writeSilentSignIns } from './background/silent-sign-ins.ts';
import type { Span } from './rows.ts';
import type { Tenant } from './tenant.ts';

const REMEMBERED_TICKS = 24 * 60 * 60 * 1e7;

/** The incidents with what the yardsticks say about their events. */
export function measureIncidents(tenant: Tenant, span: Span, plan: Plan): TruthIncident[] {
  const owners = new Map<string, number>();
  for (const { truth, ordinal } of plan.events) owners.set(truth.id, ordinal);
  const plannedSignIns = new Map<number, number[]>();
  for (const event of plan.events) {
    if (event.kind !== 'signIn' || event.table !== 'AADNonInteractiveUserSignInLogs' || event.step.result !== '0')
      continue;
    const times = plannedSignIns.get(event.ordinal);
    if (times) times.push(event.created);
    else plannedSignIns.set(event.ordinal, [event.created]);
  }
  const timesByOrdinal = new Map<number, Float64Array>();
  const timesOf = (ordinal: number): Float64Array => {
    let times = timesByOrdinal.get(ordinal);
    if (!times) {
      times = Float64Array.from([
        ...silentSuccesses(tenant, span, ordinal),
        ...(plannedSignIns.get(ordinal) ?? []),
      ]).sort();
      timesByOrdinal.set(ordinal, times);
    }
    return times;
  };

  const measure = (event: TruthEvent): TruthEvent => {
    if (event.table !== 'AuditLogs' || event.role === 'benign') return event;
    const ordinal = owners.get(event.id)!;
    const isUser = ordinal < tenant.userCount && event.account === tenant.directoryName(ordinal);
    if (!isUser)
      return event.role === 'malicious' ? { ...event, intent: { covered: false, why: 'an application acts' } } : event;
    const at = columnTicksFromTicks(parseIsoDatetime(event.at)!);
    const before = lastAtOrBefore(timesOf(ordinal), at);
    const known = before !== undefined && at - before <= REMEMBERED_TICKS;
    const seen = known ? { ...event, silentSignInBefore: formatDatetime(ticksFromColumnTicks(before)) } : event;
    if (event.role !== 'malicious') return seen;
    if (!known) return { ...seen, intent: { covered: false, why: 'no silent sign-in in the day before' } };
    const minutes = Math.ceil((at - before) / 6e8);
    return at - before <= INTENDED_TICKS
      ? { ...seen, intent: { covered: true } }
      : { ...seen, intent: { covered: false, why: `the last silent sign-in was ${minutes} minutes before` } };
  };
  return plan.incidents.map((incident) =>
    incident.kind === 'attack' ? { ...incident, events: incident.events.map(measure) } : incident,
  );
}

/** Event times of the account's successful silent sign-ins in the background. */
function silentSuccesses(tenant: Tenant, span: Span, ordinal: number): number[] {
  const rows = silentRows(tenant, span, []);
  const account = tenant.account(ordinal);
  rows.begin(account);
  writeSilentSignIns(tenant, new Calendar(tenant, account, span), rows);
  const { fields, dimensions, rowCount } = rows.seal();
  const created = fields['created'] as Float64Array;
  const outcome = fields['outcome']!;
  const results = dimensions['outcome']!.attributes['ResultType'] as readonly string[];
  const times: number[] = [];
  for (let row = 0; row < rowCount; row++) if (results[outcome[row]!] === '0') times.push(created[row]!);
  return times;
}
