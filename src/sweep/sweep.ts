/**
 * A rule scored in many settings over one dataset: every combination of the values of its axes, each compiled and replayed as
 * if the file had been edited by hand, and which of them no other beats.
 *
 * The dataset is read, never made again, and one set of workers serves all cells. Cells that come to the same rule are
 * replayed once. A combination that Sentinel would refuse, or whose query does not compile, is skipped with the reason.
 */
import { type ErrorCode, TocsinError } from '../base/errors.ts';
import { parseIsoDatetime, TICKS_PER_DAY } from '../base/time.ts';
import type { Manifest } from '../dataset/manifest.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { openExecutor, replay, type Replayable } from '../replay/replay.ts';
import { TEMPLATE_CHECKS } from '../rules/checks/template.ts';
import { type CompiledRule, type CompileRuleOptions, compileVariant, type RuleChange } from '../rules/compile.ts';
import { type DetectionParts, detectionParts } from '../score/detection-parts.ts';
import { type RuleScore, score } from '../score/score.ts';
import { type Axis, mergeChanges } from './axes.ts';

export interface SweptScore {
  readonly score: RuleScore;
  /** Undefined where no attack was detected. */
  readonly parts: DetectionParts | undefined;
  /** All alerts, true and false; null where the dataset covers no time. */
  readonly alertsPerDay: number | null;
}

export interface SweepCell {
  /** A value of each axis, in the order of the axes. */
  readonly values: readonly string[];
  /** Whether it is the rule as it stands in its file. */
  readonly asIs: boolean;
  readonly result: SweptScore | { readonly skipped: string };
  /** Whether no other cell is at least as good in every respect and better in one; see {@link frontierOf}. */
  readonly frontier: boolean;
}

export interface Sweep {
  readonly axes: readonly Axis[];
  /** The rule as it stands in its file, whether or not the grid has it. */
  readonly asIs: SweptScore & { readonly frontier: boolean };
  /** The values of the last axis change fastest. */
  readonly cells: readonly SweepCell[];
}

