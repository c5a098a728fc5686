/** A description of a dataset as a person reads it, in 80 columns. Colour only stresses what words already say. */
import type picocolors from 'picocolors';
import type { Breakdown, Description, IncidentCount, TableDescription } from '../describe/describe.ts';
import type { Percentiles } from '../describe/distribution.ts';
import type { Comparison } from '../describe/published.ts';
import { fit, formatCount, formatDelay, formatMagnitude, formatNumber, formatRate, formatShare } from './format.ts';

type Colors = ReturnType<typeof picocolors.createColors>;

const NAME_WIDTH = 34;
const VALUE_WIDTH = 52;
const CHART_HEIGHT = 8;

/** The whole description; no trailing newline. */
export function descriptionText(description: Description, colors: Colors): string {
  const { tables } = description;
  const sections = [
    header(description, colors),
    tableLines(description, colors),
    hours(description.byHour, colors),
    delays(tables, colors),
    ...tables.map((table) => failures(table, colors)),
    ...tables.map((table) => breakdown(`applications in ${table.table}`, table.applications, colors)),
    ...tables.map((table) => breakdown(`categories in ${table.table}`, table.categories, colors)),
    ...tables.map((table) => breakdown(`operations in ${table.table}`, table.operations, colors)),
    incidents('attacks planted', description.attacks, colors),
    incidents('look-alikes planted', description.lookalikes, colors),
    published(description.published, colors),
    ...tables.map((table) => unknownColumns(table, colors)),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function header({ dataset, origin, start, end, days, rows, users, ...rest }: Description, colors: Colors): string[] {
  const made =
    origin.kind === 'scenario'
      ? `${origin.scenario}, ${formatCount(origin.users)} users, seed ${origin.seed}`
      : `imported from ${formatNumber(origin.files.length, 'file')}`;
  const line = (label: string, text: string) => `  ${label.padEnd(24)}${text}`;
  const isLong = dataset.length + 2 + made.length > 80;
  return [
    ...(isLong ? [colors.bold(dataset), `  ${colors.dim(made)}`] : [`${colors.bold(dataset)}  ${colors.dim(made)}`]),
    line('covers', `${minute(start)} to ${minute(end)}, ${formatRate(days)} days`),
    line('rows', formatCount(rows)),
    line('user names', formatCount(users)),
    ...(rest.rowsPerUser ? [line('rows of a user', percentiles(rest.rowsPerUser, formatCount))] : []),
    line(
      'silent sign-ins',
      rest.silentPerInteractive === null
        ? 'no ratio: the dataset lacks them or interactive ones'
        : `${formatRate(rest.silentPerInteractive)} to an interactive one`,
    ),
    ...(rest.attacks.length + rest.lookalikes.length === 0
      ? [line('planted', 'nothing: there is no truth to score a rule against')]
      : []),
  ];
}

/** `2026-06-01 00:00`. */
function minute(time: string): string {
  return time.slice(0, 16).replace('T', ' ');
}

function percentiles({ p50, p95, p99, max }: Percentiles, format: (value: number) => string): string {
  return `p50 ${format(p50)}, p95 ${format(p95)}, p99 ${format(p99)}, max ${format(max)}`;
}

function columns(name: string, cells: readonly (readonly [text: string, width: number])[]): string {
  return `  ${fit(name, NAME_WIDTH)}${cells.map(([text, width]) => fit(text, width, 'right')).join('')}`;
}

function tableLines({ tables }: Description, colors: Colors): string[] {
  const line = (table: string, rows: string, users: string, p50: string, p95: string, max: string) =>
    columns(table, [
      [rows, 13],
      [users, 9],
      [p50, 7],
      [p95, 6],
      [max, 8],
    ]);
  const cell = (value: number | undefined) => (value === undefined ? '-' : formatCount(value));
  return [
    colors.dim(columns('', [["rows of a user's day", 43]])),
    colors.dim(line('table', 'rows', 'users', 'p50', 'p95', 'max')),
    ...tables.flatMap(({ table, rows, users, rowsPerActiveUserDay: day, rowsWithoutTime }) => [
      line(table, formatCount(rows), cell(users ?? undefined), cell(day?.p50), cell(day?.p95), cell(day?.max)),
      ...(rowsWithoutTime > 0
        ? [
            colors.yellow(
              `    ${formatNumber(rowsWithoutTime, 'row')} without a TimeGenerated: no scheduled run sees them`,
            ),
          ]
        : []),
    ]),
  ];
}

/** Three characters an hour, so that a bar stands over its hour. */
function hours(byHour: readonly number[], colors: Colors): string[] {
  const most = Math.max(...byHour);
  if (most === 0) return [];
  const lines = Array.from({ length: CHART_HEIGHT }, (_, index) => {
    const level = CHART_HEIGHT - index;
    const scale =
      level === CHART_HEIGHT ? formatMagnitude(most) : level === 1 ? formatMagnitude(most / CHART_HEIGHT) : '';
    // The lowest row is drawn for any hour that has rows at all.
    const bars = byHour.map((rows) =>
      rows > 0 && Math.max(1, Math.round((rows / most) * CHART_HEIGHT)) >= level ? '## ' : '   ',
    );
    return `${fit(scale, 6, 'right')} ${bars.join('').trimEnd()}`;
  });
  const axis = byHour.map((_, hour) => `${String(hour).padStart(2, '0')} `).join('');
  return [colors.dim('  rows by hour of TimeGenerated, UTC'), ...lines, colors.dim(`       ${axis.trimEnd()}`)];
}

function delays(tables: readonly TableDescription[], colors: Colors): string[] {
  const line = (name: string, cells: readonly string[]) =>
    columns(
      name,
      cells.map((cell) => [cell, 11]),
    );
  const of = (name: string, delay: Percentiles | null): string[] =>
    delay === null
      ? []
      : [
          line(
            name,
            [delay.p50, delay.p95, delay.p99, delay.max].map((value) => formatLag(value)),
          ),
        ];
  const section = (title: string, pick: (table: TableDescription) => Percentiles | null): string[] => {
    const lines = tables.flatMap((table) => of(table.table, pick(table)));
    return lines.length === 0 ? [] : [colors.dim(line(title, ['p50', 'p95', 'p99', 'max'])), ...lines];
  };
  return [
    ...section('from event to TimeGenerated', (table) => table.publishDelayMs),
    ...section('from TimeGenerated to ingestion', (table) => table.ingestionDelayMs),
  ];
}

/** `171 s`: finer than {@link formatDelay} between a minute and a quarter of an hour, where these delays lie. */
function formatLag(ms: number): string {
  return ms >= 1000 && ms < 1_000_000 ? `${Math.round(ms / 1000)} s` : formatDelay(Math.round(ms));
}

function share(name: string, rows: string, part: string): string {
  return `  ${fit(name, VALUE_WIDTH)}${rows.padStart(14)}${part.padStart(10)}`;
}

/** A heading, the rows listed, and how many values are not. */
function list(title: string, distinct: number, lines: readonly string[], colors: Colors): string[] {
  const rest = distinct - lines.length;
  return [
    colors.dim(share(title, 'rows', 'share')),
    ...lines,
    ...(rest > 0 ? [colors.dim(`  and ${formatCount(rest)} more`)] : []),
  ];
}

function breakdown(title: string, found: Breakdown | null, colors: Colors): string[] {
  if (!found) return [];
  const lines = found.top.map((each) => share(each.value, formatCount(each.rows), formatShare(each.share)));
  return list(title, found.distinct, lines, colors);
}

function failures({ table, failures: found }: TableDescription, colors: Colors): string[] {
  if (!found) return [];
  if (found.rows === 0) return [`  nothing failed in ${table}`];
  const lines = found.top.map(({ value, description, rows, share: part }) =>
    share(description === '' ? value : `${value.padEnd(7)} ${description}`, formatCount(rows), formatShare(part)),
  );
  return [
    share(`failed in ${table}`, formatCount(found.rows), formatShare(found.share)),
    ...list('', found.distinct, lines, colors).slice(1),
  ];
}

function incidents(title: string, kinds: readonly IncidentCount[], colors: Colors): string[] {
  if (kinds.length === 0) return [];
  const total = kinds.reduce((sum, kind) => sum + kind.incidents, 0);
  const isAttack = kinds.some(({ events }) => events.malicious > 0);
  const line = (name: string, count: string, events: readonly string[]) =>
    `  ${fit(name, NAME_WIDTH)}${count.padStart(8)}${events.map((text) => text.padStart(18)).join('')}`;
  return [
    colors.dim(line(title, formatCount(total), isAttack ? ['malicious', 'supporting'] : ['events'])),
    ...kinds.flatMap(({ scenario, incidents: count, variants, events }) => {
      const names = Object.entries(variants);
      return [
        line(
          scenario,
          formatCount(count),
          isAttack
            ? [formatNumber(events.malicious, 'event'), formatNumber(events.supporting, 'event')]
            : [formatNumber(events.benign, 'event')],
        ),
        ...(names.length > 1
          ? wrapped(names.map(([name, planted]) => `${name} ${formatCount(planted)}`)).map((each) => colors.dim(each))
          : []),
      ];
    }),
  ];
}

/** Names parted by commas, on lines of their own under what they belong to. */
function wrapped(names: readonly string[]): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + name.length <= 78) lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(`    ${name}`);
  }
  return lines;
}

