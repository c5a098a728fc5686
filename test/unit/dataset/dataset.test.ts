import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { COLUMN_EPOCH_TICKS, columnTicksFromMs, parseIsoDatetime } from '../../../src/base/time.ts';
import type { Batch, ColumnInfo } from '../../../src/columns/batch.ts';
import { valueAt } from '../../../src/columns/column.ts';
import type { ScalarType, Value } from '../../../src/columns/value.ts';
import { type Facts, TIME_MARK } from '../../../src/dataset/facts.ts';
import { encodeFacts } from '../../../src/dataset/facts-encode.ts';
import { PiecedTextsBuilder } from '../../../src/dataset/pieced-texts.ts';
import { type Dataset, openDataset } from '../../../src/dataset/read.ts';
import { sourceOfFacts } from '../../../src/dataset/rows.ts';
import { argsortTimes } from '../../../src/dataset/sort.ts';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { createDatasetFolder } from '../../../src/dataset/write.ts';
import { writePartition } from '../../../src/dataset/write-partition.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { type FactRow, factsOf } from '../../support/facts.ts';

const base = mkdtempSync(path.join(tmpdir(), 'tocsin-dataset-'));
let count = 0;
let target: string;
beforeEach(() => {
  target = path.join(base, `d${count++}`);
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const CONTENTS = {
  origin: { kind: 'import', files: ['test'] },
  start: '2026-05-01T00:00:00.0000000Z',
  end: '2026-05-08T00:00:00.0000000Z',
} as const;

async function write(
  partitions: readonly (readonly Facts[])[],
  incidents: readonly TruthIncident[] = [],
): Promise<Dataset> {
  const folder = await createDatasetFolder(target);
  const files = partitions.flatMap((tables, partition) => writePartition(folder.path, partition, tables));
  await folder.commit({ ...CONTENTS, partitionCount: partitions.length, files, incidents });
  return openDataset(target);
}

function info(table: string, ...names: string[]): ColumnInfo[] {
  return names.map((name) =>
    name === INGESTION_TIME ? { name, type: 'datetime' } : tableColumns(table)!.find((column) => column.name === name)!,
  );
}

function rowsOf(batch: Batch): Value[][] {
  const columns = batch.columns();
  return Array.from({ length: batch.rowCount }, (_, row) => columns.map((column) => valueAt(column, row)));
}

const ticks = (iso: string): bigint => parseIsoDatetime(iso)!;

function incident(id: string, start: string, kind: TruthIncident['kind'] = 'attack'): TruthIncident {
  return { id, kind, scenario: 's', variant: 'v', title: 't', techniques: [], start, end: start, events: [] };
}

describe('a dataset', () => {
  it('gives back rows in order of TimeGenerated, first those without one, ties as they came', async () => {
    const dataset = await write([
      [
        factsOf('SigninLogs', [
          { TimeGenerated: '2026-05-02T00:00:00Z', UserPrincipalName: 'c' },
          { TimeGenerated: '2026-05-01T00:00:00.0000001Z', UserPrincipalName: 'b' },
          { UserPrincipalName: 'none' },
          { TimeGenerated: '2026-05-02T00:00:00Z', UserPrincipalName: 'a' },
          { TimeGenerated: '2026-05-01T00:00:00Z', UserPrincipalName: 'd' },
        ]),
      ],
    ]);
    const rows = rowsOf(
      dataset.partition(0).scan('SigninLogs', info('SigninLogs', 'TimeGenerated', 'UserPrincipalName'), undefined),
    );
    expect(rows).toEqual([
      [null, 'none'],
      [ticks('2026-05-01'), 'd'],
      [ticks('2026-05-01T00:00:00.0000001Z'), 'b'],
      [ticks('2026-05-02'), 'c'],
      [ticks('2026-05-02'), 'a'],
    ]);
    expect(dataset.manifest.tables[0]!.files[0]).toMatchObject({
      partition: 0,
      file: 'tables/SigninLogs/00000.arrow',
      rowCount: 5,
      firstGenerated: '2026-05-01T00:00:00.0000000Z',
      lastGenerated: '2026-05-02T00:00:00.0000000Z',
    });
  });

  it('keeps every scalar type, nulls included, from fields, dimensions and constants', async () => {
    const cases: { type: ScalarType; texts: string[]; values: Value[] }[] = [
      { type: 'bool', texts: ['true', 'false', ''], values: [true, false, null] },
      { type: 'int', texts: ['-5', '0', ''], values: [-5n, 0n, null] },
      { type: 'long', texts: ['9223372036854775807', '-1', ''], values: [9223372036854775807n, -1n, null] },
      { type: 'real', texts: ['0.1', '-1e300', ''], values: [0.1, -1e300, null] },
      {
        type: 'decimal',
        texts: ['0.10000000000000000000000001', '', '1'],
        values: ['0.10000000000000000000000001', null, '1'],
      },
      {
        type: 'datetime',
        texts: ['0001-01-01T00:00:00.0000000Z', '2026-05-29T10:11:12.1234567Z', ''],
        values: [0n, ticks('2026-05-29T10:11:12.1234567Z'), null],
      },
      { type: 'timespan', texts: ['-36000000000', '1', ''], values: [-36_000_000_000n, 1n, null] },
      { type: 'string', texts: ['grüße 👋', '', 'a'], values: ['grüße 👋', '', 'a'] },
      {
        type: 'guid',
        texts: ['74be27de-1e4e-49d9-b579-fe0b331d3642', '', '74be27de-1e4e-49d9-b579-fe0b331d3642'],
        values: ['74be27de-1e4e-49d9-b579-fe0b331d3642', null, '74be27de-1e4e-49d9-b579-fe0b331d3642'],
      },
      {
        type: 'dynamic',
        texts: ['{"b":1,"a":[1.0]}', '', '"x"'],
        values: [
          new Map<string, Value>([
            ['b', 1n],
            ['a', [1]],
          ]),
          null,
          'x',
        ],
      },
    ];
    const day = columnTicksFromMs(Date.UTC(2026, 4, 1));
    const facts: Facts = {
      table: 'SigninLogs',
      rowCount: 3,
      fields: {
        time: Float64Array.of(day, day + 1, day + 2),
        code: Uint32Array.of(0, 1, 2),
        bool: Uint8Array.of(1, 0, 2),
        number: Float64Array.of(1.5, Number.NaN, -2),
      },
      dimensions: {
        all: { size: 3, attributes: Object.fromEntries(cases.map(({ type, texts }) => [type, texts])) },
        numbers: { size: 3, attributes: { n: Float64Array.of(7, Number.NaN, 1) } },
      },
      columns: [
        { name: 'TimeGenerated', type: 'datetime', source: { from: 'field', field: 'time' } },
        { name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'time' } },
        { name: 'fieldBool', type: 'bool', source: { from: 'field', field: 'bool' } },
        { name: 'fieldReal', type: 'real', source: { from: 'field', field: 'number' } },
        ...cases.map(({ type }) => ({
          name: type,
          type,
          source: { from: 'dimension', field: 'code', dimension: 'all', attribute: type } as const,
        })),
        ...cases.map(({ type, texts }) => ({
          name: `constant ${type}`,
          type,
          source: { from: 'constant', value: texts[0]! } as const,
        })),
        { name: 'constant number', type: 'long', source: { from: 'constant', value: 12 } },
        { name: 'constant true', type: 'bool', source: { from: 'constant', value: true } },
      ],
      labels: [],
    };
    const columns: [string, ScalarType, Value[]][] = [
      ['fieldBool', 'bool', [true, false, null]],
      ['fieldReal', 'real', [1.5, null, -2]],
      ...cases.map(({ type, values }): [string, ScalarType, Value[]] => [type, type, values]),
      ...cases.map(({ type, values }): [string, ScalarType, Value[]] => [
        `constant ${type}`,
        type,
        [values[0]!, values[0]!, values[0]!],
      ]),
      ['constant number', 'long', [12n, 12n, 12n]],
      ['constant true', 'bool', [true, true, true]],
      ['unlisted text', 'string', ['', '', '']],
      ['unlisted number', 'long', [null, null, null]],
    ];
    const dataset = await write([[facts], [facts]]);
    const schema = columns.map(([name, type]) => ({ name, type }));
    const expected = [0, 1, 2].map((row) => columns.map(([, , values]) => values[row]!));
    expect(rowsOf(dataset.partition(0).scan('SigninLogs', schema, undefined))).toEqual(expected);
    const merged = rowsOf(dataset.all().scan('SigninLogs', schema, undefined));
    expect(merged).toEqual([0, 0, 1, 1, 2, 2].map((row) => expected[row]!));
  });

  it('lets a window through: after its start, until its end, ingested by then', async () => {
    const rows: FactRow[] = [
      { TimeGenerated: '2026-05-01T10:00:00Z', Id: 'at the start' },
      { TimeGenerated: '2026-05-01T10:00:00.0000001Z', Id: 'first' },
      { TimeGenerated: '2026-05-01T10:30:00Z', [INGESTION_TIME]: '2026-05-01T11:05:00Z', Id: 'just ingested' },
      { TimeGenerated: '2026-05-01T10:31:00Z', [INGESTION_TIME]: '2026-05-01T11:05:00.0000001Z', Id: 'too late' },
      { TimeGenerated: '2026-05-01T11:00:00Z', Id: 'last' },
      { TimeGenerated: '2026-05-01T11:00:00.0000001Z', Id: 'after' },
      { Id: 'timeless' },
    ];
    const dataset = await write([[factsOf('AuditLogs', rows)]]);
    const window = {
      after: ticks('2026-05-01T10:00:00Z'),
      until: ticks('2026-05-01T11:00:00Z'),
      ingestedBy: ticks('2026-05-01T11:05:00Z'),
    };
    for (const source of [dataset.partition(0), dataset.all()]) {
      expect(rowsOf(source.scan('AuditLogs', info('AuditLogs', 'Id'), window)).flat()).toEqual([
        'first',
        'just ingested',
        'last',
      ]);
      expect(source.scan('AuditLogs', info('AuditLogs', 'Id'), { after: 0n, until: 1n, ingestedBy: 2n }).rowCount).toBe(
        0,
      );
    }
  });

  it('windows as a filter over all rows would, whatever the times', async () => {
    const hour = 36_000_000_000;
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ at: fc.option(fc.integer({ min: 0, max: 40 })), delay: fc.integer({ min: 0, max: 12 }) }),
          { maxLength: 40 },
        ),
        fc.integer({ min: -5, max: 45 }),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: -10, max: 10 }),
        async (rows, after, length, lead) => {
          target = path.join(base, `w${count++}`);
          const times = Float64Array.from(rows, ({ at }) => (at === null ? Number.NaN : at * hour));
          const ingested = Float64Array.from(rows, ({ at, delay }) => (at === null ? Number.NaN : (at + delay) * hour));
          const facts: Facts = {
            table: 'AuditLogs',
            rowCount: rows.length,
            fields: { times, ingested, n: Float64Array.from(rows, (_, row) => row) },
            dimensions: {},
            columns: [
              { name: 'TimeGenerated', type: 'datetime', source: { from: 'field', field: 'times' } },
              { name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'ingested' } },
              { name: 'DurationMs', type: 'long', source: { from: 'field', field: 'n' } },
            ],
            labels: [],
          };
          const dataset = await write([[facts]]);
          const toTicks = (n: number): bigint => COLUMN_EPOCH_TICKS + BigInt(n) * BigInt(hour);
          const until = after + length;
          const batch = dataset.partition(0).scan('AuditLogs', info('AuditLogs', 'DurationMs'), {
            after: toTicks(after),
            until: toTicks(until),
            ingestedBy: toTicks(until + lead),
          });
          const expected = rows
            .map((row, n) => ({ ...row, n }))
            .filter(({ at, delay }) => at !== null && at > after && at <= until && at + delay <= until + lead)
            .sort((a, b) => a.at! - b.at! || a.n - b.n)
            .map(({ n }) => [BigInt(n)]);
          expect(rowsOf(batch)).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('shares one dictionary between the scans of a partition and decodes an entry once', async () => {
    const dataset = await write([
      [factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01', UserPrincipalName: 'a', DeviceDetail: { a: 1 } }])],
    ]);
    const source = dataset.partition(0);
    const columns = info('SigninLogs', 'UserPrincipalName', 'DeviceDetail');
    const [first, second] = [
      source.scan('SigninLogs', columns, undefined),
      source.scan('SigninLogs', columns, undefined),
    ];
    expect(first.column(0)).toBe(second.column(0));
    expect(valueAt(first.column(1), 0)).toBe(valueAt(second.column(1), 0));
  });

  it('has no rows for a table that is absent', async () => {
    const dataset = await write([[factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01' }])], []]);
    for (const source of [dataset.all(), dataset.partition(0), dataset.partition(1)]) {
      const batch = source.scan('AuditLogs', info('AuditLogs', 'Id', 'InitiatedBy', 'TimeGenerated'), undefined);
      expect([batch.rowCount, batch.columns().length]).toEqual([0, 3]);
    }
    expect(dataset.partition(1).scan('SigninLogs', info('SigninLogs', 'Id'), undefined).rowCount).toBe(0);
  });

  it('carries labels to the rows they name, through sorting and merging', async () => {
    const rows: FactRow[] = [
      { TimeGenerated: '2026-05-02', Id: 'x', $event: 'e2' },
      { TimeGenerated: '2026-05-01', Id: 'y' },
      { TimeGenerated: '2026-05-01T01:00:00Z', Id: 'z', $event: 'e1' },
    ];
    const facts = factsOf('AuditLogs', rows);
    const twice: Facts = { ...facts, labels: [...facts.labels, { row: 0, event: 'e0' }] };
    const dataset = await write([
      [twice],
      [factsOf('AuditLogs', [{ TimeGenerated: '2026-05-01T00:30:00Z', Id: 'w', $event: 'e3' }])],
    ]);
    const eventsOf = (batch: Batch): [Value, readonly string[]][] =>
      Array.from({ length: batch.rowCount }, (_, row) => [
        valueAt(batch.column(0), row),
        batch.lineage!.sets[batch.lineage!.codes[row]!]!,
      ]);
    expect(eventsOf(dataset.partition(0).scan('AuditLogs', info('AuditLogs', 'Id'), undefined))).toEqual([
      ['y', []],
      ['z', ['e1']],
      ['x', ['e0', 'e2']],
    ]);
    expect(eventsOf(dataset.all().scan('AuditLogs', info('AuditLogs', 'Id'), undefined))).toEqual([
      ['y', []],
      ['w', ['e3']],
      ['z', ['e1']],
      ['x', ['e0', 'e2']],
    ]);
    const plain = await openDataset(target);
    expect(plain.partition(0).scan('SigninLogs', [], undefined).lineage).toBeUndefined();
  });

  it('is the same bytes for the same facts, in whatever order their fields were named', async () => {
    const facts = factsOf('AuditLogs', [
      { TimeGenerated: '2026-05-02', Id: 'x', Category: 'c' },
      { TimeGenerated: '2026-05-01', Id: 'y' },
    ]);
    const shuffled: Facts = { ...facts, fields: Object.fromEntries(Object.entries(facts.fields).reverse()) };
    expect(bytesOf(facts).equals(bytesOf(facts))).toBe(true);
    expect(bytesOf(facts).equals(bytesOf(shuffled))).toBe(true);
  });

  it('is an Arrow file that any reader resolves', async () => {
    const { tableFromIPC } = await import('apache-arrow');
    const facts = factsOf('AuditLogs', [
      { TimeGenerated: '2026-05-02', Id: 'x' },
      { TimeGenerated: '2026-05-01', Id: 'y' },
    ]);
    const table = tableFromIPC(bytesOf(facts));
    expect(table.numRows).toBe(2);
    expect(table.toArray().map((row) => (row as Record<string, { value: string }>)['Id']!.value)).toEqual(['y', 'x']);
  });

  it('keeps the truth, sorted by start, then id', async () => {
    const dataset = await write(
      [[]],
      [incident('b', '2026-05-02'), incident('c', '2026-05-01', 'lookalike'), incident('a', '2026-05-02')],
    );
    expect((await dataset.truth()).map(({ id }) => id)).toEqual(['c', 'a', 'b']);
    expect(dataset.manifest.incidents).toEqual({ attacks: 2, lookalikes: 1 });
  });
});

/** Rows whose texts are put together when they are read: from pieces, and with the time of the row. */
function composedFacts(): Facts {
  const details = new PiecedTextsBuilder();
  const [open, close, long] = ['{"browser":"', '"}', `Mozilla é ${'x'.repeat(5000)}`].map((text) =>
    details.piece(text),
  );
  for (const browser of [details.piece('Edge'), long!, undefined]) {
    for (const piece of browser === undefined ? [] : [open!, browser, close!]) details.add(piece);
    details.end();
  }
  const step = (name: string): string => `{"step":"${name}","at":"${TIME_MARK}+00:00"}`;
  return {
    table: 'SigninLogs',
    rowCount: 4,
    fields: {
      time: Float64Array.of(30, 10, 20, 864e9),
      client: Uint8Array.of(0, 1, 2, 0),
      step: Uint8Array.of(0, 1, 0, 2),
    },
    dimensions: {
      client: { size: 3, attributes: { detail: details.seal() } },
      step: { size: 3, attributes: { steps: [`[${step('a')}]`, `[${step('a')},${step('b')}]`, '[]'] } },
    },
    columns: [
      { name: 'TimeGenerated', type: 'datetime', source: { from: 'field', field: 'time' } },
      { name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'time' } },
      {
        name: 'DeviceDetail',
        type: 'dynamic',
        source: { from: 'dimension', field: 'client', dimension: 'client', attribute: 'detail' },
      },
      {
        name: 'AuthenticationDetails',
        type: 'string',
        source: { from: 'timed', field: 'step', dimension: 'step', attribute: 'steps', time: 'time' },
      },
    ],
    labels: [],
  };
}

describe('composed texts', () => {
  const columns = info('SigninLogs', 'DeviceDetail', 'AuthenticationDetails');
  const at = (time: string): string => `"at":"2020-01-0${time}+00:00"`;
  const expected = [
    [
      new Map([['browser', `Mozilla é ${'x'.repeat(5000)}`]]),
      `[{"step":"a",${at('1T00:00:00.0000010')}},{"step":"b",${at('1T00:00:00.0000010')}}]`,
    ],
    [null, `[{"step":"a",${at('1T00:00:00.0000020')}}]`],
    [new Map([['browser', 'Edge']]), `[{"step":"a",${at('1T00:00:00.0000030')}}]`],
    [new Map([['browser', 'Edge']]), '[]'],
  ];

  it('are the same from memory, from a file and over several files', async () => {
    expect(rowsOf(sourceOfFacts([composedFacts()]).scan('SigninLogs', columns, undefined))).toEqual(expected);
    const dataset = await write([[composedFacts()], [composedFacts()]]);
    expect(rowsOf(dataset.partition(0).scan('SigninLogs', columns, undefined))).toEqual(expected);
    expect(rowsOf(dataset.all().scan('SigninLogs', columns, undefined))).toEqual(expected.flatMap((row) => [row, row]));
  });

  it('are lists of their pieces to an Arrow reader', async () => {
    const { tableFromIPC } = await import('apache-arrow');
    const rows = tableFromIPC(bytesOf(composedFacts())).toArray() as Record<string, { detail: Iterable<string> }>[];
    expect(rows.map((row) => [...row['client']!.detail].join('').slice(0, 20))).toEqual(
      ['{"browser":"Mozilla é', '', '{"browser":"Edge"}', '{"browser":"Edge"}'].map((text) => text.slice(0, 20)),
    );
  });
});

describe('derived ids', () => {
  const ids = (partitions: number): Facts[] => {
    const accounts = [0, 1, 2, 3, 4, 5, 6, 7];
    return Array.from({ length: partitions }, (_, partition) => {
      const own = accounts.filter((ordinal) => ordinal % partitions === partition);
      const rows = own.flatMap((ordinal, account) =>
        Array.from({ length: 50 }, (_, counter) => ({ ordinal, account, counter })),
      );
      return {
        table: 'AuditLogs',
        rowCount: rows.length,
        fields: {
          time: Float64Array.from(rows, ({ counter }) => counter % 7),
          account: Uint32Array.from(rows, ({ account }) => account),
          counter: Uint32Array.from(rows, ({ counter }) => counter),
          correlation: Uint32Array.from(rows, ({ counter }) => counter >> 1),
        },
        dimensions: { account: { size: own.length, attributes: { ordinal: Float64Array.from(own) } } },
        columns: [
          { name: 'TimeGenerated', type: 'datetime', source: { from: 'field', field: 'time' } },
          { name: INGESTION_TIME, type: 'datetime', source: { from: 'field', field: 'time' } },
          {
            name: 'guid',
            type: 'guid',
            source: {
              from: 'id',
              form: 'guid',
              salt: 'g',
              dimension: 'account',
              account: 'account',
              counter: 'counter',
            },
          },
          {
            name: 'token',
            type: 'string',
            source: {
              from: 'id',
              form: 'token',
              salt: 't',
              dimension: 'account',
              account: 'account',
              counter: 'counter',
            },
          },
          {
            name: 'CorrelationId',
            type: 'string',
            source: {
              from: 'id',
              form: 'guid',
              salt: 'c',
              dimension: 'account',
              account: 'account',
              counter: 'correlation',
            },
          },
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
              correlation: 'correlation',
              correlationSalt: 'c',
            },
          },
        ],
        labels: [],
      };
    });
  };
  const columns: ColumnInfo[] = [
    { name: 'TimeGenerated', type: 'datetime' },
    { name: 'guid', type: 'guid' },
    { name: 'token', type: 'string' },
    { name: 'CorrelationId', type: 'string' },
    { name: 'Id', type: 'string' },
  ];

  it('have their forms, differ, and point at their correlation', async () => {
    const rows = rowsOf((await write([ids(1)])).all().scan('AuditLogs', columns, undefined)) as string[][];
    for (const [, guid, token, correlation, id] of rows) {
      expect(guid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(token).toMatch(/^[\w-]{22}$/);
      expect(id).toMatch(new RegExp(`^Directory_${correlation}_[A-Z]{5}_\\d{8}$`));
    }
    for (const column of [1, 2, 4]) expect(new Set(rows.map((row) => row[column])).size).toBe(400);
    expect(new Set(rows.map((row) => row[3])).size).toBe(200);
  });

  it('stay as they are: their algorithm is part of the format', async () => {
    const rows = rowsOf((await write([ids(1)])).all().scan('AuditLogs', columns, undefined)) as string[][];
    expect(rows[0]!.slice(1)).toMatchInlineSnapshot(`
      [
        "212213ea-f70a-4da6-b437-53cc7d9b8f30",
        "eTqfHC14mVoFWMOWZkRX0w",
        "b9a98b44-3e8f-4f92-b159-884757285107",
        "Directory_b9a98b44-3e8f-4f92-b159-884757285107_AUJJS_99284213",
      ]
    `);
  });

  it('and the order of all rows are the same for any partition count', async () => {
    const reference = rowsOf((await write([ids(1)])).all().scan('AuditLogs', columns, undefined));
    for (const partitions of [2, 3, 8]) {
      target = path.join(base, `p${count++}`);
      const dataset = await write(ids(partitions).map((facts) => [facts]));
      expect(rowsOf(dataset.all().scan('AuditLogs', columns, undefined))).toEqual(reference);
    }
  });
});

