/**
 * A rule's score by what an analyst opens. A rule that catches every attack and buries each among strangers has not told
 * anybody, so beside precision and recall by incident this says who shares one with whom.
 *
 * Who a result row is about is taken from the columns that the rule maps to Account entities, row by row, so that the caps
 * on an alert's entities hide nobody from the score. An account is an attack's own where it stands on some row with an
 * event of the attack behind it; all others in an incident of the attack are strangers to it.
 */
import { entitiesOf, entityKey } from '../replay/entities.ts';
import type { ReplayResult } from '../replay/result.ts';
import { type Interval, type Measured, precisionOf, type Recall, recall, type Spread, spreadOf } from './statistics.ts';

/** Attacks whose incident also names accounts that have nothing to do with them. */
export interface SharedAttacks extends Measured {
  /** Attacks with a malicious event in some incident. */
  readonly attacks: number;
  /** Of these, with a stranger in one of their incidents. */
  readonly shared: number | null;
}

export interface IncidentScore extends Measured {
  readonly opened: number;
  /** Incidents with a malicious event behind a row of one of their alerts. */
  readonly truePositive: number;
  readonly falsePositive: number;
  /** truePositive / opened. */
  readonly precision: number | null;
  readonly interval: Interval;
  /** Attacks with a malicious event in some incident. */
  readonly attacks: Recall;
  /** Null where the dataset covers no time. */
  readonly perDay: number | null;
  readonly alertsPerIncident: Spread;
  /** Distinct Account entities on the rows. */
  readonly accountsPerIncident: Spread;
  /** Over the incidents that hold an attack. */
  readonly attacksPerIncident: Spread;
  /** Over the attacks that are in an incident. */
  readonly incidentsPerAttack: Spread;
  readonly sharedAttacks: SharedAttacks;
}

/** What an event of the truth is, where an attack made it. */
export interface AttackEvent {
  readonly attack: string;
  readonly malicious: boolean;
}

type Replayed = Pick<ReplayResult, 'columns' | 'entityMappings' | 'rows' | 'alerts' | 'incidents'>;

/**
 * @param attackOf - undefined for an event that no attack made.
 * @param identities - equal numbers for equal rows.
 * @param planted - number of attacks; @param days - that the dataset covers, undefined for none.
 */
export function scoreIncidents(
  result: Replayed,
  attackOf: (event: string) => AttackEvent | undefined,
  identities: Uint32Array,
  planted: number,
  days: number | undefined,
): IncidentScore {
  const { incidents, alerts } = result;
  const accountsOn = accountReader(result, identities);
  const members = membersOf(result, attackOf, accountsOn);
  const withAttack = members.filter(({ attacks }) => attacks.size > 0);
  const incidentsOf = new Map<string, number>();
  for (const { attacks } of withAttack) {
    for (const attack of attacks) incidentsOf.set(attack, (incidentsOf.get(attack) ?? 0) + 1);
  }
  const none = alerts.length === 0 ? 'the rule raised no alert' : 'the rule makes no incidents of its alerts';
  const noAttack = 'no attack is in an incident';
  return {
    opened: incidents.length,
    truePositive: withAttack.length,
    falsePositive: incidents.length - withAttack.length,
    ...precisionOf(withAttack.length, incidents.length, none),
    attacks: recall(planted, incidentsOf.size, 'no attack was planted'),
    perDay: days === undefined ? null : incidents.length / days,
    alertsPerIncident: spreadOf(
      incidents.map((incident) => incident.alerts.length),
      none,
    ),
    accountsPerIncident: accountsOn
      ? spreadOf(
          members.map(({ accounts }) => accounts.size),
          none,
        )
      : { p50: null, max: null, unmeasured: NO_ACCOUNTS },
    attacksPerIncident: spreadOf(
      withAttack.map(({ attacks }) => attacks.size),
      noAttack,
    ),
    incidentsPerAttack: spreadOf([...incidentsOf.values()], noAttack),
    sharedAttacks: accountsOn
      ? { attacks: incidentsOf.size, shared: countShared(withAttack, ownAccounts(result, attackOf, accountsOn)) }
      : { attacks: incidentsOf.size, shared: null, unmeasured: NO_ACCOUNTS },
  };
}

const NO_ACCOUNTS = 'the rule maps no column to an Account entity';

/** The account entities of a row, each as one text. */
type AccountReader = (row: number) => readonly string[];

/** What is in an incident. */
interface Members {
  /** Attacks with a malicious event in it. */
  readonly attacks: ReadonlySet<string>;
  readonly accounts: ReadonlySet<string>;
}

function membersOf(
  result: Replayed,
  attackOf: (event: string) => AttackEvent | undefined,
  accountsOn: AccountReader | undefined,
): Members[] {
  return result.incidents.map((incident) => {
    const attacks = new Set<string>();
    const accounts = new Set<string>();
    for (const alert of incident.alerts) {
      for (const row of result.alerts[alert]!.rows) {
        for (const account of accountsOn?.(row) ?? []) accounts.add(account);
        for (const event of result.rows[row]!.events) {
          const found = attackOf(event);
          if (found?.malicious) attacks.add(found.attack);
        }
      }
    }
    return { attacks, accounts };
  });
}

/** The accounts on the rows that each attack stands behind, by attack. */
function ownAccounts(
  { rows }: Replayed,
  attackOf: (event: string) => AttackEvent | undefined,
  accountsOn: AccountReader,
): ReadonlyMap<string, ReadonlySet<string>> {
  const own = new Map<string, Set<string>>();
  rows.forEach(({ events }, row) => {
    for (const event of events) {
      const attack = attackOf(event)?.attack;
      if (attack === undefined) continue;
      let accounts = own.get(attack);
      if (!accounts) own.set(attack, (accounts = new Set()));
      for (const account of accountsOn(row)) accounts.add(account);
    }
  });
  return own;
}

/** Attacks that have a stranger in one of their incidents. */
function countShared(withAttack: readonly Members[], own: ReadonlyMap<string, ReadonlySet<string>>): number {
  const shared = new Set<string>();
  for (const { attacks, accounts } of withAttack) {
    for (const attack of attacks) {
      const mine = own.get(attack)!;
      for (const account of accounts) if (!mine.has(account)) shared.add(attack);
    }
  }
  return shared.size;
}

/** Undefined where the rule maps no accounts. Equal rows are looked at once. */
function accountReader(
  { columns, entityMappings, rows }: Replayed,
  identities: Uint32Array,
): AccountReader | undefined {
  const mappings = entityMappings.filter(({ entityType }) => entityType.toLowerCase() === 'account');
  if (mappings.length === 0) return undefined;
  const known: (readonly string[] | undefined)[] = [];
  return (row) => (known[identities[row]!] ??= entitiesOf(mappings, columns, [rows[row]!]).entities.map(entityKey));
}
