/**
 * The report: one HTML file that says everything with text and tables, and draws what is better seen. It needs no network
 * and no other file; without scripts every figure is still there. The page's style and script are in page/.
 *
 * Whatever comes from a rule, a log or a scenario goes through `html` of markup.ts and is text there, never markup.
 */
import type { TruthIncident } from '../dataset/truth.ts';
import { formatNumber } from './format.ts';
import { comparison } from './html-comparison.ts';
import { type ReportedRule, RuleSection } from './html-rule.ts';
import { column, count, delay, intervalCell, numbers, rate, share, table } from './html-table.ts';
import type { ScoreReport } from './json.ts';
import { html, inlineData, inlineScript, inlineStyle, type Markup, markupText } from './markup.ts';
import type { PageAssets } from './page-assets.ts';
import type { SweptRule } from './swept.ts';

export interface HtmlReport {
  readonly score: ScoreReport;
  readonly truth: readonly TruthIncident[];
  /** One for each of the score's rules, in the same order. */
  readonly rules: readonly ReportedRule[];
  /** A rule in many settings, where somebody swept it. */
  readonly sweep?: SweptRule | undefined;
  /** Where the dataset stays, for commands to copy; undefined where it does not. */
  readonly dataset: string | undefined;
}

/** The whole page. */
export function reportHtml(report: HtmlReport, assets: PageAssets): string {
  const { score } = report;
  const { start, end } = score;
  const { truth, dataset } = report;
  const rules = score.rules.map(
    (rule, index) => new RuleSection(rule, report.rules[index]!, { start, end, truth, dataset }, index),
  );
  const name = score.scenario ?? 'imported logs';
  const page = html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'">
<link rel="icon" href="data:,">
<title>Tocsin: ${rules.length === 1 ? score.rules[0]!.rule : formatNumber(rules.length, 'rule')} on ${name}</title>
${inlineStyle(assets.style)}
</head>
<body>
<a class="skip" href="#report">Skip to the report</a>
<header class="page">
<div class="bar"><p class="brand">Tocsin</p><button type="button" id="theme" hidden>Dark</button></div>
<h1>${name}</h1>
<p class="facts">${facts(score).join(' · ')}</p>
</header>
<main id="report" tabindex="-1">
${rules.length > 1 && comparison(score)}
${rules.map((rule) => rule.markup())}
${report.sweep && swept(report.sweep)}
${logs(score)}
</main>
<footer><p>Every proportion has its 95 % Wilson interval. Times are UTC. What the figures mean: docs/score.md of Tocsin.</p></footer>
${inlineData('tocsin-data', {
  rules: rules.map((rule) => rule.chartData()),
  ...(report.sweep && { sweep: sweepData(report.sweep) }),
})}
${assets.scripts.map((script) => inlineScript(script))}
</body>
</html>
`;
  return `<!doctype html>\n${markupText(page)}`;
}

function facts({ users, start, end, seed, events }: ScoreReport): string[] {
  const all = Object.values(events).reduce((sum, count) => sum + count, 0);
  return [
    ...(users === null ? [] : [formatNumber(users, 'user')]),
    `${start.slice(0, 10)} to ${end.slice(0, 10)}`,
    formatNumber(all, 'event'),
    ...(seed === null ? [] : [`seed ${seed}`]),
  ];
}

function swept({ rule, axes, points, skipped }: SweptRule): Markup {
  return html`<section aria-labelledby="sweep" class="sweep">
<h2 id="sweep">In other settings</h2>
<p>${rule} in ${formatNumber(points.length, 'combination')} of settings. On the frontier is what no other combination equals in all measures and beats in one.${skipped > 0 && ` ${formatNumber(skipped, 'combination')} could not run.`}</p>
<p class="legend" hidden><span class="key caught">on the frontier</span> <span class="key false">beaten</span> <span class="key missed">as the rule stands</span></p>
<div class="chart" data-chart="sweep" hidden></div>
${table(
  'Settings',
  [
    ...axes.map((name) => column(name)),
    column('Frontier'),
    numbers('Attack recall'),
    numbers('95 % interval'),
    numbers('Row precision'),
    numbers('Time to detect, p50'),
    numbers('False alarms a day'),
  ],
  points.map((point) => [
    ...point.values.map((text, index) => ({
      text: index === 0 && point.asIs ? html`<strong>${text}</strong> (as is)` : text,
    })),
    { text: point.frontier ? html`<b>yes</b>` : 'no' },
    share(point.recall),
    intervalCell(point.interval),
    share(point.rowPrecision),
    delay(point.timeToDetect),
    rate(point.falseAlarmsPerDay),
  ]),
)}
</section>`;
}

/** The combinations that have both measures of the chart. */
function sweepData({ axes, points }: SweptRule): unknown {
  return points
    .filter(({ recall, falseAlarmsPerDay }) => recall !== null && falseAlarmsPerDay !== null)
    .map(({ values, recall, falseAlarmsPerDay, frontier, asIs }) => ({
      label: axes.map((name, index) => `${name}: ${values[index]}`).join('\n'),
      recall,
      noise: falseAlarmsPerDay,
      frontier,
      asIs,
    }));
}

function logs({ events }: ScoreReport): Markup {
  return html`<section aria-labelledby="logs">
<h2 id="logs">Logs</h2>
${table(
  'Events by table',
  [column('Table'), numbers('Events')],
  Object.entries(events).map(([name, rows]) => [{ text: name }, count(rows)]),
)}
</section>`;
}
