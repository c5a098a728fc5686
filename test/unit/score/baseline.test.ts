import { describe, expect, test } from 'vitest';
import { compareWithBaseline, parseTolerances } from '../../../src/score/baseline.ts';
import { score } from '../../../src/score/score.ts';
import { incident, replayed, TWO_DAYS } from '../../support/incidents.ts';

const PLANTED = { chains: new Map([['illicit-consent', ['plain']]]), lookalikes: [] };
const TRUTH = ['A', 'B', 'C', 'D'].map((id) =>
  incident('attack', id, 'illicit-consent', 'plain', [[`${id}1`, 10, 'malicious']]),
);

/** A score with an alert for each attack named, and so many false alarms. */
function scored(attacks: string, falseAlarms: number) {
  const runs = [
    ...Array.from(attacks, (id, index) => ({ at: 60 + index, rows: [[[id], `${id}1`]] as never })),
    ...Array.from({ length: falseAlarms }, (_, index) => ({ at: 300 + index, rows: [[[`x${index}`]]] as never })),
  ];
  return score(replayed(runs), 'a rule', TRUTH, TWO_DAYS);
}

function compared(before: [string, number], now: [string, number], ...tolerances: string[]) {
  return compareWithBaseline(scored(...before), scored(...now), parseTolerances(tolerances, PLANTED), PLANTED);
}

describe('a score against a baseline', () => {
  test('is no regression where nothing changed, and shows what is guarded', () => {
    expect(compared(['AB', 3], ['AB', 3])).toEqual({
      changes: [
        { metric: 'recall', unit: 'share', before: 0.5, now: 0.5, tolerance: '0', regressed: false },
        { metric: 'falseAlarmsPerDay', unit: 'rate', before: 1.5, now: 1.5, tolerance: '0', regressed: false },
      ],
      lost: [],
      gained: [],
      regressed: false,
    });
  });

  test('fails where recall falls, and names the attacks', () => {
    const { changes, lost, gained, regressed } = compared(['ABC', 3], ['AD', 3]);
    expect([lost, gained, regressed]).toEqual([['B', 'C'], ['D'], true]);
    expect(changes[0]).toMatchObject({ metric: 'recall', before: 0.75, now: 0.5, regressed: true });
    expect(changes.map(({ metric }) => metric)).toEqual(expect.arrayContaining(['alerts.precision', 'events.recall']));
  });

  test('fails where false alarms rise, and not where they fall or recall rises', () => {
    expect(compared(['A', 2], ['A', 3]).regressed).toBe(true);
    expect(compared(['A', 3], ['AB', 2]).regressed).toBe(false);
  });

  test('takes as much as its tolerance says, by amount or as a share of the earlier value', () => {
    expect(compared(['A', 10], ['A', 11], 'falseAlarmsPerDay=10%').regressed).toBe(false);
    expect(compared(['A', 10], ['A', 12], 'falseAlarmsPerDay=10%').regressed).toBe(true);
    expect(compared(['A', 10], ['A', 12], 'falseAlarmsPerDay=1').regressed).toBe(false);
    expect(compared(['ABCD', 0], ['ABC', 0], 'recall=0.25').regressed).toBe(false);
    expect(compared(['ABCD', 0], ['ABC', 0], 'recall=25%').regressed).toBe(false);
    expect(compared(['ABCD', 0], ['ABC', 0], 'recall=0.24').regressed).toBe(true);
  });

  test('guards a measure more where a tolerance names it', () => {
    expect(compared(['A', 1], ['A', 2], 'falseAlarmsPerDay=9').regressed).toBe(false);
    const guarded = compared(['A', 1], ['A', 2], 'falseAlarmsPerDay=9', 'alerts.precision=0.1');
    expect(guarded.regressed).toBe(true);
    expect(guarded.changes.find(({ metric }) => metric === 'alerts.precision')).toMatchObject({
      tolerance: '0.1',
      regressed: true,
    });
  });

  test('fails where what was measured no longer is', () => {
    const gone = compared(['A', 0], ['', 0], 'recall=1', 'timeToDetect.p90=1d');
    expect(gone.changes.find(({ metric }) => metric === 'timeToDetect.p90')).toMatchObject({
      now: null,
      regressed: true,
    });
    expect(compared(['', 0], ['A', 0], 'timeToDetect.p90=0s').regressed).toBe(false);
  });

  test('refuses tolerances that mean nothing, all at once', () => {
    expect(() => parseTolerances(['recall', 'recal=1', 'recall=2', 'timeToDetect.p90=5'], PLANTED)).toThrow(
      '--tolerance "recall": expected NAME=VALUE\n' +
        '--tolerance "recal=1": unknown measure "recal"\nhint: did you mean "recall"?\n' +
        '--tolerance "recall=2": found "2", expected a share from 0 to 1, or from 0 % to 100 %, or a share of the earlier value such as 10%\n' +
        '--tolerance "timeToDetect.p90=5": found "5", expected a time such as 90s, 60m or 1h30m, or a share of the earlier value such as 10%',
    );
  });
});
