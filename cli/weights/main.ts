/** `hearth encrypt`, `decrypt` and `keygen`: bundled to dist/weights.mjs, called by cli/program.mjs. */
import type { CryptAddon } from '../../native/cryptTypes.ts';
import { type ChosenKey, type Environment, type KeyOptions, KeyRing } from './chooseKey.ts';
import { CommandFailure } from './commandFailure.ts';
import { type Conversion, convert } from './convert.ts';
import { keygen, newKeyText } from './keygen.ts';
import type { Direction } from './plan.ts';
import type { Terminal } from './progressLine.ts';

/** What a signal ends the command with, as shells have it. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

interface Surroundings {
  readonly environment: Environment;
  readonly terminal: Terminal;
}

interface ConvertOptions extends KeyOptions {
  readonly threads?: string | undefined;
}

/** Returns the line to print. Throws what launch() tells by its message and its exit code. */
export async function runConvert(
  direction: Direction,
  input: string,
  output: string,
  options: ConvertOptions,
  { environment, terminal }: Surroundings,
): Promise<string> {
  const threads = readThreads(options.threads);
  const keys = new KeyRing(environment);
  const keyFor: Conversion['keyFor'] =
    direction === 'encrypt'
      ? () => keys.choose(options)
      : (addon, container) => keyToOpen(addon, container, options, keys);
  try {
    return await untilSignalled((signal) =>
      convert({ direction, input, output, threads, keyFor, terminal, signal }),
    );
  } finally {
    keys.wipe();
  }
}

/** To standard output for "-": into a vault by a pipe, never onto a terminal by default. */
export async function runKeygen(output: string): Promise<string> {
  return output === '-' ? newKeyText().trimEnd() : keygen(output);
}

/** What the container names, unless the options do. */
async function keyToOpen(
  addon: CryptAddon,
  container: string,
  options: KeyOptions,
  keys: KeyRing,
): Promise<ChosenKey> {
  if (options.key !== undefined || options.keyFile !== undefined) return keys.choose(options);
  const { keyName } = await addon.inspect(container);
  if (keyName !== '') return keys.choose({ key: keyName });
  throw new CommandFailure(
    `Cannot decrypt "${container}": it names no key, expected --key or --key-file against neither`,
  );
}

function readThreads(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const threads = Number(text);
  if (/^\d+$/.test(text) && threads >= 1 && threads <= 64) return threads;
  throw new CommandFailure(
    `Cannot use --threads "${text}": expected a whole number from 1 to 64 against that`,
  );
}

/** The first signal cancels and cleans up, a second one ends the process at once. */
async function untilSignalled<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: keyof typeof SIGNALS) => {
    if (controller.signal.aborted) process.exit(SIGNALS[name]);
    controller.abort(new CommandFailure(`Cannot go on: ${name} came, nothing is left behind`, SIGNALS[name]));
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
