/**
 * Microsoft's Kusto parser and binder, loaded when first asked for. Loading costs a quarter of a second and its first
 * parse another half, so nothing here runs when a module is merely imported, and workers, which get finished plans, never
 * load it. The library is .NET code compiled for JavaScript: it only works through CommonJS, writes to globals, and its
 * collections are .NET's; this file is the only one that knows.
 */
import { createRequire } from 'node:module';
import type { ColumnInfo } from '../columns/batch.ts';
import { SCALAR_TYPES, type ScalarType } from '../columns/value.ts';
import { knownTables, tableColumns } from '../schema/tables.ts';

/** A node or token of the syntax tree. Children are properties named as in Kusto.Language (`Expression`, `ByClause` ...). */
export interface SyntaxNode {
  readonly Kind: number;
  readonly TextStart: number;
  readonly End: number;
  readonly IsToken: boolean;
  readonly ChildCount: number;
  GetChild(index: number): SyntaxNode | null;
  // oxlint-disable-next-line typescript/no-explicit-any -- the tree has hundreds of shapes; readers check the kind first
  readonly [property: string]: any;
}

export interface KustoDiagnostic {
  readonly code: string;
  readonly severity: string;
  readonly message: string;
  readonly start: number;
  readonly length: number;
}

export interface ParsedQuery {
  readonly root: SyntaxNode;
  readonly diagnostics: readonly KustoDiagnostic[];
  /** Whether names and types are known; where not, the tree is syntax alone, and an error says so. */
  readonly isBound: boolean;
}

/** A function that queries may call though it is not Kusto's own; `body` is KQL text. */
export interface DeclaredFunction {
  readonly name: string;
  readonly parameters: string;
  readonly body: string;
}

/** A parameter of a function, as the binder checks it. */
export interface KustoParameter {
  readonly name: string;
  /** The library's name of what it takes: `Declared` (one of `types`), `Scalar`, `DynamicArray`, `Tabular` ... */
  readonly kind: string;
  readonly types: readonly string[];
  /** `Expression`, or what else it must be: `Constant`, `Literal`, `Column` ... */
  readonly argument: string;
  /** The texts that it must be one of; empty where any will do. */
  readonly values: readonly string[];
  /** How often it must be given at least. */
  readonly atLeast: number;
}

/** A function, an aggregate or a plugin with the parameters of its first form. */
export interface KustoCallable {
  readonly name: string;
  readonly parameters: readonly KustoParameter[];
  /** A name that is kept for old queries. */
  readonly isLegacy: boolean;
}

/** Everything of the language that has a name of its own. */
export interface KustoInventory {
  readonly functions: readonly KustoCallable[];
  readonly aggregates: readonly KustoCallable[];
  readonly plugins: readonly KustoCallable[];
  /** Operators between or before values, as they are written: `has_any`, `!in~`, `+`. */
  readonly operators: readonly string[];
  /** Kinds of the tree's nodes that stand in a pipe: `FilterOperator`, `JoinOperator` ... */
  readonly tabularOperators: readonly string[];
  readonly joinKinds: readonly string[];
  readonly lookupKinds: readonly string[];
  readonly unionKinds: readonly string[];
  readonly parseKinds: readonly string[];
  readonly mvExpandKinds: readonly string[];
}

export interface Kusto {
  /** @throws RangeError where nesting exhausts the stack. */
  parse(
    text: string,
    tables: ReadonlyMap<string, readonly ColumnInfo[]>,
    functions: readonly DeclaredFunction[],
  ): ParsedQuery;
  /** The name of a node's kind: `BinaryExpression` kinds are `EqualExpression`, `AddExpression` ... */
  kindOf(node: SyntaxNode): string;
  /** The type that every form of a function gives, or undefined where it depends on the arguments. */
  returnType(functionName: string): ScalarType | undefined;
  /** The name that a projection gives an unnamed expression, or undefined where it has none of its own. */
  resultName(node: SyntaxNode): string | undefined;
  readonly scalarFunctions: ReadonlySet<string>;
  readonly aggregates: ReadonlySet<string>;
  readonly plugins: ReadonlySet<string>;
  /** What the language has, whether Tocsin does it or not; internal names (`__...`) are left out. */
  inventory(): KustoInventory;
}

let loaded: Kusto | undefined;

