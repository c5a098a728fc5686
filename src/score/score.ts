/**
 * A rule's alerts against what was planted. Pure: no clock, no files.
 *
 * The unit of recall is the attack, not the row: an attack is detected if at least one of its malicious events stands
 * behind a row (`ResultRow.events`) of an alert, however many rows or alerts say so. The unit of precision is the unique
 * result row and, beside it, the alert and the incident. A run that sees the same window again returns the same rows again; those are
 * duplicates, and count for neither. A measure without a denominator is null with the reason in `unmeasured`.
 */
import { TocsinError } from '../base/errors.ts';
import { parseIsoDatetime, TICKS_PER_DAY, TICKS_PER_MILLISECOND } from '../base/time.ts';
import type { Manifest } from '../dataset/manifest.ts';
import type { EventRole, TruthIncident } from '../dataset/truth.ts';
import type { ReplayResult } from '../replay/result.ts';
import { type AttackEvent, type IncidentScore, scoreIncidents } from './incidents.ts';
import { identifyRows } from './row-identity.ts';
import {
  type Interval,
  type Measured,
  percentile,
  precisionOf,
  type Recall,
  recall,
  wilsonInterval,
} from './statistics.ts';

export type { IncidentScore } from './incidents.ts';
export type { Recall } from './statistics.ts';

export interface RowScore extends Measured {
  /** unique + duplicates. */
  readonly returned: number;
  /** Rows that differ from each other in some cell. */
  readonly unique: number;
  readonly duplicates: number;
  /** Unique rows with a malicious event behind them. */
  readonly truePositive: number;
  readonly falsePositive: number;
  /** truePositive / unique. */
  readonly precision: number | null;
  readonly interval: Interval;
  /** Attacks with a malicious event behind some row, whether it raised an alert or not. */
  readonly attacks: Recall;
}

export interface AlertScore extends Measured {
  readonly raised: number;
  /** Alerts with a malicious event behind one of their rows. */
  readonly truePositive: number;
  readonly falsePositive: number;
  /** truePositive / raised. */
  readonly precision: number | null;
  readonly interval: Interval;
  /** Distinct entities that the caps left out of alerts, and how many alerts that befell. */
  readonly entitiesDropped: { readonly entities: number; readonly alerts: number };
}

/**
 * From the event time of the earliest malicious event in an attack's earliest alert to that alert's wall clock, over the
 * detected attacks; milliseconds, nearest-rank percentiles.
 */
export interface TimeToDetect extends Measured {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly max: number | null;
}

export interface VariantScore {
  readonly variant: string;
  readonly attacks: Recall;
  /** Malicious events only. */
  readonly events: Recall;
}

/** The attacks of one chain. */
export interface ScenarioScore {
  readonly scenario: string;
  readonly attacks: Recall;
  /** Malicious events only. */
  readonly events: Recall;
  readonly timeToDetectMs: TimeToDetect;
  readonly perVariant: readonly VariantScore[];
  /** Ids of the attacks that no alert contains, in order of start. */
  readonly missed: readonly string[];
}

/** The benign bursts of one kind. */
export interface LookalikeScore {
  readonly lookalike: string;
  readonly planted: number;
  /** Bursts with an event behind a row of some alert. */
  readonly alerted: number;
  /** alerted / planted. */
  readonly share: number;
  readonly interval: readonly [low: number, high: number];
  /** False-positive unique rows with an event of this kind behind them; a row may count for several kinds. */
  readonly rows: number;
  /** False alarms with such a row. */
  readonly alerts: number;
}

export interface FalseAlarms extends Measured {
  /** Alerts without a malicious event. */
  readonly alerts: number;
  readonly perDay: number | null;
  readonly perThousandUsersPerDay: number | null;
  /** What stands behind the false-positive unique rows; the three sum to `rows.falsePositive`. */
  readonly rows: {
    /** An event of a look-alike. */
    readonly lookalike: number;
    /** No look-alike, but something an attacker did besides the malicious act. */
    readonly supporting: number;
    /** Only unlabelled events. */
    readonly background: number;
  };
}

