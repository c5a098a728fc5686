/**
 * The records of one part of an import, as columns. A part is a range of a file, or a file; parts are read on their own, by
 * any thread, and put together afterwards (import-merge.ts). How files are cut into parts depends on their sizes alone, so
 * that a dataset does not depend on the threads that made it.
 *
 * There are two ways in. Lines of one object each come from the kernel (line-reader.ts) as the values of the wanted keys,
 * with a leaf that says which keys the record had; what those mean is worked out once for each leaf. Everything else is
 * read member by member (json-records.ts), which also words all errors.
 */
import { isUtf8 } from 'node:buffer';
import type { ScalarType } from '../columns/value.ts';
import { accountHash } from '../schema/account.ts';
import { INGESTION_TIME, tableColumns } from '../schema/tables.ts';
import { type GrowingColumn, GrowingNumbers, GrowingTexts, MalformedValue, growingColumn } from './import-columns.ts';
import type { SegmentColumn } from './import-columns.ts';
import {
  KIND,
  type MemberName,
  Members,
  type RecordSink,
  RecordSplitter,
  memberNames,
  wrapperMember,
} from './json-records.ts';
import {
  LineReader,
  type PathStep,
  RECORD_NUMBERS,
  type RecordBatch,
  VALUE_NUMBERS,
  kindOfTag,
  textOfTag,
} from './line-reader.ts';
import { PICKED_MEMBERS, type Place, RecordShape, tableOfCategory } from './record-shapes.ts';

/** The columns to keep, by table; other tables are left out. */
export type Projection = Readonly<Record<string, readonly string[]>>;

export interface SegmentOptions {
  /** The table of records that do not say which they belong to. */
  readonly table: string | undefined;
  /** All columns of all tables where absent. */
  readonly keep: Projection | undefined;
  /** Whether columns are needed that events of a truth file are found by. */
  readonly labels: boolean;
}

/** A bad record; lines count from the start of the part, from 1. */
export interface SegmentProblem {
  readonly line: number;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface SegmentTable {
  readonly table: string;
  readonly rowCount: number;
  /** In the order in which they were met. Rows beyond a column's values are null. */
  readonly columns: readonly SegmentColumn[];
  /** A hash of each row's account (schema/account.ts). */
  readonly accounts: Uint32Array;
  /** Members that the schema does not know, with how many rows had them. */
  readonly unknown: readonly (readonly [name: string, rows: number])[];
  readonly rowsWithoutTime: number;
}

/** Plain data in shared memory: it crosses threads as it is. */
export interface Segment {
  readonly tables: readonly SegmentTable[];
  readonly rows: number;
  /** Records of tables that the projection leaves out. */
  readonly skipped: number;
  readonly lines: number;
  readonly badRecords: number;
  /** The first bad records. */
  readonly problems: readonly SegmentProblem[];
}

export const MAX_PROBLEMS = 10;

/** A member name that was met, and the columns that its values go to. */
interface KnownMember {
  readonly bytes: Uint8Array;
  readonly hash: number;
  readonly strong: readonly GrowingColumn[];
  readonly weak: readonly GrowingColumn[];
  /** How many rows had it, where the schema does not know it. */
  unknownRows: number;
  readonly isUnknown: boolean;
}

/** Finds members by their bytes; records of one source have theirs in one order, so the place in it is tried first. */
class MemberTable {
  readonly #byPosition: (KnownMember | undefined)[] = [];
  readonly #byHash = new Map<number, KnownMember[]>();
  readonly #make: (name: string) => Pick<KnownMember, 'strong' | 'weak' | 'isUnknown'>;

  constructor(make: (name: string) => Pick<KnownMember, 'strong' | 'weak' | 'isUnknown'>) {
    this.#make = make;
  }

