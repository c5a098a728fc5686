import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CompileOptions, compileQuery } from '../../../src/kql/compile.ts';
import * as kusto from '../../../src/kql/kusto.ts';
import { planCacheFolder, planCacheIn } from '../../../src/kql/plan-cache.ts';

vi.mock('../../../src/kql/kusto.ts', { spy: true });

const base = mkdtempSync(path.join(tmpdir(), 'tocsin-plans-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
let folder: string;
beforeEach(() => {
  folder = path.join(base, String(count++), 'plans');
});

/** Compiles, and says whether that took the parser. */
function compiled(text: string, options: CompileOptions = {}) {
  const calls = vi.mocked(kusto.loadKusto).mock.calls.length;
  const plan = compileQuery(text, { cache: planCacheIn(folder), ...options });
  return { plan, parsed: vi.mocked(kusto.loadKusto).mock.calls.length > calls };
}

const QUERY = `SigninLogs
| where TimeGenerated > ago(1h) and UserPrincipalName has "x" and toint(ResultType) in (1, 2)
| extend Bag = dynamic({"a": [1, 2.5, null]}), Long = 9007199254740993, Never = real(nan), Less = -0.0
| join kind=inner (AuditLogs | summarize arg_max(TimeGenerated, *) by OperationName) on $left.Identity == $right.Identity
| project UserPrincipalName, Bag, Long, Never, Less`;

describe('a plan that was compiled before', () => {
  it('is the same without the parser', () => {
    const first = compiled(QUERY);
    const second = compiled(QUERY);
    expect([first.parsed, second.parsed]).toEqual([true, false]);
    expect(second.plan).toEqual(first.plan);
    expect(second.plan).toEqual(compileQuery(QUERY));
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('is another where anything else is that it depends on', () => {
    const list = (value: string): CompileOptions => ({
      watchlists: { vips: { columns: [{ name: 'Name', type: 'string' }], rows: [[value]] } },
    });
    const query = "_GetWatchlist('vips') | project Name";
    expect(compiled(query, list('a')).parsed).toBe(true);
    expect(compiled(query, list('b')).parsed).toBe(true);
    expect(compiled(`${query} `, list('a')).parsed).toBe(true);
    const again = compiled(query, list('a'));
    expect(again.parsed).toBe(false);
    expect(again.plan).toEqual(compileQuery(query, list('a')));
    const saved = (text: string): CompileOptions => ({ functions: { F: { text, file: 'f.kql' } } });
    expect(compiled('F | take 1', saved('SigninLogs')).parsed).toBe(true);
    expect(compiled('F | take 1', saved('AuditLogs')).parsed).toBe(true);
    expect(compiled('F | take 1', saved('AuditLogs')).parsed).toBe(false);
  });

  it('is never one whose columns depend on the data, and never an error', () => {
    const discovered = 'AuditLogs | extend d = dynamic({"a":1}) | evaluate bag_unpack(d)';
    const discover = () => [{ name: 'a', type: 'long' as const }];
    for (let i = 0; i < 2; i++) expect(compiled(discovered, { discover }).parsed).toBe(true);
    for (let i = 0; i < 2; i++) expect(() => compiled('SigninLogs | where Nope == 1')).toThrow('Nope');
    expect(() => readdirSync(folder)).toThrow('ENOENT');
  });

  it.each([
    ['cut short', (content: Buffer) => content.subarray(0, 50)],
    ['empty', () => Buffer.alloc(0)],
    ['changed', (content: Buffer) => Buffer.concat([content.subarray(0, -1), Buffer.from('x')])],
  ])('is compiled anew where its file is %s', (_, damage) => {
    const first = compiled('SigninLogs | take 3');
    const [name] = readdirSync(folder);
    const file = path.join(folder, name!);
    writeFileSync(file, damage(readFileSync(file)));
    const second = compiled('SigninLogs | take 3');
    expect(second).toEqual({ plan: first.plan, parsed: true });
    expect(compiled('SigninLogs | take 3').parsed).toBe(false);
  });

  it('is not kept where the folder cannot be written', () => {
    const file = path.join(base, 'a file');
    writeFileSync(file, '');
    folder = path.join(file, 'plans');
    for (let i = 0; i < 2; i++) expect(compiled('SigninLogs | take 2').parsed).toBe(true);
  });

  it('lies where the system keeps such things', () => {
    expect(planCacheFolder({ XDG_CACHE_HOME: '/caches' })).toBe(path.join('/caches', 'tocsin', 'plans'));
    expect(path.isAbsolute(planCacheFolder({ XDG_CACHE_HOME: 'relative' }))).toBe(true);
  });
});