describe('argsortTimes', () => {
  it('sorts stably with nulls first', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.integer({ min: -3, max: 3 }),
            fc.constant(Number.NaN),
            fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
            fc.maxSafeInteger(),
          ),
          { maxLength: 60 },
        ),
        (values) => {
          const expected = values
            .map((_, row) => row)
            .sort((a, b) => {
              const [x, y] = [values[a]!, values[b]!].map((value) =>
                Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value,
              );
              return x! < y! ? -1 : x! > y! ? 1 : a - b;
            });
          expect(Array.from(argsortTimes(Float64Array.from(values)))).toEqual(expected);
        },
      ),
    );
  });
});

describe('writing', () => {
  const some = (): Facts[] => [factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01' }])];

  it('shows nothing under the target name until it is whole, and nothing beside it after', async () => {
    const folder = await createDatasetFolder(target);
    const files = writePartition(folder.path, 0, some());
    expect(existsSync(target)).toBe(false);
    await folder.commit({ ...CONTENTS, partitionCount: 1, files, incidents: [] });
    expect(readdirSync(target).sort()).toEqual(['manifest.json', 'tables', 'truth.ndjson']);
    expect(readdirSync(base).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('leaves nothing behind when aborted', async () => {
    const folder = await createDatasetFolder(target);
    writePartition(folder.path, 0, some());
    await folder.abort();
    await folder.abort();
    expect(existsSync(folder.path)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  it('does not let a late writer bring an aborted folder back', async () => {
    const folder = await createDatasetFolder(target);
    await folder.abort();
    expect(() => writePartition(folder.path, 0, some())).toThrowError(expect.objectContaining({ code: 'OUTPUT' }));
    await expect(folder.commit({ ...CONTENTS, partitionCount: 1, files: [], incidents: [] })).rejects.toMatchObject({
      code: 'OUTPUT',
    });
    expect(existsSync(folder.path) || existsSync(target)).toBe(false);
  });

  it('leaves nothing behind when the process is killed by a signal', async () => {
    const script = `
      import { createDatasetFolder } from ${JSON.stringify(path.resolve('dist/src/dataset/write.js'))};
      await createDatasetFolder(${JSON.stringify(target)});
      console.log('ready');
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const name = path.basename(target);
    expect(readdirSync(base).some((entry) => entry.startsWith(`.${name}.partial-`))).toBe(true);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
    expect(readdirSync(base).some((entry) => entry.startsWith(`.${name}.partial-`))).toBe(false);
  });

  it('refuses a folder that is not empty, and replaces a dataset when forced', async () => {
    await write([some()]);
    await expect(createDatasetFolder(target)).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringMatching(/is not empty[^]*--force/),
    });
    const folder = await createDatasetFolder(target, { force: true });
    await folder.commit({ ...CONTENTS, partitionCount: 7, files: [], incidents: [] });
    expect((await openDataset(target)).manifest.partitionCount).toBe(7);
    expect(readdirSync(base).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('does not replace a folder that is no dataset, even when forced', async () => {
    mkdirSync(target);
    writeFileSync(path.join(target, 'thesis.txt'), 'x');
    await expect(createDatasetFolder(target, { force: true })).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringContaining('is not a dataset'),
    });
    expect(readdirSync(target)).toEqual(['thesis.txt']);
  });

  it('takes an empty folder', async () => {
    mkdirSync(target);
    expect((await write([some()])).manifest.tables).toHaveLength(1);
  });

  it('says what is wrong with a target: a file, a missing parent, a read-only parent', async () => {
    writeFileSync(target, 'x');
    await expect(createDatasetFolder(target)).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringContaining('is a file'),
    });
    await expect(createDatasetFolder(path.join(target, 'd'))).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringContaining('not a folder'),
    });
    await expect(createDatasetFolder(path.join(base, 'no', 'd'))).rejects.toMatchObject({
      code: 'OUTPUT',
      message: expect.stringContaining('does not exist'),
    });
    if (process.getuid?.() !== 0) {
      const locked = path.join(base, 'locked');
      mkdirSync(locked);
      chmodSync(locked, 0o555);
      await expect(createDatasetFolder(path.join(locked, 'd'))).rejects.toMatchObject({
        code: 'OUTPUT',
        message: expect.stringContaining('permission denied'),
      });
    }
  });

  it('names the file that could not be written', () => {
    expect(() => writePartition(path.join(base, '\0'), 0, some())).toThrowError(
      expect.objectContaining({ code: 'OUTPUT' }),
    );
  });
});

describe('opening', () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    ['a missing folder', (folder) => rmSync(folder, { recursive: true }), /there is no such folder/],
    [
      'a file',
      (folder) => {
        rmSync(folder, { recursive: true });
        writeFileSync(folder, '');
      },
      /is a file, expected a dataset folder/,
    ],
    [
      'a folder without a manifest',
      (folder) => rmSync(path.join(folder, 'manifest.json')),
      /is not a dataset: it has no manifest.json/,
    ],
    [
      'a manifest that is not JSON',
      (folder) => writeFileSync(path.join(folder, 'manifest.json'), '{'),
      /manifest.json: is not JSON/,
    ],
    [
      'a manifest of another version',
      (folder) => writeFileSync(path.join(folder, 'manifest.json'), '{"format":"tocsin.dataset/9"}'),
      /format is "tocsin.dataset\/9", expected "tocsin.dataset\/2"/,
    ],
    [
      'a manifest without a format',
      (folder) => writeFileSync(path.join(folder, 'manifest.json'), 'null'),
      /format is missing/,
    ],
    [
      'a manifest without tables',
      (folder) => edit(folder, (manifest) => delete manifest['tables']),
      /tables must be a list/,
    ],
    [
      'a manifest that points outside',
      (folder) =>
        edit(folder, (manifest) => {
          (manifest as any).tables[0].files[0].file = '../x';
        }),
      /lies outside the dataset/,
    ],
    [
      'a partition beyond the count',
      (folder) =>
        edit(folder, (manifest) => {
          (manifest as any).tables[0].files[0].partition = 1;
        }),
      /lacks a valid/,
    ],
    [
      'a missing file',
      (folder) => rmSync(path.join(folder, 'tables/SigninLogs/00000.arrow')),
      /00000.arrow: SigninLogs, partition 0: there is no such file/,
    ],
    [
      'a truncated file',
      (folder) => {
        const file = path.join(folder, 'tables/SigninLogs/00000.arrow');
        writeFileSync(file, readFileSync(file).subarray(0, -1));
      },
      /00000.arrow: SigninLogs, partition 0: has \d+ bytes, expected \d+/,
    ],
  ])('%s is one clear error', async (_, damage, message) => {
    await write([[factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01' }])]]);
    damage(target);
    await expect(openDataset(target)).rejects.toMatchObject({ code: 'INPUT', message: expect.stringMatching(message) });
  });

  it('names each line of a truth file that is not an incident', async () => {
    const dataset = await write([[]], [incident('a', '2026-05-02')]);
    const file = path.join(target, 'truth.ndjson');
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"id":1}\nnonsense\n`);
    await expect(dataset.truth()).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(/truth.ndjson:2:1: id must be a text[^]*truth.ndjson:3:1: is not JSON/),
    });
    writeFileSync(file, '');
    await expect(dataset.truth()).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringContaining('holds 0 incidents, the manifest says 1'),
    });
  });

  it('finds every damaged file when verified', async () => {
    const facts = [factsOf('SigninLogs', [{ TimeGenerated: '2026-05-01' }])];
    const dataset = await write([facts, facts]);
    await dataset.verify();
    for (const name of ['00000', '00001']) {
      const file = path.join(target, `tables/SigninLogs/${name}.arrow`);
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(file, bytes);
    }
    await expect(dataset.verify()).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(
        /00000.arrow: SigninLogs, partition 0: is damaged[^]*00001.arrow: SigninLogs, partition 1: is damaged/,
      ),
    });
  });

  it('gives rows or an error that names file and partition, whichever byte was cut or flipped', async () => {
    const rows = Array.from(
      { length: 20 },
      (_, n): FactRow => ({
        TimeGenerated: `2026-05-01T00:00:${String(n).padStart(2, '0')}Z`,
        UserPrincipalName: `user${n % 5}`,
        DeviceDetail: { n: n % 3 },
        DurationMs: n,
        IsInteractive: n % 2 === 0,
      }),
    );
    const plain = factsOf('SigninLogs', rows);
    const composed = composedFacts();
    // Of both kinds: plain texts, and those that are put together when they are read.
    const repeated = (code: number): Uint8Array => new Uint8Array(rows.length).map((_, row) => (row + code) % 3);
    const dataset = await write([
      [
        {
          ...plain,
          fields: { ...plain.fields, client: repeated(0), step: repeated(1) },
          dimensions: { ...plain.dimensions, ...composed.dimensions },
          columns: [
            ...plain.columns.filter(({ name }) => name !== 'DeviceDetail'),
            ...composed.columns.slice(2).map((column) => ({
              ...column,
              source: column.source.from === 'timed' ? { ...column.source, time: timeFieldOf(plain) } : column.source,
            })),
          ],
        },
      ],
    ]);
    const file = path.join(target, 'tables/SigninLogs/00000.arrow');
    const whole = readFileSync(file);
    const columns = info(
      'SigninLogs',
      'TimeGenerated',
      'UserPrincipalName',
      'DeviceDetail',
      'DurationMs',
      'IsInteractive',
      'AuthenticationDetails',
    );
    const outcome = (bytes: Uint8Array): unknown => {
      writeFileSync(file, bytes);
      try {
        const batch = dataset.partition(0).scan('SigninLogs', columns, {
          after: 0n,
          until: ticks('2027-01-01'),
          ingestedBy: ticks('2027-01-01'),
        });
        for (const column of batch.columns()) {
          if (column.kind === 'coded') for (const code of column.codes) column.dictionary.value(code);
        }
        return 'rows';
      } catch (error) {
        return error;
      }
    };
    const named = expect.objectContaining({
      code: 'INPUT',
      message: expect.stringMatching(/00000\.arrow: partition 0/),
    });
    for (let length = 0; length < whole.length; length += 97) {
      const result = outcome(whole.subarray(0, length));
      if (result !== 'rows') expect(result).toEqual(named);
    }
    fc.assert(
      fc.property(fc.nat({ max: whole.length * 8 - 1 }), (bit) => {
        const bytes = Uint8Array.from(whole);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        const result = outcome(bytes);
        if (result !== 'rows') expect(result).toEqual(named);
      }),
      { numRuns: 1500 },
    );
  });
});

function timeFieldOf({ columns }: Facts): string {
  return (columns.find(({ name }) => name === 'TimeGenerated')!.source as { field: string }).field;
}

function bytesOf(facts: Facts): Buffer {
  return Buffer.concat(encodeFacts(facts).pieces);
}

function edit(folder: string, change: (manifest: Record<string, unknown>) => void): void {
  const file = path.join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  change(manifest);
  writeFileSync(file, JSON.stringify(manifest));
}
