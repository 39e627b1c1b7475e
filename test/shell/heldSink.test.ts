import { expect, test } from 'vitest';
import { HeldSink } from '../../gateway/shell/heldSink.ts';
import type { ResponseSink } from '../../gateway/shell/inference.ts';

/** Writes down what comes through. */
class Log implements ResponseSink {
  readonly calls: string[] = [];
  headSent = false;
  bytesWritten = 0;

  head(status: number): void {
    this.headSent = true;
    this.calls.push(`head ${status}`);
  }
  write(bytes: Uint8Array | string): boolean {
    this.bytesWritten += bytes.length;
    this.calls.push(`write ${String(bytes)}`);
    return true;
  }
  end(bytes: Uint8Array | string = ''): void {
    this.calls.push(`end ${String(bytes)}`);
  }
  fail({ code }: { readonly code: string }): void {
    this.calls.push(`fail ${code}`);
  }
  destroy(): void {
    this.calls.push('destroy');
  }
  onGone(): void {}
}

test('HeldSink lets nothing out before release(), and then all of it in order', () => {
  const log = new Log();
  const sink = new HeldSink(log);
  sink.head(200, {});
  expect(sink.write('ab')).toBe(true);
  expect([sink.headSent, sink.bytesWritten, log.calls]).toEqual([true, 2, []]);
  sink.release();
  sink.write('c');
  sink.end('d');
  sink.release();
  expect(log.calls).toEqual(['head 200', 'write ab', 'write c', 'end d']);
  expect(sink.bytesWritten).toBe(3);
});

test('HeldSink.forget() leaves the answer unbegun, so that a failure is a real status', () => {
  const log = new Log();
  const sink = new HeldSink(log);
  sink.head(200, {});
  sink.write('ab');
  sink.forget();
  expect([sink.headSent, sink.bytesWritten]).toEqual([false, 0]);
  sink.fail({ code: 'ledger_failed', message: 'x' }, {});
  expect(log.calls).toEqual(['fail ledger_failed']);
});
