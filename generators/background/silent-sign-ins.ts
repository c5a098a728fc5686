/**
 * Ordinary non-interactive sign-ins of one account: programs that renew tokens while a device is awake, page loads that
 * ask for several tokens at once, phones that never sleep for long, and the rare client that fails in a loop.
 */
import { purposeKey, RandomStream, Weights } from '../../src/base/random.ts';
import {
  type Access,
  COMMAND_ACCESSES,
  COMPUTER_ACCESSES,
  LOOP_FAILURES,
  MAKERS,
  PAGE_ACCESSES,
  PHONE_ACCESSES,
  PORTAL_ACCESSES,
  PRT_RENEWAL,
  type ResultCode,
  SERVICE_ACCESSES,
  SILENT_FAILURES,
  SMALL_APPLICATIONS,
  WINDOWS_SIGN_IN,
} from '../applications.ts';
import { DAY, PEOPLE, PORTAL, RISK, SILENT } from '../assumptions.ts';
import { drawRisk } from '../risk.ts';
import { MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, PUBLISH_SECONDS } from '../rows.ts';
import type { SignInRows } from '../sign-in-rows.ts';
import { type Device, nameGuid, SCRIPT_AGENTS, type Tenant } from '../tenant.ts';
import type { Calendar, PortalSession, StaleSpan } from './calendar.ts';

const SILENT_STREAM = purposeKey('background/silent');
const HABITS = purposeKey('background/habits');
const FAILURE_WEIGHTS = new Weights(SILENT_FAILURES.map(([weight]) => weight));
/** Correlations of portal sessions, which interactive rows share, count from here. */
export const PORTAL_CORRELATIONS = 0x40000000;
const CORRELATIONS_PER_SESSION = 1024;

/** Cumulative page-load weights by half hour, for one draw per page. */
const HOUR_OF_PAGE = (() => {
  const total = DAY.pageLoadWeights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return DAY.pageLoadWeights.map((weight) => (sum += weight / total));
})();

/** How busy an account is; fixed for life. */
export interface Habits {
  /** Silent rows that an active day should come to. */
  readonly dailyRows: number;
  /** Undefined for all but the few whose client fails in a loop: rows a day. */
  readonly loopDaily: number | undefined;
}

export function habitsOf(tenant: Tenant, ordinal: number): Habits {
  const random = new RandomStream(tenant.seed, HABITS, ordinal);
  const dailyRows = Math.min(SILENT.dailyMaximum, random.lognormal(SILENT.dailyMedian, SILENT.dailySigma));
  // Loopers stand at fixed strides, so that a small tenant has one too.
  const loopers = Math.max(1, Math.round(tenant.userCount * SILENT.loopingShare));
  const stride = Math.max(1, Math.floor(tenant.userCount / loopers));
  const phase = new RandomStream(tenant.seed, HABITS, 0xffffffff).below(stride);
  const isLooper = ordinal % stride === phase && tenant.kindOf(ordinal) === 'employee';
  const expected = (tenant.userCount * SILENT.dailyMean * SILENT.loopRowShare) / loopers;
  const loopDaily = isLooper
    ? Math.min(SILENT.loopDaily[1], Math.max(SILENT.loopDaily[0], expected * random.lognormal(1, SILENT.loopSigma)))
    : undefined;
  return { dailyRows, loopDaily };
}

/** How a device's silent sign-ins are judged. */
type SilentSituation = 'plain' | 'mfaByClaim' | 'compliantDevice';

export function situationOf(device: Device): SilentSituation {
  return device.isCompliant ? 'compliantDevice' : device.trustType === '' ? 'plain' : 'mfaByClaim';
}

/** Everything that the rows of one account need, set up once. */
class Emitter {
  readonly tenant: Tenant;
  readonly calendar: Calendar;
  readonly rows: SignInRows;
  readonly random: RandomStream;
  readonly success: Readonly<Record<SilentSituation, number>>;
  /** Codes of the places where the account has been seen, by spot. */
  readonly #placeCodes: (number | undefined)[] = [];
  #correlation = 0;
  #situation: SilentSituation = 'plain';
  /** When the device in use holds tokens from before a change of the password. */
  #stale: readonly StaleSpan[] = [];

