/**
 * Lines of JSON objects at the speed of the memory: wiring around record-kernel/kernel.as, which finds the values, and the
 * trie of keys that it follows. Bytes lie in the memory of the kernel; files are read straight into it.
 */
import { compileKernel, type KernelMemory, PAGE_BYTES, startKernel } from '../base/kernels.ts';
import { decodeString } from './json-records.ts';
import { KERNEL_BASE64 } from './record-kernel/kernel.ts';

/** One step from the start of a record: a key, the inside of an object in its place, or that object's end. */
export type PathStep =
  | {
      readonly kind: 'key';
      /** Undefined where its escapes are wrong. */
      readonly name: string | undefined;
      /** As it stands between its quotes. */
      readonly raw: string;
      readonly isInside: boolean;
      readonly isWanted: boolean;
    }
  | { readonly kind: 'inside' | 'end' };

/** What a key is to the reader. */
export interface KeyUse {
  /** Whether its value is reported. */
  readonly wanted: boolean;
  /** Whether an object in its place is entered, so that its members are reported in the place of its value. */
  readonly entered: boolean;
}

/** Records of one batch, as numbers; all positions are in `bytes`. */
export interface RecordBatch {
  readonly bytes: Buffer;
  readonly count: number;
  /** {@link RECORD_NUMBERS} for each record: leaf (-1: to be read some other way), begin, end, number of its first value, line (from 0). */
  readonly records: Int32Array;
  /** {@link VALUE_NUMBERS} for each value of a wanted key, in the order of the record: begin, end, hash, tag. */
  readonly values: Int32Array;
}

export const RECORD_NUMBERS = 5;
export const VALUE_NUMBERS = 4;

/** The KIND of a value. */
export function kindOfTag(tag: number): number {
  return tag & 7;
}

/** A number, from 1, that values of one batch share only where their kinds and bytes are the same. */
export function textOfTag(tag: number): number {
  return tag >>> 3;
}

interface KernelExports {
  lines(
    trie: number,
    traces: number,
    from: number,
    end: number,
    isLast: number,
    records: number,
    maxRecords: number,
    values: number,
    maxValues: number,
  ): 0 | 1 | 2;
  node(): number;
  kind(): 0 | 1 | 2;
  key(): number;
  keyEnd(): number;
  at(): number;
  records(): number;
  isUtf8(): number;
  passed(): number;
}

const FULL = 1;
const UNKNOWN = 2;
const WANTED = 1;
const ENTERED = 2;

// Where things lie in the kernel's memory. Records of more shapes than nodes suffice for are read some other way.
const MAXIMUM_PAGES = 16_384;
const NODES = 1024;
const NODE_SIZE = 40;
const MAX_NODES = 1 << 15;
/** Keys at one place; they are tried one after another. */
const MAX_CHILDREN = 256;
const KEYS = NODES + MAX_NODES * NODE_SIZE;
const KEYS_END = KEYS + (1 << 20);
const TRACES = KEYS_END;
const TRACES_END = TRACES + 16 * (16 + 1024 * 32);
const MAX_RECORDS = 2048;
const RECORDS = TRACES_END;
const MAX_VALUES = 1 << 16;
const VALUES = RECORDS + MAX_RECORDS * RECORD_NUMBERS * 4;
const INPUT = VALUES + MAX_VALUES * VALUE_NUMBERS * 4;
/** Bytes behind the input that the kernel may look at. */
const PADDING = 64;
const FIRST_INPUT = 3 << 20;
const MAX_KEPT_BYTES = 32 << 20;

let compiled: object | undefined;

/** Longer lines are refused, so that a file that is no log cannot fill the memory. */
const MAX_LINE_BYTES = 256 << 20;

/** The kernel with its memory: a thread reads one part after another, and needs one. */
interface Kernel {
  readonly memory: KernelMemory;
  readonly exports: KernelExports;
}

/** Kernels of this thread that nobody uses. */
const idle: Kernel[] = [];

function newKernel(): Kernel {
  return startKernel<KernelExports>(
    (compiled ??= compileKernel(KERNEL_BASE64)),
    INPUT + FIRST_INPUT + PADDING,
    MAXIMUM_PAGES,
  );
}

export class LineReader {
  readonly #used: Kernel = idle.pop() ?? newKernel();
  readonly #memory: KernelMemory = this.#used.memory;
  readonly #kernel: KernelExports;
  readonly #use: (name: string | undefined, raw: string, isInside: boolean) => KeyUse;
  #bytes!: Buffer;
  #words!: Int32Array;
  /** Input from `#from` to `#end` waits to be read. */
  #from = INPUT;
  #end = INPUT;
  /** Whether all lines that were read are UTF-8. */
  isUtf8 = true;
  #nodes = 1;
  #keysEnd = KEYS;
  readonly #steps: (PathStep | undefined)[] = [undefined];
  readonly #parents: number[] = [0];
  readonly #children: number[] = [0];

  /** @param use - asked once for each key at each place. */
  constructor(use: (name: string | undefined, raw: string, isInside: boolean) => KeyUse) {
    this.#use = use;
    this.#kernel = this.#used.exports;
    this.#attach();
    // The root; what another reader left.
    this.#words.fill(0, NODES >> 2, (NODES + NODE_SIZE) >> 2);
  }

  /** Ends the use of this reader and of every batch that it gave. */
  release(): void {
    // One that long lines made large is not worth keeping.
    if (this.#memory.buffer.byteLength <= MAX_KEPT_BYTES) idle.push(this.#used);
  }

  #attach(): void {
    this.#bytes = Buffer.from(this.#memory.buffer);
    this.#words = new Int32Array(this.#memory.buffer);
  }

