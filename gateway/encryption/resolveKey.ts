import { resolve } from 'node:path';
import { ok } from '../domain/errors.ts';
import type { KeySource, KeySources } from '../domain/keySource.ts';
import { type Environment, runKeyCommand } from './keyCommand.ts';
import { type KeyResult, keyFailure } from './keyFailure.ts';
import { readKeyFile } from './keyFile.ts';
import { parseWeightKey } from './weightKey.ts';

export interface KeySurroundings {
  readonly environment: Environment;
  /** Where relative paths start and commands run: the configuration file's folder. */
  readonly directory: string;
}

/** The master key of a name, read from its source each time: a new key in a file is used from the next model on. */
export async function resolveKey(
  name: string,
  sources: KeySources,
  surroundings: KeySurroundings,
): Promise<KeyResult> {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (source === undefined) {
    const known = Object.keys(sources).map((each) => `"${each}"`);
    const expected =
      known.length === 0 ? 'a configuration with encryption_keys' : `one of ${known.join(', ')}`;
    return keyFailure('key_not_configured', `Cannot use encryption key "${name}": expected ${expected}`);
  }
  const read = await readSource(source, surroundings);
  if (!read.ok) return read;
  const key = parseWeightKey(read.value);
  const { length } = read.value;
  read.value.fill(0);
  if (key !== null) return ok(key);
  return malformed(`encryption key "${name}" of ${describe(source)}`, length);
}

/** The key of a file that the command line names. */
export async function keyOfFile(path: string): Promise<KeyResult> {
  const read = await readKeyFile(path);
  if (!read.ok) return read;
  const key = parseWeightKey(read.value);
  const { length } = read.value;
  read.value.fill(0);
  return key === null ? malformed(`key file "${path}"`, length) : ok(key);
}

function readSource(source: KeySource, { environment, directory }: KeySurroundings) {
  switch (source.kind) {
    case 'file':
      return readKeyFile(resolve(directory, source.path));
    case 'env':
      return readVariable(source.variable, environment);
    case 'command':
      return runKeyCommand(source, environment, directory);
  }
}

function readVariable(variable: string, environment: Environment): KeyResult<Uint8Array> {
  const text = environment[variable];
  if (text === undefined || text === '') {
    return keyFailure('key_unavailable', `Cannot read environment variable "${variable}": it is not set`);
  }
  return ok(Buffer.from(text));
}

function describe(source: KeySource): string {
  switch (source.kind) {
    case 'file':
      return `file "${source.path}"`;
    case 'env':
      return `environment variable "${source.variable}"`;
    case 'command':
      return `command "${source.command[0]}"`;
  }
}

function malformed(what: string, bytes: number) {
  return keyFailure(
    'key_malformed',
    `Cannot use ${what}: expected 32 bytes, 64 hexadecimal digits or base64 of 32 bytes against ${bytes} bytes`,
  );
}
