/**
 * Laws of the query language, held for query texts that the compiler really compiles, over random tables full of nulls,
 * empty texts, equal keys and equal times: two ways of asking for one thing give one answer.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnInfo } from '../../src/columns/batch.ts';
import { stringifyDynamic } from '../../src/columns/dynamic.ts';
import type { Value } from '../../src/columns/value.ts';
import { execute } from '../../src/engine/execute.ts';
import { batchFromRows, MemoryTables, rowsOf } from '../../src/engine/tables.ts';
import { compileQuery } from '../../src/kql/compile.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { hourlyRuns, logs, partitioned, replayCut } from '../support/logs.ts';
import { MINUTE, NOON } from '../support/seed-rule.ts';

const HOUR = 60n * MINUTE;

const COLUMNS: readonly ColumnInfo[] = [
  { name: 'k', type: 'string' },
  { name: 's', type: 'string' },
  { name: 'n', type: 'long' },
  { name: 't', type: 'datetime' },
  { name: 'l', type: 'dynamic' },
];

const row = fc.tuple(
  fc.constantFrom<Value>('a', 'b', 'A', ''),
  fc.constantFrom<Value>('x', 'y', 'z', ''),
  fc.constantFrom<Value>(null, -1n, 0n, 1n, 7n, 7n),
  fc.constantFrom<Value>(null, NOON, NOON + 1n, NOON + HOUR, NOON + 5n * HOUR),
  fc.constantFrom<Value>([], ['p'], ['p', 'q'], ['q', 'q', '']),
);
const table = fc.array(row, { maxLength: 9 });
/** Two tables of one schema. */
const tables = fc.tuple(table, table);

const options = { tables: { T: COLUMNS, U: COLUMNS } };
const EVER = { now: NOON + 6n * HOUR, window: undefined };

function answer(plan: Plan, [t, u]: readonly Value[][][]): string[] {
  const source = new MemoryTables({ T: batchFromRows(COLUMNS, t!), U: batchFromRows(COLUMNS, u!) });
  return rowsOf(execute(plan, source, EVER)).map((cells) => cells.map((cell) => stringifyDynamic(cell)).join(' | '));
}

type Law = readonly [name: string, one: string, other: string];

/** Laws that keep the order of rows. */
const ORDERED: readonly Law[] = [
  ['where twice is where with and', 'T | where n > 0 | where s == "x"', 'T | where n > 0 and s == "x"'],
  ['the parts of where change places', 'T | where n > 0 | where s == "x"', 'T | where s == "x" | where n > 0'],
  ['not of or is and of not', 'T | where not(n > 0 or s == "x")', 'T | where not(n > 0) and not(s == "x")'],
  ['in is or of equalities', 'T | where s in ("x", "z")', 'T | where s == "x" or s == "z"'],
  ['between is two comparisons', 'T | where n between (0 .. 5)', 'T | where n >= 0 and n <= 5'],
  [
    'where after extend is where before it',
    'T | extend m = n + 1 | where k == "a"',
    'T | where k == "a" | extend m = n + 1',
  ],
  ['where on what extend made', 'T | extend m = n + 1 | where m > 1', 'T | where n + 1 > 1 | extend m = n + 1'],
  ['where after union is where in each', 'union T, U | where n > 0', 'union (T | where n > 0), (U | where n > 0)'],
  ['union of unions is one', 'union T, (union U, T)', 'union T, U, T'],
  [
    'extend twice is extend of both',
    'T | extend a = n * 2 | extend b = strcat(k, s)',
    'T | extend a = n * 2, b = strcat(k, s)',
  ],
  [
    'independent extends change places',
    'T | extend a = n * 2 | extend b = strcat(k, s) | project k, a, b',
    'T | extend b = strcat(k, s) | extend a = n * 2 | project k, a, b',
  ],
  ['project-away is project of the rest', 'T | project-away l, t', 'T | project k, s, n'],
  ['project-rename is project', 'T | project-rename m = n', 'T | project k, s, m = n, t, l'],
  ['project twice is the last, of names kept', 'T | project k, n, s | project n, k', 'T | project n, k'],
  ['top is sort and take', 'T | top 3 by n desc', 'T | sort by n desc | take 3'],
  ['top with nulls first is sort and take', 'T | top 4 by n asc nulls first', 'T | sort by n asc nulls first | take 4'],
  ['take twice is the smaller', 'T | sort by n | take 5 | take 3', 'T | sort by n | take 3'],
  ['sort of the sorted is sort', 'T | sort by n asc, s desc | sort by n asc, s desc', 'T | sort by n asc, s desc'],
  ['count is summarize count()', 'T | count', 'T | summarize Count = count()'],
  ['distinct is summarize by', 'T | distinct k, s', 'T | summarize by k, s'],
  ['distinct twice is distinct', 'T | distinct k, s | distinct k, s', 'T | distinct k, s'],
  ['a let is its text', 'let X = T | where n > 0; union X, X', 'union (T | where n > 0), (T | where n > 0)'],
  ['materialize changes nothing', 'let X = materialize(T | where n > 0); X | project k', 'T | where n > 0 | project k'],
  ['toscalar of count is the count', 'print Count = toscalar(T | count)', 'T | count'],
  ['iff is case', 'T | project m = iff(n > 0, k, s)', 'T | project m = case(n > 0, k, s)'],
];

