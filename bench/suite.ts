/** The bench as a whole: which cases, over what, and what their figures come to. */
import path from 'node:path';
import { packageRoot } from '../generators/scenario.ts';
import type { Bench } from './compete.ts';
import { figuresOf } from './figures.ts';
import { generalRuleCases } from './general-rules.ts';
import { generateCase } from './generation.ts';
import { inMemoryCases } from './in-memory.ts';
import { ndjsonCase } from './ndjson.ts';
import type { BenchReport, CaseResult } from './report.ts';
import { benchRules, compiledOf, type PortableRule } from './rules.ts';
import { seedRuleCases } from './seed-rule.ts';
import { startCase } from './start.ts';
import { threadCases } from './threads.ts';

/**
 * Runs the cases that `bench` names, in an order in which each finds its datasets.
 *
 * @param onCase - is given each result as it comes, so that a later failure loses nothing.
 * @throws TocsinError INTERNAL where engines give different rows.
 */
export async function runBench(bench: Bench, onCase: (result: CaseResult) => Promise<void>): Promise<BenchReport> {
  const cases: CaseResult[] = [];
  const take = async (results: readonly CaseResult[]): Promise<void> => {
    for (const result of results) {
      cases.push(result);
      await onCase(result);
    }
  };
  const { cases: asked } = bench;
  if (asked.has('c')) await take([await generateCase(bench)]);
  const file = path.join(packageRoot(), SHIPPED_RULE);
  const [portable] = (await benchRules([file])) as [PortableRule];
  const shipped = compiledOf(portable);
  if (asked.has('a') || asked.has('g')) await take(await seedRuleCases(bench, shipped));
  if (asked.has('b')) await take([await ndjsonCase(bench, shipped)]);
  if (asked.has('d')) await take(await generalRuleCases(bench));
  if (asked.has('e')) await take(await threadCases(bench, shipped));
  if (asked.has('f')) for await (const result of inMemoryCases(bench, portable)) await take([result]);
  if (asked.has('h')) await take([await startCase(bench)]);
  return benchReport(cases);
}

const SHIPPED_RULE = 'rules/ni-auth-privileged-audit-actions.yaml';

export function benchReport(cases: readonly CaseResult[]): BenchReport {
  return { schema: 'tocsin.bench/1', cases, figures: figuresOf(cases) };
}