  /** @throws MalformedValue */
  find(bytes: Buffer, members: Members, index: number): KnownMember {
    const guess = this.#byPosition[index];
    if (guess && isMember(guess, bytes, members, index)) return guess;
    const hash = members.keyHash[index]!;
    let chain = this.#byHash.get(hash);
    if (!chain) this.#byHash.set(hash, (chain = []));
    let known = chain.find((member) => isMember(member, bytes, members, index));
    if (!known) {
      known = {
        ...this.#make(keyOf(bytes, members, index)),
        bytes: Uint8Array.from(bytes.subarray(members.keyStart[index]!, members.keyEnd[index]!)),
        hash,
        unknownRows: 0,
      };
      chain.push(known);
    }
    this.#byPosition[index] = known;
    return known;
  }

  /** Members that the schema does not know. */
  unknown(): [name: string, rows: number][] {
    return [...this.#byHash.values()]
      .flat()
      .flatMap((member): [string, number][] =>
        member.isUnknown && member.unknownRows > 0
          ? [[Buffer.from(member.bytes).toString('utf8'), member.unknownRows]]
          : [],
      );
  }
}

/** @throws MalformedValue */
function keyOf(bytes: Buffer, members: Members, index: number): string {
  try {
    return members.key(bytes, index);
  } catch {
    const raw = bytes.toString('utf8', members.keyStart[index]!, members.keyEnd[index]!);
    throw new MalformedValue(`the escapes of the key "${raw.slice(0, 60)}" are not JSON`);
  }
}

function isMember(member: KnownMember, bytes: Uint8Array, members: Members, index: number): boolean {
  const start = members.keyStart[index]!;
  const { length } = member.bytes;
  if (member.hash !== members.keyHash[index] || members.keyEnd[index]! - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== member.bytes[i]) return false;
  return true;
}

/** What the values of a leaf's records are to one table. */
interface LeafRows {
  readonly table: GrowingTable;
  /** Value numbers and the columns they go to, in the order in which they are written. */
  readonly values: readonly number[];
  readonly columns: readonly GrowingColumn[];
  /** For the columns that are read only where another has no value: that other one. */
  readonly standsFor: readonly (GrowingColumn | undefined)[];
  /** Raw names of members that the schema does not know. */
  readonly unknown: readonly string[];
  rows: number;
  /** The values of the last record, by {@link textOfTag}, where the same need not be worked out again; 0 where they must. */
  readonly texts: Int32Array;
  /** The row of the last record, and the batch that it came in. */
  lastRow: number;
  batch: number;
}

/** A column's name and type, as a projection sees them. */
interface Known {
  readonly type: ScalarType;
  readonly column: GrowingColumn;
}

/** What the columns of `names` are needed for besides the rule: to tell where a row belongs. */
function neededBesides(table: string, labels: boolean): string[] {
  const accounts = table === 'AuditLogs' ? ['InitiatedBy'] : ACCOUNT_KEYS;
  return [
    ...TIMES,
    ...EVENT_TIMES,
    ...accounts,
    ...(labels ? ['InitiatedBy', 'UserPrincipalName', 'ServicePrincipalName', operationColumn(table)] : []),
  ];
}

const TIMES = ['TimeGenerated', INGESTION_TIME];
/** Event times that stand in for TimeGenerated. */
const EVENT_TIMES = ['CreatedDateTime', 'ActivityDateTime'];
const ACCOUNT_KEYS = ['UserPrincipalName', 'AppId', 'ServicePrincipalId', 'UserId'];

/** The column that truth shows as the operation: what was done, or the application of a sign-in (of an application's own: its target). */
export function operationColumn(table: string): string {
  if (table === 'AuditLogs') return 'OperationName';
  return tableColumns(table)!.some(({ name }) => name === 'AppDisplayName') ? 'AppDisplayName' : 'ResourceDisplayName';
}

/** The rows of one table so far. */
class GrowingTable {
  readonly table: string;
  rowCount = 0;
  readonly #columns = new Map<string, Known>();
  readonly members: Readonly<Record<Place, MemberTable>>;
  readonly #shape: RecordShape;
  readonly #time: GrowingNumbers;
  readonly #eventTimes: readonly GrowingNumbers[];
  /** Columns to read; all where undefined. */
  readonly #needed: ReadonlySet<string> | undefined;
  readonly #kept: ReadonlySet<string> | undefined;
  /** Columns that the row being written has set. */
  readonly #touched: GrowingColumn[] = [];
  readonly #unknown: KnownMember[] = [];
  readonly #later: number[] = [];
  readonly #laterColumns: GrowingColumn[] = [];
  readonly #leaves: LeafRows[] = [];
  #rowsWithoutTime = 0;

