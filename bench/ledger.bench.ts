/**
 * What the ledger adds to a warm request: three gateways in turns, of which one writes no row of a request, one only the
 * row at its end, and one the admission too. What is not written is answered for where it would go to the writer thread, or to
 * the journal.
 */
import { Pool } from 'undici';
import { demoYaml, startGateway } from './harness/gatewayProcess.ts';
import type { Target } from './harness/streamClient.ts';
import { measureInTurns, quantile } from './harness/turns.ts';

const ROUNDS = 8;
const REQUESTS_PER_ROUND = 120;
const CLIENTS = [1, 8];

/** Takes commands of these kinds out of what goes to the writer thread, and says that they are on disk. */
function without(kinds: readonly string[]): string {
  return `
    const { Worker } = require('node:worker_threads');
    const post = Worker.prototype.postMessage;
    const dropped = new Set(${JSON.stringify(kinds)});
    const fs = require('node:fs');
    const write = fs.writeSync;
    fs.writeSync = (file, data, ...rest) => {
      const isAdmission = Buffer.isBuffer(data) && data.subarray(0, 13).toString() === '{"admission":';
      return isAdmission && dropped.has('openRequest') ? data.length : write(file, data, ...rest);
    };
    require('node:module').syncBuiltinESMExports();
    Worker.prototype.postMessage = function (message, ...rest) {
      if (message.kind !== 'write') return post.call(this, message, ...rest);
      const commands = message.commands.filter(({ kind }) => !dropped.has(kind));
      if (commands.length > 0) return post.call(this, { ...message, commands }, ...rest);
      const reply = { kind: 'written', batches: [{ batch: message.batch, failures: [] }], stats: { commits: 0, commands: 0 } };
      setImmediate(() => this.emit('message', reply));
    };`;
}

const VARIANTS = [
  { name: 'nothing', drops: ['openRequest', 'appendRequest'] },
  { name: 'the row', drops: ['openRequest'] },
  { name: 'admission and row', drops: [] },
] as const;

const gateways = [];
for (const { name, drops } of VARIANTS) {
  const gateway = await startGateway(demoYaml(8, 512), {
    standbys: 0,
    before: drops.length === 0 ? '' : without(drops),
  });
  const target: Target = { name, pool: new Pool(gateway.url), headers: {}, body: { model: 'tiny-chat' } };
  gateways.push({ name, gateway, target });
}
try {
  for (const clients of CLIENTS) {
    const samples = await measureInTurns(
      gateways.map(({ target }) => target),
      { rounds: ROUNDS, requestsPerRound: REQUESTS_PER_ROUND, clients },
    );
    const rows = [...samples].map(([name, list]) => {
      const ttfts = list.map(({ ttftMs }) => ttftMs);
      const totals = list.map(({ totalMs }) => totalMs);
      return {
        clients,
        written: name,
        'TTFT ms': quantile(ttfts, 0.5).toFixed(2),
        'TTFT p99': quantile(ttfts, 0.99).toFixed(2),
        'total ms': quantile(totals, 0.5).toFixed(2),
        'total p99': quantile(totals, 0.99).toFixed(2),
      };
    });
    console.table(rows);
  }
} finally {
  for (const { gateway } of gateways) await gateway.stop();
}
process.exit(0);
