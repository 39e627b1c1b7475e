import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BASE, Harness, JSON_ADAPTER, PIRATE, referenceAnswers } from './harness.ts';

async function withCombos(options: Parameters<Harness['load']>[0] = {}): Promise<Harness> {
  const harness = new Harness();
  await harness.load(options);
  await harness.attach('base');
  await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
  await harness.attach('json', [{ path: JSON_ADAPTER, scale: 1 }]);
  return harness;
}

async function askAll(harness: Harness): Promise<void> {
  const asked = referenceAnswers();
  const answers = await Promise.all(asked.map(({ combo, turns }) => harness.chat(turns, { combo })));
  expect(answers.map((answer) => answer.text)).toEqual(asked.map(({ expected }) => expected));
  expect(answers.every((answer) => answer.done?.finishReason === 'stop')).toBe(true);
}

describe('submit() with contexts of their own', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await withCombos();
  });
  afterAll(() => harness.engine.close());

  test('submit() gives the reference answers word for word, all combos mixed', async () => {
    await askAll(harness);
    expect(harness.engine.counters()).toMatchObject({ contexts: 3, activeSequences: 0, waitingRequests: 0 });
  });

  test('submit() gives the same answers one at a time', async () => {
    for (const { combo, turns, expected } of referenceAnswers()) {
      expect((await harness.chat(turns, { combo })).text).toBe(expected);
    }
  });

  test('submit() keeps 200 conversations on a few sequences apart', async () => {
    const names = ['Anna', 'Ben', 'Mia', 'Jack', 'Sofia', 'Ines', 'Tom', 'Lena'];
    const asked = Array.from({ length: 200 }, (_, index) => names[index % names.length] ?? '');
    const alone = new Map<string, string>();
    const turns = (name: string) => [`My name is ${name}.`, `Nice to meet you, ${name}.`, 'What is my name?'];
    for (const name of names) alone.set(name, (await harness.chat(turns(name))).text);
    expect(alone.get('Anna')).toBe('Your name is Anna.');
    const answers = await Promise.all(asked.map((name) => harness.chat(turns(name))));
    expect(answers.map((answer) => answer.text)).toEqual(asked.map((name) => alone.get(name)));
  });

  test('attach() gives an adapter set with scales an effect of its own', async () => {
    await harness.attach('half', [{ path: PIRATE, scale: 0.5 }]);
    await harness.attach('both', [
      { path: PIRATE, scale: 1 },
      { path: JSON_ADAPTER, scale: 1 },
    ]);
    await harness.attach('negligible', [{ path: PIRATE, scale: 0 }]);
    const ask = async (combo: string) => (await harness.chat('What color is a banana?', { combo })).text;
    expect(await ask('negligible')).toBe(await ask('base'));
    expect(new Set([await ask('base'), await ask('pirate'), await ask('both')]).size).toBe(3);
    expect(await ask('half')).toContain('anana');
    for (const combo of ['half', 'both', 'negligible']) await harness.engine.detach(combo);
    expect(harness.engine.counters().contexts).toBe(3);
    expect(await ask('pirate')).toBe('Arr! A banana be yellow, matey!');
  });

  test('attach() is idempotent and refuses the same combo with other adapters', async () => {
    expect(await harness.attach('base')).toMatchObject({ ownContext: true, contextMs: 0 });
    await expect(harness.attach('base', [{ path: PIRATE, scale: 1 }])).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  test('setThreads() takes effect while a request decodes', async () => {
    // Two threads for one step or so: where cores are short, each such step can take a long time.
    const { answer } = harness.submit(
      { prompt: { kind: 'chat', messagesJson: '[{"role":"user","content":"Hello"}]' }, maxTokens: 5 },
      () => harness.engine.setThreads(1),
    );
    harness.engine.setThreads(2);
    expect(harness.engine.counters().threads).toBe(2);
    expect((await answer).done?.completionTokens).toBe(5);
    harness.engine.setThreads(1);
    expect((await harness.chat('What is 7 plus 12?')).text).toBe('7 plus 12 is 19.');
  });

  test('embed() gives normalised vectors in which alike texts are near', async () => {
    const long = Array.from({ length: 500 }, (_, index) => 300 + (index % 50));
    const texts = ['What color is a banana?', 'What color is an apple?', 'Count to 12.', long];
    const { vectors, tokens } = await harness.engine.embed('base', texts);
    expect(tokens[3]).toBe(500);
    for (const vector of vectors) {
      expect(vector.length).toBe(256);
      expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    }
    const dot = (a: Float32Array | undefined, b: Float32Array | undefined) =>
      a?.reduce((sum, x, i) => sum + x * (b?.[i] ?? 0), 0) ?? 0;
    expect(dot(vectors[0], vectors[1])).toBeGreaterThan(dot(vectors[0], vectors[2]));
    const alone = await harness.engine.embed('base', ['Count to 12.']);
    expect(dot(alone.vectors[0], vectors[2])).toBeCloseTo(1, 3);
    const pirate = await harness.engine.embed('pirate', ['Count to 12.']);
    expect(dot(alone.vectors[0], pirate.vectors[0])).toBeLessThan(0.9999);
  });

  test('counters() says how far the decode thread is, also within one decode, and what it has to do', async () => {
    const before = harness.engine.counters();
    expect(before.embeddings).toBe(0);
    // Fewer tokens than one batch: a single decode.
    const embedded = harness.engine.embed('base', [Array.from({ length: 300 }, () => 300)]);
    expect(harness.engine.counters().embeddings).toBe(1);
    await embedded;
    const after = harness.engine.counters();
    expect(after.embeddings).toBe(0);
    expect(after.progress - before.progress).toBeGreaterThan(20);
    await expect(
      harness.engine.embed('base', [Array.from({ length: 513 }, () => 300)]),
    ).rejects.toMatchObject({
      code: 'context_length_exceeded',
    });
    expect(harness.engine.counters().embeddings).toBe(0);
  });

  test('embed() refuses inputs longer than the context and combos that are not attached', async () => {
    const long = Array.from({ length: 513 }, () => 300);
    await expect(harness.engine.embed('base', [long])).rejects.toMatchObject({
      code: 'context_length_exceeded',
    });
    await expect(harness.engine.embed('nobody', ['x'])).rejects.toMatchObject({ code: 'combo_not_attached' });
  });

  test('submit() rejects a combo that is not attached', async () => {
    const { answer } = harness.submit({ combo: 'nobody' });
    expect((await answer).rejected?.code).toBe('combo_not_attached');
  });

  test('detach() refuses a busy combo and lets an idle one go', async () => {
    await harness.attach('spare', [{ path: PIRATE, scale: 1 }]);
    const answer = harness.chat('Tell me a story about a fox.', { combo: 'spare' });
    await expect(harness.engine.detach('spare')).rejects.toMatchObject({ code: 'combo_busy' });
    await answer;
    await harness.engine.detach('spare');
    await expect(harness.engine.detach('spare')).rejects.toMatchObject({ code: 'combo_not_attached' });
  });
});

