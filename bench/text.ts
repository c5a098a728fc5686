/** Figures of a bench as people read them. */
import { formatCount } from '../src/report/format.ts';

/** `1 thread`, `2 threads`. */
export function threadsText(threads: number): string {
  return `${threads} thread${threads === 1 ? '' : 's'}`;
}

/** `0.0412 s`, `1.32 s`, `118 s`: three digits that mean something. */
export function secondsText(seconds: number): string {
  return `${significant(seconds)} s`;
}

/** `27.3 x`, `112 x`. */
export function factorText(factor: number): string {
  return `${significant(factor)} x`;
}

/** `1,204 MiB`, `3.2 MiB`. */
export function bytesText(bytes: number): string {
  return `${significant(bytes / 2 ** 20)} MiB`;
}

/** What a case calls a run over so many events. */
export function sizePart(events: number): string {
  return `${formatCount(events)} events`;
}

/** Three significant digits, without an exponent. */
export function significant(value: number): string {
  if (value >= 100) return formatCount(Math.round(value));
  return value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toPrecision(3);
}
