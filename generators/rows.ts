/** Records and dimensions: what the row writers of all tables are made of. Nothing here allocates per row. */
import { takeBytes, takeDoubles, takeLike, takeWords } from '../src/base/arena.ts';
import { purposeKey, RandomStream } from '../src/base/random.ts';
import type { Attribute, Dimension, Facts, FieldArray, Label } from '../src/dataset/facts.ts';
import { Utf8TextsBuilder } from '../src/dataset/utf8-texts.ts';
import { DELAYS } from './assumptions.ts';
import { INGESTION_SECONDS, RowKernel, SLICES, type TableLayout } from './row-kernel/index.ts';

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
  readonly #shortNames: readonly Name[];
  readonly #shortTexts: readonly string[][];
  readonly #longNames: readonly Name[];
  readonly #longTexts: readonly Utf8TextsBuilder[];
  #size = 0;

  constructor(names: readonly Name[], long: readonly Name[] = []) {
    this.#names = names;
    this.#shortNames = names.filter((name) => !long.includes(name));
    this.#shortTexts = this.#shortNames.map(() => []);
    this.#longNames = long;
    this.#longTexts = long.map(() => new Utf8TextsBuilder());
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
    const [names, texts] = [this.#shortNames, this.#shortTexts];
    for (let i = 0; i < names.length; i++) texts[i]!.push(attributes[names[i]!]);
    const [longNames, longTexts] = [this.#longNames, this.#longTexts];
    for (let i = 0; i < longNames.length; i++) longTexts[i]!.append(attributes[longNames[i]!]);
    return this.#size++;
  }

  /** The entries. The builder must not be used afterwards. */
  seal(): Dimension {
    const attributes = this.#names.map((name): readonly [Name, Attribute] => {
      const short = this.#shortTexts[this.#shortNames.indexOf(name)];
      return [name, short ?? this.#longTexts[this.#longNames.indexOf(name)]!.seal()];
    });
    return { size: this.#size, attributes: Object.fromEntries(attributes) };
  }
}

/** A field in the making: where its values stand in a record, and how they are held. */
interface Column {
  readonly name: string;
  readonly offset: number;
  readonly bytes: 1 | 2 | 4 | 8;
}

/**
 * Rows in the making, as records in the memory of a kernel (row-kernel/kernel.as). The owner writes its records itself or
 * has the kernel do it: `times` from `record / 8` and `codes` from `record / 4 + 2 * timeNames.length`, in the order of the
 * names.
 */
export class Records {
  readonly kernel = RowKernel.take();
  readonly #timeNames: readonly string[];
  readonly #codeNames: readonly string[];
  /** Labels by slice, and there by the number of their record among those of the slice. */
  readonly #labels = new Map<number, Map<number, string>>();

  /** @param generated - which of the times the rows are put in order of; another is `ingested`. */
  constructor(timeNames: readonly string[], codeNames: readonly string[], generated: string, layout: TableLayout) {
    this.#timeNames = timeNames;
    this.#codeNames = codeNames;
    this.kernel.layOut(layout);
    const doubles = timeNames.length + Math.ceil(codeNames.length / 2);
    // A multiple of what the kernel copies at a time.
    this.kernel.exports.clear(
      16 * Math.ceil(doubles / 2),
      8 * timeNames.indexOf(generated),
      8 * timeNames.indexOf('ingested'),
    );
  }

  get times(): Float64Array<ArrayBuffer> {
    return this.kernel.doubles;
  }

  get codes(): Uint32Array<ArrayBuffer> {
    return this.kernel.words;
  }

  get rowCount(): number {
    return this.kernel.exports.rows();
  }

  /** A new record for a row of this time, which the caller fills. Views of the memory must be asked for afterwards. */
  next(generated: number): number {
    return this.kernel.exports.next(generated);
  }

  /** The row that was made last, of this time, carries an event of the truth. */
  label(generated: number, event: string): void {
    const slice = this.kernel.exports.slice(generated);
    let labelled = this.#labels.get(slice);
    if (!labelled) this.#labels.set(slice, (labelled = new Map()));
    labelled.set(this.kernel.exports.countOf(slice) - 1, event);
  }

  /**
   * The rows as facts' fields, in order of time, those of one time as they were made; what may not be used afterwards are
   * the records.
   *
   * @param dimensions - by the name of the field that holds their codes.
   */
  seal(dimensions: Readonly<Record<string, Dimension>>): Pick<Facts, 'rowCount' | 'fields' | 'labels' | 'inOrder'> {
    const { rowCount, kernel } = this;
    const columns = [
      ...this.#timeNames.map((name, index): Column => ({ name, offset: 8 * index, bytes: 8 })),
      ...this.#codeNames.map((name, index): Column => {
        const size = dimensions[name]?.size ?? 2 ** 32;
        const bytes = size <= 0x100 ? 1 : size <= 0x1_0000 ? 2 : 4;
        return { name, offset: 8 * this.#timeNames.length + 4 * index, bytes };
      }),
    ];
    const starts = kernel.prepare(columns);
    const labels: Label[] = [];
    let row = 0;
    for (let slice = 0; slice < SLICES; slice++) {
      kernel.exports.place(slice, row, columns.length);
      const count = kernel.exports.countOf(slice);
      const labelled = this.#labels.get(slice);
      if (labelled) {
        const order = kernel.words.subarray(kernel.exports.orderAt() / 4);
        for (let i = 0; i < count; i++) {
          const event = labelled.get(order[i]!);
          if (event !== undefined) labels.push({ row: row + i, event });
        }
      }
      row += count;
    }
    const fields = columns.map(({ name, bytes }, index) => [
      name,
      fieldAt(kernel.memory.buffer, starts[index]!, bytes, rowCount),
    ]);
    const inOrder = { maxDelay: kernel.exports.maxDelay() };
    kernel.release();
    return { rowCount, fields: Object.fromEntries(fields) as Record<string, FieldArray>, labels, inOrder };
  }
}

/** A copy of what stands in a kernel's memory. */
function fieldAt(memory: ArrayBuffer, start: number, bytes: Column['bytes'], length: number): FieldArray {
  let field: FieldArray;
  switch (bytes) {
    case 1:
      field = takeBytes(length);
      field.set(new Uint8Array(memory, start, length));
      return field;
    case 2:
      field = takeLike(new Uint16Array(0), length);
      field.set(new Uint16Array(memory, start, length));
      return field;
    case 4:
      field = takeWords(length);
      field.set(new Uint32Array(memory, start, length));
      return field;
    case 8:
      field = takeDoubles(length);
      field.set(new Float64Array(memory, start, length));
      return field;
  }
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

const OUTAGES = purposeKey('outages');

/** A stretch in which a table takes nothing in, in ticks. */
export interface Outage {
  readonly fromTicks: number;
  readonly toTicks: number;
}

/** What the records of a table need that only this side fills. */
export function plainLayout({ startTicks, endTicks }: Span): TableLayout {
  return {
    startTicks,
    endTicks,
    outages: [],
    days: 0,
    spots: 0,
    failureWeights: undefined,
    riskWeights: undefined,
    actWeights: undefined,
    steps: 0,
  };
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
