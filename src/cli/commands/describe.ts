/** `tocsin describe`: what is in a dataset. */
import { openDataset } from '../../dataset/read.ts';
import { describeDataset } from '../../describe/describe.ts';
import { descriptionText } from '../../report/description.ts';
import type { Terminal } from '../terminal.ts';

export interface DescribeFlags {
  readonly top?: number;
}

export async function describe(
  location: string,
  { top }: DescribeFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const dataset = await openDataset(location);
  const progress = await terminal.progress('describing', 'partitions');
  const description = await describeDataset(dataset, {
    signal,
    ...(top !== undefined && { top }),
    onProgress: ({ done, total }) => progress.update(done, total),
  });
  progress.stop();
  await terminal.result(terminal.json ? JSON.stringify(description) : descriptionText(description, terminal.colors));
}
