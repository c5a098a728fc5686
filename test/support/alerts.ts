/** A rule and result rows made by hand, for tests of what comes after the query. */
import { TICKS_PER_MINUTE } from '../../src/base/time.ts';
import type { ColumnInfo } from '../../src/columns/batch.ts';
import type { Value } from '../../src/columns/value.ts';
import { type AlertSettings, type RaisedAlerts, raiseAlerts } from '../../src/replay/alerts.ts';
import type { ResultRow, ScheduledRun } from '../../src/replay/result.ts';
import { loadRule, type Rule } from '../../src/rules/rule.ts';

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
