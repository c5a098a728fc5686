/**
 * The directory of an invented tenant: who is in it, with which devices, from which networks. Everything about an account
 * is a function of (seed, ordinal), so any thread can ask about any account; only the names need a pass over all of
 * them, because no two may collide. Faker serves as a source of names, which is why its version is pinned.
 *
 * Ordinals: 0 to `userCount` - 1 are user accounts, in blocks by kind; service principals follow.
 */
import { faker as german } from '@faker-js/faker/locale/de';
import { faker as english } from '@faker-js/faker/locale/en';
import { faker as italian } from '@faker-js/faker/locale/it';
import { purposeKey, RandomStream, Weights } from '../src/base/random.ts';
import { DAY, DEVICES, PEOPLE, PRINCIPALS } from './assumptions.ts';
import { CITIES, type City, cityNamed, HOSTERS, TIME_ZONES } from './places.ts';

export type AccountKind = 'admin' | 'helpDesk' | 'developer' | 'employee' | 'guest' | 'serviceAccount';

/** One office of the tenant: where people work, and the address that its traffic leaves from. */
export interface Office {
  readonly city: City;
  readonly zoneMinutes: number;
  readonly share: number;
}

/** What a scenario says about its tenant. */
export interface TenantProfile {
  readonly name: string;
  readonly domain: string;
  readonly users: number;
  readonly offices: readonly { readonly city: string; readonly timeZone: string; readonly share: number }[];
  readonly adminShare: number;
  readonly guestShare: number;
}

export interface Account {
  readonly ordinal: number;
  readonly kind: AccountKind;
  /** A separate account for administration: no mailbox, no phone. */
  readonly dedicated: boolean;
  readonly displayName: string;
  readonly userId: string;
  /** The user principal name as the directory writes it, and so do audit rows: its own case, `#EXT#` for guests. */
  readonly directoryName: string;
  /** The name in sign-in rows: lower case; a guest's home address. */
  readonly signInName: string;
  readonly hasCapitals: boolean;
  readonly department: string;
  readonly jobTitle: string;
  readonly roles: readonly string[];
  readonly office: number;
  readonly zoneMinutes: number;
}

export interface ServicePrincipal {
  readonly ordinal: number;
  readonly name: string;
  readonly appId: string;
  readonly objectId: string;
  readonly applicationObjectId: string;
  readonly keyId: string;
  /** A managed identity: Azure keeps its credential, and its sign-ins show no address. */
  readonly managed: boolean;
  readonly place: Place;
}

/** A network address with what sign-in rows say about it. */
export interface Place {
  readonly ip: string;
  readonly asn: number;
  readonly city: City;
  /** The named location that it is part of, empty for none. */
  readonly namedLocation: string;
}

export type TrustType = 'Azure AD joined' | 'Hybrid Azure AD joined' | 'Azure AD registered' | '';

export interface Device {
  /** Position among its owner's devices. */
  readonly index: number;
  readonly kind: 'computer' | 'phone';
  /** Empty where the directory does not know it. */
  readonly deviceId: string;
  readonly name: string;
  readonly operatingSystem: string;
  /** As user agents write it. */
  readonly platform: 'Windows' | 'Mac' | 'iPhone' | 'Android' | 'Linux';
  readonly trustType: TrustType;
  readonly isCompliant: boolean;
  readonly browser: 'Edge' | 'Chrome' | 'Safari' | 'Firefox';
  readonly browserVersion: string;
  /** What scripts on it call themselves. */
  readonly scriptAgent: string;
}

/** User agents of HTTP libraries, which developers' scripts and attackers' tools share. */
export const SCRIPT_AGENTS = [
  'axios/1.7.9',
  'axios/1.8.4',
  'python-requests/2.32.3',
  'node',
  'Go-http-client/1.1',
] as const;

const ROLES = [
  'Global Administrator',
  'Privileged Role Administrator',
  'User Administrator',
  'Application Administrator',
  'Conditional Access Administrator',
  'Exchange Administrator',
  'Security Administrator',
  'Authentication Administrator',
  'Intune Administrator',
] as const;

