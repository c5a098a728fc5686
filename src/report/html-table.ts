/** Tables and figures of the HTML report: their cells are text first, and a bar only draws what its cell says. */
import type { Interval } from '../score/statistics.ts';
import { formatCount, formatDelay, formatInterval, formatRate, formatShare } from './format.ts';
import { html, type Markup } from './markup.ts';

/** A column of a table: its heading, and whether it holds numbers. */
export interface Column {
  readonly title: Markup | string;
  readonly numeric?: boolean;
}

/** A cell, and what to sort it by where its text will not do. */
export interface Cell {
  readonly text: Markup | string;
  readonly by?: number | undefined;
}

export const column = (title: Markup | string): Column => ({ title });
export const numbers = (title: Markup | string): Column => ({ title, numeric: true });

/** A table that its reader can sort. The first cell of a row names it. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Cell[])[]): Markup {
  const kind = ({ numeric }: Column) => numeric && html` class="n"`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table class="sortable">
<caption>${caption}</caption>
<thead><tr>${columns.map((each) => html`<th scope="col"${kind(each)}>${each.title}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (cells) => html`<tr>${cells.map((cell, index) => {
    const by = cell.by !== undefined && html` data-by="${cell.by}"`;
    return index === 0
      ? html`<th scope="row"${by}>${cell.text}</th>`
      : html`<td${kind(columns[index]!)}${by}>${cell.text}</td>`;
  })}</tr>
`,
)}</tbody>
</table></div>`;
}

export function count(value: number): Cell {
  return { text: formatCount(value), by: value };
}

/** A share of nothing sorts below every other. */
export function share(value: number | null): Cell {
  return value === null ? { text: 'n/a', by: -1 } : { text: formatShare(value), by: value };
}

export function intervalCell(interval: Interval): Cell {
  return interval === null ? { text: 'n/a', by: -1 } : { text: formatInterval(interval), by: interval[0] };
}

export function rate(value: number | null): Cell {
  return value === null ? { text: 'n/a', by: -1 } : { text: formatRate(value), by: value };
}

export function delay(ms: number | null): Cell {
  return ms === null ? { text: 'n/a', by: -1 } : { text: formatDelay(ms), by: ms };
}

/** A mark that says in a word what its sign does. */
export function verdict(holds: boolean, yes = 'yes', no = 'no'): Cell {
  return {
    text: holds ? html`<span class="met">${yes}</span>` : html`<strong class="missed">${no}</strong>`,
    by: Number(holds),
  };
}

const percent = (part: number) => `${Math.round(part * 1000) / 10}%`;

/** From 0 to 100 %: the interval as a band, the value as a stroke. It repeats what is said beside it. */
export function intervalBar(value: number | null, interval: Interval): Markup | undefined {
  if (value === null || interval === null) return undefined;
  return html`<span class="interval${value === 0 && ' none'}" aria-hidden="true" style="--low:${percent(interval[0])};--high:${percent(interval[1])};--at:${percent(value)}"></span>`;
}

/** A length among others; nothing of nothing. @param part - of the longest, from 0 to 1. */
export function lengthBar(part: number): Markup | '' {
  if (part === 0) return '';
  return html`<span class="length" aria-hidden="true" style="--part:${percent(part)}"></span>`;
}

export function figure(name: string, value: string, detail: string, bar?: Markup): Markup {
  return html`<div><dt>${name}</dt><dd><span class="value">${value}</span>${bar}<span class="detail">${unbroken(detail)}</span></dd></div>`;
}

/** A smaller figure. */
export function minor(name: string, value: string, detail: string): Markup {
  return html`<div><dt>${name}</dt><dd><b>${value}</b> <span class="detail">${unbroken(detail)}</span></dd></div>`;
}

/** Keeps a number with its unit, and the two ends of an interval, on one line. */
function unbroken(text: string): string {
  return text.replace(/(?<=\d) (?=%|min|s\b)/g, '\u00a0').replace(/(?<=\d)-(?=\d)/g, '\u2060-\u2060');
}

/** A share with its interval, in words and as a bar. */
export function proportion(
  name: string,
  hits: number,
  all: number,
  what: string,
  value: number | null,
  { interval, unmeasured }: { readonly interval: Interval; readonly unmeasured?: string },
): Markup {
  if (value === null || interval === null) return figure(name, 'n/a', `unmeasured: ${unmeasured}`);
  return figure(
    name,
    formatShare(value),
    `${formatCount(hits)} of ${formatCount(all)} ${what}; 95 % interval ${formatInterval(interval)}`,
    intervalBar(value, interval),
  );
}