export interface RuleScore {
  readonly rule: string;
  readonly attacks: Recall;
  /** Malicious events only. */
  readonly events: Recall;
  readonly rows: RowScore;
  readonly alerts: AlertScore;
  readonly incidents: IncidentScore;
  readonly timeToDetectMs: TimeToDetect;
  readonly falseAlarms: FalseAlarms;
  readonly perScenario: readonly ScenarioScore[];
  /** The variants across all chains. */
  readonly perVariant: readonly VariantScore[];
  readonly perLookalike: readonly LookalikeScore[];
  readonly runs: number;
  /** By table; a row counts once however many runs saw it. */
  readonly rowsRead: Readonly<Record<string, number>>;
  /** SHA-256 (hex) over the ordered result rows. */
  readonly digest: string;
  readonly warnings: readonly string[];
}

/** What a score needs of a replay. */
export type Scorable = ReplayResult;

/** What a score needs of a dataset's manifest. */
export type ScoredDataset = Pick<Manifest, 'start' | 'end' | 'origin'>;

/**
 * Scores a rule's replay against the truth of the dataset that it was replayed on.
 *
 * @param rule - the name that the score carries.
 * @throws {@link TocsinError} `INPUT` where the replay names an event that the truth does not hold.
 */
export function score(
  result: Scorable,
  rule: string,
  truth: readonly TruthIncident[],
  dataset: ScoredDataset,
): RuleScore {
  const labels = labelsOf(truth);
  const detections = detect(result, labels);
  const attacks = truth.filter((incident) => incident.kind === 'attack');

  const identities = identifyRows(result.rows);
  const unique = judgeUniqueRows(result, identities, labels);
  const truePositive = unique.filter((row) => row.malicious).length;
  const falseAlarms = judgeAlerts(result, labels).filter((alert) => !alert.malicious);
  const raised = result.alerts.length;

  return {
    rule,
    ...recallOf(attacks, detections),
    rows: {
      returned: result.rows.length,
      unique: unique.length,
      duplicates: result.rows.length - unique.length,
      truePositive,
      falsePositive: unique.length - truePositive,
      ...precisionOf(truePositive, unique.length, 'the rule returned no rows'),
      attacks: recall(attacks.length, attacksBehind(result, labels), NO_ATTACK),
    },
    alerts: {
      raised,
      truePositive: raised - falseAlarms.length,
      falsePositive: falseAlarms.length,
      ...precisionOf(raised - falseAlarms.length, raised, 'the rule raised no alert'),
      entitiesDropped: {
        entities: result.alerts.reduce((sum, alert) => sum + alert.entitiesDropped, 0),
        alerts: result.alerts.filter((alert) => alert.entitiesDropped > 0).length,
      },
    },
    incidents: scoreIncidents(
      result,
      (event) => attackEvent(labelOf(labels, event)),
      identities,
      attacks.length,
      daysOf(dataset),
    ),
    timeToDetectMs: timeToDetect(attacks, detections),
    falseAlarms: {
      ...alarmRates(falseAlarms.length, dataset),
      rows: causesOf(unique),
    },
    perScenario: groupBy(attacks, (attack) => attack.scenario).map(([scenario, members]) => ({
      scenario,
      ...recallOf(members, detections),
      timeToDetectMs: timeToDetect(members, detections),
      perVariant: perVariant(members, detections),
      missed: members.filter((attack) => !detections.attacks.has(attack.id)).map((attack) => attack.id),
    })),
    perVariant: perVariant(attacks, detections),
    perLookalike: groupBy(
      truth.filter((incident) => incident.kind === 'lookalike'),
      (incident) => incident.scenario,
    ).map(([lookalike, members]) => {
      const alerted = members.filter((incident) => detections.lookalikes.has(incident.id)).length;
      return {
        lookalike,
        planted: members.length,
        alerted,
        share: alerted / members.length,
        interval: wilsonInterval(alerted, members.length)!,
        rows: unique.filter((row) => !row.malicious && row.lookalikes.has(lookalike)).length,
        alerts: falseAlarms.filter((alert) => alert.lookalikes.has(lookalike)).length,
      };
    }),
    runs: result.runs.length,
    rowsRead: result.rowsRead,
    digest: result.digest,
    warnings: result.warnings,
  };
}

