import { takeBytes } from '../base/arena.ts';

/** Texts as UTF-8, one after another: what many texts are while nobody asks for one of them. */
export class Utf8Texts {
  /** Where each text begins in `bytes`, and where the last ends. */
  readonly offsets: Int32Array | Float64Array;
  readonly bytes: Uint8Array;

  constructor(offsets: Int32Array | Float64Array, bytes: Uint8Array) {
    this.offsets = offsets;
    this.bytes = bytes;
  }

  get length(): number {
    return this.offsets.length - 1;
  }

  text(index: number): string {
    const { bytes, offsets } = this;
    const start = offsets[index]!;
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, offsets[index + 1]! - start).toString('utf8');
  }

  *[Symbol.iterator](): Generator<string> {
    for (let index = 0; index < this.length; index++) yield this.text(index);
  }
}

/** Up to so many characters a loop writes faster than a call. */
const SHORT_TEXT = 64;

/** Writes a text as UTF-8 where there is room for it. @returns how many bytes were written. */
export function writeText(text: string, bytes: Buffer, at: number): number {
  const { length } = text;
  if (length > SHORT_TEXT) return bytes.write(text, at);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return bytes.write(text, at);
    bytes[at + i] = unit;
  }
  return length;
}

function room(length: number): Buffer<ArrayBuffer> {
  const { buffer, byteOffset } = takeBytes(length);
  return Buffer.from(buffer, byteOffset, length);
}

/** Collects texts as UTF-8 one by one: once appended, a text costs its bytes and no garbage collector looks at it again. */
export class Utf8TextsBuilder {
  #bytes = room(1 << 14);
  #offsets = new Int32Array(256);
  #size = 0;
  #count = 0;

  append(text: string): void {
    // No character of UTF-16 needs more than three bytes.
    const needed = this.#size + 3 * text.length;
    if (needed > this.#bytes.length) {
      const larger = room(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    if (this.#count + 1 === this.#offsets.length) {
      const longer = new Int32Array(2 * this.#offsets.length);
      longer.set(this.#offsets);
      this.#offsets = longer;
    }
    this.#size += writeText(text, this.#bytes, this.#size);
    this.#offsets[++this.#count] = this.#size;
  }

  /** What was appended. The builder must not be used afterwards. */
  seal(): Utf8Texts {
    return new Utf8Texts(this.#offsets.subarray(0, this.#count + 1), this.#bytes.subarray(0, this.#size));
  }
}
