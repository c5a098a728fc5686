/** Prints a score, and fails where an expectation does, or where it proves nothing: no attacks must never pass for all caught. */
import { TocsinError } from '../base/errors.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import type { ScoreReport } from '../report/json.ts';
import { failureSummary } from '../report/expectations.ts';
import { scoreText } from '../report/text.ts';
import type { RuleScore } from '../score/score.ts';
import type { Gate } from './gate.ts';
import type { Terminal } from './terminal.ts';

/**
 * @param dataset - where the dataset stays; undefined where it is thrown away.
 * @throws {@link TocsinError} `EXPECTATION`, after printing, where an expectation failed or nothing was read or planted.
 */
export async function printScore(
  report: ScoreReport,
  truth: readonly TruthIncident[],
  dataset: string | undefined,
  terminal: Terminal,
  gate: Gate,
): Promise<void> {
  await terminal.result(
    terminal.json ? JSON.stringify(report) : scoreText(report, { colors: terminal.colors, truth, dataset }),
  );
  await expectSuccess(report, terminal, gate);
}

/**
 * Tells a CI server what became of a score, where it is asked to.
 *
 * @throws {@link TocsinError} `EXPECTATION`, after that, where an expectation failed or nothing was read or planted.
 */
export async function expectSuccess(report: ScoreReport, terminal: Terminal, gate: Gate): Promise<void> {
  await gate.publish(report, faultsOf, terminal);
  const problems = report.rules.flatMap((rule) => {
    const summary = failureSummary(rule);
    return [...faultsOf(rule), ...(summary === undefined ? [] : [summary])].map((fault) => ({
      message: `${rule.file ?? rule.rule}: ${fault}`,
    }));
  });
  if (problems.length > 0) throw new TocsinError('EXPECTATION', problems);
}

/** @throws {@link TocsinError} `EXPECTATION` for every score that proves nothing. */
export function expectProof(scores: readonly { readonly name: string; readonly score: RuleScore }[]): void {
  const faults = scores.flatMap(({ name, score }) => faultsOf(score).map((fault) => `${name}: ${fault}`));
  if (faults.length > 0) {
    throw new TocsinError(
      'EXPECTATION',
      faults.map((message) => ({ message })),
    );
  }
}

/** Why a score proves nothing; empty where it does. */
function faultsOf(rule: RuleScore): string[] {
  const rowCount = Object.values(rule.rowsRead).reduce((sum, count) => sum + count, 0);
  return [
    ...(rule.runs === 0 ? ['the score proves nothing: the rule never ran'] : []),
    ...(rowCount === 0 ? ['the score proves nothing: the rule read no rows'] : []),
    ...(rule.attacks.planted === 0 ? ['the score says nothing of recall: no attack was planted'] : []),
  ];
}
