import { expect, test } from 'vitest';
import type { InferenceRequest } from '../../gateway/shell/inference.ts';
import { CHAT, start } from './startServer.ts';

/** What the use case was given for a chat with these headers and fields. */
async function served(headers: Record<string, string>, more: object = {}): Promise<InferenceRequest> {
  const { world, url } = await start();
  const body = JSON.stringify({ ...JSON.parse(CHAT), ...more });
  await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  const [request] = world.inference.served;
  if (!request) throw new Error('nothing was served');
  return request;
}

test.each([
  ['1', 1],
  ['2500', 2500],
  ['999999999', 999_999_999],
])('inferenceRoute() reads x-hearth-deadline-ms: %s', async (text, deadlineMs) => {
  expect((await served({ 'x-hearth-deadline-ms': text })).deadlineMs).toBe(deadlineMs);
});

test('inferenceRoute() gives a request without a deadline none', async () => {
  expect((await served({})).deadlineMs).toBeNull();
});

test.each(['0', '-5', '1.5', '1e3', 'soon', '', '1000000000', '007'])(
  'inferenceRoute() refuses x-hearth-deadline-ms: %j by its name',
  async (text) => {
    const { world, url } = await start();
    const headers = { 'x-hearth-deadline-ms': text };
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: CHAT });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      {
        error: {
          code: 'invalid_request',
          type: 'invalid_request_error',
          param: 'x-hearth-deadline-ms',
          message:
            'Cannot read header `x-hearth-deadline-ms`: expected a whole number of milliseconds from 1 to 999999999',
        },
      },
    ]);
    expect(world.inference.served).toEqual([]);
    expect(world.inference.refusals).toMatchObject([{ httpStatus: 400, combo: { name: 'tiny-chat' } }]);
  },
);

test.each([
  [undefined, null],
  [null, null],
  ['auto', 'default'],
  ['default', 'default'],
  ['priority', 'default'],
  ['scale', 'default'],
  ['flex', 'flex'],
])('inferenceRoute() reads service_tier %j as %j', async (asked, serviceTier) => {
  const request = await served({}, { service_tier: asked });
  expect(request.serviceTier).toBe(serviceTier);
  expect(request.ignored).toEqual([]);
  expect(request.body).not.toHaveProperty('service_tier');
});

test.each([
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
  ['/v1/completions', { prompt: 'hi' }],
  ['/v1/embeddings', { input: 'hi' }],
])('%s takes service_tier, and no other than those of OpenAI', async (path, fields) => {
  const { world, url } = await start();
  const post = (tier: string) =>
    fetch(url + path, {
      method: 'POST',
      body: JSON.stringify({ model: 'tiny-chat', ...fields, service_tier: tier }),
    });
  await post('flex');
  expect(world.inference.served[0]?.serviceTier).toBe('flex');
  const refused = await post('fast');
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: 'service_tier' } }]);
});

test('inferenceRoute() tells tenants apart by the credential, however it is presented', async () => {
  const [bearer, lower, header, other, none, basic] = await Promise.all([
    served({ authorization: 'Bearer key-one' }),
    served({ authorization: 'bearer  key-one' }),
    served({ 'x-api-key': 'key-one' }),
    served({ authorization: 'Bearer key-two' }),
    served({}),
    served({ authorization: 'Basic abc' }),
  ]);
  expect([lower.tenant, header.tenant]).toEqual([bearer.tenant, bearer.tenant]);
  expect(other.tenant).not.toBe(bearer.tenant);
  expect([none.tenant, basic.tenant]).toEqual(['anonymous', 'anonymous']);
  expect(bearer.tenant).toMatch(/^[\w-]{43}$/);
});
