import { parseAdapterConfig } from '../../gateway/catalogue/peft/adapterConfig.ts';
import { CONFIG } from '../catalogue/peft/tinyModels.ts';
import { rethrowUnlessExpected } from './target.ts';

export const words = [
  ...['"rank_pattern":', '"alpha_pattern":', '"use_rslora":', '"use_', '"init_lora_weights":', '"LORA"'],
  ...['"lora_alpha":', '"r":', '"bias":', 'true', 'null', '1e308', '{}', '[]', '(?:', '.*'],
];

export function seeds(): Buffer[] {
  const patterns = { rank_pattern: { 'q_proj|k_proj': 4 }, alpha_pattern: { '^model.layers.0': 2.5 } };
  const off = {
    use_rslora: true,
    modules_to_save: null,
    init_lora_weights: 'gaussian',
    layer_replication: [],
  };
  return [CONFIG, { ...CONFIG, ...patterns }, { ...CONFIG, ...off }].map((config) =>
    Buffer.from(JSON.stringify(config)),
  );
}

/** What is taken has a rank and an alpha that a file can hold. */
export function fuzz(bytes: Buffer): void {
  try {
    const { rank, alpha, rankPatterns, alphaPatterns } = parseAdapterConfig(bytes.toString('utf8'));
    const ranks = [rank, ...rankPatterns.map(({ value }) => value)];
    const alphas = [alpha, ...alphaPatterns.map(({ value }) => value)];
    if (!ranks.every((value) => Number.isInteger(value) && value > 0))
      throw new TypeError(`ranks ${ranks.join()}`);
    if (!alphas.every((value) => Math.fround(value) > 0 && Number.isFinite(Math.fround(value)))) {
      throw new TypeError(`alphas ${alphas.join()}`);
    }
  } catch (error) {
    rethrowUnlessExpected(error);
  }
}
