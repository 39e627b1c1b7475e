import { readFileSync } from 'node:fs';
import { type TestGateway, until } from './startGateway.ts';

const stopped: number[] = [];

export function thawAll(): void {
  for (const pid of stopped.splice(0)) signal(pid, 'SIGCONT');
}

/** Sends a signal to a process that may have gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has gone.
  }
}

/** Stops a process until a signal or thawAll() lets it go on. */
export function freeze(pid: number): void {
  stopped.push(pid);
  process.kill(pid, 'SIGSTOP');
}

/** The pid of a runner that the gateway has just started. Before its exec the gateway itself waits for it. */
export async function spawnedRunner(gateway: TestGateway): Promise<number> {
  const children = `/proc/${gateway.child.pid}/task/${gateway.child.pid}/children`;
  let pid = 0;
  await until(() => {
    pid = Number(readFileSync(children, 'utf8').trim().split(' ').at(-1));
    return pid > 0 && commandOf(pid).includes('runner.mjs');
  }, 'a runner was spawned');
  return pid;
}

/** Empty of one that has gone, as the last one's may just now. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
