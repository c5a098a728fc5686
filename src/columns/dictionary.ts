/**
 * The distinct values behind a coded column. Expression work over a coded column happens once per entry and is
 * remembered in `memo`, so that a function applied in 168 runs over one partition is evaluated once.
 * Entries may repeat (two devices with one IP address); `canonical()` gives equal entries one code.
 */
import { parseDynamic } from './dynamic.ts';
import type { Value } from './value.ts';

export type CodedType = 'string' | 'guid' | 'dynamic' | 'decimal';
export type Codes = Uint8Array | Uint16Array | Uint32Array;

export abstract class Dictionary {
  readonly type: CodedType;
  readonly size: number;
  /** Results derived from these entries, by the name of the computation; lives as long as the dictionary. */
  readonly memo = new Map<string, unknown>();
  #canonical: Uint32Array | undefined;
  /** How many entries {@link canonicalOf} has looked at. */
  #looked = 0;

  protected constructor(type: CodedType, size: number) {
    this.type = type;
    this.size = size;
  }

  /** The entry as a boxed value. */
  abstract value(code: number): Value;

  /** The entry as text: the string itself, or the JSON text of a dynamic. Null is the empty text. */
  abstract text(code: number): string;

  /** Whether the entry is null; costs no parsing where the text says so. */
  isNull(code: number): boolean {
    return this.value(code) === null;
  }

  /** Values are what their texts parse to, so that texts alone carry them. */
  get isText(): boolean {
    return false;
  }

  /** How many bytes of UTF-8 the text is, where that is how it is held and no decoding is needed; undefined where it is. */
  utf8Size(_code: number): number | undefined {
    return undefined;
  }

  /** Copies the text to `target` from `at` on; only where {@link utf8Size} knows its size. */
  copyUtf8(code: number, target: Uint8Array, at: number): void {
    target.set(Buffer.from(this.text(code)), at);
  }

  /** For each code the first code that holds an equal entry. */
  canonical(): Uint32Array {
    return (this.#canonical ??= this.findCanonical(allCodes(this.size)));
  }

  /**
   * As {@link canonical}, for the codes that are in use: the first of those that holds an equal entry. What it gives for
   * others means nothing. A few rows over a large dictionary need not wait for all of it.
   */
  canonicalOf(codes: Codes): Uint32Array {
    if (this.#canonical || this.size <= SMALL) return this.canonical();
    const used = distinctCodes(codes, this.size);
    // Asked again and again, all of it once is cheaper.
    this.#looked += used.length;
    return this.#looked * 2 > this.size ? this.canonical() : this.findCanonical(used);
  }

  /** @param codes - those to look at, each once. */
  protected findCanonical(codes: Uint32Array): Uint32Array {
    const out = new Uint32Array(this.size);
    const first = new Map<string, number>();
    for (const code of codes) {
      // The letter keeps a null apart from an empty text.
      const key = this.isNull(code) ? 'n' : `v${this.text(code)}`;
      const seen = first.get(key);
      if (seen === undefined) first.set(key, code);
      out[code] = seen ?? code;
    }
    return out;
  }
}

/** Dictionaries of so few entries are looked at as a whole. */
const SMALL = 256;

/** The codes in use, in order of first appearance. */
export function distinctCodes(codes: Codes, size: number): Uint32Array {
  const used = new Uint32Array(Math.min(size, codes.length));
  const seen = new Uint8Array(size);
  let count = 0;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    if (seen[code] === 1) continue;
    seen[code] = 1;
    used[count++] = code;
  }
  return used.subarray(0, count);
}

export function allCodes(size: number): Uint32Array {
  const codes = new Uint32Array(size);
  for (let code = 0; code < size; code++) codes[code] = code;
  return codes;
}

/** For each of some texts the first of them that equals it, found without decoding any. */
function equalTexts({ bytes, offsets }: EncodedTexts, size: number, of: Uint32Array): Uint32Array {
  let capacity = 16;
  while (capacity < of.length * 2) capacity *= 2;
  const mask = capacity - 1;
  // One more than the code, so that a fresh table needs no filling.
  const slots = new Uint32Array(capacity);
  const hashes = new Int32Array(size);
  const codes = new Uint32Array(size);
  for (let i = 0; i < of.length; i++) {
    const code = of[i]!;
    const start = offsets[code]!;
    const end = offsets[code + 1]!;
    let hash = 0x811c9dc5 | 0;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    hash ^= hash >>> 15;
    hashes[code] = hash;
    let at = hash & mask;
    for (;;) {
      const slot = slots[at]!;
      if (slot === 0) {
        slots[at] = code + 1;
        codes[code] = code;
        break;
      }
      const other = slot - 1;
      if (hashes[other] === hash && sameBytes(bytes, offsets[other]!, offsets[other + 1]!, start, end)) {
        codes[code] = other;
        break;
      }
      at = (at + 1) & mask;
    }
  }
  return codes;
}

function sameBytes(bytes: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[otherStart + i]) return false;
  return true;
}

