/**
 * The hot loop of an import, in AssemblyScript: lines of one JSON object each, cut into the values of the members that are
 * wanted. `npm run kernel` compiles it into kernel.ts, which is kept in the repository so that a build needs no compiler.
 *
 * Records of one source have their keys in few orders, so the keys seen so far stand in a trie: the position in a record is
 * a node, and the key that followed it last time is compared with the bytes first. The node where a record ends therefore
 * says which keys it had, in which order, exactly; whoever reads the results decides once for each such node what its
 * values mean. A key that no record had at that place stops the loop until the caller has added a node for it.
 *
 * Bytes are looked at sixteen at a time. Everything that `Members.read` (json-records.ts) would refuse, and what is rare,
 * is handed back unparsed (leaf -1), so that there is one place that words errors.
 */

// A node: its key with the closing quote (address, length), first child, next sibling, the child that was taken last, flags,
// the node inside the object that is its value, the node after that object. Links are indices; 0 is none (and the root).
const NODE_SIZE: usize = 32;
const KEY: usize = 0;
const KEY_LENGTH: usize = 4;
const FIRST: usize = 8;
const NEXT: usize = 12;
const LAST: usize = 16;
const FLAGS: usize = 20;
const INSIDE: usize = 24;
const AFTER: usize = 28;

const WANTED: u32 = 1;
/** The members of an object in its place are members of the record. */
const ENTERED: u32 = 2;

const PLAIN: i32 = 1;
const ESCAPED: i32 = 2;
const NUMBER: i32 = 3;
const TRUE: i32 = 4;
const FALSE: i32 = 5;
const NULL: i32 = 6;
const COMPOSITE: i32 = 7;

// Why `lines` stopped.
/** All bytes are done with, but for a line that has no end yet. */
const DONE: i32 = 0;
/** There is no room for more results. */
const FULL: i32 = 1;
/** A key (`key()` to `keyEnd()`) follows `node()` that has no node; `kind()`: 0 a key, 1 the inside of its object, 2 its end. */
const UNKNOWN: i32 = 2;

const MAX_VALUES: u32 = 1024;

let nodes: usize = 0;
let unknownNode: u32 = 0;
let unknownKind: i32 = 0;
let unknownKey: usize = 0;
let unknownKeyEnd: usize = 0;
let position: usize = 0;
let recordCount: u32 = 0;
let lineCount: u32 = 0;
let valueEnd: usize = 0;
let isEscaped: bool = false;

export function node(): u32 {
  return unknownNode;
}
export function kind(): i32 {
  return unknownKind;
}
export function key(): usize {
  return unknownKey;
}
export function keyEnd(): usize {
  return unknownKeyEnd;
}
/** Where the next line begins. */
export function at(): usize {
  return position;
}
export function records(): u32 {
  return recordCount;
}
/** Lines that were passed, whether they held a record or not. */
export function passed(): u32 {
  return lineCount;
}

// @ts-ignore: decorator
@inline
function isBlank(byte: u32): bool {
  return byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09;
}

// @ts-ignore: decorator
@inline
function afterBlanks(from: usize): usize {
  let at = from;
  while (isBlank(load<u8>(at))) at++;
  return at;
}

/** The closing quote of the string whose inside starts at `from`; `end` or later where there is none. */
function stringEnd(from: usize, end: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  let at = from;
  let carry: u32 = 0;
  isEscaped = false;
  while (at < end) {
    const bytes = v128.load(at);
    let quote = <u32>i8x16.bitmask(i8x16.eq(bytes, quotes));
    let backslash = <u32>i8x16.bitmask(i8x16.eq(bytes, backslashes));
    if ((backslash | carry) == 0) {
      if (quote != 0) return at + ctz(quote);
    } else {
      // An unescaped quote in front of the first backslash ends the string there.
      if (carry == 0 && quote != 0 && ctz(quote) < ctz(backslash)) return at + ctz(quote);
      isEscaped = true;
      // Which bytes are escaped: every second one of a run of backslashes, from its start on.
      backslash &= ~carry;
      const follows = (backslash << 1) | carry;
      const oddStarts = backslash & 0xaaaa & ~follows;
      const sum = oddStarts + backslash;
      carry = (sum >> 16) & 1;
      const escaped = (0x5555 ^ (sum << 1)) & follows;
      quote &= ~escaped & 0xffff;
      if (quote != 0) return at + ctz(quote);
    }
    at += 16;
  }
  return end;
}

