/** What `tocsin why` prints for machines, called in this process. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type WhyFlags, why } from '../../../src/cli/commands/why.ts';
import { CapturedTerminal } from '../../support/captured-terminal.ts';
import { at, audit, signIn, writeDataset } from '../../support/replay.ts';

const RULE = 'rules/ni-auth-privileged-audit-actions.yaml';
const NEVER = new AbortController().signal;

const validate = addFormats
  .default(new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }))
  .compile(JSON.parse(readFileSync('docs/why.schema.json', 'utf8')) as object);

describe('tocsin why --json', () => {
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'tocsin-why-'));
    await writeDataset(path.join(folder, 'tenant'), {
      AADNonInteractiveUserSignInLogs: [
        signIn(at('10:00'), 'ann@x', '1.1.1.1'),
        signIn(at('10:40'), 'ann@x', '1.1.1.1'),
        signIn(at('09:30'), 'bob@x', '1.1.1.1'),
      ],
      AuditLogs: [
        audit(at('10:20'), 'ann@x', { event: 'hidden', Id: 'Directory_1' }),
        audit(at('10:30'), 'Bob@x', { event: 'case' }),
        audit(at('10:45'), 'ann@x'),
        audit(at('10:20'), 'eve@x', { event: 'late', ingested: at('23:00') }),
      ],
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function printed(flags: Partial<WhyFlags>): Promise<Record<string, unknown>> {
    const terminal = new CapturedTerminal(true);
    await why(path.join(folder, 'tenant'), { rule: RULE, baseRate: 1, threads: 0, ...flags }, terminal, NEVER);
    return JSON.parse(terminal.stdout) as Record<string, unknown>;
  }

  test('keeps to its schema, with what no run saw', async () => {
    const report = await printed({ event: ['hidden', 'case', 'late'] });
    validate(report);
    expect(validate.errors).toBeNull();
    expect(report).toMatchObject({
      schema: 'tocsin.why/1',
      explanations: [{ cause: 'hidden' }, { cause: 'case' }, { cause: 'not-ingested', run: null, at: null }],
    });
  });

  test('keeps to its schema for false alarms, with what was meant', async () => {
    const report = await printed({ falseAlarms: true });
    validate(report);
    expect(validate.errors).toBeNull();
    expect(report).toMatchObject({
      schema: 'tocsin.false-alarms/1',
      falsePositive: 1,
      intent: { falseRows: { meant: 1, notMeant: 0 } },
      columns: [{ column: 'UserPrincipalName', values: [{ value: 'ann@x', rows: 1 }] }, {}, {}, {}],
    });
  });

  test('is refused by its schema where something is unknown or missing', async () => {
    const report = await printed({ event: ['hidden'] });
    const [one] = report['explanations'] as object[];
    for (const broken of [
      { ...one, cause: 'bad luck' },
      { ...one, clause: undefined },
      { ...one, more: 1 },
    ]) {
      expect(validate(JSON.parse(JSON.stringify({ ...report, explanations: [broken] })))).toBe(false);
    }
  });
});
