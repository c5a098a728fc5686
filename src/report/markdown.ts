/** A score as a Markdown summary, for a pull request or the summary of a CI job. */
import { accountDaysText, countKinds, MEASURES, ruleLetter } from './comparison.ts';
import { changeText, measuredText, namedIds } from './expectations.ts';
import { formatCount, formatNumber } from './format.ts';
import type { RuleReport, ScoreReport } from './json.ts';
import type { PairComparison, PlantedRef } from '../score/compare.ts';

/** Clauses that are shown of each rule. */
const MAX_LOSSES = 5;
/** Kinds of look-alike that are shown of each rule. */
const MAX_KINDS = 5;

/**
 * The document, with a newline at its end.
 *
 * @param faultsOf - why a rule's score proves nothing; empty where it does.
 */
export function scoreMarkdown(report: ScoreReport, faultsOf: (rule: RuleReport) => readonly string[]): string {
  const { rules, comparison = [] } = report;
  const facts = [
    ...(report.users === null ? [] : [`${formatCount(report.users)} users`]),
    `${report.start.slice(0, 10)} to ${report.end.slice(0, 10)}`,
    ...(report.seed === null ? [] : [`seed ${report.seed}`]),
  ];
  const several = rules.length > 1;
  const name = (rule: RuleReport, index: number) =>
    `${several ? `${ruleLetter(index)}: ` : ''}${text(rule.file ?? rule.rule)}`;
  const blocks = [
    `## Tocsin: ${text(report.scenario ?? 'imported logs')}`,
    `${facts.join(', ')}.`,
    table(
      ['', ...rules.map(name)],
      MEASURES.map(([label, cell]) => [label, ...rules.map(cell)]),
      true,
    ),
    ...rules.flatMap((rule, index) => ruleBlocks(rule, name(rule, index), faultsOf(rule))),
    ...(comparison.length > 0 ? ['### Side by side'] : []),
    ...comparison.flatMap((pair) => [`**${text(pair.verdict)}**`, comparisonList(pair).join('\n')]),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function ruleBlocks(rule: RuleReport, name: string, faults: readonly string[]): string[] {
  const { expectations = [], baseline, losses = [] } = rule;
  return [
    ...faults.map((fault) => `❌ **${name}: ${text(fault)}**`),
    ...(expectations.length === 0
      ? []
      : [
          `### Expected of ${name}`,
          table(
            ['', 'expectation', 'measured'],
            expectations.map((each) => [each.holds ? '✅' : '❌', code(each.expectation), text(measuredText(each))]),
          ),
        ]),
    ...(baseline === undefined ? [] : [`### ${name}, against the baseline`, ...baselineBlocks(baseline)]),
    ...(losses.length === 0
      ? []
      : [
          `### What lost the attacks that ${name} missed`,
          table(
            ['attacks', 'events', 'clause'],
            losses
              .slice(0, MAX_LOSSES)
              .map(({ clause, incidents, events }) => [
                String(incidents.length),
                String(events.length),
                `line ${clause.position.line}: ${code(clause.text)}`,
              ]),
          ),
        ]),
    ...falseAlarmBlocks(rule, name),
  ];
}

/** What stands behind the false rows, the most first, and whether the rule's author meant it. */
function falseAlarmBlocks({ perLookalike, falseAlarms, rows, intent }: RuleReport, name: string): string[] {
  if (rows.falsePositive === 0) return [];
  const kinds = perLookalike.filter((kind) => kind.rows > 0).toSorted((a, b) => b.rows - a.rows);
  const rest = kinds.length - MAX_KINDS;
  const row = (what: string, count: number) => [what, formatCount(count)];
  const { supporting, background } = falseAlarms.rows;
  return [
    `### What the false alarms of ${name} are`,
    table(
      ['behind it', 'unique rows'],
      [
        ...kinds.slice(0, MAX_KINDS).map((kind) => row(text(kind.lookalike), kind.rows)),
        ...(rest > 0 ? [[`and ${formatNumber(rest, 'more kind')} of look-alike`, '']] : []),
        ...(supporting > 0 ? [row("an attacker's other acts", supporting)] : []),
        row('everyday activity', background),
        ...(intent
          ? [
              row('*meant by its author: a silent sign-in in the hour before*', intent.falseRows.meant),
              row('*not meant*', intent.falseRows.notMeant),
            ]
          : []),
      ],
      true,
    ),
  ];
}

function baselineBlocks(baseline: NonNullable<RuleReport['baseline']> | null): string[] {
  if (baseline === null) return ['The baseline does not hold this rule.'];
  const { changes, lost, gained } = baseline;
  const mark = (tolerance: string | null, regressed: boolean) => (tolerance === null ? '' : regressed ? '❌' : '✅');
  const list = [
    ...(lost.length > 0 ? [`* newly missed: ${text(namedIds(lost))}`] : []),
    ...(gained.length > 0 ? [`* newly caught: ${text(namedIds(gained))}`] : []),
  ];
  return [
    table(
      ['', 'measure', 'before -> now'],
      changes.map((change) => [
        mark(change.tolerance, change.regressed),
        code(change.metric),
        text(changeText(change)),
      ]),
    ),
    ...(list.length > 0 ? [list.join('\n')] : []),
  ];
}

function comparisonList(pair: PairComparison): string[] {
  const [a, b] = [ruleLetter(pair.first), ruleLetter(pair.second)];
  const kinds = (lead: string, planted: readonly PlantedRef[]) =>
    planted.length === 0
      ? []
      : [
          `* ${lead}: ${countKinds(planted)
            .map(([kind, count]) => `${count} of ${text(kind)}`)
            .join('; ')}`,
        ];
  return [
    ...kinds(`only ${a} catches`, pair.attacks.onlyFirst),
    ...kinds(`only ${b} catches`, pair.attacks.onlySecond),
    ...kinds(`only ${a} rings for, benign`, pair.lookalikes.onlyFirst),
    ...kinds(`only ${b} rings for, benign`, pair.lookalikes.onlySecond),
    `* ${text(accountDaysText(pair))}`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[], numbers = false): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (numbers && index > 0 ? '--:' : '---'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** Text that Markdown and a table take as it is. */
function text(plain: string): string {
  return plain
    .replaceAll(/[\\`*_[\]|]/g, String.raw`\$&`)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/\s+/g, ' ');
}

/** Code in a table: only the bar has to be escaped, and the fence be longer than any in it. */
function code(source: string): string {
  const flat = source.replaceAll(/\s+/g, ' ').replaceAll('|', String.raw`\|`);
  const longest = Math.max(0, ...Array.from(flat.matchAll(/`+/g), ([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return longest === 0 ? `${fence}${flat}${fence}` : `${fence} ${flat} ${fence}`;
}
