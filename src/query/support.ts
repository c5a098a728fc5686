/**
 * What of KQL runs here. Nothing is listed by hand: the names come from Microsoft's parser, each gets a minimal query made
 * of its parameters, and the query is compiled and run. So the matrix says what the engine does, not what someone noted.
 */
import { TocsinError } from '../base/errors.ts';
import { type KustoCallable, type KustoParameter, loadKusto } from '../kql/kusto.ts';
import { query } from './query.ts';

export interface SupportEntry {
  readonly name: string;
  readonly runs: boolean;
  /** The query that was tried. */
  readonly probe: string;
  /** Why it does not run. */
  readonly reason?: string;
}

export interface SupportGroup {
  readonly title: string;
  readonly entries: readonly SupportEntry[];
}

/** One row, for what needs rows. */
const TABLE = `let T = datatable(S: string, N: long, At: datetime, A: dynamic, D: dynamic) [
  '10.0.0.1', 3, datetime(2026-01-05), dynamic([1, 2, 3]), dynamic({"a": 1})
];
`;

/** A minimal query for each operator of a pipe: its node's kind in the parser, its name, the query over `T`. */
const TABULAR: Readonly<Record<string, readonly [name: string, kql: string]>> = {
  AsOperator: ['as', 'T | as X'],
  AssertSchemaOperator: ['assert-schema', 'T | project N | assert-schema (N: long)'],
  ConsumeOperator: ['consume', 'T | consume'],
  CountOperator: ['count', 'T | count'],
  DistinctOperator: ['distinct', 'T | distinct S'],
  EvaluateOperator: ['evaluate', 'T | evaluate bag_unpack(D)'],
  ExecuteAndCacheOperator: ['execute-and-cache', 'T | __executeAndCache'],
  ExtendOperator: ['extend', 'T | extend M = N'],
  FacetOperator: ['facet', 'T | facet by S'],
  FilterOperator: ['where', 'T | where N > 1'],
  FindOperator: ['find', 'find in (T) where N > 1'],
  ForkOperator: ['fork', 'T | fork (count) (take 1)'],
  GetSchemaOperator: ['getschema', 'T | getschema'],
  GraphMarkComponentsOperator: ['graph-mark-components', 'T | make-graph S --> S | graph-mark-components'],
  GraphMatchOperator: ['graph-match', 'T | make-graph S --> S with T on S | graph-match (a)-[e]->(b) project a.N'],
  GraphShortestPathsOperator: [
    'graph-shortest-paths',
    'T | make-graph S --> S with T on S | graph-shortest-paths (a)-[e*1..2]->(b) project a.N',
  ],
  GraphToTableOperator: ['graph-to-table', 'T | make-graph S --> S | graph-to-table edges'],
  GraphWhereEdgesOperator: ['graph-where-edges', 'T | make-graph S --> S with T on S | graph-where-edges true'],
  GraphWhereNodesOperator: ['graph-where-nodes', 'T | make-graph S --> S | graph-where-nodes true'],
  InvokeOperator: ['invoke', 'let f = (X: (N: long)) { X | project N }; T | invoke f()'],
  JoinOperator: ['join', 'T | join (T) on S'],
  LookupOperator: ['lookup', 'T | lookup (T | project S, M = N) on S'],
  MacroExpandOperator: ['macro-expand', "macro-expand entity_group [cluster('c').database('d')] as X (X.T)"],
  MakeGraphOperator: ['make-graph', 'T | make-graph S --> S'],
  MakeSeriesOperator: [
    'make-series',
    'T | make-series count() on At from datetime(2026-01-05) to datetime(2026-01-06) step 1h',
  ],
  MvApplyOperator: ['mv-apply', 'T | mv-apply A on (summarize sum(tolong(A)))'],
  MvExpandOperator: ['mv-expand', 'T | mv-expand A'],
  ParseKvOperator: ['parse-kv', "T | parse-kv S as (a: string) with (pair_delimiter=';', kv_delimiter='=')"],
  ParseOperator: ['parse', "T | parse S with a '.' *"],
  ParseWhereOperator: ['parse-where', "T | parse-where S with a '.' *"],
  PartitionByOperator: ['partition by (of functions)', 'T | __partitionby S (take 1)'],
  PartitionOperator: ['partition', 'T | partition by S (take 1)'],
  PrintOperator: ['print', 'print 1'],
  ProjectAwayOperator: ['project-away', 'T | project-away S'],
  ProjectByNamesOperator: ['project-by-names', 'T | project-by-names "S"'],
  ProjectKeepOperator: ['project-keep', 'T | project-keep S'],
  ProjectOperator: ['project', 'T | project S'],
  ProjectRenameOperator: ['project-rename', 'T | project-rename X = S'],
  ProjectReorderOperator: ['project-reorder', 'T | project-reorder N, *'],
  RangeOperator: ['range', 'range X from 1 to 3 step 1'],
  ReduceByOperator: ['reduce', 'T | reduce by S'],
  RenderOperator: ['render', 'T | render timechart'],
  SampleDistinctOperator: ['sample-distinct', 'T | sample-distinct 1 of S'],
  SampleOperator: ['sample', 'T | sample 1'],
  ScanOperator: ['scan', 'T | sort by N asc | scan with (step s: N > 1;)'],
  SearchOperator: ['search', 'T | search "10"'],
  SerializeOperator: ['serialize', 'T | serialize'],
  SortOperator: ['sort', 'T | sort by N'],
  SummarizeOperator: ['summarize', 'T | summarize count() by S'],
  TakeOperator: ['take', 'T | take 1'],
  TopHittersOperator: ['top-hitters', 'T | top-hitters 1 of S'],
  TopNestedOperator: ['top-nested', 'T | top-nested 1 of S by count()'],
  TopOperator: ['top', 'T | top 1 by N'],
  UnionOperator: ['union', 'T | union T'],
};