const ROW = 'k, s, n, t, l = tostring(l)';
const PAIR = 'k, s, n, k1, s1, n1';
const LEFT = 'T | project k, s, n';
const RIGHT = 'U | project k, s, n';

/** Laws that say nothing of the order of rows. */
const UNORDERED: readonly Law[] = [
  ['the inputs of union change places', `union T, U | project ${ROW}`, `union U, T | project ${ROW}`],
  [
    'a condition, its opposite and neither are all rows',
    'union (T | where n > 0), (T | where not(n > 0)), (T | where isnull(n > 0))',
    'T',
  ],
  [
    'counts, sums and ends of parts merge into those of the whole',
    'union T, U | summarize c = count(), s = sum(n), lo = min(n), hi = max(t) by k',
    `union (T | summarize c = count(), s = sum(n), lo = min(n), hi = max(t) by k), (U | summarize c = count(), s = sum(n), lo = min(n), hi = max(t) by k)
     | summarize c = sum(c), s = sum(s), lo = min(lo), hi = max(hi) by k`,
  ],
  [
    'the same without keys',
    'union T, U | summarize c = count(), s = sum(n), lo = min(n), hi = max(t)',
    `union (T | summarize c = count(), s = sum(n), lo = min(n), hi = max(t)), (U | summarize c = count(), s = sum(n), lo = min(n), hi = max(t))
     | summarize c = sum(c), s = sum(s), lo = min(lo), hi = max(hi)`,
  ],
  [
    "dcount is the size of the union of the parts' sets",
    'union T, U | summarize d = dcount(s) by k',
    `union (T | summarize x = make_set(s) by k), (U | summarize x = make_set(s) by k)
     | mv-expand x to typeof(string) | summarize d = dcount(x) by k`,
  ],
  ['dcount counts distinct rows', 'T | summarize d = dcount(s) by k', 'T | distinct k, s | summarize d = count() by k'],
  [
    'make_set is make_list of the distinct',
    'T | summarize x = tostring(array_sort_asc(make_set(s))) by k',
    'T | distinct k, s | summarize x = tostring(array_sort_asc(make_list(s))) by k',
  ],
  [
    'avg is sum over count',
    'T | where isnotnull(n) | summarize a = avg(n) by k',
    'T | where isnotnull(n) | summarize s = sum(n), c = count() by k | project k, a = todouble(s) / c',
  ],
  ['countif is a sum of ones', 'T | summarize c = countif(n > 0) by k', 'T | summarize c = sum(iff(n > 0, 1, 0)) by k'],
  [
    'sumif is sum of iff',
    'T | summarize c = sumif(n, s == "x") by k',
    'T | summarize c = sum(iff(s == "x", n, 0)) by k',
  ],
  ['arg_max holds the maximum', 'T | summarize arg_max(n, s) by k | project k, n', 'T | summarize n = max(n) by k'],
  [
    'groups by hour sum up to groups',
    'T | summarize c = count() by k, bin(t, 1h) | summarize c = sum(c) by k',
    'T | summarize c = count() by k',
  ],
  [
    'partition is summarize by',
    'T | partition by k (summarize c = count(), m = max(n)) | project c, m',
    'T | summarize c = count(), m = max(n) by k | project c, m',
  ],
  [
    'inner and innerunique are one where left keys are unique',
    `T | summarize n = max(n), s = min(s) by k | join kind=inner (${RIGHT}) on k | project ${PAIR}`,
    `T | summarize n = max(n), s = min(s) by k | join kind=innerunique (${RIGHT}) on k | project ${PAIR}`,
  ],
  [
    'join without a kind is innerunique',
    `${LEFT} | join (${RIGHT}) on k | project ${PAIR}`,
    `${LEFT} | join kind=innerunique (${RIGHT}) on k | project ${PAIR}`,
  ],
  [
    'innerunique joins the first row of each left key',
    `${LEFT} | join kind=innerunique (${RIGHT}) on k | project ${PAIR}`,
    `${LEFT} | partition by k (take 1) | join kind=inner (${RIGHT}) on k | project ${PAIR}`,
  ],
  [
    'leftouter is inner and leftanti with nulls',
    `${LEFT} | join kind=leftouter (${RIGHT}) on k | project ${PAIR}`,
    `union (${LEFT} | join kind=inner (${RIGHT}) on k), (${LEFT} | join kind=leftanti (${RIGHT}) on k | extend k1 = "", s1 = "", n1 = long(null)) | project ${PAIR}`,
  ],
  [
    'fullouter is leftouter and rightanti with nulls',
    `${LEFT} | join kind=fullouter (${RIGHT}) on k | project ${PAIR}`,
    `union (${LEFT} | join kind=leftouter (${RIGHT}) on k),
       (${LEFT} | join kind=rightanti (${RIGHT}) on k | project k = "", s = "", n = long(null), k1 = k, s1 = s, n1 = n) | project ${PAIR}`,
  ],
  [
    'leftsemi and leftanti part the left',
    'union (T | join kind=leftsemi U on k), (T | join kind=leftanti U on k)',
    'T',
  ],
  ['leftsemi is in', 'T | join kind=leftsemi U on k', 'T | where k in (U | project k)'],
  ['leftanti is !in', 'T | join kind=leftanti U on k', 'T | where k !in (U | project k)'],
  ['rightsemi mirrors leftsemi', 'T | join kind=rightsemi U on k', 'U | join kind=leftsemi T on k'],
  ['rightanti mirrors leftanti', 'T | join kind=rightanti U on k', 'U | join kind=leftanti T on k'],
  [
    'rightouter mirrors leftouter',
    `${LEFT} | join kind=rightouter (${RIGHT}) on k | project ${PAIR}`,
    `${RIGHT} | join kind=leftouter (${LEFT}) on k | project k = k1, s = s1, n = n1, k1 = k, s1 = s, n1 = n`,
  ],
  [
    'the sides of inner change places',
    `${LEFT} | join kind=inner (${RIGHT}) on k, n | project k, s, n, s1`,
    `${RIGHT} | join kind=inner (${LEFT}) on k, n | project k, s = s1, n, s1 = s`,
  ],
  [
    'an inner join has as many rows as its keys have pairs',
    'T | join kind=inner U on k | summarize c = count() by k',
    `T | summarize a = count() by k | join kind=inner (U | summarize b = count() by k) on k | project k, c = a * b`,
  ],
  [
    'where on one side is where before the join',
    `${LEFT} | join kind=inner (${RIGHT}) on k | where n > 0 and n1 > 0 | project ${PAIR}`,
    `${LEFT} | where n > 0 | join kind=inner (${RIGHT} | where n > 0) on k | project ${PAIR}`,
  ],
  [
    'where on the left is where before an outer join',
    `${LEFT} | join kind=leftouter (${RIGHT}) on k | where n > 0 | project ${PAIR}`,
    `${LEFT} | where n > 0 | join kind=leftouter (${RIGHT}) on k | project ${PAIR}`,
  ],
  [
    'lookup is leftouter without the right key',
    'T | lookup kind=leftouter (U | project k, m = n) on k | project k, s, n, m',
    'T | join kind=leftouter (U | project k, m = n) on k | project k, s, n, m',
  ],
  [
    'mv-expand and make_list go there and back',
    'T | where array_length(l) > 0 | serialize id = row_number() | mv-expand e = l to typeof(string) | summarize back = tostring(make_list(e)) by id',
    'T | where array_length(l) > 0 | serialize id = row_number() | project id, back = tostring(l)',
  ],
  [
    'mv-apply of where is mv-expand and where',
    'T | mv-apply e = l to typeof(string) on (where e != "p") | project k, n, e',
    'T | mv-expand e = l to typeof(string) | where array_length(l) > 0 and e != "p" | project k, n, e',
  ],
  [
    'mv-apply of summarize is a sum over the expanded',
    'T | serialize id = row_number() | where array_length(l) > 0 | mv-apply e = l to typeof(string) on (summarize c = dcount(e)) | project id, c',
    'T | serialize id = row_number() | where array_length(l) > 0 | mv-expand e = l to typeof(string) | summarize c = dcount(e) by id',
  ],
];

