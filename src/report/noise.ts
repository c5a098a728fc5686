/** The false alarms of a rule as a person reads them. */
import type { Noise } from '../score/noise.ts';
import type { RuleScore } from '../score/score.ts';
import { fit, formatCount, formatNumber, formatRate, formatShare } from './format.ts';

const NAME_WIDTH = 48;

/** @param baseRate - attacks a week among 1,000 users; @param precision - of alerts at that rate. No trailing newline. */
export function noiseText(
  noise: Noise,
  { falseAlarms }: Pick<RuleScore, 'falseAlarms'>,
  baseRate: number,
  precision: number | null,
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
    ...(precision === null
      ? []
      : [
          `at a base rate of ${formatRate(baseRate)} attacks a week per 1,000 users, ${formatShare(precision)} of alerts would be true`,
        ]),
  ];
  for (const { column, shownAs, distinct, values } of noise.columns) {
    if (values.length === 0) continue;
    const name = shownAs === column ? column : `${column} (${shownAs})`;
    lines.push('', `${fit(name, NAME_WIDTH)}${formatNumber(distinct, 'value').padStart(16)}`);
    for (const { value, rows, share } of values) {
      lines.push(
        `  ${fit(value === '' ? '(empty)' : value, NAME_WIDTH - 2)}${formatNumber(rows, 'row').padStart(16)}${formatShare(share).padStart(9)}`,
      );
    }
  }
  return lines.join('\n');
}
