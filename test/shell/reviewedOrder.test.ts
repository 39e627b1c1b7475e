import { describe, expect, it } from 'vitest';
import type { Failure, Result } from '../../gateway/domain/errors.ts';
import type { WeightFiles } from '../../gateway/ports/weightFiles.ts';
import { type Answer, type OrderBody, OrderFailed } from '../../gateway/shell/processes/controlChannel.ts';
import { sendReviewed } from '../../gateway/shell/reviewedOrder.ts';
import { adapter, catalogueOf, comboOf, model } from '../pool/builders.ts';

const CATALOGUE = catalogueOf([model('a')], [adapter('x', 'a'), adapter('y', 'a')]);
const CHANGED: Failure = { code: 'start_failed', message: 'Cannot use model "a": it has changed' };
const GONE: Failure = { code: 'not_found', message: 'Cannot use model "a": it has gone' };

/** A runner that answers when it is told to, and files of which each look finds the next of what is given. */
class Subject implements WeightFiles {
  readonly sent: OrderBody[] = [];
  readonly looks: string[] = [];
  readonly #found: (Failure | Error | null)[];
  #answer: (answer: Answer) => void = () => {};
  #refuse: (error: Error) => void = () => {};

  constructor(...found: (Failure | Error | null)[]) {
    this.#found = found;
  }

  async review(one: { id: string }, adapters: readonly { id: string }[]): Promise<Result<true>> {
    this.looks.push([one, ...adapters].map(({ id }) => id).join('+'));
    const found = this.#found.shift();
    if (found instanceof Error) throw found;
    return found ? { ok: false, error: found } : { ok: true, value: true };
  }

  /** Resolves with what came of the order: the answer's type, or why it failed. */
  send(body: OrderBody): Promise<string> {
    const send = (one: OrderBody): Promise<Answer> => {
      this.sent.push(one);
      if (one.type === 'detach') return Promise.resolve({ type: 'done', seq: 2 });
      return new Promise((resolve, reject) => {
        this.#answer = resolve;
        this.#refuse = reject;
      });
    };
    return sendReviewed(body, send, this, CATALOGUE).then(
      ({ type }) => type,
      (error: Error) => (error instanceof OrderFailed ? JSON.stringify(error.failure) : error.message),
    );
  }

  answer(type: 'loaded' | 'attached' | 'done'): void {
    this.#answer({ type, seq: 1 } as Answer);
  }

  refuse(message: string): void {
    this.#refuse(new Error(message));
  }
}

const failed = ({ message }: { message: string }): string =>
  JSON.stringify({ code: 'weights_changed', message, permanent: false });
const load = (revision = 'r1') => ({ type: 'load', model: { id: 'a', revision } }) as unknown as OrderBody;
const attach = (name: string) =>
  ({ type: 'attach', combo: comboOf(name, CATALOGUE).key, adapters: [] }) as OrderBody;

describe('sendReviewed() of a load', () => {
  it('is answered when the file is the same before and after it', async () => {
    const subject = new Subject();
    const sent = subject.send(load());
    subject.answer('loaded');
    expect(await sent).toBe('loaded');
    expect(subject.looks).toEqual(['a', 'a']);
  });

  it('fails before it has been answered when the file is another one', async () => {
    expect(await new Subject(CHANGED).send(load())).toBe(failed(CHANGED));
  });

  it('fails when the file has changed meanwhile, or cannot be looked at afterwards', async () => {
    for (const found of [CHANGED, GONE, new Error('the store has gone')]) {
      const subject = new Subject(null, found);
      const sent = subject.send(load());
      subject.answer('loaded');
      const message = found instanceof Error ? 'Cannot use "a": the store has gone' : found.message;
      expect(await sent).toBe(failed({ message }));
    }
  });

  it('leaves it to the runner to say what is wrong with a file that is none', async () => {
    const subject = new Subject(GONE);
    const sent = subject.send(load());
    subject.refuse('Cannot load model: the file does not open');
    expect(await sent).toBe('Cannot load model: the file does not open');
  });

  it('looks at nothing for a revision that is not current: nobody is served by it', async () => {
    const subject = new Subject();
    const sent = subject.send(load('r0'));
    subject.answer('loaded');
    expect(await sent).toBe('loaded');
    expect(subject.looks).toEqual([]);
  });
});

describe('sendReviewed() of an attach', () => {
  it('is answered when the files of the adapters and their base are the same after it', async () => {
    const subject = new Subject();
    const sent = subject.send(attach('a+x+y@0.5'));
    expect(subject.looks).toEqual([]);
    subject.answer('attached');
    expect(await sent).toBe('attached');
    expect(subject.looks).toEqual(['a+x+y']);
  });

  it('has the runner let go of what is not, and fails then', async () => {
    const subject = new Subject(CHANGED);
    const sent = subject.send(attach('a+x'));
    subject.answer('attached');
    expect(await sent).toBe(failed(CHANGED));
    expect(subject.sent.at(-1)).toEqual({ type: 'detach', combo: comboOf('a+x', CATALOGUE).key });
  });

  it('reads nothing for the bare base, nor does any other order', async () => {
    for (const body of [attach('a'), { type: 'ping' } as OrderBody]) {
      const subject = new Subject(CHANGED);
      const sent = subject.send(body);
      subject.answer('done');
      expect(await sent).toBe('done');
      expect(subject.looks).toEqual([]);
    }
  });
});
