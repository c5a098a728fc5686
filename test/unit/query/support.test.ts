import { readFileSync } from 'node:fs';
import picocolors from 'picocolors';
import { beforeAll, describe, expect, it } from 'vitest';
import { supportText } from '../../../src/cli/commands/support.ts';
import { aggregateNames } from '../../../src/engine/aggregates/index.ts';
import { scalarFunctionNames } from '../../../src/engine/functions/registry.ts';
import { pluginNames } from '../../../src/engine/plugins/index.ts';
import { type SupportGroup, supportMarkdown, supportMatrix } from '../../../src/query/support.ts';

describe('the support matrix', () => {
  let groups: readonly SupportGroup[];
  const entriesOf = (title: string) => groups.find((group) => group.title === title)!.entries;

  beforeAll(async () => {
    groups = await supportMatrix();
  }, 120_000);

  it('is what docs/kql-support.md says', () => {
    expect(
      supportMarkdown(groups),
      'docs/kql-support.md is stale: npm run build && node dist/src/cli/main.js support --format markdown > docs/kql-support.md',
    ).toBe(readFileSync(new URL('../../../docs/kql-support.md', import.meta.url), 'utf8'));
  });

  it.each([
    ['Scalar functions', scalarFunctionNames],
    ['Aggregates', aggregateNames],
    ['Plugins', pluginNames],
  ])('finds a query that runs for each of the %s of the engine', (title, names) => {
    const engine = new Set(names());
    expect(entriesOf(title).filter(({ name, runs }) => engine.has(name) && !runs)).toEqual([]);
  });

  it('names what is refused, except what only exists inside graph patterns or under names nobody gave', () => {
    const elsewhere = /^no function is named|is not allowed in this context$|does not refer to any known/;
    const unclear = groups
      .flatMap(({ entries }) => entries)
      .filter(({ runs, reason }) => !runs && !/(is|are) not supported/.test(reason!) && !elsewhere.test(reason!));
    expect(unclear).toEqual([]);
  });

  it('lays names out in lines that fit the terminal, and loses none', () => {
    for (const group of groups) {
      const text = supportText(group, { colors: picocolors.createColors(false), columns: 60 });
      const [head, ...lines] = text.split('\n');
      expect(head).toMatch(/: \d+ of \d+$/);
      expect(lines.filter((line) => line.length > 60 && line.includes(', '))).toEqual([]);
      const names = lines.filter((line) => line !== '  refused:').join(' ');
      for (const { name } of group.entries) expect(names).toContain(name);
    }
  });
});