/** What has no list in the parser: statements, sources, paths, forms of operators and literals. */
const FORMS: readonly (readonly [title: string, forms: readonly (readonly [name: string, kql: string])[]])[] = [
  [
    'Statements and sources',
    [
      ['let of a value', 'let x = 1; print x'],
      ['let of a table', 'let X = T; X'],
      ['let of a function', 'let f = (x: long, y: long = 2) { x + y }; print f(1)'],
      ['let of a function over tables', 'let f = (X: (N: long)) { X | count }; f(T)'],
      ['let of a view', 'let f = view () { T }; f()'],
      ['set', 'set notruncation; T'],
      ['declare query_parameters', 'declare query_parameters(x: long = 1); print x'],
      ['declare pattern', 'declare pattern p = (a: string) { ("x") = { T }; }; p("x")'],
      ['alias database', 'alias database d = cluster("c").database("x"); T'],
      ['restrict access', 'restrict access to (T); T'],
      ['several results', 'print 1; print 2'],
      ['datatable', 'datatable(x: long)[1, 2]'],
      ['externaldata', 'externaldata(x: string)["https://example.org/x.csv"]'],
      ['_GetWatchlist', '_GetWatchlist("w")'],
      ['materialize', 'let X = materialize(T); X'],
      ['toscalar', 'print toscalar(T | count)'],
      ['totable', 'totable(T)'],
      ['workspace(...)', 'workspace("other").SigninLogs'],
      ['wildcards of tables', 'union Signin*'],
    ],
  ],
  [
    'Paths into dynamic values',
    [
      ['d.a.b', 'T | project D.a.b'],
      ['d["a"]', 'T | project D["a"]'],
      ['d.["a"]', 'T | project D.["a"]'],
      ['a[0]', 'T | project A[0]'],
      ['a[-1]', 'T | project A[-1]'],
      ['d[column]', 'T | project D[S]'],
      ["d['a'][0]", "T | project D['a'][0]"],
    ],
  ],
  [
    'Forms of operators',
    [
      ['in (list)', "T | where S in ('a', 'b')"],
      ['in (dynamic list)', "let l = dynamic(['a']); T | where S in (l)"],
      ['in (table)', 'T | where S in (T | project S)'],
      ['has_any (table)', 'T | where S has_any ((T | project S))'],
      ['* == value', "T | where * has '10'"],
      ['between (time .. timespan)', 'T | where At between (datetime(2026-01-01) .. 7d)'],
      ['(a, b) = f()', 'T | extend (X, Y) = series_fit_line(A)'],
      ['summarize without aggregates', 'T | summarize by S'],
      ['expressions over aggregates', 'T | summarize 1.0 * sum(N) / count()'],
      ['arg_max(x, *)', 'T | summarize arg_max(N, *) by S'],
      ['join on $left, $right', 'T | join kind=inner (T) on $left.S == $right.S'],
      ['join of several keys', 'T | join kind=inner (T) on S, N'],
      ['union isfuzzy=true', 'union isfuzzy=true T, NoSuchTable'],
      ['union withsource=', 'union withsource=X T, T'],
      ['mv-expand to typeof()', 'T | mv-expand A to typeof(long)'],
      ['mv-expand with_itemindex=', 'T | mv-expand with_itemindex=I A'],
      ['mv-expand limit', 'T | mv-expand A limit 2'],
      [
        'make-series of expressions over aggregates',
        'T | make-series countif(N > 1) / count() on At from datetime(2026-01-05) to datetime(2026-01-06) step 1h',
      ],
      [
        'make-series in range()',
        'T | make-series count() on At in range(datetime(2026-01-05), datetime(2026-01-06), 1h)',
      ],
      ['sort nulls first', 'T | sort by N nulls first'],
      ['project-away with wildcards', 'T | project-away S*'],
      ['bag_unpack with a schema', 'T | evaluate bag_unpack(D) : (*, a: long)'],
      ['hints', 'T | join hint.strategy=broadcast (T) on S'],
    ],
  ],
  [
    'Literals',
    [
      ['bool', 'print true, bool(false)'],
      ['int', 'print int(1)'],
      ['long', 'print 1, long(1), 0x1f'],
      ['real', 'print 1.5, 1e3, real(nan), real(+inf)'],
      ['decimal', 'print decimal(1.1)'],
      ['string', `print "a", 'a', @"a", "a" 'b'`],
      ['multi-line string', 'print ```a\nb```'],
      ['obfuscated string', 'print h"a"'],
      ['datetime', 'print datetime(2026-01-05), datetime(2026-01-05 10:00)'],
      ['timespan', 'print 1d, 2h, 3m, 4s, 5ms, 6microsecond, 7tick, timespan(1.02:03:04)'],
      ['guid', 'print guid(74be27de-1e4e-49d9-b579-fe0b331d3642)'],
      ['dynamic', 'print dynamic({"a": [1, null]})'],
      ['typed nulls', 'print int(null), datetime(null), dynamic(null)'],
      ["['quoted name']", "print ['a b'] = 1"],
    ],
  ],
];

