/**
 * From chains to planned events: who is attacked, when, from where, and every row that it leaves, with all its values. A
 * plan is a function of (scenario, seed), so each thread makes it for itself and takes its partition's share; streams are
 * named by chain, variant and number, so one more attack changes neither the background nor any other attack's draws.
 */
import { purposeKey, RandomStream } from '../../src/base/random.ts';
import { formatDatetime, ticksFromColumnTicks } from '../../src/base/time.ts';
import type { TruthEvent, TruthIncident } from '../../src/dataset/truth.ts';
import { type Access, type Application, APPLICATIONS, RESOURCES, SMALL_APPLICATIONS } from '../applications.ts';
import { ATTACKS, RISK } from '../assumptions.ts';
import { findActivity } from '../audit-activities.ts';
import {
  APPLICATION_ACTORS,
  type ApplicationActor,
  applicationInitiator,
  directoryOf,
  drawsFrom,
  groupNames,
  principalInitiator,
  type Subject,
  targetResources,
  userInitiator,
} from '../audit-texts.ts';
import { Calendar } from '../background/calendar.ts';
import { PUBLISH_SECONDS } from '../row-kernel/index.ts';
import { drawRisk, isHosting, type Risk } from '../risk.ts';
import { drawOutages, ingestedAt, MS_PER_HOUR, MS_PER_MINUTE, type Outage, type Span } from '../rows.ts';
import { chainKey, expectedCount, type PlantRequest, type Scenario } from '../scenario.ts';
import type { SignInTable } from '../sign-in-rows.ts';
import { userAgent } from '../sign-in-texts.ts';
import {
  type Account,
  type Device,
  drawGuid,
  foreignComputer,
  hostingPlace,
  type Place,
  residentialPlace,
  type ServicePrincipal,
  type Tenant,
} from '../tenant.ts';
import type { Range } from '../yaml-reader.ts';
import type { ActionStep, Chain, ChainSubject, Parameters, SignInStep, Wait } from './chain.ts';

interface PlannedCommon {
  /** Of the account whose rows it stands among. */
  readonly ordinal: number;
  /** The account key that decides its partition. */
  readonly accountKey: string;
  /** Ticks since 2020. */
  readonly created: number;
  readonly generated: number;
  readonly ingested: number;
  readonly counter: number;
  readonly correlation: number;
  readonly truth: TruthEvent;
}

export interface PlannedSignIn extends PlannedCommon {
  readonly kind: 'signIn';
  readonly table: SignInTable;
  readonly access: Access;
  readonly step: SignInStep;
  readonly device: Device;
  readonly place: Place;
  readonly session: number;
  readonly latency: number;
  /** What Identity Protection detected. */
  readonly risk: Risk | undefined;
}

export interface PlannedAudit extends PlannedCommon {
  readonly kind: 'audit';
  readonly operation: string;
  readonly initiator: string;
  readonly identity: string;
  readonly target: string;
  readonly detail: string;
  readonly reason: string;
}

/** An application signs in by itself. */
export interface PlannedPrincipal extends PlannedCommon {
  readonly kind: 'principal';
  readonly principal: ServicePrincipal;
  readonly resource: SignInStep['resource'];
  readonly place: Place;
}

export type PlannedEvent = PlannedSignIn | PlannedAudit | PlannedPrincipal;

export interface Plan {
  /** In order of account ordinal, then of time. */
  readonly events: readonly PlannedEvent[];
  readonly incidents: readonly TruthIncident[];
}

/** Planted rows number themselves by the hash of their id, above all counters of the background. */
function plantedNumber(id: string): number {
  return (purposeKey(id) | 0x80000000) >>> 0;
}

type Outages = Readonly<Record<SignInTable | 'AuditLogs' | 'AADServicePrincipalSignInLogs', readonly Outage[]>>;

interface Who {
  readonly account: Account | undefined;
  readonly principal: ServicePrincipal | undefined;
}

