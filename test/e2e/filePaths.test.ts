import { copyFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { banana, DEMO_FILES } from './chat.ts';
import { demoConfig, startGateway, type TestGateway } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

/** Copies a file of the demo, has the catalogue take it and then tears it. Resolves with where it is. */
async function torn(
  gateway: TestGateway,
  kind: 'models' | 'adapters',
  entry: Readonly<Record<string, string>>,
  source: string,
): Promise<string> {
  const path = join(gateway.directory, `torn ${kind}.gguf`);
  copyFileSync(source, path);
  expect((await gateway.admin('POST', `/${kind}`, { ...entry, path })).status).toBe(201);
  truncateSync(path, Math.floor(statSync(path).size / 2));
  return path;
}

/** What the admin API and the event log say of the combo's last failure. */
async function toldToOperators(gateway: TestGateway, combo: string): Promise<string[]> {
  const combos = (await gateway.admin('GET', '/combos')).json.data;
  const { json } = await gateway.admin('GET', '/events?limit=1000');
  const event = json.data.find(
    ({ type, detail }: any) => type === 'combo_quarantined' && detail.message.includes(`"${combo}"`),
  );
  return [combos.find((row: any) => row.combo === combo).quarantine.last_error.message, event.detail.message];
}

describe.each([
  ['a model', 'models', { id: 'torn' }, DEMO_FILES.base, 'torn'],
  ['an adapter', 'adapters', { id: 'torn', base: 'tiny-chat' }, DEMO_FILES.pirate, 'tiny-chat+torn'],
] as const)('an error about the file of %s', (_what, kind, entry, source, combo) => {
  test('tells clients its name, and operators where it is', async () => {
    const gateway = await startGateway({ config: demoConfig(), standbys: 0 });
    gateways.push(gateway);
    const path = await torn(gateway, kind, entry, source);
    const failed = await gateway.post('/v1/chat/completions', banana(combo));
    const quarantined = await gateway.post('/v1/chat/completions', { ...banana(combo), stream: true });
    for (const [response, code] of [
      [failed, 'start_failed_permanently'],
      [quarantined, 'quarantined'],
    ] as const) {
      const { error } = (await response.json()) as any;
      expect([response.status, error.code]).toEqual([503, code]);
      expect(error.message).toContain(`torn ${kind}.gguf`);
      expect(error.message).not.toContain(gateway.directory);
    }
    for (const message of await toldToOperators(gateway, combo)) expect(message).toContain(path);
  });
});
