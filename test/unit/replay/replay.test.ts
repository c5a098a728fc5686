/**
 * The shipped rule at its edges, through the whole path: the rule file, its plan, the schedule, partitions and alerts. The
 * rule: hourly over two hours, an audit action within [0, 60] minutes of the user's last silent sign-in from an address.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDatetime, TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import { replay, type Replay, type ReplayOptions } from '../../../src/replay/replay.ts';
import { compileRule } from '../../../src/rules/compile.ts';
import { at, audit, memoryDataset, signIn, type TestTables } from '../../support/replay.ts';

const seed = readFileSync('rules/ni-auth-privileged-audit-actions.yaml', 'utf8');
const rule = compileRule(seed, { file: 'ni.yaml' });

function run(
  tables: TestTables,
  options: ReplayOptions & { partitionCount?: number; yaml?: string } = {},
): Promise<Replay> {
  const { partitionCount = 1, yaml, ...rest } = options;
  return replay(memoryDataset(tables, { partitionCount }), yaml ? compileRule(yaml) : rule, { threads: 0, ...rest });
}

/** For each result row its run's hour, user, address and time since the sign-in. */
function rowsOf(result: Replay): string[] {
  const shown = ['UserPrincipalName', 'IPAddress', 'TimeSinceNISignIn'].map((name) =>
    result.columns.findIndex((column) => column.name === name),
  );
  return result.rows.map(({ run: r, cells }) => {
    const hour = formatDatetime(result.runs[r]!.at).slice(11, 16);
    return [hour, ...shown.map((index) => String(cells[index] as string | bigint))].join(' ');
  });
}

const A = 'alice@contoso.com';

async function sinceSignIn(difference: bigint): Promise<string[]> {
  const action = at('10:30');
  return rowsOf(
    await run({
      AADNonInteractiveUserSignInLogs: [signIn(action - difference, A, '1.1.1.1')],
      AuditLogs: [audit(action, A)],
    }),
  );
}

describe('an action after a sign-in', () => {
  test('at the same instant rings', async () => {
    expect(await sinceSignIn(0n)).toEqual([`11:00 ${A} 1.1.1.1 0`, `12:00 ${A} 1.1.1.1 0`]);
  });

  test('exactly 60 minutes later rings while both are in the window', async () => {
    const hour = TICKS_PER_HOUR;
    expect(await sinceSignIn(hour)).toEqual([`11:00 ${A} 1.1.1.1 ${hour}`]);
  });

  test('60 minutes and a tick later does not ring', async () => {
    expect(await sinceSignIn(TICKS_PER_HOUR + 1n)).toEqual([]);
  });

  test('a tick before it does not ring', async () => {
    expect(await sinceSignIn(-1n)).toEqual([]);
  });
});

describe('the window (T - 2 h, T]', () => {
  test('holds what was generated at T and not what was generated at T - 2 h', async () => {
    const on = at('10:00');
    const result = await run({
      AADNonInteractiveUserSignInLogs: [signIn(on, A, '1.1.1.1')],
      AuditLogs: [audit(on, A)],
    });
    expect(rowsOf(result)).toEqual([`10:00 ${A} 1.1.1.1 0`, `11:00 ${A} 1.1.1.1 0`]);
  });

  test('one tick after T - 2 h is still in it', async () => {
    const after = at('10:00') + 1n;
    const result = await run({
      AADNonInteractiveUserSignInLogs: [signIn(after, A, '1.1.1.1')],
      AuditLogs: [audit(after, A)],
    });
    expect(rowsOf(result)).toEqual([`11:00 ${A} 1.1.1.1 0`, `12:00 ${A} 1.1.1.1 0`]);
  });

  test('shows what was ingested by T + 5 min, to the tick', async () => {
    const action = at('10:30');
    const ingestedAt = async (ingested: bigint): Promise<string[]> =>
      rowsOf(
        await run({
          AADNonInteractiveUserSignInLogs: [signIn(action, A, '1.1.1.1')],
          AuditLogs: [audit(action, A, { ingested })],
        }),
      );
    expect(await ingestedAt(at('11:05'))).toEqual([`11:00 ${A} 1.1.1.1 0`, `12:00 ${A} 1.1.1.1 0`]);
    expect(await ingestedAt(at('11:05') + 1n)).toEqual([`12:00 ${A} 1.1.1.1 0`]);
    expect(await ingestedAt(at('12:05') + 1n)).toEqual([]);
  });
});

