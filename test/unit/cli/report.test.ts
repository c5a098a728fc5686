/** The commands that write the HTML report, called in this process. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { report } from '../../../src/cli/commands/report.ts';
import { run } from '../../../src/cli/commands/run.ts';
import { score } from '../../../src/cli/commands/score.ts';
import { sweep } from '../../../src/cli/commands/sweep.ts';
import type { RuleReport, ScoreReport } from '../../../src/report/json.ts';
import { CapturedTerminal } from '../../support/captured-terminal.ts';

const SCENARIO = `
days: 1
seed: 4
tenant: { users: 40 }
attacks: [{ chain: illicit-consent, count: 3 }]
`;
const RULE = `
name: Consent by a person
id: 6b1d3a5e-64d0-4a3b-8f43-2d5a5a6f2f10
kind: Scheduled
severity: Medium
queryFrequency: 1h
queryPeriod: 1h
triggerOperator: gt
triggerThreshold: 0
query: |
  AuditLogs
  | where OperationName == "Consent to application" and isnotempty(InitiatedBy.user.userPrincipalName)
  | project TimeGenerated, OperationName, CorrelationId
`;
const NEVER = new AbortController().signal;

let folder: string;
const inFolder = (name: string) => path.join(folder, name);
const read = (name: string) => readFileSync(inFolder(name), 'utf8');

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-report-'));
  writeFileSync(inFolder('small.yaml'), SCENARIO);
  writeFileSync(inFolder('rule.yaml'), RULE);
  writeFileSync(inFolder('rule.expect.yaml'), 'expectations:\n  - recall >= 0.99\n  - falseAlarms <= 1000\n');
  const flags = { rule: [inFolder('rule.yaml')], out: inFolder('tenant'), threads: 0 };
  await run(inFolder('small.yaml'), { ...flags, report: inFolder('run.html') }, new CapturedTerminal(true), NEVER);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('run --report', () => {
  test('writes the page of what it does anyway, with its expectations and schedules', () => {
    const page = read('run.html');
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('<strong>All 3 attacks</strong> rang');
    expect(page).toContain('<code>recall &gt;= 0.99</code></th><td data-by="1"><span class="met">yes</span>');
    expect(page).toContain('What the schedule loses');
    expect(page).toContain('Consent by a person');
  });

  test('does not replace a page without --force, and says so before it generates anything', async () => {
    const flags = { rule: [inFolder('rule.yaml')], report: inFolder('run.html') };
    await expect(run('no-such-scenario', flags, new CapturedTerminal(false), NEVER)).rejects.toMatchObject({
      code: 'OUTPUT',
      problems: [{ hint: expect.stringContaining('--force') as string }],
    });
  });
});

describe('score --rule', () => {
  const flags = () => ({ alerts: inFolder('tenant/alerts.ndjson') });
  const scored = async (more: object): Promise<RuleReport> => {
    const terminal = new CapturedTerminal(true);
    await score(inFolder('tenant'), { ...flags(), ...more }, terminal);
    return (JSON.parse(terminal.stdout) as ScoreReport).rules[0]!;
  };

  test('reads the expectations beside the rule, as run does, and tells the parts of the time', async () => {
    const { file, expectations, timeToDetectPartsMs } = await scored({ rule: [inFolder('rule.yaml')] });
    const kept = (JSON.parse(read('tenant/score.json')) as ScoreReport).rules[0]!;
    expect(expectations!.map(({ expectation, holds }) => [expectation, holds])).toEqual([
      ['recall >= 0.99', true],
      ['falseAlarms <= 1000', true],
    ]);
    expect({ file, expectations, timeToDetectPartsMs }).toEqual({
      file: kept.file,
      expectations: kept.expectations,
      timeToDetectPartsMs: kept.timeToDetectPartsMs,
    });
    expect(await scored({})).not.toHaveProperty('expectations');
  });

  test('fails where one of them does, and refuses a rule whose alerts these are not', async () => {
    writeFileSync(inFolder('renamed.yaml'), RULE);
    writeFileSync(inFolder('renamed.expect.yaml'), 'expectations: [missed > 3]');
    await expect(scored({ rule: [inFolder('renamed.yaml')] })).rejects.toMatchObject({ code: 'EXPECTATION' });
    writeFileSync(inFolder('other.yaml'), RULE.replace('Consent by', 'Something of').replace('6b1d', '7b1d'));
    await expect(scored({ rule: [inFolder('other.yaml')] })).rejects.toMatchObject({
      code: 'USAGE',
      problems: [{ hint: 'it holds "Consent by a person"' }],
    });
  });
});

describe('report', () => {
  const flags = () => ({ rule: [inFolder('rule.yaml')], out: inFolder('report.html'), threads: 0, force: true });

  test('draws what a sweep of the same dataset wrote', async () => {
    const swept = new CapturedTerminal(true);
    const set = ['queryFrequency=30m,1h', 'Consent to application=Consent to application,Nothing'];
    await sweep(inFolder('tenant'), { rule: inFolder('rule.yaml'), set, threads: 0 }, swept, NEVER);
    writeFileSync(inFolder('sweep.json'), swept.stdout);
    const terminal = new CapturedTerminal(false);
    await report(inFolder('tenant'), { ...flags(), sweep: inFolder('sweep.json') }, terminal, NEVER);
    expect(terminal.stdout).toContain(`1 rule in ${inFolder('report.html')}: open it in a browser`);
    const page = read('report.html');
    expect(page).toContain('Consent by a person in 4 combinations of settings');
    expect(page).toMatch(/<strong>1h<\/strong> \(as is\)/);
    expect(page).toContain('data-chart="sweep"');
    expect(page).toContain('What the schedule loses');
  });

  test('holds the rule against what it reached before, and fails where it got worse, with the page written', async () => {
    const [before] = (JSON.parse(read('tenant/score.json')) as ScoreReport).rules;
    const better = { ...before!, falseAlarms: { ...before!.falseAlarms, perDay: -1 } };
    const baseline = { ...(JSON.parse(read('tenant/score.json')) as ScoreReport), rules: [better] };
    writeFileSync(inFolder('before.json'), JSON.stringify(baseline));
    const terminal = new CapturedTerminal(true);
    const asked = report(inFolder('tenant'), { ...flags(), baseline: inFolder('before.json') }, terminal, NEVER);
    await expect(asked).rejects.toMatchObject({
      code: 'EXPECTATION',
      message: expect.stringContaining('1 measure is worse than in the baseline') as string,
    });
    expect((JSON.parse(terminal.stdout) as ScoreReport).rules[0]!.baseline!.regressed).toBe(true);
    expect(read('report.html')).toMatch(
      /<code title="[^"]*">falseAlarmsPerDay<\/code>.*?<strong class="missed">worse/s,
    );
  });

  test('refuses what is no sweep before it replays anything', async () => {
    writeFileSync(inFolder('other.json'), '{"schema":"tocsin.score/1"}');
    const wrong = { ...flags(), sweep: inFolder('other.json') };
    await expect(report('no-such-dataset', wrong, new CapturedTerminal(false), NEVER)).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringContaining('expected "schema": "tocsin.sweep/1"') as string,
    });
    const absent = { ...flags(), sweep: inFolder('absent.json') };
    await expect(report('no-such-dataset', absent, new CapturedTerminal(false), NEVER)).rejects.toMatchObject({
      code: 'INPUT',
      message: expect.stringContaining('absent.json: cannot be read') as string,
    });
  });
});
