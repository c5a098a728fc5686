/** A small report by hand, in which every text that comes from outside tries to be markup or script. */
import type { Manifest } from '../../src/dataset/manifest.ts';
import { comparisonReports } from '../../src/report/comparison.ts';
import type { HtmlReport } from '../../src/report/html.ts';
import type { ReportedRule } from '../../src/report/html-rule.ts';
import { type RuleReport, scoreReport } from '../../src/report/json.ts';
import { compareRules } from '../../src/score/compare.ts';
import { type Scorable, score } from '../../src/score/score.ts';
import { type Clause, type Explanation, lossesOf } from '../../src/why/explanation.ts';
import { BY_ACCOUNT, incident, replayed, TWO_DAYS } from './incidents.ts';

/** Runs if it ever becomes markup, or ends the script that it stands in. */
export const HOSTILE = `"'></script><!--<script><img src=x onerror="window.broken=true">&amp;`;

const QUERY = ['AuditLogs', '| where Category in ("Policy")', `| where Result == '${HOSTILE}'`, '| take 10'].join('\n');
const TEXT = ['name: rule', 'query: |', ...QUERY.split('\n').map((line) => `  ${line}`), ''].join('\n');

const RULE = { entityMappings: BY_ACCOUNT.entityMappings };

const TRUTH = [
  incident('attack', 'A', 'token-replay', 'plain', [
    ['A1', 10, 'supporting'],
    ['A2', 70, 'malicious'],
  ]),
  incident('attack', 'B', 'token-replay', 'slow', [['B1', 130, 'malicious']]),
  incident('attack', 'C', `chain ${HOSTILE}`, 'plain', [['C1', 900, 'malicious']]),
  incident('attack', 'D', 'consent', 'plain', [['D1', 2000, 'malicious']]),
  incident('lookalike', 'H', `kind ${HOSTILE}`, 'plain', [['H1', 80, 'benign']]),
  incident('lookalike', 'I', 'quiet-kind', 'plain', [['I1', 85, 'benign']]),
];

const RESULT = replayed(
  [
    {
      at: 120,
      rows: [
        [['A2'], 'A1', 'A2'],
        [['H1'], 'H1'],
      ],
    },
    { at: 180, rows: [[['H1'], 'H1']] },
    { at: 240, rows: [[['everyday']]] },
    { at: 2040, rows: [[['D1'], 'D1']] },
  ],
  BY_ACCOUNT,
);

const MANIFEST: Manifest = {
  format: 'tocsin.dataset/2',
  ...TWO_DAYS,
  partitionCount: 1,
  tables: [
    { table: 'SigninLogs', rowCount: 9_000, files: [] },
    { table: 'AuditLogs', rowCount: 42_501, files: [] },
  ],
  incidents: { attacks: 4, lookalikes: 2 },
};

function clause(line: number, text: string): Clause {
  const start = QUERY.indexOf(text);
  return {
    span: { start, end: start + text.length },
    position: { file: 'rule.yaml', line, column: 5 },
    text,
    excerpt: { line: `  | ${text}`, length: text.length },
  };
}

function lost(event: string, at: Clause): Explanation {
  return {
    event,
    table: 'AuditLogs',
    generated: '',
    ingested: '',
    cause: 'condition',
    clause: at,
    message: `the condition was false: ${HOSTILE}`,
    values: [],
    details: {},
    also: [],
    run: 0,
    at: '2026-06-01T02:00:00.0000000Z',
    remaining: 1,
    runs: [],
  };
}

const EXPLANATIONS = [
  lost('B1', clause(4, 'where Category in ("Policy")')),
  lost('C1', clause(5, `where Result == '${HOSTILE}'`)),
];

