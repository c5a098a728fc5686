/** `tocsin check`: everything that is wrong with a rule, and what works otherwise than it says, each at its position. */
import { createRequire } from 'node:module';
import { formatProblem, TocsinError } from '../../base/errors.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { toAnnotations, toSarif } from '../../rules/checks/formats.ts';
import { anyAtLeast, checkRule, type CheckSeverity, type Finding } from '../../rules/checks/index.ts';
import { compileRule, readRuleText } from '../../rules/compile.ts';
import { formatDuration } from '../../rules/duration.ts';
import type { Terminal } from '../terminal.ts';

const SEVERITIES: readonly CheckSeverity[] = ['error', 'warning', 'info'];

export interface CheckFlags extends TableFiles {
  readonly format?: 'text' | 'json' | 'sarif' | 'github';
  readonly failOn: CheckSeverity;
}

/**
 * @throws {@link TocsinError} where the rule cannot be read or compiled (except for formats that other tools read, which
 * hold that too); `RULE` where Sentinel would refuse it; `EXPECTATION` where a finding is as bad as `--fail-on` says.
 */
export async function check(file: string, flags: CheckFlags, terminal: Terminal): Promise<void> {
  const tables = tablesFromFiles(flags);
  const format = flags.format ?? (terminal.json ? 'json' : 'text');
  const checked = checkRule(readRuleText(file), file, tables);
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

function describe({ check: id, severity, why, fix, problem }: Finding, terminal: Terminal): string {
  const { colors } = terminal;
  const color = { error: colors.red, warning: colors.yellow, info: colors.cyan }[severity];
  const head = { ...problem, message: `${color(severity)} ${colors.bold(id)}: ${problem.message}`, hint: undefined };
  return `${formatProblem(head)}\n  why: ${why}\n  fix: ${fix}`;
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
