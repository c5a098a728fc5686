/**
 * Replays a rule over a dataset: every run of its schedule, the rows that each returns, and what Sentinel makes of them.
 *
 * The plan is cut (engine/cut.ts) into parts that each partition can evaluate on its own and a rest that works on the rows
 * gathered from all of them. Parts are evaluated for all runs by an executor; the rest runs here, run by run. Gathered rows
 * are put into the canonical order, so the result depends neither on how many threads there are nor on how the dataset
 * is partitioned.
 */
import { availableParallelism } from 'node:os';
import { type Problem, TocsinError } from '../base/errors.ts';
import { formatDatetime, parseIsoDatetime, TICKS_PER_MILLISECOND } from '../base/time.ts';
import type { Batch } from '../columns/batch.ts';
import type { Manifest, TableManifest } from '../dataset/manifest.ts';
import { AllRuns } from '../engine/allruns/all-runs.ts';
import { RunRows } from '../engine/allruns/run-rows.ts';
import { cut, type Gather } from '../engine/cut.ts';
import { type Evaluator, gatherBatches, prepare, withTimes } from '../engine/execute.ts';
import { canonicalOrder } from '../engine/order.ts';
import type { Run, TableSource } from '../engine/run.ts';
import { batchFromRows, concatBatches } from '../engine/tables.ts';
import { type Plan, planInputs, scannedTables } from '../plan/plan.ts';
import { type CompiledRule, locatedInRule } from '../rules/compile.ts';
import { formatDuration } from '../rules/duration.ts';
import { sortProblems } from '../rules/rule.ts';
import { type AlertSettings, type RaisedAlert, raiseAlerts } from './alerts.ts';
import { type Executor, InlineExecutor, PoolExecutor } from './executor.ts';

import { DEFAULT_INCIDENT_SETTINGS, groupIncidents, type Incident, type IncidentSettings } from './incidents.ts';
import { type PartitionRows, type PartitionTask, type PartitionWork, planNodes, RowCounts } from './partition.ts';
import { ResultTable } from './result-table.ts';
import type { ReplayResult, ScheduledRun } from './result.ts';
import { evaluationOf, scheduleRuns, type TimeRange } from './schedule.ts';

/** What is replayed over: a dataset on disk, or tables in memory. */
export interface Replayable {
  /** The folder; undefined for tables in memory, which only this thread can read. */
  readonly path?: string | undefined;
  readonly manifest: Pick<Manifest, 'start' | 'end' | 'partitionCount' | 'origin' | 'analysts'> & {
    readonly tables: readonly (Pick<TableManifest, 'table' | 'rowCount'> & Partial<Pick<TableManifest, 'files'>>)[];
  };
  partition(index: number): TableSource;
}

export interface Progress {
  /** `rows`: reading and evaluating partitions. `runs`: what is done with the gathered rows. */
  readonly phase: 'rows' | 'runs';
  readonly done: number;
  readonly total: number;
}

export interface ReplayOptions {
  /**
   * Worker threads; 0 works in the calling thread. Default: one a core, and no more than there is work for; none where the
   * rule reads so few rows that starting threads would take longer than the work.
   */
  readonly threads?: number;
  /** Who evaluates, in place of `threads`, where several replays share workers ({@link openExecutor}); left open. */
  readonly executor?: Executor;
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the replay, which then fails with `INTERRUPTED`. */
  readonly signal?: AbortSignal;
  readonly alerts?: AlertSettings;
  /** By default analysts close incidents as soon as the dataset says. */
  readonly incidents?: IncidentSettings;
  /** Evaluates run by run, as the definition has it, instead of all runs at once; slower, the same rows. */
  readonly general?: boolean;
  /** Bytes that the rows of one run may take, by estimate; an operator that needs more is named. Default: 4 GiB. */
  readonly memoryLimit?: number;
}

/** A replay with all that became of its alerts. */
export interface Replay extends ReplayResult {
  readonly alerts: readonly RaisedAlert[];
  readonly incidents: readonly Incident[];
}

/** What the runs of a rule returned, as columns, and what was seen on the way. */
export interface ReplayedRows {
  readonly table: ResultTable;
  readonly rowCount: number;
  /** As in {@link ReplayResult}. */
  readonly rowsRead: Readonly<Record<string, number>>;
  readonly warnings: readonly string[];
  /** SHA-256 (hex) over the ordered result rows with their run times; worked out when asked for. */
  readonly digest: string;
}

/**
 * Runs a compiled rule on its schedule, without raising alerts: the rows stay columns.
 *
 * @throws {@link TocsinError} `INTERRUPTED` where the signal aborts, `INPUT` where the dataset cannot be read, `QUERY` where
 * an operator would make more rows than allowed.
 */
