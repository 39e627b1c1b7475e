import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ControlChannel, OrderFailed, ProtocolBroken } from '../../gateway/shell/processes/controlChannel.ts';

function channel(): { channel: ControlChannel; pipe: Duplex; say: (message: object) => void } {
  const [pipe, runner] = duplexPair();
  return {
    channel: new ControlChannel(pipe),
    pipe,
    say: (message) => runner.write(`${JSON.stringify(message)}\n`),
  };
}

const failure = { code: 'model_load_failed', message: 'no GGUF', permanent: true };

describe('ControlChannel', () => {
  test('ControlChannel gives each order the answer of its number', async () => {
    const { channel: ours, say } = channel();
    const first = ours.order({ type: 'threads', threads: 1 });
    const second = ours.order({ type: 'detach', combo: 'a' });
    say({ type: 'failed', seq: 2, failure });
    say({ type: 'done', seq: 1 });
    expect(await first).toEqual({ type: 'done', seq: 1 });
    await expect(second).rejects.toEqual(new OrderFailed(failure));
  });

  test.each([
    ['an answer of another kind', { type: 'done', seq: 1 }, 'expected "pong", got "done"'],
    ['an answer to no order', { type: 'done', seq: 9 }, '"done" answers no order'],
    ['progress of no order', { type: 'progress', seq: 9, fraction: 0.5 }, '"progress" answers no order'],
    ['an unknown message', { type: 'shrug' }, 'line is no message of the protocol'],
  ])('ControlChannel breaks at %s, and so do all orders', async (_what, message, reason) => {
    const { channel: ours, say } = channel();
    const asked = ours.order({ type: 'ping' });
    say(message);
    const broken = new ProtocolBroken(reason);
    await expect(asked).rejects.toEqual(broken);
    expect(await ours.broken).toEqual(broken);
    expect((await ours.broken).message).toBe(`Cannot read control pipe: ${reason}`);
    await expect(ours.order({ type: 'ping' })).rejects.toEqual(broken);
  });

  test('ControlChannel says that the pipe closed when it did, which breaks no protocol', async () => {
    const { channel: ours, pipe } = channel();
    pipe.destroy();
    const error = await ours.broken;
    expect(error).not.toBeInstanceOf(ProtocolBroken);
    expect(error.message).toBe('Cannot reach runner: control pipe closed');
  });
});
