/**
 * The literals of a query as they stand in its text, so that one can be replaced where it stands. Found by the parser: what
 * looks like a literal inside a comment, a name or another literal is none.
 */
import type { ScalarType } from '../columns/value.ts';
import { type Kusto, loadKusto, type SyntaxNode } from './kusto.ts';
import { isLiteralKind, scalarLiteral } from './literals.ts';

export interface QueryLiteral {
  /** [start, end) of the query's text, UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** As it is written: `60m`, `"RoleManagement"`, `datetime(2026-06-01)`. */
  readonly text: string;
  readonly type: ScalarType;
  /** The name that a `let` gives to just this literal. */
  readonly name: string | undefined;
}

/** In order of their place; as far as the parser understands a text that is wrong. */
export function queryLiterals(text: string): QueryLiteral[] {
  const kusto = loadKusto();
  return literalsBelow(kusto, kusto.parse(text, new Map(), []).root, text);
}

/** The type of a text that is one literal, perhaps with a sign; undefined where it is anything else. */
export function literalType(text: string): ScalarType | undefined {
  const written = text.trim();
  const unsigned = written.replace(/^-\s*/, '');
  const query = `print ${written}`;
  const kusto = loadKusto();
  const { root, diagnostics } = kusto.parse(query, new Map(), []);
  if (diagnostics.some(({ severity }) => severity === 'Error')) return undefined;
  const [only, ...others] = literalsBelow(kusto, root, query);
  if (only === undefined || others.length > 0 || only.text !== unsigned || only.end !== query.length) return undefined;
  return unsigned === written || SIGNED.includes(only.type) ? only.type : undefined;
}

function literalsBelow(kusto: Kusto, root: SyntaxNode, text: string): QueryLiteral[] {
  const literals: QueryLiteral[] = [];
  collect(kusto, root, text, undefined, literals);
  return literals.sort((a, b) => a.start - b.start);
}

const SIGNED: readonly ScalarType[] = ['int', 'long', 'real', 'decimal', 'timespan'];

function collect(
  kusto: Kusto,
  node: SyntaxNode,
  text: string,
  name: string | undefined,
  literals: QueryLiteral[],
): void {
  const kind = kusto.kindOf(node);
  if (isLiteralKind(kind)) {
    const literal = scalarLiteral(kusto, node);
    const { TextStart: start, End: end } = node;
    if (literal) literals.push({ start, end, text: text.slice(start, end), type: literal.type, name });
    return;
  }
  const isLet = kind === 'LetStatement';
  for (let i = 0; i < node.ChildCount; i++) {
    const child = node.GetChild(i);
    if (!child) continue;
    const isNamed = isLet && child === node['Expression'];
    collect(kusto, child, text, isNamed ? String(node['Name'].SimpleName) : undefined, literals);
  }
}
