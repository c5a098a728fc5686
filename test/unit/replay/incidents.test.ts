/**
 * Incidents against hand-worked timelines. One column is one hourly run; a letter is an alert on that user, and the
 * numbers below it are the incidents that it belongs to.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TICKS_PER_HOUR } from '../../../src/base/time.ts';
import type { Value } from '../../../src/columns/value.ts';
import { groupIncidents, type IncidentSettings } from '../../../src/replay/incidents.ts';
import { columnFaults, raise } from '../../support/alerts.ts';

const MAPPING = `eventGroupingSettings: {aggregationKind: AlertPerResult}
entityMappings:
  - entityType: Account
    fieldMappings: [{identifier: FullName, columnName: UserPrincipalName}]
  - entityType: IP
    fieldMappings: [{identifier: Address, columnName: IPAddress}]
customDetails: {Where: IPAddress}
`;

function grouping(fields: string): string {
  return `${MAPPING}incidentConfiguration: {createIncident: true, groupingConfiguration: {enabled: true, ${fields}}}\n`;
}

/** `a1` is a row of user a from IP address 1; a run's rows stand together, runs are parted by blanks, `.` is a run without rows. */
function timeline(text: string): Value[][][] {
  return text
    .trim()
    .split(/\s+/)
    .map((run) => [...(run.match(/[a-z]\d?/g) ?? [])].map((r) => [`${r[0]}@contoso.com`, r[1] ?? '']));
}

/** For each alert the number of its incident, runs parted by blanks. */
function incidentsOf(yaml: string, text: string, settings?: Partial<IncidentSettings>): string {
  const { alerts, rule, runs } = raise({ yaml, rows: timeline(text) });
  const incidents = groupIncidents(rule, runs, alerts, { lookbackFrom: 'first', timeToClose: undefined, ...settings });
  const of = new Map(
    incidents.flatMap((incident) => incident.alerts.map((alert) => [alert, incident.number] as const)),
  );
  return runs
    .map(
      (_, run) => alerts.flatMap((alert, i) => (alert.run === run ? [String(of.get(i) ?? '-')] : [])).join('') || '.',
    )
    .join(' ');
}

