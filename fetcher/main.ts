/**
 * The fetcher process: brings weights from behind URIs to this machine's disk. Its gateway starts it when there is something
 * to bring, with the control pipe on file descriptor 3, and ends it when it is idle. What it has written when it dies is gone
 * on with by the next one.
 */
import { Socket } from 'node:net';
import { guardProcess } from '../runner/process/lastWords.ts';
import { Fetcher } from './fetcher.ts';

const CONTROL_FD = 3;

guardProcess(() => {}, 'Fetcher');
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
new Fetcher(control, { exit: (code) => process.exit(code) });
process.on('SIGTERM', () => process.exit(0));
// When it ends is the gateway's to say.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
