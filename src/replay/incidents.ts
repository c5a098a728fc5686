/**
 * The incidents that Sentinel makes of a rule's alerts: what an analyst opens. One alert an incident where grouping is
 * off; where it is on, an alert joins the latest incident of its rule that it matches, that is young enough, not full, and
 * open (or may be reopened).
 *
 * What Sentinel's documentation leaves open is a setting (`IncidentSettings`): from when the look-back counts, and how
 * soon analysts close what they see. An alert that has none of the entities it would be matched by matches nothing.
 *
 * https://learn.microsoft.com/azure/sentinel/scheduled-rules-overview#alert-grouping
 */
import { formatDatetime } from '../base/time.ts';
import type { IncidentConfiguration, Rule } from '../rules/rule.ts';
import { SEVERITIES } from '../rules/vocabulary.ts';
import { type RaisedAlert, stableGuid } from './alerts.ts';
import { entityKey, entityTypeName } from './entities.ts';
import type { AlertIncident, ScheduledRun } from './result.ts';

/** An incident takes this many alerts; the next one starts another incident with the same details. */
export const MAX_ALERTS_PER_INCIDENT = 150;

export interface IncidentSettings {
  /** Whether `lookbackDuration` counts from an incident's first alert or from its latest. */
  readonly lookbackFrom: 'first' | 'latest';
  /** Ticks from an incident's creation (or reopening) until an analyst closes it; undefined: never within the replay. */
  readonly timeToClose: bigint | undefined;
}

export const DEFAULT_INCIDENT_SETTINGS: IncidentSettings = { lookbackFrom: 'first', timeToClose: undefined };

export interface Incident extends AlertIncident {
  /** From 1, in order of creation. */
  readonly number: number;
  /** Wall clock of the first alert; ticks since 0001. */
  readonly created: bigint;
  /** When an analyst closed it for good, or undefined. */
  readonly closed: bigint | undefined;
  readonly reopened: number;
}

interface OpenIncident {
  readonly number: number;
  readonly alerts: number[];
  readonly created: bigint;
  readonly key: string | undefined;
  latest: bigint;
  closes: bigint | undefined;
  reopened: number;
}

/** The incidents of a rule's alerts, in order of creation; none where the rule creates none. */
export function groupIncidents(
  rule: Rule,
  runs: readonly ScheduledRun[],
  alerts: readonly RaisedAlert[],
  settings: IncidentSettings = DEFAULT_INCIDENT_SETTINGS,
): Incident[] {
  const { createIncident, grouping } = rule.incidentConfiguration;
  if (!createIncident) return [];
  const incidents: OpenIncident[] = [];
  /** For each key the incidents that have it, latest last. */
  const byKey = new Map<string, OpenIncident[]>();
  alerts.forEach((alert, index) => {
    const at = runs[alert.run]!.wallClock;
    const key = grouping.enabled ? groupingKey(grouping, alert) : undefined;
    const sameKey = key === undefined ? [] : (byKey.get(key) ?? []);
    const home = sameKey.findLast((incident) => takes(incident, at, grouping, settings));
    if (home) {
      home.alerts.push(index);
      home.latest = at;
      if (home.closes !== undefined && home.closes <= at) {
        home.reopened++;
        home.closes = at + settings.timeToClose!;
      }
      return;
    }
    const { timeToClose } = settings;
    const incident: OpenIncident = {
      number: incidents.length + 1,
      alerts: [index],
      created: at,
      key,
      latest: at,
      closes: timeToClose === undefined ? undefined : at + timeToClose,
      reopened: 0,
    };
    incidents.push(incident);
    if (key !== undefined) byKey.set(key, [...sameKey, incident]);
  });
  const end = runs.at(-1)?.wallClock;
  return incidents.map((incident) => finished(rule, runs, alerts, incident, end));
}

type Grouping = IncidentConfiguration['grouping'];

