import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import type { Manifest } from '../../../src/dataset/manifest.ts';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { type RuleReport, type ScoreReport, scoreReport } from '../../../src/report/json.ts';
import { comparisonReports } from '../../../src/report/comparison.ts';
import { nextStep } from '../../../src/report/next-step.ts';
import { type ScheduleReport, scheduleReport } from '../../../src/report/schedule.ts';
import { scoreText } from '../../../src/report/text.ts';
import { compareRules } from '../../../src/score/compare.ts';
import type { IntentScore } from '../../../src/score/intent.ts';
import { type Scorable, score } from '../../../src/score/score.ts';
import { recall } from '../../../src/score/statistics.ts';
import { BY_ACCOUNT, incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const TRUTH = [
  incident('attack', 'A', 'token-replay-role-assignment', 'plain', [
    ['A1', 10, 'supporting'],
    ['A2', 70, 'malicious'],
  ]),
  incident('lookalike', 'H', 'helpdesk-reset', 'plain', [['H1', 80, 'benign']]),
  incident('attack', 'B', 'token-replay-role-assignment', 'slow', [['B1', 130, 'malicious']]),
  incident('attack', 'C', 'a-chain-with-a-name-that-is-longer-than-its-column', 'plain', [['C1', 200, 'malicious']]),
];

const RESULT = replayed(
  [
    {
      at: 120,
      rows: [
        [['A2'], 'A1', 'A2'],
        [['H1'], 'H1'],
        [['A signed in'], 'A1'],
      ],
    },
    {
      at: 180,
      rows: [
        [['A2'], 'A1', 'A2'],
        [['H1'], 'H1'],
      ],
    },
    { at: 240, rows: [[['everyday']]] },
  ],
  { ...BY_ACCOUNT, incidents: [[0, 1], [2]] },
);

const MANIFEST: Manifest = {
  format: 'tocsin.dataset/2',
  ...TWO_DAYS,
  partitionCount: 1,
  tables: [
    { table: 'AADNonInteractiveUserSignInLogs', rowCount: 1_204_331, files: [] },
    { table: 'AuditLogs', rowCount: 42_501, files: [] },
  ],
  incidents: { attacks: 3, lookalikes: 1 },
};

function reportOf(result: Scorable, truth: readonly TruthIncident[] = TRUTH, manifest = MANIFEST): ScoreReport {
  const rule: RuleReport = {
    ...score(result, 'Silent sign-in, then a privileged action', truth, manifest),
    file: 'rules/silent.yaml',
    seconds: { generate: 2.14, replay: 0.62, score: 0.01 },
  };
  return scoreReport(manifest, [rule]);
}

function withSchedules(report: ScoreReport): ScoreReport {
  const schedules: ScheduleReport[] = scheduleReport([
    {
      queryFrequency: TICKS_PER_HOUR,
      queryPeriod: 2n * TICKS_PER_HOUR,
      tables: [
        {
          table: 'AADNonInteractiveUserSignInLogs',
          malicious: { rows: 0, lost: 0, repeated: 0 },
          benign: { rows: 1_000_000, lost: 0, repeated: 999_999 },
        },
        {
          table: 'AuditLogs',
          malicious: { rows: 3, lost: 1, repeated: 2 },
          benign: { rows: 41_000, lost: 1_204, repeated: 20_498 },
        },
      ],
    },
    {
      queryFrequency: 15n * TICKS_PER_MINUTE,
      queryPeriod: 75n * TICKS_PER_MINUTE,
      tables: [
        {
          table: 'AuditLogs',
          malicious: { rows: 3, lost: 0, repeated: 0 },
          benign: { rows: 41_000, lost: 0, repeated: 0 },
        },
      ],
    },
    { queryFrequency: TICKS_PER_HOUR, queryPeriod: TICKS_PER_HOUR, tables: [] },
  ]);
  return { ...report, rules: report.rules.map((rule) => ({ ...rule, schedules })) };
}

function withIntent(report: ScoreReport): ScoreReport {
  const intent: IntentScore = {
    attacks: recall(2, 1, 'none'),
    events: recall(2, 1, 'none'),
    falseRows: { meant: 2, notMeant: 1 },
    falseAlarms: { meant: 1, notMeant: 0 },
  };
  const timeToDetectPartsMs = {
    eventToGenerated: 0,
    generatedToIngested: 66_000,
    ingestedToFirstRun: 480_000,
    firstRunToAlert: 3_900_000,
  };
  return { ...report, rules: report.rules.map((rule) => ({ ...rule, intent, timeToDetectPartsMs })) };
}

function textOf(report: ScoreReport, truth: readonly TruthIncident[] = TRUTH, color = false): string {
  return scoreText(report, { colors: picocolors.createColors(color), truth, dataset: undefined });
}

const ajv = addFormats.default(
  new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }),
);
const validate = ajv.compile(JSON.parse(readFileSync('docs/score.schema.json', 'utf8')) as object);

