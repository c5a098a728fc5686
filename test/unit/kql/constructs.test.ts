/**
 * Every construct that public analytics rules on the Entra ID tables use, in the order in which supporting one more lets
 * the most rules run. Each has one small query with the result that follows from Kusto's documentation by hand.
 */
import { describe, expect, it } from 'vitest';
import { query, type QueryOptions } from '../../../src/query/query.ts';

/** Three records to ask about; `L` in every query. */
const LOGS = `let L = datatable(User: string, App: string, N: long, At: datetime, D: dynamic) [
  'ann', 'Portal', 1, datetime(2026-01-05T08:00:00Z), dynamic({"ip": {"v4": "10.0.0.1"}, "list": [1, 2, 3]}),
  'bob', 'Mail',   2, datetime(2026-01-05T09:00:00Z), dynamic({"ip": {"v4": "10.0.0.2"}, "list": []}),
  'ann', 'Mail',   3, datetime(2026-01-05T10:30:00Z), dynamic({"ip": {}, "list": ["x"]})
];
`;

const OPTIONS: QueryOptions = { now: '2026-01-05T12:00:00Z' };

const TABLES: QueryOptions = {
  ...OPTIONS,
  tables: {
    SigninLogs: [
      { TimeGenerated: '2026-01-05T08:00:00Z', UserPrincipalName: 'ann', ResultType: '0' },
      { TimeGenerated: '2026-01-05T09:00:00Z', UserPrincipalName: 'bob', ResultType: '50126' },
    ],
    AADNonInteractiveUserSignInLogs: [
      { TimeGenerated: '2026-01-05T10:00:00Z', UserPrincipalName: 'cyd', ResultType: '0' },
    ],
  },
  watchlists: { VIPs: [{ UPN: 'bob', Grade: '1' }] },
  externals: {
    'https://example.org/ips.csv': {
      columns: [{ name: 'ip', type: 'string' }],
      rows: [['10.0.0.2'], ['10.0.0.9']],
    },
  },
};

type Construct = readonly [name: string, kql: string, rows: unknown[][]];

