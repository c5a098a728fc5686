/**
 * The results page, and the JSON beside it in which results pile up: a case that is measured again replaces its former self,
 * the others stay, each under the environment that it was measured in.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { TocsinError } from '../src/base/errors.ts';
import { outputError } from '../src/dataset/write.ts';
import { formatMagnitude, formatNumber } from '../src/report/format.ts';
import type { BenchReport, CaseResult, Entry } from './report.ts';
import { caseTitle, workText } from './table.ts';
import { bytesText, secondsText } from './text.ts';

/** `docs/benchmarks.json` beside `docs/benchmarks.md`. */
function jsonBeside(page: string): string {
  return page.replace(/(\.md)?$/, '.json');
}

/**
 * What stands beside the page; no cases where nothing does.
 *
 * @throws TocsinError INPUT where it is no report.
 */
export async function readReport(page: string): Promise<readonly CaseResult[]> {
  const file = jsonBeside(page);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const report = JSON.parse(text) as Partial<BenchReport>;
  if (report.schema === 'tocsin.bench/1' && Array.isArray(report.cases)) return report.cases;
  throw new TocsinError('INPUT', {
    message: `${file}: is not a bench report: schema is ${JSON.stringify(report.schema) ?? 'missing'}, expected "tocsin.bench/1"`,
    hint: 'move it away, or write the page elsewhere',
  });
}

function keyOf({ case: letter, part }: CaseResult): string {
  return `${letter} ${part ?? ''}`;
}

/** The later results in place of those of the same case and part; in order of case, runs in memory by size. */
export function mergeReports(earlier: readonly CaseResult[], later: readonly CaseResult[]): CaseResult[] {
  const byKey = new Map(earlier.map((result) => [keyOf(result), result]));
  for (const result of later) byKey.set(keyOf(result), result);
  return [...byKey.values()].sort((a, b) => (a.case < b.case ? -1 : a.case > b.case ? 1 : sizeOf(a) - sizeOf(b)));
}

function sizeOf({ case: letter, work }: CaseResult): number {
  return letter === 'f' ? work['events']! : 0;
}

/** Writes the page and the JSON beside it. */
export async function writePage(page: string, report: BenchReport): Promise<void> {
  try {
    await writeFile(jsonBeside(page), `${JSON.stringify(report, undefined, 2)}\n`);
    await writeFile(page, pageText(report, explained(await readFile(page, 'utf8').catch(() => ''))));
  } catch (error) {
    throw outputError(page, error);
  }
}

/** What stands between these is written by hand, and stays. */
const EXPLAINED = ['<!-- explained -->', '<!-- /explained -->'] as const;

function explained(page: string): string {
  const [from, to] = EXPLAINED.map((mark) => page.indexOf(mark));
  return from === -1 || to === -1 ? '' : page.slice(from! + EXPLAINED[0].length, to).trim();
}

/**
 * The page as Markdown.
 *
 * @param explanation - why figures fall short, as somebody wrote it.
 */
export function pageText({ cases, figures }: BenchReport, explanation = ''): string {
  return [
    '# Benchmarks',
    '',
    'Written by `tocsin bench --write docs/benchmarks.md`; the numbers are also in [benchmarks.json](benchmarks.json). Compare figures of',
    'one case with each other: they were measured in one process, turn by turn. Absolute ones depend on the machine.',
    '',
    '## Figures to reach',
    '',
    '| what | measured | at least | aim | |',
    '|---|--:|--:|--:|---|',
    ...figures.map(
      ({ what, measured, atLeast, aim, verdict, shortBy }) =>
        `| ${what} | ${measured ?? '-'} | ${atLeast} | ${aim ?? '-'} | ${verdict}${shortBy === null ? '' : ` by ${shortBy}`} |`,
    ),
    '',
    EXPLAINED[0],
    ...(explanation === '' ? [] : [explanation]),
    EXPLAINED[1],
    '',
    ...cases.flatMap(caseSection),
    METHOD,
  ].join('\n');
}

