import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { comparisonReports } from '../../../src/report/comparison.ts';
import { expectationsText, failureSummary, formatMeasured } from '../../../src/report/expectations.ts';
import { githubAnnotations } from '../../../src/report/github.ts';
import type { RuleReport, ScoreReport } from '../../../src/report/json.ts';
import { junitXml } from '../../../src/report/junit.ts';
import { scoreMarkdown } from '../../../src/report/markdown.ts';
import { scoreText } from '../../../src/report/text.ts';
import { compareWithBaseline, parseTolerances } from '../../../src/score/baseline.ts';
import { compareRules } from '../../../src/score/compare.ts';
import { checkExpectation, metricNamed, metricNames, parseExpectations } from '../../../src/score/expectations.ts';
import { score } from '../../../src/score/score.ts';
import { BY_ACCOUNT, incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const PLANTED = {
  chains: new Map([
    ['illicit-consent', ['plain', 'masked']],
    ['never-drawn', ['plain']],
  ]),
  lookalikes: ['helpdesk-reset'],
};
const TRUTH = [
  incident('attack', 'A', 'illicit-consent', 'plain', [['A1', 10, 'malicious']]),
  incident('attack', 'B', 'illicit-consent', 'masked', [['B1', 20, 'malicious']]),
  incident('lookalike', 'R', 'helpdesk-reset', 'plain', [['R1', 20, 'benign']]),
];

function scored(attacks: string, noise: readonly string[]) {
  const result = replayed(
    [
      ...Array.from(attacks, (id, index) => ({ at: 65 + index, rows: [[[`${id}@contoso.com`], `${id}1`]] as never })),
      ...noise.map((account, index) => ({ at: 300 + index, rows: [[[account], 'R1']] as never })),
    ],
    BY_ACCOUNT,
  );
  return { result, score: score(result, 'Consent <to> "apps" & more', TRUTH, TWO_DAYS) };
}

const FILES = ['rules/consent|old.yaml', 'rules/consent.yaml'];
const RULES = [scored('A', ['x@contoso.com', 'y@contoso.com', 'z@contoso.com']), scored('B', ['x@contoso.com'])];
const BEFORE = scored('AB', ['x@contoso.com']).score;

const EXPECTATIONS = [
  ...parseExpectations(
    ['recall >= 0.5', 'falseAlarmsPerDay <= 0.3', 'attacks.never-drawn.recall >= 0.9'].map((text) => ({
      text,
      position: { file: '--expect', line: 1, column: 1 },
      line: text,
    })),
    PLANTED,
    'USAGE',
  ),
  ...parseExpectations(
    [{ text: 'timeToDetect.p90 <= 1h', position: { file: 'scenarios/mine.yaml', line: 12, column: 5 }, line: '' }],
    PLANTED,
    'SCENARIO',
  ),
];

const REPORT: ScoreReport = (() => {
  const rules = RULES.map(
    (rule, index): RuleReport => ({
      ...rule.score,
      file: FILES[index]!,
      expectations: EXPECTATIONS.map((each) => checkExpectation(each, rule.score)),
      baseline:
        index === 0
          ? compareWithBaseline(BEFORE, rule.score, parseTolerances(['falseAlarmsPerDay=250%'], PLANTED), PLANTED)
          : null,
      ...(index === 0 && {
        intent: {
          attacks: rule.score.attacks,
          events: rule.score.events,
          falseRows: { meant: 2, notMeant: 1 },
          falseAlarms: { meant: 2, notMeant: 1 },
        },
        losses: [
          {
            clause: {
              span: { start: 4, end: 20 },
              position: { file: FILES[0]!, line: 12, column: 3 },
              text: 'where a | where `b`',
              excerpt: { line: 'where a', length: 7 },
            },
            causes: {},
            events: ['B1'],
            incidents: ['B'],
          },
        ],
      }),
      seconds: { generate: 1, replay: 0.5, score: 0.25 },
    }),
  );
  return {
    schema: 'tocsin.score/1',
    scenario: 'two-days',
    seed: 7,
    users: 500,
    start: TWO_DAYS.start,
    end: TWO_DAYS.end,
    events: { AuditLogs: 1000 },
    rules,
    comparison: comparisonReports(compareRules(RULES, TRUTH), rules),
  };
})();

const NO_FAULTS = () => [];

describe('expectations as text', () => {
  const colors = picocolors.createColors(false);
  const text = REPORT.rules.map((rule) => expectationsText(rule, colors)).join('\n\n');

  test('have a tick and what was measured', async () => {
    await expect(`${text}\n`).toMatchFileSnapshot('golden/expectations.txt');
  });

  test('keep to 80 columns, say the same in colour, and stand at the end of the scoreboard', () => {
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    const coloured = REPORT.rules.map((rule) => expectationsText(rule, picocolors.createColors(true))).join('\n\n');
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(text);
    const board = scoreText(REPORT, { colors, truth: TRUTH, dataset: undefined });
    expect(board.endsWith(`Expectations\n${text}`)).toBe(true);
  });

  test('are silent where nothing was expected', () => {
    const { expectations: _, baseline: __, ...bare } = REPORT.rules[0]!;
    expect(expectationsText(bare, colors)).toBeUndefined();
    expect(failureSummary(bare)).toBeUndefined();
  });

  test('are summed up in a sentence', () => {
    expect(REPORT.rules.map(failureSummary)).toEqual([
      '2 of 4 expectations failed, 1 measure is worse than in the baseline',
      '2 of 4 expectations failed',
    ]);
  });

  test('show a value so exactly that it never looks equal to a bound that it missed', () => {
    expect(formatMeasured(2 / 3, 'share')).toBe('0.6667');
    expect(formatMeasured(0.89996, 'share')).toBe('0.9000');
    expect(formatMeasured(0.5, 'share')).toBe('0.5');
    expect(formatMeasured(158 / 7, 'rate')).toBe('22.5714');
    expect(formatMeasured(1200, 'count')).toBe('1200');
    expect(formatMeasured(3_600_001, 'duration')).toBe('1h 1ms');
    expect(formatMeasured(2 * 86_400_000 + 61_000, 'duration')).toBe('2d 1m 1s');
    expect(formatMeasured(2_544_924.9926, 'duration')).toBe('42m 24.9s');
    expect(formatMeasured(59_924.9926, 'duration')).toBe('59s 924.9926ms');
    expect(formatMeasured(0, 'duration')).toBe('0s');
  });
});

describe('the JSON with expectations', () => {
  test('keeps to its schema', () => {
    const schema = JSON.parse(readFileSync('docs/score.schema.json', 'utf8')) as object;
    const ajv = addFormats.default(new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }));
    const validate = ajv.compile(schema);
    validate(JSON.parse(JSON.stringify(REPORT)));
    expect(validate.errors).toBeNull();
    const [rule] = REPORT.rules;
    const reasonless = { ...rule!.expectations![0]!, measured: null };
    expect(validate({ ...REPORT, rules: [{ ...rule, expectations: [reasonless] }] })).toBe(false);
  });
});

