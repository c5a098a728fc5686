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
import { formatDuration } from '../../rules/duration.ts';
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
 * @throws {@link TocsinError} where the rule cannot be read or compiled (except for formats that other tools read, which
 * hold that too); `RULE` where Sentinel would refuse it; `EXPECTATION` where a finding is as bad as `--fail-on` says.
 */
export async function check(
  file: string,
  flags: CheckFlags,
  terminal: Terminal,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const tables = tablesFromFiles(flags);
  const format = flags.format ?? (terminal.json ? 'json' : 'text');
  const plain = checkRule(readRuleText(file), file, tables);
  const checked = flags.with === undefined ? plain : await proven(plain, flags.with, flags, terminal, signal);
  const { findings, suppressed } = checked;
  switch (format) {
    case 'sarif': {
      const { version } = createRequire(import.meta.url)('tocsin/package.json') as { version: string };
      await terminal.result(JSON.stringify(toSarif([checked], version), null, 2));
      break;
    }
    case 'github':
      await terminal.results(toAnnotations(checked));
      break;
    case 'json': {
      const { rule, plan } = compileRule(file, tables);
      const { columns } = plan.root;
      await terminal.result(
        JSON.stringify({ schema: 'tocsin.check/1', file, rule: rule.name, columns, findings, suppressed }),
      );
      break;
    }
    case 'text': {
      const { rule, plan } = compileRule(file, tables);
      await terminal.results(findings.map((finding) => `${describe(finding, terminal)}\n`));
      const schedule =
        rule.kind === 'NRT'
          ? 'runs every minute (NRT)'
          : `runs every ${formatDuration(rule.queryFrequency)} over ${formatDuration(rule.queryPeriod)}`;
      await terminal.result(
        `${file}: ${summary(findings, suppressed)}\n  ${rule.name}\n  ${schedule}, returns ${plan.root.columns.length} columns`,
      );
    }
  }
  if (anyAtLeast(findings, 'error')) {
    throw new TocsinError('RULE', { message: `${file}: ${counted(findings, 'error')}`, hint: 'see the findings' });
  }
  if (anyAtLeast(findings, flags.failOn)) {
    throw new TocsinError('EXPECTATION', `${file}: ${summary(findings, 0)}, and --fail-on is ${flags.failOn}`);
  }
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

function describe({ check: id, severity, why, fix, problem, proof }: Finding, terminal: Terminal): string {
  const { colors } = terminal;
  const color = { error: colors.red, warning: colors.yellow, info: colors.cyan }[severity];
  const head = { ...problem, message: `${color(severity)} ${colors.bold(id)}: ${problem.message}`, hint: undefined };
  const cost = proof ? `\n  cost: ${colors.bold(proof.message)}` : '';
  return `${formatProblem(head)}${cost}\n  why: ${why}\n  fix: ${fix}`;
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
