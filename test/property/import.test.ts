/**
 * The fast way in (the kernel and its trie of keys) against the slow one: lines are read by the kernel, and the same
 * records in a JSON list never are. Whatever the records, both must give the same dataset and the same complaints.
 */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type ImportReport, importFiles } from '../../src/dataset/import.ts';
import { KIND, Members, modeOf, spanHash } from '../../src/dataset/json-records.ts';
import { LineReader, RECORD_NUMBERS, VALUE_NUMBERS, kindOfTag, textOfTag } from '../../src/dataset/line-reader.ts';
import { KERNEL_SOURCE_SHA256 } from '../../src/dataset/record-kernel/kernel.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-import-property-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Text between quotes: escapes, runs of backslashes, brackets, what looks like keys, bytes of any width. */
const inside = fc
  .array(
    fc.constantFrom(
      'a',
      ' ',
      '\\\\',
      '\\"',
      '\\u00e9',
      '\\n',
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      'é',
      '漢',
      '\u{1f600}',
      '\t',
      '\\"UserPrincipalName\\":\\"x\\"',
      'a text of more than sixteen bytes',
      'x'.repeat(70),
      '\\\\'.repeat(9),
    ),
    { maxLength: 9 },
  )
  .map((pieces) => pieces.join(''));
const blank = fc.constantFrom('', '', '', ' ', '\t', '  ');
const scalar = fc.oneof(
  inside.map((text) => `"${text}"`),
  fc.constantFrom('true', 'false', 'null', '0', '-1', '12', '3.5', '1e3', '-0.0', '12345678901234567890', '""'),
  fc.constantFrom('"2026-05-01T00:00:00Z"', '"2026-05-01T10:11:12.1234567Z"', '"a@x.com"', '"B@X.com"', '"0"'),
);
const value = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(inside, tie('any')), { maxLength: 3 })
      .map((members) => `{${members.map(([key, item]) => `"${key}":${item}`).join(',')}}`),
  ),
})).any;
const key = fc.oneof(
  fc.constantFrom(
    'TimeGenerated',
    'UserPrincipalName',
    'AppId',
    'ResultType',
    'DurationMs',
    'IsInteractive',
    'isInteractive',
    'Status',
    'status',
    'location',
    'Location',
    'DeviceDetail',
    'CreatedDateTime',
    'time',
    'ResultType_string',
    'Type',
    'category',
    'Category',
    'operationName',
    'resourceId',
    'userPrincipalName',
    'id',
    'records',
    'value',
    'appDisplayName',
    'activityDisplayName',
    '_IngestionTime',
    'Nonsense',
    'T\\u0079pe',
  ),
  inside,
);
const table = fc.constantFrom('"SigninLogs"', '"AuditLogs"', '"NonInteractiveUserSignInLogs"', '"None"', '3');
const member = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(key, value) },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('Type', 'category'), table) },
);
const membersOf = (members: readonly (readonly [string, string])[], gap: string): string =>
  members.map(([name, item]) => `${gap}"${name}"${gap}:${gap}${item}${gap}`).join(',');
const object = fc
  .tuple(fc.array(member, { maxLength: 9 }), blank)
  .map(([members, gap]) => `{${membersOf(members, gap)}}`);
const record = fc.oneof(
  { weight: 4, arbitrary: object },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.array(member, { maxLength: 4 }), object, fc.array(member, { maxLength: 4 }))
      .map(([before, body, after]) => `{${membersOf([...before, ['properties', body], ...after], '')}}`),
  },
);

