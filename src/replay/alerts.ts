/**
 * The alerts that Sentinel raises from a rule's result rows, run by run: trigger, event grouping, suppression, entities,
 * custom details, overridden details. Each is given as a row of the SecurityAlert table, with `Entities` and
 * `ExtendedProperties` as the JSON texts that Sentinel writes there.
 *
 * Two things that Sentinel's documentation leaves open are settings here (`AlertSettings`), not guesses in the code.
 *
 * https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview, https://learn.microsoft.com/azure/sentinel/customize-alert-details,
 * https://learn.microsoft.com/azure/sentinel/surface-custom-details-in-alerts, https://learn.microsoft.com/azure/sentinel/sentinel-service-limits
 */
import { createHash } from 'node:crypto';
import { formatDatetime, formatTimespan } from '../base/time.ts';
import type { ColumnInfo } from '../columns/batch.ts';
import type { AlertDetailsOverride, Rule } from '../rules/rule.ts';
import { PLACEHOLDER, SEVERITIES, TACTICS, type Severity, type TriggerOperator } from '../rules/vocabulary.ts';
import { cellText } from './cells.ts';
import { entitiesJson, entitiesOf, type Entity } from './entities.ts';
import type { Alert, ResultRow, ScheduledRun } from './result.ts';

/** With AlertPerResult, a run raises at most this many alerts; the last one stands for all rows. */
export const MAX_ALERTS_PER_RUN = 150;
export const MAX_NRT_ALERTS_PER_RUN = 30;
export const MAX_ALERT_NAME_BYTES = 256;
export const MAX_DESCRIPTION_BYTES = 5_000;
export const MAX_VALUES_PER_DETAIL = 50;
/** All custom details of one alert together, names included. The service limits say 2 KB; an older page says 64 KB, shared with the alert details. */
export const MAX_CUSTOM_DETAILS_BYTES = 2_048;

export interface AlertSettings {
  /** Which row of a SingleAlert's rows fills `{{column}}`. Sentinel does not document it; the first is what is seen in practice. */
  readonly singleAlertRow: 'first' | 'last';
}

export const DEFAULT_ALERT_SETTINGS: AlertSettings = { singleAlertRow: 'first' };

/** Values of a custom detail, by its name. */
export type CustomDetails = Readonly<Record<string, readonly string[]>>;

export interface RaisedAlert extends Alert {
  readonly displayName: string;
  readonly severity: Severity;
  readonly entities: readonly Entity[];
  readonly customDetails: CustomDetails;
}

export interface RaisedAlerts {
  readonly alerts: readonly RaisedAlert[];
  /** Indexes of runs that suppression kept from happening; their rows were never returned. */
  readonly suppressedRuns: readonly number[];
}

export interface AlertInput {
  readonly rule: Rule;
  readonly columns: readonly ColumnInfo[];
  readonly runs: readonly ScheduledRun[];
  /** In order of run. */
  readonly rows: readonly ResultRow[];
  /** Names the dataset, so that ids are stable for it and differ between datasets. */
  readonly datasetId: string;
  readonly settings?: AlertSettings;
}

/**
 * The alerts of a replay, in order of run, then of row. Rows of suppressed runs (see the result) raise none and must be
 * left out of the replay's rows; `rows` of the alerts count without them.
 */
