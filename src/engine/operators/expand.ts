/**
 * `mv-expand`: one row per element. A null or a scalar is its own single element; an empty array or bag has none, so its
 * row goes. Expansions side by side are padded with nulls to the longest. An array is taken apart once per dictionary
 * entry, and where it is text its elements are stretches of that.
 */
import { Batch } from '../../columns/batch.ts';
import { type Codes, type Column, columnFromValues, columnLength, gatherColumn } from '../../columns/column.ts';
import { allCodes, type Dictionary, distinctCodes, TextDictionary, ValueDictionary } from '../../columns/dictionary.ts';
import { stringifyDynamic, survivesText } from '../../columns/dynamic.ts';
import { ListPlaces } from '../../columns/json-list.ts';
import type { Dynamic } from '../../columns/value.ts';

/** The elements of entries of a dictionary: those of entry `c` are `codes[first[c]]` up to `codes[end[c]]`. */
interface Elements {
  readonly first: Uint32Array;
  readonly end: Uint32Array;
  /** Code 0 is the null that pads shorter neighbours. */
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

/** The elements of the entries that `codes` names; nothing is said of others. */
function takeApart(dictionary: Dictionary, codes: Codes, bagAsArray: boolean): Elements {
  const key = `engine:elements:${bagAsArray}`;
  const known = dictionary.memo.get(key) as Elements | number | undefined;
  if (typeof known === 'object') return known;
  const used = distinctCodes(codes, dictionary.size);
  // Asked again and again, as run after run does, all of it once is cheaper.
  const looked = (known ?? 0) + used.length;
  const all = looked > dictionary.size;
  const of = all ? allCodes(dictionary.size) : used;
  const elements = elementTexts(dictionary, of, bagAsArray) ?? elementValues(dictionary, of, bagAsArray);
  dictionary.memo.set(key, all ? elements : looked);
  return elements;
}

function elementValues(dictionary: Dictionary, of: Uint32Array, bagAsArray: boolean): Elements {
  const first = new Uint32Array(dictionary.size);
  const end = new Uint32Array(dictionary.size);
  const codes: number[] = [];
  const entries: Dynamic[] = [null];
  const codeOf = new Map<string, number>([['null', 0]]);
  for (const code of of) {
    first[code] = codes.length;
    for (const element of elementsOf(dictionary.value(code), bagAsArray)) {
      const text = stringifyDynamic(element);
      let elementCode = codeOf.get(text);
      if (elementCode === undefined) {
        codeOf.set(text, (elementCode = entries.length));
        entries.push(element);
      }
      codes.push(elementCode);
    }
    end[code] = codes.length;
  }
  return {
    first,
    end,
    codes: Uint32Array.from(codes),
    dictionary: new ValueDictionary('dynamic', entries, stringifyDynamic),
  };
}

/** As {@link elementValues}, by cutting up texts: who wants a field of an element then reads it where it stands. Undefined where texts lose something. */
function elementTexts(dictionary: Dictionary, of: Uint32Array, bagAsArray: boolean): Elements | undefined {
  if (!dictionary.isText) return undefined;
  const first = new Uint32Array(dictionary.size);
  const end = new Uint32Array(dictionary.size);
  const texts = new TextStore();
  const places = new ListPlaces();
  for (const code of of) {
    first[code] = texts.codes.length;
    const size = texts.reserve(dictionary, code);
    if (size >= 0 && places.split(texts.bytes, texts.length, texts.length + size)) texts.keep(places);
    else {
      for (const element of elementsOf(dictionary.value(code), bagAsArray)) {
        if (!survivesText(element)) return undefined;
        texts.add(element);
      }
    }
    end[code] = texts.codes.length;
  }
  return { first, end, codes: Uint32Array.from(texts.codes), dictionary: texts.dictionary() };
}

/** What only `null` begins with. */
const SMALL_N = 110;

/** Texts of elements one after another. */
class TextStore {
  readonly codes: number[] = [];
  bytes = Buffer.allocUnsafe(1 << 16);
  /** How many bytes hold texts; behind them there is room to read an entry. */
  length = 0;
  readonly #offsets = [0, 0];

  /** Puts the text of an entry behind the texts; gives its size, or -1 where it would have to be decoded and encoded. */
  reserve(dictionary: Dictionary, code: number): number {
    const size = dictionary.utf8Size(code);
    if (size === undefined) return -1;
    this.#grow(size);
    dictionary.copyUtf8(code, this.bytes, this.length);
    return size;
  }

  /** Makes texts of the elements of what was put behind the texts. */
  keep({ count, starts, ends }: ListPlaces): void {
    const { bytes } = this;
    for (let i = 0; i < count; i++) {
      const start = starts[i]!;
      const size = ends[i]! - start;
      // A null has no text.
      if (bytes[start] === SMALL_N) {
        this.codes.push(0);
        continue;
      }
      bytes.copyWithin(this.length, start, start + size);
      this.#end(size);
    }
  }

  add(element: Dynamic): void {
    if (element === null) {
      this.codes.push(0);
      return;
    }
    const text = stringifyDynamic(element);
    this.#grow(Buffer.byteLength(text));
    this.#end(this.bytes.write(text, this.length));
  }

  #end(size: number): void {
    this.length += size;
    this.codes.push(this.#offsets.length - 1);
    this.#offsets.push(this.length);
  }

  #grow(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.length + size, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  dictionary(): TextDictionary {
    const { bytes } = this;
    const offsets = Float64Array.from(this.#offsets);
    const text = (code: number): string => bytes.toString('utf8', offsets[code], offsets[code + 1]);
    return new TextDictionary('dynamic', offsets.length - 1, text, { bytes, offsets, isCompactJson: true });
  }
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
    return { codes, elements: takeApart(dictionary, codes, bagAsArray) };
  });
  const sizes = new Uint32Array(input.rowCount);
  let total = 0;
  for (const { codes, elements } of sides) {
    const { first, end } = elements;
    for (let row = 0; row < sizes.length; row++) {
      const size = end[codes[row]!]! - first[codes[row]!]!;
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
    const { first, end } = elements;
    const out = new Uint32Array(total);
    for (let i = 0; i < total; i++) {
      const code = codes[rows[i]!]!;
      const element = first[code]! + places[i]!;
      out[i] = element < end[code]! ? elements.codes[element]! : 0;
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
