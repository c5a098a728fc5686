import { expect } from 'vitest';

/** Result rows are views whose cells are made when looked at; what makes two of them equal is what they show. */
interface Shown {
  readonly run: number;
  readonly cells: readonly unknown[];
  readonly events: readonly string[];
}

function isRow(value: unknown): value is Shown {
  return typeof value === 'object' && value !== null && 'run' in value && 'cells' in value && 'events' in value;
}

expect.addEqualityTesters([
  function areEqualRows(a: unknown, b: unknown, testers) {
    if (!isRow(a) || !isRow(b)) return undefined;
    return this.equals([a.run, a.cells, a.events], [b.run, b.cells, b.events], testers);
  },
]);
