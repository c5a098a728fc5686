/**
 * The scoreboard: a score as a person reads it, in 80 columns. Colour only stresses what words and numbers already say.
 */
import type picocolors from 'picocolors';
import type { TruthIncident } from '../dataset/truth.ts';
import type { AlertScore, IncidentScore, Recall, TimeToDetect } from '../score/score.ts';
import { comparisonText } from './comparison.ts';
import { expectationsText } from './expectations.ts';
import {
  fit,
  formatCount,
  formatDelay,
  formatInterval,
  formatMagnitude,
  formatNumber,
  formatRate,
  formatSeconds,
  formatShare,
  wrap,
} from './format.ts';
import type { RuleReport, ScoreReport } from './json.ts';
import { nextStep } from './next-step.ts';
import { scheduleLines } from './schedule.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

const WIDTH = 80;
const NAME_WIDTH = 36;
const BAR_WIDTH = 20;
const VARIANT_WIDTH = 30;

export interface TextOptions {
  readonly colors: Colors;
  readonly truth: readonly TruthIncident[];
  /** Where the dataset stays; undefined where it is thrown away after the run. */
  readonly dataset: string | undefined;
}

/** Beyond this many rules only the comparison is shown. */
const MAX_BOARDS = 3;

/** The whole report; no trailing newline. */
export function scoreText(report: ScoreReport, options: TextOptions): string {
  const { rules, comparison = [] } = report;
  return [
    header(report, options.colors),
    ...(rules.length > MAX_BOARDS && comparison.length > 0 ? [] : rules.map((rule) => ruleBoard(rule, options))),
    ...(comparison.length > 0 ? [comparisonText(rules, comparison, options.colors)] : []),
    ...expectationBlock(rules, options.colors),
  ].join('\n\n');
}

function expectationBlock(rules: readonly RuleReport[], colors: Colors): string[] {
  const blocks = rules.flatMap((rule) => expectationsText(rule, colors) ?? []);
  return blocks.length === 0 ? [] : [`${colors.bold('Expectations')}\n${blocks.join('\n\n')}`];
}

function header(report: ScoreReport, colors: Colors): string {
  const facts = [
    ...(report.users === null ? [] : [`${formatCount(report.users)} users`]),
    `${report.start.slice(0, 10)} to ${report.end.slice(0, 10)}`,
    ...(report.seed === null ? [] : [`seed ${report.seed}`]),
  ];
  const events = Object.entries(report.events).map(
    ([table, count]) => `  ${fit(table, NAME_WIDTH)}${formatCount(count).padStart(12)} events`,
  );
  return [`${colors.bold(report.scenario ?? 'imported logs')}  ${colors.dim(facts.join(', '))}`, ...events].join('\n');
}

