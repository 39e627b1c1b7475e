import type { ModelFileFacts } from '../ports/modelFile.ts';
import type { GgufMetadata } from './ggufHeader.ts';
import { computeBytes, kvBytesPerToken, layersOf } from './ggufMemory.ts';

/** What a GGUF header says of its file, wherever that lies. */
export type GgufFacts = Pick<
  ModelFileFacts,
  'kind' | 'architecture' | 'trainedContextTokens' | 'layers' | 'kvBytesPerToken' | 'computeBytes'
>;

/** Throws an Error that says what is missing. */
export function ggufFacts(metadata: GgufMetadata): GgufFacts {
  const type = metadata.get('general.type') ?? 'model';
  if (type !== 'model' && type !== 'adapter') {
    throw new Error(`expected a model or an adapter, got general.type ${JSON.stringify(type)}`);
  }
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string' || architecture === '') {
    throw new Error('it names no general.architecture');
  }
  const trained = Number(metadata.get(`${architecture}.context_length`) ?? 0);
  return {
    kind: type,
    architecture,
    trainedContextTokens: type === 'model' && Number.isSafeInteger(trained) && trained > 0 ? trained : 0,
    layers: type === 'model' ? layersOf(metadata, architecture) : 0,
    kvBytesPerToken: type === 'model' ? kvBytesPerToken(metadata, architecture) : 0,
    computeBytes: type === 'model' ? computeBytes(metadata, architecture) : 0,
  };
}