const DEPARTMENTS = [
  ['Sales', 18],
  ['Operations', 16],
  ['Customer Service', 12],
  ['Engineering', 14],
  ['Finance', 8],
  ['Marketing', 7],
  ['Human Resources', 5],
  ['Research', 6],
  ['Legal', 3],
  ['Logistics', 8],
  ['Management', 3],
] as const;
const DEPARTMENT_WEIGHTS = new Weights(DEPARTMENTS.map(([, weight]) => weight));
/** The one whose head is above all others. */
const TOP_DEPARTMENT = 'Management';

function drawDepartment(kind: AccountKind, random: RandomStream): string {
  return kind === 'employee' ? DEPARTMENTS[random.weighted(DEPARTMENT_WEIGHTS)]![0] : 'Information Technology';
}

const WORKLOADS = [
  'payroll-export',
  'crm-connector',
  'backup-agent',
  'invoice-bot',
  'hr-import',
  'monitoring',
  'ci-deploy',
  'data-lake-loader',
  'intranet-search',
  'ticket-bridge',
  'mail-archiver',
  'asset-inventory',
  'e-sign',
  'badge-system',
  'warehouse-sync',
  'bi-refresh',
] as const;

const GUEST_DOMAINS = [
  'fabrikam.com',
  'adatum.com',
  'northwindtraders.com',
  'tailspintoys.com',
  'wingtiptoys.com',
  'litwareinc.com',
  'outlook.com',
  'gmail.com',
  'proseware.com',
  'woodgrovebank.com',
] as const;

const NAMES = purposeKey('tenant/names');
const PERSON = purposeKey('tenant/person');
const DEVICE_STREAM = purposeKey('tenant/devices');
const NETWORKS = purposeKey('tenant/networks');
const MOBILE = purposeKey('tenant/mobile');
const TENANT = purposeKey('tenant');
const PRINCIPAL_STREAM = purposeKey('tenant/service-principals');
const GUID = purposeKey('tenant/guid');

const FOLDED: Readonly<Record<string, string>> = { ß: 'ss', ł: 'l', Ł: 'L', ø: 'o', Ø: 'O', æ: 'ae', đ: 'd' };

/** A name in the letters that mail addresses use. */
function asciiLetters(name: string): string {
  return name
    .replace(/[ßłŁøØæđ]/g, (letter) => FOLDED[letter]!)
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '');
}

interface NameList {
  readonly display: readonly string[];
  readonly ascii: readonly string[];
}

function nameList(...lists: readonly (readonly string[] | undefined)[]): NameList {
  const display = [...new Set(lists.flatMap((list) => list ?? []))].filter((name) => asciiLetters(name).length > 1);
  return { display, ascii: display.map(asciiLetters) };
}

let cachedNames: { first: NameList; last: NameList } | undefined;

/** Faker's own lists, read once: drawing through its methods would take a second for 100,000 people. */
function names(): { first: NameList; last: NameList } {
  if (!cachedNames) {
    const first = english.rawDefinitions.person?.first_name;
    cachedNames = {
      first: nameList(first?.female, first?.male, german.rawDefinitions.person?.first_name?.female),
      last: nameList(
        english.rawDefinitions.person?.last_name?.generic,
        german.rawDefinitions.person?.last_name?.generic,
        italian.rawDefinitions.person?.last_name?.generic,
      ),
    };
  }
  return cachedNames;
}

/** A byte as two hexadecimal digits; small tables, since these texts are made for every account. */
const HEX = Array.from({ length: 0x100 }, (_, value) => value.toString(16).padStart(2, '0'));
/** A byte without a zero in front. */
const SHORT_HEX = Array.from({ length: 0x100 }, (_, value) => value.toString(16));
const VARIANTS = '89ab';

function hex16(value: number): string {
  return HEX[value >>> 8]! + HEX[value & 255]!;
}

