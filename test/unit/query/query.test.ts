import { describe, expect, it } from 'vitest';
import { TocsinError } from '../../../src/base/errors.ts';
import { query } from '../../../src/query/query.ts';

describe('query', () => {
  it('gives cells as plain values', async () => {
    const { columns, rows } = await query(
      `print b = true, i = int(5), l = 9223372036854775807, r = 1.5, m = decimal(1.10), s = "x",
         g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), t = datetime(2026-05-29 10:11:12.1234567),
         p = 1d + 2h + 3m + 4.5s, d = dynamic({"a": [1, 2.5, null]}), n = long(null)`,
    );
    expect(columns.map((column) => column.type)).toEqual(
      'bool int long real decimal string guid datetime timespan dynamic long'.split(' '),
    );
    expect(rows).toEqual([
      [
        true,
        5,
        9223372036854775807n,
        1.5,
        '1.10',
        'x',
        '74be27de-1e4e-49d9-b579-fe0b331d3642',
        '2026-05-29T10:11:12.1234567Z',
        '1.02:03:04.5000000',
        { a: [1, 2.5, null] },
        null,
      ],
    ]);
  });

  it('makes the series of the older form: whole bins, the one of the end among them', async () => {
    const { rows } = await query(
      `datatable(at:datetime, n:long)[
         datetime(2026-01-01 10:30), 1,
         datetime(2026-01-01 12:15), 2,
         datetime(2026-01-01 13:10), 4,
         datetime(2026-01-01 14:00), 8]
       | make-series total = sum(n) on at in range(datetime(2026-01-01 10:20), datetime(2026-01-01 13:00), 1h)`,
    );
    const hours = ['10', '11', '12', '13'].map((hour) => `2026-01-01T${hour}:00:00.0000000Z`);
    expect(rows).toEqual([[[1, 0, 2, 4], hours]]);
  });

  it('reads tables of objects, with the types of Log Analytics where the table is known', async () => {
    const tables = {
      SigninLogs: [
        { TimeGenerated: '2026-01-02T03:04:05Z', ResultType: 0, Status: { errorCode: 0 } },
        { TimeGenerated: new Date(Date.UTC(2026, 0, 3)), ResultType: '50126', Status: { errorCode: 50126 } },
      ],
      Own: [{ a: 1, b: 'x' }, { a: 2.5 }],
    };
    const { rows } = await query('SigninLogs | where Status.errorCode == 0 | project TimeGenerated, ResultType', {
      tables,
    });
    expect(rows).toEqual([['2026-01-02T03:04:05.0000000Z', '0']]);
    const own = await query('Own | summarize sum(a), make_list(b)', { tables });
    expect(own.columns.map((column) => column.type)).toEqual(['real', 'dynamic']);
    expect(own.rows).toEqual([[3.5, ['x', '']]]);
  });

  it('stands still at now', async () => {
    const { rows } = await query('print now(), ago(1d)', { now: '2026-05-29T12:00:00Z' });
    expect(rows).toEqual([['2026-05-29T12:00:00.0000000Z', '2026-05-28T12:00:00.0000000Z']]);
  });

  it('joins a watchlist and external data', async () => {
    const { rows } = await query(
      `_GetWatchlist("VIPs") | join kind=inner (externaldata(SearchKey:string, n:long)["https://example.org/n.csv"]) on SearchKey
       | project SearchKey, n`,
      {
        watchlists: { VIPs: [{ SearchKey: 'ann' }, { SearchKey: 'bob' }] },
        externals: { 'https://example.org/n.csv': [{ SearchKey: 'bob', n: '7' }] },
      },
    );
    expect(rows).toEqual([['bob', 7]]);
  });

  it('refuses cells that are not of their column, with the place', async () => {
    const failed = query('SigninLogs', { tables: { SigninLogs: [{ TimeGenerated: 'yesterday' }] } });
    await expect(failed).rejects.toThrow(TocsinError);
    await expect(failed).rejects.toThrow(
      /table SigninLogs, row 1, column TimeGenerated: found "yesterday", expected a datetime/,
    );
  });

  it('refuses a clock that is no time', async () => {
    await expect(query('print 1', { now: 'noon' })).rejects.toThrow(/found 'noon', expected ISO 8601/);
  });
});

