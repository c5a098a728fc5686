/**
 * Lists in JSON taken apart without parsing them: each element is a stretch of the text. Only where it is written as
 * `stringifyDynamic` writes it, so that equal elements have equal texts; whatever is not (blanks, reals, a key given twice) is
 * left to the parser.
 */
import {
  CLOSE_BAG,
  CLOSE_LIST,
  COLON,
  COMMA,
  DOT,
  endOfString,
  endOfWord,
  escapes,
  MINUS,
  OPEN_BAG,
  OPEN_LIST,
  QUOTE,
  ZERO,
} from './json-walk.ts';

/** The parser allows more, but no log has more. */
const MAX_DEPTH = 32;
/** Each key of a bag is compared with those before it. */
const MAX_KEYS = 64;
/** Digits of a whole number that surely fits 64 bits. */
const MAX_DIGITS = 18;

/** What JSON.stringify escapes by a letter. */
const ESCAPES = escapes('"\\bfnrt');

/** Where the elements of a list stand: number i from `starts[i]` to `ends[i]`. Used again for list after list. */
export class ListPlaces {
  count = 0;
  starts = new Uint32Array(64);
  ends = new Uint32Array(64);
  /** Where the keys of the bags around the place at hand begin and end. */
  readonly #keys: number[] = [];

  /** Takes apart the text from `from` to `to`; false where that is no list, or one for the parser. */
  split(bytes: Uint8Array, from: number, to: number): boolean {
    this.count = 0;
    this.#keys.length = 0;
    if (bytes[from] !== OPEN_LIST) return false;
    if (bytes[from + 1] === CLOSE_LIST) return to === from + 2;
    for (let at = from + 1; ; at++) {
      const end = this.#endOfValue(bytes, at, to, 1);
      if (end < 0 || end >= to) return false;
      this.#add(at, end);
      at = end;
      if (bytes[at] === CLOSE_LIST) return at + 1 === to;
      if (bytes[at] !== COMMA) return false;
    }
  }

  #add(start: number, end: number): void {
    if (this.count === this.starts.length) {
      const enlarged = (of: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
        const larger = new Uint32Array(of.length * 2);
        larger.set(of);
        return larger;
      };
      this.starts = enlarged(this.starts);
      this.ends = enlarged(this.ends);
    }
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }

  /** Behind the value that begins at `from`; -1 where it is one for the parser. */
  #endOfValue(bytes: Uint8Array, from: number, to: number, depth: number): number {
    const byte = bytes[from];
    if (byte === QUOTE) return endOfString(bytes, from, to, ESCAPES);
    if (byte !== OPEN_BAG && byte !== OPEN_LIST) return endOfPlainWord(bytes, from, to);
    if (depth === MAX_DEPTH) return -1;
    if (byte === OPEN_BAG) return this.#endOfBag(bytes, from, to, depth);
    if (bytes[from + 1] === CLOSE_LIST) return from + 2;
    for (let at = from + 1; ; at++) {
      at = this.#endOfValue(bytes, at, to, depth + 1);
      if (at < 0 || at >= to) return -1;
      if (bytes[at] === CLOSE_LIST) return at + 1;
      if (bytes[at] !== COMMA) return -1;
    }
  }

  #endOfBag(bytes: Uint8Array, from: number, to: number, depth: number): number {
    if (bytes[from + 1] === CLOSE_BAG) return from + 2;
    const keys = this.#keys;
    const first = keys.length;
    for (let at = from + 1; ; at++) {
      const end = bytes[at] === QUOTE ? endOfString(bytes, at, to, ESCAPES) : -1;
      if (end < 0 || end >= to || bytes[end] !== COLON || keys.length - first > 2 * MAX_KEYS) return -1;
      for (let key = first; key < keys.length; key += 2) {
        if (isSame(bytes, keys[key]!, keys[key + 1]!, at, end)) return -1;
      }
      keys.push(at, end);
      at = this.#endOfValue(bytes, end + 1, to, depth + 1);
      if (at < 0 || at >= to) return -1;
      if (bytes[at] === CLOSE_BAG) {
        keys.length = first;
        return at + 1;
      }
      if (bytes[at] !== COMMA) return -1;
    }
  }
}

/** Behind a whole number, `true`, `false` or `null`. */
function endOfPlainWord(bytes: Uint8Array, from: number, to: number): number {
  const end = endOfWord(bytes, from, to);
  if (end < 0 || end - from > MAX_DIGITS) return -1;
  if (bytes[from] === MINUS && bytes[from + 1] === ZERO) return -1;
  for (let at = from; at < end; at++) if (bytes[at] === DOT) return -1;
  return end;
}

function isSame(bytes: Uint8Array, a: number, endOfA: number, b: number, endOfB: number): boolean {
  if (endOfA - a !== endOfB - b) return false;
  for (let i = 0; i < endOfA - a; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
