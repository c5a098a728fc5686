/**
 * The kernel with its memory: what is where in it, and what it is told once for a table of a partition. kernel.as says what
 * it does; the two must agree on every address here.
 */
import { QuantileTable, type Weights } from '../../src/base/random.ts';
import { compileKernel, type KernelMemory, PAGE_BYTES, startKernel } from '../../src/base/kernels.ts';
import { AUDIT, DAY, DELAYS, RISK, SILENT } from '../assumptions.ts';
import { KERNEL_BASE64 } from './kernel.ts';

/** Functions that draw are given the counter of the account's stream and return it as it is afterwards. */
export interface RowKernelExports {
  lists(): number;
  layOut(
    outages: number,
    outageCount: number,
    workdays: number,
    places: number,
    placeCount: number,
    steps: number,
    heap: number,
    failures: number,
    risks: number,
  ): void;
  clear(recordBytes: number, generatedAt: number, ingestedAt: number): void;
  rows(): number;
  maxDelay(): number;
  next(generated: number): number;
  slice(generated: number): number;
  countOf(slice: number): number;
  add(
    first: number,
    second: number,
    counter: number,
    atMs: number,
    lagSeconds: number,
    access: number,
    client: number,
    place: number,
    outcome: number,
    step: number,
    correlation: number,
    session: number,
  ): number;
  begin(account: number): void;
  beginSilent(first: number, second: number, ordinal: number, zoneMs: number, staleCode: number): void;
  use(isPhone: number, index: number, situation: number, staleSpans: number): void;
  placeCode(atMs: number): number;
  renew(
    counter: number,
    atMs: number,
    access: number,
    client: number,
    place: number,
    success: number,
    session: number,
  ): number;
  join(
    counter: number,
    atMs: number,
    lag: number,
    access: number,
    client: number,
    place: number,
    success: number,
    correlation: number,
    session: number,
  ): number;
  settle(
    counter: number,
    atMs: number,
    access: number,
    client: number,
    place: number,
    outcome: number,
    session: number,
  ): number;
  computer(
    counter: number,
    startMs: number,
    endMs: number,
    lunchMs: number,
    lunchEndMs: number,
    prtAccess: number,
    broker: number,
    success: number,
    session: number,
    device: number,
    programCount: number,
  ): number;
  pages(
    counter: number,
    count: number,
    startMs: number,
    endMs: number,
    midnightMs: number,
    pageCodes: number,
    client: number,
    success: number,
    session: number,
  ): number;
  phone(
    counter: number,
    midnightMs: number,
    share: number,
    success: number,
    session: number,
    device: number,
    programCount: number,
  ): number;
  layOutActs(stepCount: number, actCount: number, longTail: number, detail: number, outcome: number): void;
  beginActs(first: number, second: number, account: number, countFrom: number): void;
  acts(counter: number, count: number, midnightMs: number): number;
  prepare(columnCount: number): number;
  place(slice: number, row: number, columnCount: number): void;
  orderAt(): number;
}

export const PUBLISH_SECONDS = new QuantileTable(DELAYS.publishSeconds);
export const INGESTION_SECONDS = new QuantileTable(DELAYS.ingestionSeconds);

const SETTINGS = 1024;
const PUBLISH = 2048;
const INGESTION = PUBLISH + 8 * 4097;
const PAGE_HOURS = INGESTION + 8 * 4097;
const FAILURE_WEIGHTS = PAGE_HOURS + 8 * 24;
const FAILURE_CODES = FAILURE_WEIGHTS + 8 * 64;
const RISK_WEIGHTS = FAILURE_CODES + 4 * 64;
const RISK_CODES = RISK_WEIGHTS + 8 * 64;
const PAGE_CODES = RISK_CODES + 3 * 4 * 64;
const STALE = PAGE_CODES + 4 * 64;
const PROGRAMS = STALE + 16 * 256;
const PROGRAMS_BYTES = 12 * 64;
const COLUMNS = PROGRAMS + 8 * PROGRAMS_BYTES;
const ACT_WEIGHTS = COLUMNS + 12 * 64;
const ACTS = ACT_WEIGHTS + 8 * 64;
const STEP_BYTES = 32;
/** Slices that the time of a dataset is cut into: the rows of one fit the cache while they are put in order. */
export const SLICES = 1024;
/** As much as most tables of a partition need. */
const INITIAL_BYTES = 1 << 20;
const MAXIMUM_PAGES = 65_536;

/** Cumulative page-load weights by hour, for one draw per page. */
const HOUR_OF_PAGE = (() => {
  const total = DAY.pageLoadWeights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return DAY.pageLoadWeights.map((weight) => (sum += weight / total));
})();

