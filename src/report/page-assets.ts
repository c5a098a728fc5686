/** What a report carries with it: the page's own style and script, and the chart library with what it stands on. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

export interface PageAssets {
  readonly style: string;
  /** In the order in which they must run. */
  readonly scripts: readonly string[];
}

const require = createRequire(import.meta.url);

/** Reads them from the installed packages. */
export function pageAssets(): PageAssets {
  return {
    style: read(require.resolve('#report-page/page.css')),
    // Neither library exports to Node the file that is made for browsers; it stands in `dist`, beside their main module's folder.
    scripts: [
      read(require.resolve('d3'), '../dist/d3.min.js'),
      read(require.resolve('@observablehq/plot'), '../dist/plot.umd.min.js'),
      read(require.resolve('#report-page/page.js')),
    ],
  };
}

/** @param beside - a path from the folder of `file`, to read in its place. */
function read(file: string, beside?: string): string {
  return readFileSync(beside === undefined ? file : path.join(path.dirname(file), beside), 'utf8');
}
