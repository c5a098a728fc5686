import { describe, expect, it } from 'vitest';
import { query } from '../../../src/query/query.ts';
import { knownTables, tableColumns } from '../../../src/schema/tables.ts';

const RISK = [
  {
    TimeGenerated: '2026-05-04T10:00:00Z',
    UserPrincipalName: 'ada@contoso.com',
    TenantId: 'b1',
    Type: 'AADUserRiskEvents',
  },
];

describe('the tables of a workspace', () => {
  it('all have the standard columns', () => {
    const lacking = knownTables().filter((table) => {
      const names = tableColumns(table)!.map((column) => column.name);
      return ['TenantId', 'TimeGenerated', 'SourceSystem', 'Type'].some((name) => !names.includes(name));
    });
    expect(lacking).toEqual([]);
  });

  it('name no column twice', () => {
    for (const table of knownTables()) {
      const names = tableColumns(table)!.map((column) => column.name);
      expect(new Set(names).size, table).toBe(names.length);
    }
  });

  it.each([
    'AADUserRiskEvents',
    'AADRiskyUsers',
    'SecurityAlert',
    'MicrosoftGraphActivityLogs',
    'SecurityEvent',
    'CommonSecurityLog',
    'AWSCloudTrail',
    'IdentityLogonEvents',
    'DeviceEvents',
    'DeviceRegistryEvents',
    'EmailAttachmentInfo',
    'IdentityDirectoryEvents',
    'DnsEvents',
    'W3CIISLog',
    'AzureDiagnostics',
    'AWSGuardDuty',
  ])('include %s, which rules about sign-ins join', (table) => expect(knownTables()).toContain(table));
});

describe('the Defender tables', () => {
  it.each([
    'DeviceEvents',
    'DeviceFileEvents',
    'DeviceImageLoadEvents',
    'DeviceLogonEvents',
    'DeviceNetworkEvents',
    'DeviceProcessEvents',
    'DeviceRegistryEvents',
  ])('tell of the process behind a row of %s', (table) => {
    const types = new Map(tableColumns(table)!.map(({ name, type }) => [name, type]));
    expect(types.get('InitiatingProcessVersionInfoOriginalFileName')).toBe('string');
    expect(types.get('InitiatingProcessFileSize')).toBe('long');
    expect(types.get('InitiatingProcessParentCreationTime')).toBe('datetime');
    expect(types.get('Timestamp')).toBe('datetime');
  });
});

describe('columns that Log Analytics shows only to a query that names them', () => {
  it('can be used, and are empty where the data has none', async () => {
    const { columns, rows } = await query(
      'AADUserRiskEvents | where isempty(_ItemId) and isempty(_ResourceId) | project TenantId, Type, _SubscriptionId',
      { tables: { AADUserRiskEvents: RISK }, now: '2026-05-05T00:00:00Z' },
    );
    expect(columns.map((column) => column.name)).toEqual(['TenantId', 'Type', '_SubscriptionId']);
    expect(rows).toEqual([['b1', 'AADUserRiskEvents', '']]);
  });

  it('have no part in what * stands for', async () => {
    const { columns } = await query('SigninLogs');
    const names = columns.map((column) => column.name);
    expect(names).toContain('TenantId');
    expect(names).not.toContain('_ItemId');
    expect(names).not.toContain('_TimeReceived');
  });

  it('give the time of ingestion as the time of reception', async () => {
    const { rows } = await query(
      'AADUserRiskEvents | project UserPrincipalName, same = _TimeReceived == ingestion_time(), _TimeReceived',
      { tables: { AADUserRiskEvents: RISK }, now: '2026-05-05T00:00:00Z' },
    );
    expect(rows).toEqual([['ada@contoso.com', true, '2026-05-04T10:00:00.0000000Z']]);
  });
});
