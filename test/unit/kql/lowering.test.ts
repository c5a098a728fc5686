import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { type CompileOptions, compileQuery } from '../../../src/kql/compile.ts';
import { explainPlan } from '../../../src/kql/explain.ts';
import { scannedTables, visitPlan } from '../../../src/plan/plan.ts';

const T = 'datatable(k:long, v:string, d:dynamic)[1, "a", dynamic({"x": 1})]';

function columns(text: string, options?: CompileOptions): string {
  return compileQuery(text, options)
    .root.columns.map(({ name, type }) => `${name}:${type}`)
    .join(' ');
}

function explained(text: string, options?: CompileOptions): string {
  return explainPlan(compileQuery(text, options).root);
}

function problems(text: string, options?: CompileOptions): string[] {
  try {
    compileQuery(text, options);
  } catch (error) {
    if (error instanceof TocsinError) return [error.code, ...error.problems.map((problem) => problem.message)];
    throw error;
  }
  return [];
}

describe('names of columns', () => {
  it.each([
    ['extend gives paths their steps', `${T} | extend d.x, d["y"] | project-away k, v, d`, 'd_x:dynamic d_y:dynamic'],
    ['unnamed expressions are numbered', `${T} | project k + 1, strcat(v, "x")`, 'Column1:long Column2:string'],
    ['extend replaces in place', `${T} | extend v = k`, 'k:long v:long d:dynamic'],
    [
      'aggregates carry their function and column',
      `${T} | summarize count(), max(k), make_set(v), dcount(v), countif(k > 1)`,
      'count_:long max_k:long set_v:dynamic dcount_v:long countif_:long',
    ],
    [
      'old aggregates say where a value comes from',
      `${T} | summarize argmax(k, v), any(k, v), makeset(v)`,
      'max_k:long max_k_v:string any_k:long any_v:string set_v:dynamic',
    ],
    ['bin keeps the name of its column', `${T} | summarize count() by bin(k, 5)`, 'k:long count_:long'],
    ['a repeated aggregate is numbered', `${T} | summarize sum(k), sum(k) by v`, 'v:string sum_k:long sum_k1:long'],
    [
      'arg_max with a star gives every other column',
      `${T} | summarize arg_max(k, *) by v`,
      'v:string k:long d:dynamic',
    ],
    [
      'percentiles gives one column each',
      `${T} | summarize percentiles(k, 5, 95)`,
      'percentile_k_5:long percentile_k_95:long',
    ],
    [
      'a percentile is named after its column and rank',
      `${T} | summarize percentile(k, 99.9), percentile(k, 50)`,
      'percentile_k_99_9:long percentile_k_50:long',
    ],
    [
      'join renames what collides',
      `let L = ${T}; L | join kind=inner L on k | join kind=inner L on k | project-keep k*, v*`,
      'k:long v:string k1:long v1:string k2:long v2:string',
    ],
    [
      'lookup leaves the keys of the right side out',
      `let L = ${T}; L | lookup (L | project k, w = v) on k`,
      'k:long v:string d:dynamic w:string',
    ],
    ['semi and anti joins keep one side', `let L = ${T}; L | join kind=rightsemi (L | project k) on k`, 'k:long'],
    [
      'union parts a name with two types',
      `union (print a = 1), (print a = "x", b = 2)`,
      'a_long:long a_string:string b:long',
    ],
    ['union with sources puts their column first', `union withsource=Source (print a = 1)`, 'Source:string a:long'],
    ['print numbers what has no name', 'print 1, x = 2', 'print_0:long x:long'],
    ['mv-expand puts the index last', `${T} | mv-expand with_itemindex=i d`, 'k:long v:string d:dynamic i:long'],
    [
      'mv-apply drops the array and takes what the sub-query gives',
      `${T} | mv-apply x = d on (summarize n = count())`,
      'k:long v:string d:dynamic n:long',
    ],
    [
      'make-series gives keys, series and axis',
      `${T} | make-series n = count() on k from 0 to 9 step 1 by v`,
      'v:string n:dynamic k:dynamic',
    ],
    [
      'top-nested gives value and aggregate for each level',
      `${T} | top-nested 2 of v by sum(k)`,
      'v:string aggregated_v:long',
    ],
    ['project-reorder takes wildcards', `${T} | project-reorder v, *`, 'v:string k:long d:dynamic'],
    ['project-rename keeps the place', `${T} | project-rename key = k`, 'key:long v:string d:dynamic'],
    [
      'getschema describes the columns',
      `${T} | getschema`,
      'ColumnName:string ColumnOrdinal:int DataType:string ColumnType:string',
    ],
    ['the ingestion time is never seen', 'AuditLogs | where ingestion_time() > ago(1h) | project Id', 'Id:string'],
  ])('%s', (_, text, expected) => {
    expect(columns(text)).toBe(expected);
  });
});

