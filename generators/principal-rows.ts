/**
 * Rows of the sign-in tables of applications that act by themselves: AADServicePrincipalSignInLogs and
 * AADManagedIdentitySignInLogs, which share nearly all columns.
 */
import type { RandomStream } from '../src/base/random.ts';
import type { Dimension, FactColumn, Facts } from '../src/dataset/facts.ts';
import { RESOURCES, RESULTS, type ResourceKey, type ResultCode } from './applications.ts';
import { constant, factColumns, idSource, MICROSOFT_TENANT, PLACE_ATTRIBUTES, placeAttributes } from './columns.ts';
import { DimensionBuilder, ingestedAt, type Outage, plainLayout, Records, type Span } from './rows.ts';
import type { Place, ServicePrincipal, Tenant } from './tenant.ts';

export type PrincipalTable = 'AADServicePrincipalSignInLogs' | 'AADManagedIdentitySignInLogs';

const PRINCIPAL_ATTRIBUTES = [
  'AppId',
  'ServicePrincipalId',
  'ServicePrincipalName',
  'ServicePrincipalCredentialKeyId',
] as const;
const RESOURCE_ATTRIBUTES = ['ResourceDisplayName', 'ResourceIdentity', 'ResourceServicePrincipalId'] as const;
const NOWHERE = { IPAddress: '', AutonomousSystemNumber: '', Location: '', LocationDetails: '{}' };
const OUTCOME_ATTRIBUTES = ['ResultType', 'ResultDescription'] as const;

/** A record of 48 bytes. */
const TIMES = ['created', 'generated', 'ingested'] as const;
const CODES = ['account', 'resource', 'place', 'outcome', 'counter'] as const;

export class PrincipalSignInRows {
  readonly table: PrincipalTable;
  readonly #tenant: Tenant;
  readonly #span: Span;
  readonly #outages: readonly Outage[];
  readonly #ordinals: number[] = [];
  readonly #principals = new DimensionBuilder(PRINCIPAL_ATTRIBUTES);
  readonly #resources = new DimensionBuilder(RESOURCE_ATTRIBUTES);
  readonly #places = new DimensionBuilder(PLACE_ATTRIBUTES);
  readonly #outcomes = new DimensionBuilder(OUTCOME_ATTRIBUTES);
  readonly #records: Records;
  #nextCounter = 0;

  constructor(table: PrincipalTable, tenant: Tenant, span: Span, outages: readonly Outage[]) {
    this.table = table;
    this.#tenant = tenant;
    this.#span = span;
    this.#outages = outages;
    this.#records = new Records(TIMES, CODES, 'generated', plainLayout(span));
  }

  get rowCount(): number {
    return this.#records.rowCount;
  }

  /** The rows that follow are this principal's. Principals come in order of ordinal. */
  begin(principal: ServicePrincipal): void {
    if (this.#ordinals.at(-1) === principal.ordinal) return;
    this.#ordinals.push(principal.ordinal);
    this.#nextCounter = 0;
    this.#principals.append({
      AppId: principal.appId,
      ServicePrincipalId: principal.objectId,
      ServicePrincipalName: principal.name,
      ServicePrincipalCredentialKeyId: this.table === 'AADServicePrincipalSignInLogs' ? principal.keyId : '',
    });
  }

  resourceCode(resource: ResourceKey): number {
    const { name, id } = RESOURCES[resource];
    return this.#resources.code(id, () => ({
      ResourceDisplayName: name,
      ResourceIdentity: id,
      ResourceServicePrincipalId: this.#tenant.idOf(id),
    }));
  }

  /** @param place - undefined for managed identities, whose rows carry no address. */
  placeCode(place: Place | undefined): number {
    return this.#places.code(place?.ip ?? '', () => (place ? placeAttributes(place) : NOWHERE));
  }

  outcomeCode(result: ResultCode): number {
    return this.#outcomes.code(result, () => ({ ResultType: result, ResultDescription: RESULTS[result] }));
  }

  /** Adds a background row; what lies outside the dataset's time is dropped. */
  add(atMs: number, lagSeconds: number, resource: number, place: number, outcome: number, random: RandomStream): void {
    const counter = this.#nextCounter++;
    const created = this.#span.startTicks + Math.floor(atMs * 10_000);
    const generated = created + Math.floor(lagSeconds * 1e7);
    const ingested = ingestedAt(generated, random, this.#outages);
    if (atMs < 0 || generated >= this.#span.endTicks) return;
    this.#put(created, generated, ingested, resource, place, outcome, counter);
  }

  /** Adds a planted row exactly as planned, with its label. */
  plant(
    times: {
      readonly created: number;
      readonly generated: number;
      readonly ingested: number;
      readonly counter: number;
    },
    resource: number,
    place: number,
    outcome: number,
    event: string,
  ): void {
    const { created, generated, ingested, counter } = times;
    this.#put(created, generated, ingested, resource, place, outcome, counter);
    this.#records.label(generated, event);
  }

  #put(
    created: number,
    generated: number,
    ingested: number,
    resource: number,
    place: number,
    outcome: number,
    counter: number,
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
    codes[at + 1] = resource;
    codes[at + 2] = place;
    codes[at + 3] = outcome;
    codes[at + 4] = counter;
  }

  /** The rows as facts, in order of TimeGenerated. The writer must not be used afterwards. */
  seal(): Facts {
    const principals = this.#principals.seal();
    const dimensions: Record<string, Dimension> = {
      account: {
        size: principals.size,
        attributes: { ...principals.attributes, ordinal: Float64Array.from(this.#ordinals) },
      },
      resource: this.#resources.seal(),
      place: this.#places.seal(),
      outcome: this.#outcomes.seal(),
    };
    return {
      table: this.table,
      ...this.#records.seal(dimensions),
      dimensions,
      columns: principalColumns(this.table, this.#tenant),
    };
  }
}

function principalColumns(table: PrincipalTable, tenant: Tenant): FactColumn[] {
  const managed = table === 'AADManagedIdentitySignInLogs';
  return factColumns(
    table,
    tenant,
    {
      account: PRINCIPAL_ATTRIBUTES,
      resource: RESOURCE_ATTRIBUTES,
      place: PLACE_ATTRIBUTES,
      outcome: OUTCOME_ATTRIBUTES,
    },
    {
      CreatedDateTime: { from: 'field', field: 'created' },
      Id: idSource('guid', `${table}/id/${tenant.seed}`, 'counter'),
      CorrelationId: idSource('guid', `${table}/correlation/${tenant.seed}`, 'counter'),
      UniqueTokenIdentifier: idSource('token', `${table}/token/${tenant.seed}`, 'counter'),
      AppOwnerTenantId: constant(tenant.tenantId),
      ResourceOwnerTenantId: constant(MICROSOFT_TENANT),
      AuthenticationContextClassReferences: constant('[]'),
      AuthenticationProcessingDetails: constant('[]'),
      ConditionalAccessPolicies: constant('[]'),
      ConditionalAccessStatus: constant('notApplied'),
      NetworkLocationDetails: constant('[]'),
      ClientCredentialType: constant(managed ? 'managedIdentity' : 'clientSecret'),
      Category: constant(managed ? 'ManagedIdentitySignInLogs' : 'ServicePrincipalSignInLogs'),
      OperationName: constant('Sign-in activity'),
      _BilledSize: constant(2_400),
    },
  );
}
