/** Hashes and encodings of values. */
import { createHash } from 'node:crypto';
import { gunzipSync, inflateSync } from 'node:zlib';
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { define, type ScalarFunction } from './function.ts';
import { countArg, parseGuid, textOf } from './scalars.ts';

const P1 = 0x9e37_79b1_85eb_ca87n;
const P2 = 0xc2b2_ae3d_27d4_eb4fn;
const P3 = 0x1656_67b1_9e37_79f9n;
const P4 = 0x85eb_ca77_c2b2_ae63n;
const P5 = 0x27d4_eb2f_1656_67c5n;

function u64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

function rotate(value: bigint, bits: bigint): bigint {
  return u64((value << bits) | (value >> (64n - bits)));
}

function mix(lane: bigint, input: bigint): bigint {
  return u64(rotate(u64(lane + input * P2), 31n) * P1);
}

/** XXH64 with seed 0, by its specification. */
export function xxhash64(bytes: Buffer): bigint {
  let at = 0;
  let hash: bigint;
  if (bytes.length >= 32) {
    const lanes = [u64(P1 + P2), P2, 0n, u64(-P1)];
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) lanes[i] = mix(lanes[i]!, bytes.readBigUInt64LE(at + 8 * i));
    }
    hash = u64(rotate(lanes[0]!, 1n) + rotate(lanes[1]!, 7n) + rotate(lanes[2]!, 12n) + rotate(lanes[3]!, 18n));
    for (const lane of lanes) hash = u64((hash ^ mix(0n, lane)) * P1 + P4);
  } else hash = P5;
  hash = u64(hash + BigInt(bytes.length));
  for (; at + 8 <= bytes.length; at += 8) {
    hash = u64(rotate(hash ^ mix(0n, bytes.readBigUInt64LE(at)), 27n) * P1 + P4);
  }
  if (at + 4 <= bytes.length) {
    hash = u64(rotate(hash ^ u64(BigInt(bytes.readUInt32LE(at)) * P1), 23n) * P2 + P3);
    at += 4;
  }
  for (; at < bytes.length; at++) hash = u64(rotate(hash ^ u64(BigInt(bytes[at]!) * P5), 11n) * P1);
  hash = u64((hash ^ (hash >> 33n)) * P2);
  hash = u64((hash ^ (hash >> 29n)) * P3);
  return hash ^ (hash >> 32n);
}

/** The bytes that Kusto hashes for a value: eight of a number or time, the text of anything else. */
function hashBytes(value: Value, type: ScalarType): Buffer {
  if (typeof value === 'bigint' && type !== 'dynamic') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt.asIntN(64, value));
    return bytes;
  }
  if (typeof value === 'number' && type !== 'dynamic') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return bytes;
  }
  return Buffer.from(textOf(value, type), 'utf8');
}

function hash(args: readonly Value[], types: readonly ScalarType[]): Value {
  const value = BigInt.asIntN(64, xxhash64(hashBytes(args[0]!, types[0]!)));
  if (args.length < 2) return value;
  const modulus = args[1]!;
  return typeof modulus === 'bigint' && modulus > 0n ? u64(value) % modulus : null;
}

function digest(name: string, algorithm: string): ScalarFunction {
  return define(name, ([value], types) =>
    createHash(algorithm).update(textOf(value!, types[0]!), 'utf8').digest('hex'),
  );
}

const BASE64_FORM = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes of a Base64 text, or undefined where it is none. */
function base64Bytes(text: string): Buffer | undefined {
  return BASE64_FORM.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined;
}

/** UTF-8 text, or the empty text where the bytes are not UTF-8. */
function utf8(bytes: Buffer | undefined): string {
  if (!bytes) return '';
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : '';
}

function decompress(text: string, inflate: (bytes: Buffer) => Buffer): string {
  const bytes = base64Bytes(text);
  if (!bytes) return '';
  try {
    return utf8(inflate(bytes));
  } catch {
    // What is not a compressed stream has no text.
    return '';
  }
}

/** No compressed text may unfold to more than a value can hold. */
const LIMIT = { maxOutputLength: 1 << 20 };

export const HASH_FUNCTIONS: readonly ScalarFunction[] = [
  define('hash', hash),
  define('hash_xxhash64', hash),
  digest('hash_md5', 'md5'),
  digest('hash_sha1', 'sha1'),
  digest('hash_sha256', 'sha256'),
  define('base64_encode_tostring', ([value], types) =>
    Buffer.from(textOf(value!, types[0]!), 'utf8').toString('base64'),
  ),
  define('base64_decode_tostring', ([value], types) => utf8(base64Bytes(textOf(value!, types[0]!)))),
  define('base64_decode_toarray', ([value], types) => {
    const bytes = base64Bytes(textOf(value!, types[0]!));
    return bytes ? Array.from(bytes, (byte) => BigInt(byte)) : null;
  }),
  define('base64_encode_fromarray', ([value]) =>
    Array.isArray(value) ? Buffer.from(value.map((byte: Dynamic) => countArg(byte, 0))).toString('base64') : '',
  ),
  define('base64_decode_toguid', ([value], types) => {
    const bytes = base64Bytes(textOf(value!, types[0]!));
    if (bytes?.length !== 16) return null;
    // The first three fields of a guid are stored with their least byte first.
    const hex = (from: number, to: number, reversed: boolean): string => {
      const part = bytes.subarray(from, to);
      return (reversed ? Buffer.from(part).reverse() : part).toString('hex');
    };
    return parseGuid(hex(0, 4, true) + hex(4, 6, true) + hex(6, 8, true) + hex(8, 16, false));
  }),
  define('base64_encode_fromguid', ([guid], types) => {
    const canonical = parseGuid(textOf(guid!, types[0]!));
    if (canonical === null) return '';
    const hex = canonical.replaceAll('-', '');
    const field = (from: number, to: number, reversed: boolean): Buffer => {
      const part = Buffer.from(hex.slice(from * 2, to * 2), 'hex');
      return reversed ? part.reverse() : part;
    };
    return Buffer.concat([field(0, 4, true), field(4, 6, true), field(6, 8, true), field(8, 16, false)]).toString(
      'base64',
    );
  }),
  define('gzip_decompress_from_base64_string', ([value], types) =>
    decompress(textOf(value!, types[0]!), (bytes) => gunzipSync(bytes, LIMIT)),
  ),
  define('zlib_decompress_from_base64_string', ([value], types) =>
    decompress(textOf(value!, types[0]!), (bytes) => inflateSync(bytes, LIMIT)),
  ),
];
