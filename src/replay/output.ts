/**
 * Replays at rest: NDJSON, one section a rule. A section is a `Replay` line that says what was replayed, then run by run
 * the result rows (`QueryResult`) and the alerts (`SecurityAlert`), then the incidents (`SecurityIncident`). Lines of the
 * last two kinds are rows of those tables and nothing else, so any tool that takes a Log Analytics export takes them.
 *
 * The file depends on nothing but the replay: no clock, no machine, no number of threads. It is written under a temporary
 * name and renamed when whole.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { type Problem, TocsinError } from '../base/errors.ts';
import { formatDatetime, formatTimespan, parseIsoDatetime } from '../base/time.ts';
import type { ColumnInfo } from '../columns/batch.ts';
import { stringifyDynamic } from '../columns/dynamic.ts';
import { type Dynamic, SCALAR_TYPES, type ScalarType, type Value } from '../columns/value.ts';
import type { EntityMapping } from '../rules/rule.ts';
import { cellFromJson, cellJson, parseJsonObject, parseTimespan } from './cells.ts';
import { entitiesOf } from './entities.ts';
import type { Alert, AlertIncident, ReplayResult, ResultRow, ScheduledRun } from './result.ts';

const FORMAT = 'tocsin.replay/1';

/** What a file says about a rule. */
export interface ReplayedRule {
  readonly id: string | undefined;
  readonly name: string;
}

/** A replay as a file holds it. */
export interface StoredReplay {
  readonly rule: ReplayedRule;
  readonly result: ReplayResult;
}

/** SHA-256 (hex) over the rows in order, each with the time of its run. */
export function digestOf(
  columns: readonly ColumnInfo[],
  runs: readonly ScheduledRun[],
  rows: Iterable<ResultRow>,
): string {
  const hash = createHash('sha256');
  const times = runs.map((run) => formatDatetime(run.at));
  let block = '';
  for (const row of rows) {
    block += `${times[row.run]} ${cellsJson(columns, row.cells)}\n`;
    if (block.length > 1 << 16) {
      hash.update(block);
      block = '';
    }
  }
  return hash.update(block).digest('hex');
}

function cellsJson(columns: readonly ColumnInfo[], cells: readonly Value[]): string {
  return `[${cells.map((cell, i) => cellJson(columns[i]!.type, cell)).join(',')}]`;
}

/** The lines of one rule's section, without line ends. */
export function* replayLines(rule: ReplayedRule, result: ReplayResult): Generator<string> {
  const { columns, entityMappings, runs, rows, alerts, incidents } = result;
  const first = runs[0];
  yield JSON.stringify({
    Type: 'Replay',
    format: FORMAT,
    rule: { id: rule.id ?? null, name: rule.name },
    columns,
    entityMappings,
    // Runs stand at equal distances, each the same delay before its wall clock.
    runs: {
      count: runs.length,
      first: first ? formatDatetime(first.at) : null,
      every: runs[1] ? formatTimespan(runs[1].at - first!.at) : null,
      delay: first ? formatTimespan(first.wallClock - first.at) : null,
    },
    rowsRead: result.rowsRead,
    warnings: result.warnings,
    digest: result.digest,
  });
  const names = columns.map((column) => JSON.stringify(column.name));
  let row = 0;
  let alert = 0;
  const alertsOf = alertIdsByRow(result);
  for (let run = 0; run < runs.length; run++) {
    const at = formatDatetime(runs[run]!.at);
    for (; rows[row]?.run === run; row++) {
      const { cells, events } = rows[row]!;
      const pairs = cells.map((cell, i) => `${names[i]}:${cellJson(columns[i]!.type, cell)}`);
      yield `{"Type":"QueryResult","RunTime":"${at}","SystemAlertIds":${JSON.stringify(alertsOf[row] ?? [])},"Row":{${pairs.join(',')}},"events":${JSON.stringify(events)}}`;
    }
    for (; alerts[alert]?.run === run; alert++) yield JSON.stringify(alerts[alert]!.record);
  }
  for (const incident of incidents) yield JSON.stringify(incident.record);
}

