/**
 * The linter of rule files: everything that is wrong with a rule, and everything that works otherwise than it says, each
 * at its place in the file.
 *
 * A comment in the file (`# tocsin-disable: upn-of-guests, result-not-filtered`, or `//` in the query) switches checks off
 * for that file. What makes a rule unreadable cannot be switched off.
 */
import { nearestName, type Problem, TocsinError } from '../../base/errors.ts';
import { compileQuery } from '../../kql/compile.ts';
import type { ColumnInfo } from '../../columns/batch.ts';
import type { Plan } from '../../plan/plan.ts';
import type { CompileRuleOptions } from '../compile.ts';
import { fillPlaceholders } from '../placeholders.ts';
import { readRule, type Rule, type RuleSource } from '../rule.ts';
import { formatDuration } from '../duration.ts';
import { type Check, type CheckSeverity, type Finding, locate } from './check.ts';
import { QUERY_CHECKS } from './query.ts';
import { TEMPLATE_CHECKS } from './template.ts';

export type { Check, CheckSeverity, Finding, Proof, Repaired } from './check.ts';

/** Every check of a rule that can be read, in the order of the documentation. */
export const CHECKS: readonly Check[] = [...TEMPLATE_CHECKS, ...QUERY_CHECKS];

/** What is found before the checks: faults of the file itself. They cannot be switched off. */
export const FILE_CHECKS: readonly Omit<Check, 'find' | 'bad' | 'good'>[] = [
  {
    id: 'rule',
    severity: 'error',
    title: 'The rule cannot be read',
    why: 'Neither Sentinel nor Tocsin can run it.',
    fix: '',
  },
  {
    id: 'rule-form',
    severity: 'warning',
    title: 'The file is read, but not as it is written',
    why: 'Sentinel minds forms that Tocsin forgives: an unknown field has no effect, and one that is missing may be refused.',
    fix: '',
  },
  {
    id: 'query',
    severity: 'error',
    title: 'The query does not compile',
    why: 'Sentinel refuses to save the rule.',
    fix: '',
  },
  {
    id: 'query-unsupported',
    severity: 'warning',
    title: 'The query asks for what Tocsin does not support',
    why: 'The rule may be fine in Sentinel, but it cannot be replayed, and its meaning is not checked.',
    fix: '',
  },
  {
    id: 'suppression-unknown',
    severity: 'warning',
    title: 'A comment switches off a check that does not exist',
    why: 'The check that was meant is still on.',
    fix: 'Correct the name.',
  },
];

export interface RuleCheck {
  readonly file: string;
  /** The rule's name, where it can be read. */
  readonly rule: string | undefined;
  /** When it runs, in words; undefined where that cannot be read. */
  readonly schedule: string | undefined;
  /** Of the result; undefined where the query does not compile. */
  readonly columns: readonly ColumnInfo[] | undefined;
  /** Sorted by position. */
  readonly findings: readonly Finding[];
  /** How many findings comments in the file switched off. */
  readonly suppressed: number;
}

/**
 * Checks a rule file. Never throws for what is wrong with the file.
 *
 * @param text - the file's text; @param file - its name.
 */
export function checkRule(
  text: string,
  file: string,
  options: Omit<CompileRuleOptions, 'file' | 'dataset'> = {},
): RuleCheck {
  const { rule: runnable, draft: rule, query, source, errors, warnings } = readRule(text, file);
  const filled = rule && query !== undefined ? fillPlaceholders(query, rule, source) : undefined;
  const found: Finding[] = [
    ...errors.map((problem) => fileFinding('rule', problem)),
    ...[...warnings, ...(filled?.warnings ?? [])].map((problem) => fileFinding('rule-form', problem)),
  ];
  let plan: Plan | undefined;
  if (query !== undefined && query.trim() !== '') {
    try {
      plan = compileQuery(filled?.query ?? query, {
        ...options,
        file,
        positionOf: (offset) => source.positionOf(offset),
      }).root;
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      const id = error.code === 'UNSUPPORTED' ? 'query-unsupported' : 'query';
      found.push(...error.problems.map((problem) => fileFinding(id, problem)));
    }
  }
  const disabled = suppressions(text, source, found);
  let suppressed = 0;
  for (const check of rule ? CHECKS : []) {
    for (const report of check.find({ rule: rule!, plan })) {
      if (disabled.has(check.id)) suppressed++;
      else found.push({ ...findingOf(check, locate(report, source)), ...('span' in report && { span: report.span }) });
    }
  }
  return {
    file,
    rule: rule?.name,
    schedule: runnable && scheduleOf(runnable),
    columns: plan?.columns,
    findings: sorted(found),
    suppressed,
  };
}

function scheduleOf({ kind, queryFrequency, queryPeriod }: Rule): string {
  if (kind === 'NRT') return 'every minute (NRT)';
  return `every ${formatDuration(queryFrequency)} over ${formatDuration(queryPeriod)}`;
}

function findingOf(check: Pick<Check, 'id' | 'severity' | 'why' | 'fix'>, problem: Problem): Finding {
  const { id, severity, why, fix } = check;
  return { check: id, severity, message: problem.message, why, fix, docs: `docs/checks.md#${id}`, problem };
}

function fileFinding(id: string, problem: Problem): Finding {
  const check = FILE_CHECKS.find((candidate) => candidate.id === id)!;
  return findingOf({ ...check, fix: problem.hint ?? check.fix }, problem);
}

const SUPPRESSION = /(?:#|\/\/).*?\btocsin-disable:\s*([\w-]+(?:\s*,\s*[\w-]+)*)/;

/** The checks that comments of the file switch off; names of none are findings. */
function suppressions(text: string, { file }: RuleSource, found: Finding[]): ReadonlySet<string> {
  const disabled = new Set<string>();
  const known = CHECKS.map((check) => check.id);
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const match = SUPPRESSION.exec(line);
    for (const id of match?.[1]!.split(/\s*,\s*/) ?? []) {
      disabled.add(id);
      if (known.includes(id)) continue;
      const near = nearestName(id, known);
      found.push(
        fileFinding('suppression-unknown', {
          message: `no check is named ${JSON.stringify(id)}`,
          position: { file, line: index + 1, column: line.indexOf(id, match!.index) + 1 },
          hint: near && `did you mean ${near}?`,
          excerpt: { line, length: id.length },
        }),
      );
    }
  }
  return disabled;
}

const RANK: Readonly<Record<CheckSeverity, number>> = { error: 0, warning: 1, info: 2 };

function sorted(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => {
    const [p, q] = [a.problem.position, b.problem.position];
    return (
      (p?.line ?? 0) - (q?.line ?? 0) || (p?.column ?? 0) - (q?.column ?? 0) || RANK[a.severity] - RANK[b.severity]
    );
  });
}

/** Whether any finding is of `least` severity or worse. */
export function anyAtLeast(findings: readonly Finding[], least: CheckSeverity): boolean {
  return findings.some((finding) => RANK[finding.severity] <= RANK[least]);
}
