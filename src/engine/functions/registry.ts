/** Every scalar function and operator that the engine has, by Kusto's own spelling. */
import type { ScalarFunction } from './function.ts';
import { OPERATORS } from './operators.ts';

export type { ScalarFunction } from './function.ts';

const BY_NAME: ReadonlyMap<string, ScalarFunction> = new Map([...OPERATORS].map((f) => [f.name, f]));

/** The function or operator of this name, or undefined where the engine has none. */
export function scalarFunction(name: string): ScalarFunction | undefined {
  return BY_NAME.get(name);
}

/** Names of all functions and operators, sorted. */
export function scalarFunctionNames(): string[] {
  return [...BY_NAME.keys()].sort();
}