describe('the operators that are made of others', () => {
  const rows = async (kql: string): Promise<unknown[][]> => (await query(kql)).rows;
  const T = 'datatable(g:string, s:string, v:long)["a","x",1, "a","y",5, "b","x",3, "b","z",4, "c","x",2]';

  it('top-nested takes the top of each level', async () => {
    expect(await rows(`${T} | top-nested 2 of g by sum(v), top-nested 1 of s by max(v) | sort by g asc`)).toEqual([
      ['a', 6, 'y', 5],
      ['b', 7, 'z', 4],
    ]);
  });

  it('top-hitters counts or sums', async () => {
    expect(await rows(`${T} | top-hitters 1 of s`)).toEqual([['x', 3]]);
    expect(await rows(`${T} | top-hitters 1 of g by v`)).toEqual([['b', 7]]);
  });

  it('partition runs its sub-query for each value', async () => {
    expect(await rows(`${T} | partition by g (top 1 by v desc | project g, v) | sort by g asc`)).toEqual([
      ['a', 5],
      ['b', 4],
      ['c', 2],
    ]);
  });

  it('scan carries a state from row to row', async () => {
    expect(
      await rows(
        `${T} | sort by v asc | scan declare (total:long = 0) with (step all: true => total = v + all.total;) | project total`,
      ),
    ).toEqual([[1], [3], [6], [10], [15]]);
  });

  it('scan moves a sequence on from step to step', async () => {
    expect(
      await rows(`datatable(t:long, e:string)[1,"on", 2,"x", 3,"off", 4,"off", 5,"on", 6,"off"] | sort by t asc
        | scan with_match_id=id with (step on: e == "on"; step off: e == "off";) | project t, id`),
    ).toEqual([
      [1, 0],
      [3, 0],
      [4, 0],
      [5, 1],
      [6, 1],
    ]);
  });

  it('ipv4_lookup finds the networks of an address', async () => {
    const lookup = `let nets = datatable(network:string, tag:string)["10.0.0.0/8","inner", "10.1.0.0/16","lab"];
      datatable(ip:string)["10.1.2.3", "10.9.9.9", "8.8.8.8"] | evaluate ipv4_lookup(nets, ip, network`;
    expect(await rows(`${lookup}) | project ip, tag | sort by ip asc, tag asc`)).toEqual([
      ['10.1.2.3', 'inner'],
      ['10.1.2.3', 'lab'],
      ['10.9.9.9', 'inner'],
    ]);
    expect(await rows(`${lookup}, return_unmatched = true) | where isempty(tag) | project ip, network`)).toEqual([
      ['8.8.8.8', ''],
    ]);
  });

  it('search looks through the tables that it names, or through all, and says where it found a row', async () => {
    const tables = {
      SigninLogs: [{ UserPrincipalName: 'ada@contoso.com', IPAddress: '10.0.0.1' }],
      AuditLogs: [{ OperationName: 'Add user', InitiatedBy: { user: { userPrincipalName: 'ada@contoso.com' } } }],
      Own: [{ Note: 'nothing of ADA' }],
    };
    const found = async (kql: string): Promise<unknown[][]> => (await query(kql, { tables })).rows;
    expect(await found('search in (SigninLogs, AuditLogs) "ada" | project $table | sort by $table asc')).toEqual([
      ['AuditLogs'],
      ['SigninLogs'],
    ]);
    expect(await found('search "ada" | summarize count() by $table | sort by $table asc')).toEqual([
      ['AuditLogs', 1],
      ['Own', 1],
      ['SigninLogs', 1],
    ]);
    expect(await found('search in (SigninLogs, Audit*) "ada" and OperationName has "user" | project $table')).toEqual([
      ['AuditLogs'],
    ]);
    expect(await found('search in (SigninLogs, AuditLogs) "SigninLogs" | count')).toEqual([[0]]);
  });

  it('search finds terms in any column', async () => {
    expect(await rows(`${T} | search "b" and "z" | project g, s`)).toEqual([['b', 'z']]);
    expect(await rows(`${T} | where * == "z" | project v`)).toEqual([[4]]);
  });

  it('finds nothing in a sub-query without columns', async () => {
    const { rows } = await query('datatable(s:string)["a"] | where s in ((print x = "a" | project))');
    expect(rows).toEqual([]);
  });
});
