import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTIVITIES } from '../../../generators/audit-activities.ts';
import { type Column, columnLength, valueAt } from '../../../src/columns/column.ts';
import type { ScalarType, Value } from '../../../src/columns/value.ts';
import { parseDynamic } from '../../../src/columns/dynamic.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';
import { type Generated, generated, type Row } from '../../support/generated.ts';
import { sharedPath } from '../../support/shared.ts';

const SILENT = 'AADNonInteractiveUserSignInLogs';
const USERS = 200;
const DAYS = 4;
const SECOND = 10_000_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function text(value: Value | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'bigint' ? value.toString() : '';
}

/** The user principal name of an audit row's user, empty for an application. */
function actor(row: Row): string {
  return text((row['InitiatedBy'] as Map<string, Map<string, Value>>).get('user')?.get('userPrincipalName'));
}

function ticks(value: Value | undefined): number {
  // Differences between times of one dataset are far below 2^53; the times themselves are not.
  return Number((value as bigint) - 639_000_000_000_000_000n);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))]!;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** A value's shape: bags with their keys' shapes, arrays with the shapes of their elements, and JSON inside strings. */
function shape(value: Value | undefined): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, shape(item as Value)]));
  if (Array.isArray(value)) return ['array', ...new Set(value.map((item) => JSON.stringify(shape(item as Value))))];
  if (typeof value === 'string' && /^\s*[[{]/.test(value)) {
    const inner = parseDynamic(value) as Value;
    return typeof inner === 'string' ? 'string' : ['text of', shape(inner)];
  }
  return value === null ? 'null' : typeof value;
}

function hasType(value: Value, type: ScalarType): boolean {
  if (type === 'string') return typeof value === 'string';
  if (value === null) return true;
  if (type === 'dynamic') return value instanceof Map || Array.isArray(value);
  if (type === 'guid') return typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
  if (type === 'int') return typeof value === 'bigint' && BigInt.asIntN(32, value) === value;
  return typeof value === (type === 'bool' ? 'boolean' : type === 'real' ? 'number' : 'bigint');
}

/** Every value of a column, those of a dictionary once for all of their rows. */
function* valuesOf(column: Column): Iterable<Value> {
  if (column.kind === 'coded') for (const code of new Set(column.codes)) yield column.dictionary.value(code);
  else for (let row = 0; row < columnLength(column); row++) yield valueAt(column, row);
}

let data: Generated;
let silent: Row[];
let interactive: Row[];
let audit: Row[];

beforeAll(async () => {
  data = await generated('contoso-2k', { users: USERS, days: DAYS, seed: 77 });
  silent = data.rows(SILENT, [
    'TimeGenerated',
    'CreatedDateTime',
    INGESTION_TIME,
    'UserPrincipalName',
    'UserId',
    'AppId',
    'ResourceIdentity',
    'IPAddress',
    'ResultType',
    'CorrelationId',
    'Id',
    'SessionId',
    'AuthenticationProcessingDetails',
    'LocationDetails',
    'AutonomousSystemNumber',
    'ClientAppUsed',
    'UserAgent',
    'DeviceDetail',
  ]);
  interactive = data.rows('SigninLogs', [
    'TimeGenerated',
    'CreatedDateTime',
    INGESTION_TIME,
    'UserPrincipalName',
    'UserId',
    'ResultType',
    'CorrelationId',
    'AuthenticationDetails',
    'SessionId',
    'RiskState',
    'RiskLevelDuringSignIn',
  ]);
  audit = data.rows('AuditLogs', [
    'TimeGenerated',
    'ActivityDateTime',
    INGESTION_TIME,
    'InitiatedBy',
    'CorrelationId',
    'Category',
    'OperationName',
    'TargetResources',
    'LoggedByService',
    'AADOperationType',
  ]);
});
afterAll(() => data.remove());

describe('the schema', () => {
  test('every value of every row has the type of its column, and dynamic values are JSON', () => {
    for (const { table, rowCount } of data.manifest.tables) {
      const schema = tableColumns(table)!;
      const batch = data.dataset.all().scan(table, schema, undefined);
      expect(batch.rowCount).toBe(rowCount);
      expect(rowCount).toBeGreaterThan(100);
      const wrong = new Set<string>();
      batch.columns().forEach((column, index) => {
        const { name, type } = schema[index]!;
        expect(columnLength(column), `${table}.${name}`).toBe(rowCount);
        if (column.type !== type) wrong.add(`${table}.${name}: a column of ${column.type}`);
        for (const value of valuesOf(column)) {
          if (!hasType(value, type)) wrong.add(`${table}.${name}: ${JSON.stringify(shape(value))}`);
        }
      });
      const [types] = data.dataset
        .all()
        .scan(
          table,
          schema.filter(({ name }) => name === 'Type'),
          undefined,
        )
        .columns();
      expect([...new Set(valuesOf(types!))]).toEqual([table]);
      expect([...wrong]).toEqual([]);
    }
  });

  test('what is text in one sign-in table is dynamic in the other', () => {
    const [text] = data.rows(SILENT, ['Status', 'DeviceDetail', 'LocationDetails', 'ConditionalAccessPolicies']);
    const [dynamic] = data.rows('SigninLogs', [
      'Status',
      'DeviceDetail',
      'LocationDetails',
      'ConditionalAccessPolicies',
    ]);
    for (const name of ['Status', 'DeviceDetail', 'LocationDetails', 'ConditionalAccessPolicies']) {
      expect(typeof text![name]).toBe('string');
      expect(typeof parseDynamic(text![name] as string)).toBe('object');
      expect(typeof dynamic![name]).toBe('object');
    }
  });

  const samples: readonly [string, string, (sample: Record<string, unknown>) => (row: Row) => boolean][] = [
    [
      'sentinel_auditlogs_hunting_row1.json',
      'AuditLogs',
      (sample) => (row) =>
        row['OperationName'] === sample['OperationName'] && JSON.stringify(shape(row['InitiatedBy'])).includes('user'),
    ],
    [
      'sentinel_auditlogs_hunting_row2_mixedcase_upn.json',
      'AuditLogs',
      (sample) => (row) => row['OperationName'] === sample['OperationName'] && /[A-Z]/.test(actor(row)),
    ],
    [
      'sentinel_signinlogs_adele_row1.json',
      'SigninLogs',
      () => (row) =>
        text(row['AuthenticationDetails']).includes('Previously satisfied') &&
        text(row['AuthenticationRequirement']).startsWith('single'),
    ],
    ['sentinel_signinlogs_disabled_row1.json', 'SigninLogs', () => (row) => row['ResultType'] === '50057'],
  ];
  for (const [file, table, match] of samples) {
    const place = sharedPath('samples', file);
    test.skipIf(!place)(`a row of ${table} has the keys and JSON shapes of ${file}`, () => {
      const text = readFileSync(place!, 'utf8');
      const sample = parseDynamic(text) as Map<string, Value>;
      const wanted = match(JSON.parse(text) as Record<string, unknown>);
      const row = data.rows(table).find(wanted);
      expect(row, 'no generated counterpart').toBeDefined();
      for (const [name, value] of sample) {
        if (name.startsWith('_')) continue;
        if (value instanceof Map || Array.isArray(value)) {
          const [ours, theirs] = [JSON.stringify(shape(row![name])), JSON.stringify(shape(value))];
          // Keys of the sample's bags all occur, in whatever order.
          for (const [, key] of theirs.replaceAll('\\', '').matchAll(/"(\w+)":/g))
            expect(ours.replaceAll('\\', ''), `${name}.${key}`).toContain(`"${key}":`);
        } else if (typeof value === 'string' && value !== '') {
          expect(row![name], name).not.toBe('');
          expect(row![name], name).not.toBe(null);
        }
      }
    });
  }

  const consent = sharedPath('samples', 'audit_sequence_connect_mggraph_consent.json');
  test.skipIf(!consent)('a consent writes the four rows of a real one, with the properties of each', () => {
    const names = (target: Map<string, Value>): string[] =>
      (target.get('modifiedProperties') as Map<string, Value>[]).map((property) => text(property.get('displayName')));
    const real = (parseDynamic(readFileSync(consent!, 'utf8')) as Map<string, Map<string, Value>[]>).get('rows')!;
    const consented = audit.find((row) => row['OperationName'] === 'Consent to application' && actor(row) !== '')!;
    const rows = audit.filter((row) => row['CorrelationId'] === consented['CorrelationId']);
    expect(
      rows.map((row) => [row['LoggedByService'], row['Category'], row['OperationName'], row['AADOperationType']]),
    ).toEqual(
      real.map((row) =>
        ['loggedByService', 'category', 'activityDisplayName', 'operationType'].map((key) => row.get(key)),
      ),
    );
    real.forEach((row, index) => {
      const [theirs] = row.get('targetResources') as Map<string, Value>[];
      const [ours] = rows[index]!['TargetResources'] as Map<string, Value>[];
      const operation = text(row.get('activityDisplayName'));
      expect([operation, ours!.get('type')]).toEqual([operation, theirs!.get('type')]);
      expect([operation, names(ours!)]).toEqual([operation, expect.arrayContaining(names(theirs!))]);
    });
  });

  test('audit rows have the doubly encoded values of real ones', () => {
    let checked = 0;
    for (const row of audit) {
      for (const target of row['TargetResources'] as Value[]) {
        for (const property of (target as Map<string, Value>).get('modifiedProperties') as Map<string, Value>[]) {
          for (const key of ['oldValue', 'newValue']) {
            const value = property.get(key);
            if (value === null) continue;
            expect(() => JSON.parse(value as string), `${text(row['OperationName'])}: ${text(value)}`).not.toThrow();
            checked++;
          }
        }
      }
    }
    expect(checked).toBeGreaterThan(5000);
  });

  test('an audit row names an activity that there is, and one initiator', () => {
    const known = new Set(ACTIVITIES.map(({ service, category, operation }) => `${service}/${category}/${operation}`));
    const met = new Set(
      audit.map((row) => `${text(row['LoggedByService'])}/${text(row['Category'])}/${text(row['OperationName'])}`),
    );
    expect([...met].filter((activity) => !known.has(activity))).toEqual([]);
    expect(met.size).toBeGreaterThan(80);
    expect(audit.every((row) => (row['InitiatedBy'] as Map<string, Value>).size === 1)).toBe(true);
  });
});

describe('volumes', () => {
  test('silent sign-ins outnumber interactive ones ten to fifty times', () => {
    expect(silent.length / interactive.length).toBeGreaterThan(10);
    expect(silent.length / interactive.length).toBeLessThan(50);
  });

  test('an active user has dozens to hundreds of silent sign-ins a day, in a long tail', () => {
    const perUser = [
      ...groupBy(
        silent.filter((row) => row['ResultType'] === '0'),
        (row) => text(row['UserPrincipalName']),
      ).values(),
    ].map((rows) => rows.length / DAYS);
    expect(quantile(perUser, 0.5)).toBeGreaterThan(60);
    expect(quantile(perUser, 0.5)).toBeLessThan(120);
    expect(quantile(perUser, 0.95)).toBeGreaterThan(200);
    expect(quantile(perUser, 0.95)).toBeLessThan(600);
  });

  test('there are some 15 audit rows a user and day, most by applications', () => {
    expect(audit.length / USERS / DAYS).toBeGreaterThan(12);
    expect(audit.length / USERS / DAYS).toBeLessThan(20);
    const byApplication =
      audit.filter((row) => (row['InitiatedBy'] as Map<string, Value>).has('app')).length / audit.length;
    expect(byApplication).toBeGreaterThan(0.8);
    expect(byApplication).toBeLessThan(0.93);
  });

  test('3 to 6 % of silent sign-ins fail, most of them for few users', () => {
    const failed = silent.filter((row) => row['ResultType'] !== '0');
    expect(failed.length / silent.length).toBeGreaterThan(0.03);
    expect(failed.length / silent.length).toBeLessThan(0.065);
    const perUser = [...groupBy(failed, (row) => text(row['UserPrincipalName'])).values()]
      .map((rows) => rows.length)
      .sort((a, b) => b - a);
    expect(perUser.slice(0, 3).reduce((a, b) => a + b, 0) / failed.length).toBeGreaterThan(0.5);
  });
});

describe('rhythm', () => {
  test('a working day has two humps and a quiet night', () => {
    const berlin = silent.filter((row) => /"Berlin"/.test(text(row['LocationDetails'])) && row['ResultType'] === '0');
    const byHour = new Array<number>(24).fill(0);
    for (const row of berlin) byHour[Number(((row['CreatedDateTime'] as bigint) / BigInt(HOUR) + 2n) % 24n)]!++;
    const morning = Math.max(byHour[8]!, byHour[9]!);
    const noon = byHour[12]!;
    const afternoon = Math.max(byHour[13]!, byHour[14]!);
    expect(morning).toBeGreaterThan(noon * 1.2);
    expect(afternoon).toBeGreaterThan(noon * 1.2);
    const night = (byHour[2]! + byHour[3]!) / 2;
    expect(night / morning).toBeGreaterThan(0.02);
    expect(night / morning).toBeLessThan(0.15);
  });

  test('a program renews its token every 60 to 90 minutes', () => {
    const mobile = silent.filter(
      (row) => row['AppId'] === '27922004-5251-4030-b22d-91ecd9a37ea4' && row.$events.length === 0,
    );
    const gaps: number[] = [];
    for (const rows of groupBy(mobile, (row) => text(row['UserPrincipalName'])).values()) {
      const times = rows.map((row) => ticks(row['CreatedDateTime'])).sort((a, b) => a - b);
      for (let i = 1; i < times.length; i++) gaps.push((times[i]! - times[i - 1]!) / MINUTE);
    }
    const short = gaps.filter((gap) => gap > 1 && gap < 95);
    expect(short.length).toBeGreaterThan(500);
    expect(short.filter((gap) => gap >= 60 && gap <= 90).length / short.length).toBeGreaterThan(0.9);
  });

  test('rows of one page load share a correlation id, an account and a time of publication', () => {
    const groups = [...groupBy(silent, (row) => text(row['CorrelationId'])).values()].filter((rows) => rows.length > 2);
    expect(groups.length).toBeGreaterThan(500);
    for (const rows of groups) {
      expect(new Set(rows.map((row) => row['UserPrincipalName'])).size).toBe(1);
      const times = rows.map((row) => ticks(row['CreatedDateTime']));
      expect((Math.max(...times) - Math.min(...times)) / MINUTE).toBeLessThan(2);
    }
    const sameTick = groups.filter(
      (rows) => new Set(rows.map((row) => row['TimeGenerated'])).size < rows.length,
    ).length;
    expect(sameTick / groups.length).toBeGreaterThan(0.8);
  });

  test('audit rows of one action share a correlation id', () => {
    const groups = [...groupBy(audit, (row) => text(row['CorrelationId'])).values()];
    expect(groups.filter((rows) => rows.length > 1).length).toBeGreaterThan(100);
    for (const rows of groups)
      expect(new Set(rows.map((row) => JSON.stringify(shape(row['InitiatedBy'])))).size).toBeLessThanOrEqual(2);
  });
});

describe('clocks', () => {
  test('nothing happens outside the time that the dataset covers', () => {
    const start = Date.parse(data.manifest.start);
    const end = Date.parse(data.manifest.end);
    const ms = (value: Value | undefined): number => Number((value as bigint) / 10_000n) - 62_135_596_800_000;
    const outside = [...silent, ...interactive, ...audit].filter((row) => {
      const at = ms(row['CreatedDateTime'] ?? row['ActivityDateTime']);
      const published = ms(row['TimeGenerated']);
      return !(at >= start && at <= published && published < end && row[INGESTION_TIME]! > row['TimeGenerated']!);
    });
    expect(outside).toEqual([]);
  });

  test('sign-ins are published after a median of 75 s, 99 % within 5 minutes; audit rows at once', () => {
    const lags = [...silent, ...interactive].map(
      (row) => (ticks(row['TimeGenerated']) - ticks(row['CreatedDateTime'])) / SECOND,
    );
    expect(quantile(lags, 0.5)).toBeGreaterThan(68);
    expect(quantile(lags, 0.5)).toBeLessThan(82);
    expect(quantile(lags, 0.99)).toBeGreaterThan(250);
    expect(quantile(lags, 0.99)).toBeLessThan(350);
    expect(audit.every((row) => row['TimeGenerated'] === row['ActivityDateTime'])).toBe(true);
  });

  test('rows can be queried after a median of 2 minutes, 95 % within 5', () => {
    const lags = audit
      .filter((row) => row.$events.length === 0)
      .map((row) => (ticks(row[INGESTION_TIME]) - ticks(row['TimeGenerated'])) / SECOND);
    expect(quantile(lags, 0.5)).toBeGreaterThan(110);
    expect(quantile(lags, 0.5)).toBeLessThan(130);
    expect(quantile(lags, 0.95)).toBeGreaterThan(270);
    expect(quantile(lags, 0.95)).toBeLessThan(340);
  });

  test('about one silent sign-in in 200 is published twice, under one id', () => {
    const twice = [...groupBy(silent, (row) => text(row['Id'])).values()].filter((rows) => rows.length > 1);
    expect(twice.length / silent.length).toBeGreaterThan(0.003);
    expect(twice.length / silent.length).toBeLessThan(0.007);
    for (const rows of twice) {
      expect(rows).toHaveLength(2);
      expect(new Set(rows.map((row) => `${text(row['UserPrincipalName'])} ${text(row['CreatedDateTime'])}`)).size).toBe(
        1,
      );
    }
  });
});

describe('names and places', () => {
  test('sign-ins write names in lower case, audit rows as the directory does', () => {
    for (const row of [...silent, ...interactive])
      expect(row['UserPrincipalName']).toBe(text(row['UserPrincipalName']).toLowerCase());
    const actors = new Set(audit.flatMap((row) => actor(row)));
    const capitals = [...actors].filter((name) => /^[A-Z]/.test(name));
    expect(capitals.length / actors.size).toBeGreaterThan(0.05);
    expect(capitals.length / actors.size).toBeLessThan(0.3);
  });

  test('guests sign in under their own address and act under #EXT#', () => {
    expect(silent.some((row) => /@(outlook|gmail|fabrikam|adatum)\.com$/.test(text(row['UserPrincipalName'])))).toBe(
      true,
    );
    expect(silent.some((row) => text(row['UserPrincipalName']).includes('#'))).toBe(false);
  });

  test('nobody is in two cities within an hour, but for attacks and those who use a VPN', () => {
    let moves = 0;
    let people = 0;
    for (const rows of groupBy(
      silent.filter((row) => row.$events.length === 0),
      (row) => text(row['UserPrincipalName']),
    ).values()) {
      people++;
      const cities = groupBy(rows, (row) => text((row['CreatedDateTime'] as bigint) / BigInt(HOUR)));
      const moved = [...cities.values()].some(
        (hour) => new Set(hour.map((row) => text(row['LocationDetails']))).size > 1,
      );
      if (moved) moves++;
    }
    // The company's VPN leaves from its main office, a commercial one from wherever it has a server.
    expect(moves / people).toBeLessThan(0.35);
  });

  test('a chain of tokens begins with an interactive sign-in of its session', () => {
    const firstOf = (rows: readonly Row[]): number => Math.min(...rows.map((row) => ticks(row['CreatedDateTime'])));
    const signIns = groupBy(
      interactive.filter((row) => row['ResultType'] === '0'),
      (row) => text(row['SessionId']),
    );
    const own = silent.filter((row) => row.$events.length === 0);
    const machine = (row: Row): string => {
      const device = parseDynamic(text(row['DeviceDetail'])) as Map<string, Value>;
      return [row['UserPrincipalName'], device.get('operatingSystem'), device.get('displayName')].map(text).join('|');
    };
    let begun = 0;
    for (const rows of groupBy(own, machine).values()) {
      const sessions = [...groupBy(rows, (row) => text(row['SessionId']))].toSorted(
        (a, b) => firstOf(a[1]) - firstOf(b[1]),
      );
      // The first that the dataset shows began before it.
      for (const [session, tokens] of sessions.slice(1)) {
        begun++;
        expect(firstOf(signIns.get(session) ?? [])).toBeLessThan(firstOf(tokens));
      }
    }
    expect(begun).toBeGreaterThan(USERS / 10);
  });

  test('a stolen token keeps the session of its victim', async () => {
    const truth = await data.dataset.truth();
    const replays = truth
      .filter(({ scenario }) => scenario === 'token-replay-role-assignment')
      .flatMap(({ events }) => events.filter(({ table }) => table === SILENT));
    expect(replays.length).toBeGreaterThan(5);
    const sessions = new Set(
      [...silent, ...interactive].filter((row) => row.$events.length === 0).map((row) => text(row['SessionId'])),
    );
    const stolen = silent.filter((row) => row.$events.some((event) => replays.some(({ id }) => id === event)));
    expect(stolen.filter((row) => sessions.has(text(row['SessionId']))).length).toBeGreaterThan(stolen.length / 2);
  });
});

describe('causes', () => {
  test('a changed password has the tokens of other devices refused until somebody signs in anew', () => {
    const DAY = 24 * HOUR;
    const own = (row: Row): boolean => row.$events.length === 0;
    const changedAt = new Map<string, number>();
    for (const row of audit.filter(own)) {
      if (/^(Change user password|Reset password \(self-service\))$/.test(text(row['OperationName'])))
        changedAt.set(actor(row).toLowerCase(), ticks(row['ActivityDateTime']));
    }
    expect(changedAt.size).toBeGreaterThan(5);
    const refused = groupBy(
      silent.filter((row) => own(row) && row['ResultType'] === '50173'),
      (row) => text(row['UserPrincipalName']),
    );
    const isLoop = (rows: readonly Row[]): boolean => rows.length > 100;
    const after = [...changedAt].filter(([name, at]) =>
      (refused.get(name) ?? []).some((row) => {
        const since = ticks(row['CreatedDateTime']) - at;
        return since >= 0 && since < DAY;
      }),
    );
    const others = [...refused].filter(([name, rows]) => !changedAt.has(name) && !isLoop(rows)).length;
    expect(after.length / changedAt.size).toBeGreaterThan(0.4);
    expect(others / USERS).toBeLessThan(0.25);
    // Where it ends, an interactive sign-in with a second factor stands.
    for (const [name, at] of after) {
      const last = Math.max(
        ...refused
          .get(name)!
          .map((row) => ticks(row['CreatedDateTime']))
          .filter((time) => time >= at && time < at + DAY),
      );
      const anew = interactive.some(
        (row) =>
          row['UserPrincipalName'] === name &&
          row['ResultType'] === '0' &&
          ticks(row['CreatedDateTime']) > last - MINUTE,
      );
      expect([name, anew || last > at + DAY / 2]).toEqual([name, true]);
    }
  });

  test('a password that the help desk resets has the tokens of its owner refused on every device', () => {
    const own = (row: Row): boolean => row.$events.length === 0;
    const resetAt = new Map<string, number>();
    const revoking = new Set(
      audit
        .filter((row) => row['OperationName'] === 'Update StsRefreshTokenValidFrom Timestamp' && actor(row) !== '')
        .map((row) => row['CorrelationId']),
    );
    for (const row of audit.filter(own)) {
      if (row['OperationName'] !== 'Reset user password' || !revoking.has(row['CorrelationId'])) continue;
      const [target] = row['TargetResources'] as Map<string, Value>[];
      resetAt.set(text(target!.get('userPrincipalName')).toLowerCase(), ticks(row['ActivityDateTime']));
    }
    expect(resetAt.size).toBeGreaterThan(5);
    const within = (rows: readonly Row[], name: string, at: number, until: number): Row[] =>
      rows.filter((row) => {
        const since = ticks(row['CreatedDateTime']) - at;
        return row['UserPrincipalName'] === name && since >= 0 && since < until;
      });
    const refused = [...resetAt].filter(([name, at]) =>
      within(silent, name, at, 24 * HOUR).some((row) => row['ResultType'] === '50173'),
    );
    expect(refused.length / resetAt.size).toBeGreaterThan(0.5);
    const signedIn = [...resetAt].filter(([name, at]) =>
      within(interactive, name, at, 4 * HOUR).some((row) => row['ResultType'] === '0'),
    );
    expect(signedIn.length / resetAt.size).toBeGreaterThan(0.8);
  });

  test('a few honest sign-ins are detected as risky, mostly low, and few of those are attacks', () => {
    const risky = interactive.filter((row) => row['RiskLevelDuringSignIn'] !== 'none');
    expect(risky.length / interactive.length).toBeGreaterThan(0.002);
    expect(risky.length / interactive.length).toBeLessThan(0.03);
    const low = risky.filter((row) => row['RiskLevelDuringSignIn'] === 'low').length;
    expect(low / risky.length).toBeGreaterThan(0.4);
    expect(new Set(risky.map((row) => row['RiskState'])).size).toBeGreaterThan(1);
    expect(risky.filter((row) => row.$events.length > 0).length / risky.length).toBeLessThan(0.5);
  });
});
