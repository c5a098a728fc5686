/** The recorded cases, and those that say nothing about the engine, each with its reason. */
import { readFileSync } from 'node:fs';
import { sharedPath } from '../support/shared.ts';
import { comparable, type Expected, readTuple, typeName } from './compare.ts';

export type CaseFile = 'docs' | 'fuzz' | 'rejects';

export interface Case {
  readonly id: string;
  readonly kql: string;
  /** Undefined: Kusto refuses the query. */
  readonly expected: Expected | undefined;
  readonly skip: string | undefined;
}

/** The cases of one file, or undefined where the recordings are not at hand. */
export function loadCases(file: CaseFile): Case[] | undefined {
  const path = sharedPath('kql-conformance', `${file}.jsonl`);
  if (path === undefined) return undefined;
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const raw = JSON.parse(line) as Record<string, unknown>;
    const kql = raw['kql'] as string;
    const expected = file === 'rejects' ? undefined : file === 'docs' ? typedRows(raw) : tupleRows(raw);
    const skip =
      expected === 'unreadable' ? 'the recorded rows cannot be read back' : skipReason(raw['id'] as string, kql);
    return { id: raw['id'] as string, kql, expected: expected === 'unreadable' ? undefined : expected, skip };
  });
}

function typedRows(raw: Record<string, unknown>): Expected {
  const recorded = raw['expected'] as { columns: string[]; column_types: string[]; rows: unknown[][] };
  const types = recorded.column_types.map(typeName);
  const rows = recorded.rows.map((row) => row.map((cell, i) => comparable(cell, types[i]!)));
  return { columns: recorded.columns, types, rows };
}

function tupleRows(raw: Record<string, unknown>): Expected | 'unreadable' {
  const columns = (raw['columns'] as string[]).map((column) => {
    const colon = column.lastIndexOf(':');
    return { name: column.slice(0, colon), type: typeName(column.slice(colon + 1)) };
  });
  const types = columns.map((column) => column.type);
  const rows: string[][] = [];
  for (const tuple of raw['rows'] as string[]) {
    const row = readTuple(tuple, types);
    if (!row) return 'unreadable';
    rows.push(row);
  }
  return { columns: columns.map((column) => column.name), types, rows };
}

const SKIPPED: Readonly<Record<string, string>> = {
  'join-innerunique-03': 'which of several left rows innerunique keeps is open',
  'k2s-0467': 'four values tie for two places',
};

function skipReason(id: string, kql: string): string | undefined {
  if (/\bgeo_/.test(kql)) return 'geo functions lie far from sign-in logs';
  if (/\bgraph/.test(kql)) return 'graph operators lie far from sign-in logs';
  if (/\b(rand|new_guid|sample|now|current_\w+|cursor_\w+|ingestion_time)\b\s*[(\d]/.test(kql))
    return 'not deterministic';
  return SKIPPED[id];
}
