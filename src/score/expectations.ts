/**
 * What a rule is expected to reach, written as `recall >= 0.9`: a measure of the score, an operator and a value. The
 * measures are named here, with their units and which way is better; baselines use the same names. What was not measured
 * meets no expectation: nothing planted must never pass for everything caught.
 */
import { nearestName, type Position, type Problem, TocsinError } from '../base/errors.ts';
import type { RuleScore } from './score.ts';
import type { Interval, Recall } from './statistics.ts';

/** `share` is from 0 to 1; a `duration` is in milliseconds; a `rate` is a number a day. */
export type Unit = 'share' | 'rate' | 'count' | 'duration';

/** A value, or null with the reason why there is none. */
interface Measurement {
  readonly value: number | null;
  readonly unmeasured?: string | undefined;
}

export interface Metric {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'higher' | 'lower';
  readonly measure: (score: RuleScore) => Measurement;
}

/** What a scenario may plant, so that an expectation of something else is a mistake. */
export interface PlantedNames {
  /** The variants of each chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly lookalikes: readonly string[];
}

/** An expectation as it was written. */
export interface ExpectationSource {
  readonly text: string;
  /** Where `text` begins. */
  readonly position: Position;
  /** The line of the file that `position` is in. */
  readonly line: string;
}

export type Operator = '>=' | '<=' | '>' | '<' | '==' | '!=';

export interface Expectation {
  readonly text: string;
  readonly position: Position;
  readonly metric: Metric;
  readonly operator: Operator;
  /** In the metric's unit. */
  readonly value: number;
}

export interface ExpectationResult {
  readonly expectation: string;
  readonly metric: string;
  readonly unit: Unit;
  readonly holds: boolean;
  /** In the metric's unit; null where it was not measured. */
  readonly measured: number | null;
  readonly unmeasured?: string;
  readonly position: Position;
}

const OPERATORS: Readonly<Record<Operator, (measured: number, value: number) => boolean>> = {
  '>=': (measured, value) => measured >= value,
  '<=': (measured, value) => measured <= value,
  '>': (measured, value) => measured > value,
  '<': (measured, value) => measured < value,
  '==': (measured, value) => measured === value,
  '!=': (measured, value) => measured !== value,
};

type Share = { readonly interval: Interval; readonly unmeasured?: string };

/** A share, and the ends of its interval. */
function shareMetrics(name: string, of: (score: RuleScore) => Share & { readonly share: number | null }): Metric[] {
  const metric = (suffix: string, value: (share: ReturnType<typeof of>) => number | null): Metric => ({
    name: name + suffix,
    unit: 'share',
    better: 'higher',
    measure: (score) => {
      const share = of(score);
      return { value: value(share), unmeasured: share.unmeasured };
    },
  });
  return [
    metric('', ({ share }) => share),
    metric('.low', ({ interval }) => interval?.[0] ?? null),
    metric('.high', ({ interval }) => interval?.[1] ?? null),
  ];
}

function fewer(name: string, unit: Unit, measure: (score: RuleScore) => Measurement): Metric {
  return { name, unit, better: 'lower', measure };
}

const byRecall = (recall: Recall) => ({ ...recall, share: recall.recall });
const byPrecision = (score: Share & { readonly precision: number | null }) => ({ ...score, share: score.precision });

const FIXED: readonly Metric[] = [
  ...shareMetrics('recall', ({ attacks }) => byRecall(attacks)),
  ...shareMetrics('attacks.recall', ({ attacks }) => byRecall(attacks)),
  ...shareMetrics('events.recall', ({ events }) => byRecall(events)),
  ...shareMetrics('rows.recall', ({ rows }) => byRecall(rows.attacks)),
  ...shareMetrics('incidents.recall', ({ incidents }) => byRecall(incidents.attacks)),
  ...shareMetrics('precision', ({ alerts }) => byPrecision(alerts)),
  ...shareMetrics('alerts.precision', ({ alerts }) => byPrecision(alerts)),
  ...shareMetrics('rows.precision', ({ rows }) => byPrecision(rows)),
  ...shareMetrics('incidents.precision', ({ incidents }) => byPrecision(incidents)),
  ...(['p50', 'p90', 'max'] as const).map((part) =>
    fewer(`timeToDetect.${part}`, 'duration', ({ timeToDetectMs }) => ({
      value: timeToDetectMs[part],
      unmeasured: timeToDetectMs.unmeasured,
    })),
  ),
  fewer('missed', 'count', ({ attacks }) =>
    attacks.planted === 0
      ? { value: null, unmeasured: attacks.unmeasured }
      : { value: attacks.planted - attacks.detected },
  ),
  fewer('falseAlarms', 'count', ({ falseAlarms }) => ({ value: falseAlarms.alerts })),
  fewer('falseAlarmsPerDay', 'rate', ({ falseAlarms }) => ({
    value: falseAlarms.perDay,
    unmeasured: falseAlarms.unmeasured,
  })),
  fewer('falseAlarmsPerThousandUsersPerDay', 'rate', ({ falseAlarms }) => ({
    value: falseAlarms.perThousandUsersPerDay,
    unmeasured: falseAlarms.unmeasured,
  })),
  fewer('alerts', 'count', ({ alerts }) => ({ value: alerts.raised })),
  fewer('incidents', 'count', ({ incidents }) => ({ value: incidents.opened })),
  fewer('incidentsPerDay', 'rate', ({ incidents }) => ({
    value: incidents.perDay,
    unmeasured: 'the dataset covers no time',
  })),
];

const FIXED_BY_NAME: ReadonlyMap<string, Metric> = new Map(FIXED.map((metric) => [metric.name, metric]));

const ATTACK_PARTS = ['recall', 'recall.low', 'recall.high', 'missed'];
const DELAY_PARTS = ['timeToDetect.p50', 'timeToDetect.p90', 'timeToDetect.max'];
const LOOKALIKE_PARTS = ['share', 'alerts'];

/** Every name that means something in a scenario. */
export function metricNames({ chains, lookalikes }: PlantedNames): string[] {
  const variants = new Set([...chains.values()].flat());
  return [
    ...FIXED_BY_NAME.keys(),
    ...[...variants].flatMap((variant) => ATTACK_PARTS.map((part) => `attacks.${variant}.${part}`)),
    ...[...chains].flatMap(([chain, own]) => [
      ...[...ATTACK_PARTS, ...DELAY_PARTS].map((part) => `attacks.${chain}.${part}`),
      ...own.flatMap((variant) => ATTACK_PARTS.map((part) => `attacks.${chain}.${variant}.${part}`)),
    ]),
    ...lookalikes.flatMap((kind) => LOOKALIKE_PARTS.map((part) => `lookalikes.${kind}.${part}`)),
  ];
}

/**
 * The metric of a name: one of the fixed ones, `attacks.NAME.recall` for a chain or a variant, `attacks.CHAIN.VARIANT.recall`,
 * `attacks.CHAIN.timeToDetect.p90`, `lookalikes.KIND.share`. Undefined where the name means nothing in the scenario.
 */
export function metricNamed(name: string, planted: PlantedNames): Metric | undefined {
  const fixed = FIXED_BY_NAME.get(name);
  if (fixed) return fixed;
  const [group = '', first = '', ...rest] = name.split('.');
  if (group === 'lookalikes')
    return planted.lookalikes.includes(first) ? lookalikeMetric(name, first, rest) : undefined;
  if (group !== 'attacks') return undefined;
  const chainVariants = planted.chains.get(first);
  if (chainVariants) {
    const [second = '', ...last] = rest;
    if (chainVariants.includes(second)) {
      return attackMetric(
        name,
        last.join('.'),
        (score) =>
          score.perScenario
            .find(({ scenario }) => scenario === first)
            ?.perVariant.find(({ variant }) => variant === second)?.attacks,
      );
    }
    const part = rest.join('.');
    if (DELAY_PARTS.includes(part)) {
      const percentile = last[0] as 'p50' | 'p90' | 'max';
      return fewer(name, 'duration', (score) => {
        const delays = score.perScenario.find(({ scenario }) => scenario === first)?.timeToDetectMs;
        return delays
          ? { value: delays[percentile], unmeasured: delays.unmeasured }
          : { value: null, unmeasured: NONE_PLANTED };
      });
    }
    return attackMetric(name, part, (score) => score.perScenario.find(({ scenario }) => scenario === first)?.attacks);
  }
  if (![...planted.chains.values()].some((variants) => variants.includes(first))) return undefined;
  return attackMetric(
    name,
    rest.join('.'),
    (score) => score.perVariant.find(({ variant }) => variant === first)?.attacks,
  );
}

const NONE_PLANTED = 'none of these was planted';

function attackMetric(
  name: string,
  part: string,
  recallOf: (score: RuleScore) => Recall | undefined,
): Metric | undefined {
  const none: Recall = { planted: 0, detected: 0, recall: null, interval: null, unmeasured: NONE_PLANTED };
  if (part === 'missed') {
    return fewer(name, 'count', (score) => {
      const { planted, detected } = recallOf(score) ?? none;
      return planted === 0 ? { value: null, unmeasured: NONE_PLANTED } : { value: planted - detected };
    });
  }
  const base = name.slice(0, name.length - part.length);
  return shareMetrics(`${base}recall`, (score) => byRecall(recallOf(score) ?? none)).find(
    (metric) => metric.name === name,
  );
}

function lookalikeMetric(name: string, kind: string, [part, ...rest]: readonly string[]): Metric | undefined {
  if ((part !== 'share' && part !== 'alerts') || rest.length > 0) return undefined;
  return fewer(name, part === 'share' ? 'share' : 'count', (score) => {
    const own = score.perLookalike.find(({ lookalike }) => lookalike === kind);
    return own ? { value: own[part] } : { value: null, unmeasured: NONE_PLANTED };
  });
}

/**
 * Reads expectations.
 *
 * @param code - of the error where some are wrong.
 * @throws {@link TocsinError} with every fault at its position, the nearest known name beside an unknown one.
 */
export function parseExpectations(
  sources: readonly ExpectationSource[],
  planted: PlantedNames,
  code: 'USAGE' | 'SCENARIO',
): Expectation[] {
  const parsed = sources.map((source) => parseExpectation(source, planted));
  const problems = parsed.filter((each): each is Problem => 'message' in each);
  if (problems.length > 0) throw new TocsinError(code, problems);
  return parsed as Expectation[];
}

/** One expectation, or what is wrong with it. */
export function parseExpectation(source: ExpectationSource, planted: PlantedNames): Expectation | Problem {
  const { text, position, line } = source;
  const fault = (at: number, length: number, message: string, hint?: string): Problem => ({
    message,
    position: { ...position, column: position.column + at },
    excerpt: { line, length: Math.max(1, length) },
    ...(hint !== undefined && { hint }),
  });
  const lead = /^\s*/.exec(text)![0].length;
  const [name] = /^[^\s<>=!]*/.exec(text.slice(lead))!;
  const metric = metricNamed(name, planted);
  if (!metric) {
    return name === ''
      ? fault(lead, text.length - lead, `expected a measure, ${FORM}`)
      : fault(lead, name.length, `unknown measure "${name}"`, nameHint(name, planted));
  }
  const afterName = lead + name.length;
  const operatorAt = afterName + /^\s*/.exec(text.slice(afterName))![0].length;
  const [found] = /^[<>=!]*/.exec(text.slice(operatorAt))!;
  if (!Object.hasOwn(OPERATORS, found)) {
    return found === ''
      ? fault(
          operatorAt,
          1,
          `expected an operator after "${name}", ${FORM}`,
          `one of ${Object.keys(OPERATORS).join(' ')}`,
        )
      : fault(
          operatorAt,
          found.length,
          `unknown operator "${found}"`,
          found === '=' || found === '===' ? 'did you mean "=="?' : `one of ${Object.keys(OPERATORS).join(' ')}`,
        );
  }
  const afterOperator = operatorAt + found.length;
  const valueAt = afterOperator + /^\s*/.exec(text.slice(afterOperator))![0].length;
  const valueText = text.slice(valueAt).trimEnd();
  const value = parseValue(valueText, metric.unit);
  if (typeof value !== 'number') {
    return fault(valueAt, valueText.length, `${name}: found "${valueText}", expected ${value.expected}`, value.hint);
  }
  return { text: text.trim(), position, metric, operator: found as Operator, value };
}

const FORM = 'as in "recall >= 0.9"';

/** Names of the scenario that a hint lists. */
const LISTED = 12;

/** The nearest known name, or where the names are. */
export function nameHint(name: string, planted: PlantedNames): string {
  const [group = '', first = '', ...rest] = name.split('.');
  const known =
    group === 'attacks'
      ? [...new Set([...planted.chains].flatMap(([chain, variants]) => [chain, ...variants]))].sort()
      : group === 'lookalikes'
        ? [...planted.lookalikes].sort()
        : undefined;
  if (known && rest.length > 0 && !known.includes(first)) {
    const nearest = nearestName(first, known);
    if (nearest !== undefined) return `did you mean "${[group, nearest, ...rest].join('.')}"?`;
    if (known.length === 0) return `the scenario plants no ${group}`;
    const more = known.length > LISTED ? ` and ${known.length - LISTED} more` : '';
    return `the scenario plants ${known.slice(0, LISTED).join(', ')}${more}`;
  }
  const names = metricNames(planted);
  const nearest = nearestName(name, names) ?? names.find((each) => each.startsWith(`${name}.`));
  return nearest === undefined ? 'docs/ci.md lists the measures' : `did you mean "${nearest}"?`;
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A value in the unit's own measure, or what was expected. */
export function parseValue(text: string, unit: Unit): number | { readonly expected: string; readonly hint?: string } {
  const number = /^(\d+(?:\.\d+)?)$/.exec(text);
  if (unit === 'duration') {
    if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/.test(text)) {
      return {
        expected: 'a time such as 90s, 60m or 1h30m',
        ...(number && { hint: `a time needs its unit: "${text}m"?` }),
      };
    }
    let total = 0;
    for (const [, count, suffix] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
      total += Number(count) * MS_BY_UNIT[suffix!]!;
    }
    return total;
  }
  if (unit !== 'share') {
    return number
      ? Number(text)
      : { expected: unit === 'rate' ? 'a number a day such as 5 or 0.5' : 'a number such as 5' };
  }
  const percent = /^(\d+(?:\.\d+)?) ?%$/.exec(text);
  // By the decimal text, so that 90 % is the same number as 0.9.
  const share = percent ? Number(`${percent[1]}e-2`) : number ? Number(text) : Number.NaN;
  if (share >= 0 && share <= 1) return share;
  return {
    expected: 'a share from 0 to 1, or from 0 % to 100 %',
    ...(number && Number(text) <= 100 && { hint: `did you mean ${text}%?` }),
  };
}

/** Whether a score meets an expectation, with what was measured. */
export function checkExpectation(
  { text, position, metric, operator, value }: Expectation,
  score: RuleScore,
): ExpectationResult {
  const measurement = metric.measure(score);
  const measured = measurement.value;
  return {
    expectation: text,
    metric: metric.name,
    unit: metric.unit,
    holds: measured !== null && OPERATORS[operator](measured, value),
    measured,
    ...(measured === null && { unmeasured: measurement.unmeasured ?? 'it was not measured' }),
    position,
  };
}
