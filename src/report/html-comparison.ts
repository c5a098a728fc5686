/** Rules side by side in the HTML report, and a rule against what it was expected to reach and reached before. */
import type { PairComparison, PlantedRef } from '../score/compare.ts';
import { accountDaysText, type ComparisonReport, countKinds, MEASURES, ruleLetter } from './comparison.ts';
import { changeText, formatMeasured, measuredText, namedIds } from './expectations.ts';
import { formatCount } from './format.ts';
import { type Cell, column, numbers, table, verdict } from './html-table.ts';
import type { RuleReport, ScoreReport } from './json.ts';
import { html, type Markup } from './markup.ts';

export function comparison({ rules, comparison: pairs = [] }: ScoreReport): Markup {
  return html`<section aria-labelledby="rules" class="comparison">
<h2 id="rules">The rules side by side</h2>
${pairs.map(({ verdict: text }) => html`<p class="lead">${text}</p>`)}
<ol class="letters">
${rules.map(
  (
    { rule, file },
    index,
  ) => html`<li><b>${ruleLetter(index)}</b> <a href="#r${index}">${rule}</a>${file !== null && html` <code>${file}</code>`}</li>
`,
)}</ol>
${table(
  'Measures by rule',
  [column('Measure'), ...rules.map((_, index) => numbers(ruleLetter(index)))],
  MEASURES.map(([label, cell]) => [{ text: label }, ...rules.map((rule): Cell => ({ text: cell(rule) }))]),
)}
${pairs.map((pair) => differences(pair))}
</section>`;
}

/** Kinds that a list names. */
const MAX_KINDS = 8;

function differences(pair: ComparisonReport): Markup {
  const [a, b] = [ruleLetter(pair.first), ruleLetter(pair.second)];
  const kinds = (lead: string, planted: readonly PlantedRef[]): Markup | false => {
    if (planted.length === 0) return false;
    const counted = countKinds(planted);
    const more = counted.length - MAX_KINDS;
    const names = counted.slice(0, MAX_KINDS).map(([kind, number]) => `${formatCount(number)} of ${kind}`);
    return html`<li>${lead}: ${names.join('; ')}${more > 0 && ` and ${more} more kinds`}</li>`;
  };
  return html`<ul class="differences">
${kinds(`only ${a} catches`, pair.attacks.onlyFirst)}
${kinds(`only ${b} catches`, pair.attacks.onlySecond)}
${kinds(`only ${a} rings for, benign`, pair.lookalikes.onlyFirst)}
${kinds(`only ${b} rings for, benign`, pair.lookalikes.onlySecond)}
<li>${accountDaysText(pair)}${accountExamples(pair)}</li>
</ul>`;
}

function accountExamples({ first, second, falseAlarms }: PairComparison): string {
  const named = (index: number, examples: readonly string[]) =>
    examples.length === 0 ? '' : ` In ${ruleLetter(index)} alone, for instance: ${examples.join(', ')}.`;
  return named(first, falseAlarms.examplesOnlyFirst) + named(second, falseAlarms.examplesOnlySecond);
}

/** What a rule had to reach; undefined where nothing was asked of it. */
export function gate({ expectations = [], baseline }: RuleReport): Markup | undefined {
  if (expectations.length === 0 && baseline === undefined) return undefined;
  return html`<div class="pair">
${
  expectations.length > 0 &&
  table(
    'Expectations',
    [column('Expected'), column('Holds'), numbers('Measured')],
    expectations.map((each) => [
      { text: html`<code>${each.expectation}</code>` },
      verdict(each.holds),
      { text: measuredText(each), by: each.measured ?? -1 },
    ]),
  )
}
${baseline === null && html`<p>The baseline does not hold this rule.</p>`}
${baseline && againstBaseline(baseline)}
</div>`;
}

function againstBaseline({ changes, lost, gained }: NonNullable<RuleReport['baseline']>): Markup {
  return html`<div>${table(
    'Against the baseline',
    [column('Measure'), numbers('Before'), numbers('Now'), numbers('Tolerance'), column('Held')],
    changes.map((change) => {
      const { metric, unit, before, now, tolerance, regressed } = change;
      const value = (of: number | null): Cell => ({
        text: of === null ? 'unmeasured' : formatMeasured(of, unit),
        by: of ?? -1,
      });
      return [
        { text: html`<code title="${changeText(change)}">${metric}</code>` },
        value(before),
        value(now),
        { text: tolerance ?? '' },
        tolerance === null ? { text: '', by: -1 } : verdict(!regressed, 'yes', 'worse'),
      ];
    }),
  )}
${lost.length > 0 && html`<p><strong class="missed">Newly missed:</strong> ${namedIds(lost)}</p>`}
${gained.length > 0 && html`<p><span class="met">Newly caught:</span> ${namedIds(gained)}</p>`}</div>`;
}
