/**
 * `parse_xml`: the elements, attributes and texts of an XML document as nested bags. The documentation leaves open what
 * some documents give: whether a text that reads as a number becomes one (its table and its example disagree), what
 * CDATA, a DOCTYPE or text in several pieces are. Those are refused when they are met, so that no value is a guess.
 * https://learn.microsoft.com/kusto/query/parse-xml-function
 */
import { TocsinError } from '../../base/errors.ts';
import type { Dynamic } from '../../columns/value.ts';

/** Longer documents give null. */
const MAX_BYTES = 1_048_576;

const MAX_DEPTH = 256;

const TOKEN =
  /<!--[^]*?-->|<\?[^]*?\?>|<(!)|<\/([^\s<>/]+)\s*>|<([A-Za-z_:][^\s<>/=]*)((?:\s+[^\s<>/=]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

interface Element {
  readonly name: string;
  readonly members: Map<string, Dynamic>;
  text: string;
  /** Whether an element stood between two pieces of text. */
  isTextClosed: boolean;
}

/** The document as a bag with one member, its root; null where it is not well-formed XML. */
export function parseXml(xml: string): Dynamic {
  if (xml === '' || Buffer.byteLength(xml) > MAX_BYTES) return null;
  const root: Element = { name: '', members: new Map(), text: '', isTextClosed: false };
  const open: Element[] = [root];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < xml.length) {
    const token = TOKEN.exec(xml);
    if (!token) return null;
    const [, declaration, closed, name, attributes, isEmpty, text] = token;
    const top = open.at(-1)!;
    if (declaration !== undefined) throw refusal('CDATA or a DOCTYPE');
    else if (text !== undefined) {
      const decoded = decode(text);
      if (decoded === undefined || (top === root && text.trim() !== '')) return null;
      if (decoded.trim() === '') continue;
      if (top.isTextClosed && top.text !== '') throw refusal('text in several pieces');
      top.text += decoded;
    } else if (name !== undefined) {
      if (top === root && root.members.size > 0) return null;
      const element: Element = { name, members: new Map(), text: '', isTextClosed: false };
      for (const [, key, quoted] of attributes!.matchAll(/([^\s=]+)\s*=\s*("[^"]*"|'[^']*')/g)) {
        const value = decode(quoted!.slice(1, -1));
        if (value === undefined || element.members.has(`@${key}`)) return null;
        element.members.set(`@${key}`, textValue(value));
      }
      top.isTextClosed = true;
      if (isEmpty) close(element, top);
      else if (open.push(element) > MAX_DEPTH) throw refusal(`more than ${MAX_DEPTH} elements inside each other`);
    } else if (closed !== undefined) {
      if (top === root || closed !== top.name) return null;
      open.pop();
      close(top, open.at(-1)!);
    }
  }
  return open.length === 1 && root.members.size > 0 ? root.members : null;
}

/** Makes an element a member of the one around it; those of one name become an array. */
function close({ name, members, text }: Element, parent: Element): void {
  const trimmed = text.trim();
  let value: Dynamic = members;
  if (members.size === 0) value = trimmed === '' ? null : textValue(trimmed);
  else if (trimmed !== '') members.set('#text', textValue(trimmed));
  const before = parent.members.get(name);
  if (!parent.members.has(name)) parent.members.set(name, value);
  else if (Array.isArray(before)) before.push(value);
  else parent.members.set(name, [before!, value]);
}

function textValue(text: string): string {
  if (/^\s*[-+]?(?:\d|\.\d)[\d.eE+-]*\s*$/.test(text) || text === 'true' || text === 'false') {
    throw refusal(`'${text.slice(0, 40)}', which may be text or a value of its own,`);
  }
  return text;
}

function decode(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let isKnown = true;
  const decoded = text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w+));|&/g, (_, decimal, hex, name) => {
    const code = decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex, 16) : undefined;
    if (code !== undefined && code > 0 && code <= 0x10_ff_ff) return String.fromCodePoint(code);
    const known = name === undefined || !Object.hasOwn(ENTITIES, name) ? undefined : ENTITIES[name];
    if (known === undefined) isKnown = false;
    return known ?? '';
  });
  return isKnown ? decoded : undefined;
}

function refusal(what: string): TocsinError {
  return new TocsinError('UNSUPPORTED', `parse_xml: ${what} in a document is not supported`);
}
