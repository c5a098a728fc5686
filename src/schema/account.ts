/**
 * The account key and its partition. Rows are partitioned by the account that acts: the lower-cased user principal name,
 * or the acting application where no user acted. Equal names therefore always meet in one partition; rows without a user
 * name may lie in any (generated ones lie with the account that the application acted on), which is why plan cuts must know
 * that a key is not empty (engine/cut.ts).
 */

/**
 * For each table the KQL expression that the partition key is made from, before lower-casing. A row where it is empty
 * is partitioned by its application instead.
 */
export const ACCOUNT_COLUMNS: Readonly<Record<string, string>> = {
  SigninLogs: 'UserPrincipalName',
  AADNonInteractiveUserSignInLogs: 'UserPrincipalName',
  AuditLogs: 'tostring(InitiatedBy.user.userPrincipalName)',
};

/** A hash of the lower-cased account key, from 0 (inclusive) to 2^32 (exclusive). */
export function accountHash(accountKey: string): number {
  const key = accountKey.toLowerCase();
  // FNV-1a over UTF-16 units, then a finaliser so that the low bits depend on every character.
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The partition of an account: its hash, modulo `partitionCount`. */
export function partitionOf(accountKey: string, partitionCount: number): number {
  return accountHash(accountKey) % partitionCount;
}
