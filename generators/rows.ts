/** Records and dimensions: what the row writers of all tables are made of. Nothing here allocates per row. */
import { purposeKey, QuantileTable, RandomStream } from '../src/base/random.ts';
import type { Attribute, Dimension, Facts, FieldArray, Label } from '../src/dataset/facts.ts';
import { timeOrder } from '../src/dataset/sort.ts';
import { Utf8TextsBuilder } from '../src/dataset/utf8-texts.ts';
import { DELAYS } from './assumptions.ts';

export const MS_PER_MINUTE = 60_000;
export const MS_PER_HOUR = 3_600_000;
export const MS_PER_DAY = 86_400_000;
export const TICKS_PER_MS = 10_000;

/**
 * Distinct attribute tuples, numbered in the order that they are first asked for. Attributes whose texts are many and
 * long are kept as UTF-8; the others, which repeat few texts, as strings.
 */
export class DimensionBuilder<Name extends string> {
  readonly #codes = new Map<string, number>();
  readonly #names: readonly Name[];
  readonly #short: readonly (readonly [Name, string[]])[];
  readonly #long: readonly (readonly [Name, Utf8TextsBuilder])[];
  #size = 0;

  constructor(names: readonly Name[], long: readonly Name[] = []) {
    this.#names = names;
    this.#short = names.filter((name) => !long.includes(name)).map((name) => [name, []]);
    this.#long = long.map((name) => [name, new Utf8TextsBuilder()]);
  }

  /** The code of `key`; `make` gives its attributes the first time. */
  code(key: string, make: () => Readonly<Record<Name, string>>): number {
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    this.#codes.set(key, this.#size);
    return this.append(make());
  }