/** The parser; loaded on first use, then the same one for the life of the process. */
export function loadKusto(): Kusto {
  return (loaded ??= load());
}

function load(): Kusto {
  const require = createRequire(import.meta.url);
  require('@kusto/language-service-next/bridge.min.js');
  require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
  // oxlint-disable-next-line typescript/no-explicit-any -- generated code without usable types
  const { Kusto: kusto, System: system } = globalThis as any;
  const language = kusto.Language;

  const kindNames = new Map<number, string>();
  for (const [name, value] of Object.entries(language.Syntax.SyntaxKind)) {
    if (typeof value === 'number') kindNames.set(value, name);
  }

  const returnTypes = new Map<string, ScalarType>();
  for (const f of [...language.Functions.All, ...language.Aggregates.All]) {
    const types = new Set<ScalarType | undefined>();
    for (let i = 0; i < f.Signatures.Count; i++) types.add(typeOfSymbol(f.Signatures.getItem(i).DeclaredReturnType));
    const [only] = types;
    if (types.size === 1 && only) returnTypes.set(f.Name, only);
  }

  const tableSymbol = (name: string, columns: readonly ColumnInfo[]): unknown =>
    new language.Symbols.TableSymbol.$ctor7(
      name,
      `(${columns.map((column) => `['${column.name.replace(/['\\]/g, '\\$&')}']: ${column.type}`).join(', ')})`,
      null,
    );
  const ownTables = new Map<string, unknown>();
  const globalsWith = (
    tables: ReadonlyMap<string, readonly ColumnInfo[]>,
    functions: readonly DeclaredFunction[],
  ): unknown => {
    const symbols = new (system.Collections.Generic.List$1(language.Symbols.Symbol).ctor)();
    for (const table of knownTables()) {
      if (tables.has(table)) continue;
      let symbol = ownTables.get(table);
      if (!symbol) ownTables.set(table, (symbol = tableSymbol(table, tableColumns(table)!)));
      symbols.add(symbol);
    }
    for (const [name, columns] of tables) symbols.add(tableSymbol(name, columns));
    for (const f of functions)
      symbols.add(new language.Symbols.FunctionSymbol.$ctor16(f.name, f.parameters, f.body, null));
    const database = new language.Symbols.DatabaseSymbol.$ctor3('workspace', null, symbols, false);
    return language.GlobalState.Default.WithDatabase(database);
  };
  let plainGlobals: unknown;

  return {
    parse(text, tables, functions) {
      // Binding is faster where the library has seen the same globals before.
      const others = new Map([...tables].filter(([name, columns]) => columns !== tableColumns(name)));
      const globals =
        others.size === 0 && functions.length === 0
          ? (plainGlobals ??= globalsWith(others, functions))
          : globalsWith(others, functions);
      const diagnostics: KustoDiagnostic[] = [];
      // oxlint-disable-next-line typescript/no-explicit-any -- generated code without usable types
      let code: any;
      let isBound = true;
      try {
        code = language.KustoCode.ParseAndAnalyze(text, globals);
      } catch (error) {
        if (error instanceof RangeError) throw error;
        // The binder stumbles over some gaps that the parser names well.
        code = language.KustoCode.Parse(text);
        isBound = false;
      }
      const found = code.GetDiagnostics();
      for (let i = 0; i < found.Count; i++) {
        const d = found.getItem(i);
        diagnostics.push({ code: d.Code, severity: d.Severity, message: d.Message, start: d.Start, length: d.Length });
      }
      if (!isBound && !diagnostics.some(({ severity }) => severity === 'Error'))
        diagnostics.push({ code: '', severity: 'Error', message: 'The query cannot be bound', start: 0, length: 0 });
      return { root: code.Syntax, diagnostics, isBound };
    },
    kindOf: (node) => kindNames.get(node.Kind) ?? String(node.Kind),
    resultName: (node) => language.Binding.Binder.GetExpressionResultName(node, null) || undefined,
    returnType: (functionName) => returnTypes.get(functionName),
    scalarFunctions: namesOf(language.Functions.All),
    aggregates: namesOf(language.Aggregates.All),
    plugins: namesOf(language.PlugIns.All),
    inventory: () => inventoryOf(language),
  };
}

