/** Rules side by side: a table with a column a rule, and for each rule after the first a sentence that says who is better. */
import type picocolors from 'picocolors';
import { mcnemarExact } from '../score/statistics.ts';
import type { PairComparison, PlantedRef } from '../score/compare.ts';
import type { RuleScore } from '../score/score.ts';
import { fit, formatCount, formatDelay, formatNumber, formatRate, formatShare, wrap } from './format.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

export interface ComparisonReport extends PairComparison {
  /** The comparison in words; rules are called by the letters of {@link ruleLetter}. */
  readonly verdict: string;
}

type ComparedRule = RuleScore & { readonly file: string | null };

/** `A` to `Z`, then `#27`. */
export function ruleLetter(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : `#${index + 1}`;
}

export function comparisonReports(
  pairs: readonly PairComparison[],
  rules: readonly RuleScore[],
): readonly ComparisonReport[] {
  return pairs.map((pair) => ({ ...pair, verdict: verdictOf(pair, rules) }));
}

/** `p = 0.063`, `p < 0.001`; never rounded to the other side of the level. */
function formatP(p: number, level: number): string {
  if (p < 0.001 && level >= 0.001) return 'p < 0.001';
  let digits = 2;
  while (digits < 17 && Number(p.toPrecision(digits)) <= level !== p <= level) digits++;
  return `p = ${Number(p.toPrecision(digits))}`;
}

function verdictOf({ first, second, attacks, mcnemar }: PairComparison, rules: readonly RuleScore[]): string {
  const [a, b] = [ruleLetter(first), ruleLetter(second)];
  const [onlyA, onlyB] = [attacks.onlyFirst.length, attacks.onlySecond.length];
  const planted = rules[first]!.attacks.planted;
  const counted = (count: number) => formatNumber(count, 'attack');
  const noise = noiseOf(a, b, rules[first]!, rules[second]!);
  if (mcnemar.p === null) return `No attack was planted, so recall cannot tell ${a} and ${b} apart${noise}.`;
  if (onlyA + onlyB === 0) {
    return `${a} and ${b} catch the same ${formatCount(attacks.both)} of ${counted(planted)}${noise}.`;
  }
  const gains =
    onlyA === 0
      ? `${b} catches ${counted(onlyB)} that ${a} misses and loses none`
      : onlyB === 0
        ? `${b} misses ${counted(onlyA)} that ${a} catches and gains none`
        : `${b} catches ${counted(onlyB)} that ${a} misses and loses ${formatCount(onlyA)} that ${a} catches`;
  const doubt = mcnemar.significant
    ? 'significant'
    : onlyA === onlyB
      ? 'no difference'
      : `not yet significant with ${counted(planted)}${onlyA === 0 || onlyB === 0 ? ` (it takes ${needed(mcnemar.level)} all one way)` : ''}`;
  return `${gains}; ${formatP(mcnemar.p, mcnemar.level)}: ${doubt}${noise}.`;
}

/** How many discordant attacks, all one way, are the fewest that are significant. */
function needed(level: number): number {
  let count = 1;
  while (mcnemarExact(0, count) > level) count++;
  return count;
}

function noiseOf(a: string, b: string, first: RuleScore, second: RuleScore): string {
  const [before, after] = [first.falseAlarms.perDay, second.falseAlarms.perDay];
  if (before === null || after === null) return '';
  if (before === 0 && after === 0) return '. Neither raises a false alarm';
  if (before === after) return `. Both raise ${formatRate(before)} false alarms a day`;
  return `. ${b} raises ${after < before ? 'fewer' : 'more'} false alarms: ${formatRate(after)} a day where ${a} raises ${formatRate(before)}`;
}

const WIDTH = 80;
const LABEL_WIDTH = 26;
const CELL_WIDTH = 13;
/** Rules that stand beside each other in 80 columns. */
const ACROSS = 4;