/** Construct, query over `L` or `print`, expected rows. */
const FIRST_QUARTER: Construct[] = [
  ['op:where', `L | where N > 1 | project N`, [[2], [3]]],
  ['bin:==', `L | where User == 'ann' | project N`, [[1], [3]]],
  ['bin:in', `L | where N in (1, 3, 5) and User in ('ANN', 'ann') | project N`, [[1], [3]]],
  ['op:extend', `L | extend M = N * 10, N = 0 | where M > 20 | project N, M`, [[0, 30]]],
  ['fn:extractjson', `print extractjson('$.ip.v4', '{"ip":{"v4":"10.0.0.1"}}')`, [['10.0.0.1']]],
  [
    'fn:tostring',
    `print tostring(7), tostring(dynamic([1,"a"])), tostring(1 == 1), tostring(1h), tostring(dynamic(null))`,
    [['7', '[1,"a"]', 'True', '01:00:00', '']],
  ],
  ['dyn:a.b path', `L | project D.ip.v4`, [['10.0.0.1'], ['10.0.0.2'], [null]]],
  ['dyn:[n] index', `L | project D.list[1]`, [[2], [null], [null]]],
  ['bin:or', `L | where N == 1 or App == 'Mail' and N == 2 | project N`, [[1], [2]]],
  ['bin:!=', `L | where User != 'ann' | project N`, [[2]]],
  ['fn:split', `print split('a.b..c', '.')`, [[['a', 'b', '', 'c']]]],
  ['op:project', `L | project User, Twice = N * 2 | where Twice == 4`, [['bob', 4]]],
  [
    'op:sort/order by',
    `L | sort by User, N asc | order by App asc, N | project App, N`,
    [
      ['Mail', 3],
      ['Mail', 2],
      ['Portal', 1],
    ],
  ],
  ['bin:=~', `L | where User =~ 'ANN' | project N`, [[1], [3]]],
  ['bin:and', `L | where User == 'ann' and App == 'Mail' | project N`, [[3]]],
  [
    'op:union',
    `L | where N == 1 | project N | union (L | where N == 3 | project N, App)`,
    [
      [1, ''],
      [3, 'Mail'],
    ],
  ],
  ['let:scalar', `let least = 2; L | where N >= least | project N`, [[2], [3]]],
  ['lit:dynamic(...)', `print dynamic({"a": [1, 2.5, null, "x", true]})`, [[{ a: [1, 2.5, null, 'x', true] }]]],
  ['bin:>', `L | where At > datetime(2026-01-05T08:00:00Z) | project N`, [[2], [3]]],
  ['fn:ago', `L | where At >= ago(3h) | project N`, [[2], [3]]],
  [
    'lit:timespan',
    `print 1d, 2h, 3m, 4s, 5ms, 30min, timespan(1.02:03:04)`,
    [['1.00:00:00', '02:00:00', '00:03:00', '00:00:04', '00:00:00.0050000', '00:30:00', '1.02:03:04']],
  ],
  ['bin:has_any', `L | where D has_any ('nothing', 'x') | project N`, [[3]]],
  ['in:let-bound dynamic list', `let users = dynamic(['bob', 'cyd']); L | where User in (users) | project N`, [[2]]],
  ['bin:contains', `print 'Portal' contains 'RTA', 'Portal' contains 'x'`, [[true, false]]],
  ['bin:startswith', `print 'Portal' startswith 'por', 'Portal' startswith 'ort'`, [[true, false]]],
  [
    'op:summarize',
    `L | summarize Total = sum(N), First = min(At) by User | sort by User asc`,
    [
      ['ann', 4, '2026-01-05T08:00:00.0000000Z'],
      ['bob', 2, '2026-01-05T09:00:00.0000000Z'],
    ],
  ],
  [
    'agg:count',
    `L | summarize Rows = count() by App | sort by App asc`,
    [
      ['Mail', 2],
      ['Portal', 1],
    ],
  ],
  ['agg:dcount', `L | summarize dcount(User), dcount(App, 4)`, [[2, 2]]],
  ['agg:make_set', `L | summarize make_set(User)`, [[['ann', 'bob']]]],
  ['agg:make_* with maxSize', `L | summarize make_set(N, 2), make_list(User, 1)`, [[[1, 2], ['ann']]]],
  ['agg:min', `L | summarize min(N), min(App)`, [[1, 'Mail']]],
  ['agg:max', `L | summarize max(N), max(At)`, [[3, '2026-01-05T10:30:00.0000000Z']]],
  ['bin:>=', `L | where N >= 2 | project N`, [[2], [3]]],
  ['fn:iff', `L | project iff(N > 1, 'more', 'one')`, [['one'], ['more'], ['more']]],
  [
    'fn:isnotempty',
    `print isnotempty('a'), isnotempty(''), isnotempty(dynamic(null)), isnotempty(0)`,
    [[true, false, false, true]],
  ],
  ['fn:parse_json', `print parse_json('{"a":[1]}').a[0], parse_json('plain')`, [[1, 'plain']]],
  ['fn:iif', `print iif(1 > 2, 'a', 'b')`, [['b']]],
  // An empty array has no element, so its row goes.
  ['op:mv-expand', `L | mv-expand D.list | project N`, [[1], [1], [1], [3]]],
  ['bin:has', `print 'a.user@contoso.com' has 'CONTOSO', 'contosoX' has 'contoso', 'x' has ''`, [[true, false, true]]],
  ['op:project-reorder', `L | where N == 2 | project-away At, D | project-reorder N, *`, [[2, 'bob', 'Mail']]],
  ['let:tabular', `let Mail = L | where App == 'Mail'; Mail | union Mail | count`, [[4]]],
  ['bin:+', `print 1 + 2, datetime(2026-01-05) + 1h, 1.5 + 1`, [[3, '2026-01-05T01:00:00.0000000Z', 2.5]]],
  ['fn:tolower', `print tolower('Ann@CONTOSO.com')`, [['ann@contoso.com']]],
  [
    'bin:between',
    `L | where N between (2 .. 3) and At between (datetime(2026-01-05T09:00:00Z) .. 1h) | project N`,
    [[2]],
  ],
  ['op:distinct', `L | distinct User`, [['ann'], ['bob']]],
  [
    'op:join',
    `L | join kind=inner (print User = 'bob', Grade = 1) on User | project N, User, User1, Grade`,
    [[2, 'bob', 'bob', 1]],
  ],
  [
    'join:inner',
    `L | project User, N | join kind=inner (L | project User, App) on User | summarize count() by User | sort by User asc`,
    [
      ['ann', 4],
      ['bob', 1],
    ],
  ],
  [
    'join:on $left/$right',
    `L | join kind=inner (print Who = 'bob') on $left.User == $right.Who | project N, Who`,
    [[2, 'bob']],
  ],
  ['bin:<=', `L | where N <= 2 | project N`, [[1], [2]]],
  ['bin:-', `L | where N == 3 | project N - 1, At - datetime(2026-01-05T08:00:00Z)`, [[2, '02:30:00']]],
  ['join:leftanti', `L | join kind=leftanti (print User = 'ann') on User | project N`, [[2]]],
  [
    'join:on several keys',
    `L | join kind=inner (print User = 'ann', Program = 'Mail') on User, $left.App == $right.Program | project N`,
    [[3]],
  ],
  // Boundaries of whole units are counted, not the time between.
  [
    'fn:datetime_diff',
    `print datetime_diff('hour', datetime(2026-01-05T10:01:00Z), datetime(2026-01-05T08:59:00Z)),
       datetime_diff('day', datetime(2026-01-04T23:59:00Z), datetime(2026-01-05T00:00:00Z))`,
    [[2, -1]],
  ],
];

