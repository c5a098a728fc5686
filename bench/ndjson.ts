/** Case (b): from NDJSON on disk, as Log Analytics exports it, to scored alerts. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { COLUMN_EPOCH_TICKS, UNIX_EPOCH_TICKS } from '../src/base/time.ts';
import { exportDataset } from '../src/dataset/export.ts';
import { importFiles } from '../src/dataset/import.ts';
import { type Dataset, openDataset } from '../src/dataset/read.ts';
import { TRUTH_FILE } from '../src/dataset/write.ts';
import { replay } from '../src/replay/replay.ts';
import { scannedColumns } from '../src/plan/plan.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { score } from '../src/score/score.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { seedDataset, workOf } from './datasets.ts';
import { digestReplay } from './digest.ts';
import { DuckDb } from './duckdb.ts';
import type { CaseResult } from './report.ts';
import { allRuns, oneRun, SEED_DIGEST, textOf } from './seed-rule-sql.ts';
import { threadsText } from './text.ts';

/** Of the rows that were asked for: a record is 6 KB. */
const SHARE = 100;

const SIGN_INS = 'AADNonInteractiveUserSignInLogs';
const AUDITS = 'AuditLogs';

export async function ndjsonCase(bench: Bench, compiled: CompiledRule): Promise<CaseResult> {
  const dataset = await seedDataset({ ...bench, rows: Math.max(1000, Math.round(bench.rows / SHARE)) });
  const exported = await exportedFolder(dataset);
  const file = (table: string): string => path.join(exported, `${table}.ndjson`);
  if (!existsSync(exported)) {
    bench.note('exporting NDJSON');
    await exportDataset(dataset, { out: exported, format: 'ndjson' });
  }
  const sizes = await Promise.all([SIGN_INS, AUDITS].map(async (table) => (await stat(file(table))).size));

  const imported = path.join(bench.folder, 'imported');
  const truthFile = path.join(exported, TRUTH_FILE);
  const { threads } = bench;
  const columns = scannedColumns(compiled.plan.root);
  const ours = async () => {
    await importFiles([file(SIGN_INS), file(AUDITS)], {
      out: imported,
      truth: truthFile,
      force: true,
      threads,
      columns,
    });
    const found = await openDataset(imported);
    // As the command line has it: no threads where starting them takes longer than the work.
    const result = await replay(found, compiled);
    score(result, compiled.rule.name, await found.truth(), found.manifest);
    return result;
  };
  try {
    let result = await ours();
    const first = result.runs[0]!.at - COLUMN_EPOCH_TICKS;
    const every = compiled.rule.queryFrequency;
    const runs = result.runs.length;
    // Texts stay texts: numbering them would cost DuckDB more than it gains here.
    const version = await versionOf();

    const duckdbRuns = (name: string, evaluate: (duckdb: DuckDb) => Promise<void>): Competitor => {
      let duckdb: DuckDb | undefined;
      return {
        name: `DuckDB, ${threadsText(threads)}, read_json into tables, ${name}`,
        before: async () => {
          duckdb?.close();
          duckdb = await DuckDb.open(threads);
        },
        run: async () => {
          await readTables(duckdb!, file(SIGN_INS), file(AUDITS));
          await evaluate(duckdb!);
        },
        digest: async () => {
          const digest = await duckdb!.digest('results', SEED_DIGEST.sqlTexts);
          duckdb!.close();
          return digest;
        },
      };
    };
    return await compete(bench, {
      case: 'b',
      work: {
        ...workOf(dataset),
        ndjsonBytes: sizes.reduce((sum, size) => sum + size),
        runs,
        resultRows: result.rows.length,
      },
      competitors: [
        {
          name: `tocsin, ${threadsText(threads)}: import, replay, score`,
          run: async () => {
            result = await ours();
          },
          digest: () => digestReplay(result, SEED_DIGEST.ours).toString(),
        },
        duckdbRuns('a query a run', async (duckdb) => {
          const one = oneRun(textOf);
          await duckdb.run(`CREATE TABLE results AS ${one.replaceAll('$now', '0').replaceAll('$run', '0')} LIMIT 0`);
          const statement = await duckdb.connection.prepare(`INSERT INTO results ${one}`);
          for (let run = 0; run < runs; run++) {
            statement.bind({ now: first + BigInt(run) * every, run });
            await statement.run();
          }
        }),
        duckdbRuns('one statement', (duckdb) =>
          duckdb.run(`CREATE TABLE results AS ${allRuns(textOf, first, runs)['two halves']!}`),
        ),
      ],
      versions: { DuckDB: version },
    });
  } finally {
    await rm(imported, { recursive: true, force: true });
  }
}

/** Where the dataset's NDJSON goes: named after what is in the dataset, so that none outlives it. */
async function exportedFolder(dataset: Dataset): Promise<string> {
  const { dir, base } = path.parse(dataset.path);
  const name = `${base}-ndjson-${createHash('sha256').update(JSON.stringify(dataset.manifest)).digest('hex').slice(0, 8)}`;
  for (const other of await readdir(dir)) {
    if (other.startsWith(`${base}-ndjson-`) && other !== name) {
      await rm(path.join(dir, other), { recursive: true, force: true });
    }
  }
  return path.join(dir, name);
}

async function versionOf(): Promise<string> {
  const duckdb = await DuckDb.open(1);
  try {
    return await duckdb.version();
  } finally {
    duckdb.close();
  }
}

/** The columns that the rule needs, and no others, as DuckDB reads them fastest. */
async function readTables(duckdb: DuckDb, signIns: string, audits: string): Promise<void> {
  const unix = (COLUMN_EPOCH_TICKS - UNIX_EPOCH_TICKS).toString();
  const ticks = (column: string) => `epoch_ns(${column}) // 100 - ${unix}`;
  await duckdb.run(`
    CREATE TABLE signins AS
    SELECT ${ticks('TimeGenerated')} AS generated, ${ticks('_IngestionTime')} AS ingested,
           UserPrincipalName AS upn, coalesce(IPAddress, '') AS ip, ResultType AS code
    FROM read_json('${signIns}', format = 'newline_delimited', columns = {
      TimeGenerated: 'TIMESTAMP_NS', _IngestionTime: 'TIMESTAMP_NS', UserPrincipalName: 'VARCHAR', IPAddress: 'VARCHAR',
      ResultType: 'VARCHAR'})`);
  await duckdb.run(`
    CREATE TABLE audits AS
    SELECT ${ticks('TimeGenerated')} AS generated, ${ticks('_IngestionTime')} AS ingested,
           coalesce(json_extract_string(InitiatedBy, '$.user.userPrincipalName'), '') AS upn,
           coalesce(OperationName, '') AS operation, coalesce(Result, '') AS result, Category AS category,
           CAST(TargetResources AS VARCHAR) AS targets
    FROM read_json('${audits}', format = 'newline_delimited', columns = {
      TimeGenerated: 'TIMESTAMP_NS', _IngestionTime: 'TIMESTAMP_NS', InitiatedBy: 'JSON', OperationName: 'VARCHAR',
      Result: 'VARCHAR', Category: 'VARCHAR', TargetResources: 'JSON'})`);
}
