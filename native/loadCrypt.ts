/** Loads the addon of encrypted weights. It needs no llama library: OpenSSL is Node's own. */
import { createRequire } from 'node:module';
import { CRYPT_ADDON_VERSION, type CryptAddon } from './cryptTypes.ts';
import { builtBinary } from './load.ts';

/** Throws when it is not built, or built from other sources. */
export function loadCryptAddon(): CryptAddon {
  const addon = createRequire(import.meta.url)(builtBinary('hearth_crypt.node')) as CryptAddon;
  if (addon.addonVersion !== CRYPT_ADDON_VERSION) {
    throw new Error(
      `Cannot load "hearth_crypt.node": expected version ${CRYPT_ADDON_VERSION}, got ${addon.addonVersion}, build it again`,
    );
  }
  return addon;
}
