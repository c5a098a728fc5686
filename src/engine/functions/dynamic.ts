/** Functions of arrays and property bags. Arrays and bags are never changed in place. */
import { TocsinError } from '../../base/errors.ts';
import { TICKS_PER_DAY } from '../../base/time.ts';
import { parseDynamic, stringifyDynamic } from '../../columns/dynamic.ts';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { convertValue } from './convert.ts';
import { define, type ScalarFunction } from './function.ts';
import { step } from './operators.ts';
import { countArg, compareValues, fold, hasTerm, isNumeric, numberOf, textOf, toDynamic, unwrap } from './scalars.ts';

type Bag = Map<string, Dynamic>;

/** A text that two values share exactly where Kusto's set functions hold them equal. */
export function identityOf(value: Dynamic): string {
  return stringifyDynamic(value);
}

const SORT_RANKS: Readonly<Partial<Record<ScalarType, number>>> = {
  bool: 1,
  long: 0,
  real: 0,
  datetime: 2,
  timespan: 3,
  string: 4,
};

/** Order within `array_sort`: by kind of value first; values without an order keep their places. */
function sortOrder(a: Dynamic, b: Dynamic): number {
  const x = unwrap(a, 'dynamic');
  const y = unwrap(b, 'dynamic');
  const rank = (type: ScalarType): number => SORT_RANKS[type] ?? 5;
  return rank(x.type) - rank(y.type) || compareValues(x.value, x.type, y.value, y.type) || 0;
}

/**
 * The first array sorted, nulls last, and the others of equal length in the same order; the result is the list of them.
 * A last argument `false` puts nulls first.
 */
function arraySort(args: readonly Value[], types: readonly ScalarType[], descending: boolean): Dynamic {
  const nullsLast = types[types.length - 1] === 'bool' ? args[args.length - 1] !== false : true;
  const arrays = types[types.length - 1] === 'bool' ? args.slice(0, -1) : [...args];
  const first = arrays[0];
  if (!Array.isArray(first)) return arrays.map(() => null);
  const order = first.map((_, i) => i);
  order.sort((i, j) => {
    const a = first[i]!;
    const b = first[j]!;
    if (a === null || b === null) {
      if (a === b) return i - j;
      return (a === null) === nullsLast ? 1 : -1;
    }
    return (descending ? sortOrder(b, a) : sortOrder(a, b)) || i - j;
  });
  return arrays.map((array) =>
    Array.isArray(array) && array.length === first.length ? order.map((i) => array[i]!) : null,
  );
}

/** Start and end (inclusive), negative ones counted from the end. */
function arraySlice(array: Dynamic[], start: number, end: number): Dynamic[] {
  const from = start < 0 ? Math.max(0, array.length + start) : start;
  const to = end < 0 ? array.length + end : Math.min(end, array.length - 1);
  return from > to ? [] : array.slice(from, to + 1);
}

function arrayShift(array: Dynamic[], by: number, fill: Dynamic): Dynamic[] {
  return array.map((_, i) => array[i + by] ?? (i + by >= 0 && i + by < array.length ? null : fill));
}

function arrayRotate(array: Dynamic[], by: number): Dynamic[] {
  const n = array.length;
  return array.map((_, i) => array[(((i + by) % n) + n) % n]!);
}

function arraySplit(array: Dynamic[], at: Dynamic): Dynamic {
  const indexes = (Array.isArray(at) ? at : [at])
    .filter((i) => typeof i === 'bigint')
    .map((i) => (i < 0n ? Math.max(0, array.length + Number(i)) : Math.min(Number(i), array.length)));
  const parts: Dynamic[] = [];
  let from = 0;
  for (const index of [...indexes, array.length]) {
    parts.push(array.slice(from, index));
    from = Math.max(from, index);
  }
  return parts;
}

/** The distinct values of the first that are in none, or all, or with those of, the others. */
function sets(args: readonly Value[], combine: 'union' | 'intersect' | 'difference'): Dynamic {
  const arrays = args.map((arg) => (Array.isArray(arg) ? arg : arg === null ? null : undefined));
  if (arrays[0] === undefined) return null;
  if (combine === 'union') {
    if (arrays.every((array) => !array)) return null;
    const seen = new Map<string, Dynamic>();
    for (const array of arrays) {
      for (const item of array ?? []) if (!seen.has(identityOf(item))) seen.set(identityOf(item), item);
    }
    return [...seen.values()];
  }
  if (!arrays[0]) return null;
  const others = arrays.slice(1).map((array) => new Set((array ?? []).map(identityOf)));
  const seen = new Set<string>();
  return arrays[0].filter((item) => {
    const id = identityOf(item);
    if (seen.has(id)) return false;
    seen.add(id);
    return combine === 'intersect' ? others.every((set) => set.has(id)) : !others.some((set) => set.has(id));
  });
}

