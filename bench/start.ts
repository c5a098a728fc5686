/** Case (h): how long a user waits for the command line to start, and for a first replay of a tiny dataset. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../generators/scenario.ts';
import { type Bench, type Competitor, compete } from './compete.ts';
import { seedDataset, workOf } from './datasets.ts';
import type { CaseResult } from './report.ts';

const ROWS = 1000;

export async function startCase(bench: Bench): Promise<CaseResult> {
  const dataset = await seedDataset({ ...bench, rows: ROWS });
  const main = path.join(packageRoot(), 'dist/src/cli/main.js');
  const rule = path.join(packageRoot(), 'rules/ni-auth-privileged-audit-actions.yaml');
  const cache = path.join(bench.folder, 'plans');
  const environment = { ...process.env, XDG_CACHE_HOME: cache };
  const spawned = (name: string, ...args: string[]): Competitor => ({
    name,
    run: () => promisify(execFile)(process.execPath, [main, ...args], { env: environment }),
  });
  const again = spawned('tocsin replay, a tiny dataset, again', 'replay', dataset.path, '--rule', rule);
  await again.run();
  return compete(bench, {
    case: 'h',
    work: workOf(dataset),
    competitors: [
      spawned('tocsin --help', '--help'),
      spawned('tocsin replay, a tiny dataset, first', 'replay', dataset.path, '--rule', rule, '--no-cache'),
      // With the plan that the rule compiled to before.
      again,
      { name: 'node, an empty script', run: () => promisify(execFile)(process.execPath, ['-e', '0']) },
    ],
    versions: {},
  });
}
