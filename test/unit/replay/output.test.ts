import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Value } from '../../../src/columns/value.ts';
import type { ColumnInfo } from '../../../src/columns/batch.ts';
import { SCALAR_TYPES } from '../../../src/columns/value.ts';
import { raiseAlerts } from '../../../src/replay/alerts.ts';
import { groupIncidents } from '../../../src/replay/incidents.ts';
import { digestOf, readReplays, replayLines, writeLines } from '../../../src/replay/output.ts';
import type { ReplayResult, ResultRow } from '../../../src/replay/result.ts';
import { MONDAY, ruleOf, runsEvery } from '../../support/alerts.ts';

const columns: ColumnInfo[] = SCALAR_TYPES.map((type) => ({ name: `a ${type}`, type }));
const CELLS: Value[][] = [
  [
    true,
    -1n,
    9_223_372_036_854_775_807n,
    1.5,
    '1.10',
    MONDAY + 7n,
    -754_567_000_0n,
    'é "q"\n',
    'b7c3d5e6-f1a2-4b8c-9d0e-1f2a3b4c5d6e',
    new Map<string, Value>([
      ['10', [1n, 1.0, null]],
      ['9', 'x'],
    ]),
  ],
  [false, 0n, 5n, Number.NaN, '0', MONDAY, 0n, '', '00000000-0000-0000-0000-000000000000', 'text'],
  [null, null, null, Number.POSITIVE_INFINITY, null, null, null, '', null, null],
  [null, null, null, null, null, null, 864_000_000_000n * 3n, 'x', null, [true]],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tocsin-output-'));
});
afterAll(() => rm(folder, { recursive: true }));

function sample(): { rule: ReturnType<typeof ruleOf>; result: ReplayResult; lines: string[] } {
  const rule = ruleOf(`eventGroupingSettings: {aggregationKind: AlertPerResult}
entityMappings: [{entityType: Account, fieldMappings: [{identifier: FullName, columnName: a string}]}]
incidentConfiguration: {createIncident: true, groupingConfiguration: {enabled: true, matchingMethod: AllEntities}}
`);
  const runs = runsEvery(60, 4);
  const rows: ResultRow[] = CELLS.map((cells, i) => ({
    run: [0, 0, 2, 3][i]!,
    cells,
    events: i === 1 ? ['e1', 'e2'] : [],
  }));
  const { alerts } = raiseAlerts({ rule, columns, runs, rows, datasetId: 't' });
  const result: ReplayResult = {
    columns,
    entityMappings: rule.entityMappings,
    runs,
    rows,
    alerts,
    incidents: groupIncidents(rule, runs, alerts),
    rowsRead: { AuditLogs: 12 },
    warnings: ['mind'],
    digest: digestOf(columns, runs, rows),
  };
  return { rule, result, lines: [...replayLines(rule, result)] };
}

async function readBack(lines: readonly string[]): Promise<Awaited<ReturnType<typeof readReplays>>> {
  const path = join(folder, 'read.ndjson');
  await writeFile(path, lines.join('\n'));
  return readReplays(path);
}

describe('a replay written and read back', () => {
  test('is the same, for cells of every type', async () => {
    const { rule, result, lines } = sample();
    const [stored] = await readBack(lines);
    expect(stored!.rule).toEqual({ id: rule.id, name: rule.name });
    expect(stored!.result.rows).toEqual(result.rows);
    const alerts = result.alerts.map(({ systemAlertId, run, rows, entitiesDropped, record }) => ({
      systemAlertId,
      run,
      rows,
      entitiesDropped,
      record,
    }));
    const incidents = result.incidents.map(({ alerts: own, record }) => ({ alerts: own, record }));
    expect(incidents.length).toBeGreaterThan(2);
    expect(stored!.result).toEqual({ ...result, alerts, incidents });
  });

  test('holds plain SecurityAlert rows and result rows that name their alerts', () => {
    const { result, lines } = sample();
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.map((o) => o['Type'])).toEqual([
      'Replay',
      'QueryResult',
      'QueryResult',
      'SecurityAlert',
      'SecurityAlert',
      'QueryResult',
      'SecurityAlert',
      'QueryResult',
      'SecurityAlert',
      ...Array<string>(4).fill('SecurityIncident'),
    ]);
    expect(objects[2]).toMatchObject({
      RunTime: '2026-01-05T01:00:00.0000000Z',
      SystemAlertIds: [result.alerts[1]!.systemAlertId],
      events: ['e1', 'e2'],
    });
    expect(objects[1]!['Row']).toMatchObject({ 'a timespan': '-00:12:34.5670000', 'a decimal': '1.10' });
  });

  test('may be several rules in one file', async () => {
    const { lines } = sample();
    expect(await readBack([...lines, ...lines])).toHaveLength(2);
  });

  test('is read in whatever order its lines stand, other lines between them', async () => {
    const { result, lines } = sample();
    const [head, ...rest] = lines;
    const [stored] = await readBack([head!, '{"Type":"Heartbeat"}', '', ...rest.toReversed()]);
    expect(stored!.result.alerts.map((a) => a.run)).toEqual(result.alerts.map((a) => a.run));
    // Rows of one run keep the order that they are read in.
    expect(stored!.result.rows.map((r) => r.run)).toEqual([0, 0, 2, 3]);
    expect(stored!.result.warnings).toEqual(['mind', expect.stringContaining('digest differs')]);
  });

  test('whose rows were edited says so', async () => {
    const { lines } = sample();
    const [stored] = await readBack(lines.map((line) => line.replace('"a string":"x"', '"a string":"y"')));
    expect(stored!.result.warnings.at(-1)).toContain('their digest differs');
  });
});