function takes(incident: OpenIncident, at: bigint, grouping: Grouping, settings: IncidentSettings): boolean {
  const since = settings.lookbackFrom === 'first' ? incident.created : incident.latest;
  if (at - since > grouping.lookback || incident.alerts.length >= MAX_ALERTS_PER_INCIDENT) return false;
  const closed = incident.closes !== undefined && incident.closes <= at;
  return !closed || grouping.reopenClosedIncident;
}

/** Alerts with equal keys belong together; undefined: the alert stands alone. */
function groupingKey(grouping: Grouping, alert: RaisedAlert): string | undefined {
  switch (grouping.matchingMethod) {
    case 'AnyAlert':
      return '';
    case 'AllEntities':
      return alert.entities.length === 0 ? undefined : entitySetKey(alert);
    case 'Selected': {
      const parts: string[] = [];
      for (const type of grouping.groupByEntities) {
        const key = entitySetKey(alert, entityTypeName(type));
        if (key === '') return undefined;
        parts.push(key);
      }
      for (const detail of grouping.groupByAlertDetails) {
        parts.push(detail.toLowerCase() === 'severity' ? alert.severity : alert.displayName);
      }
      for (const detail of grouping.groupByCustomDetails) {
        const values = alert.customDetails[detail];
        if (!values) return undefined;
        parts.push(JSON.stringify(values.toSorted()));
      }
      return parts.length === 0 ? undefined : JSON.stringify(parts);
    }
  }
}

function entitySetKey(alert: RaisedAlert, type?: string): string {
  const keys = alert.entities.filter((entity) => type === undefined || entity.type === type).map(entityKey);
  return keys.toSorted().join('\n');
}

function finished(
  rule: Rule,
  runs: readonly ScheduledRun[],
  alerts: readonly RaisedAlert[],
  incident: OpenIncident,
  end: bigint | undefined,
): Incident {
  const { number, created, reopened } = incident;
  const own = incident.alerts.map((index) => alerts[index]!);
  const first = own[0]!;
  const closed =
    incident.closes !== undefined && end !== undefined && incident.closes <= end ? incident.closes : undefined;
  const severity = SEVERITIES[Math.max(...own.map((alert) => SEVERITIES.indexOf(alert.severity)))]!;
  const name = stableGuid('incident', first.systemAlertId);
  const times = (field: string): string[] => own.map((alert) => alert.record[field] as string).toSorted();
  const ruleId = (first.record['AlertType'] as string).split('_')[1]!;
  const modified = closed ?? runs[own.at(-1)!.run]!.wallClock;
  const record = {
    TenantId: first.record['TenantId'],
    TimeGenerated: formatDatetime(modified),
    IncidentName: name,
    Title: first.displayName,
    Description: first.record['Description'],
    Severity: severity,
    Status: closed === undefined ? 'New' : 'Closed',
    Classification: '',
    ClassificationComment: '',
    ClassificationReason: '',
    Owner: '{"objectId":null,"email":null,"assignedTo":null,"userPrincipalName":null}',
    ProviderName: 'Azure Sentinel',
    ProviderIncidentId: String(number),
    FirstActivityTime: times('StartTime')[0],
    LastActivityTime: times('EndTime').at(-1),
    FirstModifiedTime: formatDatetime(created),
    LastModifiedTime: formatDatetime(modified),
    CreatedTime: formatDatetime(created),
    ClosedTime: closed === undefined ? null : formatDatetime(closed),
    IncidentNumber: number,
    RelatedAnalyticRuleIds: JSON.stringify([ruleId]),
    AlertIds: JSON.stringify(own.map((alert) => alert.systemAlertId)),
    BookmarkIds: '[]',
    Comments: '[]',
    Tasks: '[]',
    Labels: '[]',
    IncidentUrl: '',
    AdditionalData: JSON.stringify({
      alertsCount: own.length,
      bookmarksCount: 0,
      commentsCount: 0,
      alertProductNames: ['Azure Sentinel'],
      tactics: rule.tactics,
      techniques: rule.techniques,
    }),
    ModifiedBy: 'Incident created from alert',
    SourceSystem: 'Azure',
    Type: 'SecurityIncident',
  };
  return { number, alerts: incident.alerts, created, closed, reopened, record };
}
