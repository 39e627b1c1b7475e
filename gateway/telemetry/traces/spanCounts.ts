import type { Attributes, Meter, MeterProvider } from '@opentelemetry/api';
import type { SpanCounts } from '../../ports/tracing.ts';
import type { Packages } from './packages.ts';

/** By the semantic conventions for the SDK's own metrics ("OpenTelemetry SDK metrics"), under which it counts spans. */
const PROCESSED = 'otel.sdk.processor.span.processed';

/** Counts what the span processor says of itself, without an SDK for metrics. */
export class CountedSpans {
  #sent = 0;
  #queueFull = 0;
  #failed = 0;

  get counts(): SpanCounts {
    return { sent: this.#sent, queueFull: this.#queueFull, failed: this.#failed };
  }

  /** For the processor's `selfObsMeterProvider`. */
  meterProvider({ api }: Packages): MeterProvider {
    const none = api.createNoopMeter();
    const meter: Meter = Object.create(none);
    meter.createCounter = (name, options) =>
      name === PROCESSED
        ? { add: (spans, attributes) => this.#add(spans, attributes ?? {}) }
        : none.createCounter(name, options);
    return { getMeter: () => meter };
  }

  #add(spans: number, attributes: Attributes): void {
    const error = attributes['error.type'];
    if (error === undefined) this.#sent += spans;
    else if (error === 'queue_full') this.#queueFull += spans;
    else this.#failed += spans;
  }
}
