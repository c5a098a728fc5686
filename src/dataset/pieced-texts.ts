/**
 * Texts that are put together from pieces. Generated JSON says the same of one account after another: what stands between
 * the names and ids is held once, a text is the numbers of its pieces, and whoever reads it puts it together. Most never
 * are: a query looks at the texts of the few rows that passed everything else.
 */
import { copyBytes } from '../columns/dictionary.ts';
import { Utf8Texts, Utf8TextsBuilder } from './utf8-texts.ts';

let scratch = Buffer.alloc(1 << 12);

export class PiecedTexts {
  /** Where the pieces of each text begin in `codes`, and where the last end. */
  readonly starts: Int32Array;
  readonly codes: Uint32Array;
  readonly pieces: Utf8Texts;

  constructor(starts: Int32Array, codes: Uint32Array, pieces: Utf8Texts) {
    this.starts = starts;
    this.codes = codes;
    this.pieces = pieces;
  }

  get length(): number {
    return this.starts.length - 1;
  }

  text(index: number): string {
    const size = this.utf8Size(index);
    if (size > scratch.length) scratch = Buffer.alloc(2 * size);
    this.copyUtf8(index, scratch, 0);
    return scratch.toString('utf8', 0, size);
  }

  /** How many bytes the text is. */
  utf8Size(index: number): number {
    const { codes, starts } = this;
    const { offsets } = this.pieces;
    let size = 0;
    for (let i = starts[index]!; i < starts[index + 1]!; i++) size += offsets[codes[i]! + 1]! - offsets[codes[i]!]!;
    return size;
  }

  /** Puts the text together in `target`, from `at` on. */
  copyUtf8(index: number, target: Uint8Array, at: number): void {
    const { codes, starts } = this;
    const { bytes, offsets } = this.pieces;
    let place = at;
    for (let i = starts[index]!; i < starts[index + 1]!; i++) {
      const from = offsets[codes[i]!]!;
      const to = offsets[codes[i]! + 1]!;
      copyBytes(bytes, from, to, target, place);
      place += to - from;
    }
  }

  *[Symbol.iterator](): Generator<string> {
    for (let index = 0; index < this.length; index++) yield this.text(index);
  }
}

/** Collects texts piece by piece. */
export class PiecedTextsBuilder {
  #starts = new Int32Array(256);
  #codes = new Uint32Array(2048);
  #count = 0;
  #size = 0;
  readonly #pieces = new Utf8TextsBuilder();
  #pieceCount = 0;

  /** Numbers a piece; one that is asked for twice has two numbers, so callers keep those that they use again. */
  piece(text: string): number {
    this.#pieces.append(text);
    return this.#pieceCount++;
  }

  /** Adds a piece to the text in the making. */
  add(piece: number): void {
    if (this.#size === this.#codes.length) {
      const longer = new Uint32Array(2 * this.#codes.length);
      longer.set(this.#codes);
      this.#codes = longer;
    }
    this.#codes[this.#size++] = piece;
  }

  /** Ends the text in the making. @returns its index. */
  end(): number {
    if (this.#count + 1 === this.#starts.length) {
      const longer = new Int32Array(2 * this.#starts.length);
      longer.set(this.#starts);
      this.#starts = longer;
    }
    this.#starts[++this.#count] = this.#size;
    return this.#count - 1;
  }

  /** The texts. The builder must not be used afterwards. */
  seal(): PiecedTexts {
    return new PiecedTexts(
      this.#starts.subarray(0, this.#count + 1),
      this.#codes.subarray(0, this.#size),
      this.#pieces.seal(),
    );
  }
}
