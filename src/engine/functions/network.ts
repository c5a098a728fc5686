/** Functions of IP addresses, URLs, paths, versions and documents. */
import type { Dynamic, ScalarType, Value } from '../../columns/value.ts';
import { define, type ScalarFunction } from './function.ts';
import { punycodeDecode, punycodeEncode } from './punycode.ts';
import { countArg, isTermUnit, textOf } from './scalars.ts';
import { parseXml } from './xml.ts';

/** An address with the length of its network prefix, in bits of its own family. */
interface Address {
  readonly bits: bigint;
  readonly prefix: number;
}

const V4_FORM = /^\s*(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?\s*$/;

function parseV4(text: string): Address | undefined {
  const match = V4_FORM.exec(text);
  if (!match) return undefined;
  let bits = 0n;
  for (let i = 1; i <= 4; i++) {
    const octet = Number(match[i]);
    if (octet > 255) return undefined;
    bits = (bits << 8n) | BigInt(octet);
  }
  const prefix = match[5] === undefined ? 32 : Number(match[5]);
  return prefix > 32 ? undefined : { bits, prefix };
}

/** An IPv6 address, or an IPv4 one as its mapped form, whose prefix counts behind the 96 bits of the mapping. */
function parseV6(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4) return { bits: (0xffffn << 32n) | v4.bits, prefix: v4.prefix + 96 };
  const match = /^\s*([0-9a-f:.]+)(?:\/(\d{1,3}))?\s*$/i.exec(text);
  if (!match) return undefined;
  let body = match[1]!;
  let dotted = false;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(body);
  if (tail) {
    const inner = parseV4(tail[2]!);
    if (!inner) return undefined;
    dotted = true;
    body = `${tail[1]}${(inner.bits >> 16n).toString(16)}:${(inner.bits & 0xffffn).toString(16)}`;
  }
  const halves = body.split('::');
  if (halves.length > 2 || body.includes(':::')) return undefined;
  const groupsOf = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const head = groupsOf(halves[0]!);
  const rear = halves.length === 2 ? groupsOf(halves[1]!) : [];
  const missing = 8 - head.length - rear.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<string>(Math.max(0, missing)).fill('0'), ...rear];
  let bits = 0n;
  for (const group of groups) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    bits = (bits << 16n) | BigInt(`0x${group}`);
  }
  let prefix = match[2] === undefined ? 128 : Number(match[2]);
  if (dotted && match[2] !== undefined) prefix += 96;
  return prefix > 128 ? undefined : { bits, prefix };
}

/** As {@link parseV6}; `::192.168.1.1` is the same address as `192.168.1.1` here, as Kusto's comparisons have it. */
function parseComparable(text: string): Address | undefined {
  const address = parseV6(text);
  if (!address || address.bits >> 32n !== 0n || !text.includes('.')) return address;
  return { ...address, bits: (0xffffn << 32n) | address.bits };
}

function masked(bits: bigint, prefix: number, width: number): bigint {
  const drop = BigInt(width - prefix);
  return (bits >> drop) << drop;
}

function formatV4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((bits >> shift) & 255n).toString()).join('.');
}

function formatV6(bits: bigint): string {
  return Array.from({ length: 8 }, (_, i) =>
    ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16).padStart(4, '0'),
  ).join(':');
}

type Parse = (text: string) => Address | undefined;

/** -1, 0 or 1 over the bits that the shortest prefix leaves; null where one text is no address. */
function compareAddresses(
  parse: Parse,
  width: number,
  args: readonly Value[],
  types: readonly ScalarType[],
): bigint | null {
  const a = parse(textOf(args[0]!, types[0]!));
  const b = parse(textOf(args[1]!, types[1]!));
  const wanted = args[2] === undefined ? width : countArg(args[2], -1);
  if (!a || !b || wanted < 0 || wanted > width) return null;
  const prefix = Math.min(a.prefix, b.prefix, wanted);
  const x = masked(a.bits, prefix, width);
  const y = masked(b.bits, prefix, width);
  return x < y ? -1n : x > y ? 1n : 0n;
}

function inRange(parse: Parse, width: number, address: string, range: string): boolean | null {
  const a = parse(address);
  const b = parse(range);
  if (!a || !b) return null;
  const prefix = Math.min(a.prefix, b.prefix);
  return masked(a.bits, prefix, width) === masked(b.bits, prefix, width);
}

