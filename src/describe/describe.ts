/**
 * What is in a dataset. Rows are looked at a partition and a table at a time, and only the columns that are counted; a
 * value that is held by code is looked at once for each entry of its dictionary. What grows with the dataset is one
 * counter for each user of one partition, and one for each distinct value of a column that is broken down.
 *
 * Imports have no truth, may lack any column and any time, and may hold tables of which nothing but rows and hours is
 * known; what cannot be measured is null, never 0.
 */
import { setImmediate } from 'node:timers/promises';
import { TocsinError } from '../base/errors.ts';
import { COLUMN_EPOCH_TICKS, parseIsoDatetime } from '../base/time.ts';
import type { Batch, ColumnInfo } from '../columns/batch.ts';
import { type CodedColumn, type Codes, type Column, columnFromValues, valueAt } from '../columns/column.ts';
import type { Dictionary } from '../columns/dictionary.ts';
import type { Value } from '../columns/value.ts';
import type { Manifest, TableManifest } from '../dataset/manifest.ts';
import type { Dataset } from '../dataset/read.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { INGESTION_TIME, tableColumns } from '../schema/tables.ts';
import { Counts, Delays, type Percentiles } from './distribution.ts';
import { type Comparison, compareWithPublished } from './published.ts';

const SILENT = 'AADNonInteractiveUserSignInLogs';
const INTERACTIVE = 'SigninLogs';
const AUDIT = 'AuditLogs';

/** One value of a column, and how many rows have it. */
export interface ValueCount {
  readonly value: string;
  readonly rows: number;
  /** Of all rows of the table. */
  readonly share: number;
}

/** The most frequent values of a column; `distinct` counts all that are not empty. */
export interface Breakdown {
  readonly distinct: number;
  readonly top: readonly ValueCount[];
}

export interface FailureCount extends ValueCount {
  /** ResultDescription of one of its rows; empty where there is none. */
  readonly description: string;
}

export interface Failures {
  readonly rows: number;
  /** Of all rows of the table. */
  readonly share: number;
  readonly distinct: number;
  readonly top: readonly FailureCount[];
}

export interface TableDescription {
  readonly table: string;
  readonly rows: number;
  /** TimeGenerated of the first and the last row, ISO 8601; null where no row has one. */
  readonly first: string | null;
  readonly last: string | null;
  readonly rowsWithoutTime: number;
  /** Distinct user names, in whatever letter case; null for a table that has none. */
  readonly users: number | null;
  /** Rows of a user on a day (UTC) on which there are some. */
  readonly rowsPerActiveUserDay: Percentiles | null;
  /** Rows by hour of TimeGenerated, UTC: 24 of them. */
  readonly byHour: readonly number[];
  /** From the event (CreatedDateTime, ActivityDateTime) to TimeGenerated. */
  readonly publishDelayMs: Percentiles | null;
  /** From TimeGenerated to ingestion. */
  readonly ingestionDelayMs: Percentiles | null;
  readonly failures: Failures | null;
  readonly applications: Breakdown | null;
  readonly categories: Breakdown | null;
  readonly operations: Breakdown | null;
  /** Columns that the import met and the schema does not know, with the rows that had them. */
  readonly unknownColumns: Readonly<Record<string, number>>;
}

/** Planted incidents of one chain, or of one kind of look-alike. */
export interface IncidentCount {
  readonly scenario: string;
  readonly incidents: number;
  readonly variants: Readonly<Record<string, number>>;
  /** Events by role; those of look-alikes are all benign. */
  readonly events: { readonly malicious: number; readonly supporting: number; readonly benign: number };
}

/** docs/describe.md says what each member means, docs/describe.schema.json is its JSON Schema. */
export interface Description {
  readonly schema: 'tocsin.describe/1';
  readonly dataset: string;
  readonly origin: Manifest['origin'];
  /** What it covers, ISO 8601: from `start` (inclusive) to `end` (exclusive). */
  readonly start: string;
  readonly end: string;
  readonly days: number;
  readonly rows: number;
  /** Distinct user names in all tables. */
  readonly users: number;
  /** Rows of a user in all tables and all days. */
  readonly rowsPerUser: Percentiles | null;
  /** Rows of all tables by hour of TimeGenerated, UTC. */
  readonly byHour: readonly number[];
  /** Non-interactive sign-ins to an interactive one; null where there are none. */
  readonly silentPerInteractive: number | null;
  readonly tables: readonly TableDescription[];
  readonly attacks: readonly IncidentCount[];
  readonly lookalikes: readonly IncidentCount[];
  readonly published: readonly Comparison[];
}

