/**
 * Rules as detection engineers write them, of every family: correlation of two tables or of one with itself, sequences,
 * thresholds, single events dug out of TargetResources, lists, baselines. Each stands in test/rules-corpus with a small
 * log and the rows that follow from it by hand; the rule's description says why. They are replayed on their schedule,
 * whole and in partitions, and each run is asked again as a one-off query over the rows of its window.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatDatetime, TICKS_PER_DAY } from '../../src/base/time.ts';
import { cellOf, query, rowTable, withSearchKey } from '../../src/query/query.ts';
import { replay } from '../../src/replay/replay.ts';
import { compileRule } from '../../src/rules/compile.ts';
import { at, memoryDataset, type TestRow, type TestTables } from '../support/replay.ts';
import { REPOSITORY } from '../support/run-cli.ts';

const FOLDER = path.join(REPOSITORY, 'test/rules-corpus');
const NAMES = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.case.yaml'))
  .map((file) => file.replace('.case.yaml', ''));

type Rows = readonly Readonly<Record<string, unknown>>[];

interface Case {
  /** Rows by table. `at` is the time of day, or `-3d 08:00` some days before. */
  readonly logs: Readonly<Record<string, readonly ({ readonly at: string } & Record<string, unknown>)[]>>;
  readonly watchlists?: Readonly<Record<string, Rows>>;
  readonly externals?: Readonly<Record<string, Rows>>;
  readonly columns: readonly string[];
  /** What all runs return together. */
  readonly rows: readonly (readonly unknown[])[];
}

function ticksOf(text: string): bigint {
  const [, days, time] = /^(?:-(\d+)d )?(.*)$/.exec(text)!;
  return at(time!) - BigInt(days ?? 0) * TICKS_PER_DAY;
}

const sorted = (rows: readonly (readonly unknown[])[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

describe('a rule of the family', () => {
  it('has company: there are at least forty', () => {
    expect(NAMES.length).toBeGreaterThanOrEqual(40);
  });

  it.each(NAMES)('%s returns what follows from its log', async (name) => {
    const {
      logs,
      columns,
      rows,
      watchlists = {},
      externals = {},
    } = parse(readFileSync(path.join(FOLDER, `${name}.case.yaml`), 'utf8')) as Case;
    const compiled = compileRule(path.join(FOLDER, `${name}.yaml`), {
      watchlists: Object.fromEntries(
        Object.entries(watchlists).map(([alias, list]) => [alias, withSearchKey(rowTable(alias, list, undefined))]),
      ),
      externals: Object.fromEntries(
        Object.entries(externals).map(([url, list]) => [url, rowTable(url, list, undefined)]),
      ),
    });
    const tables = Object.fromEntries(
      Object.entries(logs).map(([table, list]) => [
        table,
        list.map(({ at: time, ...row }) => ({ ...row, at: ticksOf(time) }) as TestRow),
      ]),
    ) as TestTables;
    const earliest = Object.values(tables as Record<string, TestRow[]>)
      .flat()
      .reduce((least, row) => (row.at < least ? row.at : least), at('00:00'));
    const start = earliest - (earliest % TICKS_PER_DAY);

    for (const partitionCount of [1, 3]) {
      const result = await replay(memoryDataset(tables, { partitionCount, start }), compiled, { threads: 0 });
      const types = result.columns.map(({ type }) => type);
      const returned = result.rows.map(({ cells, run }) => ({
        run,
        cells: cells.map((cell, index) => cellOf(cell, types[index]!)),
      }));
      expect(result.columns.map((column) => column.name)).toEqual(columns);
      expect(sorted(returned.map(({ cells }) => cells))).toEqual(sorted(rows));

      for (const run of partitionCount === 1 ? new Set(returned.map((row) => row.run)) : []) {
        const now = result.runs[run]!.at;
        const after = now - compiled.rule.queryPeriod;
        const inWindow = Object.entries(tables as Record<string, TestRow[]>).map(([table, list]) => [
          table,
          list
            .filter((row) => row.at > after && row.at <= now)
            .map(({ at: time, ...row }) => ({ ...row, TimeGenerated: formatDatetime(time) })),
        ]);
        const asked = await query(compiled.plan.text, {
          now: formatDatetime(now),
          tables: Object.fromEntries(inWindow) as Record<string, Rows>,
          watchlists,
          externals,
        });
        expect(sorted(asked.rows)).toEqual(sorted(returned.filter((row) => row.run === run).map((row) => row.cells)));
      }
    }
  });
});
