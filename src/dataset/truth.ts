/**
 * Ground truth: what was planted in a dataset. `truth.ndjson` holds one incident a line: an attack, or a benign burst that
 * looks like one. Lines are sorted by start, then id.
 */

/** What a rule on silent sign-ins means, however it is written: at most this many ticks lie between a sign-in and an act. */
export const INTENDED_TICKS = 60 * 60 * 1e7;

/** `malicious`: the act that a detection should ring for. `supporting`: what the attacker did to get there (their sign-ins). `benign`: an event of a look-alike. */
export type EventRole = 'malicious' | 'supporting' | 'benign';

export interface TruthEvent {
  /** Unique in the dataset; the id that rows are labelled with. */
  readonly id: string;
  readonly table: string;
  /** Event time (CreatedDateTime of a sign-in, ActivityDateTime of an audit row), TimeGenerated and ingestion time: ISO 8601, seven decimals. */
  readonly at: string;
  readonly generated: string;
  readonly ingested: string;
  /** The acting account as its row shows it: user principal name, or the application's name. */
  readonly account: string;
  /** OperationName of an audit row; the application of a sign-in. */
  readonly operation: string;
  readonly role: EventRole;
  /**
   * For a user's audit event of an attack: when the same person had last signed in silently and with success before it, by
   * event time, in the 24 hours before. A guest is one person under two names.
   */
  readonly silentSignInBefore?: string;
  /**
   * For a malicious audit event: whether "a silent sign-in of the same account within 60 minutes before" holds for it,
   * which is what a rule on silent sign-ins means, however it is written; and if not, why.
   */
  readonly intent?: { readonly covered: true } | { readonly covered: false; readonly why: string };
}

export interface TruthIncident {
  readonly id: string;
  readonly kind: 'attack' | 'lookalike';
  /** The chain (`token-replay-role-assignment`) or the look-alike kind (`helpdesk-reset`). */
  readonly scenario: string;
  readonly variant: string;
  readonly title: string;
  readonly techniques: readonly string[];
  readonly start: string;
  readonly end: string;
  readonly events: readonly TruthEvent[];
}

/** Ids of the events that a detection should ring for. */
export function maliciousEvents(truth: readonly TruthIncident[]): ReadonlySet<string> {
  const attacks = truth.filter(({ kind }) => kind === 'attack');
  return new Set(attacks.flatMap(({ events }) => events.flatMap(({ id, role }) => (role === 'malicious' ? [id] : []))));
}