/** Each measure of the table with its cell; Markdown shows the same. */
export const MEASURES: readonly (readonly [label: string, cell: (score: RuleScore) => string])[] = [
  ['attacks caught', ({ attacks }) => `${formatCount(attacks.detected)} of ${formatCount(attacks.planted)}`],
  ['attack recall', ({ attacks }) => orNone(attacks.recall, formatShare)],
  ['event recall', ({ events }) => orNone(events.recall, formatShare)],
  ['row precision', ({ rows }) => orNone(rows.precision, formatShare)],
  ['alert precision', ({ alerts }) => orNone(alerts.precision, formatShare)],
  ['incident precision', ({ incidents }) => orNone(incidents.precision, formatShare)],
  ['time to detect, p50', ({ timeToDetectMs }) => orNone(timeToDetectMs.p50, formatDelay)],
  ['time to detect, p90', ({ timeToDetectMs }) => orNone(timeToDetectMs.p90, formatDelay)],
  ['false alarms a day', ({ falseAlarms }) => orNone(falseAlarms.perDay, formatRate)],
  ['incidents a day', ({ incidents }) => orNone(incidents.perDay, formatRate)],
];

function orNone(value: number | null, format: (value: number) => string): string {
  return value === null ? 'n/a' : format(value);
}

/** The comparison as text in 80 columns; no trailing newline. */
export function comparisonText(
  rules: readonly ComparedRule[],
  comparison: readonly ComparisonReport[],
  colors: Colors,
): string {
  const blocks: string[] = [];
  for (let start = 0; start < rules.length; start += ACROSS) {
    const across = rules.slice(start, start + ACROSS);
    const cells = (texts: readonly string[]) => texts.map((text) => text.padStart(CELL_WIDTH)).join('');
    blocks.push(
      [
        colors.dim(`  ${''.padEnd(LABEL_WIDTH)}${cells(across.map((_, index) => ruleLetter(start + index)))}`),
        ...MEASURES.map(([label, cell]) => `  ${label.padEnd(LABEL_WIDTH)}${cells(across.map(cell))}`),
      ].join('\n'),
    );
  }
  return [
    [
      colors.bold('Side by side'),
      ...rules.map(({ file, rule }, index) => `  ${ruleLetter(index)}  ${fit(file ?? rule, WIDTH - 5).trimEnd()}`),
    ].join('\n'),
    ...blocks,
    ...comparison.map((pair) => pairText(pair, colors)),
  ].join('\n\n');
}

/** Kinds that a list names. */
const MAX_KINDS = 8;

function pairText(pair: ComparisonReport, colors: Colors): string {
  const [a, b] = [ruleLetter(pair.first), ruleLetter(pair.second)];
  return [
    ...wrap(pair.verdict, WIDTH - 2).map((line) => `  ${colors.bold(line)}`),
    ...kinds(`only ${a} catches`, pair.attacks.onlyFirst, colors),
    ...kinds(`only ${b} catches`, pair.attacks.onlySecond, colors),
    ...kinds(`only ${a} rings for, benign`, pair.lookalikes.onlyFirst, colors),
    ...kinds(`only ${b} rings for, benign`, pair.lookalikes.onlySecond, colors),
    ...wrap(accountDaysText(pair), WIDTH - 2).map((line) => `  ${line}`),
  ].join('\n');
}

/** Whom false alarms name, in words. */
export function accountDaysText({ first, second, falseAlarms }: PairComparison): string {
  const { both, onlyFirst, onlySecond, unmeasured } = falseAlarms;
  if (both === null || onlyFirst === null || onlySecond === null) {
    return `Whom false alarms name is unmeasured: ${unmeasured}.`;
  }
  return (
    `False alarms name ${formatNumber(both, 'account-day')} in both rules, ` +
    `${formatCount(onlyFirst)} in ${ruleLetter(first)} alone and ${formatCount(onlySecond)} in ${ruleLetter(second)} alone.`
  );
}

/** How many of each chain and variant, the most first. */
export function countKinds(planted: readonly PlantedRef[]): readonly (readonly [kind: string, count: number])[] {
  const counts = new Map<string, number>();
  for (const { scenario, variant } of planted) {
    const kind = `${scenario}, ${variant}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

function kinds(heading: string, planted: readonly PlantedRef[], colors: Colors): string[] {
  if (planted.length === 0) return [];
  const counted = countKinds(planted);
  return [
    colors.dim(`  ${heading}`),
    ...counted
      .slice(0, MAX_KINDS)
      .map(([kind, count]) => `  ${formatCount(count).padStart(6)}  ${fit(kind, WIDTH - 10).trimEnd()}`),
    ...(counted.length > MAX_KINDS ? [colors.dim(`          and ${counted.length - MAX_KINDS} more kinds`)] : []),
  ];
}
