import { readFileSync } from 'node:fs';
import sarifSchema from '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json' with { type: 'json' };
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { checksAsMarkdown, toAnnotations, toSarif } from '../../../src/rules/checks/formats.ts';
import { anyAtLeast, checkRule, CHECKS, FILE_CHECKS } from '../../../src/rules/checks/index.ts';
import { cleanRuleWith } from '../../support/rules.ts';

/** The schema is of draft 4, of which it uses nothing that draft 7 has changed but the name of `id`. */
const { $schema: _draft, id: _id, ...draft7 } = sarifSchema;
const isSarif = addFormats.default(new Ajv({ allErrors: true, strict: false, unicodeRegExp: false })).compile(draft7);

function found(text: string, file = 'rule.yaml'): string[] {
  return checkRule(text, file).findings.map((f) => `${f.check}@${f.problem.position!.line}`);
}

function ids(text: string): string[] {
  return [...new Set(checkRule(text, 'rule.yaml').findings.map((f) => f.check))];
}

describe('each check', () => {
  test('has an id of its own, a reason, a remedy and two examples', () => {
    const all = [...FILE_CHECKS, ...CHECKS].map((check) => check.id);
    expect(new Set(all).size).toBe(all.length);
    for (const check of CHECKS) {
      expect(check.id).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect([check.title, check.why, check.fix, check.bad, check.good].every((text) => text.length > 5)).toBe(true);
    }
  });

  test.each(CHECKS.map((check) => [check.id, check] as const))(
    '%s finds its bad example and nothing else in it',
    (id, check) => {
      expect(ids(cleanRuleWith(check.bad))).toEqual([id]);
    },
  );

  test.each(CHECKS.map((check) => [check.id, check] as const))(
    '%s is silent on its good example, as are all',
    (_, check) => {
      expect(checkRule(cleanRuleWith(check.good), 'rule.yaml').findings.map((f) => f.message)).toEqual([]);
    },
  );
});

/** `query:` of these lines over AuditLogs; the clean rule with it has no fault. */
const over = (...lines: readonly string[]): string =>
  `query: |\n${['AuditLogs', ...lines].map((line) => `  ${line}\n`).join('')}`;
const ACT = '| where Result == "success" and OperationName == "Delete user"';
const BY_ID = '| extend Actor = tostring(InitiatedBy.user.id)';
const BY_UPN = '| extend Actor = tostring(InitiatedBy.user.userPrincipalName)';
const NI = 'AADNonInteractiveUserSignInLogs';

