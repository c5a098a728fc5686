/**
 * Any text is answered: by rows, or by a problem with a place. Valid queries are bent at random, in ways that keep many of
 * them valid; TOCSIN_FUZZ sets how many are tried (the suite's few only keep the door shut).
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../src/base/errors.ts';
import { query } from '../../src/query/query.ts';

const QUERIES = [
  'datatable(k:long, s:string, t:datetime)[1,"a",datetime(2026-01-01), 2,"b",datetime(2026-01-02)] | where s has "a" or k > 1 | extend x = strcat(s, tostring(k)), y = k * 2.5 | summarize n = count(), m = max(t), l = make_set(x) by bin(t, 1h), s | sort by n desc',
  'let n = 3; let f = (x:long, y:string = "z") { strcat(y, tostring(x)) }; range i from 1 to 10 step 1 | extend v = f(i), w = iff(i % 2 == 0, "even", "odd") | top n by i | project-away w',
  'let T = datatable(k:long, v:string)[1,"a", 2,"b", 2,"c"]; T | join kind=leftouter (T | where k > 1 | project k, w = v) on k | where isnotempty(w) | distinct k, w',
  'print d = dynamic({"a": [1, "x", null], "b": {"c": 2.5}}) | mv-expand e = d.a | extend c = toreal(d.b.c), t = gettype(e) | mv-apply z = d.a to typeof(string) on (summarize n = dcount(z))',
  'datatable(s:string)["a=1; b=2", "a=x; b="] | parse s with "a=" a:long ";" * "b=" b:string | parse-kv s as (a:string, b:long) with (pair_delimiter=";", kv_delimiter="=") | where s matches regex @"[a-z]=\\d" or s in~ ("A", "B")',
  'range t from datetime(2026-01-01) to datetime(2026-01-03) step 6h | extend v = datetime_diff("hour", t, datetime(2026-01-01)), d = format_datetime(t, "yyyy-MM-dd") | make-series n = count(), s = sum(v) default = 0 on t from datetime(2026-01-01) to datetime(2026-01-04) step 1d by d',
  'SigninLogs | where TimeGenerated > ago(1d) and ResultType == 0 | summarize arg_max(TimeGenerated, *) by UserId | union (AuditLogs | project UserId = Id) | take 5',
  'AuditLogs | where OperationName has_any ("Add", "Update") | extend Actor = tostring(InitiatedBy.user.userPrincipalName), Ip = iff(isempty(tostring(InitiatedBy.app)), "", "x") | mv-expand Target = TargetResources | mv-apply Change = Target.modifiedProperties on (where Change.displayName =~ "Role" | extend Role = trim(@\'"\', tostring(Change.newValue))) | summarize Roles = make_set(Role, 10), First = min(TimeGenerated), arg_max(TimeGenerated, Ip, *) by Actor, bin(TimeGenerated, 1h)',
  'let spray = materialize(SigninLogs | where ResultType in ("50126", "50053") | summarize users = dcount(UserPrincipalName) by IPAddress | where users > 3); SigninLogs | where IPAddress in ((spray | project IPAddress)) and ipv4_is_private(IPAddress) == false | lookup kind=leftouter (spray) on IPAddress | extend City = tostring(parse_json(tostring(LocationDetails)).city), h = hourofday(TimeGenerated), p = split(UserPrincipalName, "@")[1] | evaluate bag_unpack(LocationDetails) : (UserPrincipalName:string, city:string) | order by UserPrincipalName',
  'datatable(g:string, v:long)["a",1, "a",3, "b",2] | sort by g asc, v asc | serialize r = row_number(), p = prev(v), c = row_cumsum(v, g != prev(g)) | partition by g (top 1 by v) | count',
];

const TOKEN = /\s+|\/\/[^\n]*|@?"[^"\n]*"|[A-Za-z_$][\w-]*|\d+(?:\.\d+)?[a-z]*|[^\s\w]/g;
const tokensOf = (text: string): string[] => text.match(TOKEN) ?? [];
const TOKENS = [...new Set(QUERIES.flatMap(tokensOf))];
const PIECES = [
  '',
  ' ',
  '"',
  "'",
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '|',
  ';',
  '//',
  '\u0000',
  '😀',
  '-1',
  '0',
  '1e308',
  'real(nan)',
  'long(null)',
  '9223372036854775807',
  'dynamic([])',
  'dynamic(null)',
  'datetime(null)',
  '""',
  '"("',
  'true',
  '*',
  '$left',
];

interface Bend {
  readonly at: number;
  readonly cut: number;
  readonly put: string;
}

const bend: fc.Arbitrary<Bend> = fc.record({
  at: fc.nat(),
  cut: fc.constantFrom(0, 1, 1, 1, 2, 5),
  put: fc.oneof(fc.constantFrom(...TOKENS), fc.constantFrom(...PIECES)),
});

function bent(text: string, bends: readonly Bend[]): string {
  const tokens = tokensOf(text);
  for (const { at, cut, put } of bends) tokens.splice(at % (tokens.length + 1), cut, put);
  return tokens.join('');
}

describe('bent queries', () => {
  it.each(QUERIES)('starts from one that runs: %s', async (text) => {
    await expect(query(text, { now: '2026-01-02' })).resolves.toBeDefined();
  });

  it('give rows or a problem with a place', async () => {
    const property = fc.asyncProperty(
      fc.constantFrom(...QUERIES),
      fc.array(bend, { minLength: 1, maxLength: 3 }),
      async (text, bends) => {
        const kql = bent(text, bends);
        try {
          await query(kql, { now: '2026-01-02' });
        } catch (error) {
          if (!(error instanceof TocsinError)) throw new Error(`crash on: ${kql}`, { cause: error });
          expect(['QUERY', 'UNSUPPORTED']).toContain(error.code);
          expect(error.problems.filter(({ position }) => position === undefined)).toEqual([]);
        }
      },
    );
    await fc.assert(property, {
      numRuns: Number(process.env['TOCSIN_FUZZ'] ?? 60),
      seed: Number(process.env['FC_SEED'] ?? 7),
    });
  }, 3_600_000);
});