describe('the rule as written', () => {
  test('loses an action when the user signs in again after it', async () => {
    const tables = {
      AADNonInteractiveUserSignInLogs: [signIn(at('10:20'), A, '1.1.1.1'), signIn(at('10:40'), A, '1.1.1.1')],
      AuditLogs: [audit(at('10:30'), A)],
    };
    expect(rowsOf(await run(tables))).toEqual([]);
    const before = {
      ...tables,
      AADNonInteractiveUserSignInLogs: [signIn(at('10:20'), A, '1.1.1.1'), signIn(at('11:10'), A, '1.1.1.1')],
    };
    expect(rowsOf(await run(before))).toEqual([`11:00 ${A} 1.1.1.1 ${10n * TICKS_PER_MINUTE}`]);
  });

  test('reports one action once for each address of the user', async () => {
    const tables = {
      AADNonInteractiveUserSignInLogs: [signIn(at('10:20'), A, '2.2.2.2'), signIn(at('10:25'), A, '1.1.1.1')],
      AuditLogs: [audit(at('10:30'), A)],
    };
    expect(rowsOf(await run(tables)).filter((row) => row.startsWith('11'))).toEqual([
      // Rows that the rule's own order does not part stand in the order of their cells: the earlier sign-in first.
      `11:00 ${A} 2.2.2.2 ${10n * TICKS_PER_MINUTE}`,
      `11:00 ${A} 1.1.1.1 ${5n * TICKS_PER_MINUTE}`,
    ]);
  });

  test('does not join names that differ in case, applications, or failed sign-ins', async () => {
    const on = at('10:30');
    const sign = [signIn(on, A, '1.1.1.1'), signIn(on, 'bob@contoso.com', '1.1.1.1', { ResultType: '50076' })];
    const actions = [
      audit(on, 'Alice@contoso.com'),
      audit(on, '', { InitiatedBy: { app: { displayName: A } } }),
      audit(on, 'bob@contoso.com'),
      audit(on, A, { Category: 'Device' }),
    ];
    const result = await run({ AADNonInteractiveUserSignInLogs: sign, AuditLogs: actions });
    expect(rowsOf(result)).toEqual([]);
    expect(result.warnings).toEqual([expect.stringMatching(/^ni\.yaml:\d+:\d+: this join matched nothing in any run/)]);
  });

  test('carries the events behind each row', async () => {
    const tables = {
      AADNonInteractiveUserSignInLogs: [signIn(at('10:20'), A, '1.1.1.1', { event: 'e2' })],
      AuditLogs: [audit(at('10:30'), A, { event: 'e1' }), audit(at('10:31'), A)],
    };
    const result = await run(tables);
    expect(result.rows.filter((r) => r.run === 10).map((r) => r.events)).toEqual([['e2'], ['e1', 'e2']]);
  });
});