describe('two ways of asking for one thing', () => {
  const holds = (one: string, other: string, order: (rows: string[]) => string[]): void => {
    const [a, b] = [compileQuery(one, options).root, compileQuery(other, options).root];
    expect(a.columns.map(({ name, type }) => `${name}:${type}`)).toEqual(
      b.columns.map(({ name, type }) => `${name}:${type}`),
    );
    fc.assert(
      fc.property(tables, (given) => {
        expect(order(answer(a, given))).toEqual(order(answer(b, given)));
      }),
      { numRuns: 30 },
    );
  };
  it.each(ORDERED)('%s, row for row', (_, one, other) => holds(one, other, (rows) => rows));
  it.each(UNORDERED)('%s', (_, one, other) => holds(one, other, (rows) => rows.sort()));
});

describe('a rule over partitions', () => {
  const RULES = [
    'SigninLogs | where ResultType != "0" | summarize n = count(), ips = array_sort_asc(make_set(IPAddress)), low = min(TimeGenerated) by UserPrincipalName | where n > 1',
    'SigninLogs | summarize n = count(), users = dcount(UserPrincipalName), high = max(TimeGenerated) by IPAddress',
    'SigninLogs | summarize n = count(), failed = countif(ResultType != "0"), users = array_sort_asc(make_set(UserPrincipalName)), arg_max(TimeGenerated, TimeGenerated) by IPAddress, bin(TimeGenerated, 1h)',
    'SigninLogs | summarize count(), dcount(IPAddress)',
    'SigninLogs | distinct IPAddress, ResultType',
    'SigninLogs | sort by TimeGenerated desc, UserPrincipalName asc, IPAddress asc | take 3 | project TimeGenerated, UserPrincipalName, IPAddress',
    'let bad = SigninLogs | where ResultType == "50126" | summarize n = count() by IPAddress | where n > 1; SigninLogs | where ResultType == "0" and IPAddress in ((bad | project IPAddress)) | project TimeGenerated, UserPrincipalName, IPAddress',
    'AuditLogs | extend Actor = tostring(InitiatedBy.user.userPrincipalName) | join kind=inner (SigninLogs | project UserPrincipalName, IPAddress, At = TimeGenerated) on $left.Actor == $right.UserPrincipalName | where TimeGenerated > At | project Actor, OperationName, IPAddress, TimeGenerated, At',
    'union SigninLogs, AuditLogs | summarize n = count() by Type, bin(TimeGenerated, 30m)',
  ];
  it.each(RULES)('gives the same rows in the same order as over one: %s', (kql) => {
    const plan = compileQuery(kql).root;
    const runs = hourlyRuns();
    fc.assert(
      fc.property(logs, fc.constantFrom(2, 3, 7), (of, count) => {
        const texts = (batch: ReturnType<typeof replayCut>[number]): string[] =>
          rowsOf(batch).map((cells) => cells.map((cell) => stringifyDynamic(cell)).join(' | '));
        const one = replayCut(plan, partitioned(of, 1), runs).map(texts);
        expect(replayCut(plan, partitioned(of, count), runs).map(texts)).toEqual(one);
        // And as many as without any cut, window by window.
        const [whole] = partitioned(of, 1);
        runs.forEach((run, i) => expect(texts(execute(plan, whole!, run)).sort()).toEqual([...one[i]!].sort()));
      }),
      { numRuns: 12 },
    );
  });
});