/** A version 4 GUID of four draws. */
export function drawGuid(random: RandomStream): string {
  const a = random.u32();
  const b = random.u32();
  const c = random.u32();
  const d = random.u32();
  const version = `4${hex16(b & 0xfff).slice(1)}`;
  const variant = VARIANTS[(c >>> 28) & 3]! + hex16((c >>> 16) & 0xfff).slice(1);
  const tail = hex16(c & 0xffff) + hex16(d >>> 16) + hex16(d & 0xffff);
  return `${hex16(a >>> 16)}${hex16(a & 0xffff)}-${hex16(b >>> 16)}-${version}-${variant}-${tail}`;
}

/** A group of an IPv6 address. */
function drawGroup(random: RandomStream): string {
  const value = random.below(0x10000);
  return value < 0x100 ? SHORT_HEX[value]! : SHORT_HEX[value >>> 8]! + HEX[value & 255]!;
}

/** A GUID that is a function of a name. */
export function nameGuid(name: string): string {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = 0; i < name.length; i++) {
    a = Math.imul(a ^ name.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ name.charCodeAt(i), 0x5bd1e995) ^ (b >>> 13);
  }
  let hex = '';
  for (let i = 0; i < 4; i++) {
    a = Math.imul(a ^ (b >>> 15) ^ i, 0x85ebca6b);
    b = Math.imul(b ^ (a >>> 13), 0xc2b2ae35);
    hex += ((a ^ b) >>> 0).toString(16).padStart(8, '0');
  }
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function share(count: number, part: number, minimum: number): number {
  return Math.max(minimum, Math.round(count * part));
}

export class Tenant {
  readonly seed: number;
  readonly profile: TenantProfile;
  readonly tenantId: string;
  readonly name: string;
  readonly domain: string;
  readonly initialDomain: string;
  readonly offices: readonly Office[];
  readonly userCount: number;
  readonly servicePrincipals: readonly ServicePrincipal[];
  /** Those that hold a secret, which can be stolen or added to. */
  readonly secretPrincipals: readonly ServicePrincipal[];
  /** Half-open ranges of ordinals by kind. */
  readonly ranges: Readonly<Record<AccountKind, readonly [from: number, to: number]>>;
  readonly #officeShares: Weights;
  #managers: Int32Array | undefined;
  readonly #officePlaces: readonly Place[];
  readonly #vpnPlace: Place;
  /** Where each kind's block of ordinals ends, in order. */
  readonly #blockEnds: readonly (readonly [kind: AccountKind, to: number])[];
  readonly #dedicatedFrom: number;
  readonly #idsByName = new Map<string, string>();
  readonly #signInNames: string[] = [];
  readonly #displayNames: string[] = [];

  constructor(profile: TenantProfile, seed: number) {
    this.seed = seed;
    this.profile = profile;
    this.userCount = profile.users;
    const random = new RandomStream(seed, TENANT);
    this.tenantId = drawGuid(random);
    this.name = profile.name;
    this.domain = profile.domain;
    this.initialDomain = `${profile.domain.split('.')[0]!}.onmicrosoft.com`;
    this.offices = profile.offices.map(({ city, timeZone, share }) => ({
      city: cityNamed(city) ?? CITIES[0]!,
      zoneMinutes: TIME_ZONES[timeZone] ?? 0,
      share,
    }));

    this.#officeShares = new Weights(this.offices.map(({ share: officeShare }) => officeShare));
    this.#officePlaces = this.offices.map(({ city }, office) => this.#companyPlace(office, 1, `${city.name} office`));
    this.#vpnPlace = this.#companyPlace(0, 2, 'Company VPN');

    const { users } = profile;
    const admins = share(users, profile.adminShare, PEOPLE.adminMinimum);
    const helpDesk = share(users, PEOPLE.helpDeskShare, PEOPLE.helpDeskMinimum);
    const developers = share(users, PEOPLE.developerShare, PEOPLE.developerMinimum);
    const guests = share(users, profile.guestShare, PEOPLE.guestMinimum);
    const services = share(users, PEOPLE.serviceAccountShare, PEOPLE.serviceAccountMinimum);
    let next = 0;
    const block = (count: number): readonly [number, number] => [next, (next += count)];
    this.ranges = {
      admin: block(admins),
      helpDesk: block(helpDesk),
      developer: block(developers),
      employee: block(users - admins - helpDesk - developers - guests - services),
      guest: block(guests),
      serviceAccount: block(services),
    };
    this.#blockEnds = (Object.keys(this.ranges) as AccountKind[]).map((kind) => [kind, this.ranges[kind][1]]);
    this.#dedicatedFrom = admins - Math.round(admins * PEOPLE.dedicatedAdminShare);
    this.#nameEveryone();
    this.servicePrincipals = this.#makeServicePrincipals();
    this.secretPrincipals = this.servicePrincipals.filter(({ managed }) => !managed);
  }

