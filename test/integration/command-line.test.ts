import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { exitCodeLines } from '../../src/cli/exit-codes.ts';
import { REPOSITORY, temporaryFolder, tocsin } from '../support/run-cli.ts';

const SEED_RULE = 'rules/ni-auth-privileged-audit-actions.yaml';

describe('help', () => {
  test('goes to stdout and lists every exit code', async () => {
    const { code, stdout, stderr } = await tocsin(['--help']);
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
    for (const line of exitCodeLines()) expect(stdout).toContain(line);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('goes to stderr with the usage code where no command was given', async () => {
    const { code, stdout, stderr } = await tocsin([]);
    expect([code, stdout]).toEqual([EXIT_CODES.usage, '']);
    expect(stderr).toContain('Usage: tocsin');
  });

  test('tells the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    expect(await tocsin(['--version'])).toEqual({ code: EXIT_CODES.ok, stdout: `${version}\n`, stderr: '' });
  });
});

describe('docs/command-line.md', () => {
  const page = readFileSync(path.join(REPOSITORY, 'docs/command-line.md'), 'utf8');

  test('lists every exit code as --help does, and so does the README', () => {
    const readme = readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8');
    for (const line of exitCodeLines()) {
      const [, code, meaning] = /^(\d+) +(.*)$/.exec(line)!;
      for (const text of [page, readme]) expect(text).toContain(`| ${code} | ${meaning} |`);
    }
  });

  test('has every command and every option', async () => {
    const { stdout } = await tocsin(['--help']);
    const commands = Array.from(stdout.matchAll(/^ {2}(\w+) \[options\]/gm), (match) => match[1]!);
    expect(commands.length).toBeGreaterThanOrEqual(9);
    for (const command of commands) {
      expect(page).toContain(`tocsin ${command} `);
      const help = await tocsin(['help', command]);
      for (const [option] of help.stdout.matchAll(/--[a-z]+/g)) {
        if (option !== '--help') expect(page, command).toContain(option);
      }
    }
  });
});

describe('a wrong command line', () => {
  test.each([
    { args: ['chekc'], says: ["unknown command 'chekc'", 'Did you mean check?'] },
    { args: ['check', SEED_RULE, '--jsn'], says: ["unknown option '--jsn'", 'Did you mean --json?'] },
    { args: ['check'], says: ["missing required argument 'file'", 'hint: tocsin help check shows'] },
    { args: ['explain', 'a.yaml', 'b.yaml'], says: ['too many arguments'] },
  ])('is answered with what is wrong: $args', async ({ args, says }) => {
    const { code, stdout, stderr } = await tocsin(args);
    expect([code, stdout]).toEqual([EXIT_CODES.usage, '']);
    for (const text of says) expect(stderr).toContain(text);
  });
});

describe('a failure', () => {
  test('is one JSON object on stderr with --json', async () => {
    const { code, stdout, stderr } = await tocsin(['check', 'no-such-rule.yaml', '--json']);
    expect([code, stdout]).toEqual([EXIT_CODES.io, '']);
    expect(JSON.parse(stderr)).toEqual({
      schema: 'tocsin.error/1',
      code: 'INPUT',
      exitCode: EXIT_CODES.io,
      message: 'no-such-rule.yaml: there is no such file',
      problems: [{ message: 'no-such-rule.yaml: there is no such file' }],
    });
  });

  test.each([
    { what: 'a folder', file: 'src', code: EXIT_CODES.io, says: 'src: cannot be read' },
    { what: 'binary garbage', content: Buffer.from([0, 1, 2, 255, 0]), code: EXIT_CODES.definition, says: 'not text' },
    { what: 'broken YAML', content: 'name: "x\nquery: [', code: EXIT_CODES.definition, says: 'rule.yaml:' },
    {
      what: 'a rule without a query',
      content: 'name: x\nkind: Scheduled\n',
      code: EXIT_CODES.definition,
      says: 'query',
    },
    { what: 'an empty file', content: '', code: EXIT_CODES.definition, says: 'rule.yaml' },
  ])('names the file that is at fault: $what', async ({ file, content, code, says }) => {
    const folder = temporaryFolder();
    const target = file ?? path.join(folder, 'rule.yaml');
    if (content !== undefined) writeFileSync(target, content);
    const finished = await tocsin(['explain', target]);
    expect([finished.code, finished.stdout]).toEqual([code, '']);
    expect(finished.stderr).toMatch(/^error: /);
    expect(finished.stderr).toContain(says);
  });
});

describe('check', () => {
  test('finds what works otherwise than the rule says, at its place', async () => {
    const { code, stdout, stderr } = await tocsin(['check', SEED_RULE]);
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
    expect(stdout).toContain('info string-compared-with-number: a string is compared with the number 0\n');
    expect(stdout).toMatch(
      /0 errors, 13 warnings, 6 hints\n {2}Non-Interactive Auth .*\n {2}runs every 1h over 2h, returns 9 columns\n$/,
    );
  });

  test('gives findings and columns as JSON, SARIF and annotations', async () => {
    const { code, stdout } = await tocsin(['check', SEED_RULE, '--json']);
    expect(code).toBe(EXIT_CODES.ok);
    const json = JSON.parse(stdout) as { findings: unknown[] };
    expect(json).toMatchObject({
      schema: 'tocsin.check/1',
      file: SEED_RULE,
      columns: expect.arrayContaining([{ name: 'TimeSinceNISignIn', type: 'timespan' }]) as unknown,
      suppressed: 0,
    });
    const sarif = JSON.parse((await tocsin(['check', SEED_RULE, '--format', 'sarif'])).stdout) as {
      runs: { results: unknown[] }[];
    };
    expect(sarif.runs[0]!.results).toHaveLength(json.findings.length);
    const annotations = (await tocsin(['check', SEED_RULE, '--format', 'github'])).stdout.trim().split('\n');
    expect(annotations).toHaveLength(json.findings.length);
  });

  test('fails as the user asks', async () => {
    const { code, stderr } = await tocsin(['check', SEED_RULE, '--fail-on', 'warning']);
    expect(code).toBe(EXIT_CODES.expectation);
    expect(stderr).toContain('--fail-on is warning');
    const folder = temporaryFolder();
    const file = path.join(folder, 'refused.yaml');
    writeFileSync(file, 'name: x\nkind: NRT\ntactics: [Persistance]\nquery: AuditLogs\n');
    expect((await tocsin(['check', file])).code).toBe(EXIT_CODES.definition);
  });

  test('lists what is wrong with several files, each with its position, carets and the nearest name', async () => {
    const folder = temporaryFolder();
    const rule = (query: string) => `kind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\nquery: |\n  ${query}\n`;
    writeFileSync(
      path.join(folder, 'one.yaml'),
      `tactics: [Persistance]\n${rule('AuditLog\n  | where Category == "Policy"')}`,
    );
    writeFileSync(path.join(folder, 'two.yaml'), `name: two\n${rule('SigninLogs')}`);
    const files = ['one.yaml', 'two.yaml'];
    writeFileSync(path.join(folder, 'two.expect.yaml'), 'expect: [recall >= 0.9]\n');
    const { code, stdout, stderr } = await tocsin(['check', ...files, 'two.expect.yaml'], { cwd: folder });
    expect(code).toBe(EXIT_CODES.definition);
    expect(stdout).toMatch(
      /one\.yaml:6:3: error query: .*AuditLog.*\n {6}AuditLog\n {6}\^{8}\n {2}why: .*\n {2}fix: did you mean AuditLogs\?\n {2}see: docs\/checks\.md#query\n/,
    );
    expect(stdout).toMatch(/one\.yaml:1:11: error tactic-unknown: .*did you mean Persistence\?/);
    expect(stdout).toMatch(
      /\ntwo\.yaml: 0 errors, .*\n {2}two\n {2}runs every 1h over 1h, returns \d+ columns\n2 files: 2 errors, /,
    );
    expect(stderr).toBe('error: one.yaml: 2 errors\nhint: see the findings\n');
    const json = await tocsin(['check', ...files, '--json'], { cwd: folder });
    const lines = json.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { file: string; columns: unknown });
    expect(lines.map(({ file, columns }) => [file, columns === null])).toEqual([
      ['one.yaml', true],
      ['two.yaml', false],
    ]);
  });
});

