/**
 * Case (f): millions to billions of events, generated, replayed and scored in memory, with the most memory that the process
 * held. The smallest size is also made on disk and replayed from there: both ways must give the same rows.
 */
import { fork } from 'node:child_process';
import path from 'node:path';
import { packageRoot } from '../generators/scenario.ts';
import { fromPlainError, TocsinError } from '../src/base/errors.ts';
import { formatCount } from '../src/report/format.ts';
import type { CompiledRule } from '../src/rules/compile.ts';
import { type Bench, caseResult, checkDigests } from './compete.ts';
import { benchDataset } from './datasets.ts';
import { digestRows } from './digest.ts';
import { type Size, sizeOf } from './generation.ts';
import type { InMemoryMessage, InMemoryOrder } from './in-memory-process.ts';
import { timingOf } from './measure.ts';
import { rowsOf } from './ours.ts';
import type { CaseResult } from './report.ts';
import { compiledOf, type PortableRule } from './rules.ts';
import { SEED_DIGEST } from './seed-rule-sql.ts';
import { sizePart, threadsText } from './text.ts';

/** As many as LANL's 1.65 billion events cover. */
const DAYS = 58;
/** Events of a partition: what a thread holds at a time. */
const PARTITION_EVENTS = 500_000;
/** A size is repeated as long as its events come to no more than this. */
const REPEATED_EVENTS = 50_000_000;
/** Up to so many events the rows are compared with those of a dataset on disk. */
const COMPARED_EVENTS = 1_000_000;

type Outcome = Extract<InMemoryMessage, { readonly kind: 'result' }>;

export async function* inMemoryCases(bench: Bench, rule: PortableRule): AsyncGenerator<CaseResult> {
  yield await comparedCase(bench, compiledOf(rule), rule);
  for (const events of bench.events) yield await sizeCase(bench, rule, events);
}

function inMemorySize(events: number, seed: number): Size {
  return { ...sizeOf(events, seed, DAYS), partitionCount: Math.max(2, Math.ceil(events / PARTITION_EVENTS)) };
}

async function sizeCase(bench: Bench, rule: PortableRule, events: number): Promise<CaseResult> {
  const size = inMemorySize(events, bench.seed);
  const repetitions = Math.max(1, Math.min(bench.repetitions, Math.floor(REPEATED_EVENTS / events)));
  const outcomes: Outcome[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++)
    outcomes.push(await inProcess(bench, size, rule, []));
  const { result } = outcomes[0]!;
  const timing = timingOf(outcomes.map(({ seconds }) => seconds));
  const { attacks, alerts } = result.score;
  return caseResult(
    {
      case: 'f',
      part: sizePart(events),
      work: {
        events: result.events,
        users: size.users,
        days: size.days,
        seed: size.seed,
        partitions: size.partitionCount,
        runs: result.runs,
        resultRows: result.resultRows,
        attacks: attacks.planted,
        detected: attacks.detected,
        alerts: alerts.raised,
        trueAlerts: alerts.truePositive,
      },
      versions: {},
    },
    [
      {
        name: `tocsin, ${threadsText(bench.threads)}: generate, replay, score`,
        timing,
        eventsPerSecond: result.events / timing.median,
        peakBytes: Math.max(...outcomes.map(({ peakBytes }) => peakBytes)),
      },
    ],
    [],
  );
}

/** In memory and from disk, at a size at which both are quick. */
async function comparedCase(bench: Bench, compiled: CompiledRule, rule: PortableRule): Promise<CaseResult> {
  const events = Math.min(COMPARED_EVENTS, ...bench.events);
  const size = inMemorySize(events, bench.seed);
  const dataset = await benchDataset(
    {
      name: 'in-memory',
      users: size.users,
      days: size.days,
      seed: size.seed,
      tables: { AADNonInteractiveUserSignInLogs: {}, AuditLogs: {} },
      // Another number of partitions than in memory: it must not show.
      partitionCount: size.partitionCount + 1,
    },
    bench.folder,
    bench.threads,
    bench.progress('making the dataset that runs in memory are compared with'),
  );
  const outcome = await inProcess(bench, size, rule, SEED_DIGEST.ours);
  const started = performance.now();
  const table = await rowsOf(dataset, compiled, { threads: bench.threads });
  const seconds = (performance.now() - started) / 1000;
  const entries = [
    {
      name: 'in memory: generate, replay, score',
      timing: timingOf([outcome.seconds]),
      digest: outcome.result.digest,
    },
    {
      name: 'a dataset on disk: replay',
      timing: timingOf([seconds]),
      digest: digestRows(table, SEED_DIGEST.ours).toString(),
    },
  ];
  checkDigests('f', entries);
  return caseResult(
    {
      case: 'f',
      part: 'equal to a dataset on disk',
      work: { events: outcome.result.events, users: size.users, days: size.days, resultRows: table.rowCount },
      versions: {},
    },
    entries,
    [],
  );
}

function inProcess(bench: Bench, size: Size, rule: PortableRule, digest: readonly string[]): Promise<Outcome> {
  const progress = bench.progress(`${formatCount(size.users)} users over ${size.days} days in memory`);
  const child = fork(path.join(packageRoot(), 'dist/bench/in-memory-process.js'), {
    serialization: 'advanced',
    signal: bench.signal,
    // Columns come and go by the megabyte. glibc would keep what is freed for the next one, and the collector wait with what
    // it could free: both cost memory, and neither saves time here.
    env: { ...process.env, MALLOC_MMAP_THRESHOLD_: String(1 << 20) },
    execArgv: ['--max-semi-space-size=8'],
  });
  const order: InMemoryOrder = { size, rule, digest, threads: bench.threads };
  child.send(order);
  return new Promise<Outcome>((resolve, reject) => {
    child.on('message', (message) => {
      const told = message as InMemoryMessage;
      if (told.kind === 'progress') progress(told.done, told.total);
      else if (told.kind === 'result') resolve(told);
      else reject(fromPlainError(told.error));
    });
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      reject(
        new TocsinError('INTERNAL', `the process of a run in memory ended early: ${signal ?? `exit code ${code}`}`),
      ),
    );
  });
}
