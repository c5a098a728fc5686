import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * A path inside the folder of recordings and samples beside the checkout, or in `$TOCSIN_SHARED`; undefined where there
 * is no such file.
 */
export function sharedPath(...parts: string[]): string | undefined {
  const path = join(process.env['TOCSIN_SHARED'] ?? resolve('..', 'shared'), ...parts);
  return existsSync(path) ? path : undefined;
}
