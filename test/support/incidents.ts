/** Small truths and replay results, written by hand in minutes after midnight of 1 June 2026. */
import { formatDatetime, parseIsoDatetime, TICKS_PER_MINUTE } from '../../src/base/time.ts';
import type { Value } from '../../src/columns/value.ts';
import type { EventRole, TruthIncident } from '../../src/dataset/truth.ts';
import type { Scorable, ScoredDataset } from '../../src/score/score.ts';

const MIDNIGHT = parseIsoDatetime('2026-06-01')!;

export function minute(minutes: number): bigint {
  return MIDNIGHT + BigInt(minutes) * TICKS_PER_MINUTE;
}

/** An incident; `events` as id, minute of the event and role. */
export function incident(
  kind: TruthIncident['kind'],
  id: string,
  scenario: string,
  variant: string,
  events: readonly (readonly [id: string, minutes: number, role: EventRole])[],
): TruthIncident {
  const at = (minutes: number) => formatDatetime(minute(minutes));
  return {
    id,
    kind,
    scenario,
    variant,
    title: `${scenario}, ${variant}`,
    techniques: [],
    start: at(events[0]?.[1] ?? 0),
    end: at(events.at(-1)?.[1] ?? 0),
    events: events.map(([eventId, minutes, role]) => ({
      id: eventId,
      table: 'AuditLogs',
      at: at(minutes),
      generated: at(minutes),
      ingested: at(minutes + 2),
      account: 'adele@contoso.com',
      operation: 'Add member to role',
      role,
    })),
  };
}

/** What one run returned: rows with the events behind them. All of a run's rows stand in one alert. */
export interface RunRows {
  /** Minute of the run; its alert comes five minutes later. */
  readonly at: number;
  readonly rows: readonly (readonly [cells: readonly Value[], ...events: string[]])[];
  /** False: the run's rows raise no alert. */
  readonly alert?: boolean;
}

/** By default every alert is an incident of its own, and no column names an entity. */
export function replayed(
  runs: readonly RunRows[],
  more: Partial<Pick<Scorable, 'columns' | 'entityMappings'>> & {
    /** Alerts by incident. */
    readonly incidents?: readonly (readonly number[])[];
  } = {},
): Scorable {
  const rows = runs.flatMap((run, index) => run.rows.map(([cells, ...events]) => ({ run: index, cells, events })));
  const alerts = runs.flatMap((run, index) =>
    run.rows.length === 0 || run.alert === false
      ? []
      : [
          {
            systemAlertId: `alert-${index}`,
            run: index,
            rows: rows.flatMap((row, i) => (row.run === index ? i : [])),
            entitiesDropped: 0,
            record: {},
          },
        ],
  );
  const { columns = [], entityMappings = [], incidents = alerts.map((_, index) => [index]) } = more;
  return {
    columns,
    entityMappings,
    runs: runs.map(({ at }) => ({ at: minute(at), wallClock: minute(at + 5) })),
    rows,
    alerts,
    incidents: incidents.map((own) => ({ alerts: own, record: {} })),
    rowsRead: { AuditLogs: 1_200_000 },
    warnings: [],
    digest: 'd'.repeat(64),
  };
}

/** The only cell of a row names an account. */
export const BY_ACCOUNT: Pick<Scorable, 'columns' | 'entityMappings'> = {
  columns: [{ name: 'Account', type: 'string' }],
  entityMappings: [
    { entityType: 'Account', fieldMappings: [{ identifier: 'FullName', columnName: 'Account' }] },
    { entityType: 'IP', fieldMappings: [{ identifier: 'Address', columnName: 'Address' }] },
  ],
};

/** Two days of a tenant of 500 users. */
export const TWO_DAYS: ScoredDataset = {
  start: '2026-06-01T00:00:00.0000000Z',
  end: '2026-06-03T00:00:00.0000000Z',
  origin: { kind: 'scenario', scenario: 'two-days', seed: 7, users: 500, days: 2 },
};
