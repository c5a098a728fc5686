/**
 * Rows of the sign-in tables of users: one writer serves SigninLogs and AADNonInteractiveUserSignInLogs, which share
 * nearly all columns but differ in the types of seven (`Status` is text in one and dynamic in the other). A row is
 * a dozen numbers; everything else about it stands in dimensions.
 */
import type { Dimension, Facts, FactColumn } from '../src/dataset/facts.ts';
import { type Access, APPLICATIONS, RESOURCES, RESULTS, type ResultCode } from './applications.ts';
import {
  attributeOf,
  constant,
  factColumns,
  idSource,
  MICROSOFT_TENANT,
  PLACE_ATTRIBUTES,
  placeAttributes,
} from './columns.ts';
import {
  authenticationSteps,
  conditionalAccess,
  deviceDetail,
  isKnown,
  type Situation,
  statusText,
  userAgent,
} from './sign-in-texts.ts';
import { ASSESSED_RISK, RISK_ATTRIBUTES, type Risk, riskAttributes } from './risk.ts';
import type { RowKernel, TableLayout } from './row-kernel/index.ts';
import { DimensionBuilder, type Outage, plainLayout, Records, type Span } from './rows.ts';
import { type Account, type Device, nameGuid, type Place, type Tenant } from './tenant.ts';
import type { RandomStream } from '../src/base/random.ts';

export type SignInTable = 'SigninLogs' | 'AADNonInteractiveUserSignInLogs';

const ACCOUNT_ATTRIBUTES = [
  'UserPrincipalName',
  'UserId',
  'UserDisplayName',
  'UserType',
  'HomeTenantId',
  'CrossTenantAccessType',
  'SignInIdentifierType',
] as const;
const ACCESS_ATTRIBUTES = [
  'AppDisplayName',
  'AppId',
  'ResourceDisplayName',
  'ResourceIdentity',
  'ResourceServicePrincipalId',
  'ClientAppUsed',
  'AuthenticationProtocol',
  'IncomingTokenType',
  'OriginalTransferMethod',
  'AuthenticationProcessingDetails',
] as const;
const CLIENT_ATTRIBUTES = ['DeviceDetail', 'UserAgent'] as const;
const OUTCOME_ATTRIBUTES = [
  'ResultType',
  'ResultDescription',
  'Status',
  'ConditionalAccessStatus',
  'ConditionalAccessPolicies',
  'AuthenticationRequirement',
  'AuthenticationRequirementPolicies',
  'MfaDetail',
  ...RISK_ATTRIBUTES,
] as const;

const STEP_ATTRIBUTES = ['AuthenticationDetails', 'AuthenticationMethodsUsed'] as const;

/** A record of 64 bytes, as long as a line of the cache. */
const TIMES = ['created', 'generated', 'ingested'] as const;
const CODES = [
  'account',
  'access',
  'client',
  'place',
  'outcome',
  'latency',
  'counter',
  'correlation',
  'session',
] as const;

/** How a token was asked for, where it is not the way of the access's own client. */
export interface AccessTraits {
  readonly protocol?: 'deviceCode' | 'none' | 'oAuth2';
  readonly transfer?: 'none' | 'deviceCodeFlow' | 'authenticationTransfer';
  readonly token?: 'none' | 'primaryRefreshToken' | 'refreshToken';
}

export class SignInRows {
  readonly table: SignInTable;
  readonly #tenant: Tenant;
  readonly #accounts = new DimensionBuilder(ACCOUNT_ATTRIBUTES, ['UserId']);
  readonly #accesses = new DimensionBuilder(ACCESS_ATTRIBUTES);
  readonly #clients = new DimensionBuilder(CLIENT_ATTRIBUTES, ['DeviceDetail']);
  readonly #places = new DimensionBuilder([...PLACE_ATTRIBUTES, 'NetworkLocationDetails'], ['IPAddress']);
  readonly #outcomes = new DimensionBuilder(OUTCOME_ATTRIBUTES);
  readonly #steps = new DimensionBuilder(STEP_ATTRIBUTES);
  readonly #records: Records;
  readonly #ordinals: number[] = [];
  /** Codes by what they were asked for with, in front of the dimensions' text keys. */
  readonly #accessCodes = new Map<Access, number>();
  readonly #outcomeCodes = new Map<Risk | undefined, Map<ResultCode, Partial<Record<Situation, number>>>>();
  readonly #stepCodes = new Map<ResultCode, Partial<Record<Situation, number>>>();
  readonly #sharedPlaceCodes = new Map<Place, number>();
  /** As above, of the current account. */
  readonly #clientCodes = new Map<Device, Partial<Record<Access['client'], number>>>();
  readonly #placeCodes = new Map<Place, number>();