  constructor(table: string, keep: readonly string[] | undefined, labels: boolean) {
    this.table = table;
    this.#shape = new RecordShape(table);
    if (keep) {
      this.#kept = new Set([...keep, ...TIMES, ...(labels ? neededBesides(table, true) : [])]);
      this.#needed = new Set([...this.#kept, ...neededBesides(table, labels)]);
    }
    this.#time = new GrowingNumbers('datetime', true);
    this.#columns.set('TimeGenerated', { type: 'datetime', column: this.#time });
    this.#columns.set(INGESTION_TIME, { type: 'datetime', column: new GrowingNumbers('datetime', true) });
    this.#eventTimes = EVENT_TIMES.flatMap((name) =>
      tableColumns(table)!.some((column) => column.name === name)
        ? [this.#column(name, 'datetime') as GrowingNumbers]
        : [],
    );
    const memberTable = (place: Place): MemberTable => new MemberTable((name) => this.#targets(name, place));
    this.members = { body: memberTable('body'), envelope: memberTable('envelope') };
  }

  #targets(name: string, place: Place): Pick<KnownMember, 'strong' | 'weak' | 'isUnknown'> {
    const { columns, unknown } = this.#shape.target(name, place);
    const pick = (weak: boolean): GrowingColumn[] =>
      columns
        .filter((target) => target.weak === weak && this.#isNeeded(target.column.name))
        .map(({ column }) => this.#column(column.name, column.type));
    return { strong: pick(false), weak: pick(true), isUnknown: unknown };
  }

  #isNeeded(name: string): boolean {
    return this.#needed?.has(name) ?? true;
  }

  #column(name: string, type: ScalarType): GrowingColumn {
    let known = this.#columns.get(name);
    if (!known) this.#columns.set(name, (known = { type, column: growingColumn(type, PICKED_MEMBERS[name]) }));
    return known.column;
  }

