/**
 * Generate, replay and score without a disk between them, partition by partition: what a thread holds is one partition, and
 * what it answers with is what the score needs of it. So memory does not grow with the number of events.
 *
 * The rows of a rule whose plan above the partitions only orders them are the rows of the partitions, which is what makes
 * this exact. Of the result rows are kept: every row that a labelled event stands behind, and for each run one row besides,
 * so that an alert is raised in the runs in which one would be; the others are counted.
 */
import { spanOf } from '../generators/scenario.ts';
import { measureIncidents } from '../generators/yardsticks.ts';
import { factsOfPartition, prepare } from '../generators/worker.ts';
import { TocsinError } from '../src/base/errors.ts';
import { parseIsoDatetime } from '../src/base/time.ts';
import { sourceOfFacts } from '../src/dataset/rows.ts';
import { cut } from '../src/engine/cut.ts';
import { type Plan, planInputs, type QueryPlan, scannedTables } from '../src/plan/plan.ts';
import { raiseAlerts } from '../src/replay/alerts.ts';
import { InlineExecutor } from '../src/replay/executor.ts';
import { groupIncidents } from '../src/replay/incidents.ts';
import { type Replayable, replayRows } from '../src/replay/replay.ts';
import { scheduleRuns } from '../src/replay/schedule.ts';
import type { ResultRow, ScheduledRun } from '../src/replay/result.ts';
import type { ResultTable } from '../src/replay/result-table.ts';
import type { Rule } from '../src/rules/rule.ts';
import { type RuleScore, score } from '../src/score/score.ts';
import { benchScenario } from './datasets.ts';
import { type DigestParts, digestRows, RowDigest } from './digest.ts';
import type { Size } from './generation.ts';
import type { Workers } from './pool.ts';
import { compiledOf, type PortableRule } from './rules.ts';

export interface FusedTask {
  readonly kind: 'fused';
  readonly size: Size;
  readonly partition: number;
  readonly rule: PortableRule;
  /** Columns of the digest; none, no digest. */
  readonly digest: readonly string[];
  /** 1 for the runs of which a row is kept already. */
  readonly kept: Uint8Array;
}

export interface FusedScoreTask {
  readonly kind: 'fused-score';
  readonly size: Size;
  readonly rule: PortableRule;
  /** In order of run. */
  readonly rows: readonly ResultRow[];
  readonly rowsRead: Readonly<Record<string, number>>;
}

export interface FusedAnswer {
  readonly events: number;
  readonly rowsRead: Readonly<Record<string, number>>;
  readonly resultRows: number;
  readonly kept: readonly ResultRow[];
  readonly digest: DigestParts;
}

/** What a fused run comes to. */
export interface FusedResult {
  readonly events: number;
  readonly resultRows: number;
  readonly runs: number;
  /** Of attacks, alerts and incidents; its figures of rows are of the kept ones only. */
  readonly score: RuleScore;
  readonly digest: string;
}

/** @throws TocsinError UNSUPPORTED where rows of several partitions must meet. */
export function assertPartitionwise({ root }: QueryPlan, file: string): void {
  const ordersOnly = (node: Plan): boolean =>
    node.op === 'gather' ? scopeOf.get(node.id) === 'run' : node.op === 'sort' && planInputs(node).every(ordersOnly);
  const { root: above, gathers } = cut(root);
  const scopeOf = new Map(gathers.map(({ id, scope }) => [id, scope]));
  if (ordersOnly(above)) return;
  throw new TocsinError('UNSUPPORTED', {
    message: `${file}: cannot be replayed in memory partition by partition: rows of several accounts must meet`,
    hint: 'generate a dataset and replay that',
  });
}

function runsOf(size: Size, rule: Rule): ScheduledRun[] {
  const { start, end } = replayableOf(size, () => sourceOfFacts([]), {}).manifest;
  return scheduleRuns({ start: parseIsoDatetime(start)!, end: parseIsoDatetime(end)! }, rule);
}

/** The whole tenant as something to replay, whose rows are those of one partition. */
function replayableOf(
  size: Size,
  open: Replayable['partition'],
  rowCounts: Readonly<Record<string, number>>,
): Replayable {
  const scenario = benchScenario(size.users, size.days, size.seed);
  return {
    manifest: {
      start: new Date(scenario.startMs).toISOString(),
      end: new Date(scenario.startMs + spanOf(scenario).durationMs).toISOString(),
      partitionCount: 1,
      origin: { kind: 'scenario', scenario: scenario.name, seed: size.seed, users: size.users, days: size.days },
      tables: Object.entries(rowCounts).map(([table, rowCount]) => ({ table, rowCount })),
    },
    partition: open,
  };
}

