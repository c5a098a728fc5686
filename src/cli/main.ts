#!/usr/bin/env node
/**
 * The command line, as a table of contents. What a command does is in commands/ and loaded only when it is asked for, so
 * that help and mistakes are answered at once. Only this file ends the process.
 */
import { createRequire } from 'node:module';
import { Argument, Command, Option } from 'commander';
import { EXIT_CODES, TocsinError } from '../base/errors.ts';
import { ROW_FORMATS } from '../report/rows.ts';
import type { TableFiles } from '../query/files.ts';
import {
  assignment,
  collect,
  commaSeparated,
  magnitude,
  oneOf,
  positive,
  schedule,
  time,
  wholeNumber,
} from './arguments.ts';
import type { BenchFlags, Part } from './commands/bench.ts';
import type { CheckFlags } from './commands/check.ts';
import type { DescribeFlags } from './commands/describe.ts';
import type { GenerateFlags } from './commands/generate.ts';
import type { ImportFlags } from './commands/import.ts';
import type { QueryFlags } from './commands/query.ts';
import type { ReplayFlags } from './commands/replay.ts';
import type { ReportFlags } from './commands/report.ts';
import type { RobustnessFlags } from './commands/robustness.ts';
import type { RunFlags } from './commands/run.ts';
import type { ScheduleFlags } from './commands/schedule.ts';
import type { SupportFlags } from './commands/support.ts';
import type { ScoreFlags } from './commands/score.ts';
import type { SweepFlags } from './commands/sweep.ts';
import type { WhyFlags } from './commands/why.ts';
import { exitCodeLines } from './exit-codes.ts';
import { reportFailure } from './failure.ts';
import { byteCount, withinMemory } from './memory.ts';
import { Terminal } from './terminal.ts';

/** How long work may take to end by itself after Ctrl-C. */
const GRACE_MS = 2000;

const terminal = new Terminal(process.argv.includes('--json'));

const THREADS = wholeNumber(0, 1024);

/** What helps where memory does not suffice. */
const FEWER = 'use fewer --threads';

/** The option that limits the memory of a command. */
function withMemory(target: Command): Command {
  return target.option(
    '--memory <size>',
    'what it may take, such as 2GiB: fewer threads work where that is needed',
    byteCount,
  );
}

const CASE_LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;

const program = new Command('tocsin')
  .description('Replays a Microsoft Sentinel rule over a tenant with known attacks in it, and scores what it catches.')
  .version((createRequire(import.meta.url)('tocsin/package.json') as { version: string }).version, '-V, --version')
  .addHelpText(
    'after',
    `\nExit codes:\n${exitCodeLines()
      .map((line) => `  ${line}`)
      .join('\n')}`,
  )
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .showSuggestionAfterError();

/** A command that inherits how the program fails. */
function command(usage: string, summary: string): Command {
  return program.command(usage).description(summary).option('--json', 'results and errors as JSON');
}

/**
 * Takes Ctrl-C over: the signal aborts, work that minds it ends by itself and cleans up, and what does not, or a second
 * Ctrl-C, ends here. Commands that never let the event loop run must do without, or Ctrl-C would not reach them at all.
 */
function interruptible(): AbortSignal {
  const interruption = new AbortController();
  process.on('SIGINT', () => {
    const leave = () => process.exit(reportFailure(new TocsinError('INTERRUPTED', 'interrupted'), terminal));
    if (interruption.signal.aborted) leave();
    interruption.abort();
    setTimeout(leave, GRACE_MS).unref();
  });
  return interruption.signal;
}

/** The options that give a query the lists it reads besides logs. */
function withLists(target: Command): Command {
  return target
    .option(
      '--watchlist <name=file>',
      'rows of a watchlist: CSV, JSON or NDJSON; may be given several times',
      assignment,
    )
    .option('--external <url=file>', 'local copy of what externaldata reads; may be given several times', assignment)
    .option(
      '--function <name=file>',
      'KQL of a function that the workspace has saved; may be given several times',
      assignment,
    )
    .option('--no-cache', 'compile anew, whatever was compiled before');
}