  /** The id of something that the tenant has one of by name; each name's is made once. */
  idOf(name: string): string {
    let id = this.#idsByName.get(name);
    if (id === undefined) this.#idsByName.set(name, (id = nameGuid(`${this.tenantId}/${name}`)));
    return id;
  }

  kindOf(ordinal: number): AccountKind {
    for (const [kind, to] of this.#blockEnds) if (ordinal < to) return kind;
    throw new RangeError(`no account ${ordinal} in a tenant of ${this.userCount}`);
  }

  #nameEveryone(): void {
    const { first, last } = names();
    const taken = new Map<string, number>();
    const unique = (stem: string): string => {
      const count = (taken.get(stem) ?? 0) + 1;
      taken.set(stem, count);
      return count === 1 ? stem : `${stem}${count}`;
    };
    const [, adminTo] = this.ranges.admin;
    const [guestFrom, guestTo] = this.ranges.guest;
    for (let ordinal = 0; ordinal < this.userCount; ordinal++) {
      const random = new RandomStream(this.seed, NAMES, ordinal);
      if (ordinal >= guestTo) {
        const workload = WORKLOADS[random.below(WORKLOADS.length)]!;
        this.#displayNames.push(`svc ${workload}`);
        this.#signInNames.push(`${unique(`svc-${workload}`)}@${this.domain}`);
        continue;
      }
      const given = random.below(first.display.length);
      const family = random.below(last.display.length);
      const stem = `${first.ascii[given]!}.${last.ascii[family]!}`.toLowerCase();
      if (ordinal >= guestFrom) {
        const domain = random.pick(GUEST_DOMAINS);
        const home = unique(`guest ${stem}@${domain}`).slice(6);
        // A number after the domain would make another domain.
        const [, name, host, number] = /^(.*)@(.*?\.com)(\d*)$/.exec(home)!;
        this.#signInNames.push(`${name}${number}@${host}`);
      } else if (ordinal >= this.#dedicatedFrom && ordinal < adminTo) {
        this.#signInNames.push(`${unique(`adm.${stem}`)}@${this.initialDomain}`);
      } else {
        this.#signInNames.push(`${unique(stem)}@${this.domain}`);
      }
      this.#displayNames.push(`${first.display[given]!} ${last.display[family]!}`);
    }
  }

  signInName(ordinal: number): string {
    return this.#signInNames[ordinal]!;
  }

  /** Whether it is a separate account for administration. */
  isDedicated(ordinal: number): boolean {
    return ordinal >= this.#dedicatedFrom && ordinal < this.ranges.admin[1];
  }

  /** Whether an account's directory name carries capitals. */
  hasCapitals(ordinal: number): boolean {
    const kind = this.kindOf(ordinal);
    if (kind === 'serviceAccount' || kind === 'guest') return false;
    return new RandomStream(this.seed, PERSON, ordinal, 1).chance(PEOPLE.capitalsShare);
  }

  directoryName(ordinal: number): string {
    const name = this.signInName(ordinal);
    if (this.kindOf(ordinal) === 'guest') return `${name.replace('@', '_')}#EXT#@${this.initialDomain}`;
    if (!this.hasCapitals(ordinal)) return name;
    return name.replace(/(^|\.)([a-z])(?=[^@]*@)/g, (_, lead: string, letter: string) => lead + letter.toUpperCase());
  }

