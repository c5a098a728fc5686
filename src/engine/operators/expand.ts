/**
 * `mv-expand`: one row per element. A null or a scalar is its own single element; an empty array or bag has none, so its
 * row goes. Expansions side by side are padded with nulls to the longest. An array is taken apart once per dictionary
 * entry.
 */
import { Batch } from '../../columns/batch.ts';
import { type Codes, type Column, columnFromValues, columnLength, gatherColumn } from '../../columns/column.ts';
import { type Dictionary, ValueDictionary } from '../../columns/dictionary.ts';
import { stringifyDynamic } from '../../columns/dynamic.ts';
import type { Dynamic } from '../../columns/value.ts';

/** The elements of every entry of a dictionary: those of entry `c` are `codes[starts[c]]` up to `codes[starts[c + 1]]`. */
interface Elements {
  readonly starts: Uint32Array;
  readonly codes: Uint32Array;
  readonly dictionary: Dictionary;
}

function elementsOf(value: Dynamic, bagAsArray: boolean): readonly Dynamic[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) {
    return Array.from(value, ([key, item]) => (bagAsArray ? [key, item] : new Map([[key, item]])));
  }
  return [value];
}

function takeApart(dictionary: Dictionary, bagAsArray: boolean): Elements {
  const key = `engine:elements:${bagAsArray}`;
  let elements = dictionary.memo.get(key) as Elements | undefined;
  if (elements) return elements;
  const starts = new Uint32Array(dictionary.size + 1);
  const codes: number[] = [];
  // Code 0 is the null that pads shorter neighbours.
  const entries: Dynamic[] = [null];
  const codeOf = new Map<string, number>([['null', 0]]);
  for (let code = 0; code < dictionary.size; code++) {
    for (const element of elementsOf(dictionary.value(code), bagAsArray)) {
      const text = stringifyDynamic(element);
      let elementCode = codeOf.get(text);
      if (elementCode === undefined) {
        codeOf.set(text, (elementCode = entries.length));
        entries.push(element);
      }
      codes.push(elementCode);
    }
    starts[code + 1] = codes.length;
  }
  elements = {
    starts,
    codes: Uint32Array.from(codes),
    dictionary: new ValueDictionary('dynamic', entries, stringifyDynamic),
  };
  dictionary.memo.set(key, elements);
  return elements;
}

function asCoded(column: Column): { readonly codes: Codes; readonly dictionary: Dictionary } {
  if (column.kind === 'coded') return column;
  if (column.kind === 'constant' && columnLength(column) > 0) {
    const one = columnFromValues('dynamic', [column.value]);
    if (one.kind === 'coded') return { codes: new Uint32Array(column.length), dictionary: one.dictionary };
  }
  const none = columnFromValues('dynamic', []);
  if (none.kind !== 'coded') throw new TypeError('dynamic columns are coded');
  return none;
}

export interface Expansion {
  /** For each output row the input row that it comes from. */
  readonly rows: Uint32Array;
  /** The expanded columns, of type dynamic. */
  readonly columns: readonly Column[];
  /** The element's place in its array, from 0. */
  readonly places: Float64Array;
}

/**
 * @param limit - the most rows made of one row.
 * @param admit - called with the number of output rows before they are made.
 */
export function expand(
  input: Batch,
  arrays: readonly Column[],
  bagAsArray: boolean,
  limit: number,
  admit: (rowCount: number) => void,
): Expansion {
  const sides = arrays.map((column) => {
    const { codes, dictionary } = asCoded(column);
    return { codes, elements: takeApart(dictionary, bagAsArray) };
  });
  const sizes = new Uint32Array(input.rowCount);
  let total = 0;
  for (const { codes, elements } of sides) {
    const { starts } = elements;
    for (let row = 0; row < sizes.length; row++) {
      const size = starts[codes[row]! + 1]! - starts[codes[row]!]!;
      if (size > sizes[row]!) sizes[row] = size;
    }
  }
  for (let row = 0; row < sizes.length; row++) {
    if (sizes[row]! > limit) sizes[row] = limit;
    total += sizes[row]!;
  }
  admit(total);
  const rows = new Uint32Array(total);
  const places = new Float64Array(total);
  let at = 0;
  for (let row = 0; row < sizes.length; row++) {
    for (let place = 0; place < sizes[row]!; place++) {
      rows[at] = row;
      places[at++] = place;
    }
  }
  const columns = sides.map(({ codes, elements }): Column => {
    const { starts } = elements;
    const out = new Uint32Array(total);
    for (let i = 0; i < total; i++) {
      const code = codes[rows[i]!]!;
      const element = starts[code]! + places[i]!;
      out[i] = element < starts[code + 1]! ? elements.codes[element]! : 0;
    }
    return { kind: 'coded', type: 'dynamic', codes: out, dictionary: elements.dictionary };
  });
  return { rows, columns, places };
}

/** The input's rows repeated for their elements, with the expanded columns put in place. */
export function expandedBatch(
  input: Batch,
  schema: Batch['schema'],
  { rows }: Expansion,
  replaced: ReadonlyMap<number, Column>,
): Batch {
  return new Batch(
    schema,
    rows.length,
    schema.map((_, index) => replaced.get(index) ?? (() => gatherColumn(input.column(index), rows))),
    input.lineage && input.select(rows).lineage,
  );
}
