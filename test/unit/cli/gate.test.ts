import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { Gate, type GateFlags } from '../../../src/cli/gate.ts';
import { Terminal } from '../../../src/cli/terminal.ts';
import type { ScoreReport } from '../../../src/report/json.ts';
import { score } from '../../../src/score/score.ts';
import { incident, replayed, TWO_DAYS } from '../../support/incidents.ts';
import { temporaryFolder } from '../../support/run-cli.ts';

const PLANTED = { chains: new Map([['illicit-consent', ['plain']]]), lookalikes: [] };
const TRUTH = ['A', 'B'].map((id) => incident('attack', id, 'illicit-consent', 'plain', [[`${id}1`, 10, 'malicious']]));

/** A report of rules that catch the attacks named, by file. */
function reportOf(rules: Readonly<Record<string, string>>): ScoreReport {
  return {
    schema: 'tocsin.score/1',
    scenario: 'two-days',
    seed: 7,
    users: 500,
    start: TWO_DAYS.start,
    end: TWO_DAYS.end,
    events: { AuditLogs: 1000 },
    rules: Object.entries(rules).map(([file, attacks]) => ({
      ...score(
        replayed(Array.from(attacks, (id, index) => ({ at: 60 + index, rows: [[[id], `${id}1`]] as never }))),
        `the rule of ${file}`,
        TRUTH,
        TWO_DAYS,
      ),
      file,
      seconds: { generate: null, replay: null, score: null },
    })),
  };
}

function prepared(flags: GateFlags, ...rules: string[]): Gate {
  return Gate.prepare(flags, PLANTED, { scenario: [], rules });
}

function thrown(act: () => unknown): TocsinError {
  try {
    act();
  } catch (error) {
    if (error instanceof TocsinError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what is expected of a rule', () => {
  test('stands beside its file, holds for it alone, and adds to what holds for all', () => {
    const folder = temporaryFolder();
    const [a, b] = [path.join(folder, 'a.yaml'), path.join(folder, 'b.json')];
    writeFileSync(path.join(folder, 'a.expect.yaml'), 'expectations:\n  - recall >= 0.9\n  - "missed == 0"\n');
    const { rules } = prepared({ expect: ['precision > 0.1'] }, a, b).judge(reportOf({ [a]: 'A', [b]: 'AB' }));
    expect(rules.map((rule) => rule.expectations!.map(({ expectation, holds }) => [expectation, holds]))).toEqual([
      [
        ['precision > 0.1', true],
        ['recall >= 0.9', false],
        ['missed == 0', false],
      ],
      [['precision > 0.1', true]],
    ]);
    expect(rules[0]!.expectations!.map(({ position }) => position)).toEqual([
      { file: '--expect', line: 1, column: 1 },
      { file: path.join(folder, 'a.expect.yaml'), line: 2, column: 5 },
      { file: path.join(folder, 'a.expect.yaml'), line: 3, column: 6 },
    ]);
  });

  test('is refused at its place in the file, with a caret', () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'a.expect.yaml'), "expectations:\n  - 'recall >= 90'\n  - 7\n");
    expect(thrown(() => prepared({}, path.join(folder, 'a.yaml')))).toMatchObject({ code: 'SCENARIO' });
    writeFileSync(path.join(folder, 'b.expect.yaml'), "expectations:\n  - 'recall >= 90'\n");
    const { message } = thrown(() => prepared({}, path.join(folder, 'b.yaml')));
    expect(message).toContain('b.expect.yaml:2:16: recall: found "90", expected a share');
    expect(message).toContain("\n      - 'recall >= 90'\n                   ^^\n");
    writeFileSync(path.join(folder, 'c.expect.yaml'), 'expect:\n  - recall >= 1\n');
    expect(thrown(() => prepared({}, path.join(folder, 'c.yaml'))).message).toContain('hint: known: expectations');
  });

  test('is nothing where nothing was said', () => {
    const report = reportOf({ 'a.yaml': 'A' });
    expect(prepared({}, 'a.yaml').judge(report)).toEqual(report);
  });
});

