/**
 * Says which result rows are equal in all cells. Each cell is interned to a code, and rows are compared by their codes in
 * a hash table of typed arrays: exact, no row is turned into a text, and what many rows share (a UPN, a JSON bag) is
 * looked at once.
 */
import { stringifyDynamic } from '../columns/dynamic.ts';
import type { Value } from '../columns/value.ts';

/** The identity of each row: equal numbers for equal rows, numbered from 0 in order of first appearance. */
export function identifyRows(rows: readonly { readonly cells: readonly Value[] }[]): Uint32Array {
  const width = rows[0]?.cells.length ?? 0;
  const codes = codeCells(rows, width);
  const identities = new Uint32Array(rows.length);
  // Slots hold an identity plus one, 0 where free; at most half of them are taken.
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1, rows.length) * 2)));
  const firstRows = new Uint32Array(rows.length);
  let count = 0;
  for (let row = 0; row < rows.length; row++) {
    let slot = hashOf(codes, row * width, width) & (slots.length - 1);
    for (; ; slot = (slot + 1) & (slots.length - 1)) {
      const taken = slots[slot]!;
      if (taken === 0) {
        firstRows[count] = row;
        slots[slot] = ++count;
        identities[row] = count - 1;
        break;
      }
      if (areEqual(codes, firstRows[taken - 1]! * width, row * width, width)) {
        identities[row] = taken - 1;
        break;
      }
    }
  }
  return identities;
}

/** The codes of all cells, row by row; equal cells of a column have equal codes. */
function codeCells(rows: readonly { readonly cells: readonly Value[] }[], width: number): Uint32Array {
  const codes = new Uint32Array(rows.length * width);
  for (let column = 0; column < width; column++) {
    const known = new Map<Value, number>();
    for (let row = 0; row < rows.length; row++) codes[row * width + column] = codeOf(known, rows[row]!.cells[column]!);
  }
  return codes;
}

function codeOf(known: Map<Value, number>, cell: Value): number {
  let code = known.get(cell);
  if (code !== undefined) return code;
  // The same object often stands in many rows; equal objects meet by their text, apart from strings that read the same.
  if (cell !== null && typeof cell === 'object') code = codeOf(known, `\0${stringifyDynamic(cell)}`);
  else code = known.size;
  known.set(cell, code);
  return code;
}

function hashOf(codes: Uint32Array, start: number, width: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < start + width; i++) {
    hash = Math.imul(hash ^ codes[i]!, 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

function areEqual(codes: Uint32Array, a: number, b: number, width: number): boolean {
  for (let i = 0; i < width; i++) if (codes[a + i] !== codes[b + i]) return false;
  return true;
}
