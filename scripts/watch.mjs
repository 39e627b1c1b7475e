/** Builds, runs the gateway as a child, and does both again when a source changed. Ends on SIGINT or SIGTERM. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';

const WATCHED = ['gateway', 'runner', 'stager', 'fetcher', 'native', 'sources', 'db'];
const SETTLE_MS = 200;

export async function watchAndRun({ root, log, build }) {
  const changes = watchSources(root);
  const stopping = new AbortController();
  let child = null;
  const stop = () => {
    stopping.abort();
    changes.wake();
    child?.kill('SIGTERM');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  while (!stopping.signal.aborted) {
    if (await tryBuild(build, log)) child = startGateway(root);
    await changes.next();
    if (child !== null) await end(child);
    child = null;
  }
  changes.close();
}

async function tryBuild(build, log) {
  try {
    await build();
    return true;
  } catch (error) {
    log(error.message);
    return false;
  }
}

function startGateway(root) {
  return spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], { stdio: 'inherit' });
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** `next()` resolves when sources changed and then kept still for a moment, or when woken. */
function watchSources(root) {
  let wake = () => {};
  let timer;
  const changed = (_event, file) => {
    if (file !== null && /(^|\/)build\//.test(file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => wake(), SETTLE_MS);
  };
  const watchers = WATCHED.map((folder) => watch(join(root, folder), { recursive: true }, changed));
  return {
    next: () => new Promise((resolve) => (wake = resolve)),
    wake: () => wake(),
    close: () => watchers.forEach((watcher) => watcher.close()),
  };
}
