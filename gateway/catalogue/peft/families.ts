/** How one architecture of llama.cpp names the weights that a LoRA of its Hugging Face model may be for. */
export interface Family {
  /** From the module inside a layer to the tensor inside a block (gguf-py/gguf/tensor_mapping.py). */
  readonly tensors: ReadonlyMap<string, string>;
  /**
   * Tensors whose rows llama.cpp keeps in another order, with the metadata key of their count of heads: Hugging Face
   * turns the halves of a head against each other, these architectures neighbouring rows (conversion/llama.py, permute).
   */
  readonly permuted: ReadonlyMap<string, 'head_count' | 'head_count_kv'>;
}

const SEPARATE = new Map([
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
]);

/** Gate and up are one matrix, gate first, in both worlds. */
const FUSED = new Map([
  ['self_attn.qkv_proj', 'attn_qkv'],
  ['self_attn.o_proj', 'attn_output'],
  ['mlp.gate_up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
]);

const TURNED: Family = {
  tensors: SEPARATE,
  permuted: new Map([
    ['attn_q', 'head_count'],
    ['attn_k', 'head_count_kv'],
  ]),
};
const PLAIN: Family = { tensors: SEPARATE, permuted: new Map() };

/** By `general.architecture`. Mistral models are `llama` there, the newest `mistral3`. */
export const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ['llama', TURNED],
  ['mistral3', TURNED],
  ['qwen2', PLAIN],
  ['qwen3', PLAIN],
  ['gemma', PLAIN],
  ['gemma2', PLAIN],
  ['gemma3', PLAIN],
  ['phi3', { tensors: FUSED, permuted: new Map() }],
]);