function width([from, to]: readonly [number, number]): number {
  return to - from;
}

/** In the order in which the kernel has them, behind those of the table. */
const ASSUMED: readonly number[] = [
  DELAYS.duplicateShare * 0x1000000,
  SILENT.scatteredFailureShare,
  1 - RISK.silentShare,
  SILENT.renewalMinutes[0],
  width(SILENT.renewalMinutes),
  SILENT.wakeSeconds[0],
  width(SILENT.wakeSeconds),
  SILENT.prtRenewalHours,
  SILENT.prtLateMinutes[0],
  width(SILENT.prtLateMinutes),
  SILENT.startDelaySeconds[0],
  width(SILENT.startDelaySeconds),
  SILENT.startTickets,
  SILENT.startBurstSeconds,
  SILENT.pageLoadRows[0],
  width(SILENT.pageLoadRows) + 1,
  SILENT.pageLoadSeconds,
  SILENT.renewalMinutes[1],
  SILENT.phoneAwakeHours[0],
  SILENT.phoneAwakeHours[1],
  SILENT.phoneAwakeShare,
  SILENT.phoneNightShare,
  SILENT.phoneCaeHours[0],
  width(SILENT.phoneCaeHours),
  DAY.mobileAddressHours * 3_600_000,
  DAY.roamingHours[0],
  DAY.roamingHours[1],
];

/** What a table of a partition is laid out for. */
export interface TableLayout {
  readonly startTicks: number;
  readonly endTicks: number;
  readonly outages: readonly { readonly fromTicks: number; readonly toTicks: number }[];
  /** Of the silent sign-ins: local days and spots that an account may have, and outcomes that just happen. */
  readonly days: number;
  readonly spots: number;
  readonly failureWeights: Weights | undefined;
  readonly riskWeights: Weights | undefined;
  /** Of what applications do: acts by weight, and how many steps all of them have. */
  readonly actWeights: Weights | undefined;
  readonly steps: number;
}

/** One row of what an application does. */
export interface StepLayout {
  /** Seconds after the step before. */
  readonly gap: readonly [from: number, to: number];
}

export interface ActsLayout {
  /** The steps of all acts, those of the rare ones last, which have one each. */
  readonly steps: readonly StepLayout[];
  /** Acts in the order of their weights. */
  readonly acts: readonly { readonly firstStep: number; readonly stepCount: number; readonly initiator: number }[];
  readonly longTail: number;
  /** Codes that all rows have. */
  readonly detail: number;
  readonly outcome: number;
}

function noAccount(): never {
  throw new RangeError('no account is at work');
}

let compiled: object | undefined;

/** Kernels of this thread that nobody uses: fresh memory costs more than writing to it. */
const idle: RowKernel[] = [];

export class RowKernel {
  readonly memory: KernelMemory;
  readonly exports: RowKernelExports;
  /** The code of the account's place at a spot; set by whoever writes silent sign-ins. */
  placeAt: (spot: number) => number = noAccount;
  /** The codes of a step's activity, and of what it is done to; set by whoever writes what applications do. */
  activityOf: (step: number) => number = noAccount;
  targetOf: (step: number, variety: number) => number = noAccount;
  #doubles!: Float64Array<ArrayBuffer>;
  #words!: Uint32Array<ArrayBuffer>;
  #workdays = 0;
  #steps = 0;

  /** The idle one with the most memory: who asks first has most rows, partition after partition. */
  static take(): RowKernel {
    idle.sort((a, b) => a.memory.buffer.byteLength - b.memory.buffer.byteLength);
    return idle.pop() ?? new RowKernel();
  }

  constructor() {
    const { memory, exports } = startKernel<RowKernelExports>(
      (compiled ??= compileKernel(KERNEL_BASE64)),
      INITIAL_BYTES,
      MAXIMUM_PAGES,
      {
        place: (spot: number) => this.placeAt(spot),
        activity: (step: number) => this.activityOf(step),
        target: (step: number, variety: number) => this.targetOf(step, variety),
      },
    );
    this.memory = memory;
    this.exports = exports;
    this.doubles.set(PUBLISH_SECONDS.values, PUBLISH / 8);
    this.doubles.set(INGESTION_SECONDS.values, INGESTION / 8);
    this.doubles.set(HOUR_OF_PAGE, PAGE_HOURS / 8);
  }