  /** What a column stands for: only that is of use where it has a value. */
  #standsFor(column: GrowingColumn): GrowingColumn | undefined {
    const name = [...this.#columns].find(([, known]) => known.column === column)![0];
    if (this.#kept === undefined || this.#kept.has(name)) return undefined;
    if (EVENT_TIMES.includes(name)) return this.#time;
    return ACCOUNT_KEYS.indexOf(name) > 0 ? this.#columns.get(ACCOUNT_KEYS[0]!)?.column : undefined;
  }

  /** Works out what records of one leaf are to this table. */
  leaf(
    members: readonly { readonly step: PathStep & { kind: 'key' }; readonly value: number; readonly place: Place }[],
  ) {
    const seen = new Set<GrowingColumn>();
    const values: number[] = [];
    const columns: GrowingColumn[] = [];
    const unknown: string[] = [];
    const take = (column: GrowingColumn, value: number): void => {
      // The first value of a column is the one that counts.
      if (seen.has(column)) return;
      seen.add(column);
      columns.push(column);
      values.push(value);
    };
    const targets = members.map(({ step, place }) => this.#targets(step.name!, place));
    for (const [index, { strong, isUnknown }] of targets.entries()) {
      if (isUnknown) unknown.push(members[index]!.step.raw);
      for (const column of strong) take(column, members[index]!.value);
    }
    for (const [index, { weak }] of targets.entries()) for (const column of weak) take(column, members[index]!.value);
    const leaf: LeafRows = {
      table: this,
      values,
      columns,
      standsFor: columns.map((column) => this.#standsFor(column)),
      unknown,
      rows: 0,
      texts: new Int32Array(columns.length),
      lastRow: -1,
      batch: 0,
    };
    this.#leaves.push(leaf);
    return leaf;
  }

  /**
   * Adds a row of values that the kernel found.
   *
   * @param batch - the number of the batch that they came in.
   * @throws MalformedValue, with the row undone.
   */
  addLeaf(leaf: LeafRows, bytes: Buffer, found: Int32Array, first: number, batch: number): void {
    const row = this.rowCount;
    const { values, columns, standsFor, texts } = leaf;
    if (leaf.batch !== batch) {
      texts.fill(0);
      leaf.batch = batch;
    }
    let index = 0;
    try {
      for (; index < columns.length; index++) {
        const at = (first + values[index]!) * VALUE_NUMBERS;
        // What cannot be malformed can wait until it is known whether it is needed.
        if (standsFor[index] === undefined || !isSimple(found[at + 3]!)) this.#setValue(leaf, index, bytes, found, at);
      }
    } catch (error) {
      for (; index >= 0; index--) columns[index]!.clear(row);
      texts.fill(0);
      throw error;
    }
    for (let index = 0; index < columns.length; index++) {
      const other = standsFor[index];
      if (other === undefined || columns[index]!.lastRow === row) continue;
      if (other.has(row)) texts[index] = 0;
      else this.#setValue(leaf, index, bytes, found, (first + values[index]!) * VALUE_NUMBERS);
    }
    leaf.lastRow = row;
    leaf.rows++;
    this.#endRow(row);
  }

  /** Writes a value that the kernel found, `at` a place of `found`, to the row that is being added. */
  #setValue({ columns, texts, lastRow }: LeafRows, index: number, bytes: Buffer, found: Int32Array, at: number): void {
    const row = this.rowCount;
    const column = columns[index]!;
    const tag = found[at + 3]!;
    const text = textOfTag(tag);
    if (texts[index] === text) {
      column.repeat(row, lastRow);
      return;
    }
    const { invalid } = column;
    column.set(row, bytes, found[at]!, found[at + 1]!, found[at + 2]!, kindOfTag(tag));
    // Each value that does not suit its column counts.
    texts[index] = column.invalid === invalid ? text : 0;
  }

  /**
   * Adds a row of one or two objects' members, the body first.
   *
   * @throws MalformedValue, with the row undone.
   */
  add(bytes: Buffer, parts: readonly (readonly [Members, Place])[]): void {
    const row = this.rowCount;
    const touched = this.#touched;
    touched.length = 0;
    const unknown = this.#unknown;
    unknown.length = 0;
    try {
      this.#later.length = 0;
      this.#laterColumns.length = 0;
      for (let part = 0; part < parts.length; part++) {
        const [members, place] = parts[part]!;
        const table = this.members[place];
        for (let index = 0; index < members.count; index++) {
          const member = table.find(bytes, members, index);
          const { strong, weak } = member;
          for (let i = 0; i < strong.length; i++) {
            if (strong[i]!.lastRow !== row) this.#set(strong[i]!, row, bytes, members, index);
          }
          for (let i = 0; i < weak.length; i++) {
            this.#later.push(part, index);
            this.#laterColumns.push(weak[i]!);
          }
          if (member.isUnknown) unknown.push(member);
        }
      }
      for (let i = 0; i < this.#laterColumns.length; i++) {
        const column = this.#laterColumns[i]!;
        if (column.lastRow === row) continue;
        this.#set(column, row, bytes, parts[this.#later[2 * i]!]![0], this.#later[2 * i + 1]!);
      }
    } catch (error) {
      for (const column of touched) column.clear(row);
      throw error;
    }
    for (const member of unknown) member.unknownRows++;
    this.#endRow(row);
  }

  #endRow(row: number): void {
    if (this.#time.lastRow !== row || Number.isNaN(this.#time.get(row))) {
      const stand = this.#eventTimes.find((column) => column.lastRow === row && !Number.isNaN(column.get(row)));
      if (stand) this.#time.put(row, stand.get(row));
      else this.#rowsWithoutTime++;
    }
    this.rowCount++;
  }

  #set(column: GrowingColumn, row: number, bytes: Buffer, members: Members, index: number): void {
    this.#touched.push(column);
    column.set(
      row,
      bytes,
      members.valueStart[index]!,
      members.valueEnd[index]!,
      members.valueHash[index]!,
      members.kind[index]!,
    );
  }

