/**
 * The hot loop of an import, in AssemblyScript: lines of one JSON object each, cut into the values of the members that are
 * wanted. `npm run kernel` compiles it into kernel.ts, which is kept in the repository so that a build needs no compiler.
 *
 * Records of one source have their keys in few orders, so the keys seen so far stand in a trie: the position in a record is
 * a node, and the key that followed it last time is compared with the bytes first. The node where a record ends therefore
 * says which keys it had, in which order, exactly; whoever reads the results decides once for each such node what its
 * values mean. A key that no record had at that place stops the loop until the caller has added a node for it.
 *
 * Most bytes of a record are those of the record before: constants, policies, the same user's device. So what was found in
 * a record is kept (its trace) while its bytes still stand in the input. At each node the trace of the last record that came
 * by is followed for as long as the bytes are the same; whatever lies wholly in that stretch is where it was, and only the
 * member in which the bytes differ is read. Equal bytes read from an equal state give an equal result, so this changes
 * nothing but the speed.
 *
 * Bytes are looked at sixteen or sixty-four at a time. Everything that `Members.read` (json-records.ts) would refuse, and
 * what is rare, is handed back unparsed (leaf -1), so that there is one place that words errors.
 */

// A node: its key with the closing quote (address, length), first child, next sibling, the child that was taken last, flags,
// the node inside the object that is its value, the node after that object, the trace of the last record that came by, the
// trace of the last record that ended here. Links are indices; 0 is none (and the root). Traces are addresses; 0 is none.
const NODE_SIZE: usize = 40;
const KEY: usize = 0;
const KEY_LENGTH: usize = 4;
const FIRST: usize = 8;
const NEXT: usize = 12;
const LAST: usize = 16;
const FLAGS: usize = 20;
const INSIDE: usize = 24;
const AFTER: usize = 28;
const PASSED_BY: usize = 32;
const ENDED_HERE: usize = 36;

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

// A trace: its size in bytes (0 while it is being written, and once its bytes are gone), the end of the record, its leaf; then
// its members.
const TRACES: usize = 16;
const MAX_MEMBERS: usize = 1024;
const SIZE: usize = 0;
const END: usize = 4;
const LEAF: usize = 8;
const MEMBERS: usize = 16;
// A member: begin and end of its value, where its key's quote stands, the node of its key; hash and tag of the value, the
// place before its key.
const MEMBER_SIZE: usize = 32;
const VALUE: usize = 0;
const VALUE_END: usize = 4;
const KEY_AT: usize = 8;
const NODE: usize = 12;
const HASH: usize = 16;
const TAG: usize = 20;
const PLACE: usize = 24;
const TRACE_SIZE: usize = MEMBERS + MAX_MEMBERS * MEMBER_SIZE;

// A tag is the kind of a value and, above it, the number of its text where the value is wanted, from 1: values of one call
// that have the same number have the same kind and bytes.
const TEXT_SHIFT: u32 = 3;
const KIND_MASK: u32 = 7;

/** In a place, which is the address of a node: it is inside an object that was entered. */
const IS_INSIDE: u32 = 1;

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
let traces: usize = 0;
/** The trace to write next, and the number of the one to take after it where a leaf has none to give back. */
let spare: usize = 0;
let turn: usize = 0;
let texts: u32 = 0;
let isLineUtf8: bool = true;
let isAllUtf8: bool = true;

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
/** Whether the lines that were passed are UTF-8. */
export function isUtf8(): bool {
  return isAllUtf8;
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

// @ts-ignore: decorator
@inline
function equalBits(a: v128, b: v128, c: v128, d: v128, byte: v128): u64 {
  return (
    <u64>(<u32>i8x16.bitmask(i8x16.eq(a, byte))) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(b, byte))) << 16) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(c, byte))) << 32) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(d, byte))) << 48)
  );
}

let escapeCarry: u64 = 0;