  /** The office of an account, an index into `offices`; what {@link account} says too. */
  officeOf(ordinal: number): number {
    return new RandomStream(this.seed, PERSON, ordinal).weighted(this.#officeShares);
  }

  /**
   * Whom somebody reports to. People of a department form a tree, and its head reports to the head of Management;
   * undefined for that one, for guests, and for accounts that nobody works with every day.
   */
  managerOf(ordinal: number): number | undefined {
    const managers = (this.#managers ??= this.#findManagers());
    const manager = managers[ordinal]!;
    return manager < 0 ? undefined : manager;
  }

  #findManagers(): Int32Array {
    const managers = new Int32Array(this.userCount).fill(-1);
    const people = new Map<string, number[]>();
    for (let ordinal = 0; ordinal < this.userCount; ordinal++) {
      const kind = this.kindOf(ordinal);
      if (kind === 'guest' || kind === 'serviceAccount' || this.isDedicated(ordinal)) continue;
      const random = new RandomStream(this.seed, PERSON, ordinal);
      // The office is drawn first, as in `account`.
      random.weighted(this.#officeShares);
      const department = drawDepartment(kind, random);
      const colleagues = people.get(department);
      if (colleagues) colleagues.push(ordinal);
      else people.set(department, [ordinal]);
      const place = people.get(department)!.length - 1;
      if (place > 0) managers[ordinal] = people.get(department)![Math.floor((place - 1) / PEOPLE.reportsPerManager)]!;
    }
    const top = (people.get(TOP_DEPARTMENT) ?? [...people.values()][0]!)[0]!;
    for (const [head] of people.values()) if (head !== top) managers[head!] = top;
    return managers;
  }

  /** What others' audit rows say of an account: less than {@link account}, and sooner. */
  person(ordinal: number): Pick<Account, 'ordinal' | 'kind' | 'userId' | 'directoryName'> {
    return {
      ordinal,
      kind: this.kindOf(ordinal),
      userId: this.#userId(ordinal),
      directoryName: this.directoryName(ordinal),
    };
  }

  #userId(ordinal: number): string {
    return drawGuid(new RandomStream(this.seed, GUID, ordinal));
  }

  account(ordinal: number): Account {
    const kind = this.kindOf(ordinal);
    const random = new RandomStream(this.seed, PERSON, ordinal);
    const dedicated = kind === 'admin' && ordinal >= this.#dedicatedFrom;
    const office = random.weighted(this.#officeShares);
    const department = drawDepartment(kind, random);
    const jobTitles = english.rawDefinitions.person?.job_type ?? [];
    const roleCount = kind === 'admin' ? 1 + random.below(2) : 0;
    const roles: string[] = kind === 'helpDesk' ? ['Helpdesk Administrator'] : [];
    for (let i = 0; i < roleCount; i++) {
      // The first admin is always a global one: every tenant has one.
      const role = ordinal === 0 && i === 0 ? ROLES[0] : random.pick(ROLES);
      if (!roles.includes(role)) roles.push(role);
    }
    return {
      ordinal,
      kind,
      dedicated,
      displayName: this.#displayNames[ordinal]!,
      userId: this.#userId(ordinal),
      directoryName: this.directoryName(ordinal),
      signInName: this.signInName(ordinal),
      hasCapitals: this.hasCapitals(ordinal),
      department,
      jobTitle: `${department} ${random.pick(jobTitles)}`,
      roles,
      office,
      zoneMinutes: this.offices[office]!.zoneMinutes,
    };
  }

  /** A person's devices; the first is the main computer, where there is one. */
  devices(ordinal: number): Device[] {
    const account = this.kindOf(ordinal);
    const random = new RandomStream(this.seed, DEVICE_STREAM, ordinal);
    if (account === 'serviceAccount') return [serverDevice(random)];
    const devices: Device[] = [];
    const dedicated = account === 'admin' && ordinal >= this.#dedicatedFrom;
    devices.push(computer(random, 0, account === 'guest' ? 'foreign' : 'company'));
    if (!dedicated && random.chance(PEOPLE.phoneShare)) devices.push(phone(random, devices.length));
    if (!dedicated && random.chance(PEOPLE.secondComputerShare))
      devices.push(computer(random, devices.length, 'private'));
    return devices;
  }

  /** The address that an office's traffic leaves from. The same object each time. */
  officePlace(office: number): Place {
    return this.#officePlaces[office]!;
  }

  /** The company's VPN gateway. The same object each time. */
  vpnPlace(): Place {
    return this.#vpnPlace;
  }

  /** An address of the company's own, in the city of an office. */
  #companyPlace(office: number, part: number, name: string): Place {
    const { city } = this.offices[office]!;
    const random = new RandomStream(this.seed, NETWORKS, office, part);
    const ip = `${city.home.prefix}.${random.below(256)}.${2 + random.below(250)}`;
    return place(ip, city.home.asn, city, name);
  }

  homePlace(ordinal: number): Place {
    const { city } = this.offices[this.officeOf(ordinal)]!;
    const random = new RandomStream(this.seed, NETWORKS, ordinal, 3);
    return place(`${city.home.prefix}.${random.below(256)}.${2 + random.below(250)}`, city.home.asn, city, '');
  }

  /** A phone's address in the mobile network of its owner's city, which changes with every `epoch`. */
  mobilePlace({ ordinal, office }: Account, epoch: number): Place {
    const { city } = this.offices[office]!;
    const random = new RandomStream(this.seed, MOBILE, ordinal, epoch);
    let ip = city.mobile.prefix;
    for (let group = 0; group < 6; group++) ip += `:${drawGroup(random)}`;
    return place(ip, city.mobile.asn, city, '');
  }

  /** The commercial VPN of those who use one: an address of a hosting provider, undefined for everybody else. */
  commercialVpnPlace(ordinal: number): Place | undefined {
    const random = new RandomStream(this.seed, NETWORKS, ordinal, 4);
    return random.chance(PEOPLE.commercialVpnShare) ? hostingPlace(random) : undefined;
  }

  #makeServicePrincipals(): ServicePrincipal[] {
    const count = share(this.userCount, PEOPLE.servicePrincipalShare, PEOPLE.servicePrincipalMinimum);
    const seen = new Map<string, number>();
    return Array.from({ length: count }, (_, index) => {
      const random = new RandomStream(this.seed, PRINCIPAL_STREAM, index);
      const stem = `${this.name.toLowerCase().replace(/[^a-z0-9]/g, '')}-${random.pick(WORKLOADS)}`;
      const number = (seen.get(stem) ?? 0) + 1;
      seen.set(stem, number);
      return {
        ordinal: this.userCount + index,
        name: number === 1 ? stem : `${stem}-${number}`,
        appId: drawGuid(random),
        objectId: drawGuid(random),
        applicationObjectId: drawGuid(random),
        keyId: drawGuid(random),
        // The first never is one, so that every tenant has a secret.
        managed: random.chance(PRINCIPALS.managedShare) && index > 0,
        place: random.chance(PRINCIPALS.hostedShare)
          ? hostingPlace(random)
          : this.officePlace(random.below(this.offices.length)),
      };
    });
  }

