/** When attacks happened, when they were caught, and when alerts rang: what the report's timeline draws. */
import { parseIsoDatetime, TICKS_PER_MILLISECOND, UNIX_EPOCH_TICKS } from '../base/time.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import type { Scorable } from '../score/score.ts';

export interface TimelineAttack {
  readonly incident: TruthIncident;
  /** Event time of its first malicious event; ms since 1970. */
  readonly at: number;
  /** Wall clock of the first alert that contains a malicious event of it; undefined where none does. */
  readonly caughtAt: number | undefined;
}

/** The alerts of one run. */
export interface TimelineRun {
  /** Wall clock, ms since 1970. */
  readonly at: number;
  /** Alerts with a malicious event behind them. */
  readonly trueAlerts: number;
  readonly falseAlerts: number;
}

export interface Timeline {
  /** In order of time. */
  readonly attacks: readonly TimelineAttack[];
  /** Runs that raised alerts, in order of time. */
  readonly runs: readonly TimelineRun[];
}

export function timelineOf(
  { runs, rows, alerts }: Pick<Scorable, 'runs' | 'rows' | 'alerts'>,
  truth: readonly TruthIncident[],
): Timeline {
  const attacks = truth.filter(({ kind }) => kind === 'attack');
  const attackOf = new Map<string, string>();
  for (const { id, events } of attacks) {
    for (const event of events) if (event.role === 'malicious') attackOf.set(event.id, id);
  }
  const caught = new Map<string, bigint>();
  const counts = new Map<number, { trueAlerts: number; falseAlerts: number }>();
  for (const alert of alerts) {
    const { wallClock } = runs[alert.run]!;
    let isTrue = false;
    for (const row of alert.rows) {
      for (const event of rows[row]!.events) {
        const attack = attackOf.get(event);
        if (attack === undefined) continue;
        isTrue = true;
        const known = caught.get(attack);
        if (known === undefined || wallClock < known) caught.set(attack, wallClock);
      }
    }
    let count = counts.get(alert.run);
    if (!count) counts.set(alert.run, (count = { trueAlerts: 0, falseAlerts: 0 }));
    if (isTrue) count.trueAlerts++;
    else count.falseAlerts++;
  }
  return {
    attacks: attacks
      .map((incident): TimelineAttack => {
        const clock = caught.get(incident.id);
        return { incident, at: startOf(incident), caughtAt: clock === undefined ? undefined : unixMs(clock) };
      })
      .toSorted((a, b) => a.at - b.at || (a.incident.id < b.incident.id ? -1 : 1)),
    runs: Array.from(counts, ([run, count]) => ({ at: unixMs(runs[run]!.wallClock), ...count })).toSorted(
      (a, b) => a.at - b.at,
    ),
  };
}

function startOf({ start, events }: TruthIncident): number {
  const first = events
    .filter(({ role }) => role === 'malicious')
    .map(({ at }) => unixMsOf(at))
    .reduce((earliest, at) => Math.min(earliest, at), Number.POSITIVE_INFINITY);
  return first === Number.POSITIVE_INFINITY ? unixMsOf(start) : first;
}

function unixMs(ticks: bigint): number {
  return Number((ticks - UNIX_EPOCH_TICKS) / TICKS_PER_MILLISECOND);
}

/** Milliseconds since 1970 of an ISO 8601 time that Tocsin wrote. */
export function unixMsOf(iso: string): number {
  return unixMs(parseIsoDatetime(iso)!);
}
