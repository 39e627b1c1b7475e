import { performance } from 'node:perf_hooks';
import { compose, type Gateway } from './compose.ts';
import { readSettings, type Settings } from './config.ts';
import { type FlushedLog, makeLog } from './telemetry/pinoLog.ts';

/** As shells tell of a process that SIGTERM ended. */
const TERMINATED = 143;

/**
 * A signal to the whole process group (Ctrl-C) reaches us twice, since npm passes it on: so close together is one. On a
 * loaded box npm takes a while; nobody presses again so soon, and who does presses a third time.
 */
const ONE_SIGNAL_MS = 500;

/** Runs the gateway until a signal ends it. Exits with 1 and one sentence when it cannot start. */
export async function main(): Promise<void> {
  const settings = await readSettings(process.env);
  if (!settings.ok) return giveUp(settings.error.message);
  const log = makeLog(settings.value.logLevel);
  let gateway: Gateway;
  try {
    gateway = await compose(settings.value, log, process.env);
  } catch (error) {
    return giveUp(error instanceof Error ? error.message : String(error));
  }
  handleSignals(gateway, log);
  void gateway.failed.then((error) => {
    log.error({ error: error.message }, 'the gateway cannot go on');
    gateway.abandon();
    exit(1, log);
  });
  announce(gateway, settings.value);
}

/** The one line on standard output. */
function announce(gateway: Gateway, settings: Settings): void {
  const { models, adapters } = gateway.catalogue.current();
  const holds = `${models.size} ${models.size === 1 ? 'model' : 'models'}, ${adapters.size} ${adapters.size === 1 ? 'adapter' : 'adapters'}`;
  process.stdout.write(
    `hearth is ready at ${gateway.server.protocol}://${urlHost(gateway.server.host)}:${gateway.server.port} (${holds}; data in ${settings.dataDir})\n`,
  );
}

/** SIGTERM and SIGINT drain and exit 0, a second one exits at once; SIGHUP reads the configuration again. */
function handleSignals(gateway: Gateway, log: FlushedLog): void {
  let drainingSinceMs: number | null = null;
  const end = (signal: NodeJS.Signals) => {
    if (drainingSinceMs !== null) {
      if (performance.now() - drainingSinceMs < ONE_SIGNAL_MS) return;
      gateway.abandon();
      exit(TERMINATED, log);
    }
    drainingSinceMs = performance.now();
    log.info({ signal }, 'draining; a second signal ends at once');
    gateway.drain().then(
      () => exit(0, log),
      (error: Error) => {
        log.error({ error: error.message }, 'drain failed');
        exit(1, log);
      },
    );
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  process.on('SIGHUP', () => {
    // Its outcome is logged and in the event log; a bad file changes nothing.
    void gateway.catalogue.reload();
    void gateway.server.lookAtCertificate();
  });
}

/** What was logged is written before the process goes. */
function exit(code: number, log: FlushedLog): never {
  log.flush();
  process.exit(code);
}

function giveUp(message: string): void {
  process.stderr.write(`hearth: ${message}\n`);
  process.exitCode = 1;
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
