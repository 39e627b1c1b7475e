import type { Sampler } from '@opentelemetry/sdk-trace';
import type { Packages } from './packages.ts';

/** As OTEL_TRACES_SAMPLER names them (OpenTelemetry's "Environment Variable Specification", "General SDK Configuration"). */
export interface SamplerChoice {
  readonly root: 'always_on' | 'always_off' | 'traceidratio';
  /** The client's own decision wins. */
  readonly isParentBased: boolean;
  /** 0 to 1, of `traceidratio`. */
  readonly ratio: number;
}

export function samplerOf({ root, isParentBased, ratio }: SamplerChoice, { sdk }: Packages): Sampler {
  const chosen = rootSampler(root, ratio, sdk);
  return isParentBased ? new sdk.ParentBasedSampler({ root: chosen }) : chosen;
}

function rootSampler(root: SamplerChoice['root'], ratio: number, sdk: Packages['sdk']): Sampler {
  switch (root) {
    case 'always_on':
      return new sdk.AlwaysOnSampler();
    case 'always_off':
      return new sdk.AlwaysOffSampler();
    case 'traceidratio':
      return new sdk.TraceIdRatioBasedSampler(ratio);
  }
}
