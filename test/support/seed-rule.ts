/** The seed rule's plan by hand, over logs small enough to read. */
import type { ColumnInfo } from '../../src/columns/batch.ts';
import type { Value } from '../../src/columns/value.ts';
import type { Run } from '../../src/engine/run.ts';
import { batchFromRows, MemoryTables } from '../../src/engine/tables.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { aggregate, call, extend, filter, join, project, scan, sort, summarize, text, timespan } from './plans.ts';

export const NOON = 638_000_064_000_000_000n;
export const MINUTE = 600_000_000n;

export const SIGNINS = {
  TimeGenerated: 'datetime',
  UserPrincipalName: 'string',
  IPAddress: 'string',
  ResultType: 'string',
} as const;
export const AUDITS = {
  TimeGenerated: 'datetime',
  Category: 'string',
  InitiatedBy: 'dynamic',
  OperationName: 'string',
} as const;

/** The shape of the seed rule: the last quiet sign-in per user and address, joined with later admin actions. */
export function seedPlan(minutes = 60): Plan {
  const signins = summarize(
    filter(
      filter(scan('AADNonInteractiveUserSignInLogs', SIGNINS), (of) =>
        call('>', 'bool', of('TimeGenerated'), call('ago', 'datetime', timespan(2, 'h'))),
      ),
      (of) => call('==', 'bool', of('ResultType'), text('0')),
    ),
    ['UserPrincipalName', 'IPAddress'],
    (of) => ({ LastNISignIn: aggregate('max', 'datetime', of('TimeGenerated')) }),
  );
  const audits = filter(
    extend(
      filter(scan('AuditLogs', AUDITS), (of) =>
        call('in', 'bool', of('Category'), text('RoleManagement'), text('Policy')),
      ),
      (of) => ({
        UPN: call(
          'tostring',
          'string',
          call('path', 'dynamic', call('path', 'dynamic', of('InitiatedBy'), text('user')), text('userPrincipalName')),
        ),
      }),
    ),
    (of) => call('isnotempty', 'bool', of('UPN')),
  );
  const both = join('inner', audits, signins, [['UPN', 'UserPrincipalName']]);
  const close = filter(both, (of) =>
    call(
      'between',
      'bool',
      call('-', 'timespan', of('TimeGenerated'), of('LastNISignIn')),
      timespan(0, 'm'),
      timespan(minutes, 'm'),
    ),
  );
  return sort(
    project(close, (of) => ({
      AuditTime: of('TimeGenerated'),
      UserPrincipalName: of('UPN'),
      OperationName: of('OperationName'),
      IPAddress: of('IPAddress'),
      Since: call('-', 'timespan', of('TimeGenerated'), of('LastNISignIn')),
    })),
    { name: 'AuditTime' },
  );
}

export function by(upn: string): Value {
  return new Map([['user', new Map([['userPrincipalName', upn]])]]) as Value;
}

export function tablesOf(signins: Value[][], audits: Value[][]): MemoryTables {
  const schema = (columns: Record<string, string>): ColumnInfo[] =>
    Object.entries(columns).map(([name, type]) => ({ name, type })) as ColumnInfo[];
  return new MemoryTables({
    AADNonInteractiveUserSignInLogs: batchFromRows(schema({ ...SIGNINS, $IngestionTime: 'datetime' }), signins),
    AuditLogs: batchFromRows(schema({ ...AUDITS, $IngestionTime: 'datetime' }), audits),
  });
}

export function scheduled(now: bigint): Run {
  return { now, window: { after: now - 120n * MINUTE, until: now, ingestedBy: now + 5n * MINUTE } };
}
