/**
 * Cases (a) and (g): the shipped rule, all runs, from a dataset on disk to result rows, beside the same rule as SQL and the
 * memory floor.
 */
import { COLUMN_EPOCH_TICKS } from '../src/base/time.ts';
import type { Dataset } from '../src/dataset/read.ts';
import { openExecutor } from '../src/replay/replay.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { ClickHouse, CLICKHOUSE_ABSENT } from './clickhouse.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { seedDataset, workOf } from './datasets.ts';
import { digestRows } from './digest.ts';
import { DuckDb } from './duckdb.ts';
import { neededColumns, sharedFields } from './floor.ts';
import { rowsOf } from './ours.ts';
import { Workers } from './pool.ts';
import type { CaseResult } from './report.ts';
import {
  allRuns,
  clickHouseAllRuns,
  clickHouseRun,
  type CodeOf,
  oneRun,
  SEED_DIGEST,
  SEED_TABLES,
  SEED_TEXT_TABLES,
  textOf,
} from './seed-rule-sql.ts';
import { threadsText } from './text.ts';

export async function seedRuleCases(bench: Bench, compiled: CompiledRule): Promise<CaseResult[]> {
  const dataset = await seedDataset(bench);
  const results: CaseResult[] = [];
  if (bench.cases.has('g')) results.push(await floorCase(bench, dataset, compiled));
  if (bench.cases.has('a')) results.push(await enginesCase(bench, dataset, compiled));
  return results;
}

async function enginesCase(bench: Bench, dataset: Dataset, compiled: CompiledRule): Promise<CaseResult> {
  const executor = openExecutor(dataset, compiled.plan.root, { threads: bench.threads });
  const threads = threadsText(bench.threads);
  const duckdb = await DuckDb.open(bench.threads);
  const clickhouse = await ClickHouse.open(bench.folder, bench.threads);
  try {
    bench.note('loading the tables into DuckDB');
    await duckdb.load(dataset, [...SEED_TABLES, ...SEED_TEXT_TABLES]);
    let ours = await rowsOf(dataset, compiled, { executor });
    let general = ours;
    const first = ours.runs[0]!.at - COLUMN_EPOCH_TICKS;
    const every = compiled.rule.queryFrequency;
    const codeOf = (domain: string, text: string) => duckdb.code(domain, text);

    const runs = ours.runs.length;
    const runByRun = async (
      name: string,
      results: string,
      one: string,
      digested: readonly string[],
    ): Promise<Competitor> => {
      await duckdb.run(`CREATE TABLE ${results} AS ${one.replaceAll('$now', '0').replaceAll('$run', '0')} LIMIT 0`);
      const statement = await duckdb.connection.prepare(`INSERT INTO ${results} ${one}`);
      return {
        name: `DuckDB, ${threads}, a query a run: ${name}`,
        before: () => duckdb.run(`TRUNCATE ${results}`),
        run: async () => {
          for (let run = 0; run < runs; run++) {
            statement.bind({ now: first + BigInt(run) * every, run });
            await statement.run();
          }
        },
        digest: () => duckdb.digest(results, digested),
      };
    };
    const competitors: Competitor[] = [
      {
        name: `tocsin, ${threads}`,
        run: async () => {
          ours = await rowsOf(dataset, compiled, { executor });
        },
        digest: () => digestRows(ours, SEED_DIGEST.ours).toString(),
      },
      {
        name: `tocsin, ${threads}, run by run`,
        run: async () => {
          general = await rowsOf(dataset, compiled, { executor, general: true });
        },
        digest: () => digestRows(general, SEED_DIGEST.ours).toString(),
      },
      await runByRun('texts', 'results_as_text', oneRun(textOf, '_as_text'), SEED_DIGEST.sqlTexts),
      await runByRun('codes', 'results', oneRun(codeOf), SEED_DIGEST.sql),
      ...Object.entries(allRuns(codeOf, first, runs)).map(
        ([name, sql]): Competitor => ({
          name: `DuckDB, ${threads}, one statement: ${name}`,
          before: () => duckdb.run(`DROP TABLE IF EXISTS "${name}"`),
          run: () => duckdb.run(`CREATE TABLE "${name}" AS ${sql}`),
          digest: () => duckdb.digest(`"${name}"`, SEED_DIGEST.sql),
        }),
      ),
    ];
    if (clickhouse)
      competitors.push(...(await clickHouseCompetitors(clickhouse, duckdb, { codeOf, first, every, runs, threads })));
    return await compete(bench, {
      case: 'a',
      work: { ...workOf(dataset), runs, resultRows: ours.rowCount },
      competitors,
      versions: { DuckDB: await duckdb.version(), ...(clickhouse && { ClickHouse: clickhouse.version() }) },
      notes: clickhouse ? [] : [CLICKHOUSE_ABSENT],
    });
  } finally {
    await clickhouse?.close();
    duckdb.close();
    await executor.close();
  }
}