describe('a baseline', () => {
  function baseline(report: unknown): string {
    const file = path.join(temporaryFolder(), 'score.json');
    writeFileSync(file, typeof report === 'string' ? report : JSON.stringify(report));
    return file;
  }

  test('is compared by file, then by name, then as the only one', () => {
    const before = baseline(reportOf({ 'a.yaml': 'AB', 'b.yaml': 'A' }));
    const judged = prepared({ baseline: before }).judge(reportOf({ 'a.yaml': 'A', 'b.yaml': 'A', 'new.yaml': '' }));
    expect(judged.rules.map((rule) => rule.baseline?.regressed ?? null)).toEqual([true, false, null]);
    const alone = baseline(reportOf({ 'old.yaml': 'AB' }));
    expect(prepared({ baseline: alone }).judge(reportOf({ 'new.yaml': 'B' })).rules[0]!.baseline!.lost).toEqual(['A']);
    const renamed = reportOf({ 'a.yaml': '', 'moved.yaml': 'A' });
    const named = {
      ...renamed,
      rules: renamed.rules.map((rule) => ({ ...rule, rule: 'the rule of a.yaml' })).slice(1),
    };
    expect(prepared({ baseline: before }).judge(named).rules[0]!.baseline!.lost).toEqual(['B']);
  });

  test.each([
    [{ seed: 8 }, "its seed is 8, this one's 7"],
    [{ scenario: 'evasion' }, "its scenario is evasion, this one's two-days"],
    [{ users: null }, "its users is unknown, this one's 500"],
    [{ end: '2026-06-04T00:00:00.0000000Z' }, 'its end is 2026-06-04'],
    [{ events: { AuditLogs: 999 } }, 'it has 999 rows of AuditLogs, this one 1000'],
    [{ events: { AuditLogs: 1000, SigninLogs: 5 } }, 'it has 5 rows of SigninLogs, this one 0'],
  ])('of other logs is refused: %j', (difference, says) => {
    const report = reportOf({ 'a.yaml': 'A' });
    const error = thrown(() => prepared({ baseline: baseline({ ...report, ...difference }) }).judge(report));
    expect(error.code).toBe('INPUT');
    expect(error.message).toContain(`the baseline is of other logs: ${says}`);
  });

  test('of another scenario is refused before the work begins', () => {
    const gate = prepared({ baseline: baseline(reportOf({ 'a.yaml': 'A' })) });
    gate.expectScenario({ scenario: 'two-days', seed: 7, users: 500 });
    expect(thrown(() => gate.expectScenario({ scenario: 'two-days', seed: 1, users: 9 })).message).toContain(
      "its seed is 7, this one's 1; its users is 500, this one's 9",
    );
  });

  test.each([
    ['{', 'it is no JSON'],
    ['null', 'found schema null, expected "tocsin.score/1"'],
    [{ schema: 'tocsin.robustness/1' }, 'found schema "tocsin.robustness/1"'],
    [{ schema: 'tocsin.score/1', rules: [], events: {} }, 'it holds no score of a rule'],
    [{ ...reportOf({ a: 'A' }), rules: [{ rule: 'r', attacks: {} }] }, 'the score of "r" lacks "events"'],
  ])('that is none is refused: %j', (content, says) => {
    expect(thrown(() => prepared({ baseline: baseline(content) })).message).toContain(says);
  });

  test('that is not there, or holds none of the rules, is refused; so is a tolerance without one', () => {
    expect(thrown(() => prepared({ baseline: 'nowhere.json' })).message).toContain('there is no such file');
    const gate = prepared({ baseline: baseline(reportOf({ 'a.yaml': 'A' })) });
    expect(thrown(() => gate.judge(reportOf({ 'c.yaml': 'A', 'd.yaml': 'A' }))).message).toContain(
      'the baseline holds none of these rules\nhint: it holds a.yaml',
    );
    expect(thrown(() => prepared({ tolerance: ['recall=1'] })).code).toBe('USAGE');
  });
});

describe('what CI servers read', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  async function published(flags: GateFlags): Promise<string> {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const gate = prepared({ expect: ['recall == 1'], ...flags });
    await gate.publish(gate.judge(reportOf({ 'a.yaml': 'A' })), () => [], new Terminal(false));
    return stderr.mock.calls.map(([text]) => String(text)).join('');
  }

  test('is annotated where GITHUB_ACTIONS is set, or where it was asked for', async () => {
    vi.stubEnv('GITHUB_ACTIONS', '');
    expect(await published({})).toBe('');
    expect(await published({ github: true })).toMatch(/^::error file=a.yaml,/);
    vi.stubEnv('GITHUB_ACTIONS', 'true');
    expect(await published({})).toMatch(/^::error file=a.yaml,/);
  });

  test('replaces its files, but adds to the summary that steps share', async () => {
    const folder = temporaryFolder();
    const [junit, markdown] = [path.join(folder, 'junit.xml'), path.join(folder, 'summary.md')];
    vi.stubEnv('GITHUB_ACTIONS', '');
    vi.stubEnv('GITHUB_STEP_SUMMARY', '');
    for (let time = 0; time < 2; time++) await published({ junit, markdown });
    expect(readFileSync(junit, 'utf8').match(/<testsuites/g)).toHaveLength(1);
    expect(readFileSync(markdown, 'utf8').match(/^## Tocsin/gm)).toHaveLength(1);
    vi.stubEnv('GITHUB_STEP_SUMMARY', markdown);
    await published({ markdown });
    expect(readFileSync(markdown, 'utf8').match(/^## Tocsin/gm)).toHaveLength(2);
  });

  test('fails with its name where it cannot be written', async () => {
    const folder = path.join(temporaryFolder(), 'taken');
    mkdirSync(folder);
    await expect(published({ junit: folder })).rejects.toThrow('taken');
  });
});