const FIRST_HALF: Construct[] = [
  ['bin:<', `L | where N < 2 | project N`, [[1]]],
  ['agg:countif', `L | summarize countif(App == 'Mail')`, [[2]]],
  [
    'mv-expand:named expr',
    `L | mv-expand Item = D.list | project N, Item`,
    [
      [1, 1],
      [1, 2],
      [1, 3],
      [3, 'x'],
    ],
  ],
  ['lit:bool', `print true, false, bool(null)`, [[true, false, null]]],
  // A row whose sub-query gives nothing goes.
  [
    'op:mv-apply',
    `L | mv-apply Item = D.list on (summarize Largest = max(tolong(Item)) | where Largest > 2) | project N, Largest`,
    [[1, 3]],
  ],
  ['fn:trim', `print trim('"', '"quoted"'), trim(@'\\s+', '  a b ')`, [['quoted', 'a b']]],
  ['fn:array_length', `L | project array_length(D.list)`, [[3], [0], [1]]],
  [
    'fn:split with index',
    `print split('ann@contoso.com', '@', 1), tostring(split('a,b', ',')[0])`,
    [[['contoso.com'], 'a']],
  ],
  ['lit:@"verbatim"', `print @"C:\\temp", @'it''s'`, [['C:\\temp', "it's"]]],
  [
    'mv-expand:expr',
    `print A = dynamic([1, 2]), B = 'x' | mv-expand A | project A, B`,
    [
      [1, 'x'],
      [2, 'x'],
    ],
  ],
  ['bin:!in', `L | where N !in (1, 2) | project N`, [[3]]],
  ['bin:in~', `L | where User in~ ('BOB') | project N`, [[2]]],
  ['summarize:by only (no aggregate)', `L | summarize by User | sort by User asc`, [['ann'], ['bob']]],
  ['in:tabular sub-query (!in)', `L | where User !in ((L | where App == 'Portal' | project User)) | project N`, [[2]]],
  [
    'summarize:by calculated expression',
    `L | summarize Rows = count() by Big = N > 1, toupper(App) | sort by Column1 asc`,
    [
      [true, 'MAIL', 2],
      [false, 'PORTAL', 1],
    ],
  ],
  ['op:project-away', `L | where N == 1 | project-away At, D, Us*`, [['Portal', 1]]],
  ['union:isfuzzy', `union isfuzzy=true L, NoSuchTable | summarize count()`, [[3]]],
  ['bin:endswith', `print 'ann@CONTOSO.com' endswith '@contoso.com', 'x' endswith 'y'`, [[true, false]]],
  ['fn:ingestion_time', `SigninLogs | where ingestion_time() > ago(4h) | project UserPrincipalName`, [['bob']]],
  [
    'fn:isempty',
    `print isempty(''), isempty(' '), isempty(dynamic(null)), isempty(int(null))`,
    [[true, false, true, true]],
  ],
  ['fn:replace_string', `print replace_string('a.b.c', '.', '-')`, [['a-b-c']]],
  ['fn:todynamic', `print todynamic('[1,2]')[1]`, [[2]]],
  [
    'summarize:by bin()',
    `L | summarize Rows = count() by bin(At, 2h) | sort by At asc`,
    [
      ['2026-01-05T08:00:00.0000000Z', 2],
      ['2026-01-05T10:00:00.0000000Z', 1],
    ],
  ],
  [
    'fn:bin',
    `print bin(7, 3), bin(-1, 4), bin(4.5, 1), bin(datetime(2026-01-05T10:47:00Z), 15m)`,
    [[6, -4, 4, '2026-01-05T10:45:00.0000000Z']],
  ],
  ['fn:case', `L | project case(N == 1, 'one', N == 2, 'two', 'many')`, [['one'], ['two'], ['many']]],
  ['lit:int(...)', `print int(5), int(null), 7 / int(2)`, [[5, null, 3]]],
  ['fn:strcat', `print strcat('a', 1, true, '', 2h)`, [['a1True02:00:00']]],
];