describe('the JSON report', () => {
  const NOTHING = { ...MANIFEST, origin: { kind: 'import', files: ['audit.json'] } as const };

  test.each([
    ['a full score', reportOf(RESULT)],
    ['one with schedules', withSchedules(reportOf(RESULT))],
    ['one with what was meant', withIntent(reportOf(RESULT))],
    ['a score of nothing', reportOf(replayed([]), [], NOTHING)],
  ])('keeps to its schema: %s', (_, report) => {
    validate(JSON.parse(JSON.stringify(report)));
    expect(validate.errors).toBeNull();
  });

  test('is refused by its schema where a null has no reason, or a field is missing or unknown', () => {
    const report = JSON.parse(JSON.stringify(reportOf(RESULT))) as ScoreReport;
    const rule = report.rules[0]!;
    for (const broken of [
      { ...rule, attacks: { ...rule.attacks, recall: null } },
      { ...rule, attacks: { ...rule.attacks, unmeasured: 'but it is' } },
      { ...rule, digest: 'none' },
      { ...rule, extra: 1 },
      { ...rule, perVariant: undefined },
    ]) {
      expect(validate(JSON.parse(JSON.stringify({ ...report, rules: [broken] })))).toBe(false);
    }
  });

  test('keeps to its schema with what lost the missed attacks, and shows it in 80 columns', () => {
    const report = reportOf(RESULT);
    const losses = ['max(TimeGenerated)', 'x'.repeat(90)].map((text, index) => ({
      clause: {
        span: { start: 4, end: 20 },
        position: { file: 'rule.yaml', line: 12 + index, column: 3 },
        text,
        excerpt: { line: `  ${text}`, length: text.length },
      },
      causes: { hidden: 2 },
      events: ['a/1', 'a/2'],
      incidents: index === 0 ? ['a'] : [],
    }));
    const explained = { ...report, rules: [{ ...report.rules[0]!, losses }] };
    validate(JSON.parse(JSON.stringify(explained)));
    expect(validate.errors).toBeNull();
    const text = textOf(explained);
    expect(text).toContain(
      '     attacks   events  what lost the missed ones\n      1 of 1        2  line 12: max(TimeGenerated)\n',
    );
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('keeps to its schema with a comparison, which stands below the rules, or instead of many', () => {
    const { rules } = reportOf(RESULT);
    const several = Array.from({ length: 4 }, (_, index) => ({ ...rules[0]!, file: `rules/${index}.yaml` }));
    const of = (count: number): ScoreReport => {
      const some = several.slice(0, count);
      const pairs = compareRules(
        some.map((each) => ({ score: each, result: RESULT })),
        TRUTH,
      );
      return scoreReport(MANIFEST, some, comparisonReports(pairs, some));
    };
    validate(JSON.parse(JSON.stringify(of(2))));
    expect(validate.errors).toBeNull();
    expect(of(1)).not.toHaveProperty('comparison');
    expect(textOf(of(2))).toMatch(/attacks by chain[^]*attacks by chain[^]*Side by side\n  A  rules\/0.yaml\n/);
    expect(textOf(of(4))).toContain('D  rules/3.yaml');
    expect(textOf(of(4))).not.toContain('attacks by chain');
  });

  test('holds what a reader needs to repeat it', () => {
    expect(reportOf(RESULT)).toMatchObject({
      schema: 'tocsin.score/1',
      scenario: 'two-days',
      seed: 7,
      users: 500,
      events: { AADNonInteractiveUserSignInLogs: 1_204_331, AuditLogs: 42_501 },
      rules: [{ seconds: { generate: 2.14, replay: 0.62, score: 0.01 }, digest: 'd'.repeat(64), runs: 3 }],
    });
  });
});

describe('the scoreboard', () => {
  test('reads so', () => {
    expect(textOf(reportOf(RESULT))).toMatchInlineSnapshot(`
      "two-days  500 users, 2026-06-01 to 2026-06-03, seed 7
        AADNonInteractiveUserSignInLogs        1,204,331 events
        AuditLogs                                 42,501 events

      Silent sign-in, then a privileged action
      rules/silent.yaml

        attack recall                     1 of 3     33 %  (6.1-79 %)
        event recall                      1 of 3     33 %  (6.1-79 %)
        row precision                     1 of 4     25 %  (4.6-70 %)  + 2 repeats
        alert precision                   2 of 3     67 %  (21-93.9 %)
        incident precision                1 of 2     50 %  (9.5-90.5 %)
        time to detect          p50 55 min, p90 55 min, max 55 min
        false alarms            1 in all, 0.5 a day, 1 a day per 1,000 users

        what an analyst opens
        incidents               2 in all, 1 a day
        alerts in one           median 1, at most 2
        users in one            median 1, at most 3
        attacks in one          1 where there is any
        incidents an attack     1
        with unrelated users    1 of 1 attacks share an incident

        attacks by chain                       detected
        a-chain-with-a-name-that-is-longer-…     0 of 1  ....................     0 %
        token-replay-role-assignment             1 of 2  ##########..........    50 %

        attacks by variant              detected                   and of their events
        slow                              0 of 1  ..........    0 %      0 of 1    0 %
        plain                             1 of 2  #####.....   50 %      1 of 2   50 %

        false alarms by what looked alike          rang
        helpdesk-reset                           1 of 1             1 row
        an attacker's other acts                                    1 row
        everyday activity                                           1 row

        3 runs over 1,200,000 rows, digest dddddddd
        generated in 2.1 s, replayed in 0.6 s (1.9 M rows/s)

        Next: the only a-chain-with-a-name-that-is-longer-than-its-column attack was
              missed. One of them (C): Add member to role by adele@contoso.com. Keep
              the tenant with --out DIR, then ask which clause lost them:
        tocsin why DIR --rule rules/silent.yaml"
    `);
  });

  test('keeps within 80 columns but for a command to copy', () => {
    for (const line of textOf(reportOf(RESULT)).split('\n')) {
      if (!line.startsWith('  tocsin ')) expect(Array.from(line).length, line).toBeLessThanOrEqual(80);
    }
  });

  test('says what its author meant, and where the time goes, where that is known', () => {
    const [plain, known] = [textOf(reportOf(RESULT)), textOf(withIntent(reportOf(RESULT)))].map((each) =>
      each.split('\n'),
    );
    expect(known!.filter((line) => !plain!.includes(line)).join('\n')).toMatchInlineSnapshot(`
      "  recall of what it means           1 of 2     50 %  (9.5-90.5 %)
          until, each p50       ingested 66 s, first run 8 min, alert 65 min
        false alarms by what the rule means      alarms
        a silent sign-in in the hour before           1            2 rows
        none: not what its author meant               0             1 row"
    `);
    expect(Math.max(...known!.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test('says what schedules lose and repeat, where that was asked for', () => {
    const text = textOf(withSchedules(reportOf(RESULT)));
    const section = text.slice(text.indexOf('  rows before'), text.indexOf('  3 runs over'));
    expect(section).toMatchInlineSnapshot(`
      "  rows before the query looks                     lost  attack acts   seen again
        every 1h over 2h, as it is                     1,205       1 of 3         98 %
          AADNonInteractiveUserSignInLogs                  0       0 of 0      >99.9 %
          AuditLogs                                    1,205       1 of 3         50 %
        every 15m over 75m                                 0       0 of 3          0 %
        every 1h over 1h                                   0       0 of 0            -

      "
    `);
    for (const line of section.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(80);
  });

  test('says the same without colour as with it', () => {
    const colored = textOf(reportOf(RESULT), TRUTH, true);
    expect(colored).toContain('\u001b[');
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(textOf(reportOf(RESULT)));
  });

  test('says unmeasured and why, and shows no proportion for it', () => {
    const text = textOf(reportOf(replayed([]), []), []);
    expect(text).toContain('attack recall           unmeasured: no attack was planted');
    expect(text).toContain('row precision           unmeasured: the rule returned no rows');
    expect(text).not.toContain('0 %');
  });

  test('tells entities that the caps left out, and attacks that were detected but are in no incident', () => {
    const alerts = RESULT.alerts.map((alert) => ({ ...alert, entitiesDropped: 600 }));
    expect(textOf(reportOf({ ...RESULT, alerts }))).toContain('entities left out       1,800 by the caps, in 3 alerts');
    const [, second] = RESULT.incidents;
    const text = textOf(reportOf({ ...RESULT, incidents: [second!] }));
    expect(text).toContain('attacks in no incident  1 of those detected');
  });

  test('says that a rule makes no incidents, and no more of them', () => {
    const text = textOf(reportOf({ ...RESULT, incidents: [] }));
    expect(text).toContain('incident precision      unmeasured: the rule makes no incidents of its alerts');
    expect(text).not.toContain('what an analyst opens');
  });

  test('prints the warnings of the replay', () => {
    const warned = {
      ...RESULT,
      warnings: ['AuditLogs: no row passed the filter at line 12, so the join can never match'],
    };
    expect(textOf(reportOf(warned))).toContain(
      'warning: AuditLogs: no row passed the filter at line 12, so the join can',
    );
  });
});

describe('the next step', () => {
  const step = (result: Scorable, truth: readonly TruthIncident[] = TRUTH, dataset?: string) =>
    nextStep(score(result, 'seed', truth, TWO_DAYS), { dataset, ruleFile: 'my rules/a.yaml', truth });

  test('is to plant attacks where there are none', () => {
    expect(
      step(
        RESULT,
        [TRUTH[0]!, TRUTH[1]!].map((i) => ({ ...i, kind: 'lookalike' as const })),
      ).advice,
    ).toContain('nothing was planted');
  });

  test('is to explain a rule that returns nothing', () => {
    expect(step(replayed([{ at: 60, rows: [] }]))).toEqual({
      advice: 'the rule returned nothing at all: see what it asks for',
      command: "tocsin explain 'my rules/a.yaml'",
    });
  });

  test('is the trigger where rows raise no alert', () => {
    expect(step(replayed([{ at: 60, alert: false, rows: [[['x']]] }])).advice).toContain('triggerThreshold');
  });

  test('is to look at a missed attack of the chain that loses most', () => {
    expect(
      step(
        replayed([
          {
            at: 120,
            rows: [
              [['A2'], 'A2'],
              [['C1'], 'C1'],
            ],
          },
        ]),
        TRUTH,
        'out/tenant',
      ),
    ).toEqual({
      advice:
        '1 of 2 token-replay-role-assignment attacks was missed. One of them (B): Add member to role by adele@contoso.com. Ask which clause lost them:',
      command: "tocsin why out/tenant --rule 'my rules/a.yaml'",
    });
  });

  const ALL = [
    [['A2'], 'A2'],
    [['B1'], 'B1'],
    [['C1'], 'C1'],
  ] as [string[], string][];

  test('is the noisiest look-alike where all attacks rang', () => {
    expect(step(replayed([{ at: 240, rows: [...ALL, [['H1'], 'H1']] }])).advice).toContain(
      'most of the noise is helpdesk-reset (1 row)',
    );
  });

  test('is to narrow a query that returns everyday activity', () => {
    expect(step(replayed([{ at: 240, rows: [...ALL, [['x']], [['y']]] }])).advice).toContain(
      '2 of 5 rows are everyday activity',
    );
  });

  test('is a harder test where nothing is wrong', () => {
    expect(step(replayed([{ at: 240, rows: ALL }])).advice).toContain('try it on the variants');
  });
});
