import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, columnFromValues } from '../../../src/columns/column.ts';
import { ValueDictionary } from '../../../src/columns/dictionary.ts';
import { stringifyDynamic } from '../../../src/columns/dynamic.ts';
import type { ScalarType, Value } from '../../../src/columns/value.ts';
import { groupRows, joinIds, mapDictionary, NumberTable, rowsByGroup } from '../../../src/engine/operators/keys.ts';

const VALUES: Record<string, fc.Arbitrary<Value>> = {
  string: fc.constantFrom('', 'a', 'b', 'A', 'n', 'v'),
  long: fc.oneof(fc.constantFrom<Value>(null, 0n, 1n, -1n, 2n ** 60n, 2n ** 60n + 1n), fc.bigInt(-3n, 3n)),
  real: fc.constantFrom<Value>(null, 0, -0, 0.5, Number.NaN, Infinity, -Infinity),
  bool: fc.constantFrom<Value>(null, true, false),
  datetime: fc.constantFrom<Value>(null, 0n, 637_134_336_000_000_000n, 637_134_336_000_000_001n),
  guid: fc.constantFrom<Value>(null, '0a', '0b'),
};

const columns = fc
  .tuple(fc.constantFrom(...Object.keys(VALUES)), fc.constantFrom(...Object.keys(VALUES)), fc.nat(20))
  .chain(([a, b, size]) =>
    fc.tuple(
      fc.constant([a, b] as ScalarType[]),
      fc.array(VALUES[a]!, { minLength: size, maxLength: size }),
      fc.array(VALUES[b]!, { minLength: size, maxLength: size }),
    ),
  );

function cell(value: Value): string {
  if (typeof value === 'number' && value === 0) return 'number 0';
  return `${typeof value} ${stringifyDynamic(value)}`;
}

describe('groupRows', () => {
  it('gives equal numbers to rows with equal keys and to no others, in order of first appearance', () => {
    fc.assert(
      fc.property(columns, ([types, a, b]) => {
        const keys = [columnFromValues(types[0]!, a), columnFromValues(types[1]!, b)];
        const groups = groupRows(keys, a.length);
        const seen = new Map<string, number>();
        const expected = a.map((value, row) => {
          const key = `${cell(value)}|${cell(b[row]!)}`;
          if (!seen.has(key)) seen.set(key, seen.size);
          return seen.get(key)!;
        });
        expect([...groups.of]).toEqual(expected);
        expect(groups.count).toBe(seen.size);
        expect([...groups.first]).toEqual([...seen.values()].map((id) => expected.indexOf(id)));
      }),
    );
  });

  it('is not misled by a dictionary that holds an entry twice, nor by an earlier pass over it', () => {
    const dictionary = new ValueDictionary('string', ['x', 'y', 'x']);
    const column = (...codes: number[]): Column => ({
      kind: 'coded',
      type: 'string',
      codes: Uint8Array.from(codes),
      dictionary,
    });
    expect([...groupRows([column(0, 1, 2)], 3).of]).toEqual([0, 1, 0]);
    expect([...groupRows([column(1, 2, 0)], 3).of]).toEqual([0, 1, 1]);
  });
});

describe('joinIds', () => {
  it('numbers the keys of both sides as if they were one column', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...Object.keys(VALUES))
          .chain((type) =>
            fc.tuple(
              fc.constant(type as ScalarType),
              fc.array(VALUES[type]!, { maxLength: 12 }),
              fc.array(VALUES[type]!, { maxLength: 12 }),
            ),
          ),
        ([type, left, right]) => {
          const ids = joinIds([columnFromValues(type, left)], [columnFromValues(type, right)]);
          left.forEach((a, i) => {
            right.forEach((b, j) => expect(ids.left[i] === ids.right[j]).toBe(cell(a) === cell(b)));
          });
        },
      ),
    );
  });

  it('joins a constant with a coded column, and a narrow with a wide one', () => {
    const constant: Column = { kind: 'constant', type: 'string', value: 'b', length: 2 };
    const coded = columnFromValues('string', ['a', 'b']);
    const ids = joinIds([constant], [coded]);
    expect(ids.left[0]).toBe(ids.right[1]);
    expect(ids.left[0]).not.toBe(ids.right[0]);
    const numbers = joinIds([columnFromValues('long', [1n, 2n])], [columnFromValues('long', [2n, 2n ** 62n])]);
    expect(numbers.left[1]).toBe(numbers.right[0]);
    expect(numbers.left[0]).not.toBe(numbers.right[1]);
  });
});

describe('mapDictionary', () => {
  it('finds equal entries and keeps the others apart', () => {
    const from = columnFromValues('string', ['a', 'x', 'b']);
    const to = columnFromValues('string', ['b', 'a']);
    if (from.kind !== 'coded' || to.kind !== 'coded') throw new Error('strings are coded');
    expect([...mapDictionary(from.dictionary, to.dictionary)]).toEqual([1, 3, 0]);
  });
});

describe('NumberTable', () => {
  it('numbers doubles as a Map does, however many there are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -0, Number.NaN))), (numbers) => {
        const table = new NumberTable(0);
        const expected = new Map<number, number>();
        for (const number of numbers) {
          // A Map takes 0 and -0, and NaN and NaN, for one key too.
          if (!expected.has(number)) expected.set(number, expected.size);
          expect(table.id(number)).toBe(expected.get(number));
        }
      }),
    );
  });
});

describe('rowsByGroup', () => {
  it('lays the rows out by group in row order', () => {
    const { starts, rows } = rowsByGroup(Uint32Array.of(1, 0, 1, 2, 0), 4);
    expect([...starts]).toEqual([0, 2, 4, 5, 5]);
    expect([...rows]).toEqual([1, 4, 0, 2, 3]);
  });
});
