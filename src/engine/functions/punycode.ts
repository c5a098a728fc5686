/** Punycode by RFC 3492: texts of any script as ASCII, and back. */
import { TocsinError } from '../../base/errors.ts';

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_N = 128;
const DELIMITER = '-';

function adapt(delta: number, points: number, first: boolean): number {
  let rest = first ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

function threshold(k: number, bias: number): number {
  return Math.min(T_MAX, Math.max(T_MIN, k - bias));
}

function digitOf(unit: number): number {
  if (unit >= 48 && unit <= 57) return unit - 22;
  if (unit >= 65 && unit <= 90) return unit - 65;
  return unit >= 97 && unit <= 122 ? unit - 97 : BASE;
}

function letterOf(digit: number): string {
  return String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);
}

/** The work grows with the square of the length; names are never near this long. */
const LONGEST = 10_000;

function checkLength(text: string): void {
  if (text.length <= LONGEST) return;
  throw new TocsinError('UNSUPPORTED', `Punycode of ${text.length} characters is not supported, at most ${LONGEST}`);
}

export function punycodeEncode(text: string): string {
  checkLength(text);
  const points = Array.from(text, (c) => c.codePointAt(0)!);
  const basic = points.filter((point) => point < INITIAL_N);
  let out = String.fromCodePoint(...basic);
  let handled = basic.length;
  if (handled > 0) out += DELIMITER;
  let n = INITIAL_N;
  let delta = 0;
  let bias = INITIAL_BIAS;
  while (handled < points.length) {
    const next = points.reduce((least, point) => (point >= n && point < least ? point : least), Infinity);
    delta += (next - n) * (handled + 1);
    n = next;
    for (const point of points) {
      if (point < n) delta++;
      if (point !== n) continue;
      let q = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (q < t) break;
        out += letterOf(t + ((q - t) % (BASE - t)));
        q = Math.floor((q - t) / (BASE - t));
      }
      out += letterOf(q);
      bias = adapt(delta, handled + 1, handled === basic.length);
      delta = 0;
      handled++;
    }
    delta++;
    n++;
  }
  return out;
}

/** The text, or undefined where `encoded` is not Punycode. */
export function punycodeDecode(encoded: string): string | undefined {
  checkLength(encoded);
  const cut = encoded.lastIndexOf(DELIMITER);
  const points = Array.from(cut > 0 ? encoded.slice(0, cut) : '', (c) => c.codePointAt(0)!);
  if (points.some((point) => point >= INITIAL_N)) return undefined;
  let n = INITIAL_N;
  let index = 0;
  let bias = INITIAL_BIAS;
  for (let at = cut > 0 ? cut + 1 : 0; at < encoded.length; ) {
    const before = index;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      if (at >= encoded.length) return undefined;
      const digit = digitOf(encoded.charCodeAt(at++));
      if (digit >= BASE) return undefined;
      index += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
      if (weight > Number.MAX_SAFE_INTEGER) return undefined;
    }
    const size = points.length + 1;
    bias = adapt(index - before, size, before === 0);
    n += Math.floor(index / size);
    index %= size;
    if (n > 0x10ffff) return undefined;
    points.splice(index++, 0, n);
  }
  return points.map((point) => String.fromCodePoint(point)).join('');
}
