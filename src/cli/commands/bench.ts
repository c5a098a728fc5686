/** `tocsin bench`: how fast Tocsin is on this machine, beside what else would do the work. */
import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Bench } from '../../../bench/compete.ts';
import { environment } from '../../../bench/measure.ts';
import { mergeReports, readReport, writePage } from '../../../bench/page.ts';
import { type CaseLetter, CASES } from '../../../bench/report.ts';
import { benchReport, runBench } from '../../../bench/suite.ts';
import { caseTable, figuresTable } from '../../../bench/table.ts';
import { TocsinError } from '../../base/errors.ts';
import { outputError } from '../../dataset/write.ts';
import { inTemporaryFolder } from '../temporary-folder.ts';
import type { Terminal } from '../terminal.ts';

export interface BenchFlags {
  readonly cases?: readonly CaseLetter[];
  readonly rows?: number;
  readonly events?: readonly number[];
  readonly inMemory?: boolean;
  readonly seed?: number;
  readonly threads?: number;
  readonly repetitions?: number;
  readonly quick?: boolean;
  readonly dir?: string;
  readonly write?: string;
}

/** Sign-ins of the datasets on disk. */
const ROWS = 20_000_000;
const QUICK_ROWS = 40_000;
const QUICK_RESULT = 'all gave equal results; nothing here is a measurement';

/** The benchmarks of the engine's parts, by the word that asks for them. */
const PARTS = {
  operators: async () => (await import('../../../bench/operators.bench.ts')).operatorsBench,
  expressions: async () => (await import('../../../bench/expressions.bench.ts')).expressionsBench,
} as const;

export type Part = keyof typeof PARTS;

/** `tocsin bench operators`: single parts of the engine, each beside a naive form of it. */
export async function benchPart(part: Part, quick: boolean, terminal: Terminal): Promise<void> {
  const suite = (await PARTS[part]())(quick ? 1000 : undefined, quick ? { time: 1 } : {});
  await suite.run();
  if (terminal.json) {
    await terminal.result(
      JSON.stringify({
        schema: 'tocsin.bench-parts/1',
        part,
        environment: environment({}),
        tasks: suite.tasks.map(({ name, result }) => ({
          name,
          ...('latency' in result && { p50Ms: result.latency.p50, madMs: result.latency.mad }),
        })),
      }),
    );
  } else {
    await terminal.result(
      suite.tasks
        .map(({ name, result }) => {
          if (!('latency' in result)) throw new TocsinError('INTERNAL', `${name} was not measured: ${result.state}`);
          const { p50, mad } = result.latency;
          return `${name.padEnd(60)}${`${p50.toFixed(3)} ms`.padStart(12)}${`± ${mad.toFixed(3)} ms`.padStart(14)}`;
        })
        .join('\n'),
    );
  }
}

export async function bench(flags: BenchFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { quick = false } = flags;
  if (quick && flags.write !== undefined) {
    throw new TocsinError('USAGE', {
      message: '--quick measures nothing that a page could say',
      hint: 'leave --quick or --write out',
    });
  }
  const run = async (folder: string): Promise<void> => {
    const report = await runBench(await benchOf(flags, folder, terminal, signal), async (result) => {
      if (terminal.json) terminal.note(caseTable(result));
      else await terminal.result(`${caseTable(result)}\n`);
      // After each case: what fails later loses nothing.
      if (flags.write !== undefined) {
        await writePage(flags.write, benchReport(mergeReports(await readReport(flags.write), [result])));
      }
    });
    if (terminal.json) await terminal.result(JSON.stringify(report));
    else await terminal.result(quick ? QUICK_RESULT : figuresTable(report));
  };
  if (flags.dir === undefined) return inTemporaryFolder(run);
  await mkdir(flags.dir, { recursive: true }).catch((error: unknown) => {
    throw outputError(flags.dir!, error);
  });
  return run(flags.dir);
}

async function benchOf(
  { cases, rows, events, inMemory = false, seed, threads, repetitions, quick = false }: BenchFlags,
  folder: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Bench> {
  return {
    cases: new Set(inMemory ? ['f'] : (cases ?? (Object.keys(CASES) as CaseLetter[]))),
    rows: rows ?? (quick ? QUICK_ROWS : ROWS),
    events: events ?? (quick ? [30_000, 300_000] : [10e6, 100e6, 1e9]),
    seed: seed ?? 7,
    threads: threads ?? availableParallelism(),
    repetitions: repetitions ?? (quick ? 1 : 5),
    warmups: quick ? 0 : 1,
    folder,
    signal,
    note: (text) => terminal.note(text),
    progress: (what) => {
      let told = false;
      return (done, total) => {
        if (signal.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
        if (!told) terminal.note(`${what}: ${total} partitions`);
        told = true;
        if (done % Math.max(1, Math.ceil(total / 10)) === 0) terminal.note(`  ${done} of ${total}`);
      };
    },
  };
}
