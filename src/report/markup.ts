/**
 * HTML in template literals. Whatever is put into `html` is escaped, unless it is HTML from here itself: text of a log or
 * of a rule can never become markup, because no function here makes HTML of a plain string.
 */

const CONTENT = Symbol('content');

/** A piece of HTML, made by {@link html} or {@link inlineScript} and by nothing else. */
export interface Markup {
  readonly [CONTENT]: string;
}

type Insertion = Markup | string | number | null | undefined | false | readonly Insertion[];

/** HTML with values in it: text and numbers escaped, lists joined, null, undefined and false left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Insertion[]): Markup {
  return { [CONTENT]: strings.reduce((text, part, index) => text + content(values[index - 1]) + part) };
}

/** The text of HTML. */
export function markupText(markup: Markup): string {
  return markup[CONTENT];
}

function content(value: Insertion): string {
  if (value === null || value === undefined || value === false) return '';
  if (typeof value === 'string' || typeof value === 'number') return escapeText(String(value));
  if (isList(value)) return value.map(content).join('');
  return value[CONTENT];
}

function isList(value: Markup | readonly Insertion[]): value is readonly Insertion[] {
  return Array.isArray(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe as the text of an element and in a quoted attribute. Control characters that HTML forbids become U+FFFD. */
function escapeText(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/**
 * A script in the page. In a script HTML knows no escapes, only its end: `</script` and `<!--` are written so that
 * JavaScript and JSON read the same, and HTML does not see them.
 *
 * @param type - `application/json` for data.
 */
export function inlineScript(text: string, attributes: { readonly id?: string; readonly type?: string } = {}): Markup {
  const named = Object.entries(attributes).map(([name, value]) => markupText(html` ${name}="${value}"`));
  return { [CONTENT]: `<script${named.join('')}>${hideTags(text)}</script>` };
}

function hideTags(text: string): string {
  return text.replace(/<(?=\/script|script|!--)/gi, String.raw`\x3c`);
}

/** Data for a script, as `application/json`. */
export function inlineData(id: string, data: unknown): Markup {
  const json = JSON.stringify(data).replace(/</g, String.raw`\u003c`);
  return { [CONTENT]: markupText(inlineScript(json, { id, type: 'application/json' })) };
}

/** A style sheet in the page. @param text - our own; it must not hold `</style`. */
export function inlineStyle(text: string): Markup {
  return { [CONTENT]: `<style>${text.replace(/<(?=\/style)/gi, String.raw`\3c `)}</style>` };
}