/** Entries held as boxed values. */
export class ValueDictionary extends Dictionary {
  readonly values: readonly Value[];
  readonly #stringify: (value: Value) => string;

  /** @param stringify - the text of a non-string entry (a dynamic's JSON). */
  constructor(type: CodedType, values: readonly Value[], stringify: (value: Value) => string = String) {
    super(type, values.length);
    this.values = values;
    this.#stringify = stringify;
  }

  value(code: number): Value {
    return this.values[code]!;
  }

  text(code: number): string {
    const value = this.values[code]!;
    return typeof value === 'string' && this.type !== 'dynamic' ? value : value === null ? '' : this.#stringify(value);
  }
}

/** JSON null with blanks around it is shorter than this. */
const SHORT_TEXT = 16;

/** Texts as UTF-8, one after another: entry i from `offsets[i]` to `offsets[i + 1]`. */
export interface EncodedTexts {
  readonly bytes: Uint8Array;
  readonly offsets: Int32Array | Float64Array;
  /** Every text is JSON as `stringifyDynamic` writes it: nothing in it need be checked, and no bag has a key twice. */
  readonly isCompactJson?: boolean;
}

/** Texts that are put together from pieces of UTF-8. */
export interface PiecedUtf8 {
  utf8Size(code: number): number;
  copyUtf8(code: number, target: Uint8Array, at: number): void;
}

/** Below this many bytes a loop copies faster than a call. */
const SHORT_BYTES = 48;

/** Copies what stands in `bytes` from `start` to `end`. */
export function copyBytes(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start < SHORT_BYTES) for (let k = start; k < end; k++) target[at + k - start] = bytes[k]!;
  else target.set(bytes.subarray(start, end), at);
}

/** Entries held as texts; a dynamic entry is parsed when first asked for. */
export class TextDictionary extends Dictionary {
  readonly #text: (code: number) => string;
  readonly #utf8: EncodedTexts | undefined;
  readonly #pieces: PiecedUtf8 | undefined;
  // Made when first needed: most entries of most dictionaries are never looked at.
  #texts: (string | undefined)[] | undefined;
  #parsed: (Value | undefined)[] | undefined;

  /**
   * @param text - decodes one entry; called at most once per entry. For dynamic and guid the empty text is null.
   * @param utf8 - the entries as they are held.
   */
  constructor(type: CodedType, size: number, text: (code: number) => string, utf8?: EncodedTexts | PiecedUtf8) {
    super(type, size);
    this.#text = text;
    if (utf8 && 'bytes' in utf8) this.#utf8 = utf8;
    else this.#pieces = utf8;
  }