interface Label {
  readonly incident: TruthIncident;
  readonly role: EventRole;
  /** Event time, ticks since 0001. */
  readonly at: bigint;
}

function labelsOf(truth: readonly TruthIncident[]): ReadonlyMap<string, Label> {
  const labels = new Map<string, Label>();
  for (const incident of truth) {
    for (const { id, role, at } of incident.events) {
      const ticks = parseIsoDatetime(at);
      if (ticks === undefined) {
        throw new TocsinError('INPUT', `event "${id}" of incident "${incident.id}": "${at}" is not an ISO 8601 time`);
      }
      labels.set(id, { incident, role, at: ticks });
    }
  }
  return labels;
}

function labelOf(labels: ReadonlyMap<string, Label>, event: string): Label {
  const label = labels.get(event);
  if (label) return label;
  throw new TocsinError('INPUT', {
    message: `the alerts name event "${event}", which the truth of this dataset does not hold`,
    hint: 'score alerts against the dataset that the rule was replayed on',
  });
}

/** What the labelled events behind a row, or behind the rows of an alert, are. */
interface Behind {
  malicious: boolean;
  supporting: boolean;
  readonly lookalikes: Set<string>;
}

function nothingBehind(): Behind {
  return { malicious: false, supporting: false, lookalikes: new Set() };
}

function addLabels(behind: Behind, events: readonly string[], labels: ReadonlyMap<string, Label>): void {
  for (const event of events) {
    const { incident, role } = labelOf(labels, event);
    if (role === 'malicious') behind.malicious = true;
    else if (role === 'supporting') behind.supporting = true;
    else behind.lookalikes.add(incident.scenario);
  }
}

/** One entry for each unique row, with the labels of all rows that are equal to it. */
function judgeUniqueRows({ rows }: Scorable, identities: Uint32Array, labels: ReadonlyMap<string, Label>): Behind[] {
  const unique: Behind[] = [];
  rows.forEach((row, index) => {
    addLabels((unique[identities[index]!] ??= nothingBehind()), row.events, labels);
  });
  return unique;
}

/** How many attacks have a malicious event behind some row. */
function attacksBehind({ rows }: Scorable, labels: ReadonlyMap<string, Label>): number {
  const found = new Set<string>();
  for (const { events } of rows) {
    for (const event of events) {
      const { incident, role } = labelOf(labels, event);
      if (role === 'malicious') found.add(incident.id);
    }
  }
  return found.size;
}

function attackEvent({ incident, role }: Label): AttackEvent | undefined {
  return incident.kind === 'attack' ? { attack: incident.id, malicious: role === 'malicious' } : undefined;
}

/** One entry for each alert: only what its own rows carry, even where rows of other alerts are equal. */
function judgeAlerts({ rows, alerts }: Scorable, labels: ReadonlyMap<string, Label>): Behind[] {
  return alerts.map((alert) => {
    const behind = nothingBehind();
    for (const row of alert.rows) addLabels(behind, rows[row]!.events, labels);
    return behind;
  });
}

interface Detections {
  /** Malicious events behind a row of some alert. */
  readonly events: ReadonlySet<string>;
  /** Detected attacks by id, with their time to detect in ticks. */
  readonly attacks: ReadonlyMap<string, bigint>;
  /** Look-alikes with an event behind a row of some alert. */
  readonly lookalikes: ReadonlySet<string>;
}

