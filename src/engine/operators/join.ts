/**
 * `join`: both sides' keys are numbered together (keys.ts), the right rows are laid out by key, and the left rows look
 * theirs up. Output follows the left rows in their order, each with its right rows in theirs; right rows without a
 * partner come last. Columns of the output are gathered when asked for.
 */
import { Batch } from '../../columns/batch.ts';
import type { Column } from '../../columns/column.ts';
import type { Plan } from '../../plan/plan.ts';
import { gatherOrMissing, rowsWhere } from './gather.ts';
import { joinIds, rowsByGroup } from './keys.ts';
import { pairLineage, semiLineage } from './lineage.ts';

type Join = Extract<Plan, { op: 'join' }>;

export interface JoinResult {
  readonly batch: Batch;
  /** For each output row its left row (-1 for none); of no meaning where only the right side is kept. */
  readonly leftRows: Uint32Array;
}

export function join(
  node: Join,
  left: Batch,
  right: Batch,
  leftKeys: readonly Column[],
  rightKeys: readonly Column[],
  /** Called with the number of output rows before they are made. */
  admit: (rowCount: number) => void,
): JoinResult {
  const ids =
    node.on.length > 0
      ? joinIds(leftKeys, rightKeys)
      : { left: new Uint32Array(left.rowCount), right: new Uint32Array(right.rowCount), count: 1 };
  switch (node.kind) {
    case 'leftsemi':
    case 'leftanti':
      return oneSided(node, left, ids.left, right, ids.right, ids.count);
    case 'rightsemi':
    case 'rightanti':
      return oneSided(node, right, ids.right, left, ids.left, ids.count);
    default:
      return paired(node, left, right, ids, admit);
  }
}

function oneSided(
  node: Join,
  kept: Batch,
  keptIds: Uint32Array,
  other: Batch,
  otherIds: Uint32Array,
  idCount: number,
): JoinResult {
  const present = new Uint8Array(idCount);
  for (let row = 0; row < otherIds.length; row++) present[otherIds[row]!] = 1;
  const wanted = node.kind === 'leftsemi' || node.kind === 'rightsemi' ? 1 : 0;
  const keep = new Uint8Array(kept.rowCount);
  for (let row = 0; row < keep.length; row++) keep[row] = present[keptIds[row]!] === wanted ? 1 : 0;
  const rows = rowsWhere(keep);
  const selected = kept.select(rows);
  const lineage = wanted === 1 ? semiLineage(kept, rows, keptIds, other, otherIds, idCount) : selected.lineage;
  const batch = new Batch(
    node.columns,
    rows.length,
    node.output.map(
      ({ index }) =>
        () =>
          selected.column(index),
    ),
    lineage,
  );
  return { batch, leftRows: rows };
}

function paired(
  node: Join,
  left: Batch,
  right: Batch,
  ids: { readonly left: Uint32Array; readonly right: Uint32Array; readonly count: number },
  admit: (rowCount: number) => void,
): JoinResult {
  const { starts, rows } = rowsByGroup(ids.right, ids.count);
  const keepLeft = node.kind === 'leftouter' || node.kind === 'fullouter';
  const keepRight = node.kind === 'rightouter' || node.kind === 'fullouter';
  // innerunique: of left rows with one key, the first stands for all.
  const taken = node.kind === 'innerunique' ? new Uint8Array(ids.count) : undefined;
  const used = keepRight ? new Uint8Array(ids.count) : undefined;
  const lookup = new Uint32Array(left.rowCount);
  let lookups = 0;
  let size = 0;
  for (let row = 0; row < left.rowCount; row++) {
    const id = ids.left[row]!;
    if (taken) {
      if (taken[id] === 1) continue;
      taken[id] = 1;
    }
    const matches = starts[id + 1]! - starts[id]!;
    if (matches === 0 && !keepLeft) continue;
    if (used) used[id] = 1;
    lookup[lookups++] = row;
    size += matches === 0 ? 1 : matches;
  }
  let unmatched = 0;
  if (used) for (let row = 0; row < right.rowCount; row++) unmatched += 1 - used[ids.right[row]!]!;
  admit(size + unmatched);
  const leftRows = new Int32Array(size + unmatched);
  const rightRows = new Int32Array(size + unmatched);
  let at = 0;
  for (let i = 0; i < lookups; i++) {
    const row = lookup[i]!;
    const id = ids.left[row]!;
    const start = starts[id]!;
    const end = starts[id + 1]!;
    if (start === end) {
      leftRows[at] = row;
      rightRows[at++] = -1;
    }
    for (let k = start; k < end; k++) {
      leftRows[at] = row;
      rightRows[at++] = rows[k]!;
    }
  }
  if (used) {
    for (let row = 0; row < right.rowCount; row++) {
      if (used[ids.right[row]!] === 1) continue;
      leftRows[at] = -1;
      rightRows[at++] = row;
    }
  }
  const batch = new Batch(
    node.columns,
    at,
    node.output.map(({ side, index }) =>
      side === 'left'
        ? () => gatherOrMissing(left.column(index), leftRows)
        : () => gatherOrMissing(right.column(index), rightRows),
    ),
    pairLineage(left, leftRows, right, rightRows),
  );
  return { batch, leftRows: new Uint32Array(leftRows.buffer) };
}
