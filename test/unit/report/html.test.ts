import { describe, expect, test } from 'vitest';
import { reportHtml } from '../../../src/report/html.ts';
import { html, inlineData, inlineScript, markupText } from '../../../src/report/markup.ts';
import { pageAssets } from '../../../src/report/page-assets.ts';
import { readSweep } from '../../../src/report/swept.ts';
import { timelineOf, unixMsOf } from '../../../src/report/timeline.ts';
import { handmadeReport, HOSTILE, reportOfRuleOnOneLine, sweepFile } from '../../support/html-report.ts';

const NO_ASSETS = { style: '', scripts: [] };

/** Between the header and the data, one tag a line. */
function body(page: string): string {
  const [start, end] = [page.indexOf('<body>'), page.indexOf('<script')];
  return page
    .slice(start, end)
    .replace(/\s*\n\s*/g, ' ')
    .replace(/> ?</g, '>\n<')
    .trim();
}

function dataOf(page: string): { rules: Record<string, unknown>[] } {
  const json = /<script id="tocsin-data" type="application\/json">(.*?)<\/script>/s.exec(page)![1]!;
  return JSON.parse(json) as { rules: Record<string, unknown>[] };
}

describe('markup', () => {
  test('escapes whatever is put into it, and nothing twice', () => {
    const inner = html`<b title="${'"'}">${'<i>&\u0000'}</b>`;
    expect(markupText(html`<p>${inner}${['&', 1, null, undefined, false]}</p>`)).toBe(
      '<p><b title="&quot;">&lt;i&gt;&amp;\ufffd</b>&amp;1</p>',
    );
  });

  test('keeps a script from ending before its end', () => {
    const script = markupText(inlineScript('a = "</script><!--<script>"'));
    expect(script).toBe(String.raw`<script>a = "\x3c/script>\x3c!--\x3cscript>"</script>`);
  });

  test('gives data back as it was', () => {
    const [, json] = /^<script id="d" type="application\/json">([^<]*)<\/script>$/.exec(
      markupText(inlineData('d', { text: HOSTILE })),
    )!;
    expect(JSON.parse(json!)).toEqual({ text: HOSTILE });
  });
});

describe('the timeline', () => {
  const { truth, rules, score } = handmadeReport();
  const { attacks, runs } = timelineOf(rules[0]!.result, truth);

  test('has every attack at its first malicious event, and its first alert where there is one', () => {
    expect(attacks.map(({ incident, at, caughtAt }) => [incident.id, at, caughtAt])).toEqual([
      ['A', unixMsOf('2026-06-01T01:10:00.0000000Z'), unixMsOf('2026-06-01T02:05:00.0000000Z')],
      ['B', unixMsOf('2026-06-01T02:10:00.0000000Z'), undefined],
      ['C', unixMsOf('2026-06-01T15:00:00.0000000Z'), undefined],
      ['D', unixMsOf('2026-06-02T09:20:00.0000000Z'), unixMsOf('2026-06-02T10:05:00.0000000Z')],
    ]);
  });

  test('counts as the score does', () => {
    const scored = score.rules[0]!;
    expect(attacks.filter(({ caughtAt }) => caughtAt !== undefined)).toHaveLength(scored.attacks.detected);
    const sum = (pick: 'trueAlerts' | 'falseAlerts') => runs.reduce((all, run) => all + run[pick], 0);
    expect([sum('trueAlerts'), sum('falseAlerts')]).toEqual([scored.alerts.truePositive, scored.alerts.falsePositive]);
  });
});

describe('the page', () => {
  test('is laid out as in the golden file', async () => {
    await expect(`${body(reportHtml(handmadeReport(), NO_ASSETS))}\n`).toMatchFileSnapshot('golden/report.html');
  });

  test('never takes text for markup', () => {
    const page = reportHtml(handmadeReport(), NO_ASSETS);
    expect(page).not.toContain('<img');
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(dataOf(page).rules[0]).toMatchObject({ attacks: [{ id: 'A' }, {}, { chain: `chain ${HOSTILE}` }, {}] });
  });

  test('carries its libraries, forbids the network, and stays small', () => {
    const page = reportHtml(handmadeReport(), pageAssets());
    expect(page).toContain("default-src 'none'");
    expect(page).toContain('Copyright 2010-2026 Mike Bostock');
    expect(page).not.toMatch(/<(?:script|img|iframe)[^>]*\ssrc=|<link[^>]*href="(?!data:)/);
    expect(page.length).toBeLessThan(700_000);
    expect(page.match(/<\/script>/g)).toHaveLength(4);
  });

  test('puts a note at the line where the clause stands, and marks the clause', () => {
    const page = reportHtml(handmadeReport(), NO_ASSETS);
    expect(page).toMatch(
      /<li id="r0-L4" class="lossy"><code>  \| <mark>where Category in \(&quot;Policy&quot;\)<\/mark><\/code><details class="note"><summary>lost 1 of 2 missed attacks \(1 event\)/,
    );
    expect(page).toContain('<a href="#r0-L4">line 4</a>');
  });

  test('lists the query of a rule that stands on one line, and finds the clauses in it', () => {
    const page = reportHtml(reportOfRuleOnOneLine(), NO_ASSETS);
    expect(page).toMatch(/<li id="r0-L2" class="lossy"><code>\| <mark>where Category/);
    expect(page).toContain('<a href="#r0-L2">line 2</a>');
  });

  test('sets several rules side by side', () => {
    const page = reportHtml(handmadeReport(['First', 'Second']), NO_ASSETS);
    expect(page).toContain('A and B catch the same 2 of 4 attacks');
    expect(page.match(/<article/g)).toHaveLength(2);
    expect(dataOf(page).rules).toHaveLength(2);
  });

  test('says what was expected and whether it holds', () => {
    const report = handmadeReport();
    const position = { file: 'rule.yaml', line: 1, column: 1 };
    const expectations = [
      { expectation: 'recall >= 0.9', metric: 'recall', unit: 'share', holds: false, measured: 0.5, position },
    ] as const;
    const score = { ...report.score, rules: report.score.rules.map((rule) => ({ ...rule, expectations })) };
    const page = reportHtml({ ...report, score }, NO_ASSETS);
    expect(page).toContain('<code>recall &gt;= 0.9</code></th><td><strong class="missed">no</strong></td>');
  });

  test('shows a sweep, the rule as it stands first where the grid lacks it', () => {
    const sweep = readSweep(JSON.stringify(sweepFile()), 'sweep.json');
    expect(sweep.points.map(({ values, asIs, frontier, recall }) => [values[0], asIs, frontier, recall])).toEqual([
      ['as it stands', true, false, 0.5],
      ['1h', false, true, 0.25],
      ['1h', false, true, 0.75],
      ['2h', false, false, 0.25],
    ]);
    const page = reportHtml({ ...handmadeReport(), sweep }, NO_ASSETS);
    expect(page).toContain('4 combinations of settings');
    expect(page).toContain('1 combination could not run.');
    expect(page).not.toContain('<img');
  });

  test.each([
    ['{', /^sweep\.json: is not JSON/],
    ['{"schema":"tocsin.score/1"}', /expected "schema": "tocsin.sweep\/1", found "tocsin.score\/1"/],
    ['null', /found none/],
    ['{"schema":"tocsin.sweep/1"}', /is damaged/],
  ])('refuses %s as a sweep', (text, message) => {
    expect(() => readSweep(text, 'sweep.json')).toThrow(message);
  });
});