/**
 * Tries everything that the language names; a name of which no query is correct KQL outside its own place (functions of
 * graph patterns) does not run. Takes some seconds.
 *
 * @throws Error where the parser has a tabular operator of which no query is known here.
 */
export async function supportMatrix(): Promise<SupportGroup[]> {
  const language = loadKusto().inventory();
  const groups: SupportGroup[] = [];
  const add = async (title: string, named: readonly (readonly [name: string, probes: Iterable<string>])[]) => {
    const entries: SupportEntry[] = [];
    for (const [name, probes] of named) entries.push(await tried(name, probes));
    groups.push({ title, entries: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) });
  };
  const kinds = (names: readonly string[], of: (kind: string) => string) =>
    names.map((kind) => [kind, [of(kind)]] as const);

  await add(
    'Tabular operators',
    language.tabularOperators.map((kind) => {
      const probe = TABULAR[kind];
      if (!probe) throw new Error(`the parser has ${kind}, of which no query is known here`);
      return [probe[0], [probe[1]]] as const;
    }),
  );
  await add(
    'Kinds of join',
    kinds(language.joinKinds, (kind) => `T | join kind=${kind} (T) on S`),
  );
  await add(
    'Kinds of lookup',
    kinds(language.lookupKinds, (kind) => `T | lookup kind=${kind} (T | project S) on S`),
  );
  await add(
    'Kinds of union',
    kinds(language.unionKinds, (kind) => `union kind=${kind} T, (T | project S)`),
  );
  await add(
    'Kinds of parse',
    kinds(language.parseKinds, (kind) => `T | parse kind=${kind} S with a '.' *`),
  );
  await add(
    'Kinds of mv-expand',
    kinds(language.mvExpandKinds, (kind) => `T | mv-expand kind=${kind} D`),
  );
  await add(
    'Operators between values',
    language.operators.map((operator) => [operator, operatorProbes(operator)]),
  );
  await add(
    'Scalar functions',
    language.functions.map((f) => [f.name, functionProbes(f)]),
  );
  await add(
    'Aggregates',
    language.aggregates.map((f) => [f.name, callProbes(f, (call) => `print 1 | summarize X = ${call}`)]),
  );
  await add(
    'Plugins',
    language.plugins.map((f) => [f.name, callProbes(f, (call) => `T | evaluate ${call}`)]),
  );
  for (const [title, forms] of FORMS)
    await add(
      title,
      forms.map(([name, kql]) => [name, [kql]]),
    );
  return groups;
}

const OPTIONS = {
  now: '2026-01-06T00:00:00Z',
  watchlists: { w: [{ SearchKey: 'a' }] },
  externals: { 'https://example.org/x.csv': [{ x: 'a' }] },
};

/** The first of the probes that is correct KQL decides. */
async function tried(name: string, probes: Iterable<string>): Promise<SupportEntry> {
  let last: { readonly probe: string; readonly reason: string } | undefined;
  for (const probe of probes) {
    try {
      await query(/\bT\b/.test(probe) ? TABLE + probe : probe, OPTIONS);
      return { name, runs: true, probe };
    } catch (error) {
      if (!(error instanceof TocsinError)) throw error;
      const reason = error.problems[0]!.message;
      if (error.code === 'UNSUPPORTED') return { name, runs: false, probe, reason };
      last = { probe, reason };
    }
  }
  return { name, runs: false, ...last! };
}

