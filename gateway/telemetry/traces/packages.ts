/**
 * OpenTelemetry's packages, loaded when traces are exported and not before: whoever exports none pays neither the time nor the
 * memory for them. (The bundler leaves these imports where they are.)
 */
export async function loadPackages() {
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  return { api, sdk, resources, OTLPTraceExporter };
}

export type Packages = Awaited<ReturnType<typeof loadPackages>>;
