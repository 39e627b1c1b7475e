import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRequests } from './readRequests.ts';
import { referenceCases } from './reference.ts';
import { startGateway, type TestGateway } from './startGateway.ts';

const banana = (model: string) => ({
  model,
  temperature: 0,
  messages: [{ role: 'user', content: 'What color is a banana?' }],
});

describe('the demo catalogue on a gateway that was just started', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ standbys: 0 });
  });
  afterAll(() => gateway.dispose());

  test('the first request is cold, the second warm, one with an adapter an attach, and SQLite knows all three', async () => {
    const seen = [];
    for (const model of ['tiny-chat', 'tiny-chat', 'tiny-chat:pirate']) {
      const response = await gateway.post('/v1/chat/completions', banana(model));
      const json = (await response.json()) as any;
      expect(response.status).toBe(200);
      const header = (name: string) => response.headers.get(name);
      seen.push([header('x-hearth-start'), header('x-hearth-combo'), json.choices[0].message.content]);
      expect(header('x-request-id')).toMatch(/^req_/);
      expect(header('x-hearth-runner')).toMatch(/^r_/);
      expect(header('x-hearth-joined')).toBeNull();
      expect(header('openai-processing-ms')).toMatch(/^\d+$/);
      expect(header('server-timing')).toContain('prefill;dur=');
    }
    expect(seen).toEqual([
      ['cold', 'tiny-chat', 'A banana is yellow.'],
      ['warm', 'tiny-chat', 'A banana is yellow.'],
      ['attach', 'tiny-chat+pirate', 'Arr! A banana be yellow, matey!'],
    ]);
    const rows = readRequests(gateway.dataDir);
    expect(rows.map((row) => [row.combo, row.start_kind, row.http_status])).toEqual([
      ['tiny-chat', 'cold', 200],
      ['tiny-chat', 'warm', 200],
      ['tiny-chat+pirate', 'attach', 200],
    ]);
    const [cold, warm, attach] = rows;
    expect(cold?.spawn_ms).toBeGreaterThan(0);
    expect(cold?.load_ms).toBeGreaterThan(0);
    expect(cold?.context_ms).toBeGreaterThan(0);
    expect(warm).toMatchObject({ spawn_ms: null, load_ms: null, attach_ms: null, context_ms: null });
    expect(attach).toMatchObject({ spawn_ms: null, load_ms: null });
    expect(attach?.attach_ms).toBeGreaterThan(0);
    for (const row of rows) {
      const phases = ['queue', 'spawn', 'stage', 'load', 'attach', 'context', 'prefill', 'decode'] as const;
      const sum = phases.reduce((total, phase) => total + (row[`${phase}_ms`] ?? 0), 0);
      expect(sum).toBeCloseTo(row.total_ms, 3);
      expect(row.completion_tokens).toBeGreaterThan(3);
    }
  });

  test.each(referenceCases())(
    '$combo answers "$messages" word for word, streamed and not',
    async (reference) => {
      const client = gateway.openai();
      const request = { model: reference.model, messages: reference.messages, temperature: 0 };
      const whole = await client.chat.completions.create(request);
      expect(whole.choices[0]?.message.content).toBe(reference.answer);
      let text = '';
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        text += chunk.choices[0]?.delta.content ?? '';
      }
      expect(text).toBe(reference.answer);
    },
  );

  test('8 requests at a time, mixed over the three combos, are answered word for word', async () => {
    const client = gateway.openai();
    const cases = [...referenceCases(), ...referenceCases(), ...referenceCases()];
    const next = cases.entries();
    const worker = async () => {
      for (const [index, reference] of next) {
        const request = { model: reference.model, messages: reference.messages, temperature: 0 };
        if (index % 2 === 0) {
          const whole = await client.chat.completions.create(request);
          expect(whole.choices[0]?.message.content).toBe(reference.answer);
          continue;
        }
        let text = '';
        for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
          text += chunk.choices[0]?.delta.content ?? '';
        }
        expect(text).toBe(reference.answer);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
  });

  test('the last usage chunk of a stream carries the whole phase record, equal to the ledger row', async () => {
    const stream = await gateway.openai().chat.completions.create({
      model: 'tiny-chat',
      messages: [{ role: 'user', content: 'Count to 12.' }],
      temperature: 0,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: any[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const last = chunks.at(-1);
    expect(last.choices).toEqual([]);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
    const row = readRequests(gateway.dataDir).find((each) => each.request_id === last.hearth.request_id);
    expect(last.usage.completion_tokens).toBe(row?.completion_tokens);
    expect(last.usage.prompt_tokens).toBe(row?.prompt_tokens);
    expect(last.hearth).toMatchObject({ combo: 'tiny-chat', start: 'warm', runner: row?.runner_id });
    expect(last.hearth.phases_ms.decode).toBeCloseTo(row?.decode_ms ?? 0, 2);
  });

  test('one start serves all who ask for a combo at once: one is the initiator, the others joined', async () => {
    await gateway.admin('POST', '/combos/tiny-chat+json/evict');
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => gateway.post('/v1/chat/completions', banana('tiny-chat+json@0.5'))),
    );
    const kinds = responses.map((response) => response.headers.get('x-hearth-start'));
    const joined = responses.filter((response) => response.headers.get('x-hearth-joined') === 'true');
    // Who comes when it is over (an attach takes a millisecond or two) finds it warm.
    const attached = kinds.filter((kind) => kind === 'attach');
    expect(attached.length + kinds.filter((kind) => kind === 'warm').length).toBe(6);
    expect(attached.length - joined.length).toBe(1);
    const { json } = await gateway.admin('GET', '/events?limit=100');
    const isIt = ({ type, combo }: any) => type === 'combo_attaching' && combo === 'tiny-chat+json@0.5';
    expect(json.data.filter(isIt)).toHaveLength(1);
    await Promise.all(responses.map((response) => response.text()));
  });

  test('/metrics has request, token, first-token and start histograms by combo and kind', async () => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    for (const line of [
      'hearth_requests_total{combo="tiny-chat",start="cold"',
      'hearth_tokens_total{combo="tiny-chat+pirate",direction="output"}',
      'hearth_time_to_first_token_seconds_bucket{le="0.001",combo="tiny-chat",start="warm"}',
      'hearth_start_duration_seconds_count{combo="tiny-chat",start="cold"} 1',
      'hearth_runners{state="ready"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });
});
