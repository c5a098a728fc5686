/**
 * The shipped rule as SQL. Runs are numbered as in the replay; run r is at `first + r * hour`, its window is the two hours
 * up to then, and it sees what was ingested up to five minutes later. Times are ticks since 2020.
 */
import { TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../src/base/time.ts';
import { type TableSpec, TIMES } from './duckdb.ts';

/** The name of the user that an audit row's `InitiatedBy` tells of; empty where it tells of none. */
function initiator(json: string): string {
  const name = (JSON.parse(json || '{}') as { user?: { userPrincipalName?: unknown } }).user?.userPrincipalName;
  return typeof name === 'string' ? name : '';
}

export const SEED_TABLES: readonly TableSpec[] = [
  {
    table: 'AADNonInteractiveUserSignInLogs',
    as: 'signins',
    columns: {
      ...TIMES,
      upn: { column: 'UserPrincipalName', as: 'code' },
      ip: { column: 'IPAddress', as: 'code' },
      code: { column: 'ResultType', as: 'code' },
    },
  },
  {
    table: 'AuditLogs',
    as: 'audits',
    columns: {
      ...TIMES,
      upn: { column: 'InitiatedBy', as: 'code', of: initiator },
      category: { column: 'Category', as: 'code' },
      operation: { column: 'OperationName', as: 'code' },
      result: { column: 'Result', as: 'code' },
      targets: { column: 'TargetResources', as: 'code' },
    },
  },
];

/** The same with texts as texts, the way that somebody loads a log who does not recode it first. */
export const SEED_TEXT_TABLES: readonly TableSpec[] = SEED_TABLES.map(({ table, as, columns }) => ({
  table,
  as: `${as}_as_text`,
  columns: Object.fromEntries(
    Object.entries(columns).map(([name, spec]) => [name, spec.as === 'code' ? { ...spec, as: 'text' } : spec]),
  ),
}));

/** Columns of the replay that the digest is made of, and the same of the SQL's result. */
export const SEED_DIGEST = {
  ours: ['AuditTime', 'UserPrincipalName', 'IPAddress', 'LastNISignIn', 'OperationName'],
  sql: ['generated', 'upn:upn', 'ip:ip', 'last_sign_in', 'operation:operation'],
  sqlTexts: ['generated', 'upn', 'ip', 'last_sign_in', 'operation'],
} as const;

const HOUR = TICKS_PER_HOUR;
const LATE = 5n * TICKS_PER_MINUTE;

const CATEGORIES = [
  'RoleManagement',
  'ApplicationManagement',
  'GroupManagement',
  'Policy',
  'DeviceManagement',
  'UserManagement',
];

/** Gives what stands for a text of a column in SQL: its code, or itself in quotes. */
export type CodeOf = (domain: string, text: string) => number | string;

/** For tables that hold texts as texts. */
export const textOf: CodeOf = (_domain, text) => `'${text}'`;

/** What both legs ask of a row besides its time. */
function filters(codeOf: CodeOf): { readonly succeeded: string; readonly privileged: string } {
  const categories = CATEGORIES.map((name) => codeOf('category', name)).join(', ');
  return {
    succeeded: `code = ${codeOf('code', '0')}`,
    privileged: `category IN (${categories}) AND a.upn <> ${codeOf('upn', '')}`,
  };
}

const RESULT_COLUMNS = 'run, a.generated, a.upn, operation, result, category, targets, last_sign_in, ip';

/**
 * One run, as an engine that is asked run by run gets it; `$now` and `$run` are its parameters.
 *
 * @param suffix - of the names of the tables.
 */
export function oneRun(codeOf: CodeOf, suffix = ''): string {
  const { succeeded, privileged } = filters(codeOf);
  return `
  WITH latest AS (
    SELECT upn, ip, max(generated) AS last_sign_in
    FROM signins${suffix}
    WHERE generated > $now - ${2n * HOUR} AND generated <= $now AND ingested <= $now + ${LATE} AND ${succeeded}
    GROUP BY upn, ip)
  SELECT CAST($run AS INTEGER) AS run, a.generated, a.upn, operation, result, category, targets, last_sign_in, ip
  FROM audits${suffix} a JOIN latest ON a.upn = latest.upn
  WHERE a.generated > $now - ${2n * HOUR} AND a.generated <= $now AND a.ingested <= $now + ${LATE}
    AND ${privileged}
    AND a.generated - last_sign_in BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`;
}

/**
 * All runs in one statement, in the ways that somebody would think of who knows DuckDB well; the fastest is what the figure
 * is against.
 *
 * @param first - ticks of run 0.
 * @param runs - how many there are.
 */
export function allRuns(codeOf: CodeOf, first: bigint, runs: number): Record<string, string> {
  const { succeeded, privileged } = filters(codeOf);
  // The first run whose window a row falls into; it falls into the next one too. Division rounds down, also below run 0.
  const runOf = (time: string) => `CAST((${time} - ${first} + ${1000n * HOUR - 1n}) // ${HOUR} - 999 AS INTEGER)`;
  const audited = `
    audited AS MATERIALIZED (
      SELECT run, generated, upn, operation, result, category, targets
      FROM (SELECT *, unnest([${runOf('generated')}, ${runOf('generated')} + 1]) AS run FROM audits a
            WHERE ${privileged})
      WHERE run >= 0 AND run < ${runs} AND ingested <= ${first} + run * ${HOUR} + ${LATE})`;
  const join = `
    SELECT ${RESULT_COLUMNS}
    FROM audited a JOIN latest USING (run, upn)
    WHERE a.generated - last_sign_in BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`;
  return {
    // Every sign-in once for each of its two runs, only those of users who did something in that run.
    'unnested runs': `
      WITH ${audited},
      keys AS (SELECT DISTINCT run, upn FROM audited),
      latest AS (
        SELECT run, upn, ip, max(generated) AS last_sign_in
        FROM (SELECT unnest([${runOf('generated')}, ${runOf('generated')} + 1]) AS run, upn, ip, generated, ingested
              FROM signins WHERE ${succeeded})
        JOIN keys USING (run, upn)
        WHERE ingested <= ${first} + run * ${HOUR} + ${LATE}
        GROUP BY run, upn, ip)
      ${join}`,
    // Two scans, one for each of a sign-in's runs.
    'two halves': `
      WITH ${audited},
      keys AS (SELECT DISTINCT run, upn FROM audited),
      latest AS (
        SELECT run, upn, ip, max(generated) AS last_sign_in
        FROM (SELECT run, upn, ip, generated, ingested
              FROM (SELECT ${runOf('generated')} AS run, upn, ip, generated, ingested FROM signins WHERE ${succeeded})
              SEMI JOIN keys USING (run, upn)
              UNION ALL
              SELECT run, upn, ip, generated, ingested
              FROM (SELECT ${runOf('generated')} + 1 AS run, upn, ip, generated, ingested FROM signins WHERE ${succeeded})
              SEMI JOIN keys USING (run, upn))
        WHERE ingested <= ${first} + run * ${HOUR} + ${LATE}
        GROUP BY run, upn, ip)
      ${join}`,
    // Sign-ins of an hour, user and address first brought down to the last one, once for each of the hour's two runs.
    'hour by hour': `
      WITH ${audited},
      hours AS MATERIALIZED (
        SELECT hour, upn, ip,
               max(generated) FILTER (ingested <= ${first} + hour * ${HOUR} + ${LATE}) AS last_now,
               max(generated) FILTER (ingested <= ${first} + (hour + 1) * ${HOUR} + ${LATE}) AS last_next
        FROM (SELECT ${runOf('generated')} AS hour, upn, ip, generated, ingested FROM signins
              WHERE ${succeeded} AND upn IN (SELECT upn FROM audited))
        GROUP BY hour, upn, ip),
      latest AS (
        SELECT run, upn, ip, max(last) AS last_sign_in
        FROM (SELECT hour AS run, upn, ip, last_now AS last FROM hours WHERE last_now IS NOT NULL
              UNION ALL
              SELECT hour + 1, upn, ip, last_next FROM hours WHERE last_next IS NOT NULL)
        GROUP BY run, upn, ip)
      ${join}`,
    // No keys: sign-ins against audit rows at once, by user and a range of times.
    'range join': `
      WITH ${audited}
      SELECT a.run, a.generated, a.upn, any_value(a.operation) AS operation, any_value(a.result) AS result,
             any_value(a.category) AS category, any_value(a.targets) AS targets, max(s.generated) AS last_sign_in, s.ip
      FROM (SELECT *, row_number() OVER () AS id FROM audited) a
      JOIN signins s ON s.upn = a.upn AND s.generated > ${first} + (a.run - 2) * ${HOUR}
        AND s.generated <= ${first} + a.run * ${HOUR}
      WHERE s.${succeeded} AND s.ingested <= ${first} + a.run * ${HOUR} + ${LATE}
      GROUP BY a.id, a.run, a.generated, a.upn, s.ip
      HAVING a.generated - max(s.generated) BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`,
  };
}

/** The same for ClickHouse, which has no parameters here and other words for some things. */
export function clickHouseRun(codeOf: CodeOf, now: bigint, run: number): string {
  const { succeeded, privileged } = filters(codeOf);
  const visible = `generated > ${now - 2n * HOUR} AND generated <= ${now} AND ingested <= ${now + LATE}`;
  return `
    SELECT toInt32(${run}) AS run, a.generated AS generated, a.upn AS upn, operation, result, category, targets, last_sign_in, ip
    FROM (SELECT * FROM audits AS a WHERE ${visible} AND ${privileged}) AS a
    JOIN (SELECT upn, ip, max(generated) AS last_sign_in FROM signins WHERE ${visible} AND ${succeeded} GROUP BY upn, ip) AS l
      ON a.upn = l.upn
    WHERE a.generated - last_sign_in BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`;
}

/** All runs in one statement for ClickHouse: every row once for each of its two runs. */
export function clickHouseAllRuns(codeOf: CodeOf, first: bigint, runs: number): string {
  const { succeeded, privileged } = filters(codeOf);
  const runOf = `toInt32(intDiv(generated - ${first} + ${1000n * HOUR - 1n}, ${HOUR}) - 999)`;
  const seen = `run >= 0 AND run < ${runs} AND ingested <= ${first} + run * ${HOUR} + ${LATE}`;
  const audited = `
    SELECT run, generated, upn, operation, result, category, targets
    FROM (SELECT *, arrayJoin([${runOf}, ${runOf} + 1]) AS run FROM audits AS a WHERE ${privileged}) WHERE ${seen}`;
  return `
    SELECT toInt32(a.run) AS run, a.generated AS generated, a.upn AS upn, operation, result, category, targets, last_sign_in, ip
    FROM (${audited}) AS a
    JOIN (SELECT run, upn, ip, max(generated) AS last_sign_in
          FROM (SELECT arrayJoin([${runOf}, ${runOf} + 1]) AS run, upn, ip, generated, ingested FROM signins
                WHERE ${succeeded} AND upn IN (SELECT upn FROM audits AS a WHERE ${privileged}))
          WHERE ${seen} AND (run, upn) IN (SELECT DISTINCT run, upn FROM (${audited}))
          GROUP BY run, upn, ip) AS l
      ON a.run = l.run AND a.upn = l.upn
    WHERE a.generated - last_sign_in BETWEEN 0 AND ${60n * TICKS_PER_MINUTE}`;
}
