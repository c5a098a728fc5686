/** `tocsin report`: rules over a dataset that is already there, scored, explained and laid out as one HTML file. */
import { readFile } from 'node:fs/promises';
import { TocsinError } from '../../base/errors.ts';
import { openDataset } from '../../dataset/read.ts';
import { writeLines } from '../../replay/output.ts';
import { formatNumber, formatShare } from '../../report/format.ts';
import { type HtmlReport, reportHtml } from '../../report/html.ts';
import type { ScoreReport } from '../../report/json.ts';
import { pageAssets } from '../../report/page-assets.ts';
import { readSweep } from '../../report/swept.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { compileRule } from '../../rules/compile.ts';
import { htmlReportOf, scoreReplays } from '../score-replays.ts';
import { Gate, type GateFlags, namesIn } from '../gate.ts';
import { expectSuccess } from '../scoreboard.ts';
import type { Terminal } from '../terminal.ts';
import { checkFile, howToReplay, type TimedReplay, timedReplay } from './replay.ts';

export interface ReportFlags extends TableFiles, GateFlags {
  readonly rule: readonly string[];
  readonly out: string;
  /** What `tocsin sweep --json` wrote. */
  readonly sweep?: string;
  readonly threads?: number;
  readonly force?: boolean;
}

export async function report(
  location: string,
  flags: ReportFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  await checkFile(flags.out, flags.force ?? false);
  const sweep = flags.sweep === undefined ? undefined : readSweep(await readText(flags.sweep), flags.sweep);
  const dataset = await openDataset(location);
  const truth = await dataset.truth();
  const gate = Gate.prepare(flags, namesIn(truth), { scenario: [], rules: flags.rule });
  const lists = tablesFromFiles(flags);
  const rules = flags.rule.map((file) => ({ file, compiled: compileRule(file, { ...lists, dataset }) }));
  const replays: TimedReplay[] = [];
  for (const { file, compiled } of rules) {
    replays.push(await timedReplay(dataset, file, compiled, howToReplay(flags, dataset), terminal, signal));
  }
  const options = { generateSeconds: null, schedule: true, signal };
  const scored = await scoreReplays(dataset, truth, replays, options, terminal);
  const judged = gate.judge(scored.report);
  const page = htmlReportOf({ ...scored, report: judged }, truth, replays, location);
  await writeReport(flags.out, { ...page, sweep }, signal);
  await terminal.result(terminal.json ? JSON.stringify(judged) : summary(flags.out, judged));
  await expectSuccess(judged, terminal, gate);
}

/** Writes the page as one file. @throws {@link TocsinError} `OUTPUT` where it cannot be written. */
export async function writeReport(file: string, content: HtmlReport, signal: AbortSignal): Promise<void> {
  await writeLines(file, [reportHtml(content, pageAssets()).trimEnd()], signal);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new TocsinError('INPUT', `${file}: cannot be read (${(error as Error).message})`, { cause: error });
  }
}

function summary(file: string, { rules }: ScoreReport): string {
  return [
    ...rules.map(({ rule, attacks, alerts }) => {
      const recall = attacks.recall === null ? 'n/a' : formatShare(attacks.recall);
      const precision = alerts.precision === null ? 'n/a' : formatShare(alerts.precision);
      return `${rule}: attack recall ${recall}, alert precision ${precision}`;
    }),
    `${formatNumber(rules.length, 'rule')} in ${file}: open it in a browser`,
  ].join('\n');
}
