/** What a generator thread runs; piscina loads it. Nothing but wiring: the work is in partition.ts. */
import { inArena } from '../src/base/arena.ts';
import { type PlainError, toPlainError } from '../src/base/errors.ts';
import type { Facts } from '../src/dataset/facts.ts';
import type { WrittenFile } from '../src/dataset/write.ts';
import { writePartition } from '../src/dataset/write-partition.ts';
import { planIncidents, type Plan } from './attacks/plan.ts';
import { applyFaults } from './faults.ts';
import { generatePartition } from './partition.ts';
import type { Span } from './rows.ts';
import { type Scenario, spanOf } from './scenario.ts';
import { Tenant } from './tenant.ts';

export interface PartitionTask {
  readonly scenario: Scenario;
  readonly folder: string;
  readonly partition: number;
  readonly partitionCount: number;
}

export type PartitionReply =
  | { readonly ok: true; readonly partition: number; readonly files: readonly WrittenFile[] }
  | { readonly ok: false; readonly error: PlainError };

/** The tenant of the last task: all tasks of one dataset share it. */
let prepared: (Prepared & { readonly key: string; readonly scenario: Scenario }) | undefined;

/** What all partitions of a dataset share. */
export interface Prepared {
  readonly tenant: Tenant;
  readonly span: Span;
  readonly plan: Plan;
}

export function prepare(scenario: Scenario): Prepared {
  if (prepared?.scenario === scenario) return prepared;
  const key = JSON.stringify(scenario);
  if (prepared?.key === key) prepared = { ...prepared, scenario };
  else {
    const tenant = new Tenant(scenario.tenant, scenario.seed);
    const span = spanOf(scenario);
    prepared = { key, scenario, tenant, span, plan: planIncidents(tenant, scenario, span) };
  }
  return prepared;
}

/**
 * The rows of one partition, with the scenario's faults, table by table; `sourceOfFacts` (dataset/rows.ts) makes them
 * ready for scans. A thread that asks for several partitions of one scenario makes the tenant and the plan once.
 */
export function factsOfPartition(scenario: Scenario, partition: number, partitionCount: number): Facts[] {
  const { tenant, span, plan } = prepare(scenario);
  return generatePartition(tenant, span, plan, partition, partitionCount).map((made) =>
    applyFaults(made, scenario.faults, scenario.seed, span),
  );
}

/** Generates and writes one partition. Never throws: an error comes back as data, which crosses threads whole. */
export default function runTask(task: PartitionTask): PartitionReply {
  try {
    const { scenario, folder, partition, partitionCount } = task;
    const files = inArena(() =>
      writePartition(folder, partition, factsOfPartition(scenario, partition, partitionCount)),
    );
    return { ok: true, partition, files };
  } catch (error) {
    return { ok: false, error: toPlainError(error) };
  }
}