/** Records that follow one another in a log: of few shapes, and most of one is as it was in another. */
const related = fc
  .tuple(
    fc.array(fc.array(member, { minLength: 1, maxLength: 9 }), { minLength: 1, maxLength: 3 }),
    fc.array(
      fc.record({
        shape: fc.nat(),
        changes: fc.array(fc.record({ at: fc.nat(), item: value, end: fc.option(inside) }), { maxLength: 2 }),
        gap: blank,
        isBody: fc.boolean(),
      }),
      { minLength: 2, maxLength: 12 },
    ),
  )
  .map(([shapes, records]) =>
    records.map(({ shape, changes, gap, isBody }) => {
      const members = [...shapes[shape % shapes.length]!];
      for (const { at, item, end } of changes) {
        const [name, before] = members[at % members.length]!;
        // Another value, or the same text with another end.
        const isSameText = end !== null && before.startsWith('"');
        members[at % members.length] = [name, isSameText ? `${before.slice(0, -1)}${end}"` : item];
      }
      const text = `{${membersOf(members, gap)}}`;
      return isBody ? `{"category":"AuditLogs","properties":${text},"time":"2026-05-01T00:00:00Z"}` : text;
    }),
  );

let count = 0;

async function imported(text: string, options: { readonly keep?: boolean; readonly table?: string } = {}) {
  const file = path.join(folder, `${count++}.json`);
  writeFileSync(file, text);
  const out = `${file}.out`;
  try {
    const report: ImportReport = await importFiles([file], {
      out,
      ...(options.table && { table: options.table }),
      ...(options.keep && {
        columns: { SigninLogs: ['ResultType', 'UserPrincipalName'], AuditLogs: ['OperationName'] },
      }),
    });
    const { rows, rowsByTable, badRecords, skipped, invalidValues, unknownColumns, rowsWithoutTime } = report;
    return {
      rows,
      rowsByTable,
      badRecords,
      skipped,
      invalidValues,
      unknownColumns,
      rowsWithoutTime,
      problems: report.problems.map(({ message, position }) => `${position!.line} ${message}`),
      tables: report.manifest.tables.map(({ table: name, files }) => [name, files.map(({ sha256 }) => sha256)]),
    };
  } catch (error) {
    return (error as Error).message.replaceAll(file, 'FILE');
  } finally {
    rmSync(out, { recursive: true, force: true });
    rmSync(file);
  }
}

/**
 * Holds what the kernel finds in lines to what is found member by member.
 *
 * @returns how many lines the kernel read, and how many values it knew from an earlier line.
 */
function expectAsOneByOne(lines: readonly string[]): { read: number; again: number } {
  const reader = new LineReader(() => ({ wanted: true, entered: false }));
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  bytes.copy(reader.room(bytes.length));
  reader.fill(bytes.length);
  const slow = new Members();
  let passedLines = 0;
  let read = 0;
  let again = 0;
  reader.read(true, ({ bytes: memory, count: records, records: numbers, values }, passed) => {
    const texts = new Map<number, string>();
    for (let index = 0; index < records; index++) {
      const [leaf, start, end, first] = numbers.subarray(index * RECORD_NUMBERS) as unknown as number[];
      const line = lines[passedLines + numbers[index * RECORD_NUMBERS + 4]!]!;
      expect(memory.toString('utf8', start, end)).toBe(line.trimStart());
      const wrong = slow.read(memory, start!, end!);
      if (leaf! < 0) continue;
      read++;
      expect(wrong).toBe(undefined);
      const names = reader.path(leaf!).map((step) => (step.kind === 'key' ? step.raw : step.kind));
      expect(names).toEqual(
        Array.from({ length: slow.count }, (_, m) => memory.toString('utf8', slow.keyStart[m], slow.keyEnd[m])),
      );
      for (let m = 0; m < slow.count; m++) {
        const [from, to, hash, tag] = values.subarray((first! + m) * VALUE_NUMBERS) as unknown as number[];
        expect([from, to, hash, kindOfTag(tag!)]).toEqual([
          slow.valueStart[m],
          slow.valueEnd[m],
          slow.valueHash[m],
          slow.kind[m],
        ]);
        const found = `${kindOfTag(tag!)} ${memory.toString('utf8', from, to)}`;
        if (texts.has(textOfTag(tag!))) again++;
        expect(texts.get(textOfTag(tag!)) ?? found).toBe(found);
        texts.set(textOfTag(tag!), found);
      }
    }
    passedLines += passed;
  });
  expect(passedLines).toBe(lines.length);
  reader.release();
  return { read, again };
}

