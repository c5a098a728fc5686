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
import { DAY, PEOPLE, PORTAL, SILENT } from '../assumptions.ts';
import { EVERY_RISK, RISK_WEIGHTS } from '../risk.ts';
import { PUBLISH_SECONDS, type RowKernelExports } from '../row-kernel/index.ts';
import { MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, type Outage, type Span } from '../rows.ts';
import { SignInRows } from '../sign-in-rows.ts';
import { type Device, nameGuid, SCRIPT_AGENTS, type Tenant } from '../tenant.ts';
import { type Calendar, DAYS_BEFORE, type PortalSession, SPOT_OF_SITE, spotCount } from './calendar.ts';

const SILENT_STREAM = purposeKey('background/silent');
const HABITS = purposeKey('background/habits');
const FAILURE_WEIGHTS = new Weights(SILENT_FAILURES.map(([weight]) => weight));
/** Correlations of portal sessions, which interactive rows share, count from here. */
export const PORTAL_CORRELATIONS = 0x40000000;
const CORRELATIONS_PER_SESSION = 1024;

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

const SITUATIONS: readonly SilentSituation[] = ['plain', 'mfaByClaim', 'compliantDevice'];
/** An evening, and a phone's day, may reach beyond the last day that has rows. */
const DAYS_AFTER = 4;

/** A table of silent sign-ins, laid out for the kernel that writes them. */
export function silentRows(tenant: Tenant, span: Span, outages: readonly Outage[]): SignInRows {
  return new SignInRows('AADNonInteractiveUserSignInLogs', tenant, span, outages, {
    days: DAYS_BEFORE + span.days + DAYS_AFTER,
    spots: spotCount(span),
    failureWeights: FAILURE_WEIGHTS,
    riskWeights: RISK_WEIGHTS,
  });
}

/** Codes that all accounts share; kept for each table. */
interface SharedCodes {
  readonly success: Readonly<Record<SilentSituation, number>>;
  readonly stale: number;
}

const sharedCodes = new WeakMap<SignInRows, SharedCodes>();

function codesOf(rows: SignInRows): SharedCodes {
  let codes = sharedCodes.get(rows);
  if (!codes) {
    codes = {
      success: {
        plain: rows.outcomeCode('0', 'plain'),
        mfaByClaim: rows.outcomeCode('0', 'mfaByClaim'),
        compliantDevice: rows.outcomeCode('0', 'compliantDevice'),
      },
      stale: rows.outcomeCode('50173', 'plain'),
    };
    rows.kernel.setOutcomes(
      SILENT_FAILURES.map(([, result]) => rows.outcomeCode(result, 'plain')),
      SITUATIONS.map((situation) => EVERY_RISK.map((risk) => rows.outcomeCode('0', situation, risk))),
    );
    rows.kernel.setPages(PAGE_ACCESSES.map((access) => rows.accessCode(access)));
    sharedCodes.set(rows, codes);
  }
  return codes;
}

/**
 * Everything that the rows of one account need, set up once: the kernel writes them (row-kernel/kernel.as), drawing from
 * the account's stream where this side left off, and the other way round.
 */
class Emitter {
  readonly tenant: Tenant;
  readonly calendar: Calendar;
  readonly rows: SignInRows;
  readonly random: RandomStream;
  readonly success: Readonly<Record<SilentSituation, number>>;
  readonly kernel: RowKernelExports;

