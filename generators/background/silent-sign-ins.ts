/**
 * Ordinary non-interactive sign-ins of one account: programs that renew tokens while a device is awake, page loads that
 * ask for several tokens at once, phones that never sleep for long, and the rare client that fails in a loop.
 */
import { purposeKey, RandomStream } from '../../src/base/random.ts';
import {
  type Access,
  COMMAND_ACCESSES,
  COMPUTER_ACCESSES,
  LOOP_FAILURES,
  PAGE_ACCESSES,
  PHONE_ACCESSES,
  PORTAL_ACCESSES,
  PRT_RENEWAL,
  type ResultCode,
  SERVICE_ACCESSES,
  SILENT_FAILURES,
  WINDOWS_SIGN_IN,
} from '../applications.ts';
import { DAY, PEOPLE, SILENT } from '../assumptions.ts';
import { MS_PER_HOUR, MS_PER_MINUTE, PUBLISH_SECONDS } from '../rows.ts';
import type { SignInRows } from '../sign-in-rows.ts';
import type { Situation } from '../sign-in-texts.ts';
import type { Device, Tenant } from '../tenant.ts';
import type { Calendar } from './calendar.ts';

const SILENT_STREAM = purposeKey('background/silent');
const HABITS = purposeKey('background/habits');
const FAILURE_WEIGHTS = SILENT_FAILURES.map(([weight]) => weight);
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
  const expected = (tenant.userCount * SILENT.dailyMedian * 1.3 * SILENT.loopRowShare) / loopers;
  const loopDaily = isLooper
    ? Math.min(SILENT.loopDaily[1], Math.max(SILENT.loopDaily[0], expected * random.lognormal(1, 0.4)))
    : undefined;
  return { dailyRows, loopDaily };
}

/** Everything that the rows of one account need, set up once. */
class Emitter {
  readonly random: RandomStream;
  readonly #rows: SignInRows;
  readonly #calendar: Calendar;
  readonly #success: Readonly<Record<'plain' | 'mfaByClaim' | 'compliantDevice', number>>;
  #correlation = 0;

  constructor(tenant: Tenant, calendar: Calendar, rows: SignInRows) {
    this.#rows = rows;
    this.#calendar = calendar;
    this.random = new RandomStream(tenant.seed, SILENT_STREAM, calendar.account.ordinal);
    this.#success = {
      plain: rows.outcomeCode('0', 'plain'),
      mfaByClaim: rows.outcomeCode('0', 'mfaByClaim'),
      compliantDevice: rows.outcomeCode('0', 'compliantDevice'),
    };
  }

  nextCorrelation(): number {
    return this.#correlation++;
  }

  placeCode(device: Device, atMs: number): number {
    return this.#rows.placeCode(this.#calendar.placeOf(device, atMs));
  }

  success(situation: 'plain' | 'mfaByClaim' | 'compliantDevice'): number {
    return this.#success[situation];
  }

  /** Nearly always `outcome`; now and then one of the failures that just happen. */
  outcome(outcome: number): number {
    if (!this.random.chance(SILENT.scatteredFailureShare)) return outcome;
    return this.#rows.outcomeCode(SILENT_FAILURES[this.random.weighted(FAILURE_WEIGHTS)]![1], 'plain');
  }

  lag(): number {
    return PUBLISH_SECONDS.draw(this.random);
  }
}

/** A device with the codes of what it asks for. */
interface Prepared {
  readonly device: Device;
  readonly renewals: readonly { readonly access: number; readonly client: number; readonly cae: boolean }[];
  readonly situation: 'plain' | 'mfaByClaim' | 'compliantDevice';
}

function prepare(rows: SignInRows, device: Device, accesses: readonly Access[]): Prepared {
  return {
    device,
    renewals: accesses.map((access) => ({
      access: rows.accessCode(access),
      client: rows.clientCode(device, access.client),
      cae: access.cae,
    })),
    situation: device.isCompliant ? 'compliantDevice' : device.trustType === '' ? 'plain' : 'mfaByClaim',
  };
}

/** How a device's silent sign-ins are judged. */
export function situationOf(device: Device): Situation {
  return device.isCompliant ? 'compliantDevice' : device.trustType === '' ? 'plain' : 'mfaByClaim';
}

