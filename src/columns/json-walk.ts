/**
 * A value inside a JSON text, found without parsing the rest: of an `InitiatedBy` with a dozen fields a rule wants one, and
 * maps and strings for the others are most of what parsing costs. The whole text is walked, for a text that is not JSON is
 * a value of its own; whatever is out of the ordinary (an escaped key, deep nesting) is left to the parser.
 */
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_BAG = 123;
const CLOSE_BAG = 125;

/** The parser allows more, but no log has more. */
const MAX_DEPTH = 32;

/** Finds the value under a path of keys in texts of JSON. One walker serves one path and any number of texts. */
export class JsonWalker {
  readonly #bytes: Uint8Array;
  readonly #keys: readonly Uint8Array[];
  #at = 0;
  #end = 0;
  #start = -1;
  #stop = -1;

  /** @param bytes - UTF-8, in which texts are named by where they start and end. */
  constructor(bytes: Uint8Array, keys: readonly string[]) {
    this.#bytes = bytes;
    this.#keys = keys.map((key) => Buffer.from(key));
  }

  /**
   * Where the value stands that the text from `start` to `end` has under the keys, quotes and all: -1 for both where it has
   * none. Undefined where only the parser can tell.
   */
  find(start: number, end: number): { readonly start: number; readonly end: number } | undefined {
    this.#at = start;
    this.#end = end;
    this.#start = this.#stop = -1;
    if (!this.#value(0, 0)) return undefined;
    this.#skipBlanks();
    return this.#at === end ? { start: this.#start, end: this.#stop } : undefined;
  }

  #skipBlanks(): void {
    const bytes = this.#bytes;
    for (; this.#at < this.#end; this.#at++) {
      const byte = bytes[this.#at]!;
      if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) return;
    }
  }

  /** The byte here; 0 at the end of the text. */
  #peek(): number {
    return this.#at < this.#end ? this.#bytes[this.#at]! : 0;
  }

  /** @param matched - how many keys of the path lead here; -1 off the path. */
  #value(depth: number, matched: number): boolean {
    this.#skipBlanks();
    const start = this.#at;
    if (!this.#anyValue(depth, matched)) return false;
    if (matched === this.#keys.length) {
      this.#start = start;
      this.#stop = this.#at;
    }
    return true;
  }

  #anyValue(depth: number, matched: number): boolean {
    if (depth > MAX_DEPTH) return false;
    switch (this.#peek()) {
      case QUOTE:
        return this.#string();
      case OPEN_BAG:
        return this.#bag(depth, matched);
      case OPEN_LIST:
        return this.#list(depth);
      case 116:
        return this.#word('true');
      case 102:
        return this.#word('false');
      case 110:
        return this.#word('null');
      default:
        return this.#number();
    }
  }

  #word(word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.#bytes[this.#at + i] !== word.charCodeAt(i)) return false;
    this.#at += word.length;
    return this.#at <= this.#end;
  }

  #digits(): boolean {
    const start = this.#at;
    while (this.#peek() >= ZERO && this.#peek() <= NINE) this.#at++;
    return this.#at > start;
  }

  #number(): boolean {
    if (this.#peek() === MINUS) this.#at++;
    if (this.#peek() === ZERO) this.#at++;
    else if (!this.#digits()) return false;
    if (this.#peek() === DOT) {
      this.#at++;
      if (!this.#digits()) return false;
    }
    // An exponent is seldom enough to be left to the parser.
    return this.#peek() !== 101 && this.#peek() !== 69;
  }

  #string(): boolean {
    const bytes = this.#bytes;
    const end = this.#end;
    for (let at = this.#at + 1; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (byte === BACKSLASH || byte < 32) return false;
    }
    return false;
  }

  #list(depth: number): boolean {
    this.#at++;
    this.#skipBlanks();
    if (this.#peek() === CLOSE_LIST) {
      this.#at++;
      return true;
    }
    for (;;) {
      if (!this.#value(depth + 1, -1)) return false;
      this.#skipBlanks();
      const byte = this.#peek();
      this.#at++;
      if (byte === CLOSE_LIST) return true;
      if (byte !== COMMA) return false;
    }
  }

  #bag(depth: number, matched: number): boolean {
    this.#at++;
    this.#skipBlanks();
    if (this.#peek() === CLOSE_BAG) {
      this.#at++;
      return true;
    }
    const key = matched < 0 ? undefined : this.#keys[matched];
    for (;;) {
      this.#skipBlanks();
      if (this.#peek() !== QUOTE) return false;
      const start = this.#at + 1;
      if (!this.#string()) return false;
      const isKey = key !== undefined && this.#isText(key, start, this.#at - 1);
      // Of two values under one key the later counts, whatever the earlier one held.
      if (isKey) this.#start = this.#stop = -1;
      this.#skipBlanks();
      if (this.#peek() !== COLON) return false;
      this.#at++;
      if (!this.#value(depth + 1, isKey ? matched + 1 : -1)) return false;
      this.#skipBlanks();
      const byte = this.#peek();
      this.#at++;
      if (byte === CLOSE_BAG) return true;
      if (byte !== COMMA) return false;
    }
  }

  #isText(text: Uint8Array, start: number, end: number): boolean {
    if (end - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.#bytes[start + i] !== text[i]) return false;
    return true;
  }
}
