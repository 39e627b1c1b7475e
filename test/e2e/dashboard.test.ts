import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchBrowser, screenshot, seriousIssues, WHY_NO_BROWSER } from './browser.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

const PRICES = `
prices:
  start_policy: shared
  default: { input_per_million: 0.15, output_per_million: 0.6, start: { cold: 0.002, attach: 0.0001 } }
`;
const PAGES = ['/dashboard', '/dashboard/latency', '/dashboard/spend', '/dashboard/slos'];

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ config: demoConfig(PRICES), environment: { HEARTH_PORT: '0' } });
});
afterAll(() => gateway.dispose());

if (WHY_NO_BROWSER !== null) console.warn(`SKIPPED: the dashboard in a browser. ${WHY_NO_BROWSER}`);

async function chat(model: string): Promise<void> {
  const messages = [{ role: 'user', content: 'What color is a banana?' }];
  const answer = await gateway.post('/v1/chat/completions', { model, messages, max_tokens: 8 });
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

      await page.goto(`${gateway.url}/dashboard/spend`);
      const spend = page.getByRole('region', { name: 'Spend: by model' });
      expect(await spend.getByRole('row').nth(1).textContent()).toMatch(/^tiny-chat\$0\.00[1-9]/);
      await screenshot(page, 'spend');
    });

    test.each(['light', 'dark'] as const)(
      'has no serious issue for axe on any page, %s',
      async (colorScheme) => {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const path of PAGES) {
          await page.goto(`${gateway.url}${path}`);
          expect({ path, issues: await seriousIssues(page) }).toEqual({ path, issues: [] });
          if (colorScheme === 'dark') await screenshot(page, `dark${path.replaceAll('/', '-')}`);
        }
      },
    );

    test('fits a phone: nothing but tables scrolls sideways', async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      for (const path of PAGES) {
        await page.goto(`${gateway.url}${path}`);
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect({ path, width }).toEqual({ path, width: 390 });
        await screenshot(page, `phone${path.replaceAll('/', '-')}`);
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
