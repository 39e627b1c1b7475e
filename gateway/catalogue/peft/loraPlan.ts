import { type AdapterConfig, patternValue } from './adapterConfig.ts';
import { FAMILIES, type Family } from './families.ts';
import { ELEMENT_TYPES, type ElementType } from './halfFloats.ts';
import { quote } from './headerText.ts';
import { type LoraName, parseLoraName } from './loraNames.ts';

/** What of a base's file an adapter is held against. */
export interface BaseWeights {
  readonly architecture: string;
  readonly blockCount: number | undefined;
  readonly headCount: number | undefined;
  /** As many as heads unless the file says otherwise. */
  readonly kvHeadCount: number | undefined;
  /** By name, the fastest axis first. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** A matrix as it lies in one of the adapter's files. */
export interface SourceMatrix {
  readonly name: string;
  readonly file: number;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly offsetBytes: number;
}

/** One tensor of the file to be written, and what becomes of its numbers on the way. */
export interface PlannedTensor {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly file: number;
  readonly elements: ElementType;
  readonly offsetBytes: number;
  /** Every number is multiplied by it before it is rounded. */
  readonly factor: number;
  /** Rows of one head that change places; null: all stay. */
  readonly headRows: number | null;
}

export interface LoraPlan {
  readonly architecture: string;
  /** What llama.cpp divides by a matrix's rank and multiplies with. */
  readonly alpha: number;
  readonly tensors: readonly PlannedTensor[];
}

interface Pair {
  readonly name: LoraName;
  readonly a?: SourceMatrix;
  readonly b?: SourceMatrix;
}

interface Fitted extends LoraName {
  readonly a: SourceMatrix;
  readonly b: SourceMatrix;
  readonly rank: number;
  readonly tensor: string;
  readonly order: number;
  readonly headRows: number | null;
  /** alpha of this module, so that alpha / rank is its scale. */
  readonly alpha: number;
}

/**
 * What the GGUF adapter is made of, as llama.cpp's convert_lora_to_gguf.py makes it: names, places of rows, alpha. What
 * differs by module (alpha_pattern, rslora with several ranks) goes into lora_B, since a file has one alpha. Throws an
 * Error that says what does not fit or is not supported.
 */
export function planLora(
  config: AdapterConfig,
  matrices: readonly SourceMatrix[],
  base: BaseWeights,
): LoraPlan {
  const family = FAMILIES.get(base.architecture);
  if (!family) {
    throw new Error(
      `expected a base of ${[...FAMILIES.keys()].join(', ')}, got architecture ${quote(base.architecture)}`,
    );
  }
  const fitted = pairUp(matrices)
    .map((pair) => fit(pair, config, base, family))
    .sort((one, other) => one.layer - other.layer || one.order - other.order);
  if (fitted.length === 0) throw new Error('expected lora_A and lora_B weights, got none');
  const alpha = mostCommon(fitted.map((module) => module.alpha));
  return {
    architecture: base.architecture,
    alpha,
    tensors: fitted.flatMap((module) => tensorsOf(module, alpha)),
  };
}

function pairUp(matrices: readonly SourceMatrix[]): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const matrix of matrices) {
    const name = parseLoraName(matrix.name);
    const side = name.matrix === 'A' ? 'a' : 'b';
    // Not by the whole module's name: two spellings of one place are one too many.
    const place = `${name.layer}.${name.part}`;
    const pair = pairs.get(place);
    if (pair?.[side]) throw new Error(`expected one lora_${name.matrix} of ${quote(name.module)}, got two`);
    pairs.set(place, { name, ...pair, [side]: matrix });
  }
  return [...pairs.values()];
}

