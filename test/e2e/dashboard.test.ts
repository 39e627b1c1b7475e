import { readFileSync } from 'node:fs';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, screenshot, seriousIssues, WHY_NO_BROWSER } from './browser.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

/** Room for one base at a time, so that the other one's first request makes it give way. */
const SETTINGS = `
pool: { max_runners: 1 }
prices:
  start_policy: shared
  default:
    input_per_million: 0.15
    output_per_million: 0.6
    device_gb_second: 0.00002
    start: { cold: 0.002, staged: 0.001, attach: 0.0001 }
slos:
  - { id: chat-warm, model: tiny-chat, objective: ttft_warm, threshold: 10s, target: 0.9 }
`;
const OTHER_MODEL = '{ id: other-chat, path: MODEL, context: 2048, sequences: 8 }';
const PAGES = [
  '/dashboard',
  '/dashboard/latency',
  '/dashboard/startup',
  // As it was worked out before.
  '/dashboard/keepwarm?range=24h&wait=0.01',
  '/dashboard/evictions',
  '/dashboard/spend',
  '/dashboard/slos',
];

const fileOf = (path: string): string => path.replace(/\?.*/, '').replaceAll('/', '-');

let gateway: TestGateway;
beforeAll(async () => {
  const config = demoConfig(SETTINGS);
  const model = /path: (\S+tiny-chat\S+\.gguf)/.exec(config)?.[1] ?? '';
  gateway = await startGateway({
    config: config.replace('adapters:', `  - ${OTHER_MODEL.replace('MODEL', model)}\nadapters:`),
    environment: { HEARTH_PORT: '0' },
  });
});
afterAll(() => gateway.dispose());

if (WHY_NO_BROWSER !== null) console.warn(`SKIPPED: the dashboard in a browser. ${WHY_NO_BROWSER}`);

