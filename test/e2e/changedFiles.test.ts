import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { startGateway, type TestGateway, until } from './startGateway.ts';

const gateways: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
});

/** A gateway with copies of the demo's files, which a test may overwrite. */
async function start(): Promise<TestGateway> {
  const gateway = await startGateway({ config: 'models: []\n', standbys: 0 });
  gateways.push(gateway);
  const model = join(gateway.directory, 'model.gguf');
  const adapter = join(gateway.directory, 'adapter.gguf');
  copyFileSync(DEMO_FILES.base, model);
  copyFileSync(DEMO_FILES.pirate, adapter);
  expect((await gateway.admin('POST', '/models', { id: 'm', path: model, context: 512 })).status).toBe(201);
  expect((await gateway.admin('POST', '/adapters', { id: 'x', base: 'm', path: adapter })).status).toBe(201);
  return gateway;
}

/** In place: the same inode, no rename. */
function overwrite(gateway: TestGateway, name: string, source: string): void {
  writeFileSync(join(gateway.directory, name), readFileSync(source));
}

async function ask(gateway: TestGateway, model: string): Promise<readonly [number, string]> {
  const response = await gateway.post('/v1/chat/completions', banana(model));
  const { error, choices } = (await response.json()) as any;
  return [response.status, error?.message ?? choices[0].message.content];
}

async function revisionOf(gateway: TestGateway, kind: 'models' | 'adapters', id: string): Promise<string> {
  const { json } = await gateway.admin('GET', `/${kind}`);
  return json.data.find((row: any) => row.id === id).revision;
}

async function typesOfEvents(gateway: TestGateway): Promise<string[]> {
  const { json } = await gateway.admin('GET', '/events?limit=1000');
  return json.data.map(({ type }: any) => type);
}

describe('a weight file that was overwritten in place', () => {
  test('is a new revision of its model at the next load, which nobody is served by as the old one', async () => {
    const gateway = await start();
    expect(await ask(gateway, 'm')).toEqual([200, BANANA.base]);
    const before = await revisionOf(gateway, 'models', 'm');
    const [runner] = await gateway.runners();
    await gateway.admin('POST', `/runners/${runner!.id}/drain`);
    await until(async () => (await gateway.runners()).length === 0, 'the runner has gone');
    overwrite(gateway, 'model.gguf', DEMO_FILES.base);
    const [status, message] = await ask(gateway, 'm');
    expect([status, message]).toEqual([
      503,
      'Cannot start "m": it was replaced in the catalogue while the request waited',
    ]);
    expect(await revisionOf(gateway, 'models', 'm')).not.toBe(before);
    expect(await ask(gateway, 'm')).toEqual([200, BANANA.base]);
    expect(await typesOfEvents(gateway)).toContain('model_changed');
  });

  test('is a new revision of its adapter at the next attach; what is attached stays what it was', async () => {
    const gateway = await start();
    expect(await ask(gateway, 'm+x')).toEqual([200, BANANA.pirate]);
    const before = await revisionOf(gateway, 'adapters', 'x');
    overwrite(gateway, 'adapter.gguf', DEMO_FILES.json);
    expect(await ask(gateway, 'm+x')).toEqual([200, BANANA.pirate]);
    const [status, message] = await ask(gateway, 'm+x@0.99');
    expect(status).toBe(503);
    expect(message).toContain('Cannot use adapter "x": expected its weight file "adapter.gguf" as it was');
    expect(await revisionOf(gateway, 'adapters', 'x')).not.toBe(before);
    expect(await ask(gateway, 'm+x')).toEqual([200, BANANA.json]);
    expect(await typesOfEvents(gateway)).toContain('adapter_changed');
    // The runner has let go of what it had attached and should not have.
    const [runner] = await gateway.runners();
    expect(runner!.combos).toEqual(['m+x']);
  });
});
