/**
 * Ids that are derived instead of stored. An id is a function of (salt, account ordinal, counter) alone, so it is the
 * same however accounts are spread over partitions; the algorithm is written down in facts.ts. Everything is 32-bit
 * integer arithmetic, and the texts are written byte by byte, so that a million ids cost a fraction of a second.
 */
import { Dictionary } from '../columns/dictionary.ts';
import type { Value } from '../columns/value.ts';

/** The 128 bits of an id as four unsigned 32-bit words. */
export type IdWords = Uint32Array;

/** Two 32-bit keys made from a salt; computed once per column. */
export interface SaltKeys {
  readonly first: number;
  readonly second: number;
}

function mix(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

export function saltKeys(salt: string): SaltKeys {
  let hash = 0x811c9dc5;
  for (let i = 0; i < salt.length; i++) hash = Math.imul(hash ^ salt.charCodeAt(i), 0x01000193);
  return { first: mix(hash), second: mix(hash ^ 0x9e3779b9) };
}

/** Fills `out` with the words of one id. */
export function idWords(keys: SaltKeys, ordinal: number, counter: number, out: IdWords): void {
  const u = mix(ordinal ^ keys.first);
  const v = mix(counter ^ u ^ keys.second);
  const w0 = u ^ mix(v ^ 0x243f6a88);
  const w1 = v ^ mix(w0 ^ 0x85a308d3);
  const w2 = mix((w0 + ((w1 << 13) | (w1 >>> 19)) + keys.second) | 0);
  const w3 = mix((w1 + ((w0 << 7) | (w0 >>> 25)) + (w2 ^ keys.first)) | 0);
  out[0] = w0;
  out[1] = w1;
  out[2] = w2;
  out[3] = w3;
}

const HEX = Buffer.from('0123456789abcdef', 'latin1');
const BASE64URL = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', 'latin1');
const CAPITALS = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'latin1');
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const DIRECTORY_PREFIX = Buffer.from('Directory_', 'latin1');

/** Writes the 36 characters of a version 4 UUID; returns the position after it. */
function writeGuid(words: IdWords, target: Uint8Array, at: number): number {
  let position = at;
  const w1 = (words[1]! & 0xffff0fff) | 0x4000;
  const w2 = (words[2]! & 0x3fffffff) | 0x80000000;
  for (let word = 0; word < 4; word++) {
    const bits = word === 1 ? w1 : word === 2 ? w2 : words[word]!;
    if (word === 1 || word === 2) target[position++] = DASH;
    for (let shift = 28; shift >= 0; shift -= 4) {
      if (shift === 12 && (word === 1 || word === 2)) target[position++] = DASH;
      target[position++] = HEX[(bits >>> shift) & 15]!;
    }
  }
  return position;
}

/** Writes 22 characters of base64url, the 128 bits without padding; returns the position after them. */
function writeToken(words: IdWords, target: Uint8Array, at: number): number {
  let position = at;
  let pending = 0;
  let bits = 0;
  for (let byte = 0; byte < 16; byte++) {
    pending = ((pending << 8) | ((words[byte >> 2]! >>> (24 - 8 * (byte & 3))) & 255)) & 0xffff;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      target[position++] = BASE64URL[(pending >>> bits) & 63]!;
    }
  }
  target[position++] = BASE64URL[(pending << (6 - bits)) & 63]!;
  return position;
}

/** Writes the tail of a directory id, `_<5 letters>_<8 digits>`; returns the position after it. */
function writeDirectoryTail(words: IdWords, target: Uint8Array, at: number): number {
  let position = at;
  target[position++] = UNDERSCORE;
  let letters = words[2]!;
  for (let i = 0; i < 5; i++) {
    target[position++] = CAPITALS[letters % 26]!;
    letters = Math.floor(letters / 26);
  }
  target[position++] = UNDERSCORE;
  let number = 10_000_000 + (words[3]! % 90_000_000);
  for (let i = 7; i >= 0; i--) {
    target[position + i] = 48 + (number % 10);
    number = Math.floor(number / 10);
  }
  return position + 8;
}

/** The longest id text in bytes; all are ASCII. */
export const MAX_ID_BYTES = 64;

/** What an id column is made from: arrays are indexed by row. */
export interface IdSource {
  readonly form: 'guid' | 'token' | 'directory';
  readonly keys: SaltKeys;
  readonly ordinals: Float64Array;
  readonly accounts: ArrayLike<number>;
  readonly counters: ArrayLike<number>;
  /** For `directory`: what its inner guid is made from. */
  readonly correlation: { readonly keys: SaltKeys; readonly counters: ArrayLike<number> } | undefined;
}

const words: IdWords = new Uint32Array(4);

/** Writes the id of one row as ASCII; returns the position after it. */
export function writeId(source: IdSource, row: number, target: Uint8Array, at: number): number {
  const ordinal = source.ordinals[source.accounts[row]!]!;
  if (source.form === 'directory') {
    target.set(DIRECTORY_PREFIX, at);
    idWords(source.correlation!.keys, ordinal, source.correlation!.counters[row]!, words);
    const tail = writeGuid(words, target, at + DIRECTORY_PREFIX.length);
    idWords(source.keys, ordinal, source.counters[row]!, words);
    return writeDirectoryTail(words, target, tail);
  }
  idWords(source.keys, ordinal, source.counters[row]!, words);
  return source.form === 'guid' ? writeGuid(words, target, at) : writeToken(words, target, at);
}

const scratch = Buffer.alloc(MAX_ID_BYTES);

function idText(source: IdSource, row: number): string {
  return scratch.toString('latin1', 0, writeId(source, row, scratch, 0));
}

/**
 * A dictionary with one entry per row, made when asked for and not kept: an id is cheaper to make again than to hold.
 */
export class IdDictionary extends Dictionary {
  readonly source: IdSource;

  constructor(type: 'string' | 'guid', size: number, source: IdSource) {
    super(type, size);
    this.source = source;
  }

  text(code: number): string {
    return idText(this.source, code);
  }

  value(code: number): Value {
    return this.text(code);
  }
}