const OPERANDS = [`1 OP 2`, `'a' OP 'a'`, `true OP true`, `1 OP (1 .. 2)`, `'a' OP ('a')`];

function operatorProbes(operator: string): string[] {
  return OPERANDS.map((operands) => `print X = ${operands.replace('OP', operator)}`);
}

function* functionProbes(f: KustoCallable): Iterable<string> {
  yield* callProbes(f, (call) => `print X = ${call}`);
  // Some see columns or neighbouring rows, some give tables.
  yield* callProbes(f, (call) => `T | serialize | project X = ${call}`);
  yield* callProbes(f, (call) => `${call} | take 1`);
}

/** Most argument lists that are tried for one function. */
const MOST_TRIES = 25;

function* callProbes(f: KustoCallable, around: (call: string) => string): Iterable<string> {
  const needed = f.parameters.flatMap((parameter) => Array.from({ length: parameter.atLeast }, () => parameter));
  let tries = 0;
  for (const args of combinations(needed.map((parameter) => argumentsFor(parameter)))) {
    if (tries++ >= MOST_TRIES) return;
    yield around(`${f.name}(${args.join(', ')})`);
  }
}

/** Every choice of one from each list, the first of each first. */
function* combinations(lists: readonly (readonly string[])[], chosen: readonly string[] = []): Iterable<string[]> {
  const next = lists[chosen.length];
  if (!next) yield [...chosen];
  else for (const item of next) yield* combinations(lists, [...chosen, item]);
}

const BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  string: [`'a'`, `'(a)'`, `'hh'`, `'10.0.0.1'`, `'SigninLogs'`],
  long: ['1'],
  int: ['int(1)'],
  real: ['1.5'],
  bool: ['true'],
  datetime: ['datetime(2026-01-05)'],
  timespan: ['1h'],
  guid: ['guid(74be27de-1e4e-49d9-b579-fe0b331d3642)'],
  dynamic: ['dynamic([1, 2])'],
  decimal: ['decimal(1.5)'],
  type: ['typeof(string)'],
};

const ARRAY = 'dynamic([1, 2, 3])';
const BAG = `dynamic({"a": 1})`;

const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  DynamicArray: [ARRAY],
  DynamicBag: [BAG],
  StringOrArray: [`'a'`, ARRAY],
  StringOrDynamic: [`'10.0.0.1'`, BAG],
  IntegerOrArray: ['1'],
  Integer: ['1'],
  Number: ['1', '1.5'],
  NumberOrBool: ['1'],
  RealOrDecimal: ['1.5'],
  Tabular: ['T'],
};

/** Arguments that a parameter may take, the likeliest first. */
function argumentsFor({ name, kind, types, argument, values }: KustoParameter): readonly string[] {
  if (values.length > 0) return values.slice(0, 1).map((value) => `'${value}'`);
  if (argument.startsWith('Column')) {
    if (/timeline|index/i.test(name)) return ['At'];
    return kind === 'Summable' ? ['N', 'At'] : ['S', 'D', 'N'];
  }
  if (argument === 'Constant' && kind === 'Summable') return summableFor(name);
  if (kind === 'Declared') return types.flatMap((type) => BY_TYPE[type] ?? []);
  if (argument === 'Constant' || argument === 'Literal') return [`'a'`, '1'];
  return BY_KIND[kind] ?? ['1', `'a'`, 'datetime(2026-01-05)', 'true', BAG];
}

/** The matrix as a page of the documentation. */
export function supportMarkdown(groups: readonly SupportGroup[]): string {
  const code = (entries: readonly SupportEntry[]): string =>
    entries.length === 0 ? '-' : entries.map(({ name }) => `\`${name}\``).join(' · ');
  const part = ({ entries }: SupportGroup, runs: boolean) => entries.filter((entry) => entry.runs === runs);
  const lines = [
    '# What of KQL runs',
    '',
    'Made by `tocsin support --format markdown`: every name that Microsoft’s parser knows is put into a minimal query, and the query is compiled and run. What does not run is refused by name before anything runs.',
    '',
    '| | runs | refused |',
    '|---|--:|--:|',
    ...groups.map((group) => `| ${group.title} | ${part(group, true).length} | ${part(group, false).length} |`),
  ];
  for (const group of groups) {
    const [runs, refused] = [part(group, true), part(group, false)];
    lines.push('', `## ${group.title}`, '', code(runs));
    if (refused.length > 0) lines.push('', `Refused: ${code(refused)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Bounds and widths along a column of times. */
function summableFor(name: string): readonly string[] {
  if (/^start/i.test(name)) return ['datetime(2026-01-05)'];
  if (/^end/i.test(name)) return ['datetime(2026-01-06)'];
  return ['1h'];
}
