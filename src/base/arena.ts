/**
 * Memory for arrays that live no longer than one task. A fresh array of megabytes costs more in page faults and in garbage
 * collections than filling it does, and a worker asks for the same few for every partition; inside `inArena` they come
 * from blocks that the next task uses again. Outside they are arrays like any other.
 *
 * What is taken here holds anything until it is written, and must not outlive the task: what a task gives back, it copies.
 */
const BLOCK_BYTES = 32 * 2 ** 20;

/** Blocks beyond this go back to the system when a task ends. */
const KEPT_BYTES = 512 * 2 ** 20;

class Arena {
  #blocks: ArrayBuffer[] = [];
  #block = 0;
  #at = 0;

  take(byteLength: number): { readonly buffer: ArrayBuffer; readonly offset: number } {
    while (this.#block < this.#blocks.length && this.#at + byteLength > this.#blocks[this.#block]!.byteLength) {
      this.#block++;
      this.#at = 0;
    }
    if (this.#block === this.#blocks.length) this.#blocks.push(new ArrayBuffer(Math.max(BLOCK_BYTES, byteLength)));
    const offset = this.#at;
    this.#at += (byteLength + 7) & ~7;
    return { buffer: this.#blocks[this.#block]!, offset };
  }

  /** Gives back what stands behind the first `byteLength` bytes of the last array taken. */
  shorten(array: ArrayBufferView, byteLength: number): void {
    const isLast =
      array.buffer === this.#blocks[this.#block] && array.byteOffset + ((array.byteLength + 7) & ~7) === this.#at;
    if (isLast) this.#at = array.byteOffset + ((byteLength + 7) & ~7);
  }

  reset(): void {
    let kept = 0;
    this.#blocks = this.#blocks.filter((block) => (kept += block.byteLength) <= KEPT_BYTES);
    this.#block = 0;
    this.#at = 0;
  }
}

const arena = new Arena();
let isOpen = false;

/** Does a task whose arrays are used again by the next. What it returns must hold none of them. */
export function inArena<T>(task: () => T): T {
  isOpen = true;
  try {
    return task();
  } finally {
    isOpen = false;
    arena.reset();
  }
}

/**
 * Does a part of a task with arrays like any other: what goes through the same rows again for each of thousands of runs
 * would fill the arena.
 */
export function outsideArena<T>(part: () => T): T {
  const wasOpen = isOpen;
  isOpen = false;
  try {
    return part();
  } finally {
    isOpen = wasOpen;
  }
}

export function takeBytes(length: number): Uint8Array<ArrayBuffer> {
  if (!isOpen) return new Uint8Array(length);
  const { buffer, offset } = arena.take(length);
  return new Uint8Array(buffer, offset, length);
}

export function takeWords(length: number): Uint32Array<ArrayBuffer> {
  if (!isOpen) return new Uint32Array(length);
  const { buffer, offset } = arena.take(length * 4);
  return new Uint32Array(buffer, offset, length);
}

export function takeDoubles(length: number): Float64Array<ArrayBuffer> {
  if (!isOpen) return new Float64Array(length);
  const { buffer, offset } = arena.take(length * 8);
  return new Float64Array(buffer, offset, length);
}

/** An array of the kind of `like`. */
export function takeLike<T extends Uint8Array | Uint16Array | Uint32Array>(like: T, length: number): T {
  const make = like.constructor as new (of: ArrayBuffer | number, offset?: number, length?: number) => T;
  if (!isOpen) return new make(length);
  const { buffer, offset } = arena.take(length * like.BYTES_PER_ELEMENT);
  return new make(buffer, offset, length);
}

/** The first `length` elements of an array that was taken for more. */
export function shortened(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  if (!isOpen) return array.slice(0, length);
  arena.shorten(array, length * 4);
  return array.subarray(0, length);
}