/** Writes the account's rows; {@link SignInRows.begin} has been called for it. */
export function writeSilentSignIns(tenant: Tenant, calendar: Calendar, rows: SignInRows): void {
  const { account } = calendar;
  const emit = new Emitter(tenant, calendar, rows);
  const { random } = emit;
  if (account.kind === 'serviceAccount') {
    writeService(tenant, calendar, rows, emit);
    return;
  }
  const devices = tenant.devices(account.ordinal);
  const { dailyRows, loopDaily } = habitsOf(tenant, account.ordinal);
  const target = account.dedicated ? 0 : account.kind === 'guest' ? dailyRows * 0.12 : dailyRows;

  // Renewals, phone and starts make about this much of a day each; page loads fill the rest.
  const programCount = account.dedicated ? 1 : Math.max(1, Math.min(COMPUTER_ACCESSES.length, Math.round(target / 16)));
  const computers = devices
    .filter(({ kind }) => kind === 'computer')
    .map((device) => prepare(rows, device, COMPUTER_ACCESSES.slice(0, programCount)));
  const phones = devices
    .filter(({ kind }) => kind === 'phone')
    .map((device) => prepare(rows, device, PHONE_ACCESSES.slice(0, target > 60 ? 4 : 2)));
  const shortLived = computers[0]!.renewals.filter(({ cae }) => !cae).length;
  const expected = shortLived * 6.5 + programCount * 2.5 + phones.length * 19;
  const pageMean = Math.max(0, (target - expected) / 4.6);

  for (const day of calendar.localDays()) {
    const workday = calendar.workday(day);
    if (workday && !account.dedicated) {
      writeComputer(computers[0]!, workday.startMs, workday.endMs, calendar, rows, emit);
      writePages(computers[0]!.device, pageMean, workday.startMs, workday.endMs, calendar, rows, emit);
      const atHome = computers[1];
      if (atHome && random.chance(0.3)) {
        const startMs = workday.endMs + random.between(60, 150) * MS_PER_MINUTE;
        writeComputer(atHome, startMs, startMs + random.between(20, 120) * MS_PER_MINUTE, calendar, rows, emit);
      }
    }
    for (const phone of phones) writePhone(phone, day, workday !== undefined, calendar, rows, emit);
    for (const session of calendar.portalSessions(day)) {
      writePortal(devices[0]!, session.index, session.startMs, session.endMs, calendar, rows, emit);
    }
    if (workday && account.kind === 'developer')
      writeScripts(tenant, devices[0]!, workday.startMs, workday.endMs, calendar, rows, emit);
  }
  if (loopDaily !== undefined) writeLoop(devices[0]!, loopDaily, calendar, rows, emit);
}

function writeComputer(
  prepared: Prepared,
  startMs: number,
  endMs: number,
  calendar: Calendar,
  rows: SignInRows,
  emit: Emitter,
): void {
  const { random } = emit;
  const { device, renewals } = prepared;
  const success = emit.success(prepared.situation);
  const session = calendar.sessionOf(device, startMs);
  const startPlace = emit.placeCode(device, startMs);
  const renewalMin = SILENT.renewalMinutes[0] * MS_PER_MINUTE;
  const renewalRange = (SILENT.renewalMinutes[1] - SILENT.renewalMinutes[0]) * MS_PER_MINUTE;

  if (device.platform === 'Windows' && device.deviceId !== '') {
    const access = rows.accessCode(WINDOWS_SIGN_IN);
    const client = rows.clientCode(device, 'broker');
    rows.add(startMs, emit.lag(), access, client, startPlace, success, 0, emit.nextCorrelation(), session, random);
  }
  const prtAccess = rows.accessCode(PRT_RENEWAL);
  const prtClient = rows.clientCode(device, 'broker');
  for (
    let at = startMs;
    at < endMs;
    at += SILENT.prtRenewalHours * MS_PER_HOUR + random.between(0, 5) * MS_PER_MINUTE
  ) {
    rows.add(
      at,
      emit.lag(),
      prtAccess,
      prtClient,
      startPlace,
      emit.outcome(success),
      0,
      emit.nextCorrelation(),
      session,
      random,
    );
  }

  // The machine wakes: every program asks at once, and published together they share a time.
  const startLag = emit.lag();
  let at = startMs + random.between(2, 12) * 1000;
  for (const { access, client } of renewals) {
    const correlation = emit.nextCorrelation();
    const tickets = 1 + random.below(3);
    for (let i = 0; i < tickets; i++) {
      rows.add(at, startLag, access, client, startPlace, emit.outcome(success), 0, correlation, session, random);
    }
    at += (random.unit() * SILENT.startBurstSeconds * 2000) / renewals.length;
  }

  const lunchMs = calendar.midnightMs(calendar.localDayOf(startMs)) + DAY.lunchMinute * MS_PER_MINUTE;
  const lunchEndMs = lunchMs + DAY.lunchMinutes * MS_PER_MINUTE;
  for (const { access, client, cae } of renewals) {
    if (cae) continue;
    let next = startMs + renewalMin + random.unit() * renewalRange;
    while (next < endMs) {
      // A machine asleep over lunch renews when it wakes, and all its programs do.
      if (next >= lunchMs && next < lunchEndMs) next = lunchEndMs + random.between(0, 40) * 1000;
      const place = emit.placeCode(device, next);
      rows.add(
        next,
        emit.lag(),
        access,
        client,
        place,
        emit.outcome(success),
        0,
        emit.nextCorrelation(),
        session,
        random,
      );
      next += renewalMin + random.unit() * renewalRange;
    }
  }
}