async function chat(model: string, key = 'any'): Promise<void> {
  const messages = [{ role: 'user', content: 'What color is a banana?' }];
  const answer = await gateway.post(
    '/v1/chat/completions',
    { model, messages, max_tokens: 8 },
    { headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` } },
  );
  expect(answer.status).toBe(200);
  await answer.text();
}

describe.skipIf(WHY_NO_BROWSER !== null)(
  `the dashboard in Chromium${WHY_NO_BROWSER ? `: skipped. ${WHY_NO_BROWSER}` : ''}`,
  () => {
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    /** What the browser refused or failed at; the content security policy speaks here too. */
    const complaints: string[] = [];
    const hosts = new Set<string>();

    beforeAll(async () => {
      browser = await launchBrowser();
      context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
      page = await context.newPage();
      page.setDefaultTimeout(10_000);
      page.on('console', (message) => {
        // The login that is refused is a 401, and a pin that is a 409; both are wanted.
        if (message.type() === 'error' && !/status of 4(01|09)/.test(message.text()))
          complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => hosts.add(new URL(request.url()).origin));
    });
    afterAll(() => browser.close());

    const part = (name: string) => page.locator(`[data-part="${name}"]`);

    test('refuses a wrong token, and lets the right one in without ever handing it to the page', async () => {
      await page.goto(`${gateway.url}/dashboard`);
      await page.getByLabel('Admin token').fill('wrong');
      await page.getByRole('button', { name: 'Log in' }).click();
      await expect.poll(() => page.getByRole('alert').textContent()).toContain('not the admin token');
      await screenshot(page, 'login-refused');
      expect(await seriousIssues(page)).toEqual([]);

      await page.getByLabel('Admin token').fill(gateway.adminToken);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      const [session] = await context.cookies(`${gateway.url}/dashboard`);
      expect(session).toMatchObject({
        name: 'hearth_session',
        httpOnly: true,
        sameSite: 'Strict',
        path: '/dashboard',
      });
      expect(await page.content()).not.toContain(gateway.adminToken);
      const kept = await page.evaluate(
        'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
      );
      expect(kept).toBe('[{},{},""]');
    });

    test('tells what to do while there is nothing', async () => {
      await expect.poll(() => part('requests').textContent()).toContain('curl');
      expect(await part('starts').textContent()).toContain('No start since');
      await screenshot(page, 'overview-empty');
    });

    test('shows a cold and a warm start live, as waterfalls, with what they cost', async () => {
      await expect.poll(() => page.locator('#live-state').textContent()).toBe('Live');
      await chat('tiny-chat');
      await part('starts').getByRole('rowheader', { name: 'tiny-chat', exact: true }).waitFor();
      await expect.poll(() => part('starts').locator('rect.phase-attach').count()).toBe(1);
      await expect.poll(() => page.locator('#announcer').textContent()).toContain('tiny-chat is ready');
      await chat('tiny-chat');
      await part('requests').locator('.kind-warm').waitFor();
      await chat('tiny-chat:pirate');
      await part('requests').locator('.kind-attach').waitFor();
      const cold = part('requests')
        .getByRole('row')
        .filter({ has: page.locator('.kind-cold') });
      expect(await cold.locator('rect.phase-load').count()).toBe(1);
      expect(await cold.locator('rect.phase-decode').count()).toBe(1);
      const cells = await cold.getByRole('cell').allTextContents();
      expect(cells.find((cell) => cell.startsWith('$'))).not.toBe('$0.000000');
      expect(await part('runners').textContent()).toContain('tiny-chat+pirate');
      await screenshot(page, 'overview');
    });

    test('pins a combo, says why not with the arithmetic, and removes the pin', async () => {
      await page.getByLabel('Combo', { exact: true }).fill('tiny-chat');
      await page.getByRole('button', { name: 'Pin', exact: true }).click();
      const unpin = page.getByRole('button', { name: 'Remove the pin of tiny-chat' });
      await unpin.waitFor();
      await screenshot(page, 'pinned');

      await page.getByLabel('Combo', { exact: true }).fill('tiny-chat:pirate');
      await page.getByRole('spinbutton', { name: 'Runners' }).fill('1000000');
      await page.getByRole('button', { name: 'Pin', exact: true }).click();
      await expect.poll(() => page.locator('.arithmetic').textContent()).toContain('It needs');
      await screenshot(page, 'pin-refused');
      expect(await seriousIssues(page)).toEqual([]);

      await page.goto(`${gateway.url}/dashboard`);
      await unpin.click();
      await expect.poll(() => part('pins').textContent()).toContain('Nothing is pinned');
      expect((await gateway.admin('GET', '/pins')).json.data).toEqual([]);
    });

    test('draws latency cold against warm, and lists what was spent', async () => {
      await page.goto(`${gateway.url}/dashboard/latency?range=1h`);
      await page.locator('#chart canvas').waitFor();
      const kinds = page.getByRole('region', { name: 'mean phases by start kind' });
      for (const kind of ['warm', 'attach', 'cold'])
        expect(await kinds.getByRole('rowheader', { name: kind, exact: true }).count()).toBe(1);
      await screenshot(page, 'latency');
      await page.goto(`${gateway.url}/dashboard/latency`);
      await page.locator('#chart canvas').waitFor();
      expect(await page.getByRole('columnheader', { name: 'cold p95' }).count()).toBe(1);
      const sides = page.getByRole('region', { name: 'Cold against warm' }).getByRole('row');
      const both = await sides.filter({ has: page.locator('rect.mark-warm') }).allTextContents();
      expect(both).toEqual([expect.stringMatching(/^tiny-chat.*\d×.*1 request/)]);

      await page.goto(`${gateway.url}/dashboard/spend`);
      const spend = page.getByRole('region', { name: 'Spend: by model' });
      expect(await spend.getByRole('row').nth(1).textContent()).toMatch(/^tiny-chat\$0\.00[1-9]/);
      await screenshot(page, 'spend');
    });

    test('tells where the seconds of starts went, and what gave way and came back', async () => {
      await chat('other-chat');
      await chat('tiny-chat');
      await page.goto(`${gateway.url}/dashboard/startup`);
      const starts = page.getByRole('region', { name: 'Starts by base' });
      await starts.getByRole('rowheader', { name: 'other-chat' }).waitFor();
      expect(await page.locator('.tall rect.phase-load').count()).toBe(1);
      await screenshot(page, 'startup');

      await page.goto(`${gateway.url}/dashboard/evictions`);
      const gone = page.getByRole('region', { name: 'Evictions and reloads' });
      expect(await gone.getByRole('row', { name: /^tiny-chat base 1 / }).count()).toBe(1);
      await screenshot(page, 'evictions');
    });

    test('works out what keeping warm costs when somebody asks, and shows it when it is there', async () => {
      await page.goto(`${gateway.url}/dashboard/keepwarm`);
      expect(await page.locator('#worked').textContent()).toContain('Nothing is worked out yet');
      await page.getByLabel('A second of waiting is worth').fill('0.01');
      await page.getByRole('button', { name: 'Work it out' }).click();
      const combos = page.getByRole('region', { name: 'Keeping warm against starting' });
      await combos.waitFor();
      expect(await page.getByRole('status').textContent()).toMatch(/^Worked out at .* of 5 requests/);
      expect(await combos.getByRole('row').count()).toBe(4);
      expect(await page.getByText('(best)').first().isVisible()).toBe(true);
      await screenshot(page, 'keepwarm');
    });

    test('has the budget of a key, and the table of the page as a file', async () => {
      const budget = { period: 'month', soft_micro_usd: 1, hard_micro_usd: 1_000_000 };
      const { json } = await gateway.admin('POST', '/keys', { name: 'search', budget });
      await chat('tiny-chat', json.key);
      await page.goto(`${gateway.url}/dashboard/spend?range=1h`);
      const keys = page.getByRole('region', { name: 'Budgets of API keys' });
      const cells = await keys.getByRole('row', { name: 'search' }).getByRole('cell').allTextContents();
      expect(cells.slice(0, 2)).toEqual(['past soft limit', '$1.00 a month']);
      expect(cells[3]).toMatch(/^\$0\.0000[0-9]*[1-9]/);
      await screenshot(page, 'spend-budgets');

      const downloading = page.waitForEvent('download');
      await page.getByRole('link', { name: 'by key and model' }).click();
      const download = await downloading;
      expect(download.suggestedFilename()).toMatch(/^hearth-billing-\d{8}T\d{6}Z-\d{8}T\d{6}Z\.csv$/);
      const lines = readFileSync((await download.path()) ?? '', 'utf8').split('\r\n');
      expect(lines[0]).toMatch(/^key,model,requests,/);
      expect(lines.filter((line) => line.startsWith(json.id))).toHaveLength(1);
    });

    test('shows another time by a form that the keyboard alone can fill in', async () => {
      await page.getByText('other time').focus();
      await page.keyboard.press('Enter');
      await page.getByLabel('From (UTC)').fill('2026-01-01T00:00');
      await page.getByLabel('To (UTC)').fill('2026-01-02T00:00');
      await page.keyboard.press('Enter');
      await expect
        .poll(() => page.textContent('main'))
        .toContain('Nothing was asked for from 2026-01-01 00:00 to 2026-01-02 00:00 UTC.');
      expect(await page.getByLabel('From (UTC)').inputValue()).toBe('2026-01-01T00:00');
      await screenshot(page, 'other-time');
    });

    test('has the objective of the configuration', async () => {
      await page.goto(`${gateway.url}/dashboard/slos`);
      const row = page.getByRole('row', { name: /^chat-warm tiny-chat/ });
      expect(await row.textContent()).toContain('first token within 10.0 s');
      await screenshot(page, 'slos');
    });

    test.each(['light', 'dark'] as const)(
      'has no serious issue for axe on any page, %s',
      async (colorScheme) => {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const path of PAGES) {
          await page.goto(`${gateway.url}${path}`);
          // In the dark nothing is other than the colours.
          const issues = await seriousIssues(page, colorScheme === 'dark' ? 'color-contrast' : undefined);
          expect({ path, issues }).toEqual({ path, issues: [] });
          if (colorScheme === 'dark') await screenshot(page, `dark${fileOf(path)}`);
        }
      },
    );

    test('fits a phone: nothing but tables scrolls sideways', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      for (const path of PAGES) {
        await page.goto(`${gateway.url}${path}`);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect({ path, width }).toEqual({ path, width: 390 });
        await screenshot(page, `phone${fileOf(path)}`);
      }
    });

    test('is reached by keyboard, and logs out', async () => {
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toContain('Skip to the content');
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('Admin token').waitFor();
      expect(await context.cookies(`${gateway.url}/dashboard`)).toMatchObject([{ name: 'hearth_login' }]);
      expect((await page.request.get(`${gateway.url}/dashboard/live`)).status()).toBe(401);
    });

    test('asked no other host, and broke no policy of its own', () => {
      expect([...hosts]).toEqual([gateway.url]);
      expect(complaints).toEqual([]);
    });
  },
);
