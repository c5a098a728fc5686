import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generate, type GenerateOptions, type GeneratedDataset } from '../../generators/index.ts';
import type { Scenario } from '../../generators/scenario.ts';
import type { Value } from '../../src/columns/value.ts';
import { valueAt } from '../../src/columns/column.ts';
import { type Dataset, openDataset } from '../../src/dataset/read.ts';
import { INGESTION_TIME, tableColumns } from '../../src/schema/tables.ts';

/** A row as column name to value; `$IngestionTime` and `$events` (labels) among them. */
export type Row = Readonly<Record<string, Value>> & { readonly $events: readonly string[] };

export interface Generated {
  readonly manifest: GeneratedDataset;
  readonly dataset: Dataset;
  readonly folder: string;
  /** The rows of a table in order of TimeGenerated; with just some columns where given, and evenly spaced ones where there are more than `most`. */
  rows(table: string, columns?: readonly string[], most?: number): Row[];
  remove(): void;
}

/** Generates a dataset into a temporary folder and opens it. */
export async function generated(
  scenario: string | Scenario,
  options: Omit<GenerateOptions, 'out'> = {},
): Promise<Generated> {
  const parent = mkdtempSync(path.join(tmpdir(), 'tocsin-generated-'));
  const folder = path.join(parent, 'dataset');
  const manifest = await generate(scenario, { threads: 0, ...options, out: folder });
  const dataset = await openDataset(folder);
  return {
    manifest,
    dataset,
    folder,
    rows(table, names, most = Number.POSITIVE_INFINITY) {
      const schema = [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' as const }].filter(
        ({ name }) => !names || names.includes(name),
      );
      const batch = dataset.all().scan(table, schema, undefined);
      const columns = batch.columns();
      const stride = Math.max(1, Math.ceil(batch.rowCount / most));
      return Array.from({ length: Math.ceil(batch.rowCount / stride) }, (_, index) => index * stride).map((row) => ({
        ...Object.fromEntries(schema.map(({ name }, index) => [name, valueAt(columns[index]!, row)])),
        $events: batch.lineage ? batch.lineage.sets[batch.lineage.codes[row]!]! : [],
      })) as unknown as Row[];
    },
    remove: () => rmSync(parent, { recursive: true, force: true }),
  };
}
