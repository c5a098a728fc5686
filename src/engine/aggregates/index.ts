/**
 * The aggregate functions by name. To add one, write its kernel in a file of this folder and list it there; a variant
 * over a predicate (`...if`) comes from `conditional`.
 */
import { type AggregateFunction, conditional } from './aggregate.ts';
import { COLLECTORS } from './collect.ts';
import { NUMERIC } from './numeric.ts';
import { PICKS } from './pick.ts';

export type { AggregateFunction, AggregateInput } from './aggregate.ts';

const ALL: Readonly<Record<string, AggregateFunction>> = {
  ...PICKS,
  ...NUMERIC,
  ...COLLECTORS,
  minif: conditional(PICKS.min!),
  maxif: conditional(PICKS.max!),
  sumif: conditional(NUMERIC.sum!),
  avgif: conditional(NUMERIC.avg!),
  stdevif: conditional(NUMERIC.stdev!),
  stdevpif: conditional(NUMERIC.stdevp!),
  varianceif: conditional(NUMERIC.variance!),
  variancepif: conditional(NUMERIC.variancep!),
  dcountif: conditional(COLLECTORS.dcount!),
  count_distinctif: conditional(COLLECTORS.count_distinct!),
  make_set_if: conditional(COLLECTORS.make_set!),
  make_list_if: conditional(COLLECTORS.make_list!),
  make_bag_if: conditional(COLLECTORS.make_bag!),
  take_anyif: conditional(PICKS.take_any!),
};

/** The aggregate function of this name (lower case, legacy names resolved), or undefined where the engine has none. */
export function aggregateFunction(name: string): AggregateFunction | undefined {
  return Object.hasOwn(ALL, name) ? ALL[name] : undefined;
}

/** Every name that {@link aggregateFunction} knows, sorted. */
export function aggregateNames(): string[] {
  return Object.keys(ALL).sort();
}
