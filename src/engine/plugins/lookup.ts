/**
 * `ipv4_lookup` and `ipv6_lookup`: joins each row to the networks that its address lies in. The lookup table stands in
 * `options.lookup`; it must not depend on logs, so that the plugin may run inside a partition.
 */
import { Batch } from '../../columns/batch.ts';
import { gatherColumn, valueAt } from '../../columns/column.ts';
import type { Expression, Plan, Span } from '../../plan/plan.ts';
import { concatColumns, missingColumn } from '../tables.ts';
import type { Plugin, PluginContext, PluginResult } from './plugin.ts';

/** `options` of a lookup node; `args` are the address, then the input's side of the extra keys. */
export interface LookupOptions {
  readonly lookup: Plan;
  /** The column of networks, and the lookup's side of the extra keys. */
  readonly network: number;
  readonly keys: readonly number[];
  /** The lookup's columns stand before those of the input. */
  readonly lookupFirst: boolean;
  readonly returnUnmatched: boolean;
}

/** A lookup by the function that tells whether an address lies in a network. */
export function networkLookup(inRange: string): Plugin {
  return {
    rowLocal: true,
    run: (context: PluginContext): PluginResult => lookUp(context, inRange),
  };
}

function lookUp(context: PluginContext, inRange: string): PluginResult {
  const { node, input } = context;
  const { lookup, network, keys, lookupFirst, returnUnmatched } = node.options as unknown as LookupOptions;
  const table = context.rows(lookup);
  const addresses = context.column(0);
  const inputKeys = keys.map((_, index) => context.column(index + 1));
  const networks = table.column(network);
  const tableKeys = keys.map((index) => table.column(index));
  const span: Span = { start: 0, end: 0 };
  const call: Expression = {
    kind: 'call',
    name: inRange,
    args: [
      { kind: 'column', index: 0, type: 'string', span },
      { kind: 'column', index: 1, type: 'string', span },
    ],
    type: 'bool',
    span,
  };
  const schema = [
    { name: 'address', type: 'string' as const },
    { name: 'network', type: 'string' as const },
  ];
  // Each distinct address is tested against all networks once.
  const found = new Map<string, readonly number[]>();
  const networksOf = (address: string): readonly number[] => {
    let hits = found.get(address);
    if (!hits) {
      const tests = context.evaluate(
        call,
        new Batch(schema, table.rowCount, [
          { kind: 'constant', type: 'string', value: address, length: table.rowCount },
          networks,
        ]),
      );
      hits = Array.from({ length: table.rowCount }, (_, row) => row).filter((row) => valueAt(tests, row) === true);
      found.set(address, hits);
    }
    return hits;
  };
  const from: number[] = [];
  const to: number[] = [];
  for (let row = 0; row < input.rowCount; row++) {
    const hits = networksOf(String(valueAt(addresses, row) as string)).filter((hit) =>
      keys.every((_, key) => valueAt(inputKeys[key]!, row) === valueAt(tableKeys[key]!, hit)),
    );
    for (const hit of hits) {
      from.push(row);
      to.push(hit);
    }
    if (hits.length === 0 && returnUnmatched) {
      from.push(row);
      to.push(-1);
    }
  }
  context.admit(from.length);
  const inputRows = Uint32Array.from(from);
  const picked = input.select(inputRows);
  // A row without a network takes its cells from a row of nothing behind the table's last.
  const tableRows = Uint32Array.from(to, (row) => (row < 0 ? table.rowCount : row));
  const padded = to.includes(-1);
  const own = input.schema.map((_, index) => () => picked.column(index));
  const looked = table.schema.map((info, index) => () => {
    const source = table.column(index);
    return gatherColumn(padded ? concatColumns(info.type, [source, missingColumn(info.type, 1)]) : source, tableRows);
  });
  const columns = lookupFirst ? [...looked, ...own] : [...own, ...looked];
  const batch = new Batch(node.columns, from.length, columns, picked.lineage);
  return { batch, rows: inputRows };
}
