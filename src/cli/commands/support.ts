/** `tocsin support`: what of KQL runs, tried out here and now. */
import { type SupportGroup, supportMarkdown, supportMatrix } from '../../query/support.ts';
import type { Terminal } from '../terminal.ts';

export interface SupportFlags {
  readonly format?: 'text' | 'json' | 'markdown';
}

export async function support(flags: SupportFlags, terminal: Terminal): Promise<void> {
  const groups = await supportMatrix();
  switch (flags.format ?? (terminal.json ? 'json' : 'text')) {
    case 'json':
      return terminal.result(JSON.stringify({ schema: 'tocsin.support/1', groups }));
    case 'markdown':
      return terminal.result(supportMarkdown(groups).trimEnd());
    case 'text':
      return terminal.result(groups.map((group) => supportText(group, terminal)).join('\n\n'));
  }
}

/** A group as text, in lines no wider than the terminal. */
export function supportText(
  { title, entries }: SupportGroup,
  { colors, columns }: Pick<Terminal, 'colors' | 'columns'>,
): string {
  const names = (run: boolean): string[] => entries.filter(({ runs }) => runs === run).map(({ name }) => name);
  const [runs, refused] = [names(true), names(false)];
  const parts = [`${colors.bold(title)}: ${runs.length} of ${entries.length}`, ...wrapped(runs, columns)];
  if (refused.length > 0) parts.push(`  ${colors.yellow('refused:')}`, ...wrapped(refused, columns));
  return parts.join('\n');
}

/** Names side by side, as many as fit into a line. */
function wrapped(names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const name of names) {
    if (line !== '' && line.length + name.length + 5 > width) {
      lines.push(`  ${line},`);
      line = '';
    }
    line += line === '' ? name : `, ${name}`;
  }
  return line === '' ? lines : [...lines, `  ${line}`];
}