/** The texts among arguments; arrays stand for their elements. */
function texts(args: readonly Value[], types: readonly ScalarType[], from: number): string[] {
  return args
    .slice(from)
    .flatMap((arg, i) =>
      Array.isArray(arg) ? arg.map((item) => textOf(item, 'dynamic')) : [textOf(arg, types[from + i]!)],
    );
}

function inAnyRange(parse: Parse, width: number, args: readonly Value[], types: readonly ScalarType[]): boolean | null {
  const address = textOf(args[0]!, types[0]!);
  if (!parse(address)) return null;
  return texts(args, types, 1).some((range) => inRange(parse, width, address, range) === true);
}

/** Ranges known beforehand, parsed once. */
function bindAnyRange(parse: Parse, width: number): NonNullable<ScalarFunction['bind']> {
  return (constants, types) => {
    if (constants.slice(1).includes(undefined)) return undefined;
    const ranges = texts(constants as readonly Value[], types, 1).flatMap((text) => parse(text) ?? []);
    return (args) => {
      const address = parse(textOf(args[0]!, types[0]!));
      if (!address) return null;
      return ranges.some((range) => {
        const prefix = Math.min(address.prefix, range.prefix);
        return masked(address.bits, prefix, width) === masked(range.bits, prefix, width);
      });
    };
  };
}

const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map((range) => parseV4(range)!);

function isPrivate(text: string): boolean | null {
  const address = parseV4(text);
  if (!address) return null;
  return PRIVATE_RANGES.some((range) => {
    const prefix = Math.min(address.prefix, range.prefix);
    return masked(address.bits, prefix, 32) === masked(range.bits, prefix, 32);
  });
}

/** Whether `part` stands in the text with no letter, digit or dot running on at its ends. */
function hasAddress(text: string, part: string, prefixOnly: boolean): boolean {
  const delimited = (at: number): boolean => at < 0 || at >= text.length || !(isTermUnit(text, at) || text[at] === '.');
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    if (!delimited(at - 1)) continue;
    const rest = /^[\d.]*/.exec(text.slice(at))![0];
    if (
      prefixOnly ? parseV4(rest) && !isTermUnit(text, at + rest.length) : rest === part && delimited(at + rest.length)
    )
      return true;
  }
  return false;
}

function isPrefix(text: string): boolean {
  return /^(\d{1,3}\.){1,3}$/.test(text) || parseV4(text) !== undefined;
}

/** The value of `%XX` and `+`; a broken escape leaves the text as it is. */
export function urlDecode(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function queryParameters(query: string): Map<string, Dynamic> {
  const parameters = new Map<string, Dynamic>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const key = at < 0 ? pair : pair.slice(0, at);
    parameters.set(key, at < 0 ? '' : pair.slice(at + 1));
  }
  return parameters;
}

const URL_FORM =
  /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):\/\/)?(?:([^:@/?#]*)(?::([^@/?#]*))?@)?(\[[^\]]*\]|[^:/?#]*)(?::(\d+))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;

function parseUrl(text: string): Dynamic {
  const match = URL_FORM.exec(text);
  const part = (index: number): string => match?.[index] ?? '';
  return new Map<string, Dynamic>([
    ['Scheme', part(1)],
    ['Host', part(4)],
    ['Port', part(5)],
    ['Path', part(6)],
    ['Username', part(2)],
    ['Password', part(3)],
    ['Query Parameters', queryParameters(part(7))],
    ['Fragment', part(8)],
  ]);
}

function parsePath(text: string): Dynamic {
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]+):\/\//.exec(text);
  let rest = scheme ? text.slice(scheme[0].length) : text;
  const root = /^(?:[a-zA-Z]:)/.exec(rest)?.[0] ?? '';
  const stream = /^(.*[^\\/:]):([^\\/:]+)$/.exec(rest.slice(root.length));
  const alternate = stream && root ? stream[2]! : '';
  if (alternate) rest = root + stream![1]!;
  const cut = Math.max(rest.lastIndexOf('/'), rest.lastIndexOf('\\'));
  const directory = cut < 0 ? '' : rest.slice(0, cut);
  const file = rest.slice(cut + 1);
  const dot = file.lastIndexOf('.');
  return new Map<string, Dynamic>([
    ['Scheme', scheme?.[1] ?? ''],
    ['RootPath', root],
    ['DirectoryPath', directory],
    ['DirectoryName', directory.slice(Math.max(directory.lastIndexOf('/'), directory.lastIndexOf('\\')) + 1)],
    ['Filename', file],
    ['Extension', dot <= 0 ? '' : file.slice(dot + 1)],
    ['AlternateDataStreamName', alternate],
  ]);
}

/** The fields of the first record of a CSV text. */
function parseCsv(text: string): Dynamic {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = '';
    if (text[at] === '"') {
      at++;
      for (;;) {
        const quote = text.indexOf('"', at);
        if (quote < 0) {
          field += text.slice(at);
          at = text.length;
          break;
        }
        field += text.slice(at, quote);
        at = quote + 1;
        if (text[at] !== '"') break;
        field += '"';
        at++;
      }
    }
    const end = text.slice(at).search(/[,\r\n]/);
    field += end < 0 ? text.slice(at) : text.slice(at, at + end);
    fields.push(field);
    if (end < 0 || text[at + end] !== ',') return fields;
    at += end + 1;
  }
}

