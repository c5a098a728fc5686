/**
 * Scenario files: which tenant, for how long, with which attacks and look-alikes. The grammar is in docs/scenarios.md.
 * A loaded scenario is plain data with its chains inside, so it can be posted to a worker.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Node } from 'yaml';
import { TocsinError } from '../src/base/errors.ts';
import { columnTicksFromMs } from '../src/base/time.ts';
import { type ExpectationSource, parseExpectation, type PlantedNames } from '../src/score/expectations.ts';
import { type Chain, type Parameters, parseChain, readParameters } from './attacks/chain.ts';
import { PEOPLE } from './assumptions.ts';
import { type Fault, readFault } from './faults.ts';
import { CITIES, TIME_ZONES, cityNamed } from './places.ts';
import { MS_PER_DAY, type Span } from './rows.ts';
import type { TenantProfile } from './tenant.ts';
import { suggestion, YamlReader } from './yaml-reader.ts';

/** What to plant: so many of one variant of one chain, or so many at random among some. */
export interface PlantRequest {
  /** (chain, variant) pairs; one, unless the scenario says `all`. */
  readonly choices: readonly (readonly [chain: string, variant: string])[];
  /** Of each choice. Undefined: a rate says how many in all. */
  readonly count: number | undefined;
  readonly perWeekPer1000Users: number;
  readonly parameters: Partial<Parameters>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly seed: number;
  /** Midnight UTC, milliseconds since 1970. */
  readonly startMs: number;
  readonly days: number;
  readonly tenant: TenantProfile;
  readonly attacks: readonly PlantRequest[];
  readonly lookalikes: readonly PlantRequest[];
  readonly faults: readonly Fault[];
  /** How long analysts take to close an incident; undefined: they close none. */
  readonly timeToCloseMs: number | undefined;
  /** What every rule is expected to reach on it. */
  readonly expectations: readonly ExpectationSource[];
  /** Every chain that the scenario names, by name; a look-alike's under `lookalike:` and its name. */
  readonly chains: Readonly<Record<string, Chain>>;
}

export interface ScenarioOverrides {
  readonly users?: number | undefined;
  readonly days?: number | undefined;
  readonly seed?: number | undefined;
}

export const LIMITS = { users: [20, 5_000_000], days: [1, 366], seed: [0, Number.MAX_SAFE_INTEGER] } as const;

/** The folder of the package: where `scenarios` is. The same from sources and from the build. */
export function packageRoot(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json')) || !existsSync(path.join(folder, 'scenarios'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new TocsinError('INTERNAL', 'the scenarios that ship with the package are missing');
    folder = parent;
  }
  return folder;
}

function yamlNames(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -5))
    .sort();
}

/** The scenarios that ship with the package, sorted. */
export function shippedScenarios(): string[] {
  return yamlNames(path.join(packageRoot(), 'scenarios'));
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'permission denied'
            : String(error);
    throw new TocsinError('INPUT', `${file}: ${what} cannot be read: ${reason}`, { cause: error });
  }
}

/**
 * Loads a scenario: the name of a shipped one, or a path.
 *
 * @throws TocsinError SCENARIO with every fault and its position; INPUT where the file cannot be read.
 */
export function loadScenario(nameOrPath: string, overrides: ScenarioOverrides = {}): Scenario {
  const isPath = /[\\/]|\.ya?ml$/.test(nameOrPath);
  const shipped = shippedScenarios();
  if (!isPath && !shipped.includes(nameOrPath)) {
    throw new TocsinError('SCENARIO', {
      message: `unknown scenario "${nameOrPath}"`,
      hint: `${suggestion(nameOrPath, shipped)}; a scenario of your own is given by its path, such as ./${nameOrPath}.yaml`,
    });
  }
  const file = isPath ? nameOrPath : path.join(packageRoot(), 'scenarios', `${nameOrPath}.yaml`);
  const shown = isPath ? nameOrPath : `scenarios/${nameOrPath}.yaml`;
  return parseScenario(shown, readText(file, 'the scenario'), overrides, isPath ? path.dirname(file) : undefined);
}

const SCENARIO_KEYS = [
  'name',
  'title',
  'seed',
  'start',
  'days',
  'tenant',
  'attacks',
  'lookalikes',
  'faults',
  'analysts',
  'expectations',
] as const;
const TENANT_KEYS = ['name', 'domain', 'users', 'adminShare', 'guestShare', 'offices'] as const;
const OFFICE_KEYS = ['city', 'timeZone', 'share'] as const;
const PLANT_KEYS = ['chain', 'variant', 'count', 'perWeekPer1000Users', 'parameters'] as const;

