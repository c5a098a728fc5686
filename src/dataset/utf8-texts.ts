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
}