describe('a file that is no replay', () => {
  test('has all its faults listed by line', async () => {
    const { lines } = sample();
    const bad = [
      lines[0]!,
      '{"Type":"QueryResult"',
      lines[1]!.replace('"a long":9223372036854775807', '"a long":"many"'),
      lines[1]!.replace('T01:00', 'T01:30'),
      '{"Type":"SecurityAlert"}',
    ];
    const error = await readBack(bad).catch((e: unknown) => e as Error);
    expect((error as Error).message.split('\n').map((l) => l.replace(/^.*ndjson/, ''))).toEqual([
      ':2:1: not a JSON object: "{\\"Type\\":\\"QueryResult\\""',
      ':3:1: a long: found "many", expected a long',
      ':4:1: RunTime: found "2026-01-05T01:30:00.0000000Z", which is no run of the rule',
      ':5:1: a SecurityAlert line must have a SystemAlertId',
    ]);
    expect(error).toMatchObject({ code: 'INPUT' });
  });

  test('has incidents of alerts that it does not hold, and says at which line', async () => {
    const { result, lines } = sample();
    const line = lines.findIndex((text) => text.includes('"Type":"SecurityIncident"'));
    for (const broken of [
      lines[line]!.replace(result.alerts[0]!.systemAlertId, 'unknown'),
      lines[line]!.replace('"AlertIds":"[', '"AlertIds":"{'),
    ]) {
      await expect(readBack(lines.with(line, broken))).rejects.toThrow(
        `:${line + 1}:1: AlertIds: expected the SystemAlertId of alerts of this file`,
      );
    }
  });

  test('says what is wrong with its entity mappings', async () => {
    const { lines } = sample();
    const bad = lines[0]!.replace('"entityType":"Account"', '"entityType":7');
    await expect(readBack([bad])).rejects.toThrow(/:1:1: entityMappings: expected/);
  });

  test('is refused with what it should have been', async () => {
    await expect(readBack([])).rejects.toThrow(/no line of Type "Replay" among 0 lines/);
    await expect(readBack(['{"Type":"SecurityAlert","SystemAlertId":"x"}'])).rejects.toThrow(
      /:1:1: expected a line of Type "Replay"/,
    );
    await expect(readBack(['{"Type":"Replay","format":"other/9"}'])).rejects.toThrow(/format: found "other\/9"/);
    await expect(readReplays(join(folder, 'missing'))).rejects.toMatchObject({ code: 'INPUT' });
  });
});

describe('writing', () => {
  test('leaves nothing behind where it fails or is interrupted', async () => {
    await expect(writeLines(join(folder, 'no', 'such', 'f'), ['x'])).rejects.toMatchObject({ code: 'OUTPUT' });
    const path = join(folder, 'interrupted.ndjson');
    const lines = Array.from({ length: 3 }, () => 'x'.repeat(1 << 20));
    await expect(writeLines(path, lines, AbortSignal.abort())).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    });
    expect((await readdir(folder)).filter((name) => name.startsWith('interrupted'))).toEqual([]);
  });

  test('ends every line, and replaces an older file', async () => {
    const path = join(folder, 'written.ndjson');
    await writeLines(path, ['old', 'lines']);
    await writeLines(path, ['a', 'b']);
    expect(await readFile(path, 'utf8')).toBe('a\nb\n');
  });
});

test('the digest depends on cells, order and run times, and on nothing else', () => {
  const runs = runsEvery(60, 2);
  const of = (rows: [number, string][], from = runs): string =>
    digestOf(
      [{ name: 'A', type: 'string' }],
      from,
      rows.map(([run, cell]) => ({ run, cells: [cell], events: [] })),
    );
  const base = of([
    [0, 'x'],
    [1, 'y'],
  ]);
  expect(base).toBe(
    of([
      [0, 'x'],
      [1, 'y'],
    ]),
  );
  expect(
    new Set([
      base,
      of([
        [0, 'y'],
        [1, 'x'],
      ]),
      of([
        [0, 'x'],
        [0, 'y'],
      ]),
      of([[0, 'x']]),
      of(
        [
          [0, 'x'],
          [1, 'y'],
        ],
        runsEvery(30, 2),
      ),
    ]).size,
  ).toBe(5);
});
