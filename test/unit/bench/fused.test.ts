/** A run in memory, partition by partition, against a dataset on disk and an ordinary replay and score of it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchScenario } from '../../../bench/datasets.ts';
import { digestReplay } from '../../../bench/digest.ts';
import { assertPartitionwise, fuse, type FusedResult } from '../../../bench/fused.ts';
import { Workers } from '../../../bench/pool.ts';
import { generate } from '../../../generators/index.ts';
import { openDataset } from '../../../src/dataset/read.ts';
import { type Replay, replay } from '../../../src/replay/replay.ts';
import { compileRule } from '../../../src/rules/compile.ts';
import { type RuleScore, score } from '../../../src/score/score.ts';

const FILE = 'rules/ni-auth-privileged-audit-actions.yaml';
const DIGEST = ['AuditTime', 'UserPrincipalName', 'IPAddress', 'LastNISignIn', 'TargetResources'];
const SIZE = { users: 300, days: 3, seed: 3 };

let folder: string;
let fused: FusedResult[];
let onDisk: Replay;
let scored: RuleScore;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tocsin-fused-'));
  const compiled = compileRule(FILE);
  const out = path.join(folder, 'tenant');
  await generate(benchScenario(SIZE.users, SIZE.days, SIZE.seed), { out, threads: 0 });
  const dataset = await openDataset(out);
  onDisk = await replay(dataset, compiled, { threads: 0 });
  scored = score(onDisk, compiled.rule.name, await dataset.truth(), dataset.manifest);
  const rule = { file: FILE, text: readFileSync(FILE, 'utf8'), plan: compiled.plan };
  fused = [];
  for (const partitionCount of [1, 3]) {
    fused.push(await fuse({ ...SIZE, partitionCount }, rule, DIGEST, new Workers(0), () => {}));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a run in memory', () => {
  test('gives the rows of a replay from disk, however it is partitioned', () => {
    const expected = digestReplay(onDisk, DIGEST).toString();
    expect(onDisk.rows.length).toBeGreaterThan(100);
    expect(fused.map(({ digest }) => digest)).toEqual([expected, expected]);
    expect(fused.map(({ resultRows }) => resultRows)).toEqual([onDisk.rows.length, onDisk.rows.length]);
    expect(fused.map(({ runs }) => runs)).toEqual([onDisk.runs.length, onDisk.runs.length]);
  });

  test('raises as many alerts, and detects the same attacks at the same time', () => {
    expect(scored.attacks.detected).toBeGreaterThan(0);
    for (const { score: ours } of fused) {
      expect(ours.attacks).toEqual(scored.attacks);
      expect(ours.events).toEqual(scored.events);
      expect(ours.timeToDetectMs).toEqual(scored.timeToDetectMs);
      expect(ours.alerts.raised).toBe(scored.alerts.raised);
      expect(ours.alerts.truePositive).toBe(scored.alerts.truePositive);
      expect(ours.rowsRead).toEqual(scored.rowsRead);
    }
  });

  test('is refused for a rule whose rows of several accounts must meet', () => {
    const query = 'query: |\n  SigninLogs | summarize Users = count_distinct(UserPrincipalName) by IPAddress\n';
    const { plan } = compileRule(
      readFileSync(FILE, 'utf8')
        .replace(/query: \|[\s\S]*?(?=^\w)/m, query)
        .replace(/^(entityMappings|customDetails|alertDetailsOverride):[\s\S]*?(?=^\w)/gm, ''),
    );
    expect(() => assertPartitionwise(plan, 'rule.yaml')).toThrow('rows of several accounts must meet');
  });
});
