/**
 * Two rules over the same tenant, side by side: what only one of them catches, whom only one of them bothers, and whether
 * the difference could be chance. Attacks are the pairs of the test: each was offered to both rules, so only those that one
 * rule catches and the other misses can tell them apart.
 *
 * Alerts of different rules have nothing in common to compare them by: they group other rows and name other columns. What
 * an analyst is bothered with is somebody on some day, so false alarms are compared by that.
 */
import { formatDatetime } from '../base/time.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { entitiesOf, type Entity, entityKey } from '../replay/entities.ts';
import { identifyRows } from './row-identity.ts';
import type { RuleScore, Scorable } from './score.ts';
import { type Measured, mcnemarExact } from './statistics.ts';

/** A rule's score, and the replay that was scored. */
export interface Scored {
  readonly score: RuleScore;
  readonly result: Scorable;
}

/** An attack or a look-alike of the truth. */
export interface PlantedRef {
  readonly id: string;
  readonly scenario: string;
  readonly variant: string;
}

/** McNemar's exact test on the attacks that one rule catches and the other misses. */
export interface PairedTest extends Measured {
  /** Two-sided; null where no attack was planted. */
  readonly p: number | null;
  /** At most this p is significant: 0.05, parted among the pairs that are tested. */
  readonly level: number;
  readonly significant: boolean;
}

/** The accounts that false alarms name, each counted once a UTC day. */
export interface AccountDays extends Measured {
  readonly both: number | null;
  readonly onlyFirst: number | null;
  readonly onlySecond: number | null;
  /** Some of those that only one names, as `account on day`, the earliest first. */
  readonly examplesOnlyFirst: readonly string[];
  readonly examplesOnlySecond: readonly string[];
}

export interface PairComparison {
  /** Indexes into the rules. */
  readonly first: number;
  readonly second: number;
  readonly attacks: {
    readonly both: number;
    readonly neither: number;
    readonly onlyFirst: readonly PlantedRef[];
    readonly onlySecond: readonly PlantedRef[];
  };
  readonly mcnemar: PairedTest;
  /** Look-alikes with an event behind a row of an alert. */
  readonly lookalikes: {
    readonly both: number;
    readonly onlyFirst: readonly PlantedRef[];
    readonly onlySecond: readonly PlantedRef[];
  };
  readonly falseAlarms: AccountDays;
}

const LEVEL = 0.05;

/** Account-days that a comparison names. */
const EXAMPLES = 5;

/** The first rule against each of the others, all scored against the same truth; empty for one rule. */
export function compareRules(rules: readonly Scored[], truth: readonly TruthIncident[]): PairComparison[] {
  if (rules.length < 2) return [];
  const facts = rules.map(({ score, result }) => ({
    missed: new Set(score.perScenario.flatMap(({ missed }) => missed)),
    alerted: alertedEvents(result),
    bothered: botheredAccounts(result, truth),
  }));
  const first = facts[0]!;
  const others = facts.slice(1);
  const attacks = truth.filter(({ kind }) => kind === 'attack');
  const lookalikes = truth.filter(({ kind }) => kind === 'lookalike');
  const level = LEVEL / others.length;
  return others.map((second, index) => {
    const caught = part(
      attacks,
      ({ id }) => !first.missed.has(id),
      ({ id }) => !second.missed.has(id),
    );
    const rang = (alerted: ReadonlySet<string>) => (incident: TruthIncident) =>
      incident.events.some(({ id }) => alerted.has(id));
    const { neither: _, ...similar } = part(lookalikes, rang(first.alerted), rang(second.alerted));
    return {
      first: 0,
      second: index + 1,
      attacks: caught,
      mcnemar: pairedTest(attacks.length, caught.onlyFirst.length, caught.onlySecond.length, level),
      lookalikes: similar,
      falseAlarms: accountDays(first.bothered, second.bothered),
    };
  });
}

function part(
  planted: readonly TruthIncident[],
  byFirst: (incident: TruthIncident) => boolean,
  bySecond: (incident: TruthIncident) => boolean,
): PairComparison['attacks'] {
  const onlyFirst: PlantedRef[] = [];
  const onlySecond: PlantedRef[] = [];
  let [both, neither] = [0, 0];
  for (const incident of planted) {
    const { id, scenario, variant } = incident;
    const [one, other] = [byFirst(incident), bySecond(incident)];
    if (one && other) both++;
    else if (one) onlyFirst.push({ id, scenario, variant });
    else if (other) onlySecond.push({ id, scenario, variant });
    else neither++;
  }
  return { both, neither, onlyFirst, onlySecond };
}

function pairedTest(planted: number, onlyFirst: number, onlySecond: number, level: number): PairedTest {
  if (planted === 0) return { p: null, level, significant: false, unmeasured: 'no attack was planted' };
  const p = mcnemarExact(onlyFirst, onlySecond);
  return { p, level, significant: p <= level };
}

