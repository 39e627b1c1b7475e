import { describe, expect, it } from 'vitest';
import { withoutPaths } from '../../gateway/domain/filePaths.ts';

describe('withoutPaths()', () => {
  it.each([
    ['Cannot load model "/srv/models/a.gguf": it is torn', 'Cannot load model "a.gguf": it is torn'],
    [
      "failed to open GGUF file '/srv/my models/a b.gguf' (No such file)",
      "failed to open GGUF file 'a b.gguf' (No such file)",
    ],
    ['gguf_init: /srv/models/a.gguf: bad magic', 'gguf_init: a.gguf: bad magic'],
    ['connect ECONNREFUSED /tmp/hearth-0-ab/run/r_1.sock', 'connect ECONNREFUSED r_1.sock'],
    ['Error: oops | at file:///opt/hearth/dist/runner.mjs:12:3', 'Error: oops | at runner.mjs:12:3'],
    ['Error: oops | at run (/opt/hearth/dist/runner.mjs:12:3)', 'Error: oops | at run (runner.mjs:12:3)'],
    ['…odels/tenant/a.gguf: bad magic | /x/b.gguf', '…a.gguf: bad magic | b.gguf'],
    ['open ../weights/a.gguf or ./b/c.gguf', 'open a.gguf or c.gguf'],
    ['/srv/models/ is no file', ' is no file'],
  ])('leaves of each path its last part: %s', (text, shown) => {
    expect(withoutPaths(text)).toBe(shown);
  });

  it.each([
    'Cannot start "meta/llama-3+x/y@0.5": 12 tokens/s, read and/or written',
    'Cannot start "a": it needs 3068 bytes of memory, expected at most 1500',
    'a / b, http://host is no path, nor is 1/2/3',
  ])('leaves alone what is no path: %s', (text) => {
    expect(withoutPaths(text)).toBe(text);
  });

  it('finds paths that it is told by their whole text', () => {
    const known = [`/srv/it's | mine/a.gguf`, '/srv/b.gguf'];
    const text = `Cannot load ${known[0]} beside ${known[1]}x`;
    expect(withoutPaths(text, known)).toBe('Cannot load a.gguf beside b.ggufx');
  });
});
