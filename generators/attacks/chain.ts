/**
 * Chain files: an attack (`scenarios/attacks/*.yaml`) or a benign look-alike (`scenarios/lookalikes/*.yaml`) as data.
 * The grammar is in docs/scenarios.md. A chain is parsed once, on the main thread, into the plain data defined here.
 */
import {
  APPLICATIONS,
  type ApplicationKey,
  type ClientKind,
  RESOURCES,
  type ResourceKey,
  RESULTS,
  type ResultCode,
} from '../applications.ts';
import { ACTIVITIES, findActivity } from '../audit-activities.ts';
import { APPLICATION_ACTORS, type ApplicationActor } from '../audit-texts.ts';
import { type Range, suggestion, YamlReader } from '../yaml-reader.ts';

export const ACTORS = [
  'admin',
  'helpDesk',
  'developer',
  'employee',
  'guest',
  'serviceAccount',
  'servicePrincipal',
] as const;
export type Actor = (typeof ACTORS)[number];

export const NETWORKS = ['hosting', 'residential', 'victim'] as const;
export const DEVICES = ['attacker', 'victim'] as const;
export const HOURS = ['any', 'working', 'morning', 'off'] as const;

/** What an action of a chain is done to. */
export const SUBJECTS = [
  'self',
  'victim',
  'colleague',
  'accomplice',
  'guest',
  'group',
  'principal',
  'application',
  'policy',
  'device',
  'domain',
  'role',
  'none',
] as const;
export type ChainSubject = (typeof SUBJECTS)[number];

/** What variants turn. */
export interface Parameters {
  readonly actor: Actor;
  /** A separate account for administration, one in daily use, or either (undefined). */
  readonly dedicated: boolean | undefined;
  /** Whether the actor's directory name carries capitals; undefined: either. */
  readonly capitals: boolean | undefined;
  readonly network: (typeof NETWORKS)[number];
  readonly device: (typeof DEVICES)[number];
  readonly hours: (typeof HOURS)[number];
  /** Milliseconds from the last sign-in to the act. */
  readonly dwell: Range;
  /** Milliseconds between the attacker's renewals of tokens. */
  readonly refresh: Range;
  /** Milliseconds between renewals around the acts, which hide them from rules that look at the last one; undefined: none. */
  readonly mask: Range | undefined;
  /** Milliseconds by which audit rows are ingested later than usual; undefined: none. */
  readonly ingestionDelay: Range | undefined;
  /** Milliseconds from the start of the dataset to the first act; undefined: at random. */
  readonly at: Range | undefined;
  /** Milliseconds from a planted sign-in to its publication; undefined: as all sign-ins. */
  readonly lag: Range | undefined;
}

export const PARAMETER_KEYS = [
  'actor',
  'dedicated',
  'capitals',
  'network',
  'device',
  'hours',
  'dwell',
  'refresh',
  'mask',
  'ingestionDelay',
  'at',
  'lag',
] as const;

/**
 * A time that a step waits: fixed; one of the chain's parameters; or `cadence`, until the next renewal is due, counted from
 * the last sign-in in steps of `refresh` whatever happened since: software renews tokens by their age.
 */
export type Wait = Range | 'dwell' | 'refresh' | 'cadence';

export interface SignInStep {
  readonly kind: 'signIn';
  /** A person's, without or with a prompt; or an application's by itself. */
  readonly way: 'silent' | 'interactive' | 'application';
  /** `consented`: the one that the chain's actor consents to. */
  readonly application: ApplicationKey | 'consented';
  readonly resource: ResourceKey;
  readonly client: ClientKind;
  readonly agent: string | undefined;
  readonly result: ResultCode;
  readonly situation: 'plain' | 'mfa' | 'mfaByClaim' | 'session' | 'risky' | 'compliantDevice';
  /** Whose it is, where and on which device: the actor's as the parameters say, or as its owner; or the first `colleague`'s. */
  readonly from: 'attacker' | 'victim' | 'colleague';
  readonly protocol: 'none' | 'deviceCode' | 'oAuth2';
  readonly transfer: 'none' | 'deviceCodeFlow' | 'authenticationTransfer';
  readonly after: Wait;
  readonly times: Range;
  readonly every: Wait;
  readonly role: 'supporting' | 'malicious' | 'benign';
}

