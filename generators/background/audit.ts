/**
 * Ordinary audit rows of one account: what applications do to it (most of a tenant's rows), what people do for themselves,
 * and the day's work of administrators, help desk and developers inside their portal sessions. An action that writes
 * several rows writes them under one CorrelationId.
 */
import { purposeKey, RandomStream, Weights } from '../../src/base/random.ts';
import { ACTIVITIES, type Activity, activity } from '../audit-activities.ts';
import { MAKERS, SMALL_APPLICATIONS } from '../applications.ts';
import { AuditRows } from '../audit-rows.ts';
import { type ApplicationActor, groupNames, principalInitiator, type Subject } from '../audit-texts.ts';
import { AUDIT } from '../assumptions.ts';
import { MS_PER_DAY, MS_PER_HOUR, type Outage, type Span } from '../rows.ts';
import { userAgent } from '../sign-in-texts.ts';
import { type Device, nameGuid, type ServicePrincipal, type Tenant } from '../tenant.ts';
import type { Calendar, PasswordChange } from './calendar.ts';

const PERSON_STREAM = purposeKey('background/audit/person');
const PRINCIPAL_STREAM = purposeKey('background/audit/principal');
const APPLICATION_STREAM = purposeKey('background/audit/application');
/** Rows that applications write about an account count from here, apart from those that it writes itself. */
const APPLICATION_COUNTERS = 0x20000000;

/** What an operation is done to: the account itself, a colleague, or a thing of the tenant. */
type SubjectKind =
  | 'self'
  | 'colleague'
  | 'group'
  | 'selfGroup'
  | 'principal'
  | 'role'
  | 'policy'
  | 'device'
  | 'newApplication'
  | 'domain'
  | 'none';

interface Step {
  readonly operation: string;
  readonly subject: SubjectKind;
  /** Seconds after the step before; 0 for rows of the same instant. */
  readonly gap: readonly [from: number, to: number];
  readonly activity: Activity;
  readonly isAboutGroup: boolean;
  /** What the texts of a target are drawn by. */
  readonly key: number;
}

type Act = readonly [weight: number, steps: readonly Step[]];

const NOW = [0, 0] as const;
const MOMENT = [0.05, 0.9] as const;
const SOON = [4, 40] as const;

function step(operation: string, subject: SubjectKind, gap: Step['gap'] = MOMENT): Step {
  return {
    operation,
    subject,
    gap,
    activity: activity(operation),
    isAboutGroup: /group/.test(operation),
    key: purposeKey(operation),
  };
}

/** What people do for themselves, by weight. */
const PERSON_ACTS: readonly Act[] = [
  [
    26,
    [
      step('Features_GetFeaturesAsync', 'none'),
      step('GroupsODataV4_Get', 'none'),
      step('Settings_GetSettingsAsync', 'none'),
    ],
  ],
  [12, [step('GroupsODataV4_Get', 'none')]],
  [
    8,
    [
      step('User started security info registration', 'self'),
      step('User registered security info', 'self', SOON),
      step('User registered all required security info', 'self'),
    ],
  ],
  [4, [step('User reviewed security info', 'self')]],
  [3, [step('User changed default security info', 'self')]],
  [2, [step('User deleted security info', 'self'), step('User registered security info', 'self', SOON)]],
  [10, [step('Add Windows Hello for Business credential', 'self')]],
  [5, [step('Register device', 'device')]],
  [3, [step('Add BitLocker key', 'device')]],
  [4, [step('Accept Terms Of Use', 'policy')]],
  [
    4,
    [
      step('Request to join a group', 'group'),
      step('Approve a pending request to join a group', 'group', SOON),
      step('Add member to group', 'selfGroup'),
    ],
  ],
  [
    2,
    [
      step('Add service principal', 'newApplication', NOW),
      step('Add delegated permission grant', 'newApplication', [0.1, 0.6]),
      step('Add app role assignment grant to user', 'newApplication', [0.1, 0.6]),
      step('Consent to application', 'newApplication', [0.1, 0.6]),
    ],
  ],
  [2, [step('User requests access package assignment', 'none')]],
  [3, [step('Update group', 'group')]],
];

