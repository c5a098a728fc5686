/**
 * A score against an earlier one of the same logs. A guarded measure must not get worse by more than its tolerance; without
 * any said, recall and false alarms a day are guarded, with none: everything in a score but the seconds depends only on the
 * logs and the rule, so whatever changed, the rule changed it.
 */
import { type Problem, TocsinError } from '../base/errors.ts';
import { type Metric, metricNamed, nameHint, parseValue, type PlantedNames, type Unit } from './expectations.ts';
import type { RuleScore } from './score.ts';

/** How much worse a measure may get. */
export interface Tolerance {
  readonly metric: Metric;
  /** As it was written. */
  readonly text: string;
  /** In the metric's unit, or as a share of the earlier value. */
  readonly by: { readonly amount: number } | { readonly share: number };
}

export interface MetricChange {
  readonly metric: string;
  readonly unit: Unit;
  readonly before: number | null;
  readonly now: number | null;
  /** Null where the measure is not guarded. */
  readonly tolerance: string | null;
  readonly regressed: boolean;
}

export interface BaselineComparison {
  /** Every guarded measure, and every other one that changed. */
  readonly changes: readonly MetricChange[];
  /** Attacks caught before and missed now, and the other way round: ids, sorted. */
  readonly lost: readonly string[];
  readonly gained: readonly string[];
  readonly regressed: boolean;
}

const GUARDED = ['recall', 'falseAlarmsPerDay'];

/** Shown where they changed. */
const SHOWN = [
  'events.recall',
  'alerts.precision',
  'rows.precision',
  'incidents.precision',
  'timeToDetect.p50',
  'timeToDetect.p90',
  'incidentsPerDay',
];

/**
 * Reads tolerances such as `recall=0.02`, `falseAlarmsPerDay=10%` (of the earlier value) or `timeToDetect.p90=5m`.
 *
 * @returns those given, and no tolerance for what is guarded besides.
 * @throws {@link TocsinError} `USAGE` with every fault.
 */
export function parseTolerances(texts: readonly string[], planted: PlantedNames): Tolerance[] {
  const problems: Problem[] = [];
  const tolerances = new Map<string, Tolerance>();
  for (const name of GUARDED) {
    tolerances.set(name, { metric: metricNamed(name, planted)!, text: '0', by: { amount: 0 } });
  }
  for (const text of texts) {
    const [, name = '', value = ''] = /^\s*([^=\s]*)\s*=\s*(.*?)\s*$/.exec(text) ?? [];
    const metric = metricNamed(name, planted);
    const percent = /^(\d+(?:\.\d+)?) ?%$/.exec(value);
    if (name === '' || value === '') problems.push({ message: `--tolerance "${text}": expected NAME=VALUE` });
    else if (!metric) {
      problems.push({ message: `--tolerance "${text}": unknown measure "${name}"`, hint: nameHint(name, planted) });
    } else if (percent) {
      tolerances.set(name, { metric, text: value, by: { share: Number(`${percent[1]}e-2`) } });
    } else {
      const amount = parseValue(value, metric.unit);
      if (typeof amount === 'number') tolerances.set(name, { metric, text: value, by: { amount } });
      else {
        problems.push({
          message: `--tolerance "${text}": found "${value}", expected ${amount.expected}, or a share of the earlier value such as 10%`,
        });
      }
    }
  }
  if (problems.length > 0) throw new TocsinError('USAGE', problems);
  return [...tolerances.values()];
}

/** What is different from an earlier score of the same rule over the same logs. */
export function compareWithBaseline(
  before: RuleScore,
  now: RuleScore,
  tolerances: readonly Tolerance[],
  planted: PlantedNames,
): BaselineComparison {
  const guarded = tolerances.map((tolerance) => changeOf(tolerance.metric, before, now, tolerance));
  const others = SHOWN.filter((name) => tolerances.every(({ metric }) => metric.name !== name))
    .map((name) => changeOf(metricNamed(name, planted)!, before, now, undefined))
    .filter((change) => change.before !== change.now);
  const missed = (score: RuleScore) => new Set(score.perScenario.flatMap((chain) => chain.missed));
  const [missedBefore, missedNow] = [missed(before), missed(now)];
  return {
    changes: [...guarded, ...others],
    lost: [...missedNow].filter((id) => !missedBefore.has(id)).sort(),
    gained: [...missedBefore].filter((id) => !missedNow.has(id)).sort(),
    regressed: guarded.some(({ regressed }) => regressed),
  };
}

function changeOf(metric: Metric, before: RuleScore, now: RuleScore, tolerance: Tolerance | undefined): MetricChange {
  const [then, current] = [metric.measure(before).value, metric.measure(now).value];
  return {
    metric: metric.name,
    unit: metric.unit,
    before: then,
    now: current,
    tolerance: tolerance?.text ?? null,
    regressed: tolerance !== undefined && isWorse(then, current, metric, tolerance),
  };
}

/** Rounding of a bound, far below any difference of one attack or alarm. */
const EPSILON = 1e-9;

function isWorse(before: number | null, now: number | null, { better }: Metric, { by }: Tolerance): boolean {
  if (before === null) return false;
  if (now === null) return true;
  const allowed = 'amount' in by ? by.amount : by.share * before;
  const worse = better === 'higher' ? before - now : now - before;
  return worse > allowed + EPSILON * Math.max(1, before);
}
