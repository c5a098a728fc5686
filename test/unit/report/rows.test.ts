import { describe, expect, test } from 'vitest';
import { type RowFormat, rowLines, type Rows } from '../../../src/report/rows.ts';

const ROWS: Rows = {
  columns: [
    { name: 'Name', type: 'string' },
    { name: 'Count', type: 'long' },
    { name: 'Bag', type: 'dynamic' },
  ],
  rows: [
    ['plain', 7, { a: [1, null] }],
    ['say "hi", then\nleave', 9_007_199_254_740_993n, null],
    ['', Number.NaN, 'text'],
  ],
};

const lines = (format: RowFormat, rows = ROWS, width = 80) => [...rowLines(rows, format, width)];

describe('rows', () => {
  test('make a table with numbers to the right and control characters spelt out', () => {
    expect(lines('table').join('\n')).toMatchInlineSnapshot(`
      "Name                              Count  Bag
      ---------------------  ----------------  --------------
      plain                                 7  {"a":[1,null]}
      say "hi", then\\nleave  9007199254740993
                                          NaN  text

      3 rows"
    `);
  });

  test('make a table that fits the terminal, by cutting the widest columns first', () => {
    const cut = lines('table', ROWS, 40);
    for (const line of cut) expect(line.length).toBeLessThanOrEqual(40);
    expect(cut[3]).toMatch(/^say "hi.*…/);
    expect(cut[3]).toContain('9007199254740993');
  });

  test('make one JSON object, with every digit and no NaN that JSON cannot hold', () => {
    const text = lines('json').join('\n');
    expect(JSON.parse(text)).toEqual({
      schema: 'tocsin.query/1',
      columns: ROWS.columns,
      rows: [
        ['plain', 7, { a: [1, null] }],
        ['say "hi", then\nleave', Number('9007199254740993'), null],
        ['', 'NaN', 'text'],
      ],
    });
    expect(text).toContain('9007199254740993');
  });

  test('make valid JSON where there are none', () => {
    expect(JSON.parse(lines('json', { ...ROWS, rows: [] }).join('\n'))).toMatchObject({ rows: [] });
    expect(lines('ndjson', { ...ROWS, rows: [] })).toEqual([]);
    expect(lines('csv', { ...ROWS, rows: [] })).toEqual(['Name,Count,Bag']);
  });

  test('make NDJSON, an object a line', () => {
    expect(lines('ndjson')).toEqual([
      '{"Name":"plain","Count":7,"Bag":{"a":[1,null]}}',
      '{"Name":"say \\"hi\\", then\\nleave","Count":9007199254740993,"Bag":null}',
      '{"Name":"","Count":"NaN","Bag":"text"}',
    ]);
  });

  test('make CSV as RFC 4180 has it', () => {
    expect(lines('csv')).toEqual([
      'Name,Count,Bag',
      'plain,7,"{""a"":[1,null]}"',
      '"say ""hi"", then\nleave",9007199254740993,',
      ',NaN,text',
    ]);
  });
});