const TO_80: Construct[] = [
  [
    'op:parse',
    `print Text = 'user=ann id=17 rest' | parse Text with 'user=' Who: string ' id=' Id: long ' ' *  | project Who, Id`,
    [['ann', 17]],
  ],
  ['expr:* (star)', `L | where N == 3 | where * has 'mail' | project N`, [[3]]],
  ['ext-fn:_GetWatchlist', `L | where User in ((_GetWatchlist('VIPs') | project SearchKey)) | project N`, [[2]]],
  [
    'fn:extract_all',
    `print extract_all(@'(\\d+)', 'a1b22'), extract_all(@'(\\w)(\\d)', 'a1b2')`,
    [
      [
        ['1', '22'],
        [
          ['a', '1'],
          ['b', '2'],
        ],
      ],
    ],
  ],
  ['fn:set_difference', `print set_difference(dynamic([1, 2, 3]), dynamic([2]))`, [[[1, 3]]]],
  ["name:['quoted name']", `print ['two words'] = 5 | where ['two words'] == 5 | project ['two words']`, [[5]]],
  [
    'in:tabular sub-query (in)',
    `L | where User in ((L | where App == 'Portal' | project User)) | project N`,
    [[1], [3]],
  ],
  [
    'summarize:auto-named aggregate column',
    `L | summarize count(), sum(N), dcount(User), make_set(App) | project count_, sum_N, dcount_User, set_App`,
    [[3, 6, 2, ['Portal', 'Mail']]],
  ],
  ['agg:sum', `L | summarize sum(N), sum(1.5)`, [[6, 4.5]]],
  ['fn:hourofday', `L | project hourofday(At)`, [[8], [9], [10]]],
  [
    'fn:prev',
    `L | sort by N asc | project prev(N), prev(N, 2, -1)`,
    [
      [null, -1],
      [1, -1],
      [2, 1],
    ],
  ],
  ['fn:isnotnull', `print isnotnull(1), isnotnull(long(null)), isnotnull('')`, [[true, false, true]]],
  [
    'join:rightsemi',
    `L | where App == 'Mail' | join kind=rightsemi (L | project User, M = N) on User | sort by M asc | project User, M`,
    [
      ['ann', 1],
      ['bob', 2],
      ['ann', 3],
    ],
  ],
  ['fn:replace', `print replace(@'(\\d)', @'<\\1>', 'a1')`, [['a<1>']]],
  [
    'join:leftouter',
    `L | join kind=leftouter (print User = 'bob', Grade = 9) on User | sort by N asc | project N, User1, Grade`,
    [
      [1, '', null],
      [2, 'bob', 9],
      [3, '', null],
    ],
  ],
  ['in:tabular sub-query (in~)', `L | where User in~ ((print U = 'BOB')) | project N`, [[2]]],
  [
    'mv-expand:several columns',
    `print A = dynamic([1, 2]), B = dynamic(['x']) | mv-expand A, B`,
    [
      [1, 'x'],
      [2, null],
    ],
  ],
  ['agg:take_any', `L | where User == 'bob' | summarize take_any(App), take_any(N)`, [['Mail', 2]]],
  ['join:rightanti', `L | where App == 'Portal' | join kind=rightanti L on User | project N`, [[2]]],
  [
    'fn:columnifexists',
    `L | where N == 1 | project columnifexists('App', ''), columnifexists('Nope', 'none')`,
    [['Portal', 'none']],
  ],
  [
    'bin:has_all',
    `print 'add member to role' has_all ('member', 'ROLE'), 'add member' has_all ('member', 'role')`,
    [[true, false]],
  ],
  ['dyn:.[...]', `print D = dynamic({"a b": {"c": 1}}) | project D.["a b"].["c"]`, [[1]]],
  [
    'source:externaldata',
    `externaldata(ip: string)["https://example.org/ips.csv"] | where ip endswith '9'`,
    [['10.0.0.9']],
  ],
  [
    'join:innerunique',
    `L | project User | join kind=innerunique (L | project User, N) on User | project N | sort by N asc`,
    [[1], [2], [3]],
  ],
  ['bin:!has', `L | where App !has 'mail' | project N`, [[1]]],
  ['fn:coalesce', `print coalesce('', 'b', 'c'), coalesce(long(null), 7)`, [['b', 7]]],
  ['fn:countof', `print countof('a,b,c', ','), countof('abcabc', 'a.c', 'regex')`, [[2, 2]]],
  ['bin:matches regex', `print 'user17' matches regex @'^user\\d+$', 'User17' matches regex '^user'`, [[true, false]]],
  [
    'fn:extract',
    `print extract(@'id=(\\d+)', 1, 'x id=42'), extract(@'id=(\\d+)', 1, 'x id=42', typeof(long)), extract('z', 0, 'a')`,
    [['42', 42, '']],
  ],
  ['op:project-rename', `L | where N == 1 | project-rename Who = User, Count = N | project Count, Who`, [[1, 'ann']]],
  ['fn:column_ifexists', `L | where N == 1 | project column_ifexists('N', 0) + column_ifexists('M', 10)`, [[11]]],
  [
    'fn:todatetime',
    `print todatetime('2026-01-05T10:00:00+02:00'), todatetime('nonsense')`,
    [['2026-01-05T08:00:00.0000000Z', null]],
  ],
  [
    'mv-apply:to typeof',
    `L | where N == 1 | mv-apply Item = D.list to typeof(long) on (where Item > 1 | extend Twice = Item * 2) | project Twice`,
    [[4], [6]],
  ],
  // Of the left rows of one key one stays, whichever; so only the key is asked for.
  [
    'join:(default innerunique)',
    `L | project User | join (L | project User) on User | summarize count() by User | sort by User asc`,
    [
      ['ann', 2],
      ['bob', 1],
    ],
  ],
  ['in:tabular sub-query (has_any)', `L | where App has_any ((print T = 'portal')) | project N`, [[1]]],
  [
    'fn:startofday',
    `print startofday(datetime(2026-01-05T10:30:00Z)), startofday(datetime(2026-01-05T10:30:00Z), -1)`,
    [['2026-01-05T00:00:00.0000000Z', '2026-01-04T00:00:00.0000000Z']],
  ],
  [
    'fn:array_sort_asc',
    `print array_sort_asc(dynamic([3, 1, 2])), array_sort_asc(dynamic(['b', 'a']))`,
    [
      [
        [1, 2, 3],
        ['a', 'b'],
      ],
    ],
  ],
  ['agg:make_set_if', `L | summarize make_set_if(User, N > 1)`, [[['bob', 'ann']]]],
  ['let:function', `let mail = () { L | where App == 'Mail' }; mail() | project N`, [[2], [3]]],
  [
    'let:function with parameters',
    `let twice = (x: long, y: long = 1) { x * 2 + y }; print twice(4), twice(4, 10)`,
    [[9, 18]],
  ],
  ['fn:table', `table('SigninLogs') | project UserPrincipalName`, [['ann'], ['bob']]],
  [
    'let:table(name)',
    `let read = (name: string) { table(name) | project UserPrincipalName }; union (read('SigninLogs')), (read('AADNonInteractiveUserSignInLogs'))`,
    [['ann'], ['bob'], ['cyd']],
  ],
  [
    'let:function call',
    `let belongingTo = (T: (User: string, N: long), who: string) { T | where User == who | project N }; belongingTo(L, 'bob')`,
    [[2]],
  ],
  [
    'agg: arguments that differ in a bag alone',
    `L | summarize make_set(bag_merge(D.none, dynamic({"a": 1}))), make_set(bag_merge(D.none, dynamic({"a": 2})))`,
    [[[{ a: 1 }], [{ a: 2 }]]],
  ],
  ['agg:make_list', `L | summarize make_list(User)`, [[['ann', 'bob', 'ann']]]],
  ['fn:now', `print now(), now(-1h)`, [['2026-01-05T12:00:00.0000000Z', '2026-01-05T11:00:00.0000000Z']]],
  ['fn:toscalar', `let most = toscalar(L | summarize max(N)); L | where N == most | project User`, [['ann']]],
  ['summarize:no by clause', `L | where N > 99 | summarize count(), max(N), make_set(User)`, [[0, null, []]]],
  ['dyn:["key"]', `L | where N == 1 | project D["ip"]["v4"]`, [['10.0.0.1']]],
  ['dyn:[expr] computed key', `L | where N == 1 | extend Key = 'ip' | project D[Key][strcat('v', 4)]`, [['10.0.0.1']]],
  ['fn:bag_keys', `L | where N == 1 | project bag_keys(D)`, [[['ip', 'list']]]],
  ['fn:not', `L | where not(User == 'ann' or N == 9) | project N`, [[2]]],
  ['agg:make_bag', `L | where App == 'Mail' | summarize make_bag(bag_pack(User, N))`, [[{ bob: 2, ann: 3 }]]],
  ['fn:bag_pack', `print bag_pack('a', 1, 'b', 'x')`, [[{ a: 1, b: 'x' }]]],
  ['fn:pack', `print pack('a', dynamic([1]))`, [[{ a: [1] }]]],
];