describe('the kernel', () => {
  it('was made of the source that lies beside it', () => {
    const source = readFileSync('src/dataset/record-kernel/kernel.as');
    expect(createHash('sha256').update(source).digest('hex')).toBe(KERNEL_SOURCE_SHA256);
  });

  it('finds the members that are read one by one, or leaves the line to that', () => {
    let read = 0;
    let again = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(fc.oneof({ weight: 5, arbitrary: object }, { weight: 1, arbitrary: fc.string() }), { minLength: 1 }),
          related,
        ),
        fc.nat(),
        fc.nat(200),
        fc.nat(200),
        (lines, broken, at, by) => {
          const text = lines.map((line) => line.replaceAll('\n', ' '));
          // One of the lines is broken at some place; through bytes, so that no half of a character is left.
          const line = text[broken % text.length]!;
          text[broken % text.length] = Buffer.from(`${line.slice(0, at)}${line.slice(at + (by % 3))}`).toString();
          const found = expectAsOneByOne(text);
          read += found.read;
          again += found.again;
        },
      ),
      { numRuns: 300 },
    );
    expect(read).toBeGreaterThan(300);
    expect(again).toBeGreaterThan(300);
  });

  it('finds them wherever a line parts from the one before', () => {
    const end = fc.array(fc.constantFrom('a', '\\\\', '\\"', '\\n', '"', ',', '}'), { maxLength: 3 });
    const tail = fc.constantFrom(
      '"}',
      '" }',
      '"} ',
      '"',
      '"}}',
      '","b":2}',
      '" ,"b":2}',
      '","b":"2"}',
      '";"b":2}',
      '}',
      '',
    );
    let read = 0;
    fc.assert(
      fc.property(
        fc.constantFrom('', '\\"', '\\\\', '\\\\\\"'),
        fc.nat(150),
        fc.array(fc.tuple(end, tail), { minLength: 2, maxLength: 5 }),
        (begin, length, ends) => {
          const text = ends.map(([pieces, rest]) => `{"k":"${begin}${'x'.repeat(length)}${pieces.join('')}${rest}`);
          read += expectAsOneByOne(text).read;
        },
      ),
      { numRuns: 4000 },
    );
    expect(read).toBeGreaterThan(4000);
  });

  it('tells UTF-8 from what is none', () => {
    const byte = fc.constantFrom(
      0x41,
      0x7f,
      0x80,
      0x8f,
      0x90,
      0x9f,
      0xa0,
      0xbf,
      0xc1,
      0xc2,
      0xe0,
      0xed,
      0xef,
      0xf0,
      0xf4,
    );
    const piece = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.constantFrom('é', '漢', '\ud7ff', '\ue000', '\u{1f600}', '\u{10ffff}', 'x'.repeat(61)),
      },
      { weight: 1, arbitrary: fc.array(byte, { maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
    );
    let wrong = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), piece), { maxLength: 9 }), (pieces) => {
        const bytes = Buffer.concat([
          Buffer.from('{"k":"'),
          ...pieces.map(([isLatin, text]) => Buffer.from(text, isLatin ? 'latin1' : 'utf8')),
          Buffer.from('"}'),
        ]);
        const reader = new LineReader(() => ({ wanted: true, entered: false }));
        bytes.copy(reader.room(bytes.length));
        reader.fill(bytes.length);
        reader.read(true, () => undefined);
        expect(reader.isUtf8).toBe(isUtf8(bytes));
        reader.release();
        if (!reader.isUtf8) wrong++;
      }),
      { numRuns: 1000 },
    );
    expect(wrong).toBeGreaterThan(100);
    expect(wrong).toBeLessThan(900);
  });

  it('hashes as json-records.ts does, at every length', () => {
    const reader = new LineReader(() => ({ wanted: true, entered: false }));
    const texts = Array.from({ length: 200 }, (_, length) =>
      'abcdefghijklmnopqrstuvwxyz0123456'.repeat(7).slice(0, length),
    );
    const bytes = Buffer.from(texts.map((text) => `{"k":"${text}"}\n`).join(''));
    bytes.copy(reader.room(bytes.length));
    reader.fill(bytes.length);
    const hashes: number[] = [];
    reader.read(true, ({ count: records, values }) => {
      for (let index = 0; index < records; index++) {
        expect(kindOfTag(values[index * VALUE_NUMBERS + 3]!)).toBe(KIND.plain);
        hashes.push(values[index * VALUE_NUMBERS + 2]!);
      }
    });
    expect(hashes).toEqual(
      texts.map((text) => spanHash(new DataView(Uint8Array.from(Buffer.from(text)).buffer), 0, text.length)),
    );
  });

  it('leaves lines of more shapes than it has room for to the slow way', () => {
    const reader = new LineReader(() => ({ wanted: true, entered: false }));
    const keys = 2000;
    const bytes = Buffer.from(
      Array.from({ length: keys }, (_, index) => `{"a key that was not seen ${index}":1}\n`).join(''),
    );
    bytes.copy(reader.room(bytes.length));
    reader.fill(bytes.length);
    let [fast, slow] = [0, 0];
    reader.read(true, ({ count: records, records: numbers }) => {
      for (let index = 0; index < records; index++) {
        if (numbers[index * RECORD_NUMBERS]! < 0) slow++;
        else fast++;
      }
    });
    expect(fast + slow).toBe(keys);
    expect(fast).toBeGreaterThan(200);
    expect(slow).toBeGreaterThan(1000);
  });
});

