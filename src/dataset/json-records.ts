/**
 * Log records in JSON text, as bytes. Nothing becomes an object: a record is a span of bytes, its members are spans with
 * a hash, and only a value that was not seen before is decoded (import-columns.ts). That keeps dynamic values exact
 * (JSON.parse folds `1.0` into `1` and reorders keys) and makes an import as fast as its bytes can be walked.
 */

/** What a member's value is. */
export const KIND = {
  /** A string without escapes; the span excludes the quotes. */
  plain: 1,
  /** A string with escapes; the span excludes the quotes. */
  escaped: 2,
  /** Spans of these are the whole value. */
  number: 3,
  true: 4,
  false: 5,
  null: 6,
  /** An object or a list. */
  composite: 7,
} as const;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const NEWLINE = 0x0a;

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09;
}

const HASH_START = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

const lanes = new Int32Array(4);

/** A hash of the bytes from `start` to `end`; record-kernel/kernel.as gives the same. */
export function spanHash(view: DataView, start: number, end: number): number {
  let hash = HASH_START ^ (end - start);
  let at = start;
  if (end - start >= 64) {
    lanes.fill(hash);
    for (const last = end - 16; at <= last; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        const mixed = Math.imul(lanes[lane]! ^ view.getInt32(at + 4 * lane, true), HASH_FACTOR);
        lanes[lane] = mixed ^ (mixed >>> 15);
      }
    }
    hash = lanes[0]!;
    for (let lane = 1; lane < 4; lane++) hash = Math.imul(hash, HASH_FACTOR) ^ lanes[lane]!;
  }
  for (const last = end - 4; at <= last; at += 4) {
    hash = Math.imul(hash ^ view.getInt32(at, true), HASH_FACTOR);
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), HASH_FACTOR);
  return hash ^ (hash >>> 15);
}

/** Marks the bytes of a word that are zero (and may mark others above one that is). */
function zeroBytes(word: number): number {
  return (word - 0x01010101) & ~word & 0x80808080;
}

/** The position of the first quote or backslash from `start` on, or `end`. */
function findQuote(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let at = start;
  for (const last = end - 4; at <= last; at += 4) {
    const word = view.getInt32(at, true);
    if ((zeroBytes(word ^ 0x22222222) | zeroBytes(word ^ 0x5c5c5c5c)) !== 0) break;
  }
  for (; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE || byte === BACKSLASH) return at;
  }
  return end;
}

/** A member name to look for. */
export interface MemberName {
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/** Names for {@link Members.find}. */
export function memberNames(...names: string[]): MemberName[] {
  return names.map((name) => {
    const bytes = Buffer.from(name);
    let hash = HASH_START;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, HASH_FACTOR);
    return { bytes, hash };
  });
}

