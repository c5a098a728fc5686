/**
 * The report: one HTML file that says everything with text and tables, and draws what is better seen. It needs no network
 * and no other file; without scripts every figure is still there. The page's style and script are in page/.
 *
 * Whatever comes from a rule, a log or a scenario goes through `html` of markup.ts and is text there, never markup.
 */
import type { TruthIncident } from '../dataset/truth.ts';
import { noisiest } from '../score/noise.ts';
import type { Scorable } from '../score/score.ts';
import type { Interval, Recall } from '../score/statistics.ts';
import type { Explanation } from '../why/explanation.ts';
import { ruleLetter } from './comparison.ts';
import { measuredText } from './expectations.ts';
import {
  formatCount,
  formatDelay,
  formatInterval,
  formatMagnitude,
  formatNumber,
  formatRate,
  formatSeconds,
  formatShare,
} from './format.ts';
import type { RuleReport, ScoreReport } from './json.ts';
import { html, inlineData, inlineScript, inlineStyle, type Markup, markupText } from './markup.ts';
import { nextStep } from './next-step.ts';
import type { PageAssets } from './page-assets.ts';
import { type Listed, listedLine, listing } from './rule-listing.ts';
import type { SweptRule } from './swept.ts';
import { type Timeline, timelineOf, unixMsOf } from './timeline.ts';

/** What the report needs of a rule beside its score. */
export interface ReportedRule {
  readonly rule: Listed;
  readonly result: Scorable;
  /** Of the malicious events that no alert contains; undefined where nobody asked. */
  readonly explanations: readonly Explanation[] | undefined;
}

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

/** Attacks that the page lists and draws, for each rule; beyond that a browser gets slow and nobody reads on. */
const MAX_ATTACKS = 2_000;

