/** Whatever way a call takes through the evaluator, it gives what the boxed form of the function gives for each row. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../src/base/errors.ts';
import { Batch } from '../../src/columns/batch.ts';
import { type Column, columnFromValues, valueAt } from '../../src/columns/column.ts';
import { type Dynamic, DynamicDatetime, type ScalarType, type Value } from '../../src/columns/value.ts';
import { evaluate, selectRows } from '../../src/engine/evaluate.ts';
import { scalarFunction, scalarFunctionNames } from '../../src/engine/functions/registry.ts';
import type { Expression } from '../../src/plan/plan.ts';
import { call, column, literal, SCOPE, valuesOf } from '../support/expressions.ts';

const ROWS = 12;

const smallLong = fc.bigInt({ min: -9n, max: 9n });
const anyLong = fc.oneof(
  { weight: 4, arbitrary: smallLong },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
);
const text = fc.oneof(
  fc.constantFrom('', 'a', 'A', 'ab c', 'Role.Add', 'role', 'é', '😀x', '10', '2020-01-01', '{"a":1}'),
  fc.string({ maxLength: 6 }),
);

const dynamicValue: fc.Arbitrary<Dynamic> = fc.oneof(
  fc.constantFrom<Dynamic[]>(null, true, 'x', 5n, 1.5, new DynamicDatetime(637_134_336_000_000_000n)),
  fc.array(fc.oneof(smallLong, text), { maxLength: 3 }) as fc.Arbitrary<Dynamic>,
  fc
    .array(fc.tuple(fc.constantFrom('a', 'b'), fc.oneof(smallLong, text)), { maxLength: 2 })
    .map((pairs) => new Map(pairs)),
);

const present: Readonly<Record<ScalarType, fc.Arbitrary<Value>>> = {
  bool: fc.boolean(),
  int: fc.oneof(smallLong, fc.bigInt({ min: -(2n ** 31n), max: 2n ** 31n - 1n })),
  long: anyLong,
  real: fc.oneof(
    fc.integer({ min: -20, max: 20 }).map((v) => v / 4),
    fc.constantFrom(NaN, Infinity, -Infinity, -0),
  ),
  decimal: fc.integer({ min: -400, max: 400 }).map((v) => (v / 8).toString()),
  datetime: fc.oneof(
    fc.bigInt({ min: 639_000_000_000_000_000n, max: 639_200_000_000_000_000n }),
    fc.bigInt({ min: 0n, max: 3_155_378_975_999_999_999n }),
  ),
  timespan: fc.bigInt({ min: -900_000_000_000n, max: 900_000_000_000n }),
  string: text,
  guid: fc.constantFrom('74be27de-1e4e-49d9-b579-fe0b331d3642', '00000000-0000-0000-0000-000000000000'),
  dynamic: dynamicValue,
};

/** Values that columns of numbers hold, so that most columns are not wide ones. */
const narrow: Readonly<Partial<Record<ScalarType, fc.Arbitrary<Value>>>> = {
  long: smallLong,
  datetime: fc.bigInt({ min: 637_000_000_000_000_000n, max: 639_200_000_000_000_000n }),
};

/** Values of one column: with or without nulls, narrow or not. */
function valueOf(type: ScalarType): fc.Arbitrary<fc.Arbitrary<Value>> {
  if (type === 'string') return fc.constant(present.string);
  const some = [present[type], narrow[type] ?? present[type], narrow[type] ?? present[type]];
  return fc.constantFrom(
    ...some,
    ...some.map((values) => fc.oneof({ weight: 5, arbitrary: values }, { weight: 1, arbitrary: fc.constant(null) })),
  );
}

/** An argument: rows, rows with one value, or a literal. */
interface Argument {
  readonly type: ScalarType;
  readonly values: readonly Value[];
  readonly form: 'rows' | 'constant' | 'literal';
}

function argument(type: ScalarType): fc.Arbitrary<Argument> {
  return valueOf(type).chain((value) =>
    fc.oneof(
      fc.array(value, { minLength: ROWS, maxLength: ROWS }).map((values) => ({ type, values, form: 'rows' as const })),
      fc.array(value, { minLength: 3, maxLength: 3 }).map((three) => ({
        type,
        values: Array.from({ length: ROWS }, (_, i) => three[i % 3]!),
        form: 'rows' as const,
      })),
      fc.tuple(value, fc.constantFrom('constant' as const, 'literal' as const)).map(([one, form]) => ({
        type,
        values: new Array<Value>(ROWS).fill(one),
        form,
      })),
    ),
  );
}

