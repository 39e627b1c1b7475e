import { describe, expect, test } from 'vitest';
import { parseAdapterConfig } from '../../../gateway/catalogue/peft/adapterConfig.ts';
import { type BaseWeights, type LoraPlan, planLora } from '../../../gateway/catalogue/peft/loraPlan.ts';
import { parseSafetensors } from '../../../gateway/catalogue/peft/safetensorsHeader.ts';
import {
  CONFIG,
  HEADS,
  KV_HEADS,
  LAYERS,
  type PeftTensor,
  peftTensors,
  RANK,
  safetensorsBytes,
  TINY_MODELS,
  type TinyModel,
} from './tinyModels.ts';

const [LLAMA] = TINY_MODELS as readonly [TinyModel];
const Q = 'base_model.model.model.layers.0.self_attn.q_proj';

function baseOf({ architecture, modules }: TinyModel): BaseWeights {
  const shapes = new Map<string, readonly number[]>();
  for (let layer = 0; layer < LAYERS; layer++) {
    for (const [, tensor, [rows, columns]] of modules)
      shapes.set(`blk.${layer}.${tensor}.weight`, [columns, rows]);
  }
  return { architecture, blockCount: LAYERS, headCount: HEADS, kvHeadCount: KV_HEADS, shapes };
}

interface Changes {
  readonly tiny?: TinyModel;
  readonly config?: object;
  readonly base?: Partial<BaseWeights>;
  readonly tensors?: (tensors: PeftTensor[]) => PeftTensor[];
  readonly rankOf?: (module: string) => number;
}

function plan({ tiny = LLAMA, config = {}, base = {}, tensors = (all) => all, rankOf }: Changes): LoraPlan {
  const bytes = safetensorsBytes(tensors(peftTensors(tiny, rankOf)));
  const matrices = parseSafetensors(bytes).map((entry) => ({ ...entry, file: 0 }));
  const parsed = parseAdapterConfig(JSON.stringify({ ...CONFIG, ...config }));
  return planLora(parsed, matrices, { ...baseOf(tiny), ...base });
}

/** alpha / rank as llama.cpp computes it, times what lora_B is multiplied by: what the module's output is scaled by. */
function scaleOf({ alpha, tensors }: LoraPlan, tensor: string): number {
  const b = tensors.find(({ name }) => name === `${tensor}.weight.lora_b`);
  return b ? (alpha / b.columns) * b.factor : Number.NaN;
}

const renamed = (from: string, to: string) => (tensors: PeftTensor[]) =>
  tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace(from, to) }));

describe('planLora() scales each module', () => {
  test('by alpha / rank, with nothing multiplied', () => {
    const made = plan({});
    expect(scaleOf(made, 'blk.0.attn_q')).toBe(8 / RANK);
    expect(made.tensors.every(({ factor }) => factor === 1)).toBe(true);
  });

  test('by alpha / sqrt(rank) with rslora, with nothing multiplied', () => {
    const made = plan({ config: { use_rslora: true } });
    expect(scaleOf(made, 'blk.0.attn_q')).toBe(8 / Math.sqrt(RANK));
    expect(made.tensors.every(({ factor }) => factor === 1)).toBe(true);
  });

  test('by its own rank where rank_pattern has one', () => {
    const rankOf = (module: string) => (module === 'mlp.down_proj' ? 16 : RANK);
    const made = plan({ rankOf, config: { rank_pattern: { down_proj: 16 } } });
    expect(scaleOf(made, 'blk.1.ffn_down')).toBe(8 / 16);
    expect(scaleOf(made, 'blk.1.ffn_up')).toBe(8 / RANK);
  });

  test('by its own alpha where alpha_pattern has one, the first that matches', () => {
    const alpha_pattern = {
      'layers.1.self_attn.q_proj': 2,
      '.*\\.(q|k)_proj': 4,
      '^model.layers.0.mlp.up_proj': 16,
      proj: 1,
    };
    const made = plan({ config: { alpha_pattern } });
    expect(scaleOf(made, 'blk.1.attn_q')).toBeCloseTo(2 / RANK, 12);
    expect(scaleOf(made, 'blk.0.attn_q')).toBeCloseTo(4 / RANK, 12);
    expect(scaleOf(made, 'blk.1.attn_k')).toBeCloseTo(4 / RANK, 12);
    expect(scaleOf(made, 'blk.0.ffn_up')).toBeCloseTo(16 / RANK, 12);
    expect(scaleOf(made, 'blk.1.ffn_up')).toBe(8 / RANK);
  });

  test('by alpha / sqrt(rank) of each with rslora and both patterns', () => {
    const rankOf = (module: string) => (module === 'self_attn.v_proj' ? 9 : RANK);
    const config = { use_rslora: true, rank_pattern: { v_proj: 9 }, alpha_pattern: { v_proj: 6, o_proj: 3 } };
    const made = plan({ rankOf, config });
    expect(scaleOf(made, 'blk.0.attn_v')).toBeCloseTo(6 / 3, 12);
    expect(scaleOf(made, 'blk.0.attn_output')).toBeCloseTo(3 / 2, 12);
    expect(scaleOf(made, 'blk.0.attn_q')).toBeCloseTo(8 / 2, 12);
  });

  test('with the alpha of most of them in the file, so that the fewest are multiplied', () => {
    const made = plan({ config: { alpha_pattern: { '.*': 5 } } });
    expect(made.alpha).toBe(5);
    expect(made.tensors.every(({ factor }) => factor === 1)).toBe(true);
  });
});

