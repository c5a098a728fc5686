/**
 * Case (d): rules of other shapes than the shipped one, each beside the same logic in SQL. The rules and their SQL are in
 * bench/rules; where DuckDB may hold the data in one way or another, there is SQL for each, and the fastest counts.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot } from '../generators/scenario.ts';
import { COLUMN_EPOCH_TICKS } from '../src/base/time.ts';
import type { Dataset } from '../src/dataset/read.ts';
import { openExecutor } from '../src/replay/replay.ts';
import { INGESTION_DELAY } from '../src/replay/schedule.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { parseDuration } from '../src/rules/duration.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { benchDataset, partitionsFor, workOf } from './datasets.ts';
import { digestRows } from './digest.ts';
import { DuckDb, TIMES, type TableSpec } from './duckdb.ts';
import { rowsOf } from './ours.ts';
import type { CaseResult } from './report.ts';
import { benchRules, compiledOf } from './rules.ts';
import { threadsText } from './text.ts';

/** What the digest is made of: columns of the rule, and the same of its SQL. */
interface GeneralRule {
  readonly ours: readonly string[];
  readonly sql: readonly string[];
}

/** By the name of the rule's file. */
const RULES: Readonly<Record<string, GeneralRule>> = {
  'failures-by-address': {
    ours: ['IPAddress', 'Failures', 'Users', 'First', 'Last'],
    sql: ['ip:ip', 'failures', 'users', 'first', 'last'],
  },
  'first-seen-address': {
    ours: ['UserPrincipalName', 'IPAddress', 'FirstSeen', 'SignIns'],
    sql: ['upn:upn', 'ip:ip', 'first_seen', 'sign_ins'],
  },
  'failure-then-success': {
    ours: ['SignedInAt', 'FailedAt', 'UserPrincipalName', 'IPAddress', 'FailedFrom'],
    sql: ['signed_in', 'failed_at', 'upn:upn', 'ip:ip', 'failed_from:ip'],
  },
  'changes-of-a-target': {
    ours: ['TargetId', 'TargetType', 'Changes', 'Operations', 'Last'],
    sql: ['target_id', 'target_type', 'changes', 'operations', 'last'],
  },
  'scripted-agent': {
    ours: ['TimeGenerated', 'UserPrincipalName', 'IPAddress', 'UserAgent'],
    sql: ['generated', 'upn:upn', 'ip:ip', 'agent:agent'],
  },
};

const TABLES: readonly TableSpec[] = [
  {
    table: 'AADNonInteractiveUserSignInLogs',
    as: 'signins',
    columns: {
      ...TIMES,
      upn: { column: 'UserPrincipalName', as: 'code' },
      ip: { column: 'IPAddress', as: 'code' },
      code: { column: 'ResultType', as: 'code' },
      agent: { column: 'UserAgent', as: 'code' },
      agent_text: { column: 'UserAgent', as: 'text', domain: 'agent' },
    },
  },
  {
    table: 'AuditLogs',
    as: 'audits',
    columns: {
      ...TIMES,
      category: { column: 'Category', as: 'code' },
      operation: { column: 'OperationName', as: 'code' },
      targets: { column: 'TargetResources', as: 'text', of: (json) => (json === '' ? '[]' : json) },
    },
  },
];

/** Three weeks, for a rule that looks back two. */
const DAYS = 21;
/** Sign-ins of a user. */
const PER_USER = 2_200;
/** Of the rows that were asked for; these rules run more often over more days. */
const SHARE = 5;

function generalDataset(bench: Bench): Promise<Dataset> {
  const rows = Math.round(bench.rows / SHARE);
  return benchDataset(
    {
      name: 'general-rules',
      users: Math.max(20, Math.round(rows / PER_USER)),
      days: DAYS,
      seed: bench.seed,
      tables: { AADNonInteractiveUserSignInLogs: {}, AuditLogs: {} },
      partitionCount: partitionsFor(rows),
    },
    bench.folder,
    bench.threads,
    bench.progress('making the dataset of the general rules'),
  );
}