  /** @param silent - what the kernel needs to write silent sign-ins; see background/silent-sign-ins.ts. */
  constructor(
    table: SignInTable,
    tenant: Tenant,
    span: Span,
    outages: readonly Outage[],
    silent: Partial<TableLayout> = {},
  ) {
    this.table = table;
    this.#tenant = tenant;
    this.#records = new Records(TIMES, isSilent(table) ? CODES : [...CODES, 'step'], 'generated', {
      ...plainLayout(span),
      outages,
      ...silent,
    });
  }

  /** Where silent sign-ins are written from. */
  get kernel(): RowKernel {
    return this.#records.kernel;
  }

  get rowCount(): number {
    return this.#records.rowCount;
  }

  /** The rows that follow are this account's. Accounts come in order of ordinal. */
  begin(account: Account): void {
    const isGuest = account.kind === 'guest';
    this.kernel.exports.begin(this.#ordinals.length);
    this.#clientCodes.clear();
    this.#placeCodes.clear();
    this.#ordinals.push(account.ordinal);
    this.#accounts.append({
      UserPrincipalName: account.signInName,
      UserId: account.userId,
      UserDisplayName: account.displayName,
      UserType: isGuest ? 'Guest' : 'Member',
      HomeTenantId: isGuest ? foreignTenant(account.signInName) : this.#tenant.tenantId,
      CrossTenantAccessType: isGuest ? 'b2bCollaboration' : 'none',
      SignInIdentifierType: '',
    });
  }

  accessCode(access: Access, traits?: AccessTraits): number {
    if (traits) return this.#accessCode(access, traits);
    let code = this.#accessCodes.get(access);
    if (code === undefined) {
      code = this.#accessCode(access, {});
      this.#accessCodes.set(access, code);
    }
    return code;
  }

  #accessCode(access: Access, traits: AccessTraits): number {
    const token = traits.token ?? access.token;
    const protocol = traits.protocol ?? 'none';
    const transfer = traits.transfer ?? 'none';
    const application = typeof access.application === 'string' ? APPLICATIONS[access.application] : access.application;
    const key = `${application.id}/${access.resource}/${access.client}/${access.cae}/${token}/${protocol}/${transfer}`;
    return this.#accesses.code(key, () => {
      const resource = RESOURCES[access.resource];
      const details = [
        { key: 'Legacy TLS (TLS 1.0, 1.1, 3DES)', value: 'False' },
        ...(access.client === 'browser'
          ? []
          : [{ key: 'Oauth Scope Info', value: '["User.Read","openid","profile"]' }]),
        { key: 'Is CAE Token', value: access.cae ? 'True' : 'False' },
      ];
      return {
        AppDisplayName: application.name,
        AppId: application.id,
        ResourceDisplayName: resource.name,
        ResourceIdentity: resource.id,
        ResourceServicePrincipalId: this.#tenant.idOf(resource.id),
        ClientAppUsed: access.client === 'browser' ? 'Browser' : 'Mobile Apps and Desktop clients',
        AuthenticationProtocol: protocol,
        IncomingTokenType: token,
        OriginalTransferMethod: transfer,
        AuthenticationProcessingDetails: JSON.stringify(details),
      };
    });
  }

  /** @param agent - a user agent that is not the client's own. */
  clientCode(device: Device, client: Access['client'], agent?: string): number {
    if (agent !== undefined) return this.#clientCode(device, client, agent);
    let codes = this.#clientCodes.get(device);
    if (!codes) {
      codes = {};
      this.#clientCodes.set(device, codes);
    }
    return (codes[client] ??= this.#clientCode(device, client, userAgent(device, client)));
  }

  #clientCode(device: Device, client: Access['client'], text: string): number {
    const attributes = { DeviceDetail: deviceDetail(device, client), UserAgent: text };
    // What the directory knows shows an id that no other device has.
    if (isKnown(device, client)) return this.#clients.append(attributes);
    return this.#clients.code(`${attributes.DeviceDetail}\n${text}`, () => attributes);
  }

  placeCode(place: Place): number {
    const codes = place.namedLocation === '' ? this.#placeCodes : this.#sharedPlaceCodes;
    let code = codes.get(place);
    if (code === undefined) {
      code = this.#places.append(placeAttributes(place));
      codes.set(place, code);
    }
    return code;
  }

  /** @param risk - what was detected; where nothing was said and the situation is `risky`, an unfamiliar sign-in. */
  outcomeCode(
    result: ResultCode,
    situation: Situation,
    risk: Risk | undefined = situation === 'risky' ? ASSESSED_RISK : undefined,
  ): number {
    let results = this.#outcomeCodes.get(risk);
    if (!results) this.#outcomeCodes.set(risk, (results = new Map()));
    let codes = results.get(result);
    if (!codes) results.set(result, (codes = {}));
    return (codes[situation] ??= this.#outcomes.append(this.#outcome(result, situation, risk)));
  }

  #outcome(
    result: ResultCode,
    situation: Situation,
    risk: Risk | undefined,
  ): Record<(typeof OUTCOME_ATTRIBUTES)[number], string> {
    const access = conditionalAccess(this.#tenant, result, situation);
    const multi = situation === 'mfaByClaim' || situation === 'mfa' || situation === 'risky';
    return {
      ResultType: result,
      ResultDescription: RESULTS[result],
      Status: statusText(result, situation),
      ConditionalAccessStatus: access.status,
      ConditionalAccessPolicies: access.policies,
      AuthenticationRequirement: multi ? 'multiFactorAuthentication' : 'singleFactorAuthentication',
      AuthenticationRequirementPolicies: multi
        ? '[{"requirementProvider":"multiConditionalAccess","detail":"Conditional Access"}]'
        : '[]',
      MfaDetail: situation === 'mfa' && result === '0' ? '{"authMethod":"Mobile app notification"}' : '{}',
      ...riskAttributes(risk),
    };
  }

  /** What an interactive sign-in went through; of a silent one nothing is told. */
  stepCode(result: ResultCode, situation: Situation): number {
    let codes = this.#stepCodes.get(result);
    if (!codes) this.#stepCodes.set(result, (codes = {}));
    return (codes[situation] ??= this.#steps.append(authenticationSteps(result, situation)));
  }

  /**
   * Adds a row of the account that {@link begin} named.
   *
   * @param atMs - event time, in milliseconds since the start of the dataset. A row whose event lies before the start, or
   * whose publication lies at its end or later, is dropped.
   * @param lagSeconds - from the event to TimeGenerated.
   * @param random - for ingestion, latency and the rare second copy.
   */
  add(
    atMs: number,
    lagSeconds: number,
    access: number,
    client: number,
    place: number,
    outcome: number,
    step: number,
    correlation: number,
    session: number,
    random: RandomStream,
  ): void {
    random.drawn = this.kernel.exports.add(
      random.first,
      random.second,
      random.drawn,
      atMs,
      lagSeconds,
      access,
      client,
      place,
      outcome,
      step,
      correlation,
      session,
    );
  }

  /** Adds a planted row exactly as planned, with its label. */
  plant(
    times: { readonly created: number; readonly generated: number; readonly ingested: number },
    codes: {
      readonly access: number;
      readonly client: number;
      readonly place: number;
      readonly outcome: number;
      readonly step: number;
    },
    ids: { readonly counter: number; readonly correlation: number; readonly session: number; readonly latency: number },
    event: string,
  ): void {
    this.#put(
      times.created,
      times.generated,
      times.ingested,
      codes.access,
      codes.client,
      codes.place,
      codes.outcome,
      codes.step,
      ids.latency,
      ids.counter,
      ids.correlation,
      ids.session,
    );
    this.#records.label(times.generated, event);
  }

  #put(
    created: number,
    generated: number,
    ingested: number,
    access: number,
    client: number,
    place: number,
    outcome: number,
    step: number,
    latency: number,
    counter: number,
    correlation: number,
    session: number,
  ): void {
    const records = this.#records;
    const record = records.next(generated);
    const { times, codes } = records;
    let at = record / 8;
    times[at] = created;
    times[at + 1] = generated;
    times[at + 2] = ingested;
    at = record / 4 + 6;
    codes[at] = this.#ordinals.length - 1;
    codes[at + 1] = access;
    codes[at + 2] = client;
    codes[at + 3] = place;
    codes[at + 4] = outcome;
    codes[at + 5] = latency;
    codes[at + 6] = counter;
    codes[at + 7] = correlation;
    codes[at + 8] = session;
    codes[at + 9] = step;
  }

  /** The rows as facts, in order of TimeGenerated. The writer must not be used afterwards. */
  seal(): Facts {
    const accounts = this.#accounts.seal();
    const dimensions: Record<string, Dimension> = {
      account: {
        size: accounts.size,
        attributes: { ...accounts.attributes, ordinal: Float64Array.from(this.#ordinals) },
      },
      access: this.#accesses.seal(),
      client: this.#clients.seal(),
      place: this.#places.seal(),
      outcome: this.#outcomes.seal(),
      ...(isSilent(this.table) ? {} : { step: this.#steps.seal() }),
      latency: { size: 256, attributes: { Milliseconds: LATENCIES } },
    };
    return {
      table: this.table,
      ...this.#records.seal(dimensions),
      dimensions,
      columns: signInColumns(this.table, this.#tenant),
    };
  }
}

function isSilent(table: SignInTable): boolean {
  return table === 'AADNonInteractiveUserSignInLogs';
}

/** Processing times that requests take, rising quadratically: most are short. */
const LATENCIES = Array.from({ length: 256 }, (_, i) => String(38 + i + Math.floor((i * i) / 90)));

function signInColumns(table: SignInTable, tenant: Tenant): FactColumn[] {
  const silent = isSilent(table);
  const requestId = idSource('guid', `${table}/${tenant.seed}`, 'counter');
  const latency = attributeOf('latency', 'Milliseconds');
  const name = attributeOf('account', 'UserPrincipalName');
  return factColumns(
    table,
    tenant,
    {
      account: ACCOUNT_ATTRIBUTES,
      access: ACCESS_ATTRIBUTES,
      client: CLIENT_ATTRIBUTES,
      place: [...PLACE_ATTRIBUTES, 'NetworkLocationDetails'],
      outcome: OUTCOME_ATTRIBUTES,
    },
    {
      CreatedDateTime: { from: 'field', field: 'created' },
      Id: requestId,
      OriginalRequestId: requestId,
      UniqueTokenIdentifier: idSource('token', `${table}/token/${tenant.seed}`, 'counter'),
      CorrelationId: idSource('guid', `correlation/${tenant.seed}`, 'correlation'),
      SessionId: idSource('guid', `session/${tenant.seed}`, 'session'),
      Identity: attributeOf('account', 'UserDisplayName'),
      ResourceTenantId: constant(tenant.tenantId),
      ResourceOwnerTenantId: constant(MICROSOFT_TENANT),
      AppOwnerTenantId: constant(MICROSOFT_TENANT),
      OperationName: constant('Sign-in activity'),
      Category: constant(silent ? 'NonInteractiveUserSignInLogs' : 'SignInLogs'),
      IsInteractive: constant(!silent),
      TokenIssuerType: constant('AzureAD'),
      AuthenticationContextClassReferences: constant('[]'),
      SessionLifetimePolicies: constant('[]'),
      AppliedEventListeners: constant('[]'),
      ClientCredentialType: constant('none'),
      IsTenantRestricted: constant(false),
      IsThroughGlobalSecureAccess: constant(false),
      _BilledSize: constant(silent ? 9_800 : 11_500),
      TokenProtectionStatusDetails: constant('{"signInSessionStatus":"unbound","signInSessionStatusCode":1002}'),
      ...(silent
        ? {
            ProcessingTimeInMs: latency,
            TenantId: constant(tenant.tenantId),
            AuthenticationDetails: constant('[]'),
          }
        : {
            AuthenticationDetails: {
              from: 'timed',
              field: 'step',
              dimension: 'step',
              attribute: 'AuthenticationDetails',
              time: 'created',
            },
            AuthenticationMethodsUsed: attributeOf('step', 'AuthenticationMethodsUsed'),
            ProcessingTimeInMilliseconds: latency,
            Resource: constant('Microsoft.aadiam'),
            ResourceId: constant(`/tenants/${tenant.tenantId}/providers/Microsoft.aadiam`),
            AlternateSignInName: name,
            SignInIdentifier: name,
            FlaggedForReview: constant(false),
          }),
    },
  );
}

/** The tenant that a guest comes from: one per mail domain. */
function foreignTenant(address: string): string {
  return nameGuid(address.slice(address.indexOf('@') + 1));
}
