/** Who is behind a row besides its name: the ids that Entra's tables share, by which one actor can be known under two keys. */
import type { ColumnInfo } from '../columns/batch.ts';
import type { Expression, Plan } from '../plan/plan.ts';
import { tableColumns } from '../schema/tables.ts';

/** From the surest to the weakest. */
export const IDENTITIES = ['user id', 'service principal', 'session', 'IP address'] as const;

export type Identity = (typeof IDENTITIES)[number];

/** Columns that hold an identity, in whatever table has them. */
const COLUMNS: readonly (readonly [Identity, string, readonly string[]])[] = [
  ['user id', 'UserId', []],
  ['user id', 'InitiatedBy', ['user', 'id']],
  ['service principal', 'ServicePrincipalId', []],
  ['service principal', 'InitiatedBy', ['app', 'servicePrincipalId']],
  ['session', 'SessionId', []],
  ['IP address', 'IPAddress', []],
  ['IP address', 'InitiatedBy', ['user', 'ipAddress']],
];

const span = { start: 0, end: 0 };

export interface IdentityScan {
  readonly scan: Extract<Plan, { op: 'scan' }>;
  /** Over the scan's columns, as texts; empty where a row has none. */
  readonly identities: readonly { readonly identity: Identity; readonly expression: Expression }[];
}

/** The scan with TimeGenerated and the columns that its table's identities stand in put after its own. */
export function withIdentities(scan: Extract<Plan, { op: 'scan' }>): IdentityScan {
  const columns: ColumnInfo[] = [...scan.columns];
  if (!columns.some(({ name }) => name === 'TimeGenerated')) columns.push({ name: 'TimeGenerated', type: 'datetime' });
  const schema = tableColumns(scan.table) ?? [];
  const identities = COLUMNS.flatMap(([identity, name, path]) => {
    const info = schema.find((column) => column.name === name);
    if (!info) return [];
    let index = columns.findIndex((column) => column.name === name);
    if (index < 0) index = columns.push(info) - 1;
    let expression: Expression = { kind: 'column', index, type: columns[index]!.type, span };
    for (const key of path) {
      const args: Expression[] = [expression, { kind: 'literal', type: 'string', value: key, span }];
      expression = { kind: 'call', name: 'path', type: 'dynamic', args, span };
    }
    return [
      { identity, expression: { kind: 'call', name: 'tostring', type: 'string', args: [expression], span } as const },
    ];
  });
  return { scan: { ...scan, columns }, identities };
}
