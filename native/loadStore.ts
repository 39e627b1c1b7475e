/** Loads the weight store's addon. It needs no llama library: OpenSSL is Node's own. */
import { createRequire } from 'node:module';
import { builtBinary } from './load.ts';
import { STORE_ADDON_VERSION, type StoreAddon } from './storeTypes.ts';

/** Throws when it is not built, or built from other sources. */
export function loadStoreAddon(): StoreAddon {
  const addon = createRequire(import.meta.url)(builtBinary('hearth_store.node')) as StoreAddon;
  if (addon.addonVersion !== STORE_ADDON_VERSION) {
    throw new Error(
      `Cannot load "hearth_store.node": expected version ${STORE_ADDON_VERSION}, got ${addon.addonVersion}, build it again`,
    );
  }
  return addon;
}
