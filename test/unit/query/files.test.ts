import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRowTable, tablesFromFiles } from '../../../src/query/files.ts';
import { query } from '../../../src/query/query.ts';

let folder: string;
const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tocsin-files-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('readRowTable', () => {
  it('reads CSV with quotes, line breaks and empty fields', () => {
    const path = file('a.csv', '\uFEFFname,note,last\r\nann,"says ""hi"",\nthen leaves",\r\n\r\nbob,,x');
    expect(readRowTable(path)).toMatchObject({
      columns: [
        { name: 'name', type: 'string' },
        { name: 'note', type: 'string' },
        { name: 'last', type: 'string' },
      ],
      rows: [
        ['ann', 'says "hi",\nthen leaves', ''],
        ['bob', '', 'x'],
      ],
    });
  });

  it('reads JSON arrays and NDJSON', () => {
    const expected = {
      columns: [
        { name: 'ip', type: 'string' },
        { name: 'n', type: 'long' },
      ],
      rows: [
        ['10.0.0.1', 1n],
        ['10.0.0.2', 2n],
      ],
    };
    expect(readRowTable(file('a.json', '[{"ip":"10.0.0.1","n":1},{"ip":"10.0.0.2","n":2}]'))).toMatchObject(expected);
    expect(readRowTable(file('a.ndjson', '{"ip":"10.0.0.1","n":1}\n\n{"ip":"10.0.0.2","n":2}\n'))).toMatchObject(
      expected,
    );
  });

  it.each([
    ['no such file', () => join(folder, 'missing.csv'), /cannot be read/],
    ['a quote without an end', () => file('b.csv', 'a\n"x'), /b\.csv:2: a quoted field has no end/],
    ['an empty file', () => file('c.csv', ''), /expected a line of column names/],
    ['a broken line', () => file('d.ndjson', '{"a":1}\n{"a":'), /d\.ndjson:2: is no JSON/],
    ['rows that are no objects', () => file('e.json', '[1]'), /row 1 is no object/],
    ['neither', () => file('f.bin', 'hello'), /expected \.csv, \.tsv, \.json or \.ndjson/],
  ])('says what is wrong with %s', (_, path, message) => {
    expect(() => readRowTable(path())).toThrow(message);
  });
});

describe('lists from files', () => {
  it('serve watchlists by SearchKey and external data by place', async () => {
    const lists = tablesFromFiles({
      watchlist: { VIPs: file('vips.csv', 'upn,tier\nann@contoso.com,1\nbob@contoso.com,2\n') },
      external: { 'https://example.org/a?b=c': file('ips.csv', 'address,label\n10.0.0.1,vpn\n') },
    });
    const watchlist = await query("_GetWatchlist('VIPs') | where tier == '2' | project SearchKey, upn", lists);
    expect(watchlist.rows).toEqual([['bob@contoso.com', 'bob@contoso.com']]);
    const external = "externaldata(ip:string, tag:string)[@'https://example.org/a?b=c'] with (format='csv'";
    expect((await query(`${external}, ignoreFirstRecord=true)`, lists)).rows).toEqual([['10.0.0.1', 'vpn']]);
    expect((await query(`${external})`, lists)).rows).toEqual([
      ['address', 'label'],
      ['10.0.0.1', 'vpn'],
    ]);
  });
});
