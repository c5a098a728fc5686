/**
 * Why so many: the false alarms by what the rule's author shows of a row. What a row is about stands in the columns that
 * the rule maps to entities and custom details (the user, the operation), so those are counted, for any rule.
 */
import type { ScalarType, Value } from '../columns/value.ts';
import { cellText } from '../replay/cells.ts';
import type { ReplayResult } from '../replay/result.ts';
import type { Rule } from '../rules/rule.ts';
import type { TruthIncident } from '../dataset/truth.ts';
import { identifyRows } from './row-identity.ts';
import type { RuleScore } from './score.ts';

export interface NoisyValue {
  readonly value: string;
  /** False-positive unique rows with it. */
  readonly rows: number;
  /** Of all false-positive unique rows. A row counts at each value of a list, so shares of a column may sum to more than 1. */
  readonly share: number;
}

export interface NoisyColumn {
  readonly column: string;
  /** What the rule makes of it: `Account.FullName`, or the custom detail's name. */
  readonly shownAs: string;
  readonly distinct: number;
  /** The noisiest, most rows first, then by value. */
  readonly values: readonly NoisyValue[];
}

export interface Noise {
  /** Unique rows, and those without a malicious event behind any of the rows equal to them. */
  readonly unique: number;
  readonly falsePositive: number;
  /** In the order of the rule's mappings. */
  readonly columns: readonly NoisyColumn[];
}

/** Times and measures differ from row to row, so counting them says nothing. */
const CONTINUOUS: ReadonlySet<ScalarType> = new Set(['datetime', 'timespan', 'real', 'decimal']);

/** @param most - how many values of each column are given. */
export function noisiest(
  result: Pick<ReplayResult, 'rows' | 'columns'>,
  rule: Pick<Rule, 'entityMappings' | 'customDetails'>,
  truth: readonly TruthIncident[],
  most = 10,
): Noise {
  const { rows, columns } = result;
  const malicious = new Set(
    truth.flatMap(({ kind, events }) =>
      kind === 'attack' ? events.flatMap(({ id, role }) => (role === 'malicious' ? [id] : [])) : [],
    ),
  );
  const identities = identifyRows(rows);
  const first: number[] = [];
  const isTrue: boolean[] = [];
  rows.forEach(({ events }, index) => {
    const identity = identities[index]!;
    first[identity] ??= index;
    if (events.some((event) => malicious.has(event))) isTrue[identity] = true;
  });
  const falseRows = first.filter((_, identity) => !isTrue[identity]);
  return {
    unique: first.length,
    falsePositive: falseRows.length,
    columns: mappedColumns(rule).flatMap(({ column, shownAs }): NoisyColumn[] => {
      const index = columns.findIndex(({ name }) => name === column);
      if (index < 0 || CONTINUOUS.has(columns[index]!.type)) return [];
      const { type } = columns[index]!;
      const counts = new Map<string, number>();
      for (const row of falseRows) {
        for (const text of textsOf(type, rows[row]!.cells[index]!)) counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      const values = [...counts]
        .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
        .slice(0, most)
        .map(([value, count]) => ({ value, rows: count, share: count / falseRows.length }));
      return [{ column, shownAs, distinct: counts.size, values }];
    }),
  };
}

/** Each column once, by its first use. */
function mappedColumns({
  entityMappings,
  customDetails,
}: Pick<Rule, 'entityMappings' | 'customDetails'>): { readonly column: string; readonly shownAs: string }[] {
  const found = new Map<string, string>();
  for (const { entityType, fieldMappings } of entityMappings) {
    for (const { identifier, columnName } of fieldMappings) {
      if (!found.has(columnName)) found.set(columnName, `${entityType}.${identifier}`);
    }
  }
  for (const { key, columnName } of customDetails) if (!found.has(columnName)) found.set(columnName, key);
  return Array.from(found, ([column, shownAs]) => ({ column, shownAs }));
}

/** The distinct values of a cell: the elements of a list, else the cell itself. */
function textsOf(type: ScalarType, cell: Value): Set<string> {
  return new Set(Array.isArray(cell) ? cell.map((item) => cellText('dynamic', item)) : [cellText(type, cell)]);
}

/**
 * The share of alerts that would be true where attacks are as rare as stated: recall and false alarms as measured, one
 * alert an attack. Null where either is not measured.
 *
 * @param attacks - a week, among 1,000 users.
 */
export function precisionAtBaseRate(
  { attacks: { recall }, falseAlarms }: Pick<RuleScore, 'attacks' | 'falseAlarms'>,
  attacks: number,
): number | null {
  const { perThousandUsersPerDay } = falseAlarms;
  if (recall === null || perThousandUsersPerDay === null) return null;
  const found = recall * attacks;
  const all = found + perThousandUsersPerDay * 7;
  return all === 0 ? null : found / all;
}
