/**
 * The datasets that cases are measured over. A dataset under a folder that the user named is used again by a later run,
 * provided that its first partition is still what the generator would write: so no figure ever stands for other data than
 * its description says.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { factsOfPartition, prepare } from '../generators/worker.ts';
import { loadScenario, packageRoot, type Scenario } from '../generators/scenario.ts';
import { PARTITION } from '../generators/assumptions.ts';
import { measureIncidents } from '../generators/yardsticks.ts';
import { type Dataset, openDataset } from '../src/dataset/read.ts';
import type { Attribute, Dimension, Facts, FieldArray } from '../src/dataset/facts.ts';
import { encodeFacts } from '../src/dataset/facts-encode.ts';
import { PiecedTexts } from '../src/dataset/pieced-texts.ts';
import { createDatasetFolder, type WrittenFile } from '../src/dataset/write.ts';
import { writePartition } from '../src/dataset/write-partition.ts';
import type { Bench } from './compete.ts';
import { type Progress, runTasks } from './pool.ts';

/** A dataset as a case asks for it. */
export interface DatasetSpec {
  /** Its folder's name. */
  readonly name: string;
  readonly users: number;
  readonly days: number;
  readonly seed: number;
  /** Rows that are kept of a table's; a table that is not named is left out. */
  readonly tables: Readonly<Record<string, TableShare>>;
  readonly partitionCount: number;
}

export interface TableShare {
  /** Of the rows that qualify, about as many as come to this are kept; all of them where it is absent. */
  readonly rows?: number;
  /** Only rows that a user is behind: `InitiatedBy` names one. */
  readonly byUsers?: boolean;
}

/** What a worker needs to make one partition. */
export interface DatasetTask {
  readonly kind: 'dataset';
  readonly spec: DatasetSpec;
  readonly shares: Readonly<Record<string, number>>;
  readonly folder: string;
  readonly partition: number;
}

const scenarios = new Map<string, Scenario>();

/** The scenario that all cases share, in another size; read once for all partitions that a thread makes of it. */
export function benchScenario(users: number, days: number, seed: number): Scenario {
  const key = `${users}/${days}/${seed}`;
  let scenario = scenarios.get(key);
  if (!scenario) {
    scenario = loadScenario(path.join(packageRoot(), 'bench/scenario.yaml'), { users, days, seed });
    scenarios.set(key, scenario);
  }
  return scenario;
}

/** So many partitions as the generator would make of so many rows. */
export function partitionsFor(rows: number): number {
  return Math.min(PARTITION.maximum, Math.max(PARTITION.minimum, Math.ceil(rows / PARTITION.rows)));
}

/**
 * The dataset that `spec` describes, in a folder of its name within `folder`: the one that is there where it fits, otherwise
 * made anew by `threads` threads.
 */
export async function benchDataset(
  spec: DatasetSpec,
  folder: string,
  threads: number,
  progress: Progress,
): Promise<Dataset> {
  const location = path.join(folder, `${spec.name}-${specKey(spec)}`);
  const shares = sharesOf(spec);
  if (existsSync(location)) {
    const found = await openDataset(location).catch(() => undefined);
    if (found && fits(found, spec, shares)) return found;
    await rm(location, { recursive: true, force: true });
  }
  await makeDataset(spec, shares, location, threads, progress);
  return openDataset(location);
}

/** Rows of sign-ins for each user, and for each row of audit logs. */
const PER_USER = 400;
const PER_AUDIT = 50;
const SEED_DAYS = 7;

/** The dataset of the shipped rule, of so many sign-ins. */
export function seedDataset(bench: Bench): Promise<Dataset> {
  const { rows } = bench;
  return benchDataset(
    {
      name: 'seed-rule',
      users: Math.max(20, Math.round(rows / PER_USER)),
      days: SEED_DAYS,
      seed: bench.seed,
      tables: {
        AADNonInteractiveUserSignInLogs: { rows },
        AuditLogs: { rows: Math.round(rows / PER_AUDIT), byUsers: true },
      },
      partitionCount: partitionsFor(rows),
    },
    bench.folder,
    bench.threads,
    bench.progress('making the dataset of the shipped rule'),
  );
}

