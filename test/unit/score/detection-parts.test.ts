import { describe, expect, test } from 'vitest';
import { formatDatetime, TICKS_PER_MINUTE } from '../../../src/base/time.ts';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { detectionParts } from '../../../src/score/detection-parts.ts';
import { score } from '../../../src/score/score.ts';
import { incident, minute, replayed, TWO_DAYS } from '../../support/incidents.ts';

const HOURLY = {
  kind: 'Scheduled',
  queryFrequency: 60n * TICKS_PER_MINUTE,
  queryPeriod: 120n * TICKS_PER_MINUTE,
} as const;

/** An attack of one event at a minute, logged and ingested at others. */
function attack(id: string, at: number, generated: number, ingested: number): TruthIncident {
  const planted = incident('attack', id, 'illicit-consent', 'plain', [[id, at, 'malicious']]);
  const times = { generated: formatDatetime(minute(generated)), ingested: formatDatetime(minute(ingested)) };
  return { ...planted, events: planted.events.map((event) => ({ ...event, ...times })) };
}

function partsInMinutes(
  truth: readonly TruthIncident[],
  runs: Parameters<typeof replayed>[0],
  schedule: Parameters<typeof detectionParts>[2] = HOURLY,
) {
  const parts = detectionParts(replayed(runs), truth, schedule);
  return parts && Object.values(parts).map((ms) => (ms as number) / 60_000);
}

describe('the parts of a time to detect', () => {
  test('are the logs’, the schedule’s and the query’s own', () => {
    // Logged after 3 minutes, ingested after 7 more; the run of 60 sees it at 65, the run of 120 raises it at 125.
    const truth = [attack('A', 40, 43, 50)];
    const runs = [
      { at: 60, rows: [] },
      { at: 120, rows: [[['x'], 'A'] as [string[], string]] },
    ];
    expect(partsInMinutes(truth, runs)).toEqual([3, 7, 15, 60]);
    expect(score(replayed(runs), 'A rule', truth, TWO_DAYS).timeToDetectMs.p50).toBe(85 * 60_000);
  });

  test('count a run that came before ingestion as blind, and one in the delay as seeing', () => {
    const row = [['x'], 'A'] as [string[], string];
    const runs = [
      { at: 60, rows: [] },
      { at: 120, rows: [row] },
    ];
    expect(partsInMinutes([attack('A', 40, 40, 66)], runs)).toEqual([0, 26, 59, 0]);
    expect(partsInMinutes([attack('A', 40, 40, 65)], runs)).toEqual([0, 25, 0, 60]);
  });

  test('go by ingestion for an NRT rule', () => {
    const nrt = { kind: 'NRT', queryFrequency: TICKS_PER_MINUTE, queryPeriod: TICKS_PER_MINUTE } as const;
    const runs = [49, 50, 51].map((at) => ({ at, rows: at === 51 ? [[['x'], 'A'] as [string[], string]] : [] }));
    expect(partsInMinutes([attack('A', 40, 43, 50)], runs, nrt)).toEqual([3, 7, 5, 1]);
  });

  test('are medians over the detected attacks, and nothing where none was', () => {
    const truth = [attack('A', 10, 11, 12), attack('B', 20, 25, 27), attack('C', 30, 32, 38), attack('D', 1, 1, 1)];
    const runs = [{ at: 60, rows: ['A', 'B', 'C'].map((id): [string[], string] => [[id], id]) }];
    expect(partsInMinutes(truth, runs)).toEqual([2, 2, 38, 0]);
    expect(partsInMinutes(truth, [{ at: 60, rows: [[['x']]] }])).toBeUndefined();
  });
});