function alertIdsByRow({ rows, alerts }: ReplayResult): string[][] {
  const ids: string[][] = rows.map(() => []);
  for (const alert of alerts) for (const row of alert.rows) ids[row]!.push(alert.systemAlertId);
  return ids;
}

/**
 * Writes lines to `path`, aside and then renamed, so that a file of that name is always whole.
 *
 * @throws {@link TocsinError} `OUTPUT` where it cannot be written; `INTERRUPTED` where `signal` aborts, with nothing left behind.
 */
export async function writeLines(path: string, lines: Iterable<string>, signal?: AbortSignal): Promise<void> {
  const aside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(aside, 'w');
    try {
      let block = '';
      for (const line of lines) {
        block += `${line}\n`;
        if (block.length < 1 << 20) continue;
        await file.write(block);
        block = '';
        if (signal?.aborted) throw new TocsinError('INTERRUPTED', 'interrupted');
      }
      await file.write(block);
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    if (error instanceof TocsinError) throw error;
    throw new TocsinError('OUTPUT', `${path}: cannot be written (${(error as Error).message})`, { cause: error });
  }
}

interface Section {
  readonly rule: ReplayedRule;
  readonly columns: readonly ColumnInfo[];
  readonly runs: readonly ScheduledRun[];
  readonly runOf: ReadonlyMap<bigint, number>;
  readonly rows: ResultRow[];
  readonly rowsOfAlert: Map<string, number[]>;
  readonly alerts: { readonly id: string; readonly record: Record<string, unknown>; readonly line: number }[];
  readonly incidents: { readonly record: Record<string, unknown>; readonly line: number }[];
  readonly entityMappings: readonly EntityMapping[];
  readonly rowsRead: Record<string, number>;
  readonly warnings: string[];
  readonly digest: string;
}

/**
 * Reads what {@link replayLines} wrote, however its lines were reordered within a section or other lines put between them:
 * lines of a `Type` that is not known are passed over.
 *
 * @throws {@link TocsinError} `INPUT` with the file and line of every line that cannot be read, or where the file is none of these.
 */
export async function readReplays(path: string): Promise<StoredReplay[]> {
  const problems: Problem[] = [];
  const sections: Section[] = [];
  let line = 0;
  const fault = (message: string, hint?: string): void => {
    problems.push({ message, position: { file: path, line, column: 1 }, hint });
  };
  const input = createReadStream(path);
  try {
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      line++;
      if (text.trim() === '') continue;
      const object = parseJsonObject(line === 1 ? text.replace(/^\uFEFF/, '') : text);
      if (!object) {
        fault(`not a JSON object: ${JSON.stringify(text.slice(0, 40))}`);
        continue;
      }
      const type = object.get('Type');
      if (type === 'Replay') {
        const section = sectionOf(object);
        if (typeof section === 'string') fault(section);
        else sections.push(section);
        continue;
      }
      if (type !== 'QueryResult' && type !== 'SecurityAlert' && type !== 'SecurityIncident') continue;
      const section = sections.at(-1);
      if (!section) {
        if (problems.length === 0)
          fault(
            'expected a line of Type "Replay" before results and alerts',
            'give a file that tocsin replay --out wrote',
          );
        continue;
      }
      const message =
        type === 'QueryResult'
          ? addRow(section, object)
          : addRecord(section, type, JSON.parse(text) as Record<string, unknown>, line);
      if (message) fault(message);
    }
  } catch (error) {
    throw new TocsinError('INPUT', `${path}: cannot be read (${(error as Error).message})`, { cause: error });
  }
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  if (sections.length === 0) {
    throw new TocsinError('INPUT', {
      message: `${path}: no line of Type "Replay" among ${line} lines`,
      hint: 'give a file that tocsin replay --out wrote',
    });
  }
  return sections.map((section) => finished(section, path));
}