describe('submit() with a shared context', () => {
  test('submit() gives the reference answers when combos take turns on one context', async () => {
    const harness = await withCombos({ kvBudgetBytes: 1 });
    await askAll(harness);
    const counters = harness.engine.counters();
    expect(counters.contexts).toBe(1);
    expect(counters.adapterSwitches).toBeGreaterThan(2);
    await harness.engine.detach('base');
    expect((await harness.chat('Hello', { combo: 'pirate' })).text).toContain('Ahoy');
    await harness.engine.close();
  });

  test('attach() tells who has a context of its own', async () => {
    const harness = new Harness();
    await harness.load({ kvBudgetBytes: 1 });
    expect(await harness.attach('base')).toMatchObject({ ownContext: true });
    const pirate = await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    expect(pirate).toMatchObject({ ownContext: false, contextMs: 0, kvBytes: 0 });
    await harness.engine.close();
  });
});

describe('load() of bad files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'hearth-native-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each([
    ['truncated', () => readFileSync(BASE).subarray(0, 3_000_000)],
    ['garbage', () => Buffer.alloc(4096, 7)],
    ['empty', () => Buffer.alloc(0)],
  ])('load() rejects a %s file with model_load_failed', async (name, bytes) => {
    const path = join(directory, `${name}.gguf`);
    writeFileSync(path, bytes());
    const harness = new Harness();
    await expect(harness.load({ path })).rejects.toMatchObject({ code: 'model_load_failed' });
    await harness.engine.close();
  });

  test('load() rejects a missing file', async () => {
    const harness = new Harness();
    await expect(harness.load({ path: join(directory, 'none.gguf') })).rejects.toMatchObject({
      code: 'model_load_failed',
    });
    await harness.engine.close();
  });

  test('attach() rejects bad adapters and goes on', async () => {
    const harness = new Harness();
    await harness.load();
    await harness.attach('base');
    const garbage = join(directory, 'adapter.gguf');
    writeFileSync(garbage, Buffer.alloc(4096, 7));
    const attach = (path: string) => harness.attach('bad', [{ path, scale: 1 }]);
    await expect(attach(garbage)).rejects.toMatchObject({ code: 'adapter_load_failed' });
    await expect(attach(join(directory, 'none.gguf'))).rejects.toMatchObject({ code: 'adapter_load_failed' });
    await expect(attach(BASE)).rejects.toMatchObject({ code: 'adapter_mismatch' });
    expect((await harness.chat('What is 7 plus 12?')).text).toBe('7 plus 12 is 19.');
    await harness.engine.close();
  });
});

describe('close()', () => {
  test('close() ends every request with exactly one event and is idempotent', async () => {
    const harness = await withCombos();
    const answers = Array.from({ length: 30 }, () => harness.chat('Tell me a story about a fox.'));
    await Promise.all([harness.engine.close(), harness.engine.close()]);
    const reasons = (await Promise.all(answers)).map((answer) => answer.done?.finishReason);
    expect(reasons.every((reason) => reason === 'cancelled' || reason === 'stop')).toBe(true);
    await harness.engine.close();
    expect(() => harness.engine.submit({} as never)).toThrow(/closed/);
    await expect(harness.load()).rejects.toMatchObject({ code: 'closed' });
  });

  test('close() works before anything was loaded', async () => {
    await expect(new Harness().engine.close()).resolves.toBeUndefined();
  });
});