  /** Hashes of the accounts: by user where one acted, else by application; 0, which is in partition 0, where nobody did. */
  #accounts(): Uint32Array {
    const keys: { readonly column: GrowingTexts; readonly hashes: Float64Array }[] = [];
    const use = (name: string, keyOfText: (text: string) => string): void => {
      const column = this.#columns.get(name)?.column as GrowingTexts | undefined;
      if (!column) return;
      const hashes = column.mapEntries((text) => {
        const key = keyOfText(text);
        return key === '' ? -1 : accountHash(key);
      });
      keys.push({ column, hashes });
    };
    if (this.table === 'AuditLogs') {
      use('InitiatedBy', (text) => memberText(text, 'user', 'userPrincipalName'));
      use(
        'InitiatedBy',
        (text) =>
          ['servicePrincipalId', 'appId', 'displayName']
            .map((name) => memberText(text, 'app', name))
            .find((key) => key !== '') ?? '',
      );
    } else for (const name of ACCOUNT_KEYS) use(name, (text) => text);
    const accounts = new Uint32Array(new SharedArrayBuffer(4 * this.rowCount));
    for (let row = 0; row < this.rowCount; row++) {
      let hash = -1;
      for (let i = 0; i < keys.length && hash < 0; i++) hash = keys[i]!.hashes[keys[i]!.column.code(row)]!;
      accounts[row] = Math.max(hash, 0);
    }
    return accounts;
  }

