import { describe, expect, test } from 'vitest';
import type { ColumnInfo } from '../../../src/columns/batch.ts';
import type { Value } from '../../../src/columns/value.ts';
import { stableGuid, triggers, truncateUtf8 } from '../../../src/replay/alerts.ts';
import { columnFaults, MONDAY, raise } from '../../support/alerts.ts';

const ENTITIES = `entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: UserPrincipalName}]
  - entityType: IP
    fieldMappings: [{identifier: Address, columnName: IPAddress}]
`;

function users(count: number): Value[][] {
  return Array.from({ length: count }, (_, i) => [`u${i}@contoso.com`, '1.2.3.4']);
}

describe('the trigger', () => {
  test.each([
    ['gt', 2, [false, false, false, true]],
    ['lt', 2, [true, true, false, false]],
    ['eq', 2, [false, false, true, false]],
    ['ne', 2, [true, true, false, true]],
  ] as const)('%s %i passes 0, 1, 2 and 3 rows as %j', (operator, threshold, expected) => {
    expect([0, 1, 2, 3].map((count) => triggers(operator, count, threshold))).toEqual(expected);
  });

  test('counts the rows of one run, not of several', () => {
    const { alerts } = raise({ yaml: 'triggerThreshold: 1', rows: [users(1), users(1), users(2)] });
    expect(alerts.map((a) => [a.run, a.rows])).toEqual([[2, [2, 3]]]);
  });

  test('that a run without rows passes raises an alert without rows', () => {
    const { alerts } = raise({ yaml: `triggerOperator: lt\ntriggerThreshold: 1\n${ENTITIES}`, rows: [users(1), []] });
    expect(alerts).toHaveLength(1);
    expect(alerts[0]).toMatchObject({ run: 1, rows: [], entities: [] });
    expect(alerts[0]!.record['Entities']).toBe('');
  });
});