describe('a replay', () => {
  const busy: TestTables = {
    AADNonInteractiveUserSignInLogs: Array.from({ length: 60 }, (_, i) =>
      signIn(
        at('08:00') + BigInt(i * 5) * TICKS_PER_MINUTE,
        `u${i % 12}@contoso.com`,
        `10.0.0.${i % 5}`,
        i % 7 === 0 ? { event: `s${i}` } : {},
      ),
    ),
    AuditLogs: Array.from({ length: 40 }, (_, i) =>
      audit(
        at('08:30') + BigInt(i * 7) * TICKS_PER_MINUTE,
        `u${(i * 5) % 12}@contoso.com`,
        i % 4 === 0 ? { event: `a${i}` } : {},
      ),
    ),
  };

  test('gives one alert a run that has rows, and their incidents', async () => {
    const result = await run(busy);
    const runsWithRows = new Set(result.rows.map((r) => r.run));
    expect(result.rows.length).toBeGreaterThan(20);
    expect(result.alerts.map((a) => a.run)).toEqual([...runsWithRows]);
    expect(result.alerts.flatMap((a) => a.rows)).toEqual(result.rows.map((_, i) => i));
    // AnyAlert over five hours: everything that rings between 09:05 and 14:05 is one incident.
    expect(result.incidents.length).toBeLessThan(3);
    expect(result.rowsRead).toEqual({ AuditLogs: 40, AADNonInteractiveUserSignInLogs: 60 });
    expect(result.warnings).toEqual([]);
  });

  test('is the same for any number of partitions', async () => {
    const one = await run(busy);
    for (const partitionCount of [4, 16]) {
      const many = await run(busy, { partitionCount });
      expect(many.rows).toEqual(one.rows);
      expect(many.digest).toBe(one.digest);
      expect(many.alerts).toEqual(one.alerts);
      expect(many.warnings).toEqual(one.warnings);
    }
  });

  test('follows the rule file: period, category and join key change the rows', async () => {
    const digests = await Promise.all(
      [
        seed,
        seed.replace('60m', '30m'),
        seed.replace('"RoleManagement", ', ''),
        seed.replace('$left.UPN', '$left.OperationName'),
      ].map(async (yaml) => (await run(busy, { yaml })).digest),
    );
    expect(new Set(digests).size).toBe(3);
    expect(digests[2]).toBe(digests[3]);
  });

  test('tells how far it is', async () => {
    const seen: string[] = [];
    await run(busy, {
      partitionCount: 3,
      onProgress: ({ phase, done, total }) => seen.push(`${phase} ${done}/${total}`),
    });
    expect(seen.slice(0, 4)).toEqual(['rows 0/3', 'rows 1/3', 'rows 2/3', 'rows 3/3']);
    expect(seen.at(-1)).toBe('runs 25/25');
  });

  test('that is interrupted says so', async () => {
    const controller = new AbortController();
    const stop = (): void => controller.abort();
    await expect(run(busy, { partitionCount: 4, signal: controller.signal, onProgress: stop })).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    });
  });

  test('of a suppressed rule leaves out the runs that never happened', async () => {
    const yaml = `${seed}suppressionEnabled: true\nsuppressionDuration: PT5H\n`;
    const all = await run(busy);
    const result = await run(busy, { yaml });
    expect(result.alerts.length).toBeLessThan(all.alerts.length);
    expect(result.rows).toEqual(all.rows.filter((r) => result.alerts.some((a) => a.run === r.run)));
    expect(result.alerts.flatMap((a) => a.rows)).toEqual(result.rows.map((_, i) => i));
  });
});

describe('what a replay warns of', () => {
  test('tables without rows', async () => {
    const result = await run({ AuditLogs: [audit(at('10:00'), A)] });
    expect(result.warnings).toEqual(['the dataset has no rows of AADNonInteractiveUserSignInLogs']);
    expect((await run({})).warnings).toHaveLength(2);
  });

  test('a condition that no row meets, at its line of the file', async () => {
    const yaml =
      'name: x\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: |\n  AuditLogs\n  | where Category == "Nope"\n';
    const result = await run({ AuditLogs: [audit(at('10:00'), A)] }, { yaml });
    expect(result.warnings).toEqual([
      expect.stringMatching(/^rule\.yaml:7:\d+: this condition let nothing through in any run/),
    ]);
  });

  test('what was strange about the rule', async () => {
    const yaml = 'name: x\nkind: NRT\nquerry: 1\nquery: AuditLogs\n';
    const result = await run({ AuditLogs: [audit(at('10:00'), A)] }, { yaml });
    expect(result.warnings).toEqual(['rule.yaml:3:1: unknown field "querry"']);
  });

  test('a look-back longer than the dataset', async () => {
    const yaml = 'name: x\nkind: Scheduled\nqueryFrequency: 1d\nqueryPeriod: 14d\nquery: AuditLogs\n';
    const result = await run({ AuditLogs: [audit(at('10:00'), A)] }, { yaml });
    expect(result.warnings).toEqual([expect.stringContaining('looks back 14d, but the dataset covers only 1d')]);
  });
});

describe('an NRT rule', () => {
  const yaml = 'name: nrt\nkind: NRT\nquery: |\n  AuditLogs\n  | project TimeGenerated, now()\n';

  test('sees each row once, in the minute that it was ingested, however late', async () => {
    const action = at('10:00');
    const ingested = [at('10:02'), at('10:02') + 1n, at('13:30:30')];
    const result = await run({ AuditLogs: ingested.map((time) => audit(action, A, { ingested: time })) }, { yaml });
    const times = result.rows.map((r) => formatDatetime(result.runs[r.run]!.at).slice(11, 19));
    expect(times).toEqual(['10:02:00', '10:03:00', '13:31:00']);
    expect(result.alerts.map((a) => (a.record['TimeGenerated'] as string).slice(11, 19))).toEqual([
      '10:04:00',
      '10:05:00',
      '13:33:00',
    ]);
  });
});