export async function replayRows(
  dataset: Replayable,
  compiled: CompiledRule,
  options: ReplayOptions = {},
): Promise<ReplayedRows> {
  try {
    return await replayedRows(dataset, compiled, options);
  } catch (error) {
    throw locatedInRule(error, compiled);
  }
}

async function replayedRows(
  dataset: Replayable,
  compiled: CompiledRule,
  options: ReplayOptions,
): Promise<ReplayedRows> {
  const { rule, plan } = compiled;
  const { manifest } = dataset;
  const runs = scheduleRuns(scheduledRange(manifest, rule.queryFrequency), rule);
  const evaluations = runs.map((run) => evaluationOf(run, rule));
  const { root, gathers: parts } = cut(plan.root);

  const rowsRead = rowsReadOf(dataset, plan.root);
  const executor = options.executor ?? openExecutor(dataset, plan.root, options);
  let gathered: Gathered;
  try {
    gathered = await gather(executor, dataset, parts, evaluations, options);
  } finally {
    if (executor !== options.executor) await executor.close();
  }

  const rowCounts = new RowCounts([root]);
  const evaluator = prepare(root, NO_TABLES, {
    gatheredOnce: gathered.once,
    observe: rowCounts.observe,
    ...(options.memoryLimit !== undefined && { memoryLimit: options.memoryLimit }),
  });
  const table = await resultTable(evaluator, root, runs, evaluations, gathered, options);
  gathered.passages.add([root], rowCounts.counts);
  return {
    table,
    rowCount: table.rowCount,
    rowsRead,
    warnings: warningsOf(compiled, manifest, gathered.passages, rowsRead, runs.length),
    get digest() {
      return table.digest;
    },
  };
}

/** What stands above the gathers: for all runs at once where that can be done, else run by run. */
async function resultTable(
  evaluator: Evaluator,
  root: Plan,
  runs: readonly ScheduledRun[],
  evaluations: readonly Run[],
  { perRun }: Gathered,
  options: ReplayOptions,
): Promise<ResultTable> {
  const { signal, onProgress, general = false } = options;
  const { length } = runs;
  const all = general ? undefined : new AllRuns(evaluator, evaluations, perRun);
  await pause(signal);
  const known = all?.rows(root);
  if (known) {
    const { starts, rows } = known.byRun(length);
    onProgress?.({ phase: 'runs', done: length, total: length });
    return new ResultTable(runs, known.batch.select(rows), starts);
  }
  const batches: Batch[] = [];
  const starts = new Float64Array(length + 1);
  for (let run = 0; run < length; run++) {
    if (run % RUNS_BETWEEN_PAUSES === 0) {
      await pause(signal);
      onProgress?.({ phase: 'runs', done: run, total: length });
    }
    const gathered = new Map(
      Array.from(perRun, ([id, rows]) => {
        const own = rows.at(run, length);
        return [id, general ? gatherBatches(own.schema, [own]) : own] as const;
      }),
    );
    const [batch] = evaluator.runAll([root], evaluations[run]!, gathered, all && ((plan) => all.at(plan, run)));
    batches.push(batch!);
    starts[run + 1] = starts[run]! + batch!.rowCount;
  }
  onProgress?.({ phase: 'runs', done: length, total: length });
  return new ResultTable(runs, concatBatches(root.columns, batches), starts);
}

/**
 * Replays a compiled rule.
 *
 * @throws {@link TocsinError} `INTERRUPTED` where the signal aborts, `INPUT` where the dataset cannot be read, `QUERY` where
 * an operator would make more rows than allowed.
 */
export async function replay(
  dataset: Replayable,
  compiled: CompiledRule,
  options: ReplayOptions = {},
): Promise<Replay> {
  const { rule } = compiled;
  const { manifest } = dataset;
  const { table: returned, rowsRead, warnings } = await replayRows(dataset, compiled, options);
  const { columns, runs } = returned;
  const datasetId = JSON.stringify([manifest.origin, manifest.start, manifest.end]);
  const { alerts, suppressedRuns } = raiseAlerts({
    rule,
    columns,
    runs,
    rows: returned.rows,
    datasetId,
    ...(options.alerts && { settings: options.alerts }),
  });
  const table = returned.without(new Set(suppressedRuns));
  return {
    columns,
    entityMappings: rule.entityMappings,
    runs,
    rows: table.rows,
    alerts,
    incidents: groupIncidents(rule, runs, alerts, options.incidents ?? incidentSettingsOf(manifest)),
    rowsRead,
    warnings,
    digest: table.digest,
  };
}

/** What is set of incidents where the caller sets nothing. */
function incidentSettingsOf({ analysts }: Pick<Manifest, 'analysts'>): IncidentSettings {
  if (!analysts) return DEFAULT_INCIDENT_SETTINGS;
  return { ...DEFAULT_INCIDENT_SETTINGS, timeToClose: BigInt(analysts.timeToCloseMs) * TICKS_PER_MILLISECOND };
}

