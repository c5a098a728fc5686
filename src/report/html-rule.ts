/**
 * One rule's part of the HTML report. It answers first what a reader opens it for: which attacks rang, which did not and
 * which line lost them, how late, and how many false alarms there are; all else comes below.
 */
import type { TruthIncident } from '../dataset/truth.ts';
import { noisiest, precisionAtBaseRate } from '../score/noise.ts';
import type { Scorable } from '../score/score.ts';
import type { Interval, Recall } from '../score/statistics.ts';
import type { ClauseLosses, Explanation } from '../why/explanation.ts';
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
import { gate } from './html-comparison.ts';
import {
  type Cell,
  column,
  count,
  delay,
  figure,
  intervalBar,
  intervalCell,
  lengthBar,
  minor,
  numbers,
  proportion,
  share,
  table,
} from './html-table.ts';
import type { RuleReport } from './json.ts';
import { html, type Markup } from './markup.ts';
import { nextStep } from './next-step.ts';
import { type Listed, listedLine, listing } from './rule-listing.ts';
import { scheduleRows } from './schedule.ts';
import { type Timeline, timelineOf, unixMsOf } from './timeline.ts';
import { causesText } from './why.ts';

/** What the report needs of a rule beside its score. */
export interface ReportedRule {
  readonly rule: Listed;
  readonly result: Scorable;
  /** Of the malicious events that no alert contains; undefined where nobody asked. */
  readonly explanations: readonly Explanation[] | undefined;
}

/** What is around a rule. */
export interface RuleContext {
  /** What the dataset covers, ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly truth: readonly TruthIncident[];
  /** Where the dataset stays, for commands to copy; undefined where it does not. */
  readonly dataset: string | undefined;
}

/** Attacks that the page lists and draws, for each rule; beyond that a browser gets slow and nobody reads on. */
const MAX_ATTACKS = 2_000;
/** The table of attacks is open where it has at most this many. */
const MAX_OPEN_ROWS = 30;
/** Chains and clauses that stand at the top; the rest is below. */
const MAX_CHAINS = 8;
const MAX_CLAUSES = 3;
/** Attacks of a chain that are drawn one by one. */
const MAX_MARKS = 24;
/** Attacks a week among 1,000 users, for the share of alerts that would be true. */
const BASE_RATE = 1;

export class RuleSection {
  readonly #score: RuleReport;
  readonly #reported: ReportedRule;
  readonly #context: RuleContext;
  readonly #id: string;
  readonly #timeline: Timeline;

  constructor(score: RuleReport, reported: ReportedRule, context: RuleContext, index: number) {
    this.#score = score;
    this.#reported = reported;
    this.#context = context;
    this.#id = `r${index}`;
    this.#timeline = timelineOf(reported.result, context.truth);
  }

