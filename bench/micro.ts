/**
 * `npm run bench:operators`, `npm run bench:expressions`: each operator or expression beside its naive form, in
 * milliseconds a pass, and how many times as fast it is. Medians: other work on the machine makes means.
 */
import { expressionsBench } from './expressions.bench.ts';
import { operatorsBench } from './operators.bench.ts';

const BENCHES = { expressions: expressionsBench, operators: operatorsBench };

const NAIVE = ' (naive)';

async function main(name: string | undefined): Promise<void> {
  if (name !== 'expressions' && name !== 'operators') {
    process.stderr.write('say which: expressions or operators\n');
    process.exitCode = 2;
    return;
  }
  const bench = BENCHES[name]();
  await bench.run();
  const medians = new Map<string, number>();
  for (const { name: task, result } of bench.tasks) if ('latency' in result) medians.set(task, result.latency.p50);
  const width = Math.max(...[...medians.keys()].map((task) => task.length));
  for (const [task, median] of medians) {
    if (task.endsWith(NAIVE)) continue;
    const naive = medians.get(`${task.replace(/ \((?:first|again)\)$/, '')}${NAIVE}`);
    const times = naive === undefined ? '' : `  naive ${naive.toFixed(3)} ms  ×${(naive / median).toFixed(1)}`;
    process.stdout.write(`${task.padEnd(width)}  ${median.toFixed(3)} ms${times}\n`);
  }
}

await main(process.argv[2]);
