import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import picocolors from 'picocolors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TruthIncident } from '../../../src/dataset/truth.ts';
import { replay } from '../../../src/replay/replay.ts';
import { sweepCsv, sweepReport, type SweepReport, sweepText } from '../../../src/report/sweep.ts';
import { compileRule, type RuleChange } from '../../../src/rules/compile.ts';
import { score } from '../../../src/score/score.ts';
import { readAxes } from '../../../src/sweep/axes.ts';
import { frontierOf, sweep, type Sweep, type SweptScore } from '../../../src/sweep/sweep.ts';
import { generated, type Generated } from '../../support/generated.ts';

const FILE = 'rules/ni-auth-privileged-audit-actions.yaml';
const TEXT = readFileSync(FILE, 'utf8');
const RULE = compileRule(FILE);

let data: Generated;
let truth: readonly TruthIncident[];
let swept: Sweep;

function scoreIn({ result }: Sweep['cells'][number]): SweptScore {
  if ('skipped' in result) throw new Error(`skipped: ${result.skipped}`);
  return result;
}

function editOf(text: string, put: string): RuleChange {
  const start = RULE.rule.query.indexOf(text);
  return { fields: {}, edits: [{ start, end: start + text.length, text: put }] };
}

beforeAll(async () => {
  data = await generated('contoso-2k', { users: 60, days: 1, seed: 3 });
  truth = await data.dataset.truth();
  const axes = readAxes(['60m=10m,60m', 'queryPeriod+2h#all=30m,2h,4h', 'triggerThreshold=0'], RULE);
  swept = await sweep(data.dataset, RULE, axes, truth, { threads: 0 });
});
afterAll(() => data.remove());

describe('a sweep', () => {
  test('has a cell for every combination, the last axis fastest', () => {
    expect(swept.cells.map(({ values }) => values.join(' '))).toEqual([
      '10m 30m 0',
      '10m 2h 0',
      '10m 4h 0',
      '60m 30m 0',
      '60m 2h 0',
      '60m 4h 0',
    ]);
  });

  test('scores a cell as the rule file edited by hand is scored', async () => {
    const byHand = TEXT.replace('0m .. 60m', '0m .. 10m')
      .replaceAll('ago(2h)', 'ago(4h)')
      .replace('queryPeriod: 2h', 'queryPeriod: 4h');
    const edited = compileRule(byHand, { file: FILE });
    const expected = score(await replay(data.dataset, edited, { threads: 0 }), edited.rule.name, truth, data.manifest);
    const cell = scoreIn(swept.cells[2]!);
    expect(cell.score).toEqual(expected);
    expect(cell.score.attacks.planted).toBeGreaterThan(5);
    expect(cell.score.digest).not.toBe(swept.asIs.score.digest);
    expect(cell.alertsPerDay).toBe(expected.alerts.raised);
  });

  test('knows the cell that is the rule as it stands', async () => {
    expect(swept.cells.map(({ asIs }) => asIs)).toEqual([false, false, false, false, true, false]);
    const result = await replay(data.dataset, RULE, { threads: 0 });
    expect(swept.asIs.score).toEqual(score(result, RULE.rule.name, truth, data.manifest));
    expect(swept.cells[4]!.frontier).toBe(swept.asIs.frontier);
  });

  test('skips what Sentinel would refuse, with the reason', () => {
    expect(swept.cells[0]!.result).toEqual({ skipped: 'queryPeriod 30m is shorter than queryFrequency 1h' });
    expect([swept.cells[0]!.frontier, swept.cells[3]!.frontier]).toEqual([false, false]);
  });

  test('skips what does not compile', async () => {
    const axis = { name: 'RoleManagement', values: [{ text: ')', change: editOf('"RoleManagement"', ')') }] };
    const { cells } = await sweep(data.dataset, RULE, [axis], truth, { threads: 0 });
    expect(cells[0]!.result).toEqual({ skipped: expect.stringMatching(/./) as string });
  });

  test('does not hold against a cell what is wrong with the rule anyway', async () => {
    const wrong = compileRule(TEXT.replace('- PrivilegeEscalation', '- Privilege Escalation'), { file: FILE });
    const { cells } = await sweep(data.dataset, wrong, readAxes(['triggerThreshold=1'], wrong), truth, { threads: 0 });
    expect(scoreIn(cells[0]!).score.attacks.planted).toBeGreaterThan(5);
  });

  test('stops where it is told to', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    const onProgress = (done: number): void => {
      seen.push(done);
      if (done === 1) stop.abort();
    };
    const options = { threads: 0, signal: stop.signal, onProgress };
    await expect(sweep(data.dataset, RULE, swept.axes, truth, options)).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(seen).toEqual([0, 1]);
  });
});

