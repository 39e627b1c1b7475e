import type { Duplex } from 'node:stream';
import { type FromRunner, type ToRunner, toRunnerSchema } from '../protocol/control.ts';
import { JsonPipe, type PipeListener } from '../protocol/jsonPipe.ts';

/** The runner's end of the control pipe. */
export class ControlPipe extends JsonPipe<ToRunner, FromRunner> {
  constructor(stream: Duplex, listener: PipeListener<ToRunner, FromRunner>) {
    super(stream, toRunnerSchema, listener);
  }
}