describe('what a query becomes', () => {
  it('compares a string with a number as texts', () => {
    expect(explained('SigninLogs | where ResultType == 0 | project Id')).toContain('filter ResultType == "0"');
    expect(explained('SigninLogs | where ResultType in (0, 50126) | project Id')).toContain(
      'ResultType in ("0", "50126")',
    );
  });

  it('puts let values and function bodies in place', () => {
    const text =
      'let limit = 3; let f = (t:string, n:long = 2) { table(t) | where OperationCount > n | project Id }; f("Ops", limit)';
    const tables = {
      Ops: [
        { name: 'Id', type: 'string' },
        { name: 'OperationCount', type: 'long' },
      ],
    } as const;
    expect(explained(text, { tables })).toBe(
      'project Id\n  filter OperationCount > 3\n    scan Ops (Id, OperationCount)',
    );
    expect(explained(text.replace(', limit', ''), { tables })).toContain('OperationCount > 2');
  });

  it('keeps a table that is used twice one node', () => {
    const { root } = compileQuery(
      'let s = materialize(SigninLogs | summarize n = count() by Id); s | join kind=inner s on Id',
    );
    expect(root.op).toBe('join');
    if (root.op === 'join') expect(root.left).toBe(root.right);
  });

  it('reads tables behind in, toscalar and union', () => {
    const { root } = compileQuery(
      'SigninLogs | where Id in ((AuditLogs | project Id)) | extend m = toscalar(AADNonInteractiveUserSignInLogs | count)',
    );
    expect(scannedTables(root).sort()).toEqual(['AADNonInteractiveUserSignInLogs', 'AuditLogs', 'SigninLogs']);
  });

  it('asks a scan for no column that only a later operator replaces', () => {
    const scans: string[][] = [];
    const { root } = compileQuery(
      'SigninLogs | extend Status = 1, a = AppId | where a != "" | summarize count() by a, Status',
    );
    visitPlan(root, (node) => {
      if (node.op === 'scan') scans.push(node.columns.map((column) => column.name));
    });
    expect(scans).toEqual([['AppId']]);
  });

  it('has each spelling of a path alike', () => {
    const spellings = ['d.x.y', 'd["x"]["y"]', "d['x'].y", 'd.["x"].["y"]'];
    const plans = spellings.map((path) => explained(`${T} | project p = tostring(${path})`));
    expect(new Set(plans.map((plan) => plan.split('\n')[0]))).toEqual(new Set(['project p = tostring(d.x.y)']));
  });

  it('takes watchlists and external data from what is given, never from elsewhere', () => {
    const table = { columns: [{ name: 'SearchKey', type: 'string' }], rows: [['a'], ['b']] } as const;
    expect(explained("_GetWatchlist('VIPs')", { watchlists: { VIPs: table } })).toBe('rows 2 (SearchKey: string)');
    const external = 'externaldata(SearchKey:string)["https://example.org/list.csv"]';
    expect(explained(external, { externals: { 'https://example.org/list.csv': table } })).toBe(
      'rows 2 (SearchKey: string)',
    );
    expect(problems(external)[0]).toBe('UNSUPPORTED');
  });

  it('keeps times inside dynamic constants when it crosses to a worker', () => {
    const { root } = compileQuery('print d = dynamic({"at": [datetime(2026-01-01), 1]})');
    expect(explainPlan(structuredClone(root))).toContain(
      'bag_pack("at", pack_array(datetime(2026-01-01T00:00:00.0000000Z), dynamic(1)))',
    );
  });

  it('leaves out a table of a fuzzy union that does not exist', () => {
    expect(columns('union isfuzzy=true NoSuchTable, (print a = 1)')).toBe('a:long');
  });

  it('leaves out a part of a fuzzy union that calls a function nobody has saved', () => {
    const call = '_Im_Dns(starttime=ago(1d)) | where ResponseCodeName == "NXDOMAIN" | summarize by SrcIpAddr';
    expect(columns(`union isfuzzy=true (${call}), (print a = 1)`)).toBe('a:long');
    expect(columns('union isfuzzy=true imAuthentication(), (print a = 1)')).toBe('a:long');
  });
});

