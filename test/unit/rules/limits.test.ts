/** Every limit at its edge: the last value that Sentinel takes, and the first that it does not; and every name of every list. */
import { describe, expect, test } from 'vitest';
import { ENTITY_IDENTIFIERS } from '../../../src/rules/checks/identifiers.ts';
import { readRule } from '../../../src/rules/rule.ts';
import { AGGREGATION_KINDS, MATCHING_METHODS, SEVERITIES, TRIGGER_OPERATORS } from '../../../src/rules/vocabulary.ts';
import { cleanRuleWith, templateFindings } from '../../support/rules.ts';

/** The errors of the clean rule with the fields in place of its own. */
function errorsOf(fields: string): string[] {
  const findings = templateFindings(cleanRuleWith(fields));
  return [...new Set(findings.filter(({ severity }) => severity === 'error').map(({ check }) => check))];
}

const x = (count: number): string => 'x'.repeat(count);
const grouping = (fields: string): string =>
  `incidentConfiguration: {createIncident: true, groupingConfiguration: {enabled: true, ${fields}}}`;
const suppression = (duration: string): string => `suppressionEnabled: true\nsuppressionDuration: ${duration}`;
const override = (field: string, text: string): string =>
  `eventGroupingSettings: {aggregationKind: AlertPerResult}\nalertDetailsOverride: {${field}: "${text}"}`;
const mapping = (identifiers: readonly string[]): string =>
  `  - entityType: Account\n    fieldMappings: [${identifiers.map((i) => `{identifier: ${i}, columnName: Actor}`).join(', ')}]\n`;
const mappings = (count: number): string => `entityMappings:\n${mapping(['Name']).repeat(count)}`;
const details = (count: number): string =>
  `customDetails:\n${Array.from({ length: count }, (_, i) => `  Detail${i}: Actor\n`).join('')}`;
/** A clean query of so many characters. */
function queryOf(length: number): string {
  const clean = 'AuditLogs | where OperationName == "Delete user" and Result == "success" | extend Actor = "" // ';
  return `query: '${clean}${x(length - clean.length)}'`;
}

describe('a limit', () => {
  test.each([
    ['name', `name: ${x(256)}`, `name: ${x(257)}`, 'text-length'],
    ['description', `description: ${x(5_000)}`, `description: ${x(5_001)}`, 'text-length'],
    ['version', `version: 1.0.0-${x(14)}`, `version: 1.0.0-${x(15)}`, 'text-length'],
    ['query', queryOf(10_000), queryOf(10_001), 'text-length'],
    ['queryFrequency, least', 'queryFrequency: 5m', 'queryFrequency: 299s', 'schedule-range'],
    [
      'queryFrequency, most',
      'queryFrequency: 14d\nqueryPeriod: 14d',
      'queryFrequency: P14DT1S\nqueryPeriod: P14DT1S',
      'schedule-range',
    ],
    [
      'queryPeriod, least',
      'queryFrequency: 5m\nqueryPeriod: 5m',
      'queryFrequency: 299s\nqueryPeriod: 299s',
      'schedule-range',
    ],
    ['queryPeriod, most', 'queryPeriod: 14d', 'queryPeriod: P14DT1S', 'schedule-range'],
    [
      'queryPeriod to queryFrequency',
      'queryFrequency: 2h\nqueryPeriod: 2h',
      'queryFrequency: 2h\nqueryPeriod: 7199s',
      'period-shorter-than-frequency',
    ],
    [
      'queryFrequency of a period of 2d',
      'queryFrequency: 1h\nqueryPeriod: 2d',
      'queryFrequency: 3599s\nqueryPeriod: 2d',
      'long-period-often',
    ],
    [
      'queryPeriod of a frequency below 1h',
      'queryFrequency: 5m\nqueryPeriod: P1DT23H59M59S',
      'queryFrequency: 5m\nqueryPeriod: 2d',
      'long-period-often',
    ],
    ['triggerThreshold', 'triggerThreshold: 10000', 'triggerThreshold: 10001', 'threshold-range'],
    ['suppressionDuration, least', suppression('5m'), suppression('299s'), 'suppression-range'],
    ['suppressionDuration, most', suppression('24h'), suppression('86401s'), 'suppression-range'],
    ['lookbackDuration, least', grouping('lookbackDuration: 5m'), grouping('lookbackDuration: 299s'), 'lookback-range'],
    [
      'lookbackDuration, most',
      grouping('lookbackDuration: 7d'),
      grouping('lookbackDuration: P7DT1S'),
      'lookback-range',
    ],
    ['entityMappings', mappings(10), mappings(11), 'entity-count'],
    ['identifiers, least', `entityMappings:\n${mapping(['Name'])}`, `entityMappings:\n${mapping([])}`, 'entity-count'],
    [
      'identifiers, most',
      `entityMappings:\n${mapping(['Name', 'UPNSuffix', 'AadUserId'])}`,
      `entityMappings:\n${mapping(['Name', 'UPNSuffix', 'AadUserId', 'Sid'])}`,
      'entity-count',
    ],
    ['customDetails', details(20), details(21), 'detail-key'],
    ['a custom detail’s name', `customDetails: {${x(20)}: Actor}`, `customDetails: {${x(21)}: Actor}`, 'detail-key'],
    ['the first letter of one', 'customDetails: {a1: Actor}', 'customDetails: {1a: Actor}', 'detail-key'],
    [
      'columns in alertDisplayNameFormat',
      override('alertDisplayNameFormat', '{{Actor}}{{Actor}}{{Actor}}'),
      override('alertDisplayNameFormat', '{{Actor}}{{Actor}}{{Actor}}{{Actor}}'),
      'override-placeholders',
    ],
    [
      'columns in alertDescriptionFormat',
      override('alertDescriptionFormat', '{{Actor}}{{Actor}}{{Actor}}'),
      override('alertDescriptionFormat', '{{Actor}}{{Actor}}{{Actor}}{{Actor}}'),
      'override-placeholders',
    ],
    [
      'alertDisplayNameFormat',
      override('alertDisplayNameFormat', x(256)),
      override('alertDisplayNameFormat', x(257)),
      'override-placeholders',
    ],
    [
      'alertDescriptionFormat',
      override('alertDescriptionFormat', x(5_000)),
      override('alertDescriptionFormat', x(5_001)),
      'override-placeholders',
    ],
  ])('on %s', (_, last, first, check) => {
    expect(errorsOf(last)).toEqual([]);
    expect(errorsOf(first)).toEqual([check]);
  });

  test('below 0 or off the whole numbers is none that can be read', () => {
    expect(errorsOf('triggerThreshold: 0')).toEqual([]);
    expect(errorsOf('triggerThreshold: -1')).toEqual(['rule']);
    expect(errorsOf('triggerThreshold: 0.5')).toEqual(['rule']);
  });
});

