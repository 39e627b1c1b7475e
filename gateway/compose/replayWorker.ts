import { parentPort, workerData } from 'node:worker_threads';
import { type TtlReplay, ttlCurve } from '../reports/replay/ttlCurve.ts';

/** Entry of the thread that replays one trace, bundled to dist/replayWorker.mjs. */
parentPort?.postMessage(ttlCurve(workerData as TtlReplay));