describe('planLora() takes names', () => {
  test.each([
    ['of a bare model', 'base_model.model.layers.'],
    ['without PEFT’s prefix', 'model.layers.'],
    ['of a model that sees', 'base_model.model.model.language_model.layers.'],
    ['of an older model that sees', 'base_model.model.language_model.model.layers.'],
  ])('%s', (_, prefix) => {
    const made = plan({ tensors: renamed('base_model.model.model.layers.', prefix) });
    expect(made).toMatchObject({ architecture: 'llama', alpha: 8 });
    expect(made.tensors.map(({ name }) => name)).toEqual(plan({}).tensors.map(({ name }) => name));
  });
});

describe('planLora() refuses', () => {
  const refusals: [string, Changes, string][] = [
    ['a base of another architecture', { base: { architecture: 'mamba' } }, 'got architecture "mamba"'],
    ['no LoRA at all', { tensors: () => [] }, 'expected lora_A and lora_B weights, got none'],
    [
      'half of a pair',
      { tensors: (all) => all.slice(1) },
      'expected lora_A and lora_B of "model.layers.0.self_attn.q_proj", got one',
    ],
    [
      'a place that comes twice under two names',
      {
        tensors: ([a, ...rest]) =>
          a ? [a, { ...a, name: a.name.replace('model.model.', 'model.') }, ...rest] : rest,
      },
      'expected one lora_A of "layers.0.self_attn.q_proj", got two',
    ],
    [
      'a layer that the base does not have',
      { tensors: renamed('layers.1.', 'layers.2.') },
      'expected layers below 2, which the base has, got "model.layers.2.self_attn.q_proj"',
    ],
    [
      'a module that the base has fused',
      { base: { shapes: new Map() } },
      'cannot use module "model.layers.0.self_attn.q_proj": the base has no tensor "blk.0.attn_q.weight"',
    ],
    [
      'a module that is not known',
      { tensors: renamed('mlp.up_proj', 'mlp.experts.0.up_proj') },
      'cannot use module "mlp.experts.0.up_proj" of a base of architecture "llama": expected self_attn.q_proj',
    ],
    [
      'separate projections for a base that has them fused',
      { tiny: LLAMA, base: { architecture: 'phi3' } },
      'cannot use module "self_attn.q_proj" of a base of architecture "phi3": expected self_attn.qkv_proj',
    ],
    [
      'shapes of another base',
      { base: { shapes: new Map([...baseOf(LLAMA).shapes].map(([name]) => [name, [64, 48]])) } },
      'expected "model.layers.0.self_attn.q_proj" to go from 64 to 48 as in the base, got from 64 to 64',
    ],
    [
      'another rank than the configuration says',
      { config: { r: 8 } },
      'expected rank 8 of "model.layers.0.self_attn.q_proj", got shapes [4, 64] and [64, 4]',
    ],
    [
      'convolutions',
      { tensors: ([a, ...rest]) => (a ? [{ ...a, shape: [...a.shape, 1] }, ...rest] : rest) },
      'expected matrices of "model.layers.0.self_attn.q_proj", got shapes [4, 64, 1] and [64, 4]',
    ],
    [
      'numbers of another kind',
      {
        tensors: ([a, ...rest]) =>
          a ? [{ ...a, dtype: 'F64', bytes: Buffer.alloc(2 * a.bytes.length) }, ...rest] : rest,
      },
      `expected F32, F16, BF16 in tensor "${Q}.lora_A.weight", got "F64"`,
    ],
    [
      'a base whose heads nobody knows',
      { base: { headCount: undefined } },
      'has no llama.attention.head_count that is one number',
    ],
    [
      'a count of key heads that does not fit',
      { base: { kvHeadCount: undefined } },
      'expected head_count_kv 4 of the base to fit "model.layers.0.self_attn.k_proj", got 32 rows',
    ],
    ...(
      [
        ['model.embed_tokens.lora_embedding_A', 'LoRA of embeddings is not supported'],
        ['model.embed_tokens.weight', 'LoRA of embeddings is not supported'],
        ['lm_head.lora_A.weight', 'LoRA of the output layer (lm_head) is not supported'],
        ['model.layers.0.self_attn.q_proj.lora_magnitude_vector', 'DoRA is not supported'],
        ['model.layers.0.self_attn.q_proj.lora_B.bias', 'biases are not supported'],
        ['score.modules_to_save.weight', 'whole modules beside the LoRA are not supported'],
        [
          'model.vision_tower.encoder.layers.0.self_attn.q_proj.lora_A.weight',
          'LoRA of other than the language model',
        ],
        [
          'model.layers.0.self_attn.q_proj.lora_A.default.weight',
          'expected a name such as base_model.model.',
        ],
        ['model.layers.01.self_attn.q_proj.lora_A.weight', 'expected a name such as base_model.model.'],
        ['model.layers.0.input_layernorm.weight', 'expected lora_A and lora_B weights alone'],
      ] as const
    ).map(([name, reason]): [string, Changes, string] => [
      name,
      {
        tensors: (all) => [
          ...all,
          { name: `base_model.model.${name}`, dtype: 'F32', shape: [1], bytes: Buffer.alloc(4) },
        ],
      },
      `cannot use tensor "base_model.model.${name}": ${reason}`,
    ]),
  ];
  test.each(refusals)('%s', (_, changes, reason) => {
    expect(() => plan(changes)).toThrow(reason);
  });
});