/** What a change of the password writes; the calendar says when there is one, because sign-ins follow from it. */
const PASSWORD_ACTS: Readonly<Record<PasswordChange['way'], readonly Step[]>> = {
  change: [step('Change user password', 'self'), step('Update StsRefreshTokenValidFrom Timestamp', 'self', NOW)],
  selfService: [
    step('Self-service password reset flow activity progress', 'self', [-90, -60]),
    step('Self-service password reset flow activity progress', 'self', SOON),
    step('Self-service password reset flow activity progress', 'self', SOON),
    step('Reset password (self-service)', 'self', [4, 10]),
    step('Update StsRefreshTokenValidFrom Timestamp', 'self'),
  ],
};

/** What the help desk's reset of a password writes; the calendar says of whose, and when. */
const RESET_ACTS: readonly Step[] = [
  step('Reset user password', 'colleague'),
  step('Update StsRefreshTokenValidFrom Timestamp', 'colleague', NOW),
];

const ADMIN_ACTS: readonly Act[] = [
  [24, [step('Update user', 'colleague')]],
  [14, [step('Add member to group', 'colleague')]],
  [8, [step('Remove member from group', 'colleague')]],
  [7, [step('Change user license', 'colleague'), step('Update user', 'colleague', NOW)]],
  [5, [step('Update group', 'group')]],
  [2, [step('Add group', 'group'), step('Add owner to group', 'colleague', NOW)]],
  [
    4,
    [
      step('Add user', 'colleague'),
      step('Update user', 'colleague'),
      step('Change user license', 'colleague', SOON),
      step('Add member to group', 'colleague', SOON),
    ],
  ],
  [3, [step('Disable account', 'colleague'), step('Update user', 'colleague', NOW)]],
  [1, [step('Delete user', 'colleague')]],
  [2, [step('Enable account', 'colleague')]],
  [3, [step('Update device', 'device')]],
  [2, [step('Delete device', 'device')]],
  [4, [step('Update application', 'principal'), step('Update service principal', 'principal', NOW)]],
  [2, [step('Update application – Certificates and secrets management ', 'principal')]],
  [1, [step('Add owner to application', 'principal')]],
  [1, [step('Add app role assignment to service principal', 'principal')]],
  [1, [step('Update conditional access policy', 'policy'), step('Update policy', 'policy', NOW)]],
  [0.4, [step('Update named location', 'policy')]],
  [0.8, [step('Add member to role', 'role')]],
  [0.4, [step('Remove member from role', 'role')]],
  [0.6, [step('Add eligible member to role in PIM completed (timebound)', 'role')]],
  [1, [step('Update StsRefreshTokenValidFrom Timestamp', 'colleague')]],
  [1.5, [step('Download users - finished (bulk)', 'none')]],
  [1, [step('Invite external user', 'colleague')]],
  [0.6, [step('Read BitLocker key', 'device')]],
  [0.6, [step('Reveal local administrator password', 'device')]],
  [0.3, [step('Update authorization policy', 'policy')]],
  [0.4, [step('Administrator directly assigns user to access package', 'none')]],
];

const HELP_DESK_ACTS: readonly Act[] = [
  [20, [step('Update user', 'colleague')]],
  [14, [step('Add member to group', 'colleague')]],
  [8, [step('Unlock user account (self-service)', 'colleague')]],
  [5, [step('Admin registered security info', 'colleague')]],
  [3, [step('Admin deleted security info', 'colleague')]],
  [4, [step('Read BitLocker key', 'device')]],
  [3, [step('Change user license', 'colleague')]],
];

const DEVELOPER_ACTS: readonly Act[] = [
  [6, [step('Update application', 'principal')]],
  [
    4,
    [
      step('Update application – Certificates and secrets management ', 'principal'),
      step('Update service principal', 'principal', MOMENT),
    ],
  ],
  [
    2,
    [
      step('Add application', 'principal'),
      step('Add service principal', 'principal', MOMENT),
      step('Add owner to application', 'principal', NOW),
    ],
  ],
  [2, [step('Update service principal', 'principal')]],
  [1, [step('Add service principal credentials', 'principal')]],
  [1, [step('Remove service principal credentials', 'principal')]],
  [3, [step('Features_GetFeaturesAsync', 'none'), step('GroupsODataV4_Get', 'none')]],
];