function ruleBoard(rule: RuleReport, options: TextOptions): string {
  const { colors } = options;
  const step = nextStep(rule, { dataset: options.dataset, ruleFile: rule.file ?? undefined, truth: options.truth });
  const sections = [
    [
      ...wrap(rule.rule, WIDTH).map((line) => colors.bold(line)),
      ...(rule.file === null ? [] : [colors.dim(fit(rule.file, WIDTH).trimEnd())]),
    ],
    headline(rule, colors),
    analysts(rule, colors),
    chains(rule, colors),
    variants(rule, colors),
    lossLines(rule, colors),
    noise(rule, colors),
    meant(rule, colors),
    scheduleLines(rule.schedules ?? [], colors),
    performance(rule, colors),
    rule.warnings.flatMap((warning) => indented('warning: ', warning, colors.yellow)),
    [
      ...indented('Next: ', step.advice, colors.bold),
      ...(step.command === undefined ? [] : [`  ${colors.cyan(step.command)}`]),
    ],
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function headline(
  { attacks, events, intent, rows, alerts, incidents, timeToDetectMs, timeToDetectPartsMs, falseAlarms }: RuleReport,
  colors: Colors,
): string[] {
  return [
    measureRecall('attack recall', attacks, colors),
    measureRecall('event recall', events, colors),
    ...(intent && intent.attacks.planted < attacks.planted
      ? [measureRecall('recall of what it means', intent.attacks, colors)]
      : []),
    measure('row precision', rows.truePositive, rows.unique, rows.precision, rows, colors) +
      (rows.duplicates > 0 ? colors.dim(`  + ${formatNumber(rows.duplicates, 'repeat')}`) : ''),
    measure('alert precision', alerts.truePositive, alerts.raised, alerts.precision, alerts, colors),
    measure('incident precision', incidents.truePositive, incidents.opened, incidents.precision, incidents, colors),
    `${label('time to detect')}${delays(timeToDetectMs, colors)}`,
    ...delayParts(timeToDetectPartsMs),
    `${label('false alarms')}${[
      `${formatCount(falseAlarms.alerts)} in all`,
      ...(falseAlarms.perDay === null ? [] : [`${formatRate(falseAlarms.perDay)} a day`]),
      ...(falseAlarms.perThousandUsersPerDay === null
        ? []
        : [`${formatRate(falseAlarms.perThousandUsersPerDay)} a day per 1,000 users`]),
    ].join(', ')}`,
  ];
}

/** What an analyst opens, and who is in it. */
function analysts({ attacks, alerts, incidents }: RuleReport, colors: Colors): string[] {
  const dropped = droppedText(alerts);
  if (incidents.opened === 0) return dropped;
  const { perDay, alertsPerIncident, accountsPerIncident, attacksPerIncident, incidentsPerAttack } = incidents;
  const users =
    accountsPerIncident.p50 === null ? undefined : spread(accountsPerIncident.p50, accountsPerIncident.max!);
  return [
    colors.dim('  what an analyst opens'),
    `${label('incidents')}${[
      `${formatCount(incidents.opened)} in all`,
      ...(perDay === null ? [] : [`${formatRate(perDay)} a day`]),
    ].join(', ')}`,
    `${label('alerts in one')}${spread(alertsPerIncident.p50!, alertsPerIncident.max!)}`,
    ...(users === undefined ? [] : [`${label('users in one')}${users}`]),
    ...(attacksPerIncident.p50 === null
      ? []
      : [
          `${label('attacks in one')}${spread(attacksPerIncident.p50, attacksPerIncident.max!)} where there is any`,
          `${label('incidents an attack')}${spread(incidentsPerAttack.p50!, incidentsPerAttack.max!)}`,
        ]),
    ...sharedText(incidents, colors),
    ...(incidents.attacks.detected === attacks.detected
      ? []
      : [`${label('attacks in no incident')}${attacks.detected - incidents.attacks.detected} of those detected`]),
    ...dropped,
  ];
}

function spread(p50: number, max: number): string {
  return p50 === max ? formatCount(max) : `median ${formatCount(p50)}, at most ${formatCount(max)}`;
}

function sharedText({ sharedAttacks: { attacks, shared } }: IncidentScore, colors: Colors): string[] {
  if (shared === null || attacks === 0) return [];
  const text = `${formatCount(shared)} of ${formatCount(attacks)} attacks share an incident`;
  return [`${label('with unrelated users')}${shared === 0 ? text : colors.yellow(text)}`];
}

function droppedText({ entitiesDropped: { entities, alerts } }: AlertScore): string[] {
  if (entities === 0) return [];
  return [`${label('entities left out')}${formatCount(entities)} by the caps, in ${formatNumber(alerts, 'alert')}`];
}

function label(text: string): string {
  return `  ${text.padEnd(24)}`;
}

function measure(
  name: string,
  hits: number,
  all: number,
  share: number | null,
  { interval, unmeasured }: { interval: readonly [number, number] | null; unmeasured?: string },
  colors: Colors,
): string {
  if (share === null || interval === null) return `${label(name)}${colors.yellow(`unmeasured: ${unmeasured}`)}`;
  const counts = `${formatCount(hits)} of ${formatCount(all)}`.padStart(16);
  return `${label(name)}${counts}${colors.bold(formatShare(share).padStart(9))}${colors.dim(`  (${formatInterval(interval)})`)}`;
}

function measureRecall(name: string, recall: Recall, colors: Colors): string {
  return measure(name, recall.detected, recall.planted, recall.recall, recall, colors);
}

function delays({ p50, p90, max, unmeasured }: TimeToDetect, colors: Colors): string {
  if (p50 === null || p90 === null || max === null) return colors.yellow(`unmeasured: ${unmeasured}`);
  return `p50 ${formatDelay(p50)}, p90 ${formatDelay(p90)}, max ${formatDelay(max)}`;
}

/** Where the time goes; a part of no time is not worth a word. */
function delayParts(parts: RuleReport['timeToDetectPartsMs']): string[] {
  if (!parts) return [];
  const named = [
    ['logged', parts.eventToGenerated],
    ['ingested', parts.generatedToIngested],
    ['first run', parts.ingestedToFirstRun],
    ['alert', parts.firstRunToAlert],
  ] as const;
  const spent = named.filter(([, ms]) => ms > 0).map(([name, ms]) => `${name} ${formatDelay(ms)}`);
  if (spent.length === 0) return [];
  const lines = wrap(spent.join(', '), WIDTH - label('').length);
  return lines.map((line, index) => `${label(index === 0 ? '  until, each p50' : '')}${line}`);
}

function chains({ perScenario }: RuleReport, colors: Colors): string[] {
  if (perScenario.length === 0) return [];
  return [
    heading('attacks by chain', 'detected', colors),
    ...perScenario
      .toSorted((a, b) => b.missed.length - a.missed.length)
      .map(({ scenario, attacks }) => recallLine(scenario, attacks, colors)),
  ];
}

function variants({ perVariant }: RuleReport, colors: Colors): string[] {
  if (perVariant.length < 2) return [];
  return [
    colors.dim(
      `  ${fit('attacks by variant', VARIANT_WIDTH)}${'detected'.padStart(10)}${'and of their events'.padStart(38)}`,
    ),
    ...perVariant
      .toSorted((a, b) => a.attacks.recall! - b.attacks.recall! || a.events.recall! - b.events.recall!)
      .map(({ variant, attacks, events }) => {
        const counts = ({ detected, planted }: Recall): string => `${detected} of ${planted}`;
        return (
          `  ${fit(variant, VARIANT_WIDTH)}${counts(attacks).padStart(10)}  ${bar(attacks.recall!, BAR_WIDTH / 2, colors)}` +
          `${formatShare(attacks.recall!).padStart(7)}${counts(events).padStart(12)}${formatShare(events.recall ?? 0).padStart(7)}`
        );
      }),
  ];
}

/** One that is full or empty says so truly. */
function bar(share: number, width: number, colors: Colors): string {
  const filled = share === 1 ? width : Math.min(width - 1, Math.ceil(share * width));
  const paint = share === 1 ? colors.green : share === 0 ? colors.red : colors.yellow;
  return paint('#'.repeat(filled)) + colors.dim('.'.repeat(width - filled));
}

function heading(left: string, right: string, colors: Colors): string {
  return colors.dim(`  ${fit(left, NAME_WIDTH)}${right.padStart(11)}`);
}

function recallLine(name: string, { detected, planted, recall }: Recall, colors: Colors): string {
  const share = recall ?? 0;
  const drawn = bar(share, BAR_WIDTH, colors);
  return `  ${fit(name, NAME_WIDTH)}${`${detected} of ${planted}`.padStart(11)}  ${drawn}${formatShare(share).padStart(8)}`;
}

/** `9 of 9   31 events  line 34: summarize LastNISignIn = max(TimeGenerated)` */
function lossLines({ losses = [] }: RuleReport, colors: Colors): string[] {
  if (losses.length === 0) return [];
  const attacks = losses.reduce((sum, { incidents }) => sum + incidents.length, 0);
  const lead = (counted: string, events: string) => `  ${counted.padStart(10)}${events.padStart(9)}  `;
  const heading = lead('attacks', 'events');
  return [
    colors.dim(`${heading}what lost the missed ones`),
    ...losses.slice(0, MAX_LOSSES).map(({ clause, incidents, events }) => {
      const counted = attacks === 0 ? '' : `${formatCount(incidents.length)} of ${formatCount(attacks)}`;
      const place = `line ${clause.position.line}: `;
      const text = `${place}${clause.text}`;
      return `${lead(counted, formatCount(events.length))}${fit(text, WIDTH - heading.length).trimEnd()}`;
    }),
    ...(losses.length > MAX_LOSSES
      ? [colors.dim(`${' '.repeat(heading.length)}and ${losses.length - MAX_LOSSES} more clauses`)]
      : []),
  ];
}

/** Clauses that the scoreboard shows; the rest is for `tocsin why`. */
const MAX_LOSSES = 5;

function noise({ perLookalike, falseAlarms, rows }: RuleReport, colors: Colors): string[] {
  if (rows.falsePositive === 0 && perLookalike.length === 0) return [];
  const line = (name: string, alerted: string, falseRows: number) =>
    `  ${fit(name, NAME_WIDTH)}${alerted.padStart(11)}${formatNumber(falseRows, 'row').padStart(18)}`;
  const loud = perLookalike
    .filter((kind) => kind.rows > 0 || kind.alerted > 0)
    .toSorted((a, b) => b.rows - a.rows || b.alerted - a.alerted);
  const silent = perLookalike.length - loud.length;
  return [
    colors.dim(`  ${fit('false alarms by what looked alike', NAME_WIDTH)}${'rang'.padStart(11)}`),
    ...loud.map((kind) => line(kind.lookalike, `${kind.alerted} of ${kind.planted}`, kind.rows)),
    ...(falseAlarms.rows.supporting > 0 ? [line("an attacker's other acts", '', falseAlarms.rows.supporting)] : []),
    line('everyday activity', '', falseAlarms.rows.background),
    ...(silent > 0 ? [colors.dim(`  ${formatNumber(silent, 'kind')} of look-alike never rang`)] : []),
  ];
}

/** False alarms that the idea of the rule rings for, and those that only its wording does. */
function meant({ intent }: RuleReport, colors: Colors): string[] {
  if (!intent || intent.falseRows.meant + intent.falseRows.notMeant === 0) return [];
  const line = (name: string, part: 'meant' | 'notMeant') =>
    `  ${fit(name, NAME_WIDTH)}${formatCount(intent.falseAlarms[part]).padStart(11)}${formatNumber(intent.falseRows[part], 'row').padStart(18)}`;
  return [
    colors.dim(`  ${fit('false alarms by what the rule means', NAME_WIDTH)}${'alarms'.padStart(11)}`),
    line('a silent sign-in in the hour before', 'meant'),
    line('none: not what its author meant', 'notMeant'),
  ];
}

function performance({ runs, rowsRead, seconds, digest }: RuleReport, colors: Colors): string[] {
  const total = Object.values(rowsRead).reduce((sum, count) => sum + count, 0);
  const times = [
    ...(seconds.generate === null ? [] : [`generated in ${formatSeconds(seconds.generate)}`]),
    ...(seconds.replay === null
      ? []
      : [
          `replayed in ${formatSeconds(seconds.replay)} (${formatMagnitude(total / Math.max(seconds.replay, 1e-3))} rows/s)`,
        ]),
  ];
  return [
    colors.dim(`  ${formatNumber(runs, 'run')} over ${formatNumber(total, 'row')}, digest ${digest.slice(0, 8)}`),
    ...(times.length === 0 ? [] : [colors.dim(`  ${times.join(', ')}`)]),
  ];
}

function indented(lead: string, text: string, paint: (text: string) => string): string[] {
  const lines = wrap(text, WIDTH - 2 - lead.length);
  return lines.map((line, index) => `  ${index === 0 ? paint(lead) : ' '.repeat(lead.length)}${line}`);
}
