/**
 * Checks of everything but the query: limits and forms of fields, and fields that do not do what they seem to.
 *
 * Limits: https://learn.microsoft.com/azure/sentinel/sentinel-service-limits and the template validation of the public rule
 * repository.
 */
import { nearestName } from '../../base/errors.ts';
import { TICKS_PER_DAY, TICKS_PER_HOUR } from '../../base/time.ts';
import type { ColumnInfo } from '../../columns/batch.ts';
import { scannedTables, visitPlan } from '../../plan/plan.ts';
import { formatDuration } from '../duration.ts';
import { ALERT_DETAILS, PLACEHOLDER, TACTICS } from '../vocabulary.ts';
import { ATTACK_VERSION, cloudTechniqueFor, isIcs, sharesTactic, successorOf, TECHNIQUES } from './attack.ts';
import type { Check, CheckInput, Report } from './check.ts';
import { ENTITY_IDENTIFIERS } from './identifiers.ts';
import { MAX_INTERVAL, MIN_INTERVAL } from './limits.ts';
import { columnOrigin } from './origins.ts';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const TECHNIQUE = /^T\d{4}(\.\d{3})?$/;
const DETAIL_KEY = /^[a-zA-Z]+\w*$/;
const MAX_SUPPRESSION = TICKS_PER_DAY;
const MAX_LOOKBACK = 7n * TICKS_PER_DAY;
const MAX_PLACEHOLDERS = 3;
const MAX_DETAIL_KEY = 20;
const MAX_QUERY = 10_000;
const ENTRA_TABLES = new Set([
  'SigninLogs',
  'AADNonInteractiveUserSignInLogs',
  'AADServicePrincipalSignInLogs',
  'AADManagedIdentitySignInLogs',
  'AuditLogs',
]);

/** `{{column}}` in order. */
function placeholders(format: string | undefined): string[] {
  return Array.from((format ?? '').matchAll(PLACEHOLDER), (match) => match[1]!);
}

const FORMATS = [
  ['displayNameFormat', 'alertDisplayNameFormat', 256],
  ['descriptionFormat', 'alertDescriptionFormat', 5_000],
] as const;

/** A message for a column that the query does not return; undefined where it does, or nobody knows what it returns. */
function missingColumn({ plan }: CheckInput, name: string): string | undefined {
  if (!plan || name === '' || plan.columns.some((column) => column.name === name)) return undefined;
  const near = nearestName(
    name,
    plan.columns.map((column) => column.name),
  );
  return `the query returns no column ${JSON.stringify(name)}${near ? `; did you mean ${near}?` : ''}`;
}

function columnOf({ plan }: CheckInput, name: string): ColumnInfo | undefined {
  return plan?.columns.find((column) => column.name === name);
}

function outside(value: bigint, least: bigint, most: bigint): string | undefined {
  if (value >= least && value <= most) return undefined;
  return `found ${formatDuration(value)}, expected ${formatDuration(least)} to ${formatDuration(most)}`;
}

function* longerThan(field: string, text: string | undefined, most: number): Iterable<Report> {
  if ((text?.length ?? 0) > most)
    yield { path: [field], message: `${field}: found ${text!.length} characters, expected ${most} at most` };
}

/** Tables of the connectors that bring logs of identities. What others bring is not judged. */
const CONNECTORS: Readonly<Record<string, readonly string[]>> = {
  AzureActiveDirectory: [
    'SigninLogs',
    'AuditLogs',
    'AADNonInteractiveUserSignInLogs',
    'AADServicePrincipalSignInLogs',
    'AADManagedIdentitySignInLogs',
    'AADProvisioningLogs',
    'ADFSSignInLogs',
    'AADUserRiskEvents',
    'AADRiskyUsers',
    'AADRiskyServicePrincipals',
    'AADServicePrincipalRiskEvents',
    'MicrosoftGraphActivityLogs',
  ],
  AzureActivity: ['AzureActivity'],
  BehaviorAnalytics: ['BehaviorAnalytics', 'IdentityInfo', 'UserPeerAnalytics'],
  Office365: ['OfficeActivity'],
};

/** Types whose values name nobody and nothing. */
const NO_NAMES: ReadonlySet<string> = new Set(['datetime', 'timespan', 'bool', 'real', 'decimal']);

