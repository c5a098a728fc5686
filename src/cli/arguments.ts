/** Readers of option values. Each says what it expected; commander adds the option and the value that it found. */
import { InvalidArgumentError } from 'commander';
import { parseIsoDatetime } from '../base/time.ts';
import { parseDuration } from '../rules/duration.ts';

/** A whole number from `least` to `most`, both inclusive. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** A number above 0, with or without decimals. */
export function positive(text: string): number {
  const value = /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected a number above 0.');
}

/** A whole number from `least` up, also in the short form of millions and more: `20e6`, `1.65e9`. */
export function magnitude(least: number): (text: string) => number {
  return (text) => {
    const value = /^\s*\d+(\.\d+)?(e\d{1,2})?\s*$/i.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least} up, such as 20e6.`);
  };
}

/** For an option that takes several values in one, parted by commas. */
export function commaSeparated<T>(read: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').map((part) => read(part.trim()));
}

/** One of some words. */
export function oneOf<T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((each) => each === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(`Expected one of ${words.join(', ')}.`);
  };
}

/** A time, as the ISO 8601 text that it is. */
export function time(text: string): string {
  if (parseIsoDatetime(text) !== undefined) return text;
  throw new InvalidArgumentError('Expected a time such as 2026-06-01T08:00:00Z.');
}

/** For an option that may be given several times. */
export function collect(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** When a rule runs and how far back it looks, in ticks. */
interface GivenSchedule {
  readonly queryFrequency: bigint;
  readonly queryPeriod: bigint;
}

/** Collects `FREQUENCY/PERIOD` options, such as `15m/75m`. */
export function schedule(text: string, previous: readonly GivenSchedule[] = []): GivenSchedule[] {
  const [queryFrequency, queryPeriod, ...rest] = text.split('/').map(parseDuration);
  if (!queryFrequency || !queryPeriod || rest.length > 0) {
    throw new InvalidArgumentError('Expected queryFrequency/queryPeriod, such as 15m/75m.');
  }
  return [...previous, { queryFrequency, queryPeriod }];
}

/** Collects `NAME=FILE` options by name; the last `=` parts them, since a URL may hold others. */
export function assignment(text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.lastIndexOf('=');
  if (at <= 0 || at === text.length - 1) throw new InvalidArgumentError('expected NAME=FILE');
  return { ...previous, [text.slice(0, at)]: text.slice(at + 1) };
}