/** The keys of a path such as `$.a['b'][0].c`; undefined where the text is no path. */
export function parsePath(path: string): (string | bigint)[] | undefined {
  const keys: (string | bigint)[] = [];
  const form = /\.([^.[\]]+)|\[(-?\d+)\]|\[['"]([^'"\]]*)['"]\]/y;
  let at = path.startsWith('$') ? 1 : 0;
  if (at === 0 && !path.startsWith('.') && !path.startsWith('[')) {
    const end = path.search(/[.[]/);
    keys.push(end < 0 ? path : path.slice(0, end));
    at = end < 0 ? path.length : end;
  }
  while (at < path.length) {
    form.lastIndex = at;
    const match = form.exec(path);
    if (!match) return undefined;
    keys.push(match[2] === undefined ? (match[1] ?? match[3]!) : BigInt(match[2]));
    at = form.lastIndex;
  }
  return keys;
}

/** The value at a path inside a value; null where there is none. */
export function valueAtPath(value: Dynamic, keys: readonly (string | bigint)[]): Dynamic {
  let found: Dynamic = value;
  for (const key of keys) found = step(found, key);
  return found;
}

function bagKeys(path: string): readonly (string | bigint)[] {
  return path.startsWith('$') ? (parsePath(path) ?? [path]) : [path];
}

function hasKey(bag: Dynamic, keys: readonly (string | bigint)[]): boolean {
  const parent = valueAtPath(bag, keys.slice(0, -1));
  const last = keys[keys.length - 1];
  if (parent instanceof Map) return parent.has(String(last));
  return Array.isArray(parent) && typeof last === 'bigint' && last >= 0n && last < BigInt(parent.length);
}

function removeKey(bag: Dynamic, keys: readonly (string | bigint)[]): Dynamic {
  const [first, ...rest] = keys;
  if (!(bag instanceof Map) || first === undefined || !bag.has(String(first))) return bag;
  const copy = new Map(bag);
  if (rest.length === 0) copy.delete(String(first));
  else copy.set(String(first), removeKey(copy.get(String(first))!, rest));
  return copy;
}

function setKey(bag: Dynamic, keys: readonly (string | bigint)[], value: Dynamic): Dynamic {
  const [first, ...rest] = keys;
  if (first === undefined) return value;
  const copy: Bag = bag instanceof Map ? new Map(bag) : new Map();
  const inner = rest.length > 0 ? setKey(copy.get(String(first)) ?? null, rest, value) : value;
  copy.delete(String(first));
  copy.set(String(first), inner);
  return copy;
}

function bagMerge(args: readonly Value[]): Dynamic {
  const merged: Bag = new Map();
  let any = false;
  for (const arg of args) {
    if (!(arg instanceof Map)) continue;
    any = true;
    for (const [key, value] of arg) if (!merged.has(key)) merged.set(key, value);
  }
  return any ? merged : null;
}

function bagPack(args: readonly Value[], types: readonly ScalarType[]): Dynamic {
  const bag: Bag = new Map();
  for (let i = 0; i + 1 < args.length; i += 2) {
    const key = textOf(args[i]!, types[i]!);
    if (!bag.has(key)) bag.set(key, toDynamic(args[i + 1]!, types[i + 1]!));
  }
  return bag;
}

function bagZip(keys: Value, values: Value): Dynamic {
  if (!Array.isArray(keys) || !Array.isArray(values)) return null;
  const bag: Bag = new Map();
  keys.forEach((key, i) => {
    if (typeof key === 'string' && !bag.has(key)) bag.set(key, values[i] ?? null);
  });
  return bag;
}

/** `pack_all(ignore_null_empty)`: without the pairs whose value is null or an empty text. */
function packAll(args: readonly Value[], types: readonly ScalarType[]): Dynamic {
  const keep: Value[] = [];
  const keepTypes: ScalarType[] = [];
  for (let i = 1; i + 1 < args.length; i += 2) {
    if (args[0] === true && (args[i + 1] === null || args[i + 1] === '')) continue;
    keep.push(args[i]!, args[i + 1]!);
    keepTypes.push(types[i]!, types[i + 1]!);
  }
  return bagPack(keep, keepTypes);
}

/** Kusto's own limit: `range` makes no more values than this. */
const MAX_RANGE = 1_048_576;

function range(args: readonly Value[], types: readonly ScalarType[]): Dynamic {
  const [from, to] = args as [Value, Value];
  if (from === null || to === null || args[2] === null) return null;
  const fallback = types[0] === 'datetime' || types[0] === 'timespan' ? TICKS_PER_DAY / 24n : 1n;
  const by = args.length > 2 ? args[2]! : fallback;
  const out: Dynamic[] = [];
  if (typeof from === 'bigint' && typeof to === 'bigint' && typeof by === 'bigint') {
    if (by === 0n) return null;
    for (let v = from; by > 0n ? v <= to : v >= to; v += by) {
      if (out.length >= MAX_RANGE) break;
      out.push(toDynamic(v, types[0]!));
    }
    return out;
  }
  const start = numberOf(from);
  const end = numberOf(to);
  const stride = numberOf(by);
  if (stride === 0 || !Number.isFinite(stride)) return null;
  for (let i = 0; ; i++) {
    const v = start + i * stride;
    if (!(stride > 0 ? v <= end : v >= end)) return out;
    if (out.length >= MAX_RANGE) return out;
    out.push(v);
  }
}

function zip(args: readonly Value[]): Dynamic {
  const arrays = args.map((arg) => (Array.isArray(arg) ? arg : [arg]));
  const length = Math.max(...arrays.map((array) => array.length));
  return Array.from({ length }, (_, i) => arrays.map((array) => array[i] ?? null));
}

/** Every path inside a value that leads to something. */
function treePath(value: Dynamic): Dynamic {
  const paths: string[] = [];
  const walk = (v: Dynamic, path: string): void => {
    if (v instanceof Map) {
      for (const [key, item] of v) {
        const own = `${path}['${key}']`;
        paths.push(own);
        walk(item, own);
      }
    } else if (Array.isArray(v)) {
      const own = `${path}[0]`;
      for (const item of v) {
        if (!paths.includes(own)) paths.push(own);
        walk(item, own);
      }
    }
  };
  walk(value, '');
  return value instanceof Map || Array.isArray(value) ? paths : null;
}

function indexOfItem(args: readonly Value[], types: readonly ScalarType[]): bigint | null {
  const [array, wanted] = args as [Value, Value];
  if (!Array.isArray(array)) return null;
  const start = countArg(args[2], 0);
  const from = start < 0 ? Math.max(0, array.length + start) : start;
  const length = countArg(args[3], -1);
  const to = length < 0 ? array.length : Math.min(array.length, from + length);
  const occurrence = countArg(args[4], 1);
  const found: number[] = [];
  for (let i = from; i < to; i++) {
    const item = array[i]!;
    const same =
      item === null || wanted === null ? item === wanted : compareValues(item, 'dynamic', wanted, types[1]!) === 0;
    if (same) found.push(i);
  }
  const index = occurrence > 0 ? found[occurrence - 1] : found[found.length + occurrence];
  return index === undefined ? -1n : BigInt(index);
}

function arrayIff(args: readonly Value[], types: readonly ScalarType[]): Dynamic {
  const [tests, yes, no] = args as [Value, Value, Value];
  if (!Array.isArray(tests)) return null;
  const pick = (source: Value, type: ScalarType, i: number): Dynamic =>
    Array.isArray(source) ? (source[i] ?? null) : toDynamic(source, type);
  return tests.map((test, i) => {
    const holds =
      typeof test === 'boolean' ? test : isNumeric(unwrap(test, 'dynamic').type) ? numberOf(test) !== 0 : null;
    return holds === null ? null : holds ? pick(yes, types[1]!, i) : pick(no, types[2]!, i);
  });
}

/** A function of one array; null for anything else. */
function ofArray(
  name: string,
  apply: (array: Dynamic[], args: readonly Value[], types: readonly ScalarType[]) => Value,
): ScalarFunction {
  return define(name, (args, types) => (Array.isArray(args[0]) ? apply(args[0], args, types) : null));
}

function hasAnyIndex(text: string, terms: Dynamic): bigint {
  if (!Array.isArray(terms)) return -1n;
  const folded = fold(text);
  return BigInt(terms.findIndex((term) => hasTerm(folded, fold(textOf(term, 'dynamic')), true, true)));
}

export const DYNAMIC_FUNCTIONS: readonly ScalarFunction[] = [
  ofArray('array_length', (array) => BigInt(array.length)),
  define('array_concat', (args) => {
    const arrays = args.filter((arg): arg is Dynamic[] => Array.isArray(arg));
    return arrays.length === 0 ? null : arrays.flat(1);
  }),
  ofArray('array_reverse', (array) => array.toReversed()),
  ofArray('array_slice', (array, args) => arraySlice(array, countArg(args[1], 0), countArg(args[2], -1))),
  ofArray('array_split', (array, args) => arraySplit(array, args[1]!)),
  ofArray('array_shift_left', (array, args, types) =>
    arrayShift(array, countArg(args[1], 0), args[2] === undefined ? null : toDynamic(args[2], types[2]!)),
  ),
  ofArray('array_shift_right', (array, args, types) =>
    arrayShift(array, -countArg(args[1], 0), args[2] === undefined ? null : toDynamic(args[2], types[2]!)),
  ),
  ofArray('array_rotate_left', (array, args) => arrayRotate(array, countArg(args[1], 0))),
  ofArray('array_rotate_right', (array, args) => arrayRotate(array, -countArg(args[1], 0))),
  define('array_index_of', indexOfItem),
  define('array_iff', arrayIff),
  define('array_sort_asc', (args, types) => arraySort(args, types, false)),
  define('array_sort_desc', (args, types) => arraySort(args, types, true)),
  define('set_union', (args) => sets(args, 'union')),
  define('set_intersect', (args) => sets(args, 'intersect')),
  define('set_difference', (args) => sets(args, 'difference')),
  define('set_has_element', ([array, item], types) =>
    Array.isArray(array)
      ? array.some((member) => identityOf(member) === identityOf(toDynamic(item!, types[1]!)))
      : null,
  ),
  define('jaccard_index', ([a, b]) => {
    if (!Array.isArray(a) || !Array.isArray(b)) return null;
    const union = (sets([a, b], 'union') as Dynamic[]).length;
    return union === 0 ? NaN : (sets([a, b], 'intersect') as Dynamic[]).length / union;
  }),
  define('pack_array', (args, types) => args.map((arg, i) => toDynamic(arg, types[i]!))),
  define('bag_pack', bagPack),
  define('pack_all', packAll),
  define('bag_keys', ([bag]) => (bag instanceof Map ? [...bag.keys()] : null)),
  define('bag_merge', bagMerge),
  define('bag_zip', ([keys, values]) => bagZip(keys!, values!)),
  define('bag_has_key', ([bag, key], types) =>
    bag instanceof Map ? hasKey(bag, bagKeys(textOf(key!, types[1]!))) : null,
  ),
  define('bag_remove_keys', ([bag, keys]) => {
    if (!(bag instanceof Map)) return null;
    let result: Dynamic = bag;
    for (const key of Array.isArray(keys) ? keys : []) result = removeKey(result, bagKeys(textOf(key, 'dynamic')));
    return result;
  }),
  define('bag_set_key', ([bag, key, value], types) =>
    bag instanceof Map ? setKey(bag, bagKeys(textOf(key!, types[1]!)), toDynamic(value!, types[2]!)) : null,
  ),
  define('range', range),
  define('repeat', ([value, count], types) => {
    const times = countArg(count, -1);
    if (times < 0 || times > MAX_RANGE) return null;
    return new Array<Dynamic>(times).fill(toDynamic(value!, types[0]!));
  }),
  define('zip', zip),
  define('treepath', ([value]) => treePath(value!)),
  define('strcat_array', ([array, delimiter], types) =>
    Array.isArray(array) ? array.map((item) => textOf(item, 'dynamic')).join(textOf(delimiter!, types[1]!)) : '',
  ),
  define('has_any_index', ([text, terms], types) => hasAnyIndex(textOf(text!, types[0]!), terms!)),
  define('extract_json', ([path, source], types, result) => {
    const text = textOf(path!, types[0]!);
    const keys = parsePath(text);
    if (!keys) throw new TocsinError('QUERY', `extract_json: '${text}' is not a JSON path`);
    const root = types[1] === 'dynamic' ? source! : parseDynamic(textOf(source!, types[1]!));
    const found = valueAtPath(root, keys);
    return result === 'dynamic' ? found : convertValue(found, 'dynamic', result);
  }),
];
