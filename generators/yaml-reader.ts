/**
 * Reading YAML with positions: every fault of a file is collected with its line and column, so that a user mends them all
 * at once. Methods return a fallback after a fault; the caller throws what was collected at the end.
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import { nearestName, type Position, type Problem, TocsinError } from '../src/base/errors.ts';

/** A tick is the smallest step of a Kusto datetime: 100 ns. */
const MS_BY_UNIT: Readonly<Record<string, number>> = {
  tick: 0.0001,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A stretch of values: `from` and `to` are both possible. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** One `key: value` of a mapping, as far as it is understood. */
export interface Entry {
  readonly key: string;
  readonly keyNode: Node;
  readonly node: Node | null;
}

export class YamlReader {
  readonly file: string;
  readonly problems: Problem[] = [];
  readonly root: Node | null;
  readonly #lines = new LineCounter();
  readonly #text: string;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of document.errors) this.#report(message.split('\n')[0]!, pos[0], pos[1] - pos[0]);
    this.root = document.contents;
  }

  fault(node: Node | null | undefined, message: string, hint?: string): void {
    const range = node?.range;
    this.#report(message, range?.[0] ?? 0, range ? range[1] - range[0] : 1, hint);
  }

  #report(message: string, offset: number, length: number, hint?: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({
      message,
      position: { file: this.file, line: Math.max(1, line), column: Math.max(1, col) },
      excerpt: { line: this.#text.split('\n')[Math.max(1, line) - 1] ?? '', length: Math.max(1, length) },
      ...(hint ? { hint } : {}),
    });
  }

  /** @throws TocsinError SCENARIO with every fault, in order of position, where there is one. */
  throwFaults(): void {
    if (this.problems.length === 0) return;
    const place = ({ position }: Problem): number => (position?.line ?? 0) * 10_000 + (position?.column ?? 0);
    throw new TocsinError(
      'SCENARIO',
      this.problems.toSorted((a, b) => place(a) - place(b)),
    );
  }

  /** The entries of a mapping; anything else is a fault. */
  entries(node: Node | null, what: string): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    if (!isMap(node)) {
      this.fault(node, `${what} must be a mapping of keys to values, found ${describe(node)}`);
      return entries;
    }
    for (const pair of (node as YAMLMap<Node, Node | null>).items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (entries.has(key)) this.fault(pair.key, `"${key}" is given twice`);
      entries.set(key, { key, keyNode: pair.key, node: pair.value });
    }
    return entries;
  }

  /** As {@link entries}, and keys that are not in `known` are faults. */
  fields(node: Node | null, what: string, known: readonly string[]): Map<string, Entry> {
    const entries = this.entries(node, what);
    for (const { key, keyNode } of entries.values()) {
      if (!known.includes(key)) this.fault(keyNode, `unknown key "${key}" in ${what}`, suggestion(key, known));
    }
    return entries;
  }

  required(entries: Map<string, Entry>, key: string, owner: Node | null, what: string): Node | null {
    const entry = entries.get(key);
    if (!entry) {
      this.fault(owner, `${what} lacks "${key}"`);
      return null;
    }
    return entry.node;
  }

  items(node: Node | null, what: string): readonly (Node | null)[] {
    if (isSeq(node)) return node.items as (Node | null)[];
    this.fault(node, `${what} must be a list, found ${describe(node)}`);
    return [];
  }

  text(node: Node | null, what: string, fallback = ''): string {
    if (isScalar(node) && (typeof node.value === 'string' || typeof node.value === 'number')) return String(node.value);
    this.fault(node, `${what} must be text, found ${describe(node)}`);
    return fallback;
  }

  /** Each item of a list as text, with the place where it begins. */
  placedTexts(node: Node | null, what: string): { text: string; position: Position; line: string }[] {
    return this.items(node, what).flatMap((item) => {
      const before = this.problems.length;
      const text = this.text(item, `an item of ${what}`);
      if (this.problems.length > before) return [];
      const quote = isScalar(item) && (item.type === 'QUOTE_DOUBLE' || item.type === 'QUOTE_SINGLE') ? 1 : 0;
      const { line, col } = this.#lines.linePos(item!.range![0] + quote);
      return [{ text, position: { file: this.file, line, column: col }, line: this.#text.split('\n')[line - 1]! }];
    });
  }

  flag(node: Node | null, what: string, fallback = false): boolean {
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    this.fault(node, `${what} must be true or false, found ${describe(node)}`);
    return fallback;
  }

  /** A number in [from, to]. */
  number(node: Node | null, what: string, from: number, to: number, whole: boolean, fallback: number): number {
    if (!isScalar(node) || typeof node.value !== 'number' || Number.isNaN(node.value)) {
      this.fault(node, `${what} must be a number, found ${describe(node)}`);
      return fallback;
    }
    const { value } = node;
    if (value < from || value > to || (whole && !Number.isInteger(value))) {
      this.fault(node, `${what} is ${value}, expected ${whole ? 'a whole number' : 'a number'} from ${from} to ${to}`);
      return fallback;
    }
    return value;
  }

  /** One of the names in `known`. */
  name<T extends string>(node: Node | null, what: string, known: Iterable<T>, fallback: T): T {
    const text = this.text(node, what, fallback);
    const names = [...known];
    if ((names as string[]).includes(text)) return text as T;
    if (isScalar(node)) this.fault(node, `unknown ${what} "${text}"`, suggestion(text, names));
    return fallback;
  }

  /** `90s`, `5m`, `60m+1tick`, or a stretch `5m..40m`; in milliseconds, neither negative nor backwards. */
  duration(node: Node | null, what: string, fallback: Range = { from: 0, to: 0 }): Range {
    return this.#range(node, what, fallback, 'a duration such as 90s, 5m or 5m..40m', (text) => {
      let sum = 0;
      for (const term of text.split('+')) {
        const match = /^(-?\d+(?:\.\d+)?)(tick|ms|s|m|h|d)$/.exec(term.trim());
        if (!match) return undefined;
        sum += Number(match[1]) * MS_BY_UNIT[match[2]!]!;
      }
      return sum;
    });
  }

  /** `3`, or a stretch `2..4`. */
  count(node: Node | null, what: string, fallback: Range = { from: 1, to: 1 }): Range {
    return this.#range(node, what, fallback, 'a whole number such as 3 or a stretch such as 2..4', (text) =>
      /^-?\d+$/.test(text) ? Number(text) : undefined,
    );
  }

  #range(
    node: Node | null,
    what: string,
    fallback: Range,
    form: string,
    parse: (text: string) => number | undefined,
  ): Range {
    if (!isScalar(node) || (typeof node.value !== 'string' && typeof node.value !== 'number')) {
      this.fault(node, `${what} must be ${form}, found ${describe(node)}`);
      return fallback;
    }
    const text = String(node.value);
    const parts = text.split('..').map((part) => parse(part.trim()));
    const [from, to = from] = parts;
    if (parts.length > 2 || from === undefined || to === undefined) {
      this.fault(node, `${what} is "${text}", expected ${form}`);
      return fallback;
    }
    if (from < 0 || to < 0) {
      this.fault(node, `${what} is "${text}": it must not be negative`);
      return fallback;
    }
    if (to < from) {
      this.fault(node, `${what} is "${text}": its end lies before its beginning`);
      return fallback;
    }
    return { from, to };
  }
}

/** The nearest of the known names, or all of them where they are few. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest !== undefined) return `did you mean "${nearest}"?`;
  return known.length <= 16
    ? `known: ${known.join(', ')}`
    : `known: ${known.slice(0, 12).join(', ')} and ${known.length - 12} more`;
}

function describe(node: Node | null | undefined): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (isScalar(node)) return node.value === null ? 'nothing' : JSON.stringify(node.value);
  return 'nothing';
}
