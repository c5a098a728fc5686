/**
 * Entities of alerts. A mapping names columns for the identifiers of an entity type; an alert holds one entity for each
 * distinct set of identifiers among its rows, normalised as Sentinel stores it: an account's FullName becomes Name and
 * UPNSuffix (or NTDomain), a host's becomes HostName and DnsDomain.
 *
 * https://learn.microsoft.com/azure/sentinel/entities-reference
 */
import type { ColumnInfo } from '../columns/batch.ts';
import type { EntityMapping } from '../rules/rule.ts';
import { cellText } from './cells.ts';
import type { ResultRow } from './result.ts';

/** The most entities that one alert holds, shared equally among the rule's mappings. */
export const MAX_ENTITIES = 500;
/** The most bytes of an alert's Entities field. */
export const MAX_ENTITIES_BYTES = 64 * 1024;

export interface Entity {
  /** As the Entities field spells it: `account`, `ip`, `cloud-application` ... */
  readonly type: string;
  /** Identifier and value, in the order of the mapping. */
  readonly identifiers: Readonly<Record<string, string>>;
}

export interface AlertEntities {
  readonly entities: readonly Entity[];
  /** Distinct entities that the caps left out. */
  readonly dropped: number;
}

/** The spelling of each mapping's entity type in the Entities field. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  account: 'account',
  host: 'host',
  ip: 'ip',
  malware: 'malware',
  file: 'file',
  process: 'process',
  cloudapplication: 'cloud-application',
  dns: 'dns',
  azureresource: 'azure-resource',
  filehash: 'filehash',
  registrykey: 'registry-key',
  registryvalue: 'registry-value',
  securitygroup: 'security-group',
  url: 'url',
  iotdevice: 'iotdevice',
  mailbox: 'mailbox',
  mailcluster: 'mail-cluster',
  mailmessage: 'mail-message',
  submissionmail: 'submission-mail',
};

/** The type's spelling in an alert for that of a rule; `Account` is `account`. */
export function entityTypeName(ruleType: string): string {
  const folded = ruleType.toLowerCase();
  return TYPE_NAMES[folded] ?? folded;
}

/** One text for equal entities, whatever the letter case of names. */
export function entityKey(entity: Entity): string {
  const pairs = Object.entries(entity.identifiers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([entity.type, ...pairs.map(([name, value]) => [name, value.toLowerCase()])]);
}

/** The entities of an alert that stands for `rows`, within the caps. */
export function entitiesOf(
  mappings: readonly EntityMapping[],
  columns: readonly ColumnInfo[],
  rows: readonly ResultRow[],
): AlertEntities {
  const entities: Entity[] = [];
  const seen = new Set<string>();
  const share = Math.floor(MAX_ENTITIES / Math.max(1, mappings.length));
  let dropped = 0;
  let bytes = '[]'.length;
  for (const mapping of mappings) {
    let taken = 0;
    for (const [key, entity] of distinctEntities(mapping, columns, rows)) {
      if (seen.has(key)) continue;
      const size = Buffer.byteLength(entityJson(entity, entities.length)) + 1;
      if (taken === share || bytes + size > MAX_ENTITIES_BYTES) {
        dropped++;
        continue;
      }
      seen.add(key);
      entities.push(entity);
      taken++;
      bytes += size;
    }
  }
  return { entities, dropped };
}

/** The entities of one mapping, by their keys. */
function distinctEntities(
  mapping: EntityMapping,
  columns: readonly ColumnInfo[],
  rows: readonly ResultRow[],
): ReadonlyMap<string, Entity> {
  const fields = mapping.fieldMappings.map(({ identifier, columnName }) => ({
    identifier,
    column: columns.findIndex((column) => column.name === columnName),
  }));
  const type = entityTypeName(mapping.entityType);
  const entities = new Map<string, Entity>();
  // Most rows of a run name what others name, as they spell it.
  const spelled = new Set<string>();
  for (const { cells } of rows) {
    const texts = fields.map(({ column }) =>
      column < 0 ? '' : cellText(columns[column]!.type, cells[column]!).trim(),
    );
    const spelling = JSON.stringify(texts);
    if (spelled.has(spelling)) continue;
    spelled.add(spelling);
    const identifiers: Record<string, string> = {};
    for (const [index, { identifier }] of fields.entries()) {
      const text = texts[index]!;
      if (text !== '') Object.assign(identifiers, normalised(type, identifier, text));
    }
    if (Object.keys(identifiers).length === 0) continue;
    const entity = { type, identifiers };
    const key = entityKey(entity);
    if (!entities.has(key)) entities.set(key, entity);
  }
  return entities;
}

function normalised(type: string, identifier: string, text: string): Record<string, string> {
  if (identifier !== 'FullName') return { [identifier]: text };
  if (type === 'account') {
    const at = text.lastIndexOf('@');
    if (at > 0) return { Name: text.slice(0, at), UPNSuffix: text.slice(at + 1) };
    const slash = text.indexOf('\\');
    if (slash > 0) return { Name: text.slice(slash + 1), NTDomain: text.slice(0, slash) };
    return { Name: text };
  }
  if (type === 'host') {
    const dot = text.indexOf('.');
    return dot > 0 ? { HostName: text.slice(0, dot), DnsDomain: text.slice(dot + 1) } : { HostName: text };
  }
  return { [identifier]: text };
}

/** References inside the Entities field count from 2 in Sentinel's alerts. */
const FIRST_ENTITY_ID = 2;

function entityJson(entity: Entity, index: number): string {
  return JSON.stringify({ $id: String(index + FIRST_ENTITY_ID), ...entity.identifiers, Type: entity.type });
}

/** The Entities field: `[{"$id":"2","Name":"alice","UPNSuffix":"contoso.com","Type":"account"}]`; empty where there are none. */
export function entitiesJson(entities: readonly Entity[]): string {
  return entities.length === 0 ? '' : `[${entities.map(entityJson).join(',')}]`;
}
