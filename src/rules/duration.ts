/** Durations as rule files write them: `1h`, `30min`, `1d`, `PT1H`, `P1DT2H`, `01:30:00`, `1.00:00:00`. */
import { TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND } from '../base/time.ts';

const UNITS: Readonly<Record<string, bigint>> = {
  w: 7n * TICKS_PER_DAY,
  week: 7n * TICKS_PER_DAY,
  weeks: 7n * TICKS_PER_DAY,
  d: TICKS_PER_DAY,
  day: TICKS_PER_DAY,
  days: TICKS_PER_DAY,
  h: TICKS_PER_HOUR,
  hr: TICKS_PER_HOUR,
  hrs: TICKS_PER_HOUR,
  hour: TICKS_PER_HOUR,
  hours: TICKS_PER_HOUR,
  m: TICKS_PER_MINUTE,
  min: TICKS_PER_MINUTE,
  mins: TICKS_PER_MINUTE,
  minute: TICKS_PER_MINUTE,
  minutes: TICKS_PER_MINUTE,
  s: TICKS_PER_SECOND,
  sec: TICKS_PER_SECOND,
  secs: TICKS_PER_SECOND,
  second: TICKS_PER_SECOND,
  seconds: TICKS_PER_SECOND,
};

const NUMBER = String.raw`(\d{1,9}(?:\.\d{1,7})?)`;
const SHORT = new RegExp(`^${NUMBER}\\s*([a-z]+)$`);
const ISO = new RegExp(`^p(?:${NUMBER}w)?(?:${NUMBER}d)?(?:t(?:${NUMBER}h)?(?:${NUMBER}m)?(?:${NUMBER}s)?)?$`);
const CLOCK = /^(?:(\d{1,6})\.)?(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?$/;

/**
 * Ticks of a duration, whatever its letter case; undefined where the text is none. ISO 8601 months and years have no
 * fixed length and are none.
 */
export function parseDuration(text: string): bigint | undefined {
  const trimmed = text.trim().toLowerCase();
  const short = SHORT.exec(trimmed);
  if (short) {
    const unit = UNITS[short[2]!];
    return unit === undefined ? undefined : times(short[1]!, unit);
  }
  const iso = ISO.exec(trimmed);
  if (iso) {
    const parts = iso.slice(1);
    if (parts.every((part) => part === undefined) || trimmed.endsWith('t')) return undefined;
    const units = [7n * TICKS_PER_DAY, TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND];
    return parts.reduce((sum, part, i) => (part === undefined ? sum : sum + times(part, units[i]!)), 0n);
  }
  const clock = CLOCK.exec(trimmed);
  if (clock) {
    const [, days = '0', hours, minutes, seconds = '0', fraction = ''] = clock;
    if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
    return (
      BigInt(days) * TICKS_PER_DAY +
      BigInt(hours!) * TICKS_PER_HOUR +
      BigInt(minutes!) * TICKS_PER_MINUTE +
      BigInt(seconds) * TICKS_PER_SECOND +
      BigInt(fraction.padEnd(7, '0'))
    );
  }
  return undefined;
}

function times(number: string, unit: bigint): bigint {
  const [whole, fraction = ''] = number.split('.');
  return BigInt(whole!) * unit + (fraction ? (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length) : 0n);
}

/** The shortest usual form: `14d`, `1h`, `90m`, `45s`, `1h30m15s`. */
export function formatDuration(ticks: bigint): string {
  if (ticks < 0n) return `-${formatDuration(-ticks)}`;
  for (const [letter, unit] of [
    ['d', TICKS_PER_DAY],
    ['h', TICKS_PER_HOUR],
    ['m', TICKS_PER_MINUTE],
    ['s', TICKS_PER_SECOND],
  ] as const) {
    if (ticks >= unit && ticks % unit === 0n) return `${ticks / unit}${letter}`;
  }
  if (ticks === 0n) return '0s';
  const seconds = Number(ticks % TICKS_PER_MINUTE) / Number(TICKS_PER_SECOND);
  const parts: string[] = [];
  if (ticks >= TICKS_PER_HOUR) parts.push(`${ticks / TICKS_PER_HOUR}h`);
  if (ticks >= TICKS_PER_MINUTE) parts.push(`${(ticks / TICKS_PER_MINUTE) % 60n}m`);
  parts.push(`${seconds}s`);
  return parts.join('');
}
