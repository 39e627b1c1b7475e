import { expect, test } from 'vitest';
import { rehearseChat, rehearseOrders } from '../../runner/rehearsal/rehearse.ts';

test('rehearseChat() serves a whole stream with its report to nobody', async () => {
  let heard = '';
  await new Promise<void>((resolve) => {
    rehearseChat((bytes) => {
      heard += bytes.toString();
      if (heard.includes('x-hearth-report: {')) resolve();
    });
  });
  expect(heard).toMatch(/^HTTP\/1\.1 200 /);
  expect(heard).toContain('"delta":{"content":"x"}');
  expect(heard).toContain('"finish_reason":"stop"');
});

test('rehearseOrders() has a load, an attach and a change of threads carried out for nobody', async () => {
  const answers: { type: string; seq: number }[] = [];
  await new Promise<void>((resolve) => {
    rehearseOrders((bytes) => {
      for (const line of bytes.toString().trim().split('\n')) answers.push(JSON.parse(line));
      if (answers.length === 4) resolve();
    });
  });
  const told = answers.map(({ type, seq }) => `${seq} ${type}`).sort();
  expect(told).toEqual(['1 loaded', '1 progress', '2 attached', '3 done']);
});