  text(code: number): string {
    const texts = (this.#texts ??= new Array<string | undefined>(this.size));
    return (texts[code] ??= this.#text(code));
  }

  override isNull(code: number): boolean {
    if (this.type === 'string') return false;
    if ((this.utf8Size(code) ?? 0) >= SHORT_TEXT) return false;
    const text = this.text(code);
    return text === '' || (this.type === 'dynamic' && text.length < SHORT_TEXT && this.value(code) === null);
  }

  override get isText(): boolean {
    return true;
  }

  /** Some entry of a dynamic has been parsed already, and others may well be. */
  get isParsed(): boolean {
    return this.#parsed !== undefined;
  }

  /** The entries as they are held, where that is UTF-8. */
  get encoded(): EncodedTexts | undefined {
    return this.#utf8;
  }

  override utf8Size(code: number): number | undefined {
    const texts = this.#utf8;
    return texts ? texts.offsets[code + 1]! - texts.offsets[code]! : this.#pieces?.utf8Size(code);
  }

  override copyUtf8(code: number, target: Uint8Array, at: number): void {
    const texts = this.#utf8;
    if (texts) copyBytes(texts.bytes, texts.offsets[code]!, texts.offsets[code + 1]!, target, at);
    else this.#pieces!.copyUtf8(code, target, at);
  }

  protected override findCanonical(codes: Uint32Array): Uint32Array {
    // Of a dynamic, several texts mean null.
    return this.#utf8 && this.type !== 'dynamic'
      ? equalTexts(this.#utf8, this.size, codes)
      : super.findCanonical(codes);
  }

  value(code: number): Value {
    const text = this.text(code);
    if (this.type === 'string') return text;
    if (text === '') return null;
    if (this.type !== 'dynamic') return text;
    const values = (this.#parsed ??= new Array<Value | undefined>(this.size));
    const parsed = values[code];
    if (parsed !== undefined) return parsed;
    return (values[code] = parseDynamic(text));
  }
}

/** Dictionaries one after another under one range of codes. */
export class JoinedDictionary extends Dictionary {
  readonly #parts: readonly Dictionary[];
  /** The first code of each part. */
  readonly #starts: readonly number[];

  constructor(type: CodedType, parts: readonly Dictionary[]) {
    super(
      type,
      parts.reduce((sum, part) => sum + part.size, 0),
    );
    this.#parts = parts;
    let start = 0;
    this.#starts = parts.map((part) => {
      start += part.size;
      return start - part.size;
    });
  }

  #partOf(code: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle]! <= code) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  text(code: number): string {
    const part = this.#partOf(code);
    return this.#parts[part]!.text(code - this.#starts[part]!);
  }

  value(code: number): Value {
    const part = this.#partOf(code);
    return this.#parts[part]!.value(code - this.#starts[part]!);
  }

  override isNull(code: number): boolean {
    const part = this.#partOf(code);
    return this.#parts[part]!.isNull(code - this.#starts[part]!);
  }

  override get isText(): boolean {
    return this.#parts.every((part) => part.isText);
  }

  override utf8Size(code: number): number | undefined {
    const part = this.#partOf(code);
    return this.#parts[part]!.utf8Size(code - this.#starts[part]!);
  }

  override copyUtf8(code: number, target: Uint8Array, at: number): void {
    const part = this.#partOf(code);
    this.#parts[part]!.copyUtf8(code - this.#starts[part]!, target, at);
  }
}

/** Some entries of several dictionaries, under codes of their own; nothing is decoded before it is asked for. */
export class PickedDictionary extends Dictionary {
  readonly #of: readonly Dictionary[];
  readonly #codes: Uint32Array;

  /** @param of - for each code the dictionary of its entry, which has it under `codes[code]`. */
  constructor(type: CodedType, of: readonly Dictionary[], codes: Uint32Array) {
    super(type, of.length);
    this.#of = of;
    this.#codes = codes;
  }

  text(code: number): string {
    return this.#of[code]!.text(this.#codes[code]!);
  }

  value(code: number): Value {
    return this.#of[code]!.value(this.#codes[code]!);
  }

  override isNull(code: number): boolean {
    return this.#of[code]!.isNull(this.#codes[code]!);
  }

  override get isText(): boolean {
    return this.#of.every((dictionary) => dictionary.isText);
  }

  override utf8Size(code: number): number | undefined {
    return this.#of[code]!.utf8Size(this.#codes[code]!);
  }

  override copyUtf8(code: number, target: Uint8Array, at: number): void {
    this.#of[code]!.copyUtf8(this.#codes[code]!, target, at);
  }
}
