/**
 * What the author of a rule on silent sign-ins means it to catch, however it is written: an act in the audit log at most an
 * hour after a silent sign-in of the same account that succeeded, by event time and whatever the letter case of names. Held
 * against it, a miss is the writing's fault or the idea's, and so is a false alarm: what the idea rings for anyway, no better
 * wording will silence.
 *
 * Every act of the dataset is judged, planted or not, from the logs alone. Which acts stand behind a row of the rule is not
 * guessed: the rule is replayed once more with the meant acts labelled, and lineage carries the label to the rows.
 */
import { TocsinError } from '../base/errors.ts';
import { lastAtOrBefore } from '../base/search.ts';
import { columnTicksFromTicks } from '../base/time.ts';
import { Batch, type ColumnInfo } from '../columns/batch.ts';
import { type Column, valueAt } from '../columns/column.ts';
import type { Value } from '../columns/value.ts';
import { INTENDED_TICKS, maliciousEvents, type TruthIncident } from '../dataset/truth.ts';
import { LineageSets } from '../engine/operators/lineage.ts';
import type { TableSource, Window } from '../engine/run.ts';
import { scannedTables } from '../plan/plan.ts';
import { InlineExecutor } from '../replay/executor.ts';
import { replay, type Replayable } from '../replay/replay.ts';
import type { ReplayResult } from '../replay/result.ts';
import type { CompiledRule } from '../rules/compile.ts';
import { identifyRows } from './row-identity.ts';
import { type Recall, recall } from './statistics.ts';

/** A rule's results by what its author meant. */
export interface IntentScore {
  /** Attacks with a malicious event that the author meant to catch, and those of them that an alert contains such an event of. */
  readonly attacks: Recall;
  /** Malicious events that the author meant to catch, and those of them in an alert. */
  readonly events: Recall;
  /** The false-positive unique rows: with an act behind them that was meant, and the others. */
  readonly falseRows: { readonly meant: number; readonly notMeant: number };
  /** The false alarms, likewise. */
  readonly falseAlarms: { readonly meant: number; readonly notMeant: number };
}

/** What was meant, of a dataset and of a rule's replay over it. */
export interface Intended {
  /** Labelled events of the audit log that were meant. */
  readonly events: ReadonlySet<string>;
  /** For each row of the replay whether an act that was meant stands behind it. */
  readonly rows: readonly boolean[];
}

const SIGN_INS = 'AADNonInteractiveUserSignInLogs';
const ACTS = 'AuditLogs';
/** The label of meant acts; no event of a truth has such an id. */
const MEANT = '\u0001meant';

/** Whether the yardstick says anything of a rule: whether the rule reads silent sign-ins and the audit log. */
export function hasIntent({ plan }: Pick<CompiledRule, 'plan'>): boolean {
  const read = scannedTables(plan.root);
  return read.includes(SIGN_INS) && read.includes(ACTS);
}

/**
 * Judges every act of the dataset, and every row of the rule's replay over it.
 *
 * @param result - the rule's replay. @throws {@link TocsinError} as `replay`.
 */
