import { measurePolicy } from './pool-sim/measure.ts';
import { readOptions } from './pool-sim/options.ts';
import { tableOf } from './pool-sim/report.ts';

// `npm run bench -- pool-sim --trace bursty --requests 1000000`: docs/pool-simulator.md has the flags and the model.

const { trace, machine, policies } = readOptions(process.argv.slice(2));
const { bases, combos } = trace.fleet;
const { atMs } = trace.arrivals;
const weightBytes = bases.reduce((sum, base) => sum + base.weightBytes, 0);
const hours = (atMs.at(-1) ?? 0) / 3_600_000;
console.log(
  `${trace.name}: ${atMs.length} requests in ${hours.toFixed(1)} hours for ${combos.length} combos of ${bases.length} bases ` +
    `(${(weightBytes / 1e9).toFixed(0)} GB) over ${machine.memoryBytes / 1e9} GB of memory\n`,
);
console.log(tableOf(policies.map((policy) => measurePolicy(trace, machine, policy))));
