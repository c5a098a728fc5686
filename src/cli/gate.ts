/**
 * What makes a score pass or fail: expectations from the scenario, from a file beside the rule and from the command line,
 * and a baseline; and the files and annotations that tell a CI server. All of it is read before the long work begins.
 */
import { appendFile, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { YamlReader } from '../../generators/yaml-reader.ts';
import { TocsinError } from '../base/errors.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { outputError } from '../dataset/write.ts';
import { githubAnnotations } from '../report/github.ts';
import type { RuleReport, ScoreReport } from '../report/json.ts';
import { junitXml } from '../report/junit.ts';
import { scoreMarkdown } from '../report/markdown.ts';
import { compareWithBaseline, parseTolerances, type Tolerance } from '../score/baseline.ts';
import {
  checkExpectation,
  type Expectation,
  type ExpectationSource,
  parseExpectations,
  type PlantedNames,
} from '../score/expectations.ts';
import type { Terminal } from './terminal.ts';

export interface GateFlags {
  readonly expect?: readonly string[];
  readonly baseline?: string;
  readonly tolerance?: readonly string[];
  readonly junit?: string;
  readonly markdown?: string;
  readonly github?: boolean;
}

/** The logs that a score is of. */
type Logs = Pick<ScoreReport, 'scenario' | 'seed' | 'users'>;

/** Where an expectation of the command line says that it stands. */
const ON_COMMAND_LINE = '--expect';

export class Gate {
  readonly #flags: GateFlags;
  readonly #planted: PlantedNames;
  /** Of every rule. */
  readonly #common: readonly Expectation[];
  /** By rule file. */
  readonly #own: ReadonlyMap<string, readonly Expectation[]>;
  readonly #tolerances: readonly Tolerance[];
  readonly #baseline: ScoreReport | undefined;

  private constructor(
    flags: GateFlags,
    planted: PlantedNames,
    common: readonly Expectation[],
    own: ReadonlyMap<string, readonly Expectation[]>,
  ) {
    this.#flags = flags;
    this.#planted = planted;
    this.#common = common;
    this.#own = own;
    if (flags.tolerance !== undefined && flags.baseline === undefined) {
      throw new TocsinError('USAGE', '--tolerance is for a baseline: give one with --baseline');
    }
    this.#tolerances = parseTolerances(flags.tolerance ?? [], planted);
    this.#baseline = flags.baseline === undefined ? undefined : readBaseline(flags.baseline);
  }

  /**
   * Reads everything that is expected.
   *
   * @param files - the scenario's expectations, and the rule files: each may have a `<rule>.expect.yaml` beside it.
   * @throws {@link TocsinError} `USAGE` or `SCENARIO` with every fault of an expectation; `INPUT` for a file that is no
   * baseline.
   */
  static prepare(
    flags: GateFlags,
    planted: PlantedNames,
    files: { readonly scenario: readonly ExpectationSource[]; readonly rules: readonly string[] } = {
      scenario: [],
      rules: [],
    },
  ): Gate {
    const common = [
      ...parseExpectations(files.scenario, planted, 'SCENARIO'),
      ...parseExpectations((flags.expect ?? []).map(fromCommandLine), planted, 'USAGE'),
    ];
    const own = new Map(files.rules.map((file) => [file, expectationsBeside(file, planted)]));
    return new Gate(flags, planted, common, own);
  }

  /** @throws {@link TocsinError} `INPUT` where the baseline is of other logs than these. */
  expectScenario(logs: Logs): void {
    if (!this.#baseline) return;
    const differences = (['scenario', 'seed', 'users'] as const)
      .filter((key) => this.#baseline![key] !== logs[key])
      .map((key) => `its ${key} is ${this.#baseline![key] ?? 'unknown'}, this one's ${logs[key] ?? 'unknown'}`);
    if (differences.length > 0) this.#refuse(differences.join('; '));
  }

  #refuse(difference: string): never {
    throw new TocsinError('INPUT', {
      message: `${this.#flags.baseline}: the baseline is of other logs: ${difference}`,
      hint: 'scores compare only over the same logs: make the baseline with the same scenario, seed, users and days',
    });
  }

  /**
   * The report with what was expected and how it compares with the baseline.
   *
   * @throws {@link TocsinError} `INPUT` where the baseline is of other logs, or holds none of the rules.
   */
  judge(report: ScoreReport): ScoreReport {
    const baseline = this.#baseline;
    if (baseline) {
      this.expectScenario(report);
      for (const key of ['start', 'end'] as const) {
        if (baseline[key] !== report[key]) this.#refuse(`its ${key} is ${baseline[key]}, this one's ${report[key]}`);
      }
      for (const table of new Set([...Object.keys(baseline.events), ...Object.keys(report.events)])) {
        const [before, now] = [baseline.events[table] ?? 0, report.events[table] ?? 0];
        if (before !== now) this.#refuse(`it has ${before} rows of ${table}, this one ${now}`);
      }
    }
    const earlier = report.rules.map((rule) => baseline && counterpart(rule, report, baseline));
    if (baseline && earlier.every((rule) => rule === undefined)) {
      throw new TocsinError('INPUT', {
        message: `${this.#flags.baseline}: the baseline holds none of these rules`,
        hint: `it holds ${baseline.rules.map(({ rule, file }) => file ?? rule).join(', ')}`,
      });
    }
    const rules = report.rules.map((rule, index): RuleReport => {
      const expectations = [...this.#common, ...((rule.file !== null && this.#own.get(rule.file)) || [])];
      return {
        ...rule,
        ...(expectations.length > 0 && { expectations: expectations.map((each) => checkExpectation(each, rule)) }),
        ...(baseline && {
          baseline: earlier[index] ? compareWithBaseline(earlier[index], rule, this.#tolerances, this.#planted) : null,
        }),
      };
    });
    return { ...report, rules };
  }

  /** Writes the files and annotations that were asked for. */
  async publish(
    report: ScoreReport,
    faultsOf: (rule: RuleReport) => readonly string[],
    terminal: Terminal,
  ): Promise<void> {
    const { junit, markdown, github = Boolean(process.env['GITHUB_ACTIONS']) } = this.#flags;
    if (junit !== undefined) await write(junit, junitXml(report, faultsOf));
    if (markdown !== undefined) await write(markdown, scoreMarkdown(report, faultsOf));
    // The runner reads commands from both streams; stdout is for results.
    if (github) for (const line of githubAnnotations(report.rules, faultsOf)) terminal.note(line);
  }
}

/** What was planted in a dataset, by name. */
export function namesIn(truth: readonly TruthIncident[]): PlantedNames {
  const chains = new Map<string, string[]>();
  const lookalikes = new Set<string>();
  for (const { kind, scenario, variant } of truth) {
    if (kind === 'lookalike') lookalikes.add(scenario);
    else chains.set(scenario, [...new Set([...(chains.get(scenario) ?? []), variant])]);
  }
  return { chains, lookalikes: [...lookalikes] };
}

async function write(file: string, text: string): Promise<void> {
  // Several steps of a job's script share the summary; any other file is this score's own.
  const shared = file === process.env['GITHUB_STEP_SUMMARY'];
  await (shared ? appendFile(file, text) : writeFile(file, text)).catch((error: unknown) => {
    throw outputError(file, error);
  });
}

function fromCommandLine(text: string): ExpectationSource {
  return { text, position: { file: ON_COMMAND_LINE, line: 1, column: 1 }, line: text };
}

/** What `rule.expect.yaml` beside `rule.yaml` says; nothing where there is no such file. */
function expectationsBeside(ruleFile: string, planted: PlantedNames): Expectation[] {
  const { dir, name } = path.parse(ruleFile);
  const file = path.join(dir, `${name}.expect.yaml`);
  if (!existsSync(file)) return [];
  const reader = new YamlReader(file, readFileSync(file, 'utf8'));
  const what = 'a list of expectations';
  const fields = reader.fields(reader.root, what, ['expectations']);
  const node = reader.required(fields, 'expectations', reader.root, what);
  const sources = node ? reader.placedTexts(node, 'expectations') : [];
  reader.throwFaults();
  return parseExpectations(sources, planted, 'SCENARIO');
}

/** What is read of each rule of a baseline. */
const BASELINE_PARTS = ['attacks', 'events', 'rows', 'alerts', 'incidents', 'timeToDetectMs', 'falseAlarms'] as const;
const BASELINE_LISTS = ['perScenario', 'perVariant', 'perLookalike'] as const;

function readBaseline(file: string): ScoreReport {
  const fail = (what: string): never => {
    throw new TocsinError('INPUT', {
      message: `${file}: ${what}`,
      hint: 'a baseline is what tocsin run --json prints, or the score.json that --out keeps',
    });
  };
  let report: Partial<ScoreReport>;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Partial<ScoreReport>;
  } catch (error) {
    if (error instanceof SyntaxError) return fail(`it is no JSON: ${error.message}`);
    return fail(
      `the baseline cannot be read: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message}`,
    );
  }
  if (report?.schema !== 'tocsin.score/1') {
    return fail(`found schema ${JSON.stringify(report?.schema ?? null)}, expected "tocsin.score/1"`);
  }
  const { rules, events } = report;
  if (!Array.isArray(rules) || rules.length === 0 || !events) return fail('it holds no score of a rule');
  for (const rule of rules as Partial<RuleReport>[]) {
    const absent =
      BASELINE_PARTS.find((key) => !rule?.[key]) ?? BASELINE_LISTS.find((key) => !Array.isArray(rule?.[key]));
    if (absent !== undefined) return fail(`the score of "${rule?.rule}" lacks "${absent}"`);
  }
  return report as ScoreReport;
}

/** The rule's score in the baseline: by file, else by name; else the only one where there is only one on both sides. */
function counterpart(rule: RuleReport, report: ScoreReport, baseline: ScoreReport): RuleReport | undefined {
  return (
    baseline.rules.find(({ file }) => file !== null && file === rule.file) ??
    baseline.rules.find((each) => each.rule === rule.rule) ??
    (baseline.rules.length === 1 && report.rules.length === 1 ? baseline.rules[0] : undefined)
  );
}