/**
 * Which bytes are escaped: every second one of a run of backslashes, from its start on. `escapeCarry` says whether the first
 * byte is, and then whether the first behind these is.
 */
// @ts-ignore: decorator
@inline
function escapedBits(backslashes: u64): u64 {
  const backslash = backslashes & ~escapeCarry;
  const follows = (backslash << 1) | escapeCarry;
  const oddStarts = backslash & 0xaaaaaaaaaaaaaaaa & ~follows;
  const sum = oddStarts + backslash;
  escapeCarry = sum < backslash ? 1 : 0;
  return (0x5555555555555555 ^ (sum << 1)) & follows;
}

/**
 * The closing quote of the string whose inside starts at `from`; `end` or later where there is none.
 *
 * @param known - up to where the string is known not to end (`from` or before where nothing is known).
 * @param mayEscape - whether there may be a backslash before `known`.
 */
function stringEnd(from: usize, end: usize, known: usize, mayEscape: bool): usize {
  const quotes = i8x16.splat(0x22);
  const backslashes = i8x16.splat(0x5c);
  let at = from;
  isEscaped = false;
  // What is short is looked at sooner than it is known.
  if (known > from + 64) {
    at = known;
    // Behind a run of backslashes it is not certain what they escape.
    while (at > from && load<u8>(at - 1) == 0x5c) at--;
    if (mayEscape) {
      isEscaped = at >= from + 16 && v128.any_true(i8x16.eq(v128.load(from), backslashes));
      if (!isEscaped) at = from;
    }
  } else {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const found =
      <u64>(<u32>i8x16.bitmask(v128.or(i8x16.eq(a, quotes), i8x16.eq(a, backslashes)))) |
      (<u64>(<u32>i8x16.bitmask(v128.or(i8x16.eq(b, quotes), i8x16.eq(b, backslashes)))) << 16) |
      (<u64>(<u32>i8x16.bitmask(v128.or(i8x16.eq(c, quotes), i8x16.eq(c, backslashes)))) << 32);
    const first = at + <usize>ctz(found);
    if (found != 0 && load<u8>(first) == 0x22) return first;
  }
  escapeCarry = 0;
  for (; at < end; at += 64) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    let quote = equalBits(a, b, c, d, quotes);
    const backslash = equalBits(a, b, c, d, backslashes);
    if ((backslash | escapeCarry) != 0) {
      if (!isEscaped) {
        // An unescaped quote in front of the first backslash ends the string there.
        if (quote != 0 && ctz(quote) < ctz(backslash)) return at + <usize>ctz(quote);
        isEscaped = true;
      }
      quote &= ~escapedBits(backslash);
    }
    if (quote != 0) return at + <usize>ctz(quote);
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
  escapeCarry = 0;
  /** All bits set inside a string. */
  let inString: u64 = 0;
  let depth: i64 = 0;
  for (let at = from; at < end; at += 64) {
    let a = v128.load(at);
    let b = v128.load(at, 16);
    let c = v128.load(at, 32);
    let d = v128.load(at, 48);
    let quote = equalBits(a, b, c, d, quotes);
    const backslash = equalBits(a, b, c, d, backslashes);
    if ((backslash | escapeCarry) != 0) quote &= ~escapedBits(backslash);
    let inside = quote;
    inside ^= inside << 1;
    inside ^= inside << 2;
    inside ^= inside << 4;
    inside ^= inside << 8;
    inside ^= inside << 16;
    inside ^= inside << 32;
    inside ^= inString;
    inString = inside >> 63 ? 0xffffffffffffffff : 0;
    // [ and { differ by one bit, and so do ] and }.
    a = v128.or(a, lowered);
    b = v128.or(b, lowered);
    c = v128.or(c, lowered);
    d = v128.or(d, lowered);
    const open = equalBits(a, b, c, d, opening) & ~inside;
    let close = equalBits(a, b, c, d, closing) & ~inside;
    if (depth > <i64>popcnt(close)) {
      // The end cannot be among these bytes.
      depth += <i64>popcnt(open) - <i64>popcnt(close);
      continue;
    }
    let counted: u64 = 0;
    while (close != 0) {
      const bit = close & (~close + 1);
      const before = popcnt(open & (bit - 1));
      depth += <i64>(before - counted) - 1;
      counted = before;
      if (depth == 0) return at + <usize>ctz(bit) + 1;
      close ^= bit;
    }
    depth += <i64>(popcnt(open) - counted);
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

/** The first position from `at` on, or `end`, where the bytes are not those from `other` on. */
// @ts-ignore: decorator
@inline
function sameUntil(at: usize, other: usize, end: usize): usize {
  const shift = other - at;
  for (let to = at; to < end; to += 64) {
    const a = v128.xor(v128.load(to), v128.load(to + shift));
    const b = v128.xor(v128.load(to, 16), v128.load(to + shift, 16));
    const c = v128.xor(v128.load(to, 32), v128.load(to + shift, 32));
    const d = v128.xor(v128.load(to, 48), v128.load(to + shift, 48));
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) {
      return min(to + <usize>ctz(~equalBits(a, b, c, d, i8x16.splat(0))), end);
    }
  }
  return end;
}

/** The member of an earlier record at the same place, `offset` bytes into its trace; 0 where there is none. */
// @ts-ignore: decorator
@inline
function memberBefore(place: u32, offset: usize): usize {
  const trace = <usize>load<u32>(place & ~IS_INSIDE, PASSED_BY);
  if (trace == 0 || offset >= <usize>load<u32>(trace, SIZE)) return 0;
  return load<u32>(trace + offset, PLACE) == place ? trace + offset : 0;
}

function indexOf(node: usize): u32 {
  return <u32>((node - nodes) / NODE_SIZE);
}

/** Ends the trace of a record. */
function endTrace(trace: usize, size: usize, end: usize, leaf: u32): void {
  store<u32>(trace, <u32>size, SIZE);
  store<u32>(trace, <u32>end, END);
  store<u32>(trace, leaf, LEAF);
  const node = nodes + <usize>leaf * NODE_SIZE;
  const before = <usize>load<u32>(node, ENDED_HERE);
  store<u32>(node, <u32>trace, ENDED_HERE);
  if (before != 0 && before != trace && load<u32>(before, LEAF) == leaf) spare = before;
  else {
    while (spare == trace) spare = traces + (turn++ & (TRACES - 1)) * TRACE_SIZE;
  }
}

/**
 * Reads the object that fills [`from`, `end`), behind which stands a zero. Wanted values go to `values`: begin, end, hash and
 * tag of each. Returns the node after its last member; -1 for what is to be read elsewhere; -2 for an unknown key.
 */
function record(from: usize, end: usize, values: usize): i32 {
  if (load<u8>(from) != 0x7b) return -1;
  let at = afterBlanks(from + 1);
  let out = values;
  let place = <u32>nodes;
  const trace = spare;
  store<u32>(trace, 0, SIZE);
  let member = trace + MEMBERS;
  for (;;) {
    let known = at;
    let shift: usize = 0;
    let isString = false;
    let mayEscape = false;
    let isKeyKnown = false;
    let before = memberBefore(place, member - trace);
    if (before != 0) {
      shift = at - <usize>load<u32>(before, KEY_AT);
      known = sameUntil(at, at - shift, end);
      const earlier = before - (member - trace);
      const stop = earlier + <usize>load<u32>(earlier, SIZE);
      const isSame = known == end && end - shift == <usize>load<u32>(earlier, END);
      const moved = i32x4.replace_lane(i32x4.splat(<i32>shift), 3, 0);
      for (;;) {
        const next = before + MEMBER_SIZE;
        if (next < stop ? <usize>load<u32>(next, KEY_AT) + shift > known : !isSame) break;
        v128.store(member, i32x4.add(v128.load(before), moved));
        v128.store(member, v128.load(before, HASH), HASH);
        store<u32>(load<u32>(before, PLACE) & ~IS_INSIDE, <u32>trace, PASSED_BY);
        if (load<u32>(before, TAG) > KIND_MASK) {
          store<u64>(out, load<u64>(member, VALUE));
          store<u64>(out, load<u64>(member, HASH), 8);
          out += 16;
        }
        member += MEMBER_SIZE;
        before = next;
        if (next == stop) {
          const leaf = load<u32>(earlier, LEAF);
          endTrace(trace, member - trace, end, leaf);
          valueEnd = out;
          return <i32>leaf;
        }
      }
      place = load<u32>(before, PLACE);
      at = <usize>load<u32>(before, KEY_AT) + shift;
      const kind = load<u32>(before, TAG) & KIND_MASK;
      isString = kind == PLAIN || kind == ESCAPED;
      mayEscape = kind == ESCAPED;
      isKeyKnown = kind != 0 && known >= <usize>load<u32>(before, VALUE) + shift;
      known = isString ? min(known, <usize>load<u32>(before, VALUE_END) + shift) : at;
    }

    if (member == trace + TRACE_SIZE) return -1;
    const parent = <usize>(place & ~IS_INSIDE);
    store<u32>(member, <u32>at, KEY_AT);
    store<u32>(member, place, PLACE);
    let found: usize;
    if (isKeyKnown) {
      found = load<u32>(before, NODE);
      at = <usize>load<u32>(before, VALUE) + shift - (isString ? 1 : 0);
    } else {
      if (load<u8>(at) != 0x22) return -1;
      at++;
      const child = childAt(parent, at);
      if (child == 0) {
        const keyStop = stringEnd(at, end, at, false);
        if (keyStop >= end) return -1;
        unknownNode = indexOf(parent);
        unknownKind = 0;
        unknownKey = at;
        unknownKeyEnd = keyStop;
        return -2;
      }
      found = nodes + <usize>child * NODE_SIZE;
      at = afterBlanks(at + load<u32>(found, KEY_LENGTH));
      if (load<u8>(at) != 0x3a) return -1;
      at++;
    }
    at = afterBlanks(at);
    const flags = load<u32>(found, FLAGS);
    store<u32>(member, <u32>found, NODE);
    store<u32>(parent, <u32>trace, PASSED_BY);
    const first = <u32>load<u8>(at);
    let start = at;
    let stop: usize;
    let kind: i32;
    if (first == 0x22) {
      start = at + 1;
      stop = stringEnd(start, end, known, mayEscape);
      if (stop >= end) return -1;
      kind = isEscaped ? ESCAPED : PLAIN;
      at = stop + 1;
    } else if ((first | 0x20) == 0x7b) {
      if ((flags & ENTERED) != 0 && first == 0x7b && (place & IS_INSIDE) == 0) {
        const inside = load<u32>(found, INSIDE);
        if (inside == 0) {
          unknownNode = indexOf(found);
          unknownKind = 1;
          return -2;
        }
        at = afterBlanks(at + 1);
        store<u32>(member, 0, TAG);
        member += MEMBER_SIZE;
        place = <u32>(nodes + <usize>inside * NODE_SIZE) | IS_INSIDE;
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
    store<u32>(member, <u32>start, VALUE);
    store<u32>(member, <u32>stop, VALUE_END);
    if ((flags & WANTED) != 0) {
      store<i32>(member, hash(start, stop), HASH);
      store<u32>(member, <u32>kind | (++texts << TEXT_SHIFT), TAG);
      store<u64>(out, load<u64>(member, VALUE));
      store<u64>(out, load<u64>(member, HASH), 8);
      out += 16;
    } else store<u32>(member, <u32>kind, TAG);
    member += MEMBER_SIZE;
    place = <u32>found | (place & IS_INSIDE);
    at = afterBlanks(at);
    let next = <u32>load<u8>(at);
    if (next == 0x7d && (place & IS_INSIDE) != 0) {
      const after = load<u32>(found, AFTER);
      if (after == 0) {
        unknownNode = indexOf(found);
        unknownKind = 2;
        return -2;
      }
      place = <u32>(nodes + <usize>after * NODE_SIZE);
      at = afterBlanks(at + 1);
      next = <u32>load<u8>(at);
    }
    if (next == 0x2c) {
      at = afterBlanks(at + 1);
      continue;
    }
    if (next != 0x7d) return -1;
    at = afterBlanks(at + 1);
    if (at < end || (place & IS_INSIDE) != 0) return -1;
    const leaf = indexOf(place);
    endTrace(trace, member - trace, end, leaf);
    valueEnd = out;
    return <i32>leaf;
  }
}

/**
 * Reads the characters that begin in [`from`, `to`) of a line.
 *
 * @returns the position after the last of them; 0 where one is not UTF-8.
 */
function charactersEnd(from: usize, to: usize): usize {
  let at = from;
  while (at < to) {
    const first = <u32>load<u8>(at++);
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return 0;
    const second = <u32>load<u8>(at);
    // No longer form than needed, no halves of a character, nothing beyond the last one.
    const least: u32 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const most: u32 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < least || second > most) return 0;
    at++;
    for (let more: u32 = first < 0xe0 ? 0 : first < 0xf0 ? 1 : 2; more > 0; more--) {
      if ((load<u8>(at++) & 0xc0) != 0x80) return 0;
    }
  }
  return at;
}

/** The first newline from `from` on, or `end`. Says in `isLineUtf8` whether the bytes up to there are UTF-8. */
function newline(from: usize, end: usize): usize {
  const newlines = i8x16.splat(0x0a);
  let stop = end;
  /** Up to where characters were read. */
  let read = from;
  for (let at = from; at < stop; at += 64) {
    const a = v128.load(at);
    const b = v128.load(at, 16);
    const c = v128.load(at, 32);
    const d = v128.load(at, 48);
    const found = v128.or(
      v128.or(i8x16.eq(a, newlines), i8x16.eq(b, newlines)),
      v128.or(i8x16.eq(c, newlines), i8x16.eq(d, newlines)),
    );
    if (v128.any_true(found)) stop = min(at + <usize>ctz(equalBits(a, b, c, d, newlines)), end);
    if (read != 0 && i8x16.bitmask(v128.or(v128.or(a, b), v128.or(c, d))) != 0) {
      read = charactersEnd(max(read, at), min(at + 64, stop));
    }
  }
  isLineUtf8 = read != 0 && read <= stop;
  return stop;
}

/**
 * Reads lines from [`from`, `end`). At least 64 bytes behind `end` must be there to be read. Each line that is not blank
 * gives a record: its leaf (or -1), begin, end, the number of its first value, and its line counted from `from`.
 *
 * @param isLast - whether the last line counts without a newline.
 */
export function lines(
  trie: usize,
  tracesAt: usize,
  from: usize,
  end: usize,
  isLast: bool,
  recordsOut: usize,
  maxRecords: u32,
  valuesOut: usize,
  maxValues: u32,
): i32 {
  nodes = trie;
  traces = tracesAt;
  // Bytes may have moved since the last call.
  for (let trace: usize = 0; trace < TRACES; trace++) store<u32>(traces + trace * TRACE_SIZE, 0, SIZE);
  spare = traces;
  texts = 0;
  isAllUtf8 = true;
  recordCount = 0;
  lineCount = 0;
  let values = valuesOut;
  const lastValues = valuesOut + (<usize>maxValues - MAX_MEMBERS) * 16;
  position = from;
  while (position < end) {
    if (recordCount >= maxRecords || values > lastValues) return FULL;
    const stop = newline(position, end);
    if (stop == end && !isLast) return DONE;
    isAllUtf8 = isAllUtf8 && isLineUtf8;
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
