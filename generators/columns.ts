/**
 * How the columns of a table are fed from facts, and what all tables of one tenant say alike. A row writer names its
 * dimensions and adds what is its own.
 */
import type { ColumnSource, FactColumn } from '../src/dataset/facts.ts';
import { INGESTION_TIME, tableColumns } from '../src/schema/tables.ts';
import type { City } from './places.ts';
import { nameGuid, type Place, type Tenant } from './tenant.ts';

/** The tenant that owns Microsoft's own applications. */
export const MICROSOFT_TENANT = 'f8cdef31-a31e-4b4a-93e4-5f571e91255a';

export function constant(value: string | number | boolean): ColumnSource {
  return { from: 'constant', value };
}

/** An attribute of the dimension that the field of the same name codes. */
export function attributeOf(dimension: string, attribute: string): ColumnSource {
  return { from: 'dimension', field: dimension, dimension, attribute };
}

/** An id of the row's account and a counter field. */
export function idSource(form: 'guid' | 'token', salt: string, counter: string): ColumnSource {
  return { from: 'id', form, salt, dimension: 'account', account: 'account', counter };
}

/**
 * The columns of a table: `dimensions` lists attributes that are columns of the same name, `more` all others. What the
 * table's schema does not have is left out. `timeField` is the field of its TimeGenerated; `ingested` that of its ingestion.
 */
export function factColumns(
  table: string,
  tenant: Tenant,
  dimensions: Readonly<Record<string, readonly string[]>>,
  more: Readonly<Record<string, ColumnSource>>,
  timeField = 'generated',
): FactColumn[] {
  const sources: Record<string, ColumnSource> = {
    TimeGenerated: { from: 'field', field: timeField },
    AADTenantId: constant(tenant.tenantId),
    TenantId: constant(workspaceId(tenant)),
    OperationVersion: constant('1.0'),
    ResultSignature: constant('None'),
    DurationMs: constant(0),
    Level: constant('4'),
    ResourceGroup: constant('Microsoft.aadiam'),
    SourceSystem: constant('Azure AD'),
    _IsBillable: constant('True'),
    Type: constant(table),
  };
  for (const [dimension, attributes] of Object.entries(dimensions)) {
    for (const attribute of attributes) sources[attribute] = attributeOf(dimension, attribute);
  }
  Object.assign(sources, more);
  const columns: FactColumn[] = tableColumns(table)!.flatMap(({ name, type }) => {
    const source = sources[name];
    return source ? [{ name, type, source }] : [];
  });
  columns.push({ name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'ingested' } });
  return columns;
}

/** The id of the tenant's Log Analytics workspace, which stands in the TenantId of its tables. */
function workspaceId(tenant: Tenant): string {
  return nameGuid(`${tenant.tenantId}/workspace`);
}

export const PLACE_ATTRIBUTES = ['IPAddress', 'AutonomousSystemNumber', 'Location', 'LocationDetails'] as const;
type PlaceAttributes = Record<(typeof PLACE_ATTRIBUTES)[number] | 'NetworkLocationDetails', string>;

const locations = new Map<City, string>();

/** What sign-in rows of users and of applications say of an address; those of users the named location too. */
export function placeAttributes({ ip, asn, city, namedLocation }: Place): PlaceAttributes {
  let location = locations.get(city);
  if (location === undefined) {
    location = JSON.stringify({
      city: city.name,
      state: city.state,
      countryOrRegion: city.country,
      geoCoordinates: { latitude: city.latitude, longitude: city.longitude },
    });
    locations.set(city, location);
  }
  return {
    IPAddress: ip,
    AutonomousSystemNumber: String(asn),
    Location: city.country,
    LocationDetails: location,
    NetworkLocationDetails:
      namedLocation === ''
        ? '[]'
        : JSON.stringify([{ networkNames: [namedLocation], networkType: 'trustedNamedLocation' }]),
  };
}
