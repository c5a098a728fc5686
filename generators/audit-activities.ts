/**
 * The activities that AuditLogs rows name (learn.microsoft.com, "Microsoft Entra audit activity reference", with the
 * spelling that real rows show: an en dash and a trailing blank in one name, lower case in the policies').
 */
import activities from './audit-activities.json' with { type: 'json' };

export interface Activity {
  readonly service: string;
  readonly category: string;
  readonly operation: string;
  /** Who can do it. */
  readonly actor: 'user' | 'app' | 'both';
}

export const ACTIVITIES: readonly Activity[] = activities.map(([service, category, operation, actor]) => ({
  service: service!,
  category: category!,
  operation: operation!,
  actor: actor as Activity['actor'],
}));

const BY_OPERATION = new Map<string, Activity>();
for (const activity of ACTIVITIES) {
  if (!BY_OPERATION.has(activity.operation)) BY_OPERATION.set(activity.operation, activity);
  BY_OPERATION.set(`${activity.category}/${activity.operation}`, activity);
}

/** An activity by its operation name, or by `category/operation` where a name occurs in several; undefined where unknown. */
export function findActivity(name: string): Activity | undefined {
  return BY_OPERATION.get(name);
}

/** As {@link findActivity}, for names in code. */
export function activity(name: string): Activity {
  const found = BY_OPERATION.get(name);
  if (!found) throw new RangeError(`no audit activity "${name}"`);
  return found;
}

/** AADOperationType of an operation, from its verb. */
export function operationType(operation: string): string {
  if (/^(Add (member|eligible|scoped|owner|app role|delegated|registered|role assignment)|Consent)/.test(operation))
    return 'Assign';
  if (operation.startsWith('Remove')) return 'Unassign';
  if (/^(Add|Create|Invite|Register|User registered|Bulk create|Bulk invite)/.test(operation)) return 'Add';
  if (/^(Delete|Hard Delete|Bulk delete|User deleted|Admin deleted)/.test(operation)) return 'Delete';
  if (/^(Update|Set|Change|Reset|Disable|Enable|Admin|User|Redeem)/.test(operation)) return 'Update';
  return 'Other';
}
