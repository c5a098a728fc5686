/** Expectations and baselines in words: one line each, with a mark that says the same as its colour. */
import type picocolors from 'picocolors';
import type { BaselineComparison, MetricChange } from '../score/baseline.ts';
import type { ExpectationResult, Unit } from '../score/expectations.ts';
import { fit, formatNumber, wrap } from './format.ts';
import type { RuleReport } from './json.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

const WIDTH = 80;
const NAME_WIDTH = 44;

/** Exactly what was measured, so that it never looks equal to a bound that it missed: `0.4286`, `22.57`, `1h 3m`. */
export function formatMeasured(value: number, unit: Unit): string {
  if (unit !== 'duration')
    return String(Number(value.toFixed(4)) === value ? value : value.toPrecision(value < 1 ? 4 : 6));
  if (value === 0) return '0s';
  // Tenths of a second are enough beside minutes, but not to tell 1h from a little more.
  const rounded = value < 60_000 ? value : Math.round(value / 100) * 100;
  let rest = rounded % 60_000 === 0 ? value : rounded;
  const parts: string[] = [];
  for (const [suffix, ms] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ] as const) {
    const tenths = suffix === 's' && rest % 100 === 0 && value >= 60_000;
    const count = suffix === 'ms' ? Number(rest.toFixed(4)) : tenths ? rest / ms : Math.floor(rest / ms);
    rest -= count * ms;
    if (count > 0) parts.push(`${count}${suffix}`);
  }
  return parts.join(' ');
}

/** `0.4286`, or `unmeasured: no attack was planted`. */
export function measuredText({ measured, unit, unmeasured }: ExpectationResult): string {
  return measured === null ? `unmeasured: ${unmeasured}` : formatMeasured(measured, unit);
}

/** `0.93 -> 0.86, tolerance 0.02`. */
export function changeText({ before, now, unit, tolerance }: MetricChange): string {
  const part = (value: number | null) => (value === null ? 'unmeasured' : formatMeasured(value, unit));
  const values = before === now ? `${part(now)}, as before` : `${part(before)} -> ${part(now)}`;
  return tolerance === null ? values : `${values}, tolerance ${tolerance}`;
}

/** How a rule did against what was expected of it; undefined where nothing was. No trailing newline. */
export function expectationsText(rule: RuleReport, colors: Colors): string | undefined {
  const { expectations = [], baseline } = rule;
  if (expectations.length === 0 && baseline === undefined) return undefined;
  const tick = (holds: boolean) => (holds ? colors.green('✓') : colors.red('✗'));
  return [
    `  ${fit(rule.file ?? rule.rule, WIDTH - 2).trimEnd()}`,
    ...expectations.flatMap((each) => lines(tick(each.holds), each.expectation, measuredText(each))),
    ...(baseline === undefined ? [] : baselineLines(baseline, tick, colors)),
  ].join('\n');
}

/** A name with its value beside it, or below where they do not fit. @param mark - one character, perhaps in colour. */
function lines(mark: string, name: string, value: string): string[] {
  if (name.length <= NAME_WIDTH && 6 + NAME_WIDTH + 2 + value.length <= WIDTH) {
    return [`    ${mark} ${fit(name, NAME_WIDTH)}  ${value}`];
  }
  const [first, ...rest] = wrap(name, WIDTH - 6);
  return [
    `    ${mark} ${first}`,
    ...rest.map((text) => `      ${text}`),
    ...wrap(value, WIDTH - 10).map((text) => `          ${text}`),
  ];
}

function baselineLines(
  baseline: BaselineComparison | null,
  tick: (holds: boolean) => string,
  colors: Colors,
): string[] {
  if (baseline === null) return [colors.dim('    against the baseline: it does not hold this rule')];
  const { changes, lost, gained } = baseline;
  return [
    colors.dim('    against the baseline'),
    ...changes.flatMap((change) =>
      lines(change.tolerance === null ? ' ' : tick(!change.regressed), change.metric, changeText(change)),
    ),
    ...listed('newly missed: ', lost),
    ...listed('newly caught: ', gained),
  ];
}

function listed(lead: string, ids: readonly string[]): string[] {
  return ids.length === 0 ? [] : wrap(lead + namedIds(ids), WIDTH - 6).map((text) => `      ${text}`);
}

/** Ids that a list names. */
const NAMED = 10;

/** `a, b and 3 more`. */
export function namedIds(ids: readonly string[]): string {
  return `${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''}`;
}

/** What was not met, one sentence each: expectations, then regressions. Empty where all is well. */
export function failuresOf(
  rule: RuleReport,
): { readonly title: string; readonly message: string; readonly expectation?: ExpectationResult }[] {
  const { expectations = [], baseline } = rule;
  return [
    ...expectations
      .filter(({ holds }) => !holds)
      .map((expectation) => ({
        title: 'Expectation failed',
        message: `${expectation.expectation}: ${expectation.measured === null ? '' : 'measured '}${measuredText(expectation)}`,
        expectation,
      })),
    ...(baseline?.changes ?? [])
      .filter(({ regressed }) => regressed)
      .map((change) => ({
        title: 'Worse than the baseline',
        message: `${change.metric}: ${changeText(change)}${change.metric === 'recall' && baseline!.lost.length > 0 ? `; newly missed: ${namedIds(baseline!.lost)}` : ''}`,
      })),
  ];
}

/** `2 of 5 expectations failed`, `1 measure is worse than in the baseline`; undefined where all is well. */
export function failureSummary({ expectations = [], baseline }: RuleReport): string | undefined {
  const failed = expectations.filter(({ holds }) => !holds).length;
  const worse = baseline?.changes.filter(({ regressed }) => regressed).length ?? 0;
  const parts = [
    ...(failed > 0 ? [`${failed} of ${formatNumber(expectations.length, 'expectation')} failed`] : []),
    ...(worse > 0
      ? [`${formatNumber(worse, 'measure')} ${worse === 1 ? 'is' : 'are'} worse than in the baseline`]
      : []),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}
