import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { referenceCases } from './reference.ts';
import { ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const PEFT = {
  pirate: join(ROOT, 'test/fixtures/lora-pirate-peft'),
  json: join(ROOT, 'test/fixtures/lora-json-peft'),
};
const config = (adapters: string) => `
models:
  - { id: tiny-chat, path: ${DEMO_FILES.base}, context: 2048, sequences: 8 }
adapters:
${adapters}`;
const WITH_BOTH = config(`
  - { id: pirate, base: tiny-chat, path: ${PEFT.pirate} }
  - { id: json, base: tiny-chat, path: ${PEFT.json} }`);

let gateway: TestGateway;
const ask = async (model: string) => {
  const json = (await (await gateway.post('/v1/chat/completions', banana(model))).json()) as any;
  return json.choices?.[0]?.message.content ?? json.error.code;
};
const adapter = async (id: string) => (await gateway.admin('GET', `/adapters/${id}`)).json;
const converted = () =>
  readdirSync(join(gateway.dataDir, 'adapters')).filter((name) => name.endsWith('.gguf'));

describe('a gateway whose adapters are PEFT directories', () => {
  beforeAll(async () => {
    gateway = await startGateway({ config: WITH_BOTH, standbys: 0 });
  });
  afterAll(() => gateway.dispose());

  test('shows the GGUF file that each was converted to, by digest', async () => {
    const row = await adapter('pirate');
    expect(row.converted_from).toBe(PEFT.pirate);
    expect(row.path).toMatch(/\/adapters\/[0-9a-f]{64}\.gguf$/);
    expect(row.path.startsWith(gateway.dataDir)).toBe(true);
    expect(row.weight_bytes).toBe(readFileSync(row.path).length);
    expect(converted()).toHaveLength(2);
  });

  test.each(referenceCases())(
    '$combo answers "$messages" as the reference',
    async ({ model, messages, answer }) => {
      const response = await gateway.post('/v1/chat/completions', { model, messages, temperature: 0 });
      expect(((await response.json()) as any).choices[0].message.content).toBe(answer);
    },
  );

  test('POST /admin/v1/adapters takes a directory, and another id of the same content shares the file', async () => {
    const added = await gateway.admin('POST', '/adapters', {
      id: 'again',
      base: 'tiny-chat',
      path: PEFT.pirate,
    });
    expect(added.status).toBe(201);
    expect(added.json.path).toBe((await adapter('pirate')).path);
    expect(await ask('tiny-chat+again')).toBe(BANANA.pirate);
  });

  test('POST /admin/v1/adapters says in an OpenAI envelope what is not supported', async () => {
    const directory = join(gateway.directory, 'dora');
    cpSync(PEFT.pirate, directory, { recursive: true });
    const file = join(directory, 'adapter_config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"use_dora": false', '"use_dora": true'));
    const { status, json } = await gateway.admin('POST', '/adapters', {
      id: 'dora',
      base: 'tiny-chat',
      path: directory,
    });
    expect(status).toBe(400);
    expect(json.error).toMatchObject({
      type: 'invalid_request_error',
      code: 'invalid_request',
      param: 'path',
    });
    expect(json.error.message).toBe(
      `Cannot convert PEFT adapter "${directory}": expected no DoRA in adapter_config.json, got use_dora true`,
    );
  });
});

describe('a PEFT directory whose content is replaced', () => {
  const directory = () => join(gateway.directory, 'changing');
  beforeAll(async () => {
    const parent = mkdtempSync(join(tmpdir(), 'hearth-e2e-'));
    cpSync(PEFT.pirate, join(parent, 'changing'), { recursive: true });
    const adapters = '  - { id: changing, base: tiny-chat, path: changing }';
    gateway = await startGateway({ directory: parent, config: config(adapters), standbys: 0 });
  });
  afterAll(() => gateway.dispose());

  async function reload(outcome: string): Promise<void> {
    const count = async () =>
      (await gateway.admin('GET', '/events?limit=1000')).json.data.filter(
        ({ type }: { type: string }) => type === outcome,
      ).length;
    const before = await count();
    gateway.child.kill('SIGHUP');
    await until(async () => (await count()) === before + 1, outcome);
  }

  test('keeps its revision when nothing but times changed, and has another one when the content has', async () => {
    expect(await ask('tiny-chat+changing')).toBe(BANANA.pirate);
    const first = await adapter('changing');
    cpSync(PEFT.pirate, directory(), { recursive: true });
    await reload('catalogue_reloaded');
    expect((await adapter('changing')).revision).toBe(first.revision);
    cpSync(PEFT.json, directory(), { recursive: true });
    await reload('catalogue_reloaded');
    const second = await adapter('changing');
    expect(second.revision).not.toBe(first.revision);
    expect(existsSync(first.path)).toBe(true);
    expect(await ask('tiny-chat+changing')).toBe(BANANA.json);
  });

  test('changes nothing on a reload when it cannot be converted, and the reason has the line', async () => {
    rmSync(join(directory(), 'adapter_config.json'));
    await reload('catalogue_reload_failed');
    expect(await ask('tiny-chat+changing')).toBe(BANANA.json);
    const [event] = (await gateway.admin('GET', '/events?limit=1000')).json.data.filter(
      ({ type }: { type: string }) => type === 'catalogue_reload_failed',
    );
    expect(event.detail.reason).toMatch(
      /hearth\.yaml:5:\d+: adapters\[0\]\.path: .*no adapter_config\.json in it/,
    );
    cpSync(PEFT.json, directory(), { recursive: true });
  });

  test('leaves files that nobody uses until the next start, which does not convert again what it has', async () => {
    expect(converted()).toHaveLength(2);
    const { path } = await adapter('changing');
    const { ctimeMs, ino } = statSync(path);
    await gateway.end();
    gateway = await startGateway({ directory: gateway.directory, standbys: 0 });
    expect(converted()).toEqual([path.split('/').at(-1)]);
    expect(statSync(path)).toMatchObject({ ctimeMs, ino });
    expect(await ask('tiny-chat+changing')).toBe(BANANA.json);
  });
});
