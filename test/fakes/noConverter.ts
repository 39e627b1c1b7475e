import { ok } from '../../gateway/domain/errors.ts';
import type { AdapterConverter } from '../../gateway/ports/adapterConverter.ts';

/** For catalogues without PEFT directories. */
export const NO_CONVERTER: AdapterConverter = {
  convert: async () => ok(null),
  removeUnused: async () => {},
};
