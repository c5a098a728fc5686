import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { formatDatetime } from '../../src/base/time.ts';
import type { TruthIncident } from '../../src/dataset/truth.ts';
import { createDatasetFolder } from '../../src/dataset/write.ts';
import { digestOf, replayLines, writeLines } from '../../src/replay/output.ts';
import type { ScoreReport } from '../../src/report/json.ts';
import { incident, replayed, type RunRows, TWO_DAYS } from '../support/incidents.ts';
import { temporaryFolder, tocsin } from '../support/run-cli.ts';

const ATTACK = incident('attack', 'A', 'token-replay', 'plain', [
  ['A1', 10, 'supporting'],
  ['A2', 70, 'malicious'],
]);
const COLUMNS = [{ name: 'Operation', type: 'string' }] as const;

/** Writes a dataset without rows, and a replay of it, into a folder of their own. */
async function written(truth: readonly TruthIncident[], runs: readonly RunRows[]): Promise<string> {
  const folder = temporaryFolder();
  const dataset = await createDatasetFolder(path.join(folder, 'tenant'));
  await dataset.commit({ ...TWO_DAYS, partitionCount: 1, files: [], incidents: truth });
  const result = replayed(runs);
  const alerts = result.alerts.map((alert) => ({
    ...alert,
    record: {
      Type: 'SecurityAlert',
      SystemAlertId: alert.systemAlertId,
      TimeGenerated: formatDatetime(result.runs[alert.run]!.wallClock),
    },
  }));
  const incidents = result.incidents.map((incident) => ({
    ...incident,
    record: {
      Type: 'SecurityIncident',
      AlertIds: JSON.stringify(incident.alerts.map((alert) => alerts[alert]!.systemAlertId)),
    },
  }));
  const digest = digestOf(COLUMNS, result.runs, result.rows);
  const lines = replayLines(
    { id: undefined, name: 'silent' },
    { ...result, columns: COLUMNS, alerts, incidents, digest },
  );
  await writeLines(path.join(folder, 'alerts.ndjson'), lines);
  return folder;
}

const RUNS: RunRows[] = [
  { at: 60, rows: [[['sign-in'], 'A1']] },
  { at: 120, rows: [[['act'], 'A2']] },
];

