/** What `tocsin sweep --json` wrote, as far as a report shows it. */
import { TocsinError } from '../base/errors.ts';
import type { SweepReport } from './sweep.ts';

/** The rule in one combination of settings. Null is unmeasured. */
export interface SweptPoint {
  /** In the order of the axes. */
  readonly values: readonly string[];
  /** The rule as its file stands. */
  readonly asIs: boolean;
  /** No other combination is as good in all measures and better in one. */
  readonly frontier: boolean;
  readonly recall: number | null;
  readonly interval: readonly [low: number, high: number] | null;
  readonly rowPrecision: number | null;
  /** The median, ms. */
  readonly timeToDetect: number | null;
  readonly falseAlarmsPerDay: number | null;
}

export interface SweptRule {
  readonly rule: string;
  /** Names of what was varied. */
  readonly axes: readonly string[];
  /** The combinations that were scored, in order of the file; the rule as it stands comes first where the grid lacks it. */
  readonly points: readonly SweptPoint[];
  readonly skipped: number;
}

type Measures = SweepReport['asIs'];

/** @throws {@link TocsinError} `INPUT` where the text is no `tocsin.sweep/1`. */
export function readSweep(text: string, file: string): SweptRule {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw refused(file, `is not JSON (${(error as Error).message})`, error);
  }
  const { schema } = (parsed ?? {}) as Partial<SweepReport>;
  if (schema !== 'tocsin.sweep/1') {
    throw refused(file, `expected "schema": "tocsin.sweep/1", found ${JSON.stringify(schema) ?? 'none'}`);
  }
  try {
    return pointsOf(parsed as SweepReport);
  } catch (error) {
    throw refused(file, `is damaged (${(error as Error).message})`, error);
  }
}

function refused(file: string, what: string, cause?: unknown): TocsinError {
  return new TocsinError(
    'INPUT',
    { message: `${file}: ${what}`, hint: 'tocsin sweep ... --json > sweep.json writes one' },
    { cause },
  );
}

function pointsOf({ rule, axes, asIs, cells }: SweepReport): SweptRule {
  const point = (measures: Measures, values: readonly string[], stands: boolean): SweptPoint => ({
    values,
    asIs: stands,
    frontier: measures.frontier,
    recall: measures.attacks.recall,
    interval: measures.attacks.interval,
    rowPrecision: measures.rows.precision,
    timeToDetect: measures.timeToDetectMs.p50,
    falseAlarmsPerDay: measures.falseAlarmsPerDay,
  });
  const names = axes.map(({ name }) => name);
  const scored = cells.flatMap((cell) => {
    if (cell.skipped !== null) return [];
    const values = names.map((name) => cell.settings[name]!);
    return point(cell, values, cell.asIs);
  });
  const standing = scored.some((each) => each.asIs)
    ? []
    : [
        point(
          asIs,
          names.map(() => 'as it stands'),
          true,
        ),
      ];
  return { rule, axes: names, points: [...standing, ...scored], skipped: cells.length - scored.length };
}
