import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULT_KINDS, type Fault, faultText } from '../../../generators/faults.ts';
import { loadFaults, loadScenario, parseScenario } from '../../../generators/scenario.ts';
import type { TocsinError } from '../../../src/base/errors.ts';
import { INGESTION_TIME } from '../../../src/schema/tables.ts';
import { type Generated, generated } from '../../support/generated.ts';

const SMALL = { users: 30, days: 2, seed: 5 } as const;
const DAY = 86_400_000;

function fault(given: Partial<Fault> & Pick<Fault, 'kind'>): Fault {
  return {
    table: 'AuditLogs',
    fromMs: 0,
    toMs: Number.MAX_SAFE_INTEGER,
    column: '',
    operation: '',
    renamed: '',
    share: 0,
    byMs: 0,
    ...given,
  };
}

async function withFault(given: Partial<Fault> & Pick<Fault, 'kind'>): Promise<Generated> {
  return generated({ ...loadScenario('quiet-smb', SMALL), faults: [fault(given)] });
}

describe('a fault', () => {
  let base: Generated;
  beforeAll(async () => {
    base = await generated('quiet-smb', SMALL);
  });
  afterAll(() => base.remove());

  test('empties a field from a time on, and only that one', async () => {
    const faulty = await withFault({ kind: 'emptied-field', column: 'InitiatedBy', fromMs: DAY });
    const [before, after] = [base.rows('AuditLogs'), faulty.rows('AuditLogs')];
    expect(after).toHaveLength(before.length);
    const from = BigInt(Date.parse(base.manifest.start) + DAY) * 10_000n + 621_355_968_000_000_000n;
    let emptied = 0;
    after.forEach((row, index) => {
      const isMeant = (row['TimeGenerated'] as bigint) >= from;
      if (isMeant) emptied++;
      expect(row).toEqual(isMeant ? { ...before[index]!, InitiatedBy: null } : before[index]!);
    });
    expect(emptied).toBeGreaterThan(100);
    faulty.remove();
  });

  test('renames an operation', async () => {
    const faulty = await withFault({ kind: 'renamed-operation', operation: 'Update device', renamed: 'Change device' });
    const count = (of: Generated, name: string): number =>
      of.rows('AuditLogs', ['OperationName']).filter((row) => row['OperationName'] === name).length;
    expect(count(faulty, 'Update device')).toBe(0);
    expect(count(faulty, 'Change device')).toBe(count(base, 'Update device'));
    faulty.remove();
  });

  test('drops and duplicates about the share asked for, the same rows with any partitions', async () => {
    const rows = base.rows('AuditLogs', ['Id']).length;
    for (const [kind, factor] of [
      ['dropped-rows', 0.8],
      ['duplicated-rows', 1.2],
    ] as const) {
      const scenario = { ...loadScenario('quiet-smb', SMALL), faults: [fault({ kind, share: 0.2 })] };
      const ids = async (partitionCount: number): Promise<string[]> => {
        const faulty = await generated(scenario, { partitionCount });
        const found = faulty.rows('AuditLogs', ['Id']).map((row) => row['Id']);
        faulty.remove();
        return found.map(String).sort();
      };
      const four = await ids(4);
      expect(four.length / rows).toBeGreaterThan(factor - 0.06);
      expect(four.length / rows).toBeLessThan(factor + 0.06);
      expect(await ids(1)).toEqual(four);
    }
  });

  test('skews a clock, holds ingestion back and reorders arrival', async () => {
    const times = (of: Generated, name: string): bigint[] =>
      of.rows('AuditLogs', [name]).map((row) => row[name] as bigint);
    const skewed = await withFault({ kind: 'clock-skew', byMs: 420_000 });
    expect(times(skewed, 'TimeGenerated')[0]! - times(base, 'TimeGenerated')[0]!).toBe(4_200_000_000n);
    const outage = await withFault({ kind: 'ingestion-outage', fromMs: DAY / 2, toMs: DAY });
    const end = BigInt(Date.parse(base.manifest.start) + DAY) * 10_000n + 621_355_968_000_000_000n;
    const begin = end - BigInt(DAY / 2) * 10_000n;
    expect(times(outage, INGESTION_TIME).filter((at) => at >= begin && at < end)).toEqual([]);
    expect(times(outage, INGESTION_TIME).filter((at) => at === end).length).toBeGreaterThan(50);
    const reordered = await withFault({ kind: 'reordered-arrival', byMs: 3_600_000 });
    const generatedAt = times(base, 'TimeGenerated');
    const delays = times(reordered, INGESTION_TIME).map((at, row) => Number(at - generatedAt[row]!) / 1e7);
    expect(Math.max(...delays)).toBeGreaterThan(3000);
    for (const each of [skewed, outage, reordered]) each.remove();
  });

  test('that makes no sense is refused with its place', () => {
    const text = [
      'tenant: { users: 50 }',
      'faults:',
      '  - { kind: emptied-feld, table: AuditLogs }',
      '  - { kind: emptied-field, table: AuditLog, column: InitiatedBy }',
      '  - { kind: emptied-field, table: AuditLogs, column: InitiatdBy }',
      '  - { kind: dropped-rows, table: AuditLogs }',
      '  - { kind: ingestion-outage, table: AuditLogs, from: 5h, to: 3h }',
      '  - { kind: renamed-operation, operation: Add member to rolle, renamed: x }',
    ].join('\n');
    try {
      parseScenario('mine.yaml', text);
      expect.unreachable();
    } catch (error) {
      expect((error as TocsinError).problems.map(({ message, position }) => `${position!.line} ${message}`)).toEqual([
        '3 unknown kind of fault "emptied-feld"',
        '4 unknown table "AuditLog"',
        '5 unknown column "InitiatdBy" of AuditLogs',
        '6 the fault dropped-rows lacks "share"',
        '7 the fault ends before it begins',
        '8 unknown operation "Add member to rolle"',
      ]);
    }
  });
});

describe('the faults that ship', () => {
  test('are of every kind that suits any scenario, and say what they do', () => {
    const faults = loadFaults();
    expect([...new Set(faults.map(({ kind }) => kind))].sort()).toEqual(
      FAULT_KINDS.filter((kind) => kind !== 'renamed-operation').sort(),
    );
    const texts = faults.map((each) => `${each.kind}: ${faultText(each)}`);
    expect(new Set(texts).size).toBe(faults.length);
    expect(texts).toEqual(
      expect.arrayContaining([
        'dropped-rows: AuditLogs, 10 % of rows',
        'clock-skew: SigninLogs, by 7m',
        'reordered-arrival: AuditLogs, by up to 30m',
        'ingestion-outage: AuditLogs, from 8h, to 14h',
        'emptied-field: AuditLogs.TargetResources, from 12h',
      ]),
    );
  });

  test.each([
    [{ operation: 'Add user', renamed: 'Make user', fromMs: 3 * DAY }, 'AuditLogs, "Add user" to "Make user", from 3d'],
    [{ fromMs: 90 * 60_000, toMs: 90_500 * 60 }, 'AuditLogs, "" to "", from 90m, to 5430s'],
  ])('a fault says what it does: %o', (given, text) => {
    expect(faultText(fault({ kind: 'renamed-operation', ...given }))).toBe(text);
  });
});