/**
 * Parses a scenario.
 *
 * @param folder - where the scenario is: chains are looked for in `attacks` and `lookalikes` of the folder inside it that
 * has the scenario's name, then in its own, then among the shipped ones.
 * @throws TocsinError SCENARIO with every fault and its position.
 */
export function parseScenario(
  file: string,
  text: string,
  overrides: ScenarioOverrides = {},
  folder?: string,
): Scenario {
  const reader = new YamlReader(file, text);
  const what = 'the scenario';
  const fields = reader.fields(reader.root, what, SCENARIO_KEYS);
  const number = (key: 'seed' | 'days', fallback: number): number => {
    const [from, to] = LIMITS[key];
    const entry = fields.get(key);
    return entry ? reader.number(entry.node, key, from, to, true, fallback) : fallback;
  };
  const nameNode = fields.get('name');
  const name = nameNode ? reader.text(nameNode.node, 'name') : path.basename(file).replace(/\.ya?ml$/, '');
  const titleNode = fields.get('title');
  const title = titleNode ? reader.text(titleNode.node, 'title') : name;
  const seed = overrides.seed ?? number('seed', 1);
  const days = overrides.days ?? number('days', 7);
  const startMs = readStart(reader, fields.get('start')?.node ?? null, fields.has('start'));
  const tenant = readTenant(reader, reader.required(fields, 'tenant', reader.root, what), overrides.users);

  const chains: Record<string, Chain> = {};
  const library = new Library(folder, name);
  const plants = (key: 'attacks' | 'lookalikes'): PlantRequest[] => {
    const entry = fields.get(key);
    if (!entry) return [];
    return reader.items(entry.node, key).map((item) => readPlant(reader, item, key, library, chains));
  };
  const attacks = plants('attacks');
  const lookalikes = plants('lookalikes');
  const faultsEntry = fields.get('faults');
  const faults = faultsEntry ? reader.items(faultsEntry.node, 'faults').map((item) => readFault(reader, item)) : [];

  const timeToCloseMs = readAnalysts(reader, fields.get('analysts')?.node ?? null);
  const expectationsEntry = fields.get('expectations');
  const expectations = expectationsEntry ? reader.placedTexts(expectationsEntry.node, 'expectations') : [];
  const names = plantedNames({ attacks, lookalikes });
  for (const source of expectations) {
    const parsed = parseExpectation(source, names);
    if ('message' in parsed) reader.problems.push(parsed);
  }

  checkOverrides(overrides);
  const planted = attacks.reduce((sum, request) => sum + expectedCount(request, tenant.users, days), 0);
  if (planted > tenant.users) {
    reader.fault(
      fields.get('attacks')!.keyNode,
      `${Math.round(planted)} attacks are more than the tenant's ${tenant.users} users`,
      'lower the counts, or raise the number of users',
    );
  }
  reader.throwFaults();
  return { name, title, seed, startMs, days, tenant, attacks, lookalikes, faults, timeToCloseMs, expectations, chains };
}

function readAnalysts(reader: YamlReader, node: Node | null): number | undefined {
  if (!node) return undefined;
  const fields = reader.fields(node, 'analysts', ['timeToClose']);
  const value = reader.required(fields, 'timeToClose', node, 'analysts');
  if (!value) return undefined;
  const { from, to } = reader.duration(value, 'timeToClose');
  if (from !== to) reader.fault(value, 'timeToClose is a range, expected one duration such as 4h');
  return Math.round(from);
}

/** What a scenario may plant: the names that expectations can speak of. */
export function plantedNames({ attacks, lookalikes }: Pick<Scenario, 'attacks' | 'lookalikes'>): PlantedNames {
  const chains = new Map<string, string[]>();
  for (const { choices } of attacks) {
    for (const [chain, variant] of choices) {
      const variants = chains.get(chain);
      if (!variants) chains.set(chain, [variant]);
      else if (!variants.includes(variant)) variants.push(variant);
    }
  }
  return {
    chains,
    lookalikes: [...new Set(lookalikes.flatMap(({ choices }) => choices.map(([chain]) => chain)))],
  };
}

/**
 * Loads a file of faults alone: a mapping with `faults`, as a scenario has them.
 *
 * @param file - where absent, the faults that ship with the package.
 * @throws TocsinError SCENARIO with every fault and its position; INPUT where the file cannot be read.
 */
export function loadFaults(file?: string): readonly Fault[] {
  const shipped = 'scenarios/faults/common.yaml';
  const reader = new YamlReader(
    file ?? shipped,
    readText(file ?? path.join(packageRoot(), shipped), 'the list of faults'),
  );
  const fields = reader.fields(reader.root, 'a list of faults', ['faults']);
  const node = reader.required(fields, 'faults', reader.root, 'a list of faults');
  const faults = node ? reader.items(node, 'faults').map((item) => readFault(reader, item)) : [];
  reader.throwFaults();
  return faults;
}