  constructor(tenant: Tenant, calendar: Calendar, rows: SignInRows) {
    this.tenant = tenant;
    this.calendar = calendar;
    this.rows = rows;
    const { account } = calendar;
    this.random = new RandomStream(tenant.seed, SILENT_STREAM, account.ordinal);
    const { success, stale } = codesOf(rows);
    this.success = success;
    this.kernel = rows.kernel.exports;
    const { first, second } = this.random;
    this.kernel.beginSilent(first, second, account.ordinal, account.zoneMinutes * MS_PER_MINUTE, stale);
    rows.kernel.placeAt = (spot) => rows.placeCode(calendar.placeAt(spot));
    const last = calendar.localDays().at(-1) ?? 0;
    for (let day = -2; day <= last + 2; day++) {
      const workday = calendar.workday(day);
      const position = day + DAYS_BEFORE;
      if (workday) rows.kernel.setWorkday(position, workday.startMs, workday.endMs, SPOT_OF_SITE[workday.site]);
      else rows.kernel.setWorkday(position, Number.NaN, Number.NaN, 0);
    }
  }

  /** The requests that follow are this device's. @returns the outcome of those that succeed. */
  use(device: Device): number {
    const spans = this.calendar.staleSpans(device);
    if (spans.length > 0) this.rows.kernel.setStaleSpans(spans);
    const situation = situationOf(device);
    this.kernel.use(device.kind === 'phone' ? 1 : 0, device.index, SITUATIONS.indexOf(situation), spans.length);
    return this.success[situation];
  }

  lag(): number {
    return PUBLISH_SECONDS.draw(this.random);
  }

  /** A request of its own, with its own publication: nearly always a success, now and then a failure that just happens. */
  renew(atMs: number, access: number, client: number, place: number, success: number, session: number): void {
    this.random.drawn = this.kernel.renew(this.random.drawn, atMs, access, client, place, success, session);
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
    const { random } = this;
    random.drawn = this.kernel.join(random.drawn, atMs, lag, access, client, place, success, correlation, session);
  }

  /** A request whose outcome is certain. */
  settle(atMs: number, access: number, client: number, place: number, outcome: number, session: number): void {
    this.random.drawn = this.kernel.settle(this.random.drawn, atMs, access, client, place, outcome, session);
  }
}

/** A device with the codes of what it asks for, known to the kernel. */
interface Prepared {
  readonly device: Device;
  readonly programs: readonly { readonly access: number; readonly client: number; readonly cae: boolean }[];
}

function prepare(rows: SignInRows, device: Device, accesses: readonly Access[]): Prepared {
  const programs = accesses.map((access) => ({
    access: rows.accessCode(access),
    client: rows.clientCode(device, access.client),
    cae: access.cae,
  }));
  rows.kernel.setPrograms(device.index, programs);
  return { device, programs };
}

