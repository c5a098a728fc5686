/**
 * A sweep for people and machines: a table of 80 columns, JSON `tocsin.sweep/1` and CSV, all with the same cells in the same
 * order. docs/sweep.md describes them.
 */
import type picocolors from 'picocolors';
import type { Manifest } from '../dataset/manifest.ts';
import type { DetectionParts } from '../score/detection-parts.ts';
import type { AlertScore, Recall, RowScore, TimeToDetect } from '../score/score.ts';
import type { Sweep, SweptScore } from '../sweep/sweep.ts';
import { fit, formatCount, formatDelay, formatRate, formatShare, wrap } from './format.ts';
import { csvCell } from './rows.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

interface Measures {
  readonly attacks: Recall;
  readonly events: Recall;
  readonly rows: RowScore;
  readonly alerts: AlertScore;
  readonly timeToDetectMs: TimeToDetect;
  /** Null where no attack was detected. */
  readonly timeToDetectPartsMs: DetectionParts | null;
  /** Null where the dataset covers no time. */
  readonly falseAlarmsPerDay: number | null;
  readonly alertsPerDay: number | null;
  readonly digest: string;
}

type CellReport = {
  readonly settings: Readonly<Record<string, string>>;
  readonly asIs: boolean;
  readonly frontier: boolean;
} & (({ readonly skipped: null } & Measures) | { readonly skipped: string });

export interface SweepReport {
  readonly schema: 'tocsin.sweep/1';
  /** Null for an import. */
  readonly scenario: string | null;
  readonly seed: number | null;
  readonly users: number | null;
  readonly start: string;
  readonly end: string;
  readonly rule: string;
  readonly file: string;
  readonly axes: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** The rule as its file stands. */
  readonly asIs: { readonly frontier: boolean } & Measures;
  readonly cells: readonly CellReport[];
  /** Null where no scenario was generated. */
  readonly seconds: { readonly generate: number | null; readonly sweep: number };
}

export function sweepReport(
  { origin, start, end }: Pick<Manifest, 'origin' | 'start' | 'end'>,
  file: string,
  { axes, asIs, cells }: Sweep,
  seconds: SweepReport['seconds'],
): SweepReport {
  const scenario = origin.kind === 'scenario' ? origin : undefined;
  return {
    schema: 'tocsin.sweep/1',
    scenario: scenario?.scenario ?? null,
    seed: scenario?.seed ?? null,
    users: scenario?.users ?? null,
    start,
    end,
    rule: asIs.score.rule,
    file,
    axes: axes.map(({ name, values }) => ({ name, values: values.map(({ text }) => text) })),
    asIs: { frontier: asIs.frontier, ...measures(asIs) },
    cells: cells.map((cell): CellReport => {
      const settings = Object.fromEntries(axes.map(({ name }, axis) => [name, cell.values[axis]!]));
      const head = { settings, asIs: cell.asIs, frontier: cell.frontier };
      return 'skipped' in cell.result
        ? { ...head, skipped: cell.result.skipped }
        : { ...head, skipped: null, ...measures(cell.result) };
    }),
    seconds,
  };
}

function measures({ score, parts, alertsPerDay }: SweptScore): Measures {
  const { attacks, events, rows, alerts, timeToDetectMs, falseAlarms, digest } = score;
  return {
    attacks,
    events,
    rows,
    alerts,
    timeToDetectMs,
    timeToDetectPartsMs: parts ?? null,
    falseAlarmsPerDay: falseAlarms.perDay,
    alertsPerDay,
    digest,
  };
}

const WIDTH = 80;
/** Of the marks before a line, and of the four columns behind the settings. */
const MARKS = 3;
const COLUMNS = [8, 11, 12, 14] as const;
const PART_COLUMNS = [10, 11, 13, 11] as const;
const SETTINGS_WIDTH = WIDTH - MARKS - COLUMNS.reduce((sum, width) => sum + width, 0);

