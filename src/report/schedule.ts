/** What schedules lose and repeat, as JSON and as a table in 80 columns. */
import type picocolors from 'picocolors';
import type { LossCount, ScheduleLosses, TableLosses } from '../replay/losses.ts';
import { formatDuration } from '../rules/duration.ts';
import { fit, formatCount, formatShare } from './format.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

/** One schedule; the first of a list is the rule's own. */
export interface ScheduleReport {
  /** As a rule file writes them: `1h`, `90m`. */
  readonly queryFrequency: string;
  readonly queryPeriod: string;
  readonly tables: readonly TableLosses[];
}

export function scheduleReport(losses: readonly ScheduleLosses[]): ScheduleReport[] {
  return losses.map(({ queryFrequency, queryPeriod, tables }) => ({
    queryFrequency: formatDuration(queryFrequency),
    queryPeriod: formatDuration(queryPeriod),
    tables,
  }));
}

const NAME_WIDTH = 39;
const CELL_WIDTH = 13;

/** What a schedule, or the rule's own over one table, does to the rows. */
export interface ScheduleRow {
  readonly name: string;
  /** Rows that no run saw. */
  readonly lost: number;
  /** Malicious events, and those of them that no run saw. */
  readonly acts: number;
  readonly actsLost: number;
  /** Of all rows, those that several runs saw; null of none. */
  readonly repeated: number | null;
}

/** The rule's own schedule, each of its tables where there are several, then the other schedules in all; empty for none. */
export function scheduleRows([own, ...others]: readonly ScheduleReport[]): ScheduleRow[] {
  if (!own) return [];
  return [
    scheduleRow(`${nameOf(own)}, as it is`, own.tables),
    ...(own.tables.length < 2 ? [] : own.tables.map((table) => scheduleRow(`  ${table.table}`, [table]))),
    ...others.map((schedule) => scheduleRow(nameOf(schedule), schedule.tables)),
  ];
}

/** The same as text; empty for none. */
export function scheduleLines(schedules: readonly ScheduleReport[], colors: Colors): string[] {
  if (schedules.length === 0) return [];
  return [
    colors.dim(`  ${fit('rows before the query looks', NAME_WIDTH)}${cells('lost', 'attack acts', 'seen again')}`),
    ...scheduleRows(schedules).map((row) => scheduleLine(row, colors)),
  ];
}

function nameOf({ queryFrequency, queryPeriod }: ScheduleReport): string {
  return `every ${queryFrequency} over ${queryPeriod}`;
}

function cells(...texts: readonly string[]): string {
  return texts.map((text) => text.padStart(CELL_WIDTH)).join('');
}

function scheduleRow(name: string, tables: readonly TableLosses[]): ScheduleRow {
  const malicious = total(tables.map((table) => table.malicious));
  const all = total([malicious, total(tables.map((table) => table.benign))]);
  return {
    name,
    lost: all.lost,
    acts: malicious.rows,
    actsLost: malicious.lost,
    repeated: all.rows === 0 ? null : all.repeated / all.rows,
  };
}

function scheduleLine({ name, lost, acts, actsLost, repeated }: ScheduleRow, colors: Colors): string {
  const counted = `${formatCount(actsLost)} of ${formatCount(acts)}`.padStart(CELL_WIDTH);
  const share = repeated === null ? '-' : formatShare(repeated);
  return `  ${fit(name, NAME_WIDTH)}${cells(formatCount(lost))}${actsLost > 0 ? colors.red(counted) : counted}${cells(share)}`;
}

function total(counts: readonly LossCount[]): LossCount {
  const sum = (field: keyof LossCount): number => counts.reduce((all, count) => all + count[field], 0);
  return { rows: sum('rows'), lost: sum('lost'), repeated: sum('repeated') };
}