function caseSection(result: CaseResult): string[] {
  const { entries, work, notes, environment, measuredAt } = result;
  const some = (has: (entry: Entry) => boolean): boolean => entries.some(has);
  const speeds = some(({ eventsPerSecond }) => eventsPerSecond !== undefined);
  const peaks = some(({ peakBytes }) => peakBytes !== undefined);
  const digests = entries.flatMap(({ digest }) => digest ?? []);
  const row = (cells: readonly (string | false)[]): string =>
    `| ${cells.filter((cell) => cell !== false).join(' | ')} |`;
  return [
    `## ${caseTitle(result)}`,
    '',
    `${sentence(workText(work))}.`,
    '',
    row(['', 'median', 'least to most', speeds && 'events/s', peaks && 'peak memory']),
    row(['---', '--:', '--:', speeds && '--:', peaks && '--:']),
    ...entries.map(({ name, timing, eventsPerSecond, peakBytes }) =>
      row([
        name,
        secondsText(timing.median),
        `${secondsText(timing.least)} to ${secondsText(timing.most)}`,
        speeds && (eventsPerSecond === undefined ? '' : formatMagnitude(eventsPerSecond)),
        peaks && (peakBytes === undefined ? '' : bytesText(peakBytes)),
      ]),
    ),
    '',
    ...(digests.length > 1
      ? [`Equal results in ${digests.length} of ${entries.length}: digest \`${digests[0]}\`.`]
      : []),
    ...notes.map((note) => `${sentence(note)}.`),
    `${formatNumber(entries[0]!.timing.samples.length, 'repetition')}. Measured ${measuredAt} with Node ${environment.node} on ${environment.cpu}, ` +
      `${environment.cores} cores, ${bytesText(environment.memoryBytes)} of memory, ${environment.platform}` +
      `${Object.entries(environment.versions)
        .map(([name, version]) => `, ${name} ${version}`)
        .join('')}.`,
    '',
  ];
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const METHOD = `## Method

* **Turns.** Whatever is compared takes turns in one process, five timed repetitions after one that is not, the order reversed
  in every second turn. A figure is the median; the least and the most stand beside it. A ratio is one of medians.
* **Equal results.** Every engine's result rows are brought to one digest: their number, and the sums of both halves of an MD5
  over each row, so that the order does not matter. Digests are worked out after the timing and must be equal, or the command
  fails.
* **Data.** \`bench/scenario.yaml\`, generated by Tocsin. The dataset of (a) and (g) keeps as many sign-ins of a 50,000-user week as
  were asked for, evenly chosen, and of the audit rows those that a user is behind.
* **Tocsin** starts from files that the disk cache holds, with its threads started, and ends with rows.
* **DuckDB** starts from tables in its memory, loaded before, in order of time, with the same number of threads, prepared
  statements, and results left in a table of its own. What it would cost to get rows into DuckDB, or out again, is not
  counted, except in (b), which begins with NDJSON for both. *On texts* means tables as somebody loads a log; *on codes*, that
  every text was numbered beforehand, as a dataset of Tocsin's has it, so that DuckDB too compares and returns numbers. Either
  way the actor's name was taken out of the JSON of \`InitiatedBy\` before, which a replay does by itself.
* **One statement.** Several ways to put all runs into one statement are measured, and the fastest counts.
* **The memory floor** sums every byte of the columns that the plan needs, as 32-bit words with four sums at a time, from memory
  and with the same threads. Reading the same columns from disk-cached files and summing them stands beside it.

* **In memory** (f) each thread generates a partition, replays the rule over it and gives what the score needs: every row that a
  planted event stands behind, one other row of each run, and counts. Every size runs in a process of its own, which is told to
  give freed columns back to the system at once, and peak memory is the most that the system says it held. Sizes above ten million
  events run fewer times, as the table says. The smallest is compared with the same rows from a dataset on disk.
* **Start** (h) spawns the command line. An empty script in Node stands beside it.

## Limits

* Two cores of a shared machine: spread says how much to believe. Nothing here tells how more than two threads scale.
* The data is Tocsin's own. Real logs may repeat less, which costs dictionaries, ours and theirs.
* DuckDB knows nothing of runs: what a team would write against it, and how well, is a matter of judgement. The SQL is in
  \`bench/seed-rule-sql.ts\` and \`bench/rules/\`.

## Again

\`\`\`
npm run bench                                   # all cases, 20 million sign-ins
npm run bench -- --quick                        # every case once, over little data: equal results, no figures
npm run bench -- --cases a,g --rows 5e6         # some cases, another size
npm run bench -- --dir /var/tmp/tocsin-bench    # keep the datasets, and use them again
npm run bench -- --write docs/benchmarks.md     # this page; what is not measured again stays
npm run bench -- --json                         # as JSON
\`\`\`

## The results as JSON

\`\`\`json
{ "schema": "tocsin.bench/1",
  "cases": [
    { "case": "a", "part": "only where a case has several",
      "work": { "AADNonInteractiveUserSignInLogs": 20000000, "runs": 169 },
      "entries": [
        { "name": "tocsin, 2 threads",
          "timing": { "median": 0.2, "least": 0.19, "most": 0.22, "samples": [0.2, 0.19, 0.22] },
          "eventsPerSecond": 100000000, "peakBytes": 300000000, "digest": "445388:1f0:2e1" }],
      "notes": ["what was left out, and why"],
      "environment": { "node": "v20.20.2", "platform": "linux x64", "cpu": "...", "cores": 2, "memoryBytes": 0,
        "versions": { "DuckDB": "1.5.6" } },
      "measuredAt": "2026-11-25T02:50Z" }],
  "figures": [
    { "what": "...", "measured": "27.3 x", "atLeast": "25 x faster", "aim": "100 x", "verdict": "met", "shortBy": null }] }
\`\`\`

Times are seconds. \`eventsPerSecond\`, \`peakBytes\` and \`digest\` are there where a case has them. \`verdict\` is \`aim reached\`,
\`met\`, \`short\` or \`not measured\`.

## ClickHouse

ClickHouse takes part where its Node package is installed, which is 540 MB and therefore not among Tocsin's dependencies:
\`npm i --no-save chdb\`.
`;