describe('incidents', () => {
  test('are one an alert where grouping is off', () => {
    expect(incidentsOf(MAPPING, 'a b a')).toBe('1 2 3');
  });

  test('are none where the rule creates none', () => {
    const yaml = `${MAPPING}incidentConfiguration: {createIncident: false}\n`;
    expect(incidentsOf(yaml, 'a b')).toBe('- -');
  });

  test('AnyAlert puts all users into one incident for the look-back, both ends included', () => {
    expect(incidentsOf(grouping('matchingMethod: AnyAlert, lookbackDuration: 5h'), 'a b c . . d e')).toBe(
      '1 1 1 . . 1 2',
    );
  });

  test('AnyAlert minds no groupByEntities', () => {
    const fields = 'matchingMethod: AnyAlert, lookbackDuration: 5h, groupByEntities: [Account]';
    expect(incidentsOf(grouping(fields), 'a b')).toBe('1 1');
  });

  test('the look-back may count from the latest alert instead', () => {
    const fields = 'matchingMethod: AnyAlert, lookbackDuration: 2h';
    expect(incidentsOf(grouping(fields), 'a . b . c')).toBe('1 . 1 . 2');
    expect(incidentsOf(grouping(fields), 'a . b . c . . d', { lookbackFrom: 'latest' })).toBe('1 . 1 . 1 . . 2');
  });

  test('AllEntities wants every entity equal', () => {
    const fields = 'matchingMethod: AllEntities, lookbackDuration: 5h';
    expect(incidentsOf(grouping(fields), 'a1 a2 a1b1 b1 a2')).toBe('1 2 13 3 2');
  });

  test('AllEntities leaves alerts without entities alone', () => {
    const yaml = grouping('matchingMethod: AllEntities, lookbackDuration: 5h')
      .replaceAll('UserPrincipalName', 'Nope')
      .replaceAll('IPAddress', 'Nope');
    expect(incidentsOf(yaml, 'a a')).toBe('1 2');
  });

  test('Selected by account keeps users apart and their addresses together', () => {
    const fields = 'matchingMethod: Selected, lookbackDuration: 5h, groupByEntities: [Account]';
    expect(incidentsOf(grouping(fields), 'a1 b1 a2 b2 a1')).toBe('1 2 1 2 1');
  });

  test('Selected by a custom detail groups by its values and leaves alerts without it alone', () => {
    const fields = 'matchingMethod: Selected, lookbackDuration: 5h, groupByCustomDetails: [Where]';
    expect(incidentsOf(grouping(fields), 'a1 b1 a2 a a')).toBe('1 1 2 3 4');
  });

  test('Selected by an alert detail groups by the overridden title', () => {
    const yaml =
      grouping('matchingMethod: Selected, lookbackDuration: 5h, groupByAlertDetails: [DisplayName]') +
      'alertDetailsOverride: {alertDisplayNameFormat: "{{UserPrincipalName}}"}\n';
    expect(incidentsOf(yaml, 'a1 b1 a2')).toBe('1 2 1');
    expect(incidentsOf(yaml.replace('DisplayName]', 'Severity]'), 'a1 b1 a2')).toBe('1 1 1');
  });

  test('closed ones take nothing more, unless they may be reopened', () => {
    const fields = 'matchingMethod: AnyAlert, lookbackDuration: 1d';
    const closing = { timeToClose: 2n * TICKS_PER_HOUR };
    // Incident 1 is closed at the third run, in the moment that its alert comes.
    expect(incidentsOf(grouping(fields), 'a a a a', closing)).toBe('1 1 2 2');
    expect(incidentsOf(grouping(`${fields}, reopenClosedIncident: true`), 'a a a a', closing)).toBe('1 1 1 1');
    const { alerts, rule, runs } = raise({
      yaml: grouping(`${fields}, reopenClosedIncident: true`),
      rows: timeline('a a a . .'),
    });
    const [incident] = groupIncidents(rule, runs, alerts, { lookbackFrom: 'first', ...closing });
    expect(incident).toMatchObject({ reopened: 1, closed: runs[4]!.wallClock });
    expect(incident!.record).toMatchObject({ Status: 'Closed', ClosedTime: '2026-01-05T05:05:00.0000000Z' });
  });

  test('take 150 alerts; the 151st starts another with the same details', () => {
    const rows = [...Array<Value[][]>(2)].map(() => Array.from({ length: 76 }, (_, i): Value[] => [`u${i}@b.c`, '1']));
    const { alerts, rule, runs } = raise({ yaml: grouping('matchingMethod: AnyAlert, lookbackDuration: 5h'), rows });
    const incidents = groupIncidents(rule, runs, alerts);
    expect(incidents.map((i) => i.alerts.length)).toEqual([150, 2]);
    expect(incidents[1]!.record['Title']).toBe(incidents[0]!.record['Title']);
  });

  test('are rows of SecurityIncident', () => {
    const yaml = `${grouping('matchingMethod: AnyAlert, lookbackDuration: 5h')}tactics: [Persistence]
alertDetailsOverride: {alertSeverityColumnName: UserPrincipalName}
severity: Low
`;
    const { alerts, rule, runs } = raise({ yaml, rows: [[['Low', '1']], [['High', '1']]] });
    const [incident] = groupIncidents(rule, runs, alerts);
    expect(incident!.record).toMatchObject({
      IncidentNumber: 1,
      Title: 'Test rule',
      Severity: 'High',
      Status: 'New',
      CreatedTime: '2026-01-05T01:05:00.0000000Z',
      LastModifiedTime: '2026-01-05T02:05:00.0000000Z',
      FirstActivityTime: '2026-01-05T00:00:00.0000000Z',
      LastActivityTime: '2026-01-05T02:00:00.0000000Z',
      ClosedTime: null,
      RelatedAnalyticRuleIds: '["11111111-2222-3333-4444-555555555555"]',
      Type: 'SecurityIncident',
    });
    expect(columnFaults('SecurityIncident', incident!.record)).toEqual([]);
    expect(JSON.parse(incident!.record['AlertIds'] as string)).toEqual(alerts.map((a) => a.systemAlertId));
    expect(JSON.parse(incident!.record['AdditionalData'] as string)).toMatchObject({
      alertsCount: 2,
      tactics: ['Persistence'],
    });
  });

  test('hold every alert exactly once, and none is ever too old, too full or mismatched', () => {
    const method = fc.constantFrom('AnyAlert', 'AllEntities', 'Selected, groupByEntities: [Account]');
    const run = fc.array(fc.constantFrom('a1', 'a2', 'b1', 'c'), { maxLength: 4 }).map((r) => r.join('') || '.');
    fc.assert(
      fc.property(
        method,
        fc.array(run, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 6 }),
        (how, text, hours) => {
          const yaml = grouping(`matchingMethod: ${how}, lookbackDuration: ${hours}h`);
          const { alerts, rule, runs } = raise({ yaml, rows: timeline(text.join(' ')) });
          const incidents = groupIncidents(rule, runs, alerts);
          expect(incidents.flatMap((i) => i.alerts).toSorted((a, b) => a - b)).toEqual(alerts.map((_, i) => i));
          for (const incident of incidents) {
            const last = runs[alerts[incident.alerts.at(-1)!]!.run]!.wallClock;
            expect(last - incident.created <= BigInt(hours) * TICKS_PER_HOUR).toBe(true);
            const accounts = new Set(incident.alerts.map((i) => alerts[i]!.entities[0]!.identifiers['Name']));
            if (how !== 'AnyAlert') expect(accounts.size).toBe(1);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
});