  /** Whether a person works on a local day: `weekday` counts from Monday as 0. */
  worksOn(random: RandomStream, weekday: number): boolean {
    return random.chance(weekday >= 5 ? DAY.weekendShare : DAY.weekdayShare);
  }
}

export function place(ip: string, asn: number, city: City, namedLocation: string): Place {
  return { ip, asn, city, namedLocation };
}

/** An address of a hosting or VPN provider. */
export function hostingPlace(random: RandomStream): Place {
  const hoster = random.pick(HOSTERS);
  return place(
    `${hoster.prefix}.${random.below(256)}.${2 + random.below(250)}`,
    hoster.asn,
    cityNamed(hoster.city)!,
    '',
  );
}

/** A consumer's address in a city: where a residential proxy leaves from. */
export function residentialPlace(random: RandomStream, city: City): Place {
  return place(`${city.home.prefix}.${random.below(256)}.${2 + random.below(250)}`, city.home.asn, city, '');
}

const CHROME_VERSIONS = ['148.0.7778.97', '148.0.7778.168', '149.0.7827.54'] as const;
const EDGE_VERSIONS = ['148.0.3967.54', '148.0.3967.70', '149.0.4022.35', '149.0.4022.52'] as const;

const JOIN_WEIGHTS = new Weights(DEVICES.joinWeights);
const BROWSER_WEIGHTS = new Weights(DEVICES.browserWeights);

