import { describe, expect, test } from 'vitest';
import { TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND } from '../../../src/base/time.ts';
import { evaluationOf, scheduleRuns, type Schedule } from '../../../src/replay/schedule.ts';

const START = 638_000_064_000_000_000n;

function scheduled(queryFrequency: bigint, queryPeriod: bigint): Schedule {
  return { kind: 'Scheduled', queryFrequency, queryPeriod };
}

/** Run times as minutes after the start. */
function minutes(hours: bigint, rule: Schedule): number[] {
  const range = { start: START, end: START + hours * TICKS_PER_HOUR };
  return scheduleRuns(range, rule).map((run) => Number(run.at - START) / Number(TICKS_PER_MINUTE));
}

describe('the runs of a scheduled rule', () => {
  test('begin one frequency after the start and end where no row can come into view any more', () => {
    // Hourly over two hours: the run at 5 h still reaches back to 3 h, before the end at 4 h.
    expect(minutes(4n, scheduled(TICKS_PER_HOUR, 2n * TICKS_PER_HOUR))).toEqual([60, 120, 180, 240, 300]);
  });

  test('end with the dataset where windows do not overlap', () => {
    expect(minutes(4n, scheduled(TICKS_PER_HOUR, TICKS_PER_HOUR))).toEqual([60, 120, 180, 240]);
  });

  test('cover an end that does not fall on a run', () => {
    expect(minutes(3n, scheduled(2n * TICKS_PER_HOUR, 2n * TICKS_PER_HOUR))).toEqual([120, 240]);
  });

  test('do not go on for the sake of a long baseline', () => {
    expect(minutes(72n, scheduled(TICKS_PER_DAY, 14n * TICKS_PER_DAY))).toEqual([1440, 2880, 4320]);
    expect(minutes(24n, scheduled(12n * TICKS_PER_HOUR, 14n * TICKS_PER_DAY))).toEqual([720, 1440]);
  });

  test('include one that covers a dataset shorter than the frequency', () => {
    expect(minutes(1n, scheduled(TICKS_PER_DAY, TICKS_PER_DAY))).toEqual([1440]);
  });

  test('are none for an empty dataset', () => {
    expect(minutes(0n, scheduled(TICKS_PER_HOUR, TICKS_PER_HOUR))).toEqual([]);
  });

  test('are 168 a week by the hour, and one for the late rows', () => {
    expect(minutes(168n, scheduled(TICKS_PER_HOUR, 2n * TICKS_PER_HOUR))).toHaveLength(169);
  });

  test('are refused where there would be absurdly many', () => {
    const range = { start: START, end: START + 365n * TICKS_PER_DAY };
    expect(() => scheduleRuns(range, scheduled(TICKS_PER_SECOND, TICKS_PER_HOUR))).toThrow(
      /would run \d+ times: every 1s over 365d/,
    );
  });
});

describe('what a run sees', () => {
  const rule = scheduled(TICKS_PER_HOUR, 2n * TICKS_PER_HOUR);
  const [first] = scheduleRuns({ start: START, end: START + TICKS_PER_DAY }, rule);

  test('is (T - period, T], ingested by T + 5 min, at now() = T', () => {
    const at = START + TICKS_PER_HOUR;
    expect(first).toEqual({ at, wallClock: at + 5n * TICKS_PER_MINUTE });
    expect(evaluationOf(first!, rule)).toEqual({
      now: at,
      window: { after: START - TICKS_PER_HOUR, until: at, ingestedBy: at + 5n * TICKS_PER_MINUTE },
    });
  });

  test('of an NRT rule is what was ingested in the minute that ended two minutes ago', () => {
    const nrt: Schedule = { kind: 'NRT', queryFrequency: TICKS_PER_MINUTE, queryPeriod: TICKS_PER_MINUTE };
    const runs = scheduleRuns({ start: START, end: START + TICKS_PER_HOUR }, nrt);
    expect(runs).toHaveLength(60 + 120 - 1);
    const at = START + TICKS_PER_MINUTE;
    expect(runs[0]).toEqual({ at, wallClock: at + 2n * TICKS_PER_MINUTE });
    const { window } = evaluationOf(runs[0]!, nrt);
    expect(window).toMatchObject({ ingestedAfter: START, ingestedBy: at });
    expect(window!.after).toBeLessThan(0n);
  });
});
