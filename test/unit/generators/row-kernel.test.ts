import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { purposeKey, RandomStream } from '../../../src/base/random.ts';
import { Calendar } from '../../../generators/background/calendar.ts';
import { silentRows, writeSilentSignIns } from '../../../generators/background/silent-sign-ins.ts';
import { KERNEL_SOURCE_SHA256 } from '../../../generators/row-kernel/kernel.ts';
import { drawOutages, ingestedAt, plainLayout, Records, type Span } from '../../../generators/rows.ts';
import { loadScenario, spanOf } from '../../../generators/scenario.ts';
import { SignInRows } from '../../../generators/sign-in-rows.ts';
import { Tenant } from '../../../generators/tenant.ts';

const scenario = loadScenario('contoso-2k', { users: 120, days: 3 });
const tenant = new Tenant(scenario.tenant, scenario.seed);
const span = spanOf(scenario);

describe('the kernel of rows', () => {
  it('was made of the source that lies beside it', () => {
    const source = readFileSync('generators/row-kernel/kernel.as');
    expect(createHash('sha256').update(source).digest('hex')).toBe(KERNEL_SOURCE_SHA256);
  });

  it('puts rows in order of time, those of one time as they were made, with their labels', () => {
    const random = new RandomStream(1, purposeKey('test/order'));
    const ten: Span = { ...span, startTicks: 0, endTicks: 1000, durationMs: 1 };
    for (const count of [0, 1, 17, 5000, 40_000]) {
      const records = new Records(['at'], ['wide', 'middle', 'narrow'], 'at', plainLayout(ten));
      // Many rows of one time, times outside of the dataset's, and crowds.
      const made = Array.from({ length: count }, (_, row) => {
        const at = random.chance(0.3) ? 500 : Math.floor(random.between(-50, 1100));
        const record = records.next(at);
        records.times[record / 8] = at;
        records.codes.set([row * 70_000, row % 60_000, row % 250], record / 4 + 2);
        if (row % 97 === 5) records.label(at, `event ${row}`);
        return { at, row };
      });
      const { rowCount, fields, labels } = records.seal({
        middle: { size: 60_000, attributes: {} },
        narrow: { size: 250, attributes: {} },
      });
      const sorted = made.toSorted((a, b) => a.at - b.at || a.row - b.row);
      expect(rowCount).toBe(count);
      expect([...fields['at']!]).toEqual(sorted.map(({ at }) => at));
      expect([...fields['wide']!]).toEqual(sorted.map(({ row }) => (row * 70_000) % 2 ** 32));
      expect([...fields['middle']!]).toEqual(sorted.map(({ row }) => row % 60_000));
      expect([...fields['narrow']!]).toEqual(sorted.map(({ row }) => row % 250));
      expect(labels).toEqual(
        sorted.flatMap(({ row: label }, row) => (label % 97 === 5 ? [{ row, event: `event ${label}` }] : [])),
      );
    }
  });

  it('draws what a stream draws', () => {
    const outages = drawOutages(3, 'test', { ...span, days: 900 });
    expect(outages.length).toBeGreaterThan(3);
    const rows = new SignInRows('SigninLogs', tenant, span, outages);
    const [one, other] = [0, 1].map(() => new RandomStream(5, purposeKey('test/draws'), 7));
    const account = tenant.account(3);
    rows.begin(account);
    const expected: number[][] = [];
    for (let i = 0; i < 3000; i++) {
      const atMs = (i * span.durationMs) / 3000;
      rows.add(atMs, 60, 0, 0, 0, 0, 0, i, 0, one!);
      other!.u32();
      const created = span.startTicks + Math.floor(atMs * 10_000);
      const generated = created + 600_000_000;
      if (generated < span.endTicks) expected.push([created, generated, ingestedAt(generated, other!, outages), i]);
      else ingestedAt(generated, other!, outages);
      // A second copy draws once more.
      if (one!.drawn > other!.drawn) ingestedAt(generated, other!, outages);
      expect(one!.drawn).toBe(other!.drawn);
    }
    const { fields, rowCount } = rows.seal();
    const got = new Map<number, number[]>();
    for (let row = rowCount - 1; row >= 0; row--) {
      const [created, generated, ingested, correlation] = ['created', 'generated', 'ingested', 'correlation'].map(
        (name) => fields[name]![row]!,
      );
      got.set(correlation!, [created!, generated!, ingested!, correlation!]);
    }
    expect(expected.map((row) => got.get(row[3]!))).toEqual(expected);
    expect(rowCount).toBeGreaterThan(expected.length);
  });

  it('has each device where its calendar says', () => {
    const rows = silentRows(tenant, span, []);
    for (let ordinal = 0; ordinal < 40; ordinal++) {
      const account = tenant.account(ordinal);
      if (account.kind === 'serviceAccount') continue;
      const calendar = new Calendar(tenant, account, span);
      rows.begin(account);
      writeSilentSignIns(tenant, calendar, rows);
      for (const device of calendar.devices) {
        rows.kernel.exports.use(device.kind === 'phone' ? 1 : 0, device.index, 0, 0);
        for (let atMs = -20 * 3_600_000; atMs < span.durationMs + 20 * 3_600_000; atMs += 1_234_567) {
          expect(rows.kernel.exports.placeCode(atMs)).toBe(rows.placeCode(calendar.placeOf(device, atMs)));
        }
      }
    }
  });
});