  /** An entry that nothing will ask for again. */
  append(attributes: Readonly<Record<Name, string>>): number {
    for (const [name, texts] of this.#short) texts.push(attributes[name]);
    for (const [name, texts] of this.#long) texts.append(attributes[name]);
    return this.#size++;
  }

  /** The entries. The builder must not be used afterwards. */
  seal(): Dimension {
    const short = new Map<Name, Attribute>(this.#short);
    const long = new Map(this.#long);
    const attributes = this.#names.map((name) => [name, short.get(name) ?? long.get(name)!.seal()] as const);
    return { size: this.#size, attributes: Object.fromEntries(attributes) };
  }
}

/** Rows whose records are copied into columns together: as many as the innermost cache holds. */
const BLOCK_ROWS = 512;
/** Buffers of sealed records, for the next ones of this thread: fresh memory costs more than writing to it. */
const spareBuffers: ArrayBuffer[] = [];
let unsortedTimes = new Float64Array(0);

/** The largest: who asks first has most rows, partition after partition. */
function spareBuffer(): ArrayBuffer | undefined {
  spareBuffers.sort((a, b) => a.byteLength - b.byteLength);
  return spareBuffers.pop();
}

/**
 * Rows in the making. Each is a record of times and codes side by side: writing one touches a single line of the cache, and
 * so does fetching it when the rows are put in order, where columns would cost a miss each. The owner writes its records
 * itself, `times` from `row * stride` and `codes` from `row * 2 * stride + 2 * timeNames.length`, in the order of the names.
 */
export class Records {
  readonly stride: number;
  readonly #timeNames: readonly string[];
  readonly #codeNames: readonly string[];
  readonly #labels: Label[] = [];
  times: Float64Array<ArrayBuffer>;
  codes: Uint32Array<ArrayBuffer>;
  rowCount = 0;
  #capacity: number;

  constructor(timeNames: readonly string[], codeNames: readonly string[]) {
    this.#timeNames = timeNames;
    this.#codeNames = codeNames;
    this.stride = timeNames.length + Math.ceil(codeNames.length / 2);
    const buffer = spareBuffer() ?? new ArrayBuffer(1024 * this.stride * 8);
    this.times = new Float64Array(buffer);
    this.codes = new Uint32Array(buffer);
    this.#capacity = Math.floor(this.times.length / this.stride);
  }

  /** The number of a new row, which the caller fills. */
  next(): number {
    if (this.rowCount === this.#capacity) this.#grow();
    return this.rowCount++;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.times.length);
    larger.set(this.times);
    this.times = larger;
    this.codes = new Uint32Array(larger.buffer);
    this.#capacity = Math.floor(larger.length / this.stride);
  }

  /** The row that comes next carries an event of the truth. */
  label(event: string): void {
    this.#labels.push({ row: this.rowCount, event });
  }

  /**
   * The rows as facts' fields, stably in order of the time `generated`; what may not be used afterwards are the records.
   *
   * @param dimensions - by the name of the field that holds their codes.
   */
  seal(
    generated: string,
    dimensions: Readonly<Record<string, Dimension>>,
  ): Pick<Facts, 'rowCount' | 'fields' | 'labels'> {
    const { rowCount, stride, times, codes } = this;
    if (unsortedTimes.length < rowCount) unsortedTimes = new Float64Array(2 * rowCount);
    const unsorted = unsortedTimes.subarray(0, rowCount);
    copyTimes(times, stride, this.#timeNames.indexOf(generated), undefined, 0, rowCount, unsorted);
    const order = timeOrder(unsorted);
    const timeFields = this.#timeNames.map(() => new Float64Array(rowCount));
    const codeFields = this.#codeNames.map((name) => {
      const size = dimensions[name]?.size ?? 2 ** 32;
      return size <= 0x100
        ? new Uint8Array(rowCount)
        : size <= 0x1_0000
          ? new Uint16Array(rowCount)
          : new Uint32Array(rowCount);
    });
    for (let from = 0; from < rowCount; from += BLOCK_ROWS) {
      const to = Math.min(rowCount, from + BLOCK_ROWS);
      timeFields.forEach((out, index) => copyTimes(times, stride, index, order, from, to, out));
      codeFields.forEach((out, index) => {
        const at = 2 * timeFields.length + index;
        if (out instanceof Uint8Array) copyTo8(codes, 2 * stride, at, order, from, to, out);
        else if (out instanceof Uint16Array) copyTo16(codes, 2 * stride, at, order, from, to, out);
        else copyTo32(codes, 2 * stride, at, order, from, to, out);
      });
    }
    spareBuffers.push(times.buffer);
    const named = (names: readonly string[], fields: readonly FieldArray[]) =>
      names.map((name, index) => [name, fields[index]!] as const);
    return {
      rowCount,
      fields: Object.fromEntries([...named(this.#timeNames, timeFields), ...named(this.#codeNames, codeFields)]),
      labels: order ? movedLabels(this.#labels, order) : this.#labels,
    };
  }
}

// One function for each kind of target: a loop that meets several is some five times slower.

function copyTimes(
  records: Float64Array,
  stride: number,
  at: number,
  order: Uint32Array | undefined,
  from: number,
  to: number,
  out: Float64Array,
): void {
  if (!order) for (let row = from; row < to; row++) out[row] = records[row * stride + at]!;
  else for (let row = from; row < to; row++) out[row] = records[order[row]! * stride + at]!;
}

function copyTo32(
  records: Uint32Array,
  stride: number,
  at: number,
  order: Uint32Array | undefined,
  from: number,
  to: number,
  out: Uint32Array,
): void {
  if (!order) for (let row = from; row < to; row++) out[row] = records[row * stride + at]!;
  else for (let row = from; row < to; row++) out[row] = records[order[row]! * stride + at]!;
}

function copyTo16(
  records: Uint32Array,
  stride: number,
  at: number,
  order: Uint32Array | undefined,
  from: number,
  to: number,
  out: Uint16Array,
): void {
  if (!order) for (let row = from; row < to; row++) out[row] = records[row * stride + at]!;
  else for (let row = from; row < to; row++) out[row] = records[order[row]! * stride + at]!;
}

function copyTo8(
  records: Uint32Array,
  stride: number,
  at: number,
  order: Uint32Array | undefined,
  from: number,
  to: number,
  out: Uint8Array,
): void {
  if (!order) for (let row = from; row < to; row++) out[row] = records[row * stride + at]!;
  else for (let row = from; row < to; row++) out[row] = records[order[row]! * stride + at]!;
}

/** Labels by the rows they have once sorted, in order of those. */
function movedLabels(labels: readonly Label[], order: Uint32Array): Label[] {
  if (labels.length === 0) return [];
  const events = new Map(labels.map(({ row, event }) => [row, event]));
  const isLabelled = new Uint8Array(order.length);
  for (const { row } of labels) isLabelled[row] = 1;
  const moved: Label[] = [];
  for (let row = 0; row < order.length; row++) {
    if (isLabelled[order[row]!] === 1) moved.push({ row, event: events.get(order[row]!)! });
  }
  return moved;
}

/** The time that a dataset covers, and how rows of it are delayed. Times in ticks since 2020, as columns hold them. */
export interface Span {
  /** Inclusive. */
  readonly startTicks: number;
  /** Exclusive. */
  readonly endTicks: number;
  readonly durationMs: number;
  /** Weekday of the first day, from Monday as 0; the start is midnight UTC. */
  readonly firstWeekday: number;
  readonly days: number;
}

export const PUBLISH_SECONDS = new QuantileTable(DELAYS.publishSeconds);
const INGESTION_SECONDS = new QuantileTable(DELAYS.ingestionSeconds);
const OUTAGES = purposeKey('outages');

/** A stretch in which a table takes nothing in, in ticks. */
export interface Outage {
  readonly fromTicks: number;
  readonly toTicks: number;
}

/** The outages of a table's ingestion, in order. */
export function drawOutages(seed: number, table: string, span: Span): Outage[] {
  const random = new RandomStream(seed, OUTAGES ^ purposeKey(table));
  const count = random.poisson((DELAYS.outagesPerMonth * span.days) / 30);
  const [shortest, longest] = DELAYS.outageMinutes;
  return Array.from({ length: count }, () => {
    const fromTicks = span.startTicks + random.unit() * (span.endTicks - span.startTicks);
    return { fromTicks, toTicks: fromTicks + random.between(shortest, longest) * MS_PER_MINUTE * TICKS_PER_MS };
  }).sort((a, b) => a.fromTicks - b.fromTicks);
}

/** When a row that was published at `generated` can be queried. */
export function ingestedAt(generated: number, random: RandomStream, outages: readonly Outage[]): number {
  let at = generated + Math.floor(INGESTION_SECONDS.draw(random) * 1e7);
  for (const { fromTicks, toTicks } of outages) {
    if (at >= fromTicks && at < toTicks) at = Math.floor(toTicks + (at - fromTicks) * 0.02);
  }
  return at;
}
