/**
 * Rows with the runs that they stand in. What a run sees of a log slides with its window, so a row is there for a stretch of
 * successive runs; so is a group as long as no row of it comes or goes, and a pair as long as both its rows are there.
 * Steps that look at single rows are then worked out once for all runs, however many there are.
 *
 * Rows of one run stand in the order in which the run alone would give them: every step keeps that.
 */
import { takeWords } from '../../base/arena.ts';
import { Batch, type ColumnInfo } from '../../columns/batch.ts';
import { concatBatches } from '../tables.ts';

/** Row numbers run after run: those of run r are `rows` from `starts[r]` up to `starts[r + 1]`, ascending. */
export interface ByRun {
  readonly runCount: number;
  readonly starts: Float64Array;
  readonly rows: Uint32Array;
}

export class RunRows {
  readonly batch: Batch;
  /** Row i stands in the runs from `from[i]` (inclusive) to `to[i]` (exclusive); in none where they are equal. */
  readonly from: Uint32Array;
  readonly to: Uint32Array;
  #byRun: ByRun | undefined;

  constructor(batch: Batch, from: Uint32Array, to: Uint32Array) {
    this.batch = batch;
    this.from = from;
    this.to = to;
  }

  static none(schema: readonly ColumnInfo[]): RunRows {
    return new RunRows(concatBatches(schema, []), new Uint32Array(), new Uint32Array());
  }

  get rowCount(): number {
    return this.batch.rowCount;
  }

  /** The rows named by `rows`, in that order, as `batch` has them. */
  step(batch: Batch, rows: Uint32Array | undefined): RunRows {
    return rows
      ? new RunRows(batch, pick(this.from, rows), pick(this.to, rows))
      : new RunRows(batch, this.from, this.to);
  }

  select(rows: Uint32Array): RunRows {
    return this.step(this.batch.select(rows), rows);
  }

  static concat(schema: readonly ColumnInfo[], parts: readonly RunRows[]): RunRows {
    if (parts.length === 1) return parts[0]!;
    const batch = concatBatches(
      schema,
      parts.map((part) => part.batch),
    );
    const from = new Uint32Array(batch.rowCount);
    const to = new Uint32Array(batch.rowCount);
    let at = 0;
    for (const part of parts) {
      from.set(part.from, at);
      to.set(part.to, at);
      at += part.rowCount;
    }
    return new RunRows(batch, from, to);
  }

  /** Whether no row stands in any run. */
  get isEmpty(): boolean {
    for (let row = 0; row < this.from.length; row++) if (this.from[row]! < this.to[row]!) return false;
    return true;
  }

  /** How many rows all runs have together. */
  total(): number {
    let total = 0;
    for (let row = 0; row < this.from.length; row++) total += this.to[row]! - this.from[row]!;
    return total;
  }

  /** Row numbers run after run. */
  byRun(runCount: number): ByRun {
    if (this.#byRun?.runCount === runCount) return this.#byRun;
    const { from, to } = this;
    const starts = new Float64Array(runCount + 1);
    for (let row = 0; row < from.length; row++) {
      if (from[row]! >= to[row]!) continue;
      starts[from[row]!]!++;
      starts[to[row]!]!--;
    }
    let standing = 0;
    let total = 0;
    for (let run = 0; run <= runCount; run++) {
      standing += starts[run]!;
      starts[run] = total;
      total += standing;
    }
    const rows = new Uint32Array(starts[runCount]!);
    const next = starts.slice(0, runCount);
    for (let row = 0; row < from.length; row++) {
      for (let run = from[row]!; run < to[row]!; run++) rows[next[run]!++] = row;
    }
    return (this.#byRun = { runCount, starts, rows });
  }

  /** The rows of one of `runCount` runs. */
  at(run: number, runCount: number): Batch {
    const { starts, rows } = this.byRun(runCount);
    return this.batch.select(rows.subarray(starts[run]!, starts[run + 1]!));
  }
}

export function pick(of: Uint32Array, rows: Uint32Array): Uint32Array {
  const out = takeWords(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = of[rows[i]!]!;
  return out;
}
