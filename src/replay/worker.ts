/** The file that the pool loads: nothing but wiring. */
import { deserialize } from 'node:v8';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { inArena } from '../base/arena.ts';
import { toPlainError } from '../base/errors.ts';
import { type Dataset, openDataset } from '../dataset/read.ts';
import { packBatch, type PlainBatch, transferList } from '../engine/transfer.ts';
import type { Batch } from '../columns/batch.ts';
import type { SharedWork, WorkerAnswer, WorkerTask } from './executor.ts';
import { evaluatePartition, type PartitionRows, type PartitionWork, type PartRows } from './partition.ts';

/** Datasets that this worker has opened, by path. */
const datasets = new Map<string, Promise<Dataset>>();

/** What this worker did last, by its number: with it is kept what is known of its plans. */
const works = new Map<number, PartitionWork>();
const KEPT_WORKS = 4;

function workOf({ number, bytes }: SharedWork): PartitionWork {
  let work = works.get(number);
  if (!work) {
    work = deserialize(new Uint8Array(bytes)) as PartitionWork;
    works.set(number, work);
    if (works.size > KEPT_WORKS) works.delete(works.keys().next().value!);
  }
  return work;
}

export default async function replayPartition(task: WorkerTask): Promise<WorkerAnswer> {
  try {
    let opened = datasets.get(task.dataset);
    if (!opened) datasets.set(task.dataset, (opened = openDataset(task.dataset)));
    const dataset = await opened;
    return inArena(() => {
      const { parts, counts } = evaluatePartition(dataset.partition(task.partition), workOf(task.work));
      return moved({ parts: parts.map(packed), counts });
    });
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

/** Row numbers are copied only where they share a buffer with others. */
function packed({ rows, from, to }: PartRows<Batch>): PartRows<PlainBatch> {
  return { rows: packBatch(rows), from: ownNumbers(from), to: ownNumbers(to) };
}

function ownNumbers(numbers: Uint32Array): Uint32Array {
  return numbers.byteLength === numbers.buffer.byteLength ? numbers : numbers.slice();
}

/** The answer with its buffers moved to the main thread instead of copied. */
function moved(result: PartitionRows<PlainBatch>): WorkerAnswer {
  const buffers = result.parts.flatMap(({ rows, from, to }) => [...transferList(rows), from.buffer, to.buffer]);
  const answer: WorkerAnswer = { ok: true, result };
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answer }) as unknown as WorkerAnswer;
}
