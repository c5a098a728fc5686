/** `tocsin check`: everything that is wrong with a rule, and what works otherwise than it says, each at its position. */
import { createRequire } from 'node:module';
import { formatProblem, TocsinError } from '../../base/errors.ts';
import { openDataset } from '../../dataset/read.ts';
import { maliciousEvents } from '../../dataset/truth.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { openExecutor, replay } from '../../replay/replay.ts';
import { prove, type Scored } from '../../report/proof.ts';
import { toAnnotations, toSarif } from '../../rules/checks/formats.ts';
import { anyAtLeast, checkRule, type CheckSeverity, type Finding, type RuleCheck } from '../../rules/checks/index.ts';
import { type CompiledRule, compileRule, compileVariant, readRuleText } from '../../rules/compile.ts';
import { formatNumber } from '../../report/format.ts';
import { score } from '../../score/score.ts';
import { missedEvents, whyNot } from '../../why/why.ts';
import type { Terminal } from '../terminal.ts';

const SEVERITIES: readonly CheckSeverity[] = ['error', 'warning', 'info'];

export interface CheckFlags extends TableFiles {
  /** A dataset to replay the rule over, for what findings cost. */
  readonly with?: string;
  readonly threads?: number;
  readonly format?: 'text' | 'json' | 'sarif' | 'github';
  readonly failOn: CheckSeverity;
}

/**
 * Checks rule files. Whatever is wrong with one is a finding, so nothing hides anything else.
 *
 * @throws {@link TocsinError} `INPUT` where a file cannot be read; after the findings `RULE` where Sentinel would refuse a
 * rule, `EXPECTATION` where a finding is as bad as `--fail-on` says.
 */
export async function check(
  files: readonly string[],
  flags: CheckFlags,
  terminal: Terminal,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const tables = tablesFromFiles(flags);
  const format = flags.format ?? (terminal.json ? 'json' : 'text');
  const texts = rulesAmong(files).map((file) => ({ file, text: readRuleText(file) }));
  const checked: RuleCheck[] = [];
  for (const { file, text } of texts) {
    const plain = checkRule(text, file, tables);
    checked.push(flags.with === undefined ? plain : await proven(plain, flags.with, flags, terminal, signal));
  }
  switch (format) {
    case 'sarif': {
      const { version } = createRequire(import.meta.url)('tocsin/package.json') as { version: string };
      await terminal.result(JSON.stringify(toSarif(checked, version), null, 2));
      break;
    }
    case 'github':
      await terminal.results(checked.flatMap(toAnnotations));
      break;
    case 'json':
      await terminal.results(
        checked.map(({ file, rule, columns, findings, suppressed }) =>
          JSON.stringify({
            schema: 'tocsin.check/1',
            file,
            rule: rule ?? null,
            columns: columns ?? null,
            findings,
            suppressed,
          }),
        ),
      );
      break;
    case 'text':
      await terminal.results(checked.flatMap((each) => [...described(each, terminal)]));
      if (checked.length > 1) await terminal.result(totals(checked));
  }
  const refused = checked.filter(({ findings }) => anyAtLeast(findings, 'error'));
  if (refused.length > 0) {
    throw new TocsinError(
      'RULE',
      refused.map(({ file, findings }, index) => ({
        message: `${file}: ${counted(findings, 'error')}`,
        hint: index === refused.length - 1 ? 'see the findings' : undefined,
      })),
    );
  }
  const failed = checked.filter(({ findings }) => anyAtLeast(findings, flags.failOn));
  if (failed.length > 0) {
    throw new TocsinError(
      'EXPECTATION',
      failed.map(({ file, findings }) => ({
        message: `${file}: ${summary(findings, 0)}, and --fail-on is ${flags.failOn}`,
      })),
    );
  }
}

/** Files of expectations, which stand beside rules, are no rules: `rules/*.yaml` names both. */
function rulesAmong(files: readonly string[]): readonly string[] {
  const rules = files.filter((file) => !/\.expect\.ya?ml$/i.test(file));
  return rules.length > 0 ? rules : files;
}