describe('tocsin score', () => {
  test('scores the alerts of a file against the truth of a dataset', async () => {
    const cwd = await written([ATTACK], RUNS);
    const { code, stdout, stderr } = await tocsin(['score', 'tenant', '--alerts', 'alerts.ndjson', '--json'], { cwd });
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
    const report = JSON.parse(stdout) as ScoreReport;
    expect(report).toMatchObject({ schema: 'tocsin.score/1', scenario: 'two-days', seed: 7, users: 500 });
    expect(report.rules).toMatchObject([
      {
        rule: 'silent',
        file: null,
        attacks: { planted: 1, detected: 1, recall: 1 },
        alerts: { raised: 2, truePositive: 1, falsePositive: 1 },
        incidents: { opened: 2, truePositive: 1, attacks: { detected: 1 } },
        timeToDetectMs: { p50: 55 * 60_000 },
        warnings: [],
      },
    ]);
  });

  test('prints a scoreboard where JSON is not asked for', async () => {
    const cwd = await written([ATTACK], RUNS);
    const { code, stdout } = await tocsin(['score', 'tenant', '--alerts', 'alerts.ndjson'], { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    expect(stdout).toMatch(/attack recall +1 of 1 +100 %/);
    expect(stdout).not.toContain('\u001b[');
  });

  test('fails where nothing was planted, after printing what there is', async () => {
    const cwd = await written([], [{ at: 60, rows: [[['x']]] }]);
    const { code, stdout, stderr } = await tocsin(['score', 'tenant', '--alerts', 'alerts.ndjson'], { cwd });
    expect(code).toBe(EXIT_CODES.expectation);
    expect(stdout).toContain('unmeasured: no attack was planted');
    expect(stderr).toContain('no attack was planted');
  });

  test('passes or fails by what is expected, and tells a CI server', async () => {
    const cwd = await written([ATTACK], RUNS);
    const score = ['score', 'tenant', '--alerts', 'alerts.ndjson'];
    const first = await tocsin([...score, '--json', '--expect', 'recall == 100%', '--expect', 'missed < 1'], { cwd });
    expect([first.code, first.stderr]).toEqual([EXIT_CODES.ok, '']);
    writeFileSync(path.join(cwd, 'before.json'), first.stdout);
    const gated = ['--expect', 'timeToDetect.p90 <= 30m', '--expect', 'recall >= 0.9', '--baseline', 'before.json'];
    const files = ['--junit', 'junit.xml', '--markdown', 'summary.md', '--github'];
    const { code, stdout, stderr } = await tocsin([...score, ...gated, ...files], { cwd });
    expect(code).toBe(EXIT_CODES.expectation);
    expect(stdout).toContain('    ✗ timeToDetect.p90 <= 30m                       55m\n    ✓ recall >= 0.9');
    expect(stdout).toContain('    ✓ recall                                        1, as before, tolerance 0');
    expect(stderr).toBe(
      '::error title=Expectation failed::timeToDetect.p90 <= 30m: measured 55m\n' +
        'error: silent: 1 of 2 expectations failed\n',
    );
    expect(readFileSync(path.join(cwd, 'junit.xml'), 'utf8')).toContain('tests="5" failures="1"');
    expect(readFileSync(path.join(cwd, 'summary.md'), 'utf8')).toContain('| ❌ | `timeToDetect.p90 <= 30m` | 55m |');
  });

  describe('with bad input', () => {
    test.each([
      { args: ['nowhere', '--alerts', 'alerts.ndjson'], says: 'there is no such folder' },
      { args: ['alerts.ndjson', '--alerts', 'alerts.ndjson'], says: 'expected a dataset folder' },
      { args: ['.', '--alerts', 'alerts.ndjson'], says: 'it has no manifest.json' },
      { args: ['tenant', '--alerts', 'nowhere.ndjson'], says: 'nowhere.ndjson' },
      { args: ['tenant', '--alerts', 'garbage.bin'], says: 'garbage.bin:1' },
      { args: ['tenant', '--alerts', 'empty.ndjson'], says: 'tocsin replay --out' },
      { args: ['tenant', '--alerts', 'cut.ndjson'], says: 'cut.ndjson:' },
      { args: ['tenant', '--alerts', 'foreign.ndjson'], says: 'event "Z9"' },
      { args: ['tenant', '--alerts', 'orphan.ndjson'], says: 'orphan.ndjson:6:1: AlertIds: expected' },
    ])('says what is wrong: $args', async ({ args, says }) => {
      const cwd = await written([ATTACK], RUNS);
      const whole = readFileSync(path.join(cwd, 'alerts.ndjson'), 'utf8');
      writeFileSync(path.join(cwd, 'garbage.bin'), Buffer.from([0, 255, 1, 10, 7]));
      writeFileSync(path.join(cwd, 'empty.ndjson'), '');
      writeFileSync(path.join(cwd, 'cut.ndjson'), whole.slice(0, -20));
      writeFileSync(path.join(cwd, 'foreign.ndjson'), whole.replaceAll('"A2"', '"Z9"'));
      const orphan = whole.replace(/("AlertIds":"\[[^\]]*)alert-0/, '$1alert-9');
      writeFileSync(path.join(cwd, 'orphan.ndjson'), orphan);
      const { code, stdout, stderr } = await tocsin(['score', ...args], { cwd });
      expect([code, stdout]).toEqual([EXIT_CODES.io, '']);
      expect(stderr).toContain(says);
    });
  });
});

describe('tocsin verify', () => {
  test('passes a whole dataset and refuses one whose manifest was cut', async () => {
    const cwd = await written([ATTACK], RUNS);
    expect(await tocsin(['verify', 'tenant'], { cwd })).toMatchObject({ code: EXIT_CODES.ok, stderr: '' });
    appendFileSync(path.join(cwd, 'tenant', 'manifest.json'), '{');
    const { code, stderr } = await tocsin(['verify', 'tenant'], { cwd });
    expect(code).toBe(EXIT_CODES.io);
    expect(stderr).toContain('manifest.json');
  });
});