  /** @param isUtf8Text - whether all that was read was UTF-8. */
  finish(isUtf8Text: boolean): SegmentTable {
    const unknown = new Map<string, number>();
    const count = (name: string, rows: number): void => void unknown.set(name, (unknown.get(name) ?? 0) + rows);
    for (const place of ['body', 'envelope'] as const) {
      for (const [name, rows] of this.members[place].unknown()) count(name, rows);
    }
    for (const leaf of this.#leaves) if (leaf.rows > 0) for (const name of leaf.unknown) count(name, leaf.rows);
    return {
      table: this.table,
      rowCount: this.rowCount,
      accounts: this.#accounts(),
      columns: [...this.#columns]
        .filter(([name]) => this.#kept?.has(name) ?? true)
        .map(([name, { type, column }]) => column.finish(name, type, this.rowCount, isUtf8Text)),
      unknown: [...unknown],
      rowsWithoutTime: this.#rowsWithoutTime,
    };
  }
}

/** Whether the value of a tag can only fail to suit its column. */
function isSimple(tag: number): boolean {
  const kind = kindOfTag(tag);
  return kind !== KIND.escaped && kind !== KIND.composite;
}

/** A text two levels inside the JSON of `InitiatedBy`. */
function memberText(json: string, outer: string, inner: string): string {
  if (json === '') return '';
  const value = (JSON.parse(json) as Record<string, Record<string, unknown> | null> | null)?.[outer]?.[inner];
  return typeof value === 'string' ? value : '';
}

/** The acting account that the JSON of `InitiatedBy` names, as truth shows it. */
export function accountOfInitiator(json: string): string {
  return memberText(json, 'user', 'userPrincipalName') || memberText(json, 'app', 'displayName');
}

const NAMES = {
  type: ['Type'],
  category: ['category', 'Category'],
  envelope: ['time', 'category', 'operationName', 'resourceId'],
  audit: ['activityDisplayName', 'loggedByService'],
  signIn: ['appDisplayName', 'clientAppUsed', 'conditionalAccessStatus'],
  interactive: ['isInteractive'],
  wrapper: ['records', 'rows', 'value'],
  properties: ['properties'],
} as const;
const TYPE_MEMBER = memberNames(...NAMES.type);
const CATEGORY_MEMBER = memberNames(...NAMES.category);
const PROPERTIES_MEMBER = memberNames(...NAMES.properties);
const ENVELOPE_MEMBERS = memberNames(...NAMES.envelope);
const AUDIT_MEMBERS = memberNames(...NAMES.audit);
const SIGN_IN_MEMBERS = memberNames(...NAMES.signIn);
const INTERACTIVE_MEMBER = memberNames(...NAMES.interactive);
/** Keys whose values say which table a record belongs to. */
const TELLING: ReadonlySet<string> = new Set([...NAMES.type, ...NAMES.category, ...NAMES.interactive]);

/** What the records that end at one leaf of the trie are. */
interface Leaf {
  readonly members: readonly {
    readonly step: PathStep & { kind: 'key' };
    readonly value: number;
    readonly place: Place;
  }[];
  /** Value numbers of the members that may name the table, in the order in which they are asked. */
  readonly named: readonly number[];
  readonly hasAudit: boolean;
  readonly hasSignIn: boolean;
  readonly interactive: number;
  readonly rows: Map<string, LeafRows>;
  /** The bytes that named the last record's table, and what they named. */
  lastName: Buffer;
  lastTable: string | undefined;
  lastRows: LeafRows | undefined;
}

export class SegmentBuilder implements RecordSink {
  readonly #options: SegmentOptions;
  readonly #tables = new Map<string, GrowingTable>();
  readonly #members = new Members();
  readonly #inner = new Members();
  readonly #leaves: (Leaf | 'other' | undefined)[] = [];
  readonly problems: SegmentProblem[] = [];
  readonly reader: LineReader;
  rows = 0;
  badRecords = 0;
  lines = 0;
  #skipped = 0;
  #batches = 0;
  #isUtf8 = true;

  constructor(options: SegmentOptions) {
    this.#options = options;
    const shapes = options.keep && Object.keys(options.keep).map((table) => new RecordShape(table));
    const needed = options.keep && neededColumns(options.keep, options.labels);
    this.reader = new LineReader((name, raw, isInside) => {
      if (name === undefined) return { wanted: false, entered: false };
      const entered = !isInside && raw === 'properties';
      if (!shapes || TELLING.has(name)) return { wanted: true, entered };
      const places: readonly Place[] = isInside ? ['body'] : ['body', 'envelope'];
      const wanted = shapes.some((shape, index) =>
        places.some((place) =>
          shape.target(name, place).columns.some(({ column }) => needed![index]!.has(column.name)),
        ),
      );
      return { wanted, entered };
    });
  }

  /** Reads the lines that wait in {@link reader}. */
  readLines(isLast: boolean): void {
    const { reader } = this;
    reader.read(isLast, (batch, passed) => {
      this.#take(batch);
      this.lines += passed;
    });
  }

  /** Bytes that come as a stream of records in any shape; their lines are counted by whoever splits them. */
  checkText(chunk: Buffer): void {
    // A chunk may end within a character, so what is not certain is looked at again text by text.
    if (this.#isUtf8 && !isUtf8(chunk)) this.#isUtf8 = false;
  }

  bad(line: number, message: string, hint?: string): void {
    this.badRecords++;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ line, message, hint });
  }

  #take({ bytes, count, records, values }: RecordBatch): void {
    const batch = ++this.#batches;
    for (let record = 0; record < count; record++) {
      const at = record * RECORD_NUMBERS;
      const leafNumber = records[at]!;
      const line = this.lines + records[at + 4]! + 1;
      const leaf = leafNumber < 0 ? 'other' : (this.#leaves[leafNumber] ??= this.#leaf(leafNumber));
      if (leaf === 'other') {
        this.record(bytes, records[at + 1]!, records[at + 2]!, line);
        continue;
      }
      const first = records[at + 3]!;
      const rows = this.#rowsOf(leaf, bytes, values, first);
      if (rows === undefined) {
        this.#noTable(line);
        continue;
      }
      if (rows === 'skipped') {
        this.#skipped++;
        continue;
      }
      try {
        rows.table.addLeaf(rows, bytes, values, first, batch);
        this.rows++;
      } catch (error) {
        if (!(error instanceof MalformedValue)) throw error;
        this.bad(line, error.message);
      }
    }
  }

  #noTable(line: number): void {
    this.bad(line, 'the record does not say which table it belongs to', 'name one with --table');
  }

  /** What records of a leaf are; `other` where more than their keys has to be looked at. */
  #leaf(number: number): Leaf | 'other' {
    const steps = this.reader.path(number);
    const isEntered = steps.some(({ kind }) => kind === 'inside');
    const keys = steps.filter((step) => step.kind === 'key');
    if (keys.some(({ name }) => name === undefined)) return 'other';
    const outer = keys.filter(({ isInside }) => !isInside);
    const has = (members: typeof keys, names: readonly string[]): boolean =>
      members.some(({ raw }) => names.includes(raw));
    // A wrapper's list, or an object that may be an envelope's body or not.
    if (has(outer, NAMES.wrapper)) return 'other';
    if (isEntered && (!has(outer, NAMES.envelope) || outer.filter(({ raw }) => raw === 'properties').length > 1)) {
      return 'other';
    }
    let value = 0;
    const members = keys.flatMap((step) => {
      // What was entered has no value of its own.
      const isBody = isEntered && !step.isInside && step.raw === 'properties';
      const number = step.isWanted && !isBody ? value++ : -1;
      const place: Place = isEntered && !step.isInside ? 'envelope' : 'body';
      return [{ step, value: number, place }];
    });
    const valueOf = (from: typeof members, name: string): number =>
      from.find(({ step }) => step.raw === name)?.value ?? -1;
    const outerMembers = members.filter(({ step }) => !step.isInside);
    const bodyMembers = members.filter(({ place }) => place === 'body');
    const category = NAMES.category.map((name) => valueOf(outerMembers, name)).find((found) => found >= 0);
    const body = bodyMembers.map(({ step }) => step);
    return {
      members: [...bodyMembers, ...members.filter(({ place }) => place === 'envelope')],
      named: [valueOf(outerMembers, 'Type'), category ?? -1].filter((found) => found >= 0),
      hasAudit: has(body, NAMES.audit),
      hasSignIn: has(body, NAMES.signIn),
      interactive: valueOf(bodyMembers, 'isInteractive'),
      rows: new Map(),
      lastName: Buffer.alloc(0),
      lastTable: undefined,
      lastRows: undefined,
    };
  }

