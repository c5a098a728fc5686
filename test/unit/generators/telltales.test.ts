import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadScenario } from '../../../generators/scenario.ts';
import { type Column, valueAt } from '../../../src/columns/column.ts';
import { parseDynamic, stringifyDynamic } from '../../../src/columns/dynamic.ts';
import type { Value } from '../../../src/columns/value.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { type Generated, generated } from '../../support/generated.ts';

/**
 * A decision stump over every column: no value, part of a JSON value, network of an address, rarity, length, threshold, time of
 * day or fraction of a second may pick rows of which more than half are attacks' and which belong to at least three attacks
 * and a tenth of all. What finds one attack (its victim's name, the attacker's address) is no telltale.
 */
const PRECISION = 0.5;
const ATTACKS = 3;
const SHARE_OF_ATTACKS = 0.1;

/** What tells in real logs too. */
const BY_NATURE: readonly (readonly [feature: RegExp, why: string])[] = [
  [
    /^(rows with the same )?(OperationName|ActivityDisplayName) [<=]/,
    'an operation that hardly anybody has a reason for is the attack',
  ],
];

const TABLES = ['AADNonInteractiveUserSignInLogs', 'SigninLogs', 'AuditLogs', 'AADServicePrincipalSignInLogs'] as const;

interface Tally {
  all: number;
  hits: number;
  readonly attacks: Set<number>;
}

class Stump {
  readonly #attackOfRow: Int16Array;
  readonly #fewest: number;
  readonly found: string[] = [];
  tested = 0;

  /** @param attackOfRow - the number of the attack that a row belongs to, -1 for none. */
  constructor(attackOfRow: Int16Array) {
    this.#attackOfRow = attackOfRow;
    const attacks = new Set(attackOfRow).size - 1;
    this.#fewest = Math.max(ATTACKS, attacks * SHARE_OF_ATTACKS);
  }

  judge(feature: string, { all, hits, attacks }: Tally): void {
    this.tested++;
    if (hits / all <= PRECISION || attacks.size < this.#fewest) return;
    if (!BY_NATURE.some(([known]) => known.test(feature)))
      this.found.push(`${feature}: ${hits} of ${all} rows, of ${attacks.size} attacks`);
  }

  /** Rows by what `keys` says of them. */
  #tallies(keys: ArrayLike<number>): Map<number, Tally> {
    const tallies = new Map<number, Tally>();
    for (let row = 0; row < keys.length; row++) {
      let tally = tallies.get(keys[row]!);
      if (!tally) tallies.set(keys[row]!, (tally = { all: 0, hits: 0, attacks: new Set() }));
      tally.all++;
      const attack = this.#attackOfRow[row]!;
      if (attack < 0) continue;
      tally.hits++;
      tally.attacks.add(attack);
    }
    return tallies;
  }

  /** Every value, and every threshold from below and from above. */
  sweep(feature: string, values: ArrayLike<number>): void {
    this.#sweep(feature, this.#tallies(values));
  }

  /** @param each - whether single values mean something, or just more and less. */
  #sweep(feature: string, tallies: ReadonlyMap<number, Tally>, each = true): void {
    const ascending = [...tallies].sort((a, b) => a[0] - b[0]);
    if (each) for (const [value, tally] of ascending) this.judge(`${feature} = ${value}`, tally);
    for (const [side, ordered] of [
      ['<=', ascending],
      ['>=', ascending.toReversed()],
    ] as const) {
      const sum: Tally = { all: 0, hits: 0, attacks: new Set() };
      for (const [value, tally] of ordered) {
        add(sum, tally);
        this.judge(`${feature} ${side} ${value}`, sum);
      }
    }
  }

  /** Every entry of a dictionary, and what it says of itself. */
  entries(name: string, { codes, dictionary }: Extract<Column, { kind: 'coded' }>): void {
    // An id is one row's, or few rows': nothing can be read out of it.
    if (dictionary.size > codes.length / 4) return;
    const canonical = dictionary.canonical();
    const ofRows = Uint32Array.from(codes, (code) => canonical[code]!);
    const byEntry = this.#tallies(ofRows);
    const bySaying = new Map<string, Tally>();
    for (const [entry, { hits }] of byEntry) {
      if (hits === 0) continue;
      for (const said of saidBy(name, dictionary.value(entry)))
        bySaying.set(said, { all: 0, hits: 0, attacks: new Set() });
    }
    const byLength = new Map<number, Tally>();
    const byRarity = new Map<number, Tally>();
    const addAt = (sums: Map<number, Tally>, key: number, tally: Tally): void => {
      let sum = sums.get(key);
      if (!sum) sums.set(key, (sum = { all: 0, hits: 0, attacks: new Set() }));
      add(sum, tally);
    };
    for (const [entry, tally] of byEntry) {
      addAt(byLength, dictionary.text(entry).length, tally);
      addAt(byRarity, tally.all, tally);
      if (bySaying.size === 0) continue;
      for (const said of saidBy(name, dictionary.value(entry))) {
        const sum = bySaying.get(said);
        if (sum) add(sum, tally);
      }
    }
    for (const [said, tally] of bySaying) this.judge(said, tally);
    this.#sweep(`length of ${name}`, byLength);
    this.#sweep(`rows with the same ${name}`, byRarity, false);
  }

  times(name: string, ticks: Float64Array): void {
    const part = (every: number, unit: number): Float64Array =>
      ticks.map((value) => Math.floor((((value % every) + every) % every) / unit));
    this.sweep(`hour of ${name}`, part(864e9, 36e9));
    this.sweep(`second of ${name}`, part(6e8, 1e7));
    this.sweep(`millisecond of ${name}`, part(1e7, 1e4));
    this.sweep(`ticks of ${name}`, part(1e4, 1e2));
  }
}

