import { readGguf } from '../../gateway/catalogue/ggufHeader.ts';
import { modelBytes, vocabularyBytes } from '../catalogue/ggufBytes.ts';
import { baseBytes, TINY_MODELS, type TinyModel } from '../catalogue/peft/tinyModels.ts';
import { rethrowUnlessExpected } from './target.ts';

export const words = ['GGUF', 'general.architecture', 'general.alignment', 'llama', '\b\0\0\0', '\x09\0\0\0'];

export function seeds(): Buffer[] {
  const base = baseBytes(TINY_MODELS[0] as TinyModel);
  // Its data are noughts, which are nothing to learn from.
  return [modelBytes(), vocabularyBytes(3), base.subarray(0, 2048)];
}

/** Every tensor begins inside the file, and no name comes twice. */
export async function fuzz(bytes: Buffer): Promise<void> {
  const file = {
    async read(target: Buffer, position: number) {
      return bytes.copy(target, 0, position);
    },
  };
  try {
    const { tensors } = await readGguf(file, bytes.length);
    for (const { name, offsetBytes } of tensors) {
      if (!(offsetBytes <= bytes.length)) throw new TypeError(`tensor "${name}" begins at ${offsetBytes}`);
    }
    if (new Set(tensors.map(({ name }) => name)).size !== tensors.length) throw new TypeError('a name twice');
  } catch (error) {
    rethrowUnlessExpected(error);
  }
}
