/** The one thing that is most worth doing after a score, as a sentence and, where there is one, a command. */
import type { TruthIncident } from '../dataset/truth.ts';
import type { RuleScore, ScenarioScore } from '../score/score.ts';
import { formatCount, formatNumber } from './format.ts';

export interface NextStep {
  readonly advice: string;
  readonly command?: string;
}

/** What can be named in a command. */
export interface Surroundings {
  /** Where the dataset stays; undefined where it is thrown away after the run. */
  readonly dataset: string | undefined;
  /** Undefined where only the alerts were given. */
  readonly ruleFile: string | undefined;
  readonly truth: readonly TruthIncident[];
}

/** From the most to the least pressing: nothing to measure, nothing returned, attacks missed, false alarms, nothing wrong. */
export function nextStep(score: RuleScore, surroundings: Surroundings): NextStep {
  const { ruleFile } = surroundings;
  if (score.attacks.planted === 0) {
    return { advice: 'nothing was planted, so recall is unknown: choose a scenario that has attacks' };
  }
  if (score.rows.returned === 0) {
    const advice = 'the rule returned nothing at all: see what it asks for';
    return ruleFile === undefined ? { advice } : { advice, command: `tocsin explain ${quote(ruleFile)}` };
  }
  if (score.alerts.raised === 0) {
    return { advice: 'the rule returned rows but raised no alert: look at triggerOperator and triggerThreshold' };
  }
  const worst = score.perScenario.toSorted((a, b) => b.missed.length - a.missed.length)[0]!;
  if (worst.missed.length > 0) return lookAtMiss(worst, surroundings);
  if (score.alerts.falsePositive > 0 || score.rows.falsePositive > 0) return quieten(score);
  return { advice: 'every attack rang and nothing else did: try it on the variants that evade rules' };
}

function lookAtMiss(chain: ScenarioScore, { truth, dataset, ruleFile }: Surroundings): NextStep {
  const missed = chain.missed.length;
  const share =
    missed === chain.attacks.planted
      ? missed === 1
        ? 'the only'
        : `all ${missed}`
      : `${missed} of ${chain.attacks.planted}`;
  const sentences = [
    `${share} ${chain.scenario} attack${chain.attacks.planted === 1 ? '' : 's'} ${missed === 1 ? 'was' : 'were'} missed.`,
  ];
  const attack = truth.find((incident) => incident.id === chain.missed[0]);
  const act = attack?.events.find((event) => event.role === 'malicious');
  if (attack && act) sentences.push(`One of them (${attack.id}): ${act.operation} by ${act.account}.`);
  sentences.push(
    dataset === undefined
      ? 'Keep the tenant with --out DIR, then ask which clause lost them:'
      : 'Ask which clause lost them:',
  );
  return {
    advice: sentences.join(' '),
    command: `tocsin why ${quote(dataset ?? 'DIR')} --rule ${quote(ruleFile ?? 'FILE')}`,
  };
}

function quieten(score: RuleScore): NextStep {
  const { rows } = score.falseAlarms;
  const noisiest = score.perLookalike.toSorted((a, b) => b.rows - a.rows)[0];
  if (noisiest && noisiest.rows > 0 && noisiest.rows >= rows.background) {
    return {
      advice: `every attack rang; most of the noise is ${noisiest.lookalike} (${formatNumber(noisiest.rows, 'row')}): tell it apart in the query`,
    };
  }
  return {
    advice: `every attack rang, but ${formatCount(rows.background)} of ${formatCount(score.rows.unique)} rows are everyday activity: narrow the query`,
  };
}

/** A word for a POSIX shell, quoted only where it must be. */
function quote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