function detect(result: Scorable, labels: ReadonlyMap<string, Label>): Detections {
  const events = new Set<string>();
  const lookalikes = new Set<string>();
  const earliest = new Map<string, { wallClock: bigint; at: bigint }>();
  for (const alert of result.alerts) {
    const { wallClock } = result.runs[alert.run]!;
    for (const row of alert.rows) {
      for (const event of result.rows[row]!.events) {
        const { incident, role, at } = labelOf(labels, event);
        if (incident.kind === 'lookalike') lookalikes.add(incident.id);
        if (role !== 'malicious') continue;
        events.add(event);
        const known = earliest.get(incident.id);
        if (!known || wallClock < known.wallClock || (wallClock === known.wallClock && at < known.at)) {
          earliest.set(incident.id, { wallClock, at });
        }
      }
    }
  }
  return {
    events,
    attacks: new Map(Array.from(earliest, ([id, { wallClock, at }]) => [id, wallClock - at])),
    lookalikes,
  };
}

function recallOf(
  attacks: readonly TruthIncident[],
  detections: Detections,
): { readonly attacks: Recall; readonly events: Recall } {
  const malicious = attacks.flatMap((attack) => attack.events.filter((event) => event.role === 'malicious'));
  return {
    attacks: recall(attacks.length, attacks.filter((attack) => detections.attacks.has(attack.id)).length, NO_ATTACK),
    events: recall(
      malicious.length,
      malicious.filter((event) => detections.events.has(event.id)).length,
      'no malicious event was planted',
    ),
  };
}

const NO_ATTACK = 'no attack was planted';

function timeToDetect(attacks: readonly TruthIncident[], detections: Detections): TimeToDetect {
  const delays = attacks
    .flatMap((attack) => detections.attacks.get(attack.id) ?? [])
    .map((ticks) => Number(ticks) / Number(TICKS_PER_MILLISECOND))
    .sort((a, b) => a - b);
  if (delays.length === 0) return { p50: null, p90: null, max: null, unmeasured: 'no attack was detected' };
  return { p50: percentile(delays, 50)!, p90: percentile(delays, 90)!, max: delays.at(-1)! };
}

function perVariant(attacks: readonly TruthIncident[], detections: Detections): VariantScore[] {
  return groupBy(attacks, (attack) => attack.variant).map(([variant, members]) => ({
    variant,
    ...recallOf(members, detections),
  }));
}

/** Undefined where the dataset covers no time. */
function daysOf({ start, end }: ScoredDataset): number | undefined {
  const [from, to] = [parseIsoDatetime(start), parseIsoDatetime(end)];
  if (from === undefined || to === undefined || to <= from) return undefined;
  return Number(to - from) / Number(TICKS_PER_DAY);
}

function alarmRates(alerts: number, dataset: ScoredDataset): Omit<FalseAlarms, 'rows'> {
  const { origin } = dataset;
  const days = daysOf(dataset);
  if (days === undefined) {
    return { alerts, perDay: null, perThousandUsersPerDay: null, unmeasured: 'the dataset covers no time' };
  }
  const perDay = alerts / days;
  if (origin.kind !== 'scenario' || origin.users === 0) {
    return { alerts, perDay, perThousandUsersPerDay: null, unmeasured: 'the number of users is not known' };
  }
  return { alerts, perDay, perThousandUsersPerDay: (perDay / origin.users) * 1000 };
}

function causesOf(unique: readonly Behind[]): FalseAlarms['rows'] {
  let [lookalike, supporting, background] = [0, 0, 0];
  for (const row of unique) {
    if (row.malicious) continue;
    if (row.lookalikes.size > 0) lookalike++;
    else if (row.supporting) supporting++;
    else background++;
  }
  return { lookalike, supporting, background };
}

/** Groups in order of key, members in their own order. */
function groupBy(
  incidents: readonly TruthIncident[],
  key: (incident: TruthIncident) => string,
): [key: string, members: TruthIncident[]][] {
  const groups = new Map<string, TruthIncident[]>();
  for (const incident of incidents) {
    const members = groups.get(key(incident));
    if (members) members.push(incident);
    else groups.set(key(incident), [incident]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}