/** The position after the object or list that begins at `from`; 0 where it has no end. */
function compositeEnd(from: usize, end: usize): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  const lowered = i8x16.splat(0x20);
  const opening = i8x16.splat(0x7b);
  const closing = i8x16.splat(0x7d);
  let at = from;
  let carry: u32 = 0;
  /** All bits set inside a string. */
  let inString: u32 = 0;
  let depth: i32 = 0;
  while (at < end) {
    const bytes = v128.load(at);
    let quote = <u32>i8x16.bitmask(i8x16.eq(bytes, quotes));
    let backslash = <u32>i8x16.bitmask(i8x16.eq(bytes, backslashes));
    if ((backslash | carry) != 0) {
      backslash &= ~carry;
      const follows = (backslash << 1) | carry;
      const oddStarts = backslash & 0xaaaa & ~follows;
      const sum = oddStarts + backslash;
      carry = (sum >> 16) & 1;
      quote &= ~((0x5555 ^ (sum << 1)) & follows) & 0xffff;
    }
    let inside = quote;
    inside ^= inside << 1;
    inside ^= inside << 2;
    inside ^= inside << 4;
    inside ^= inside << 8;
    inside = (inside ^ inString) & 0xffff;
    inString = inside & 0x8000 ? 0xffff : 0;
    // [ and { differ by one bit, and so do ] and }.
    const lower = v128.or(bytes, lowered);
    const open = <u32>i8x16.bitmask(i8x16.eq(lower, opening)) & ~inside;
    let close = <u32>i8x16.bitmask(i8x16.eq(lower, closing)) & ~inside;
    if (depth > 16 || close == 0 || depth > <i32>popcnt(close)) {
      // The end cannot be among these sixteen bytes.
      depth += <i32>popcnt(open) - <i32>popcnt(close);
    } else {
      let counted: u32 = 0;
      while (close != 0) {
        const bit = close & (~close + 1);
        const before = popcnt(open & (bit - 1));
        depth += <i32>(before - counted) - 1;
        counted = before;
        if (depth == 0) return at + ctz(bit) + 1;
        close ^= bit;
      }
      depth += <i32>(popcnt(open) - counted);
    }
    at += 16;
  }
  return 0;
}

/** The hash of json-records.ts. */
function hash(from: usize, end: usize): i32 {
  const length = <i32>(end - from);
  let hash: i32 = 0x811c9dc5 ^ length;
  let at = from;
  if (length >= 64) {
    let lanes = i32x4.splat(hash);
    const factor = i32x4.splat(0x01000193);
    for (const last = end - 16; at <= last; at += 16) {
      lanes = i32x4.mul(v128.xor(lanes, v128.load(at)), factor);
      lanes = v128.xor(lanes, i32x4.shr_u(lanes, 15));
    }
    hash = i32x4.extract_lane(lanes, 0);
    hash = (hash * 0x01000193) ^ i32x4.extract_lane(lanes, 1);
    hash = (hash * 0x01000193) ^ i32x4.extract_lane(lanes, 2);
    hash = (hash * 0x01000193) ^ i32x4.extract_lane(lanes, 3);
  }
  for (; at + 4 <= end; at += 4) {
    hash = (hash ^ load<i32>(at)) * 0x01000193;
    hash ^= hash >>> 15;
  }
  for (; at < end; at++) hash = (hash ^ <i32>load<u8>(at)) * 0x01000193;
  return hash ^ (hash >>> 15);
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 <= 9;
}

