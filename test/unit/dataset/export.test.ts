import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { ColumnInfo } from '../../../src/columns/batch.ts';
import { valueAt } from '../../../src/columns/column.ts';
import { stringifyDynamic } from '../../../src/columns/dynamic.ts';
import { exportDataset } from '../../../src/dataset/export.ts';
import type { Facts } from '../../../src/dataset/facts.ts';
import { importFiles } from '../../../src/dataset/import.ts';
import { type Dataset, openDataset } from '../../../src/dataset/read.ts';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { createDatasetFolder } from '../../../src/dataset/write.ts';
import { writePartition } from '../../../src/dataset/write-partition.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { type FactRow, factsOf } from '../../support/facts.ts';

const base = mkdtempSync(path.join(tmpdir(), 'tocsin-export-'));
let count = 0;
let folder: string;
let out: string;
beforeEach(() => {
  folder = path.join(base, `e${count++}`);
  mkdirSync(folder);
  out = path.join(folder, 'out');
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

async function datasetOf(
  partitions: readonly (readonly Facts[])[],
  incidents: readonly TruthIncident[] = [],
): Promise<Dataset> {
  const target = path.join(folder, 'dataset');
  const writing = await createDatasetFolder(target, { force: true });
  const files = partitions.flatMap((tables, partition) => writePartition(writing.path, partition, tables));
  await writing.commit({
    origin: { kind: 'import', files: [] },
    start: '2026-05-01T00:00:00.0000000Z',
    end: '2026-05-08T00:00:00.0000000Z',
    partitionCount: partitions.length,
    files,
    incidents,
  });
  return openDataset(target);
}

/** All rows of a table under its whole schema, dynamics as text. */
function rowsOf(dataset: Dataset, table: string): unknown[][] {
  const infos: ColumnInfo[] = [
    ...tableColumns(table)!.filter(({ name }) => name !== 'Type'),
    { name: INGESTION_TIME, type: 'datetime' },
  ];
  const batch = dataset.all().scan(table, infos, undefined);
  return Array.from({ length: batch.rowCount }, (_, row) =>
    infos.map(({ type }, index) => {
      const value = valueAt(batch.column(index), row);
      return type === 'dynamic' && value !== null ? stringifyDynamic(value) : value;
    }),
  );
}

function timeAt(seconds: number): string {
  return new Date(Date.UTC(2026, 4, 1) + seconds * 1000).toISOString();
}

const ROWS: FactRow[] = [
  {
    TimeGenerated: '2026-05-02T23:59:59.9999999Z',
    UserPrincipalName: 'b@x',
    UserId: '"quoted"\n',
    DurationMs: 5,
    IsInteractive: false,
  },
  {
    TimeGenerated: '2026-05-01T00:00:00.0000001Z',
    [INGESTION_TIME]: '2026-05-01T00:05:00Z',
    UserPrincipalName: 'a@x',
    LocationDetails: { city: 'Köln', n: [1, 2.5] },
    _BilledSize: 0.5,
    IsRisky: true,
  },
  { UserPrincipalName: 'timeless@x' },
];

describe('NDJSON', () => {
  it('has one object a line: what is not null, in order of TimeGenerated over all partitions', async () => {
    const dataset = await datasetOf([
      [factsOf('SigninLogs', ROWS)],
      [
        factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01T12:00:00Z', UserPrincipalName: 'c@x' }]),
        factsOf('AuditLogs', [{ TimeGenerated: '2026-05-01', InitiatedBy: { app: {} } }]),
      ],
    ]);
    const files = await exportDataset(dataset, { out, format: 'ndjson' });
    expect(files.map(({ table, file, rows }) => [table, path.basename(file), rows])).toEqual([
      ['AuditLogs', 'AuditLogs.ndjson', 1],
      ['SigninLogs', 'SigninLogs.ndjson', 4],
    ]);
    expect(readdirSync(out).sort()).toEqual(['AuditLogs.ndjson', 'SigninLogs.ndjson', 'truth.ndjson']);
    const text = readFileSync(path.join(out, 'SigninLogs.ndjson'), 'utf8');
    expect(text.endsWith('}\n')).toBe(true);
    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { Type: 'SigninLogs', UserPrincipalName: 'timeless@x' },
      {
        Type: 'SigninLogs',
        TimeGenerated: '2026-05-01T00:00:00.0000001Z',
        _IngestionTime: '2026-05-01T00:05:00.0000000Z',
        UserPrincipalName: 'a@x',
        LocationDetails: { city: 'Köln', n: [1, 2.5] },
        _BilledSize: 0.5,
        IsRisky: true,
      },
      {
        Type: 'SigninLogs',
        TimeGenerated: '2026-05-01T12:00:00.0000000Z',
        _IngestionTime: '2026-05-01T12:00:00.0000000Z',
        UserPrincipalName: 'c@x',
      },
      {
        Type: 'SigninLogs',
        TimeGenerated: '2026-05-02T23:59:59.9999999Z',
        _IngestionTime: '2026-05-02T23:59:59.9999999Z',
        UserPrincipalName: 'b@x',
        UserId: '"quoted"\n',
        DurationMs: 5,
        IsInteractive: false,
      },
    ]);
  });

  it('is the same by any number of threads, and when unzipped', async () => {
    const rows = (from: number): FactRow[] =>
      Array.from({ length: 52_000 }, (_, index) => ({
        TimeGenerated: timeAt(((index * 7919) % 52_000) * 2 + from),
        UserPrincipalName: `u${index % 300}@x`,
        DurationMs: index,
        LocationDetails: { city: `Köln ${index % 40}` },
      }));
    const dataset = await datasetOf([
      [factsOf('SigninLogs', rows(0))],
      [factsOf('SigninLogs', rows(1)), factsOf('AuditLogs', [{ TimeGenerated: '2026-05-01', Category: 'A' }])],
    ]);
    const exported = async (format: 'ndjson' | 'ndjson.gz', threads: number): Promise<Buffer[]> => {
      const files = await exportDataset(dataset, { out, format, threads, force: true });
      expect(files.map(({ rows: count }) => count)).toEqual([1, 104_000]);
      return files.map(({ file }) => readFileSync(file));
    };
    const areSame = (some: Buffer[], others: Buffer[]): boolean =>
      some.every((bytes, index) => bytes.equals(others[index]!));
    const plain = await exported('ndjson', 0);
    expect(plain[1]!.toString().split('\n').length).toBe(104_001);
    expect(areSame(await exported('ndjson', 2), plain)).toBe(true);
    const zipped = await exported('ndjson.gz', 0);
    expect(
      areSame(
        zipped.map((bytes) => gunzipSync(bytes)),
        plain,
      ),
    ).toBe(true);
    expect(areSame(await exported('ndjson.gz', 3), zipped)).toBe(true);
    const again = await importFiles([path.join(out, 'SigninLogs.ndjson.gz')], { out: path.join(folder, 'again') });
    expect([again.rows, again.badRecords]).toEqual([104_000, 0]);
  });

  it('comes back as the same rows: facts, dataset, export, import', async () => {
    const text = fc.oneof(
      fc.constantFrom('', 'a', 'b@x', '"\\\n\u2028', 'grüße 👋', '{"a":1}', 'null', '5'),
      fc.string(),
    );
    const time = fc
      .date({ min: new Date('1993-01-01'), max: new Date('2046-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
    const row = fc.record(
      {
        TimeGenerated: fc.oneof(time, fc.constantFrom('2026-05-01T00:00:00Z', '2026-05-01T00:00:00.0000001Z')),
        [INGESTION_TIME]: time,
        CreatedDateTime: time,
        UserPrincipalName: text,
        AppId: text,
        ResultType: text,
        LocationDetails: fc.dictionary(
          fc.constantFrom('a', 'b', '10', '9'),
          fc.oneof(text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
        ),
        DurationMs: fc.maxSafeInteger(),
        _BilledSize: fc.double({ noNaN: true }),
        IsInteractive: fc.boolean(),
      },
      { requiredKeys: ['TimeGenerated', INGESTION_TIME] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 3 }),
        async (rows, partitionCount) => {
          const dataset = await datasetOf([[factsOf('SigninLogs', rows)]]);
          await exportDataset(dataset, { out, format: 'ndjson', force: true });
          const back = path.join(folder, 'back');
          await importFiles([path.join(out, 'SigninLogs.ndjson')], {
            out: back,
            force: true,
            partitionCount,
            strict: true,
          });
          expect(rowsOf(await openDataset(back), 'SigninLogs')).toEqual(rowsOf(dataset, 'SigninLogs'));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('writes derived ids, times beyond the narrow range, and every column that one code decides', async () => {
    const facts: Facts = {
      table: 'AuditLogs',
      rowCount: 6,
      fields: {
        time: Float64Array.of(0, 1, 2, 3, 4, 5),
        account: Uint8Array.of(0, 0, 0, 1, 1, 1),
        counter: Uint32Array.of(0, 1, 2, 0, 1, 2),
      },
      dimensions: {
        account: {
          size: 2,
          attributes: {
            ordinal: Float64Array.of(7, 9),
            name: ['x', 'y'],
            activity: ['0001-01-01T00:00:00.0000000Z', ''],
            by: ['{"a": 1}', ''],
          },
        },
      },
      columns: [
        { name: 'TimeGenerated', type: 'datetime', source: { from: 'field', field: 'time' } },
        { name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'time' } },
        {
          name: 'Identity',
          type: 'string',
          source: { from: 'dimension', field: 'account', dimension: 'account', attribute: 'name' },
        },
        {
          name: 'ActivityDateTime',
          type: 'datetime',
          source: { from: 'dimension', field: 'account', dimension: 'account', attribute: 'activity' },
        },
        {
          name: 'InitiatedBy',
          type: 'dynamic',
          source: { from: 'dimension', field: 'account', dimension: 'account', attribute: 'by' },
        },
        { name: 'DurationMs', type: 'long', source: { from: 'constant', value: 0 } },
        {
          name: 'Id',
          type: 'string',
          source: {
            from: 'id',
            form: 'directory',
            salt: 'd',
            dimension: 'account',
            account: 'account',
            counter: 'counter',
            correlation: 'counter',
            correlationSalt: 'c',
          },
        },
        {
          name: 'CorrelationId',
          type: 'string',
          source: { from: 'id', form: 'guid', salt: 'c', dimension: 'account', account: 'account', counter: 'counter' },
        },
      ],
      labels: [],
    };
    const dataset = await datasetOf([[facts]]);
    await exportDataset(dataset, { out, format: 'ndjson' });
    const lines = readFileSync(path.join(out, 'AuditLogs.ndjson'), 'utf8').trimEnd().split('\n');
    expect(JSON.parse(lines[0]!)).toMatchObject({
      DurationMs: 0,
      Identity: 'x',
      ActivityDateTime: '0001-01-01T00:00:00.0000000Z',
      InitiatedBy: { a: 1 },
    });
    const back = path.join(folder, 'back');
    await importFiles([path.join(out, 'AuditLogs.ndjson')], { out: back, strict: true });
    expect(rowsOf(await openDataset(back), 'AuditLogs')).toEqual(rowsOf(dataset, 'AuditLogs'));
  });

  it('brings the truth along, so that a re-import is labelled', async () => {
    const at = '2026-05-01T00:00:00.0000000Z';
    const incident: TruthIncident = {
      id: 'i',
      kind: 'attack',
      scenario: 's',
      variant: 'v',
      title: 't',
      techniques: ['T1078'],
      start: at,
      end: at,
      events: [
        {
          id: 'e1',
          table: 'SigninLogs',
          at,
          generated: at,
          ingested: at,
          account: 'a@x',
          operation: 'Portal',
          role: 'malicious',
        },
      ],
    };
    const rows: FactRow[] = [
      { TimeGenerated: at, UserPrincipalName: 'a@x', AppDisplayName: 'Portal', $event: 'e1' },
      { TimeGenerated: at, UserPrincipalName: 'b@x', AppDisplayName: 'Portal' },
    ];
    await exportDataset(await datasetOf([[factsOf('SigninLogs', rows)]], [incident]), { out, format: 'ndjson' });
    const report = await importFiles([path.join(out, 'SigninLogs.ndjson')], {
      out: path.join(folder, 'back'),
      truth: path.join(out, 'truth.ndjson'),
    });
    expect(report).toMatchObject({
      truthEvents: { total: 1, labelled: 1 },
      manifest: { incidents: { attacks: 1, lookalikes: 0 } },
    });
  });
});

describe('Parquet', () => {
  it('has the types of the schema and the same values', async () => {
    const dataset = await datasetOf([[factsOf('SigninLogs', ROWS)]]);
    await exportDataset(dataset, { out, format: 'parquet' });
    expect(readdirSync(out).sort()).toEqual(['SigninLogs.parquet', 'truth.ndjson']);
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const reader = await connection.runAndReadAll(
      `SELECT UserPrincipalName, CAST(TimeGenerated AS VARCHAR) AS t, typeof(TimeGenerated) AS tt, typeof(IsRisky) AS bt, typeof(DurationMs) AS lt, typeof(_BilledSize) AS rt, LocationDetails->>'city' AS city, DurationMs, IsRisky, UserId
       FROM '${path.join(out, 'SigninLogs.parquet')}'`,
    );
    expect(reader.getRows()).toEqual([
      ['timeless@x', null, 'TIMESTAMP_NS', 'BOOLEAN', 'BIGINT', 'DOUBLE', null, null, null, ''],
      ['a@x', '2026-05-01 00:00:00.0000001', 'TIMESTAMP_NS', 'BOOLEAN', 'BIGINT', 'DOUBLE', 'Köln', null, true, ''],
      [
        'b@x',
        '2026-05-02 23:59:59.9999999',
        'TIMESTAMP_NS',
        'BOOLEAN',
        'BIGINT',
        'DOUBLE',
        null,
        5n,
        null,
        '"quoted"\n',
      ],
    ]);
  });
});

describe('Parquet that is imported again', () => {
  it('gives the same rows, to 100 ns and to the infinities', async () => {
    const rows = [...ROWS, { ...ROWS[1]!, _BilledSize: Number.NEGATIVE_INFINITY }, { ...ROWS[1]!, _BilledSize: 0.1 }];
    const dataset = await datasetOf([[factsOf('SigninLogs', rows)]]);
    await exportDataset(dataset, { out, format: 'parquet' });
    const back = path.join(folder, 'back');
    await importFiles([path.join(out, 'SigninLogs.parquet')], { out: back, table: 'SigninLogs', strict: true });
    expect(rowsOf(await openDataset(back), 'SigninLogs')).toEqual(rowsOf(dataset, 'SigninLogs'));
  });
});

describe('where an export cannot be written', () => {
  it('an existing file is kept, unless forced, and others are left alone', async () => {
    const dataset = await datasetOf([[factsOf('SigninLogs', ROWS)]]);
    mkdirSync(out);
    writeFileSync(path.join(out, 'SigninLogs.ndjson'), 'mine');
    writeFileSync(path.join(out, 'other.txt'), 'mine');
    await expect(exportDataset(dataset, { out, format: 'ndjson' })).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringMatching(/SigninLogs.ndjson: the file exists[^]*--force/),
    });
    expect(readFileSync(path.join(out, 'SigninLogs.ndjson'), 'utf8')).toBe('mine');
    await exportDataset(dataset, { out, format: 'ndjson', force: true });
    expect(readdirSync(out).sort()).toEqual(['SigninLogs.ndjson', 'other.txt', 'truth.ndjson']);
  });

  it('a file in the place of the folder, and a damaged dataset, leave nothing behind', async () => {
    const dataset = await datasetOf([[factsOf('SigninLogs', ROWS)]]);
    writeFileSync(out, '');
    await expect(exportDataset(dataset, { out, format: 'ndjson' })).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringContaining('is a file'),
    });
    rmSync(out);
    rmSync(path.join(folder, 'dataset/tables/SigninLogs/00000.arrow'));
    await expect(exportDataset(dataset, { out, format: 'ndjson' })).rejects.toMatchObject({ code: 'INPUT' });
    expect(readdirSync(folder)).toEqual(['dataset']);
  });
});
