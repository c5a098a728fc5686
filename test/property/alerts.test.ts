/** What holds of alerts and incidents whatever the rule maps, groups and returns. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TICKS_PER_MINUTE } from '../../src/base/time.ts';
import type { ColumnInfo } from '../../src/columns/batch.ts';
import { MAX_ALERTS_PER_RUN, MAX_CUSTOM_DETAILS_BYTES, MAX_VALUES_PER_DETAIL } from '../../src/replay/alerts.ts';
import { entityKey, MAX_ENTITIES, MAX_ENTITIES_BYTES } from '../../src/replay/entities.ts';
import { groupIncidents, type IncidentSettings, MAX_ALERTS_PER_INCIDENT } from '../../src/replay/incidents.ts';
import { replay } from '../../src/replay/replay.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { raise } from '../support/alerts.ts';
import { at, audit, memoryDataset, type TestRow } from '../support/replay.ts';

const METHODS = [
  'enabled: false',
  'enabled: true, matchingMethod: AnyAlert',
  'enabled: true, matchingMethod: AllEntities',
  'enabled: true, matchingMethod: Selected, groupByEntities: [Account]',
  'enabled: true, matchingMethod: Selected, groupByEntities: [Account, IP]',
  'enabled: true, matchingMethod: Selected, groupByAlertDetails: [DisplayName], groupByCustomDetails: [Where]',
];

describe('incidents', () => {
  const yaml = fc
    .record({
      method: fc.constantFrom(...METHODS),
      hours: fc.integer({ min: 1, max: 8 }),
      reopen: fc.boolean(),
      perResult: fc.boolean(),
    })
    .map(
      ({
        method,
        hours,
        reopen,
        perResult,
      }) => `eventGroupingSettings: {aggregationKind: ${perResult ? 'AlertPerResult' : 'SingleAlert'}}
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: UserPrincipalName}]
  - entityType: IP
    fieldMappings: [{identifier: Address, columnName: IPAddress}]
customDetails: {Where: IPAddress}
alertDetailsOverride: {alertDisplayNameFormat: "{{UserPrincipalName}} again"}
incidentConfiguration:
  createIncident: true
  groupingConfiguration: {reopenClosedIncident: ${reopen}, lookbackDuration: ${hours}h, ${method}}
`,
    );
  const cell = fc.constantFrom('', 'a', 'b', 'B', 'c');
  const runs = fc.array(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), { minLength: 1, maxLength: 14 });
  const settings: fc.Arbitrary<IncidentSettings> = fc.record({
    lookbackFrom: fc.constantFrom('first' as const, 'latest' as const),
    timeToClose: fc.option(
      fc.integer({ min: 0, max: 300 }).map((minutes) => BigInt(minutes) * TICKS_PER_MINUTE),
      { nil: undefined },
    ),
  });

  test('hold every alert exactly once, in order, and their rows name the same alerts', () => {
    fc.assert(
      fc.property(yaml, runs, settings, (text, rows, given) => {
        const { alerts, rule, runs: scheduled } = raise({ yaml: text, rows });
        const incidents = groupIncidents(rule, scheduled, alerts, given);
        expect(incidents.flatMap((incident) => incident.alerts).toSorted((a, b) => a - b)).toEqual(
          alerts.map((_, index) => index),
        );
        const ids = incidents.flatMap(({ record }) => JSON.parse(record['AlertIds'] as string) as string[]);
        expect(ids.toSorted()).toEqual(alerts.map((alert) => alert.systemAlertId).toSorted());
        for (const incident of incidents) {
          expect(incident.alerts).toEqual(incident.alerts.toSorted((a, b) => a - b));
          expect(incident.alerts.length).toBeLessThanOrEqual(MAX_ALERTS_PER_INCIDENT);
        }
        expect(new Set(incidents.map(({ record }) => record['IncidentName'])).size).toBe(incidents.length);
      }),
    );
  });

  test('of equal entities are open one at a time', () => {
    fc.assert(
      fc.property(yaml, runs, settings, (text, rows, given) => {
        const { alerts, rule, runs: scheduled } = raise({ yaml: text, rows });
        const { grouping } = rule.incidentConfiguration;
        if (!grouping.enabled || grouping.groupByAlertDetails.length > 0) return;
        const types = grouping.groupByEntities.map((type) => type.toLowerCase());
        const keyOf = (index: number): string | undefined => {
          if (grouping.matchingMethod === 'AnyAlert') return '';
          const { entities } = alerts[index]!;
          if (entities.length === 0 || !types.every((type) => entities.some((e) => e.type === type))) return undefined;
          const asked = entities.filter((e) => types.length === 0 || types.includes(e.type));
          return asked.map(entityKey).toSorted().join('\n');
        };
        const wallClock = (index: number): bigint => scheduled[alerts[index]!.run]!.wallClock;
        const latest = new Map<string, { first: bigint; last: bigint; count: number; closes: bigint | undefined }>();
        const byFirst = new Map(groupIncidents(rule, scheduled, alerts, given).map((i) => [i.alerts[0]!, i]));
        const homes = new Map([...byFirst.values()].flatMap((i) => i.alerts.map((alert) => [alert, i.alerts[0]!])));
        alerts.forEach((_, index) => {
          const key = keyOf(index);
          const now = wallClock(index);
          if (key === undefined) return;
          const open = latest.get(key);
          const isClosed = open?.closes !== undefined && open.closes <= now;
          const takes =
            open !== undefined &&
            now - (given.lookbackFrom === 'first' ? open.first : open.last) <= grouping.lookback &&
            open.count < MAX_ALERTS_PER_INCIDENT &&
            (!isClosed || grouping.reopenClosedIncident);
          // A second incident of the same entities is made only where the one before can take no more.
          expect(homes.get(index) === index).toBe(!takes);
          const { timeToClose } = given;
          const closes = timeToClose === undefined ? undefined : now + timeToClose;
          if (!takes) latest.set(key, { first: now, last: now, count: 1, closes });
          else latest.set(key, { ...open, last: now, count: open.count + 1, closes: isClosed ? closes : open.closes });
        });
      }),
    );
  });

  test('do not depend on how rows are spread over partitions', async () => {
    const act = fc.record({
      minute: fc.integer({ min: 1, max: 1439 }),
      user: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      address: fc.constantFrom('1.1.1.1', '2.2.2.2'),
    });
    await fc.assert(
      fc.asyncProperty(yaml, fc.array(act, { minLength: 1, maxLength: 40 }), async (text, acts) => {
        const rule = compileRule(`name: Acts
kind: Scheduled
queryFrequency: 1h
queryPeriod: 2h
query: |
  AuditLogs
  | extend UserPrincipalName = tostring(InitiatedBy.user.userPrincipalName), IPAddress = tostring(InitiatedBy.user.ipAddress)
  | project UserPrincipalName, IPAddress
${text}`);
        const rows = acts.map(
          ({ minute, user, address }): TestRow =>
            audit(at('00:00') + BigInt(minute) * TICKS_PER_MINUTE, `${user}@x`, {
              InitiatedBy: { user: { userPrincipalName: `${user}@x`, ipAddress: address } },
            }),
        );
        const [one, ...others] = await Promise.all(
          [1, 5].map((partitionCount) =>
            replay(memoryDataset({ AuditLogs: rows }, { partitionCount }), rule, { threads: 0 }),
          ),
        );
        expect(one!.incidents.length).toBeGreaterThan(0);
        for (const other of others) {
          expect(other.incidents).toEqual(one!.incidents);
          expect(other.alerts).toEqual(one!.alerts);
        }
      }),
      { numRuns: 8 },
    );
  });
});

describe('what an alert holds', () => {
  const columns: ColumnInfo[] = ['A', 'B', 'C'].map((name) => ({ name, type: 'string' }));
  const text = fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 400 }).map((n) => `user-${n}@contoso.com`) },
    fc.constantFrom(
      '',
      ' ',
      'a'.repeat(600),
      '\u00e9'.repeat(300),
      '\ud83d\ude00'.repeat(200),
      '"\\\n\u0001',
      '@',
      'x\\y',
    ),
  );
  const mapping = fc.record({
    type: fc.constantFrom('Account', 'Host', 'IP', 'URL', 'File'),
    fields: fc.uniqueArray(fc.constantFrom('A', 'B', 'C'), { minLength: 1, maxLength: 3 }),
  });
  const IDENTIFIERS: Readonly<Record<string, readonly string[]>> = {
    Account: ['FullName', 'AadUserId', 'Sid'],
    Host: ['FullName', 'NetBiosName', 'AzureID'],
    IP: ['Address', 'Address', 'Address'],
    URL: ['Url', 'Url', 'Url'],
    File: ['Name', 'Directory', 'Name'],
  };

  test('is never more than the caps allow, and says how much more there was', () => {
    fc.assert(
      fc.property(
        fc.array(mapping, { minLength: 1, maxLength: 10 }),
        fc.array(fc.tuple(text, text, text), { minLength: 1, maxLength: 700 }),
        fc.boolean(),
        (mappings, rows, perResult) => {
          const yaml = `eventGroupingSettings: {aggregationKind: ${perResult ? 'AlertPerResult' : 'SingleAlert'}}
entityMappings:
${mappings.map(({ type, fields }) => `  - entityType: ${type}\n    fieldMappings: [${fields.map((f, i) => `{identifier: ${IDENTIFIERS[type]![i]}, columnName: ${f}}`).join(', ')}]`).join('\n')}
customDetails: {One: A, Two: B, Three: C}
`;
          const { alerts } = raise({ yaml, columns, rows: [rows] });
          expect(alerts.length).toBeLessThanOrEqual(MAX_ALERTS_PER_RUN);
          for (const { entities, entitiesDropped, record, customDetails } of alerts) {
            expect(entities.length).toBeLessThanOrEqual(MAX_ENTITIES);
            expect(Buffer.byteLength(record['Entities'] as string)).toBeLessThanOrEqual(MAX_ENTITIES_BYTES);
            expect(new Set(entities.map(entityKey)).size).toBe(entities.length);
            const share = Math.floor(MAX_ENTITIES / mappings.length);
            for (const type of new Set(entities.map((entity) => entity.type))) {
              const own = mappings.filter((m) => m.type.toLowerCase() === type).length;
              expect(entities.filter((entity) => entity.type === type).length).toBeLessThanOrEqual(own * share);
            }
            // Nothing is dropped where everything fits.
            if (rows.length * mappings.length < share && rows.flat().join('').length * mappings.length < 6_000) {
              expect(entitiesDropped).toBe(0);
            }
            expect(Buffer.byteLength(JSON.stringify(customDetails))).toBeLessThanOrEqual(MAX_CUSTOM_DETAILS_BYTES);
            for (const values of Object.values(customDetails)) {
              expect(values.length).toBeLessThanOrEqual(MAX_VALUES_PER_DETAIL);
              expect(new Set(values).size).toBe(values.length);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