export async function judgeIntent(
  dataset: Replayable,
  compiled: CompiledRule,
  result: Pick<ReplayResult, 'digest'>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Intended> {
  const yardstick = new Yardstick(dataset);
  const executor = new InlineExecutor((index) => new LabelledActs(dataset.partition(index), yardstick));
  const labelled = await replay(dataset, compiled, { executor, ...(signal && { signal }) });
  if (labelled.digest !== result.digest) {
    throw new TocsinError('INTERNAL', 'a replay with labelled acts gave other rows than the one without');
  }
  return {
    events: yardstick.meantEvents(),
    rows: labelled.rows.map(({ events }) => events.includes(MEANT)),
  };
}

/** The result by what was meant. @param intended - as {@link judgeIntent} gives it for the same result. */
export function scoreIntent(
  { rows, alerts }: Pick<ReplayResult, 'rows' | 'alerts'>,
  truth: readonly TruthIncident[],
  intended: Intended,
): IntentScore {
  const malicious = maliciousEvents(truth);
  const alerted = new Set(alerts.flatMap((alert) => alert.rows.flatMap((row) => rows[row]!.events)));
  const attacks = truth
    .filter(({ kind }) => kind === 'attack')
    .map(({ events }) => events.filter(({ id }) => malicious.has(id) && intended.events.has(id)))
    .filter((events) => events.length > 0);
  const events = attacks.flat();

  const isTrue = (row: number): boolean => rows[row]!.events.some((event) => malicious.has(event));
  const identities = identifyRows(rows);
  const unique: { malicious: boolean; meant: boolean }[] = [];
  rows.forEach((_, row) => {
    const known = (unique[identities[row]!] ??= { malicious: false, meant: false });
    known.malicious ||= isTrue(row);
    known.meant ||= intended.rows[row]!;
  });
  const part = (flags: readonly boolean[]) => {
    const meant = flags.filter(Boolean).length;
    return { meant, notMeant: flags.length - meant };
  };
  const none = 'no attack does what the rule means to catch';
  return {
    attacks: recall(attacks.length, attacks.filter((own) => own.some(({ id }) => alerted.has(id))).length, none),
    events: recall(events.length, events.filter(({ id }) => alerted.has(id)).length, none),
    falseRows: part(unique.filter((row) => !row.malicious).map(({ meant }) => meant)),
    falseAlarms: part(
      alerts.filter((alert) => !alert.rows.some(isTrue)).map((alert) => alert.rows.some((row) => intended.rows[row]!)),
    ),
  };
}

const ACT_COLUMNS: readonly ColumnInfo[] = [
  { name: 'InitiatedBy', type: 'dynamic' },
  { name: 'ActivityDateTime', type: 'datetime' },
  { name: 'TimeGenerated', type: 'datetime' },
];
const SIGN_IN_COLUMNS: readonly ColumnInfo[] = [
  { name: 'UserId', type: 'string' },
  { name: 'UserPrincipalName', type: 'string' },
  { name: 'ResultType', type: 'string' },
  { name: 'CreatedDateTime', type: 'datetime' },
  { name: 'TimeGenerated', type: 'datetime' },
];

/** When the actors of a dataset signed in silently, and which acts came soon after. */
class Yardstick {
  readonly #dataset: Replayable;
  /** Event times in column ticks, ascending, by lower-cased id and by lower-cased name. */
  readonly #signIns = new Map<string, Float64Array>();

  constructor(dataset: Replayable) {
    this.#dataset = dataset;
    const times = new Map<string, number[]>();
    this.#visit(ACTS, ACT_COLUMNS, (batch) => {
      for (const actor of actorsOf(batch.column(0), batch.rowCount)) {
        if (actor !== undefined && !times.has(actor)) times.set(actor, []);
      }
    });
    this.#visit(SIGN_INS, SIGN_IN_COLUMNS, (batch) => {
      const [byId, byName, succeeded] = [0, 1, 2].map((index) =>
        entries(batch.column(index), (value) =>
          index === 2 ? value === '0' : typeof value === 'string' ? times.get(value.toLowerCase()) : undefined,
        ),
      ) as [(row: number) => number[] | undefined, (row: number) => number[] | undefined, (row: number) => boolean];
      const [created, generated] = [batch.column(3), batch.column(4)];
      for (let row = 0; row < batch.rowCount; row++) {
        const [ofId, ofName] = [byId(row), byName(row)];
        if ((ofId ?? ofName) === undefined || !succeeded(row)) continue;
        const at = timeAt(created, row) ?? timeAt(generated, row);
        if (at === undefined) continue;
        ofId?.push(at);
        if (ofName !== ofId) ofName?.push(at);
      }
    });
    for (const [actor, own] of times) if (own.length > 0) this.#signIns.set(actor, Float64Array.from(own).sort());
  }

  /** For each row of a batch with {@link ACT_COLUMNS} from column `first` on: 1 where it was meant. */
  judge(batch: Batch, first: number): Uint8Array {
    const actors = actorsOf(batch.column(first), batch.rowCount);
    const [acted, generated] = [batch.column(first + 1), batch.column(first + 2)];
    return Uint8Array.from({ length: batch.rowCount }, (_, row) => {
      const times = this.#signIns.get(actors[row] ?? '');
      const at = times && (timeAt(acted, row) ?? timeAt(generated, row));
      const before = at !== undefined && lastAtOrBefore(times!, at);
      return typeof before === 'number' && at! - before <= INTENDED_TICKS ? 1 : 0;
    });
  }

  meantEvents(): Set<string> {
    const found = new Set<string>();
    this.#visit(ACTS, ACT_COLUMNS, (batch) => {
      const { lineage } = batch;
      if (!lineage) return;
      this.judge(batch, 0).forEach((meant, row) => {
        if (meant) for (const event of lineage.sets[lineage.codes[row]!]!) found.add(event);
      });
    });
    return found;
  }

  #visit(table: string, columns: readonly ColumnInfo[], visit: (batch: Batch) => void): void {
    for (let partition = 0; partition < this.#dataset.manifest.partitionCount; partition++) {
      visit(this.#dataset.partition(partition).scan(table, columns, undefined));
    }
  }
}

