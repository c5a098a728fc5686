import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { formatDatetime, parseIsoDatetime } from '../../../src/base/time.ts';
import type { ColumnInfo } from '../../../src/columns/batch.ts';
import { valueAt } from '../../../src/columns/column.ts';
import { stringifyDynamic } from '../../../src/columns/dynamic.ts';
import type { Value } from '../../../src/columns/value.ts';
import { type ImportOptions, type ImportReport, importFiles } from '../../../src/dataset/import.ts';
import { RecordSplitter } from '../../../src/dataset/json-records.ts';
import { openDataset } from '../../../src/dataset/read.ts';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { sharedPath } from '../../support/shared.ts';

const base = mkdtempSync(path.join(tmpdir(), 'tocsin-import-'));
let count = 0;
let folder: string;
let out: string;
beforeEach(() => {
  folder = path.join(base, `i${count++}`);
  mkdirSync(folder);
  out = path.join(folder, 'out');
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const target = path.join(folder, name);
  writeFileSync(target, content);
  return target;
}

async function importText(text: string | Uint8Array, options: Partial<ImportOptions> = {}): Promise<ImportReport> {
  return importFiles([file('log.json', text)], { out, ...options });
}

/** A cell as text: strings as they are, dynamics as JSON, times in ISO 8601, null as null. */
function show(info: ColumnInfo, value: Value): string | null {
  if (value === null) return null;
  if (info.type === 'dynamic') return stringifyDynamic(value);
  return info.type === 'datetime'
    ? formatDatetime(value as bigint)
    : String(value as string | number | bigint | boolean);
}

async function cells(table: string, ...names: string[]): Promise<(string | null)[][]> {
  const dataset = await openDataset(out);
  const infos = names.map(
    (name): ColumnInfo =>
      name === INGESTION_TIME
        ? { name, type: 'datetime' }
        : tableColumns(table)!.find((column) => column.name === name)!,
  );
  const batch = dataset.all().scan(table, infos, undefined);
  return Array.from({ length: batch.rowCount }, (_, row) =>
    infos.map((info, index) => show(info, valueAt(batch.column(index), row))),
  );
}

const LINES = [
  '{"TimeGenerated":"2026-05-01T00:00:00Z","UserPrincipalName":"a@x","Type":"SigninLogs"}',
  '{"TimeGenerated":"2026-05-01T00:00:01Z","UserPrincipalName":"b@x","Type":"SigninLogs"}',
];
const USERS = [['a@x'], ['b@x']];

describe('the shapes of a file', () => {
  const objects = LINES.map((line) => JSON.parse(line) as unknown);
  it.each<[string, string | Uint8Array]>([
    ['NDJSON', LINES.join('\n')],
    ['NDJSON with blank lines and CRLF', `\r\n${LINES.join('\r\n\r\n')}\r\n`],
    ['a byte order mark', `\ufeff${LINES.join('\n')}`],
    ['UTF-16', Buffer.from(`\ufeff${LINES.join('\n')}`, 'utf16le')],
    ['a list', JSON.stringify(objects)],
    ['a list over several lines', JSON.stringify(objects, undefined, 2)],
    ['a list on each line', `[${LINES[0]}]\n[${LINES[1]}]`],
    ['records', JSON.stringify({ records: objects })],
    ['rows after a note', JSON.stringify({ _source: 'x', rows: objects, more: [1] }, undefined, 1)],
    [
      'value, as Graph has it',
      JSON.stringify({ '@odata.context': 'c', value: objects, '@odata.nextLink': 'n' }, undefined, 2),
    ],
    ['a wrapper on each line', LINES.map((line) => `{"records":[${line}]}`).join('\n')],
    ['a list of wrappers', JSON.stringify([{ records: [objects[0]] }, { records: [objects[1]] }])],
    ['objects over several lines', objects.map((object) => JSON.stringify(object, undefined, 2)).join('\n')],
    ['objects back to back', LINES.join('')],
    ['gzip', gzipSync(LINES.join('\n'))],
    ['gzip of several members', Buffer.concat(LINES.map((line) => gzipSync(`${line}\n`)))],
  ])('%s', async (_, content) => {
    const report = await importText(content);
    expect(report).toMatchObject({ rows: 2, badRecords: 0, rowsByTable: { SigninLogs: 2 } });
    expect(await cells('SigninLogs', 'UserPrincipalName')).toEqual(USERS);
  });

  it('stdin', async () => {
    await importFiles(['-'], {
      out,
      stdin: Readable.from([Buffer.from(LINES[0]!.slice(0, 9)), Buffer.from(`${LINES[0]!.slice(9)}\n${LINES[1]}`)]),
    });
    expect(await cells('SigninLogs', 'UserPrincipalName')).toEqual(USERS);
  });

  it('globs, each file once', async () => {
    const first = file('a.json', LINES[0]!);
    file('b.json', LINES[1]!);
    const report = await importFiles([path.join(folder, '*.json'), first], { out });
    expect(report.files.map(({ file: name, rows }) => [path.basename(name), rows])).toEqual([
      ['a.json', 1],
      ['b.json', 1],
    ]);
  });

  it('splits the same records wherever the chunks of a file end', () => {
    const texts = [
      LINES.join('\n'),
      JSON.stringify({ a: 'x"\\', rows: [{ b: '}{][\\"' }, { c: [{}, []] }], z: {} }, undefined, 1),
      JSON.stringify([{ a: 1 }, { records: 'no' }, { b: '\\\\' }]),
      '{"a":1}\n{"a":{"b":[1,2]}}\n\n{}',
    ];
    const split = (bytes: Buffer, cuts: readonly number[]): string[] => {
      const found: string[] = [];
      const splitter = new RecordSplitter({
        record: (source, start, end, line) => found.push(`${line} ${source.toString('utf8', start, end)}`),
        bad: (line, message) => found.push(`${line} ${message}`),
      });
      let last = 0;
      for (const cut of [...cuts, bytes.length]) {
        splitter.push(bytes.subarray(last, cut));
        last = cut;
      }
      splitter.end();
      return found;
    };
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(fc.nat(200)), (text, cuts) => {
        const bytes = Buffer.from(text);
        const sorted = cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b);
        expect(split(bytes, sorted)).toEqual(split(bytes, []));
      }),
    );
    expect(split(Buffer.from(texts[1]!), [])).toHaveLength(2);
  });
});

