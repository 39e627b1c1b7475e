import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ config: demoConfig(), standbys: 0 });
});
afterAll(() => gateway.dispose());

const ask = async (model: string) => {
  const json = (await (await gateway.post('/v1/chat/completions', banana(model))).json()) as any;
  return json.choices?.[0]?.message.content ?? json.error.code;
};
const events = async (type: string) =>
  (await gateway.admin('GET', '/events?limit=1000')).json.data.filter(
    (event: { type: string }) => event.type === type,
  );

/** Writes the file, sends SIGHUP and resolves when the gateway says that it has read it. */
async function hangUp(config: string, outcome: string): Promise<any> {
  const before = (await events(outcome)).length;
  writeFileSync(join(gateway.directory, 'hearth.yaml'), config);
  gateway.child.kill('SIGHUP');
  await until(async () => (await events(outcome)).length === before + 1, outcome);
  return (await events(outcome))[0];
}

const GOOD = `${demoConfig()}
  - { id: late, base: tiny-chat, path: ${DEMO_FILES.pirate} }
aliases: { short: "tiny-chat+late" }
`;

test('SIGHUP takes up a good file without touching what runs', async () => {
  expect(await ask('tiny-chat')).toBe(BANANA.base);
  const pids = (await gateway.runners()).map(({ pid }) => pid);
  await hangUp(GOOD, 'catalogue_reloaded');
  expect(await ask('short')).toBe(BANANA.pirate);
  expect((await gateway.runners()).map(({ pid }) => pid)).toEqual(pids);
  expect((await gateway.admin('GET', '/adapters/late')).json).toMatchObject({ source: 'file' });
});

test.each([
  ['that is no YAML', 'models: [', /hearth\.yaml/],
  ['with an unknown key', `${GOOD}\ncolours: red\n`, /colours/],
  ['with a wrong type', GOOD.replace('context: 2048', 'context: many'), /models.*context.*whole number/s],
  ['whose weights are not there', GOOD.replace(DEMO_FILES.base, '/nowhere/m.gguf'), /nowhere/],
  ['whose adapter has no base', GOOD.replace('id: late, base: tiny-chat', 'id: late, base: nope'), /nope/],
  ['with an id twice', GOOD.replace('id: late', 'id: pirate'), /pirate/],
  ['whose alias leads nowhere', GOOD.replace('tiny-chat+late', 'tiny-chat+never'), /never|short/],
])('SIGHUP with a file %s changes nothing and says why', async (_, config, reason) => {
  const event = await hangUp(config, 'catalogue_reload_failed');
  expect(event.detail.reason).toMatch(reason);
  expect(event.detail.reason).toContain('hearth.yaml');
  expect(gateway.log()).toContain('catalogue reload failed');
  expect(await ask('short')).toBe(BANANA.pirate);
});

test('POST /admin/v1/reload says the same in its answer', async () => {
  writeFileSync(join(gateway.directory, 'hearth.yaml'), 'models: 7\n');
  const { status, json } = await gateway.admin('POST', '/reload');
  expect(status).toBe(400);
  expect(json.error.message).toContain('models');
  expect(await ask('short')).toBe(BANANA.pirate);
});

test('SIGHUP with an entry gone refuses it from then on', async () => {
  await hangUp(demoConfig(), 'catalogue_reloaded');
  expect(await ask('tiny-chat+late')).toBe('model_not_found');
  expect(await ask('tiny-chat')).toBe(BANANA.base);
  await until(
    async () => !(await gateway.runners()).flatMap(({ combos }) => combos).includes('tiny-chat+late'),
    'its combo is let go',
  );
});