/** The whole table; no trailing newline. */
export function sweepText(report: SweepReport, colors: Colors): string {
  const { rule, file, axes, asIs, cells, start, end } = report;
  const facts = [
    ...(report.scenario === null ? [] : [report.scenario]),
    ...(report.users === null ? [] : [`${formatCount(report.users)} users`]),
    `${start.slice(0, 10)} to ${end.slice(0, 10)}`,
    ...(report.seed === null ? [] : [`seed ${report.seed}`]),
  ].join(', ');
  const varied = axes.filter(({ values }) => values.length > 1);
  const settings = settingsColumns(varied);
  const marks = (cell: { readonly frontier: boolean }, isAsIs: boolean): string =>
    `${cell.frontier ? '*' : ' '}${isAsIs ? '=' : ' '} `;
  const paint = (text: string, frontier: boolean): string => (frontier ? colors.green(text) : text);
  const valuesOf = (cell: CellReport): string => settings.line(varied.map(({ name }) => cell.settings[name]!));
  const inGrid = cells.some((cell) => cell.asIs);
  const named = fit('as it stands', SETTINGS_WIDTH);

  const lines = cells.flatMap((cell) => {
    const head = marks(cell, cell.asIs) + valuesOf(cell);
    if (cell.skipped === null) return [paint(head + measureCells(cell), cell.frontier)];
    const [first = '', ...rest] = wrap(`skipped: ${cell.skipped}`, WIDTH - MARKS - SETTINGS_WIDTH - 2);
    const indent = ' '.repeat(MARKS + SETTINGS_WIDTH + 2);
    return [`${head}  ${first}`, ...rest.map((text) => indent + text)].map((text) => colors.dim(text));
  });
  const partLines = cells.flatMap((cell) =>
    cell.skipped === null && cell.timeToDetectPartsMs && (cell.frontier || cell.asIs)
      ? [marks(cell, cell.asIs) + valuesOf(cell) + partCells(cell.timeToDetectPartsMs)]
      : [],
  );
  const asIsParts =
    inGrid || !asIs.timeToDetectPartsMs ? [] : [marks(asIs, true) + named + partCells(asIs.timeToDetectPartsMs)];
  const blank = ' '.repeat(MARKS + SETTINGS_WIDTH);
  const names = ' '.repeat(MARKS) + settings.line(varied.map(({ name }) => name));
  const notes = [
    ...settings.notes,
    ...axes
      .filter(({ values }) => values.length === 1)
      .map(({ name, values }) => `Every line has ${name}=${values[0]}.`),
    ...inertAxes(report).map((name) => `${name} changes nothing: the scores are the same whatever it is.`),
    '* no other line is as good in all four columns and better in one',
    '= the rule as it stands in its file',
  ];
  return [
    ...wrap(rule, WIDTH).map((text) => colors.bold(text)),
    colors.dim(fit(file, WIDTH).trimEnd()),
    ...wrap(facts, WIDTH).map((text) => colors.dim(text)),
    '',
    colors.dim(blank + columns(COLUMNS, ['attack', 'row', 'time to', 'false alarms'])),
    colors.dim(names + columns(COLUMNS, ['recall', 'precision', 'detect p50', 'a day'])),
    ...(inGrid ? [] : [paint(marks(asIs, true) + named + measureCells(asIs), asIs.frontier)]),
    ...lines,
    ...(partLines.length + asIsParts.length === 0
      ? []
      : [
          '',
          colors.dim(
            `${fit('   parts of the time, p50', MARKS + SETTINGS_WIDTH)}${columns(PART_COLUMNS, ['event to', 'logged to', 'ingested to', 'first run'])}`,
          ),
          colors.dim(names + columns(PART_COLUMNS, ['logged', 'ingested', 'first run', 'to alert'])),
          ...asIsParts,
          ...partLines,
        ]),
    '',
    ...notes.flatMap((note) => wrap(note, WIDTH)).map((text) => colors.dim(text)),
  ].join('\n');
}

function columns(widths: readonly number[], cells: readonly string[]): string {
  return cells.map((cell, index) => fit(cell, widths[index]!, 'right')).join('');
}

function measureCells({ attacks, rows, timeToDetectMs, falseAlarmsPerDay }: Measures): string {
  return columns(COLUMNS, [
    measured(attacks.recall, formatShare),
    measured(rows.precision, formatShare),
    measured(timeToDetectMs.p50, formatDelay),
    measured(falseAlarmsPerDay, formatRate),
  ]);
}

