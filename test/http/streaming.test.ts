import { once } from 'node:events';
import { BadRequestError, NotFoundError, OpenAI } from 'openai';
import { expect, test } from 'vitest';
import type { ResponseSink } from '../../gateway/shell/inference.ts';
import { CHAT, CHAT_REQUEST, deferred, readAll, say, start } from './startServer.ts';

const SSE = { 'content-type': 'text/event-stream' };
const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;

test('inferenceRoute() gives the normalised request, its combo and times to the use case', async () => {
  const { world, url } = await start();
  const body = {
    ...JSON.parse(CHAT),
    model: 'tiny-chat:pirate',
    keep_alive: 1,
    lora: [{ id: 'json', scale: 0.5 }],
    store: true,
  };
  await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
  const [served] = world.inference.served;
  expect(served).toMatchObject({
    endpoint: 'chat_completions',
    keyId: null,
    stream: true,
    keepAliveMs: 1000,
    ignored: ['store'],
    combo: { name: 'tiny-chat+json@0.5+pirate' },
  });
  expect(JSON.parse(served?.body ?? '')).toMatchObject({
    model: 'tiny-chat+json@0.5+pirate',
    messages: [{ role: 'user', content: 'hi' }],
  });
  expect(served?.arrivedMonoMs).toBeGreaterThan(0);
});

test.each([
  ['/v1/chat/completions', { model: 'nope' }, 404, 'model_not_found', 'model'],
  ['/v1/chat/completions', { model: 'tiny-chat:nope' }, 404, 'model_not_found', 'model'],
  ['/v1/chat/completions', { model: 'tiny-chat:foreign' }, 400, 'invalid_lora', 'model'],
  ['/v1/chat/completions', { max_tokens: 1_000_000 }, 400, 'invalid_request', 'max_tokens'],
  ['/v1/chat/completions', { messages: [] }, 400, 'invalid_request', 'messages'],
  ['/v1/completions', { prompt: 5 }, 400, 'invalid_request', 'prompt'],
  ['/v1/embeddings', { input: '' }, 400, 'invalid_request', 'input'],
])('inferenceRoute() refuses %s %j with a row for the ledger', async (path, more, status, code, param) => {
  const { world, url } = await start();
  const body = JSON.stringify({ ...JSON.parse(CHAT), ...more });
  const answer = await fetch(url + path, { method: 'POST', body });
  expect([answer.status, await answer.json()]).toMatchObject([status, { error: { code, param } }]);
  expect(world.inference.served).toEqual([]);
  const requestId = answer.headers.get('x-request-id');
  expect(world.inference.refusals).toMatchObject([{ requestId, httpStatus: status, errorCode: code }]);
  expect(answer.headers.get('server-timing')).toMatch(/^queue;dur=/);
  expect(answer.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
});

test('inferenceRoute() tells of a refusal when its row is on disk', async () => {
  const { world, url } = await start();
  const row = deferred<void>();
  const writing = deferred<void>();
  world.inference.refused = () => {
    writing.resolve();
    return row.promise;
  };
  let isTold = false;
  const body = JSON.stringify({ ...JSON.parse(CHAT), model: 'nope' });
  const answer = fetch(`${url}/v1/chat/completions`, { method: 'POST', body }).finally(() => {
    isTold = true;
  });
  await writing.promise;
  // The server has had turns enough to answer, if it were to.
  for (let at = 0; at < 3; at += 1) expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(isTold).toBe(false);
  row.resolve();
  expect((await answer).status).toBe(404);
});

test('inferenceRoute() names both numbers when max_tokens is above the context', async () => {
  const { url } = await start();
  const body = JSON.stringify({ ...JSON.parse(CHAT), max_completion_tokens: 2049 });
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
  expect(await answer.text()).toMatch(/2049[\s\S]*2048/);
});

test('inferenceRoute() answers 500 without the reason when the use case throws before the head', async () => {
  const { world, url } = await start();
  world.inference.answer = () => {
    throw new Error('secret');
  };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT });
  expect([answer.status, await answer.text()]).toMatchObject([500, expect.not.stringContaining('secret')]);
});

test('inferenceRoute() cuts the answer when the use case throws in the middle of it', async () => {
  const { world, server } = await start();
  world.inference.answer = (_, sink) => {
    sink.head(200, SSE);
    sink.write('data: 1\n\n');
    throw new Error('secret');
  };
  const text = await readAll(await say(server, CHAT_REQUEST));
  expect(text).not.toContain('secret');
  expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
  expect(world.errors).toHaveLength(1);
});