/** The source of the plan above the gathers: no scan is left in it. */
const NO_TABLES: TableSource = { scan: (_table, columns) => batchFromRows(columns, []) };

/** Between this many runs other work of the thread gets its turn. */
const RUNS_BETWEEN_PAUSES = 16;

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
}

/**
 * The time that runs must cover. Windows leave their first instant out, so where a row stands at the very start of the
 * dataset (as the first row of an import does), runs begin one frequency earlier.
 */
function scheduledRange(manifest: Replayable['manifest'], queryFrequency: bigint): TimeRange {
  const start = ticksOf(manifest.start);
  const files = manifest.tables.flatMap((table) => table.files ?? []);
  const atStart = files.some(({ firstGenerated }) => firstGenerated !== undefined && ticksOf(firstGenerated) <= start);
  return { start: atStart ? start - queryFrequency : start, end: ticksOf(manifest.end) };
}

function ticksOf(iso: string): bigint {
  const ticks = parseIsoDatetime(iso);
  if (ticks !== undefined) return ticks;
  throw new TocsinError('INPUT', `the dataset's time ${JSON.stringify(iso)} is no ISO 8601 time`);
}

/** Below this many rows a thread’s start (it loads the engine) costs more than it saves. */
const INLINE_ROWS = 500_000;

function defaultThreads({ manifest }: Replayable, rowCount: number): number {
  return rowCount < INLINE_ROWS ? 0 : Math.min(availableParallelism(), manifest.partitionCount);
}

/**
 * Who evaluates the partitions of replays over the dataset. The caller closes it.
 *
 * @param replays - how many replays share it, of plans that read as much as `plan`.
 */
export function openExecutor(
  dataset: Replayable,
  plan: Plan,
  { threads: asked, replays = 1 }: { readonly threads?: number; readonly replays?: number },
): Executor {
  const rowCount = Object.values(rowsReadOf(dataset, plan)).reduce((sum, count) => sum + count, 0);
  const threads = asked ?? defaultThreads(dataset, rowCount * replays);
  if (threads === 0 || dataset.path === undefined) return new InlineExecutor((index) => dataset.partition(index));
  return new PoolExecutor(dataset.path, threads);
}

/** The rows of all partitions below each gather. */
interface Gathered {
  /** Rows over all time, by the gather's id. */
  readonly once: ReadonlyMap<number, Batch>;
  /** Rows with the runs that they stand in, by the gather's id; in the canonical order unless `general`. */
  readonly perRun: ReadonlyMap<number, RunRows>;
  /** Rows out of the nodes of the parts; see `Passages`. */
  readonly passages: Passages;
}

async function gather(
  executor: Executor,
  dataset: Replayable,
  parts: readonly Gather[],
  evaluations: readonly Run[],
  options: ReplayOptions,
): Promise<Gathered> {
  const { general = false, memoryLimit } = options;
  const tasks = tasksOf(dataset.manifest.partitionCount, parts, evaluations, executor.concurrency, {
    general,
    memoryLimit,
  });
  const results = await runTasks(executor, tasks, options);
  const once = new Map<number, Batch>();
  const perRun = new Map<number, RunRows>();
  const passages = new Passages();
  tasks.forEach((task, t) => {
    passages.add(
      task.work.parts.map((part) => part.plan),
      results[t]!.counts,
    );
  });
  parts.forEach((part) => {
    const { id, scope, plan } = part;
    const pieces = tasks.flatMap(({ work, firstRun }, t) => {
      const index = work.parts.indexOf(part);
      return index < 0 ? [] : [{ ...results[t]!.parts[index]!, firstRun }];
    });
    if (scope === 'once') {
      once.set(
        id,
        gatherBatches(
          withTimes(plan.columns),
          pieces.map((piece) => piece.rows),
        ),
      );
      return;
    }
    const rows = RunRows.concat(
      plan.columns,
      pieces.map(
        ({ rows: batch, from, to, firstRun }) => new RunRows(batch, later(from, firstRun), later(to, firstRun)),
      ),
    );
    let end = 0;
    const starts = pieces.map(({ rows: { rowCount } }) => (end += rowCount) - rowCount);
    perRun.set(id, general ? rows : rows.select(canonicalOrder(rows.batch, starts)));
  });
  return { once, perRun, passages };
}

function later(runs: Uint32Array, by: number): Uint32Array {
  return by === 0 ? runs : runs.map((run) => run + by);
}

interface Task extends PartitionTask {
  readonly firstRun: number;
}

/**
 * One task a partition, or where there are fewer partitions than threads, several that share its runs out. What is
 * evaluated once for all runs goes with the first of them.
 */
