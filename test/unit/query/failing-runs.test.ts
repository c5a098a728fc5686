/** Queries that compile and fail while they run: what they say, and where. */
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { query } from '../../../src/query/query.ts';

async function failure(kql: string, memoryLimit?: number): Promise<string> {
  try {
    await query(kql, memoryLimit === undefined ? {} : { memoryLimit });
  } catch (error) {
    expect(error).toBeInstanceOf(TocsinError);
    return (error as TocsinError).message;
  }
  throw new Error(`this runs: ${kql}`);
}

describe('a query that fails while it runs', () => {
  const cases: [kql: string, message: RegExp][] = [
    ["print p = '('\n| where 'a' matches regex p", /^query:2:9: "\(" is not a regular expression/],
    [
      "print s = dynamic([1,2,3,4,5,6]), t = 'up'\n| extend (a, b, c) = series_decompose_anomalies(s, 1.5, -1, t)",
      /^query:2:22: series_decompose_anomalies: the trend is 'avg', 'linefit' or 'none', not 'up'/,
    ],
    [
      "print b = false, d = dynamic({'a': 1})\n| where assert(b, 'no')\n| evaluate bag_unpack(d)",
      /^query:2:9: assert\(\) failed: no/,
    ],
    ["print b = false\n| where assert(b, 'no')", /^query:2:9: assert\(\) failed: no/],
    [
      'range i from 1 to 6000 step 1\n| extend k = 1\n| join kind=inner (range j from 1 to 6000 step 1 | extend k = 1) on k',
      /^query:3:3: join kind=inner would make 36,000,000 rows in one run, more than the 20,000,000 allowed\n.*\n.*\nhint: filter or summarize both sides/,
    ],
  ];
  it.each(cases)('says where: %s', async (kql, message) => {
    expect(await failure(kql)).toMatch(message);
  });
});

describe('constants that no run could use', () => {
  const cases: [kql: string, message: RegExp][] = [
    ["print replace_regex('a', '(', '')", /^query:1:7: "\(" is not a regular expression/],
    ["datatable(t:string)[] | where t matches regex '['", /^query:1:31: "\[" is not a regular expression/],
    ["print extract('(', 1, 'a')", /^query:1:7: "\(" is not a regular expression/],
    ["let p = '(';\nprint replace(p, '', 'a')", /^query:2:7: "\(" is not a regular expression/],
    [
      "print t = now() | make-series count() on t from ago(1d) to now() step '('",
      /^query:1:44: the step of make-series is a number or a timespan, found string/,
    ],
    ['print x = decimal(1) | make-series count() on x step 1', /^query:1:44: an axis of type decimal is not supported/],
    ["print t = 'a=1' | parse-kv t as (a:string) with (quote='x')", /^query:1:19: parse-kv without pair_delimiter/],
  ];
  it.each(cases)('are refused before anything runs: %s', async (kql, message) => {
    expect(await failure(kql)).toMatch(message);
  });
});

describe('a query that needs more memory than allowed', () => {
  const kilobytes = 64 * 1024;
  const rows = (count: number): string => `range i from 1 to ${count} step 1`;
  const cases: [operator: string, kql: string, place: string][] = [
    ['range', rows(10_000), '1:1'],
    ['where', `${rows(3_000)}\n| where i > 0`, '2:3'],
    ['project', `${rows(3_000)}\n| extend a = i + 1, b = i + 2`, '2:3'],
    ['join kind=inner', `${rows(500)} | extend k = 1\n| join kind=inner (${rows(500)} | extend k = 1) on k`, '2:3'],
    ['mv-expand', `${rows(500)}\n| mv-expand e = range(1, 100)`, '2:3'],
    ['summarize', `${rows(3_000)}\n| summarize make_list(i)`, '2:3'],
    ['make-series', `${rows(500)}\n| make-series n = count() on i from 1 to 100000 step 1`, '2:3'],
    ['sort', `${rows(3_000)}\n| sort by i desc`, '2:3'],
    ['union', `${rows(2_000)}\n| union (${rows(2_000)})`, '2:3'],
  ];
  it.each(cases)('names %s and where it stands', async (operator, kql, place) => {
    const message = await failure(kql, kilobytes);
    expect(message).toContain(`query:${place}: ${operator} would need `);
    expect(message).toContain('more than the 64 KB allowed');
    expect(message).toMatch(/\nhint: /);
    // The same query under the usual limit runs.
    expect((await query(kql)).rows.length).toBeGreaterThan(0);
  });

  it('counts what the steps before it hold', async () => {
    expect(await failure(`${rows(5_000)} | sort by i desc`, kilobytes)).toMatch(
      /sort would need .* with the 58\.6 KB of the steps before it more than the 64 KB allowed/,
    );
  });
});
