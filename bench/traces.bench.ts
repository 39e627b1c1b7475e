/**
 * What tracing adds to a warm request: gateways in turns, without an endpoint (twice: what the two differ by is the machine's
 * noise), with one that swallows all traces, and with a tenth of them sampled.
 */
import { createServer } from 'node:http';
import { loadavg } from 'node:os';
import { Pool } from 'undici';
import { flag } from './harness/flags.ts';
import { cpuMs, demoYaml, type GatewayProcess, startGateway } from './harness/gatewayProcess.ts';
import type { Target } from './harness/streamClient.ts';
import { measureInTurns, quantile } from './harness/turns.ts';

const ROUNDS = Number(flag('rounds', '10'));
const REQUESTS_PER_ROUND = Number(flag('requests', '160'));
const CLIENTS = [1, 8];

let swallowedBytes = 0;
const collector = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => {
    swallowedBytes += chunk.length;
  });
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
});
await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
const address = collector.address();
if (address === null || typeof address === 'string') throw new Error('the collector has no port');
const ON = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${address.port}` };
const TENTH = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };

const VARIANTS = [
  { name: 'off', environment: {} },
  { name: 'off, again', environment: {} },
  { name: 'on, all', environment: ON },
  { name: 'on, a tenth', environment: { ...ON, ...TENTH } },
];

const gateways: { name: string; gateway: GatewayProcess; target: Target }[] = [];
for (const { name, environment } of VARIANTS) {
  const gateway = await startGateway(demoYaml(8, 512), { standbys: 0, environment });
  const target: Target = { name, pool: new Pool(gateway.url), headers: {}, body: { model: 'tiny-chat' } };
  gateways.push({ name, gateway, target });
}

async function compare(clients: number): Promise<void> {
  const cpu = new Map<string, number>(VARIANTS.map(({ name }) => [name, 0]));
  const pidOf = (name: string) => gateways.find((one) => one.name === name)?.gateway.pid ?? 0;
  const samples = await measureInTurns(
    gateways.map(({ target }) => target),
    { rounds: ROUNDS, requestsPerRound: REQUESTS_PER_ROUND, clients },
    async ({ name }, measured) => {
      const before = cpuMs(pidOf(name));
      await measured();
      cpu.set(name, (cpu.get(name) ?? 0) + cpuMs(pidOf(name)) - before);
    },
  );
  const figures = [...samples].map(([name, list]) => {
    const of = (field: 'ttftMs' | 'totalMs', share: number) =>
      quantile(
        list.map((sample) => sample[field]),
        share,
      );
    return {
      name,
      requests: list.length,
      'TTFT ms': of('ttftMs', 0.5),
      'TTFT p99': of('ttftMs', 0.99),
      'total ms': of('totalMs', 0.5),
      'total p99': of('totalMs', 0.99),
      'CPU ms': (cpu.get(name) ?? 0) / list.length,
    };
  });
  const [off] = figures;
  if (!off) return;
  console.table(
    figures.map(({ name, requests, ...measured }) => ({
      clients,
      traces: name,
      requests,
      ...Object.fromEntries(
        Object.entries(measured).map(([key, value]) => {
          const ratio = value / off[key as keyof typeof measured];
          return [key, `${value.toFixed(2)} (${ratio.toFixed(2)})`];
        }),
      ),
    })),
  );
}

try {
  console.log(`load average at the start ${loadavg()[0]?.toFixed(1)}; in brackets: of the first row's`);
  for (const clients of CLIENTS) await compare(clients);
  console.log(`load average at the end ${loadavg()[0]?.toFixed(1)}; ${swallowedBytes} bytes of traces`);
} finally {
  for (const { gateway } of gateways) await gateway.stop();
  collector.close();
}
process.exit(0);