/** Beside the examples of the checks, which are faults of every other kind. */
describe('one fault is reported as exactly that, however it comes about', () => {
  test.each([
    ['a severity that is none', 'rule', 'severity: Highest'],
    ['a field that is misspelt', 'rule-form', 'versoin: 1.0.1'],
    ['a column that is misspelt', 'query', over('| where OperationNme == "Delete user"', BY_ID)],
    ['an operator that cannot run', 'query-unsupported', over(ACT, BY_ID, '| evaluate python(typeof(*), "x")')],
    ['a comment that names no check', 'suppression-unknown', 'version: 1.0.0 # tocsin-disable: no-such-check'],
    ['no id at all', 'rule-id', 'id: null'],
    ['an id in braces', 'rule-id', "id: '{0b9ae89d-8cad-461c-808f-0494f70ad5c4}'"],
    ['no operator', 'field-missing', 'triggerOperator: null'],
    ['a tactic with a blank', 'tactic-unknown', 'tactics: [Persistence, Defense Evasion]'],
    [
      'a table that no connector brings',
      'connector-missing',
      `${over(ACT, BY_ID)}requiredDataConnectors: [{connectorId: Office365, dataTypes: [OfficeActivity]}]`,
    ],
    [
      'arg_max() before the difference',
      'last-event-only',
      over(
        ACT,
        BY_ID,
        `| join kind=inner (${NI} | summarize arg_max(CreatedDateTime, IPAddress) by UserId) on $left.Actor == $right.UserId`,
        '| where ActivityDateTime - CreatedDateTime < 1h',
      ),
    ],
    [
      'max() on the other side of a comparison',
      'last-event-only',
      over(
        ACT,
        BY_ID,
        `| join kind=inner (${NI} | summarize Last = max(CreatedDateTime) by UserId) on $left.Actor == $right.UserId`,
        '| where Last <= ActivityDateTime',
      ),
    ],
    [
      'datetime_diff() of them',
      'last-event-only',
      over(
        ACT,
        BY_ID,
        `| join kind=inner (${NI} | summarize Last = max(CreatedDateTime) by UserId) on $left.Actor == $right.UserId`,
        '| where datetime_diff("minute", ActivityDateTime, Last) < 60',
      ),
    ],
    [
      'names compared in a condition',
      'upn-letter-case',
      over(
        ACT,
        BY_UPN,
        '| extend One = 1',
        `| join kind=inner (${NI} | project UserPrincipalName, One = 1) on One`,
        '| where Actor == UserPrincipalName // tocsin-disable: upn-of-guests',
      ),
    ],
    ['an actor that must not be the empty text', 'application-actors-dropped', over(ACT, BY_ID, '| where Actor != ""')],
    [
      'an actor that must not be null',
      'application-actors-dropped',
      over(ACT, BY_ID, '| where isnotnull(InitiatedBy.user)'),
    ],
    [
      'a category that is misspelt',
      'category-unknown',
      over(ACT, '| where Category in ("UserManagement", "RoleManagment")', BY_ID),
    ],
    [
      'a publish time in a condition',
      'publish-time-against-event-time',
      over(
        ACT,
        BY_ID,
        `| join kind=inner (${NI} | project UserId, Seen = TimeGenerated) on $left.Actor == $right.UserId`,
        '| where Seen < ActivityDateTime',
      ),
    ],
    ['between with ago()', 'ago-beyond-period', over('| where TimeGenerated between (ago(3d) .. now())', ACT, BY_ID)],
    ['a dynamic in a list', 'dynamic-compared', over(ACT, '| where InitiatedBy.user.id in ("a", "b")', BY_ID)],
    ['what must not be contained', 'contains-whole-word', over(ACT, '| where ResultReason !contains "timeout"', BY_ID)],
    [
      'a list as an entity',
      'entity-column-type',
      over(ACT, '| summarize Actor = make_list(tostring(InitiatedBy.user.id)) by OperationName'),
    ],
    ['a time as an entity', 'entity-column-type', over(ACT, '| extend Actor = TimeGenerated')],
    [
      'an override of a severity that is not returned',
      'override-column',
      'alertDetailsOverride: {alertSeverityColumnName: HowBad}',
    ],
    [
      'a dynamic property that is not returned',
      'override-column',
      'alertDetailsOverride: {alertDynamicProperties: [{alertProperty: AlertLink, value: Link}]}',
    ],
  ])('%s: %s', (_, id, fields) => {
    expect(ids(cleanRuleWith(fields))).toEqual([id]);
  });
});

