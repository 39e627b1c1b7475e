import { parentPort } from 'node:worker_threads';
import type { ConverterReply } from './converterThread.ts';
import { type ConvertJob, convertPeft } from './convertPeft.ts';

/** At most so often: a reply for each chunk would be thousands. */
const PROGRESS_MS = 1000;

/** Entry of the converter's thread, bundled to dist/peftConverter.mjs. Jobs come one at a time. */
parentPort?.on('message', (job: ConvertJob) => {
  let toldAtMonoMs = performance.now();
  const reply = (message: ConverterReply) => parentPort?.postMessage(message);
  const progress = () => {
    if (performance.now() - toldAtMonoMs < PROGRESS_MS) return;
    toldAtMonoMs = performance.now();
    reply({ kind: 'progress' });
  };
  convertPeft(job, progress).then(
    (conversion) => reply({ kind: 'done', conversion }),
    (error: unknown) =>
      reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
