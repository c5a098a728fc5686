/** A rule and result rows made by hand, for tests of what comes after the query. */
import { TICKS_PER_MINUTE } from '../../src/base/time.ts';
import type { ColumnInfo } from '../../src/columns/batch.ts';
import type { Value } from '../../src/columns/value.ts';
import { type AlertSettings, type RaisedAlerts, raiseAlerts } from '../../src/replay/alerts.ts';
import type { ResultRow, ScheduledRun } from '../../src/replay/result.ts';
import { loadRule, type Rule } from '../../src/rules/rule.ts';
import { tableColumns } from '../../src/schema/tables.ts';

/** 2026-01-05T00:00:00Z */
export const MONDAY = 639_031_680_000_000_000n;

/** The rule that `yaml` describes, over AuditLogs every hour unless it says otherwise. */
export function ruleOf(yaml: string): Rule {
  const has = (field: string): boolean => new RegExp(`^${field}:`, 'm').test(yaml);
  const defaults = [
    'name: Test rule',
    'id: 11111111-2222-3333-4444-555555555555',
    'kind: Scheduled',
    'query: AuditLogs',
    'queryFrequency: 1h',
    'queryPeriod: 1h',
  ];
  const missing = defaults.filter((line) => !has(line.slice(0, line.indexOf(':'))));
  return loadRule(`${missing.join('\n')}\n${yaml}`, 'rule.yaml').rule;
}

/** A run each `everyMinutes` after MONDAY. */
export function runsEvery(everyMinutes: number, count: number): ScheduledRun[] {
  return Array.from({ length: count }, (_, i) => {
    const at = MONDAY + BigInt((i + 1) * everyMinutes) * TICKS_PER_MINUTE;
    return { at, wallClock: at + 5n * TICKS_PER_MINUTE };
  });
}

export interface Given {
  readonly yaml?: string;
  readonly columns?: readonly ColumnInfo[];
  /** Rows by run. */
  readonly rows: readonly (readonly (readonly Value[])[])[];
  readonly everyMinutes?: number;
  readonly settings?: AlertSettings;
}

export const DEFAULT_COLUMNS: readonly ColumnInfo[] = [
  { name: 'UserPrincipalName', type: 'string' },
  { name: 'IPAddress', type: 'string' },
];

export function raise(given: Given): RaisedAlerts & { readonly rule: Rule; readonly runs: readonly ScheduledRun[] } {
  const rule = ruleOf(given.yaml ?? '');
  const runs = runsEvery(given.everyMinutes ?? 60, given.rows.length);
  const rows: ResultRow[] = given.rows.flatMap((cells, run) => cells.map((row) => ({ run, cells: row, events: [] })));
  const { columns = DEFAULT_COLUMNS, settings } = given;
  const raised = raiseAlerts({ rule, columns, runs, rows, datasetId: 'test', ...(settings && { settings }) });
  return { ...raised, rule, runs };
}

/** How a record differs from a row of the table: columns that are missing, too many, or of another type. */
export function columnFaults(table: string, record: Readonly<Record<string, unknown>>): string[] {
  // What billing adds is no part of a record.
  const columns = tableColumns(table)!.filter(({ name }) => !name.startsWith('_'));
  const names = new Set(columns.map(({ name }) => name));
  const missing = columns.filter(({ name }) => !(name in record)).map(({ name }) => `${name} is missing`);
  const extra = Object.keys(record).flatMap((name) => (names.has(name) ? [] : [`${name} is no column`]));
  const wrong = columns.flatMap(({ name, type }) => {
    const value = record[name];
    if (value === undefined || value === null || isOf(type, value)) return [];
    return [`${name}: ${JSON.stringify(value)} is no ${type}`];
  });
  return [...missing, ...extra, ...wrong];
}

function isOf(type: string, value: unknown): boolean {
  switch (type) {
    case 'datetime':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/.test(value);
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
    case 'long':
      return Number.isInteger(value);
    case 'real':
      return typeof value === 'number';
    case 'dynamic':
      // Exports write it as JSON in a text.
      return typeof value === 'string' && typeof JSON.parse(value) === 'object';
    default:
      return typeof value === 'string';
  }
}