describe('other formats', () => {
  /** Lines as DuckDB compresses them. */
  async function zstd(count: number): Promise<Buffer> {
    const target = path.join(folder, 'made.zst');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT 'SigninLogs' AS "Type", '2026-05-01T00:00:00Z' AS "TimeGenerated", 'u' || i || '@x' AS "UserPrincipalName"
       FROM range(${count}) t(i)) TO '${target}' (FORMAT json, COMPRESSION zstd)`,
    );
    connection.closeSync();
    instance.closeSync();
    const bytes = readFileSync(target);
    rmSync(target);
    return bytes;
  }

  it('zstd, whole or cut short', async () => {
    const bytes = await zstd(20_000);
    const report = await importText(bytes);
    expect([report.rows, report.badRecords]).toEqual([20_000, 0]);
    expect((await cells('SigninLogs', 'UserPrincipalName')).at(-1)).toEqual(['u19999@x']);
    await expect(importText(bytes.subarray(0, bytes.length - 50), { force: true })).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringContaining('log.json: the zstd data is cut short'),
    });
  });

  it('CSV as the portal exports it: quoted, over several lines, with JSON in cells', async () => {
    const csv = [
      '\ufeff"TimeGenerated [UTC]",UserPrincipalName,ResultType,LocationDetails,"DurationMs","Type"',
      '"5/1/2026, 2:08:45.221 PM",a@x,0,"{""city"":""Köln"",""n"":1.0}",12,SigninLogs',
      '2026-05-01T00:00:00.1234567Z,"b ""the\nboss""@x",50126,,,SigninLogs',
      '2026-05-01T00:00:00Z,c@x,0,,,Nonsense',
    ].join('\r\n');
    const report = await importFiles([file('portal.csv', csv)], { out });
    expect(
      await cells('SigninLogs', 'TimeGenerated', 'UserPrincipalName', 'ResultType', 'LocationDetails', 'DurationMs'),
    ).toEqual([
      ['2026-05-01T00:00:00.1234567Z', 'b "the\nboss"@x', '50126', null, null],
      ['2026-05-01T14:08:45.2210000Z', 'a@x', '0', '{"city":"Köln","n":1.0}', '12'],
    ]);
    expect(report.problems.map(({ position }) => [path.basename(position!.file), position!.line])).toEqual([
      ['portal.csv', 4],
    ]);
    expect(readdirSync(out).sort()).toEqual(['manifest.json', 'tables', 'truth.ndjson']);
  });
});

describe('the shapes of a record', () => {
  it('Log Analytics: column names', async () => {
    await importText(
      '{"TimeGenerated [UTC]":"2026-05-01T00:00:00Z","LocationDetails_dynamic":{"city":"Azor"},"ResultType":"0","Type":"SigninLogs"}',
    );
    expect(await cells('SigninLogs', 'TimeGenerated', 'LocationDetails', 'ResultType', 'Type')).toEqual([
      ['2026-05-01T00:00:00.0000000Z', '{"city":"Azor"}', '0', 'SigninLogs'],
    ]);
  });

  it('a diagnostic setting: sign-ins in an envelope', async () => {
    await importText(
      JSON.stringify({
        time: '2026-05-01T00:00:00.1234567Z',
        resourceId: '/tenants/t/providers/Microsoft.aadiam',
        operationName: 'Sign-in activity',
        operationVersion: '1.0',
        category: 'NonInteractiveUserSignInLogs',
        tenantId: 't',
        resultType: '50057',
        resultSignature: 'None',
        resultDescription: 'disabled',
        durationMs: 12,
        callerIpAddress: '1.2.3.4',
        correlationId: 'c',
        identity: 'Jo',
        Level: 4,
        location: 'DE',
        properties: {
          id: 'i',
          createdDateTime: '2026-05-01T00:00:00Z',
          userPrincipalName: 'a@x',
          ipAddress: '1.2.3.4',
          location: { city: 'Kiel', countryOrRegion: 'DE' },
          deviceDetail: { browser: 'Edge' },
          status: { errorCode: 50057 },
          processingTimeInMilliseconds: 35,
          isInteractive: false,
          appliedConditionalAccessPolicies: [],
        },
      }),
    );
    expect(
      await cells(
        'AADNonInteractiveUserSignInLogs',
        'TimeGenerated',
        'CreatedDateTime',
        'OperationName',
        'AADTenantId',
        'TenantId',
        'ResultType',
        'ResultDescription',
        'DurationMs',
        'IPAddress',
        'CorrelationId',
        'Identity',
        'Level',
        'Location',
        'LocationDetails',
        'DeviceDetail',
        'Status',
        'ProcessingTimeInMs',
        'IsInteractive',
        'ConditionalAccessPolicies',
        'Category',
        'Id',
        'Type',
      ),
    ).toEqual([
      [
        '2026-05-01T00:00:00.1234567Z',
        '2026-05-01T00:00:00.0000000Z',
        'Sign-in activity',
        't',
        '',
        '50057',
        'disabled',
        '12',
        '1.2.3.4',
        'c',
        'Jo',
        '4',
        'DE',
        '{"city":"Kiel","countryOrRegion":"DE"}',
        '{"browser":"Edge"}',
        '{"errorCode":50057}',
        '35',
        'false',
        '[]',
        'NonInteractiveUserSignInLogs',
        'i',
        'AADNonInteractiveUserSignInLogs',
      ],
    ]);
  });

  it("a diagnostic setting: the category of an audit row is its activity's", async () => {
    await importText(
      JSON.stringify({
        time: '2026-05-01T00:00:00Z',
        category: 'AuditLogs',
        operationName: 'Add member to role',
        properties: {
          category: 'RoleManagement',
          activityDisplayName: 'Add member to role (PIM)',
          operationType: 'Assign',
          activityDateTime: '2026-05-01T00:00:00Z',
          initiatedBy: { user: { userPrincipalName: 'A@x' } },
          targetResources: [{ modifiedProperties: [{ newValue: '"x"' }] }],
        },
      }),
    );
    expect(
      await cells(
        'AuditLogs',
        'Category',
        'OperationName',
        'ActivityDisplayName',
        'AADOperationType',
        'InitiatedBy',
        'TargetResources',
      ),
    ).toEqual([
      [
        'RoleManagement',
        'Add member to role',
        'Add member to role (PIM)',
        'Assign',
        '{"user":{"userPrincipalName":"A@x"}}',
        '[{"modifiedProperties":[{"newValue":"\\"x\\""}]}]',
      ],
    ]);
  });

  it('Graph: the body alone', async () => {
    await importText(
      JSON.stringify({
        value: [
          {
            createdDateTime: '2026-05-01T00:00:00Z',
            appDisplayName: 'Portal',
            isInteractive: true,
            userPrincipalName: 'a@x',
            status: { errorCode: 0 },
            location: { countryOrRegion: 'IL' },
            resourceId: 'r',
          },
          {
            createdDateTime: '2026-05-01T00:00:00Z',
            appDisplayName: 'Portal',
            isInteractive: false,
            userPrincipalName: 'b@x',
          },
          {
            activityDateTime: '2026-05-01T00:00:00Z',
            activityDisplayName: 'Delete user',
            loggedByService: 'Core Directory',
          },
        ],
      }),
    );
    expect(
      await cells('SigninLogs', 'TimeGenerated', 'UserPrincipalName', 'ResultType', 'Location', 'ResourceIdentity'),
    ).toEqual([['2026-05-01T00:00:00.0000000Z', 'a@x', '0', 'IL', 'r']]);
    expect(await cells('AADNonInteractiveUserSignInLogs', 'UserPrincipalName')).toEqual([['b@x']]);
    expect(await cells('AuditLogs', 'OperationName', 'TimeGenerated')).toEqual([
      ['Delete user', '2026-05-01T00:00:00.0000000Z'],
    ]);
  });

  it('the option names the table of records that do not say theirs', async () => {
    const report = await importText(`{"Type":"AuditLogs"}\n{"Type":"Own_CL"}\n{"Category":"UserManagement"}`, {
      table: 'OfficeActivity',
    });
    expect(report.rowsByTable).toEqual({ AuditLogs: 1, OfficeActivity: 2 });
  });
});

describe('values', () => {
  it.each<[string, string, string, string | null]>([
    ['SigninLogs', 'LocationDetails', '"{\\"a\\": 1.0, \\"10\\":1, \\"9\\":2}"', '{"a":1.0,"10":1,"9":2}'],
    [
      'SigninLogs',
      'LocationDetails',
      '{ "a" : 1.0, "n" : 12345678901234567890 , "10":1, "9":2 }',
      '{"a":1.0,"n":12345678901234567000.0,"10":1,"9":2}',
    ],
    ['SigninLogs', 'LocationDetails', '"plain"', '"plain"'],
    ['SigninLogs', 'LocationDetails', '""', null],
    ['SigninLogs', 'LocationDetails', 'null', null],
    ['SigninLogs', 'LocationDetails', '5', '5'],
    ['AADNonInteractiveUserSignInLogs', 'LocationDetails', '{ "city": "Azor" }', '{"city":"Azor"}'],
    ['AADNonInteractiveUserSignInLogs', 'LocationDetails', '"{ \\"city\\": \\"Azor\\" }"', '{ "city": "Azor" }'],
    ['SigninLogs', 'UserPrincipalName', '"gr\\u00fc\\u00dfe \\ud83d\\udc4b"', 'grüße 👋'],
    ['SigninLogs', 'UserPrincipalName', '"grüße 👋"', 'grüße 👋'],
    ['SigninLogs', 'UserPrincipalName', 'null', ''],
    ['SigninLogs', 'ResultType', '50057', '50057'],
    ['SigninLogs', 'ResultType', 'true', 'true'],
    ['SigninLogs', 'CreatedDateTime', '"2026-05-29T10:11:12.1234567Z"', '2026-05-29T10:11:12.1234567Z'],
    ['SigninLogs', 'CreatedDateTime', '"2024-02-29T23:59:59Z"', '2024-02-29T23:59:59.0000000Z'],
    ['SigninLogs', 'CreatedDateTime', '"2026-05-29T10:11:12.5+02:00"', '2026-05-29T08:11:12.5000000Z'],
    ['SigninLogs', 'CreatedDateTime', '"2026-05-29"', '2026-05-29T00:00:00.0000000Z'],
    ['SigninLogs', 'CreatedDateTime', '"4/28/2021, 2:08:45.221 PM"', '2021-04-28T14:08:45.2210000Z'],
    ['SigninLogs', 'CreatedDateTime', '"12/1/2021 12:00:00 AM"', '2021-12-01T00:00:00.0000000Z'],
    ['SigninLogs', 'CreatedDateTime', '"0001-01-01T00:00:00Z"', '0001-01-01T00:00:00.0000000Z'],
    ['SigninLogs', 'CreatedDateTime', '""', null],
    ['SigninLogs', 'DurationMs', '"123"', '123'],
    ['SigninLogs', 'DurationMs', '12.0', '12'],
    ['SigninLogs', 'DurationMs', '1e3', '1000'],
    ['SigninLogs', 'DurationMs', '9223372036854775807', '9223372036854775807'],
    ['SigninLogs', 'DurationMs', '-0', '0'],
    ['SigninLogs', '_BilledSize', '"1.5"', '1.5'],
    ['SigninLogs', '_BilledSize', '1e-7', '1e-7'],
    ['SigninLogs', 'IsInteractive', 'true', 'true'],
    ['SigninLogs', 'IsInteractive', '"False"', 'false'],
    ['SigninLogs', 'IsInteractive', '""', null],
    ['SigninLogs', 'IsInteractive', 'null', null],
  ])('%s.%s from %s', async (table, column, json, expected) => {
    // A second row, so that no column is a constant by chance.
    const report = await importText(
      `{"TimeGenerated":"2020-01-01T00:00:00Z","Type":"${table}","${column}":${json}}\n{"TimeGenerated":"2020-01-02T00:00:00Z","Type":"${table}"}`,
    );
    expect(report.invalidValues).toEqual({});
    expect((await cells(table, column))[0]).toEqual([expected]);
  });

  it.each<[string, string]>([
    ['CreatedDateTime', '"yesterday"'],
    ['CreatedDateTime', '"2026-02-30T00:00:00Z"'],
    ['CreatedDateTime', '{"a":1}'],
    ['TimeGenerated', '"0001-01-01T00:00:00Z"'],
    ['DurationMs', '"1.5"'],
    ['DurationMs', '"9223372036854775808"'],
    ['IsInteractive', '"maybe"'],
    ['_BilledSize', '"big"'],
  ])('a %s of %s is null, and counted', async (column, json) => {
    const report = await importText(`{"Type":"SigninLogs","${column}":${json}}`);
    expect(report.invalidValues).toEqual({ [`SigninLogs.${column}`]: 1 });
    expect(await cells('SigninLogs', column)).toEqual([[null]]);
  });

  it('event time stands in for TimeGenerated, and TimeGenerated for the ingestion time', async () => {
    const report = await importText(
      [
        '{"Type":"AuditLogs","Id":"1","ActivityDateTime":"2026-05-01T00:00:01Z"}',
        '{"Type":"AuditLogs","Id":"2","TimeGenerated":"2026-05-01T00:00:02Z","_IngestionTime":"2026-05-01T00:05:00Z"}',
        '{"Type":"AuditLogs","Id":"3","time":"2026-05-01T00:00:03Z","ActivityDateTime":"2026-05-01T00:00:01Z"}',
        '{"Type":"AuditLogs","Id":"4"}',
      ].join('\n'),
    );
    expect(report).toMatchObject({ rowsWithoutTime: 1, rowsWithoutIngestionTime: 3 });
    expect(await cells('AuditLogs', 'Id', 'TimeGenerated', INGESTION_TIME)).toEqual([
      ['4', null, null],
      ['1', '2026-05-01T00:00:01.0000000Z', '2026-05-01T00:00:01.0000000Z'],
      ['2', '2026-05-01T00:00:02.0000000Z', '2026-05-01T00:05:00.0000000Z'],
      ['3', '2026-05-01T00:00:03.0000000Z', '2026-05-01T00:00:03.0000000Z'],
    ]);
    expect(report.manifest).toMatchObject({
      start: '2026-05-01T00:00:01.0000000Z',
      end: '2026-05-01T00:00:03.0000001Z',
    });
  });

  it('unknown members are counted and never fatal', async () => {
    const report = await importText('{"Type":"AuditLogs","Foo":1,"Bar":{"x":1}}\n{"Type":"AuditLogs","Foo":null}');
    expect(report.unknownColumns).toEqual({ AuditLogs: { Bar: 1, Foo: 2 } });
    expect((await openDataset(out)).manifest.tables[0]!.unknownColumns).toEqual({ Bar: 1, Foo: 2 });
  });
});

describe('bad records', () => {
  it('are counted and named by file and line, and the others kept', async () => {
    const report = await importText(
      [
        LINES[0],
        '{"Type":"SigninLogs",',
        'nonsense',
        '{"Type":"SigninLogs","DeviceDetail":{"a":}}',
        '{"Type":"SigninLogs","UserPrincipalName":"\\x"}',
        '{"Type":"SigninLogs","DurationMs":01}',
        '5',
        LINES[1],
        '{"TimeGen',
      ].join('\n'),
    );
    expect(report.rows).toBe(2);
    expect(report.badRecords).toBe(7);
    expect(report.problems.map(({ position, message }) => `${position!.line} ${message}`)).toEqual([
      '2 the object has no end',
      '3 expected an object',
      '4 "{\\"a\\":}" is not JSON',
      '5 the escapes of "\\x" are not JSON',
      '6 "01" is not a JSON value',
      '7 expected an object',
      '9 a key has no end',
    ]);
    expect(report.problems[0]!.position!.file).toBe(path.join(folder, 'log.json'));
    expect(await cells('SigninLogs', 'UserPrincipalName', 'DeviceDetail', 'DurationMs')).toEqual([
      ['a@x', null, null],
      ['b@x', null, null],
    ]);
  });

  it('leave nothing of themselves in the rows after them', async () => {
    await importText(
      '{"Type":"SigninLogs","Id":"1","DurationMs":7,"IsRisky":true,"AppId":"a","DeviceDetail":{"a":}}\n{"Type":"SigninLogs","Id":"2"}\n{"Type":"SigninLogs","Id":"3","DurationMs":8}',
    );
    expect(await cells('SigninLogs', 'Id', 'DurationMs', 'IsRisky', 'AppId')).toEqual([
      ['2', null, null, ''],
      ['3', '8', null, ''],
    ]);
  });

  it('a bad first line does not hide the others', async () => {
    expect(await importText(`{"Type":"Signin\n${LINES.join('\n')}`)).toMatchObject({ rows: 2, badRecords: 1 });
  });

  it('a list that is cut short keeps its whole records', async () => {
    const text = `[\n${LINES[0]},\n${LINES[1]!.slice(0, 30)}`;
    const report = await importText(text);
    expect(report).toMatchObject({ rows: 1, badRecords: 1 });
    expect(report.problems[0]).toMatchObject({
      message: 'the file ends in the middle of a record',
      position: { line: 3 },
    });
  });

  it('are fatal when strict, and leave no dataset', async () => {
    await expect(importText(`${LINES[0]}\n{`, { strict: true })).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(/log.json:2:1: the object has no end/),
    });
    expect(readdirSync(folder)).toEqual(['log.json']);
  });

  it('never crash, whatever the bytes', async () => {
    const seeds = [
      LINES.join('\n'),
      JSON.stringify({ rows: LINES.map((line) => JSON.parse(line) as unknown) }, undefined, 1),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(250), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (seed, changes) => {
          const bytes = Buffer.from(seed);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          try {
            const report = await importText(bytes, { force: true });
            expect(report.rows).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INPUT' });
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('files that are no log', () => {
  it.each<[string, string | Uint8Array, RegExp]>([
    ['empty', '', /log.json: is empty/],
    ['blank', ' \n\n', /not one record was found/],
    ['binary', Uint8Array.of(1, 0, 2, 3), /is binary, expected JSON/],
    ['no Parquet though it begins so', 'PAR1....', /log.json: cannot be read as Parquet: /],
    ['CSV without rows', 'TimeGenerated,UserPrincipalName,AppId\n', /log.json: holds no rows/],
    ['damaged zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4, 5, 6, 7, 8, 9), /zstd data is/],
    ['HTML', '<html>', /is XML or HTML/],
    ['a text', 'hello world', /log.json:1:1: expected an object/],
    ['a number', '12', /log.json:1:1: expected an object/],
    ['an empty list', '[]', /not one record was found/],
    ['records of no known table', '{"a":1}', /does not say which table[^]*--table/],
    [
      'damaged gzip',
      Buffer.concat([gzipSync(LINES.join('\n')).subarray(0, 12), Buffer.alloc(40, 7)]),
      /gzip data is damaged/,
    ],
    ['gzip cut short', gzipSync(LINES.join('\n')).subarray(0, 40), /gzip data is cut short/],
  ])('%s', async (_, content, message) => {
    await expect(importText(content)).rejects.toMatchObject({ code: 'INPUT', message: expect.stringMatching(message) });
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder)).toEqual(['log.json']);
  });

  it('missing files and folders are named together', async () => {
    await expect(
      importFiles([path.join(folder, 'a.json'), folder, path.join(folder, '*.gz')], { out }),
    ).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringMatching(
        /a.json: cannot be read: there is no such file[^]*is a folder[^]*\*.gz: no file matches/,
      ),
    });
  });

  it('an unknown table is refused with the nearest name', async () => {
    await expect(importText('{}', { table: 'SignInLog' })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('did you mean SigninLogs?'),
    });
  });
});

describe('partitions and truth', () => {
  const lines = Array.from({ length: 300 }, (_, n) =>
    JSON.stringify(
      n % 3 === 0
        ? {
            Type: 'AuditLogs',
            TimeGenerated: `2026-05-01T00:00:${String(n % 7).padStart(2, '0')}Z`,
            Id: String(n),
            OperationName: 'Delete user',
            InitiatedBy:
              n % 2
                ? { user: { userPrincipalName: `User${n % 5}@x` } }
                : { app: { displayName: 'App', servicePrincipalId: `s${n % 4}` } },
          }
        : {
            Type: 'SigninLogs',
            TimeGenerated: `2026-05-01T00:00:${String(n % 7).padStart(2, '0')}Z`,
            Id: String(n),
            UserPrincipalName: `user${n % 5}@x`,
          },
    ),
  ).join('\n');

  it('rows come in the same order however accounts are partitioned', async () => {
    const orders: unknown[] = [];
    for (const partitionCount of [1, 3, 16]) {
      await importText(lines, { partitionCount, force: true });
      orders.push(
        await cells('SigninLogs', 'Id', 'TimeGenerated', 'UserPrincipalName'),
        await cells('AuditLogs', 'Id', 'InitiatedBy'),
      );
    }
    expect(orders.slice(2, 4)).toEqual(orders.slice(0, 2));
    expect(orders.slice(4, 6)).toEqual(orders.slice(0, 2));
  });

  it('equal accounts meet in one partition, whatever their case and table', async () => {
    await importText(lines, { partitionCount: 4 });
    const dataset = await openDataset(out);
    const home = new Map<string, number>();
    for (let partition = 0; partition < 4; partition++) {
      const source = dataset.partition(partition);
      const signIns = source.scan('SigninLogs', [{ name: 'UserPrincipalName', type: 'string' }], undefined);
      const audits = source.scan('AuditLogs', [{ name: 'InitiatedBy', type: 'dynamic' }], undefined);
      const names = [
        ...Array.from({ length: signIns.rowCount }, (_, row) => valueAt(signIns.column(0), row) as string),
        ...Array.from(
          { length: audits.rowCount },
          (_, row) => /"userPrincipalName":"([^"]+)"/.exec(stringifyDynamic(valueAt(audits.column(0), row)))?.[1],
        ),
      ];
      for (const name of names) {
        if (name === undefined) continue;
        const key = name.toLowerCase();
        expect(home.get(key) ?? partition).toBe(partition);
        home.set(key, partition);
      }
    }
    expect(home.size).toBe(5);
  });

  it('a truth file labels the rows that its events describe', async () => {
    const at = '2026-05-01T00:00:02.0000000Z';
    const event = {
      id: 'e1',
      table: 'AuditLogs',
      at,
      generated: at,
      ingested: at,
      account: 'user4@x',
      operation: 'Delete user',
      role: 'malicious',
    } as const;
    const incident: TruthIncident = {
      id: 'i1',
      kind: 'attack',
      scenario: 's',
      variant: 'v',
      title: 't',
      techniques: [],
      start: at,
      end: at,
      events: [event, { ...event, id: 'e2', account: 'nobody@x' }],
    };
    const report = await importText(lines, {
      truth: file('truth.ndjson', JSON.stringify(incident)),
      partitionCount: 3,
    });
    expect(report.truthEvents).toEqual({ total: 2, labelled: 1 });
    const dataset = await openDataset(out);
    expect(await dataset.truth()).toEqual([incident]);
    const batch = dataset.all().scan(
      'AuditLogs',
      [
        { name: 'InitiatedBy', type: 'dynamic' },
        { name: 'TimeGenerated', type: 'datetime' },
      ],
      undefined,
    );
    const labelled = Array.from(batch.lineage!.codes.keys()).filter((row) => batch.lineage!.codes[row] !== 0);
    expect(
      labelled.map((row) => [stringifyDynamic(valueAt(batch.column(0), row)), valueAt(batch.column(1), row)]),
    ).toEqual([['{"user":{"userPrincipalName":"User4@x"}}', parseIsoDatetime(at)]]);
  });

  it('an application is labelled by its name and the resource it signs in to', async () => {
    const at = '2026-05-01T00:00:02.0000000Z';
    const table = 'AADServicePrincipalSignInLogs';
    const event = {
      id: 'e1',
      table,
      at,
      generated: at,
      ingested: at,
      account: 'archiver',
      operation: 'Microsoft Graph',
    };
    const incident = {
      id: 'i1',
      kind: 'attack',
      scenario: 's',
      variant: 'v',
      title: 't',
      techniques: [],
      start: at,
      end: at,
    };
    const report = await importText(
      JSON.stringify({
        Type: table,
        TimeGenerated: at,
        ServicePrincipalName: 'archiver',
        ResourceDisplayName: 'Microsoft Graph',
      }),
      { truth: file('truth.ndjson', JSON.stringify({ ...incident, events: [{ ...event, role: 'supporting' }] })) },
    );
    expect(report.truthEvents).toEqual({ total: 1, labelled: 1 });
  });
});