describe('an import of lines', () => {
  it('is that of the same records in a list, all columns or some', async () => {
    let rows = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.array(record, { minLength: 1, maxLength: 8 }), related),
        fc.boolean(),
        fc.constantFrom(undefined, 'SigninLogs'),
        async (records, keep, name) => {
          const options = { keep, ...(name && { table: name }) };
          const lines = await imported(records.map((text) => `${text}\n`).join(''), options);
          // Records of a list stand on their lines too.
          const list = await imported(`[${records.join(',\n')}]`, options);
          expect(lines).toEqual(list);
          if (typeof lines !== 'string') rows += lines.rows;
        },
      ),
      { numRuns: 100 },
    );
    expect(rows).toBeGreaterThan(100);
  });

  it('does not depend on how a file is cut up or on threads', async () => {
    const line = (index: number): string =>
      `{"Type":"SigninLogs","TimeGenerated":"2026-05-01T00:00:00.${String(index % 1000).padStart(3, '0')}Z",` +
      `"UserPrincipalName":"u${index % 50}@x","ResultType":"${index % 7}",` +
      `"Id":"${index}","UserAgent":"${'é'.repeat(index % 900)}"}\n`;
    const file = path.join(folder, 'large.ndjson');
    // Over several parts, a bad line in the last one.
    const text = `${Array.from({ length: 60_000 }, (_, index) => line(index)).join('')}{"broken":\n${line(1)}`;
    writeFileSync(file, text);
    expect(text.length).toBeGreaterThan((32 << 20) >> 1);
    const reports = [];
    for (const threads of [0, 2]) {
      const report = await importFiles([file], { out: path.join(folder, `large-${threads}`), threads });
      reports.push({ ...report, path: '' });
    }
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0]!.rows).toBe(60_001);
    expect(reports[0]!.problems.map(({ position }) => position!.line)).toEqual([60_001]);
    // From a stream, which is never cut up.
    const streamed = await importFiles(['-'], { out: path.join(folder, 'streamed'), stdin: createReadStream(file) });
    expect(streamed.manifest.tables).toEqual(reports[0]!.manifest.tables);
    expect(modeOf(Buffer.from(text.slice(0, 5000)), false)).toBe('lines');
  });
});
