/** Our side of a contest: a replay to rows that lie in memory as columns, every one of them. */
import type { Dataset } from '../src/dataset/read.ts';
import { type ReplayOptions, replayRows } from '../src/replay/replay.ts';
import type { ResultTable } from '../src/replay/result-table.ts';
import type { CompiledRule } from '../src/rules/compile.ts';

export async function rowsOf(dataset: Dataset, compiled: CompiledRule, options: ReplayOptions): Promise<ResultTable> {
  const { table } = await replayRows(dataset, compiled, options);
  // A column is made when somebody asks for it: here, as other engines make theirs.
  table.batch.columns();
  return table;
}
