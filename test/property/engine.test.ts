import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Batch } from '../../src/columns/batch.ts';
import type { Value } from '../../src/columns/value.ts';
import { execute, prepare } from '../../src/engine/execute.ts';
import { rowsOf } from '../../src/engine/tables.ts';
import { dice, hourlyRuns, logs, partitioned, planFrom, referenceTables, replayCut } from '../support/logs.ts';
import { reference } from '../support/reference-evaluator.ts';

const runs = hourlyRuns();

/** Rows as texts, so that a difference is readable; `-0` is `0`, as in Kusto's output. */
function texts(rows: readonly (readonly Value[])[]): string[] {
  return rows.map((row) => row.map((value) => stringifyDynamic(value)).join(' | '));
}

function lineageOf(batch: Batch): string[] {
  return Array.from({ length: batch.rowCount }, (_, row) =>
    batch.lineage ? batch.lineage.sets[batch.lineage.codes[row]!]!.join(' ') : '',
  );
}

describe('the engine on random plans and logs', () => {
  it('gives what the reference gives, in the same order, in a window or without one', () => {
    fc.assert(
      fc.property(logs, dice, (of, numbers) => {
        const plan = planFrom(numbers);
        const [tables] = partitioned(of, 1);
        for (const run of [runs[2]!, { now: runs[3]!.now, window: undefined }]) {
          const expected = texts(reference(plan, referenceTables(of), run));
          expect(texts(rowsOf(execute(plan, tables!, run)))).toEqual(expected);
        }
      }),
      { numRuns: 220 },
    );
  });

  it('gives the same rows and lineage from one prepared plan in all runs as from a fresh one in each', () => {
    fc.assert(
      fc.property(logs, dice, (of, numbers) => {
        const plan = planFrom(numbers);
        const [tables] = partitioned(of, 1);
        const prepared = prepare(plan, tables!);
        const expected = referenceTables(of);
        for (const run of runs) {
          const batch = prepared.run(run);
          expect(texts(rowsOf(batch))).toEqual(texts(reference(plan, expected, run)));
          expect(lineageOf(batch)).toEqual(lineageOf(execute(plan, tables!, run)));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same rows and lineage in the same order for every number of partitions', () => {
    fc.assert(
      fc.property(logs, dice, fc.constantFrom(2, 3, 7), (of, numbers, count) => {
        const plan = planFrom(numbers);
        const one = replayCut(plan, partitioned(of, 1), runs);
        const several = replayCut(plan, partitioned(of, count), runs);
        one.forEach((batch, i) => {
          expect(texts(rowsOf(several[i]!))).toEqual(texts(rowsOf(batch)));
          expect(lineageOf(several[i]!)).toEqual(lineageOf(batch));
        });
      }),
      { numRuns: 120 },
    );
  });

  it('gives the rows of the uncut plan from partitions, where nothing depends on order', () => {
    fc.assert(
      fc.property(logs, dice, fc.constantFrom(1, 2, 5), (of, numbers, count) => {
        const plan = planFrom(numbers, { ordered: false });
        const several = replayCut(plan, partitioned(of, count), runs);
        runs.forEach((run, i) => {
          const expected = texts(reference(plan, referenceTables(of), run)).sort();
          expect(texts(rowsOf(several[i]!)).sort()).toEqual(expected);
        });
      }),
      { numRuns: 220 },
    );
  });
});