const TO_90: Construct[] = [
  ['fn:materialize', `let M = materialize(L | where App == 'Mail'); M | join kind=inner M on N | count`, [[2]]],
  ['agg:dcountif', `L | summarize dcountif(User, App == 'Mail' and N < 3)`, [[1]]],
  ['fn:pack_array', `L | where N == 2 | project pack_array(User, N)`, [[['bob', 2]]]],
  [
    'mv-expand:kind=/bagexpansion=',
    `print B = dynamic({"a": 1, "b": 2}) | mv-expand kind=array B`,
    [[['a', 1]], [['b', 2]]],
  ],
  [
    'union:withsource',
    `union withsource=From SigninLogs, AADNonInteractiveUserSignInLogs | summarize count() by From | sort by From asc`,
    [
      ['AADNonInteractiveUserSignInLogs', 1],
      ['SigninLogs', 2],
    ],
  ],
  ['fn:isnull', `print isnull(long(null)), isnull(1), isnull(''), isnull(dynamic(null))`, [[true, false, false, true]]],
  [
    'mv-expand:to typeof',
    `L | mv-expand Item = D.list to typeof(long) | project N, Item`,
    [
      [1, 1],
      [1, 2],
      [1, 3],
      [3, null],
    ],
  ],
  [
    'op:make-series of expressions over aggregates',
    `datatable(k: string, t: datetime, v: long)['a', datetime(2026-01-01), 10, 'a', datetime(2026-01-01T01:00:00Z), 1, 'b', datetime(2026-01-03), 5]
     | make-series Rate = 100.0 * countif(v > 4) / count(), Rows = count(), Mark = -1 default = -2, sum(v) / 2
       on t from datetime(2026-01-01) to datetime(2026-01-04) step 1d by k
     | project k, Rate, Rows, Mark, Column1`,
    [
      ['a', [50, 0, 0], [2, 0, 0], [-1, -2, -2], [5, 0, 0]],
      ['b', [0, 0, 100], [0, 0, 1], [-2, -2, -1], [0, 0, 2]],
    ],
  ],
  [
    'op:make-series of expressions without ends',
    `datatable(t: datetime, v: long)[datetime(2026-01-01T05:00:00Z), 10, datetime(2026-01-02T01:00:00Z), 20, datetime(null), 9]
     | make-series Mean = sum(v) / count(), All = make_list(v) on t step 1d | project Mean, All`,
    [
      [
        [10, 20],
        [[10], [20]],
      ],
    ],
  ],
  ['fn:column_names_of', `let T = datatable(A: string, B: int)[]; print column_names_of(T)`, [[['A', 'B']]]],
  [
    'op:parse-kv',
    `print Text = 'user=ann;id=17' | parse-kv Text as (id: long, user: string) with (pair_delimiter=';', kv_delimiter='=') | project user, id`,
    [['ann', 17]],
  ],
  [
    'fn:ipv4_is_in_any_range',
    `print ipv4_is_in_any_range('10.1.2.3', '192.168.0.0/16', '10.0.0.0/8'), ipv4_is_in_any_range('11.0.0.1', dynamic(['10.0.0.0/8']))`,
    [[true, false]],
  ],
  ['fn:translate', `print translate('abc', 'xyz', 'cab-'), translate('-', '', 'a-b')`, [['zxy-', 'ab']]],
  [
    'agg:arg_min',
    `L | summarize arg_min(N, App) by User | sort by User asc | project User, N, App`,
    [
      ['ann', 1, 'Portal'],
      ['bob', 2, 'Mail'],
    ],
  ],
  [
    'agg:arg_min(*, star)',
    `L | project User, App, N | summarize arg_min(N, *) by App | sort by App asc`,
    [
      ['Mail', 2, 'bob'],
      ['Portal', 1, 'ann'],
    ],
  ],
  [
    'op:evaluate',
    `L | project User, App, N | evaluate pivot(App, sum(N)) : (User: string, Mail: long, Portal: long) | sort by User asc`,
    [
      ['ann', 3, 1],
      ['bob', 2, 0],
    ],
  ],
  [
    'plugin:bag_unpack',
    `print B = dynamic({"who": "ann", "n": 3}) | evaluate bag_unpack(B) | project who, n`,
    [['ann', 3]],
  ],
  // A portal visit, then mail within three hours; bob never opened the portal.
  [
    'plugin:sequence_detect',
    `L | evaluate sequence_detect(At, 3h, 4h, Opened = (App == 'Portal'), Mailed = (App == 'Mail'), User)
       | project User, Opened_At, Mailed_At, Duration`,
    [['ann', '2026-01-05T08:00:00.0000000Z', '2026-01-05T10:30:00.0000000Z', '02:30:00']],
  ],
  ['lit:real', `print 1.5, 2e3, real(nan), real(+inf)`, [[1.5, 2000, Number.NaN, Number.POSITIVE_INFINITY]]],
  [
    'op:make-series',
    `L | make-series Rows = count() default = 0 on At from datetime(2026-01-05T08:00:00Z) to datetime(2026-01-05T12:00:00Z) step 1h | project Rows`,
    [[[1, 1, 1, 0]]],
  ],
  [
    'expr:(a, b) = f() tuple names',
    `print S = dynamic([2, 4, 6]) | extend (RSquare, Slope) = series_fit_line(S) | project RSquare, Slope`,
    [[1, 2]],
  ],
  // A flat line with one spike: the spike alone is an anomaly.
  [
    'fn:series_decompose_anomalies',
    `print S = dynamic([5, 6, 5, 6, 5, 6, 5, 90, 5, 6, 5, 6, 5, 6, 5, 6])
       | extend (Flag, Score, Baseline) = series_decompose_anomalies(S, 1.5, 0, 'avg') | project Flag`,
    [[[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]],
  ],
  ['bin:unary -', `L | project -N`, [[-1], [-2], [-3]]],
];

const TO_95: Construct[] = [
  ['dyn:[-n] negative index', `L | project D.list[-1]`, [[3], [null], ['x']]],
  ['fn:round', `print round(2.567, 2), round(2.4), round(-2.5)`, [[2.57, 2, -3]]],
  ['bin:/', `print 7 / 2, 7 / 2.0, -7 / 2, 1h / 30m`, [[3, 3.5, -3, 2]]],
  ['fn:todouble', `print todouble('1.25'), todouble(3), todouble('x')`, [[1.25, 3, null]]],
  ['fn:toreal', `print toreal('1e3')`, [[1000]]],
  ['fn:abs', `print abs(-5), abs(-1.5), abs(-1h)`, [[5, 1.5, '01:00:00']]],
  [
    'op:serialize',
    `L | serialize Row = row_number() | project Row, N`,
    [
      [1, 1],
      [2, 2],
      [3, 3],
    ],
  ],
  // The example of the function's documentation, to the metre.
  [
    'fn:geo_distance_2points',
    `print tolong(geo_distance_2points(-122.407628, 47.578557, -118.275287, 34.019056))`,
    [[1546754]],
  ],
  ['bin:*', `print 3 * 4, 2 * 1.5, 2 * 3h`, [[12, 3, '06:00:00']]],
  ['fn:toint', `print toint('17'), toint(2.9), toint('x')`, [[17, 2, null]]],
  ['fn:isfinite', `print isfinite(1.0), isfinite(1.0 / 0.0), isfinite(real(nan))`, [[true, false, false]]],
];

const TO_100: Construct[] = [
  [
    'fn:format_datetime',
    `print format_datetime(datetime(2026-01-05T08:09:10Z), 'yyyy-MM-dd HH:mm:ss')`,
    [['2026-01-05 08:09:10']],
  ],
  // 5 January 2026 is a Monday; Sunday is 0.
  ['fn:dayofweek', `print dayofweek(datetime(2026-01-05)), dayofweek(datetime(2026-01-04)) / 1d`, [['1.00:00:00', 0]]],
  ['op:top', `L | top 2 by N | project N`, [[3], [2]]],
  ['agg:makeset', `L | summarize makeset(App)`, [[['Portal', 'Mail']]]],
  ['op:take/limit', `L | sort by N asc | take 2 | limit 1 | project N`, [[1]]],
  [
    'fn:datetime_add',
    `print datetime_add('month', 1, datetime(2026-01-31)), datetime_add('hour', -2, datetime(2026-01-05))`,
    [['2026-02-28T00:00:00.0000000Z', '2026-01-04T22:00:00.0000000Z']],
  ],
  [
    'lit:datetime(...)',
    `print datetime(2026-01-05), datetime(2026-01-05 08:30), datetime(null)`,
    [['2026-01-05T00:00:00.0000000Z', '2026-01-05T08:30:00.0000000Z', null]],
  ],
  ['lit:"a" "b" concatenated', `print "one" " and " 'two'`, [['one and two']]],
  ['fn:strcat_array', `print strcat_array(dynamic(['a', 1, true]), '-')`, [['a-1-true']]],
  ['fn:totimespan', `print totimespan('01:30:00'), totimespan('x')`, [['01:30:00', null]]],
  // Central Europe is one hour ahead in winter and two in summer.
  [
    'fn:datetime_utc_to_local',
    `print datetime_utc_to_local(datetime(2026-01-05T12:00:00Z), 'Europe/Berlin'), datetime_utc_to_local(datetime(2026-07-05T12:00:00Z), 'Europe/Berlin')`,
    [['2026-01-05T13:00:00.0000000Z', '2026-07-05T14:00:00.0000000Z']],
  ],
  ['fn:parse_ipv4', `print parse_ipv4('10.0.0.1'), parse_ipv4('10.0.0.256')`, [[167772161, null]]],
  [
    'fn:parse_ipv6',
    `print parse_ipv6('fe80::1'), parse_ipv6('127.0.0.1')`,
    [['fe80:0000:0000:0000:0000:0000:0000:0001', '0000:0000:0000:0000:0000:ffff:7f00:0001']],
  ],
  [
    'join:fullouter',
    `L | where N < 3 | project User, N | join kind=fullouter (datatable(User: string, Grade: long)['bob', 7, 'cyd', 8]) on User | sort by Grade asc nulls first | project User, User1, N, Grade`,
    [
      ['ann', '', 1, null],
      ['bob', 'bob', 2, 7],
      ['', 'cyd', null, 8],
    ],
  ],
  [
    'fn:ipv6_is_in_any_range',
    `print ipv6_is_in_any_range('fe80::1', 'fd00::/8', 'fe80::/10'), ipv6_is_in_any_range('::1', 'fe80::/10')`,
    [[true, false]],
  ],
  ['agg:take_anyif', `L | summarize take_anyif(N, App == 'Portal')`, [[1]]],
  // The second record follows within the hour, the third does not.
  [
    'fn:row_window_session',
    `L | sort by At asc | project row_window_session(At, 1d, 1h)`,
    [['2026-01-05T08:00:00.0000000Z'], ['2026-01-05T08:00:00.0000000Z'], ['2026-01-05T10:30:00.0000000Z']],
  ],
  ['agg:sumif', `L | summarize sumif(N, App == 'Mail')`, [[5]]],
  ['agg:makelist', `L | summarize makelist(N)`, [[[1, 2, 3]]]],
  [
    'fn:array_index_of',
    `print array_index_of(dynamic(['a', 'b']), 'b'), array_index_of(dynamic(['a']), 'z')`,
    [[1, -1]],
  ],
  ['agg:avg', `L | summarize avg(N)`, [[2]]],
];

describe.each([
  ['the first quarter of rules', FIRST_QUARTER],
  ['half of the rules', FIRST_HALF],
  ['80 % of the rules', TO_80],
  ['90 % of the rules', TO_90],
  ['95 % of the rules', TO_95],
  ['all rules', TO_100],
])('the constructs of %s', (_, constructs) => {
  it.each(constructs)('%s', async (_name, kql, rows) => {
    const options = /SigninLogs|_GetWatchlist|externaldata/i.test(kql) ? TABLES : OPTIONS;
    const result = await query(/\bL\b/.test(kql) ? LOGS + kql : kql, options);
    expect(result.rows).toEqual(rows);
  });
});

describe('the one construct of those rules that is refused', () => {
  it('plugin:basket', async () => {
    await expect(query(`${LOGS}L | project User, App | evaluate basket()`, OPTIONS)).rejects.toThrow(
      'the plugin basket is not supported',
    );
  });
});