function add(sum: Tally, { all, hits, attacks }: Tally): void {
  sum.all += all;
  sum.hits += hits;
  for (const attack of attacks) sum.attacks.add(attack);
}

/** What a value says: its leaves, also those of JSON inside strings, and the networks of addresses. */
function saidBy(name: string, value: Value): Set<string> {
  const said = new Set<string>();
  const leaf = (path: string, item: Value): void => {
    if (item instanceof Map) for (const [key, inner] of item) leaf(`${path}.${key}`, inner as Value);
    else if (Array.isArray(item)) for (const inner of item) leaf(`${path}[]`, inner as Value);
    else if (typeof item === 'string' && /^\s*["[{]/.test(item) && parseDynamic(item) !== item)
      leaf(`${path}~`, parseDynamic(item) as Value);
    else {
      const text = typeof item === 'string' ? item : stringifyDynamic(item);
      said.add(`${path} = ${text}`);
      const network = /^(\d+\.\d+)\.\d+\.\d+$|^([0-9a-f]+:[0-9a-f]+):/.exec(text);
      if (network) said.add(`${path} in ${network[1] ?? network[2]!}`);
    }
  };
  leaf(name, value);
  return said;
}

let company: Generated;
const attackOfEvent = new Map<string, number>();

beforeAll(async () => {
  const scenario = loadScenario('contoso-2k', { users: 700, days: 3, seed: 8 });
  const plain = (chain: string): (typeof scenario.attacks)[number] => ({
    choices: [[chain, 'plain']],
    count: 4,
    perWeekPer1000Users: 0,
    parameters: {},
  });
  const more = ['aitm-mfa-registration', 'device-code-phish', 'group-owner-chain', 'pim-abuse', 'app-only-actor'];
  company = await generated({
    ...scenario,
    attacks: [...scenario.attacks, ...more.map(plain)],
    chains: { ...loadScenario('evasion').chains, ...scenario.chains },
  });
  const attacks = (await company.dataset.truth()).filter(({ kind }) => kind === 'attack');
  for (const [attack, { events }] of attacks.entries()) for (const { id } of events) attackOfEvent.set(id, attack);
});
afterAll(() => company.remove());

test.each(TABLES)('no single column of %s gives the attacks away, whatever one looks at', (table) => {
  const schema = [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' as const }];
  const batch = company.dataset.all().scan(table, schema, undefined);
  const { codes, sets } = batch.lineage!;
  const attackOfSet = sets.map(
    (events) => events.map((event) => attackOfEvent.get(event) ?? -1).find((n) => n >= 0) ?? -1,
  );
  const attackOfRow = Int16Array.from(codes, (code) => attackOfSet[code]!);
  expect(new Set(attackOfRow).size - 1).toBeGreaterThanOrEqual(5);
  const stump = new Stump(attackOfRow);
  for (const [index, { name }] of schema.entries()) {
    const column = batch.column(index);
    if (column.kind === 'constant') continue;
    if (column.kind === 'coded') stump.entries(name, column);
    else {
      const values = Float64Array.from(attackOfRow, (_, row) => {
        const value = valueAt(column, row);
        return typeof value === 'bigint' ? Number(value - 639_000_000_000_000_000n) : Number(value);
      });
      if (column.type === 'datetime') stump.times(name, values);
      else stump.sweep(name, values);
    }
  }
  expect(stump.tested).toBeGreaterThan(1000);
  expect(stump.found).toEqual([]);
});
