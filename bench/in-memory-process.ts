/**
 * A process of its own for one fused run, so that the most memory it held is that run's and nobody else's. It is sent what to
 * do, tells how far it is, and answers once.
 */
import { type PlainError, toPlainError } from '../src/base/errors.ts';
import { fuse, type FusedResult } from './fused.ts';
import type { PortableRule } from './rules.ts';
import type { Size } from './generation.ts';
import { Workers } from './pool.ts';

export interface InMemoryOrder {
  readonly size: Size;
  readonly rule: PortableRule;
  readonly digest: readonly string[];
  readonly threads: number;
}

export type InMemoryMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly total: number }
  | {
      readonly kind: 'result';
      readonly result: FusedResult;
      readonly seconds: number;
      /** The most memory that the process held, all threads together. */
      readonly peakBytes: number;
    }
  | { readonly kind: 'error'; readonly error: PlainError };

function tell(message: InMemoryMessage): void {
  process.send!(message);
}

process.once('message', (message) => {
  void (async () => {
    const { size, rule, digest, threads } = message as InMemoryOrder;
    try {
      const started = performance.now();
      const workers = new Workers(threads);
      const result = await fuse(size, rule, digest, workers, (done, total) => tell({ kind: 'progress', done, total }));
      const seconds = (performance.now() - started) / 1000;
      await workers.close();
      tell({ kind: 'result', result, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 });
    } catch (error) {
      tell({ kind: 'error', error: toPlainError(error) });
    }
    process.disconnect();
  })();
});
