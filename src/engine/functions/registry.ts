/** Every scalar function and operator that the engine has, by Kusto's own spelling. */
import { CONVERSIONS } from './convert.ts';
import { DYNAMIC_FUNCTIONS } from './dynamic.ts';
import type { ScalarFunction } from './function.ts';
import { HASH_FUNCTIONS } from './hash.ts';
import { NETWORK_FUNCTIONS } from './network.ts';
import { NUMERIC_FUNCTIONS } from './numeric.ts';
import { OPERATORS } from './operators.ts';
import { ROW_FUNCTIONS } from './rows.ts';
import { SERIES_FUNCTIONS } from './series.ts';
import { TEXT_FUNCTIONS } from './text.ts';
import { TIME_FUNCTIONS } from './time.ts';

export type { ScalarFunction } from './function.ts';

const BY_NAME: ReadonlyMap<string, ScalarFunction> = new Map(
  [
    ...OPERATORS,
    ...CONVERSIONS,
    ...TEXT_FUNCTIONS,
    ...NUMERIC_FUNCTIONS,
    ...TIME_FUNCTIONS,
    ...DYNAMIC_FUNCTIONS,
    ...NETWORK_FUNCTIONS,
    ...HASH_FUNCTIONS,
    ...ROW_FUNCTIONS,
    ...SERIES_FUNCTIONS,
  ].map((f) => [f.name, f]),
);

/** The function or operator of this name, or undefined where the engine has none. */
export function scalarFunction(name: string): ScalarFunction | undefined {
  return BY_NAME.get(name);
}

/** Names of all functions and operators, sorted. */
export function scalarFunctionNames(): string[] {
  return [...BY_NAME.keys()].sort();
}
