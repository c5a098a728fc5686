/** The false alarms of a rule as a person reads them. */
import type { IntentScore } from '../score/intent.ts';
import type { Noise } from '../score/noise.ts';
import type { RuleScore } from '../score/score.ts';
import { fit, formatCount, formatNumber, formatRate, formatShare, wrap } from './format.ts';

const WIDTH = 80;
const NAME_WIDTH = 48;

/**
 * No trailing newline.
 *
 * @param baseRate - attacks a week among 1,000 users. @param precision - of alerts at that rate.
 * @param intent - absent where none is known.
 */
export function noiseText(
  noise: Noise,
  { falseAlarms, perLookalike }: Pick<RuleScore, 'falseAlarms' | 'perLookalike'>,
  baseRate: number,
  precision: number | null,
  intent?: IntentScore,
): string {
  const { perDay, perThousandUsersPerDay } = falseAlarms;
  const rates = [
    formatNumber(falseAlarms.alerts, 'false alarm'),
    ...(perDay === null ? [] : [`${formatRate(perDay)} a day`]),
    ...(perThousandUsersPerDay === null ? [] : [`${formatRate(perThousandUsersPerDay)} a day per 1,000 users`]),
  ].join(', ');
  const lines = [
    rates,
    `${formatCount(noise.falsePositive)} of ${formatCount(noise.unique)} unique rows have nothing malicious behind them`,
    ...(intent && noise.falsePositive > 0 ? wrap(meantText(intent), WIDTH) : []),
    ...(precision === null
      ? []
      : wrap(
          `at a base rate of ${formatRate(baseRate)} attack${baseRate === 1 ? '' : 's'} a week per 1,000 users, ${formatShare(precision)} of alerts would be true`,
          WIDTH,
        )),
  ];
  const { supporting, background } = falseAlarms.rows;
  const line = (name: string, rows: number): string =>
    `  ${fit(name, NAME_WIDTH - 2)}${formatNumber(rows, 'row').padStart(16)}${formatShare(rows / noise.falsePositive).padStart(9)}`;
  if (noise.falsePositive > 0) {
    lines.push(
      '',
      'what stands behind them',
      ...perLookalike
        .filter(({ rows }) => rows > 0)
        .toSorted((a, b) => b.rows - a.rows)
        .map(({ lookalike, rows }) => line(lookalike, rows)),
      ...(supporting > 0 ? [line("an attacker's other acts", supporting)] : []),
      line('everyday activity', background),
    );
  }
  for (const { column, shownAs, distinct, values } of noise.columns) {
    if (values.length === 0) continue;
    const name = shownAs === column ? column : `${column} (${shownAs})`;
    lines.push('', `${fit(name, NAME_WIDTH)}${formatNumber(distinct, 'value').padStart(16)}`);
    lines.push(...values.map(({ value, rows }) => line(value === '' ? '(empty)' : value, rows)));
  }
  return lines.join('\n');
}

/** How much of the noise the idea of the rule makes, however the rule is written. */
export function meantText({ falseRows: { meant, notMeant } }: IntentScore): string {
  const all = meant + notMeant;
  const share = all === 0 ? '' : ` (${formatShare(meant / all)})`;
  return `${formatCount(meant)} of them${share} are what its author meant to catch: an act at most an hour after a silent sign-in of the same account`;
}