/** The whole page. */
export function reportHtml(report: HtmlReport, assets: PageAssets): string {
  const { score } = report;
  const rules = score.rules.map((rule, index) => new RuleSection(rule, report, index));
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

/** A column of a table: its heading, and whether it holds numbers. */
interface Column {
  readonly title: string;
  readonly numeric?: boolean;
}

/** A cell, and what to sort it by where its text will not do. */
interface Cell {
  readonly text: Markup | string;
  readonly by?: number | undefined;
}

const column = (title: string): Column => ({ title });
const numbers = (title: string): Column => ({ title, numeric: true });

/** A table that its reader can sort. The first cell of a row names it. */
function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const kind = ({ numeric }: Column) => numeric && html` class="n"`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="sortable">
<caption>${caption}</caption>
<thead><tr>${columns.map((each) => html`<th scope="col"${kind(each)}>${each.title}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (cells) => html`<tr>${cells.map((cell, index) => {
    const by = cell.by !== undefined && html` data-by="${cell.by}"`;
    return index === 0
      ? html`<th scope="row"${by}>${cell.text}</th>`
      : html`<td${kind(columns[index]!)}${by}>${cell.text}</td>`;
  })}</tr>
`,
)}</tbody>
</table></div>`;
}

function count(value: number): Cell {
  return { text: formatCount(value), by: value };
}

/** A share of nothing sorts below every other. */
function share(value: number | null): Cell {
  return value === null ? { text: 'n/a', by: -1 } : { text: formatShare(value), by: value };
}

function intervalCell(interval: Interval): Cell {
  return interval === null ? { text: 'n/a', by: -1 } : { text: formatInterval(interval), by: interval[0] };
}

function rate(value: number | null): Cell {
  return value === null ? { text: 'n/a', by: -1 } : { text: formatRate(value), by: value };
}

function comparison({ rules, comparison: pairs = [] }: ScoreReport): Markup {
  return html`<section aria-labelledby="rules">
<h2 id="rules">The rules side by side</h2>
${table(
  'Rules',
  [
    column('Rule'),
    numbers('Attacks detected'),
    numbers('Attack recall'),
    numbers('95 % interval'),
    numbers('Alert precision'),
    numbers('Row precision'),
    numbers('False alarms a day'),
  ],
  rules.map((rule, index) => [
    { text: html`${ruleLetter(index)}: <a href="#r${index}">${rule.rule}</a>`, by: index },
    {
      text: `${formatCount(rule.attacks.detected)} of ${formatCount(rule.attacks.planted)}`,
      by: rule.attacks.detected,
    },
    share(rule.attacks.recall),
    intervalCell(rule.attacks.interval),
    share(rule.alerts.precision),
    share(rule.rows.precision),
    rate(rule.falseAlarms.perDay),
  ]),
)}
${pairs.map(({ verdict }) => html`<p>${verdict}</p>`)}
</section>`;
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
    ...axes.map(column),
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
    { text: point.frontier ? 'yes' : 'no' },
    share(point.recall),
    intervalCell(point.interval),
    share(point.rowPrecision),
    point.timeToDetect === null
      ? { text: 'n/a', by: -1 }
      : { text: formatDelay(point.timeToDetect), by: point.timeToDetect },
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

/** One rule's part of the page. */
class RuleSection {
  readonly #score: RuleReport;
  readonly #reported: ReportedRule;
  readonly #report: HtmlReport;
  readonly #id: string;
  readonly #timeline: Timeline;

  constructor(score: RuleReport, report: HtmlReport, index: number) {
    this.#score = score;
    this.#reported = report.rules[index]!;
    this.#report = report;
    this.#id = `r${index}`;
    this.#timeline = timelineOf(this.#reported.result, report.truth);
  }

  markup(): Markup {
    const { rule, file, warnings } = this.#score;
    return html`<article id="${this.#id}" aria-labelledby="${this.#id}-name">
<h2 id="${this.#id}-name">${rule}</h2>
${file !== null && html`<p class="facts"><code>${file}</code></p>`}
${warnings.map((warning) => html`<p class="warning"><strong>Warning:</strong> ${warning}</p>`)}
${this.#headlines()}
${this.#expectations()}
${this.#next()}
${this.#part('timeline', 'Attacks and alerts over time', this.#timelineMarkup())}
${this.#part('recall', 'Recall by chain and variant', this.#recall())}
${this.#part('rule', 'Where the rule lost attacks', this.#losses())}
${this.#part('noise', 'False alarms by kind', this.#noise())}
${this.#part('throughput', 'Throughput', this.#throughput())}
</article>`;
  }

  /** What the page's script draws. */
  chartData(): unknown {
    const { start, end } = this.#report.score;
    const { attacks, runs } = this.#timeline;
    const bar = (kind: string, name: string, { planted, detected, recall, interval }: Recall) => ({
      kind,
      name,
      planted,
      detected,
      recall,
      low: interval?.[0],
      high: interval?.[1],
    });
    return {
      id: this.#id,
      from: unixMsOf(start),
      to: Math.max(unixMsOf(end), ...runs.slice(-1).map(({ at }) => at)),
      attacks: attacks.slice(0, MAX_ATTACKS).map(({ incident, at, caughtAt }) => ({
        id: incident.id,
        chain: incident.scenario,
        title: incident.title,
        at,
        ...(caughtAt !== undefined && { caughtAt, delay: formatDelay(caughtAt - at) }),
      })),
      runs: runs.map(({ at, trueAlerts, falseAlerts }) => [at, trueAlerts, falseAlerts]),
      recall: [
        ...this.#score.perScenario.map((chain) => bar('chain', chain.scenario, chain.attacks)),
        ...this.#variants().map((variant) => bar('variant', variant.variant, variant.attacks)),
      ],
      noise: this.#noiseRows().flatMap(({ name, rows }) => (rows > 0 ? { name, rows } : [])),
    };
  }

  #part(name: string, title: string, content: Markup): Markup {
    const id = `${this.#id}-${name}`;
    return html`<section aria-labelledby="${id}" class="${name}">
<h3 id="${id}">${title}</h3>
${content}
</section>`;
  }

  #headlines(): Markup {
    const { attacks, events, alerts, rows, incidents, timeToDetectMs: delay, falseAlarms } = this.#score;
    const repeats = rows.duplicates > 0 ? `, and ${formatNumber(rows.duplicates, 'repeat')}` : '';
    return html`<dl class="figures">
${proportion('Attack recall', attacks.detected, attacks.planted, 'attacks detected', attacks.recall, attacks)}
${proportion('Event recall', events.detected, events.planted, 'malicious events in an alert', events.recall, events)}
${proportion('Alert precision', alerts.truePositive, alerts.raised, 'alerts hold an attack', alerts.precision, alerts)}
${proportion('Row precision', rows.truePositive, rows.unique, `rows show one${repeats}`, rows.precision, rows)}
${proportion('Incident precision', incidents.truePositive, incidents.opened, 'incidents hold an attack', incidents.precision, incidents)}
${figure(
  'Incidents a day',
  incidents.perDay === null ? 'n/a' : formatRate(incidents.perDay),
  `${formatNumber(incidents.opened, 'incident')} of ${formatNumber(alerts.raised, 'alert')} for an analyst to open`,
)}
${
  delay.p50 === null
    ? figure('Time to detect', 'n/a', delay.unmeasured ?? '')
    : figure(
        'Time to detect',
        formatDelay(delay.p50),
        `median; p90 ${formatDelay(delay.p90!)}, longest ${formatDelay(delay.max!)}`,
      )
}
${figure(
  'False alarms a day',
  falseAlarms.perDay === null ? 'n/a' : formatRate(falseAlarms.perDay),
  [
    `${formatCount(falseAlarms.alerts)} in all`,
    ...(falseAlarms.perThousandUsersPerDay === null
      ? []
      : [`${formatRate(falseAlarms.perThousandUsersPerDay)} a day per 1,000 users`]),
  ].join(', '),
)}
</dl>`;
  }

  #expectations(): Markup | undefined {
    const { expectations = [] } = this.#score;
    if (expectations.length === 0) return undefined;
    return table(
      'Expectations',
      [column('Expected'), column('Holds'), numbers('Measured')],
      expectations.map((each) => [
        { text: html`<code>${each.expectation}</code>` },
        { text: each.holds ? 'yes' : html`<strong class="missed">no</strong>` },
        { text: measuredText(each), by: each.measured ?? -1 },
      ]),
    );
  }

  #next(): Markup {
    const { advice, command } = nextStep(this.#score, {
      dataset: this.#report.dataset,
      ruleFile: this.#score.file ?? undefined,
      truth: this.#report.truth,
    });
    return html`<p class="next"><strong>Next:</strong> ${advice}${command !== undefined && html` <code>${command}</code>`}</p>`;
  }

  #timelineMarkup(): Markup {
    const { attacks } = this.#timeline;
    const listed = attacks.slice(0, MAX_ATTACKS);
    if (attacks.length === 0) return html`<p>No attack was planted.</p>`;
    const id = `${this.#id}-chart`;
    return html`<p class="legend"><span class="key caught">detected, with the time until its alert</span> <span class="key missed">missed</span> <span class="key false">false alarms</span></p>
<div class="zoomable" data-chart="timeline" data-rule="${this.#id}" hidden>
<div class="tools" role="toolbar" aria-label="Zoom of the timeline" aria-controls="${id}">
<button type="button" data-zoom="in">Zoom in</button>
<button type="button" data-zoom="out">Zoom out</button>
<button type="button" data-zoom="earlier">Earlier</button>
<button type="button" data-zoom="later">Later</button>
<button type="button" data-zoom="all">All</button>
<output aria-live="polite"></output>
</div>
<div class="chart" id="${id}" tabindex="0" role="group" aria-label="Timeline of attacks and alerts. Plus and minus zoom, arrow keys move, Home shows all. The table below has the same attacks."></div>
<p class="hint">Drag over a span of time to zoom in; double-click to see all.</p>
</div>
<details class="data"${listed.length <= MAX_OPEN_ROWS && html` open`}><summary>${formatNumber(attacks.length, 'attack')}${listed.length < attacks.length && `; the first ${formatCount(listed.length)} are listed`}</summary>
${table(
  'Attacks',
  [
    column('Attack'),
    column('Chain'),
    column('Variant'),
    column('Time'),
    column('Detected'),
    numbers('Time to detect'),
    column('Lost at'),
  ],
  listed.map(({ incident, at, caughtAt }) => [
    { text: incident.id },
    { text: incident.scenario },
    { text: incident.variant },
    { text: minuteOf(at), by: at },
    caughtAt === undefined ? { text: html`<strong class="missed">missed</strong>` } : { text: 'detected' },
    caughtAt === undefined
      ? { text: '', by: Number.MAX_SAFE_INTEGER }
      : { text: formatDelay(caughtAt - at), by: caughtAt - at },
    this.#lostAt(incident.id),
  ]),
)}
</details>`;
  }

  #lostAt(attack: string): Cell {
    const loss = this.#score.losses?.find(({ incidents }) => incidents.includes(attack));
    if (!loss) return { text: '', by: Number.MAX_SAFE_INTEGER };
    const line = listedLine(this.#reported.rule, loss);
    return { text: html`<a href="#${this.#id}-L${line}">line ${line}</a>`, by: line };
  }

  #recall(): Markup {
    const { perScenario } = this.#score;
    const variants = this.#variants();
    if (perScenario.length === 0) return html`<p>No attack was planted.</p>`;
    const columns = (title: string) => [
      column(title),
      numbers('Detected'),
      numbers('Planted'),
      numbers('Recall'),
      numbers('95 % interval'),
      numbers('Event recall'),
    ];
    const cells = (name: string, attacks: Recall, events: Recall): Cell[] => [
      { text: name },
      count(attacks.detected),
      count(attacks.planted),
      share(attacks.recall),
      intervalCell(attacks.interval),
      share(events.recall),
    ];
    const worstFirst = (a: { attacks: Recall }, b: { attacks: Recall }) =>
      (a.attacks.recall ?? 0) - (b.attacks.recall ?? 0) || b.attacks.planted - a.attacks.planted;
    return html`<div class="chart" data-chart="recall" data-rule="${this.#id}" hidden></div>
<div class="pair">
${table(
  'By chain',
  columns('Chain'),
  perScenario.toSorted(worstFirst).map((one) => cells(one.scenario, one.attacks, one.events)),
)}
${
  variants.length > 0 &&
  table(
    'By variant',
    columns('Variant'),
    variants.toSorted(worstFirst).map((one) => cells(one.variant, one.attacks, one.events)),
  )
}
</div>`;
  }

  /** The variants, where there is more than one. */
  #variants(): RuleReport['perVariant'] {
    const { perVariant } = this.#score;
    return perVariant.length > 1 ? perVariant : [];
  }

  #losses(): Markup {
    const { losses } = this.#score;
    const { explanations, rule } = this.#reported;
    if (!losses) {
      return html`<p>The rule read too many rows to trace the missed events here; <code>tocsin why</code> does it.</p>`;
    }
    return html`${
      losses.length === 0
        ? html`<p>An alert contains every malicious event.</p>`
        : html`<p>Each missed attack is counted at the one clause where it got furthest.</p>`
    }
${listing(rule, losses, { id: this.#id, explanations: explanations ?? [], truth: this.#report.truth })}`;
  }

  #noiseRows(): { name: string; rows: number; planted: boolean }[] {
    const { perLookalike, falseAlarms } = this.#score;
    return [
      ...perLookalike.map(({ lookalike, rows }) => ({ name: lookalike, rows, planted: true })),
      { name: "an attacker's other acts", rows: falseAlarms.rows.supporting, planted: false },
      { name: 'everyday activity', rows: falseAlarms.rows.background, planted: false },
    ].toSorted((a, b) => b.rows - a.rows);
  }

  #noise(): Markup {
    const { perLookalike, rows } = this.#score;
    if (rows.falsePositive === 0 && perLookalike.length === 0) return html`<p>No row of the rule is false.</p>`;
    const kinds = new Map(perLookalike.map((kind) => [kind.lookalike, kind]));
    return html`<div class="chart" data-chart="noise" data-rule="${this.#id}" hidden></div>
${table(
  'False rows by what stands behind them; a row may count for several look-alikes',
  [
    column('Kind'),
    numbers('False rows'),
    numbers('False alarms'),
    numbers('Rang'),
    numbers('Planted'),
    numbers('Share'),
    numbers('95 % interval'),
  ],
  this.#noiseRows().map(({ name, rows: own, planted }) => {
    const kind = planted ? kinds.get(name) : undefined;
    const empty: Cell = { text: '', by: -1 };
    return [
      { text: name },
      count(own),
      ...(kind
        ? [count(kind.alerts), count(kind.alerted), count(kind.planted), share(kind.share), intervalCell(kind.interval)]
        : [empty, empty, empty, empty, empty]),
    ];
  }),
)}
${this.#noisiest()}`;
  }

  /** The values that stand most often on false rows, for each column that the rule shows in its alerts. */
  #noisiest(): Markup {
    const { rule, result } = this.#reported;
    const { columns } = noisiest(result, rule.rule, this.#report.truth);
    const tables = columns.flatMap(({ column: name, shownAs, distinct, values }) =>
      values.length === 0
        ? []
        : table(
            `False rows by ${name}${shownAs === name ? '' : ` (${shownAs})`}, ${formatNumber(distinct, 'value')}`,
            [column('Value'), numbers('Rows'), numbers('Share')],
            values.map(({ value, rows, share: part }) => [
              { text: value === '' ? '(empty)' : value },
              count(rows),
              share(part),
            ]),
          ),
    );
    return html`<div class="pair">${tables}</div>`;
  }

  #throughput(): Markup {
    const { runs, rowsRead, seconds, digest } = this.#score;
    const all = Object.values(rowsRead).reduce((sum, rows) => sum + rows, 0);
    return html`<dl class="figures">
${figure('Rows read', formatCount(all), `${formatNumber(runs, 'run')}, digest ${digest.slice(0, 8)}`)}
${
  seconds.replay !== null &&
  figure(
    'Rows a second',
    formatMagnitude(all / Math.max(seconds.replay, 1e-3)),
    `replayed in ${formatSeconds(seconds.replay)}${seconds.generate === null ? '' : `, generated in ${formatSeconds(seconds.generate)}`}`,
  )
}
</dl>
${table(
  'Rows read by table',
  [column('Table'), numbers('Rows')],
  Object.entries(rowsRead).map(([name, rows]) => [{ text: name }, count(rows)]),
)}`;
  }
}

