import { parseAdapterConfig } from '../../gateway/catalogue/peft/adapterConfig.ts';
import { layOutAdapter } from '../../gateway/catalogue/peft/ggufAdapter.ts';
import { planLora } from '../../gateway/catalogue/peft/loraPlan.ts';
import { parseSafetensors } from '../../gateway/catalogue/peft/safetensorsHeader.ts';
import {
  CONFIG,
  HEADS,
  KV_HEADS,
  peftTensors,
  safetensorsBytes,
  safetensorsOf,
  TINY_MODELS,
  type TinyModel,
} from '../catalogue/peft/tinyModels.ts';
import { rethrowUnlessExpected } from './target.ts';

const LLAMA = TINY_MODELS[0] as TinyModel;
const PLANNED = parseAdapterConfig(JSON.stringify(CONFIG));
const BASE = {
  architecture: 'llama',
  blockCount: 2,
  headCount: HEADS,
  kvHeadCount: KV_HEADS,
  shapes: new Map(
    [0, 1].flatMap((layer) =>
      LLAMA.modules.map(
        ([, tensor, [rows, columns]]) => [`blk.${layer}.${tensor}.weight`, [columns, rows]] as const,
      ),
    ),
  ),
};

export const words = [
  ...[
    '"dtype":',
    '"shape":',
    '"data_offsets":',
    '"__metadata__":',
    '"F32"',
    '"BF16"',
    '[0,8]',
    '{}',
    '\\u0041',
  ],
  ...['.lora_A.weight', '.lora_B.weight', 'model.layers.1.', 'mlp.up_proj', '9007199254740992'],
];

export function seeds(): Buffer[] {
  const pair = peftTensors(LLAMA).slice(0, 2);
  return [safetensorsBytes(pair), safetensorsOf('{"__metadata__":{"format":"pt"}}'), safetensorsOf('{}  ')];
}

/** Tensors fill the file without gap or overlap; what can be planned can be laid out. */
export function fuzz(bytes: Buffer): void {
  try {
    const entries = parseSafetensors(bytes);
    let end = bytes.length - entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const inOrder = [...entries].sort((a, b) => a.offsetBytes - b.offsetBytes || a.sizeBytes - b.sizeBytes);
    for (const { name, offsetBytes, sizeBytes } of inOrder) {
      if (offsetBytes !== end) throw new TypeError(`tensor "${name}" begins at ${offsetBytes}, not ${end}`);
      end += sizeBytes;
    }
    const matrices = entries.map((entry) => ({ ...entry, file: 0 }));
    const plan = planLora(PLANNED, matrices, BASE);
    const { head, offsetsBytes, totalBytes } = layOutAdapter(plan);
    if (offsetsBytes.some((offset) => offset < head.length || offset > totalBytes)) {
      throw new TypeError('a tensor outside of its file');
    }
  } catch (error) {
    rethrowUnlessExpected(error);
  }
}