export function raiseAlerts(input: AlertInput): RaisedAlerts {
  const { rule, runs, rows } = input;
  const writer = new AlertWriter(input);
  const alerts: RaisedAlert[] = [];
  const suppressedRuns: number[] = [];
  const cap = rule.kind === 'NRT' ? MAX_NRT_ALERTS_PER_RUN : MAX_ALERTS_PER_RUN;
  let restUntil: bigint | undefined;
  let at = 0;
  let suppressedRows = 0;
  for (let run = 0; run < runs.length; run++) {
    const first = at;
    while (at < rows.length && rows[at]!.run === run) at++;
    const count = at - first;
    if (restUntil !== undefined && runs[run]!.at < restUntil) {
      suppressedRuns.push(run);
      suppressedRows += count;
      continue;
    }
    if (!triggers(rule.triggerOperator, count, rule.triggerThreshold)) continue;
    const group = { run, first: first - suppressedRows, rows: rows.slice(first, at) };
    if (rule.eventGrouping === 'AlertPerResult' && count > 0) {
      const single = count > cap ? cap - 1 : count;
      for (let i = 0; i < single; i++) {
        alerts.push(writer.write(run, i, [group.first + i], [group.rows[i]!], count));
      }
      if (count > cap) alerts.push(writer.write(run, single, indexes(group.first, count), group.rows, count));
    } else {
      alerts.push(writer.write(run, 0, indexes(group.first, count), group.rows, count));
    }
    if (rule.suppression !== undefined) restUntil = runs[run]!.at + rule.suppression;
  }
  return { alerts, suppressedRuns };
}

