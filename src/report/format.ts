/** Numbers as people read them. Never rounds a proportion to 0 % or 100 % that is neither. */

/** `1,204,331`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 row`, `1,204 rows`. */
export function formatNumber(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `35 %`, `7.7 %`, `<0.1 %`, `>99.9 %`. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.1) return '<0.1 %';
  if (percent < 100 && percent > 99.9) return '>99.9 %';
  const tenths = percent < 10 || percent > 90 ? Math.round(percent * 10) / 10 : Math.round(percent);
  return `${tenths} %`;
}

/** `24-48 %`. */
export function formatInterval([low, high]: readonly [number, number]): string {
  return `${formatShare(low).replace(' %', '')}-${formatShare(high)}`;
}

/** `310`, `21.3`, `0.4`, `0.003`: at least two digits that mean something below 100. */
export function formatRate(rate: number): string {
  if (rate >= 100) return formatCount(Math.round(rate));
  if (rate === 0) return '0';
  return rate >= 0.1 ? String(Math.round(rate * 10) / 10) : rate.toPrecision(1);
}

/** `850 ms`, `42 s`, `41 min`, `1 h 05 min`, `2 d 3 h`. */
export function formatDelay(ms: number): string {
  if (ms < 0) return `-${formatDelay(-ms)}`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
  const hours = Math.round(ms / 3_600_000);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** `1.2 s`, `0.03 s`. */
export function formatSeconds(seconds: number): string {
  return `${seconds >= 10 ? seconds.toFixed(0) : seconds >= 0.1 ? seconds.toFixed(1) : seconds.toFixed(2)} s`;
}

/** `830`, `12 k`, `1.3 M`. */
export function formatMagnitude(value: number): string {
  if (value < 1000) return String(Math.round(value));
  const [scaled, suffix] =
    value < 999_500 ? [value / 1000, 'k'] : value < 999.5e6 ? [value / 1e6, 'M'] : [value / 1e9, 'G'];
  return `${scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled)} ${suffix}`;
}

/** `text` in `width` characters: cut with an ellipsis, or filled with blanks on the side that `align` leaves free. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const characters = Array.from(text);
  if (characters.length > width) return `${characters.slice(0, width - 1).join('')}…`;
  const blanks = ' '.repeat(width - characters.length);
  return align === 'left' ? text + blanks : blanks + text;
}

/** Breaks `text` at blanks into lines of at most `width` characters; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
