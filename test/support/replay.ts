/** Rows made by hand, in memory or on disk, replayed through the whole path: partitions, cut, schedule, alerts. */
import { formatDatetime, parseIsoDatetime } from '../../src/base/time.ts';
import { Batch, type ColumnInfo } from '../../src/columns/batch.ts';
import { columnFromValues } from '../../src/columns/column.ts';
import { parseDynamic } from '../../src/columns/dynamic.ts';
import type { Value } from '../../src/columns/value.ts';
import { partitionOf } from '../../src/schema/account.ts';
import { createDatasetFolder } from '../../src/dataset/write.ts';
import { writePartition } from '../../src/dataset/write-partition.ts';
import { MemoryTables } from '../../src/engine/tables.ts';
import type { Replayable } from '../../src/replay/replay.ts';
import { factsOf } from './facts.ts';
import { INGESTION_TIME, tableColumns } from '../../src/schema/tables.ts';

/** The day that tests play on. */
export const DAY = '2026-01-05';

/** `08:30`, `08:30:15.1234567`, or a whole ISO time; ticks. */
export function at(text: string): bigint {
  const iso = text.includes('T') ? text : `${DAY}T${text.length === 5 ? `${text}:00` : text}Z`;
  const ticks = parseIsoDatetime(iso);
  if (ticks === undefined) throw new Error(`no time: ${text}`);
  return ticks;
}

export type TestRow = {
  /** TimeGenerated. */
  readonly at: bigint;
  /** When it was ingested; by default when it was generated. */
  readonly ingested?: bigint;
  /** The labelled event that the row is. */
  readonly event?: string;
} & Readonly<Record<string, unknown>>;

export function signIn(time: bigint, upn: string, ip: string, more: Partial<TestRow> = {}): TestRow {
  return { at: time, UserPrincipalName: upn, IPAddress: ip, ResultType: '0', ...more };
}

export function audit(time: bigint, upn: string, more: Partial<TestRow> = {}): TestRow {
  return {
    at: time,
    InitiatedBy: { user: { userPrincipalName: upn } },
    Category: 'RoleManagement',
    OperationName: 'Add member to role',
    Result: 'success',
    ...more,
  };
}

export interface TestTables {
  readonly AADNonInteractiveUserSignInLogs?: readonly TestRow[];
  readonly AuditLogs?: readonly TestRow[];
  readonly SigninLogs?: readonly TestRow[];
}

function accountOf(row: TestRow): string {
  const initiator = row['InitiatedBy'] as { user?: { userPrincipalName?: string } } | undefined;
  return (row['UserPrincipalName'] as string | undefined) ?? initiator?.user?.userPrincipalName ?? '';
}

/** A dataset in memory over [start, end), rows partitioned by account. */
export function memoryDataset(
  tables: TestTables,
  { partitionCount = 1, start = at('00:00'), end = at('2026-01-06T00:00:00Z') } = {},
): Replayable {
  const sources = Array.from({ length: partitionCount }, (_, partition) => {
    const batches = Object.entries(tables).map(([table, rows]) => {
      const own = (rows as readonly TestRow[]).filter(
        (row) => partitionOf(accountOf(row), partitionCount) === partition,
      );
      return [table, batchOf(table, own)] as const;
    });
    return new MemoryTables(Object.fromEntries(batches));
  });
  return {
    manifest: {
      start: formatDatetime(start),
      end: formatDatetime(end),
      partitionCount,
      origin: { kind: 'import', files: ['test'] },
      tables: Object.entries(tables).map(([table, rows]) => ({ table, rowCount: (rows as readonly TestRow[]).length })),
    },
    partition: (index) => sources[index]!,
  };
}

function batchOf(table: string, rows: readonly TestRow[]): Batch {
  const sorted = rows.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const schema: ColumnInfo[] = [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' }];
  const columns = schema.map(({ name, type }) => {
    const values = sorted.map((row): Value => {
      if (name === 'TimeGenerated') return row.at;
      if (name === INGESTION_TIME) return row.ingested ?? row.at;
      const given = row[name];
      if (given === undefined) return type === 'string' ? '' : null;
      return type === 'dynamic' ? parseDynamic(JSON.stringify(given)) : (given as Value);
    });
    return columnFromValues(type, values);
  });
  const sets: string[][] = [[]];
  const codes = Uint32Array.from(sorted, (row) => (row.event === undefined ? 0 : sets.push([row.event]) - 1));
  return new Batch(schema, sorted.length, columns, { codes, sets });
}

/** The same rows as a dataset on disk at `path`. */
export async function writeDataset(path: string, tables: TestTables, { partitionCount = 1 } = {}): Promise<void> {
  const folder = await createDatasetFolder(path);
  const files = Array.from({ length: partitionCount }, (_, partition) => {
    const facts = Object.entries(tables).flatMap(([table, rows]) => {
      const own = (rows as readonly TestRow[]).filter(
        (row) => partitionOf(accountOf(row), partitionCount) === partition,
      );
      if (own.length === 0) return [];
      const written = own.map(({ at: generated, ingested, event, ...columns }) => ({
        ...columns,
        ...(generated !== undefined && {
          TimeGenerated: formatDatetime(generated),
          [INGESTION_TIME]: formatDatetime(ingested ?? generated),
        }),
        $event: event,
      }));
      return [factsOf(table, written)];
    });
    return writePartition(folder.path, partition, facts);
  });
  await folder.commit({
    origin: { kind: 'import', files: ['test'] },
    start: formatDatetime(at('00:00')),
    end: formatDatetime(at('2026-01-06T00:00:00Z')),
    partitionCount,
    files: files.flat(),
    incidents: [],
  });
}