/** The table of attacks is open where it has at most this many. */
const MAX_OPEN_ROWS = 30;

function figure(name: string, value: string, detail: string, bar?: Markup): Markup {
  return html`<div><dt>${name}</dt><dd><span class="value">${value}</span>${bar}<span class="detail">${unbroken(detail)}</span></dd></div>`;
}

/** Keeps a number with its unit, and the two ends of an interval, on one line. */
function unbroken(text: string): string {
  return text.replace(/(?<=\d) (?=%|min|s\b)/g, '\u00a0').replace(/(?<=\d)-(?=\d)/g, '\u2060-\u2060');
}

/** A share with its interval, in words and as a bar. */
function proportion(
  name: string,
  hits: number,
  all: number,
  what: string,
  value: number | null,
  { interval, unmeasured }: { readonly interval: Interval; readonly unmeasured?: string },
): Markup {
  if (value === null || interval === null) return figure(name, 'n/a', `unmeasured: ${unmeasured}`);
  const percent = (part: number) => `${Math.round(part * 1000) / 10}%`;
  const bar = html`<span class="interval" aria-hidden="true" style="--low:${percent(interval[0])};--high:${percent(interval[1])};--at:${percent(value)}"></span>`;
  return figure(
    name,
    formatShare(value),
    `95 % interval ${formatInterval(interval)}; ${formatCount(hits)} of ${formatCount(all)} ${what}`,
    bar,
  );
}

/** `2026-06-01 00:00`, UTC. */
function minuteOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 16).replace('T', ' ');
}
