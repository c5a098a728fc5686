/** Facts from rows written out in full, for tests that need a dataset of known rows. */
import { columnTicksFromTicks, parseIsoDatetime } from '../../src/base/time.ts';
import type { Attribute, Dimension, FactColumn, Facts, FieldArray, Label } from '../../src/dataset/facts.ts';
import { INGESTION_TIME, tableColumns } from '../../src/schema/tables.ts';

/**
 * One row: datetimes in ISO 8601, numbers, booleans, texts; objects and lists for dynamic columns; what is absent or null
 * is null. `$IngestionTime` defaults to TimeGenerated; `$event` labels the row with an event id.
 */
export type FactRow = Readonly<Record<string, unknown>>;

function ticksOf(value: unknown): number {
  return typeof value === 'string' ? columnTicksFromTicks(parseIsoDatetime(value)!) : Number.NaN;
}

/** Facts of `table`, one dimension for each coded column. Rows keep their order until they are written. */
export function factsOf(table: string, rows: readonly FactRow[]): Facts {
  const fields: Record<string, FieldArray> = {};
  const dimensions: Record<string, Dimension> = {};
  const columns: FactColumn[] = [];
  for (const { name, type } of [...tableColumns(table)!, { name: INGESTION_TIME, type: 'datetime' as const }]) {
    const isTime = name === 'TimeGenerated' || name === INGESTION_TIME;
    if (!isTime && !rows.some((row) => row[name] !== undefined)) continue;
    const values = rows.map((row) => row[name] ?? (name === INGESTION_TIME ? row['TimeGenerated'] : undefined) ?? null);
    columns.push({ name, type, source: { from: 'field', field: name } });
    if (type === 'datetime') fields[name] = Float64Array.from(values, ticksOf);
    else if (type === 'bool') fields[name] = Uint8Array.from(values, (value) => (value === null ? 2 : value ? 1 : 0));
    else if (type === 'int' || type === 'long' || type === 'real' || type === 'timespan') {
      fields[name] = Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value)));
    } else {
      const texts = values.map((value) =>
        value === null ? '' : type === 'dynamic' ? JSON.stringify(value) : (value as string),
      );
      const entries: Attribute = [...new Set(texts)];
      const codeOf = new Map((entries as string[]).map((text, code) => [text, code]));
      fields[name] = Uint32Array.from(texts, (text) => codeOf.get(text)!);
      dimensions[name] = { size: entries.length, attributes: { value: entries } };
      columns[columns.length - 1] = {
        name,
        type,
        source: { from: 'dimension', field: name, dimension: name, attribute: 'value' },
      };
    }
  }
  const labels = rows.flatMap((row, index): Label[] =>
    typeof row['$event'] === 'string' ? [{ row: index, event: row['$event'] }] : [],
  );
  return { table, rowCount: rows.length, fields, dimensions, columns, labels };
}
