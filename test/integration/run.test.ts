import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import type { ScoreReport } from '../../src/report/json.ts';
import type { RuleCheck } from '../../src/rules/checks/index.ts';
import { formatCount } from '../../src/report/format.ts';
import type { ScheduleReport } from '../../src/report/schedule.ts';
import { BINARY, type Finished, REPOSITORY, temporaryFolder, tocsin } from '../support/run-cli.ts';

const SMALL = ['--users', '150', '--days', '2', '--seed', '5'];

describe('tocsin run', () => {
  let cwd: string;
  let finished: Finished;
  let report: ScoreReport;

  beforeAll(async () => {
    cwd = mkdtempSync(path.join(tmpdir(), 'tocsin-run-'));
    finished = await tocsin(['run', 'contoso-2k', ...SMALL, '--out', 'tenant', '--json'], { cwd });
    report = JSON.parse(finished.stdout) as ScoreReport;
  });
  afterAll(() => rmSync(cwd, { recursive: true }));

  test('gives a score that keeps to its schema, and nothing else in a pipe', () => {
    expect([finished.code, finished.stderr]).toEqual([EXIT_CODES.ok, '']);
    const schema = JSON.parse(readFileSync(path.join(REPOSITORY, 'docs/score.schema.json'), 'utf8')) as object;
    const ajv = addFormats.default(new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }));
    const validate = ajv.compile(schema);
    validate(report);
    expect(validate.errors ?? null).toBeNull();
  });

  test('plants attacks in a tenant of the size that was asked for, and adds up', () => {
    expect(report).toMatchObject({ scenario: 'contoso-2k', seed: 5, users: 150 });
    expect(Object.keys(report.events)).toEqual(expect.arrayContaining(['AuditLogs', 'SigninLogs']));
    expect(Object.values(report.events).reduce((a, b) => a + b)).toBeGreaterThan(10_000);
    const [rule] = report.rules;
    expect(rule!.attacks.planted).toBeGreaterThan(0);
    expect(rule!.rowsRead['AuditLogs']).toBe(report.events['AuditLogs']);
    expect(rule!.rows.unique + rule!.rows.duplicates).toBe(rule!.rows.returned);
    expect(rule!.rows.truePositive + rule!.rows.falsePositive).toBe(rule!.rows.unique);
    expect(Object.values(rule!.falseAlarms.rows).reduce((a, b) => a + b, 0)).toBe(rule!.rows.falsePositive);
    for (const part of ['planted', 'detected'] as const) {
      const sum = rule!.perScenario.reduce((total, chain) => total + chain.attacks[part], 0);
      expect(sum).toBe(rule!.attacks[part]);
    }
    expect(rule!.perScenario.flatMap((chain) => chain.missed)).toHaveLength(
      rule!.attacks.planted - rule!.attacks.detected,
    );
  });

  test('names a clause for every malicious event in no alert, and for every missed attack', () => {
    const { losses, events, perScenario } = report.rules[0]!;
    expect(losses!.reduce((sum, loss) => sum + loss.events.length, 0)).toBe(events.planted - events.detected);
    expect(losses!.flatMap((loss) => loss.incidents).sort()).toEqual(
      perScenario.flatMap(({ missed }) => missed).sort(),
    );
    expect(losses!.every(({ clause }) => clause.position.line > 1 && clause.text !== '')).toBe(true);
  });

  test('keeps dataset, alerts and score with --out, which score and replay agree with', async () => {
    expect(readdirSync(cwd)).toEqual(['tenant']);
    expect(readdirSync(path.join(cwd, 'tenant')).sort()).toEqual([
      'alerts.ndjson',
      'manifest.json',
      'score.json',
      'tables',
      'truth.ndjson',
    ]);
    expect(JSON.parse(readFileSync(path.join(cwd, 'tenant/score.json'), 'utf8'))).toEqual(report);
    const again = await tocsin(['score', 'tenant', '--alerts', 'tenant/alerts.ndjson', '--json'], { cwd });
    const withoutTimes = ({ rules, ...rest }: ScoreReport) => ({
      ...rest,
      rules: rules.map((rule) => ({
        ...rule,
        losses: undefined,
        intent: undefined,
        timeToDetectPartsMs: undefined,
        seconds: undefined,
        file: undefined,
      })),
    });
    expect(withoutTimes(JSON.parse(again.stdout) as ScoreReport)).toEqual(withoutTimes(report));
  });

  test('gives the same score without threads, and leaves nothing behind without --out', async () => {
    const TMPDIR = temporaryFolder();
    const { code, stdout } = await tocsin(['run', 'contoso-2k', ...SMALL, '--threads', '0', '--json'], {
      cwd,
      env: { TMPDIR },
    });
    expect(code).toBe(EXIT_CODES.ok);
    const [rule] = (JSON.parse(stdout) as ScoreReport).rules;
    expect(rule!.digest).toBe(report.rules[0]!.digest);
    expect(rule!.attacks).toEqual(report.rules[0]!.attacks);
    expect(readdirSync(TMPDIR)).toEqual([]);
  });

  test('says what the schedule and others lose and repeat, and schedule says the same', async () => {
    const rule = path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml');
    const asked = ['--rule', rule, '--try', '1h/1h', '--json'];
    const { stdout, code } = await tocsin(['schedule', 'tenant', ...asked], { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    const { schedules } = JSON.parse(stdout) as { schedules: ScheduleReport[] };
    expect(schedules.map((s) => `${s.queryFrequency}/${s.queryPeriod}`)).toEqual(['1h/2h', '1h/1h']);
    for (const { tables } of schedules) {
      for (const { table, malicious, benign } of tables) {
        expect(malicious.rows + benign.rows).toBe(report.events[table]);
      }
    }
    const [own, tight] = schedules.map(({ tables }) => tables.find(({ table }) => table === 'AuditLogs')!);
    expect(own!.benign.repeated).toBeGreaterThan(own!.benign.rows / 2);
    expect([tight!.benign.repeated, tight!.malicious.rows]).toEqual([0, report.rules[0]!.events.planted]);
    expect(tight!.benign.lost).toBeGreaterThan(own!.benign.lost);
    const ran = await tocsin(['run', 'contoso-2k', ...SMALL, '--schedule', '--json'], { cwd });
    const [first] = (JSON.parse(ran.stdout) as ScoreReport).rules;
    expect(first!.schedules![0]).toEqual(schedules[0]);
  });

  test('proves findings of check by replays', async () => {
    const rule = path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml');
    const json = await tocsin(['check', rule, '--with', 'tenant', '--json'], { cwd });
    expect([json.code, json.stderr]).toEqual([EXIT_CODES.ok, '']);
    const { findings } = JSON.parse(json.stdout) as RuleCheck;
    const { proof } = findings.find(({ check }) => check === 'overlap-without-guard')!;
    const { rows } = report.rules[0]!;
    expect(proof!.message).toMatch(
      new RegExp(`^returns ${formatCount(rows.duplicates)} of ${formatCount(rows.returned)} rows again`),
    );
    for (const { proof: other, span } of findings) {
      if (other?.message.startsWith('loses')) expect(span).toBeDefined();
    }
    const overlapping = path.join(cwd, 'overlapping.yaml');
    const query = 'AuditLogs\n  | where Result == "success" and OperationName == "Add member to role"';
    writeFileSync(overlapping, `name: x\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 2h\nquery: |\n  ${query}\n`);
    const text = await tocsin(['check', overlapping, '--with', 'tenant', '--threads', '0'], { cwd });
    expect(text.stdout).toMatch(/\n {2}cost: returns .* rows again, and .*; repairing this alone saves .*\n {2}why: /);
    const broken = path.join(cwd, 'broken.yaml');
    writeFileSync(broken, 'name: x\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: Nowhere\n');
    const refused = await tocsin(['check', broken, '--with', 'tenant', '--format', 'github'], { cwd });
    expect(refused).toMatchObject({ code: EXIT_CODES.definition, stdout: expect.stringContaining('::error ') });
  });

  test('refuses the schedule of an NRT rule, which has none', async () => {
    writeFileSync(path.join(cwd, 'nrt.yaml'), 'name: soon\nkind: NRT\nquery: |\n  AuditLogs\n  | project Category\n');
    const { code, stderr } = await tocsin(['schedule', 'tenant', '--rule', 'nrt.yaml'], { cwd });
    expect(code).toBe(EXIT_CODES.definition);
    expect(stderr).toContain('nrt.yaml: an NRT rule has no schedule');
  });

  test('follows an edit of the rule', async () => {
    const text = readFileSync(path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml'), 'utf8');
    writeFileSync(path.join(cwd, 'half.yaml'), text.replace('between (0m .. 60m)', 'between (0m .. 30m)'));
    const { stdout } = await tocsin(['replay', 'tenant', '--rule', 'half.yaml', '--json'], { cwd });
    const [half] = (JSON.parse(stdout) as { rules: { rows: number; digest: string }[] }).rules;
    expect(half!.rows).toBeLessThan(report.rules[0]!.rows.returned);
    expect(half!.rows).toBeGreaterThan(0);
    expect(half!.digest).not.toBe(report.rules[0]!.digest);
  });

  test('refuses a folder with a dataset in it, unless it is forced', async () => {
    const before = readFileSync(path.join(cwd, 'tenant/manifest.json'), 'utf8');
    const args = ['generate', 'contoso-2k', ...SMALL, '--out', 'tenant'];
    const { code, stderr } = await tocsin(args, { cwd });
    expect(code).toBe(EXIT_CODES.io);
    expect(stderr).toContain('--force');
    expect(readFileSync(path.join(cwd, 'tenant/manifest.json'), 'utf8')).toBe(before);
    expect((await tocsin([...args, '--force'], { cwd })).code).toBe(EXIT_CODES.ok);
    expect(readdirSync(path.join(cwd, 'tenant'))).not.toContain('alerts.ndjson');
  });
});

describe('tocsin run with bad input', () => {
  test.each([
    { args: ['run'], code: EXIT_CODES.usage, says: "missing required argument 'scenario'" },
    { args: ['run', 'contoso-2000'], code: EXIT_CODES.definition, says: 'contoso-2k' },
    { args: ['run', 'contoso-2k', '--users', '-5'], code: EXIT_CODES.usage, says: 'from 20 to 5000000' },
    { args: ['run', 'contoso-2k', '--users', 'many'], code: EXIT_CODES.usage, says: 'from 20 to 5000000' },
    { args: ['run', 'contoso-2k', '--days', '0'], code: EXIT_CODES.usage, says: 'from 1 to 366' },
    { args: ['run', 'contoso-2k', '--seed', '1.5'], code: EXIT_CODES.usage, says: 'Expected a whole number' },
    { args: ['run', 'contoso-2k', '--user', '100'], code: EXIT_CODES.usage, says: 'Did you mean --users?' },
    { args: ['run', 'contoso-2k', ...SMALL, '--rule', 'no.yaml'], code: EXIT_CODES.io, says: 'there is no such file' },
    {
      args: ['run', 'contoso-2k', ...SMALL, '--expect', 'attacks.illicit-consnt.recall > 0'],
      code: EXIT_CODES.usage,
      says: 'did you mean "attacks.illicit-consent.recall"?',
    },
    { args: ['generate', 'contoso-2k'], code: EXIT_CODES.usage, says: "'--out <folder>' not specified" },
    { args: ['generate', 'contoso-2k', '--out', 'no/such/folder'], code: EXIT_CODES.io, says: 'create it first' },
  ])('says what is wrong and leaves nothing behind: $args', async ({ args, code, says }) => {
    const [cwd, TMPDIR] = [temporaryFolder(), temporaryFolder()];
    const finished = await tocsin(args, { cwd, env: { TMPDIR } });
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toContain(says);
    expect([...readdirSync(cwd), ...readdirSync(TMPDIR)]).toEqual([]);
  });
});

describe('a run that proves nothing', () => {
  test('prints its score and fails where no attack was planted', async () => {
    const cwd = temporaryFolder();
    const shipped = readFileSync(path.join(REPOSITORY, 'scenarios/quiet-smb.yaml'), 'utf8');
    writeFileSync(path.join(cwd, 'calm.yaml'), shipped.replace(/^attacks:\n(?: .*\n)+/m, ''));
    const { code, stdout, stderr } = await tocsin(['run', 'calm.yaml', '--users', '40', '--days', '1'], { cwd });
    expect(code).toBe(EXIT_CODES.expectation);
    expect(stdout).toContain('unmeasured: no attack was planted');
    expect(stderr).toContain('no attack was planted');
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['generate', ['generate', 'contoso-2k', '--out', 'tenant']],
    ['run, without workers', ['run', 'contoso-2k', '--users', '400', '--threads', '0', '--out', 'tenant']],
  ])('in the middle of %s leaves nothing half-written', async (_, args) => {
    const cwd = temporaryFolder();
    const running = tocsin(args, { cwd });
    // The dataset grows under a hidden name.
    while (!readdirSync(cwd).some((name) => name.startsWith('.tenant'))) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running;
    expect([code, stdout]).toEqual([EXIT_CODES.interrupted, '']);
    expect(stderr).toMatch(/^error: interrupted/);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

/** `script` of util-linux gives a command a terminal. */
function hasTerminals(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
}

describe('progress', () => {
  test.skipIf(!hasTerminals())('is drawn on a terminal, and cleared before the results', () => {
    const command = `'${process.execPath}' '${BINARY}' run contoso-2k --users 50 --days 1`;
    const shown = execFileSync('script', ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      cwd: temporaryFolder(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    expect(shown).toMatch(/generating +[#.]+ \d+\/\d+ partitions/);
    expect(shown).toMatch(/replaying +[#.]+ \d+\/\d+ partitions/);
    const board = shown.indexOf('attack recall');
    expect(shown.lastIndexOf('partitions')).toBeLessThan(board);
    expect(shown.lastIndexOf('\u001b[?25l')).toBeLessThan(shown.lastIndexOf('\u001b[?25h'));
  });
});

describe('tocsin generate', () => {
  test('says what it made', async () => {
    const cwd = temporaryFolder();
    const args = ['generate', 'contoso-2k', '--users', '50', '--days', '1', '--out', 'tenant', '--json'];
    const { code, stdout } = await tocsin(args, { cwd });
    expect(code).toBe(EXIT_CODES.ok);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'tocsin.generated/1',
      path: 'tenant',
      origin: { scenario: 'contoso-2k', users: 50, days: 1 },
    });
    expect(existsSync(path.join(cwd, 'tenant/manifest.json'))).toBe(true);
  });

  test.each(['ndjson', 'ndjson.gz', 'parquet'])('writes a %s file for each table', async (format) => {
    const [cwd, TMPDIR] = [temporaryFolder(), temporaryFolder()];
    const args = ['generate', 'contoso-2k', '--users', '30', '--days', '1', '--out', 'files', '--format', format];
    const { code, stderr } = await tocsin(args, { cwd, env: { TMPDIR } });
    expect([code, stderr]).toEqual([EXIT_CODES.ok, expect.not.stringContaining('error')]);
    const names = readdirSync(path.join(cwd, 'files'));
    expect(names).toEqual(expect.arrayContaining([`AuditLogs.${format}`, `SigninLogs.${format}`, 'truth.ndjson']));
    expect(names.every((name) => name.endsWith(`.${format}`) || name === 'truth.ndjson')).toBe(true);
    expect(readdirSync(TMPDIR)).toEqual([]);
  });
});