export interface DescribeOptions {
  /** How many values a breakdown lists. @defaultValue 5 */
  readonly top?: number;
  readonly signal?: AbortSignal;
  /** Called after each partition. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What the columns of a table mean. */
interface Shape {
  /** When it happened. */
  readonly event?: string;
  readonly user?: string;
  /** The user of an entry of that column, where that is not its text. */
  readonly userOf?: (dictionary: Dictionary, code: number) => string;
  readonly result?: string;
  readonly success?: string;
  readonly application?: string;
  readonly category?: string;
  readonly operation?: string;
}

const USER_SIGN_IN: Shape = {
  event: 'CreatedDateTime',
  user: 'UserPrincipalName',
  result: 'ResultType',
  success: '0',
  application: 'AppDisplayName',
};
const APPLICATION_SIGN_IN: Shape = {
  event: 'CreatedDateTime',
  result: 'ResultType',
  success: '0',
  application: 'ServicePrincipalName',
};
const SHAPES: Readonly<Record<string, Shape>> = {
  [INTERACTIVE]: USER_SIGN_IN,
  [SILENT]: USER_SIGN_IN,
  AADServicePrincipalSignInLogs: APPLICATION_SIGN_IN,
  AADManagedIdentitySignInLogs: APPLICATION_SIGN_IN,
  [AUDIT]: {
    event: 'ActivityDateTime',
    user: 'InitiatedBy',
    userOf: (dictionary, code) => initiator(dictionary.value(code)),
    result: 'Result',
    success: 'success',
    category: 'Category',
    operation: 'OperationName',
  },
  AzureActivity: { user: 'Caller', category: 'CategoryValue', operation: 'OperationNameValue' },
  OfficeActivity: { user: 'UserId', category: 'OfficeWorkload', operation: 'Operation' },
  BehaviorAnalytics: { user: 'UserPrincipalName', category: 'ActivityType' },
};

/** The user principal name of `InitiatedBy`; empty for an application. */
function initiator(value: Value): string {
  const user = value instanceof Map ? value.get('user') : undefined;
  const name = user instanceof Map ? user.get('userPrincipalName') : undefined;
  return typeof name === 'string' ? name : '';
}

const TICKS_PER_MS = 10_000;
const TICKS_PER_HOUR = 3600 * 1000 * TICKS_PER_MS;
const TICKS_PER_DAY = 24 * TICKS_PER_HOUR;
const MS_PER_DAY = 86_400_000;

/**
 * Describes a dataset.
 *
 * @throws {@link TocsinError} `INPUT` where a file cannot be read; `INTERRUPTED` where the signal says so.
 */
export async function describeDataset(dataset: Dataset, options: DescribeOptions = {}): Promise<Description> {
  const { manifest } = dataset;
  const { origin, start, end, partitionCount } = manifest;
  const tallies = manifest.tables.map((table) => new TableTally(table));
  const rowsPerUser = new Counts();
  let users = 0;
  for (let partition = 0; partition < partitionCount; partition++) {
    if (options.signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
    // Equal names always meet in one partition, so names of the others need not be remembered.
    const people = new People();
    for (const tally of tallies) {
      if (!tally.manifest.files.some((file) => file.partition === partition)) continue;
      // A source for each table, so that the columns of one are gone before the next.
      tally.add((columns) => dataset.partition(partition).scan(tally.manifest.table, columns, undefined), people);
    }
    users += people.size;
    for (const rows of people.rows) rowsPerUser.add(rows);
    options.onProgress?.({ done: partition + 1, total: partitionCount });
    await setImmediate();
  }
  const tables = tallies.map((tally) => tally.description(options.top ?? 5));
  const truth = await dataset.truth();
  const days = spanDays(start, end);
  const rowsOf = (table: string): number => tables.find((each) => each.table === table)?.rows ?? 0;
  const [silent, interactive, audit] = [rowsOf(SILENT), rowsOf(INTERACTIVE), rowsOf(AUDIT)];
  const tenantUsers = origin.kind === 'scenario' ? origin.users : users;
  const silentPerInteractive = silent > 0 && interactive > 0 ? silent / interactive : null;
  const perUserDay = (rows: number): number | null =>
    rows > 0 && tenantUsers > 0 && days > 0 ? rows / tenantUsers / days : null;
  return {
    schema: 'tocsin.describe/1',
    dataset: dataset.path,
    origin,
    start,
    end,
    days,
    rows: tables.reduce((sum, table) => sum + table.rows, 0),
    users,
    rowsPerUser: rowsPerUser.percentiles(),
    byHour: Array.from({ length: 24 }, (_, hour) => tables.reduce((sum, table) => sum + table.byHour[hour]!, 0)),
    silentPerInteractive,
    tables,
    attacks: countIncidents(truth, 'attack'),
    lookalikes: countIncidents(truth, 'lookalike'),
    published: compareWithPublished({
      signInsPerUserDay: perUserDay(silent + interactive),
      auditRowsPerUserDay: perUserDay(audit),
      silentPerInteractive,
      silentPerActiveUserDay: tables.find(({ table }) => table === SILENT)?.rowsPerActiveUserDay ?? null,
      interactivePerActiveUserDay: tables.find(({ table }) => table === INTERACTIVE)?.rowsPerActiveUserDay ?? null,
      ...signInDelays(tallies),
    }),
  };
}

/** The delays of the sign-ins of users: those of the table that has most of them. */
function signInDelays(tallies: readonly TableTally[]) {
  const [largest] = tallies
    .filter(({ manifest }) => manifest.table === SILENT || manifest.table === INTERACTIVE)
    .toSorted((a, b) => b.manifest.rowCount - a.manifest.rowCount);
  return {
    publishDelayMs: largest?.publishDelays.percentiles() ?? null,
    ingestionDelayMs: largest?.ingestionDelays.percentiles() ?? null,
  };
}

function spanDays(start: string, end: string): number {
  const [from, to] = [parseIsoDatetime(start), parseIsoDatetime(end)];
  if (from === undefined || to === undefined || to <= from) return 0;
  return Number(to - from) / TICKS_PER_MS / MS_PER_DAY;
}

function countIncidents(truth: readonly TruthIncident[], kind: TruthIncident['kind']): IncidentCount[] {
  const kinds = new Map<string, TruthIncident[]>();
  for (const incident of truth) {
    if (incident.kind !== kind) continue;
    const known = kinds.get(incident.scenario);
    if (known) known.push(incident);
    else kinds.set(incident.scenario, [incident]);
  }
  return [...kinds]
    .map(([scenario, incidents]) => {
      const variants: Record<string, number> = {};
      const events = { malicious: 0, supporting: 0, benign: 0 };
      for (const { variant, events: planted } of incidents) {
        variants[variant] = (variants[variant] ?? 0) + 1;
        for (const { role } of planted) events[role]++;
      }
      return { scenario, incidents: incidents.length, variants, events };
    })
    .sort((a, b) => b.incidents - a.incidents || (a.scenario < b.scenario ? -1 : 1));
}

/** The users of one partition, numbered as they are met, with their rows. */
class People {
  readonly #numbers = new Map<string, number>();
  readonly rows: number[] = [];

  get size(): number {
    return this.rows.length;
  }

  /** The number of a user; -1 for no name. */
  number(name: string): number {
    if (name === '') return -1;
    const key = name.toLowerCase();
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.rows.length;
      this.#numbers.set(key, number);
      this.rows.push(0);
    }
    return number;
  }
}

/** What is counted of one table, over all partitions. */
class TableTally {
  readonly manifest: TableManifest;
  readonly publishDelays = new Delays();
  readonly ingestionDelays = new Delays();
  readonly #shape: Shape;
  readonly #columns: readonly ColumnInfo[];
  readonly #perActiveDay = new Counts();
  readonly #byHour = new Float64Array(24);
  readonly #values = new Map<string, Map<string, number>>();
  readonly #descriptions = new Map<string, string>();
  #rowsWithoutTime = 0;
  #users = 0;