describe('what Kusto refuses', () => {
  it.each([
    ['functions over neighbours without an order', `${T} | extend n = row_number()`],
    ['products of two dynamic values', `${T} | extend p = d * d`],
    ['join keys that are dynamic', `let L = ${T}; L | join kind=inner L on d`],
    ['numbers that no long can hold', 'print 9223372036854775808'],
    ['formats with letters of their own', 'print format_datetime(now(), "yyyy-MM-ddTHH")'],
    ['extract_all without a group', 'print extract_all("a", "aaa")'],
    ['a query that is only let statements', 'let a = 1;'],
    ['nothing at all', '  \n '],
  ])('%s', (_, text) => {
    expect(problems(text)[0]).toBe('QUERY');
  });
});

describe('what is not supported', () => {
  it('is refused by name, all of it at once', () => {
    const capabilities = { hasFunction: () => false, hasAggregate: () => false, hasPlugin: () => false };
    expect(problems('SigninLogs | extend a = tolower(Id) | summarize max(a)', { capabilities })).toEqual([
      'UNSUPPORTED',
      'the function tolower is not supported',
      'the aggregate max is not supported',
    ]);
  });

  it('includes operators that sample and tables of other workspaces', () => {
    expect(problems('SigninLogs | sample 5')).toEqual(['UNSUPPORTED', 'the operator sample is not supported']);
    expect(problems('SigninLogs | find "x"')[0]).toBe('UNSUPPORTED');
  });

  it('includes columns that depend on the data, unless they are said', () => {
    const capabilities = { hasFunction: () => true, hasAggregate: () => true, hasPlugin: () => true };
    expect(problems(`${T} | evaluate bag_unpack(d)`, { capabilities })[0]).toBe('UNSUPPORTED');
    expect(columns(`${T} | evaluate bag_unpack(d) : (k:long, x:long)`, { capabilities })).toBe('k:long x:long');
    const discover = () =>
      [
        { name: 'k', type: 'long' },
        { name: 'x', type: 'long' },
      ] as const;
    expect(columns(`${T} | evaluate bag_unpack(d) | project y = x + k`, { capabilities, discover })).toBe('y:long');
  });
});

describe('hostile text', () => {
  it.each([
    ['(', 20_000],
    ['[', 20_000],
    ['print not(', 3_000],
    ['SigninLogs | where ', 2_000],
    ['let a = ', 2_000],
    ['"', 10_001],
    ['1 + ', 3_000],
    ['\u0000', 100],
    ['é😀', 1_000],
  ])('%j many times over is a problem with a place', (piece, times) => {
    try {
      compileQuery(piece.repeat(times));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(TocsinError);
      expect((error as TocsinError).code).toBe('QUERY');
      expect((error as TocsinError).problems[0]?.position).toBeDefined();
    }
  });

  it('over which the binder stumbles is a problem with a place', () => {
    const text = `${T} | extend t = now() | evaluate sequence_detect(t,  , 4h, a = (k > 1), v)`;
    expect(problems(text, { discover: () => undefined })[1]).toMatch(/^missing expression/);
  });

  it('with arguments that the library cannot compare is a problem with a place', () => {
    expect(problems('let f = (x: long, y: long = 1) { x + y }; print f(4), f(4, "")')).toEqual([
      'QUERY',
      'the arguments of f do not fit its parameters',
    ]);
  });
});
