/** Ordinary interactive sign-ins of one account: the browser carried on, prompts for a second factor, wrong passwords. */
import { purposeKey, RandomStream, Weights } from '../../src/base/random.ts';
import {
  type Access,
  DEVICE_CODE_SIGN_IN,
  INTERACTIVE_ACCESSES,
  INTERACTIVE_FAILURES,
  PORTAL_SIGN_IN,
  type ResultCode,
} from '../applications.ts';
import { INTERACTIVE, PORTAL, RISK } from '../assumptions.ts';
import { drawRisk, isHosting } from '../risk.ts';
import { PUBLISH_SECONDS } from '../row-kernel/index.ts';
import { MS_PER_HOUR } from '../rows.ts';
import type { AccessTraits, SignInRows } from '../sign-in-rows.ts';
import type { Situation } from '../sign-in-texts.ts';
import type { Device, Tenant } from '../tenant.ts';
import type { Calendar } from './calendar.ts';
import { connectedApplication, PORTAL_CORRELATIONS } from './silent-sign-ins.ts';

const INTERACTIVE_STREAM = purposeKey('background/interactive');
const RENEWAL_STREAM = purposeKey('background/session-renewal');
const ACCESS_WEIGHTS = new Weights(INTERACTIVE_ACCESSES.map(([weight]) => weight));
const [, BROWSER_SIGN_IN] = INTERACTIVE_ACCESSES.find(([, { client }]) => client === 'browser')!;
const [, MOBILE_SIGN_IN] = INTERACTIVE_ACCESSES.find(([, { client }]) => client === 'mobile')!;
const FAILURE_WEIGHTS = new Weights(INTERACTIVE_FAILURES.map(([weight]) => weight));
/** Keeps correlations apart from those of silent rows. */
const INTERACTIVE_CORRELATIONS = 0x20000000;
const RENEWAL_CORRELATIONS = 0x28000000;

