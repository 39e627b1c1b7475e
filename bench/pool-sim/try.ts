import { Random } from './random.ts';
import { generateFleet } from './generatedFleet.ts';
import { zipfArrivals, burstyArrivals, diurnalArrivals } from './generators.ts';
import { Simulation } from './simulation.ts';
import { POLICIES, MACHINE } from './policies.ts';
const n = Number(process.argv[2] ?? 100000);
const gen = { zipf: zipfArrivals, bursty: burstyArrivals, diurnal: diurnalArrivals }[process.argv[3] ?? 'zipf'];
const random = new Random(1);
const fleet = generateFleet({ bases: Number(process.argv[5] ?? 200), combos: 10000, leastBytes: 0.5e9, mostBytes: 40e9, sequences: 8, sources: 'mixed' }, random);
const arrivals = gen(fleet, { requests: n, perSecond: Number(process.argv[4] ?? 2), exponent: Number(process.argv[7] ?? 1), medianMs: 4000 }, random);
console.log(arrivals.atMs.length, 'requests', fleet.bases.reduce((a, b) => a + b.weightBytes, 0) / 1e9, 'GB');
for (const p of POLICIES.slice(0, Number(process.argv[6] ?? 3))) {
  const { grantedMs, ...rest } = new Simulation({ name: 't', fleet, arrivals }, MACHINE, p).run();
  console.log(JSON.stringify(rest), 'us', rest.wallMs * 1000 / rest.decides);
}
