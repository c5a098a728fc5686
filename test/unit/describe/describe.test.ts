import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import picocolors from 'picocolors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importFiles } from '../../../src/dataset/import.ts';
import { openDataset } from '../../../src/dataset/read.ts';
import { type Description, describeDataset } from '../../../src/describe/describe.ts';
import { PUBLISHED } from '../../../src/describe/published.ts';
import { descriptionText } from '../../../src/report/description.ts';
import { type Generated, generated } from '../../support/generated.ts';

const SILENT = 'AADNonInteractiveUserSignInLogs';
const USERS = 300;
const DAYS = 3;

const ajv = addFormats.default(
  new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }),
);
const validate = ajv.compile(JSON.parse(readFileSync('docs/describe.schema.json', 'utf8')) as object);

function textOf(description: Description, color = false): string {
  return descriptionText(description, picocolors.createColors(color));
}

function table(description: Description, name: string) {
  return description.tables.find((each) => each.table === name)!;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-describe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Imports records and describes them. */
async function described(name: string, records: readonly object[], options: { partitionCount?: number } = {}) {
  const file = path.join(folder, `${name}.ndjson`);
  writeFileSync(file, records.map((record) => JSON.stringify(record)).join('\n'));
  const out = path.join(folder, name);
  await importFiles([file], { out, ...options });
  return describeDataset(await openDataset(out));
}

function signIn(user: string, time: string, more: object = {}) {
  return {
    Type: SILENT,
    TimeGenerated: time,
    UserPrincipalName: user,
    AppDisplayName: 'Mail',
    ResultType: '0',
    ...more,
  };
}

function audit(actor: object, time: string, more: object = {}) {
  return {
    Type: 'AuditLogs',
    TimeGenerated: time,
    ActivityDateTime: time,
    OperationName: 'Update user',
    Category: 'UserManagement',
    Result: 'success',
    InitiatedBy: actor,
    ...more,
  };
}

describe('a generated dataset', () => {
  let data: Generated;
  let description: Description;
  beforeAll(async () => {
    data = await generated('contoso-2k', { users: USERS, days: DAYS, seed: 11 });
    description = await describeDataset(data.dataset);
  });
  afterAll(() => data.remove());

  test.each(PUBLISHED.map(({ name }) => name))('agrees with what was published: %s', (name) => {
    const { measured, agrees, low, high, tolerance } = description.published.find((each) => each.name === name)!;
    expect(measured, `${low} to ${high}, give or take ${tolerance}`).not.toBeNull();
    expect(agrees, `${measured}: ${low} to ${high}, give or take ${tolerance}`).toBe(true);
  });

  test('is counted as its manifest and its rows have it', () => {
    expect(description).toMatchObject({ days: DAYS, users: expect.any(Number) as number });
    for (const { table: name, rowCount } of data.manifest.tables) {
      const { rows, byHour, rowsWithoutTime } = table(description, name);
      expect([rows, byHour.reduce((a, b) => a + b, 0), rowsWithoutTime]).toEqual([rowCount, rowCount, 0]);
    }
    const rows = data.rows('SigninLogs', ['TimeGenerated', 'UserPrincipalName', 'ResultType', 'AppDisplayName']);
    const found = table(description, 'SigninLogs');
    expect(found.users).toBe(new Set(rows.map((row) => row['UserPrincipalName'])).size);
    expect(found.failures!.rows).toBe(rows.filter((row) => row['ResultType'] !== '0').length);
    const perApplication = groupBy(rows, (row) => row['AppDisplayName'] as string);
    expect(found.applications!.distinct).toBe(perApplication.size);
    for (const { value, rows: count } of found.applications!.top) expect(count).toBe(perApplication.get(value)!.length);
    const perUserDay = [
      ...groupBy(
        rows,
        (row) => `${row['UserPrincipalName'] as string} ${(row['TimeGenerated'] as bigint) / 864_000_000_000n}`,
      ).values(),
    ].map((each) => each.length);
    expect(found.rowsPerActiveUserDay).toMatchObject({ count: perUserDay.length, max: Math.max(...perUserDay) });
    expect(found.failures!.top[0]).toMatchObject({ description: expect.stringMatching(/\w{5}/) as string });
  });

  test('shows what was planted, by kind', async () => {
    const truth = await data.dataset.truth();
    for (const [kinds, kind] of [
      [description.attacks, 'attack'],
      [description.lookalikes, 'lookalike'],
    ] as const) {
      expect(kinds.length).toBeGreaterThan(2);
      expect(kinds.reduce((sum, { incidents }) => sum + incidents, 0)).toBe(
        truth.filter((incident) => incident.kind === kind).length,
      );
    }
    const malicious = truth.flatMap(({ events }) => events).filter(({ role }) => role === 'malicious').length;
    expect(description.attacks.reduce((sum, { events }) => sum + events.malicious, 0)).toBe(malicious);
  });

  test('is the same in any number of partitions, but for its path', async () => {
    const other = await generated('contoso-2k', { users: USERS, days: DAYS, seed: 11, partitionCount: 7 });
    const { dataset: _, ...again } = await describeDataset(other.dataset);
    other.remove();
    const { dataset: __, ...first } = description;
    expect(again).toEqual(first);
  });

  test('keeps to its schema, and lists as many values as asked for', async () => {
    validate(JSON.parse(JSON.stringify(description)));
    expect(validate.errors).toBeNull();
    const long = await describeDataset(data.dataset, { top: 1000 });
    const { applications } = table(long, SILENT);
    expect(applications!.top.length).toBe(applications!.distinct);
    expect(table(description, SILENT).applications).toEqual({
      distinct: applications!.distinct,
      top: applications!.top.slice(0, 5),
    });
  });

  test('reads in 80 columns, and without colour as with it', () => {
    const text = textOf({ ...description, dataset: 'tenant' });
    for (const line of text.split('\n')) expect(Array.from(line).length, line).toBeLessThanOrEqual(80);
    expect(text).not.toContain('\u001b');
    expect(textOf({ ...description, dataset: 'tenant' }, true).replaceAll(/\u001b\[\d+m/g, '')).toBe(text);
    const [first, second] = textOf({ ...description, dataset: 'a'.repeat(60) }).split('\n');
    expect([first, second]).toEqual(['a'.repeat(60), `  contoso-2k, ${USERS} users, seed 11`]);
    for (const part of ['beside published figures', 'attacks planted', '00 01 02 03', 'failed in SigninLogs']) {
      expect(text).toContain(part);
    }
  });
});

describe('an import', () => {
  test('counts users whatever the letter case, and applications as none', async () => {
    const description = await described('case', [
      signIn('ann@contoso.com', '2026-06-01T08:00:00Z'),
      signIn('Ann@contoso.com', '2026-06-01T09:00:00Z', { ResultType: '50173', ResultDescription: 'Start anew.' }),
      signIn('bob@contoso.com', '2026-06-02T08:00:00Z', { ResultType: '50173' }),
      audit({ user: { userPrincipalName: 'ANN@contoso.com' } }, '2026-06-02T08:30:00Z'),
      audit({ app: { displayName: 'Sync' } }, '2026-06-02T08:31:00Z', { Result: 'failure' }),
    ]);
    expect(description).toMatchObject({ users: 2, rows: 5, silentPerInteractive: null, attacks: [], lookalikes: [] });
    expect(description.rowsPerUser).toMatchObject({ count: 2, p50: 1, max: 3 });
    expect(table(description, SILENT)).toMatchObject({
      users: 2,
      first: '2026-06-01T08:00:00.0000000Z',
      last: '2026-06-02T08:00:00.0000000Z',
      rowsPerActiveUserDay: { count: 2, p50: 1, max: 2 },
      failures: { rows: 2, share: 2 / 3, distinct: 1, top: [{ value: '50173', rows: 2, description: 'Start anew.' }] },
      publishDelayMs: null,
      applications: { distinct: 1, top: [{ value: 'Mail', rows: 3, share: 1 }] },
    });
    expect(table(description, 'AuditLogs')).toMatchObject({
      users: 1,
      failures: { rows: 1 },
      publishDelayMs: { max: 0 },
    });
    expect(description.byHour[8]).toBe(4);
    expect(description.byHour[9]).toBe(1);
    validate(JSON.parse(JSON.stringify(description)));
    expect(validate.errors).toBeNull();
  });

  test('may have rows without a time, columns of its own, and tables of which little is known', async () => {
    const description = await described('odd', [
      { Type: 'SigninLogs', UserPrincipalName: 'ann@contoso.com', ResultType: '0', Shoe: 43 },
      { Type: 'IdentityInfo', TimeGenerated: '2026-06-01T23:59:00Z' },
    ]);
    expect(table(description, 'SigninLogs')).toMatchObject({
      rowsWithoutTime: 1,
      first: null,
      users: 1,
      rowsPerActiveUserDay: null,
      ingestionDelayMs: null,
      failures: { rows: 0, share: 0, distinct: 0, top: [] },
      unknownColumns: { Shoe: 1 },
    });
    expect(table(description, 'IdentityInfo')).toMatchObject({ users: null, failures: null, applications: null });
    validate(JSON.parse(JSON.stringify(description)));
    expect(validate.errors).toBeNull();
    const text = textOf({ ...description, dataset: 'odd' });
    expect(text).toContain('1 row without a TimeGenerated');
    expect(text).toContain('Shoe (1 row)');
    expect(text).toContain('there is no truth');
    expect(text).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  test('tells events that are published before they happen, and times before 2020', async () => {
    const description = await described('early', [
      signIn('ann@contoso.com', '2019-12-31T23:30:00Z', { CreatedDateTime: '2019-12-31T23:40:00Z' }),
    ]);
    expect(table(description, SILENT).publishDelayMs!.max).toBe(-600_000);
    expect(description.byHour[23]).toBe(1);
    expect(textOf(description)).toContain('-10 min');
  });
});

test('a description is interrupted between partitions', async () => {
  const data = await generated('quiet-smb', { users: 20, days: 1 });
  const stop = new AbortController();
  const work = describeDataset(data.dataset, { signal: stop.signal, onProgress: () => stop.abort() });
  await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
  data.remove();
});

test('docs/describe.md names every published figure and its source', () => {
  const page = readFileSync('docs/describe.md', 'utf8');
  for (const { name, source } of PUBLISHED) {
    expect(page).toContain(`| ${name} |`);
    expect(page).toContain(`[${source.name}](${source.link})`);
  }
});
