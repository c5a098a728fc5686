import { describe, expect, it } from 'vitest';
import { query } from '../../../src/query/query.ts';
import { knownTables, suffixedTables, tableColumns } from '../../../src/schema/tables.ts';

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

describe('the networks of a device', () => {
  it('are text that holds JSON', () => {
    const lists = ['ConnectedNetworks', 'DefaultGateways', 'DnsAddresses', 'IPAddresses'];
    const columns = tableColumns('DeviceNetworkInfo')!.filter(({ name }) => lists.includes(name));
    expect(columns.map(({ type }) => type)).toEqual(lists.map(() => 'string'));
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

describe('tables with columns that differ from workspace to workspace', () => {
  const names = (query: string, table: string) =>
    suffixedTables(query)
      .get(table)
      ?.filter(({ name }) => /_[a-z]$/.test(name))
      .map(({ name, type }) => `${name}:${type}`);

  it('have the columns that a query names, with the types that their names end in', () => {
    const query = 'AzureDiagnostics | where msg_s has "x" and status_d > 400 and isOk_b | project when_t';
    expect(names(query, 'AzureDiagnostics')).toEqual([
      'msg_s:string',
      'status_d:real',
      'isOk_b:bool',
      'when_t:datetime',
    ]);
    expect(names('Okta_CL | summarize count() by actor_s', 'Okta_CL')).toEqual(['actor_s:string']);
    expect(suffixedTables('SigninLogs | where Foo_s == "x_CL"').size).toBe(0);
  });

  it('have no column that the query names itself, or that only its texts hold', () => {
    const query = `
      let most_d = 5; let twice_d = most_d * 2;
      Okta_CL // not_s
      | extend text_s = tolower(text_s), new_s = "old_s"
      | where score_d > twice_d and new_s == text_s`;
    expect(names(query, 'Okta_CL')).toEqual(['text_s:string', 'score_d:real']);
    expect(names('let f = (who_s:string) { Okta_CL | where by_s == who_s }; f("x")', 'Okta_CL')).toEqual([
      'by_s:string',
    ]);
  });

  it('are given rows like any other', async () => {
    const ask = (text: string) =>
      query(text, {
        tables: { Okta_CL: [{ TimeGenerated: '2026-05-04T10:00:00Z', actor_s: 'ann', score_d: 2.5 }] },
        now: '2026-05-05T00:00:00Z',
      });
    expect((await ask('Okta_CL | project actor_s, score_d')).rows).toEqual([['ann', 2.5]]);
    expect((await ask('Other_CL | where isempty(_ResourceId) | project Computer, actor_s')).rows).toEqual([]);
    expect((await ask('AzureDiagnostics | summarize n = count(), m = max(size_d)')).rows).toEqual([[0, null]]);
  });

  it('are passed over in a fuzzy union where they are not given', async () => {
    const { rows } = await query('union isfuzzy=true (None_CL | project a = Reason), (print a = "b")');
    expect(rows).toEqual([['b']]);
  });

  it('need a type in the name of a column', async () => {
    await expect(query('Okta_CL | where Actor == "x"')).rejects.toThrow("the name 'Actor' does not refer to any known");
  });
});
