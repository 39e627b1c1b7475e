import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fakeGpu } from '../native/fakeGpu.ts';
import { clientOf, postJson } from './socketClient.ts';
import { demoModel, type StartedRunner, startRunner } from './startRunner.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-upload-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Served {
  upload: Extract<Awaited<ReturnType<StartedRunner['order']>>, { type: 'loaded' }>['upload'];
  text: string;
  log: string;
}

async function answerOf(socketPath: string): Promise<string> {
  const client = clientOf(socketPath);
  try {
    const { json } = await postJson(client, '/v1/chat/completions', {
      model: 'tiny-chat',
      messages: [{ role: 'user', content: 'Count to 12.' }],
      temperature: 0,
    });
    return json.choices[0].message.content;
  } finally {
    await client.destroy();
  }
}

/** A runner on the fake GPU loads the demo model with all layers there and answers one prompt. */
async function serveOnce(env: Record<string, string> = {}, device: string | null = 'FAKE0'): Promise<Served> {
  const runner = await startRunner({
    env: { GGML_BACKEND_PATH: fakeGpu(), HEARTH_UPLOAD_DIR: directory, ...env },
  });
  try {
    const loaded = await runner.order({ type: 'load', model: demoModel({ deviceLayers: -1, device }) });
    if (loaded.type !== 'loaded') throw new Error(`load: ${JSON.stringify(loaded)} ${runner.log()}`);
    await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] });
    return { upload: loaded.upload, text: await answerOf(runner.socketPath), log: runner.log() };
  } finally {
    await runner.dispose();
  }
}

/** The verdicts that are kept. */
function verdicts(): { verdict: string; tries: number; devices: string[] }[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('library-'))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')));
}

test('Runner reads the first upload to a GPU back, trusts the next, and answers as on the CPU', async () => {
  const onCpu = await serveOnce({}, null);
  expect(onCpu.upload).toMatchObject({ tensors: 0, bytes: 0, checked: false });
  expect(onCpu.upload).not.toHaveProperty('plainReason');
  expect(verdicts()).toEqual([]);

  const first = await serveOnce();
  expect(first.upload).toMatchObject({ checked: true, differing: 0 });
  expect(first.upload?.tensors).toBeGreaterThan(0);
  expect(verdicts()).toMatchObject([{ verdict: 'passed', devices: ['FAKE0'] }]);

  const second = await serveOnce();
  expect(second.upload).toMatchObject({ checked: false, tensors: first.upload?.tensors });
  expect([first.text, second.text]).toEqual([onCpu.text, onCpu.text]);
});

test('Runner loads again plainly when an upload differs, and never uses it again', async () => {
  const plain = await serveOnce({ HEARTH_UPLOAD: 'off' });
  expect(plain.upload).toMatchObject({ tensors: 0, checked: false, plainReason: 'it is turned off' });

  const spoiled = await serveOnce({ FAKE_SPOILED_COPY: '0' });
  expect(spoiled.upload).toMatchObject({ checked: true, differing: 1 });
  expect(spoiled.text).toBe(plain.text);
  expect(spoiled.log).toContain('Cannot use the threaded upload on "FAKE0": expected 0 pieces that differ');
  expect(verdicts()).toMatchObject([{ verdict: 'failed' }]);

  const next = await serveOnce();
  const plainReason = 'an earlier check of this build failed';
  expect(next.upload).toMatchObject({ tensors: 0, checked: false, plainReason });
  expect(next.text).toBe(plain.text);
});

test('Runner takes the plain path on a device that copies nothing asynchronously, and comes to no verdict', async () => {
  const { upload, text } = await serveOnce({ FAKE_ASYNC: '0' });
  expect(upload).toMatchObject({ tensors: 0, plainReason: 'the device copies nothing asynchronously' });
  expect(text).not.toBe('');
  expect(verdicts()).toMatchObject([{ verdict: 'trying', tries: 0 }]);
});

test('Runner that wakes uploads from the mapping that it kept, and answers as before', async () => {
  await serveOnce();
  const runner = await startRunner({ env: { GGML_BACKEND_PATH: fakeGpu(), HEARTH_UPLOAD_DIR: directory } });
  try {
    await runner.order({ type: 'load', model: demoModel({ deviceLayers: -1, device: 'FAKE0' }) });
    await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] });
    const before = await answerOf(runner.socketPath);
    expect(await runner.order({ type: 'sleep' })).toMatchObject({ type: 'slept' });
    const woken = await runner.order({ type: 'wake', threads: 1 });
    expect(woken).toMatchObject({ type: 'loaded', upload: { checked: false, tensors: 1 } });
    await runner.order({ type: 'attach', combo: 'tiny-chat', adapters: [] });
    expect(await answerOf(runner.socketPath)).toBe(before);
  } finally {
    await runner.dispose();
  }
});
