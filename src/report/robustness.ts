/**
 * What a rule is worth when its logs are faulty, beside what it is worth when they are not: the score without faults, with
 * each alone, and with all of them, as JSON `tocsin.robustness/1` and as text in 80 columns. docs/robustness.md describes it.
 */
import type picocolors from 'picocolors';
import type { Manifest } from '../dataset/manifest.ts';
import type { AlertScore, Recall, RowScore, RuleScore, TimeToDetect } from '../score/score.ts';
import { fit, formatCount, formatRate, formatShare, wrap } from './format.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

/** What befalls the logs: nothing, one fault, or all of them. */
export interface FaultCase {
  readonly kind: string;
  /** Where and how much; empty for none. */
  readonly detail: string;
}

export interface CaseReport extends FaultCase {
  /** False where the rule reads no table that the fault changes: the score is that without faults. */
  readonly read: boolean;
  readonly attacks: Recall;
  readonly events: Recall;
  readonly rows: RowScore;
  readonly alerts: AlertScore;
  readonly timeToDetectMs: TimeToDetect;
  /** Null where the dataset covers no time. */
  readonly falseAlarmsPerDay: number | null;
  /** Attacks that are detected without faults and missed here, and the other way round: ids, sorted. */
  readonly lost: readonly string[];
  readonly gained: readonly string[];
  readonly digest: string;
}

export interface RuleRobustness {
  readonly rule: string;
  readonly file: string;
  /** First without faults, then each alone, last all together where there are several. */
  readonly cases: readonly CaseReport[];
}

export interface RobustnessReport {
  readonly schema: 'tocsin.robustness/1';
  readonly scenario: string;
  readonly seed: number;
  readonly users: number;
  readonly start: string;
  readonly end: string;
  readonly rules: readonly RuleRobustness[];
}

/** @param score - the score with the fault; undefined where the rule reads nothing that the fault changes. */
export function caseReport(fault: FaultCase, score: RuleScore | undefined, baseline: RuleScore): CaseReport {
  const { attacks, events, rows, alerts, timeToDetectMs, falseAlarms, digest } = score ?? baseline;
  const missed = missedAttacks(score ?? baseline);
  const missedBefore = missedAttacks(baseline);
  return {
    ...fault,
    read: score !== undefined,
    attacks,
    events,
    rows,
    alerts,
    timeToDetectMs,
    falseAlarmsPerDay: falseAlarms.perDay,
    lost: [...missed].filter((id) => !missedBefore.has(id)).sort(),
    gained: [...missedBefore].filter((id) => !missed.has(id)).sort(),
    digest,
  };
}

function missedAttacks({ perScenario }: RuleScore): Set<string> {
  return new Set(perScenario.flatMap(({ missed }) => missed));
}

export function robustnessReport(
  { origin, start, end }: Pick<Manifest, 'origin' | 'start' | 'end'>,
  rules: readonly RuleRobustness[],
): RobustnessReport {
  const { scenario, seed, users } = origin as Extract<Manifest['origin'], { kind: 'scenario' }>;
  return { schema: 'tocsin.robustness/1', scenario, seed, users, start, end, rules };
}

/** The whole report; no trailing newline. */
export function robustnessText({ scenario, seed, users, start, end, rules }: RobustnessReport, colors: Colors): string {
  const facts = `${formatCount(users)} users, ${start.slice(0, 10)} to ${end.slice(0, 10)}, seed ${seed}`;
  return [
    `${colors.bold(`${scenario}, with faults`)}  ${colors.dim(facts)}`,
    ...rules.map((rule) => board(rule, colors)),
  ].join('\n\n');
}

const WIDTH = 80;
const KIND_WIDTH = 22;

function board({ rule, file, cases }: RuleRobustness, colors: Colors): string {
  const line = (kind: string, attacks: string, recall: string, rows: string, alerts: string, perDay: string) =>
    `  ${fit(kind, KIND_WIDTH)}${attacks.padStart(10)}${recall.padStart(9)}${rows.padStart(11)}${alerts.padStart(11)}${perDay.padStart(15)}`;
  const [baseline] = cases;
  const unread = cases.filter(({ read }) => !read);
  return [
    ...wrap(rule, WIDTH).map((text) => colors.bold(text)),
    colors.dim(fit(file, WIDTH).trimEnd()),
    '',
    colors.dim(line('', 'attacks', 'attack', 'row', 'alert', 'false alarms')),
    colors.dim(line('fault', 'detected', 'recall', 'precision', 'precision', 'a day')),
    ...cases
      .filter(({ read }) => read)
      .flatMap((each) => {
        const { kind, detail, attacks, rows, alerts, falseAlarmsPerDay } = each;
        const text = line(
          kind,
          `${formatCount(attacks.detected)} of ${formatCount(attacks.planted)}`,
          cell(attacks.recall, formatShare),
          cell(rows.precision, formatShare),
          cell(alerts.precision, formatShare),
          cell(falseAlarmsPerDay, formatRate),
        );
        const note = [detail, ...changes(each, baseline!)].filter((part) => part !== '').join('; ');
        return [
          each.lost.length > 0 ? colors.red(text) : text,
          ...(note === '' ? [] : wrap(note, WIDTH - 4).map((part) => colors.dim(`    ${part}`))),
        ];
      }),
    ...(unread.length === 0
      ? []
      : [
          '',
          ...wrap(`The rule reads nothing that these change: ${unread.map(named).join('; ')}.`, WIDTH - 2).map((part) =>
            colors.dim(`  ${part}`),
          ),
        ]),
  ].join('\n');
}

function named({ kind, detail }: FaultCase): string {
  return `${kind} (${detail})`;
}

/** How many ids a line names. */
const NAMED = 3;

/** What is different from the score without faults. */
function changes({ kind, lost, gained, digest }: CaseReport, baseline: CaseReport): string[] {
  const list = (word: string, ids: readonly string[]): string[] =>
    ids.length === 0
      ? []
      : [`${word} ${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''}`];
  if (kind !== baseline.kind && digest === baseline.digest) return ['returns the same rows'];
  return [...list('loses', lost), ...list('gains', gained)];
}

function cell(value: number | null, format: (value: number) => string): string {
  return value === null ? 'n/a' : format(value);
}
