import { expect, test } from 'vitest';
import { LookAhead } from '../../gateway/catalogue/lookAhead.ts';
import { fail } from '../../gateway/domain/errors.ts';
import type { ModelFiles } from '../../gateway/ports/modelFile.ts';

test('LookAhead looks at each path once, eight at a time, and gives what it found', async () => {
  const looked: string[] = [];
  let running = 0;
  let most = 0;
  const failure = fail('invalid_request', 'no');
  const files: ModelFiles = {
    inspect: async () => failure,
    keepOnly: async () => {},
    recall: async (path) => {
      looked.push(path);
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return failure;
    },
  };
  const paths = Array.from({ length: 20 }, (_, index) => `/m${index}.gguf`);
  const ahead = new LookAhead(files);
  await ahead.ahead([...paths, ...paths]);
  expect(await ahead.recall('/m3.gguf')).toBe(failure);
  expect(looked.toSorted()).toEqual(paths.toSorted());
  expect(most).toBe(8);
});