describe('explain', () => {
  test('prints the plan of the rule, root first, with the cut into partition and gather, and why', async () => {
    const { code, stdout } = await tocsin(['explain', SEED_RULE]);
    expect(code).toBe(EXIT_CODES.ok);
    expect(stdout).toMatch(/^sort by AuditTime desc\n {2}gather/);
    expect(stdout).toContain('scan AADNonInteractiveUserSignInLogs');
    expect(stdout).toContain('in each partition: summarize, its key UserPrincipalName is the account');
    const asJson = await tocsin(['explain', SEED_RULE, '--json']);
    const { schema, gathers } = JSON.parse(asJson.stdout) as { schema: string; gathers: { reason: string }[] };
    expect(schema).toBe('tocsin.explain/1');
    expect(gathers.map(({ reason }) => reason)).toContain('sort needs all rows in one place');
  });

  test('refuses what cannot be compiled', async () => {
    const { code, stderr } = await tocsin(['explain', 'package.json']);
    expect(code).toBe(EXIT_CODES.definition);
    expect(stderr).toContain('package.json:');
  });
});

describe('query', () => {
  const KQL = 'range i from 1 to 3 step 1 | extend s = strcat("row ", i)';

  test('prints NDJSON in a pipe', async () => {
    expect(await tocsin(['query', KQL])).toEqual({
      code: EXIT_CODES.ok,
      stdout: '{"i":1,"s":"row 1"}\n{"i":2,"s":"row 2"}\n{"i":3,"s":"row 3"}\n',
      stderr: '',
    });
  });

  test('prints a table where it is asked for', async () => {
    expect(await tocsin(['query', KQL, '--format', 'table'])).toEqual({
      code: EXIT_CODES.ok,
      stdout: 'i  s\n-  -----\n1  row 1\n2  row 2\n3  row 3\n\n3 rows\n',
      stderr: '',
    });
  });

  test('gives --json an object with columns and rows', async () => {
    const { stdout } = await tocsin(['query', 'print t = now()', '--now', '2026-06-01T12:00:00Z', '--json']);
    expect(JSON.parse(stdout)).toEqual({
      schema: 'tocsin.query/1',
      columns: [{ name: 't', type: 'datetime' }],
      rows: [['2026-06-01T12:00:00.0000000Z']],
    });
  });

  test('points at what is wrong', async () => {
    const { code, stdout, stderr } = await tocsin(['query', 'AuditLogs | where Categroy == "x"']);
    expect([code, stdout]).toEqual([EXIT_CODES.definition, '']);
    expect(stderr).toContain(' | where Categroy == "x"\n');
    expect(stderr).toMatch(/\n {22}\^{8}\n/);
    expect(stderr).toContain('did you mean Category?');
  });

  test.each([
    [['--format', 'xml'], 'Allowed choices are table, json, ndjson, csv'],
    [['--now', 'yesterday'], 'Expected a time'],
  ])('refuses %j', async (args, says) => {
    const { code, stderr } = await tocsin(['query', KQL, ...args]);
    expect(code).toBe(EXIT_CODES.usage);
    expect(stderr).toContain(says);
  });

  test('stops quietly when its reader has seen enough', async () => {
    const running = tocsin(['query', 'range i from 1 to 1000000 step 1', '--format', 'csv']);
    running.child.stdout.once('data', () => running.child.stdout.destroy());
    const { code, stderr } = await running;
    expect([code, stderr]).toEqual([EXIT_CODES.ok, '']);
  });
});

describe('colour', () => {
  test('is absent in a pipe, and there when it is forced, unless NO_COLOR is set', async () => {
    const stderrWith = async (env: NodeJS.ProcessEnv) => (await tocsin(['check', 'no-such-rule.yaml'], { env })).stderr;
    expect(await stderrWith({})).not.toContain('\u001b[');
    expect(await stderrWith({ FORCE_COLOR: '1' })).toContain('\u001b[31m');
    expect(await stderrWith({ FORCE_COLOR: '1', NO_COLOR: '1' })).not.toContain('\u001b[');
  });
});