test('NodeSink sends the head before there is a body', async () => {
  const { world, url } = await start();
  const release = deferred<void>();
  world.inference.answer = async (_, sink) => {
    sink.head(200, { ...SSE, 'x-hearth-start': 'warm' });
    await release.promise;
    sink.end('data: [DONE]\n\n');
  };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT });
  expect(answer.headers.get('x-hearth-start')).toBe('warm');
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
  release.resolve();
  expect(await answer.text()).toBe('data: [DONE]\n\n');
});

test('NodeSink counts the bytes it was given', async () => {
  const { world, url } = await start();
  const seen = deferred<ResponseSink>();
  world.inference.answer = (_, sink) => {
    sink.head(200, SSE);
    sink.write('ä');
    sink.write(new Uint8Array(3));
    sink.end('x');
    seen.resolve(sink);
  };
  await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT })).arrayBuffer();
  const sink = await seen.promise;
  expect([sink.bytesWritten, sink.headSent, sink.write('late')]).toEqual([6, true, false]);
});

test('NodeSink sends a whole answer of any size with its length', async () => {
  const { world, url } = await start({ streamBufferBytes: 1000 });
  world.inference.answer = (_, sink) => {
    sink.head(200, { 'content-type': 'application/json' });
    sink.end('x'.repeat(5_000_000));
  };
  const answer = await fetch(`${url}/v1/embeddings`, {
    method: 'POST',
    body: '{"model":"tiny-chat","input":"x"}',
  });
  expect(answer.headers.get('content-length')).toBe('5000000');
  expect((await answer.text()).length).toBe(5_000_000);
});

test('NodeSink fails in the envelope with the headers of both', async () => {
  const { world, url } = await start();
  world.inference.answer = (_, sink) => {
    const failure = { code: 'start_failed', message: 'Cannot start', retryAfterMs: 1500 } as const;
    sink.fail(failure, { 'x-hearth-start': 'cold' });
  };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT });
  expect([answer.status, await answer.json()]).toMatchObject([503, { error: { code: 'start_failed' } }]);
  expect(answer.headers.get('retry-after')).toBe('2');
  expect(answer.headers.get('x-hearth-start')).toBe('cold');
  expect(answer.headers.get('x-request-id')).toBe(world.inference.served[0]?.requestId);
});

test('NodeSink cuts a client that does not read, and tells that it was slow', async () => {
  const { world, server } = await start({ streamBufferBytes: 64 * 1024 });
  const gone = deferred<[string, number]>();
  world.inference.answer = async (_, sink) => {
    sink.head(200, SSE);
    const reason = deferred<string>();
    sink.onGone(reason.resolve);
    let writes = 0;
    // The kernel's own buffers take some megabytes first.
    while (sink.write(new Uint8Array(64 * 1024)) && writes < 10_000) {
      writes += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    gone.resolve([await reason.promise, writes]);
  };
  const socket = await say(server, CHAT_REQUEST);
  socket.pause();
  const [reason, writes] = await gone.promise;
  expect(reason).toBe('slow');
  expect(writes).toBeLessThan(10_000);
  socket.destroy();
});

test('NodeSink tells when the client goes, once', async () => {
  const { world, url } = await start();
  const gone = deferred<string[]>();
  const begun = deferred<void>();
  world.inference.answer = async (_, sink) => {
    sink.head(200, SSE);
    const reasons: string[] = [];
    const first = deferred<void>();
    sink.onGone((reason) => {
      reasons.push(reason);
      first.resolve();
    });
    sink.write(chunk({ role: 'assistant' }));
    begun.resolve();
    await first.promise;
    expect(sink.write('x')).toBe(false);
    sink.end();
    gone.resolve(reasons);
  };
  const abort = new AbortController();
  const call = fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT, signal: abort.signal });
  await begun.promise;
  await call;
  abort.abort();
  expect(await gone.promise).toEqual(['closed']);
});

test('NodeSink tells a listener that comes late', async () => {
  const { world, server } = await start();
  const serving = deferred<ResponseSink>();
  const release = deferred<void>();
  world.inference.answer = (_, sink) => {
    serving.resolve(sink);
    return release.promise;
  };
  const socket = await say(server, CHAT_REQUEST);
  const sink = await serving.promise;
  socket.destroy();
  const reason = deferred<string>();
  while (sink.write('')) await new Promise((resolve) => setImmediate(resolve));
  sink.onGone(reason.resolve);
  expect(await reason.promise).toBe('closed');
  release.resolve();
});