/** The dataset's counts, for a case's `work`. */
export function workOf({ manifest }: Dataset): Record<string, number> {
  const { origin } = manifest;
  return {
    ...Object.fromEntries(manifest.tables.map(({ table, rowCount }) => [table, rowCount])),
    ...(origin.kind === 'scenario' && { users: origin.users, days: origin.days, seed: origin.seed }),
    partitions: manifest.partitionCount,
    bytes: manifest.tables.reduce((sum, { files }) => sum + files.reduce((part, file) => part + file.sizeBytes, 0), 0),
  };
}

function specKey(spec: DatasetSpec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex').slice(0, 8);
}

/** Whether the first partition is what the generator would write now. */
function fits({ manifest }: Dataset, spec: DatasetSpec, shares: Readonly<Record<string, number>>): boolean {
  return benchFacts(spec, shares, 0).every((facts) => {
    const hash = createHash('sha256');
    for (const piece of encodeFacts(facts).pieces) hash.update(piece);
    const files = manifest.tables.find(({ table }) => table === facts.table)?.files;
    return files?.find(({ partition }) => partition === 0)?.sha256 === hash.digest('hex');
  });
}

/** Partitions that tell how many rows there are in all. */
const SAMPLED = 3;

/** For each table the share of its rows to keep. */
function sharesOf({ tables, ...spec }: DatasetSpec): Record<string, number> {
  const names = Object.entries(tables);
  const shares = Object.fromEntries(names.map(([table]) => [table, 1]));
  if (names.every(([, { rows }]) => rows === undefined)) return shares;
  const sampled = Math.min(SAMPLED, spec.partitionCount);
  const counts: Record<string, number> = {};
  for (let partition = 0; partition < sampled; partition++) {
    for (const { table, rowCount } of benchFacts({ ...spec, tables }, shares, partition)) {
      counts[table] = (counts[table] ?? 0) + rowCount;
    }
  }
  for (const [table, { rows }] of names) {
    const all = ((counts[table] ?? 0) * spec.partitionCount) / sampled;
    if (rows !== undefined && all > rows) shares[table] = rows / all;
  }
  return shares;
}

/** The rows of one partition, thinned out. */
function benchFacts(spec: DatasetSpec, shares: Readonly<Record<string, number>>, partition: number): Facts[] {
  return factsOfPartition(benchScenario(spec.users, spec.days, spec.seed), partition, spec.partitionCount)
    .filter(({ table }) => spec.tables[table])
    .map((facts) => thinned(facts, shares[facts.table]!, spec.tables[facts.table]!.byUsers ?? false))
    .filter(({ rowCount }) => rowCount > 0);
}

/** Makes and writes one partition; called in a worker. */
export function makeBenchPartition({ spec, shares, folder, partition }: DatasetTask): WrittenFile[] {
  return writePartition(folder, partition, benchFacts(spec, shares, partition));
}

async function makeDataset(
  spec: DatasetSpec,
  shares: Readonly<Record<string, number>>,
  location: string,
  threads: number,
  progress: Progress,
): Promise<void> {
  const folder = await createDatasetFolder(location);
  try {
    const tasks = Array.from(
      { length: spec.partitionCount },
      (_, partition): DatasetTask => ({ kind: 'dataset', spec, shares, folder: folder.path, partition }),
    );
    const files = (await runTasks<WrittenFile[]>(tasks, threads, progress)).flat();
    const scenario = benchScenario(spec.users, spec.days, spec.seed);
    const { tenant, span, plan } = prepare(scenario);
    await folder.commit({
      origin: { kind: 'scenario', scenario: scenario.name, seed: spec.seed, users: spec.users, days: spec.days },
      start: new Date(scenario.startMs).toISOString(),
      end: new Date(scenario.startMs + span.durationMs).toISOString(),
      partitionCount: spec.partitionCount,
      files,
      incidents: measureIncidents(tenant, span, plan),
    });
  } catch (error) {
    await folder.abort();
    throw error;
  }
}

