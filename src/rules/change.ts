/** How a variant of a rule differs from it. */
import type { Rule } from './rule.ts';

/** A piece of the query's text, [start, end), and what stands there instead. */
export interface QueryEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface RuleChange {
  /** Replaces fields of the rule; the query is changed by `edits`. */
  readonly fields: Partial<Omit<Rule, 'query'>>;
  /** Sorted by place, none over another. */
  readonly edits: readonly QueryEdit[];
}
