/**
 * Rows of the sign-in tables of users: one writer serves SigninLogs and AADNonInteractiveUserSignInLogs, which share
 * nearly all columns but differ in the types of seven (`Status` is text in one and dynamic in the other). A row is
 * a dozen numbers; everything else about it stands in dimensions.
 */
import type { Facts, FactColumn, Label } from '../src/dataset/facts.ts';
import { type Access, APPLICATIONS, RESOURCES, RESULTS, type ResultCode } from './applications.ts';
import { DELAYS } from './assumptions.ts';
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
  authenticationDetails,
  conditionalAccess,
  deviceDetail,
  type Situation,
  statusText,
  userAgent,
} from './sign-in-texts.ts';
import { DimensionBuilder, grown, ingestedAt, type Outage, type Span } from './rows.ts';
import { type Account, type Device, nameGuid, type Place, type Tenant } from './tenant.ts';
import type { RandomStream } from '../src/base/random.ts';

export type SignInTable = 'SigninLogs' | 'AADNonInteractiveUserSignInLogs';

const ACCOUNT_ATTRIBUTES = [
  'Ordinal',
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
  'RiskState',
  'RiskDetail',
  'RiskLevelDuringSignIn',
  'RiskLevelAggregated',
  'RiskEventTypes_V2',
] as const;

const STEP_ATTRIBUTES = ['AuthenticationDetails', 'AuthenticationMethodsUsed'] as const;

/** How a token was asked for, where it is not the way of the access's own client. */
export interface AccessTraits {
  readonly protocol?: 'deviceCode' | 'none' | 'oAuth2';
  readonly transfer?: 'none' | 'deviceCodeFlow' | 'authenticationTransfer';
  readonly token?: 'none' | 'primaryRefreshToken' | 'refreshToken';
}

export class SignInRows {
  readonly table: SignInTable;
  readonly #span: Span;
  readonly #tenant: Tenant;
  readonly #outages: readonly Outage[];
  readonly #accounts = new DimensionBuilder(ACCOUNT_ATTRIBUTES);
  readonly #accesses = new DimensionBuilder(ACCESS_ATTRIBUTES);
  readonly #clients = new DimensionBuilder(CLIENT_ATTRIBUTES);
  readonly #places = new DimensionBuilder([...PLACE_ATTRIBUTES, 'NetworkLocationDetails']);
  readonly #outcomes = new DimensionBuilder(OUTCOME_ATTRIBUTES);
  readonly #steps = new DimensionBuilder(STEP_ATTRIBUTES);
  readonly #labels: Label[] = [];
  readonly #resourcePrincipals = new Map<string, string>();
  #capacity = 1024;
  #rowCount = 0;
  #created = new Float64Array(1024);
  #generated = new Float64Array(1024);
  #ingested = new Float64Array(1024);
  #account = new Uint32Array(1024);
  #access = new Uint16Array(1024);
  #client = new Uint32Array(1024);
  #place = new Uint32Array(1024);
  #outcome = new Uint16Array(1024);
  #step = new Uint32Array(1024);
  #latency = new Uint8Array(1024);
  #counter = new Uint32Array(1024);
  #correlation = new Uint32Array(1024);
  #session = new Uint32Array(1024);
  #accountCode = 0;
  /** Codes by the objects that they were asked for with, in front of the dimensions' text keys; of the current account. */
  readonly #accessCodes = new Map<Access, number>();
  readonly #clientCodes = new Map<Device, Partial<Record<Access['client'], number>>>();
  readonly #placeCodes = new Map<Place, number>();
  /** Numbers the background rows of the current account; planted rows count from a range of their own. */
  nextCounter = 0;