/** Writes the account's rows; {@link SignInRows.begin} has been called for it. */
export function writeInteractiveSignIns(tenant: Tenant, calendar: Calendar, rows: SignInRows): void {
  const { account } = calendar;
  if (account.kind === 'serviceAccount') return;
  const random = new RandomStream(tenant.seed, INTERACTIVE_STREAM, account.ordinal);
  const { devices } = calendar;
  const median = account.dedicated
    ? INTERACTIVE.dedicatedMedian
    : account.kind === 'guest'
      ? INTERACTIVE.guestMedian
      : INTERACTIVE.dailyMedian;
  const mean = Math.min(INTERACTIVE.dailyMaximum, random.lognormal(median, INTERACTIVE.dailySigma));
  let correlation = INTERACTIVE_CORRELATIONS;

  const add = (
    device: Device,
    atMs: number,
    access: Access,
    result: ResultCode,
    situation: Situation,
    shared: number,
    lag: number,
    traits?: AccessTraits,
    session = calendar.sessionOf(device, atMs),
    draws = random,
  ): void => {
    const place = calendar.placeOf(device, atMs);
    const riskShare = isHosting(place) ? RISK.interactiveHostingShare : RISK.interactiveShare;
    const risk = result === '0' && draws.chance(riskShare) ? drawRisk(draws) : undefined;
    // Who passes a second factor because of the risk falls under the policy for that.
    const judged = risk?.state === 'remediated' ? 'risky' : situation;
    rows.add(
      atMs,
      lag,
      rows.accessCode(access, traits),
      rows.clientCode(device, access.client),
      rows.placeCode(place),
      rows.outcomeCode(result, judged, risk),
      rows.stepCode(result, situation),
      shared,
      session,
      draws,
    );
  };
  /** The sign-in that a session's silent ones descend from. */
  const signInAnew = (device: Device, day: number): void => {
    const draws = new RandomStream(tenant.seed, RENEWAL_STREAM, account.ordinal, (day + 8) * 64 + device.index);
    const midnightMs = calendar.midnightMs(day);
    const atMs = midnightMs - draws.between(INTERACTIVE.renewalHours[0], INTERACTIVE.renewalHours[1]) * MS_PER_HOUR;
    const access = device.kind === 'phone' ? MOBILE_SIGN_IN : BROWSER_SIGN_IN;
    const session = calendar.sessionOf(device, midnightMs);
    const lag = PUBLISH_SECONDS.draw(draws);
    add(device, atMs, access, '0', 'mfa', RENEWAL_CORRELATIONS + session, lag, undefined, session, draws);
  };

  // With the new password, wherever tokens from before it had been refused.
  for (const device of devices) {
    for (const { toMs } of calendar.staleSpans(device)) {
      const access = device.kind === 'phone' ? MOBILE_SIGN_IN : BROWSER_SIGN_IN;
      add(device, toMs, access, '0', 'mfa', correlation++, PUBLISH_SECONDS.draw(random));
    }
  }
  const connected = connectedApplication(tenant, calendar);
  if (connected) {
    const access: Access = { ...connected.access, client: 'browser', token: 'none' };
    add(devices[0]!, connected.fromMs, access, '0', 'mfaByClaim', correlation++, PUBLISH_SECONDS.draw(random));
  }
  for (const day of calendar.localDays()) {
    for (const device of devices) if (calendar.beginsSession(device, day)) signInAnew(device, day);
    const workday = calendar.workday(day);
    if (!workday) continue;
    for (const session of calendar.portalSessions(day)) {
      const situation = random.chance(PORTAL.mfaShare) ? 'mfa' : 'mfaByClaim';
      add(
        devices[0]!,
        session.startMs,
        PORTAL_SIGN_IN,
        '0',
        situation,
        PORTAL_CORRELATIONS + session.index * 1024,
        PUBLISH_SECONDS.draw(random),
      );
    }
    if (account.kind === 'developer' && random.chance(INTERACTIVE.deviceCodeShare)) {
      const atMs = random.between(workday.startMs, workday.endMs);
      add(devices[0]!, atMs, DEVICE_CODE_SIGN_IN, '0', 'mfa', correlation++, PUBLISH_SECONDS.draw(random), {
        protocol: 'deviceCode',
        transfer: 'deviceCodeFlow',
      });
    }
    const count = random.poisson(mean);
    for (let i = 0; i < count; i++) {
      const atMs =
        i === 0
          ? workday.startMs + random.within(INTERACTIVE.firstMinutes) * 60_000
          : random.between(workday.startMs, workday.endMs);
      const access = INTERACTIVE_ACCESSES[random.weighted(ACCESS_WEIGHTS)]![1];
      const device =
        access.client === 'mobile' ? (devices.find(({ kind }) => kind === 'phone') ?? devices[0]!) : devices[0]!;
      const shared = correlation++;
      const lag = PUBLISH_SECONDS.draw(random);
      if (random.chance(INTERACTIVE.previouslySatisfiedShare)) {
        add(
          device,
          atMs,
          access,
          '0',
          random.chance(INTERACTIVE.factorCarriedShare) ? 'mfaByClaim' : 'session',
          shared,
          lag,
        );
        continue;
      }
      let at = atMs;
      if (random.chance(INTERACTIVE.failureShare / (1 - INTERACTIVE.previouslySatisfiedShare))) {
        const code = INTERACTIVE_FAILURES[random.weighted(FAILURE_WEIGHTS)]![1];
        const tries = 1 + random.below(code === '50126' ? INTERACTIVE.wrongPasswords : INTERACTIVE.otherTries);
        for (let attempt = 0; attempt < tries; attempt++) {
          add(device, at, access, code, code === '500121' ? 'mfa' : 'plain', shared, lag);
          at += random.within(INTERACTIVE.retrySeconds) * 1000;
        }
        if (random.chance(INTERACTIVE.givenUpShare)) continue;
      }
      if (random.chance(INTERACTIVE.interruptShare)) {
        add(
          device,
          at,
          access,
          random.chance(INTERACTIVE.secondFactorInterruptShare) ? '50074' : '50140',
          'mfa',
          shared,
          lag,
        );
        at += random.within(INTERACTIVE.answerSeconds) * 1000;
      }
      add(device, at, access, '0', 'mfa', shared, lag);
    }
  }
}