describe('the shipped rule', () => {
  const text = readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8');
  const checked = checkRule(text, 'ni.yaml');

  const places = checked.findings.map(({ check, severity, problem }) => {
    const { line, column } = problem.position!;
    return {
      place: `${line}:${column}`,
      found: `${severity} ${check}`,
      text: text.split('\n')[line - 1]!.slice(column - 1),
    };
  });

  /** The faults that the rule is known for, by the number that each has in the list of them. */
  test.each([
    ['S1', '34:34', 'warning last-event-only', 'max(TimeGenerated)'],
    ['S4', '43:5', 'warning fan-out-by-address', 'join kind=inner NonInteractiveUsers'],
    ['S5', '43:44', 'warning upn-letter-case', '$left.UPN == $right.UserPrincipalName'],
    ['S6', '43:44', 'info upn-of-guests', '$left.UPN == $right.UserPrincipalName'],
    ['S7', '42:11', 'warning application-actors-dropped', 'isnotempty(UPN)'],
    ['S8', '39:17', 'warning category-unknown', '"DeviceManagement"'],
    ['S9', '37:11', 'warning category-is-no-privilege', 'Category in ('],
    ['S10', '35:3', 'warning result-not-filtered', 'AuditLogs'],
    ['S11', '33:15', 'info string-compared-with-number', 'ResultType == 0'],
    ['S13', '44:12', 'warning publish-time-against-event-time', 'TimeGenerated - LastNISignIn'],
    ['S15', '18:14', 'warning overlap-without-guard', '2h'],
    ['S15', '55:5', 'info no-stable-key', 'order by AuditTime desc'],
    ['S16', '32:31', 'info ago-repeats-period', 'ago(2h)'],
    ['S16', '36:27', 'info ago-repeats-period', 'ago(2h)'],
    ['S17', '70:27', 'warning single-alert-title', '"Privileged Action After Silent Auth'],
    ['S18', '79:5', 'warning grouping-ignored', 'groupByEntities:'],
    ['S19', '68:25', 'warning detail-unit', 'TimeSinceNISignIn'],
    ['S20', '71:27', 'info override-full', '"User {{UserPrincipalName}} performed'],
    ['S21', '28:5', 'warning technique-host-only', 'T1134'],
  ])('has %s at %s: %s', (_, place, found, says) => {
    const here = places.filter((one) => one.place === place && one.found === found);
    expect(here).toHaveLength(1);
    expect(here[0]!.text.startsWith(says)).toBe(true);
  });

  test('has nothing else', () => {
    expect(places).toHaveLength(19);
    expect(checked.suppressed).toBe(0);
  });

  test('leads each finding to its page', () => {
    const headings = readFileSync('docs/checks.md', 'utf8').match(/^## .*$/gm);
    for (const { check, docs } of checked.findings) {
      expect(docs).toBe(`docs/checks.md#${check}`);
      expect(headings).toContain(`## ${check}`);
    }
  });
});

describe('checking a file', () => {
  test('lists faults of form, query and meaning together, by position', () => {
    const text = cleanRuleWith(
      'versoin: 1\ntactics: [Persistance]\nseverity: Highest\nquery: |\n  AuditLogs\n  | where Foo == 1\n',
    );
    const checks = found(text);
    expect(checks.map((c) => c.replace(/@.*/, ''))).toEqual(['rule', 'tactic-unknown', 'query', 'rule-form']);
    expect(checks).toEqual(checks.toSorted((a, b) => Number(a.split('@')[1]) - Number(b.split('@')[1])));
  });

  test('lists every fault of a half-empty rule at once, at its place, and none that follows from another', () => {
    const text = `id: not-a-guid
kind: Sheduled
severity: Critical
queryFrequency: 3h
queryPeriod: 20
triggerOperator: gte
triggerTreshold: 0
tactics: [Persistance, Impact]
relevantTechniques: [T1098, T12345]
query:
entityMappings:
  - entityType: Acount
    fieldMappings:
      - columnName: Actor
  - fieldMappings:
customDetails:
  A name: Actor
alertDetailsOverride:
  alertDisplayNameFormat: "{{A}} {{B}} {{C}} {{D}}"
incidentConfiguration:
  createIncident: maybe
  groupingConfiguration:
    enabled: true
    matchingMethod: AnyAlerts
    lookbackDuration: PT8D
    groupByEntities: [Account]
`;
    const { findings } = checkRule(text, 'rule.yaml');
    expect(
      findings.map(
        ({ check, message, problem }) => `${problem.position!.line}:${problem.position!.column} ${check}: ${message}`,
      ),
    ).toMatchInlineSnapshot(`
      [
        "1:1 rule: the rule has no query",
        "1:1 rule-form: the rule has no name",
        "1:1 field-missing: the rule has no triggerThreshold; Tocsin takes 0",
        "1:5 rule-id: id: found "not-a-guid", expected a GUID",
        "2:7 rule: kind: found "Sheduled", expected one of Scheduled, NRT",
        "3:11 rule: severity: found "Critical", expected one of Informational, Low, Medium, High",
        "5:14 rule: queryPeriod: found "20", expected a duration such as 1h, 30m, 1d or PT1H",
        "6:18 rule: triggerOperator: found "gte", expected one of gt, lt, eq, ne, GreaterThan, LessThan, Equal, NotEqual",
        "7:1 rule-form: unknown field "triggerTreshold"",
        "8:11 tactic-unknown: unknown tactic "Persistance"; did you mean Persistence?",
        "9:29 technique-form: technique: found "T12345", expected T1234 or T1234.001",
        "12:17 entity-type: unknown entity type "Acount"; did you mean Account?",
        "14:9 rule: identifier is missing",
        "15:5 rule: entityType is missing",
        "15:5 entity-count: entity: found 0 identifiers, expected 1 to 3",
        "17:3 detail-key: "A name" must begin with a letter and hold only letters, digits and underscores",
        "19:27 override-placeholders: alertDisplayNameFormat: found 4 columns, expected 3 at most",
        "19:27 single-alert-title: a run raises one alert for all its rows, but alertDisplayNameFormat names columns of one row",
        "21:19 rule: createIncident: found "maybe", expected true or false",
        "24:21 rule: matchingMethod: found "AnyAlerts", expected one of AllEntities, AnyAlert, Selected",
        "25:23 rule: lookbackDuration: found "PT8D", expected a duration such as 1h, 30m, 1d or PT1H",
      ]
    `);
    expect(findings.find(({ message }) => message.startsWith('lookbackDuration'))!.fix).toBe(
      'days stand before the T: P8D',
    );
  });

  test('checks the template even where the query does not compile', () => {
    expect(
      ids(cleanRuleWith('tactics: [Persistance]\nrelevantTechniques: []\nquery: |\n  AuditLogs\n  | where Foo == 1\n')),
    ).toEqual(['tactic-unknown', 'query']);
  });

  test('takes comments that switch checks off, in the template and in the query', () => {
    const bad =
      'queryPeriod: 2h\nquery: |\n  AuditLogs // tocsin-disable: result-not-filtered\n  | where OperationName == "Delete user"\n  | extend Actor = tostring(InitiatedBy.user.id)\n';
    expect(ids(cleanRuleWith(bad))).toEqual(['overlap-without-guard']);
    const checked = checkRule(
      `# tocsin-disable: overlap-without-guard, no-stable-key\n${cleanRuleWith(bad)}`,
      'rule.yaml',
    );
    expect(checked).toMatchObject({ findings: [], suppressed: 2 });
  });

  test('says where a comment names no check', () => {
    const [finding] = checkRule(`${cleanRuleWith()}# tocsin-disable: upn-of-guest\n`, 'rule.yaml').findings;
    expect(finding).toMatchObject({ check: 'suppression-unknown', fix: 'did you mean upn-of-guests?' });
    expect(finding!.problem.position!.column).toBe(19);
  });

  test('cannot be switched off where the rule cannot be read', () => {
    expect(ids(`# tocsin-disable: rule\n${cleanRuleWith('severity: Highest')}`)).toContain('rule');
  });

  test('tells how bad it is', () => {
    const { findings } = checkRule(cleanRuleWith('queryPeriod: 2h'), 'rule.yaml');
    expect(anyAtLeast(findings, 'warning')).toBe(true);
    expect(anyAtLeast(findings, 'error')).toBe(false);
    expect(anyAtLeast([], 'info')).toBe(false);
  });
});

describe('a check is silent', () => {
  const silent = (fields: string): void => {
    const found = checkRule(cleanRuleWith(fields), 'rule.yaml').findings;
    expect(found.map(({ check, message }) => `${check}: ${message}`)).toEqual([]);
  };

  test('on a range of times that begins where the window does', () => {
    silent(over('| where TimeGenerated between (ago(1h) .. ago(10m))', ACT, BY_ID));
  });

  test('on connectors whose tables it does not know, near in name to one that it knows or not', () => {
    for (const id of [
      'OfficeATP',
      'AzureFirewall',
      'MicrosoftThreatProtection',
      'AzureActiveDirectoryIdentityProtection',
    ]) {
      silent(`requiredDataConnectors:
  - connectorId: AzureActiveDirectory
    dataTypes: [AuditLogs]
  - connectorId: ${id}
    dataTypes: [SecurityAlert (IPC)]
`);
    }
  });

  test('on an entity from an element of a list, or from a dynamic value that is none', () => {
    silent(`query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | summarize Actors = make_set(tostring(InitiatedBy.user.id)) by OperationName
  | mv-expand Actor = Actors
`);
    silent(`query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | extend Actor = InitiatedBy.user.id
`);
  });

  test('on fields that a hunting query, a bare query or an NRT rule need not have', () => {
    expect(ids('name: hunt\nquery: |\n  AuditLogs\n  | where Result == "success"\n')).not.toContain('field-missing');
    expect(checkRule('AuditLogs\n', 'bare.kql').findings.map(({ check }) => check)).not.toContain('field-missing');
    const nrt = 'name: soon\nkind: NRT\nseverity: Low\nquery: |\n  AuditLogs\n  | where Result == "success"\n';
    expect(ids(nrt)).not.toContain('field-missing');
    expect(ids(nrt.replace('severity: Low\n', ''))).toContain('field-missing');
  });
});

describe('a misspelt connector', () => {
  test('is found with the name that was meant', () => {
    const [finding] = checkRule(
      cleanRuleWith('requiredDataConnectors:\n  - connectorId: AzureActiveDirectry\n    dataTypes: [AuditLogs]'),
      'rule.yaml',
    ).findings;
    expect(finding).toMatchObject({
      check: 'connector-data-type',
      message: 'unknown connector "AzureActiveDirectry"; did you mean AzureActiveDirectory?',
    });
  });
});

describe('other tools', () => {
  const checked = checkRule(
    cleanRuleWith('queryPeriod: 2h\ntactics: ["100%"]\nrelevantTechniques: []'),
    'rules/my rule.yaml',
  );

  test('get SARIF with one rule a check and one result a finding', () => {
    const sarif = toSarif([checked], '1.2.3') as {
      version: string;
      runs: { tool: { driver: { rules: { id: string }[] } }; results: Record<string, unknown>[] }[];
    };
    const [run] = sarif.runs;
    expect(sarif.version).toBe('2.1.0');
    expect(run!.tool.driver.rules.map((rule) => rule.id)).toContain('overlap-without-guard');
    expect(run!.results).toHaveLength(2);
    const [result] = run!.results as [{ ruleIndex: number; ruleId: string }];
    expect(run!.tool.driver.rules[result.ruleIndex]!.id).toBe(result.ruleId);
    expect(run!.results[0]).toMatchObject({
      ruleId: 'overlap-without-guard',
      level: 'warning',
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: 'rules/my%20rule.yaml' },
            region: { startLine: 11, startColumn: 14, endColumn: 16 },
          },
        },
      ],
    });
  });

  describe('get SARIF that its schema accepts', () => {
    const measured = {
      ...checked,
      findings: checked.findings.map((finding) => ({
        ...finding,
        proof: { message: 'loses 1 of 2 attack events', events: ['e1'] },
      })),
    };
    const shipped = checkRule(readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8'), 'rules\\ni.yaml');
    const unreadable = checkRule('- a\n- b\n', 'C:\\rules\\a b#1.yaml');

    test.each([
      ['several files', [checked, shipped]],
      ['what a replay proved', [measured]],
      ['a rule that cannot be read', [unreadable]],
      ['nothing at all', []],
    ])('for %s', (_, files) => {
      const log: unknown = JSON.parse(JSON.stringify(toSarif(files, '1.2.3')));
      isSarif(log);
      expect(isSarif.errors ?? []).toEqual([]);
    });

    test('which refuses one with a result without a message, a wrong level or a position before the first line', () => {
      const text = JSON.stringify(toSarif([checked], '1.2.3'));
      for (const [from, to] of [
        ['"message":{"text":', '"message":{"txt":'],
        ['"level":"warning"', '"level":"warn"'],
        ['"startLine":11', '"startLine":0'],
        ['"version":"2.1.0"', '"version":"2.0.0"'],
      ] as const) {
        expect(text).toContain(from);
        expect(isSarif(JSON.parse(text.replaceAll(from, to)))).toBe(false);
      }
    });

    test('with what a replay proved beside the message, and in it', () => {
      const sarif = toSarif([measured], '1.2.3') as { runs: { results: Record<string, unknown>[] }[] };
      expect(sarif.runs[0]!.results[0]).toMatchObject({
        message: { text: expect.stringContaining('. Measured: loses 1 of 2 attack events. ') as string },
        properties: { proof: { message: 'loses 1 of 2 attack events', events: ['e1'] } },
      });
    });
  });

  test('get GitHub annotations, escaped', () => {
    const annotations = toAnnotations(checked);
    expect(annotations[0]).toMatch(
      /^::warning file=rules\/my rule\.yaml,line=11,col=14,title=overlap-without-guard::runs every 1h look back 2h/,
    );
    expect(annotations[1]).toMatch(/^::error .*title=tactic-unknown::unknown tactic "100%25"/);
  });
});

test('docs/checks.md is what the checks say of themselves', async () => {
  await expect(checksAsMarkdown()).toMatchFileSnapshot('../../../docs/checks.md');
});