function sectionOf(object: Map<string, Dynamic>): Section | string {
  const rule = object.get('rule');
  const columns = object.get('columns');
  const runs = object.get('runs');
  if (object.get('format') !== FORMAT) {
    return `format: found ${stringifyDynamic(object.get('format') ?? null)}, expected "${FORMAT}"`;
  }
  if (!(rule instanceof Map) || !(runs instanceof Map) || !Array.isArray(columns)) {
    return 'a Replay line must have rule, columns and runs';
  }
  const infos: ColumnInfo[] = [];
  for (const column of columns) {
    const name = column instanceof Map ? column.get('name') : undefined;
    const type = column instanceof Map ? column.get('type') : undefined;
    if (typeof name !== 'string' || !SCALAR_TYPES.includes(type as ScalarType)) {
      return `columns: found ${stringifyDynamic(column)}, expected a name and a type`;
    }
    infos.push({ name, type: type as ScalarType });
  }
  const mappings = mappingsOf(object.get('entityMappings'));
  if (!mappings) return 'entityMappings: expected a list of entity types, each with the columns of its identifiers';
  const count = Number(runs.get('count') ?? 0n);
  const time = (key: string): bigint => parseIsoDatetime(plainText(runs.get(key))) ?? 0n;
  const span = (key: string): bigint => parseTimespan(plainText(runs.get(key))) ?? 0n;
  const [first, every, delay] = [time('first'), span('every'), span('delay')];
  const scheduled = Array.from({ length: count }, (_, i): ScheduledRun => {
    const at = first + BigInt(i) * every;
    return { at, wallClock: at + delay };
  });
  const rowsRead = object.get('rowsRead');
  const warnings = object.get('warnings');
  const id = rule.get('id');
  return {
    rule: { id: typeof id === 'string' ? id : undefined, name: plainText(rule.get('name')) },
    columns: infos,
    runs: scheduled,
    runOf: new Map(scheduled.map((run, index) => [run.at, index])),
    rows: [],
    rowsOfAlert: new Map(),
    alerts: [],
    incidents: [],
    entityMappings: mappings,
    rowsRead: rowsRead instanceof Map ? Object.fromEntries([...rowsRead].map(([table, n]) => [table, Number(n)])) : {},
    warnings: Array.isArray(warnings) ? warnings.map(plainText) : [],
    digest: plainText(object.get('digest')),
  };
}

/** Undefined where they are not mappings. */
function mappingsOf(list: Dynamic | undefined): EntityMapping[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const mappings: EntityMapping[] = [];
  for (const item of list) {
    const entityType = item instanceof Map ? item.get('entityType') : undefined;
    const fields = item instanceof Map ? item.get('fieldMappings') : undefined;
    if (typeof entityType !== 'string' || !Array.isArray(fields)) return undefined;
    const fieldMappings = fields.map((field) => ({
      identifier: plainText(field instanceof Map ? field.get('identifier') : undefined),
      columnName: plainText(field instanceof Map ? field.get('columnName') : undefined),
    }));
    mappings.push({ entityType, fieldMappings });
  }
  return mappings;
}

/** A string as it is, nothing as the empty text, anything else as its JSON. */
function plainText(value: Dynamic | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : stringifyDynamic(value);
}

function addRow(section: Section, object: Map<string, Dynamic>): string | undefined {
  const run = runAt(section, object.get('RunTime'));
  if (run === undefined)
    return `RunTime: found ${stringifyDynamic(object.get('RunTime') ?? null)}, which is no run of the rule`;
  const row = object.get('Row');
  if (!(row instanceof Map)) return 'a QueryResult line must have a Row';
  const cells: Value[] = [];
  for (const { name, type } of section.columns) {
    const json = row.get(name) ?? null;
    const cell = cellFromJson(type, json);
    if (cell === undefined) return `${name}: found ${stringifyDynamic(json)}, expected a ${type}`;
    cells.push(cell);
  }
  const events = object.get('events') ?? [];
  if (!Array.isArray(events) || events.some((event) => typeof event !== 'string'))
    return 'events must be a list of ids';
  const index = section.rows.length;
  section.rows.push({ run, cells, events: events as string[] });
  const ids = object.get('SystemAlertIds') ?? [];
  for (const id of Array.isArray(ids) ? ids : []) {
    const rows = section.rowsOfAlert.get(plainText(id));
    if (rows) rows.push(index);
    else section.rowsOfAlert.set(plainText(id), [index]);
  }
  return undefined;
}