  #rowsOf(leaf: Leaf, bytes: Buffer, values: Int32Array, first: number): LeafRows | 'skipped' | undefined {
    let table: string | undefined;
    for (let i = 0; i < leaf.named.length && table === undefined; i++) {
      const at = (first + leaf.named[i]!) * VALUE_NUMBERS;
      if (kindOfTag(values[at + 3]!) !== KIND.plain) continue;
      const start = values[at]!;
      const end = values[at + 1]!;
      if (isSame(leaf.lastName, bytes, start, end)) table = leaf.lastTable;
      else {
        table = tableOfCategory(bytes.toString('utf8', start, end));
        leaf.lastName = Buffer.from(bytes.subarray(start, end));
        leaf.lastTable = table;
      }
    }
    table ??= this.#options.table;
    if (table === undefined) {
      if (leaf.hasAudit) table = 'AuditLogs';
      else if (leaf.hasSignIn) {
        const at = (first + leaf.interactive) * VALUE_NUMBERS;
        const isSilent = leaf.interactive >= 0 && kindOfTag(values[at + 3]!) === KIND.false;
        table = isSilent ? 'AADNonInteractiveUserSignInLogs' : 'SigninLogs';
      } else return undefined;
    }
    const last = leaf.lastRows;
    if (last && last.table.table === table) return last;
    const growing = this.#growingTable(table);
    if (!growing) return 'skipped';
    let rows = leaf.rows.get(table);
    if (!rows) leaf.rows.set(table, (rows = growing.leaf(leaf.members)));
    leaf.lastRows = rows;
    return rows;
  }