export interface ActionRow {
  /** `operation`, or `category/operation` where a name occurs in several categories. */
  readonly operation: string;
  readonly subject: ChainSubject;
  readonly roleName: string | undefined;
  /** Milliseconds after the row before. */
  readonly gap: Range;
  /** Who writes it: the actor, or an application of Microsoft's on its own. */
  readonly by: 'actor' | ApplicationActor;
}

export interface ActionStep {
  readonly kind: 'action';
  readonly rows: readonly ActionRow[];
  readonly reason: string;
  readonly after: Wait;
  readonly times: Range;
  readonly every: Wait;
  readonly role: 'supporting' | 'malicious' | 'benign';
}

export type ChainStep = SignInStep | ActionStep;

export interface Chain {
  readonly name: string;
  readonly title: string;
  readonly kind: 'attack' | 'lookalike';
  readonly techniques: readonly string[];
  readonly parameters: Parameters;
  /** By name; each holds what it changes. */
  readonly variants: Readonly<Record<string, Partial<Parameters>>>;
  readonly steps: readonly ChainStep[];
}

const DEFAULTS: Parameters = {
  actor: 'admin',
  dedicated: undefined,
  capitals: undefined,
  network: 'hosting',
  device: 'attacker',
  hours: 'any',
  dwell: { from: 5 * 60_000, to: 40 * 60_000 },
  refresh: { from: 28 * 60_000, to: 32 * 60_000 },
  mask: undefined,
  ingestionDelay: undefined,
  at: undefined,
  lag: undefined,
};

const HOUR = 3_600_000;

/** The variants that chains may have by naming them. A chain may redefine one for itself. */
export const STANDARD_VARIANTS: Readonly<Record<string, Partial<Parameters>>> = {
  plain: { capitals: false },
  // Holds a long-lived token, so that nothing is due in between.
  slow: { capitals: false, dwell: { from: 1.25 * HOUR, to: 2.8 * HOUR }, refresh: { from: 3 * HOUR, to: 4 * HOUR } },
  // A toolkit that asks for a fresh token with every few calls.
  masked: { capitals: false, mask: { from: 5_000, to: 20_000 } },
  'mixed-case': { capitals: true },
  guest: { actor: 'guest' },
  'app-only': { actor: 'servicePrincipal' },
  'late-ingestion': { capitals: false, ingestionDelay: { from: 2 * HOUR, to: 6 * HOUR } },
  'living-off-the-victim': { capitals: false, network: 'victim', device: 'victim', hours: 'working' },
};

/** Reads the parameters that a mapping gives; keys that are not parameters are faults. */
export function readParameters(reader: YamlReader, node: YamlNode, what: string): Partial<Parameters> {
  const fields = reader.fields(node, what, PARAMETER_KEYS);
  const given: { -readonly [K in keyof Parameters]?: Parameters[K] } = {};
  for (const { key, node: value } of fields.values()) {
    const label = `${what}: ${key}`;
    if (key === 'actor') given.actor = reader.name(value, 'actor', ACTORS, 'admin');
    else if (key === 'dedicated') given.dedicated = reader.flag(value, label);
    else if (key === 'capitals') given.capitals = reader.flag(value, label);
    else if (key === 'network') given.network = reader.name(value, 'network', NETWORKS, 'hosting');
    else if (key === 'device') given.device = reader.name(value, 'device', DEVICES, 'attacker');
    else if (key === 'hours') given.hours = reader.name(value, 'hours', HOURS, 'any');
    else if (key === 'dwell') given.dwell = reader.duration(value, label);
    else if (key === 'refresh') given.refresh = positive(reader, value, label);
    else if (key === 'mask') given.mask = positive(reader, value, label);
    else if (key === 'ingestionDelay' || key === 'at' || key === 'lag') given[key] = reader.duration(value, label);
  }
  return given;
}

