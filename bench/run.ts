/**
 * `npm run bench`: how many events a second one core generates, replays and scores, on a small tenant. Everything runs in
 * this thread, so the figures are per core and do not depend on how many there are. Compare them with each other, and with
 * figures of the same machine; absolute ones drift.
 *
 * `--quick` measures each once, to see that it runs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Bench } from 'tinybench';
import { generate } from '../generators/index.ts';
import { openDataset } from '../src/dataset/read.ts';
import { replay } from '../src/replay/replay.ts';
import { formatCount, formatMagnitude } from '../src/report/format.ts';
import { compileRule } from '../src/rules/compile.ts';
import { score } from '../src/score/score.ts';

const QUICK = process.argv.includes('--quick');
const TENANT = { users: QUICK ? 100 : 500, days: QUICK ? 1 : 4, seed: 1, threads: 0 } as const;
const RULE = fileURLToPath(
  new URL('rules/ni-auth-privileged-audit-actions.yaml', import.meta.resolve('tocsin/package.json')),
);

const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const rule = compileRule(RULE);
const manifest = await generate('contoso-2k', { ...TENANT, out: path.join(folder, 'tenant') });
const dataset = await openDataset(path.join(folder, 'tenant'));
const truth = await dataset.truth();
const result = await replay(dataset, rule, { threads: 0 });
const events = manifest.tables.reduce((sum, table) => sum + table.rowCount, 0);

const bench = new Bench({
  iterations: QUICK ? 1 : 7,
  warmupIterations: QUICK ? 0 : 2,
  warmup: !QUICK,
  time: 0,
  warmupTime: 0,
  throws: true,
});
bench.add('generate', async () => {
  await generate('contoso-2k', { ...TENANT, out: path.join(folder, 'again'), force: true });
});
bench.add('replay', async () => {
  await replay(dataset, rule, { threads: 0 });
});
bench.add('score', () => {
  score(result, rule.rule.name, truth, manifest);
});
await bench.run();

console.log(
  `Node ${process.version}, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${availableParallelism()} cores`,
);
console.log(
  `${formatCount(events)} events of ${TENANT.users} users in ${TENANT.days} days; ${result.runs.length} runs, ${formatCount(result.rows.length)} result rows\n`,
);
console.log(`${'one core'.padEnd(12)}${'median'.padStart(12)}${'spread'.padStart(12)}${'events/s'.padStart(12)}`);
for (const task of bench.tasks) {
  if (!('latency' in task.result)) throw new Error(`${task.name} was not measured: ${task.result.state}`);
  const { p50, mad } = task.result.latency;
  console.log(
    `${task.name.padEnd(12)}${`${p50.toFixed(1)} ms`.padStart(12)}${`± ${mad.toFixed(1)} ms`.padStart(12)}${formatMagnitude((events / p50) * 1000).padStart(12)}`,
  );
}