  /** Bytes that wait for the end of their line. */
  get waiting(): number {
    return this.#end - this.#from;
  }

  /**
   * Room for the next bytes of the input; {@link fill} says how many were put there.
   *
   * @throws RangeError where a line is longer than 256 MiB.
   */
  room(length: number): Buffer {
    const { waiting } = this;
    if (waiting > MAX_LINE_BYTES) throw new RangeError(`a record is longer than ${MAX_LINE_BYTES >> 20} MiB`);
    if (this.#from > INPUT) {
      this.#bytes.copyWithin(INPUT, this.#from, this.#end);
      this.#from = INPUT;
      this.#end = INPUT + waiting;
    }
    const missing = this.#end + length + PADDING - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(Math.max(missing, waiting) / PAGE_BYTES));
      this.#attach();
    }
    return this.#bytes.subarray(this.#end, this.#end + length);
  }

  fill(length: number): void {
    this.#end += length;
  }

  /** Passes the bytes up to the first newline over; false where there is none. */
  skipLine(): boolean {
    const newline = this.#bytes.subarray(0, this.#end).indexOf(0x0a, this.#from);
    this.#from = newline < 0 ? this.#end : newline + 1;
    return newline >= 0;
  }

  /** Takes back bytes from the end of the input. */
  drop(length: number): void {
    this.#end -= length;
  }

  /**
   * Reads the lines that are whole.
   *
   * @param isLast - whether the input ends here, so that its last line needs no newline.
   * @param take - gets the records batch by batch, each valid until it returns; `passed` counts the lines of the batch.
   */
  read(isLast: boolean, take: (batch: RecordBatch, passed: number) => void): void {
    for (;;) {
      const state = this.#kernel.lines(
        NODES,
        TRACES,
        this.#from,
        this.#end,
        isLast ? 1 : 0,
        RECORDS,
        MAX_RECORDS,
        VALUES,
        MAX_VALUES,
      );
      if (this.#kernel.isUtf8() === 0) this.isUtf8 = false;
      const count = this.#kernel.records();
      this.#from = Math.min(this.#kernel.at(), this.#end);
      const passed = this.#kernel.passed();
      if (passed > 0) {
        take(
          {
            bytes: this.#bytes,
            count,
            records: this.#words.subarray(RECORDS >> 2, (RECORDS >> 2) + count * RECORD_NUMBERS),
            values: this.#words.subarray(VALUES >> 2, (VALUES >> 2) + MAX_VALUES * VALUE_NUMBERS),
          },
          passed,
        );
      }
      if (state === UNKNOWN) {
        if (!this.#addNode()) this.#takeUnread(take);
      } else if (state !== FULL) return;
    }
  }

  /** Hands the line at the front over unread. */
  #takeUnread(take: (batch: RecordBatch, passed: number) => void): void {
    const newline = this.#bytes.subarray(0, this.#end).indexOf(0x0a, this.#from);
    const end = newline < 0 ? this.#end : newline;
    const records = Int32Array.of(-1, this.#from, end, 0, 0);
    this.#from = Math.min(end + 1, this.#end);
    take({ bytes: this.#bytes, count: 1, records, values: records }, 1);
  }

  /** False where there is no room for the node that the kernel asks for. */
  #addNode(): boolean {
    const kernel = this.#kernel;
    const parent = kernel.node();
    const kind = kernel.kind();
    const start = kernel.key();
    const length = kind === 0 ? kernel.keyEnd() + 1 - start : 0;
    const siblings = this.#children[parent]!;
    if (siblings === MAX_CHILDREN || this.#nodes === MAX_NODES || this.#keysEnd + length + PADDING > KEYS_END) {
      return false;
    }
    this.#children[parent] = siblings + 1;
    this.#children.push(0);
    const node = this.#nodes++;
    const at = (NODES + node * NODE_SIZE) >> 2;
    const above = (NODES + parent * NODE_SIZE) >> 2;
    const words = this.#words;
    words.fill(0, at, at + (NODE_SIZE >> 2));
    this.#parents.push(parent);
    if (kind !== 0) {
      words[above + (kind === 1 ? 6 : 7)] = node;
      this.#steps.push({ kind: kind === 1 ? 'inside' : 'end' });
      return true;
    }
    const raw = this.#bytes.toString('utf8', start, start + length - 1);
    let name: string | undefined;
    try {
      name = decodeString(this.#bytes, start, start + length - 1);
    } catch {
      // Whoever reads the record finds out what is wrong.
    }
    const isInside = this.#isInside(parent);
    const { wanted, entered } = this.#use(name, raw, isInside);
    this.#steps.push({ kind: 'key', name, raw, isInside, isWanted: wanted });
    this.#bytes.copy(this.#bytes, this.#keysEnd, start, start + length);
    words[at] = this.#keysEnd;
    words[at + 1] = length;
    words[at + 3] = words[above + 2]!;
    words[at + 5] = (wanted ? WANTED : 0) | (entered ? ENTERED : 0);
    words[above + 2] = node;
    words[above + 4] = node;
    this.#keysEnd += length;
    return true;
  }

  #isInside(node: number): boolean {
    for (let at = node; at !== 0; at = this.#parents[at]!) {
      const step = this.#steps[at]!;
      if (step.kind !== 'key') return step.kind === 'inside';
    }
    return false;
  }

  /** The steps from the start of a record to a leaf. */
  path(leaf: number): PathStep[] {
    const steps: PathStep[] = [];
    for (let at = leaf; at !== 0; at = this.#parents[at]!) steps.push(this.#steps[at]!);
    return steps.reverse();
  }
}
