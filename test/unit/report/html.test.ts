import { describe, expect, test } from 'vitest';
import { type HtmlReport, reportHtml } from '../../../src/report/html.ts';
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

/** Without tags. */
function textOf(markup: string): string {
  return markup
    .replace(/<\/t[hd]>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/ +/g, ' ')
    .trim();
}

function leadOf(report: HtmlReport): string {
  return /<p class="lead">(.*?)<\/p>/s.exec(reportHtml(report, NO_ASSETS))![1]!;
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
    expect(page).toContain('<a class="whole" href="#r0-L4">line 4</a>');
  });

  test('lists the query of a rule that stands on one line, and finds the clauses in it', () => {
    const page = reportHtml(reportOfRuleOnOneLine(), NO_ASSETS);
    expect(page).toMatch(/<li id="r0-L2" class="lossy"><code>\| <mark>where Category/);
    expect(page).toContain('<a class="whole" href="#r0-L2">line 2</a>');
  });

  test('sets several rules side by side', () => {
    const page = reportHtml(handmadeReport(['First', 'Second']), NO_ASSETS);
    expect(page).toContain('A and B catch the same 2 of 4 attacks');
    expect(page.match(/<article/g)).toHaveLength(2);
    expect(dataOf(page).rules).toHaveLength(2);
  });

  test('says what was expected and whether it holds', () => {
    expect(reportHtml(handmadeReport(), NO_ASSETS)).toMatch(
      /<code>recall &gt;= 0\.9<\/code><\/th><td data-by="0"><strong class="missed">no<\/strong><\/td><td class="n" data-by="0\.5">0\.5</,
    );
  });

  test('says first what rang, what did not and which line lost it, how late, and how many false alarms there are', () => {
    expect(textOf(leadOf(handmadeReport()))).toBe(
      '2 of 4 attacks rang, half of them within 45 min. Line 4 lost 1 of the other 2. There is 1 false alarm a day.',
    );
    const page = reportHtml(handmadeReport(), NO_ASSETS);
    const at = ['class="lead"', 'class="glance"', 'class="next"', '<h3 id="r0-timeline">'].map((each) =>
      page.indexOf(each),
    );
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(at[0]).toBeGreaterThan(0);
  });

  test.each([
    [{ planted: 0, detected: 0 }, 'No attack was planted, so there is no recall to speak of.'],
    [{ planted: 1, detected: 1 }, 'The only attack rang, half of them within 45 min.'],
    [{ planted: 3, detected: 3 }, 'All 3 attacks rang, half of them within 45 min.'],
    [{ planted: 3, detected: 0 }, 'None of 3 attacks rang, half of them within 45 min.'],
  ])('puts %o in words', (counts, text) => {
    const report = handmadeReport();
    const rules = report.score.rules.map((rule) => ({ ...rule, losses: [], attacks: { ...rule.attacks, ...counts } }));
    expect(textOf(leadOf({ ...report, score: { ...report.score, rules } }))).toMatch(new RegExp(`^${text}`));
  });

  test('holds a rule against what it reached before', () => {
    const page = reportHtml(handmadeReport(), NO_ASSETS);
    const [, rows] = /Against the baseline<\/caption>.*?<tbody>(.*?)<\/tbody>/s.exec(page)!;
    expect(rows!.trim().split('\n').map(textOf)).toEqual([
      'recall 0.75 0.5 0 worse',
      'falseAlarmsPerDay 3 1 10% yes',
      'timeToDetect.p50 unmeasured 50m',
    ]);
    expect(page).toContain('Newly missed:</strong> C ');
    expect(page).toContain('Newly caught:</span> D');
    const { score, ...rest } = handmadeReport();
    const rules = score.rules.map((rule) => ({ ...rule, baseline: null }));
    expect(reportHtml({ ...rest, score: { ...score, rules } }, NO_ASSETS)).toContain(
      'The baseline does not hold this rule.',
    );
  });

  test.each([
    [
      'Parts of the time to detect',
      [
        'From the act to its TimeGenerated 0 ms',
        'From there to its ingestion 2 min',
        'From there to the first run that can see it 50 min',
        'From there to the alert 0 ms',
      ],
    ],
    ['By what the author meant', ['yes: meant 1 1', 'no: not meant 1 1']],
    [
      'Rows by schedule',
      [
        'every 1h over 2h, as it is 15 1 4 88 %',
        'SigninLogs 7 0 2 88 %',
        'AuditLogs 8 1 2 88 %',
        'every 15m over 135m 0 0 0 n/a',
      ],
    ],
  ])('has a table: %s', (caption, expected) => {
    const page = reportHtml(handmadeReport(), NO_ASSETS);
    const [, rows] = new RegExp(`${caption}</caption>.*?<tbody>(.*?)</tbody>`, 's').exec(page)!;
    expect(rows!.trim().split('\n').map(textOf)).toEqual(expected);
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
