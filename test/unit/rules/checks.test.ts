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

describe('the shipped rule', () => {
  const text = readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8');
  const checked = checkRule(text, 'ni.yaml');

  test('has the faults that it is known for, each at its line', () => {
    const lines = text.split('\n');
    const at = checked.findings.map((f) => {
      const { line, column } = f.problem.position!;
      return `${f.check}: ${lines[line - 1]!.slice(column - 1)
        .slice(0, 25)
        .trim()}`;
    });
    expect(at).toEqual([
      'overlap-without-guard: 2h',
      'technique-host-only: T1134',
      'ago-repeats-period: ago(2h)',
      'string-compared-with-number: ResultType == 0',
      'last-event-only: max(TimeGenerated) by Use',
      'result-not-filtered: AuditLogs',
      'ago-repeats-period: ago(2h)',
      'category-is-no-privilege: Category in (',
      'category-unknown: "DeviceManagement", "User',
      'application-actors-dropped: isnotempty(UPN)',
      'fan-out-by-address: join kind=inner NonIntera',
      'upn-letter-case: $left.UPN == $right.UserP',
      'upn-of-guests: $left.UPN == $right.UserP',
      'publish-time-against-event-time: TimeGenerated - LastNISig',
      'no-stable-key: order by AuditTime desc',
      'detail-unit: TimeSinceNISignIn',
      'single-alert-title: "Privileged Action After',
      'override-full: "User {{UserPrincipalName',
      'grouping-ignored: groupByEntities:',
    ]);
  });
});

describe('checking a file', () => {
  test('lists faults of form, query and meaning together, by position', () => {
    const text = cleanRuleWith(
      'versoin: 1\ntactics: [Persistance]\nseverity: Highest\nquery: |\n  AuditLogs\n  | where Foo == 1\n',
    );
    const checks = found(text);
    expect(checks.map((c) => c.replace(/@.*/, ''))).toEqual(['rule', 'query', 'rule-form']);
    expect(checks).toEqual(checks.toSorted((a, b) => Number(a.split('@')[1]) - Number(b.split('@')[1])));
  });

  test('checks the template even where the query does not compile', () => {
    expect(
      ids(cleanRuleWith('tactics: [Persistance]\nrelevantTechniques: []\nquery: |\n  AuditLogs\n  | where Foo == 1\n')),
    ).toEqual(['tactic-unknown', 'query']);
  });

  test('names a query that is not supported as that, not as wrong', () => {
    expect(ids(cleanRuleWith('entityMappings: []\nquery: |\n  AuditLogs\n  | evaluate no_such_plugin()\n'))[0]).toMatch(
      /^query/,
    );
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