describe.skipIf(!sharedPath('samples'))('real records', () => {
  it.each<[string, string, Record<string, string | null>[]]>([
    [
      'sentinel_auditlogs_hunting_row1.json',
      'AuditLogs',
      [
        {
          OperationName: 'Update application – Certificates and secrets management ',
          Result: 'success',
          TimeGenerated: null,
          DurationMs: '0',
        },
      ],
    ],
    [
      'sentinel_auditlogs_hunting_row2_mixedcase_upn.json',
      'AuditLogs',
      [
        {
          InitiatedBy:
            '{"user":{"displayName":null,"userPrincipalName":"VadimJ@buildseccxpninja.onmicrosoft.com","ipAddress":"192.168.5.8","roles":[],"id":"04dc7a40-2617-4044-b6e7-fdd8771b88a2"}}',
        },
      ],
    ],
    [
      'sentinel_signinlogs_adele_row1.json',
      'SigninLogs',
      [
        {
          TimeGenerated: '2021-04-28T14:08:45.2210000Z',
          IsRisky: null,
          MfaDetail: '{}',
          Status: '{"errorCode":0}',
          IsInteractive: 'true',
          ProcessingTimeInMilliseconds: '3535',
        },
      ],
    ],
    [
      'sentinel_signinlogs_disabled_row1.json',
      'SigninLogs',
      [
        {
          ResultType: '50057',
          TimeGenerated: null,
          Status:
            '{"errorCode":50057,"failureReason":"User account is disabled. The account has been disabled by an administrator."}',
        },
      ],
    ],
    [
      'audit_sequence_connect_mggraph_consent.json',
      'AuditLogs',
      [
        'Add service principal',
        'Add delegated permission grant',
        'Add app role assignment grant to user',
        'Consent to application',
      ].map((OperationName) => ({ OperationName, LoggedByService: 'Core Directory' })),
    ],
  ])('%s imports', async (name, table, expected) => {
    const report = await importFiles([sharedPath('samples', name)!], { out });
    expect(report).toMatchObject({ rows: expected.length, badRecords: 0, invalidValues: {} });
    const names = Object.keys(expected[0]!);
    expect(await cells(table, ...names)).toEqual(expected.map((row) => names.map((column) => row[column])));
  });
});