function fit(pair: Pair, config: AdapterConfig, base: BaseWeights, family: Family): Fitted {
  const { name, a, b } = pair;
  if (!a || !b) throw new Error(`expected lora_A and lora_B of ${quote(name.module)}, got one`);
  const order = [...family.tensors.keys()].indexOf(name.part);
  const block = family.tensors.get(name.part);
  if (block === undefined) {
    throw new Error(
      `cannot use module ${quote(name.part)} of a base of architecture ${quote(base.architecture)}: expected ${[...family.tensors.keys()].join(', ')}`,
    );
  }
  const rank = checkRank(name, a, b, config);
  const tensor = `blk.${name.layer}.${block}.weight`;
  checkShape(name, tensor, a, b, base);
  const alpha = patternValue(config.alphaPatterns, name.module, config.alpha);
  return {
    ...{ ...name, a, b, rank, tensor, order },
    headRows: headRowsOf(name, family, block, base),
    alpha: config.isRankStabilised ? alpha * Math.sqrt(rank) : alpha,
  };
}

function checkRank(name: LoraName, a: SourceMatrix, b: SourceMatrix, config: AdapterConfig): number {
  const rank = patternValue(config.rankPatterns, name.module, config.rank);
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    throw new Error(
      `expected matrices of ${quote(name.module)}, got shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`,
    );
  }
  if (rowsOf(a) !== rank || b.shape[1] !== rank) {
    throw new Error(
      `expected rank ${rank} of ${quote(name.module)}, got shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`,
    );
  }
  return rank;
}

function checkShape(
  name: LoraName,
  tensor: string,
  a: SourceMatrix,
  b: SourceMatrix,
  base: BaseWeights,
): void {
  const shape = base.shapes.get(tensor);
  if (!shape) {
    throw new Error(
      base.blockCount !== undefined && name.layer >= base.blockCount
        ? `expected layers below ${base.blockCount}, which the base has, got ${quote(name.module)}`
        : `cannot use module ${quote(name.module)}: the base has no tensor "${tensor}"`,
    );
  }
  const [columns, rows] = shape;
  if (shape.length !== 2 || a.shape[1] !== columns || rowsOf(b) !== rows) {
    throw new Error(
      `expected ${quote(name.module)} to go from ${columns} to ${rows} as in the base, got from ${a.shape[1]} to ${rowsOf(b)}`,
    );
  }
}

/** Queries and keys have heads of one length, which catches a file that gives a count for each layer. */
function headRowsOf(name: LoraName, family: Family, block: string, base: BaseWeights): number | null {
  const heads = family.permuted.get(block);
  if (heads === undefined) return null;
  const count = heads === 'head_count_kv' ? (base.kvHeadCount ?? base.headCount) : base.headCount;
  if (!count || !base.headCount) {
    throw new Error(`the base's file has no ${base.architecture}.attention.${heads} that is one number`);
  }
  const rowsIn = (tensor: string) => base.shapes.get(`blk.${name.layer}.${tensor}.weight`)?.[1] ?? 0;
  const headRows = rowsIn(block) / count;
  if (!Number.isInteger(headRows / 2) || headRows !== rowsIn('attn_q') / base.headCount) {
    throw new Error(
      `expected ${heads} ${count} of the base to fit ${quote(name.module)}, got ${rowsIn(block)} rows`,
    );
  }
  return headRows;
}

function tensorsOf(module: Fitted, alpha: number): PlannedTensor[] {
  const { a, b, tensor, headRows } = module;
  return [
    { ...placeOf(a), name: `${tensor}.lora_a`, factor: 1, headRows: null },
    { ...placeOf(b), name: `${tensor}.lora_b`, factor: module.alpha / alpha, headRows },
  ];
}

function placeOf(matrix: SourceMatrix) {
  const { name, file, offsetBytes, dtype, shape } = matrix;
  const elements = ELEMENT_TYPES.get(dtype);
  if (!elements) {
    throw new Error(
      `expected ${[...ELEMENT_TYPES.keys()].join(', ')} in tensor ${quote(name)}, got ${quote(dtype)}`,
    );
  }
  return { rows: rowsOf(matrix), columns: shape[1] ?? 0, file, elements, offsetBytes };
}

function rowsOf({ shape }: SourceMatrix): number {
  return shape[0] ?? 0;
}

/** The first of those that come most often: the fewest matrices are multiplied, in the usual case none. */
function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