describe('the frontier', () => {
  test('holds what no other point beats', () => {
    const point = (
      recall: number | null,
      precision: number | null,
      timeToDetect: number | null,
      falseAlarmsPerDay: number,
    ) => ({
      recall,
      precision,
      timeToDetect,
      falseAlarmsPerDay,
    });
    expect(
      frontierOf([
        point(0.9, 0.1, 600, 20), // the best recall
        point(0.5, 0.1, 600, 20), // beaten by the first
        point(0.5, 0.4, 600, 5), // the best precision, fewest false alarms
        point(0.5, 0.4, 600, 5), // as good as its twin
        point(0.4, 0.3, 100, 9), // the fastest
        point(0.4, 0.3, 101, 9), // a little slower
        point(0, null, null, 0), // detects nothing
        undefined, // skipped
      ]),
    ).toEqual([true, false, true, true, true, false, false, false]);
  });
});

describe('the report of a sweep', () => {
  let report: SweepReport;
  beforeAll(() => {
    report = sweepReport(data.dataset.manifest, FILE, swept, { generate: 1.5, sweep: 2 });
  });

  test('fits 80 columns, names what is skipped, on the frontier and as it stands', () => {
    const text = sweepText(report, picocolors.createColors(false));
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(text).toMatch(/^[* ]= 60m {2}2h .* % .* min /m);
    expect(text).toContain('skipped: queryPeriod 30m is shorter than');
    expect(text).toContain('Every line has triggerThreshold=0.');
    expect(text).toMatch(/^\*[ =] /m);
    expect(text).toContain('ingested to');
  });

  test('fits 80 columns however many and long the names are, and spells them out', () => {
    const names = Array.from({ length: 7 }, (_, i) => `eventGroupingSettings.number${i}`);
    const wide: SweepReport = {
      ...report,
      axes: names.map((name) => ({ name, values: ['AlertPerResult', 'SingleAlert'] })),
      cells: report.cells.map((cell) => ({
        ...cell,
        settings: Object.fromEntries(names.map((name) => [name, 'AlertPerResult'])),
      })),
    };
    const text = sweepText(wide, picocolors.createColors(false));
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    for (const name of names) expect(text).toContain(`is ${name}.`);
  });

  test('shows the rule as it stands where the grid does not have it, and what changes nothing', async () => {
    const axes = readAxes(['queryFrequency=2h', 'triggerOperator=gt,ne'], RULE);
    const other = await sweep(data.dataset, RULE, axes, truth, { threads: 0 });
    const text = sweepText(
      sweepReport(data.dataset.manifest, FILE, other, { generate: null, sweep: 1 }),
      picocolors.createColors(false),
    );
    expect(text).toMatch(/^[* ]= as it stands/m);
    expect(text).toContain('triggerOperator changes nothing: the scores are the same whatever it is.');
    expect(text).toContain('Every line has queryFrequency=2h.');
  });

  test('is JSON with every cell’s settings and measures', () => {
    expect(report).toMatchObject({ schema: 'tocsin.sweep/1', scenario: 'contoso-2k', users: 60, seed: 3, file: FILE });
    expect(report.axes[1]).toEqual({ name: 'queryPeriod+2h#all', values: ['30m', '2h', '4h'] });
    const [skipped, cell] = report.cells;
    expect(skipped).toEqual({
      settings: { '60m': '10m', 'queryPeriod+2h#all': '30m', triggerThreshold: '0' },
      asIs: false,
      frontier: false,
      skipped: 'queryPeriod 30m is shorter than queryFrequency 1h',
    });
    expect(cell).toMatchObject({ skipped: null, attacks: scoreIn(swept.cells[1]!).score.attacks });
    const schema = (name: string) => JSON.parse(readFileSync(`docs/${name}.schema.json`, 'utf8')) as object;
    const ajv = addFormats.default(
      new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false }),
    );
    const validate = ajv.addSchema(schema('score')).compile(schema('sweep'));
    validate(JSON.parse(JSON.stringify(report)));
    expect(validate.errors).toBeNull();
    for (const wrong of [
      { ...cell!, digest: undefined },
      { ...skipped!, skipped: null },
      { ...cell!, more: 1 },
    ]) {
      expect(validate(JSON.parse(JSON.stringify({ ...report, cells: [wrong] })))).toBe(false);
    }
  });

  test('is CSV with a line a cell', () => {
    const [head, ...lines] = [...sweepCsv(report)];
    const columns = head!.split(',');
    expect(columns.slice(0, 7)).toEqual([
      '60m',
      'queryPeriod+2h#all',
      'triggerThreshold',
      'asIs',
      'frontier',
      'skipped',
      'attacksPlanted',
    ]);
    expect(lines).toHaveLength(6);
    const { score: scored } = scoreIn(swept.cells[5]!);
    const cells = lines[5]!.split(',');
    expect(cells).toHaveLength(columns.length);
    expect(cells[columns.indexOf('attackRecall')]).toBe(String(scored.attacks.recall));
    expect(cells.at(-1)).toBe(scored.digest);
    expect(lines[0]!).toMatch(/^10m,30m,0,false,false,queryPeriod 30m is shorter than queryFrequency 1h,,+$/);
  });
});