/** Four parts of eight digits each as one number. */
function parseVersion(text: string): string | null {
  const parts = text.trim().split('.');
  if (parts.length > 4 || !parts.every((part) => /^\d{1,8}$/.test(part))) return null;
  let value = 0n;
  for (let i = 0; i < 4; i++) value = value * 10n ** 8n + BigInt(parts[i] ?? 0);
  return value.toString();
}

const LABEL_SEPARATOR = /[.\u3002\uff0e\uff61]/;
const ENCODED_PREFIX = 'xn--';
const NON_ASCII = /[^\u0000-\u007f]/;

/** Every label of a domain name as ASCII. */
function encodeDomain(domain: string): string {
  return domain
    .split(LABEL_SEPARATOR)
    .map((label) => (NON_ASCII.test(label) ? ENCODED_PREFIX + punycodeEncode(label) : label))
    .join('.');
}

/** Every encoded label of a domain name as it reads; the empty text where one is not Punycode. */
function decodeDomain(domain: string): string {
  const labels = domain
    .split('.')
    .map((label) => (label.startsWith(ENCODED_PREFIX) ? punycodeDecode(label.slice(ENCODED_PREFIX.length)) : label));
  return labels.includes(undefined) ? '' : labels.join('.');
}

/** A function of texts that gives null for a text it cannot read. */
function text(name: string, apply: (...texts: string[]) => Value): ScalarFunction {
  return define(name, (args, types) => apply(...args.map((arg, i) => textOf(arg, types[i]!))));
}

function v4WithMask(args: readonly Value[], types: readonly ScalarType[]): Address | undefined {
  const address = parseV4(textOf(args[0]!, types[0]!));
  const mask = args[1] === undefined ? 32 : countArg(args[1], -1);
  if (!address || mask < 0 || mask > 32) return undefined;
  const prefix = Math.min(address.prefix, mask);
  return { bits: masked(address.bits, prefix, 32), prefix };
}

/** As {@link v4WithMask}, also of a number. */
function formattable(args: readonly Value[], types: readonly ScalarType[]): Address | undefined {
  const [first, ...rest] = args;
  if (typeof first !== 'bigint') return v4WithMask(args, types);
  return first < 0n || first > 0xffff_ffffn
    ? undefined
    : v4WithMask([formatV4(first), ...rest], ['string', ...types.slice(1)]);
}

function cidrList(first: string, last: string): Dynamic {
  const from = parseV4(first)?.bits;
  const to = parseV4(last)?.bits;
  if (from === undefined || to === undefined || from > to) return null;
  const list: Dynamic[] = [];
  for (let at = from; at <= to; ) {
    let prefix = 32;
    while (prefix > 0) {
      const size = 1n << BigInt(32 - prefix + 1);
      if (at % size !== 0n || at + size - 1n > to) break;
      prefix--;
    }
    list.push(`${formatV4(at)}/${prefix}`);
    at += 1n << BigInt(32 - prefix);
  }
  return list;
}