const SERVICE_ACTS: readonly Act[] = [
  [40, [step('Update user', 'colleague')]],
  [12, [step('Add member to group', 'colleague')]],
  [8, [step('Remove member from group', 'colleague')]],
  [5, [step('Change user license', 'colleague')]],
  [2, [step('Add user', 'colleague')]],
  [2, [step('Disable account', 'colleague')]],
];

/** What the tenant's own applications do in its directory. */
const PRINCIPAL_ACTS: readonly Act[] = [
  [40, [step('Update user', 'colleague')]],
  [12, [step('Add member to group', 'colleague')]],
  [5, [step('Update application', 'principal')]],
  [
    4,
    [step('Add service principal credentials', 'principal', NOW), step('Update service principal', 'principal', NOW)],
  ],
  [1, [step('Add app role assignment to service principal', 'principal')]],
  [1, [step('Add service principal', 'newApplication')]],
  [0.5, [step('Consent to application', 'newApplication')]],
];

/** What an operation of a category is usually done to. */
const SUBJECT_OF_CATEGORY: Readonly<Record<string, SubjectKind>> = {
  RoleManagement: 'role',
  ApplicationManagement: 'principal',
  Policy: 'policy',
  AuthorizationPolicy: 'policy',
  PermissionGrantPolicy: 'policy',
  IdentityProtection: 'policy',
  Device: 'device',
  KeyManagement: 'device',
  DirectoryManagement: 'domain',
  GroupManagement: 'group',
  UserManagement: 'colleague',
  ResourceManagement: 'role',
};

/** The rare rest: every activity that there is happens now and then. */
const LONG_TAIL = ACTIVITIES.map(({ category, operation, actor }) => ({
  actor,
  steps: [
    step(
      `${category}/${operation}`,
      category === 'GroupManagement' && /member|owner/.test(operation)
        ? 'colleague'
        : (SUBJECT_OF_CATEGORY[category] ?? 'none'),
    ),
  ],
}));
const USER_LONG_TAIL = LONG_TAIL.filter(({ actor }) => actor !== 'app').map(({ steps }) => steps);
const APPLICATION_LONG_TAIL = LONG_TAIL.filter(({ actor }) => actor !== 'user').map(({ steps }) => steps);

/** What applications do to an account, by weight. */
const APPLICATION_ACTS: readonly (readonly [weight: number, actor: ApplicationActor, steps: readonly Step[]])[] = [
  [44, 'deviceRegistration', [step('Update device', 'device')]],
  [5, 'intune', [step('Update device', 'device')]],
  [1, 'intune', [step('Device no longer compliant', 'device')]],
  [14, 'provisioning', [step('Update user', 'self')]],
  [1, 'provisioning', [step('Set user manager', 'self')]],
  [9, 'provisioning', [step('Synchronization rule action', 'none'), step('Export', 'none', NOW)]],
  [8, 'syncFabric', [step('Update service principal', 'principal')]],
  [
    2,
    'managedIdentity',
    [step('Update service principal', 'principal'), step('Add service principal credentials', 'principal', NOW)],
  ],
  [4, 'approval', [step('Add member to group', 'selfGroup')]],
  [2, 'approval', [step('Remove member from group', 'selfGroup')]],
  [
    2,
    'licensing',
    [
      step('Start applying group based license to users', 'group'),
      step('Finish applying group based license to user', 'group', SOON),
      step('Change user license', 'self', NOW),
    ],
  ],
  [
    1,
    'deviceRegistration',
    [
      step('Add device', 'device', NOW),
      step('Add registered owner to device', 'device', NOW),
      step('Add registered users to device', 'device', NOW),
    ],
  ],
  [0.6, 'governance', [step('Fulfill access package assignment request', 'none')]],
  [0.6, 'pim', [step('Triggered PIM alert', 'role')]],
  [1, 'pim', [step('Process request', 'role')]],
  [1, 'governance', [step('Apply decision', 'none')]],
  [1, 'governance', [step('Schedule workflow execution completed', 'none')]],
];
const APPLICATION_WEIGHTS = new Weights(APPLICATION_ACTS.map(([weight]) => weight));
/** Rows that one act of an application writes, on average. */
const ROWS_PER_APPLICATION_ACT =
  APPLICATION_ACTS.reduce((sum, [weight, , steps]) => sum + weight * steps.length, 0) / APPLICATION_WEIGHTS.total;

