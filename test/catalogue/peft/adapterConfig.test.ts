import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAdapterConfig, patternValue } from '../../../gateway/catalogue/peft/adapterConfig.ts';

const GOOD = { peft_type: 'LORA', r: 8, lora_alpha: 16 };
const parse = (changes: object) => parseAdapterConfig(JSON.stringify({ ...GOOD, ...changes }));

test('parseAdapterConfig() reads what PEFT wrote', () => {
  const path = join(import.meta.dirname, '../../fixtures/lora-pirate-peft/adapter_config.json');
  expect(parseAdapterConfig(readFileSync(path, 'utf8'))).toEqual({
    rank: 8,
    alpha: 16,
    rankPatterns: [],
    alphaPatterns: [],
    isRankStabilised: false,
  });
});

describe('parseAdapterConfig() refuses by name', () => {
  test.each([
    [{ use_dora: true }, 'expected no DoRA in adapter_config.json, got use_dora true'],
    [{ modules_to_save: ['lm_head'] }, 'got modules_to_save ["lm_head"]'],
    [{ bias: 'lora_only' }, 'expected no trained biases in adapter_config.json, got bias "lora_only"'],
    [{ lora_bias: true }, 'got lora_bias true'],
    [{ fan_in_fan_out: true }, 'got fan_in_fan_out true'],
    [{ trainable_token_indices: [1] }, 'got trainable_token_indices [1]'],
    [{ target_parameters: ['experts'] }, 'got target_parameters ["experts"]'],
    [{ layer_replication: [[0, 4]] }, 'got layer_replication [[0,4]]'],
    [{ alora_invocation_tokens: [1, 2] }, 'got alora_invocation_tokens [1,2]'],
    [{ init_lora_weights: 'pissa' }, 'got init_lora_weights "pissa"'],
    [
      { use_qalora: true },
      'expected no use_qalora in adapter_config.json, which is not known here, got true',
    ],
    [{ use_something_new: { deep: 1 } }, 'expected no use_something_new in adapter_config.json'],
    [{ peft_type: 'IA3' }, 'adapter_config.json: peft_type: '],
    [{ r: 0 }, 'adapter_config.json: r: '],
    [{ r: 1.5 }, 'adapter_config.json: r: '],
    [{ lora_alpha: 0 }, 'adapter_config.json: lora_alpha: '],
    [{ lora_alpha: '16' }, 'adapter_config.json: lora_alpha: '],
    [{ alpha_pattern: { q_proj: -1 } }, 'adapter_config.json: alpha_pattern.q_proj: '],
    [{ rank_pattern: { 'q_proj(': 4 } }, 'a pattern of names in rank_pattern, got "q_proj("'],
    [{ rank_pattern: { ['q'.repeat(600)]: 4 } }, 'expected keys of rank_pattern of at most 512 characters'],
    [{ use_rslora: 'yes' }, 'adapter_config.json: use_rslora: '],
  ])('%j', (changes, reason) => {
    expect(() => parse(changes)).toThrow(reason);
  });

  test.each([
    ['{"lora_alpha": NaN}', 'adapter_config.json is no JSON: '],
    ['', 'adapter_config.json is no JSON: '],
    ['[]', 'adapter_config.json: expected an object'],
    ['null', 'adapter_config.json: expected an object'],
    ['['.repeat(200_000), 'adapter_config.json is no JSON: '],
  ])('the text %j', (text, reason) => {
    expect(() => parseAdapterConfig(text)).toThrow(reason);
  });
});

test('parseAdapterConfig() takes what is off, and initialisations that leave the base as it is', () => {
  const off = {
    use_dora: null,
    modules_to_save: [],
    layer_replication: null,
    use_qalora: false,
    bias: 'none',
  };
  for (const init_lora_weights of [true, false, 'gaussian', 'eva']) {
    expect(parse({ ...off, init_lora_weights }).rank).toBe(8);
  }
});

test('patternValue() matches whole names or their ends after a dot, as PEFT does', () => {
  const { rankPatterns } = parse({ rank_pattern: { q_proj: 2, 'layers.1.mlp': 3, '^top': 4, 'a|b': 5 } });
  const value = (module: string) => patternValue(rankPatterns, module, 8);
  expect(value('model.layers.0.self_attn.q_proj')).toBe(2);
  expect(value('q_proj')).toBe(2);
  expect(value('model.layers.0.self_attn.xq_proj')).toBe(8);
  expect(value('model.layers.1.mlp')).toBe(3);
  expect(value('model.layers.1.mlp.up_proj')).toBe(8);
  expect(value('top')).toBe(4);
  expect(value('model.top')).toBe(8);
  expect(value('x.a')).toBe(5);
  expect(value('x.b')).toBe(5);
});

test('parseAdapterConfig() of any JSON gives a configuration or an Error of its own', () => {
  const key = fc.constantFrom(
    'peft_type',
    'r',
    'lora_alpha',
    'rank_pattern',
    'alpha_pattern',
    'use_rslora',
    'bias',
  );
  const value = fc.oneof(fc.constantFrom('LORA', 8, 16, true, null), fc.jsonValue());
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        fc.dictionary(key, value).map((object) => JSON.stringify(object)),
      ),
      (text) => {
        try {
          expect(parseAdapterConfig(text).rank).toBeGreaterThan(0);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
        }
      },
    ),
  );
});
