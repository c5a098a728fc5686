import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { generatePartition } from '../../../generators/partition.ts';
import { loadScenario, shippedScenarios } from '../../../generators/scenario.ts';
import { prepare } from '../../../generators/worker.ts';
import { measureIncidents } from '../../../generators/yardsticks.ts';

/**
 * A change here changes every dataset that somebody may have kept or quoted: it belongs in the changelog. Small sizes of
 * every shipped scenario stand for it. Digests are over the facts, so that they outlive changes of the file format.
 */
test.each(shippedScenarios())('%s gives the rows and the truth that it always gave', (name) => {
  const users = name === 'evasion' ? 450 : 60;
  const { tenant, span, plan } = prepare(loadScenario(name, { users, days: name === 'boundary' ? 7 : 1 }));
  const digest = createHash('sha256');
  for (let partition = 0; partition < 3; partition++) {
    for (const { table, rowCount, fields, dimensions, columns, labels } of generatePartition(
      tenant,
      span,
      plan,
      partition,
      3,
    )) {
      digest.update(JSON.stringify([table, rowCount, columns, labels]));
      for (const field of Object.values(fields)) digest.update(field);
      for (const { attributes } of Object.values(dimensions)) {
        for (const attribute of Object.values(attributes))
          digest.update(JSON.stringify([...(attribute as Iterable<string | number>)]));
      }
    }
  }
  digest.update(JSON.stringify(measureIncidents(tenant, span, plan)));
  expect(digest.digest('hex').slice(0, 16)).toMatchSnapshot();
});
