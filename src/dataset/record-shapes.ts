/**
 * The shapes that Entra's logs come in, and where each member goes. Log Analytics exports rows under their column names;
 * a diagnostic setting wraps the body in an envelope (`time`, `category`, `properties`, ...); Microsoft Graph gives the
 * body alone. Body members are the column names in camelCase but for the few that Log Analytics renames.
 */
import { INGESTION_TIME, knownTables, tableColumns } from '../schema/tables.ts';
import type { ColumnInfo } from '../columns/batch.ts';

/** Where a member of a record goes. */
export interface MemberTarget {
  /** `weak`: only where nothing else gave the column a value. */
  readonly columns: readonly { readonly column: ColumnInfo; readonly weak: boolean }[];
  /** Whether the schema does not know the member. */
  readonly unknown: boolean;
}

/** `body`: a whole record, or the `properties` of an envelope. */
export type Place = 'body' | 'envelope';

/** Columns that take one member of an object where an object comes for a single value. */
export const PICKED_MEMBERS: Readonly<Record<string, string>> = {
  Location: 'countryOrRegion',
  ResultType: 'errorCode',
  ResultDescription: 'failureReason',
};

/** Log categories of diagnostic settings whose tables have other names. */
const TABLE_OF_CATEGORY: Readonly<Record<string, string>> = {
  signinlogs: 'SigninLogs',
  noninteractiveusersigninlogs: 'AADNonInteractiveUserSignInLogs',
  serviceprincipalsigninlogs: 'AADServicePrincipalSignInLogs',
  managedidentitysigninlogs: 'AADManagedIdentitySignInLogs',
  auditlogs: 'AuditLogs',
};

const TABLE_BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  knownTables().map((table) => [table.toLowerCase(), table]),
);

/** The table of a log category, as `Type` or a diagnostic setting names it; undefined where it is none. */
export function tableOfCategory(category: string): string | undefined {
  const key = category.toLowerCase();
  return TABLE_OF_CATEGORY[key] ?? TABLE_BY_LOWER_CASE.get(key);
}

/** Members of the body that Log Analytics stores under another name; several where one member feeds more than one column. */
const BODY_ALIASES: Readonly<Record<string, readonly string[]>> = {
  time: ['TimeGenerated?'],
  callerIpAddress: ['IPAddress?'],
  activityDisplayName: ['ActivityDisplayName', 'OperationName?'],
  operationType: ['AADOperationType'],
  location: ['LocationDetails', 'Location?'],
  status: ['Status', 'ResultType?', 'ResultDescription?'],
  resourceId: ['ResourceIdentity'],
  appliedConditionalAccessPolicies: ['ConditionalAccessPolicies'],
  processingTimeInMilliseconds: ['ProcessingTimeInMilliseconds', 'ProcessingTimeInMs'],
};

const ENVELOPE_ALIASES: Readonly<Record<string, readonly string[]>> = {
  time: ['TimeGenerated?'],
  callerIpAddress: ['IPAddress?'],
  tenantId: ['AADTenantId'],
  properties: [],
  // The log category; the activity's own is in the body.
  category: ['Category?'],
};

/** Names under which exports carry the ingestion time. */
const INGESTION_NAMES = new Set([
  '_ingestiontime',
  'ingestiontime',
  'ingestion_time',
  'ingestion_time_',
  INGESTION_TIME.toLowerCase(),
]);

/** Finds the columns of a table's records. */
export class RecordShape {
  readonly table: string;
  readonly #byName: ReadonlyMap<string, ColumnInfo>;
  readonly #byLowerCase: ReadonlyMap<string, ColumnInfo>;

  constructor(table: string) {
    this.table = table;
    const columns = tableColumns(table)!;
    this.#byName = new Map(columns.map((column) => [column.name, column]));
    this.#byLowerCase = new Map(columns.map((column) => [column.name.toLowerCase(), column]));
  }

  target(name: string, place: Place): MemberTarget {
    const columns = this.#columns(name, place);
    return { columns: columns ?? [], unknown: columns === undefined };
  }

  #columns(name: string, place: Place): MemberTarget['columns'] | undefined {
    if (name === 'Type') return [];
    if (INGESTION_NAMES.has(name.toLowerCase())) {
      return [{ column: { name: INGESTION_TIME, type: 'datetime' }, weak: false }];
    }
    const exact = this.#byName.get(name);
    if (exact) return [{ column: exact, weak: false }];
    const aliases = (place === 'body' ? BODY_ALIASES : ENVELOPE_ALIASES)[name];
    if (aliases) {
      // An audit row's Category is its activity's, never the log's.
      if (place === 'envelope' && name === 'category' && this.table === 'AuditLogs') return [];
      const targets = aliases.flatMap((alias) => {
        const weak = alias.endsWith('?');
        const column = this.#byName.get(weak ? alias.slice(0, -1) : alias);
        return column ? [{ column, weak }] : [];
      });
      if (targets.length > 0 || aliases.length === 0) return targets;
    }
    const sameLetters = this.#byLowerCase.get(name.toLowerCase());
    if (sameLetters) return [{ column: sameLetters, weak: false }];
    // The portal adds the time zone to a header, and a union the type to a column that differs between tables.
    const plain = name.replace(/ \[[^\]]*\]$|_(dynamic|string|datetime|bool|real|long)$/, '');
    const column = plain === name ? undefined : this.#byName.get(plain);
    return column && [{ column, weak: false }];
  }
}