  constructor(tenant: Tenant, calendar: Calendar, rows: SignInRows) {
    this.tenant = tenant;
    this.calendar = calendar;
    this.rows = rows;
    this.random = new RandomStream(tenant.seed, SILENT_STREAM, calendar.account.ordinal);
    this.success = {
      plain: rows.outcomeCode('0', 'plain'),
      mfaByClaim: rows.outcomeCode('0', 'mfaByClaim'),
      compliantDevice: rows.outcomeCode('0', 'compliantDevice'),
    };
  }

  /** The requests that follow are this device's. @returns the outcome of those that succeed. */
  use(device: Device): number {
    this.#stale = this.calendar.staleSpans(device);
    this.#situation = situationOf(device);
    return this.success[this.#situation];
  }

  nextCorrelation(): number {
    return this.#correlation++;
  }

  placeCode(device: Device, atMs: number): number {
    const spot = this.calendar.spotOf(device, atMs);
    return (this.#placeCodes[spot] ??= this.rows.placeCode(this.calendar.placeAt(spot)));
  }

  lag(): number {
    return PUBLISH_SECONDS.draw(this.random);
  }

  /** A request of its own, with its own publication: nearly always a success, now and then a failure that just happens. */
  renew(atMs: number, access: number, client: number, place: number, success: number, session: number): void {
    this.join(atMs, this.lag(), access, client, place, success, this.nextCorrelation(), session);
  }

  /** A request among others that leave together. */
  join(
    atMs: number,
    lag: number,
    access: number,
    client: number,
    place: number,
    success: number,
    correlation: number,
    session: number,
  ): void {
    this.rows.add(atMs, lag, access, client, place, this.#outcome(atMs, success), 0, correlation, session, this.random);
  }

  #outcome(atMs: number, success: number): number {
    for (const { fromMs, toMs } of this.#stale) {
      if (atMs >= fromMs && atMs < toMs) return this.rows.outcomeCode('50173', 'plain');
    }
    const luck = this.random.unit();
    if (luck < SILENT.scatteredFailureShare)
      return this.rows.outcomeCode(SILENT_FAILURES[this.random.weighted(FAILURE_WEIGHTS)]![1], 'plain');
    if (luck > 1 - RISK.silentShare) return this.rows.outcomeCode('0', this.#situation, drawRisk(this.random));
    return success;
  }

  /** A request whose outcome is certain. */
  settle(atMs: number, access: number, client: number, place: number, outcome: number, session: number): void {
    const lag = this.lag();
    this.rows.add(atMs, lag, access, client, place, outcome, 0, this.nextCorrelation(), session, this.random);
  }
}

/** A device with the codes of what it asks for. */
interface Prepared {
  readonly device: Device;
  readonly renewals: readonly { readonly access: number; readonly client: number; readonly cae: boolean }[];
}

function prepare(rows: SignInRows, device: Device, accesses: readonly Access[]): Prepared {
  return {
    device,
    renewals: accesses.map((access) => ({
      access: rows.accessCode(access),
      client: rows.clientCode(device, access.client),
      cae: access.cae,
    })),
  };
}

/** Writes the account's rows; {@link SignInRows.begin} has been called for it. */
export function writeSilentSignIns(tenant: Tenant, calendar: Calendar, rows: SignInRows): void {
  const { account } = calendar;
  const emit = new Emitter(tenant, calendar, rows);
  const { random } = emit;
  if (account.kind === 'serviceAccount') {
    writeService(emit);
    return;
  }
  const { devices } = calendar;
  const { dailyRows, loopDaily } = habitsOf(tenant, account.ordinal);
  const target = account.dedicated ? 0 : account.kind === 'guest' ? dailyRows * SILENT.guestShare : dailyRows;

  const programCount = account.dedicated
    ? 1
    : Math.max(1, Math.min(COMPUTER_ACCESSES.length, Math.round(target / SILENT.rowsPerProgram)));
  const computers = devices
    .filter(({ kind }) => kind === 'computer')
    .map((device) => prepare(rows, device, COMPUTER_ACCESSES.slice(0, programCount)));
  const phonePrograms = target > SILENT.busyRows ? PHONE_ACCESSES.length : PHONE_ACCESSES.length / 2;
  const phones = devices
    .filter(({ kind }) => kind === 'phone')
    .map((device) => prepare(rows, device, PHONE_ACCESSES.slice(0, phonePrograms)));
  const shortLived = computers[0]!.renewals.filter(({ cae }) => !cae).length;
  const { renewals, starts, phone, page } = SILENT.usualRows;
  const pageMean = Math.max(0, (target - shortLived * renewals - programCount * starts - phones.length * phone) / page);

  for (const day of calendar.localDays()) {
    const workday = calendar.workday(day);
    if (workday && !account.dedicated) {
      writeComputer(emit, computers[0]!, workday.startMs, workday.endMs);
      writePages(emit, computers[0]!.device, pageMean, workday.startMs, workday.endMs);
      const atHome = computers[1];
      if (atHome && random.chance(SILENT.eveningShare)) {
        const startMs = workday.endMs + random.between(...SILENT.eveningAfterMinutes) * MS_PER_MINUTE;
        const endMs = startMs + random.between(...SILENT.eveningMinutes) * MS_PER_MINUTE;
        writeComputer(emit, atHome, startMs, endMs);
        writePages(emit, atHome.device, SILENT.eveningPages, startMs, endMs);
      }
    }
    for (const phone of phones) writePhone(emit, phone, day, workday !== undefined);
    for (const session of calendar.portalSessions(day)) writePortal(emit, devices[0]!, session);
    if (workday && account.kind === 'developer') writeScripts(emit, devices[0]!, workday.startMs, workday.endMs);
  }
  writeConnectedApplication(emit, devices[0]!);
  if (loopDaily !== undefined) writeLoop(emit, devices[0]!, loopDaily);
}

function renewalMs(random: RandomStream): number {
  const [shortest, longest] = SILENT.renewalMinutes;
  return random.between(shortest, longest) * MS_PER_MINUTE;
}

function writeComputer(emit: Emitter, { device, renewals }: Prepared, startMs: number, endMs: number): void {
  const { random, rows, calendar } = emit;
  const success = emit.use(device);
  const session = calendar.sessionOf(device, startMs);
  const startPlace = emit.placeCode(device, startMs);
  const broker = rows.clientCode(device, 'broker');

  if (device.platform === 'Windows' && device.deviceId !== '') {
    emit.settle(startMs, rows.accessCode(WINDOWS_SIGN_IN), broker, startPlace, success, session);
  }
  const prtAccess = rows.accessCode(PRT_RENEWAL);
  for (
    let at = startMs;
    at < endMs;
    at += SILENT.prtRenewalHours * MS_PER_HOUR + random.between(...SILENT.prtLateMinutes) * MS_PER_MINUTE
  ) {
    emit.renew(at, prtAccess, broker, startPlace, success, session);
  }

  // The machine wakes: every program asks at once, and published together they share a time.
  const startLag = emit.lag();
  let at = startMs + random.between(...SILENT.startDelaySeconds) * 1000;
  for (const { access, client } of renewals) {
    const correlation = emit.nextCorrelation();
    const tickets = 1 + random.below(SILENT.startTickets);
    for (let i = 0; i < tickets; i++) {
      emit.join(at, startLag, access, client, startPlace, success, correlation, session);
    }
    at += (random.unit() * SILENT.startBurstSeconds * 2000) / renewals.length;
  }

  const lunchMs = calendar.midnightMs(calendar.localDayOf(startMs)) + DAY.lunchMinute * MS_PER_MINUTE;
  const lunchEndMs = lunchMs + DAY.lunchMinutes * MS_PER_MINUTE;
  for (const { access, client, cae } of renewals) {
    if (cae) continue;
    let next = startMs + renewalMs(random);
    while (next < endMs) {
      // A machine asleep over lunch renews when it wakes, and all its programs do.
      if (next >= lunchMs && next < lunchEndMs) next = lunchEndMs + random.between(...SILENT.wakeSeconds) * 1000;
      emit.renew(next, access, client, emit.placeCode(device, next), success, session);
      next += renewalMs(random);
    }
  }
}

function writePages(emit: Emitter, device: Device, mean: number, startMs: number, endMs: number): void {
  const { random, rows, calendar } = emit;
  const count = random.poisson(mean);
  if (count === 0) return;
  const codes = PAGE_ACCESSES.map((access) => rows.accessCode(access));
  const client = rows.clientCode(device, 'browser');
  const success = emit.use(device);
  const session = calendar.sessionOf(device, startMs);
  const midnight = calendar.midnightMs(calendar.localDayOf(startMs));
  const [fewest, most] = SILENT.pageLoadRows;
  for (let page = 0; page < count; page++) {
    let at = 0;
    for (let attempt = 0; attempt < 12; attempt++) {
      const share = random.unit();
      let hour = 0;
      while (HOUR_OF_PAGE[hour]! < share) hour++;
      at = midnight + (hour + random.unit()) * MS_PER_HOUR;
      if (at >= startMs && at < endMs) break;
      at = startMs + random.unit() * (endMs - startMs);
    }
    const place = emit.placeCode(device, at);
    const lag = emit.lag();
    const correlation = emit.nextCorrelation();
    const first = random.below(codes.length);
    const size = fewest + random.below(most - fewest + 1);
    for (let i = 0; i < size; i++) {
      emit.join(at, lag, codes[(first + i) % codes.length]!, client, place, success, correlation, session);
      // Half of a page's requests leave in the same instant.
      if ((i & 1) === 1) at += (random.unit() * SILENT.pageLoadSeconds * 1000) / size;
    }
  }
}

function writePhone(emit: Emitter, { device, renewals }: Prepared, day: number, works: boolean): void {
  const { random, calendar } = emit;
  const success = emit.use(device);
  const midnight = calendar.midnightMs(day);
  const session = calendar.sessionOf(device, midnight);
  const share = works ? 1 : SILENT.phoneDayOffShare;
  const [fromHour, toHour] = SILENT.phoneAwakeHours;
  for (const { access, client, cae } of renewals) {
    if (cae) {
      const at = midnight + random.between(...SILENT.phoneCaeHours) * MS_PER_HOUR;
      emit.renew(at, access, client, emit.placeCode(device, at), success, session);
      continue;
    }
    for (
      let at = midnight + random.unit() * SILENT.renewalMinutes[1] * MS_PER_MINUTE;
      at < midnight + 24 * MS_PER_HOUR;
      at += renewalMs(random)
    ) {
      const hour = calendar.localHour(at);
      const awake = hour >= fromHour && hour < toHour ? SILENT.phoneAwakeShare : SILENT.phoneNightShare;
      if (!random.chance(awake * share)) continue;
      emit.renew(at, access, client, emit.placeCode(device, at), success, session);
    }
  }
}

/** A page load of the portal, then a blade now and then, each asking for some tokens. */
function writePortal(emit: Emitter, device: Device, { index, startMs, endMs }: PortalSession): void {
  const { random, rows } = emit;
  const client = rows.clientCode(device, 'browser');
  const codes = PORTAL_ACCESSES.map((access) => rows.accessCode(access));
  const success = emit.use(device);
  const session = emit.calendar.sessionOf(device, startMs);
  const place = emit.placeCode(device, startMs);
  const base = PORTAL_CORRELATIONS + index * CORRELATIONS_PER_SESSION;
  const lag = emit.lag();
  let at = startMs + random.between(...PORTAL.loadDelaySeconds) * 1000;
  for (const code of codes) {
    emit.join(at, lag, code, client, place, success, base, session);
    at += random.unit() * 2 * (SILENT.pageLoadSeconds / codes.length) * 1000;
  }
  let blade = 1;
  for (
    at += random.between(...PORTAL.firstBladeMinutes) * MS_PER_MINUTE;
    at < endMs && blade < CORRELATIONS_PER_SESSION;
    at += random.between(...PORTAL.nextBladeMinutes) * MS_PER_MINUTE
  ) {
    const bladeLag = emit.lag();
    const count = 1 + random.below(PORTAL.bladeRows);
    for (let i = 0; i < count; i++) {
      const code = codes[2 + random.below(codes.length - 2)]!;
      emit.join(at, bladeLag, code, client, place, success, base + blade, session);
    }
    blade++;
  }
}

function writeScripts(emit: Emitter, device: Device, startMs: number, endMs: number): void {
  const { random, rows, calendar } = emit;
  const habits = new RandomStream(emit.tenant.seed, HABITS, calendar.account.ordinal, 1);
  emit.use(device);
  const scripts = habits.chance(PEOPLE.scriptingDeveloperShare);
  const count = random.poisson(scripts ? SILENT.scriptingDaily : SILENT.commandLineDaily);
  const session = calendar.sessionOf(device, startMs);
  for (let i = 0; i < count; i++) {
    const at = random.between(startMs, endMs);
    const access = COMMAND_ACCESSES[random.below(scripts ? COMMAND_ACCESSES.length : 4)]!;
    // Some command lines live on a device code of some days ago.
    const byDeviceCode = access.client === 'cli' && random.chance(SILENT.deviceCodeShare);
    const code = rows.accessCode(access, byDeviceCode ? { transfer: 'deviceCodeFlow' } : undefined);
    const client = rows.clientCode(device, access.client);
    emit.renew(at, code, client, emit.placeCode(device, at), emit.success.mfaByClaim, session);
  }
}

const CONNECTED_ACCESSES: readonly Access[] = SMALL_APPLICATIONS.flatMap((name) =>
  Array.from({ length: MAKERS }, (_, maker) => ({
    application: { name, id: nameGuid(`${name}/${maker}`) },
    resource: 'Graph' as const,
    client: 'script' as const,
    cae: false,
    token: 'refreshToken' as const,
  })),
);

/** A small application that somebody lets act for them for a while. */
export interface ConnectedApplication {
  readonly access: Access;
  readonly agent: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly everyMs: number;
}

export function connectedApplication(tenant: Tenant, calendar: Calendar): ConnectedApplication | undefined {
  const { kind, ordinal } = calendar.account;
  const habits = new RandomStream(tenant.seed, HABITS, ordinal, 2);
  if (kind !== 'employee' || !habits.chance(PEOPLE.connectedApplicationShare)) return undefined;
  const access = habits.below(CONNECTED_ACCESSES.length);
  // In a week that begins before the dataset, so that some are there from its start on.
  const day = habits.below(7) - 2;
  const workday = calendar.workday(day);
  if (!workday) return undefined;
  const fromMs = habits.between(workday.startMs, workday.endMs);
  const days = habits.lognormal(SILENT.connectedDaysMedian, SILENT.connectedDaysSigma);
  return {
    access: CONNECTED_ACCESSES[access]!,
    agent: SCRIPT_AGENTS[access % SCRIPT_AGENTS.length]!,
    fromMs,
    toMs: fromMs + days * MS_PER_DAY,
    everyMs: habits.between(...SILENT.connectedHours) * MS_PER_HOUR,
  };
}

/** Its rows show the address where its owner signed in to it. */
function writeConnectedApplication(emit: Emitter, device: Device): void {
  const connected = connectedApplication(emit.tenant, emit.calendar);
  if (!connected) return;
  const { rows, calendar } = emit;
  const { access, agent, fromMs, toMs, everyMs } = connected;
  const code = rows.accessCode(access);
  const client = rows.clientCode(device, 'script', agent);
  const place = emit.placeCode(device, fromMs);
  const session = calendar.sessionOf(device, fromMs);
  const until = Math.min(toMs, calendar.durationMs);
  const success = emit.use(device);
  const firstMs = emit.random.between(...SILENT.startDelaySeconds) * 1000;
  for (let at = fromMs + firstMs; at < until; at += everyMs * emit.random.between(...SILENT.loopJitter)) {
    emit.renew(at, code, client, place, success, session);
  }
}

/** A client that cannot get its token and asks again and again, day and night. */
function writeLoop(emit: Emitter, device: Device, daily: number): void {
  const { random, rows, calendar } = emit;
  const access = COMPUTER_ACCESSES[random.below(6)]!;
  const code = rows.accessCode(access);
  const client = rows.clientCode(device, access.client);
  const result: ResultCode = random.pick(LOOP_FAILURES);
  const outcome = rows.outcomeCode(result, 'plain');
  const stepMs = (24 * MS_PER_HOUR) / daily;
  const session = calendar.sessionOf(device, 0);
  const place = emit.placeCode(device, calendar.midnightMs(0) + 3 * MS_PER_HOUR);
  const until = calendar.durationMs;
  for (let at = stepMs * random.unit(); at < until; at += stepMs * random.between(...SILENT.loopJitter)) {
    emit.settle(at, code, client, place, outcome, session);
  }
}

/** Software that signs in as a user: the same request around the clock. */
function writeService(emit: Emitter): void {
  const { random, rows, calendar } = emit;
  const device = calendar.devices[0]!;
  const access = random.pick(SERVICE_ACCESSES);
  const code = rows.accessCode(access);
  const client = rows.clientCode(device, access.client);
  const session = calendar.sessionOf(device, 0);
  const place = emit.placeCode(device, 0);
  for (
    let at = random.unit() * SILENT.renewalMinutes[0] * MS_PER_MINUTE;
    at < calendar.durationMs;
    at += renewalMs(random)
  ) {
    emit.renew(at, code, client, place, emit.success.plain, session);
  }
}