function partCells({
  eventToGenerated,
  generatedToIngested,
  ingestedToFirstRun,
  firstRunToAlert,
}: DetectionParts): string {
  const parts = [eventToGenerated, generatedToIngested, ingestedToFirstRun, firstRunToAlert];
  return columns(PART_COLUMNS, parts.map(formatDelay));
}

function measured(value: number | null, format: (value: number) => string): string {
  return value === null ? 'n/a' : format(value);
}

/** Columns for the settings in the width that there is for them, and a note for each name that had to be cut. */
function settingsColumns(axes: SweepReport['axes']) {
  const wanted = axes.map(({ name, values }) => 2 + Math.max(name.length, ...values.map((value) => value.length)));
  const widths = [...wanted];
  while (widths.length > 0 && widths.reduce((sum, width) => sum + width, 0) > SETTINGS_WIDTH) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest]!--;
  }
  const cut = (text: string, index: number): string => `${fit(text, widths[index]! - 2)}  `;
  return {
    line: (texts: readonly string[]): string => fit(texts.map(cut).join(''), SETTINGS_WIDTH),
    notes: axes.flatMap(({ name }, index) =>
      name.length > widths[index]! - 2 ? [`${cut(name, index).trimEnd()} is ${name}.`] : [],
    ),
  };
}

/** Axes along which no score changes, though there are scores to compare. */
function inertAxes({ axes, cells }: SweepReport): string[] {
  return axes.flatMap(({ name, values }) => {
    const others = new Map<string, Set<string>>();
    let compared = false;
    for (const { settings, skipped, asIs: _asIs, frontier: _frontier, ...measured } of cells) {
      if (skipped !== null) continue;
      const key = JSON.stringify(axes.map((axis) => (axis.name === name ? '' : settings[axis.name])));
      const seen = others.get(key);
      compared ||= seen !== undefined;
      others.set(key, (seen ?? new Set()).add(JSON.stringify(measured)));
    }
    const inert = values.length > 1 && compared && [...others.values()].every((seen) => seen.size === 1);
    return inert ? [name] : [];
  });
}

type CsvColumn = readonly [name: string, value: (cell: Measures) => number | string | null | undefined];

const CSV_COLUMNS: readonly CsvColumn[] = [
  ['attacksPlanted', (cell) => cell.attacks.planted],
  ['attacksDetected', (cell) => cell.attacks.detected],
  ['attackRecall', (cell) => cell.attacks.recall],
  ['eventRecall', (cell) => cell.events.recall],
  ['rowPrecision', (cell) => cell.rows.precision],
  ['alertPrecision', (cell) => cell.alerts.precision],
  ['timeToDetectP50Ms', (cell) => cell.timeToDetectMs.p50],
  ['timeToDetectP90Ms', (cell) => cell.timeToDetectMs.p90],
  ['eventToGeneratedMs', (cell) => cell.timeToDetectPartsMs?.eventToGenerated],
  ['generatedToIngestedMs', (cell) => cell.timeToDetectPartsMs?.generatedToIngested],
  ['ingestedToFirstRunMs', (cell) => cell.timeToDetectPartsMs?.ingestedToFirstRun],
  ['firstRunToAlertMs', (cell) => cell.timeToDetectPartsMs?.firstRunToAlert],
  ['alertsPerDay', (cell) => cell.alertsPerDay],
  ['falseAlarmsPerDay', (cell) => cell.falseAlarmsPerDay],
  ['digest', (cell) => cell.digest],
];

/** RFC 4180 with `\n`: a header, then a line a cell. What is unmeasured, and all of a skipped cell, is empty. */
export function* sweepCsv({ axes, cells }: SweepReport): Generator<string> {
  const heads = ['asIs', 'frontier', 'skipped', ...CSV_COLUMNS.map(([name]) => name)];
  yield [...axes.map(({ name }) => name), ...heads].map(csvCell).join(',');
  for (const cell of cells) {
    const values = CSV_COLUMNS.map(([, value]) => (cell.skipped === null ? (value(cell) ?? '') : ''));
    const line = [
      ...axes.map(({ name }) => cell.settings[name]!),
      cell.asIs,
      cell.frontier,
      cell.skipped ?? '',
      ...values,
    ];
    yield line.map((value) => csvCell(String(value))).join(',');
  }
}