/** Reads a number, true, false or null: `valueEnd` is after it. 0 where there is none. */
function literal(from: usize): i32 {
  const first = <u32>load<u8>(from);
  if (first == 0x74) {
    valueEnd = from + 4;
    return load<u32>(from) == 0x65757274 ? TRUE : 0;
  }
  if (first == 0x66) {
    valueEnd = from + 5;
    return load<u32>(from + 1) == 0x65736c61 ? FALSE : 0;
  }
  if (first == 0x6e) {
    valueEnd = from + 4;
    return load<u32>(from) == 0x6c6c756e ? NULL : 0;
  }
  let at = from;
  if (first == 0x2d) at++;
  const digits = at;
  while (isDigit(load<u8>(at))) at++;
  if (at == digits || (load<u8>(digits) == 0x30 && at > digits + 1)) return 0;
  if (load<u8>(at) == 0x2e) {
    const fraction = ++at;
    while (isDigit(load<u8>(at))) at++;
    if (at == fraction) return 0;
  }
  if ((load<u8>(at) | 0x20) == 0x65) {
    at++;
    if (load<u8>(at) == 0x2b || load<u8>(at) == 0x2d) at++;
    const exponent = at;
    while (isDigit(load<u8>(at))) at++;
    if (at == exponent) return 0;
  }
  valueEnd = at;
  return NUMBER;
}

// @ts-ignore: decorator
@inline
function isKey(child: usize, at: usize): bool {
  const bytes = <usize>load<u32>(child, KEY);
  const length = <usize>load<u32>(child, KEY_LENGTH);
  let i: usize = 0;
  for (; i + 16 <= length; i += 16) {
    if (v128.any_true(v128.xor(v128.load(bytes + i), v128.load(at + i)))) return false;
  }
  if (i == length) return true;
  const equal = <u32>i8x16.bitmask(i8x16.eq(v128.load(bytes + i), v128.load(at + i)));
  const wanted = (<u32>1 << <u32>(length - i)) - 1;
  return (equal & wanted) == wanted;
}

/** The child of a node whose key begins at `at`; 0 where there is none. */
function childAt(parent: usize, at: usize): u32 {
  const predicted = load<u32>(parent, LAST);
  if (predicted != 0 && isKey(nodes + <usize>predicted * NODE_SIZE, at)) return predicted;
  let child = load<u32>(parent, FIRST);
  while (child != 0) {
    if (child != predicted && isKey(nodes + <usize>child * NODE_SIZE, at)) {
      store<u32>(parent, child, LAST);
      return child;
    }
    child = load<u32>(nodes + <usize>child * NODE_SIZE, NEXT);
  }
  return 0;
}

/**
 * Reads the object that fills [`from`, `end`), behind which stands a zero. Wanted values go to `values`: begin, end, hash and
 * kind of each. Returns the node after its last member; -1 for what is to be read elsewhere; -2 for an unknown key.
 */
