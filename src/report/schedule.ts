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

/** The rule's own schedule by table, then the others in all; empty for none. */
export function scheduleLines(schedules: readonly ScheduleReport[], colors: Colors): string[] {
  const [own, ...others] = schedules;
  if (!own) return [];
  return [
    colors.dim(`  ${fit('rows before the query looks', NAME_WIDTH)}${cells('lost', 'attack acts', 'seen again')}`),
    scheduleLine(`${nameOf(own)}, as it is`, own.tables, colors),
    ...(own.tables.length < 2 ? [] : own.tables.map((table) => scheduleLine(`  ${table.table}`, [table], colors))),
    ...others.map((schedule) => scheduleLine(nameOf(schedule), schedule.tables, colors)),
  ];
}

function nameOf({ queryFrequency, queryPeriod }: ScheduleReport): string {
  return `every ${queryFrequency} over ${queryPeriod}`;
}

function cells(...texts: readonly string[]): string {
  return texts.map((text) => text.padStart(CELL_WIDTH)).join('');
}

function scheduleLine(name: string, tables: readonly TableLosses[], colors: Colors): string {
  const malicious = total(tables.map((table) => table.malicious));
  const benign = total(tables.map((table) => table.benign));
  const all = total([malicious, benign]);
  const acts = `${formatCount(malicious.lost)} of ${formatCount(malicious.rows)}`.padStart(CELL_WIDTH);
  const share = all.rows === 0 ? '-' : formatShare(all.repeated / all.rows);
  return `  ${fit(name, NAME_WIDTH)}${cells(formatCount(all.lost))}${malicious.lost > 0 ? colors.red(acts) : acts}${cells(share)}`;
}

function total(counts: readonly LossCount[]): LossCount {
  const sum = (field: keyof LossCount): number => counts.reduce((all, count) => all + count[field], 0);
  return { rows: sum('rows'), lost: sum('lost'), repeated: sum('repeated') };
}