const CALLS: readonly (readonly [name: string, result: ScalarType, ...args: ScalarType[]])[] = [
  ...['==', '!=', '<', '<=', '>', '>='].flatMap((name) => [
    [name, 'bool', 'long', 'long'] as const,
    [name, 'bool', 'int', 'real'] as const,
    [name, 'bool', 'real', 'real'] as const,
    [name, 'bool', 'datetime', 'datetime'] as const,
    [name, 'bool', 'timespan', 'timespan'] as const,
    [name, 'bool', 'string', 'string'] as const,
    [name, 'bool', 'bool', 'bool'] as const,
    [name, 'bool', 'dynamic', 'long'] as const,
    [name, 'bool', 'decimal', 'long'] as const,
  ]),
  ...['+', '-', '*', '/', '%'].flatMap((name) => [
    [name, 'long', 'long', 'long'] as const,
    [name, 'int', 'int', 'int'] as const,
    [name, 'long', 'int', 'long'] as const,
    [name, 'real', 'real', 'long'] as const,
    [name, 'real', 'real', 'real'] as const,
    [name, 'decimal', 'decimal', 'int'] as const,
  ]),
  ['+', 'datetime', 'datetime', 'timespan'],
  ['-', 'datetime', 'datetime', 'timespan'],
  ['-', 'timespan', 'datetime', 'datetime'],
  ['*', 'timespan', 'timespan', 'long'],
  ['*', 'timespan', 'real', 'timespan'],
  ['/', 'timespan', 'timespan', 'long'],
  ['/', 'real', 'timespan', 'timespan'],
  ['%', 'timespan', 'timespan', 'timespan'],
  ['-', 'long', 'long'],
  ['-', 'real', 'real'],
  ['and', 'bool', 'bool', 'bool'],
  ['or', 'bool', 'bool', 'bool'],
  ['not', 'bool', 'bool'],
  ['between', 'bool', 'long', 'long', 'long'],
  ['!between', 'bool', 'datetime', 'datetime', 'datetime'],
  ['has', 'bool', 'string', 'string'],
  ['has', 'bool', 'dynamic', 'string'],
  ['in', 'bool', 'string', 'string', 'string'],
  ['in', 'bool', 'long', 'dynamic'],
  ['!in~', 'bool', 'string', 'dynamic'],
  ['has_any', 'bool', 'string', 'string', 'dynamic'],
  ['path', 'dynamic', 'dynamic', 'string'],
  ['path', 'dynamic', 'dynamic', 'long'],
  ['tostring', 'string', 'real'],
  ['tostring', 'string', 'dynamic'],
  ['tostring', 'string', 'datetime'],
  ['toint', 'int', 'long'],
  ['tolong', 'long', 'string'],
  ['toreal', 'real', 'int'],
  ['toreal', 'real', 'string'],
  ['isnull', 'bool', 'long'],
  ['isempty', 'bool', 'string'],
  ['isnotempty', 'bool', 'datetime'],
  ['iff', 'string', 'bool', 'string', 'string'],
  ['iff', 'long', 'bool', 'long', 'long'],
  ['iff', 'real', 'bool', 'long', 'real'],
  ['iff', 'bool', 'bool', 'bool', 'bool'],
  ['iff', 'dynamic', 'bool', 'dynamic', 'dynamic'],
  ['iff', 'datetime', 'bool', 'datetime', 'datetime'],
  ['case', 'string', 'bool', 'string', 'bool', 'string', 'string'],
  ['coalesce', 'string', 'string', 'string', 'string'],
  ['coalesce', 'long', 'long', 'long'],
  ['coalesce', 'dynamic', 'dynamic', 'dynamic'],
  ['bin', 'long', 'long', 'long'],
  ['bin', 'real', 'real', 'real'],
  ['bin', 'datetime', 'datetime', 'timespan'],
  ['min_of', 'long', 'long', 'long'],
  ['strcat', 'string', 'string', 'string'],
  ['strcat', 'string', 'string', 'long'],
  ['substring', 'string', 'string', 'long'],
  ['split', 'dynamic', 'string', 'string'],
  ['startofday', 'datetime', 'datetime'],
  ['endofday', 'datetime', 'datetime'],
  ['hourofday', 'long', 'datetime'],
  ['dayofweek', 'timespan', 'datetime'],
  ['tolower', 'string', 'string'],
];

function same(a: Value, b: Value): boolean {
  return Object.is(a, b) || JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

/** A form in which structures compare; negative zero is zero, as it is for every reader of a result. */
function plain(value: Value): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : String(value);
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item)]);
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof DynamicDatetime ? `t${value.ticks}` : value;
}