/** A computer that the directory does not know, such as an attacker's. */
export function foreignComputer(random: RandomStream, index: number): Device {
  return computer(random, index, 'foreign');
}

function computer(random: RandomStream, index: number, owner: 'company' | 'private' | 'foreign'): Device {
  const isMac = random.chance(DEVICES.macShare);
  const trustType: TrustType =
    owner !== 'company'
      ? owner === 'private' && random.chance(DEVICES.privateRegisteredShare)
        ? 'Azure AD registered'
        : ''
      : (['Azure AD joined', 'Hybrid Azure AD joined', 'Azure AD registered'] as const)[random.weighted(JOIN_WEIGHTS)]!;
  const browser = isMac
    ? random.chance(DEVICES.safariOnMacShare)
      ? 'Safari'
      : 'Chrome'
    : (['Edge', 'Chrome', 'Firefox'] as const)[random.weighted(BROWSER_WEIGHTS)]!;
  return {
    index,
    kind: 'computer',
    deviceId: trustType === '' ? '' : drawGuid(random),
    name:
      trustType === ''
        ? ''
        : `${isMac ? 'MB' : 'LW'}-${random.u32().toString(36).toUpperCase().padStart(7, '0').slice(0, 7)}`,
    operatingSystem: isMac ? 'MacOs' : random.chance(DEVICES.windows11Share) ? 'Windows11' : 'Windows10',
    platform: isMac ? 'Mac' : 'Windows',
    trustType,
    isCompliant: trustType !== '' && random.chance(DEVICES.compliantShare),
    browser,
    browserVersion:
      browser === 'Safari'
        ? '18.5'
        : browser === 'Firefox'
          ? '139.0'
          : random.pick(browser === 'Edge' ? EDGE_VERSIONS : CHROME_VERSIONS),
    scriptAgent: random.pick(SCRIPT_AGENTS),
  };
}

function phone(random: RandomStream, index: number): Device {
  const isIphone = random.chance(DEVICES.iphoneShare);
  const isRegistered = random.chance(DEVICES.phoneRegisteredShare);
  return {
    index,
    kind: 'phone',
    deviceId: isRegistered ? drawGuid(random) : '',
    name: isRegistered ? (isIphone ? 'iPhone' : 'Galaxy S24') : '',
    operatingSystem: isIphone ? `Ios 18.${random.below(6)}` : `Android ${14 + random.below(2)}`,
    platform: isIphone ? 'iPhone' : 'Android',
    trustType: isRegistered ? 'Azure AD registered' : '',
    isCompliant: isRegistered && random.chance(DEVICES.phoneCompliantShare),
    browser: isIphone ? 'Safari' : 'Chrome',
    browserVersion: isIphone ? '18.5' : '136.0.7103.125',
    scriptAgent: '',
  };
}

function serverDevice(random: RandomStream): Device {
  return {
    index: 0,
    kind: 'computer',
    deviceId: '',
    name: '',
    operatingSystem: random.chance(DEVICES.windowsServerShare) ? 'WindowsServer2022' : 'Linux',
    platform: 'Linux',
    trustType: '',
    isCompliant: false,
    browser: 'Edge',
    browserVersion: EDGE_VERSIONS[0],
    scriptAgent: '',
  };
}
