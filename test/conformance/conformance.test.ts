/**
 * Every recorded query is one of: right (same columns, types and rows as Kusto), refused by name, skipped with a written
 * reason, or wrong. The number of right ones is kept in counts.json and may only rise, that of wrong ones may only fall. With
 * TOCSIN_CONFORMANCE_OUT set to a folder, the details of every case are written there.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../src/base/errors.ts';
import { query } from '../../src/query/query.ts';
import { type Case, type CaseFile, loadCases } from './cases.ts';
import { difference } from './compare.ts';

const COUNTS = JSON.parse(readFileSync(new URL('counts.json', import.meta.url), 'utf8')) as Record<
  CaseFile,
  { readonly right: number; readonly wrong: number }
>;

type Verdict = 'right' | 'refused' | 'skipped' | 'wrong';

interface Outcome {
  readonly verdict: Verdict;
  readonly detail: string;
}

/** The columns that a query's last operator sorts by. */
function sortColumns(kql: string): string[] {
  const clause = /\|\s*(?:sort|order|top\s+\d+)\s+by\b([^|]*)$/.exec(kql)?.[1] ?? '';
  return clause.split(',').map((key) => key.trim().split(/\s/)[0]!);
}

async function outcomeOf({ kql, expected, skip }: Case, file: CaseFile): Promise<Outcome> {
  if (skip !== undefined) return { verdict: 'skipped', detail: skip };
  try {
    const result = await query(kql, { now: '2026-01-01' });
    if (file === 'rejects') return { verdict: 'wrong', detail: 'Kusto refuses this query' };
    const found = difference(result, expected!, sortColumns(kql));
    return found === undefined ? { verdict: 'right', detail: '' } : { verdict: 'wrong', detail: found };
  } catch (error) {
    if (!(error instanceof TocsinError)) {
      return { verdict: 'wrong', detail: `crash: ${(error as Error).stack?.slice(0, 600) ?? ''}` };
    }
    if (file === 'rejects') return { verdict: 'right', detail: error.message };
    return { verdict: error.code === 'UNSUPPORTED' ? 'refused' : 'wrong', detail: error.message };
  }
}

describe.each(['docs', 'fuzz', 'rejects'] as const)('the recorded results in %s', (file) => {
  const cases = loadCases(file);
  it.skipIf(!cases)('are given, or the query is refused by name', async () => {
    const counts: Record<Verdict, number> = { right: 0, refused: 0, skipped: 0, wrong: 0 };
    const details: { id: string; verdict: Verdict; detail: string; kql: string }[] = [];
    for (const one of cases!) {
      const { verdict, detail } = await outcomeOf(one, file);
      counts[verdict]++;
      details.push({ id: one.id, verdict, detail, kql: one.kql });
    }
    console.log(`${file}: ${JSON.stringify(counts)}`);
    const folder = process.env['TOCSIN_CONFORMANCE_OUT'];
    if (folder) writeFileSync(join(folder, `conformance-${file}.json`), JSON.stringify(details, undefined, 1));
    expect(counts.right).toBeGreaterThanOrEqual(COUNTS[file].right);
    const wrong = details.filter((one) => one.verdict === 'wrong').map((one) => `${one.id}: ${one.detail}`);
    expect(wrong.length, wrong.join('\n')).toBeLessThanOrEqual(COUNTS[file].wrong);
  });
});
