import { expect, test } from 'vitest';
import { rehearse } from '../../runner/server/rehearsal.ts';

test('rehearse() serves a whole stream with its report to nobody', async () => {
  let heard = '';
  await new Promise<void>((resolve) => {
    rehearse((bytes) => {
      heard += bytes.toString();
      if (heard.includes('x-hearth-report: {')) resolve();
    });
  });
  expect(heard).toMatch(/^HTTP\/1\.1 200 /);
  expect(heard).toContain('"delta":{"content":"x"}');
  expect(heard).toContain('"finish_reason":"stop"');
});
