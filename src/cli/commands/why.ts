/** `tocsin why`: the clause of a rule that lost an event, and what its false alarms are. */
import { openDataset } from '../../dataset/read.ts';
import { type TableFiles, tablesFromFiles } from '../../query/files.ts';
import { compileRule } from '../../rules/compile.ts';
import { noisiest, precisionAtBaseRate } from '../../score/noise.ts';
import { scoreIntent } from '../../score/intent.ts';
import { score } from '../../score/score.ts';
import { groupByClause } from '../../why/explanation.ts';
import { noiseText } from '../../report/noise.ts';
import { explanationText, lossesText, type Planted } from '../../report/why.ts';
import { missedEvents, whyNot } from '../../why/why.ts';
import { judge } from '../score-replays.ts';
import type { Terminal } from '../terminal.ts';
import { howToReplay, timedReplay } from './replay.ts';

export interface WhyFlags extends TableFiles {
  readonly rule: string;
  readonly event?: readonly string[];
  readonly falseAlarms?: boolean;
  /** Attacks a week among 1,000 users. */
  readonly baseRate: number;
  readonly threads?: number;
}

export async function why(location: string, flags: WhyFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const dataset = await openDataset(location);
  const compiled = compileRule(flags.rule, { ...tablesFromFiles(flags), dataset });
  const truth = await dataset.truth();
  const planted = new Map<string, Planted>();
  for (const { id, title, events } of truth) {
    for (const { id: event, account, operation } of events)
      planted.set(event, { incident: id, title, account, operation });
  }
  if (flags.falseAlarms) {
    const replay = await timedReplay(dataset, flags.rule, compiled, howToReplay(flags, dataset), terminal, signal);
    const { result } = replay;
    const ruleScore = score(result, compiled.rule.name, truth, dataset.manifest);
    const noise = noisiest(result, compiled.rule, truth);
    const intended = await judge(replay, dataset, signal);
    const intent = intended && scoreIntent(result, truth, intended);
    const precision = precisionAtBaseRate(ruleScore, flags.baseRate);
    const { falseAlarms, perLookalike } = ruleScore;
    const report = {
      schema: 'tocsin.false-alarms/1',
      rule: compiled.rule.name,
      file: flags.rule,
      falseAlarms,
      perLookalike,
      ...(intent && { intent }),
      baseRate: { attacksPerThousandUsersPerWeek: flags.baseRate, precision },
      ...noise,
    };
    await terminal.result(
      terminal.json ? JSON.stringify(report) : noiseText(noise, ruleScore, flags.baseRate, precision, intent),
    );
    return;
  }
  const asked = flags.event;
  const replay = asked
    ? undefined
    : (await timedReplay(dataset, flags.rule, compiled, howToReplay(flags, dataset), terminal, signal)).result;
  const events = asked ?? missedEvents(replay!, truth);
  const progress = await terminal.progress('explaining', 'events');
  const explanations = await whyNot(dataset, compiled, events, {
    signal,
    ...(flags.threads !== undefined && { threads: flags.threads }),
    ...(replay && { replay }),
    onProgress: (done, total) => progress.update(done, total),
  });
  progress.stop();
  const plantedOf = (event: string): Planted | undefined => planted.get(event);
  if (terminal.json) {
    await terminal.result(
      JSON.stringify({
        schema: 'tocsin.why/1',
        rule: compiled.rule.name,
        file: flags.rule,
        clauses: groupByClause(explanations, (event) => plantedOf(event)?.incident),
        explanations,
      }),
    );
  } else if (asked) {
    await terminal.result(explanations.map((one) => explanationText(one, terminal.columns, plantedOf)).join('\n\n'));
  } else if (explanations.length === 0) {
    await terminal.result('an alert contains every malicious event');
  } else {
    const lost = new Set(events);
    const missed = truth.filter(({ kind, events: all }) => {
      const own = all.filter(({ role }) => role === 'malicious');
      return kind === 'attack' && own.length > 0 && own.every(({ id }) => lost.has(id));
    }).length;
    await terminal.result(lossesText(explanations, terminal.columns, plantedOf, missed));
  }
}