// oxlint-disable-next-line typescript/no-explicit-any -- generated code without usable types
function inventoryOf(language: any): KustoInventory {
  // oxlint-disable-next-line typescript/no-explicit-any -- an enumeration of the library
  const memberNames = (enumeration: any): ReadonlyMap<number, string> =>
    new Map(
      Object.entries(enumeration).flatMap(([name, value]) =>
        typeof value === 'number' ? [[value, name] as const] : [],
      ),
    );
  const parameterKinds = memberNames(language.Symbols.ParameterTypeKind);
  const argumentKinds = memberNames(language.Symbols.ArgumentKind);
  const syntaxKinds = memberNames(language.Syntax.SyntaxKind);
  const { KustoFacts: facts } = language;
  // oxlint-disable-next-line typescript/no-explicit-any -- symbols of the library
  const callables = (symbols: readonly any[]): KustoCallable[] =>
    symbols
      .filter((symbol) => !symbol.Name.startsWith('__'))
      .map((symbol) => ({
        name: symbol.Name,
        isLegacy: Boolean(symbol.IsObsolete) || Boolean(symbol.IsHidden),
        parameters: itemsOf(symbol.Signatures.getItem(0).Parameters).map((parameter) => ({
          name: parameter['Name'],
          kind: parameterKinds.get(parameter['TypeKind']) ?? '',
          types: itemsOf(parameter['DeclaredTypes']).map((type) => type['Name']),
          argument: argumentKinds.get(parameter['ArgumentKind']) ?? 'Expression',
          values: itemsOf(parameter['Values']).map(String),
          atLeast: parameter['MinOccurring'],
        })),
      }));
  const symbolKinds = new Set(itemsOf(language.Operators.All).map((symbol) => symbol['OperatorKind']));
  const operators = [...syntaxKinds.keys()]
    .filter((kind) => symbolKinds.has(language.Syntax.SyntaxFacts.GetOperatorKind(kind)))
    .map((kind) => String(language.Syntax.SyntaxFacts.GetText(kind) ?? ''))
    .filter((text) => text !== '');
  return {
    functions: callables(language.Functions.All),
    aggregates: callables(language.Aggregates.All),
    plugins: callables(language.PlugIns.All),
    operators: [...new Set(operators)],
    tabularOperators: [...syntaxKinds.values()].filter((name) => /^(?!Bad).*Operator$/.test(name)),
    joinKinds: itemsOf(facts.JoinKinds).map(String),
    lookupKinds: itemsOf(facts.LookupKinds).map(String),
    unionKinds: itemsOf(facts.UnionKinds).map(String),
    parseKinds: itemsOf(facts.ParseKinds).map(String),
    mvExpandKinds: itemsOf(facts.MvExpandKinds).map(String),
  };
}

/** The items of a list of the library, whether an array or a collection of .NET. */
// oxlint-disable-next-line typescript/no-explicit-any -- lists of anything
function itemsOf(list: any): any[] {
  if (!list) return [];
  return Array.from({ length: list.Count ?? list.length ?? 0 }, (_, index) =>
    list.getItem ? list.getItem(index) : list[index],
  );
}

function namesOf(symbols: readonly { readonly Name: string }[]): ReadonlySet<string> {
  return new Set(symbols.map((symbol) => symbol.Name));
}

/** The elements of a syntax list; separators are left out. Empty for a list that is not there. */
export function elementsOf(list: SyntaxNode | null | undefined): SyntaxNode[] {
  const elements: SyntaxNode[] = [];
  if (!list) return elements;
  for (let i = 0; i < list['Count']; i++) {
    const item = list['getItem$1'](i);
    elements.push(item.Element$1 ?? item);
  }
  return elements;
}

/** The scalar type that the binder found for an expression; undefined where it does not know (or it is no scalar). */
export function boundType(node: SyntaxNode): ScalarType | undefined {
  return typeOfSymbol(node['ResultType']);
}

// oxlint-disable-next-line typescript/no-explicit-any -- a type symbol of the library
export function typeOfSymbol(symbol: any): ScalarType | undefined {
  if (!symbol) return undefined;
  const name: string = symbol.Name;
  if ((SCALAR_TYPES as readonly string[]).includes(name)) return name as ScalarType;
  const className: string = symbol.constructor?.$$name ?? '';
  return className.includes('Dynamic') ? 'dynamic' : undefined;
}
