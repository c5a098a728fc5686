/**
 * What a check is: a small pure function over the rule and its bound plan, with everything that its documentation needs.
 * A check reports places, either a field of the rule or a span of its query; what they mean, why they matter and how to
 * fix them stands in the check itself, once.
 */
import type { Problem } from '../../base/errors.ts';
import type { Plan, Span } from '../../plan/plan.ts';
import type { RuleChange } from '../change.ts';
import type { FieldPath, Rule, RuleSource } from '../rule.ts';

/** `error`: Sentinel refuses the rule, or it cannot work. `warning`: it works otherwise than it says. `info`: it could be better. */
export type CheckSeverity = 'error' | 'warning' | 'info';

export interface CheckInput {
  readonly rule: Rule;
  /** Undefined where the query does not compile. */
  readonly plan: Plan | undefined;
}

/** A place, and what is the matter there. */
export type Report =
  | { readonly message: string; readonly path: FieldPath; readonly at?: 'key' | 'value' }
  | { readonly message: string; readonly span: Span };

export interface Check {
  /** Stable: suppressions and other tools refer to it. */
  readonly id: string;
  readonly severity: CheckSeverity;
  /** One line. */
  readonly title: string;
  /** Why it matters, in one sentence or two. */
  readonly why: string;
  /** How to fix it. */
  readonly fix: string;
  /** Fields that make a clean rule run into the check, and fields that do not: YAML, laid over a clean rule. */
  readonly bad: string;
  readonly good: string;
  find(input: CheckInput): Iterable<Report>;
  /**
   * The rule without the fault that was found at `span` (absent where it is about a field), and otherwise as it was, so that
   * a replay can tell what the fault costs. Undefined where no mechanical change undoes it. It need not be what one would
   * write: `fix` says that.
   */
  repair?(input: CheckInput, span: Span | undefined): RuleChange | undefined;
}

export interface Finding {
  readonly check: string;
  readonly severity: CheckSeverity;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  /** Where the check is documented, from the root of the package: `docs/checks.md#result-not-filtered`. */
  readonly docs: string;
  /** Position, excerpt. */
  readonly problem: Problem;
  /** In the query's text; absent where the finding is about a field of the rule, or the file. */
  readonly span?: Span;
  /** Where the rule was replayed, and that proves the finding. */
  readonly proof?: Proof;
}

/** What a finding cost in a replay. */
export interface Proof {
  /** `loses 61 of 90 attack events`. */
  readonly message: string;
  /** Ids of the attack events that it is about. */
  readonly events: readonly string[];
  /** What a replay of the rule without this one fault differs in. */
  readonly repaired?: Repaired;
}

export interface Repaired {
  /** Malicious events that an alert contains only after the repair, and only before it. */
  readonly found: number;
  readonly lost: number;
  /** Attacks that are detected, and result rows: after less before. */
  readonly attacks: number;
  readonly rows: number;
}

/** The report as a problem of the file. */
export function locate(report: Report, source: RuleSource): Problem {
  return 'span' in report
    ? source.queryProblem(report.message, report.span.start, report.span.end)
    : source.fieldProblem(report.path, report.message, undefined, report.at);
}
