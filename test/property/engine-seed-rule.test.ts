import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Value } from '../../src/columns/value.ts';
import { prepare } from '../../src/engine/execute.ts';
import { rowsOf } from '../../src/engine/tables.ts';
import { compileQuery } from '../../src/kql/compile.ts';
import { hourlyRuns, type Logs, logs, partitioned, referenceTables, replayCut } from '../support/logs.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { reference } from '../support/reference-evaluator.ts';

const rule = new URL('../../rules/ni-auth-privileged-audit-actions.yaml', import.meta.url);
/** The seed rule over the sign-in table that the random logs have. */
const SEED = (parse(readFileSync(rule, 'utf8')) as { query: string }).query.replaceAll(
  'AADNonInteractiveUserSignInLogs',
  'SigninLogs',
);

function replaced(text: string, from: RegExp, to: string): string {
  if (!from.test(text)) throw new Error(`the rule no longer says ${String(from)}`);
  return text.replaceAll(new RegExp(from, 'g'), to);
}

/** The rule with other windows, categories, keys, kinds of join and aggregates. */
const variants = fc
  .record({
    lookback: fc.constantFrom('2h', '1h', '30m'),
    span: fc.constantFrom('60m', '1m', '0m', '2h'),
    categories: fc.constantFrom('"RoleManagement", "ApplicationManagement"', '"Other"', '"Policy", "Other"'),
    aggregate: fc.constantFrom('max(TimeGenerated)', 'min(TimeGenerated)', 'arg_max(TimeGenerated, ResultType)'),
    keys: fc.constantFrom('UserPrincipalName, IPAddress', 'UserPrincipalName', 'IPAddress, UserPrincipalName'),
    kind: fc.constantFrom('inner', 'innerunique', 'leftouter', 'rightouter', 'fullouter'),
    notEmpty: fc.boolean(),
    lower: fc.boolean(),
  })
  .map((v) => {
    let text = replaced(SEED, /ago\(2h\)/, `ago(${v.lookback})`);
    text = replaced(text, /0m \.\. 60m/, `0m .. ${v.span}`);
    text = replaced(text, /"RoleManagement", "ApplicationManagement"/, v.categories);
    text = replaced(
      text,
      /LastNISignIn = max\(TimeGenerated\) by UserPrincipalName, IPAddress/,
      `LastNISignIn = ${v.aggregate} by ${v.keys}`,
    );
    text = replaced(text, /kind=inner\b/, `kind=${v.kind}`);
    // Without an address among the keys, none is left to show.
    if (!v.keys.includes('IPAddress')) text = replaced(text, /IPAddress,\n/, '\n');
    if (!v.notEmpty) text = replaced(text, /\| where isnotempty\(UPN\)/, '');
    if (v.lower) text = replaced(text, /extend UPN = tostring\(([\w.]+)\)/, 'extend UPN = tolower(tostring($1))');
    // The outer kinds keep rows without a partner only where nothing is asked of both.
    return v.kind.includes('outer') ? replaced(text, /\| where \(TimeGenerated[^\n]*\n/, '\n') : text;
  });

function texts(rows: readonly (readonly Value[])[]): string[] {
  return rows.map((row) => row.map(stringifyDynamic).join(' | '));
}

describe('the seed rule and its variants', () => {
  it('give what the reference gives, from one prepared plan and from partitions', () => {
    let rowCount = 0;
    const compare = (text: string, plan: Plan, of: Logs, partitions: number): void => {
      const prepared = prepare(plan, partitioned(of, 1)[0]!);
      const runs = hourlyRuns();
      const replayed = replayCut(plan, partitioned(of, partitions), runs);
      runs.forEach((run, i) => {
        const expected = texts(reference(plan, referenceTables(of), run));
        rowCount += expected.length;
        expect(texts(rowsOf(prepared.run(run)))).toEqual(expected);
        // Rows of one time stand in another order after a gather; innerunique then keeps other rows.
        if (!text.includes('innerunique')) expect(texts(rowsOf(replayed[i]!)).sort()).toEqual([...expected].sort());
      });
    };
    fc.assert(
      fc.property(variants, fc.array(logs, { minLength: 4, maxLength: 4 }), (text, several) => {
        // Compiling costs more than running.
        const plan = compileQuery(text).root;
        several.forEach((of, i) => compare(text, plan, of, 1 + i));
      }),
      { numRuns: 30 },
    );
    // A test over empty results proves nothing.
    expect(rowCount).toBeGreaterThan(100);
  });
});
