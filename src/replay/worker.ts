/** The file that the pool loads: nothing but wiring. */
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { toPlainError } from '../base/errors.ts';
import { type Dataset, openDataset } from '../dataset/read.ts';
import { packBatch, type PlainBatch, transferList } from '../engine/transfer.ts';
import type { WorkerAnswer, WorkerTask } from './executor.ts';
import { evaluatePartition, type PartitionRows } from './partition.ts';

/** Datasets that this worker has opened, by path. */
const datasets = new Map<string, Promise<Dataset>>();

export default async function replayPartition(task: WorkerTask): Promise<WorkerAnswer> {
  try {
    let opened = datasets.get(task.dataset);
    if (!opened) datasets.set(task.dataset, (opened = openDataset(task.dataset)));
    const dataset = await opened;
    const { parts, counts } = evaluatePartition(dataset.partition(task.partition), task);
    return moved({ parts: parts.map(({ rows, ends }) => ({ rows: packBatch(rows), ends })), counts });
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

/** The answer with its buffers moved to the main thread instead of copied. */
function moved(result: PartitionRows<PlainBatch>): WorkerAnswer {
  const buffers = result.parts.flatMap(({ rows }) => transferList(rows));
  const answer: WorkerAnswer = { ok: true, result };
  return move({ [transferableSymbol]: buffers, [valueSymbol]: answer }) as unknown as WorkerAnswer;
}
