/**
 * Functions of datetime and timespan, in ticks. Calendar arithmetic works on civil dates (proleptic Gregorian, as .NET and
 * Kusto); weeks start on Sunday, except that `week_of_year` numbers weeks by ISO 8601.
 */
import { TocsinError } from '../../base/errors.ts';
import {
  MAX_DATETIME_TICKS,
  TICKS_PER_DAY,
  TICKS_PER_HOUR,
  TICKS_PER_MILLISECOND,
  TICKS_PER_MINUTE,
  TICKS_PER_SECOND,
  UNIX_EPOCH_TICKS,
} from '../../base/time.ts';
import type { ScalarType, Value } from '../../columns/value.ts';
import { defineTyped, type ScalarFunction } from './function.ts';
import { dayOfWeekKernel, differenceKernel, endOfDayKernel, hourOfDayKernel, startOfDayKernel } from './kernels.ts';

interface Civil {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/** Civil date of a day number (0 is 0001-01-01), by Howard Hinnant's days-from-civil algorithm. */
function civilOf(dayNumber: number): Civil {
  const z = dayNumber + 306;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Day number of a civil date; months beyond 1 to 12 carry into the year. */
function dayNumberOf(year: number, month: number, day: number): number {
  const carried = year + Math.floor((month - 1) / 12);
  const within = (((month - 1) % 12) + 12) % 12;
  const m = within + 1;
  const y = m <= 2 ? carried - 1 : carried;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (m > 2 ? m - 3 : m + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 306;
}

function daysInMonth(year: number, month: number): number {
  return dayNumberOf(year, month + 1, 1) - dayNumberOf(year, month, 1);
}

function dayOf(ticks: bigint): number {
  return Number(ticks / TICKS_PER_DAY);
}

function inRange(ticks: bigint): bigint | null {
  return ticks >= 0n && ticks <= MAX_DATETIME_TICKS ? ticks : null;
}

function ticksOfDay(dayNumber: number): bigint {
  return BigInt(dayNumber) * TICKS_PER_DAY;
}

type Period = 'day' | 'week' | 'month' | 'year';

/** The first day of the period around a day, `offset` periods on. */
function startOf(period: Period, dayNumber: number, offset: number): number {
  switch (period) {
    case 'day':
      return dayNumber + offset;
    case 'week':
      return dayNumber - weekday(dayNumber) + 7 * offset;
    case 'month': {
      const { year, month } = civilOf(dayNumber);
      return dayNumberOf(year, month + offset, 1);
    }
    case 'year':
      return dayNumberOf(civilOf(dayNumber).year + offset, 1, 1);
  }
}

/** 0 is Sunday; 0001-01-01 was a Monday. */
function weekday(dayNumber: number): number {
  return (dayNumber + 1) % 7;
}

function isoWeek(dayNumber: number): number {
  const fromMonday = (weekday(dayNumber) + 6) % 7;
  const thursday = dayNumber - fromMonday + 3;
  const firstDay = dayNumberOf(civilOf(thursday).year, 1, 1);
  return Math.floor((thursday - firstDay) / 7) + 1;
}

function addMonths(ticks: bigint, months: number): bigint | null {
  const { year, month, day } = civilOf(dayOf(ticks));
  const first = civilOf(dayNumberOf(year, month + months, 1));
  if (first.year < 1 || first.year > 9999) return null;
  const clamped = Math.min(day, daysInMonth(first.year, first.month));
  return inRange(ticksOfDay(dayNumberOf(first.year, first.month, clamped)) + (ticks % TICKS_PER_DAY));
}

const UNIT_TICKS: Readonly<Record<string, bigint>> = {
  week: 7n * TICKS_PER_DAY,
  day: TICKS_PER_DAY,
  hour: TICKS_PER_HOUR,
  minute: TICKS_PER_MINUTE,
  second: TICKS_PER_SECOND,
  millisecond: TICKS_PER_MILLISECOND,
  microsecond: 10n,
};

function unknownPart(name: string, part: string): TocsinError {
  return new TocsinError('QUERY', `${name}: '${part}' is not a part of a datetime`);
}

function addPart(part: string, amount: bigint, ticks: bigint): bigint | null {
  const unit = part.toLowerCase();
  const count = Number(amount);
  switch (unit) {
    case 'year':
      return addMonths(ticks, count * 12);
    case 'quarter':
      return addMonths(ticks, count * 3);
    case 'month':
      return addMonths(ticks, count);
    case 'nanosecond':
      return inRange(ticks + amount / 100n);
    default: {
      const unitTicks = UNIT_TICKS[unit];
      if (unitTicks === undefined) throw unknownPart('datetime_add', part);
      return inRange(ticks + amount * unitTicks);
    }
  }
}

/** How many starts of the unit lie between b and a. */
function difference(part: string, a: bigint, b: bigint): bigint {
  const unit = part.toLowerCase();
  switch (unit) {
    case 'year':
    case 'quarter':
    case 'month': {
      const x = civilOf(dayOf(a));
      const y = civilOf(dayOf(b));
      if (unit === 'year') return BigInt(x.year - y.year);
      if (unit === 'month') return BigInt((x.year - y.year) * 12 + x.month - y.month);
      return BigInt((x.year - y.year) * 4 + Math.ceil(x.month / 3) - Math.ceil(y.month / 3));
    }
    case 'week':
      return BigInt((startOf('week', dayOf(a), 0) - startOf('week', dayOf(b), 0)) / 7);
    case 'nanosecond':
      return (a - b) * 100n;
    default: {
      const unitTicks = UNIT_TICKS[unit];
      if (unitTicks === undefined) throw unknownPart('datetime_diff', part);
      return a / unitTicks - b / unitTicks;
    }
  }
}

function partOf(part: string, ticks: bigint): bigint {
  const day = dayOf(ticks);
  const civil = civilOf(day);
  const within = ticks % TICKS_PER_DAY;
  switch (part.toLowerCase()) {
    case 'year':
      return BigInt(civil.year);
    case 'quarter':
      return BigInt(Math.ceil(civil.month / 3));
    case 'month':
      return BigInt(civil.month);
    case 'week_of_year':
    case 'weekofyear':
      return BigInt(isoWeek(day));
    case 'day':
      return BigInt(civil.day);
    case 'dayofyear':
      return BigInt(day - dayNumberOf(civil.year, 1, 1) + 1);
    case 'hour':
      return within / TICKS_PER_HOUR;
    case 'minute':
      return (within / TICKS_PER_MINUTE) % 60n;
    case 'second':
      return (within / TICKS_PER_SECOND) % 60n;
    case 'millisecond':
      return (within / TICKS_PER_MILLISECOND) % 1000n;
    case 'microsecond':
      return (within / 10n) % 1_000_000n;
    case 'nanosecond':
      return (within % TICKS_PER_SECOND) * 100n;
    default:
      throw unknownPart('datetime_part', part);
  }
}

const DELIMITERS = /^[ \-:/,._[\]]+$/;

/** The runs of equal letters, and the delimiters between them, of a format. */
function formatRuns(format: string): string[] {
  return format.match(/([a-zA-Z])\1*|[^a-zA-Z]+/g) ?? [];
}

function pad(value: number, width: number): string {
  return value.toString().padStart(width, '0');
}

function fractionRun(run: string, ticksInSecond: number): string | undefined {
  if (run.length > 7) return undefined;
  const digits = pad(ticksInSecond, 7).slice(0, run.length);
  return run[0] === 'f' ? digits : digits.replace(/0+$/, '');
}

function formatDatetimeAs(ticks: bigint, format: string): string {
  const civil = civilOf(dayOf(ticks));
  const within = Number((ticks % TICKS_PER_DAY) / TICKS_PER_SECOND);
  const fraction = Number(ticks % TICKS_PER_SECOND);
  const hour = Math.floor(within / 3600);
  const minute = Math.floor(within / 60) % 60;
  const second = within % 60;
  const render = (run: string): string | undefined => {
    if (DELIMITERS.test(run)) return run;
    const width = run.length;
    switch (run[0]) {
      case 'y':
        if (width <= 2) return pad(civil.year % 100, width);
        return width <= 5 ? pad(civil.year, width) : undefined;
      case 'M':
        return width <= 2 ? pad(civil.month, width) : undefined;
      case 'd':
        return width <= 2 ? pad(civil.day, width) : undefined;
      case 'H':
        return width <= 2 ? pad(hour, width) : undefined;
      case 'h':
        return width <= 2 ? pad(hour % 12 || 12, width) : undefined;
      case 'm':
        return width <= 2 ? pad(minute, width) : undefined;
      case 's':
        return width <= 2 ? pad(second, width) : undefined;
      case 't':
        return width <= 2 ? (hour < 12 ? 'AM' : 'PM').slice(0, width) : undefined;
      case 'f':
      case 'F':
        return fractionRun(run, fraction);
      default:
        return undefined;
    }
  };
  return renderRuns('format_datetime', format, render);
}

function formatTimespanAs(ticks: bigint, format: string): string {
  const size = ticks < 0n ? -ticks : ticks;
  const days = Number(size / TICKS_PER_DAY);
  const within = Number((size % TICKS_PER_DAY) / TICKS_PER_SECOND);
  const fraction = Number(size % TICKS_PER_SECOND);
  const render = (run: string): string | undefined => {
    if (DELIMITERS.test(run)) return run;
    const width = run.length;
    switch (run[0]) {
      case 'd':
        return width <= 8 ? pad(days, width) : undefined;
      case 'H':
      case 'h':
        return width <= 2 ? pad(Math.floor(within / 3600), width) : undefined;
      case 'm':
        return width <= 2 ? pad(Math.floor(within / 60) % 60, width) : undefined;
      case 's':
        return width <= 2 ? pad(within % 60, width) : undefined;
      case 'f':
      case 'F':
        return fractionRun(run, fraction);
      default:
        return undefined;
    }
  };
  return (ticks < 0n ? '-' : '') + renderRuns('format_timespan', format, render);
}

function renderRuns(name: string, format: string, render: (run: string) => string | undefined): string {
  return formatRuns(format)
    .map((run) => {
      const rendered = render(run);
      if (rendered !== undefined) return rendered;
      throw new TocsinError('QUERY', {
        message: `${name}: '${run}' in the format '${format}' is not supported`,
        hint: "formats are made of y M d H h m s f F t and the delimiters ' ' / - : , . _ [ ]",
      });
    })
    .join('');
}

/** Whole and fractional seconds (a long or a real) as ticks. */
function secondsTicks(value: Value | undefined): bigint {
  if (value === undefined) return 0n;
  return typeof value === 'number'
    ? BigInt(Math.round(Number.isFinite(value) ? value * 1e7 : -1))
    : (value as bigint) * TICKS_PER_SECOND;
}

function makeDatetime(args: readonly Value[]): bigint | null {
  const [year, month, day] = args.slice(0, 3).map((arg) => Math.trunc(Number(arg))) as [number, number, number];
  const hour = Math.trunc(Number(args[3] ?? 0n));
  const minute = Math.trunc(Number(args[4] ?? 0n));
  const seconds = secondsTicks(args[5] ?? undefined);
  if (!(year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) {
    return null;
  }
  if (!(hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && seconds >= 0n && seconds < TICKS_PER_MINUTE))
    return null;
  return ticksOfDay(dayNumberOf(year, month, day)) + BigInt(hour * 60 + minute) * TICKS_PER_MINUTE + seconds;
}

function makeTimespan(args: readonly Value[]): bigint | null {
  const hasDays = args.length === 4;
  const whole = (value: Value | undefined): bigint =>
    typeof value === 'number' ? BigInt(Math.trunc(Number.isFinite(value) ? value : -1)) : (value as bigint);
  const days = hasDays ? whole(args[0]) : 0n;
  const [hours, minutes, seconds] = hasDays ? args.slice(1) : args;
  const ticks = secondsTicks(seconds);
  const hour = whole(hours);
  const minute = whole(minutes);
  if (hour < 0n || hour > 23n || minute < 0n || minute > 59n || ticks < 0n || ticks >= TICKS_PER_MINUTE) return null;
  return days * TICKS_PER_DAY + hour * TICKS_PER_HOUR + minute * TICKS_PER_MINUTE + ticks;
}

const zones = new Map<string, Intl.DateTimeFormat | null>();

function zoneFormat(zone: string): Intl.DateTimeFormat | null {
  let format = zones.get(zone);
  if (format !== undefined) return format;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      era: 'short',
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    format = null;
  }
  zones.set(zone, format);
  return format;
}

/** Ticks to add to a UTC time to get the zone's local time. */
function zoneOffset(format: Intl.DateTimeFormat, ticks: bigint): bigint {
  const ms = Number((ticks - UNIX_EPOCH_TICKS) / TICKS_PER_MILLISECOND);
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
  const day = dayNumberOf(parts['year']!, parts['month']!, parts['day']!);
  const seconds = parts['hour']! * 3600 + parts['minute']! * 60 + parts['second']!;
  const local = ticksOfDay(day) + BigInt(seconds) * TICKS_PER_SECOND;
  const whole = BigInt(Math.floor(ms / 1000)) * TICKS_PER_SECOND + UNIX_EPOCH_TICKS;
  return local - whole;
}

function localOf(utc: bigint, zone: string): bigint | null {
  const format = zoneFormat(zone);
  return format && inRange(utc + zoneOffset(format, utc));
}

/** A local time that the clocks skip is read with the offset after the change, one that comes twice with the one before. */
function utcOf(local: bigint, zone: string): bigint | null {
  const format = zoneFormat(zone);
  if (!format) return null;
  const before = zoneOffset(format, local - TICKS_PER_DAY);
  const after = zoneOffset(format, local + TICKS_PER_DAY);
  for (const offset of [before, after])
    if (zoneOffset(format, local - offset) === offset) return inRange(local - offset);
  return inRange(local - after);
}

function period(name: string, kind: Period, end: boolean, extra: Partial<ScalarFunction> = {}): ScalarFunction {
  return defineTyped(
    name,
    ['datetime', 'long'],
    ([value, offset]) => {
      const day = dayOf(value as bigint);
      const count = offset === undefined ? 0 : Number(offset as bigint);
      return end
        ? inRange(ticksOfDay(startOf(kind, day, count + 1)) - 1n)
        : inRange(ticksOfDay(startOf(kind, day, count)));
    },
    extra,
  );
}

function part(name: string, which: string, extra: Partial<ScalarFunction> = {}): ScalarFunction {
  return defineTyped(name, ['datetime'], ([value]) => partOf(which, value as bigint), extra);
}

/** Ticks of a unit that whole days are made of, as a number. */
function narrowUnit(name: string): number | undefined {
  const unit = name.toLowerCase();
  return unit === 'week' || UNIT_TICKS[unit] === undefined ? undefined : Number(UNIT_TICKS[unit]);
}

/** A number as the type that the plan expects: `datetime_diff` of weeks is a real. */
function asType(value: bigint, type: ScalarType): Value {
  return type === 'real' ? Number(value) : value;
}

export const TIME_FUNCTIONS: readonly ScalarFunction[] = [
  defineTyped(
    'now',
    ['timespan'],
    ([offset], _types, _result, now) => inRange(now + ((offset as bigint | undefined) ?? 0n)),
    {
      timeInvariant: false,
    },
  ),
  defineTyped('ago', ['timespan'], ([span], _types, _result, now) => inRange(now - (span as bigint)), {
    timeInvariant: false,
  }),
  period('startofday', 'day', false, { vector: startOfDayKernel }),
  period('startofweek', 'week', false),
  period('startofmonth', 'month', false),
  period('startofyear', 'year', false),
  period('endofday', 'day', true, { vector: endOfDayKernel }),
  period('endofweek', 'week', true),
  period('endofmonth', 'month', true),
  period('endofyear', 'year', true),
  part('getyear', 'year'),
  part('getmonth', 'month'),
  part('monthofyear', 'month'),
  part('dayofmonth', 'day'),
  part('dayofyear', 'dayofyear'),
  part('hourofday', 'hour', { vector: hourOfDayKernel }),
  part('week_of_year', 'week_of_year'),
  defineTyped('dayofweek', ['datetime'], ([value]) => ticksOfDay(weekday(dayOf(value as bigint))), {
    vector: dayOfWeekKernel,
  }),
  defineTyped('datetime_part', ['string', 'datetime'], ([name, value]) => partOf(name as string, value as bigint)),
  defineTyped('datetime_add', ['string', 'long', 'datetime'], ([name, amount, value]) =>
    addPart(name as string, amount as bigint, value as bigint),
  ),
  defineTyped(
    'datetime_diff',
    ['string', 'datetime', 'datetime'],
    ([name, a, b], _types, result) => asType(difference(name as string, a as bigint, b as bigint), result),
    { vector: differenceKernel(narrowUnit) },
  ),
  defineTyped('format_datetime', ['datetime', 'string'], ([value, format]) =>
    formatDatetimeAs(value as bigint, format as string),
  ),
  defineTyped('format_timespan', ['timespan', 'string'], ([value, format]) =>
    formatTimespanAs(value as bigint, format as string),
  ),
  defineTyped('make_datetime', ['number'], makeDatetime),
  defineTyped('make_timespan', ['number'], makeTimespan),
  defineTyped('datetime_utc_to_local', ['datetime', 'string'], ([value, zone]) =>
    localOf(value as bigint, zone as string),
  ),
  defineTyped('datetime_local_to_utc', ['datetime', 'string'], ([value, zone]) =>
    utcOf(value as bigint, zone as string),
  ),
];
