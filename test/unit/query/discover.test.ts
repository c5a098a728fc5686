import { describe, expect, test } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { replay } from '../../../src/replay/replay.ts';
import { compileRule, type CompileRuleOptions } from '../../../src/rules/compile.ts';
import { at, audit, memoryDataset } from '../../support/replay.ts';

const A = 'alice@contoso.com';
const B = 'bob@contoso.com';

/** Two actions of the morning with one detail, one of the evening with another. */
const dataset = memoryDataset(
  {
    AuditLogs: [
      audit(at('08:10'), A, { OperationName: 'Add user', AdditionalDetails: { agent: 'curl' } }),
      audit(at('08:20'), B, { OperationName: 'Add user', AdditionalDetails: { agent: 'edge' } }),
      audit(at('20:10'), A, { OperationName: 'Delete user', AdditionalDetails: { reason: 7 } }),
    ],
  },
  { partitionCount: 1 },
);
const readable = { all: () => dataset.partition(0), manifest: dataset.manifest };

function rule(query: string, options: CompileRuleOptions = {}): ReturnType<typeof compileRule> {
  return compileRule(
    `name: test\nkind: Scheduled\nqueryFrequency: 1h\nqueryPeriod: 1h\nseverity: Low\ntriggerOperator: gt\ntriggerThreshold: 0\nquery: |\n  ${query.replaceAll('\n', '\n  ')}\n`,
    options,
  );
}

async function rows(query: string): Promise<Record<string, unknown>[]> {
  const result = await replay(dataset, rule(query, { dataset: readable }), { threads: 0 });
  return result.rows.map(({ cells }) => Object.fromEntries(result.columns.map(({ name }, i) => [name, cells[i]])));
}

describe('a rule whose columns the data name', () => {
  test('has the columns of all times in every run', async () => {
    expect(
      await rows(`AuditLogs
| where TimeGenerated > ago(1h)
| project OperationName, AdditionalDetails
| evaluate bag_unpack(AdditionalDetails)`),
    ).toEqual([
      { OperationName: 'Add user', agent: 'curl', reason: null },
      { OperationName: 'Add user', agent: 'edge', reason: null },
      { OperationName: 'Delete user', agent: '', reason: 7n },
    ]);
  });

  test('can go on with them, and asks after those that may not be there', async () => {
    expect(
      await rows(`AuditLogs
| project AdditionalDetails
| evaluate bag_unpack(AdditionalDetails)
| where agent startswith "c"
| project agent, other = column_ifexists("nothing", "none")`),
    ).toEqual([{ agent: 'curl', other: 'none' }]);
  });

  test('pivots with a column for each value of all times', async () => {
    expect(
      await rows(`AuditLogs
| where TimeGenerated > ago(1h)
| extend Actor = tostring(InitiatedBy.user.userPrincipalName)
| evaluate pivot(OperationName, count(), Actor)`),
    ).toEqual([
      { Actor: A, 'Add user': 1n, 'Delete user': 0n },
      { Actor: B, 'Add user': 1n, 'Delete user': 0n },
      { Actor: A, 'Add user': 0n, 'Delete user': 1n },
    ]);
  });

  test('is refused without data, with what to do', () => {
    let error: unknown;
    try {
      rule('AuditLogs | evaluate bag_unpack(AdditionalDetails)');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(TocsinError);
    expect((error as TocsinError).code).toBe('UNSUPPORTED');
    expect((error as TocsinError).message).toContain('a replay finds them out');
  });
});
