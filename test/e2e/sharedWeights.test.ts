import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { demoConfig, startGateway, type TestGateway, until } from './startGateway.ts';

const CHAT = '/v1/chat/completions';

/** A copy of the base that no runner of another test maps: its pages would be shared out among those, too. */
const directory = mkdtempSync(join(tmpdir(), 'hearth-shared-'));
const base = join(directory, 'tiny-chat-q8_0.gguf');
copyFileSync(DEMO_FILES.base, base);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const left: (() => unknown)[] = [];
afterEach(async () => {
  for (const act of left.splice(0).toReversed()) await act();
});

/** Contexts of about the size of the weights: what is predicted of the first one leaves it room. */
function configOf(pool: string): string {
  return demoConfig(`pool: { ${pool}, max_runners: 2 }\n`)
    .replace('context: 2048, sequences: 8', 'context: 512, sequences: 4')
    .replace(DEMO_FILES.base, base);
}

async function open(pool: string, store: string): Promise<TestGateway> {
  const environment = { HEARTH_STORE_DIR: store };
  const gateway = await startGateway({ config: configOf(pool), standbys: 0, environment });
  left.push(() => gateway.dispose());
  return gateway;
}

/** What one runner of the base with one combo was measured to hold. */
async function measured(): Promise<{ weights: number; combo: number }> {
  const gateway = await open('memory: 1GiB', 'off');
  await (await gateway.post(CHAT, banana('tiny-chat'))).text();
  const [{ memory }] = (await gateway.admin('GET', '/runners')).json.data;
  await gateway.end();
  return { weights: memory.weight_bytes, combo: memory.kv_bytes + memory.compute_bytes };
}

/** Bytes of the file's pages that the processes hold, each page shared out among those that map it. */
function mappedBytes(pids: readonly number[], file: string): number {
  let kilobytes = 0;
  for (const pid of pids) {
    for (const part of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m))
      if (part.split('\n', 1)[0]?.includes(file)) kilobytes += Number(/^Pss:\s+(\d+)/m.exec(part)?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

async function readyOn(gateway: TestGateway): Promise<{ id: string; pid: number }[]> {
  return (await gateway.runners()).filter(({ combos }) => combos.includes('tiny-chat'));
}

test.each(['off', `/dev/shm/hearth-e2e-shared-${process.pid}`])(
  'a second runner of a base starts and serves in room for one and a half copies of its weights (store: %s)',
  async (store) => {
    const { weights, combo } = await measured();
    if (store !== 'off') left.push(() => rmSync(store, { recursive: true, force: true }));
    const budget = Math.round(1.5 * weights + 2 * combo);
    const gateway = await open(`memory: ${budget}`, store);
    await (await gateway.post(CHAT, banana('tiny-chat'))).text();
    const pinned = await gateway.admin('PUT', '/pins/tiny-chat', { level: 'ready', count: 2 });
    expect([pinned.status, pinned.json.error]).toEqual([200, undefined]);
    await until(async () => (await readyOn(gateway)).length === 2, 'both runners have the combo');
    const [first, second] = await readyOn(gateway);
    const copies = mappedBytes([first?.pid ?? 0, second?.pid ?? 0], 'tiny-chat-q8_0.gguf') / weights;
    expect(copies).toBeGreaterThan(0.9);
    expect(copies).toBeLessThan(1.1);
    const drained = await gateway.admin('POST', `/runners/${first?.id}/drain`);
    expect([drained.status, drained.json.error]).toEqual([200, undefined]);
    await until(
      async () =>
        (await gateway.runners()).every(({ id, state }) => id !== first?.id || state === 'stopping'),
      'the first runner ends',
    );
    const response = await gateway.post(CHAT, banana('tiny-chat'));
    expect(response.headers.get('x-hearth-runner')).toBe(second?.id);
    expect(((await response.json()) as any).choices[0].message.content).toBe(BANANA.base);
  },
);