interface ActFigures {
  readonly weights: Weights;
  /** Rows that one act writes, on average. */
  readonly meanRows: number;
}

const figuresByActs = new Map<readonly Act[], ActFigures>();

function figuresOf(acts: readonly Act[]): ActFigures {
  let figures = figuresByActs.get(acts);
  if (!figures) {
    const weights = new Weights(acts.map(([weight]) => weight));
    const meanRows = acts.reduce((sum, [weight, steps]) => sum + weight * steps.length, 0) / weights.total;
    figuresByActs.set(acts, (figures = { weights, meanRows }));
  }
  return figures;
}

const groupsByTenant = new WeakMap<Tenant, readonly string[]>();

function groupsOf(tenant: Tenant): readonly string[] {
  let groups = groupsByTenant.get(tenant);
  if (!groups) {
    groups = groupNames(tenant);
    groupsByTenant.set(tenant, groups);
  }
  return groups;
}

const applicationsByTenant = new WeakMap<Tenant, NonNullable<Subject['application']>[]>();

function smallApplication(tenant: Tenant, random: RandomStream): NonNullable<Subject['application']> {
  let applications = applicationsByTenant.get(tenant);
  if (!applications) applicationsByTenant.set(tenant, (applications = []));
  const maker = random.below(MAKERS);
  const which = random.below(SMALL_APPLICATIONS.length);
  const name = SMALL_APPLICATIONS[which]!;
  return (applications[maker * SMALL_APPLICATIONS.length + which] ??= {
    name,
    appId: nameGuid(`${name}/${maker}`),
    objectId: nameGuid(`${tenant.tenantId}/${name}/${maker}`),
  });
}

function subjectOf(
  tenant: Tenant,
  calendar: Calendar,
  devices: readonly Device[],
  kind: SubjectKind,
  colleague: number,
  random: RandomStream,
): Subject {
  const { account } = calendar;
  switch (kind) {
    case 'self':
      return { user: account };
    case 'colleague':
      return { user: tenant.person(colleague) };
    case 'group':
      return { group: random.pick(groupsOf(tenant)) };
    case 'selfGroup':
      return { user: account, group: random.pick(groupsOf(tenant)) };
    case 'principal':
      return { principal: random.pick(tenant.servicePrincipals), user: account };
    case 'role':
      return { role: account.roles[0] ?? 'Helpdesk Administrator', user: tenant.person(colleague) };
    case 'policy':
      return { policy: random.below(10) };
    case 'device': {
      const device = random.pick(devices);
      const id = device.deviceId === '' ? account.userId : device.deviceId;
      return { device: { id, name: device.name === '' ? 'DESKTOP' : device.name, os: device.platform }, user: account };
    }
    case 'newApplication': {
      return { application: smallApplication(tenant, random), user: account };
    }
    case 'domain':
      return { domain: `mail.${tenant.domain}` };
    case 'none':
      return {};
  }
}