/** Generates and replays one partition; called in a worker. */
export async function fusePartition({ size, partition, rule, digest, kept }: FusedTask): Promise<FusedAnswer> {
  const compiled = compiledOf(rule);
  const facts = factsOfPartition(benchScenario(size.users, size.days, size.seed), partition, size.partitionCount);
  const counts = Object.fromEntries(facts.map(({ table, rowCount }) => [table, rowCount]));
  const tables = new Set(scannedTables(rule.plan.root));
  const source = sourceOfFacts(facts.filter(({ table }) => tables.has(table)));
  const executor = new InlineExecutor(() => source);
  const { table, rowsRead } = await replayRows(
    replayableOf(size, () => source, counts),
    compiled,
    { executor },
  );
  return {
    events: facts.reduce((sum, { rowCount }) => sum + rowCount, 0),
    rowsRead,
    resultRows: table.rowCount,
    kept: keptRows(table, kept),
    digest: (digest.length > 0 ? digestRows(table, digest) : new RowDigest()).parts,
  };
}

/** The rows that a labelled event stands behind, and the first one of each run of which none is kept. */
function keptRows(table: ResultTable, kept: Uint8Array): ResultRow[] {
  const { starts, runs } = table;
  const codes = table.batch.lineage?.codes;
  const rows: ResultRow[] = [];
  for (let run = 0; run < runs.length; run++) {
    let open = kept[run] === 0;
    for (let row = starts[run]!; row < starts[run + 1]! && (open || codes); row++) {
      if (!open && codes![row] === 0) continue;
      open = false;
      rows.push({ run, cells: table.cellsOf(row), events: table.eventsOf(row) });
    }
  }
  return rows;
}

/** Generates, replays and scores a tenant of `size`. */
export async function fuse(
  size: Size,
  rule: PortableRule,
  digest: readonly string[],
  workers: Workers,
  onProgress: (done: number, total: number) => void,
): Promise<FusedResult> {
  assertPartitionwise(rule.plan, rule.file);
  const compiled = compiledOf(rule);
  const runs = runsOf(size, compiled.rule);
  const keptOf = new Uint8Array(runs.length);
  const kept: ResultRow[] = [];
  const total = new RowDigest();
  const rowsRead: Record<string, number> = {};
  let [events, resultRows, done] = [0, 0, 0];
  function* tasks(): Generator<FusedTask> {
    for (let partition = 0; partition < size.partitionCount; partition++) {
      yield { kind: 'fused', size, partition, rule, digest, kept: keptOf };
    }
  }
  await workers.each<FusedAnswer>(tasks(), (answer) => {
    events += answer.events;
    resultRows += answer.resultRows;
    for (const row of answer.kept) {
      // Two threads may have kept a row of the same run.
      if (row.events.length === 0 && keptOf[row.run] === 1) continue;
      keptOf[row.run] = 1;
      kept.push(row);
    }
    for (const [table, count] of Object.entries(answer.rowsRead)) rowsRead[table] = (rowsRead[table] ?? 0) + count;
    total.merge(answer.digest);
    onProgress(++done, size.partitionCount);
  });
  kept.sort((a, b) => a.run - b.run);
  let scored: RuleScore | undefined;
  await workers.each<RuleScore>([{ kind: 'fused-score', size, rule, rows: kept, rowsRead }], (answer) => {
    scored = answer;
  });
  return {
    events,
    resultRows,
    runs: runs.length,
    score: scored!,
    digest: total.toString(),
  };
}

/** Scores what was kept; called in a worker, which holds the tenant already. */
export function scoreFused({ size, rule: portable, rows, rowsRead }: FusedScoreTask): RuleScore {
  const compiled = compiledOf(portable);
  const { rule } = compiled;
  const { tenant, span, plan } = prepare(benchScenario(size.users, size.days, size.seed));
  const truth = measureIncidents(tenant, span, plan);
  const { manifest } = replayableOf(size, () => sourceOfFacts([]), {});
  const { columns } = portable.plan.root;
  const runs = runsOf(size, rule);
  const { alerts } = raiseAlerts({ rule, columns, runs, rows, datasetId: JSON.stringify(manifest.origin) });
  const result = {
    columns,
    entityMappings: rule.entityMappings,
    runs,
    rows,
    alerts,
    incidents: groupIncidents(rule, runs, alerts),
    rowsRead,
    warnings: [],
    digest: '',
  };
  return score(result, rule.name, truth, manifest);
}
