/**
 * Rows of the sign-in tables of applications that act by themselves: AADServicePrincipalSignInLogs and
 * AADManagedIdentitySignInLogs, which share nearly all columns.
 */
import type { RandomStream } from '../src/base/random.ts';
import type { FactColumn, Facts, Label } from '../src/dataset/facts.ts';
import { RESOURCES, RESULTS, type ResourceKey, type ResultCode } from './applications.ts';
import { constant, factColumns, idSource, MICROSOFT_TENANT, PLACE_ATTRIBUTES, placeAttributes } from './columns.ts';
import { DimensionBuilder, grown, ingestedAt, type Outage, type Span } from './rows.ts';
import { nameGuid, type Place, type ServicePrincipal, type Tenant } from './tenant.ts';

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
  readonly #labels: Label[] = [];
  #capacity = 256;
  #rowCount = 0;
  #created = new Float64Array(256);
  #generated = new Float64Array(256);
  #ingested = new Float64Array(256);
  #account = new Uint32Array(256);
  #resource = new Uint16Array(256);
  #place = new Uint32Array(256);
  #outcome = new Uint8Array(256);
  #counter = new Uint32Array(256);
  #nextCounter = 0;

  constructor(table: PrincipalTable, tenant: Tenant, span: Span, outages: readonly Outage[]) {
    this.table = table;
    this.#tenant = tenant;
    this.#span = span;
    this.#outages = outages;
  }

  get rowCount(): number {
    return this.#rowCount;
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
      ResourceServicePrincipalId: nameGuid(`${this.#tenant.tenantId}/${id}`),
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
    this.#labels.push({ row: this.#rowCount, event });
    this.#put(times.created, times.generated, times.ingested, resource, place, outcome, times.counter);
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
    if (this.#rowCount === this.#capacity) this.#grow();
    const row = this.#rowCount++;
    this.#created[row] = created;
    this.#generated[row] = generated;
    this.#ingested[row] = ingested;
    this.#account[row] = this.#ordinals.length - 1;
    this.#resource[row] = resource;
    this.#place[row] = place;
    this.#outcome[row] = outcome;
    this.#counter[row] = counter;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#created = grown('time', this.#created, this.#capacity);
    this.#generated = grown('time', this.#generated, this.#capacity);
    this.#ingested = grown('time', this.#ingested, this.#capacity);
    this.#account = grown('u32', this.#account, this.#capacity);
    this.#resource = grown('u16', this.#resource, this.#capacity);
    this.#place = grown('u32', this.#place, this.#capacity);
    this.#outcome = grown('u8', this.#outcome, this.#capacity);
    this.#counter = grown('u32', this.#counter, this.#capacity);
  }

  /** The rows as facts. The writer must not be used afterwards. */
  seal(): Facts {
    const end = this.#rowCount;
    const principals = this.#principals.seal();
    return {
      table: this.table,
      rowCount: end,
      fields: {
        created: this.#created.subarray(0, end),
        generated: this.#generated.subarray(0, end),
        ingested: this.#ingested.subarray(0, end),
        account: this.#account.subarray(0, end),
        resource: this.#resource.subarray(0, end),
        place: this.#place.subarray(0, end),
        outcome: this.#outcome.subarray(0, end),
        counter: this.#counter.subarray(0, end),
      },
      dimensions: {
        account: {
          size: principals.size,
          attributes: { ...principals.attributes, ordinal: Float64Array.from(this.#ordinals) },
        },
        resource: this.#resources.seal(),
        place: this.#places.seal(),
        outcome: this.#outcomes.seal(),
      },
      columns: principalColumns(this.table, this.#tenant),
      labels: this.#labels,
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
