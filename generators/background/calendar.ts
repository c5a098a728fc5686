/**
 * When and where an account is at work. Sign-ins, audit rows and planted attacks all ask here, so that they agree: an
 * administrator's actions fall into sessions of the portal that also left sign-in rows.
 */
import { purposeKey, RandomStream } from '../../src/base/random.ts';
import { AUDIT, DAY, INTERACTIVE, PORTAL } from '../assumptions.ts';
import { MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, type Span } from '../rows.ts';
import type { Account, Device, Place, Tenant } from '../tenant.ts';

/** One local day of an account that works on it. Times in milliseconds since the dataset's start; may lie outside it. */
export interface Workday {
  readonly startMs: number;
  readonly endMs: number;
  readonly site: 'office' | 'home' | 'vpn';
}

/** A stretch of work in the portal or on a command line. */
export interface PortalSession {
  /** Unique among the account's sessions. */
  readonly index: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** A change of the account's password. */
export interface PasswordChange {
  readonly atMs: number;
  readonly way: 'change' | 'selfService';
}

/** A password that the help desk resets for somebody. */
export interface PasswordReset {
  readonly atMs: number;
  /** Ordinals of who resets it, and of whose it is. */
  readonly agent: number;
  readonly owner: number;
}

/** From a change of the password to the sign-in with the new one on another device. */
export interface StaleSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

const PASSWORD = purposeKey('calendar/password');
const RESET = purposeKey('calendar/help-desk-reset');
const SIGN_IN_ANEW = purposeKey('calendar/sign-in-anew');
const WORKDAY = purposeKey('calendar/workday');
const PORTAL_STREAM = purposeKey('calendar/portal');

const NONE: readonly never[] = [];
/** Keeps the draws about resets apart from those about changes. */
const RESETS_FROM = 1 << 20;

/** Days, and addresses of the mobile network, that can lie before the start of a dataset: numbers from 0 count them too. */
export const DAYS_BEFORE = 8;
const EPOCHS_BEFORE = 16;
/** Spots: the places that every account has, then the addresses that the mobile network hands out. */
const OFFICE = 0;
const HOME = 1;
const VPN = 2;
const HOME_DESK = 3;
const MOBILE = 4;
export const SPOT_OF_SITE = { office: OFFICE, home: HOME_DESK, vpn: VPN } as const;

/** How many spots an account can have. */
export function spotCount(span: Span): number {
  return MOBILE + 2 * EPOCHS_BEFORE + Math.ceil(span.durationMs / (DAY.mobileAddressHours * MS_PER_HOUR));
}

export class Calendar {
  readonly account: Account;
  readonly #tenant: Tenant;
  readonly #span: Span;
  readonly #workdays: (Workday | null | undefined)[] = [];
  readonly #sessions: (readonly PortalSession[] | undefined)[] = [];
  readonly #places: (Place | undefined)[];
  #devices: readonly Device[] | undefined;
  #localDays: readonly number[] | undefined;
  #passwordChanges: readonly PasswordChange[] | undefined;

  constructor(tenant: Tenant, account: Account, span: Span) {
    this.#tenant = tenant;
    this.account = account;
    this.#span = span;
    const home = tenant.homePlace(account.ordinal);
    const commercial = tenant.commercialVpnPlace(account.ordinal);
    this.#places = [];
    this.#places[OFFICE] = tenant.officePlace(account.office);
    this.#places[HOME] = home;
    this.#places[VPN] = commercial ?? tenant.vpnPlace();
    // Who has a VPN of their own leaves it on at home.
    this.#places[HOME_DESK] = commercial ?? home;
  }

