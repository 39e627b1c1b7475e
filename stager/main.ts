/**
 * The stager process: owns all staging of its gateway, which starts it with the control pipe on file descriptor 3 and says
 * `hello` on it. A hostile file crashes it and not the gateway, and what it holds goes with it.
 */
import { Socket } from 'node:net';
import { loadStoreAddon } from '../native/loadStore.ts';
import { guardProcess } from '../runner/process/lastWords.ts';
import { Stager } from './stager.ts';

const CONTROL_FD = 3;

guardProcess(() => {}, 'Stager');
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
new Stager(loadStoreAddon(), control, { exit: (code) => process.exit(code) });
process.on('SIGTERM', () => process.exit(0));
// When it ends is the gateway's to say.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});
