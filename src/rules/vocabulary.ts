/**
 * The names that a rule file may use, as the template validation of the public rule repository and the REST API
 * (Microsoft.SecurityInsights/alertRules, 2024-09-01) know them.
 */

export type Severity = 'Informational' | 'Low' | 'Medium' | 'High';
export const SEVERITIES: readonly Severity[] = ['Informational', 'Low', 'Medium', 'High'];

export type TriggerOperator = 'gt' | 'lt' | 'eq' | 'ne';
/** Long and short spellings, in lower case. */
export const TRIGGER_OPERATORS: Readonly<Record<string, TriggerOperator>> = {
  gt: 'gt',
  greaterthan: 'gt',
  lt: 'lt',
  lessthan: 'lt',
  eq: 'eq',
  equal: 'eq',
  ne: 'ne',
  notequal: 'ne',
};

export type MatchingMethod = 'AllEntities' | 'AnyAlert' | 'Selected';
export const MATCHING_METHODS: readonly MatchingMethod[] = ['AllEntities', 'AnyAlert', 'Selected'];

export type AggregationKind = 'SingleAlert' | 'AlertPerResult';
export const AGGREGATION_KINDS: readonly AggregationKind[] = ['SingleAlert', 'AlertPerResult'];

/** Kinds of analytics rules that have no query of their own to run. */
export const KINDS_WITHOUT_QUERY: readonly string[] = [
  'Fusion',
  'MLBehaviorAnalytics',
  'MicrosoftSecurityIncidentCreation',
  'ThreatIntelligence',
  'Anomaly',
];

/** Fields of a rule: first of the YAML template, then those that only the REST API and ARM exports have. */
export const RULE_FIELDS: readonly string[] = [
  'id',
  'kind',
  'name',
  'version',
  'description',
  'description-detailed',
  'severity',
  'status',
  'tags',
  'metadata',
  'requiredDataConnectors',
  'query',
  'queryFrequency',
  'queryPeriod',
  'triggerOperator',
  'triggerThreshold',
  'tactics',
  'relevantTechniques',
  'entityMappings',
  'sentinelEntitiesMappings',
  'customDetails',
  'alertDetailsOverride',
  'eventGroupingSettings',
  'incidentConfiguration',
  'suppressionEnabled',
  'suppressionDuration',
  'displayName',
  'enabled',
  'techniques',
  'subTechniques',
  'alertRuleTemplateName',
  'templateVersion',
  'startTimeUtc',
  'createdDateUTC',
  'lastUpdatedDateUTC',
  'lastModifiedUtc',
  'author',
  'source',
  'support',
  'categories',
  'references',
];

export const OVERRIDE_FIELDS: readonly string[] = [
  'alertDisplayNameFormat',
  'alertDescriptionFormat',
  'alertSeverityColumnName',
  'alertTacticsColumnName',
  'alertDynamicProperties',
];

export const INCIDENT_FIELDS: readonly string[] = ['createIncident', 'groupingConfiguration'];

export const GROUPING_FIELDS: readonly string[] = [
  'enabled',
  'reopenClosedIncident',
  'lookbackDuration',
  'matchingMethod',
  'groupByEntities',
  'groupByAlertDetails',
  'groupByCustomDetails',
];

/** The alert details that incidents may be grouped by. */
export const ALERT_DETAILS: readonly string[] = ['DisplayName', 'Severity'];

/** Tactics of ATT&CK for Enterprise, Mobile and ICS as rules spell them, without blanks. */
export const TACTICS: readonly string[] = [
  'Reconnaissance',
  'ResourceDevelopment',
  'InitialAccess',
  'Execution',
  'Persistence',
  'PrivilegeEscalation',
  'DefenseEvasion',
  'CredentialAccess',
  'Discovery',
  'LateralMovement',
  'Collection',
  'CommandAndControl',
  'Exfiltration',
  'Impact',
  'PreAttack',
  'ImpairProcessControl',
  'InhibitResponseFunction',
];

/** A column named in an alert's format: `{{UserPrincipalName}}`. */
export const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
