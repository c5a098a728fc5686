import { createHash, type Hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { generatePartition } from '../../../generators/partition.ts';
import { loadScenario, shippedScenarios } from '../../../generators/scenario.ts';
import { prepare } from '../../../generators/worker.ts';
import { measureIncidents } from '../../../generators/yardsticks.ts';
import {
  type CodedColumn,
  type Column,
  columnFromValues,
  columnLength,
  isCodedType,
  valueAt,
} from '../../../src/columns/column.ts';
import { sourceOfFacts } from '../../../src/dataset/rows.ts';
import { INGESTION_TIME, tableColumns } from '../../../src/schema/tables.ts';

/**
 * A change here changes every dataset that somebody may have kept or quoted: it belongs in the changelog. Small sizes of
 * every shipped scenario stand for it. Digests are over the values that queries read, so that they outlive changes of
 * how these are held.
 */
test.each(shippedScenarios())('%s gives the rows and the truth that it always gave', (name) => {
  const users = name === 'evasion' ? 450 : 60;
  const { tenant, span, plan } = prepare(loadScenario(name, { users, days: name === 'boundary' ? 7 : 1 }));
  const digest = createHash('sha256');
  for (let partition = 0; partition < 3; partition++) {
    const facts = generatePartition(tenant, span, plan, partition, 3);
    const source = sourceOfFacts(facts);
    for (const { table, rowCount, labels } of facts) {
      const columns = [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' } as const];
      digest.update(JSON.stringify([table, rowCount, labels]));
      const rows = source.scan(table, columns, undefined);
      for (const [index, column] of columns.entries()) {
        digest.update(`${column.name} ${column.type}`);
        addValues(rows.column(index), digest);
      }
    }
  }
  digest.update(JSON.stringify(measureIncidents(tenant, span, plan)));
  expect(digest.digest('hex').slice(0, 16)).toMatchSnapshot();
});

function addValues(column: Column, digest: Hash): void {
  if (column.kind === 'constant' && isCodedType(column.type)) {
    const single = columnFromValues(column.type, [column.value]) as CodedColumn;
    addValues({ ...single, codes: new Uint8Array(column.length) }, digest);
  } else if (column.kind === 'coded') {
    for (const code of column.codes) digest.update(`${column.dictionary.isNull(code)} ${column.dictionary.text(code)}`);
  } else if (column.kind === 'number' && !column.nulls) digest.update(column.values);
  else
    for (let row = 0; row < columnLength(column); row++)
      digest.update(String(valueAt(column, row) as bigint | number | boolean | null));
}