describe('JUnit XML', () => {
  const faults = (rule: RuleReport) => (rule.file === FILES[1] ? ['no attack was planted'] : []);

  test('has a suite a rule and a case an expectation', async () => {
    await expect(junitXml(REPORT, faults)).toMatchFileSnapshot('golden/junit.xml');
  });

  /** The problems of a document that keeps not to docs/junit.xsd; empty where it does. */
  function schemaProblems(xml: string): string[] {
    using schema = XmlDocument.fromString(readFileSync('docs/junit.xsd', 'utf8'));
    using validator = XsdValidator.fromDoc(schema);
    using document = XmlDocument.fromString(xml);
    try {
      validator.validate(document);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  }

  test('keeps to its schema, which refuses what is not of that form', () => {
    const xml = junitXml(REPORT, faults);
    expect(schemaProblems(xml)).toEqual([]);
    expect(schemaProblems(junitXml({ ...REPORT, scenario: null, seed: null, users: null }, NO_FAULTS))).toEqual([]);
    expect(schemaProblems(xml.replace('type="proof"', 'type="other"'))).toHaveLength(1);
    expect(schemaProblems(xml.replace(/ failures="\d+"/, ''))).toHaveLength(1);
    expect(schemaProblems(xml.replace('<properties>', '<extra/><properties>'))).toHaveLength(1);
  });

  test('counts what it holds', () => {
    const xml = junitXml(REPORT, faults);
    for (const suite of xml.split('<testsuite ').slice(1)) {
      const [, tests, failures] = /tests="(\d+)" failures="(\d+)"/.exec(suite)!;
      expect([...suite.matchAll(/<testcase /g)]).toHaveLength(Number(tests));
      expect([...suite.matchAll(/<failure /g)]).toHaveLength(Number(failures));
    }
    expect(xml).toMatch(/<testsuites name="tocsin two-days" tests="12" failures="6" /);
  });

  test('holds no character that XML cannot', () => {
    const odd = { ...REPORT.rules[0]!, rule: 'bell \u0007, half \ud83d, whole 🔔, line\nend', file: null };
    const xml = junitXml({ ...REPORT, rules: [odd] }, NO_FAULTS);
    expect(schemaProblems(xml)).toEqual([]);
    expect(xml).toContain('name="bell \ufffd, half \ufffd, whole 🔔, line&#10;end"');
  });
});

describe('Markdown', () => {
  test('reads so', async () => {
    const text = scoreMarkdown(REPORT, (rule) => (rule.file === FILES[1] ? ['no attack was planted'] : []));
    await expect(text).toMatchFileSnapshot('golden/summary.md');
  });

  test('gives every row of a table as many cells as its head', () => {
    const cells = (line: string) => line.replaceAll(String.raw`\|`, '').split('|').length;
    for (const block of scoreMarkdown(REPORT, NO_FAULTS).split('\n\n')) {
      const lines = block.split('\n').filter((line) => line.startsWith('|'));
      expect(new Set(lines.map(cells)).size).toBeLessThanOrEqual(1);
    }
  });
});

describe('annotations for GitHub', () => {
  test('stand at the expectation where it is in a file, else at the rule', () => {
    expect(githubAnnotations(REPORT.rules.slice(0, 1), () => ['no attack was planted'])).toEqual([
      '::error file=rules/consent|old.yaml,line=1,col=1,title=The score proves nothing::no attack was planted',
      '::error file=rules/consent|old.yaml,line=1,col=1,title=Expectation failed::falseAlarmsPerDay <= 0.3: measured 1.5',
      '::error file=rules/consent|old.yaml,line=1,col=1,title=Expectation failed::attacks.never-drawn.recall >= 0.9: unmeasured: none of these was planted',
      expect.stringMatching(
        /^::error file=rules\/consent\|old.yaml,line=1,col=1,title=Worse than the baseline::recall: 1 -> 0.5/,
      ),
    ]);
  });

  test('say which rule failed an expectation of the scenario', () => {
    const failing = { ...REPORT.rules[0]!.expectations![3]!, holds: false };
    expect(githubAnnotations([{ ...REPORT.rules[1]!, expectations: [failing] }], NO_FAULTS)).toEqual([
      '::error file=scenarios/mine.yaml,line=12,col=5,title=Expectation failed::rules/consent.yaml: timeToDetect.p90 <= 1h: measured 1h',
    ]);
  });
});

describe('docs/ci.md', () => {
  const page = readFileSync('docs/ci.md', 'utf8');

  test('names measures that there are, and all that there are', () => {
    const named = [...page.matchAll(/^\| (`.*?) \| .* \| (?:share|time|number).* \|$/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    );
    const planted = { chains: new Map([['CHAIN', ['VARIANT']]]), lookalikes: ['KIND'] };
    const whole = named.map((name) => (name.startsWith('.') ? `timeToDetect${name}` : name));
    expect(whole.filter((name) => metricNamed(name, planted) === undefined)).toEqual([]);
    const parts = metricNames(planted).filter((name) => !/\.(low|high)$/.test(name) && !name.startsWith('attacks.'));
    expect(parts.filter((name) => !whole.includes(name))).toEqual([]);
  });

  test('shows expectations and a workflow that mean something', () => {
    const blocks = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(
      ([, block]) => parse(block!) as Record<string, never>,
    );
    const { expectations } = blocks[0] as unknown as { expectations: string[] };
    const planted = { chains: new Map([['chain', ['masked']]]), lookalikes: [] };
    const position = { file: 'docs/ci.md', line: 1, column: 1 };
    const written = [...expectations, ...Array.from(page.matchAll(/--expect '(.*?)'/g), ([, text]) => text!)];
    expect(written.length).toBeGreaterThan(5);
    parseExpectations(
      written.map((text) => ({ text, position, line: text })),
      planted,
      'USAGE',
    );
    const { jobs } = blocks[1] as unknown as { jobs: { tocsin: { steps: { run?: string }[] } } };
    const run = jobs.tocsin.steps.find((step) => step.run?.startsWith('tocsin run'))!.run!;
    const options = [...run.matchAll(/--[a-z]+/g)].map(([option]) => option);
    const known = readFileSync('src/cli/main.ts', 'utf8');
    expect(options.filter((option) => !known.includes(`'${option} <`))).toEqual([]);
  });
});
