import * as z from 'zod';
import { configSchema } from './configSchema.ts';

/** The configuration file's JSON schema for editors: docs/config.schema.json, written by `npm run openapi`. */
export function configJsonSchema(): object {
  return {
    title: 'Hearth configuration',
    ...z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }),
  };
}