type YamlNode = YamlReader['root'];

/** A duration of a second or more: an interval of nothing would repeat for ever. */
function positive(reader: YamlReader, node: YamlNode, what: string): Range {
  const minute = { from: 60_000, to: 60_000 };
  const range = reader.duration(node, what, minute);
  if (range.from >= 1000) return range;
  reader.fault(node, `${what} must be a second or more`);
  return minute;
}

const SIGN_IN_KEYS = [
  'signIn',
  'application',
  'resource',
  'client',
  'agent',
  'result',
  'situation',
  'from',
  'protocol',
  'transfer',
  'after',
  'times',
  'every',
  'role',
] as const;
const ACTION_KEYS = ['action', 'reason', 'after', 'times', 'every', 'role'] as const;
const ROW_KEYS = ['operation', 'subject', 'roleName', 'gap', 'by'] as const;
const CHAIN_KEYS = ['name', 'title', 'techniques', 'parameters', 'variants', 'steps'] as const;
const WRITERS = ['actor', ...(Object.keys(APPLICATION_ACTORS) as ApplicationActor[])] as const;
const CLIENTS: readonly ClientKind[] = [
  'browser',
  'rich',
  'broker',
  'mobile',
  'powershell',
  'cli',
  'script',
  'service',
];

/**
 * Parses a chain file.
 *
 * @throws TocsinError SCENARIO with every fault and its position.
 */
export function parseChain(file: string, text: string, kind: Chain['kind']): Chain {
  const reader = new YamlReader(file, text);
  const fields = reader.fields(reader.root, 'the chain', CHAIN_KEYS);
  const name = reader.text(reader.required(fields, 'name', reader.root, 'the chain'), 'name');
  const title = reader.text(reader.required(fields, 'title', reader.root, 'the chain'), 'title');
  const techniques: string[] = [];
  const techniqueNode = fields.get('techniques');
  if (techniqueNode) {
    for (const item of reader.items(techniqueNode.node, 'techniques')) {
      const technique = reader.text(item, 'technique');
      if (!/^T\d{4}(\.\d{3})?$/.test(technique))
        reader.fault(item, `"${technique}" is no ATT&CK technique, expected a form such as T1098.003`);
      techniques.push(technique);
    }
  }
  const parameterNode = fields.get('parameters');
  const parameters = {
    ...DEFAULTS,
    ...(parameterNode ? readParameters(reader, parameterNode.node, 'parameters') : {}),
  };
  const variants = readVariants(reader, fields.get('variants')?.node ?? null, fields.has('variants'));
  const steps: ChainStep[] = [];
  const stepsNode = reader.required(fields, 'steps', reader.root, 'the chain');
  if (stepsNode) {
    for (const item of reader.items(stepsNode, 'steps')) {
      const step = readStep(reader, item, kind);
      if (step) steps.push(step);
    }
    if (steps.length === 0 && reader.problems.length === 0) reader.fault(stepsNode, 'the chain has no steps');
  }
  reader.throwFaults();
  return { name, title, kind, techniques, parameters, variants, steps };
}

function readVariants(reader: YamlReader, node: YamlNode, given: boolean): Record<string, Partial<Parameters>> {
  const variants: Record<string, Partial<Parameters>> = { plain: STANDARD_VARIANTS.plain! };
  if (!given) return variants;
  const entries = reader.entries(node, 'variants');
  for (const { key, keyNode, node: value } of entries.values()) {
    const standard = STANDARD_VARIANTS[key];
    const isEmpty = value === null || value.toString() === 'null' || value.toString() === '';
    if (isEmpty) {
      if (!standard)
        reader.fault(
          keyNode,
          `variant "${key}" is none of the standard ones, so it must say what it changes`,
          suggestion(key, Object.keys(STANDARD_VARIANTS)),
        );
      variants[key] = standard ?? {};
    } else {
      variants[key] = { ...standard, ...readParameters(reader, value, `variant ${key}`) };
    }
  }
  return variants;
}

