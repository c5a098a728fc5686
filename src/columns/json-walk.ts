/**
 * A value inside a JSON text, found without parsing the rest: of an `InitiatedBy` with a dozen fields a rule wants one, and
 * maps and strings for the others are most of what parsing costs. The whole text is walked, for a text that is not JSON is
 * a value of its own; whatever is out of the ordinary (an escape in a key, deep nesting) is left to the parser.
 */
export const QUOTE = 34;
export const COMMA = 44;
export const MINUS = 45;
export const DOT = 46;
export const ZERO = 48;
const NINE = 57;
export const COLON = 58;
export const OPEN_LIST = 91;
export const BACKSLASH = 92;
export const CLOSE_LIST = 93;
export const OPEN_BAG = 123;
export const CLOSE_BAG = 125;
/** From an opening bracket to the one that closes it. */
const CLOSING = 2;

/** No key of the path leads here. */
const OFF_PATH = -1;
const LIST = -2;

/** The parser allows more, but no log has more. */
const MAX_DEPTH = 32;

/** 1 for each of some letters that may stand behind a backslash. */
export function escapes(letters: string): Uint8Array {
  const out = new Uint8Array(256);
  for (const letter of letters) out[letter.charCodeAt(0)] = 1;
  return out;
}

/** Four hexadecimal digits behind a `u` are seldom enough to be left to the parser. */
const ESCAPES = escapes('"\\/bfnrt');
const NO_ESCAPES = escapes('');

const LITERALS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]));

/** Finds the value under a path of keys in texts of JSON. One walker serves one path and any number of texts. */
export class JsonWalker {
  /** Where the value stands that was found last, quotes and all; -1 where the text has none under the path. */
  start = -1;
  end = -1;
  readonly #bytes: Uint8Array;
  readonly #keys: readonly Uint8Array[];
  readonly #mayStop: boolean;
  /** Of each bag or list around the place at hand: how many keys of the path lead to a bag (-1 off the path), or a list. */
  readonly #around = new Int8Array(MAX_DEPTH);

  /** What was found last is a string, and what stands between its quotes is what it says. */
  get isPlainText(): boolean {
    const bytes = this.#bytes;
    if (bytes[this.start] !== QUOTE) return false;
    for (let at = this.start + 1; at < this.end; at++) if (bytes[at] === BACKSLASH) return false;
    return true;
  }

  /**
   * @param bytes - UTF-8, in which texts are named by where they start and end.
   * @param mayStop - the texts are JSON without a key given twice, so that a walk may end where it finds the value.
   */
  constructor(bytes: Uint8Array, keys: readonly string[], mayStop = false) {
    this.#mayStop = mayStop;
    this.#bytes = bytes;
    this.#keys = keys.map((key) => Buffer.from(key));
  }

  /** Walks the text from `from` to `to`; false where only the parser can tell. */
  find(from: number, to: number): boolean {
    const bytes = this.#bytes;
    const around = this.#around;
    const goal = this.#keys.length;
    this.start = this.end = -1;
    let at = from;
    let depth = 0;
    /** How many keys of the path lead to the value that comes next. */
    let matched = 0;
    let goalDepth = -1;
    for (;;) {
      at = skipBlanks(bytes, at, to);
      if (at >= to) return false;
      if (matched === goal) {
        this.start = at;
        goalDepth = depth;
      }
      const byte = bytes[at]!;
      if (byte === OPEN_BAG || byte === OPEN_LIST) {
        at = skipBlanks(bytes, at + 1, to);
        if (at >= to || depth === MAX_DEPTH) return false;
        if (bytes[at] === byte + CLOSING) at++;
        else {
          around[depth++] = byte === OPEN_BAG ? matched : LIST;
          if (byte === OPEN_LIST) matched = OFF_PATH;
          else {
            at = this.#key(at, to, matched);
            if (at < 0) return false;
            matched = this.#next;
          }
          continue;
        }
      } else {
        at = byte === QUOTE ? endOfString(bytes, at, to, ESCAPES) : endOfWord(bytes, at, to);
        if (at < 0) return false;
      }
      // A value ends here, and with it maybe some around it.
      for (;;) {
        if (depth === goalDepth) {
          this.end = at;
          if (this.#mayStop) return true;
          goalDepth = -1;
        }
        at = skipBlanks(bytes, at, to);
        if (depth === 0) return at === to;
        if (at >= to) return false;
        const next = bytes[at++]!;
        const level = around[depth - 1]!;
        if (next === COMMA) {
          matched = OFF_PATH;
          if (level !== LIST) {
            at = this.#key(skipBlanks(bytes, at, to), to, level);
            if (at < 0) return false;
            matched = this.#next;
          }
          break;
        }
        if (next !== (level === LIST ? CLOSE_LIST : CLOSE_BAG)) return false;
        depth--;
      }
    }
  }

  /** How many keys of the path lead to the value behind the key that was read last. */
  #next = OFF_PATH;

  /** Reads a key of a bag and its colon; gives the place behind, -1 where there is no plain key. */
  #key(at: number, to: number, level: number): number {
    const bytes = this.#bytes;
    if (at >= to || bytes[at] !== QUOTE) return -1;
    const end = endOfString(bytes, at, to, NO_ESCAPES);
    if (end < 0) return -1;
    const key = level < 0 ? undefined : this.#keys[level];
    this.#next = OFF_PATH;
    if (key && isText(bytes, at + 1, end - 1, key)) {
      this.#next = level + 1;
      // Of two values under one key the later counts, whatever the earlier one held.
      this.start = this.end = -1;
    }
    const colon = skipBlanks(bytes, end, to);
    return colon < to && bytes[colon] === COLON ? colon + 1 : -1;
  }
}

function skipBlanks(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isBlank(bytes[at]!)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9;
}

/** Behind the closing quote of the string that begins at `from`; -1 where it has no end, or an escape that is not `allowed`. */
export function endOfString(bytes: Uint8Array, from: number, to: number, allowed: Uint8Array): number {
  for (let at = from + 1; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 32 || (byte === BACKSLASH && (++at >= to || allowed[bytes[at]!] === 0))) return -1;
  }
  return -1;
}

/** Behind the number, `true`, `false` or `null` that begins at `from`; -1 where there is none that is plain. */
export function endOfWord(bytes: Uint8Array, from: number, to: number): number {
  const word = LITERALS.get(bytes[from]!);
  if (word) {
    const end = from + word.length;
    return end <= to && isText(bytes, from, end, word) ? end : -1;
  }
  let at = bytes[from] === MINUS ? from + 1 : from;
  const first = at;
  while (at < to && isDigit(bytes[at]!)) at++;
  // A leading zero stands alone.
  if (at === first || (bytes[first] === ZERO && at > first + 1)) return -1;
  if (at < to && bytes[at] === DOT) {
    const fraction = ++at;
    while (at < to && isDigit(bytes[at]!)) at++;
    if (at === fraction) return -1;
  }
  // An exponent is seldom enough to be left to the parser: what follows here is no comma and no end.
  return at;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}

function isText(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