  constructor(table: SignInTable, tenant: Tenant, span: Span, outages: readonly Outage[]) {
    this.table = table;
    this.#tenant = tenant;
    this.#span = span;
    this.#outages = outages;
    this.#steps.append({ AuthenticationDetails: '[]', AuthenticationMethodsUsed: '' });
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** The rows that follow are this account's. Accounts come in order of ordinal. */
  begin(account: Account): void {
    const isGuest = account.kind === 'guest';
    this.nextCounter = 0;
    this.#clientCodes.clear();
    this.#placeCodes.clear();
    this.#accountCode = this.#accounts.append({
      Ordinal: String(account.ordinal),
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
      let principal = this.#resourcePrincipals.get(resource.id);
      if (principal === undefined) {
        principal = nameGuid(`${this.#tenant.tenantId}/${resource.id}`);
        this.#resourcePrincipals.set(resource.id, principal);
      }
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
        ResourceServicePrincipalId: principal,
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
    const detail = deviceDetail(device, client);
    return this.#clients.code(`${detail}\n${text}`, () => ({ DeviceDetail: detail, UserAgent: text }));
  }

  placeCode(place: Place): number {
    let code = this.#placeCodes.get(place);
    if (code === undefined) {
      code = this.#placeCode(place);
      this.#placeCodes.set(place, code);
    }
    return code;
  }

  #placeCode(place: Place): number {
    return this.#places.code(place.ip, () => ({
      ...placeAttributes(place),
      NetworkLocationDetails:
        place.namedLocation === ''
          ? '[]'
          : JSON.stringify([{ networkNames: [place.namedLocation], networkType: 'trustedNamedLocation' }]),
    }));
  }

  outcomeCode(result: ResultCode, situation: Situation): number {
    return this.#outcomes.code(`${result}/${situation}`, () => {
      const access = conditionalAccess(this.#tenant, result, situation);
      const multi = situation === 'mfaByClaim' || situation === 'mfa' || situation === 'risky';
      const risk = situation === 'risky' ? 'medium' : 'none';
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
        RiskState: risk === 'none' ? 'none' : 'atRisk',
        RiskDetail: 'none',
        RiskLevelDuringSignIn: risk,
        RiskLevelAggregated: risk,
        RiskEventTypes_V2: risk === 'none' ? '[]' : '["unfamiliarFeatures"]',
      };
    });
  }

  /** What an interactive sign-in went through, step by step; each step carries the row's own time. */
  stepCode(createdTicks: number, result: ResultCode, situation: Situation): number {
    return this.#steps.append(authenticationDetails(createdTicks, result, situation));
  }

  /**
   * Adds a row of the account that {@link begin} named.
   *
   * @param atMs - event time, in milliseconds since the start of the dataset. A row whose event lies before the start, or
   * whose publication lies at its end or later, is dropped.
   * @param lagSeconds - from the event to TimeGenerated.
   * @param random - for ingestion, latency and the rare second copy.
   * @returns whether the row was kept.
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
  ): boolean {
    const counter = this.nextCounter++;
    const bits = random.u32();
    const created = this.#span.startTicks + Math.floor(atMs * 10_000);
    const generated = created + Math.floor(lagSeconds * 1e7);
    const ingested = ingestedAt(generated, random, this.#outages);
    if (atMs < 0 || generated >= this.#span.endTicks) return false;
    this.#put(
      created,
      generated,
      ingested,
      access,
      client,
      place,
      outcome,
      step,
      bits & 255,
      counter,
      correlation,
      session,
    );
    if (bits >>> 8 < DELAYS.duplicateShare * 0x1000000) {
      const again = generated + 4_000_000 + (bits & 0xffffff);
      if (again < this.#span.endTicks) {
        const taken = ingestedAt(again, random, this.#outages);
        this.#put(
          created,
          again,
          taken,
          access,
          client,
          place,
          outcome,
          step,
          bits & 255,
          counter,
          correlation,
          session,
        );
      }
    }
    return true;
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
    this.#labels.push({ row: this.#rowCount, event });
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
    if (this.#rowCount === this.#capacity) this.#grow();
    const row = this.#rowCount++;
    this.#created[row] = created;
    this.#generated[row] = generated;
    this.#ingested[row] = ingested;
    this.#account[row] = this.#accountCode;
    this.#access[row] = access;
    this.#client[row] = client;
    this.#place[row] = place;
    this.#outcome[row] = outcome;
    this.#step[row] = step;
    this.#latency[row] = latency;
    this.#counter[row] = counter;
    this.#correlation[row] = correlation;
    this.#session[row] = session;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#created = grown('time', this.#created, this.#capacity);
    this.#generated = grown('time', this.#generated, this.#capacity);
    this.#ingested = grown('time', this.#ingested, this.#capacity);
    this.#account = grown('u32', this.#account, this.#capacity);
    this.#access = grown('u16', this.#access, this.#capacity);
    this.#client = grown('u32', this.#client, this.#capacity);
    this.#place = grown('u32', this.#place, this.#capacity);
    this.#outcome = grown('u16', this.#outcome, this.#capacity);
    this.#step = grown('u32', this.#step, this.#capacity);
    this.#latency = grown('u8', this.#latency, this.#capacity);
    this.#counter = grown('u32', this.#counter, this.#capacity);
    this.#correlation = grown('u32', this.#correlation, this.#capacity);
    this.#session = grown('u32', this.#session, this.#capacity);
  }

  /** The rows as facts. The writer must not be used afterwards. */
  seal(): Facts {
    const end = this.#rowCount;
    const accounts = this.#accounts.seal();
    const { Ordinal, ...accountAttributes } = accounts.attributes as Record<string, readonly string[]>;
    return {
      table: this.table,
      rowCount: end,
      fields: {
        created: this.#created.subarray(0, end),
        generated: this.#generated.subarray(0, end),
        ingested: this.#ingested.subarray(0, end),
        account: this.#account.subarray(0, end),
        access: this.#access.subarray(0, end),
        client: this.#client.subarray(0, end),
        place: this.#place.subarray(0, end),
        outcome: this.#outcome.subarray(0, end),
        step: this.#step.subarray(0, end),
        latency: this.#latency.subarray(0, end),
        counter: this.#counter.subarray(0, end),
        correlation: this.#correlation.subarray(0, end),
        session: this.#session.subarray(0, end),
      },
      dimensions: {
        account: {
          size: accounts.size,
          attributes: { ...accountAttributes, ordinal: Float64Array.from(Ordinal!, Number) },
        },
        access: this.#accesses.seal(),
        client: this.#clients.seal(),
        place: this.#places.seal(),
        outcome: this.#outcomes.seal(),
        step: this.#steps.seal(),
        latency: { size: 256, attributes: { Milliseconds: LATENCIES } },
      },
      columns: signInColumns(this.table, this.#tenant),
      labels: this.#labels,
    };
  }
}

/** Processing times that requests take, rising quadratically: most are short. */
const LATENCIES = Array.from({ length: 256 }, (_, i) => String(38 + i + Math.floor((i * i) / 90)));

function signInColumns(table: SignInTable, tenant: Tenant): FactColumn[] {
  const silent = table === 'AADNonInteractiveUserSignInLogs';
  const [, ...accountAttributes] = ACCOUNT_ATTRIBUTES;
  const requestId = idSource('guid', `${table}/${tenant.seed}`, 'counter');
  const latency = attributeOf('latency', 'Milliseconds');
  const name = attributeOf('account', 'UserPrincipalName');
  return factColumns(
    table,
    tenant,
    {
      account: accountAttributes,
      access: ACCESS_ATTRIBUTES,
      client: CLIENT_ATTRIBUTES,
      place: [...PLACE_ATTRIBUTES, 'NetworkLocationDetails'],
      outcome: OUTCOME_ATTRIBUTES,
      step: STEP_ATTRIBUTES,
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
      RiskEventTypes: constant('[]'),
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
        ? { ProcessingTimeInMs: latency, TenantId: constant(tenant.tenantId) }
        : {
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