  /** Its memory as numbers; to be asked for anew after each call, which may have let it grow. */
  get doubles(): Float64Array<ArrayBuffer> {
    if (!this.#doubles || this.#doubles.length === 0) this.#doubles = new Float64Array(this.memory.buffer);
    return this.#doubles;
  }

  get words(): Uint32Array<ArrayBuffer> {
    if (!this.#words || this.#words.length === 0) this.#words = new Uint32Array(this.memory.buffer);
    return this.#words;
  }

  layOut(layout: TableLayout): void {
    const { startTicks, endTicks, outages, days, spots, failureWeights, riskWeights, actWeights, steps } = layout;
    const lists = this.exports.lists();
    this.#workdays = lists + 16 * outages.length;
    const places = this.#workdays + 24 * days;
    this.#steps = (places + 4 * spots + 7) & ~7;
    const heap = this.#steps + STEP_BYTES * steps;
    const missing = heap - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    const { doubles } = this;
    const [failureTotal, riskTotal, actTotal] = [failureWeights, riskWeights, actWeights].map(
      (each) => each?.total ?? 0,
    );
    const durationMs = (endTicks - startTicks) / 10_000;
    doubles.set(
      [
        startTicks,
        endTicks,
        SLICES / (endTicks - startTicks),
        ...ASSUMED,
        failureTotal!,
        riskTotal!,
        durationMs,
        AUDIT.applicationLongTailShare,
        actTotal!,
      ],
      SETTINGS / 8,
    );
    doubles.set(
      outages.flatMap(({ fromTicks, toTicks }) => [fromTicks, toTicks]),
      lists / 8,
    );
    if (failureWeights) doubles.set(failureWeights.values, FAILURE_WEIGHTS / 8);
    if (riskWeights) doubles.set(riskWeights.values, RISK_WEIGHTS / 8);
    if (actWeights) doubles.set(actWeights.values, ACT_WEIGHTS / 8);
    this.exports.layOut(
      lists,
      outages.length,
      this.#workdays,
      places,
      spots,
      this.#steps,
      heap,
      failureWeights?.values.length ?? 0,
      riskWeights?.values.length ?? 0,
    );
  }

  /** @param codes - of each failure that just happens, and of each risk by situation. */
  setOutcomes(failureCodes: readonly number[], riskCodes: readonly (readonly number[])[]): void {
    this.words.set(failureCodes, FAILURE_CODES / 4);
    riskCodes.forEach((codes, situation) => this.words.set(codes, RISK_CODES / 4 + situation * 64));
  }

  setActs({ steps, acts, longTail, detail, outcome }: ActsLayout): void {
    const { doubles, words } = this;
    steps.forEach(({ gap: [from, to] }, step) => {
      const at = this.#steps + step * STEP_BYTES;
      doubles.set([from, to - from], at / 8);
      // No activity yet.
      words[at / 4 + 4] = 0xffffffff;
    });
    acts.forEach(({ firstStep, stepCount, initiator }, act) =>
      words.set([firstStep, stepCount, initiator], ACTS / 4 + 3 * act),
    );
    this.exports.layOutActs(steps.length, acts.length, longTail, detail, outcome);
  }

  setPages(codes: readonly number[]): void {
    this.words.set(codes, PAGE_CODES / 4);
  }

  /** @param position - of the day among those that the table was laid out for. */
  setWorkday(position: number, startMs: number, endMs: number, site: number): void {
    const at = this.#workdays / 8 + 3 * position;
    const { doubles } = this;
    doubles[at] = startMs;
    doubles[at + 1] = endMs;
    doubles[at + 2] = site;
  }

  setPrograms(
    device: number,
    programs: readonly { readonly access: number; readonly client: number; readonly cae: boolean }[],
  ): void {
    let at = (PROGRAMS + device * PROGRAMS_BYTES) / 4;
    const { words } = this;
    for (const { access, client, cae } of programs) {
      words[at++] = access;
      words[at++] = client;
      words[at++] = cae ? 1 : 0;
    }
  }

  setStaleSpans(spans: readonly { readonly fromMs: number; readonly toMs: number }[]): void {
    let at = STALE / 8;
    for (const { fromMs, toMs } of spans) {
      this.doubles[at++] = fromMs;
      this.doubles[at++] = toMs;
    }
  }

  /**
   * Lays out columns for all records.
   *
   * @returns where each begins.
   */
  prepare(columns: readonly { readonly offset: number; readonly bytes: number }[]): number[] {
    columns.forEach(({ offset, bytes }, index) => this.words.set([offset, bytes], COLUMNS / 4 + 3 * index));
    this.exports.prepare(columns.length);
    const { words } = this;
    return columns.map((_, index) => words[COLUMNS / 4 + 3 * index + 2]!);
  }

  /** Gives it back: nothing of its memory may be used any more. */
  release(): void {
    idle.push(this);
  }
}