function columnOf({ type, values, form }: Argument): Column {
  return form === 'constant'
    ? { kind: 'constant', type, value: values[0]!, length: ROWS }
    : columnFromValues(type, values);
}

function expressionOf(argument: Argument, index: number): Expression {
  return argument.form === 'literal' ? literal(argument.values[0]!, argument.type) : column(index, argument.type);
}

describe('evaluate', () => {
  it.each(CALLS.map(([name, result, ...types]) => ({ name, result, types, listed: types.join(', ') })))(
    'gives for $name ($listed) over columns of any kind what its boxed form gives',
    ({ name, result, types }) => {
      const boxed = scalarFunction(name)!;
      fc.assert(
        fc.property(fc.tuple(...types.map(argument)), (args) => {
          const batch = new Batch(
            args.map((arg, i) => ({ name: `c${i}`, type: arg.type })),
            ROWS,
            args.map(columnOf),
          );
          const got = valuesOf(evaluate(call(name, result, ...args.map(expressionOf)), batch, SCOPE));
          for (let row = 0; row < ROWS; row++) {
            const expected = boxed.call(
              args.map((arg) => arg.values[row]!),
              types,
              result,
              SCOPE.now,
            );
            const settled = expected === null && result === 'string' ? '' : expected;
            if (!same(got[row]!, settled)) expect(got[row]).toEqual(settled);
          }
        }),
        { numRuns: 60, seed: 20_260_529 },
      );
    },
  );
});

describe('datetime_diff', () => {
  it.each(['day', 'hour', 'minute', 'second', 'millisecond', 'week', 'month'])(
    'of %ss agrees with its boxed form',
    (part) => {
      const boxed = scalarFunction('datetime_diff')!;
      fc.assert(
        fc.property(argument('datetime'), argument('datetime'), (a, b) => {
          const batch = new Batch(
            [a, b].map((arg, i) => ({ name: `c${i}`, type: arg.type })),
            ROWS,
            [a, b].map(columnOf),
          );
          const got = valuesOf(
            evaluate(
              call('datetime_diff', 'long', literal(part, 'string'), expressionOf(a, 0), expressionOf(b, 1)),
              batch,
              SCOPE,
            ),
          );
          const expected = got.map((_, row) =>
            boxed.call([part, a.values[row]!, b.values[row]!], ['string', 'datetime', 'datetime'], 'long', SCOPE.now),
          );
          expect(got).toEqual(expected);
        }),
        { numRuns: 60, seed: 20_260_529 },
      );
    },
  );
});

describe('any function', () => {
  const names = scalarFunctionNames().filter((name) => scalarFunction(name)!.rowLocal);
  const types = Object.keys(present) as ScalarType[];
  const anything = fc
    .constantFrom(...types)
    .chain((type) =>
      fc.oneof(present[type], fc.constant(type === 'string' ? '' : null)).map((value) => literal(value, type)),
    );

  it('gives a value or a message for the user, whatever it is called with', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.constantFrom(...types),
        fc.array(anything, { minLength: 6, maxLength: 6 }),
        (name, result, args) => {
          try {
            evaluate(call(name, result, ...args), new Batch([], 1, []), SCOPE);
          } catch (error) {
            if (!(error instanceof TocsinError)) throw error;
          }
        },
      ),
      { numRuns: 20_000, seed: 20_260_529 },
    );
  });
});

describe('selectRows', () => {
  it('selects the rows for which evaluate gives true', () => {
    fc.assert(
      fc.property(argument('long'), argument('string'), argument('bool'), (a, b, c) => {
        const args = [a, b, c];
        const batch = new Batch(
          args.map((arg, i) => ({ name: `c${i}`, type: arg.type })),
          ROWS,
          args.map(columnOf),
        );
        const [x, y, z] = args.map(expressionOf) as [Expression, Expression, Expression];
        const predicate = call(
          'and',
          'bool',
          call('>', 'bool', x, literal(0n, 'long')),
          call('or', 'bool', z, call('and', 'bool', call('!=', 'bool', y, literal('a', 'string')), z)),
        );
        const truth = evaluate(predicate, batch, SCOPE);
        const expected = Array.from({ length: ROWS }, (_, row) => row).filter((row) => valueAt(truth, row) === true);
        const rows = selectRows(predicate, batch, SCOPE);
        expect(rows ? [...rows] : Array.from({ length: ROWS }, (_, row) => row)).toEqual(expected);
      }),
      { numRuns: 200, seed: 20_260_529 },
    );
  });
});