/**
 * Keeps a share of the rows, evenly, and every row that the truth names.
 *
 * @param byUsers - rows whose `InitiatedBy` names no user go first.
 */
function thinned(facts: Facts, share: number, byUsers: boolean): Facts {
  if (share >= 1 && !byUsers) return facts;
  const labelled = new Set(facts.labels.map(({ row }) => row));
  const qualifies = byUsers ? userRows(facts) : undefined;
  const kept = new Uint32Array(facts.rowCount);
  let count = 0;
  let due = 0;
  for (let row = 0; row < facts.rowCount; row++) {
    if (!labelled.has(row)) {
      if (qualifies && !qualifies(row)) continue;
      due += share;
      if (due < 1) continue;
      due -= 1;
    }
    kept[count++] = row;
  }
  const rows = kept.subarray(0, count);
  const place = new Map(Array.from(rows, (row, index) => [row, index]));
  return inUse({
    ...facts,
    rowCount: count,
    fields: Object.fromEntries(Object.entries(facts.fields).map(([name, values]) => [name, gathered(values, rows)])),
    labels: facts.labels.map(({ row, event }) => ({ row: place.get(row)!, event })),
  });
}

/** The same rows without entries of dimensions that none of them names: a table of these rows would never have had them. */
function inUse(facts: Facts): Facts {
  const fields: Record<string, FieldArray> = { ...facts.fields };
  const dimensions: Record<string, Dimension> = {};
  for (const [name, { attributes }] of Object.entries(facts.dimensions)) {
    const codes = facts.columns.flatMap(({ source }) => {
      if (source.from === 'id') return source.dimension === name ? [source.account] : [];
      return (source.from === 'dimension' || source.from === 'timed') && source.dimension === name
        ? [source.field]
        : [];
    });
    const numbers = new Map<number, number>();
    for (const field of new Set(codes)) {
      fields[field] = fields[field]!.map((code) => {
        const number = numbers.get(code) ?? numbers.size;
        numbers.set(code, number);
        return number;
      });
    }
    const entries = [...numbers.keys()];
    dimensions[name] = {
      size: entries.length,
      attributes: Object.fromEntries(Object.entries(attributes).map(([key, values]) => [key, picked(values, entries)])),
    };
  }
  return { ...facts, fields, dimensions };
}

function picked(values: Attribute, entries: readonly number[]): Attribute {
  if (values instanceof Float64Array) return Float64Array.from(entries, (entry) => values[entry]!);
  if (!(values instanceof PiecedTexts)) {
    const texts = [...values];
    return entries.map((entry) => texts[entry]!);
  }
  const starts = new Int32Array(entries.length + 1);
  const codes: number[] = [];
  entries.forEach((entry, i) => {
    codes.push(...values.codes.subarray(values.starts[entry]!, values.starts[entry + 1]!));
    starts[i + 1] = codes.length;
  });
  return new PiecedTexts(starts, Uint32Array.from(codes), values.pieces);
}

function userRows({ columns, fields, dimensions }: Facts): (row: number) => boolean {
  const source = columns.find(({ name }) => name === 'InitiatedBy')?.source;
  if (source?.from !== 'dimension') throw new Error('rows by users were asked for of a table that names no initiators');
  const texts = dimensions[source.dimension]!.attributes[source.attribute] as Iterable<string>;
  const names = Array.from(texts, (text) => /"userPrincipalName":"[^"]/.test(text));
  const codes = fields[source.field]!;
  return (row) => names[codes[row]!]!;
}

function gathered(values: FieldArray, rows: Uint32Array): FieldArray {
  const out = new (values.constructor as new (length: number) => FieldArray)(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = values[rows[i]!]!;
  return out;
}
