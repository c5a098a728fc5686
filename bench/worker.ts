/** What a thread of a case runs; piscina loads it. Nothing but wiring. */
import { type PlainError, toPlainError } from '../src/base/errors.ts';
import { type DatasetTask, makeBenchPartition } from './datasets.ts';
import { type FloorTask, sumPartition } from './floor.ts';
import { fusePartition, type FusedScoreTask, type FusedTask, scoreFused } from './fused.ts';
import { type GenerateTask, countPartition } from './generation.ts';
import { type CompileTask, portableRule } from './rules.ts';

export type BenchTask = CompileTask | DatasetTask | FloorTask | FusedTask | FusedScoreTask | GenerateTask;

export type BenchReply =
  | { readonly ok: true; readonly answer: unknown }
  | { readonly ok: false; readonly error: PlainError };

/** Never throws: an error comes back as data, which crosses threads whole. */
export default async function runTask(task: BenchTask): Promise<BenchReply> {
  try {
    return { ok: true, answer: await answerOf(task) };
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}

function answerOf(task: BenchTask): unknown {
  switch (task.kind) {
    case 'compile':
      return portableRule(task);
    case 'dataset':
      return makeBenchPartition(task);
    case 'floor':
      return sumPartition(task);
    case 'fused':
      return fusePartition(task);
    case 'fused-score':
      return scoreFused(task);
    case 'generate':
      return countPartition(task);
  }
}
