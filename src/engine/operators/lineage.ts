/**
 * Lineage through the operators: which labelled events stand behind a row. Nearly every row has the empty set, code 0,
 * so all work here happens only for rows with another code, and none at all where a batch carries no lineage.
 */
import type { Batch, Lineage } from '../../columns/batch.ts';
import type { Groups } from './keys.ts';

/** Interns sets of event ids; set 0 is the empty one. Unions of two known sets are remembered. */
export class LineageSets {
  readonly sets: (readonly string[])[] = [[]];
  readonly #codes = new Map<string, number>([['', 0]]);
  readonly #unions = new Map<number, number>();

  code(events: readonly string[]): number {
    const key = events.join('\u0000');
    let code = this.#codes.get(key);
    if (code === undefined) {
      code = this.sets.length;
      this.#codes.set(key, code);
      this.sets.push(events);
    }
    return code;
  }

  union(a: number, b: number): number {
    if (a === b || b === 0) return a;
    if (a === 0) return b;
    const key = Math.min(a, b) * 67108864 + Math.max(a, b);
    let code = this.#unions.get(key);
    if (code === undefined) {
      code = this.code([...new Set([...this.sets[a]!, ...this.sets[b]!])].sort());
      this.#unions.set(key, code);
    }
    return code;
  }

  /** For each code of `lineage` the code here. */
  import(lineage: Lineage | undefined): Uint32Array | undefined {
    return lineage && Uint32Array.from(lineage.sets, (events) => this.code(events));
  }

  lineage(codes: Uint32Array): Lineage {
    return { codes, sets: this.sets };
  }
}

/** The union over each group's rows. */
export function groupLineage(batch: Batch, groups: Groups, groupCount: number): Lineage | undefined {
  const { lineage } = batch;
  if (!lineage) return undefined;
  const out = new Uint32Array(groupCount);
  let several: Map<number, Set<number>> | undefined;
  for (let row = 0; row < batch.rowCount; row++) {
    const code = lineage.codes[row]!;
    if (code === 0) continue;
    const group = groups.of[row]!;
    if (out[group] === 0) out[group] = code;
    else if (out[group] !== code) {
      several ??= new Map();
      let codes = several.get(group);
      if (!codes) several.set(group, (codes = new Set([out[group]!])));
      codes.add(code);
    }
  }
  if (!several) return { codes: out, sets: lineage.sets };
  // A large union is made once from all its members, not grown pair by pair.
  const sets = new LineageSets();
  const map = sets.import(lineage)!;
  for (let group = 0; group < groupCount; group++) {
    const codes = several.get(group);
    out[group] = codes
      ? sets.code([...new Set([...codes].flatMap((code) => lineage.sets[code]!))].sort())
      : map[out[group]!]!;
  }
  return sets.lineage(out);
}

/** The union of one row of each side; `-1` (as 0xffffffff in a Uint32Array) is no row. */
export function pairLineage(
  left: Batch,
  leftRows: Int32Array,
  right: Batch,
  rightRows: Int32Array,
): Lineage | undefined {
  const a = left.lineage;
  const b = right.lineage;
  if (!a && !b) return undefined;
  const sets = new LineageSets();
  const aMap = sets.import(a);
  const bMap = sets.import(b);
  const codes = new Uint32Array(leftRows.length);
  for (let i = 0; i < codes.length; i++) {
    const x = leftRows[i]!;
    const y = rightRows[i]!;
    const m = aMap && x >= 0 ? a!.codes[x]! : 0;
    const n = bMap && y >= 0 ? b!.codes[y]! : 0;
    if ((m | n) !== 0) codes[i] = sets.union(m === 0 ? 0 : aMap![m]!, n === 0 ? 0 : bMap![n]!);
  }
  return sets.lineage(codes);
}

/** Each row's own events and those of all `others` rows with its group: what a semi join lets through and why. */
export function semiLineage(
  kept: Batch,
  keptRows: Uint32Array,
  keptIds: Uint32Array,
  other: Batch,
  otherIds: Uint32Array,
  idCount: number,
): Lineage | undefined {
  if (!other.lineage) return kept.lineage && kept.select(keptRows).lineage;
  const behind = groupLineage(other, { of: otherIds, count: idCount, first: new Uint32Array() }, idCount)!;
  const sets = new LineageSets();
  const ownMap = sets.import(kept.lineage);
  const behindMap = sets.import(behind)!;
  const codes = new Uint32Array(keptRows.length);
  for (let i = 0; i < codes.length; i++) {
    const row = keptRows[i]!;
    const own = ownMap ? ownMap[kept.lineage!.codes[row]!]! : 0;
    codes[i] = sets.union(own, behindMap[behind.codes[keptIds[row]!]!]!);
  }
  return sets.lineage(codes);
}

/** The lineage of rows one after another. */
export function concatLineage(batches: readonly Batch[]): Lineage | undefined {
  if (!batches.some((batch) => batch.lineage)) return undefined;
  const sets = new LineageSets();
  const codes = new Uint32Array(batches.reduce((sum, batch) => sum + batch.rowCount, 0));
  let at = 0;
  for (const batch of batches) {
    const map = sets.import(batch.lineage);
    if (map) {
      const own = batch.lineage!.codes;
      for (let row = 0; row < own.length; row++) if (own[row] !== 0) codes[at + row] = map[own[row]!]!;
    }
    at += batch.rowCount;
  }
  return sets.lineage(codes);
}
