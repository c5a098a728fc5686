/**
 * The JSON inside audit rows: who did it, to what, with which properties changed. Values of modified properties are JSON
 * once more, inside a string, as real rows have them; the order of targets is theirs too, because rules index into it.
 */
import { AUDIT } from './assumptions.ts';
import { type Account, drawGuid, nameGuid, type ServicePrincipal, type Tenant } from './tenant.ts';
import { POLICY_NAMES, policyId } from './sign-in-texts.ts';
import type { RandomStream } from '../src/base/random.ts';

/** Application identities of Microsoft and of integrations that act in every tenant. */
export const APPLICATION_ACTORS = {
  deviceRegistration: ['Device Registration Service', '01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9'],
  intune: ['Microsoft Intune', '0000000a-0000-0000-c000-000000000000'],
  syncFabric: ['Microsoft.Azure.SyncFabric', '00000014-0000-0000-c000-000000000000'],
  approval: ['Microsoft Approval Management', '65d91a3d-ab74-42e6-8a2f-0add61688c74'],
  pim: ['MS-PIM', '01fc33a7-78ba-4d2f-a4b7-768e336e890e'],
  managedIdentity: ['Managed Service Identity', ''],
  provisioning: ['Azure AD Cloud Sync', '1a4721b3-e57f-4451-ae87-ef078703ec94'],
  licensing: ['Microsoft Azure AD Group-Based Licensing', '2d4d3d8e-0001-4bef-9f87-7875a61c29de'],
  governance: ['Azure AD Identity Governance - User Management', 'ec245c98-4a90-40c2-955a-88b727d97151'],
} as const;

export type ApplicationActor = keyof typeof APPLICATION_ACTORS;

export function userInitiator(account: Account, ip: string): string {
  const name = json(account.directoryName);
  return `{"user":{"id":"${account.userId}","displayName":null,"userPrincipalName":${name},"ipAddress":"${ip}","roles":[]}}`;
}

export function applicationInitiator(tenant: Tenant, actor: ApplicationActor): string {
  const [name, appId] = APPLICATION_ACTORS[actor];
  return appInitiator(appId === '' ? null : appId, name, tenant.idOf(name));
}

export function principalInitiator(principal: ServicePrincipal): string {
  return appInitiator(principal.appId, principal.name, principal.objectId);
}

function appInitiator(appId: string | null, displayName: string, servicePrincipalId: string): string {
  return JSON.stringify({ app: { appId, displayName, servicePrincipalId, servicePrincipalName: null } });
}

/** What texts say of an account that something is done to. */
export type Person = Pick<Account, 'ordinal' | 'kind' | 'userId' | 'directoryName'>;

/** What an action is done to. Which of these a target uses depends on the operation. */
export interface Subject {
  readonly user?: Person | undefined;
  readonly role?: string | undefined;
  readonly group?: string | undefined;
  readonly principal?: ServicePrincipal | undefined;
  /** The name of an application that is new to the tenant, with its ids. */
  readonly application?: { readonly name: string; readonly appId: string; readonly objectId: string } | undefined;
  readonly policy?: number | undefined;
  readonly device?: { readonly id: string; readonly name: string; readonly os: string } | undefined;
  readonly method?: string | undefined;
  readonly permissions?: string | undefined;
  readonly domain?: string | undefined;
}

/** What texts ask the tenant. */
export interface Directory {
  readonly tenantId: string;
  readonly name: string;
  idOf(name: string): string;
  /** Whom somebody reports to; undefined where nobody. */
  managerOf(user: Person): Person | undefined;
  hasManager(user: Person): boolean;
  /** Who is invited: the guest itself, or the one that stands for a member; that member where there are no guests. */
  guestFor(user: Person): Person;
}

/** What is drawn for a text. */
export interface Draws {
  unit(): number;
  guid(): string;
  /** A whole number from `from`, one of `count`. */
  number(from: number, count: number): string;
  /** Eight hexadecimal digits. */
  hex(): string;
}

export function directoryOf(tenant: Tenant): Directory {
  const [from, to] = tenant.ranges.guest;
  return {
    tenantId: tenant.tenantId,
    name: tenant.name,
    idOf: (name) => tenant.idOf(name),
    managerOf: ({ ordinal }) => {
      const manager = tenant.managerOf(ordinal);
      return manager === undefined ? undefined : tenant.person(manager);
    },
    hasManager: ({ ordinal }) => tenant.managerOf(ordinal) !== undefined,
    guestFor: (user) =>
      user.kind === 'guest' || from === to ? user : tenant.person(from + (user.ordinal % (to - from))),
  };
}