/** The members of an object, as spans into the bytes that were read; reused from record to record. */
export class Members {
  count = 0;
  keyStart = new Int32Array(128);
  keyEnd = new Int32Array(128);
  keyHash = new Int32Array(128);
  valueStart = new Int32Array(128);
  valueEnd = new Int32Array(128);
  valueHash = new Int32Array(128);
  kind = new Uint8Array(128);
  #bytes: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  #grow(): void {
    for (const name of ['keyStart', 'keyEnd', 'keyHash', 'valueStart', 'valueEnd', 'valueHash'] as const) {
      const larger = new Int32Array(this[name].length * 2);
      larger.set(this[name]);
      this[name] = larger;
    }
    const kinds = new Uint8Array(this.kind.length * 2);
    kinds.set(this.kind);
    this.kind = kinds;
  }

  /**
   * Reads the members of the object that fills [`start`, `end`). What lies inside nested values is only matched for
   * strings and brackets; whoever decodes them finds out the rest.
   *
   * @returns what is wrong, or undefined.
   */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const view = this.#view;
    this.count = 0;
    let at = start;
    while (at < end && isBlank(bytes[at]!)) at++;
    if (bytes[at] !== OPEN_BRACE) return 'expected an object';
    at++;
    while (at < end && isBlank(bytes[at]!)) at++;
    if (bytes[at] === CLOSE_BRACE) return this.#isRest(bytes, at + 1, end);
    for (;;) {
      if (at >= end) return 'the object has no end';
      if (bytes[at] !== QUOTE) return 'expected a key in double quotes';
      if (this.count === this.kind.length) this.#grow();
      const index = this.count;
      let hash = HASH_START;
      let from = ++at;
      for (; at < end; at++) {
        const byte = bytes[at]!;
        if (byte === QUOTE) break;
        if (byte === BACKSLASH) hash = Math.imul(hash ^ bytes[at++]!, HASH_FACTOR);
        hash = Math.imul(hash ^ bytes[at]!, HASH_FACTOR);
      }
      if (at >= end) return 'a key has no end';
      this.keyStart[index] = from;
      this.keyEnd[index] = at++;
      this.keyHash[index] = hash;
      while (at < end && isBlank(bytes[at]!)) at++;
      if (bytes[at] !== COLON) return 'expected : after a key';
      at++;
      while (at < end && isBlank(bytes[at]!)) at++;

      const first = bytes[at]!;
      if (first === QUOTE) {
        let kind: number = KIND.plain;
        from = ++at;
        for (;;) {
          at = findQuote(bytes, view, at, end);
          if (at >= end || bytes[at] === QUOTE) break;
          kind = KIND.escaped;
          at += 2;
        }
        if (at >= end) return 'a string has no end';
        this.valueStart[index] = from;
        this.valueEnd[index] = at++;
        this.kind[index] = kind;
      } else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
        from = at;
        let depth = 0;
        for (; at < end; at++) {
          const byte = bytes[at]!;
          if (byte === QUOTE) {
            at++;
            for (;;) {
              at = findQuote(bytes, view, at, end);
              if (at >= end || bytes[at] === QUOTE) break;
              at += 2;
            }
          } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
          else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) break;
        }
        if (at >= end) return 'an object or a list has no end';
        this.valueStart[index] = from;
        this.valueEnd[index] = ++at;
        this.kind[index] = KIND.composite;
      } else {
        from = at;
        for (; at < end; at++) {
          const byte = bytes[at]!;
          if (byte === COMMA || byte === CLOSE_BRACE || isBlank(byte)) break;
        }
        const kind = literalKind(bytes, from, at);
        if (kind === 0) return `${quoted(bytes, from, at)} is not a JSON value`;
        this.valueStart[index] = from;
        this.valueEnd[index] = at;
        this.kind[index] = kind;
      }
      this.valueHash[index] = spanHash(view, this.valueStart[index]!, this.valueEnd[index]!);
      this.count++;
      while (at < end && isBlank(bytes[at]!)) at++;
      if (bytes[at] === CLOSE_BRACE) return this.#isRest(bytes, at + 1, end);
      if (bytes[at] !== COMMA) return at >= end ? 'the object has no end' : 'expected , or } after a value';
      at++;
      while (at < end && isBlank(bytes[at]!)) at++;
    }
  }

  #isRest(bytes: Uint8Array, start: number, end: number): string | undefined {
    let at = start;
    while (at < end && isBlank(bytes[at]!)) at++;
    return at < end ? `${quoted(bytes, at, end)} stands after the object` : undefined;
  }

  key(bytes: Buffer, index: number): string {
    return decodeString(bytes, this.keyStart[index]!, this.keyEnd[index]!);
  }

  /** The first member of one of these names, or -1. */
  find(bytes: Uint8Array, names: readonly MemberName[]): number {
    for (let n = 0; n < names.length; n++) {
      const name = names[n]!;
      for (let index = 0; index < this.count; index++) {
        if (this.keyHash[index] !== name.hash) continue;
        const start = this.keyStart[index]!;
        if (this.keyEnd[index]! - start === name.bytes.length && isEqual(bytes, start, name.bytes)) return index;
      }
    }
    return -1;
  }
}

function isEqual(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name[i]) return false;
  return true;
}

/** A short excerpt for a message. */
function quoted(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 40)).toString('utf8');
  return JSON.stringify(end - start > 40 ? `${text}…` : text);
}

/** The text of a string's inside; throws SyntaxError where its escapes are wrong. */
export function decodeString(bytes: Buffer, start: number, end: number): string {
  const raw = bytes.toString('utf8', start, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw.replace(/[\u0000-\u001f]/g, escapeControl)}"`) as string) : raw;
}

