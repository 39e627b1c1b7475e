import { Counter, type Registry } from 'prom-client';
import type { SpanCounts } from '../ports/tracing.ts';

/** Registers what became of spans; without samples while `read` gives null. */
export function registerTraceMetrics(registry: Registry, read: () => SpanCounts | null): void {
  new Counter({
    name: 'hearth_trace_spans_total',
    help: 'Spans that were exported (sent) or dropped (queue_full, failed).',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      const counts = read();
      if (counts === null) return;
      this.inc({ outcome: 'sent' }, counts.sent);
      this.inc({ outcome: 'queue_full' }, counts.queueFull);
      this.inc({ outcome: 'failed' }, counts.failed);
    },
  });
}
