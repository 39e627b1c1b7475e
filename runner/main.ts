/**
 * The runner process. The gateway starts it with the control pipe on file descriptor 3 and says `hello` on it. The
 * engine's libraries are opened before that is read: whatever the gateway wants, it wants them.
 */
import { Socket } from 'node:net';
import { loadAddon } from '../native/load.ts';
import { LlamaEngine } from './engine/llamaEngine.ts';
import { coresOf, stayOn } from './process/cores.ts';
import { guardProcess, sayLine } from './process/lastWords.ts';
import { DEFAULT_GRACE_MS, Runner } from './runner.ts';
import {
  noUpload,
  UploadChecks,
  type UploadChecksOptions,
  type UploadPolicy,
} from './upload/uploadChecks.ts';

const CONTROL_FD = 3;

let runner: Runner | null = null;
guardProcess(() => runner?.cleanUp());

// Before there is memory or a thread of the engine: both are where the first touch comes from.
const mostThreads = stayOn(process.env.HEARTH_CORES);
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: true });
const engine = openEngine(process.env);
runner = new Runner(engine, control, { exit: (code) => process.exit(code) });
const started = runner;
process.on('SIGTERM', () => void started.stop(DEFAULT_GRACE_MS));
// The runner has a process group of its own; when it ends is the gateway's to say.
process.on('SIGINT', () => {});
process.on('SIGHUP', () => {});

/**
 * `HEARTH_CORES`: on which cores this process is to run, as "0-3,8"; said where its device is near to some of them.
 * `HEARTH_EVENT_LOOP_CORES`: on which this thread is to run, likewise; said where it is to keep off those that decode.
 * `HEARTH_LLAMA_DIR`: where the llama libraries are, when not in an installed package. `HEARTH_LLAMA_OVERRIDES=off`: none of
 * our functions in place of theirs. `HEARTH_UPLOAD=off`: llama.cpp alone brings weights to a device; so it does without
 * `HEARTH_UPLOAD_DIR`, where verdicts on the threaded upload are kept.
 */
function openEngine(environment: NodeJS.ProcessEnv): LlamaEngine {
  const llamaDir = environment.HEARTH_LLAMA_DIR;
  const { addon, libraryDir, overridesPath } = loadAddon({
    ...(llamaDir === undefined ? {} : { libraryDir: llamaDir }),
    overrides: environment.HEARTH_LLAMA_OVERRIDES === 'off' ? 'off' : 'on',
  });
  const backend = addon.initialise({
    libraryDir,
    eventLoopCores: coresOf(environment.HEARTH_EVENT_LOOP_CORES),
    onLog: (level, text) => {
      // Errors are on standard error already, said by the native side before whatever they led to.
      if (level === 'warn') sayLine(`llama.cpp warn: ${text.trimEnd()}`);
    },
  });
  const devices = backend.devices.filter(({ kind }) => kind === 'gpu').map(({ description }) => description);
  const uploads = uploadsOf(environment, { libraryDir, overridesPath, devices });
  return new LlamaEngine(addon, backend, uploads, mostThreads);
}

function uploadsOf(
  environment: NodeJS.ProcessEnv,
  parts: Pick<UploadChecksOptions, 'libraryDir' | 'devices'> & { overridesPath: string | null },
): UploadPolicy {
  const { HEARTH_UPLOAD_DIR: directory } = environment;
  const { overridesPath } = parts;
  if (environment.HEARTH_UPLOAD === 'off') return noUpload('it is turned off');
  if (directory === undefined) return noUpload('there is no directory to keep a verdict in');
  if (overridesPath === null) return noUpload("functions of ours in place of llama.cpp's are turned off");
  if (parts.devices.length === 0) return noUpload('there is no GPU');
  return new UploadChecks({ ...parts, overridesPath, directory, warn: sayLine });
}