function record(from: usize, end: usize, values: usize): i32 {
  let out = values;
  let at = from;
  let current: u32 = 0;
  let isInside = false;
  let owner: u32 = 0;
  if (load<u8>(at) != 0x7b) return -1;
  at = afterBlanks(at + 1);
  for (;;) {
    if (load<u8>(at) != 0x22) return -1;
    at++;
    const parent = nodes + <usize>current * NODE_SIZE;
    const child = childAt(parent, at);
    if (child == 0) {
      const keyStop = stringEnd(at, end);
      if (keyStop >= end) return -1;
      unknownNode = current;
      unknownKind = 0;
      unknownKey = at;
      unknownKeyEnd = keyStop;
      return -2;
    }
    current = child;
    const found = nodes + <usize>child * NODE_SIZE;
    const flags = load<u32>(found, FLAGS);
    at = afterBlanks(at + load<u32>(found, KEY_LENGTH));
    if (load<u8>(at) != 0x3a) return -1;
    at = afterBlanks(at + 1);
    const first = <u32>load<u8>(at);
    let start = at;
    let stop: usize;
    let kind: i32;
    if (first == 0x22) {
      start = at + 1;
      stop = stringEnd(start, end);
      if (stop >= end) return -1;
      kind = isEscaped ? ESCAPED : PLAIN;
      at = stop + 1;
    } else if ((first | 0x20) == 0x7b) {
      if ((flags & ENTERED) != 0 && first == 0x7b && !isInside) {
        const inside = load<u32>(found, INSIDE);
        if (inside == 0) {
          unknownNode = child;
          unknownKind = 1;
          return -2;
        }
        at = afterBlanks(at + 1);
        isInside = true;
        owner = child;
        current = inside;
        continue;
      }
      stop = compositeEnd(at, end);
      if (stop == 0 || stop > end) return -1;
      kind = COMPOSITE;
      at = stop;
    } else {
      kind = literal(at);
      if (kind == 0) return -1;
      stop = valueEnd;
      if (stop > end) return -1;
      at = stop;
    }
    if ((flags & WANTED) != 0) {
      if (out >= values + (MAX_VALUES - 1) * 16) return -1;
      store<i32>(out, <i32>start, 0);
      store<i32>(out, <i32>stop, 4);
      store<i32>(out, hash(start, stop), 8);
      store<i32>(out, kind, 12);
      out += 16;
    }
    at = afterBlanks(at);
    let next = <u32>load<u8>(at);
    if (next == 0x7d && isInside) {
      const closing = nodes + <usize>current * NODE_SIZE;
      const after = load<u32>(closing, AFTER);
      if (after == 0) {
        unknownNode = current;
        unknownKind = 2;
        return -2;
      }
      current = after;
      isInside = false;
      at = afterBlanks(at + 1);
      next = <u32>load<u8>(at);
    }
    if (next == 0x2c) {
      at = afterBlanks(at + 1);
      continue;
    }
    if (next != 0x7d) return -1;
    at = afterBlanks(at + 1);
    if (at < end || isInside) return -1;
    valueEnd = out;
    return <i32>current;
  }
}

/** The first newline from `from` on, or `end`. */
function newline(from: usize, end: usize): usize {
  const newlines = i8x16.splat(0x0a);
  let at = from;
  while (at + 64 <= end) {
    const a = i8x16.eq(v128.load(at), newlines);
    const b = i8x16.eq(v128.load(at, 16), newlines);
    const c = i8x16.eq(v128.load(at, 32), newlines);
    const d = i8x16.eq(v128.load(at, 48), newlines);
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) break;
    at += 64;
  }
  while (at < end) {
    const found = <u32>i8x16.bitmask(i8x16.eq(v128.load(at), newlines));
    if (found != 0) return min(at + ctz(found), end);
    at += 16;
  }
  return end;
}

/**
 * Reads lines from [`from`, `end`). At least 64 bytes behind `end` must be there to be read. Each line that is not blank
 * gives a record: its leaf (or -1), begin, end, the number of its first value, and its line counted from `from`.
 *
 * @param isLast - whether the last line counts without a newline.
 */
export function lines(
  trie: usize,
  from: usize,
  end: usize,
  isLast: bool,
  recordsOut: usize,
  maxRecords: u32,
  valuesOut: usize,
  maxValues: u32,
): i32 {
  nodes = trie;
  recordCount = 0;
  lineCount = 0;
  let values = valuesOut;
  const lastValues = valuesOut + <usize>(maxValues - MAX_VALUES) * 16;
  position = from;
  while (position < end) {
    if (recordCount >= maxRecords || values > lastValues) return FULL;
    const stop = newline(position, end);
    if (stop == end && !isLast) return DONE;
    const start = afterBlanksBefore(position, stop);
    if (start < stop) {
      const behind = load<u8>(stop);
      store<u8>(stop, 0);
      const leaf = record(start, stop, values);
      store<u8>(stop, behind);
      if (leaf == -2) return UNKNOWN;
      const out = recordsOut + <usize>recordCount * 20;
      store<i32>(out, leaf, 0);
      store<i32>(out, <i32>start, 4);
      store<i32>(out, <i32>stop, 8);
      store<i32>(out, <i32>((values - valuesOut) >> 4), 12);
      store<i32>(out, <i32>lineCount, 16);
      if (leaf >= 0) values = valueEnd;
      recordCount++;
    }
    lineCount++;
    position = stop + 1;
  }
  return DONE;
}

function afterBlanksBefore(from: usize, end: usize): usize {
  let at = from;
  while (at < end && isBlank(load<u8>(at))) at++;
  return at;
}