describe('event grouping', () => {
  test('is one alert a run unless the rule says otherwise', () => {
    expect(raise({ rows: [users(3), users(2)] }).alerts.map((a) => a.rows)).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  const perResult = 'eventGroupingSettings: {aggregationKind: AlertPerResult}\n';

  test('AlertPerResult is one alert a row, 150 of them at most', () => {
    const { alerts } = raise({ yaml: perResult, rows: [users(150)] });
    expect(alerts).toHaveLength(150);
    expect(alerts.every((a) => a.rows.length === 1)).toBe(true);
    expect(new Set(alerts.map((a) => a.systemAlertId)).size).toBe(150);
  });

  test('beyond 150 rows the 150th alert stands for all of them', () => {
    const { alerts } = raise({ yaml: perResult, rows: [users(151)] });
    expect(alerts).toHaveLength(150);
    expect(alerts[148]!.rows).toEqual([148]);
    expect(alerts[149]!.rows).toHaveLength(151);
  });

  test('an NRT rule raises 30 at most', () => {
    const yaml = `kind: NRT\n${perResult}`;
    expect(raise({ yaml, rows: [users(30)] }).alerts.at(-1)!.rows).toHaveLength(1);
    const { alerts } = raise({ yaml, rows: [users(31)] });
    expect(alerts).toHaveLength(30);
    expect(alerts[29]!.rows).toHaveLength(31);
    expect(alerts[0]!.record).toMatchObject({ ProviderName: 'ASI NRT Alerts', ProductComponentName: 'NRT Alerts' });
  });
});

describe('suppression', () => {
  test('keeps runs from happening until its time is over, to the tick', () => {
    const yaml = 'suppressionEnabled: true\nsuppressionDuration: 2h\n';
    const { alerts, suppressedRuns } = raise({ yaml, rows: [users(1), users(2), [], users(1), users(1), users(1)] });
    // Run 0 alerts and rests until run 2; run 2 has no rows; run 3 alerts; run 4 rests; run 5 alerts.
    expect(suppressedRuns).toEqual([1, 4]);
    expect(alerts.map((a) => [a.run, a.rows])).toEqual([
      [0, [0]],
      [3, [1]],
      [5, [2]],
    ]);
  });

  test('without an alert suppresses nothing', () => {
    const yaml = 'suppressionEnabled: true\nsuppressionDuration: 5h\ntriggerThreshold: 1\n';
    expect(raise({ yaml, rows: [users(1), users(1), users(2), users(2)] })).toMatchObject({ suppressedRuns: [3] });
  });
});

describe('entities', () => {
  test('are normalised and stand in Sentinel’s own JSON', () => {
    const { alerts } = raise({ yaml: ENTITIES, rows: [[['Alice@Contoso.com', '1.2.3.4']]] });
    expect(alerts[0]!.record['Entities']).toBe(
      '[{"$id":"2","Name":"Alice","UPNSuffix":"Contoso.com","Type":"account"},{"$id":"3","Address":"1.2.3.4","Type":"ip"}]',
    );
  });

  test.each([
    ['Account', 'FullName', 'CONTOSO\\bob', { Name: 'bob', NTDomain: 'CONTOSO' }],
    ['Account', 'FullName', 'bob', { Name: 'bob' }],
    ['Account', 'AadUserId', '1-2', { AadUserId: '1-2' }],
    ['Account', 'Name', 'a@b.c', { Name: 'a@b.c' }],
    ['Host', 'FullName', 'srv.contoso.com', { HostName: 'srv', DnsDomain: 'contoso.com' }],
    ['CloudApplication', 'Name', 'Portal', { Name: 'Portal' }],
  ])('%s by %s %j is %j', (entityType, identifier, value, identifiers) => {
    const yaml = `entityMappings:\n  - entityType: ${entityType}\n    fieldMappings: [{identifier: ${identifier}, columnName: UserPrincipalName}]\n`;
    const { alerts } = raise({ yaml, rows: [[[value, '']]] });
    expect(alerts[0]!.entities[0]!.identifiers).toEqual(identifiers);
    if (entityType === 'CloudApplication') expect(alerts[0]!.entities[0]!.type).toBe('cloud-application');
  });

  test('several identifiers make one entity, and empty ones are left out', () => {
    const yaml = `entityMappings:
  - entityType: Account
    fieldMappings:
      - {identifier: FullName, columnName: UserPrincipalName}
      - {identifier: AadUserId, columnName: IPAddress}
`;
    const { alerts } = raise({
      yaml,
      rows: [
        [
          ['a@b.c', '7'],
          ['', '8'],
          ['', ''],
        ],
      ],
    });
    expect(alerts[0]!.entities.map((e) => e.identifiers)).toEqual([
      { Name: 'a', UPNSuffix: 'b.c', AadUserId: '7' },
      { AadUserId: '8' },
    ]);
  });

  test('equal ones stand once, whatever their letter case', () => {
    const { alerts } = raise({
      yaml: ENTITIES,
      rows: [
        [
          ['A@b.c', '1.1.1.1'],
          ['a@B.c', '1.1.1.1'],
        ],
      ],
    });
    expect(alerts[0]!.entities).toHaveLength(2);
  });

  test('are 500 at most, shared equally among the mappings, and the rest is counted', () => {
    const { alerts } = raise({ yaml: ENTITIES, rows: [users(251)] });
    const types = alerts[0]!.entities.map((e) => e.type);
    expect(types.filter((t) => t === 'account')).toHaveLength(250);
    expect(types.filter((t) => t === 'ip')).toHaveLength(1);
    expect(alerts[0]!.entitiesDropped).toBe(1);
    expect(raise({ yaml: ENTITIES, rows: [users(250)] }).alerts[0]!.entitiesDropped).toBe(0);
  });

  test('take 64 KB at most', () => {
    const long = (i: number): Value[] => [`${'x'.repeat(1000)}${i}@contoso.com`, ''];
    const { alerts } = raise({ yaml: ENTITIES, rows: [Array.from({ length: 100 }, (_, i) => long(i))] });
    const bytes = Buffer.byteLength(alerts[0]!.record['Entities'] as string);
    expect(bytes).toBeLessThanOrEqual(65_536);
    expect(bytes).toBeGreaterThan(64_000);
    expect(alerts[0]!.entities.length + alerts[0]!.entitiesDropped).toBe(100);
  });
});

describe('custom details', () => {
  const yaml = 'customDetails:\n  Who: UserPrincipalName\n  Where: IPAddress\n  Lost: NoSuchColumn\n';

  test('are lists of distinct values in ExtendedProperties', () => {
    const { alerts } = raise({
      yaml,
      rows: [
        [
          ['a', '1'],
          ['b', '1'],
          ['', '1'],
        ],
      ],
    });
    const properties = JSON.parse(alerts[0]!.record['ExtendedProperties'] as string) as Record<string, string>;
    expect(JSON.parse(properties['Custom Details']!)).toEqual({ Who: ['a', 'b'], Where: ['1'] });
  });

  test('hold 50 values each at most', () => {
    const short = Array.from({ length: 51 }, (_, i) => [`${i}`, '1']);
    expect(raise({ yaml, rows: [short] }).alerts[0]!.customDetails['Who']).toHaveLength(50);
    expect(raise({ yaml, rows: [short.slice(0, 50)] }).alerts[0]!.customDetails['Who']).toHaveLength(50);
  });

  test('take 2 KB together at most; what is beyond is dropped', () => {
    const fits = (size: number): boolean =>
      'Who' in raise({ yaml, rows: [[['x'.repeat(size), '']]] }).alerts[0]!.customDetails;
    const overhead = JSON.stringify({ Who: [''] }).length;
    expect(fits(2_048 - overhead)).toBe(true);
    expect(fits(2_049 - overhead)).toBe(false);
  });
});

describe('overridden details', () => {
  const columns: ColumnInfo[] = [
    { name: 'User', type: 'string' },
    { name: 'Level', type: 'string' },
    { name: 'Since', type: 'timespan' },
    { name: 'Count', type: 'long' },
    { name: 'Tactic', type: 'string' },
  ];
  const yaml = `severity: Low
description: The rule's own words
tactics: [Persistence]
alertDetailsOverride:
  alertDisplayNameFormat: "{{User}} did it {{ Count }} times"
  alertDescriptionFormat: "after {{Since}}"
  alertSeverityColumnName: Level
  alertTacticsColumnName: Tactic
  alertDynamicProperties: [{alertProperty: RemediationSteps, value: User}, {alertProperty: AlertLink, value: Tactic}]
`;
  const row = (user: string, level: string, tactic = ''): Value[] => [user, level, 754_567_000_0n, 3n, tactic];

  test('take their columns from the row', () => {
    const { alerts } = raise({ yaml, columns, rows: [[row('Ann', 'high', 'Impact,Collection'), row('Bob', 'x')]] });
    expect(alerts[0]!.record).toMatchObject({
      DisplayName: 'Ann did it 3 times',
      AlertName: 'Ann did it 3 times',
      Description: 'after 00:12:34.5670000',
      AlertSeverity: 'High',
      Tactics: 'Impact, Collection',
      RemediationSteps: 'Ann',
      AlertLink: 'Impact,Collection',
    });
  });

  test('of a single alert can be those of the last row instead', () => {
    const settings = { singleAlertRow: 'last' as const };
    const { alerts } = raise({ yaml, columns, settings, rows: [[row('Ann', 'High'), row('Bob', 'High')]] });
    expect(alerts[0]!.displayName).toBe('Bob did it 3 times');
  });

  test('fall back to the rule’s own where a column is empty or holds no severity or tactic', () => {
    const { alerts } = raise({ yaml, columns, rows: [[row('', 'Critical', 'Nonsense')]] });
    expect(alerts[0]!.record).toMatchObject({
      DisplayName: 'Test rule',
      Description: 'after 00:12:34.5670000',
      AlertSeverity: 'Low',
      Tactics: 'Persistence',
    });
  });

  test('fall back where the column does not exist', () => {
    const { alerts } = raise({
      yaml: 'alertDetailsOverride: {alertDisplayNameFormat: "x {{Nope}}"}',
      rows: [users(1)],
    });
    expect(alerts[0]!.displayName).toBe('Test rule');
  });

  test('are cut at 256 and 5,000 bytes, never inside a character', () => {
    const long = `alertDetailsOverride: {alertDisplayNameFormat: "{{UserPrincipalName}}", alertDescriptionFormat: "{{UserPrincipalName}}"}`;
    const { alerts } = raise({ yaml: long, rows: [[['é'.repeat(3_000), '']]] });
    expect(alerts[0]!.displayName).toBe('é'.repeat(128));
    expect(alerts[0]!.record['Description']).toBe('é'.repeat(2_500));
    expect(truncateUtf8(`a${'é'.repeat(200)}`, 256)).toBe(`a${'é'.repeat(127)}`);
    expect(truncateUtf8('😀😀', 7)).toBe('😀');
    expect(truncateUtf8('abc', 3)).toBe('abc');
  });
});

describe('a SecurityAlert row', () => {
  test('has the columns of the table, in Sentinel’s own forms', () => {
    const yaml =
      'tactics: [Persistence, Impact]\nrelevantTechniques: [T1098, T1550.001]\nqueryPeriod: 2h\nseverity: High\n';
    const { alerts } = raise({ yaml, rows: [users(2)] });
    const { record } = alerts[0]!;
    expect(record).toMatchObject({
      TimeGenerated: '2026-01-05T01:05:00.0000000Z',
      StartTime: '2026-01-04T23:00:00.0000000Z',
      EndTime: '2026-01-05T01:00:00.0000000Z',
      ProcessingEndTime: '2026-01-05T01:05:00.0000000Z',
      AlertSeverity: 'High',
      ProviderName: 'ASI Scheduled Alerts',
      ProductName: 'Azure Sentinel',
      Tactics: 'Persistence, Impact',
      Techniques: '["T1098"]',
      SubTechniques: '["T1550.001"]',
      Status: 'New',
      Type: 'SecurityAlert',
    });
    expect(record['SystemAlertId']).toBe(alerts[0]!.systemAlertId);
    expect(JSON.parse(record['ExtendedProperties'] as string)).toMatchObject({
      'Query Period': '02:00:00',
      'Trigger Operator': 'GreaterThan',
      'Trigger Threshold': '0',
      'Search Query Results Overall Count': '2',
      'Query Start Time UTC': '2026-01-04 23:00:00Z',
      'Query End Time UTC': '2026-01-05 01:00:00Z',
      'Analytic Rule Ids': '["11111111-2222-3333-4444-555555555555"]',
      'Analytic Rule Name': 'Test rule',
      'Event Grouping': 'SingleAlert',
    });
  });

  test('has every column that the table has, and no other', () => {
    expect(raise({ rows: [users(1)] }).alerts.map(({ record }) => columnFaults('SecurityAlert', record))).toEqual([[]]);
    expect(columnFaults('SecurityAlert', { TenantId: 7 })).toContain('TenantId: 7 is no string');
  });

  test('starts and ends with its rows where they have a TimeGenerated', () => {
    const columns: ColumnInfo[] = [{ name: 'TimeGenerated', type: 'datetime' }];
    const { alerts } = raise({ columns, rows: [[[MONDAY + 20n], [MONDAY + 10n], [null]]] });
    expect(alerts[0]!.record).toMatchObject({
      StartTime: '2026-01-05T00:00:00.0000010Z',
      EndTime: '2026-01-05T00:00:00.0000020Z',
    });
  });

  test('says Unknown where the rule names no tactic', () => {
    expect(raise({ rows: [users(1)] }).alerts[0]!.record).toMatchObject({ Tactics: 'Unknown', Techniques: '' });
  });

  test('has an id that stays, and differs between runs, rules and datasets', () => {
    const ids = (yaml: string): string[] =>
      raise({ yaml, rows: [users(1), users(1)] }).alerts.map((a) => a.systemAlertId);
    expect(ids('')).toEqual(ids('severity: Low'));
    expect(new Set([...ids(''), ...ids('name: Other')]).size).toBe(4);
    expect(stableGuid('a', 'b')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(stableGuid('a', 'b')).not.toBe(stableGuid('ab'));
  });
});