class Planner {
  readonly tenant: Tenant;
  readonly span: Span;
  readonly scenario: Scenario;
  readonly events: PlannedEvent[] = [];
  readonly incidents: TruthIncident[] = [];
  readonly #outages: Outages;
  readonly #groups: readonly string[];
  /** Accounts that an attack already uses: no two attacks share one, so that each is caught or missed by itself. */
  readonly #attacked = new Set<number>();

  constructor(tenant: Tenant, scenario: Scenario, span: Span) {
    this.tenant = tenant;
    this.scenario = scenario;
    this.span = span;
    this.#groups = groupNames(tenant);
    const outages = (table: string): Outage[] => drawOutages(tenant.seed, table, span);
    this.#outages = {
      SigninLogs: outages('SigninLogs'),
      AADNonInteractiveUserSignInLogs: outages('AADNonInteractiveUserSignInLogs'),
      AuditLogs: outages('AuditLogs'),
      AADServicePrincipalSignInLogs: outages('AADServicePrincipalSignInLogs'),
    };
  }

  plant(request: PlantRequest, kind: Chain['kind'], position: number): void {
    const { choices, count } = request;
    if (choices.length === 0) return;
    if (count !== undefined) {
      for (const [chain, variant] of choices)
        for (let i = 0; i < count; i++) this.#incident(request, kind, chain, variant);
      return;
    }
    const random = new RandomStream(this.tenant.seed, purposeKey(`plant/${kind}/${position}`));
    const total = Math.floor(expectedCount(request, this.tenant.userCount, this.scenario.days) + random.unit());
    for (let i = 0; i < total; i++) {
      const [chain, variant] = choices[random.below(choices.length)]!;
      this.#incident(request, kind, chain, variant);
    }
  }

  readonly #numbers = new Map<string, number>();

  #incident(request: PlantRequest, kind: Chain['kind'], chainName: string, variant: string): void {
    const chain = this.scenario.chains[chainKey(kind, chainName)]!;
    const stem = `${chainName}.${variant}`;
    const number = (this.#numbers.get(stem) ?? 0) + 1;
    this.#numbers.set(stem, number);
    const id = `${stem}.${number}`;
    const parameters: Parameters = { ...chain.parameters, ...request.parameters, ...chain.variants[variant] };
    const random = new RandomStream(this.tenant.seed, purposeKey(`incident/${kind}/${stem}`), number);
    const who = this.#choose(parameters, kind, random);
    const built = new IncidentBuilder(this, chain, parameters, who, id, random).build(this.#groups, this.#outages);
    if (built.length === 0) return;
    this.events.push(...built);
    const truths = built.map(({ truth }) => truth).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    this.incidents.push({
      id,
      kind,
      scenario: chainName,
      variant,
      title: chain.title,
      techniques: chain.techniques,
      start: truths[0]!.at,
      end: truths.at(-1)!.at,
      events: truths,
    });
  }

  #choose({ actor, capitals, dedicated }: Parameters, kind: Chain['kind'], random: RandomStream): Who {
    const { tenant } = this;
    if (actor === 'servicePrincipal') return { account: undefined, principal: random.pick(tenant.secretPrincipals) };
    const [from, to] = tenant.ranges[actor];
    const first = random.below(to - from);
    // What was asked for, then any letter case, then anybody of the kind; a free account before one that is taken.
    const rank = (ordinal: number): number =>
      (kind === 'attack' && this.#attacked.has(ordinal) ? 8 : 0) +
      (capitals !== undefined && tenant.hasCapitals(ordinal) !== capitals ? 4 : 0) +
      (dedicated !== undefined && tenant.isDedicated(ordinal) !== dedicated ? 2 : 0);
    let best = from + first;
    for (let i = 0; i < to - from; i++) {
      const ordinal = from + ((first + i) % (to - from));
      if (rank(ordinal) < rank(best)) best = ordinal;
      if (rank(best) === 0) break;
    }
    if (kind === 'attack') this.#attacked.add(best);
    return { account: tenant.account(best), principal: undefined };
  }
}

interface Draft {
  readonly offsetMs: number;
  readonly build: (atMs: number) => PlannedEvent | undefined;
  readonly isAct: boolean;
}

