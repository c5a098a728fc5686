/** The report in a real browser; skipped, with a notice, where there is none. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportHtml } from '../../src/report/html.ts';
import { pageAssets } from '../../src/report/page-assets.ts';
import { readSweep } from '../../src/report/swept.ts';
import { generated } from '../support/generated.ts';
import { handmadeReport, HOSTILE, sweepFile } from '../support/html-report.ts';
import { temporaryFolder, tocsin } from '../support/run-cli.ts';

const BROWSER = [
  process.env['CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((file) => file !== undefined && existsSync(file));
if (BROWSER === undefined) {
  console.warn('SKIPPED: the report is not opened in a browser: no Chromium here (set CHROMIUM to its path)');
}
const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

describe('tocsin report', () => {
  test('replays, scores and explains rules over a dataset, and writes one file', async () => {
    const tenant = await generated('contoso-2k', { users: 60, days: 1 });
    try {
      const out = path.join(temporaryFolder(), 'report.html');
      const rule = 'rules/ni-auth-privileged-audit-actions.yaml';
      const written = await tocsin(['report', tenant.folder, '--rule', rule, '--out', out, '--threads', '0']);
      expect(written).toMatchObject({ code: 0, stderr: '' });
      expect(written.stdout).toContain(`1 rule in ${out}`);
      const page = readFileSync(out, 'utf8');
      expect(page).toContain('Non-Interactive Auth Followed by Privileged Audit Actions');
      expect(page).toContain('class="note"');
    } finally {
      tenant.remove();
    }
  });
});

describe.skipIf(BROWSER === undefined)('the report in a browser', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-report-'));
  const file = path.join(folder, 'report.html');
  const troubles: string[] = [];
  let browser: Browser;

  beforeAll(async () => {
    const sweep = readSweep(JSON.stringify(sweepFile()), 'sweep.json');
    writeFileSync(file, reportHtml({ ...handmadeReport([`Rule ${HOSTILE}`, 'Second']), sweep }, pageAssets()));
    browser = await chromium.launch({ executablePath: BROWSER!, args: FLAGS });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(colorScheme: 'light' | 'dark' = 'light', width = 1280): Promise<Page> {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    page.on('pageerror', (error) => troubles.push(String(error)));
    page.on('console', (message) => troubles.push(message.text()));
    page.on('request', (request) => {
      if (request.url() !== pathToFileURL(file).href && !request.url().startsWith('data:'))
        troubles.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return page;
  }

  test('opens from disk with every section, no error and no request', async () => {
    const page = await open();
    const titles = await page.locator('article:first-of-type section h3').allTextContents();
    expect(titles).toEqual([
      'Attacks and alerts over time',
      'Recall by chain and variant',
      'Where the rule lost attacks',
      'How late it rings',
      'False alarms by kind',
      'What the schedule loses',
      'Throughput',
    ]);
    expect(await page.locator('svg[role=img]').count()).toBe(2 * 2 + 1);
    expect(await page.locator('main > section h2').allTextContents()).toEqual([
      'The rules side by side',
      'In other settings',
      'Logs',
    ]);
    expect(await page.evaluate('window.broken')).toBeUndefined();
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('sorts a table up and down, by numbers where there are numbers', async () => {
    const page = await open();
    const table = page.locator('table', { hasText: 'Events by table' });
    const heading = table.locator('th', { hasText: 'Events' });
    const names = () => table.locator('tbody th').allTextContents();
    await heading.locator('button').click();
    expect(await heading.getAttribute('aria-sort')).toBe('ascending');
    expect(await names()).toEqual(['SigninLogs', 'AuditLogs']);
    await heading.locator('button').press('Enter');
    expect(await heading.getAttribute('aria-sort')).toBe('descending');
    expect(await names()).toEqual(['AuditLogs', 'SigninLogs']);
    await page.close();
  });

  test('zooms the timeline by buttons, by keys and by dragging', async () => {
    const page = await open();
    const timeline = page.locator('[data-chart=timeline]').first();
    const shown = () => timeline.locator('output').textContent();
    const whole = '2026-06-01 00:00 to 2026-06-03 00:00';
    expect(await shown()).toBe(whole);
    await timeline.getByRole('button', { name: 'Zoom in' }).click();
    expect(await shown()).toBe('2026-06-01 12:00 to 2026-06-02 12:00');
    await timeline.getByRole('button', { name: 'Earlier' }).click();
    expect(await shown()).toBe('2026-06-01 00:00 to 2026-06-02 00:00');
    await timeline.locator('.chart').press('-');
    expect(await shown()).toBe(whole);
    await timeline.locator('.chart').press('+');
    await timeline.locator('.chart').press('Home');
    expect(await shown()).toBe(whole);
    const box = (await timeline.locator('.brush').first().boundingBox())!;
    await page.mouse.move(box.x + box.width / 4, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 20, { steps: 4 });
    await page.mouse.up();
    expect(await shown()).toMatch(/^2026-06-01 (11:5|12:0)\d to 2026-06-0(1 23:5|2 00:0)\d$/);
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('has a note in the margin of the clause, which opens below it to the width of the text', async () => {
    const page = await open();
    const [line, note] = [page.locator('.lossy').first(), page.locator('.note').first()];
    const outer = (await line.boundingBox())!;
    expect((await note.boundingBox())!.x).toBeGreaterThan(outer.x + outer.width / 2);
    await note.locator('summary').click();
    expect(await note.locator('li').first().textContent()).toContain('the condition was false');
    expect((await note.boundingBox())!.width).toBeGreaterThan(outer.width / 2);
    expect(await page.evaluate('getComputedStyle(document.querySelector(".note li")).display')).toBe('list-item');
    await page.close();
  });

  test('switches between light and dark', async () => {
    const page = await open('dark');
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const dark = await ground();
    await page.getByRole('button', { name: 'Show in light colours' }).click();
    expect(await ground()).not.toBe(dark);
    await page.getByRole('button', { name: 'Show in dark colours' }).click();
    expect(await ground()).toBe(dark);
    await page.close();
  });

  test.each(['light', 'dark'] as const)('has no serious fault of accessibility in %s', async (scheme) => {
    const page = await open(scheme);
    await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
    await page.evaluate(AXE);
    const { violations } = (await page.evaluate('axe.run()')) as {
      violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[];
    };
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`)).toEqual([]);
    await page.close();
  });

  test('prints light, with every note open, and nothing wider than the paper', async () => {
    const page = await open('dark', 688);
    await page.getByRole('button', { name: 'Show in light colours' }).click();
    await page.getByRole('button', { name: 'Show in dark colours' }).click();
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.evaluate('dispatchEvent(new Event("beforeprint"))');
    const look = (await page.evaluate(`({
      ground: getComputedStyle(document.body).backgroundColor,
      ink: getComputedStyle(document.body).color,
      closed: document.querySelectorAll('details:not([open])').length,
      buttons: [...document.querySelectorAll('button:not(thead button)')].filter((each) => each.checkVisibility()).length,
      wide: [...document.querySelectorAll('table, svg, .listing')].filter((each) => each.getBoundingClientRect().right > 688).length,
    })`)) as object;
    expect(look).toEqual({ ground: 'rgb(255, 255, 255)', ink: 'rgb(0, 0, 0)', closed: 0, buttons: 0, wide: 0 });
    await page.evaluate('dispatchEvent(new Event("afterprint"))');
    expect(await page.locator('.note[open]').count()).toBe(0);
    expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
    expect(troubles).toEqual([]);
    await page.close();
  });

  test('fits a telephone without scrolling sideways', async () => {
    const page = await open('light', 360);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.close();
  });
});
