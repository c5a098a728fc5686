import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { TocsinError } from '../../../src/base/errors.ts';
import { TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import { loadRule, readRule } from '../../../src/rules/rule.ts';

const MINIMAL = `name: A rule
kind: Scheduled
query: |
  AuditLogs
  | take 1
queryFrequency: 1h
queryPeriod: 2h
`;

/** The file's character at a place in the query, to hold against the query's own. */
function fileCharacterAt(text: string, file: string, queryOffset: number): string {
  const { line, column } = readRule(text, file).source.positionOf(queryOffset);
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    [line - 1]!.charAt(column - 1);
}

function problemsOf(text: string, file = 'rule.yaml'): string[] {
  return readRule(text, file).errors.map((p) => `${p.position?.line}:${p.position?.column} ${p.message}`);
}

function warningsOf(text: string, file = 'rule.yaml'): string[] {
  return readRule(text, file).warnings.map((p) => `${p.position?.line}:${p.position?.column} ${p.message}`);
}

describe('the shipped rule', () => {
  const text = readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8');
  const { rule, warnings } = loadRule(text, 'ni.yaml');

  test('is read whole and without a warning', () => {
    expect(warnings).toEqual([]);
    expect(rule).toMatchObject({
      id: 'b7c3d5e6-f1a2-4b8c-9d0e-1f2a3b4c5d6e',
      name: 'Non-Interactive Auth Followed by Privileged Audit Actions',
      kind: 'Scheduled',
      version: '1.0.0',
      severity: 'High',
      queryFrequency: TICKS_PER_HOUR,
      queryPeriod: 2n * TICKS_PER_HOUR,
      triggerOperator: 'gt',
      triggerThreshold: 0,
      suppression: undefined,
      eventGrouping: 'SingleAlert',
      tactics: ['PrivilegeEscalation', 'Persistence', 'DefenseEvasion'],
      techniques: ['T1078', 'T1098', 'T1134'],
    });
    expect(rule.entityMappings).toEqual([
      { entityType: 'Account', fieldMappings: [{ identifier: 'FullName', columnName: 'UserPrincipalName' }] },
      { entityType: 'IP', fieldMappings: [{ identifier: 'Address', columnName: 'IPAddress' }] },
    ]);
    expect(rule.customDetails.map((d) => d.key)).toEqual(['OperationName', 'AuditCategory', 'MinutesSinceNISignIn']);
    expect(rule.incidentConfiguration).toEqual({
      createIncident: true,
      grouping: {
        enabled: true,
        reopenClosedIncident: false,
        lookback: 5n * TICKS_PER_HOUR,
        matchingMethod: 'AnyAlert',
        groupByEntities: ['Account'],
        groupByAlertDetails: [],
        groupByCustomDetails: [],
      },
    });
    expect(rule.requiredDataConnectors).toEqual([
      { connectorId: 'AzureActiveDirectory', dataTypes: ['AADNonInteractiveUserSignInLogs', 'AuditLogs'] },
    ]);
  });

  test('keeps every field of the file', () => {
    expect(Object.keys(rule.raw)).toHaveLength(18);
    expect(rule.raw['relevantTechniques']).toEqual(['T1078', 'T1098', 'T1134']);
  });

  test('leads every character of the query back to the same character of the file', () => {
    for (let offset = 0; offset < rule.query.length; offset++) {
      if (rule.query[offset] === '\n') continue;
      expect(fileCharacterAt(text, 'ni.yaml', offset)).toBe(rule.query[offset]);
    }
  });

  test('points at the word of the query that is meant', () => {
    const { source } = loadRule(text, 'ni.yaml');
    const start = rule.query.indexOf('RoleManagement');
    const problem = source.queryProblem('not this one', start, start + 'RoleManagement'.length);
    const line = text.split('\n').findIndex((l) => l.includes('"RoleManagement"'));
    expect(problem.position).toEqual({ file: 'ni.yaml', line: line + 1, column: 8 });
    expect(problem.excerpt).toEqual({ line: text.split('\n')[line], length: 14 });
  });
});

describe('places in the query', () => {
  const query = "AuditLogs\n| where A == \"x\\y\"\n\n    | extend B = 'it''s' // é 😀\n| take 1";
  const forms: [string, string][] = [
    ['a literal block', `name: r\nquery: |-\n${query.replace(/^/gm, '    ')}\nversion: 1.0.0\n`],
    ['a literal block with trailing lines kept', `name: r\nquery: |+\n${query.replace(/^/gm, ' ')}\n\n\nversion: 1\n`],
    ['a literal block with a stated indentation', `name: r\nquery: |2-\n${query.replace(/^/gm, '  ')}\n`],
    ['double quotes', `name: r\nquery: ${JSON.stringify(query)}\n`],
    [
      'YAML double quotes over lines',
      `name: r\n${stringify({ query }, { defaultStringType: 'QUOTE_DOUBLE', lineWidth: 30 })}`,
    ],
    ['single quotes', `name: r\nquery: '${query.replaceAll("'", "''").replaceAll('\n', '\n\n  ')}'\n`],
    ['a folded block', `name: r\n${stringify({ query }, { blockQuote: 'folded', lineWidth: 20 })}`],
    ['JSON', JSON.stringify({ name: 'r', query }, null, '\t')],
    ['JSON of an ARM template', JSON.stringify({ resources: [{ name: 'w/x/1', properties: { query } }] })],
  ];
  test.each(forms)('are found in %s', (_, text) => {
    const read = readRule(text, 'rule.yaml');
    expect(read.errors.filter((e) => !e.message.includes('no query'))).toEqual([]);
    const value = read.query!;
    expect(value.replaceAll(/\s+/g, ' ').trim()).toBe(query.replaceAll(/\s+/g, ' ').trim());
    for (let offset = 0; offset < value.length; offset++) {
      if (/[\s\\'"\ud800-\udfff]/.test(value[offset]!)) continue;
      expect(fileCharacterAt(text, 'rule.yaml', offset)).toBe(value[offset]);
    }
    const beyond = read.source.positionOf(value.length + 5);
    expect(beyond.line).toBeGreaterThanOrEqual(read.source.positionOf(0).line);
  });

  test('survive CRLF, a byte order mark and lines of blanks and tabs', () => {
    const text = `\uFEFFname: r\r\nquery: |\r\n  AuditLogs\r\n\t \r\n  | take 1\r\nversion: 1\r\n`;
    const { query, source, errors } = readRule(text, 'r.yaml');
    expect(errors).toEqual([]);
    expect(query).toBe('AuditLogs\n\n| take 1\n');
    expect(source.positionOf(query!.indexOf('take'))).toEqual({ file: 'r.yaml', line: 5, column: 5 });
  });

  test('are those of the file where tabs had to be read as blanks', () => {
    const text =
      'name: r\nkind: NRT\nquery: |\n\tAuditLogs\n\t| take 1\nincidentConfiguration:\n\tcreateIncident: fales\n';
    const { query, source, errors, warnings } = readRule(text, 'r.yaml');
    expect(query).toBe('AuditLogs\n| take 1\n');
    expect(source.positionOf(query!.indexOf('take'))).toEqual({ file: 'r.yaml', line: 5, column: 4 });
    expect(warnings[0]!.message).toContain('tab');
    expect(warnings[0]!.position).toMatchObject({ line: 4, column: 1 });
    expect(errors.map((e) => e.position!.column)).toEqual([18]);
  });

  test('of a bare query are its own, CRLF or not', () => {
    const text = 'AuditLogs\r\n| where Foo\r\n| take 1';
    const { source, rule, warnings } = loadRule(text, 'dir/my query.kql');
    expect(rule).toMatchObject({
      name: 'my query',
      query: text,
      queryFrequency: TICKS_PER_HOUR,
      queryPeriod: TICKS_PER_HOUR,
    });
    expect(source.positionOf(text.indexOf('Foo'))).toEqual({ file: 'dir/my query.kql', line: 2, column: 9 });
    expect(source.queryProblem('?', text.indexOf('Foo'), text.indexOf('Foo') + 3).excerpt).toEqual({
      line: '| where Foo',
      length: 3,
    });
    expect(warnings[0]!.message).toContain('every 1h over the last 1h');
  });

  test('round-trip through every form that the YAML writer has, for any text', () => {
    const styles = ['QUOTE_DOUBLE', 'QUOTE_SINGLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'] as const;
    const line = fc.string({
      unit: fc.constantFrom('a', 'b', '|', '=', '"', ' ', "'", '\\', ':', '#', 'é'),
      minLength: 0,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), fc.constantFrom(...styles), (lines, style) => {
        const query = lines.join('\n');
        fc.pre(query.trim() !== '');
        const text = stringify(
          { name: 'r', query },
          { defaultStringType: style, defaultKeyType: 'PLAIN', lineWidth: 20 },
        );
        const read = readRule(text, 'r.yaml');
        fc.pre(read.query === query); // Blank lines are smoothed, which changes a few queries made of blanks.
        for (let offset = 0; offset < query.length; offset++) {
          if (/[\s\\'"]/.test(query[offset]!)) continue;
          expect(fileCharacterAt(text, 'r.yaml', offset)).toBe(query[offset]);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what real files do', () => {
  test('the letter case of enumerations does not matter', () => {
    const { rule } = loadRule(
      `${MINIMAL}severity: high\ntriggerOperator: GreaterThan\ntriggerThreshold: "5"\n`,
      'r.yaml',
    );
    expect(rule).toMatchObject({ severity: 'High', triggerOperator: 'gt', triggerThreshold: 5 });
  });

  test.each([
    ['gt', 'gt'],
    ['LessThan', 'lt'],
    ['equal', 'eq'],
    ['NotEqual', 'ne'],
  ])('triggerOperator %s is %s', (written, operator) => {
    expect(loadRule(`${MINIMAL}triggerOperator: ${written}\n`, 'r.yaml').rule.triggerOperator).toBe(operator);
  });

  test('a version keeps its digits and a name may be a number', () => {
    const { rule } = loadRule(MINIMAL.replace('A rule', '4711') + 'version: 1.10\n', 'r.yaml');
    expect(rule).toMatchObject({ name: '4711', version: '1.10' });
  });

  test('a key given twice is a warning, and the last one counts', () => {
    const text = `${MINIMAL}severity: Low\nseverity: High\n`;
    expect(loadRule(text, 'r.yaml').rule.severity).toBe('High');
    expect(warningsOf(text)).toEqual(['9:1 "severity" is given twice; the last one counts']);
  });

  test('an unknown field is kept and named with its nearest known name', () => {
    const text = `${MINIMAL}trigerThreshold: 3\nincidentConfiguration:\n  groupingConfiguration:\n    lookbackDuraton: PT1H\n`;
    const { rule, warnings } = loadRule(text, 'r.yaml');
    expect(rule.raw['trigerThreshold']).toBe(3);
    expect(warnings.map((w) => [w.position!.line, w.hint])).toEqual([
      [8, 'did you mean "triggerThreshold"?'],
      [11, 'did you mean "lookbackDuration"?'],
    ]);
  });

  test('empty fields are as good as absent', () => {
    const { rule, warnings } = loadRule(`${MINIMAL}customDetails:\nentityMappings: ~\ntactics: []\n`, 'r.yaml');
    expect(rule).toMatchObject({ customDetails: [], entityMappings: [], tactics: [] });
    expect(warnings).toEqual([]);
  });

  test('anchors and aliases are followed', () => {
    const { rule } = loadRule(`${MINIMAL}tactics: &t [Persistence]\nrelevantTechniques: *t\n`, 'r.yaml');
    expect(rule.techniques).toEqual(['Persistence']);
  });

  test('a hunting query, which has no kind and no schedule, gets one with a warning', () => {
    const text = 'id: 1\nname: hunt\nquery: AuditLogs\n';
    expect(loadRule(text, 'r.yaml').rule.queryPeriod).toBe(TICKS_PER_HOUR);
    expect(warningsOf(text)).toEqual([
      '1:1 the rule has no queryFrequency; 1h is taken',
      '1:1 the rule has no queryPeriod; 1h is taken',
    ]);
  });

  test('an NRT rule runs every minute and needs no schedule', () => {
    const { rule, warnings } = loadRule('name: n\nkind: NRT\nquery: AuditLogs\n', 'r.yaml');
    expect(warnings).toEqual([]);
    expect(rule).toMatchObject({ kind: 'NRT', queryFrequency: TICKS_PER_MINUTE, queryPeriod: TICKS_PER_MINUTE });
  });

  test('suppression counts only where it is enabled', () => {
    expect(loadRule(`${MINIMAL}suppressionDuration: 5h\n`, 'r.yaml').rule.suppression).toBeUndefined();
    const enabled = loadRule(`${MINIMAL}suppressionEnabled: "true"\nsuppressionDuration: PT3H\n`, 'r.yaml');
    expect(enabled.rule.suppression).toBe(3n * TICKS_PER_HOUR);
  });
});

describe('exported JSON', () => {
  const properties = {
    displayName: 'Exported',
    severity: 'Medium',
    enabled: true,
    query: 'AuditLogs\n| take 1',
    queryFrequency: 'PT5H',
    queryPeriod: 'P1D',
    triggerOperator: 'GreaterThan',
    triggerThreshold: 2,
    suppressionDuration: 'PT5H',
    suppressionEnabled: false,
    tactics: ['InitialAccess'],
    techniques: ['T1078'],
    subTechniques: ['T1078.004'],
    eventGroupingSettings: { aggregationKind: 'AlertPerResult' },
    alertDetailsOverride: {
      alertDisplayNameFormat: 'x {{A}}',
      alertDynamicProperties: [{ alertProperty: 'AlertLink', value: 'Link' }],
    },
  };
  const id = '0b9ae89d-8cad-461c-808f-0494f70ad5c4';
  const resource = {
    id: `[concat(resourceId('Microsoft.OperationalInsights/workspaces/providers', 'w', 'x'),'/alertRules/${id}')]`,
    type: 'Microsoft.OperationalInsights/workspaces/providers/alertRules',
    kind: 'Scheduled',
    properties,
  };

  test.each([
    ['the REST API', resource],
    ['a list of one', { value: [resource] }],
    ['an ARM template', { $schema: 'x', parameters: {}, resources: [{ type: 'other', properties: {} }, resource] }],
    ['an array', [resource]],
  ])('from %s is read like a template', (_, json) => {
    const { rule, warnings } = loadRule(JSON.stringify(json, null, '\t'), 'rule.json');
    expect(warnings).toEqual([]);
    expect(rule).toMatchObject({
      id,
      name: 'Exported',
      kind: 'Scheduled',
      queryFrequency: 5n * TICKS_PER_HOUR,
      queryPeriod: TICKS_PER_DAY,
      triggerOperator: 'gt',
      triggerThreshold: 2,
      suppression: undefined,
      eventGrouping: 'AlertPerResult',
      techniques: ['T1078', 'T1078.004'],
    });
    expect(rule.alertDetailsOverride.dynamicProperties).toEqual([{ property: 'AlertLink', columnName: 'Link' }]);
  });

  test('with several rules in it asks for one', () => {
    const json = JSON.stringify({ resources: [resource, resource] });
    expect(problemsOf(json, 'r.json')).toEqual(['1:14 2 rules in one file: "Exported", "Exported"']);
  });

  test('without a rule says what it has', () => {
    expect(problemsOf('{"resources": [{"properties": {}}]}', 'r.json')).toEqual([
      '1:15 none of 1 resources is a rule with a query',
    ]);
  });
});

describe('a rule that cannot run', () => {
  test('has all its faults reported, sorted by position', () => {
    const text = `kind: Scheduleded
name: [a, b]
severity: Critical
queryFrequency: 1 fortnight
queryPeriod: 60
triggerOperator: more
triggerThreshold: -1
entityMappings:
  - entityType: Account
    fieldMappings:
      - identifier: FullName
  - Account
customDetails: [A]
eventGroupingSettings:
  aggregationKind: PerRow
incidentConfiguration:
  createIncident: maybe
  groupingConfiguration:
    matchingMethod: Any
    lookbackDuration: P1M
query: "  "
`;
    expect(problemsOf(text)).toEqual([
      '1:7 kind: found "Scheduleded", expected one of Scheduled, NRT',
      '2:7 name: found a list, expected a text',
      '3:11 severity: found "Critical", expected one of Informational, Low, Medium, High',
      '4:17 queryFrequency: found "1 fortnight", expected a duration such as 1h, 30m, 1d or PT1H',
      '5:14 queryPeriod: found "60", expected a duration such as 1h, 30m, 1d or PT1H',
      '6:18 triggerOperator: found "more", expected one of gt, lt, eq, ne, GreaterThan, LessThan, Equal, NotEqual',
      '7:19 triggerThreshold: found "-1", expected a whole number, 0 or more',
      '11:9 columnName is missing',
      '12:5 entityMappings: found "Account", expected a list of entries with fields',
      '13:16 customDetails must be pairs of a name and a column, found a list',
      '15:20 aggregationKind: found "PerRow", expected one of SingleAlert, AlertPerResult',
      '17:19 createIncident: found "maybe", expected true or false',
      '19:21 matchingMethod: found "Any", expected one of AllEntities, AnyAlert, Selected',
      '20:23 lookbackDuration: found "P1M", expected a duration such as 1h, 30m, 1d or PT1H',
      '21:8 the query is empty',
    ]);
    const error = (() => {
      try {
        return loadRule(text, 'rule.yaml');
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(TocsinError);
    expect(error).toMatchObject({ code: 'RULE', exitCode: 3 });
  });

  test.each([
    ['', 'the file is empty'],
    ['# only a comment\n', 'the file is empty'],
    ['just words', 'the file is not a rule'],
    ['- 1\n- 2\n', 'a list of 2'],
    ['name: x\nkind: Fusion\nquery: T\n', 'a rule of kind Fusion has no query to run'],
    ['name: x\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\n', 'the rule has no query'],
    ['name: x\nkind: Scheduled\nquery: T\nqueryPeriod: 1h\n', 'the rule has no queryFrequency'],
    ['name: x\nquery: T\nqueryPeriod: 0h\n', 'queryPeriod: found "0h"'],
    ['a\0b', 'the file is not text'],
    ['&a [*a', 'flow sequence'],
  ])('%j says: %s', (text, message) => {
    expect(
      readRule(text, 'r.yaml')
        .errors.map((e) => e.message)
        .join('\n'),
    ).toContain(message);
    expect(() => loadRule(text, 'r.yaml')).toThrow(TocsinError);
  });

  test.each(['', ' \n', 'a\0b'])('a bare query %j is refused', (text) => {
    expect(() => loadRule(text, 'r.kql')).toThrow(/r\.kql: the file/);
  });

  test('with broken YAML shows the place and the remedy, and what else is wrong', () => {
    const text = 'name: Sign-in: unusual\nkind: Scheduled\nquery: T\nseverity: "High\n';
    const { errors } = readRule(text, 'r.yaml');
    expect(errors[0]).toMatchObject({ position: { line: 1, column: 7 } });
    expect(errors[0]!.hint).toContain('quoted');
    expect(errors.some((e) => e.position?.line === 4 || e.position?.line === 5)).toBe(true);
    expect(errors.map((e) => e.message).join()).not.toContain('no query');
  });

  test.each([
    ['a colon in it', 'name: Sign-in: unusual', 'Sign-in: unusual'],
    ['a brace before it', 'name: {{Who}} signed in', '{{Who}} signed in'],
    ['a quote inside quotes', "name: 'It's odd'", "It's odd"],
    ['an at sign before it', 'name: @home "now"', '@home "now"'],
  ])('a text that lacks quotes, with %s, is read with a warning', (_, line, name) => {
    const { rule, errors, warnings } = readRule(MINIMAL.replace('name: A rule', line), 'r.yaml');
    expect(errors).toEqual([]);
    expect(rule!.name).toBe(name);
    expect(rule!.query).toBe('AuditLogs\n| take 1\n');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ position: { line: 1 } });
    expect(warnings[0]!.message).toContain('quotes');
  });

  test('a format that is nothing but a column in braces is read as a text', () => {
    const text = `${MINIMAL}alertDetailsOverride:\n  alertDisplayNameFormat: {{Who}}\n`;
    const { rule, errors, warnings } = readRule(text, 'r.yaml');
    expect(errors).toEqual([]);
    expect(rule!.alertDetailsOverride.displayNameFormat).toBe('{{Who}}');
    expect(warnings[0]!.position).toMatchObject({ line: 9, column: 27 });
  });

  test('a line of a query is never put into quotes', () => {
    const text = MINIMAL.replace('  | take 1', ' | where a: b');
    expect(readRule(text, 'r.yaml').errors.length).toBeGreaterThan(0);
  });

  test('never crashes, whatever the text', () => {
    const seed = readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8');
    const edit = fc.record({ at: fc.nat(seed.length), drop: fc.nat(30), put: fc.string({ maxLength: 6 }) });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        let text = seed;
        for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop);
        const { errors, rule, source, query } = readRule(text, 'r.yaml');
        expect(rule !== undefined || errors.length > 0).toBe(true);
        for (let offset = 0; offset < (query?.length ?? 0); offset += 97) source.positionOf(offset);
      }),
      { numRuns: 200 },
    );
  });
});
