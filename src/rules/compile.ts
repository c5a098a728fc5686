/** A rule file made ready to run: the rule, and its query as a plan. */
import { readFileSync } from 'node:fs';
import { formatProblem, located, type Problem, TocsinError } from '../base/errors.ts';
import { type CompileOptions, compileQuery } from '../kql/compile.ts';
import type { QueryPlan } from '../plan/plan.ts';
import { discoverIn } from '../query/discover.ts';
import type { QueryDataset } from '../query/query.ts';
import { locate } from './checks/check.ts';
import type { QueryEdit, RuleChange } from './change.ts';
import { AGO_BEYOND_PERIOD } from './checks/query.ts';
import { fillPlaceholders } from './placeholders.ts';
import { readRule, type Rule, type RuleSource, sortProblems } from './rule.ts';

export type { QueryEdit, RuleChange } from './change.ts';

export interface CompiledRule {
  readonly rule: Rule;
  readonly plan: QueryPlan;
  /** Leads back to the file. */
  readonly source: RuleSource;
  /** Sorted by position. */
  readonly warnings: readonly Problem[];
}

export interface CompileRuleOptions extends Omit<CompileOptions, 'file' | 'positionOf'> {
  /** The file's name where the text is given: for messages, and `.kql` marks a bare query. */
  readonly file?: string;
  /** Where columns that depend on the data (`evaluate bag_unpack`, `pivot`) are found out. */
  readonly dataset?: QueryDataset;
}

/** Excerpts of lines longer than this (JSON on one line) would only push the message out of sight. */
const MAX_EXCERPT = 400;

/**
 * Reads a rule and compiles its query.
 *
 * @param pathOrText - a path, or the rule's text where it has more than one line.
 * @throws {@link TocsinError} with everything that is wrong, sorted by position in the file: `INPUT` where the file cannot be
 * read, `RULE` where the rule is at fault, `QUERY` or `UNSUPPORTED` where only the query is.
 */
export function compileRule(pathOrText: string, options: CompileRuleOptions = {}): CompiledRule {
  const { file, dataset, ...queryOptions } = options;
  const isText = /[\r\n]/.test(pathOrText);
  const text = isText ? pathOrText : readRuleText(pathOrText);
  const read = readRule(text, file ?? (isText ? 'rule.yaml' : pathOrText));
  const { rule, query, source, errors, warnings } = read;
  let plan: QueryPlan | undefined;
  let queryError: TocsinError | undefined;
  const filled = rule && query !== undefined ? fillPlaceholders(query, rule, source) : undefined;
  if (query !== undefined && query.trim() !== '') {
    try {
      plan = compileQuery(filled?.query ?? query, {
        ...(dataset && { discover: discoverIn(dataset) }),
        ...queryOptions,
        file: source.file,
        positionOf: (offset) => source.positionOf(offset),
      });
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      queryError = error;
    }
  }
  if (errors.length === 0 && queryError === undefined && rule && plan) {
    return {
      rule,
      plan,
      source,
      warnings: sortProblems([...warnings, ...(filled?.warnings ?? []), ...cutShort(rule, plan, source)]),
    };
  }
  const queryProblems = (queryError?.problems ?? []).map(withoutLongExcerpt);
  const code = errors.length > 0 || !queryError ? 'RULE' : queryError.code;
  throw new TocsinError(code, sortProblems([...errors, ...queryProblems]));
}

/** What a rule's query failed with while it ran, at its place in the rule's file; anything else as it is. */
export function locatedInRule(error: unknown, { source }: CompiledRule): unknown {
  return located(error, (start, end) => withoutLongExcerpt(source.queryProblem('', start, end)));
}

/**
 * Compiles the rule that `base` would be with other settings and literals. Positions are those of the file as it stands.
 *
 * @param options - those that `base` was compiled with.
 * @throws {@link TocsinError} `QUERY` or `UNSUPPORTED` where the changed query does not compile.
 */
export function compileVariant(
  base: CompiledRule,
  { fields, edits }: RuleChange,
  { dataset, ...options }: Omit<CompileRuleOptions, 'file'> = {},
): CompiledRule {
  const rule: Rule = { ...base.rule, ...fields, query: edited(base.rule.query, edits) };
  const source: RuleSource = {
    ...base.source,
    positionOf: (offset) => base.source.positionOf(unedited(offset, edits)),
    queryProblem: (message, start, end, hint) =>
      base.source.queryProblem(message, unedited(start, edits), unedited(end, edits), hint),
  };
  const { query } = fillPlaceholders(rule.query, rule, source);
  const plan =
    query === base.plan.text
      ? base.plan
      : compileQuery(query, {
          ...(dataset && { discover: discoverIn(dataset) }),
          ...options,
          file: source.file,
          positionOf: (offset) => source.positionOf(offset),
        });
  const ofBase = new Set(cutShort(base.rule, base.plan, base.source).map(formatProblem));
  const kept = base.warnings.filter((warning) => !ofBase.has(formatProblem(warning)));
  return { rule, plan, source, warnings: sortProblems([...kept, ...cutShort(rule, plan, source)]) };
}

function edited(text: string, edits: readonly QueryEdit[]): string {
  return edits.reduceRight((query, { start, end, text: put }) => query.slice(0, start) + put + query.slice(end), text);
}

/** The offset in the text before the edits; what an edit put there stands where the piece that it replaced did. */
function unedited(offset: number, edits: readonly QueryEdit[]): number {
  let shift = 0;
  for (const { start, end, text } of edits) {
    if (offset < start + shift) break;
    if (offset < start + shift + text.length) return Math.min(offset - shift, end - 1);
    shift += text.length - (end - start);
  }
  return offset - shift;
}

/** Look-backs of the query that its runs cannot honour: a replay would quietly find less than the query asks for. */
function cutShort(rule: Rule, plan: QueryPlan, source: RuleSource): Problem[] {
  return [...AGO_BEYOND_PERIOD.find({ rule, plan: plan.root })].map((report) => locate(report, source));
}

function withoutLongExcerpt(problem: Problem): Problem {
  const tooLong = (problem.excerpt?.line.length ?? 0) > MAX_EXCERPT;
  return tooLong ? { ...problem, excerpt: undefined } : problem;
}

/** The text of a file; @throws {@link TocsinError} `INPUT` where it cannot be read. */
export function readRuleText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new TocsinError(
      'INPUT',
      missing ? `${path}: there is no such file` : `${path}: cannot be read (${(error as Error).message})`,
      { cause: error },
    );
  }
}
