import { setMaxListeners } from 'node:events';

/**
 * How worker threads are started. Node 20 loads a worker's file by `require()` where it can, and takes the whole process
 * down if the thread is terminated while that instantiates a module ("v8::Module::IsGraphAsync must be used on an
 * instantiated module"): at an interrupt, or when a small job ends before the last thread has started. Loading by
 * `import()`, which this option leaves as the only way, does not.
 */
export const WORKER_EXEC_ARGV: readonly string[] = ['--no-experimental-require-module'];

/** Lets any number of tasks wait on one signal; Node warns of a leak where more than ten do. */
export function waitableByAll(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  if (!signal) return {};
  setMaxListeners(0, signal);
  return { signal };
}