interface Schedule {
  readonly codeOf: CodeOf;
  /** Ticks of run 0. */
  readonly first: bigint;
  readonly every: bigint;
  readonly runs: number;
  readonly threads: string;
}

async function clickHouseCompetitors(
  clickhouse: ClickHouse,
  duckdb: DuckDb,
  { codeOf, first, every, runs, threads }: Schedule,
): Promise<Competitor[]> {
  await clickhouse.load(duckdb, [
    { name: 'signins', orderBy: 'generated' },
    { name: 'audits', orderBy: 'generated' },
    ...['upn', 'ip', 'operation'].map((domain) => ({ name: `names of ${domain}`, orderBy: 'code' })),
  ]);
  const contestant = (name: string, table: string, run: () => void): Competitor => {
    clickhouse.run(
      `CREATE TABLE ${table} ENGINE = MergeTree ORDER BY tuple() AS ${clickHouseRun(codeOf, 0n, 0)} LIMIT 0`,
    );
    return {
      name: `ClickHouse, ${threads}, ${name}`,
      before: () => clickhouse.rows(`TRUNCATE TABLE ${table}`),
      run,
      digest: () => clickhouse.digest(table, SEED_DIGEST.sql),
    };
  };
  return [
    contestant('a query a run', 'results', () => {
      for (let run = 0; run < runs; run++) {
        clickhouse.run(`INSERT INTO results ${clickHouseRun(codeOf, first + BigInt(run) * every, run)}`);
      }
    }),
    contestant('one statement', 'all_results', () =>
      clickhouse.run(`INSERT INTO all_results ${clickHouseAllRuns(codeOf, first, runs)}`),
    ),
  ];
}

async function floorCase(bench: Bench, dataset: Dataset, compiled: CompiledRule): Promise<CaseResult> {
  const executor = openExecutor(dataset, compiled.plan.root, { threads: bench.threads });
  const workers = new Workers(bench.threads);
  const needed = neededColumns(compiled.plan.root);
  const fields = sharedFields(dataset, needed);
  try {
    const sums = new Map<string, number>();
    const floor = (name: string, from: 'memory' | 'files'): Competitor => ({
      name,
      run: async () => {
        let sum = 0;
        await workers.each<number>(
          fields.map((own, partition) =>
            from === 'memory'
              ? { kind: 'floor', from, fields: own }
              : { kind: 'floor', from, dataset: dataset.path, partition, needed },
          ),
          (part) => {
            sum = (sum + part) | 0;
          },
        );
        sums.set(name, sum);
      },
    });
    return await compete(bench, {
      case: 'g',
      work: {
        ...workOf(dataset),
        bytesNeeded: fields.flat().reduce((sum, { byteLength }) => sum + byteLength, 0),
      },
      competitors: [
        floor('sum of the columns in memory', 'memory'),
        floor('sum of the columns, read from disk-cached files', 'files'),
        {
          name: 'tocsin, files to rows',
          run: () => rowsOf(dataset, compiled, { executor }),
        },
      ],
      versions: {},
    });
  } finally {
    await workers.close();
    await executor.close();
  }
}
