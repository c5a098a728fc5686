import { describe, expect, it } from 'vitest';
import { query } from '../../../src/query/query.ts';

const parsed = async (xml: string) =>
  (await query(`print tostring(parse_xml(@'${xml.replaceAll("'", "''")}'))`)).rows[0]![0];

describe('parse_xml', () => {
  it.each([
    ['<e/>', '{"e":null}'],
    ['<e>text</e>', '{"e":"text"}'],
    ['<e name="value" />', '{"e":{"@name":"value"}}'],
    ["<e name='value'>text</e>", '{"e":{"@name":"value","#text":"text"}}'],
    ['<e> <a>text</a> <b>text</b> </e>', '{"e":{"a":"text","b":"text"}}'],
    ['<e> <a>text</a> <a>text</a> <a/> </e>', '{"e":{"a":["text","text",null]}}'],
    ['<?xml version="1.0"?><!-- c --><e a="&lt;&#65;">x &amp; y</e>', '{"e":{"@a":"<A","#text":"x & y"}}'],
  ])('gives %s as %s', async (xml, expected) => expect(await parsed(xml)).toBe(expected));

  it.each([
    '',
    'no',
    '<e>',
    '<e></f>',
    '<e/><f/>',
    '<e a=1/>',
    '<e a="x" a="y"/>',
    '<e>&nope;</e>',
    '</e>',
    '<e>x</e>y',
    '<',
  ])('gives null for %j', async (xml) => expect(await parsed(xml)).toBe(''));

  it.each(['<e>7</e>', '<e a="1.5"/>', '<e><![CDATA[x]]></e>', '<!DOCTYPE e><e/>', '<e>a<b/>c</e>'])(
    'refuses %s, of which the documentation leaves open what it gives',
    async (xml) => await expect(parsed(xml)).rejects.toMatchObject({ code: 'UNSUPPORTED' }),
  );

  it('reads what a rule looks for in an event', async () => {
    const xml =
      '<DataItem><EventData xmlns="w"><Data Name="Image">C:\\a.exe</Data><Data Name="User">ann</Data></EventData></DataItem>';
    const { rows } = await query(
      `print x = parse_xml(@'${xml}').DataItem.EventData.Data | mv-expand x
       | project Key = tostring(x['@Name']), Value = tostring(x['#text'])`,
    );
    expect(rows).toEqual([
      ['Image', 'C:\\a.exe'],
      ['User', 'ann'],
    ]);
  });
});