export const TEMPLATE_CHECKS: readonly Check[] = [
  {
    id: 'rule-id',
    severity: 'warning',
    title: 'The rule has no GUID as its id',
    why: 'Deployment, updates and the alerts’ AlertType go by the id; without one every deployment makes another rule.',
    fix: 'Give the rule an id of its own, a GUID that never changes.',
    bad: 'id: my-rule',
    good: 'id: 0b9ae89d-8cad-461c-808f-0494f70ad5c4',
    *find({ rule }) {
      if (rule.id === undefined) yield { path: [], message: 'the rule has no id' };
      else if (!GUID.test(rule.id))
        yield { path: ['id'], message: `id: found ${JSON.stringify(rule.id)}, expected a GUID` };
    },
  },
  {
    id: 'field-missing',
    severity: 'warning',
    title: 'A field that Sentinel requires is missing',
    why: 'Sentinel refuses to save the rule, and its repository to take it; Tocsin runs it with a value of its own.',
    fix: 'Say severity, triggerOperator and triggerThreshold.',
    bad: 'severity: null\ntriggerThreshold: null',
    good: 'severity: Low\ntriggerThreshold: 0',
    *find({ rule }) {
      const given = new Set(
        Object.entries(rule.raw).flatMap(([name, value]) => (value === null ? [] : [name.toLowerCase()])),
      );
      // What has no schedule of its own is a hunting query or a bare one, of which nothing is required.
      if (rule.kind === 'Scheduled' && !given.has('queryfrequency')) return;
      const taken = [
        ['severity', rule.severity],
        ...(rule.kind === 'NRT'
          ? []
          : [
              ['triggerOperator', rule.triggerOperator],
              ['triggerThreshold', String(rule.triggerThreshold)],
            ]),
      ].filter(([name]) => !given.has(name!.toLowerCase()));
      if (taken.length === 0) return;
      const names = taken.map(([name]) => name).join(', ');
      yield {
        path: [],
        message: `the rule has no ${names}; Tocsin takes ${taken.map(([, value]) => value).join(', ')}`,
      };
    },
  },
  {
    id: 'text-length',
    severity: 'error',
    title: 'A text is longer than Sentinel takes',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Shorten the text: name 256 characters, description 5,000, version 20, query 10,000.',
    bad: 'version: 1.0.0-a-very-long-suffix-indeed',
    good: 'version: 1.0.0',
    *find({ rule }) {
      yield* longerThan('name', rule.name, 256);
      yield* longerThan('description', rule.description, 5_000);
      yield* longerThan('version', rule.version, 20);
      yield* longerThan('query', rule.query, MAX_QUERY);
    },
  },
  {
    id: 'schedule-range',
    severity: 'error',
    title: 'queryFrequency or queryPeriod is out of range',
    why: 'Sentinel refuses to save the rule: both may be 5 minutes to 14 days.',
    fix: 'Choose values from 5m to 14d.',
    bad: 'queryFrequency: 1m\nqueryPeriod: 1m',
    good: 'queryFrequency: 5m\nqueryPeriod: 5m',
    *find({ rule }) {
      if (rule.kind === 'NRT') return;
      for (const field of ['queryFrequency', 'queryPeriod'] as const) {
        const message = outside(rule[field], MIN_INTERVAL, MAX_INTERVAL);
        if (message) yield { path: [field], message: `${field}: ${message}` };
      }
    },
  },
  {
    id: 'period-shorter-than-frequency',
    severity: 'error',
    title: 'The rule looks back less far than it runs apart',
    why: 'Events between two windows would never be looked at; Sentinel refuses to save the rule.',
    fix: 'Make queryPeriod at least queryFrequency.',
    bad: 'queryFrequency: 2h\nqueryPeriod: 1h',
    good: 'queryFrequency: 1h\nqueryPeriod: 1h',
    *find({ rule }) {
      if (rule.kind === 'NRT' || rule.queryPeriod >= rule.queryFrequency) return;
      yield {
        path: ['queryPeriod'],
        message: `queryPeriod ${formatDuration(rule.queryPeriod)} is shorter than queryFrequency ${formatDuration(rule.queryFrequency)}`,
      };
    },
    repair: ({ rule }) => ({ fields: { queryPeriod: rule.queryFrequency }, edits: [] }),
  },
  {
    id: 'long-period-often',
    severity: 'error',
    title: 'A rule that looks back two days or more runs more often than hourly',
    why: 'Sentinel refuses it: a long look-back may run once an hour at most.',
    fix: 'Raise queryFrequency to 1h, or look back less than 2d.',
    bad: 'queryFrequency: 30m\nqueryPeriod: 2d # tocsin-disable: overlap-without-guard',
    good: 'queryFrequency: 1h\nqueryPeriod: 1h',
    *find({ rule }) {
      if (rule.kind === 'NRT' || rule.queryPeriod < 2n * TICKS_PER_DAY || rule.queryFrequency >= TICKS_PER_HOUR) return;
      yield {
        path: ['queryFrequency'],
        message: `queryFrequency ${formatDuration(rule.queryFrequency)} with queryPeriod ${formatDuration(rule.queryPeriod)}, expected 1h or more`,
      };
    },
  },
  {
    id: 'threshold-range',
    severity: 'error',
    title: 'triggerThreshold is out of range',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Choose a whole number from 0 to 10000.',
    bad: 'triggerThreshold: 10001',
    good: 'triggerThreshold: 10000',
    *find({ rule }) {
      if (rule.triggerThreshold > 10_000) {
        yield {
          path: ['triggerThreshold'],
          message: `triggerThreshold: found ${rule.triggerThreshold}, expected 0 to 10000`,
        };
      }
    },
  },
  {
    id: 'suppression-range',
    severity: 'error',
    title: 'suppressionDuration is out of range',
    why: 'Sentinel refuses to save the rule: suppression may last 5 minutes to 24 hours.',
    fix: 'Choose a value from 5m to 1d.',
    bad: 'suppressionEnabled: true\nsuppressionDuration: 2d',
    good: 'suppressionEnabled: true\nsuppressionDuration: 5h',
    *find({ rule }) {
      const message =
        rule.suppression === undefined ? undefined : outside(rule.suppression, MIN_INTERVAL, MAX_SUPPRESSION);
      if (message) yield { path: ['suppressionDuration'], message: `suppressionDuration: ${message}` };
    },
  },
  {
    id: 'tactic-unknown',
    severity: 'error',
    title: 'A tactic that ATT&CK does not have',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Use ATT&CK’s names without blanks, such as PrivilegeEscalation.',
    bad: 'tactics: [Persistence, Privilege Escalation]',
    good: 'tactics: [Persistence, PrivilegeEscalation]',
    *find({ rule }) {
      for (const [index, tactic] of rule.tactics.entries()) {
        if (TACTICS.includes(tactic)) continue;
        const near = nearestName(tactic, TACTICS);
        yield {
          path: ['tactics', index],
          message: `unknown tactic ${JSON.stringify(tactic)}${near ? `; did you mean ${near}?` : ''}`,
        };
      }
    },
  },
  {
    id: 'technique-form',
    severity: 'error',
    title: 'A technique is not written as T1234 or T1234.001',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Write the technique’s id, not its name.',
    bad: 'relevantTechniques: [ValidAccounts]\ntactics: [Persistence]',
    good: 'relevantTechniques: [T1078.004]\ntactics: [Persistence]',
    *find({ rule }) {
      for (const [index, technique] of rule.techniques.entries()) {
        if (!TECHNIQUE.test(technique))
          yield {
            path: techniquePath(rule.raw, index),
            message: `technique: found ${JSON.stringify(technique)}, expected T1234 or T1234.001`,
          };
      }
    },
  },
  {
    id: 'technique-unknown',
    severity: 'warning',
    title: 'A technique that ATT&CK does not have, or no longer has',
    why: 'Coverage maps show it nowhere.',
    fix: `Name a technique of ATT&CK for Enterprise. Tocsin knows those of version ${ATTACK_VERSION}; switch the check off for a newer one.`,
    bad: 'relevantTechniques: [T1192]\ntactics: [InitialAccess]',
    good: 'relevantTechniques: [T1566.002]\ntactics: [InitialAccess]',
    *find({ rule }) {
      for (const [index, technique] of rule.techniques.entries()) {
        if (!TECHNIQUE.test(technique) || TECHNIQUES.has(technique) || isIcs(technique)) continue;
        const successor = successorOf(technique);
        const parent = TECHNIQUES.get(technique.slice(0, 5));
        const instead = successor
          ? `; it is now ${successor} (${TECHNIQUES.get(successor)!.name})`
          : parent && technique.includes('.')
            ? `; ${technique.slice(0, 5)} is ${parent.name}`
            : '';
        yield {
          path: techniquePath(rule.raw, index),
          message: `ATT&CK for Enterprise ${ATTACK_VERSION} has no technique ${technique}${instead}`,
        };
      }
    },
  },
  {
    id: 'technique-without-tactic',
    severity: 'warning',
    title: 'A technique belongs to none of the rule’s tactics',
    why: 'The repository refuses such a rule, and coverage maps show the technique nowhere.',
    fix: 'Add one of the technique’s tactics, or remove the technique.',
    bad: 'tactics: [Exfiltration]\nrelevantTechniques: [T1098]',
    good: 'tactics: [Persistence]\nrelevantTechniques: [T1098]',
    *find({ rule }) {
      // A tactic that is misspelt is found as that.
      if (!rule.tactics.every((tactic) => TACTICS.includes(tactic))) return;
      for (const [index, id] of rule.techniques.entries()) {
        const technique = TECHNIQUES.get(id);
        if (!technique || sharesTactic(technique, rule.tactics)) continue;
        yield {
          path: techniquePath(rule.raw, index),
          message: `${id} (${technique.name}) belongs to ${technique.tactics.join(', ')}, none of which is among the tactics`,
        };
      }
    },
  },
  {
    id: 'technique-host-only',
    severity: 'warning',
    title: 'A technique that these logs cannot show',
    why: 'The technique happens on a host; Entra ID’s logs have no trace of it, so the coverage that it claims is not there.',
    fix: 'Name the technique that the query does detect.',
    bad: 'relevantTechniques: [T1134]\ntactics: [PrivilegeEscalation]',
    good: 'relevantTechniques: [T1550.001]\ntactics: [LateralMovement]',
    *find({ rule, plan }) {
      const tables = plan ? scannedTables(plan) : [];
      if (tables.length === 0 || !tables.every((table) => ENTRA_TABLES.has(table))) return;
      for (const [index, technique] of rule.techniques.entries()) {
        const better = cloudTechniqueFor(technique);
        if (better) {
          yield {
            path: techniquePath(rule.raw, index),
            message: `${technique} (${TECHNIQUES.get(technique)?.name ?? 'of a host'}) is a technique on hosts, but the query reads only ${tables.join(' and ')}; rather ${better}`,
          };
        }
      }
    },
  },
  {
    id: 'connector-missing',
    severity: 'warning',
    title: 'The query reads a table that no required connector brings',
    why: 'Sentinel offers the rule in workspaces where it cannot find anything.',
    fix: 'Add the table to the dataTypes of its connector.',
    bad: 'requiredDataConnectors:\n  - connectorId: AzureActiveDirectory\n    dataTypes: [SigninLogs]',
    good: 'requiredDataConnectors:\n  - connectorId: AzureActiveDirectory\n    dataTypes: [AuditLogs]',
    *find({ rule, plan }) {
      if (!plan || rule.requiredDataConnectors.length === 0) return;
      const brought = new Set(
        rule.requiredDataConnectors.flatMap((c) => c.dataTypes.map((type) => type.replace(/ .*$/, ''))),
      );
      for (const table of scannedTables(plan)) {
        if (!brought.has(table))
          yield {
            path: ['requiredDataConnectors'],
            at: 'key',
            message: `no connector brings ${table}, which the query reads`,
          };
      }
    },
  },
  {
    id: 'connector-data-type',
    severity: 'warning',
    title: 'A required connector is misspelt, or does not bring what is asked of it',
    why: 'The repository refuses the rule, or Sentinel shows it as lacking its data for ever.',
    fix: 'Name the connector that brings the table; SigninLogs, AuditLogs and the other logs of Entra ID come by AzureActiveDirectory.',
    bad: 'requiredDataConnectors:\n  - connectorId: AzureActivity\n    dataTypes: [AuditLogs]',
    good: 'requiredDataConnectors:\n  - connectorId: AzureActiveDirectory\n    dataTypes: [AuditLogs]',
    *find({ rule }) {
      for (const [index, { connectorId, dataTypes }] of rule.requiredDataConnectors.entries()) {
        const path = ['requiredDataConnectors', index];
        const own = CONNECTORS[connectorId];
        if (!own) {
          // Short names of different connectors are near to each other (Office365, OfficeATP).
          const long = Object.keys(CONNECTORS).filter((id) => id.length > 12);
          const near = nearestName(connectorId, long);
          if (near && Math.abs(near.length - connectorId.length) <= 2)
            yield {
              path: [...path, 'connectorId'],
              message: `unknown connector ${JSON.stringify(connectorId)}; did you mean ${near}?`,
            };
          continue;
        }
        for (const [i, type] of dataTypes.entries()) {
          const table = type.replace(/ .*$/, '');
          const right = Object.keys(CONNECTORS).find((id) => CONNECTORS[id]!.includes(table));
          if (right && !own.includes(table))
            yield { path: [...path, 'dataTypes', i], message: `${connectorId} does not bring ${table}; ${right} does` };
        }
      }
    },
  },
  {
    id: 'entity-type',
    severity: 'error',
    title: 'An entity type or identifier that Sentinel does not know',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Use the names of the entity reference, letter case included.',
    bad: 'entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: Upn, columnName: Actor}]',
    good: 'entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: AadUserId, columnName: Actor}]',
    *find({ rule }) {
      for (const [index, mapping] of rule.entityMappings.entries()) {
        const path = ['entityMappings', index];
        const identifiers = ENTITY_IDENTIFIERS[mapping.entityType];
        if (mapping.entityType === '') continue;
        if (!identifiers) {
          const near = nearestName(mapping.entityType, Object.keys(ENTITY_IDENTIFIERS));
          yield {
            path: [...path, 'entityType'],
            message: `unknown entity type ${JSON.stringify(mapping.entityType)}${near ? `; did you mean ${near}?` : ''}`,
          };
          continue;
        }
        for (const [field, { identifier }] of mapping.fieldMappings.entries()) {
          if (identifier === '' || identifiers.includes(identifier)) continue;
          const near = nearestName(identifier, identifiers);
          yield {
            path: [...path, 'fieldMappings', field, 'identifier'],
            message: `${mapping.entityType} has no identifier ${JSON.stringify(identifier)}; ${near ? `did you mean ${near}?` : `expected one of ${identifiers.join(', ')}`}`,
          };
        }
      }
    },
  },
  {
    id: 'entity-count',
    severity: 'error',
    title: 'Too many entity mappings or identifiers',
    why: 'Sentinel refuses to save the rule: 10 mappings, each with 1 to 3 identifiers.',
    fix: 'Map what analysts pivot on, and leave the rest to custom details.',
    bad: 'entityMappings:\n  - entityType: Account\n    fieldMappings: []',
    good: 'entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: Name, columnName: Actor}]',
    *find({ rule }) {
      const { entityMappings } = rule;
      if (entityMappings.length > 10)
        yield {
          path: ['entityMappings'],
          at: 'key',
          message: `found ${entityMappings.length} entity mappings, expected 10 at most`,
        };
      for (const [index, { entityType, fieldMappings }] of entityMappings.entries()) {
        if (fieldMappings.length >= 1 && fieldMappings.length <= 3) continue;
        yield {
          path: ['entityMappings', index, 'fieldMappings'],
          at: 'key',
          message: `${entityType || 'entity'}: found ${fieldMappings.length} identifiers, expected 1 to 3`,
        };
      }
    },
  },
  {
    id: 'entity-column',
    severity: 'error',
    title: 'An entity mapping names a column that the query does not return',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Return the column from the query, or map another.',
    bad: 'entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: Name, columnName: Acter}]',
    good: 'entityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: Name, columnName: Actor}]',
    *find(input) {
      for (const [index, { fieldMappings }] of input.rule.entityMappings.entries()) {
        for (const [field, { columnName }] of fieldMappings.entries()) {
          const message = missingColumn(input, columnName);
          if (message) yield { path: ['entityMappings', index, 'fieldMappings', field, 'columnName'], message };
        }
      }
    },
  },
  {
    id: 'entity-column-type',
    severity: 'warning',
    title: 'An entity is mapped to a list, or to a value that is no name',
    why: 'The whole list, written as JSON, becomes one entity that matches nothing: no grouping, no enrichment, no watchlist.',
    fix: 'Return one value a row: group by it, or mv-expand the list to typeof(string).',
    bad: `query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | summarize Actor = make_set(tostring(InitiatedBy.user.id)) by OperationName`,
    good: `query: |
  AuditLogs
  | where OperationName == "Delete user" and Result == "success"
  | summarize Times = count() by Actor = tostring(InitiatedBy.user.id)`,
    *find(input) {
      const { plan, rule } = input;
      if (!plan) return;
      let expands = false;
      visitPlan(plan, (node) => (expands ||= node.op === 'expand'));
      for (const [index, { fieldMappings }] of rule.entityMappings.entries()) {
        for (const [field, { identifier, columnName }] of fieldMappings.entries()) {
          const at = plan.columns.findIndex((column) => column.name === columnName);
          if (at < 0) continue;
          const { type } = plan.columns[at]!;
          const isList = type === 'dynamic' && !expands && columnOrigin(plan, at).kind === 'aggregate';
          if (!isList && !NO_NAMES.has(type)) continue;
          yield {
            path: ['entityMappings', index, 'fieldMappings', field, 'columnName'],
            message: isList
              ? `${columnName} is a list: all of its values together become one ${identifier}`
              : `${columnName} is a ${type}, which is no ${identifier}`,
          };
        }
      }
    },
  },
  {
    id: 'detail-key',
    severity: 'error',
    title: 'A custom detail’s name is too long or malformed',
    why: 'Sentinel refuses to save the rule: 20 details at most, names of 20 letters, digits and underscores that begin with a letter.',
    fix: 'Use up to 20 letters, digits and underscores, a letter first.',
    bad: 'customDetails:\n  TheNameOfTheOperation: OperationName',
    good: 'customDetails:\n  Operation: OperationName',
    *find({ rule }) {
      const { customDetails } = rule;
      if (customDetails.length > 20)
        yield {
          path: ['customDetails'],
          at: 'key',
          message: `found ${customDetails.length} custom details, expected 20 at most`,
        };
      for (const { key } of customDetails) {
        if (key.length > MAX_DETAIL_KEY)
          yield {
            path: ['customDetails', key],
            at: 'key',
            message: `${key} has ${key.length} characters, expected ${MAX_DETAIL_KEY} at most`,
          };
        else if (!DETAIL_KEY.test(key))
          yield {
            path: ['customDetails', key],
            at: 'key',
            message: `${JSON.stringify(key)} must begin with a letter and hold only letters, digits and underscores`,
          };
      }
    },
  },
  {
    id: 'detail-column',
    severity: 'error',
    title: 'A custom detail names a column that the query does not return',
    why: 'Sentinel refuses to save the rule.',
    fix: 'Return the column from the query, or name another.',
    bad: 'customDetails:\n  Operation: Operation',
    good: 'customDetails:\n  Operation: OperationName',
    *find(input) {
      for (const { key, columnName } of input.rule.customDetails) {
        const message = missingColumn(input, columnName);
        if (message) yield { path: ['customDetails', key], message };
      }
    },
  },
  {
    id: 'detail-unit',
    severity: 'warning',
    title: 'A custom detail promises a number in a unit and holds a timespan',
    why: 'The analyst reads 00:12:34.5670000 where the name promises minutes, and playbooks that expect a number fail.',
    fix: "Return a number: datetime_diff('second', b, a) / 60.0, or (b - a) / 1m.",
    bad: 'query: |\n  AuditLogs\n  | project TimeGenerated, Id, Result, Actor = tostring(InitiatedBy.user.id), Since = now() - TimeGenerated\n  | where Result == "success"\ncustomDetails:\n  MinutesAgo: Since',
    good: 'query: |\n  AuditLogs\n  | project TimeGenerated, Id, Result, Actor = tostring(InitiatedBy.user.id), Since = (now() - TimeGenerated) / 1m\n  | where Result == "success"\ncustomDetails:\n  MinutesAgo: Since',
    *find(input) {
      for (const { key, columnName } of input.rule.customDetails) {
        const unit = /(second|minute|hour|day)s?/i.exec(key);
        if (!unit || columnOf(input, columnName)?.type !== 'timespan') continue;
        yield {
          path: ['customDetails', key],
          message: `${key} promises ${unit[1]!.toLowerCase()}s, but ${columnName} is a timespan, which reads as 00:12:34.5670000`,
        };
      }
    },
  },
  {
    id: 'override-column',
    severity: 'error',
    title: 'An alert detail names a column that the query does not return',
    why: 'Sentinel refuses to save the rule, or shows the rule’s own text instead.',
    fix: 'Return the column from the query, or name another.',
    bad: 'alertDetailsOverride:\n  alertDescriptionFormat: "by {{Acter}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    good: 'alertDetailsOverride:\n  alertDescriptionFormat: "by {{Actor}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    *find(input) {
      const override = input.rule.alertDetailsOverride;
      const named: [string, string | undefined][] = [
        ...FORMATS.flatMap(([field, name]) =>
          placeholders(override[field]).map((column): [string, string] => [name, column]),
        ),
        ['alertSeverityColumnName', override.severityColumn],
        ['alertTacticsColumnName', override.tacticsColumn],
      ];
      for (const [field, column] of named) {
        const message = column === undefined ? undefined : missingColumn(input, column);
        if (message) yield { path: ['alertDetailsOverride', field], message };
      }
      for (const [index, { columnName }] of override.dynamicProperties.entries()) {
        const message = missingColumn(input, columnName);
        if (message) yield { path: ['alertDetailsOverride', 'alertDynamicProperties', index, 'value'], message };
      }
    },
  },
  {
    id: 'override-placeholders',
    severity: 'error',
    title: 'More than three columns in one alert detail, or too long a text',
    why: 'Sentinel refuses to save the rule: three {{columns}} each; 256 characters of name, 5,000 of description.',
    fix: 'Leave columns to custom details.',
    bad: 'alertDetailsOverride:\n  alertDescriptionFormat: "{{Actor}} {{OperationName}} {{Result}} {{Id}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    good: 'alertDetailsOverride:\n  alertDescriptionFormat: "{{Actor}} {{OperationName}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    *find({ rule }) {
      for (const [field, name, most] of FORMATS) {
        const format = rule.alertDetailsOverride[field];
        const count = placeholders(format).length;
        if (count > MAX_PLACEHOLDERS)
          yield {
            path: ['alertDetailsOverride', name],
            message: `${name}: found ${count} columns, expected ${MAX_PLACEHOLDERS} at most`,
          };
        if ((format?.length ?? 0) > most)
          yield {
            path: ['alertDetailsOverride', name],
            message: `${name}: found ${format!.length} characters, expected ${most} at most`,
          };
      }
    },
  },
  {
    id: 'override-full',
    severity: 'info',
    title: 'An alert detail uses all three columns that it may',
    why: 'Another column, such as the IP address or the time, cannot be added; Sentinel refuses a fourth.',
    fix: 'Put further values into custom details.',
    bad: 'alertDetailsOverride:\n  alertDescriptionFormat: "{{Actor}} {{OperationName}} {{Result}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    good: 'alertDetailsOverride:\n  alertDescriptionFormat: "{{Actor}} {{OperationName}}"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    *find({ rule }) {
      for (const [field, name] of FORMATS) {
        if (placeholders(rule.alertDetailsOverride[field]).length === MAX_PLACEHOLDERS) {
          yield {
            path: ['alertDetailsOverride', name],
            message: `${name} uses all ${MAX_PLACEHOLDERS} columns that it may`,
          };
        }
      }
    },
  },
  {
    id: 'single-alert-title',
    severity: 'warning',
    title: 'One alert stands for many rows, but its text names one of them',
    why: 'Without event grouping a run raises a single alert, and which row fills {{column}} is not documented: the title names one user of many.',
    fix: 'Set eventGroupingSettings.aggregationKind to AlertPerResult, or leave the columns out of the text.',
    bad: 'alertDetailsOverride:\n  alertDisplayNameFormat: "{{Actor}} did it"',
    good: 'alertDetailsOverride:\n  alertDisplayNameFormat: "{{Actor}} did it"\neventGroupingSettings: {aggregationKind: AlertPerResult}',
    *find({ rule }) {
      if (rule.eventGrouping !== 'SingleAlert') return;
      const named = FORMATS.find(([field]) => placeholders(rule.alertDetailsOverride[field]).length > 0);
      if (named)
        yield {
          path: ['alertDetailsOverride', named[1]],
          message: `a run raises one alert for all its rows, but ${named[1]} names columns of one row`,
        };
    },
  },
  {
    id: 'grouping-ignored',
    severity: 'warning',
    title: 'What incidents should be grouped by is ignored',
    why: 'groupByEntities, groupByAlertDetails and groupByCustomDetails count only where matchingMethod is Selected; with AnyAlert all users’ alerts of the look-back share one incident.',
    fix: 'Set matchingMethod to Selected, or remove the fields.',
    bad: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 5h, matchingMethod: AnyAlert, groupByEntities: [Account]}',
    good: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 5h, matchingMethod: Selected, groupByEntities: [Account]}\nentityMappings:\n  - entityType: Account\n    fieldMappings: [{identifier: Name, columnName: Actor}]',
    *find({ rule }) {
      const { grouping } = rule.incidentConfiguration;
      if (!grouping.enabled || grouping.matchingMethod === 'Selected') return;
      for (const field of ['groupByEntities', 'groupByAlertDetails', 'groupByCustomDetails'] as const) {
        if (grouping[field].length === 0) continue;
        const effect =
          grouping.matchingMethod === 'AnyAlert'
            ? `; alerts of all users within ${formatDuration(grouping.lookback)} share one incident`
            : '';
        yield {
          path: ['incidentConfiguration', 'groupingConfiguration', field],
          at: 'key',
          message: `${field} is ignored, because matchingMethod is ${grouping.matchingMethod}${effect}`,
        };
      }
    },
  },
  {
    id: 'grouping-selected',
    severity: 'error',
    title: 'Incidents are grouped by nothing, or by what alerts do not have',
    why: 'Sentinel refuses Selected without a selection; what no alert has never matches, so every alert becomes an incident.',
    fix: 'Select entities, alert details or custom details that the rule maps.',
    bad: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 5h, matchingMethod: Selected, groupByEntities: [Host]}',
    good: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 5h, matchingMethod: Selected, groupByAlertDetails: [Severity]}',
    *find({ rule }) {
      const { grouping } = rule.incidentConfiguration;
      if (!grouping.enabled || grouping.matchingMethod !== 'Selected') return;
      const path = ['incidentConfiguration', 'groupingConfiguration'];
      const { groupByEntities, groupByAlertDetails, groupByCustomDetails } = grouping;
      if (groupByEntities.length + groupByAlertDetails.length + groupByCustomDetails.length === 0) {
        yield {
          path: [...path, 'matchingMethod'],
          message: 'matchingMethod is Selected, but nothing is selected to group by',
        };
      }
      const mapped = new Set(rule.entityMappings.map((mapping) => mapping.entityType.toLowerCase()));
      for (const [index, type] of groupByEntities.entries()) {
        if (!mapped.has(type.toLowerCase()))
          yield { path: [...path, 'groupByEntities', index], message: `the rule maps no entity of type ${type}` };
      }
      for (const [index, detail] of groupByAlertDetails.entries()) {
        if (!ALERT_DETAILS.includes(detail))
          yield {
            path: [...path, 'groupByAlertDetails', index],
            message: `found ${JSON.stringify(detail)}, expected ${ALERT_DETAILS.join(' or ')}`,
          };
      }
      const details = new Set(rule.customDetails.map((detail) => detail.key));
      for (const [index, detail] of groupByCustomDetails.entries()) {
        if (!details.has(detail))
          yield {
            path: [...path, 'groupByCustomDetails', index],
            message: `the rule has no custom detail ${JSON.stringify(detail)}`,
          };
      }
    },
  },
  {
    id: 'lookback-range',
    severity: 'error',
    title: 'lookbackDuration is out of range',
    why: 'Sentinel refuses to save the rule: 5 minutes to 7 days.',
    fix: 'Choose a value from 5m to 7d.',
    bad: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 8d, matchingMethod: AllEntities}',
    good: 'incidentConfiguration:\n  createIncident: true\n  groupingConfiguration: {enabled: true, lookbackDuration: 7d, matchingMethod: AllEntities}',
    *find({ rule }) {
      const message = outside(rule.incidentConfiguration.grouping.lookback, MIN_INTERVAL, MAX_LOOKBACK);
      if (message)
        yield {
          path: ['incidentConfiguration', 'groupingConfiguration', 'lookbackDuration'],
          message: `lookbackDuration: ${message}`,
        };
    },
  },
];

/** Where the technique at `index` of `rule.techniques` stands in the file. */
function techniquePath(raw: Readonly<Record<string, unknown>>, index: number): (string | number)[] {
  let at = index;
  for (const field of ['relevantTechniques', 'techniques', 'subTechniques']) {
    const list = raw[field];
    if (!Array.isArray(list)) continue;
    if (at < list.length) return [field, at];
    at -= list.length;
  }
  return [];
}