test('NodeSink ends a connection that does not take the end of its answer', async () => {
  const { world, server } = await start({ streamBufferBytes: 1024 * 1024 * 1024, drainTimeoutMs: 10 });
  const ended = deferred<ResponseSink>();
  world.inference.answer = (_, sink) => {
    sink.head(200, SSE);
    sink.end(new Uint8Array(64 * 1024 * 1024));
    ended.resolve(sink);
  };
  const socket = await say(server, CHAT_REQUEST);
  socket.pause();
  await ended.promise;
  // The server's end of the connection must go by itself: only then does close() resolve without cutting.
  await expect(server.close(60_000)).resolves.toBeUndefined();
  socket.destroy();
});

test('the openai client streams, lists and reads errors through createApp()', async () => {
  const { world, url } = await start();
  world.inference.answer = (_, sink) => {
    sink.head(200, SSE);
    for (const word of ['Arr', '!']) sink.write(chunk({ content: word }));
    sink.write(': hearth staged 40%\n\n');
    sink.end(`${chunk({}, 'stop')}data: [DONE]\n\n`);
  };
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  const stream = await client.chat.completions.create({
    model: 'tiny-chat:pirate',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  for await (const part of stream) text += part.choices[0]?.delta.content ?? '';
  expect(text).toBe('Arr!');
  expect((await client.models.list()).data.map((model) => model.id)).toContain('tiny-chat+pirate');
  expect((await client.models.retrieve('tiny-chat+pirate')).id).toBe('tiny-chat+pirate');
  const missing = client.chat.completions.create({
    model: 'gone',
    messages: [{ role: 'user', content: 'x' }],
  });
  await expect(missing).rejects.toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
  await expect(missing).rejects.toBeInstanceOf(NotFoundError);
  const empty = client.chat.completions.create({ model: 'tiny-chat', messages: [] });
  await expect(empty).rejects.toBeInstanceOf(BadRequestError);
  expect(world.inference.refusals).toHaveLength(2);
});

test('the openai client asks for embeddings in base64 by itself', async () => {
  const { world, url } = await start();
  world.inference.answer = (_, sink) => {
    sink.head(200, { 'content-type': 'application/json' });
    const embedding = Buffer.from(new Float32Array([1, 2]).buffer).toString('base64');
    sink.end(JSON.stringify({ object: 'list', data: [{ object: 'embedding', index: 0, embedding }] }));
  };
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  const answer = await client.embeddings.create({ model: 'tiny-chat', input: 'x' });
  expect(answer.data[0]?.embedding).toEqual([1, 2]);
  expect(JSON.parse(world.inference.served[0]?.body ?? '')).toMatchObject({ encoding_format: 'base64' });
});

test('listen() says in one sentence that the port is in use', async () => {
  const { server, world } = await start();
  const { createApp } = await import('../../gateway/http/app.ts');
  const { listen } = await import('../../gateway/http/server.ts');
  const again = listen(createApp(world.deps), {
    host: '127.0.0.1',
    port: server.port,
    limits: world.deps.limits,
  });
  await expect(again).rejects.toThrow(
    `Cannot listen on 127.0.0.1:${server.port}: the port is in use by another process`,
  );
});

test('close() waits for the answer under way and ends connections that are idle', async () => {
  const { world, server, url } = await start();
  const serving = deferred<ResponseSink>();
  const release = deferred<void>();
  world.inference.answer = async (_, sink) => {
    sink.head(200, SSE);
    sink.write('data: 1\n\n');
    serving.resolve(sink);
    await release.promise;
    sink.end('data: [DONE]\n\n');
  };
  const silent = await say(server, '');
  const call = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT });
  await serving.promise;
  const closed = server.close(60_000);
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
  release.resolve();
  expect(await call.text()).toBe('data: 1\n\ndata: [DONE]\n\n');
  await closed;
  if (!silent.closed) await once(silent, 'close');
});

test('close() cuts what is still there after its grace', async () => {
  const { world, server, url } = await start();
  const gone = deferred<string>();
  world.inference.answer = async (_, sink) => {
    sink.onGone(gone.resolve);
    sink.head(200, SSE);
    sink.write('data: 1\n\n');
    await gone.promise;
  };
  await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT });
  await server.close(1);
  expect(await gone.promise).toBe('closed');
});
