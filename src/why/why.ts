/**
 * Why not: the clause of a rule that lost an event, for any rule. Each run whose window the event was in is evaluated
 * again over the partition that the event stands in (over all of them where the query brings accounts together), and the
 * event is followed through the plan by lineage. Of several runs the one in which it got furthest is told.
 *
 * Nothing stays unexplained: what no run could see is told from the schedule, what the query returned and no alert holds
 * from the trigger and the suppression.
 */
import { TocsinError } from '../base/errors.ts';
import { formatDatetime, formatTimespan, parseIsoDatetime } from '../base/time.ts';
import { Batch, type ColumnInfo } from '../columns/batch.ts';
import { type Column, valueAt } from '../columns/column.ts';
import { cut } from '../engine/cut.ts';
import { evaluate } from '../engine/evaluate.ts';
import { Evaluator } from '../engine/execute.ts';
import { isConstantPlan } from '../engine/nature.ts';
import { LineageSets } from '../engine/operators/lineage.ts';
import { sortedRows } from '../engine/order.ts';
import type { Run, TableSource, Window } from '../engine/run.ts';
import { concatBatches } from '../engine/tables.ts';
import {
  type Expression,
  type Plan,
  planExpressions,
  planInputs,
  scannedTables,
  visitExpression,
} from '../plan/plan.ts';
import { triggers } from '../replay/alerts.ts';
import { replay, type Replayable } from '../replay/replay.ts';
import type { ReplayResult, ScheduledRun } from '../replay/result.ts';
import { evaluationOf, scheduleRuns } from '../replay/schedule.ts';
import { type CompiledRule, locatedInRule } from '../rules/compile.ts';
import { formatDuration } from '../rules/duration.ts';
import { INGESTION_TIME, tableColumns } from '../schema/tables.ts';
import { type Lookup, type Reason, reasonFor, subqueryReading } from './causes.ts';
import { Clauses } from './clauses.ts';
import type { Cause, Explanation, RunOutcome } from './explanation.ts';
import { IDENTITIES, type Identity } from './identities.ts';
import { identityScan } from './partners.ts';
import { PlanMap, Trace } from './trace.ts';

/** What can be asked about: a dataset on disk, or tables in memory. */
export interface Explainable extends Replayable {
  /** The rows of all partitions; made from the partitions where absent. */
  all?(): TableSource;
}

export interface WhyOptions {
  /** The rule's replay over the dataset, where it is at hand; replayed where it is needed and not given. */
  readonly replay?: Pick<ReplayResult, 'rows' | 'alerts' | 'runs'>;
  /** Threads for a replay that is needed. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The malicious events that no alert contains, in the order of the truth. */
export function missedEvents(
  result: Pick<ReplayResult, 'rows' | 'alerts'>,
  truth: readonly {
    readonly kind: string;
    readonly events: readonly { readonly id: string; readonly role: string }[];
  }[],
): string[] {
  const alerted = alertedEvents(result);
  return truth.flatMap(({ kind, events }) =>
    kind === 'attack' ? events.flatMap(({ id, role }) => (role === 'malicious' && !alerted.has(id) ? [id] : [])) : [],
  );
}

/** The runs that an alert contains each event in. */
function alertedEvents({ rows, alerts }: Pick<ReplayResult, 'rows' | 'alerts'>): Map<string, Set<number>> {
  const alerted = new Map<string, Set<number>>();
  for (const alert of alerts) {
    for (const row of alert.rows) {
      for (const event of rows[row]!.events) alerted.set(event, (alerted.get(event) ?? new Set()).add(alert.run));
    }
  }
  return alerted;
}

/**
 * Explains why no alert contains each of the events, in the order asked for; one that an alert does contain is told as
 * `returned`.
 *
 * @param events - ids from truth.ndjson, or the `Id` of any record of a table that the rule reads.
 * @throws {@link TocsinError} `USAGE` where the dataset has no such event; `INPUT`, `QUERY` or `INTERRUPTED` as `replay`.
 */
export async function whyNot(
  dataset: Explainable,
  compiled: CompiledRule,
  events: readonly string[],
  options: WhyOptions = {},
): Promise<Explanation[]> {
  const found = new Finder(dataset, compiled).find(events);
  const work = new Work(dataset, compiled, found, options);
  return work.explainAll(events);
}

/** Where an event stands. */
interface Found {
  readonly table: string;
  readonly partition: number;
  /** Of each row that carries it, for a record may have been published twice; the first to come in is first. */
  readonly rows: readonly Times[];
  /** The row is not labelled in the dataset: it is found by this `Id`. */
  readonly unlabelled: boolean;
}

interface Times {
  readonly generated: bigint;
  readonly ingested: bigint;
}

const TIMES: readonly ColumnInfo[] = [
  { name: 'TimeGenerated', type: 'datetime' },
  { name: INGESTION_TIME, type: 'datetime' },
];

const ID: ColumnInfo = { name: 'Id', type: 'string' };

/** Finds events by their labels, else by the `Id` of records. */
class Finder {
  readonly #dataset: Explainable;
  readonly #tables: readonly string[];