function tasksOf(
  partitionCount: number,
  parts: readonly Gather[],
  evaluations: readonly Run[],
  concurrency: number,
  how: Pick<PartitionWork, 'general' | 'memoryLimit'>,
): Task[] {
  const shares = Math.max(1, Math.min(Math.ceil(concurrency / partitionCount), evaluations.length));
  const works = Array.from({ length: shares }, (_, share) => {
    const firstRun = Math.floor((evaluations.length * share) / shares);
    const lastRun = Math.floor((evaluations.length * (share + 1)) / shares);
    const own = parts.filter((part) => share === 0 || part.scope === 'run');
    return { firstRun, work: { parts: own, runs: evaluations.slice(firstRun, lastRun), ...how } };
  }).filter(({ work }) => work.parts.length > 0);
  return Array.from({ length: partitionCount }, (_, partition) => works.map((each) => ({ partition, ...each }))).flat();
}

/** Runs all tasks, as many at a time as the executor wants; results stand in the order of the tasks. */
async function runTasks(
  executor: Executor,
  tasks: readonly Task[],
  { signal, onProgress }: ReplayOptions,
): Promise<PartitionRows<Batch>[]> {
  const results: PartitionRows<Batch>[] = [];
  let next = 0;
  let done = 0;
  onProgress?.({ phase: 'rows', done, total: tasks.length });
  const lane = async (): Promise<void> => {
    while (next < tasks.length) {
      const index = next++;
      results[index] = await executor.run(tasks[index]!, signal);
      onProgress?.({ phase: 'rows', done: ++done, total: tasks.length });
    }
  };
  await Promise.all(Array.from({ length: Math.min(executor.wanted, tasks.length) }, lane));
  return results;
}

function rowsReadOf({ manifest }: Replayable, root: Plan): Record<string, number> {
  return Object.fromEntries(
    scannedTables(root).map((table) => [table, manifest.tables.find((t) => t.table === table)?.rowCount ?? 0]),
  );
}

/**
 * How many rows came out of each step of the query. The cut may evaluate one step in two places, so what counts is the
 * operator and its place in the text, not the node.
 */
class Passages {
  readonly #counts = new Map<string, number>();

  /** @param counts - rows by node, in the order of `planNodes(roots)`; NaN where a node was not evaluated by itself. */
  add(roots: readonly Plan[], counts: Float64Array): void {
    planNodes(roots).forEach((node, index) => {
      const count = counts[index]!;
      if (Number.isNaN(count)) return;
      const key = passageKey(node);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    });
  }

  /** Undefined where the step was never evaluated by itself. */
  through(node: Plan): number | undefined {
    return this.#counts.get(passageKey(node));
  }
}

function passageKey({ op, span }: Plan): string {
  return `${op} ${span.start} ${span.end}`;
}

/** What makes a replay prove less than it seems to: nothing to read, and steps that let nothing through in any run. */
function warningsOf(
  { rule, plan, source, warnings: ofRule }: CompiledRule,
  manifest: Replayable['manifest'],
  passages: Passages,
  rowsRead: Readonly<Record<string, number>>,
  runCount: number,
): string[] {
  const warnings = ofRule.map(oneLine);
  const start = ticksOf(manifest.start);
  const end = ticksOf(manifest.end);
  if (runCount === 0) warnings.push('the dataset covers no time, so the rule never ran');
  else if (rule.kind === 'Scheduled' && rule.queryPeriod > end - start) {
    warnings.push(
      `the rule looks back ${formatDuration(rule.queryPeriod)}, but the dataset covers only ${formatDuration(end - start)} from ${formatDatetime(start)}: no run saw a full window`,
    );
  }
  for (const [table, count] of Object.entries(rowsRead)) {
    if (count === 0) warnings.push(`the dataset has no rows of ${table}`);
  }
  const problems: Problem[] = [];
  for (const node of planNodes([plan.root])) {
    if (passages.through(node) !== 0) continue;
    const { start: from, end: to } = node.span;
    // Only the first step that lets nothing through is worth a word, and only steps that choose among rows.
    const fed = planInputs(node).every((input) => (passages.through(input) ?? 0) > 0);
    if (node.op === 'scan' && (rowsRead[node.table] ?? 0) > 0) {
      problems.push(source.queryProblem(`no run saw a row of ${node.table}`, from, to));
    } else if (node.op === 'filter' && fed) {
      problems.push(source.queryProblem('this condition let nothing through in any run', from, to));
    } else if (node.op === 'join' && fed && !node.kind.endsWith('anti')) {
      problems.push(source.queryProblem('this join matched nothing in any run, though both sides had rows', from, to));
    }
  }
  warnings.push(...sortProblems(problems).map(oneLine));
  return warnings;
}

function oneLine({ message, position }: Problem): string {
  return position ? `${position.file}:${position.line}:${position.column}: ${message}` : message;
}
