import { beforeEach, describe, expect, test } from 'vitest';
import { GREEDY, Harness, JSON_ADAPTER, PIRATE, referenceAnswers } from './harness.ts';

/** Longer than anything else here: nobody waits for the end of it. */
const LONG = 400;

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
  return () => harness.engine.close();
});

async function attachAll(): Promise<void> {
  await harness.attach('base');
  await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
  await harness.attach('json', [{ path: JSON_ADAPTER, scale: 1 }]);
}

async function expectReferences(): Promise<void> {
  const asked = referenceAnswers();
  const answers = await Promise.all(asked.map(({ combo, turns }) => harness.chat(turns, { combo })));
  expect(answers.map(({ text }) => text)).toEqual(asked.map(({ expected }) => expected));
}

/** A stream that runs until it is cancelled, and its first words. */
function stream(combo: string) {
  let started = () => {};
  const running = new Promise<void>((resolve) => {
    started = resolve;
  });
  const ask = harness.submit(
    {
      combo,
      prompt: { kind: 'text', text: 'Once upon a time' },
      maxTokens: LONG,
      sampling: { ...GREEDY, logitBias: [[2, -1000]] },
    },
    () => started(),
  );
  return { ...ask, running };
}

describe('resize()', () => {
  test('resize() keeps the reference answers word for word before, while and after it grows and shrinks', async () => {
    await harness.load({ sequences: 1 });
    await attachAll();
    await expectReferences();
    for (const sequences of [2, 8, 3, 1]) {
      const during = expectReferences();
      for (const combo of ['base', 'pirate', 'json'])
        expect((await harness.engine.resize({ combo, sequences, warmUp: true })).sequences).toBe(sequences);
      await during;
      await expectReferences();
    }
    for (const combo of ['base', 'pirate', 'json']) await harness.engine.retired(combo);
    expect(harness.engine.counters()).toMatchObject({ contexts: 3, activeSequences: 0, waitingRequests: 0 });
  });

  test('resize() counts the context before until its last request has ended', async () => {
    await harness.load({ sequences: 1 });
    const { kvBytes } = await harness.attach('base');
    const { id, answer, running } = stream('base');
    await running;
    const resized = await harness.engine.resize({ combo: 'base', sequences: 4, warmUp: true });
    expect(resized).toMatchObject({ sequences: 4, kvBytes: 4 * kvBytes });
    expect(resized.computeBytes).toBeGreaterThan(0);
    expect(harness.engine.counters()).toMatchObject({ contexts: 2, kvBytes: 5 * kvBytes });
    let isRetired = false;
    const retired = harness.engine.retired('base').then(() => {
      isRetired = true;
    });
    // New requests need not wait for the one that runs.
    expect((await harness.chat('What color is a banana?')).done?.finishReason).toBe('stop');
    expect(isRetired).toBe(false);
    harness.engine.cancel(id);
    expect((await answer).done?.finishReason).toBe('cancelled');
    await retired;
    expect(harness.engine.counters()).toMatchObject({ contexts: 1, kvBytes: 4 * kvBytes });
  });

  test('resize() lets a request that has no sequence yet have one of the new context', async () => {
    await harness.load({ sequences: 1 });
    await harness.attach('base');
    const { id, answer, running } = stream('base');
    await running;
    const [first] = referenceAnswers();
    const waiting = harness.chat(first?.turns ?? []);
    await harness.engine.resize({ combo: 'base', sequences: 2, warmUp: true });
    expect((await waiting).text).toBe(first?.expected);
    expect(harness.engine.counters().activeSequences).toBe(1);
    harness.engine.cancel(id);
    expect((await answer).done?.completionTokens).toBeGreaterThan(0);
  });

  test('resize() lets what runs go on as if nothing had happened', async () => {
    await harness.load({ sequences: 1 });
    await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    const alone = await stream('pirate').answer;
    const { answer, running } = stream('pirate');
    await running;
    await harness.engine.resize({ combo: 'pirate', sequences: 2, warmUp: true });
    expect((await answer).text).toBe(alone.text);
  });

  test('detach() frees the contexts of all sizes', async () => {
    await harness.load({ sequences: 2 });
    await attachAll();
    await harness.engine.resize({ combo: 'pirate', sequences: 4, warmUp: true });
    await harness.engine.detach('pirate');
    await harness.engine.retired('pirate');
    expect(harness.engine.counters().contexts).toBe(2);
    await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    expect(harness.engine.counters().contexts).toBe(3);
    await expectReferences();
  });

  test('resize() to the size that it has changes nothing', async () => {
    await harness.load({ sequences: 2 });
    const { kvBytes, computeBytes } = await harness.attach('base');
    const again = await harness.engine.resize({ combo: 'base', sequences: 2, warmUp: true });
    expect(again).toMatchObject({ sequences: 2, kvBytes, computeBytes });
    await harness.engine.retired('base');
    expect(harness.engine.counters().contexts).toBe(1);
  });

  test('resize() refuses a combo that shares its context, from both sides', async () => {
    await harness.load({ sequences: 2, kvBudgetBytes: 1 });
    await attachAll();
    for (const combo of ['base', 'pirate'])
      await expect(harness.engine.resize({ combo, sequences: 4, warmUp: true })).rejects.toMatchObject({
        code: 'context_shared',
        message: `Cannot resize "${combo}": other combos use its context`,
      });
    await expectReferences();
  });

  test('resize() keeps to the KV budget and leaves the combo as it was', async () => {
    const probe = new Harness();
    await probe.load({ sequences: 1 });
    const { kvBytes } = await probe.attach('base');
    await probe.engine.close();
    await harness.load({ sequences: 1, kvBudgetBytes: 3 * kvBytes });
    await harness.attach('base');
    await expect(harness.engine.resize({ combo: 'base', sequences: 3, warmUp: true })).rejects.toMatchObject({
      code: 'out_of_memory',
      message: `Cannot resize "base": expected at most ${3 * kvBytes} bytes of KV memory, got ${4 * kvBytes}`,
    });
    expect(harness.engine.counters()).toMatchObject({ contexts: 1, kvBytes });
    expect((await harness.engine.resize({ combo: 'base', sequences: 2, warmUp: true })).sequences).toBe(2);
  });

  test('attach() after resize() has contexts of the first size', async () => {
    await harness.load({ sequences: 1 });
    const { kvBytes } = await harness.attach('base');
    await harness.engine.resize({ combo: 'base', sequences: 4, warmUp: true });
    await harness.engine.retired('base');
    const pirate = await harness.attach('pirate', [{ path: PIRATE, scale: 1 }]);
    expect(pirate).toMatchObject({ ownContext: true, kvBytes });
    expect(harness.engine.counters().kvBytes).toBe(5 * kvBytes);
  });

  test('resize() refuses what is not attached, and retired() has nothing to wait for', async () => {
    await harness.load();
    await expect(harness.engine.resize({ combo: 'base', sequences: 2, warmUp: true })).rejects.toMatchObject({
      code: 'combo_not_attached',
    });
    await harness.engine.retired('base');
  });

  test('close() ends what runs in a context that was replaced, and who waits for it to go', async () => {
    await harness.load({ sequences: 1 });
    await harness.attach('base');
    const { answer, running } = stream('base');
    await running;
    await harness.engine.resize({ combo: 'base', sequences: 2, warmUp: true });
    const retired = harness.engine.retired('base').catch((error: unknown) => error);
    await harness.engine.close();
    expect(await retired).toMatchObject({ code: 'closed' });
    expect((await answer).done?.finishReason).toBe('cancelled');
  });
});
