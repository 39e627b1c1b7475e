import { quote } from './headerText.ts';

/** Which matrix of which module a tensor of a PEFT file is. */
export interface LoraName {
  /** As PEFT's patterns see it: `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly layer: number;
  /** Inside its layer: `self_attn.q_proj`. */
  readonly part: string;
  readonly matrix: 'A' | 'B';
}

/**
 * The language model may be the whole model, a part of one that sees (two spellings, by the version of transformers),
 * or a bare one without a head.
 */
const LORA =
  /^(?:base_model\.model\.)?((?:model\.language_model\.|language_model\.model\.|model\.)?layers\.(0|[1-9]\d{0,5})\.([\w.]+))\.lora_([AB])\.weight$/;

/** What a tensor is that this is not for, the first that fits. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/\.lora_magnitude_vector/, 'DoRA is not supported'],
  [/lora_embedding_[AB]|embed_tokens|wte\b/, 'LoRA of embeddings is not supported'],
  [/lm_head/, 'LoRA of the output layer (lm_head) is not supported'],
  [/modules_to_save/, 'whole modules beside the LoRA are not supported'],
  [/lora_[AB]\.bias|\.bias$/, 'biases are not supported'],
  [/vision|visual|audio|multi_modal|mm_projector/, 'LoRA of other than the language model is not supported'],
  [/lora_[AB]\./, 'expected a name such as base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'],
];

/** Throws an Error that names the tensor and why there is no place for it. */
export function parseLoraName(name: string): LoraName {
  const [, module, layer, part, matrix] = LORA.exec(name) ?? [];
  if (module !== undefined && part !== undefined && (matrix === 'A' || matrix === 'B')) {
    return { module, layer: Number(layer), part, matrix };
  }
  const reason = OTHERS.find(([form]) => form.test(name))?.[1] ?? 'expected lora_A and lora_B weights alone';
  throw new Error(`cannot use tensor ${quote(name)}: ${reason}`);
}
