/**
 * What replays prove of a check's findings: the attack events that were lost at the very place that a finding is about and
 * for the reason that it gives, the rows that came back again, the alerts and incidents that name too many; and, for a fault
 * that a mechanical change undoes, what the rule returns without this one fault. A finding that the replays say nothing of
 * has no proof; it is not refuted by that, for the dataset may hold no such case.
 */
import { type Plan, type Span, visitPlan } from '../plan/plan.ts';
import { groupIncidents } from '../replay/incidents.ts';
import type { Replay } from '../replay/replay.ts';
import type { Finding, Proof, Repaired } from '../rules/checks/check.ts';
import { CHECKS } from '../rules/checks/index.ts';
import type { CompiledRule, RuleChange } from '../rules/compile.ts';
import { formatCount, formatNumber } from './format.ts';
import type { Cause, Explanation } from '../why/explanation.ts';
import { replaceNode } from '../why/trace.ts';
import { tableColumns } from '../schema/tables.ts';
import { identifyRows } from '../score/row-identity.ts';
import type { RuleScore } from '../score/score.ts';

/** A replay with its score. */
export interface Scored {
  readonly replay: Replay;
  readonly score: RuleScore;
}

export interface Evidence extends Scored {
  readonly compiled: CompiledRule;
  /** Of every malicious event that no alert contains. */
  readonly explanations: readonly Explanation[];
  /** Explains the events again, with another plan in the query's place. */
  readonly explainWith: (root: Plan, events: readonly string[]) => Promise<readonly Explanation[]>;
  /** Replays the rule with a change to it; undefined where that cannot run. */
  readonly replayWith: (change: RuleChange) => Promise<Scored | undefined>;
  /** Whether an event is one that a detection should ring for. */
  readonly isMalicious: (event: string) => boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** The findings, those with a proof that the replays give one for. */
export async function prove(findings: readonly Finding[], evidence: Evidence): Promise<Finding[]> {
  const proven: Finding[] = [];
  for (const finding of findings) {
    evidence.onProgress?.(proven.length, findings.length);
    const proof = await proofOf(finding, evidence);
    proven.push(proof ? { ...finding, proof } : finding);
  }
  return proven;
}

async function proofOf(finding: Finding, evidence: Evidence): Promise<Proof | undefined> {
  const seen = await seenBy(finding, evidence);
  const repaired = await repairedProof(finding, evidence);
  if (!seen || !repaired) return seen ?? repaired;
  const events = [...new Set([...seen.events, ...repaired.events])];
  return { ...repaired, message: `${seen.message}; ${repaired.message}`, events };
}

/** What the replay of the rule as it is has to say. */
async function seenBy(finding: Finding, evidence: Evidence): Promise<Proof | undefined> {
  const tests = LOSSES[finding.check];
  if (!tests) return OTHERS[finding.check]?.(evidence);
  const lost = lostAt(finding, evidence.explanations, tests);
  return lossProof(finding.check === PUBLISHED ? await lostByPublishing(finding, lost, evidence) : lost, evidence);
}

/** What a replay without the fault has more, or less. */
async function repairedProof(finding: Finding, evidence: Evidence): Promise<Proof | undefined> {
  const { compiled, isMalicious, replayWith } = evidence;
  const check = CHECKS.find(({ id }) => id === finding.check);
  const change = check?.repair?.({ rule: compiled.rule, plan: compiled.plan.root }, finding.span);
  const after = change && (await replayWith(change));
  if (!after || after.replay.digest === evidence.replay.digest) return undefined;
  const was = alertedEvents(evidence.replay, isMalicious);
  const is = alertedEvents(after.replay, isMalicious);
  const found = [...is].filter((event) => !was.has(event));
  const lost = [...was].filter((event) => !is.has(event));
  const repaired: Repaired = {
    found: found.length,
    lost: lost.length,
    attacks: after.score.attacks.detected - evidence.score.attacks.detected,
    rows: after.replay.rows.length - evidence.replay.rows.length,
  };
  const message = (DIFFERENCES[finding.check] ?? difference)(repaired, evidence);
  return message === undefined ? undefined : { message, events: [...found, ...lost], repaired };
}

/** `repairing this alone finds 3 more attack events (1 more attack) and adds 112 rows`. */
function difference(repaired: Repaired): string {
  const { found, lost, rows } = repaired;
  const ofRows =
    rows === 0 ? 'returns as many rows' : `${rows > 0 ? 'adds' : 'saves'} ${formatNumber(Math.abs(rows), 'row')}`;
  if (found + lost > 0) return `repairing this alone ${differenceOfEvents(repaired)}, and ${ofRows}`;
  return `repairing this alone ${ofRows} and ${rows > 0 ? 'finds no further' : 'loses no'} attack event`;
}

function differenceOfEvents({ found, lost, attacks }: Repaired): string {
  const ofAttacks = attacks === 0 ? '' : ` (${moreOrFewer(attacks, 'attack')})`;
  if (found === 0) return `loses ${formatNumber(lost, 'attack event')}${ofAttacks}`;
  return `finds ${moreOrFewer(found, 'attack event')}${lost > 0 ? ` but loses ${formatCount(lost)}` : ''}${ofAttacks}`;
}

/** `3 more rows`, `1 fewer row`. */
function moreOrFewer(count: number, noun: string): string {
  return `${formatCount(Math.abs(count))} ${count > 0 ? 'more' : 'fewer'} ${noun}${Math.abs(count) === 1 ? '' : 's'}`;
}

/** Checks whose difference is said in words of their own; undefined where there is nothing to say. */
const DIFFERENCES: Readonly<Record<string, (repaired: Repaired, before: Scored) => string | undefined>> = {
  // Every event that is compared makes a row until the nearest is chosen, so the number of rows says nothing.
  'last-event-only': (repaired) =>
    repaired.found + repaired.lost === 0 ? undefined : `repairing this alone ${differenceOfEvents(repaired)}`,
  'result-not-filtered': (repaired, { replay: { rows } }) =>
    repaired.rows < 0 && repaired.found === 0
      ? `${formatCount(-repaired.rows)} of ${formatNumber(rows.length, 'row')} are there for actions that failed, ${formatNumber(repaired.lost, 'attack event')} among them`
      : difference(repaired),
};

/** The malicious events behind rows of alerts. */
function alertedEvents({ rows, alerts }: Replay, isMalicious: (event: string) => boolean): Set<string> {
  const events = new Set<string>();
  for (const alert of alerts) {
    for (const row of alert.rows) for (const event of rows[row]!.events) if (isMalicious(event)) events.add(event);
  }
  return events;
}

const PUBLISHED = 'publish-time-against-event-time';

/**
 * Those of the events that pass the comparison once sign-ins stand at the time that they happened: a sign-in that really
 * came after the act is no fault of the clocks.
 */
async function lostByPublishing(
  finding: Finding,
  lost: readonly string[],
  { compiled, explainWith }: Evidence,
): Promise<readonly string[]> {
  if (lost.length === 0) return lost;
  const still = new Set(lostAt(finding, await explainWith(atEventTime(compiled.plan.root), lost), LOSSES[PUBLISHED]!));
  return lost.filter((event) => !still.has(event));
}

/** Of a sign-in. */
const EVENT_TIME = 'CreatedDateTime';

/** The plan with CreatedDateTime wherever it reads the TimeGenerated of a sign-in. */
function atEventTime(root: Plan): Plan {
  let changed = root;
  visitPlan(root, (node) => {
    if (node.op !== 'scan' || !tableColumns(node.table)?.some(({ name }) => name === EVENT_TIME)) return;
    const columns = node.columns.map((column) =>
      column.name === 'TimeGenerated' ? { ...column, name: EVENT_TIME } : column,
    );
    changed = replaceNode(changed, node, { ...node, columns });
  });
  return changed;
}

/** Whether an explanation is of the kind that the check warns of. */
type Test = (explanation: Explanation) => boolean;

const because =
  (...causes: readonly Cause[]): Test =>
  ({ cause }) =>
    causes.includes(cause);

const withValue =
  (test: (value: string) => boolean): Test =>
  ({ values }) =>
    values.some(({ value }) => test(value));

/** For each check of what loses events: how its losses are told from others at the same place. */
const LOSSES: Readonly<Record<string, readonly Test[]>> = {
  'last-event-only': [because('hidden')],
  'upn-letter-case': [because('case')],
  'upn-of-guests': [because('other-key'), withValue((value) => /#ext#/i.test(value))],
  'application-actors-dropped': [because('condition'), withValue((value) => value === '""' || value === 'null')],
  'category-is-no-privilege': [because('condition')],
  'category-unknown': [because('condition'), withValue((value) => value === '"Device"')],
  // The difference is negative: the sign-in was published after the act. See `lostByPublishing`.
  'publish-time-against-event-time': [because('condition'), withValue((value) => /^-\d/.test(value))],
  'period-shorter-than-frequency': [because('outside-window')],
};

/** The events that were lost at the finding, as its check has it. */
function lostAt(finding: Finding, explanations: readonly Explanation[], tests: readonly Test[]): string[] {
  const lost = explanations.filter(
    (explanation) => isAt(finding, explanation) && tests.every((test) => test(explanation)),
  );
  return lost.map(({ event }) => event);
}

function lossProof(events: readonly string[], { score }: Evidence): Proof | undefined {
  if (events.length === 0) return undefined;
  const message = `loses ${formatCount(events.length)} of ${formatNumber(score.events.planted, 'attack event')}`;
  return { message, events };
}

/** Whether an event was lost at the finding: the parts of the query overlap, or the field is the same. */
function isAt({ span, problem }: Finding, { clause }: Explanation): boolean {
  if (span) return clause.span !== undefined && overlap(span, clause.span);
  return clause.span === undefined && clause.position.line === problem.position?.line;
}

function overlap(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}

/** For each other check that a replay can prove: what it saw. */
const OTHERS: Readonly<Record<string, (evidence: Evidence) => Proof | undefined>> = {
  'overlap-without-guard': repeats,
  'fan-out-by-address': fanOut,
  'grouping-ignored': ({ compiled: { rule }, replay: { runs, alerts }, score }) => {
    const { accountsPerIncident, opened, sharedAttacks } = score.incidents;
    if (!sharedAttacks.shared) return undefined;
    const { incidentConfiguration } = rule;
    const grouping = { ...incidentConfiguration.grouping, matchingMethod: 'Selected' as const };
    const selected = groupIncidents(
      { ...rule, incidentConfiguration: { ...incidentConfiguration, grouping } },
      runs,
      alerts,
    );
    return {
      message: `unrelated users stand in an incident with ${formatCount(sharedAttacks.shared)} of ${formatNumber(sharedAttacks.attacks, 'attack')}: up to ${formatNumber(accountsPerIncident.max!, 'user')} in one; with Selected, ${formatNumber(selected.length, 'incident')} instead of ${formatCount(opened)}`,
      events: [],
    };
  },
  'single-alert-title': ({ replay: { alerts } }) => {
    const several = alerts.filter((alert) => alert.rows.length > 1).length;
    if (several === 0) return undefined;
    return {
      message: `${formatCount(several)} of ${formatNumber(alerts.length, 'alert')} stand for several rows`,
      events: [],
    };
  },
};

/** Rows and attack events that a later run returned again. */
function repeats({ replay: { rows }, isMalicious }: Evidence): Proof | undefined {
  const identities = identifyRows(rows);
  const firstRun: number[] = [];
  const runsOf = new Map<string, Set<number>>();
  let again = 0;
  rows.forEach(({ run, events }, index) => {
    if (run > (firstRun[identities[index]!] ??= run)) again++;
    for (const event of events) {
      if (!isMalicious(event)) continue;
      const runs = runsOf.get(event);
      if (runs) runs.add(run);
      else runsOf.set(event, new Set([run]));
    }
  });
  const events = [...runsOf].flatMap(([event, runs]) => (runs.size > 1 ? [event] : []));
  if (again === 0 && events.length === 0) return undefined;
  return {
    message: `returns ${formatCount(again)} of ${formatNumber(rows.length, 'row')} again, and ${formatCount(events.length)} of ${formatNumber(runsOf.size, 'attack event')} in more than one run`,
    events,
  };
}

/** Attack events that one run returned in several rows. */
function fanOut({ replay: { rows }, isMalicious }: Evidence): Proof | undefined {
  const counts = new Map<string, Map<number, number>>();
  for (const { run, events } of rows) {
    for (const event of events) {
      if (!isMalicious(event)) continue;
      let byRun = counts.get(event);
      if (!byRun) counts.set(event, (byRun = new Map()));
      byRun.set(run, (byRun.get(run) ?? 0) + 1);
    }
  }
  const most = [...counts].map(([event, byRun]) => ({ event, rows: Math.max(...byRun.values()) }));
  const several = most.filter((one) => one.rows > 1);
  if (several.length === 0) return undefined;
  return {
    message: `returns ${formatCount(several.length)} of ${formatNumber(most.length, 'attack event')} several times in one run, up to ${Math.max(...several.map((one) => one.rows))} times`,
    events: several.map(({ event }) => event),
  };
}
