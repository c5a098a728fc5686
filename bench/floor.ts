/**
 * The memory floor: how long it takes to sum every byte of the columns that a plan needs. No evaluation that looks at each
 * row once can be faster; what a replay takes beyond it is its own. Bytes are summed as 32-bit words, four sums at a time,
 * which in JavaScript is about as fast as memory can be read.
 */
import path from 'node:path';
import { type Dataset, openDataset } from '../src/dataset/read.ts';
import { FactsFile } from '../src/dataset/facts-file.ts';
import { FileRows } from '../src/dataset/rows.ts';
import type { PartitionFile } from '../src/dataset/manifest.ts';
import { type Plan, visitPlan } from '../src/plan/plan.ts';
import { INGESTION_TIME } from '../src/schema/tables.ts';

/** Sums fields: those that are given, or those of a partition's files. */
export type FloorTask =
  | { readonly kind: 'floor'; readonly from: 'memory'; readonly fields: readonly SharedArrayBuffer[] }
  | {
      readonly kind: 'floor';
      readonly from: 'files';
      readonly dataset: string;
      readonly partition: number;
      readonly needed: NeededColumns;
    };

/** Columns by table. */
export type NeededColumns = Readonly<Record<string, readonly string[]>>;

/** The columns that the scans of a plan name, and the times that a window is cut by. */
export function neededColumns(plan: Plan): NeededColumns {
  const needed = new Map<string, Set<string>>();
  visitPlan(plan, (node) => {
    if (node.op !== 'scan') return;
    const columns = needed.get(node.table) ?? new Set(['TimeGenerated', INGESTION_TIME]);
    for (const { name } of node.columns) columns.add(name);
    needed.set(node.table, columns);
  });
  return Object.fromEntries(Array.from(needed, ([table, columns]) => [table, [...columns]]));
}

/** The fields of a file that columns are made from, each once. */
function fieldsOf(rows: FileRows, columns: readonly string[]): ArrayBufferView[] {
  const names = new Set<string>();
  for (const { name, source } of rows.file.header.columns) {
    if (!columns.includes(name)) continue;
    if (source.from === 'field' || source.from === 'dimension') names.add(source.field);
    else if (source.from === 'timed') names.add(source.field).add(source.time);
    else if (source.from === 'id') names.add(source.account).add(source.counter);
  }
  return Array.from(names, (name) => rows.field(name).values);
}

function filesOf({ manifest }: Dataset, table: string): readonly PartitionFile[] {
  return manifest.tables.find((each) => each.table === table)?.files ?? [];
}

function openRows(dataset: Dataset, { file, partition }: PartitionFile): FileRows {
  return new FileRows(new FactsFile(path.join(dataset.path, file), partition));
}

/** The fields of a whole dataset, in memory that threads share: one list a partition. */
export function sharedFields(dataset: Dataset, needed: NeededColumns): SharedArrayBuffer[][] {
  const partitions: SharedArrayBuffer[][] = Array.from({ length: dataset.manifest.partitionCount }, () => []);
  for (const [table, columns] of Object.entries(needed)) {
    for (const file of filesOf(dataset, table)) {
      for (const { buffer, byteOffset, byteLength } of fieldsOf(openRows(dataset, file), columns)) {
        // Whole words; what is added counts for nothing.
        const shared = new SharedArrayBuffer((byteLength + 3) & ~3);
        new Uint8Array(shared).set(new Uint8Array(buffer, byteOffset, byteLength));
        partitions[file.partition]!.push(shared);
      }
    }
  }
  return partitions;
}

const datasets = new Map<string, Promise<Dataset>>();

/** The sum of all words, modulo 2^32; called in a worker. */
export async function sumPartition(task: FloorTask): Promise<number> {
  let sum = 0;
  if (task.from === 'memory') {
    for (const field of task.fields) sum = (sum + sumWords(new Int32Array(field))) | 0;
    return sum;
  }
  let opened = datasets.get(task.dataset);
  if (!opened) datasets.set(task.dataset, (opened = openDataset(task.dataset)));
  const dataset = await opened;
  for (const [table, columns] of Object.entries(task.needed)) {
    const file = filesOf(dataset, table).find(({ partition }) => partition === task.partition);
    if (!file) continue;
    for (const { buffer, byteOffset, byteLength } of fieldsOf(openRows(dataset, file), columns)) {
      const words = byteLength >> 2;
      sum = (sum + sumWords(new Int32Array(buffer, byteOffset, words))) | 0;
      for (const byte of new Uint8Array(buffer, byteOffset + words * 4, byteLength - words * 4)) sum = (sum + byte) | 0;
    }
  }
  return sum;
}

function sumWords(words: Int32Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = words.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a = (a + words[i]!) | 0;
    b = (b + words[i + 1]!) | 0;
    c = (c + words[i + 2]!) | 0;
    d = (d + words[i + 3]!) | 0;
  }
  for (let i = whole; i < words.length; i++) a = (a + words[i]!) | 0;
  return (a + b + c + d) | 0;
}