  constructor(dataset: Explainable, { plan }: CompiledRule) {
    this.#dataset = dataset;
    const read = scannedTables(plan.root);
    const others = dataset.manifest.tables.map(({ table }) => table).filter((table) => !read.includes(table));
    this.#tables = [...read, ...others];
  }

  find(events: readonly string[]): Map<string, Found> {
    const wanted = new Set(events);
    const found = new Map<string, Found>();
    this.#visit((batch, table, partition) => {
      const { lineage } = batch;
      if (!lineage) return;
      for (let row = 0; row < batch.rowCount; row++) {
        const code = lineage.codes[row]!;
        if (code === 0) continue;
        for (const event of lineage.sets[code]!) {
          if (wanted.has(event)) add(found, event, { table, partition, unlabelled: false }, batch, row);
        }
      }
    }, TIMES);
    const rest = new Set(events.filter((event) => !found.has(event)));
    if (rest.size === 0) return found;
    this.#visit(
      (batch, table, partition) => {
        if (!tableColumns(table)?.some((column) => column.name === ID.name)) return;
        const ids = batch.column(2);
        for (let row = 0; row < batch.rowCount; row++) {
          const id = valueAt(ids, row) as string;
          if (rest.has(id)) add(found, id, { table, partition, unlabelled: true }, batch, row);
        }
      },
      [...TIMES, ID],
    );
    const unknown = events.filter((event) => !found.has(event));
    if (unknown.length > 0) {
      throw new TocsinError(
        'USAGE',
        unknown.map((event) => ({
          message: `the dataset has no event "${event}"`,
          hint: 'name an event of truth.ndjson, or the Id of a record',
        })),
      );
    }
    return found;
  }

  #visit(visit: (batch: Batch, table: string, partition: number) => void, columns: readonly ColumnInfo[]): void {
    for (let partition = 0; partition < this.#dataset.manifest.partitionCount; partition++) {
      const source = this.#dataset.partition(partition);
      for (const table of this.#tables) visit(source.scan(table, columns, undefined), table, partition);
    }
  }
}

function add(found: Map<string, Found>, event: string, place: Omit<Found, 'rows'>, batch: Batch, row: number): void {
  const generated = (valueAt(batch.column(0), row) as bigint | null) ?? 0n;
  const ingested = (valueAt(batch.column(1), row) as bigint | null) ?? generated;
  const known = found.get(event);
  const rows = [...(known?.rows ?? []), { generated, ingested }];
  rows.sort((a, b) => (a.ingested < b.ingested ? -1 : a.ingested > b.ingested ? 1 : 0));
  found.set(event, { ...(known ?? place), rows });
}

class Work {
  readonly #dataset: Explainable;
  readonly #compiled: CompiledRule;
  readonly #found: ReadonlyMap<string, Found>;
  readonly #options: WhyOptions;
  readonly #clauses: Clauses;
  readonly #map: PlanMap;
  readonly #runs: readonly ScheduledRun[];
  readonly #evaluations: readonly Run[];
  readonly #unlabelled: ReadonlySet<string>;
  #all: Evaluator | undefined;
  #replay: Pick<ReplayResult, 'rows' | 'alerts' | 'runs'> | undefined;

  constructor(dataset: Explainable, compiled: CompiledRule, found: ReadonlyMap<string, Found>, options: WhyOptions) {
    this.#dataset = dataset;
    this.#compiled = compiled;
    this.#found = found;
    this.#options = options;
    this.#clauses = new Clauses(compiled);
    this.#map = new PlanMap(compiled.plan.root);
    const { start, end } = dataset.manifest;
    this.#runs = scheduleRuns({ start: parseIsoDatetime(start)!, end: parseIsoDatetime(end)! }, compiled.rule);
    this.#evaluations = this.#runs.map((run) => evaluationOf(run, compiled.rule));
    this.#unlabelled = new Set([...found].flatMap(([event, { unlabelled }]) => (unlabelled ? [event] : [])));
    this.#replay = options.replay;
  }

