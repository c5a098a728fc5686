import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { literalType, queryLiterals } from '../../../src/kql/query-literals.ts';
import { compileRule, compileVariant } from '../../../src/rules/compile.ts';
import { readAxes } from '../../../src/sweep/axes.ts';
import { cleanRuleWith } from '../../support/rules.ts';

const RULE = compileRule(
  cleanRuleWith(`query: |
  let Minutes = 60m; // 60m, and "60m"
  let Names = dynamic(["Delete user", "Add user"]);
  AuditLogs
  | where TimeGenerated > ago(2h) and OperationName in (Names)
  | where TimeGenerated > ago(2h) and Result == "60m" and 2h > 1h
  | extend Actor = tostring(InitiatedBy.user.id), Late = TimeGenerated > ago(Minutes)
`),
  { file: 'rule.yaml' },
);

/** The query and the changed fields that each value of the only axis gives. */
function variants(set: string): { query: string; fields: object }[] {
  return readAxes([set], RULE)[0]!.values.map(({ change }) => ({
    query: compileVariant(RULE, change).rule.query,
    fields: change.fields,
  }));
}

function problemsOf(...sets: readonly string[]): string[] {
  try {
    readAxes(sets, RULE);
  } catch (error) {
    if (!(error instanceof TocsinError)) throw error;
    expect(error.code).toBe('USAGE');
    return error.problems.map(({ message, hint }) => (hint === undefined ? message : `${message}; ${hint}`));
  }
  throw new Error('nothing was thrown');
}

describe('the literals of a query', () => {
  test('are those that the parser sees, with their types and the names that a let gives', () => {
    const query =
      'let n = 10; T | where a > -1h and b has "x\\"y" // 5\n | extend c = time(2h), d = dynamic(["1.5", 2.5])';
    expect(queryLiterals(query).map(({ text, type, name }) => [text, type, name])).toEqual([
      ['10', 'long', 'n'],
      ['1h', 'timespan', undefined],
      ['"x\\"y"', 'string', undefined],
      ['time(2h)', 'timespan', undefined],
      ['"1.5"', 'string', undefined],
      ['2.5', 'real', undefined],
    ]);
    for (const { start, end, text } of queryLiterals(query)) expect(query.slice(start, end)).toBe(text);
  });

  test.each([
    ['60m', 'timespan'],
    ['-60m', 'timespan'],
    ['1e+5', 'real'],
    ['"a"', 'string'],
    ['datetime(2026-01-01)', 'datetime'],
    ['-true', undefined],
    ['abc', undefined],
    ['5m, 6m', undefined],
    ['5m | take 1', undefined],
    ['"', undefined],
  ])('make up a text only where it is one: %s is %s', (text, type) => expect(literalType(text)).toBe(type));
});

describe('what a sweep sets', () => {
  test('is replaced where the parser found it, not wherever its text stands', () => {
    const [short] = variants('60m=5m');
    expect(short!.query).toBe(RULE.rule.query.replace('let Minutes = 60m;', 'let Minutes = 5m;'));
  });

  test('may be named by a let, by line, by number, or be every place of a text', () => {
    const { query } = RULE.rule;
    const edited = (set: string): string => variants(set)[0]!.query;
    expect(edited('Minutes=5m')).toBe(query.replace('= 60m;', '= 5m;'));
    expect(edited('2h@line20=90m')).toBe(query.replace('ago(2h)', 'ago(90m)'));
    expect(edited('2h#3=90m')).toBe(query.replace('2h > 1h', '90m > 1h'));
    expect(edited('2h@line21#1=90m')).toBe(query.replace('ago(2h) and Result', 'ago(90m) and Result'));
    expect(edited('2h#all=90m')).toBe(query.replaceAll('2h', '90m'));
  });

  test('may be a string, with its quotes or without', () => {
    for (const set of ['Add user=Update user', '"Add user"="Update user"']) {
      expect(variants(set)[0]!.query).toBe(RULE.rule.query.replace('"Add user"', '"Update user"'));
    }
    expect(variants('Add user=say "x"')[0]!.query).toContain('"say \\"x\\""');
  });

  test('may be settings, several at once and together with literals', () => {
    const hour = 36_000_000_000n;
    expect(variants('queryPeriod+2h#all=1h,4h')).toEqual([
      { query: RULE.rule.query.replaceAll('2h', '1h'), fields: { queryPeriod: hour } },
      { query: RULE.rule.query.replaceAll('2h', '4h'), fields: { queryPeriod: 4n * hour } },
    ]);
  });

  test.each([
    ['triggerThreshold=0,5', [{ triggerThreshold: 0 }, { triggerThreshold: 5 }]],
    ['triggerOperator=GreaterThan,eq', [{ triggerOperator: 'gt' }, { triggerOperator: 'eq' }]],
    ['suppressionDuration=off,30m', [{ suppression: undefined }, { suppression: 18_000_000_000n }]],
    ['eventGroupingSettings.aggregationKind=alertperresult', [{ eventGrouping: 'AlertPerResult' }]],
    ['QUERYFREQUENCY=1d', [{ queryFrequency: 864_000_000_000n }]],
  ])('reads %s', (set, fields) => expect(variants(set).map((variant) => variant.fields)).toEqual(fields));

  test('leads back to the file as it stands from any place of a variant', () => {
    const { change } = readAxes(['Minutes=1000000m'], RULE)[0]!.values[0]!;
    const variant = compileVariant(RULE, change);
    for (const text of ['TimeGenerated > ago(2h) and Result', 'let Minutes', 'Late =']) {
      expect(variant.source.positionOf(variant.rule.query.indexOf(text))).toEqual(
        RULE.source.positionOf(RULE.rule.query.indexOf(text)),
      );
    }
  });
});