  constructor(manifest: TableManifest) {
    this.manifest = manifest;
    this.#shape = SHAPES[manifest.table] ?? {};
    const { event, user, result, application, category, operation } = this.#shape;
    const names = new Set([event, user, result, 'ResultDescription', application, category, operation]);
    this.#columns = [
      { name: 'TimeGenerated', type: 'datetime' },
      { name: INGESTION_TIME, type: 'datetime' },
      ...tableColumns(manifest.table)!.filter(({ name }) => names.has(name)),
    ];
    for (const name of [result, application, category, operation]) if (name) this.#values.set(name, new Map());
  }

  /** Adds the rows of a partition. */
  add(scan: (columns: readonly ColumnInfo[]) => Batch, people: People): void {
    const batch = scan(this.#columns);
    const columnOf = (name: string | undefined): Column | undefined => {
      const index = this.#columns.findIndex((column) => column.name === name);
      return index === -1 ? undefined : batch.column(index);
    };
    const times = ticksOf(columnOf('TimeGenerated')!, batch.rowCount);
    this.#addTimes(times);
    addDelays(this.ingestionDelays, times, ticksOf(columnOf(INGESTION_TIME)!, batch.rowCount));
    const event = columnOf(this.#shape.event);
    if (event) addDelays(this.publishDelays, ticksOf(event, batch.rowCount), times);
    const user = columnOf(this.#shape.user);
    if (user) this.#addUsers(asCoded(user), times, people);
    for (const [name, counts] of this.#values) countValues(asCoded(columnOf(name)!), counts);
    const result = columnOf(this.#shape.result);
    const description = columnOf('ResultDescription');
    if (result && description) this.#describeResults(asCoded(result), description);
  }

  #addTimes(times: Float64Array): void {
    for (const time of times) {
      if (Number.isNaN(time)) this.#rowsWithoutTime++;
      // The remainder of a time before 2020 is negative.
      else this.#byHour[((Math.floor(time / TICKS_PER_HOUR) % 24) + 24) % 24]!++;
    }
  }

  #addUsers({ codes, dictionary }: CodedColumn, times: Float64Array, people: People): void {
    const userOf = this.#shape.userOf ?? ((known: Dictionary, code: number) => known.text(code));
    const userOfCode = new Int32Array(dictionary.size).fill(-1);
    const met = new Set<number>();
    for (const [code, rows] of rowsByCode(codes, dictionary).entries()) {
      const user = rows === 0 ? -1 : people.number(userOf(dictionary, code));
      if (user < 0) continue;
      userOfCode[code] = user;
      people.rows[user]! += rows;
      met.add(user);
    }
    this.#users += met.size;

    // Rows stand in order of TimeGenerated, so one day is over before the next begins.
    const today = new Uint32Array(people.size);
    const active: number[] = [];
    let day = Number.NaN;
    for (let row = 0; row <= codes.length; row++) {
      const time = row < codes.length ? times[row]! : Number.POSITIVE_INFINITY;
      if (Number.isNaN(time)) continue;
      const rowDay = Math.floor(time / TICKS_PER_DAY);
      if (rowDay !== day) {
        for (const user of active) {
          this.#perActiveDay.add(today[user]!);
          today[user] = 0;
        }
        active.length = 0;
        day = rowDay;
      }
      const user = row < codes.length ? userOfCode[codes[row]!]! : -1;
      if (user >= 0 && today[user]!++ === 0) active.push(user);
    }
  }

  /** Remembers one row's description of each failure that has none yet. */
  #describeResults({ codes, dictionary }: CodedColumn, description: Column): void {
    for (let code = 0; code < dictionary.size; code++) {
      const result = dictionary.text(code);
      if (this.#descriptions.has(result) || result === '' || result === this.#shape.success) continue;
      const row = codes.indexOf(code);
      if (row === -1) continue;
      const text = valueAt(description, row);
      if (typeof text === 'string' && text !== '') this.#descriptions.set(result, text);
    }
  }

  description(top: number): TableDescription {
    const { table, rowCount, files, unknownColumns } = this.manifest;
    const { user, application, category, operation } = this.#shape;
    const breakdown = (name: string | undefined): Breakdown | null => {
      const counts = name === undefined ? undefined : this.#values.get(name);
      return counts && counts.size > 0 ? topOf(counts, rowCount, top) : null;
    };
    return {
      table,
      rows: rowCount,
      first: extreme(
        files.map(({ firstGenerated }) => firstGenerated),
        -1,
      ),
      last: extreme(
        files.map(({ lastGenerated }) => lastGenerated),
        1,
      ),
      rowsWithoutTime: this.#rowsWithoutTime,
      users: user === undefined ? null : this.#users,
      rowsPerActiveUserDay: this.#perActiveDay.percentiles(),
      byHour: [...this.#byHour],
      publishDelayMs: this.publishDelays.percentiles(),
      ingestionDelayMs: this.ingestionDelays.percentiles(),
      failures: this.#failures(top),
      applications: breakdown(application),
      categories: breakdown(category),
      operations: breakdown(operation),
      unknownColumns: unknownColumns ?? {},
    };
  }

  #failures(top: number): Failures | null {
    const { result, success } = this.#shape;
    const counts = result === undefined ? undefined : this.#values.get(result);
    if (!counts || counts.size === 0) return null;
    const failed = new Map([...counts].filter(([value]) => value !== success));
    const rows = [...failed.values()].reduce((sum, count) => sum + count, 0);
    const { distinct, top: list } = topOf(failed, this.manifest.rowCount, top);
    return {
      rows,
      share: rows / this.manifest.rowCount,
      distinct,
      top: list.map((each) => ({ ...each, description: this.#descriptions.get(each.value) ?? '' })),
    };
  }
}

/** Ticks since 2020 of a datetime column; NaN is null. */
function ticksOf(column: Column, rowCount: number): Float64Array {
  if (column.kind === 'number') {
    const { nulls, values } = column;
    return nulls ? values.map((value, row) => (nulls[row] === 1 ? Number.NaN : value)) : values;
  }
  return Float64Array.from({ length: rowCount }, (_, row) => {
    const value = valueAt(column, row);
    return typeof value === 'bigint' ? Number(value - COLUMN_EPOCH_TICKS) : Number.NaN;
  });
}

function addDelays(delays: Delays, from: Float64Array, to: Float64Array): void {
  for (let row = 0; row < from.length; row++) {
    const ticks = to[row]! - from[row]!;
    if (!Number.isNaN(ticks)) delays.add(ticks / TICKS_PER_MS);
  }
}

/** A column of texts or dynamics by its codes; a constant has one. */
function asCoded(column: Column): CodedColumn {
  if (column.kind === 'coded') return column;
  if (column.kind !== 'constant') throw new TocsinError('INTERNAL', `a ${column.type} column has no dictionary`);
  const { dictionary } = columnFromValues(column.type, [column.value]) as CodedColumn;
  return { kind: 'coded', type: dictionary.type, codes: new Uint8Array(column.length), dictionary };
}

function rowsByCode(codes: Codes, dictionary: Dictionary): Uint32Array {
  const rows = new Uint32Array(dictionary.size);
  for (let row = 0; row < codes.length; row++) rows[codes[row]!]!++;
  return rows;
}

/** Adds how many rows have each text that is not empty. */
function countValues({ codes, dictionary }: CodedColumn, counts: Map<string, number>): void {
  for (const [code, rows] of rowsByCode(codes, dictionary).entries()) {
    const text = rows === 0 ? '' : dictionary.text(code);
    if (text !== '') counts.set(text, (counts.get(text) ?? 0) + rows);
  }
}

function topOf(counts: ReadonlyMap<string, number>, rowCount: number, top: number): Breakdown {
  return {
    distinct: counts.size,
    top: [...counts]
      .sort(([a, rowsOfA], [b, rowsOfB]) => rowsOfB - rowsOfA || (a < b ? -1 : 1))
      .slice(0, top)
      .map(([value, rows]) => ({ value, rows, share: rows / rowCount })),
  };
}

/** The least (sign -1) or the greatest (sign 1) of times in one form. */
function extreme(times: readonly (string | undefined)[], sign: 1 | -1): string | null {
  let best: string | null = null;
  for (const time of times) {
    if (time !== undefined && (best === null || (sign === 1 ? time > best : time < best))) best = time;
  }
  return best;
}