function indexes(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** Whether `count` rows pass the trigger. */
export function triggers(operator: TriggerOperator, count: number, threshold: number): boolean {
  switch (operator) {
    case 'gt':
      return count > threshold;
    case 'lt':
      return count < threshold;
    case 'eq':
      return count === threshold;
    case 'ne':
      return count !== threshold;
  }
}

/** A GUID that depends on nothing but `parts`. */
export function stableGuid(...parts: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  // Version 8 (RFC 9562): the content is the application's own.
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** `text` cut to at most `maxBytes` of UTF-8, never inside a character. */
export function truncateUtf8(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text);
  let end = maxBytes;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

const TRIGGER_NAMES: Readonly<Record<TriggerOperator, string>> = {
  gt: 'GreaterThan',
  lt: 'LessThan',
  eq: 'Equal',
  ne: 'NotEqual',
};

/** Alert properties that `alertDynamicProperties` may fill, and their columns in SecurityAlert. */
const DYNAMIC_PROPERTIES: Readonly<Record<string, string>> = {
  AlertLink: 'AlertLink',
  ConfidenceLevel: 'ConfidenceLevel',
  ConfidenceScore: 'ConfidenceScore',
  ExtendedLinks: 'ExtendedLinks',
  ProductComponentName: 'ProductComponentName',
  ProductName: 'ProductName',
  ProviderName: 'ProviderName',
  RemediationSteps: 'RemediationSteps',
  Techniques: 'Techniques',
  SubTechniques: 'SubTechniques',
};

class AlertWriter {
  readonly #rule: Rule;
  readonly #columns: readonly ColumnInfo[];
  readonly #runs: readonly ScheduledRun[];
  readonly #settings: AlertSettings;
  readonly #workspaceId: string;
  readonly #ruleId: string;
  readonly #seed: readonly string[];
  readonly #columnOf: ReadonlyMap<string, number>;
  readonly #timeColumn: number;

  constructor(input: AlertInput) {
    const { rule, columns } = input;
    this.#rule = rule;
    this.#columns = columns;
    this.#runs = input.runs;
    this.#settings = input.settings ?? DEFAULT_ALERT_SETTINGS;
    this.#workspaceId = stableGuid('workspace', input.datasetId);
    this.#ruleId = rule.id ?? stableGuid('rule', rule.name, rule.query);
    this.#seed = [input.datasetId, this.#ruleId, rule.name];
    this.#columnOf = new Map(columns.map((column, index) => [column.name, index]));
    this.#timeColumn = columns.findIndex((column) => column.name === 'TimeGenerated' && column.type === 'datetime');
  }

  write(
    run: number,
    index: number,
    rowIndexes: readonly number[],
    rows: readonly ResultRow[],
    overall: number,
  ): RaisedAlert {
    const rule = this.#rule;
    const { at, wallClock } = this.#runs[run]!;
    const systemAlertId = stableGuid('alert', ...this.#seed, String(at), String(index));
    const row = rows.length === 0 ? undefined : this.#settings.singleAlertRow === 'last' ? rows.at(-1) : rows[0];
    const { entities, dropped } = entitiesOf(rule.entityMappings, this.#columns, rows);
    const customDetails = this.#customDetails(rows);
    const override = rule.alertDetailsOverride;
    const displayName = truncateUtf8(this.#filled(override.displayNameFormat, row) ?? rule.name, MAX_ALERT_NAME_BYTES);
    const description = truncateUtf8(
      this.#filled(override.descriptionFormat, row) ?? rule.description,
      MAX_DESCRIPTION_BYTES,
    );
    const severity = this.#severity(override, row);
    const [start, end] = this.#activity(rows, at);
    const techniques = rule.techniques.filter((technique) => !technique.includes('.'));
    const subTechniques = rule.techniques.filter((technique) => technique.includes('.'));
    const nrt = rule.kind === 'NRT';
    const record: Record<string, unknown> = {
      TenantId: this.#workspaceId,
      TimeGenerated: formatDatetime(wallClock),
      DisplayName: displayName,
      AlertName: displayName,
      AlertSeverity: severity,
      Description: description,
      ProviderName: nrt ? 'ASI NRT Alerts' : 'ASI Scheduled Alerts',
      VendorName: 'Microsoft',
      VendorOriginalId: stableGuid('vendor', systemAlertId),
      SystemAlertId: systemAlertId,
      ResourceId: '',
      SourceComputerId: '',
      AlertType: `${this.#workspaceId}_${this.#ruleId}`,
      ConfidenceLevel: '',
      ConfidenceScore: null,
      IsIncident: false,
      StartTime: formatDatetime(start),
      EndTime: formatDatetime(end),
      ProcessingEndTime: formatDatetime(wallClock),
      RemediationSteps: '',
      ExtendedProperties: JSON.stringify(this.#extendedProperties(at, systemAlertId, overall, customDetails)),
      Entities: entitiesJson(entities),
      SourceSystem: 'Detection',
      WorkspaceSubscriptionId: stableGuid('subscription', this.#workspaceId),
      WorkspaceResourceGroup: 'tocsin',
      ExtendedLinks: '',
      ProductName: 'Azure Sentinel',
      ProductComponentName: nrt ? 'NRT Alerts' : 'Scheduled Alerts',
      AlertLink: '',
      Status: 'New',
      CompromisedEntity: '',
      Tactics: this.#tactics(override, row),
      Techniques: techniques.length > 0 ? JSON.stringify(techniques) : '',
      SubTechniques: subTechniques.length > 0 ? JSON.stringify(subTechniques) : '',
      Type: 'SecurityAlert',
    };
    for (const { property, columnName } of override.dynamicProperties) {
      const column = DYNAMIC_PROPERTIES[property];
      const text = this.#cell(row, columnName);
      if (column && text !== '') record[column] = text;
    }
    return {
      systemAlertId,
      run,
      rows: rowIndexes,
      displayName,
      severity,
      entities,
      entitiesDropped: dropped,
      customDetails,
      record,
    };
  }

  #cell(row: ResultRow | undefined, columnName: string): string {
    const column = this.#columnOf.get(columnName);
    return row === undefined || column === undefined ? '' : cellText(this.#columns[column]!.type, row.cells[column]!);
  }

  /** The format with its columns filled in; undefined, and so the rule's own text, where there is no format or a column is empty. */
  #filled(format: string | undefined, row: ResultRow | undefined): string | undefined {
    if (format === undefined) return undefined;
    let empty = false;
    const text = format.replace(PLACEHOLDER, (_, name: string) => {
      const value = this.#cell(row, name);
      empty ||= value === '';
      return value;
    });
    return empty ? undefined : text;
  }

  #severity(override: AlertDetailsOverride, row: ResultRow | undefined): Severity {
    const { severityColumn } = override;
    if (severityColumn === undefined) return this.#rule.severity;
    const text = this.#cell(row, severityColumn).trim().toLowerCase();
    return SEVERITIES.find((severity) => severity.toLowerCase() === text) ?? this.#rule.severity;
  }

  #tactics(override: AlertDetailsOverride, row: ResultRow | undefined): string {
    const own = this.#rule.tactics.length > 0 ? this.#rule.tactics.join(', ') : 'Unknown';
    if (override.tacticsColumn === undefined) return own;
    const names = this.#cell(row, override.tacticsColumn).match(/[A-Za-z]+/g) ?? [];
    const tactics = names.map((name) => TACTICS.find((tactic) => tactic.toLowerCase() === name.toLowerCase()));
    return tactics.length > 0 && tactics.every((tactic) => tactic !== undefined) ? tactics.join(', ') : own;
  }

  #customDetails(rows: readonly ResultRow[]): CustomDetails {
    const details: Record<string, string[]> = {};
    let bytes = 2;
    for (const { key, columnName } of this.#rule.customDetails) {
      const distinct = new Set<string>();
      for (const row of rows) {
        const text = this.#cell(row, columnName);
        if (text !== '') distinct.add(text);
      }
      const values: string[] = [];
      // Of `"key":[...]` everything but the values, and the comma before it.
      const frame = Buffer.byteLength(JSON.stringify(key)) + 3 + (bytes > 2 ? 1 : 0);
      for (const value of distinct) {
        const size = Buffer.byteLength(JSON.stringify(value)) + (values.length === 0 ? frame : 1);
        if (values.length === MAX_VALUES_PER_DETAIL || bytes + size > MAX_CUSTOM_DETAILS_BYTES) break;
        bytes += size;
        values.push(value);
      }
      if (values.length > 0) details[key] = values;
    }
    return details;
  }

  /** From the first to the last TimeGenerated of the rows where they have one, else the window of the run. */
  #activity(rows: readonly ResultRow[], at: bigint): [start: bigint, end: bigint] {
    let start: bigint | undefined;
    let end: bigint | undefined;
    for (const { cells } of this.#timeColumn < 0 ? [] : rows) {
      const time = cells[this.#timeColumn] as bigint | null;
      if (time === null) continue;
      if (start === undefined || time < start) start = time;
      if (end === undefined || time > end) end = time;
    }
    return [start ?? at - this.#rule.queryPeriod, end ?? at];
  }

  #extendedProperties(
    at: bigint,
    systemAlertId: string,
    overall: number,
    customDetails: CustomDetails,
  ): Record<string, string> {
    const rule = this.#rule;
    return {
      'Query Period': formatTimespan(rule.queryPeriod),
      'Trigger Operator': TRIGGER_NAMES[rule.triggerOperator],
      'Trigger Threshold': String(rule.triggerThreshold),
      'Correlation Id': stableGuid('correlation', systemAlertId),
      'Search Query Results Overall Count': String(overall),
      'Data Sources': JSON.stringify(['tocsin']),
      Query:
        '// The query_now parameter represents the time (in UTC) at which the scheduled analytics rule ran to produce this alert.\n' +
        `set query_now = datetime(${formatDatetime(at)});\n${rule.query}`,
      'Query Start Time UTC': wholeSeconds(at - rule.queryPeriod),
      'Query End Time UTC': wholeSeconds(at),
      'Analytic Rule Ids': JSON.stringify([this.#ruleId]),
      'Event Grouping': rule.eventGrouping === 'AlertPerResult' ? 'AlertPerEvent' : 'SingleAlert',
      'Analytic Rule Name': rule.name,
      ...(Object.keys(customDetails).length > 0 ? { 'Custom Details': JSON.stringify(customDetails) } : {}),
      ProcessedBySentinel: 'True',
      'Alert generation status': 'Full alert created',
    };
  }
}

/** `2026-05-29 10:11:12Z` */
function wholeSeconds(ticks: bigint): string {
  return `${formatDatetime(ticks).slice(0, 19).replace('T', ' ')}Z`;
}