/** Writes what the account itself does; {@link AuditRows.begin} has been called for it. */
export function writeOwnAudit(tenant: Tenant, calendar: Calendar, rows: AuditRows): void {
  const { account } = calendar;
  const random = new RandomStream(tenant.seed, PERSON_STREAM, account.ordinal);
  const { devices } = calendar;
  const noDetail = rows.detailCode('[]');
  const agent = rows.detailCode(JSON.stringify([{ key: 'User-Agent', value: userAgent(devices[0]!, 'browser') }]));
  const success = rows.outcomeCode('success');
  const failure = rows.outcomeCode('failure', 'Microsoft.Online.Workflows.ValidationException');
  const adminDaily = random.lognormal(AUDIT.adminDailyMedian, AUDIT.adminDailySigma);

  const perform = (atMs: number, acts: readonly Act[]): void => {
    const isRare = acts === ADMIN_ACTS && random.chance(AUDIT.longTailShare);
    write(atMs, isRare ? random.pick(USER_LONG_TAIL) : acts[random.weighted(figuresOf(acts).weights)]![1]);
  };
  /** Of what `owner` says whose password it is about, sign-ins follow, so it succeeds. */
  const write = (atMs: number, steps: readonly Step[], owner?: number): void => {
    const anybody = random.below(tenant.userCount);
    const colleague = owner ?? anybody;
    // One action is about one group, policy or application throughout.
    const seed = random.u32();
    const correlation = rows.nextCorrelation++;
    const outcome = random.chance(AUDIT.failureShare) && owner === undefined ? failure : success;
    const initiator = rows.userCode(account, calendar.placeOf(devices[0]!, atMs));
    let at = atMs;
    for (const { operation, subject: kind, gap, activity: found, isAboutGroup } of steps) {
      at += random.between(gap[0], gap[1]) * 1000;
      if (!rows.covers(at)) {
        rows.nextCounter++;
        continue;
      }
      const texts = new RandomStream(seed, PERSON_STREAM);
      const subject = subjectOf(tenant, calendar, devices, kind, colleague, texts);
      const grouped =
        kind === 'colleague' && isAboutGroup ? { ...subject, group: texts.pick(groupsOf(tenant)) } : subject;
      const target = rows.targets.describe(operation, grouped, texts);
      rows.add(
        at,
        rows.activityCode(found),
        initiator,
        target,
        found.service === 'Core Directory' ? agent : noDetail,
        outcome,
        correlation,
        random,
      );
    }
  };

  for (const { atMs, way } of calendar.passwordChanges()) write(atMs, PASSWORD_ACTS[way], account.ordinal);
  for (const { atMs, owner } of calendar.resetsByIt()) write(atMs, RESET_ACTS, owner);
  if (account.kind === 'serviceAccount') {
    for (const day of calendar.localDays()) {
      const count = random.poisson(AUDIT.serviceAccountDaily / figuresOf(SERVICE_ACTS).meanRows);
      const midnight = calendar.midnightMs(day);
      for (let i = 0; i < count; i++) perform(midnight + random.between(0, 24) * MS_PER_HOUR, SERVICE_ACTS);
    }
    return;
  }
  for (const day of calendar.localDays()) {
    const workday = calendar.workday(day);
    if (!workday) continue;
    if (!account.dedicated && account.kind !== 'guest') {
      const count = random.poisson(AUDIT.personDaily / figuresOf(PERSON_ACTS).meanRows);
      for (let i = 0; i < count; i++) perform(random.between(workday.startMs, workday.endMs), PERSON_ACTS);
    }
    const [acts, daily] =
      account.kind === 'admin'
        ? [ADMIN_ACTS, adminDaily]
        : account.kind === 'helpDesk'
          ? [HELP_DESK_ACTS, AUDIT.helpDeskDaily - AUDIT.helpDeskResetsDaily * RESET_ACTS.length]
          : account.kind === 'developer'
            ? [DEVELOPER_ACTS, AUDIT.developerDaily]
            : [undefined, 0];
    if (!acts) continue;
    const sessions = calendar.portalSessions(day);
    if (sessions.length === 0) continue;
    const count = random.poisson(daily / figuresOf(acts).meanRows);
    for (let i = 0; i < count; i++) {
      perform(calendar.timeIn(sessions[random.below(sessions.length)]!, random), acts);
    }
  }
}

/** The steps of all acts of applications: first those of the usual ones, act by act, then the rare ones. */
const USUAL_STEPS = APPLICATION_ACTS.flatMap(([, , steps]) => steps);
const APPLICATION_STEPS: readonly Step[] = [...USUAL_STEPS, ...APPLICATION_LONG_TAIL.flat()];