/** How many plants a request comes to, on average. */
export function expectedCount(request: PlantRequest, users: number, days: number): number {
  if (request.count !== undefined) return request.count * request.choices.length;
  return (request.perWeekPer1000Users * users * days) / 7_000;
}

/** @throws TocsinError USAGE where one is out of its limits. */
export function checkOverrides(overrides: ScenarioOverrides): void {
  for (const key of ['users', 'days', 'seed'] as const) {
    const value = overrides[key];
    if (value === undefined) continue;
    const [from, to] = LIMITS[key];
    if (!Number.isInteger(value) || value < from || value > to) {
      throw new TocsinError('USAGE', `${key} is ${value}, expected a whole number from ${from} to ${to}`);
    }
  }
}

type YamlNode = YamlReader['root'];

function readStart(reader: YamlReader, node: YamlNode, given: boolean): number {
  const fallback = Date.UTC(2026, 5, 1);
  if (!given) return fallback;
  const text = reader.text(node, 'start');
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  const ms = match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) : Number.NaN;
  if (
    Number.isNaN(ms) ||
    new Date(ms).toISOString().slice(0, 10) !== text ||
    ms < Date.UTC(2000, 0, 1) ||
    ms > Date.UTC(2040, 0, 1)
  ) {
    reader.fault(node, `start is "${text}", expected a day from 2000 to 2039 such as 2026-06-01`);
    return fallback;
  }
  return ms;
}

function readTenant(reader: YamlReader, node: YamlNode, users: number | undefined): TenantProfile {
  const fallback: TenantProfile = {
    name: 'Contoso',
    domain: 'contoso.com',
    users: users ?? 300,
    adminShare: PEOPLE.adminShare,
    guestShare: PEOPLE.guestShare,
    offices: [{ city: 'Berlin', timeZone: 'Europe/Berlin', share: 1 }],
  };
  if (!node) return fallback;
  const fields = reader.fields(node, 'tenant', TENANT_KEYS);
  const nameEntry = fields.get('name');
  const domainEntry = fields.get('domain');
  const domain = domainEntry ? reader.text(domainEntry.node, 'domain', 'contoso.com') : fallback.domain;
  if (domainEntry && !/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(domain))
    reader.fault(domainEntry.node, `domain is "${domain}", expected lower case such as contoso.com`);
  const usersNode = reader.required(fields, 'users', node, 'tenant');
  const stated = usersNode
    ? reader.number(usersNode, 'users', LIMITS.users[0], LIMITS.users[1], true, fallback.users)
    : fallback.users;
  // Together they leave room for everybody else.
  const shareOf = (key: 'adminShare' | 'guestShare', most: number): number => {
    const entry = fields.get(key);
    return entry ? reader.number(entry.node, key, 0, most, false, fallback[key]) : fallback[key];
  };
  const officesEntry = fields.get('offices');
  const offices = officesEntry
    ? reader.items(officesEntry.node, 'offices').map((item) => readOffice(reader, item))
    : fallback.offices;
  if (officesEntry && offices.length === 0) reader.fault(officesEntry.keyNode, 'a tenant needs an office');
  return {
    name: nameEntry ? reader.text(nameEntry.node, 'name', fallback.name) : fallback.name,
    domain,
    users: users ?? stated,
    adminShare: shareOf('adminShare', 0.5),
    guestShare: shareOf('guestShare', 0.3),
    offices,
  };
}

function readOffice(reader: YamlReader, node: YamlNode): TenantProfile['offices'][number] {
  const fields = reader.fields(node, 'an office', OFFICE_KEYS);
  const cityNode = reader.required(fields, 'city', node, 'an office');
  const city = cityNode
    ? reader.name(
        cityNode,
        'city',
        CITIES.map(({ name }) => name),
        'Berlin',
      )
    : 'Berlin';
  const zone = fields.get('timeZone');
  return {
    city,
    timeZone: zone ? reader.name(zone.node, 'time zone', Object.keys(TIME_ZONES), 'UTC') : cityNamed(city)!.zone,
    share: fields.has('share') ? reader.number(fields.get('share')!.node, 'share', 0.0001, 1_000_000, false, 1) : 1,
  };
}

/** Chain files by name: those in a folder of the scenario's name, those beside the scenario, then the shipped ones. */
class Library {
  readonly #folders: readonly string[];
  /** Chain files with faults: what is wrong with one is said once, however often the scenario names it. */
  readonly #faulty = new Set<string>();