/** The options of a scenario, for the commands that generate one. */
function scenarioCommand(
  name: string,
  summary: string,
  argument = '<scenario>',
  what = 'a shipped scenario, such as contoso-2k, or a scenario file',
): Command {
  return command(name, summary)
    .argument(argument, what)
    .option('--users <count>', 'users of the tenant', wholeNumber(20, 5_000_000))
    .option('--days <count>', 'days to cover', wholeNumber(1, 366))
    .option('--seed <number>', 'another seed makes another tenant', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--threads <count>', 'worker threads (default: one a core); 0 works without', THREADS);
}

/** The options that make a score pass or fail, and tell a CI server so. */
function withExpectations(target: Command): Command {
  return target
    .option('--expect <expectation>', "such as 'recall >= 0.9'; may be given several times", collect)
    .option('--baseline <file>', 'an earlier score, as --json prints it: fail where a rule got worse')
    .option(
      '--tolerance <name=value>',
      'how much worse than the baseline a measure may be; may be given several times',
      collect,
    )
    .option('--junit <file>', 'write the expectations as JUnit XML')
    .option('--markdown <file>', 'write a summary in Markdown')
    .option('--github', 'annotate failures for GitHub (default: where GITHUB_ACTIONS is set)');
}

withExpectations(
  withLists(withMemory(scenarioCommand('run', 'generate a scenario, replay rules over it and score what they catch'))),
)
  .option('--rule <file>', 'rule file, may be given several times (default: the shipped rule)', collect)
  .option('--out <folder>', 'keep the dataset, with alerts.ndjson and score.json in it')
  .option('--schedule', 'say what the schedule, and others in its place, lose and repeat')
  .option('--report <file>', 'write the results as one HTML file as well')
  .option('--force', 'replace a dataset and a report that are there')
  .action(async (scenario: string, flags: RunFlags) =>
    withinMemory(flags.memory, interruptible(), FEWER, async (signal) =>
      (await import('./commands/run.ts')).run(scenario, flags, terminal, signal),
    ),
  );

withLists(scenarioCommand('robustness', 'score rules with faulty logs beside whole ones'))
  .option('--rule <file>', 'rule file, may be given several times (default: the shipped rule)', collect)
  .option('--faults <file>', "faults to try (default: the scenario's own, else those that ship with Tocsin)")
  .action(async (scenario: string, flags: RobustnessFlags) =>
    (await import('./commands/robustness.ts')).robustness(scenario, flags, terminal, interruptible()),
  );

withLists(
  scenarioCommand(
    'sweep',
    'score a rule in many settings over one tenant',
    '<source>',
    'a scenario to generate, or the folder of a dataset',
  ),
)
  .requiredOption('--rule <file>', 'rule file')
  .requiredOption(
    '--set <name=values>',
    "a setting, a let or a literal of the query and its values, such as '60m=5m,15m,30m'; may be given several times",
    collect,
  )
  .addOption(new Option('--format <format>', 'form of the results').choices(['table', 'csv']).default('table'))
  .action(async (source: string, flags: SweepFlags) =>
    (await import('./commands/sweep.ts')).sweep(source, flags, terminal, interruptible()),
  );

withMemory(scenarioCommand('generate', 'generate a scenario'))
  .requiredOption('--out <folder>', 'where it goes')
  .option('--force', 'replace a dataset that is there')
  .option('--resume', 'go on where the same command was killed')
  .addOption(
    new Option('--format <format>', 'a dataset to replay, or one file a table as Log Analytics exports it')
      .choices(['dataset', 'ndjson', 'ndjson.gz', 'parquet'])
      .default('dataset'),
  )
  .action(async (scenario: string, flags: GenerateFlags) =>
    withinMemory(flags.memory, interruptible(), FEWER, async (signal) =>
      (await import('./commands/generate.ts')).generate(scenario, flags, terminal, signal),
    ),
  );

withLists(withMemory(command('import', 'make a dataset of log files: NDJSON, JSON, CSV or Parquet, compressed or not')))
  .argument('<file...>', 'files, globs, or - for stdin')
  .option('--table <name>', 'the table of records that do not say which they belong to')
  .requiredOption('--out <folder>', 'where the dataset goes')
  .option('--rule <file>', 'keep only what this rule reads, which is faster; may be given several times', collect)
  .option('--truth <file>', 'a truth.ndjson that goes with the rows')
  .option('--strict', 'fail on the first bad record')
  .option('--threads <count>', 'worker threads (default: one a core); 0 works without', THREADS)
  .option('--force', 'replace a dataset that is there')
  .action(async (files: string[], flags: ImportFlags) =>
    withinMemory(
      flags.memory,
      interruptible(),
      'import fewer files at once, or only what a rule reads (--rule)',
      async (signal) => (await import('./commands/import.ts')).importLogs(files, flags, terminal, signal),
    ),
  );

command('describe', 'say what is in a dataset, beside what has been published of real ones')
  .argument('<dataset>', 'folder of the dataset')
  .option('--top <count>', 'values listed of each kind (default: 5)', wholeNumber(1, 100_000))
  .action(async (dataset: string, flags: DescribeFlags) =>
    (await import('./commands/describe.ts')).describe(dataset, flags, terminal, interruptible()),
  );

withLists(withMemory(command('replay', 'run a rule on its schedule over a dataset')))
  .argument('<dataset>', 'folder of the dataset')
  .requiredOption('--rule <file>', 'rule file; may be given several times', collect)
  .option('--threads <count>', 'worker threads (default: one a core); 0 works without', THREADS)
  .option('--general', 'evaluate run by run instead of all runs at once; slower, the same rows')
  .option('--out <file>', 'write result rows, alerts and incidents as NDJSON; - for stdout')
  .option('--force', 'replace a file that is there')
  .action(async (dataset: string, flags: ReplayFlags) =>
    withinMemory(flags.memory, interruptible(), FEWER, async (signal) =>
      (await import('./commands/replay.ts')).replay(dataset, flags, terminal, signal),
    ),
  );

withExpectations(command('score', 'score the alerts of an earlier replay against the truth of their dataset'))
  .argument('<dataset>', 'folder of the dataset that was replayed')
  .requiredOption('--alerts <file>', 'what tocsin replay --out wrote')
  .option(
    '--rule <file>',
    'file of a rule that raised them, for the expectations beside it; may be given several times',
    collect,
  )
  .action(async (dataset: string, flags: ScoreFlags) =>
    (await import('./commands/score.ts')).score(dataset, flags, terminal),
  );

withExpectations(withLists(command('report', 'lay out what rules catch and miss as one HTML file')))
  .argument('<dataset>', 'folder of the dataset')
  .requiredOption('--rule <file>', 'rule file; may be given several times', collect)
  .option('--out <file>', 'the HTML file to write', 'report.html')
  .option('--sweep <file>', 'what tocsin sweep --json wrote, to draw its frontier')
  .option('--threads <count>', 'worker threads (default: one a core); 0 works without', THREADS)
  .option('--force', 'replace a file that is there')
  .action(async (dataset: string, flags: ReportFlags) =>
    (await import('./commands/report.ts')).report(dataset, flags, terminal, interruptible()),
  );

withLists(command('check', 'find what is wrong with rules, and what works otherwise than they say'))
  .argument('<file...>', 'rules: YAML templates, exported JSON rules, or bare .kql queries')
  .addOption(new Option('--format <name>', 'form of the findings').choices(['text', 'json', 'sarif', 'github']))
  .addOption(
    new Option('--fail-on <severity>', 'exit with 1 where a finding is as bad as this')
      .choices(['error', 'warning', 'info'])
      .default('error'),
  )
  .option('--with <dataset>', 'replay the rule over it, and say what the findings cost')
  .option('--threads <count>', 'worker threads of that replay (default: one a core); 0 works without', THREADS)
  .action(async (files: string[], flags: CheckFlags) =>
    (await import('./commands/check.ts')).check(
      files,
      flags,
      terminal,
      flags.with === undefined ? undefined : interruptible(),
    ),
  );

withLists(command('explain', 'print the plan that a rule compiles to'))
  .argument('<file>', 'rule: a YAML template, an exported JSON rule, or a bare .kql query')
  .action(async (file: string, flags: TableFiles) =>
    (await import('./commands/explain.ts')).explain(file, flags, terminal),
  );

withLists(command('why', 'say which clause of a rule lost an event, and with which values'))
  .argument('<dataset>', 'folder of the dataset')
  .requiredOption('--rule <file>', 'rule file')
  .option(
    '--event <id>',
    'an event of truth.ndjson, or the Id of a record; may be given several times (default: every malicious event in no alert)',
    collect,
  )
  .option('--false-alarms', 'say instead what the false alarms are: the noisiest users, operations ...')
  .option(
    '--base-rate <attacks>',
    'attacks a week per 1,000 users, for what share of alerts would be true',
    positive,
    1,
  )
  .option('--threads <count>', 'worker threads (default: one a core); 0 works without', THREADS)
  .action(async (dataset: string, flags: WhyFlags) =>
    (await import('./commands/why.ts')).why(dataset, flags, terminal, interruptible()),
  );

withLists(command('schedule', 'count the rows that a schedule loses to late arrival, or sees more than once'))
  .argument('<dataset>', 'folder of the dataset')
  .requiredOption('--rule <file>', 'rule file')
  .option('--try <frequency/period>', 'another schedule, such as 15m/75m; may be given several times', schedule)
  .action(async (dataset: string, flags: ScheduleFlags) =>
    (await import('./commands/schedule.ts')).schedule(dataset, flags, terminal),
  );

withLists(command('query', 'run a KQL query over a dataset'))
  .argument('<kql>', 'the text of the query')
  .option('--data <dataset>', 'folder of the dataset; without it, only what the query itself defines')
  .option('--now <time>', 'what now() gives (default: the end of the dataset)', time)
  .addOption(new Option('--format <format>', 'table on a terminal, else ndjson').choices(ROW_FORMATS))
  .action(async (kql: string, flags: QueryFlags) => (await import('./commands/query.ts')).query(kql, flags, terminal));

command('support', 'say what of KQL runs and what is refused, by trying all of it')
  .addOption(new Option('--format <format>', 'form of the table').choices(['text', 'json', 'markdown']))
  .action(async (flags: SupportFlags) => (await import('./commands/support.ts')).support(flags, terminal));

command('verify', 'say whether every file of a dataset is what was written')
  .argument('<dataset>', 'folder of the dataset')
  .action(async (dataset: string) => (await import('./commands/verify.ts')).verify(dataset, terminal));

command('bench', 'measure how fast Tocsin is on this machine, beside other engines on the same rows')
  .addArgument(
    new Argument('[part]', 'only single parts of the engine, beside a naive form').choices([
      'operators',
      'expressions',
    ]),
  )
  .option('--cases <letters>', 'which cases, such as a,d (default: all)', commaSeparated(oneOf(CASE_LETTERS)))
  .option('--rows <count>', 'sign-ins of the datasets on disk (default: 20e6)', magnitude(1000))
  .option(
    '--events <counts>',
    'events of the runs in memory (default: 10e6,100e6,1e9)',
    commaSeparated(magnitude(1000)),
  )
  .option('--in-memory', 'only the runs in memory: the same as --cases f')
  .option('--seed <number>', 'another seed makes other data', wholeNumber(0, Number.MAX_SAFE_INTEGER))
  .option('--threads <count>', 'threads of everything that is compared (default: one a core)', wholeNumber(1, 1024))
  .option('--repetitions <count>', 'timed repetitions (default: 5)', wholeNumber(1, 1000))
  .option('--quick', 'every case once, over little data: proves equal results, measures nothing')
  .option('--dir <folder>', 'keep the datasets there, and use them again (default: a temporary folder)')
  .option('--write <file>', 'write the results page; what was measured before stays in the JSON beside it')
  .action(async (part: Part | undefined, flags: BenchFlags) => {
    const { bench, benchPart } = await import('./commands/bench.ts');
    if (part === undefined) await bench(flags, terminal, interruptible());
    else await benchPart(part, flags.quick ?? false, terminal);
  });

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader such as `head` that has seen enough is no failure.
  if (error.code === 'EPIPE') process.exit(EXIT_CODES.ok);
  process.exit(reportFailure(new TocsinError('OUTPUT', `the results cannot be written: ${error.message}`), terminal));
});

try {
  await program.parseAsync();
} catch (error) {
  const used = program.commands.find((each) => each.name() === process.argv[2]);
  process.exitCode = reportFailure(error, terminal, used && `tocsin help ${used.name()}`);
}