  record(bytes: Buffer, start: number, end: number, line: number): void {
    const members = this.#members;
    const wrong = members.read(bytes, start, end);
    if (wrong !== undefined) {
      if (bytes[start] === 0x5b) this.#nested(bytes, start, end, line);
      else this.bad(line, wrong);
      return;
    }
    const wrapper = wrapperMember(bytes, members);
    if (wrapper >= 0) {
      this.#nested(bytes, members.valueStart[wrapper]!, members.valueEnd[wrapper]!, line);
      return;
    }
    const properties = members.find(bytes, PROPERTIES_MEMBER);
    const isEnvelope =
      properties >= 0 &&
      members.kind[properties] === KIND.composite &&
      bytes[members.valueStart[properties]!] === 0x7b &&
      members.find(bytes, ENVELOPE_MEMBERS) >= 0;
    if (isEnvelope) {
      const wrongInside = this.#inner.read(bytes, members.valueStart[properties]!, members.valueEnd[properties]!);
      if (wrongInside !== undefined) {
        this.bad(line, `properties: ${wrongInside}`);
        return;
      }
    }
    const name = this.#tableOf(bytes, isEnvelope);
    if (name === undefined) {
      this.#noTable(line);
      return;
    }
    const table = this.#growingTable(name);
    if (!table) {
      this.#skipped++;
      return;
    }
    try {
      table.add(
        bytes,
        isEnvelope
          ? [
              [this.#inner, 'body'],
              [members, 'envelope'],
            ]
          : [[members, 'body']],
      );
      this.rows++;
    } catch (error) {
      if (!(error instanceof MalformedValue)) throw error;
      this.bad(line, error.message);
    }
  }

  /** Records in a list that stands inside one line. */
  #nested(bytes: Buffer, start: number, end: number, line: number): void {
    const splitter = new RecordSplitter({
      record: (inner, from, to, innerLine) => this.record(inner, from, to, line + innerLine - 1),
      bad: (innerLine, message) => this.bad(line + innerLine - 1, message),
    });
    splitter.push(bytes.subarray(start, end));
    splitter.end();
  }

  #tableOf(bytes: Buffer, isEnvelope: boolean): string | undefined {
    const members = this.#members;
    const said =
      this.#namedTable(bytes, TYPE_MEMBER) ?? this.#namedTable(bytes, CATEGORY_MEMBER) ?? this.#options.table;
    if (said !== undefined) return said;
    const body = isEnvelope ? this.#inner : members;
    if (body.find(bytes, AUDIT_MEMBERS) >= 0) return 'AuditLogs';
    if (body.find(bytes, SIGN_IN_MEMBERS) < 0) return undefined;
    const interactive = body.find(bytes, INTERACTIVE_MEMBER);
    const isInteractive = interactive < 0 || body.kind[interactive] !== KIND.false;
    return isInteractive ? 'SigninLogs' : 'AADNonInteractiveUserSignInLogs';
  }

  #namedTable(bytes: Buffer, names: readonly MemberName[]): string | undefined {
    const index = this.#members.find(bytes, names);
    if (index < 0 || this.#members.kind[index] !== KIND.plain) return undefined;
    return tableOfCategory(bytes.toString('utf8', this.#members.valueStart[index]!, this.#members.valueEnd[index]!));
  }

  /** Undefined for a table that the projection leaves out. */
  #growingTable(name: string): GrowingTable | undefined {
    let table = this.#tables.get(name);
    if (table) return table;
    const { keep, labels } = this.#options;
    if (keep && !Object.hasOwn(keep, name)) return undefined;
    this.#tables.set(name, (table = new GrowingTable(name, keep?.[name], labels)));
    return table;
  }

  finish(): Segment {
    const { rows, lines, badRecords, problems } = this;
    this.reader.release();
    return {
      tables: Array.from(this.#tables.values(), (table) => table.finish(this.#isUtf8 && this.reader.isUtf8)),
      rows,
      skipped: this.#skipped,
      lines,
      badRecords,
      problems,
    };
  }
}

/** The columns that the parts of a projected import read, by table in the order of the projection. */
function neededColumns(keep: Projection, labels: boolean): ReadonlySet<string>[] {
  return Object.entries(keep).map(([table, names]) => new Set([...names, ...neededBesides(table, labels)]));
}

function isSame(name: Buffer, bytes: Buffer, start: number, end: number): boolean {
  const { length } = name;
  if (end - start !== length || length === 0) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}