/** AuditLogs, laid out for the kernel that writes what applications do. */
export function auditRows(tenant: Tenant, span: Span, outages: readonly Outage[]): AuditRows {
  const rows = new AuditRows(tenant, span, outages, {
    actWeights: APPLICATION_WEIGHTS,
    steps: APPLICATION_STEPS.length,
  });
  let firstStep = 0;
  const acts = APPLICATION_ACTS.map(([, actor, steps]) => {
    const act = { firstStep, stepCount: steps.length, initiator: rows.applicationCode(actor) };
    firstStep += steps.length;
    return act;
  });
  rows.kernel.setActs({
    steps: APPLICATION_STEPS,
    acts,
    longTail: USUAL_STEPS.length,
    detail: rows.detailCode('[]'),
    outcome: rows.outcomeCode('success'),
  });
  rows.kernel.activityOf = (step) => rows.activityCode(APPLICATION_STEPS[step]!.activity);
  return rows;
}

/**
 * Writes what applications do to the account to what {@link auditRows} made; {@link AuditRows.begin} has been called for it.
 * A few texts for each account and operation stand for the many alike that a real tenant has: the kernel asks for two.
 */
export function writeApplicationAudit(tenant: Tenant, calendar: Calendar, rows: AuditRows): void {
  const { account, devices } = calendar;
  const random = new RandomStream(tenant.seed, APPLICATION_STREAM, account.ordinal);
  const kernel = rows.kernel.exports;
  kernel.beginActs(random.first, random.second, rows.account, APPLICATION_COUNTERS);
  rows.kernel.targetOf = (step, variety) => {
    const { operation, subject: kind, key } = APPLICATION_STEPS[step]!;
    const texts = new RandomStream(tenant.seed, APPLICATION_STREAM ^ key, account.ordinal, variety + 1);
    const subject = subjectOf(tenant, calendar, devices, kind, account.ordinal, texts);
    return rows.targets.describe(operation, subject, texts);
  };
  const mean = (AUDIT.dailyPerUser * AUDIT.applicationShare) / ROWS_PER_APPLICATION_ACT;
  for (const day of calendar.localDays()) {
    const works = calendar.workday(day) !== undefined;
    const count = random.poisson(mean * (works ? AUDIT.workdayFactor : AUDIT.dayOffFactor));
    random.drawn = kernel.acts(random.drawn, count, calendar.midnightMs(day));
  }
}

/** Writes what an application of the tenant's does by itself; {@link AuditRows.begin} has been called for it. */
export function writePrincipalAudit(tenant: Tenant, span: Span, principal: ServicePrincipal, rows: AuditRows): void {
  const random = new RandomStream(tenant.seed, PRINCIPAL_STREAM, principal.ordinal);
  if (!random.chance(AUDIT.principalShare)) return;
  const initiator = rows.initiatorCode(principalInitiator(principal), principal.name);
  const noDetail = rows.detailCode('[]');
  const success = rows.outcomeCode('success');
  for (let day = 0; day < span.days; day++) {
    for (let left = random.poisson(AUDIT.principalDaily); left > 0; left--) {
      const [, steps] = PRINCIPAL_ACTS[random.weighted(figuresOf(PRINCIPAL_ACTS).weights)]!;
      const correlation = rows.nextCorrelation++;
      const user = tenant.person(random.below(tenant.userCount));
      const group = random.pick(groupsOf(tenant));
      const application = smallApplication(tenant, random);
      let at = day * MS_PER_DAY + random.between(0, 24) * MS_PER_HOUR;
      for (const { operation, subject, gap, activity: found, isAboutGroup } of steps) {
        at += random.between(gap[0], gap[1]) * 1000;
        const done: Subject =
          subject === 'colleague'
            ? { user, group: isAboutGroup ? group : undefined }
            : subject === 'principal'
              ? { principal }
              : { application };
        const target = rows.targets.describe(operation, done, random);
        rows.add(at, rows.activityCode(found), initiator, target, noDetail, success, correlation, random);
      }
    }
  }
}
