/** Prints a score, and fails where it proves nothing: a score of no attacks must never pass for a good one. */
import { TocsinError } from '../base/errors.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import type { ScoreReport } from '../report/json.ts';
import { scoreText } from '../report/text.ts';
import type { RuleScore } from '../score/score.ts';
import type { Terminal } from './terminal.ts';

/**
 * @param dataset - where the dataset stays; undefined where it is thrown away.
 * @throws {@link TocsinError} `EXPECTATION`, after printing, where nothing was read or planted.
 */
export async function printScore(
  report: ScoreReport,
  truth: readonly TruthIncident[],
  dataset: string | undefined,
  terminal: Terminal,
): Promise<void> {
  await terminal.result(
    terminal.json ? JSON.stringify(report) : scoreText(report, { colors: terminal.colors, truth, dataset }),
  );
  expectProof(report.rules.map((rule) => ({ name: rule.file ?? rule.rule, score: rule })));
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