export function drawsFrom(random: RandomStream): Draws {
  return {
    unit: () => random.unit(),
    guid: () => drawGuid(random),
    number: (from, count) => String(from + random.below(count)),
    hex: () => random.u32().toString(16).padStart(8, '0'),
  };
}

/** A part of TargetResources as JSON text: texts are put together, since an object for each would cost ten times as much. */
type Json = string;

const ESCAPED = /[^ !#-[\]-~]/;

function json(text: string | null): Json {
  return text === null ? 'null' : ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** A text as JSON, inside a JSON text. */
function quoted(text: string): Json {
  return ESCAPED.test(text) ? JSON.stringify(JSON.stringify(text)) : `"\\"${text}\\""`;
}

/** A list of one text as JSON, inside a JSON text. */
function listed(text: string): Json {
  return ESCAPED.test(text) ? JSON.stringify(JSON.stringify([text])) : `"[\\"${text}\\"]"`;
}

/** A modified property; the values are JSON texts, since that is what the column's texts hold. */
function changed(displayName: string, oldValue: Json | null, newValue: Json | null): Json {
  return `{"displayName":"${displayName}","oldValue":${oldValue ?? 'null'},"newValue":${newValue ?? 'null'}}`;
}

const NOTHING: Json = '"[]"';

function target(
  type: string,
  id: string | null,
  displayName: string | null,
  modifiedProperties: readonly Json[] = [],
  more = '',
): Json {
  const modified = modifiedProperties.length === 1 ? modifiedProperties[0]! : modifiedProperties.join(',');
  return (
    `{"id":${json(id)},"displayName":${json(displayName)},"type":"${type}"${more},` +
    `"modifiedProperties":[${modified}],"administrativeUnits":[]}`
  );
}

const OF_GROUP = ',"groupType":"unknownFutureValue"';
const OF_PRINCIPAL = ',"userPrincipalName":null,"groupType":null';

function userTarget(user: Person, modified: readonly Json[] = []): Json {
  const more = `,"userPrincipalName":${json(user.directoryName)},"groupType":null`;
  return target('User', user.userId, null, modified, more);
}

/** The directory's object id of a role, by its name. */
export function roleId(tenant: Pick<Directory, 'idOf'>, role: string): string {
  return tenant.idOf(`role/${role}`);
}

function groupId(tenant: Directory, group: string): string {
  return tenant.idOf(`group/${group}`);
}

/** A policy after an update: mostly somebody more is excluded from it, sometimes it only reports or is switched off. */
function updated(policy: (state: string, excludeUsers?: readonly string[]) => string, draws: Draws): string {
  const draw = draws.unit();
  if (draw < AUDIT.policyExclusionShare) return policy('enabled', [draws.guid()]);
  return policy(
    draw < AUDIT.policyExclusionShare + AUDIT.policyDisabledShare ? 'disabled' : 'enabledForReportingButNotEnforced',
  );
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

/** TargetResources of an operation, as JSON text. */
export function targetResources(tenant: Directory, operation: string, subject: Subject, draws: Draws): string {
  const texts = targets(tenant, operation, subject, draws);
  return texts.length === 1 ? `[${texts[0]!}]` : `[${texts.join(',')}]`;
}

function targets(tenant: Directory, operation: string, subject: Subject, draws: Draws): Json[] {
  const { user, role, group, principal, application } = subject;
  const name = operation.trim();

  if (role !== undefined && / PIM |\(PIM|in PIM|outside of PIM/.test(` ${name} `)) {
    const details = [
      changed('RoleDefinitionOriginId', null, quoted(roleId(tenant, role))),
      changed('RoleDefinitionOriginType', null, quoted('BuiltInRole')),
      changed('TemplateId', null, quoted(nameGuid(`template/${role}`))),
    ];
    const assignment = target('Request', draws.guid(), null);
    return [
      target('Role', roleId(tenant, role), role, details),
      assignment,
      ...(user ? [userTarget(user)] : []),
      target('Directory', tenant.tenantId, tenant.name),
    ];
  }
  if (role !== undefined && user) {
    return [
      userTarget(user, [
        changed('Role.ObjectID', null, quoted(roleId(tenant, role))),
        changed('Role.DisplayName', null, quoted(role)),
        changed('Role.TemplateId', null, quoted(nameGuid(`template/${role}`))),
        changed('Role.WellKnownObjectName', null, quoted(role.replace(/ /g, ''))),
      ]),
      target('Role', roleId(tenant, role), null),
    ];
  }
  if (role !== undefined && principal) {
    return [
      target('ServicePrincipal', principal.objectId, principal.name, [
        changed('Role.ObjectID', null, quoted(roleId(tenant, role))),
        changed('Role.DisplayName', null, quoted(role)),
      ]),
      target('Role', roleId(tenant, role), null),
    ];
  }
  if (role !== undefined) {
    return [
      target('Role', roleId(tenant, role), role, [
        changed('RoleSettings', null, quoted('MfaRule: false; JustificationRule: false')),
      ]),
    ];
  }
  if (name === 'Set user manager' && user) {
    const manager = tenant.managerOf(user);
    // Assumption: named as the properties of other links between objects are.
    const link = manager && [
      changed('Manager.ObjectID', null, quoted(manager.userId)),
      changed('Manager.UPN', null, quoted(manager.directoryName)),
    ];
    return [userTarget(user, link)];
  }
  // A user's group is beside the point where the operation is about the user.
  if (group !== undefined && !(user && isAboutUser(name))) {
    const groupTarget = (modified: readonly Json[] = []): Json =>
      target('Group', groupId(tenant, group), group, modified, OF_GROUP);
    if (user && /(member|owner)/.test(name)) {
      const removing = name.startsWith('Remove');
      const property = (displayName: string, value: Json): Json =>
        removing ? changed(displayName, value, null) : changed(displayName, null, value);
      return [
        userTarget(user, [
          property('Group.ObjectID', quoted(groupId(tenant, group))),
          property('Group.DisplayName', quoted(group)),
          changed('Group.WellKnownObjectName', null, null),
        ]),
        target('Group', groupId(tenant, group), null, [], OF_GROUP),
      ];
    }
    if (principal) {
      return [
        groupTarget([
          changed('AppRole.Id', null, quoted(draws.guid())),
          changed('AppRole.DisplayName', null, quoted('Default Access')),
        ]),
        target('ServicePrincipal', principal.objectId, principal.name),
      ];
    }
    return [groupTarget([changed('Included Updated Properties', null, quoted('Description'))])];
  }
  const app =
    application ??
    (principal && { name: principal.name, appId: principal.appId, objectId: principal.applicationObjectId });
  if (app) return applicationTargets(tenant, name, app, subject, draws);
  if (subject.policy !== undefined) {
    const index = subject.policy % POLICY_NAMES.length;
    const policyName = POLICY_NAMES[index]!;
    const id = policyId(tenant.tenantId, index);
    const conditions = (state: string, excludeUsers: readonly string[] = []): string =>
      quoted(
        JSON.stringify({
          id,
          displayName: policyName,
          state,
          conditions: { users: { includeUsers: ['All'], excludeUsers } },
        }),
      );
    if (/named location/.test(name)) {
      return [
        target('Policy', id, 'Head office', [
          changed(
            'named location',
            quoted('203.0.113.0/24'),
            quoted(`${draws.number(0, 220)}.${draws.number(0, 250)}.0.0/16`),
          ),
        ]),
      ];
    }
    if (/conditional access/.test(name)) {
      const before = name.startsWith('Add') ? null : conditions('enabled');
      const after = name.startsWith('Add')
        ? conditions('enabled')
        : name.startsWith('Update')
          ? // What administrators do, and what attackers who weaken a policy do: neither is the other's mark.
            updated(conditions, draws)
          : null;
      return [target('Policy', id, policyName, [changed('ConditionalAccessPolicy', before, after)])];
    }
    return [
      target('Policy', id, policyName, [
        changed('PolicyDetail', listed('[]'), listed(JSON.stringify({ Version: 1, State: 'Enabled' }))),
      ]),
    ];
  }
  if (subject.device) {
    const { id, name: deviceName, os } = subject.device;
    const main = target('Device', id, deviceName, [
      changed('DeviceOSType', NOTHING, listed(os)),
      changed('Included Updated Properties', null, quoted('ApproximateLastLogonTimestamp')),
    ]);
    return user && /(owner|users)/.test(name)
      ? [userTarget(user, [changed('Device.ObjectID', null, quoted(id))]), main]
      : [main];
  }
  if (subject.domain !== undefined) {
    const modified = /authentication|federation/.test(name)
      ? [
          changed('IssuerUri', NOTHING, listed(`http://any.sts/${draws.hex()}`)),
          changed('LiveType', listed('Managed'), listed('Federated')),
        ]
      : [
          changed('Name', NOTHING, listed(subject.domain)),
          changed('Included Updated Properties', null, quoted('Name')),
        ];
    return [target('Domain', null, subject.domain, modified)];
  }
  if (user && /external user/.test(name)) return [userTarget(tenant.guestFor(user))];
  if (user) return [userTarget(user, userChanges(name, subject, draws))];
  return [target('Other', null, null)];
}

/** Whether an account holds a role of the directory. */
export function hasRole({ kind }: Person): boolean {
  return kind === 'admin' || kind === 'helpDesk';
}

function isAboutUser(name: string): boolean {
  return (
    /\b(user|account|password|security info|StsRefreshTokenValidFrom)\b/.test(name) && !/group|member|owner/.test(name)
  );
}

function userChanges(name: string, subject: Subject, draws: Draws): Json[] {
  if (/security info|Authentication|passwordless|FIDO2|Hello/i.test(name)) {
    const method = subject.method ?? 'Authenticator App';
    return [
      changed(
        'StrongAuthenticationMethod',
        NOTHING,
        listed(JSON.stringify({ MethodType: 6, Default: true, Name: method })),
      ),
    ];
  }
  if (/StsRefreshToken/.test(name)) {
    return [
      changed(
        'StsRefreshTokensValidFrom',
        listed('2026-03-02T07:41:12Z'),
        listed(`2026-06-0${draws.number(1, 7)}T08:00:00Z`),
      ),
      changed('Included Updated Properties', null, quoted('StsRefreshTokensValidFrom')),
    ];
  }
  if (/license/.test(name)) {
    return [
      changed('AssignedLicense', NOTHING, listed('[SkuName=SPE_E5, AccountId=..., DisabledPlans=[]]')),
      changed('Included Updated Properties', null, quoted('AssignedLicense')),
    ];
  }
  if (/password/i.test(name)) return [];
  if (/^(Disable|Enable) account/.test(name)) {
    const enabled = name.startsWith('Enable');
    return [
      changed('AccountEnabled', enabled ? '"[false]"' : '"[true]"', enabled ? '"[true]"' : '"[false]"'),
      changed('Included Updated Properties', null, quoted('AccountEnabled')),
    ];
  }
  if (name.startsWith('Add user')) {
    return [
      changed('AccountEnabled', NOTHING, '"[true]"'),
      changed('Included Updated Properties', null, quoted('AccountEnabled, DisplayName, UserPrincipalName')),
    ];
  }
  return [
    changed('TelephoneNumber', NOTHING, listed(`+49 30 ${draws.number(1000, 9000)}`)),
    changed('Included Updated Properties', null, quoted('TelephoneNumber')),
  ];
}

function applicationTargets(
  tenant: Directory,
  name: string,
  app: { readonly name: string; readonly appId: string; readonly objectId: string },
  subject: Subject,
  draws: Draws,
): Json[] {
  const principalId = subject.principal?.objectId ?? tenant.idOf(`sp/${app.appId}`);
  if (/Certificates and secrets|service principal credentials|Update service principal|Update application/.test(name)) {
    const onApplication = /application/.test(name);
    const key = (id: string, label: string): string =>
      `[KeyIdentifier=${id},KeyType=Password,KeyUsage=Verify,DisplayName=${label}]`;
    const old = key(subject.principal?.keyId ?? draws.guid(), 'deploy');
    const modified = /Update (service principal|application)$/.test(name)
      ? [changed('Included Updated Properties', null, quoted('KeyDescription'))]
      : [
          changed(
            'KeyDescription',
            listed(old),
            JSON.stringify(JSON.stringify([old, key(draws.guid(), `key ${draws.number(2, 3)}`)])),
          ),
          changed('Included Updated Properties', null, quoted('KeyDescription')),
        ];
    return [
      target(
        onApplication ? 'Application' : 'ServicePrincipal',
        onApplication ? app.objectId : principalId,
        app.name,
        modified,
      ),
    ];
  }
  const principalTarget = (modified: readonly Json[]): Json =>
    target('ServicePrincipal', principalId, app.name, modified, OF_PRINCIPAL);
  if (name === 'Add service principal') {
    return [
      principalTarget([
        changed('AccountEnabled', NOTHING, '"[true]"'),
        changed('AppPrincipalId', NOTHING, listed(app.appId)),
        changed(
          'Included Updated Properties',
          null,
          quoted('AccountEnabled, AppAddress, AppPrincipalId, DisplayName, ServicePrincipalName, Credential'),
        ),
        changed('TargetId.ServicePrincipalNames', null, quoted(app.appId)),
      ]),
    ];
  }
  const scope = subject.permissions ?? 'User.Read openid profile offline_access';
  if (name === 'Add delegated permission grant') {
    return [
      target('ServicePrincipal', tenant.idOf('00000003-0000-0000-c000-000000000000'), 'Microsoft Graph', [
        changed('DelegatedPermissionGrant.Scope', null, quoted(` ${scope}`)),
        changed('DelegatedPermissionGrant.ConsentType', null, quoted('Principal')),
        changed('ServicePrincipal.ObjectID', null, quoted(principalId)),
      ]),
      target('ServicePrincipal', principalId, null),
    ];
  }
  if (name.startsWith('Add app role assignment grant to user')) {
    return [
      principalTarget([
        changed('AppRole.Id', null, quoted(NOBODY)),
        changed('User.UPN', null, quoted(subject.user?.directoryName ?? '')),
        changed('User.ObjectID', null, quoted(subject.user?.userId ?? '')),
      ]),
      ...(subject.user ? [userTarget(subject.user)] : []),
    ];
  }
  if (name.startsWith('Add app role assignment to service principal')) {
    return [
      target('ServicePrincipal', tenant.idOf('00000003-0000-0000-c000-000000000000'), 'Microsoft Graph', [
        changed('AppRole.Id', null, quoted(nameGuid(`role/${scope}`))),
        changed('AppRole.Value', null, quoted(scope)),
        changed('ServicePrincipal.ObjectID', null, quoted(principalId)),
        changed('ServicePrincipal.DisplayName', null, quoted(app.name)),
      ]),
      target('ServicePrincipal', principalId, null),
    ];
  }
  if (name === 'Consent to application') {
    const isAdmin = subject.user !== undefined && hasRole(subject.user);
    return [
      principalTarget([
        changed('ConsentContext.IsAdminConsent', null, quoted(isAdmin ? 'True' : 'False')),
        changed('ConsentContext.IsAppOnly', null, quoted('False')),
        changed('ConsentContext.OnBehalfOfAll', null, quoted('False')),
        changed('ConsentContext.Tags', null, quoted('WindowsAzureActiveDirectoryIntegratedApp')),
        changed(
          'ConsentAction.Permissions',
          null,
          quoted(
            `[] => [[Id: ${draws.guid()}, ClientId: ${NOBODY}, PrincipalId: ${subject.user?.userId ?? NOBODY}, ResourceId: ${tenant.idOf('00000003-0000-0000-c000-000000000000')}, ConsentType: Principal, Scope:  ${scope}, CreatedDateTime: , LastModifiedDateTime ]]; `,
          ),
        ),
      ]),
    ];
  }
  if (/owner/.test(name) && subject.user) {
    const isApplication = /application/.test(name);
    return [
      userTarget(subject.user, [
        changed(
          isApplication ? 'Application.ObjectID' : 'ServicePrincipal.ObjectID',
          null,
          quoted(isApplication ? app.objectId : principalId),
        ),
        changed(isApplication ? 'Application.DisplayName' : 'ServicePrincipal.DisplayName', null, quoted(app.name)),
      ]),
      target(isApplication ? 'Application' : 'ServicePrincipal', isApplication ? app.objectId : principalId, null),
    ];
  }
  const isApplication = /application/.test(name);
  return [
    target(isApplication ? 'Application' : 'ServicePrincipal', isApplication ? app.objectId : principalId, app.name, [
      changed('DisplayName', NOTHING, listed(app.name)),
      changed('Included Updated Properties', null, quoted('DisplayName')),
    ]),
  ];
}

/** Names of the groups that a tenant has: one for some twenty people, and some with privileges. */
export function groupNames(tenant: Tenant): readonly string[] {
  const count = Math.max(6, Math.round(tenant.userCount / 20));
  return Array.from(
    { length: Math.min(count, 2_000) },
    (_, index) =>
      GROUP_STEMS[index % GROUP_STEMS.length]! +
      (index < GROUP_STEMS.length ? '' : ` ${Math.floor(index / GROUP_STEMS.length) + 1}`),
  );
}

const GROUP_STEMS = [
  'All Employees',
  'Sales Team',
  'Finance Readers',
  'Project Aurora',
  'VPN Users',
  'SharePoint Owners',
  'Contractors',
  'Power BI Users',
  'Field Service',
  'Engineering',
  'Marketing',
  'HR Confidential',
  'Server Operators',
  'License E5',
  'Travel Approvers',
  'Works Council',
] as const;