  get devices(): readonly Device[] {
    return (this.#devices ??= this.#tenant.devices(this.account.ordinal));
  }

  get durationMs(): number {
    return this.#span.durationMs;
  }

  /** The local days that can have rows in the dataset: a day's work is over 26 hours after its midnight. */
  localDays(): readonly number[] {
    if (this.#localDays) return this.#localDays;
    const days: number[] = [];
    for (let day = -1; day <= this.#span.days; day++) {
      const midnightMs = this.midnightMs(day);
      if (midnightMs + 26 * MS_PER_HOUR > 0 && midnightMs < this.#span.durationMs) days.push(day);
    }
    this.#localDays = days;
    return days;
  }

  midnightMs(localDay: number): number {
    return localDay * MS_PER_DAY - this.account.zoneMinutes * MS_PER_MINUTE;
  }

  localDayOf(atMs: number): number {
    return Math.floor((atMs + this.account.zoneMinutes * MS_PER_MINUTE) / MS_PER_DAY);
  }

  /** Hours since local midnight, with a fraction. */
  localHour(atMs: number): number {
    const local = atMs + this.account.zoneMinutes * MS_PER_MINUTE;
    return (local - Math.floor(local / MS_PER_DAY) * MS_PER_DAY) / MS_PER_HOUR;
  }

  weekday(localDay: number): number {
    return (((this.#span.firstWeekday + localDay) % 7) + 7) % 7;
  }

  /** Undefined on a day off. */
  workday(localDay: number): Workday | undefined {
    const known = this.#workdays[localDay + DAYS_BEFORE];
    if (known !== undefined) return known ?? undefined;
    const random = new RandomStream(this.#tenant.seed, WORKDAY, this.account.ordinal, localDay + DAYS_BEFORE);
    let workday: Workday | undefined;
    if (this.#tenant.worksOn(random, this.weekday(localDay))) {
      const startMinute = Math.max(DAY.earliestMinute, DAY.startMinute + DAY.startSpread * random.normal());
      const minutes = Math.min(
        DAY.longestMinutes,
        Math.max(DAY.shortestMinutes, DAY.workMinutes + DAY.workSpread * random.normal()),
      );
      const atHome = !random.chance(this.weekday(localDay) >= 5 ? DAY.weekendOfficeShare : DAY.officeShare);
      const startMs = this.midnightMs(localDay) + startMinute * MS_PER_MINUTE;
      workday = {
        startMs,
        endMs: startMs + minutes * MS_PER_MINUTE,
        site: !atHome ? 'office' : random.chance(DAY.homeVpnShare) ? 'vpn' : 'home',
      };
    }
    this.#workdays[localDay + DAYS_BEFORE] = workday ?? null;
    return workday;
  }

  /** Where a device is at a time: the office, home, a VPN, or the mobile network. */
  placeOf(device: Device, atMs: number): Place {
    return this.placeAt(this.spotOf(device, atMs));
  }

  /** The number of the place where a device is: a small one, for caches. */
  spotOf(device: Device, atMs: number): number {
    if (this.account.kind === 'serviceAccount') return OFFICE;
    const localDay = this.localDayOf(atMs);
    const workday = this.workday(localDay);
    const atWork = workday !== undefined && atMs >= workday.startMs - 10 * MS_PER_MINUTE && atMs < workday.endMs;
    if (device.kind === 'phone') {
      const hour = this.localHour(atMs);
      const roaming =
        hour >= DAY.roamingHours[0] &&
        hour < DAY.roamingHours[1] &&
        (this.account.ordinal + Math.floor(hour / 3) + localDay) % 3 !== 0;
      if (roaming) return MOBILE + Math.floor(atMs / (DAY.mobileAddressHours * MS_PER_HOUR)) + EPOCHS_BEFORE;
      return atWork && workday.site === 'office' ? OFFICE : HOME;
    }
    if (!atWork || device.index > 0) return HOME;
    return workday.site === 'office' ? OFFICE : workday.site === 'vpn' ? VPN : HOME_DESK;
  }

  /** The place of a spot; the same object each time. */
  placeAt(spot: number): Place {
    return (this.#places[spot] ??= this.#tenant.mobilePlace(this.account, spot - MOBILE));
  }

  /** The account's sessions of the portal on a local day, in order, none overlapping. */
  portalSessions(localDay: number): readonly PortalSession[] {
    return (this.#sessions[localDay + DAYS_BEFORE] ??= this.#drawSessions(localDay));
  }

  #drawSessions(localDay: number): PortalSession[] {
    const workday = this.workday(localDay);
    const mean = PORTAL.sessionsDaily[this.account.kind];
    if (!workday || mean === 0) return [];
    const random = new RandomStream(this.#tenant.seed, PORTAL_STREAM, this.account.ordinal, localDay + DAYS_BEFORE);
    const count = Math.min(PORTAL.sessionsMaximum, random.poisson(mean));
    const starts = Array.from({ length: count }, () => random.between(workday.startMs, workday.endMs)).sort(
      (a, b) => a - b,
    );
    const sessions: PortalSession[] = [];
    let freeFrom = 0;
    for (let i = 0; i < count; i++) {
      const startMs = i === 0 ? starts[i]! : Math.max(starts[i]!, freeFrom);
      const endMs = startMs + random.lognormal(PORTAL.minutesMedian, PORTAL.minutesSigma) * MS_PER_MINUTE;
      sessions.push({ index: (localDay + DAYS_BEFORE) * 16 + i, startMs, endMs });
      freeFrom = endMs + PORTAL.pauseMinutes * MS_PER_MINUTE;
    }
    return sessions;
  }

  /** A time inside a session of the portal, some while after its page was loaded. */
  timeIn({ startMs, endMs }: PortalSession, random: RandomStream): number {
    return startMs + 30_000 + random.unit() * Math.max(MS_PER_MINUTE, endMs - startMs - 30_000);
  }

  /** What the account, a help-desk agent's, resets. */
  resetsByIt(): readonly PasswordReset[] {
    return resetsOf(this.#tenant, this.#span).byAgent.get(this.account.ordinal) ?? NONE;
  }

  /** In order. People do so at work; applications, guests and separate administrators' accounts do not in a dataset's time. */
  passwordChanges(): readonly PasswordChange[] {
    if (!this.#passwordChanges) {
      const { kind, dedicated, ordinal } = this.account;
      const random = new RandomStream(this.#tenant.seed, PASSWORD, ordinal);
      const changes: PasswordChange[] = [];
      for (const day of kind === 'guest' || kind === 'serviceAccount' || dedicated ? [] : this.localDays()) {
        const luck = random.unit();
        const part = random.unit();
        const workday = this.workday(day);
        if (!workday || luck >= AUDIT.passwordChangeDaily + AUDIT.passwordResetDaily) continue;
        changes.push({
          atMs: workday.startMs + part * (workday.endMs - workday.startMs),
          way: luck < AUDIT.passwordChangeDaily ? 'change' : 'selfService',
        });
      }
      this.#passwordChanges = changes;
    }
    return this.#passwordChanges;
  }

  /**
   * When a device's tokens are refused: because the password was changed on another one, the first, or because the help desk
   * reset it, which spares none.
   */
  staleSpans(device: Device): readonly StaleSpan[] {
    const changed = device.index === 0 ? NONE : this.passwordChanges();
    const reset = resetsOf(this.#tenant, this.#span).byOwner.get(this.account.ordinal) ?? NONE;
    if (changed.length === 0 && reset.length === 0) return NONE;
    return [
      ...changed.map(({ atMs }, change) => this.#staleSpan(atMs, change, device, AUDIT.signInAnewMedian)),
      ...reset.map(({ atMs }, index) =>
        this.#staleSpan(
          atMs,
          RESETS_FROM + index,
          device,
          device.index === 0 ? AUDIT.resetSignInMedian : AUDIT.signInAnewMedian,
        ),
      ),
    ];
  }

  #staleSpan(fromMs: number, change: number, device: Device, medianMinutes: number): StaleSpan {
    const random = new RandomStream(this.#tenant.seed, SIGN_IN_ANEW, this.account.ordinal, change * 16 + device.index);
    const minutes = Math.min(AUDIT.signInAnewMaximum, random.lognormal(medianMinutes, AUDIT.signInAnewSigma));
    return { fromMs, toMs: fromMs + minutes * MS_PER_MINUTE };
  }

  /** The number of the session whose tokens a device uses at a time. */
  sessionOf(device: Device, atMs: number): number {
    return device.index * 4096 + Math.floor(this.#sessionDays(device, this.localDayOf(atMs)) / INTERACTIVE.sessionDays);
  }

  /** Whether the device uses a new session from this local day on, for which somebody signed in on the evening before. */
  beginsSession(device: Device, localDay: number): boolean {
    return this.#sessionDays(device, localDay) % INTERACTIVE.sessionDays === 0;
  }

  /** Days counted so that every session of a device starts at a multiple of its length. */
  #sessionDays(device: Device, localDay: number): number {
    const phase = (this.account.ordinal * 5 + device.index * 7) % INTERACTIVE.sessionDays;
    return localDay + 2 * INTERACTIVE.sessionDays + phase;
  }
}

interface Resets {
  readonly span: Span;
  readonly byAgent: ReadonlyMap<number, readonly PasswordReset[]>;
  readonly byOwner: ReadonlyMap<number, readonly PasswordReset[]>;
}

const resetsByTenant = new WeakMap<Tenant, Resets>();

/**
 * Every reset of a tenant's help desk. An agent's audit row and the sign-ins of the password's owner follow from the same
 * one, and they may lie in different partitions; so each thread finds all of them, from few accounts.
 */
function resetsOf(tenant: Tenant, span: Span): Resets {
  const known = resetsByTenant.get(tenant);
  if (known?.span === span) return known;
  const byAgent = new Map<number, PasswordReset[]>();
  const byOwner = new Map<number, PasswordReset[]>();
  const file = (under: Map<number, PasswordReset[]>, ordinal: number, reset: PasswordReset): void => {
    const resets = under.get(ordinal);
    if (resets) resets.push(reset);
    else under.set(ordinal, [reset]);
  };
  const [from, to] = tenant.ranges.helpDesk;
  const [firstOwner, afterOwners] = tenant.ranges.employee;
  for (let agent = from; agent < to; agent++) {
    const calendar = new Calendar(tenant, tenant.account(agent), span);
    for (const day of calendar.localDays()) {
      const sessions = calendar.portalSessions(day);
      if (sessions.length === 0) continue;
      const random = new RandomStream(tenant.seed, RESET, agent, day + DAYS_BEFORE);
      const count = random.poisson(AUDIT.helpDeskResetsDaily);
      for (let i = 0; i < count; i++) {
        const atMs = calendar.timeIn(sessions[random.below(sessions.length)]!, random);
        const reset = { atMs, agent, owner: firstOwner + random.below(afterOwners - firstOwner) };
        file(byAgent, agent, reset);
        file(byOwner, reset.owner, reset);
      }
    }
  }
  const resets = { span, byAgent, byOwner };
  resetsByTenant.set(tenant, resets);
  return resets;
}
