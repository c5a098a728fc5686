/** Growing columns and dimensions: what the row writers of all tables are made of. Nothing here allocates per row. */
import { purposeKey, QuantileTable, RandomStream } from '../src/base/random.ts';
import type { Dimension } from '../src/dataset/facts.ts';
import { DELAYS } from './assumptions.ts';

export const MS_PER_MINUTE = 60_000;
export const MS_PER_HOUR = 3_600_000;
export const MS_PER_DAY = 86_400_000;
export const TICKS_PER_MS = 10_000;

/** Distinct attribute tuples, numbered in the order that they are first asked for. */
export class DimensionBuilder<Name extends string> {
  readonly #names: readonly Name[];
  readonly #codes = new Map<string, number>();
  readonly #attributes: Record<Name, string[]>;
  #size = 0;

  constructor(names: readonly Name[]) {
    this.#names = names;
    this.#attributes = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, string[]>;
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
    for (const name of this.#names) this.#attributes[name].push(attributes[name]);
    return this.#size++;
  }

  seal(): Dimension {
    return { size: this.#size, attributes: this.#attributes };
  }
}

type Column = Float64Array | Uint32Array | Uint16Array | Uint8Array;
type ColumnKind = 'time' | 'u32' | 'u16' | 'u8';
const MAKE = {
  time: (length: number) => new Float64Array(length),
  u32: (length: number) => new Uint32Array(length),
  u16: (length: number) => new Uint16Array(length),
  u8: (length: number) => new Uint8Array(length),
} as const;

interface Columns {
  time: Float64Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  u16: Uint16Array<ArrayBuffer>;
  u8: Uint8Array<ArrayBuffer>;
}

/** Doubles every column when asked; the caller keeps the arrays in fields of its own so that a store is one instruction. */
export function grown<K extends ColumnKind>(kind: K, column: Columns[K], length: number): Columns[K] {
  const larger = MAKE[kind](length) as Columns[K];
  (larger as Column).set(column as never);
  return larger;
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