class IncidentBuilder {
  readonly #planner: Planner;
  readonly #chain: Chain;
  readonly #parameters: Parameters;
  readonly #who: Who;
  readonly #id: string;
  readonly #random: RandomStream;
  #eventNumber = 0;

  constructor(planner: Planner, chain: Chain, parameters: Parameters, who: Who, id: string, random: RandomStream) {
    this.#planner = planner;
    this.#chain = chain;
    this.#parameters = parameters;
    this.#who = who;
    this.#id = id;
    this.#random = random;
  }

  #draw(range: Range): number {
    return this.#random.between(range.from, range.to);
  }

  #wait(wait: Exclude<Wait, 'cadence'>): number {
    return this.#draw(wait === 'dwell' ? this.#parameters.dwell : wait === 'refresh' ? this.#parameters.refresh : wait);
  }

  #times({ from, to }: Range): number {
    return from + this.#random.below(to - from + 1);
  }

  build(groups: readonly string[], outages: Outages): PlannedEvent[] {
    const { tenant, span } = this.#planner;
    const random = this.#random;
    const { account } = this.#who;
    const calendar = account && new Calendar(tenant, account, span);
    const devices = account ? tenant.devices(account.ordinal) : [];
    const parameters = this.#parameters;
    const attackerPlace = (): Place =>
      parameters.network === 'residential' && account
        ? residentialPlace(random, tenant.offices[account.office]!.city)
        : hostingPlace(random);
    const fixedPlace = attackerPlace();
    const attackerDevice = foreignComputer(random, 15);
    const actsFromVictim = this.#chain.kind === 'lookalike' || parameters.network === 'victim';
    const onVictimDevice = this.#chain.kind === 'lookalike' || parameters.device === 'victim';
    const cast = this.#cast(groups);

    const drafts: Draft[] = [];
    let cursor = 0;
    let lastSignIn: SignInStep | undefined;
    // Tokens are renewed by their age, whatever their holder does meanwhile: from the last sign-in of the steps on.
    const renews = this.#chain.steps.some(({ after, every }) => after === 'cadence' || every === 'cadence');
    let dueAt = Number.POSITIVE_INFINITY;
    const signIn = (step: SignInStep, offsetMs: number): void => {
      const colleague =
        step.from === 'colleague' ? tenant.account(cast('colleague', undefined, 0).user!.ordinal) : undefined;
      const owner = colleague ?? account;
      if (step.way === 'application' || !owner) {
        drafts.push({
          offsetMs,
          isAct: step.role === 'malicious',
          build: (atMs) =>
            this.#principalSignIn(step, atMs, cast('principal', undefined, 0).principal!, fixedPlace, outages),
        });
        return;
      }
      const ownersCalendar = colleague || !calendar ? new Calendar(tenant, owner, span) : calendar;
      const ownersDevice = colleague ? tenant.devices(owner.ordinal)[0]! : devices[0]!;
      drafts.push({
        offsetMs,
        isAct: step.role === 'malicious',
        build: (atMs) => {
          const own = step.from !== 'attacker';
          const device = own || onVictimDevice ? ownersDevice : attackerDevice;
          const place = own || actsFromVictim ? ownersCalendar.placeOf(ownersDevice, atMs) : fixedPlace;
          return this.#signIn(
            step,
            atMs,
            owner,
            ownersCalendar,
            device,
            ownersDevice,
            place,
            cast('application', undefined, 0).application!,
            outages,
          );
        },
      });
    };

    const advance = (wait: Wait, least: number): void => {
      const due = Number.isFinite(dueAt) ? dueAt : cursor + this.#draw(parameters.refresh);
      const until = wait === 'cadence' ? due : cursor + Math.max(least, this.#wait(wait));
      for (; dueAt < until; dueAt += this.#draw(parameters.refresh)) signIn(lastSignIn!, dueAt);
      cursor = until;
    };

    for (const step of this.#chain.steps) {
      const times = this.#times(step.times);
      advance(step.after, 0);
      for (let i = 0; i < times; i++) {
        if (i > 0) advance(step.every, 1000);
        if (step.kind === 'signIn') {
          signIn(step, cursor);
          if (step.way === 'silent' && step.from !== 'colleague') {
            lastSignIn = step;
            if (renews && step.from === 'attacker') dueAt = cursor + this.#draw(parameters.refresh);
          }
        } else {
          const correlation = plantedNumber(`${this.#id}/action/${drafts.length}`);
          let at = cursor;
          step.rows.forEach((row, index) => {
            if (index > 0) at += this.#draw(row.gap);
            const offsetMs = at;
            drafts.push({
              offsetMs,
              isAct: step.role === 'malicious' || step.role === 'benign',
              build: (atMs) =>
                this.#audit(
                  step,
                  row,
                  atMs,
                  cast(row.subject, row.roleName, i),
                  correlation,
                  calendar,
                  account && (onVictimDevice ? devices[0] : attackerDevice),
                  actsFromVictim ? undefined : fixedPlace,
                  outages.AuditLogs,
                ),
            });
          });
          cursor = at;
        }
      }
    }
    if (parameters.mask && lastSignIn) {
      // From some minutes before the first act, since sign-ins are published late, until long after the last.
      const acts = drafts.filter(({ isAct }) => isAct).map(({ offsetMs }) => offsetMs);
      const from = Math.max(0, Math.min(...acts) - ATTACKS.maskLeadMinutes * MS_PER_MINUTE);
      const until = Math.max(...acts) + ATTACKS.maskTailMinutes * MS_PER_MINUTE;
      for (let at = from + this.#draw(parameters.mask); at < until; at += this.#draw(parameters.mask)) {
        signIn({ ...lastSignIn, role: 'supporting' }, at);
      }
    }
    if (drafts.length === 0) return [];
    drafts.sort((a, b) => a.offsetMs - b.offsetMs);

    const first = drafts[0]!.offsetMs;
    const length = drafts.at(-1)!.offsetMs - first;
    const firstAct = (drafts.find(({ isAct }) => isAct) ?? drafts[0]!).offsetMs - first;
    const startMs = this.#start(calendar, firstAct, length) - first;
    const events: PlannedEvent[] = [];
    for (const draft of drafts) {
      const event = draft.build(startMs + draft.offsetMs);
      if (event) events.push(event);
    }
    return events;
  }

  /** When the first event happens, so that all of them lie inside the dataset and the first act in the hours asked for. */
  #start(calendar: Calendar | undefined, firstAct: number, length: number): number {
    const { span } = this.#planner;
    const random = this.#random;
    // Room for publication and ingestion, and for a rule's window before.
    const earliest = Math.min(2 * MS_PER_HOUR, span.durationMs * 0.1);
    const latest = Math.max(earliest, span.durationMs - length - Math.min(3 * MS_PER_HOUR, span.durationMs * 0.15));
    let fallback = random.between(earliest, latest);
    const { hours, at } = this.#parameters;
    if (at) return this.#draw(at) - firstAct;
    if (hours === 'any' || !calendar) return fallback;
    for (let attempt = 0; attempt < 200; attempt++) {
      const start = random.between(earliest, latest);
      const act = start + firstAct;
      const workday = calendar.workday(calendar.localDayOf(act));
      const endMs = workday && (hours === 'morning' ? workday.startMs + 2 * MS_PER_HOUR : workday.endMs - 600_000);
      const working = workday !== undefined && act >= workday.startMs && act < endMs!;
      if (hours !== 'off' ? working : !working && (calendar.localHour(act) < 6 || calendar.localHour(act) >= 20))
        return start;
      fallback = start;
    }
    return fallback;
  }

  #signIn(
    step: SignInStep,
    atMs: number,
    account: Account,
    calendar: Calendar,
    device: Device,
    victimDevice: Device,
    place: Place,
    consented: NonNullable<Subject['application']>,
    outages: Outages,
  ): PlannedEvent | undefined {
    const { span } = this.#planner;
    const random = this.#random;
    const table: SignInTable = step.way === 'silent' ? 'AADNonInteractiveUserSignInLogs' : 'SigninLogs';
    const created = span.startTicks + Math.round(atMs * 10_000);
    const { lag } = this.#parameters;
    const generated = created + Math.floor(lag ? this.#draw(lag) * 10_000 : PUBLISH_SECONDS.draw(random) * 1e7);
    const ingested = ingestedAt(generated, random, outages[table]);
    if (atMs < 0 || generated >= span.endTicks) return undefined;
    const id = `${this.#id}/${++this.#eventNumber}`;
    const application: Application =
      step.application === 'consented' ? { name: consented.name, id: consented.appId } : APPLICATIONS[step.application];
    const access: Access = {
      application,
      resource: step.resource,
      client: step.client,
      cae: false,
      token: step.way === 'silent' ? 'refreshToken' : 'none',
    };
    const network = isHosting(place) ? 'hosting' : step.from === 'attacker' ? this.#parameters.network : 'victim';
    const risk = step.result === '0' && random.chance(RISK.attackShare[network]) ? drawRisk(random) : undefined;
    return {
      kind: 'signIn',
      table,
      ordinal: account.ordinal,
      accountKey: account.signInName,
      created,
      generated,
      ingested,
      counter: plantedNumber(id),
      correlation: plantedNumber(`${id}/correlation`),
      access,
      step,
      device,
      place,
      // A stolen token carries its session's number wherever it is used.
      session: calendar.sessionOf(victimDevice, atMs),
      latency: random.below(256),
      risk,
      truth: this.#truth(id, table, created, generated, ingested, account.signInName, application.name, step.role),
    };
  }

  #principalSignIn(
    step: SignInStep,
    atMs: number,
    principal: ServicePrincipal,
    place: Place,
    outages: Outages,
  ): PlannedEvent | undefined {
    const { span } = this.#planner;
    const random = this.#random;
    const table = 'AADServicePrincipalSignInLogs';
    const created = span.startTicks + Math.round(atMs * 10_000);
    const { lag } = this.#parameters;
    const generated = created + Math.floor(lag ? this.#draw(lag) * 10_000 : PUBLISH_SECONDS.draw(random) * 1e7);
    const ingested = ingestedAt(generated, random, outages[table]);
    if (atMs < 0 || generated >= span.endTicks) return undefined;
    const id = `${this.#id}/${++this.#eventNumber}`;
    return {
      kind: 'principal',
      ordinal: principal.ordinal,
      accountKey: principal.appId,
      created,
      generated,
      ingested,
      counter: plantedNumber(id),
      correlation: 0,
      principal,
      resource: step.resource,
      place,
      truth: this.#truth(
        id,
        table,
        created,
        generated,
        ingested,
        principal.name,
        RESOURCES[step.resource].name,
        step.role,
      ),
    };
  }

  #audit(
    step: ActionStep,
    row: ActionStep['rows'][number],
    atMs: number,
    subject: Subject,
    correlation: number,
    calendar: Calendar | undefined,
    device: Device | undefined,
    place: Place | undefined,
    outages: readonly Outage[],
  ): PlannedEvent | undefined {
    const { span, tenant } = this.#planner;
    const random = this.#random;
    const { account, principal } = this.#who;
    const created = span.startTicks + Math.round(atMs * 10_000);
    let ingested = ingestedAt(created, random, outages);
    if (this.#parameters.ingestionDelay) ingested += Math.floor(this.#draw(this.#parameters.ingestionDelay) * 10_000);
    if (atMs < 0 || created >= span.endTicks) return undefined;
    const activity = findActivity(row.operation)!;
    const id = `${this.#id}/${++this.#eventNumber}`;
    const byApplication = row.by !== 'actor' || !account;
    const ip = place?.ip ?? (calendar && device ? calendar.placeOf(device, atMs).ip : '');
    const application: ApplicationActor = row.by === 'actor' ? 'syncFabric' : row.by;
    const initiator = principal
      ? principalInitiator(principal)
      : byApplication
        ? applicationInitiator(tenant, application)
        : userInitiator(account, ip);
    const identity = principal?.name ?? (byApplication ? APPLICATION_ACTORS[application][0] : '');
    const agent = device ? userAgent(device, 'browser') : '';
    return {
      kind: 'audit',
      ordinal: account?.ordinal ?? principal!.ordinal,
      accountKey: byApplication || !account ? identity : account.directoryName,
      created,
      generated: created,
      ingested,
      counter: plantedNumber(id),
      correlation,
      operation: row.operation,
      initiator,
      identity,
      target: targetResources(directoryOf(tenant), activity.operation, subject, drawsFrom(random)),
      detail:
        activity.service === 'Core Directory' && agent !== ''
          ? JSON.stringify([{ key: 'User-Agent', value: agent }])
          : '[]',
      reason: step.reason === 'change' ? `CHG00${10_000 + random.below(90_000)}` : step.reason,
      truth: this.#truth(
        id,
        'AuditLogs',
        created,
        created,
        ingested,
        byApplication || !account ? identity : account.directoryName,
        activity.operation,
        step.role,
      ),
    };
  }

  #truth(
    id: string,
    table: string,
    created: number,
    generated: number,
    ingested: number,
    account: string,
    operation: string,
    role: TruthEvent['role'],
  ): TruthEvent {
    const iso = (columnTicks: number): string => formatDatetime(ticksFromColumnTicks(columnTicks));
    return {
      id,
      table,
      at: iso(created),
      generated: iso(generated),
      ingested: iso(ingested),
      account,
      operation,
      role,
    };
  }

  /** Decides once who and what the chain is about, so that all its steps agree. */
  #cast(
    groups: readonly string[],
  ): (subject: ChainSubject, roleName: string | undefined, repetition: number) => Subject {
    const { tenant } = this.#planner;
    const random = this.#random;
    const { account } = this.#who;
    const [from, to] = tenant.ranges.employee;
    const accomplice = tenant.account(from + random.below(to - from));
    const group = random.pick(groups);
    const principal = this.#who.principal ?? random.pick(tenant.secretPrincipals);
    const application = {
      name: random.pick(SMALL_APPLICATIONS),
      appId: drawGuid(random),
      objectId: drawGuid(random),
    };
    const policy = random.below(10);
    const role = account?.roles[0] ?? 'Application Administrator';
    const device = {
      id: drawGuid(random),
      name: `DESKTOP-${random.u32().toString(36).toUpperCase().slice(0, 7)}`,
      os: 'Windows',
    };
    const colleagueFrom = random.below(tenant.userCount);
    return (subject, roleName, repetition) => {
      switch (subject) {
        case 'self':
        case 'victim':
          return { user: account, method: 'Authenticator App' };
        case 'colleague': {
          const colleague = tenant.account((colleagueFrom + repetition * 7) % tenant.userCount);
          return { user: colleague, group };
        }
        case 'accomplice':
          return { user: accomplice, group, role: roleName };
        case 'guest': {
          const [guestFrom, guestTo] = tenant.ranges.guest;
          // Without guests an employee stands in.
          const guest =
            guestFrom === guestTo ? accomplice : tenant.account(guestFrom + (colleagueFrom % (guestTo - guestFrom)));
          return { user: guest, group };
        }
        case 'group':
          return { group };
        case 'principal':
          return { principal, user: account, role: roleName, permissions: 'RoleManagement.ReadWrite.Directory' };
        case 'application':
          return { application, user: account, permissions: 'Mail.Read Mail.Send offline_access User.Read' };
        case 'policy':
          return { policy };
        case 'device':
          return { device, user: account };
        case 'domain':
          return { domain: `mail-${tenant.domain}` };
        case 'role':
          return { role: roleName ?? role, user: account };
        case 'none':
          return {};
      }
    };
  }
}

/** Plans everything that a scenario plants. */
export function planIncidents(tenant: Tenant, scenario: Scenario, span: Span): Plan {
  const planner = new Planner(tenant, scenario, span);
  scenario.attacks.forEach((request, position) => planner.plant(request, 'attack', position));
  scenario.lookalikes.forEach((request, position) => planner.plant(request, 'lookalike', position));
  return {
    // Stable: the rows of one action keep their order within one tick.
    events: planner.events.sort((a, b) => a.ordinal - b.ordinal || a.created - b.created),
    incidents: planner.incidents,
  };
}