/** Writes the account's rows to what {@link silentRows} made; {@link SignInRows.begin} has been called for it. */
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
  const shortLived = computers[0]!.programs.filter(({ cae }) => !cae).length;
  const { renewals, starts, phone, page } = SILENT.usualRows;
  const pageMean = Math.max(0, (target - shortLived * renewals - programCount * starts - phones.length * phone) / page);

  for (const day of calendar.localDays()) {
    const workday = calendar.workday(day);
    if (workday && !account.dedicated) {
      writeComputer(emit, computers[0]!, workday.startMs, workday.endMs);
      writePages(emit, computers[0]!.device, pageMean, workday.startMs, workday.endMs);
      const atHome = computers[1];
      if (atHome && random.chance(SILENT.eveningShare)) {
        const startMs = workday.endMs + random.within(SILENT.eveningAfterMinutes) * MS_PER_MINUTE;
        const endMs = startMs + random.within(SILENT.eveningMinutes) * MS_PER_MINUTE;
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

function writeComputer(emit: Emitter, { device, programs }: Prepared, startMs: number, endMs: number): void {
  const { random, rows, calendar, kernel } = emit;
  const success = emit.use(device);
  const session = calendar.sessionOf(device, startMs);
  const broker = rows.clientCode(device, 'broker');
  if (device.platform === 'Windows' && device.deviceId !== '') {
    const access = rows.accessCode(WINDOWS_SIGN_IN);
    emit.settle(startMs, access, broker, kernel.placeCode(startMs), success, session);
  }
  const lunchMs = calendar.midnightMs(calendar.localDayOf(startMs)) + DAY.lunchMinute * MS_PER_MINUTE;
  random.drawn = kernel.computer(
    random.drawn,
    startMs,
    endMs,
    lunchMs,
    lunchMs + DAY.lunchMinutes * MS_PER_MINUTE,
    rows.accessCode(PRT_RENEWAL),
    broker,
    success,
    session,
    device.index,
    programs.length,
  );
}

function writePages(emit: Emitter, device: Device, mean: number, startMs: number, endMs: number): void {
  const { random, rows, calendar, kernel } = emit;
  const count = random.poisson(mean);
  if (count === 0) return;
  const client = rows.clientCode(device, 'browser');
  const success = emit.use(device);
  random.drawn = kernel.pages(
    random.drawn,
    count,
    startMs,
    endMs,
    calendar.midnightMs(calendar.localDayOf(startMs)),
    PAGE_ACCESSES.length,
    client,
    success,
    calendar.sessionOf(device, startMs),
  );
}

function writePhone(emit: Emitter, { device, programs }: Prepared, day: number, works: boolean): void {
  const { random, calendar, kernel } = emit;
  const success = emit.use(device);
  const midnight = calendar.midnightMs(day);
  random.drawn = kernel.phone(
    random.drawn,
    midnight,
    works ? 1 : SILENT.phoneDayOffShare,
    success,
    calendar.sessionOf(device, midnight),
    device.index,
    programs.length,
  );
}

/** A page load of the portal, then a blade now and then, each asking for some tokens. */
function writePortal(emit: Emitter, device: Device, { index, startMs, endMs }: PortalSession): void {
  const { random, rows } = emit;
  const client = rows.clientCode(device, 'browser');
  const codes = PORTAL_ACCESSES.map((access) => rows.accessCode(access));
  const success = emit.use(device);
  const session = emit.calendar.sessionOf(device, startMs);
  const place = emit.kernel.placeCode(startMs);
  const base = PORTAL_CORRELATIONS + index * CORRELATIONS_PER_SESSION;
  const lag = emit.lag();
  let at = startMs + random.within(PORTAL.loadDelaySeconds) * 1000;
  for (const code of codes) {
    emit.join(at, lag, code, client, place, success, base, session);
    at += random.unit() * 2 * (SILENT.pageLoadSeconds / codes.length) * 1000;
  }
  let blade = 1;
  for (
    at += random.within(PORTAL.firstBladeMinutes) * MS_PER_MINUTE;
    at < endMs && blade < CORRELATIONS_PER_SESSION;
    at += random.within(PORTAL.nextBladeMinutes) * MS_PER_MINUTE
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
    emit.renew(at, code, client, emit.kernel.placeCode(at), emit.success.mfaByClaim, session);
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
    everyMs: habits.within(SILENT.connectedHours) * MS_PER_HOUR,
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
  const success = emit.use(device);
  const place = rows.placeCode(calendar.placeOf(device, fromMs));
  const session = calendar.sessionOf(device, fromMs);
  const until = Math.min(toMs, calendar.durationMs);
  const firstMs = emit.random.within(SILENT.startDelaySeconds) * 1000;
  for (let at = fromMs + firstMs; at < until; at += everyMs * emit.random.within(SILENT.loopJitter)) {
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
  const place = rows.placeCode(calendar.placeOf(device, calendar.midnightMs(0) + 3 * MS_PER_HOUR));
  const until = calendar.durationMs;
  for (let at = stepMs * random.unit(); at < until; at += stepMs * random.within(SILENT.loopJitter)) {
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
  const place = rows.placeCode(calendar.placeOf(device, 0));
  const renewalMs = (): number => random.within(SILENT.renewalMinutes) * MS_PER_MINUTE;
  for (let at = random.unit() * SILENT.renewalMinutes[0] * MS_PER_MINUTE; at < calendar.durationMs; at += renewalMs()) {
    emit.renew(at, code, client, place, emit.success.plain, session);
  }
}
