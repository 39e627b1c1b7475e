import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Fleet } from '../../gateway/reports/replay/fleet.ts';
import type { Arrivals, Trace } from '../../gateway/reports/replay/trace.ts';
import { readArrivals, readFleet } from './csvTrace.ts';
import { generateFleet } from './generatedFleet.ts';
import { burstyArrivals, diurnalArrivals, type Load, zipfArrivals } from './generators.ts';
import { MACHINE, MORE_POLICIES, POLICIES, type SimMachine, type SimPolicy } from './policies.ts';
import { Random } from './random.ts';

/** What to simulate, as the command line says it. */
export interface SimRun {
  readonly trace: Trace;
  readonly machine: SimMachine;
  readonly policies: readonly SimPolicy[];
}

type Generator = (fleet: Fleet, load: Load, random: Random) => Arrivals;

const GENERATORS: Readonly<Record<string, Generator>> = {
  zipf: zipfArrivals,
  bursty: burstyArrivals,
  diurnal: diurnalArrivals,
};

const OPTIONS = {
  trace: { type: 'string', default: 'zipf' },
  requests: { type: 'string', default: '100000' },
  'per-second': { type: 'string', default: '2' },
  exponent: { type: 'string', default: '1.1' },
  'median-ms': { type: 'string', default: '4000' },
  bases: { type: 'string', default: '100' },
  combos: { type: 'string', default: '10000' },
  'least-gb': { type: 'string', default: '0.5' },
  'most-gb': { type: 'string', default: '40' },
  sources: { type: 'string', default: 'mixed' },
  sequences: { type: 'string', default: '8' },
  seed: { type: 'string', default: '1' },
  'memory-gb': { type: 'string', default: String(MACHINE.memoryBytes / 1e9) },
  'max-runners': { type: 'string', default: String(MACHINE.maxRunners) },
  'max-combos-per-runner': { type: 'string', default: String(MACHINE.maxCombosPerRunner) },
  'min-residency-ms': { type: 'string', default: String(MACHINE.minResidencyMs) },
  standbys: { type: 'string', default: String(MACHINE.standbys) },
  'all-ticks': { type: 'boolean', default: false },
  policies: { type: 'string', default: POLICIES.map(({ name }) => name).join(',') },
  arrivals: { type: 'string' },
  fleet: { type: 'string' },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** Reads flags such as `--trace bursty --requests 1000000`; an unknown one, or a bad value, throws. */
export function readOptions(args: readonly string[]): SimRun {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  return { trace: traceOf(values), machine: machineOf(values), policies: policiesOf(values) };
}

function traceOf(values: Values): Trace {
  if (values.arrivals !== undefined || values.fleet !== undefined) return fileTrace(values);
  const generate = GENERATORS[values.trace];
  if (!generate) throw new Error(unexpected('trace', values.trace, Object.keys(GENERATORS)));
  const random = new Random(numberOf(values, 'seed'));
  const fleet = generateFleet(
    {
      bases: numberOf(values, 'bases'),
      combos: numberOf(values, 'combos'),
      leastBytes: numberOf(values, 'least-gb') * 1e9,
      mostBytes: numberOf(values, 'most-gb') * 1e9,
      sequences: numberOf(values, 'sequences'),
      sources: sourcesOf(values.sources),
    },
    random,
  );
  const load = {
    requests: numberOf(values, 'requests'),
    perSecond: numberOf(values, 'per-second'),
    exponent: numberOf(values, 'exponent'),
    medianMs: numberOf(values, 'median-ms'),
  };
  return { name: values.trace, fleet, arrivals: generate(fleet, load, random) };
}

function fileTrace({ arrivals, fleet }: Values): Trace {
  if (arrivals === undefined || fleet === undefined)
    throw new Error('Cannot read a trace: expected both --arrivals and --fleet, got one of them');
  const all = readFleet(readFileSync(fleet, 'utf8'), fleet);
  return {
    name: arrivals,
    fleet: all,
    arrivals: readArrivals(readFileSync(arrivals, 'utf8'), arrivals, all),
  };
}

function machineOf(values: Values): SimMachine {
  return {
    ...MACHINE,
    memoryBytes: numberOf(values, 'memory-gb') * 1e9,
    maxRunners: numberOf(values, 'max-runners'),
    maxCombosPerRunner: numberOf(values, 'max-combos-per-runner'),
    minResidencyMs: numberOf(values, 'min-residency-ms'),
    standbys: numberOf(values, 'standbys'),
    ticks: values['all-ticks'] ? 'all' : 'needed',
  };
}

function policiesOf(values: Values): SimPolicy[] {
  const known = [...POLICIES, ...MORE_POLICIES];
  return values.policies.split(',').map((name) => {
    const policy = known.find((one) => one.name === name.trim());
    if (!policy)
      throw new Error(
        unexpected(
          'policies',
          name,
          known.map((one) => one.name),
        ),
      );
    return policy;
  });
}

function sourcesOf(text: string): 'mixed' | 'one' {
  if (text === 'mixed' || text === 'one') return text;
  throw new Error(unexpected('sources', text, ['mixed', 'one']));
}

function numberOf(values: Values, option: keyof Values): number {
  const text = String(values[option]);
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new Error(`Cannot read --${option} "${text}": expected a number of at least 0`);
}

function unexpected(option: string, value: string, known: readonly string[]): string {
  return `Cannot read --${option} "${value}": expected one of ${known.map((one) => `"${one}"`).join(', ')}`;
}