export interface SweepOptions {
  /** What the rule was compiled with. */
  readonly compile?: Omit<CompileRuleOptions, 'file'>;
  /** As for a replay. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

type Swept = Replayable & { readonly manifest: Pick<Manifest, 'origin'> };

/**
 * Replays every cell, and the rule as it stands.
 *
 * @throws {@link TocsinError} as a replay of the rule as it stands does; what only a cell runs into makes it a skipped one.
 */
export async function sweep(
  dataset: Swept,
  compiled: CompiledRule,
  axes: readonly Axis[],
  truth: readonly TruthIncident[],
  { compile = {}, threads, signal, onProgress }: SweepOptions = {},
): Promise<Sweep> {
  const grid = combinations(axes);
  const executor = openExecutor(dataset, compiled.plan.root, {
    replays: grid.length,
    ...(threads !== undefined && { threads }),
  });
  const known = new Map<string, Promise<SweptScore>>();
  const scoreOf = (variant: CompiledRule): Promise<SweptScore> => {
    const key = keyOf(variant);
    const found = known.get(key) ?? replayed(variant);
    known.set(key, found);
    return found;
  };
  const replayed = async (variant: CompiledRule): Promise<SweptScore> => {
    const result = await replay(dataset, variant, { executor, ...(signal && { signal }) });
    const scored = score(result, variant.rule.name, truth, dataset.manifest);
    return {
      score: scored,
      parts: detectionParts(result, truth, variant.rule),
      alertsPerDay: perDay(result.alerts.length, dataset.manifest),
    };
  };

  try {
    onProgress?.(0, grid.length);
    const asIs = await scoreOf(compiled);
    // What is wrong with the file itself is no reason to skip a cell.
    const refused = refusals(compiled);
    const plain: Omit<SweepCell, 'frontier'>[] = [];
    for (const { values, change } of grid) {
      if (signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
      const result = await orSkipped(async () => {
        const variant = compileVariant(compiled, change, compile);
        const refusal = [...refusals(variant)].find(([check]) => !refused.has(check));
        return refusal ? { skipped: refusal[1] } : scoreOf(variant);
      });
      plain.push({ values, asIs: result === asIs, result });
      onProgress?.(plain.length, grid.length);
    }
    const scores = [asIs, ...plain.map(({ result }) => ('skipped' in result ? undefined : result))];
    const [asIsFrontier, ...frontier] = frontierOf(scores.map((each) => each && objectivesOf(each)));
    return {
      axes,
      asIs: { ...asIs, frontier: asIsFrontier! },
      cells: plain.map((cell, index) => ({ ...cell, frontier: frontier[index]! })),
    };
  } finally {
    await executor.close();
  }
}

function combinations(axes: readonly Axis[]): { values: readonly string[]; change: RuleChange }[] {
  let grid: { values: readonly string[]; changes: readonly RuleChange[] }[] = [{ values: [], changes: [] }];
  for (const axis of axes) {
    grid = grid.flatMap(({ values, changes }) =>
      axis.values.map(({ text, change }) => ({ values: [...values, text], changes: [...changes, change] })),
    );
  }
  return grid.map(({ values, changes }) => ({ values, change: mergeChanges(changes) }));
}

/** Equal for rules whose replays are. */
function keyOf({ rule }: CompiledRule): string {
  const { query, queryFrequency, queryPeriod, triggerOperator, triggerThreshold, suppression, eventGrouping } = rule;
  const settings = [queryFrequency, queryPeriod, triggerOperator, triggerThreshold, suppression, eventGrouping, query];
  return settings.map(String).join(' ');
}

/** Why Sentinel would refuse the rule: the first message of each check that fails, by the check's id. */
function refusals({ rule, plan }: CompiledRule): Map<string, string> {
  const found = new Map<string, string>();
  for (const check of TEMPLATE_CHECKS) {
    if (check.severity !== 'error') continue;
    for (const { message } of check.find({ rule, plan: plan.root })) {
      if (!found.has(check.id)) found.set(check.id, message);
    }
  }
  return found;
}

/** Runs `work`; what is wrong with a query or rule that the sweep itself made up is a reason to skip, not to fail. */
async function orSkipped<T>(work: () => Promise<T>): Promise<T | { readonly skipped: string }> {
  try {
    return await work();
  } catch (error) {
    const isOfCell = error instanceof TocsinError && SKIPPED_CODES.includes(error.code);
    if (!isOfCell) throw error;
    return { skipped: error.problems[0]!.message };
  }
}

const SKIPPED_CODES: readonly ErrorCode[] = ['RULE', 'QUERY', 'UNSUPPORTED'];

function perDay(count: number, { start, end }: Pick<Manifest, 'start' | 'end'>): number | null {
  const ticks = parseIsoDatetime(end)! - parseIsoDatetime(start)!;
  return ticks > 0n ? count / (Number(ticks) / Number(TICKS_PER_DAY)) : null;
}

/** What cells are compared by; null is unmeasured, and worse than any measure. */
export interface Objectives {
  /** Of attacks; higher is better. */
  readonly recall: number | null;
  /** Of unique rows; higher is better. */
  readonly precision: number | null;
  /** Median milliseconds; lower is better. */
  readonly timeToDetect: number | null;
  /** Alerts without a malicious event; lower is better. */
  readonly falseAlarmsPerDay: number | null;
}

function objectivesOf({ score: { attacks, rows, timeToDetectMs, falseAlarms } }: SweptScore): Objectives {
  return {
    recall: attacks.recall,
    precision: rows.precision,
    timeToDetect: timeToDetectMs.p50,
    falseAlarmsPerDay: falseAlarms.perDay,
  };
}

/**
 * The Pareto frontier: true for each point that no other dominates, being at least as good in all four respects and better
 * in one. Equal points stand or fall together. What detects nothing has no false alarms either, and is never on it.
 *
 * @param points - undefined where there is nothing to compare; that is never on the frontier.
 */
export function frontierOf(points: readonly (Objectives | undefined)[]): boolean[] {
  const goodness = points.map((point) =>
    point && point.recall !== null && point.recall > 0
      ? [
          point.recall,
          point.precision ?? Number.NEGATIVE_INFINITY,
          -(point.timeToDetect ?? Number.POSITIVE_INFINITY),
          -(point.falseAlarmsPerDay ?? Number.POSITIVE_INFINITY),
        ]
      : undefined,
  );
  const dominates = (a: readonly number[], b: readonly number[]): boolean =>
    a.every((value, i) => value >= b[i]!) && a.some((value, i) => value > b[i]!);
  return goodness.map((own) => own !== undefined && !goodness.some((other) => other && dominates(other, own)));
}