export async function generalRuleCases(bench: Bench): Promise<CaseResult[]> {
  const dataset = await generalDataset(bench);
  const duckdb = await DuckDb.open(bench.threads);
  const folder = path.join(packageRoot(), 'bench/rules');
  try {
    bench.note('loading the tables into DuckDB');
    await duckdb.load(dataset, TABLES);
    // What DuckDB's own reader of JSON would make of the column.
    await duckdb.run(`CREATE OR REPLACE TABLE audits AS
      SELECT *, from_json(targets, '[{"id": "VARCHAR", "type": "VARCHAR"}]') AS target_list FROM audits`);
    const results: CaseResult[] = [];
    const names = Object.keys(RULES);
    const rules = await benchRules(names.map((name) => path.join(folder, `${name}.yaml`)));
    for (const [index, name] of names.entries()) {
      results.push(await ruleCase(bench, dataset, duckdb, folder, name, compiledOf(rules[index]!)));
    }
    return results;
  } finally {
    duckdb.close();
  }
}

async function ruleCase(
  bench: Bench,
  dataset: Dataset,
  duckdb: DuckDb,
  folder: string,
  name: string,
  compiled: CompiledRule,
): Promise<CaseResult> {
  const { ours: columns, sql: sqlColumns } = RULES[name]!;
  const executor = openExecutor(dataset, compiled.plan.root, { threads: bench.threads });
  try {
    let ours = await rowsOf(dataset, compiled, { executor });
    const threads = threadsText(bench.threads);
    const competitors: Competitor[] = [
      {
        name: `tocsin, ${threads}`,
        run: async () => {
          ours = await rowsOf(dataset, compiled, { executor });
        },
        digest: () => digestRows(ours, columns).toString(),
      },
    ];
    for (const file of readdirSync(folder).sort()) {
      if (!file.startsWith(`${name}.`) || !file.endsWith('.sql')) continue;
      const sql = filled(readFileSync(path.join(folder, file), 'utf8'), compiled, duckdb);
      const variant = file.slice(name.length + 1, -'.sql'.length);
      const table = `"${file}"`;
      await duckdb.run(`CREATE TABLE ${table} AS ${sql.replaceAll('$now', '0').replaceAll('$run', '0')} LIMIT 0`);
      const statement = await duckdb.connection.prepare(`INSERT INTO ${table} ${sql}`);
      competitors.push({
        name: `DuckDB, ${threads}, a query a run${variant === '' ? '' : `: ${variant.replaceAll('-', ' ')}`}`,
        before: () => duckdb.run(`TRUNCATE ${table}`),
        run: async () => {
          for (const [run, { at }] of ours.runs.entries()) {
            statement.bind({ now: at - COLUMN_EPOCH_TICKS, run });
            await statement.run();
          }
        },
        digest: () => duckdb.digest(table, sqlColumns),
      });
    }
    return await compete(bench, {
      case: 'd',
      part: name.replaceAll('-', ' '),
      work: { ...workOf(dataset), runs: ours.runs.length, resultRows: ours.rowCount },
      competitors,
      versions: { DuckDB: await duckdb.version() },
    });
  } finally {
    await executor.close();
  }
}

/**
 * SQL with its places filled: `{window}` is what a run can see, `{10m}` a timespan in ticks, `{column:text}` the code of a
 * text.
 */
function filled(sql: string, { rule }: CompiledRule, duckdb: DuckDb): string {
  const window =
    `generated > $now - ${rule.queryPeriod} AND generated <= $now ` + `AND ingested <= $now + ${INGESTION_DELAY}`;
  return sql.replace(/\{(?:(\w+):)?(\w+)\}/g, (_, domain: string | undefined, word: string) => {
    if (domain !== undefined) return String(duckdb.code(domain, word));
    return word === 'window' ? window : String(parseDuration(word));
  });
}