test('any rows give the same replay in any partitioning', async () => {
  const user = fc.constantFrom('a@x', 'b@x', 'c@x', 'D@x');
  const minute = fc.integer({ min: 0, max: 300 });
  const signIns = fc.array(fc.tuple(minute, user, fc.constantFrom('1', '2'), fc.integer({ min: 0, max: 80 })), {
    maxLength: 30,
  });
  const audits = fc.array(fc.tuple(minute, user, fc.integer({ min: 0, max: 80 })), { maxLength: 20 });
  const time = (m: number): bigint => at('08:00') + BigInt(m) * TICKS_PER_MINUTE;
  await fc.assert(
    fc.asyncProperty(signIns, audits, async (s, a) => {
      const tables = {
        AADNonInteractiveUserSignInLogs: s.map(([m, u, ip, late]) =>
          signIn(time(m), u, ip, { ingested: time(m + late) }),
        ),
        AuditLogs: a.map(([m, u, late], i) => audit(time(m), u, { ingested: time(m + late), OperationName: `op${i}` })),
      };
      const one = await run(tables);
      const three = await run(tables, { partitionCount: 3 });
      expect(three.rows).toEqual(one.rows);
      // Row by row, as the rule reads: the last sign-in in the window for each user and address.
      const expected: string[] = [];
      for (const { at: T } of one.runs) {
        const visible = (m: number, late: number): boolean =>
          time(m) > T - 2n * TICKS_PER_HOUR && time(m) <= T && time(m + late) <= T + 5n * TICKS_PER_MINUTE;
        const last = new Map<string, bigint>();
        for (const [m, u, ip, late] of s) {
          const key = `${u} ${ip}`;
          if (visible(m, late) && time(m) > (last.get(key) ?? 0n)) last.set(key, time(m));
        }
        for (const [m, u, late] of a) {
          if (!visible(m, late)) continue;
          for (const [key, signed] of last) {
            const since = time(m) - signed;
            if (key.startsWith(`${u} `) && since >= 0n && since <= TICKS_PER_HOUR) {
              expected.push(`${formatDatetime(T).slice(11, 16)} ${key} ${since}`);
            }
          }
        }
      }
      expect(rowsOf(one).toSorted()).toEqual(expected.toSorted());
    }),
    { numRuns: 60 },
  );
});

test('analysts close incidents as soon as the dataset says, unless the caller says otherwise', async () => {
  const yaml = `name: x
kind: Scheduled
queryFrequency: 1h
queryPeriod: 1h
query: AuditLogs
incidentConfiguration: {createIncident: true, groupingConfiguration: {enabled: true, matchingMethod: AnyAlert, lookbackDuration: 1d}}
`;
  const dataset = memoryDataset({ AuditLogs: ['09:10', '10:10', '11:10', '12:10'].map((time) => audit(at(time), A)) });
  const closing = { ...dataset, manifest: { ...dataset.manifest, analysts: { timeToCloseMs: 2 * 3_600_000 } } };
  const incidents = async (over: typeof closing | typeof dataset, options: ReplayOptions = {}): Promise<unknown[]> => {
    const result = await replay(over, compileRule(yaml), { threads: 0, ...options });
    return result.incidents.map(({ alerts, record }) => [...alerts, record['Status']]);
  };
  expect(await incidents(dataset)).toEqual([[0, 1, 2, 3, 'New']]);
  expect(await incidents(closing)).toEqual([
    [0, 1, 'Closed'],
    [2, 3, 'Closed'],
  ]);
  expect(await incidents(closing, { incidents: { lookbackFrom: 'first', timeToClose: undefined } })).toEqual([
    [0, 1, 2, 3, 'New'],
  ]);
});

test('an operator that needs more than the memory limit is named, with its place in the rule', async () => {
  const tables: TestTables = {
    AADNonInteractiveUserSignInLogs: Array.from({ length: 90 }, (_, minute) =>
      signIn(at('09:00') + BigInt(minute) * TICKS_PER_MINUTE, A, '203.0.113.7'),
    ),
    AuditLogs: [audit(at('10:30'), A)],
  };
  await expect(run(tables, { memoryLimit: 1000 })).rejects.toThrow(
    /^ni\.yaml:\d+:\d+: AADNonInteractiveUserSignInLogs would need [\d.]+ KB for 90 rows in one run, .*more than the 1000 B allowed/,
  );
  expect((await run(tables, { memoryLimit: 1_000_000 })).rows.length).toBeGreaterThan(0);
});
