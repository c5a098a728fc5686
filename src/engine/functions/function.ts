/**
 * What a scalar function is. Operators are functions too, under Kusto's own spelling (`==`, `has_any`, `path`).
 * Every function has a boxed form, which is its definition: it serves constants, dictionary entries, rows of mixed
 * columns, and is the oracle of the vector forms. Vector forms exist where rows are many and the work on each small.
 */
import type { Column } from '../../columns/column.ts';
import type { ScalarType, Value } from '../../columns/value.ts';
import { type ParameterType, readAs } from './scalars.ts';

/** The boxed form. A null result of type `string` is read as the empty string. `now` is the run's clock, in ticks. */
export type Boxed = (
  args: readonly Value[],
  types: readonly ScalarType[],
  resultType: ScalarType,
  now: bigint,
) => Value;

export interface ScalarFunction {
  /** Kusto's name or spelling. */
  readonly name: string;
  readonly call: Boxed;
  /**
   * Prepares a call whose constant arguments are known (`undefined` marks the others), so that sets, patterns and terms
   * are built once. The result takes every argument, as `call` does. Undefined: nothing to prepare.
   */
  readonly bind?: (
    constants: readonly (Value | undefined)[],
    types: readonly ScalarType[],
    resultType: ScalarType,
  ) => ((args: readonly Value[]) => Value) | undefined;
  /** Works on whole columns; undefined where it has no form for these kinds of column. */
  readonly vector?: (args: readonly Column[], resultType: ScalarType, rowCount: number) => Column | undefined;
  /** Of functions that look at other rows: the only form that counts. Rows are in batch order. */
  readonly overRows?: (args: readonly Column[], resultType: ScalarType, rowCount: number) => Column;
  /** The result depends on this row alone. */
  readonly rowLocal: boolean;
  /** The result does not depend on the run's clock. */
  readonly timeInvariant: boolean;
  /** Equal arguments give equal results. */
  readonly deterministic: boolean;
}

/** A row-local, time-invariant, deterministic function, unless `extra` says otherwise. */
export function define(name: string, call: Boxed, extra: Partial<ScalarFunction> = {}): ScalarFunction {
  return { name, call, rowLocal: true, timeInvariant: true, deterministic: true, ...extra };
}

/** As {@link define}, for a function that is null where any argument is null. */
export function defineStrict(name: string, call: Boxed, extra: Partial<ScalarFunction> = {}): ScalarFunction {
  return define(
    name,
    (args, types, resultType, now) => {
      for (const arg of args) if (arg === null) return null;
      return call(args, types, resultType, now);
    },
    extra,
  );
}

/**
 * As {@link defineStrict}, with arguments read as the parameters' types (`readAs`): what a dynamic holds is taken out, and
 * one that does not fit is a null. Arguments beyond `parameters` are read as the last of them.
 */
export function defineTyped(
  name: string,
  parameters: readonly ParameterType[],
  call: Boxed,
  extra: Partial<ScalarFunction> = {},
): ScalarFunction {
  return define(
    name,
    (args, types, resultType, now) => {
      const read = args.map((arg, i) => readAs(arg, types[i]!, parameters[Math.min(i, parameters.length - 1)]!));
      return read.includes(null) ? null : call(read, types, resultType, now);
    },
    extra,
  );
}