function hasAny(name: string, prefixes: boolean): ScalarFunction {
  return define(name, (args, types) => {
    const source = textOf(args[0]!, types[0]!);
    return texts(args, types, 1).some(
      (part) => (prefixes ? isPrefix(part) : parseV4(part) !== undefined) && hasAddress(source, part, prefixes),
    );
  });
}

export const NETWORK_FUNCTIONS: readonly ScalarFunction[] = [
  text('parse_ipv4', (ip) => {
    const address = parseV4(ip!);
    return address ? masked(address.bits, address.prefix, 32) : null;
  }),
  define('parse_ipv4_mask', (args, types) => v4WithMask(args, types)?.bits ?? null),
  define('format_ipv4', (args, types) => {
    const address = formattable(args, types);
    return address ? formatV4(address.bits) : '';
  }),
  define('format_ipv4_mask', (args, types) => {
    const address = formattable(args, types);
    return address ? `${formatV4(address.bits)}/${address.prefix}` : '';
  }),
  define('ipv4_compare', (args, types) => compareAddresses(parseV4, 32, args, types)),
  define('ipv4_is_match', (args, types) => {
    const order = compareAddresses(parseV4, 32, args, types);
    return order === null ? null : order === 0n;
  }),
  text('ipv4_is_in_range', (ip, range) => inRange(parseV4, 32, ip!, range!)),
  define('ipv4_is_in_any_range', (args, types) => inAnyRange(parseV4, 32, args, types), {
    bind: bindAnyRange(parseV4, 32),
  }),
  text('ipv4_is_private', (ip) => isPrivate(ip!)),
  text('ipv4_netmask_suffix', (ip) => {
    const address = parseV4(ip!);
    return address ? BigInt(address.prefix) : null;
  }),
  text('ipv4_range_to_cidr_list', (first, last) => cidrList(first!, last!)),
  text('parse_ipv6', (ip) => {
    const address = parseV6(ip!);
    return address ? formatV6(masked(address.bits, address.prefix, 128)) : '';
  }),
  define('parse_ipv6_mask', ([ip, mask], types) => {
    const address = parseV6(textOf(ip!, types[0]!));
    const wanted = countArg(mask, -1);
    if (!address || wanted < 0 || wanted > 128) return '';
    return formatV6(masked(address.bits, Math.min(address.prefix, wanted), 128));
  }),
  define('ipv6_compare', (args, types) => compareAddresses(parseComparable, 128, args, types)),
  define('ipv6_is_match', (args, types) => {
    const order = compareAddresses(parseComparable, 128, args, types);
    return order === null ? null : order === 0n;
  }),
  text('ipv6_is_in_range', (ip, range) => inRange(parseComparable, 128, ip!, range!)),
  define('ipv6_is_in_any_range', (args, types) => inAnyRange(parseComparable, 128, args, types), {
    bind: bindAnyRange(parseComparable, 128),
  }),
  hasAny('has_ipv4', false),
  hasAny('has_any_ipv4', false),
  hasAny('has_ipv4_prefix', true),
  hasAny('has_any_ipv4_prefix', true),
  text('parse_url', (url) => parseUrl(url!)),
  text(
    'parse_urlquery',
    (query) => new Map<string, Dynamic>([['Query Parameters', queryParameters(query!.replace(/^\?/, ''))]]),
  ),
  text('parse_path', (path) => parsePath(path!)),
  text('parse_xml', (xml) => parseXml(xml!)),
  text('parse_csv', (line) => parseCsv(line!)),
  text('parse_version', (version) => parseVersion(version!)),
  text('punycode_from_string', (source) => punycodeEncode(source!)),
  text('punycode_to_string', (encoded) => punycodeDecode(encoded!) ?? ''),
  text('punycode_domain_to_string', (domain) => encodeDomain(domain!)),
  text('punycode_domain_from_string', (domain) => decodeDomain(domain!)),
  text('url_decode', (url) => urlDecode(url!)),
  text('url_encode', (url) => encode(url!, true)),
  text('url_encode_component', (url) => encode(url!, false)),
];

/** Percent-encoding with lower-case digits; a blank becomes `+` or `%20`. */
function encode(source: string, plus: boolean): string {
  const encoded = encodeURIComponent(source.replace(/\p{Surrogate}/gu, '\ufffd'))
    .replace(/['~]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
    .replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
  return plus ? encoded.replace(/%20/g, '+') : encoded;
}