describe('a list of names', () => {
  const incident = (method: string): string => grouping(`matchingMethod: ${method}, groupByAlertDetails: [Severity]`);

  test.each([
    ['kind', ['Scheduled', 'NRT'], (name: string) => `kind: ${name}`],
    ['severity', SEVERITIES, (name: string) => `severity: ${name}`],
    ['triggerOperator', Object.keys(TRIGGER_OPERATORS), (name: string) => `triggerOperator: ${name}`],
    ['aggregationKind', AGGREGATION_KINDS, (name: string) => `eventGroupingSettings: {aggregationKind: ${name}}`],
    ['matchingMethod', MATCHING_METHODS, incident],
  ] as const)('%s is taken in every spelling, and nothing near it', (field, names, write) => {
    for (const name of names) {
      expect(errorsOf(write(name))).toEqual([]);
      expect(errorsOf(write(`${name}s`))).toEqual(['rule']);
    }
    const [{ message } = { message: '' }] = readRule(cleanRuleWith(write('Nonsense')), 'rule.yaml').errors;
    expect(message).toMatch(new RegExp(`^${field}: found "Nonsense", expected one of `));
  });

  test.each(Object.entries(ENTITY_IDENTIFIERS))(
    'of identifiers of %s, each is taken, and none of another type',
    (type, own) => {
      const one = (identifier: string): string =>
        `entityMappings:\n  - entityType: ${type}\n    fieldMappings: [{identifier: ${identifier}, columnName: Actor}]`;
      for (const identifier of own) expect(errorsOf(one(identifier))).toEqual([]);
      const foreign = Object.values(ENTITY_IDENTIFIERS)
        .flat()
        .filter((identifier) => !own.includes(identifier));
      expect(foreign.length).toBeGreaterThan(0);
      expect(errorsOf(one(foreign[0]!))).toEqual(['entity-type']);
      expect(errorsOf(one(own[0]!).replace(`entityType: ${type}`, `entityType: ${type}s`))).toEqual(['entity-type']);
    },
  );

  test('groupByAlertDetails takes DisplayName and Severity, groupByEntities and groupByCustomDetails what the rule maps', () => {
    const selected = (fields: string): string => grouping(`matchingMethod: Selected, ${fields}`);
    for (const good of ['groupByAlertDetails: [DisplayName, Severity]', 'groupByEntities: [Account]']) {
      expect(errorsOf(selected(good))).toEqual([]);
    }
    expect(errorsOf(`${selected('groupByCustomDetails: [Who]')}\ncustomDetails: {Who: Actor}`)).toEqual([]);
    for (const bad of [
      'groupByAlertDetails: [Description]',
      'groupByEntities: [IP]',
      'groupByCustomDetails: [Who]',
      'groupByEntities: []',
    ]) {
      expect(errorsOf(selected(bad))).toEqual(['grouping-selected']);
    }
  });
});
