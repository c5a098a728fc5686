/**
 * A score as JUnit XML, which every CI server shows as tests: a suite for each rule; a test case for each expectation, each
 * guarded measure of a baseline, and for whether the score proves anything at all.
 *
 * The form is that which Jenkins, GitLab and others read: https://github.com/testmoapp/junitxml
 */
import { changeText, measuredText, namedIds } from './expectations.ts';
import type { RuleReport, ScoreReport } from './json.ts';

interface TestCase {
  readonly name: string;
  readonly file?: string;
  readonly line?: number;
  /** Absent where the test passed. */
  readonly failure?: { readonly type: string; readonly message: string; readonly detail?: string };
}

/**
 * The XML document, with a newline at its end.
 *
 * @param faultsOf - why a rule's score proves nothing; empty where it does.
 */
export function junitXml(report: ScoreReport, faultsOf: (rule: RuleReport) => readonly string[]): string {
  const suites = report.rules.map((rule) => ({ rule, cases: casesOf(rule, faultsOf(rule)) }));
  const cases = suites.flatMap((suite) => suite.cases);
  const properties = Object.entries({
    scenario: report.scenario,
    seed: report.seed,
    users: report.users,
    start: report.start,
    end: report.end,
  }).filter(([, value]) => value !== null);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    element(
      'testsuites',
      { name: `tocsin ${report.scenario ?? 'imported logs'}`, ...counts(cases) },
      suites.map(({ rule, cases: own }) =>
        element('testsuite', { name: rule.file ?? rule.rule, ...counts(own), ...seconds(rule) }, [
          element(
            'properties',
            {},
            [['rule', rule.rule] as const, ...properties].map(([name, value]) =>
              element('property', { name, value: String(value) }),
            ),
          ),
          ...own.map(({ name, file, line, failure }) =>
            element(
              'testcase',
              {
                name,
                classname: rule.file ?? rule.rule,
                ...(file !== undefined && { file, line: String(line) }),
              },
              failure
                ? [
                    element(
                      'failure',
                      { type: failure.type, message: failure.message },
                      failure.detail ?? failure.message,
                    ),
                  ]
                : [],
            ),
          ),
        ]),
      ),
    ),
    '',
  ].join('\n');
}

function casesOf({ expectations = [], baseline }: RuleReport, faults: readonly string[]): TestCase[] {
  return [
    {
      name: 'the score proves something',
      ...(faults.length > 0 && { failure: { type: 'proof', message: faults.join('; ') } }),
    },
    ...expectations.map(
      (each): TestCase => ({
        name: each.expectation,
        ...(each.position.file !== '--expect' && { file: each.position.file, line: each.position.line }),
        ...(!each.holds && {
          failure: {
            type: 'expectation',
            message: `${each.measured === null ? '' : 'measured '}${measuredText(each)}`,
          },
        }),
      }),
    ),
    ...(baseline?.changes ?? [])
      .filter(({ tolerance }) => tolerance !== null)
      .map(
        (change): TestCase => ({
          name: `${change.metric} is no worse than in the baseline`,
          ...(change.regressed && {
            failure: {
              type: 'regression',
              message: changeText(change),
              ...(change.metric === 'recall' &&
                baseline!.lost.length > 0 && {
                  detail: `${changeText(change)}\nnewly missed: ${namedIds(baseline!.lost)}`,
                }),
            },
          }),
        }),
      ),
  ];
}

function counts(cases: readonly TestCase[]): Record<string, string> {
  return {
    tests: String(cases.length),
    failures: String(cases.filter(({ failure }) => failure).length),
    errors: '0',
    skipped: '0',
  };
}

function seconds({ seconds: { replay, score } }: RuleReport): Record<string, string> {
  return replay === null && score === null ? {} : { time: ((replay ?? 0) + (score ?? 0)).toFixed(3) };
}

/** @param content - elements, or text. */
function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  content: readonly string[] | string = [],
): string {
  const start = `<${name}${Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')}`;
  if (typeof content === 'string') return `${start}>${escapeXml(content)}</${name}>`;
  if (content.length === 0) return `${start}/>`;
  const inner = content.flatMap((child) => child.split('\n').map((line) => `  ${line}`)).join('\n');
  return `${start}>\n${inner}\n</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** Escapes what XML 1.0 would read as markup or fold, and replaces what it cannot hold at all. */
function escapeXml(text: string): string {
  return text
    .replaceAll(/[&<>"\n\t]/g, (character) => ENTITIES[character]!)
    .replaceAll(
      /[\u0000-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
      '\ufffd',
    );
}