function readStep(reader: YamlReader, node: YamlNode, kind: Chain['kind']): ChainStep | undefined {
  const entries = reader.entries(node, 'a step');
  const isSignIn = entries.has('signIn');
  if (!isSignIn && !entries.has('action')) {
    reader.fault(node, 'a step must have "signIn" or "action"');
    return undefined;
  }
  const fields = reader.fields(node, isSignIn ? 'a sign-in' : 'an action', isSignIn ? SIGN_IN_KEYS : ACTION_KEYS);
  const get = (key: string): YamlNode => fields.get(key)!.node;
  const wait = (key: string, fallback: Wait): Wait => {
    const entry = fields.get(key);
    if (!entry) return fallback;
    const text = entry.node?.toString();
    if (text === 'dwell' || text === 'refresh' || text === 'cadence') return text;
    return reader.duration(entry.node, key);
  };
  const roles = kind === 'attack' ? (['malicious', 'supporting'] as const) : (['benign'] as const);
  const timing = {
    after: wait('after', { from: 0, to: 0 }),
    times: fields.has('times') ? reader.count(get('times'), 'times') : { from: 1, to: 1 },
    every: wait('every', 'refresh'),
    role: fields.has('role')
      ? reader.name(get('role'), 'role', roles, roles[0])
      : kind === 'lookalike'
        ? ('benign' as const)
        : isSignIn
          ? ('supporting' as const)
          : ('malicious' as const),
  };
  const text = <T extends string>(key: string, known: readonly T[], fallback: T): T =>
    fields.has(key) ? reader.name(get(key), key, known, fallback) : fallback;
  if (isSignIn) {
    return {
      kind: 'signIn',
      way: reader.name(get('signIn'), 'kind of sign-in', ['silent', 'interactive', 'application'] as const, 'silent'),
      application: text('application', [...(Object.keys(APPLICATIONS) as ApplicationKey[]), 'consented'], 'OfficeHome'),
      resource: text('resource', Object.keys(RESOURCES) as ResourceKey[], 'Graph'),
      client: text('client', CLIENTS, 'browser'),
      agent: fields.has('agent') ? reader.text(get('agent'), 'agent') : undefined,
      result: text('result', Object.keys(RESULTS) as ResultCode[], '0'),
      situation: text(
        'situation',
        ['plain', 'mfa', 'mfaByClaim', 'session', 'risky', 'compliantDevice'] as const,
        'mfaByClaim',
      ),
      from: text('from', ['attacker', 'victim', 'colleague'] as const, 'attacker'),
      protocol: text('protocol', ['none', 'deviceCode', 'oAuth2'] as const, 'none'),
      transfer: text('transfer', ['none', 'deviceCodeFlow', 'authenticationTransfer'] as const, 'none'),
      ...timing,
    };
  }
  const rows: ActionRow[] = [];
  for (const item of reader.items(get('action'), 'action')) {
    const row = reader.fields(item, 'a row of an action', ROW_KEYS);
    const operationNode = reader.required(row, 'operation', item, 'a row of an action');
    const operation = operationNode ? reader.text(operationNode, 'operation') : '';
    if (operationNode && !findActivity(operation)) {
      reader.fault(
        operationNode,
        `unknown operation "${operation}"`,
        suggestion(
          operation,
          ACTIVITIES.map((known) => known.operation),
        ),
      );
    }
    rows.push({
      operation,
      subject: row.has('subject') ? reader.name(row.get('subject')!.node, 'subject', SUBJECTS, 'none') : 'none',
      roleName: row.has('roleName') ? reader.text(row.get('roleName')!.node, 'roleName') : undefined,
      gap: row.has('gap') ? reader.duration(row.get('gap')!.node, 'gap') : { from: 0, to: 900 },
      by: row.has('by') ? reader.name(row.get('by')!.node, 'actor', WRITERS, 'actor') : 'actor',
    });
  }
  return { kind: 'action', rows, reason: fields.has('reason') ? reader.text(get('reason'), 'reason') : '', ...timing };
}
