/**
 * The one error class of Tocsin. Every failure a user can cause is a `TocsinError` with a stable code,
 * and every code has one exit code (see `EXIT_CODES`). Errors that cross a thread lose their class, so
 * they travel as plain data (`toPlainError`) and are rebuilt on arrival (`fromPlainError`).
 */

/** Process exit codes, printed in `tocsin --help` and documented in docs/command-line.md. */
export const EXIT_CODES = {
  ok: 0,
  /** Results were produced, but an expectation did not hold (or a run was vacuous: nothing planted, nothing read). */
  expectation: 1,
  usage: 2,
  /** The rule, the query or the scenario is invalid or asks for something unsupported. */
  definition: 3,
  /** An input file cannot be read, or an output cannot be written. */
  io: 4,
  internal: 5,
  interrupted: 130,
} as const;

/** What went wrong, as a class of failures with one exit code each. */
export type ErrorCode =
  | 'EXPECTATION'
  | 'USAGE'
  | 'RULE'
  | 'QUERY'
  | 'UNSUPPORTED'
  | 'SCENARIO'
  | 'INPUT'
  | 'OUTPUT'
  | 'INTERNAL'
  | 'INTERRUPTED';

const EXIT_BY_CODE: Record<ErrorCode, number> = {
  EXPECTATION: EXIT_CODES.expectation,
  USAGE: EXIT_CODES.usage,
  RULE: EXIT_CODES.definition,
  QUERY: EXIT_CODES.definition,
  UNSUPPORTED: EXIT_CODES.definition,
  SCENARIO: EXIT_CODES.definition,
  INPUT: EXIT_CODES.io,
  OUTPUT: EXIT_CODES.io,
  INTERNAL: EXIT_CODES.internal,
  INTERRUPTED: EXIT_CODES.interrupted,
};

/** A place in a text file; `line` and `column` count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One finding about an input: where, what is wrong (found against expected), and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly position?: Position | undefined;
  readonly hint?: string | undefined;
  /** The source line, and how many characters of it from `position.column` are meant. */
  readonly excerpt?: { readonly line: string; readonly length: number } | undefined;
  /** Where it stands in the query's text, [start, end), while nobody has said yet where that text stands. */
  readonly span?: { readonly start: number; readonly end: number } | undefined;
}

/** The plain form of a {@link TocsinError}, safe to post between threads and to print as JSON. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly problems: readonly Problem[];
}

/** `file:line:col: message`, the excerpt with a caret line, and the hint; no trailing newline. */
export function formatProblem(problem: Problem): string {
  const { position, excerpt, hint } = problem;
  const lines = [
    position ? `${position.file}:${position.line}:${position.column}: ${problem.message}` : problem.message,
  ];
  if (excerpt && position) {
    lines.push(`    ${excerpt.line}`);
    const lead = excerpt.line.slice(0, position.column - 1).replace(/[^\t]/g, ' ');
    lines.push(
      `    ${lead}${'^'.repeat(Math.max(1, Math.min(excerpt.length, excerpt.line.length - position.column + 1)))}`,
    );
  }
  if (hint) lines.push(`hint: ${hint}`);
  return lines.join('\n');
}

const MAX_PRINTED_PROBLEMS = 20;

export class TocsinError extends Error {
  override readonly name = 'TocsinError';
  readonly code: ErrorCode;
  readonly problems: readonly Problem[];

  /** @param problem - one problem, or several already sorted by position. */
  constructor(code: ErrorCode, problem: string | Problem | readonly Problem[], options?: { cause?: unknown }) {
    const problems: readonly Problem[] =
      typeof problem === 'string' ? [{ message: problem }] : Array.isArray(problem) ? problem : [problem as Problem];
    const printed = problems.slice(0, MAX_PRINTED_PROBLEMS).map(formatProblem);
    if (problems.length > MAX_PRINTED_PROBLEMS) printed.push(`and ${problems.length - MAX_PRINTED_PROBLEMS} more`);
    super(printed.join('\n'), options);
    this.code = code;
    this.problems = problems;
  }

  get exitCode(): number {
    return EXIT_BY_CODE[this.code];
  }
}

/** Any thrown value as plain data; what is not a {@link TocsinError} becomes `INTERNAL` with its stack. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof TocsinError) return { code: error.code, message: error.message, problems: error.problems };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'INTERNAL', message: text, problems: [{ message: text }] };
}

/** Rebuilds the error that {@link toPlainError} flattened. */
export function fromPlainError(plain: PlainError): TocsinError {
  return new TocsinError(plain.code, plain.problems);
}

/** The error, with `span` for those of its problems that have no place yet; what is no {@link TocsinError} as it is. */
export function withSpan(error: unknown, span: { readonly start: number; readonly end: number }): unknown {
  if (!(error instanceof TocsinError) || error.problems.every(isPlaced)) return error;
  const problems = error.problems.map((problem) => (isPlaced(problem) ? problem : { ...problem, span }));
  return new TocsinError(error.code, problems, { cause: error });
}

function isPlaced(problem: Problem): boolean {
  return problem.position !== undefined || problem.span !== undefined;
}

/** The error, with a place in a file for those of its problems that have only a span. */
export function located(
  error: unknown,
  placeOf: (start: number, end: number) => Pick<Problem, 'position' | 'excerpt'>,
): unknown {
  if (!(error instanceof TocsinError) || !error.problems.some((problem) => problem.span)) return error;
  const problems = error.problems.map(({ span, ...problem }) => {
    if (!span) return problem;
    const { position, excerpt } = placeOf(span.start, span.end);
    return { ...problem, position, excerpt };
  });
  return new TocsinError(error.code, problems, { cause: error });
}

/** The name in `known` nearest to `name` by edit distance, or undefined where none is near enough to suggest. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance =
      candidate.toLowerCase() === name.toLowerCase() ? 0 : editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