describe('what means nothing, or several things', () => {
  test('is told with every place that it could mean', () => {
    expect(problemsOf('2h=1h')).toEqual([
      '--set 2h: could mean 2h@line20',
      '--set 2h: could mean 2h#2',
      '--set 2h: could mean 2h#3; 2h#all sets every one of them',
    ]);
    expect(problemsOf('Minutes@line99=1h')[0]).toContain('there is no such place; it stands at Minutes@line17');
  });

  test('is told with the name that is nearest', () => {
    expect(problemsOf('queryperiods=1h')).toEqual([
      '--set queryperiods: neither a setting of the rule nor a literal of its query; did you mean queryPeriod?',
    ]);
    expect(problemsOf('Minuts=1h')[0]).toContain('did you mean Minutes?');
    expect(problemsOf('suppressionEnabled=true')[0]).toContain('suppressionDuration=off,1h');
    expect(problemsOf('somethingElseEntirely=1')[0]).toContain('settings are queryFrequency, queryPeriod');
  });

  test('is told all at once, values and forms included', () => {
    expect(problemsOf('Minutes=5,x', 'triggerThreshold=-1', 'queryFrequency=often', '60m', 'queryPeriod=')).toEqual([
      '--set Minutes: found "5", expected a timespan such as 60m',
      '--set Minutes: found "x", expected a timespan such as 60m',
      '--set triggerThreshold: triggerThreshold: found "-1", expected a whole number, 0 or more',
      '--set queryFrequency: queryFrequency: found "often", expected a duration such as 1h, 30m, 1d or PT1H',
      "--set 60m: expected NAME=VALUE,VALUE...; as in --set '60m=5m,15m,30m'",
      "--set queryPeriod=: expected NAME=VALUE,VALUE...; as in --set '60m=5m,15m,30m'",
    ]);
    expect(problemsOf('Minutes=5m,5m')).toEqual(['--set Minutes: the value 5m is given twice']);
    expect(problemsOf('2h#all=1h', 'queryPeriod+2h#2=3h')).toEqual([
      '--set queryPeriod+2h#2: 2h#2 is set already, by --set 2h#all',
    ]);
  });

  test('is an NRT rule’s schedule', () => {
    const nrt = compileRule(cleanRuleWith('kind: NRT\n'), { file: 'nrt.yaml' });
    expect(() => readAxes(['queryPeriod=1h'], nrt)).toThrow('an NRT rule runs every minute');
  });

  test('is a grid beyond a thousand cells', () => {
    const numbers = Array.from({ length: 40 }, (_, i) => i).join();
    const minutes = Array.from({ length: 40 }, (_, i) => `${i + 5}m`).join();
    expect(problemsOf(`triggerThreshold=${numbers}`, `Minutes=${minutes}`)).toEqual([
      'the grid has 40 x 40 = 1600 cells, expected 1000 at most; sweep fewer values, or one setting after another',
    ]);
  });
});
