import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/chromium.mjs';
import { ROOT } from './startGateway.ts';

const CHROMIUM = findChromium();

/** Why no browser can be driven here; null: one can. `npm test` sees to it that there is one. */
export const WHY_NO_BROWSER =
  CHROMIUM === null ? 'Chromium is missing: install it, or name one in HEARTH_CHROMIUM' : null;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Kept as build output. */
export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = join(ROOT, '.cache/screenshots');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResults {
  readonly passes: readonly { readonly id: string }[];
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/**
 * What axe finds serious or critical on the page as it is, by all of its rules or the one that is named; by a way that the
 * page's own policy does not stop.
 */
export async function seriousIssues(page: Page, rule?: 'color-contrast'): Promise<string[]> {
  await page.evaluate(AXE);
  const options = rule === undefined ? {} : { runOnly: [rule] };
  const { violations, passes } = await page.evaluate<AxeResults>(
    `axe.run(document, ${JSON.stringify(options)})`,
  );
  if (!passes.some(({ id }) => id === 'color-contrast')) throw new Error('axe has not looked at the colours');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
}