function escapeControl(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function literalKind(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const first = bytes[start];
  if (first === 0x74 && length === 4) return isWord(bytes, start, TRUE) ? KIND.true : 0;
  if (first === 0x66 && length === 5) return isWord(bytes, start, FALSE) ? KIND.false : 0;
  if (first === 0x6e && length === 4) return isWord(bytes, start, NULL) ? KIND.null : 0;
  let at = start;
  if (bytes[at] === 0x2d) at++;
  const digits = at;
  while (at < end && isDigit(bytes[at]!)) at++;
  if (at === digits || (bytes[digits] === 0x30 && at > digits + 1)) return 0;
  if (at < end && bytes[at] === 0x2e) {
    const fraction = ++at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (at === fraction) return 0;
  }
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++;
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++;
    const exponent = at;
    while (at < end && isDigit(bytes[at]!)) at++;
    if (at === exponent) return 0;
  }
  return at === end ? KIND.number : 0;
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NULL = Buffer.from('null');

function isWord(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  return isEqual(bytes, start, word);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** Takes the records of a file one by one. */
export interface RecordSink {
  /** A record that fills [`start`, `end`) of `bytes`, valid until the call returns; `line` counts from 1. */
  record(bytes: Buffer, start: number, end: number, line: number): void;
  /** Something in the place of a record that is none. */
  bad(line: number, message: string): void;
}

/** Members that hold the records of a wrapper: of Event Hubs and storage blobs, of query results, of Graph. */
const WRAPPERS = memberNames('records', 'rows', 'value');

/** The list of records that a member holds where the object is a wrapper, or -1. */
export function wrapperMember(bytes: Uint8Array, members: Members): number {
  const index = members.find(bytes, WRAPPERS);
  if (index < 0 || members.kind[index] !== KIND.composite) return -1;
  let at = members.valueStart[index]!;
  if (bytes[at++] !== OPEN_BRACKET) return -1;
  while (isBlank(bytes[at]!)) at++;
  return bytes[at] === OPEN_BRACE ? index : -1;
}

/** How records stand in a file: one a line, or as brackets say. */
export type RecordMode = 'lines' | 'structure';

/**
 * The mode of a file that begins with `bytes`; undefined where more are needed, or where there are none.
 *
 * @param isEnd - whether that is all of it.
 */
export function modeOf(bytes: Buffer, isEnd: boolean): RecordMode | undefined {
  let start = 0;
  while (start < bytes.length && isBlank(bytes[start]!)) start++;
  if (start === bytes.length) return undefined;
  if (bytes[start] === OPEN_BRACKET) return 'structure';
  const firstEnd = bytes.indexOf(NEWLINE, start);
  if (firstEnd < 0 && !isEnd) return undefined;
  const members = new Members();
  const first = firstEnd < 0 ? bytes.length : firstEnd;
  if (members.read(bytes, start, first) === undefined) return 'lines';
  // A broken first line must not hide that the others are whole: but a line that leaves something open is not broken.
  let last = first - 1;
  while (last > start && isBlank(bytes[last]!)) last--;
  const isOpen = [OPEN_BRACE, OPEN_BRACKET, COMMA, COLON].includes(bytes[last]!);
  if (bytes[start] === OPEN_BRACE && (isOpen || first === bytes.length)) return 'structure';
  const second = bytes.indexOf(NEWLINE, first + 1);
  if (second < 0 && !isEnd) return undefined;
  const isSecondWhole = members.read(bytes, first + 1, second < 0 ? bytes.length : second) === undefined;
  return isSecondWhole || bytes[start] !== OPEN_BRACE ? 'lines' : 'structure';
}

/** Longer records are refused, so that a file that is no log cannot fill the memory. */
const MAX_RECORD_BYTES = 256 << 20;

/**
 * Cuts a stream of bytes into records. Lines of one object each are the fast case; lists, wrappers and objects over
 * several lines are followed bracket by bracket, so a list of any length needs the memory of one record.
 */
export class RecordSplitter {
  readonly #sink: RecordSink;
  #mode: 'undecided' | RecordMode = 'undecided';
  /** Bytes that were pushed and not yet done with lie from `#start` to `#end`. */
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #line = 1;

  // State of the structure mode between chunks; positions are in the buffer.
  #at = 0;
  #depth = 0;
  #inString = false;
  /** Records begin at this depth. */
  #recordDepth = 0;
  #recordStart = -1;
  #recordLine = 0;
  /** Inside the object around a wrapper's list, where only another such list holds records. */
  #inWrapper = false;
  #stringStart = -1;
  #lastKey: Buffer | undefined;
  /** Set where text stood that is no record, until the next record: one report each. */
  #reported = false;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  /** Takes the next bytes of the file. */
  push(chunk: Buffer): void {
    this.#append(chunk);
    if (this.#mode === 'undecided' && !this.#decide(false)) return;
    if (this.#mode === 'lines') this.#lines(false);
    else this.#structure();
    if (this.#end - this.#start > MAX_RECORD_BYTES) {
      throw new RangeError(`a record is longer than ${MAX_RECORD_BYTES >> 20} MiB`);
    }
  }

  /** Puts a chunk behind the bytes that wait, which move to the front; positions count from there. */
  #append(chunk: Buffer): void {
    const waiting = this.#end - this.#start;
    if (waiting + chunk.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * waiting, waiting + chunk.length, 1 << 16));
      this.#buffer.copy(larger, 0, this.#start, this.#end);
      this.#buffer = larger;
    } else if (this.#start > 0) this.#buffer.copyWithin(0, this.#start, this.#end);
    const moved = this.#start;
    this.#at -= moved;
    if (this.#recordStart >= 0) this.#recordStart -= moved;
    if (this.#stringStart >= 0) this.#stringStart -= moved;
    this.#start = 0;
    chunk.copy(this.#buffer, waiting);
    this.#end = waiting + chunk.length;
  }

  /** Ends the file. */
  end(): void {
    if (this.#mode === 'undecided') this.#decide(true);
    if (this.#mode === 'lines') {
      this.#lines(true);
      return;
    }
    this.#structure();
    if (this.#recordStart >= 0) this.#sink.bad(this.#recordLine, 'the file ends in the middle of a record');
    else if (this.#depth > 0) this.#sink.bad(this.#line, 'the file ends before its list of records does');
  }

  /** Looks at the first lines; false where more bytes are needed. */
  #decide(isEnd: boolean): boolean {
    const bytes = this.#buffer.subarray(this.#start, this.#end);
    const mode = modeOf(bytes, isEnd || bytes.length > MAX_RECORD_BYTES);
    if (mode) this.#mode = mode;
    return mode !== undefined || isEnd;
  }

  #lines(isEnd: boolean): void {
    const bytes = this.#buffer;
    let start = this.#start;
    while (start < this.#end) {
      const found = bytes.indexOf(NEWLINE, start);
      // Behind the last byte lie those of earlier chunks.
      const newline = found < this.#end ? found : -1;
      if (newline < 0 && !isEnd) break;
      const end = newline < 0 ? this.#end : newline;
      let from = start;
      while (from < end && isBlank(bytes[from]!)) from++;
      if (from < end) this.#sink.record(bytes, from, end, this.#line);
      this.#line++;
      start = end + 1;
    }
    this.#start = Math.min(start, this.#end);
  }

  #structure(): void {
    const bytes = this.#buffer;
    const length = this.#end;
    let at = this.#at;
    for (; at < length; at++) {
      const byte = bytes[at]!;
      if (this.#inString) {
        // An escape at the end of a chunk waits for the byte it escapes.
        if (byte === BACKSLASH) {
          if (at + 1 === length) break;
          at++;
        } else if (byte === QUOTE) {
          this.#inString = false;
          if (this.#stringStart >= 0) this.#lastKey = Buffer.from(bytes.subarray(this.#stringStart, at));
          this.#stringStart = -1;
        } else if (byte === NEWLINE) this.#line++;
        continue;
      }
      switch (byte) {
        case NEWLINE:
          this.#line++;
          break;
        case 0x20:
        case 0x0d:
        case 0x09:
        case COLON:
        case COMMA:
          break;
        case QUOTE:
          this.#inString = true;
          // Only the keys of an outermost object can make it a wrapper.
          if (this.#depth === 1 && (this.#inWrapper || (this.#recordDepth === 0 && this.#recordStart >= 0))) {
            this.#stringStart = at + 1;
          }
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          this.#open(byte, at);
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#close(bytes, at);
          break;
        default:
          if (this.#recordStart < 0 && !this.#inWrapper && !this.#reported) {
            this.#reported = true;
            let end = at;
            while (end < length && bytes[end] !== NEWLINE) end++;
            this.#sink.bad(this.#line, `expected a record, found ${quoted(bytes, at, end)}`);
          }
      }
    }
    // Bytes before the record (or the key) that is being read are done with.
    this.#start = this.#recordStart >= 0 ? this.#recordStart : this.#stringStart >= 0 ? this.#stringStart : at;
    this.#at = at;
  }

  #open(byte: number, at: number): void {
    if (byte === OPEN_BRACKET && this.#depth === 0) {
      this.#recordDepth = 1;
    } else if (
      byte === OPEN_BRACKET &&
      this.#depth === 1 &&
      this.#lastKey !== undefined &&
      (this.#inWrapper || this.#recordDepth === 0) &&
      WRAPPERS.some((name) => this.#lastKey!.equals(name.bytes))
    ) {
      this.#inWrapper = true;
      this.#recordDepth = 2;
      this.#recordStart = -1;
    } else if (this.#recordStart < 0 && this.#depth === this.#recordDepth) {
      this.#recordStart = at;
      this.#recordLine = this.#line;
      this.#reported = false;
    }
    this.#depth++;
  }

  #close(bytes: Buffer, at: number): void {
    if (this.#depth === 0) {
      if (!this.#reported) this.#sink.bad(this.#line, 'a bracket closes that was not opened');
      this.#reported = true;
      return;
    }
    this.#depth--;
    if (this.#recordStart >= 0 && this.#depth === this.#recordDepth) {
      this.#sink.record(bytes, this.#recordStart, at + 1, this.#recordLine);
      this.#recordStart = -1;
    } else if (this.#depth < this.#recordDepth) {
      // The end of a list: of a wrapper's, whose object goes on, or of the outermost.
      this.#recordDepth = this.#depth === 0 ? 0 : Number.POSITIVE_INFINITY;
    }
    if (this.#depth === 0) {
      this.#inWrapper = false;
      this.#recordDepth = 0;
    }
    if (this.#depth <= 1) this.#lastKey = undefined;
  }
}
