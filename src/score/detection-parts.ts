/**
 * Where the time to detect goes: how long an event takes to be logged, to be ingested, to come into the view of a run, and
 * to be in an alert. The first three are the logs' and the schedule's; the last is the query's own.
 */
import { parseIsoDatetime, TICKS_PER_MILLISECOND } from '../base/time.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { evaluationOf, type Schedule } from '../replay/schedule.ts';
import type { Scorable } from './score.ts';
import { percentile } from './statistics.ts';

/**
 * Median milliseconds of each part, over the detected attacks: of the event that an attack's time to detect runs from. The
 * medians of parts need not add up to the median of the whole.
 */
export interface DetectionParts {
  /** From the event time to TimeGenerated. */
  readonly eventToGenerated: number;
  /** From there to ingestion. */
  readonly generatedToIngested: number;
  /** From there to the wall clock of the first run whose window holds the event. */
  readonly ingestedToFirstRun: number;
  /** From there to the alert; 0 where that run raised it. */
  readonly firstRunToAlert: number;
}

interface Delays {
  readonly wallClock: bigint;
  readonly at: bigint;
  readonly parts: readonly bigint[];
}

/** Undefined where no attack was detected. */
export function detectionParts(
  result: Pick<Scorable, 'runs' | 'rows' | 'alerts'>,
  truth: readonly TruthIncident[],
  schedule: Schedule,
): DetectionParts | undefined {
  const malicious = new Map(
    truth.flatMap(({ id, events }) =>
      events.filter(({ role }) => role === 'malicious').map((event) => [event.id, { incident: id, event }] as const),
    ),
  );
  const earliest = new Map<string, Delays>();
  for (const alert of result.alerts) {
    const { wallClock } = result.runs[alert.run]!;
    for (const id of new Set(alert.rows.flatMap((row) => result.rows[row]!.events))) {
      const found = malicious.get(id);
      if (!found) continue;
      const [at, generated, ingested] = [found.event.at, found.event.generated, found.event.ingested].map(
        (iso) => parseIsoDatetime(iso)!,
      ) as [bigint, bigint, bigint];
      const known = earliest.get(found.incident);
      if (known && (known.wallClock < wallClock || (known.wallClock === wallClock && known.at <= at))) continue;
      const visible = firstRun(result, schedule, generated, ingested, alert.run);
      const parts = [generated - at, ingested - generated, visible - ingested, wallClock - visible];
      earliest.set(found.incident, { wallClock, at, parts });
    }
  }
  if (earliest.size === 0) return undefined;
  const [eventToGenerated, generatedToIngested, ingestedToFirstRun, firstRunToAlert] = [0, 1, 2, 3].map((part) => {
    const ms = Array.from(earliest.values(), ({ parts }) => Number(parts[part]!) / Number(TICKS_PER_MILLISECOND));
    return percentile(
      ms.sort((a, b) => a - b),
      50,
    )!;
  }) as [number, number, number, number];
  return { eventToGenerated, generatedToIngested, ingestedToFirstRun, firstRunToAlert };
}

/** The wall clock of the first run that can see a row of these times; at the latest that of run `last`, which did. */
function firstRun(
  { runs }: Pick<Scorable, 'runs'>,
  schedule: Schedule,
  generated: bigint,
  ingested: bigint,
  last: number,
) {
  const first = runs.slice(0, last).find((run) => {
    const { after, until, ingestedBy, ingestedAfter = -1n } = evaluationOf(run, schedule).window!;
    return after < generated && generated <= until && ingestedAfter < ingested && ingested <= ingestedBy;
  });
  return (first ?? runs[last]!).wallClock;
}
