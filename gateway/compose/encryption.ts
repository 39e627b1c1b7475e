import { readConfigFile } from '../catalogue/configFile.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { Environment } from '../encryption/keyCommand.ts';
import { judgePlaintextPlace } from '../encryption/plaintextPlace.ts';
import { resolveKey } from '../encryption/resolveKey.ts';
import { SealedReader } from '../encryption/sealedReader.ts';
import { readPlaintextFacts } from '../encryption/swapFacts.ts';
import type { WeightKey } from '../encryption/weightKey.ts';
import type { SealedFiles } from '../ports/readableFile.ts';
import type { SealedWeights } from '../ports/sealedWeights.ts';

/** Keys by the configuration as it is when one is needed: what is rotated there is used from then on. */
export class ConfiguredKeys implements SealedFiles {
  readonly #configPath: string;
  readonly #environment: Environment;

  constructor(configPath: string, environment: Environment) {
    this.#configPath = configPath;
    this.#environment = environment;
  }

  open(...[file, fileBytes]: Parameters<SealedFiles['open']>): ReturnType<SealedFiles['open']> {
    return SealedReader.open(file, fileBytes, async (name) => {
      const key = await this.#keyOf(name);
      if (!key.ok) throw new Error(key.error.message);
      return key.value;
    });
  }

  /** For the store in this folder. */
  forStore(root: string): SealedWeights {
    return {
      keyOf: async (name) => {
        const key = await this.#keyOf(name);
        if (!key.ok) return key;
        const bytes = key.value.use((secret) => Buffer.from(secret));
        key.value.wipe();
        return ok(bytes);
      },
      judgePlace: async () => {
        const document = await readConfigFile(this.#configPath);
        const allowSwap = document.ok && document.value.config.weights.allowSwap;
        return judgePlaintextPlace(await readPlaintextFacts(root), allowSwap);
      },
    };
  }

  async #keyOf(name: string): Promise<Result<WeightKey, { readonly message: string }>> {
    if (name === '')
      return fail('invalid_request', 'Cannot choose an encryption key: expected a container that names it');
    const document = await readConfigFile(this.#configPath);
    if (!document.ok) return document;
    const { config, directory } = document.value;
    return resolveKey(name, config.encryption_keys, { environment: this.#environment, directory });
  }
}
