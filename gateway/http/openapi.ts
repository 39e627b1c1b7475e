import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { ADMIN_ROUTES } from './admin/routes.ts';
import { errorEnvelopeSchema } from './envelopeSchema.ts';
import { chatSchema } from './openai/chatSchema.ts';
import { completionSchema } from './openai/completionSchema.ts';
import { embeddingSchema } from './openai/embeddingSchema.ts';
import { modelCardSchema } from './openai/models.ts';

const json = (schema: z.ZodType) => ({ 'application/json': { schema } });
const refused = { description: 'Refused, with the reason', content: json(errorEnvelopeSchema) };
const passedOn = (description: string) => ({
  description,
  content: json(z.looseObject({ object: z.string() })),
});

const waitingHeaders = z.object({
  'idempotency-key': z.string().min(1).max(255).optional().openapi({
    description:
      'Names this request for retries: the same key with the same body is run once, and its answer given again; 409 while it runs, 422 with another body',
  }),
  'x-hearth-deadline-ms': z.int().min(1).max(999_999_999).optional().openapi({
    description:
      'Milliseconds from the arrival to a runner; what cannot be met is refused at once: 429 for those in front, 503 for the start',
  }),
});

function inference(path: string, summary: string, body: z.ZodType, streams: boolean) {
  const events = { 'text/event-stream': { schema: z.string() } };
  const answered = passedOn('As OpenAI answers');
  return createRoute({
    method: 'post',
    path,
    tags: ['inference'],
    summary,
    security: [{}, { apiKey: [] }],
    request: {
      headers: waitingHeaders,
      body: { required: true, content: json(body) },
    },
    responses: {
      200: streams ? { ...answered, content: { ...answered.content, ...events } } : answered,
      '4XX': refused,
      '5XX': refused,
    },
  });
}

function read(path: string, summary: string, schema: z.ZodType, params?: z.ZodObject) {
  const isForClients = path.startsWith('/v1/');
  return createRoute({
    method: 'get',
    path,
    tags: [isForClients ? 'inference' : 'health'],
    summary,
    ...(isForClients ? { security: [{}, { apiKey: [] }] } : {}),
    ...(params ? { request: { params } } : {}),
    responses: {
      200: { description: 'As asked', content: json(schema) },
      ...(isForClients ? { 401: refused } : {}),
      ...(params ? { 403: refused, 404: refused } : {}),
    },
  });
}

const ROUTES = [
  inference('/v1/chat/completions', 'Continue a chat', chatSchema, true),
  inference('/v1/completions', 'Continue a text', completionSchema, true),
  inference('/v1/embeddings', 'Embed texts', embeddingSchema, false),
  read(
    '/v1/models',
    'List models, adapters and aliases',
    z.object({ object: z.literal('list'), data: z.array(modelCardSchema) }),
  ),
  read('/v1/models/{model}', 'Show a model or a combo', modelCardSchema, z.object({ model: z.string() })),
  read('/healthz', 'Alive', z.object({ status: z.literal('ok') })),
  createRoute({
    method: 'get',
    path: '/readyz',
    tags: ['health'],
    summary: 'Can serve',
    responses: {
      200: { description: 'It can', content: json(z.object({ status: z.literal('ready') })) },
      503: {
        description: 'It cannot, and why',
        content: json(z.object({ status: z.literal('not_ready'), reason: z.string() })),
      },
    },
  }),
  createRoute({
    method: 'get',
    path: '/metrics',
    tags: ['health'],
    summary: 'Prometheus metrics',
    responses: { 200: { description: 'Text', content: { 'text/plain': { schema: z.string() } } } },
  }),
  ...ADMIN_ROUTES,
];

let text: string | undefined;

/** The OpenAPI 3.1 document, from the schemas that validate. The same for every build of one source. */
export function openApiDocument(): object {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent('securitySchemes', 'adminToken', { type: 'http', scheme: 'bearer' });
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer' });
  for (const route of ROUTES) app.openAPIRegistry.registerPath(route);
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Hearth',
      version: '1',
      description: 'A gateway for model inference with an OpenAI-style endpoint',
      license: { name: 'MIT' },
    },
  });
}

/** The document as `/openapi.json` and docs/openapi.json have it. */
export function openApiText(): string {
  text ??= `${JSON.stringify(openApiDocument(), null, 2)}\n`;
  return text;
}