/** The rows of a partition, with the acts labelled that were meant. */
class LabelledActs implements TableSource {
  readonly #source: TableSource;
  readonly #yardstick: Yardstick;

  constructor(source: TableSource, yardstick: Yardstick) {
    this.#source = source;
    this.#yardstick = yardstick;
  }

  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
    if (table !== ACTS) return this.#source.scan(table, columns, window);
    const batch = this.#source.scan(table, [...columns, ...ACT_COLUMNS], window);
    const sets = new LineageSets();
    const known = sets.import(batch.lineage);
    const meant = sets.code([MEANT]);
    const codes = Uint32Array.from(this.#yardstick.judge(batch, columns.length), (isMeant, row) => {
      const own = known ? known[batch.lineage!.codes[row]!]! : 0;
      return isMeant ? sets.union(own, meant) : own;
    });
    return new Batch(
      columns,
      batch.rowCount,
      columns.map((_, index) => () => batch.column(index)),
      sets.lineage(codes),
    );
  }
}

/** The user who acts in each row: the lower-cased id, else the name; undefined where no user does. */
function actorsOf(initiatedBy: Column, rowCount: number): (string | undefined)[] {
  const actor = entries(initiatedBy, (value) => {
    const user = value instanceof Map ? (value.get('user') as unknown) : undefined;
    const [id, name] = ['id', 'userPrincipalName'].map((key) =>
      user instanceof Map ? (user.get(key) as unknown) : null,
    );
    const known = [id, name].find((each) => typeof each === 'string' && each !== '');
    return (known as string | undefined)?.toLowerCase();
  });
  return Array.from({ length: rowCount }, (_, row) => actor(row));
}

/** `of` by row, asked once for each entry of a dictionary. */
function entries<T>(column: Column, of: (value: Value) => T): (row: number) => T {
  if (column.kind !== 'coded') return (row) => of(valueAt(column, row));
  const { codes, dictionary } = column;
  const known: T[] = [];
  return (row) => {
    const code = codes[row]!;
    return code in known ? known[code]! : (known[code] = of(dictionary.value(code)));
  };
}

/** Column ticks. */
function timeAt(column: Column, row: number): number | undefined {
  if (column.kind === 'number') return column.nulls?.[row] ? undefined : column.values[row]!;
  const value = valueAt(column, row);
  return typeof value === 'bigint' ? columnTicksFromTicks(value) : undefined;
}
