import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { explainPlan } from '../../../src/kql/explain.ts';
import { scannedTables } from '../../../src/plan/plan.ts';
import { compileRule } from '../../../src/rules/compile.ts';

function failure(act: () => unknown): TocsinError {
  try {
    act();
  } catch (error) {
    if (error instanceof TocsinError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const BROKEN = `name: broken
severity: Extreme
kind: Scheduled
query: |
  AuditLogs
  | where Categry == "x"
  | where Nope == 1
queryFrequency: 1h
queryPeriod: soon
`;

describe('compiling a rule', () => {
  test('gives the rule and the plan of its query', () => {
    const { rule, plan, warnings } = compileRule('rules/ni-auth-privileged-audit-actions.yaml');
    expect(rule.severity).toBe('High');
    expect(scannedTables(plan.root).toSorted()).toEqual(['AADNonInteractiveUserSignInLogs', 'AuditLogs']);
    expect(warnings).toEqual([]);
  });

  test('reports faults of the rule and of its query together, in the order of the file', () => {
    const error = failure(() => compileRule(BROKEN, { file: 'broken.yaml' }));
    expect(error.code).toBe('RULE');
    expect(error.problems.map((p) => `${p.position!.file}:${p.position!.line}:${p.position!.column}`)).toEqual([
      'broken.yaml:2:11',
      'broken.yaml:6:11',
      'broken.yaml:7:11',
      'broken.yaml:9:14',
    ]);
    expect(error.problems[1]).toMatchObject({
      hint: 'did you mean Category?',
      excerpt: { line: '  | where Categry == "x"', length: 7 },
    });
  });

  test('calls a fault of the query alone by its own name', () => {
    const query = 'name: q\nkind: NRT\nquery: AuditLogs | where Categry == 1\n';
    expect(failure(() => compileRule(query)).code).toBe('QUERY');
  });

  test('shows no excerpt of a file that is one long line', () => {
    const json = `${JSON.stringify({ properties: { displayName: 'x', query: `AuditLogs // ${'x'.repeat(500)}\n| where Nope` } })}\n`;
    const [problem] = failure(() => compileRule(json, { file: 'r.json' })).problems;
    expect(problem!.excerpt).toBeUndefined();
    expect(json.slice(problem!.position!.column - 1)).toMatch(/^Nope/);
  });

  test('takes a bare query, and tables of its own', () => {
    const tables = { MyTable_CL: [{ name: 'A', type: 'string' as const }] };
    const { plan, rule } = compileRule('MyTable_CL\n| where A == "x"', { file: 'mine.kql', tables });
    expect(rule.name).toBe('mine');
    expect(scannedTables(plan.root)).toEqual(['MyTable_CL']);
  });

  test('warns where the query looks back further than a run can see', () => {
    const { warnings } = compileRule('AuditLogs\n| where TimeGenerated > ago(7d)', { file: 'q.kql' });
    expect(warnings.map((w) => w.message).join('\n')).toMatch(
      /every 1h over the last 1h[^]*ago\(7d\) asks for more than queryPeriod 1h/,
    );
    expect(warnings[1]!.position).toEqual({ file: 'q.kql', line: 2, column: 25 });
  });

  test('says where a file is missing or cannot be read', () => {
    expect(failure(() => compileRule('no/such.yaml'))).toMatchObject({ code: 'INPUT', exitCode: 4 });
    expect(failure(() => compileRule('rules')).message).toContain('rules: cannot be read');
  });
});

describe('the placeholders of hunting queries', () => {
  const hunt = `name: hunt
kind: Scheduled
queryFrequency: 1h
queryPeriod: 2d
query: |
  let start = todatetime('{{StartTimeISO}}'); let end = todatetime( "{{EndTimeISO}}" );
  SigninLogs | where TimeGenerated between (start .. end)
`;

  test('stand for the ends of the window, with a warning at their place', () => {
    const { plan, warnings } = compileRule(hunt, { file: 'hunt.yaml' });
    const text = explainPlan(plan.root);
    expect(text).toContain('TimeGenerated between (ago(time(2.00:00:00)) .. now())');
    expect(warnings.map((w) => `${w.position!.line}:${w.position!.column}`)).toEqual(['6:15', '6:57']);
    expect(warnings[0]!.message).toContain('ago(2d)');
  });

  test('leave every place in the query where it was', () => {
    const error = failure(() => compileRule(hunt.replace('TimeGenerated', 'TimeGenerate'), { file: 'hunt.yaml' }));
    expect(error.problems.at(-1)!.position).toMatchObject({ line: 7, column: 22 });
  });

  test('are told of where nothing fills them in', () => {
    const { warnings } = compileRule(
      hunt.replace("todatetime('", "totimespan('").replace('(start ..', '(now() - start ..'),
    );
    expect(warnings[0]!.message).toContain('nothing fills in');
    expect(warnings[0]!.position).toMatchObject({ line: 6, column: 27 });
  });
});
