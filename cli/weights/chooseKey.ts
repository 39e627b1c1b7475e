import { dirname, join, resolve } from 'node:path';
import { readConfigFile } from '../../gateway/catalogue/configFile.ts';
import { PACKAGE_ROOT } from '../../gateway/config.ts';
import type { KeyResult } from '../../gateway/encryption/keyFailure.ts';
import { keyOfFile, resolveKey } from '../../gateway/encryption/resolveKey.ts';
import type { WeightKey } from '../../gateway/encryption/weightKey.ts';
import { CommandFailure } from './commandFailure.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface KeyOptions {
  /** A name of `encryption_keys`; beside `keyFile` only what a container says. */
  readonly key?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface ChosenKey {
  readonly key: WeightKey;
  /** Empty when none was given. */
  readonly name: string;
}

/** The keys of one command, each read once, however many files there are: a command may be slow, or ask somebody. */
export class KeyRing {
  readonly #environment: Environment;
  readonly #keys = new Map<string, WeightKey>();

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** From its file or by the configuration (HEARTH_CONFIG). The ring keeps it. Throws a CommandFailure. */
  async choose({ key: name, keyFile }: KeyOptions): Promise<ChosenKey> {
    if (keyFile === undefined && name === undefined)
      throw new CommandFailure('Cannot choose a key: expected --key or --key-file against neither');
    const source = keyFile === undefined ? `name ${name}` : `file ${keyFile}`;
    const key = this.#keys.get(source) ?? (await this.#read(name ?? '', keyFile));
    this.#keys.set(source, key);
    return { key, name: name ?? '' };
  }

  /** To be called at the end, whatever it was. */
  wipe(): void {
    for (const key of this.#keys.values()) key.wipe();
    this.#keys.clear();
  }

  async #read(name: string, keyFile: string | undefined): Promise<WeightKey> {
    if (keyFile === undefined) return configuredKey(name, this.#environment);
    return unwrap(await keyOfFile(keyFile));
  }
}

async function configuredKey(name: string, environment: Environment): Promise<WeightKey> {
  const path = resolve(environment['HEARTH_CONFIG'] || join(PACKAGE_ROOT, 'demo/hearth.yaml'));
  const document = await readConfigFile(path);
  if (!document.ok) throw new CommandFailure(document.error.message);
  const sources = document.value.config.encryption_keys;
  return unwrap(await resolveKey(name, sources, { environment, directory: dirname(path) }));
}

function unwrap(result: KeyResult): WeightKey {
  if (!result.ok) throw new CommandFailure(result.error.message);
  return result.value;
}
