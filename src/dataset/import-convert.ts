/** Logs that are no JSON, as lines of JSON that an import can read: CSV and Parquet, which DuckDB reads. */
import { open } from 'node:fs/promises';
import { TocsinError } from '../base/errors.ts';
import { looksLikeCsv, readError } from './import-part.ts';

export type Convertible = 'csv' | 'parquet';

/** What has to be converted before it can be read; undefined for what need not, or cannot. */
export async function convertible(file: string): Promise<Convertible | undefined> {
  try {
    const handle = await open(file);
    try {
      const head = Buffer.alloc(4096);
      const { bytesRead } = await handle.read(head, 0, head.length, 0);
      const text = head.subarray(0, bytesRead);
      if (text.toString('latin1', 0, 4) === 'PAR1') return 'parquet';
      const isText = !text.includes(0) && text[0] !== 0x1f && text[0] !== 0x28 && text[0] !== 0x3c;
      // A byte order mark is no part of the first name.
      return isText && looksLikeCsv(text.toString('utf8').replace(/^\ufeff/, '')) ? 'csv' : undefined;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw readError(file, error);
  }
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A column of a Parquet file as JSON can hold it: times in ISO 8601 to 100 ns, reals as text, which has infinities. */
function asJson(name: string, type: string): string {
  const column = sqlName(name);
  let value = column;
  if (type === 'TIMESTAMP_NS') value = `left(strftime(${column}, '%Y-%m-%dT%H:%M:%S.%n'), 27) || 'Z'`;
  else if (type === 'TIMESTAMP WITH TIME ZONE') value = `strftime(${column} AT TIME ZONE 'UTC', ${MICROSECONDS})`;
  else if (type.startsWith('TIMESTAMP') || type === 'DATE') value = `strftime(${column}::TIMESTAMP, ${MICROSECONDS})`;
  else if (type === 'DOUBLE' || type === 'FLOAT' || type.startsWith('DECIMAL')) value = `${column}::VARCHAR`;
  else if (type === 'BLOB') value = `decode(${column})`;
  return `${value} AS ${column}`;
}

const MICROSECONDS = "'%Y-%m-%dT%H:%M:%S.%fZ'";

/**
 * Writes the rows of a file as lines of JSON to `target`, in their order.
 *
 * @throws TocsinError INPUT where the file is not what it seemed to be.
 */
export async function convertToLines(file: string, kind: Convertible, target: string): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  try {
    const connection = await instance.connect();
    const from =
      kind === 'parquet'
        ? `read_parquet(${sqlText(file)})`
        : `read_csv(${sqlText(file)}, all_varchar = true, header = true, sample_size = -1)`;
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
    const columns = described.getRows().map(([name, type]) => asJson(String(name), String(type)));
    await connection.run(`COPY (SELECT ${columns.join(', ')} FROM ${from}) TO ${sqlText(target)} (FORMAT json)`);
    connection.closeSync();
  } catch (error) {
    // The first line says what and where; what follows are options of DuckDB.
    const message = (error as Error).message.split('\n', 1)[0]!;
    throw new TocsinError('INPUT', `${file}: cannot be read as ${kind === 'csv' ? 'CSV' : 'Parquet'}: ${message}`, {
      cause: error,
    });
  } finally {
    instance.closeSync();
  }
}