/** Replays the rule, as it is and with single faults repaired, and adds what that proves; as it is where the rule cannot run. */
async function proven(
  checked: RuleCheck,
  location: string,
  flags: CheckFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<RuleCheck> {
  const dataset = await openDataset(location);
  if (checked.findings.some((finding) => CANNOT_RUN.has(finding.check))) return checked;
  const tables = tablesFromFiles(flags);
  const compiled = compileRule(checked.file, { ...tables, dataset });
  const { threads } = flags;
  const truth = await dataset.truth();
  const executor = openExecutor(dataset, compiled.plan.root, {
    ...(threads !== undefined && { threads }),
    replays: 1 + checked.findings.length,
  });
  try {
    const scored = async (rule: CompiledRule): Promise<Scored> => {
      const result = await replay(dataset, rule, { executor, signal });
      return { replay: result, score: score(result, rule.rule.name, truth, dataset.manifest) };
    };
    const replaying = await terminal.progress('replaying', 'findings');
    const asIs = await scored(compiled);
    const explanations = await whyNot(dataset, compiled, missedEvents(asIs.replay, truth), {
      replay: asIs.replay,
      signal,
    });
    const malicious = maliciousEvents(truth);
    const findings = await prove(checked.findings, {
      ...asIs,
      compiled,
      explanations,
      explainWith: (root, events) =>
        whyNot(dataset, { ...compiled, plan: { ...compiled.plan, root } }, events, { replay: asIs.replay, signal }),
      replayWith: async (change) => {
        try {
          return await scored(compileVariant(compiled, change, { ...tables, dataset }));
        } catch (error) {
          // A repair that does not compile, or makes too many rows, proves nothing.
          if (error instanceof TocsinError && error.code !== 'INTERRUPTED' && error.code !== 'INPUT') return undefined;
          throw error;
        }
      },
      isMalicious: (event) => malicious.has(event),
      onProgress: (done, total) => replaying.update(done, total),
    });
    replaying.stop();
    return { ...checked, findings };
  } finally {
    await executor.close();
  }
}

/** Findings of a rule that does not compile. */
const CANNOT_RUN: ReadonlySet<string> = new Set(['rule', 'query', 'query-unsupported']);

/** A rule's findings and what they come to. What is to be said of a check is said once. */
function* described(checked: RuleCheck, terminal: Terminal): Generator<string> {
  const { file, findings, suppressed, rule, schedule, columns } = checked;
  const explained = new Set<string>();
  for (const finding of findings) {
    yield `${describe(finding, !explained.has(finding.check), terminal)}\n`;
    explained.add(finding.check);
  }
  yield `${file}: ${summary(findings, suppressed)}`;
  if (rule !== undefined) yield `  ${rule}`;
  const facts = [
    ...(schedule === undefined ? [] : [`runs ${schedule}`]),
    ...(columns === undefined ? [] : [`returns ${formatNumber(columns.length, 'column')}`]),
  ];
  if (facts.length > 0) yield `  ${facts.join(', ')}`;
}

function describe(finding: Finding, explain: boolean, { colors }: Terminal): string {
  const { check: id, severity, why, fix, docs, problem, proof } = finding;
  const color = { error: colors.red, warning: colors.yellow, info: colors.cyan }[severity];
  const head = { ...problem, message: `${color(severity)} ${colors.bold(id)}: ${problem.message}`, hint: undefined };
  return [
    formatProblem(head),
    ...(proof ? [`  cost: ${colors.bold(proof.message)}`] : []),
    ...(explain ? [`  why: ${why}`] : []),
    // The fix of a fault of the file is its own.
    ...(fix !== '' && (explain || problem.hint !== undefined) ? [`  fix: ${fix}`] : []),
    ...(explain ? [`  see: ${docs}`] : []),
  ].join('\n');
}

/** `3 files: 1 error, 15 warnings, 6 hints`. */
function totals(checked: readonly RuleCheck[]): string {
  const suppressed = checked.reduce((sum, each) => sum + each.suppressed, 0);
  return `${formatNumber(checked.length, 'file')}: ${summary(
    checked.flatMap(({ findings }) => findings),
    suppressed,
  )}`;
}

const PLURALS: Readonly<Record<CheckSeverity, [string, string]>> = {
  error: ['error', 'errors'],
  warning: ['warning', 'warnings'],
  info: ['hint', 'hints'],
};

function counted(findings: readonly Finding[], severity: CheckSeverity): string {
  const count = findings.filter((finding) => finding.severity === severity).length;
  return `${count} ${PLURALS[severity][count === 1 ? 0 : 1]}`;
}

function summary(findings: readonly Finding[], suppressed: number): string {
  const off = suppressed > 0 ? `, ${suppressed} switched off` : '';
  if (findings.length === 0) return `ok${off}`;
  return `${SEVERITIES.map((severity) => counted(findings, severity)).join(', ')}${off}`;
}