function writePages(
  device: Device,
  mean: number,
  startMs: number,
  endMs: number,
  calendar: Calendar,
  rows: SignInRows,
  emit: Emitter,
): void {
  const { random } = emit;
  const count = random.poisson(mean);
  if (count === 0) return;
  const codes = PAGE_ACCESSES.map((access) => rows.accessCode(access));
  const client = rows.clientCode(device, 'browser');
  const success = emit.success(situationOf(device) as 'plain');
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
      rows.add(
        at,
        lag,
        codes[(first + i) % codes.length]!,
        client,
        place,
        emit.outcome(success),
        0,
        correlation,
        session,
        random,
      );
      // Half of a page's requests leave in the same instant.
      if ((i & 1) === 1) at += (random.unit() * SILENT.pageLoadSeconds * 1000) / size;
    }
  }
}

function writePhone(
  prepared: Prepared,
  day: number,
  works: boolean,
  calendar: Calendar,
  rows: SignInRows,
  emit: Emitter,
): void {
  const { random } = emit;
  const { device, renewals } = prepared;
  const success = emit.success(prepared.situation);
  const midnight = calendar.midnightMs(day);
  const session = calendar.sessionOf(device, midnight);
  const share = works ? 1 : 0.55;
  for (const { access, client, cae } of renewals) {
    if (cae) {
      const at = midnight + random.between(5, 23) * MS_PER_HOUR;
      rows.add(
        at,
        emit.lag(),
        access,
        client,
        emit.placeCode(device, at),
        emit.outcome(success),
        0,
        emit.nextCorrelation(),
        session,
        random,
      );
      continue;
    }
    const [shortest, longest] = SILENT.renewalMinutes;
    for (
      let at = midnight + random.unit() * longest * MS_PER_MINUTE;
      at < midnight + 24 * MS_PER_HOUR;
      at += random.between(shortest, longest) * MS_PER_MINUTE
    ) {
      const hour = calendar.localHour(at);
      const awake = hour >= 7 && hour < 22.5 ? 0.85 : SILENT.phoneNightShare;
      if (!random.chance(awake * share)) continue;
      rows.add(
        at,
        emit.lag(),
        access,
        client,
        emit.placeCode(device, at),
        emit.outcome(success),
        0,
        emit.nextCorrelation(),
        session,
        random,
      );
    }
  }
}