function runAt(section: Section, time: Dynamic | undefined): number | undefined {
  const at = typeof time === 'string' ? parseIsoDatetime(time) : undefined;
  return at === undefined ? undefined : section.runOf.get(at);
}

function addRecord(section: Section, type: string, record: Record<string, unknown>, line: number): string | undefined {
  if (type === 'SecurityIncident') {
    section.incidents.push({ record, line });
    return undefined;
  }
  const id = record['SystemAlertId'];
  if (typeof id !== 'string') return 'a SecurityAlert line must have a SystemAlertId';
  section.alerts.push({ id, record, line });
  return undefined;
}

function finished(section: Section, path: string): StoredReplay {
  const { rule, columns, runs, rows, rowsRead, warnings, digest } = section;
  const order = rows.map((_, index) => index).toSorted((a, b) => rows[a]!.run - rows[b]!.run || a - b);
  const place = new Map(order.map((from, to) => [from, to]));
  const ordered = order.map((index) => rows[index]!);
  const runOfWallClock = new Map(runs.map((run, index) => [run.wallClock, index]));
  const problems: Problem[] = [];
  const alerts = section.alerts.flatMap(({ id, record, line }): Alert[] => {
    const own = (section.rowsOfAlert.get(id) ?? []).map((index) => place.get(index)!).toSorted((a, b) => a - b);
    const raised = parseIsoDatetime(String(record['TimeGenerated']));
    const run = own.length > 0 ? ordered[own[0]!]!.run : raised === undefined ? undefined : runOfWallClock.get(raised);
    if (run !== undefined) {
      const { dropped } = entitiesOf(
        section.entityMappings,
        columns,
        own.map((index) => ordered[index]!),
      );
      return [{ systemAlertId: id, run, rows: own, entitiesDropped: dropped, record }];
    }
    const found = JSON.stringify(record['TimeGenerated']);
    problems.push({
      message: `TimeGenerated: found ${found}, which is no run of the rule`,
      position: { file: path, line, column: 1 },
    });
    return [];
  });
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  alerts.sort((a, b) => a.run - b.run);
  const placeOfAlert = new Map(alerts.map((alert, index) => [alert.systemAlertId, index]));
  const incidents = section.incidents.map(({ record, line }): AlertIncident => {
    const own = alertIdsOf(record).map((id) => placeOfAlert.get(String(id)));
    if (own.length === 0 || own.includes(undefined)) {
      problems.push({
        message: 'AlertIds: expected the SystemAlertId of alerts of this file, as a JSON list',
        position: { file: path, line, column: 1 },
      });
    }
    return { alerts: (own as number[]).toSorted((a, b) => a - b), record };
  });
  if (problems.length > 0) throw new TocsinError('INPUT', problems);
  const now = digestOf(columns, runs, ordered);
  const edited =
    now === digest ? [] : [`${path}: the result rows are not those that were replayed (their digest differs)`];
  return {
    rule,
    result: {
      columns,
      entityMappings: section.entityMappings,
      runs,
      rows: ordered,
      alerts,
      incidents,
      rowsRead,
      warnings: [...warnings, ...edited],
      digest: now,
    },
  };
}

/** Empty where the field is no JSON list. */
function alertIdsOf(record: Readonly<Record<string, unknown>>): unknown[] {
  try {
    const ids: unknown = JSON.parse(String(record['AlertIds']));
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}
