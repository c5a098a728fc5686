import { execFile } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import * as tocsin from 'tocsin';
import { REPOSITORY, temporaryFolder } from '../support/run-cli.ts';

test('the package exports what its users need, under its own name', () => {
  const needed =
    'compileRule generate importFiles loadScenario openDataset query replay score TocsinError ' +
    'compareRules judgeIntent missedEvents noisiest readAxes reportHtml sweep whyNot';
  expect(Object.keys(tocsin)).toEqual(expect.arrayContaining(needed.split(' ')));
});

test('query answers over tables in memory, cells as plain values', async () => {
  const kql = 'T | extend Late = At > datetime(2026-06-01), Bag = parse_json(Text), Big = tolong("9007199254740993")';
  const { columns, rows } = await tocsin.query(kql, {
    tables: {
      T: {
        columns: [
          { name: 'At', type: 'datetime' },
          { name: 'Text', type: 'string' },
        ],
        rows: [['2026-06-02', '{"a":[1]}']],
      },
    },
  });
  expect(columns.map(({ name }) => name)).toEqual(['At', 'Text', 'Late', 'Bag', 'Big']);
  expect(rows).toEqual([['2026-06-02T00:00:00.0000000Z', '{"a":[1]}', true, { a: [1] }, 9_007_199_254_740_993n]]);
});

test('failures are TocsinErrors with a code and every problem', async () => {
  const failure = await tocsin
    .query('AuditLogs | where Nope == 1 | where Neither == 2')
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(tocsin.TocsinError);
  expect(failure).toMatchObject({ code: 'QUERY', exitCode: 3 });
  expect((failure as tocsin.TocsinError).problems.length).toBeGreaterThanOrEqual(2);
});

test('what a score, a reason and a sweep need is there under one name', async () => {
  const scenario = await tocsin.loadScenario('contoso-2k', { users: 40, days: 1 });
  expect(scenario).toMatchObject({ name: 'contoso-2k', days: 1, tenant: { users: 40 } });
  const rule = tocsin.compileRule(path.join(REPOSITORY, 'rules/ni-auth-privileged-audit-actions.yaml'));
  const folder = path.join(temporaryFolder(), 'tenant');
  await tocsin.generate(scenario, { out: folder, threads: 0 });
  const dataset = await tocsin.openDataset(folder);
  const truth = await dataset.truth();
  const result = await tocsin.replay(dataset, rule, { threads: 0 });
  const missed = tocsin.missedEvents(result, truth);
  const reasons = await tocsin.whyNot(dataset, rule, missed, { replay: result });
  expect(reasons.map(({ event }) => event)).toEqual(missed);
  const { cells } = await tocsin.sweep(dataset, rule, tocsin.readAxes(['60m=30m,60m'], rule), truth, { threads: 0 });
  expect(cells.map(({ values, asIs }) => [values[0], asIs])).toEqual([
    ['30m', false],
    ['60m', true],
  ]);
});

test('the example of the README runs as it stands', async () => {
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(path.join(REPOSITORY, 'README.md'), 'utf8'))!;
  const cwd = temporaryFolder();
  symlinkSync(path.join(REPOSITORY, 'rules'), path.join(cwd, 'rules'));
  // Only a file inside the package can import it by name without installing it.
  const script = path.join(REPOSITORY, 'dist', `readme-example-${process.pid}.mjs`);
  writeFileSync(script, example!);
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd });
    expect(stdout).toMatch(/recall/);
  } finally {
    rmSync(script);
  }
});