  constructor(folder: string | undefined, scenario: string) {
    const shipped = path.join(packageRoot(), 'scenarios');
    const own = folder ?? shipped;
    this.#folders = [...new Set([path.join(own, scenario), own, shipped].map((each) => path.resolve(each)))];
  }

  names(kind: 'attacks' | 'lookalikes'): string[] {
    return [...new Set(this.#folders.flatMap((folder) => yamlNames(path.join(folder, kind))))].sort();
  }

  /** What `all` means: the scenario's own chains where it has some, and otherwise every one. */
  all(kind: 'attacks' | 'lookalikes'): string[] {
    const own = yamlNames(path.join(this.#folders[0]!, kind));
    return own.length > 0 ? own : this.names(kind);
  }

  /** Undefined where the chain's file has faults, which go to the reader's problems the first time. */
  chain(kind: 'attacks' | 'lookalikes', name: string, reader: YamlReader): Chain | undefined {
    if (this.#faulty.has(`${kind}/${name}`)) return undefined;
    try {
      return this.#load(kind, name);
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      this.#faulty.add(`${kind}/${name}`);
      reader.problems.push(...error.problems);
      return undefined;
    }
  }

  #load(kind: 'attacks' | 'lookalikes', name: string): Chain {
    for (const folder of this.#folders) {
      const file = path.join(folder, kind, `${name}.yaml`);
      if (existsSync(file))
        return parseChain(file, readText(file, 'the chain'), kind === 'attacks' ? 'attack' : 'lookalike');
    }
    throw new TocsinError('INTERNAL', `the chain ${name} vanished while it was read`);
  }
}

/** The key of a chain in {@link Scenario.chains}. */
export function chainKey(kind: Chain['kind'], name: string): string {
  return kind === 'attack' ? name : `lookalike:${name}`;
}

function readPlant(
  reader: YamlReader,
  node: YamlNode,
  key: 'attacks' | 'lookalikes',
  library: Library,
  chains: Record<string, Chain>,
): PlantRequest {
  const what = key === 'attacks' ? 'an attack' : 'a look-alike';
  const kind = key === 'attacks' ? 'attack' : 'lookalike';
  const fields = reader.fields(node, what, PLANT_KEYS);
  const chainNode = reader.required(fields, 'chain', node, what);
  const known = library.names(key);
  const chainName = chainNode ? reader.name(chainNode, 'chain', [...known, 'all'], '') : '';
  const names = chainName === 'all' ? library.all(key) : known.includes(chainName) ? [chainName] : [];
  const choices: [string, string][] = [];
  const variantEntry = fields.get('variant');
  const variant = variantEntry ? reader.text(variantEntry.node, 'variant') : 'plain';
  const seen = new Set<string>();
  for (const each of names) {
    const id = chainKey(kind, each);
    const chain = chains[id] ?? library.chain(key, each, reader);
    if (!chain) continue;
    chains[id] = chain;
    const variants = Object.keys(chain.variants);
    for (const candidate of variants) seen.add(candidate);
    if (variant === 'all') for (const candidate of variants) choices.push([each, candidate]);
    else if (variants.includes(variant)) choices.push([each, variant]);
  }
  if (seen.size > 0 && choices.length === 0 && variantEntry) {
    reader.fault(
      variantEntry.node,
      `unknown variant "${variant}" of ${chainName === 'all' ? 'every chain' : `chain "${chainName}"`}`,
      suggestion(variant, [...seen, 'all']),
    );
  }
  const countEntry = fields.get('count');
  const rateEntry = fields.get('perWeekPer1000Users');
  if (countEntry && rateEntry)
    reader.fault(rateEntry.keyNode, `${what} has both "count" and "perWeekPer1000Users"; give one`);
  return {
    choices,
    count: countEntry ? reader.number(countEntry.node, 'count', 1, 1_000_000, true, 1) : rateEntry ? undefined : 1,
    perWeekPer1000Users: rateEntry ? reader.number(rateEntry.node, 'perWeekPer1000Users', 0, 5_000, false, 0) : 0,
    parameters: fields.has('parameters') ? readParameters(reader, fields.get('parameters')!.node, 'parameters') : {},
  };
}

/** The time that a scenario's dataset covers. */
export function spanOf(scenario: Scenario): Span {
  const startTicks = columnTicksFromMs(scenario.startMs);
  const durationMs = scenario.days * MS_PER_DAY;
  return {
    startTicks,
    endTicks: startTicks + durationMs * 10_000,
    durationMs,
    // 1970-01-01 was a Thursday.
    firstWeekday: (Math.floor(scenario.startMs / MS_PER_DAY) + 3) % 7,
    days: scenario.days,
  };
}