/** The labelled events behind the rows of alerts. */
function alertedEvents({ alerts, rows }: Scorable): Set<string> {
  return new Set(alerts.flatMap((alert) => alert.rows.flatMap((row) => rows[row]!.events)));
}

interface Bothered {
  readonly account: Entity;
  /** UTC. */
  readonly day: string;
}

/** Each account and day once; undefined where the rule maps no accounts. */
function botheredAccounts(
  { alerts, columns, entityMappings, rows, runs }: Scorable,
  truth: readonly TruthIncident[],
): readonly Bothered[] | undefined {
  const mappings = entityMappings.filter(({ entityType }) => entityType.toLowerCase() === 'account');
  if (mappings.length === 0) return undefined;
  const malicious = new Set(
    truth.flatMap(({ events }) => events.filter(({ role }) => role === 'malicious').map(({ id }) => id)),
  );
  // Overlapping windows return the same rows again and again; equal ones are looked at once.
  const identities = identifyRows(rows);
  const known: (readonly Entity[] | undefined)[] = [];
  const accountsOn = (row: number) =>
    (known[identities[row]!] ??= entitiesOf(mappings, columns, [rows[row]!]).entities);
  const bothered = new Map<string, Bothered>();
  for (const alert of alerts) {
    if (alert.rows.some((row) => rows[row]!.events.some((event) => malicious.has(event)))) continue;
    const day = formatDatetime(runs[alert.run]!.wallClock).slice(0, 10);
    for (const row of alert.rows) {
      for (const entity of accountsOn(row)) {
        bothered.set(`${day} ${entityKey(entity)}`, { account: entity, day });
      }
    }
  }
  return [...bothered.values()];
}

/** What one account may be known by, the surest first; the parts of a name go together. */
const KNOWN_BY: readonly (readonly string[])[] = [
  ['AadUserId'],
  ['Name', 'UPNSuffix'],
  ['Sid'],
  ['ObjectGuid'],
  ['Name'],
];

/** The identifiers that accounts of both rules have; undefined where there are none. */
function sharedIdentifiers(first: readonly Bothered[], second: readonly Bothered[]): readonly string[] | undefined {
  const have = (bothered: readonly Bothered[], names: readonly string[]) =>
    bothered.length === 0 || bothered.some(({ account }) => names.every((name) => name in account.identifiers));
  return KNOWN_BY.find((names) => have(first, names) && have(second, names));
}

/** By day and account; an account without the identifiers stands under all that it has. */
function byAccount(bothered: readonly Bothered[], identifiers: readonly string[]): ReadonlyMap<string, Bothered> {
  return new Map(
    bothered.map((each) => {
      const values = identifiers.map((name) => each.account.identifiers[name]);
      const key = values.includes(undefined) ? entityKey(each.account) : JSON.stringify(values).toLowerCase();
      return [`${each.day} ${key}`, each];
    }),
  );
}

function accountName({ identifiers }: Entity): string {
  const { Name, UPNSuffix } = identifiers;
  const name = Name !== undefined && UPNSuffix !== undefined ? `${Name}@${UPNSuffix}` : Object.values(identifiers)[0]!;
  return name.toLowerCase();
}

function accountDays(
  firstBothered: readonly Bothered[] | undefined,
  secondBothered: readonly Bothered[] | undefined,
): AccountDays {
  const unmeasured = (reason: string): AccountDays => ({
    both: null,
    onlyFirst: null,
    onlySecond: null,
    examplesOnlyFirst: [],
    examplesOnlySecond: [],
    unmeasured: reason,
  });
  if (!firstBothered || !secondBothered) return unmeasured('a rule maps no column to an Account entity');
  const identifiers = sharedIdentifiers(firstBothered, secondBothered);
  if (!identifiers) return unmeasured('the rules name accounts by different identifiers');
  const [first, second] = [byAccount(firstBothered, identifiers), byAccount(secondBothered, identifiers)];
  const missingFrom = (some: ReadonlyMap<string, Bothered>, others: ReadonlyMap<string, Bothered>) =>
    [...some].filter(([key]) => !others.has(key)).sort(([a], [b]) => (a < b ? -1 : 1));
  const [onlyFirst, onlySecond] = [missingFrom(first, second), missingFrom(second, first)];
  const examples = (entries: readonly (readonly [string, Bothered])[]) =>
    entries.slice(0, EXAMPLES).map(([, { account, day }]) => `${accountName(account)} on ${day}`);
  return {
    both: first.size - onlyFirst.length,
    onlyFirst: onlyFirst.length,
    onlySecond: onlySecond.length,
    examplesOnlyFirst: examples(onlyFirst),
    examplesOnlySecond: examples(onlySecond),
  };
}
