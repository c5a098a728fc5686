/**
 * JSON text to `dynamic` values and back. JSON.parse cannot serve: it folds `1` and `1.0` into one number, loses
 * digits beyond 2^53 and reorders keys that look like integers, and Kusto does none of these.
 */
import { formatDatetime, formatTimespan } from '../base/time.ts';
import { type Dynamic, DynamicDatetime, DynamicTimespan } from './value.ts';

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;
/** Deeper nesting than this is treated as text that is not JSON, so that no input can exhaust the stack. */
const MAX_DEPTH = 512;

class JsonReader {
  readonly text: string;
  at = 0;
  constructor(text: string) {
    this.text = text;
  }

  skipBlanks(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c === 32 || c === 10 || c === 13 || c === 9) this.at++;
      else return;
    }
  }

  /** @throws SyntaxError where the text is not JSON. */
  value(depth: number): Dynamic {
    if (depth > MAX_DEPTH) throw new SyntaxError('nested too deeply');
    this.skipBlanks();
    const c = this.text[this.at];
    if (c === '{') return this.bag(depth);
    if (c === '[') return this.array(depth);
    if (c === '"') return this.string();
    if (this.text.startsWith('true', this.at)) return this.word(4, true);
    if (this.text.startsWith('false', this.at)) return this.word(5, false);
    if (this.text.startsWith('null', this.at)) return this.word(4, null);
    return this.number();
  }

  word<T>(length: number, value: T): T {
    this.at += length;
    return value;
  }

  number(): bigint | number {
    const form = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
    form.lastIndex = this.at;
    const match = form.exec(this.text);
    if (!match) throw new SyntaxError(`unexpected character at ${this.at}`);
    this.at = form.lastIndex;
    if (match[1] === undefined && match[2] === undefined) {
      const whole = BigInt(match[0]);
      if (whole >= MIN_LONG && whole <= MAX_LONG) return whole;
    }
    return Number(match[0]);
  }

  string(): string {
    const start = ++this.at;
    const { text } = this;
    let plain = true;
    for (; ; this.at++) {
      const c = text.charCodeAt(this.at);
      if (c === 34) break;
      if (Number.isNaN(c)) throw new SyntaxError('string without an end');
      if (c === 92) {
        plain = false;
        this.at++;
      } else if (c < 32) throw new SyntaxError('control character in a string');
    }
    const body = text.slice(start, this.at++);
    if (plain) return body;
    return JSON.parse(`"${body}"`) as string;
  }

  array(depth: number): Dynamic[] {
    const items: Dynamic[] = [];
    this.at++;
    this.skipBlanks();
    if (this.text[this.at] === ']') return this.word(1, items);
    for (;;) {
      items.push(this.value(depth + 1));
      this.skipBlanks();
      const c = this.text[this.at++];
      if (c === ']') return items;
      if (c !== ',') throw new SyntaxError(`expected , or ] at ${this.at - 1}`);
    }
  }

  bag(depth: number): Map<string, Dynamic> {
    const bag = new Map<string, Dynamic>();
    this.at++;
    this.skipBlanks();
    if (this.text[this.at] === '}') return this.word(1, bag);
    for (;;) {
      this.skipBlanks();
      if (this.text[this.at] !== '"') throw new SyntaxError(`expected a key at ${this.at}`);
      const key = this.string();
      this.skipBlanks();
      if (this.text[this.at++] !== ':') throw new SyntaxError(`expected : at ${this.at - 1}`);
      bag.set(key, this.value(depth + 1));
      this.skipBlanks();
      const c = this.text[this.at++];
      if (c === '}') return bag;
      if (c !== ',') throw new SyntaxError(`expected , or } at ${this.at - 1}`);
    }
  }
}

/** The value of a JSON text; a text that is not JSON is itself the value (a string), as `parse_json` has it. */
export function parseDynamic(text: string): Dynamic {
  try {
    const reader = new JsonReader(text);
    const value = reader.value(0);
    reader.skipBlanks();
    return reader.at === text.length ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** A real inside JSON: Kusto writes `1.0` for a whole real, and has no form but a quoted one for NaN and infinities. */
export function formatJsonReal(value: number): string {
  if (Number.isNaN(value)) return '"NaN"';
  if (!Number.isFinite(value)) return value > 0 ? '"Infinity"' : '"-Infinity"';
  const text = String(value);
  return Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text;
}

/** Compact JSON text of a dynamic value, keys in their own order. */
export function stringifyDynamic(value: Dynamic): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'number':
      return formatJsonReal(value);
    case 'string':
      return JSON.stringify(value);
    default:
  }
  if (Array.isArray(value)) return `[${value.map(stringifyDynamic).join(',')}]`;
  if (value instanceof DynamicDatetime) return `"${formatDatetime(value.ticks)}"`;
  if (value instanceof DynamicTimespan) return `"${formatTimespan(value.ticks)}"`;
  return `{${Array.from(value, ([key, item]) => `${JSON.stringify(key)}:${stringifyDynamic(item)}`).join(',')}}`;
}

/** Whether the value comes back from its JSON text as it was. */
export function survivesText(value: Dynamic): boolean {
  if (value instanceof DynamicDatetime || value instanceof DynamicTimespan) return false;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (Array.isArray(value)) return value.every(survivesText);
  return value instanceof Map ? [...value.values()].every(survivesText) : true;
}
