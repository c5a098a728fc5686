import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import { alternativeSchedules, runsThatSee, scheduleLosses } from '../../../src/replay/losses.ts';
import { evaluationOf, type Schedule, scheduleRuns } from '../../../src/replay/schedule.ts';
import { at, audit, memoryDataset } from '../../support/replay.ts';

const MINUTE = Number(TICKS_PER_MINUTE);
const hourly = { queryFrequency: TICKS_PER_HOUR, queryPeriod: 2n * TICKS_PER_HOUR };

describe('the runs that see a row', () => {
  const seen = (generated: number, delay: number): number =>
    runsThatSee(generated * MINUTE, (generated + delay) * MINUTE, 0, 60 * MINUTE, 120 * MINUTE);

  test.each([
    [30, 0, 2],
    [30, 35, 2],
    [30, 36, 1],
    [30, 95, 1],
    [30, 96, 0],
    [60, 0, 2],
    [60, 65, 1],
    [60, 66, 0],
    [0, 0, 2],
    [1, 0, 2],
  ])('generated at minute %i and ingested %i minutes later: %i', (generated, delay, runs) => {
    expect(seen(generated, delay)).toBe(runs);
  });

  test('are those of the schedule itself, for any row and schedule', () => {
    const minute = (n: number): bigint => BigInt(n) * TICKS_PER_MINUTE;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1440 }),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 5, max: 120 }),
        fc.integer({ min: 0, max: 240 }),
        fc.integer({ min: -1, max: 1 }),
        (generatedMinute, delay, frequency, slack, tick) => {
          const rule: Schedule = {
            kind: 'Scheduled',
            queryFrequency: minute(frequency),
            queryPeriod: minute(frequency + slack),
          };
          const generated = minute(generatedMinute);
          const ingested = generated + minute(delay) + BigInt(tick);
          // A range long enough that the schedule does not end before the row's last run.
          const runs = scheduleRuns({ start: 0n, end: 3n * TICKS_PER_DAY }, rule);
          const expected = runs.filter((run) => {
            const window = evaluationOf(run, rule).window!;
            return generated > window.after && generated <= window.until && ingested <= window.ingestedBy;
          }).length;
          const got = runsThatSee(
            Number(generated),
            Number(ingested),
            0,
            Number(rule.queryFrequency),
            Number(rule.queryPeriod),
          );
          expect(got).toBe(expected);
        },
      ),
    );
  });
});

test('losses are counted by table and by what the rows are, for each schedule', () => {
  const generated = at('10:30');
  const late = (minutes: number, event?: string): ReturnType<typeof audit> =>
    audit(generated, 'a@x', { ingested: generated + BigInt(minutes) * TICKS_PER_MINUTE, ...(event && { event }) });
  const dataset = memoryDataset(
    { AuditLogs: [late(0), late(0, 'bad'), late(40, 'bad2'), late(100), late(100, 'other')] },
    { partitionCount: 2 },
  );
  const isMalicious = (event: string): boolean => event.startsWith('bad');
  const noOverlap = { queryFrequency: TICKS_PER_HOUR, queryPeriod: TICKS_PER_HOUR };
  const [own, tight] = scheduleLosses(dataset, ['AuditLogs', 'SigninLogs'], [hourly, noOverlap], isMalicious);
  const none = { rows: 0, lost: 0, repeated: 0 };
  expect(own).toMatchObject({
    ...hourly,
    tables: [
      { table: 'AuditLogs', malicious: { rows: 2, lost: 0, repeated: 1 }, benign: { rows: 3, lost: 2, repeated: 1 } },
      { table: 'SigninLogs', malicious: none, benign: none },
    ],
  });
  expect(tight!.tables[0]).toMatchObject({ malicious: { lost: 1, repeated: 0 }, benign: { lost: 2, repeated: 0 } });
});

test('the schedules to compare with are the rule’s own first, each once', () => {
  const minutes = (schedules: readonly { queryFrequency: bigint; queryPeriod: bigint }[]): string[] =>
    schedules.map((s) => `${s.queryFrequency / TICKS_PER_MINUTE}/${s.queryPeriod / TICKS_PER_MINUTE}`);
  expect(minutes(alternativeSchedules(hourly))).toEqual(['60/120', '60/60', '60/135', '60/180', '15/135']);
  const short = { queryFrequency: 5n * TICKS_PER_MINUTE, queryPeriod: 5n * TICKS_PER_MINUTE };
  expect(minutes(alternativeSchedules(short))).toEqual(['5/5', '5/20', '5/65']);
});