function reported(name: string, result: Scorable): RuleReport {
  const scored = score(result, name, TRUTH, MANIFEST);
  const missed = scored.perScenario.flatMap((chain) => chain.missed);
  return {
    ...scored,
    file: 'rules/rule.yaml',
    warnings: [`careful: ${HOSTILE}`],
    losses: lossesOf(EXPLANATIONS, TRUTH, missed),
    timeToDetectPartsMs: {
      eventToGenerated: 0,
      generatedToIngested: 120_000,
      ingestedToFirstRun: 3_000_000,
      firstRunToAlert: 0,
    },
    intent: {
      attacks: { ...scored.attacks, planted: 3, detected: 2, recall: 2 / 3 },
      events: scored.events,
      falseRows: { meant: 1, notMeant: 1 },
      falseAlarms: { meant: 1, notMeant: 1 },
    },
    schedules: [
      {
        queryFrequency: '1h',
        queryPeriod: '2h',
        tables: ['SigninLogs', 'AuditLogs'].map((table, index) => ({
          table,
          malicious: { rows: 2, lost: index, repeated: 0 },
          benign: { rows: 100, lost: 7, repeated: 90 },
        })),
      },
      { queryFrequency: '15m', queryPeriod: '135m', tables: [] },
    ],
    expectations: [
      {
        expectation: `recall >= 0.9`,
        metric: 'recall',
        unit: 'share',
        holds: false,
        measured: 0.5,
        position: { file: 'rule.expect.yaml', line: 1, column: 1 },
      },
    ],
    baseline: {
      changes: [
        { metric: 'recall', unit: 'share', before: 0.75, now: 0.5, tolerance: '0', regressed: true },
        { metric: 'falseAlarmsPerDay', unit: 'rate', before: 3, now: 1, tolerance: '10%', regressed: false },
        {
          metric: 'timeToDetect.p50',
          unit: 'duration',
          before: null,
          now: 3_000_000,
          tolerance: null,
          regressed: false,
        },
      ],
      lost: [`C ${HOSTILE}`],
      gained: ['D'],
      regressed: true,
    },
    seconds: { generate: 2.1, replay: 0.6, score: 0.1 },
  };
}

/** @param names - of the rules; each has the same replay. */
export function handmadeReport(names: readonly string[] = [`Rule ${HOSTILE}`]): HtmlReport {
  const reports = names.map((name) => reported(name, RESULT));
  const pairs = compareRules(
    reports.map((each) => ({ score: each, result: RESULT })),
    TRUTH,
  );
  const rule: ReportedRule = {
    rule: { rule: { query: QUERY, customDetails: [], ...RULE }, source: { text: TEXT } },
    result: RESULT,
    explanations: EXPLANATIONS,
  };
  return {
    score: scoreReport(MANIFEST, reports, comparisonReports(pairs, reports)),
    truth: TRUTH,
    rules: names.map(() => rule),
    dataset: 'tenant',
  };
}

/** What a sweep of two settings wrote: four cells, one of them skipped, none as the rule stands. */
export function sweepFile(): unknown {
  const measures = (detected: number, falseAlarmsPerDay: number, frontier: boolean) => ({
    attacks: { planted: 4, detected, recall: detected / 4, interval: [0.1, 0.9] },
    rows: { precision: 0.25 },
    timeToDetectMs: { p50: 600_000, p90: 600_000, max: 600_000 },
    falseAlarmsPerDay,
    frontier,
  });
  const cell = (period: string, window: string, rest: object) => ({
    settings: { queryPeriod: period, [HOSTILE]: window },
    asIs: false,
    skipped: null,
    ...rest,
  });
  return {
    schema: 'tocsin.sweep/1',
    rule: `Swept ${HOSTILE}`,
    axes: [
      { name: 'queryPeriod', values: ['1h', '2h'] },
      { name: HOSTILE, values: ['5m', '9m'] },
    ],
    asIs: measures(2, 8, false),
    cells: [
      cell('1h', '5m', measures(1, 3, true)),
      cell('1h', '9m', measures(3, 6, true)),
      cell('2h', '5m', measures(1, 5, false)),
      cell('2h', '9m', { skipped: 'queryPeriod is too short', frontier: false }),
    ],
  };
}

/** The same with the rule as JSON on one line. */
export function reportOfRuleOnOneLine(): HtmlReport {
  const report = handmadeReport();
  const text = JSON.stringify({ description: 'x'.repeat(500), query: QUERY });
  return { ...report, rules: report.rules.map((each) => ({ ...each, rule: { ...each.rule, source: { text } } })) };
}
