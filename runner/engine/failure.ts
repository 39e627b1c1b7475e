import type { NativeError } from '../../native/addonTypes.ts';
import { EngineError } from './engine.ts';

/** Whether the same order would fail again. */
const PERMANENT: Record<NativeError['code'], boolean> = {
  model_load_failed: true,
  adapter_load_failed: true,
  adapter_mismatch: true,
  out_of_memory: false,
  context_failed: false,
  context_shared: false,
  context_length_exceeded: true,
  combo_not_attached: false,
  combo_busy: false,
  invalid_argument: true,
  closed: false,
};

function isNativeCode(code: unknown): code is NativeError['code'] {
  return typeof code === 'string' && Object.hasOwn(PERMANENT, code);
}

/** An error of the addon as the engine tells it; one without a known code is the engine's own failure. */
export function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const message = error instanceof Error ? error.message : 'Engine failed without a reason';
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const failure = isNativeCode(code)
    ? { code, message, permanent: PERMANENT[code] }
    : { code: 'engine_failed', message, permanent: false };
  return new EngineError(failure, { cause: error });
}