/** A page load of the portal, then a blade now and then, each asking for some tokens. */
function writePortal(
  device: Device,
  index: number,
  startMs: number,
  endMs: number,
  calendar: Calendar,
  rows: SignInRows,
  emit: Emitter,
): void {
  const { random } = emit;
  const client = rows.clientCode(device, 'browser');
  const codes = PORTAL_ACCESSES.map((access) => rows.accessCode(access));
  const success = emit.success(situationOf(device) as 'plain');
  const session = calendar.sessionOf(device, startMs);
  const place = emit.placeCode(device, startMs);
  const base = PORTAL_CORRELATIONS + index * CORRELATIONS_PER_SESSION;
  const lag = emit.lag();
  let at = startMs + random.between(800, 2500);
  for (const code of codes) {
    rows.add(at, lag, code, client, place, emit.outcome(success), 0, base, session, random);
    at += random.unit() * 2 * (SILENT.pageLoadSeconds / codes.length) * 1000;
  }
  let blade = 1;
  for (
    at += random.between(0.5, 4) * MS_PER_MINUTE;
    at < endMs && blade < CORRELATIONS_PER_SESSION;
    at += random.between(0.7, 7) * MS_PER_MINUTE
  ) {
    const bladeLag = emit.lag();
    const count = 1 + random.below(3);
    for (let i = 0; i < count; i++) {
      rows.add(
        at,
        bladeLag,
        codes[2 + random.below(codes.length - 2)]!,
        client,
        place,
        emit.outcome(success),
        0,
        base + blade,
        session,
        random,
      );
    }
    blade++;
  }
}

function writeScripts(
  tenant: Tenant,
  device: Device,
  startMs: number,
  endMs: number,
  calendar: Calendar,
  rows: SignInRows,
  emit: Emitter,
): void {
  const { random } = emit;
  const scripts = new RandomStream(tenant.seed, HABITS, calendar.account.ordinal, 1).chance(
    PEOPLE.scriptingDeveloperShare,
  );
  const count = random.poisson(scripts ? SILENT.scriptingDaily : SILENT.commandLineDaily);
  const session = calendar.sessionOf(device, startMs);
  for (let i = 0; i < count; i++) {
    const at = random.between(startMs, endMs);
    const access = COMMAND_ACCESSES[random.below(scripts ? COMMAND_ACCESSES.length : 4)]!;
    // Some command lines live on a device code of some days ago.
    const code = rows.accessCode(
      access,
      access.client === 'cli' && random.chance(0.3) ? { transfer: 'deviceCodeFlow' } : undefined,
    );
    const client = rows.clientCode(device, access.client);
    rows.add(
      at,
      emit.lag(),
      code,
      client,
      emit.placeCode(device, at),
      emit.outcome(emit.success('mfaByClaim')),
      0,
      emit.nextCorrelation(),
      session,
      random,
    );
  }
}

/** A client that cannot get its token and asks again and again, day and night. */
function writeLoop(device: Device, daily: number, calendar: Calendar, rows: SignInRows, emit: Emitter): void {
  const { random } = emit;
  const access = COMPUTER_ACCESSES[random.below(6)]!;
  const code = rows.accessCode(access);
  const client = rows.clientCode(device, access.client);
  const result: ResultCode = random.pick(LOOP_FAILURES);
  const outcome = rows.outcomeCode(result, 'plain');
  const stepMs = (24 * MS_PER_HOUR) / daily;
  const session = calendar.sessionOf(device, 0);
  const place = emit.placeCode(device, calendar.midnightMs(0) + 3 * MS_PER_HOUR);
  const until = calendar.durationMs;
  for (let at = stepMs * random.unit(); at < until; at += stepMs * random.between(0.6, 1.4)) {
    rows.add(at, emit.lag(), code, client, place, outcome, 0, emit.nextCorrelation(), session, random);
  }
}

/** Software that signs in as a user: the same request around the clock. */
function writeService(tenant: Tenant, calendar: Calendar, rows: SignInRows, emit: Emitter): void {
  const { random } = emit;
  const device = tenant.devices(calendar.account.ordinal)[0]!;
  const access = random.pick(SERVICE_ACCESSES);
  const code = rows.accessCode(access);
  const client = rows.clientCode(device, access.client);
  const session = calendar.sessionOf(device, 0);
  const place = emit.placeCode(device, 0);
  const [shortest, longest] = SILENT.renewalMinutes;
  const until = calendar.durationMs;
  for (
    let at = random.unit() * shortest * MS_PER_MINUTE;
    at < until;
    at += random.between(shortest, longest) * MS_PER_MINUTE
  ) {
    rows.add(
      at,
      emit.lag(),
      code,
      client,
      place,
      emit.outcome(emit.success('plain')),
      0,
      emit.nextCorrelation(),
      session,
      random,
    );
  }
}