function published(comparisons: readonly Comparison[], colors: Colors): string[] {
  const sources = [
    ...new Set(comparisons.filter(({ measured }) => measured !== null).map(({ source }) => source.name)),
  ];
  if (sources.length === 0) return [];
  const line = (name: string, measured: string, figure: string, agrees: string, source: string) =>
    `  ${fit(name, 38)}${measured.padStart(7)}${figure.padStart(20)}${agrees.padStart(7)}${source.padStart(5)}`.trimEnd();
  return [
    colors.dim(line('beside published figures', 'here', 'published', 'agrees', '')),
    ...comparisons.flatMap(({ name, unit, low, high, tolerance, measured, agrees, source }) => {
      if (measured === null) return [];
      const format = unit === 'ms' ? formatLag : formatRate;
      const range = low === high ? format(low) : `${format(low)} - ${format(high)}`;
      const figure = tolerance > 0 ? `${range} ±${Math.round(tolerance * 100)} %` : range;
      const number = `[${sources.indexOf(source.name) + 1}]`;
      return [line(name, format(measured), figure, agrees ? 'yes' : 'no', number)].map((text) =>
        agrees ? text : colors.yellow(text),
      );
    }),
    ...sources.map((name, index) => colors.dim(`  [${index + 1}] ${name}`)),
  ];
}

function unknownColumns({ table, unknownColumns: found }: TableDescription, colors: Colors): string[] {
  const names = Object.entries(found);
  if (names.length === 0) return [];
  return [
    colors.yellow(`  columns that ${table} does not have`),
    ...wrapped(names.map(([name, rows]) => `${name} (${formatNumber(rows, 'row')})`)),
  ];
}