  async explainAll(events: readonly string[]): Promise<Explanation[]> {
    const traceable = [...new Set(events)].filter((event) => this.#map.reads(this.#found.get(event)!.table));
    const outcomes = await this.#trace(traceable);
    const returned = traceable.some((event) => outcomes.get(event)!.some(({ cause }) => cause === 'returned'));
    if (returned && !this.#replay) {
      const { threads, signal } = this.#options;
      this.#replay = await replay(this.#dataset, this.#compiled, {
        ...(threads !== undefined && { threads }),
        ...(signal && { signal }),
      });
    }
    const alerted = this.#replay ? alertedEvents(this.#replay) : new Map<string, Set<number>>();
    return events.map((event) => {
      const runs = (outcomes.get(event) ?? []).map((outcome) =>
        outcome.cause === 'returned' ? this.#afterTheQuery(outcome, event, alerted.get(event)) : outcome,
      );
      return this.#explanation(event, runs);
    });
  }

  /** What became of each event in each run that could see it. */
  async #trace(events: readonly string[]): Promise<Map<string, RunOutcome[]>> {
    try {
      return await this.#traced(events);
    } catch (error) {
      throw locatedInRule(error, this.#compiled);
    }
  }

  async #traced(events: readonly string[]): Promise<Map<string, RunOutcome[]>> {
    const outcomes = new Map<string, RunOutcome[]>(events.map((event) => [event, []]));
    const alone = standsAlone(this.#compiled.plan.root);
    const groups = new Map<number, string[]>();
    for (const event of events) {
      const key = alone ? this.#found.get(event)!.partition : -1;
      groups.set(key, [...(groups.get(key) ?? []), event]);
    }
    let done = 0;
    for (const [partition, members] of groups) {
      const evaluator =
        partition < 0
          ? this.#everywhere()
          : new Evaluator(this.#map.root, this.#source(this.#dataset.partition(partition)));
      for (let index = 0; index < this.#evaluations.length; index++) {
        const run = this.#evaluations[index]!;
        const seen = members.filter((event) => this.#found.get(event)!.rows.some((row) => isVisible(row, run.window!)));
        if (seen.length === 0) continue;
        // Ctrl-C and timers get their turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#options.signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
        const trace = new Trace(evaluator, run);
        let wide: Trace | undefined;
        const everywhere = (): Trace => (wide ??= partition < 0 ? trace : new Trace(this.#everywhere(), run));
        for (const event of seen) outcomes.get(event)!.push(this.#outcome(trace, everywhere, index, event));
      }
      done += members.length;
      this.#options.onProgress?.(done, events.length);
    }
    return outcomes;
  }

  #outcome(trace: Trace, everywhere: () => Trace, run: number, event: string): RunOutcome {
    const at = formatDatetime(this.#runs[run]!.at);
    const loss = trace.lossOf(this.#map, event);
    if (!loss) {
      const clause = this.#clauses.node(this.#map.root);
      const message = 'the query returns it in this run';
      return { run, at, cause: 'returned', clause, message, values: [], details: {}, also: [], remaining: 0 };
    }
    const found = this.#found.get(event)!;
    let identities: ReadonlyMap<Identity, string> | undefined;
    const lookup: Lookup = {
      trace,
      everywhere,
      clauses: this.#clauses,
      event,
      generated: found.rows[0]!.generated,
      identities: () => (identities ??= this.#identitiesOf(trace, event, found)),
    };
    return { run, at, ...reasonFor(loss, lookup), remaining: loss.remaining };
  }

  /** The ids of the actor in the event's own record. */
  #identitiesOf(trace: Trace, event: string, { table }: Found): ReadonlyMap<Identity, string> {
    const found = new Map<Identity, string>();
    const scan = this.#map.nodes.find((node) => node.op === 'scan' && node.table === table);
    if (scan?.op !== 'scan') return found;
    const { scan: wide, identities } = identityScan(scan);
    const batch = trace.rows(wide);
    const [row] = trace.rowsWith(wide, event);
    if (row === undefined) return found;
    const one = batch.select(Uint32Array.of(row));
    for (const { identity, expression } of identities) {
      const id = valueAt(evaluate(expression, one, trace.open), 0) as string;
      if (id !== '' && !found.has(identity) && IDENTITIES.includes(identity)) found.set(identity, id);
    }
    return found;
  }

  #everywhere(): Evaluator {
    return (this.#all ??= new Evaluator(this.#map.root, this.#source(allRows(this.#dataset))));
  }

  #source(source: TableSource): TableSource {
    return this.#unlabelled.size === 0 ? source : new LabellingSource(source, this.#unlabelled);
  }

  /** What came after the query for an event that it returned: an alert, or none and why. */
  #afterTheQuery(outcome: RunOutcome, event: string, alerted: ReadonlySet<number> | undefined): RunOutcome {
    const { rule } = this.#compiled;
    const result = this.#replay!;
    const hasAlert = result.alerts.some(({ run }) => run === outcome.run);
    // The replay's rows name labelled events only.
    if (hasAlert && (alerted?.has(outcome.run) || this.#unlabelled.has(event))) {
      const message = 'the query returns it in this run, and an alert contains it';
      return { ...outcome, message, details: { alerted: true } };
    }
    if (hasAlert) {
      const chooser = this.#map.nodes.find(
        (node) => node.op === 'take' || (node.op === 'join' && node.kind === 'innerunique'),
      );
      return {
        ...outcome,
        cause: 'cut',
        clause: this.#clauses.node(chooser ?? this.#map.root),
        message: 'which rows are kept here depends on an order that the query does not say; the replay kept others',
      };
    }
    const count = result.rows.filter((row) => row.run === outcome.run).length;
    const alertBefore = result.alerts.findLast((alert) => alert.run < outcome.run);
    if (rule.suppression !== undefined && alertBefore && count === 0) {
      const since = result.runs[alertBefore.run]!.at;
      return {
        ...outcome,
        cause: 'suppressed',
        clause: this.#clauses.field(['suppressionDuration']),
        message: `the run did not happen: the alert of ${formatDatetime(since)} suppresses the rule for ${formatDuration(rule.suppression)}`,
        values: [{ name: 'suppressionDuration', value: formatDuration(rule.suppression) }],
      };
    }
    return {
      ...outcome,
      cause: 'trigger',
      clause: this.#clauses.field(['triggerThreshold']),
      message: `the query returned ${count} rows with it in this run, and the rule alerts on ${rule.triggerOperator} ${rule.triggerThreshold}${triggers(rule.triggerOperator, count, rule.triggerThreshold) ? '' : ', so there was no alert'}`,
      values: [
        { name: 'rows', value: String(count) },
        { name: 'triggerThreshold', value: String(rule.triggerThreshold) },
      ],
    };
  }

  #explanation(event: string, runs: readonly RunOutcome[]): Explanation {
    const { table, rows } = this.#found.get(event)!;
    const { generated, ingested } = rows[0]!;
    const row = { event, table, generated: formatDatetime(generated), ingested: formatDatetime(ingested) };
    if (runs.length === 0) {
      return { ...row, ...this.#unseen(this.#found.get(event)!), run: null, at: null, remaining: null, runs };
    }
    const best = runs.reduce((a, b) => (rank(b) <= rank(a) ? b : a));
    return { ...row, ...best, runs };
  }

  /** Why no run saw the event at all. */
  #unseen({ table, rows }: Found): Reason {
    const { generated, ingested } = rows[0]!;
    const { rule, plan } = this.#compiled;
    const nothing = { values: [], details: {}, also: [] };
    if (!this.#map.reads(table)) {
      const reading = subqueryReading(plan.root, table);
      if (reading) {
        return {
          ...nothing,
          cause: 'sub-query-only',
          clause: this.#clauses.at(reading.span),
          message: `the query reads ${table} only to compare with its values: no row of it can be in the result`,
        };
      }
      const read = scannedTables(plan.root);
      return {
        ...nothing,
        cause: 'table-not-read',
        clause: this.#clauses.field(['query']),
        message: `the query does not read ${table}, only ${read.join(', ')}`,
        details: { tablesRead: read },
      };
    }
    const times = [
      { name: 'TimeGenerated', value: formatDatetime(generated) },
      { name: 'ingested', value: formatDatetime(ingested) },
    ];
    const covering = this.#evaluations.flatMap(({ window }, index) =>
      generated > window!.after && generated <= window!.until && rule.kind !== 'NRT' ? [index] : [],
    );
    const last = covering.at(-1);
    if (last !== undefined) {
      const { wallClock, at } = this.#runs[last]!;
      return {
        ...nothing,
        cause: 'not-ingested',
        clause: this.#clauses.field(['queryPeriod']),
        message: `it came in at ${formatDatetime(ingested)}, ${formatTimespan(ingested - wallClock)} after the last run with its time in the window (${formatDatetime(at)}) had looked`,
        values: times,
        details: {
          lastRun: formatDatetime(at),
          lookedAt: formatDatetime(wallClock),
          lateBy: formatTimespan(ingested - wallClock),
        },
      };
    }
    const next = this.#runs.find((run) => run.at >= generated);
    return {
      ...nothing,
      cause: 'outside-window',
      clause: this.#clauses.field(['queryPeriod']),
      message: next
        ? `no run has its time in the window: the next is at ${formatDatetime(next.at)} and looks back ${formatDuration(rule.queryPeriod)}`
        : 'no run came after it',
      values: times,
      details: next
        ? { nextRun: formatDatetime(next.at), missedBy: formatTimespan(next.at - rule.queryPeriod - generated) }
        : {},
    };
  }
}

/** Smaller is further through the rule. Of equal ones a cause that shows what would have let the event through tells more. */
function rank({ remaining, cause, details }: RunOutcome): number {
  if (cause === 'returned') return details['alerted'] === true ? -2 : -1;
  return remaining * 4 + (CLOSENESS[cause] ?? 1);
}

const CLOSENESS: Partial<Record<Cause, number>> = {
  hidden: 0,
  'partner-not-ingested': 2,
  'partner-outside-window': 2,
  'no-partner': 3,
};

function isVisible({ generated, ingested }: Times, window: Window): boolean {
  return (
    generated > window.after &&
    generated <= window.until &&
    ingested <= window.ingestedBy &&
    (window.ingestedAfter === undefined || ingested > window.ingestedAfter)
  );
}

/** Whether one partition has all that the plan's rows for an account depend on. */
function standsAlone(root: Plan): boolean {
  const { root: rest } = cut(root);
  const isLocal = (node: Plan): boolean => {
    if (node.op === 'gather') return true;
    if (!ROW_BY_ROW.has(node.op) || planExpressions(node).some(asksElsewhere)) return false;
    return planInputs(node).every(isLocal);
  };
  return isLocal(rest);
}

const ROW_BY_ROW: ReadonlySet<Plan['op']> = new Set(['filter', 'project', 'sort', 'union', 'expand']);

function asksElsewhere(expression: Expression): boolean {
  let asks = false;
  visitExpression(expression, (e) => {
    if ((e.kind === 'toscalar' || e.kind === 'tolist') && !isConstantPlan(e.plan)) asks = true;
  });
  return asks;
}

function allRows(dataset: Explainable): TableSource {
  if (dataset.all) return dataset.all();
  const { partitionCount } = dataset.manifest;
  const parts = Array.from({ length: partitionCount }, (_, index) => dataset.partition(index));
  return parts.length === 1 ? parts[0]! : new JoinedSource(parts);
}

/** Partitions as one source, in order of TimeGenerated. */
class JoinedSource implements TableSource {
  readonly #parts: readonly TableSource[];

  constructor(parts: readonly TableSource[]) {
    this.#parts = parts;
  }

  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
    const wide = [...columns, TIMES[0]!];
    const rows = concatBatches(
      wide,
      this.#parts.map((part) => part.scan(table, wide, window)),
    );
    const order = sortedRows(
      [{ column: rows.column(columns.length), descending: false, nullsFirst: false }],
      rows.rowCount,
    );
    return rows.select(order).pick(
      columns,
      columns.map((_, index) => index),
    );
  }
}

/** Labels the records with the given `Id`s, so that they can be followed as planted events are. */
class LabellingSource implements TableSource {
  readonly #source: TableSource;
  readonly #ids: ReadonlySet<string>;

  constructor(source: TableSource, ids: ReadonlySet<string>) {
    this.#source = source;
    this.#ids = ids;
  }

  scan(table: string, columns: readonly ColumnInfo[], window: Window | undefined): Batch {
    if (!tableColumns(table)?.some((column) => column.name === ID.name))
      return this.#source.scan(table, columns, window);
    const batch = this.#source.scan(table, [...columns, ID], window);
    const ids: Column = batch.column(columns.length);
    const sets = new LineageSets();
    const known = sets.import(batch.lineage);
    const codes = new Uint32Array(batch.rowCount);
    for (let row = 0; row < batch.rowCount; row++) {
      const own = known ? known[batch.lineage!.codes[row]!]! : 0;
      const id = valueAt(ids, row) as string;
      codes[row] = this.#ids.has(id) ? sets.union(own, sets.code([id])) : own;
    }
    return new Batch(
      columns,
      batch.rowCount,
      columns.map((_, index) => () => batch.column(index)),
      sets.lineage(codes),
    );
  }
}
