/**
 * Says which result rows are equal in all cells. Each cell is interned to a code and a row to a chain of codes, so a
 * comparison is exact, no row is turned into one long text, and what many rows share (a UPN, a JSON bag) is stored once.
 */
import { stringifyDynamic } from '../columns/dynamic.ts';
import type { Value } from '../columns/value.ts';

/** Cells of one column have at most this many distinct values, and chains at most 2^53 over this. */
const CODE_SPACE = 2 ** 27;

/** The identity of each row: equal numbers for equal rows, numbered from 0 in order of first appearance. */
export function identifyRows(rows: Iterable<{ readonly cells: readonly Value[] }>): Uint32Array {
  const codesByColumn: Map<Value, number>[] = [];
  const chainsByColumn: Map<number, number>[] = [];
  const identities: number[] = [];
  for (const { cells } of rows) {
    let chain = 0;
    for (let column = 0; column < cells.length; column++) {
      const codes = (codesByColumn[column] ??= new Map());
      const chains = (chainsByColumn[column] ??= new Map());
      chain = intern(chains, chain * CODE_SPACE + codeOf(codes, cells[column]!));
    }
    identities.push(chain);
  }
  return Uint32Array.from(identities);
}

function intern<Key>(codes: Map<Key, number>, key: Key): number {
  let code = codes.get(key);
  if (code === undefined) codes.set(key, (code = codes.size));
  return code;
}

function codeOf(codes: Map<Value, number>, cell: Value): number {
  if (cell === null || typeof cell !== 'object') return intern(codes, cell);
  // The same object often stands in many rows; equal objects meet by their text, apart from strings that read the same.
  let code = codes.get(cell);
  if (code === undefined) codes.set(cell, (code = intern(codes, `\0${stringifyDynamic(cell)}`)));
  return code;
}