  markup(): Markup {
    const { rule, file, warnings, schedules = [] } = this.#score;
    const parts: readonly (readonly [name: string, short: string, title: string, content: Markup | undefined])[] = [
      ['timeline', 'Timeline', 'Attacks and alerts over time', this.#timelineMarkup()],
      ['recall', 'Recall', 'Recall by chain and variant', this.#recall()],
      ['rule', 'The rule', 'Where the rule lost attacks', this.#losses()],
      ['late', 'Time to detect', 'How late it rings', this.#delays()],
      ['noise', 'False alarms', 'False alarms by kind', this.#noise()],
      ['schedule', 'Schedule', 'What the schedule loses', schedules.length > 0 ? this.#schedules() : undefined],
      ['throughput', 'Throughput', 'Throughput', this.#throughput()],
    ];
    const present = parts.filter(([, , , content]) => content);
    return html`<article id="${this.#id}" aria-labelledby="${this.#id}-name">
<h2 id="${this.#id}-name">${rule}</h2>
${file !== null && html`<p class="facts"><code>${file}</code></p>`}
${warnings.map((warning) => html`<p class="warning"><strong>Warning:</strong> ${warning}</p>`)}
${this.#lead()}
${this.#headlines()}
${gate(this.#score)}
<div class="glance">
${this.#chains()}
${this.#clauses()}
</div>
${this.#next()}
${this.#otherMeasures()}
<nav aria-label="Parts of ${rule}"><ul>${present.map(([name, short]) => html`<li><a href="#${this.#id}-${name}">${short}</a></li>`)}</ul></nav>
${present.map(([name, , title, content]) => this.#part(name, title, content!))}
</article>`;
  }

  /** What the page's script draws. */
  chartData(): unknown {
    const { start, end } = this.#context;
    const { attacks, runs } = this.#timeline;
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
    };
  }

  #part(name: string, title: string, content: Markup): Markup {
    const id = `${this.#id}-${name}`;
    return html`<section aria-labelledby="${id}" class="${name}">
<h3 id="${id}">${title}</h3>
${content}
</section>`;
  }

  /** The result in a sentence or three. */
  #lead(): Markup {
    const { attacks, alerts, timeToDetectMs, falseAlarms, losses = [] } = this.#score;
    const { planted, detected } = attacks;
    if (planted === 0) return html`<p class="lead">No attack was planted, so there is no recall to speak of.</p>`;
    const rang =
      detected === planted
        ? html`<strong>${planted === 1 ? 'The only attack' : `All ${formatCount(planted)} attacks`}</strong> rang`
        : html`<strong>${detected === 0 ? 'None' : formatCount(detected)} of ${formatNumber(planted, 'attack')}</strong> rang`;
    const late =
      timeToDetectMs.p50 !== null && html`, half of them within <strong>${formatDelay(timeToDetectMs.p50)}</strong>`;
    const missed = losses.reduce((sum, { incidents }) => sum + incidents.length, 0);
    const [worst] = losses;
    const lost =
      worst !== undefined &&
      missed > 0 &&
      html` ${this.#line(worst, 'Line')} lost ${worst.incidents.length === missed ? (missed === 1 ? 'the other' : `all ${formatCount(missed)} others`) : `${formatCount(worst.incidents.length)} of the other ${formatCount(missed)}`}.`;
    const { perDay } = falseAlarms;
    const noise =
      alerts.falsePositive === 0
        ? html` There is no false alarm.`
        : perDay === null
          ? html` There ${alerts.falsePositive === 1 ? 'is' : 'are'} <strong>${formatNumber(alerts.falsePositive, 'false alarm')}</strong>.`
          : html` There ${formatRate(perDay) === '1' ? 'is' : 'are'} <strong>${formatRate(perDay)} false alarm${formatRate(perDay) !== '1' && 's'} a day</strong>.`;
    return html`<p class="lead">${rang}${late}.${lost}${noise}</p>`;
  }

  /** A link to the line of the listing where a clause stands. */
  #line(loss: ClauseLosses, word = 'line'): Markup {
    const line = listedLine(this.#reported.rule, loss);
    return html`<a class="whole" href="#${this.#id}-L${line}">${word} ${line}</a>`;
  }

  #headlines(): Markup {
    const { attacks, alerts, timeToDetectMs: times, falseAlarms } = this.#score;
    return html`<dl class="figures">
${proportion('Attack recall', attacks.detected, attacks.planted, 'attacks', attacks.recall, attacks)}
${figure(
  'False alarms a day',
  falseAlarms.perDay === null ? 'n/a' : formatRate(falseAlarms.perDay),
  [
    `${formatCount(falseAlarms.alerts)} in all`,
    ...(falseAlarms.perThousandUsersPerDay === null
      ? []
      : [`${formatRate(falseAlarms.perThousandUsersPerDay)} a day per 1,000 users`]),
  ].join('; '),
)}
${
  times.p50 === null
    ? figure('Time to detect', 'n/a', times.unmeasured ?? '')
    : figure(
        'Time to detect',
        formatDelay(times.p50),
        `median; 90 % within ${formatDelay(times.p90!)}, longest ${formatDelay(times.max!)}`,
      )
}
${proportion('Alert precision', alerts.truePositive, alerts.raised, 'alerts hold an attack', alerts.precision, alerts)}
</dl>`;
  }

  /** Worth knowing, and not what one asks first. */
  #otherMeasures(): Markup {
    const { events, rows, incidents, alerts, intent } = this.#score;
    const repeats = rows.duplicates > 0 ? `, and ${formatNumber(rows.duplicates, 'repeat')}` : '';
    const rare = precisionAtBaseRate(this.#score, BASE_RATE);
    const measured = (
      name: string,
      value: number | null,
      { interval, unmeasured }: { readonly interval: Interval; readonly unmeasured?: string },
      detail: string,
    ) =>
      value === null || interval === null
        ? minor(name, 'n/a', `unmeasured: ${unmeasured}`)
        : minor(name, formatShare(value), `${detail}; 95 % interval ${formatInterval(interval)}`);
    const of = (hits: number, all: number, what: string) => `${formatCount(hits)} of ${formatCount(all)} ${what}`;
    return html`<dl class="minor">
${measured('Event recall', events.recall, events, of(events.detected, events.planted, 'malicious events'))}
${
  intent &&
  intent.attacks.planted < this.#score.attacks.planted &&
  measured(
    'Recall of what it means',
    intent.attacks.recall,
    intent.attacks,
    of(intent.attacks.detected, intent.attacks.planted, 'attacks that its author meant'),
  )
}
${measured('Row precision', rows.precision, rows, `${of(rows.truePositive, rows.unique, 'unique rows')}${repeats}`)}
${measured('Incident precision', incidents.precision, incidents, of(incidents.truePositive, incidents.opened, 'incidents'))}
${minor(
  'Incidents a day',
  incidents.perDay === null ? 'n/a' : formatRate(incidents.perDay),
  `${formatNumber(incidents.opened, 'incident')} of ${formatNumber(alerts.raised, 'alert')}`,
)}
${rare !== null && minor('If attacks are rare', formatShare(rare), 'of alerts would be true at one attack a week per 1,000 users')}
</dl>`;
  }

  /** The chains, those that are missed most first: a mark for each attack. */
  #chains(): Markup {
    const { perScenario } = this.#score;
    if (perScenario.length === 0) return html`<div></div>`;
    const listed = perScenario.toSorted(
      (a, b) => b.missed.length - a.missed.length || (a.scenario < b.scenario ? -1 : 1),
    );
    const rest = listed.length - MAX_CHAINS;
    return html`<div>
<h3>Attacks</h3>
<ul class="marks">
${listed.slice(0, MAX_CHAINS).map(
  ({
    scenario,
    attacks,
    missed,
  }) => html`<li><span>${scenario}</span> ${marks(attacks)} <span class="n${missed.length > 0 && ' missed'}">${formatCount(attacks.detected)} of ${formatCount(attacks.planted)}</span></li>
`,
)}</ul>
${rest > 0 && html`<p class="hint">and <a href="#${this.#id}-recall">${formatNumber(rest, 'more chain')}</a></p>`}
</div>`;
  }

  /** The clauses that lost most. */
  #clauses(): Markup {
    const { losses, attacks, events } = this.#score;
    if (attacks.planted === 0) return html`<div></div>`;
    const missed = losses?.reduce((sum, { incidents }) => sum + incidents.length, 0) ?? 0;
    const rest = (losses?.length ?? 0) - MAX_CLAUSES;
    return html`<div>
<h3>What lost the missed ones</h3>
${
  !losses
    ? html`<p>Not traced: <code>tocsin why</code> says it.</p>`
    : losses.length === 0
      ? html`<p>Nothing: an alert contains ${events.planted === 1 ? 'the malicious event' : `each of the ${formatCount(events.planted)} malicious events`}.</p>`
      : html`<ol class="clauses">
${losses.slice(0, MAX_CLAUSES).map(
  (loss) => html`<li>${
    loss.incidents.length > 0
      ? html`<strong>${formatCount(loss.incidents.length)} of ${formatCount(missed)}</strong>`
      : html`<span class="few">${formatNumber(loss.events.length, 'event')}</span>`
  }
<span>${this.#line(loss)} <code>${loss.clause.text}</code><br><small>${causesText(loss)}${loss.incidents.length > 0 && `; ${formatNumber(loss.events.length, 'event')}`}</small></span></li>
`,
)}</ol>`
}
${rest > 0 && html`<p class="hint">and <a href="#${this.#id}-rule">${formatNumber(rest, 'more clause')}</a></p>`}
</div>`;
  }

  #next(): Markup {
    const { advice, command } = nextStep(this.#score, {
      dataset: this.#context.dataset,
      ruleFile: this.#score.file ?? undefined,
      truth: this.#context.truth,
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
  'Attacks, in order of time',
  [
    column('Attack'),
    column('Chain'),
    column('Variant'),
    column('Time, UTC'),
    column('Detected'),
    numbers('Time to detect'),
    column('Lost at'),
  ],
  listed.map(({ incident, at, caughtAt }) => [
    { text: incident.id },
    { text: incident.scenario },
    { text: incident.variant },
    { text: html`<span class="whole">${minuteOf(at)}</span>`, by: at },
    caughtAt === undefined ? { text: html`<strong class="missed">missed</strong>` } : { text: 'detected' },
    caughtAt === undefined ? { text: '', by: Number.MAX_SAFE_INTEGER } : delay(caughtAt - at),
    this.#lostAt(incident.id),
  ]),
)}
</details>`;
  }

  #lostAt(attack: string): Cell {
    const loss = this.#score.losses?.find(({ incidents }) => incidents.includes(attack));
    if (!loss) return { text: '', by: Number.MAX_SAFE_INTEGER };
    return { text: this.#line(loss), by: listedLine(this.#reported.rule, loss) };
  }

  #recall(): Markup {
    const { perScenario, perVariant } = this.#score;
    if (perScenario.length === 0) return html`<p>No attack was planted.</p>`;
    const columns = (title: string) => [
      column(title),
      numbers('Detected'),
      numbers('Planted'),
      numbers('Recall'),
      column('From 0 to 100 %'),
      numbers('95 % interval'),
      numbers('Event recall'),
    ];
    const cells = (name: string, attacks: Recall, events: Recall): Cell[] => [
      { text: name },
      count(attacks.detected),
      count(attacks.planted),
      share(attacks.recall),
      { text: intervalBar(attacks.recall, attacks.interval) ?? '', by: attacks.recall ?? -1 },
      intervalCell(attacks.interval),
      share(events.recall),
    ];
    const worstFirst = (a: { attacks: Recall }, b: { attacks: Recall }) =>
      (a.attacks.recall ?? 0) - (b.attacks.recall ?? 0) || b.attacks.planted - a.attacks.planted;
    return html`${table(
      'By chain',
      columns('Chain'),
      perScenario.toSorted(worstFirst).map((one) => cells(one.scenario, one.attacks, one.events)),
    )}
${
  perVariant.length > 1 &&
  table(
    'By variant',
    columns('Variant'),
    perVariant.toSorted(worstFirst).map((one) => cells(one.variant, one.attacks, one.events)),
  )
}`;
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
        : html`<p>Each missed attack is counted at the one clause where it got furthest. A note opens to the attacks and their reasons.</p>`
    }
${listing(rule, losses, { id: this.#id, explanations: explanations ?? [], truth: this.#context.truth })}`;
  }

  /** Where the time to detect goes; undefined where nothing was detected. */
  #delays(): Markup | undefined {
    const { timeToDetectPartsMs: parts, timeToDetectMs, perScenario } = this.#score;
    if (!parts || timeToDetectMs.p50 === null) return undefined;
    const rows = [
      ['From the act to its TimeGenerated', parts.eventToGenerated],
      ['From there to its ingestion', parts.generatedToIngested],
      ['From there to the first run that can see it', parts.ingestedToFirstRun],
      ['From there to the alert', parts.firstRunToAlert],
    ] as const;
    const longest = Math.max(1, ...rows.map(([, ms]) => ms));
    const detected = perScenario.filter(({ timeToDetectMs: times }) => times.p50 !== null);
    return html`<p>The first three parts are the logs’ and the schedule’s; the last is the query’s own. Each is a median of its own, so they need not add up to the median of the whole, ${formatDelay(timeToDetectMs.p50)}.</p>
<div class="pair">
${table(
  'Parts of the time to detect',
  [column('Part'), numbers('Median'), column('Length')],
  rows.map(([name, ms]) => [{ text: name }, delay(ms), { text: lengthBar(ms / longest), by: ms }]),
)}
${
  detected.length > 1 &&
  table(
    'Time to detect by chain',
    [column('Chain'), numbers('Median'), numbers('90 %'), numbers('Longest')],
    detected
      .toSorted((a, b) => b.timeToDetectMs.p50! - a.timeToDetectMs.p50!)
      .map(({ scenario, timeToDetectMs: times }) => [
        { text: scenario },
        delay(times.p50),
        delay(times.p90),
        delay(times.max),
      ]),
  )
}
</div>`;
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
    const all = this.#noiseRows();
    const most = Math.max(1, ...all.map((each) => each.rows));
    return html`${this.#meant()}
${table(
  'False rows by what stands behind them; a row may count for several look-alikes',
  [
    column('Kind'),
    numbers('False rows'),
    column('Length'),
    numbers('False alarms'),
    numbers('Rang'),
    numbers('Planted'),
    numbers('Share'),
    numbers('95 % interval'),
  ],
  all.map(({ name, rows: own, planted }) => {
    const kind = planted ? kinds.get(name) : undefined;
    const empty: Cell = { text: '', by: -1 };
    return [
      { text: name },
      count(own),
      { text: lengthBar(own / most), by: own },
      ...(kind
        ? [count(kind.alerts), count(kind.alerted), count(kind.planted), share(kind.share), intervalCell(kind.interval)]
        : [empty, empty, empty, empty, empty]),
    ];
  }),
)}
${this.#noisiest()}`;
  }

  /** What the idea of the rule rings for, however it is written. */
  #meant(): Markup | undefined {
    const { intent } = this.#score;
    const all = intent ? intent.falseRows.meant + intent.falseRows.notMeant : 0;
    if (!intent || all === 0) return undefined;
    const { falseRows, falseAlarms } = intent;
    return html`<p><strong>${formatShare(falseRows.meant / all)}</strong> of the false rows are what the rule’s author meant to catch: an act at most an hour after a silent sign-in of the same account. No better wording silences those, only a narrower idea.</p>
${table(
  'By what the author meant',
  [column('A silent sign-in in the hour before'), numbers('False rows'), numbers('False alarms')],
  [
    [{ text: 'yes: meant', by: 1 }, count(falseRows.meant), count(falseAlarms.meant)],
    [{ text: 'no: not meant', by: 0 }, count(falseRows.notMeant), count(falseAlarms.notMeant)],
  ],
)}`;
  }

  /** The values that stand most often on false rows, for each column that the rule shows in its alerts. */
  #noisiest(): Markup {
    const { rule, result } = this.#reported;
    const { columns } = noisiest(result, rule.rule, this.#context.truth);
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

  #schedules(): Markup {
    return html`<p>Rows that came in after the last run whose window they were in are lost before the query looks; those that several runs see come again. The rule’s own schedule, and others in its place:</p>
${table(
  'Rows by schedule',
  [column('Schedule'), numbers('Lost'), numbers('Attack acts lost'), numbers('Of acts'), numbers('Seen again')],
  scheduleRows(this.#score.schedules ?? []).map(({ name, lost, acts, actsLost, repeated }) => [
    { text: name.startsWith(' ') ? html`<span class="sub">${name.trim()}</span>` : name },
    count(lost),
    actsLost > 0 ? { text: html`<strong class="missed">${formatCount(actsLost)}</strong>`, by: actsLost } : count(0),
    count(acts),
    share(repeated),
  ]),
)}`;
  }

  #throughput(): Markup {
    const { runs, rowsRead, seconds, digest } = this.#score;
    const all = Object.values(rowsRead).reduce((sum, rows) => sum + rows, 0);
    return html`<dl class="minor">
${minor('Rows read', formatCount(all), `${formatNumber(runs, 'run')}, digest ${digest.slice(0, 8)}`)}
${
  seconds.replay !== null &&
  minor(
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

/** A filled mark for each attack that rang and a cross for each that did not; of many, a bar. Said beside it in numbers. */
function marks({ planted, detected, recall, interval }: Recall): Markup {
  if (planted > MAX_MARKS) return html`<span class="many">${intervalBar(recall, interval)}</span>`;
  return html`<span class="each" aria-hidden="true">${Array.from({ length: planted }, (_, index) =>
    index < detected ? html`<i class="hit"></i>` : html`<i class="miss"></i>`,
  )}</span>`;
}

/** `2026-06-01 00:00`, UTC. */
function minuteOf(unixMs: number): string {
  return new Date(unixMs).toISOString().slice(0, 16).replace('T', ' ');
}
